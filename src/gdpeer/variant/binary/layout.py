"""The layout of encoded values: tables that the writer, the reader and the text parser share.

A *kind* is Godot 4's type id. Godot 3's ids are translated at the header, so that one table serves both engines.

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
from gdpeer.variant.math.flat import FlatInts, Numbers
from gdpeer.variant.packed import item_layout

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
"""Most containers around a value, for reading and writing.

The engine's limit is 1024. Python's `repr`, `==`, `copy.deepcopy` and `pickle` recurse, with up to six calls for each
container, and fail at a depth of a thousand calls. A received value must not make them fail.
"""

ENCODED_OBJECT = "EncodedObjectAsID"
"""The class name that the engine writes for an object that is sent as an id."""

MISSING = 255
"""In `TO_3` and `FROM_3`: the other engine lacks the type."""

CLASSES: list[Any] = [None] * len(VariantType)
"""By kind: the class to make, for tuples of numbers and packed arrays; else None."""

NUMBERS = bytearray(len(VariantType))
"""By kind: how many numbers a value has; 0 for types that are not tuples of numbers."""

ITEM_SIZES = bytearray(len(VariantType))
"""By kind: the bytes of an item of a packed array of numbers; 0 for other types."""

TYPECODES = [""] * len(VariantType)
"""By kind: the `array` typecode of a packed array."""

for _class, (_kind, _) in KINDS.items():
    if issubclass(_class, Numbers):
        CLASSES[_kind], NUMBERS[_kind] = _class, _class.WIDTH
    elif issubclass(_class, array):
        CLASSES[_kind] = _class
        TYPECODES[_kind], ITEM_SIZES[_kind] = item_layout(_class)

WHOLE = bytearray(known is not None and issubclass(known, FlatInts) for known in CLASSES)
"""By kind: 1 for tuples of whole numbers."""

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
"""The type of a container of objects that are sent as ids."""

BUILTIN = [ContainerType(kind) if kind else UNTYPED for kind in VariantType]
"""By kind: the type of a container of such values."""

REALS = [struct.Struct(f"<{count}f") for count in range(17)]
WIDE_REALS = [struct.Struct(f"<{count}d") for count in range(17)]
WHOLES = [struct.Struct(f"<{count}i") for count in range(17)]
"""The layouts of tuples, by the number of their numbers."""


def check_engine(engine: int) -> None:
    """Checks the number of an engine.

    Raises:
        ValueError: it is neither 3 nor 4.
    """
    if engine not in (3, 4):
        raise ValueError(f"engine is 3 or 4, not {engine!r}")


def kind_of(value: Any) -> int:
    """Returns the kind of a value.

    Raises:
        VariantError: no engine has values of this class.
    """
    try:
        return typeof(value)
    except TypeError as error:
        raise VariantError(f"{error}; convert it first, for example to int, str, list or dict") from None


def no_such_kind(kind: int) -> VariantError:
    """Returns the error for a kind that Godot 3 lacks; the text names a replacement."""
    kind = VariantType(kind)
    return VariantError(f"Godot 3 has no {ContainerType(kind)}; send {_INSTEAD[kind]}")


def holds_plainly(target: dict[Any, Any], key: Any) -> bool:
    """Tells whether a plain dict can hold `key`, and tells it from its other keys as the engine does."""
    if isinstance(key, str):
        return True
    if isinstance(key, Numbers):
        # The engine treats all NaN as one key, Python does not. A sum that is no NaN shows quickly that none is there.
        total = sum(key)
        return total == total or all(number == number for number in key)
    if isinstance(key, (int, float)):
        return key == key and key not in target
    # All objects of a class have the same hash and are compared by their content, which a peer could make very slow.
    return isinstance(key, Hashable) and not isinstance(key, EncodedObject)


def little(numbers: memoryview) -> Any:
    """Returns numbers in little-endian order; swaps their bytes on a big-endian machine."""
    if not BIG_ENDIAN:
        return numbers
    swapped = array(numbers.format, numbers.tobytes())
    swapped.byteswap()
    return swapped
