"""Parses frames into packets, and queues the packets.

`parse` takes frames out of a buffer until a frame needs more bytes, the queue is full, or a control frame came. It
leaves the control frame in `opcode` and `payload` for the connection. A complete frame becomes a packet directly. Of an
incomplete frame only the head waits: the payload is unmasked, inflated and checked as it arrives.

Limits are checked before memory is taken. A violation raises `ProtocolError`; afterwards the inbox may only be used to
read its packets.

Layer: `protocol`; compiled (types in `inbox.pxd`). Source: RFC 6455 section 5, 8.1; RFC 7692 section 6.2.
"""

from __future__ import annotations

import sys
from typing import Any

from gdpeer.errors import ProtocolError
from gdpeer.protocol.deflate import Inflater
from gdpeer.protocol.frames import Utf8Validator, append_unmasked, is_utf8, unmask
from gdpeer.protocol.limits import MAX_CONTROL_PAYLOAD, Limits
from gdpeer.protocol.message_buffer import MessageBuffer

__all__ = ["Inbox"]

# C integers once compiled (inbox.pxd).
_CONTINUATION = 0
_TEXT = 1
_BINARY = 2
_PONG = 10
_FIN = 0x80
_RSV1 = 0x40
_MANY_TAKEN = 64  # packets taken before the list is cut: cutting at each packet would take quadratic time
_LEAST_IN_PLACE = 65_536  # below, a copy costs less than a receive of its own
_MOST_IN_PLACE = 1 << 20
_LONGEST_TO_SHIFT = sys.maxsize >> 8  # a larger length would overflow when its last byte is shifted in
_UNLIMITED = sys.maxsize >> 3  # larger numbers would not fit into a C integer; nothing ever gets that large


class Inbox:
    """The receiving half of an open WebSocket.

    Args:
        is_client: whether this side is the client, which receives unmasked frames.
        limits: the limits to keep.

    Attributes:
        inflater: decompresses messages; None unless the handshake agreed on compression.
        count: messages received and not taken yet.
        queued_bytes: the sum of their sizes.
        received: how many messages have come so far.
        was_text: whether the packet that `next_packet` returned last came as text.
        opcode: of the control frame at which `parse` stopped; -1 for none.
        payload: the payload of that control frame.
    """

    __slots__ = (
        "_compressed",
        "_first",
        "_fragments",
        "_is_client",
        "_is_final",
        "_key",
        "_kind",
        "_kinds",
        "_left",
        "_max_fragments",
        "_max_message_size",
        "_max_queued_bytes",
        "_max_queued_packets",
        "_message",
        "_oldest",
        "_oldest_is_text",
        "_others",
        "_phase",
        "_text",
        "count",
        "inflater",
        "opcode",
        "payload",
        "queued_bytes",
        "received",
        "was_text",
    )

    def __init__(self, is_client: bool, limits: Limits) -> None:
        self._is_client = is_client
        self.use(limits)
        self.inflater: Inflater | None = None
        # The queue. It seldom holds more than one packet: the oldest has a field of its own, which saves idle
        # connections the memory of a list.
        self._oldest = b""
        self._oldest_is_text = False
        self._others: list[bytes] | None = None
        self._kinds: list[bool] | None = None
        self._first = 0  # index in _others of the first packet that was not taken
        self.count = 0
        self.queued_bytes = 0
        self.received = 0
        self.was_text = False
        self.opcode = -1
        self.payload = b""
        # The data frame under way.
        self._left = -1  # payload bytes to come; -1 between frames
        self._phase = 0  # payload bytes that came
        self._key = b""
        self._is_final = False
        # The message under way.
        self._kind = -1  # _TEXT or _BINARY; -1 between messages
        self._compressed = False
        self._fragments = 0
        self._message: MessageBuffer | None = None
        self._text: Utf8Validator | None = None

    def use(self, limits: Limits) -> None:
        """Applies other limits from now on."""
        self._max_message_size = min(limits.max_message_size, _UNLIMITED)
        self._max_queued_bytes = min(limits.max_queued_bytes, _UNLIMITED)
        self._max_queued_packets = min(limits.max_queued_packets, _UNLIMITED)
        self._max_fragments = min(limits.max_fragments, _UNLIMITED)

    def is_full(self) -> bool:
        """Tells whether the queue is at its limit. A full queue stops `parse` until packets are taken."""
        # An empty queue is never full, however small its limits: control frames must still come through.
        if not self.count:
            return False
        return self.queued_bytes >= self._max_queued_bytes or self.count >= self._max_queued_packets

    def next_packet(self) -> bytes:
        """Takes the oldest packet out of the queue, and sets `was_text`; IndexError if the queue is empty."""
        if self.count == 0:
            raise IndexError("no packet is there")
        packet = self._oldest
        self.was_text = self._oldest_is_text
        self.queued_bytes -= len(packet)
        self.count -= 1
        if self.count:
            self._move_up()
        else:
            self._oldest = b""
        return packet

    def _move_up(self) -> None:
        """Makes the first of the other packets the oldest."""
        others, kinds, at = self._others, self._kinds, self._first
        assert others is not None
        assert kinds is not None
        self._oldest = others[at]
        self._oldest_is_text = kinds[at]
        # Free the packet now: the list is cut later.
        others[at] = b""
        self._first = at + 1
        if self.count == 1:
            self._others = self._kinds = None
            self._first = 0
        elif self._first >= _MANY_TAKEN and self._first >= self.count:
            del others[: self._first]
            del kinds[: self._first]
            self._first = 0

    def peek(self, index: int) -> bytes:
        """Returns the packet at a place (0: the oldest), and leaves it there. IndexError outside of the queue."""
        if not 0 <= index < self.count:
            raise IndexError("no packet is there")
        return self._oldest if index == 0 or self._others is None else self._others[self._first + index - 1]

    def discard(self, index: int) -> None:
        """Removes a packet from the queue, unread. Arguments and errors as `peek`."""
        was_text, size = self.was_text, len(self.peek(index))
        if index == 0 or self._others is None or self._kinds is None:
            self.next_packet()
            # `was_text` describes the packet that the caller read last, not the removed packet.
            self.was_text = was_text
            return
        self.queued_bytes -= size
        self.count -= 1
        del self._others[self._first + index - 1]
        del self._kinds[self._first + index - 1]

    def parse(self, data: bytearray, at: int, end: int) -> int:
        """Parses frames out of `data[at:end]`.

        Returns:
            Where the unparsed rest begins. `opcode` is -1, unless a control frame ended the parsing.

        Raises:
            ProtocolError: the bytes violate the protocol, or exceed a limit.
            ValueError: `data` does not hold these bytes.
        """
        if at < 0 or end > len(data):
            raise ValueError(f"bytes {at} to {end} of {len(data)}")
        self.opcode = -1
        while at < end and self.opcode < 0:
            if self._left >= 0:
                at = self._continue_frame(data, at, end)
                continue
            if self.is_full():
                break
            begun = self._begin_frame(data, at, end)
            if begun == at:
                break
            at = begun
        return at

    def _begin_frame(self, data: bytearray, at: int, end: int) -> int:
        """Parses a frame's head, and its payload if all of it is there. Returns `at` if the head needs more bytes."""
        if end - at < 2:
            return at
        first = data[at]
        second = data[at + 1]
        self._check_head(first, second)
        length = second & 127
        head = at + 2
        if length == 126:
            head = at + 4
        elif length == 127:
            head = at + 10
        body = head + 4 if second & 128 else head
        if end < body:
            return at
        if length >= 126:
            length = self._read_length(data, at + 2, head)
        if first & 8:
            # A control frame has at most 125 bytes: wait for all of it rather than keep a half in a field.
            if end - body < length:
                return at
            self.opcode = first & 15
            self.payload = unmask(data, body, length, body - head)
            return body + length
        self._begin_data(first, length)
        if first & _FIN and self._fragments == 1 and not self._compressed and end - body >= length:
            # The common case, a whole message in one frame, needs no MessageBuffer.
            self._push(unmask(data, body, length, body - head))
            return body + length
        self._left = length
        self._phase = 0
        self._key = bytes(data[head:body])
        self._is_final = first & _FIN != 0
        # An empty frame ends now: no further bytes will arrive to end it.
        return self._continue_frame(data, body, end) if length == 0 else body

    def _check_head(self, first: int, second: int) -> None:
        """Checks everything that the first two bytes can tell (RFC 6455 section 5.2)."""
        opcode = first & 15
        if first & 0x30 or (first & _RSV1 and (self.inflater is None or opcode not in (_TEXT, _BINARY))):
            raise ProtocolError("a reserved bit is set")
        if (second & 128 != 0) == self._is_client:
            raise ProtocolError("a server's frame is masked" if self._is_client else "a client's frame is not masked")
        if opcode & 8:
            if opcode > _PONG:
                raise ProtocolError(f"unknown opcode {opcode}")
            if first & _FIN == 0:
                raise ProtocolError("a control frame is fragmented")
            if second & 127 > MAX_CONTROL_PAYLOAD:
                raise ProtocolError("a control frame is longer than 125 bytes")
        elif opcode > _BINARY:
            raise ProtocolError(f"unknown opcode {opcode}")
        elif (opcode == _CONTINUATION) != (self._kind >= 0):
            raise ProtocolError("a message begins within another" if opcode else "a continuation without a beginning")

    def _read_length(self, data: bytearray, at: int, end: int) -> int:
        length = 0
        for i in range(at, end):
            if length > _LONGEST_TO_SHIFT:
                raise ProtocolError("a frame's length has its highest bit set")
            length = length << 8 | data[i]
        if length < (126 if end - at == 2 else 65536):
            raise ProtocolError("a frame's length is not in its shortest form")
        return length

    def _begin_data(self, first: int, length: int) -> None:
        """Finds a data frame's place in its message, and checks the limits before any memory is taken."""
        if self._kind < 0:
            self._kind = first & 15
            self._compressed = first & _RSV1 != 0
            self._fragments = 0
        self._fragments += 1
        if self._fragments > self._max_fragments:
            raise ProtocolError(f"a message has more than {self._max_fragments} fragments", 1009)
        # The compressed length says nothing about the size: the inflater keeps the limit.
        if self._compressed:
            return
        before = 0 if self._message is None else self._message.size
        # Subtract instead of adding: before + length may exceed a C integer.
        if length > self._max_message_size - before:
            self._too_big(before, length)

    def _too_big(self, before: int, length: int) -> None:
        raise ProtocolError(
            f"a message of {before + length} bytes or more is over the limit of {self._max_message_size}", 1009
        )

    def _continue_frame(self, data: bytearray, at: int, end: int) -> int:
        """Takes the available bytes of the current payload. The last byte ends the frame, and perhaps the message."""
        length = min(self._left, end - at)
        message = self._take_message()
        before = message.size
        if self._compressed:
            self._inflate(message, data, at, length)
        else:
            message.append_unmasked(data, at, length, self._key, self._phase, before + self._left)
        self._advance(message, before, length)
        return at + length

    def _take_message(self) -> MessageBuffer:
        message = self._message
        if message is None:
            message = self._message = MessageBuffer()
        return message

    def _advance(self, message: MessageBuffer, before: int, length: int) -> None:
        """Counts `length` payload bytes of the frame. `message` has their content from `before` on."""
        if self._kind == _TEXT:
            self._check_text(message, before)
        self._left -= length
        self._phase += length
        if self._left == 0:
            self._left = -1
            if self._is_final:
                self._end_message(message)

    def wanted(self) -> int:
        """Returns how many bytes could be received straight into the current message; 0 where a copy is cheaper.

        `place` gives the address to receive to, `put` counts the received bytes.
        """
        # Compressed bytes cannot stand in the message: they have to be inflated first.
        return min(self._left, _MOST_IN_PLACE) if self._left >= _LEAST_IN_PLACE and not self._compressed else 0

    def place(self, length: int) -> Any:  # compiled only
        """Returns the address where the next `length` of the wanted bytes can be received."""
        message = self._take_message()
        return message.place(length, message.size + self._left)

    def put(self, length: int) -> None:  # compiled only
        """Counts `length` bytes that were received at `place`. Errors as `parse`."""
        message = self._take_message()
        before = message.size
        message.put(length, self._key, self._phase)
        self._advance(message, before, length)

    def _inflate(self, message: MessageBuffer, data: bytearray, at: int, length: int) -> None:
        piece = bytearray()
        append_unmasked(piece, data, at, length, self._key, self._phase)
        inflater = self.inflater
        assert inflater is not None
        message.append(inflater.feed(bytes(piece), self._max_message_size - message.size))
        while inflater.rest is not None:
            message.append(inflater.feed(inflater.rest, self._max_message_size - message.size))

    def _check_text(self, message: MessageBuffer, before: int) -> None:
        text = self._text
        if text is None:
            text = self._text = Utf8Validator()
        elif before == 0:
            text.reset()
        if not message.is_text(text, before):
            self._not_utf8()

    def _not_utf8(self) -> None:
        raise ProtocolError("a text message is not UTF-8", 1007)

    def _end_message(self, message: MessageBuffer) -> None:
        if self._compressed:
            before = message.size
            inflater = self.inflater
            assert inflater is not None
            message.append(inflater.finish(self._max_message_size - before))
            if self._kind == _TEXT:
                self._check_text(message, before)
        if self._kind == _TEXT and self._text is not None and not self._text.is_complete():
            self._not_utf8()
        self._message = None
        self._queue(message.finish())

    def _push(self, packet: bytes) -> None:
        if self._kind == _TEXT and not is_utf8(packet):
            self._not_utf8()
        self._queue(packet)

    def add(self, packet: bytes, is_text: bool) -> None:
        """Queues a whole message that did not arrive in frames (the browser's socket delivers messages); a text must be
        UTF-8.
        """
        self._kind = _TEXT if is_text else _BINARY
        self._queue(packet)

    def _queue(self, packet: bytes) -> None:
        if self.count == 0:
            self._oldest = packet
            self._oldest_is_text = self._kind == _TEXT
        elif self._others is None or self._kinds is None:
            self._others = [packet]
            self._kinds = [self._kind == _TEXT]
        else:
            self._others.append(packet)
            self._kinds.append(self._kind == _TEXT)
        self.queued_bytes += len(packet)
        self.count += 1
        self.received += 1
        self._kind = -1
