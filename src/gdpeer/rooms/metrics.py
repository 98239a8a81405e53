"""`HallMetrics`: publishes the figures of a hall in Prometheus' text format; needs the extra `[metrics]`.

    hall.http_handler = http.chain(HallMetrics(hall, token), ...)

No metric has a label for each room or player, so their number does not grow with the game.

Layer: `rooms`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from gdpeer.http.bearer import bearer_of, check_token, is_token
from gdpeer.prometheus import LOOPBACK, Metrics
from gdpeer.protocol.http_headers import Request
from gdpeer.rooms.figures import BUCKETS
from gdpeer.rooms.neighbours import Figure
from gdpeer.rooms.place import PlaceState

if TYPE_CHECKING:
    from gdpeer.rooms.hall import Hall
    from gdpeer.rooms.room import Room

__all__ = ["HallCollector", "HallMetrics"]


class HallCollector(Collector):
    """Collects the figures of a hall for your own Prometheus registry.

    Args:
        hall: has the rooms. The time of a collection grows with their number: 10,000 rooms take about 20 ms.
        prefix: of the metrics' names.
    """

    def __init__(self, hall: Hall, prefix: str = "gdpeer") -> None:
        self._hall = hall
        self._prefix = prefix

    def collect(self) -> Iterator[Metric]:
        """Yields all metrics with their values at this moment."""
        rooms = list(self._hall.rooms.values())
        yield self._gauge("rooms", "Rooms, by kind and state.", ("kind", "state"), _count_rooms(rooms))
        yield self._gauge("places", "Places, by kind of room and state.", ("kind", "state"), _count_places(rooms))
        yield self._number("draining", "1 while the server drains.", int(self._hall.is_draining))
        yield self._number("seats_waiting", "Places that wait for the player's first connection.", self._hall.waiting)
        lives = [self._hall.life_of(room.code) for room in rooms]
        kept = [life.resume for life in lives if life is not None and life.resume is not None]
        yield self._number(
            "queued_bytes_for_away", "Packets for players who are away.", sum(one.queued_bytes for one in kept)
        )
        yield self._number(
            "journal_bytes", "What clients told each other, for a return.", sum(one.journal.used for one in kept)
        )
        yield from self._counters()
        yield self._turns()
        if self._hall.neighbours is not None:
            yield from map(self._figure, self._hall.neighbours.figures())

    def _figure(self, figure: Figure) -> Metric:
        name = f"cluster_{figure.name}"
        if isinstance(figure.value, Counter):
            return self._counter(name, figure.text, figure.label, figure.value)
        return self._number(name, figure.text, figure.value)

    def _counters(self) -> Iterator[Metric]:
        figures = self._hall.figures
        yield self._counter("rooms_made", "Rooms that were made, by kind.", "kind", figures.made)
        yield self._counter("rooms_closed", "Rooms that were closed, by close code.", "code", figures.closed)
        yield self._counter("players_joined", "Players who joined.", "", Counter({"": figures.joined}))
        yield self._counter("players_lost", "Lost connections whose places were kept.", "", Counter({"": figures.lost}))
        yield self._counter("players_returned", "Players who came back, by result.", "result", figures.returned)
        yield self._counter("players_left", "Places that were given up, by reason.", "reason", figures.left)
        yield self._counter("places_refused", "Upgrades without a place, by reason.", "reason", figures.refused)

    def _gauge(self, name: str, text: str, labels: tuple[str, ...], values: Counter[tuple[str, ...]]) -> Metric:
        family = GaugeMetricFamily(f"{self._prefix}_{name}", text, labels=labels)
        for key, value in values.items():
            family.add_metric(key, value)
        return family

    def _number(self, name: str, text: str, value: float) -> Metric:
        return GaugeMetricFamily(f"{self._prefix}_{name}", text, value=value)

    def _counter(self, name: str, text: str, label: str, values: Counter[str] | Counter[int]) -> Metric:
        family = CounterMetricFamily(f"{self._prefix}_{name}", text, labels=[label] if label else [])
        for key, value in values.items():
            family.add_metric([str(key)] if label else [], value)
        return family

    def _turns(self) -> Metric:
        figures = self._hall.figures
        limits = [*map(str, BUCKETS), "+Inf"]
        counts = zip(limits, accumulate(figures.turns), strict=True)
        name, text = f"{self._prefix}_room_turn_seconds", "Time of a room's turns and ticks."
        return HistogramMetricFamily(name, text, buckets=list(counts), sum_value=figures.turn_seconds)


def _count_rooms(rooms: Collection[Room]) -> Counter[tuple[str, ...]]:
    return Counter((room.kind, _state(room)) for room in rooms)


def _state(room: Room) -> str:
    if room.locked:
        return "locked"
    return "full" if room.max_peers and room.taken >= room.max_peers else "open"


def _count_places(rooms: Collection[Room]) -> Counter[tuple[str, ...]]:
    names = {state: state.name.lower() for state in PlaceState}
    return Counter((room.kind, names[place.state]) for room in rooms for place in room.places.values())


class HallMetrics(Metrics):
    """A handler that answers `GET /metrics` with the figures of a hall and of its port.

    Args:
        hall: has the rooms.
        token: a client with `Authorization: Bearer TOKEN` may ask from any address. "": no client may for this reason.
        path: the path that it answers.
        addresses: numeric addresses that may ask without a token; None: all. See `prometheus.Metrics`.
        hosts: names that the `Host` header may have; see `prometheus.Metrics`.
    """

    def __init__(
        self,
        hall: Hall,
        token: str = "",
        path: str = "/metrics",
        addresses: Collection[str] | None = LOOPBACK,
        hosts: Collection[str] = (),
    ) -> None:
        super().__init__(hall.server.stats, path, addresses, hosts)
        self._token = check_token(token) if token else ""
        self._registry.register(HallCollector(hall))

    def _may_ask(self, request: Request) -> bool:
        return is_token(bearer_of(request), self._token) or super()._may_ask(request)
