"""`TokenBucket`: how much may pass in the long run, and how much at once.

    bucket = TokenBucket(10, 20, now)
    bucket.take(1, now)        what is in it afterwards; below 0 it is overdrawn
    bucket.debt(now)           seconds until it no longer is

Layer: with `errors`, `signals` and `clock` the lowest; pure.
"""

from __future__ import annotations

__all__ = ["BURST", "TokenBucket"]

BURST = 2.0
"""Seconds' worth that may come at once: a game that stalls for a moment sends what has gathered."""


_NOTHING = -1e-6
"""What is missing when a debt was waited for, and arithmetic is not exact."""


class TokenBucket:
    """Fills by `rate` a second up to `burst`; full at first.

    Args:
        rate: more than 0.
        burst: what it holds.
        now: seconds of a clock.

    Attributes:
        is_over: whether the last `spend` found nothing.
    """

    __slots__ = ("_at", "_burst", "_level", "_rate", "is_over")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._level = burst
        self._at = now
        self.is_over = False

    def spend(self, now: float) -> bool:
        """Take one out if it is there; whether it was."""
        self.is_over = self.take(1, now) < 0
        if self.is_over:
            self.take(-1, now)
        return not self.is_over

    def take(self, amount: float, now: float) -> float:
        """Take out so much, there or not; what is left, negative where it was not there."""
        self._level = min(self._burst, self._level + (now - self._at) * self._rate) - amount
        self._at = now
        return self._level

    def debt(self, now: float) -> float:
        """Seconds until what was taken too much has come in again; 0.0: it is not overdrawn."""
        level = self.take(0, now)
        return 0.0 if level > _NOTHING else -level / self._rate

    def is_full(self, now: float) -> bool:
        """Whether forgetting it would change nothing."""
        return self.take(0, now) >= self._burst
