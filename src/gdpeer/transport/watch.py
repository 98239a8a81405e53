"""A descriptor's place in a poller, and a deadline's, for everything here that has one.

Layer: `transport`.
"""

from __future__ import annotations

from gdpeer.transport.poller import Poller, Timer
from gdpeer.transport.stream import READ, WRITE, Ready

__all__ = ["Alarm", "Watch"]


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


class Alarm:
    """Calls a connector's `ready` in the first turn, and at one time after that, while a poller is there."""

    __slots__ = ("_timer", "poller", "ready")

    def __init__(self) -> None:
        self.poller: Poller | None = None
        self.ready: Ready | None = None
        self._timer: Timer | None = None

    def attach(self, poller: Poller, ready: Ready) -> None:
        """Have `ready` called in the next turn; a former attachment ends."""
        self.detach()
        self.poller = poller
        self.ready = ready
        self.set(poller.clock.now())

    def detach(self) -> None:
        """Call nobody any more."""
        self.poller = self.ready = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def set(self, when: float) -> None:
        """Ring at that time, instead of the one set before."""
        timer = self._timer
        if self.poller is None or (timer is not None and timer.when == when):
            return
        if timer is not None:
            timer.cancel()
        self._timer = self.poller.call_at(when, self._ring)

    def _ring(self) -> None:
        ready, self._timer = self.ready, None
        assert ready is not None  # detach() cancels
        ready(READ | WRITE)
