"""`Deadline`: the moment at which a connection must act although nothing arrives. A connection has one at a time.

A heap of timers is cheap to fill and expensive to search. So a later deadline leaves the old timer in the heap, which
looks again when it is due: to move a deadline back costs nothing.

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
    """Has a deadline."""

    def on_deadline(self) -> None:
        """Called when the deadline has come."""


class Deadline:
    """Calls its owner's `on_deadline` once, at or after a moment.

    The poller of `turn` calls `check`. If the turn has no poller, the owner must call `check` now and then.

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
        """Sets the deadline to `seconds` from now; NEVER removes the deadline."""
        if seconds == NEVER:
            self._take_back()
            return
        self.when = self._clock.now() + seconds
        self.arm()

    def arm(self) -> None:
        """Has the turn's poller call `check` at the deadline, if a poller and a deadline are set."""
        if self.when == NEVER or self._turn.poller is None:
            return
        if self._timer is not None:
            if self._timer.when <= self.when:
                return
            self._timer.cancel()
        self._timer = self._turn.poller.call_at(self.when, self)

    def __call__(self) -> None:
        """Checks, for the poller: a bound method would take more memory for each connection."""
        self.check()

    def check(self) -> None:
        """Calls the owner if the deadline has come."""
        self._timer = None
        if self._clock.now() >= self.when:
            self.when = NEVER
            if self._owner is not None:
                self._owner.on_deadline()
        elif self.when != NEVER and self._turn.poller is not None:
            self._timer = self._turn.poller.call_at(self.when, self)

    def close(self) -> None:
        """Ends the use of the deadline, and drops the owner."""
        self._owner = None
        self._take_back()

    def _take_back(self) -> None:
        self.when = NEVER
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
