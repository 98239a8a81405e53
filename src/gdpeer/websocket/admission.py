"""The gate of a server: who is let in before a byte of theirs is read.

Addresses stand for people: an IPv4 address for one, and in IPv6 the 64 bits that one household gets.

Layer: `websocket`.
"""

from __future__ import annotations

from collections import Counter
from ipaddress import AddressValueError, IPv6Address

from gdpeer.clock import Clock
from gdpeer.token_bucket import BURST, TokenBucket
from gdpeer.websocket.settings import Settings

__all__ = ["PAGES_A_CONNECTION", "Admission", "household"]

PAGES_A_CONNECTION = 10
"""Requests for pages that one address may make for each connection that `connection_rate` grants it: a page is made of
many files, each of which is asked for by a connection of its own."""

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


class Admission:
    """Counts connections by address, where a limit is set; else it costs nothing.

    Args:
        clock: tells the time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rates: dict[str, TokenBucket] = {}
        self._page_rates: dict[str, TokenBucket] = {}
        self._places: dict[int, str] = {}  # who came from where
        self._counts: Counter[str] = Counter()
        self._pages: dict[int, str] = {}  # the same of those that load a page
        self._page_counts: Counter[str] = Counter()

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
        return "connection_rate" if rate and not self._has_token(self._rates, place, rate) else ""

    def page_obstacle(self, settings: Settings, address: str, answering: int) -> str:
        """Which limit keeps a page from somebody who was let in; "": none. Pages have counters of their own.

        Args:
            settings: of the server; the limits of connections count for pages apart.
            address: in numbers; "" without TCP.
            answering: how many pages and refusals are on their way.
        """
        if settings.max_pending and answering >= settings.max_pending:
            return "max_pending"
        most, rate = settings.max_connections_per_address, settings.connection_rate
        if not address or not (most or rate):
            return ""
        place = household(address)
        if most and self._page_counts[place] >= most:
            return "max_connections_per_address"
        has_token = not rate or self._has_token(self._page_rates, place, rate * PAGES_A_CONNECTION)
        return "" if has_token else "connection_rate"

    def turn_to_page(self, settings: Settings, peer_id: int, address: str) -> None:
        """A connection asked for a page: it does not count as one that may become a peer."""
        if peer_id in self._places:
            self._pages[peer_id] = place = self._places[peer_id]
            self._page_counts[place] += 1
            self._leave(self._places, self._counts, peer_id)
        bucket = self._rates.get(household(address)) if address and settings.connection_rate else None
        if bucket is not None:
            bucket.take(-1, self._clock.now())

    def _has_token(self, rates: dict[str, TokenBucket], place: str, rate: float) -> bool:
        now = self._clock.now()
        bucket = rates.get(place)
        if bucket is None:
            if len(rates) >= MOST_REMEMBERED:
                _forget(rates, now)
            bucket = rates[place] = TokenBucket(rate, max(1.0, rate * BURST), now)
        return bucket.spend(now)

    def enter(self, settings: Settings, address: str, peer_id: int) -> None:
        """A connection was let in."""
        if address and settings.max_connections_per_address:
            self._places[peer_id] = place = household(address)
            self._counts[place] += 1

    def leave(self, peer_id: int) -> None:
        """It has gone."""
        self._leave(self._places, self._counts, peer_id)
        self._leave(self._pages, self._page_counts, peer_id)

    def _leave(self, places: dict[int, str], counts: Counter[str], peer_id: int) -> None:
        place = places.pop(peer_id, None)
        if place is not None:
            counts[place] -= 1
            if not counts[place]:
                del counts[place]

    def clear(self) -> None:
        """All have gone."""
        for kept in (self._places, self._counts, self._rates, self._pages, self._page_counts, self._page_rates):
            kept.clear()


def _forget(rates: dict[str, TokenBucket], now: float) -> None:
    """First those whose absence changes nothing, then the older half."""
    kept = {place: bucket for place, bucket in rates.items() if not bucket.is_full(now)}
    if len(kept) > MOST_REMEMBERED // 2:
        kept = dict(list(kept.items())[-MOST_REMEMBERED // 2 :])
    rates.clear()
    rates.update(kept)
