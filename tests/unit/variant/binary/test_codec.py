"""Values and bytes, against what real engines wrote and against what nobody should send."""

from __future__ import annotations

import copy
import math
import pickle
import struct
import time
from collections import OrderedDict, defaultdict, namedtuple
from enum import IntEnum, StrEnum
from functools import partial
from typing import Any

import pytest

from gdpeer.errors import VariantError
from gdpeer.variant import (
    AABB,
    RID,
    UNTYPED,
    Array,
    Basis,
    Color,
    ContainerType,
    Dictionary,
    EncodedCallable,
    EncodedObject,
    EncodedObjectAsID,
    EncodedSignal,
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
    Plane,
    Projection,
    Quaternion,
    Rect2,
    Rect2i,
    StringName,
    Transform2D,
    Transform3D,
    VariantType,
    Vector2,
    Vector2i,
    Vector3,
    Vector3i,
    Vector4,
    Vector4i,
    bytes_to_var,
    bytes_to_var_with_objects,
    str_to_var,
    var_to_bytes,
    var_to_bytes_with_objects,
    var_to_str,
)
from gdpeer.variant.binary import _leaves as leaves
from gdpeer.variant.binary import layout
from gdpeer.variant.binary.codec import decode_variant, encode_variant
from tests.support.growth import grows_below
from tests.unit.variant.vectors import ALL, WITH_OBJECTS, by_name, words

INT = ContainerType(VariantType.TYPE_INT)
STRING = ContainerType(VariantType.TYPE_STRING)
AS_ID = ContainerType(VariantType.TYPE_OBJECT, "EncodedObjectAsID")
NIL = words(0)

VALUES = {
    "nil": None,
    "bool_true": True,
    "int_minus_129": -129,
    "int_max_64": 2**63 - 1,
    "int_min_64": -(2**63),
    "int_2_53_plus_1": 2**53 + 1,
    "float_tenth_needs_64": 0.1,
    "float_minus_inf": -math.inf,
    "string_emoji": "🙂🚀",
    "string_newline_quote": 'a\n\t"b"\\',
    "vector2": Vector2(1.5, -2.25),
    "vector2_inexact": Vector2(0.1, 1 / 3),
    "vector2i_edges": Vector2i(2**31 - 1, -(2**31)),
    "rect2": Rect2(1, 2, 3.5, 4.5),
    "rect2i": Rect2i(1, -2, 3, 4),
    "vector3": Vector3(1, -2, 3.5),
    "vector3i": Vector3i(1, -2, 3),
    "vector4": Vector4(1, -2, 3.5, 4),
    "vector4i": Vector4i(1, -2, 3, -4),
    "transform2d_columns": Transform2D(Vector2(1, 2), Vector2(3, 4), Vector2(5, 6)),
    "plane_abcd": Plane(1, 2, 3, 4),
    "quaternion": Quaternion(0.1, 0.2, 0.3, 0.4),
    "quat": Quaternion(0.1, 0.2, 0.3, 0.4),
    "aabb": AABB(Vector3(1, 2, 3), Vector3(4, 5, 6)),
    "basis_axes_1_to_9": Basis(Vector3(1, 2, 3), Vector3(4, 5, 6), Vector3(7, 8, 9)),
    "transform3d_1_to_12": Transform3D(Vector3(1, 2, 3), Vector3(4, 5, 6), Vector3(7, 8, 9), Vector3(10, 11, 12)),
    "projection_1_to_16": Projection(
        Vector4(1, 2, 3, 4), Vector4(5, 6, 7, 8), Vector4(9, 10, 11, 12), Vector4(13, 14, 15, 16)
    ),
    "color_alpha": Color(0.1, 0.2, 0.3, 0.4),
    "string_name_unicode": StringName("größe"),
    "node_path_subnames": NodePath("/root/Main/Sprite:position:x"),
    "node_path_empty": NodePath(""),
    "rid_value": RID(81604378625),
    "rid_empty": RID(),
    "callable_method": EncodedCallable(),
    "signal_of_object": EncodedSignal("script_changed", -9223371888795835925),
    "array_mixed": [1, "two", 3.0, None, True, Vector2(4, 5)],
    "array_nested": [[], [1, [2, [3]]], {"k": [4]}],
    "array_typed_int": Array([1, 2], INT),
    "array_typed_node": Array([None], AS_ID),
    "dictionary_mixed_keys": Dictionary([(1, "int"), ("s", 2.5), (Vector2(1, 2), None), (True, False)]),
    "dictionary_typed": Dictionary({"a": 1}, STRING, INT),
    "dictionary_typed_value_only": Dictionary({"a": 1}, value_type=INT),
    "packed_byte_5": PackedByteArray([1, 2, 3, 4, 5]),
    "pool_byte_5": PackedByteArray([1, 2, 3, 4, 5]),
    "packed_int32": PackedInt32Array([1, -2, 2147483647, -2147483648]),
    "packed_int64": PackedInt64Array([1, -2, 9223372036854775807]),
    "packed_float32": PackedFloat32Array([0.5, 0.1, math.inf]),
    "packed_float64": PackedFloat64Array([0.5, 0.1, -math.inf]),
    "packed_string": PackedStringArray(["a", "bc", "def", "ghij", "é"]),
    "packed_vector2": PackedVector2Array([Vector2(1, 2), Vector2(-3.5, 0.1)]),
    "packed_vector3": PackedVector3Array([Vector3(1, 2, 3), Vector3(-4, 5.5, 6)]),
    "packed_vector4": PackedVector4Array([Vector4(1, 2, 3, 4), Vector4(-5, 6.5, 7, 8)]),
    "packed_color": PackedColorArray([Color(1, 0, 0), Color(0.1, 0.2, 0.3, 0.4)]),
}
"""What some of the vectors hold, of each type at least one."""


@pytest.mark.parametrize(("engine", "vector"), ALL)
def test_each_vector_decodes_and_encodes_to_the_same_bytes(engine: int, vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["hex"])
    value, end = decode_variant(data, 0, engine, False)
    assert end == len(data)
    assert var_to_bytes(value, engine, typed=True) == data
    name = vector["name"]
    if name in VALUES:
        assert type(value) is type(VALUES[name])
        assert value == VALUES[name]
        assert var_to_bytes(VALUES[name], engine, typed=True) == data


@pytest.mark.parametrize(("engine", "vector"), WITH_OBJECTS)
def test_each_vector_with_objects(engine: int, vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["hex_with_objects"])
    value = bytes_to_var_with_objects(data, engine)
    assert var_to_bytes_with_objects(value, engine, typed=True) == data
    if vector["name"] == "object_ref":
        name = "RefCounted" if engine == 4 else "Reference"
        assert value == EncodedObject(name, {"script": None})
        with pytest.raises(VariantError, match=r"where objects are allowed .* \(at offset 0\)"):
            bytes_to_var(data, engine)
        with pytest.raises(VariantError, match="where objects are allowed"):
            var_to_bytes(value, engine)
    if vector["name"] == "array_typed_node":
        assert value.element_type == ContainerType(VariantType.TYPE_OBJECT, "Node")


def test_containers_are_untyped_unless_asked() -> None:
    assert var_to_bytes(Array([1, 2], INT)) == var_to_bytes([1, 2])
    assert var_to_bytes(Dictionary({"a": 1}, STRING, INT)) == var_to_bytes({"a": 1})
    assert var_to_bytes(Array([1], INT), 3, typed=True) == var_to_bytes([1], 3)


def test_objects_within_typed_containers_and_objects() -> None:
    node = ContainerType(VariantType.TYPE_OBJECT, "Node")
    script = ContainerType(VariantType.TYPE_OBJECT, "", "res://x.gd")
    inner = EncodedObject("Node", {"list": [1, {"k": EncodedObject("", {})}], "name": StringName("n"), "at": None})
    value = Dictionary(
        [(EncodedObject("A"), Array([inner, None], node))], script, ContainerType(VariantType.TYPE_ARRAY)
    )
    data = var_to_bytes_with_objects(value, typed=True)
    back = bytes_to_var_with_objects(data)
    (key,), (nodes,) = back.keys(), back.values()
    assert key == EncodedObject("A", {})
    assert back.key_type == script
    assert nodes.element_type == node
    assert nodes[0].properties == {"list": [1, {"k": None}], "name": "n", "at": None}
    assert var_to_bytes_with_objects(back, typed=True)[:60] == data[:60]
    # Without objects both class and script become the class of ids.
    ids = bytes_to_var(var_to_bytes(Dictionary({EncodedObjectAsID(5): None}, script, node), typed=True))
    assert (ids.key_type, ids.value_type) == (AS_ID, AS_ID)
    assert list(ids) == [EncodedObjectAsID(5)]


def test_object_without_a_class_is_null() -> None:
    assert bytes_to_var_with_objects(words(24, 0)) is None
    assert bytes_to_var(words(0x10018, 0, 0)) is None
    assert var_to_bytes_with_objects(EncodedObject("")) == words(24, 0)


class Mode(IntEnum):
    FAST = 300


class Word(StrEnum):
    HELLO = "hello"


class Real(float):
    def __float__(self) -> float:
        raise AssertionError("not called")


Point = namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("value", "same"),
    [
        (Mode.FAST, 300),
        (Word.HELLO, "hello"),
        (Real(0.25), 0.25),
        ((1, "a"), [1, "a"]),
        (Point(1, (2,)), [1, [2]]),
        (OrderedDict(a=1), {"a": 1}),
        (defaultdict(list, {1: 2, "b": []}), {1: 2, "b": []}),
        (b"abc", PackedByteArray(b"abc")),
        (bytearray(b"abcd"), PackedByteArray(b"abcd")),
        (memoryview(b"abcdef")[::2], PackedByteArray(b"ace")),
        (memoryview(b"abc"), PackedByteArray(b"abc")),
        (memoryview(PackedInt32Array([1, 2])), PackedByteArray(words(1, 2))),
    ],
)
def test_python_values_that_the_engine_has_another_word_for(value: Any, same: Any) -> None:
    assert var_to_bytes(value) == var_to_bytes(same)
    assert var_to_bytes([value, {"k": value}], 3) == var_to_bytes([same, {"k": same}], 3)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (2**63, "64 bits; send it as a String or a float"),
        ([-(2**63) - 1], "64 bits"),
        ({"a": 10**40}, "64 bits"),
        (EncodedObjectAsID(-(2**63) - 1), "does not fit 64 bits"),
        ("\ud83d", "half a surrogate pair"),
        ({"\udc00": 1}, "half a surrogate pair"),
        (["a\0b"], "zero character"),
        (["ä\0"], "zero character"),
        ("x" * 20 + "\0", "zero character"),
        ("x" * 9 + "\0", "zero character"),
        ("xxxx\0", "zero character"),
        (PackedStringArray(["a\0"]), "zero character"),
        (object(), "no type for object; convert it first"),
        ({1, 2}, "no type for set"),
        (1j, "no type for complex"),
        (list.append, "no type for method_descriptor"),
        (tuple.__new__(Vector3, (1.0, 2.0)), "Vector3 of 2 numbers"),
    ],
)
def test_values_that_the_engine_cannot_hold(value: Any, reason: str) -> None:
    for engine in (4, 3):
        with pytest.raises(VariantError, match=reason) as caught:
            var_to_bytes(value, engine)
        assert caught.value.offset == -1


def test_ids_have_64_bits() -> None:
    assert bytes_to_var(var_to_bytes([RID(2**64 - 1), RID(-1)])) == [RID(-1), RID(-1)]
    with pytest.raises(VariantError, match="does not fit 64 bits"):
        var_to_bytes(RID(2**64))


def test_packed_strings_hold_strings_only() -> None:
    value = PackedStringArray(["a"])
    list.append(value, 5)
    with pytest.raises(VariantError, match="holds a int"):
        var_to_bytes(value)


@pytest.mark.parametrize(
    "value",
    [
        Vector2i(),
        Rect2i(),
        Vector3i(),
        Vector4(),
        Vector4i(),
        Projection(),
        EncodedCallable(),
        EncodedSignal(),
        PackedInt64Array(),
        PackedFloat64Array(),
        PackedVector4Array(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_godot_3_lacks_is_refused_with_advice(value: Any) -> None:
    name = type(value).__name__.removeprefix("Encoded")
    with pytest.raises(VariantError, match=f"Godot 3 has no {name}; send a"):
        var_to_bytes([value], 3)


def test_names_go_as_strings_to_godot_3() -> None:
    assert bytes_to_var(var_to_bytes({StringName("k"): StringName("ü")}, 3), 3) == {"k": "ü"}
    assert var_to_bytes(RID(7), 3) == words(16)


def nested(depth: int, make: Any = lambda inner: [inner]) -> Any:
    value = make(None) if depth else None
    for _ in range(depth - 1):
        value = make(value)
    return value


@pytest.mark.parametrize("make", [lambda inner: [inner], lambda inner: {"k": inner}, lambda inner: (1, inner, 2)])
def test_depth_is_limited(make: Any) -> None:
    data = var_to_bytes(nested(128, make))
    assert var_to_bytes(bytes_to_var(data)) == data
    empty = nested(128)
    leaf = empty
    while leaf != [None]:
        leaf = leaf[0]
    leaf[0] = []
    assert var_to_bytes(bytes_to_var(var_to_bytes(empty))) == var_to_bytes(empty)
    with pytest.raises(VariantError, match="deeper than 128"):
        var_to_bytes(nested(129, make))


@pytest.mark.parametrize("count", [129, 100_000])
@pytest.mark.parametrize("head", [words(28, 1), words(27, 1, 4, 1, 97), words(0x1001C, 28, 1)])
def test_deep_bytes_are_refused(head: bytes, count: int) -> None:
    with pytest.raises(VariantError, match="deeper than 128"):
        bytes_to_var(head * count + NIL)
    deep_object = words(24, 1, 97, 1, 1, 97) * count + NIL
    with pytest.raises(VariantError, match="deeper than 128"):
        bytes_to_var_with_objects(deep_object)


def from_deep(frames: int, call: Any) -> Any:
    """What `call` gives when so many calls are around it."""
    return from_deep(frames - 1, call) if frames else call()


@pytest.mark.parametrize(
    "make",
    [
        lambda inner: [inner],
        lambda inner: {"k": inner},
        lambda inner: Array([inner], VariantType.TYPE_ARRAY if inner else UNTYPED),
        lambda inner: Dictionary([(1, inner), (1.0, 2)], UNTYPED, UNTYPED),
        lambda inner: Dictionary({"k": inner}, VariantType.TYPE_STRING),
        lambda inner: EncodedObject("A", {"k": inner}),
    ],
)
def test_the_deepest_value_can_be_used(make: Any) -> None:
    data = var_to_bytes_with_objects(nested(128, make), typed=True)
    value, other = bytes_to_var_with_objects(data), bytes_to_var_with_objects(data)
    for use in (
        lambda: other == value,
        lambda: copy.deepcopy(value) == other,
        lambda: pickle.loads(pickle.dumps(value)) == other,
        lambda: repr(value) == repr(other),
    ):
        assert from_deep(50, use)


def keys_in_keys(depth: int) -> tuple[bytes, str]:
    """A dictionary whose key is a dictionary whose key is a dictionary and so on, encoded and as a text."""
    key = words(27, 1) + words(2, 1) + NIL
    text = "{1: null}"
    for _ in range(depth - 1):
        key = words(27, 1) + key + NIL
        text = f"{{{text}: null}}"
    return key, text


def test_keys_in_keys_take_linear_time() -> None:
    """Each level once doubled the time."""

    def seconds(depth: int, form: int) -> float:
        source, begin = keys_in_keys(depth), time.process_time()
        value = bytes_to_var(source[0]) if form == 0 else str_to_var(source[1])
        took = time.process_time() - begin
        assert var_to_bytes(value) == source[0]
        return took

    for form in (0, 1):
        assert grows_below(100, partial(seconds, form=form), 4, 17)  # about 5 times as long; it was 8,000 times


def test_keys_in_too_many_keys_are_refused() -> None:
    data, text = keys_in_keys(60)
    for read, source in ((bytes_to_var, data), (str_to_var, text)):
        with pytest.raises(VariantError, match="nested too deeply"):
            read(source)  # type: ignore[operator]


INTS, FLOATS, STRINGS = VariantType.TYPE_INT, VariantType.TYPE_FLOAT, VariantType.TYPE_STRING
LARGE: dict[str, Any] = {
    "small, by String": lambda n: [Dictionary({"hp": i, "mp": 3}, STRINGS, INTS) for i in range(n // 48)],
    "small, by int": lambda n: [Dictionary({i: 2}, INTS, INTS) for i in range(n // 32)],
    "small, of vectors": lambda n: [
        Dictionary({i: Vector2(i, 1)}, INTS, VariantType.TYPE_VECTOR2) for i in range(n // 36)
    ],
    "small, by float": lambda n: [Dictionary({i + 0.5: 2}, FLOATS, INTS) for i in range(n // 32)],
    "by float": lambda n: Dictionary([(i + 0.5, i) for i in range(n // 16)], FLOATS, INTS),
    "by Vector2i": lambda n: Dictionary(
        [(Vector2i(i, -i), i) for i in range(n // 20)], VariantType.TYPE_VECTOR2I, INTS
    ),
    "by arrays": lambda n: Dictionary([([i, -i], i) for i in range(n // 32)]),
    "by arrays, of null": lambda n: Dictionary([([i, -i], None) for i in range(n // 28)]),
    "by int and float": lambda n: Dictionary([((i % 2 and i) or float(i), i) for i in range(n // 16)]),
    "by ints, then floats": lambda n: Dictionary(
        [(i, i) for i in range(n // 32)] + [(float(i), i) for i in range(n // 32)]
    ),
}


@pytest.mark.parametrize("size", [1 << 14, pytest.param(1 << 18, marks=pytest.mark.extended)])
@pytest.mark.parametrize("name", LARGE)
def test_what_games_send_does_not_take_too_much_memory(name: str, size: int) -> None:
    value = LARGE[name](size)
    data = var_to_bytes(value, typed=True)
    assert len(data) > 0.8 * size
    assert bytes_to_var(data) == value


def test_containers_that_hold_themselves() -> None:
    array: list[Any] = [1]
    array.append(array)
    with pytest.raises(VariantError, match="a list holds itself"):
        var_to_bytes(array)
    outer: dict[str, Any] = {"a": [{}]}
    outer["a"][0]["up"] = outer
    with pytest.raises(VariantError, match="a dict holds itself"):
        var_to_bytes(outer)
    # The same list twice is no circle.
    twice = [1]
    assert bytes_to_var(var_to_bytes([twice, twice])) == [[1], [1]]


@pytest.mark.parametrize("engine", [2, 5, "4"])
def test_engines(engine: Any) -> None:
    for call in (lambda: var_to_bytes(1, engine), lambda: bytes_to_var(NIL, engine)):
        with pytest.raises((ValueError, TypeError)):
            call()


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_input_and_offsets(kind: type) -> None:
    data = kind(b"...." + var_to_bytes("hi") + var_to_bytes(7))
    assert decode_variant(data, 4, 4, False) == ("hi", 16)
    assert decode_variant(data, 16, 4, False) == (7, 24)
    for offset in (-1, 25):
        with pytest.raises(ValueError, match="no span"):
            decode_variant(data, offset, 4, False)
    assert bytes_to_var(kind(var_to_bytes(5) + b"rest")) == 5


def test_wide_numbers_of_a_double_precision_engine() -> None:
    assert bytes_to_var(words(0x10005) + struct.pack("<2d", 0.1, 1e300)) == Vector2(0.1, math.inf)
    assert bytes_to_var(words(0x10013) + struct.pack("<16d", *range(16))) == tuple.__new__(Projection, range(16))
    wide = bytes_to_var(words(0x10024, 2) + struct.pack("<6d", 1, 2, 3, 4, 5, 0.1))
    assert wide == PackedVector3Array([Vector3(1, 2, 3), Vector3(4, 5, 0.1)])
    # These are what they are, whatever the flag says.
    assert bytes_to_var(words(0x10014, 0, 0, 0, 0x3F800000)) == Color(0, 0, 0, 1)
    assert bytes_to_var(words(0x10006, 1, 2)) == Vector2i(1, 2)
    assert bytes_to_var(words(0x10025, 0)) == PackedColorArray()
    assert bytes_to_var(words(0x10005, 0, 0), 3) == Vector2()


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (words(0xFF00), None),
        (words(1, 5), True),
        (words(4, 4) + b"a\0b\0", "a"),
        (words(34, 3, 2) + b"ab\0\0" + words(3) + b"ab\0\0" + words(3) + b"a\0b\0", ["ab", "ab", "a"]),
        (words(29, 3) + b"abc", PackedByteArray(b"abc")),
        (words(28, 0x80000001) + NIL, [None]),
        (words(0xF0001C, 0), []),
        (words(22, 0x80000000, 0, 2, 2) + b"ab\0\0", NodePath(":ab")),
        (words(0x1001C, 0, 1) + NIL, [None]),
        (words(0x1001C, 4, 1, 21, 1, 97), ["a"]),
        (words(0x1001C, 3, 1, 2, 7), [7.0]),
    ],
)
def test_odd_bytes_that_the_engine_reads(data: bytes, value: Any) -> None:
    assert bytes_to_var(data) == value


@pytest.mark.parametrize(
    ("data", "reason", "offset"),
    [
        (b"", "end within", 0),
        (b"\0\0\0", "end within", 0),
        (words(39), "no type 39", 0),
        (words(255), "no type 255", 0),
        (words(2), "end within", 4),
        (words(0x10002, 1), "end within", 4),
        (words(3), "end within", 4),
        (words(0x10003, 1), "end within", 4),
        (words(4, 1), "1 items do not fit the 0 bytes", 4),
        (words(4, 3) + b"abc", "end within", 8),
        (words(4, 0xFFFFFFFF), "4294967295 items", 4),
        (words(4, 4) + b"ab\xc3(", "not UTF-8", 10),
        (words(4, 4) + "\ud800".encode("utf-8", "surrogatepass") + b"\0", "not UTF-8", 8),
        (words(5, 1), "end within", 4),
        (words(22, 1, 0, 0), "old form", 4),
        (words(22, 0x80000002, 0xFFFFFFFF, 0, 0, 0), "do not fit", 12),
        (words(22, 0xFFFFFFFF, 0, 0), "do not fit", 12),
        (words(23, 1), "end within", 4),
        (words(26, 0, 1), "end within", 8),
        (words(27, 2) + NIL * 3, "2 items do not fit the 12 bytes", 4),
        (words(28, 2) + NIL, "2 items do not fit the 4 bytes", 4),
        (words(28, 0x7FFFFFFF) + NIL * 9, "do not fit", 4),
        (words(28, 2, 2, 5), "end within", 16),
        (words(27, 1, 2, 5), "end within", 16),
        (words(29, 5) + b"abcd", "do not fit", 4),
        (words(30, 2, 1), "do not fit", 4),
        (words(0x10023, 1, 1, 2, 3), "do not fit", 4),
        (words(34, 2, 0), "do not fit", 4),
        (words(0x1001C, 39, 0), "no type 39 for elements", 4),
        (words(0x2001C, 9), "do not fit", 4),
        (words(0x1001C, 2, 1, 4, 0), "typed container", 20),
        (words(0x1001B, 2, 1, 4, 0, 2, 1), "typed container", 20),
        (words(0x4001B, 2, 1, 2, 1, 4, 0), "typed container", 28),
    ],
)
def test_damaged_bytes(data: bytes, reason: str, offset: int) -> None:
    with pytest.raises(VariantError, match=reason) as caught:
        bytes_to_var(data)
    assert caught.value.offset == offset


def test_ids_of_godot_3() -> None:
    with pytest.raises(VariantError, match="no type 27"):
        bytes_to_var(words(27, 0), 3)
    assert bytes_to_var(words(0x10013, 1, 2, 5), 3) == [5]
    # A short list before something that may be a container.
    assert bytes_to_var(var_to_bytes([1, [2], EncodedObjectAsID(3)], 3), 3) == [1, [2], EncodedObjectAsID(3)]


def test_keys_that_python_would_mix_up() -> None:
    pairs = [(1, "int"), (1.0, "real"), (True, "bool"), ([1], "array"), ({}, "dictionary"), ([1], "again")]
    value = bytes_to_var(var_to_bytes(Dictionary(pairs)))
    assert type(value) is Dictionary
    assert list(value.items()) == [*pairs[:3], ([1], "again"), ({}, "dictionary")]
    raw = words(27, 3) + b"".join(var_to_bytes(key) + var_to_bytes(i) for i, key in enumerate((1, 1.0, True)))
    assert list(bytes_to_var(raw).items()) == [(1, 0), (1.0, 1), (True, 2)]
    nan = words(27, 2) + (var_to_bytes(math.nan) + NIL) * 2
    assert len(bytes_to_var(nan)) == 1
    assert type(bytes_to_var(var_to_bytes({2: 1, 2.5: 1, False: 2, "a": 3, None: 4, Vector2(): 5}))) is dict
    same = words(27, 2) + (words(4, 1, 97) + NIL) + (words(21, 1, 97, 2, 5))
    assert bytes_to_var(same) == {"a": 5}


def test_keys_with_nan_are_one_key() -> None:
    for key in (Vector2(math.nan, 0), Color(1, 2, 3, math.nan), Basis(Vector3(0, math.nan, 0), Vector3(), Vector3())):
        twice = bytes_to_var(words(27, 2) + (var_to_bytes(key) + NIL) * 2)
        assert type(twice) is Dictionary
        assert len(twice) == 1
        assert len(str_to_var(f"{{{var_to_str(key)}: 1, {var_to_str(key)}: 2}}")) == 1
    infinite = {Vector2(math.inf, -math.inf): 1, Vector2i(1, 2): 2}
    assert type(bytes_to_var(var_to_bytes(infinite))) is dict
    assert bytes_to_var(var_to_bytes(infinite)) == infinite


def test_objects_as_keys() -> None:
    pairs = [(EncodedObject("A", {"n": 1}), "int"), (EncodedObject("A", {"n": 1.0}), "float"), (EncodedObject("A"), "")]
    value = bytes_to_var_with_objects(var_to_bytes_with_objects(Dictionary([*pairs, pairs[0]])))
    assert type(value) is Dictionary
    assert list(value.items()) == pairs


@pytest.mark.parametrize("depth", [100, 1000])
def test_two_objects_as_keys_that_are_nested_too_deeply(depth: int) -> None:
    """Two of a class are compared by what they hold."""
    key = words(24, 1, 97, 1, 1, 98) + words(28, 1) * depth + NIL
    with pytest.raises(VariantError):
        bytes_to_var_with_objects(words(27, 2) + (key + NIL) * 2)
    text = 'Object(a,"b":' + "[" * depth + "]" * depth + ")"
    with pytest.raises(VariantError, match=r"nested (too deeply|deeper)"):
        str_to_var(f"{{{text}: 1, {text}: 2}}", objects=True)


def test_a_plain_dictionary_with_a_tuple_as_its_key() -> None:
    assert var_to_bytes({"a": 1, (1, 2): 3}) == var_to_bytes(Dictionary([("a", 1), ([1, 2], 3)]))


def test_keys_nested_too_deeply() -> None:
    with pytest.raises(VariantError, match="a key that no dictionary can hold") as caught:
        bytes_to_var(words(27, 1) + words(28, 1) * 100 + NIL + NIL)
    assert caught.value.offset > 0


def test_values_that_need_too_much_memory() -> None:
    """Nested dictionaries of a null key take Python 20 times their bytes."""
    one = words(27, 1, 0) * 120 + NIL
    assert bytes_to_var(one)
    with pytest.raises(VariantError, match="too much memory, more than 16 times"):
        bytes_to_var(words(28, 100) + one * 100)
    flood = words(27, 1) + words(28, 0) + NIL
    with pytest.raises(VariantError, match="too much memory"):
        bytes_to_var(words(28, 5000) + flood * 5000)
    # Ordinary data is nowhere near.
    for each in ({"a": 1}, {1: 2}, {"x": None}, [], {}, {"k": {"k": {}}}, {StringName("s"): [Vector2()]}):
        many = [each] * 2_000
        assert bytes_to_var(var_to_bytes(many)) == many
    numbers = {i: i / 3 for i in range(5_000)}
    assert bytes_to_var(var_to_bytes(numbers)) == numbers


def test_memory_is_counted_when_a_large_dictionary_changes_its_kind() -> None:
    pairs = b"".join(var_to_bytes(i) + NIL for i in range(20_000))
    with pytest.raises(VariantError, match="too much memory"):
        bytes_to_var(words(27, 20_001) + pairs + var_to_bytes(1.0) + NIL)


def test_machines_of_the_other_byte_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "BIG_ENDIAN", not layout.BIG_ENDIAN)
    monkeypatch.setattr(leaves, "BIG_ENDIAN", not leaves.BIG_ENDIAN)
    data = var_to_bytes(PackedInt32Array([1, 2]))
    assert data == words(30, 2, 1 << 24, 2 << 24)
    assert bytes_to_var(data) == PackedInt32Array([1, 2])


def test_lengths_are_limited_to_31_bits() -> None:
    class Endless(dict[str, Any]):
        def __len__(self) -> int:
            return 2**31

    with pytest.raises(VariantError, match="2147483648 items or bytes"):
        var_to_bytes_with_objects(EncodedObject("Node", Endless()))


def test_large_values_grow_the_buffer() -> None:
    text = "ab" * 1000
    value = [text, {"k": text}, PackedByteArray(bytes(5000)), list(range(3000)), [0.1] * 500, None]
    assert bytes_to_var(var_to_bytes(value)) == value
    assert encode_variant(value, 4, False, False) == var_to_bytes(value)
    assert by_name(4, "string_long") == var_to_bytes("0123456789" * 30)


@pytest.mark.parametrize("size", range(41))
def test_texts_of_all_lengths(size: int) -> None:
    text = "".join(chr(ord("!") + index) for index in range(size))
    data = struct.pack("<II", 4, size) + text.encode() + bytes(-size & 3)
    assert var_to_bytes(text) == data
    assert bytes_to_var(data) == text
    for place in range(size):
        zero = text[:place] + "\0" + text[place + 1 :]
        with pytest.raises(VariantError, match="zero character"):
            var_to_bytes(zero)
        cut = struct.pack("<II", 4, size) + zero.encode() + bytes(-size & 3)
        assert bytes_to_var(cut) == text[:place]
        for character in "\x7f\x80\xff\u20ac":
            other = text[:place] + character + text[place + 1 :]
            assert bytes_to_var(var_to_bytes(other)) == other
        broken = data[: 8 + place] + b"\xff" + data[9 + place :]
        with pytest.raises(VariantError, match="not UTF-8"):
            bytes_to_var(broken)


@pytest.mark.parametrize("value", ["", "ab", 7, 2**40, 0.5, 0.1, None, True, Vector3(1, 2, 3), [], {}, RID(1), b"abc"])
def test_lists_of_all_lengths(value: Any) -> None:
    one = var_to_bytes(value)
    for count in (*range(80), 250, 1000, 5000):
        head = struct.pack("<II", 28, count)
        assert var_to_bytes([value] * count) == head + one * count
