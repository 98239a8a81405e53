"""Streams joined in memory."""

from __future__ import annotations

import random
import time

import pytest

from gdpeer.clock import ManualClock
from gdpeer.errors import Cause, Error, TransportError
from gdpeer.transport.memory import MemoryStream, memory_pair
from gdpeer.transport.poller import Poller
from gdpeer.transport.stream import READ, WOULD_BLOCK, WRITE, Stream
from tests.unit.transport.support import receive, receive_end


def read(stream: Stream, size: int = 65536) -> bytes | int:
    """One read: what it gave, or WOULD_BLOCK."""
    buffer = bytearray(size)
    count = stream.receive_into(buffer)
    return bytes(buffer[:count]) if count >= 0 else count


def test_bytes_go_both_ways_in_order() -> None:
    ours, theirs = memory_pair()
    assert read(ours) == WOULD_BLOCK
    assert ours.send([b"one", memoryview(b"two"), bytearray(b"three")]) == 11
    assert read(theirs) == b"onetwothree"
    assert theirs.send([b"back"]) == 4
    assert read(ours, 2) == b"ba"
    assert read(ours, 9) == b"ck"
    assert ours.send([]) == 0
    assert ours.send([b""]) == 0
    assert read(theirs) == WOULD_BLOCK


def test_is_a_stream_like_any_other() -> None:
    ours, _ = memory_pair()
    assert isinstance(ours, Stream)
    assert not ours.is_secure
    assert not ours.has_pending()
    assert ours.remote_address == ours.local_address == ("", 0)
    ours.set_no_delay(True)


def test_sender_may_change_its_buffer_afterwards() -> None:
    ours, theirs = memory_pair()
    data = bytearray(b"first")
    ours.send([data])
    data[:] = b"other"
    assert read(theirs) == b"first"


def test_delay_passes_by_the_clock(clock: ManualClock) -> None:
    ours, theirs = memory_pair(clock=clock, delay=0.5)
    ours.send([b"a"])
    clock.advance(0.25)
    ours.send([b"b"])
    ours.close_write()
    assert read(theirs) == WOULD_BLOCK
    clock.advance(0.25)
    assert read(theirs) == b"a"
    assert read(theirs) == WOULD_BLOCK
    clock.advance(0.25)
    assert read(theirs) == b"b"
    assert read(theirs) == b""
    assert read(theirs) == b""


def test_end_is_delayed_too(clock: ManualClock) -> None:
    ours, theirs = memory_pair(clock=clock, delay=1.0)
    ours.close_write()
    ours.close_write()
    assert read(theirs) == WOULD_BLOCK
    clock.advance(1.0)
    receive_end(theirs)
    theirs.send([b"still open"])
    clock.advance(1.0)
    assert read(ours) == b"still open"


def test_pieces_have_a_size_at_most() -> None:
    ours, theirs = memory_pair(max_chunk=3)
    ours.send([b"abcdefgh"])
    assert [read(theirs), read(theirs, 2), read(theirs), read(theirs)] == [b"abc", b"de", b"fgh", WOULD_BLOCK]


def test_pieces_of_sizes_that_are_asked_for() -> None:
    sizes = iter([1, 4, 0, 100])
    ours, theirs = memory_pair(max_chunk=lambda: next(sizes))
    ours.send([b"abcdefgh"])
    assert [read(theirs) for _ in range(4)] == [b"a", b"bcde", b"f", b"gh"]


def test_random_pieces_add_up() -> None:
    choice = random.Random(7)
    ours, theirs = memory_pair(max_chunk=lambda: choice.randint(1, 50), capacity=1000)
    data = bytes(choice.randrange(256) for _ in range(20_000))
    sent, got = 0, b""
    while len(got) < len(data):
        sent += ours.send([data[sent : sent + 170], data[sent + 170 : sent + 333]])
        piece = read(theirs)
        assert isinstance(piece, bytes)
        got += piece
    assert got == data


def test_full_buffer_takes_a_part_then_nothing() -> None:
    ours, theirs = memory_pair(capacity=10)
    assert ours.send([b"123456", b"789abc", b"never"]) == 10
    assert ours.send([b"x"]) == 0
    assert read(theirs, 4) == b"1234"
    assert ours.send([b"xyz", b"!?"]) == 4
    assert read(theirs) == b"56789axyz!"


def test_stalled_end_gets_nothing_until_it_goes_on() -> None:
    ours, theirs = memory_pair(capacity=4)
    theirs.stall()
    assert ours.send([b"12345"]) == 4
    ours.close_write()
    assert read(theirs) == WOULD_BLOCK
    theirs.send([b"other way"])
    assert read(ours) == b"othe"
    theirs.stall(False)
    assert read(theirs) == b"1234"
    receive_end(theirs)


def test_broken_connection_is_a_reset_for_both() -> None:
    ours, theirs = memory_pair()
    ours.send([b"lost"])
    ours.break_connection()
    for stream in (ours, theirs):
        for call in (lambda stream=stream: read(stream), lambda stream=stream: stream.send([b"x"])):
            with pytest.raises(TransportError, match="reset") as caught:
                call()
            assert (caught.value.cause, caught.value.error) == (Cause.TCP, Error.ERR_CONNECTION_ERROR)
        stream.close()


def test_close_lets_the_other_side_read_what_is_under_way() -> None:
    ours, theirs = memory_pair()
    theirs.send([b"unread"])
    ours.send([b"last words"])
    ours.close()
    ours.close()
    with pytest.raises(TransportError, match="closed by this side"):
        read(ours)
    with pytest.raises(TransportError, match="closed by this side"):
        ours.send([b"x"])
    assert receive(theirs, 10) == b"last words"
    receive_end(theirs)
    assert theirs.send([b"vanishes"]) == 8
    theirs.close()


def test_nothing_can_be_sent_after_close_write() -> None:
    ours, _ = memory_pair()
    ours.close_write()
    with pytest.raises(TransportError, match="after close_write"):
        ours.send([b"x"])


@pytest.mark.parametrize("options", [{"delay": -1.0}, {"capacity": 0}, {"max_chunk": 0}])
def test_limits_that_make_no_sense_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must"):
        memory_pair(**options)  # type: ignore[arg-type]


# ---------------------------------------------------------------- with a poller


class Reader:
    """Counts its calls, and reads what there is when told to."""

    def __init__(self, stream: MemoryStream, *, reads: bool = True) -> None:
        self.stream = stream
        self.reads = reads
        self.events: list[int] = []
        self.data = b""

    def __call__(self, events: int) -> None:
        self.events.append(events)
        if self.reads and events & READ:
            piece = read(self.stream)
            self.data += piece if isinstance(piece, bytes) else b""


def test_attached_end_is_told_of_bytes(poller: Poller) -> None:
    ours, theirs = memory_pair()
    reader = Reader(theirs)
    theirs.attach(poller, reader)
    poller.turn()
    assert reader.events == []
    ours.send([b"hello"])
    poller.turn(30.0)
    assert reader.data == b"hello"
    poller.turn(0.001)
    assert reader.events == [READ]


def test_bytes_that_were_there_before_are_told_of(poller: Poller) -> None:
    ours, theirs = memory_pair()
    ours.send([b"early"])
    reader = Reader(theirs)
    theirs.attach(poller, reader)
    poller.turn(30.0)
    assert reader.data == b"early"


def test_unread_bytes_are_told_of_in_every_turn(manual_poller: Poller, clock: ManualClock) -> None:
    ours, theirs = memory_pair(clock=clock)
    reader = Reader(theirs, reads=False)
    theirs.attach(manual_poller, reader)
    ours.send([b"x"])
    ours.send([b"y"])
    for _ in range(3):
        manual_poller.turn()
    assert reader.events == [READ] * 3
    theirs.want_read(False)
    manual_poller.turn()
    assert reader.events == [READ] * 3
    theirs.want_read(True)
    manual_poller.turn()
    assert reader.events == [READ] * 4


def test_delayed_bytes_are_told_of_when_they_are_there(manual_poller: Poller, clock: ManualClock) -> None:
    ours, theirs = memory_pair(clock=clock, delay=0.5)
    reader = Reader(theirs)
    theirs.attach(manual_poller, reader)
    ours.send([b"a"])
    clock.advance(0.25)
    ours.send([b"b"])
    manual_poller.turn()
    assert reader.data == b""
    clock.advance(0.25)
    manual_poller.turn()
    assert reader.data == b"a"
    clock.advance(0.25)
    manual_poller.turn()
    assert reader.data == b"ab"
    ours.close_write()
    clock.advance(0.5)
    reader.reads = False
    manual_poller.turn()
    assert reader.events == [READ] * 3


def test_delay_in_real_time_is_waited_for(poller: Poller) -> None:
    ours, theirs = memory_pair(delay=0.02)
    reader = Reader(theirs)
    theirs.attach(poller, reader)
    start = time.monotonic()
    ours.send([b"x"])
    while not reader.data:
        poller.turn(45.0)
    assert 0.02 <= time.monotonic() - start < 30.0


def test_room_is_told_of_while_it_is_wanted(manual_poller: Poller, clock: ManualClock) -> None:
    ours, theirs = memory_pair(clock=clock, capacity=4)
    writer = Reader(ours)
    ours.attach(manual_poller, writer)
    ours.want_write(True)
    manual_poller.turn()
    assert writer.events == [WRITE]
    ours.send([b"1234"])
    manual_poller.turn()
    manual_poller.turn()
    assert writer.events == [WRITE]
    read(theirs, 1)
    manual_poller.turn()
    assert writer.events == [WRITE, WRITE]
    ours.want_write(False)
    manual_poller.turn()
    assert writer.events == [WRITE, WRITE]


def test_stall_and_break_are_told_of(manual_poller: Poller, clock: ManualClock) -> None:
    ours, theirs = memory_pair(clock=clock)
    reader = Reader(theirs)
    theirs.attach(manual_poller, reader)
    theirs.stall()
    ours.send([b"x"])
    manual_poller.turn()
    assert reader.events == []
    theirs.stall(False)
    manual_poller.turn()
    assert reader.data == b"x"
    reader.reads = False
    ours.break_connection("pulled the plug")
    manual_poller.turn()
    assert reader.events == [READ, READ | WRITE]
    with pytest.raises(TransportError, match="pulled the plug"):
        read(theirs)


def test_stalled_while_the_bytes_are_under_way(manual_poller: Poller, clock: ManualClock) -> None:
    ours, theirs = memory_pair(clock=clock, delay=1.0)
    reader = Reader(theirs)
    theirs.attach(manual_poller, reader)
    ours.send([b"x"])
    theirs.stall()
    clock.advance(1.0)
    manual_poller.turn()
    assert reader.events == []
    theirs.stall(False)
    manual_poller.turn()
    assert reader.data == b"x"


def test_detached_end_is_told_nothing(manual_poller: Poller, clock: ManualClock) -> None:
    ours, theirs = memory_pair(clock=clock, delay=1.0)
    reader = Reader(theirs)
    theirs.attach(manual_poller, reader)
    ours.send([b"x"])
    theirs.detach()
    theirs.detach()
    clock.advance(1.0)
    manual_poller.turn()
    theirs.attach(manual_poller, reader)
    theirs.detach()
    manual_poller.turn()
    assert reader.events == []


def test_moved_to_another_poller_it_is_told_there(manual_poller: Poller, clock: ManualClock) -> None:
    ours, theirs = memory_pair(clock=clock)
    first, second = Reader(theirs), Reader(theirs)
    ours.send([b"x"])
    with Poller(clock) as other:
        theirs.attach(manual_poller, first)
        theirs.attach(other, second)
        manual_poller.turn()
        assert first.events == []
        other.turn()
        assert second.data == b"x"


def test_exception_of_ready_loses_nothing(manual_poller: Poller, clock: ManualClock) -> None:
    ours, theirs = memory_pair(clock=clock)
    calls: list[int] = []

    def ready(events: int) -> None:
        calls.append(events)
        raise RuntimeError

    theirs.attach(manual_poller, ready)
    ours.send([b"x"])
    for _ in range(2):
        with pytest.raises(RuntimeError):
            manual_poller.turn()
    assert calls == [READ, READ]


def test_timer_and_turn_at_once_tell_once(manual_poller: Poller, clock: ManualClock) -> None:
    ours, theirs = memory_pair(clock=clock, delay=1.0)
    reader = Reader(theirs, reads=False)
    theirs.attach(manual_poller, reader)
    ours.send([b"x"])
    clock.advance(1.0)
    ours.send([b"y"])  # asks for a turn, while the timer for the first piece is due
    manual_poller.turn()
    assert reader.events == [READ]


def test_bytes_read_without_being_told_leave_the_next_ones_timed(manual_poller: Poller, clock: ManualClock) -> None:
    ours, theirs = memory_pair(clock=clock, delay=1.0)
    reader = Reader(theirs)
    theirs.attach(manual_poller, reader)
    ours.send([b"a"])
    clock.advance(0.5)
    ours.send([b"b"])
    clock.advance(0.5)
    assert read(theirs) == b"a"
    theirs.want_read(True)
    manual_poller.turn()
    assert reader.events == []
    clock.advance(0.5)
    manual_poller.turn()
    assert reader.data == b"b"
