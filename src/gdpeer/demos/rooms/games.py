"""`ArenaRoom` and `RollRoom`: the games of the demos as kinds of rooms.

Layer: `demos`.
"""

from __future__ import annotations

from typing import Any

from gdpeer.demos.arena.server import LONGEST_STEP, MOST_PLAYERS, STEP, ArenaServer
from gdpeer.demos.roll import Game
from gdpeer.demos.roll.table import furnish
from gdpeer.rooms import LeaveReason, Place, Room

__all__ = ["ArenaRoom", "RollRoom"]


class ArenaRoom(Room):
    """An arena. A player who loses the connection comes back as the same player, with the score."""

    kind = "arena"
    max_peers = MOST_PLAYERS
    grace = 20.0
    idle_timeout = 60.0
    tick_rate = 1 / STEP
    server_relay = False

    def on_create(self, options: Any) -> None:
        """Builds the arena in the room's tree."""
        self.game = ArenaServer(lambda line: None, clock=self.hall.clock, tree=self.tree)
        self.game.main.asked.connect(self._note_name)
        self.game.place_coins()

    def _note_name(self, peer_id: int, title: str) -> None:
        """Shows the monitor how a player is called."""
        player, place = self.game.players.get(peer_id), self.places.get(peer_id)
        if player is not None and place is not None:
            place.player = player.title

    def on_tick(self, delta: float) -> None:
        """Moves the players."""
        self.game.step(min(delta, LONGEST_STEP))

    def on_away(self, place: Place) -> None:
        """Lets the player of a lost connection stand still."""
        self.game.halt(place.peer_id)


class RollRoom(Room):
    """A table of the roll game without a host who plays."""

    kind = "roll"
    max_peers = 8
    grace = 30.0
    idle_timeout = 60.0

    def on_create(self, options: Any) -> None:
        """Adds the game to the room's tree."""
        self.game = Game()
        self.game.players_changed.connect(self._note_names)
        furnish(self.tree, self.game)

    def _note_names(self) -> None:
        """Shows the monitor how the players are called."""
        for player in self.game.players:
            place = self.places.get(player.peer_id)
            if place is not None:
                place.player = player.name

    def on_join(self, place: Place) -> None:
        """Adds a player to the list."""
        self.game.welcome(place.peer_id)

    def on_return(self, place: Place) -> None:
        """Sends the list again to a player who is back."""
        self.game.catch_up(place.peer_id)

    def on_leave(self, place: Place, why: LeaveReason) -> None:
        """Takes a player off the list."""
        self.game.farewell(place.peer_id)

    def on_message(self, sender: Any, data: Any) -> None:
        """Shows the operator's message in everyone's log."""
        self.game.tell(f"Operator: {data}")
