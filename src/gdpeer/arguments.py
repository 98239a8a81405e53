"""Refuses arguments of a wrong type with a TypeError that names the call and the argument.

    @checked(code=INT, reason=STR)
    def close(self, code: int = 1000, reason: str = "") -> None: ...

    peer.close(1000, None)
    TypeError: close() argument 'reason': expected a string, got NoneType

The decorator adds about a microsecond to a call. So methods that run once per message check their arguments themselves,
and only after something failed.

Layer: with `errors` the lowest; imports nothing of gdpeer.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple, ParamSpec, TypeVar

__all__ = [
    "BOOL",
    "BYTES",
    "CALLABLE",
    "DATA",
    "IDS",
    "INT",
    "LINES",
    "NUMBER",
    "PATH",
    "STR",
    "Kind",
    "a",
    "check_fields",
    "check_id",
    "checked",
    "optional",
    "seconds_of",
    "to_bytes",
    "wrong_type",
]

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

_MISSING = object()


class Kind(NamedTuple):
    """The values that an argument may have.

    Attributes:
        words: names them in the error, with an article: "an int".
        fits: tells whether a value is one of them.
    """

    words: str
    fits: Callable[[Any], bool]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) or (hasattr(type(value), "__float__") and not isinstance(value, str))


def _is_bytes(value: object) -> bool:
    try:
        memoryview(value)  # type: ignore[arg-type]
    except TypeError:
        return False
    return True


def _is_group(value: object) -> bool:
    return hasattr(type(value), "__iter__") and not isinstance(value, str | bytes | bytearray)


INT = Kind("an int", lambda value: isinstance(value, int) or hasattr(type(value), "__index__"))
NUMBER = Kind("a number", _is_number)
BOOL = Kind("a bool", lambda value: isinstance(value, int))
STR = Kind("a string", lambda value: isinstance(value, str))
BYTES = Kind("bytes", _is_bytes)
DATA = Kind("bytes or a string", lambda value: isinstance(value, str) or _is_bytes(value))
IDS = Kind("several ids", _is_group)
LINES = Kind("several strings", _is_group)
PATH = Kind("a path", lambda value: isinstance(value, str | bytes | os.PathLike))
CALLABLE = Kind("something to call", callable)


def a(words: str, *kinds: type) -> Kind:
    """Returns the kind of the instances of some classes, described by `words`."""
    return Kind(words, lambda value: isinstance(value, kinds))


def optional(kind: Kind) -> Kind:
    """Returns a kind that also accepts None."""
    return Kind(f"{kind.words} or None", lambda value: value is None or kind.fits(value))


def wrong_type(call: str, name: str, words: str, value: object) -> TypeError:
    """Returns the error for an argument of a wrong type; `words` describe the right one, as "an int"."""
    return TypeError(f"{call}() argument {name!r}: expected {words}, got {type(value).__name__}")


def checked(**kinds: Kind) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """Returns a decorator that checks the arguments of a method before each call: the kind of each, by its name."""

    def decorate(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        places = {name: place for place, name in enumerate(inspect.signature(function).parameters)}
        rules = [(places[name], name, kind) for name, kind in kinds.items()]
        call = function.__name__
        if call == "__init__":
            # Users call the class, not its __init__.
            call = function.__qualname__.split(".")[-2]

        @wraps(function)
        def checking(*arguments: Parameters.args, **named: Parameters.kwargs) -> Result:
            count = len(arguments)
            for place, name, kind in rules:
                value = arguments[place] if place < count else named.get(name, _MISSING)
                if value is not _MISSING and not kind.fits(value):
                    raise wrong_type(call, name, kind.words, value)
            return function(*arguments, **named)

        return checking

    return decorate


def check_fields(owner: object, **kinds: Kind) -> None:
    """Checks the fields of a dataclass, in its `__post_init__`; TypeError for a value of a wrong type."""
    for name, kind in kinds.items():
        value = getattr(owner, name)
        if not kind.fits(value):
            raise wrong_type(type(owner).__name__, name, kind.words, value)


def seconds_of(call: str, name: str, value: Any) -> float:
    """Converts a number of seconds, which turned out to be no float, to a float; TypeError if it is no number."""
    if not _is_number(value):
        raise wrong_type(call, name, "a number of seconds", value)
    return float(value)


def check_id(call: str, value: Any) -> None:
    """Checks a peer's id that turned out to be no plain int; TypeError if it cannot serve as an int."""
    if not INT.fits(value):
        raise wrong_type(call, "peer_id", "an int", value)


def to_bytes(call: str, name: str, value: Any) -> bytes:
    """Copies a buffer to bytes; for calls that send, after `value` turned out to be no `bytes`.

    Raises:
        TypeError: `value` is no buffer. An int is refused too: `bytes(3)` would be three zeros.
    """
    try:
        return bytes(memoryview(value))
    except TypeError:
        raise wrong_type(call, name, BYTES.words, value) from None
