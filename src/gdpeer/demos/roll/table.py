"""`Table`: the roll game of one player, as host or as guest, with its connection.

Layer: `demos`.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from gdpeer import CloseCause, Error, Node, SceneTree, TLSOptions, WebSocketMultiplayerPeer, http
from gdpeer.demos.roll.game import ACTIONS, Game, Player
from gdpeer.multiplayer.peer import ConnectionStatus
from gdpeer.platform import IN_PAGE

__all__ = ["PORT", "PROTOCOL", "Table", "furnish", "user_name"]

PORT = 8080
PROTOCOL = "ludus"
ROOMS = "gdpeer"
"""The sub-protocol of a server with many rooms."""
HOST = 1


def user_name() -> str:
    """Returns the user's name as Godot's demo finds it: USERNAME, else the name of the home folder."""
    if IN_PAGE:
        return "A Browser User"
    return os.environ.get("USERNAME") or Path(os.environ.get("HOME", "")).name or "A Python User"


def furnish(tree: SceneTree, game: Game) -> None:
    """Adds the game to a tree at the path that it has in Godot's demo."""
    parent = tree.root
    for name in ("Panel", "VBoxContainer"):
        child = Node(name)
        parent.add_child(child)
        parent = child
    parent.add_child(game)


class Table:
    """One player's side of the game. Call `host` or `join` once, then `poll` in a loop.

    Args:
        name: of the player; None to host without playing.
        log: called with one line for each event of the game.
        auto: whether to roll by itself in each turn of this player.
        pause: with `auto`, seconds from the beginning of the turn to the roll.

    Attributes:
        game: the state of the game.
        left: why the session ended; "" before its end.
        cause: why the connection ended.
    """

    def __init__(
        self, name: str | None, log: Callable[[str], object] = print, *, auto: bool = False, pause: float = 0.5
    ) -> None:
        self.name = name
        self.auto = auto
        self.pause = pause
        self.log = log
        self.left = ""
        self.cause = CloseCause()
        self.game = Game()
        self.tree = SceneTree()
        furnish(self.tree, self.game)
        self.peer = WebSocketMultiplayerPeer()
        self._last_turn = 0
        self._act_at = math.inf
        self.game.logged.connect(self.log)
        self.game.players_changed.connect(self._show_players)
        self.game.turn_changed.connect(self._show_turn)
        api = self.tree.multiplayer
        api.peer_connected.connect(self._came)
        api.peer_disconnected.connect(self._went)
        api.connected_to_server.connect(self._connected)
        api.connection_failed.connect(lambda: self._end("connection failed"))
        api.server_disconnected.connect(lambda: self._end("server gone"))

    # ------------------------------------------------------------------------------------------ beginning

    def host(
        self,
        port: int = PORT,
        bind_address: str = "127.0.0.1",
        *,
        godot3_port: int | None = None,
        pages: http.Handler | None = None,
        origins: Sequence[str] = (),
    ) -> Error:
        """Opens the table for other players.

        Args:
            port: for Godot 4 and Python; 0 takes a free port.
            bind_address: the address to listen on; "*" for all addresses.
            godot3_port: a second port, for Godot 3; 0 takes a free port. None lets no Godot 3 player join.
            pages: serves the web page on the same port, such as `roll.pages.Pages`.
            origins: web pages that may connect besides the table's own page, such as "https://game.example".

        Returns:
            The result of `WebSocketMultiplayerPeer.create_server`.
        """
        from gdpeer.demos.origins import own_origins  # it needs sockets, and a page, which never hosts, has none

        dialects = ("godot4",) if godot3_port is None else ("godot4", "godot3")
        self.peer = WebSocketMultiplayerPeer(dialects=dialects)
        self.peer.supported_protocols = [PROTOCOL]
        self.peer.http_handler = pages
        error = self.peer.create_server(port, bind_address, godot3_port=godot3_port)
        if error is Error.OK:
            self.peer.allowed_origins = [*own_origins(bind_address, self.peer.get_local_port()), *origins]
            self.tree.multiplayer.multiplayer_peer = self.peer
            if self.name is not None:
                self.game.add_player(HOST, self.name)
            self.game.set_turn(0)
        return error

    def join(self, url: str, *, godot3: bool = False, tls: TLSOptions | None = None) -> Error:
        """Joins the table of another host.

        Args:
            url: of the host: `ws://host:8080`.
            godot3: whether the host is a Godot 3 game.
            tls: for `wss`.

        Returns:
            The result of `WebSocketMultiplayerPeer.create_client`; OK if the connection has begun.
        """
        self.peer = WebSocketMultiplayerPeer(dialects=("godot3",) if godot3 else ("godot4",))
        self.peer.supported_protocols = [PROTOCOL, ROOMS]
        error = self.peer.create_client(url, tls)
        if error is Error.OK:
            self.tree.multiplayer.multiplayer_peer = self.peer
        return error

    # ------------------------------------------------------------------------------------------ playing

    def poll(self, timeout: float = 0.0) -> None:
        """Receives and sends all that is due, after waiting up to `timeout` seconds for it; rolls with `auto`."""
        self.tree.poll(timeout)
        if time.monotonic() >= self._act_at:
            self._act_at = math.inf  # until the next turn
            self.game.act()

    def type(self, line: str) -> None:
        """Obeys a line that the player typed: `roll`, `pass` or `players`."""
        word = line.strip().lower()
        if word in ACTIONS:
            if not self.game.act(word):
                self.log("It is not your turn.")
        elif word == "players":
            self._show_players()
        elif word:
            self.log(f"Type one of: {', '.join((*ACTIONS, 'players'))}")

    def leave(self, grace: float = 0.0) -> None:
        """Leaves the table; a host closes it, and waits up to `grace` seconds until all players have answered."""
        if self.peer.get_connection_status() != ConnectionStatus.DISCONNECTED:
            self._end("left", grace)

    @property
    def is_host(self) -> bool:
        """Whether this player hosts the game, and so decides."""
        return self.tree.multiplayer.is_server()

    # ------------------------------------------------------------------------------------------ what happens

    def _came(self, peer_id: int) -> None:
        if self.is_host:
            self.game.welcome(peer_id)

    def _went(self, peer_id: int) -> None:
        if self.is_host:
            self.game.farewell(peer_id)

    def _connected(self) -> None:
        self.log(f"Connected as {self.name}")
        self.game.set_player_name.rpc(self.name or user_name())

    def _end(self, reason: str, grace: float = 0.0) -> None:
        detail = str(self.peer.get_close_cause()) if reason == "connection failed" else ""
        self.left = f"{reason}: {detail}" if detail else reason
        self.cause = self.peer.get_close_cause()
        if self.is_host:
            self.log("The table is closed")
        else:
            self.log(f"Connection closed: {self.left}")
        # First, so that the API does not report the players that the close disconnects.
        self.tree.multiplayer.multiplayer_peer = None
        self.peer.stop(reason="The table is closed", grace=grace)
        self.game.players.clear()
        self.game.turn = 0

    def _show_players(self) -> None:
        names = ", ".join(player.shown_name for player in self.game.players)
        self.log(f"Players: {names or 'nobody yet'}")

    def _show_turn(self, player: Player) -> None:
        own = self.game.is_own_turn
        if own and self.auto and self._act_at == math.inf:
            self._act_at = time.monotonic() + self.pause
        # The host announces the turn again whenever a player joins or leaves: log only a new turn, or the own one.
        if player.peer_id != self._last_turn or own:
            self.log("It is your turn: roll, or pass" if own else f"It is {player.shown_name}'s turn")
        self._last_turn = player.peer_id
