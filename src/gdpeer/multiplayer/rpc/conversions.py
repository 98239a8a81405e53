"""Converts values to the type of a parameter as the engine does, if nothing is lost.

    RULES[int][float](2.0)  # 2

The engine also converts if something is lost: 1.5 becomes the int 1, 1e300 the smallest int, a text in a packed array
of numbers 0. Here CallError refuses these values: they come from a mistake or a cheat.

Invariant: a rule raises only CallError, ValueError, TypeError or ArithmeticError, whatever a value holds.

Layer: `multiplayer`. Source: `tests/golden/conversions_godot4.json`, recorded from Godot 4.6.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from gdpeer.variant import (
    Array,
    Basis,
    Color,
    Dictionary,
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
    Projection,
    Quaternion,
    Rect2,
    Rect2i,
    StringName,
    Transform2D,
    Transform3D,
    Vector2,
    Vector2i,
    Vector3,
    Vector3i,
    Vector4,
    Vector4i,
)

__all__ = ["PACKED", "RULES", "CallError", "Converter", "a", "rule_for"]


class CallError(Exception):
    """The arguments of a call do not fit the method; the text says why, in one line."""


def a(kind: type) -> str:
    """Returns the name of a class with its article, for messages: "an int", "a str"."""
    return f"{'an' if kind.__name__[0] in 'AEIOUaeiou' else 'a'} {kind.__name__}"


Converter: TypeAlias = Callable[[Any], Any]
"""Returns the value, converted to the type of the parameter, or raises CallError."""

_INT = range(-(2**63), 2**63)
_BITS_32 = range(2**32)


def _real(value: int) -> float:
    real = float(value)
    if real != value:
        raise CallError(f"is {value!r}, which no float holds exactly")
    return real


def _whole(value: float) -> int:
    if not value.is_integer():
        raise CallError(f"is {value!r}, not a whole number")
    whole = int(value)
    if whole not in _INT:
        raise CallError(f"is {value!r}, which no int of 64 bits holds")
    return whole


def _truth(value: float) -> bool:
    if value not in (0, 1):
        raise CallError(f"is {value!r}, neither 0 nor 1")
    return bool(value)


def _rounded(wanted: type) -> Converter:
    """Returns the conversion from a vector of reals to a vector of integers."""
    return lambda value: wanted(*map(_whole, value))


def _flat(wanted: type) -> Converter:
    """Returns the conversion from a vector of integers to a vector of reals."""

    def convert(value: Any) -> Any:
        found = wanted(*value)
        if tuple(found) != tuple(value):
            raise CallError(f"is {value!r}, which no {wanted.__name__} holds exactly")
        return found

    return convert


def _reversible(there: Converter, back: Converter) -> Converter:
    """Returns a conversion that refuses values which the way back does not restore, apart from rounding."""

    def convert(value: Any) -> Any:
        found = there(value)
        if not back(found).is_equal_approx(value):
            raise CallError(f"is {value!r}, of which {a(type(found))} holds but a part")
        return found

    return convert


def _to_plane(value: Transform3D) -> Transform2D:
    x, y = value.basis.x, value.basis.y
    return Transform2D(Vector2(x.x, x.y), Vector2(y.x, y.y), Vector2(value.origin.x, value.origin.y))


def _to_space(value: Transform2D) -> Transform3D:
    x, y, origin = (Vector3(one.x, one.y, 0) for one in (value.x, value.y, value.origin))
    return Transform3D(x, y, Vector3(0, 0, 1), origin)


def _turned(value: Basis | Quaternion) -> Transform3D:
    return Transform3D(Basis(value), Vector3())


def _colour(value: int) -> Color:
    if value not in _BITS_32:
        raise CallError(f"is {value!r}, not a colour of 32 bits")
    return Color.hex(value)


def _each(wanted: Callable[[Any], Any], kind: type) -> Converter:
    """Returns the conversion from an array to a packed array; each element is converted by the rules of its type."""
    rules = RULES.get(kind, {})

    def element(index: int, value: Any) -> Any:
        rule = None if type(value) is kind else rule_for(rules, type(value))
        if rule is None:
            return value
        try:
            return rule(value)
        except CallError as problem:
            raise CallError(f"has element {index}, which {problem}") from None

    def convert(value: list[Any]) -> Any:
        return wanted([element(index, one) for index, one in enumerate(value)])

    return convert


def rule_for(rules: Mapping[type, Converter | None], kind: type) -> Converter | None:
    """Returns the rule for values of a type, or of one of its base classes. A packed array does not count as a list."""
    if kind in rules or kind in PACKED:
        return rules.get(kind)
    return next((rules[base] for base in kind.__mro__ if base in rules), None)


PACKED = {
    PackedByteArray: int,
    PackedInt32Array: int,
    PackedInt64Array: int,
    PackedFloat32Array: float,
    PackedFloat64Array: float,
    PackedStringArray: str,
    PackedVector2Array: Vector2,
    PackedVector3Array: Vector3,
    PackedVector4Array: Vector4,
    PackedColorArray: Color,
}
"""The packed arrays, each with the type of its elements."""

RULES: dict[type, Mapping[type, Converter | None]] = {
    bool: {int: _truth, float: _truth},
    int: {bool: int, float: _whole},
    float: {bool: float, int: _real},
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
    Transform2D: {Transform3D: _reversible(_to_plane, _to_space)},
    Quaternion: {Basis: Quaternion},
    Basis: {Quaternion: Basis},
    Transform3D: {
        Transform2D: _to_space,
        Basis: _turned,
        Quaternion: _turned,
        Projection: _reversible(Transform3D, Projection),
    },
    Projection: {Transform3D: Projection},
    Color: {str: Color, StringName: None, int: _colour, bool: None},
}
"""RULES[wanted][given]: converts without loss. None: never convert, although a base class of the type has a rule."""

RULES |= {kind: {list: _each(kind, element)} for kind, element in PACKED.items()}
RULES |= {
    bytes: RULES[PackedByteArray],
    list: dict.fromkeys(PACKED, list),
    Array: dict.fromkeys((*PACKED, list), Array),
    Dictionary: {dict: Dictionary},
}
