"""Engine values: whatever is written comes back, and whatever comes in, only a `VariantError` comes out."""

from __future__ import annotations

import gc
import math
import re
import struct
import tracemalloc
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from gdpeer import variant as v
from gdpeer.errors import VariantError
from gdpeer.variant.binary.codec import decode_variant, encode_variant
from gdpeer.variant.binary.compact import decode_arguments, encode_arguments

REALS = st.floats(width=32, allow_nan=False)
INT32 = st.integers(-(2**31), 2**31 - 1)
INT64 = st.integers(-(2**63), 2**63 - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
NAMES = st.text("abcdeäß", min_size=1, max_size=5)
CLASSES = st.text("ABC_xyz", min_size=1, max_size=5)


def flat(cls: Any, count: int, numbers: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Values of a type that is a tuple of numbers."""
    return st.tuples(*[numbers] * count).map(lambda found: tuple.__new__(cls, found))


FLAT_3 = [
    flat(cls, count, REALS)
    for cls, count in [
        (v.Vector2, 2), (v.Rect2, 4), (v.Vector3, 3), (v.Transform2D, 6), (v.Plane, 4), (v.Quaternion, 4),
        (v.AABB, 6), (v.Basis, 9), (v.Transform3D, 12), (v.Color, 4),
    ]
]  # fmt: skip
FLAT_4 = [flat(v.Vector4, 4, REALS), flat(v.Projection, 16, REALS)] + [
    flat(cls, count, INT32) for cls, count in [(v.Vector2i, 2), (v.Rect2i, 4), (v.Vector3i, 3), (v.Vector4i, 4)]
]
LEAVES_3 = st.one_of(
    st.none(), st.booleans(), INT64, INT32, st.floats(), REALS, TEXTS, *FLAT_3,
    st.builds(v.NodePath.of, st.lists(NAMES, max_size=3), st.lists(NAMES, max_size=2), st.booleans()),
    st.builds(v.EncodedObjectAsID, INT64.filter(bool)),
    st.binary(max_size=9).map(v.PackedByteArray),
    st.lists(INT32, max_size=4).map(v.PackedInt32Array),
    st.lists(REALS, max_size=4).map(v.PackedFloat32Array),
    st.lists(TEXTS, max_size=4).map(v.PackedStringArray),
    st.lists(FLAT_3[0], max_size=3).map(v.PackedVector2Array),
    st.lists(FLAT_3[2], max_size=3).map(v.PackedVector3Array),
    st.lists(FLAT_3[9], max_size=3).map(v.PackedColorArray),
)  # fmt: skip
LEAVES_4 = st.one_of(
    LEAVES_3, *FLAT_4, TEXTS.map(v.StringName), INT64.map(v.RID), st.just(v.EncodedCallable()),
    st.builds(v.EncodedSignal, NAMES, INT64),
    st.lists(INT64, max_size=4).map(v.PackedInt64Array),
    st.lists(st.floats(allow_nan=False), max_size=4).map(v.PackedFloat64Array),
    st.lists(FLAT_4[0], max_size=3).map(v.PackedVector4Array),
)  # fmt: skip
INTS = v.ContainerType(v.VariantType.TYPE_INT)
STRINGS = v.ContainerType(v.VariantType.TYPE_STRING)


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Arrays and dictionaries; with keys of every kind only in a `Dictionary`."""
    return st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(TEXTS, inner, max_size=4),
        st.lists(st.tuples(inner, inner), max_size=4).map(v.Dictionary),
    )


VALUES_3 = st.recursive(LEAVES_3, containers, max_leaves=12)
VALUES_4 = st.recursive(
    st.one_of(
        LEAVES_4,
        st.lists(INT64, max_size=3).map(lambda items: v.Array(items, INTS)),
        st.dictionaries(TEXTS, INT32, max_size=3).map(lambda pairs: v.Dictionary(pairs, STRINGS, INTS)),
        st.builds(v.EncodedObject, CLASSES, st.dictionaries(NAMES, INT64, max_size=3)),
    ),
    containers,
    max_leaves=12,
)
BOTH = st.one_of(st.tuples(st.just(3), VALUES_3), st.tuples(st.just(4), VALUES_4))


@given(BOTH, st.booleans())
def test_values_come_back(example: tuple[int, Any], typed: bool) -> None:
    engine, value = example
    data = encode_variant(value, engine, typed, True)
    assert len(data) % 4 == 0
    back, end = decode_variant(b"...." + data + b"rest", 4, engine, True)
    assert end == 4 + len(data)
    # NaN is equal to nothing, but its bytes are.
    assert encode_variant(back, engine, typed, True) == data
    if "nan" not in repr(value):
        assert back == value


LISTS = st.one_of(
    st.tuples(st.just(3), st.lists(VALUES_3, max_size=4)), st.tuples(st.just(4), st.lists(VALUES_4, max_size=4))
)


@given(LISTS)
def test_arguments_come_back(example: tuple[int, list[Any]]) -> None:
    engine, arguments = example
    data = encode_arguments(arguments, engine=engine, objects=True, typed=True)
    back = decode_arguments(b"." + data, 1, len(arguments), len(data) + 1, engine=engine, objects=True)
    assert encode_arguments(back, engine=engine, objects=True, typed=True) == data
    if "nan" not in repr(arguments):
        assert list(back) == arguments


@given(VALUES_4)
def test_what_engine_3_lacks_is_refused_before_anything_is_sent(value: Any) -> None:
    """Engine 3 gets what it can read, or nothing."""
    reason = ""
    try:
        data = encode_arguments([value], engine=3, objects=True)
    except VariantError as problem:
        reason = str(problem)
    if reason:
        assert "Godot 3" in reason
        return
    [back] = decode_arguments(data, 0, 1, len(data), engine=3, objects=True)
    assert encode_arguments([back], engine=3, objects=True) == data


FLOAT = re.compile(r"\d+\.\d+(?:e[+-]\d+)?")


def with_nine_digits(text: str) -> str:
    """Rounds the floats in a text: the engine writes a float that is exact in 32 bits with fewer digits than others."""
    return FLOAT.sub(lambda found: f"{float(found[0]):.9g}", text)


def test_a_float_that_is_exact_in_32_bits_reads_back_as_in_the_engine() -> None:
    text = v.var_to_str(5.6292783124736115e19)
    assert (text, v.var_to_str(v.str_to_var(text))) == ("5.6292783e+19", "5.6292783000000004e+19")  # seen in Godot 4.6


@given(VALUES_4)
@example(5.6292783124736115e19)
def test_texts_come_back(value: Any) -> None:
    text = v.var_to_str(value)
    assume(text.count("Signal(): ") < 2)  # all signals are written alike: as keys they become one
    assume(r"\a" not in text and r"\v" not in text)  # the engine writes these two, and does not read them
    back = v.str_to_var(text, objects=True)
    assert with_nine_digits(v.var_to_str(back)) == with_nine_digits(text)


@given(st.one_of(st.text(max_size=30), VALUES_4.map(v.var_to_str)), st.data())
def test_damaged_texts(text: str, data: st.DataObject) -> None:
    if text:
        place = data.draw(st.integers(0, len(text) - 1))
        text = (
            text[:place]
            + data.draw(st.sampled_from(["", '"', "[", "{", "(", ",", "0", "\\", "Object(A,"]))
            + text[place + 1 :]
        )
    for engine in (4, 3):
        with suppress(VariantError):
            v.str_to_var(text, engine, objects=True)


WORDS = st.one_of(
    st.integers(0, 40),
    st.sampled_from([0x1001C, 0x2001C, 0x3001C, 0x5001B, 0x10018, 0xFFFFFFFF, 0x7FFFFFFF, 0x80000001]),
).map(lambda number: struct.pack("<I", number))


@st.composite
def damaged(draw: st.DrawFn) -> tuple[int, bytes]:
    """An encoded value with a few things wrong: bits, pieces cut out or put in, counts."""
    engine, value = draw(BOTH)
    data = bytearray(encode_variant(value, engine, draw(st.booleans()), True))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(data)))
        match draw(st.integers(0, 4)):
            case 0:
                del data[place:]
            case 1:
                data[place:place] = draw(st.one_of(WORDS, st.binary(max_size=6)))
            case 2:
                del data[place : place + draw(st.integers(1, 8))]
            case 3:
                place = place // 4 * 4
                data[place : place + 4] = draw(WORDS)
            case _ if data:
                data[place % len(data)] ^= 1 << draw(st.integers(0, 7))
    return engine, bytes(data)


GARBAGE = st.tuples(st.sampled_from([3, 4]), st.lists(WORDS, max_size=20).map(b"".join))


def memory_of(data: bytes, engine: int, objects: bool) -> int:
    """How much memory decoding took at its peak."""
    gc.disable()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        with suppress(VariantError):
            decode_variant(data, 0, engine, objects)
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
        gc.enable()


@given(st.one_of(damaged(), GARBAGE), st.booleans())
def test_damaged_bytes(example: tuple[int, bytes], objects: bool) -> None:
    engine, data = example
    assert memory_of(data, engine, objects) <= 16 * len(data) + 65536
    value, place, end = None, 0, -1
    try:
        value, end = decode_variant(data, 0, engine, objects)
    except VariantError as problem:
        place = problem.offset
    assert 0 <= place <= len(data)
    if end < 0:
        return
    assert end <= len(data)
    again = encode_variant(value, engine, True, True)
    assert encode_variant(decode_variant(again, 0, engine, True)[0], engine, True, True) == again


@given(st.one_of(damaged(), GARBAGE), st.integers(0, 5), st.integers(0, 8))
def test_nothing_is_read_from_the_end_on(example: tuple[int, bytes], count: int, more: int) -> None:
    engine, data = example
    behind = [b"\0" * 64, b"\xff" * 64]
    found = []
    for rest in behind:
        try:
            found.append(
                repr(decode_arguments(b"x" * more + data + rest, more, count, more + len(data), engine=engine))
            )
        except VariantError as error:
            found.append((str(error), more <= error.offset <= more + len(data)))
            assert found[-1][1]
    assert found[0] == found[1]


WORST = {
    "null": struct.pack("<I", 0),
    "small text": struct.pack("<II", 4, 2) + b"ab\0\0",
    "wide text": struct.pack("<II", 4, 4) + "🙂".encode(),
    "empty name": struct.pack("<II", 21, 0),
    "vector": struct.pack("<I2i", 6, 70000, 70000),
    "number": struct.pack("<Iq", 0x10002, 2**40),
    "real": struct.pack("<If", 3, math.pi),
    "path": struct.pack("<4I", 22, 0x80000000, 0, 0),
    "paths": struct.pack("<6I", 22, 0x80000001, 0, 0, 1, 97),
    "id": struct.pack("<Iq", 0x10018, 2**40),
    "signal": struct.pack("<IIq", 26, 0, 2**40),
    "packed": struct.pack("<II", 36, 0),
    "strings": struct.pack("<III", 34, 1, 3) + b"ab\0\0",
    "array": struct.pack("<II", 28, 0),
    "arrays": struct.pack("<III", 28, 1, 0),
    "typed": struct.pack("<III", 0x1001C, 2, 0),
    "named": struct.pack("<IIII", 0x2001C, 1, 97, 0),
    "dictionary": struct.pack("<II", 27, 0),
    "pair": struct.pack("<IIII", 27, 1, 0, 0),
    "typed dictionary": struct.pack("<IIII", 0x5001B, 4, 2, 0),
    "object": struct.pack("<6I", 24, 1, 97, 1, 0, 0),
}
"""The smallest bytes for the most memory."""
COUNT = 3000


def many(count: int, *values: bytes) -> bytes:
    """An array, or a dictionary, of so many."""
    return struct.pack("<II", 26 + len(values) if len(values) == 2 else 28, count) + b"".join(values) * count


@pytest.mark.parametrize("name", WORST)
@pytest.mark.parametrize("objects", [False, pytest.param(True, marks=pytest.mark.extended)])
def test_the_worst_inputs_stay_within_16_times_their_bytes(name: str, objects: bool) -> None:
    value, null, text = WORST[name], WORST["null"], struct.pack("<III", 4, 1, 97)
    keys = [struct.pack("<II", 28, 2) + value + struct.pack("<II", 2, i) + null for i in range(COUNT)]
    numbers = [struct.pack("<II", 2, i) + value for i in range(COUNT)]
    for data in (
        many(COUNT, value),
        many(COUNT, struct.pack("<II", 28, 1) + value),
        many(COUNT, struct.pack("<II", 27, 1) + null + value),
        many(COUNT, struct.pack("<II", 27, 1) + value + null),
        many(COUNT, struct.pack("<II", 27, 1) + text + value),
        many(COUNT, struct.pack("<IIII", 27, 1, 27, 1) + null + value + null),
        struct.pack("<II", 27, COUNT) + b"".join(numbers),
        struct.pack("<II", 27, COUNT + 1) + b"".join(numbers) + struct.pack("<If", 3, 1.0) + null,
        struct.pack("<II", 27, COUNT) + b"".join(keys),
        struct.pack("<II", 27, 1) + many(COUNT, value) + null,
    ):
        assert memory_of(data, 4, objects) <= 16 * len(data) + 65536


@pytest.mark.parametrize("times", [1, 10])
@pytest.mark.parametrize("depth", [60, 128, 300])
@pytest.mark.parametrize(
    "level",
    [
        struct.pack("<II", 28, 1),
        struct.pack("<III", 27, 1, 0),
        struct.pack("<IIII", 27, 1, 4, 0),
        struct.pack("<III", 0x1001C, 28, 1),
        struct.pack("<5I", 24, 1, 97, 1, 0),
        struct.pack("<IIII", 27, 1, 28, 0),
    ],
    ids=lambda level: level.hex(),
)
def test_the_deepest_inputs_stay_within_16_times_their_bytes(level: bytes, depth: int, times: int) -> None:
    data = many(times, level * depth + struct.pack("<I", 0)) if times > 1 else level * depth + struct.pack("<I", 0)
    assert memory_of(data, 4, True) <= 16 * len(data) + 65536


SEALED_KEYS: dict[str, Any] = {
    "floats": lambda i: i + 0.5,
    "wide floats": lambda i: i + 0.1,
    "pairs": lambda i: [i, -i],
    "pairs of floats": lambda i: [i + 0.5, 1.5],
    "nothing": lambda i: [None] * (i % 50) + [i],
    "not a number": lambda i: v.Vector3(math.nan, i, i),
    "dictionaries": lambda i: {i: None},
    "packed": lambda i: v.PackedInt32Array([i]),
    "names": lambda i: [v.StringName(f"n{i}")],
    "wide texts": lambda i: [f"\U0001f642{i}"],
    "reals": lambda i: [v.Projection.of(*[i + 0.5] * 16)],
    "after others": lambda i: i if i < 2000 else float(i - 2000),
    "ids": lambda i: [v.EncodedObjectAsID(i + 1), v.RID(i)],
}


@pytest.mark.parametrize("count", [1, 700, 2800])
@pytest.mark.parametrize("typed", [False, True])
@pytest.mark.parametrize("name", SEALED_KEYS)
def test_keys_that_python_would_mix_up_stay_within_16_times_their_bytes(name: str, typed: bool, count: int) -> None:
    kind = v.VariantType.TYPE_INT if typed else v.VariantType.TYPE_NIL
    value = v.Dictionary([(SEALED_KEYS[name](i), i) for i in range(count)], value_type=kind)
    data = encode_variant(value, 4, True, False)
    assert memory_of(data, 4, False) <= 16 * len(data) + 65536


def test_full_objects_within_what_travels() -> None:
    value = [v.EncodedObject("A", {"b": [v.EncodedObject("C")]})]
    assert decode_variant(v.var_to_bytes_with_objects(value), 0, 4, True)[0] == value
