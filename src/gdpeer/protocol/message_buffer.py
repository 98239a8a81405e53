"""Collects a message that arrives in pieces, in the block of memory that becomes the message.

In the compiled form the block is the bytes object itself: a large message is received, unmasked and handed on in one
place. In the uncompiled form the block is a bytearray, which is copied once.

Memory grows with the bytes that arrived: a message of up to 1 MiB gets its block at once, the block of a larger
message doubles.

Layer: `protocol`; compiled (types in `message_buffer.pxd`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

try:
    import cython
except ImportError:
    from gdpeer import _cython as cython

from gdpeer.protocol.frames import Utf8Validator, append_unmasked

if cython.compiled:
    from cython.cimports.cpython.bytes import PyBytes_AS_STRING
    from cython.cimports.gdpeer.protocol._blocks import block_of, dropped, room_in, taken
    from cython.cimports.gdpeer.protocol._kernels import piece_of, xor_copy
    from cython.cimports.libc.string import memcpy

__all__ = ["MessageBuffer"]

_AT_ONCE = 1 << 20
"""Size in bytes up to which a message gets all its memory with the first piece."""

_MOST_AHEAD = 655_360
"""Most bytes of memory that are taken beyond the known size of a message."""


class MessageBuffer:
    """The payload of one message, as far as it has arrived.

    Attributes:
        size: bytes that have arrived.
    """

    __slots__ = ("_block", "_capacity", "_raw", "size")

    if TYPE_CHECKING:
        _raw: Any
        _capacity: int

    def __init__(self) -> None:
        self._block = bytearray()
        self.size = 0

    def append_unmasked(self, data: bytearray, start: int, length: int, key: bytes, phase: int, expected: int) -> None:
        """Adds a piece of a frame's payload, as `frames.append_unmasked` does.

        The message will have `expected` bytes, as far as is known; this size was checked against the limits before.
        """
        if cython.compiled:
            source = piece_of(data, start, length, 0)
            memcpy(self.place(length, expected), source, length)
            self.put(length, key, phase)
        else:
            append_unmasked(self._block, data, start, length, key, phase)
            self.size += length

    def append(self, data: bytes) -> None:
        """Adds bytes as they are."""
        if cython.compiled:
            memcpy(self.place(len(data), self.size + len(data)), PyBytes_AS_STRING(data), len(data))
        else:
            self._block += data
        self.size += len(data)

    def is_text(self, text: Utf8Validator, start: int) -> bool:
        """Tells whether the bytes from `start` on continue the text that `text` has checked so far."""
        if cython.compiled:
            return text.feed_block(block_of(self._raw) + start, self.size - start)
        return text.feed(self._block, start)

    def finish(self) -> bytes:
        """Returns the message. Nothing may be added afterwards."""
        if cython.compiled:
            whole: bytes = taken(cython.address(self._raw), self._capacity, self.size)
            return whole
        return bytes(self._block)

    def place(self, more: int, expected: int) -> Any:  # compiled only
        """Returns the address where the next `more` bytes can be written; `put` then says how many were.

        Raises:
            MemoryError: the message is empty afterwards.
        """
        capacity = self._capacity
        if self.size + more > capacity or not capacity:
            wanted = expected if expected <= _AT_ONCE else min(expected, 2 * capacity)
            # A message in small fragments never shows its final size, and some allocators copy a block to make it
            # longer. Grow by an eighth ahead to bound the copies; the cap keeps a compression bomb within 1 MiB
            # of its limit.
            wanted = max(wanted, self.size + more, capacity + min(capacity >> 3, _MOST_AHEAD), 1)
            try:
                target = room_in(cython.address(self._raw), cython.address(wanted)) + self.size
            except MemoryError:
                self._capacity = self.size = 0
                raise
            self._capacity = wanted
            return target
        return block_of(self._raw) + self.size

    def put(self, length: int, key: bytes, phase: int) -> None:  # compiled only
        """Counts `length` bytes that were written to `place`, and unmasks them there."""
        added = block_of(self._raw) + self.size
        if key:
            xor_copy(added, added, length, cython.cast(cython.p_uchar, PyBytes_AS_STRING(key)), phase)
        self.size += length

    def __dealloc__(self) -> None:  # compiled only
        dropped(cython.address(self._raw))
