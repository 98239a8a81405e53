"""Token buckets: how much may pass in the long run, and how much at once.

    bucket = Bucket(rate=10, burst=20)
    bucket.take(1, now)        what is in it afterwards; below 0 it is overdrawn
    bucket.debt(now)           seconds until it no longer is

Layer: `websocket`; pure.
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["BURST", "Bucket", "Meter"]

BURST = 2.0
"""Seconds' worth that may come at once: a game that stalls for a moment sends what has gathered."""


_NOTHING = -1e-6
"""What is missing when a debt was waited for, and arithmetic is not exact."""


class Bucket:
    """Fills by `rate` a second up to `burst`; full at first.

    Args:
        rate: more than 0.
        burst: what it holds.
        now: seconds of a clock.
    """

    __slots__ = ("_at", "_burst", "_level", "_rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._level = burst
        self._at = now

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


class Cancelable(Protocol):
    """A timer."""

    def cancel(self) -> None:
        """Not any more."""


class Meter:
    """What one peer sends, against its two rates. What is over is not lost: reading pauses until it is made up for.

    Args:
        message_rate: messages a second; 0: any number.
        byte_rate: bytes a second; 0: any number.
        now: seconds of the clock.

    Attributes:
        throttled: how often reading paused.
        timer: that ends the pause.
    """

    __slots__ = ("_buckets", "_bytes", "_messages", "throttled", "timer")

    def __init__(self, message_rate: float, byte_rate: float, now: float) -> None:
        self._buckets = tuple(Bucket(rate, rate * BURST, now) if rate else None for rate in (message_rate, byte_rate))
        self._messages = self._bytes = 0
        self.throttled = 0
        self.timer: Cancelable | None = None

    def charge(self, messages: int, size: int, now: float) -> None:
        """So many have come in all."""
        by_messages, by_bytes = self._buckets
        if by_messages is not None:
            by_messages.take(messages - self._messages, now)
        if by_bytes is not None:
            by_bytes.take(size - self._bytes, now)
        self._messages, self._bytes = messages, size

    def debt(self, now: float) -> float:
        """Seconds for which reading should pause, mostly 0.0."""
        return max(0.0 if bucket is None else bucket.debt(now) for bucket in self._buckets)

    def stop(self) -> None:
        """The connection has gone."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
