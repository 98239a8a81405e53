"""What both sides of a game can call, as data: methods by class, and the nodes of the tree with their classes.

A contract is read from a Godot project, from a Python program, or from a file that was saved before. All three have the
same form, so that any two can be compared.

Layer: `contract`; pure. Source: reference godot4-contract 1 and 3.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from gdpeer.project_files.problem import Problem

__all__ = [
    "BY_CODE",
    "Argument",
    "Contract",
    "Enumeration",
    "Method",
    "Place",
    "Problem",
    "Property",
    "Table",
    "Variable",
    "checksum_of",
]

BY_CODE = 0x8000
"""The number of the first method that a node configures by code (`rpc_config`)."""


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a method.

    Attributes:
        name: as written; names are never compared.
        type: in the words of Godot 4, on both sides: `int`, `Vector2`, `Array[int]`; the name of a class of the project
            or the engine for objects. None: anything, or unknown.
        default: the text of the default in the source's own language; None: without a default.
        rest: takes all further arguments.
        enumeration: the id of the `Enumeration` whose numbers the argument takes (`type` is `int` then); "" without.
        annotation: of Python, as `int | None`, if no type of Godot says the same; "" otherwise.
    """

    name: str
    type: str | None = None
    default: str | None = None
    rest: bool = False
    enumeration: str = ""
    annotation: str = ""


@dataclass(frozen=True, slots=True)
class Method:
    """A method that other peers may call.

    Attributes:
        name: as written.
        mode: "any_peer" or "authority"; the keyword in Godot 3 ("remote", "mastersync" ...); "?" if the annotation is
            an expression that only the engine knows.
        call_local: whether a call to all peers also runs on the caller; None if unknown.
        transfer: "reliable", "unreliable" or "unreliable_ordered"; "?" if unknown. "" in Godot 3.
        channel: None if unknown.
        table: the id of the class that has the `@rpc`: this class, or a base.
        line: of the function, from 1 on; 0 if unknown.
        arguments: in order, without `self`.
        file: that has the line: `res://main.gd`, `server.py`.
        is_empty: the body does nothing, as in a method that only the other side runs.
        by_code: the node configures the method by `rpc_config`, not by `@rpc`.
    """

    name: str
    mode: str
    call_local: bool | None
    transfer: str
    channel: int | None
    table: str
    line: int
    arguments: tuple[Argument, ...] = ()
    file: str = ""
    is_empty: bool = False
    by_code: bool = False


@dataclass(frozen=True, slots=True)
class Variable:
    """A property that other peers may set by `rset`, in Godot 3.

    Attributes:
        name: as written.
        mode: the keyword: "remote", "mastersync" ...
        file, line: where the property is declared.
    """

    name: str
    mode: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Property:
    """A property that a Python class declares by `replicated()`, and that its synchronizer sends.

    Attributes:
        name: of the attribute in Python.
        path: from the scene's root node, as `.:position`.
        mode: "never", "always" or "on_change".
        spawn: whether the SPAWN carries the value.
        type: in the words of Godot 4; None: anything, or unknown.
        default: the first value as Python text; None if it has no text.
    """

    name: str
    path: str
    mode: str
    spawn: bool
    type: str | None
    default: str | None


@dataclass(frozen=True, slots=True)
class Enumeration:
    """An enumeration that arguments use.

    Attributes:
        id: the id of its class, and the name: `res://match.gd::State`.
        name: as written.
        members: names and values, in order.
    """

    id: str
    name: str
    members: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The methods of a class, including inherited methods.

    Attributes:
        id: `res://main.gd`, `res://main.gd::Inner`, `res://main.tscn::GDScript_1`; `server.Main` for a Python class.
        class_name: the script's `class_name`, or the name of the Python class; "" without.
        methods: in the order of their numbers on the wire; those by code come first.
        extends: the id of the base class, if that is a class of the project; else the name of the engine's class, "" if
            unknown.
        file, line: where the class begins.
        godot_script: the script that a Python class stands for (its attribute `godot_script`), or the own path of a
            script; "" without.
        variables: for Godot 3's `rset`.
        refused: names that code configures in a way that the engine refuses: each uses up a number all the same.
        properties: that a Python class replicates, inherited ones first. A Godot project has them in its scenes.
    """

    id: str
    class_name: str
    methods: tuple[Method, ...]
    extends: str = ""
    file: str = ""
    line: int = 0
    godot_script: str = ""
    variables: tuple[Variable, ...] = ()
    refused: tuple[str, ...] = ()
    properties: tuple[Property, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether no other side can call or set anything of the class."""
        return not (self.methods or self.variables)

    @property
    def names(self) -> tuple[str, ...]:
        """The names in the order of their numbers on the wire."""
        return tuple(method.name for method in self.methods)

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers on the wire: methods by code begin at 0x8000, those with `@rpc` at 0."""
        by_code = [method.name for method in self.methods if method.by_code]
        order = {name: BY_CODE + at for at, name in enumerate(sorted((*by_code, *self.refused)))}
        return (*(order[name] for name in by_code), *range(len(self.methods) - len(by_code)))

    @property
    def checksum(self) -> str:
        """The checksum that the engine sends for these methods: of those by code, and of those with `@rpc`."""
        configured = [method.name for method in self.methods if method.by_code]
        return checksum_of(configured, [method.name for method in self.methods if not method.by_code])


@dataclass(frozen=True, slots=True)
class Place:
    """A node, or several, that exist according to the files.

    Attributes:
        path: below `/root`, as on the wire. `*` stands for one name that only the running game knows, and a `?` at the
            begin for an unknown path above.
        table: the id of its script's class; None without a script, or if the script cannot be read.
        how: "autoload", "main" for the main scene, "spawner" for the scenes of a `MultiplayerSpawner`, "scene" for the
            root of a scene that code adds somewhere, "tree" for a node of a Python program, "given" for other sources.
        scene: the file that holds the node; "" for an autoload that is a script.
        file, line: where the node gets its script, else where it is declared: `res://project.godot` for an autoload
            that is a script; 0 if unknown.
    """

    path: str
    table: str | None
    how: str
    scene: str
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Contract:
    """The methods and nodes of a whole game.

    Attributes:
        source: the folder, module or file, as given.
        engine: 4 or 3; a Python program counts as 4.
        tables: of all classes that have methods.
        places: all nodes that are known.
        problems: everything wrong or unknown.
        enumerations: those that arguments use.
    """

    source: str
    engine: int
    tables: tuple[Table, ...]
    places: tuple[Place, ...]
    problems: tuple[Problem, ...]
    enumerations: tuple[Enumeration, ...] = ()


def checksum_of(*names: Iterable[str]) -> str:
    """Returns a node's checksum on the wire: the MD5 of all names, joined.

    Args:
        names: of the methods that the node configures by code, if there are any, and of its script. Each group is
            sorted by code point by itself.
    """
    joined = "".join(name for group in names for name in sorted(group))
    return hashlib.md5(joined.encode(), usedforsecurity=False).hexdigest()
