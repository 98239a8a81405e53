"""What makes of a value one that an annotation allows.

A value of another type is converted where nothing is lost: an int for a float, a whole float for an int, a Vector2i for
a Vector2 and back when it is whole, a text for a StringName or NodePath and back, an array for a packed array and back,
a number for a member of an enumeration. Everything else is refused with the reason.

Invariants:
- A value never makes anything but CallError leave a converter, whatever it holds.
- Not compiled: an annotation that goes round in a circle ends in a RecursionError, which C does not have.

Layer: `multiplayer`.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from enum import Enum
from typing import Any, TypeAlias

from gdpeer.variant import (
    Array,
    Dictionary,
    EncodedObject,
    EncodedObjectAsID,
    NodePath,
    PackedByteArray,
    PackedColorArray,
    PackedFloat32Array,
    PackedFloat64Array,
    PackedInt32Array,
    PackedInt64Array,
    PackedStringArray,
    PackedVector2Array,
    PackedVector3Array,
    PackedVector4Array,
    Rect2,
    Rect2i,
    StringName,
    Vector2,
    Vector2i,
    Vector3,
    Vector3i,
    Vector4,
    Vector4i,
)
from gdpeer.variant.kinds import KINDS

__all__ = ["CallError", "Converter", "Passing", "converter_for"]


class CallError(Exception):
    """The arguments do not fit; the text says why, in a line."""


Converter: TypeAlias = Callable[[Any], Any]
"""Gives the value as the method wants it, or raises CallError."""


class Passing:
    """A converter that lets all values of some types through, whatever they hold.

    Args:
        kinds: these types.
        convert: for all other values.
    """

    __slots__ = ("_convert", "kinds")

    def __init__(self, kinds: frozenset[type], convert: Converter) -> None:
        self.kinds = kinds
        self._convert = convert

    def __call__(self, value: Any) -> Any:
        """See `Converter`."""
        return value if type(value) in self.kinds else self._convert(value)


def converter_for(annotation: Any) -> Converter | None:
    """What makes of a value one that the annotation allows; None where it allows everything.

    Raises:
        TypeError: no engine value can be checked against this annotation.
    """
    if annotation in (Any, object) or isinstance(annotation, typing.TypeVar):
        return None
    if isinstance(annotation, typing.NewType):
        return converter_for(annotation.__supertype__)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    kind = origin or annotation
    if hasattr(kind, "__value__"):  # `type X = ...`, of Python 3.12 and typing_extensions
        return converter_for(kind.__value__[arguments] if arguments else kind.__value__)
    if origin is typing.Annotated:
        return converter_for(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return _union(arguments)
    if origin is typing.Literal:
        return _literal(arguments)
    if kind in (*_LISTS, *_DICTS):
        return _container(kind, arguments)
    return _of_class(type(None) if annotation is None else annotation)


def _of_class(wanted: Any) -> Converter:
    if not isinstance(wanted, type) or not issubclass(wanted, (Enum, *_VALUES)):
        raise TypeError(f"{wanted!r} is no type of an engine value")
    if issubclass(wanted, Enum):
        return _member(wanted)
    rules = _RULES.get(wanted, {})
    exact = _EXACT.get(wanted, wanted)

    def convert(value: Any) -> Any:
        kind = type(value)
        rule = rules.get(kind)
        if rule is not None:
            return _ruled(rule, value, wanted)
        if isinstance(value, exact) and not (kind is bool and wanted is int):
            return value
        raise CallError(f"is a {kind.__name__}, not a {wanted.__name__}")

    return Passing(frozenset((wanted,)), convert)


def _ruled(rule: Converter, value: Any, wanted: type) -> Any:
    try:
        return rule(value)
    except (ValueError, TypeError, OverflowError) as problem:  # VariantError is a ValueError
        raise CallError(f"is a {type(value).__name__} that makes no {wanted.__name__}: {problem}") from None


def _member(wanted: type[Enum]) -> Converter:
    def convert(value: Any) -> Any:
        found = None
        with suppress(Exception):  # `_missing_` is the game's, and can raise anything
            found = wanted(int(value) if isinstance(value, float) and value.is_integer() else value)
        if found is None or isinstance(value, bool) is not isinstance(found.value, bool):
            raise CallError(f"is {value!r}, which is no {wanted.__name__}")
        return found

    return convert


def _literal(allowed: tuple[Any, ...]) -> Converter:
    def convert(value: Any) -> Any:
        for one in allowed:
            if one == value and type(one) is type(value):
                return value
        raise CallError(f"is {value!r}, not one of {', '.join(map(repr, allowed))}")

    return convert


def _union(members: tuple[Any, ...]) -> Converter | None:
    converters = [converter_for(member) for member in members]
    if None in converters:
        return None
    kinds = [type(None) if member is None else member for member in members]

    def convert(value: Any) -> Any:
        for converter in converters:
            try:
                return converter(value)  # type: ignore[misc]
            except CallError:
                continue
        raise CallError(f"is a {type(value).__name__}, none of {', '.join(map(_name, members))}")

    return Passing(frozenset(kind for kind in kinds if isinstance(kind, type)), convert)


def _container(origin: Any, arguments: tuple[Any, ...]) -> Converter:
    if origin in _LISTS:
        return _list_of(*map(converter_for, arguments or (Any,)))
    return _dict_of(*map(converter_for, arguments or (Any, Any)))


def _list_of(element: Converter | None) -> Converter:
    as_list = _of_class(list)
    if element is None:
        return as_list

    def convert(value: Any) -> Any:
        found = as_list(value)
        for index, one in enumerate(found):
            new = _inside(element, one, "element", index)
            if new is not one:
                if found is value:
                    found = list(value)
                found[index] = new
        return found

    return convert


def _dict_of(key: Converter | None, content: Converter | None) -> Converter:
    as_dict = _of_class(dict)
    if key is content is None:
        return as_dict

    def convert(value: Any) -> Any:
        given = list(as_dict(value).items())
        found = [(_inside(key, name, "key", name), _inside(content, one, "the value of", name)) for name, one in given]
        if all(new[0] is old[0] and new[1] is old[1] for new, old in zip(found, given, strict=True)):
            return value
        return _gathered(found)

    return convert


def _gathered(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    """All the pairs in a dictionary: a plain one where that can tell the keys apart, else the engine's."""
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


def _name(annotation: Any) -> str:
    return getattr(annotation, "__name__", str(annotation))


def _real(value: int) -> float:
    real = float(value)
    if real != value:
        raise CallError(f"is {value!r}, which no float holds exactly")
    return real


def _whole(value: float) -> int:
    if not value.is_integer():
        raise CallError(f"is {value!r}, not a whole number")
    return int(value)


def _rounded(wanted: type) -> Converter:
    """A vector of integers, of one of reals."""
    return lambda value: wanted(*map(_whole, value))


def _flat(wanted: type) -> Converter:
    """A vector of reals, of one of integers."""

    def convert(value: Any) -> Any:
        found = wanted(*value)
        if tuple(found) != tuple(value):
            raise CallError(f"is {value!r}, which no {wanted.__name__} holds exactly")
        return found

    return convert


_VALUES = tuple(kind for kind in KINDS if kind not in (bytearray, memoryview, tuple))

_LISTS = (list, Sequence, Iterable)
_DICTS = (dict, Mapping)

_EXACT: dict[type, Any] = {EncodedObject: EncodedObject | EncodedObjectAsID, bytes: bytes}
"""What also counts as a type, where that is more than its subclasses."""

_PACKED = (
    PackedInt32Array,
    PackedInt64Array,
    PackedFloat32Array,
    PackedFloat64Array,
    PackedStringArray,
    PackedVector2Array,
    PackedVector3Array,
    PackedVector4Array,
    PackedColorArray,
)

_RULES: dict[type, dict[type, Converter]] = {
    float: {int: _real},
    int: {float: _whole},
    str: {NodePath: str},
    StringName: {str: StringName, NodePath: lambda value: StringName(str(value))},
    NodePath: {str: NodePath, StringName: NodePath},
    Vector2: {Vector2i: _flat(Vector2)},
    Vector3: {Vector3i: _flat(Vector3)},
    Vector4: {Vector4i: _flat(Vector4)},
    Rect2: {Rect2i: _flat(Rect2)},
    Vector2i: {Vector2: _rounded(Vector2i)},
    Vector3i: {Vector3: _rounded(Vector3i)},
    Vector4i: {Vector4: _rounded(Vector4i)},
    Rect2i: {Rect2: _rounded(Rect2i)},
    PackedByteArray: {list: PackedByteArray},
    bytes: {list: PackedByteArray},
    list: dict.fromkeys((*_PACKED, PackedByteArray), list),
    **{kind: {list: kind} for kind in (*_PACKED, Array)},
    Dictionary: {dict: Dictionary},
}
"""Wanted, given: how to convert without loss."""
