"""C4: line ends, escape sequences and marks of direction in every text field of every packet and header.

Whatever a stranger puts there, what is logged, told in an error or printed is visible characters only.
"""

from __future__ import annotations

import io
import logging
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import gdpeer
from gdpeer import OK, Node, SceneTree, WebSocketMultiplayerPeer, WebSocketPeer, WebSocketServer, blocking, godot3, rpc
from gdpeer.errors import ConnectionClosed, GdpeerError
from gdpeer.multiplayer.wire import godot3 as wire3
from gdpeer.multiplayer.wire import godot4 as wire4
from gdpeer.protocol.handshake import accept_key
from tests.support.processes import gdpeer_command
from tests.unit.websocket.support import until

NASTY = "x\x1b[2J\x1b]0;t\x07\n\r\x9b31m\u202e\u2066\u2028\x85\x7fy"
IN_HEADER = "x\x1b[2J\x1b]0;t\x07\x9b31m\x85\x7fy"
BYTES = IN_HEADER.encode("latin-1")


class Main(Node):
    @rpc("any_peer")
    def hello(self, name: int) -> None:
        raise ValueError(name)

    @rpc("any_peer")
    def fails(self, name: str) -> None:
        raise ValueError(name)


class Main3(godot3.Node):
    @godot3.remote
    def hello(self, name: int) -> None:
        """Refuses a text."""

    @godot3.remote
    def fails(self, name: str) -> None:
        raise ValueError(name)


@pytest.fixture
def log() -> Iterator[Callable[[], str]]:
    """What was logged, at every level."""
    stream = io.StringIO()
    handler, logger = logging.StreamHandler(stream), logging.getLogger("gdpeer")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield stream.getvalue
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


def is_harmless(text: str) -> bool:
    return all(line.isprintable() for line in text.split("\n"))


def variants(raw: bytes) -> Iterator[bytes]:
    """A packet, and the same with bytes in it that are no UTF-8."""
    yield raw
    yield raw.replace(b"x\x1b", b"\xff\x1b")
    yield raw[: len(raw) // 2 + 1]


PACKETS4 = [
    wire4.RemoteCall(0, 1, [1], NASTY).encode(),
    wire4.RemoteCall(0, 1, [NASTY], "Main").encode(),
    wire4.RemoteCall(0, 0, [NASTY], "Main").encode(),
    wire4.RemoteCall(0, 7, [NASTY], "Main").encode(),
    wire4.SimplifyPath("0" * 32, 1, NASTY).encode(),
    wire4.SimplifyPath(NASTY.ljust(32)[:32], 2, "Main").encode(),
    wire4.ConfirmPath(False, None, NASTY).encode(),
    wire4.ConfirmPath(True, None, NASTY).encode(),
    wire4.Raw(NASTY.encode()).encode(),
    wire4.Auth(NASTY.encode()).encode(),
    wire4.relay_packet(1, wire4.SimplifyPath("0" * 32, 1, NASTY).encode()),
    *[bytes([command]) + NASTY.encode() for command in range(16)],
]
PACKETS3 = [
    wire3.RemoteCall(0, NASTY, [1], "Main").encode(),
    wire3.RemoteCall(0, "hello", [NASTY], "Main").encode(),
    wire3.RemoteCall(0, "fails", [NASTY], "Main").encode(),
    wire3.RemoteCall(0, "hello", [1], NASTY).encode(),
    wire3.RemoteSet(0, NASTY, [1], "Main").encode(),
    wire3.RemoteSet(0, "name", [NASTY], NASTY).encode(),
    wire3.SimplifyPath(1, NASTY).encode(),
    wire3.ConfirmPath(NASTY).encode(),
    wire3.Raw(NASTY.encode()).encode(),
    *[bytes([command]) + NASTY.encode() for command in range(8)],
]


@pytest.mark.parametrize(("dialect", "packets"), [("godot4", PACKETS4), ("godot3", PACKETS3)])
def test_packets(dialect: str, packets: list[bytes], log: Callable[[], str]) -> None:
    for packet in [one for raw in packets for one in variants(raw)]:
        server, client = WebSocketMultiplayerPeer((dialect,)), WebSocketMultiplayerPeer((dialect,))
        assert server.create_server(0, "127.0.0.1") is OK
        tree: Any = SceneTree() if dialect == "godot4" else godot3.SceneTree()
        tree.multiplayer.multiplayer_peer = server
        tree.root.add_child(Main("Main") if dialect == "godot4" else Main3("Main"))
        came: list[int] = []
        tree.multiplayer.peer_connected.connect(came.append)
        client.create_client(f"ws://127.0.0.1:{server.get_local_port()}")
        until(lambda client=client: client.get_connection_status() == 2, client, tree)
        until(lambda came=came: came, client, tree)
        client.set_target_peer(1)
        assert client.put_packet(packet) is OK
        before = tree.multiplayer.refused.total()
        for _ in range(4):
            client.poll()
            tree.poll(timeout=0.005)
            if tree.multiplayer.refused.total() > before:
                break
        client.close()
        server.close()
    assert is_harmless(log()), [line for line in log().split("\n") if not line.isprintable()]
    assert log().count("\\x1b") > 8


def test_a_path_of_a_stranger_is_cut_and_the_names_of_our_own_methods_are_not(caplog: pytest.LogCaptureFixture) -> None:
    names = [f"a_method_with_a_rather_long_name_{number}" for number in range(20)]
    kind = type("Main", (Node,), {name: rpc(lambda self: None) for name in names})
    tree = SceneTree()
    server = gdpeer.LoopbackMultiplayerPeer()
    tree.multiplayer.multiplayer_peer = server
    tree.root.add_child(kind("Main"))
    client = server.join()
    for packet in (
        wire4.RemoteCall(0, 1, [], "x/" * 30_000).encode(),
        wire4.RemoteCall(0, 77, [], "Main").encode(),
        wire4.SimplifyPath("0" * 32, 1, "Main").encode(),
    ):
        client.poll()
        tree.poll()
        client.put_packet(packet)
        tree.poll()
    unknown, method, checksum = caplog.messages
    assert unknown.count("x/") <= 100
    assert all(name in method for name in names)
    assert all(name in checksum for name in names)


HEADERS = {
    "Host": b"Host: localhost",
    "Upgrade": b"Upgrade: websocket",
    "Connection": b"Connection: Upgrade",
    "Sec-WebSocket-Key": b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": b"Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Protocol": b"Sec-WebSocket-Protocol: chat",
    "Sec-WebSocket-Extensions": b"Sec-WebSocket-Extensions: permessage-deflate",
    "Origin": b"Origin: http://localhost",
    "User-Agent": b"User-Agent: test",
}


def requests() -> Iterator[bytes]:
    for name in HEADERS:
        lines = [b"%s: %b" % (one.encode(), BYTES) if one == name else line for one, line in HEADERS.items()]
        yield b"GET / HTTP/1.1\r\n" + b"\r\n".join(lines) + b"\r\n\r\n"
    rest = b"\r\n" + b"\r\n".join(HEADERS.values()) + b"\r\n\r\n"
    yield b"GET /" + BYTES + b" HTTP/1.1" + rest
    yield b"GET /" + NASTY.encode() + b" HTTP/1.1" + rest
    yield BYTES + b" / HTTP/1.1" + rest
    yield b"GET / HTTP/" + BYTES + rest
    yield b"GET / HTTP/1.1" + rest.replace(b"User-Agent", BYTES)
    yield b"GET /%1b%0a?%1b HTTP/1.1" + rest.replace(b"Upgrade: websocket\r\n", b"")
    yield BYTES + b"\r\n\r\n"


def test_requests(log: Callable[[], str]) -> None:
    for settings in ({}, {"allowed_origins": ["http://other"], "allowed_paths": ["/chat"], "compression": True}):
        server = WebSocketServer()
        for name, value in settings.items():
            setattr(server, name, value)
        assert server.listen(0, ["other"]) is OK
        for request in requests():
            with socket.create_connection(("127.0.0.1", server.get_local_port())) as stranger:
                stranger.sendall(request)
                stranger.setblocking(False)
                answer = b""
                end = time.monotonic() + 5
                while time.monotonic() < end:
                    server.poll(timeout=0.01)
                    try:
                        data = stranger.recv(65_536)
                    except BlockingIOError:
                        continue
                    except OSError:
                        break
                    answer += data
                    if not data or b"\r\n\r\n" in answer:
                        break
                assert is_harmless(answer.decode("latin-1").replace("\r\n", "\n")), request
        server.stop()
    assert is_harmless(log()), [line for line in log().split("\n") if not line.isprintable()]


ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def answers() -> Iterator[bytes]:
    for status in (b"101", b"200", b"302", b"403", b"503"):
        yield b"HTTP/1.1 %b %b\r\nContent-Length: 0\r\n\r\n" % (status, BYTES)
    yield b"HTTP/1.1 403 No\r\nContent-Length: %d\r\n\r\n%b" % (len(BYTES), BYTES)
    yield b"HTTP/1.1 302 Found\r\nLocation: ws://%b/\r\nContent-Length: 0\r\n\r\n" % BYTES
    yield b"HTTP/1.1 302 Found\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % BYTES
    head = b"HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + ACCEPT + b"\r\n"
    for name in ("Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "Upgrade", "Connection", "X-Other"):
        yield head + b"%b: %b\r\n\r\n" % (name.encode(), BYTES)
    yield head.replace(ACCEPT, BYTES) + b"\r\n"
    yield b"HTTP/" + BYTES + b" 101 OK\r\n\r\n"
    yield BYTES + b"\r\n\r\n"


@contextmanager
def answering(make: Callable[[bytes], bytes]) -> Iterator[int]:
    """A server that answers each request with what is made of it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    stranger, _ = listener.accept()
                except OSError:
                    return
                with stranger:
                    stranger.settimeout(30)
                    request = b""
                    while b"\r\n\r\n" not in request:
                        request += stranger.recv(65_536) or b"\r\n\r\n"
                    stranger.sendall(make(request))
                    stranger.shutdown(socket.SHUT_WR)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def accepted(request: bytes) -> bytes:
    """A 101 with the key that belongs to a request."""
    key = re.search(rb"(?i)sec-websocket-key: ([^\r]+)", request)
    assert key is not None
    head = b"HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    return head + b"Sec-WebSocket-Accept: %b\r\n\r\n" % accept_key(key[1].decode()).encode()


def closing(request: bytes) -> bytes:
    """Opens, and closes with a reason."""
    reason = b"\x0f\xa1" + NASTY.encode()
    return accepted(request) + bytes([0x88, len(reason)]) + reason


@pytest.mark.parametrize("answer", list(answers()))
def test_answers(answer: bytes, log: Callable[[], str]) -> None:
    with answering(lambda request: answer) as port:
        peer = WebSocketPeer()
        peer.max_redirects = 1
        assert peer.connect_to_url(f"ws://127.0.0.1:{port}") is OK
        until(lambda: peer.get_ready_state() is WebSocketPeer.State.CLOSED, peer)
        text = str(peer.get_close_cause())
        assert text
        assert text.isprintable()
        with pytest.raises(GdpeerError) as caught:
            blocking.connect(f"ws://127.0.0.1:{port}", open_timeout=5)
        assert str(caught.value).isprintable()
    assert is_harmless(log())


def test_reasons_of_a_close(log: Callable[[], str]) -> None:
    with answering(closing) as port:
        with pytest.raises(ConnectionClosed) as caught, blocking.connect(f"ws://127.0.0.1:{port}") as connection:
            connection.recv(timeout=30)
        assert "\\x1b[2J" in str(caught.value)
        assert str(caught.value).isprintable()
    assert is_harmless(log())


def refusing(request: bytes) -> bytes:
    """Refuses, with a status phrase."""
    return b"HTTP/1.1 403 " + BYTES + b"\r\n\r\n"


@pytest.mark.parametrize("make", [refusing, closing])
def test_what_gdpeer_connect_prints(make: Callable[[bytes], bytes]) -> None:
    pytest.importorskip("click")
    with answering(make) as port:
        command = gdpeer_command("connect", f"ws://127.0.0.1:{port}", "--linger", "5")
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False)
    shown = (done.stdout + done.stderr).decode("utf-8", "strict")
    assert "\\x1b[2J" in shown
    assert is_harmless(shown)


def test_exceptions_of_game_code_on_stderr() -> None:
    program = "import gdpeer\ns = gdpeer.Signal('moved')\n@s.connect\ndef fail(text): raise ValueError(text)\n"
    program += f"s.emit({NASTY!r})\n"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=True)
    assert is_harmless(done.stderr.decode())
    assert b"ValueError: x\\x1b[2J" in done.stderr
