"""Transformations in the plane and in space: `Transform2D`, `Transform3D`; with `Basis`, `Quaternion` and `Projection`.

    place = Transform2D(0.5, Vector2(10, 20))
    place * Vector2(1, 0)               # from local coordinates to those of the parent
    Vector2(1, 0) * place               # and back, if the transform has no scale

Names, arguments and results are the engine's; results of sines and similar functions can differ from the engine's in
the last bit. A transform without inverse raises `ValueError`.

Layer: `variant`. Source: the engine's class reference; measured on Godot 4.6 (tests/golden/variant_math_godot4.json).
"""

from __future__ import annotations

import math
from typing import Any, Final, Self, overload

from gdpeer.variant.math.flat import Matrix, SequenceOfNumbers, constant, part
from gdpeer.variant.math.geometry import AABB, Plane, Rect2, flat, with_vectors
from gdpeer.variant.math.numbers import Real, acos, cos, dot, real, sin
from gdpeer.variant.math.projection import Projection
from gdpeer.variant.math.real_vectors import Vector2, Vector3
from gdpeer.variant.math.rotations import Basis, Quaternion

__all__ = ["Basis", "Projection", "Quaternion", "Transform2D", "Transform3D"]


class Transform2D(Matrix):
    """A transformation in the plane: two axes and an origin.

    `Transform2D(rotation, position)`, `Transform2D(rotation, scale, skew, position)`,
    `Transform2D(x_axis, y_axis, origin)`.

    Attributes:
        x, y: the axes.
        origin: the position.
    """

    __slots__ = ()
    WIDTH = 6
    IDENTITY = constant(1, 0, 0, 1, 0, 0)
    FLIP_X = constant(-1, 0, 0, 1, 0, 0)
    FLIP_Y = constant(1, 0, 0, -1, 0, 0)

    x: Final[Vector2] = part(Vector2, 0)
    y: Final[Vector2] = part(Vector2, 2)
    origin: Final[Vector2] = part(Vector2, 4)

    @overload
    def __new__(cls, from_: Transform2D = ..., /) -> Self: ...
    @overload
    def __new__(cls, rotation: float, position: SequenceOfNumbers, /) -> Self: ...
    @overload
    def __new__(
        cls, rotation: float, scale: SequenceOfNumbers, skew: float, position: SequenceOfNumbers, /
    ) -> Self: ...
    @overload
    def __new__(cls, x_axis: SequenceOfNumbers, y_axis: SequenceOfNumbers, origin: SequenceOfNumbers, /) -> Self: ...
    def __new__(cls, *parts: Any) -> Self:
        """Makes a transform of rotation and position, of rotation, scale, skew and position, or of axes and origin."""
        match with_vectors(parts, Vector2):
            case ():
                return cls.of(1, 0, 0, 1, 0, 0)
            case (int() | float() as rotation, Vector2() as position):
                sine, cosine = sin(real(rotation)), cos(real(rotation))
                return cls.of(cosine, sine, -sine, cosine, *position)
            case (int() | float() as rotation, Vector2() as scale, int() | float() as skew, Vector2() as position):
                return cls.of(*_turned_and_scaled(rotation, scale, skew), *position)
        return cls.of(*flat(parts))

    def __str__(self) -> str:
        return f"[X: {self.x}, Y: {self.y}, O: {self.origin}]"

    @overload  # type: ignore[override]
    def __mul__(self, other: Vector2) -> Vector2: ...
    @overload
    def __mul__(self, other: Rect2) -> Rect2: ...
    @overload
    def __mul__(self, other: Transform2D | float) -> Transform2D: ...
    def __mul__(self, other: Any) -> Any:
        """Transforms a point or a rectangle; combines two transforms (`other` first); or multiplies by a number."""
        if isinstance(other, Vector2):
            return self.basis_xform(other) + self.origin
        if isinstance(other, Transform2D):
            return Transform2D(self.basis_xform(other.x), self.basis_xform(other.y), self * other.origin)
        if isinstance(other, Rect2):
            corner, x, y = self * other.position, self.x * other.size.x, self.y * other.size.y
            return Rect2._around((corner, corner + x, corner + y, corner + x + y))
        return self._times(other)

    @overload  # type: ignore[override]
    def __rmul__(self, other: Vector2) -> Vector2: ...
    @overload
    def __rmul__(self, other: Rect2) -> Rect2: ...
    @overload
    def __rmul__(self, other: float) -> Transform2D: ...
    def __rmul__(self, other: Any) -> Any:
        """Transforms a point or a rectangle back, if there is neither scale nor shear; or multiplies by a number."""
        if isinstance(other, Vector2):
            return self.basis_xform_inv(other - self.origin)
        if isinstance(other, Rect2):
            (x, y), (end_x, end_y) = other.position, other.end
            corners = (x, y), (x, end_y), (end_x, end_y), (end_x, y)
            return Rect2._around(Vector2(*corner) * self for corner in corners)
        return self._times(other)

    def basis_xform(self, v: Vector2) -> Vector2:
        """Transforms a direction: without the origin."""
        a, b, c, d = self[:4]
        return Vector2(dot((a, c), v), dot((b, d), v))

    def basis_xform_inv(self, v: Vector2) -> Vector2:
        """Transforms a direction back, if there is neither scale nor shear."""
        return Vector2(dot(self.x, v), dot(self.y, v))

    def determinant(self) -> float:
        """Returns the factor by which an area grows; negative if the plane is mirrored."""
        return self.x.cross(self.y)

    def inverse(self) -> Transform2D:
        """Returns the inverse, if there is neither scale nor shear; else use `affine_inverse`."""
        back = Transform2D.of(self[0], self[2], self[1], self[3], 0, 0)
        return Transform2D(back.x, back.y, back.basis_xform(-self.origin))

    def affine_inverse(self) -> Transform2D:
        """Returns the inverse.

        Raises:
            ValueError: the determinant is zero.
        """
        determinant = self.determinant()
        if not determinant:
            raise ValueError("a transform with determinant zero has no inverse")
        scale = 1.0 / Real(determinant)
        a, b, c, d = self[:4]
        back = Transform2D.of(d * scale, b * -scale, c * -scale, a * scale, 0, 0)
        return Transform2D(back.x, back.y, back.basis_xform(-self.origin))

    def get_origin(self) -> Vector2:
        """Returns the origin, as the engine's method does."""
        return self.origin

    def get_rotation(self) -> float:
        """Returns the angle of the x axis, in radians."""
        return self.x.angle()

    def get_scale(self) -> Vector2:
        """Returns the lengths of the axes; y is negative if the plane is mirrored."""
        return Vector2(self.x.length(), _sign(self.determinant()) * self.y.length())

    def get_skew(self) -> float:
        """Returns how far the angle between the axes is from a right angle, in radians."""
        y = self.y.normalized() * _sign(self.determinant())
        return float(acos(self.x.normalized().dot(y)) - real(math.pi / 2))

    def translated(self, offset: Vector2) -> Transform2D:
        """Returns the transform moved along the axes of the parent."""
        return Transform2D(self.x, self.y, self.origin + offset)

    def translated_local(self, offset: Vector2) -> Transform2D:
        """Returns the transform moved along its own axes."""
        return Transform2D(self.x, self.y, self.origin + self.basis_xform(offset))

    def rotated(self, angle: float) -> Transform2D:
        """Returns the transform turned around the origin of the parent, by `angle` radians."""
        return Transform2D(angle, Vector2()) * self

    def rotated_local(self, angle: float) -> Transform2D:
        """Returns the transform turned around its own origin, by `angle` radians."""
        return self * Transform2D(angle, Vector2())

    def scaled(self, scale: Vector2) -> Transform2D:
        """Returns the transform scaled along the axes of the parent, the origin included."""
        return Transform2D(self.x * scale, self.y * scale, self.origin * scale)

    def scaled_local(self, scale: Vector2) -> Transform2D:
        """Returns the transform scaled along its own axes."""
        return Transform2D(self.x * scale.x, self.y * scale.y, self.origin)

    def orthonormalized(self) -> Transform2D:
        """Returns a transform of the same directions, with axes of length 1 at right angles."""
        x = self.x.normalized()
        return Transform2D(x, (self.y - x * x.dot(self.y)).normalized(), self.origin)

    def looking_at(self, target: Vector2 = Vector2.ZERO) -> Transform2D:
        """Returns the transform turned so that its x axis points to `target`, without scale.

        Raises:
            ValueError: the determinant is zero.
        """
        ahead = (self.affine_inverse() * target) * self.get_scale()
        turned = Real(Transform2D(self.get_rotation(), self.origin).get_rotation()) + ahead.angle()
        return Transform2D(turned, self.origin)

    def interpolate_with(self, xform: Transform2D, weight: float) -> Transform2D:
        """Returns the transform between this (weight 0) and `xform` (weight 1) by rotation, scale, skew and origin."""
        return Transform2D(
            _lerp_angle(self.get_rotation(), xform.get_rotation(), weight),
            self.get_scale().lerp(xform.get_scale(), weight),
            _lerp_angle(self.get_skew(), xform.get_skew(), weight),
            self.origin.lerp(xform.origin, weight),
        )


class Transform3D(Matrix):
    """A transformation in space: a basis and an origin.

    `Transform3D(basis, origin)`, `Transform3D(x_axis, y_axis, z_axis, origin)`, or from a `Projection`.

    Attributes:
        basis: the rotation, scale and shear.
        origin: the position.
    """

    __slots__ = ()
    WIDTH = 12
    IDENTITY = constant(1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0)
    FLIP_X = constant(-1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0)
    FLIP_Y = constant(1, 0, 0, 0, -1, 0, 0, 0, 1, 0, 0, 0)
    FLIP_Z = constant(1, 0, 0, 0, 1, 0, 0, 0, -1, 0, 0, 0)

    basis: Final[Basis] = part(Basis, 0)
    origin: Final[Vector3] = part(Vector3, 9)

    @overload
    def __new__(cls, from_: Transform3D | Projection = ..., /) -> Self: ...
    @overload
    def __new__(cls, basis: Basis, origin: SequenceOfNumbers, /) -> Self: ...
    @overload
    def __new__(
        cls,
        x_axis: SequenceOfNumbers,
        y_axis: SequenceOfNumbers,
        z_axis: SequenceOfNumbers,
        origin: SequenceOfNumbers,
        /,
    ) -> Self: ...
    def __new__(cls, *parts: Any) -> Self:
        """Makes a transform of basis and origin, of axes and origin, or of a projection."""
        match with_vectors(parts, Vector3):
            case ():
                return cls.of(*Basis(), 0, 0, 0)
            case (Projection() as projection,):
                columns = [Vector3(*column[:3]) for column in projection.columns()]
                return cls.of(*Basis(*columns[:3]), *columns[3])
            case (Vector3() as x, Vector3() as y, Vector3() as z, Vector3() as origin):
                return cls.of(*Basis(x, y, z), *origin)
        return cls.of(*flat(parts))

    def __str__(self) -> str:
        basis = self.basis
        return f"[X: {basis.x}, Y: {basis.y}, Z: {basis.z}, O: {self.origin}]"

    @overload  # type: ignore[override]
    def __mul__(self, other: Vector3) -> Vector3: ...
    @overload
    def __mul__(self, other: AABB) -> AABB: ...
    @overload
    def __mul__(self, other: Plane) -> Plane: ...
    @overload
    def __mul__(self, other: Transform3D | float) -> Transform3D: ...
    def __mul__(self, other: Any) -> Any:
        """Transforms a point, a box or a plane; combines two transforms (`other` first); or multiplies by a number."""
        if isinstance(other, Vector3):
            return self.basis * other + self.origin
        if isinstance(other, Transform3D):
            return Transform3D(self.basis * other.basis, self * other.origin)
        if isinstance(other, AABB):
            return self._around(other)
        if isinstance(other, Plane):
            normal = (self.basis.inverse().transposed() * other.normal).normalized()
            return Plane(normal, self * other.get_center())
        return self._times(other)

    @overload  # type: ignore[override]
    def __rmul__(self, other: Vector3) -> Vector3: ...
    @overload
    def __rmul__(self, other: AABB) -> AABB: ...
    @overload
    def __rmul__(self, other: float) -> Transform3D: ...
    def __rmul__(self, other: Any) -> Any:
        """Transforms a point or a box back, if there is neither scale nor shear; or multiplies by a number."""
        if isinstance(other, Vector3):
            return (other - self.origin) * self.basis
        if isinstance(other, AABB):
            return AABB._around(other.get_endpoint(7 - index) * self for index in range(8))
        return self._times(other)

    def _around(self, box: AABB) -> AABB:
        """Returns the box around a transformed box: each product adds to the nearer or to the further end."""
        begin, end = box.position, box.end
        low, high = [], []
        for index, start in enumerate(self.origin):
            least = most = Real(start)
            for factor, near, far in zip(self[3 * index : 3 * index + 3], begin, end, strict=True):
                ends = sorted((Real(factor) * near, Real(factor) * far))
                least, most = least + ends[0], most + ends[1]
            low.append(least)
            high.append(most)
        position = Vector3(*low)
        return AABB(position, Vector3(*high) - position)

    def inverse(self) -> Transform3D:
        """Returns the inverse, if there is neither scale nor shear; else use `affine_inverse`."""
        basis = self.basis.transposed()
        return Transform3D(basis, basis * -self.origin)

    def affine_inverse(self) -> Transform3D:
        """Returns the inverse.

        Raises:
            ValueError: the determinant is zero.
        """
        basis = self.basis.inverse()
        return Transform3D(basis, basis * -self.origin)

    def translated(self, offset: Vector3) -> Transform3D:
        """Returns the transform moved along the axes of the parent."""
        return Transform3D(self.basis, self.origin + offset)

    def translated_local(self, offset: Vector3) -> Transform3D:
        """Returns the transform moved along its own axes."""
        return Transform3D(self.basis, self.origin + self.basis * offset)

    def rotated(self, axis: Vector3, angle: float) -> Transform3D:
        """Returns the transform turned around an axis through the origin of the parent, by `angle` radians.

        Raises:
            ValueError: `axis` is not normalized.
        """
        turn = Basis(axis, angle)
        return Transform3D(turn * self.basis, turn * self.origin)

    def rotated_local(self, axis: Vector3, angle: float) -> Transform3D:
        """Returns the transform turned around its own origin, by `angle` radians.

        Raises:
            ValueError: `axis` is not normalized.
        """
        return Transform3D(self.basis * Basis(axis, angle), self.origin)

    def scaled(self, scale: Vector3) -> Transform3D:
        """Returns the transform scaled along the axes of the parent, the origin included."""
        return Transform3D(self.basis.scaled(scale), self.origin * scale)

    def scaled_local(self, scale: Vector3) -> Transform3D:
        """Returns the transform scaled along its own axes."""
        return Transform3D(self.basis.scaled_local(scale), self.origin)

    def orthonormalized(self) -> Transform3D:
        """Returns a transform of the same directions, with axes of length 1 at right angles."""
        return Transform3D(self.basis.orthonormalized(), self.origin)

    def looking_at(self, target: Vector3, up: Vector3 = Vector3.UP, use_model_front: bool = False) -> Transform3D:
        """Returns the transform at the same origin whose -z (with `use_model_front`: +z) points to `target`, and y is
        near `up`.

        Raises:
            ValueError: `target` is the origin, `up` is zero, or they are parallel.
        """
        return Transform3D(Basis.looking_at(target - self.origin, up, use_model_front), self.origin)

    def interpolate_with(self, xform: Transform3D, weight: float) -> Transform3D:
        """Returns the transform between this (weight 0) and `xform` (weight 1) by rotation, scale and origin."""
        start, end = self.basis.get_rotation_quaternion(), xform.basis.get_rotation_quaternion()
        scale = self.basis.get_scale().lerp(xform.basis.get_scale(), weight)
        turn = Basis(start.slerp(end, weight).normalized())
        return Transform3D(turn * Basis.from_scale(scale), self.origin.lerp(xform.origin, weight))


def _sign(number: float) -> int:
    return (number > 0) - (number < 0)


def _turned_and_scaled(rotation: float, scale: Vector2, skew: float) -> tuple[float, ...]:
    turn, lean = Real(rotation), Real(rotation) + real(skew)
    return cos(turn) * scale.x, sin(turn) * scale.x, -sin(lean) * scale.y, cos(lean) * scale.y


def _lerp_angle(start: float, end: float, weight: float) -> float:
    """Returns the angle between `start` (weight 0) and `end` (weight 1), along the shorter arc."""
    turn = real(math.tau)
    difference = Real(math.fmod(end - start, turn))
    distance = Real(math.fmod(2.0 * difference, turn)) - difference
    return Real(start) + distance * real(weight)
