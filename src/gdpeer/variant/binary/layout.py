"""What lies where in an encoded value: the tables that the writer, the reader and the text share.

A *kind* is Godot 4's type id; Godot 3's ids are translated at the header, so that one table serves both engines.

Layer: `variant`. Source: reference godot4-wire section A, godot3-wire section 4.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Hashable
from typing import Any

from gdpeer.errors import VariantError
from gdpeer.variant.containers import UNTYPED, ContainerType
from gdpeer.variant.foreign import EncodedObject
from gdpeer.variant.kinds import KINDS, VariantType, VariantType3, typeof
from gdpeer.variant.math.color import Color
from gdpeer.variant.math.flat import Numbers
from gdpeer.variant.math.geometry import AABB, Plane, Rect2, Rect2i
from gdpeer.variant.math.transforms import Basis, Projection, Quaternion, Transform2D, Transform3D
from gdpeer.variant.math.vectors import Vector2, Vector2i, Vector3, Vector3i, Vector4, Vector4i
from gdpeer.variant.packed import (
    PackedColorArray,
    PackedFloat32Array,
    PackedFloat64Array,
    PackedInt32Array,
    PackedInt64Array,
    PackedVector2Array,
    PackedVector3Array,
    PackedVector4Array,
)

__all__ = [
    "AS_ID",
    "BIG_ENDIAN",
    "BUILTIN",
    "CLASSES",
    "ENCODED_OBJECT",
    "FROM_3",
    "ITEM_SIZES",
    "MAX_DEPTH",
    "MISSING",
    "NUMBERS",
    "REALS",
    "TO_3",
    "TYPECODES",
    "WHOLE",
    "WHOLES",
    "WIDE_REALS",
    "check_engine",
    "holds_plainly",
    "kind_of",
    "little",
    "no_such_kind",
]

BIG_ENDIAN = sys.byteorder == "big"

MAX_DEPTH = 128
"""How many containers may be open around a value, for reading and writing.

The engine's limit is 1024. Python's `repr`, `==`, `copy.deepcopy` and `pickle` call themselves for each, up to six
calls deep, and give up at a thousand: what was received must not make them.
"""

ENCODED_OBJECT = "EncodedObjectAsID"
"""The class of what stands for an object where objects travel as ids."""

MISSING = 255
"""In `TO_3` and `FROM_3`: the other engine has no such type."""

_FLAT: dict[type[Any], tuple[VariantType, int]] = {
    Vector2: (VariantType.TYPE_VECTOR2, 2),
    Vector2i: (VariantType.TYPE_VECTOR2I, 2),
    Rect2: (VariantType.TYPE_RECT2, 4),
    Rect2i: (VariantType.TYPE_RECT2I, 4),
    Vector3: (VariantType.TYPE_VECTOR3, 3),
    Vector3i: (VariantType.TYPE_VECTOR3I, 3),
    Transform2D: (VariantType.TYPE_TRANSFORM2D, 6),
    Vector4: (VariantType.TYPE_VECTOR4, 4),
    Vector4i: (VariantType.TYPE_VECTOR4I, 4),
    Plane: (VariantType.TYPE_PLANE, 4),
    Quaternion: (VariantType.TYPE_QUATERNION, 4),
    AABB: (VariantType.TYPE_AABB, 6),
    Basis: (VariantType.TYPE_BASIS, 9),
    Transform3D: (VariantType.TYPE_TRANSFORM3D, 12),
    Projection: (VariantType.TYPE_PROJECTION, 16),
    Color: (VariantType.TYPE_COLOR, 4),
}
"""The types that are tuples of their numbers, and how many those are."""

_PACKED: dict[type[Any], tuple[VariantType, str, int]] = {
    PackedInt32Array: (VariantType.TYPE_PACKED_INT32_ARRAY, "i", 4),
    PackedInt64Array: (VariantType.TYPE_PACKED_INT64_ARRAY, "q", 8),
    PackedFloat32Array: (VariantType.TYPE_PACKED_FLOAT32_ARRAY, "f", 4),
    PackedFloat64Array: (VariantType.TYPE_PACKED_FLOAT64_ARRAY, "d", 8),
    PackedVector2Array: (VariantType.TYPE_PACKED_VECTOR2_ARRAY, "f", 8),
    PackedVector3Array: (VariantType.TYPE_PACKED_VECTOR3_ARRAY, "f", 12),
    PackedVector4Array: (VariantType.TYPE_PACKED_VECTOR4_ARRAY, "f", 16),
    PackedColorArray: (VariantType.TYPE_PACKED_COLOR_ARRAY, "f", 16),
}
"""The types that are arrays of numbers, their typecode, and the bytes of an item."""

CLASSES: list[Any] = [None] * len(VariantType)
"""By kind: the class to build, where there is one."""

NUMBERS = [0] * len(VariantType)
"""By kind: how many numbers a value has; 0 for what is not a tuple of numbers."""

ITEM_SIZES = [0] * len(VariantType)
"""By kind: the bytes of an item of a packed array of numbers; 0 for what is none."""

TYPECODES = [""] * len(VariantType)
"""By kind: the `array` typecode of a packed array."""

for _class, (_kind, _count) in _FLAT.items():
    CLASSES[_kind], NUMBERS[_kind] = _class, _count
for _class, (_kind, _typecode, _size) in _PACKED.items():
    CLASSES[_kind], TYPECODES[_kind], ITEM_SIZES[_kind] = _class, _typecode, _size

WHOLE = frozenset(kind for kind in VariantType if NUMBERS[kind] and kind.name.endswith("I"))
"""The tuples of whole numbers: Vector2i, Vector3i, Vector4i, Rect2i."""

FROM_3 = bytearray(len(VariantType3))
"""By Godot 3's type id: the kind."""

TO_3 = bytearray([MISSING] * len(VariantType))
"""By kind: Godot 3's type id, or MISSING."""

for _four, _three in KINDS.values():
    if _three is not None:
        TO_3[_four] = _three
        if _four != VariantType.TYPE_STRING_NAME:
            FROM_3[_three] = _four

_INSTEAD = {
    VariantType.TYPE_VECTOR2I: "a Vector2",
    VariantType.TYPE_RECT2I: "a Rect2",
    VariantType.TYPE_VECTOR3I: "a Vector3",
    VariantType.TYPE_VECTOR4: "a Quaternion or an Array",
    VariantType.TYPE_VECTOR4I: "an Array",
    VariantType.TYPE_PROJECTION: "an Array",
    VariantType.TYPE_CALLABLE: "a name",
    VariantType.TYPE_SIGNAL: "a name",
    VariantType.TYPE_PACKED_INT64_ARRAY: "a PackedInt32Array or an Array",
    VariantType.TYPE_PACKED_FLOAT64_ARRAY: "a PackedFloat32Array or an Array",
    VariantType.TYPE_PACKED_VECTOR4_ARRAY: "a PackedColorArray or an Array",
}


AS_ID = ContainerType(VariantType.TYPE_OBJECT, ENCODED_OBJECT)
"""What a container of objects holds where objects travel as ids."""

BUILTIN = [ContainerType(kind) if kind else UNTYPED for kind in VariantType]
"""By kind: what a container of that type holds."""

REALS = [struct.Struct(f"<{count}f") for count in range(17)]
WIDE_REALS = [struct.Struct(f"<{count}d") for count in range(17)]
WHOLES = [struct.Struct(f"<{count}i") for count in range(17)]
"""By the number of numbers."""


def check_engine(engine: int) -> None:
    """Refuse what is neither Godot 3 nor Godot 4 with a `ValueError`."""
    if engine not in (3, 4):
        raise ValueError(f"engine is 3 or 4, not {engine!r}")


def kind_of(value: Any) -> int:
    """The kind of a value.

    Raises:
        VariantError: no engine has such values.
    """
    try:
        return typeof(value)
    except TypeError as error:
        raise VariantError(f"{error}; convert it first, for example to int, str, list or dict") from None


def no_such_kind(kind: int) -> VariantError:
    """What to raise for a kind that Godot 3 lacks."""
    kind = VariantType(kind)
    return VariantError(f"Godot 3 has no {ContainerType(kind)}; send {_INSTEAD[kind]}")


def holds_plainly(target: dict[Any, Any], key: Any) -> bool:
    """Whether a plain dict can hold `key`, and takes the same keys for it as the engine does."""
    if isinstance(key, str):
        return True
    if isinstance(key, Numbers):
        # NaN is one key; a sum is quick to tell that there is none.
        total = sum(key)
        return total == total or all(number == number for number in key)
    if isinstance(key, (int, float)):
        return key == key and key not in target
    # Objects of a class have one hash, and are compared by what they hold, however deep that goes.
    return isinstance(key, Hashable) and not isinstance(key, EncodedObject)


def little(numbers: memoryview) -> Any:
    """Numbers as they stand in memory, turned round where that is big-endian."""
    if not BIG_ENDIAN:
        return numbers
    swapped = array(numbers.format, numbers.tobytes())
    swapped.byteswap()
    return swapped
