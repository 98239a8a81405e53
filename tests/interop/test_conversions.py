"""The golden file of what the engine makes of arguments says what the engine does now."""

from __future__ import annotations

import json

import pytest

from tests.interop.conversions import record
from tests.support.missing import ROOT

pytestmark = [pytest.mark.engine, pytest.mark.timeout(120)]


def test_the_engine_says_what_was_recorded() -> None:
    golden = json.loads((ROOT / "tests" / "golden" / "conversions_godot4.json").read_text("utf-8"))
    found = record()
    for kind, values in golden["taken"].items():
        assert found["taken"][kind] == values, kind
    assert found["taken"] == golden["taken"]
