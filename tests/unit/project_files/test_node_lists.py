"""The nodes of scenes, in the order of the tree; the answers are the engine's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gdpeer.project_files.files import ProjectFiles
from gdpeer.project_files.node_lists import MOST_NODES, NodeList, NodeLists
from gdpeer.project_files.scenes import parse_scene
from tests.support.missing import ROOT

GOLDEN = ROOT / "tests" / "golden" / "scenes_godot4"
ANSWERS = json.loads(GOLDEN.with_suffix(".json").read_text())
HEAD = "[gd_scene format=3]\n"


def lists(folder: Path) -> NodeLists:
    files = ProjectFiles(folder)
    found = files.all()
    files.read_uids(found)
    texts = {files.name(file): files.text(file) for file in found if file.suffix == ".tscn"}
    scenes = {path: parse_scene(text or "", path, files.uids) for path, text in texts.items()}
    return NodeLists(scenes.get, files.exists)


def listed(folder: Path, **scenes: str) -> NodeList:
    """The nodes of `main`, in a project of some scenes."""
    for name, text in scenes.items():
        (folder / f"{name}.tscn").write_text(HEAD + text)
    found = lists(folder).of("res://main.tscn")
    assert found is not None
    return found


def instance(name: str, path: str, parent: str = ".", rest: str = "") -> str:
    resource = f'[ext_resource type="PackedScene" path="{path}" id="{name}"]\n'
    return f'{resource}[node name="{name}" parent="{parent}" instance=ExtResource("{name}")]\n{rest}'


@pytest.mark.parametrize("path", ANSWERS)
def test_each_scene_has_the_nodes_that_the_engine_makes(path: str) -> None:
    found = lists(GOLDEN).of(path)
    assert found is not None
    name, nodes = ANSWERS[path]
    expected = [(node[0], node[1], node[2] if node[0] else "") for node in nodes]
    if path == "res://outer.tscn":
        expected.remove(("A", "MultiplayerSynchronizer", ""))  # a path cannot tell two nodes of one name apart
    assert found.name == name
    assert [(path, node.type, node.instance) for path, node in found.nodes.items()] == expected


def test_problems_have_their_lines() -> None:
    found = lists(GOLDEN).of("res://outer.tscn")
    assert found is not None
    assert list(map(str, found.problems)) == [
        "res://outer.tscn:26: Lost has a parent that is not there: Gone/Deeper",
        "res://outer.tscn:27: A is there already: a path finds the first one",
    ]


def test_the_outermost_file_wins_and_a_reference_keeps_its_file() -> None:
    found = lists(GOLDEN).of("res://outer.tscn")
    assert found is not None
    properties = found.nodes["A/Sync"].properties
    where = {name: (str(one.value), one.scene.path) for name, one in properties.items()}
    assert where["replication_config"] == ('SubResource("c")', "res://outer.tscn")
    assert where["replication_interval"] == ("0.5", "res://sub.tscn")


def test_nodes_of_an_imported_model_are_taken_from_what_is_set_on_them(tmp_path: Path) -> None:
    (tmp_path / "model.glb").write_bytes(b"glTF")
    rest = (
        '[node name="Gun" parent="M/Arm/Hand"]\nx = 1\n[node name="Sync" type="Node" parent="M/Arm"]\n'
        '[node name="No" parent="Other"]\n'
    )
    found = listed(tmp_path, main='[node name="R" type="Node"]\n' + instance("M", "res://model.glb", rest=rest))
    assert list(found.nodes) == ["", "M", "M/Arm", "M/Arm/Hand", "M/Arm/Hand/Gun", "M/Arm/Sync"]
    assert [one.code for one in found.problems] == ["model", "missing-parent", "missing-node"]


def test_nodes_below_the_root_of_an_inherited_model_are_taken_from_what_is_set_on_them(tmp_path: Path) -> None:
    (tmp_path / "model.glb").write_bytes(b"glTF")
    main = (
        '[ext_resource type="PackedScene" path="res://model.glb" id="1"]\n[node name="R" instance=ExtResource("1")]\n'
    )
    main += '[node name="A" parent="."]\nx = 1\n[node name="C" type="Node" parent="B/D"]\n'
    found = listed(tmp_path, main=main)
    assert list(found.nodes) == ["", "A", "B", "B/D", "B/D/C"]
    assert "x" in found.nodes["A"].properties


def test_circles_and_levels_are_bounded(tmp_path: Path) -> None:
    root = '[node name="R" type="Node"]\n'
    found = listed(
        tmp_path,
        main=root + instance("A", "res://other.tscn"),
        other=root + instance("B", "res://main.tscn"),
    )
    assert [str(one) for one in found.problems] == [
        "res://other.tscn:4: B is an instance of res://main.tscn, which contains it"
    ]
    many = {f"s{one}": root + instance("A", f"res://s{one + 1}.tscn") for one in range(100)}
    found = listed(tmp_path, main=root + instance("A", "res://s0.tscn"), **many)
    assert [one.code for one in found.problems] == ["limit"]
    assert len(found.nodes) < 100


def test_an_inherited_scene_in_a_circle_has_a_root(tmp_path: Path) -> None:
    base = '[ext_resource type="PackedScene" path="res://main.tscn" id="1"]\n'
    found = listed(tmp_path, main=base + '[node name="R" instance=ExtResource("1")]\n')
    assert list(found.nodes) == [""]
    assert [one.code for one in found.problems] == ["cycle"]


def test_many_nodes_and_long_paths_are_cut(tmp_path: Path) -> None:
    root = '[node name="R" type="Node"]\n'
    flat = "".join(f'[node name="N{one}" type="Node" parent="."]\n' for one in range(MOST_NODES + 10))
    found = listed(tmp_path, main=root + flat)
    assert len(found.nodes) == MOST_NODES + 1
    assert [one.code for one in found.problems] == ["limit"]
    long = "".join(
        f'[node name="{"x" * 300}" type="Node" parent="{"/".join(["x" * 300] * depth) or "."}"]\n'
        for depth in range(20)
    )
    found = listed(tmp_path, main=root + long)
    assert max(map(len, found.nodes)) < 2000


def test_a_node_is_left_out_if_its_scene_is_unknown_or_not_there(tmp_path: Path) -> None:
    main = '[node name="R" type="Node"]\n[node name="A" parent="." instance=ExtResource("gone")]\n'
    found = listed(tmp_path, main=main + instance("B", "res://gone.tscn"))
    assert list(found.nodes) == ["", "A"]
    assert [one.text for one in found.problems] == [
        "the nodes of A cannot be known: its scene is unknown",
        "res://gone.tscn cannot be read: its nodes are unknown",
    ]


def test_paths_become_no_longer_by_instances(tmp_path: Path) -> None:
    root = f'[node name="{"x" * 300}" type="Node"]\n'
    scenes = {f"s{one}": root + instance("N" * 300, f"res://s{one + 1}.tscn") for one in range(20)}
    found = listed(tmp_path, main=root + instance("A", "res://s0.tscn"), **scenes)
    assert max(map(len, found.nodes)) <= 2000
    assert "limit" in {one.code for one in found.problems}


def test_a_problem_of_a_scene_that_is_instanced_often_is_reported_once(tmp_path: Path) -> None:
    inner = '[node name="R" type="Node"]\n[node name="No" parent="."]\n'
    main = '[node name="R" type="Node"]\n' + instance("A", "res://inner.tscn")
    main += "".join(f'[node name="B{one}" parent="." instance=ExtResource("A")]\n' for one in range(5))
    found = listed(tmp_path, main=main, inner=inner)
    assert [str(one) for one in found.problems] == ["res://inner.tscn:3: No changes a node that is not there"]
