"""The page's backend, over a socket that does what the HTML standard says when the test says so.

The real thing is in tests/backends, where the same list runs in Node and in Chromium.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from gdpeer import (
    ERR_OUT_OF_MEMORY,
    ERR_UNAVAILABLE,
    FAILED,
    OK,
    Cause,
    ManualClock,
    StreamPeerTCP,
    TCPServer,
    TLSOptions,
    WebSocketPeer,
    WebSocketServer,
)
from gdpeer.errors import Error, TransportError
from gdpeer.transport import os_errors as reasons
from gdpeer.websocket import connecting, peer
from gdpeer.websocket import godot_streams as streams
from gdpeer.websocket.backend import browser
from gdpeer.websocket.backend.browser import MOST_BEHIND, TOO_BIG, TOO_SLOW
from tests.unit.websocket.support import CLOSED, CLOSING, CONNECTING, OPEN


class Socket:
    """What a page's WebSocket is to us; `does` notes what it was told."""

    def __init__(self, url: str, protocols: Sequence[str], listener: Any) -> None:
        self.url, self.protocols, self.tell = url, tuple(protocols), listener
        self.buffered = 0
        self.does: list[Any] = []

    def send(self, payload: bytes, is_text: bool) -> None:
        self.buffered += len(payload)
        self.does.append((payload, is_text))

    def close(self, code: int, reason: str) -> None:
        self.does.append(("close", code, reason))

    def release(self) -> None:
        self.does.append("release")


class Page:
    """Where `WebSocketPeer` finds the page's WebSocket."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.sockets: list[Socket] = []
        self.refusal: TransportError | None = None

    def open(self, url: str, protocols: Sequence[str], listener: Any) -> Socket:
        if self.refusal is not None:
            raise self.refusal
        self.sockets.append(Socket(url, protocols, listener))
        return self.sockets[-1]

    def peer(self, url: str = "ws://host/", **settings: Any) -> tuple[WebSocketPeer, Socket]:
        made = WebSocketPeer(clock=self.clock)
        for name, value in settings.items():
            setattr(made, name, value)
        assert made.connect_to_url(url) is OK
        return made, self.sockets[-1]

    def opened(self, **settings: Any) -> tuple[WebSocketPeer, Socket]:
        made, socket = self.peer(**settings)
        socket.tell.on_open("")
        made.poll()
        assert made.get_ready_state() is OPEN
        return made, socket


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Page:
    found = Page()
    for module in (connecting, peer, reasons, streams):
        monkeypatch.setattr(module, "IN_PAGE", True)
    monkeypatch.setattr(browser, "open_socket", found.open)
    return found


def test_it_opens_with_the_sub_protocol_that_was_chosen(page: Page) -> None:
    made, socket = page.peer("wss://h\u00f6st:444/a b?c", supported_protocols=("a", "b"))
    assert (socket.url, socket.protocols) == ("wss://xn--hst-sna:444/a%20b?c", ("a", "b"))
    socket.tell.on_open("b")
    assert made.get_ready_state() is CONNECTING
    made.poll()
    assert (made.get_ready_state(), made.get_selected_protocol()) == (OPEN, "b")
    assert (made.get_connected_host(), made.get_connected_port(), len(made.get_handshake_headers())) == ("", 0, 0)


def test_nothing_waits_in_a_page(page: Page) -> None:
    made, socket = page.opened()
    made.poll(timeout=1000.0)
    socket.tell.on_close(1000, "", True)
    made.poll(timeout=1000.0)
    assert made.get_ready_state() is CLOSED


def test_messages_wait_for_poll_and_behind_a_full_inbox(page: Page) -> None:
    made, socket = page.opened(max_queued_packets=2)
    for number in range(5):
        socket.tell.on_message(b"%d" % number, number % 2 == 0)
    assert made.get_available_packet_count() == 0
    made.poll()
    assert made.get_available_packet_count() == 2
    assert [made.get_packet(), made.was_string_packet()] == [b"0", True]
    assert [made.get_packet(), made.was_string_packet()] == [b"1", False]
    socket.tell.on_close(4000, "bye", True)
    made.poll()
    assert [*made] == [b"2", b"3"]
    assert made.get_ready_state() is OPEN  # as long as something came before the end
    assert made.send_text("x") is FAILED
    made.poll()
    assert [*made] == [b"4"]
    assert (made.get_ready_state(), made.get_close_code(), made.get_close_reason()) == (CLOSED, 4000, "bye")
    assert made.get_close_cause().cause is Cause.CLOSED
    assert socket.does == ["release"]


def test_a_message_over_the_limit_ends_it(page: Page) -> None:
    made, socket = page.opened(inbound_buffer_size=10)
    socket.tell.on_message(bytes(10), False)
    socket.tell.on_message(bytes(11), False)
    socket.tell.on_message(b"never", False)
    made.poll()
    assert [*made] == [bytes(10)]
    made.poll()
    assert (made.get_close_code(), made.get_close_cause().cause) == (1009, Cause.TOO_BIG)
    assert made.get_available_packet_count() == 0
    assert socket.does == [("close", TOO_BIG, "Message too big"), "release"]


def test_what_nobody_takes_ends_it_in_the_end(page: Page) -> None:
    made, socket = page.opened(inbound_buffer_size=1 << 20)
    piece = bytes(1 << 20)
    for _ in range(1 + (MOST_BEHIND >> 20)):
        socket.tell.on_message(piece, False)
    made.poll()
    assert made.get_ready_state() is OPEN
    socket.tell.on_message(piece, False)
    made.poll()
    assert (made.get_ready_state(), made.get_close_cause().cause) == (CLOSED, Cause.TOO_BIG)
    assert made.get_available_packet_count() == 1


def test_the_room_is_what_the_browser_has_not_sent(page: Page) -> None:
    made, socket = page.opened(outbound_buffer_size=100)
    drained: list[bool] = []
    made.drained.connect(lambda: drained.append(True))
    assert made.send(bytes(100)) is OK
    assert made.get_current_outbound_buffered_amount() == 100
    assert made.send_text("x") is ERR_OUT_OF_MEMORY
    socket.buffered = 51
    made.poll()
    assert (drained, made.get_current_outbound_buffered_amount()) == ([], 51)
    socket.buffered = 50
    made.poll()
    assert drained == [True]
    assert made.send_text("x") is OK
    assert socket.does == [(bytes(100), False), (b"x", True)]
    made.outbound_buffer_size = 0
    assert made.send(bytes(1000)) is OK


def test_a_server_that_does_not_read_is_closed_where_that_is_wished(page: Page) -> None:
    made, socket = page.opened(outbound_buffer_size=100, close_on_backpressure=True)
    assert made.send(bytes(100)) is OK
    assert made.send(bytes(101)) is ERR_OUT_OF_MEMORY
    assert made.get_ready_state() is OPEN
    assert made.send_text("x") is ERR_OUT_OF_MEMORY
    assert socket.does[1:] == [("close", TOO_SLOW, "Reads too slowly"), "release"]
    assert (made.get_ready_state(), made.get_close_code()) == (CLOSED, 1013)
    assert made.get_close_cause().cause is Cause.TOO_SLOW


def test_a_message_that_never_fits_is_no_reason_to_wait(page: Page) -> None:
    made, _ = page.opened(outbound_buffer_size=100)
    drained: list[bool] = []
    made.drained.connect(lambda: drained.append(True))
    assert made.send(bytes(101)) is ERR_OUT_OF_MEMORY
    made.poll()
    assert drained == []


@pytest.mark.parametrize(
    ("code", "said"),
    [(1000, (1000, "why")), (3000, (3000, "why")), (4999, (4999, "why")), (1001, (0, "")), (1011, (0, ""))],
)
def test_closing_here(page: Page, caplog: pytest.LogCaptureFixture, code: int, said: tuple[int, str]) -> None:
    made, socket = page.opened()
    made.close(code, "why")
    made.close(code, "again")
    assert (made.get_ready_state(), made.send_text("x")) == (CLOSING, FAILED)
    assert socket.does == [("close", *said)]
    assert ("a page can close with" in caplog.text) is (not said[0])
    socket.tell.on_close(code, "why", True)
    made.poll()
    assert (made.get_ready_state(), made.get_close_code()) == (CLOSED, code)
    assert made.get_close_cause().cause is Cause.CLOSED


def test_a_close_that_takes_too_long(page: Page) -> None:
    made, socket = page.opened(close_timeout=2.0)
    made.close()
    page.clock.advance(1.9)
    made.poll()
    assert made.get_ready_state() is CLOSING
    page.clock.advance(0.2)
    made.poll()
    assert (made.get_ready_state(), made.get_close_code(), made.get_close_cause().cause) == (CLOSED, -1, Cause.TIMEOUT)
    assert socket.does == [("close", 1000, ""), "release"]


def test_connecting_that_takes_too_long(page: Page) -> None:
    made, socket = page.peer(connect_timeout=3.0, handshake_timeout=2.0)
    page.clock.advance(4.9)
    made.poll()
    assert made.get_ready_state() is CONNECTING
    page.clock.advance(0.2)
    made.poll()
    assert (made.get_ready_state(), made.get_close_cause().cause) == (CLOSED, Cause.TIMEOUT)
    assert socket.does == [("close", 0, ""), "release"]


@pytest.mark.parametrize("was_open", [False, True])
def test_an_end_without_a_close_frame(page: Page, was_open: bool) -> None:
    made, socket = page.opened() if was_open else page.peer()
    socket.tell.on_close(1006, "", False)
    made.poll()
    assert (made.get_ready_state(), made.get_close_code()) == (CLOSED, 1006)
    cause = made.get_close_cause()
    assert (cause.cause, "could not connect" in cause.detail) == (Cause.TCP, not was_open)


@pytest.mark.parametrize("code", [-1, 1000])
def test_an_end_while_connecting(page: Page, code: int) -> None:
    made, socket = page.peer()
    made.close(code)
    assert (made.get_ready_state(), made.get_close_cause().cause) == (CLOSED, Cause.DROPPED)
    assert socket.does == [("close", 0, ""), "release"]
    made.close()
    assert socket.does == [("close", 0, ""), "release"]


def test_a_with_block(page: Page) -> None:
    made, socket = page.opened()
    with made:
        pass
    assert made.get_ready_state() is CLOSED
    assert socket.does == [("close", 1000, ""), "release"]


def test_a_peer_that_is_let_go(page: Page) -> None:
    made, socket = page.opened()
    del made
    assert socket.does == [("close", 0, ""), "release"]


def test_a_new_connection_takes_the_place_of_one_that_closes(page: Page) -> None:
    made, first = page.opened()
    made.close()
    assert made.connect_to_url("ws://other/") is OK
    assert first.does == [("close", 1000, ""), "release"]
    page.sockets[-1].tell.on_open("")
    made.poll()
    assert made.get_ready_state() is OPEN


def test_pings_are_the_browsers(page: Page) -> None:
    made, socket = page.opened(heartbeat_interval=1.0)
    assert made.ping() is ERR_UNAVAILABLE
    page.clock.advance(100.0)
    made.poll()
    made.heartbeat_interval = 2.0
    made.set_no_delay(True)
    assert (made.get_ready_state(), made.get_latency(), socket.does) == (OPEN, -1.0, [])


def test_what_a_page_cannot_have_is_refused(page: Page) -> None:
    made = WebSocketPeer()
    made.handshake_headers = ("Authorization: secret",)
    assert made.connect_to_url("ws://host/") is ERR_UNAVAILABLE
    assert "headers" in made.get_close_cause().detail
    made.handshake_headers = ()
    for options in (TLSOptions.client_unsafe(), TLSOptions.client("ca.pem"), TLSOptions.client(None, "name")):
        assert made.connect_to_url("wss://host/", options) is ERR_UNAVAILABLE
        assert "certificates" in made.get_close_cause().detail
    assert made.connect_to_url("wss://host/", TLSOptions.client()) is OK
    server = WebSocketServer()
    assert server.listen(0) is ERR_UNAVAILABLE
    assert "page" in server.get_listen_error()
    assert TCPServer().listen(0) is ERR_UNAVAILABLE
    assert StreamPeerTCP().connect_to_host("127.0.0.1", 80) is ERR_UNAVAILABLE


def test_what_the_browser_refuses_at_once(page: Page) -> None:
    page.refusal = TransportError("the browser refuses: mixed content", Cause.UPGRADE, Error.ERR_CANT_CONNECT)
    made = WebSocketPeer()
    assert made.connect_to_url("ws://host/") is Error.ERR_CANT_CONNECT
    assert (made.get_ready_state(), made.get_close_cause().detail) == (CLOSED, "the browser refuses: mixed content")
