"""How much a peer, and an address, may: rates, connections, and what is counted of all that."""

from __future__ import annotations

import logging
import socket
from typing import Any

import pytest

from gdpeer import OK, Cause, ManualClock, PeerStats, WebSocketMultiplayerPeer, WebSocketPeer, WebSocketServer, http
from gdpeer.prometheus import Metrics
from gdpeer.token_bucket import TokenBucket
from gdpeer.websocket import admission as gate
from gdpeer.websocket.admission import Admission, household
from gdpeer.websocket.settings import Settings
from tests.unit.websocket.support import CLOSED, OPEN, Room, open_pair, until

# ---------------------------------------------------------------------------------------------- rates


def test_a_bucket_fills_up_to_its_burst() -> None:
    bucket = TokenBucket(rate=2.0, burst=4.0, now=10.0)
    assert bucket.is_full(10.0)
    assert [bucket.take(1, 10.0) for _ in range(5)] == [3.0, 2.0, 1.0, 0.0, -1.0]
    assert bucket.debt(10.0) == 0.5
    assert bucket.debt(10.5) == 0.0
    assert not bucket.is_full(12.4)
    assert bucket.is_full(100.0)
    assert bucket.take(1, 100.0) == 3.0


def flood(count: int, size: int = 1, **settings: Any) -> tuple[Room, int, WebSocketPeer]:
    """A peer that sends much at once to a server that has rates; the server takes what comes."""
    room = Room(max_queued_packets=10_000, **settings)
    taken: list[bytes] = []
    room.taken = taken  # type: ignore[attr-defined]
    room.server.data_received.connect(lambda peer_id: taken.extend(room.server.get_peer(peer_id) or ()))
    peer_id, client = room.join()
    client.outbound_buffer_size = 0
    for _ in range(count):
        assert client.send(bytes(size)) is OK
        room.poll()
    return room, peer_id, client


def test_messages_over_the_rate_come_later_and_none_is_lost() -> None:
    room, peer_id, client = flood(50, message_rate=10.0)
    taken = room.taken  # type: ignore[attr-defined]
    assert 20 <= len(taken) <= 22  # what two seconds allow at once, and what one read brought
    before = len(taken)
    room.clock.advance(0.05)
    room.poll()
    assert len(taken) == before
    for _ in range(60):
        room.clock.advance(0.1)
        room.poll()
    assert len(taken) == 50
    stats = room.server.get_peer(peer_id).get_stats()  # type: ignore[union-attr]
    assert stats.messages_received == 50
    assert stats.throttled >= 1
    assert client.get_ready_state() is OPEN


def test_bytes_over_the_rate_likewise() -> None:
    room, _peer_id, _ = flood(10, 1_000, byte_rate=1_000.0)
    taken = room.taken  # type: ignore[attr-defined]
    assert 1 <= len(taken) <= 3
    for _ in range(150):
        room.clock.advance(0.1)
        room.poll()
    assert len(taken) == 10
    assert room.server.stats().throttled >= 1


def test_within_the_rate_nothing_pauses() -> None:
    room, _peer_id, client = flood(0, message_rate=10.0, byte_rate=10_000.0)
    for _ in range(100):
        assert client.send(b"x") is OK
        room.clock.advance(0.1)
        room.poll()
    assert len(room.taken) == 100  # type: ignore[attr-defined]
    assert room.server.stats().throttled == 0


def test_a_peer_over_the_rate_that_is_not_polled_for_packets_goes_on_afterwards() -> None:
    room = Room(max_queued_packets=5, message_rate=10.0)
    peer_id, client = room.join()
    for _ in range(30):
        client.send(b"x")
        room.poll()
    peer = room.server.get_peer(peer_id)
    assert peer is not None
    found = 0
    for _ in range(100):
        found += len([*peer])
        room.clock.advance(0.1)
        room.poll()
    assert found == 30


def test_a_peer_that_goes_while_its_reading_pauses() -> None:
    room, peer_id, client = flood(50, message_rate=10.0)
    peer = room.server.get_peer(peer_id)
    assert peer is not None
    peer.close(-1)
    room.poll()
    assert not room.server.has_peer(peer_id)
    room.clock.advance(100.0)
    room.poll()
    assert client.get_ready_state() is CLOSED


def test_a_single_peer_without_a_poller_is_metered_as_well() -> None:
    pair = open_pair(lambda client, server: setattr(server, "message_rate", 10.0))
    for _ in range(40):
        pair.client.send(b"x")
        pair.poll()
    assert 20 <= pair.server.get_available_packet_count() <= 22
    pair.clock.advance(10.0)
    pair.poll()
    assert pair.server.get_available_packet_count() == 40


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf")])
def test_a_rate_is_a_number_that_there_is(value: float) -> None:
    with pytest.raises(ValueError, match="message_rate"):
        WebSocketServer().message_rate = value
    with pytest.raises(TypeError, match="connection_rate"):
        WebSocketServer().connection_rate = "1"  # type: ignore[assignment]


# ---------------------------------------------------------------------------------------------- the gate


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
    monkeypatch.setattr(gate, "MOST_REMEMBERED", 10)
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


def test_who_says_nothing_takes_up_a_place_on_the_way_only(server: WebSocketServer) -> None:
    server.max_pending = 1
    server.handshake_timeout = 0.2
    assert server.listen(0) is OK
    with socket.create_connection(("127.0.0.1", server.get_local_port())):
        until(lambda: server.stats().pending == 1, server)
        assert connect(server).get_ready_state() is CLOSED
        until(lambda: server.stats().pending == 0, server)
        peer = connect(server)
        assert peer.get_ready_state() is OPEN
        stats = server.stats()
        assert stats.refused == {"max_pending": 1, "http 408": 1}
        assert (stats.accepted, stats.opened, stats.peers) == (3, 1, 1)


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


# ---------------------------------------------------------------------------------------------- counters


def test_the_counters_of_a_connection() -> None:
    assert WebSocketPeer().get_stats() == PeerStats()
    pair = open_pair()
    before = pair.client.get_stats()
    pair.client.send(b"12345")
    pair.client.send_text("123")
    pair.poll()
    sent, received = pair.client.get_stats(), pair.server.get_stats()
    assert (sent.messages_sent, received.messages_received) == (2, 2)
    assert sent.bytes_sent - before.bytes_sent == 2 * 6 + 8  # heads and masking keys
    assert received.bytes_received == sent.bytes_sent
    assert (received.queued_packets, received.queued_bytes) == (2, 8)
    pair.client.outbound_buffer_size = 1
    pair.client.send(bytes(10))
    assert pair.client.get_stats().refused_sends == 1
    pair.server.ping()
    pair.poll()
    assert pair.server.get_stats().latency >= 0


def test_the_counters_of_a_server() -> None:
    room = Room()
    _one, first = room.join()
    _two, second = room.join()
    first.send(b"abc")
    room.server.broadcast("to all")
    room.poll()
    stats = room.server.stats()
    assert (stats.peers, stats.accepted, stats.opened, stats.messages_received, stats.messages_sent) == (2, 2, 2, 1, 2)
    assert (stats.queued_packets, stats.queued_bytes) == (1, 3)
    second.close()
    room.poll()
    first.close(-1)
    room.poll()
    after = room.server.stats()
    assert after.ended == {Cause.CLOSED.value: 1, Cause.TCP.value: 1}
    assert (after.peers, after.messages_received, after.messages_sent) == (0, 1, 2)
    assert after.bytes_received >= stats.bytes_received
    assert (after.queued_packets, after.refused) == (0, {})


def test_what_did_not_open_is_counted_by_its_answer() -> None:
    room = Room(allowed_paths=("/game",), http_handler=lambda request: http.Response(200, "a page"))
    for head in (
        b"GET /other HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET /page HTTP/1.1\r\nHost: h\r\n\r\n",
        b"",
    ):
        _, theirs, _ = room.stream()
        theirs.send([head])
        room.poll()
        theirs.close()
        room.poll()
    assert room.server.stats().refused == {"http 404": 1, "http 400": 1, "tcp": 1}


# ---------------------------------------------------------------------------------------------- told to others


def test_the_counters_in_prometheus_form() -> None:
    room = Room()
    _peer_id, client = room.join()
    client.send(b"abc")
    room.poll()
    metrics = Metrics(room.server.stats)
    mine = http.Request("GET", "/metrics", http.Headers(), remote_address=("127.0.0.1", 1))
    answer = metrics(mine)
    assert answer is not None
    lines = (answer.body if isinstance(answer.body, str) else answer.body.decode()).splitlines()
    assert "gdpeer_peers 1.0" in lines
    assert "gdpeer_messages_received_total 1.0" in lines
    client.close()
    room.poll()
    answer = metrics(mine)
    assert answer is not None
    assert b'gdpeer_ended_total{cause="closed"} 1.0' in bytes(answer.body)  # type: ignore[arg-type]
    for other in (
        http.Request("GET", "/metrics", http.Headers(), remote_address=("192.0.2.7", 1)),
        http.Request("POST", "/metrics", http.Headers(), remote_address=("127.0.0.1", 1)),
        http.Request("GET", "/other", http.Headers(), remote_address=("127.0.0.1", 1)),
    ):
        assert metrics(other) is None
    everybody = Metrics(room.server.stats, addresses=None)
    assert everybody(http.Request("GET", "/metrics", http.Headers(), remote_address=("192.0.2.7", 1))) is not None


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost:9080", True),
        ("LOCALHOST", True),
        ("localhost.", True),
        ("127.0.0.1:9080", True),
        ("[::1]:9080", True),
        ("game.example:9080", True),
        ("evil.example:9080", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("", False),
    ],
)
def test_metrics_are_not_for_pages_whose_name_was_made_to_lead_here(host: str, expected: bool) -> None:
    metrics = Metrics(Room().server.stats, hosts=["Game.example"])
    headers = http.Headers([("Host", host)])
    answer = metrics(http.Request("GET", "/metrics", headers, remote_address=("127.0.0.1", 1)))
    assert (answer is not None) == expected
    everybody = Metrics(Room().server.stats, addresses=None)
    assert everybody(http.Request("GET", "/metrics", headers, remote_address=("127.0.0.1", 1))) is not None
    with pytest.raises(TypeError, match="list of names"):
        Metrics(Room().server.stats, hosts="game.example")


def test_messages_are_logged_where_that_is_asked_for_and_never_what_they_say(
    caplog: pytest.LogCaptureFixture, server: WebSocketServer
) -> None:
    caplog.set_level(logging.DEBUG, "gdpeer.websocket.frames")
    assert server.listen(0) is OK
    client = connect(server)
    [peer_id] = server.peers
    client.send_text("password")
    until(lambda: server.peers[peer_id].get_available_packet_count(), client, server)
    server.peers[peer_id].send(b"password2")
    until(client.get_available_packet_count, client, server)
    client.close()
    until(lambda: client.get_ready_state() is CLOSED, client, server)
    assert f"peer {peer_id}: open, /" in caplog.messages
    assert f"peer {peer_id}: received a message of 8 bytes" in caplog.messages
    assert f"peer {peer_id}: sent binary, 9 bytes" in caplog.messages
    assert "peer 0: sent text, 8 bytes" in caplog.messages
    assert "word" not in caplog.text
