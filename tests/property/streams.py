"""Strategies for streams of frames, with what must come of them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import strategies as st

from gdpeer.protocol.connection import Connection, Phase
from gdpeer.protocol.deflate import Agreement
from gdpeer.protocol.limits import Limits
from tests.unit.protocol.support import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    close_payload,
    compressed,
    feed,
    length_bytes,
    packets,
    sent,
    xor,
)

ROLES = st.sampled_from([True, False])
AGREEMENTS = st.builds(Agreement, st.booleans(), st.booleans(), st.integers(8, 15), st.integers(8, 15))
KEYS = st.binary(min_size=4, max_size=4)
# Small ones, those around the borders of the length forms, and ones that compress.
PAYLOADS = st.one_of(
    st.binary(max_size=20),
    st.sampled_from([125, 126, 127, 300]).map(bytes),
    st.builds(lambda piece, times: piece * times, st.binary(max_size=8), st.integers(0, 60)),
)
TEXTS = st.one_of(
    st.text(max_size=30), st.builds(lambda piece, times: piece * times, st.text(max_size=6), st.integers(0, 40))
)
CODES = st.sampled_from([1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 4000, 4999])
CUTS = st.lists(st.floats(0, 1), max_size=8)


@dataclass(frozen=True)
class Outcome:
    """What came of a stream: the same whichever way it was cut."""

    packets: list[tuple[bytes, bool]] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)
    """Payloads of the pongs that were sent."""
    pongs: list[bytes] = field(default_factory=list)
    """Number and newest payload of those that came, where there were any."""
    close: tuple[int, str] | None = None


@dataclass(frozen=True)
class Message:
    payload: bytes
    is_text: bool
    compressed: bool
    cuts: list[float]
    controls: list[tuple[int, bytes]]


MESSAGES = st.builds(
    lambda body, compressed, cuts, controls: Message(
        body.encode() if isinstance(body, str) else body, isinstance(body, str), compressed, cuts, controls
    ),
    st.one_of(PAYLOADS, TEXTS),
    st.booleans(),
    st.lists(st.floats(0, 1), max_size=4),
    st.lists(st.tuples(st.sampled_from([PING, PONG]), st.binary(max_size=125)), max_size=3),
)


def cut(data: bytes, places: Sequence[float]) -> list[bytes]:
    """`data` in pieces; a place is a share of its length."""
    marks = [0, *sorted(int(place * len(data)) for place in places), len(data)]
    return [data[begin:end] for begin, end in pairwise(marks)]


class _Sender:
    """Compresses as the other side may: any legal way will do."""

    def __init__(self, agreement: Agreement | None, is_client: bool) -> None:
        self.agreement = agreement
        if agreement is not None:
            self.bits = agreement.client_max_window_bits if is_client else agreement.server_max_window_bits
            self.forgets = agreement.client_no_context_takeover if is_client else agreement.server_no_context_takeover
        self.stream: zlib._Compress | None = None

    def compress(self, payload: bytes) -> bytes:
        stream = self.stream
        if stream is None or self.forgets:
            strategy = zlib.Z_HUFFMAN_ONLY if self.bits == 8 else zlib.Z_DEFAULT_STRATEGY
            stream = self.stream = zlib.compressobj(6, zlib.DEFLATED, -max(9, self.bits), 8, strategy)
        return (stream.compress(payload) + stream.flush(zlib.Z_SYNC_FLUSH))[:-4]


def encode(first: int, payload: bytes, key: bytes) -> bytes:
    return bytes([first]) + length_bytes(len(payload), bool(key)) + key + xor(payload, key)


@st.composite
def streams(draw: st.DrawFn, *, to_client: bool, agreement: Agreement | None = None) -> tuple[bytes, Outcome]:
    """A legal stream, and what must come of it."""
    messages = draw(st.lists(MESSAGES, max_size=6))
    close = draw(st.none() | st.tuples(CODES, st.text(max_size=30).filter(lambda reason: "\0" not in reason)))
    key = b"" if to_client else draw(KEYS)
    sender = _Sender(agreement, not to_client)
    data = b"".join(_frames(message, key, sender) for message in messages)
    if close is not None:
        data += encode(0x80 | CLOSE, close_payload(close[0], close[1].encode()), key)
    controls = [control for message in messages for control in message.controls]
    pongs = [payload for opcode, payload in controls if opcode == PONG]
    return data, Outcome(
        [(message.payload, message.is_text) for message in messages],
        [payload for opcode, payload in controls if opcode == PING],
        [str(len(pongs)).encode(), pongs[-1]] if pongs else [],
        close,
    )


def _frames(message: Message, key: bytes, sender: _Sender) -> bytes:
    """A message in fragments, its control frames spread between them and the rest behind."""
    compressed = message.compressed and sender.agreement is not None
    pieces = cut(sender.compress(message.payload) if compressed else message.payload, message.cuts)
    controls = [encode(0x80 | opcode, payload, key) for opcode, payload in message.controls]
    data = b""
    for i, piece in enumerate(pieces):
        first = 0x80 if i == len(pieces) - 1 else 0
        if i == 0:
            first |= (TEXT if message.is_text else BINARY) | (0x40 if compressed else 0)
        else:
            first |= CONTINUATION
        data += encode(first, piece, key)
        if controls:
            data += controls.pop(0)
    return data + b"".join(controls)


def make(is_client: bool, agreement: Agreement | None = None, max_queued_packets: int = 4096) -> Connection:
    limits = Limits(max_queued_packets=max_queued_packets)
    return compressed(is_client, agreement, limits=limits)


def run(connection: Connection, pieces: Sequence[bytes]) -> Outcome:
    """Feed `pieces`, taking all that comes at once."""
    got: list[tuple[bytes, bool]] = []
    answers: list[tuple[int, bytes]] = []
    for piece in pieces:
        feed(connection, piece)
        answers += sent(connection)
        while connection.inbox.count:
            got += packets(connection.inbox)
            connection.resume()
        connection.settle()
        answers += sent(connection)
    return Outcome(
        got,
        [payload for first, payload in answers if first == 0x80 | PONG],
        [str(connection.pongs).encode(), connection.last_pong] if connection.pongs else [],
        (connection.close_code, connection.close_reason) if connection.phase == Phase.CLOSED else None,
    )


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """`data` with a few bytes changed, left out or put in."""
    damage = bytearray(data)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(damage)))
        end = at + draw(st.integers(0, 3))
        damage[at:end] = draw(st.binary(max_size=3))
    return bytes(damage)
