"""What a handler of `gdpeer.http` gives back, and the types of files.

Layer: `http`. Source: RFC 9110.
"""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from gdpeer.arguments import DATA, INT, STR, Kind, check_fields
from gdpeer.http.bodies import PIECE, Body, File, Source, chunked, open_body
from gdpeer.protocol.http_headers import Request

__all__ = ["Handler", "Response", "content_type", "file_body", "only_get"]

# What a Python installation may not know, or may have been told otherwise by the machine.
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".md": "text/markdown; charset=utf-8",
    ".pck": "application/octet-stream",
    ".py": "text/x-python; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".whl": "application/zip",
    ".woff2": "font/woff2",
}

_BODY = Kind(
    "bytes, a string, a File or an iterable of bytes",
    lambda value: DATA.fits(value) or isinstance(value, File) or hasattr(type(value), "__iter__"),
)
_HEADERS = Kind("a tuple of (name, value)", lambda value: isinstance(value, tuple | list) and all(map(_is_pair, value)))


def _is_pair(value: object) -> bool:
    return isinstance(value, tuple | list) and len(value) == 2 and all(isinstance(one, str) for one in value)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer.

    Attributes:
        status: 200-599.
        body: bytes, text (as UTF-8), a `File`, or an iterable of bytes, which is asked for more while it is sent.
        content_type: the `Content-Type` header.
        headers: more headers, as (name, value).
        reason: the phrase beside the status; "": the standard one.

    Raises:
        TypeError: one of them is of another type.
    """

    status: int = 200
    body: Body = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    reason: str = ""

    def __post_init__(self) -> None:
        check_fields(self, status=INT, body=_BODY, content_type=STR, headers=_HEADERS, reason=STR)

    @classmethod
    def json(cls, value: object, status: int = 200) -> Response:
        """An answer in JSON that nobody caches."""
        return cls(status, json.dumps(value), "application/json", (("Cache-Control", "no-store"),))

    def to_bytes(self, *, head_only: bool = False) -> bytes:
        """The whole response as it goes on the wire.

        Raises:
            ValueError: the status, the reason or a header is not one that HTTP can carry.
        """
        source = open_body(self.body)
        try:
            head = self._head(source.length)
            return head if head_only else head + b"".join(_pieces(source))
        finally:
            source.close()

    def read(self) -> bytes:
        """The whole body, for tests and for handlers that change what another one gave.

        Raises:
            OSError: the file cannot be read.
        """
        source = open_body(self.body)
        try:
            return b"".join(_pieces(source))
        finally:
            source.close()

    def begin(self, version: str = "1.1", *, head_only: bool = False) -> tuple[bytes, Source | None]:
        """The head as it goes on the wire, and what follows it; None: nothing.

        Args:
            version: of HTTP that the client speaks; "1.0" knows no chunks.
            head_only: leave the body out but state its length: an answer to HEAD.

        Raises:
            ValueError: as `to_bytes`.
            OSError: the file cannot be read.
        """
        source = open_body(self.body)
        try:
            in_chunks = source.length is None and version != "1.0"
            head = self._head(source.length, in_chunks=in_chunks)
        except BaseException:
            source.close()
            raise
        if head_only:
            source.close()
            return head, None
        return head, chunked(source) if in_chunks else source

    def _head(self, length: int | None, *, in_chunks: bool = False) -> bytes:
        from gdpeer.protocol.http_h11 import respond_head  # h11 comes with it, which few connections need

        fields = [("Content-Type", self.content_type), ("X-Content-Type-Options", "nosniff"), *self.headers]
        if length is not None:
            fields.append(("Content-Length", str(length)))
        head = respond_head(self.status, fields, self.reason)
        # h11 writes this line only for a client whose request it has read.
        return head[:-2] + b"Transfer-Encoding: chunked\r\n\r\n" if in_chunks else head


def _pieces(source: Source) -> Iterator[bytes | memoryview]:
    while piece := source.next_piece(PIECE):
        yield piece


Handler = Callable[[Request], Response | None]
"""What answers requests: a function that returns a `Response`, or None where it has no answer."""


def content_type(name: str) -> str:
    """The `Content-Type` of a file, by its name."""
    suffix = PurePath(name).suffix.lower()
    return _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def only_get(request: Request) -> Response | None:
    """The answer to a request that asks for something else than a file; None for one that does not."""
    if request.method in ("GET", "HEAD"):
        return None
    return Response(405, "only GET and HEAD here\n", headers=(("Allow", "GET, HEAD"),))


def file_body(path: Path) -> bytes | File | None:
    """The body of a file: its bytes where they are one piece at most; None where it cannot be read."""
    try:
        with path.open("rb", buffering=0) as file:
            start = file.read(PIECE + 1) or b""
        return start if len(start) <= PIECE else File(path)
    except OSError:
        return None
