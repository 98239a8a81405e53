"""Reads the methods that a Python program lets other sides call.

    contract = read_program("server.py:make_tree")
    for table in contract.tables:
        print(table.id, table.names, table.checksum)

The user's module runs, as by an import. Types come from the annotations.

Layer: `contract`; the only module of it that imports `multiplayer.tree`. Source: reference godot4-contract 1 and 4.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import inspect
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from enum import Enum
from pathlib import Path
from types import MethodType, ModuleType
from typing import Any

from gdpeer.contract.defaults import Unwritable, python_text
from gdpeer.contract.model import (
    BY_CODE,
    Argument,
    Contract,
    Enumeration,
    Method,
    Place,
    Problem,
    Property,
    Table,
    Variable,
)
from gdpeer.contract.python_files import load_script
from gdpeer.contract.python_source import PythonSource, shown
from gdpeer.contract.types import godot_type
from gdpeer.multiplayer.peer import TransferMode
from gdpeer.multiplayer.replication.properties import Replicated, declared_of
from gdpeer.multiplayer.rpc._bound import BoundMethod
from gdpeer.multiplayer.rpc.arguments import Checker, hint_of, scope_of, signature_of
from gdpeer.multiplayer.rpc.decorator import RpcConfig, collect_methods
from gdpeer.multiplayer.rpc.godot3_modes import Godot3Config, RemoteVar
from gdpeer.multiplayer.rpc.method_table import methods_of
from gdpeer.multiplayer.tree import Node, SceneTree

__all__ = ["contract_of", "read_program"]

_FILE = re.compile(r"(?P<module>.+\.py)(?::(?P<name>[^:\\/]*))?", re.DOTALL)
_MODULE = re.compile(r"(?P<module>[^\W\d]\w*(?:\.[^\W\d]\w*)*)(?::(?P<name>.*))?", re.DOTALL)

_OWN = "gdpeer"
"""The package whose classes belong to the engine, not to the program."""


def read_program(source: str) -> Contract:
    """Runs a Python module and reads its methods.

    Args:
        source: `FILE.py` or `package.module`: the contract has all classes of nodes in the module. Either with `:NAME`
            of a `SceneTree`, a `Node` or a function without arguments that returns one: the contract also has the
            nodes with their paths. `:NAME` of a class: only this class.

    Raises:
        ValueError: there is no such module or name, or Python raises; the text is one sentence.
    """
    spec = _FILE.fullmatch(source) or _MODULE.fullmatch(source)
    if spec is None:
        raise ValueError(f"expected a module such as server.py or package.module:name, got {source!r}")
    with _output_to_errors():
        module = _load(spec["module"])
        found = module if spec["name"] is None else _member(module, spec["module"], spec["name"])
        made = _made(found, source)
        return contract_of(made, source, [] if made is found and isinstance(found, type) else _node_classes(module))


def contract_of(found: object, source: str = "", others: Iterable[type[Node]] = ()) -> Contract:
    """Returns the contract of a part of a program.

    Args:
        found: a module, a class of nodes, a node with the nodes below, or a tree.
        source: for the contract; as given by the user.
        others: more classes that belong to the program, such as the nodes that are made later.

    Raises:
        ValueError: the object is something else.
    """
    reading = _Reading(source)
    classes = set(others)
    match found:
        case ModuleType():
            classes.update(_node_classes(found))
        case SceneTree():
            for child in found.root.get_children():
                reading.add_nodes(child)
        case Node():
            reading.add_nodes(found)
        case type() if issubclass(found, Node):
            classes.add(found)
        case _:
            raise ValueError(f"{source or found!r} is {_kind(found)}: expected a SceneTree, a Node or a module")
    return reading.contract(classes)


# ---------------------------------------------------------------------------------------------------- running


def _output_to_errors() -> contextlib.AbstractContextManager[object]:
    """Keeps what the user's module prints out of standard output, which may be read by a program."""
    return contextlib.redirect_stdout(sys.stderr)


def _load(name: str) -> ModuleType:
    path = Path(name)
    is_file = name.endswith(".py")
    if is_file and not path.is_file():
        raise ValueError(f"{name} is {'no file' if path.exists() else 'not there'}")
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        return load_script(path) if is_file else importlib.import_module(name)
    except (Exception, SystemExit) as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) and not is_file else None
        # The error may also be of a module that the user's module imports.
        if missing is not None and (name == missing or name.startswith(f"{missing}.")):
            raise ValueError(f"there is no module {missing} in {folder}") from error
        raise ValueError(f"{name} raises {_last_line(error)}") from error


def _last_line(error: BaseException) -> str:
    """Returns the last line of a traceback, with the place in the user's code."""
    text = traceback.format_exception_only(error)[-1].strip()
    frames = [one for one in traceback.extract_tb(error.__traceback__) if not one.filename.startswith("<frozen")]
    return f"{text} ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else text


def _member(module: ModuleType, module_name: str, name: str) -> object:
    found: object = module
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is None:
        near = difflib.get_close_matches(name, vars(module), 1)
        raise ValueError(f"{module_name} has no {name}{f', did you mean {near[0]}?' if near else ''}")
    return found


def _made(found: object, source: str) -> object:
    """Calls a function that makes a tree or a node; returns anything else as it is."""
    if isinstance(found, type | ModuleType | Node | SceneTree) or not callable(found):
        return found
    if inspect.iscoroutinefunction(found):
        raise ValueError(f"{source} is async: expected a function that returns a SceneTree or a Node")
    try:
        return found()
    except (Exception, SystemExit) as error:
        raise ValueError(f"{source} raises {_last_line(error)}") from error


def _kind(found: object) -> str:
    return "another class" if isinstance(found, type) else f"of the type {type(found).__name__}"


def _node_classes(module: ModuleType) -> list[type[Node]]:
    found = [one for one in vars(module).values() if isinstance(one, type) and issubclass(one, Node)]
    return [one for one in found if not _is_own(one)]


def _is_own(class_: type) -> bool:
    """Whether a class is part of gdpeer, as the classes of the engine are for a game."""
    return class_.__module__.partition(".")[0] == _OWN


# ---------------------------------------------------------------------------------------------------- reading


class _Reading:
    """Collects tables, places and problems of one program.

    Args:
        source: as given by the user.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._positions = PythonSource()
        self._tables: dict[str, Table] = {}
        self._places: list[Place] = []
        self._problems: list[Problem] = []
        self._enumerations: dict[str, Enumeration] = {}
        self._replaced: set[str] = set()
        self._placed: set[str] = set()

    def contract(self, classes: Iterable[type[Node]]) -> Contract:
        """Returns the contract of all nodes that were added, and of more classes."""
        for class_ in sorted(classes, key=_id_of):
            table = self._table(class_)
            if table.id not in self._placed:
                self._add_methods_by_code(class_)
            if class_.scene_file_path and table.methods:
                # Spawners and the game put the scene somewhere below; only its name and its file are known.
                scene = class_.scene_file_path
                self._places.append(Place(f"?/{class_.__name__}", table.id, "scene", scene, table.file, table.line))
        # Of a class whose nodes all configure methods by code, only the tables of the nodes count.
        replaced = self._replaced - {place.table for place in self._places}
        kept = [table for id_, table in sorted(self._tables.items()) if id_ not in replaced]
        tables = tuple(table for table in kept if table.properties or not table.is_empty)
        return Contract(
            self._source, 4, tables, tuple(self._places), tuple(self._problems), tuple(self._enumerations.values())
        )

    def add_nodes(self, top: Node, above: str = "") -> None:
        """Adds a node and all nodes below it."""
        pending = [(top, above)]
        while pending:
            node, above = pending.pop()
            path = f"{above}{node.name}"
            table = self._table(type(node))
            self._placed.add(table.id)
            by_code = [self._own_method(node, name) for name in _own_names(node)]
            if by_code:
                table = self._with_methods_by_code(table, by_code, path)
            id_ = table.id if table.properties or not table.is_empty else None
            self._places.append(Place(path, id_, "tree", node.scene_file_path, table.file, table.line))
            pending += [(child, f"{path}/") for child in reversed(node.get_children())]

    def _table(self, class_: type[Node]) -> Table:
        id_ = _id_of(class_)
        if id_ not in self._tables:
            self._tables[id_] = self._make_table(class_, id_)
        return self._tables[id_]

    def _make_table(self, class_: type[Node], id_: str) -> Table:
        position = self._positions.of_class(class_, _file_of(class_))
        base = next(one for one in (*class_.__mro__[1:], Node) if issubclass(one, Node))
        methods = [
            self._method(class_, name, method.config, method.function, method.checker)
            for name, method in sorted(collect_methods(class_).items())
        ]
        return Table(
            id_,
            class_.__name__,
            tuple(methods),
            base.__name__ if _is_own(base) else _id_of(base),
            position.file,
            position.line,
            str(getattr(class_, "godot_script", "")),
            tuple(self._variables(class_)),
            properties=tuple(self._property(one, class_) for one in declared_of(class_)),
        )

    def _variables(self, class_: type[Node]) -> Iterator[Variable]:
        names = sorted({name for base in class_.__mro__ for name, one in vars(base).items() if type(one) is RemoteVar})
        for name in names:
            declared = inspect.getattr_static(class_, name)
            owner = next(base for base in class_.__mro__ if name in vars(base))
            if isinstance(declared, RemoteVar):
                position = self._positions.of_class(owner, _file_of(owner))
                yield Variable(name, declared.mode.name.lower(), position.file, position.line)

    def _property(self, declared: Replicated, class_: type[Node]) -> Property:
        default = type_ = None
        try:
            declared.prepare()
            value = declared.first_value()
            hint = declared.hint()
            type_ = godot_type(type(value) if hint is None and value is not None else hint).word
            with contextlib.suppress(Unwritable):
                default = python_text(value)
        except Exception as error:  # annotations are code, which can raise anything
            position = self._positions.of_class(class_, _file_of(class_))
            self._problems.append(Problem("unreadable", position.file, position.line, f"cannot be sent: {error}"))
        return Property(declared.name, declared.path, declared.mode.name.lower(), declared.spawn, type_, default)

    # ---------------------------------------------------------------------------------------- methods

    def _method(
        self,
        class_: type[Node],
        name: str,
        config: RpcConfig,
        function: Callable[..., Any],
        checker: Checker,
        *,
        bound: bool = False,
        by_code: bool = False,
    ) -> Method:
        position = self._positions.of_function(function)
        problem = checker.problem()
        if problem:
            self._problems.append(Problem("unreadable", position.file, position.line, f"cannot be called: {problem}"))
        owner = next((one for one in class_.__mro__ if name in vars(one)), class_)
        is_3 = isinstance(config, Godot3Config)
        return Method(
            name,
            config.mode.name.lower() if isinstance(config, Godot3Config) else config.rpc_mode.name.lower(),
            config.call_local,
            "" if is_3 else TransferMode(config.transfer_mode).name.lower(),
            config.channel,
            _id_of(owner),
            position.line,
            tuple(self._arguments(function, bound)),
            position.file,
            position.is_empty,
            by_code,
        )

    def _own_method(self, node: Node, name: str) -> Method:
        """Returns a method that the node has configured by `rpc_config`."""
        config = methods_of(node).own_first[name].config
        found = getattr(node, name)
        is_bound = not isinstance(found, BoundMethod | MethodType)
        if isinstance(found, BoundMethod):
            function: Callable[..., Any] = collect_methods(type(node))[name].function
        else:
            function = found.__func__ if isinstance(found, MethodType) else found
        checker = Checker(function, bound=is_bound)
        return self._method(type(node), name, config, function, checker, bound=is_bound, by_code=True)

    def _with_methods_by_code(self, table: Table, methods: list[Method], path: str) -> Table:
        """Adds a table for one node: its class without the methods that only this node has would be wrong."""
        self._replaced.add(table.id)
        id_ = f"{table.id}@{path}"
        self._tables[id_] = replace(table, id=id_, methods=(*methods, *table.methods))
        return self._tables[id_]

    def _add_methods_by_code(self, class_: type[Node]) -> None:
        """Adds the methods that a class configures in its text, as no node of the class is there to ask."""
        found: dict[str, Method] = {}
        for base in reversed(class_.__mro__):
            file = _file_of(base)
            for call in self._positions.configured_in(base, file):
                function = inspect.getattr_static(class_, call.name, None)
                function = getattr(function, "function", function)
                if not inspect.isfunction(function):
                    text = "rpc_config has a name that is not written out, or that the class does not define"
                    self._problems.append(Problem("by-code", shown(file), call.line, text))
                    continue
                method = self._method(class_, call.name, RpcConfig(), function, Checker(function), by_code=True)
                found[call.name] = replace(method, mode=call.mode)
        if found:
            table = self._table(class_)
            methods = (*(found[name] for name in sorted(found)), *table.methods)
            self._tables[table.id] = replace(table, methods=methods)

    def _arguments(self, function: Callable[..., Any], bound: bool) -> Iterator[Argument]:
        try:
            parameters = list(signature_of(function).parameters.values())
        except (TypeError, ValueError):
            return  # the problem is reported already
        places = [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
        rest = [one for one in parameters if one.kind is one.VAR_POSITIONAL]
        scope = scope_of(function)
        for parameter in (*(places if bound else places[1:]), *rest):
            default = None if parameter.default is parameter.empty else _text(parameter.default)
            is_rest = parameter.kind is parameter.VAR_POSITIONAL
            yield Argument(parameter.name, default=default, rest=is_rest, **self._type(parameter, scope))

    def _type(self, parameter: inspect.Parameter, scope: dict[str, Any]) -> dict[str, Any]:
        """Returns the fields of an argument that the annotation tells."""
        if parameter.annotation is parameter.empty:
            return {}
        try:
            hint = hint_of(parameter, scope)
            found = godot_type(hint)
        except Exception:  # annotations are code; the problem is reported already
            return {}
        if found.enumeration is not None:
            return {"type": found.word, "enumeration": self._enumeration(found.enumeration)}
        is_said = found.word is not None or hint in (Any, object)
        return {"type": found.word, "annotation": "" if is_said else inspect.formatannotation(hint)}

    def _enumeration(self, kind: type[Enum]) -> str:
        id_ = _id_of(kind)
        members = tuple((name, int(member.value)) for name, member in kind.__members__.items())
        self._enumerations[id_] = Enumeration(id_, kind.__name__, members)
        return id_


def _own_names(node: Node) -> list[str]:
    """Returns the names that a node has configured by `rpc_config`, in the order of their numbers."""
    return [one.name for one in methods_of(node).by_number.values() if one.number & BY_CODE]


def _id_of(class_: type) -> str:
    return f"{class_.__module__}.{class_.__qualname__}"


def _file_of(class_: type) -> str:
    module = None if _is_own(class_) else sys.modules.get(class_.__module__)
    return getattr(module, "__file__", None) or ""


def _text(default: object) -> str:
    """Returns the text of a default; three dots for an object whose text differs in each run."""
    if isinstance(default, Enum):
        return f"{type(default).__name__}.{default.name}"
    try:
        text = repr(default)
    except Exception:  # the user's own class may raise anything
        return "..."
    return "..." if re.search(r"\bat 0x[0-9a-fA-F]+", text) else text
