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

__all__ = ["Position", "PythonSource"]

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


class PythonSource:
    """Finds classes and functions in their files; reads each file once."""

    def __init__(self) -> None:
        self._functions: dict[str, dict[int, _Function]] = {}
        self._classes: dict[str, dict[str, int]] = {}

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
        return Position(shown(file), self._classes[file].get(class_.__qualname__, 0))

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
                classes[name] = node.lineno
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
