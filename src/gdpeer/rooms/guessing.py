"""`Guessing`: stops an address that tries codes or seats until one fits.

    guessing.check_code(address)     raises HandshakeError (429) after too many misses
    guessing.miss_code(address)      a code led to no room

Wrong codes and wrong seats are counted apart: a neighbour behind the same address who tries codes does not keep a
player with a seat outside. Only refused attempts count, so players who join the rooms that they know never wait.

Layer: `rooms`; pure.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from math import ceil

from gdpeer.clock import Clock
from gdpeer.errors import HandshakeError
from gdpeer.token_bucket import TokenBucket
from gdpeer.websocket.admission import household

__all__ = ["Attempts", "Guessing"]

MOST_REMEMBERED = 65_536
"""Addresses that are counted, which takes about 20 MB. Beyond it the oldest are forgotten, and begin anew."""


class Attempts:
    """Counts attempts by address; an IPv6 network of 64 bits counts as one address, as a household gets it.

    Args:
        clock: tells the time.
        burst: attempts at once.
        rate: further attempts per second.
        exempt: addresses that are not counted.
    """

    __slots__ = ("_buckets", "_burst", "_clock", "_exempt", "_rate")

    def __init__(self, clock: Clock, burst: float, rate: float, exempt: Container[str] = ()) -> None:
        self._clock = clock
        self._exempt = exempt
        self._burst = burst
        self._rate = rate
        self._buckets: dict[str, TokenBucket] = {}

    def wait(self, address: str) -> float:
        """Returns the seconds until an address may try again; 0.0: it may now.

        `address` is in numbers; "" stands for a connection without TCP, which is never limited.
        """
        bucket = self._buckets.get(household(address)) if address and self._buckets else None
        if bucket is None:
            return 0.0
        left = bucket.take(0, self._clock.now())
        return 0.0 if left >= 1 else (1 - left) / self._rate

    def count(self, address: str) -> None:
        """Counts an attempt of an address."""
        if not address or address in self._exempt:
            return
        now, place = self._clock.now(), household(address)
        bucket = self._buckets.get(place)
        if bucket is None:
            if len(self._buckets) >= MOST_REMEMBERED:
                self._buckets = dict(self._worth_keeping(now))
            bucket = self._buckets[place] = TokenBucket(self._rate, self._burst, now)
        # Never below zero: an address that goes on trying must not wait for ever longer.
        bucket.spend(now)

    def _worth_keeping(self, now: float) -> Iterator[tuple[str, TokenBucket]]:
        kept = [item for item in self._buckets.items() if not item[1].is_full(now)]
        yield from kept[-MOST_REMEMBERED // 2 :]


class Guessing:
    """Counts the attempts of all addresses at codes and at seats, and refuses further attempts with status 429.

    Args:
        clock: tells the time.
        codes: codes without a room at once for each address; then ten per minute.
        seats: refused seats at once for each address; then ten per minute.

    Attributes:
        exempt: addresses without limits, in numbers: those of a reverse proxy, from which all players come.
    """

    __slots__ = ("_clock", "_codes", "_seats", "exempt")

    def __init__(self, clock: Clock, codes: int = 20, seats: int = 25) -> None:
        self.exempt: set[str] = set()
        self._clock = clock
        self._codes = self.attempts(codes, 10 / 60)
        self._seats = self.attempts(seats, 10 / 60)

    def attempts(self, burst: float, rate: float) -> Attempts:
        """Returns a further counter with the same exempt addresses."""
        return Attempts(self._clock, burst, rate, self.exempt)

    def check_code(self, address: str) -> None:
        """Refuses an address that tried too many codes, by HandshakeError (429). Call it before a code is looked up."""
        _refuse(self._codes.wait(address), "too many wrong room codes from this address")

    def miss_code(self, address: str) -> None:
        """Counts a code that led to no room."""
        self._codes.count(address)

    def check_seat(self, address: str) -> None:
        """Refuses an address that tried too many seats, by HandshakeError (429). Call it before a seat is checked."""
        _refuse(self._seats.wait(address), "too many wrong seats from this address")

    def miss_seat(self, address: str) -> None:
        """Counts a seat that was refused."""
        self._seats.count(address)


def _refuse(wait: float, detail: str) -> None:
    if wait > 0:
        raise HandshakeError(detail, status=429, headers=(("Retry-After", str(ceil(wait))),))
