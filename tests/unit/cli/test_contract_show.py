"""`gdpeer contract show`: all methods of a source, as text, JSON or annotations."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.commands import run_here

SCENE = """\
[gd_scene format=3]
[ext_resource type="Script" path="res://main.gd" id="1"]
[ext_resource type="Script" path="res://leaf.gd" id="2"]
[node name="Main" type="Node"]
script = ExtResource("1")
"""


@pytest.fixture
def game(tmp_path: Path) -> Path:
    (tmp_path / "project.godot").write_text(
        'config_version=5\n[application]\nrun/main_scene="res://main.tscn"\n[autoload]\nGone="*res://gone.tscn"\n'
    )
    leaves = "".join(f'[node name="L{one}" type="Node" parent="."]\nscript = ExtResource("2")\n' for one in range(10))
    (tmp_path / "main.tscn").write_text(SCENE + leaves)
    (tmp_path / "main.gd").write_text('extends Base\n@rpc("any_peer", "call_local", "unreliable", 2) func m(): pass\n')
    (tmp_path / "base.gd").write_text("class_name Base extends Node\n@rpc func b(): pass\n")
    (tmp_path / "leaf.gd").write_text("extends Node\n@rpc func l(): pass\n")
    (tmp_path / "bad.gd").write_text("@rpc var x\n")
    return tmp_path


def show(folder: Path, *options: str) -> list[str]:
    result = run_here("contract", "show", str(folder), *options)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout.splitlines()


def test_the_text(game: Path) -> None:
    lines = show(game)
    assert lines[0].startswith("Main  (res://main.gd, main scene)  ")
    assert lines[0].split()[-2] == "checksum"
    assert [line.split() for line in lines[1:3]] == [
        ["0", "b()", "authority", "reliable", "base.gd:2", "from", "res://base.gd"],
        ["1", "m()", "any_peer", "call_local", "unreliable", "channel", "2", "main.gd:2"],
    ]
    assert "Main/L0, Main/L1" in lines[3]
    assert "Main/L7 and 2 more  (res://leaf.gd, main scene)" in lines[3]
    assert lines[5].startswith("res://base.gd  (class Base, path not in the files)")
    assert lines[7:10] == [
        "4 methods, 3 tables, 2 with a known path. 1 error, 1 warning:",
        "  bad.gd:1: error: parse: @rpc stands before var",
        "  gone.tscn: warning: unknown-nodes: cannot be read: the nodes of the autoload are unknown",
    ]
    assert lines[10].startswith("Not in the files: ")


@pytest.mark.parametrize(
    ("options", "heads"),
    [
        (["--path", "Main"], ["Main"]),
        (["--path", "Main/*"], ["Main/L0,"]),
        (["--method", "m"], ["Main"]),
        (["--method", "[ml]"], ["Main", "Main/L0,"]),
        (["--method", "b", "--path", "Main*"], ["Main"]),
        (["--path", "Nothing"], []),
    ],
)
def test_a_selection(game: Path, options: list[str], heads: list[str]) -> None:
    assert [line.split()[0] for line in show(game, *options) if "checksum" in line] == heads


def test_json(game: Path) -> None:
    content = json.loads("\n".join(show(game, "--json")))
    assert [one["id"] for one in content["tables"]] == ["res://base.gd", "res://leaf.gd", "res://main.gd"]
    assert len(content["places"]) == 11


def test_annotations_of_problems(game: Path) -> None:
    assert show(game, "--github")[0] == f"::error file={game}/bad.gd,line=1::parse: @rpc stands before var"
    assert show(game, "--format", "github") == show(game, "--github")
