"""What a handler of `gdpeer.http` gives back, and the types of files.

Layer: `http`. Source: RFC 9110.
"""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath

from gdpeer.protocol.http1 import Request

__all__ = ["Handler", "Response", "content_type", "only_get"]

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


@dataclass(frozen=True, slots=True)
class Response:
    """An answer.

    Attributes:
        status: 200-599.
        body: text goes as UTF-8.
        content_type: the `Content-Type` header.
        headers: more headers, as (name, value).
        reason: the phrase beside the status; "": the standard one.
    """

    status: int = 200
    body: bytes | str = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    reason: str = ""

    @classmethod
    def json(cls, value: object, status: int = 200) -> Response:
        """An answer in JSON that nobody caches."""
        return cls(status, json.dumps(value), "application/json", (("Cache-Control", "no-store"),))

    def to_bytes(self, *, head_only: bool = False) -> bytes:
        """The whole response as it goes on the wire.

        Raises:
            ValueError: the status, the reason or a header is not one that HTTP can carry.
        """
        from gdpeer.protocol.judge import respond  # h11 comes with it, which few connections need

        body = self.body.encode() if isinstance(self.body, str) else self.body
        fields = [("Content-Type", self.content_type), ("X-Content-Type-Options", "nosniff"), *self.headers]
        return respond(self.status, fields, body, head_only=head_only, reason=self.reason)


Handler = Callable[[Request], Response | None]


def content_type(name: str) -> str:
    """The `Content-Type` of a file, by its name."""
    suffix = PurePath(name).suffix.lower()
    return _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def only_get(request: Request) -> Response | None:
    """The answer to a request that asks for something else than a file; None for one that does not."""
    if request.method in ("GET", "HEAD"):
        return None
    return Response(405, "only GET and HEAD here\n", headers=(("Allow", "GET, HEAD"),))
