"""The HTTP upgrade of clients and servers: checks and answers the requests that open a WebSocket.

`http_fast` parses the heads that nearly all clients and servers send, and h11 (`http_h11`) parses the rest. This module
checks the upgrade itself. It is stricter than h11 against request smuggling: lines end in CR LF and nothing else, no
header continues in the next line, and the headers that decide about the upgrade stand at most once.

    server: ServerHandshake.receive_data(...) -> Request, then accept(request) -> (response bytes, Opened), or
        refusal(...) -> bytes
    client: ClientHandshake.request() -> bytes, then receive_data(...) -> Opened

`leftover` holds the bytes that followed the head on the wire. Every failure is a `HandshakeError`.

Layer: `protocol`. Source: RFC 6455 section 4; RFC 9112; reference godot4-wire B.1 for the rules on sub-protocols.
"""

from __future__ import annotations

import base64
import os
from binascii import a2b_base64, b2a_base64
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha1
from typing import TYPE_CHECKING

from gdpeer.errors import Cause, HandshakeError
from gdpeer.protocol import deflate, http_fast
from gdpeer.protocol.http_headers import Headers, Request, headers_from_head
from gdpeer.protocol.leniency import RepairedHead, check_first_bytes, repair_request, repair_response
from gdpeer.protocol.limits import DEFAULT_LIMITS, Limits
from gdpeer.protocol.url import Url

if TYPE_CHECKING:
    from gdpeer.protocol.http_h11 import Reader, ResponseHead, UpgradeRequest

__all__ = ["ClientHandshake", "GivenHandshake", "Opened", "ServerHandshake", "ServerTerms", "accept_key", "refusal"]

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_END = b"\r\n\r\n"
_FIRST_BYTES = 16  # enough to tell HTTP from another protocol
_SWITCHING = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "

_OWN = frozenset({"host", "upgrade", "connection", "content-length", "transfer-encoding"}) | {
    "sec-websocket-key",
    "sec-websocket-version",
}
_ONCE = ("host", "upgrade", "sec-websocket-key", "sec-websocket-version")
_DECIDING = (
    *_ONCE,
    "connection",
    "transfer-encoding",
    "content-length",
    "origin",
    "sec-websocket-accept",
    "sec-websocket-protocol",
    "sec-websocket-extensions",
)

Fields = dict[str, str]
"""The headers that decide about an upgrade, by lower-case name; repeated values are joined by ", "."""

Grant = tuple[deflate.Agreement, str]
"""The agreement on compression, and the response header's value."""


def _deciding(headers: Headers) -> Fields:
    fields: Fields = {}
    for name, value in headers:
        if name in _DECIDING:
            fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return fields


def _lists(value: str, token: str) -> bool:
    """Tells whether a comma-separated list holds `token`, without regard to case."""
    value = value.lower()
    return value == token or token in [item.strip() for item in value.split(",")]


@dataclass(slots=True)
class Opened:
    """The result of a handshake.

    Attributes:
        protocol: the sub-protocol, or "".
        deflate: the agreement on compression, or None.
        headers: the headers that the other side sent.
    """

    protocol: str
    deflate: deflate.Agreement | None
    headers: Headers


def accept_key(key: str) -> str:
    """Computes the `Sec-WebSocket-Accept` that answers a `Sec-WebSocket-Key`."""
    digest = sha1(key.encode("latin-1") + _GUID, usedforsecurity=False).digest()
    return b2a_base64(digest, newline=False).decode("ascii")


class _Head:
    """Collects a message head, up to the empty line, and returns it in one piece.

    Each byte is searched once, however small the pieces are in which the head arrives.
    """

    __slots__ = ("_data", "_is_response", "_limit", "rest")

    def __init__(self, limit: int, *, is_response: bool) -> None:
        self._data: bytearray | None = None  # the incomplete head; None: nothing is stored
        self._is_response = is_response
        self._limit = limit
        self.rest = b""

    def feed(self, data: bytes | bytearray | memoryview) -> bytes | None:
        """Returns the head once it is complete, None before. `rest` then holds the bytes after the head."""
        kept = self._data
        seen = 0 if kept is None else len(kept)
        if not self._is_response and (data[:1] if kept is None else bytes(kept)) == b"\r":
            return self._skip_empty_lines(bytes(kept or b"") + data)
        whole: bytes | bytearray
        if kept is None:
            whole = bytes(data)
        else:
            kept += data
            whole = kept
        # The empty line may have begun in the previous piece: search its last 3 bytes again.
        end = whole.find(_END, max(0, seen - len(_END) + 1))
        size = len(whole) if end < 0 else end + len(_END)
        if size > self._limit:
            raise HandshakeError(f"the head is longer than {self._limit} bytes", status=431)
        if end < 0:
            if seen < _FIRST_BYTES and whole:
                check_first_bytes(whole, is_response=self._is_response)
            # Refuse bare line ends now: a head without an empty line would otherwise wait until the timeout. If the
            # piece before ended in CR, its LF is in this piece.
            half = seen and whole[seen - 1 : seen] == b"\r"
            _check_line_ends(whole[seen - 1 if half else seen :])
            if kept is None:
                self._data = bytearray(whole)
            return None
        self._data = None
        self.rest = bytes(whole[size:])
        return bytes(whole[:size])

    def _skip_empty_lines(self, data: bytes) -> bytes | None:
        """Skips empty lines before a request (RFC 9112 section 2.2)."""
        at = 0
        while data.startswith(b"\r\n", at):
            at += 2
        # Skipped lines count for the limit, so that an endless row of them is refused.
        self._limit -= at
        self._data = None
        rest = data[at:]
        if rest not in (b"", b"\r"):
            if rest.startswith(b"\r"):
                raise HandshakeError("lines must end with CR LF", status=400)
            return self.feed(rest)
        if self._limit <= 0:
            raise HandshakeError("too many empty lines before the request", status=431)
        self._data = bytearray(rest) if rest else None  # the other half of a line end is still to come
        return None


def _check_line_ends(part: bytes | bytearray) -> None:
    """Checks a part of a head. It may begin between a line's characters, and may end between a CR and its LF."""
    breaks = part.count(b"\r\n")
    if part.count(b"\n") != breaks or part.removesuffix(b"\r").count(b"\r") != breaks:
        raise HandshakeError("lines must end with CR LF", status=400)


def _check_lines(head: bytes) -> None:
    """Checks a whole head for the lines that h11 would accept and smugglers use."""
    _check_line_ends(head)
    if b"\r\n " in head or b"\r\n\t" in head:
        raise HandshakeError("a header must not go on in the next line", status=400)


def _check_no_body(fields: Fields) -> None:
    # A proxy that reads a body where this server reads frames would see other messages than this server.
    if "transfer-encoding" in fields or fields.get("content-length", "0").strip("0"):
        raise HandshakeError("an upgrade carries no body", status=400)


class ServerTerms:
    """The terms on which a server accepts upgrades. One object serves all connections.

    Args:
        protocols: sub-protocols that the server speaks. Empty: a client that offers some is refused, as by the engine.
            With "" among them a client that offers none is accepted as well.
        allowed_origins: values of `Origin` that may connect (`"https://game.example"`); None: all. A request without
            `Origin` does not come from a page and is accepted.
        compression: the largest windows and the context that the server grants; None: no compression.
        headers: added to the response.

    Attributes:
        headers: as given.
        lines: the same headers as lines for the wire; None if only h11 can write them.
    """

    __slots__ = ("_allowed_origins", "_compression", "_needs_protocol", "_protocols", "headers", "lines")

    def __init__(
        self,
        protocols: Sequence[str] = (),
        *,
        allowed_origins: Collection[str] | None = None,
        compression: deflate.Agreement | None = None,
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        self._protocols = [protocol.strip() for protocol in protocols if protocol]
        self._needs_protocol = len(self._protocols) > 0 and "" not in protocols
        self._allowed_origins = None if allowed_origins is None else frozenset(allowed_origins)
        self._compression = compression
        self.headers = headers
        self.lines = http_fast.write_fields(headers)

    def check_origin(self, origin: str) -> None:
        """Refuses pages of other origins by a HandshakeError (403); "" stands for an absent header."""
        if origin and self._allowed_origins is not None and origin not in self._allowed_origins:
            raise HandshakeError(f"pages of {origin} may not connect here", status=403)

    def choose_protocol(self, offers: str) -> str:
        """Returns the client's first sub-protocol that the server speaks; "" if the client offers and needs none.

        Raises:
            HandshakeError: the two sides have none in common (400).
        """
        offered = [item.strip() for item in offers.split(",") if item.strip()] if offers else []
        if not offered and not self._needs_protocol:
            return ""
        for protocol in offered:
            if protocol in self._protocols:
                return protocol
        ours = ", ".join(self._protocols) or "none"
        theirs = ", ".join(offered) or "none"
        detail = f"no sub-protocol in common: this server speaks {ours}, the client offered {theirs}"
        raise HandshakeError(detail, Cause.SUB_PROTOCOL, status=400)

    def choose_compression(self, offers: str) -> Grant | None:
        """Returns the agreement on compression, and the header that answers `offers`. None: no compression."""
        # A server without compression declines every offer, so it does not check the header either.
        return _grant(offers, self._compression) if offers and self._compression is not None else None


@lru_cache(maxsize=16)
def _grant(offers: str, wish: deflate.Agreement) -> Grant | None:
    # Cached: all browsers of a kind send the same offer.
    return deflate.accept_offers(deflate.parse_extensions(offers), wish)


class ServerHandshake:
    """The server's side of one connection, up to the upgrade.

    Args:
        terms: on which the server accepts.
        limits: `max_head_size` and `max_body_size` are used.

    Attributes:
        is_upgrade: whether the request asks for a WebSocket.
        leftover: the bytes that followed an upgrade's head on the wire.
    """

    __slots__ = ("_fields", "_head", "_limits", "_reader", "_request", "_terms", "is_upgrade", "leftover")

    def __init__(self, terms: ServerTerms, limits: Limits = DEFAULT_LIMITS) -> None:
        self._terms = terms
        self._limits = limits
        self._head = _Head(limits.max_head_size, is_response=False)
        self._reader: Reader | None = None
        self._request: Request | None = None
        self._fields: Fields = {}
        self.is_upgrade = False
        self.leftover = b""

    def receive_data(self, data: bytes | bytearray | memoryview) -> Request | None:
        """Parses bytes from the client.

        Returns:
            The request once it is complete (a plain request with its body), None before. Then call `accept`, `refusal`
            or `http_h11.respond`.

        Raises:
            HandshakeError: the request is not HTTP/1.1 (for a page: nor HTTP/1.0), or over a limit. Answer with
                `refusal`.
        """
        if self._request is not None:
            return self._receive_body(self._request, bytes(data))
        head = self._head.feed(data)
        if head is None:
            return None
        self.leftover = self._head.rest
        # Only h11 can write some of the server's own headers, and it writes responses only to requests that it read.
        read = http_fast.read_request(head) if self._terms.lines is not None else None
        if read is not None:
            target, fields = read
            if self._take_fields(fields):
                return Request("GET", target, headers_from_head(head))
        return self._read_with_h11(head)

    def _read_with_h11(self, head: bytes) -> Request | None:
        from gdpeer.protocol.http_h11 import Reader

        check_first_bytes(head, is_response=False)
        _check_lines(head)
        repaired = repair_request(head)
        self._reader = Reader(self._limits.max_head_size, self._limits.max_body_size)
        found = self._reader.read_head(repaired.head)
        for name in _ONCE:
            if len(found.headers.get_all(name)) > 1:
                raise HandshakeError(f"more than one {name} header", status=400)
        headers = _completed(found.headers, repaired)
        self._request = replace(found, headers=headers)
        if self._take_fields(_deciding(headers)):
            if found.version != "1.1":
                raise HandshakeError("a WebSocket needs HTTP/1.1", status=400)
            return self._request
        # The bytes after a plain request's head are its body.
        rest, self.leftover = self.leftover, b""
        return self._receive_body(self._request, rest)

    def _take_fields(self, fields: Fields) -> bool:
        self._fields = fields
        self.is_upgrade = _lists(fields.get("upgrade", ""), "websocket")
        return self.is_upgrade

    def _receive_body(self, request: Request, data: bytes) -> Request | None:
        assert self._reader is not None
        body = self._reader.read_body(data)
        return None if body is None else replace(request, body=body)

    def accept(self, request: Request) -> tuple[bytes, Opened]:
        """Accepts an upgrade.

        Returns:
            The response's bytes and the result of the handshake.

        Raises:
            HandshakeError: the request is refused; `refusal` makes the response.
        """
        fields, terms = self._fields, self._terms
        if request.method != "GET":
            raise HandshakeError("a WebSocket is opened with GET", status=405, headers=(("Allow", "GET"),))
        if not self.is_upgrade:
            raise HandshakeError("this is a WebSocket server", status=426, headers=(("Upgrade", "websocket"),))
        key = _check_upgrade(fields)
        terms.check_origin(fields.get("origin", ""))
        protocol = terms.choose_protocol(fields.get("sec-websocket-protocol", ""))
        granted = terms.choose_compression(fields.get("sec-websocket-extensions", ""))
        response = self._response(accept_key(key), protocol, granted[1] if granted else "")
        return response, Opened(protocol, granted[0] if granted else None, request.headers)

    def _response(self, accept: str, protocol: str, extensions: str) -> bytes:
        if self._reader is not None:
            return self._response_of_h11(self._reader, accept, protocol, extensions)
        protocol = f"Sec-WebSocket-Protocol: {protocol}\r\n" if protocol else ""
        extensions = f"Sec-WebSocket-Extensions: {extensions}\r\n" if extensions else ""
        return f"{_SWITCHING}{accept}\r\n{protocol}{extensions}{self._terms.lines}\r\n".encode("ascii")

    def _response_of_h11(self, reader: Reader, accept: str, protocol: str, extensions: str) -> bytes:
        fields = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept)]
        if protocol:
            fields.append(("Sec-WebSocket-Protocol", protocol))
        if extensions:
            fields.append(("Sec-WebSocket-Extensions", extensions))
        try:
            return reader.switch([*fields, *self._terms.headers])
        except ValueError as problem:
            raise HandshakeError(f"the server's own headers are not valid: {problem}", status=500) from None


class GivenHandshake(ServerHandshake):
    """The server's side of a connection whose request another HTTP server has parsed. That server writes the response.

    Args:
        terms, limits: see `ServerHandshake`. Compression is up to the other server.
        request: the whole request.
    """

    __slots__ = ("_given",)

    def __init__(self, terms: ServerTerms, limits: Limits, request: Request) -> None:
        super().__init__(terms, limits)
        self._given = request

    def receive_data(self, data: bytes | bytearray | memoryview) -> Request:
        """Returns the request, without any bytes from the client."""
        fields = _deciding(self._given.headers)
        fields.pop("sec-websocket-extensions", None)
        self._take_fields(fields)
        return self._given

    def _response(self, accept: str, protocol: str, extensions: str) -> bytes:
        return b""


def _completed(headers: Headers, repaired: RepairedHead) -> Headers:
    """Adds the headers that h11 was not shown."""
    if not repaired.odd and not repaired.host:
        return headers
    # The host of an absolute target takes the Host header's place (RFC 9112 section 3.2.2).
    own = [("host", repaired.host)] if repaired.host else []
    return Headers([*own, *(field for field in headers if not own or field[0] != "host"), *repaired.odd])


def refusal(error: HandshakeError) -> bytes:
    """Returns a server's response to a refused request: the status and one line with the reason."""
    from gdpeer.protocol.http_h11 import respond

    text = error.detail.encode("utf-8", "replace") + b"\n"
    fields = [("Content-Type", "text/plain; charset=utf-8"), *error.headers]
    return respond(error.status or 400, fields, text)


def _check_upgrade(fields: Fields) -> str:
    """Checks a request's headers (RFC 6455 section 4.2.1) and returns the client's key."""
    if not _lists(fields.get("connection", ""), "upgrade"):
        raise HandshakeError("the Connection header lacks 'upgrade'", status=400)
    _check_no_body(fields)
    version = fields.get("sec-websocket-version", "")
    if version != "13":
        detail = f"WebSocket version 13 is needed, not {version or 'none'}"
        raise HandshakeError(detail, status=426, headers=(("Sec-WebSocket-Version", "13"), ("Upgrade", "websocket")))
    key = fields.get("sec-websocket-key", "")
    if not _is_key(key):
        raise HandshakeError("Sec-WebSocket-Key must be 16 bytes in base64", status=400)
    return key


def _is_key(key: str) -> bool:
    try:
        return len(a2b_base64(key, strict_mode=True)) == 16
    except ValueError:
        return False


class ClientHandshake:
    """The client's side of one connection, up to the upgrade.

    Args:
        url: where to connect.
        protocols: sub-protocols to offer, the most wanted first.
        compression: the windows and the context to offer; None: no compression.
        headers: added to the request.
        limits: `max_head_size` is used.

    Attributes:
        leftover: the bytes that followed the response's head on the wire.

    Raises:
        ValueError: HTTP cannot carry a header, or it repeats one of the upgrade's own headers.
    """

    __slots__ = ("_compression", "_fields", "_head", "_key", "_limits", "_protocols", "_request", "_target", "leftover")

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
        self._limits = limits
        self._head = _Head(limits.max_head_size, is_response=True)
        self._key = base64.b64encode(os.urandom(16)).decode()
        self._target = url.target
        self._fields = self._compose(url, headers)
        self._request = self._write()
        self.leftover = b""

    def _compose(self, url: Url, headers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        # In the engine's order, so that the request looks like a Godot client's.
        fields = [
            ("Host", url.authority),
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", self._key),
            ("Sec-WebSocket-Version", "13"),
        ]
        for name, _ in headers:
            if name.lower() in _OWN:
                raise ValueError(f"the upgrade sets {name} itself")
        if self._protocols:
            fields.append(("Sec-WebSocket-Protocol", ",".join(self._protocols)))
        if self._compression is not None:
            fields.append(("Sec-WebSocket-Extensions", self._compression.header(client_bits=True)))
        return [*fields, *headers]

    def _write(self) -> bytes:
        return http_fast.write_request(self._target, self._fields) or self._request_of_h11().request

    def _request_of_h11(self) -> UpgradeRequest:
        from gdpeer.protocol.http_h11 import UpgradeRequest

        return UpgradeRequest(self._target, self._fields, self._limits.max_head_size)

    def request(self) -> bytes:
        """Returns the request's bytes, which the client sends first."""
        return self._request

    def receive_data(self, data: bytes | bytearray | memoryview) -> Opened | None:
        """Parses bytes from the server.

        Returns:
            The result of the handshake once the response is complete, None before.

        Raises:
            HandshakeError: the server refused (`Cause.HTTP_STATUS` with its status), or its response is not valid.
        """
        head = self._head.feed(data)
        if head is None:
            return None
        self.leftover = self._head.rest
        fields, headers = http_fast.read_response(head), headers_from_head(head)
        if fields is None:
            headers = self._read_with_h11(head)
            fields = _deciding(headers)
        return self._check_response(fields, headers)

    def _read_with_h11(self, head: bytes) -> Headers:
        check_first_bytes(head, is_response=True)
        _check_lines(head)
        # h11 reads a response only after it has written the request, so write the same request again.
        response = self._request_of_h11().read_head(repair_response(head))
        if response.code != 101:
            detail = self._refusal(response)
            raise HandshakeError(detail, Cause.HTTP_STATUS, response.code, tuple(response.headers))
        if response.version != "1.1":
            raise HandshakeError("the server does not speak HTTP/1.1")
        return response.headers

    def _check_response(self, fields: Fields, headers: Headers) -> Opened:
        if fields.get("upgrade", "").lower() != "websocket" or not _lists(fields.get("connection", ""), "upgrade"):
            raise HandshakeError("the response lacks 'Upgrade: websocket' or 'Connection: Upgrade'")
        if fields.get("sec-websocket-accept", "") != accept_key(self._key):
            raise HandshakeError("Sec-WebSocket-Accept is wrong: this is not a WebSocket server, or a cache answered")
        protocol = self._check_protocol(fields.get("sec-websocket-protocol", ""))
        return Opened(protocol, self._check_compression(fields.get("sec-websocket-extensions", "")), headers)

    def _refusal(self, response: ResponseHead) -> str:
        from gdpeer.protocol.http_h11 import reason_of

        reason = response.reason or reason_of(response.code).decode()
        # gdpeer and many other servers give the reason in a line of text.
        why = self.leftover.split(b"\n", 1)[0][:200].decode("utf-8", "replace").strip()
        is_text = response.headers.get("content-type").startswith("text/plain")
        return f"the server answered {response.code} {reason}" + (f": {why}" if why and is_text else "")

    def _check_protocol(self, chosen: str) -> str:
        if chosen and chosen not in self._protocols:
            raise HandshakeError(f"the server chose sub-protocol {chosen!r}, which was not offered", Cause.SUB_PROTOCOL)
        # The engine's client refuses this too, though RFC 6455 lets the server choose none.
        if self._protocols and not chosen:
            detail = f"the server chose none of the sub-protocols offered: {', '.join(self._protocols)}"
            raise HandshakeError(detail, Cause.SUB_PROTOCOL)
        return chosen

    def _check_compression(self, chosen: str) -> deflate.Agreement | None:
        extensions = deflate.parse_extensions(chosen)
        if extensions and self._compression is None:
            raise HandshakeError("the server chose an extension, and none was offered")
        return deflate.check_response(extensions, self._compression or deflate.Agreement())
