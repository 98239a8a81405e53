"""Bytes that grow: the part of the writer that knows numbers, strings and types, but no values.

Once compiled, the first bytes are kept within the object, and memory is only taken for more: what will be the result.

Layer: `variant`; compiled (types in `_output.pxd`). Source: reference godot4-wire section A.3.
"""

from __future__ import annotations

import struct
from array import array
from typing import Any

from gdpeer.errors import VariantError
from gdpeer.variant.binary.errors import zero_character
from gdpeer.variant.binary.layout import ENCODED_OBJECT, little
from gdpeer.variant.containers import ContainerType

try:
    import cython
except ImportError:
    from gdpeer import _cython as cython

if cython.compiled:
    from cython.cimports.cpython.bytes import PyBytes_FromStringAndSize
    from cython.cimports.cpython.pyport import PY_SSIZE_T_MAX
    from cython.cimports.cpython.ref import Py_XDECREF
    from cython.cimports.cpython.unicode import PyUnicode_AsUTF8AndSize
    from cython.cimports.gdpeer.variant.binary._kernels import (
        bytes_memory,
        copy_buffer,
        copy_text,
        put_reals,
        resize_bytes,
        store32,
        store64,
        take_bytes,
    )
    from cython.cimports.libc.string import memcpy, memset

__all__ = ["Output", "checked_count"]

_MAX_LENGTH = 2**31 - 1
_SMALL = 256
"""Bytes that a compiled one holds within itself before it takes memory."""

_PAIR = struct.Struct("<II")

_tuple_items: Any = tuple.__iter__
"""Of a subclass, too, whatever that makes of `iter`."""


class Output:
    """The bytes so far."""

    __slots__ = ("_at", "_data", "_end", "_large", "_small", "_start")

    # C's own once compiled (_output.pxd): the memory, where the next byte goes in it, and where it ends.
    _small: Any
    _large: Any
    _start: Any
    _at: Any
    _end: Any

    def _begin_output(self) -> None:
        if cython.compiled:
            self._start = self._at = self._small
            self._end = self._start + _SMALL
        else:
            self._data = bytearray()

    def __dealloc__(self) -> None:
        if cython.compiled:
            Py_XDECREF(self._large)

    def result(self) -> Any:
        """All that was written. Nothing is written after it."""
        if cython.compiled:
            size = self._at - self._start
            if self._large == cython.NULL:
                return PyBytes_FromStringAndSize(cython.cast(cython.p_char, self._start), size)
            resize_bytes(cython.address(self._large), size)
            return take_bytes(cython.address(self._large))
        return bytes(self._data)

    def _word(self, number: int) -> None:
        if cython.compiled:
            store32(self._room(4), number)
        else:
            self._data += number.to_bytes(4, "little")

    def _words(self, first: int, second: int) -> None:
        if cython.compiled:
            at = self._room(8)
            store32(at, first)
            store32(at + 4, second)
        else:
            self._data += _PAIR.pack(first, second)

    def _long(self, number: int) -> None:
        """An id: 64 bits, signed or not."""
        if not -(2**63) <= number < 2**64:
            raise VariantError(f"{number} is no id: it does not fit 64 bits")
        bits = number & 0xFFFFFFFFFFFFFFFF
        if cython.compiled:
            store64(self._room(8), bits)
        else:
            self._data += bits.to_bytes(8, "little")

    def _string(self, text: str, zeros: int) -> None:
        """Length, UTF-8 and padding; so many `zeros` after the text are counted as part of it."""
        if cython.compiled:
            length = 0
            source = PyUnicode_AsUTF8AndSize(text, cython.address(length))
            padding = zeros + (-length - zeros & 3)
            self._word(checked_count(length + zeros))
            at = self._room(length + padding)
            memset(at + length, 0, padding)
            if copy_text(at, source, length):
                raise zero_character()
        else:
            data = str.encode(text)
            if 0 in data:
                raise zero_character()
            self._word(checked_count(len(data) + zeros))
            self._data += data
            self._data += bytes(zeros + (-len(data) - zeros & 3))

    def _raw(self, data: Any, size: int) -> None:
        """The bytes of anything with a buffer of that size."""
        if cython.compiled:
            copy_buffer(self._room(size), data, size)
        else:
            self._data += data

    def _pad(self, size: int) -> None:
        self._raw(bytes(-size & 3), -size & 3)

    def _wholes(self, head: int, numbers: tuple[int, ...]) -> None:
        """A header and numbers of 32 bits each."""
        self._word(head)
        for number in _tuple_items(numbers):
            self._word(number & 0xFFFFFFFF)

    def _reals(self, head: int, numbers: tuple[float, ...], count: int) -> None:
        """A header and numbers of 32 bits each, up to 16; beyond the range as infinity."""
        if cython.compiled:
            if self._end - self._at < 68:
                self._grow(68)
            self._at = put_reals(self._at, head, numbers, count)
        else:
            self._word(head)
            self._raw(little(memoryview(array("f", _tuple_items(numbers)))), 4 * count)

    def _types(self, kind: int, first: ContainerType, second: ContainerType, objects: bool) -> None:
        """The header of a container and the types of what it holds."""
        self._word(kind | _type_bits(first, objects) << 16 | _type_bits(second, objects) << 18)
        for wanted in (first, second):
            bits = _type_bits(wanted, objects)
            if bits == 3:
                self._string(wanted.script, 0)
            elif bits == 2:
                self._string(wanted.class_name if objects else ENCODED_OBJECT, 0)
            elif bits == 1:
                self._word(wanted.type)

    def _room(self, size: int) -> Any:  # noqa: RET503 - nothing calls it uncompiled
        """Where to write the next `size` bytes, once compiled."""
        if cython.compiled:
            if self._end - self._at < size:
                self._grow(size)
            at = self._at
            self._at = at + size
            return at

    def _grow(self, size: int) -> None:
        """Take memory for `size` bytes more, and as much as was written, so that it is rare."""
        if cython.compiled:
            length = self._at - self._start
            if length > PY_SSIZE_T_MAX // 4 - size:
                raise MemoryError
            capacity = 2 * length + size
            small = self._large == cython.NULL
            resize_bytes(cython.address(self._large), capacity)
            self._start = bytes_memory(self._large)
            if small:
                memcpy(self._start, self._small, length)
            self._at = self._start + length
            self._end = self._start + capacity


def _type_bits(wanted: ContainerType, objects: bool) -> int:
    if wanted.script and objects:
        return 3
    if wanted.class_name or wanted.script:
        return 2
    return 1 if wanted.type else 0


def checked_count(size: int) -> int:
    """A length or a number of items, which has to fit 31 bits."""
    if size > _MAX_LENGTH:
        raise VariantError(f"{size} items or bytes are more than the {_MAX_LENGTH} that the engine takes")
    return size
