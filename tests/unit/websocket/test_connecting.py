"""WebSocketPeer over real sockets: why a connection did not open, and what `poll(timeout)` waits for."""

from __future__ import annotations

import gc
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gdpeer import (
    ERR_CANT_CONNECT,
    ERR_CANT_CREATE,
    ERR_FILE_NOT_FOUND,
    FAILED,
    OK,
    Cause,
    CloseCause,
    TLSOptions,
    WebSocketPeer,
    WebSocketServer,
)
from tests.support.certificates import Certificates, make_certificates
from tests.support.ports import free_port
from tests.trust.sessions import descriptors
from tests.unit.websocket.support import CLOSED, CONNECTING, OPEN, listening, state, until, url_of


def cause_of(url: str, options: TLSOptions | None = None, *others: WebSocketServer) -> CloseCause:
    """Why the connection did not open."""
    with WebSocketPeer() as peer:
        assert peer.connect_to_url(url, options) in (OK, FAILED)
        until(state(peer, CLOSED), peer, *others)
        assert (peer.get_close_code(), peer.get_close_reason()) == (-1, "")
        return peer.get_close_cause()


@pytest.fixture
def secure(certificates: Certificates) -> Iterator[WebSocketServer]:
    settings = {"private_key": str(certificates.key), "ssl_certificate": str(certificates.certificate)}
    with listening(**settings) as (server, _):
        yield server


def test_a_name_that_is_none_is_dns() -> None:
    cause = cause_of("ws://no-such-host.invalid:9")
    assert cause.cause is Cause.DNS
    assert "no-such-host.invalid" in cause.detail


def test_a_port_where_nobody_listens_is_tcp() -> None:
    port = free_port()
    cause = cause_of(f"ws://127.0.0.1:{port}")
    assert cause.cause is Cause.TCP
    assert "refused" in cause.detail
    assert str(port) in cause.detail


def test_an_authority_that_is_not_trusted_is_tls(secure: WebSocketServer) -> None:
    cause = cause_of(url_of(secure, "wss", "localhost"), None, secure)
    assert cause.cause is Cause.TLS
    assert "authority" in cause.detail


def test_a_certificate_for_another_host_is_tls(tmp_path: Path) -> None:
    made = make_certificates(tmp_path, "game.example")
    settings = {"private_key": str(made.key), "ssl_certificate": str(made.certificate)}
    with listening(**settings) as (server, _):
        url = url_of(server, "wss")
        cause = cause_of(url, TLSOptions.client(made.authority), server)
        assert cause.cause is Cause.TLS
        assert "another host" in cause.detail
        for options in (
            TLSOptions.client(made.authority, "game.example"),
            TLSOptions.client_unsafe(made.authority),
            TLSOptions.client_unsafe(),
        ):
            with WebSocketPeer() as peer:
                assert peer.connect_to_url(url, options) is OK
                until(state(peer, OPEN), peer, server)


def test_a_server_that_speaks_no_tls_is_tls() -> None:
    with listening() as (server, _):
        assert cause_of(url_of(server, "wss"), None, server).cause is Cause.TLS


def test_a_client_that_speaks_no_tls_is_lost(secure: WebSocketServer) -> None:
    assert cause_of(url_of(secure), None, secure).cause is Cause.TCP
    assert not secure.peers


def test_a_status_other_than_101_is_told() -> None:
    with listening(refuse_new_connections=True) as (server, _):
        cause = cause_of(url_of(server), None, server)
        assert (cause.cause, cause.status) == (Cause.HTTP_STATUS, 503)
        assert "takes no more connections" in cause.detail


def test_an_authority_file_that_is_missing_is_told_at_once() -> None:
    peer = WebSocketPeer()
    assert peer.connect_to_url("wss://127.0.0.1:9", TLSOptions.client("none.pem")) is ERR_FILE_NOT_FOUND
    assert peer.get_ready_state() is CLOSED
    assert peer.get_close_cause().cause is Cause.TLS


def test_a_server_that_never_answers_is_a_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, WebSocketPeer() as peer:
        peer.handshake_timeout = 0.1
        peer.connect_to_url(f"ws://127.0.0.1:{silent.getsockname()[1]}")
        until(state(peer, CLOSED), peer)
        assert peer.get_close_cause().cause is Cause.TIMEOUT


def test_tls_that_never_answers_is_a_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, WebSocketPeer() as peer:
        peer.handshake_timeout = 0.1
        peer.connect_to_url(f"wss://127.0.0.1:{silent.getsockname()[1]}")
        until(state(peer, CLOSED), peer)
        assert peer.get_close_cause().cause is Cause.TIMEOUT


def elapsed(peer: WebSocketPeer | WebSocketServer, timeout: float) -> float:
    begin = time.monotonic()
    peer.poll(timeout)
    return time.monotonic() - begin


def test_poll_without_a_timeout_never_waits() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, WebSocketPeer() as peer:
        peer.connect_to_url(f"ws://127.0.0.1:{silent.getsockname()[1]}")
        assert sum(elapsed(peer, 0.0) for _ in range(1000)) < 10  # with waits of 10 ms at least as long
        assert peer.get_ready_state() is CONNECTING


def test_poll_waits_as_long_as_it_may_when_nothing_comes() -> None:
    with listening() as (server, _), WebSocketPeer() as peer:
        peer.connect_to_url(url_of(server))
        until(state(peer, OPEN), peer, server)
        server.poll()
        for owner in (peer, server):
            owner.poll(0.01)
            assert elapsed(owner, 0.05) >= 0.045


def test_poll_returns_when_something_comes() -> None:
    with listening() as (server, _), WebSocketPeer() as peer:
        peer.connect_to_url(url_of(server))
        until(state(peer, OPEN), peer, server)
        server.broadcast(b"x")
        assert elapsed(peer, 45.0) < 30
        assert list(peer) == [b"x"]
        peer.send(b"y")
        assert elapsed(server, 45.0) < 30


def test_poll_waits_also_where_there_is_nothing_to_wait_for() -> None:
    assert elapsed(WebSocketPeer(), 0.03) >= 0.025


def test_the_addresses_are_the_other_sides() -> None:
    with listening() as (server, _), WebSocketPeer() as peer:
        peer.connect_to_url(url_of(server))
        until(state(peer, OPEN), peer, server)
        assert (peer.get_connected_host(), peer.get_connected_port()) == ("127.0.0.1", server.get_local_port())
        peer.set_no_delay(False)
        peer.set_no_delay(True)


@pytest.mark.parametrize("size", [0, 125, 65_535])
def test_messages_go_both_ways_over_tls(secure: WebSocketServer, certificates: Certificates, size: int) -> None:
    with WebSocketPeer() as peer:
        peer.connect_to_url(url_of(secure, "wss", "localhost"), TLSOptions.client(certificates.authority))
        until(state(peer, OPEN), peer, secure)
        peer.send(bytes(size))
        (other,) = secure.peers.values()
        until(other.get_available_packet_count, peer, secure)
        assert len(other.get_packet()) == size
        other.send(bytes(size))
        until(peer.get_available_packet_count, peer, secure)
        assert len(peer.get_packet()) == size


def test_with_says_goodbye_although_packets_were_not_read() -> None:
    with listening() as (server, events):
        with WebSocketPeer() as peer:
            peer.connect_to_url(url_of(server))
            until(state(peer, OPEN), peer, server)
            for _ in range(20):
                server.broadcast(bytes(1000))
        until(lambda: not server.peers, server)
        assert [event[2:] for event in events if event[0] == "client_close_request"] == [(1000, "")]


def test_a_peer_that_nobody_holds_ends_its_connection() -> None:
    with listening() as (server, events):
        peer = WebSocketPeer()
        peer.connect_to_url(url_of(server))
        until(state(peer, OPEN), peer, server)
        del peer
        until(lambda: not server.peers, server)
        assert events[-1][0] == "client_disconnected"
        assert events[-1][2] is False


@pytest.mark.parametrize(
    ("scheme", "module"), [("ws", "gdpeer.transport.tcp"), ("wss", "gdpeer.transport.tls_connector")]
)
def test_what_cannot_be_loaded_is_a_reason(scheme: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # as in a process without a descriptor left
    peer = WebSocketPeer()
    assert peer.connect_to_url(f"{scheme}://127.0.0.1:9/") is ERR_CANT_CONNECT
    assert peer.get_ready_state() is CLOSED
    assert peer.get_close_cause().cause is Cause.TCP
    assert module in peer.get_close_cause().detail


def test_a_listener_that_cannot_be_loaded_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gdpeer.transport.listener", None)
    server = WebSocketServer()
    assert server.listen(0) is ERR_CANT_CREATE
    assert "gdpeer.transport.listener" in server.get_listen_error()


@pytest.mark.parametrize("end", ["left", "closed", "a send fails"])
def test_l1_a_peer_that_has_ended_holds_no_descriptor(end: str) -> None:
    with listening() as (server, _):
        server.poll(0.001)
        gc.collect()  # what earlier tests left open is not counted
        before = descriptors()
        peer = WebSocketPeer()
        assert peer.connect_to_url(url_of(server)) is OK
        until(state(peer, OPEN), peer, server)
        if end == "left":
            with peer:
                pass
        elif end == "closed":
            peer.close(-1)
        else:
            assert peer._backend is not None
            assert peer._backend.stream is not None
            peer._backend.stream.close()
            peer.send(b"x")
            peer.poll()
        assert peer.get_ready_state() is CLOSED
        until(lambda: descriptors() == before, server)
