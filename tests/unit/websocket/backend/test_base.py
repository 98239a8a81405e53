from __future__ import annotations

from gdpeer.clock import MONOTONIC
from gdpeer.protocol.inbox import Inbox
from gdpeer.websocket.backend.base import Backend, RoundTrip, Turn
from gdpeer.websocket.settings import Settings


class Flushed(Backend):
    """Notes each flush, and whether it was still marked as gathered."""

    def __init__(self, turn: Turn) -> None:
        settings = Settings()
        super().__init__(settings, MONOTONIC, turn, Inbox(False, settings.limits()), False, 0, 0)
        self.flushed: list[bool] = []

    def flush(self) -> None:
        self.flushed.append(self.is_gathered)


def test_touched_is_told_once_a_turn() -> None:
    turn = Turn()
    one, other = Flushed(turn), Flushed(turn)
    turn.touch(one)
    turn.touch(other)
    turn.touch(one)
    assert turn.take_touched() == [one, other]
    assert turn.take_touched() == []
    turn.touch(one)
    assert turn.take_touched() == [one]


def test_gathered_is_flushed_once_at_the_end() -> None:
    turn = Turn()
    one, other = Flushed(turn), Flushed(turn)
    turn.active = True
    turn.gather(one)
    turn.gather(other)
    turn.gather(one)
    turn.flush()
    turn.flush()
    assert not turn.active
    assert one.flushed == other.flushed == [False]


def test_a_turn_begins_without_a_poller_and_idle() -> None:
    turn = Turn()
    assert turn.poller is None
    assert not turn.active


def test_a_round_trip_is_measured_by_its_own_answer() -> None:
    trip = RoundTrip()
    assert trip.latency == -1.0
    trip.begin(b"one", 10.0)
    assert trip.is_waiting
    trip.end(1, b"other", 10.1)
    assert trip.latency == -1.0
    trip.end(2, b"one", 10.25)
    assert trip.latency == 0.25
    assert not trip.is_waiting


def test_one_answer_is_counted_once() -> None:
    trip = RoundTrip()
    trip.begin(b"one", 10.0)
    trip.end(1, b"one", 10.5)
    trip.begin(b"one", 20.0)
    trip.end(1, b"one", 20.1)
    assert trip.is_waiting
    trip.end(2, b"one", 20.2)
    assert not trip.is_waiting


def test_an_answer_that_nobody_asked_for_changes_nothing() -> None:
    trip = RoundTrip()
    trip.end(1, b"", 10.0)
    assert trip.latency == -1.0
