"""`Projection`: a 4 by 4 matrix, as cameras use it.

Names, arguments and results are the engine's. Products equal the engine's to the last bit; inverses and perspectives
can differ in the last bits.

Layer: `variant`. Source: the engine's class reference; measured on Godot 4.6 (tests/golden/variant_math_godot4.json).
"""

from __future__ import annotations

import math
from itertools import permutations
from typing import TYPE_CHECKING, Any, Final, Self, overload

from gdpeer.variant.math.flat import FlatReals, constant, part
from gdpeer.variant.math.geometry import flat
from gdpeer.variant.math.numbers import Real, cos, dot, real, sin
from gdpeer.variant.math.real_vectors import Vector3, Vector4

if TYPE_CHECKING:
    from gdpeer.variant.math.transforms import Transform3D

__all__ = ["Projection"]


class Projection(FlatReals):
    """A 4 by 4 matrix. `Projection(x_axis, y_axis, z_axis, w_axis)` (the columns), or from a `Transform3D`.

    Attributes:
        x, y, z, w: the columns.
    """

    __slots__ = ()
    WIDTH = 16
    IDENTITY = constant(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1)
    ZERO = constant(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)

    x: Final[Vector4] = part(Vector4, 0)
    y: Final[Vector4] = part(Vector4, 4)
    z: Final[Vector4] = part(Vector4, 8)
    w: Final[Vector4] = part(Vector4, 12)

    @overload
    def __new__(cls, from_: Projection | Transform3D = ..., /) -> Self: ...
    @overload
    def __new__(cls, x_axis: Vector4, y_axis: Vector4, z_axis: Vector4, w_axis: Vector4, /) -> Self: ...
    def __new__(cls, *parts: Any) -> Self:
        """Makes a matrix of four columns, or of a `Transform3D`."""
        numbers = tuple(flat(parts)) or cls.IDENTITY
        if len(numbers) == 12:  # a Transform3D: rows of a basis, and the origin
            numbers = *numbers[0:9:3], 0, *numbers[1:9:3], 0, *numbers[2:9:3], 0, *numbers[9:], 1
        return cls.of(*numbers)

    @classmethod
    def create_perspective(
        cls, fovy: float, aspect: float, z_near: float, z_far: float, flip_fov: bool = False
    ) -> Self:
        """Returns the projection of a camera with perspective.

        Args:
            fovy: the angle from the lower to the upper border, in degrees.
            aspect: width divided by height.
            z_near: the distance of the nearest visible point.
            z_far: the distance of the furthest visible point.
            flip_fov: `fovy` is the angle from left to right instead.

        Raises:
            ValueError: near equals far, or the view has no width or height.
        """
        if flip_fov:
            fovy = cls.get_fovy(fovy, 1.0 / aspect)
        half = real(math.radians(real(fovy) / 2.0))
        near, far, sine = Real(z_near), Real(z_far), sin(half)
        depth = far - near
        if not (depth and sine and aspect):
            raise ValueError("a perspective needs a depth, an angle and an aspect")
        slope = cos(half) / sine
        numbers = slope / aspect, slope, -(far + near) / depth, -2.0 * near * far / depth
        return cls.of(numbers[0], 0, 0, 0, 0, numbers[1], 0, 0, 0, 0, numbers[2], -1, 0, 0, numbers[3], 0)

    @classmethod
    def create_orthogonal(
        cls, left: float, right: float, bottom: float, top: float, z_near: float, z_far: float
    ) -> Self:
        """Returns the projection of a camera without perspective: things keep their size at any distance."""
        x, y, z = (Real(left), Real(right)), (Real(bottom), Real(top)), (Real(z_near), Real(z_far))
        scale = [2.0 / (end - begin) for begin, end in (x, y, z)]
        offset = [-((end + begin) / (end - begin)) for begin, end in (x, y, z)]
        return cls.of(scale[0], 0, 0, 0, 0, scale[1], 0, 0, 0, 0, -scale[2], 0, *offset, 1)

    @classmethod
    def create_frustum(cls, left: float, right: float, bottom: float, top: float, z_near: float, z_far: float) -> Self:
        """Returns a perspective by the borders of the view at the distance `z_near`.

        Raises:
            ValueError: a border is not beyond its opposite border.
        """
        if right <= left or top <= bottom or z_far <= z_near:
            raise ValueError("a frustum needs right > left, top > bottom and far > near")
        x, y, z = (Real(left), Real(right)), (Real(bottom), Real(top)), (Real(z_near), Real(z_far))
        (width, height, depth) = (end - begin for begin, end in (x, y, z))
        near = 2.0 * z[0]
        shift = (x[1] + x[0]) / width, (y[1] + y[0]) / height, -(z[1] + z[0]) / depth
        last = -2.0 * z[1] * z[0] / depth
        return cls.of(near / width, 0, 0, 0, 0, near / height, 0, 0, *shift, -1, 0, 0, last, 0)

    @staticmethod
    def get_fovy(fovx: float, aspect: float) -> float:
        """Converts the angle from left to right to the angle from the lower to the upper border, in degrees."""
        half = math.radians(fovx) * 0.5
        slope = math.tan(half) if math.isfinite(half) else math.nan
        return real(math.degrees(math.atan(aspect * slope) * 2.0))

    def __str__(self) -> str:
        return f"[X: {self.x}, Y: {self.y}, Z: {self.z}, W: {self.w}]"

    @overload  # type: ignore[override]
    def __mul__(self, other: Projection) -> Projection: ...
    @overload
    def __mul__(self, other: Vector4) -> Vector4: ...
    @overload
    def __mul__(self, other: Vector3) -> Vector3: ...
    def __mul__(self, other: Any) -> Any:
        """Combines two projections (`other` first), or transforms a vector. A `Vector3` is divided by its depth."""
        if isinstance(other, Projection):
            return Projection(*(self * column for column in other.columns()))
        if isinstance(other, Vector4):
            return Vector4(*(dot(row, other) for row in self._rows()))
        if isinstance(other, Vector3):
            x, y, z, w = (dot((*row,), (*other, 1.0)) for row in self._rows())
            return Vector3(x, y, z) / w
        return NotImplemented

    def __rmul__(self, other: Any) -> Any:
        """Multiplies a `Vector4` by the transposed matrix."""
        if isinstance(other, Vector4):
            return Vector4(*(dot(column, other) for column in self.columns()))
        return NotImplemented

    def columns(self) -> tuple[Vector4, ...]:
        """Returns the four columns, from x to w."""
        return self.x, self.y, self.z, self.w

    def determinant(self) -> float:
        """Returns the determinant: the factor by which a four-dimensional volume grows."""
        total = Real()
        for order in permutations(range(4)):
            numbers = (Real(self[4 * column + row]) for column, row in enumerate(reversed(order)))
            total = total + math.prod(numbers, start=Real(_sign(order)))
        return float(total)

    def inverse(self) -> Projection:
        """Returns the inverse matrix.

        Raises:
            ValueError: the determinant is zero.
        """
        # Gauss-Jordan elimination in 64 bits, on rows of the matrix beside rows of the identity. The largest number of
        # each column becomes the pivot, which keeps rounding errors small.
        lines = [[*row, *unit] for row, unit in zip(self._rows(), Projection()._rows(), strict=True)]
        for step in range(4):
            best = max(range(step, 4), key=lambda line: abs(lines[line][step]))
            lines[step], lines[best] = lines[best], lines[step]
            if not lines[step][step]:
                raise ValueError("a projection with determinant zero has no inverse")
            lines[step] = [number / lines[step][step] for number in lines[step]]
            for other in {0, 1, 2, 3} - {step}:
                factor = lines[other][step]
                lines[other] = [own - factor * its for own, its in zip(lines[other], lines[step], strict=True)]
        return Projection.of(*(lines[row][4 + column] for column in range(4) for row in range(4)))

    def _rows(self) -> tuple[tuple[float, ...], ...]:
        return self[0::4], self[1::4], self[2::4], self[3::4]


def _sign(order: tuple[int, ...]) -> int:
    swaps = sum(order[later] < order[earlier] for later in range(4) for earlier in range(later))
    return -1 if swaps % 2 else 1
