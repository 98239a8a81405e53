"""Finds the lines of Python classes and functions, and the functions that do nothing.

Layer: `contract`.
"""

from __future__ import annotations

import ast
import inspect
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Configured", "Position", "PythonSource", "shown"]

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Position:
    """The place of a class or function in the source.

    Attributes:
        file: relative to the current folder if it is below that; "" if there is no file.
        line: of the name, behind all decorators; 0 if unknown.
        is_empty: the body of the function does nothing.
    """

    file: str
    line: int
    is_empty: bool = False


@dataclass(frozen=True, slots=True)
class Configured:
    """A call of `self.rpc_config` in a class.

    Attributes:
        name: of the method; "" if it is not written out.
        mode: the name of the mode, as "any_peer"; "?" if it is not written out.
        line: of the call.
    """

    name: str
    mode: str
    line: int


class PythonSource:
    """Finds classes and functions in their files; reads each file once."""

    def __init__(self) -> None:
        self._functions: dict[str, dict[int, _Function]] = {}
        self._classes: dict[str, dict[str, ast.ClassDef]] = {}

    def of_function(self, function: Callable[..., Any]) -> Position:
        """Returns the position of a function, also behind decorators that use `functools.wraps`."""
        code = getattr(inspect.unwrap(function), "__code__", None)
        if code is None:
            return Position("", 0)
        self._read(code.co_filename)
        # A code object begins at its first decorator.
        found = self._functions[code.co_filename].get(code.co_firstlineno)
        file = shown(code.co_filename)
        if found is None or found.name != code.co_name:
            return Position(file, code.co_firstlineno)
        return Position(file, found.lineno, all(map(_does_nothing, found.body)))

    def of_class(self, class_: type, file: str) -> Position:
        """Returns the position of a class.

        Args:
            class_: the class.
            file: of its module; "" if unknown.
        """
        if not file:
            return Position("", 0)
        self._read(file)
        found = self._classes[file].get(class_.__qualname__)
        return Position(shown(file), 0 if found is None else found.lineno)

    def configured_in(self, class_: type, file: str) -> list[Configured]:
        """Returns the calls of `self.rpc_config` in the text of a class, without those of its bases.

        Args:
            class_: the class.
            file: of its module; "" if unknown.
        """
        if file:
            self._read(file)
        found = self._classes.get(file, {}).get(class_.__qualname__)
        return [] if found is None else [_configured(call) for call in ast.walk(found) if _is_configuring(call)]

    def _read(self, file: str) -> None:
        if file in self._functions:
            return
        functions = self._functions[file] = {}
        classes = self._classes[file] = {}
        try:
            with tokenize.open(file) as opened:
                tree = ast.parse(opened.read())
        except (OSError, SyntaxError, ValueError):
            return  # made by `exec`, or only the compiled file is there
        for name, node in _definitions(tree, ""):
            if isinstance(node, ast.ClassDef):
                classes[name] = node
            else:
                functions[min([node.lineno, *(one.lineno for one in node.decorator_list)])] = node


def shown(file: str) -> str:
    """Returns the path of a file as output shows it: relative to the current folder if it is below that."""
    path = Path(file)
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except (OSError, ValueError):
        return path.as_posix()


def _definitions(tree: ast.AST, above: str) -> Iterator[tuple[str, _Function | ast.ClassDef]]:
    """Yields all classes and functions below a node, with their qualified names."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield above + node.name, node
            yield from _definitions(node, f"{above}{node.name}.")
        elif isinstance(node, _Function):
            yield above + node.name, node
            yield from _definitions(node, f"{above}{node.name}.<locals>.")
        elif isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
            # Expressions contain no definitions, but can be nested a thousand times.
            yield from _definitions(node, above)


def _does_nothing(statement: ast.stmt) -> bool:
    match statement:
        case ast.Pass() | ast.Return(value=None) | ast.Return(value=ast.Constant(value=None)):
            return True
        case ast.Expr(value=ast.Constant(value=value)):
            return value is ... or isinstance(value, str)
    return False


_MODES = {0: "disabled", 1: "any_peer", 2: "authority"}


def _is_configuring(node: ast.AST) -> bool:
    """Tells whether a node is `self.rpc_config(name, config)`."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr="rpc_config"), args=[_, config]):
            return not (isinstance(config, ast.Constant) and config.value is None)
    return False


def _configured(call: Any) -> Configured:
    name, config = call.args
    is_written = isinstance(name, ast.Constant) and isinstance(name.value, str)
    mode: ast.expr | None = None
    match config:
        case ast.Dict():
            mode = next((value for key, value in _pairs(config) if key == "rpc_mode"), None)
        case ast.Call(args=[first, *_]):
            mode = first
        case ast.Call():
            mode = next((one.value for one in config.keywords if one.arg == "rpc_mode"), ast.Constant(2))
    return Configured(name.value if is_written else "", _mode(mode), call.lineno)


def _pairs(config: ast.Dict) -> Iterator[tuple[object, ast.expr]]:
    for key, value in zip(config.keys, config.values, strict=True):
        yield getattr(key, "value", None), value


def _mode(value: ast.expr | None) -> str:
    match value:
        case ast.Constant(value=int() as number):
            return _MODES.get(number, "?")
        case ast.Attribute(attr=attr) if attr.lower() in _MODES.values():
            return attr.lower()
    return "?"
