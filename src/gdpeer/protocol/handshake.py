"""The HTTP upgrade, both roles, over h11: what opens a WebSocket, and what refuses one.

h11 judges the HTTP; this module judges the upgrade. It is stricter than h11 in what a smuggler could use: line ends
are CR LF and nothing else, and the headers that decide may stand once only.

    server: ServerHandshake.receive_data(...) -> Request, then accept(request) -> (response bytes, Opened), or
        refuse(...) -> bytes
    client: ClientHandshake.request() -> bytes, then receive_data(...) -> Opened

Whatever follows the head on the wire is in `leftover`. Every failure is a `HandshakeError`.

Layer: `protocol`. Source: RFC 6455 section 4; RFC 9112; reference godot4-wire B.1 for the rules on sub-protocols.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass

import h11

from gdpeer.errors import Cause, HandshakeError
from gdpeer.protocol import deflate
from gdpeer.protocol.http1 import Headers, Request, decode, encode, reason_of, respond, write
from gdpeer.protocol.limits import DEFAULT_LIMITS, Limits
from gdpeer.protocol.url import Url

__all__ = ["ClientHandshake", "Opened", "ServerHandshake", "accept_key"]

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Opened:
    """What both sides agreed on.

    Attributes:
        protocol: the sub-protocol, or "".
        deflate: the agreement on compression, or None.
        headers: those that the other side sent.
    """

    protocol: str
    deflate: deflate.Agreement | None
    headers: Headers


def accept_key(key: str) -> str:
    """`Sec-WebSocket-Accept` for a `Sec-WebSocket-Key`."""
    return base64.b64encode(hashlib.sha1(key.encode("latin-1") + _GUID, usedforsecurity=False).digest()).decode()


class _Head:
    """Collects a message head, up to the empty line, and hands it to h11 in one piece."""

    __slots__ = ("_data", "_limit", "rest")

    def __init__(self, limit: int) -> None:
        self._data = bytearray()
        self._limit = limit
        self.rest = b""

    def feed(self, data: bytes | bytearray | memoryview) -> bytes | None:
        """The head once it is whole; None before. What came after it is then in `rest`."""
        begin = max(0, len(self._data) - len(_END) + 1)
        self._data += data
        end = self._data.find(_END, begin)
        size = len(self._data) if end < 0 else end + len(_END)
        if size > self._limit:
            raise HandshakeError(f"the head is longer than {self._limit} bytes", status=431)
        seen = self._data[:size]
        if seen.count(b"\n") != seen.count(b"\r\n") or seen.rstrip(b"\r").count(b"\r") != seen.count(b"\r\n"):
            raise HandshakeError("lines must end with CR LF", status=400)
        if end < 0:
            return None
        self.rest = bytes(self._data[size:])
        self._data = bytearray()
        return bytes(seen)


class ServerHandshake:
    """The server's side of one connection, up to the upgrade.

    Args:
        protocols: sub-protocols that the server speaks. Empty: a client that offers some is refused, as by the engine.
        allowed_origins: values of `Origin` that may connect (`"https://game.example"`); None: all. A request without
            `Origin` does not come from a page and is let in.
        compression: what the server grants of permessage-deflate; None: nothing.
        headers: added to the response.
        limits: `max_head_size` and `max_body_size` are used.
    """

    def __init__(
        self,
        protocols: Sequence[str] = (),
        *,
        allowed_origins: Sequence[str] | None = None,
        compression: deflate.Agreement | None = None,
        headers: Sequence[tuple[str, str]] = (),
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._protocols = [protocol.strip() for protocol in protocols]
        self._allowed_origins = allowed_origins
        self._compression = compression
        self._headers = headers
        self._limits = limits
        self._head = _Head(limits.max_head_size)
        self._machine = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.max_head_size)
        self._request: Request | None = None
        self._body = bytearray()
        self.leftover = b""

    def receive_data(self, data: bytes | bytearray | memoryview) -> Request | None:
        """Take bytes from the client.

        Returns:
            The request once it is whole (a plain one with its body); None before. Call `accept`, `refuse` or
            `respond` next.

        Raises:
            HandshakeError: it is not HTTP/1.1, or over a limit; `status` is what to answer with `refuse`.
        """
        if self._request is not None:
            return self._receive_body(bytes(data))
        head = self._head.feed(data)
        if head is None:
            return None
        event = self._next_event(head)
        if not isinstance(event, h11.Request):
            raise HandshakeError("not an HTTP request", status=400)
        self._request = _check_request(event)
        self.leftover = self._head.rest
        if self._request.is_upgrade:
            return self._request
        rest, self.leftover = self.leftover, b""
        return self._receive_body(rest)

    def _receive_body(self, data: bytes) -> Request | None:
        request = self._request
        assert request is not None
        event = self._next_event(data)
        while isinstance(event, h11.Data):
            self._body += event.data
            if len(self._body) > self._limits.max_body_size:
                raise HandshakeError(f"the body is longer than {self._limits.max_body_size} bytes", status=413)
            event = self._next_event(b"")
        if not isinstance(event, h11.EndOfMessage):
            return None
        return Request(request.method, request.target, request.headers, bytes(self._body))

    def _next_event(self, data: bytes) -> object:
        try:
            if data:
                self._machine.receive_data(data)
            return self._machine.next_event()
        except h11.RemoteProtocolError as problem:
            raise HandshakeError(f"not a valid HTTP request: {problem}", status=problem.error_status_hint) from None

    def accept(self, request: Request) -> tuple[bytes, Opened]:
        """Answer an upgrade.

        Returns:
            The response's bytes and what was agreed on.

        Raises:
            HandshakeError: it is refused; `refuse` makes the answer.
        """
        key = _check_upgrade(request)
        self._check_origin(request)
        protocol = self._choose_protocol(request)
        granted = self._choose_compression(request)
        fields = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept_key(key))]
        if protocol:
            fields.append(("Sec-WebSocket-Protocol", protocol))
        if granted:
            fields.append(("Sec-WebSocket-Extensions", granted[1]))
        fields.extend(self._headers)
        try:
            data = write(
                self._machine,
                h11.InformationalResponse,
                status_code=101,
                headers=encode(fields),
                reason=reason_of(101),
            )
        except ValueError as problem:
            raise HandshakeError(f"the server's own headers are not valid: {problem}", status=500) from None
        return data, Opened(protocol, granted[0] if granted else None, request.headers)

    def _check_origin(self, request: Request) -> None:
        origin = request.headers.get("origin")
        if origin and self._allowed_origins is not None and origin not in self._allowed_origins:
            raise HandshakeError(f"pages of {origin} may not connect here", status=403)

    def _choose_protocol(self, request: Request) -> str:
        offered = [item.strip() for item in request.headers.get("sec-websocket-protocol").split(",") if item.strip()]
        if not offered and not self._protocols:
            return ""
        for protocol in offered:
            if protocol in self._protocols:
                return protocol
        ours = ", ".join(self._protocols) or "none"
        theirs = ", ".join(offered) or "none"
        detail = f"no sub-protocol in common: this server speaks {ours}, the client offered {theirs}"
        raise HandshakeError(detail, Cause.SUB_PROTOCOL, status=400)

    def _choose_compression(self, request: Request) -> tuple[deflate.Agreement, str] | None:
        offers = deflate.parse_extensions(request.headers.get("sec-websocket-extensions"))
        return deflate.accept_offers(offers, self._compression) if self._compression is not None else None

    def refuse(self, error: HandshakeError) -> bytes:
        """The answer to a request that failed: the status and one line that says why."""
        text = error.detail.encode("utf-8", "replace") + b"\n"
        fields = [("Content-Type", "text/plain; charset=utf-8"), *error.headers]
        return respond(error.status or 400, fields, text)


def _check_request(event: h11.Request) -> Request:
    if event.http_version != b"1.1":
        raise HandshakeError("HTTP/1.1 is needed", status=400)
    headers = decode(event.headers)
    for name in ("host", "upgrade", "sec-websocket-key", "sec-websocket-version"):
        if len(headers.get_all(name)) > 1:
            raise HandshakeError(f"more than one {name} header", status=400)
    return Request(event.method.decode("latin-1").upper(), event.target.decode("latin-1"), headers)


def _check_upgrade(request: Request) -> str:
    """The client's key, after everything that RFC 6455 section 4.2.1 asks of a request."""
    headers = request.headers
    if request.method != "GET":
        raise HandshakeError("a WebSocket is opened with GET", status=405, headers=(("Allow", "GET"),))
    if not request.is_upgrade:
        raise HandshakeError("this is a WebSocket server", status=426, headers=(("Upgrade", "websocket"),))
    if not headers.has_token("connection", "upgrade"):
        raise HandshakeError("the Connection header lacks 'upgrade'", status=400)
    if "transfer-encoding" in headers or headers.get("content-length", "0").strip("0"):
        raise HandshakeError("an upgrade carries no body", status=400)
    version = headers.get("sec-websocket-version")
    if version != "13":
        detail = f"WebSocket version 13 is needed, not {version or 'none'}"
        raise HandshakeError(detail, status=426, headers=(("Sec-WebSocket-Version", "13"), ("Upgrade", "websocket")))
    key = headers.get("sec-websocket-key")
    if not _is_key(key):
        raise HandshakeError("Sec-WebSocket-Key must be 16 bytes in base64", status=400)
    return key


def _is_key(key: str) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == 16
    except ValueError:
        return False


class ClientHandshake:
    """The client's side of one connection, up to the upgrade.

    Args:
        url: where to.
        protocols: sub-protocols to offer, the most wanted first.
        compression: what to offer of permessage-deflate; None: nothing.
        headers: added to the request.
        limits: `max_head_size` is used.

    Raises:
        ValueError: a header is not one that HTTP can carry, or repeats one of the upgrade's own.
    """

    def __init__(
        self,
        url: Url,
        protocols: Sequence[str] = (),
        *,
        compression: deflate.Agreement | None = None,
        headers: Sequence[tuple[str, str]] = (),
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._protocols = [protocol.strip() for protocol in protocols]
        self._compression = compression
        self._head = _Head(limits.max_head_size)
        self._machine = h11.Connection(h11.CLIENT, max_incomplete_event_size=limits.max_head_size)
        self._key = base64.b64encode(os.urandom(16)).decode()
        self._request = self._build(url, headers)
        self.leftover = b""

    def _build(self, url: Url, headers: Sequence[tuple[str, str]]) -> bytes:
        # The order is the engine's.
        fields = [
            ("Host", url.authority),
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", self._key),
            ("Sec-WebSocket-Version", "13"),
        ]
        own = {name.lower() for name, _ in fields} | {"content-length", "transfer-encoding"}
        for name, _ in headers:
            if name.lower() in own:
                raise ValueError(f"the upgrade sets {name} itself")
        if self._protocols:
            fields.append(("Sec-WebSocket-Protocol", ",".join(self._protocols)))
        if self._compression is not None:
            fields.append(("Sec-WebSocket-Extensions", deflate.offer(self._compression)))
        fields.extend(headers)
        return write(
            self._machine, h11.Request, method="GET", target=url.target.encode("ascii"), headers=encode(fields)
        )

    def request(self) -> bytes:
        """What to send first."""
        return self._request

    def receive_data(self, data: bytes | bytearray | memoryview) -> Opened | None:
        """Take bytes from the server.

        Returns:
            What was agreed on, once the response is whole; None before.

        Raises:
            HandshakeError: the server refused (`Cause.HTTP_STATUS` with its status), or answered against the rules.
        """
        head = self._head.feed(data)
        if head is None:
            return None
        self.leftover = self._head.rest
        try:
            self._machine.receive_data(head)
            response = self._machine.next_event()
        except h11.RemoteProtocolError as problem:
            raise HandshakeError(f"not a valid HTTP response: {problem}") from None
        if not isinstance(response, h11.InformationalResponse | h11.Response):
            raise HandshakeError("the server did not answer with HTTP")
        return self._check_response(response)

    def _check_response(self, response: h11.InformationalResponse | h11.Response) -> Opened:
        if response.status_code != 101:
            raise HandshakeError(self._refusal(response), Cause.HTTP_STATUS, status=response.status_code)
        headers = decode(response.headers)
        if response.http_version != b"1.1":
            raise HandshakeError("the server does not speak HTTP/1.1")
        if headers.get("upgrade").lower() != "websocket" or not headers.has_token("connection", "upgrade"):
            raise HandshakeError("the response lacks 'Upgrade: websocket' or 'Connection: Upgrade'")
        if headers.get("sec-websocket-accept") != accept_key(self._key):
            raise HandshakeError("Sec-WebSocket-Accept is wrong: this is not a WebSocket server, or a cache answered")
        return Opened(self._check_protocol(headers), self._check_compression(headers), headers)

    def _refusal(self, response: h11.InformationalResponse | h11.Response) -> str:
        reason = response.reason.decode("latin-1") or reason_of(response.status_code).decode()
        # gdpeer and many others say why in a line of text.
        why = self.leftover.split(b"\n", 1)[0][:200].decode("utf-8", "replace").strip()
        plain = decode(response.headers).get("content-type").startswith("text/plain")
        return f"the server answered {response.status_code} {reason}" + (f": {why}" if why and plain else "")

    def _check_protocol(self, headers: Headers) -> str:
        chosen = headers.get("sec-websocket-protocol")
        if chosen and chosen not in self._protocols:
            raise HandshakeError(f"the server chose sub-protocol {chosen!r}, which was not offered", Cause.SUB_PROTOCOL)
        if self._protocols and not chosen:
            detail = f"the server chose none of the sub-protocols offered: {', '.join(self._protocols)}"
            raise HandshakeError(detail, Cause.SUB_PROTOCOL)
        return chosen

    def _check_compression(self, headers: Headers) -> deflate.Agreement | None:
        extensions = deflate.parse_extensions(headers.get("sec-websocket-extensions"))
        if extensions and self._compression is None:
            raise HandshakeError("the server chose an extension, and none was offered")
        return deflate.check_response(extensions, self._compression or deflate.Agreement())
