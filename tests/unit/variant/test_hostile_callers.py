"""What a program itself may hand over by mistake, or with subclasses that say something else than they hold.

Never a stream that the other side misreads, never a crash; the same errors compiled and not.
"""

from __future__ import annotations

import contextlib
import copy
import io
import math
import operator
import pickle
import sys
from array import array
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gdpeer.errors import VariantError
from gdpeer.variant import (
    RID,
    Array,
    Color,
    ContainerType,
    Dictionary,
    EncodedObject,
    NodePath,
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
    Projection,
    StringName,
    VariantType,
    Vector2,
    Vector2i,
    Vector3,
    Vector3i,
    Vector4,
    bytes_to_var,
    bytes_to_var_with_objects,
    var_to_bytes,
    var_to_bytes_with_objects,
)
from gdpeer.variant.binary._leaves import new_leaf_reader
from gdpeer.variant.binary.compact import decode_arguments, encode_arguments
from gdpeer.variant.binary.reader import read_value

HUGE = 10**400
PACKED: list[Any] = [
    PackedInt32Array([1, -2]),
    PackedInt64Array([1, -(2**40)]),
    PackedFloat32Array([0.5]),
    PackedFloat64Array([0.1]),
    PackedVector2Array([Vector2(1, 2)]),
    PackedVector3Array([Vector3(1, 2, 3)]),
    PackedVector4Array([Vector4(1, 2, 3, 4)]),
    PackedColorArray([Color(1, 0, 0)]),
    PackedStringArray(["a", "b"]),
    PackedByteArray(b"abc"),
]


# ---------------------------------------------------------------- the reader


def test_where_a_reader_stands_cannot_be_moved_out_of_its_bytes() -> None:
    leaves = new_leaf_reader(var_to_bytes(7), 0, 8, 4, False)
    # Compiled it cannot be set; else Python finds no bytes there.
    with contextlib.suppress(AttributeError):
        leaves.at = -(10**12)
    assert read_value(leaves) in (7, None)


def test_reading_from_nothing() -> None:
    with pytest.raises(TypeError, match="LeafReader"):
        read_value(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("data", [8, [0] * 4, 10**13, "text", None])
def test_what_is_not_bytes_like(data: Any) -> None:
    readers: list[Callable[[], Any]] = [
        lambda: bytes_to_var(data),
        lambda: bytes_to_var_with_objects(data),
        lambda: decode_arguments(data, 0, 1, 4),
    ]
    for read in readers:
        with pytest.raises(TypeError):
            read()


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, PackedByteArray])
def test_all_that_is_bytes_like(kind: Any) -> None:
    data = var_to_bytes("hello")
    assert bytes_to_var(kind(data)) == "hello"
    assert decode_arguments(kind(data), 0, 1, len(data)) == ["hello"]


def test_counts_and_engines_that_do_not_exist() -> None:
    data = var_to_bytes(None)
    with pytest.raises(ValueError, match="-1 arguments"):
        decode_arguments(data, 0, -1, 4)
    with pytest.raises(VariantError, match="end within a value"):
        decode_arguments(data, 0, 10**30, 4)
    engine: Any = "3"
    calls: list[Callable[[], Any]] = [
        lambda: decode_arguments(data, 0, 1, 4, engine=engine),
        lambda: encode_arguments([1], engine=engine),
        lambda: var_to_bytes(1, engine),
        lambda: bytes_to_var(data, engine),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="engine is 3 or 4"):
            call()


@pytest.mark.parametrize("engine", [4, 3])
def test_a_byte_order_mark_is_left_out_once(engine: int) -> None:
    for text in ("\ufeffab", "\ufeff\ufeffab", "a\ufeffb", "\ufeff"):
        assert bytes_to_var(var_to_bytes(text, engine), engine) == text.removeprefix("\ufeff")
        assert bytes_to_var(var_to_bytes(PackedStringArray([text]), engine), engine) == [text.removeprefix("\ufeff")]
    assert bytes_to_var(var_to_bytes(StringName("\ufeffab"))) == "ab"


# ---------------------------------------------------------------- the writer


def test_vectors_of_another_length_than_they_say() -> None:
    class Liar(Vector2):
        def __len__(self) -> int:
            return 2

    class Whole(Vector2i):
        def __iter__(self) -> Iterator[int]:
            return iter((1, 2, 3, 4))

    for numbers in ((), (1.0,), (1.0, 2.0, 3.0)):
        with pytest.raises(VariantError, match="numbers"):
            var_to_bytes(tuple.__new__(Liar, numbers))
    assert var_to_bytes(tuple.__new__(Whole, (5, 6))) == var_to_bytes(Vector2i(5, 6))


@pytest.mark.parametrize(
    "value", [PackedVector2Array(), PackedVector3Array(), PackedVector4Array(), PackedColorArray()]
)
def test_packed_arrays_that_end_within_a_value(value: Any) -> None:
    raw = bytes(4)
    with pytest.raises(ValueError, match="no whole number"):
        value.frombytes(raw)
    with pytest.raises(TypeError):
        value.fromlist([1.0])
    with pytest.raises(EOFError):
        value.fromfile(io.BytesIO(bytes(8 * value._ELEMENT.WIDTH - 3)), 2)
    assert len(array.tobytes(value)) == len(value) * value._ELEMENT.WIDTH * 4
    value.frombytes(bytes(value._ELEMENT.WIDTH * 4))
    value.fromfile(io.BytesIO(bytes(64)), 1)
    value.fromlist([value[0]])
    assert bytes_to_var(var_to_bytes(value)) == value
    array.frombytes(value, raw)
    with pytest.raises(VariantError, match="within a value"):
        var_to_bytes(value)


def test_containers_and_bytes_that_lie_about_their_length() -> None:
    class List(list[Any]):
        def __len__(self) -> int:
            return 9

        def __iter__(self) -> Iterator[Any]:
            return iter(())

    class Tuple(tuple[Any, ...]):
        def __len__(self) -> int:
            return 9

    class Bytes(bytes):
        def __len__(self) -> int:
            return 9

    class Strings(PackedStringArray):
        def __len__(self) -> int:
            return 9

    assert var_to_bytes(List([1])) == var_to_bytes(Tuple([1])) == var_to_bytes([1])
    assert var_to_bytes(Bytes(b"ab")) == var_to_bytes(b"ab")
    assert var_to_bytes(Strings(["a"])) == var_to_bytes(PackedStringArray(["a"]))


@pytest.mark.parametrize("pairs", [[], [(1, 2), (3, 4)]])
def test_a_dict_with_other_items_than_it_has(pairs: list[Any]) -> None:
    class Dict(dict[Any, Any]):
        def items(self) -> Any:
            return pairs

    with pytest.raises(VariantError, match="changed while it was encoded"):
        var_to_bytes(Dict({1: 2}))


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize(
    "change",
    [
        lambda target: target.clear(),
        lambda target: target.append(1),
        lambda target: target.pop(0),
    ],
)
def test_a_list_that_changes_meanwhile(change: Any, nested: bool) -> None:
    target: list[Any] = [[1]] if nested else []

    class Trap(RID):
        @property
        def id(self) -> int:  # type: ignore[override]
            change(target)
            return 1

    target += [Trap.__new__(Trap), 2]
    with pytest.raises(VariantError, match="changed while it was encoded"):
        var_to_bytes(target)


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("change", [lambda target: target.clear(), lambda target: target.update({5: 6})])
def test_a_dict_that_changes_meanwhile(change: Any, nested: bool) -> None:
    target: dict[Any, Any] = {0: [1]} if nested else {}

    class Trap(RID):
        @property
        def id(self) -> int:  # type: ignore[override]
            change(target)
            return 1

    target |= {1: Trap.__new__(Trap), 2: 3}
    with pytest.raises(VariantError, match="changed while it was encoded"):
        var_to_bytes(target)


def test_a_dict_that_loses_a_pair_before_one_that_holds_others() -> None:
    target: dict[Any, Any] = {}

    class Trap(RID):
        @property
        def id(self) -> int:  # type: ignore[override]
            target.pop(2, None)
            return 1

    target |= {1: Trap.__new__(Trap), 2: 3, 4: [5]}
    with pytest.raises(VariantError, match="changed while it was encoded"):
        var_to_bytes(target)


def test_a_value_that_encodes_another_while_it_is_encoded() -> None:
    inner: list[bytes] = []

    class Busy(RID):
        @property
        def id(self) -> int:  # type: ignore[override]
            inner.append(encode_arguments(["inner", *range(300)]) + var_to_bytes("x" * 300))
            return 1

    class Failing(RID):
        @property
        def id(self) -> int:  # type: ignore[override]
            with pytest.raises(VariantError):
                var_to_bytes(["y" * 300, 2**64])
            return 1

    def around(value: RID) -> list[Any]:
        return ["before", "b" * 200, {"k": value}, value, "after", "a" * 200]

    expected = encode_arguments(around(RID(1)))
    for value in (Busy.__new__(Busy), Failing.__new__(Failing)):
        assert encode_arguments(around(value)) == expected
    assert inner == [encode_arguments(["inner", *range(300)]) + var_to_bytes("x" * 300)] * 2


def test_an_error_leaves_nothing_for_the_next_value() -> None:
    expected = var_to_bytes(["a", 1.5])
    for bad in (["x", 2**64], ["x" * 1000, "a\0"], {"a": "\ud800"}, [[object()]]):
        with pytest.raises(VariantError):
            var_to_bytes(bad)
        assert var_to_bytes(["a", 1.5]) == expected
        with pytest.raises(VariantError):
            bytes_to_var(expected[:-1])
        assert bytes_to_var(expected) == ["a", 1.5]


def test_a_result_is_nobody_elses() -> None:
    texts = [character * size for size in (10, 1000, 100_000) for character in "ab"]
    results = [var_to_bytes(text) for text in texts]
    assert [bytes_to_var(data) for data in results] == texts
    assert [var_to_bytes(text) for text in texts] == results


def test_what_was_decoded_is_let_go_of() -> None:
    data = var_to_bytes(list(range(50)))
    before = sys.getrefcount(data)
    bytes_to_var(data)
    decode_arguments(data, 0, 1, len(data))
    assert sys.getrefcount(data) == before


def test_more_classes_than_are_kept_at_hand() -> None:
    for base, value in ((str, "text"), (int, 5), (float, 0.5), (Vector2, Vector2(1, 2)), (Vector2i, Vector2i(1, 2))):
        expected = encode_arguments([value])
        classes: list[Any] = [type(f"Sub{index}", (base,), {"__slots__": ()}) for index in range(300)]
        for _ in range(2):
            for cls in classes:
                instance = tuple.__new__(cls, value) if isinstance(value, tuple) else cls(value)
                assert encode_arguments([instance]) == expected


def test_properties_that_change_meanwhile() -> None:
    properties: dict[str, Any] = {}

    class Trap(RID):
        @property
        def id(self) -> int:  # type: ignore[override]
            properties.clear()
            return 1

    properties |= {"a": Trap.__new__(Trap), "b": 1}
    with pytest.raises(VariantError, match="changed while it was encoded"):
        var_to_bytes_with_objects(EncodedObject("Node", properties))


def test_typed_containers_that_were_given_something_else() -> None:
    numbers = Array([1], VariantType.TYPE_INT)
    numbers.append("text")
    with pytest.raises(VariantError, match="str where int is wanted"):
        var_to_bytes(numbers, typed=True)
    assert bytes_to_var(var_to_bytes(numbers)) == [1, "text"]
    reals = Array([1.0], VariantType.TYPE_FLOAT)
    reals.append(2)
    assert repr(bytes_to_var(var_to_bytes(reals, typed=True))) == "Array[float]([1.0, 2.0])"
    for values in ({"a": "b"}, {1: 2}):
        ages = Dictionary({}, ContainerType(VariantType.TYPE_STRING), ContainerType(VariantType.TYPE_INT))
        dict.update(ages, values)
        with pytest.raises(VariantError, match="is wanted"):
            var_to_bytes(ages, typed=True)


# ---------------------------------------------------------------- the types


def test_numbers_that_are_too_large_for_the_engine() -> None:
    whole = PackedInt32Array([1])
    calls: list[Callable[[], Any]] = [
        lambda: whole.append(2**40),
        lambda: whole.insert(0, 2**40),
        lambda: whole.extend([2**40]),
        lambda: whole.fromlist([2**40]),
        lambda: whole.__setitem__(0, 2**40),
        lambda: PackedFloat32Array().append(HUGE),
        lambda: Vector2(HUGE, 1),
        lambda: Color(HUGE, 0, 0),
        lambda: Vector2(1, 1) * HUGE,
        lambda: Vector2(1, 1).clampf(0, HUGE),
        lambda: Vector2(1, 1).minf(HUGE),
        lambda: Vector2(1, 1).lerp(Vector2(2, 2), HUGE),
    ]
    for call in calls:
        with pytest.raises(VariantError):
            call()
    assert whole == PackedInt32Array([1])
    assert Vector2(1e39, -1e39) == Vector2(math.inf, -math.inf)


def test_bounds_in_the_wrong_order_as_in_the_engine() -> None:
    nan = math.nan
    assert Vector2(0, 4).clamp(Vector2(3, 3), Vector2(1, 1)) == Vector2(3, 1)
    assert Vector2(0, 4).clampf(3, 1) == Vector2(3, 1)
    assert Vector2(0, 4).clampf(nan, nan) == Vector2(0, 4)
    assert Vector3i(0, 4, 2).clampi(3, 1) == Vector3i(3, 1, 3)
    assert Vector2i(0, 4).clamp(Vector2i(3, 3), Vector2i(1, 1)) == Vector2i(3, 1)
    assert Color(0, 1, 0.5, 1).clamp(Color(0.75, 0.75, 0, 0), Color(0.25, 0.25, nan, 1)) == Color(0.75, 0.25, 0.5, 1)
    with pytest.raises(TypeError, match="bounds"):
        Vector2(0, 4).clamp(Vector2i(0, 0), Vector2(1, 1))  # type: ignore[arg-type]


def test_colours_of_64_bits_are_signed() -> None:
    assert Color(0, 0, 0, 1).to_argb64() == 0xFFFF000000000000 - 2**64
    assert Color(0, 0, 0, 1).to_abgr64() == 0xFFFF000000000000 - 2**64
    assert Color(1, 0, 0, 0).to_rgba64() == 0xFFFF000000000000 - 2**64
    assert Color(0, 0, 1, 0).to_rgba64() == 0xFFFF0000
    assert Color(1, 1, 1, 1).to_rgba32() == 0xFFFFFFFF
    assert Color.hex64(Color(1, 0, 0, 1).to_rgba64()) == Color(1, 0, 0, 1)
    for value in (Color(1, 0, 1, 1).to_argb64(), Color(1, 0, 1, 1).to_abgr64(), Color(1, 0, 1, 1).to_rgba64()):
        assert bytes_to_var(var_to_bytes(value)) == value


def test_infinity_and_nan_in_formulas() -> None:
    for hue in (math.inf, -math.inf, math.nan):
        colour = Color.from_hsv(hue, 1, 1)
        assert colour.r == 1
        assert colour.g == 0
        assert math.isnan(colour.b)
    colour = Color(math.nan, math.inf, -math.inf, math.nan)
    assert (colour.r8, colour.g8, colour.b8, colour.a8) == (0, 255, 0, 0)
    assert colour.to_html() == "00ff0000"
    assert math.isnan(Projection.get_fovy(math.inf, 5))


def test_packed_arrays_keep_their_type() -> None:
    strings = PackedStringArray(["a"])
    for found, wanted in (
        (strings * 2, ["a", "a"]),
        (2 * strings, ["a", "a"]),
        (operator.add(["b"], strings), ["b", "a"]),
    ):
        assert type(found) is PackedStringArray
        assert found == wanted
    with pytest.raises(TypeError):
        operator.add([1], strings)
    with pytest.raises(TypeError):
        operator.add((1,), strings)
    numbers = same = PackedInt32Array([1])
    numbers += [2]
    numbers.insert(0, 0)
    numbers[0] = 5
    assert numbers is same
    assert numbers == PackedInt32Array([5, 1, 2])


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("value", PACKED)
def test_packed_arrays_are_pickled_by_all_protocols(value: Any, protocol: int) -> None:
    again = pickle.loads(pickle.dumps(value, protocol))
    assert type(again) is type(value)
    assert again == value


def test_a_path_stays_as_it_is() -> None:
    path = NodePath("/a/b:c")
    path.__init__("x")  # type: ignore[misc]
    assert path == NodePath("/a/b:c")
    assert copy.deepcopy(path) == path
    assert NodePath(path) == path
