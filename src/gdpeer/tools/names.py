"""The names of methods, which Godot 4 does not send: it sends their numbers, and a checksum of all names of a node.

A table of names is right for a node where its checksum is the node's: so tables can be taken from anywhere, and a wrong
one names nothing.

Layer: `tools`.
"""

from __future__ import annotations

import hashlib
import importlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType

from gdpeer.multiplayer.tree import Node
from gdpeer.tools.scripts import load_script

__all__ = ["MethodNames", "load_tables"]

_FUNCTION = re.compile(r"(?:@.*\s)?(?:static\s+)?func\s+(\w+)")
_EXTENDS = re.compile(r'^extends\s+(?:"([^"]+)"|(\w+))', re.M)
_CLASS_NAME = re.compile(r"^class_name\s+(\w+)", re.M)


class MethodNames:
    """Tables of names, found by their checksum.

    Args:
        tables: the names of the `@rpc` methods of a class each, in any order, inherited ones included.
    """

    def __init__(self, tables: Iterable[Sequence[str]] = ()) -> None:
        self._tables = {checksum_of(names): tuple(sorted(names)) for names in tables if names}

    def table(self, checksum: str) -> tuple[str, ...]:
        """The names in the order of their numbers; none where no table has that checksum."""
        return self._tables.get(checksum, ())

    def name(self, checksum: str, number: int) -> str | None:
        """The name of a method, None where it is not known."""
        names = self.table(checksum)
        return names[number] if number < len(names) else None


def checksum_of(names: Iterable[str]) -> str:
    """As the engine computes it (reference godot4-wire D.3)."""
    return hashlib.md5("".join(sorted(names)).encode(), usedforsecurity=False).hexdigest()


def load_tables(source: str) -> list[tuple[str, ...]]:
    """The tables that somebody names.

    Args:
        source: a Godot project's folder, a `.gd` script, a `.py` file, a Python module's name, or a text file with the
            names of one class on each line. Python is run, as by an import.

    Raises:
        ValueError: it holds no names, or cannot be read; the text says why.
    """
    path = Path(source)
    try:
        if path.is_dir():
            tables = script_tables(sorted(path.rglob("*.gd")))
        elif path.suffix == ".gd":
            tables = script_tables([path])
        elif path.suffix == ".py" or not path.exists():
            tables = python_tables(load_module(source, path))
        else:
            lines = path.read_text(encoding="utf-8").splitlines()
            tables = [tuple(words) for line in lines if (words := line.partition("#")[0].replace(",", " ").split())]
    except Exception as problem:  # whatever a module raises when it is run
        raise ValueError(f"cannot read names from {source}: {problem}") from problem
    if not tables:
        raise ValueError(f"{source} has no methods for RPC")
    return tables


def load_module(source: str, path: Path) -> ModuleType:
    """A Python module by its file or its name."""
    return load_script(path) if path.suffix == ".py" else importlib.import_module(source)


def python_tables(module: ModuleType) -> list[tuple[str, ...]]:
    """Of all classes of nodes in a module."""
    classes = [one for one in vars(module).values() if isinstance(one, type) and issubclass(one, Node)]
    return [tuple(one._gdpeer_rpc_methods) for one in classes if one._gdpeer_rpc_methods]


def script_tables(files: Sequence[Path]) -> list[tuple[str, ...]]:
    """Of some scripts of GDScript, with what they inherit from each other."""
    texts = {file: file.read_text(encoding="utf-8", errors="replace") for file in files}
    by_class = {match[1]: file for file, text in texts.items() if (match := _CLASS_NAME.search(text))}

    def names(file: Path | None, depth: int) -> set[str]:
        if file is None or depth > len(texts):  # depth: scripts in a circle
            return set()
        return script_names(texts[file]) | names(base_of(texts[file], file, by_class, texts), depth + 1)

    return [found for file in files if (found := tuple(sorted(names(file, 1))))]


def base_of(text: str, file: Path, by_class: dict[str, Path], files: Iterable[Path]) -> Path | None:
    """The script that another one extends, if it is among these."""
    match = _EXTENDS.search(text)
    if match is None:
        return None
    if match[2]:
        return by_class.get(match[2])
    name = match[1].removeprefix("res://")
    return next((one for one in files if one != file and one.as_posix().endswith(f"/{name}")), None)


def script_names(text: str) -> set[str]:
    """The functions of a script that have `@rpc`."""
    found = set()
    is_marked = False
    for line in text.splitlines():
        if line.startswith("@rpc"):
            is_marked = True
        match = _FUNCTION.match(line)
        if match:
            if is_marked:
                found.add(match[1])
            is_marked = False
    return found
