"""The engine's vectors of floats: `Vector2`, `Vector3`, `Vector4`.

    position = Vector2(10, 20) + Vector2.RIGHT * 5
    position.distance_to(Vector2.ZERO)

Names, arguments and results are the engine's. Where the engine reports a script error (a normal that is not
normalized), this raises `ValueError`. Results equal the engine's to the last bit, except for methods that turn or
measure angles (`rotated`, `angle`, `slerp` ...), which can differ in the last bit.

Vectors order as in the engine, by x, then y, and so on.

Layer: `variant`. Source: the engine's class reference; measured on Godot 4.6 (tests/golden/variant_math_godot4.json).
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Final, Self, overload

from gdpeer.variant.math.flat import Measured, SequenceOfNumbers, Vector, constant, field, numbers_in, text_of, unit
from gdpeer.variant.math.numbers import (
    CMP_EPSILON,
    Real,
    atan2,
    clamped,
    cos,
    divide,
    dot,
    is_zero_approx,
    lerp,
    real,
    reals,
    sin,
)

__all__ = ["RealsVector", "Vector2", "Vector3", "Vector4", "axis_angle_rows"]


class RealsVector(Vector[float], Measured):
    """The base of vectors of two, three and four floats."""

    __slots__ = ()
    INF = constant(math.inf)

    x: Final[float] = field(0)
    y: Final[float] = field(1)

    def __str__(self) -> str:
        return text_of(self)

    def distance_squared_to(self, to: Self) -> float:
        """Returns the square of the distance to another point."""
        return (to - self).length_squared()

    def distance_to(self, to: Self) -> float:
        """Returns the distance to another point."""
        return (to - self).length()

    def normalized(self) -> Self:
        """Returns the same direction with length 1; zero stays zero."""
        length = self.length()
        return self / length if length else type(self)()

    def is_zero_approx(self) -> bool:
        """Tells whether all numbers are about zero."""
        return all(map(is_zero_approx, self))

    def direction_to(self, to: Self) -> Self:
        """Returns the direction to another point, with length 1."""
        return (to - self).normalized()

    def lerp(self, to: Self, weight: float) -> Self:
        """Returns the point between this (weight 0) and `to` (weight 1), in a straight line."""
        return self + (to - self) * weight

    def floor(self) -> Self:
        """Returns the vector with each number rounded down."""
        return self._map(_floor)

    def ceil(self) -> Self:
        """Returns the vector with each number rounded up."""
        return self._map(lambda number: -_floor(-number))

    def round(self) -> Self:
        """Returns the vector with each number rounded to the nearest whole number, halves away from zero."""
        return self._map(lambda number: math.copysign(_floor(abs(number) + 0.5), number))

    def snapped(self, step: Self) -> Self:
        """Rounds each number to a multiple of the same number of `step`; a step of 0 leaves the number."""
        return self._each(_snapped, step)

    def snappedf(self, step: float) -> Self:
        """Rounds each number to a multiple of `step`."""
        return self._each(_snapped, real(step))

    def posmod(self, mod: float) -> Self:
        """Returns the remainder of each number by `mod`, with the sign of `mod`."""
        return self._each(_posmod, real(mod))

    def posmodv(self, modv: Self) -> Self:
        """Returns the remainder of each number by the same number of `modv`, with the sign of that number."""
        return self._each(_posmod, modv)

    def minf(self, with_: float) -> Self:
        """Returns the smaller of each number and `with_`."""
        return self._each(min, real(with_))

    def maxf(self, with_: float) -> Self:
        """Returns the larger of each number and `with_`."""
        return self._each(max, real(with_))

    def clampf(self, min: float, max: float) -> Self:
        """Limits each number to the range from `min` to `max`."""
        low, high = self._stored((min, max))
        return self._map(lambda number: clamped(number, low, high))


class _Spatial(RealsVector):
    """The base of vectors of two and three floats."""

    __slots__ = ()

    def limit_length(self, length: float = 1.0) -> Self:
        """Returns the same direction, with a length of at most `length`."""
        own = self.length()
        return self / own * length if own > 0 and real(length) < own else self

    def move_toward(self, to: Self, delta: float) -> Self:
        """Returns the point `delta` nearer to `to`, but not beyond it."""
        way = to - self
        distance = way.length()
        return to if distance <= real(delta) or distance < CMP_EPSILON else self + way / distance * delta

    def project(self, b: Self) -> Self:
        """Returns the part of this vector along `b`."""
        return b * divide(self.dot(b), b.length_squared())

    def slide(self, n: Self) -> Self:
        """Returns the part of this vector along a plane (in two dimensions: a line) with the normal `n`.

        Raises:
            ValueError: `n` is not normalized.
        """
        return self - unit(n) * self.dot(n)

    def reflect(self, n: Self) -> Self:
        """Returns this vector mirrored at the line along `n`.

        Raises:
            ValueError: `n` is not normalized.
        """
        return unit(n) * 2.0 * self.dot(n) - self

    def bounce(self, n: Self) -> Self:
        """Returns this vector after a bounce off a plane (in two dimensions: a line) with the normal `n`.

        Raises:
            ValueError: `n` is not normalized.
        """
        return -self.reflect(n)

    def bezier_interpolate(self, control_1: Self, control_2: Self, end: Self, t: float) -> Self:
        """Returns the point at `t` (0 to 1) of the Bézier curve from this point to `end`."""
        ahead = Real(t)
        behind = 1.0 - ahead
        first, second = control_1 * (behind * behind) * ahead, control_2 * behind * (ahead * ahead)
        return self * (behind * behind * behind) + first * 3.0 + second * 3.0 + end * (ahead * ahead * ahead)


class Vector2(_Spatial):
    """A vector of two floats. `Vector2(x, y)`, or from a `Vector2i`."""

    __slots__ = ()
    WIDTH = 2
    LEFT = constant(-1, 0)
    RIGHT = constant(1, 0)
    UP = constant(0, -1)
    DOWN = constant(0, 1)

    @overload
    def __new__(cls, x: float = 0.0, y: float = 0.0) -> Self: ...
    @overload
    def __new__(cls, x: SequenceOfNumbers) -> Self: ...
    def __new__(cls, x: Any = 0.0, y: Any = 0.0) -> Self:
        """Makes a vector of two numbers, or of another vector."""
        if isinstance(x, (int, float)):
            return tuple.__new__(cls, reals((x, y)))
        numbers = numbers_in(x)
        return tuple.__new__(cls, reals((x, y))) if numbers is None else cls.of(*numbers)

    def normalized(self) -> Vector2:
        """Returns the same direction with length 1; a vector too short to be measured stays."""
        return super().normalized() if self.length_squared() else self

    @classmethod
    def from_angle(cls, angle: float) -> Self:
        """Returns the direction at `angle` radians from the x axis."""
        return cls(cos(real(angle)), sin(real(angle)))

    def angle(self) -> float:
        """Returns the angle from the x axis, in radians."""
        return float(atan2(self.y, self.x))

    def angle_to(self, to: Vector2) -> float:
        """Returns the signed angle from this vector to another, in radians."""
        return float(atan2(self.cross(to), self.dot(to)))

    def angle_to_point(self, to: Vector2) -> float:
        """Returns the angle from the x axis to the line to another point, in radians."""
        return (to - self).angle()

    def aspect(self) -> float:
        """Returns width divided by height: x / y."""
        return real(divide(self.x, self.y))

    def cross(self, with_: Vector2) -> float:
        """Returns the z of the three-dimensional cross product."""
        return float(dot(self, (with_.y, -with_.x)))

    def orthogonal(self) -> Vector2:
        """Returns this vector turned by 90 degrees, counter-clockwise on a screen."""
        return Vector2(self.y, -self.x)

    def rotated(self, angle: float) -> Vector2:
        """Returns this vector turned by `angle` radians."""
        sine, cosine = sin(real(angle)), cos(real(angle))
        return Vector2(dot(self, (cosine, -sine)), dot(self, (sine, cosine)))

    def slerp(self, to: Vector2, weight: float) -> Vector2:
        """Turns and stretches from this vector (weight 0) to `to` (weight 1); as `lerp` if one of them is zero."""
        start, end = self.length(), to.length()
        if not start or not end:
            return self.lerp(to, weight)
        length = lerp(start, end, weight)
        return self.rotated(Real(self.angle_to(to)) * real(weight)) * (length / start)


class Vector3(_Spatial):
    """A vector of three floats. `Vector3(x, y, z)`, or from a `Vector3i`."""

    __slots__ = ()
    WIDTH = 3
    LEFT = constant(-1, 0, 0)
    RIGHT = constant(1, 0, 0)
    UP = constant(0, 1, 0)
    DOWN = constant(0, -1, 0)
    FORWARD = constant(0, 0, -1)
    BACK = constant(0, 0, 1)
    MODEL_LEFT = constant(1, 0, 0)
    MODEL_RIGHT = constant(-1, 0, 0)
    MODEL_TOP = constant(0, 1, 0)
    MODEL_BOTTOM = constant(0, -1, 0)
    MODEL_FRONT = constant(0, 0, 1)
    MODEL_REAR = constant(0, 0, -1)
    AXIS_Z: ClassVar[int] = 2

    z: Final[float] = field(2)

    @overload
    def __new__(cls, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Self: ...
    @overload
    def __new__(cls, x: SequenceOfNumbers) -> Self: ...
    def __new__(cls, x: Any = 0.0, y: Any = 0.0, z: Any = 0.0) -> Self:
        """Makes a vector of three numbers, or of another vector."""
        if isinstance(x, (int, float)):
            return tuple.__new__(cls, reals((x, y, z)))
        numbers = numbers_in(x)
        return tuple.__new__(cls, reals((x, y, z))) if numbers is None else cls.of(*numbers)

    def angle_to(self, to: Vector3) -> float:
        """Returns the angle between two vectors, in radians, from 0 to pi."""
        return float(atan2(self.cross(to).length(), self.dot(to)))

    def signed_angle_to(self, to: Vector3, axis: Vector3) -> float:
        """Returns the angle as `angle_to`; negative if the turn is clockwise, seen from where `axis` points to."""
        across = self.cross(to)
        angle = float(atan2(across.length(), self.dot(to)))
        return -angle if across.dot(axis) < 0 else angle

    def cross(self, with_: Vector3) -> Vector3:
        """Returns the cross product with another vector."""
        x, y, z = with_
        return Vector3(
            dot((self.y, self.z), (z, -y)),
            dot((self.z, self.x), (x, -z)),
            dot((self.x, self.y), (y, -x)),
        )

    def inverse(self) -> Vector3:
        """Returns (1 / x, 1 / y, 1 / z)."""
        return Vector3.ONE / self

    def rotated(self, axis: Vector3, angle: float) -> Vector3:
        """Returns this vector turned by `angle` radians around `axis`.

        Raises:
            ValueError: `axis` is not normalized.
        """
        rows = axis_angle_rows(axis, angle)
        return Vector3(dot(rows[0:3], self), dot(rows[3:6], self), dot(rows[6:9], self))

    def slerp(self, to: Vector3, weight: float) -> Vector3:
        """Turns and stretches from this vector (weight 0) to `to` (weight 1); as `lerp` if parallel or one is zero."""
        start, end, axis = self.length(), to.length(), self.cross(to)
        if not start or not end or not axis.length_squared():
            return self.lerp(to, weight)
        length = lerp(start, end, weight)
        turn = Real(self.angle_to(to)) * real(weight)
        return self.rotated(axis / axis.length(), turn) * (length / start)


class Vector4(RealsVector):
    """A vector of four floats. `Vector4(x, y, z, w)`, or from a `Vector4i`."""

    __slots__ = ()
    WIDTH = 4
    AXIS_Z: ClassVar[int] = 2
    AXIS_W: ClassVar[int] = 3

    z: Final[float] = field(2)
    w: Final[float] = field(3)

    @overload
    def __new__(cls, x: float = 0.0, y: float = 0.0, z: float = 0.0, w: float = 0.0) -> Self: ...
    @overload
    def __new__(cls, x: SequenceOfNumbers) -> Self: ...
    def __new__(cls, x: Any = 0.0, y: Any = 0.0, z: Any = 0.0, w: Any = 0.0) -> Self:
        """Makes a vector of four numbers, or of another vector."""
        if isinstance(x, (int, float)):
            return tuple.__new__(cls, reals((x, y, z, w)))
        numbers = numbers_in(x)
        return tuple.__new__(cls, reals((x, y, z, w))) if numbers is None else cls.of(*numbers)

    def inverse(self) -> Vector4:
        """Returns (1 / x, 1 / y, 1 / z, 1 / w)."""
        return Vector4.ONE / self


def axis_angle_rows(axis: Vector3, angle: float) -> tuple[float, ...]:
    """Returns the rotation by `angle` radians around `axis`, as nine numbers, row by row.

    Raises:
        ValueError: `axis` is not normalized.
    """
    x, y, z = map(Real, unit(axis))
    sine, cosine = sin(real(angle)), cos(real(angle))
    rest = 1.0 - cosine
    xy, xz, yz = x * y * rest, x * z * rest, y * z * rest
    along = [square + cosine * (1.0 - square) for square in (x * x, y * y, z * z)]
    return (
        *(along[0], xy - z * sine, xz + y * sine),
        *(xy + z * sine, along[1], yz - x * sine),
        *(xz - y * sine, yz + x * sine, along[2]),
    )


def _floor(number: float) -> float:
    return float(math.floor(number)) if math.isfinite(number) else number


def _snapped(number: float, step: float) -> float:
    return _floor(number / step + 0.5) * step if step else number


def _posmod(number: float, mod: float) -> float:
    remainder = math.fmod(number, mod) if mod and math.isfinite(number) else math.nan
    # Adding 0.0 makes 0.0 of -0.0, as the engine does.
    return (real(remainder + mod) if remainder * mod < 0 else remainder) + 0.0
