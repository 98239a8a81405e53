"""The engine's vectors of whole numbers: `Vector2i`, `Vector3i`, `Vector4i`.

    cell = Vector2i(7, -7) / 2          # Vector2i(3, -3): quotients are cut, as in the engine

Numbers beyond 32 bits raise `VariantError`, where the engine wraps around. A division by zero raises
`ZeroDivisionError`.

Layer: `variant`. Source: the engine's class reference; measured on Godot 4.6 (tests/golden/variant_math_godot4.json).
"""

from __future__ import annotations

import math
from operator import add, mul, neg, sub
from typing import Any, ClassVar, Final, Self, overload

from gdpeer.variant.math.flat import FlatInts, SequenceOfNumbers, Vector, constant, cut_off, int_field, numbers_in
from gdpeer.variant.math.numbers import clamped, divide, real
from gdpeer.variant.math.real_vectors import RealsVector, Vector2, Vector3, Vector4

__all__ = ["Vector2i", "Vector3i", "Vector4i"]


class _WholeVector(Vector[int], FlatInts):
    """The base of vectors of whole numbers.

    Sums and products beyond 32 bits are refused, where the engine wraps around.
    """

    __slots__ = ()
    _REAL: ClassVar[type[RealsVector]]
    MIN = constant(-(2**31))
    MAX = constant(2**31 - 1)

    x: Final[int] = int_field(0)
    y: Final[int] = int_field(1)

    def __str__(self) -> str:
        return f"({', '.join(map(str, self))})"

    def __add__(self, other: Self) -> Self:  # type: ignore[override]
        return self._each(add, other) if type(other) is type(self) else NotImplemented

    def __sub__(self, other: Self) -> Self:
        return self._each(sub, other) if type(other) is type(self) else NotImplemented

    @overload  # type: ignore[override]
    def __mul__(self, other: Self | int) -> Self: ...
    @overload
    def __mul__(self, other: float) -> Any: ...
    def __mul__(self, other: Any) -> Any:
        """Multiplies by a vector of the same type or an int; by a float, the result is a vector of floats."""
        return self._REAL.of(*self) * other if isinstance(other, float) else self._each(mul, other)

    def __rmul__(self, other: Any) -> Any:
        return self * other

    @overload
    def __truediv__(self, other: Self | int) -> Self: ...
    @overload
    def __truediv__(self, other: float) -> Any: ...
    def __truediv__(self, other: Any) -> Any:
        """Divides as `*` multiplies; quotients of whole numbers are cut to whole numbers, as in the engine."""
        return self._REAL.of(*self) / other if isinstance(other, float) else self._each(_quotient, other)

    def __mod__(self, other: Self | int) -> Self:
        """Returns the remainders, with the sign of the left side, as in the engine."""
        return self._each(_remainder, other)

    def __neg__(self) -> Self:
        return self._map(neg)

    def __pos__(self) -> Self:
        return self

    def length_squared(self) -> int:
        """Returns the square of the length."""
        return sum(number * number for number in self)

    def length(self) -> float:
        """Returns the length as a 64-bit float."""
        return math.sqrt(self.length_squared())

    def distance_squared_to(self, to: Self) -> int:
        """Returns the square of the distance to another point."""
        return (to - self).length_squared()

    def distance_to(self, to: Self) -> float:
        """Returns the distance to another point."""
        return (to - self).length()

    def snapped(self, step: Self) -> Self:
        """Rounds each number to a multiple of the same number of `step`; a step of 0 leaves the number."""
        return self._each(_snapped, step)

    def snappedi(self, step: int) -> Self:
        """Rounds each number to a multiple of `step`."""
        return self._each(_snapped, step)

    def mini(self, with_: int) -> Self:
        """Returns the smaller of each number and `with_`."""
        return self._each(min, with_)

    def maxi(self, with_: int) -> Self:
        """Returns the larger of each number and `with_`."""
        return self._each(max, with_)

    def clampi(self, min: int, max: int) -> Self:
        """Limits each number to the range from `min` to `max`."""
        low, high = self._stored((min, max))
        return self._map(lambda number: int(clamped(number, low, high)))


class Vector2i(_WholeVector):
    """A vector of two whole numbers. `Vector2i(x, y)`, or from a `Vector2`, whose fractions are cut off."""

    __slots__ = ()
    WIDTH = 2
    LEFT = constant(-1, 0)
    RIGHT = constant(1, 0)
    UP = constant(0, -1)
    DOWN = constant(0, 1)
    _REAL = Vector2

    @overload
    def __new__(cls, x: int = 0, y: int = 0) -> Self: ...
    @overload
    def __new__(cls, x: SequenceOfNumbers) -> Self: ...
    def __new__(cls, x: Any = 0, y: Any = 0) -> Self:
        """Makes a vector of two whole numbers, or of another vector."""
        numbers = numbers_in(x)
        return cls.of(*((x, y) if numbers is None else cut_off(numbers)))

    def aspect(self) -> float:
        """Returns width divided by height: x / y."""
        return real(divide(self.x, self.y))


class Vector3i(_WholeVector):
    """A vector of three whole numbers. `Vector3i(x, y, z)`, or from a `Vector3`, whose fractions are cut off."""

    __slots__ = ()
    WIDTH = 3
    LEFT = constant(-1, 0, 0)
    RIGHT = constant(1, 0, 0)
    UP = constant(0, 1, 0)
    DOWN = constant(0, -1, 0)
    FORWARD = constant(0, 0, -1)
    BACK = constant(0, 0, 1)
    AXIS_Z: ClassVar[int] = 2
    _REAL = Vector3

    z: Final[int] = int_field(2)

    @overload
    def __new__(cls, x: int = 0, y: int = 0, z: int = 0) -> Self: ...
    @overload
    def __new__(cls, x: SequenceOfNumbers) -> Self: ...
    def __new__(cls, x: Any = 0, y: Any = 0, z: Any = 0) -> Self:
        """Makes a vector of three whole numbers, or of another vector."""
        numbers = numbers_in(x)
        return cls.of(*((x, y, z) if numbers is None else cut_off(numbers)))


class Vector4i(_WholeVector):
    """A vector of four whole numbers. `Vector4i(x, y, z, w)`, or from a `Vector4`, whose fractions are cut off."""

    __slots__ = ()
    WIDTH = 4
    AXIS_Z: ClassVar[int] = 2
    AXIS_W: ClassVar[int] = 3
    _REAL = Vector4

    z: Final[int] = int_field(2)
    w: Final[int] = int_field(3)

    @overload
    def __new__(cls, x: int = 0, y: int = 0, z: int = 0, w: int = 0) -> Self: ...
    @overload
    def __new__(cls, x: SequenceOfNumbers) -> Self: ...
    def __new__(cls, x: Any = 0, y: Any = 0, z: Any = 0, w: Any = 0) -> Self:
        """Makes a vector of four whole numbers, or of another vector."""
        numbers = numbers_in(x)
        return cls.of(*((x, y, z, w) if numbers is None else cut_off(numbers)))


def _quotient(dividend: int, divisor: int) -> int:
    # Python rounds quotients down, the engine towards zero.
    whole = abs(dividend) // abs(divisor)
    return whole if (dividend < 0) == (divisor < 0) else -whole


def _remainder(dividend: int, divisor: int) -> int:
    return dividend - divisor * _quotient(dividend, divisor)


def _snapped(number: int, step: int) -> int:
    return math.floor(number / step + 0.5) * step if step else number
