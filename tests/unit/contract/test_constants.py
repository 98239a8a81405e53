"""Constant expressions of GDScript: their values, their texts, and the expressions that only the engine knows."""

from __future__ import annotations

from typing import Any

import pytest

from gdpeer.contract.constants import Built, NotConstant, evaluate, text_of, text_of_tokens, type_of
from gdpeer.contract.tokens import Token, logical_lines

NAMES: dict[tuple[str, ...], Any] = {("MAX",): 8, ("Match", "State", "RUN"): 5, ("WORD",): "any"}


def lookup(names: tuple[str, ...]) -> Any:
    if names not in NAMES:
        raise NotConstant("unknown")
    return NAMES[names]


def tokens(text: str) -> list[Token]:
    return [token for line in logical_lines(text, []) for token in line.tokens]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-1", -1),
        ("0x1F", 31),
        ("0b101", 5),
        ("1_000", 1000),
        ("1.5", 1.5),
        ("1.", 1.0),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1.5e-3", 0.0015),
        ("1e+2", 100.0),
        ("true", True),
        ("null", None),
        ("PI > 3", True),
        ("INF", float("inf")),
        ('"a" + "b"', "ab"),
        ("WORD + '_peer'", "any_peer"),
        ('"%s_%d" % ["a", 3]', "a_3"),
        ('"%s%%" % "a"', "a%"),
        ("MAX + 1", 9),
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("-2 ** 2", -4),
        ("2 ** 3 * 2", 16),
        ("7 / 2", 3),
        ("-7 / 2", -3),
        ("7 / 2.0", 3.5),
        ("-7 % 3", -1),
        ("1 << 4 | 1", 17),
        ("~0 & 6 ^ 3", 5),
        ("256 >> 4", 16),
        ("not true", False),
        ("!true or 1 == 1 and 2 != 3", True),
        ("1 if false else 2 if true else 3", 2),
        ("Match.State.RUN", 5),
        ('&"x"', "x"),
        ('StringName("x")', "x"),
        ("[1, [2], ]", [1, [2]]),
        ('{"a": 1, b = 2, 3: 4}', {"a": 1, "b": 2, 3: 4}),
        ("Vector2(MAX, -1)", Built("Vector2", (8, -1))),
        ("Color.RED", Built("Color", constant="RED")),
        ("3 <= 3 && 4 >= 4", True),
    ],
)
def test_the_value_of_an_expression(text: str, value: Any) -> None:
    found = evaluate(tokens(text), lookup)
    assert found == value
    assert isinstance(found, type(value))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "other",
        "Match.State",
        "f(1)",
        "Match.f(1)",
        "[1][0]",
        '"a".length()',
        "MAX +",
        "1 2",
        "(1",
        "[1 2]",
        "{1}",
        "{[]: 1}",
        "1 + 'a'",
        "1 / 0",
        "1 % 0",
        "1 << 64",
        "2 ** 65",
        "10 ** 30",
        "9223372036854775807 + 1",
        '"%9999999s" % "a"',
        '"%d" % "a"',
        '"%s" % null',
        "1 if true",
        "@x",
        "=",
        "(" * 5000,
        "-" * 5000 + "1",
        "not " * 400 + "1",
        "1 + " * 5000 + "1",
        "0x",
        "1x",
        "-'a'",
        "true & 1",
    ],
)
def test_an_expression_that_only_the_engine_knows(text: str) -> None:
    with pytest.raises(NotConstant):
        evaluate(tokens(text), lookup)


@pytest.mark.parametrize(
    ("text", "type_", "written"),
    [
        ("1", "int", "1"),
        ("1.0", "float", "1.0"),
        ("true", "bool", "true"),
        ("null", None, "null"),
        ('"a\\"\\n"', "String", '"a\\"\\n"'),
        ("'a'", "String", '"a"'),
        ('&"a"', "StringName", '&"a"'),
        ('^"a"', "NodePath", '^"a"'),
        ('NodePath("a")', "NodePath", '^"a"'),
        ("[1, 'a']", "Array", '[1, "a"]'),
        ("{1: 2, 'a': [3]}", "Dictionary", '{1: 2, "a": [3]}'),
        ("Vector2(MAX, 1)", "Vector2", "Vector2(8, 1)"),
        ("Color.RED", "Color", "Color.RED"),
        ("Vector2.AXIS_X", "int", "Vector2.AXIS_X"),
        ("-INF", "float", "-INF"),
        ("NAN", "float", "NAN"),
    ],
)
def test_the_type_and_the_text_of_a_value(text: str, type_: str | None, written: str) -> None:
    value = evaluate(tokens(text), lookup)
    assert type_of(value) == type_
    assert text_of(value) == written


def test_a_text_is_bounded() -> None:
    value: Any = [1]
    for _ in range(40):
        value = [value, value]
    with pytest.raises(NotConstant):
        text_of(value)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("foo( 1,2 )", "foo(1, 2)"),
        ("a  if  b else c", "a if b else c"),
        ("x - 1", "x-1"),
        ("func(x): return x", "func(x): return x"),
    ],
)
def test_the_text_of_an_expression_as_written(text: str, written: str) -> None:
    assert text_of_tokens(tokens(text)) == written
