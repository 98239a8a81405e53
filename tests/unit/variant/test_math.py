"""Arithmetic, texts and constants against a recording of a real engine (tests/golden/recording/variant_math.gd)."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import pytest

from gdpeer import variant
from gdpeer.variant.binary.codec import bytes_to_var, var_to_bytes
from gdpeer.variant.math.numbers import float_text
from tests.support.missing import ROOT

GOLDEN = ROOT / "tests" / "golden"
RECORDED = json.loads((GOLDEN / "variant_math_godot4.json").read_text(encoding="utf-8"))
VALUES = RECORDED["values"]
NAMES = {name: getattr(variant, name) for name in variant.__all__}
NAMES |= {"true": True, "false": False, "INF": math.inf, "PI": math.pi}

ROUGH = {".slerp(": 4e-7, ".slerpni(": 4e-7, ".interpolate_with(": 4e-7, "_linear()": 8e-7, "_srgb()": 8e-7}
"""What may differ from the engine, and by which part of the largest number; all else is equal bit for bit."""
ROUGH_INVERSE = 2e-6
"""The same for the inverse of a projection, which the engine computes in 32 bits."""


def tolerance(expression: str) -> float:
    if expression.startswith("Projection") and expression.endswith(".inverse()"):
        return ROUGH_INVERSE
    return next((part for method, part in ROUGH.items() if method in expression), 0.0)


def numbers(value: Any) -> list[float]:
    return list(value) if isinstance(value, tuple) else [value]


def bits(value: Any) -> bytes:
    """The encoded value with one and the same NaN, whose bits are the processor's."""
    return bytes(var_to_bytes(value)).replace(struct.pack("<I", 0xFFC00000), struct.pack("<I", 0x7FC00000))


@pytest.mark.parametrize("record", VALUES, ids=[record["expression"] for record in VALUES])
def test_same_as_the_engine(record: dict[str, str]) -> None:
    expected = bytes_to_var(bytes.fromhex(record["hex"]))
    value = eval(record["expression"], {"__builtins__": {}}, NAMES)
    part = tolerance(record["expression"])
    if part:
        assert type(value) is type(expected)
        limit = part * max(map(abs, numbers(expected)))
        assert all(abs(own - its) <= limit for own, its in zip(numbers(value), numbers(expected), strict=True))
    else:
        assert bits(value).hex() == bits(expected).hex()
        if isinstance(value, tuple):
            assert str(value) == record["str"]
            assert repr(value) == record["text"]


def test_the_recording_is_of_these_expressions() -> None:
    lines = (GOLDEN / "variant_math.txt").read_text(encoding="utf-8").splitlines()
    assert [record["expression"] for record in VALUES] == [line for line in lines if line and line[0] != "#"]
    assert len(VALUES) > 800


def test_most_is_exact() -> None:
    assert sum(tolerance(record["expression"]) > 0 for record in VALUES) < 30


@pytest.mark.parametrize("chunk", range(0, len(RECORDED["numbers"]), 250))
def test_numbers_read_as_in_the_engine(chunk: int) -> None:
    for number, text in RECORDED["numbers"][chunk : chunk + 250]:
        assert float_text(struct.unpack("<d", bytes.fromhex(number))[0]) == text
