"""The hall of the demos: its rooms, the lobby page, and the pages of the games on one port.

    /                 the lobby page: the rooms, their players, and buttons to open and join rooms
    /arena/?room=X    the page of the arena, in the room X
    /roll/?room=X     the page of the roll game

Layer: `demos`.
"""

from __future__ import annotations

import os

from gdpeer import http
from gdpeer.demos.arena.pages import Pages as ArenaPages
from gdpeer.demos.roll.pages import Pages as RollPages
from gdpeer.demos.rooms.games import ArenaRoom, RollRoom
from gdpeer.http.own_pages import below, page_beside
from gdpeer.rooms import Hall

__all__ = ["PORT", "make_hall"]

PORT = 8910


def make_hall(pyodide: str | os.PathLike[str] | None = None) -> Hall:
    """Returns a hall with the games as kinds of rooms, and their pages.

    Args:
        pyodide: the folder of Pyodide; None looks for it as `http.PythonPages` does.
    """
    hall = Hall([ArenaRoom, RollRoom], lobby=True)
    hall.http_handler = http.chain(
        below("/arena", ArenaPages(pyodide)), below("/roll", RollPages(pyodide)), page_beside(__file__)
    )
    return hall
