"""Parts of packets that both engines have: texts with a zero after them, and the arguments of a call.

Layer: `multiplayer.wire`; pure; compiled (types in `parts.pxd`).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, TypeAlias

from gdpeer.errors import PacketError, VariantError
from gdpeer.variant.binary.compact import decoded
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
"""The count of a call's arguments is one byte."""

PATH_FOLLOWS = 0x80000000
"""In a node id: it is no id but the offset of a path that ends the packet."""

ONE_ARRAY = -1
"""Instead of a number of values, which is not negative: the bytes are those of one PackedByteArray."""

U32 = struct.Struct("<I")


class Undecoded:
    """Values within a packet that nobody has looked at: to decode them is most of the work of a call."""

    __slots__ = ("_at", "_data", "_end", "_engine", "_number", "_objects")

    def begin(self, data: bytes, at: int, number: int, end: int, engine: int, objects: bool) -> None:
        """Set up; `undecoded` does so."""
        self._data = data
        self._at = at
        self._number = number
        self._end = end
        self._engine = engine
        self._objects = objects

    def decode(self) -> Sequence[Any]:
        """The values.

        Raises:
            PacketError: they are damaged.
        """
        if self._number < 0:
            return (PackedByteArray(self._data[self._at : self._end]),) if self._at < self._end else ()
        try:
            return decoded(self._data, self._at, self._number, self._end, self._engine, self._objects)
        except VariantError as problem:
            raise PacketError(f"an argument cannot be decoded: {problem}") from None


def undecoded(data: bytes, at: int, number: int, end: int, engine: int, objects: bool) -> Undecoded:
    """Values that nobody has looked at.

    Args:
        data: the packet.
        at: where the first one begins.
        number: how many there are; `ONE_ARRAY`: one that is all the bytes, or none where there are none.
        end: where they have to end.
        engine: 3 or 4.
        objects: decode objects in full.
    """
    values = Undecoded.__new__(Undecoded)
    values.begin(data, at, number, end, engine, objects)
    return values


Arguments: TypeAlias = Sequence[Any] | Undecoded


def values_of(arguments: Arguments) -> Sequence[Any]:
    """The values, decoded.

    Raises:
        PacketError: they are damaged.
    """
    return arguments.decode() if isinstance(arguments, Undecoded) else arguments


def text_at(data: bytes, offset: int) -> str:
    """The text from `offset` up to a zero, or to the end.

    Raises:
        PacketError: it is not UTF-8.
    """
    end = data.find(b"\0", offset)
    try:
        return str(data[offset : len(data) if end < 0 else end], "utf-8")
    except UnicodeDecodeError as problem:
        raise PacketError("a text that is not UTF-8", offset + problem.start) from None


def zero_after(data: bytes, offset: int, end: int) -> int:
    """Where the zero is that ends the text at `offset`.

    Raises:
        PacketError: there is none before `end`.
    """
    found = data.find(b"\0", offset, end)
    if found < 0:
        raise PacketError("a name without an end", offset)
    return found
