"""A connector's deadline in a poller.

Layer: `transport`.
"""

from __future__ import annotations

from gdpeer.transport.poller import Poller, Timer
from gdpeer.transport.stream import READ, WRITE, Ready

__all__ = ["Alarm"]


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
