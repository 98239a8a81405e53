"""Connecting through a real proxy, and which one the environment names."""

from __future__ import annotations

import pytest

from gdpeer import FAILED, OK, Cause, TLSOptions, TransportError, WebSocketPeer
from gdpeer.protocol.url import parse_url
from gdpeer.websocket.opening.proxy_choice import choose_proxy
from tests.support.certificates import Certificates
from tests.support.ports import free_port
from tests.support.proxying import proxying
from tests.unit.websocket.support import CLOSED, CONNECTING, OPEN, listening, state, until, url_of

NAMES = ("wss", "ws", "socks", "https", "http", "all", "no")


@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h"])
@pytest.mark.parametrize("user", ["", "ann:s3cret@"])
@pytest.mark.parametrize("secure", [False, True])
def test_messages_go_through_a_real_proxy(scheme: str, user: str, secure: bool, certificates: Certificates) -> None:
    settings = {"private_key": str(certificates.key), "ssl_certificate": str(certificates.certificate)}
    sign_in = f"#{user[:-1]}" if user else ""
    with listening(**settings if secure else {}) as (server, _), proxying(sign_in) as port, WebSocketPeer() as peer:
        peer.proxy = f"{scheme}://{user}127.0.0.1:{port}"
        options = TLSOptions.client(certificates.authority) if secure else None
        url = url_of(server, "wss" if secure else "ws", "localhost")
        assert peer.connect_to_url(url, options) is OK
        until(lambda: peer.get_ready_state() is not CONNECTING, peer, server)
        assert peer.get_ready_state() is OPEN, peer.get_close_cause()
        assert peer.get_connected_port() == port
        peer.send_text("through")
        until(lambda: any(there.get_available_packet_count() for there in server.peers.values()), peer, server)


def test_a_real_proxy_that_refuses() -> None:
    with listening() as (server, _), proxying("#ann:s3cret") as port, WebSocketPeer() as peer:
        for scheme in ("http", "socks5"):
            peer.proxy = f"{scheme}://ann:wr0ng@127.0.0.1:{port}"
            assert peer.connect_to_url(url_of(server)) is OK
            until(state(peer, CLOSED), peer, server)
            assert peer.get_close_cause().cause in (Cause.PROXY, Cause.TCP)
            assert "wr0ng" not in str(peer.get_close_cause()) + repr(peer._settings)
        assert not server.peers


def test_no_proxy_there() -> None:
    with WebSocketPeer() as peer:
        peer.proxy = f"http://127.0.0.1:{free_port()}"
        assert peer.connect_to_url("ws://game.example/") in (OK, FAILED)
        until(state(peer, CLOSED), peer)
        assert peer.get_close_cause().cause is Cause.TCP


@pytest.mark.parametrize("value", [1, 2.5, b"http://h", ["http://h"]])
def test_a_proxy_is_a_url_or_whether(value: object) -> None:
    with pytest.raises(TypeError, match="proxy: a URL"):
        WebSocketPeer().proxy = value  # type: ignore[assignment]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in NAMES:
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_proxy".upper(), raising=False)
    monkeypatch.delenv("REQUEST_METHOD", raising=False)
    return monkeypatch


def chosen(url: str) -> str:
    proxy = choose_proxy(True, parse_url(url))
    return "" if proxy is None else f"{proxy.scheme}://{proxy.host}"


def test_the_order_of_the_environment_s(environment: pytest.MonkeyPatch) -> None:
    assert chosen("wss://game.example") == ""
    for name in ("all", "http", "https", "socks", "ws"):
        environment.setenv(f"{name}_proxy", f"http://{name}")
    environment.setenv("wss_proxy", "http://wss")
    order = []
    for name in ("ws", "socks", "https", "http", "all"):
        order.append(chosen("ws://game.example"))
        environment.delenv(f"{name}_proxy")
    assert order == ["http://ws", "socks5h://socks", "http://https", "http://http", "http://all"]
    assert chosen("ws://game.example") == ""
    assert chosen("wss://game.example") == "http://wss"


def test_hosts_that_go_without(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("all_proxy", "http://proxy")
    environment.setenv("no_proxy", "inside.example,10.0.0.1")
    for host in ("inside.example", "a.inside.example", "10.0.0.1", "localhost", "a.localhost", "127.0.0.1", "[::1]"):
        assert chosen(f"ws://{host}:8910") == ""
    assert chosen("ws://[2001:db8::1]") == chosen("ws://outside.example") == "http://proxy"
    assert choose_proxy(False, parse_url("ws://outside.example")) is None
    assert choose_proxy("http://given", parse_url("ws://localhost")) is not None


def test_a_stranger_s_header_is_no_proxy_under_cgi(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HTTP_PROXY", "http://stranger")
    assert chosen("ws://game.example") == "http://stranger"
    environment.setenv("REQUEST_METHOD", "GET")
    assert chosen("ws://game.example") == ""


def test_an_environment_s_proxy_that_cannot_be_used_is_told(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("https_proxy", "https://u:secret@proxy")
    with pytest.raises(TransportError, match="environment") as caught:
        choose_proxy(True, parse_url("wss://game.example"))
    assert caught.value.cause is Cause.PROXY
    with WebSocketPeer() as peer:
        peer.proxy = True
        assert peer.connect_to_url("wss://game.example") not in (OK, FAILED)
        assert peer.get_close_cause().cause is Cause.PROXY
        assert "secret" not in peer.get_close_cause().detail
