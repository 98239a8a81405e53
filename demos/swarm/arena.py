"""Bots that call `echo` on a server, one call at a time, and measure how long each answer takes.

    gdpeer swarm demos/swarm/arena.py --url ws://localhost:8910 --clients 100 --duration 10

The server needs a node /root/Arena with these two methods, such as bench/arena.py, or bench/engine_project in Godot 4.
"""

import time
from collections.abc import AsyncIterator

from gdpeer import Node, SceneTree, Signal, Vector2, rpc

CALLS = 50


class Arena(Node):
    def __init__(self) -> None:
        super().__init__()
        self.answered = Signal("answered")

    @rpc("any_peer", "reliable")
    def echo(self, number: int, at: Vector2) -> None:
        """Does nothing here; the server's method answers."""

    @rpc("authority", "reliable")
    def answer(self, number: int, at: Vector2) -> None:
        self.answered.emit(number, at)


async def bot(tree: SceneTree, index: int) -> AsyncIterator[float]:
    arena = Arena()
    tree.root.add_child(arena)
    await tree.multiplayer.connected_to_server
    for number in range(CALLS):
        began = time.perf_counter()
        arena.echo.rpc_id(1, number, Vector2(index, number))
        if await arena.answered != (number, Vector2(index, number)):
            raise ValueError("this is no answer")
        yield time.perf_counter() - began
