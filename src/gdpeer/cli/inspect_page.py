"""Serves the web page of `gdpeer inspect --page` on a port of its own, and feeds each tab over a WebSocket.

Pages of other origins may not connect, because the traffic may hold secrets. If other machines can reach the port, the
page's address contains a random token, and requests without the token get status 404.

Layer: `cli`.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self

from gdpeer import WebSocketServer
from gdpeer.cli.serving import GOING_AWAY, UNIX, address, check_listening, resolve
from gdpeer.demos.origins import is_loopback, own_origins
from gdpeer.http import Handler, Request, Response
from gdpeer.http.own_pages import page_beside
from gdpeer.http.response import Reply
from gdpeer.inspection.rows import Inspector, Row
from gdpeer.inspection.tunnel import Tunnel

__all__ = ["Page"]

TOKEN_BYTES = 16

KEPT = 500
"""Rows that are kept for pages that are opened later."""

PAUSE = 0.1
"""Seconds between two messages to the pages; the rows in between are collected."""

TOTALS_PAUSE = 1.0
"""Seconds between two messages without new rows, which show that rates fall."""

MOST_TOTALS = 50
"""Rows of each table of totals on the page."""


class Page:
    """The server of the page; use it as a context manager.

    Args:
        inspector: holds the totals.
        tunnel: tells the time.
        host: address to listen on, as `--host` takes it.
        port: 0 takes a free port.
        to: URL of the game's server, to show on the page.

    Attributes:
        port: the port that it listens on.
        token: the first part of the page's path; "" if only this machine can reach the port.
        address: URL of the page, with the token.

    Raises:
        Failure: the port cannot be opened, or the host is unknown.
    """

    def __init__(self, inspector: Inspector, tunnel: Tunnel, host: str, port: int, to: str) -> None:
        self._inspector = inspector
        self._tunnel = tunnel
        self._to = to
        self._rows: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._fresh: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._left_out = 0
        self._sent_at = 0.0  # in the tunnel's time
        self._server = server = WebSocketServer()
        server.bind_ip = resolve(host)
        server.outbound_buffer_size = 64 * 1024 * 1024  # a page that is opened late gets all kept rows at once
        server.http_handler = page_beside(__file__)
        # Only this machine's users can reach a loopback address or a Unix socket, so these need no token.
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

    def __exit__(self, *error: object) -> None:
        """Tells the pages that the inspection is over, and stops the server."""
        self._send([], is_over=True)
        self._server.stop(GOING_AWAY, "Inspector stopped", grace=0.5)

    def show(self, rows: Sequence[Row]) -> None:
        """Shows new rows on all pages, and polls the server; call it in each turn, also without rows."""
        if self._server.peers:
            # The queue of fresh rows drops the oldest: pages say how many rows they do not show.
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
        # A new page gets all kept rows, including fresh ones. Send the fresh ones to the other pages now, so that no
        # page gets a row twice.
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
    """Returns a handler that serves the same files below `/TOKEN/`, and nothing elsewhere."""

    def answer(request: Request) -> Reply:
        given, _, rest = request.target.removeprefix("/").partition("/")
        return handler(replace(request, target=f"/{rest}")) if is_token(given, token) else None

    return answer


def is_token(given: str, token: str) -> bool:
    """Returns whether a text is the token. Takes the same time for every wrong text, so that no guess gets closer."""
    return hmac.compare_digest(given.encode(), token.encode())
