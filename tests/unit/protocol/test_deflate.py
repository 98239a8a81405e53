"""permessage-deflate: what is offered, agreed on and refused; the two streams. RFC 7692."""

from __future__ import annotations

import random
import tracemalloc
import zlib
from contextlib import nullcontext

import pytest

from gdpeer.errors import HandshakeError, ProtocolError
from gdpeer.protocol.deflate import (
    NAME,
    Agreement,
    Deflater,
    Inflater,
    accept_offers,
    check_response,
    parse_extensions,
)

ANY = Agreement()
ROOM = 1_000_000
# Matches at every distance: only a window that is large enough can use them.
SAMPLE = b"".join(bytes([i * i & 255, i & 255]) * 3 for i in range(3000)) * 2


def granted(value: str, wish: Agreement = ANY) -> tuple[Agreement, str] | None:
    return accept_offers(parse_extensions(value), wish)


def answered(value: str, wish: Agreement = ANY) -> Agreement | None:
    return check_response(parse_extensions(value), wish)


# ---------------------------------------------------------------- the header


@pytest.mark.parametrize(
    ("value", "extensions"),
    [
        ("", []),
        ("a", [("a", [])]),
        ("a, b ,c", [("a", []), ("b", []), ("c", [])]),
        ("a;b;c=d", [("a", [("b", None), ("c", "d")])]),
        (" a ; b = c , d", [("a", [("b", "c")]), ("d", [])]),
        ('a;b="c"', [("a", [("b", "c")])]),
        (r'a;b="c, \"d\"; \\"', [("a", [("b", r'c, "d"; \ '.rstrip())])]),
        ('a;b=""', [("a", [("b", "")])]),
        ("a;b;b=1", [("a", [("b", None), ("b", "1")])]),
        ("x-webkit-deflate-frame, permessage-deflate", [("x-webkit-deflate-frame", []), (NAME, [])]),
    ],
)
def test_extensions_are_read(value: str, extensions: list[object]) -> None:
    assert parse_extensions(value) == extensions


@pytest.mark.parametrize("end", ["", '"'])
def test_a_long_quotation_takes_no_memory_but_its_own(end: str) -> None:
    value = 'a; b="' + 10_000 * "c" + end
    tracemalloc.start()
    try:
        with nullcontext() if end else pytest.raises(HandshakeError, match="malformed"):
            parse_extensions(value)
        assert tracemalloc.get_traced_memory()[1] < 6 * len(value)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "value",
    [
        ";",
        ";a",
        "a;",
        "a;b=",
        "a;=b",
        "a b",
        "a;b c",
        'a;b="c',
        'a;b="c"d',
        "a=b",
        "a;b=c=d",
        "ä",
        "a;;b",
        '"a"',
    ],
)
def test_malformed_header_is_refused_with_400(value: str) -> None:
    with pytest.raises(HandshakeError, match="malformed") as caught:
        parse_extensions(value)
    assert caught.value.status == 400


# ---------------------------------------------------------------- what a client offers


@pytest.mark.parametrize(
    ("wish", "value"),
    [
        (ANY, f"{NAME}; client_max_window_bits"),
        (Agreement(True), f"{NAME}; server_no_context_takeover; client_max_window_bits"),
        (Agreement(False, True), f"{NAME}; client_no_context_takeover; client_max_window_bits"),
        (Agreement(False, False, 10, 9), f"{NAME}; server_max_window_bits=10; client_max_window_bits=9"),
    ],
)
def test_offer_names_what_is_wished_for(wish: Agreement, value: str) -> None:
    assert wish.header(client_bits=True) == value


@pytest.mark.parametrize("bits", [7, 16, 0, -15])
def test_window_bits_are_8_to_15(bits: int) -> None:
    with pytest.raises(ValueError, match="8 to 15"):
        Agreement(server_max_window_bits=bits)
    with pytest.raises(ValueError, match="8 to 15"):
        Agreement(client_max_window_bits=bits)


# ---------------------------------------------------------------- what a server grants


@pytest.mark.parametrize(
    ("value", "wish", "agreed", "response"),
    [
        (NAME, ANY, ANY, NAME),
        (f"{NAME}; client_max_window_bits", ANY, ANY, NAME),
        (f"{NAME}; client_max_window_bits=15", ANY, ANY, NAME),
        (f"{NAME}; client_max_window_bits=10", ANY, Agreement(client_max_window_bits=10), "client_max_window_bits=10"),
        (
            f'{NAME}; client_max_window_bits="10"',
            ANY,
            Agreement(client_max_window_bits=10),
            "client_max_window_bits=10",
        ),
        (f"{NAME}; server_max_window_bits=8", ANY, Agreement(server_max_window_bits=8), "server_max_window_bits=8"),
        (f"{NAME}; server_no_context_takeover", ANY, Agreement(True), "server_no_context_takeover"),
        (f"{NAME}; client_no_context_takeover", ANY, Agreement(False, True), "client_no_context_takeover"),
        # The server's own wishes.
        (NAME, Agreement(True, True), Agreement(True, True), "server_no_context_takeover; client_no_context_takeover"),
        (NAME, Agreement(False, False, 11, 12), Agreement(False, False, 11, 15), "server_max_window_bits=11"),
        (
            f"{NAME}; client_max_window_bits",
            Agreement(False, False, 11, 12),
            Agreement(False, False, 11, 12),
            "server_max_window_bits=11; client_max_window_bits=12",
        ),
        (
            f"{NAME}; server_max_window_bits=10; client_max_window_bits=9",
            Agreement(False, False, 11, 12),
            Agreement(False, False, 10, 9),
            "server_max_window_bits=10; client_max_window_bits=9",
        ),
        # The first offer that can be met.
        (f"other, {NAME}; strange, {NAME}; server_max_window_bits=9, {NAME}", ANY, Agreement(False, False, 9), None),
        (f"{NAME}; server_max_window_bits=99, {NAME}", ANY, ANY, NAME),
    ],
)
def test_grant(value: str, wish: Agreement, agreed: Agreement, response: str | None) -> None:
    result = granted(value, wish)
    assert result is not None
    assert result[0] == agreed
    if response is not None:
        assert result[1] == (response if response == NAME else f"{NAME}; {response}")


INVALID_PARAMETERS = [
    "server_no_context_takeover=1",
    "client_no_context_takeover=true",
    "server_max_window_bits",
    "server_max_window_bits=7",
    "server_max_window_bits=16",
    "server_max_window_bits=08",
    "server_max_window_bits=+9",
    'server_max_window_bits=""',
    'server_max_window_bits="9 "',
    "client_max_window_bits=7",
    "client_max_window_bits=x",
    "server_no_context_takeover; server_no_context_takeover",
    "server_max_window_bits=9; server_max_window_bits=9",
    "unknown",
    "unknown=9",
]


@pytest.mark.parametrize("parameters", [*INVALID_PARAMETERS, "client_max_window_bits; client_max_window_bits=9"])
def test_offer_that_is_not_valid_is_passed_over(parameters: str) -> None:
    assert granted(f"{NAME}; {parameters}") is None


@pytest.mark.parametrize("value", ["", "x-webkit-deflate-frame", "Permessage-Bzip2"])
def test_no_offer_no_compression(value: str) -> None:
    assert granted(value) is None


# ---------------------------------------------------------------- what a client accepts


@pytest.mark.parametrize(
    ("value", "wish", "agreed"),
    [
        ("", ANY, None),
        (NAME, ANY, ANY),
        (f"{NAME}; server_no_context_takeover", ANY, Agreement(True)),
        (f"{NAME}; client_no_context_takeover", ANY, Agreement(False, True)),
        (f"{NAME}; server_max_window_bits=8; client_max_window_bits=8", ANY, Agreement(False, False, 8, 8)),
        (NAME, Agreement(False, True, 15, 10), Agreement(False, True, 15, 10)),
        (
            f"{NAME}; client_max_window_bits=12",
            Agreement(client_max_window_bits=10),
            Agreement(client_max_window_bits=10),
        ),
        (
            f"{NAME}; server_max_window_bits=9",
            Agreement(server_max_window_bits=10),
            Agreement(server_max_window_bits=9),
        ),
        (f"{NAME}; server_no_context_takeover", Agreement(True), Agreement(True)),
    ],
)
def test_response_is_read(value: str, wish: Agreement, agreed: Agreement | None) -> None:
    assert answered(value, wish) == agreed


@pytest.mark.parametrize(
    ("value", "wish", "why"),
    [
        ("other", ANY, "not offered: other"),
        (f"{NAME}, {NAME}", ANY, "not offered"),
        (f"{NAME}, other", ANY, "not offered"),
        *[(f"{NAME}; {parameters}", ANY, "not valid") for parameters in INVALID_PARAMETERS],
        (f"{NAME}; client_max_window_bits", ANY, "not valid"),
        (NAME, Agreement(True), "left out server_no_context_takeover"),
        (NAME, Agreement(server_max_window_bits=10), "larger than was asked for"),
        (f"{NAME}; server_max_window_bits=11", Agreement(server_max_window_bits=10), "larger than was asked for"),
    ],
)
def test_response_that_was_not_offered_is_refused(value: str, wish: Agreement, why: str) -> None:
    with pytest.raises(HandshakeError, match=why):
        answered(value, wish)


@pytest.mark.parametrize("server_wish", [ANY, Agreement(True, True, 9, 10)])
@pytest.mark.parametrize("client_wish", [ANY, Agreement(True, True, 11, 8), Agreement(False, True, 8, 15)])
def test_both_sides_come_to_the_same_agreement(client_wish: Agreement, server_wish: Agreement) -> None:
    result = granted(client_wish.header(client_bits=True), server_wish)
    assert result is not None
    assert answered(result[1], client_wish) == result[0]


# ---------------------------------------------------------------- the streams


@pytest.mark.parametrize("keep_context", [True, False])
@pytest.mark.parametrize("bits", range(8, 16))
def test_messages_come_back(bits: int, keep_context: bool) -> None:
    deflater, inflater = Deflater(bits, keep_context=keep_context), Inflater(bits, keep_context=keep_context)
    for message in (b"hello", b"", SAMPLE, b"hello", b"\0" * 70_000, b""):
        data = deflater.compress(message)
        out = b"".join(inflater.feed(data[at : at + 999], ROOM) for at in range(0, len(data), 999))
        assert out + inflater.finish(ROOM) == message


@pytest.mark.parametrize("bits", range(8, 16))
def test_window_is_not_exceeded(bits: int) -> None:
    data = Deflater(bits).compress(SAMPLE) + b"\0\0\xff\xff"
    # zlib has no raw window of 256 bytes: what bits 8 gives must not refer back at all, so no window is needed.
    reader = zlib.decompressobj(-max(9, bits))
    assert reader.decompress(data) == SAMPLE
    if bits == 8:
        huffman = zlib.compressobj(6, zlib.DEFLATED, -9, 8, zlib.Z_HUFFMAN_ONLY)
        assert data == huffman.compress(SAMPLE) + huffman.flush(zlib.Z_SYNC_FLUSH)


def test_context_makes_repeats_small_and_its_absence_makes_them_alike() -> None:
    message = bytes(range(256))
    kept = Deflater()
    first, second = kept.compress(message), kept.compress(message)
    assert len(second) < len(first) / 4
    forgetful = Deflater(keep_context=False)
    assert forgetful.compress(message) == forgetful.compress(message) == first


def test_forgetful_reader_cannot_read_what_needs_context() -> None:
    deflater, inflater = Deflater(), Inflater(keep_context=False)
    first, second = deflater.compress(b"hello hello hello"), deflater.compress(b"hello hello hello")
    assert inflater.feed(first, ROOM) + inflater.finish(ROOM) == b"hello hello hello"
    with pytest.raises(ProtocolError, match="damaged"):
        inflater.feed(second, ROOM)


def test_empty_message_is_one_byte() -> None:
    assert Deflater().compress(b"") == b"\0"
    inflater = Inflater()
    assert inflater.feed(b"\0", 0) + inflater.finish(0) == b""
    assert inflater.finish(0) == b""


def test_examples_of_the_rfc() -> None:
    """RFC 7692 section 7.2.3: one block, with context, uncompressed, a final block, two blocks."""
    inflater = Inflater()
    examples = (
        "f248cdc9c90700",
        "f200110000",
        "000500faff48656c6c6f00",
        "f348cdc9c9070000",
        "f24805000000ffffcac9c90700",
    )
    for data in examples:
        assert inflater.feed(bytes.fromhex(data), ROOM) + inflater.finish(ROOM) == b"Hello", data


def _final(message: bytes) -> bytes:
    stream = zlib.compressobj(6, zlib.DEFLATED, -15)
    return stream.compress(message) + stream.flush()


def test_final_block_ends_a_stream_and_the_next_message_begins_one() -> None:
    inflater = Inflater()
    for message in (b"one" * 50, b"two" * 50):
        assert inflater.feed(_final(message), ROOM) + inflater.finish(ROOM) == message
    data = Deflater().compress(b"three")
    assert inflater.feed(data, ROOM) + inflater.finish(ROOM) == b"three"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_streams_behind_a_final_block_belong_to_the_message(size: int) -> None:
    data = _final(b"one" * 50) + _final(b"") + _final(b"two" * 50) + Deflater().compress(b"three")
    inflater = Inflater()
    out = b"".join(inflater.feed(data[at : at + size], ROOM) for at in range(0, len(data), size))
    assert out + inflater.finish(ROOM) == b"one" * 50 + b"two" * 50 + b"three"


def test_streams_behind_a_final_block_share_the_limit() -> None:
    data = _final(b"x" * 60) + _final(b"y" * 60)
    assert Inflater().feed(data, 120) == b"x" * 60 + b"y" * 60
    with pytest.raises(ProtocolError) as caught:
        Inflater().feed(data, 119)
    assert caught.value.code == 1009


@pytest.mark.parametrize("data", [b"\xff", b"\x07", b"\0\x05\0\x05\0hello"])
def test_damaged_stream_is_a_protocol_error(data: bytes) -> None:
    inflater = Inflater()
    with pytest.raises(ProtocolError, match="damaged") as caught:
        inflater.feed(data * 3, ROOM)
    assert caught.value.code == 1002


@pytest.mark.parametrize("size", [1, 100, 65_535])
def test_limit_is_exact(size: int) -> None:
    data = Deflater().compress(b"a" * size)
    inflater = Inflater()
    assert inflater.feed(data, size) + inflater.finish(0) == b"a" * size
    with pytest.raises(ProtocolError) as caught:
        Inflater().feed(data, size - 1)
    assert caught.value.code == 1009


def test_bomb_takes_no_more_memory_than_its_limit() -> None:
    bomb = Deflater(level=9).compress(bytes(100_000_000))
    assert len(bomb) < 100_000
    inflater = Inflater()
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolError) as caught:
            inflater.feed(bomb, 65_535)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert caught.value.code == 1009
    assert peak < 500_000


def test_no_byte_refers_past_the_smallest_window() -> None:
    once = random.Random(1).randbytes(600)
    message = once + once[:100]
    for bits in (8, 9):
        inflate = zlib.decompressobj(-9)
        pieces = [bytes((byte,)) for byte in Deflater(bits).compress(message)]
        assert b"".join(map(inflate.decompress, pieces)) == message


def test_sixteen_final_blocks_with_more_behind_them_are_let_in() -> None:
    inflater = Inflater()
    data = b"\x03\x00" * 16 + Deflater().compress(b"more")
    for _ in range(2):  # counted for each message anew
        assert inflater.feed(data, ROOM) + inflater.finish(ROOM) == b"more"
    with pytest.raises(ProtocolError, match="more than 16 final blocks"):
        Inflater().feed(b"\x03\x00" + data, ROOM)


def test_final_blocks_without_end_are_stopped() -> None:
    with pytest.raises(ProtocolError) as caught:
        Inflater().feed(b"\x03\x00" * 131_072, 65_535)
    assert caught.value.code == 1002


def test_room_that_shrank_below_what_came_is_an_overflow_not_a_crash() -> None:
    with pytest.raises(ProtocolError) as caught:
        Inflater().feed(Deflater().compress(b"abc"), -5)
    assert caught.value.code == 1009


@pytest.mark.parametrize("size", [131_071, 131_072, 131_073, 300_000])
def test_what_follows_a_final_block_waits_when_a_step_is_full(size: int) -> None:
    """No more than a step comes out at a time, whatever the blocks are."""
    final, more = zlib.compressobj(wbits=-15), zlib.compressobj(wbits=-15)
    data = final.compress(bytes(size)) + final.flush(zlib.Z_FINISH)
    data += more.compress(b"and more") + more.flush(zlib.Z_SYNC_FLUSH)
    inflater, out = Inflater(), b""
    rest: bytes | None = data.removesuffix(b"\x00\x00\xff\xff")
    while rest is not None:
        piece = inflater.feed(rest, ROOM - len(out))
        assert len(piece) <= 131_072 + len(b"and more")
        out += piece
        rest = inflater.rest
    assert out + inflater.finish(ROOM - len(out)) == bytes(size) + b"and more"
