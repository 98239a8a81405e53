"""The nodes of the arena, the same on the server, in a bot and in a page; their twins are in `demos/arena/godot4`.

    /root/Main              enter(), refused()
        World               players and coins
        Spawner             spawns the children of World
        Board               the ten best players and the number of players, for everyone

Layer: `demos`.
"""

from __future__ import annotations

from gdpeer import (
    MultiplayerSpawner,
    MultiplayerSynchronizer,
    Node,
    PackedInt32Array,
    PackedStringArray,
    ReplicationMode,
    SceneMultiplayer,
    SceneReplicationConfig,
    Scenes,
    SceneTree,
    Signal,
    Vector2,
    replicated,
    rpc,
)
from gdpeer.clock import MONOTONIC, Clock

__all__ = [
    "PORT",
    "PROTOCOL",
    "REACH",
    "ROOMS",
    "SERVER",
    "SIZE",
    "Board",
    "Coin",
    "Main",
    "Player",
    "furnish",
    "make_tree",
]

PORT = 8082
PROTOCOL = "gdpeer-arena"
ROOMS = "gdpeer"
"""The sub-protocol of a server with many rooms."""
SERVER = 1

SIZE = 2400.0
"""Width and height of the arena, in units; positions go from 0 to this."""
REACH = 30.0
"""A player takes the coins within this many units."""

STEERING = SceneReplicationConfig()
"""The properties that a player's program sends to the server."""
STEERING.add_property(".:direction")
STEERING.property_set_spawn(".:direction", False)
STEERING.property_set_replication_mode(".:direction", ReplicationMode.ON_CHANGE)


class Player(Node):
    """A player; the node's name is the peer's id.

    Attributes:
        direction: where the player wants to go. The player's own program sets this; the server limits the length to 1.
    """

    synchronizer_name = "State"
    position = replicated(Vector2())
    title: str = replicated("", mode=ReplicationMode.ON_CHANGE)
    score: int = replicated(0, mode=ReplicationMode.ON_CHANGE)

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
        self.direction = Vector2()
        steering = MultiplayerSynchronizer("Input")
        steering.replication_config = STEERING
        self.add_child(steering)

    def _enter_tree(self) -> None:
        self.get_node("Input").set_multiplayer_authority(int(self.name))


class Coin(Node):
    """A coin, which a player takes by coming near."""

    synchronizer_name = "State"
    position = replicated(Vector2(), mode=ReplicationMode.NEVER)
    worth: int = replicated(1, mode=ReplicationMode.ON_CHANGE)


class Board(Node):
    """The ten best players, the best first, and how many players there are."""

    synchronizer_name = "State"
    titles: PackedStringArray = replicated(PackedStringArray(), mode=ReplicationMode.ON_CHANGE)
    scores: PackedInt32Array = replicated(PackedInt32Array(), mode=ReplicationMode.ON_CHANGE)
    players: int = replicated(0, mode=ReplicationMode.ON_CHANGE)


class Main(Node):
    """The root of the scene, and the calls between a player's program and the server.

    Attributes:
        asked: signal (peer_id, title): a peer wants to play; at the server.
        was_refused: signal (reason): the server lets no more players in.
    """

    def __init__(self) -> None:
        super().__init__("Main")
        self.asked = Signal("asked")
        self.was_refused = Signal("was_refused")
        self.world, self.board = Node("World"), Board("Board")
        self.spawner = MultiplayerSpawner("Spawner")
        self.spawner.spawn_path = "../World"
        self.spawner.add_spawnable_scene("res://player.tscn")
        self.spawner.add_spawnable_scene("res://coin.tscn")
        for node in (self.world, self.spawner, self.board):
            self.add_child(node)

    @rpc("any_peer")
    def enter(self, title: str) -> None:
        """Asks the server for a player of this name; a second call changes the name."""
        if self.multiplayer.is_server():
            self.asked.emit(self.multiplayer.get_remote_sender_id(), title)

    @rpc("authority")
    def refused(self, reason: str) -> None:
        """Tells a player's program that it cannot play now."""
        self.was_refused.emit(reason)

    def all_players(self) -> list[Player]:
        """Returns the players that this side knows."""
        return [node for node in self.world.get_children() if isinstance(node, Player)]

    def all_coins(self) -> list[Coin]:
        """Returns the coins that this side knows."""
        return [node for node in self.world.get_children() if isinstance(node, Coin)]

    def player_of(self, peer_id: int) -> Player | None:
        """Returns the player of a peer; None if this side knows none."""
        node = self.world.get_node_or_null(str(peer_id))
        return node if isinstance(node, Player) else None


SCENES = Scenes()
"""The scenes of the Godot project, with their classes."""
SCENES.register("res://player.tscn")(Player)
SCENES.register("res://coin.tscn")(Coin)


def make_tree(clock: Clock = MONOTONIC) -> tuple[SceneTree, Main]:
    """Returns a new tree with the nodes of the arena."""
    tree = SceneTree(SceneMultiplayer(clock=clock))
    return tree, furnish(tree)


def furnish(tree: SceneTree) -> Main:
    """Adds the nodes of the arena to a tree, and returns the topmost."""
    tree.scenes, main = SCENES, Main()
    tree.root.add_child(main)
    return main
