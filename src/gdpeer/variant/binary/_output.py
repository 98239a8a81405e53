# cython: infer_types=True
"""A growing buffer of bytes: the part of the writer that writes numbers, strings and types.

In the compiled form the first bytes stand within the object. Memory is taken only for more bytes, and that memory
becomes the result.

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
"""Bytes that a compiled object holds within itself before it takes memory."""

_PAIR = struct.Struct("<II")

_tuple_items: Any = tuple.__iter__
"""Iterates over the items of a tuple; a subclass's own `__iter__` is not called."""


class Output:
    """The bytes that were written so far, as a growing buffer."""

    __slots__ = ("_at", "_data", "_end", "_large", "_small", "_start")

    # C fields once compiled (_output.pxd): the memory, the place of the next byte, and the end.
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
        """Returns all written bytes. Nothing may be written afterwards."""
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
        """Writes an id: 64 bits, signed or unsigned."""
        if not -(2**63) <= number < 2**64:
            raise VariantError(f"{number} is no id: it does not fit 64 bits")
        bits = number & 0xFFFFFFFFFFFFFFFF
        if cython.compiled:
            store64(self._room(8), bits)
        else:
            self._data += bits.to_bytes(8, "little")

    def _string(self, text: str, zeros: int) -> None:
        """Writes length, UTF-8 and padding; `zeros` zero bytes after the text count as part of it."""
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
        """Writes `size` bytes of an object with a buffer."""
        if cython.compiled:
            copy_buffer(self._room(size), data, size)
        else:
            self._data += data

    def _pad(self, size: int) -> None:
        self._raw(bytes(-size & 3), -size & 3)

    def _wholes(self, head: int, numbers: tuple[int, ...]) -> None:
        """Writes a header and whole numbers of 32 bits each."""
        self._word(head)
        for number in _tuple_items(numbers):
            self._word(number & 0xFFFFFFFF)

    def _reals(self, head: int, numbers: tuple[float, ...], count: int) -> None:
        """Writes a header and up to 16 floats of 32 bits each; floats beyond the range become infinity."""
        if cython.compiled:
            # 68: the header and 16 numbers, which is more than most values need but saves a multiplication.
            if self._end - self._at < 68:
                self._grow(68)
            self._at = put_reals(self._at, head, numbers, count)
        else:
            self._word(head)
            self._raw(little(memoryview(array("f", _tuple_items(numbers)))), 4 * count)

    def _types(self, kind: int, first: ContainerType, second: ContainerType, objects: bool) -> None:
        """Writes the header of a container and the types of its content."""
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
        """Returns where to write the next `size` bytes; compiled only."""
        if cython.compiled:
            if self._end - self._at < size:
                self._grow(size)
            at = self._at
            self._at = at + size
            return at

    def _grow(self, size: int) -> None:
        """Takes memory for `size` more bytes."""
        if cython.compiled:
            length = self._at - self._start
            if length > PY_SSIZE_T_MAX // 4 - size:
                raise MemoryError
            # Double the size, so that growing stays rare and each byte is copied a constant number of times.
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
    """Returns a length or a number of items; refuses more than 31 bits."""
    if size > _MAX_LENGTH:
        raise VariantError(f"{size} items or bytes are more than the {_MAX_LENGTH} that the engine takes")
    return size
