"""The limits on connections: per address, per second, and on those that are still opening."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gdpeer import OK, ManualClock, WebSocketMultiplayerPeer, WebSocketPeer, WebSocketServer
from gdpeer.websocket import admission
from gdpeer.websocket.admission import Admission, household
from gdpeer.websocket.settings import Settings
from tests.unit.websocket.support import CLOSED, OPEN, until


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("not:an:address", "not:an:address"),
        ("", ""),
    ],
)
def test_what_counts_as_one_household(address: str, place: str) -> None:
    assert household(address) == place


def test_connections_of_an_address() -> None:
    found, settings = Admission(ManualClock()), Settings(max_connections_per_address=2)
    for peer_id, address in enumerate(("192.0.2.7", "192.0.2.7", "192.0.2.8", "")):
        assert found.obstacle(settings, address, 0) == ""
        found.enter(settings, address, peer_id)
    assert found.obstacle(settings, "192.0.2.7", 0) == "max_connections_per_address"
    assert found.obstacle(settings, "192.0.2.8", 0) == ""
    for peer_id in (0, 0, 3, 99):
        found.leave(peer_id)
    assert found.obstacle(settings, "192.0.2.7", 0) == ""
    found.clear()


def test_new_connections_of_an_address() -> None:
    clock, settings = ManualClock(), Settings(connection_rate=0.5)
    found = Admission(clock)
    assert [found.obstacle(settings, "192.0.2.7", 0) for _ in range(3)] == ["", "connection_rate", "connection_rate"]
    assert found.obstacle(settings, "192.0.2.8", 0) == ""
    clock.advance(2.0)
    assert [found.obstacle(settings, "192.0.2.7", 0) for _ in range(2)] == ["", "connection_rate"]


def test_addresses_are_not_remembered_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MOST_REMEMBERED", 10)
    clock, settings = ManualClock(), Settings(connection_rate=1.0)
    found = Admission(clock)
    for number in range(100):
        found.obstacle(settings, f"192.0.2.{number}", 0)
    assert len(found._rates) <= 10
    clock.advance(10.0)
    found.obstacle(settings, "198.51.100.1", 0)
    for number in range(10):
        found.obstacle(settings, f"198.51.100.{number}", 0)
    assert len(found._rates) <= 11


def test_connections_on_their_way() -> None:
    found, settings = Admission(ManualClock()), Settings(max_pending=3)
    assert [found.obstacle(settings, "192.0.2.7", pending) for pending in (0, 2, 3, 4)] == [
        "",
        "",
        "max_pending",
        "max_pending",
    ]


@pytest.fixture
def server() -> Any:
    with WebSocketServer() as made:
        made.bind_ip = "127.0.0.1"
        yield made


def connect(server: WebSocketServer) -> WebSocketPeer:
    peer = WebSocketPeer()
    assert peer.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/?secret=word") is OK
    until(lambda: peer.get_ready_state() in (OPEN, CLOSED), peer, server)
    return peer


def test_who_is_one_too_many_is_turned_away_at_the_door_until_another_goes(server: WebSocketServer) -> None:
    server.max_connections_per_address = 2
    assert server.listen(0) is OK
    one, two, three = (connect(server) for _ in range(3))
    assert [peer.get_ready_state() for peer in (one, two, three)] == [OPEN, OPEN, CLOSED]
    assert server.stats().refused == {"max_connections_per_address": 1}
    one.close()
    until(lambda: len(server.peers) == 1, one, server)
    until(lambda: connect(server).get_ready_state() is OPEN)
    two.close(-1)


def test_who_says_nothing_takes_up_a_place_on_the_way_only() -> None:
    clock = ManualClock()
    server = WebSocketServer(clock=clock)
    server.bind_ip = "127.0.0.1"
    server.max_pending = 1
    server.handshake_timeout = 0.2
    assert server.listen(0) is OK
    with server, socket.create_connection(("127.0.0.1", server.get_local_port())):
        until(lambda: server.stats().pending == 1, server)
        assert connect(server).get_ready_state() is CLOSED
        clock.advance(0.3)
        until(lambda: server.stats().pending == 0, server)
        peer = connect(server)
        assert peer.get_ready_state() is OPEN
        stats = server.stats()
        assert stats.refused == {"max_pending": 1, "http 408": 1}
        assert (stats.accepted, stats.opened, stats.peers) == (3, 1, 1)


@pytest.fixture
def accepted() -> Iterator[Callable[[], tuple[WebSocketPeer, socket.socket]]]:
    """Makes clients, each with the accepted socket of its connection, as another process would pass it on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def come() -> tuple[WebSocketPeer, socket.socket]:
            peer = WebSocketPeer()
            assert peer.connect_to_url(f"ws://127.0.0.1:{listening.getsockname()[1]}/") is OK
            return peer, listening.accept()[0]

        yield come


def test_an_accepted_socket_of_another_process_is_served_within_the_limits_by_address(
    accepted: Callable[[], tuple[WebSocketPeer, socket.socket]],
) -> None:
    with WebSocketServer() as server:
        server.max_connections_per_address = 1
        peer, passed = accepted()
        number = server.take_socket(passed)
        until(lambda: peer.get_ready_state() is OPEN, peer, server)
        assert list(server.peers) == [number]
        assert server.get_peer_address(number) == "127.0.0.1"
        late, one_too_many = accepted()
        assert server.take_socket(one_too_many) == 0
        assert one_too_many.fileno() == -1
        until(lambda: late.get_ready_state() is CLOSED, late, server)
        assert server.stats().refused == {"max_connections_per_address": 1}
        peer.close(-1)


def test_a_socket_that_is_none_is_not_taken(accepted: Callable[[], tuple[WebSocketPeer, socket.socket]]) -> None:
    with WebSocketServer() as server:
        with pytest.raises(TypeError, match=r"take_socket\(\) argument 'socket': expected a socket.socket, got int"):
            server.take_socket(7)  # type: ignore[arg-type]
        _, closed = accepted()
        closed.close()
        with pytest.raises(OSError, match="Bad file descriptor"):
            server.take_socket(closed)
        assert server.stats().accepted == 0


def test_a_multiplayer_server_has_the_same_limits() -> None:
    with WebSocketMultiplayerPeer() as server:
        server.max_connections_per_address = 1
        assert server.create_server(0, "127.0.0.1") is OK
        url = f"ws://127.0.0.1:{server.get_local_port()}"
        clients = [WebSocketMultiplayerPeer() for _ in range(2)]
        for client in clients:
            assert client.create_client(url) is OK
            until(lambda client=client: client.get_connection_status() != client.CONNECTION_CONNECTING, client, server)  # type: ignore[misc]
        assert [client.get_connection_status() for client in clients] == [
            clients[0].CONNECTION_CONNECTED,
            clients[0].CONNECTION_DISCONNECTED,
        ]
        for client in clients:
            client.close()
