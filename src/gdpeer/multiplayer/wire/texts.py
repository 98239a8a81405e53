"""Texts within packets: UTF-8 with a zero after them.

Layer: `multiplayer.wire`; pure.
"""

from __future__ import annotations

from gdpeer.errors import PacketError

__all__ = ["text_at", "zero_after"]


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
