"""`serve_hall`: runs a hall of rooms within asyncio.

Layer: `aio`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from gdpeer.aio.loop_driver import LoopDriver
from gdpeer.aio.tasks import RoomTasks, TreeTasks
from gdpeer.arguments import INT, STR, Kind, checked, optional
from gdpeer.errors import Error, TransportError

if TYPE_CHECKING:
    from gdpeer.multiplayer.tree import SceneTree
    from gdpeer.rooms import Hall

__all__ = ["is_hall", "running", "serve_hall"]

LONGEST = 0.1
"""The most seconds between two polls: a room that a task makes or changes is noticed then."""

GRACE = 2.0
"""Seconds that the calls of async methods, and async hooks, have to end after they were cancelled."""


def is_hall(value: object) -> bool:
    """Whether a value is a `Hall`."""
    from gdpeer.rooms import Hall  # imported here: most programs with asyncio have no rooms

    return isinstance(value, Hall)


@checked(hall=Kind("a Hall", is_hall), port=optional(INT), bind_ip=STR)
@asynccontextmanager
async def serve_hall(hall: Hall, port: int | None = None, bind_ip: str = "*") -> AsyncIterator[Hall]:
    """Runs a hall while the block runs. At the end of the block all rooms are closed, and all players with code 1001.

        async with serve_hall(hall, 8910):
            await asyncio.Event().wait()

    `@rpc` methods of the rooms' nodes may be async, and so may `on_create` and `on_auth`: each call is a task, which is
    cancelled at the end of the block. Do not poll the hall, or the trees of its rooms.

    Args:
        hall: with its kinds of rooms.
        port: 1 to 65,535; 0 opens a free port, which `hall.get_local_port()` tells. None: the hall listens already.
        bind_ip: one address, or "*" for all.

    Raises:
        TransportError: the port cannot be opened.
        ValueError: no port is given, and the hall does not listen.
    """
    if port is not None:
        error = hall.listen(port, bind_ip)
        if error is not Error.OK:
            raise TransportError(hall.get_listen_error() or error.name, error=error)
    elif not hall.is_listening():
        raise ValueError("the hall does not listen: give a port")
    async with running(hall):
        yield hall


@asynccontextmanager
async def running(hall: Hall) -> AsyncIterator[LoopDriver]:
    """Polls a hall while the block runs, and closes the hall at the end of the block."""
    tasks: WeakKeyDictionary[SceneTree, TreeTasks] = WeakKeyDictionary()
    hooks = RoomTasks()
    hall.use_tasks(lambda tree: tasks.setdefault(tree, TreeTasks()), hooks)
    driver = LoopDriver(hall.poll, hall.server.poll_turn, lambda: driver.soon() if hall.has_news() else None, LONGEST)
    driver.run()
    try:
        yield driver
    finally:
        hall.use_tasks(None)
        try:
            await asyncio.gather(hooks.end(GRACE), *(one.end(GRACE) for one in list(tasks.values())))
        finally:
            driver.stop()
            hall.close()
