"""The golden file of what the engine makes of arguments says what the engine does now."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gdpeer import Vector2, rpc
from tests.interop.conversions import Main, record, run
from tests.support.conversions import TYPES
from tests.support.missing import ROOT

pytestmark = [pytest.mark.engine, pytest.mark.timeout(120)]


def test_the_engine_says_what_was_recorded() -> None:
    golden = json.loads((ROOT / "tests" / "golden" / "conversions_godot4.json").read_text("utf-8"))
    found = record()
    for kind, values in golden["taken"].items():
        assert found["taken"][kind] == values, kind
    assert found["taken"] == golden["taken"]


def method(kind: str) -> str:
    """The name of the engine's method whose second parameter is of a type."""
    return f"t{list(TYPES).index(kind)}"


def stub(annotation: Any) -> Any:
    def called(self: Any, index: int, value: Any) -> None: ...

    called.__annotations__["value"] = annotation
    return rpc(called)


TYPED = {
    "Array[int]": ([[], [1, 2], (1,)], ["Array[int]([])", "Array[int]([1, 2])", "Array[int]([1])"]),
    "Array[float]": ([[1], [0.5]], ["Array[float]([1.0])", "Array[float]([0.5])"]),
    "Array[String]": ([[], ["a"]], ["Array[String]([])", 'Array[String](["a"])']),
    "Array[Vector2]": ([[Vector2(1, 2)]], ["Array[Vector2]([Vector2(1, 2)])"]),
    "Dictionary[String, int]": (
        [{}, {"a": 1}],
        ["Dictionary[String, int]({})", 'Dictionary[String, int]({\n"a": 1\n})'],
    ),
    "Array": ([[1]], ["Array[int]([1])"]),
    "Dictionary": ([{"a": 1}], ['Dictionary[String, int]({\n"a": 1\n})']),
}
"""For a type of the engine's parameter: plain values, and what arrives."""


def test_plain_lists_and_dicts_reach_typed_parameters_by_the_annotations_of_the_stub() -> None:
    annotations = {**TYPES, "Array": list[int], "Dictionary": dict[str, int]}
    stubs: Any = type("Main", (Main,), {method(kind): stub(annotations[kind]) for kind in TYPED})

    def call_all(main: Any) -> None:
        for kind, (values, _) in TYPED.items():
            for index, value in enumerate(values):
                assert not main.rpc(method(kind), index, value)

    _, events = run(stubs(), call_all)
    found: dict[str, list[str]] = {kind: [] for kind in TYPED}
    for event in events:
        found[event["type"]].append(event["text"])
    assert found == {kind: texts for kind, (_, texts) in TYPED.items()}
