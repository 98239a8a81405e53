"""Which types pass: the same answers as the engine's, as recorded."""

from __future__ import annotations

import json

import pytest

from gdpeer.contract.passing import is_container, is_handle, takes
from tests.support.missing import ROOT

TAKEN = json.loads((ROOT / "tests" / "golden" / "conversions_godot4.json").read_text("utf-8"))["taken"]

OF_THE_SAME_NAME = """
    Vector2 Vector2i Rect2 Rect2i Vector3 Vector3i Transform2D Vector4 Vector4i Plane Quaternion AABB Basis Transform3D
    Projection Color RID Callable Signal PackedByteArray PackedInt32Array PackedInt64Array PackedFloat32Array
    PackedFloat64Array PackedStringArray PackedVector2Array PackedVector3Array PackedColorArray PackedVector4Array
"""

VALUES = {
    "true": "bool",
    "1": "int",
    "1.0": "float",
    "String red": "String",
    "StringName red": "StringName",
    "NodePath": "NodePath",
    "Array": "Array",
    "Array[int]": "Array[int]",
    "Array[float]": "Array[float]",
    "Array[String]": "Array[String]",
    "Dictionary": "Dictionary",
    "Dictionary[String, int]": "Dictionary[String, int]",
    "Dictionary[int, int]": "Dictionary[int, int]",
    "object id": "Object",
    **{word: word for word in OF_THE_SAME_NAME.split()},
}
"""Recorded values, each with its type."""

CLASSES = ("Node", "Resource")
"""The engine refuses objects of these. That they arrive as an id is a message of its own."""


@pytest.mark.parametrize("wanted", sorted({*TAKEN} - {"untyped", "Number", "inferred", *CLASSES}))
def test_the_answers_of_the_engine(wanted: str) -> None:
    expected = {value for value in VALUES if value in TAKEN[wanted]}
    assert {value for value, word in VALUES.items() if takes(wanted, word)} == expected


@pytest.mark.parametrize("word", [None, "Variant", "int", "Array[int]", "Node"])
def test_what_is_unknown_passes(word: str | None) -> None:
    assert takes(word, None)
    assert takes(None, word)
    assert takes(word, word)


def test_containers_whose_elements_have_a_type() -> None:
    assert [is_container(one) for one in ("Array[int]", "Dictionary[String, int]", "Array", None)] == [
        True, True, False, False,
    ]  # fmt: skip


def test_handles() -> None:
    assert all(map(is_handle, ("Node", "Resource", "Player", "Callable", "Signal", "RID")))
    assert not any(map(is_handle, (None, "Object", "Variant", "int", "Array[Node]", "Match.State")))
