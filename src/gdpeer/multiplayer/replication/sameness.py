"""`is_same`: whether two encoded values are the same for the engine, although their bytes differ.

The engine sees no change between 0.0 and -0.0, two NaNs, a typed and an untyped container with the same parts, and two
dictionaries with another order or with a StringName in place of a String as key.

Layer: `multiplayer`; pure. Source: reference godot4-replication section 8.2.
"""

from __future__ import annotations

import re
from array import array
from typing import Any

from gdpeer.multiplayer.wire.replication import decode_values
from gdpeer.variant.kinds import VariantType
from gdpeer.variant.math.flat import Numbers

__all__ = ["is_same"]

_ARRAY, _DICTIONARY = VariantType.TYPE_ARRAY, VariantType.TYPE_DICTIONARY
_BEGINS_DICTIONARY = bytes([_DICTIONARY])
_NAMES = (
    "FLOAT VECTOR2 RECT2 VECTOR3 TRANSFORM2D VECTOR4 PLANE QUATERNION AABB BASIS TRANSFORM3D PROJECTION COLOR",
    "DICTIONARY ARRAY PACKED_FLOAT32_ARRAY PACKED_FLOAT64_ARRAY PACKED_VECTOR2_ARRAY PACKED_VECTOR3_ARRAY",
    "PACKED_COLOR_ARRAY PACKED_VECTOR4_ARRAY",
)
_WITH_FLOATS = frozenset(VariantType[f"TYPE_{name}"] for names in _NAMES for name in names.split())
_SPECIAL = re.compile(rb"\0\0\0\x80|[\x80-\xff][\x7f\xff]").search
"""Finds the end of -0.0 or NaN. Other bytes may look like that, too."""


def is_same(before: bytes, value: bytes) -> bool:
    """Whether two encoded values, which differ in their bytes, are the same for the engine."""
    kind = value[0] & 0x3F
    if kind != before[0] & 0x3F or kind not in _WITH_FLOATS:
        return False
    # Most values are really different: decode only where the bytes leave room for a doubt.
    if before[:4] == value[:4]:
        if len(before) != len(value):
            return False
        if kind != _DICTIONARY and _BEGINS_DICTIONARY not in value and not (_SPECIAL(value) or _SPECIAL(before)):
            return False
    elif kind not in (_ARRAY, _DICTIONARY):
        return False
    return _equal(decode_values(before, 1)[0][0], decode_values(value, 1)[0][0])


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
