"""HTTP/1.1 messages as both roles need them: headers, requests, responses.

Layer: `protocol`; h11 writes and judges what goes on the wire. Source: RFC 9110, RFC 9112.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import h11

__all__ = ["Headers", "Request", "decode", "encode", "parse_header_line", "reason_of", "respond", "write"]

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


class Headers:
    """Header fields in the order in which they came; names compare without case.

    Args:
        pairs: name and value of each field.
    """

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Sequence[tuple[str, str]] = ()) -> None:
        self._pairs = tuple((name.lower(), value) for name, value in pairs)

    def get(self, name: str, default: str = "") -> str:
        """All values of the field, joined by ", "; `default` where it is absent."""
        values = self.get_all(name)
        return ", ".join(values) if values else default

    def get_all(self, name: str) -> list[str]:
        """The field's values, one an occurrence."""
        wanted = name.lower()
        return [value for key, value in self._pairs if key == wanted]

    def has_token(self, name: str, token: str) -> bool:
        """Whether a comma-separated list holds `token`, without case."""
        return token in (item.strip().lower() for item in self.get(name).split(","))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and any(key == name.lower() for key, _ in self._pairs)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    def __repr__(self) -> str:
        return f"Headers({list(self._pairs)!r})"


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request: an upgrade, or one for a page on the same port.

    Attributes:
        method: as sent, upper case.
        target: path and query as sent.
        headers: lower-case names.
        body: of a plain request; empty for an upgrade.
        remote_address: numeric host and port of who asks.
    """

    method: str
    target: str
    headers: Headers
    body: bytes = b""
    remote_address: tuple[str, int] = ("", 0)

    @property
    def path(self) -> str:
        """The target up to the query, still percent-encoded."""
        return self.target.split("?", 1)[0]

    @property
    def query(self) -> str:
        """What follows the question mark, as sent."""
        return self.target.partition("?")[2]

    @property
    def is_upgrade(self) -> bool:
        """Whether it asks for a WebSocket."""
        return self.headers.has_token("upgrade", "websocket")


def parse_header_line(line: str) -> tuple[str, str]:
    """Split a `Name: value` line of `handshake_headers`.

    Raises:
        ValueError: it has no name, no value, or a line break.
    """
    name, colon, value = line.partition(":")
    name, value = name.strip(), value.strip()
    if not colon or not _TOKEN.fullmatch(name) or not value or any(c in "\r\n\0" for c in line):
        raise ValueError(f"a header must read 'Name: value', not {line!r}")
    return name, value


def respond(status: int, headers: Sequence[tuple[str, str]], body: bytes, *, head_only: bool = False) -> bytes:
    """A whole HTTP/1.1 response that ends its connection.

    Args:
        status: 200-599.
        headers: besides `Content-Length` and `Connection`, which are added.
        body: what follows.
        head_only: leave the body out but state its length: an answer to HEAD.

    Raises:
        ValueError: a header is not one that HTTP can carry.
    """
    machine = h11.Connection(h11.SERVER)
    fields = [*headers, ("Content-Length", str(len(body))), ("Connection", "close")]
    head = write(machine, h11.Response, status_code=status, headers=encode(fields), reason=reason_of(status))
    return head if head_only else head + body


def write(machine: h11.Connection, event: Callable[..., h11.Event], **fields: Any) -> bytes:
    """What h11 makes of an event; ValueError where HTTP cannot carry it."""
    try:
        return machine.send(event(**fields)) or b""
    except h11.LocalProtocolError as problem:
        raise ValueError(f"HTTP cannot carry it: {problem}") from None


def reason_of(status: int) -> bytes:
    """The standard phrase of a status; empty for one that has none."""
    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:
        return b""


def encode(fields: Sequence[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Fields as h11 takes them."""
    return [(name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in fields]


def decode(fields: h11._headers.Headers) -> Headers:
    """Fields as h11 gives them."""
    return Headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields])
