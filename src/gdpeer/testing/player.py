"""`Player`: the client of one player in a test, with a tree of its own.

Layer: `testing`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from gdpeer.attributes import Guarded
from gdpeer.clock import Clock
from gdpeer.errors import CloseCause, Error
from gdpeer.multiplayer.godot4.scene import SceneMultiplayer
from gdpeer.multiplayer.peer import ConnectionStatus
from gdpeer.multiplayer.tree import Node, SceneTree
from gdpeer.multiplayer.websocket_peer import WebSocketMultiplayerPeer
from gdpeer.transport.memory import MemoryStream, memory_pair

if TYPE_CHECKING:
    from gdpeer.multiplayer.replication.scenes import Scenes
    from gdpeer.testing.recorder import Call

__all__ = ["Player"]


class Player(Guarded):
    """A client in memory; made by `MemoryGame.join` and `MemoryHall.join`.

    Args:
        serve: takes the server's end of a stream.
        clock: of the server.
        url: of the room or the seat. A URL without `?` gets a new session key, by which the player can come back.
        nodes: the children of the tree's root.
        scenes: the classes of scenes that a MultiplayerSpawner makes.
        delay: seconds that each byte is on its way.
        calls: the list of the nodes that record calls. None: a new list.

    Attributes:
        calls: what other sides called, if the nodes were made by `MemoryGame.join`; the oldest call first.
        tree: with the nodes.
        peer: of the current or last connection.
        url: with the session key or the seat.
        delay: as given; a changed value applies to the next connection.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ("calls", "delay", "peer", "tree", "url")

    def __init__(
        self,
        serve: Callable[[MemoryStream], object],
        clock: Clock,
        url: str,
        nodes: Iterable[Node] = (),
        scenes: Scenes | None = None,
        delay: float = 0.0,
        calls: list[Call] | None = None,
    ) -> None:
        self.calls: list[Call] = [] if calls is None else calls
        self._serve = serve
        self._clock = clock
        self.url = url if "?" in url else f"{url}?session={secrets.token_urlsafe(16)}"
        self.delay = delay
        self.tree = SceneTree(SceneMultiplayer(clock=clock), scenes=scenes)
        for node in nodes:
            self.tree.root.add_child(node)
        self._ends: tuple[MemoryStream, ...] = ()
        self._peer_id = 0
        self.peer = WebSocketMultiplayerPeer(clock=clock)

    def connect(self) -> None:
        """Begins to connect, also again after a loss; the same URL leads to the same place."""
        self.peer = WebSocketMultiplayerPeer(clock=self._clock)
        self._ends = ours, theirs = memory_pair(clock=self._clock, delay=self.delay)
        self._serve(theirs)
        error = self.peer.connect_through(ours, self.url)
        if error is not Error.OK:
            raise ValueError(self.peer.get_close_cause().detail or error.name)
        self.tree.multiplayer.multiplayer_peer = self.peer

    def poll(self) -> None:
        """Receives and sends; `run` of the game or the hall calls this."""
        self.tree.poll()
        self._peer_id = self.peer.get_unique_id() or self._peer_id

    def call(self, path: str, method: str, *arguments: object) -> Error:
        """Calls a method on the server; returns the codes of `Node.rpc_id`.

        Args:
            path: of the node, from the root of the tree on: `Main`.
            method: its name.
            arguments: engine values.
        """
        return self.tree.root.get_node(path).rpc_id(1, method, *arguments)

    def calls_of(self, method: str) -> list[tuple[Any, ...]]:
        """Returns the arguments of each recorded call of a method."""
        return [call.arguments for call in self.calls if call.method == method]

    @property
    def peer_id(self) -> int:
        """The player's id, also after the end of the connection; 0 before the first connection is open."""
        return self.peer.get_unique_id() or self._peer_id

    @property
    def is_connected(self) -> bool:
        """Whether the server has told the player's id, and the connection has not ended."""
        return self.peer.get_connection_status() is ConnectionStatus.CONNECTED

    @property
    def is_over(self) -> bool:
        """Whether the connection has ended, or was refused."""
        return self.peer.get_connection_status() is ConnectionStatus.DISCONNECTED

    @property
    def close_cause(self) -> CloseCause:
        """Why the connection ended or was refused."""
        return self.peer.get_close_cause()

    # ------------------------------------------------------------------------------------------ ends of a connection

    def lose_connection(self) -> None:
        """Breaks the connection as a reset does: bytes on their way are lost."""
        for stream in self._ends:
            stream.break_connection()

    def go_silent(self) -> None:
        """Cuts the cable: no byte arrives any more, and no side is told."""
        for stream in self._ends:
            stream.stall()

    def leave(self) -> None:
        """Leaves for good, by a close frame with code 1000."""
        self.peer.close()

    def __repr__(self) -> str:
        return f"<Player {self.peer_id} {'here' if self.is_connected else 'away'}>"
