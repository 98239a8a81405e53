"""Reals of 32 bits, and numbers as text."""

from __future__ import annotations

import math
import struct

import pytest

from gdpeer.errors import VariantError
from gdpeer.variant.math import numbers
from gdpeer.variant.math.numbers import Real, divide, dot, float_text, int32s, plain_text, real, real_text
from gdpeer.variant.text.shortest_digits import shortest


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (2.0, "2"),
        (-2.5, "-2.5"),
        (0.1, "0.1"),
        (real(0.1), "0.1"),
        (1 / 3, "0.3333333333333333"),
        (1e-4, "0.0001"),
        (1e-5, "1e-05"),
        (1e15, "1e+15"),
        (123456789012345.0, "123456789012345"),
        (2.0**127, "1.7014118e+38"),
        (1.5e300, "1.5e+300"),
        (math.inf, "inf"),
        (-math.inf, "inf_neg"),
        (math.nan, "nan"),
    ],
)
def test_text_in_a_vector(number: float, text: str) -> None:
    assert real_text(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(2.0, "2.0"), (-2.0, "-2.0"), (0.5, "0.5"), (1e300, "1e+300"), (math.inf, "inf"), (math.nan, "nan"), (0.0, "0.0")],
)
def test_text_by_itself(number: float, text: str) -> None:
    assert float_text(number) == text


@pytest.mark.parametrize("bits", [*range(1, 40), *range(0x7FEFFFFFFFFFFFE0, 0x7FF0000000000000)])
def test_the_smallest_and_the_largest_read_back(bits: int) -> None:
    (number,) = struct.unpack("<d", struct.pack("<Q", bits))
    assert float(shortest(number)) == number


@pytest.mark.parametrize("exponent", range(-149, 128))
def test_powers_of_two_of_32_bits_read_back(exponent: int) -> None:
    for number in (2.0**exponent, real(2.0**exponent * 1.9)):
        assert real(float(shortest(number))) == number


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1.0, "1.0"),
        (-0.0, "0.0"),
        (2.0**70, "1180591620717411303424.0"),
        (real(0.1), "0.1"),
        (real(123456.789), "123456.8"),
        (real(1e-7), "0.0"),
        (real(-1e-7), "-0.0"),
        (-math.inf, "-inf"),
        (math.nan, "nan"),
    ],
)
def test_text_for_people(number: float, text: str) -> None:
    assert plain_text(number) == text


def test_text_for_people_without_a_fraction_and_with_fewer_decimals() -> None:
    assert plain_text(4.0, whole="") == "4"
    assert plain_text(0.33333, decimals=4) == "0.3333"
    assert plain_text(2.7, decimals=0) == "3"


def test_reals_are_rounded_and_go_to_infinity() -> None:
    assert real(0.1) == struct.unpack("<f", struct.pack("<f", 0.1))[0] != 0.1
    assert real(1e39) == math.inf
    assert list(numbers.reals([-1e39, 16777217])) == [-math.inf, 16777216.0]


@pytest.mark.parametrize(
    "count",
    [
        lambda a, b: a + b,
        lambda a, b: a - b,
        lambda a, b: a * b,
        lambda a, b: a / b,
        lambda a, b: -a,
        lambda a, b: 0.1 + a,
        lambda a, b: 0.1 - a,
        lambda a, b: 0.1 * a,
        lambda a, b: 0.1 / a,
    ],
)
def test_every_step_with_a_real_is_rounded(count: object) -> None:
    own, plain = (count(kind(real(0.7)), kind(real(1.3))) for kind in (Real, float))  # type: ignore[operator]
    assert type(own) is Real
    assert own == real(plain)


@pytest.mark.parametrize(
    ("dividend", "divisor", "quotient"),
    [(1.0, 0.0, math.inf), (-1.0, 0.0, -math.inf), (1.0, -0.0, -math.inf), (1.0, 4.0, 0.25)],
)
def test_dividing_by_zero_gives_infinity(dividend: float, divisor: float, quotient: float) -> None:
    assert divide(dividend, divisor) == quotient
    assert Real(dividend) / divisor == dividend / Real(divisor) == quotient


def test_zero_by_zero_is_no_number() -> None:
    assert math.isnan(divide(0.0, 0.0))
    assert math.isnan(Real(0.0) / 0.0)


def test_dot_rounds_every_step() -> None:
    tenth = real(0.1)
    total = real(real(tenth * tenth) + real(tenth * 3.0))
    assert dot((tenth, tenth), (tenth, 3.0)) == total
    assert math.copysign(1.0, dot((-0.0,), (1.0,))) == -1.0


def test_functions_are_defined_everywhere_as_in_the_engine() -> None:
    assert math.isnan(numbers.sqrt(-1.0))
    assert math.isnan(numbers.sin(math.inf))
    assert math.isnan(numbers.cos(math.inf))
    assert numbers.acos(1.1) == 0.0
    assert numbers.acos(-1.1) == real(math.pi)
    assert numbers.asin(1.1) == real(math.pi / 2)
    assert numbers.asin(-1.1) == real(-math.pi / 2)


def test_whole_numbers_have_to_fit() -> None:
    assert list(int32s([-(2**31), 2**31 - 1, True])) == [-(2**31), 2**31 - 1, 1]
    for number in (2**31, -(2**31) - 1, 10**30):
        with pytest.raises(VariantError) as caught:
            int32s([number])
        assert caught.value.offset == -1
    with pytest.raises(TypeError):
        int32s([1.0])  # type: ignore[list-item]
