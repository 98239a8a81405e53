"""Reads a Godot project, or single scripts, from the disk.

    contract = read_project(Path("game"))
    for table in contract.tables:
        print(table.id, table.names, table.checksum)

The content of a file never raises an error: `problems` holds each part that cannot be read or that the engine would
refuse to load.

Layer: `contract`. Source: reference godot4-contract 1 and 3.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from gdpeer.contract.inheritance import Classes
from gdpeer.contract.model import Contract, Place, Problem, Table
from gdpeer.contract.script import Script, parse_script
from gdpeer.project_files.files import PROJECT, ProjectFiles, engine_of
from gdpeer.project_files.node_lists import NodeLists
from gdpeer.project_files.scenes import Scene, parse_scene
from gdpeer.project_files.text_resource import Section

__all__ = ["read_project", "read_scripts"]

_SETTINGS = f"res://{PROJECT}"


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

    def contract(self, files: list[Path]) -> Contract:
        """Reads the files and returns their contract."""
        settings = self._files.settings()
        # Scripts and scenes refer to files by uid.
        self._files.read_uids(files)
        # Scripts come before scenes.
        for file in sorted(files, key=lambda file: file.suffix):
            text = self._files.text(file) if file.suffix in (".gd", ".tscn") else None
            if text is not None:
                self._read(self._files.name(file), text)
        scenes = NodeLists(self._scenes.get, self._files.exists)
        autoloads = {name: path for name, path in self._autoload_paths(settings).items() if path in self._scripts}
        classes = Classes(self._scripts, self._global_names(), autoloads, self._uids)
        tables = self._tables(classes)
        places = tuple(self._places(settings, scenes, classes))
        for path, script in self._scripts.items():
            self._problems += [Problem("parse", path, found.line, found.text) for found in script.problems]
        problems = (*self._problems, *classes.problems, *scenes.problems)
        engine = self._engine or engine_of(settings)
        return Contract(str(self._files.folder), engine, tables, places, problems)

    def _read(self, name: str, text: str) -> None:
        if name.endswith(".gd"):
            self._scripts[name] = parse_script(text, name)
            return
        scene = self._scenes[name] = parse_scene(text, name, self._uids)
        for id_, source in scene.scripts.items():
            self._scripts[id_] = parse_script(source, id_)

    # ---------------------------------------------------------------------------------------- results

    def _global_names(self) -> dict[str, str]:
        # Scripts within scenes cannot have a global name. The first script of a name counts.
        scripts = reversed(self._scripts.items())
        return {script.root.name: path for path, script in scripts if script.root.name and "::" not in path}

    def _autoload_paths(self, settings: dict[str, Section]) -> dict[str, str]:
        section = settings.get("autoload")
        found = {} if section is None else {name: str(value) for name, value in section.properties.items()}
        # A star before the path makes the autoload a global variable; the node exists with and without the star.
        return {name: self._uids.get(path.lstrip("*"), path.lstrip("*")) for name, path in found.items()}

    def _tables(self, classes: Classes) -> tuple[Table, ...]:
        all_classes = (class_ for _, script in sorted(self._scripts.items()) for class_ in script.classes)
        tables = (classes.table(class_) for class_ in all_classes)
        return tuple(table for table in tables if table is not None and table.methods)

    def _places(self, settings: dict[str, Section], scenes: NodeLists, classes: Classes) -> Iterator[Place]:
        for name, path in self._autoload_paths(settings).items():
            if path in self._scripts:
                line = settings["autoload"].properties[name].line
                yield Place(name, self._table_of(path, classes), "autoload", "", _SETTINGS, line)
            else:
                yield from self._nodes(path, name, "autoload", scenes, classes)
        application = settings.get("application")
        main = None if application is None else application.properties.get("run/main_scene")
        if main is not None:
            path = self._uids.get(str(main), str(main))
            yield from self._nodes(path, "", "main", scenes, classes)

    def _nodes(self, path: str, name: str, how: str, scenes: NodeLists, classes: Classes) -> Iterator[Place]:
        """Yields all nodes of a scene in the tree; the root of an autoload has the autoload's name."""
        found = scenes.of(path)
        if found is None:
            self._problems.append(
                Problem("unknown-nodes", path, 0, f"cannot be read: the nodes of the {how} are unknown")
            )
            return
        for below, node in found.nodes.items():
            table = self._table_of(node.script, classes)
            script = node.properties.get("script")
            file, line = (script.scene.path, script.value.line) if script else (node.scene.path, node.line)
            yield Place("/".join(part for part in (name or found.name, below) if part), table, how, path, file, line)

    def _table_of(self, path: str, classes: Classes) -> str | None:
        """Returns the id of a script's class; None without a script, or if the engine would not load it."""
        script = self._scripts.get(path)
        table = None if script is None else classes.table(script.root)
        return None if table is None else table.id
