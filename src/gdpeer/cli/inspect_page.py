"""The page of `gdpeer inspect`: on a port of its own, fed over one WebSocket for each tab.

Only pages of that very port may read it: what passes is nobody else's business. Where other machines reach the port, a
token in the page's address keeps out who does not know it.

Layer: `cli`.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from gdpeer import WebSocketServer
from gdpeer.cli.serving import UNIX, address, check_listening, resolve
from gdpeer.demos.origins import is_loopback, own_origins
from gdpeer.demos.pages import page_beside
from gdpeer.http import Handler, Request, Response
from gdpeer.inspection.rows import Inspector, Row
from gdpeer.inspection.tunnel import Tunnel

__all__ = ["Page"]

TOKEN_BYTES = 16

KEPT = 500
"""Rows that a page gets that is opened late."""

PAUSE = 0.1
"""Seconds between two messages to the pages: so many rows go into one."""

TOTALS_PAUSE = 1.0
"""The same while nothing comes: rates fall."""

MOST_TOTALS = 50


class Page:
    """The server of the page.

    Args:
        inspector: for the totals.
        tunnel: for the time.
        host: where to listen.
        port: 0 takes a free one.
        to: what to say of the server that is looked at.

    Attributes:
        port: where it listens.
        token: what the page's path begins with; "" where only this machine reaches the port.
        address: of the page.
    """

    def __init__(self, inspector: Inspector, tunnel: Tunnel, host: str, port: int, to: str) -> None:
        self._inspector = inspector
        self._tunnel = tunnel
        self._to = to
        self._rows: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._fresh: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._left_out = 0
        self._sent_at = 0.0
        self._server = server = WebSocketServer()
        server.bind_ip = resolve(host)
        server.outbound_buffer_size = 64 * 1024 * 1024
        server.http_handler = page_beside(__file__)
        self.token = ""
        if not (host.startswith(UNIX) or is_loopback(server.bind_ip)):
            self.token = secrets.token_urlsafe(TOKEN_BYTES)
            server.http_handler = guarded(self.token, server.http_handler)
            server.process_request = self._check_token
        server.client_connected.connect(self._greet)
        check_listening(server, server.listen(port))
        self.port = server.get_local_port()
        self.address = address("http", host, self.port, f"/{self.token}/" if self.token else "/")
        server.allowed_origins = own_origins(host, self.port)

    def _check_token(self, request: Request) -> Response | None:
        is_right = is_token(request.path.strip("/"), self.token)
        return None if is_right else Response(404, "the address of the page has a token: gdpeer inspect prints it")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Tell the pages that it is over."""
        self._send([], is_over=True)
        self._server.stop(1001, "Inspector stopped", grace=0.5)

    def show(self, rows: Sequence[Row]) -> None:
        """These came."""
        if self._server.peers:
            self._left_out += max(0, len(rows) + len(self._fresh) - KEPT)
        lines = [row.as_json() for row in rows[-KEPT:]]
        self._rows.extend(lines)
        self._fresh.extend(lines)
        now = self._tunnel.time()
        if now - self._sent_at >= (PAUSE if self._fresh else TOTALS_PAUSE):
            self._sent_at = now
            self._send(list(self._fresh))
            self._fresh.clear()
            self._left_out = 0
        self._server.poll()

    def _send(self, rows: list[dict[str, Any]], *, is_over: bool = False) -> None:
        if self._server.peers:
            self._server.broadcast(self._message(rows, is_over=is_over))

    def _greet(self, peer_id: int, protocol: str) -> None:
        # Whoever joins gets all there is; what is fresh comes to the others now, so that it comes to nobody twice.
        others = [one for one in self._server.peers if one != peer_id]
        self._server.broadcast_to(others, self._message(list(self._fresh)))
        self._fresh.clear()
        self._server.broadcast_to([peer_id], self._message(list(self._rows)))

    def _message(self, rows: list[dict[str, Any]], *, is_over: bool = False) -> str:
        fields = {
            "to": self._to,
            "rows": rows,
            "left_out": self._left_out,
            "totals": self._inspector.totals.as_json(MOST_TOTALS),
            "undecoded": self._inspector.undecoded,
            "seconds": self._tunnel.time(),
            "over": is_over,
        }
        return json.dumps(fields, ensure_ascii=False)


def guarded(token: str, handler: Handler) -> Handler:
    """A handler below a path that only those know who were told."""

    def answer(request: Request) -> Response | None:
        given, _, rest = request.target.removeprefix("/").partition("/")
        return handler(replace(request, target=f"/{rest}")) if is_token(given, token) else None

    return answer


def is_token(given: str, token: str) -> bool:
    """Whether it is the token; to find out takes as long for every wrong one."""
    return hmac.compare_digest(given.encode(), token.encode())
