"""The rules of the roll game, and the seven methods that its sides call at each other.

The host is the only one who decides: it keeps the list and the turn, and tells them. The others ask: `set_player_name`
and `request_action`. The methods have the names, the order and the arguments of the engine's demo: over Godot 4's wire
they are numbers, by the order of their names.

Layer: `demos`. Source: reference demos section 3.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from gdpeer import Node, Signal, rpc

__all__ = ["ACTIONS", "Game", "Player"]

ACTIONS = ("roll", "pass")

LONGEST = 40
"""Characters of a name or of an action that somebody sent."""

SERVER = 1


@dataclass
class Player:
    """One of the list.

    Attributes:
        peer_id: who it is; the host's is 1.
        name: "" until it is known.
    """

    peer_id: int
    name: str = ""

    @property
    def shown_name(self) -> str:
        """What the others read."""
        return self.name or "... connecting ..."


class Game(Node):
    """The game, on each side.

    Attributes:
        players: in the order of joining, which is the order of the turns.
        turn: the place of the player who may act; no place while there is none.
        logged: signal (line).
        players_changed: signal ().
        turn_changed: signal (player): the turn was told, perhaps the same again.
    """

    def __init__(self) -> None:
        super().__init__("Game")
        self.logged = Signal("logged")
        self.players_changed = Signal("players_changed")
        self.turn_changed = Signal("turn_changed")
        self.players: list[Player] = []
        self.turn = 0

    @property
    def player_in_turn(self) -> Player | None:
        """Who may act; None while nobody may."""
        return self.players[self.turn] if 0 <= self.turn < len(self.players) else None

    @property
    def is_own_turn(self) -> bool:
        """Whether this side may act."""
        player = self.player_in_turn
        return player is not None and player.peer_id == self.multiplayer.get_unique_id()

    def find(self, peer_id: int) -> Player | None:
        """The player of that id; None where there is none."""
        return next((player for player in self.players if player.peer_id == peer_id), None)

    # ------------------------------------------------------------------------------------------ what the host tells

    @rpc("authority")
    def _log(self, message: str) -> None:
        self.logged.emit(message)

    @rpc("authority", "call_local")
    def add_player(self, peer_id: int, name: str = "") -> None:
        """One more at the end of the list."""
        self.players.append(Player(peer_id, name))
        self.players_changed.emit()

    @rpc("authority", "call_local")
    def update_player_name(self, peer_id: int, name: str) -> None:
        """A player's name has become known."""
        player = self.find(peer_id)
        if player is not None:
            player.name = name
            self.players_changed.emit()

    @rpc("authority", "call_local")
    def del_player(self, peer_id: int) -> None:
        """A player has left."""
        player = self.find(peer_id)
        if player is None:
            return
        place = self.players.index(player)
        del self.players[place]
        if self.turn > place:
            self.turn -= 1
        self.players_changed.emit()
        if self.multiplayer.is_server():
            self.set_turn.rpc(self.turn % max(1, len(self.players)))  # the last one may have left in his turn

    @rpc("authority", "call_local")
    def set_turn(self, turn: int) -> None:
        """Whose turn it is, by the place in the list."""
        self.turn = turn
        player = self.player_in_turn
        if player is not None:
            self.turn_changed.emit(player)

    # ------------------------------------------------------------------------------------------ what the others ask

    @rpc("any_peer")
    def set_player_name(self, name: str) -> None:
        """At the host: the sender says its name."""
        if self.multiplayer.is_server():
            self.update_player_name.rpc(self.multiplayer.get_remote_sender_id(), name[:LONGEST])

    @rpc("any_peer")
    def request_action(self, action: str) -> None:
        """At the host: the sender wants to act."""
        if not self.multiplayer.is_server():
            return
        sender = self.multiplayer.get_remote_sender_id()
        player = self.player_in_turn
        if player is None or sender != player.peer_id:
            self.tell(f"Someone is trying to cheat! {sender}")
        elif action not in ACTIONS:
            self.tell(f"Invalid action: {action[:LONGEST]}")
        else:
            self._perform(player, action)

    # ------------------------------------------------------------------------------------------ the host

    def welcome(self, peer_id: int) -> None:
        """A client has come: tell it of the others, them of it, and it of the turn."""
        for player in self.players:
            self.add_player.rpc_id(peer_id, player.peer_id, player.name)
        self.add_player.rpc(peer_id)
        self.set_turn.rpc_id(peer_id, self.turn)

    def farewell(self, peer_id: int) -> None:
        """A client has gone."""
        self.del_player.rpc(peer_id)

    def tell(self, line: str) -> None:
        """A line for the log of all, the host's own included."""
        self._log.rpc(line)
        self.logged.emit(line)

    def _perform(self, player: Player, action: str) -> None:
        self.tell(f"{player.shown_name}: {action}s {secrets.randbelow(100)}")
        self.set_turn.rpc((self.turn + 1) % len(self.players))

    # ------------------------------------------------------------------------------------------ everyone

    def act(self, action: str = "roll") -> bool:
        """Do something, or ask the host for it; False, and nothing is done, when it is not this side's turn."""
        player = self.player_in_turn
        if player is None or not self.is_own_turn:
            return False
        if self.multiplayer.is_server():
            self._perform(player, action)
        else:
            self.request_action.rpc_id(SERVER, action)
        return True
