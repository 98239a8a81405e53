"""`Timers`: answers that must come in time, and tasks in the background."""

from __future__ import annotations

import pytest

from gdpeer.clock import ManualClock
from gdpeer.cluster.answers import Answer
from gdpeer.cluster.broker.base import Away, Conflict
from gdpeer.cluster.timers import Timers, in_background
from gdpeer.transport.poller import Poller


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def poller(clock: ManualClock) -> Poller:
    return Poller(clock)


@pytest.fixture
def timers(clock: ManualClock, poller: Poller) -> Timers:
    return Timers(clock, lambda: 5.0, poller.call_at)


def test_an_answer_that_comes_in_time_is_passed_on(timers: Timers, clock: ManualClock, poller: Poller) -> None:
    slow: Answer[int] = Answer()
    timely = timers.within(slow, 2.0)
    slow.give(3)
    assert timely.result() == 3
    clock.advance(2.0)
    poller.turn()
    assert timely.result() == 3
    assert timers.within(slow) is slow
    assert timers.wall_milliseconds() == 5_000


def test_an_answer_that_comes_too_late_fails(timers: Timers, clock: ManualClock, poller: Poller) -> None:
    slow: Answer[int] = Answer()
    timely = timers.within(slow, 2.0)
    clock.advance(2.0)
    poller.turn()
    with pytest.raises(Away, match="no answer within 2 s"):
        timely.result()
    slow.give(3)


def test_a_problem_is_passed_on(timers: Timers) -> None:
    slow: Answer[int] = Answer()
    timely = timers.within(slow)
    slow.fail(Conflict("no"))
    with pytest.raises(Conflict):
        timely.result()


def test_errors_of_the_broker_end_a_task_silently_and_others_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(problem: Exception) -> None:
        raise problem

    in_background(fail(Away("x")))
    assert caplog.text == ""
    in_background(fail(ZeroDivisionError()))
    assert "the cluster failed at a task" in caplog.text
