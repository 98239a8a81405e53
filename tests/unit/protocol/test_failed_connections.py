"""What a connection or an upgrade that failed leaves behind: nothing, without waiting for the garbage collector."""

from __future__ import annotations

import gc
from collections.abc import Callable

import h11
import pytest

from gdpeer.errors import HandshakeError
from gdpeer.protocol.connection import Connection, Phase
from gdpeer.protocol.deflate import Agreement
from gdpeer.protocol.handshake import ClientHandshake, ServerHandshake, ServerTerms
from gdpeer.protocol.url import Url
from tests.unit.protocol.support import compressed, feed, frame

DAMAGED = {
    "a reserved opcode": frame(3),
    "damaged deflate": frame(2, b"\xff\xff", rsv=4),
    "damaged deflate behind a message": frame(2, b"a") + frame(2, b"\xff\xff", rsv=4),
    "no end to final blocks": frame(2, b"\x03\0" * 40, rsv=4),
    "a close frame's code": frame(8, b"\0\0"),
}


def ended(data: bytes) -> None:
    connection = compressed(False, Agreement())
    feed(connection, data)
    connection.settle()
    assert connection.phase == Phase.CLOSED
    assert connection.failure is not None


def left_behind(call: Callable[[], object], kind: type) -> int:
    """How many of a kind there are after a call, with the collector off."""
    call()
    gc.collect()
    gc.disable()
    try:
        before = count(kind)
        call()
        return count(kind) - before
    finally:
        gc.enable()


def count(kind: type) -> int:
    return sum(isinstance(one, kind) for one in gc.get_objects())


@pytest.mark.parametrize("name", DAMAGED)
def test_a_connection_that_failed_is_in_no_circle_with_its_failure(name: str) -> None:
    assert left_behind(lambda: ended(DAMAGED[name]), Connection) == 0


def refused(handshake: ServerHandshake | ClientHandshake, head: bytes) -> None:
    with pytest.raises(HandshakeError, match="not a valid HTTP"):
        handshake.receive_data(head)


@pytest.mark.parametrize("head", [b"G\0T / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost : a\r\n\r\n"])
def test_a_request_that_was_refused_is_in_no_circle_with_its_error(head: bytes) -> None:
    assert left_behind(lambda: refused(ServerHandshake(ServerTerms()), head), h11.Connection) == 0


def test_a_response_that_was_refused_is_in_no_circle_with_its_error() -> None:
    url = Url(False, "a", 80, "/")
    assert left_behind(lambda: refused(ClientHandshake(url), b"HTTP/9 101\r\n\r\n"), h11.Connection) == 0
