"""The roll game's web page: a player whose table is the very same `Table`, in Python in the browser.

Layer: `demos`.
"""

from __future__ import annotations

import os

from gdpeer import http
from gdpeer.demos.pages import page_beside

__all__ = ["Pages"]


class Pages:
    """Serves the page, on the port of the game.

    Args:
        pyodide: the folder of Pyodide; None: see `http.PythonPages`.
    """

    def __init__(self, pyodide: str | os.PathLike[str] | None = None) -> None:
        self._python = http.PythonPages(pyodide, packages=["gdpeer.demos.roll.game", "gdpeer.demos.roll.table"])
        self._answer = http.chain(self._python, page_beside(__file__))

    @property
    def problem(self) -> str:
        """Why the page cannot run, in one line; "" when it can."""
        return self._python.problem

    def __call__(self, request: http.Request) -> http.Response | None:
        """See `http.Handler`."""
        return self._answer(request)
