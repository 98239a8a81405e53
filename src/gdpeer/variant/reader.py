"""Bytes to engine values, the bytes possibly hostile: numbers, strings, and all that holds other values.

A reader takes values from a span of bytes. What is nested is read with a stack of its own, never by recursion. Counts
are compared with the bytes that are left before anything is taken for them; whatever is wrong is a `VariantError` with
its offset, and the reader is not used again.

Invariants: nothing outside the span is read. What was read takes at most 16 times its bytes and 64 KiB of memory:
Python needs more than that for some values that no game sends, such as dictionaries of one null key nested in each
other; the reader keeps count of an upper estimate and refuses those. Only dictionaries can go beyond it, so the count
is looked at where one grows, and where something nests.

Layer: `variant`; compiled (types in `reader.pxd`). Source: reference godot4-wire section A.1 to A.3, godot3-wire
section 4.
"""

from __future__ import annotations

import sys
from array import array
from typing import Any

from gdpeer.errors import VariantError
from gdpeer.variant.containers import UNTYPED, Array, ContainerType, Dictionary
from gdpeer.variant.handles import RID, EncodedCallable, EncodedObject, EncodedObjectAsID, EncodedSignal
from gdpeer.variant.kinds import VariantType
from gdpeer.variant.layout import (
    AS_ID,
    BUILTIN,
    CLASSES,
    FROM_3,
    ITEM_SIZES,
    MAX_DEPTH,
    NUMBERS,
    REALS,
    TYPECODES,
    WHOLE,
    WHOLES,
    WIDE_REALS,
    holds_plainly,
)
from gdpeer.variant.names import NodePath, StringName
from gdpeer.variant.packed import PackedByteArray, PackedStringArray

try:
    import cython
except ImportError:
    from gdpeer import _cython as cython

if cython.compiled:
    from cython.cimports.cpython.bytes import PyBytes_AS_STRING
    from cython.cimports.cpython.unicode import PyUnicode_DecodeUTF8
    from cython.cimports.gdpeer.variant._kernels import (
        load32,
        load64,
        load_double,
        load_float,
        new_reals,
        new_wholes,
        new_wide_reals,
    )
    from cython.cimports.libc.string import memchr

__all__ = ["Reader", "new_reader"]

BIG_ENDIAN = sys.byteorder == "big"

# C integers once compiled (reader.pxd).
_WIDE = 1 << 16
_NIL, _BOOL, _INT, _FLOAT, _STRING, _COLOR, _STRING_NAME, _NODE_PATH = 0, 1, 2, 3, 4, 20, 21, 22
_RID, _OBJECT, _CALLABLE, _DICTIONARY, _ARRAY = 23, 24, 25, 27, 28
_PACKED_BYTES, _PACKED_STRINGS, _FIRST_VECTORS, _PACKED_COLORS = 29, 34, 35, 37
_KINDS, _KINDS_3 = len(NUMBERS), len(FROM_3)
_NUMBERS, _ITEM_SIZES = bytes(NUMBERS), bytes(ITEM_SIZES)
_IS_WHOLE = bytes(kind in WHOLE for kind in range(_KINDS))

# Upper estimates of what Python takes, in bytes, on a 64-bit machine.
_RATE, _ALLOWANCE = 16, 52 * 1024
"""The rest of the 64 KiB is for the reader itself and what it lets go of again."""
_SLOT, _NUMBER, _ASCII, _TEXT, _TUPLE, _HANDLE, _LIST, _PACKED, _DICT, _FRAME = 9, 36, 56, 82, 64, 100, 97, 104, 64, 80
_FIRST_TEXT_KEY, _FIRST_KEY, _KEY, _SEALED = 102, 150, 72, 130

_UNSET = object()
_NO_RID, _NO_CALLABLE = RID(), EncodedCallable()
_new_tuple, _new_bytes, _new_array = tuple.__new__, bytes.__new__, array.__new__


class _Frame:
    """A container under way."""

    __slots__ = ("key", "kind", "left", "mark", "outer", "target")

    key: Any
    outer: _Frame | None

    def begin(self, outer: _Frame | None, kind: int, left: int, target: Any, mark: int) -> None:
        """Set up.

        Args:
            outer: the container around it.
            kind: of the container.
            left: how many elements, pairs or properties are to come.
            target: the container itself.
            mark: where its next key begins.
        """
        self.outer = outer
        self.kind = kind
        self.left = left
        self.target = target
        self.mark = mark
        """Where the next key begins; once that was read, how many bytes it took."""
        self.key = _UNSET


class Reader:
    """Takes values out of `data[at:end]`.

    Args of `new_reader`:
        data: the bytes.
        at: where to begin.
        end: where to stop, however long `data` is.
        engine: 3 or 4.
        objects: whether full objects are read, as `EncodedObject`; else they are refused.
    """

    __slots__ = (
        "_begin",
        "_bytes",
        "_cost",
        "_data",
        "_depth",
        "_end",
        "_first",
        "_frame",
        "_last",
        "_objects",
        "_old",
        "at",
    )

    _frame: _Frame | None

    def begin(self, data: bytes, at: int, end: int, engine: int, objects: bool) -> None:
        """Set up; `new_reader` does so."""
        if not 0 <= at <= end <= len(data):
            raise ValueError(f"{at}:{end} is no span of {len(data)} bytes")
        self._data = data
        if cython.compiled:
            self._bytes = cython.cast(cython.p_uchar, PyBytes_AS_STRING(data))
        self.at = at
        self._begin = at
        self._end = end
        self._cost = 0
        self._old = engine == 3
        self._objects = objects
        # Object to Array.
        self._first = 17 if self._old else _OBJECT
        self._last = 19 if self._old else _ARRAY
        self._depth = 0
        self._frame = None

    def value(self) -> Any:
        """The next value, in the full encoding.

        Raises:
            VariantError: there is none.
        """
        while True:
            value = self._one()
            if value is _UNSET:
                continue
            # A value ends the containers that it is the last one of.
            while True:
                frame = self._frame
                if frame is None:
                    return value
                self._add(frame, value)
                if frame.left:
                    break
                value = self._close(frame)

    # ------------------------------------------------------------ containers under way

    def _open(self, kind: int, left: int, target: Any) -> _Frame:
        self._check_depth()
        self._depth += 1
        self._cost += _FRAME
        self._check_cost()
        frame = _Frame.__new__(_Frame)
        frame.begin(self._frame, kind, left, target, self.at)
        self._frame = frame
        return frame

    def _check_depth(self) -> None:
        if self._depth == MAX_DEPTH:
            raise self._error(f"values are nested deeper than {MAX_DEPTH}")

    def _close(self, frame: _Frame) -> Any:
        self._depth -= 1
        self._cost -= _FRAME
        self._frame = frame.outer
        return frame.target

    def _add(self, frame: _Frame, value: Any) -> None:
        target = frame.target
        if frame.kind == _ARRAY:
            target.append(value if type(target) is list else self._fitted(value, target.element_type))
            frame.left -= 1
        elif frame.key is _UNSET:
            frame.key = value if type(target) is dict else self._fitted(value, target.key_type)
            frame.mark = self.at - frame.mark
        elif frame.kind == _DICTIONARY:
            if type(target) is not dict:
                value = self._fitted(value, target.value_type)
            frame.target = self._with_pair(target, frame.key, value, frame.mark)
            frame.key = _UNSET
            frame.mark = self.at
            frame.left -= 1
        else:
            target.properties[frame.key] = value
            frame.left -= 1
            if frame.left:
                frame.key = self._property_name()

    def _fitted(self, value: Any, wanted: ContainerType) -> Any:
        try:
            return wanted.fitted(value)
        except TypeError as error:
            raise self._error(f"a typed container holds a {error}") from None

    def _with_pair(self, target: Any, key: Any, value: Any, size: int) -> Any:
        """`target` and one pair more, as a `Dictionary` when it has to be one. `size`: the bytes of the key."""
        if target:
            self._cost += _KEY
        else:
            self._cost += _FIRST_TEXT_KEY if type(key) is str else _FIRST_KEY
            self._check_cost()
        if type(target) is dict:
            plain = target
            if type(key) is str or holds_plainly(plain, key):
                plain[key] = value
                return plain
            target = self._converted(target)
        # What such a key is compared by costs about as much again as the key itself.
        self._cost += _SEALED + _RATE * size
        self._check_cost()
        try:
            target[key] = value
        except (TypeError, VariantError) as error:
            raise self._error(f"a key that no dictionary can hold: {error}") from None
        return target

    def _converted(self, target: dict[Any, Any]) -> Dictionary:
        self._cost += len(target) * (_KEY + _SEALED)
        self._check_cost()
        dictionary = Dictionary()
        for key, value in target.items():
            dictionary[key] = value
        return dictionary

    def _check_cost(self) -> None:
        if self._cost > _RATE * (self.at - self._begin) + _ALLOWANCE:
            raise self._error(f"the values need too much memory, more than {_RATE} times their bytes")

    # ------------------------------------------------------------ values

    def _one(self) -> Any:
        """A value; _UNSET for a container that was opened."""
        head = self._word()
        kind = head & 255
        if self._old:
            kind = FROM_3[kind] if kind < _KINDS_3 else _KINDS
        if kind == _STRING:
            return self._string()
        if kind == _INT:
            self._cost += _SLOT + _NUMBER
            return self.whole(8 if head & _WIDE else 4)
        if kind == _FLOAT:
            self._cost += _SLOT + _NUMBER
            return self._double() if head & _WIDE else self._single()
        if kind == _BOOL:
            self._cost += _SLOT
            return self._word() != 0
        if kind == _NIL:
            self._cost += _SLOT
            return None
        if kind == _DICTIONARY:
            return self._begin_dictionary(head)
        if kind == _ARRAY:
            return self._begin_array(head)
        if kind >= _KINDS:
            raise self._error(f"the engine has no type {head & 255}", 4)
        if kind == _OBJECT:
            return self._object(head)
        return self._other(kind, head)

    def _object(self, head: int) -> Any:
        self._cost += _SLOT
        if head & _WIDE:
            self._cost += _HANDLE
            number = self.whole(8)
            return EncodedObjectAsID(number) if number else None
        if not self._objects:
            raise self._error("a full Object, which is only read where objects are allowed (..._with_objects)", 4)
        name = self._string()
        if not name:
            return None
        self._cost += _HANDLE + _DICT
        count = self._counted(8)
        if not count:
            return EncodedObject(name, {})
        frame = self._open(_OBJECT, count, EncodedObject(name, {}))
        frame.key = self._property_name()
        return _UNSET

    def _property_name(self) -> Any:
        self._cost += _KEY
        return self._string()

    def _begin_array(self, head: int) -> Any:
        wanted = UNTYPED if self._old else self._type(head >> 16 & 3)
        count = self._counted(4)
        self._cost += _LIST
        if wanted is not UNTYPED:
            return self._begin_typed(_ARRAY, count, Array((), wanted))
        target: list[Any] = []
        if count:
            self._check_depth()
            while not self._holds_others():
                target.append(self._one())
                count -= 1
                if not count:
                    return target
            self._open(_ARRAY, count, target)
            return _UNSET
        return target

    def _begin_dictionary(self, head: int) -> Any:
        first = second = UNTYPED
        if not self._old:
            first = self._type(head >> 16 & 3)
            second = self._type(head >> 18 & 3)
        count = self._counted(8)
        self._cost += _SLOT + _DICT
        if first is not UNTYPED or second is not UNTYPED:
            return self._begin_typed(_DICTIONARY, count, Dictionary((), first, second))
        target: Any = {}
        key = _UNSET
        begin = end = self.at
        if count:
            self._check_depth()
            while not self._holds_others():
                key = self._one()
                end = self.at
                if self._holds_others():
                    break
                target = self._with_pair(target, key, self._one(), end - begin)
                key = _UNSET
                begin = self.at
                count -= 1
                if not count:
                    return target
            frame = self._open(_DICTIONARY, count, target)
            frame.key = key
            frame.mark = begin if key is _UNSET else end - begin
            return _UNSET
        return target

    def _begin_typed(self, kind: int, count: int, target: Any) -> Any:
        if not count:
            return target
        self._open(kind, count, target)
        return _UNSET

    def _holds_others(self) -> Any:
        """Whether the next value may be a container."""
        following = self.peek()
        return following >= self._first and following <= self._last

    def _type(self, bits: int) -> ContainerType:
        """What a container may hold, by the kind in its header."""
        if bits == 0:
            return UNTYPED
        if bits == 1:
            kind = self._word()
            if kind >= _KINDS:
                raise self._error(f"the engine has no type {kind} for elements", 4)
            return BUILTIN[kind] if kind != _OBJECT or self._objects else AS_ID
        name = self._string()
        self._cost += _HANDLE
        if not self._objects:
            return AS_ID
        return ContainerType(VariantType.TYPE_OBJECT, *((name,) if bits == 2 else ("", name)))

    # ------------------------------------------------------------ values that hold no others

    def _other(self, kind: int, head: int) -> Any:
        wide = head & _WIDE != 0 and not self._old
        if _NUMBERS[kind]:
            return self._flat(kind, _NUMBERS[kind], wide and kind != _COLOR and not _IS_WHOLE[kind])
        if _ITEM_SIZES[kind]:
            return self._packed(kind, wide and _FIRST_VECTORS <= kind != _PACKED_COLORS)
        if kind == _STRING_NAME:
            self._cost += _TEXT
            return StringName(self._string())
        if kind == _PACKED_BYTES:
            return self._byte_array()
        if kind == _PACKED_STRINGS:
            return self._strings()
        if kind == _NODE_PATH:
            return self._node_path()
        return self._handle(kind)

    def _handle(self, kind: int) -> Any:
        self._cost += _SLOT
        if kind == _CALLABLE:
            return _NO_CALLABLE
        if kind == _RID and self._old:
            return _NO_RID
        self._cost += _HANDLE
        if kind == _RID:
            return RID(self.whole(8))
        name = self._string()
        return EncodedSignal(name, self.whole(8))

    def _flat(self, kind: int, count: int, wide: bool) -> Any:
        self._cost += _SLOT + _TUPLE + _NUMBER * count
        at = self._take(count * (8 if wide else 4))
        if cython.compiled:
            if wide:
                return new_wide_reals(CLASSES[kind], self._bytes + at, count)
            if _IS_WHOLE[kind]:
                return new_wholes(CLASSES[kind], self._bytes + at, count)
            return new_reals(CLASSES[kind], self._bytes + at, count)
        if wide:
            return _new_tuple(CLASSES[kind], array("f", WIDE_REALS[count].unpack_from(self._data, at)))
        shape = WHOLES if _IS_WHOLE[kind] else REALS
        return _new_tuple(CLASSES[kind], shape[count].unpack_from(self._data, at))

    def _node_path(self) -> NodePath:
        self._cost += _SLOT + _HANDLE + _TUPLE
        count = self._word()
        if not count & 0x80000000:
            raise self._error("a NodePath in an old form", 4)
        count &= 0x7FFFFFFF
        subnames = self._word()
        flags = self._word()
        if flags & 2:
            # An obsolete form: the property stands after the subnames.
            subnames += 1
        self._check_count(count, 4)
        self._check_count(subnames, 4)
        self._check_count(count + subnames, 4)
        names = tuple([self._string() for _ in range(count)])
        return NodePath.of(names, tuple([self._string() for _ in range(subnames)]), flags & 1 != 0)

    def _byte_array(self) -> Any:
        size = self._counted(1)
        self._cost += _PACKED + size
        at = self._take(size)
        self._take(min(-size & 3, self._end - self.at))
        return _new_bytes(PackedByteArray, self._data[at : at + size])

    def _packed(self, kind: int, wide: bool) -> Any:
        item = _ITEM_SIZES[kind] * (2 if wide else 1)
        size = self._counted(item) * item
        self._cost += _PACKED + size
        at = self._take(size)
        value = _new_array(array if wide else CLASSES[kind], "d" if wide else TYPECODES[kind])
        array.frombytes(value, memoryview(self._data)[at : at + size])
        if BIG_ENDIAN:
            value.byteswap()
        return _new_array(CLASSES[kind], "f", value) if wide else value

    def _strings(self) -> PackedStringArray:
        count = self._counted(4)
        self._cost += _LIST
        return PackedStringArray([self._string() for _ in range(count)])

    # ------------------------------------------------------------ numbers and bytes

    def peek(self) -> Any:
        """The next byte, which stays there."""
        if self.at == self._end:
            raise self._error("the bytes end within a value")
        if cython.compiled:
            return self._bytes[self.at]
        return self._data[self.at]

    def skip(self) -> None:
        """Leave out the byte that `peek` gave."""
        self.at += 1

    def whole(self, size: int) -> Any:
        """A signed number of 1, 2, 4 or 8 bytes."""
        at = self._take(size)
        if cython.compiled:
            source = self._bytes + at
            if size == 4:
                return cython.cast(cython.int, load32(source))
            if size == 8:
                return cython.cast(cython.longlong, load64(source))
            if size == 2:
                return cython.cast(cython.short, source[0] | source[1] << 8)
            return cython.cast(cython.schar, source[0])
        return int.from_bytes(self._data[at : at + size], "little", signed=True)

    def _word(self) -> Any:
        at = self._take(4)
        if cython.compiled:
            return load32(self._bytes + at)
        return int.from_bytes(self._data[at : at + 4], "little")

    def _single(self) -> Any:
        at = self._take(4)
        if cython.compiled:
            return load_float(self._bytes + at)
        return REALS[1].unpack_from(self._data, at)[0]

    def _double(self) -> Any:
        at = self._take(8)
        if cython.compiled:
            return load_double(self._bytes + at)
        return WIDE_REALS[1].unpack_from(self._data, at)[0]

    def _string(self) -> Any:
        """Length, UTF-8 and padding. A zero byte ends the text, as in the engine."""
        size = self._counted(1)
        at = self._take(size + (-size & 3))
        try:
            if cython.compiled:
                source = cython.cast(cython.p_char, self._bytes) + at
                zero = cython.cast(cython.p_char, memchr(source, 0, size))
                text = PyUnicode_DecodeUTF8(source, zero - source if zero != cython.NULL else size, cython.NULL)
            else:
                text = self._data[at : at + size].partition(b"\0")[0].decode()
        except UnicodeDecodeError as error:
            raise VariantError("a text is not UTF-8", at + error.start) from None
        self._cost += _SLOT
        if size > 1:
            self._cost += _ASCII + size if text.isascii() else _TEXT + 4 * size
        return text

    def _counted(self, size: int) -> Any:
        """A count of things of at least `size` bytes each, so many of which are there."""
        count = self._word()
        if size > 1:
            # The highest bit once told that a container is shared; the engine looks past it.
            count &= 0x7FFFFFFF
        self._check_count(count, size)
        return count

    def _check_count(self, count: int, size: int) -> None:
        # Below zero: where C's numbers have 32 bits.
        if count < 0 or count > (self._end - self.at) // size:
            raise self._error(f"{count} items do not fit the {self._end - self.at} bytes that are left", 4)

    def _take(self, size: int) -> Any:
        """Where the next `size` bytes begin."""
        at = self.at
        if size < 0 or size > self._end - at:
            raise self._error("the bytes end within a value")
        self.at = at + size
        return at

    def _error(self, reason: str, back: int = 0) -> VariantError:
        """`back`: how many bytes before the current one it was noticed."""
        return VariantError(reason, self.at - back)


def new_reader(data: bytes, at: int, end: int, engine: int, objects: bool) -> Reader:
    """A `Reader`, without the detour of its arguments over Python objects."""
    reader = Reader.__new__(Reader)
    reader.begin(data, at, end, engine, objects)
    return reader
