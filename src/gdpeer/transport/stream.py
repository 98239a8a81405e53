"""The whole contract between gdpeer and the outside: bytes in, bytes out, never blocking.

A `Stream` is an open, ordered, two-way flow of bytes. A `Connector` is one still coming to be (names, TCP, TLS).
Both can be watched by a `Poller`; neither needs one, so that a single peer can simply be polled.

No call here ever waits. Every failure is a `TransportError`, and after one the stream is of no use but for `close()`.

Layer: `transport`; knows nothing of HTTP or WebSocket. Compiled (types in `stream.pxd`), so that a compiled caller
reaches a compiled stream without a detour; a stream of plain Python is as good.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gdpeer.transport.poller import Poller

try:
    import cython
except ImportError:
    from gdpeer import _cython as cython

if cython.compiled:
    from cython.cimports.cpython.buffer import PyBUF_WRITE
    from cython.cimports.cpython.memoryview import PyMemoryView_FromMemory

__all__ = ["READ", "WOULD_BLOCK", "WRITE", "Address", "Connector", "Ready", "Stream"]

READ = 1
WRITE = 4
"""Readiness bits, handed to a `Ready` callback; the values are those of epoll and poll."""

WOULD_BLOCK = -1
"""What `receive_into` returns when there is nothing yet."""

Address = tuple[str, int]
"""Host (numeric) and port; `("path", 0)` for a Unix socket, `("", 0)` where there is none."""

Ready = Callable[[int], Any]


class Pollable:
    """What a poller can watch."""

    __slots__ = ()

    def attach(self, poller: Poller, ready: Ready) -> None:
        """Have `poller` call `ready(events)` in each turn in which there is something to do.

        Readable is watched unless `want_read(False)` was called last; writable while `want_write(True)` was called
        last, and either one where TLS needs it. A connector calls `ready` in the first turn, so that it gets going.
        """
        raise NotImplementedError

    def detach(self) -> None:
        """Undo `attach`. Without effect when not attached."""
        raise NotImplementedError

    def close(self) -> None:
        """Detach and let go at once; what was not sent yet may be lost. May be called again."""
        raise NotImplementedError


class Stream(Pollable):
    """An open flow of bytes."""

    __slots__ = ()

    def receive_into(self, buffer: Any) -> int:
        """Fill the start of a writable buffer, which must not be empty, with what has arrived.

        Returns:
            The number of bytes; 0 at the orderly end of the other side's bytes; `WOULD_BLOCK` when nothing is there.
        """
        raise NotImplementedError

    def receive_at(self, target: Any, room: int) -> int:  # compiled only
        """As `receive_into`, to a place in memory. Raises ValueError where it says that more came than fits there."""
        received = self.receive_into(PyMemoryView_FromMemory(cython.cast(cython.p_char, target), room, PyBUF_WRITE))
        if received > room:
            raise ValueError(f"a stream received {received} bytes into {room}")
        return received

    def send(self, chunks: Sequence[Any]) -> int:
        """Hand over bytes, all chunks in one system call where the system can.

        Returns:
            How many bytes were taken, counted over all chunks; 0 when none can be taken now. What was not taken has to
            be the start of the next call (TLS may hold a part of it already).
        """
        raise NotImplementedError

    def want_read(self, wanted: bool) -> None:
        """Whether `ready` is to be called when bytes arrive (on at first); off while the reader has no room."""
        raise NotImplementedError

    def want_write(self, wanted: bool) -> None:
        """Whether `ready` is to be called when `send` can take bytes again."""
        raise NotImplementedError

    def has_pending(self) -> bool:
        """Whether bytes wait inside the stream that its descriptor's readiness would not show (TLS records)."""
        raise NotImplementedError

    def close_write(self) -> None:
        """Tell the other side that no more bytes follow (FIN; close_notify, then FIN, under TLS). Receiving goes on."""
        raise NotImplementedError

    def set_no_delay(self, enabled: bool) -> None:
        """Send small packets at once (TCP_NODELAY). Without effect where there is no such thing."""
        raise NotImplementedError

    @property
    def is_secure(self) -> bool:
        """Whether the bytes travel encrypted."""
        raise NotImplementedError

    @property
    def remote_address(self) -> Address:
        """Of the other side, as it was when the stream opened."""
        raise NotImplementedError

    @property
    def local_address(self) -> Address:
        """Of this side."""
        raise NotImplementedError


class Connector(Pollable):
    """A stream in the making."""

    __slots__ = ()

    def advance(self) -> Stream | None:
        """Go on as far as can be done without waiting.

        Returns:
            The open stream, once; None while it is not there yet.

        Raises:
            TransportError: it will never be; the cause says which step failed.
        """
        raise NotImplementedError
