"""Values as a person types them, and as text and JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gdpeer import Array, Dictionary, NodePath, StringName, Vector2, str_to_var
from gdpeer.inspection.call_values import json_of, line_of, type_of, value_of


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Ann", "Ann"),
        ('"Ann"', "Ann"),
        ('"12"', "12"),
        ("12", 12),
        (" -5", -5),
        ("true", True),
        ("null", None),
        ("Vector2(1, 2)", Vector2(1, 2)),
        ('[1, "a"]', [1, "a"]),
        ("two words (really)", "two words (really)"),
        ("f(x)", "f(x)"),
        ("1.2.3", "1.2.3"),
        ("#general", "#general"),
        ("", ""),
        (" ", " "),
    ],
)
def test_a_word_is_a_value_if_it_can_be_read_as_one_and_else_text(text: str, value: Any) -> None:
    found = value_of(text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("text", ["Vector2(1", "[hello", '"Ann" x', "{", "Object(1)", "Pool", "Vector2i(1, 2)"])
def test_a_broken_value_is_an_error_and_no_text(text: str) -> None:
    if text == "Pool":
        assert value_of(text) == text
        return
    with pytest.raises(ValueError, match="begins like a value and is none"):
        value_of(text, 3 if text == "Vector2i(1, 2)" else 4)


def test_types_have_the_words_of_the_engine() -> None:
    values = [None, True, 1, 1.5, "a", StringName("a"), Vector2(), [], {}, b""]
    words = ["null", "bool", "int", "float", "String", "StringName", "Vector2", "Array", "Dictionary"]
    assert [type_of(value) for value in values] == [*words, "PackedByteArray"]
    assert type_of(value_of("Array[int]([1])")) == "Array[int]"
    assert type_of(value_of("Dictionary[String, int]({})")) == "Dictionary[String, int]"
    assert type_of(Array([1])) == "Array"
    assert type_of(Dictionary()) == "Dictionary"


def test_a_line_is_read_back_as_the_same_value() -> None:
    value = {"a": 'two\nlines, a "quote" and a \\ \t', "b": [1, {"c": Vector2(1, 2)}]}
    line = line_of(value)
    assert "\n" not in line
    assert str_to_var(line) == value
    assert line_of("\x1b[2J") == '"\\x1b[2J"'  # a server's text cannot steer the terminal


def test_json_has_plain_values_and_the_text_of_all_others() -> None:
    value = [None, True, 1, 1.5, float("inf"), StringName("n"), NodePath("a/b"), {"k": [Vector2(1, 2)]}, {1: 2}]
    found = json.loads(json.dumps(json_of(value)))
    assert found == [None, True, 1, 1.5, "inf", "n", 'NodePath("a/b")', {"k": ["Vector2(1, 2)"]}, "{ 1: 2 }"]
    assert json_of(Array([1, 2])) == [1, 2]
