"""`Table`: where one player of the roll game sits, as host or as guest.

Layer: `demos`.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from gdpeer import Error, Node, SceneTree, TLSOptions, WebSocketMultiplayerPeer, http
from gdpeer.demos.roll.game import ACTIONS, Game, Player
from gdpeer.multiplayer.peer import ConnectionStatus
from gdpeer.platform import IN_PAGE

__all__ = ["PORT", "PROTOCOL", "Table", "user_name"]

PORT = 8080
PROTOCOL = "ludus"
HOST = 1


def user_name() -> str:
    """As the engine's demo finds it: USERNAME, else the name of the home folder. A page knows nobody's name."""
    if IN_PAGE:
        return "A Browser User"
    return os.environ.get("USERNAME") or Path(os.environ.get("HOME", "")).name or "A Python User"


class Table:
    """One side of the game.

    Args:
        name: of the player; None: one who hosts without playing.
        log: called with one line for everything that happens.
        auto: act whenever it is the own turn.
        pause: seconds between the beginning of the turn and that.

    Attributes:
        game: the game itself.
        left: why the session ended; "" while it goes on, or before.
    """

    def __init__(
        self, name: str | None, log: Callable[[str], object] = print, *, auto: bool = False, pause: float = 0.5
    ) -> None:
        self.name = name
        self.auto = auto
        self.pause = pause
        self.log = log
        self.left = ""
        self.game = Game()
        self.tree = SceneTree()
        self._add(self.tree.root, "Panel", "VBoxContainer")
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

    def _add(self, parent: Node, *names: str) -> None:
        """The path that the game has in the engine's demo."""
        for name in names:
            child = Node(name)
            parent.add_child(child)
            parent = child
        parent.add_child(self.game)

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
        """Open the table.

        Args:
            port: for Godot 4 and Python; 0 for a free one.
            bind_address: "*" for all addresses, or one.
            godot3_port: one more port, for Godot 3; 0 for a free one.
            pages: what to serve to browsers on the same port (`roll.pages`).
            origins: web pages that may connect besides the table's own, such as "https://game.example".

        Returns:
            As `WebSocketMultiplayerPeer.create_server`.
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
        """Sit down at another's table.

        Args:
            url: `ws://host:8080`.
            godot3: the host is a Godot 3 game.
            tls: for `wss`.

        Returns:
            As `WebSocketMultiplayerPeer.create_client`.
        """
        self.peer = WebSocketMultiplayerPeer(dialects=("godot3",) if godot3 else ("godot4",))
        self.peer.supported_protocols = [PROTOCOL]
        error = self.peer.create_client(url, tls)
        if error is Error.OK:
            self.tree.multiplayer.multiplayer_peer = self.peer
        return error

    # ------------------------------------------------------------------------------------------ playing

    def poll(self, timeout: float = 0.0) -> None:
        """Let everything happen that is due, waiting at most `timeout` seconds for it."""
        self.tree.poll(timeout)
        if time.monotonic() >= self._act_at:
            self._act_at = math.inf
            self.game.act()

    def type(self, line: str) -> None:
        """What the player types: `roll`, `pass` or `players`."""
        word = line.strip().lower()
        if word in ACTIONS:
            if not self.game.act(word):
                self.log("It is not your turn.")
        elif word == "players":
            self._show_players()
        elif word:
            self.log(f"Type one of: {', '.join((*ACTIONS, 'players'))}")

    def leave(self, grace: float = 0.0) -> None:
        """Get up: the others see it; a host waits at most `grace` seconds until they have."""
        if self.peer.get_connection_status() != ConnectionStatus.DISCONNECTED:
            self._end("left", grace)

    @property
    def is_host(self) -> bool:
        """Whether this side decides."""
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
        if self.is_host:
            self.log("The table is closed")
        else:
            self.log(f"Connection closed: {self.left}")
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
        if player.peer_id != self._last_turn or own:  # else told again because somebody came or left
            self.log("It is your turn: roll, or pass" if own else f"It is {player.shown_name}'s turn")
        self._last_turn = player.peer_id
