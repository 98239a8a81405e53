"""Arrays and dictionaries with types, and the engine's rule for keys as measured on Godot 4.6."""

from __future__ import annotations

import copy
import json
import math
import operator
import pickle
import sys
from typing import Any

import pytest

from gdpeer.errors import VariantError
from gdpeer.variant import (
    RID,
    UNTYPED,
    Array,
    ContainerType,
    Dictionary,
    EncodedCallable,
    EncodedObject,
    EncodedObjectAsID,
    EncodedSignal,
    NodePath,
    PackedByteArray,
    PackedFloat32Array,
    PackedInt32Array,
    PackedStringArray,
    StringName,
    VariantType,
    Vector2,
    Vector2i,
)
from gdpeer.variant.containers import sealed

INT = ContainerType(VariantType.TYPE_INT)
NAN = math.nan

SAME_KEY = [
    ("a", StringName("a")),
    ([1], [1]),
    ([1], (1,)),
    ([1], Array([1], INT)),
    ({1: 2}, {1: 2}),
    ({1: 2}, Dictionary({1: 2}, INT, INT)),
    (0.0, -0.0),
    (NAN, float("nan")),
    ([NAN], [float("nan")]),
    (Vector2(NAN, 0), Vector2(float("nan"), 0)),
    (Vector2(0, 0), Vector2(-0.0, 0)),
    (PackedByteArray([1]), bytearray([1])),
    (PackedFloat32Array([NAN]), PackedFloat32Array([float("nan")])),
    (PackedFloat32Array([0.0]), PackedFloat32Array([-0.0])),
    (PackedStringArray(["a"]), PackedStringArray(["a"])),
    (EncodedCallable(), EncodedCallable()),
    (EncodedObject("Node", {"a": [1]}), EncodedObject("Node", {"a": [1]})),
    (RID(), RID(0)),
    *[
        ([value], [value])
        for value in (
            None,
            True,
            2**70,
            1.5,
            "a" * 300,
            StringName("a"),
            NodePath("/a:b"),
            RID(2),
            EncodedSignal("a", 1),
        )
    ],
    ([EncodedObjectAsID(3)], [EncodedObjectAsID(3)]),
    (None, None),
]
OTHER_KEYS: list[list[Any]] = [
    [1, 1.0, True],
    [0, 0.0, False, None],
    [[1], [1.0], [True]],
    [["a"], [StringName("a")]],
    [{1: 2, 3: 4}, {3: 4, 1: 2}],
    [Vector2(1, 2), Vector2i(1, 2), (1, 2)],
    [PackedByteArray([1]), PackedInt32Array([1]), [1]],
    [PackedStringArray(["a"]), ["a"]],
    ["a", NodePath("a")],
    [RID(1), EncodedObjectAsID(1), 1, EncodedSignal()],
    [[[]], [], {}, [{}]],
    [["ab", "c"], ["a", "bc"], ["abc"], ["a" * 255], ["a" * 300]],
    [[1, 2], [[1], 2], [[1, 2]], [258], [-1], [255], [2**64], [2**70]],
    [[NodePath("a/b")], [NodePath("/a/b")], [NodePath("a:b")], [NodePath("a")], ["a"]],
    [[RID(1)], [EncodedObjectAsID(1)], [EncodedSignal("", 1)], [EncodedSignal("a", 1)], [EncodedCallable()]],
    [[EncodedObject("Node", {"a": 1})], [EncodedObject("Node")], [EncodedObjectAsID()], [None]],
    [[Vector2(1, 2)], [Vector2i(1, 2)], [Vector2(2, 1)], [[1, 2]]],
    [EncodedObject("Node"), EncodedObject("Node", {"a": 1}), EncodedObject("Node", {"a": 1.0})],
]


@pytest.mark.parametrize(("first", "second"), SAME_KEY)
def test_one_key(first: Any, second: Any) -> None:
    scores = Dictionary([(first, 1)])
    scores[second] = 2
    assert len(scores) == 1
    assert scores[first] == scores.get(second) == 2
    assert second in scores
    assert next(iter(scores)) is first


@pytest.mark.parametrize("keys", OTHER_KEYS)
def test_several_keys(keys: list[Any]) -> None:
    scores = Dictionary((key, index) for index, key in enumerate(keys))
    assert len(scores) == len(keys)
    assert [scores[key] for key in keys] == list(range(len(keys)))
    assert all(key is own for key, own in zip(scores, keys, strict=True))


def test_a_key_is_found_by_its_value_at_the_time_of_insertion() -> None:
    key = [1]
    scores = Dictionary([(key, "one")])
    key.append(2)
    assert scores[[1]] == "one"
    assert [1, 2] not in scores


def test_a_whole_mapping() -> None:
    scores = Dictionary({"a": 1})
    scores[1], scores[1.0] = "int", "float"
    assert list(scores.items()) == [("a", 1), (1, "int"), (1.0, "float")]
    assert (list(scores.keys()), list(scores.values())) == (["a", 1, 1.0], [1, "int", "float"])
    assert list(reversed(scores)) == [1.0, 1, "a"]
    assert scores.get(2) is None
    assert scores.setdefault(2, "two") == "two"
    assert scores.pop(1.0) == "float"
    assert scores.pop(1.0, "gone") == "gone"
    assert scores.popitem() == (2, "two")
    scores.update({3.0: "three"}, x=1)
    del scores["x"]
    assert scores == Dictionary([("a", 1), (1, "int"), (3.0, "three")])
    assert json.loads(json.dumps(dict(scores))) == {"a": 1, "1": "int", "3.0": "three"}
    scores.clear()
    assert not scores
    for take in (scores.__getitem__, scores.__delitem__, scores.pop):
        with pytest.raises(KeyError, match=r"^1\.5$"):
            take(1.5)
    with pytest.raises(KeyError):
        scores.popitem()


def test_merging() -> None:
    merged = Dictionary([(1, "int")]) | {1.0: "float"}
    assert list(merged.items()) == [(1, "int"), (1.0, "float")]
    assert list(({1.0: "float"} | Dictionary([(1, "int")])).items()) == [(1.0, "float"), (1, "int")]
    merged |= {True: "bool"}
    assert len(merged) == 3
    assert type(merged) is Dictionary


def test_equality() -> None:
    assert Dictionary({1: 2, 3: 4}) == Dictionary({3: 4, 1: 2}) == {1: 2, 3: 4}
    assert operator.eq({1: 2}, Dictionary({1: 2}))
    assert Dictionary({1: 2}) != Dictionary({1.0: 2})
    assert Dictionary({1: 2}) != {1.0: 2}
    assert Dictionary() != []
    with pytest.raises(TypeError):
        hash(Dictionary())


def test_copies_and_pickles() -> None:
    scores = Dictionary([([1], 1), (1.0, 2), (1, [3])])
    typed = Dictionary({1: 2}, INT, VariantType.TYPE_INT)
    for value in (scores, typed, Array([1], INT)):
        for other in (value.copy(), copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
            assert other == value
            assert type(other) is type(value)
            assert other is not value
    assert copy.deepcopy(typed).value_type == INT
    assert copy.copy(Array([1], INT)).element_type == INT
    assert copy.deepcopy(scores)[1] is not scores[1]


def test_texts() -> None:
    assert repr(Dictionary([(1, 2), (1.0, 3)])) == "Dictionary({1: 2, 1.0: 3})"
    assert repr(Dictionary({1: 2}, INT)) == "Dictionary[int, Variant]({1: 2})"
    assert repr(Array([1], INT)) == "Array[int]([1])"
    node = ContainerType(VariantType.TYPE_OBJECT, "Node")
    assert str(node) == "Node"
    assert str(ContainerType(VariantType.TYPE_OBJECT, "Node", "res://a.gd")) == "res://a.gd"


def test_type_names_are_the_engine_s() -> None:
    names = {str(ContainerType(kind)) for kind in VariantType}
    assert {"Variant", "bool", "String", "StringName", "Vector2i", "AABB", "RID", "NodePath", "Transform3D"} <= names
    assert {"PackedInt32Array", "PackedVector2Array", "PackedByteArray", "Object", "Callable", "Dictionary"} <= names


def test_nothing_is_refused_without_a_type() -> None:
    assert Array([1, "a", None]).element_type == UNTYPED
    assert (Dictionary().key_type, Dictionary().value_type) == (UNTYPED, UNTYPED)


@pytest.mark.parametrize(
    ("kind", "value", "fitted"),
    [
        (VariantType.TYPE_FLOAT, 1, 1.0),
        (VariantType.TYPE_STRING, StringName("a"), "a"),
        (VariantType.TYPE_STRING_NAME, "a", StringName("a")),
        (VariantType.TYPE_OBJECT, None, None),
        (VariantType.TYPE_OBJECT, EncodedObjectAsID(1), EncodedObjectAsID(1)),
        (VariantType.TYPE_ARRAY, (1, 2), (1, 2)),
    ],
)
def test_an_element_is_made_to_fit(kind: VariantType, value: Any, fitted: Any) -> None:
    (element,) = Array([value], kind)
    assert element == fitted
    assert type(element) is type(fitted)


@pytest.mark.parametrize("wrong", ["a", 1.5, True, None, [1], Vector2()])
def test_an_element_that_does_not_fit_is_named(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"element 2: .* where int is wanted"):
        Array([1, 2, wrong], INT)
    with pytest.raises(TypeError, match=r"key 1: .* where int is wanted"):
        Dictionary([(1, 1), (wrong, 1)], INT)
    with pytest.raises(TypeError, match=r"value 0: .* where int is wanted"):
        Dictionary([(1, wrong)], INT, INT)


def test_changes_are_not_checked() -> None:
    numbers = Array([1], INT)
    numbers.append("a")
    assert numbers == [1, "a"]


@pytest.mark.parametrize("key", [object(), {1, 2}, [object()], range(3)])
def test_a_key_that_the_engine_cannot_hold(key: Any) -> None:
    with pytest.raises(TypeError, match="the engine has no type"):
        Dictionary()[key] = 1


def test_a_key_nested_without_end() -> None:
    endless: list[Any] = []
    endless.append(endless)
    scores = Dictionary()
    with pytest.raises(VariantError, match="nested too deeply"):
        scores[endless] = 1
    assert not scores


def test_what_cannot_be_a_key_is_in_no_dictionary() -> None:
    endless: list[Any] = []
    endless.append(endless)
    scores = Dictionary([(1.0, 1)])
    for key in (object(), {1}, endless):
        assert key not in scores
        assert scores.get(key, "none") == "none"
        with pytest.raises(KeyError):
            scores[key]
        with pytest.raises(KeyError):
            del scores[key]
    assert scores.pop(object(), "none") == "none"
    assert scores != {object(): 1}
    assert {object(): 1} != scores
    assert Dictionary() != {object(): 1}
    assert Dictionary([(1, 1), (2, 2)]) != {object(): 1, 2: 2}


def test_no_floats_and_arrays_collide() -> None:
    keys: list[Any] = [2.0**power for power in (-122, -61, 0, 61, 122)]
    keys += [[key] for key in keys]
    assert len({hash(sealed(key)) for key in keys}) == 10


def test_the_views_go_to_no_key() -> None:
    key = [1]
    scores = Dictionary([(key, "one"), (2, "two")])
    key.append(2)
    assert list(scores.items()) == [([1, 2], "one"), (2, "two")]
    assert list(scores.values()) == ["one", "two"]
    assert (2, "two") in scores.items()
    assert "two" in scores.values()
    assert len(scores.items()) == len(scores.values()) == 2


def test_an_object_nested_without_end() -> None:
    deep = EncodedObject("Node")
    for _ in range(2000):
        deep = EncodedObject("Node", {"child": deep})
    with pytest.raises(VariantError, match="nested too deeply"):
        Dictionary()[deep] = 1


def test_a_sealed_key_is_no_other_thing() -> None:
    scores = Dictionary([(1.0, 1)])
    assert ("TYPE_FLOAT", 1.0) not in scores
    assert (VariantType.TYPE_FLOAT, 1.0) not in scores


@pytest.mark.parametrize("empty", [Array(), Dictionary()])
def test_an_empty_one_is_small(empty: Any) -> None:
    assert sys.getsizeof(empty) < 120
    assert not hasattr(empty, "__dict__")
