"""A connection's times: the deadline that it has now, and the round trip of its pings.

A heap of timers is cheap to fill and dear to search, so a timer that comes too early is left where it is and looks
again
when it is due: moving a deadline back costs nothing.

Layer: `websocket`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gdpeer.clock import Clock
from gdpeer.websocket.turn import Turn

if TYPE_CHECKING:
    from gdpeer.transport.poller import Timer

__all__ = ["NEVER", "Deadline", "RoundTrip"]

NEVER = float("inf")


class Deadline:
    """The next moment at which something is to be done although nothing arrives.

    Args:
        clock: tells the time.
        turn: its poller, if it has one, calls `due`; else the owner asks `is_due` now and then.
        due: called once at or after the deadline.

    Attributes:
        when: seconds of the clock; infinite for never.
    """

    __slots__ = ("_clock", "_due", "_timer", "_turn", "when")

    def __init__(self, clock: Clock, turn: Turn, due: Callable[[], None]) -> None:
        self.when = NEVER
        self._clock = clock
        self._turn = turn
        self._due: Callable[[], None] | None = due
        self._timer: Timer | None = None

    def set(self, seconds: float) -> None:
        """So many seconds from now; NEVER takes it back."""
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
        """Call `due` if it is time."""
        self._timer = None
        if self._clock.now() >= self.when:
            self.when = NEVER
            if self._due is not None:
                self._due()
        elif self.when != NEVER and self._turn.poller is not None:
            self._timer = self._turn.poller.call_at(self.when, self.check)

    def close(self) -> None:
        """Never again; lets go of `due`."""
        self.when = NEVER
        self._due = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class RoundTrip:
    """The newest ping that was sent, and how long its answer took.

    Attributes:
        latency: seconds of the newest round trip; -1 before the first.
        is_waiting: whether the newest ping was not answered yet.
    """

    __slots__ = ("_pongs", "_sent", "_token", "is_waiting", "latency")

    def __init__(self) -> None:
        self.latency = -1.0
        self.is_waiting = False
        self._token = b""
        self._sent = 0.0
        self._pongs = 0

    def begin(self, token: bytes, now: float) -> None:
        """A ping with this payload goes out."""
        self._token = token
        self._sent = now
        self.is_waiting = True

    def end(self, pongs: int, payload: bytes, now: float) -> None:
        """So many pongs have come in all, the newest with this payload."""
        if pongs != self._pongs:
            self._pongs = pongs
            if self.is_waiting and payload == self._token:
                self.is_waiting = False
                self.latency = now - self._sent
