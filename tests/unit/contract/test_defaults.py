"""Defaults of arguments: from GDScript and Python to a value, and back to either language."""

from __future__ import annotations

import math
from typing import Any

import pytest

import gdpeer
from gdpeer import Color, NodePath, PackedInt32Array, StringName, Vector2
from gdpeer.contract.defaults import Unwritable, gdscript_text, python_text, value_of

CASES: list[tuple[str, Any, str, str]] = [
    ("1_000", 1000, "1000", "1000"),
    ("-0xff", -255, "-255", "-255"),
    ("true", True, "True", "true"),
    ("null", None, "None", "null"),
    ("INF", math.inf, 'float("inf")', "INF"),
    ("-INF", -math.inf, 'float("-inf")', "-INF"),
    ("inf", math.inf, 'float("inf")', "INF"),
    ("TAU", math.tau, repr(math.tau), repr(math.tau)),
    ("'a\"b'", 'a"b', "'a\"b'", '"a\\"b"'),
    ('"a\\nb"', "a\nb", '"a\\nb"', '"a\\nb"'),
    ('&"x"', StringName("x"), "StringName('x')", '&"x"'),
    ('^"a/b:c"', NodePath("a/b:c"), "NodePath('a/b:c')", 'NodePath("a/b:c")'),
    ("[1, [2.5]]", [1, [2.5]], "[1, [2.5]]", "[1, [2.5]]"),
    ('{"a": Vector2(1, 2)}', {"a": Vector2(1, 2)}, '{"a": Vector2(1, 2)}', '{"a": Vector2(1, 2)}'),
    ("Vector2.ZERO", Vector2(), "Vector2(0, 0)", "Vector2(0, 0)"),
    ("gdpeer.Vector2(1, 2)", Vector2(1, 2), "Vector2(1, 2)", "Vector2(1, 2)"),
    ("Color.RED", Color(1, 0, 0), "Color(1, 0, 0, 1)", "Color(1, 0, 0, 1)"),
    ("PackedInt32Array([1])", PackedInt32Array([1]), "PackedInt32Array([1])", "PackedInt32Array([1])"),
    ("Transform3D.IDENTITY", gdpeer.Transform3D(), repr(gdpeer.Transform3D()), "Transform3D()"),
    ('PackedByteArray(b"ab")', b"ab", "PackedByteArray(b'ab')", "PackedByteArray([97, 98])"),
]


@pytest.mark.parametrize(("text", "value", "python", "gdscript"), CASES, ids=[case[0] for case in CASES])
def test_value_in_both_languages(text: str, value: Any, python: str, gdscript: str) -> None:
    found = value_of(text)
    assert found == value
    assert python_text(found) == python
    assert eval(python, {name: getattr(gdpeer, name) for name in gdpeer.__all__}) == value
    assert gdscript_text(found) == gdscript


def test_not_a_number() -> None:
    assert (python_text(value_of("NAN")), gdscript_text(math.nan)) == ('float("nan")', "NAN")


@pytest.mark.parametrize(
    "text",
    [
        *(
            "x",
            "...",
            "State.IDLE",
            "Color8(1, 2, 3)",
            "Vector2.nowhere",
            "Vector2.new",
            "f(1)",
            "1 +",
            "Vector2(1, 2, 3)",
        ),
        *(
            "PackedByteArray(9)",
            "Vector2(x=1)",
            "'" + "a" * 3000 + "'",
            "[" * 500,
            "open('/etc/passwd')",
            "-'a'",
            "{**a}",
        ),
    ],
)
def test_other_text_is_no_constant(text: str) -> None:
    with pytest.raises(Unwritable):
        value_of(text)


def test_values_that_gdscript_cannot_write() -> None:
    with pytest.raises(Unwritable, match="AABB"):
        gdscript_text(value_of("AABB(Vector3(1, 1, 1), Vector3(1, 1, 1))"))
