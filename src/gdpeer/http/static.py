"""`StaticFolder`: a handler that serves files. `chain`: joins several handlers.

Layer: `http`. Source: RFC 9110.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote

from gdpeer.arguments import CALLABLE, PATH, checked, wrong_type
from gdpeer.attributes import Guarded
from gdpeer.http.response import Handler, Reply, Response, file_response, only_get
from gdpeer.protocol.http_headers import Request

__all__ = ["StaticFolder", "chain"]


class StaticFolder(Guarded):
    """Serves the files below a folder; the URL of a folder gives its `index.html`.

    Never serves files outside of the folder (through links), nor names that begin with a dot.

    Args:
        folder: where the files are.

    Raises:
        NotADirectoryError: the folder does not exist.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ()

    @checked(folder=PATH)
    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._root = Path(folder).resolve()
        if not self._root.is_dir():
            raise NotADirectoryError(f"not a folder: {folder}")

    def __call__(self, request: Request) -> Response | None:
        """Answers a request for a file; returns None if the file does not exist."""
        if refused := only_get(request):
            return refused
        file = self._find(unquote(request.path))
        return None if file is None else file_response(file, ("Cache-Control", "no-cache"))

    def _find(self, path: str) -> Path | None:
        parts = [part for part in path.split("/") if part]
        # Backslashes and colons are separators and drives on Windows: `..\..` and `c:` must not reach the file system.
        if any(part.startswith(".") or "\\" in part or "\0" in part or ":" in part for part in parts):
            return None
        # Compare the path after links were resolved: a link may lead out of the folder.
        try:
            file = self._root.joinpath(*parts).resolve()
            if file.is_dir():
                file = (file / "index.html").resolve()
            return file if file.is_relative_to(self._root) and file.is_file() else None
        except (OSError, RuntimeError):  # RuntimeError: links in a circle, before Python 3.13
            return None


def chain(*handlers: Handler) -> Handler:
    """Joins handlers: the first that returns a response answers.

    Raises:
        TypeError: a handler cannot be called.
    """
    for handler in handlers:
        if not callable(handler):
            raise wrong_type("chain", "handlers", CALLABLE.words, handler)

    def handle(request: Request) -> Reply:
        for handler in handlers:
            response = handler(request)
            if response is not None:
                return response
        return None

    return handle
