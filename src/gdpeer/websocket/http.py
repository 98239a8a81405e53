"""Pages and health on the game's own port.

A `WebSocketServer` answers a request that is no upgrade through `server.http_handler`: any callable that takes a
`Request` and returns a `Response`, or None for "not mine" (404). `StaticFolder` is one that serves files. Handlers
run in the thread that polls: answer at once.

    server.http_handler = StaticFolder("page")

Each response ends its connection; this is a doorstep for a game, not a web server.

Layer: `websocket`. Source: RFC 9110.
"""

from __future__ import annotations

import json
import mimetypes
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from gdpeer.protocol.http1 import Headers, Request

__all__ = ["Handler", "Headers", "Request", "Response", "StaticFolder", "chain"]

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
    """

    status: int = 200
    body: bytes | str = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def json(cls, value: object, status: int = 200) -> Response:
        """An answer in JSON that nobody caches."""
        return cls(status, json.dumps(value), "application/json", (("Cache-Control", "no-store"),))

    def to_bytes(self, *, head_only: bool = False) -> bytes:
        """The whole response as it goes on the wire.

        Raises:
            ValueError: the status or a header is not one that HTTP can carry.
        """
        from gdpeer.protocol.judge import respond  # h11 comes with it, which few connections need

        body = self.body.encode() if isinstance(self.body, str) else self.body
        fields = [("Content-Type", self.content_type), ("X-Content-Type-Options", "nosniff"), *self.headers]
        return respond(self.status, fields, body, head_only=head_only)


Handler = Callable[[Request], Response | None]


class StaticFolder:
    """Serves the files below a folder; a folder's own address gives its `index.html`.

    Links that lead out of the folder are not followed, nor are names that begin with a dot shown.

    Args:
        folder: where the files are.

    Raises:
        NotADirectoryError: there is no such folder.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._root = Path(folder).resolve()
        if not self._root.is_dir():
            raise NotADirectoryError(f"not a folder: {folder}")

    def __call__(self, request: Request) -> Response | None:
        """Answer a request for a file; None when there is no such file."""
        if request.method not in ("GET", "HEAD"):
            return Response(405, "only GET and HEAD here\n", headers=(("Allow", "GET, HEAD"),))
        file = self._find(unquote(request.path))
        if file is None:
            return None
        try:
            body = file.read_bytes()
        except OSError:
            return None
        return Response(200, body, _content_type(file), (("Cache-Control", "no-cache"),))

    def _find(self, path: str) -> Path | None:
        parts = [part for part in path.split("/") if part]
        if any(part.startswith(".") or "\\" in part or "\0" in part or ":" in part for part in parts):
            return None
        try:
            file = self._root.joinpath(*parts).resolve()
            if file.is_dir():
                file = (file / "index.html").resolve()
            return file if file.is_relative_to(self._root) and file.is_file() else None
        except (OSError, RuntimeError):  # RuntimeError: links in a circle, before Python 3.13
            return None


def _content_type(file: Path) -> str:
    suffix = file.suffix.lower()
    return _TYPES.get(suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"


def chain(*handlers: Handler) -> Handler:
    """One handler out of several: the first that answers."""

    def handle(request: Request) -> Response | None:
        for handler in handlers:
            response = handler(request)
            if response is not None:
                return response
        return None

    return handle
