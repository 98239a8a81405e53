"""What waits for a player who is away: all of it or nothing."""

from __future__ import annotations

import pytest

from gdpeer.multiplayer.wire.godot4 import ConfirmPath, Raw, SimplifyPath, encode_call
from gdpeer.multiplayer.wire.replication import Delta, Despawn, Spawn, Sync
from gdpeer.rooms.resume.queue import AwayQueue, is_kept

CHECKSUM = "d41d8cd98f00b204e9800998ecf8427e"
KEPT = [encode_call(1, 0, [1]), Raw(b"x").encode(), Delta(((1, 1, b"\x00"),)).encode()]
NOT_KEPT = [
    Sync(1, ((1, b"\x00"),)).encode(),
    SimplifyPath(CHECKSUM, 1, "Main").encode(),
    ConfirmPath(True, 1).encode(),
    Spawn(0, 1, 1, (), "A", None, b"").encode(),
    Despawn(1).encode(),
]


@pytest.mark.parametrize("data", KEPT)
def test_calls_packets_of_the_game_and_deltas_wait(data: bytes) -> None:
    queue = AwayQueue()
    queue.add(7, data)
    assert is_kept(data)
    assert queue.take() == [(7, data)]
    assert queue.take() == []
    assert not queue.has_missed


@pytest.mark.parametrize("data", NOT_KEPT)
def test_packets_that_would_be_wrong_later_do_not_wait(data: bytes) -> None:
    queue = AwayQueue()
    queue.add(7, data)
    assert not is_kept(data)
    assert queue.take() == []
    assert not queue.has_missed


def test_a_queue_keeps_the_order_of_all_senders() -> None:
    queue = AwayQueue()
    packets = [(2 + number % 3, Raw(b"%d" % number).encode()) for number in range(30)]
    for source, data in packets:
        queue.add(source, data)
    assert queue.size == sum(len(data) for _, data in packets)
    assert queue.take() == packets
    assert queue.size == 0


@pytest.mark.parametrize(("most_bytes", "most_packets"), [(20, 100), (1000, 5)])
def test_a_packet_too_many_drops_all(most_bytes: int, most_packets: int) -> None:
    queue = AwayQueue(most_bytes, most_packets)
    for _ in range(5):
        queue.add(7, b"\x03abc")
    assert not queue.has_missed
    queue.add(7, b"\x03abc")
    assert queue.has_missed
    assert queue.size == 0
    queue.add(7, b"\x03a")
    assert queue.take() == []


def test_a_queue_without_room_tells_that_something_was_missed() -> None:
    queue = AwayQueue(0)
    assert not queue.has_missed
    queue.add(7, b"\x03a")
    assert queue.has_missed


def test_dropped_packets_count_as_missed() -> None:
    queue = AwayQueue()
    queue.drop()
    assert not queue.has_missed
    queue.add(7, b"\x03a")
    queue.drop()
    assert queue.has_missed
    assert queue.take() == []
