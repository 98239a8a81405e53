"""Parts of packets that both engines have: texts with a zero after them, and the arguments of a call.

Layer: `multiplayer.wire`; pure.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from gdpeer.errors import PacketError, VariantError
from gdpeer.variant.compact import decode_arguments

__all__ = ["MAX_ARGUMENTS", "PATH_FOLLOWS", "U32", "Arguments", "Undecoded", "text_at", "values_of", "zero_after"]

MAX_ARGUMENTS = 255
"""The count of a call's arguments is one byte."""

PATH_FOLLOWS = 0x80000000
"""In a node id: it is no id but the offset of a path that ends the packet."""

U32 = struct.Struct("<I")


class Undecoded(NamedTuple):
    """Values within a packet that nobody has looked at: to decode them is most of the work of a call."""

    data: bytes
    offset: int
    number: int
    end: int
    engine: int
    objects: bool

    def decode(self) -> list[Any]:
        """The values.

        Raises:
            PacketError: they are damaged.
        """
        data, offset, number, end, engine, objects = self
        try:
            values: list[Any] = decode_arguments(data, offset, number, end, engine=engine, objects=objects)
        except VariantError as problem:
            raise PacketError(f"an argument cannot be decoded: {problem}") from None
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
