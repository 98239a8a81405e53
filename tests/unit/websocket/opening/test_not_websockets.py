"""Servers that speak something else, and clients that do: known at once, and named."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from gdpeer import OK, Cause, TLSOptions, WebSocketPeer
from tests.support.certificates import Certificates
from tests.unit.websocket.support import CLOSED, fetch, listening, until, url_of

PLAIN_BANNERS = [
    (b"SSH-2.0-OpenSSH_9.2p1\r\n", "this is SSH"),
    (b"220 mail.example ESMTP\r\n", "this is SMTP or FTP"),
    (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03", "this is HTTP/2"),
    (b"\x15\x03\x01\x00\x02\x02\x46", "this is TLS, and the URL must begin with wss://"),
    (b"+PONG\r\n", r"it begins with '+PONG\\r\\n'"),
]


@contextmanager
def server(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Serves one connection, in a thread."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)

        def run() -> None:
            with suppress(OSError), listener.accept()[0] as end:
                end.settimeout(20)
                serve(end)

        thread = threading.Thread(target=run)
        thread.start()
        yield listener.getsockname()[1]
    thread.join()


def greet(banner: bytes) -> Callable[[socket.socket], None]:
    """Speaks first, then waits for the other side to go."""

    def serve(end: socket.socket) -> None:
        end.sendall(banner)
        while end.recv(1000):
            pass

    return serve


def failed(url: str, tls: TLSOptions | None = None) -> WebSocketPeer:
    peer = WebSocketPeer()
    peer.handshake_timeout = 15.0
    assert peer.connect_to_url(url, tls) is OK
    until(lambda: peer.get_ready_state() is CLOSED, peer)
    return peer


@pytest.mark.parametrize(("banner", "words"), PLAIN_BANNERS)
def test_a_server_that_speaks_something_else_is_known_by_its_first_bytes(banner: bytes, words: str) -> None:
    with server(greet(banner)) as port:
        cause = failed(f"ws://127.0.0.1:{port}").get_close_cause()
    assert cause.cause is Cause.UPGRADE
    assert words in cause.detail


def test_ws_to_a_tls_port_says_so(certificates: Certificates) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)

    def serve(end: socket.socket) -> None:
        with suppress(OSError), context.wrap_socket(end, server_side=True):
            pass

    with server(serve) as port:
        assert "wss://" in failed(f"ws://127.0.0.1:{port}").get_close_cause().detail
    with listening(private_key=str(certificates.key), ssl_certificate=str(certificates.certificate)) as (tls_server, _):
        peer = WebSocketPeer()
        assert peer.connect_to_url(url_of(tls_server)) is OK
        until(lambda: peer.get_ready_state() is CLOSED, peer, tls_server)
        assert "wss://" in peer.get_close_cause().detail


@pytest.mark.parametrize("resets", [False, True])
def test_a_server_that_hangs_up_at_the_first_bytes_may_be_a_tls_port(resets: bool) -> None:
    def serve(end: socket.socket) -> None:
        if not resets:
            end.recv(1000)

    with server(serve) as port:
        cause = failed(f"ws://127.0.0.1:{port}").get_close_cause()
    assert cause.cause is Cause.TCP
    assert cause.detail.endswith("; is it a TLS port? try wss://")


def test_wss_to_a_plain_port_says_so_on_both_sides(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    with listening() as (plain, _):
        peer = WebSocketPeer()
        assert peer.connect_to_url(url_of(plain, "wss"), TLSOptions.client_unsafe()) is OK
        until(lambda: peer.get_ready_state() is CLOSED, peer, plain)
    assert "ws://" in peer.get_close_cause().detail
    assert "this is TLS, and this port has no TLS" in caplog.text


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"SSH-2.0-x\r\n", "this is SSH"), (b"\x04\x01\x00\x50", "not HTTP"), (b"\xffmagic", "not HTTP")],
)
def test_a_client_that_speaks_something_else_is_answered_at_once(data: bytes, words: str) -> None:
    with listening() as (plain, _):
        answer = fetch(plain, data)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert words.encode() in answer
