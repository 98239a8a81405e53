"""The timer that calls a connector again: in the next turn, and at its deadline.

Layer: `transport`.
"""

from __future__ import annotations

from gdpeer.transport.poller import Poller, Timer
from gdpeer.transport.stream import READ, WRITE, Ready

__all__ = ["Alarm"]


class Alarm:
    """Calls a connector's `ready` in the next turn after `attach`, and at the time that `set` names.

    Works only while attached to a poller; without a poller the owner calls the connector itself.
    """

    __slots__ = ("_timer", "poller", "ready")

    def __init__(self) -> None:
        self.poller: Poller | None = None
        self.ready: Ready | None = None
        self._timer: Timer | None = None

    def attach(self, poller: Poller, ready: Ready) -> None:
        """Calls `ready` in the next turn; a former attachment ends."""
        self.detach()
        self.poller = poller
        self.ready = ready
        self.set(poller.clock.now())

    def detach(self) -> None:
        """Cancels the timer and forgets the poller."""
        self.poller = self.ready = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def set(self, when: float) -> None:
        """Rings at `when`, in seconds of the poller's clock, instead of the time set before."""
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
