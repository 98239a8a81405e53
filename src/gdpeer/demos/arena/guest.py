"""`Guest`: the client of one player in the arena: joins, steers, and knows what is near.

Layer: `demos`.
"""

from __future__ import annotations

from gdpeer import CloseCause, Error, MultiplayerPeer, TLSOptions, Vector2, WebSocketMultiplayerPeer
from gdpeer.clock import MONOTONIC, Clock
from gdpeer.demos.arena.world import PROTOCOL, ROOMS, SERVER, Player, make_tree
from gdpeer.multiplayer.peer import ConnectionStatus

__all__ = ["Guest"]


class Guest:
    """One player's client. Call `join`, then `poll` in a loop.

    Args:
        title: the player's name.
        clock: tells the time.

    Attributes:
        main: the nodes that this client knows.
        left: why the session ended; "" before its end.
        cause: why the connection ended.
        refusal: why the server lets this player not play; "" otherwise.
    """

    def __init__(self, title: str, *, clock: Clock = MONOTONIC) -> None:
        self.title = title
        self.tree, self.main = make_tree(clock)
        self.peer = WebSocketMultiplayerPeer()
        self.left = self.refusal = ""
        self.cause = CloseCause()
        self.main.was_refused.connect(self._refused)
        api = self.tree.multiplayer
        api.connected_to_server.connect(self._connected)
        api.connection_failed.connect(lambda: self._end(f"connection failed: {self.peer.get_close_cause()}"))
        api.server_disconnected.connect(lambda: self._end("server gone"))

    def join(self, url: str, tls: TLSOptions | None = None) -> Error:
        """Joins an arena.

        Args:
            url: of the server: `ws://host:8082`.
            tls: for `wss`.

        Returns:
            The result of `WebSocketMultiplayerPeer.create_client`; OK if the connection has begun.
        """
        self.peer.supported_protocols = [PROTOCOL, ROOMS]
        error = self.peer.create_client(url, tls)
        if error is Error.OK:
            self.open(self.peer)
        return error

    def open(self, peer: MultiplayerPeer) -> None:
        """Joins over a client's peer."""
        self.tree.multiplayer.multiplayer_peer = peer

    def poll(self, timeout: float = 0.0) -> None:
        """Receives and sends all that is due, after waiting up to `timeout` seconds for it."""
        self.tree.poll(timeout)

    @property
    def id(self) -> int:
        """The id of the player's peer."""
        return self.tree.multiplayer.get_unique_id()

    @property
    def player(self) -> Player | None:
        """This client's player; None while it does not play."""
        return self.main.player_of(self.id)

    def steer(self, direction: Vector2) -> None:
        """Sets where the player goes: a vector of the length 1 or less."""
        player = self.player
        if player is not None:
            player.direction = direction

    def leave(self, grace: float = 0.0) -> None:
        """Leaves the arena, and waits up to `grace` seconds for the server's answer."""
        if self.peer.get_connection_status() != ConnectionStatus.DISCONNECTED:
            self._end("left", grace)

    def _connected(self) -> None:
        self.main.enter.rpc_id(SERVER, self.title)

    def _refused(self, reason: str) -> None:
        self.refusal = reason

    def _end(self, reason: str, grace: float = 0.0) -> None:
        self.left = reason
        self.cause = self.peer.get_close_cause()
        self.tree.multiplayer.multiplayer_peer = None
        self.peer.stop(reason="left", grace=grace)
