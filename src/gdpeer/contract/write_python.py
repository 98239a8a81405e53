"""Writes Python base classes for the scripts of a Godot project.

    text = write_python(read("game/"), "game")

Each script that has or inherits `@rpc` methods becomes a class; the program subclasses it and overrides the methods
that it runs, without `@rpc`. `add_nodes` in the text makes the nodes whose paths are known.

Layer: `contract`; pure.
"""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Iterator, Sequence

import gdpeer.variant as values
from gdpeer.contract.defaults import Unwritable, python_text, value_of
from gdpeer.contract.model import Argument, Contract, Enumeration, Method, Table
from gdpeer.contract.replicated import Replicated, ReplicatedProperty, ReplicatedScene
from gdpeer.contract.stub_names import (
    argument_names,
    attribute_name,
    class_names,
    enumeration_names,
    free_name,
    is_python_name,
    member_names,
    scene_name,
)
from gdpeer.contract.stub_text import (
    StubError,
    keyword_of,
    mode_constant,
    mode_of_godot3,
    place_of,
    with_mark,
    words_of,
)
from gdpeer.contract.types import parts, python_type
from gdpeer.multiplayer.replication.config import ReplicationMode
from gdpeer.multiplayer.tree import Node
from gdpeer.quoting import escape

__all__ = ["write_python"]

_WIDTH = 100
"""A longer head of a function is written with an argument a line."""

_OURS = ("Node", "SceneTree", "rpc", "RpcConfig", "RPCMode", "TransferMode", "godot3", "nodes", "kinds", "path", "tree")
_REPLICATION = ("Scenes", "ReplicationMode", "replicated")
_PYTHON = ("Any", "IntEnum", "int", "float", "str", "bool", "list", "dict", "type", "locals", "super", "self", "name")
_VALUES = tuple(name for name in vars(values) if name[0].isupper())
_FORBIDDEN = re.compile(r'[.:@"%\0]')
"""Characters that no name of a `Node` has."""

_OPEN = ("_ready", "_enter_tree", "_exit_tree", "changed", "synchronized")
"""Attributes of `Node` that a subclass may replace by a method."""

_GODOT3 = ("remote", "master", "puppet", "remotesync", "mastersync", "puppetsync")


def write_python(contract: Contract, source: str = "", replicated: Replicated = Replicated()) -> str:  # noqa: B008
    """Returns the text of a Python module with a base class for each script.

    Args:
        contract: of a Godot project, or of any other source.
        source: the project's name for the first line.
        replicated: the scenes of the project that spawners make.

    Raises:
        StubError: a method has a name that gdpeer's `Node` needs itself.
    """
    return _Writer(contract, replicated).module(escape(source or contract.source))


class _Writer:
    """Writes the module of one contract.

    Attributes:
        classes: the names of the classes, by the ids of their tables, without `Base`.
    """

    def __init__(self, contract: Contract, replicated: Replicated) -> None:
        reserved = {*_OURS, *_REPLICATION, *_PYTHON, *_VALUES, *_GODOT3}
        self._contract = contract
        self._replicated = replicated
        self._tables = {table.id: table for table in contract.tables}
        self._own_scenes = self._scenes_of_classes()
        # Other scenes have a class of their own, which is called as its file.
        others = [one for one in replicated.scenes if one.path not in self._own_scenes.values()]
        self._other_scenes = {one.path: one for one in others}
        named = [Table(path, f"{scene_name(path)}Scene", ()) for path in self._other_scenes]
        self.classes = class_names((*contract.tables, *named), reserved)
        taken = {*reserved, *self.classes.values(), *(f"{name}Base" for name in self.classes.values())}
        self._enumerations = {one.id: one for one in contract.enumerations}
        self._enumeration_names = enumeration_names(contract.enumerations, self.classes, taken)
        self._used = {"Node"}

    def module(self, source: str) -> str:
        """Returns the text of the module."""
        self._refuse()
        classes = [self._class(table) for table in self._in_order()]
        parts = [*map(self._enumeration, sorted(self._enumerations.values(), key=lambda one: one.id)), *classes]
        parts += [self._scene_class(scene) for scene in self._other_scenes.values()]
        if self._replicated:
            parts.append(self._add_scenes())
        elif any(self._nodes()):
            parts.append(self._add_nodes())
        text = "\n\n\n".join(["\n".join(self._imports()), *parts])
        return with_mark(
            f'"""The methods that other sides may call."""\n\n{text}\n', source, self._contract.engine, "subclass"
        )

    def _refuse(self) -> None:
        refused = [
            f"{place_of(method)}: gdpeer's Node uses the name {method.name} itself: rename the method in the game"
            for table in self._contract.tables
            for method in table.methods
            if method.table == table.id and not method.by_code and _is_taken(method.name)
        ]
        if refused:
            raise StubError(refused)

    def _in_order(self) -> list[Table]:
        """Returns all tables, each behind its base."""
        found: dict[str, Table] = {}

        def add(table: Table, above: tuple[str, ...] = ()) -> None:
            base = self._tables.get(table.extends)
            if base is not None and base.id not in (*above, table.id):
                add(base, (*above, table.id))
            found.setdefault(table.id, table)

        for table in sorted(self._contract.tables, key=lambda table: table.id):
            add(table)
        return list(found.values())

    def _imports(self) -> Iterator[str]:
        yield "from __future__ import annotations\n"
        if self._enumerations:
            yield "from enum import IntEnum"
        if "Any" in self._used:
            yield "from typing import Any"
        if self._enumerations or "Any" in self._used:
            yield ""
        ours = self._used - {"Any"}
        if self._contract.engine == 3:
            old = ours & {"Node", "SceneTree", *_GODOT3}
            ours -= old
            if ours:
                yield f"from gdpeer import {', '.join(sorted(ours))}"
            yield f"from gdpeer.godot3 import {', '.join(sorted(old))}"
        else:
            yield f"from gdpeer import {', '.join(sorted(ours))}"

    def _use(self, expression: str) -> str:
        """Notes the names that an expression needs, and returns it."""
        names = {node.id for node in ast.walk(ast.parse(expression, mode="eval")) if isinstance(node, ast.Name)}
        self._used |= names & {*_VALUES, "Any"}
        return expression

    # ------------------------------------------------------------------------------------------ classes

    def _enumeration(self, enumeration: Enumeration) -> str:
        members = [f"    {name} = {value}" for name, value in member_names(enumeration).items()]
        head = f"class {self._enumeration_names[enumeration.id]}(IntEnum):"
        return "\n".join([head, f"    {_docstring(enumeration.id)}", "", *(members or ["    pass"])])

    def _class(self, table: Table) -> str:
        base = self._tables.get(table.extends)
        above = "Node" if base is None or base is table else f"{self.classes[base.id]}Base"
        lines = [f"class {self.classes[table.id]}Base({above}):"]
        script = table.godot_script or (table.id if table.id.startswith("res://") else "")
        lines.append(f"    godot_script = {python_text(script)}" if script else f"    {_docstring(table.id)}")
        if table.id in self._own_scenes:
            [scene] = [one for one in self._replicated.scenes if one.path == self._own_scenes[table.id]]
            lines += self._properties(scene, {method.name for method in table.methods})
        inherited = () if base is None else base.variables
        for variable in table.variables:
            if variable not in inherited:
                self._used.add(keyword_of(variable.mode))
                lines.append(f"    {variable.name} = {keyword_of(variable.mode)}.var()")
        own = [method for method in table.methods if method.table == table.id or base is None]
        refused = [name for name in table.refused if base is None or name not in base.refused]
        lines += self._configured([method for method in own if method.by_code], refused, _gone(table, base))
        defined: set[str] = set()
        for method in sorted(own, key=lambda one: one.by_code):  # a method with @rpc can also be configured
            if method.name not in defined and not (method.by_code and _is_taken(method.name)):
                defined.add(method.name)
                lines += ["", *self._method(method, table)]
        for name in refused:
            if name not in defined and not hasattr(Node, name):
                lines += ["", *self._method(Method(name, "", None, "", 0, table.id, 0, by_code=True), table)]
        return "\n".join(lines)

    def _configured(self, methods: Sequence[Method], refused: Sequence[str], gone: Sequence[str]) -> Iterator[str]:
        """Yields an `__init__` with the `rpc_config` of methods that the game configures by code.

        Args:
            methods: to configure.
            refused: names whose configuration the engine refuses, but that take a number.
            gone: names that only the base configures.
        """
        if not (methods or refused or gone):
            return
        yield "\n    def __init__(self, name: str | None = None) -> None:"
        yield "        super().__init__(name)"
        yield from (f"        self.rpc_config({python_text(name)}, None)" for name in gone)
        # As in the engine, an entry without a mode prints an error and takes a number.
        yield from (f"        self.rpc_config({python_text(name)}, {{}})" for name in refused)
        for method in methods:
            if self._contract.engine == 3 and method.mode == "disabled":
                continue  # nobody may call it, and Godot 3 has no numbers
            if self._contract.engine == 3:
                self._used.add(mode_of_godot3(method))
                yield f"        self.rpc_config({python_text(method.name)}, {mode_of_godot3(method)}.mode)"
            else:
                self._used |= {"RPCMode", "RpcConfig", "TransferMode"}
                mode = mode_constant(method)
                transfer = method.transfer.upper() if method.transfer not in ("", "?") else "RELIABLE"
                words = f"{bool(method.call_local)}, TransferMode.{transfer}, {method.channel or 0}"
                yield f"        self.rpc_config({python_text(method.name)}, RpcConfig(RPCMode.{mode}, {words}))"

    def _method(self, method: Method, table: Table) -> Iterator[str]:
        if method.mode == "?" or method.transfer == "?" or method.channel is None:
            yield "    # The words of @rpc are not known. Override the method with an @rpc of your own."
        mark = "" if method.by_code else self._mark(method)
        name = method.name
        if not is_python_name(name):
            name = free_name(f"_{re.sub(r'^_+', '', name)}", [one.name for one in table.methods])
        elif mark:
            yield f"    @{mark}"
        yield from self._head(name, method.arguments)
        yield f"        {_docstring(place_of(method))}"
        if name != method.name:
            made = f"{mark}({name})" if mark else name
            yield f"\n    locals()[{python_text(method.name)}] = {made}"

    def _mark(self, method: Method) -> str:
        if self._contract.engine == 3:
            self._used.add(mode_of_godot3(method))
            return mode_of_godot3(method)
        self._used.add("rpc")
        return f"rpc({words_of(method)})"

    # ------------------------------------------------------------------------------------------ arguments

    def _head(self, name: str, arguments: Sequence[Argument]) -> list[str]:
        names = argument_names([one.name for one in arguments], lambda one: one == "self" or _is_bad_argument(one))
        found = [self._argument(called, one) for called, one in zip(names, arguments, strict=True)]
        comments = [comment for _, comment in found]
        line = f"    def {name}({', '.join(['self', *(text for text, _ in found)])}) -> None:"
        if len(line) <= _WIDTH and not any(comments):
            return [line]
        rows = [f"        {text},{f'  # {comment}' if comment else ''}" for text, comment in found]
        return [f"    def {name}(", "        self,", *rows, "    ) -> None:"]

    def _argument(self, name: str, argument: Argument) -> tuple[str, str]:
        """Returns the text of an argument, and a comment."""
        if argument.rest:
            self._used.add("Any")
            return f"*{name}: Any", ""
        kind = self._enumeration_names.get(argument.enumeration) or self._use(python_type(argument.type))
        if argument.default is None:
            return f"{name}: {kind}", ""
        try:
            return f"{name}: {kind} = {self._default(argument)}", ""
        except Unwritable:
            optional = kind if kind == "Any" or kind.endswith("| None") else f"{kind} | None"
            return f"{name}: {optional} = None", escape(argument.default, 0)

    def _default(self, argument: Argument) -> str:
        assert argument.default is not None
        enumeration = self._enumerations.get(argument.enumeration)
        if enumeration is None:
            value = value_of(argument.default)
            if value is None and not python_type(argument.type).endswith(("Any", "| None")):
                raise Unwritable("null")
            return self._use(python_text(value))
        called = argument.default.rpartition(".")[2]
        value = dict(enumeration.members).get(called)
        member = value_of(argument.default) if value is None else value
        found = next((name for name, one in member_names(enumeration).items() if one == member), None)
        if found is None:
            raise Unwritable(f"{argument.default} is no member")
        return f"{self._enumeration_names[enumeration.id]}.{found}"

    # ------------------------------------------------------------------------------------------ scenes

    def _scenes_of_classes(self) -> dict[str, str]:
        """Returns the scene whose properties a class declares, by the id of its table.

        The script is the root of this scene alone, and no other class extends it: that class would inherit them.
        """
        by_script: dict[str, list[str]] = {}
        for scene in self._replicated.scenes:
            by_script.setdefault(scene.script, []).append(scene.path)
        extended = {table.extends for table in self._contract.tables}
        return {
            id_: scenes[0]
            for id_, scenes in by_script.items()
            if len(scenes) == 1 and id_ in self._tables and id_ not in extended
        }

    def _scene_class(self, scene: ReplicatedScene) -> str:
        base = f"{self.classes[scene.script]}Base" if scene.script in self._tables else "Node"
        table = self._tables.get(scene.script)
        lines = [f"class {self.classes[scene.path]}Base({base}):", f"    {_docstring(scene.path)}"]
        lines += self._properties(scene, {method.name for method in table.methods} if table else set())
        return "\n".join(lines)

    def _properties(self, scene: ReplicatedScene, taken: set[str]) -> Iterator[str]:
        """Yields the replicated attributes of a scene."""
        if not scene.properties:
            return
        yield ""
        if scene.synchronizer != "MultiplayerSynchronizer":
            yield f"    synchronizer_name = {python_text(scene.synchronizer)}"
        for one in scene.properties:
            plain = attribute_name(one.path)
            name = free_name(f"{plain}_" if _is_taken(plain) or plain in _OPEN else plain, taken)
            taken = {*taken, name}
            yield f"    {name}{self._property(name, one)}"

    def _property(self, name: str, one: ReplicatedProperty) -> str:
        """Returns the text behind the name of a replicated attribute."""
        self._used.add("replicated")
        words = [self._use(one.default)]
        if one.mode != ReplicationMode.ALWAYS:
            self._used.add("ReplicationMode")
            words.append(f"ReplicationMode.{ReplicationMode(one.mode).name}")
        if one.path != f".:{name}":
            words.append(f"path={python_text(one.path)}")
        if not one.spawn:
            words.append("spawn=False")
        # The engine insists on the types of a container's content, and type checkers on a type for an empty one.
        kind = f": {self._use(_annotation(one))}" if _annotation(one) else ""
        comment = "  # type unknown: declare the attribute again, with a value" if one.default == "None" else ""
        return f"{kind} = replicated({', '.join(words)}){comment}"

    def _add_scenes(self) -> str:
        """Returns a function that makes all nodes from the scenes of the project."""
        self._used |= {"SceneTree"}
        scenes = {scene.path: self.classes[scene.path] for scene in self._other_scenes.values()}
        scenes |= {path: self.classes[id_] for id_, path in self._own_scenes.items()}
        scripts = {id_: self.classes[id_] for id_ in self._tables if id_.startswith("res://")}
        scripts = {id_: name for id_, name in scripts.items() if id_ not in self._own_scenes}
        # Inner classes are those of no node in a scene.
        known = {id_: name for id_, name in scripts.items() if "::" not in id_ or ".tscn::" in id_}
        classes = sorted({*scenes.values(), *known.values()})
        return "\n".join(
            [
                "def add_nodes(",
                "    tree: SceneTree,",
                "    *,",
                *(f"    {name}: type[{name}Base] = {name}Base," for name in classes),
                ") -> None:",
                '    """Adds the autoloads and the main scene, of your own classes: `add_nodes(tree, Main=MyMain)`.',
                "",
                '    The tree needs the project: `SceneTree(scenes=Scenes("path/to/project"))`.',
                '    """',
                "    if tree.scenes is None:",
                "        raise ValueError('make the tree with SceneTree(scenes=Scenes(\"path/to/project\"))')",
                "    kinds: dict[str, type[Node]] = {",
                *(f"        {python_text(path)}: {name}," for path, name in sorted((scenes | known).items())),
                "    }",
                "    for path, kind in kinds.items():",
                "        tree.scenes.register(path)(kind)",
                *(self._first_nodes() if self._replicated.first else ()),
            ]
        )

    def _first_nodes(self) -> Iterator[str]:
        """Yields the lines that make the autoloads and the main scene."""
        yield "    nodes = ("
        for one in self._replicated.first:
            yield f"        ({python_text(one.path)}, {python_text(one.name)}),"
        yield "    )"
        yield "    for path, name in nodes:"
        yield "        node = tree.scenes.make(path, name)"
        yield "        if node is not None:"
        yield "            tree.root.add_child(node)"

    # ------------------------------------------------------------------------------------------ nodes

    def _nodes(self) -> Iterator[tuple[str, str]]:
        """Yields the path and the name of the class of each node that the files name, and of the nodes above."""
        seen: set[str] = set()
        for place in self._contract.places:
            if place.table not in self.classes or re.search(r"[*?]", place.path) or _FORBIDDEN.search(place.path):
                continue
            names = place.path.split("/")
            for length in range(1, len(names) + 1):
                path = "/".join(names[:length])
                if path not in seen:
                    seen.add(path)
                    yield path, self.classes.get(self._table_at(path) or "", "Node")

    def _table_at(self, path: str) -> str | None:
        return next((place.table for place in self._contract.places if place.path == path), None)

    def _add_nodes(self) -> str:
        self._used.add("SceneTree")
        nodes = dict(self._nodes())
        classes = sorted({name for name in nodes.values() if name != "Node"})
        rows = [f"        {python_text(path)}: {kind}," for path, kind in nodes.items()]
        return "\n".join(
            [
                "def add_nodes(",
                "    tree: SceneTree,",
                "    *,",
                *(f"    {name}: type[{name}Base] = {name}Base," for name in classes),
                ") -> None:",
                '    """Adds the nodes that the game has, of your own classes: `add_nodes(tree, Main=MyMain)`."""',
                "    kinds: dict[str, type[Node]] = {",
                *rows,
                "    }",
                '    nodes = {path: kind(name=path.rpartition("/")[2]) for path, kind in kinds.items()}',
                "    for path, node in nodes.items():",
                '        if "/" in path:',
                '            nodes[path.rpartition("/")[0]].add_child(node)',
                "    for path, node in nodes.items():",
                '        if "/" not in path:',
                "            tree.root.add_child(node)",
            ]
        )


def _annotation(one: ReplicatedProperty) -> str:
    """Returns the annotation of a replicated attribute; "" if its first value tells the type."""
    if parts(one.type)[1]:
        return python_type(one.type)
    unclear = {"None": "Any", "[]": "list[Any]", "{}": "dict[Any, Any]"}
    return unclear.get(one.default, "")


def _configured_names(table: Table) -> set[str]:
    return {method.name for method in table.methods if method.by_code}.union(table.refused)


def _gone(table: Table, base: Table | None) -> list[str]:
    """Returns the names that a base configures by code, and the class does not: it overrides the function with that."""
    return [] if base is None else sorted(_configured_names(base) - _configured_names(table))


def _is_taken(name: str) -> bool:
    """Tells whether gdpeer's `Node` uses a name itself."""
    return (hasattr(Node, name) and name not in _OPEN) or name.startswith("_gdpeer_") or name == "godot_script"


def _is_bad_argument(name: str) -> bool:
    return keyword.iskeyword(name) or not name.isidentifier()


def _docstring(text: str) -> str:
    escaped = escape(text, 0).replace("\\", "\\\\").replace('"', '\\"')
    return f'"""{escaped}"""'
