"""Packed arrays: many numbers, vectors or colours in one piece of memory.

    points = PackedVector2Array([Vector2(1, 2), Vector2(3, 4)])
    points.view()                       # memoryview of 2 by 2 floats; numpy.asarray(points.view()) copies nothing

Arrays of numbers are Python's `array.array` with the engine's number type, and have all its methods. Arrays of vectors
and colours store 32-bit floats, and are sequences of vectors and colours. Both support the buffer protocol; while a
buffer is in use, they cannot grow or shrink (`BufferError`). Two arrays are equal if their types and contents are.

Layer: `variant`. Source: reference godot4-wire section A.4.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, MutableSequence
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, SupportsIndex, TypeVar, cast, overload

from gdpeer.errors import VariantError
from gdpeer.variant.math.color import Color
from gdpeer.variant.math.real_vectors import Vector2, Vector3, Vector4

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
    "item_layout",
]

_flat: Any = array
"""Gives the unbound methods of `array.array`, for classes that type checkers see as sequences of vectors."""

_N = TypeVar("_N", int, float)
_V = TypeVar("_V", Vector2, Vector3, Vector4, Color)


class PackedByteArray(bytes):
    """Bytes. The engine cannot tell it from plain `bytes`, `bytearray` or `memoryview`."""

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
    """The base of all packed arrays except bytes and strings."""

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
        # Before protocol 3, pickle calls the class with a type code, which these classes do not accept.
        if int(protocol) < 3:
            return _again, (type(self), _flat.tolist(self))
        return super().__reduce_ex__(protocol)

    def _like(self, numbers: Iterable[Any]) -> Self:
        return array.__new__(type(self), self._CODE, memoryview(cast("Any", numbers)))


class _Fitting:
    """A context that stores numbers: turns OverflowError into `VariantError`."""

    __slots__ = ("_kind",)

    def __init__(self, kind: type[Any]) -> None:
        self._kind = kind

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if isinstance(error, OverflowError):
            raise VariantError(f"a number does not fit {self._kind.__name__}") from None


class _PackedNumbers(_Packed[_N]):
    """An array of numbers.

    Raises:
        TypeError: a value is no number, or no whole number in an array of whole numbers.
        VariantError: a whole number does not fit.
    """

    __slots__ = ()

    def __new__(cls, values: Iterable[_N] = ()) -> Self:
        """Makes an array of the given numbers."""
        with _Fitting(cls):
            return array.__new__(cls, cls._CODE, iter(values))

    def append(self, value: _N) -> None:
        """Adds a number at the end."""
        with _Fitting(type(self)):
            _flat.append(self, value)

    def insert(self, index: int, value: _N) -> None:
        """Adds a number before the number at `index`."""
        with _Fitting(type(self)):
            _flat.insert(self, index, value)

    def extend(self, values: Iterable[_N]) -> None:
        """Adds numbers at the end."""
        with _Fitting(type(self)):
            _flat.extend(self, values)

    def fromlist(self, values: list[_N]) -> None:
        """Adds numbers at the end; if one does not fit, none is added."""
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
    """Signed whole numbers of 32 bits."""

    __slots__ = ()
    _CODE = "i"


class PackedInt64Array(_PackedNumbers[int]):
    """Signed whole numbers of 64 bits."""

    __slots__ = ()
    _CODE = "q"


class PackedFloat32Array(_PackedNumbers[float]):
    """Floats of 32 bits, which is the engine's precision of vectors."""

    __slots__ = ()
    _CODE = "f"


class PackedFloat64Array(_PackedNumbers[float]):
    """Floats of 64 bits, which is the precision of Python's float."""

    __slots__ = ()
    _CODE = "d"


class PackedStringArray(list[str]):
    """Strings. `append`, `insert`, `extend` and `[...] =` check their arguments.

    Raises:
        TypeError: a value is no string.
    """

    __slots__ = ()

    def __init__(self, values: Iterable[str] = ()) -> None:
        super().__init__(map(_string, values))

    def append(self, value: str) -> None:
        """Adds a string at the end."""
        super().append(_string(value))

    def insert(self, index: SupportsIndex, value: str) -> None:
        """Adds a string before the string at `index`."""
        super().insert(index, _string(value))

    def extend(self, values: Iterable[str]) -> None:
        """Adds strings at the end."""
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
        """Returns another array with the same strings."""
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
    """A sequence of vectors or colours, stored as flat 32-bit floats.

    `tobytes`, `frombytes`, `fromfile` and `buffer_info` are about the flat floats, which always are whole values.

    Raises:
        TypeError: a value is not of the array's type.
    """

    __slots__ = ()
    _CODE = "f"
    _ELEMENT: ClassVar[Any]

    def __new__(cls, values: Iterable[_V] = ()) -> Self:
        """Makes an array of the given vectors or colours."""
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
        """Returns the memory itself, as `len(self)` rows of floats. An empty array gives one dimension of length 0."""
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
        # The floats have 32 bits already: no constructor needs to round them.
        return tuple.__new__(self._ELEMENT, _flat.__getitem__(self, self._place(key)))

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(key, slice):
            # A slice with a step covers parts of the flat memory that lie apart, so make all of it anew.
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
        """Adds a value before the value at `index`."""
        start, _, _ = slice(index, None).indices(len(self))
        place = start * self._ELEMENT.WIDTH
        _flat.__setitem__(self, slice(place, place), self._flat((value,)))

    def append(self, value: _V) -> None:
        """Adds a value at the end."""
        _flat.extend(self, self._flat((value,)))

    def extend(self, values: Iterable[_V]) -> None:
        """Adds values at the end."""
        _flat.extend(self, self._flat(values))

    def frombytes(self, buffer: Buffer) -> None:
        """Adds values from memory.

        Raises:
            ValueError: the memory ends within a value.
        """
        raw = memoryview(buffer)
        if raw.nbytes % (4 * self._ELEMENT.WIDTH):
            raise ValueError(f"{raw.nbytes} bytes are no whole number of {self._ELEMENT.__name__}")
        _flat.frombytes(self, raw)

    def fromfile(self, file: Any, count: int) -> None:
        """Adds `count` values from an open file.

        Raises:
            EOFError: the file has fewer values; the values that it has are added.
        """
        size = 4 * self._ELEMENT.WIDTH
        raw = file.read(count * size)
        self.frombytes(raw[: len(raw) // size * size])
        if len(raw) < count * size:
            raise EOFError(f"the file has less than {count} values")

    def fromlist(self, values: list[_V]) -> None:
        """Adds values at the end, as `extend`."""
        self.extend(values)

    def clear(self) -> None:
        """Removes all values; the array is empty afterwards."""
        _flat.__delitem__(self, slice(None))

    def tolist(self) -> list[Any]:
        """Returns a list of the values: vectors or colours."""
        return list(self)

    def _place(self, index: SupportsIndex) -> slice:
        start: int = range(len(self))[index] * self._ELEMENT.WIDTH
        return slice(start, start + self._ELEMENT.WIDTH)


class PackedVector2Array(_PackedTuples[Vector2]):
    """An array of `Vector2`, with 2 floats of 32 bits each."""

    __slots__ = ()
    _ELEMENT = Vector2


class PackedVector3Array(_PackedTuples[Vector3]):
    """An array of `Vector3`, with 3 floats of 32 bits each."""

    __slots__ = ()
    _ELEMENT = Vector3


class PackedVector4Array(_PackedTuples[Vector4]):
    """An array of `Vector4`, with 4 floats of 32 bits each."""

    __slots__ = ()
    _ELEMENT = Vector4


class PackedColorArray(_PackedTuples[Color]):
    """An array of `Color`, with 4 floats of 32 bits each."""

    __slots__ = ()
    _ELEMENT = Color


def item_layout(kind: Any) -> tuple[str, int]:
    """Returns the typecode of a class of packed arrays, and the bytes of a number, vector or colour in it."""
    width = kind._ELEMENT.WIDTH if issubclass(kind, _PackedTuples) else 1
    return kind._CODE, width * array(kind._CODE).itemsize


def _again(kind: type[_Packed[Any]], numbers: list[Any]) -> Any:
    return _flat.__new__(kind, kind._CODE, numbers)


def _string(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise TypeError(f"PackedStringArray holds str, not {type(value).__name__}")
