"""The names of scenes and properties, read from a project."""

from __future__ import annotations

from pathlib import Path

import pytest

from gdpeer.inspection.method_names import MethodNames, load_tables
from gdpeer.inspection.scene_names import SceneNames, Spawner, Synchronizer
from gdpeer.inspection.scene_reading import read_scene_tables
from tests.support.engines import FIXTURES
from tests.unit.inspection.test_decoding_replication import said

FIXTURE = FIXTURES / "godot4"

UNIT = """[gd_scene format=3 uid="uid://unit"]

[sub_resource type="SceneReplicationConfig" id="1"]
properties/0/path = NodePath(".:position")
properties/0/spawn = true
properties/0/replication_mode = 1
properties/1/path = NodePath("Turret:rotation")
properties/1/spawn = false
properties/1/replication_mode = 2
properties/2/path = NodePath(":title")
properties/2/spawn = true
properties/2/replication_mode = 0

[node name="Unit" type="Node2D"]

[node name="Turret" type="Node2D" parent="."]

[node name="Sync" type="MultiplayerSynchronizer" parent="."]
replication_config = SubResource("1")

[node name="Own" type="MultiplayerSynchronizer" parent="Turret"]

[node name="Far" type="MultiplayerSynchronizer" parent="Turret"]
root_path = NodePath("../..")
"""

MAIN = """[gd_scene format=3]

[node name="Main" type="Node"]

[node name="Units" type="Node" parent="."]

[node name="Spawner" type="MultiplayerSpawner" parent="."]
_spawnable_scenes = PackedStringArray("uid://unit", "res://gone.tscn")
spawn_path = NodePath("../Units")

[node name="Root" type="MultiplayerSpawner" parent="."]
spawn_path = NodePath("/root/World")

[node name="Late" type="MultiplayerSpawner" parent="."]
"""

PROJECT = """config_version=5

[application]

run/main_scene="res://main.tscn"

[autoload]

Net="*res://other.tscn"
"""

FILES = {"project.godot": PROJECT, "unit.tscn": UNIT, "main.tscn": MAIN, "other.tscn": MAIN, "a.tscn": MAIN}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a project."""
    folder = tmp_path / "game"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder


def test_synchronizers_have_the_names_of_their_properties(project: Path) -> None:
    tables, problems = read_scene_tables(project)
    assert problems == []
    [unit] = [table for table in tables if table.scene == "res://unit.tscn"]
    sync = Synchronizer("Sync", ("position", "title"), ("position",), ("Turret:rotation",))
    far = Synchronizer("Turret/Far", (), (), ())
    assert unit.synchronizers == {"Sync": sync, "Turret/Own": Synchronizer("Turret/Own", (), (), ()), "Turret/Far": far}
    assert set(unit.of_root) == {sync, far}
    assert unit.root == "Unit"


def test_spawners_have_their_scenes_and_the_parent_of_the_nodes(project: Path) -> None:
    tables, _ = read_scene_tables(project)
    assert [(table.scene, table.root) for table in tables[:2]] == [
        ("res://main.tscn", "Main"),
        ("res://other.tscn", "Net"),
    ]
    assert tables[0].spawners["Spawner"].scenes == ("res://unit.tscn", "res://gone.tscn")
    names = SceneNames(tables)
    assert names.spawned("Main/Spawner", {}, 0, "U1") == ("res://unit.tscn", "Main/Units/U1")
    assert names.spawned("Net/Spawner", {}, 1, "U1") == ("res://gone.tscn", "Net/Units/U1")
    assert names.spawned("Main/Spawner", {}, 2, "U1") == ("", "Main/Units/U1")
    assert names.spawned("Main/Root", {}, 0, "U1") == ("", "World/U1")
    assert names.spawned("Main/Late", {}, 0, "U1") == ("", "")
    assert tables[0].spawners["Late"] == Spawner("", ())


def test_a_damaged_scene_is_a_problem_and_the_others_have_names(project: Path) -> None:
    (project / "bad.tscn").write_text('[node name="A" type="Node"]\nname = "open\n')
    tables, problems = read_scene_tables(project)
    assert len(problems) == 1
    assert problems[0].startswith("res://bad.tscn:")
    assert len({table.scene for table in tables}) == 4


def test_a_project_is_a_source_of_names_even_without_scripts(project: Path) -> None:
    found = load_tables(str(project))
    assert (found.tables, found.problems) == ([], [])
    assert {table.scene for table in found.scenes} == {f"res://{name}.tscn" for name in ("unit", "main", "other", "a")}
    assert load_tables(str(project.parent)).scenes == found.scenes  # a folder that holds projects


def test_scenes_without_replication_are_no_names(tmp_path: Path) -> None:
    (tmp_path / "project.godot").write_text("config_version=5\n")
    (tmp_path / "main.tscn").write_text('[gd_scene format=3]\n\n[node name="Main" type="Node"]\n')
    with pytest.raises(ValueError, match="has no methods for RPC"):
        load_tables(str(tmp_path))


def test_an_engines_session_with_the_names_of_its_project() -> None:
    found = load_tables(str(FIXTURE))
    names = MethodNames(found.tables, SceneNames(found.scenes))
    lines = said("basics", names)
    assert lines[:2] == ["Main/Board/Sync(clock = 0)", "Main/Board/Sync(score = 0, notes = {})"]
    assert (
        "Main/Spawner res://rep_unit.tscn, net id 1, synchronizers 2 3: Main/Units/U1(position = Vector2(1, 2), "
        'Turret:rotation = 0.0, health = 100, title = "made U1", motion:y = 0.0)' in lines
    )
    assert 'Main/Units/U1/Sync(health = 80, items = ["sword"])' in lines
    assert "Main/Units/1735868288/Input(motion:y = 4.0)" in said("players", names)
    assert "Main/Units/Nest/Eggs/Egg(color = Color(1, 0, 0, 1))" in " ".join(said("nest", names))
    assert (
        "Main/ShotSpawner res://rep_egg.tscn, net id 1, synchronizers 2: Main/Shots/Shot(color = Color(1, 1, 1, 1))"
        in said("shots", names)
    )
