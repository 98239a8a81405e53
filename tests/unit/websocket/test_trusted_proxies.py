"""`trusted_proxies`: the address of the client counts, not that of the proxy. Over real sockets, also with TLS."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gdpeer import WebSocketServer
from tests.support.certificates import Certificates
from tests.unit.transport.test_proxy_header import HAPROXY
from tests.unit.websocket.support import listening, until

UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def header(address: str) -> bytes:
    return HAPROXY[:16] + socket.inet_aton(address) + HAPROXY[20:]


@contextmanager
def proxied(server: WebSocketServer, data: bytes) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.get_local_port()), 5) as proxy:
        proxy.sendall(data)
        yield proxy


def is_ended(connected: socket.socket) -> bool:
    """Whether the server has closed a connection without an answer. Bytes that it has not read make it a reset."""
    try:
        return connected.recv(100) == b""
    except ConnectionResetError:
        return True


def test_the_server_knows_the_client_behind_the_proxy() -> None:
    with listening(trusted_proxies=["127.0.0.0/8"]) as (server, _), proxied(server, HAPROXY + UPGRADE) as proxy:
        until(lambda: server.peers, server)
        (number,) = server.peers
        assert (server.get_peer_address(number), server.get_peer_port(number)) == ("192.0.2.7", 45210)
        assert proxy.recv(12) == b"HTTP/1.1 101"


def test_a_header_from_elsewhere_is_no_header() -> None:
    with listening(trusted_proxies=["10.0.0.0/8"]) as (server, _), proxied(server, HAPROXY + UPGRADE):
        until(lambda: server.stats().refused, server)
        assert not server.peers


def test_a_trusted_proxy_without_header_gets_nothing() -> None:
    with listening(trusted_proxies=["127.0.0.1"]) as (server, _), proxied(server, UPGRADE) as proxy:
        until(lambda: server.stats().refused, server)
        assert server.stats().refused == {"tcp": 1}
        assert is_ended(proxy)


def test_limits_by_address_count_clients_and_not_the_proxy() -> None:
    settings = {"trusted_proxies": ["127.0.0.1"], "max_connections_per_address": 1}
    with listening(**settings) as (server, _):
        with (
            proxied(server, header("192.0.2.1") + UPGRADE),
            proxied(server, header("192.0.2.2") + UPGRADE),
            proxied(server, header("192.0.2.1") + UPGRADE) as third,
        ):
            until(lambda: len(server.peers) == 2 and server.stats().refused, server)
            assert server.stats().refused["max_connections_per_address"] == 1
            assert is_ended(third)
        until(lambda: not server.peers, server)
        with proxied(server, header("192.0.2.1") + UPGRADE):
            until(lambda: server.peers, server)


def test_connections_that_wait_for_a_header_are_pending() -> None:
    settings = {"trusted_proxies": ["127.0.0.1"], "max_pending": 1, "handshake_timeout": 0.3}
    with listening(**settings) as (server, _), proxied(server, HAPROXY[:5]), proxied(server, HAPROXY) as second:
        until(lambda: server.stats().refused.get("max_pending"), server)
        assert is_ended(second)
        until(lambda: server.stats().pending == 0, server)  # the silent connection has ended


def test_tls_begins_behind_the_header(certificates: Certificates) -> None:
    settings = {
        "trusted_proxies": ["127.0.0.1"],
        "private_key": str(certificates.key),
        "ssl_certificate": str(certificates.certificate),
    }
    context = ssl.create_default_context(cafile=str(certificates.authority))
    with listening(**settings) as (server, _), proxied(server, HAPROXY) as proxy:
        proxy.setblocking(False)
        with context.wrap_socket(proxy, server_hostname="localhost", do_handshake_on_connect=False) as secured:
            until(lambda: has_shaken_hands(secured), server)
            secured.send(UPGRADE)
            until(lambda: server.peers, server)
            (number,) = server.peers
            assert server.get_peer_address(number) == "192.0.2.7"


def has_shaken_hands(secured: ssl.SSLSocket) -> bool:
    try:
        secured.do_handshake()
    except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
        return False
    return True


@pytest.mark.parametrize("wrong", [["example.org"], ["10.0.0.1/33"], "10.0.0.0/8"])
def test_a_wrong_network_is_an_error_at_once(wrong: list[str]) -> None:
    server = WebSocketServer()
    with pytest.raises((ValueError, TypeError), match="trusted_proxies"):
        server.trusted_proxies = wrong
    assert server.trusted_proxies == ()
