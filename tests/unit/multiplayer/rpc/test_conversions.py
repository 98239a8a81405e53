"""What a method gets for an argument is what a real Godot 4.6 makes of it, but for the differences that are documented.

`tests/golden/conversions_godot4.json` says what the engine does with each value for each type.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from gdpeer import var_to_str
from gdpeer.multiplayer.rpc.arguments import CallError, Checker
from tests.support.conversions import TYPES, VALUES
from tests.support.missing import ROOT

GOLDEN = json.loads((ROOT / "tests" / "golden" / "conversions_godot4.json").read_text("utf-8"))["taken"]
DOCS = (ROOT / "docs" / "rpc.md").read_text("utf-8")

Judge = Callable[[str, str, str, str], bool]
"""Takes the type, the value's name, what the engine makes of it and what gdpeer does; "" for refused."""

WHOLE = ("int", "inferred", "Number", "Vector2i", "Vector3i", "Vector4i", "Rect2i")
SMALLEST = ("-9223372036854775808", "-2147483648")

DIFFERENCES: dict[str, Judge] = {
    "Only 0 and 1 are accepted for a `bool`": lambda kind, name, engine, ours: kind == "bool" and engine == "true",
    "No fraction is lost": lambda kind, name, engine, ours: (
        (kind in WHOLE or kind.startswith("Packed") or kind == "Array[int]")
        and (name.endswith("1.5") or name == "0.1" or "loat" in name)
    ),
    "No number outside the type's range is accepted": lambda kind, name, engine, ours: (
        kind in WHOLE and any(number in engine for number in SMALLEST) and name != "smallest int"
    ),
    "No digits are lost": lambda kind, name, engine, ours: (
        (kind, name) in (("float", "2 to 53 and 1"), ("float", "largest int"), ("Vector2", "Vector2i 2 to 24 and 1"))
    ),
    "No part is lost": lambda kind, name, engine, ours: (
        (kind, name)
        in (
            ("Transform2D", "Transform3D"),
            ("Transform2D", "Transform3D turned"),
            ("Quaternion", "Basis scaled"),
        )
    ),
    "A text that is not a colour is refused": lambda kind, name, engine, ours: (
        kind == "Color" and "String" in name and engine == "Color(0, 0, 0, 1)"
    ),
    "An int outside the 32 bits of a colour is refused": lambda kind, name, engine, ours: (
        kind == "Color" and name in ("-7", "2 to 53 and 1", "largest int", "smallest int")
    ),
    "A number without a member in the enumeration is refused": lambda kind, name, engine, ours: kind == "Number",
    "An element of another type is refused": lambda kind, name, engine, ours: (
        kind.startswith("Packed") and "Array" in name
    ),
    "An object's id is not accepted as a RID": lambda kind, name, engine, ours: (kind, name) == ("RID", "object id"),
    "An object's id is accepted for any class": lambda kind, name, engine, ours: (
        kind in ("Node", "Resource") and name == "object id" and not engine
    ),
    "A StringName stays a StringName": lambda kind, name, engine, ours: (kind, ours) == ("String", '&"red"'),
    "A StringName and a NodePath convert to each other": lambda kind, name, engine, ours: (
        (kind, name) in (("StringName", "NodePath"), ("NodePath", "StringName red")) and not engine
    ),
    "Untyped lists and dictionaries are accepted": lambda kind, name, engine, ours: "[" in kind and not engine,
    "A typed or packed array arrives as a plain list": lambda kind, name, engine, ours: engine == kind + f"({ours})",
    "A packed array of another kind is refused": lambda kind, name, engine, ours: (
        kind.startswith("Array[") and engine == f"{kind}([])"
    ),
}
"""Each stands in docs/rpc.md with its reason."""

MUST_REFUSE = ("Only", "No", "An element", "An int", "A text", "A number", "An object's id is no", "A packed array of")


def checker_of(annotation: Any) -> Checker:
    def method(self: Any, value: Any) -> None: ...

    method.__annotations__ = {} if annotation is None else {"value": annotation}
    return Checker(method)


def ours(checker: Checker, value: Any) -> str:
    """What gdpeer makes of a value, as `var_to_str` says it; "" where it refuses it."""
    try:
        found = checker.check([value])[0]
    except CallError:
        return ""
    return var_to_str(int(found) if type(found) is TYPES["Number"] else found)


def differences() -> list[tuple[str, str, str, str]]:
    found = []
    for kind, annotation in TYPES.items():
        checker = checker_of(annotation)
        for name, value in VALUES.items():
            mine, theirs = ours(checker, value), GOLDEN[kind].get(name, "")
            if mine != theirs:
                found.append((kind, name, theirs, mine))
    return found


DIFFERENT = differences()


def reason_of(one: tuple[str, str, str, str]) -> str:
    return next((reason for reason, judge in DIFFERENCES.items() if judge(*one)), "")


def test_the_golden_file_has_every_type_and_the_names_of_values_that_are_here() -> None:
    assert list(GOLDEN) == list(TYPES)
    assert set(GOLDEN["untyped"]) == set(VALUES)


def test_every_difference_has_a_reason() -> None:
    assert [one for one in DIFFERENT if not reason_of(one)] == []


@pytest.mark.parametrize("reason", DIFFERENCES)
def test_every_reason_is_needed_and_documented(reason: str) -> None:
    found = [one for one in DIFFERENT if reason_of(one) == reason]
    assert found
    assert f"| {reason} |" in DOCS
    if reason.startswith(MUST_REFUSE):
        assert [one for one in found if one[3]] == []


def test_what_the_engine_refuses_is_refused_but_for_what_is_named() -> None:
    more = [one for one in DIFFERENT if not one[2]]
    assert {reason_of(one) for one in more} == {
        "An object's id is accepted for any class",
        "A StringName and a NodePath convert to each other",
        "Untyped lists and dictionaries are accepted",
    }


def test_nothing_comes_as_another_value_than_the_engine_s() -> None:
    both = [one for one in DIFFERENT if one[2] and one[3]]
    assert {reason_of(one) for one in both} == {
        "A StringName stays a StringName",
        "A typed or packed array arrives as a plain list",
    }
