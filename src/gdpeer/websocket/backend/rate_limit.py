"""`RateLimit`: the messages and bytes of one peer, counted against its rates.

Layer: `websocket`; pure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gdpeer.token_bucket import BURST, TokenBucket

if TYPE_CHECKING:
    from gdpeer.transport.poller import Poller, Timer

__all__ = ["RateLimit"]


class RateLimit:
    """Two rates of one peer. A message over a rate is not lost: reading pauses until the rate allows it.

    A rate is a number of messages or bytes per second; 0: unlimited. `now` is the clock's time in seconds.
    """

    __slots__ = ("_buckets", "_bytes", "_messages", "_timer")

    def __init__(self, message_rate: float, byte_rate: float, now: float) -> None:
        self._buckets = tuple(
            TokenBucket(rate, rate * BURST, now) if rate else None for rate in (message_rate, byte_rate)
        )
        self._messages = self._bytes = 0
        self._timer: Timer | None = None

    def charge(self, messages: int, size: int, now: float) -> None:
        """Counts what came since the last call, from the messages and bytes since the connection opened."""
        by_messages, by_bytes = self._buckets
        if by_messages is not None:
            by_messages.take(messages - self._messages, now)
        if by_bytes is not None:
            by_bytes.take(size - self._bytes, now)
        self._messages, self._bytes = messages, size

    def is_in_debt(self, now: float, poller: Poller | None, read_on: Callable[[], object]) -> bool:
        """Whether reading must pause. If so, the poller calls `read_on` later; without a poller, ask again."""
        wait = max(0.0 if bucket is None else bucket.debt(now) for bucket in self._buckets)
        if wait > 0 and self._timer is None and poller is not None:

            def go_on() -> None:
                self._timer = None
                read_on()

            self._timer = poller.call_at(now + wait, go_on)
        return wait > 0

    def stop(self) -> None:
        """Cancels the call of `read_on`."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
