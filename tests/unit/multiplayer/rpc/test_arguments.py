"""Which arguments of a call from elsewhere fit a method, and what becomes of those that nearly do."""

from __future__ import annotations

import functools
import sys
import typing
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from enum import Enum, Flag, IntEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal, NewType, Optional, TypeVar

import pytest

from gdpeer.multiplayer.rpc.arguments import CallError, Checker
from gdpeer.variant import (
    Array,
    Basis,
    Color,
    Dictionary,
    EncodedObject,
    EncodedObjectAsID,
    NodePath,
    PackedByteArray,
    PackedColorArray,
    PackedFloat32Array,
    PackedFloat64Array,
    PackedInt32Array,
    PackedInt64Array,
    PackedStringArray,
    PackedVector2Array,
    Projection,
    Quaternion,
    Rect2,
    Rect2i,
    StringName,
    Transform2D,
    Transform3D,
    Vector2,
    Vector2i,
    Vector3,
    Vector3i,
    Vector4,
    Vector4i,
)
from gdpeer.variant.kinds import KINDS
from gdpeer.variant.kinds import VariantType as _T

if TYPE_CHECKING:
    from nowhere import Unknown

T = TypeVar("T")
Score = NewType("Score", int)
BestScore = NewType("BestScore", Annotated[Score, "points"])


class OldAlias:
    """As typing_extensions has it where `typing.TypeAliasType`, which `type X = ...` makes, does not exist."""

    def __init__(self, name: str, value: Any, type_params: tuple[Any, ...] = ()) -> None:
        self.__value__ = value

    def __getitem__(self, arguments: Any) -> Any:
        return OldAlias("", self.__value__[arguments])


TypeAliasType = getattr(typing, "TypeAliasType", OldAlias)
Points = TypeAliasType("Points", list[Score])
Pair = TypeAliasType("Pair", dict[str, T], type_params=(T,))  # type: ignore[valid-type]


class Colour(IntEnum):
    RED = 0
    GREEN = 1


class Word(Enum):
    YES = "yes"


class Switch(Enum):
    ON = True


class Size(Enum):
    HALF = 0.5
    WHOLE = 1.0


class Doors(Flag):
    LEFT = 1
    RIGHT = 2


class Fussy(Enum):
    ONE = 1

    @classmethod
    def _missing_(cls, value: object) -> Any:
        return {"one": cls.ONE}[value]  # type: ignore[index]


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
        (bool, 1, True),
        (bool, 0, False),
        (bool, 0.0, False),
        (int, True, 1),
        (int, -(2.0**63), -(2**63)),
        (float, False, 0.0),
        (float, True, 1.0),
        (Color, "red", Color(1, 0, 0)),
        (Color, "#00f", Color(0, 0, 1)),
        (Color, 0xFF0000FF, Color(1, 0, 0)),
        (Transform3D, Transform2D(0, Vector2(1, 2)), Transform3D(Basis(), Vector3(1, 2, 0))),
        (Transform2D, Transform3D(Basis(), Vector3(1, 2, 0)), Transform2D(0, Vector2(1, 2))),
        (Transform3D, Basis(), Transform3D()),
        (Transform3D, Quaternion(), Transform3D()),
        (Transform3D, Projection(), Transform3D()),
        (Projection, Transform3D(), Projection()),
        (Basis, Quaternion(), Basis()),
        (Quaternion, Basis(), Quaternion()),
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
        (PackedInt32Array, Array([1, 2], _T.TYPE_INT), PackedInt32Array([1, 2])),
        (PackedInt32Array, Array([], _T.TYPE_INT), PackedInt32Array()),
        (PackedInt64Array, Array([1], _T.TYPE_INT), PackedInt64Array([1])),
        (PackedInt64Array, [1.0, True], PackedInt64Array([1, 1])),
        (PackedStringArray, Array(["a"], _T.TYPE_STRING), PackedStringArray(["a"])),
        (PackedStringArray, [StringName("a"), NodePath("b")], PackedStringArray(["a", "b"])),
        (PackedVector2Array, Array([Vector2(1, 2)], _T.TYPE_VECTOR2), PackedVector2Array([Vector2(1, 2)])),
        (PackedVector2Array, [Vector2i(1, 2)], PackedVector2Array([Vector2(1, 2)])),
        (PackedFloat32Array, Array([0.5], _T.TYPE_FLOAT), PackedFloat32Array([0.5])),
        (PackedFloat64Array, Array([0.5], _T.TYPE_FLOAT), PackedFloat64Array([0.5])),
        (PackedByteArray, Array([1], _T.TYPE_INT), PackedByteArray([1])),
        (PackedColorArray, ["red", 0xFF], PackedColorArray([Color(1, 0, 0), Color(0, 0, 0)])),
        (bytes, Array([1, 2], _T.TYPE_INT), PackedByteArray([1, 2])),
        (Array, PackedInt32Array([1]), Array([1])),
        (typing.MutableSequence, [1], [1]),
        (MutableMapping[str, int], {"a": True}, {"a": 1}),
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
        (Literal["roll", "pass"], StringName("pass"), "pass"),
        (Literal["roll", "pass"], NodePath("pass"), "pass"),
        (Literal["roll", None], StringName("roll"), "roll"),
        (Literal["roll"] | None, StringName("roll"), "roll"),
        (Optional[Literal["roll"]], StringName("roll"), "roll"),  # noqa: UP045
        (list[Literal["roll"]], [StringName("roll")], ["roll"]),
        (dict[Literal["roll"], int], {StringName("roll"): 1.0}, {"roll": 1}),
        (Literal[1, 2], 2.0, 2),
        (Literal[1, 2], True, 1),
        (Literal[True, 1], 1, 1),
        (Literal[False], 0, False),
        (Literal[Colour.RED, "none"], 0, Colour.RED),
        (Literal[Colour.RED, "none"], StringName("none"), "none"),
        (typing.LiteralString, StringName("a"), StringName("a")),
        (Word, StringName("yes"), Word.YES),
        (Word, NodePath("yes"), Word.YES),
        (Word | None, StringName("yes"), Word.YES),
        (list[Word], PackedStringArray(["yes"]), [Word.YES]),
        (Colour, True, Colour.GREEN),
        (Switch, 1, Switch.ON),
        (Size, True, Size.WHOLE),
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
        (Array, [1], Array([1])),
        (Dictionary, {1: "a"}, Dictionary({1: "a"})),
        (typing.List, PackedInt32Array([1]), [1]),  # noqa: UP006
        (typing.Sequence, [1, "a"], [1, "a"]),
        (Sequence, PackedByteArray(b"a"), [97]),
        (typing.Iterable, [1], [1]),
        (typing.Dict, {1: "a"}, {1: "a"}),  # noqa: UP006
        (typing.Mapping, {1: "a"}, {1: "a"}),
        (Mapping, {1: "a"}, {1: "a"}),
        (Score, 7.0, 7),
        (BestScore, 7.0, 7),
        (list[Score], [7.0], [7]),
        (Points, [7.0], [7]),
        (Pair, {"a": None}, {"a": None}),
        (Pair[float], {"a": 1}, {"a": 1.0}),
        (Optional[Points], [7.0], [7]),  # noqa: UP045
        (NodePath | str, "a::b", "a::b"),
        (NodePath | Literal["a::b"], "a::b", "a::b"),
        (Colour, 1.0, Colour.GREEN),
        (Switch, True, Switch.ON),
        (Size, 0.5, Size.HALF),
        (Size, 1, Size.WHOLE),
        (Doors, 3.0, Doors.LEFT | Doors.RIGHT),
        (Fussy, "one", Fussy.ONE),
    ],
)
def test_what_fits_reaches_the_method_as_it_is_annotated(annotation: Any, given: Any, expected: Any) -> None:
    found = taking(annotation).check([given])
    assert list(found) == [expected]
    assert type(found[0]) is type(expected)


@pytest.mark.parametrize(
    ("annotation", "given", "reason"),
    [
        (int, "7", r"argument 1 \(value\) is a str, not an int"),
        (int, 7.5, "is 7.5, not a whole number"),
        (int, 1e300, "is 1e[+]300, which no int of 64 bits holds"),
        (int, 9.3e18, "is 9.3e[+]18, which no int of 64 bits holds"),
        (int, -9.3e18, "which no int of 64 bits holds"),
        (int, float("nan"), "is nan, not a whole number"),
        (list[int], [1, 1e300], "has element 1, which is 1e[+]300, which no int of 64 bits holds"),
        (dict[str, int], {"a": 1e300}, "has the value of 'a', which is 1e[+]300, which no int"),
        (dict[int, str], {1e300: "a"}, "has key 1e[+]300, which is 1e[+]300, which no int"),
        (
            list[dict[str, list[int]]],
            [{"a": [9.3e18]}],
            "has element 0, which has the value of 'a', which has element 0",
        ),
        (Score, 1e300, "which no int of 64 bits holds"),
        (int | None, 1e300, "is a float, none of int, NoneType"),
        (Colour, 1e300, "which is no Colour"),
        (Colour, float("nan"), "which is no Colour"),
        (Colour, float("inf"), "which is no Colour"),
        (Literal[1], 1e300, "not one of 1"),
        (PackedInt64Array, [9.3e18], "has element 0, which is 9.3e[+]18, which no int of 64 bits holds"),
        (bytes, [1e300], "has element 0, which is 1e[+]300, which no int"),
        (float, 2**53 + 1, "which no float holds exactly"),
        (int, float("inf"), "is inf, not a whole number"),
        (bool, 7, "is 7, neither 0 nor 1"),
        (bool, 0.5, "is 0.5, neither 0 nor 1"),
        (bool, float("nan"), "is nan, neither 0 nor 1"),
        (bool, "true", "is a str, not a bool"),
        (str, None, "is a NoneType, not a str"),
        (str, b"a", "is a bytes, not a str"),
        (Vector2, Vector3(1, 2, 3), "is a Vector3, not a Vector2"),
        (Vector2i, Vector2(0.5, 1), "is 0.5, not a whole number"),
        (Vector2i, Vector2(1e20, 1), "which no int of 64 bits holds"),
        (Vector2i, Vector2(1e10, 1), "is a Vector2 that makes no Vector2i: a whole number of"),
        (Vector2, Vector2i(2**24 + 1, 0), "which no Vector2 holds exactly"),
        (PackedInt32Array, [0.5], "has element 0, which is 0.5, not a whole number"),
        (PackedInt32Array, PackedInt64Array([1]), "is a PackedInt64Array, not a PackedInt32Array"),
        (PackedInt32Array, PackedStringArray(), "is a PackedStringArray, not a PackedInt32Array"),
        (PackedVector2Array, [Vector3(1, 2, 3)], "is a list that makes no PackedVector2Array"),
        (Transform2D, Transform3D(Basis(), Vector3(1, 2, 3)), "of which a Transform2D holds but a part"),
        (Quaternion, Basis.from_scale(Vector3(2, 2, 2)), "makes no Quaternion: only a basis that is a rotation"),
        (Transform3D, Projection.create_perspective(75, 1, 0.1, 10), "of which a Transform3D holds but a part"),
        (Color, "no colour", "is a str that makes no Color: 'no colour' is neither"),
        (Color, -1, "is -1, not a colour of 32 bits"),
        (Color, 2**32, "not a colour of 32 bits"),
        (Color, 1.0, "is a float, not a Color"),
        (Color, True, "is a bool, not a Color"),
        (Color, StringName("red"), "is a StringName, not a Color"),
        (PackedInt32Array, [2**40], "is a list that makes no PackedInt32Array"),
        (PackedByteArray, [256], "is a list that makes no PackedByteArray"),
        (bytes, ["a"], "is a list that makes no bytes"),
        (PackedStringArray, [1], "is a list that makes no PackedStringArray"),
        (NodePath, "a::b", "is a str that makes no NodePath: 'a::b' has an empty subname"),
        (NodePath, StringName("::"), "is a StringName that makes no NodePath"),
        (list[NodePath], ["a::b"], "has element 0, which is a str that makes no NodePath"),
        (NodePath | None, "a::b", "is a str, none of NodePath, NoneType"),
        (typing.List, "ab", "is a str, not a list"),  # noqa: UP006
        (Sequence, "ab", "is a str, not a list"),
        (typing.Mapping, [], "is a list, not a dict"),
        (Score, "a", "is a str, not an int"),
        (Points, ["a"], "has element 0, which is a str, not an int"),
        (Pair[int], {"a": "b"}, "has the value of 'a', which is a str, not an int"),
        (Colour, 0.5, "is 0.5, which is no Colour"),
        (Switch, 0, "is 0, which is no Switch"),
        (Switch, 7, "is 7, which is no Switch"),
        (Word, True, "is True, which is no Word"),
        (Fussy, "two", "is 'two', which is no Fussy"),
        (Fussy, [1], "which is no Fussy"),
        (list[int], [1, "a"], "has element 1, which is a str, not an int"),
        (list[int], {}, "is a dict, not a list"),
        (dict[str, int], {1: 1}, "has key 1, which is an int, not a str"),
        (dict[str, int], {"a": "b"}, "has the value of 'a', which is a str, not an int"),
        (Colour, 7, "is 7, which is no Colour"),
        (Literal[1], False, "is False, not one of 1"),
        (Literal[1], 1.5, "is 1.5, not one of 1"),
        (Literal["a", "b"], StringName("c"), "not one of 'a', 'b'"),
        (Literal["a", None], 1, "is 1, not one of 'a', None"),
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


def test_any_number_of_arguments_of_a_type() -> None:
    def alone(self: Any, *numbers: int) -> None: ...
    def after_a_free_one(self: Any, first, *numbers: int) -> None: ...  # type: ignore[no-untyped-def]

    assert list(Checker(alone).check([1, 2.0])) == [1, 2]
    assert list(Checker(alone).check([])) == []
    with pytest.raises(CallError, match="argument 2 is a str, not an int"):
        Checker(alone).check([1, "cheat"])
    with pytest.raises(CallError, match="argument 2 is a str, not an int"):
        Checker(after_a_free_one).check(["free", "cheat"])


def test_arguments_of_a_method_without_annotations_are_not_touched() -> None:
    def method(self, one, two): ...  # type: ignore[no-untyped-def]

    arguments = [1, "a"]
    assert Checker(method).check(arguments) is arguments


def test_arguments_that_fit_as_they_are_are_not_touched() -> None:
    def method(self: Any, x: int, name: str, at: Vector2, free, rest: int | None = None) -> None: ...  # type: ignore[no-untyped-def]

    arguments = [1, "a", Vector2(1, 2), object(), None]
    checker = Checker(method)
    assert checker.check(arguments) is not None  # the annotations are read
    assert checker.check(arguments) is arguments
    assert list(checker.check(arguments[:4])) == arguments[:4]
    assert list(checker.check([1.0, *arguments[1:4], 2.0])) == [1, *arguments[1:4], 2]
    with pytest.raises(CallError, match="argument 1 \\(x\\) is a str, not an int"):
        checker.check(["1", *arguments[1:]])


@pytest.mark.parametrize("annotation", [list[int], Literal[1, 2], Score | str, dict[str, int] | None, Colour])
def test_what_a_value_holds_is_looked_at_at_every_call(annotation: Any) -> None:
    checker = taking(annotation)
    for _ in range(2):
        with pytest.raises(CallError):
            checker.check([[1, "cheat"]])
        with pytest.raises(CallError):
            checker.check([3.5])


def test_a_bound_function_takes_no_node() -> None:
    def function(text: str) -> None: ...

    assert list(Checker(function, bound=True).check(["a"])) == ["a"]


class Listener:
    def __call__(self, score: Score) -> None: ...

    def hear(self, score: Score) -> None: ...


def hear(room: str, score: Score) -> None: ...


@functools.wraps(hear)
def wrapped(*arguments: Any) -> None: ...


@pytest.mark.parametrize(
    "function",
    [Listener(), Listener().hear, functools.partial(hear, "room"), functools.partial(wrapped, "room")],
    ids=["instance", "method", "partial", "wrapped"],
)
def test_whatever_can_be_called_is_checked(function: Callable[..., None]) -> None:
    checker = Checker(function, bound=True)
    assert (checker.problem(), *checker.check([7.0])) == ("", 7)
    with pytest.raises(CallError, match="is a str, not an int"):
        checker.check(["a"])


def test_a_function_without_a_signature_has_a_problem() -> None:
    assert "no signature found" in Checker(dict, bound=True).problem()


def test_the_node_can_come_with_the_rest() -> None:
    def any_number(*arguments: Any) -> None: ...
    def none() -> None: ...

    assert list(Checker(any_number).check([1, 2])) == [1, 2]
    assert "does not take the node" in Checker(none).problem()


def test_a_list_that_fits_is_handed_on_as_it_is() -> None:
    given = [1, 2]
    assert taking(list[int]).check([given])[0] is given


def test_typed_ones_become_plain_ones() -> None:
    found = taking(list[int]).check([Array([1], _T.TYPE_INT)])[0]
    assert (type(found), found) == (list, [1])
    found = taking(dict[str, int]).check([Dictionary({"a": 1}, _T.TYPE_STRING, _T.TYPE_INT)])[0]
    assert (type(found), found) == (dict, {"a": 1})


def test_a_dictionary_that_fits_is_handed_on_as_it_is() -> None:
    for given in ({"a": 1}, Dictionary({"a": 1})):
        assert taking(dict[str, int]).check([given])[0] is given
        assert taking(dict[Any, Any]).check([given])[0] is given


ODD = [(1, 1), (1.0, 2), (True, 3), ([1, 2], 4), (PackedInt32Array([1]), 5)]


@pytest.mark.parametrize(
    "annotation", [dict, dict[Any, Any], dict[Any, float], Mapping[Any, int], dict[Any, Any] | None]
)
def test_keys_that_only_the_engine_can_tell_apart_are_kept(annotation: Any) -> None:
    found = taking(annotation).check([Dictionary(ODD)])[0]
    assert [(type(key), key, value) for key, value in found.items()] == [(type(key), key, value) for key, value in ODD]


def test_keys_are_converted_into_the_plainest_dictionary_that_can_hold_them() -> None:
    as_arrays = taking(dict[PackedInt32Array, Any]).check([Dictionary([([1], "a"), ([2], "b")])])[0]
    assert list(as_arrays.items()) == [(PackedInt32Array([1]), "a"), (PackedInt32Array([2]), "b")]
    as_words = taking(dict[Word, int]).check([Dictionary({"yes": 1})])[0]
    assert (type(as_words), as_words) == (dict, {Word.YES: 1})


@pytest.mark.parametrize(
    ("annotation", "given"),
    [
        (dict[int, Any], Dictionary([(1, "a"), (1.0, "b")])),
        (dict[float, Any], Dictionary([(1, "a"), (1.0, "b")])),
        (dict[StringName, Any], {"a": 1, NodePath("a"): 2}),
        (dict[Word | list[Any], Any], Dictionary([("yes", 1), ([1], 2)])),
    ],
)
def test_keys_that_no_dictionary_can_hold_together_are_refused(annotation: Any, given: Any) -> None:
    with pytest.raises(CallError, match="has keys that one dictionary cannot hold"):
        taking(annotation).check([given])


HOSTILE = [
    None, True, -1, 2**63 - 1, 2**64 - 1, 1e308, float("nan"), float("inf"), "", ":", "a::b", "\0", "\ud800", b"\xff",
    StringName("::"), NodePath("a:b"), [], [None], [[]], [2**63], [1e308], ["a::b"], [Vector2(0, 0)], {}, {1: 1},
    Dictionary(ODD), Array([1]), PackedFloat32Array([float("nan")]), PackedByteArray(b"a"), PackedStringArray([""]),
    Vector2(float("nan"), 0), Vector3(1e30, 0, 0), Vector4(0, 0, 0, float("inf")), Vector2i(2**31 - 1, 0),
    Vector3i(2**31 - 1, 0, 0), Vector4i(2**31 - 1, 0, 0, 0), Rect2(float("inf"), 0, 0, 0), Rect2i(2**31 - 1, 0, 0, 0),
]  # fmt: skip


CHECKABLE = [kind for kind in KINDS if kind not in (bytearray, memoryview, tuple)]


@pytest.mark.parametrize("wanted", [*CHECKABLE, Colour, Word, Fussy, Score])
def test_nothing_but_a_call_error_comes_of_any_value(wanted: Any) -> None:
    checkers = [taking(one) for one in (wanted, wanted | None, list[wanted], dict[Any, wanted], dict[wanted, Any])]
    assert [checker.problem() for checker in checkers] == [""] * 5
    taken = 0
    for value in [*HOSTILE, *([one] for one in HOSTILE), {"a": [1]}, *(Dictionary([(one, one)]) for one in HOSTILE)]:
        for checker in checkers:
            try:
                checker.check([value])
                taken += 1
            except CallError:
                pass
    assert taken


def test_keyword_only_arguments_need_a_default() -> None:
    def possible(self: Any, *, option: int = 1) -> None: ...
    def impossible(self: Any, *, option: int) -> None: ...

    assert list(Checker(possible).check([])) == []
    with pytest.raises(TypeError, match="cannot give 'option'"):
        Checker(impossible).check([])


@pytest.mark.parametrize(
    "annotation",
    [
        *(set[int], tuple[int, int], Callable[[], None], 7, set, tuple, object.__class__, Checker),
        *(typing.Type, typing.Union, Literal, Annotated, Optional),  # noqa: UP006
    ],
)
def test_an_annotation_that_no_value_can_be_checked_against_is_a_type_error(annotation: Any) -> None:
    with pytest.raises(TypeError, match=r"the annotation of 'value' cannot be read: .* is no type of an engine value"):
        taking(annotation).check([1])


class Awkward:
    def __eq__(self, other: object) -> bool:
        raise ZeroDivisionError("no comparing")

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    "annotation",
    ["Unknown", "1 +", "'1 +'", "list[", "list[Unknown]", "1 / 0", "NodePath.nothing", "[][0]", "dict[str]", "7",
     Awkward()],
)  # fmt: skip
def test_an_annotation_that_cannot_be_read_is_a_type_error(annotation: Any) -> None:
    with pytest.raises(TypeError, match="method: the annotation of 'value' cannot be read: "):
        taking(annotation).check([1])


def test_what_is_wrong_can_be_asked_for_before_the_first_call() -> None:
    assert taking(int).problem() == ""
    problem = taking("Unknown").problem()
    assert problem.startswith("taking.<locals>.method: the annotation of 'value' cannot be read: name 'Unknown' is not")


def test_what_is_wrong_is_found_out_once() -> None:
    class Counted:
        compared = 0

        def __eq__(self, other: object) -> bool:
            self.compared += 1
            return False

        __hash__ = None  # type: ignore[assignment]

    annotation = Counted()
    checker = taking(annotation)
    problem = checker.problem()
    compared = annotation.compared
    assert compared
    for _ in range(2):
        with pytest.raises(TypeError) as caught:
            checker.check([1])
        assert str(caught.value) == checker.problem() == problem
    assert annotation.compared == compared


def test_only_annotations_of_what_a_call_can_give_are_read() -> None:
    def method(self: Unknown, value: int, *, option: Unknown = 1, **options: Unknown) -> Unknown: ...

    assert list(Checker(method).check([7.0])) == [7]
    with pytest.raises(CallError, match="is a str, not an int"):
        Checker(method).check(["a"])


def made(source: str) -> Checker:
    """Of a method in a module that does not postpone its annotations."""
    names: dict[str, Any] = {}
    exec(compile(source, "a module", "exec", dont_inherit=True), names)
    return Checker(names["method"])


def test_annotations_that_are_not_postponed() -> None:
    unknown = "Unknown" if sys.version_info >= (3, 14) else "'Unknown'"  # 3.14 does not read it before it is asked for
    assert list(made(f"def method(self, value: int) -> {unknown}: ...").check([7.0])) == [7]
    assert "name 'Unknown' is not defined" in made(f"def method(self, value: {unknown}): ...").problem()
    assert "name 'Unknown' is not defined" in made(f"def method(self, value: list[{unknown}]): ...").problem()


def test_an_annotation_that_goes_round_in_a_circle_has_a_problem() -> None:
    circle = OldAlias("circle", None)
    circle.__value__ = list[circle]  # type: ignore[valid-type]
    assert "recursion" in taking(circle).problem()


if sys.version_info >= (3, 12):  # whose syntax it is

    @pytest.mark.parametrize("future", ["", "from __future__ import annotations\n"])
    def test_the_syntax_of_types(future: str) -> None:
        checker = made(f"{future}type Points = list[int]\ndef method[T](self, value: T, points: Points): ...")
        assert list(checker.check(["a", [7.0]])) == ["a", [7]]
        with pytest.raises(CallError, match="has element 0, which is a str, not an int"):
            checker.check(["a", ["b"]])
        assert "name 'Unknown' is not defined" in made("type A = Unknown\ndef method(self, value: A): ...").problem()
        assert "subscriptable" in made("type A[T] = int\ndef method(self, value: A[str]): ...").problem()
        assert "recursion" in made("type A = list[A] | int\ndef method(self, value: A): ...").problem()


def test_what_changes_when_it_is_sent() -> None:
    """A list or dict of something among the parameters, or in the rest of them."""

    def plain(node: object, number: int) -> None: ...
    def one(node: object, number: int, numbers: list[int]) -> None: ...
    def rest(node: object, number: int, *more: list[int]) -> None: ...
    def both(node: object, numbers: list[int], *more: dict[str, int]) -> None: ...
    def broken(node: object, numbers: list[int], odd: NoSuchType) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    assert [Checker(function).packs() for function in (plain, one, rest, both, broken)] == [
        False,
        True,
        True,
        True,
        False,
    ]
