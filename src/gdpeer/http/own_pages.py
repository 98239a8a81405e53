"""Finds the pages that are installed with gdpeer. Each page has a folder of its own, and all share one style.

Layer: `http`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gdpeer.http.response import Handler, Reply, Response
from gdpeer.http.static import StaticFolder, chain
from gdpeer.protocol.http_headers import Request

__all__ = ["LOOK", "below", "page_beside"]

LOOK = Path(__file__).with_name("look")
"""The folder with the style that the pages share."""


def page_beside(file: str, folder: str = "page") -> Handler:
    """Returns a handler that serves a folder beside a module's `file`, and the style that the pages share."""
    return chain(StaticFolder(Path(file).with_name(folder)), StaticFolder(LOOK))


def below(path: str, handler: Handler) -> Handler:
    """Returns a handler that serves another handler's files below a path, as "/arena".

    The path without a slash at its end leads to the path with one, because a page's links are relative.
    """

    def answer(request: Request) -> Reply:
        if request.path == path:
            query = f"?{request.query}" if request.query else ""
            return Response(307, headers=(("Location", f"{path.rpartition('/')[2]}/{query}"),))
        if not request.path.startswith(f"{path}/"):
            return None
        return handler(replace(request, target=request.target.removeprefix(path)))

    return answer
