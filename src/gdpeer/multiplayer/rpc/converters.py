"""Converts RPC arguments to the annotated types.

The annotation names the type; `conversions` converts values of other types.

Invariants:
- A converter raises only CallError, whatever a value holds.
- This module is not compiled: a recursive annotation ends in a RecursionError, which C does not have.

Layer: `multiplayer`.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Collection, Iterable, Mapping, MutableMapping, MutableSequence, Sequence
from contextlib import suppress
from enum import Enum
from itertools import chain
from operator import is_
from typing import Any

from gdpeer.multiplayer.rpc.conversions import RULES, CallError, Converter, a, rule_for
from gdpeer.variant import Array, Dictionary, EncodedObject, EncodedObjectAsID, NodePath
from gdpeer.variant.containers import UNTYPED
from gdpeer.variant.kinds import KINDS

__all__ = ["DICTS", "LISTS", "CallError", "Converter", "Passing", "converter_for", "plain"]


class Passing:
    """A converter that passes all values of some types unchanged.

    Args:
        kinds: the types whose values always pass.
        convert: the converter for all other values.
    """

    __slots__ = ("_convert", "kinds")

    def __init__(self, kinds: frozenset[type], convert: Converter) -> None:
        self.kinds = kinds
        self._convert = convert

    def __call__(self, value: Any) -> Any:
        """Returns the value, converted if its type is not one of `kinds`."""
        return value if type(value) in self.kinds else self._convert(value)


def converter_for(annotation: Any) -> Converter | None:
    """Returns the converter for an annotation; None if the annotation allows every value.

    Raises:
        TypeError: the annotation does not describe engine values.
    """
    annotation = plain(annotation)
    if annotation in (Any, object) or isinstance(annotation, typing.TypeVar):
        return None
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return _union(arguments)
    if origin is typing.Literal:
        return _literal(arguments)
    if (origin or annotation) in LISTS:
        return _list_of(*map(converter_for, arguments or (Any,)))
    if (origin or annotation) in DICTS:
        return _dict_of(*map(converter_for, arguments or (Any, Any)))
    if annotation is typing.LiteralString:
        return _of_class(str)
    return _of_class(type(None) if annotation is None else annotation)


def plain(annotation: Any) -> Any:
    """Returns the annotation behind an alias, a NewType or Annotated."""
    if isinstance(annotation, typing.NewType):
        return plain(annotation.__supertype__)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    kind = origin or annotation
    if hasattr(kind, "__value__"):  # `type X = ...`, of Python 3.12 and typing_extensions
        return plain(kind.__value__[arguments] if arguments else kind.__value__)
    return plain(arguments[0]) if origin is typing.Annotated else annotation


def _of_class(wanted: Any) -> Converter:
    if not isinstance(wanted, type) or not issubclass(wanted, (Enum, *_VALUES)):
        raise TypeError(f"{wanted!r} is no type of an engine value")
    if issubclass(wanted, Enum):
        return _member(wanted)
    rules = RULES.get(wanted, {})
    exact = _EXACT.get(wanted, wanted)

    def convert(value: Any) -> Any:
        kind = type(value)
        if isinstance(value, exact) and kind not in rules:
            return value
        rule = rule_for(rules, kind)
        if rule is None:
            raise CallError(f"is {a(kind)}, not {a(wanted)}")
        try:
            return rule(value)
        except (ValueError, TypeError, ArithmeticError) as problem:  # VariantError is a ValueError
            raise CallError(f"is {a(kind)} that makes no {wanted.__name__}: {problem}") from None

    return Passing(frozenset((wanted,)), convert)


def _member(wanted: type[Enum]) -> Converter:
    truths = {isinstance(one.value, bool) for one in wanted}

    def plain(value: Any) -> Any:
        if isinstance(value, bool):
            return value if True in truths else int(value)
        if isinstance(value, int | float):
            if False not in truths:
                return bool(value) if value in (0, 1) else value
            return int(value) if isinstance(value, float) and value.is_integer() else value
        return str(value) if isinstance(value, NodePath) else value

    def convert(value: Any) -> Any:
        found = None
        with suppress(Exception):  # the game may define `_missing_`, which can raise anything
            found = wanted(plain(value))
        if found is None or isinstance(plain(value), bool) is not isinstance(found.value, bool):
            raise CallError(f"is {value!r}, which is no {wanted.__name__}")
        return found

    return convert


def _literal(allowed: tuple[Any, ...]) -> Converter:
    options = [(one, converter_for(type(one))) for one in allowed]

    def convert(value: Any) -> Any:
        for one in allowed:
            if one == value and type(one) is type(value):
                return value
        for one, converter in options:
            with suppress(CallError):
                if converter is not None and converter(value) == one:
                    return one
        raise CallError(f"is {value!r}, not one of {', '.join(map(repr, allowed))}")

    return convert


def _union(members: tuple[Any, ...]) -> Converter | None:
    converters = [converter_for(member) for member in members]
    if None in converters:
        return None
    kinds = [type(None) if member is None else member for member in members]

    def convert(value: Any) -> Any:
        for converter in converters:
            with suppress(CallError):
                return converter(value)  # type: ignore[misc]
        names = [getattr(member, "__name__", str(member)) for member in members]
        raise CallError(f"is {a(type(value))}, none of {', '.join(names)}")

    return Passing(frozenset(kind for kind in kinds if isinstance(kind, type)), convert)


def _list_of(element: Converter | None) -> Converter:
    as_list = _of_class(list)
    if element is None:
        return as_list

    def convert(value: Any) -> Any:
        given = as_list(value)
        found = [_inside(element, one, "element", index) for index, one in enumerate(given)]
        # A typed array of the other side becomes a plain list.
        return given if type(given) is not Array and all(map(is_, found, given)) else found

    return convert


def _dict_of(key: Converter | None, content: Converter | None) -> Converter:
    as_dict = _of_class(dict)
    if key is content is None:
        return as_dict

    def convert(value: Any) -> Any:
        given = list(as_dict(value).items())
        found = [(_inside(key, name, "key", name), _inside(content, one, "the value of", name)) for name, one in given]
        is_same = all(map(is_, chain.from_iterable(found), chain.from_iterable(given)))
        return value if is_same and not _is_typed(value) else _gathered(found)

    return convert


def _is_typed(value: Any) -> bool:
    return type(value) is Dictionary and not (value.key_type == value.value_type == UNTYPED)


def _gathered(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    """Returns all pairs in one dictionary: a plain one if it can tell the keys apart, else the engine's."""
    for kind in (dict, Dictionary):
        with suppress(TypeError, ValueError):  # a key that it cannot hold
            found: dict[Any, Any] = kind(pairs)
            if len(found) == len(pairs):
                return found
    raise CallError("has keys that one dictionary cannot hold once they are converted")


def _inside(converter: Converter | None, value: Any, what: str, which: Any) -> Any:
    if converter is None:
        return value
    try:
        return converter(value)
    except CallError as problem:
        raise CallError(f"has {what} {which!r}, which {problem}") from None


_VALUES = tuple(kind for kind in KINDS if kind not in (bytearray, memoryview, tuple))

LISTS = (list, Sequence, MutableSequence, Collection, Iterable)
DICTS = (dict, Mapping, MutableMapping)

_EXACT: dict[type, Any] = {EncodedObject: EncodedObject | EncodedObjectAsID, bytes: bytes}
"""The classes that fit an annotation, if they are not just the annotation and its subclasses."""
