"""`ProjectFiles`: finds and reads the text files of a Godot project on the disk.

    files = ProjectFiles(Path("game"))
    for file in files.all():
        text = files.text(file)

The content of a file never raises an error: `problems` holds each file that cannot be read.

Layer: `project_files`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from gdpeer.project_files.problem import Problem
from gdpeer.project_files.text_resource import Section, read_sections

__all__ = ["LARGEST", "PROJECT", "ProjectFiles", "engine_of"]

PROJECT = "project.godot"
IGNORE = ".gdignore"
LARGEST = 64 * 1024 * 1024
"""Most bytes of a file; a larger file is a problem and is not read."""

_HEAD = 4096
"""Bytes of a file in which its uid is searched."""

_ENGINE_3 = 4
"""`config_version` of Godot 3; Godot 4 has 5."""

_UIDS = {
    ".tscn": re.compile(r'\ufeff?\[gd_scene[^\n]*?\buid="(uid://\w+)"'),
    ".tres": re.compile(r'\ufeff?\[gd_resource[^\n]*?\buid="(uid://\w+)"'),
    ".import": re.compile(r'\[remap\][^\[]*?^uid="(uid://\w+)"', re.MULTILINE),
    ".uid": re.compile(r"\s*(uid://\w+)\s*$"),
}
"""Where the uid of a file stands: in its first lines, or in a file beside it with one more suffix."""
_BESIDE = (".import", ".uid")


class ProjectFiles:
    """The files of a project.

    Args:
        folder: the folder of `res://`.

    Attributes:
        problems: files that cannot be read.
        uids: from `uid://` to the path of the file, once `read_uids` was called.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problems: list[Problem] = []
        self.uids: dict[str, str] = {}

    def all(self) -> list[Path]:
        """Returns all files, sorted.

        As the engine does, leaves out folders whose name begins with a dot, folders with a `.gdignore`, and projects
        within the project.
        """
        return sorted(self._walk())

    def _walk(self) -> Iterator[Path]:
        """Yields all files of the project. Follows links, but enters each folder once."""
        seen: set[str] = set()
        for name, folders, files in os.walk(self.folder, followlinks=True):
            here = Path(name)
            real = os.path.realpath(name)
            # The engine treats a folder with a `project.godot` as a project of its own.
            is_other = here != self.folder and PROJECT in files
            # Links can lead back to a folder, which would never end.
            if real in seen or is_other or IGNORE in files:
                folders.clear()
                continue
            seen.add(real)
            folders[:] = [inner for inner in folders if not inner.startswith(".")]
            yield from (here / file for file in files)

    def name(self, file: Path) -> str:
        """Returns the path of a file as `res://`."""
        return f"res://{file.relative_to(self.folder).as_posix()}"

    def exists(self, name: str) -> bool:
        """Tells whether there is a file at a path in `res://`."""
        return (self.folder / name.removeprefix("res://")).exists()

    def text(self, file: Path) -> str | None:
        """Returns the text of a file; None, and a problem, if it cannot be read."""
        name = self.name(file)
        try:
            if not file.is_file():
                raise OSError("it is no file")
            if file.stat().st_size > LARGEST:
                raise OSError(f"it is larger than {LARGEST} bytes")
            return file.read_bytes().decode("utf-8")
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            self.problems.append(Problem("unreadable", name, line, "the file is not UTF-8"))
        except OSError as error:
            self.problems.append(Problem("unreadable", name, 0, f"cannot be read: {error.strerror or error}"))
        return None

    def settings(self) -> dict[str, Section]:
        """Returns the sections of `project.godot`, by name; "" holds the lines before the first section."""
        file = self.folder / PROJECT
        text = self.text(file) if file.exists() else None
        return {section.kind: section for section in read_sections(text or "")}

    def read_uids(self, files: list[Path]) -> None:
        """Collects the uids of files: scripts and scenes refer to other files by them."""
        for file in files:
            uid = _uid_in(file)
            if uid:
                self.uids[uid] = self.name(file.with_suffix("") if file.suffix in _BESIDE else file)


def engine_of(settings: dict[str, Section]) -> int:
    """Returns the engine that the settings are for: 3 or 4."""
    # `config_version` stands before the first section.
    version = settings[""].properties.get("config_version")
    return 3 if version is not None and str(version) == str(_ENGINE_3) else 4


def _uid_in(file: Path) -> str:
    """Returns the uid that the first lines of a file name; "" without."""
    pattern = _UIDS.get(file.suffix)
    if pattern is None or not file.is_file():
        return ""
    try:
        # Scenes can be large.
        with file.open("rb") as opened:
            match = pattern.match(opened.read(_HEAD).decode("utf-8", "replace"))
    except OSError:
        return ""
    return match[1] if match else ""
