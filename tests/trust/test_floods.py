"""D2, D3, D4: bombs, fragments and control frames without end, against both roles.

`make soak` takes a million of each, `make test` a quarter of that.
"""

from __future__ import annotations

import time
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gdpeer import COMPILED, Cause, WebSocketPeer
from gdpeer.protocol.connection import Connection
from gdpeer.protocol.deflate import Agreement, Deflater
from gdpeer.protocol.limits import DEFAULT_LIMITS, Limits
from gdpeer.transport.receive_buffer import SCRATCH_SIZE
from tests.support.figures import record
from tests.support.long import amount
from tests.trust.feed import ROLES, Feed, attacked, frame_of, hear_all
from tests.unit.protocol.support import compressed
from tests.unit.websocket.support import BINARY, CLOSE, CLOSED, CLOSING, PING, PONG, TEXT

pytestmark = pytest.mark.timeout(120)

KIB, MIB = 1024, 1 << 20
MANY = amount(250_000, 1_000_000)
FIN, RSV1 = 0x80, 0x40
MOST_A_TURN = 8 * SCRATCH_SIZE
AFTERWARDS = MIB + 2 * 65_536
"""Bytes that are still read, and dropped, after an end: what a linger allows, and a receive before and after it."""


@contextmanager
def memory_peak() -> Iterator[list[int]]:
    """Bytes that were taken at most within the block beyond those before it, in the end the list's only item.

    Counts all that Python's allocators give, and zlib's own; messages of the compiled form come from there as well.
    """
    found: list[int] = []
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        yield found
        found.append(tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()


# -- D2 ---------------------------------------------------------------------------------------------------------------


def bomb(mebibytes: int) -> bytes:
    """So many MiB of zeros, a thousandth long: each MiB is a block that needs nothing of what came before."""
    maker = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = maker.compress(bytes(MIB)) + maker.flush(zlib.Z_FULL_FLUSH)
    assert len(block) * 1000 < MIB + 100 * KIB
    return block * mebibytes


def split(role: str, data: bytes, pieces: int) -> bytes:
    """A compressed message in so many fragments."""
    size = -(-len(data) // pieces)
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    heads = [RSV1 | BINARY, *[0] * (len(parts) - 1)]
    heads[-1] |= FIN
    return b"".join(frame_of(role, head, part) for head, part in zip(heads, parts, strict=True))


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("pieces", [1, 100])
@pytest.mark.parametrize("limit", [65_535, MIB, 16 * MIB])
@pytest.mark.parametrize("mebibytes", [32, 1024])
def test_d2_a_bomb_ends_at_the_limit(mebibytes: int, limit: int, pieces: int, role: str) -> None:
    """1009; at most the limit and 1 MiB of memory; up to 1 GiB inflated."""
    data = split(role, bomb(mebibytes), pieces)
    peer, feed = attacked(role, compression=True, inbound_buffer_size=limit)
    feed.put(data)
    with memory_peak() as peak:
        hear_all(peer, feed)
    assert (peer.get_close_code(), peer.get_close_cause().cause) == (1009, Cause.TOO_BIG)
    assert peer.get_available_packet_count() == 0
    beyond = peak[0] - limit
    if mebibytes == 1024:
        record("D2", **{f"kib_beyond_limit_{limit // KIB}_kib_{pieces}_{role}": beyond // KIB})
    assert beyond <= (MIB if COMPILED else MIB + limit // 8)  # uncompiled a bytearray grows by an eighth


def test_d2_a_large_message_that_is_within_the_limit_comes_whole() -> None:
    """What is inflated step by step is what was sent: random, then zeros, then random."""
    noise = bytes(range(256)) * 700
    message = noise + bytes(5 * MIB) + noise[::-1]
    peer, feed = attacked("server", compression=True, inbound_buffer_size=len(message))
    feed.put(split("server", Deflater().compress(message), 7))
    hear_all(peer, feed)
    assert peer.get_packet() == message
    feed.put(split("server", Deflater().compress(message + b"x"), 7))
    hear_all(peer, feed)
    assert peer.get_close_code() == 1009


# -- D3 ---------------------------------------------------------------------------------------------------------------


def fragments(role: str, first: int, payload: bytes, count: int) -> bytes:
    """A message that does not end."""
    return frame_of(role, first, payload) + frame_of(role, 0, payload) * (count - 1)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("payload", [b"", b"x"], ids=["empty", "one-byte"])
@pytest.mark.parametrize("kind", [BINARY, TEXT], ids=["binary", "text"])
def test_d3_a_million_fragments_end_at_the_limit(kind: int, payload: bytes, role: str) -> None:
    """Empty ones by their number, others by the size of the message, or by their number where that is large."""
    for limit in (65_535, 16 * MIB):
        peer, feed = attacked(role, inbound_buffer_size=limit)
        data = fragments(role, kind, payload, MANY)
        feed.put(data)
        with memory_peak() as peak:
            hear_all(peer, feed)
        assert (peer.get_close_code(), peer.get_close_cause().cause) == (1009, Cause.TOO_BIG)
        allowed = DEFAULT_LIMITS.max_fragments if not payload else min(limit, DEFAULT_LIMITS.max_fragments)
        assert feed.given <= allowed * len(data) / MANY + AFTERWARDS
        assert peak[0] < MIB


def seconds_for(data: bytes, count: int, compression: Agreement | None) -> float:
    """CPU time of a connection that takes so many fragments, the best of three."""
    limits = Limits(max_message_size=2 * MANY, max_fragments=2 * MANY)
    pieces = [bytearray(data[at : at + 65_536]) for at in range(0, len(data), 65_536)]
    found = []
    for _ in range(3):
        connection = compressed(False, compression, limits=limits)
        begun = time.process_time()
        for piece in pieces:
            connection.receive_data(piece, len(piece))
        found.append(time.process_time() - begun)
        assert connection.failure is None
    return min(found)


@pytest.mark.parametrize("kind", ["empty", "one_byte", "text", "compressed"])
def test_d3_time_grows_with_the_number_of_fragments_only(kind: str) -> None:
    """Four times as many take four times as long: at most eight, for what a shared machine adds; squared, sixteen."""
    deflate = Agreement() if kind == "compressed" else None
    costs = []
    for count in (MANY // 4, MANY):
        if kind == "compressed":
            packed = zlib.compressobj(0, zlib.DEFLATED, -15).compress(bytes(2 * count))[:count]
            data = frame_of("server", RSV1 | BINARY, packed[:1])
            data += b"".join(frame_of("server", 0, packed[at : at + 1]) for at in range(1, count))
        else:
            payload = b"" if kind == "empty" else b"x"
            data = fragments("server", TEXT if kind == "text" else BINARY, payload, count)
        costs.append(seconds_for(data, count, deflate))
    record("D3", **{f"{kind}_ns_a_fragment": costs[1] * 1e9 / MANY, f"{kind}_growth": costs[1] / costs[0]})
    assert costs[1] <= 8 * costs[0]


# -- D4 ---------------------------------------------------------------------------------------------------------------

MOST_QUEUED = DEFAULT_LIMITS.max_pending_control + 131 + 4
"""What may wait at most: pongs up to the limit, the last of them of full length."""


def flood(role: str, opcode: int, count: int, payload: bytes) -> bytes:
    return frame_of(role, FIN | opcode, payload) * count


def most_queued(peer: WebSocketPeer, feed: Feed) -> int:
    """Hears all; the most bytes that waited to be sent after any turn."""
    most = 0
    while feed.left:
        before = feed.given
        peer.poll()
        most = max(most, peer.get_current_outbound_buffered_amount())
        assert 0 < feed.given - before <= MOST_A_TURN
    return most


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("size", [0, 125])
def test_d4_pings_of_somebody_who_reads_nothing(size: int, role: str) -> None:
    """The queue stops at its limit; once there is room again the newest ping is answered."""
    peer, feed = attacked(role)
    feed.takes = False
    feed.put(flood(role, PING, MANY, bytes(size)) + frame_of(role, FIN | PING, b"newest"))
    with memory_peak() as peak:
        most = most_queued(peer, feed)
    record("D4", **{f"bytes_queued_by_a_million_pings_of_{size}_to_a_{role}": most})
    assert 0 < most <= MOST_QUEUED
    assert peak[0] < MIB
    feed.takes = True
    peer.poll()
    peer.send(b"still here")
    assert len(feed.sent) <= 2 * MOST_QUEUED
    answers = WebSocketConnection(role).read(feed.sent)
    assert answers.last_pong == b"newest"
    assert answers.inbox.next_packet() == b"still here"


class WebSocketConnection:
    """The other side, to read what a peer of that role sent."""

    def __init__(self, role: str) -> None:
        self.connection = Connection(role == "server")

    def read(self, data: bytearray) -> Connection:
        self.connection.receive_data(data, len(data))
        return self.connection


@pytest.mark.parametrize("role", ROLES)
def test_d4_pings_of_somebody_who_reads_are_answered_within_the_limit(role: str) -> None:
    """No more goes out than came in (a client's mask aside), and not more than a pong is left waiting."""
    peer, feed = attacked(role)
    count = 100_000
    feed.put(flood(role, PING, count, b"12345678"))
    with memory_peak() as peak:
        most = most_queued(peer, feed)
    assert most <= 14
    assert 0 < len(feed.sent) <= count * (10 + (0 if role == "server" else 4))
    assert peak[0] < len(feed.sent) * 2 + MIB  # the test keeps what was sent
    assert WebSocketConnection(role).read(feed.sent).pongs > 0


@pytest.mark.parametrize("role", ROLES)
def test_d4_a_million_pongs_and_pings_after_the_close_send_nothing(role: str) -> None:
    peer, feed = attacked(role)
    feed.put(flood(role, PONG, MANY, b"unasked for"))
    with memory_peak() as peak:
        assert most_queued(peer, feed) == 0
    assert feed.sent == b""
    peer.close(1000)
    said = len(feed.sent)
    feed.put(flood(role, PING, MANY, b"late"))
    with memory_peak() as peak_later:
        hear_all(peer, feed)
    assert peer.get_ready_state() is CLOSING
    assert len(feed.sent) == said
    assert max(*peak, *peak_later) < MIB


@pytest.mark.parametrize("role", ROLES)
def test_d4_a_million_closes_are_answered_once(role: str) -> None:
    """And no more than a limit of what follows is read: a turn and the MiB of the linger."""
    peer, feed = attacked(role)
    feed.put(flood(role, CLOSE, MANY, b"\x03\xe8"))
    with memory_peak() as peak:
        hear_all(peer, feed)
    record("D4", **{f"bytes_sent_for_a_million_closes_to_a_{role}": len(feed.sent)})
    assert peer.get_ready_state() is CLOSED
    assert peer.get_close_code() == 1000
    assert len(feed.sent) == (4 if role == "server" else 8)
    assert feed.given <= AFTERWARDS
    assert peak[0] < MIB
