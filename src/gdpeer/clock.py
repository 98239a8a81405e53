"""Time as gdpeer sees it: seconds of a clock that never goes back.

Everything that waits for a deadline is handed a clock, so that tests can move time by hand instead of sleeping.

Layer: with `errors` and `signals` the lowest; imports nothing of gdpeer.
"""

from __future__ import annotations

import time
from typing import Protocol

__all__ = ["MONOTONIC", "Clock", "ManualClock", "MonotonicClock"]


class Clock(Protocol):
    """Anything that tells seconds; only differences have a meaning."""

    def now(self) -> float:
        """Seconds since some fixed moment."""


class MonotonicClock:
    """The machine's clock; it goes on while nobody sets it."""

    __slots__ = ()

    now = staticmethod(time.monotonic)
    """`now()`: seconds since some fixed moment."""


class ManualClock:
    """A clock for tests: it stands still until it is moved.

    Args:
        start: what `now()` tells first, in seconds.
    """

    __slots__ = ("_now",)

    def __init__(self, start: float = 0.0) -> None:
        self._now = start

    def now(self) -> float:
        """Seconds as last set."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move the clock forward.

        Raises:
            ValueError: `seconds` is negative.
        """
        if seconds < 0:
            raise ValueError("a clock does not go back")
        self._now += seconds


MONOTONIC = MonotonicClock()
