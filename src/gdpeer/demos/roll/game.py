"""The rules of the roll game, and the seven methods that the players' programs call on each other.

Only the host decides: it keeps the list of players and the turn, and announces both. The other players ask, by
`set_player_name` and `request_action`. Names and arguments of the methods are those of Godot's demo, and no method may
be added: Godot 4 sends a method as its number in the sorted list of names.

Layer: `demos`. Source: reference demos section 3.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from gdpeer import Node, Signal, rpc

__all__ = ["ACTIONS", "Game", "Player"]

ACTIONS = ("roll", "pass")

LONGEST = 40
"""The most characters that are kept of a name or an action from another player."""

SERVER = 1


@dataclass
class Player:
    """A player in the list.

    Attributes:
        peer_id: the player's id in the multiplayer; 1 for the host.
        name: "" until the player has sent it.
    """

    peer_id: int
    name: str = ""

    @property
    def shown_name(self) -> str:
        """The name to show; a placeholder until the name is known."""
        return self.name or "... connecting ..."


class Game(Node):
    """The state of the game in each player's program.

    Attributes:
        players: in the order of joining, which is the order of the turns.
        turn: index in `players` of the player who may act; out of range if there is none.
        logged: signal (line): the host logged a line.
        players_changed: signal ().
        turn_changed: signal (player): the host announced the turn, which may be unchanged.
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
        """The player who may act; None if nobody may."""
        return self.players[self.turn] if 0 <= self.turn < len(self.players) else None

    @property
    def is_own_turn(self) -> bool:
        """Whether this program's player may act."""
        player = self.player_in_turn
        return player is not None and player.peer_id == self.multiplayer.get_unique_id()

    def find(self, peer_id: int) -> Player | None:
        """Returns the player with an id; None if there is none."""
        return next((player for player in self.players if player.peer_id == peer_id), None)

    # ------------------------------------------------------------------------------------------ called by the host

    @rpc("authority")
    def _log(self, message: str) -> None:
        self.logged.emit(message)

    @rpc("authority", "call_local")
    def add_player(self, peer_id: int, name: str = "") -> None:
        """Adds a player at the end of the list."""
        self.players.append(Player(peer_id, name))
        self.players_changed.emit()

    @rpc("authority", "call_local")
    def update_player_name(self, peer_id: int, name: str) -> None:
        """Sets the name of a player."""
        player = self.find(peer_id)
        if player is not None:
            player.name = name
            self.players_changed.emit()

    @rpc("authority", "call_local")
    def del_player(self, peer_id: int) -> None:
        """Removes a player who has left, and corrects the turn."""
        player = self.find(peer_id)
        if player is None:
            return
        place = self.players.index(player)
        del self.players[place]
        # The same player keeps the turn, at a place that is one lower.
        if self.turn > place:
            self.turn -= 1
        self.players_changed.emit()
        if self.multiplayer.is_server():
            # The last player of the list may have left during his turn: then it is the first player's turn.
            self.set_turn.rpc(self.turn % max(1, len(self.players)))

    @rpc("authority", "call_local")
    def set_turn(self, turn: int) -> None:
        """Sets whose turn it is, by the index in `players`."""
        self.turn = turn
        player = self.player_in_turn
        if player is not None:
            self.turn_changed.emit(player)

    # ------------------------------------------------------------------------------------------ called by the others

    @rpc("any_peer")
    def set_player_name(self, name: str) -> None:
        """Sets the name of the sender; only at the host."""
        if self.multiplayer.is_server():
            self.update_player_name.rpc(self.multiplayer.get_remote_sender_id(), name[:LONGEST])

    @rpc("any_peer")
    def request_action(self, action: str) -> None:
        """Performs an action of the sender, if it is the sender's turn; only at the host."""
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
        """Adds a client that joined: sends it the list and the turn, and announces it to all."""
        # The new player is not in the list yet, and is added last, at all players alike.
        self._send_players(peer_id)
        self.add_player.rpc(peer_id)
        self.set_turn.rpc_id(peer_id, self.turn)

    def catch_up(self, peer_id: int) -> None:
        """Sends the list and the turn to a player who lost the connection and is back with the same id."""
        self._send_players(peer_id)
        self.set_turn.rpc_id(peer_id, self.turn)

    def _send_players(self, peer_id: int) -> None:
        for player in self.players:
            self.add_player.rpc_id(peer_id, player.peer_id, player.name)

    def farewell(self, peer_id: int) -> None:
        """Removes a client that left, at all players."""
        self.del_player.rpc(peer_id)

    def tell(self, line: str) -> None:
        """Logs a line at all players, the host included."""
        self._log.rpc(line)
        self.logged.emit(line)

    def _perform(self, player: Player, action: str) -> None:
        self.tell(f"{player.shown_name}: {action}s {secrets.randbelow(100)}")
        self.set_turn.rpc((self.turn + 1) % len(self.players))

    # ------------------------------------------------------------------------------------------ everyone

    def act(self, action: str = "roll") -> bool:
        """Performs an action, or asks the host for it.

        Args:
            action: one of `ACTIONS`.

        Returns:
            False, without doing anything, if it is not this player's turn.
        """
        player = self.player_in_turn
        if player is None or not self.is_own_turn:
            return False
        if self.multiplayer.is_server():
            self._perform(player, action)
        else:
            self.request_action.rpc_id(SERVER, action)
        return True
