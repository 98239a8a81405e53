"""Clocks for deadlines: seconds that never go back.

Everything with a deadline takes a clock, so that tests can move time by hand instead of sleeping.

Layer: with `errors` and `signals` the lowest; imports nothing of gdpeer.
"""

from __future__ import annotations

import time
from typing import Protocol

__all__ = ["MONOTONIC", "Clock", "ManualClock", "MonotonicClock"]


class Clock(Protocol):
    """The contract of a clock. Only differences between its times have a meaning."""

    def now(self) -> float:
        """Returns the seconds since some fixed moment."""


class MonotonicClock:
    """The clock of the machine; it goes on even if the time of day is changed."""

    __slots__ = ()

    now = staticmethod(time.monotonic)
    """`now()`: seconds since some fixed moment."""


class ManualClock:
    """A clock for tests: it stands still until the test moves it.

    Args:
        start: the first time that `now()` returns, in seconds.
    """

    __slots__ = ("_now",)

    def __init__(self, start: float = 0.0) -> None:
        self._now = start

    def now(self) -> float:
        """Returns the seconds: `start` plus all that `advance` added."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Moves the clock forward.

        Raises:
            ValueError: `seconds` is negative.
        """
        if seconds < 0:
            raise ValueError("a clock does not go back")
        self._now += seconds


MONOTONIC = MonotonicClock()
