"""`Reconnection`: decides whether to connect again, and after how long. It has no I/O, so all clients can use it.

| what ended the connection | connect again? |
|---|---|
| name not found, TCP refused or lost, a time limit | yes: networks recover |
| TLS: a certificate that is not trusted | no; yes if the connection had been open |
| a proxy that refuses | no |
| HTTP status 408, 425, 429, 500 and above | yes: the server is busy, or starting |
| another status (403 for an origin, 404, ...), a wrong upgrade or sub-protocol | no |
| a close with code 1001, 1006, 1011 to 1014 | yes: the server restarts, failed, or is overloaded |
| a close with 1000, another code, or none | no: one side wanted to end |
| a protocol violation, a message over the limit | no: it would happen again |
| this side ended the connection | no |

Layer: `websocket`; pure.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection
from typing import ClassVar

from gdpeer.arguments import CALLABLE, IDS, INT, NUMBER, Kind, a, checked, optional
from gdpeer.attributes import Guarded
from gdpeer.clock import MONOTONIC, Clock
from gdpeer.errors import Cause, CloseCause

__all__ = ["Reconnection"]

BUSY = frozenset({408, 425, 429})
PASSING_CODES = frozenset({1001, 1006, 1011, 1012, 1013, 1014})
PASSING_CAUSES = frozenset({Cause.DNS, Cause.TCP, Cause.TIMEOUT})


def chance() -> float:
    """Returns a random number from 0 to 1, from the system: clients with the same seed would return together."""
    return secrets.randbelow(1 << 30) / (1 << 30)


_CAUSE = a("a CloseCause", CloseCause)


class Reconnection(Guarded):
    """A policy for connecting again: waits that grow up to a limit, and begin anew after a connection that lasted.

    Args:
        first: the first wait, in seconds.
        most: the longest wait, in seconds.
        factor: each wait is this many times as long as the one before; at least 1.
        jitter: the random share of each wait, from 0 to 1. With 0.5, a wait is cut to between half and all of its
            length, so that clients do not return at the same moment.
        attempts: gives up after this many failed attempts in a row. None: never.
        patience: gives up after this many seconds without a connection. None: never.
        held: a connection that lasted this many seconds resets the wait to `first`. One that ended earlier counts as a
            failed attempt.
        codes: more close codes after which to connect again, beside 1001, 1006 and 1011 to 1014.
        clock: a `ManualClock` in tests.
        chance: returns a random number from 0 to 1; another function in tests.

    Raises:
        ValueError: a number is out of its range, or `most` is less than `first`.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ()

    @checked(
        first=NUMBER,
        most=NUMBER,
        factor=NUMBER,
        jitter=NUMBER,
        attempts=optional(INT),
        patience=optional(NUMBER),
        held=NUMBER,
        codes=Kind("several close codes", IDS.fits),
        chance=CALLABLE,
    )
    def __init__(
        self,
        first: float = 0.5,
        most: float = 30.0,
        *,
        factor: float = 2.0,
        jitter: float = 0.5,
        attempts: int | None = None,
        patience: float | None = None,
        held: float = 5.0,
        codes: Collection[int] = (),
        clock: Clock = MONOTONIC,
        chance: Callable[[], float] = chance,
    ) -> None:
        if not (0 <= first <= most and factor >= 1 and 0 <= jitter <= 1 and held >= 0):
            raise ValueError("0 <= first <= most, factor >= 1, 0 <= jitter <= 1 and held >= 0 are needed")
        self._first, self._most, self._factor, self._jitter = first, most, factor, jitter
        self._attempts, self._patience, self._held = attempts, patience, held
        self._codes = PASSING_CODES | frozenset(codes)
        self._clock = clock
        self._chance = chance
        self._failures = 0
        self._since: float | None = None  # without a connection
        self._opened: float | None = None
        self._was_open = False

    def connected(self) -> None:
        """Notes that a connection has opened."""
        self._opened = self._clock.now()

    def ended(self) -> None:
        """Notes that a connection has ended, or an attempt failed. Call it once for each, before `next_delay`."""
        now = self._clock.now()
        if self._opened is not None and now - self._opened >= self._held:
            self._failures = 0
            self._since = None
        self._was_open = self._opened is not None
        self._opened = None
        self._since = now if self._since is None else self._since
        self._failures += 1

    @checked(cause=_CAUSE, code=INT)
    def is_final(self, cause: CloseCause, code: int = -1) -> bool:
        """Whether connecting again is useless after an end, as after a certificate that is not trusted.

        Args:
            cause: of the end.
            code: the close code; -1: there was none.
        """
        if cause.cause is Cause.HTTP_STATUS:
            return cause.status < 500 and cause.status not in BUSY
        if cause.cause in (Cause.CLOSED, Cause.TOO_SLOW):
            return code not in self._codes
        if cause.cause is Cause.TLS:
            return not self._was_open
        return cause.cause not in PASSING_CAUSES

    def next_delay(self) -> float | None:
        """Returns the seconds to wait before the next attempt; None: give up, by `attempts` or `patience`."""
        if self._attempts is not None and self._failures > self._attempts:
            return None
        exponent = min(max(0, self._failures - 1), 64)  # beyond, a float would overflow
        pause = min(self._most, self._first * self._factor**exponent)
        pause *= 1 - self._jitter * self._chance()
        waited = 0.0 if self._since is None else self._clock.now() - self._since
        return None if self._patience is not None and waited + pause > self._patience else pause

    @checked(cause=_CAUSE, code=INT)
    def delay_after(self, cause: CloseCause, code: int = -1) -> float | None:
        """Calls `ended`, and returns the seconds to wait before the next attempt; None: do not connect again.

        Args:
            cause: of the end.
            code: the close code; -1: there was none.
        """
        self.ended()
        return None if self.is_final(cause, code) else self.next_delay()
