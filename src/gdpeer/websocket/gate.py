"""The gate of a server: who is let in before a byte of theirs is read.

Addresses stand for people: an IPv4 address for one, and in IPv6 the 64 bits that one household gets.

Layer: `websocket`.
"""

from __future__ import annotations

from collections import Counter
from ipaddress import AddressValueError, IPv6Address

from gdpeer.bucket import BURST, Bucket
from gdpeer.clock import Clock
from gdpeer.websocket.settings import Settings

__all__ = ["Gate", "household"]

MOST_REMEMBERED = 65_536
"""Addresses whose rate is remembered; some 20 MB. Beyond it the oldest are forgotten, and begin anew."""


def household(address: str) -> str:
    """What an address counts as: an IPv6 address its /64 network, every other itself."""
    if ":" not in address:
        return address
    try:
        found = IPv6Address(address.partition("%")[0])
    except AddressValueError:
        return address
    return str(found.ipv4_mapped or IPv6Address(int(found) >> 64 << 64))


class Gate:
    """Counts connections by address, where a limit is set; else it costs nothing.

    Args:
        clock: tells the time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rates: dict[str, Bucket] = {}
        self._places: dict[int, str] = {}  # who came from where
        self._counts: Counter[str] = Counter()

    def obstacle(self, settings: Settings, address: str, pending: int) -> str:
        """Which limit of the settings keeps a newcomer out; "": none.

        Args:
            settings: of the server.
            address: in numbers; "" without TCP, which has no limits by address.
            pending: how many are not open yet.
        """
        if settings.max_pending and pending >= settings.max_pending:
            return "max_pending"
        most, rate = settings.max_connections_per_address, settings.connection_rate
        if not address or not (most or rate):
            return ""
        place = household(address)
        if most and self._counts[place] >= most:
            return "max_connections_per_address"
        return "connection_rate" if rate and not self._has_token(place, rate) else ""

    def _has_token(self, place: str, rate: float) -> bool:
        now = self._clock.now()
        bucket = self._rates.get(place)
        if bucket is None:
            if len(self._rates) >= MOST_REMEMBERED:
                self._forget(now)
            bucket = self._rates[place] = Bucket(rate, max(1.0, rate * BURST), now)
        return bucket.spend(now)

    def _forget(self, now: float) -> None:
        """First those whose absence changes nothing, then the older half."""
        self._rates = {place: bucket for place, bucket in self._rates.items() if not bucket.is_full(now)}
        if len(self._rates) > MOST_REMEMBERED // 2:
            self._rates = dict(list(self._rates.items())[-MOST_REMEMBERED // 2 :])

    def enter(self, settings: Settings, address: str, peer_id: int) -> None:
        """A connection was let in."""
        if address and settings.max_connections_per_address:
            self._places[peer_id] = place = household(address)
            self._counts[place] += 1

    def leave(self, peer_id: int) -> None:
        """It has gone."""
        place = self._places.pop(peer_id, None)
        if place is not None:
            self._counts[place] -= 1
            if not self._counts[place]:
                del self._counts[place]

    def clear(self) -> None:
        """All have gone."""
        self._places.clear()
        self._counts.clear()
        self._rates.clear()
