"""Streams that say what cannot be, and numbers of any size: an error, never bytes from elsewhere in memory."""

from __future__ import annotations

from typing import Any

import pytest

from gdpeer import WebSocketPeer
from gdpeer.protocol.connection import Connection
from gdpeer.protocol.deflate import Agreement
from gdpeer.transport.memory import MemoryStream, memory_pair
from tests.unit.protocol.support import compressed
from tests.unit.websocket.support import CLOSED, OPEN, open_pair, poll_all, request


class Boasts(MemoryStream):
    """Says that more bytes came than there was room for, once told to."""

    boasts = False

    def receive_into(self, buffer: Any) -> int:
        count = super().receive_into(buffer)
        return count + len(buffer) if self.boasts and count > 0 else count


@pytest.mark.parametrize("head", [b"", bytes([0x82, 255]) + (200_000).to_bytes(8, "big") + b"mask"])
def test_stream_that_says_more_came_than_fits_is_an_error(head: bytes) -> None:
    theirs, ours = memory_pair(capacity=1 << 22)
    ours.__class__ = Boasts
    peer = WebSocketPeer()
    peer.inbound_buffer_size = 1 << 20
    peer.accept_stream(ours)
    theirs.send([request(), head])
    poll_all(peer)
    assert peer.get_ready_state() is OPEN
    ours.boasts = True  # type: ignore[attr-defined]
    theirs.send([b"\x82\x88mask"])
    with pytest.raises(ValueError, match=r"bytes|received"):
        poll_all(peer)


@pytest.mark.parametrize(("at", "length"), [(0, 4), (0, 2**40), (-1, 3), (2, 9)])
def test_bytes_that_are_not_there_are_refused(at: int, length: int) -> None:
    inbox = Connection(True).inbox
    with pytest.raises(ValueError, match="bytes"):
        inbox.parse(bytearray(b"\x82\x7f\x00"), at, length)


def test_threshold_may_be_any_number() -> None:
    connection = compressed(True, Agreement(), 2**70)
    connection.send_message(b"a" * 1000, False)
    assert connection.outbox.pending > 1000

    def prepare(client: WebSocketPeer, server: WebSocketPeer) -> None:
        client.compression = server.compression = True
        client.compression_threshold = server.compression_threshold = 2**70

    assert open_pair(prepare).client.send(b"a") == 0


def test_negative_code_may_be_any_number() -> None:
    pair = open_pair()
    pair.client.close(-(2**40))
    assert pair.client.get_ready_state() is CLOSED
