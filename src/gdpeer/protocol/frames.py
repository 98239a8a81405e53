"""Encodes and decodes the parts of a frame: head, masking, UTF-8.

    byte 0      FIN 1 bit | RSV1 RSV2 RSV3 | opcode 4 bits
    byte 1      MASK 1 bit | length 7 bits: 0-125 itself, 126: u16 follows, 127: u64 follows (big-endian, shortest form)
    then        masking key, 4 bytes, when MASK is set (client to server always, server to client never)
    then        the payload, byte i combined by XOR with key[i % 4] when masked

Plain functions over bytes; only the two small classes hold state. Compiled where a C compiler was at hand
(`COMPILED`), with the inner loops in `_kernels.pxd`; the uncompiled form uses big integers and Python's own decoder.

Layer: `protocol`. Source: RFC 6455 section 5.2, 5.3, 8.1.
"""

from __future__ import annotations

import codecs
import os
from typing import Any

try:
    import cython
except ImportError:
    from gdpeer import _cython as cython

if cython.compiled:
    from cython.cimports.cpython.bytearray import PyByteArray_AS_STRING
    from cython.cimports.cpython.bytes import PyBytes_AS_STRING, PyBytes_FromStringAndSize
    from cython.cimports.gdpeer.protocol._kernels import grow, piece_of, utf8_run, write_head, xor_copy
    from cython.cimports.libc.string import memcpy

__all__ = [
    "COMPILED",
    "FIN",
    "RSV1",
    "MaskKeys",
    "Utf8Validator",
    "append_frame",
    "append_unmasked",
    "encode_head",
    "is_utf8",
    "unmask",
]

COMPILED: bool = bool(cython.compiled)
"""True where the compiled form of this module is running."""

FIN = 0x80
RSV1 = 0x40
"""Bits of byte 0; RSV1 marks a compressed message (RFC 7692 section 6)."""


def encode_head(first: int, length: int, masked: bool) -> bytes:
    """Returns the head of a frame without the masking key, 2, 4 or 10 bytes; `first` is byte 0."""
    bit = 0x80 if masked else 0
    # RFC 6455 section 5.2 demands the shortest of the three forms.
    if length < 126:
        return bytes((first, bit | length))
    if length < 65536:
        return bytes((first, bit | 126, length >> 8, length & 255))
    return bytes((first, bit | 127)) + length.to_bytes(8, "big")


def append_frame(target: bytearray, first: int, payload: bytes, key: bytes) -> None:
    """Adds a whole frame to `target`: `first` is byte 0, and `key` masks the payload unless the key is empty."""
    if cython.compiled:
        head = cython.declare(cython.uchar[10])
        length, key_size = len(payload), len(key)
        head_size = write_head(head, first, length, 0x80 if key_size else 0)
        to = grow(target, head_size + key_size + length)
        source = cython.cast(cython.p_uchar, PyBytes_AS_STRING(payload))
        memcpy(to, head, head_size)
        if key_size:
            memcpy(to + head_size, PyBytes_AS_STRING(key), key_size)
            xor_copy(to + head_size + key_size, source, length, to + head_size, 0)
        else:
            memcpy(to + head_size, source, length)
    else:
        target += encode_head(first, len(payload), len(key) != 0)
        target += key
        target += _xor(payload, key) if key else payload


def unmask(data: bytearray, start: int, length: int, key_size: int) -> bytes:
    """Returns a copy of the payload `data[start:start + length]`, unmasked; all of it must be there.

    `key_size` is 4 if the masking key stands right before the payload, and 0 for a payload that is not masked.
    """
    if cython.compiled:
        source = piece_of(data, start, length, 4 if key_size else 0)
        payload: bytes = PyBytes_FromStringAndSize(cython.NULL, length)
        target = cython.cast(cython.p_uchar, PyBytes_AS_STRING(payload))
        if key_size:
            xor_copy(target, source, length, source - 4, 0)
        else:
            memcpy(target, source, length)
        return payload
    if not key_size:
        return bytes(data[start : start + length])
    return _xor(data[start : start + length], data[start - 4 : start])


def append_unmasked(target: bytearray, data: bytearray, start: int, length: int, key: bytes, phase: int) -> None:
    """Adds `data[start:start + length]`, a piece of a payload, to `target`, unmasked with `key`.

    An empty key stands for a payload that is not masked. `phase` bytes of the payload came before this piece.
    """
    if not key:
        target += data[start : start + length]
    elif cython.compiled:
        source = piece_of(data, start, length, 0)
        xor_copy(grow(target, length), source, length, cython.cast(cython.p_uchar, PyBytes_AS_STRING(key)), phase)
    else:
        # The key goes on where the previous piece of the payload stopped.
        turn = phase & 3
        target += _xor(data[start : start + length], key[turn:] + key[:turn])


def _xor(data: Any, key: bytes | bytearray) -> bytes:
    length = len(data)
    # XOR of two big integers is much faster than a Python loop over bytes.
    mask = (key * (length // 4 + 1))[:length]
    return (int.from_bytes(data, "little") ^ int.from_bytes(mask, "little")).to_bytes(length, "little")


def is_utf8(data: bytes) -> bool:
    """Tells whether `data` is whole, valid UTF-8 (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF)."""
    if cython.compiled:
        return bool(utf8_run(0, cython.cast(cython.p_uchar, PyBytes_AS_STRING(data)), len(data)) == 0)
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


_new_decoder = codecs.getincrementaldecoder("utf-8")


class Utf8Validator:
    """Checks UTF-8 that arrives in pieces, and fails at the first impossible byte, before its character is complete."""

    __slots__ = ("_decoder", "_state")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forgets the previous text; the next piece begins a new text."""
        self._state = 0
        self._decoder: Any = None if cython.compiled else _new_decoder()

    def feed(self, data: bytearray, start: int) -> bool:
        """Checks `data[start:]` as the next piece of the text.

        Returns:
            False once the text cannot become valid UTF-8; then always False until `reset`.
        """
        if cython.compiled:
            return self.feed_block(cython.cast(cython.p_uchar, PyByteArray_AS_STRING(data)) + start, len(data) - start)
        try:
            self._decoder.decode(data[start:])
        except UnicodeDecodeError:
            self._state = -1
        # Python's decoder accepts the first 2 of a surrogate's 3 bytes and waits. Fail now, as the compiled form does.
        if b"\xed\xa0" <= self._decoder.getstate()[0] <= b"\xed\xbf":
            self._state = -1
        return self._state >= 0

    def feed_block(self, data: Any, length: int) -> bool:  # compiled only
        """Checks `length` bytes at an address. Returns as `feed`."""
        if self._state >= 0:
            self._state = utf8_run(self._state, data, length)
        return self._state >= 0

    def is_complete(self) -> bool:
        """Tells whether the text so far is valid and ends at the end of a character."""
        if cython.compiled:
            return self._state == 0
        return self._state == 0 and not self._decoder.getstate()[0]


class MaskKeys:
    """Gives unpredictable masking keys (RFC 6455 section 10.3): the system's random bytes, fetched in blocks."""

    __slots__ = ("_at", "_block")

    BLOCK = 1024

    def __init__(self) -> None:
        self._block = b""
        self._at = 0

    def next(self) -> bytes:
        """Returns a fresh key of 4 bytes."""
        at = self._at
        if at == len(self._block):
            # One system call per key would cost more than the frame itself.
            self._block = os.urandom(self.BLOCK)
            at = 0
        self._at = at + 4
        return self._block[at : at + 4]
