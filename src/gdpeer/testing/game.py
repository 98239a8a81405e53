"""`MemoryGame`: the server of a game without a port, for tests.

Layer: `testing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from gdpeer.clock import ManualClock
from gdpeer.multiplayer.godot4.scene import SceneMultiplayer
from gdpeer.multiplayer.tree import Node, SceneTree
from gdpeer.multiplayer.websocket_peer import WebSocketMultiplayerPeer
from gdpeer.testing.in_memory import InMemory
from gdpeer.testing.player import Player
from gdpeer.testing.recorder import Call, recorder_of
from gdpeer.transport.memory import MemoryStream

if TYPE_CHECKING:
    from gdpeer.multiplayer.replication.scenes import Scenes

__all__ = ["MemoryGame"]

URL = "ws://localhost/"


class MemoryGame(InMemory):
    """The server of a game in memory, and its players. Use it as a context manager, or call `close` at the end.

    Args:
        tree: of the server. None makes a tree with `clock`.
        clock: None: a new `ManualClock`.

    Attributes:
        tree: add the nodes of the game to its root.
        peer: the server's peer. The tree gets the peer when the first player joins.
        clock: of the tree and all players.
        players: that joined.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ("peer", "tree")

    def __init__(self, tree: SceneTree | None = None, clock: ManualClock | None = None) -> None:
        super().__init__(ManualClock() if clock is None else clock)
        self.tree = SceneTree(SceneMultiplayer(clock=self.clock)) if tree is None else tree
        self.peer = WebSocketMultiplayerPeer(clock=self.clock)

    def join(
        self, *nodes: Node, scenes: Scenes | None = None, delay: float = 0.0, wait: bool = True, url: str = URL
    ) -> Player:
        """Lets a player join.

        Args:
            nodes: for the root of the player's tree. Without nodes the player gets a copy of the server's nodes whose
                `@rpc` methods do nothing, and `calls` of the player lists all calls. The copy has no spawners and no
                synchronizers: a game that uses these needs nodes of its own.
            scenes: the classes of scenes that a MultiplayerSpawner makes.
            delay: seconds that each byte is on its way.
            wait: False returns before the connection is open.
            url: of the player's request.

        Returns:
            The player, whose connection is open.

        Raises:
            HandshakeError: the server refused; `status` and `detail` say why.
            TransportError: the connection ended before it was open.
        """
        calls: list[Call] = []
        parts = nodes or [recorder_of(node, calls) for node in self.tree.root.get_children()]
        return self._join(Player(self._serve, self.clock, url, parts, scenes, delay, calls), wait)

    def _serve(self, stream: MemoryStream) -> None:
        self.peer.take_stream(stream)
        # Only now is the peer a server. Until then the tree's offline peer has the same id.
        if self.tree.multiplayer.multiplayer_peer is not self.peer:
            self.tree.multiplayer.multiplayer_peer = self.peer

    def _poll_server(self) -> None:
        self.tree.poll()

    def close(self) -> None:
        """Ends the session; all players are disconnected. The nodes stay in the tree."""
        for player in self.players:
            player.peer.close()
        self.peer.close()
