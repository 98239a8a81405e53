"""The engine's numbers: 32-bit floats and 32-bit whole numbers, their arithmetic, and their texts.

The engine's `float` has 64 bits, as Python's. Its vectors and similar types store 32-bit floats and calculate with
them, so that each single step is rounded. `Real` does that for formulas with many steps, `reals` and `dot` for many
numbers at once. Sums, differences, products, quotients and square roots equal the engine's to the last bit. Sines and
similar functions are Python's 64-bit functions, rounded once; they can differ from the engine's in the last bit.

Layer: `variant`.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable
from operator import mul
from typing import Self

from gdpeer.errors import VariantError
from gdpeer.variant.text.shortest_digits import shortest

__all__ = [
    "CMP_EPSILON",
    "Real",
    "acos",
    "asin",
    "atan2",
    "clamped",
    "cos",
    "divide",
    "dot",
    "float_text",
    "int32s",
    "is_equal_approx",
    "is_one_approx",
    "is_zero_approx",
    "lerp",
    "plain_text",
    "real",
    "real_text",
    "reals",
    "sin",
    "sqrt",
]

CMP_EPSILON = array("f", (1e-5,))[0]
"""Largest difference between numbers that count as about equal; from 1 on, relative to the first."""

_UNIT_EPSILON = array("f", (1e-3,))[0]
"""Largest difference from 1 of a squared length that counts as 1."""

_DECIMALS = 6
"""Decimals in `str` of a float, minus one for each digit before the point beyond the first."""


def reals(numbers: Iterable[float]) -> array[float]:
    """Rounds numbers to 32-bit floats; numbers beyond the range become infinity.

    Raises:
        VariantError: a whole number is beyond the range of a 64-bit `float`.
    """
    try:
        return array("f", numbers)
    except OverflowError:
        raise _too_large() from None


def real(number: float) -> float:
    """Rounds one number to a 32-bit float; see `reals`."""
    try:
        return array("f", (number,))[0]
    except OverflowError:
        raise _too_large() from None


def _too_large() -> VariantError:
    return VariantError("a whole number is too large for a float")


def int32s(numbers: Iterable[int]) -> array[int]:
    """Returns the numbers as signed 32-bit numbers.

    Raises:
        TypeError: a value is no whole number.
        VariantError: a number is outside -2**31 ... 2**31 - 1.
    """
    try:
        return array("i", numbers)
    except OverflowError:
        raise VariantError("a whole number of an engine vector does not fit 32 bits") from None


def divide(dividend: float, divisor: float) -> float:
    """Divides; division by zero gives infinity, or nan for 0 / 0."""
    try:
        return dividend / divisor
    except ZeroDivisionError:
        return dividend * math.copysign(math.inf, divisor)


def dot(left: Iterable[float], right: Iterable[float]) -> Real:
    """Returns the sum of the products, from left to right, with each step rounded."""
    first, *others = array("f", map(mul, left, right))
    total = first
    for product in others:
        total = array("f", (total + product,))[0]
    return Real(total)


class Real(float):
    """A 32-bit float; the result of each operation with it is rounded."""

    __slots__ = ()

    def __new__(cls, number: float = 0.0) -> Self:
        """Rounds a number to 32 bits."""
        return float.__new__(cls, real(number))

    def __add__(self, other: float) -> Real:
        return Real(float.__add__(self, other))

    def __sub__(self, other: float) -> Real:
        return Real(float.__sub__(self, other))

    def __mul__(self, other: float) -> Real:
        return Real(float.__mul__(self, other))

    def __truediv__(self, other: float) -> Real:
        return Real(divide(float(self), float(other)))

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: float) -> Real:
        return Real(float.__rsub__(self, other))

    def __rtruediv__(self, other: float) -> Real:
        return Real(divide(float(other), float(self)))

    def __neg__(self) -> Real:
        return Real(float.__neg__(self))


def sqrt(number: float) -> Real:
    """Returns the square root; nan for a negative number."""
    return Real(math.sqrt(number) if number >= 0 else math.nan)


def sin(angle: float) -> Real:
    """Returns the sine; nan for infinity, as the engine."""
    return Real(math.sin(angle) if math.isfinite(angle) else math.nan)


def cos(angle: float) -> Real:
    """Returns the cosine; nan for infinity, as the engine."""
    return Real(math.cos(angle) if math.isfinite(angle) else math.nan)


def asin(number: float) -> Real:
    """Returns the angle of a sine, which is limited to -1 ... 1."""
    return Real(math.asin(min(max(number, -1.0), 1.0)))


def acos(number: float) -> Real:
    """Returns the angle of a cosine, which is limited to -1 ... 1."""
    return Real(math.acos(min(max(number, -1.0), 1.0)))


def atan2(y: float, x: float) -> Real:
    """Returns the angle of the direction (x, y), in radians."""
    return Real(math.atan2(y, x))


def clamped(number: float, low: float, high: float) -> float:
    """Limits a number to a range; gives the engine's result also for bounds in the wrong order or nan."""
    return low if number < low else high if number > high else number


def lerp(start: float, end: float, weight: float) -> Real:
    """Returns the number between `start` (weight 0) and `end` (weight 1)."""
    begin = Real(start)
    return begin + (Real(end) - begin) * Real(weight)


def is_equal_approx(left: float, right: float) -> bool:
    """Tells whether two numbers differ by less than 1e-5, or by less than 1e-5 times `left`."""
    return left == right or abs(real(left - right)) < max(real(CMP_EPSILON * abs(left)), CMP_EPSILON)


def is_zero_approx(number: float) -> bool:
    """Tells whether a number is nearer to zero than 1e-5."""
    return abs(number) < CMP_EPSILON


def is_one_approx(number: float) -> bool:
    """Tells whether a squared length is about 1: the engine's test for "normalized"."""
    return abs(real(number - 1.0)) < _UNIT_EPSILON


def real_text(number: float) -> str:
    """Returns a number as the engine's `var_to_str` writes it in a vector: `2`, `0.1`, `1e-05`, `inf`, `inf_neg`.

    Writes the fewest digits that read back as the same number; for a number that fits 32 bits, as the same 32-bit
    number.
    -0.0 is written `0`.
    """
    if number == 0:
        return "0"
    if math.isinf(number):
        return "inf" if number > 0 else "inf_neg"
    if math.isnan(number):
        return "nan"
    return shortest(number) if number > 0 else f"-{shortest(-number)}"


def float_text(number: float) -> str:
    """Returns a `float` as `var_to_str` writes it outside of a vector: as `real_text`, but `2.0`."""
    text = real_text(number)
    return f"{text}.0" if text.lstrip("-").isdigit() else text


def plain_text(number: float, whole: str = ".0", decimals: int | None = None) -> str:
    """Returns a float as the engine's `str` writes it in a vector: rounded to about six digits, without an exponent.

    Args:
        number: the number.
        whole: added to a number without a fraction.
        decimals: the most decimals; default: six, fewer for numbers above 10.
    """
    if not math.isfinite(number):
        return f"{number}"
    if decimals is None:
        if number == math.trunc(number) and abs(number) < 2**63:
            return f"{math.trunc(number)}{whole}"
        size = abs(number)
        decimals = _DECIMALS - math.floor(math.log10(size)) if size > 10 else _DECIMALS
    text = f"{number:.{decimals if decimals >= 0 else _DECIMALS}f}"
    head, point, fraction = text.partition(".")
    return f"{head}{point}{fraction.rstrip('0') or '0'}" if point else head
