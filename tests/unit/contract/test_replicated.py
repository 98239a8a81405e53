"""Scenes that spawners make, and replicated properties: what a project has, and what the stubs hold of it."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import pytest

from gdpeer import MultiplayerSpawner, MultiplayerSynchronizer, Node, Scenes, SceneTree, Vector2, rpc
from gdpeer.contract import read
from gdpeer.contract.replicated import FirstScene, ReplicatedProperty, read_replicated
from gdpeer.contract.write_python import write_python
from gdpeer.errors import SceneError
from gdpeer.multiplayer.replication.properties import declared_of

PROJECT = """config_version=5

[application]
run/main_scene="res://main.tscn"

[autoload]
Net="*res://net.gd"
"""

MAIN = """[gd_scene format=3]
[ext_resource type="Script" path="res://chat.gd" id="1"]
[node name="Main" type="Node"]
[node name="Chat" type="Node" parent="."]
script = ExtResource("1")
[node name="Players" type="Node2D" parent="."]
[node name="Spawner" type="MultiplayerSpawner" parent="."]
_spawnable_scenes = PackedStringArray("res://player.tscn", "res://bomb.tscn", "res://gone.tscn")
spawn_path = NodePath("../Players")
"""

PLAYER = """[gd_scene format=3]
[ext_resource type="Script" path="res://player.gd" id="1"]
[ext_resource type="Script" path="res://gun.gd" id="2"]
[sub_resource type="SceneReplicationConfig" id="C"]
properties/0/path = NodePath(".:position")
properties/0/spawn = true
properties/0/replication_mode = 1
properties/1/path = NodePath(".:health")
properties/1/spawn = false
properties/1/replication_mode = 2
properties/2/path = NodePath("Label:text")
properties/2/spawn = true
properties/2/replication_mode = 0
properties/3/path = NodePath(".:items")
properties/3/spawn = true
properties/3/replication_mode = 1
properties/4/path = NodePath(".:name")
properties/4/spawn = true
properties/4/replication_mode = 1
properties/5/path = NodePath("Nowhere:x")
properties/5/spawn = true
properties/5/replication_mode = 1
properties/6/path = NodePath(".:position:y")
properties/6/spawn = true
properties/6/replication_mode = 1
[node name="Player" type="CharacterBody2D"]
script = ExtResource("1")
[node name="Label" type="Label" parent="."]
text = "Ann"
[node name="Gun" type="Node" parent="."]
script = ExtResource("2")
[node name="Sync" type="MultiplayerSynchronizer" parent="."]
replication_config = SubResource("C")
"""

PLAYER_SCRIPT = """extends CharacterBody2D
@export_range(0, 100) var health: float = 100
var items: Array[int] = []
@rpc("any_peer") func move(to: Vector2): pass
"""


@pytest.fixture
def game(tmp_path: Path) -> Path:
    files = {
        "project.godot": PROJECT,
        "main.tscn": MAIN,
        "player.tscn": PLAYER,
        "bomb.tscn": '[gd_scene format=3]\n[node name="Bomb" type="Node3D"]\n',
        "broken.tscn": "[gd_scene\n",
        "net.gd": "extends Node\n@rpc func net(): pass\n",
        "chat.gd": "extends Node\n@rpc func say(): pass\n",
        "gun.gd": "extends Node\n@rpc func shoot(): pass\n",
        "player.gd": PLAYER_SCRIPT,
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def stubs(game: Path) -> Any:
    text = write_python(read(str(game)), "game", read_replicated(game))
    module = types.ModuleType("replicated_stubs")
    sys.modules["replicated_stubs"] = module
    exec(compile(text, "replicated_stubs.py", "exec"), vars(module))
    module.TEXT = text  # type: ignore[attr-defined]
    return module


def test_scenes_properties_and_the_begin(game: Path) -> None:
    found = read_replicated(game)
    assert found
    assert found.first == (FirstScene("res://net.gd", "Net"), FirstScene("res://main.tscn", ""))
    bomb, player = found.scenes
    assert (bomb.path, bomb.script, bomb.properties) == ("res://bomb.tscn", "", ())
    assert (player.script, player.synchronizer) == ("res://player.gd", "Sync")
    assert player.properties == (
        ReplicatedProperty(".:position", 1, True, "Vector2(0, 0)"),
        ReplicatedProperty(".:health", 2, False, "100.0", "float"),
        ReplicatedProperty("Label:text", 0, True, '"Ann"'),
        ReplicatedProperty(".:items", 1, True, "[]", "Array[int]"),
        ReplicatedProperty(".:name", 1, True, "None"),
        ReplicatedProperty("Nowhere:x", 1, True, "None"),
        ReplicatedProperty(".:position:y", 1, True, "0.0"),
    )


def test_a_project_without_replication(tmp_path: Path) -> None:
    (tmp_path / "project.godot").write_text("config_version=5\n")
    assert not read_replicated(tmp_path)


@pytest.mark.parametrize(
    ("declaration", "kind", "default"),
    [
        ("var x: int", "Node", "0"),
        ("var x := 3", "Node", "3"),
        ("var x = Vector3.ONE", "Node", "Vector3(1, 1, 1)"),
        ("@export var x: Vector2i", "Node", "Vector2i(0, 0)"),
        ("var x: StringName", "Node", "StringName('')"),
        ("var x: Node", "Node", "None"),
        ('var x: String = "a" : set = f', "Node", '"a"'),
        ("var x: Array = [1]", "Node", "[1]"),
        ("var x: Dictionary[String, int] = {}", "Node", "{}"),
        ("var x = f()", "Node", "None"),
        ("var x: bool = f()", "Node", "False"),
        ("func f():\n\tvar x = 3", "Node", "None"),
        ("", "Node3D", "None"),
    ],
)
def test_first_values_of_a_script(game: Path, declaration: str, kind: str, default: str) -> None:
    (game / "player.gd").write_text(f"extends {kind}\n{declaration}\n")
    scene = game / "player.tscn"
    scene.write_text(scene.read_text().replace(".:health", ".:x"))
    assert read_replicated(game).scenes[1].properties[1].default == default


@pytest.mark.parametrize(
    ("kind", "name", "default"),
    [
        ("CharacterBody3D", "global_position", "Vector3(0, 0, 0)"),
        ("Node2D", "rotation", "0.0"),
        ("Node3D", "rotation", "Vector3(0, 0, 0)"),
        ("Sprite2D", "flip_h", "False"),
        ("Node2D", "other", "None"),
    ],
)
def test_first_values_of_the_engine(game: Path, kind: str, name: str, default: str) -> None:
    scene = game / "player.tscn"
    scene.write_text(scene.read_text().replace("CharacterBody2D", kind).replace(".:health", f".:{name}"))
    assert read_replicated(game).scenes[1].properties[1].default == default


def test_stubs_declare_the_properties_and_fit_the_scene(game: Path) -> None:
    module = stubs(game)
    assert [one.path for one in declared_of(module.PlayerBase)] == [
        *(".:position", ".:health", "Label:text", ".:items", ".:name", "Nowhere:x", ".:position:y")
    ]
    assert '    synchronizer_name = "Sync"\n    position = replicated(Vector2(0, 0))\n' in module.TEXT
    assert "    health = replicated(100.0, ReplicationMode.ON_CHANGE, spawn=False)\n" in module.TEXT
    assert '    label_text = replicated("Ann", ReplicationMode.NEVER, path="Label:text")\n' in module.TEXT
    assert "    items: list[int] = replicated([])\n" in module.TEXT
    assert '    name_: Any = replicated(None, path=".:name")  # type unknown' in module.TEXT


def test_an_empty_container_has_an_annotation(game: Path) -> None:
    (game / "player.gd").write_text(PLAYER_SCRIPT.replace("Array[int] = []", "Dictionary = {}"))
    assert "    items: dict[Any, Any] = replicated({})\n" in stubs(game).TEXT


def test_nodes_come_from_the_scenes(game: Path) -> None:
    module = stubs(game)

    class Player(module.PlayerBase):  # type: ignore[name-defined, misc]
        pass

    class Gun(module.GunBase):  # type: ignore[name-defined, misc]
        pass

    tree = SceneTree(scenes=Scenes(game))
    module.add_nodes(tree, Player=Player, Gun=Gun)
    assert [one.name for one in tree.root.get_children()] == ["Net", "Main"]
    assert isinstance(tree.get_node("/root/Net"), module.NetBase)
    assert isinstance(tree.get_node("/root/Main/Chat"), module.ChatBase)
    spawner = tree.get_node("/root/Main/Spawner")
    assert isinstance(spawner, MultiplayerSpawner)
    assert spawner.get_spawnable_scene_count() == 3
    player = tree.scenes.make("res://player.tscn", "7") if tree.scenes else None
    assert isinstance(player, Player)
    assert player.position == Vector2()
    assert isinstance(player.get_node("Gun"), Gun)
    assert isinstance(player.get_node("Sync"), MultiplayerSynchronizer)
    tree.get_node("/root/Main/Players").add_child(player)


def test_a_project_without_a_main_scene_only_registers_the_classes(game: Path) -> None:
    (game / "project.godot").write_text("config_version=5\n")
    tree = SceneTree(scenes=Scenes(game))
    module = stubs(game)
    module.add_nodes(tree)
    assert tree.root.get_children() == []
    assert tree.scenes is not None
    assert isinstance(tree.scenes.make("res://player.tscn", "A"), module.PlayerBase)


def test_a_tree_without_scenes_is_refused(game: Path) -> None:
    with pytest.raises(ValueError, match="make the tree with SceneTree"):
        stubs(game).add_nodes(SceneTree())


def test_a_script_of_several_scenes_leaves_the_properties_to_their_classes(game: Path) -> None:
    (game / "other.tscn").write_text(PLAYER)
    module = stubs(game)
    assert declared_of(module.PlayerBase) == ()
    assert issubclass(module.OtherSceneBase, module.PlayerBase)
    assert issubclass(module.PlayerSceneBase, module.PlayerBase)
    assert len(declared_of(module.OtherSceneBase)) == 7


# ------------------------------------------------------------------------------------------ classes of scripts


def test_scenes_take_a_class_for_a_script(game: Path) -> None:
    (game / "Old.cs").write_text("")
    scenes = Scenes(game)

    @scenes.register("res://player.gd")
    class Player(Node):
        @rpc
        def move(self) -> None: ...

    assert isinstance(scenes.make("res://player.tscn", "A"), Player)
    assert Player.scene_file_path == ""
    assert isinstance(scenes.make("res://player.gd", "A"), Player)
    scenes.register("res://Old.cs")(Player)
    assert Player.scene_file_path == ""
    with pytest.raises(SceneError, match="there is no scene"):
        scenes.register("res://nowhere.gd")
