"""Which arguments of a call from elsewhere fit a method, and what becomes of those that nearly do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal, Optional, TypeVar

import pytest

from gdpeer.multiplayer.checking import CallError, Checker
from gdpeer.variant import (
    EncodedObject,
    EncodedObjectAsID,
    NodePath,
    PackedByteArray,
    PackedFloat32Array,
    PackedInt32Array,
    PackedStringArray,
    PackedVector2Array,
    Rect2,
    Rect2i,
    StringName,
    Vector2,
    Vector2i,
    Vector3,
    Vector3i,
    Vector4,
    Vector4i,
)

T = TypeVar("T")


class Colour(IntEnum):
    RED = 0
    GREEN = 1


class Word(Enum):
    YES = "yes"


def taking(annotation: Any) -> Checker:
    def method(self: Any, value: Any) -> None: ...

    method.__annotations__ = {"value": annotation}
    return Checker(method)


@pytest.mark.parametrize(
    ("annotation", "given", "expected"),
    [
        (int, 7, 7),
        (int, 7.0, 7),
        (float, 7, 7.0),
        (float, 0.5, 0.5),
        (bool, True, True),
        (str, "a", "a"),
        (str, StringName("a"), StringName("a")),
        (str, NodePath("a/b"), "a/b"),
        (StringName, "a", StringName("a")),
        (StringName, NodePath("a"), StringName("a")),
        (NodePath, "a/b", NodePath("a/b")),
        (NodePath, StringName("a"), NodePath("a")),
        (Vector2, Vector2i(1, 2), Vector2(1, 2)),
        (Vector3, Vector3i(1, 2, 3), Vector3(1, 2, 3)),
        (Vector4, Vector4i(1, 2, 3, 4), Vector4(1, 2, 3, 4)),
        (Rect2, Rect2i(1, 2, 3, 4), Rect2(1, 2, 3, 4)),
        (Vector2i, Vector2(1, 2), Vector2i(1, 2)),
        (Vector3i, Vector3(1, 2, 3), Vector3i(1, 2, 3)),
        (Vector4i, Vector4(1, 2, 3, 4), Vector4i(1, 2, 3, 4)),
        (Rect2i, Rect2(1, 2, 3, 4), Rect2i(1, 2, 3, 4)),
        (bytes, PackedByteArray(b"ab"), PackedByteArray(b"ab")),
        (PackedByteArray, [1, 2], PackedByteArray([1, 2])),
        (PackedInt32Array, [1, 2], PackedInt32Array([1, 2])),
        (PackedStringArray, ["a"], PackedStringArray(["a"])),
        (list, PackedFloat32Array([0.5]), [0.5]),
        (list, PackedByteArray(b"\1\2"), [1, 2]),
        (list, PackedVector2Array([Vector2(1, 2)]), [Vector2(1, 2)]),
        (list[int], [1, 2.0], [1, 2]),
        (list[float], [1, 2], [1.0, 2.0]),
        (list[list[float]], [[1], [0.5]], [[1.0], [0.5]]),
        (list[Any], [1, "a"], [1, "a"]),
        (Sequence[str], ["a"], ["a"]),
        (Iterable[float], [1], [1.0]),
        (dict, {"a": 1}, {"a": 1}),
        (dict[str, float], {"a": 1}, {"a": 1.0}),
        (dict[StringName, Any], {"a": 1}, {StringName("a"): 1}),
        (Mapping[Any, int], {1: 2.0}, {1: 2}),
        (Colour, 1, Colour.GREEN),
        (Word, "yes", Word.YES),
        (Literal["roll", "pass"], "roll", "roll"),
        (None, None, None),
        (int | None, None, None),
        (Optional[int], 3, 3),  # noqa: UP045
        (int | str, "a", "a"),
        (float | str, 1, 1.0),
        (int | Any, [1], [1]),
        (Annotated[float, "metres"], 1, 1.0),
        (T, [1], [1]),  # type: ignore[valid-type]
        (Any, [1], [1]),
        (object, None, None),
        (EncodedObject, EncodedObjectAsID(7), EncodedObjectAsID(7)),
    ],
)
def test_what_fits_reaches_the_method_as_it_is_annotated(annotation: Any, given: Any, expected: Any) -> None:
    found = taking(annotation).check([given])
    assert list(found) == [expected]
    assert type(found[0]) is type(expected)


@pytest.mark.parametrize(
    ("annotation", "given", "reason"),
    [
        (int, "7", r"argument 1 \(value\) is a str, not a int"),
        (int, 7.5, "is 7.5, not a whole number"),
        (int, True, "is a bool, not a int"),
        (float, True, "is a bool, not a float"),
        (float, 2**53 + 1, "which no float holds exactly"),
        (int, float("inf"), "is inf, not a whole number"),
        (bool, 1, "is a int, not a bool"),
        (str, None, "is a NoneType, not a str"),
        (str, b"a", "is a bytes, not a str"),
        (Vector2, Vector3(1, 2, 3), "is a Vector3, not a Vector2"),
        (Vector2i, Vector2(0.5, 1), "is 0.5, not a whole number"),
        (Vector2i, Vector2(1e20, 1), "is Vector2"),
        (Vector2, Vector2i(2**24 + 1, 0), "which no Vector2 holds exactly"),
        (PackedInt32Array, [0.5], "is an array that does not fit"),
        (PackedInt32Array, [2**40], "is an array that does not fit"),
        (PackedByteArray, [256], "is an array that does not fit"),
        (PackedStringArray, [1], "is an array that does not fit"),
        (list[int], [1, "a"], "has element 1, which is a str, not a int"),
        (list[int], {}, "is a dict, not a list"),
        (dict[str, int], {1: 1}, "has key 1, which is a int, not a str"),
        (dict[str, int], {"a": "b"}, "has the value of 'a', which is a str, not a int"),
        (Colour, 7, "is 7, which is no Colour"),
        (Literal[1], True, "is True, not one of 1"),
        (int | None, "a", "is a str, none of int, NoneType"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(annotation: Any, given: Any, reason: str) -> None:
    with pytest.raises(CallError, match=reason):
        taking(annotation).check([given])


def test_the_number_of_arguments() -> None:
    def method(self: Any, one: int, two: int = 2) -> None: ...

    checker = Checker(method)
    assert list(checker.check([1])) == [1]
    assert list(checker.check([1, 3])) == [1, 3]
    with pytest.raises(CallError, match="too few arguments: 0 of 1"):
        checker.check([])
    with pytest.raises(CallError, match="too many arguments: 3, where at most 2 are taken"):
        checker.check([1, 2, 3])


def test_any_number_of_arguments() -> None:
    def typed(self: Any, first: str, *rest: float) -> None: ...
    def free(self: Any, *rest: Any) -> None: ...

    assert list(Checker(typed).check(["a", 1, 2])) == ["a", 1.0, 2.0]
    assert list(Checker(typed).check(["a"])) == ["a"]
    with pytest.raises(CallError, match="argument 3 is a str, not a float"):
        Checker(typed).check(["a", 1, "b"])
    assert list(Checker(free).check([1, "a"])) == [1, "a"]


def test_arguments_of_a_method_without_annotations_are_not_touched() -> None:
    def method(self, one, two): ...  # type: ignore[no-untyped-def]

    arguments = [1, "a"]
    assert Checker(method).check(arguments) is arguments


def test_a_bound_function_takes_no_node() -> None:
    def function(text: str) -> None: ...

    assert list(Checker(function, bound=True).check(["a"])) == ["a"]


def test_a_list_that_fits_is_handed_on_as_it_is() -> None:
    given = [1, 2]
    assert taking(list[int]).check([given])[0] is given


def test_keyword_only_arguments_need_a_default() -> None:
    def possible(self: Any, *, option: int = 1) -> None: ...
    def impossible(self: Any, *, option: int) -> None: ...

    assert list(Checker(possible).check([])) == []
    with pytest.raises(TypeError, match="cannot give 'option'"):
        Checker(impossible).check([])


@pytest.mark.parametrize(
    "annotation", [set[int], tuple[int, int], Callable[[], None], 7, set, tuple, object.__class__, Checker]
)
def test_an_annotation_that_no_value_can_be_checked_against_is_a_type_error(annotation: Any) -> None:
    with pytest.raises(TypeError, match="cannot be checked"):
        taking(annotation).check([1])


def test_an_annotation_that_names_nothing_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="cannot be read"):
        taking("Nowhere").check([1])
