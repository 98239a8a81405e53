"""Pages over real sockets: memory, slow readers, the game's turn, broken bodies, counters of their own."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gdpeer import ManualClock, WebSocketPeer, WebSocketServer, http
from gdpeer.transport import kernel
from gdpeer.transport.memory import memory_pair
from gdpeer.websocket.backend.http_answer import PAGE_LEAST, PAGE_STALL, Page
from tests.unit.websocket.support import Room, listening, read_all, until, url_of

MEBIBYTE = 1 << 20

HOLDER = """
import json, os, sys
from gdpeer import OK, WebSocketServer, http

folder, kind = sys.argv[1:]
BODY = os.urandom(20 << 20)
HANDLERS = {
    "file": http.StaticFolder(folder),
    "bytes": lambda request: http.Response(200, BODY),
    "iterator": lambda request: http.Response(200, (BODY[at : at + 50_000] for at in range(0, len(BODY), 50_000))),
}
server = WebSocketServer()
server.bind_ip, server.http_handler = "127.0.0.1", HANDLERS[kind]
assert server.listen(0) is OK

def memory():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

print(server.get_local_port(), flush=True)
while server.stats().pages < 1 or server.stats().answering:
    server.poll(0.02)
before, most, queued = memory(), 0, []
print("warm", flush=True)
while server.stats().pages < 31:
    server.poll(0.02)
    most = max(most, memory())
for _ in range(150):
    server.poll(0.02)
    most = max(most, memory())
    queued.append(server.stats().outbound_bytes)
stats = server.stats()
print(json.dumps({"grew": most - before, "queued": max(queued), "answering": stats.answering}), flush=True)
"""


def ask(port: int, path: str = "/big", *, room: int = 0) -> socket.socket:
    end = socket.socket()
    end.settimeout(10)
    if room:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    end.connect(("127.0.0.1", port))
    end.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return end


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("kind", ["file", "bytes", "iterator"])
def test_thirty_readers_that_do_not_read_cost_little_memory(kind: str, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(bytes(20 * MEBIBYTE))
    command = [sys.executable, "-c", HOLDER, str(tmp_path), kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        ask(port).close()
        assert process.stdout.readline() == "warm\n"
        crowd = [ask(port, room=4096) for _ in range(30)]
        found = json.loads(process.stdout.readline())
        for end in crowd:
            end.close()
    assert found["answering"] == 30
    assert found["grew"] <= 8 * MEBIBYTE
    limit = 20 * MEBIBYTE if kind == "bytes" else 0  # one body for all, which the server's own code holds
    assert limit < found["queued"] <= limit + 8 * MEBIBYTE


class Download:
    """A page that is loaded by a thread of control that reads as fast as it is told to."""

    def __init__(self, server: WebSocketServer, *, room: int = 0) -> None:
        self.end = ask(server.get_local_port(), room=room)
        self.end.setblocking(False)
        self.data = bytearray()
        self.is_over = False

    def take(self, most: int = 1 << 16) -> None:
        try:
            data = self.end.recv(most)
        except BlockingIOError:
            return
        self.is_over = not data
        self.data += data

    def body(self) -> bytes:
        return bytes(self.data).partition(b"\r\n\r\n")[2]


def load(server: WebSocketServer) -> bytes:
    download = Download(server)
    with download.end:
        until(lambda: download.take() or download.is_over, server)
    return download.body()


def test_a_large_file_arrives_whole_over_tcp_and_leaves_the_turns_short(tmp_path: Path) -> None:
    content = bytes(range(256)) * (100 * MEBIBYTE // 256)
    (tmp_path / "big").write_bytes(content)
    with listening(http_handler=http.StaticFolder(tmp_path)) as (server, _):
        download, longest = Download(server), 0.0
        with download.end:
            while not download.is_over:
                began = time.thread_time()  # not what others take of a busy machine
                server.poll()
                longest = max(longest, time.thread_time() - began)
                download.take(1 << 20)
        assert download.body() == content
        assert longest < 0.05  # 0.2 to 0.5 where the file is read at once; in pieces 0.001
        until(lambda: not server.stats().answering, server)
        assert server.stats().outbound_bytes == 0


def test_an_iterator_arrives_in_chunks_and_one_that_fails_breaks_off(caplog: pytest.LogCaptureFixture) -> None:
    def lines(fails: bool) -> Iterator[bytes]:
        for number in range(50_000):
            yield b"line %d\n" % number
        if fails:
            raise RuntimeError("game code")

    whole = b"".join(lines(False))
    with listening(http_handler=lambda request: http.Response(200, lines(request.path == "/big"))) as (server, _):
        broken = load(server)
        assert not broken.endswith(b"0\r\n\r\n")
        assert "game code" in caplog.text
        end = ask(server.get_local_port(), "/good")
        with end:
            end.setblocking(False)
            data = bytearray()

            def take() -> bool:
                try:
                    data.extend(piece := end.recv(1 << 16))
                except BlockingIOError:
                    return False
                return not piece

            until(take, server)
    head, _, body = bytes(data).partition(b"\r\n\r\n")
    assert b"Transfer-Encoding: chunked" in head
    found, chunks = bytearray(), io.BytesIO(body)
    while size := chunks.readline():
        found += chunks.read(int(size, 16))
        assert chunks.read(2) == b"\r\n"
    assert found == whole


def test_a_file_that_becomes_shorter_breaks_off(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "big").write_bytes(bytes(30 * MEBIBYTE))
    with listening(http_handler=http.StaticFolder(tmp_path)) as (server, _):
        download = Download(server, room=4096)
        with download.end:
            until(lambda: server.stats().outbound_bytes, server)
            (tmp_path / "big").write_bytes(b"")
            until(lambda: download.take() or download.is_over, server)
        assert len(download.body()) < 30 * MEBIBYTE
        assert "it became shorter" in caplog.text
        assert server.stats().outbound_bytes == 0


def test_a_file_that_is_gone_when_it_is_sent_is_a_failure_that_is_told(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    body = http.File(tmp_path / "x")
    (tmp_path / "x").unlink()
    with listening(http_handler=lambda request: http.Response(200, body)) as (server, _):
        download = Download(server)
        with download.end:
            until(lambda: download.take() or download.is_over, server)
        assert download.data.startswith(b"HTTP/1.1 500 ")


def test_a_client_that_has_ended_its_side_still_gets_its_page(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(bytes(3 * MEBIBYTE))
    with listening(http_handler=http.StaticFolder(tmp_path)) as (server, _):
        download = Download(server)
        download.end.shutdown(socket.SHUT_WR)
        with download.end:
            until(lambda: download.take() or download.is_over, server)
        assert len(download.body()) == 3 * MEBIBYTE


def test_a_client_that_goes_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(bytes(30 * MEBIBYTE))
    with listening(http_handler=http.StaticFolder(tmp_path)) as (server, _):
        download = Download(server, room=4096)
        until(lambda: server.stats().outbound_bytes, server)
        download.end.close()
        until(lambda: not server.stats().answering, server)
        assert server.stats().outbound_bytes == 0
        assert server._outgoing.in_pieces == 0


def test_the_end_of_a_server_lets_go_of_its_pages(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(bytes(30 * MEBIBYTE))
    with listening(http_handler=http.StaticFolder(tmp_path)) as (server, _):
        download = Download(server, room=4096)
        until(lambda: server.stats().outbound_bytes, server)
        server.stop()
        assert server._outgoing.in_pieces == 0
        download.end.close()


def test_a_head_request_has_no_body_and_http_1_0_no_chunks() -> None:
    with listening(http_handler=lambda request: http.Response(200, [b"abc", b"def"])) as (server, _):
        answers = []
        for line in ("HEAD / HTTP/1.1\r\nHost: a", "GET / HTTP/1.0"):
            with socket.create_connection(("127.0.0.1", server.get_local_port())) as end:
                end.sendall(f"{line}\r\n\r\n".encode())
                end.setblocking(False)
                data = bytearray()

                def take(end: socket.socket = end, data: bytearray = data) -> bool:
                    try:
                        data.extend(piece := end.recv(1 << 16))
                    except BlockingIOError:
                        return False
                    return not piece

                until(take, server)
                answers.append(bytes(data))
    assert answers[0].endswith(b"\r\n\r\n")
    assert answers[1].endswith(b"\r\n\r\nabcdef")


# ---------------------------------------------------------------------------------------------- slow readers


class Stream:
    def __init__(self) -> None:
        self.left, self.right = socket.socketpair()

    def fileno(self) -> int:
        return self.left.fileno()


def test_the_kernel_tells_what_it_still_holds() -> None:
    if not kernel.TELLS:
        assert kernel.unsent_bytes(None) == 0
        return
    assert kernel.unsent_bytes(memory_pair()[0]) == 0
    listener = socket.create_server(("127.0.0.1", 0))
    near = socket.create_connection(listener.getsockname())
    far, _ = listener.accept()
    far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    near.setblocking(False)
    sent = 0
    while True:
        try:
            sent += near.send(bytes(1 << 16))
        except BlockingIOError:
            break
    assert 0 < kernel.unsent_bytes(near) <= sent
    for end in (listener, near, far):
        end.close()
    assert kernel.unsent_bytes(near) == 0


def test_a_reader_is_waited_for_as_long_as_the_kernel_loses_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    held = [1_000_000]
    monkeypatch.setattr("gdpeer.websocket.backend.http_answer.unsent_bytes", lambda stream: held[0])
    page = Page(None, 100.0)
    now = 100.0
    for _ in range(10):  # all was taken by the kernel long ago
        now += PAGE_STALL
        held[0] -= PAGE_LEAST
        assert page.goes_on(1_000_000, 0, None, now)
    held[0] -= PAGE_LEAST - 1
    assert page.goes_on(1_000_000, 0, None, now + PAGE_STALL - 0.1)
    assert not page.goes_on(1_000_000, 0, None, now + PAGE_STALL)
    held[0] = 0
    assert not page.goes_on(1_000_000, 0, None, now)


@pytest.mark.skipif(not kernel.TELLS, reason="the kernel does not tell what it holds")
def test_a_steady_slow_reader_is_not_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At 100 KB/s with a tenth of the times: our queue stands still for long, as the kernel has taken megabytes."""
    monkeypatch.setattr("gdpeer.websocket.backend.native.PAGE_STALL", PAGE_STALL / 10)
    monkeypatch.setattr("gdpeer.websocket.backend.http_answer.PAGE_STALL", PAGE_STALL / 10)
    (tmp_path / "big").write_bytes(bytes(30 * MEBIBYTE))
    with listening(http_handler=http.StaticFolder(tmp_path)) as (server, _):
        download = Download(server)
        began = time.monotonic()
        with download.end:
            while (passed := time.monotonic() - began) < 7.0:
                server.poll(0.02)
                if passed * 100_000 > len(download.data):
                    download.take(4_000)
            assert server.stats().answering == 1
            assert not download.is_over
            assert len(download.data) > 300_000
            until(lambda: not server.stats().answering, server)  # it reads no more


# ---------------------------------------------------------------------------------------------- counters


def test_a_page_is_not_pending_and_keeps_no_player_out(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(bytes(30 * MEBIBYTE))
    handler = http.StaticFolder(tmp_path)
    with listening(http_handler=handler, max_pending=1, max_connections_per_address=2) as (server, _):
        download = Download(server, room=4096)
        until(lambda: server.stats().answering, server)
        assert server.stats().pending == 0
        with WebSocketPeer() as player:
            player.connect_to_url(url_of(server))
            until(lambda: server.peers, server, player)
        second = Download(server)
        with second.end, download.end:
            until(lambda: second.take() or second.is_over, server)
        assert second.data.startswith(b"HTTP/1.1 429 ")
        assert server.stats().refused == {"http 429": 1}
        assert server.stats().pages == 2


def test_pages_spend_little_of_the_rate_of_connections() -> None:
    clock = ManualClock(100.0)
    server = WebSocketServer(clock=clock)
    server.bind_ip, server.connection_rate = "127.0.0.1", 1.0
    server.http_handler = lambda request: http.Response(200, "page")
    assert server.listen(0) == 0
    with server:
        answers = [_status(server) for _ in range(25)]
        assert answers == [200] * 20 + [429] * 5
        clock.advance(1.0)
        assert [_status(server) for _ in range(11)] == [200] * 10 + [429]
        with WebSocketPeer() as player:
            player.connect_to_url(url_of(server))
            until(lambda: server.peers, server, player)


def _status(server: WebSocketServer) -> int:
    download = Download(server)
    with download.end:
        until(lambda: download.take() or download.is_over, server)
    return int(download.data.split(b" ")[1])


def test_without_tcp_no_page_counts_for_an_address() -> None:
    room = Room(
        max_connections_per_address=1, connection_rate=1.0, http_handler=lambda request: http.Response(200, "p")
    )
    for _ in range(5):
        _, theirs, _ = room.stream()
        theirs.send([b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"])
        room.poll()
        assert read_all(theirs).startswith(b"HTTP/1.1 200 ")


def test_the_rates_of_pages_are_forgotten_like_those_of_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    from gdpeer.websocket import admission as gate

    monkeypatch.setattr(gate, "MOST_REMEMBERED", 4)
    doors, settings = gate.Admission(ManualClock(1.0)), WebSocketServer()
    settings.connection_rate = 1.0
    kept: Any = settings._settings
    for number in range(20):
        assert doors.page_obstacle(kept, f"192.0.2.{number}", 0) == ""
    assert len(doors._page_rates) <= 4
