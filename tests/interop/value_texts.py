"""Texts for `str_to_var`, well formed and not: escapes, numbers, commas and constructors in every place, and mutations.

Left out is what gdpeer reads otherwise on purpose (docs/variants.md): objects and ids, which mean nothing here, and
numbers that the engine does not read exactly.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

__all__ = ["mutations", "texts"]

ESCAPES = [
    *[
        "u",
        "u1",
        "u12",
        "u123",
        "u123g",
        "u12 4",
        "u0041",
        "u00e9",
        "uABCD",
        "uD83D\\uDE00",
        "uD83D",
        "uD83Dx",
        "uDE00",
    ],
    *["uD83D\\u0041", "uD83D\\n", "uDE00\\uD83D", "uFFFF", "U", "U1", "U01F600", "U1F600", "U0001F600", "U01F60g"],
    *["U110000", "UFFFFFF", "U00D83D\\U00DE00", "uD83D\\U00DE00", "U000000", "u{41}", "x41", "101", "u+041", "u-041"],
    *["U-00041", "u 041", "u0_41", "u\uff21041"],
]
NUMBERS = [
    *[
        "1",
        "-1",
        "+1",
        "1.",
        "-1.",
        ".5",
        "-.5",
        "1.5",
        "1e5",
        "1E5",
        "1e",
        "1e+",
        "1e-",
        "1E",
        "1.5e",
        "0.5e-",
        "1e-3",
    ],
    *["1.e3", "1.5E-3", "--1", "-", "-.", "-e", "-e4", "0x10", "1_000", "9223372036854775807", "-9223372036854775808"],
    *[
        "1.5.5",
        "1a",
        "1 2",
        "01",
        "-0",
        "-0.0",
        "inf",
        "-inf",
        "nan",
        "-nan",
        "+inf",
        "inf_neg",
        "1e5.5",
        "1e5e5",
        "- 1",
    ],
    *["\u0663", "\uff11", "1..2", "1-2", "1+2", "1,", "-inf_neg", "infx", "INF", "NAN", "0.1", "123456789.125", "1e15"],
]
CONTAINERS = [
    *["[]", "[1]", "[1,]", "[,1]", "[,]", "[1,,2]", "[1,,]", "[1 2]", "[1;2]", "[1", "[", "[[1],[2]]", "[[1,],]", "{}"],
    *[
        '{"a":1}',
        '{"a":1,}',
        '{"a":1,,}',
        '{,"a":1}',
        '{"a" 1}',
        '{"a":}',
        "{:1}",
        "{,}",
        '{"a":1 "b":2}',
        "{1:2,1.0:3}",
    ],
    *['{"a":1;"b":2}', "{", "}", "{a:1}", "{null:1}", "{true:1}", "{[1]:2}", "{{}:{}}", '{"a"=1}', '{"a":1', '{"a"'],
    *[
        "(1)",
        "()",
        ",",
        ":",
        "=",
        ".",
        "*",
        "/",
        "\n",
        "; x",
        "; x\n1",
        "1;x",
        "/ 1",
        "Array()",
        "Array([1])",
        "Array[]([])",
    ],
    *["Array[int]()", "Array[int](1)", "Array[int]", "Array[int,int]([])", "Dictionary({})", "Dictionary[String]({})"],
]
WORDS = [
    *[
        "true",
        "false",
        "True",
        "null",
        "nil",
        "Null",
        "None",
        "PI",
        "foo",
        "Color",
        "Vector2",
        "Color.RED",
        "String",
        "int",
    ],
    *['String("a")', "int(1)", "bool(true)", 'StringName("a")', "truex", "_", "a1", "Color(1,0,0)", 'Color("red")'],
    *["#f00", "#ff00", "#ff0000", "#ff000080", "#FF0000", "#f00,"],
    *[
        '""',
        '"a',
        '"',
        '"a\nb"',
        '"a\\',
        '"a\\"',
        "'a'",
        '"a" "b"',
        '"a"b',
        '"\U0001f600"',
        '&"a"',
        '& "a"',
        "&a",
        '@"a"',
    ],
    *['^"a"', '@"\\v"', '&"\\u12"', '$"a"', 'NodePath("a/b")', "NodePath()", 'NodePath("a",)', "NodePath(1)"],
    *['NodePath(&"a")', 'NodePath("\\v")', 'NodePath "a"', "Callable(1)", "Callable(,)", "Signal(1)"],
]
CONSTRUCTORS = {
    "Vector2": 2,
    "Vector2i": 2,
    "Rect2": 4,
    "Rect2i": 4,
    "Vector3": 3,
    "Vector3i": 3,
    "Transform2D": 6,
    "Vector4": 4,
    "Vector4i": 4,
    "Plane": 4,
    "Quaternion": 4,
    "AABB": 6,
    "Basis": 9,
    "Transform3D": 12,
    "Projection": 16,
    "Color": 4,
    "Matrix32": 6,
    "Matrix3": 9,
    "Quat": 4,
    "Rect3": 6,
    "Transform": 12,
}
PACKED = {
    "PackedByteArray": 1,
    "PackedInt32Array": 1,
    "PackedInt64Array": 1,
    "PackedFloat32Array": 1,
    "PackedFloat64Array": 1,
    "PackedVector2Array": 2,
    "PackedVector3Array": 3,
    "PackedVector4Array": 4,
    "PackedColorArray": 4,
    "RealArray": 1,
    "PoolByteArray": 1,
    "PoolIntArray": 1,
    "PoolRealArray": 1,
    "PoolVector2Array": 2,
    "PoolVector3Array": 3,
    "PoolColorArray": 4,
    "ByteArray": 1,
    "IntArray": 1,
    "FloatArray": 1,
    "Vector2Array": 2,
    "Vector3Array": 3,
    "ColorArray": 4,
    "PackedIntArray": 1,
    "PackedRealArray": 1,
    "PoolFloatArray": 1,
    "PackedFloatArray": 1,
}


def texts() -> list[str]:
    """All of them, once each."""
    return list(dict.fromkeys(_texts()))


def _texts() -> Iterator[str]:
    for character in [*map(chr, range(0x20, 0x7F)), "\t", "\n", "\xe9", "\x01"]:
        yield f'"a\\{character}b"'
    for escape in ESCAPES:
        yield from (
            f'"a\\{escape}b"',
            f'"\\{escape}"',
            f'"\\{escape}',
            f'&"\\{escape}"',
            f'PackedStringArray("\\{escape}")',
        )
    for number in NUMBERS:
        yield from (number, f"[{number}]", f"{{{number}: 1}}", f"Vector2({number}, 2)", f"PackedFloat32Array({number})")
    yield from CONTAINERS
    yield from WORDS
    for name, size in CONSTRUCTORS.items():
        yield from _calls(name, size)
    for name, width in PACKED.items():
        for size in range(2 * width + 2):
            numbers = ", ".join(map(str, range(size)))
            yield from (f"{name}({numbers})", f"{name}({numbers},)")
        yield from (
            f"{name}({inside})" for inside in ("1 2", "1,,2", '"a"', "[1]", "true", "null", '"AQI="', '"AQI"', '"!!"')
        )
        yield from (
            f"{name}({inside})" for inside in ('""', '"AQI=",', '"AQI=", 1', '1, "AQI="', '"A"', '"===="', "1.7")
        )
        yield from (f"{name}(", f"{name}(1", name, f"{name}[1]")
    for name in ("PackedStringArray", "PoolStringArray", "StringArray"):
        yield from (
            f"{name}({inside})" for inside in ("", '"a"', '"a",', '"a","b"', '"a" "b"', ',"a"', '"a",,"b"', '"a",,')
        )
        yield from (f"{name}({inside})" for inside in ("1", '&"a"', ",", '["a"]', "null", '"a"'))


def _calls(name: str, size: int) -> Iterator[str]:
    numbers = [str(number + 1) for number in range(size)]
    whole, short = ", ".join(numbers), ", ".join(numbers[:-1])
    inside = [
        whole,
        f"{whole},",
        f"{whole},,",
        f",{whole}",
        short,
        f"{short},",
        f"{whole}, 99",
        "",
        ",",
        " ".join(numbers),
    ]
    inside += [
        f" {whole} ",
        f"{whole};x\n",
        f'"1", {whole}',
        "null",
        f"{whole}.5",
        f"{whole}e2",
        f"true, {whole}",
        "{}",
    ]
    inside += [", ".join([number] * size) for number in ("inf_neg", "nan", "-inf", "1.5", "-1.9", "-1")]
    yield from (f"{name}({one})" for one in inside)
    yield from (
        f"{name}({whole}",
        f"{name}{whole})",
        f"{name} ({whole})",
        f"{name}[{whole}]",
        f"{name.lower()}({whole})",
    )


_INEXACT = re.compile(r"[0-9.][eE][+-]?[0-9]{2}|[0-9]{10}|#|Array *\[|Dictionary *\[")
_PIECES = [*'"\\,()[]{}:;\n -.eE1uU&^@_a/*', "\\u", "\\U", "Vector2(", "inf", "nan", "null", "true"]


def mutations(number: int, seed: int = 1) -> list[str]:
    """So many of them, each changed in one to three places."""
    chance = random.Random(seed)
    base = [text for text in texts() if len(text) < 60]
    found: dict[str, None] = {}
    while len(found) < number:
        text = chance.choice(base)
        for _ in range(chance.randint(1, 3)):
            at, end = sorted((chance.randint(0, len(text)), chance.randint(0, len(text))))
            text = (
                text[:at]
                + chance.choice(["", chance.choice(_PIECES), chance.choice(base)])
                + text[chance.choice([at, end]) :]
            )
        if len(text) < 200 and not _INEXACT.search(text):
            found[text] = None
    return list(found)
