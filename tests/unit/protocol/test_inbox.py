"""From frames to packets: RFC 6455 section 5 and 8.1, and the limits."""

from __future__ import annotations

import struct
import tracemalloc
import zlib

import pytest

from gdpeer.errors import ProtocolError
from gdpeer.protocol.deflate import Deflater, Inflater
from gdpeer.protocol.inbox import Inbox
from gdpeer.protocol.limits import Limits
from tests.unit.protocol.support import (
    BINARY,
    CLOSE,
    CONTINUATION,
    KEY,
    PING,
    PONG,
    TEXT,
    first_impossible,
    frame,
    length_bytes,
    packets,
    xor,
)

BAD_TEXTS = [
    b"\xff",
    b"ok \x80",
    b"\xc3\x28 and more",
    b"\xed\xa0\x80 surrogate",
    b"\xc0\xaf overlong",
    b"\xf8\x88\x80\x80\x80 five",
    b"\xf4\x90\x80\x80 too high",
    "日本".encode() + b"\xe6\x41",
]


@pytest.fixture(params=[True, False], ids=["client", "server"])
def is_client(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def limits() -> Limits:
    return Limits()


@pytest.fixture
def inbox(is_client: bool, limits: Limits) -> Inbox:
    return Inbox(is_client, limits)


@pytest.fixture
def masked(is_client: bool) -> bool:
    """Whether what arrives is masked."""
    return not is_client


def parse(inbox: Inbox, data: bytes) -> list[tuple[int, bytes]]:
    """Parse as far as it goes; the control frames that stood between."""
    controls = []
    buffer = bytearray(data)
    at = inbox.parse(buffer, 0, len(buffer))
    while inbox.opcode >= 0:
        controls.append((inbox.opcode, inbox.payload))
        at = inbox.parse(buffer, at, len(buffer))
    return controls


def parse_bytewise(inbox: Inbox, data: bytes) -> int:
    """Hand over one byte more each time; returns at which byte a rule broke, or -1."""
    rest = bytearray()
    for at, byte in enumerate(data):
        rest.append(byte)
        try:
            del rest[: inbox.parse(rest, 0, len(rest))]
        except ProtocolError:
            return at
    return -1


def refusal(inbox: Inbox, data: bytes) -> tuple[int, str]:
    with pytest.raises(ProtocolError) as caught:
        parse(inbox, data)
    return caught.value.code, caught.value.detail


# ---------------------------------------------------------------- messages


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65535])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_message_in_one_frame(inbox: Inbox, masked: bool, opcode: int, length: int) -> None:
    payload = b"a" * length
    assert parse(inbox, frame(opcode, payload, masked=masked)) == []
    assert (inbox.queued_bytes, inbox.received) == (length, 1)
    assert packets(inbox) == [(payload, opcode == TEXT)]
    assert inbox.queued_bytes == 0


def test_message_of_eight_length_bytes(inbox: Inbox, masked: bool, limits: Limits) -> None:
    limits.max_message_size = 70_000
    inbox.use(limits)
    parse(inbox, frame(BINARY, b"x" * 65536, masked=masked))
    assert packets(inbox) == [(b"x" * 65536, False)]


def test_parse_leaves_what_needs_more_bytes(inbox: Inbox, masked: bool) -> None:
    whole = frame(BINARY, b"abc", masked=masked)
    for opening in (frame(BINARY, b"x" * 200, masked=masked)[:2], frame(PING, b"abc", masked=masked)[:-1]):
        data = bytearray(b"??" + whole + opening + b"!!")
        assert inbox.parse(data, 2, len(data) - 2) == 2 + len(whole)
    assert inbox.opcode == -1
    assert packets(inbox) == [(b"abc", False)] * 2


@pytest.mark.parametrize("length", [0, 5, 126, 65536])
def test_head_waits_until_it_is_whole(inbox: Inbox, masked: bool, limits: Limits, length: int) -> None:
    limits.max_message_size = 65536
    inbox.use(limits)
    head = frame(BINARY, b"x" * length, masked=masked)[: 1 + len(length_bytes(length, masked)) + 4 * masked]
    for size in range(len(head)):
        assert inbox.parse(bytearray(head), 0, size) == 0
    assert inbox.parse(bytearray(head), 0, len(head)) == len(head)
    assert inbox.count == (length == 0)


def test_fragments_make_one_message_with_control_frames_between(inbox: Inbox, masked: bool) -> None:
    data = (
        frame(TEXT, "日".encode()[:1], masked=masked, fin=False)
        + frame(PING, b"one", masked=masked)
        + frame(CONTINUATION, masked=masked, fin=False)
        + frame(PONG, b"two", masked=masked)
        + frame(PING, masked=masked)
        + frame(CONTINUATION, "日".encode()[1:], masked=masked)
        + frame(BINARY, b"next", masked=masked)
    )
    assert parse(inbox, data) == [(PING, b"one"), (PONG, b"two"), (PING, b"")]
    assert packets(inbox) == [("日".encode(), True), (b"next", False)]


def test_byte_by_byte_gives_the_same(inbox: Inbox, masked: bool) -> None:
    text = "κόσμε 🎮" * 20
    data = (
        frame(TEXT, text.encode()[:9], masked=masked, fin=False)
        + frame(CONTINUATION, text.encode()[9:], masked=masked)
        + frame(BINARY, bytes(range(256)), masked=masked)
    )
    assert parse_bytewise(inbox, data) == -1
    assert packets(inbox) == [(text.encode(), True), (bytes(range(256)), False)]


def test_empty_fragments_make_an_empty_message(inbox: Inbox, masked: bool) -> None:
    empty = frame(CONTINUATION, masked=masked, fin=False)
    parse(inbox, frame(TEXT, masked=masked, fin=False) + empty * 3 + frame(CONTINUATION, masked=masked))
    assert packets(inbox) == [(b"", True)]


def test_packets_keep_their_kinds_when_another_is_discarded(inbox: Inbox, masked: bool) -> None:
    for opcode, payload in ((TEXT, b"a"), (TEXT, b"b"), (BINARY, b"c"), (BINARY, b"d"), (TEXT, b"e"), (TEXT, b"f")):
        parse(inbox, frame(opcode, payload, masked=masked))
    inbox.discard(4)
    assert packets(inbox) == [(b"a", True), (b"b", True), (b"c", False), (b"d", False), (b"f", True)]


def test_next_packet_of_none(inbox: Inbox) -> None:
    with pytest.raises(IndexError):
        inbox.next_packet()


def test_a_packet_can_be_taken_out_of_the_middle(inbox: Inbox, masked: bool) -> None:
    for opcode, payload in ((TEXT, b"a"), (BINARY, b"bbb"), (TEXT, b"cc")):
        parse(inbox, frame(opcode, payload, masked=masked))
    inbox.discard(1)
    assert inbox.queued_bytes == 3
    assert inbox.received == 3
    assert packets(inbox) == [(b"a", True), (b"cc", True)]
    assert inbox.queued_bytes == 0
    with pytest.raises(IndexError):
        inbox.discard(0)
    assert inbox.queued_bytes == 0


# ---------------------------------------------------------------- broken rules


@pytest.mark.parametrize(
    ("first", "second", "what"),
    [
        *[(0x80 | rsv << 4 | opcode, 0, "a reserved bit") for rsv in range(1, 8) for opcode in (0, 1, 2, 8, 9, 10)],
        *[(0x80 | opcode, 0, f"unknown opcode {opcode}") for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)],
        *[(opcode, 0, "control frame is fragmented") for opcode in (8, 9, 10)],
        *[(0x80 | opcode, length, "longer than 125") for opcode in (8, 9, 10) for length in (126, 127)],
        (0x80, 0, "a continuation without a beginning"),
        (0x00, 0, "a continuation without a beginning"),
    ],
)
def test_two_bytes_are_enough_to_refuse(inbox: Inbox, masked: bool, first: int, second: int, what: str) -> None:
    code, detail = refusal(inbox, bytes([first, second | masked << 7]))
    assert code == 1002
    assert what in detail


@pytest.mark.parametrize("opcode", [TEXT, BINARY, CLOSE, PING, PONG])
def test_mask_must_be_the_roles(inbox: Inbox, masked: bool, opcode: int) -> None:
    code, detail = refusal(inbox, frame(opcode, b"", masked=not masked)[:2])
    assert code == 1002
    assert "not masked" in detail if masked else "is masked" in detail


@pytest.mark.parametrize(
    ("form", "length", "what"),
    [
        (126, "0000", "shortest form"),
        (126, "007d", "shortest form"),
        (127, "0000000000000000", "shortest form"),
        (127, "000000000000007e", "shortest form"),
        (127, "000000000000ffff", "shortest form"),
        (127, "8000000000000000", "highest bit"),
        (127, "ffffffffffffffff", "highest bit"),
    ],
)
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_length_must_be_in_its_shortest_form(
    inbox: Inbox, masked: bool, opcode: int, form: int, length: str, what: str
) -> None:
    data = bytes([0x80 | opcode, form | masked << 7]) + bytes.fromhex(length) + (KEY if masked else b"")
    code, detail = refusal(inbox, data)
    assert code == 1002
    assert what in detail


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_message_within_a_message(inbox: Inbox, masked: bool, opcode: int) -> None:
    parse(inbox, frame(BINARY, b"a", masked=masked, fin=False) + frame(CONTINUATION, b"b", masked=masked, fin=False))
    assert refusal(inbox, frame(opcode, masked=masked)) == (1002, "a message begins within another")


def test_packets_before_a_broken_rule_stay(inbox: Inbox, masked: bool) -> None:
    assert refusal(inbox, frame(TEXT, b"kept", masked=masked) + b"\xff\xff")[0] == 1002
    assert packets(inbox) == [(b"kept", True)]


# ---------------------------------------------------------------- UTF-8


@pytest.mark.parametrize("text", BAD_TEXTS)
def test_bad_utf8_in_a_whole_frame(inbox: Inbox, masked: bool, text: bytes) -> None:
    assert refusal(inbox, frame(TEXT, text, masked=masked)) == (1007, "a text message is not UTF-8")


@pytest.mark.parametrize("text", BAD_TEXTS)
def test_first_impossible_byte_fails_within_the_frame(inbox: Inbox, masked: bool, text: bytes) -> None:
    data = frame(TEXT, text + b"and so on", masked=masked)
    assert parse_bytewise(inbox, data) == len(data) - len(text) - 9 + first_impossible(text)


@pytest.mark.parametrize("text", BAD_TEXTS)
def test_first_impossible_byte_fails_over_fragments(inbox: Inbox, masked: bool, text: bytes) -> None:
    letters = [bytes([byte]) for byte in text[: first_impossible(text) + 1]]
    fragments = [
        frame(CONTINUATION if i else TEXT, letter, masked=masked, fin=False) + frame(PING, masked=masked)
        for i, letter in enumerate(letters)
    ]
    assert len(parse(inbox, b"".join(fragments[:-1]))) == len(fragments) - 1
    assert refusal(inbox, fragments[-1])[0] == 1007


def test_text_may_not_end_within_a_character(inbox: Inbox, masked: bool) -> None:
    half = "日".encode()[:2]
    assert refusal(inbox, frame(TEXT, half, masked=masked))[0] == 1007


def test_fragmented_text_may_not_end_within_a_character(inbox: Inbox, masked: bool) -> None:
    half = "日".encode()[:2]
    parse(inbox, frame(TEXT, half, masked=masked, fin=False))
    assert refusal(inbox, frame(CONTINUATION, masked=masked))[0] == 1007


def test_texts_are_checked_apart(inbox: Inbox, masked: bool) -> None:
    pair = frame(TEXT, b"\xc3", masked=masked, fin=False) + frame(CONTINUATION, b"\xbc", masked=masked)
    parse(inbox, pair + frame(TEXT, b"x", masked=masked) + pair)
    assert [text for text, _ in packets(inbox)] == [b"\xc3\xbc", b"x", b"\xc3\xbc"]
    assert refusal(inbox, frame(TEXT, b"\xbc", masked=masked, fin=False))[0] == 1007


def test_binary_is_not_checked(inbox: Inbox, masked: bool) -> None:
    parse(inbox, frame(BINARY, b"\xff", masked=masked))
    parse(inbox, frame(BINARY, b"\xff", masked=masked, fin=False) + frame(CONTINUATION, b"\xfe", masked=masked))
    assert packets(inbox) == [(b"\xff", False), (b"\xff\xfe", False)]


# ---------------------------------------------------------------- limits


@pytest.mark.parametrize("size", [65536, 2**40, 2**62])
def test_message_over_the_limit_is_refused_by_its_head(inbox: Inbox, masked: bool, size: int) -> None:
    head = bytes([0x82]) + length_bytes(size, masked) + (KEY if masked else b"")
    code, detail = refusal(inbox, head)
    assert code == 1009
    assert f"{size} bytes or more" in detail
    assert "65535" in detail


def test_fragments_are_summed_before_the_payload_comes(inbox: Inbox, masked: bool, limits: Limits) -> None:
    limits.max_message_size = 100
    inbox.use(limits)
    parse(inbox, frame(BINARY, b"x" * 60, masked=masked, fin=False))
    parse(inbox, frame(CONTINUATION, b"x" * 40, masked=masked, fin=False))
    head = bytes([0x00]) + length_bytes(1, masked) + (KEY if masked else b"")
    assert refusal(inbox, head) == (1009, "a message of 101 bytes or more is over the limit of 100")


def test_message_at_the_limit_is_let_in(inbox: Inbox, masked: bool, limits: Limits) -> None:
    limits.max_message_size = 100
    inbox.use(limits)
    halves = frame(BINARY, b"x" * 60, masked=masked, fin=False) + frame(CONTINUATION, b"x" * 40, masked=masked)
    parse(inbox, halves + frame(BINARY, b"y" * 100, masked=masked))
    assert [len(packet) for packet, _ in packets(inbox)] == [100, 100]


def test_fragments_are_counted(inbox: Inbox, masked: bool, limits: Limits) -> None:
    limits.max_fragments = 3
    inbox.use(limits)
    empty = frame(CONTINUATION, masked=masked, fin=False)
    parse(inbox, frame(TEXT, masked=masked, fin=False) + empty + frame(CONTINUATION, masked=masked))
    code, detail = refusal(inbox, frame(TEXT, masked=masked, fin=False) + empty * 3)
    assert (code, detail) == (1009, "a message has more than 3 fragments")


@pytest.mark.parametrize(("count", "size"), [(3, 10_000), (10_000, 12)])
def test_full_queue_stops_and_goes_on(inbox: Inbox, masked: bool, limits: Limits, count: int, size: int) -> None:
    limits.max_queued_packets, limits.max_queued_bytes = count, size
    inbox.use(limits)
    data = bytearray(b"".join(frame(BINARY, b"%04d" % i, masked=masked) for i in range(10)))
    at, got = 0, []
    while at < len(data):
        at = inbox.parse(data, at, len(data))
        assert inbox.count == 3 or at == len(data)
        assert inbox.is_full() == (inbox.count == 3)
        got += packets(inbox)
        assert not inbox.is_full()
    assert got == [(b"%04d" % i, False) for i in range(10)]


def test_message_under_way_is_let_in_whole(inbox: Inbox, masked: bool, limits: Limits) -> None:
    limits.max_queued_bytes = 1
    inbox.use(limits)
    data = bytearray(frame(BINARY, b"abcdef", masked=masked))
    at = inbox.parse(data, 0, len(data) - 3)
    assert at == len(data) - 3
    assert inbox.parse(data, at, len(data)) == len(data)
    assert packets(inbox) == [(b"abcdef", False)]


# ---------------------------------------------------------------- compression


@pytest.fixture
def compressed(inbox: Inbox) -> Inbox:
    inbox.inflater = Inflater()
    return inbox


def test_compressed_messages_whole_and_in_fragments(compressed: Inbox, masked: bool) -> None:
    deflater = Deflater()
    text = ("κόσμε " * 50).encode()
    one, two = deflater.compress(text), deflater.compress(text)
    parse(compressed, frame(TEXT, one, masked=masked, rsv=4))
    parse(compressed, frame(BINARY, two[:3], masked=masked, rsv=4, fin=False))
    parse(compressed, frame(PING, masked=masked) + frame(CONTINUATION, two[3:], masked=masked))
    assert packets(compressed) == [(text, True), (text, False)]


def test_uncompressed_messages_stand_between(compressed: Inbox, masked: bool) -> None:
    deflater = Deflater()
    data = (
        frame(TEXT, deflater.compress(b"one" * 9), masked=masked, rsv=4)
        + frame(TEXT, b"two", masked=masked)
        + frame(TEXT, deflater.compress(b""), masked=masked, rsv=4)
        + frame(TEXT, deflater.compress(b"one" * 9), masked=masked, rsv=4)
    )
    assert parse_bytewise(compressed, data) == -1
    assert [packet for packet, _ in packets(compressed)] == [b"one" * 9, b"two", b"", b"one" * 9]


@pytest.mark.parametrize("opcode", [CLOSE, PING, PONG])
def test_control_frames_are_never_compressed(compressed: Inbox, masked: bool, opcode: int) -> None:
    assert refusal(compressed, frame(opcode, masked=masked, rsv=4)) == (1002, "a reserved bit is set")


def test_continuations_do_not_carry_the_bit(compressed: Inbox, masked: bool) -> None:
    parse(compressed, frame(TEXT, b"", masked=masked, rsv=4, fin=False))
    assert refusal(compressed, frame(CONTINUATION, masked=masked, rsv=4)) == (1002, "a reserved bit is set")


@pytest.mark.parametrize("rsv", [1, 2, 3, 5, 6, 7])
def test_other_reserved_bits_stay_forbidden(compressed: Inbox, masked: bool, rsv: int) -> None:
    assert refusal(compressed, frame(TEXT, masked=masked, rsv=rsv)) == (1002, "a reserved bit is set")


def test_inflated_text_is_checked_as_it_comes(compressed: Inbox, masked: bool) -> None:
    stored = zlib.compressobj(0, zlib.DEFLATED, -15)
    data = stored.compress(b"fine \xff" + b"x" * 30) + stored.flush(zlib.Z_SYNC_FLUSH)
    with pytest.raises(ProtocolError) as caught:
        parse(compressed, frame(TEXT, data[:20], masked=masked, rsv=4, fin=False))
    assert caught.value.code == 1007


def test_bytes_of_a_text_that_come_only_with_the_cut_off_flush_are_checked(compressed: Inbox, masked: bool) -> None:
    """A stored block of four bytes without a byte in it: the flush that belongs behind it fills it, and is no text."""
    data = b"\x00\x04\x00\xfb\xff"
    assert refusal(compressed, frame(TEXT, data, masked=masked, rsv=4)) == (1007, "a text message is not UTF-8")


def test_inflated_text_may_not_end_within_a_character(compressed: Inbox, masked: bool) -> None:
    data = Deflater().compress("日".encode()[:2])
    assert refusal(compressed, frame(TEXT, data, masked=masked, rsv=4))[0] == 1007


def test_damaged_stream(compressed: Inbox, masked: bool) -> None:
    code, detail = refusal(compressed, frame(BINARY, b"\xff" * 9, masked=masked, rsv=4))
    assert code == 1002
    assert "damaged" in detail


def test_bomb_is_refused_before_memory_is_taken(compressed: Inbox, masked: bool) -> None:
    bomb = frame(BINARY, Deflater().compress(bytes(50_000_000)), masked=masked, rsv=4)
    assert len(bomb) < 60_000
    buffer = bytearray(bomb)
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolError) as caught:
            compressed.parse(buffer, 0, len(buffer))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert caught.value.code == 1009
    assert peak < 1_000_000


def test_inflated_message_at_the_limit_is_let_in(compressed: Inbox, masked: bool, limits: Limits) -> None:
    deflater = Deflater()
    parse(compressed, frame(BINARY, deflater.compress(bytes(65535)), masked=masked, rsv=4))
    assert packets(compressed) == [(bytes(65535), False)]
    assert refusal(compressed, frame(BINARY, deflater.compress(bytes(65536)), masked=masked, rsv=4))[0] == 1009


def test_inflated_fragments_are_summed(compressed: Inbox, masked: bool, limits: Limits) -> None:
    limits.max_message_size = 100
    compressed.use(limits)
    stored = zlib.compressobj(0, zlib.DEFLATED, -15)
    pieces = [stored.compress(b"x" * 60) + stored.flush(zlib.Z_SYNC_FLUSH) for _ in range(2)]
    parse(compressed, frame(BINARY, pieces[0], masked=masked, rsv=4, fin=False))
    assert refusal(compressed, frame(CONTINUATION, pieces[1], masked=masked))[0] == 1009


def test_masking_key_of_a_long_payload_keeps_its_place() -> None:
    inbox = Inbox(False, Limits())
    payload = bytes(range(256)) * 3
    data = bytes([0x82]) + length_bytes(len(payload), True) + KEY + xor(payload, KEY)
    for cut in (9, 10, 11, 13, 300):
        buffer = bytearray(data)
        at = inbox.parse(buffer, 0, cut)
        assert inbox.parse(buffer, at, len(buffer)) == len(buffer)
    assert packets(inbox) == [(payload, False)] * 5


# ---------------------------------------------------------------- what could be received in place


@pytest.mark.parametrize(
    ("length", "come", "wanted"),
    [
        (65_535, 0, 0),
        (65_536, 0, 65_536),
        (65_536, 1, 0),
        (70_000, 4_464, 65_536),
        (70_000, 4_465, 0),
        (1 << 20, 0, 1 << 20),
        ((1 << 20) + 1, 0, 1 << 20),
        ((1 << 20) + 1, 2, (1 << 20) - 1),
    ],
)
def test_large_messages_may_be_received_in_place(
    inbox: Inbox, masked: bool, limits: Limits, length: int, come: int, wanted: int
) -> None:
    limits.max_message_size = 2 << 20
    inbox.use(limits)
    assert inbox.wanted() == 0
    data = frame(BINARY, bytes(length), masked=masked)
    head = len(data) - length
    parse(inbox, data[: head + come])
    assert inbox.wanted() == wanted


def test_a_compressed_message_is_not_received_in_place(inbox: Inbox, masked: bool, limits: Limits) -> None:
    limits.max_message_size = 2 << 20
    inbox.use(limits)
    inbox.inflater = Inflater()
    data = frame(BINARY, bytes(100_000), masked=masked, rsv=4)
    parse(inbox, data[:14])
    assert inbox.wanted() == 0


@pytest.mark.parametrize("size", [131_071, 131_072, 131_073, 600_000])
def test_a_compressed_message_of_more_than_a_step_is_whole(
    inbox: Inbox, masked: bool, limits: Limits, size: int
) -> None:
    limits.max_message_size = size
    inbox.use(limits)
    inbox.inflater = Inflater()
    message = bytes(number % 251 for number in range(size))
    parse(inbox, frame(BINARY, Deflater().compress(message), masked=masked, rsv=4))
    assert packets(inbox) == [(message, False)]
    limits.max_message_size = size - 1
    inbox.use(limits)
    inbox.inflater = Inflater()
    code, _ = refusal(inbox, frame(BINARY, Deflater().compress(message), masked=masked, rsv=4))
    assert code == 1009


@pytest.mark.parametrize("size", [10, 1000])
def test_what_comes_out_at_the_end_of_a_compressed_message_counts_for_the_limit(
    inbox: Inbox, masked: bool, limits: Limits, size: int
) -> None:
    """The tail that RFC 7692 leaves out is here the content of a stored block: four bytes come out with it alone."""
    stored = b"\0" + struct.pack("<HH", size, size ^ 0xFFFF) + bytes(size) + b"\0" + struct.pack("<HH", 4, 4 ^ 0xFFFF)
    data = frame(BINARY, stored, masked=masked, rsv=4)
    limits.max_message_size = size + 4
    inbox.use(limits)
    inbox.inflater = Inflater()
    parse(inbox, data)
    assert packets(inbox) == [(bytes(size) + b"\0\0\xff\xff", False)]
    limits.max_message_size = size + 3
    inbox.use(limits)
    inbox.inflater = Inflater()
    assert refusal(inbox, data)[0] == 1009


def test_a_queue_that_is_never_empty_keeps_nothing_of_what_was_taken(
    inbox: Inbox, masked: bool, limits: Limits
) -> None:
    limits.max_queued_packets, limits.max_queued_bytes = 1000, 100_000
    inbox.use(limits)
    data = bytearray(frame(BINARY, b"x", masked=masked))

    def go_on(count: int) -> None:
        for _ in range(count):
            inbox.parse(data, 0, len(data))
            assert inbox.next_packet() == b"x"

    for _ in range(100):
        inbox.parse(data, 0, len(data))
    go_on(1000)
    tracemalloc.start()
    try:
        go_on(1000)
        before = tracemalloc.get_traced_memory()[0]
        go_on(20_000)
        assert tracemalloc.get_traced_memory()[0] - before < 20_000
    finally:
        tracemalloc.stop()
    assert inbox.count == 100
