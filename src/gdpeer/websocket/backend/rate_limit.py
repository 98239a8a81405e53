"""`RateLimit`: what one peer sends, against its rates.

Layer: `websocket`; pure.
"""

from __future__ import annotations

from typing import Protocol

from gdpeer.token_bucket import BURST, TokenBucket

__all__ = ["RateLimit"]


class Cancelable(Protocol):
    """A timer."""

    def cancel(self) -> None:
        """Not any more."""


class RateLimit:
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
        self._buckets = tuple(
            TokenBucket(rate, rate * BURST, now) if rate else None for rate in (message_rate, byte_rate)
        )
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
