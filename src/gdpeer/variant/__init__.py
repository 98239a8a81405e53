"""The engine's values: their types, and their forms as bytes and as text. No I/O, no state.

Layer: `variant`, beside `protocol` and `transport`.
"""

import types
import typing

from gdpeer.variant.binary.codec import bytes_to_var as bytes_to_var
from gdpeer.variant.binary.codec import bytes_to_var_with_objects as bytes_to_var_with_objects
from gdpeer.variant.binary.codec import var_to_bytes as var_to_bytes
from gdpeer.variant.binary.codec import var_to_bytes_with_objects as var_to_bytes_with_objects
from gdpeer.variant.containers import UNTYPED as UNTYPED
from gdpeer.variant.containers import Array as Array
from gdpeer.variant.containers import ContainerType as ContainerType
from gdpeer.variant.containers import Dictionary as Dictionary
from gdpeer.variant.foreign import RID as RID
from gdpeer.variant.foreign import EncodedCallable as EncodedCallable
from gdpeer.variant.foreign import EncodedObject as EncodedObject
from gdpeer.variant.foreign import EncodedObjectAsID as EncodedObjectAsID
from gdpeer.variant.foreign import EncodedSignal as EncodedSignal
from gdpeer.variant.kinds import VariantType as VariantType
from gdpeer.variant.kinds import VariantType3 as VariantType3
from gdpeer.variant.kinds import typeof as typeof
from gdpeer.variant.math.color import Color as Color
from gdpeer.variant.math.geometry import AABB as AABB
from gdpeer.variant.math.geometry import Plane as Plane
from gdpeer.variant.math.geometry import Rect2 as Rect2
from gdpeer.variant.math.geometry import Rect2i as Rect2i
from gdpeer.variant.math.projection import Projection as Projection
from gdpeer.variant.math.real_vectors import Vector2 as Vector2
from gdpeer.variant.math.real_vectors import Vector3 as Vector3
from gdpeer.variant.math.real_vectors import Vector4 as Vector4
from gdpeer.variant.math.rotations import Basis as Basis
from gdpeer.variant.math.rotations import Quaternion as Quaternion
from gdpeer.variant.math.transforms import Transform2D as Transform2D
from gdpeer.variant.math.transforms import Transform3D as Transform3D
from gdpeer.variant.math.whole_vectors import Vector2i as Vector2i
from gdpeer.variant.math.whole_vectors import Vector3i as Vector3i
from gdpeer.variant.math.whole_vectors import Vector4i as Vector4i
from gdpeer.variant.names import NodePath as NodePath
from gdpeer.variant.names import StringName as StringName
from gdpeer.variant.packed import PackedByteArray as PackedByteArray
from gdpeer.variant.packed import PackedColorArray as PackedColorArray
from gdpeer.variant.packed import PackedFloat32Array as PackedFloat32Array
from gdpeer.variant.packed import PackedFloat64Array as PackedFloat64Array
from gdpeer.variant.packed import PackedInt32Array as PackedInt32Array
from gdpeer.variant.packed import PackedInt64Array as PackedInt64Array
from gdpeer.variant.packed import PackedStringArray as PackedStringArray
from gdpeer.variant.packed import PackedVector2Array as PackedVector2Array
from gdpeer.variant.packed import PackedVector3Array as PackedVector3Array
from gdpeer.variant.packed import PackedVector4Array as PackedVector4Array
from gdpeer.variant.text.text import str_to_var as str_to_var
from gdpeer.variant.text.text import var_to_str as var_to_str

if not typing.TYPE_CHECKING:  # to type checkers `import X as X` says that X is a public name
    __all__ = [name for name, value in vars().items() if name[0] != "_" and not isinstance(value, types.ModuleType)]
