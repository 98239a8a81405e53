"""`ProxiedConnector`: the header is read, and no byte more."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator

import pytest

from gdpeer.errors import TransportError
from gdpeer.transport.poller import Poller
from gdpeer.transport.proxied import ProxiedConnector
from gdpeer.transport.sockets import TcpStream
from gdpeer.transport.stream import Stream
from tests.unit.transport.test_proxy_header import HAPROXY


class Way:
    """A connection of a proxy, which is this test."""

    def __init__(self) -> None:
        ours, self.proxy = socket.socketpair()
        self.stream = TcpStream(ours, ("127.0.0.1", 1))
        self.connector = ProxiedConnector(self.stream)
        self.connector.admit = self.admit
        self.admitted: list[tuple[str, int]] = []

    def admit(self, stream: TcpStream) -> Stream:
        self.admitted.append(stream.remote_address)
        return stream

    def say(self, data: bytes) -> Stream | None:
        self.proxy.sendall(data)
        return self.connector.advance()


@pytest.fixture
def way() -> Iterator[Way]:
    made = Way()
    yield made
    made.connector.close()
    made.proxy.close()


def test_the_header_may_come_in_single_bytes(way: Way) -> None:
    for place in range(len(HAPROXY) - 1):
        assert way.say(HAPROXY[place : place + 1]) is None
    assert way.say(HAPROXY[-1:]) is way.stream
    assert way.admitted == [("192.0.2.7", 45210)]


def test_what_follows_the_header_is_left_in_the_stream(way: Way) -> None:
    assert way.say(HAPROXY + b"GET /") is way.stream
    buffer = bytearray(100)
    assert bytes(buffer[: way.stream.receive_into(buffer)]) == b"GET /"


def test_a_check_of_the_proxy_keeps_the_proxys_address(way: Way) -> None:
    assert way.say(HAPROXY[:12] + b"\x20\x00\x00\x00") is way.stream
    assert way.admitted == [("127.0.0.1", 1)]


def test_a_connection_without_header_fails_and_the_log_says_what_to_set(
    way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), pytest.raises(TransportError, match="send-proxy-v2"):
        way.say(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert "127.0.0.1" in caplog.text
    assert "send-proxy-v2" in caplog.text
    assert way.admitted == []


def test_a_proxy_that_closes_within_the_header_fails(way: Way) -> None:
    assert way.say(HAPROXY[:20]) is None
    way.proxy.shutdown(socket.SHUT_WR)
    with pytest.raises(TransportError, match="within its header"):
        way.connector.advance()


def test_the_poller_reports_the_header(way: Way, poller: Poller) -> None:
    opened: list[Stream | None] = []
    way.connector.attach(poller, lambda events: opened.append(way.connector.advance()))
    way.proxy.sendall(HAPROXY)
    poller.turn(5.0)
    way.connector.detach()
    assert opened == [way.stream]
