"""What a session's server has of a `WebSocketServer`: counters, an end with time for all, another certificate."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gdpeer import ERR_UNCONFIGURED, OK, TLSOptions, WebSocketMultiplayerPeer
from gdpeer.multiplayer.peer import ConnectionStatus
from tests.support.certificates import make_certificates
from tests.unit.websocket.support import record, until

DISCONNECTED, CONNECTED = ConnectionStatus.DISCONNECTED, ConnectionStatus.CONNECTED
PLAIN = "ws://127.0.0.1:{}"


@pytest.fixture
def server() -> Iterator[WebSocketMultiplayerPeer]:
    """On two ports, one for each engine."""
    with WebSocketMultiplayerPeer(("godot4", "godot3")) as made:
        assert made.create_server(0, "127.0.0.1", godot3_port=0) is OK
        yield made


def join(server: WebSocketMultiplayerPeer, dialect: str = "godot4") -> WebSocketMultiplayerPeer:
    client = WebSocketMultiplayerPeer([dialect])
    port = server.get_godot3_port() if dialect == "godot3" else server.get_local_port()
    assert client.create_client(PLAIN.format(port)) is OK
    until(lambda: client.get_connection_status() is CONNECTED, client, server)
    return client


def until_left(client: WebSocketMultiplayerPeer) -> threading.Thread:
    """Has the client go on by itself until its server has gone."""
    thread = threading.Thread(target=lambda: until(lambda: client.get_connection_status() is DISCONNECTED, client))
    thread.start()
    return thread


def test_a_server_counts_on_both_ports(server: WebSocketMultiplayerPeer) -> None:
    clients = [join(server), join(server, "godot3")]
    for client in clients:
        assert client.put_packet(b"hello") is OK
    until(lambda: server.get_available_packet_count() == 2, *clients, server)
    stats = server.stats()
    assert (stats.peers, stats.accepted, stats.messages_received, stats.queued_packets) == (2, 2, 2, 2)
    assert stats.messages_sent >= 2  # their ids
    for client in clients:
        client.close()
    until(lambda: not server.stats().peers, server)
    assert server.stats().ended == {"closed": 2}


def test_who_is_no_server_has_nothing_to_tell_and_no_certificate(server: WebSocketMultiplayerPeer) -> None:
    client = join(server)
    for peer in (client, WebSocketMultiplayerPeer()):
        assert (peer.stats().peers, peer.stats().accepted, peer.stats().ended) == (0, 0, {})
        assert peer.reload_certificate() is ERR_UNCONFIGURED
    assert server.reload_certificate() is ERR_UNCONFIGURED  # it speaks no TLS
    client.stop()
    assert client.get_connection_status() is DISCONNECTED
    until(lambda: not server.stats().peers, server)


def test_grace_lets_everybody_hear_and_answer(server: WebSocketMultiplayerPeer) -> None:
    clients = [join(server), join(server, "godot3")]
    ids = [client.get_unique_id() for client in clients]
    kicked = join(server)
    kicked_id = kicked.get_unique_id()
    events = record(server)
    assert server.put_packet(b"the last word") is OK
    server.disconnect_peer(kicked_id)
    connections = [client.get_peer(1) for client in clients]
    threads = [until_left(client) for client in (*clients, kicked)]
    server.stop(1001, "maintenance", grace=10.0)
    for thread in threads:
        thread.join()
    assert [client.get_packet() for client in clients] == [b"the last word"] * 2
    for connection in connections:
        assert connection is not None
        assert (connection.get_close_code(), connection.get_close_reason()) == (1001, "maintenance")
    told = [peer_id for name, peer_id in events if name == "peer_disconnected"]
    assert told[0] == kicked_id
    assert sorted(told[1:]) == sorted(ids)
    assert server.get_connection_status() is DISCONNECTED
    assert (server.get_local_port(), server.get_godot3_port()) == (0, 0)


def test_without_grace_nobody_is_waited_for(server: WebSocketMultiplayerPeer) -> None:
    client = join(server)
    events = record(server)
    connection = client.get_peer(1)
    assert connection is not None
    server.stop(4000, "enough")
    assert events == []
    until(lambda: client.get_connection_status() is DISCONNECTED, client)
    assert (connection.get_close_code(), connection.get_close_reason()) == (4000, "enough")


def test_a_slot_may_close_while_the_end_is_told(server: WebSocketMultiplayerPeer) -> None:
    client = join(server)
    thread = until_left(client)
    server.peer_disconnected.connect(lambda peer_id: server.close())
    server.stop(grace=10.0)
    thread.join()
    assert server.get_connection_status() is DISCONNECTED


def test_a_code_that_cannot_be_sent_changes_nothing(server: WebSocketMultiplayerPeer) -> None:
    with pytest.raises(ValueError, match="1006"):
        server.stop(1006, grace=1.0)
    assert server.get_connection_status() is CONNECTED


def shown(server: WebSocketMultiplayerPeer, port: int) -> bytes:
    """The certificate that a newcomer is shown."""
    found: list[bytes] = []

    def look() -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
            context.wrap_socket(plain) as secured,
        ):
            found.append(secured.getpeercert(binary_form=True) or b"")

    thread = threading.Thread(target=look)
    thread.start()
    until(lambda: found, server)
    thread.join()
    return found[0]


def test_both_ports_show_the_certificate_that_was_read_last(tmp_path: Path) -> None:
    made = make_certificates(tmp_path)
    with WebSocketMultiplayerPeer(("godot4", "godot3")) as server:
        options = TLSOptions.server(made.key, made.certificate)
        assert server.create_server(0, "127.0.0.1", options, godot3_port=0) is OK
        ports = server.get_local_port(), server.get_godot3_port()
        before = [shown(server, port) for port in ports]
        (tmp_path / "new").mkdir()
        other = make_certificates(tmp_path / "new")
        made.certificate.write_bytes(other.certificate.read_bytes())
        assert server.reload_certificate() is not OK  # the key is still the old one's
        assert "key" in server.get_listen_error()
        assert [shown(server, port) for port in ports] == before
        made.key.write_bytes(other.key.read_bytes())
        assert server.reload_certificate() is OK
        assert server.get_listen_error() == ""
        after = [shown(server, port) for port in ports]
        assert after[0] == after[1] != before[0] == before[1]
