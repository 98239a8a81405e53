"""Finds the names of methods. Godot 4 sends only their numbers, and a checksum of all method names of a node.

A table of names belongs to a node if both have the same checksum. Tables can therefore come from any source: one that
does not match is never used.

Layer: `inspection`.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from gdpeer.contract import checksum_of, read_project, read_scripts
from gdpeer.contract.python_files import load_script
from gdpeer.inspection.scene_names import SceneNames, SceneTable
from gdpeer.inspection.scene_reading import read_scene_tables
from gdpeer.multiplayer.rpc.decorator import class_table
from gdpeer.multiplayer.tree import Node

__all__ = ["Loaded", "MethodNames", "load_tables"]

PROJECT = "project.godot"
MOST = 200
"""The most characters of a source's name in an error message."""


class MethodNames:
    """Tables of names, found by their checksum.

    Args:
        tables: for each class the names of its `@rpc` methods, in any order, inherited ones included.
        scenes: the names that spawners and synchronizers leave out.
    """

    def __init__(self, tables: Iterable[Sequence[str]] = (), scenes: SceneNames | None = None) -> None:
        self.scenes = scenes or SceneNames()
        # Sorted as Godot sorts them to number them.
        self._tables = {checksum_of(names): tuple(sorted(names)) for names in tables if names}

    def table(self, checksum: str) -> tuple[str, ...]:
        """Returns the names in the order of their numbers; empty if no table has this checksum."""
        return self._tables.get(checksum, ())

    def name(self, checksum: str, number: int) -> str | None:
        """Returns the name of a method; None if it is not known."""
        names = self.table(checksum)
        return names[number] if number < len(names) else None


class Loaded(NamedTuple):
    """The tables that a source holds.

    Attributes:
        tables: for each class the names of its methods.
        problems: the parts of the source that could not be read, and why.
        scenes: of the projects of Godot 4 in the source.
    """

    tables: list[tuple[str, ...]]
    problems: list[str]
    scenes: list[SceneTable]


def load_tables(source: str) -> Loaded:
    """Reads tables of names from a file, a folder or a Python module.

    Args:
        source: a Godot project's folder, a `.gd` script, a `.py` file, a Python module's name, or a text file with the
            names of one class on each line. Python code is run, as by an import.

    Raises:
        ValueError: the source holds no names, or cannot be read; the message says why.
    """
    if not source.strip():
        raise ValueError("expected a project, a file or a module, got nothing")
    path = Path(source)
    try:
        if path.is_dir() or path.suffix == ".gd":
            found = script_tables(path.resolve(strict=True))
        elif path.suffix == ".py" or not path.exists():
            module = load_script(path) if path.suffix == ".py" else importlib.import_module(source)
            found = Loaded(python_tables(module), [], [])
        else:
            lines = path.read_text(encoding="utf-8-sig").splitlines()  # some editors write a byte order mark
            words = (line.partition("#")[0].replace(",", " ").split() for line in lines)
            found = Loaded([tuple(names) for names in words if names], [], [])
    except Exception as problem:  # a module may raise anything when it is run
        # The text of an OSError would repeat the path.
        why = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
        raise ValueError(f"cannot read names from {source[:MOST]}: {why}") from problem
    if not found.tables and not any(scene.synchronizers or scene.spawners for scene in found.scenes):
        why = f" ({found.problems[0]})" if found.problems else ""
        raise ValueError(f"{source} has no methods for RPC{why}")
    return found


def python_tables(module: ModuleType) -> list[tuple[str, ...]]:
    """Returns the tables of all node classes in a module."""
    classes = [one for one in vars(module).values() if isinstance(one, type) and issubclass(one, Node)]
    return [tuple(names) for one in classes if (names := class_table(one).names)]


def script_tables(path: Path) -> Loaded:
    """Returns the tables of a project, a folder of a project, a folder that holds projects, or one script."""
    # A script alone does not say which classes it inherits from: read the whole project, then keep what is asked for.
    root = next((one for one in (path, *path.parents) if (one / PROJECT).is_file()), None)
    if root is None and path.is_file():
        contracts = [read_scripts(path.parent, sorted(path.parent.glob("*.gd")))]
    else:
        # A folder outside of a project may hold several projects, and scripts of its own.
        inner = [] if root is not None else sorted(one.parent for one in path.rglob(PROJECT))
        contracts = [read_project(one) for one in (root or path, *inner)]
    wanted = f"res://{path.relative_to(root or (path.parent if path.is_file() else path)).as_posix()}"
    found = Loaded([], [], [])
    for contract in contracts:
        is_within = wanted == "res://." or contract.engine == 3
        tables = [one for one in contract.tables if is_within or f"{one.id}/".startswith((f"{wanted}/", f"{wanted}::"))]
        if contract.engine == 4:
            # A node that configures methods by code has another checksum: that list is only known with the node.
            found.tables.extend(tuple(one.name for one in table.methods if not one.by_code) for table in tables)
        if contract.engine == 4:
            found.problems.extend(str(one) for one in contract.problems if is_within or one.file.startswith(wanted))
            if path.is_dir() and (Path(contract.source) / PROJECT).is_file():
                add_scenes(Path(contract.source), found)
    return found


def add_scenes(project: Path, found: Loaded) -> None:
    """Adds the scenes of a project; the contract may have reported the same problems."""
    scenes, problems = read_scene_tables(project)
    found.scenes.extend(scenes)
    found.problems.extend(one for one in problems if one not in found.problems)
