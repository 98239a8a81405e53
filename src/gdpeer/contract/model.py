"""The result of reading a project, as data: methods by class, and the nodes of the tree with their classes.

Layer: `contract`; pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from gdpeer.project_files.problem import Problem

__all__ = ["Contract", "Method", "Place", "Problem", "Table", "checksum_of"]


@dataclass(frozen=True, slots=True)
class Method:
    """A method that other peers may call by `@rpc`.

    Attributes:
        name: as written.
        mode: "any_peer" or "authority"; "?" if the annotation is an expression.
        call_local: whether a call to all peers also runs on the caller; None if unknown.
        transfer: "reliable", "unreliable" or "unreliable_ordered"; "?" if unknown.
        channel: None if unknown.
        table: the id of the class that has the `@rpc`: this class, or a base.
        line: of the function, from 1 on.
    """

    name: str
    mode: str
    call_local: bool | None
    transfer: str
    channel: int | None
    table: str
    line: int


@dataclass(frozen=True, slots=True)
class Table:
    """The methods of a class, including inherited methods.

    Attributes:
        id: `res://main.gd`, `res://main.gd::Inner`, `res://main.tscn::GDScript_1`.
        class_name: the script's `class_name`; "" without.
        methods: in the order of their numbers on the wire.
    """

    id: str
    class_name: str
    methods: tuple[Method, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names in the order of their numbers on the wire."""
        return tuple(method.name for method in self.methods)

    @property
    def checksum(self) -> str:
        """The checksum that the engine sends for these methods."""
        return checksum_of(self.names)


@dataclass(frozen=True, slots=True)
class Place:
    """A node that exists according to the files.

    Attributes:
        path: below `/root`, as on the wire.
        table: the id of its script's class; None without a script, or if the script cannot be read.
        how: "autoload", or "main" for the main scene.
        scene: the file that holds the node; "" for an autoload that is a script.
    """

    path: str
    table: str | None
    how: str
    scene: str


@dataclass(frozen=True, slots=True)
class Contract:
    """The methods and nodes of a whole project.

    Attributes:
        source: the folder.
        engine: 4 or 3.
        tables: of all classes that have methods.
        places: all nodes that are known.
        problems: everything wrong or unknown.
    """

    source: str
    engine: int
    tables: tuple[Table, ...]
    places: tuple[Place, ...]
    problems: tuple[Problem, ...]


def checksum_of(names: Iterable[str]) -> str:
    """Returns the MD5 of all names, sorted by code point and joined: a node's methods on the wire."""
    return hashlib.md5("".join(sorted(names)).encode(), usedforsecurity=False).hexdigest()
