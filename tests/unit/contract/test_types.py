"""The type map in both directions: Godot 4, Godot 3 and Python."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal, NewType, TypeVar

import pytest

import gdpeer
from gdpeer import EncodedCallable, EncodedObject, EncodedObjectAsID, EncodedSignal, NodePath, StringName
from gdpeer.contract.types import GODOT3, GODOT4, TypedAs, from_godot3, gdscript_type, godot_type, python_type
from gdpeer.multiplayer.rpc.converters import converter_for

Score = NewType("Score", int)
T = TypeVar("T")


class State(IntEnum):
    IDLE = 0
    RUN = 5


class Team(Enum):
    RED = "red"
    BLUE = "blue"


class Number(Enum):
    ONE = 1


class Mixed(Enum):
    ONE = 1
    TEXT = "text"


def resolved(text: str) -> Any:
    return eval(text, {name: getattr(gdpeer, name) for name in gdpeer.__all__} | {"Any": Any})


@pytest.mark.parametrize("word", sorted(GODOT4))
def test_each_built_in_type_survives_the_way_to_python_and_back(word: str) -> None:
    annotation = resolved(python_type(word))
    assert godot_type(annotation) == TypedAs(word)
    assert converter_for(annotation) is not None  # an annotation that calls can be checked against


@pytest.mark.parametrize(
    ("godot", "python"),
    [
        (None, "Any"),
        ("Variant", "Any"),
        ("int", "int"),
        ("String", "str"),
        ("StringName", "StringName"),
        ("Vector2i", "Vector2i"),
        ("Array", "list[Any]"),
        ("Array[int]", "list[int]"),
        ("Array[String]", "list[str]"),
        ("Array[Node]", "list[EncodedObjectAsID | None]"),
        ("Dictionary", "dict[Any, Any]"),
        ("Dictionary[String, Variant]", "dict[str, Any]"),
        ("Dictionary[StringName, Vector2]", "dict[StringName, Vector2]"),
        ("Node2D", "EncodedObjectAsID | None"),
        ("Callable", "EncodedCallable"),
    ],
)
def test_python_annotation(godot: str | None, python: str) -> None:
    assert python_type(godot) == python
    resolved(python)


@pytest.mark.parametrize(
    ("annotation", "godot"),
    [
        (Any, None),
        (object, None),
        (T, None),
        (int | str, None),
        (int | None, None),
        (None, None),
        (EncodedObject | None, "Object"),
        (EncodedObjectAsID | None, "Object"),
        (EncodedObject, "Object"),
        (EncodedCallable, "Callable"),
        (EncodedSignal, "Signal"),
        (Score, "int"),
        (Annotated[float, "metres"], "float"),
        (bool, "bool"),
        (StringName, "StringName"),
        (NodePath, "NodePath"),
        (bytes, "PackedByteArray"),
        (bytearray, "PackedByteArray"),
        (list, "Array"),
        (list[Any], "Array"),
        (list[int], "Array[int]"),
        (list[list[int]], "Array[Array]"),
        (list[State], "Array[int]"),
        (list[int | None], "Array"),
        (Sequence[str], "Array[String]"),
        (tuple[int, ...], "Array[int]"),
        (gdpeer.Array, "Array"),
        (dict, "Dictionary"),
        (dict[Any, Any], "Dictionary"),
        (dict[str, Any], "Dictionary[String, Variant]"),
        (gdpeer.Dictionary, "Dictionary"),
        (Literal[1, 2], "int"),
        (Literal["a", "b"], "String"),
        (Literal[1, "b"], None),
        (Literal[True], "bool"),
        (Team, "String"),
        (Mixed, None),
        (type, None),
    ],
    ids=str,
)
def test_godot_type_of_an_annotation(annotation: Any, godot: str | None) -> None:
    assert godot_type(annotation) == TypedAs(godot)


@pytest.mark.parametrize("kind", [State, Number])
def test_enumeration_of_numbers_is_kept(kind: type[Enum]) -> None:
    assert godot_type(kind) == TypedAs("int", kind)


@pytest.mark.parametrize(
    ("godot4", "godot3"),
    [
        ("Quaternion", "Quat"),
        ("Transform3D", "Transform"),
        ("PackedByteArray", "PoolByteArray"),
        ("PackedInt32Array", "PoolIntArray"),
        ("PackedFloat32Array", "PoolRealArray"),
        ("Vector2", "Vector2"),
    ],
)
def test_types_that_godot_3_calls_otherwise(godot4: str, godot3: str) -> None:
    assert gdscript_type(godot4, 3) == godot3
    assert from_godot3(godot3) == godot4
    assert gdscript_type(godot4, 4) == godot4
    assert godot3 in GODOT3


def test_string_name_is_a_string_in_godot_3() -> None:
    assert gdscript_type("StringName", 3) == "String"
    assert from_godot3("String") == "String"


def test_classes_keep_their_names() -> None:
    assert gdscript_type("Node2D", 3) == "Node2D"
    assert from_godot3("Node2D") == "Node2D"


@pytest.mark.parametrize("word", ["Vector2i", "Vector4", "Projection", "PackedInt64Array", "Callable", "Signal"])
def test_types_that_godot_3_has_not(word: str) -> None:
    with pytest.raises(ValueError, match=f"Godot 3 has no type {word}"):
        gdscript_type(word, 3)


def test_types_of_content_are_left_out_unless_asked_for() -> None:
    assert gdscript_type("Array[int]", 4) == "Array"
    assert gdscript_type("Array[int]", 4, typed=True) == "Array[int]"
    assert gdscript_type("Dictionary[String, int]", 3, typed=True) == "Dictionary"
