"""Serves the web page of the roll game, which runs the same `Table` in Python in the browser.

Layer: `demos`.
"""

from __future__ import annotations

import os

from gdpeer import http
from gdpeer.demos.pages import page_beside

__all__ = ["Pages"]


class Pages:
    """An HTTP handler for the page; pass it to `Table.host`, which serves it on the game's port.

    Args:
        pyodide: the folder of Pyodide; None looks for it as `http.PythonPages` does.
    """

    def __init__(self, pyodide: str | os.PathLike[str] | None = None) -> None:
        self._python = http.PythonPages(pyodide, packages=["gdpeer.demos.roll.game", "gdpeer.demos.roll.table"])
        self._answer = http.chain(self._python, page_beside(__file__))

    @property
    def problem(self) -> str:
        """Why the page cannot run, in one line; "" if it can."""
        return self._python.problem

    def __call__(self, request: http.Request) -> http.Response | None:
        """Returns the answer to a request; None if the page has no such file."""
        return self._answer(request)
