"""The types of ASGI, and the request in the scope of a connection.

Layer: `asgi`. Source: ASGI 3, HTTP and WebSocket 2.5; RFC 8441 for WebSockets over HTTP/2.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import quote

from gdpeer.errors import HandshakeError
from gdpeer.protocol.http_headers import Headers, Request
from gdpeer.websocket.backend.asgi import Caller

__all__ = ["App", "Receive", "Scope", "Send", "body_of", "caller_of", "request_of"]

Scope: TypeAlias = MutableMapping[str, Any]
Event: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Event]]
Send: TypeAlias = Callable[[Event], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_SAFE = "/!$&'()*+,;=:@-._~"  # characters of a path that are not percent-encoded
_UPGRADE = frozenset({"connection", "upgrade"})


def caller_of(scope: Scope) -> Caller:
    """Returns the other side of a connection."""
    host, port = scope.get("client") or ("", 0)
    answer = "http.response"
    if scope["type"] == "websocket":
        # Without this extension an ASGI server refuses a WebSocket with status 403 and no reason.
        name = "websocket.http.response"
        answer = name if name in (scope.get("extensions") or {}) else ""
    return Caller((host, port or 0), scope.get("scheme") in ("https", "wss"), answer)


def request_of(scope: Scope, body: bytes = b"") -> Request:
    """Returns the request of a connection, with the path below the place where the app is mounted."""
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    if scope["type"] == "websocket":
        method, version, headers = "GET", "1.1", _upgrade(headers, scope.get("subprotocols") or ())
    else:
        # The ASGI server forms the chunks of a body, and version 1.0 has none. It has also decided that this request
        # asks for no WebSocket, whatever the headers say.
        method, version = scope["method"], "1.0"
        headers = [field for field in headers if field[0].lower() not in _UPGRADE]
    query = scope.get("query_string", b"").decode("latin-1")
    target = quote(_path_below(scope), safe=_SAFE) + (f"?{query}" if query else "")
    return Request(method, target, Headers(headers), body, caller_of(scope).remote_address, version)


def _path_below(scope: Scope) -> str:
    path: str = scope["path"]
    root = (scope.get("root_path") or "").rstrip("/")
    # Since ASGI 3.0's clarification of 2023 `path` contains `root_path`; servers and frameworks before leave it out.
    if root and (path == root or path.startswith(f"{root}/")):
        path = path[len(root) :]
    return path if path.startswith("/") else f"/{path}"


def _upgrade(headers: list[tuple[str, str]], protocols: Iterable[str]) -> list[tuple[str, str]]:
    """Completes the headers of an upgrade: over HTTP/2 some of them do not exist, and wsproto leaves some out."""
    names = {name.lower() for name, _ in headers}
    key = base64.b64encode(os.urandom(16)).decode()
    complete = [
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", key),
        ("sec-websocket-protocol", ", ".join(protocols)),
    ]
    return [*headers, *(field for field in complete if field[1] and field[0] not in names)]


async def body_of(receive: Receive, most: int) -> bytes | None:
    """Receives the body of a request for a page; None if the client has gone.

    Raises:
        HandshakeError: the body is longer than `most` bytes (413).
    """
    body = b""
    while True:
        event = await receive()
        if event["type"] != "http.request":
            return None
        piece: bytes = event.get("body", b"")
        if len(body) + len(piece) > most:
            raise HandshakeError(f"the body is longer than {most} bytes", status=413)
        body += piece
        if not event.get("more_body", False):
            return body
