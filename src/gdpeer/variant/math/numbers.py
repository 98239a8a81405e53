"""The engine's numbers: reals of 32 bits and whole numbers of 32 bits, how they count, and how they read as text.

The engine's `float` has 64 bits and is Python's. Its vectors and the like hold reals of 32 bits and count with them, so
that every single step is rounded. `Real` does that for formulas with many steps, `reals` and `dot` for many numbers
at once. Sums, differences, products, quotients and square roots are the engine's to the last bit; sines and their
like come from Python's 64-bit functions, rounded once, and can differ from the engine's in the last bit.

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
"""How far two numbers may be apart that are called about equal; from 1 on, relative to the first."""

_UNIT_EPSILON = array("f", (1e-3,))[0]
"""How far from 1 a squared length may be that is called 1."""

_DECIMALS = 6
"""`str` of a real shows so many, less one for each digit before the point but the first."""


def reals(numbers: Iterable[float]) -> array[float]:
    """`numbers` rounded to 32 bits; infinity beyond their range.

    Raises:
        VariantError: a whole number is even beyond the range of a `float`.
    """
    try:
        return array("f", numbers)
    except OverflowError:
        raise _too_large() from None


def real(number: float) -> float:
    """One number rounded to 32 bits; see `reals`."""
    try:
        return array("f", (number,))[0]
    except OverflowError:
        raise _too_large() from None


def _too_large() -> VariantError:
    return VariantError("a whole number is too large for a float")


def int32s(numbers: Iterable[int]) -> array[int]:
    """`numbers`, which have to fit.

    Raises:
        TypeError: one is not a whole number.
        VariantError: one is outside -2**31 ... 2**31 - 1.
    """
    try:
        return array("i", numbers)
    except OverflowError:
        raise VariantError("a whole number of an engine vector does not fit 32 bits") from None


def divide(dividend: float, divisor: float) -> float:
    """A quotient where dividing by zero gives infinity, or nan for 0 / 0."""
    try:
        return dividend / divisor
    except ZeroDivisionError:
        return dividend * math.copysign(math.inf, divisor)


def dot(left: Iterable[float], right: Iterable[float]) -> Real:
    """The sum of the products, from left to right, every step rounded."""
    first, *others = array("f", map(mul, left, right))
    total = first
    for product in others:
        total = array("f", (total + product,))[0]
    return Real(total)


class Real(float):
    """A real of 32 bits: what is counted with it is rounded at every step."""

    __slots__ = ()

    def __new__(cls, number: float = 0.0) -> Self:
        """From a number, which is rounded."""
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
    """The square root; nan of a negative number."""
    return Real(math.sqrt(number) if number >= 0 else math.nan)


def sin(angle: float) -> Real:
    """The sine; nan of infinity, as the engine's."""
    return Real(math.sin(angle) if math.isfinite(angle) else math.nan)


def cos(angle: float) -> Real:
    """The cosine; nan of infinity."""
    return Real(math.cos(angle) if math.isfinite(angle) else math.nan)


def asin(number: float) -> Real:
    """The angle of a sine, which is cut to -1 ... 1."""
    return Real(math.asin(min(max(number, -1.0), 1.0)))


def acos(number: float) -> Real:
    """The angle of a cosine, which is cut to -1 ... 1."""
    return Real(math.acos(min(max(number, -1.0), 1.0)))


def atan2(y: float, x: float) -> Real:
    """The angle of a direction."""
    return Real(math.atan2(y, x))


def clamped(number: float, low: float, high: float) -> float:
    """`number` kept between two others, as the engine does it where those are in the wrong order or nan."""
    return low if number < low else high if number > high else number


def lerp(start: float, end: float, weight: float) -> Real:
    """From `start` at 0 to `end` at 1."""
    begin = Real(start)
    return begin + (Real(end) - begin) * Real(weight)


def is_equal_approx(left: float, right: float) -> bool:
    """Whether two numbers differ by less than 1e-5, or by less than that part of `left`."""
    return left == right or abs(real(left - right)) < max(real(CMP_EPSILON * abs(left)), CMP_EPSILON)


def is_zero_approx(number: float) -> bool:
    """Whether a number is nearer than 1e-5 to zero."""
    return abs(number) < CMP_EPSILON


def is_one_approx(number: float) -> bool:
    """Whether a squared length is about 1: the engine's measure for "normalized"."""
    return abs(real(number - 1.0)) < _UNIT_EPSILON


def real_text(number: float) -> str:
    """A number as the engine's `var_to_str` writes it in a vector or an array: `2`, `0.1`, `1e-05`, `inf`, `inf_neg`.

    The fewest digits that read back as the same number; of 32 bits where those hold it. -0.0 is written `0`.
    """
    if number == 0:
        return "0"
    if math.isinf(number):
        return "inf" if number > 0 else "inf_neg"
    if math.isnan(number):
        return "nan"
    return shortest(number) if number > 0 else f"-{shortest(-number)}"


def float_text(number: float) -> str:
    """A `float` by itself as `var_to_str` writes it: as `real_text`, but `2.0`."""
    text = real_text(number)
    return f"{text}.0" if text.lstrip("-").isdigit() else text


def plain_text(number: float, whole: str = ".0", decimals: int | None = None) -> str:
    """A real as the engine's `str` writes it in a vector: rounded to some six digits, never with an exponent.

    Args:
        number: the number.
        whole: what follows a number without a fraction.
        decimals: how many at most; by default six, less for numbers above 10.
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
