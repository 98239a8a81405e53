"""Packed arrays: many numbers, vectors or colours in one piece of memory.

    points = PackedVector2Array([Vector2(1, 2), Vector2(3, 4)])
    points.view()                       # memoryview of 2 by 2 floats; numpy.asarray(points.view()) copies nothing

Arrays of numbers are Python's `array.array` with the engine's number type, and can do what it can. Arrays of vectors
and colours keep flat reals of 32 bits, and are sequences of vectors and colours. Both have the buffer protocol; while a
buffer is taken, they cannot grow or shrink (`BufferError`). Two are equal when their types and contents are.

Layer: `variant`. Source: reference godot4-wire section A.4.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, MutableSequence
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, SupportsIndex, TypeVar, cast, overload

from gdpeer.errors import VariantError
from gdpeer.variant.math.color import Color
from gdpeer.variant.math.vectors import Vector2, Vector3, Vector4

__all__ = [
    "PackedByteArray",
    "PackedColorArray",
    "PackedFloat32Array",
    "PackedFloat64Array",
    "PackedInt32Array",
    "PackedInt64Array",
    "PackedStringArray",
    "PackedVector2Array",
    "PackedVector3Array",
    "PackedVector4Array",
]

_flat: Any = array
"""Unbound methods of `array.array`, for types that are sequences of something else to type checkers."""

_N = TypeVar("_N", int, float)
_V = TypeVar("_V", Vector2, Vector3, Vector4, Color)


class PackedByteArray(bytes):
    """Bytes. Plain `bytes`, `bytearray` and `memoryview` are the same to the engine."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"PackedByteArray({bytes.__repr__(self)})"


if TYPE_CHECKING:
    from typing_extensions import Buffer

    class _Array(array[_N]): ...

else:  # array.array takes type arguments from Python 3.12 on

    class _Array(array, Generic[_N]):
        __slots__ = ()


class _Packed(_Array[_N]):
    """What all but bytes and strings have in common."""

    __slots__ = ()
    _CODE: ClassVar[str]

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and array.__eq__(self, cast("Self", other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __copy__(self) -> Self:
        return self._like(self)

    def __deepcopy__(self, memo: object) -> Self:
        return self._like(self)

    def __add__(self, other: Any) -> Self:
        return self._like(array.__add__(self, other)) if type(other) is type(self) else NotImplemented

    def __mul__(self, value: int) -> Self:
        return self._like(array.__mul__(self, value))

    __rmul__ = __mul__

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self)!r})"

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        # Before 3, an array is made again from its type code, which these do not take.
        if int(protocol) < 3:
            return _again, (type(self), _flat.tolist(self))
        return super().__reduce_ex__(protocol)

    def _like(self, numbers: Iterable[Any]) -> Self:
        return array.__new__(type(self), self._CODE, memoryview(cast("Any", numbers)))


class _Fitting:
    """While a number is stored in an array of the class: `VariantError` where it is too large."""

    __slots__ = ("_kind",)

    def __init__(self, kind: type[Any]) -> None:
        self._kind = kind

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if isinstance(error, OverflowError):
            raise VariantError(f"a number does not fit {self._kind.__name__}") from None


class _PackedNumbers(_Packed[_N]):
    """Numbers.

    Raises:
        TypeError: one is no number, or not a whole one where it should be.
        VariantError: a whole number does not fit.
    """

    __slots__ = ()

    def __new__(cls, values: Iterable[_N] = ()) -> Self:
        """From numbers."""
        with _Fitting(cls):
            return array.__new__(cls, cls._CODE, iter(values))

    def append(self, value: _N) -> None:
        """Add a number at the end."""
        with _Fitting(type(self)):
            _flat.append(self, value)

    def insert(self, index: int, value: _N) -> None:
        """Add a number in front of that at `index`."""
        with _Fitting(type(self)):
            _flat.insert(self, index, value)

    def extend(self, values: Iterable[_N]) -> None:
        """Add numbers at the end."""
        with _Fitting(type(self)):
            _flat.extend(self, values)

    def fromlist(self, values: list[_N]) -> None:
        """As `extend`, but none is added where one does not fit."""
        with _Fitting(type(self)):
            _flat.fromlist(self, values)

    def __iadd__(self, values: Iterable[_N]) -> Self:  # type: ignore[misc]
        self.extend(values)
        return self

    def __setitem__(self, key: Any, value: Any) -> None:
        with _Fitting(type(self)):
            super().__setitem__(key, value)

    @overload
    def __getitem__(self, key: SupportsIndex) -> _N: ...
    @overload
    def __getitem__(self, key: slice) -> Self: ...
    def __getitem__(self, key: Any) -> Any:
        """A number, or a part as an array of the same type."""
        found = array.__getitem__(self, key)
        return self._like(found) if isinstance(key, slice) else found


class PackedInt32Array(_PackedNumbers[int]):
    """Whole numbers of 32 bits."""

    __slots__ = ()
    _CODE = "i"


class PackedInt64Array(_PackedNumbers[int]):
    """Whole numbers of 64 bits."""

    __slots__ = ()
    _CODE = "q"


class PackedFloat32Array(_PackedNumbers[float]):
    """Reals of 32 bits."""

    __slots__ = ()
    _CODE = "f"


class PackedFloat64Array(_PackedNumbers[float]):
    """Reals of 64 bits."""

    __slots__ = ()
    _CODE = "d"


class PackedStringArray(list[str]):
    """Strings. What is added by `append`, `insert`, `extend` and `[...] =` is checked.

    Raises:
        TypeError: a value is no string.
    """

    __slots__ = ()

    def __init__(self, values: Iterable[str] = ()) -> None:
        super().__init__(map(_string, values))

    def append(self, value: str) -> None:
        """Add a string at the end."""
        super().append(_string(value))

    def insert(self, index: SupportsIndex, value: str) -> None:
        """Add a string in front of that at `index`."""
        super().insert(index, _string(value))

    def extend(self, values: Iterable[str]) -> None:
        """Add strings at the end."""
        super().extend(map(_string, values))

    def __iadd__(self, values: Iterable[str]) -> Self:  # type: ignore[override,misc]
        self.extend(values)
        return self

    @overload
    def __getitem__(self, index: SupportsIndex) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> PackedStringArray: ...
    def __getitem__(self, index: Any) -> Any:
        """A string, or a part as an array of the same type."""
        found = super().__getitem__(index)
        return PackedStringArray(found) if isinstance(index, slice) else found

    def __add__(self, values: Any) -> PackedStringArray:  # type: ignore[override]
        return PackedStringArray(super().__add__(values))

    def __radd__(self, values: Any) -> PackedStringArray:
        return PackedStringArray([*values, *self]) if isinstance(values, list) else NotImplemented

    def __mul__(self, value: SupportsIndex) -> PackedStringArray:
        return PackedStringArray(super().__mul__(value))

    __rmul__ = __mul__

    def __setitem__(self, index: Any, value: Any) -> None:
        super().__setitem__(index, map(_string, value) if isinstance(index, slice) else _string(value))

    def copy(self) -> PackedStringArray:
        """Another with the same strings."""
        return PackedStringArray(self)

    def __repr__(self) -> str:
        return f"PackedStringArray({list.__repr__(self)})"


if TYPE_CHECKING:

    class _FlatSequence(MutableSequence[_V]):
        def __copy__(self) -> Self: ...
        def __add__(self, other: Self) -> Self: ...
        def __mul__(self, value: int) -> Self: ...
        def __rmul__(self, value: int) -> Self: ...
        def __buffer__(self, flags: int, /) -> memoryview: ...
        def tobytes(self) -> bytes: ...

else:

    class _FlatSequence(MutableSequence, _Packed):
        __slots__ = ()


class _PackedTuples(_FlatSequence[_V]):
    """A sequence of vectors or colours, flat in memory.

    `tobytes`, `frombytes`, `fromfile` and `buffer_info` are about the flat reals, of which there are always whole
    values.

    Raises:
        TypeError: a value is not of the array's type.
    """

    __slots__ = ()
    _CODE = "f"
    _ELEMENT: ClassVar[Any]

    def __new__(cls, values: Iterable[_V] = ()) -> Self:
        """From values of the array's type."""
        return cast("Self", _flat.__new__(cls, "f", cls._flat(values)))

    @classmethod
    def _flat(cls, values: Iterable[Any]) -> array[float]:
        return array("f", chain.from_iterable(map(cls._checked, values)))

    @classmethod
    def _checked(cls, value: Any) -> Any:
        if type(value) is cls._ELEMENT:
            return value
        raise TypeError(f"{cls.__name__} holds {cls._ELEMENT.__name__}, not {type(value).__name__}")

    def view(self) -> memoryview[float]:
        """The memory itself, as `len(self)` rows of floats; of an empty array, no rows: one dimension of length 0."""
        raw = memoryview(cast("Buffer", self)).cast("B")
        return raw.cast("f", (len(self), self._ELEMENT.WIDTH)) if len(self) else raw.cast("f")

    def __len__(self) -> int:
        return cast("int", _flat.__len__(self) // self._ELEMENT.WIDTH)

    def __iter__(self) -> Iterator[_V]:
        return (self[index] for index in range(len(self)))

    @overload
    def __getitem__(self, key: SupportsIndex) -> _V: ...
    @overload
    def __getitem__(self, key: slice) -> Self: ...
    def __getitem__(self, key: Any) -> Any:
        """A value, or a part as an array of the same type."""
        if isinstance(key, slice):
            return type(self)(self[index] for index in range(*key.indices(len(self))))
        return tuple.__new__(self._ELEMENT, _flat.__getitem__(self, self._place(key)))

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(key, slice):
            values = list(self)
            values[key] = value
            _flat.__setitem__(self, slice(None), self._flat(values))
        else:
            _flat.__setitem__(self, self._place(key), self._flat((value,)))

    def __delitem__(self, key: Any) -> None:
        if isinstance(key, slice):
            values = list(self)
            del values[key]
            _flat.__setitem__(self, slice(None), self._flat(values))
        else:
            _flat.__delitem__(self, self._place(key))

    def insert(self, index: SupportsIndex, value: _V) -> None:
        """Add a value in front of that at `index`."""
        start, _, _ = slice(index, None).indices(len(self))
        place = start * self._ELEMENT.WIDTH
        _flat.__setitem__(self, slice(place, place), self._flat((value,)))

    def append(self, value: _V) -> None:
        """Add a value at the end."""
        _flat.extend(self, self._flat((value,)))

    def extend(self, values: Iterable[_V]) -> None:
        """Add values at the end."""
        _flat.extend(self, self._flat(values))

    def frombytes(self, buffer: Buffer) -> None:
        """Add values from memory.

        Raises:
            ValueError: it ends within a value.
        """
        raw = memoryview(buffer)
        if raw.nbytes % (4 * self._ELEMENT.WIDTH):
            raise ValueError(f"{raw.nbytes} bytes are no whole number of {self._ELEMENT.__name__}")
        _flat.frombytes(self, raw)

    def fromfile(self, file: Any, count: int) -> None:
        """Add so many values from an open file.

        Raises:
            EOFError: it has less; those that are there are added.
        """
        size = 4 * self._ELEMENT.WIDTH
        raw = file.read(count * size)
        self.frombytes(raw[: len(raw) // size * size])
        if len(raw) < count * size:
            raise EOFError(f"the file has less than {count} values")

    def fromlist(self, values: list[_V]) -> None:
        """Add values at the end."""
        self.extend(values)

    def clear(self) -> None:
        """Remove all."""
        _flat.__delitem__(self, slice(None))

    def tolist(self) -> list[Any]:
        """The values."""
        return list(self)

    def _place(self, index: SupportsIndex) -> slice:
        start: int = range(len(self))[index] * self._ELEMENT.WIDTH
        return slice(start, start + self._ELEMENT.WIDTH)


class PackedVector2Array(_PackedTuples[Vector2]):
    """Values of type `Vector2`."""

    __slots__ = ()
    _ELEMENT = Vector2


class PackedVector3Array(_PackedTuples[Vector3]):
    """Values of type `Vector3`."""

    __slots__ = ()
    _ELEMENT = Vector3


class PackedVector4Array(_PackedTuples[Vector4]):
    """Values of type `Vector4`."""

    __slots__ = ()
    _ELEMENT = Vector4


class PackedColorArray(_PackedTuples[Color]):
    """Values of type `Color`."""

    __slots__ = ()
    _ELEMENT = Color


def _again(kind: type[_Packed[Any]], numbers: list[Any]) -> Any:
    return _flat.__new__(kind, kind._CODE, numbers)


def _string(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise TypeError(f"PackedStringArray holds str, not {type(value).__name__}")
