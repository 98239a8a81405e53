"""A peer that does not read: its sends are refused, and with `close_on_backpressure` it is closed with 1013."""

from __future__ import annotations

import logging

import pytest

from gdpeer import ERR_OUT_OF_MEMORY, FAILED, OK, Cause, WebSocketPeer
from tests.unit.websocket.support import CLOSED, CLOSING, OPEN, Room, open_pair

SLOW = (1013, "Reads too slowly", Cause.TOO_SLOW)


def end_of(peer: WebSocketPeer) -> tuple[int, str, Cause]:
    return peer.get_close_code(), peer.get_close_reason(), peer.get_close_cause().cause


def fill(peer: WebSocketPeer, size: int = 600) -> int:
    """Send until there is no room; how many messages were taken."""
    taken = 0
    while (error := peer.send(bytes(size))) is OK:
        taken += 1
        assert taken < 100
    assert error is ERR_OUT_OF_MEMORY
    return taken


def test_a_slow_peer_is_refused_only_by_default() -> None:
    room = Room(outbound_buffer_size=1000)
    peer_id, client = room.join(capacity=500)
    peer = room.server.get_peer(peer_id)
    assert peer is not None
    assert fill(peer) == 2
    assert peer.get_ready_state() is client.get_ready_state() is OPEN


def test_a_slow_peer_is_closed_with_1013_and_hears_it_once_it_reads(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "gdpeer.websocket")
    room = Room(outbound_buffer_size=1000, close_on_backpressure=True)
    peer_id, client = room.join(capacity=500)
    peer = room.server.get_peer(peer_id)
    assert peer is not None
    taken = fill(peer)
    assert peer.get_ready_state() is CLOSING
    assert peer.send(b"x") is FAILED
    assert f"peer {peer_id}: closed with 1013: too slow" in caplog.text
    room.poll(20)
    assert (client.get_close_code(), client.get_close_reason()) == SLOW[:2]
    assert [len(packet) for packet in client] == [600] * taken
    assert end_of(peer) == SLOW
    assert room.events == [("client_disconnected", peer_id, False)]  # and no peer_drained
    assert room.server.stats().ended == {"too slow": 1}
    assert room.server.stats().refused_sends == 1


def test_a_slow_peer_that_never_reads_is_cut_after_the_close_timeout() -> None:
    room = Room(outbound_buffer_size=1000, close_on_backpressure=True, close_timeout=3.0)
    peer_id, _ = room.join(capacity=500)
    peer = room.server.get_peer(peer_id)
    assert peer is not None
    fill(peer)
    room.clock.advance(2.9)
    room.server.poll()
    assert peer.get_ready_state() is CLOSING
    room.clock.advance(0.2)
    room.server.poll()
    room.server.poll()
    assert (peer.get_ready_state(), *end_of(peer)) == (CLOSED, *SLOW)
    assert room.events == [("client_disconnected", peer_id, False)]
    assert not room.server.has_peer(peer_id)


def test_a_broadcast_closes_the_slow_one_and_reaches_the_others() -> None:
    room = Room(outbound_buffer_size=1000, close_on_backpressure=True)
    slow_id, _ = room.join(capacity=500)
    _, quick = room.join(capacity=1 << 20)
    results = [room.server.broadcast(bytes(600)) for _ in range(5)]
    assert results == [OK, OK, ERR_OUT_OF_MEMORY, OK, OK]  # who is closing is passed over
    room.server.poll()
    room.clients.remove(quick)
    quick.poll()
    assert [len(packet) for packet in quick] == [600] * 5
    slow = room.server.get_peer(slow_id)
    assert slow is not None
    assert slow.get_ready_state() is CLOSING


def test_what_never_fits_is_no_reason_to_close() -> None:
    """Neither where nothing waits, nor where something does: the message is to blame, not the peer."""
    pair = open_pair(capacity=500)
    pair.server.close_on_backpressure = True
    pair.server.outbound_buffer_size = 1000
    assert pair.server.send(bytes(1001)) is ERR_OUT_OF_MEMORY
    assert pair.server.send(bytes(1000)) is OK
    assert pair.server.send(bytes(1001)) is ERR_OUT_OF_MEMORY
    assert pair.server.get_ready_state() is OPEN
    assert pair.server.send(bytes(1000)) is ERR_OUT_OF_MEMORY
    assert pair.server.get_ready_state() is CLOSING


def test_too_many_messages_close_likewise_where_bytes_have_no_limit() -> None:
    pair = open_pair(capacity=500)
    pair.server.close_on_backpressure = True
    pair.server.outbound_buffer_size = 0
    pair.server.max_queued_packets = 3
    assert fill(pair.server) == 3
    assert end_of(pair.server) == SLOW


def test_a_client_closes_a_server_that_does_not_read() -> None:
    pair = open_pair(capacity=500)
    pair.client.close_on_backpressure = True
    pair.client.outbound_buffer_size = 1000
    taken = fill(pair.client)
    pair.poll(20)
    assert pair.states() == (CLOSED, CLOSED)
    assert (pair.server.get_close_code(), len(list(pair.server))) == (1013, taken)
    assert end_of(pair.client) == SLOW


def test_a_message_that_never_fits_is_told_once_for_each_peer(caplog: pytest.LogCaptureFixture) -> None:
    room = Room(outbound_buffer_size=1000)
    ids = [room.join()[0] for _ in range(2)]
    for _ in range(3):
        assert room.server.broadcast(bytes(1001)) is ERR_OUT_OF_MEMORY
    text = "a message of 1001 bytes was not sent: outbound_buffer_size is 1000"
    assert [message.partition(text)[0] for message in caplog.messages] == [f"peer {peer_id}: " for peer_id in ids]
    assert {record.levelname for record in caplog.records} == {"WARNING"}


def test_what_only_has_to_wait_is_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    room = Room(outbound_buffer_size=1000)
    peer_id, _client = room.join(capacity=500)
    fill(room.server.peers[peer_id])
    assert not caplog.messages


def test_a_client_is_told_too(caplog: pytest.LogCaptureFixture) -> None:
    pair = open_pair()
    assert pair.client.send(bytes(70_000)) is ERR_OUT_OF_MEMORY
    assert "peer 1: a message of 70000 bytes was not sent: outbound_buffer_size is 65535" in caplog.text
