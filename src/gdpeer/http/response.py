"""The responses that handlers of `gdpeer.http` return, and the types of files.

Layer: `http`. Source: RFC 9110.
"""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Protocol, TypeAlias

from gdpeer.arguments import DATA, INT, STR, Kind, check_fields
from gdpeer.http.bodies import PIECE, Body, File, Source, chunked, open_body
from gdpeer.protocol.http_headers import Request

__all__ = ["Handler", "LateResponse", "Response", "content_type", "file_response", "only_get"]

# Types that Python may not know, or that the settings of the machine may override.
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
    return isinstance(value, tuple | list) and len(value) == 2 and all(isinstance(part, str) for part in value)


@dataclass(frozen=True, slots=True)
class Response:
    """The answer to an HTTP request.

    Attributes:
        status: 200-599.
        body: bytes, text (as UTF-8), a `File`, or an iterable of bytes, which gives its bytes while they are sent.
        content_type: the `Content-Type` header.
        headers: further headers, as (name, value).
        reason: the phrase beside the status; "": the standard phrase.

    Raises:
        TypeError: an argument has another type.
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
        """Returns a response in JSON that browsers and proxies do not cache."""
        return cls(status, json.dumps(value), "application/json", (("Cache-Control", "no-store"),))

    def to_bytes(self, *, head_only: bool = False) -> bytes:
        """Returns the whole response as bytes for the wire.

        Raises:
            ValueError: HTTP cannot carry the status, the reason or a header.
        """
        with closing(open_body(self.body)) as source:
            head = self._head(source.length)
            return head if head_only else head + b"".join(_pieces(source))

    def read(self) -> bytes:
        """Returns the whole body, for tests and for handlers that change another handler's response.

        Raises:
            OSError: the file cannot be read.
        """
        with closing(open_body(self.body)) as source:
            return b"".join(_pieces(source))

    def begin(self, version: str = "1.1", *, head_only: bool = False) -> tuple[bytes, Source | None]:
        """Returns the head for the wire, and the source of the body; None: no body follows.

        Args:
            version: of HTTP that the client speaks; "1.0" has no chunks.
            head_only: leave out the body but state its length: the answer to HEAD.

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
        from gdpeer.protocol.http_h11 import respond_head  # imported here: it needs h11, and few connections do

        fields = [("Content-Type", self.content_type), ("X-Content-Type-Options", "nosniff"), *self.headers]
        if length is not None:
            fields.append(("Content-Length", str(length)))
        head = respond_head(self.status, fields, self.reason)
        # h11 adds this line only to answer a request that it has read, and respond_head() starts without one.
        return head[:-2] + b"Transfer-Encoding: chunked\r\n\r\n" if in_chunks else head


def _pieces(source: Source) -> Iterator[bytes | memoryview]:
    while piece := source.next_piece(PIECE):
        yield piece


class LateResponse(Protocol):
    """A response that comes later, such as an `Answer` of `gdpeer.cluster`. Any object with these methods will do."""

    def then(self, callback: Callable[[Any], object], /) -> object:
        """Calls `callback` once, with this object, in the thread that polls the server: as soon as there is a result.

        If the result is there already, the call comes at once.
        """

    def result(self) -> Response | None:
        """Returns the response; None: there is nothing at this path.

        Raises:
            Exception: there is no response. The server logs the exception, and the client gets 500.
        """


Reply: TypeAlias = "Response | LateResponse | Awaitable[Response | None] | None"

Handler = Callable[[Request], Reply]
"""A function that answers requests: it returns a `Response`, or None to leave the request to the next handler.

Instead it may return a `LateResponse`, and in `gdpeer.aio` a coroutine or any other awaitable."""


def content_type(name: str) -> str:
    """Returns the `Content-Type` for a file's name."""
    suffix = PurePath(name).suffix.lower()
    return _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def only_get(request: Request) -> Response | None:
    """Returns the refusal (405) of a method other than GET and HEAD; None for those two."""
    if request.method in ("GET", "HEAD"):
        return None
    return Response(405, "only GET and HEAD here\n", headers=(("Allow", "GET, HEAD"),))


def file_response(path: Path, *headers: tuple[str, str]) -> Response | None:
    """Returns a response with a file: its bytes if they fit into one piece, else a `File`; None: it cannot be read."""
    try:
        with path.open("rb", buffering=0) as file:
            start = file.read(PIECE + 1) or b""
        return Response(200, start if len(start) <= PIECE else File(path), content_type(path.name), headers)
    except OSError:
        return None
