"""Finds the decimal digits of a float as the engine does.

The engine prints numbers with Grisu2 (Florian Loitsch, "Printing Floating-Point Numbers Quickly and Accurately with
Integers", PLDI 2010). Its digits always read back as the same number. In one of some hundred cases they are not the
shortest or not the nearest, so Python's own `repr` would differ from the engine's text.

This module writes a number as `f * 2**e`, with `f` of 64 bits. It computes the powers of ten that the engine has in a
table; both are the exact power rounded to 64 bits.

Layer: `variant`. Source: the paper, sections 4 and 5; the choice of the powers and the notation measured on Godot 4.6.
"""

from __future__ import annotations

import struct
from array import array
from functools import cache
from typing import NamedTuple

__all__ = ["shortest"]

_EXPONENT = -60
"""Scaled numbers have an exponent of `_EXPONENT` to -32, so that their whole part fits 32 bits."""

_FIRST_POWER, _POWER_STEP = -300, 8
"""The powers of ten that are used: 10**-300, 10**-292, ..."""

_FIXED_ABOVE, _FIXED_BELOW = -4, 15
"""Numbers from 1e-4 to 1e15 are written without an exponent."""


class _Format(NamedTuple):
    floating: str
    whole: str
    mantissa_bits: int
    bias: int


_SINGLE = _Format("<f", "<I", 23, 150)
_DOUBLE = _Format("<d", "<Q", 52, 1075)


class _Wide(NamedTuple):
    """A number as `f * 2**e`, with more bits than a float."""

    f: int
    e: int

    def normalized(self) -> _Wide:
        shift = 64 - self.f.bit_length()
        return _Wide(self.f << shift, self.e - shift)

    def times(self, other: _Wide) -> _Wide:
        return _Wide((self.f * other.f + (1 << 63)) >> 64, self.e + other.e + 64)


def shortest(number: float) -> str:
    """Returns the text of a finite number above zero: `1.5`, `1e-05`, `1.5e+20`.

    A number that fits 32 bits gets the digits that tell it from its 32-bit neighbours.
    """
    single = array("f", (number,))[0] == number
    return _notation(*_digits(number, _SINGLE if single else _DOUBLE))


def _digits(number: float, layout: _Format) -> tuple[str, int]:
    """Returns the digits, and the power of ten of the last digit."""
    low, middle, high = _neighbourhood(number, layout)
    scale, power = _power_of_ten(high.e)
    low, middle, high = low.times(scale), middle.times(scale), high.times(scale)
    # The products are exact to one unit only, so make the interval smaller by one unit on both sides.
    return _generate(low.f + 1, middle.f, high.f - 1, -high.e, -power)


def _neighbourhood(number: float, layout: _Format) -> tuple[_Wide, _Wide, _Wide]:
    """Returns the number between the two ends of the interval that rounds to it."""
    (bits,) = struct.unpack(layout.whole, struct.pack(layout.floating, number))
    exponent, fraction = divmod(bits, 1 << layout.mantissa_bits)
    if exponent == 0:
        value = _Wide(fraction, 1 - layout.bias)
    else:
        value = _Wide(fraction | 1 << layout.mantissa_bits, exponent - layout.bias)
    high = _Wide(2 * value.f + 1, value.e - 1).normalized()
    # Below a power of two the numbers lie twice as close.
    closer = fraction == 0 and exponent > 1
    low = _Wide(4 * value.f - 1, value.e - 2) if closer else _Wide(2 * value.f - 1, value.e - 1)
    return _Wide(low.f << low.e - high.e, high.e), value.normalized(), high


def _power_of_ten(exponent: int) -> tuple[_Wide, int]:
    """Returns a power of ten that brings `exponent` into the range, and its exponent."""
    wanted = _EXPONENT - exponent - 1
    # 78913 / 2**18 is log10(2); rounded up.
    least = -(-wanted * 78913 >> 18)
    power = _FIRST_POWER + -(-(least - _FIRST_POWER) // _POWER_STEP) * _POWER_STEP
    return _rounded_power(power), power


@cache
def _rounded_power(power: int) -> _Wide:
    if power >= 0:
        exponent = (10**power).bit_length() - 64
        numerator, denominator = (10**power, 1 << exponent) if exponent >= 0 else (10**power << -exponent, 1)
    else:
        exponent = -(10**-power).bit_length() - 63
        numerator, denominator = 1 << -exponent, 10**-power
    return _Wide((2 * numerator + denominator) // (2 * denominator), exponent)


def _generate(low: int, middle: int, high: int, point: int, power: int) -> tuple[str, int]:
    """Returns the fewest digits of a number from `low` to `high`, as near to `middle` as that many digits allow.

    The lowest `point` bits are the fraction.
    """
    width, distance = high - low, high - middle
    whole, rest = high >> point, high & ((1 << point) - 1)
    digits, unit = str(whole), 1 << point
    for place in range(len(digits) - 1, -1, -1):
        remainder = (whole % 10**place << point) + rest
        if remainder <= width:
            kept = int(digits) // 10**place
            return _nearest(kept, distance, width, remainder, unit * 10**place), power + place
    kept = whole
    while True:
        rest, width, distance, power = rest * 10, width * 10, distance * 10, power - 1
        kept = kept * 10 + (rest >> point)
        rest &= unit - 1
        if rest <= width:
            return _nearest(kept, distance, width, rest, unit), power


def _nearest(kept: int, distance: int, width: int, rest: int, unit: int) -> str:
    """Counts the last digit down while that brings the number nearer and keeps it in the interval."""
    while (
        rest < distance
        and width - rest >= unit
        and (rest + unit < distance or distance - rest > rest + unit - distance)
    ):
        kept, rest = kept - 1, rest + unit
    return str(kept)


def _notation(digits: str, power: int) -> str:
    point = len(digits) + power
    if power >= 0 and point <= _FIXED_BELOW:
        return digits + "0" * power
    if 0 < point <= _FIXED_BELOW:
        return f"{digits[:point]}.{digits[point:]}"
    if _FIXED_ABOVE < point <= 0:
        return "0." + "0" * -point + digits
    fraction = "." + digits[1:] if digits[1:] else ""
    return f"{digits[0]}{fraction}e{point - 1:+03d}"
