"""Messages that come in pieces."""

from __future__ import annotations

import os
import sys

import pytest

from gdpeer.protocol.frames import COMPILED, Utf8Validator
from gdpeer.protocol.message_buffer import MessageBuffer
from tests.unit.protocol.support import KEY, xor


def assembled(payload: bytes, size: int, key: bytes = b"", expected: int | None = None) -> bytes:
    """The payload after it came in pieces of `size` bytes."""
    message = MessageBuffer()
    masked = xor(payload, key)
    for at in range(0, len(payload), size):
        piece = bytearray(b"before" + masked[at : at + size] + b"after")
        length = len(piece) - 11
        known = len(payload) if expected is None else max(expected, at + length)
        message.append_unmasked(piece, 6, length, key, at, known)
        assert message.size == at + length
    return message.finish()


@pytest.mark.parametrize("key", [b"", KEY])
@pytest.mark.parametrize(("length", "size"), [(1, 1), (200, 7), (70_000, 4_099), (3_000_000, 700_001)])
def test_pieces_become_the_payload(length: int, size: int, key: bytes) -> None:
    payload = os.urandom(length)
    assert assembled(payload, size, key) == payload
    assert assembled(payload, size, key, expected=0) == payload


def test_nothing_is_an_empty_message() -> None:
    assert MessageBuffer().finish() == b""


def test_bytes_are_added_as_they_are() -> None:
    message = MessageBuffer()
    for piece in (b"", b"one", b"two" * 100_000, b""):
        message.append(piece)
    assert message.finish() == b"one" + b"two" * 100_000


def test_text_is_checked_from_where_it_was_checked_before() -> None:
    message, text = MessageBuffer(), Utf8Validator()
    message.append("日本".encode() + "語".encode()[:1])
    assert message.is_text(text, 0)
    assert not text.is_complete()
    message.append("語".encode()[1:])
    assert message.is_text(text, 7)
    assert text.is_complete()
    message.append(b"\xff")
    assert not message.is_text(text, 9)


def test_a_message_that_somebody_holds_is_never_written_to() -> None:
    """The memory of large messages is used again, but only once nobody has them."""
    held = []
    for i in range(40):
        payload = bytes([i]) * (150_000 + 1_000 * (i % 7))
        message = assembled(payload, 50_000)
        assert message == payload
        assert hash(message) == hash(payload)
        if i % 3 == 0:
            held.append((payload, message))
        del message
    for payload, message in held:
        assert message == payload
        assert len(message + b"!") == len(payload) + 1


def test_many_small_fragments_move_the_message_a_few_times_only() -> None:
    message, piece = MessageBuffer(), bytearray(b"a" * 64)
    capacities = set()
    for _ in range(40_000):
        message.append_unmasked(piece, 0, 64, b"", 0, message.size + 64)
        capacity = message._capacity if COMPILED else sys.getsizeof(message._block)
        capacities.add(capacity)
        assert capacity <= message.size * 9 // 8 + 128
    assert len(capacities) < 120
    assert message.finish() == b"a" * 64 * 40_000
