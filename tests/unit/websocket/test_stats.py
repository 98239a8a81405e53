"""The counters of a connection and of a server."""

from __future__ import annotations

from gdpeer import Cause, PeerStats, WebSocketPeer, http
from tests.unit.websocket.support import Room, open_pair


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
