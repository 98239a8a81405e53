"""Sections, assignments and values of Godot's text files."""

from __future__ import annotations

import pytest

from gdpeer.errors import VariantError
from gdpeer.project_files.text_resource import Damage, read_sections
from gdpeer.variant import NodePath, PackedStringArray, Vector2
from gdpeer.variant.text.text import var_to_str


def test_a_section_has_its_head_and_its_assignments_in_order() -> None:
    text = '[node name="A" index="2"]\nx = 1\n"quoted/key" = [\n  "]"\n]\nx = Vector2(1, 2)\n'
    _, section = read_sections(text)
    assert (section.kind, section.text("name"), section.text("index"), section.text("gone")) == ("node", "A", "2", "")
    assert [(key, value.line) for key, value in section.assignments] == [("x", 2), ("quoted/key", 3), ("x", 6)]
    assert section.properties["x"].parsed() == Vector2(1, 2)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.5", 1.5),
        ("null", None),
        ('"a\\nb"', "a\nb"),
        ('NodePath("../A:b")', NodePath("../A:b")),
        ('PackedStringArray("uid://x", "res://y")', PackedStringArray(["uid://x", "res://y"])),
        ('ExtResource("1_a")', None),
    ],
)
def test_values_are_parsed_as_the_engine_does(text: str, value: object) -> None:
    found = next(read_sections(f"x = {text}\n")).properties["x"]
    assert found.parsed() == value


def test_a_value_that_is_no_value_raises() -> None:
    with pytest.raises(VariantError):
        next(read_sections("x = Nonsense(1\n")).properties["x"].parsed()


@pytest.mark.parametrize(
    ("text", "damage"),
    [
        ('[a]\nx = 1\ny = "open\n\n', Damage(3, "a string is not closed")),
        ("[a]\n\nx = [1,\n2\n", Damage(3, "a bracket is not closed")),
        ("[a]\n[b\n", Damage(2, "a bracket is not closed")),
        ("[a]\nwhat is this\n", Damage(2, "expected key = value, got 'whatisthis'")),
    ],
)
def test_damage_has_its_line(text: str, damage: Damage) -> None:
    damages: list[Damage] = []
    list(read_sections(text, damages))
    assert damages[0] == damage


@pytest.mark.parametrize(
    "value", [list(range(1000)), [0.5, -1.5e30, 7.0] * 100, ["a", "b"] * 50, [[1, 2], [3]] * 20, [NodePath("a")] * 30]
)
def test_a_large_value_keeps_its_meaning(value: list[object]) -> None:
    found = next(read_sections(f"x = {var_to_str(value)}\ny = 1\n")).properties["x"]
    assert found.parsed() == value
    assert (found.string, found.reference) == (None, None)
    assert len(found.tokens) < 65


def test_lines_are_counted_behind_a_large_value() -> None:
    text = "x = [\n" + "1, 2, 3, 4, 5, 6, 7, 8, 9,\n" * 20 + "]\ny = 1\n"
    section = next(read_sections(text))
    assert section.properties["y"].line == 23
    assert section.properties["x"].parsed() == list(range(1, 10)) * 20
