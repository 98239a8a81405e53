"""`message_rate` and `byte_rate`: messages over the rate come later, and none is lost."""

from __future__ import annotations

from typing import Any

import pytest

from gdpeer import OK, WebSocketPeer, WebSocketServer
from tests.unit.websocket.support import CLOSED, OPEN, Room, open_pair


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
