"""Provokes the rows of "It does not work" about spawners, synchronizers and scenes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gdpeer import (
    MultiplayerSynchronizer,
    Node,
    ReplicationMode,
    SceneReplicationConfig,
    Scenes,
    Vector2,
    replicated,
    rpc,
)
from tests.support.worlds import Unit, World, Worlds

PROJECT = """\
[gd_scene format=3]

[sub_resource type="SceneReplicationConfig" id="1"]
properties/0/path = NodePath(".:position")
properties/0/spawn = true
properties/0/replication_mode = 1
properties/1/path = NodePath(".:health")
properties/1/spawn = true
properties/1/replication_mode = 2

[node name="Player" type="Node2D"]

[node name="Sync" type="MultiplayerSynchronizer" parent="."]
replication_config = SubResource("1")
"""


class Hit(Unit):
    @rpc
    def hit(self) -> None:
        """For those who see the unit."""


def spawns(**settings: Any) -> Callable[[], None]:
    """Calls `spawn` of a spawner with some settings."""

    def attempt() -> None:
        world = Worlds(0).server
        world.spawner.spawn_function = lambda data: Node("Egg")
        for name, value in settings.items():
            setattr(world.spawner, name, value)
        for _ in range(2):
            world.spawner.spawn()

    return attempt


def spawn_by_a_client() -> None:
    Worlds().clients[0].spawner.spawn()


def add_a_generated_name() -> None:
    Worlds().server.add("@Node2D@2")


def with_two(change: Callable[[World, World], object], name: str = "U1", **values: Any) -> Callable[[], None]:
    """Changes a server and its client, and then spawns a unit and changes its values."""

    def attempt() -> None:
        worlds = Worlds()
        change(worlds.server, worlds.clients[0])
        unit = worlds.server.add(name)
        worlds.run()
        for attribute, value in values.items():
            setattr(unit, attribute, value)
        worlds.run()

    return attempt


def unknown_scene(server: World, client: World) -> None:
    client.spawner.clear_spawnable_scenes()


def taken_name(server: World, client: World) -> None:
    client.add("U1")


def no_node(server: World, client: World) -> None:
    server.spawner.spawn_function = lambda data: Node("Egg")
    client.spawner.spawn_function = lambda data: None
    server.spawner.spawn()


def no_room_for_nodes(server: World, client: World) -> None:
    client.api.max_spawned_nodes = 0


def other_authority(server: World, client: World) -> None:
    client.spawner.set_multiplayer_authority(client.id)


def missing_here(server: World, client: World) -> None:
    client.main.remove_child(client.spawner)


def synchronizer_of(unit: Node) -> MultiplayerSynchronizer:
    found = unit.get_node("Sync")
    assert isinstance(found, MultiplayerSynchronizer)
    return found


def call_of_a_hidden_node() -> None:
    worlds = Worlds()
    worlds.server.kind = worlds.server.scenes.register("res://hit.tscn")(type("Hit", (Hit,), {}))
    worlds.server.spawner.add_spawnable_scene("res://hit.tscn")
    unit = worlds.server.kind("U1")
    synchronizer_of(unit).public_visibility = False
    worlds.server.units.add_child(unit)
    unit.rpc_id(worlds.clients[0].id, "hit")


def bad_filter() -> None:
    worlds = Worlds()
    synchronizer_of(worlds.server.add("U1")).add_visibility_filter(lambda peer: 1)
    worlds.run()


def other_class(**attributes: Any) -> Callable[[World, World], None]:
    """Gives the client another class for units."""

    def change(server: World, client: World) -> None:
        client.scenes = Scenes()
        kind = type("Unit", (Node,), {"synchronizer_name": "Sync", **attributes})
        client.scenes.register("res://unit.tscn")(kind)
        client.tree.scenes = client.scenes

    return change


def second_synchronizer(at: int, *paths: str) -> Callable[[World, World], None]:
    """Gives the units of the server (0) or of the client (1) another synchronizer, with these properties."""

    def change(*worlds: World) -> None:
        def init(self: Unit, name: str | None = None) -> None:
            Unit.__init__(self, name)
            self.add_child(synchronizer(*paths))

        world = worlds[at]
        world.scenes = Scenes()
        world.kind = world.scenes.register("res://unit.tscn")(type("Unit", (Unit,), {"__init__": init}))
        world.tree.scenes = world.scenes

    return change


def synchronizer(*paths: str) -> MultiplayerSynchronizer:
    made = MultiplayerSynchronizer("Other")
    made.replication_config = SceneReplicationConfig()
    for path in paths:
        made.replication_config.add_property(path)
    return made


def sends(path: str, **values: Any) -> Callable[[], None]:
    """Sends one property of a node that all sides have."""

    def attempt() -> None:
        worlds = Worlds()
        for world in (worlds.server, *worlds.clients):
            node = type("Thing", (Node,), {})("Thing")
            for name, value in values.items():
                setattr(node, name, value)
            node.add_child(synchronizer(path))
            world.main.add_child(node)
        worlds.run()

    return attempt


def seize() -> None:
    worlds = Worlds()
    worlds.server.add("U1")
    worlds.run()
    unit = worlds.clients[0].unit("U1")
    unit.get_node("Sync").set_multiplayer_authority(worlds.clients[0].id)
    worlds.run()
    unit.position = Vector2(1, 2)
    worlds.run()


def assign_text() -> None:
    Unit("U1").health = "x"  # type: ignore[assignment]


def use_too_early() -> None:
    def init(self: Unit, name: str | None = None) -> None:
        self.position += Vector2(1, 0)

    type("Early", (Unit,), {"__init__": init})("U1")


def declare_elsewhere() -> None:
    try:
        type("Game", (), {"score": replicated(0)})
    except RuntimeError as problem:  # Python 3.11 adds a message of its own
        raise problem.__cause__ or problem from None


def project(*others: str, **attributes: Any) -> Callable[[], None]:
    """Registers a class for the scene of a project, and then the same class for others."""

    def attempt() -> None:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "project.godot").write_text("config_version=5\n")
            (Path(folder) / "player.tscn").write_text(PROJECT)
            scenes = Scenes(folder)
            kind = type("Player", (Node,), {"synchronizer_name": "Sync", **attributes})
            for path in ("res://player.tscn", *others):
                scenes.register(path)(kind)

    return attempt


def no_project() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Scenes(folder)


def position() -> Any:
    return replicated(Vector2())


def health(mode: ReplicationMode = ReplicationMode.ON_CHANGE, spawn: bool = True) -> Any:
    return replicated(100, mode=mode, spawn=spawn)


SAYS = "peer … sends what a MultiplayerSpawner or MultiplayerSynchronizer says, "
DROPPED = "dropped a packet of peer …: "

PROVOKED: dict[str, Callable[[], object]] = {
    "spawn of …: this side": spawn_by_a_client,
    "spawn of …: Custom": spawns(spawn_function=None),
    "spawn of …: Cannot": spawns(spawn_path=""),
    "spawn of …: Spawn limit": spawns(spawn_limit=1),
    "Failed to call": spawns(spawn_function=lambda data: 1 / 0),
    "The spawn function": spawns(spawn_function=lambda data: "egg"),
    "… cannot be spawned: the name": add_a_generated_name,
    f"{DROPPED}SPAWN of scene": with_two(unknown_scene),
    f"{DROPPED}SPAWN of '": with_two(taken_name),
    f"{DROPPED}SPAWN, and": with_two(no_node),
    f"{DROPPED}SPAWN of more": with_two(no_room_for_nodes),
    f"{DROPPED}SPAWN by": with_two(other_authority),
    f"{SAYS}of a node": with_two(missing_here),
    "Attempt to call": call_of_a_hidden_node,
    "a visibility filter": bad_filter,
    "the MultiplayerSynchronizer at": with_two(second_synchronizer(1, ".:a", ".:b", ".:c", ".:d", ".:e")),
    "the SPAWN of … is about": with_two(second_synchronizer(1)),
    "the SPAWN of … from": with_two(second_synchronizer(0)),
    "the state of": with_two(other_class(**{f"value{number}": replicated(number) for number in range(9)})),
    "peer …: '…' of … is": with_two(other_class(position=replicated(""))),
    f"{SAYS}of synchronizers": seize,
    "'…' is not sent: there is no node": sends("Turret:turn"),
    "'…' is not sent: there is no attribute": sends(".:turn"),
    "'…' is not sent: the value": sends(".:turn", turn=2**80),
    "sync: the values": sends(".:text", text="x" * 2_000),
    "delta: the values": with_two(lambda server, client: None, items=list(range(20_000))),
    "Unit.health": assign_text,
    "position has": use_too_early,
    "Game.score": declare_elsewhere,
    "…: there is no project": no_project,
    "there is no scene": project("res://other.tscn", position=position(), health=health()),
    "… needs a child": project(synchronizer_name="Synchronizer", position=position()),
    "… does not declare": project(health=health()),
    "… does not have": project(position=position(), health=health(), more=replicated(1)),
    "wrong order": project(health=health(), position=position()),
    "the mode of": project(position=position(), health=health(ReplicationMode.ALWAYS)),
    "… has spawn": project(position=position(), health=health(spawn=False)),
    "… is registered": project("res://player.tscn", position=position(), health=health()),
}
"""How to get each row, by the beginning of what it shows."""
