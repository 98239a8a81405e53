"""`gdpeer new`: the command line, and the server for a game that exists."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gdpeer.cli.new_project import TEMPLATES
from gdpeer.contract import compare, read
from tests.support.commands import run_here
from tests.support.missing import ROOT

GAME = ROOT / "tests" / "interop" / "stubs_godot4"
BOMBER = ROOT / "tests" / "interop" / "bomber_godot4"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


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
        (("full",), "full exists already, and is not empty"),
        (("file",), "file exists already"),
        (("ok", "--template", "mmo"), "--template: expected chat, turns, realtime or rooms, got 'mmo'"),
        (("ok", "--godot", "."), ". has no project.godot"),
        (("ok", "--godot", str(GAME), "--template", "chat"), "cannot be used together"),
        (("ok", "--godot", "empty"), "'empty' has no RPC methods"),
        (("ok", "--godot", "old"), "for Godot 3"),
    ],
)
def test_a_wrong_call_makes_nothing(words: tuple[str, ...], reason: str) -> None:
    for name, text in {"empty": "config_version=5\n", "old": "config_version=4\n"}.items():
        Path(name).mkdir()
        Path(name, "project.godot").write_text(text)
    Path("old", "main.gd").write_text("extends Node\nremote func m():\n\tpass\n")
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
    assert f"gdpeer contract check {seen} server.py:make_tree" in Path("server", "README.md").read_text()
