"""`stop(grace=...)` and `reload_certificate`."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gdpeer import ERR_INVALID_PARAMETER, ERR_UNCONFIGURED, OK, TLSOptions, WebSocketPeer, WebSocketServer
from tests.support.certificates import make_certificates
from tests.unit.protocol.support import BINARY, frame
from tests.unit.websocket.support import CLOSED, OPEN, record, request, until


@pytest.fixture
def server() -> Iterator[WebSocketServer]:
    with WebSocketServer() as made:
        made.bind_ip = "127.0.0.1"
        yield made


def join(server: WebSocketServer) -> WebSocketPeer:
    peer = WebSocketPeer()
    assert peer.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}") is OK
    until(lambda: peer.get_ready_state() is OPEN and server.peers, peer, server)
    return peer


def test_grace_ends_when_all_have_answered(server: WebSocketServer) -> None:
    assert server.listen(0) is OK
    client = join(server)
    events = record(server)
    [peer_id] = server.peers
    server.client_disconnected.connect(lambda *_: None)
    peer = server.peers[peer_id]
    peer.send(b"the last word")

    def answer(*_: object) -> None:
        client.poll()

    server.data_received.connect(answer)
    client.send(b"x")
    import threading

    thread = threading.Thread(target=lambda: until(lambda: client.get_ready_state() is CLOSED, client))
    thread.start()
    server.stop(1001, "maintenance", grace=10.0)
    thread.join()
    assert (client.get_close_code(), client.get_close_reason()) == (1001, "maintenance")
    assert [*client] == [b"the last word"]
    assert ("client_disconnected", peer_id, True) in events
    assert not server.is_listening()
    assert not server.refuse_new_connections


def test_grace_is_not_longer_than_it_is(server: WebSocketServer) -> None:
    assert server.listen(0) is OK
    client = join(server)
    server.stop(1001, "", grace=0.1)
    assert not server.peers
    until(lambda: client.get_ready_state() is CLOSED, client)
    assert client.get_close_code() == 1001


def test_within_a_turn_nothing_is_waited_for(server: WebSocketServer) -> None:
    assert server.listen(0) is OK
    client = join(server)
    server.data_received.connect(lambda peer_id: server.stop(1001, "", grace=1000.0))
    client.send(b"stop")
    until(lambda: client.get_ready_state() is CLOSED, client, server)
    assert client.get_close_code() == 1001


def test_what_nobody_reads_any_more_does_not_cut_off_the_close_frame(server: WebSocketServer) -> None:
    """Unread bytes would turn the end of TCP into a reset, which overtakes what was sent."""
    assert server.listen(0) is OK
    address = "127.0.0.1", server.get_local_port()
    with socket.create_connection(address, timeout=10.0) as client:
        client.sendall(request())
        until(lambda: server.peers, server)
        client.sendall(frame(BINARY, bytes(50_000)))
        time.sleep(0.05)  # it has arrived, and the server does not poll any more
        server.stop(1001, "bye")
        data = b""
        while piece := client.recv(4096):
            data += piece
    assert data.startswith(b"HTTP/1.1 101")
    assert data.endswith(b"\x88\x05\x03\xe9bye")


def test_a_code_that_cannot_be_sent_changes_nothing(server: WebSocketServer) -> None:
    assert server.listen(0) is OK
    with pytest.raises(ValueError, match="1006"):
        server.stop(1006, grace=1.0)
    assert server.is_listening()
    assert not server.refuse_new_connections


def served(server: WebSocketServer) -> bytes:
    """The certificate that a newcomer is shown."""
    import socket
    import threading

    found: list[bytes] = []

    def look() -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with (
            socket.create_connection(("127.0.0.1", server.get_local_port()), timeout=10) as plain,
            context.wrap_socket(plain) as secured,
        ):
            found.append(secured.getpeercert(binary_form=True) or b"")

    thread = threading.Thread(target=look)
    thread.start()
    until(lambda: found, server)
    thread.join()
    return found[0]


def test_a_certificate_is_changed_without_dropping_anybody(server: WebSocketServer, tmp_path: Path) -> None:
    assert server.reload_certificate() is ERR_UNCONFIGURED
    made = make_certificates(tmp_path)
    server.private_key, server.ssl_certificate = made.key, made.certificate
    assert server.listen(0) is OK
    client = WebSocketPeer()
    assert client.connect_to_url(f"wss://localhost:{server.get_local_port()}", TLSOptions.client(made.authority)) is OK
    until(lambda: client.get_ready_state() is OPEN and server.peers, client, server)
    before = served(server)
    (tmp_path / "new").mkdir()
    other = make_certificates(tmp_path / "new")
    made.certificate.write_bytes(other.certificate.read_bytes())
    assert server.reload_certificate() is not OK  # the key is still the old one's
    assert "key" in server.get_listen_error()
    assert served(server) == before
    made.key.write_bytes(other.key.read_bytes())
    assert server.reload_certificate() is OK
    assert server.get_listen_error() == ""
    assert served(server) != before
    client.send(b"still here")
    until(lambda: next(iter(server.peers.values())).get_available_packet_count(), client, server)
    server.private_key = None
    assert server.reload_certificate() is ERR_INVALID_PARAMETER
    client.close()
    until(lambda: client.get_ready_state() is CLOSED, client, server)
