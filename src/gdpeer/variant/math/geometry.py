"""Rectangles, boxes and planes: `Rect2`, `Rect2i`, `AABB`, `Plane`.

    area = Rect2(0, 0, 1152, 648)
    area.has_point(Vector2(10, 20))

Names, arguments and results are the engine's, to the last bit.

Layer: `variant`. Source: the engine's class reference; measured on Godot 4.6 (tests/golden/variant_math_godot4.json).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, product
from operator import ge, gt, le
from typing import Any, ClassVar, Final, Generic, Self, TypeVar, overload

from gdpeer.variant.math.flat import (
    FlatInts,
    FlatReals,
    Numbers,
    SequenceOfNumbers,
    constant,
    cut_off,
    field,
    numbers_in,
    part,
    text_of,
)
from gdpeer.variant.math.numbers import CMP_EPSILON, divide, dot, is_zero_approx, plain_text, real
from gdpeer.variant.math.real_vectors import Vector2, Vector3
from gdpeer.variant.math.whole_vectors import Vector2i

__all__ = ["AABB", "Plane", "Rect2", "Rect2i", "flat"]

_V = TypeVar("_V", bound=Numbers[Any])
_N = TypeVar("_N", int, float)


def flat(parts: tuple[Any, ...]) -> Iterator[Any]:
    """Yields the numbers of all parts; a part is a number, an engine value, or a sequence of numbers."""
    found = [numbers_in(each) for each in parts]
    return chain.from_iterable(
        (each,) if numbers is None else numbers for each, numbers in zip(parts, found, strict=True)
    )


def with_vectors(parts: tuple[Any, ...], kind: type[Numbers[Any]]) -> tuple[Any, ...]:
    """Converts the parts that are foreign sequences of as many numbers as `kind` has to values of type `kind`."""
    return tuple(
        kind.of(*numbers)
        if not isinstance(each, Numbers) and (numbers := numbers_in(each)) is not None and len(numbers) == kind.WIDTH
        else each
        for each in parts
    )


class _Box(Numbers[_N], Generic[_N, _V]):
    """The base of rectangles and boxes, which have a position and a size. For negative sizes see `abs`."""

    __slots__ = ()
    _CORNER: ClassVar[Any]

    @classmethod
    def _around(cls, points: Iterable[_V]) -> Self:
        first, *others = points
        area = cls.of(*first, *cls._CORNER())
        for point in others:
            area = area.expand(point)
        return area

    @property
    def end(self) -> _V:
        """The corner opposite to `position`."""
        end: _V = self._corners()[1]
        return end

    def __str__(self) -> str:
        begin, size = self._parts()
        return f"[P: {begin}, S: {size}]"

    def abs(self) -> Self:
        """Returns the same area with a position and size that are not negative."""
        begin, size = self._parts()
        return self.of(*(begin + size.min(self._CORNER())), *size.abs())

    def merge(self, b: Self) -> Self:
        """Returns the smallest area that contains both."""
        (begin, end), (its_begin, its_end) = self._corners(), b._corners()
        return self._spanning(begin.min(its_begin), end.max(its_end))

    def expand(self, to: _V) -> Self:
        """Returns the smallest area that contains this area and a point."""
        begin, end = self._corners()
        return self._spanning(begin.min(to), end.max(to))

    def encloses(self, b: Self) -> bool:
        """Tells whether `b` lies within; borders may touch."""
        (begin, end), (its_begin, its_end) = self._corners(), b._corners()
        return all(map(le, begin, its_begin)) and all(map(ge, end, its_end))

    def intersection(self, b: Self) -> Self:
        """Returns the common part; zero if nothing is common."""
        (begin, end), (its_begin, its_end) = self._corners(), b._corners()
        overlap = self._touches(b, self._APART)
        return self._spanning(begin.max(its_begin), end.min(its_end)) if overlap else type(self)()

    _APART: ClassVar[Any] = staticmethod(ge)
    """Compares the begin of one with the end of the other: true where they have nothing in common."""

    def _touches(self, b: Self, apart: Any) -> bool:
        (begin, end), (its_begin, its_end) = self._corners(), b._corners()
        return not (any(map(apart, begin, its_end)) or any(map(apart, its_begin, end)))

    def _parts(self) -> tuple[Any, Any]:
        half = len(self) // 2
        return tuple.__new__(self._CORNER, self[:half]), tuple.__new__(self._CORNER, self[half:])

    def _corners(self) -> tuple[Any, Any]:
        begin, size = self._parts()
        return begin, begin + size

    def _spanning(self, begin: Any, end: Any) -> Self:
        return self.of(*begin, *(end - begin))


class _RealBox(_Box[float, _V], FlatReals):
    """The base of rectangles and boxes of floats."""

    __slots__ = ()

    def get_support(self, direction: _V) -> _V:
        """Returns the corner that lies furthest in a direction."""
        corners = zip(direction, *self._corners(), strict=True)
        corner: _V = self._CORNER(*(end if towards > 0 else begin for towards, begin, end in corners))
        return corner

    def get_center(self) -> _V:
        """Returns the point in the middle."""
        begin, size = self._parts()
        center: _V = begin + size * 0.5
        return center


class _Rect(_Box[_N, _V]):
    """The base of rectangles of floats and of whole numbers."""

    __slots__ = ()

    def has_point(self, point: _V) -> bool:
        """Tells whether a point is inside. The left and upper borders are inside; the right and lower ones are not."""
        begin, end = self._corners()
        return all(map(ge, point, begin)) and all(map(gt, end, point))

    def has_area(self) -> bool:
        """Tells whether width and height are above zero."""
        return all(number > 0 for number in self[2:])

    def grow(self, amount: _N) -> Self:
        """Returns a rectangle larger by `amount` on each side."""
        return self.grow_individual(amount, amount, amount, amount)

    def grow_side(self, side: int, amount: _N) -> Self:
        """Returns a rectangle larger by `amount` on one side: 0 left, 1 top, 2 right, 3 bottom."""
        left, top, right, bottom = (amount if side == each else 0 for each in range(4))
        return self.grow_individual(left, top, right, bottom)

    def grow_individual(self, left: _N, top: _N, right: _N, bottom: _N) -> Self:
        """Returns a rectangle larger by a different amount on each side."""
        begin, size = self._parts()
        first, second = self._CORNER(left, top), self._CORNER(right, bottom)
        return self.of(*(begin - first), *(size + (first + second)))


class Rect2(_Rect[float, Vector2], _RealBox[Vector2]):
    """A rectangle. `Rect2(position, size)`, `Rect2(x, y, width, height)`, or from a `Rect2i`.

    Attributes:
        position: the corner with the smallest x and y.
        size: width and height.
    """

    __slots__ = ()
    WIDTH = 4
    _CORNER = Vector2

    position: Final[Vector2] = part(Vector2, 0)
    size: Final[Vector2] = part(Vector2, 2)

    @overload
    def __new__(cls, from_: SequenceOfNumbers = ..., /) -> Self: ...
    @overload
    def __new__(cls, position: SequenceOfNumbers, size: SequenceOfNumbers, /) -> Self: ...
    @overload
    def __new__(cls, x: float, y: float, width: float, height: float, /) -> Self: ...
    def __new__(cls, *parts: Any) -> Self:
        """Makes a rectangle of a position and a size, of four numbers, or of a `Rect2i`."""
        return cls.of(*(flat(parts) if parts else (0, 0, 0, 0)))

    def intersects(self, b: Rect2, include_borders: bool = False) -> bool:
        """Tells whether both have an area in common; with `include_borders`, touching is enough."""
        return self._touches(b, gt if include_borders else ge)

    def get_area(self) -> float:
        """Returns the area: width times height."""
        return real(self[2] * self[3])


class Rect2i(_Rect[int, Vector2i], FlatInts):
    """A rectangle of whole numbers. `Rect2i(position, size)`, `Rect2i(x, y, width, height)`, or from a `Rect2`.

    Attributes:
        position: the corner with the smallest x and y.
        size: width and height.
    """

    __slots__ = ()
    WIDTH = 4
    _CORNER = Vector2i

    position: Final[Vector2i] = part(Vector2i, 0)
    size: Final[Vector2i] = part(Vector2i, 2)

    @overload
    def __new__(cls, from_: SequenceOfNumbers = ..., /) -> Self: ...
    @overload
    def __new__(cls, position: SequenceOfNumbers, size: SequenceOfNumbers, /) -> Self: ...
    @overload
    def __new__(cls, x: int, y: int, width: int, height: int, /) -> Self: ...
    def __new__(cls, *parts: Any) -> Self:
        """Makes a rectangle of a position and a size, of four numbers, or of a `Rect2`, whose fractions are cut off."""
        numbers = flat(parts) if parts else (0, 0, 0, 0)
        return cls.of(*(cut_off(numbers) if len(parts) == 1 else numbers))

    def intersects(self, b: Rect2i) -> bool:
        """Tells whether both have an area in common; touching is not enough."""
        return self._touches(b, ge)

    def get_area(self) -> int:
        """Returns the area: width times height."""
        return self[2] * self[3]

    def get_center(self) -> Vector2i:
        """Returns the point in the middle, cut to whole numbers."""
        return self.position + self.size / 2


class AABB(_RealBox[Vector3]):
    """A box whose sides are parallel to the axes. `AABB(position, size)`.

    Attributes:
        position: the corner with the smallest x, y and z.
        size: the lengths along the axes.
    """

    __slots__ = ()
    WIDTH = 6
    _CORNER = Vector3
    # In the engine, boxes that touch have a flat box in common.
    _APART = staticmethod(gt)

    position: Final[Vector3] = part(Vector3, 0)
    size: Final[Vector3] = part(Vector3, 3)

    @overload
    def __new__(cls, from_: SequenceOfNumbers = ..., /) -> Self: ...
    @overload
    def __new__(cls, position: SequenceOfNumbers, size: SequenceOfNumbers, /) -> Self: ...
    def __new__(cls, *parts: Any) -> Self:
        """Makes a box of a position and a size."""
        return cls.of(*(flat(parts) if parts else (0, 0, 0, 0, 0, 0)))

    def intersects(self, with_: AABB) -> bool:
        """Tells whether both have a volume in common; touching is not enough."""
        return self._touches(with_, ge)

    def has_point(self, point: Vector3) -> bool:
        """Tells whether a point is inside or on the border."""
        return all(map(ge, point, self.position)) and all(map(le, point, self.end))

    def has_volume(self) -> bool:
        """Tells whether all three sizes are above zero."""
        return all(number > 0 for number in self.size)

    def has_surface(self) -> bool:
        """Tells whether any size is above zero."""
        return any(number > 0 for number in self.size)

    def get_volume(self) -> float:
        """Returns the product of the sizes."""
        return real(real(self[3] * self[4]) * self[5])

    def grow(self, by: float) -> AABB:
        """Returns a box larger by `by` on each side."""
        first = Vector3(by, by, by)
        return AABB(self.position - first, self.size + first * 2.0)

    def get_endpoint(self, idx: int) -> Vector3:
        """Returns one of the eight corners; z changes first, then y.

        Args:
            idx: 0 to 7.
        """
        corners = product(*zip(self.position, self.end, strict=True))
        return Vector3(*list(corners)[idx])

    def get_longest_axis_index(self) -> int:
        """Returns the axis with the largest size; the first of equal ones."""
        return self.size.max_axis_index()

    def get_longest_axis_size(self) -> float:
        """Returns the largest of the three sizes."""
        return max(self.size)

    def get_longest_axis(self) -> Vector3:
        """Returns the direction of the axis with the largest size."""
        return _AXES[self.get_longest_axis_index()]

    def get_shortest_axis_index(self) -> int:
        """Returns the axis with the smallest size; the first of equal ones."""
        return self.size.index(min(self.size))

    def get_shortest_axis_size(self) -> float:
        """Returns the smallest of the three sizes."""
        return min(self.size)

    def get_shortest_axis(self) -> Vector3:
        """Returns the direction of the axis with the smallest size."""
        return _AXES[self.get_shortest_axis_index()]

    def intersects_plane(self, plane: Plane) -> bool:
        """Tells whether the box has corners on both sides of a plane."""
        over = [plane.is_point_over(self.get_endpoint(index)) for index in range(8)]
        return any(over) and not all(over)


_AXES = (Vector3.RIGHT, Vector3.UP, Vector3.BACK)


class Plane(FlatReals):
    """A plane: the points whose dot product with `normal` is `d`.

    `Plane(a, b, c, d)`, `Plane(normal, d)`, `Plane(normal, point)`, `Plane(point1, point2, point3)` (clockwise seen
    from above).

    Attributes:
        normal: the direction in which the plane faces.
        d: the distance from the origin along `normal`.
    """

    __slots__ = ()
    WIDTH = 4
    PLANE_YZ = constant(1, 0, 0, 0)
    PLANE_XZ = constant(0, 1, 0, 0)
    PLANE_XY = constant(0, 0, 1, 0)

    x: Final[float] = field(0)
    y: Final[float] = field(1)
    z: Final[float] = field(2)
    d: Final[float] = field(3)
    normal: Final[Vector3] = part(Vector3, 0)

    @overload
    def __new__(cls, from_: SequenceOfNumbers = ..., /) -> Self: ...
    @overload
    def __new__(cls, normal: SequenceOfNumbers, through: float | SequenceOfNumbers = 0.0, /) -> Self: ...
    @overload
    def __new__(cls, point1: SequenceOfNumbers, point2: SequenceOfNumbers, point3: SequenceOfNumbers, /) -> Self: ...
    @overload
    def __new__(cls, a: float, b: float, c: float, d: float, /) -> Self: ...
    def __new__(cls, *parts: Any) -> Self:
        """Makes a plane of a normal and a distance, a normal and a point, three points, or four numbers."""
        match with_vectors(parts, Vector3):
            case ():
                return cls.of(0, 0, 0, 0)
            case (Vector3() as normal,):
                return cls.of(*normal, 0)
            case (Vector3() as normal, Vector3() as point):
                return cls.of(*normal, normal.dot(point))
            case (Vector3() as first, Vector3() as second, Vector3() as third):
                normal = (first - third).cross(first - second).normalized()
                return cls.of(*normal, normal.dot(first))
        return cls.of(*flat(parts))

    def __str__(self) -> str:
        return f"[N: {text_of(self.normal)}, D: {plain_text(self.d, whole='')}]"

    def __neg__(self) -> Plane:
        return self.of(*(-number for number in self))

    def __pos__(self) -> Plane:
        return self

    def get_center(self) -> Vector3:
        """Returns the point of the plane that is nearest to the origin."""
        return self.normal * self.d

    def normalized(self) -> Plane:
        """Returns the same plane with a normal of length 1; all zero if the normal is zero."""
        length = self.normal.length()
        return self.of(*(divide(number, length) for number in self)) if length else Plane()

    def is_point_over(self, point: Vector3) -> bool:
        """Tells whether a point is on the side that the normal points to."""
        return dot(self.normal, point) > self.d

    def distance_to(self, point: Vector3) -> float:
        """Returns the distance of a point from the plane; negative on the side behind the normal."""
        return float(dot(self.normal, point) - self.d)

    def has_point(self, point: Vector3, tolerance: float = CMP_EPSILON) -> bool:
        """Tells whether the distance of a point from the plane is at most `tolerance`."""
        return abs(self.distance_to(point)) <= real(tolerance)

    def project(self, point: Vector3) -> Vector3:
        """Returns the point of the plane that is nearest to `point`."""
        return point - self.normal * self.distance_to(point)

    def intersects_ray(self, from_: Vector3, dir: Vector3) -> Vector3 | None:
        """Returns the point where a ray meets the plane, or None."""
        distance = self._steps_to(from_, dir)
        return from_ + dir * -distance if distance is not None and distance <= CMP_EPSILON else None

    def intersects_segment(self, from_: Vector3, to: Vector3) -> Vector3 | None:
        """Returns the point where the line between two points meets the plane, or None."""
        segment = from_ - to
        distance = self._steps_to(from_, segment)
        if distance is None or not -CMP_EPSILON <= distance <= 1.0 + CMP_EPSILON:
            return None
        return from_ + segment * -distance

    def intersect_3(self, b: Plane, c: Plane) -> Vector3 | None:
        """Returns the one point that three planes have in common, or None."""
        first, second, third = self.normal, b.normal, c.normal
        volume = first.cross(second).dot(third)
        if is_zero_approx(volume):
            return None
        total = second.cross(third) * self.d + third.cross(first) * b.d + first.cross(second) * c.d
        return total / volume

    def _steps_to(self, start: Vector3, segment: Vector3) -> float | None:
        """Returns how many times `segment` fits between the plane and `start`; None if they are parallel."""
        slope = self.normal.dot(segment)
        return None if is_zero_approx(slope) else real(self.distance_to(start) / slope)
