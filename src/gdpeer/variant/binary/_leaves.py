# cython: nonecheck=False, infer_types=True
# Only this package passes readers and writers, and `read_value` checks for None itself: without a check 5 % faster.
"""Decodes values that hold no other values: numbers, strings, and values made of them. The bytes may be hostile.

A count is compared with the bytes that are left before memory is taken for it. Every failure is a `VariantError` with
its offset; afterwards the reader is not used again.

Invariants: nothing outside of the span is read. `cost` grows by the most memory that each value can take.

Layer: `variant`; compiled (types in `_leaves.pxd`). Source: reference godot4-wire section A.1 to A.4, godot3-wire
section 4.
"""

from __future__ import annotations

from array import array
from typing import Any

from gdpeer.errors import VariantError
from gdpeer.variant.binary.layout import (
    BIG_ENDIAN,
    CLASSES,
    FROM_3,
    ITEM_SIZES,
    NUMBERS,
    REALS,
    TYPECODES,
    WHOLE,
    WHOLES,
    WIDE_REALS,
)
from gdpeer.variant.binary.memory_costs import ALLOWANCE, ASCII, HANDLE, LIST, NUMBER, PACKED, RATE, SLOT, TEXT, TUPLE
from gdpeer.variant.foreign import RID, EncodedCallable, EncodedObjectAsID, EncodedSignal
from gdpeer.variant.names import NodePath, StringName
from gdpeer.variant.packed import PackedByteArray, PackedStringArray

try:
    import cython
except ImportError:
    from gdpeer import _cython as cython

if cython.compiled:
    from cython.cimports.cpython.bytes import PyBytes_AS_STRING
    from cython.cimports.cpython.unicode import PyUnicode_DecodeUTF8
    from cython.cimports.gdpeer.variant.binary._kernels import (
        is_plain,
        load32,
        load64,
        load_double,
        load_float,
        new_numbers,
        new_plain,
    )
    from cython.cimports.libc.string import memchr

__all__ = ["NESTED", "LeafReader", "bytes_of", "new_leaf_reader"]

NESTED = object()
"""Returned by `LeafReader.leaf` in place of a value that may hold other values."""


# C's own once compiled (_leaves.pxd).
_NESTED = NESTED
_WIDE = 1 << 16
_NIL, _BOOL, _INT, _FLOAT, _STRING, _COLOR, _STRING_NAME, _NODE_PATH = 0, 1, 2, 3, 4, 20, 21, 22
_RID, _OBJECT, _CALLABLE, _DICTIONARY, _ARRAY = 23, 24, 25, 27, 28
_PACKED_BYTES, _PACKED_STRINGS, _FIRST_VECTORS, _PACKED_COLORS = 29, 34, 35, 37
_KINDS, _KINDS_3 = len(NUMBERS), len(FROM_3)

_BYTE_ORDER_MARK = "\ufeff"

_NO_RID, _NO_CALLABLE = RID(), EncodedCallable()
_new_tuple, _new_bytes, _new_array = tuple.__new__, bytes.__new__, array.__new__


_spare: LeafReader | None = None
"""The last reader, to be used again: making an object costs more than decoding a small value."""


class LeafReader:
    """Decodes leaves from `data[at:end]`, and the headers of values that may hold other values.

    With `objects`, full objects are read, as `EncodedObject`; else they are refused.
    """

    __slots__ = ("_begin", "_bytes", "_data", "_end", "at", "cost", "depth", "head", "kind", "objects", "old")

    def begin(self, data: bytes, at: int, end: int, engine: int, objects: bool) -> None:
        """Prepares the reader; called by `new_leaf_reader`."""
        if not 0 <= at <= end <= len(data):
            raise ValueError(f"{at}:{end} is no span of {len(data)} bytes")
        self._data = data
        if cython.compiled:
            self._bytes = cython.cast(cython.p_uchar, PyBytes_AS_STRING(data))
        self.at = at
        self._begin = at
        self._end = end
        self.old = engine == 3
        self.objects = objects
        self.depth = 0
        """Number of containers that are open around the next value."""
        self.cost = 0
        """Most bytes of memory that all values so far can take, by `memory_costs`."""

    def end(self) -> None:
        """Frees the bytes and keeps the reader for the next use; the caller must not use it any more."""
        global _spare
        if cython.compiled:
            self._data = b""
            _spare = self

    def check_cost(self) -> None:
        """Refuses values that need too much memory."""
        if self.cost > RATE * (self.at - self._begin) + ALLOWANCE:
            raise self.error(f"the values need too much memory, more than {RATE} times their bytes")

    def leaf(self) -> Any:
        """Decodes the next value, in the full encoding. NESTED: the value may hold other values.

        Of such a value only the header is read: `head` has the header, `kind` its type.

        Raises:
            VariantError: the bytes hold no value.
        """
        head = self.word()
        kind = head & 255
        if self.old:
            kind = FROM_3[kind] if kind < _KINDS_3 else _KINDS
        if kind == _STRING:
            return self.text()
        if kind == _INT:
            self.cost += SLOT + NUMBER
            return self.whole(8 if head & _WIDE else 4)
        if kind == _FLOAT:
            self.cost += SLOT + NUMBER
            return self._double() if head & _WIDE else self._single()
        if kind == _BOOL:
            self.cost += SLOT
            return self.word() != 0
        if kind == _NIL:
            self.cost += SLOT
            return None
        if kind == _DICTIONARY or kind == _ARRAY or (kind == _OBJECT and not head & _WIDE):  # noqa: SIM109 - for C
            self.kind = kind
            self.head = head
            return _NESTED
        if kind >= _KINDS:
            raise self.error(f"the engine has no type {head & 255}", 4)
        return self._other(kind, head & _WIDE != 0)

    def _other(self, kind: int, flag: bool) -> Any:
        wide = flag and not self.old
        if NUMBERS[kind]:
            return self._flat(kind, NUMBERS[kind], wide and kind != _COLOR and not WHOLE[kind])
        if ITEM_SIZES[kind]:
            return self._packed(kind, wide and _FIRST_VECTORS <= kind != _PACKED_COLORS)
        if kind == _STRING_NAME:
            self.cost += TEXT
            return StringName(self.text())
        if kind == _PACKED_BYTES:
            return self._byte_array()
        if kind == _PACKED_STRINGS:
            return self._strings()
        if kind == _NODE_PATH:
            return self._node_path()
        return self._handle(kind)

    # ------------------------------------------------------------ values made of numbers and strings

    def _handle(self, kind: int) -> Any:
        self.cost += SLOT
        if kind == _CALLABLE:
            return _NO_CALLABLE
        if kind == _RID and self.old:
            return _NO_RID
        self.cost += HANDLE
        if kind == _RID:
            return RID(self.whole(8))
        if kind == _OBJECT:
            number = self.whole(8)
            return EncodedObjectAsID(number) if number else None
        name = self.text()
        return EncodedSignal(name, self.whole(8))

    def _flat(self, kind: int, count: int, wide: bool) -> Any:
        self.cost += SLOT + TUPLE + NUMBER * count
        at = self._take(count * (8 if wide else 4))
        if cython.compiled:
            return new_numbers(CLASSES[kind], self._bytes + at, count, WHOLE[kind], wide)
        if wide:
            return _new_tuple(CLASSES[kind], array("f", WIDE_REALS[count].unpack_from(self._data, at)))
        shape = WHOLES if WHOLE[kind] else REALS
        return _new_tuple(CLASSES[kind], shape[count].unpack_from(self._data, at))

    def _node_path(self) -> NodePath:
        self.cost += SLOT + HANDLE + TUPLE
        count = self.word()
        if not count & 0x80000000:
            raise self.error("a NodePath in an old form", 4)
        count &= 0x7FFFFFFF
        subnames = self.word()
        flags = self.word()
        if flags & 2:
            # An obsolete format: the property is one more text after the subnames.
            subnames += 1
        self._check_count(count, 4)
        self._check_count(subnames, 4)
        self._check_count(count + subnames, 4)
        names = tuple([self.text() for _ in range(count)])
        return NodePath.of(names, tuple([self.text() for _ in range(subnames)]), flags & 1 != 0)

    def _byte_array(self) -> Any:
        size = self.counted(1)
        self.cost += PACKED + size
        at = self._take(size)
        # The engine accepts a value that ends without its padding.
        self._take(min(-size & 3, self._end - self.at))
        return _new_bytes(PackedByteArray, self._data[at : at + size])

    def _packed(self, kind: int, wide: bool) -> Any:
        item = ITEM_SIZES[kind] * (2 if wide else 1)
        size = self.counted(item) * item
        self.cost += PACKED + size
        at = self._take(size)
        value = _new_array(array if wide else CLASSES[kind], "d" if wide else TYPECODES[kind])
        array.frombytes(value, memoryview(self._data)[at : at + size])
        if BIG_ENDIAN:
            value.byteswap()
        # Engines built for 64-bit vectors send doubles; the arrays here have 32 bits.
        return _new_array(CLASSES[kind], "f", value) if wide else value

    def _strings(self) -> PackedStringArray:
        count = self.counted(4)
        self.cost += LIST
        return PackedStringArray([self.text() for _ in range(count)])

    # ------------------------------------------------------------ numbers and bytes

    def peek(self) -> Any:
        """Returns the next byte without taking it."""
        if self.at == self._end:
            raise self.error("the bytes end within a value")
        if cython.compiled:
            return self._bytes[self.at]
        return self._data[self.at]

    def skip(self) -> None:
        """Takes the byte that `peek` returned."""
        self.at += 1

    def whole(self, size: int) -> Any:
        """Decodes a signed number of 1, 2, 4 or 8 bytes."""
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

    def word(self) -> Any:
        """Decodes an unsigned number of 4 bytes."""
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

    def text(self) -> Any:
        """Decodes a string: length, UTF-8 and padding. As in the engine, a zero byte ends the text.

        A byte order mark at the beginning is left out.
        """
        size = self.counted(1)
        at = self._take(size + (-size & 3))
        if cython.compiled and is_plain(self._bytes + at, size):
            self.cost += SLOT + ASCII + size if size > 1 else SLOT
            return new_plain(self._bytes + at, size)
        try:
            if cython.compiled:
                source = cython.cast(cython.p_char, self._bytes) + at
                zero = cython.cast(cython.p_char, memchr(source, 0, size))
                text = PyUnicode_DecodeUTF8(source, zero - source if zero != cython.NULL else size, cython.NULL)
            else:
                text = self._data[at : at + size].partition(b"\0")[0].decode()
        except UnicodeDecodeError as error:
            raise VariantError("a text is not UTF-8", at + error.start) from None
        self.cost += SLOT
        if size > 1:
            if text.isascii():
                self.cost += ASCII + size
            else:
                self.cost += TEXT + 4 * size
                text = text.removeprefix(_BYTE_ORDER_MARK)
        return text

    def counted(self, size: int) -> Any:
        """Decodes a count of items of at least `size` bytes each, and checks that as many bytes are there."""
        count = self.word()
        if size > 1:
            # The highest bit once marked a shared container; the engine ignores it.
            count &= 0x7FFFFFFF
        self._check_count(count, size)
        return count

    def _check_count(self, count: int, size: int) -> None:
        # The product can overflow where C's numbers have 32 bits; then it is below zero.
        needed = count
        needed *= size
        if needed < 0 or needed > self._end - self.at:
            raise self.error(f"{count} items do not fit the {self._end - self.at} bytes that are left", 4)

    def _take(self, size: int) -> Any:
        """Takes the next `size` bytes, and returns where they begin."""
        at = self.at
        if size < 0 or size > self._end - at:
            raise self.error("the bytes end within a value")
        self.at = at + size
        return at

    def error(self, reason: str, back: int = 0) -> VariantError:
        """Returns the error for a failure `back` bytes before the current place."""
        return VariantError(reason, self.at - back)


def bytes_of(data: bytes | bytearray | memoryview) -> bytes:
    """Returns the bytes of a bytes-like object.

    Raises:
        TypeError: the object is not bytes-like. A number is refused too: `bytes(3)` would be three zeros.
    """
    return data if type(data) is bytes else bytes(memoryview(data))


def new_leaf_reader(data: bytes, at: int, end: int, engine: int, objects: bool) -> LeafReader:
    """Returns a prepared `LeafReader`. Compiled callers pass the arguments as C values, not as Python objects."""
    global _spare
    leaves = _spare
    if cython.compiled and leaves is not None:
        _spare = None
    else:
        leaves = LeafReader.__new__(LeafReader)
    leaves.begin(data, at, end, engine, objects)
    return leaves
