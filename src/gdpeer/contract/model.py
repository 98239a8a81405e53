"""What a program can call on its nodes, as data: methods by class, and the places in the tree where classes are used.

Layer: `contract`; pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Contract", "Method", "Place", "Problem", "Table", "checksum_of"]


@dataclass(frozen=True, slots=True)
class Method:
    """A method that `@rpc` opens to other peers.

    Attributes:
        name: as it is written.
        mode: "any_peer" or "authority"; "?" where the annotation is an expression that is not evaluated.
        call_local: whether a call to all runs here as well; None where it is not known.
        transfer: "reliable", "unreliable" or "unreliable_ordered"; "?" where it is not known.
        channel: None where it is not known.
        table: the id of the class whose `@rpc` counts: this one, or one that it inherits from.
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
    """The methods of a class, inherited ones included.

    Attributes:
        id: `res://main.gd`, `res://main.gd::Inner`, `res://main.tscn::GDScript_1`.
        class_name: what `class_name` says; "" without.
        methods: in the order of their numbers on the wire.
    """

    id: str
    class_name: str
    methods: tuple[Method, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names in the order of their numbers."""
        return tuple(method.name for method in self.methods)

    @property
    def checksum(self) -> str:
        """What the engine sends of these methods."""
        return checksum_of(self.names)


@dataclass(frozen=True, slots=True)
class Place:
    """A node that files tell of.

    Attributes:
        path: below `/root`, as on the wire.
        table: the id of the class of its script; None without a script, or where the script cannot be read.
        how: "autoload", or "main" for the main scene.
        scene: the file that it stands in; "" for an autoload that is a script.
    """

    path: str
    table: str | None
    how: str
    scene: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What could not be read, or would not load in the engine.

    Attributes:
        code: `parse`, `unreadable`, `unknown-base`, `cycle`, `unknown-nodes`, `missing-parent`, `duplicate-node`.
        file: as `res://`.
        line: from 1 on; 0 where there is none.
        text: one sentence.
    """

    code: str
    file: str
    line: int
    text: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.text}"


@dataclass(frozen=True, slots=True)
class Contract:
    """A whole program.

    Attributes:
        source: where it was read from.
        engine: 4 or 3.
        tables: of all classes that have methods.
        places: of all nodes that are known.
        problems: what is wrong or unknown.
    """

    source: str
    engine: int
    tables: tuple[Table, ...]
    places: tuple[Place, ...]
    problems: tuple[Problem, ...]


def checksum_of(names: Iterable[str]) -> str:
    """The MD5 that stands for a node's methods on the wire: of all names, sorted by code point and joined."""
    return hashlib.md5("".join(sorted(names)).encode(), usedforsecurity=False).hexdigest()
