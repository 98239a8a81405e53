"""A game with the nodes of the official multiplayer_bomber: Python as host of two engines, and as client beside one."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gdpeer import (
    MultiplayerSpawner,
    Node,
    ReplicationMode,
    Scenes,
    SceneTree,
    Vector2,
    WebSocketMultiplayerPeer,
    replicated,
    rpc,
)
from tests.interop.echo_rooms import until
from tests.support.engines import Engine
from tests.support.ports import free_port

pytestmark = [pytest.mark.engine, pytest.mark.timeout(60)]

PROJECT = Path(__file__).parent / "bomber_godot4"
BURNING = 0.2


class Player(Node):
    """The state belongs to the host, and `Inputs` to the player's own side."""

    synchronizer_name = "Sync"
    position = replicated(Vector2())
    score = replicated(0, mode=ReplicationMode.ON_CHANGE)
    title = replicated("", mode=ReplicationMode.NEVER, path="Label:text")
    has_laid = False

    @property
    def inputs(self) -> Any:
        return self.get_node("Inputs")

    def _ready(self) -> None:
        self.get_node("Inputs/InputSync").set_multiplayer_authority(int(self.name))

    def drive(self) -> None:
        """Does what the engine's player does in a frame."""
        if int(self.name) == self.multiplayer.get_unique_id():
            self.inputs.bombing = self.position.x >= 40
            self.inputs.motion = Vector2(1, 0)


class Bomb(Node):
    """What the spawn function makes."""

    position = Vector2()
    from_player = 0


class Main(Node):
    """The lobby and the world.

    Attributes:
        names: of the others.
        seen: (what, title, position) of each node that another side has spawned or removed.
        scores: (title, score), each time when a score was received.
        burning: the bombs that lie here, with the time when they end.
    """

    def __init__(self) -> None:
        super().__init__("Main")
        self.names: dict[int, str] = {}
        self.seen: list[tuple[str, str, Vector2]] = []
        self.burning: list[tuple[float, Player, Node]] = []
        self.scores: list[tuple[str, int]] = []

    def _ready(self) -> None:
        self.multiplayer.peer_connected.connect(lambda peer_id: self.register.rpc_id(peer_id, "Python"))

    @rpc("any_peer")
    def register(self, title: str) -> None:
        self.names[self.multiplayer.get_remote_sender_id()] = title

    @rpc("call_local")
    def load_world(self) -> None:
        world = self.get_tree().scenes.make("res://world.tscn", "")
        assert world is not None
        bombs, players = world.get_node("BombSpawner"), world.get_node("PlayerSpawner")
        assert isinstance(bombs, MultiplayerSpawner)
        assert isinstance(players, MultiplayerSpawner)
        bombs.spawn_function = self._make_bomb
        players.spawned.connect(self._player_came)
        bombs.spawned.connect(lambda bomb: self.seen.append(("bomb", self.title_of(bomb), bomb.position)))
        bombs.despawned.connect(lambda bomb: self.seen.append(("burnt", self.title_of(bomb), bomb.position)))
        self.add_child(world)

    @rpc
    def unload_world(self) -> None:
        self.get_node("World").free()

    @rpc("any_peer")
    def again(self) -> None:
        """Begins another round, with new nodes at the same paths."""
        self.get_node("World").free()
        self.unload_world.rpc()
        self.start()

    def _make_bomb(self, data: list[Any]) -> Node | None:
        bomb = self.get_tree().scenes.make("res://bomb.tscn", "")
        assert isinstance(bomb, Bomb)
        bomb.position, bomb.from_player = data
        return bomb

    def _player_came(self, player: Player) -> None:
        self.seen.append(("spawned", player.title, player.position))
        player.changed.connect(lambda names: "score" in names and self.scores.append((player.title, player.score)))

    def title_of(self, bomb: Bomb) -> str:
        """Returns the title of the player whose bomb this is."""
        return next(player.title for player in self.players() if player.name == str(bomb.from_player))

    def players(self) -> list[Player]:
        """Returns all players; none before the game has begun."""
        parent = self.get_node_or_null("World/Players")
        return [] if parent is None else [one for one in parent.get_children() if isinstance(one, Player)]

    # ------------------------------------------------------------------------------------------ as host

    def start(self) -> None:
        """Begins the game."""
        self.load_world.rpc()
        for peer_id, title in {**self.names, 1: "Python"}.items():
            player = Player(str(peer_id))
            player.title, player.position = title, Vector2(0, 10)
            self.get_node("World/Players").add_child(player)

    def frame(self) -> None:
        """Does what the engine's host does in a frame."""
        for player in self.players():
            motion = player.inputs.motion or Vector2()
            player.position = Vector2(min(player.position.x + 4 * motion.x, 40), player.position.y)
            if player.inputs.bombing and not player.has_laid:
                player.has_laid = True
                spawner = self.get_node("World/BombSpawner")
                assert isinstance(spawner, MultiplayerSpawner)
                bomb = spawner.spawn([player.position, int(player.name)])
                assert bomb is not None
                self.burning.append((time.monotonic() + BURNING, player, bomb))
        while self.burning and time.monotonic() >= self.burning[0][0]:
            _, player, bomb = self.burning.pop(0)
            player.score += 1
            bomb.queue_free()


class Side:
    """The tree, which plays while it is polled."""

    def __init__(self, tree: SceneTree, main: Main) -> None:
        self.tree = tree
        self.main = main

    def poll(self, timeout: float = 0.0) -> None:
        self.tree.poll(timeout)
        for player in self.main.players():
            player.drive()
        if self.tree.multiplayer.is_server():
            self.main.frame()


@contextmanager
def side() -> Iterator[tuple[Side, WebSocketMultiplayerPeer]]:
    """Makes this program's side; the peer is not connected yet."""
    scenes = Scenes(PROJECT)
    scenes.register("res://player.tscn")(Player)
    scenes.register("res://bomb.tscn")(Bomb)
    tree, main = SceneTree(scenes=scenes), Main()
    tree.root.add_child(main)
    with WebSocketMultiplayerPeer() as peer:
        yield Side(tree, main), peer


def client(title: str, port: int) -> Engine:
    """Starts an engine that joins a game."""
    return Engine("4", PROJECT, "main.tscn", f"--name={title}", f"--url=ws://127.0.0.1:{port}")


def saw_all(engine: Engine, title: str, *others: str) -> bool:
    """Whether a client has seen the lobby, all players with their positions, and their bombs and scores."""
    places = {"spawned": {"x": 0.0, "y": 10.0}, "bomb": {"x": 40.0, "y": 10.0}, "burnt": {"x": 40.0, "y": 10.0}}
    return all(engine.find("lobby", title=other) for other in others) and all(
        engine.find("score", title=one, score=1)
        and all(engine.find(what, title=one, **at) for what, at in places.items())
        for one in (title, *others)
    )


def scores(engine: Engine) -> Counter[str]:
    """Returns how often each player has scored, in all rounds."""
    return Counter(event["title"] for event in engine.all("score"))


def errors(*engines: Engine) -> list[str]:
    """Returns the errors that engines have printed."""
    return [line for engine in engines for line in engine.stderr if "ERROR" in line]


def test_python_hosts_two_engines() -> None:
    with side() as (own, peer):
        assert not peer.create_server(0, "127.0.0.1")
        own.tree.multiplayer.multiplayer_peer = peer
        with client("One", peer.get_local_port()) as one, client("Two", peer.get_local_port()) as two:
            until(lambda: sorted(own.main.names.values()) == ["One", "Two"], own)
            own.main.start()
            until(lambda: saw_all(one, "One", "Python", "Two") and saw_all(two, "Two", "One", "Python"), own)
            assert [(player.position, player.score) for player in own.main.players()] == [(Vector2(40, 10), 1)] * 3
            assert own.main.get_node("World").get_children()[3:] == []  # the bombs have gone
            assert not own.tree.multiplayer.refused
            assert (
                errors(one, two) == []
            )  # later a client may print that it has tried to send while the connection ended
            peer.close()
            assert (one.wait(), two.wait()) == (0, 0)


def test_python_plays_in_the_game_of_an_engine() -> None:
    port = free_port()
    with (
        Engine("4", PROJECT, "main.tscn", "--name=Host", f"--port={port}", "--others=2") as host,
        side() as (own, peer),
    ):
        host.wait_for("ready")
        assert not peer.create_client(f"ws://127.0.0.1:{port}")
        own.tree.multiplayer.multiplayer_peer = peer
        with client("One", port) as one:
            titles = ["Host", "One", "Python"]
            until(lambda: sorted(own.main.scores) == [(title, 1) for title in titles], own)
            until(lambda: saw_all(one, "One", "Host", "Python"), own)
            assert sorted(own.main.names.values()) == ["Host", "One"]
            for what, place in (("spawned", Vector2(0, 10)), ("bomb", Vector2(40, 10)), ("burnt", Vector2(40, 10))):
                assert sorted(title for kind, title, at in own.main.seen if (kind, at) == (what, place)) == titles
            assert {player.title: player.position for player in own.main.players()} == dict.fromkeys(
                titles, Vector2(40, 10)
            )
            assert all(host.find("score", title=title, score=1) for title in titles)
            assert not own.tree.multiplayer.refused
            assert (
                errors(host, one) == []
            )  # later a client may print that it has tried to send while the connection ended
            peer.close()
            assert (host.wait(), one.wait()) == (0, 0)
