"""Serves the web page of the arena, which runs the same `Guest` in Python in the browser.

Layer: `demos`.
"""

from __future__ import annotations

import os

from gdpeer.demos.pages import PlayerPage

__all__ = ["Pages"]


class Pages(PlayerPage):
    """An HTTP handler for the page; pass it to `ArenaServer.listen`, which serves it on the game's port.

    Args:
        pyodide: the folder of Pyodide; None looks for it as `http.PythonPages` does.
    """

    def __init__(self, pyodide: str | os.PathLike[str] | None = None) -> None:
        super().__init__(__file__, ["gdpeer.demos.arena.guest", "gdpeer.demos.arena.world"], pyodide)
