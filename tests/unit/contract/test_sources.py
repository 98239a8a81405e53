"""`read`: every kind of source, and one sentence for each that cannot be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gdpeer.contract import Contract, contract_to_json, file_on_disk, read

BASE = "class_name Base extends Node\n@rpc func b(): pass\n"
MAIN = "extends Base\n@rpc func m(): pass\n"


@pytest.fixture
def game(tmp_path: Path) -> Path:
    folder = tmp_path / "game"
    (folder / "sub").mkdir(parents=True)
    (folder / "project.godot").write_text('config_version=5\n[autoload]\nNet="*res://sub/main.gd"\n')
    (folder / "base.gd").write_text(BASE)
    (folder / "sub" / "main.gd").write_text(MAIN)
    (folder / "bad.gd").write_text("@rpc var x\n")
    return folder


def names(contract: Contract) -> dict[str, tuple[str, ...]]:
    return {one.id: one.names for one in contract.tables}


def test_a_folder(game: Path) -> None:
    found = read(str(game))
    assert names(found) == {"res://base.gd": ("b",), "res://sub/main.gd": ("b", "m")}
    assert [one.path for one in found.places] == ["Net"]
    assert found.source == str(game)


def test_a_script_of_a_project_has_the_methods_of_its_bases(game: Path) -> None:
    found = read(str(game / "sub" / "main.gd"))
    assert names(found) == {"res://sub/main.gd": ("b", "m")}
    assert [one.path for one in found.places] == ["Net"]
    assert found.problems == ()
    assert file_on_disk(found, "res://base.gd") == (game / "base.gd").as_posix()


def test_a_script_alone_sees_the_scripts_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "base.gd").write_text(BASE)
    (tmp_path / "main.gd").write_text(MAIN)
    found = read(str(tmp_path / "main.gd"))
    assert names(found) == {"res://main.gd": ("b", "m")}
    assert found.engine == 4
    assert file_on_disk(found, "res://base.gd") == (tmp_path / "base.gd").as_posix()


def test_a_saved_contract(game: Path, tmp_path: Path) -> None:
    saved = tmp_path / "game.json"
    saved.write_text(contract_to_json(read(str(game))))
    assert read(str(saved)) == read(str(game))


def test_the_engine_can_be_given(game: Path) -> None:
    assert (read(str(game)).engine, read(str(game), engine=3).engine) == (4, 3)


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("sub", ["res://base.gd"]),
        ("sub/", ["res://base.gd"]),
        ("su*", ["res://base.gd"]),
        ("*.gd", []),
        ("base.gd", []),
        ("game", ["res://base.gd", "res://sub/main.gd"]),
    ],
)
def test_files_can_be_left_out(game: Path, pattern: str, left: list[str]) -> None:
    found = [one.id for one in read(str(game), exclude=[pattern]).tables]
    # Without its base, main.gd has its own methods: `Base` may be a class of an extension.
    assert found == (left or (["res://sub/main.gd"] if pattern == "base.gd" else []))


def test_a_root_below_the_tree(game: Path) -> None:
    (game / "lobby.tscn").write_text(
        '[gd_scene format=3]\n[ext_resource type="Script" path="res://base.gd" id="1"]\n'
        '[node name="Root" type="Node"]\n[node name="Kid" type="Node" parent="."]\nscript = ExtResource("1")\n'
    )
    (game / "project.godot").write_text('[autoload]\nNet="*res://sub/main.gd"\nLobby="*res://lobby.tscn"\n')
    for root in ("Lobby", "/root/Lobby", "/root/Lobby/"):
        found = read(str(game), root=root)
        assert [one.path for one in found.places] == ["Kid"]
        assert list(names(found)) == ["res://base.gd"]
    assert read(str(game), root="/root") == read(str(game))


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("", "expected a project, a file or a module, got nothing"),
        (" ", "expected a project, a file or a module, got nothing"),
        ("{folder}", "{folder} has no project.godot: expected the folder of a Godot project"),
        ("{folder}/gone.gd", "cannot read {folder}/gone.gd: No such file or directory"),
        ("{folder}/gone.json", "cannot read {folder}/gone.json: No such file or directory"),
        ("{folder}/bad.json", "{folder}/bad.json is not JSON: "),
        ("{folder}/bytes.json", "{folder}/bytes.json 'utf-8' codec"),
        ("{folder}/x.gd/" + "y" * 300 + ".gd", "cannot read {folder}/x.gd/"),
    ],
)
def test_a_source_that_cannot_be_read(tmp_path: Path, source: str, reason: str) -> None:
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "bytes.json").write_bytes(b"\xff")
    with pytest.raises(ValueError, match="^" + re.escape(reason.replace("{folder}", str(tmp_path)))):
        read(source.replace("{folder}", str(tmp_path)))


def test_a_saved_contract_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gdpeer.contract.sources.LARGEST", 3)
    (tmp_path / "x.json").write_text("{    }")
    with pytest.raises(ValueError, match="is larger than 3 bytes"):
        read(str(tmp_path / "x.json"))


def test_files_of_other_sources_keep_their_names(game: Path, tmp_path: Path) -> None:
    found = read(str(game))
    assert file_on_disk(found, "res://main.tscn::GDScript_1") == (game / "main.tscn").as_posix()
    assert file_on_disk(found, "server.py") == "server.py"
    (tmp_path / "x.json").write_text('{"format": 1, "source": "game.json"}')
    assert file_on_disk(read(str(tmp_path / "x.json")), "res://main.gd") == "res://main.gd"
