"""The base of the engine's number types: tuples of their numbers, flat, in the order of the wire.

    Numbers              equality, hash, copies, text: every type
    ├── FlatReals        32-bit floats; each constructor rounds to 32 bits
    │   ├── RealVector   + - * / number by number: colours
    │   │   └── Measured length: real vectors, quaternions
    │   └── Matrix       * / with one number: bases, transforms
    ├── FlatInts         32-bit whole numbers; others are refused
    └── Vector           order, minimum, maximum: vectors, in addition to one of the others

Invariants: a value cannot be changed. Two values are equal if their types and numbers are equal; a plain tuple equals
none of them. A tuple's own `+`, `*` and order are not available.

Layer: `variant`.
"""

from __future__ import annotations

import math
import struct
from abc import abstractmethod
from array import array
from collections.abc import Callable, Iterable, Iterator
from operator import add, itemgetter, mul, neg, sub
from typing import Any, ClassVar, Generic, NoReturn, Protocol, Self, TypeVar, cast

from gdpeer.errors import VariantError
from gdpeer.variant.math.numbers import (
    clamped,
    divide,
    dot,
    int32s,
    is_equal_approx,
    is_one_approx,
    plain_text,
    real_text,
    reals,
    sqrt,
)

__all__ = [
    "FlatInts",
    "FlatReals",
    "Matrix",
    "Measured",
    "Numbers",
    "RealVector",
    "SequenceOfNumbers",
    "Vector",
    "constant",
    "cut_off",
    "field",
    "int_field",
    "numbers_in",
    "part",
    "text_of",
    "unit",
]

_N = TypeVar("_N", int, float)
_T = TypeVar("_T", bound="Numbers[Any]")
_M = TypeVar("_M", bound="Measured")


def field(index: int) -> float:
    """Makes a read-only attribute for the number at `index`; annotated for type checkers, which see a float."""
    return cast("float", property(itemgetter(index)))


def int_field(index: int) -> int:
    """Makes a read-only attribute for the number at `index` of an integer type."""
    return cast("int", property(itemgetter(index)))


def part(kind: type[_T], first: int, step: int = 1) -> _T:
    """Makes a read-only attribute: a value of type `kind` from every `step`th number, from index `first` on."""
    numbers = slice(first, first + step * kind.WIDTH, step)
    return cast("_T", property(lambda value: tuple.__new__(kind, tuple.__getitem__(value, numbers))))


class SequenceOfNumbers(Protocol):
    """An object with numbers by index: an engine value, a tuple, a list, one of pygame's vectors, an array of numpy."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Any: ...


_NO_NUMBERS = (str, bytes, bytearray, memoryview, dict, set, frozenset)


def numbers_in(value: Any) -> tuple[Any, ...] | None:
    """Returns the numbers of an engine value or of any sequence of numbers: a tuple, pygame's vectors, numpy's arrays.

    None for a single number, and for objects that are no sequence.
    """
    if isinstance(value, tuple):
        return value
    if isinstance(value, (int, float, *_NO_NUMBERS)) or not hasattr(type(value), "__getitem__"):
        return None
    try:
        return tuple(value)
    except TypeError:  # numpy's numbers have __getitem__, but are no sequences
        return None


def cut_off(numbers: Iterable[Any]) -> Iterator[int]:
    """Yields numbers as whole numbers: cuts off the digits behind the point.

    Raises:
        TypeError: an item is no number.
    """
    for number in numbers:
        if not hasattr(number, "__float__"):  # int() would accept a text
            raise TypeError(f"a {type(number).__name__} is no number")
        yield int(number)


class constant:
    """A class attribute with a value of the class itself: `RIGHT = constant(1, 0)`. A single number fills the value."""

    def __init__(self, *numbers: float) -> None:
        self._numbers = numbers
        self._values: dict[Any, Any] = {}

    def __get__(self, instance: object, owner: type[_T]) -> _T:
        # Made at the first use, as the class does not exist yet while its body runs.
        value: _T | None = self._values.get(owner)
        if value is None:
            numbers = self._numbers if len(self._numbers) > 1 else self._numbers * owner.WIDTH
            value = self._values[owner] = owner.of(*numbers)
        return value


_PACK = [struct.Struct(f"{count}d").pack for count in range(17)]
"""Functions that pack floats, by the number of floats."""

_without_sign = (0.0).__add__
"""Makes 0.0 of -0.0; other numbers stay."""


def _build(cls: type[Any], numbers: tuple[Any, ...]) -> Any:
    return tuple.__new__(cls, numbers)


class Numbers(tuple[_N, ...], Generic[_N]):
    """The base of all number types. Iterating, indexing and unpacking give the numbers in the order of the wire."""

    __slots__ = ()

    WIDTH: ClassVar[int]
    """How many numbers a value has."""

    @classmethod
    def of(cls, *numbers: _N) -> Self:
        """Makes a value of its numbers, in the order of the wire.

        Raises:
            VariantError: there are too many or too few numbers, or a whole number does not fit.
        """
        if len(numbers) != cls.WIDTH:
            raise VariantError(f"{cls.__name__} has {cls.WIDTH} numbers, not {len(numbers)}")
        return tuple.__new__(cls, cls._stored(numbers))

    _ORDERED: ClassVar[bool] = False
    """Whether the engine has `<` for the type."""

    _SCALAR: ClassVar[Any]
    """The Python types that a single number may have in arithmetic."""

    @staticmethod
    @abstractmethod
    def _stored(numbers: Iterable[_N]) -> array[_N]:
        """Returns the numbers as the engine stores them."""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and tuple.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = tuple.__hash__

    # Without these methods a tuple's own order, concatenation and repetition would apply, also with plain tuples.
    def __lt__(self, other: Any) -> bool:
        return self._ordered_with(other) and tuple.__lt__(self, other)

    def __le__(self, other: Any) -> bool:
        return self._ordered_with(other) and tuple.__le__(self, other)

    def __gt__(self, other: Any) -> bool:
        return self._ordered_with(other) and tuple.__gt__(self, other)

    def __ge__(self, other: Any) -> bool:
        return self._ordered_with(other) and tuple.__ge__(self, other)

    def _ordered_with(self, other: object) -> bool:
        if self._ORDERED and type(other) is type(self):
            return True
        raise TypeError(f"{type(self).__name__} has no order with {type(other).__name__}")

    def __add__(self, other: Any) -> Any:
        return NotImplemented

    def __radd__(self, other: object) -> NoReturn:
        raise TypeError(f"{type(self).__name__} cannot be added to {type(other).__name__}")

    def __mul__(self, other: Any) -> Any:
        return NotImplemented

    def __rmul__(self, other: Any) -> Any:
        return NotImplemented

    def _each(self, operation: Callable[[_N, _N], _N], other: Any) -> Self:
        """Applies `operation` to each number and the number of `other` in the same place, or `other` itself."""
        if type(other) is type(self):
            return tuple.__new__(type(self), self._stored(map(operation, self, other)))
        if isinstance(other, self._SCALAR):
            (number,) = self._stored((other,))
            return tuple.__new__(type(self), self._stored(operation(own, number) for own in self))
        return cast("Self", NotImplemented)

    def __reduce__(self) -> tuple[Any, ...]:
        return _build, (type(self), tuple(self))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(real_text, self))})"


class FlatReals(Numbers[float]):
    """Numbers that the engine stores in 32 bits. Each constructor rounds; numbers beyond the range become infinity."""

    __slots__ = ()
    _SCALAR = (int, float)
    _stored = staticmethod(reals)

    def __hash__(self) -> int:
        # Python hashes floats without a seed (2**61 and 1.0 alike), so a peer could choose values that collide. The
        # hash of bytes has a seed. 0.0 and -0.0 are equal, and need the same hash.
        if 0.0 in self:
            return hash(_PACK[len(self)](*map(_without_sign, self)))
        return hash(_PACK[len(self)](*self))

    def is_equal_approx(self, to: Self) -> bool:
        """Tells whether all numbers are about equal to those of `to`."""
        return all(map(is_equal_approx, self, to))

    def is_finite(self) -> bool:
        """Tells whether no number is infinite or nan."""
        return all(map(math.isfinite, self))


class Matrix(FlatReals):
    """Numbers that can be multiplied by one number; the product with a vector has another meaning."""

    __slots__ = ()

    def _times(self, other: Any, operation: Callable[[float, float], float] = mul) -> Self:
        return self._each(operation, other) if isinstance(other, (int, float)) else NotImplemented

    def __truediv__(self, other: float) -> Self:
        return self._times(other, divide)


class RealVector(FlatReals):
    """Numbers with `+`, `-`, `*` and `/` for each number; the right side of `*` and `/` may be one number."""

    __slots__ = ()

    def __add__(self, other: Self) -> Self:  # type: ignore[override]
        return self._each(add, other) if type(other) is type(self) else NotImplemented

    def __sub__(self, other: Self) -> Self:
        return self._each(sub, other) if type(other) is type(self) else NotImplemented

    def __mul__(self, other: Self | float) -> Self:  # type: ignore[override]
        return self._each(mul, other)

    def __rmul__(self, other: float) -> Self:  # type: ignore[override]
        return self._each(mul, other)

    def __truediv__(self, other: Self | float) -> Self:
        return self._each(divide, other)

    def __neg__(self) -> Self:
        return tuple.__new__(type(self), map(neg, self))

    def __pos__(self) -> Self:
        return self


class Measured(RealVector):
    """Numbers that have a length: vectors and quaternions."""

    __slots__ = ()

    def dot(self, with_: Self) -> float:
        """Returns the dot product with another value."""
        return float(dot(self, with_))

    def length_squared(self) -> float:
        """Returns the square of the length, which is cheaper than the length."""
        return float(dot(self, self))

    def length(self) -> float:
        """Returns the length, which is 1 for a rotation."""
        return float(sqrt(dot(self, self)))

    def is_normalized(self) -> bool:
        """Tells whether the length is about 1."""
        return is_one_approx(self.length_squared())


def unit(value: _M) -> _M:
    """Returns the value itself.

    Raises:
        ValueError: the value is not normalized.
    """
    if not value.is_normalized():
        raise ValueError(f"{value!r} is not normalized")
    return value


class FlatInts(Numbers[int]):
    """Whole numbers of 32 bits. Numbers that do not fit are refused."""

    __slots__ = ()
    _SCALAR = int
    _stored = staticmethod(int32s)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(str, self))})"


class Vector(Numbers[_N]):
    """The base of vectors of floats and of whole numbers. They order by x, then y, and so on."""

    __slots__ = ()
    _ORDERED = True
    ZERO = constant(0)
    ONE = constant(1)
    AXIS_X: ClassVar[int] = 0
    AXIS_Y: ClassVar[int] = 1

    def abs(self) -> Self:
        """Returns the vector with all numbers positive."""
        return self._map(abs)

    def __abs__(self) -> Self:
        return self.abs()

    def sign(self) -> Self:
        """Returns -1, 0 or 1 for each number."""
        return self._map(lambda number: (number > 0) - (number < 0))

    def min(self, with_: Self) -> Self:
        """Returns the smaller of each pair of numbers."""
        return self._each(min, with_)

    def max(self, with_: Self) -> Self:
        """Returns the larger of each pair of numbers."""
        return self._each(max, with_)

    def clamp(self, min: Self, max: Self) -> Self:
        """Limits each number to the range between those of `min` and `max`."""
        if not type(min) is type(max) is type(self):
            raise TypeError(f"the bounds of a {type(self).__name__} are of the same type")
        return tuple.__new__(type(self), self._stored(cast("Any", map(clamped, self, min, max))))

    def min_axis_index(self) -> int:
        """Returns the index of the smallest number; the last of equal ones."""
        return len(self) - 1 - self[::-1].index(min(self))

    def max_axis_index(self) -> int:
        """Returns the index of the largest number; the first of equal ones."""
        return self.index(max(self))

    def _map(self, operation: Callable[[_N], _N]) -> Self:
        return tuple.__new__(type(self), self._stored(map(operation, self)))


def text_of(numbers: Iterable[float]) -> str:
    """Returns a vector's text as the engine's `str` writes it: `(1.0, 2.5)`."""
    return f"({', '.join(map(plain_text, numbers))})"
