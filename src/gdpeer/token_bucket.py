"""`TokenBucket`: limits an amount per second, and the amount at once.

    bucket = TokenBucket(10, 20, now)
    bucket.take(1, now)        the tokens that are left; below 0 it is overdrawn
    bucket.debt(now)           seconds until it is no longer overdrawn

Layer: with `errors`, `signals` and `clock` the lowest; pure.
"""

from __future__ import annotations

__all__ = ["BURST", "TokenBucket"]

BURST = 2.0
"""Seconds' worth of tokens that may be taken at once: a game that stalls for a moment sends much at once."""


_NOTHING = -1e-6
"""A smaller debt counts as no debt: after the wait, inexact arithmetic may leave a tiny rest."""


class TokenBucket:
    """A bucket that fills by `rate` tokens per second up to `burst`; full at first.

    Args:
        rate: tokens per second, more than 0.
        burst: the most tokens that it holds.
        now: seconds of a clock.

    Attributes:
        is_over: whether the last `spend` found no token.
    """

    __slots__ = ("_at", "_burst", "_level", "_rate", "is_over")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._level = burst
        self._at = now
        self.is_over = False

    def spend(self, now: float) -> bool:
        """Takes one token if there is one. Returns whether there was."""
        self.is_over = self.take(1, now) < 0
        # Give the token back: a refused request must not increase the debt.
        if self.is_over:
            self.take(-1, now)
        return not self.is_over

    def take(self, amount: float, now: float) -> float:
        """Takes `amount` tokens even if they are missing. Returns the tokens left; negative: overdrawn."""
        self._level = min(self._burst, self._level + (now - self._at) * self._rate) - amount
        self._at = now
        return self._level

    def debt(self, now: float) -> float:
        """Returns the seconds until the bucket is no longer overdrawn; 0.0 if it is not."""
        level = self.take(0, now)
        return 0.0 if level > _NOTHING else -level / self._rate

    def is_full(self, now: float) -> bool:
        """Tells whether the bucket is full, so that a new bucket could replace it."""
        return self.take(0, now) >= self._burst
