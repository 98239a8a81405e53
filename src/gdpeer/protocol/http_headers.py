"""HTTP/1.1 messages, for clients and servers: headers and requests.

Layer: `protocol`. Source: RFC 9110, RFC 9112.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["Headers", "Request", "headers_from_head", "parse_header_line"]

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


class Headers:
    """Header fields in the order in which they came; names compare without case.

    Args:
        pairs: name and value of each field.
    """

    __slots__ = ("_head", "_pairs")

    def __init__(self, pairs: Sequence[tuple[str, str]] = ()) -> None:
        self._pairs = tuple((name.lower(), value) for name, value in pairs)
        # A connection's headers stay the bytes that arrived, and each access parses them again: a server holds them
        # as long as the connection is open, and a program asks for few of them.
        self._head = b""

    def get(self, name: str, default: str = "") -> str:
        """Returns all values of the field, joined by ", "; `default` if the field is absent."""
        values = self.get_all(name)
        return ", ".join(values) if values else default

    def get_all(self, name: str) -> list[str]:
        """Returns the field's values, one per occurrence."""
        wanted = name.lower()
        if self._head:
            return [value.decode("latin-1").rstrip(" \t") for value in _finder(wanted)(self._head)]
        return [value for key, value in self._pairs if key == wanted]

    def __getitem__(self, name: str) -> str:
        """Returns the same as `get`.

        Raises:
            KeyError: the field is absent.
        """
        values = self.get_all(name)
        if not values:
            raise KeyError(name)
        return ", ".join(values)

    def has_token(self, name: str, token: str) -> bool:
        """Tells whether a field's comma-separated list holds `token` (lower case), without regard to case."""
        return token in (item.strip().lower() for item in self.get(name).split(","))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and any(key == name.lower() for key, _ in self._all())

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __repr__(self) -> str:
        return f"Headers({list(self)!r})"

    def _all(self) -> Sequence[tuple[str, str]]:
        if not self._head:
            return self._pairs
        lines = self._head.decode("latin-1").split("\r\n")[1:-2]
        fields = (line.partition(":") for line in lines)
        return [(name.lower(), value.strip(" \t")) for name, _, value in fields]


def headers_from_head(head: bytes) -> Headers:
    """Returns the headers of a valid message head: start line to empty line, with CR LF."""
    # Without __init__, which a server would run for each connection only to store an empty tuple.
    headers = Headers.__new__(Headers)
    headers._pairs = ()
    headers._head = head
    return headers


@lru_cache(maxsize=64)
def _finder(name: str) -> Callable[[bytes], list[bytes]]:
    """Returns a function that finds the values of a field in a head."""
    return re.compile(rb"\r\n" + re.escape(name.encode("latin-1", "replace")) + rb":[ \t]*([^\r\n]*)", re.I).findall


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request: an upgrade to WebSocket, or a request for a page on the same port.

    Attributes:
        method: as sent; `get` is not `GET`.
        target: path and query as sent.
        headers: lower-case names.
        body: of a plain request; empty for an upgrade.
        remote_address: the client's numeric host and port, in a request for a page and in `process_request`; else
            ("", 0).
        version: of HTTP, "1.1" or "1.0".
    """

    method: str
    target: str
    headers: Headers
    body: bytes = b""
    remote_address: tuple[str, int] = ("", 0)
    version: str = "1.1"

    @property
    def path(self) -> str:
        """The target up to the query, still percent-encoded."""
        return self.target.split("?", 1)[0]

    @property
    def query(self) -> str:
        """The part of the target after the question mark, as sent."""
        return self.target.partition("?")[2]

    @property
    def is_upgrade(self) -> bool:
        """Whether the request asks for a WebSocket."""
        return self.headers.has_token("upgrade", "websocket")


def parse_header_line(line: str) -> tuple[str, str]:
    """Splits a `Name: value` line of `handshake_headers`.

    Raises:
        ValueError: the line has no valid name, no value, or a line break.
    """
    name, colon, value = line.partition(":")
    name, value = name.strip(), value.strip()
    if not colon or not _TOKEN.fullmatch(name) or not value or any(c in "\r\n\0" for c in line):
        # The error does not quote the line: its value may be a token or a password.
        known = f"{name!r}" if colon and _TOKEN.fullmatch(name) else "this one"
        what = "has no value" if colon and not value else "is not of that form, or has a line break"
        raise ValueError(f"a header must read 'Name: value': {known} {what}")
    return name, value
