"""The arena in memory: who enters, where players go, coins, who sees what, and what a player's program cannot do."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from gdpeer import LoopbackMultiplayerPeer, ManualClock, Scenes, Vector2
from gdpeer.demos.arena import Board, Coin, Guest, Main, Player
from gdpeer.demos.arena.bots import Bot, Bots
from gdpeer.demos.arena.server import COINS, MOST_PLAYERS, SPEED, STEP, ArenaServer, cleaned, steered
from gdpeer.demos.arena.world import REACH, SIZE
from tests.support.arena import PROJECT


class Arena:
    """A server and guests, over peers in memory and a clock that tests move."""

    def __init__(self, *titles: str) -> None:
        self.clock = ManualClock(100.0)
        self.lines: list[str] = []
        self.server = ArenaServer(self.lines.append, clock=self.clock, chance=random.Random(3))
        self.peer = LoopbackMultiplayerPeer()
        self.server.open(self.peer)
        self.guests: list[Guest] = []
        for title in titles:
            self.join(title)

    def join(self, title: str) -> Guest:
        guest = Guest(title, clock=self.clock)
        guest.open(self.peer.join())
        self.guests.append(guest)
        self.run()
        return guest

    def run(self, steps: int = 6) -> None:
        for _ in range(steps):
            self.clock.advance(1.001 * STEP)
            self.server.poll()
            for guest in self.guests:
                guest.poll()

    def place(self, guest: Guest, position: Vector2) -> Player:
        """Moves a player at once."""
        player = self.server.players[guest.id]
        self.server._move(guest.id, player, position)
        self.run()
        return player

    def clear_coins(self) -> None:
        for coin in list(self.server.coins):
            self.server._remove_coin(coin)
        self.run()


def own(guest: Guest) -> Player:
    player = guest.player
    assert player is not None
    return player


def titles(guest: Guest) -> set[str]:
    return {player.title for player in guest.main.all_players()}


def test_a_player_enters_and_leaves() -> None:
    arena = Arena("Ann", "Bob")
    ann, bob = arena.guests
    assert (own(ann).title, own(bob).title) == ("Ann", "Bob")
    assert list(ann.main.board.titles) == ["Ann", "Bob"]
    assert bob.main.board.players == 2
    ann.tree.multiplayer.multiplayer_peer.close()
    arena.run()
    assert set(arena.server.players) == {bob.id}
    assert list(bob.main.board.titles) == ["Bob"]
    assert arena.lines == ["Ann has come; players: 1", "Bob has come; players: 2", "Ann has gone; players: 1"]


def test_a_player_moves_where_it_steers_and_stays_inside() -> None:
    arena = Arena("Ann")
    (ann,) = arena.guests
    arena.place(ann, Vector2(1000, 1000))
    ann.steer(Vector2(1, 0))
    arena.run(33)
    moved = own(ann).position - Vector2(1000, 1000)
    assert moved.x == pytest.approx(SPEED, rel=0.15)
    assert moved.y == 0
    ann.steer(Vector2(0, -1))
    arena.run(200)
    assert own(ann).position.y == 0
    ann.steer(Vector2())
    arena.run(3)
    x = own(ann).position.x
    arena.run(10)
    assert own(ann).position.x == x


def test_players_and_coins_that_are_far_are_not_there() -> None:
    arena = Arena("Ann", "Bob")
    ann, bob = arena.guests
    arena.place(ann, Vector2(100, 100))
    arena.place(bob, Vector2(2300, 2300))
    assert (titles(ann), titles(bob)) == ({"Ann"}, {"Bob"})
    assert 0 < len(ann.main.all_coins()) < COINS
    arena.place(bob, Vector2(500, 100))
    assert titles(ann) == titles(bob) == {"Ann", "Bob"}
    assert list(ann.main.board.titles) == ["Ann", "Bob"]


def test_a_coin_within_reach_is_taken_and_another_appears() -> None:
    arena = Arena("Ann")
    (ann,) = arena.guests
    coin = arena.server.coins[0]
    coin.worth = 3
    player = arena.place(ann, coin.position + Vector2(REACH - 1, 0))
    assert player.score >= 3
    assert coin not in arena.server.coins
    assert len(arena.server.coins) == COINS
    assert coin.name not in {one.name for one in ann.main.all_coins()}
    arena.run()
    assert own(ann).score == player.score
    assert list(ann.main.board.scores) == [player.score]


def test_coins_ripen() -> None:
    arena = Arena("Ann")
    seen = arena.guests[0].main.all_coins()
    assert {coin.worth for coin in seen} == {1}
    arena.clock.advance(15)
    arena.run()
    assert {coin.worth for coin in seen} == {2}


def test_the_board_has_the_ten_best() -> None:
    arena = Arena(*(f"P{number}" for number in range(12)))
    for number, player in enumerate(arena.server.players.values()):
        player.score = number
    arena.server._show_board()
    arena.run()
    board = arena.guests[0].main.board
    assert list(board.titles) == [f"P{number}" for number in range(11, 1, -1)]
    assert list(board.scores) == list(range(11, 1, -1))
    assert board.players == 12


def test_only_so_many_players_enter() -> None:
    arena = Arena()
    for number in range(MOST_PLAYERS):
        arena.server._asked(1000 + number, "Bot")
    late = arena.join("Late")
    assert late.player is None
    assert late.refusal == "The arena is full"
    arena.server._left(1000)
    late.main.enter.rpc_id(1, "Late")
    arena.run()
    assert own(late).title == "Late"


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Ann", "Ann"),
        ("  A \n B\t ", "A B"),
        ("x" * 100, "x" * 16),
        ("\u202eevil", "evil"),
        ("", "Player 1"),
        ("\x1b[1m", "[1m"),
    ],
)
def test_names_are_cleaned(title: str, expected: str) -> None:
    arena = Arena(title)
    assert own(arena.guests[0]).title == expected
    assert cleaned(title) in ("", expected)


def test_a_second_name_replaces_the_first() -> None:
    arena = Arena("Ann")
    (ann,) = arena.guests
    ann.main.enter.rpc_id(1, "Anna")
    arena.run()
    assert own(ann).title == "Anna"
    assert len(arena.server.players) == 1


@pytest.mark.parametrize(
    "direction",
    [Vector2(1e6, 0), Vector2(3e38, 3e38), Vector2(math.inf, 0), Vector2(math.nan, 1), Vector2(-math.inf, math.nan)],
)
def test_a_direction_is_never_longer_than_1(direction: Vector2) -> None:
    assert steered(direction).is_finite()
    assert steered(direction).length() <= 1.0001
    arena = Arena("Ann")
    (ann,) = arena.guests
    before = arena.place(ann, Vector2(1000, 1000)).position
    ann.steer(direction)
    arena.run(10)
    player = arena.server.players[ann.id]
    assert player.position.is_finite()
    assert player.position.distance_to(before) <= 11 * SPEED * STEP


def test_a_player_s_program_sets_nothing_but_the_direction() -> None:
    arena = Arena("Ann", "Eve")
    ann, eve = arena.guests
    arena.place(ann, Vector2(1000, 1000))
    arena.place(eve, Vector2(1100, 1000))
    before = own(ann).position
    mine, hers = own(eve), eve.main.player_of(ann.id)
    assert hers is not None
    hers.get_node("Input").set_multiplayer_authority(eve.id)
    hers.direction = Vector2(1, 0)
    mine.get_node("State").set_multiplayer_authority(eve.id)
    mine.score, mine.position = 999, Vector2(5, 5)
    eve.main.board.set_multiplayer_authority(eve.id)
    eve.main.board.players = 99
    eve.main.spawner.set_multiplayer_authority(eve.id)
    eve.main.world.add_child(Coin("Forged"))
    eve.main.refused.rpc("You lose")
    arena.run(20)
    assert arena.server.players[ann.id].position == before
    assert arena.server.players[eve.id].score == 0
    assert arena.server.players[eve.id].position == Vector2(1100, 1000)
    assert arena.server.main.board.players == 2
    assert not arena.server.main.world.has_node("Forged")
    assert not ann.main.world.has_node("Forged")
    assert ann.refusal == ""


def test_a_flood_of_calls_is_refused() -> None:
    arena = Arena("Ann")
    (ann,) = arena.guests
    for number in range(200):
        ann.main.enter.rpc_id(1, f"A{number}")
    arena.run()
    assert sum(arena.server.tree.multiplayer.refused.values()) > 100


def test_after_a_long_pause_nobody_jumps() -> None:
    arena = Arena("Ann")
    (ann,) = arena.guests
    before = arena.place(ann, Vector2(1000, 1000)).position
    ann.steer(Vector2(1, 0))
    arena.run(3)
    arena.clock.advance(3600)
    arena.server.poll()
    assert arena.server.players[ann.id].position.distance_to(before) < SPEED


def test_bots_find_coins() -> None:
    arena = Arena("Bot 1")
    bot = Bot(arena.guests[0], random.Random(1))
    for _ in range(300):
        arena.run(1)
        bot.poll(arena.clock.now())
    assert own(bot.guest).score > 3


def test_a_bot_that_sees_no_coin_goes_somewhere() -> None:
    arena = Arena("Bot 1")
    (guest,) = arena.guests
    bot = Bot(guest, random.Random(1))
    arena.clear_coins()
    before = own(guest).position
    for _ in range(400):
        arena.run(1)
        bot.poll(arena.clock.now())
    assert own(guest).position.distance_to(before) > 50
    assert 0 <= own(guest).position.x <= SIZE


def test_bots_over_the_network_come_and_go() -> None:
    lines: list[str] = []
    server, bots = ArenaServer(lines.append), Bots(3, seed=1)
    assert server.listen(0) == 0
    assert bots.join(f"ws://127.0.0.1:{server.peer.get_local_port()}") == 0
    while len(server.players) < 3:
        server.poll(0.01)
        bots.poll()
    assert bots.left == ""
    bots.leave()
    assert bots.left == "left"
    while server.players:
        server.poll(0.01)
    server.close()
    assert lines[-1].endswith("players: 0")


def test_the_classes_fit_the_scenes_of_the_project() -> None:
    scenes = Scenes(PROJECT)
    for path, kind in (("res://player.tscn", Player), ("res://coin.tscn", Coin)):
        scenes.register(path)(type(kind.__name__, (kind,), {"scene_file_path": ""}))


def test_the_tree_and_its_properties_are_those_of_the_project() -> None:
    project: Any = Scenes(PROJECT).make("res://main.tscn", "Main")
    main = Main()
    for path in ("World", "Spawner", "Board", "Board/State"):
        assert type(main.get_node(path)).__name__ in (type(project.get_node(path)).__name__, "Node", "Board")
    spawner = project.get_node("Spawner")
    assert spawner.spawn_path == main.spawner.spawn_path
    count = spawner.get_spawnable_scene_count()
    assert [spawner.get_spawnable_scene(i) for i in range(count)] == ["res://player.tscn", "res://coin.tscn"]
    ours, theirs = main.get_node("Board/State"), project.get_node("Board/State")
    assert entries(ours) == entries(theirs)
    player: Any = Scenes(PROJECT).make("res://player.tscn", "5")
    assert entries(Player("5").get_node("Input")) == entries(player.get_node("Input"))
    assert isinstance(main.board, Board)


def entries(synchronizer: Any) -> list[tuple[str, bool, int]]:
    return [(one.path, one.spawn, int(one.mode)) for one in synchronizer.replication_config.entries()]
