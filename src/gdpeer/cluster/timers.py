"""`Timers`: deadlines and waits for code that runs in the thread of the game, without an event loop.

    await timers.sleep(1.0)
    entry = await timers.within(broker.get("w:a"))     # fails with `Away` after 2 seconds

Layer: `cluster`; no I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Protocol, TypeVar

from gdpeer.clock import Clock
from gdpeer.cluster.answers import Answer, run
from gdpeer.cluster.broker.base import Away, BrokerError
from gdpeer.logs import get_logger, report

__all__ = ["CancelsTimer", "Timers", "in_background"]

logger = get_logger("gdpeer.cluster")

T = TypeVar("T")

PATIENCE = 2.0
"""Seconds that a verb of the broker has."""


class CancelsTimer(Protocol):
    """A timer of a poller."""

    def cancel(self) -> None:
        """Cancels the callback. No effect after it ran."""


class Timers:
    """The time, and callbacks at a later time.

    Args:
        clock: measures deadlines.
        wall: returns the seconds since 1970.
        call_at: runs a callback at a time of the clock.
    """

    __slots__ = ("_call_at", "_wall", "now")

    def __init__(
        self,
        clock: Clock,
        wall: Callable[[], float],
        call_at: Callable[[float, Callable[[], object]], CancelsTimer],
    ) -> None:
        self.now = clock.now
        self._wall = wall
        self._call_at = call_at

    def wall_milliseconds(self) -> int:
        """Returns the milliseconds since 1970."""
        return int(self._wall() * 1000)

    def after(self, seconds: float, callback: Callable[[], object]) -> CancelsTimer:
        """Runs a callback after some seconds; after 0 seconds in the next turn."""
        return self._call_at(self.now() + seconds, callback)

    def at(self, when: float, callback: Callable[[], object]) -> CancelsTimer:
        """Runs a callback at a time of the clock."""
        return self._call_at(when, callback)

    def sleep(self, seconds: float) -> Answer[None]:
        """Returns an answer that comes after some seconds; after 0 seconds in the next turn."""
        answer: Answer[None] = Answer()
        self.after(seconds, partial(answer.give, None))
        return answer

    def within(self, answer: Answer[T], seconds: float = PATIENCE) -> Answer[T]:
        """Returns an answer that fails with `Away` if the given one does not come in time."""
        if answer.is_done:
            return answer
        timely: Answer[T] = Answer()
        timer = self.after(seconds, partial(timely.fail, Away(f"no answer within {seconds:g} s")))

        def pass_on(done: Answer[T]) -> None:
            timer.cancel()
            pass_result(done, timely)

        answer.then(pass_on)
        return timely


def pass_result(done: Answer[T], to: Answer[T]) -> None:
    """Gives another answer the result of one that is there."""
    try:
        to.give(done.result())
    except Exception as problem:
        to.fail(problem)


def in_background(steps: Coroutine[Answer[Any], None, Any]) -> None:
    """Runs a coroutine. Errors of the broker end it silently, others are logged."""

    def look(done: Answer[Any]) -> None:
        try:
            done.result()
        except BrokerError:
            pass
        except Exception:
            report(logger, "the cluster failed at a task")

    run(steps).then(look)
