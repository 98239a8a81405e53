"""F2: each trick of `tricks`, over loopback, with an honest peer that was there before and goes on afterwards."""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from gdpeer import OK, WebSocketPeer, WebSocketServer
from tests.support.figures import record
from tests.trust import tricks
from tests.trust.tricks import REQUESTS, RESPONSES
from tests.unit.websocket.support import CLOSED, OPEN, listening, until, url_of

BIG = 16_384
"""From so many bytes on the other side may end before all was sent, and TCP may lose what it said."""


class Raw:
    """A bare end of TCP that says something and hears what comes, a piece at a time."""

    def __init__(self, end: socket.socket, data: bytes = b"", step: int = 1 << 16) -> None:
        end.setblocking(False)
        self._end = end
        self._step = step
        self.data = data
        self.heard = b""
        self.has_ended = False

    def turn(self) -> bool:
        """Send a piece and hear one; whether the other side has ended."""
        try:
            if self.data:
                self.data = self.data[self._end.send(self.data[: self._step]) :]
        except BlockingIOError:
            pass
        except (BrokenPipeError, ConnectionResetError):
            self.data = b""
        try:
            piece = self._end.recv(65_536)
            self.heard += piece
            self.has_ended = not piece
        except BlockingIOError:
            pass
        except ConnectionResetError:
            self.has_ended = True
        return self.has_ended


@contextmanager
def honest() -> Iterator[tuple[WebSocketServer, WebSocketPeer]]:
    """A server, and a peer that is open before and that hears and is heard afterwards."""
    with listening(handshake_timeout=5.0) as (server, _), WebSocketPeer() as peer:
        assert peer.connect_to_url(url_of(server)) is OK
        until(lambda: peer.get_ready_state() is OPEN and server.peers, server, peer)
        yield server, peer
        [peer_id] = server.peers
        assert peer.send_text("there?") is OK
        ours = server.get_peer(peer_id)
        assert ours is not None
        until(lambda: ours.get_available_packet_count(), server, peer)
        assert ours.get_packet() == b"there?"
        assert ours.send_text("here") is OK
        until(lambda: peer.get_available_packet_count(), server, peer)
        assert peer.get_packet() == b"here"


def ask(server: WebSocketServer, data: bytes, step: int) -> bytes:
    """What a server says to it, up to its end, or to the end of an answer that opens."""
    with socket.create_connection(("127.0.0.1", server.get_local_port()), timeout=10) as end:
        raw = Raw(end, data, step)
        until(lambda: raw.turn() or raw.heard.startswith(b"HTTP/1.1 101"), server)
        return raw.heard


def check_request(server: WebSocketServer, name: str, step: int) -> None:
    data, expected = REQUESTS[name]
    before = server.stats().refused
    heard = ask(server, data, step)
    if heard or len(data) < BIG:
        assert heard.startswith(b"HTTP/1.1 %d " % expected), name
        assert len(re.findall(rb"^HTTP/1\.1 \d", heard, re.MULTILINE)) == 1
    if expected != 101:
        until(lambda: server.stats().refused != before, server)
        key = f"http {expected}"
        assert server.stats().refused[key] == before.get(key, 0) + 1


@pytest.mark.parametrize("name", REQUESTS)
def test_f2_a_server_sees_through_each_trick(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whole, and where it is small also three bytes at a time."""
    with honest() as (server, _):
        steps = [1 << 16] if len(REQUESTS[name][0]) >= BIG else [1 << 16, 3]
        for step in steps:
            check_request(server, name, step)
        until(lambda: len(server.peers) == 1, server)
    assert not [found for found in caplog.records if found.levelno >= logging.ERROR]


def answer(peer: WebSocketPeer, make: Callable[[str], bytes], step: int) -> None:
    """Be the server that plays the trick, until the peer has ended."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        assert peer.connect_to_url(f"ws://127.0.0.1:{listener.getsockname()[1]}/") is OK
        end, _ = until(lambda: accept(listener), peer)
        with end:
            raw = Raw(end, b"", step)
            until(lambda: raw.turn() or b"\r\n\r\n" in raw.heard, peer)
            key = raw.heard.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0].decode()
            raw.data = make(key)
            until(lambda: raw.turn() or peer.get_ready_state() in (CLOSED, OPEN), peer)
            until(lambda: peer.get_ready_state() in (CLOSED, OPEN), peer)
        assert accept(listener) is None, "it went somewhere else"


def accept(listener: socket.socket) -> tuple[socket.socket, object] | None:
    try:
        return listener.accept()
    except BlockingIOError:
        return None


@pytest.mark.parametrize("name", RESPONSES)
def test_f2_a_client_sees_through_each_trick(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with honest():
        for step in [1 << 16] if len(RESPONSES[name].make("")) >= BIG else [1 << 16, 3]:
            with WebSocketPeer() as peer:
                answer(peer, RESPONSES[name].make, step)
                assert peer.get_ready_state() is CLOSED
                assert peer.get_close_cause().cause is RESPONSES[name].cause
                assert peer.get_available_packet_count() == 0
    assert not [found for found in caplog.records if found.levelno >= logging.ERROR]


def test_f2_what_is_no_trick_opens() -> None:
    """The heads that the tricks are made of are good ones: nothing is refused for another reason."""
    with honest() as (server, _):
        assert ask(server, tricks.ask(), 1 << 16).startswith(b"HTTP/1.1 101")
        until(lambda: len(server.peers) == 1, server)
    with WebSocketPeer() as peer:
        answer(peer, tricks.switching(), 1 << 16)
        assert peer.get_ready_state() is OPEN
    record("F2", requests=len(REQUESTS), responses=len(RESPONSES))
