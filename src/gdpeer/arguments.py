"""Wrong types refused at the door: a TypeError that names the call and the argument.

    @checked(code=INT, reason=STR)
    def close(self, code: int = 1000, reason: str = "") -> None: ...

    peer.close(1000, None)
    TypeError: close() argument 'reason': expected a string, got NoneType

The decorator costs about a microsecond a call, so what is called for each message checks by itself, where it fails.

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
    """What an argument may be.

    Attributes:
        words: for the error, with its article.
        fits: whether a value is of the kind.
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
    """The kind of the objects of some classes, one of ours mostly."""
    return Kind(words, lambda value: isinstance(value, kinds))


def optional(kind: Kind) -> Kind:
    """As `kind`, or None."""
    return Kind(f"{kind.words} or None", lambda value: value is None or kind.fits(value))


def wrong_type(call: str, name: str, words: str, value: object) -> TypeError:
    """The error for an argument of a wrong type."""
    return TypeError(f"{call}() argument {name!r}: expected {words}, got {type(value).__name__}")


def checked(**kinds: Kind) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """Checks arguments of a method before it is called.

    Args:
        kinds: what each argument must be, by its name.
    """

    def decorate(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        places = {name: place for place, name in enumerate(inspect.signature(function).parameters)}
        rules = [(places[name], name, kind) for name, kind in kinds.items()]
        call = function.__name__
        if call == "__init__":
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
    """Checks what a dataclass was made of, in its `__post_init__`.

    Raises:
        TypeError: a field has a value of a wrong type.
    """
    for name, kind in kinds.items():
        value = getattr(owner, name)
        if not kind.fits(value):
            raise wrong_type(type(owner).__name__, name, kind.words, value)


def seconds_of(call: str, name: str, value: Any) -> float:
    """For calls that come once a frame, where `value` is no float: the number that it is.

    Raises:
        TypeError: it is none.
    """
    if not _is_number(value):
        raise wrong_type(call, name, "a number of seconds", value)
    return float(value)


def check_id(call: str, value: Any) -> None:
    """For calls that come often, where a peer's id is no plain int.

    Raises:
        TypeError: it is none.
    """
    if not INT.fits(value):
        raise wrong_type(call, "peer_id", "an int", value)


def to_bytes(call: str, name: str, value: Any) -> bytes:
    """For calls that send, where `value` is no `bytes`: a copy of what it holds. An int is no count of zeros.

    Raises:
        TypeError: it holds no bytes.
    """
    try:
        return bytes(memoryview(value))
    except TypeError:
        raise wrong_type(call, name, BYTES.words, value) from None
