"""How long it takes to read a large project, and texts that are made to take long."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from gdpeer.contract import Contract, read
from tests.support.growth import grows_below

MOST = 2.0
"""Seconds of the processor for one hostile file."""

SCRIPT = """{head}

enum State {{ IDLE, RUNNING = 5, DONE }}

@export var speed := 3.5
var names: Array[String] = ["a", "b"]

@rpc("any_peer", "unreliable_ordered")
func move{number}(to: Vector2, state: State = State.IDLE, keys: Array[int] = []) -> void:
	position = to  # not a declaration: func x(): pass
	for one in keys:
		if one > 3 and names.size() < 5:
			names.append("text with 'quotes' and [brackets] %d" % one)
			print(one, self, {{"a": [1, 2, 3], "b": Vector2(1, 2)}})


func _process(delta: float) -> void:
	var text := \"\"\"@rpc func fake(): pass\"\"\"
	match text:
		"a":
			pass
		_:
			move{number}.rpc_id(1, Vector2.ZERO)
""" + "".join(f"\n\nfunc helper{one}(a: int, b := {one}) -> int:\n\treturn a * b + {one}\n" for one in range(12))

SCENE = """[gd_scene load_steps=3 format=3]

[ext_resource type="Script" path="res://s{number}.gd" id="1"]

[sub_resource type="RectangleShape2D" id="2"]
size = Vector2(3, 4)

[node name="Root" type="Node2D"]
script = ExtResource("1")
""" + "".join(
    f'\n[node name="Child{one}" type="Sprite2D" parent="."]\nposition = Vector2({one}, 2)\n' for one in range(20)
)


def write_project(folder: Path, scripts: int, scenes: int) -> Path:
    folder.mkdir()
    (folder / "project.godot").write_text('config_version=5\n[application]\nrun/main_scene="res://s0.tscn"\n')
    for number in range(scripts):
        base = "Node2D" if number % 5 == 0 else f"Class{number - 1}"
        head = f"class_name Class{number} extends {base}"
        (folder / f"s{number}.gd").write_text(SCRIPT.format(head=head, number=number))
    for number in range(scenes):
        (folder / f"s{number}.tscn").write_text(SCENE.replace("{number}", str(number)))
    return folder


def measured(folder: Path) -> tuple[float, Contract]:
    """Returns the processor's seconds of a reading, and the contract."""
    begin = time.process_time()
    found = read(str(folder))
    return time.process_time() - begin, found


def test_470_scripts_and_123_scenes_take_less_than_3_seconds_and_a_tenth_a_tenth(tmp_path: Path) -> None:
    folders = {47: write_project(tmp_path / "few", 47, 12), 470: write_project(tmp_path / "many", 470, 123)}
    many, found = measured(folders[470])
    assert len(found.tables) == 470
    assert len(found.tables[4].methods[0].arguments) == 3
    assert not found.problems
    assert many < 3
    assert grows_below(12, lambda scripts: measured(folders[scripts])[0], 47, 470)


HOSTILE = {
    "quotes": "'\"\\" * 200_000,
    "brackets": "var x = " + "[" * 200_000,
    "long string": 'var x = "' + "x" * 5_000_000 + '"',
    "rpc_config within rpc_config": "func f():\n\t" + "rpc_config(" * 20_000,
    "constants in a row": "".join(f"const C{one} = C{one + 1}\n" for one in range(10_000)),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_script_takes_2_seconds_at_most(text: str, tmp_path: Path) -> None:
    folder = write_project(tmp_path / "game", 1, 1)
    (folder / "bad.gd").write_text(f"extends Node\n@rpc func m(): pass\n{text}\n")
    took, found = measured(folder)
    assert took < MOST
    assert "res://s0.gd" in {table.id for table in found.tables}
    assert all(problem.file == "res://bad.gd" for problem in found.problems)


def test_scenes_that_instance_each_other_are_a_problem(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "game", 1, 0)
    for one, other in (("s0", "b"), ("b", "s0")):
        (folder / f"{one}.tscn").write_text(
            f'[gd_scene format=3]\n[ext_resource type="PackedScene" path="res://{other}.tscn" id="1"]\n'
            '[node name="Root" type="Node"]\n[node name="Other" parent="." instance=ExtResource("1")]\n'
        )
    took, found = measured(folder)
    assert took < MOST
    assert found.problems
