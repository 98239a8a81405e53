"""Serves the web page of `gdpeer inspect --page` on a port of its own, and feeds each tab over a WebSocket.

The page gets rows and totals over the WebSocket. It fetches one message in detail and the recording by HTTP, below a
path that only the WebSocket tells: a page of another origin cannot know this path.

Pages of other origins may not connect, because the traffic may hold secrets. If other machines can reach the port, the
page's address contains a random token, and requests without the token get status 404.

Layer: `cli`.
"""

from __future__ import annotations

import hmac
import json
import re
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
from gdpeer.http.response import Reply, only_get
from gdpeer.http.static import chain
from gdpeer.inspection.backlog import Backlog, detail
from gdpeer.inspection.decoded import Allowance
from gdpeer.inspection.history import History
from gdpeer.inspection.recording import pieces
from gdpeer.inspection.rows import Inspector, Row
from gdpeer.inspection.tunnel import Event, Tunnel

__all__ = ["Page"]

TOKEN_BYTES = 16

KEPT = 500
"""Rows that are kept for pages that are opened later."""

MOST_TEXT = 1000
"""The most characters of the values in one row."""

MOST_BUFFERED = 4 * 1024 * 1024
"""Bytes that may wait to be sent to a page; beyond it the page misses rows until it has read them."""

PAUSE = 0.1
"""Seconds between two messages to the pages; the rows in between are collected."""

TOTALS_PAUSE = 1.0
"""Seconds between two messages without new rows, which show that rates fall."""

RECORDING = "session.jsonl"
"""The name of the recording, below the path of the files."""

MOST_TOTALS = 50
"""Rows of each table of totals on the page."""


class Page:
    """The server of the page; use it as a context manager.

    Args:
        inspector: holds the totals.
        tunnel: tells the time.
        dialect: of the recording, as `--dialect` takes it.
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

    def __init__(self, inspector: Inspector, tunnel: Tunnel, dialect: str, host: str, port: int, to: str) -> None:
        self._inspector = inspector
        self._tunnel = tunnel
        self._dialect = dialect
        self._to = to
        self._backlog = Backlog()
        self._history = History()
        self._rows: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._fresh: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._sent_at = 0.0  # in the tunnel's time
        self._server = server = WebSocketServer()
        server.bind_ip = resolve(host)
        server.outbound_buffer_size = 4 * MOST_BUFFERED  # a page that is opened late gets all kept rows at once
        self._files = secrets.token_urlsafe(TOKEN_BYTES)
        server.http_handler = chain(guarded(self._files, self._answer), page_beside(__file__))
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

    def show(self, events: Sequence[Event], rows: Sequence[Row]) -> None:
        """Shows new rows on all pages, and polls the server; call it in each turn, also without rows.

        Args:
            events: all events of the tunnel since the last call.
            rows: the rows of these events that the command's filters take.
        """
        first = self._backlog.add(events, rows)
        for row in rows:
            if row.opcode and row.direction is not None:
                self._history.add(row.time, row.direction, row.size)
        # The queue of fresh rows drops the oldest. Pages notice by the numbers.
        for number, row in list(enumerate(rows, first))[-KEPT:]:
            line = {"number": number, **row.as_json(Allowance(total=MOST_TEXT))}
            self._rows.append(line)
            self._fresh.append(line)
        now = self._tunnel.time()
        if now - self._sent_at >= (PAUSE if self._fresh else TOTALS_PAUSE):
            self._sent_at = now
            self._send(list(self._fresh))
            self._fresh.clear()
        self._server.poll()

    def _send(self, rows: list[dict[str, Any]], *, is_over: bool = False) -> None:
        peers = self._server.peers.items()
        ready = [one for one, peer in peers if is_over or peer.get_current_outbound_buffered_amount() <= MOST_BUFFERED]
        if ready:
            self._server.broadcast_to(ready, self._message(rows, is_over=is_over))

    def _greet(self, peer_id: int, protocol: str) -> None:
        # A new page gets all kept rows, including fresh ones. Send the fresh ones to the other pages now, so that no
        # page gets a row twice.
        others = [one for one in self._server.peers if one != peer_id]
        self._server.broadcast_to(others, self._message(list(self._fresh)))
        self._fresh.clear()
        self._server.broadcast_to([peer_id], self._message(list(self._rows)))

    def _message(self, rows: list[dict[str, Any]], *, is_over: bool = False) -> str:
        now = self._tunnel.time()
        fields = {
            "to": self._to,
            "files": f"{self._files}/",
            "rows": rows,
            "count": self._backlog.count,
            "missing": self._backlog.missing,
            "totals": self._inspector.totals.as_json(MOST_TOTALS),
            "history": self._history.as_json(now),
            "undecoded": self._inspector.undecoded,
            "seconds": now,
            "over": is_over,
        }
        return json.dumps(fields, ensure_ascii=False)

    def _answer(self, request: Request) -> Response | None:
        if refused := only_get(request):
            return refused
        name = request.path.removeprefix("/")
        if name == RECORDING:
            body = pieces(self._to, self._dialect, self._backlog.events())
            save = ("Content-Disposition", f'attachment; filename="{RECORDING}"')
            return Response(200, body, "application/jsonl", (save, ("Cache-Control", "no-store")))
        # At most 18 digits: int() refuses a text of thousands.
        number, _, ending = name.partition(".")
        row = self._backlog.get(int(number)) if ending == "json" and re.fullmatch("[0-9]{1,18}", number) else None
        return None if row is None else Response.json(detail(row))


def guarded(token: str, handler: Handler) -> Handler:
    """Returns a handler that serves the same files below `/TOKEN/`, and nothing elsewhere."""

    def answer(request: Request) -> Reply:
        given, _, rest = request.target.removeprefix("/").partition("/")
        return handler(replace(request, target=f"/{rest}")) if is_token(given, token) else None

    return answer


def is_token(given: str, token: str) -> bool:
    """Returns whether a text is the token. Takes the same time for every wrong text, so that no guess gets closer."""
    return hmac.compare_digest(given.encode(), token.encode())
