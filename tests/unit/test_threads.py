"""Several threads, each with peers of its own: they share nothing, with and without the interpreter's lock."""

from __future__ import annotations

import sys
import sysconfig
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from gdpeer import COMPILED, OK, ConnectionStatus, Node, SceneTree, Vector2, WebSocketMultiplayerPeer, rpc

THREADS = 6
CALLS = 60
IS_FREE = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
"""Whether this Python is built to run threads side by side."""


class Arena(Node):
    """Answers with what it was asked."""

    def __init__(self) -> None:
        super().__init__("Arena")
        self.answers: list[Any] = []

    @rpc("any_peer")
    def ask(self, number: int, value: dict[Any, Any]) -> None:
        self.answer.rpc_id(self.multiplayer.get_remote_sender_id(), number, value)

    @rpc("authority")
    def answer(self, number: int, value: dict[Any, Any]) -> None:
        self.answers.append((number, value))


def side(peer: WebSocketMultiplayerPeer) -> tuple[SceneTree, Arena]:
    tree, arena = SceneTree(), Arena()
    tree.root.add_child(arena)
    tree.multiplayer.multiplayer_peer = peer
    return tree, arena


def value_of(thread: int, number: int) -> dict[Any, Any]:
    return {"thread": thread, "at": Vector2(thread, number), "text": f"{thread} " * (number * 40), 1.5: [None, number]}


def play(thread: int, start: Barrier) -> int:
    """A server and a client of this thread's own, over TCP; how many calls were answered right."""
    with WebSocketMultiplayerPeer() as server, WebSocketMultiplayerPeer() as client:
        assert server.create_server(0, "127.0.0.1") is OK
        assert client.create_client(f"ws://127.0.0.1:{server.get_local_port()}") is OK
        (there, _), (here, arena) = side(server), side(client)
        start.wait(30)
        deadline, asked = time.monotonic() + 60, 0
        while len(arena.answers) < CALLS:
            assert time.monotonic() < deadline, f"{len(arena.answers)} of {asked} answers"
            if asked < CALLS and client.get_connection_status() is ConnectionStatus.CONNECTED:
                assert arena.ask.rpc_id(1, asked, value_of(thread, asked)) is OK
                asked += 1
            there.poll()
            here.poll(timeout=0.001)
        return sum(found == (number, value_of(thread, number)) for number, found in enumerate(arena.answers))


def test_threads_with_peers_of_their_own() -> None:
    start = Barrier(THREADS)
    with ThreadPoolExecutor(THREADS) as pool:
        assert list(pool.map(play, range(THREADS), [start] * THREADS)) == [CALLS] * THREADS
    if IS_FREE and not COMPILED:
        assert not sys._is_gil_enabled()  # type: ignore[attr-defined]
