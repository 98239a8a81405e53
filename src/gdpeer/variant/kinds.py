"""The engine's numbers for its types, and the type of each Python value.

Layer: `variant`. Source: reference godot4-wire section A.2, godot3-wire section 1.
"""

from __future__ import annotations

from typing import Any, Final

from gdpeer.enums import NamedInt
from gdpeer.variant.foreign import RID, EncodedCallable, EncodedObject, EncodedObjectAsID, EncodedSignal
from gdpeer.variant.math.color import Color
from gdpeer.variant.math.geometry import AABB, Plane, Rect2, Rect2i
from gdpeer.variant.math.real_vectors import Vector2, Vector3, Vector4
from gdpeer.variant.math.transforms import Basis, Projection, Quaternion, Transform2D, Transform3D
from gdpeer.variant.math.whole_vectors import Vector2i, Vector3i, Vector4i
from gdpeer.variant.names import NodePath, StringName
from gdpeer.variant.packed import (
    PackedColorArray,
    PackedFloat32Array,
    PackedFloat64Array,
    PackedInt32Array,
    PackedInt64Array,
    PackedStringArray,
    PackedVector2Array,
    PackedVector3Array,
    PackedVector4Array,
)

__all__ = ["KINDS", "VariantType", "VariantType3", "typeof"]


class VariantType(NamedInt):
    """Godot 4's `Variant.Type`: the result of `typeof`, and the first byte of an encoded value."""

    TYPE_NIL = 0
    TYPE_BOOL = 1
    TYPE_INT = 2
    TYPE_FLOAT = 3
    TYPE_STRING = 4
    TYPE_VECTOR2 = 5
    TYPE_VECTOR2I = 6
    TYPE_RECT2 = 7
    TYPE_RECT2I = 8
    TYPE_VECTOR3 = 9
    TYPE_VECTOR3I = 10
    TYPE_TRANSFORM2D = 11
    TYPE_VECTOR4 = 12
    TYPE_VECTOR4I = 13
    TYPE_PLANE = 14
    TYPE_QUATERNION = 15
    TYPE_AABB = 16
    TYPE_BASIS = 17
    TYPE_TRANSFORM3D = 18
    TYPE_PROJECTION = 19
    TYPE_COLOR = 20
    TYPE_STRING_NAME = 21
    TYPE_NODE_PATH = 22
    TYPE_RID = 23
    TYPE_OBJECT = 24
    TYPE_CALLABLE = 25
    TYPE_SIGNAL = 26
    TYPE_DICTIONARY = 27
    TYPE_ARRAY = 28
    TYPE_PACKED_BYTE_ARRAY = 29
    TYPE_PACKED_INT32_ARRAY = 30
    TYPE_PACKED_INT64_ARRAY = 31
    TYPE_PACKED_FLOAT32_ARRAY = 32
    TYPE_PACKED_FLOAT64_ARRAY = 33
    TYPE_PACKED_STRING_ARRAY = 34
    TYPE_PACKED_VECTOR2_ARRAY = 35
    TYPE_PACKED_VECTOR3_ARRAY = 36
    TYPE_PACKED_COLOR_ARRAY = 37
    TYPE_PACKED_VECTOR4_ARRAY = 38


class VariantType3(NamedInt):
    """Godot 3's `Variant.Type`: the result of `typeof(value, 3)`."""

    TYPE_NIL = 0
    TYPE_BOOL = 1
    TYPE_INT = 2
    TYPE_REAL = 3
    TYPE_STRING = 4
    TYPE_VECTOR2 = 5
    TYPE_RECT2 = 6
    TYPE_VECTOR3 = 7
    TYPE_TRANSFORM2D = 8
    TYPE_PLANE = 9
    TYPE_QUAT = 10
    TYPE_AABB = 11
    TYPE_BASIS = 12
    TYPE_TRANSFORM = 13
    TYPE_COLOR = 14
    TYPE_NODE_PATH = 15
    TYPE_RID = 16
    TYPE_OBJECT = 17
    TYPE_DICTIONARY = 18
    TYPE_ARRAY = 19
    TYPE_RAW_ARRAY = 20
    TYPE_INT_ARRAY = 21
    TYPE_REAL_ARRAY = 22
    TYPE_STRING_ARRAY = 23
    TYPE_VECTOR2_ARRAY = 24
    TYPE_VECTOR3_ARRAY = 25
    TYPE_COLOR_ARRAY = 26


# A class that is missing here has the type of its nearest base: an IntEnum is an int, a namedtuple a tuple.
KINDS: Final[dict[type[Any], tuple[VariantType, VariantType3 | None]]] = {
    type(None): (VariantType.TYPE_NIL, VariantType3.TYPE_NIL),
    bool: (VariantType.TYPE_BOOL, VariantType3.TYPE_BOOL),
    int: (VariantType.TYPE_INT, VariantType3.TYPE_INT),
    float: (VariantType.TYPE_FLOAT, VariantType3.TYPE_REAL),
    StringName: (VariantType.TYPE_STRING_NAME, VariantType3.TYPE_STRING),
    str: (VariantType.TYPE_STRING, VariantType3.TYPE_STRING),
    Vector2: (VariantType.TYPE_VECTOR2, VariantType3.TYPE_VECTOR2),
    Vector2i: (VariantType.TYPE_VECTOR2I, None),
    Rect2: (VariantType.TYPE_RECT2, VariantType3.TYPE_RECT2),
    Rect2i: (VariantType.TYPE_RECT2I, None),
    Vector3: (VariantType.TYPE_VECTOR3, VariantType3.TYPE_VECTOR3),
    Vector3i: (VariantType.TYPE_VECTOR3I, None),
    Transform2D: (VariantType.TYPE_TRANSFORM2D, VariantType3.TYPE_TRANSFORM2D),
    Vector4: (VariantType.TYPE_VECTOR4, None),
    Vector4i: (VariantType.TYPE_VECTOR4I, None),
    Plane: (VariantType.TYPE_PLANE, VariantType3.TYPE_PLANE),
    Quaternion: (VariantType.TYPE_QUATERNION, VariantType3.TYPE_QUAT),
    AABB: (VariantType.TYPE_AABB, VariantType3.TYPE_AABB),
    Basis: (VariantType.TYPE_BASIS, VariantType3.TYPE_BASIS),
    Transform3D: (VariantType.TYPE_TRANSFORM3D, VariantType3.TYPE_TRANSFORM),
    Projection: (VariantType.TYPE_PROJECTION, None),
    Color: (VariantType.TYPE_COLOR, VariantType3.TYPE_COLOR),
    NodePath: (VariantType.TYPE_NODE_PATH, VariantType3.TYPE_NODE_PATH),
    RID: (VariantType.TYPE_RID, VariantType3.TYPE_RID),
    EncodedObject: (VariantType.TYPE_OBJECT, VariantType3.TYPE_OBJECT),
    EncodedObjectAsID: (VariantType.TYPE_OBJECT, VariantType3.TYPE_OBJECT),
    EncodedCallable: (VariantType.TYPE_CALLABLE, None),
    EncodedSignal: (VariantType.TYPE_SIGNAL, None),
    PackedInt32Array: (VariantType.TYPE_PACKED_INT32_ARRAY, VariantType3.TYPE_INT_ARRAY),
    PackedInt64Array: (VariantType.TYPE_PACKED_INT64_ARRAY, None),
    PackedFloat32Array: (VariantType.TYPE_PACKED_FLOAT32_ARRAY, VariantType3.TYPE_REAL_ARRAY),
    PackedFloat64Array: (VariantType.TYPE_PACKED_FLOAT64_ARRAY, None),
    PackedStringArray: (VariantType.TYPE_PACKED_STRING_ARRAY, VariantType3.TYPE_STRING_ARRAY),
    PackedVector2Array: (VariantType.TYPE_PACKED_VECTOR2_ARRAY, VariantType3.TYPE_VECTOR2_ARRAY),
    PackedVector3Array: (VariantType.TYPE_PACKED_VECTOR3_ARRAY, VariantType3.TYPE_VECTOR3_ARRAY),
    PackedColorArray: (VariantType.TYPE_PACKED_COLOR_ARRAY, VariantType3.TYPE_COLOR_ARRAY),
    PackedVector4Array: (VariantType.TYPE_PACKED_VECTOR4_ARRAY, None),
    bytes: (VariantType.TYPE_PACKED_BYTE_ARRAY, VariantType3.TYPE_RAW_ARRAY),
    bytearray: (VariantType.TYPE_PACKED_BYTE_ARRAY, VariantType3.TYPE_RAW_ARRAY),
    memoryview: (VariantType.TYPE_PACKED_BYTE_ARRAY, VariantType3.TYPE_RAW_ARRAY),
    list: (VariantType.TYPE_ARRAY, VariantType3.TYPE_ARRAY),
    tuple: (VariantType.TYPE_ARRAY, VariantType3.TYPE_ARRAY),
    dict: (VariantType.TYPE_DICTIONARY, VariantType3.TYPE_DICTIONARY),
}


def typeof(value: Any, engine: int = 4) -> VariantType | VariantType3:
    """Returns the engine's number for the type of a value.

    Args:
        value: any value that the engine can hold.
        engine: 4 for a `VariantType`, 3 for a `VariantType3`.

    Raises:
        TypeError: the engine has no type for the value.
    """
    for kind in type(value).__mro__:
        if kind in KINDS:
            four, three = KINDS[kind]
            break
    else:
        raise TypeError(f"the engine has no type for {type(value).__name__}")
    if engine == 4:
        return four
    if three is None:
        raise TypeError(f"Godot 3 has no type for {type(value).__name__}")
    return three
