"""The demos as kinds of rooms: the games go on over lost connections."""

from __future__ import annotations

from gdpeer import Vector2
from gdpeer.demos.arena.world import SCENES, Main
from gdpeer.demos.roll import Game
from gdpeer.demos.roll.table import furnish
from gdpeer.demos.rooms.games import ArenaRoom, RollRoom
from gdpeer.testing import MemoryHall, Player


def test_a_player_of_the_arena_stops_while_away_and_keeps_the_score() -> None:
    with MemoryHall([ArenaRoom]) as hall:
        room = hall.create("arena")
        assert isinstance(room, ArenaRoom)
        main = Main()
        ann = hall.join(room, main, scenes=SCENES)
        main.enter.rpc_id(1, "Ann")
        hall.run_until(lambda: main.player_of(ann.peer_id) is not None)
        own, player = main.player_of(ann.peer_id), room.game.players[ann.peer_id]
        assert own is not None
        assert room.places[ann.peer_id].player == "Ann"  # for the monitor
        own.direction = Vector2.RIGHT if player.position.x < 1200 else Vector2.LEFT
        before = player.position
        hall.run(0.5)
        assert player.position.distance_to(before) > 60

        ann.lose_connection()
        hall.run(0.2)
        at = player.position
        hall.run(1.0)
        assert player.position == at
        player.score = 7
        ann.connect()
        hall.run_until(lambda: main.player_of(ann.peer_id) is not None and ann.is_connected)
        hall.run(0.2)
        again = main.player_of(ann.peer_id)
        assert again is not None
        assert (again.title, again.score) == ("Ann", 7)

        ann.leave()
        hall.run(0.2)
        assert room.game.players == {}


class Seat:
    """A player of the roll game."""

    def __init__(self, hall: MemoryHall, room: RollRoom, name: str) -> None:
        self.lines: list[str] = []
        self.player: Player = hall.join(room, wait=False)
        self.sit(name)

    def sit(self, name: str) -> None:
        """Takes an empty game, as the page does for each connection."""
        root = self.player.tree.root
        for child in list(root.get_children()):
            child.free()
        self.game = Game()
        self.game.logged.connect(self.lines.append)
        furnish(self.player.tree, self.game)
        self.player.tree.multiplayer.connected_to_server.connect(lambda: self.game.set_player_name.rpc_id(1, name))


def names(game: Game) -> list[str]:
    return [player.name for player in game.players]


def test_players_take_turns_come_back_and_leave() -> None:
    with MemoryHall([RollRoom]) as hall:
        room = hall.create("roll")
        assert isinstance(room, RollRoom)
        ann = Seat(hall, room, "Ann")
        hall.run(0.3)
        bob = Seat(hall, room, "Bob")
        hall.run(0.3)
        assert names(ann.game) == names(bob.game) == names(room.game) == ["Ann", "Bob"]
        assert [place.player for place in room.places.values()] == ["Ann", "Bob"]
        assert ann.game.act()
        hall.run(0.2)
        assert bob.lines[0].startswith("Ann: rolls ")
        assert bob.game.is_own_turn

        bob.player.lose_connection()
        hall.run(1.0)
        assert names(ann.game) == ["Ann", "Bob"]
        bob.sit("Bob")
        bob.player.connect()
        hall.run(0.3)
        assert names(bob.game) == ["Ann", "Bob"]
        assert bob.game.is_own_turn
        room.on_message("operator", "five minutes")
        hall.run(0.2)
        assert bob.lines[-1] == ann.lines[-1] == "Operator: five minutes"

        ann.player.leave()
        hall.run(0.2)
        assert names(bob.game) == names(room.game) == ["Bob"]
        assert bob.game.is_own_turn
