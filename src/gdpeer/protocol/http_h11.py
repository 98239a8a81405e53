"""Lets h11 read every head that is not plain, and write every response that opens no WebSocket.

Imported at the first need: most connections open without h11 (see `http_fast`).

Layer: `protocol`. Source: RFC 9112.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import h11

from gdpeer.errors import HandshakeError
from gdpeer.protocol.http_headers import Headers, Request, headers_from_head

__all__ = ["Reader", "ResponseHead", "UpgradeRequest", "reason_of", "respond", "respond_head"]

Fields = Sequence[tuple[str, str]]

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_QUOTATION = re.compile(r":? (?:bytearray\()?b['\"].*", re.DOTALL)


class Reader:
    """A server's side of one request: reads head and body, each up to a limit in bytes."""

    __slots__ = ("_body", "_machine", "_max_body_size")

    def __init__(self, max_head_size: int, max_body_size: int) -> None:
        self._machine = h11.Connection(h11.SERVER, max_incomplete_event_size=max_head_size)
        self._max_body_size = max_body_size
        self._body = bytearray()

    def read_head(self, head: bytes) -> Request:
        """Parses a whole request head, without a body.

        Raises:
            HandshakeError: the head is not valid HTTP/1.1 or HTTP/1.0.
        """
        event = self._next_event(head)
        if not isinstance(event, h11.Request):
            raise HandshakeError("not an HTTP request", status=400)
        version = event.http_version.decode("ascii")
        if version not in ("1.1", "1.0"):
            raise HandshakeError(f"HTTP/1.1 is needed, not HTTP/{version}", status=400)
        target = event.target.decode("latin-1")
        return Request(event.method.decode("latin-1"), target, _decode(event.headers), version=version)

    def read_body(self, data: bytes) -> bytes | None:
        """Adds bytes to the body. Returns the whole body once it is complete, None before.

        Raises:
            HandshakeError: the body is damaged, or over the limit.
        """
        event = self._next_event(data)
        while isinstance(event, h11.Data):
            self._body += event.data
            if len(self._body) > self._max_body_size:
                raise HandshakeError(f"the body is longer than {self._max_body_size} bytes", status=413)
            event = self._next_event(b"")
        return bytes(self._body) if isinstance(event, h11.EndOfMessage) else None

    def _next_event(self, data: bytes) -> object:
        try:
            if data:
                self._machine.receive_data(data)
            return self._machine.next_event()
        except h11.RemoteProtocolError as problem:
            # h11 suggests 501 for an unknown or repeated transfer coding. That is as likely request smuggling as an
            # honest client, so answer that the client is wrong, not the server.
            status = 400 if problem.error_status_hint >= 500 else problem.error_status_hint
            raise HandshakeError(f"not a valid HTTP request: {_text_of(problem)}", status=status) from None

    def switch(self, fields: Fields) -> bytes:
        """Returns the 101 response, which turns the connection over to another protocol.

        Raises:
            ValueError: HTTP cannot carry a header.
        """
        return _write(
            self._machine, h11.InformationalResponse, status_code=101, headers=_encode(fields), reason=reason_of(101)
        )


def respond(status: int, headers: Fields, body: bytes) -> bytes:
    """Returns a whole HTTP/1.1 response with a `Content-Length`; else as `respond_head`."""
    return respond_head(status, [*headers, ("Content-Length", str(len(body)))]) + body


def respond_head(status: int, headers: Fields, reason: str = "") -> bytes:
    """Returns the head of a response that ends its connection.

    Args:
        status: 200-599.
        headers: besides `Connection`, which is added.
        reason: the phrase beside the status; "": the standard phrase.

    Raises:
        ValueError: HTTP cannot carry a header or the reason.
    """
    # h11 does not check the reason: a line break in it would let a program's text add headers.
    if _CONTROL.search(reason):
        raise ValueError("HTTP cannot carry it: a reason with control characters")
    machine = h11.Connection(h11.SERVER)
    fields = [*headers, ("Connection", "close")]
    phrase = reason.encode("utf-8", "replace") or reason_of(status)
    return _write(machine, h11.Response, status_code=status, headers=_encode(fields), reason=phrase)


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """The status line (a code of 100-999, a phrase or "", a version as "1.1") and all headers of a response."""

    code: int
    reason: str
    version: str
    headers: Headers


class UpgradeRequest:
    """A client's request for an upgrade: writes the request, and reads a head of at most `max_head_size` bytes.

    Attributes:
        request: the bytes to send.

    Raises:
        ValueError: HTTP cannot carry a header.
    """

    __slots__ = ("_machine", "request")

    def __init__(self, target: str, fields: Fields, max_head_size: int) -> None:
        self._machine = h11.Connection(h11.CLIENT, max_incomplete_event_size=max_head_size)
        self.request = _write(
            self._machine, h11.Request, method="GET", target=target.encode("ascii"), headers=_encode(fields)
        )

    def read_head(self, head: bytes) -> ResponseHead:
        """Parses a whole response head.

        Raises:
            HandshakeError: the head is not valid HTTP.
        """
        try:
            self._machine.receive_data(head)
            event = self._machine.next_event()
        except h11.RemoteProtocolError as problem:
            raise HandshakeError(f"not a valid HTTP response: {_text_of(problem)}") from None
        if not isinstance(event, h11.InformationalResponse | h11.Response):
            raise HandshakeError("the server did not answer with HTTP")
        reason, version = event.reason.decode("latin-1"), event.http_version.decode("ascii")
        return ResponseHead(event.status_code, reason, version, _decode(event.headers))


def reason_of(status: int) -> bytes:
    """Returns the standard phrase of a status; empty if the status has none."""
    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:
        return b""


def _text_of(problem: h11.RemoteProtocolError) -> str:
    # The error and the frames of its traceback refer to each other: a cycle that would keep this connection in memory
    # until the next garbage collection.
    problem.__traceback__ = None
    return _without_quotation(problem)


def _without_quotation(problem: h11.ProtocolError) -> str:
    # h11 quotes the line that it refuses, and the line may hold a secret.
    return _QUOTATION.sub("", str(problem))


def _write(machine: h11.Connection, event: Callable[..., h11.Event], **fields: Any) -> bytes:
    try:
        return machine.send(event(**fields)) or b""
    except h11.LocalProtocolError as problem:
        raise ValueError(f"HTTP cannot carry it: {_without_quotation(problem)}") from None


def _encode(fields: Fields) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in fields]


def _decode(fields: Iterable[tuple[bytes, bytes]]) -> Headers:
    return headers_from_head(b"".join([b"\r\n", *(b"%s:%s\r\n" % field for field in fields), b"\r\n"]))
