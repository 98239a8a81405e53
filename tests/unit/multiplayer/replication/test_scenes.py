"""Scenes of a project as Python nodes, and classes that are checked against them. The trees are the engine's."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gdpeer import (
    Color,
    LoopbackMultiplayerPeer,
    MultiplayerSpawner,
    MultiplayerSynchronizer,
    Node,
    NodePath,
    ReplicationMode,
    SceneError,
    Scenes,
    SceneTree,
    Vector2,
    replicated,
)
from gdpeer.multiplayer.replication.scenes import SceneNode
from tests.support.missing import ROOT

GOLDEN = ROOT / "tests" / "golden" / "scenes_godot4"
ANSWERS = json.loads(GOLDEN.with_suffix(".json").read_text())

PLAYER = """\
[gd_scene format=3 uid="uid://player"]

[ext_resource type="SceneReplicationConfig" path="res://input.tres" id="1"]

[sub_resource type="SceneReplicationConfig" id="state"]
properties/0/path = NodePath(".:position")
properties/0/spawn = true
properties/0/replication_mode = 1
properties/1/path = NodePath("Turret:rotation")
properties/1/spawn = true
properties/1/replication_mode = 1
properties/2/path = NodePath(".:health")
properties/2/spawn = false
properties/2/replication_mode = 2

[node name="Unit" type="Node2D"]
motion = Vector2(3, 4)

[node name="Turret" type="Node2D" parent="."]
rotation = 0.5

[node name="Input" type="MultiplayerSynchronizer" parent="."]
replication_config = ExtResource("1")

[node name="Sync" type="MultiplayerSynchronizer" parent="."]
replication_config = SubResource("state")
replication_interval = 1
visibility_update_mode = 2
public_visibility = false
"""

INPUT = """\
[gd_resource type="SceneReplicationConfig" format=3]

[resource]
properties/0/path = NodePath(".:motion")
properties/0/spawn = true
properties/0/replication_mode = 2
properties/1/path = NodePath(".:aim")
properties/1/spawn = true
properties/1/replication_mode = 2
properties/2/path = NodePath("Turret:bend")
properties/2/spawn = true
properties/2/replication_mode = 0
"""


NODE = '[gd_scene format=3]\n[node name="R" type="Node"]\n'


def write(folder: Path, **files: str) -> Path:
    """A project of some files; two underscores stand for a dot."""
    (folder / "project.godot").write_text("config_version=5\n")
    for name, text in {"player__tscn": PLAYER, "input__tres": INPUT, **files}.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write(tmp_path)


def unit(**changes: Any) -> type[Node]:
    """The class that fits `player.tscn`, with changes in its members: None leaves a member out."""
    members: dict[str, Any] = {
        "synchronizer_name": "Sync",
        "position": replicated(Vector2()),
        "turn": replicated(0.0, path="Turret:rotation"),
        "health": replicated(100, mode=ReplicationMode.ON_CHANGE, spawn=False),
    }
    members |= changes
    return type("Unit", (Node,), {name: value for name, value in members.items() if value is not None})


def tree_of(node: Node) -> list[str]:
    found = []
    for child in node.get_children():
        found += [child.name, *(f"{child.name}/{path}" for path in tree_of(child))]
    return found


def described(node: Node) -> dict[str, Any]:
    if isinstance(node, MultiplayerSynchronizer):
        config = node.replication_config
        return {
            "root_path": str(node.root_path),
            "replication_interval": node.replication_interval,
            "delta_interval": node.delta_interval,
            "visibility_update_mode": int(node.visibility_update_mode),
            "public_visibility": node.public_visibility,
            "config": config and [[one.path, one.spawn, int(one.mode)] for one in config.entries()],
        }
    if isinstance(node, MultiplayerSpawner):
        scenes = [node.get_spawnable_scene(index) for index in range(node.get_spawnable_scene_count())]
        return {"spawn_path": str(node.spawn_path), "spawn_limit": node.spawn_limit, "scenes": scenes}
    return {}


# --- the trees of scenes


@pytest.mark.parametrize("path", ANSWERS)
def test_a_scene_has_the_nodes_and_members_that_the_engine_makes(path: str) -> None:
    name, nodes = ANSWERS[path]
    made = Scenes(GOLDEN).make(path, "")
    assert made is not None
    expected = [node for node in nodes if (node[0], node[1]) != ("A", "MultiplayerSynchronizer")]
    assert (made.name, tree_of(made)) == (name, [node[0] for node in expected[1:]])
    for below, kind, scene, members in expected:
        node = made.get_node(below or ".")
        assert node.scene_file_path == scene
        assert described(node) == members, below
        assert isinstance(node, (MultiplayerSpawner, MultiplayerSynchronizer)) == ("Multiplayer" in kind)


def test_a_scene_without_a_class_is_made_of_plain_nodes(project: Path) -> None:
    made = Scenes(project).make("uid://player", "P7")
    assert isinstance(made, SceneNode)
    assert (made.name, made.scene_file_path) == ("P7", "res://player.tscn")
    assert tree_of(made) == ["Turret", "Input", "Sync"]
    made.anything = 5  # type: ignore[attr-defined]


def test_attributes_that_synchronizers_name_begin_with_the_value_of_the_file_or_none(project: Path) -> None:
    made: Any = Scenes(project).make("res://player.tscn", "P")
    assert (made.position, made.health, made.motion, made.aim) == (None, None, Vector2(3, 4), None)
    assert (made.get_node("Turret").rotation, made.get_node("Turret").bend) == (0.5, None)


def test_a_plain_node_has_all_values_of_the_file(tmp_path: Path) -> None:
    text = """\
[gd_scene format=3]
[ext_resource type="PackedScene" path="res://coin.tscn" id="1"]
[node name="R" type="Node2D"]
items = [1, Vector2(2, 3)]
damaged = Nothing(1)
script = ExtResource("1")
frames = [ExtResource("1")]
empty = null
name = "other"
__class__ = 5
_gdpeer_tree = 5
metadata/level = 7
[node name="Coin" parent="." instance=ExtResource("1")]
worth = 10
"""
    coin = '[gd_scene format=3]\n[node name="Coin" type="Node2D"]\nworth = 1\ncolor = Color(1, 0, 0, 1)\n'
    scenes = Scenes(write(tmp_path, main__tscn=text, coin__tscn=coin))
    made, other = (scenes.make("res://main.tscn", "") for _ in range(2))
    assert isinstance(made, SceneNode)
    assert isinstance(other, SceneNode)
    assert (made.items, made.empty, made.name) == ([1, Vector2(2, 3)], None, "R")
    assert getattr(made, "metadata/level") == 7
    made.items.append(4)
    assert (made.items[-1], len(other.items)) == (4, 2)
    made_coin: Any = made.get_node("Coin")
    assert (made_coin.worth, made_coin.color) == (10, Color(1, 0, 0))
    made_coin.worth = 11
    assert made_coin.worth == 11
    for name in ("script", "position", "__private", "_gdpeer_other"):
        assert not hasattr(made, name)
        with pytest.raises(AttributeError, match=f"'SceneNode' object has no attribute '{name}'"):
            getattr(made, name)
    for name in ("damaged", "frames"):
        with pytest.raises(AttributeError, match=f"^res://main.tscn:[57]: {name} cannot be read: "):
            getattr(made, name)
    assert not hasattr(SceneNode("Alone"), "items")

    @scenes.register("res://main.tscn")
    class Main(Node):
        pass

    assert not hasattr(Main("M"), "items")
    assert Main("M").get_node("Coin").color == Color(1, 0, 0)  # type: ignore[attr-defined]


def test_nodes_of_one_scene_share_their_configuration_but_no_values(tmp_path: Path) -> None:
    text = PLAYER.replace("motion = Vector2(3, 4)", "motion = [1]")
    scenes = Scenes(write(tmp_path, player__tscn=text))
    one, other = (scenes.make("res://player.tscn", name) for name in "AB")
    assert one is not None
    assert other is not None
    configs = [node.get_node("Input").replication_config for node in (one, other)]  # type: ignore[attr-defined]
    assert configs[0] is configs[1]
    one.motion.append(2)  # type: ignore[attr-defined]
    assert other.motion == [1]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "value", ["null", 'SubResource("gone")', 'ExtResource("gone")', 'ExtResource("2")', 'ExtResource("3")']
)
def test_a_configuration_that_is_not_there_is_none(tmp_path: Path, value: str) -> None:
    resources = '[ext_resource path="res://gone.tres" id="2"]\n[ext_resource path="res://main.tscn" id="3"]\n'
    node = '[node name="S" type="MultiplayerSynchronizer" parent="."]\n'
    main = f"{resources}{NODE}{node}replication_config = {value}\n"
    made: Any = Scenes(write(tmp_path, main__tscn=main)).make("res://main.tscn", "M")
    assert made.get_node("S").replication_config is None


def test_paths_that_leave_the_scene_and_values_that_cannot_be_read_give_no_attribute(tmp_path: Path) -> None:
    config = "".join(
        f'properties/{number}/path = NodePath("{path}")\n'
        for number, path in enumerate(["../..:a", "/root/Main:b", "Gone:c", "./Kid/.:d", ":e"])
    )
    main = f'[sub_resource type="SceneReplicationConfig" id="1"]\n{config}{NODE}e = Nonsense(1)\n'
    main += '[node name="Kid" type="Node" parent="."]\n[node name="S" type="MultiplayerSynchronizer" parent="."]\n'
    main += 'replication_config = SubResource("1")\n[node name="T" type="MultiplayerSynchronizer" parent="."]\n'
    main += 'root_path = NodePath("/root")\nreplication_config = SubResource("1")\n'
    made: Any = Scenes(write(tmp_path, main__tscn=main)).make("res://main.tscn", "M")
    assert (made.e, made.get_node("Kid").d) == (None, None)
    assert not any(hasattr(made, name) for name in "abc")


def test_unknown_scenes_are_not_made(project: Path) -> None:
    scenes = Scenes(project)
    assert scenes.make("res://gone.tscn", "A") is None
    assert scenes.make("uid://gone", "A") is None
    assert scenes.make("res://input.tres", "A") is None
    assert Scenes().make("res://player.tscn", "A") is None
    assert scenes.resolve("uid://player") == "res://player.tscn"
    assert (scenes.resolve("uid://gone"), Scenes().resolve("uid://player")) == ("", "")
    assert scenes.resolve("res://gone.tscn") == Scenes().resolve("res://gone.tscn") == "res://gone.tscn"


def test_characters_that_a_name_cannot_have_here_become_underscores(tmp_path: Path) -> None:
    odd = PLAYER.replace('name="Turret"', r'name="a.b \"q\""').replace("Turret:", "Other:")
    odd += '[node name="a_b _q_" type="Node" parent="."]\n[node name="K" type="Node" parent="a.b \\"q\\""]\n'
    odd += '[node name="@Node@2" type="Node" parent="."]\n'
    made = Scenes(write(tmp_path, player__tscn=odd)).make("res://player.tscn", "P")
    assert made is not None
    assert tree_of(made) == ["a_b _q__", "a_b _q__/K", "Input", "Sync", "a_b _q_", "@Node@2"]


# --- registered classes


def test_a_registered_class_has_the_children_of_the_scene_at_once(project: Path) -> None:
    scenes = Scenes(project)
    seen: list[list[str]] = []

    @scenes.register("res://player.tscn")
    class Player(Node):
        synchronizer_name = "Sync"
        position = replicated(Vector2())
        turn = replicated(0.0, path="Turret:rotation")
        health: int = replicated(100, mode=ReplicationMode.ON_CHANGE, spawn=False)

        def __init__(self, name: str | None = None) -> None:
            super().__init__(name)
            seen.append(tree_of(self))

        def _enter_tree(self) -> None:
            seen.append(tree_of(self))

    assert Player.scene_file_path == "res://player.tscn"
    assert scenes.class_of("uid://player") is scenes.class_of("res://player.tscn") is Player
    player = scenes.make("uid://player", "7")
    assert isinstance(player, Player)
    assert (player.name, player.position, player.health) == ("7", Vector2(), 100)
    sync = player.get_node("Sync")
    assert isinstance(sync, MultiplayerSynchronizer)
    assert sync._gdpeer_declares is Player
    assert (sync.replication_interval, int(sync.visibility_update_mode), sync.public_visibility) == (1.0, 2, False)
    assert player.motion == Vector2(3, 4)  # type: ignore[attr-defined]
    tree = SceneTree(scenes=scenes)
    tree.root.add_child(player)
    assert seen == [["Turret", "Input", "Sync"]] * 2
    unnamed = scenes.make("res://player.tscn", "")
    assert unnamed is not None
    assert unnamed.name == "Unit"


def test_without_a_project_a_class_is_only_remembered() -> None:
    scenes = Scenes()
    kind = scenes.register("res://player.tscn")(unit())
    made = scenes.make("res://player.tscn", "7")
    assert type(made) is kind is scenes.class_of("res://player.tscn")
    assert made is not None
    assert tree_of(made) == ["Sync"]
    assert made.scene_file_path == "res://player.tscn"


def test_a_class_without_declared_attributes_takes_any_scene_and_keeps_its_own_members(project: Path) -> None:
    scenes = Scenes(project)

    @scenes.register("res://player.tscn")
    class Player(Node):
        aim = 9
        asked = 0

        @property
        def health(self) -> int:
            self.asked += 1
            raise RuntimeError

    player: Any = Player(name="A")
    assert (player.aim, player.asked, player.position) == (9, 0, None)
    assert tree_of(player) == ["Turret", "Input", "Sync"]


def test_a_subclass_has_the_scene_too_and_is_checked_when_it_declares_more(project: Path) -> None:
    scenes = Scenes(project)
    kind = scenes.register("res://player.tscn")(unit())
    fast = type("Fast", (kind,), {})
    assert (fast().scene_file_path, tree_of(fast())) == ("res://player.tscn", ["Turret", "Input", "Sync"])
    with pytest.raises(
        SceneError, match=r"res://player\.tscn:12: Sync does not have \.:mana, which More\.mana declares"
    ):
        type("More", (kind,), {"mana": replicated(0)})()


INNER = """\
[gd_scene format=3]
[ext_resource type="PackedScene" path="res://player.tscn" id="1"]
[ext_resource type="SceneReplicationConfig" path="res://input.tres" id="2"]
[node name="Tank" type="Node"]
[node name="Crew" type="Node" parent="."]
[node name="Unit" parent="." index="0" instance=ExtResource("1")]
[node name="Sync" parent="Unit"]
replication_interval = 4.0
[node name="First" type="Node" parent="Unit" index="0"]
"""


def test_an_inner_scene_with_a_class_is_an_object_of_the_class_with_outer_changes(
    tmp_path: Path,
) -> None:
    scenes = Scenes(write(tmp_path, tank__tscn=INNER))
    kind = scenes.register("res://player.tscn")(unit())
    tank = scenes.make("res://tank.tscn", "T")
    assert tank is not None
    inner = tank.get_node("Unit")
    assert type(inner) is kind
    assert tree_of(tank) == ["Unit", *(f"Unit/{name}" for name in ("First", "Turret", "Input", "Sync")), "Crew"]
    sync = inner.get_node("Sync")
    assert isinstance(sync, MultiplayerSynchronizer)
    assert (sync.replication_interval, sync._gdpeer_declares) == (4.0, kind)


def test_an_outer_scene_that_changes_the_configuration_of_a_class_is_refused(tmp_path: Path) -> None:
    text = INNER.replace("replication_interval = 4.0", 'replication_config = ExtResource("2")')
    scenes = Scenes(write(tmp_path, tank__tscn=text))
    scenes.register("res://player.tscn")(unit())
    with pytest.raises(SceneError, match=r"res://input\.tres:4: Unit does not declare \.:motion"):
        scenes.make("res://tank.tscn", "T")


def test_an_inherited_scene_is_checked_with_what_it_changes(tmp_path: Path) -> None:
    base = '[gd_scene format=3]\n[ext_resource type="PackedScene" path="res://player.tscn" id="1"]\n'
    base += '[node name="Big" instance=ExtResource("1")]\n'
    changed = base + '[node name="Sync" parent="."]\nroot_path = NodePath("../Turret")\n'
    scenes = Scenes(write(tmp_path, big__tscn=base, changed__tscn=changed))
    big = scenes.register("res://big.tscn")(unit())
    assert (tree_of(big()), big().scene_file_path) == (["Turret", "Input", "Sync"], "res://big.tscn")
    with pytest.raises(SceneError, match="root_path of Sync is not the root of the scene, to which Unit belongs"):
        scenes.register("res://changed.tscn")(unit())


# --- a session


MAIN = """\
[gd_scene format=3]

[node name="Main" type="Node"]

[node name="Units" type="Node" parent="."]

[node name="Spawner" type="MultiplayerSpawner" parent="."]
_spawnable_scenes = PackedStringArray("uid://player")
spawn_path = NodePath("../Units")
"""


def test_a_side_without_a_class_sees_values_by_the_names_of_the_file(tmp_path: Path) -> None:
    project = write(tmp_path, main__tscn=MAIN)
    peer = LoopbackMultiplayerPeer()
    trees = []
    for one, scenes in ((peer, Scenes(project)), (peer.join(), Scenes(project))):
        tree = SceneTree(scenes=scenes)
        tree.multiplayer.multiplayer_peer = one
        main = scenes.make("res://main.tscn", "")
        assert main is not None
        tree.root.add_child(main)
        trees.append(tree)
    server, client = trees
    assert server.scenes is not None
    kind = server.scenes.register("res://player.tscn")(unit(aim=0.5))
    for _ in range(4):
        server.poll()
        client.poll()
    sent: Any = kind(name="A")
    sent.turn = 0.25
    sync = sent.get_node("Sync")
    sync.public_visibility = True
    server.get_node("/root/Main/Units").add_child(sent)
    for _ in range(4):
        server.poll()
        client.poll()
    seen: Any = client.get_node("/root/Main/Units/A")
    assert isinstance(seen, SceneNode)
    assert (seen.position, seen.get_node("Turret").rotation) == (Vector2(), 0.25)
    assert (seen.motion, seen.aim) == (Vector2(3, 4), 0.5)


def test_the_classes_of_the_fixtures_fit_their_scenes() -> None:
    scenes = Scenes(ROOT / "tests" / "fixtures" / "godot4")

    @scenes.register("res://rep_unit.tscn")
    class Unit(Node):
        synchronizer_name = "Sync"
        position = replicated(Vector2())
        rotation = replicated(0.0, path="Turret:rotation")
        health: int = replicated(100, mode=ReplicationMode.ON_CHANGE)
        items: list[object] = replicated([], mode=ReplicationMode.ON_CHANGE, spawn=False)
        title = replicated("unit", mode=ReplicationMode.NEVER)
        motion = Vector2()

    made: Any = Unit(name="U1")
    assert tree_of(made) == ["Turret", "Sync", "Input"]
    assert (made.aim, made.motion) == (None, Vector2())


# --- misfits


MISFITS: list[tuple[Callable[[], type[Node]], str]] = [
    (lambda: unit(health=None), "res://player.tscn:12: Unit does not declare .:health, property 2 of Sync"),
    (
        lambda: unit(mana=replicated(1)),
        "res://player.tscn:12: Sync does not have .:mana, which Unit.mana declares",
    ),
    (
        lambda: unit(turn=replicated(0.0)),
        "res://player.tscn:9: Unit does not declare Turret:rotation, property 1 of Sync",
    ),
    (
        lambda: unit(
            health=replicated(0.0, path="Turret:rotation"),
            turn=replicated(1, mode=ReplicationMode.ON_CHANGE, spawn=False, path=".:health"),
        ),
        "res://player.tscn:9: wrong order: property 1 of Sync is Turret:rotation, and Unit declares .:health (turn)"
        " there",
    ),
    (
        lambda: unit(health=replicated(100, spawn=False)),
        "res://player.tscn:14: the mode of .:health is ON_CHANGE, but Unit.health declares ALWAYS",
    ),
    (
        lambda: unit(health=replicated(100, mode=ReplicationMode.ON_CHANGE)),
        "res://player.tscn:13: .:health has spawn = false, but Unit.health declares spawn=True",
    ),
    (
        lambda: unit(synchronizer_name=None),
        "res://player.tscn:16: Unit needs a child MultiplayerSynchronizer named 'MultiplayerSynchronizer'; set"
        " synchronizer_name to 'Input' or 'Sync'",
    ),
    (
        lambda: unit(synchronizer_name="Turret"),
        "res://player.tscn:16: Unit needs a child MultiplayerSynchronizer named 'Turret'; set synchronizer_name to"
        " 'Input' or 'Sync'",
    ),
    (
        lambda: unit(synchronizer_name="Input"),
        "res://input.tres:4: Unit does not declare .:motion, property 0 of Input",
    ),
]


@pytest.mark.parametrize(("kind", "text"), MISFITS, ids=range(len(MISFITS)))
def test_a_misfit_raises_with_file_and_line(project: Path, kind: Callable[[], type[Node]], text: str) -> None:
    scenes = Scenes(project)
    with pytest.raises(SceneError) as caught:
        scenes.register("res://player.tscn")(kind())
    assert str(caught.value) == text
    assert text.startswith(f"{caught.value.file}:{caught.value.line}: ")
    assert scenes.class_of("res://player.tscn") is None


def test_paths_that_mean_the_same_fit(tmp_path: Path) -> None:
    text = PLAYER.replace('NodePath(".:position")', 'NodePath(":position")').replace('"Turret:r', '"./Turret:r')
    Scenes(write(tmp_path, player__tscn=text)).register("res://player.tscn")(unit())


def test_a_synchronizer_without_a_configuration_is_a_misfit(tmp_path: Path) -> None:
    text = PLAYER.replace('replication_config = SubResource("state")\n', "")
    with pytest.raises(SceneError, match=r"^res://player\.tscn:25: Sync has no replication_config"):
        Scenes(write(tmp_path, player__tscn=text)).register("res://player.tscn")(unit())


def test_a_configuration_in_a_binary_file_is_refused(tmp_path: Path) -> None:
    text = PLAYER.replace("input.tres", "input.repl")
    scenes = Scenes(write(tmp_path, player__tscn=text, input__repl="RSRC"))
    with pytest.raises(SceneError, match=r"^res://player\.tscn:23: res://input\.repl is no text file"):
        scenes.register("res://player.tscn")(unit())


def test_a_scene_and_a_class_are_registered_once(project: Path) -> None:
    scenes = Scenes(project)
    kind = scenes.register("uid://player")(unit())
    with pytest.raises(SceneError, match=r"^res://player\.tscn: Unit is registered for this scene already"):
        scenes.register("res://player.tscn")
    with pytest.raises(SceneError, match=r"^res://x\.tscn: Unit is registered for res://player\.tscn already"):
        Scenes().register("res://x.tscn")(kind)
    again = Scenes()
    assert again.register("res://player.tscn")(kind) is kind
    assert again.class_of("res://player.tscn") is kind
    with pytest.raises(SceneError, match=r"^there is no scene res://gone\.tscn in the project"):
        scenes.register("res://gone.tscn")
    with pytest.raises(SceneError, match="uid://x needs a project"):
        Scenes().register("uid://x")
    with pytest.raises(TypeError, match="subclasses of Node"):
        Scenes().register("res://x.tscn")(int)  # type: ignore[type-var]


def test_a_class_for_a_model_is_not_compared(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    (project / "model.glb").write_bytes(b"glTF")
    scenes = Scenes(project)
    kind = scenes.register("res://model.glb")(unit())
    assert type(scenes.make("res://model.glb", "M")) is kind
    assert "res://model.glb is no text file, so Unit is not compared with it" in caplog.text


# --- hostile and damaged files


DAMAGED = {
    "no nodes": ("[gd_scene format=3]\n", "res://bad.tscn: the scene has no nodes"),
    "empty": ("", "res://bad.tscn: the scene has no nodes"),
    "open string": (NODE + 'x = "\n', "res://bad.tscn:3: a string is not closed"),
    "open bracket": (NODE + "x = [1,\n", "res://bad.tscn:3: a bracket is not closed"),
    "no assignment": (NODE + "nonsense\n", "res://bad.tscn:3: expected key = value, got 'nonsense'"),
    "surrogate": (NODE + '[node name="\\ud800" type="Node" parent="."]\n', "res://bad.tscn:3: a name with half"),
    "circle": (
        '[ext_resource path="res://bad.tscn" id="1"]\n[node name="R" type="Node"]\n'
        '[node name="A" parent="." instance=ExtResource("1")]\n',
        "res://bad.tscn:3: A is an instance of res://bad.tscn, which contains it",
    ),
    "many nodes": (
        NODE + "".join(f'[node name="N{one}" type="Node" parent="."]\n' for one in range(20_010)),
        "res://bad.tscn:20003: more than 20000 nodes",
    ),
    "interval": (
        NODE + '[node name="S" type="MultiplayerSynchronizer" parent="."]\nreplication_interval = Vector2(1, 2)\n',
        "res://bad.tscn:4: replication_interval = Vector2(1,2): expected seconds",
    ),
    "mode": (
        NODE + '[node name="S" type="MultiplayerSynchronizer" parent="."]\nvisibility_update_mode = 7\n',
        "res://bad.tscn:4: visibility_update_mode = 7: expected 0, 1 or 2",
    ),
    "scenes": (
        NODE + '[node name="S" type="MultiplayerSpawner" parent="."]\n_spawnable_scenes = [1]\n',
        "res://bad.tscn:4: _spawnable_scenes = [1]: expected a list of paths",
    ),
    "limit": (
        NODE + '[node name="S" type="MultiplayerSpawner" parent="."]\nspawn_limit = inf\n',
        "res://bad.tscn:4: spawn_limit = inf: expected a number",
    ),
    "path": (
        NODE + '[node name="S" type="MultiplayerSynchronizer" parent="."]\nroot_path = 5\n',
        "res://bad.tscn:4: root_path = 5: expected a NodePath",
    ),
    "endless": (
        NODE + '[node name="S" type="MultiplayerSynchronizer" parent="."]\ndelta_interval = inf\n',
        "res://bad.tscn:4: delta_interval = inf: expected seconds",
    ),
    "no value": (
        NODE + '[node name="S" type="MultiplayerSpawner" parent="."]\nspawn_path = Path(1\n',
        "res://bad.tscn:4: ",
    ),
    "private": (
        '[sub_resource type="SceneReplicationConfig" id="1"]\nproperties/0/path = NodePath(".:__class__")\n'
        '[node name="R" type="Node"]\n[node name="S" type="MultiplayerSynchronizer" parent="."]\n'
        'replication_config = SubResource("1")\n',
        "res://bad.tscn:2: .:__class__ names a private attribute of Python",
    ),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_scene_raises_at_register_and_is_logged_by_make(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    text, message = DAMAGED[name]
    scenes = Scenes(write(tmp_path, bad__tscn=text))
    with pytest.raises(SceneError) as caught:
        scenes.register("res://bad.tscn")(unit())
    assert str(caught.value).startswith(message)
    assert scenes.make("res://bad.tscn", "A") is None
    assert [one.levelno for one in caplog.records if "a scene cannot be made" in one.message] in ([logging.ERROR], [])


def test_a_scene_that_is_not_utf8_and_a_large_one_raise(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "latin.tscn").write_bytes(NODE.encode() + b'x = "\xff"\n')
    with pytest.raises(SceneError, match=r"^res://latin\.tscn:3: the file is not UTF-8"):
        Scenes(project).register("res://latin.tscn")(unit())
    monkeypatch.setattr("gdpeer.project_files.files.LARGEST", 30)
    with pytest.raises(SceneError, match=r"^res://player\.tscn: cannot be read: it is larger than 30 bytes"):
        Scenes(project).register("res://player.tscn")(unit())


def test_a_path_that_leaves_the_project_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret.tscn").write_text(NODE)
    (tmp_path / "game").mkdir()
    scenes = Scenes(write(tmp_path / "game"))
    assert scenes.make("res://../secret.tscn", "A") is None


def test_billions_of_nodes_by_instances_are_refused_in_time(tmp_path: Path) -> None:
    files = {}
    for level in range(12):
        text = f'[ext_resource path="res://s{level + 1}.tscn" id="1"]\n[node name="R" type="Node"]\n'
        text += "".join(f'[node name="N{one}" parent="." instance=ExtResource("1")]\n' for one in range(10))
        files[f"s{level}__tscn"] = text
    scenes = Scenes(write(tmp_path, **files, s12__tscn=NODE))
    with pytest.raises(SceneError, match="more than 20000 nodes"):
        scenes.register("res://s0.tscn")(unit())


def test_lines_that_the_engine_refuses_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = INPUT.replace("properties/1", "properties/7")
    made = Scenes(write(tmp_path, input__tres=text)).make("res://player.tscn", "P")
    assert made is not None
    assert 'res://input.tres:7: properties/7/path = NodePath(".:aim"): there is no property 7 yet' in caplog.text


def test_a_folder_without_a_project_raises(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match=r"there is no project\.godot in this folder"):
        Scenes(tmp_path)
    with pytest.raises(SceneError):
        Scenes(str(tmp_path / "gone"))


def test_a_spawner_of_a_scene_keeps_unknown_uids_in_their_place(tmp_path: Path) -> None:
    text = NODE + (
        '[node name="S" type="MultiplayerSpawner" parent="."]\nspawn_path = NodePath("..")\n'
        '_spawnable_scenes = PackedStringArray("uid://gone", "uid://player")\n'
    )
    scenes = Scenes(write(tmp_path, main__tscn=text))
    made = scenes.make("res://main.tscn", "Main")
    assert made is not None
    SceneTree(scenes=scenes).root.add_child(made)
    spawner = made.get_node("S")
    assert isinstance(spawner, MultiplayerSpawner)
    assert spawner.spawn_path == NodePath("..")
    assert spawner.find_scene("res://player.tscn") == 1
