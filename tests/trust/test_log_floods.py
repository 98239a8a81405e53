"""What strangers can write into the log of a server whose program configures no logging.

From twenty connections at full speed, with reconnecting ones among them: packets that are refused, with paths as long
as a message may be, calls with wrong arguments, and calls that make the game's code raise.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import cycle
from pathlib import Path

import pytest

from gdpeer import WebSocketPeer
from gdpeer.multiplayer.wire.godot4 import ConfirmPath, Raw, RemoteCall, SimplifyPath
from tests.support.figures import record
from tests.support.long import LONG

pytestmark = pytest.mark.timeout(180)

CONNECTIONS = 20
SECONDS = 60.0 if LONG else 3.0
MOST = 64 * 1024 if LONG else 32 * 1024
"""Bytes of the log. Most of it is written in the first moments; a minute adds as much again."""

SERVER = """
import logging, sys
from gdpeer import Node, SceneTree, WebSocketMultiplayerPeer, WebSocketServer, rpc

class Main(Node):
    @rpc("any_peer")
    def fails(self, text: str) -> None:
        raise ValueError("cannot be: " + text)

    @rpc("any_peer")
    def fails_otherwise(self, text: str) -> None:
        {}[text]

    @rpc("any_peer")
    def takes(self, number: int) -> None:
        pass

if "info" in sys.argv:
    logging.basicConfig(level=logging.INFO)

def fail(*arguments):
    raise RuntimeError(repr(arguments))

peer = WebSocketMultiplayerPeer()
peer.inbound_buffer_size = 1 << 20
peer.create_server(0, "127.0.0.1")
tree = SceneTree()
tree.multiplayer.multiplayer_peer = peer
tree.root.add_child(Main(name="Main"))
for signal in (tree.multiplayer.peer_connected, tree.multiplayer.peer_disconnected, tree.multiplayer.peer_packet,
               tree.multiplayer.call_refused):
    signal.connect(fail)
plain = WebSocketServer()
plain.data_received.connect(fail)
plain.client_connected.connect(fail)
plain.client_disconnected.connect(fail)
plain.bind_ip = "127.0.0.1"
plain.listen(0)
print(peer.get_local_port(), plain.get_local_port(), flush=True)
while True:
    tree.poll(timeout=0.005)
    plain.poll()
"""

LONG_PATH = "x/" * 130_000
ESCAPES = "\x1b[2J\n\x9b\u202e" * 200
METHODS = {"fails": 0, "fails_otherwise": 1, "takes": 2}
PACKETS = [
    RemoteCall(0, METHODS["fails"], [ESCAPES], "Main").encode(),
    RemoteCall(0, METHODS["fails_otherwise"], [ESCAPES], "Main").encode(),
    RemoteCall(0, METHODS["takes"], [ESCAPES], "Main").encode(),
    RemoteCall(0, 0, [], LONG_PATH).encode(),
    RemoteCall(0, 77, [], "Main").encode(),
    SimplifyPath("0" * 32, 1, LONG_PATH).encode(),
    SimplifyPath("0" * 32, 2, "Main").encode(),
    SimplifyPath("\x1b" * 32, 3, "Main").encode(),
    ConfirmPath(False, None, LONG_PATH).encode(),
    Raw(b"x").encode(),
    b"\x07\x03\xff\xff",
    b"\xff" * 20,
]


@pytest.fixture(params=[[]], ids=["unasked"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[list[int], Path]]:
    log = tmp_path / "stderr"
    with log.open("wb") as stderr:
        command = [sys.executable, "-c", SERVER, *request.param]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True)
        try:
            assert process.stdout is not None
            yield [int(port) for port in process.stdout.readline().split()], log
            assert process.poll() is None, "the server ended"
        finally:
            process.kill()
            process.wait(10)
            assert process.stdout is not None
            process.stdout.close()


class Stranger:
    """Sends as fast as it can; comes again when it was let go, or by itself."""

    def __init__(self, url: str, stays: bool) -> None:
        self._url = url
        self._stays = stays
        self._packets: Iterator[bytes] = cycle(PACKETS)
        self.sent = 0
        self._begin()

    def _begin(self) -> None:
        self._peer = WebSocketPeer()
        self._peer.outbound_buffer_size = 1 << 20
        self._peer.connect_to_url(self._url)

    def turn(self) -> None:
        self._peer.poll()
        state = self._peer.get_ready_state()
        if state == WebSocketPeer.State.OPEN:
            for _ in range(len(PACKETS)):
                self.sent += self._peer.send(next(self._packets)) == 0
            self._peer.poll()
            if not self._stays:
                self._peer.close()
        elif state == WebSocketPeer.State.CLOSED:
            self._begin()


def flood(port: int, seconds: float) -> int:
    """Packets that were sent."""
    strangers = [Stranger(f"ws://127.0.0.1:{port}", stays=number % 2 == 0) for number in range(CONNECTIONS)]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for stranger in strangers:
            stranger.turn()
    return sum(stranger.sent for stranger in strangers)


@pytest.mark.parametrize("which", [0, 1], ids=["multiplayer", "plain"])
def test_strangers_do_not_fill_the_log(server: tuple[list[int], Path], which: int) -> None:
    ports, log = server
    sent = flood(ports[which], SECONDS)
    written = log.read_bytes()
    record("C5", **{f"packets_{which}": sent, f"log_bytes_{which}": len(written), "seconds": SECONDS})
    assert sent > 200
    assert len(written) <= MOST
    assert b"Traceback" in written
    text = written.decode()
    assert all(line.isprintable() for line in text.splitlines())
    assert max(map(len, text.splitlines())) < 1_000
    assert "that were not logged" in text or SECONDS < 10


UPGRADE = (
    b"GET /%s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
OPENINGS = [
    b"",
    b"GET /",
    b"\x1b[2J\xff" * 20,
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: " + b"\x1b" * 3000 + b"\r\n\r\n",
    UPGRADE % b"",
    UPGRADE % b"" + b"\xff" * 20,
    UPGRADE % b"" + b"\x82\xff" + b"\x7f" * 12,
    UPGRADE % (b"x" * 3000),
]


def come_and_go(port: int, seconds: float) -> int:
    """Connections that ended badly, each in another way."""
    end = time.monotonic() + seconds
    count = 0
    while time.monotonic() < end:
        with socket.create_connection(("127.0.0.1", port)) as one:
            one.sendall(OPENINGS[count % len(OPENINGS)])
            one.shutdown(socket.SHUT_WR)
            one.settimeout(0.02)
            with suppress(OSError):
                while one.recv(65_536):
                    pass
        count += 1
    return count


@pytest.mark.parametrize("server", [["info"]], indirect=True, ids=["info"])
@pytest.mark.parametrize("which", [0, 1], ids=["multiplayer", "plain"])
def test_those_who_come_again_and_again_do_not_fill_a_log_at_info(server: tuple[list[int], Path], which: int) -> None:
    ports, log = server
    count = come_and_go(ports[which], SECONDS)
    text = log.read_text()
    assert count > 60
    assert 5 < text.count("INFO:gdpeer.websocket:peer") < 20 + SECONDS
    assert len(text) <= MOST
    assert all(line.isprintable() for line in text.splitlines())
