"""When to connect again, and when not to: a policy without I/O, for every front.

| what ended it | again? |
|---|---|
| no such name, TCP refused or lost, a time limit | yes: networks come back |
| TLS: a certificate that is not trusted | no; a connection that was open and broke within TLS: yes |
| a proxy that refuses | no |
| HTTP status 408, 425, 429, 500 and more | yes: the server is busy, or starting |
| another status (403 of a refused origin, 404 ...), an upgrade or a sub-protocol that does not fit | no |
| a close with 1001, 1006, 1011 to 1014 | yes: the server goes down, failed, or wants us later |
| a close with 1000, another code, or none | no: that is what one side wanted |
| bytes that break the protocol, a message over the limit | no: it would come again |
| this side let go | no |

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
    """A number from 0 to 1, of the system's randomness: many clients must not come back together."""
    return secrets.randbelow(1 << 30) / (1 << 30)


_CAUSE = a("a CloseCause", CloseCause)


class Reconnection(Guarded):
    """Pauses that grow, up to a limit, and begin anew after a connection that held.

    Args:
        first: seconds before the first new attempt.
        most: seconds of the longest pause.
        factor: so many times as long is each pause as the one before.
        jitter: the share of a pause that is left to chance, from 0 to 1; with 0.5 it is half to all of its length.
        attempts: give up after so many in a row that failed; None: never.
        patience: give up after so many seconds without a connection; None: never.
        held: seconds after which a connection counts as a good one. One that ends earlier is a failed attempt.
        codes: close codes after which to connect again, beside 1001, 1006 and 1011 to 1014; an application's own, say.
        clock: for tests.
        chance: likewise.

    Raises:
        ValueError: a number makes no sense.
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
        """A connection has opened."""
        self._opened = self._clock.now()

    def ended(self) -> None:
        """It is over, or the attempt failed: to be called once for each, before `next_delay`."""
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
        """Whether there is no use in trying again after an end, as after a certificate that is not trusted.

        Args:
            cause: of the end.
            code: of the close, where there was one.
        """
        if cause.cause is Cause.HTTP_STATUS:
            return cause.status < 500 and cause.status not in BUSY
        if cause.cause in (Cause.CLOSED, Cause.TOO_SLOW):
            return code not in self._codes
        if cause.cause is Cause.TLS:
            return not self._was_open
        return cause.cause not in PASSING_CAUSES

    def next_delay(self) -> float | None:
        """Seconds to wait before the next attempt; None: give up, by `attempts` or `patience`."""
        if self._attempts is not None and self._failures > self._attempts:
            return None
        exponent = min(max(0, self._failures - 1), 64)  # beyond, a float would overflow
        pause = min(self._most, self._first * self._factor**exponent)
        pause *= 1 - self._jitter * self._chance()
        is_over = self._patience is not None and self._waited() + pause > self._patience
        return None if is_over else pause

    def _waited(self) -> float:
        """Seconds without a connection."""
        return 0.0 if self._since is None else self._clock.now() - self._since

    @checked(cause=_CAUSE, code=INT)
    def delay_after(self, cause: CloseCause, code: int = -1) -> float | None:
        """`ended`, and how long to wait; None: do not try again."""
        self.ended()
        return None if self.is_final(cause, code) else self.next_delay()
