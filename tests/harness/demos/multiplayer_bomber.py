"""Plays the official demo multiplayer_bomber for Godot 4 from Python, as its host or as a bot in its game.

    python -m tests.harness.demos.multiplayer_bomber host PROJECT --players 2
    python -m tests.harness.demos.multiplayer_bomber bot PROJECT

The other sides are the unchanged demo: two `multiplayer_bomber_client4.steps` for the host; for the bot one of them,
and `multiplayer_bomber_server4.steps`. The host moves the players, and has bombs break the rocks; the bot lays a bomb
and walks away. Both print what they see.
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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

PORT = 10567
CELL, RADIUS, SPEED, REACH = 48, 15.0, 90.0, 96
FUSE, SMOKE, BOMB_RATE, ROCK_FALL = 2.8, 0.6, 0.5, 1.0
FRAME = 1 / 60
STILL = Vector2()


class Player(Node):
    """`player.tscn`: the host owns the position, the player's own side the inputs."""

    synced_position = replicated(Vector2())
    title: str = replicated("Player 1", mode=ReplicationMode.NEVER, path="label:text")

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
        self.stunned = False
        self.next_bomb = 0.0

    @property
    def inputs(self) -> Any:
        """The node with `motion` and `bombing`."""
        return self.get_node("Inputs")

    def _ready(self) -> None:
        self.get_node("Inputs/InputsSync").set_multiplayer_authority(int(self.name))

    @rpc("call_local")
    def set_player_name(self, value: str) -> None:
        self.title = value

    @rpc("call_local")
    def exploded(self, by_who: int) -> None:
        self.stunned = True


class Rock(Node):
    """`rock.tscn`: a bomb breaks it."""

    @rpc("call_local")
    def exploded(self, by_who: int) -> None:
        game = self.get_node("/root/gamestate")
        assert isinstance(game, GameState)
        game.score[by_who] += 1
        game.later(ROCK_FALL, self.queue_free)


class Bomb(Node):
    """`bomb.tscn`, with the two values that `spawn()` sends."""

    position = Vector2()
    from_player = 0


class GameState(Node):
    """The demo's autoload: the lobby, and the world once the game begins."""

    def __init__(self, scenes: Scenes, own_name: str) -> None:
        super().__init__("gamestate")
        self.scenes = scenes
        self.own_name = own_name
        self.players: dict[int, str] = {}
        self.names: dict[int, str] = {}  # of all, once the game has begun
        self.score: dict[int, int] = {}
        self.timers: list[tuple[float, Any]] = []

    def _ready(self) -> None:
        self.multiplayer.peer_connected.connect(lambda peer_id: self.register_player.rpc_id(peer_id, self.own_name))
        self.multiplayer.peer_disconnected.connect(lambda peer_id: self.players.pop(peer_id, None))

    @rpc("any_peer")
    def register_player(self, new_player_name: str) -> None:
        self.players[self.multiplayer.get_remote_sender_id()] = new_player_name
        print("lobby", sorted([self.own_name, *self.players.values()]), flush=True)

    @rpc("call_local")
    def load_world(self) -> None:
        world = self.scenes.make("res://world.tscn", "World")
        assert world is not None
        for name, function in (("PlayerSpawner", self._make_player), ("BombSpawner", self._make_bomb)):
            spawner = world.get_node(name)
            assert isinstance(spawner, MultiplayerSpawner)
            spawner.spawn_function = function
            spawner.spawned.connect(lambda node: print("spawned", node.get_path(), flush=True))
            spawner.despawned.connect(lambda node: print("despawned", node.name, flush=True))
        self.names = {self.multiplayer.get_unique_id(): self.own_name, **self.players}
        self.score = dict.fromkeys(self.names, 0)
        self.get_tree().root.add_child(world)

    def _make_player(self, data: list[Any]) -> Node | None:
        player = self.scenes.make("res://player.tscn", str(data[1]))
        assert isinstance(player, Player)
        player.synced_position = data[0]
        return player

    def _make_bomb(self, data: list[Any]) -> Node | None:
        bomb = self.scenes.make("res://bomb.tscn", "")
        assert isinstance(bomb, Bomb)
        bomb.position, bomb.from_player = data
        return bomb

    def later(self, seconds: float, call: Any) -> None:
        """Makes a call after some seconds."""
        self.timers.append((time.monotonic() + seconds, call))

    def run_timers(self) -> None:
        """Makes the calls that are due."""
        due = [one for one in self.timers if one[0] <= time.monotonic()]
        self.timers = [one for one in self.timers if one not in due]
        for _, call in due:
            call()

    def alive(self) -> list[Player]:
        """The players."""
        return [one for one in self.get_node("/root/World/Players").get_children() if isinstance(one, Player)]

    def own_inputs(self) -> Any:
        """The node with the inputs of this side's player; None before the player is there."""
        return self.get_node_or_null(f"/root/World/Players/{self.multiplayer.get_unique_id()}/Inputs")

    def results(self) -> dict[str, int]:
        """The score, by name."""
        return {self.names[peer_id]: score for peer_id, score in self.score.items()}


class Ground:
    """What the engine's physics knows: where walls, rocks and spawn points are."""

    def __init__(self, project: Path) -> None:
        text = Path(project, "world.tscn").read_text(encoding="utf-8")
        place = r'\[node name="{}" [^\]]*\]\nposition = Vector2\((\d+), (\d+)\)'
        self.rocks = {name: Vector2(int(x), int(y)) for name, x, y in re.findall(place.format(r"(Rock\d+)"), text)}
        self.starts = [Vector2(int(x), int(y)) for _, x, y in re.findall(place.format(r"(\d+)"), text)]

    def is_free(self, x: float, y: float, rocks: Node) -> bool:
        """Whether a player fits at a place."""
        corners = [(x + dx, y + dy) for dx in (-RADIUS, RADIUS) for dy in (-RADIUS, RADIUS)]
        cells = {(int(cx // CELL), int(cy // CELL)) for cx, cy in corners}
        if any(not 0 < cx < 20 or not 0 < cy < 12 or (cx % 2 == 0 and cy % 2 == 0) for cx, cy in cells):
            return False
        left = [self.rocks[rock.name] for rock in rocks.get_children()]
        return not cells & {(int(at.x // CELL), int(at.y // CELL)) for at in left}


class Host:
    """Does what the demo's host does in each frame."""

    def __init__(self, game: GameState, ground: Ground) -> None:
        self.game = game
        self.ground = ground
        self.world = game.get_node("/root/World")
        self.rocks = game.get_node("/root/World/Rocks")

    def begin(self) -> None:
        """Spawns the players."""
        spawner = self.world.get_node("PlayerSpawner")
        assert isinstance(spawner, MultiplayerSpawner)
        for start, (peer_id, name) in zip(self.ground.starts, self.game.names.items(), strict=False):
            player = spawner.spawn([start, peer_id])
            assert isinstance(player, Player)
            player.set_player_name.rpc(name)

    def frame(self) -> None:
        """Moves the players, and lays their bombs."""
        for player in self.game.alive():
            motion = player.inputs.motion or STILL
            at = player.synced_position
            x, y = at.x + motion.x * SPEED * FRAME, at.y + motion.y * SPEED * FRAME
            if not player.stunned and self.ground.is_free(x, at.y, self.rocks):
                at = Vector2(x, at.y)
            if not player.stunned and self.ground.is_free(at.x, y, self.rocks):
                at = Vector2(at.x, y)
            if at != player.synced_position:
                player.synced_position = at
            if player.inputs.bombing and not player.stunned and time.monotonic() >= player.next_bomb:
                player.next_bomb = time.monotonic() + BOMB_RATE
                self.lay(at, int(player.name))
        self.game.run_timers()

    def lay(self, at: Vector2, owner: int) -> None:
        """Lays a bomb."""
        spawner = self.world.get_node("BombSpawner")
        assert isinstance(spawner, MultiplayerSpawner)
        bomb = spawner.spawn([at, owner])
        assert isinstance(bomb, Bomb)
        print("bomb", bomb.name, at, self.game.names[owner], flush=True)
        self.game.later(FUSE, lambda: self.explode(bomb))

    def explode(self, bomb: Bomb) -> None:
        """Tells all sides what the bomb hits."""
        for rock in self.rocks.get_children():
            if _is_hit(self.ground.rocks[rock.name], bomb.position, CELL / 2):
                assert isinstance(rock, Rock)
                rock.exploded.rpc(bomb.from_player)
        for player in self.game.alive():
            if _is_hit(player.synced_position, bomb.position, RADIUS) and not player.stunned:
                player.exploded.rpc(bomb.from_player)
        self.game.later(SMOKE, bomb.queue_free)


def _is_hit(at: Vector2, bomb: Vector2, size: float) -> bool:
    near, far = sorted((abs(at.x - bomb.x), abs(at.y - bomb.y)))
    return near < 8 + size and far < REACH + size


@contextmanager
def game(project: Path, own_name: str) -> Iterator[tuple[SceneTree, GameState, WebSocketMultiplayerPeer]]:
    """Makes the tree with the lobby."""
    scenes = Scenes(project)
    for path, kind in (("player", Player), ("rock", Rock), ("bomb", Bomb)):
        scenes.register(f"res://{path}.tscn")(kind)
    tree, peer = SceneTree(scenes=scenes), WebSocketMultiplayerPeer()
    state = GameState(scenes, own_name)
    with peer:
        tree.root.add_child(state)
        yield tree, state, peer


def host(project: Path, players: int, seconds: float) -> None:
    """Hosts a game."""
    with game(project, "Python") as (tree, state, peer):
        assert not peer.create_server(PORT, "127.0.0.1")
        tree.multiplayer.multiplayer_peer = peer
        while len(state.players) < players:
            tree.poll(FRAME)
        begin = time.monotonic() + 0.5
        while time.monotonic() < begin:  # the clients tell each other their names
            tree.poll(FRAME)
        state.load_world.rpc()
        play = Host(state, Ground(project))
        play.begin()
        inputs = state.own_inputs()
        state.later(1.0, lambda: setattr(inputs, "bombing", True))
        state.later(1.2, lambda: setattr(inputs, "bombing", False))
        end = time.monotonic() + seconds
        while time.monotonic() < end and tree.multiplayer.get_peers():
            start = time.monotonic()
            play.frame()
            while (left := start + FRAME - time.monotonic()) > 0:
                tree.poll(left)
        print("rocks left", len(play.rocks.get_children()), flush=True)
        report(state, tree)


def bot(project: Path, url: str) -> None:
    """Joins a game, lays a bomb, and walks away from it."""
    with game(project, "Bot") as (tree, state, peer):
        assert not peer.create_client(url)
        tree.multiplayer.multiplayer_peer = peer

        def play(seconds: float, motion: Vector2 = STILL, bombing: bool = False) -> None:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                tree.poll(0.02)
                state.run_timers()
                inputs = state.own_inputs()
                if inputs is not None:
                    inputs.motion, inputs.bombing = motion, bombing

        while not tree.root.has_node("World/Players") or len(state.alive()) < 1 + len(state.players):
            play(0.02)
        play(0.3)
        print("start", {player.title: player.synced_position for player in state.alive()}, flush=True)
        play(0.2, bombing=True)
        play(0.6, Vector2(0, 1))
        play(0.8, Vector2(-1, 0))
        print("walked", {player.title: player.synced_position for player in state.alive()}, flush=True)
        bombs = [one for one in tree.root.get_node("World").get_children() if isinstance(one, Bomb)]
        print("bombs", [(bomb.name, bomb.position, state.names[bomb.from_player]) for bomb in bombs])
        play(3.0)
        print("rocks left", len(tree.root.get_node("World/Rocks").get_children()), flush=True)
        report(state, tree)
        tree.multiplayer.server_disconnected.connect(peer.close)  # the demo ends the game when a player leaves
        while tree.multiplayer.has_multiplayer_peer() and peer.get_connection_status():
            play(0.1)


def report(state: GameState, tree: SceneTree) -> None:
    """Prints how the game went."""
    print("players", {player.title: (player.synced_position, player.stunned) for player in state.alive()})
    print("score", state.results())
    print("refused", dict(tree.multiplayer.refused), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["host", "bot"])
    parser.add_argument("project", type=Path)
    parser.add_argument("--players", type=int, default=2, help="engines that the host waits for")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long the host's game lasts")
    parser.add_argument("--url", default=f"ws://127.0.0.1:{PORT}")
    options = parser.parse_args()
    if options.role == "host":
        host(options.project, options.players, options.seconds)
    else:
        bot(options.project, options.url)


if __name__ == "__main__":
    main()
