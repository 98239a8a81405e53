"""One descriptor's place in a poller, for everything here that owns a socket.

Layer: `transport`.
"""

from __future__ import annotations

from gdpeer.transport.poller import Poller
from gdpeer.transport.stream import Ready

__all__ = ["Watch"]


class Watch:
    """Remembers what is wanted while no poller is there, and tells the poller while one is.

    Args:
        descriptor: of an open socket; `detach` must come before it is closed.
    """

    __slots__ = ("_read", "_write", "descriptor", "poller", "ready")

    def __init__(self, descriptor: int, *, read: bool = True, write: bool = False) -> None:
        self.descriptor = descriptor
        self.poller: Poller | None = None
        self.ready: Ready | None = None
        self._read = read
        self._write = write

    def attach(self, poller: Poller, ready: Ready) -> None:
        """Register; a former registration ends."""
        self.detach()
        poller.register(self.descriptor, ready, read=self._read, write=self._write)
        self.poller = poller
        self.ready = ready

    def detach(self) -> None:
        """Unregister, if registered."""
        if self.poller is not None:
            self.poller.unregister(self.descriptor)
            self.poller = self.ready = None

    def want(self, read: bool, write: bool) -> None:
        """Change what is looked for; costs nothing when nothing changes."""
        if read == self._read and write == self._write:
            return
        self._read = read
        self._write = write
        if self.poller is not None:
            self.poller.modify(self.descriptor, read=read, write=write)

    def want_read(self, wanted: bool) -> None:
        """Whether to look for bytes."""
        self.want(wanted, self._write)

    def want_write(self, wanted: bool) -> None:
        """Whether to look for room."""
        self.want(self._read, wanted)
