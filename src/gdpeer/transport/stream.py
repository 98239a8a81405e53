"""The contract between gdpeer and the network: bytes in, bytes out, never blocking.

A `Stream` is an open, ordered flow of bytes in both directions. A `Connector` is a stream that is being opened (names,
TCP, TLS). A `Poller` can watch both; a single peer can also be polled without one.

No call here ever waits. Every failure is a `TransportError`; after a failure only `close()` may be called.

Layer: `transport`; knows nothing of HTTP or WebSocket. Compiled (types in `stream.pxd`), so that a compiled caller
calls a compiled stream directly; a stream in plain Python works as well.
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
"""Readiness bits, passed to a `Ready` callback; the values are those of epoll and poll."""

WOULD_BLOCK = -1
"""Returned by `receive_into` when no bytes have arrived yet."""

Address = tuple[str, int]
"""Numeric host and port; `("path", 0)` for a Unix socket, `("", 0)` if there is no address."""

Ready = Callable[[int], Any]


class Pollable:
    """An object that a poller can watch."""

    __slots__ = ()

    def attach(self, poller: Poller, ready: Ready) -> None:
        """Has `poller` call `ready(events)` in each turn in which this object is ready.

        Reading is watched unless `want_read(False)` was called last; writing while `want_write(True)` was called last.
        TLS also watches the direction that it needs. A connector calls `ready` in the first turn, so that it starts.
        """
        raise NotImplementedError

    def detach(self) -> None:
        """Ends `attach`. No effect when not attached."""
        raise NotImplementedError

    def close(self) -> None:
        """Detaches and closes at once; unsent bytes may be lost. May be called again."""
        raise NotImplementedError


class Stream(Pollable):
    """An open flow of bytes in both directions."""

    __slots__ = ()

    def receive_into(self, buffer: Any) -> int:
        """Fills the start of a buffer with arrived bytes.

        Args:
            buffer: writable, of at least 1 byte.

        Returns:
            The number of bytes; 0 at the orderly end of the other side's bytes; `WOULD_BLOCK` when none have arrived.
        """
        raise NotImplementedError

    def receive_at(self, target: Any, room: int) -> int:  # compiled only
        """Receives to an address in memory, as `receive_into`.

        Raises:
            ValueError: the stream claims more bytes than `room`.
        """
        received = self.receive_into(PyMemoryView_FromMemory(cython.cast(cython.p_char, target), room, PyBUF_WRITE))
        if received > room:
            raise ValueError(f"a stream received {received} bytes into {room}")
        return received

    def send(self, chunks: Sequence[Any]) -> int:
        """Sends bytes, all chunks in one system call where the system can.

        Returns:
            How many bytes of all chunks were taken; 0 when none can be taken now. The next call must begin with the
            bytes that were not taken (TLS may already hold some of them).
        """
        raise NotImplementedError

    def want_read(self, wanted: bool) -> None:
        """Sets whether arriving bytes call `ready`. On at first; switch it off while the reader has no room."""
        raise NotImplementedError

    def want_write(self, wanted: bool) -> None:
        """Sets whether `ready` is called when `send` can take bytes again. Off at first."""
        raise NotImplementedError

    def has_pending(self) -> bool:
        """Tells whether bytes wait inside the stream (TLS records) that its descriptor's readiness does not show."""
        raise NotImplementedError

    def close_write(self) -> None:
        """Tells the other side that no more bytes follow (FIN; under TLS close_notify, then FIN). Receiving goes on."""
        raise NotImplementedError

    def set_no_delay(self, enabled: bool) -> None:
        """Sets whether small packets are sent at once (TCP_NODELAY). No effect on streams without this option."""
        raise NotImplementedError

    @property
    def is_secure(self) -> bool:
        """Whether the bytes are encrypted on the network."""
        raise NotImplementedError

    @property
    def remote_address(self) -> Address:
        """The other side's address, as it was when the stream opened."""
        raise NotImplementedError

    @property
    def local_address(self) -> Address:
        """This side's host and port."""
        raise NotImplementedError


class Connector(Pollable):
    """A stream that is being opened."""

    __slots__ = ()

    def advance(self) -> Stream | None:
        """Continues as far as possible without waiting.

        Returns:
            The open stream, once; None while it is not open yet.

        Raises:
            TransportError: opening failed; the cause names the step.
        """
        raise NotImplementedError
