"""Rotations in space: `Quaternion` and `Basis`.

A `Basis` stores its numbers row by row, as the wire does. Its attributes `x`, `y` and `z` are the columns: the
directions to which the axes turn.

Names, arguments and results are the engine's; results of sines and similar functions can differ from the engine's in
the last bit. Where the engine reports a script error (an axis or a quaternion that is not normalized, a basis without
inverse), this raises `ValueError`.

Layer: `variant`. Source: the engine's class reference; measured on Godot 4.6 (tests/golden/variant_math_godot4.json).
"""

from __future__ import annotations

import math
from typing import Any, Final, Self, overload

from gdpeer.variant.math.flat import Matrix, Measured, SequenceOfNumbers, constant, field, part, unit
from gdpeer.variant.math.geometry import flat, with_vectors
from gdpeer.variant.math.numbers import (
    CMP_EPSILON,
    Real,
    acos,
    asin,
    atan2,
    cos,
    dot,
    is_equal_approx,
    is_one_approx,
    lerp,
    plain_text,
    real,
    sin,
    sqrt,
)
from gdpeer.variant.math.real_vectors import Vector3, axis_angle_rows

__all__ = ["Basis", "Quaternion"]

_QUARTER = math.pi / 2


class Quaternion(Measured):
    """A rotation. `Quaternion(x, y, z, w)`, `Quaternion(axis, angle)`, `Quaternion(arc_from, arc_to)`, or from a
    `Basis`.

    Raises:
        ValueError: an axis is not normalized, a basis is not a rotation, or an arc begins or ends at zero.
    """

    __slots__ = ()
    WIDTH = 4
    IDENTITY = constant(0, 0, 0, 1)

    x: Final[float] = field(0)
    y: Final[float] = field(1)
    z: Final[float] = field(2)
    w: Final[float] = field(3)

    @overload
    def __new__(cls, from_: SequenceOfNumbers = ..., /) -> Self: ...
    @overload
    def __new__(cls, axis: SequenceOfNumbers, angle: float, /) -> Self: ...
    @overload
    def __new__(cls, arc_from: SequenceOfNumbers, arc_to: SequenceOfNumbers, /) -> Self: ...
    @overload
    def __new__(cls, x: float, y: float, z: float, w: float, /) -> Self: ...
    def __new__(cls, *parts: Any) -> Self:
        """Makes a rotation of four numbers, an axis and an angle, an arc, or a basis."""
        match with_vectors(parts, Vector3):
            case ():
                return cls.of(0, 0, 0, 1)
            case (Basis() as basis,):
                return cls.of(*_quaternion_of(basis))
            case (Quaternion() as other,):
                return cls.of(*other)
            case (Vector3() as start, Vector3() as end):
                return cls.of(*cls.of(*_shortest_arc(start, end)).normalized())
            case (Vector3() as axis, angle):
                return cls.of(*_around(axis, angle))
        return cls.of(*flat(parts))

    @classmethod
    def from_euler(cls, euler: Vector3) -> Self:
        """Makes a rotation of angles around the axes, in radians, applied in the order z, x, y."""
        half_x, half_y, half_z = (real(angle * 0.5) for angle in euler)
        sin_x, sin_y, sin_z = sin(half_x), sin(half_y), sin(half_z)
        cos_x, cos_y, cos_z = cos(half_x), cos(half_y), cos(half_z)
        return cls.of(
            sin_y * cos_x * sin_z + cos_y * sin_x * cos_z,
            sin_y * cos_x * cos_z - cos_y * sin_x * sin_z,
            -sin_y * sin_x * cos_z + cos_y * cos_x * sin_z,
            sin_y * sin_x * sin_z + cos_y * cos_x * cos_z,
        )

    def __str__(self) -> str:
        return f"({', '.join(plain_text(number, whole='') for number in self)})"

    @overload  # type: ignore[override]
    def __mul__(self, other: Vector3) -> Vector3: ...
    @overload
    def __mul__(self, other: Quaternion | float) -> Quaternion: ...
    def __mul__(self, other: Any) -> Any:
        """Turns a vector; combines two rotations (`other` applies first); or multiplies all numbers by one number."""
        if isinstance(other, Quaternion):
            return self._after(other)
        if isinstance(other, Vector3):
            along = Vector3(self.x, self.y, self.z)
            across = along.cross(other)
            return other + (across * self.w + along.cross(across)) * 2.0
        return super().__mul__(other)

    @overload  # type: ignore[override]
    def __rmul__(self, other: Vector3) -> Vector3: ...
    @overload
    def __rmul__(self, other: float) -> Quaternion: ...
    def __rmul__(self, other: Any) -> Any:
        """Turns a vector back; or multiplies all numbers by one number."""
        return self.inverse() * other if isinstance(other, Vector3) else super().__rmul__(other)

    def __truediv__(self, other: float) -> Quaternion:  # type: ignore[override]
        # The engine multiplies by the rounded inverse, which can differ from a division in the last bit.
        return self * (1.0 / Real(other))

    def _after(self, other: Quaternion) -> Quaternion:
        x, y, z, w = other
        return Quaternion.of(
            dot((self.w, self.x, self.y, self.z), (x, w, z, -y)),
            dot((self.w, self.y, self.z, self.x), (y, w, x, -z)),
            dot((self.w, self.z, self.x, self.y), (z, w, y, -x)),
            dot((self.w, self.x, self.y, self.z), (w, -x, -y, -z)),
        )

    def normalized(self) -> Quaternion:
        """Returns the same rotation with length 1."""
        return self / self.length()

    def inverse(self) -> Quaternion:
        """Returns the opposite rotation.

        Raises:
            ValueError: the quaternion is not normalized.
        """
        x, y, z, w = unit(self)
        return Quaternion.of(-x, -y, -z, w)

    def angle_to(self, to: Quaternion) -> float:
        """Returns the angle, in radians, of the rotation from this to another."""
        product = dot(self, to)
        return float(acos(product * product * 2.0 - 1.0))

    def get_angle(self) -> float:
        """Returns the angle, in radians, around `get_axis`."""
        return float(acos(self.w) * 2.0)

    def get_axis(self) -> Vector3:
        """Returns the axis of the rotation."""
        if abs(self.w) > 1.0 - CMP_EPSILON:
            return Vector3(self.x, self.y, self.z)
        scale = 1.0 / sqrt(1.0 - Real(self.w) * self.w)
        return Vector3(self.x * scale, self.y * scale, self.z * scale)

    def get_euler(self) -> Vector3:
        """Returns the angles around the axes, in radians, that `from_euler` takes.

        Raises:
            ValueError: the quaternion is not normalized.
        """
        return Basis(unit(self)).get_euler()

    def slerp(self, to: Quaternion, weight: float) -> Quaternion:
        """Returns the rotation between this (weight 0) and `to` (weight 1), along the shorter arc.

        Raises:
            ValueError: a quaternion is not normalized.
        """
        cosine, end, share = dot(unit(self), unit(to)), to, Real(weight)
        # q and -q are the same rotation: take the nearer of the two.
        if cosine < 0:
            cosine, end = -cosine, -to
        if 1.0 - cosine <= CMP_EPSILON:
            return self * (1.0 - share) + end * share
        angle = acos(cosine)
        sine = sin(angle)
        # In the engine too, one of the two sines has 64 bits.
        rest = math.sin((1.0 - float(share)) * float(angle)) / float(sine)
        return self * rest + end * (sin(share * angle) / sine)

    def slerpni(self, to: Quaternion, weight: float) -> Quaternion:
        """Returns the rotation as `slerp`, but not along the shorter arc if `to` is on the other side.

        Raises:
            ValueError: a quaternion is not normalized.
        """
        cosine, share = dot(unit(self), unit(to)), Real(weight)
        if abs(cosine) > 0.9999:
            return self
        angle = acos(cosine)
        scale = 1.0 / sin(angle)
        return self * (sin((1.0 - share) * angle) * scale) + to * (sin(share * angle) * scale)

    def log(self) -> Quaternion:
        """Returns the logarithm: axis times angle, with w 0."""
        return Quaternion.of(*(self.get_axis() * self.get_angle()), 0.0)

    def exp(self) -> Quaternion:
        """Returns the rotation around (x, y, z) by the length of that vector: the inverse of `log`."""
        way = Vector3(self.x, self.y, self.z)
        angle, axis = way.length(), way.normalized()
        if angle < CMP_EPSILON or not axis.is_normalized():
            return Quaternion()
        return Quaternion(axis, angle)


class Basis(Matrix):
    """A rotation with scale and shear: a 3 by 3 matrix.

    `Basis(x_axis, y_axis, z_axis)` (the columns), `Basis(axis, angle)`, or from a `Quaternion`. `Basis.of` takes the
    nine numbers row by row. `basis * vector` transforms, `vector * basis` multiplies by the transposed matrix.

    Attributes:
        x, y, z: the axes, which are the columns.

    Raises:
        ValueError: an axis is not normalized.
    """

    __slots__ = ()
    WIDTH = 9
    IDENTITY = constant(1, 0, 0, 0, 1, 0, 0, 0, 1)
    FLIP_X = constant(-1, 0, 0, 0, 1, 0, 0, 0, 1)
    FLIP_Y = constant(1, 0, 0, 0, -1, 0, 0, 0, 1)
    FLIP_Z = constant(1, 0, 0, 0, 1, 0, 0, 0, -1)

    x: Final[Vector3] = part(Vector3, 0, 3)
    y: Final[Vector3] = part(Vector3, 1, 3)
    z: Final[Vector3] = part(Vector3, 2, 3)

    @overload
    def __new__(cls, from_: Basis | Quaternion = ..., /) -> Self: ...
    @overload
    def __new__(cls, axis: SequenceOfNumbers, angle: float, /) -> Self: ...
    @overload
    def __new__(cls, x_axis: SequenceOfNumbers, y_axis: SequenceOfNumbers, z_axis: SequenceOfNumbers, /) -> Self: ...
    def __new__(cls, *parts: Any) -> Self:
        """Makes a matrix of three columns, an axis and an angle, a quaternion, or another basis."""
        match with_vectors(parts, Vector3):
            case ():
                return cls.of(1, 0, 0, 0, 1, 0, 0, 0, 1)
            case (Basis() as other,):
                return cls.of(*other)
            case (Quaternion() as rotation,):
                return cls.of(*_rows_of(rotation))
            case (Vector3() as axis, angle):
                return cls.of(*axis_angle_rows(axis, angle))
            case (Vector3() as x, Vector3() as y, Vector3() as z):
                return cls.of(*(number for row in zip(x, y, z, strict=True) for number in row))
        raise TypeError("Basis() takes a Basis, a Quaternion, an axis and an angle, or three axes")

    @classmethod
    def from_euler(cls, euler: Vector3) -> Self:
        """Makes a rotation of angles around the axes, in radians, applied in the order z, x, y."""
        (sin_x, cos_x), (sin_y, cos_y), (sin_z, cos_z) = ((sin(angle), cos(angle)) for angle in euler)
        around_x = Basis.of(1, 0, 0, 0, cos_x, -sin_x, 0, sin_x, cos_x)
        around_y = Basis.of(cos_y, 0, sin_y, 0, 1, 0, -sin_y, 0, cos_y)
        around_z = Basis.of(cos_z, -sin_z, 0, sin_z, cos_z, 0, 0, 0, 1)
        return cls.of(*(around_y * around_x * around_z))

    @classmethod
    def from_scale(cls, scale: Vector3) -> Self:
        """Makes a scale along the axes."""
        return cls.of(scale.x, 0, 0, 0, scale.y, 0, 0, 0, scale.z)

    @classmethod
    def looking_at(cls, target: Vector3, up: Vector3 = Vector3.UP, use_model_front: bool = False) -> Basis:
        """Makes the rotation whose -z (with `use_model_front`: +z) points to `target`, and whose y is near `up`.

        Raises:
            ValueError: `target` or `up` is zero, or they are parallel.
        """
        z = target.normalized() if use_model_front else -target.normalized()
        x = up.cross(z)
        if x.is_zero_approx():
            raise ValueError("looking_at needs a target and an up vector that are neither zero nor parallel")
        x = x.normalized()
        return Basis(x, z.cross(x), z)

    def __str__(self) -> str:
        return f"[X: {self.x}, Y: {self.y}, Z: {self.z}]"

    @overload  # type: ignore[override]
    def __mul__(self, other: Vector3) -> Vector3: ...
    @overload
    def __mul__(self, other: Basis | float) -> Basis: ...
    def __mul__(self, other: Any) -> Any:
        """Transforms a vector; combines two bases (`other` applies first); or multiplies all numbers by one number."""
        if isinstance(other, Vector3):
            return Vector3(*(dot(row, other) for row in self._rows()))
        if isinstance(other, Basis):
            columns = other.x, other.y, other.z
            return Basis.of(*(dot(row, column) for row in self._rows() for column in columns))
        return self._times(other)

    @overload  # type: ignore[override]
    def __rmul__(self, other: Vector3) -> Vector3: ...
    @overload
    def __rmul__(self, other: float) -> Basis: ...
    def __rmul__(self, other: Any) -> Any:
        """Multiplies a vector by the transposed matrix (for rotations: the inverse); or all numbers by one number."""
        if isinstance(other, Vector3):
            return Vector3(dot(self.x, other), dot(self.y, other), dot(self.z, other))
        return self._times(other)

    def transposed(self) -> Basis:
        """Returns the matrix with rows and columns exchanged."""
        return Basis.of(*self.x, *self.y, *self.z)

    def determinant(self) -> float:
        """Returns the determinant: the factor by which a volume grows; negative if space is mirrored."""
        a, b, c, d, e, f, g, h, i = map(Real, self)
        return float(a * (e * i - h * f) - d * (b * i - h * c) + g * (b * f - e * c))

    def inverse(self) -> Basis:
        """Returns the inverse matrix.

        Raises:
            ValueError: the determinant is zero.
        """
        a, b, c, d, e, f, g, h, i = map(Real, self)
        first = e * i - f * h, f * g - d * i, d * h - e * g
        determinant = dot((a, b, c), first)
        if not determinant:
            raise ValueError("a basis with determinant zero has no inverse")
        rows = (
            *(first[0], c * h - b * i, b * f - c * e),
            *(first[1], a * i - c * g, c * d - a * f),
            *(first[2], b * g - a * h, a * e - b * d),
        )
        scale = 1.0 / determinant
        return Basis.of(*(number * scale for number in rows))

    def scaled(self, scale: Vector3) -> Basis:
        """Returns the basis scaled after this transformation, along the axes of the parent."""
        return Basis.of(*(number * factor for row, factor in zip(self._rows(), scale, strict=True) for number in row))

    def scaled_local(self, scale: Vector3) -> Basis:
        """Returns the basis scaled before this transformation, along its own axes."""
        return self * Basis.from_scale(scale)

    def rotated(self, axis: Vector3, angle: float) -> Basis:
        """Returns the basis turned after this transformation, around an axis of the parent, by `angle` radians.

        Raises:
            ValueError: `axis` is not normalized.
        """
        return Basis(axis, angle) * self

    def orthonormalized(self) -> Basis:
        """Returns a basis of the same directions, with columns of length 1 at right angles."""
        x = self.x.normalized()
        y = (self.y - x * x.dot(self.y)).normalized()
        z = (self.z - x * x.dot(self.z) - y * y.dot(self.z)).normalized()
        return Basis(x, y, z)

    def is_conformal(self) -> bool:
        """Tells whether all columns have the same length and right angles, so that shapes are kept."""
        x, y, z = self.x, self.y, self.z
        size = x.length_squared()
        same = is_equal_approx(size, y.length_squared()) and is_equal_approx(size, z.length_squared())
        return same and not any(abs(dot(*pair)) >= CMP_EPSILON for pair in ((x, y), (x, z), (y, z)))

    def get_scale(self) -> Vector3:
        """Returns the lengths of the columns; all negative if space is mirrored."""
        determinant = self.determinant()
        sign = (determinant > 0) - (determinant < 0)
        return Vector3(self.x.length(), self.y.length(), self.z.length()) * sign

    def get_rotation_quaternion(self) -> Quaternion:
        """Returns the rotation without scale and shear."""
        rotation = self.orthonormalized()
        return Quaternion(rotation * -1.0 if rotation.determinant() < 0 else rotation)

    def get_euler(self) -> Vector3:
        """Returns the angles around the axes, in radians, that `from_euler` takes; for a basis that is a rotation."""
        m00, m01, m02, m10, m11, m12, m20, _, m22 = self
        # At the poles only the sum or difference of two angles is known: the engine puts all of it into y.
        if m12 >= 1.0 - CMP_EPSILON:
            return Vector3(-_QUARTER, -atan2(m01, m00), 0.0)
        if m12 <= -(1.0 - CMP_EPSILON):
            return Vector3(_QUARTER, atan2(m01, m00), 0.0)
        if m10 == m01 == m02 == m20 == 0 and m00 == 1:
            return Vector3(atan2(-m12, m11), 0.0, 0.0)
        return Vector3(asin(-m12), atan2(m02, m22), atan2(m10, m11))

    def slerp(self, to: Basis, weight: float) -> Basis:
        """Returns the basis between this (weight 0) and `to` (weight 1); rotations turn and scales change evenly.

        Raises:
            ValueError: a basis is not a rotation.
        """
        rows = Basis(Quaternion(self).slerp(Quaternion(to), weight))._rows()
        pairs = zip(self._rows(), to._rows(), strict=True)
        lengths = [lerp(sqrt(dot(own, own)), sqrt(dot(its, its)), weight) for own, its in pairs]
        return Basis.of(*(number * length for row, length in zip(rows, lengths, strict=True) for number in row))

    def tdotx(self, with_: Vector3) -> float:
        """Returns the dot product of a vector with the x axis."""
        return self.x.dot(with_)

    def tdoty(self, with_: Vector3) -> float:
        """Returns the dot product of a vector with the y axis."""
        return self.y.dot(with_)

    def tdotz(self, with_: Vector3) -> float:
        """Returns the dot product of a vector with the z axis."""
        return self.z.dot(with_)

    def _rows(self) -> tuple[tuple[float, ...], ...]:
        return self[0:3], self[3:6], self[6:9]

    def _is_rotation(self) -> bool:
        return is_one_approx(self.determinant()) and (self * self.transposed()).is_equal_approx(Basis())


def _around(axis: Vector3, angle: float) -> tuple[float, ...]:
    half = real(real(angle) * 0.5)
    return *(unit(axis) * (sin(half) / axis.length())), cos(half)


def _shortest_arc(start: Vector3, end: Vector3) -> tuple[float, ...]:
    first, second = start.normalized(), end.normalized()
    if not first.length_squared() or not second.length_squared():
        raise ValueError("no arc leads from or to a vector of length zero")
    cosine = dot(first, second)
    # Opposite directions have no shortest arc: turn around any axis at a right angle.
    if cosine < -1.0 + CMP_EPSILON:
        return *_perpendicular(first), 0.0
    size = sqrt((1.0 + cosine) * 2.0)
    return *(first.cross(second) * (1.0 / size)), size * 0.5


def _perpendicular(vector: Vector3) -> Vector3:
    away = Vector3.RIGHT if abs(vector.x) <= abs(vector.y) and abs(vector.x) <= abs(vector.z) else Vector3.UP
    return vector.cross(away).normalized()


def _rows_of(rotation: Quaternion) -> tuple[float, ...]:
    x, y, z, w = map(Real, rotation)
    scale = 2.0 / dot(rotation, rotation)
    xs, ys, zs = x * scale, y * scale, z * scale
    wx, wy, wz, xx, xy, xz = w * xs, w * ys, w * zs, x * xs, x * ys, x * zs
    yy, yz, zz = y * ys, y * zs, z * zs
    return (
        *(1.0 - (yy + zz), xy - wz, xz + wy),
        *(xy + wz, 1.0 - (xx + zz), yz - wx),
        *(xz - wy, yz + wx, 1.0 - (xx + yy)),
    )


def _quaternion_of(basis: Basis) -> tuple[float, ...]:
    if not basis._is_rotation():
        raise ValueError("only a basis that is a rotation can become a quaternion; see get_rotation_quaternion")
    m = [[Real(number) for number in row] for row in basis._rows()]
    # Divide by the largest of the four numbers: the others can be so small that they lose their digits.
    trace = m[0][0] + m[1][1] + m[2][2]
    if trace > 0:
        size = sqrt(trace + 1.0)
        scale = 0.5 / size
        return (m[2][1] - m[1][2]) * scale, (m[0][2] - m[2][0]) * scale, (m[1][0] - m[0][1]) * scale, size * 0.5
    i = max(range(3), key=lambda axis: (m[axis][axis], axis))
    j, k = (i + 1) % 3, (i + 2) % 3
    size = sqrt(m[i][i] - m[j][j] - m[k][k] + 1.0)
    scale = 0.5 / size
    numbers = {i: size * 0.5, j: (m[j][i] + m[i][j]) * scale, k: (m[k][i] + m[i][k]) * scale}
    return numbers[0], numbers[1], numbers[2], (m[k][j] - m[j][k]) * scale
