"""From packets to frames: order, gathering, references, partial sends."""

from __future__ import annotations

import zlib

import pytest

from gdpeer.protocol.deflate import Deflater
from gdpeer.protocol.outbox import Outbox, encode_message
from tests.unit.protocol.support import BINARY, CLOSE, PING, TEXT, frame, frames_in, joined

LARGE = bytes(16_384)


@pytest.fixture
def server() -> Outbox:
    return Outbox(False)


@pytest.fixture
def client() -> Outbox:
    return Outbox(True)


def waiting(outbox: Outbox) -> bytes:
    data = joined(outbox.data_to_send())
    assert outbox.pending == len(data)
    return data


@pytest.mark.parametrize("length", [0, 1, 125, 126, 16_383, 16_384, 65_535, 65_536])
@pytest.mark.parametrize("is_text", [True, False])
def test_server_sends_one_frame_a_message_unmasked(server: Outbox, length: int, is_text: bool) -> None:
    payload = b"a" * length
    server.send_message(payload, is_text)
    assert waiting(server) == frame(TEXT if is_text else BINARY, payload, masked=False)


@pytest.mark.parametrize("length", [0, 1, 125, 126, 16_384, 65_536])
@pytest.mark.parametrize("is_text", [True, False])
def test_client_masks_each_frame_with_a_key_of_its_own(client: Outbox, length: int, is_text: bool) -> None:
    payload = b"a" * length
    client.send_message(payload, is_text)
    client.send_message(payload, is_text)
    data = waiting(client)
    first = 0x80 | (TEXT if is_text else BINARY)
    assert list(frames_in(data)) == [(first, True, payload)] * 2
    assert data[: len(data) // 2] != data[len(data) // 2 :]


def test_small_frames_leave_in_one_chunk(server: Outbox) -> None:
    for i in range(100):
        server.send_message(b"%d" % i, True)
    server.send_control(PING, b"beat")
    assert len(server.data_to_send()) == 1
    assert [payload for _, _, payload in frames_in(waiting(server))] == [*[b"%d" % i for i in range(100)], b"beat"]


def test_gathering_goes_on_in_a_new_chunk_where_one_is_full(server: Outbox) -> None:
    for _ in range(20):
        server.send_message(bytes(10_000), False)
    chunks = server.data_to_send()
    assert [len(chunk) for chunk in chunks] == [7 * 10_004, 7 * 10_004, 6 * 10_004]
    assert waiting(server) == frame(BINARY, bytes(10_000), masked=False) * 20


def test_large_payload_is_not_copied(server: Outbox) -> None:
    server.send_message(b"before", True)
    server.send_message(LARGE, False)
    server.send_message(b"after", True)
    chunks = server.data_to_send()
    assert len(chunks) == 3
    assert chunks[1] is LARGE
    assert [payload for _, _, payload in frames_in(waiting(server))] == [b"before", LARGE, b"after"]


@pytest.mark.parametrize("payload", [b"small", LARGE])
def test_encoded_frame_is_shared(payload: bytes) -> None:
    encoded = encode_message(payload, True)
    assert encoded == frame(TEXT, payload, masked=False)
    outboxes = [Outbox(False) for _ in range(3)]
    for outbox in outboxes:
        outbox.send_encoded(encoded)
        assert [chunk is encoded for chunk in outbox.data_to_send()] == [True]
        assert (outbox.pending, outbox.pending_messages) == (len(encoded), 1)


def test_encoded_message_tells_its_kind() -> None:
    assert encode_message(b"ab", True) == frame(TEXT, b"ab", masked=False)
    assert encode_message(b"ab", False) == frame(BINARY, b"ab", masked=False)


def test_small_encoded_frame_joins_what_is_gathered(server: Outbox) -> None:
    encoded, large = encode_message(b"small", True), encode_message(LARGE, False)
    server.send_message(b"before", True)
    server.send_encoded(encoded)
    server.send_encoded(large)
    server.send_encoded(encoded)
    chunks = server.data_to_send()
    assert len(chunks) == 3
    assert chunks[1] is large
    assert chunks[2] is encoded
    assert waiting(server) == frame(TEXT, b"before", masked=False) + encoded + large + encoded
    assert server.pending_messages == 4


def test_gathered_chunk_does_not_grow_without_end(server: Outbox) -> None:
    encoded = encode_message(bytes(10_000), False)
    server.send_message(b"x", True)
    for _ in range(20):
        server.send_encoded(encoded)
    assert max(len(chunk) for chunk in server.data_to_send()) < 80_000
    assert waiting(server) == frame(TEXT, b"x", masked=False) + encoded * 20


def test_raw_bytes_are_no_message(server: Outbox) -> None:
    server.send_raw(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
    server.send_message(b"x", True)
    assert server.pending_messages == 1
    assert waiting(server) == b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + frame(TEXT, b"x", masked=False)


def test_sharing_is_for_servers_without_compression(server: Outbox, client: Outbox) -> None:
    assert server.can_share()
    assert not client.can_share()
    server.compress(Deflater(), 0)
    assert not server.can_share()


def test_what_is_pending_is_counted_until_nothing_is(server: Outbox) -> None:
    server.send_message(b"one", True)
    server.send_message(b"two", True)
    server.send_control(PING, b"1234")
    assert (server.pending, server.pending_messages, server.pending_control) == (5 + 5 + 6, 2, 10)
    server.data_sent(15)
    assert (server.pending, server.pending_messages, server.pending_control) == (1, 2, 10)
    server.data_sent(1)
    assert (server.pending, server.pending_messages, server.pending_control) == (0, 0, 0)
    assert list(server.data_to_send()) == []


def _filled(is_client: bool) -> Outbox:
    outbox = Outbox(is_client)
    outbox.send_message(b"a" * 20, True)
    outbox.send_message(b"L" * 16_384, False)
    outbox.send_control(CLOSE, b"\x03\xe8")
    return outbox


@pytest.mark.parametrize("is_client", [True, False])
def test_every_split_sends_the_same_bytes(is_client: bool) -> None:
    total = _filled(is_client).pending
    for cut in (*range(40), *range(16_380, total + 1)):
        outbox = _filled(is_client)
        data = waiting(outbox)
        outbox.data_sent(cut)
        assert waiting(outbox) == data[cut:]


def test_many_short_sends_with_frames_between(server: Outbox) -> None:
    expected, got = b"", b""
    for i in range(200):
        payload = bytes([i]) * (i * 7 % 50) if i % 40 else LARGE
        server.send_message(payload, False)
        expected += frame(BINARY, payload, masked=False)
        taken = waiting(server)[:13]
        server.data_sent(len(taken))
        got += taken
    assert got + waiting(server) == expected


def test_large_payload_is_not_copied_by_a_partial_send(server: Outbox) -> None:
    server.send_message(LARGE, False)
    server.data_sent(100)
    (rest,) = server.data_to_send()
    assert isinstance(rest, memoryview)
    assert rest.obj is LARGE
    server.data_sent(100)
    (rest,) = server.data_to_send()
    assert isinstance(rest, memoryview)
    assert rest.obj is LARGE


def test_sent_nothing_changes_nothing(server: Outbox) -> None:
    server.data_sent(0)
    server.send_message(b"x", True)
    server.data_sent(0)
    assert waiting(server) == frame(TEXT, b"x", masked=False)


@pytest.mark.parametrize(("length", "compressed"), [(0, False), (9, False), (10, True), (20_000, True)])
def test_messages_from_the_threshold_on_are_compressed(server: Outbox, length: int, compressed: bool) -> None:
    server.compress(Deflater(), 10)
    server.send_message(b"a" * length, True)
    ((first, _, payload),) = frames_in(waiting(server))
    assert first == 0x80 | TEXT | (0x40 if compressed else 0)
    inflated = zlib.decompressobj(-15).decompress(payload + b"\0\0\xff\xff") if compressed else payload
    assert inflated == b"a" * length


def test_empty_message_is_compressed_at_threshold_zero(client: Outbox) -> None:
    client.compress(Deflater(), 0)
    client.send_message(b"", False)
    assert list(frames_in(waiting(client))) == [(0x80 | 0x40 | BINARY, True, b"\0")]


def test_control_frames_are_not_compressed(server: Outbox) -> None:
    server.compress(Deflater(), 0)
    server.send_control(PING, b"aaaaaaaaaa")
    assert waiting(server) == frame(PING, b"aaaaaaaaaa", masked=False)
