"""`MultiplayerSpawner`: every row of the engine's table, `spawn()` and its errors, limits, and authority."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gdpeer import (
    MultiplayerSpawner,
    MultiplayerSynchronizer,
    Node,
    NodePath,
    OfflineMultiplayerPeer,
    SceneReplicationConfig,
    Scenes,
    SceneTree,
    VariantError,
    godot3,
)
from gdpeer.errors import Error
from gdpeer.multiplayer.replication.spawner import MOST_SCENES
from tests.support.worlds import World, Worlds

UNIT = "res://unit.tscn"


def make(data: Any) -> Node:
    return Node("Egg" if data is None else f"Egg{data}")


def with_function(clients: int = 1, function: Callable[[Any], Any] = make) -> Worlds:
    worlds = Worlds(clients)
    for world in (worlds.server, *worlds.clients):
        world.spawner.spawn_function = function
    return worlds


def test_the_members_begin_as_in_the_engine() -> None:
    spawner = MultiplayerSpawner()
    assert spawner.name == "MultiplayerSpawner"
    assert spawner.spawn_path == NodePath("")
    assert spawner.spawn_limit == 0
    assert spawner.spawn_function is None
    assert spawner.get_spawnable_scene_count() == 0
    assert spawner.get_spawn_node() is None


def test_the_list_of_scenes(caplog: pytest.LogCaptureFixture) -> None:
    spawner = MultiplayerSpawner()
    for path in ("res://a.tscn", "res://b.tscn", "res://a.tscn"):
        spawner.add_spawnable_scene(path)
    assert [spawner.get_spawnable_scene(index) for index in range(3)] == [
        "res://a.tscn",
        "res://b.tscn",
        "res://a.tscn",
    ]
    assert spawner.get_spawnable_scene_count() == 3
    assert (spawner.find_scene("res://a.tscn"), spawner.find_scene("res://c.tscn"), spawner.find_scene("")) == (
        0,
        -1,
        -1,
    )
    assert not caplog.records
    assert spawner.get_spawnable_scene(3) == spawner.get_spawnable_scene(-1) == ""
    assert len(caplog.records) == 2
    spawner.clear_spawnable_scenes()
    assert spawner.get_spawnable_scene_count() == 0
    for number in range(MOST_SCENES + 2):
        spawner.add_spawnable_scene(f"res://{number}.tscn")
    assert spawner.get_spawnable_scene_count() == 255
    assert "more cannot be spawned" in caplog.text
    wrong: Any = spawner
    with pytest.raises(TypeError):
        wrong.add_spawnable_scene(NodePath("a"))
    with pytest.raises(TypeError):
        wrong.get_spawnable_scene("0")


def test_a_spawned_node_is_told_on_receivers_only() -> None:
    worlds = with_function(2)
    told: list[tuple[int, str, str]] = []
    for number, world in enumerate((worlds.server, *worlds.clients)):
        for name in ("spawned", "despawned"):
            signal = getattr(world.spawner, name)
            signal.connect(lambda node, number=number, name=name: told.append((number, name, node.name)))
    egg = worlds.server.spawner.spawn(1)
    assert egg is not None
    worlds.run()
    egg.free()
    worlds.run()
    assert sorted(told) == [(number, name, "Egg1") for number in (1, 2) for name in ("despawned", "spawned")]


def test_a_despawned_node_is_out_of_the_tree_already() -> None:
    worlds = Worlds()
    told: list[tuple[str, bool]] = []
    worlds.clients[0].spawner.despawned.connect(lambda node: told.append((node.name, node.is_inside_tree())))
    worlds.server.add("U1").free()
    worlds.run()
    assert told == [("U1", False)]


def test_spawn_copies_its_data_and_numbers_taken_names() -> None:
    got: list[Any] = []

    def function(data: Any) -> Node:
        got.append(data)
        data.append(2)
        return Node("Egg")

    worlds = with_function(function=function)
    data = [1]
    nodes = [worlds.server.spawner.spawn(data) for _ in range(3)]
    assert data == [1]
    worlds.run()
    assert [node.name for node in nodes if node is not None] == worlds.clients[0].names() == ["Egg", "Egg2", "Egg3"]
    assert got == [[1, 2]] * 6
    with pytest.raises(VariantError):
        worlds.server.spawner.spawn(object())


def refusal(worlds: Worlds, caplog: pytest.LogCaptureFixture, world: World | None = None) -> str:
    caplog.clear()
    assert (worlds.server if world is None else world).spawner.spawn(1) is None
    (record,) = caplog.records
    return record.getMessage()


def test_each_reason_for_which_spawn_refuses(caplog: pytest.LogCaptureFixture) -> None:
    worlds = with_function()
    spawner = worlds.server.spawner
    assert "not the spawner's authority" in refusal(worlds, caplog, worlds.clients[0])
    spawner.spawn_function = None
    text = "Custom spawn requires the 'spawn_function' property to be a valid callable."
    assert text in refusal(worlds, caplog)

    def fail(data: Any) -> Node:
        raise RuntimeError("a fault of the game")

    for function, text in [
        (fail, "Failed to call spawn function"),
        (lambda data: None, "The spawn function must return a Node"),
        (lambda data: worlds.server.main, "The spawn function must return a Node without a parent"),
    ]:
        spawner.spawn_function = function  # type: ignore[assignment]
        assert text in refusal(worlds, caplog)
    spawner.spawn_function = make
    spawner.spawn_limit = 2
    assert spawner.spawn() is not None
    worlds.server.add("U1")
    assert "Spawn limit reached!" in refusal(worlds, caplog)
    worlds.server.add("U2")  # a child of the spawn node is never refused
    spawner.spawn_limit = 0
    spawner.spawn_path = "../Gone"
    assert "Cannot find spawn node." in refusal(worlds, caplog)
    spawner.spawn_path = ""
    assert "Cannot find spawn node." in refusal(worlds, caplog)
    worlds.server.api.multiplayer_peer = None
    assert "there is no peer" in refusal(worlds, caplog)
    worlds.server.main.remove_child(spawner)
    assert "not in a tree" in refusal(worlds, caplog)


def test_in_a_tree_of_godot_3_a_spawner_does_nothing(caplog: pytest.LogCaptureFixture) -> None:
    tree = SceneTree(godot3.MultiplayerAPI())
    spawner, sync = MultiplayerSpawner(), MultiplayerSynchronizer()
    spawner.spawn_path = "."
    for node in (spawner, sync):
        tree.root.add_child(node)
    spawner.spawn_path = ".."
    child = Node("Child")
    tree.root.add_child(child)
    assert spawner.spawn() is None
    for node in (spawner, sync):
        tree.root.remove_child(node)
    assert "Godot 4's API" in caplog.text


def test_the_default_peer_counts_as_a_server() -> None:
    worlds = Worlds(0)
    worlds.server.api.multiplayer_peer = OfflineMultiplayerPeer()
    unit = worlds.server.add("U1")
    assert worlds.server.spawner.has_spawned(unit)
    worlds.server.api.multiplayer_peer = worlds.server.peer
    assert worlds.join().names() == ["U1"]


def test_what_was_there_before_the_spawner_is_not_spawned() -> None:
    worlds = Worlds()
    server = worlds.server
    server.main.remove_child(server.spawner)
    server.add("Old")
    server.main.add_child(server.spawner)
    server.add("New")
    worlds.run()
    assert worlds.clients[0].names() == ["New"]
    assert worlds.join().names() == ["New"]


def test_a_node_with_a_generated_name_is_not_spawned(caplog: pytest.LogCaptureFixture) -> None:
    worlds = Worlds()
    worlds.server.add("@Unit@2")
    other = Node("NotInTheList")
    worlds.server.units.add_child(other)
    worlds.run()
    assert worlds.clients[0].names() == []
    assert "the name '@Unit@2' was generated" in caplog.text


def test_a_new_spawn_path_counts_for_what_comes_later() -> None:
    worlds = Worlds()
    for world in (worlds.server, *worlds.clients):
        world.main.add_child(Node("Others"))
        world.spawner.spawn_path = NodePath("../Others")
    worlds.server.add("Old")
    other = worlds.server.kind("New")
    worlds.server.main.get_node("Others").add_child(other)
    worlds.run()
    assert worlds.clients[0].names() == []
    assert worlds.clients[0].main.has_node("Others/New")


def test_when_the_spawner_leaves_its_nodes_leave_elsewhere_only() -> None:
    worlds = Worlds()
    unit = worlds.server.add("U1")
    worlds.run()
    worlds.server.main.remove_child(worlds.server.spawner)
    unit.health = 5
    worlds.run()
    assert worlds.server.names() == ["U1"]
    assert worlds.clients[0].names() == []
    assert worlds.clients[0].api.refused["replication"] == 0


def test_a_spawner_that_changes_hands_leaves_no_orphans() -> None:
    worlds = Worlds(2)
    owner, other = worlds.clients
    worlds.server.add("Old")
    worlds.run()
    for world in (worlds.server, *worlds.clients):
        world.spawner.set_multiplayer_authority(owner.id)
        world.spawner.set_multiplayer_authority(owner.id)
    worlds.run()
    assert [world.names() for world in (worlds.server, owner, other)] == [["Old"], [], []]
    unit = owner.kind("Mine")
    unit.get_node("Sync").set_multiplayer_authority(owner.id)
    for world in (worlds.server, other):
        world.units.child_entered_tree.connect(lambda node: node.get_node("Sync").set_multiplayer_authority(owner.id))
    owner.units.add_child(unit)
    worlds.run()
    assert other.names() == ["Mine"]
    assert worlds.server.names() == ["Old", "Mine"]
    unit.health = 3
    worlds.run()
    assert (worlds.server.unit("Mine").health, other.unit("Mine").health) == (3, 3)
    owner.peer.close()
    worlds.run()
    assert (worlds.server.names(), other.names()) == (["Old"], [])


def test_a_limit_holds_for_received_nodes(caplog: pytest.LogCaptureFixture) -> None:
    worlds = Worlds()
    client = worlds.clients[0]
    client.spawner.spawn_limit = 2
    client.api.max_spawned_nodes = 5
    for number in range(4):
        worlds.server.add(f"U{number}")
    worlds.run()
    assert client.names() == ["U0", "U1"]
    client.spawner.spawn_limit = 0
    for number in range(4, 10):
        worlds.server.add(f"U{number}")
    worlds.run()
    assert client.names() == ["U0", "U1", "U4", "U5", "U6"]
    assert client.api.refused["too many nodes"] == 5
    with pytest.raises(ValueError, match="negative"):
        client.api.max_spawned_nodes = -1


def test_object_configuration_of_the_api() -> None:
    worlds = Worlds()
    api, spawner, sync = worlds.server.api, worlds.server.spawner, MultiplayerSynchronizer("More")
    unit = worlds.server.add("U1")
    assert api.object_configuration_add(unit, spawner) == Error.ERR_ALREADY_IN_USE
    assert api.object_configuration_add(worlds.server.main, spawner) == Error.ERR_INVALID_PARAMETER
    assert api.object_configuration_add(unit, object()) == Error.ERR_INVALID_PARAMETER
    sync.replication_config = SceneReplicationConfig()
    unit.add_child(sync)
    assert api.object_configuration_remove(unit, sync) == Error.OK
    for _ in range(2):  # the second time has no effect
        assert api.object_configuration_add(unit, sync) == Error.OK
    assert len(api.replicator.outgoing_of(unit)) == 2
    assert api.object_configuration_remove(unit, spawner) == Error.OK
    assert not spawner.has_spawned(unit)
    worlds.run()
    assert worlds.clients[0].names() == []
    assert api.object_configuration_add(unit, spawner) == Error.OK
    worlds.run()
    assert worlds.clients[0].names() == ["U1"]
    assert api.object_configuration_add(None, "/root") == Error.OK
    assert api.object_configuration_remove(None, "/root/Other") == Error.ERR_INVALID_PARAMETER
    for name in ("max_sync_packet_size", "max_delta_packet_size"):
        with pytest.raises(ValueError, match="at least 128"):
            setattr(api, name, 127)
    assert (api.max_sync_packet_size, api.max_delta_packet_size) == (1350, 65535)


def test_uids_are_resolved_by_the_scenes_of_the_tree() -> None:
    class Known(Scenes):
        def resolve(self, path: str) -> str:
            return UNIT if path == "uid://unit" else path

    spawner = MultiplayerSpawner()
    spawner.add_spawnable_scene("uid://unit")
    assert spawner.get_spawnable_scene(0) == "uid://unit"
    tree = SceneTree(scenes=Known())
    tree.root.add_child(spawner)
    assert spawner.get_spawnable_scene(0) == UNIT
    assert spawner.find_scene(UNIT) == 0
