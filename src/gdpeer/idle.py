"""`Idle`: what a tree does at the end of each poll: deferred calls and timers, in the engine's order.

1. Deferred calls run, also those that they defer.
2. The nodes of `queue_free` leave the tree.
3. Timers that are due emit `timeout`, in the order in which they were made.
4. Nodes and deferred calls again: those of the timers.

A tree has no `Idle` until a game uses one of these: a tree without them must not pay for them.

Layer: with `errors`, `signals` and `clock` the lowest. Source: Godot 4.6, `SceneTree::process`.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable
from operator import attrgetter
from typing import Any, ClassVar, Protocol

from gdpeer.attributes import Guarded
from gdpeer.clock import Clock
from gdpeer.logs import get_logger, report
from gdpeer.signals import Signal

__all__ = ["Idle", "Owner", "SceneTreeTimer"]

logger = get_logger("gdpeer.multiplayer")

MOST_CALLS = 100_000
"""Deferred calls that run in one poll, the others in the next: a call that defers itself must not stop the server."""


class Owner(Protocol):
    """The tree that an `Idle` works for."""

    on_news: Callable[[], object] | None

    def _gdpeer_free_doomed(self) -> None:
        """Removes the nodes of `queue_free`."""

    def _gdpeer_take_result(self, name: str, result: object) -> None:
        """Runs the coroutine that a deferred call has returned."""


class SceneTreeTimer(Guarded):
    """A timer that ends once; made by `SceneTree.create_timer`. `await timer.timeout` waits for its end in asyncio.

    Attributes:
        timeout: signal (): the time is over.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ("timeout",)

    def __init__(self, idle: Idle, seconds: float, number: int) -> None:
        self.timeout = Signal("timeout")
        self._idle = idle
        self._number = number
        self._due = idle.clock.now() + seconds
        self._is_over = False

    @property
    def time_left(self) -> float:
        """The seconds that are left, at least 0.0. A new value changes the end of a timer that has not ended."""
        return max(0.0, self._due - self._idle.clock.now())

    @time_left.setter
    def time_left(self, seconds: float) -> None:
        if not self._is_over:
            before, self._due = self._due, self._idle.clock.now() + seconds
            try:
                self._idle.plan(self)
            except ValueError:
                self._due = before
                raise

    @property
    def due(self) -> float:
        """When the timer ends, in seconds of the tree's clock."""
        return self._due

    @property
    def number(self) -> int:
        """Counts the timers of the tree."""
        return self._number

    def end(self, due: float) -> bool:
        """Whether the timer ends now, because it was to end at `due`. After that it is over.

        Returns:
            False if `time_left` was set since, or the timer is over already.
        """
        ends = due == self._due and not self._is_over
        self._is_over |= ends
        return ends

    def __repr__(self) -> str:
        return f"<SceneTreeTimer, {self.time_left:g} s left>"


class Idle:
    """The deferred calls and timers of one tree.

    Args:
        owner: the tree. Its `on_news` is called when there is something to do that no poll knows of yet.
        clock: for the timers.

    Attributes:
        clock: as given.
    """

    __slots__ = ("_calls", "_is_told", "_numbers", "_owner", "_timers", "clock")

    def __init__(self, owner: Owner, clock: Clock) -> None:
        self.clock = clock
        self._owner = owner
        self._calls: deque[tuple[str, Callable[..., object], tuple[Any, ...]]] = deque()
        # When each timer ends, and its number. A timer whose `time_left` was set is there more than once.
        self._timers: list[tuple[float, int, SceneTreeTimer]] = []
        self._numbers = itertools.count(1)
        self._is_told = False

    def defer(self, name: str, function: Callable[..., object], arguments: tuple[Any, ...]) -> None:
        """Calls a function at the end of the poll; `name` is for the log."""
        self._calls.append((name, function, arguments))
        self._tell()

    def create_timer(self, seconds: float) -> SceneTreeTimer:
        """Returns a new timer."""
        timer = SceneTreeTimer(self, seconds, next(self._numbers))
        self.plan(timer)
        return timer

    def plan(self, timer: SceneTreeTimer) -> None:
        """Takes note of when a timer ends.

        Raises:
            ValueError: the time is not a number.
        """
        if math.isnan(timer.due):
            raise ValueError("a timer's seconds are not a number")
        heapq.heappush(self._timers, (timer.due, timer.number, timer))
        self._tell()

    def _tell(self) -> None:
        if not self._is_told and self._owner.on_news is not None:
            self._is_told = True
            self._owner.on_news()

    def time_left(self, most: float) -> float:
        """Returns the seconds until there is something to do, at most `most`."""
        if self._calls:
            return 0.0
        return min(most, max(0.0, self._timers[0][0] - self.clock.now())) if self._timers else most

    def run(self) -> None:
        """Does what is to be done now."""
        self._is_told = True  # nothing to tell: who polls asks for `time_left` after the poll
        try:
            self._run_calls()
            self._owner._gdpeer_free_doomed()
            if self._timers and self._timers[0][0] <= self.clock.now():
                self._end_timers()
                self._owner._gdpeer_free_doomed()
                self._run_calls()
        finally:
            self._is_told = False

    def _run_calls(self) -> None:
        for _ in range(MOST_CALLS):
            if not self._calls:
                return
            name, function, arguments = self._calls.popleft()
            try:
                self._owner._gdpeer_take_result(name, function(*arguments))
            except Exception:
                report(logger, "%s, which was called by call_deferred, raised", name)
        logger.error("%s deferred calls in one poll, the last of %s: the others run in the next poll", MOST_CALLS, name)

    def _end_timers(self) -> None:
        now, over = self.clock.now(), []
        while self._timers and self._timers[0][0] <= now:
            due, _, timer = heapq.heappop(self._timers)
            if timer.end(due):
                over.append(timer)
        for timer in sorted(over, key=attrgetter("number")):
            timer.timeout.emit()
