from __future__ import annotations

from collections.abc import Callable

from gdpeer import ManualClock
from gdpeer.transport.poller import Poller
from gdpeer.websocket.backend.base import Turn
from gdpeer.websocket.backend.deadline import NEVER, Deadline


class Calls:
    """Whose deadline it is."""

    def __init__(self, call: Callable[[], None]) -> None:
        self.on_deadline = call


def make(poller: Poller | None = None) -> tuple[Deadline, ManualClock, list[float]]:
    clock = poller.clock if poller is not None else ManualClock(100.0)
    assert isinstance(clock, ManualClock)
    due: list[float] = []
    return Deadline(clock, Turn(poller), Calls(lambda: due.append(clock.now()))), clock, due


def pass_time(poller: Poller, clock: ManualClock, seconds: float) -> None:
    clock.advance(seconds)
    poller.turn(0.0)


def test_it_begins_without_a_moment() -> None:
    deadline, _, due = make()
    deadline.check()
    assert deadline.when == NEVER
    assert due == []


def test_without_a_poller_check_calls_once_when_it_is_time() -> None:
    deadline, clock, due = make()
    deadline.set(3.0)
    clock.advance(2.9)
    deadline.check()
    assert due == []
    clock.advance(0.1)
    deadline.check()
    deadline.check()
    assert due == [103.0]


def test_with_a_poller_it_calls_by_itself() -> None:
    with Poller(ManualClock(100.0)) as poller:
        deadline, clock, due = make(poller)
        deadline.set(3.0)
        pass_time(poller, clock, 2.0)
        assert due == []
        pass_time(poller, clock, 1.0)
        pass_time(poller, clock, 5.0)
        assert due == [103.0]


def test_moved_back_it_calls_at_the_later_moment_only() -> None:
    with Poller(ManualClock(100.0)) as poller:
        deadline, clock, due = make(poller)
        deadline.set(3.0)
        deadline.set(5.0)
        pass_time(poller, clock, 3.0)
        assert due == []
        pass_time(poller, clock, 2.0)
        assert due == [105.0]


def test_moved_forward_it_calls_at_the_earlier_moment_only() -> None:
    with Poller(ManualClock(100.0)) as poller:
        deadline, clock, due = make(poller)
        deadline.set(5.0)
        deadline.set(3.0)
        pass_time(poller, clock, 3.0)
        pass_time(poller, clock, 9.0)
        assert due == [103.0]


def test_never_takes_it_back() -> None:
    with Poller(ManualClock(100.0)) as poller:
        deadline, clock, due = make(poller)
        deadline.set(3.0)
        deadline.set(NEVER)
        pass_time(poller, clock, 9.0)
        assert due == []


def test_it_can_be_set_again_from_its_own_call() -> None:
    with Poller(ManualClock(100.0)) as poller:
        clock = poller.clock
        assert isinstance(clock, ManualClock)
        due: list[float] = []

        def again() -> None:
            due.append(clock.now())
            deadline.set(1.0)

        deadline = Deadline(clock, Turn(poller), Calls(again))
        deadline.set(1.0)
        for _ in range(3):
            pass_time(poller, clock, 1.0)
        assert due == [101.0, 102.0, 103.0]


def test_closed_it_never_calls() -> None:
    with Poller(ManualClock(100.0)) as poller:
        deadline, clock, due = make(poller)
        deadline.set(3.0)
        deadline.close()
        deadline.close()
        pass_time(poller, clock, 9.0)
        deadline.set(0.0)
        deadline.check()
        assert due == []
