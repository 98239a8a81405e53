"""An open WebSocket: control frames, closing, failures, back-pressure. RFC 6455 section 5.5 and 7."""

from __future__ import annotations

import random
from typing import Any

import pytest

from gdpeer.errors import ProtocolError
from gdpeer.protocol.connection import NO_CODE, Connection, Phase, check_close, is_sendable_code
from gdpeer.protocol.deflate import Agreement, Deflater
from gdpeer.protocol.limits import DEFAULT_LIMITS, Limits
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
    frame,
    frames_in,
    joined,
    packets,
    sent,
)

SENDABLE = {*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)}
FIN = 0x80


@pytest.fixture(params=[True, False], ids=["client", "server"])
def is_client(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def limits() -> Limits:
    return Limits()


@pytest.fixture
def connection(is_client: bool, limits: Limits) -> Connection:
    return Connection(is_client, limits=limits)


@pytest.fixture
def masked(is_client: bool) -> bool:
    """Whether what arrives is masked."""
    return not is_client


def pair(compression: Agreement | None = None) -> tuple[Connection, Connection]:
    return compressed(True, compression), compressed(False, compression)


def carry(source: Connection, target: Connection) -> bytes:
    """Move what waits from one side to the other."""
    data = joined(source.outbox.data_to_send())
    source.data_sent(len(data))
    feed(target, data)
    return data


def taken(connection: Connection) -> list[tuple[bytes, bool]]:
    """Every packet that waits, after which the end may come."""
    got = packets(connection.inbox)
    connection.settle()
    return got


# ---------------------------------------------------------------- codes and reasons


def test_codes_that_a_close_frame_may_carry() -> None:
    assert {code for code in range(-1, 70_000) if is_sendable_code(code)} == SENDABLE


@pytest.mark.parametrize("code", [-1, 0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535, 65_536])
def test_code_that_may_not_be_sent_is_a_value_error(connection: Connection, code: int) -> None:
    with pytest.raises(ValueError, match=f"close code {code} may not be sent"):
        connection.send_close(code, "")
    assert connection.phase == Phase.OPEN
    assert connection.outbox.pending == 0


@pytest.mark.parametrize(
    ("reason", "fits"), [("x" * 123, True), ("x" * 124, False), ("é" * 61, True), ("é" * 62, False)]
)
def test_reason_has_at_most_123_bytes(reason: str, fits: bool) -> None:
    if fits:
        assert check_close(1000, reason) == b"\x03\xe8" + reason.encode()
        return
    with pytest.raises(ValueError, match="at most 123 bytes, not 124"):
        check_close(1000, reason)


# ---------------------------------------------------------------- talking


@pytest.mark.parametrize(
    "compression", [None, Agreement(), Agreement(True, True, 9, 10)], ids=["plain", "deflate", "no context"]
)
def test_both_sides_understand_each_other(compression: Agreement | None) -> None:
    messages = [("κόσμε".encode() * 9, True), (b"", False), (bytes(range(256)) * 100, False), (b"again" * 9, True)]
    for source, target in (pair(compression), pair(compression)[::-1]):
        for payload, is_text in messages:
            source.send_message(payload, is_text)
        data = carry(source, target)
        assert packets(target.inbox) == messages
        assert len(list(frames_in(data))) == len(messages)


def test_client_masks_and_server_does_not() -> None:
    client, server = pair()
    for source, target in ((client, server), (server, client)):
        source.send_message(b"a", True)
        source.send_ping(b"b")
        source.send_close(1000, "")
        assert {mask for _, mask, _ in frames_in(carry(source, target))} == {source is client}


def test_messages_may_refer_back_as_far_as_the_agreed_window() -> None:
    block = random.Random(7).randbytes(12_000)
    client, server = pair()
    for connection in (client, server):
        connection.compress(Agreement(), 0)
    for source, target in ((client, server), (server, client)):
        for _ in range(2):
            source.send_message(block, False)
        data = carry(source, target)
        assert len(data) < 1.5 * len(block)  # the second message refers back to the first
        assert packets(target.inbox) == [(block, False)] * 2


def test_compression_that_is_agreed_on_later() -> None:
    agreement = Agreement(server_no_context_takeover=True, client_max_window_bits=9)
    client, server = pair()
    client.compress(agreement)
    server.compress(agreement, 10)
    for source, target in ((client, server), (server, client)):
        source.send_message(b"abc" * 2000, True)
        source.send_message(b"abc", True)
        firsts = [first for first, _, _ in frames_in(carry(source, target))]
        assert firsts == [0xC1, 0xC1 if source is client else 0x81]
        assert packets(target.inbox) == [(b"abc" * 2000, True), (b"abc", True)]


@pytest.mark.parametrize("is_client", [True, False])
def test_each_side_compresses_with_its_own_window(is_client: bool) -> None:
    agreement = Agreement(server_max_window_bits=9, client_no_context_takeover=True)
    connection = compressed(is_client, agreement)
    payload = bytes((i * i >> 3) & 255 for i in range(2000)) * 2
    connection.send_message(payload, False)
    expected = Deflater(15, keep_context=False) if is_client else Deflater(9)
    assert sent(connection) == [(0xC2, expected.compress(payload))]


def test_the_buffer_may_be_overwritten_afterwards(connection: Connection, masked: bool) -> None:
    data = bytearray(frame(BINARY, b"one", masked=masked) + frame(BINARY, b"two", masked=masked))
    connection.receive_data(data, len(data) - 1)
    tail = data[-1:]
    data[:] = b"?" * len(data)
    data[:1] = tail
    connection.receive_data(data, 1)
    assert packets(connection.inbox) == [(b"one", False), (b"two", False)]


def test_only_the_given_length_is_read(connection: Connection, masked: bool) -> None:
    data = bytearray(frame(BINARY, b"one", masked=masked))
    whole = len(data)
    connection.receive_data(data + b"\xff\xff\xff", whole)
    connection.receive_data(bytearray(b"\xff\xff"), 0)
    assert connection.phase == Phase.OPEN
    assert packets(connection.inbox) == [(b"one", False)]


# ---------------------------------------------------------------- ping and pong


@pytest.mark.parametrize("payload", [b"", b"a", b"x" * 125])
def test_ping_is_answered_with_its_payload(connection: Connection, masked: bool, payload: bytes) -> None:
    feed(connection, frame(PING, payload, masked=masked))
    assert sent(connection) == [(FIN | PONG, payload)]


def test_ping_between_fragments_is_answered_at_once(connection: Connection, masked: bool) -> None:
    feed(connection, frame(TEXT, b"a", masked=masked, fin=False) + frame(PING, b"now", masked=masked))
    assert sent(connection) == [(FIN | PONG, b"now")]
    feed(connection, frame(CONTINUATION, b"b", masked=masked))
    assert packets(connection.inbox) == [(b"ab", True)]


def test_pongs_are_counted_and_the_newest_kept(connection: Connection, masked: bool) -> None:
    assert (connection.pongs, connection.last_pong) == (0, b"")
    feed(connection, frame(PONG, b"unasked", masked=masked) + frame(PONG, b"newest", masked=masked))
    assert (connection.pongs, connection.last_pong) == (2, b"newest")
    assert sent(connection) == []


def test_send_ping(connection: Connection) -> None:
    connection.send_ping(b"x" * 125)
    with pytest.raises(ValueError, match="at most 125 bytes, not 126"):
        connection.send_ping(b"x" * 126)
    assert sent(connection) == [(FIN | PING, b"x" * 125)]


def test_flood_of_pings_is_bounded_and_the_newest_answered(
    connection: Connection, masked: bool, limits: Limits
) -> None:
    limits.max_pending_control = 1000
    for i in range(10_000):
        feed(connection, frame(PING, b"%05d" % i, masked=masked))
    assert connection.outbox.pending < 2000
    answered = [payload for _, payload in sent(connection)]
    assert answered == [b"%05d" % i for i in range(len(answered))]
    assert sent(connection) == [(FIN | PONG, b"09999")]
    assert sent(connection) == []


def test_owed_pong_waits_until_all_is_sent(connection: Connection, masked: bool, limits: Limits) -> None:
    limits.max_pending_control = 1
    feed(connection, frame(PING, b"one", masked=masked) + frame(PING, b"two", masked=masked))
    pending = connection.outbox.pending
    connection.data_sent(pending - 1)
    assert connection.outbox.pending == 1
    connection.data_sent(1)
    assert sent(connection) == [(FIN | PONG, b"two")]


def test_owed_pong_is_dropped_by_a_close(connection: Connection, masked: bool, limits: Limits) -> None:
    limits.max_pending_control = 1
    feed(connection, frame(PING, b"one", masked=masked) + frame(PING, b"two", masked=masked))
    connection.send_close(1000, "")
    assert [first for first, _ in sent(connection)] == [FIN | PONG, FIN | CLOSE]
    assert sent(connection) == []


# ---------------------------------------------------------------- closing


@pytest.mark.parametrize("code", sorted({1000, 1001, 1002, 1003, *range(1007, 1015), 3000, 3999, 4000, 4999}))
@pytest.mark.parametrize("reason", ["", "bye", "é" * 61])
def test_close_is_answered_in_kind(connection: Connection, masked: bool, code: int, reason: str) -> None:
    payload = close_payload(code, reason.encode())
    feed(connection, frame(CLOSE, payload, masked=masked))
    assert (connection.phase, connection.close_code, connection.close_reason) == (Phase.CLOSED, code, reason)
    assert connection.close_received
    assert connection.closed_by_remote
    assert connection.failure is None
    assert sent(connection) == [(FIN | CLOSE, payload)]


def test_close_without_a_code(connection: Connection, masked: bool) -> None:
    feed(connection, frame(CLOSE, masked=masked))
    assert (connection.phase, connection.close_code, connection.close_reason) == (Phase.CLOSED, NO_CODE, "")
    assert sent(connection) == [(FIN | CLOSE, b"")]


@pytest.mark.parametrize(
    ("raw", "reason"), [(b"bye\0", "bye"), (b"\0", ""), (b"bye\0rest", "bye"), (b"x" * 122 + b"\0", "x" * 122)]
)
def test_reason_that_godot_3_ends_with_a_nul(connection: Connection, masked: bool, raw: bytes, reason: str) -> None:
    feed(connection, frame(CLOSE, close_payload(1000, raw), masked=masked))
    assert (connection.close_code, connection.close_reason) == (1000, reason)


@pytest.mark.parametrize("size", range(1, 8))
def test_close_by_this_side_waits_for_the_answer(connection: Connection, masked: bool, size: int) -> None:
    connection.send_close(4001, "enough")
    assert (connection.phase, connection.close_code) == (Phase.CLOSING, -1)
    assert sent(connection) == [(FIN | CLOSE, close_payload(4001, b"enough"))]
    answer = frame(CLOSE, close_payload(4001, b"ok"), masked=masked)
    for at in range(0, len(answer), size):
        assert connection.phase == Phase.CLOSING
        feed(connection, answer[at : at + size])
    assert (connection.phase, connection.close_code, connection.close_reason) == (Phase.CLOSED, 4001, "ok")
    assert connection.close_received
    assert not connection.closed_by_remote
    assert sent(connection) == []


def test_closing_side_still_reads_but_does_not_answer_pings(connection: Connection, masked: bool) -> None:
    connection.send_close(1000, "")
    sent(connection)
    for opcode, payload in ((TEXT, b"late"), (PING, b"?"), (PONG, b"!")):
        feed(connection, frame(opcode, payload, masked=masked))
    assert packets(connection.inbox) == [(b"late", True)]
    assert connection.last_pong == b"!"
    assert sent(connection) == []


def test_crossing_closes_end_on_both_sides() -> None:
    client, server = pair()
    client.send_close(1000, "mine")
    server.send_close(1001, "mine too")
    carry(client, server)
    carry(server, client)
    assert (client.phase, client.close_code, client.close_reason) == (Phase.CLOSED, 1001, "mine too")
    assert (server.phase, server.close_code, server.close_reason) == (Phase.CLOSED, 1000, "mine")
    assert not client.closed_by_remote
    assert not server.closed_by_remote
    assert sent(client) == sent(server) == []


def test_close_round_trip_both_ways() -> None:
    for opener, other in (pair(), pair()[::-1]):
        opener.send_message(b"last words", True)
        opener.send_close(4000, "done")
        carry(opener, other)
        assert taken(other) == [(b"last words", True)]
        carry(other, opener)
        for side in (opener, other):
            assert (side.phase, side.close_code, side.close_reason) == (Phase.CLOSED, 4000, "done")
        assert (opener.closed_by_remote, other.closed_by_remote) == (False, True)


@pytest.mark.parametrize("after", [b"\xff\xff", frame(TEXT, b"late"), frame(CLOSE, close_payload(4000))])
def test_data_after_a_close_is_ignored(connection: Connection, masked: bool, after: bytes) -> None:
    feed(connection, frame(TEXT, b"kept", masked=masked) + frame(CLOSE, close_payload(1000), masked=masked) + after)
    feed(connection, after)
    assert taken(connection) == [(b"kept", True)]
    feed(connection, after)
    connection.resume()
    assert (connection.phase, connection.close_code, connection.failure) == (Phase.CLOSED, 1000, None)
    assert taken(connection) == []


@pytest.mark.parametrize("phase", [Phase.CLOSING, Phase.CLOSED])
def test_nothing_is_sent_unless_open(connection: Connection, phase: Phase) -> None:
    connection.send_close(1000, "")
    if phase == Phase.CLOSED:
        connection.receive_eof()
    sent(connection)
    connection.send_message(b"x", True)
    connection.send_ping(b"x")
    connection.send_close(1001, "")
    assert connection.phase == phase
    assert sent(connection) == []


@pytest.mark.parametrize("closing", [True, False])
def test_end_of_the_stream_without_a_close_frame(connection: Connection, masked: bool, closing: bool) -> None:
    feed(connection, frame(TEXT, b"kept", masked=masked))
    if closing:
        connection.send_close(1000, "")
    connection.receive_eof()
    assert (connection.phase, connection.close_code, connection.close_received) == (Phase.CLOSED, -1, False)
    assert packets(connection.inbox) == [(b"kept", True)]


# ---------------------------------------------------------------- an end behind packets


@pytest.mark.parametrize(
    ("end", "code"), [((CLOSE, close_payload(4000, b"bye")), 4000), ((CLOSE, b""), NO_CODE), ((3, b""), 1002)]
)
def test_end_waits_until_the_packets_before_it_are_dealt_with(
    connection: Connection, masked: bool, end: tuple[int, bytes], code: int
) -> None:
    opcode, payload = end
    feed(connection, frame(TEXT, b"question", masked=masked) + frame(opcode, payload, masked=masked) + b"ignored")
    assert (connection.phase, connection.close_code, connection.is_held()) == (Phase.OPEN, -1, True)
    assert packets(connection.inbox) == [(b"question", True)]
    connection.send_message(b"answer", True)
    assert connection.settle()
    assert (connection.phase, connection.close_code, connection.is_held()) == (Phase.CLOSED, code, False)
    assert [first for first, _ in sent(connection)] == [FIN | TEXT, FIN | CLOSE]
    assert not connection.settle()


def test_end_without_packets_before_it_does_not_wait(connection: Connection, masked: bool) -> None:
    assert not connection.settle()
    feed(connection, frame(CLOSE, close_payload(1000), masked=masked))
    assert not connection.is_held()
    assert connection.phase == Phase.CLOSED


def test_end_of_the_stream_settles_what_is_held(connection: Connection, masked: bool) -> None:
    feed(connection, frame(TEXT, b"kept", masked=masked) + frame(CLOSE, close_payload(4000), masked=masked))
    connection.receive_eof()
    assert (connection.phase, connection.close_code, connection.close_received) == (Phase.CLOSED, 4000, True)
    assert taken(connection) == [(b"kept", True)]


def test_close_by_this_side_while_the_others_is_held(connection: Connection, masked: bool) -> None:
    feed(connection, frame(TEXT, b"kept", masked=masked) + frame(CLOSE, close_payload(4000), masked=masked))
    connection.send_close(4001, "")
    assert taken(connection) == [(b"kept", True)]
    assert (connection.phase, connection.close_code) == (Phase.CLOSED, 4000)
    assert sent(connection) == [(FIN | CLOSE, close_payload(4001))]


# ---------------------------------------------------------------- failures


@pytest.mark.parametrize(
    ("data", "code", "reason"),
    [
        ((BINARY, b"", {"rsv": 4}), 1002, "Protocol error"),
        ((3, b"", {}), 1002, "Protocol error"),
        ((TEXT, b"\xff", {}), 1007, "Invalid frame payload data"),
        ((BINARY, b"x" * 65_536, {}), 1009, "Message too big"),
        ((CLOSE, b"\x03", {}), 1002, "Protocol error"),
        ((CLOSE, close_payload(1000, b"\xff"), {}), 1007, "Invalid frame payload data"),
        *[
            ((CLOSE, close_payload(code), {}), 1002, "Protocol error")
            for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65_535)
        ],
    ],
)
@pytest.mark.parametrize("closing", [False, True], ids=["open", "closing"])
def test_broken_rule_closes_with_its_code(
    connection: Connection,
    masked: bool,
    data: tuple[int, bytes, dict[str, Any]],
    code: int,
    reason: str,
    closing: bool,
) -> None:
    opcode, payload, options = data
    if closing:
        connection.send_close(1000, "")
        sent(connection)
    feed(connection, frame(TEXT, b"kept", masked=masked) + frame(opcode, payload, masked=masked, **options))
    assert taken(connection) == [(b"kept", True)]
    assert (connection.phase, connection.close_code, connection.close_reason) == (Phase.CLOSED, code, reason)
    assert isinstance(connection.failure, ProtocolError)
    assert connection.failure.code == code
    assert not connection.close_received
    assert sent(connection) == ([] if closing else [(FIN | CLOSE, close_payload(code, reason.encode()))])


def test_failure_within_a_frame_does_not_wait_for_its_end(connection: Connection, masked: bool) -> None:
    feed(connection, frame(TEXT, b"ok \xff" + b"x" * 100, masked=masked)[:-100])
    assert connection.close_code == 1007


def test_nothing_is_read_after_a_failure(connection: Connection, masked: bool) -> None:
    feed(connection, b"\xff\xff" + frame(TEXT, b"late", masked=masked))
    feed(connection, frame(TEXT, b"later", masked=masked))
    assert connection.close_code == 1002
    assert packets(connection.inbox) == []


@pytest.mark.parametrize("is_client", [True, False])
def test_failure_of_compression(is_client: bool) -> None:
    connection = compressed(is_client, Agreement())
    feed(connection, frame(BINARY, b"\xff" * 9, masked=not is_client, rsv=4))
    assert connection.close_code == 1002
    bomb = compressed(is_client, Agreement())
    feed(bomb, frame(BINARY, Deflater().compress(bytes(2_000_000)), masked=not is_client, rsv=4))
    assert bomb.close_code == 1009


# ---------------------------------------------------------------- back-pressure


@pytest.mark.parametrize(("count", "size"), [(2, 10_000), (10_000, 8)])
def test_full_queue_stops_reading_and_resume_goes_on(
    connection: Connection, masked: bool, limits: Limits, count: int, size: int
) -> None:
    limits.max_queued_packets, limits.max_queued_bytes = count, size
    connection.inbox.use(limits)
    feed(connection, b"".join(frame(BINARY, b"%04d" % i, masked=masked) for i in range(5)))
    feed(connection, b"".join(frame(BINARY, b"%04d" % i, masked=masked) for i in range(5, 9)))
    feed(connection, frame(PING, b"last", masked=masked) + frame(CLOSE, close_payload(1000), masked=masked))
    got = []
    while connection.inbox.count:
        assert connection.inbox.count == (2 if len(got) < 8 else 1)
        got += [packet for packet, _ in packets(connection.inbox)]
        connection.resume()
    connection.settle()
    assert got == [b"%04d" % i for i in range(9)]
    assert connection.close_code == 1000
    assert sent(connection) == [(FIN | PONG, b"last"), (FIN | CLOSE, close_payload(1000))]


def test_resume_between_arrivals_keeps_the_order(connection: Connection, masked: bool, limits: Limits) -> None:
    limits.max_queued_packets = 1
    connection.inbox.use(limits)
    got: list[bytes] = []
    for i in range(20):
        half = frame(BINARY, b"%04d" % (2 * i), masked=masked) + frame(BINARY, b"%04d" % (2 * i + 1), masked=masked)
        feed(connection, half[:9])
        feed(connection, half[9:])
        got += [packet for packet, _ in packets(connection.inbox)]
        connection.resume()
    while connection.inbox.count:
        got += [packet for packet, _ in packets(connection.inbox)]
        connection.resume()
    assert got == [b"%04d" % i for i in range(40)]


def test_resume_without_a_rest(connection: Connection) -> None:
    connection.resume()
    assert connection.phase == Phase.OPEN


def test_limits_default_to_the_documented_ones() -> None:
    connection = Connection(False)
    feed(connection, frame(BINARY, b"x" * (DEFAULT_LIMITS.max_message_size + 1)))
    assert connection.close_code == 1009
    assert (DEFAULT_LIMITS.max_message_size, DEFAULT_LIMITS.max_queued_packets) == (65_535, 4_096)


def test_control_frames_can_be_passed_on_instead_of_answered() -> None:
    """What a proxy does: a ping and a pong go to the other side, and so many at most wait there."""
    heard: list[tuple[int, bytes]] = []
    server = Connection(False, limits=Limits(max_pending_control=20))
    server.on_control = lambda opcode, payload: heard.append((opcode, payload))
    client = Connection(True)
    client.send_ping(b"one")
    client.pass_control(10, b"two")
    data = bytearray(b"".join(bytes(chunk) for chunk in client.outbox.data_to_send()))
    server.receive_data(data, len(data))
    assert heard == [(9, b"one"), (10, b"two")]
    assert (server.outbox.pending, server.pongs) == (0, 0)
    for _ in range(100):
        server.pass_control(9, b"1234")
    assert server.outbox.pending == 2 * 6  # beyond the limit they are lost
    server.send_close(1000, "")
    waiting = server.outbox.pending
    server.pass_control(9, b"")
    assert server.outbox.pending == waiting


def test_what_arrives_after_the_end_is_ignored(connection: Connection, masked: bool) -> None:
    connection.receive_eof()
    assert connection.phase == Phase.CLOSED
    for late in (frame(TEXT, b"late", masked=masked), b"\xff\xff\xff"):
        feed(connection, late)
    assert packets(connection.inbox) == []
    assert connection.failure is None


def test_nothing_is_wanted_past_bytes_that_wait_unparsed_or_past_the_end(
    connection: Connection, masked: bool, limits: Limits
) -> None:
    limits.max_message_size, limits.max_queued_packets = 2 << 20, 1
    connection.inbox.use(limits)
    large = frame(BINARY, bytes(1 << 20), masked=masked)
    feed(connection, large[:100])
    assert connection.wanted() > 0
    feed(connection, large[100:])
    feed(connection, large[:100])  # behind a full queue
    assert connection.wanted() == 0
    assert taken(connection) == [(bytes(1 << 20), False)]
    connection.resume()
    assert connection.wanted() > 0
    feed(connection, large[100:])
    feed(connection, frame(CLOSE, masked=masked))
    assert connection.wanted() == 0
