"""`watch`: puts health check, metrics and monitor before a hall's own pages.

Layer: `rooms`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from gdpeer.http.response import Handler, Reply, Response
from gdpeer.http.static import chain
from gdpeer.protocol.http_headers import Request
from gdpeer.rooms.monitor import Monitor

if TYPE_CHECKING:
    from gdpeer.rooms.hall import Hall

__all__ = ["health_of", "watch"]


def watch(hall: Hall, token: str = "", *, addresses: Collection[str] = ("127.0.0.1", "::1")) -> None:
    """Has a hall answer `/health`, `/metrics` and `/monitor/` before its own `http_handler`.

    Args:
        hall: has the rooms.
        token: of the monitor; "" turns the monitor off. See `Monitor`.
        addresses: numeric addresses that get the metrics without the token. Leave them out behind a proxy on this
            machine, from which all requests come.

    Raises:
        ValueError: the token is too short.
    """
    handlers: list[Handler] = [health_of(hall), metrics_of(hall, token, addresses), Monitor(hall, token)]
    hall.http_handler = chain(*handlers, *([] if hall.http_handler is None else [hall.http_handler]))


def health_of(hall: Hall) -> Handler:
    """Returns a handler that answers `/health`, also while the hall drains: players may return meanwhile."""

    def answer(request: Request) -> Response | None:
        if request.path != "/health" or request.method not in ("GET", "HEAD"):
            return None
        status = "draining" if hall.is_draining else "ok"
        about = {"status": status, "rooms": len(hall.rooms), "peers": len(hall.server.peers)}
        if hall.cluster is not None:  # other workers ask this when they cannot renew their lease
            about |= {"worker": hall.cluster.name, "renews": hall.cluster.member.is_renewing()}
        return Response.json(about)

    return answer


def metrics_of(hall: Hall, token: str, addresses: Collection[str]) -> Handler:
    """Returns a handler that answers `/metrics`, without prometheus-client by a line that says what is missing.

    Behind a door, the metrics are those of all workers of this machine.
    """
    try:
        from gdpeer.rooms.metrics import HallMetrics
    except ImportError:
        missing = Response(501, 'metrics need prometheus-client: pip install "gdpeer[metrics]"\n')
        return lambda request: missing if request.path == "/metrics" else None
    page = HallMetrics(hall, token, addresses=addresses)

    def answer(request: Request) -> Reply:
        if not page.answers(request):
            return None
        of_all: Reply = None if hall.cluster is None else hall.cluster.watching.gather_metrics()
        return page(request) if of_all is None else of_all

    return answer
