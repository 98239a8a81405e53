"""`LocalServer`: a game's server on a free port of this machine, for tests with real clients.

Layer: `testing`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar

from gdpeer.attributes import Guarded
from gdpeer.errors import Error
from gdpeer.multiplayer.tree import SceneTree
from gdpeer.multiplayer.websocket_peer import WebSocketMultiplayerPeer

__all__ = ["LocalServer"]

SLICE = 0.02


class LocalServer(Guarded):
    """A server on 127.0.0.1. The test polls it, with the machine's clock. Use it as a context manager.

    Attributes:
        tree: add the nodes of the game to its root.
        peer: the server's peer.

    Raises:
        OSError: no port could be opened.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ("peer", "tree")

    def __init__(self) -> None:
        self.tree = SceneTree()
        self.peer = WebSocketMultiplayerPeer()
        error = self.peer.create_server(0, "127.0.0.1")
        if error is not Error.OK:
            raise OSError(f"no port: {self.peer.get_listen_error() or error.name}")
        self.tree.multiplayer.multiplayer_peer = self.peer

    @property
    def port(self) -> int:
        """The number of the port; 0 after `close`."""
        return self.peer.get_local_port()

    @property
    def url(self) -> str:
        """The server's URL, as `ws://127.0.0.1:40123`."""
        return f"ws://127.0.0.1:{self.port}"

    def run(self, seconds: float = 0.1) -> None:
        """Polls the tree for some seconds."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.tree.poll(timeout=min(left, SLICE))

    def run_until(self, condition: Callable[[], object], seconds: float = 10.0) -> None:
        """Polls the tree until a condition holds.

        Raises:
            AssertionError: the condition does not hold after `seconds`.
        """
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() >= end:
                raise AssertionError(f"the condition does not hold after {seconds:g} s")
            self.tree.poll(timeout=SLICE)

    def close(self) -> None:
        """Closes the port and all connections. The nodes stay in the tree."""
        self.peer.close()

    def __enter__(self) -> LocalServer:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
