"""Serves the web pages of the demos. Each page has a folder of its own, and all share one style.

Layer: `demos`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from gdpeer import http

__all__ = ["PlayerPage", "page_beside"]

LOOK = Path(__file__).with_name("look")


def page_beside(file: str) -> http.Handler:
    """Returns a handler that serves the folder `page` beside a module's `file`, and the style that the pages share."""
    return http.chain(http.StaticFolder(Path(file).with_name("page")), http.StaticFolder(LOOK))


class PlayerPage:
    """An HTTP handler for a page that is itself a player in Python.

    Args:
        file: of the module that the folder `page` stands beside.
        packages: modules of gdpeer that the page needs besides gdpeer itself.
        pyodide: the folder of Pyodide; None looks for it as `http.PythonPages` does.
    """

    def __init__(self, file: str, packages: Sequence[str], pyodide: str | os.PathLike[str] | None) -> None:
        self._python = http.PythonPages(pyodide, packages=packages)
        self._answer = http.chain(self._python, page_beside(file))

    @property
    def problem(self) -> str:
        """Why the page cannot run, in one line; "" if it can."""
        return self._python.problem

    def __call__(self, request: http.Request) -> http.Response | None:
        """Returns the answer to a request; None if the page has no such file."""
        return self._answer(request)
