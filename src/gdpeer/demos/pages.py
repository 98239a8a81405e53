"""Serves the web pages of the games, which are players in Python. The pages differ only in their parts.

    player.html       the frame of all pages, with places for the parts: {{name}}
    seat.py           for the Python of all pages: the form, the notice, and new attempts to connect
    GAME/page         parts.html, main.py and style.css of a game

Layer: `demos`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from gdpeer import http
from gdpeer.http.own_pages import page_beside
from gdpeer.http.response import Reply

__all__ = ["PlayerPage"]

FRAME = Path(__file__).with_name("player.html")
SEAT = Path(__file__).with_name("seat.py")
_PART = re.compile(r"^<!-- (\w+) -->\n", re.MULTILINE)
_PLACE = re.compile(r"\{\{(\w+)\}\}")


def filled_frame(parts: str) -> str:
    """Returns the frame of a player's page with the parts of one game."""
    _, *found = _PART.split(parts)
    texts = {name: text.removesuffix("\n") for name, text in zip(found[::2], found[1::2], strict=True)}
    return _PLACE.sub(lambda place: texts[place[1]], FRAME.read_text(encoding="utf-8"))


class PlayerPage:
    """An HTTP handler for a page that is itself a player in Python.

    Args:
        file: of the module that the folder `page` stands beside.
        packages: modules of gdpeer that the page needs besides gdpeer itself.
        pyodide: the folder of Pyodide; None looks for it as `http.PythonPages` does.
    """

    def __init__(self, file: str, packages: Sequence[str], pyodide: str | os.PathLike[str] | None) -> None:
        self._python = http.PythonPages(pyodide, packages=packages)
        parts = Path(file).with_name("page") / "parts.html"
        page, seat = filled_frame(parts.read_text(encoding="utf-8")), SEAT.read_bytes()
        again = (("Cache-Control", "no-cache"),)
        self._own = {
            "/": http.Response(200, page, "text/html; charset=utf-8", again),
            "/seat.py": http.Response(200, seat, "text/x-python; charset=utf-8", again),
        }
        self._answer = http.chain(self._python, self._own_file, page_beside(file))

    def _own_file(self, request: http.Request) -> http.Response | None:
        return self._own.get(request.path) if request.method in ("GET", "HEAD") else None

    @property
    def problem(self) -> str:
        """Why the page cannot run, in one line; "" if it can."""
        return self._python.problem

    def __call__(self, request: http.Request) -> Reply:
        """Returns the answer to a request; None if the page has no such file."""
        return self._answer(request)
