"""Whether the arguments of a call from elsewhere fit the method, before it is called.

The annotations say what is wanted. A value of another type is converted where nothing is lost: an int for a float, a
whole float for an int, a Vector2i for a Vector2 and back when it is whole, a text for a StringName or NodePath and
back, an array for a packed array and back, a number for a member of an enumeration. Everything else is refused with
the reason.

Layer: `multiplayer`.
"""

from __future__ import annotations

import inspect
import math
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, TypeAlias

from gdpeer.errors import VariantError
from gdpeer.variant import (
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

__all__ = ["CallError", "Checker"]


class CallError(Exception):
    """The arguments do not fit; the text says why, in a line."""


Converter: TypeAlias = Callable[[Any], Any]
"""Gives the value as the method wants it, or raises CallError."""


class Checker:
    """Checks the arguments for one method.

    Args:
        function: takes the node first.
        bound: it does not; it is bound already.
    """

    __slots__ = ("_bound", "_converters", "_function", "_least", "_most", "_names", "_rest")

    def __init__(self, function: Callable[..., Any], *, bound: bool = False) -> None:
        self._function = function
        self._bound = bound
        self._least = -1  # the annotations are read at the first call: by then all they name is defined

    def check(self, arguments: Sequence[Any]) -> Sequence[Any]:
        """The arguments as the method wants them.

        Raises:
            CallError: too few, too many, or of the wrong type.
            TypeError: an annotation of the method is none that an engine value can be checked against.
        """
        if self._least < 0:
            self._read_signature()
        count = len(arguments)
        if count < self._least:
            raise CallError(f"too few arguments: {count} of {self._least}")
        if count > self._most:
            raise CallError(f"too many arguments: {count}, where at most {self._most} are taken")
        if not self._converters:
            return arguments
        return [
            value if converter is None else self._convert(index, converter, value)
            for index, (converter, value) in enumerate(zip(self._padded(count), arguments, strict=True))
        ]

    def _padded(self, count: int) -> Sequence[Converter | None]:
        converters = self._converters
        extra = count - len(converters)
        return [*converters, *[self._rest] * extra] if extra > 0 else converters[:count]

    def _convert(self, index: int, converter: Converter, value: Any) -> Any:
        try:
            return converter(value)
        except CallError as problem:
            name = self._names[index] if index < len(self._names) else ""
            raise CallError(f"argument {index + 1}{f' ({name})' if name else ''} {problem}") from None

    def _read_signature(self) -> None:
        parameters = list(inspect.signature(self._function).parameters.values())
        hints = _annotations(self._function)
        if not self._bound:
            del parameters[0]
        positional = [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
        for one in parameters:
            if one.kind is one.KEYWORD_ONLY and one.default is one.empty:
                raise TypeError(
                    f"{self._function!r}: a call from elsewhere cannot give {one.name!r}, it is keyword-only"
                )
        self._names = [one.name for one in positional]
        self._converters: list[Converter | None] = [converter_for(hints.get(one.name, Any)) for one in positional]
        self._rest: Converter | None = None
        self._most: float = len(positional)
        for one in parameters:
            if one.kind is one.VAR_POSITIONAL:
                self._rest = converter_for(hints.get(one.name, Any))
                self._most = math.inf
        if self._rest is None and not any(self._converters):
            self._converters = []
        self._least = sum(one.default is one.empty for one in positional)


def _annotations(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(inspect.unwrap(function))
    except (NameError, AttributeError) as problem:
        raise TypeError(f"an annotation of {function!r} cannot be read: {problem}") from None


# ---------------------------------------------------------------------------------------------------- converters


def converter_for(annotation: Any) -> Converter | None:
    """What makes of a value one that the annotation allows; None where it allows everything.

    Raises:
        TypeError: no engine value can be checked against this annotation.
    """
    if annotation in (Any, object, inspect.Parameter.empty) or isinstance(annotation, typing.TypeVar):
        return None
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return converter_for(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return _union(typing.get_args(annotation))
    if origin is typing.Literal:
        return _literal(typing.get_args(annotation))
    if origin is not None:
        return _container(origin, typing.get_args(annotation))
    if annotation is None:
        annotation = type(None)
    if not isinstance(annotation, type):
        raise TypeError(f"{annotation!r} cannot be checked in a call from elsewhere")
    return _of_class(annotation)


def _of_class(wanted: type) -> Converter:
    if issubclass(wanted, Enum):
        return _member(wanted)
    if not issubclass(wanted, _VALUES) and wanted not in (Sequence, Iterable, Mapping):
        raise TypeError(f"{wanted!r} cannot be checked in a call from elsewhere: it is no type of a value")
    rules = _RULES.get(wanted, {})
    exact = _EXACT.get(wanted, wanted)

    def convert(value: Any) -> Any:
        kind = value.__class__
        if kind is wanted:
            return value
        rule = rules.get(kind)
        if rule is not None:
            return rule(value)
        if isinstance(value, exact) and not (kind is bool and wanted is int):
            return value
        raise CallError(f"is a {kind.__name__}, not a {wanted.__name__}")

    return convert


def _member(wanted: type[Enum]) -> Converter:
    def convert(value: Any) -> Any:
        try:
            return wanted(value)
        except ValueError:
            raise CallError(f"is {value!r}, which is no {wanted.__name__}") from None

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
    exact = {member for member in members if isinstance(member, type)} | ({type(None)} if None in members else set())

    def convert(value: Any) -> Any:
        if value.__class__ in exact:
            return value
        for converter in converters:
            try:
                return converter(value)  # type: ignore[misc]
            except CallError:
                continue
        raise CallError(f"is a {type(value).__name__}, none of {', '.join(map(_name, members))}")

    return convert


def _container(origin: Any, arguments: tuple[Any, ...]) -> Converter:
    if origin in (list, Sequence, Iterable):
        return _list_of(converter_for(arguments[0]))
    if origin in (dict, Mapping):
        return _dict_of(*(converter_for(one) for one in arguments))
    raise TypeError(f"{origin!r} cannot be checked in a call from elsewhere")


def _list_of(element: Converter | None) -> Converter:
    as_list = _of_class(list)

    def convert(value: Any) -> Any:
        found = as_list(value)
        if element is None:
            return found
        for index, one in enumerate(found):
            new = _inside(element, one, f"element {index}")
            if new is not one:
                if found is value:
                    found = list(value)
                found[index] = new
        return found

    return convert


def _dict_of(key: Converter | None, content: Converter | None) -> Converter:
    as_dict = _of_class(dict)

    def convert(value: Any) -> Any:
        found = as_dict(value)
        changed = {}
        for name, one in found.items():
            new_name = name if key is None else _inside(key, name, f"key {name!r}")
            changed[new_name] = one if content is None else _inside(content, one, f"the value of {name!r}")
        return changed

    return convert


def _inside(converter: Converter, value: Any, where: str) -> Any:
    try:
        return converter(value)
    except CallError as problem:
        raise CallError(f"has {where}, which {problem}") from None


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

    def convert(value: Any) -> Any:
        try:
            return wanted(*map(_whole, value))
        except VariantError as problem:
            raise CallError(f"is {value!r}: {problem}") from None

    return convert


def _flat(wanted: type) -> Converter:
    """A vector of reals, of one of integers."""

    def convert(value: Any) -> Any:
        found = wanted(*value)
        if tuple(found) != tuple(value):
            raise CallError(f"is {value!r}, which no {wanted.__name__} holds exactly")
        return found

    return convert


def _packed(wanted: type) -> Converter:
    """A packed array of an array."""

    def convert(value: Any) -> Any:
        try:
            return wanted(value)
        except (TypeError, ValueError, OverflowError) as problem:
            raise CallError(f"is an array that does not fit: {problem}") from None

    return convert


_VALUES = tuple(kind for kind in KINDS if kind not in (bytearray, memoryview, tuple))

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
    PackedByteArray: {list: _packed(PackedByteArray)},
    bytes: {list: _packed(PackedByteArray)},
    list: dict.fromkeys((*_PACKED, PackedByteArray), list),
    **{kind: {list: _packed(kind)} for kind in _PACKED},
}
"""Wanted, given: how to convert without loss."""
