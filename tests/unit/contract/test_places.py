"""Places of spawners, of scenes that code adds, and of what they hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from gdpeer.contract import Contract
from gdpeer.contract.project import read_project


def scene(root: str, *nodes: str, script: str = "", **resources: str) -> str:
    """A scene; resources are paths by id."""
    text = "[gd_scene format=3]\n"
    for id_, path in {**resources, **({"script": script} if script else {})}.items():
        text += f'[ext_resource type="Resource" path="res://{path}" id="{id_}"]\n'
    text += f'[node name="{root}" type="Node"]\n' + ('script = ExtResource("script")\n' if script else "")
    return text + "".join(f"{node}\n" for node in nodes)


def spawner(name: str, path: str, *scenes: str) -> str:
    listed = ", ".join(f'"{one}"' for one in scenes)
    return (
        f'[node name="{name}" type="MultiplayerSpawner" parent="."]\n'
        f'_spawnable_scenes = PackedStringArray({listed})\nspawn_path = NodePath("{path}")\n'
    )


def kid(name: str, resource: str = "script", parent: str = ".") -> str:
    return f'[node name="{name}" type="Node" parent="{parent}"]\nscript = ExtResource("{resource}")\n'


def read(folder: Path, **scenes: str) -> Contract:
    (folder / "project.godot").write_text('config_version=5\n[application]\nrun/main_scene="res://main.tscn"\n')
    (folder / "one.gd").write_text("extends Node\n@rpc func m(): pass\n")
    (folder / "two.gd").write_text("extends Node\n@rpc func n(): pass\n")
    (folder / "plain.gd").write_text("extends Node\n")
    for name, text in scenes.items():
        (folder / f"{name}.tscn").write_text(text)
    return read_project(folder)


def places(contract: Contract, *hows: str) -> list[tuple[str, str, str]]:
    """Path, script and the word for each place that is not of the main scene."""
    return [(one.path, (one.table or "").removeprefix("res://"), one.how) for one in contract.places if one.how in hows]


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("../Players", "Main/Players"),
        ("..", "Main"),
        (".", "Main/Spawner"),
        ("Inner", "Main/Spawner/Inner"),
        ("/root/Elsewhere", "Elsewhere"),
    ],
)
def test_a_spawned_node_has_a_star_for_its_name(tmp_path: Path, path: str, target: str) -> None:
    player = scene("Player", kid("Gun", "two"), script="one.gd", two="two.gd")
    found = read(tmp_path, main=scene("Main", spawner("Spawner", path, "res://player.tscn")), player=player)
    assert places(found, "spawner", "scene") == [
        (f"{target}/*", "one.gd", "spawner"),
        (f"{target}/*/Gun", "two.gd", "spawner"),
    ]


@pytest.mark.parametrize(
    "path", ["", "%Unique", "../../../Far", "Bad\\"], ids=["nothing", "unique", "above the root", "escape"]
)
def test_a_spawner_whose_target_is_unknown_tells_nothing(tmp_path: Path, path: str) -> None:
    player = scene("Player", script="one.gd")
    found = read(tmp_path, main=scene("Main", spawner("Spawner", path, "res://player.tscn")), player=player)
    assert places(found, "spawner") == []


def test_spawners_in_spawned_scenes(tmp_path: Path) -> None:
    player = scene(
        "Player", spawner("Shots", "..", "res://shot.tscn", "player.tscn", "res://gone.tscn"), script="one.gd"
    )
    main = scene("Main", spawner("Spawner", "..", "res://player.tscn"))
    found = read(tmp_path, main=main, player=player, shot=scene("Shot", script="two.gd"))
    spawned = places(found, "spawner")
    assert spawned[:4] == [
        ("Main/*", "one.gd", "spawner"),
        ("Main/*/Shots", "", "spawner"),
        ("Main/*/*", "two.gd", "spawner"),
        ("Main/*/*", "one.gd", "spawner"),
    ]
    assert len(spawned) < 40  # a scene that spawns itself ends


def test_spawnable_scenes_by_uid(tmp_path: Path) -> None:
    player = scene("Player", script="one.gd").replace("[gd_scene format=3]", '[gd_scene format=3 uid="uid://p1"]')
    found = read(tmp_path, main=scene("Main", spawner("Spawner", "..", "uid://p1")), player=player)
    assert places(found, "spawner") == [("Main/*", "one.gd", "spawner")]


@pytest.mark.parametrize("value", ["3", "[", "Vector2(1", '["x.tscn"]'])
def test_spawnable_scenes_that_are_no_scenes(tmp_path: Path, value: str) -> None:
    text = spawner("Spawner", "..").replace("PackedStringArray()", value)
    assert places(read(tmp_path, main=scene("Main", text)), "spawner") == []


def test_scenes_that_code_adds(tmp_path: Path) -> None:
    outer = scene("Outer", kid("Plain", "plain"), kid("Deep", "script", "Plain"), script="one.gd", plain="plain.gd")
    holder = scene("Holder", '[node name="In" parent="." instance=ExtResource("inner")]\n', inner="inner.tscn")
    found = read(
        tmp_path,
        main=scene("Main", '[node name="Used" parent="." instance=ExtResource("used")]\n', used="used.tscn"),
        used=scene("Used", script="one.gd"),
        outer=outer,
        holder=holder,
        inner=scene("Inner", script="two.gd"),
        nothing=scene("Nothing"),
    )
    assert places(found, "scene") == [
        ("?/Holder/In", "two.gd", "scene"),
        ("?/Outer", "one.gd", "scene"),
        ("?/Outer/Plain/Deep", "one.gd", "scene"),
    ]
    [first, *_] = [one for one in found.places if one.how == "scene"]
    assert (first.scene, first.file, first.line) == ("res://holder.tscn", "res://inner.tscn", 4)


def test_places_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gdpeer.contract.places.MOST_PLACES", 5)
    main = scene("Main", *(kid(f"N{one}") for one in range(9)), script="one.gd")
    assert len(read(tmp_path, main=main, other=scene("Other", script="one.gd")).places) == 5
