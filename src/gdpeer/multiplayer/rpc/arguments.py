"""Checks the arguments of a call from another side, before the method runs.

The annotations name the types; `converters` converts values of other types.

Invariants:
- `Checker.check` raises only CallError for a value, whatever the value holds.
- Only the annotations of parameters that a call can fill are read: once, at the first call or `problem`.

Layer: `multiplayer`; compiled (types in `arguments.pxd`).
"""

from __future__ import annotations

import functools
import importlib
import inspect
import math
import sys
import types
import typing
from collections.abc import Callable, Sequence
from itertools import chain, repeat
from typing import Any

from gdpeer.multiplayer.rpc.converters import CallError, Converter, converter_for
from gdpeer.multiplayer.rpc.packing import Packer, packer_for

__all__ = ["CallError", "Checker", "hint_of", "scope_of", "signature_of"]


class Checker:
    """Checks the arguments of calls of one method.

    Args:
        function: a function whose first parameter is the node.
        bound: True if the function has no such parameter, because it is bound to its node already.
    """

    __slots__ = (
        "_bound",
        "_converters",
        "_free",
        "_function",
        "_kinds",
        "_least",
        "_most",
        "_names",
        "_packers",
        "_places",
        "_problem",
        "_rest",
        "_rest_packer",
    )

    def __init__(self, function: Callable[..., Any], *, bound: bool = False) -> None:
        self._function = function
        self._bound = bound
        self._least = self._places = -1  # annotations are read at the first call, when all names in them are defined
        self._problem = ""

    def problem(self) -> str:
        """Returns why no call of the method can be checked; "" if calls can be checked."""
        if self._places < 0 and not self._problem:
            try:
                self._read_signature()
            except Exception as problem:
                name = getattr(self._function, "__qualname__", repr(self._function))
                self._problem = f"{name}: {problem}"
        return self._problem

    def packs(self) -> bool:
        """Whether `pack` may change arguments: some parameter is annotated as a typed list or dict."""
        return not self.problem() and (self._rest_packer is not None or any(self._packers))

    def pack(self, arguments: Sequence[Any]) -> Sequence[Any]:
        """Returns the arguments as they are sent: lists and dicts become typed ones, as the annotations say.

        Raises:
            TypeError: an element does not fit its annotation.
        """
        return [self._pack(index, value) for index, value in enumerate(arguments)]

    def _pack(self, index: int, value: Any) -> Any:
        packer = self._packers[index] if index < len(self._packers) else self._rest_packer
        if packer is None:
            return value
        try:
            return packer(value)
        except TypeError as problem:
            function = getattr(self._function, "__qualname__", repr(self._function))
            raise TypeError(f"{function}() {self._which(index)}: {problem}") from None

    def _which(self, index: int) -> str:
        """Returns the words for an argument in an error; arguments of `*arguments` have no names."""
        name = f" ({self._names[index]})" if index < len(self._names) else ""
        return f"argument {index + 1}{name}"

    def check(self, arguments: Sequence[Any]) -> Sequence[Any]:
        """Returns the arguments, converted to the annotated types.

        Raises:
            CallError: there are too few or too many arguments, or one does not fit its annotation.
            TypeError: calls of the method cannot be checked; the text is that of `problem`.
        """
        if len(arguments) == self._places and _fit(arguments, self._kinds):
            return arguments
        return self._check_each(arguments)

    def _check_each(self, arguments: Sequence[Any]) -> Sequence[Any]:
        if self._places < 0 and self.problem():
            raise TypeError(self._problem)
        count = len(arguments)
        if count < self._least:
            raise CallError(f"too few arguments: {count} of {self._least}")
        if count > self._most:
            raise CallError(f"too many arguments: {count}, where at most {self._most} are taken")
        if self._free:
            return arguments
        pairs = zip(chain(self._converters, repeat(self._rest)), arguments, strict=False)
        return [
            value if converter is None else self._convert(index, converter, value)
            for index, (converter, value) in enumerate(pairs)
        ]

    def _convert(self, index: int, converter: Converter, value: Any) -> Any:
        try:
            return converter(value)
        except CallError as problem:
            raise CallError(f"{self._which(index)} {problem}") from None

    def _read_signature(self) -> None:
        places, rest = self._parameters()
        scope = scope_of(self._function)
        self._names = [one.name for one in places]
        wanted = [_wanted_by(one, scope) for one in places]
        self._converters = [converter for converter, _ in wanted]
        self._packers = [packer for _, packer in wanted]
        # A converter that is not a `Passing` passes no value unchanged.
        self._kinds: list[frozenset[type] | None] = [
            None if one is None else getattr(one, "kinds", frozenset()) for one in self._converters
        ]
        self._rest, self._rest_packer = _wanted_by(rest[0], scope) if rest else (None, None)
        self._most = math.inf if rest else len(places)
        self._free = self._rest is None and not any(self._converters)
        self._least = sum(one.default is one.empty for one in places)
        self._places = len(places)  # set last: from now on the signature counts as read

    def _parameters(self) -> tuple[list[inspect.Parameter], list[inspect.Parameter]]:
        """Returns the parameters that a call from another side can fill: those by position, and `*arguments`."""
        parameters = list(signature_of(self._function).parameters.values())
        for one in parameters:
            if one.kind is one.KEYWORD_ONLY and one.default is one.empty:
                raise TypeError(f"a call from elsewhere cannot give {one.name!r}, it is keyword-only")
        places = [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
        rest = [one for one in parameters if one.kind is one.VAR_POSITIONAL]
        if not self._bound:
            if not places and not rest:
                raise TypeError("it does not take the node, as a method does by its `self`")
            del places[:1]
        return places, rest


def _fit(arguments: Sequence[Any], kinds: list[frozenset[type] | None]) -> bool:
    """Whether all arguments have types that need no further check. There must be as many arguments as `kinds`."""
    for i in range(len(kinds)):  # a generator expression would take longer than all the checks
        kind = kinds[i]
        if kind is not None and type(arguments[i]) not in kind:
            return False
    return True


# ---------------------------------------------------------------------------------------------------- annotations

_UNREAD: dict[str, Any] = (
    {"annotation_format": importlib.import_module("annotationlib").Format.FORWARDREF}
    if sys.version_info >= (3, 14)
    else {}
)


def signature_of(function: Callable[..., Any]) -> inspect.Signature:
    """Returns the signature without evaluating annotations, which Python 3.14 does for all of them at once.

    Raises:
        TypeError, ValueError: the function has no signature.
    """
    return inspect.signature(function, **_UNREAD)


def scope_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Returns the names that the annotations of a function can use, and their values."""
    found: Any = inspect.unwrap(function)
    if isinstance(found, functools.partial):
        found = inspect.unwrap(found.func)
    if not hasattr(found, "__globals__"):
        found = type(found).__call__
    names: dict[str, Any] = getattr(found, "__globals__", {})
    return names | {one.__name__: one for one in getattr(found, "__type_params__", ())}


def hint_of(parameter: inspect.Parameter, scope: dict[str, Any]) -> Any:
    """Returns the annotation of a parameter, evaluated.

    Raises:
        Exception: any, because annotations are code.
    """
    alone = types.SimpleNamespace(__annotations__={"it": parameter.annotation})
    return typing.get_type_hints(alone, scope)["it"]


def _wanted_by(parameter: inspect.Parameter, scope: dict[str, Any]) -> tuple[Converter | None, Packer | None]:
    """Returns the converter for received arguments of a parameter, and the packer for sent ones."""
    if parameter.annotation is parameter.empty:
        return None, None
    try:
        hint = hint_of(parameter, scope)
        return converter_for(hint), packer_for(hint)
    except Exception as problem:  # annotations are code, which can raise anything
        raise TypeError(f"the annotation of {parameter.name!r} cannot be read: {problem}") from None
