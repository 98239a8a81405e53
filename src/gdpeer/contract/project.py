"""Reads a Godot project, or single scripts, from the disk.

    contract = read_project(Path("game"))
    for table in contract.tables:
        print(table.id, table.names, table.checksum)

The content of a file never raises an error: `problems` holds each part that cannot be read or that the engine would
refuse to load.

Layer: `contract`. Source: reference godot4-contract 1 and 3.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from gdpeer.contract.inheritance import Classes
from gdpeer.contract.model import Contract, Place, Problem, Table
from gdpeer.contract.scenes import Scene, Scenes, parse_scene
from gdpeer.contract.script import Script, parse_script
from gdpeer.contract.text_resource import Section, read_sections

__all__ = ["read_project", "read_scripts"]

PROJECT = "project.godot"
IGNORE = ".gdignore"
LARGEST = 64 * 1024 * 1024
"""Most bytes of a file; a larger file is a problem and is not read."""

_ENGINE_3 = 4
"""`config_version` of Godot 3; Godot 4 has 5."""

_UID = re.compile(r'^\[gd_\w+[^\n]*?\buid="(uid://\w+)"')


def read_project(folder: Path) -> Contract:
    """Reads all scripts and scenes of a project.

    As the engine does, leaves out folders whose name begins with a dot, folders with a `.gdignore`, and projects within
    the project.

    Args:
        folder: with a `project.godot`; a folder without one also counts as `res://`.
    """
    return _Reader(folder).contract(sorted(_files(folder)))


def read_scripts(folder: Path, scripts: list[Path]) -> Contract:
    """Reads only the given scripts.

    Args:
        folder: the folder of `res://`.
        scripts: files below it.
    """
    return _Reader(folder).contract(scripts)


def _files(folder: Path) -> Iterator[Path]:
    """Yields all files of a project. Follows links, but enters each folder once."""
    seen: set[str] = set()
    for name, folders, files in os.walk(folder, followlinks=True):
        here = Path(name)
        real = os.path.realpath(name)
        # The engine treats a folder with a `project.godot` as a project of its own.
        is_other = here != folder and PROJECT in files
        # Links can lead back to a folder, which would never end.
        if real in seen or is_other or IGNORE in files:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = [inner for inner in folders if not inner.startswith(".")]
        yield from (here / file for file in files)


class _Reader:
    """Collects scripts, scenes and problems during one reading.

    Args:
        folder: the folder of `res://`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._problems: list[Problem] = []
        self._scripts: dict[str, Script] = {}
        self._scenes: dict[str, Scene] = {}
        self._uids: dict[str, str] = {}

    def contract(self, files: list[Path]) -> Contract:
        """Reads the files and returns their contract."""
        settings = self._settings()
        # Scripts and scenes refer to files by uid.
        self._read_uids(files)
        texts = [(self._name(file), file) for file in files if file.suffix in (".gd", ".tscn")]
        for name, file in texts:
            if file.suffix == ".gd":
                self._read_script(name, self._text(name, file))
        for name, file in texts:
            text = self._text(name, file) if file.suffix == ".tscn" else None
            if text is not None:
                self._read_scene(name, text)
        scenes = Scenes(self._scenes.get, self._exists)
        classes = Classes(self._scripts, self._global_names(), self._autoload_scripts(settings), self._uids)
        tables = self._tables(classes)
        places = tuple(self._places(settings, scenes, classes))
        for path, script in self._scripts.items():
            self._problems += [Problem("parse", path, found.line, found.text) for found in script.problems]
        problems = (*self._problems, *classes.problems, *scenes.problems)
        return Contract(str(self._folder), self._engine(settings), tables, places, problems)

    # ---------------------------------------------------------------------------------------- files

    def _name(self, file: Path) -> str:
        return f"res://{file.relative_to(self._folder).as_posix()}"

    def _exists(self, name: str) -> bool:
        return (self._folder / name.removeprefix("res://")).exists()

    def _text(self, name: str, file: Path) -> str | None:
        """Returns the text of a file; None, and a problem, if it cannot be read."""
        try:
            if not file.is_file():
                raise OSError("it is no file")
            if file.stat().st_size > LARGEST:
                raise OSError(f"it is larger than {LARGEST} bytes")
            return file.read_bytes().decode("utf-8")
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            self._problems.append(Problem("unreadable", name, line, "the file is not UTF-8"))
        except OSError as error:
            self._problems.append(Problem("unreadable", name, 0, f"cannot be read: {error.strerror or error}"))
        return None

    def _settings(self) -> dict[str, Section]:
        file = self._folder / PROJECT
        text = self._text(f"res://{PROJECT}", file) if file.exists() else None
        return {section.kind: section for section in read_sections(text or "")}

    def _engine(self, settings: dict[str, Section]) -> int:
        # `config_version` stands before the first section.
        version = settings[""].properties.get("config_version")
        return 3 if version is not None and str(version) == str(_ENGINE_3) else 4

    def _read_uids(self, files: list[Path]) -> None:
        for file in files:
            if file.suffix == ".uid":
                uid = (self._text(self._name(file), file) or "").strip()
                self._uids[uid] = self._name(file.with_suffix(""))
            elif file.suffix in (".tscn", ".tres"):
                uid = _uid_of(file)
                if uid:
                    self._uids[uid] = self._name(file)

    def _read_script(self, name: str, text: str | None) -> None:
        if text is not None:
            self._scripts[name] = parse_script(text, name)

    def _read_scene(self, name: str, text: str) -> None:
        scene = self._scenes[name] = parse_scene(text, name, self._uids)
        for id_, source in scene.scripts.items():
            self._scripts[id_] = parse_script(source, id_)

    # ---------------------------------------------------------------------------------------- results

    def _global_names(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for path, script in self._scripts.items():
            # Scripts within scenes cannot have a global name.
            if script.root.name and "::" not in path:
                found.setdefault(script.root.name, path)
        return found

    def _autoload_paths(self, settings: dict[str, Section]) -> dict[str, str]:
        section = settings.get("autoload")
        found = {} if section is None else {name: str(value) for name, value in section.properties.items()}
        # A star before the path makes the autoload a global variable; the node exists with and without the star.
        return {name: self._uids.get(path.lstrip("*"), path.lstrip("*")) for name, path in found.items()}

    def _autoload_scripts(self, settings: dict[str, Section]) -> dict[str, str]:
        return {name: path for name, path in self._autoload_paths(settings).items() if path in self._scripts}

    def _tables(self, classes: Classes) -> tuple[Table, ...]:
        all_classes = (class_ for _, script in sorted(self._scripts.items()) for class_ in script.classes)
        tables = (classes.table(class_) for class_ in all_classes)
        return tuple(table for table in tables if table is not None and table.methods)

    def _places(self, settings: dict[str, Section], scenes: Scenes, classes: Classes) -> Iterator[Place]:
        for name, path in self._autoload_paths(settings).items():
            if path in self._scripts:
                yield Place(name, self._table_of(path, classes), "autoload", "")
            else:
                yield from self._nodes(path, name, "autoload", scenes, classes)
        application = settings.get("application")
        main = None if application is None else application.properties.get("run/main_scene")
        if main is not None:
            path = self._uids.get(str(main), str(main))
            yield from self._nodes(path, "", "main", scenes, classes)

    def _nodes(self, path: str, name: str, how: str, scenes: Scenes, classes: Classes) -> Iterator[Place]:
        """Yields all nodes of a scene in the tree; the root of an autoload has the autoload's name."""
        found = scenes.nodes(path)
        if found is None:
            self._problems.append(
                Problem("unknown-nodes", path, 0, f"cannot be read: the nodes of the {how} are unknown")
            )
            return
        root, nodes = found
        for below, node in nodes.items():
            table = self._table_of(node.script, classes)
            yield Place("/".join(part for part in (name or root, below) if part), table, how, path)

    def _table_of(self, path: str, classes: Classes) -> str | None:
        """Returns the id of a script's class; None without a script, or if the engine would not load it."""
        script = self._scripts.get(path)
        table = None if script is None else classes.table(script.root)
        return None if table is None else table.id


def _uid_of(file: Path) -> str:
    """Returns the uid in the head of a scene or a resource; "" without."""
    try:
        # The uid stands in the first line, and scenes can be large.
        with file.open("rb") as opened:
            match = _UID.match(opened.read(4096).decode("utf-8", "replace").removeprefix("\ufeff"))
    except OSError:
        return ""
    return match[1] if match else ""
