"""Bytes that grow: the part of the writer that knows numbers and strings, but no values.

Once compiled, the first bytes are kept within the object, and a `bytearray` is only taken for more.

Layer: `variant`; compiled (types in `output.pxd`). Source: reference godot4-wire section A.3.
"""

from __future__ import annotations

import struct
from typing import Any

from gdpeer.errors import VariantError
from gdpeer.variant.faults import zero_character

try:
    import cython
except ImportError:
    from gdpeer import _cython as cython

if cython.compiled:
    from cython.cimports.cpython.bytearray import (
        PyByteArray_AS_STRING,
        PyByteArray_FromStringAndSize,
        PyByteArray_Resize,
    )
    from cython.cimports.cpython.bytes import PyBytes_FromStringAndSize
    from cython.cimports.cpython.pyport import PY_SSIZE_T_MAX
    from cython.cimports.cpython.unicode import PyUnicode_AsUTF8AndSize
    from cython.cimports.gdpeer.variant._kernels import copy_buffer, copy_text, store32, store64
    from cython.cimports.libc.string import memset

__all__ = ["Output", "checked_count"]

_MAX_LENGTH = 2**31 - 1
_SMALL = 256
"""Bytes that a compiled one holds within itself before it takes memory."""

_PAIR = struct.Struct("<II")


class Output:
    """The bytes so far."""

    __slots__ = ("_capacity", "_data", "_large", "_length", "_small", "_start")

    # C's own once compiled (output.pxd).
    _small: Any
    _large: Any
    _start: Any
    _length: Any
    _capacity: Any

    def _begin_output(self) -> None:
        if cython.compiled:
            self._start = self._small
            self._length = 0
            self._capacity = _SMALL
        else:
            self._data = bytearray()

    def result(self) -> bytes:
        """All that was written."""
        if cython.compiled:
            data: bytes = PyBytes_FromStringAndSize(cython.cast(cython.p_char, self._start), self._length)
            return data
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

    def _room(self, size: int) -> Any:  # noqa: RET503 - nothing calls it uncompiled
        """Where to write the next `size` bytes, once compiled."""
        if cython.compiled:
            if self._capacity - self._length < size:
                self._grow(size)
            at = self._start + self._length
            self._length += size
            return at

    def _grow(self, size: int) -> None:
        if cython.compiled:
            if self._length > PY_SSIZE_T_MAX // 2 - size:
                raise MemoryError
            capacity = 2 * (self._length + size)
            if self._large is None:
                self._large = PyByteArray_FromStringAndSize(cython.cast(cython.p_char, self._start), self._length)
            PyByteArray_Resize(self._large, capacity)
            self._start = cython.cast(cython.p_uchar, PyByteArray_AS_STRING(self._large))
            self._capacity = capacity


def checked_count(size: int) -> int:
    """A length or a number of items, which has to fit 31 bits."""
    if size > _MAX_LENGTH:
        raise VariantError(f"{size} items or bytes are more than the {_MAX_LENGTH} that the engine takes")
    return size
