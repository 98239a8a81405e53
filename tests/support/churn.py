"""Rooms that are made, played in and disposed of, one after the other, in memory.

with Churn() as churn:
    churn.make_room()      # with two players: by key and by seat; one is lost and comes back
"""

from __future__ import annotations

import gc
import itertools
from collections import deque
from typing import Any

from gdpeer import Node, rpc
from gdpeer.rooms import Room
from gdpeer.testing import MemoryHall, Player

__all__ = ["Churn"]

OPEN_ROOMS = 5
"""As many rooms are open at a time."""
TURNS = 4
"""Polls after each event: enough for a handshake and the first packets."""
SECONDS = 1 / 50
"""Between two rooms."""


class Main(Node):
    """The node of rooms and players."""

    def __init__(self) -> None:
        super().__init__("Main")

    @rpc("any_peer")
    def ask(self, number: int) -> None:
        self.answer.rpc_id(self.multiplayer.get_remote_sender_id(), number)

    @rpc
    def answer(self, number: int) -> None:
        self.heard = number


class Arena(Room):
    kind = "arena"
    max_peers = 4
    idle_timeout = 0.05
    tick_rate = 10.0

    def on_create(self, options: Any) -> None:
        self.tree.root.add_child(Main())


class Churn:
    """A hall whose rooms come and go. The clock stands still between two rooms.

    Attributes:
        hall: in memory.
        rooms: how many rooms were made.
    """

    def __init__(self) -> None:
        self.memory = MemoryHall([Arena])
        self.hall = self.memory.hall
        self.rooms = 0
        self._open: deque[list[Player]] = deque()
        self._ways = itertools.cycle(["leave", "close", "kick", "lose"])

    def make_room(self) -> None:
        """Makes a room with two players, and ends the oldest."""
        self.memory.clock.advance(SECONDS)
        room = self.hall.create("arena")
        assert self.hall.lobby is not None
        players = [self._enter(f"/room/{room.code}"), self._enter(self.hall.lobby.join(room.code).url)]
        self._turn(players)
        assert [player.is_connected for player in players] == [True, True]
        players[0].lose_connection()
        self._turn(players)
        players[0].connect()
        self._turn(players)
        assert players[0].is_connected
        mains: list[Any] = [player.tree.root.get_children()[0] for player in players]
        for number, main in enumerate(mains):
            main.ask.rpc_id(1, number)
        self._turn(players)
        assert [main.heard for main in mains] == [0, 1]
        self.rooms += 1
        self._open.append(players)
        if len(self._open) > OPEN_ROOMS:
            self._end(self._open.popleft())

    def _enter(self, where: str) -> Player:
        player = self.memory.join(where, Main(), wait=False)
        self.memory.players.remove(player)  # only players to whom something happens are polled
        return player

    def _turn(self, players: list[Player]) -> None:
        for _ in range(TURNS):
            self.hall.poll()
            for player in players:
                player.poll()

    def _end(self, players: list[Player]) -> None:
        """Ends a room in one of several ways."""
        way = next(self._ways)
        room = self.hall.rooms[players[0].url.partition("/room/")[2][:6]]
        if way == "close":
            room.close()
        elif way == "kick":
            for place in list(room.places.values()):
                room.kick(place)
        else:  # of those who are lost, the places end with their grace
            for player in players:
                player.leave() if way == "leave" else player.lose_connection()
        self._turn(players)

    def settle(self) -> None:
        """Ends all rooms, and waits for all that has a deadline."""
        while self._open:
            self._end(self._open.popleft())
        for _ in range(40):
            self.memory.clock.advance(1.0)
            self.hall.poll()
        assert not self.hall.rooms
        assert self.hall.taken == 0
        gc.collect()

    def __enter__(self) -> Churn:
        return self

    def __exit__(self, *error: object) -> None:
        self.memory.close()
