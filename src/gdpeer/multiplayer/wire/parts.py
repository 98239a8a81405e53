"""The parts of packets that both engines share: texts that end with a zero byte, and the arguments of a call.

Layer: `multiplayer.wire`; pure; compiled (types in `parts.pxd`).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, TypeAlias

from gdpeer.errors import PacketError, VariantError
from gdpeer.variant.binary.compact import decode_arguments
from gdpeer.variant.packed import PackedByteArray

__all__ = [
    "MAX_ARGUMENTS",
    "ONE_ARRAY",
    "PATH_FOLLOWS",
    "U32",
    "Arguments",
    "Undecoded",
    "text_at",
    "undecoded",
    "values_of",
    "zero_after",
]

MAX_ARGUMENTS = 255
"""The most arguments of a call: the packet counts them in one byte."""

PATH_FOLLOWS = 0x80000000
"""If this bit of a node id is set, the other bits are the offset of a path that ends the packet."""

ONE_ARRAY = -1
"""In place of the number of values: the bytes are one PackedByteArray."""

U32 = struct.Struct("<I")


class Undecoded:
    """The values in a packet, decoded when they are needed: decoding them is most of the work of a call."""

    __slots__ = ("_at", "_data", "_end", "_engine", "_number", "_objects")

    def begin(self, data: bytes, at: int, number: int, end: int, engine: int, objects: bool) -> None:
        """Sets the fields, for the function `undecoded`."""
        self._data = data
        self._at = at
        self._number = number
        self._end = end
        self._engine = engine
        self._objects = objects

    def decode(self) -> Sequence[Any]:
        """Returns the decoded values.

        Raises:
            PacketError: the bytes are not valid.
        """
        if self._number < 0:
            return (PackedByteArray(self._data[self._at : self._end]),) if self._at < self._end else ()
        try:
            return decode_arguments(self._data, self._at, self._number, self._end, self._engine, self._objects)
        except VariantError as problem:
            raise PacketError(f"an argument cannot be decoded: {problem}") from None


def undecoded(data: bytes, at: int, number: int, end: int, engine: int, objects: bool) -> Undecoded:
    """Returns the values between two offsets of a packet, without decoding them.

    `number` is the number of values. With `ONE_ARRAY` all the bytes are one PackedByteArray, or no value if there are
    no bytes. `objects` decodes objects in full.
    """
    values = Undecoded.__new__(Undecoded)
    values.begin(data, at, number, end, engine, objects)
    return values


Arguments: TypeAlias = Sequence[Any] | Undecoded


def values_of(arguments: Arguments) -> Sequence[Any]:
    """Returns the values, and decodes them first if necessary.

    Raises:
        PacketError: the bytes are not valid.
    """
    return arguments.decode() if isinstance(arguments, Undecoded) else arguments


def text_at(data: bytes, offset: int) -> str:
    """Returns the text from `offset` to the next zero byte, or to the end of the packet.

    Raises:
        PacketError: the text is not UTF-8.
    """
    end = data.find(b"\0", offset)
    try:
        return str(data[offset : len(data) if end < 0 else end], "utf-8")
    except UnicodeDecodeError as problem:
        raise PacketError("a text that is not UTF-8", offset + problem.start) from None


def zero_after(data: bytes, offset: int, end: int) -> int:
    """Returns the offset of the zero byte that ends the text at `offset`.

    Raises:
        PacketError: there is no zero byte before `end`.
    """
    found = data.find(b"\0", offset, end)
    if found < 0:
        raise PacketError("a name without an end", offset)
    return found
