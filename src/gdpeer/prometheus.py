"""Publishes a server's counters in Prometheus' text format; needs the extra `[metrics]` (prometheus-client).

    from gdpeer.prometheus import Metrics

    server.http_handler = http.chain(Metrics(server.stats), http.StaticFolder("page"))

Layer: above `websocket`; only this module uses prometheus-client. Source: prometheus-client, custom collectors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import fields
from ipaddress import ip_address
from typing import ClassVar

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from gdpeer.arguments import CALLABLE, LINES, STR, checked, optional
from gdpeer.attributes import Guarded
from gdpeer.http import Response
from gdpeer.protocol.http_headers import Request
from gdpeer.websocket.stats import ServerStats

__all__ = ["Metrics", "ServerCollector"]

LOOPBACK = ("127.0.0.1", "::1")

_PORT = re.compile(r":[0-9]*$")

_GAUGES = {
    "peers": "Connected peers.",
    "pending": "Connections that are not open yet.",
    "answering": "Connections that only get a page or a refusal.",
    "queued_packets": "Messages received that the program has not taken yet.",
    "queued_bytes": "Bytes of these messages.",
    "outbound_packets": "Messages that wait to be sent.",
    "outbound_bytes": "Bytes of these messages, and of pages that are being sent.",
}
_COUNTERS = {
    "accepted": "Connections accepted from the system.",
    "opened": "Connections that became WebSockets.",
    "pages": "Requests for pages.",
    "bytes_received": "Bytes received, including HTTP and frame heads.",
    "bytes_sent": "Bytes sent, including HTTP and frame heads.",
    "messages_received": "Messages received.",
    "messages_sent": "Messages sent.",
    "refused_sends": "Sends refused because a queue was full.",
    "throttled": "How often reading paused because a peer was over its rate.",
}
_BY_LABEL = {
    "ended": ("cause", "Connections that ended, by cause."),
    "refused": ("reason", "Connections that did not open, by reason."),
    "refused_packets": ("cause", "Refused packets and calls, by cause."),
}
assert {*_GAUGES, *_COUNTERS, *_BY_LABEL} == {field.name for field in fields(ServerStats)}


class ServerCollector(Collector):
    """Collects a server's counters for your own Prometheus registry.

    Args:
        stats: called at each collection: a server's `stats`.
        prefix: of the metrics' names.
    """

    def __init__(self, stats: Callable[[], ServerStats], prefix: str = "gdpeer") -> None:
        self._stats = stats
        self._prefix = prefix

    def collect(self) -> Iterator[Metric]:
        """Yields all metrics with their values at this moment."""
        found = self._stats()
        for name, text in _GAUGES.items():
            yield GaugeMetricFamily(f"{self._prefix}_{name}", text, value=getattr(found, name))
        for name, text in _COUNTERS.items():
            yield CounterMetricFamily(f"{self._prefix}_{name}", text, value=getattr(found, name))
        for name, (label, text) in _BY_LABEL.items():
            family = CounterMetricFamily(f"{self._prefix}_{name}", text, labels=[label])
            for value, number in getattr(found, name).items():
                family.add_metric([value], number)
            yield family


class Metrics(Guarded):
    """A handler that answers `GET /metrics`, and declines all other requests.

    Args:
        stats: a server's `stats`.
        path: the path that it answers.
        addresses: numeric addresses that may ask; None: all. Behind a proxy on this machine all requests come from this
            machine: then let the proxy refuse the path.
        hosts: names that the `Host` header may have besides `localhost` and addresses, such as `"game.example"`.
            Another name can mean an attack from a page in a browser on this machine, whose host name was made to
            resolve to this machine (DNS rebinding). Ignored if `addresses` is None.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ()

    @checked(stats=CALLABLE, path=STR, addresses=optional(LINES))
    def __init__(
        self,
        stats: Callable[[], ServerStats],
        path: str = "/metrics",
        addresses: Collection[str] | None = LOOPBACK,
        hosts: Collection[str] = (),
    ) -> None:
        if isinstance(hosts, str):
            raise TypeError("hosts is a list of names, not one string")
        self._hosts = {"localhost", *(host.lower() for host in hosts)}
        self._path = path
        self._addresses = addresses
        self._registry = CollectorRegistry()
        self._registry.register(ServerCollector(stats))

    def __call__(self, request: Request) -> Response | None:
        """Answers a request for the metrics; returns None for other requests and for clients that may not ask."""
        return Response(200, generate_latest(self._registry), CONTENT_TYPE_LATEST) if self.answers(request) else None

    def answers(self, request: Request) -> bool:
        """Returns whether this is a request for the metrics, of a client that may ask."""
        return request.path == self._path and request.method in ("GET", "HEAD") and self._may_ask(request)

    def _may_ask(self, request: Request) -> bool:
        if self._addresses is None:
            return True
        return request.remote_address[0] in self._addresses and self._is_ours(request.headers.get_all("host"))

    def _is_ours(self, hosts: list[str]) -> bool:
        """Tells whether the request's host name is this server's own, so that no DNS rebinding can be behind it."""
        if not hosts:
            return True  # HTTP/1.0, which browsers do not use
        name = _PORT.sub("", hosts[0].strip().lower()).removesuffix(".")
        # A browser that was sent to an address shows that address: DNS rebinding needs a name.
        try:
            ip_address(name.removeprefix("[").removesuffix("]"))
        except ValueError:
            return name in self._hosts
        return True
