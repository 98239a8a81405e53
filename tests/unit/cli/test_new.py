"""`gdpeer new`: the command line, and the server for a game that exists."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gdpeer.cli.new_project import TEMPLATES
from gdpeer.contract import compare, read
from tests.support.commands import run_here
from tests.support.missing import ROOT

GAME = ROOT / "tests" / "interop" / "stubs_godot4"
BOMBER = ROOT / "tests" / "interop" / "bomber_godot4"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
    sys.modules.pop("game_base", None)  # of a server that was read: other tests have a module of this name


def errors(game: str, server: str) -> list[str]:
    return [str(one) for one in compare(read(game), read(server)) if one.level == "error"]


@pytest.mark.parametrize("template", TEMPLATES)
def test_game_and_server_of_a_template_have_the_same_methods(template: str, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run_here("new", f"my-{template}", "--template", template)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines()[0] == f"my-{template} is made. Next:"
    folder = Path(f"my-{template}")
    assert compare(read(str(folder / "game")), read(f"{folder}/server.py:make_tree")) == []


def test_the_next_steps() -> None:
    steps = run_here("new", "arena").stdout.splitlines()
    assert [step.split("  ")[1].strip() for step in steps[1:]] == [
        "cd arena",
        "python serve.py",
        "godot --path game",
        "python -m pytest",
    ]
    assert (Path("arena") / ".github" / "workflows" / "test.yml").is_file()
    assert "# Arena\n" in (Path("arena") / "README.md").read_text()
    assert "gdpeer serve server:Arena" in run_here("new", "rooms", "--template", "rooms").stdout


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("9x",), "NAME: '9x' is no name"),
        (("a b",), "is no name"),
        (("../..",), "is no name"),
        (("x" * 61,), "is no name"),
        (("gdpeer",), "is no name"),
        (("full",), "full exists already, and is not empty"),
        (("file",), "file exists already"),
        (("ok", "--template", "mmo"), "--template: expected chat, turns, realtime or rooms, got 'mmo'"),
        (("ok", "--godot", "."), ". has no project.godot"),
        (("ok", "--godot", str(GAME), "--template", "chat"), "cannot be used together"),
        (("ok", "--godot", "empty"), "'empty' has no RPC methods"),
        (("ok", "--godot", "old"), "for Godot 3"),
        (("ok", "--godot", 'a"b'), "cannot name the path"),
    ],
)
def test_a_wrong_call_makes_nothing(words: tuple[str, ...], reason: str) -> None:
    for name, text in {"empty": "config_version=5\n", "old": "config_version=4\n"}.items():
        Path(name).mkdir()
        Path(name, "project.godot").write_text(text)
    Path("old", "main.gd").write_text("extends Node\nremote func m():\n\tpass\n")
    shutil.copytree(GAME, 'a"b')
    Path("full").mkdir()
    Path("full", "x").touch()
    Path("file").touch()
    before = sorted(os.listdir())
    result = run_here("new", *words)
    assert result.returncode == 2
    assert reason in result.stderr
    assert result.stdout == ""
    assert sorted(os.listdir()) == before


def test_an_empty_folder_is_filled_and_a_path_is_made() -> None:
    Path("here").mkdir()
    assert run_here("new", "here").returncode == 0
    assert Path("here", "server.py").is_file()
    assert run_here("new", "a/b/there").returncode == 0
    assert Path("a", "b", "there", "game", "main.gd").is_file()
    assert os.listdir(Path("a", "b")) == ["there"]


@pytest.mark.parametrize("game", [GAME, BOMBER], ids=["calls", "replication"])
def test_a_server_for_a_game_that_exists(game: Path) -> None:
    result = run_here("new", "server", "--godot", str(game))
    assert result.returncode == 0
    text = Path("server", "server.py").read_text()
    assert ("Scenes(" in text) is (game is BOMBER)
    assert not Path("server", "game").exists()
    seen = os.path.relpath(game, Path.cwd() / "server")
    assert f"godot --path {seen}" in result.stdout
    assert f"gdpeer contract python {seen} -o game_base.py" in Path("server", "README.md").read_text()
    assert errors("server/game.json", str(game)) == []
    assert str(game.parent) not in Path("server", "game.json").read_text()


def test_the_path_of_a_game_may_have_spaces() -> None:
    shutil.copytree(GAME, "my game")
    assert 'godot --path "../my game"' in run_here("new", "server", "--godot", "my game").stdout
    assert 'contract show "../my game" --json' in Path("server", "README.md").read_text()


def test_the_server_of_a_game_is_checked_without_the_game() -> None:
    shutil.copytree(GAME, "game")
    assert run_here("new", "server", "--godot", "game").returncode == 0
    shutil.rmtree("game")
    assert "contract check game.json server.py:make_tree" in Path("server", ".github/workflows/test.yml").read_text()
    assert errors("server/game.json", "server/server.py:make_tree") == []


def test_a_game_on_another_drive_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*paths: object) -> str:
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    monkeypatch.setattr("gdpeer.cli.new.os.path.relpath", fail)
    result = run_here("new", "server", "--godot", str(GAME))
    assert (result.returncode, "same drive" in result.stderr) == (2, True)
