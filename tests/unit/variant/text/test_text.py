"""Values and texts, as real engines write and read them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from gdpeer.errors import VariantError
from gdpeer.variant import (
    AABB,
    RID,
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
    PackedInt32Array,
    PackedInt64Array,
    PackedStringArray,
    PackedVector2Array,
    PackedVector3Array,
    Quaternion,
    Rect2,
    StringName,
    Transform2D,
    Transform3D,
    VariantType,
    Vector2,
    Vector2i,
    Vector3,
    Vector4i,
    bytes_to_var,
    bytes_to_var_with_objects,
    str_to_var,
    var_to_bytes,
    var_to_str,
)
from tests.unit.variant.vectors import ALL, WITH_OBJECTS

INT = ContainerType(VariantType.TYPE_INT)
STRING = ContainerType(VariantType.TYPE_STRING)
NODE = ContainerType(VariantType.TYPE_OBJECT, "Node")


@pytest.mark.parametrize(("engine", "vector"), ALL)
def test_each_vector_has_the_engines_text(engine: int, vector: dict[str, Any]) -> None:
    value = bytes_to_var(bytes.fromhex(vector["hex"]), engine)
    assert var_to_str(value, engine) == vector["back"]
    if vector["back"] == vector["str"] != "":
        # Numbers lose digits in a text of Godot 3, so that texts are compared.
        assert var_to_str(str_to_var(vector["str"], engine), engine) == vector["str"]


@pytest.mark.parametrize(("engine", "vector"), WITH_OBJECTS)
def test_each_vector_with_objects(engine: int, vector: dict[str, Any]) -> None:
    if vector["name"] in ("callable_method", "signal_of_object"):
        return
    value = bytes_to_var_with_objects(bytes.fromhex(vector["hex_with_objects"]), engine)
    assert var_to_str(value, engine) == vector["str"]
    assert var_to_bytes(str_to_var(vector["back"], engine), engine, typed=True) == bytes.fromhex(vector["hex"])


# Beside each other in this order in the engine, given in the reverse order.
ORDERED_4: list[Any] = [
    None, False, True, -3, 1, 2, 0.0, 0.5, 1.0, "B", StringName("B2"), "_", "a", StringName("aa"), "b",
]  # fmt: skip
ORDERED_VECTORS: list[Any] = [
    Vector2(0, 1), Vector2(1, 0), Vector2i(0, 5), Rect2(1, 0, 0, 0), Rect2(), Vector3(0, 1, 0), Vector3(1, 0, 0),
    Vector4i(0, 0, 0, 0), Vector4i(1, 0, 0, 0), Color(1, 0, 0), Color(0, 1, 0), RID(), RID(5), RID(-1),
    ["a"], ["b"], [StringName("c")], [StringName("b")],
    PackedInt32Array([2]), PackedInt32Array([1]),
]  # fmt: skip
UNORDERED = ([StringName("c")], [StringName("b")])
KEPT = (Rect2, Color, PackedInt32Array)
"""Without an order: these stay as they were."""


def turned(values: list[Any]) -> list[Any]:
    """The other way round, but for what has no order, which comes last."""
    kept = [value for value in values if isinstance(value, KEPT) or value in UNORDERED]
    return [value for value in reversed(values) if value not in kept] + kept


ORDERED_NAMES: list[Any] = [1, Vector2(), Quaternion(), StringName("a"), StringName("b"), NodePath("x")]
"""Without a String, names stand where their type does."""


@pytest.mark.parametrize("keys", [ORDERED_4, ORDERED_VECTORS, ORDERED_NAMES])
def test_keys_are_sorted_by_type_then_by_value(keys: list[Any]) -> None:
    value = Dictionary([(key, 0) for key in turned(keys)])
    assert var_to_str(value) == "{\n" + ",\n".join(f"{var_to_str(key)}: 0" for key in keys) + "\n}"


def test_keys_of_arrays_are_sorted_by_their_items() -> None:
    keys: list[Any] = [[], [1], [1, 2], [2], [0.5], [1.0], [[1]], [[2]]]
    text = var_to_str(Dictionary([(key, 0) for key in reversed(keys)]))
    assert text == "{\n" + ",\n".join(f"{var_to_str(key)}: 0" for key in keys) + "\n}"


ORDERED_3: list[Any] = [
    None, False, True, -3, 1, 2, 0.5, "B", StringName("b"), Vector2(0, 1), Vector2(1, 0), Rect2(1, 0, 0, 0), Rect2(),
    Vector3(0, 1, 0), Vector3(1, 0, 0), NodePath("b"), NodePath("a"), [2], [1], [0, 0], b"\1", b"\2",
    PackedInt32Array([1, 1]), PackedInt32Array([2]), PackedFloat32Array([1]), PackedFloat32Array([2]),
    PackedStringArray(["a"]), PackedStringArray(["b"]), PackedVector2Array([Vector2(1, 1)]), PackedVector2Array(),
    PackedVector3Array([Vector3(0, 0, 0)]), PackedVector3Array([Vector3(1, 1, 0)]),
    PackedColorArray([Color(0, 0, 0)]), PackedColorArray([Color(1, 1, 1)]),
]  # fmt: skip


def test_godot_3_sorts_in_its_own_way() -> None:
    kept = (Rect2, NodePath, PackedVector2Array, list)
    unordered = [key for key in ORDERED_3 if isinstance(key, kept) and not isinstance(key, PackedStringArray)]
    others = [key for key in reversed(ORDERED_3) if not any(key is each for each in unordered)]
    text = var_to_str(Dictionary([(key, 0) for key in others + unordered]), 3)
    assert text == "{\n" + ",\n".join(f"{var_to_str(key, 3)}: 0" for key in ORDERED_3) + "\n}"


CONTROLS = "a\a\b\f\r\v'\\\n\t\"?\1\x7fb"
ESCAPED = r"a\a\b\f\r\v\'\\\n\t\"?" + "\1\x7fb"


def test_escapes() -> None:
    for engine in (4, 3):
        assert var_to_str(CONTROLS, engine) == '"a\a\b\f\r\v\'\\\\\n\t\\"?\1\x7fb"'
        assert var_to_str(NodePath(CONTROLS), engine) == f'NodePath("{ESCAPED}")'
        assert str_to_var(var_to_str(CONTROLS, engine), engine) == CONTROLS
    read_back = CONTROLS.replace("\a", "a").replace("\v", "v")  # the engine writes these two escapes, and knows neither
    assert var_to_str(StringName(CONTROLS)) == f'&"{ESCAPED}"'
    assert var_to_str(StringName("a'"), 3) == '"a\'"'
    assert var_to_str(PackedStringArray([CONTROLS])) == f'PackedStringArray("{ESCAPED}")'
    assert var_to_str(PackedStringArray([CONTROLS]), 3) == f'PoolStringArray( "{ESCAPED}" )'
    for kind in (StringName, NodePath):
        assert str_to_var(var_to_str(kind(CONTROLS))) == kind(read_back)
    assert str_to_var(var_to_str(PackedStringArray([CONTROLS]))) == PackedStringArray([read_back])


@pytest.mark.parametrize(
    ("number", "four", "three"),
    [
        (1e15, "1e+15", "1e+15"),
        (1e14, "100000000000000.0", "1e+14"),
        (1e-5, "1e-05", "1e-05"),
        (0.0001, "0.0001", "0.0001"),
        (123456.0, "123456.0", "123456.0"),
        (-12345678.0, "-12345678.0", "-1.23457e+07"),
        (-1e300, "-1e+300", "inf_neg"),
        (math.nan, "nan", "nan"),
    ],
)
def test_numbers(number: float, four: str, three: str) -> None:
    assert var_to_str(number) == four
    assert var_to_str(number, 3) == three
    assert var_to_str([number], 3) == f"[ {three} ]"


def test_typed_containers_and_objects() -> None:
    script = ContainerType(VariantType.TYPE_OBJECT, "", 'res://a"b.gd')
    texts = {
        'Array[Resource("res://a\\"b.gd")]([null])': Array([None], script),
        "Array[Object]([])": Array([], ContainerType(VariantType.TYPE_OBJECT)),
        "Array[Node]([null])": Array([None], NODE),
        "Dictionary[Variant, Node]({})": Dictionary({}, value_type=NODE),
        'Dictionary[String, int]({\n"a": 1\n})': Dictionary({"a": 1}, STRING, INT),
        'Object(Node,"a":[1, Object(EncodedObjectAsID,"object_id":5,"script":null)\n],"b":{\n1: 2\n})\n': EncodedObject(
            "Node", {"a": [1, EncodedObjectAsID(5)], "b": {1: 2}}
        ),
        "null": EncodedObject(""),
    }
    for text, value in texts.items():
        assert var_to_str(value) == text
        back = str_to_var(text, objects=True)
        assert var_to_str(back) == text
        assert back is None or back == value
    assert var_to_str(Array([1], INT), 3) == "[ 1 ]"
    assert var_to_str(RID(5), 3) == ""


def test_values_without_a_text() -> None:
    deep: Any = []
    for _ in range(100):
        deep = [deep]
    assert var_to_str(deep) == "[" * 101 + "]" * 101
    assert str_to_var(var_to_str(deep)) == deep
    with pytest.raises(VariantError, match="deeper than 100"):
        var_to_str([deep])
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(VariantError, match="deeper than 100"):
        var_to_str(circle)
    with pytest.raises(VariantError, match="64 bits"):
        var_to_str(2**63)
    with pytest.raises(VariantError, match="no type for set"):
        var_to_str({1})
    for value in (Vector2i(), PackedInt64Array(), EncodedCallable(), EncodedSignal()):
        with pytest.raises(VariantError, match="Godot 3 has no"):
            var_to_str(value, 3)
    with pytest.raises(ValueError, match="engine is 3 or 4"):
        var_to_str(1, 5)
    with pytest.raises(ValueError, match="engine is 3 or 4"):
        str_to_var("1", 5)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (" \n\t null ; a comment\n ; more", None),
        ("nil", None),
        ("-5", -5),
        ("01", 1),
        ("1.", 1.0),
        ("1.e3", 1000.0),
        ("1E+5", 100000.0),
        ("-9223372036854775808", -(2**63)),
        ("inf", math.inf),
        ("-inf", -math.inf),
        ("inf_neg", -math.inf),
        ("[1 , ; hi\n 2]", [1, 2]),
        ("[1,]", [1]),
        ("[ ]", []),
        ("{1:2,}", {1: 2}),
        ('{"a":1,"a":[{}]}', {"a": [{}]}),
        ("{1: 2, 1.0: 3, true: 4, [1]: 5}", Dictionary([(1, 2), (1.0, 3), (True, 4), ([1], 5)])),
        ('@"x"', StringName("x")),
        ('&"x"', StringName("x")),
        ('"\\u0041\\x\\U01F600\\ud83d\\ude00"', "Ax😀😀"),
        ("#ff00ff", Color(1, 0, 1)),
        ("[#f0f, #ff00ff80]", [Color(1, 0, 1), Color.html("ff00ff80")]),
        ('"\\a\\v\\e\\0\\/\\é"', "ave0/é"),
        ('"\\U110000\\u0000"', "\ufffd\ufffd"),
        ("[1e, 1E+, 1.5e, -0.5e-]", [1.0, 1.0, 15.0, -5.0]),  # as the engine reads them
        ("PackedVector2Array(1,2,3)", PackedVector2Array([Vector2(1, 2)])),
        ("Vector2( 1 , -inf )", Vector2(1, -math.inf)),
        ("Vector2i(1.7,2)", Vector2i(1, 2)),
        ("Matrix3(1,2,3,4,5,6,7,8,9)", tuple.__new__(Basis, map(float, range(1, 10)))),
        ("Matrix32(1,2,3,4,5,6)", Transform2D(Vector2(1, 2), Vector2(3, 4), Vector2(5, 6))),
        ("Transform(1,0,0,0,1,0,0,0,1,0,0,0)", Transform3D()),
        ("Quat(1,2,3,4)", Quaternion(1, 2, 3, 4)),
        ("Rect3(1,2,3,4,5,6)", AABB(Vector3(1, 2, 3), Vector3(4, 5, 6))),
        ("IntArray(1,2.7)", PackedInt32Array([1, 2])),
        ("FloatArray(0.5)", PackedFloat32Array([0.5])),
        ("PoolVector2Array(1,2)", PackedVector2Array([Vector2(1, 2)])),
        ('StringArray("a",)', PackedStringArray(["a"])),
        ('PackedByteArray("AQID")', PackedByteArray([1, 2, 3])),
        ('PackedByteArray("")', PackedByteArray()),
        ('NodePath( "a/b:c" )', NodePath("a/b:c")),
        ("RID(-5)", RID(-5)),
        ("Signal()", EncodedSignal()),
        ("Callable()", EncodedCallable()),
        ("Array[Variant]([1])", [1]),
        ("Array[float]([1])", Array([1.0], ContainerType(VariantType.TYPE_FLOAT))),
        ("Array[Resource]([null])", Array([None], ContainerType(VariantType.TYPE_OBJECT, "Resource"))),
        ("Dictionary[Variant, Variant]({1: 2})", {1: 2}),
    ],
)
def test_texts_that_people_write(text: str, value: Any) -> None:
    found = str_to_var(text)
    assert type(found) is type(value)
    assert found == value


def test_colours_of_godot_3_have_the_opacity_in_front() -> None:
    assert str_to_var("#80ff00ff", 3) == str_to_var("#ff00ff80")
    assert str_to_var("#8f0f", 3) == str_to_var("#f0f8")
    assert str_to_var("#ff00ff", 3) == Color(1, 0, 1)


def test_a_key_nested_too_deeply() -> None:
    key: tuple[Any, ...] = ()
    for _ in range(2000):
        key = (key,)
    with pytest.raises(VariantError, match="deeper than 100"):
        var_to_str({key: 1, (): 2})


@pytest.mark.parametrize(
    ("text", "reason", "offset"),
    [
        ("", "a value should stand here", 0),
        ("  ", "a value should stand here", 2),
        ("1 2", "something follows", 2),
        ("0x10", "something follows", 1),
        ("- 5", "a number should stand here", 0),
        ("+5", "a value should stand here", 0),
        (".5", "a value should stand here", 0),
        ("1ee", "something follows", 2),
        ("\u0663", "a value should stand here", 0),
        ("9223372036854775808", "64 bits", 0),
        ("9" * 5000, "64 bits", 0),
        ("True", "True is no value", 0),
        ("[1, Foo]", "Foo is no value", 4),
        ("int(5)", "int is no value", 0),
        ('StringName("x")', "StringName is no value", 0),
        ('^"x"', "a value should stand here", 0),
        ("'a'", "a value should stand here", 0),
        ("[,]", "a value should stand here", 1),
        ("[1,,2]", "a value should stand here", 3),
        ("[1 2]", "',' should stand here", 3),
        ("[1}", "',' should stand here", 2),
        ("[1", "',' should stand here", 2),
        ("{1 2}", "':' should stand here", 3),
        ("{1:}", "a value should stand here", 3),
        ('"abc', "does not end", 0),
        ('"abc\\"', "does not end", 0),
        ('&x"', "does not end", 0),
        ('"\\ud83d"', "no character", 0),
        ('"\\ude00x"', "no character", 0),
        ('"\\u12"', "no character", 0),
        ('"\\u 041"', "no character", 0),
        ('["\\U1F600"]', "no character", 1),
        ('&"\\u"', "no character", 0),
        ("Vector2(1,2,)", "a number should stand here", 12),
        ("Vector2(,1,2)", "a number should stand here", 8),
        ("PackedInt32Array(1,)", "a number should stand here", 19),
        ('PackedStringArray("a",,)', "a string should stand here", 22),
        ("#ff", "a colour has 3", 0),
        ("Vector2", r"'\(' should stand here", 7),
        ("Vector2(1,2,3)", "2 numbers should stand here, not 3", 0),
        ("Vector2(true, 1)", "a number should stand here", 8),
        ('Vector2("1", 1)', "a number should stand here", 8),
        ("Vector2i(5000000000,2)", "does not fit the type", 0),
        ("Vector2i(inf,2)", "does not fit the type", 0),
        ("RID(1e300)", "an id has 64 bits", 0),
        ("PackedInt32Array(nan)", "does not fit the type", 0),
        ('PackedByteArray("A")', "does not fit the type", 0),
        ("PackedByteArray(300)", "does not fit the type", 0),
        ("PoolRealArray(1, nan_)", "a number should stand here", 17),
        ("PackedByteArray(-1)", "does not fit the type", 0),
        ("PackedStringArray(1)", "a string should stand here", 18),
        ("NodePath(5)", "a string should stand here", 9),
        ('NodePath("a::b")', "empty subname", 0),
        ("RID(1, 2)", "no number should stand here", 0),
        ("Callable(1)", "no number should stand here", 0),
        ("Array(1)", r"'\[' should stand here", 5),
        ("Array[Array[int]]([[1]])", "']' should stand here", 11),
        ('Array[int](["a"])', "no value: element 0", 17),
        ("Array[5]([])", "a value should stand here", 6),
        ("Dictionary[int]({})", "',' should stand here", 14),
        ('Dictionary[int, int]({"a": 1})', "no value: key 0", 30),
        ('Object(Node,"script":null)', "only read where objects are allowed", 6),
        ("Object(EncodedObjectAsID)", "',' should stand here", 24),
        ('Object(EncodedObjectAsID,"a":1)', "an object's id", 31),
        ("Object(EncodedObjectAsID,a:1)", "a string should stand here", 25),
        ("[" * 2000, "deeper than 128", 130),
    ],
)
def test_texts_of_no_value(text: str, reason: str, offset: int) -> None:
    with pytest.raises(VariantError, match=reason) as caught:
        str_to_var(text)
    assert caught.value.offset == offset


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"\\U01F600\\v"', "U01F600v"),
        ('"\\ud83d\\ude00 \\ud83d"', "😀  "),
        ("[-, -.5, 1.5e]", [0, -0.5, 15.0]),
        ("-e400", -0.0),
        ("PackedInt64Array(1)", PackedInt32Array([1])),
        ("PackedFloat64Array(1)", PackedFloat32Array([1])),
    ],
)
def test_texts_that_godot_3_reads_in_its_own_way(text: str, value: Any) -> None:
    found = str_to_var(text, 3)
    assert type(found) is type(value)
    assert found == value


@pytest.mark.parametrize(
    "text",
    [
        "1E5",
        "-inf",
        '&"a"',
        '@"a"',
        "Quaternion(0,0,0,1)",
        "Transform3D(1,0,0,0,1,0,0,0,1,0,0,0)",
        "PackedIntArray(1)",
        'PoolByteArray("AQI=")',
        "Array[int]([1])",
        '"\\u0000"',
        '"\\u12"',
    ],
)
def test_texts_that_only_godot_4_reads(text: str) -> None:
    with pytest.raises(VariantError):
        str_to_var(text, 3)


@pytest.mark.parametrize("text", ["Vector2i(1,2)", "Projection()", "Callable()"])
def test_godot_3_lacks_types_in_texts_too(text: str) -> None:
    with pytest.raises(VariantError, match="Godot 3 has no") as caught:
        str_to_var(f"[{text}]", 3)
    assert caught.value.offset == 1


def test_objects_are_passive() -> None:
    text = 'Object(Node,"script":Object(X,),"list":[{}],)\n'
    assert str_to_var(text, objects=True) == EncodedObject("Node", {"script": EncodedObject("X"), "list": [{}]})
    assert str_to_var('Object(EncodedObjectAsID,"object_id":-7,"script":null)\n') == EncodedObjectAsID(-7)


def test_long_texts_take_time_in_proportion() -> None:
    for text in (
        '"' + "a" * 200_000,
        '"' + "\\" * 200_001,
        "[" * 1000 + "1" * 100_000,
        " " * 300_000,
        "#" + "f" * 99_999,
    ):
        with pytest.raises(VariantError):
            str_to_var(text)
    assert str_to_var("[" + "1," * 50_000 + "]") == [1] * 50_000
