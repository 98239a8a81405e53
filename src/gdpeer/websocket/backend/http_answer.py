"""A connection that is answered by HTTP: what is still to be sent, and whether its reader goes on.

Layer: `websocket`.
"""

from __future__ import annotations

from typing import Any

from gdpeer.http.outgoing import Sending
from gdpeer.transport.kernel import TELLS, unsent_bytes

__all__ = ["PAGE_LEAST", "PAGE_STALL", "Page"]

PAGE_STALL = 20.0 if TELLS else 60.0
"""Seconds in which a reader must take `PAGE_LEAST` bytes: some 3 KB a second. A phone is slow, but it goes on.

Longer where the system does not tell what it still holds: a kernel takes megabytes at once, and then nothing for long.
"""

PAGE_LEAST = 65_536
"""See `PAGE_STALL`."""


class Page:
    """One answer.

    Args:
        sending: what follows the head; None: nothing.
        now: seconds of the clock.
    """

    __slots__ = ("_gone", "_since", "sending")

    def __init__(self, sending: Sending | None, now: float) -> None:
        self.sending = sending
        self._gone = 0
        self._since = now

    def has_more(self) -> bool:
        """Whether more is to be sent than was queued."""
        return self.sending is not None and not self.sending.is_over

    def close(self) -> None:
        """Nothing more is sent."""
        if self.sending is not None:
            self.sending.close()

    def goes_on(self, sent: int, pending: int, stream: Any, now: float) -> bool:
        """Whether the reader is to be waited for.

        Args:
            sent: bytes that the stream has taken so far.
            pending: bytes that it has not.
            stream: that they go over.
            now: seconds of the clock.
        """
        unsent = unsent_bytes(stream)
        if not (pending or unsent or self.has_more()):
            return False
        gone = sent - unsent
        if gone - self._gone >= PAGE_LEAST:
            self._gone, self._since = gone, now
            return True
        return now - self._since < PAGE_STALL
