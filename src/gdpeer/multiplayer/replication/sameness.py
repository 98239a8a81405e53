"""`is_same`: whether two encoded values are the same for the engine, although their bytes differ.

The engine sees no change between 0.0 and -0.0, two NaNs, a typed and an untyped container with the same parts, and two
dictionaries with another order or with a StringName in place of a String as key.

Layer: `multiplayer`; pure. Source: reference godot4-replication section 8.2.
"""

from __future__ import annotations

import struct
from array import array
from typing import Any

from gdpeer.multiplayer.wire.replication import decode_values
from gdpeer.variant.kinds import VariantType
from gdpeer.variant.math.flat import Numbers

__all__ = ["is_same"]


def _kinds(names: str) -> frozenset[int]:
    return frozenset(int(VariantType[f"TYPE_{name}"]) for name in names.split())


_FLOAT, _ARRAY, _DICTIONARY = map(int, (VariantType.TYPE_FLOAT, VariantType.TYPE_ARRAY, VariantType.TYPE_DICTIONARY))
_FEW_FLOATS = _kinds(
    "FLOAT VECTOR2 RECT2 VECTOR3 TRANSFORM2D VECTOR4 PLANE QUATERNION AABB BASIS TRANSFORM3D PROJECTION COLOR"
)
_MANY_FLOATS = _kinds(
    "DICTIONARY ARRAY PACKED_FLOAT32_ARRAY PACKED_FLOAT64_ARRAY PACKED_VECTOR2_ARRAY PACKED_VECTOR3_ARRAY "
    "PACKED_COLOR_ARRAY PACKED_VECTOR4_ARRAY"
)
_DOUBLE = struct.Struct("<d").unpack_from
_UNPACK = {4 + 4 * count: struct.Struct(f"<{count}f").unpack_from for count in range(1, 17)}
"""By the length of a value: reads the floats behind the first four bytes."""
_DICTIONARY_BEGINS = bytes([_DICTIONARY])
_SIGN, _EXPONENT = 0x8000_0000, 0x7F80_0000
_BLOCK = 256
MOST_ORDERED = 1024
"""Most bytes of a value within which dictionaries may have another order. Of longer values the order counts, because
comparing them would take many times as long as encoding them.
"""


def is_same(before: bytes, value: bytes) -> bool:
    """Whether two encoded values, which differ in their bytes, are the same for the engine."""
    kind = value[0] & 0x3F
    if kind != before[0] & 0x3F:
        return False
    if kind in _FEW_FLOATS:
        return before[:4] == value[:4] and _are_same_floats(kind, before, value)
    if kind not in _MANY_FLOATS:
        return False
    # Most values are really different, so values are decoded only where their bytes leave room for a doubt.
    if before[:4] != value[:4]:
        may_be = kind in (_ARRAY, _DICTIONARY) and len(value) <= MOST_ORDERED
    elif len(before) != len(value):
        return False
    else:
        may_be = _only_floats_differ(before, value) or _may_have_another_order(before, value)
    return may_be and _equal(decode_values(before, 1)[0][0], decode_values(value, 1)[0][0])


def _are_same_floats(kind: int, before: bytes, value: bytes) -> bool:
    unpack = _DOUBLE if kind == _FLOAT and len(value) == 12 else _UNPACK[len(value)]
    old, new = unpack(before, 4), unpack(value, 4)
    if old == new:
        return True
    total = sum(new)
    return total != total and _equal(list(old), list(new))  # with NaN


def _words(data: bytes) -> tuple[int, ...]:
    """Returns an encoded value as numbers of 32 bits; everything takes a multiple of four bytes."""
    return struct.unpack(f"<{len(data) >> 2}I", data)


def _only_floats_differ(before: bytes, value: bytes) -> bool:
    """Whether two values of the same length differ only where one has 0.0 and the other -0.0, or both have NaN."""
    for begin in range(0, len(value), _BLOCK):
        old, new = before[begin : begin + _BLOCK], value[begin : begin + _BLOCK]
        if old != new:
            for one, other in zip(_words(old), _words(new), strict=True):
                is_zero = one | other == _SIGN
                if one != other and not is_zero and one & other & _EXPONENT != _EXPONENT:
                    return False
    return True


def _may_have_another_order(before: bytes, value: bytes) -> bool:
    """Whether two values of the same length, with dictionaries, can consist of the same parts."""
    if len(value) > MOST_ORDERED or _DICTIONARY_BEGINS not in value:
        return False
    difference = sum(_words(value)) - sum(_words(before))
    # 0.0 and -0.0 differ by the sign, String and StringName by 17.
    return ((difference + (_SIGN >> 1)) % _SIGN - (_SIGN >> 1)) % 17 == 0


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return isinstance(other, dict) and _equal_dictionaries(one, other)
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(_equal, one, other))
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return one == other or (one != one and other != other)
    if isinstance(one, Numbers | array):
        return len(one) == len(other) and all(map(_equal, one, other))
    return bool(one == other)


def _equal_dictionaries(one: dict[Any, Any], other: dict[Any, Any]) -> bool:
    if len(one) != len(other):
        return False
    by_key = {_key(key): value for key, value in other.items()}
    missing = object()
    return all(_equal(value, by_key.get(_key(key), missing)) for key, value in one.items())


def _key(key: Any) -> object:
    """Returns what stands for a key of a dictionary: 1 and 1.0 are two keys, "a" and StringName("a") are not."""
    if isinstance(key, str):
        return str(key)
    if isinstance(key, float):
        return float, "nan" if key != key else key
    if isinstance(key, Numbers):
        return type(key), tuple(map(_key, key))
    return type(key), key if key.__hash__ is not None else repr(key)
