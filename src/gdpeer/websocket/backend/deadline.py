"""A connection's deadline: the one that it has now.

A heap of timers is cheap to fill and dear to search, so a timer that comes too early is left where it is and looks
again when it is due: moving a deadline back costs nothing.

Layer: `websocket`; compiled (types in `deadline.pxd`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gdpeer.clock import Clock
from gdpeer.websocket.backend.base import Turn

if TYPE_CHECKING:
    from gdpeer.transport.poller import Timer

__all__ = ["NEVER", "Deadline"]

NEVER = float("inf")


class Owner(Protocol):
    """Who has a deadline."""

    def on_deadline(self) -> None:
        """It has come."""


class Deadline:
    """The next moment at which something is to be done although nothing arrives.

    Args:
        clock: tells the time.
        turn: its poller, if it has one, calls `check`; else the owner does now and then.
        owner: its `on_deadline` is called once at or after the deadline.

    Attributes:
        when: seconds of the clock; infinite for never.
    """

    __slots__ = ("_clock", "_owner", "_timer", "_turn", "when")

    def __init__(self, clock: Clock, turn: Turn, owner: Owner) -> None:
        self.when = NEVER
        self._clock = clock
        self._turn = turn
        self._owner: Owner | None = owner
        self._timer: Timer | None = None

    def set(self, seconds: float) -> None:
        """So many seconds from now; NEVER takes it back."""
        if seconds == NEVER:
            self._take_back()
            return
        self.when = self._clock.now() + seconds
        self.arm()

    def arm(self) -> None:
        """Have the turn's poller call at the deadline, if there are both."""
        if self.when == NEVER or self._turn.poller is None:
            return
        if self._timer is not None:
            if self._timer.when <= self.when:
                return
            self._timer.cancel()
        self._timer = self._turn.poller.call_at(self.when, self.check)

    def check(self) -> None:
        """Tell the owner if it is time."""
        self._timer = None
        if self._clock.now() >= self.when:
            self.when = NEVER
            if self._owner is not None:
                self._owner.on_deadline()
        elif self.when != NEVER and self._turn.poller is not None:
            self._timer = self._turn.poller.call_at(self.when, self.check)

    def close(self) -> None:
        """Never again; lets go of the owner."""
        self._owner = None
        self._take_back()

    def _take_back(self) -> None:
        self.when = NEVER
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
