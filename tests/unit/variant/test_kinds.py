"""The engine's type numbers."""

from __future__ import annotations

import json
from array import array
from collections import namedtuple
from enum import IntEnum
from typing import Any

import pytest

from gdpeer import variant
from gdpeer.variant import VariantType, VariantType3, typeof
from tests.support.missing import ROOT

GOLDEN = ROOT / "tests" / "golden"


class Side(IntEnum):
    LEFT = 0


PLAIN: list[tuple[Any, VariantType]] = [
    (None, VariantType.TYPE_NIL),
    (True, VariantType.TYPE_BOOL),
    (1, VariantType.TYPE_INT),
    (Side.LEFT, VariantType.TYPE_INT),
    (1.0, VariantType.TYPE_FLOAT),
    ("a", VariantType.TYPE_STRING),
    (variant.StringName("a"), VariantType.TYPE_STRING_NAME),
    ([], VariantType.TYPE_ARRAY),
    ((), VariantType.TYPE_ARRAY),
    (namedtuple("Pair", "a b")(1, 2), VariantType.TYPE_ARRAY),
    (variant.Array(), VariantType.TYPE_ARRAY),
    (variant.PackedStringArray(), VariantType.TYPE_PACKED_STRING_ARRAY),
    ({}, VariantType.TYPE_DICTIONARY),
    (variant.Dictionary(), VariantType.TYPE_DICTIONARY),
    (b"", VariantType.TYPE_PACKED_BYTE_ARRAY),
    (bytearray(), VariantType.TYPE_PACKED_BYTE_ARRAY),
    (memoryview(b""), VariantType.TYPE_PACKED_BYTE_ARRAY),
    (variant.EncodedObjectAsID(), VariantType.TYPE_OBJECT),
    (variant.EncodedObject("Node"), VariantType.TYPE_OBJECT),
    (variant.EncodedCallable(), VariantType.TYPE_CALLABLE),
    (variant.EncodedSignal(), VariantType.TYPE_SIGNAL),
]


@pytest.mark.parametrize(("value", "kind"), PLAIN)
def test_plain_values(value: Any, kind: VariantType) -> None:
    assert typeof(value) is kind


def test_the_engine_s_numbers_have_no_gap() -> None:
    assert list(VariantType) == list(range(39))
    assert list(VariantType3) == list(range(27))


def test_every_kind_but_none_has_a_python_type() -> None:
    values = [value for value, _ in PLAIN]
    classes = ["Vector2", "Vector2i", "Vector3", "Vector3i", "Vector4", "Vector4i", "Rect2", "Rect2i", "Transform2D"]
    classes += ["Plane", "Quaternion", "AABB", "Basis", "Transform3D", "Projection", "Color", "NodePath", "RID"]
    classes += [name for name in variant.__all__ if name.startswith("Packed")]
    values += [getattr(variant, name)() for name in classes]
    assert {typeof(value) for value in values} == set(VariantType)
    three = {typeof(value, engine=3) for value in values if typeof(value).name in THREE_TOO}
    assert three == set(VariantType3)


THREE_TOO = {kind.name for kind in VariantType} - {
    "TYPE_VECTOR2I",
    "TYPE_RECT2I",
    "TYPE_VECTOR3I",
    "TYPE_VECTOR4",
    "TYPE_VECTOR4I",
    "TYPE_PROJECTION",
    "TYPE_CALLABLE",
    "TYPE_SIGNAL",
    "TYPE_PACKED_INT64_ARRAY",
    "TYPE_PACKED_FLOAT64_ARRAY",
    "TYPE_PACKED_VECTOR4_ARRAY",
}


def test_what_godot_3_lacks() -> None:
    with pytest.raises(TypeError, match="Godot 3 has no type for Vector2i"):
        typeof(variant.Vector2i(), engine=3)
    assert typeof(variant.StringName("a"), engine=3) is VariantType3.TYPE_STRING


@pytest.mark.parametrize("value", [object(), {1}, 1j, array("i"), range(3)])
def test_what_no_engine_has(value: object) -> None:
    with pytest.raises(TypeError, match="the engine has no type for"):
        typeof(value)


def test_the_recorded_values_have_the_first_byte_of_their_type() -> None:
    """Every value that the engine made of an expression: its text is read, and has the type that its bytes name."""
    records = json.loads((GOLDEN / "variant_math_godot4.json").read_text(encoding="utf-8"))["values"]
    seen = set()
    for record in records:
        kind = bytes.fromhex(record["hex"])[0]
        assert typeof(variant.str_to_var(record["text"])) == kind, record["expression"]
        seen.add(kind)
    assert len(records) > 800
    assert len(seen) > 18
