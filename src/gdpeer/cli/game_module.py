"""Finds the game of `gdpeer serve`: a hall or a kind of room in the user's own module.

Layer: `cli`.
"""

from __future__ import annotations

import importlib
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

import click

from gdpeer.cli.failure import Failure, suggestion
from gdpeer.cli.options import Parsed, quoted
from gdpeer.coroutines import is_async
from gdpeer.rooms import Hall, Room

__all__ = ["GAME", "load_game"]

_SPEC = re.compile(r"([^\W\d]\w*(?:\.[^\W\d]\w*)*):([^\W\d]\w*(?:\.[^\W\d]\w*)*)")
_PACKAGE = str(Path(__file__).parents[1])


def parse_game(text: str) -> tuple[str, str]:
    """Returns the module's name and the name in it, of a text such as `game:Arena`."""
    found = _SPEC.fullmatch(text)
    if found is None:
        raise ValueError(f"expected MODULE:NAME such as game:Arena, got {quoted(text)}")
    return found[1], found[2]


GAME = Parsed("module:name", parse_game)


def load_game(module_name: str, name: str) -> Hall | Callable[..., Any]:
    """Imports a module from the current folder and returns a hall that does not listen yet, or a kind of room.

    An exception of the module is printed with its traceback.

    Raises:
        Failure: there is no such module or name, the name is something else, or the module raises.
    """
    module = import_module(module_name)
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is None:
        known = names_in(module)
        near = suggestion(name, known) or (f": it has {', '.join(known)}" if known else "")
        raise Failure(f"the module {module_name} has no {name}{near}")
    if isinstance(found, Hall):
        if found.is_listening():
            raise Failure(f"{module_name}:{name} listens already: remove its listen(), gdpeer serve opens the port")
        for made in found.kinds.values():
            check_not_async(made, f"{module_name}:{name}")
        return found
    if not is_kind(found):
        what = {ModuleType: "a module", type: "another class"}
        kind = what.get(type(found), f"of the type {type(found).__name__}")
        raise Failure(f"{module_name}:{name} is {kind}: gdpeer serve takes a Hall, a class of Room or a function(room)")
    check_not_async(found, f"{module_name}:{name}")
    kept: Callable[..., Any] = found
    return kept


def check_not_async(kind: Any, source: str) -> None:
    """Raises a Failure if rooms of a kind need asyncio: no room could be made, or no player could join."""
    hooks: tuple[object, ...] = (kind,)
    if isinstance(kind, type) and issubclass(kind, Room):
        hooks = kind.on_create, kind.on_auth
    for hook in filter(is_async, hooks):
        raise Failure(
            f"{getattr(hook, '__qualname__', hook)} of {source} is async, and gdpeer serve does not run asyncio: "
            "write a program with gdpeer.aio.serve_hall(), or return a concurrent.futures.Future"
        )


def is_kind(found: object) -> bool:
    """Returns whether an object makes rooms: a class of Room, or a function."""
    if isinstance(found, type):
        return issubclass(found, Room)
    return callable(found) and not isinstance(found, ModuleType)


def names_in(module: ModuleType) -> list[str]:
    """Returns the names of the halls and of the module's own kinds of rooms."""
    return [
        name
        for name, value in vars(module).items()
        if isinstance(value, Hall)
        or (isinstance(value, type) and issubclass(value, Room) and value.__module__ == module.__name__)
    ]


def import_module(name: str) -> ModuleType:
    """Imports a module of the current folder or of the Python path."""
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # The error may also be of a module that the game imports: that one has a traceback.
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise Failure(f"there is no module {error.name} in {folder}") from error
        show_traceback(error)
        raise Failure(f"the module {name} cannot be imported: {error}") from error
    except Exception as error:
        show_traceback(error)
        raise Failure(f"the module {name} raises {type(error).__name__}: {error}") from error


def show_traceback(error: Exception) -> None:
    """Prints a traceback on standard error, from the game's own code on."""
    click.echo(
        "".join(traceback.format_exception(type(error), error, own_part(error.__traceback__))).rstrip(), err=True
    )


def own_part(trace: TracebackType | None) -> TracebackType | None:
    """Returns a traceback without the lines of gdpeer and of importlib at its beginning."""
    while trace is not None and is_foreign(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    return trace


def is_foreign(file: str) -> bool:
    """Returns whether a source file belongs to gdpeer or importlib."""
    return file.startswith((_PACKAGE, "<frozen importlib")) or file == importlib.__file__
