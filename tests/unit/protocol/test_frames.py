"""Frame heads, masking, UTF-8."""

from __future__ import annotations

from itertools import product

import pytest

from gdpeer.protocol import frames
from gdpeer.protocol.frames import (
    MaskKeys,
    Utf8Validator,
    append_frame,
    append_unmasked,
    encode_head,
    is_utf8,
    unmask,
)
from tests.unit.protocol.support import KEY, first_impossible, frame, xor

# Both sides of every border in the UTF-8 table, and bytes that never stand in it.
EDGES = bytes.fromhex("00 41 7f 80 8f 90 9f a0 bf c0 c1 c2 df e0 e1 ec ed ee ef f0 f1 f3 f4 f5 f8 fc ff")
FOURS = bytes.fromhex("ed ef f0 f1 f4 f8"), *[bytes.fromhex("7f 80 8f 90 9f a0 bf c0")] * 3
LONG_TEXTS = [
    "κόσμε, ascii between, 日本語, ascii again, 🎮🎲".encode(),
    "\ud7ff\ue000\uffff\U00010000\U0010ffff\x00".encode(),
    b"plain ascii, longer than a machine word, ends with a bad byte \xff",
    "日本語日本語".encode() + b"\xe6\x97",
    b"12345678\xed\xa0\x8012345678",  # a surrogate
    b"1234567\xc0\xaf",  # overlong
    b"\xf8\x88\x80\x80\x80",  # five bytes
    b"\xf4\x90\x80\x80",  # above U+10FFFF
]


def test_compiled_tells_the_form() -> None:
    assert frames.__file__.endswith(".py") is not frames.COMPILED


@pytest.mark.parametrize(
    ("length", "head"),
    [
        (0, "82 00"),
        (1, "82 01"),
        (125, "82 7d"),
        (126, "82 7e 007e"),
        (65535, "82 7e ffff"),
        (65536, "82 7f 0000000000010000"),
        (2**32, "82 7f 0000000100000000"),
        (2**62, "82 7f 4000000000000000"),
    ],
)
def test_length_takes_its_shortest_form(length: int, head: str) -> None:
    plain = bytes.fromhex(head)
    assert encode_head(0x82, length, False) == plain
    assert encode_head(0x82, length, True) == bytes([plain[0], plain[1] | 128]) + plain[2:]


@pytest.mark.parametrize("length", [*range(71), 126, 1000, 65536])
def test_appended_frame_comes_back(length: int) -> None:
    payload = bytes((7 * i + 1) & 255 for i in range(length))
    for key in (b"", KEY):
        target = bytearray(b"before")
        append_frame(target, 0x82, payload, key)
        assert target == b"before" + frame(2, payload, masked=bool(key))
        assert unmask(target, len(target) - length, length, len(key)) == payload


def test_frame_is_taken_from_any_place() -> None:
    for start, length in product(range(9), (0, 1, 7, 8, 31, 32, 33, 70)):
        payload = bytes(range(length))
        data = bytearray(bytes(start) + KEY + xor(payload, KEY) + b"after")
        assert unmask(data, start + 4, length, 4) == payload
        assert unmask(data, start + 4, length, 0) == xor(payload, KEY)


@pytest.mark.parametrize("phase", [*range(9), 2**33 + 3])
def test_piece_is_unmasked_at_its_place_in_the_payload(phase: int) -> None:
    turned = KEY[phase % 4 :] + KEY[: phase % 4]
    for length in range(71):
        piece = bytes((5 * i) & 255 for i in range(length))
        for key, masked in ((KEY, xor(piece, turned)), (b"", piece)):
            target = bytearray(b"old")
            append_unmasked(target, bytearray(b"xy" + masked + b"z"), 2, length, key, phase)
            assert target == b"old" + piece


def _decodes(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


@pytest.mark.parametrize("size", [0, 1, 2, 3])
def test_utf8_agrees_with_python_on_short_texts(size: int) -> None:
    for letters in product(EDGES, repeat=size):
        data = bytes(letters)
        assert is_utf8(data) == _decodes(data), data.hex()


@pytest.mark.parametrize(
    "around", [(b"", b""), (b"ab", b"c"), (b"12345678", b"12345678"), ("日本".encode(), "語".encode())]
)
def test_utf8_agrees_with_python_on_four_bytes(around: tuple[bytes, bytes]) -> None:
    for letters in product(*FOURS):
        data = around[0] + bytes(letters) + around[1]
        assert is_utf8(data) == _decodes(data), data.hex()


def _noticed(data: bytes) -> int:
    """Where a validator that is fed byte by byte says no; -1 for never."""
    validator = Utf8Validator()
    buffer = bytearray()
    for at, byte in enumerate(data):
        buffer.append(byte)
        if not validator.feed(buffer, at):
            return at
    return -1


def test_first_impossible_byte_is_noticed() -> None:
    for letters in (*product(EDGES, repeat=2), *product(*FOURS)):
        assert _noticed(bytes(letters)) == first_impossible(bytes(letters)), bytes(letters).hex()


@pytest.mark.parametrize("data", LONG_TEXTS)
def test_pieces_are_judged_like_the_whole(data: bytes) -> None:
    assert _noticed(data) == first_impossible(data)
    for cut in range(len(data) + 1):
        validator = Utf8Validator()
        first = validator.feed(bytearray(data[:cut]), 0)
        both = validator.feed(bytearray(data), cut)
        assert first == (not 0 <= first_impossible(data) < cut)
        assert both == (first_impossible(data) < 0)
        assert validator.is_complete() == _decodes(data)


def test_validator_stays_at_no_until_reset() -> None:
    validator = Utf8Validator()
    assert not validator.feed(bytearray(b"\xff"), 0)
    assert not validator.feed(bytearray(b"fine"), 0)
    assert not validator.is_complete()
    validator.reset()
    assert validator.feed(bytearray(b"fine"), 0)
    assert validator.is_complete()


def test_reset_forgets_half_a_character() -> None:
    validator = Utf8Validator()
    assert validator.feed(bytearray(b"\xe6"), 0)
    assert not validator.is_complete()
    validator.reset()
    assert validator.is_complete()
    assert not validator.feed(bytearray(b"\x97"), 0)


def test_keys_are_the_systems_random_bytes_each_used_once(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks: list[bytes] = []

    def random_block(size: int) -> bytes:
        blocks.append(bytes((len(blocks) + i) & 255 for i in range(size)))
        return blocks[-1]

    monkeypatch.setattr("os.urandom", random_block)
    keys = MaskKeys()
    taken = [keys.next() for _ in range(3 * MaskKeys.BLOCK // 4)]
    assert b"".join(taken) == b"".join(blocks)
    assert [len(block) for block in blocks] == [MaskKeys.BLOCK] * 3
    assert {len(key) for key in taken} == {4}


def test_two_connections_have_keys_of_their_own() -> None:
    ours, theirs = MaskKeys(), MaskKeys()
    assert [ours.next() for _ in range(8)] != [theirs.next() for _ in range(8)]


@pytest.mark.parametrize("spoilt", [b"", *[bytes([byte]) for byte in EDGES], b"\xed\xa0\x80", b"\xf4\x90\x80\x80"])
def test_long_texts_are_checked_wherever_they_are_spoilt(spoilt: bytes) -> None:
    text = "ascii for a while, then κόσμε, 日本語 and 🎮🎲, and ascii again to the end of the block".encode()
    for at in range(len(text)):
        for data in (text[:at] + spoilt + text[at:], text * 2 + text[:at] + spoilt, spoilt + text[at:] + text):
            assert is_utf8(data) == _decodes(data), data.hex()


def test_long_pieces_of_a_text_are_one_text() -> None:
    text = "κόσμε, 日本語, 🎮🎲, ascii between the characters of the others. ".encode() * 4
    for size in (63, 64, 65, 66, 67, 99):
        validator = Utf8Validator()
        for at in range(0, len(text), size):
            assert validator.feed(bytearray(text[at : at + size]), 0)
            assert validator.is_complete() == _decodes(text[: at + size])
        assert validator.is_complete()
