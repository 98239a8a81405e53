"""`Admission`: a server's limits by address, which count before a byte of a connection is read.

An IPv4 address counts as one place. In IPv6 a place is a network of 64 bits, as one household gets it.

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
"""Page requests that a place may make for each connection that `connection_rate` allows. A page consists of many
files, and each comes over a connection of its own."""

MOST_REMEMBERED = 65_536
"""Places whose rate is counted, which takes about 20 MB. Beyond it the oldest are forgotten, and begin anew."""

Rates = dict[str, TokenBucket]


def household(address: str) -> str:
    """Returns the place of an address: the /64 network of an IPv6 address, else the address itself."""
    if ":" not in address:
        return address
    try:
        found = IPv6Address(address.partition("%")[0])
    except AddressValueError:
        return address
    return str(found.ipv4_mapped or IPv6Address(int(found) >> 64 << 64))


class Admission:
    """Counts connections by place if a limit is set; costs nothing otherwise."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rates: Rates = {}
        self._page_rates: Rates = {}
        self._places: dict[int, str] = {}  # by the connection's id
        self._counts: Counter[str] = Counter()
        self._pages: dict[int, str] = {}  # the places of connections that load a page
        self._page_counts: Counter[str] = Counter()

    def obstacle(self, settings: Settings, address: str, pending: int) -> str:
        """Returns the setting whose limit refuses a new connection; "": none.

        Args:
            settings: of the server.
            address: in numbers; "" without TCP, which has no limits by address.
            pending: connections that are not open yet.
        """
        return self._obstacle(settings, address, pending, self._counts, self._rates, settings.connection_rate)

    def page_obstacle(self, settings: Settings, address: str, answering: int) -> str:
        """Returns the setting whose limit refuses a page to an accepted connection; "": none.

        Args:
            settings: of the server. Its limits of connections count for pages too, in counters of their own.
            address: in numbers; "" without TCP.
            answering: pages and refusals that are being sent.
        """
        rate = settings.connection_rate * PAGES_A_CONNECTION
        return self._obstacle(settings, address, answering, self._page_counts, self._page_rates, rate)

    def _obstacle(
        self, settings: Settings, address: str, waiting: int, counts: Counter[str], rates: Rates, rate: float
    ) -> str:
        most = settings.max_connections_per_address
        if settings.max_pending and waiting >= settings.max_pending:
            return "max_pending"
        if not address or not (most or rate):
            return ""
        place = household(address)
        if most and counts[place] >= most:
            return "max_connections_per_address"
        return "connection_rate" if rate and not self._has_token(rates, place, rate) else ""

    def turn_to_page(self, settings: Settings, peer_id: int, address: str) -> None:
        """Counts a connection as one that loads a page, and no longer as one that may become a peer."""
        if peer_id in self._places:
            self._pages[peer_id] = place = self._places[peer_id]
            self._page_counts[place] += 1
            self._leave(self._places, self._counts, peer_id)
        bucket = self._rates.get(household(address)) if address and settings.connection_rate else None
        if bucket is not None:
            bucket.take(-1, self._clock.now())

    def _has_token(self, rates: Rates, place: str, rate: float) -> bool:
        now = self._clock.now()
        bucket = rates.get(place)
        if bucket is None:
            if len(rates) >= MOST_REMEMBERED:
                _forget(rates, now)
            bucket = rates[place] = TokenBucket(rate, max(1.0, rate * BURST), now)
        return bucket.spend(now)

    def enter(self, settings: Settings, address: str, peer_id: int) -> None:
        """Counts a connection that was let in."""
        if address and settings.max_connections_per_address:
            self._places[peer_id] = place = household(address)
            self._counts[place] += 1

    def leave(self, peer_id: int) -> None:
        """Counts a connection no more, as it has ended."""
        self._leave(self._places, self._counts, peer_id)
        self._leave(self._pages, self._page_counts, peer_id)

    def _leave(self, places: dict[int, str], counts: Counter[str], peer_id: int) -> None:
        place = places.pop(peer_id, None)
        if place is not None:
            counts[place] -= 1
            if not counts[place]:
                del counts[place]

    def clear(self) -> None:
        """Forgets all connections and rates."""
        for kept in (self._places, self._counts, self._rates, self._pages, self._page_counts, self._page_rates):
            kept.clear()


def _forget(rates: Rates, now: float) -> None:
    """Forgets places: all whose full bucket says no more than none, and the older half of what is left."""
    kept = {place: bucket for place, bucket in rates.items() if not bucket.is_full(now)}
    if len(kept) > MOST_REMEMBERED // 2:
        kept = dict(list(kept.items())[-MOST_REMEMBERED // 2 :])
    rates.clear()
    rates.update(kept)
