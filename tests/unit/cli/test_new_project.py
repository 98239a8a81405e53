"""The files of a new project: all or nothing, and no name of a template is left."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from gdpeer.cli.new_project import EXISTING, FOLDER, TEMPLATES, TOKEN, Project, files_of, write_files

MORE = {"GAME_NAMES": "SceneTree", "GAME_SCENES": ""}


@pytest.mark.parametrize("template", [*TEMPLATES, EXISTING])
def test_all_names_are_replaced(template: str) -> None:
    files = files_of(Project("my-game", template, tokens=MORE))
    for path, text in files.items():
        assert not TOKEN.search(text), path
    assert {"README.md", "server.py", ".gitignore", "tests/test_server.py", "Dockerfile"} <= files.keys()
    assert ("serve.py" in files) is (template != "rooms")
    assert ("game/project.godot" in files) is (template != EXISTING)
    assert tomllib.loads(files["pyproject.toml"])["project"]["name"] == "my-game"
    compile(files["server.py"], "server.py", "exec")


def test_every_folder_of_templates_is_used() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {*TEMPLATES, EXISTING, "shared"}


def test_a_failure_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Path, *arguments: object, **words: object) -> None:
        raise OSError("full")

    monkeypatch.setattr(Path, "write_text", fail)
    with pytest.raises(OSError, match="full"):
        write_files(tmp_path / "game", {"a": "1"})
    assert os.listdir(tmp_path) == []


def test_what_exists_is_kept(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    for name in ("link", "full"):
        with pytest.raises(FileExistsError):
            write_files(tmp_path / name, {"a": "1"})
    assert (tmp_path / "full" / "mine").read_text() == "mine"


def test_the_folder_has_the_rights_of_other_new_folders(tmp_path: Path) -> None:
    write_files(tmp_path / "game", {"a/b": "1"})
    (tmp_path / "other").mkdir()
    assert (tmp_path / "game").stat().st_mode == (tmp_path / "other").stat().st_mode
    assert (tmp_path / "game" / "a" / "b").read_text() == "1"
