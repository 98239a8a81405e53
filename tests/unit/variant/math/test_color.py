"""Colours, beside what test_math.py compares with the engine."""

from __future__ import annotations

import pytest

from gdpeer.errors import VariantError
from gdpeer.variant import Color


@pytest.mark.parametrize("code", ["", "#", "12345", "#gg0000", "no such name", "#1234567", "ZERO", "WIDTH", "__doc__"])
def test_a_code_that_is_none(code: str) -> None:
    with pytest.raises(VariantError, match="neither a colour code"):
        Color(code)
    with pytest.raises(VariantError, match="no colour code"):
        Color.html(code)


def test_named_colours_are_colours() -> None:
    assert type(Color.RED) is Color
    assert Color("red") == Color.RED == Color(1, 0, 0)


def test_arguments_by_name() -> None:
    assert Color(r=0.5, g=0.25, b=1, a=0.75) == Color(0.5, 0.25, 1, 0.75)


def test_channels() -> None:
    color = Color(0, 0.5, 1, 0.2)
    assert (color.r8, color.g8, color.b8, color.a8) == (0, 128, 255, 51)
    assert (color.r, color.g, color.b) == (0.0, 0.5, 1.0)


def test_infinite_channels_have_no_bits() -> None:
    assert Color(float("inf"), 0, 0).to_rgba32() == 0xFF
