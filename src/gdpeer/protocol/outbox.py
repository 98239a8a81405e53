"""Turns packets into frames, and holds the bytes that wait to be sent.

Small frames are gathered into one buffer, so that many messages leave in one system call. A large payload or a shared
frame keeps a chunk of its own, so that it is not copied.

Layer: `protocol`; compiled (types in `outbox.pxd`). Source: RFC 6455 section 5; RFC 7692 section 6.1.
"""

from __future__ import annotations

from collections.abc import Sequence

from gdpeer.protocol.deflate import Deflater
from gdpeer.protocol.frames import MaskKeys, append_frame, encode_head

try:
    import cython
except ImportError:
    from gdpeer import _cython as cython

if cython.compiled:
    from cython.cimports.gdpeer.protocol._kernels import joined_frames

__all__ = ["Outbox", "encode_message", "encode_messages"]

# C integers once compiled (outbox.pxd).
_TEXT = 1
_BINARY = 2
_FIN = 0x80
_RSV1 = 0x40

# A payload of this size or more keeps a chunk of its own; below, copying it is cheaper than one more entry in a writev.
_OWN_CHUNK = 16_384
# Size at which a gathered chunk is full. A stalled peer then holds several chunks, not one that is copied as it grows.
_FULL_CHUNK = 65_536


def encode_message(payload: bytes, is_text: bool) -> bytes:
    """Returns an unmasked, uncompressed frame for `Outbox.send_encoded`, which many peers of a server can share."""
    first = _FIN | (_TEXT if is_text else _BINARY)
    if cython.compiled:
        joined: bytes = joined_frames(first, [payload])
        return joined
    frame = bytearray()
    append_frame(frame, first, payload, b"")
    return bytes(frame)


def encode_messages(payloads: list[bytes]) -> bytes:
    """Returns unmasked, uncompressed frames of binary messages in a row, for `Outbox.send_encoded`."""
    if cython.compiled:
        joined: bytes = joined_frames(_FIN | _BINARY, payloads)
        return joined
    frames = bytearray()
    for payload in payloads:
        append_frame(frames, _FIN | _BINARY, payload, b"")
    return bytes(frames)


class Outbox:
    """The sending half of an open WebSocket.

    Args:
        is_client: whether to mask the frames.

    Attributes:
        is_open: whether messages may be sent; the connection keeps it up to date.
        pending: bytes that wait to be sent.
        pending_messages: messages queued since `pending` was last 0.
        pending_control: bytes of control frames queued since `pending` was last 0.
    """

    __slots__ = (
        "_chunks",
        "_deflater",
        "_gathered",
        "_keys",
        "_only",
        "_threshold",
        "is_open",
        "pending",
        "pending_control",
        "pending_messages",
    )

    def __init__(self, is_client: bool) -> None:
        self._keys = MaskKeys() if is_client else None
        self._deflater: Deflater | None = None
        self._threshold = 0
        self._only: bytes | bytearray | memoryview | None = None  # the chunk, while there is only one
        self._chunks: list[bytes | bytearray | memoryview] | None = None  # all chunks, where there are several
        self._gathered: bytearray | None = None  # the last chunk, while more may be added to it
        self.is_open = True
        self.pending = 0
        self.pending_messages = 0
        self.pending_control = 0

    def compress(self, deflater: Deflater, threshold: int) -> None:
        """Compresses messages of `threshold` bytes or more from now on."""
        self._deflater = deflater
        self._threshold = threshold

    def send_message(self, payload: bytes, is_text: bool) -> None:
        """Queues a message.

        A payload of 16 KiB or more that is neither masked nor compressed is kept by reference until it is sent.
        """
        first = _FIN | (_TEXT if is_text else _BINARY)
        if self._deflater is not None and len(payload) >= self._threshold:
            payload = self._deflater.compress(payload)
            first |= _RSV1
        self.pending_messages += 1
        # A client must write every byte anew to mask it, so a large payload gains nothing from a chunk of its own.
        if len(payload) < _OWN_CHUNK or self._keys is not None:
            self._frame(first, payload)
            return
        head = encode_head(first, len(payload), False)
        self._gather(len(head)).extend(head)
        self._add_chunk(payload)

    def send_encoded(self, frames: bytes, count: int = 1) -> None:
        """Queues frames of `count` messages, by reference, so that many peers share them. Only if `can_share()`."""
        self.pending_messages += count
        self.send_raw(frames)

    def send_raw(self, frame: bytes) -> None:
        """Queues bytes that are not framed: HTTP, before the WebSocket begins."""
        gathered = self._gathered
        if len(frame) >= _OWN_CHUNK or gathered is None or len(gathered) >= _FULL_CHUNK:
            self._add_chunk(frame)
        else:
            gathered += frame
            self.pending += len(frame)

    def can_share(self) -> bool:
        """Tells whether `send_encoded` may be used: on a server's connection without compression."""
        return self._keys is None and self._deflater is None

    def send_control(self, opcode: int, payload: bytes) -> None:
        """Queues a control frame, and counts its bytes in `pending_control`."""
        self._frame(_FIN | opcode, payload)
        self.pending_control += len(payload) + 6

    def data_to_send(self) -> Sequence[bytes | bytearray | memoryview]:
        """Returns the chunks that wait to be sent, in order; valid until the next call of any method."""
        if self._chunks is not None:
            return self._chunks
        return [] if self._only is None else [self._only]

    def data_sent(self, length: int) -> None:
        """Removes the first `length` bytes of `data_to_send()`, which the transport has taken."""
        self.pending -= length
        # The gathered chunk may be gone, or exported as a memoryview, which forbids to resize it.
        self._gathered = None
        if self.pending == 0:
            self._only = self._chunks = None
            self.pending_messages = 0
            self.pending_control = 0
        else:
            self._chunks = self._rest_after(length)
            self._only = None

    def _rest_after(self, length: int) -> list[bytes | bytearray | memoryview]:
        chunks = list(self.data_to_send())
        done = 0
        while length >= len(chunks[done]):
            length -= len(chunks[done])
            done += 1
        del chunks[:done]
        if length:
            chunks[0] = memoryview(chunks[0])[length:]
        return chunks

    def _frame(self, first: int, payload: bytes) -> None:
        keys = self._keys
        key = b"" if keys is None else keys.next()
        target = self._gather(0)
        before = len(target)
        append_frame(target, first, payload, key)
        self.pending += len(target) - before

    def _gather(self, more: int) -> bytearray:
        """Returns the buffer that small frames are gathered in, and counts `more` bytes as pending."""
        gathered = self._gathered
        if gathered is None or len(gathered) >= _FULL_CHUNK:
            gathered = self._gathered = bytearray()
            self._append(gathered)
        self.pending += more
        return gathered

    def _add_chunk(self, chunk: bytes) -> None:
        self._append(chunk)
        self._gathered = None
        self.pending += len(chunk)

    def _append(self, chunk: bytes | bytearray) -> None:
        if self._chunks is not None:
            self._chunks.append(chunk)
        elif self._only is None:
            self._only = chunk
        else:
            self._chunks = [self._only, chunk]
            self._only = None
