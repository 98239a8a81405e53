"""The engine's values: their types, and their forms as bytes and as text. No I/O, no state.

Layer: `variant`, beside `protocol` and `transport`.
"""

from gdpeer.variant.binary.codec import (
    bytes_to_var,
    bytes_to_var_with_objects,
    var_to_bytes,
    var_to_bytes_with_objects,
)
from gdpeer.variant.containers import UNTYPED, Array, ContainerType, Dictionary
from gdpeer.variant.foreign import RID, EncodedCallable, EncodedObject, EncodedObjectAsID, EncodedSignal
from gdpeer.variant.kinds import VariantType, VariantType3, typeof
from gdpeer.variant.math.color import Color
from gdpeer.variant.math.geometry import AABB, Plane, Rect2, Rect2i
from gdpeer.variant.math.transforms import Basis, Projection, Quaternion, Transform2D, Transform3D
from gdpeer.variant.math.vectors import Vector2, Vector2i, Vector3, Vector3i, Vector4, Vector4i
from gdpeer.variant.names import NodePath, StringName
from gdpeer.variant.packed import (
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
)
from gdpeer.variant.text.text import str_to_var, var_to_str

__all__ = [
    "AABB",
    "RID",
    "UNTYPED",
    "Array",
    "Basis",
    "Color",
    "ContainerType",
    "Dictionary",
    "EncodedCallable",
    "EncodedObject",
    "EncodedObjectAsID",
    "EncodedSignal",
    "NodePath",
    "PackedByteArray",
    "PackedColorArray",
    "PackedFloat32Array",
    "PackedFloat64Array",
    "PackedInt32Array",
    "PackedInt64Array",
    "PackedStringArray",
    "PackedVector2Array",
    "PackedVector3Array",
    "PackedVector4Array",
    "Plane",
    "Projection",
    "Quaternion",
    "Rect2",
    "Rect2i",
    "StringName",
    "Transform2D",
    "Transform3D",
    "VariantType",
    "VariantType3",
    "Vector2",
    "Vector2i",
    "Vector3",
    "Vector3i",
    "Vector4",
    "Vector4i",
    "bytes_to_var",
    "bytes_to_var_with_objects",
    "str_to_var",
    "typeof",
    "var_to_bytes",
    "var_to_bytes_with_objects",
    "var_to_str",
]
