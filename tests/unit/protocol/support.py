"""The wire format once more, by hand: what the tests send, and read, without the code under test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle

from gdpeer.protocol.connection import Connection
from gdpeer.protocol.deflate import Agreement
from gdpeer.protocol.inbox import Inbox
from gdpeer.protocol.limits import DEFAULT_LIMITS, Limits

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
KEY = b"\x37\xfa\x21\x3d"


def compressed(
    is_client: bool, agreement: Agreement | None, threshold: int = 0, *, limits: Limits = DEFAULT_LIMITS
) -> Connection:
    """A connection after a handshake that agreed on compression; None: the handshake did not."""
    connection = Connection(is_client, limits=limits)
    if agreement is not None:
        connection.compress(agreement, threshold)
    return connection


def xor(data: bytes, key: bytes) -> bytes:
    """Mask or unmask, one byte at a time."""
    return bytes(a ^ b for a, b in zip(data, cycle(key), strict=False)) if key else data


def length_bytes(length: int, masked: bool) -> bytes:
    """A frame's head from its second byte on, without the key."""
    bit = 128 if masked else 0
    if length < 126:
        return bytes([bit + length])
    if length < 2**16:
        return bytes([bit + 126]) + length.to_bytes(2, "big")
    return bytes([bit + 127]) + length.to_bytes(8, "big")


def frame(opcode: int, payload: bytes = b"", *, masked: bool = True, fin: bool = True, rsv: int = 0) -> bytes:
    """A whole frame; `rsv` holds RSV1, RSV2 and RSV3 as 4, 2 and 1."""
    key = KEY if masked else b""
    return bytes([fin << 7 | rsv << 4 | opcode]) + length_bytes(len(payload), masked) + key + xor(payload, key)


def close_payload(code: int, reason: bytes = b"") -> bytes:
    return code.to_bytes(2, "big") + reason


def frames_in(data: bytes) -> Iterator[tuple[int, bool, bytes]]:
    """Byte 0, whether it was masked, and the payload of each frame; what is sent must be whole frames."""
    at = 0
    while at < len(data):
        first, second = data[at], data[at + 1]
        wide = {126: 2, 127: 8}.get(second & 127, 0)
        length = int.from_bytes(data[at + 2 : at + 2 + wide], "big") if wide else second & 127
        at += 2 + wide
        key = data[at : at + 4] if second & 128 else b""
        at += len(key)
        assert at + length <= len(data), "the last frame is cut"
        yield first, bool(key), xor(data[at : at + length], key)
        at += length


def joined(chunks: Sequence[bytes | bytearray | memoryview]) -> bytes:
    return b"".join(chunks)


def feed(connection: Connection, data: bytes) -> None:
    connection.receive_data(bytearray(data), len(data))


def packets(inbox: Inbox) -> list[tuple[bytes, bool]]:
    """Every packet that waits, with whether it is text."""
    return [(inbox.next_packet(), inbox.was_text) for _ in range(inbox.count)]


def sent(connection: Connection) -> list[tuple[int, bytes]]:
    """Byte 0 and payload of every frame that waits to be sent, which is thereby sent."""
    data = joined(connection.outbox.data_to_send())
    connection.data_sent(len(data))
    return [(first, payload) for first, _, payload in frames_in(data)]


def first_impossible(data: bytes) -> int:
    """Where the shortest prefix ends that nothing can make valid UTF-8; -1 where `data` can go on, or is valid."""
    at = 0
    while at < len(data):
        for size in (1, 2, 3, 4):
            piece = data[at : at + size]
            if len(piece) < size:
                return -1
            if piece not in _BEGINNINGS:
                break
        if not _is_character(piece):
            return at + size - 1
        at += size
    return -1


def _is_character(piece: bytes) -> bool:
    try:
        return len(piece.decode()) == 1
    except UnicodeDecodeError:
        return False


def _beginnings() -> set[bytes]:
    # 64 characters share all bytes but the last.
    encoded = [chr(code).encode() for code in range(0, 0x110000, 64) if not 0xD800 <= code < 0xE000]
    return {character[:size] for character in encoded for size in range(1, len(character))}


_BEGINNINGS = _beginnings()
