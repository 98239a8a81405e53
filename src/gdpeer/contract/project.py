"""Reads a Godot project, or single scripts, from the disk.

    contract = read_project(Path("game"))
    for table in contract.tables:
        print(table.id, table.names, table.checksum)

The content of a file never raises an error: `problems` holds each part that cannot be read or that the engine would
refuse to load.

Layer: `contract`. Source: reference godot4-contract 1 and 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from gdpeer.contract.csharp import CSharpClass, CSharpTables, parse_csharp
from gdpeer.contract.inheritance import Classes
from gdpeer.contract.model import Contract, Problem
from gdpeer.contract.places import Places, autoload_paths
from gdpeer.contract.script import Script, parse_script
from gdpeer.contract.tables import Tables
from gdpeer.project_files.files import ProjectFiles, engine_of
from gdpeer.project_files.node_lists import NodeLists
from gdpeer.project_files.scenes import Scene, parse_scene

__all__ = ["read_project", "read_scripts"]

_READ = (".gd", ".cs", ".tscn")


def read_project(folder: Path, *, engine: int = 0, exclude: Sequence[str] = ()) -> Contract:
    """Reads all scripts and scenes of a project.

    As the engine does, leaves out folders whose name begins with a dot, folders with a `.gdignore`, and projects within
    the project.

    Args:
        folder: with a `project.godot`; a folder without one also counts as `res://`.
        engine: 3 or 4; 0: as `project.godot` says, 4 without it.
        exclude: patterns of files to leave out, below the folder: `addons/*`, `*/test_*.gd`.
    """
    files = ProjectFiles(folder)
    return _Reader(files, engine).contract(
        [file for file in files.all() if not _is_excluded(file.relative_to(folder), exclude)]
    )


def _is_excluded(file: Path, patterns: Sequence[str]) -> bool:
    """Tells whether a pattern matches the file or a folder above it."""
    names = (file, *file.parents[:-1])
    return any(fnmatchcase(name.as_posix(), pattern.rstrip("/")) for pattern in patterns for name in names)


def read_scripts(folder: Path, scripts: list[Path], *, engine: int = 0) -> Contract:
    """Reads only the given scripts.

    Args:
        folder: the folder of `res://`.
        scripts: files below it.
        engine: 3 or 4; 0: as `project.godot` says, 4 without it.
    """
    return _Reader(ProjectFiles(folder), engine).contract(scripts)


class _Reader:
    """Collects scripts, scenes and problems during one reading."""

    def __init__(self, files: ProjectFiles, engine: int) -> None:
        self._files = files
        self._engine = engine
        self._problems = files.problems
        self._uids = files.uids
        self._scripts: dict[str, Script] = {}
        self._scenes: dict[str, Scene] = {}
        self._csharp: dict[str, CSharpClass] = {}

    def contract(self, files: list[Path]) -> Contract:
        """Reads the files and returns their contract."""
        settings = self._files.settings()
        engine = self._engine or engine_of(settings)
        # Scripts and scenes refer to files by uid.
        self._files.read_uids(files)
        # Scripts come before scenes.
        for file in sorted(files, key=lambda file: file.suffix):
            text = self._files.text(file) if file.suffix in _READ else None
            if text is not None:
                self._read(self._files.name(file), text, engine)
        autoloads = autoload_paths(settings, self._uids)
        classes = Classes(self._scripts, self._global_names(), autoloads, self._uids)
        tables = Tables(self._scripts, classes, engine)
        csharp = CSharpTables(self._csharp if engine == 4 else {})
        found = (*tables.all(), *csharp.all())
        lists = NodeLists(self._scenes.get, self._files.exists)
        places = Places(settings, self._scenes, lists, self._uids, lambda path: self._table_of(path, tables, csharp))
        listed = places.all({table.id for table in found})
        for path, script in self._scripts.items():
            self._problems += [Problem("parse", path, one.line, one.text) for one in script.problems]
        problems = {
            *self._problems,
            *csharp.problems(),
            *classes.problems,
            *tables.problems,
            *places.problems,
            *lists.problems,
        }
        in_order = tuple(sorted(problems, key=lambda one: (one.file, one.line, one.text)))
        return Contract(str(self._files.folder), engine, found, tuple(listed), in_order, tables.enumerations)

    def _read(self, name: str, text: str, engine: int) -> None:
        if name.endswith(".gd"):
            self._scripts[name] = parse_script(text, name, engine)
            return
        if name.endswith(".cs"):
            found = parse_csharp(text, name)
            if found is not None:
                self._csharp[name] = found
            return
        scene = self._scenes[name] = parse_scene(text, name, self._uids)
        for id_, source in scene.scripts.items():
            self._scripts[id_] = parse_script(source, id_, engine)

    # ---------------------------------------------------------------------------------------- results

    def _global_names(self) -> dict[str, str]:
        # Scripts within scenes cannot have a global name. The first script of a name counts.
        scripts = reversed(self._scripts.items())
        return {script.root.name: path for path, script in scripts if script.root.name and "::" not in path}

    def _table_of(self, path: str, tables: Tables, csharp: CSharpTables) -> str | None:
        """Returns the id of a script's class; None without a script, or if the engine would not load it."""
        script = self._scripts.get(path)
        table = csharp.of(path) if script is None else tables.of(script.root)
        return None if table is None else table.id
