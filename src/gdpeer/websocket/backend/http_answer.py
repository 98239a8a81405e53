"""`Page`: an HTTP response on its way out, and whether its reader goes on reading.

Layer: `websocket`.
"""

from __future__ import annotations

from gdpeer.http.outgoing import Sending
from gdpeer.protocol.outbox import Outbox
from gdpeer.transport.kernel import TELLS, unsent_bytes
from gdpeer.transport.stream import Stream

__all__ = ["PAGE_LEAST", "PAGE_STALL", "Page"]

PAGE_STALL = 20.0 if TELLS else 60.0
"""Seconds in which a reader must take `PAGE_LEAST` bytes: about 3 KB per second. A phone is slow, but it goes on.

Longer if the system does not tell how many bytes it still holds: a kernel takes megabytes at once, and then nothing for
a long time.
"""

PAGE_LEAST = 65_536
"""Bytes, see `PAGE_STALL`."""

_PIECES_A_TURN = 2  # and one that waits for the next turn; then the other connections get theirs


class Page:
    """One HTTP response. `sending` is the rest of the body, which was not queued with the head.

    `now` is the clock's time in seconds.
    """

    __slots__ = ("_gone", "_sending", "_since")

    def __init__(self, sending: Sending | None, now: float) -> None:
        self._sending = sending
        self._gone = 0
        self._since = now

    def has_more(self) -> bool:
        """Whether parts of the body were not handed out yet."""
        return self._sending is not None and not self._sending.is_over

    def close(self) -> None:
        """Drops the rest of the body."""
        if self._sending is not None:
            self._sending.close()

    def send_pieces(self, stream: Stream, outbox: Outbox) -> int:
        """Sends the next pieces of the body, and returns how many bytes the stream took.

        Call it while nothing waits in `outbox`, which gets the rest of the last piece.

        Raises:
            TransportError: the stream broke.
            Exception: any other is of the body's source, and ends the response.
        """
        taken = 0
        for left in range(_PIECES_A_TURN, -1, -1):
            piece = b"" if self._sending is None else self._sending.next_piece()
            if not piece:
                break
            sent = stream.send([piece]) if left else 0
            taken += sent
            if sent < len(piece):
                outbox.send_raw(bytes(piece[sent:]))
                break
        return taken

    def goes_on(self, sent: int, pending: int, stream: Stream | None, now: float) -> bool:
        """Whether the response is not out yet, and its reader takes it fast enough.

        The stream has taken `sent` bytes so far, and `pending` bytes wait for the stream.
        """
        unsent = unsent_bytes(stream)
        if not (pending or unsent or self.has_more()):
            return False
        gone = sent - unsent
        if gone - self._gone >= PAGE_LEAST:
            self._gone, self._since = gone, now
            return True
        return now - self._since < PAGE_STALL
