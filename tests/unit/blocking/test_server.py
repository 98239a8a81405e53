"""`gdpeer.blocking.serve` and `Server`: handlers, limits, pages, shutdown, interrupts."""

from __future__ import annotations

import itertools
import logging
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack

import pytest
import websockets.sync.client

from gdpeer import Cause, ConnectionClosed, ConnectionClosedError, HandshakeError, TransportError
from gdpeer.blocking import Connection, connect, serve
from gdpeer.http import Request, Response
from gdpeer.websocket import server as server_module
from tests.support.certificates import Certificates
from tests.support.waiting import until
from tests.unit.blocking.support import PATIENCE, Started, echo, served, url_of


def test_a_handler_that_fails_is_logged_and_its_client_hears_1011(caplog: pytest.LogCaptureFixture) -> None:
    def fail(ws: Connection) -> None:
        raise KeyError(ws.recv())

    with served(fail) as (_, url), connect(url) as ws:
        ws.send("what was asked")
        with pytest.raises(ConnectionClosedError) as caught:
            ws.recv()
        assert caught.value.code == 1011
    assert "the handler of ('127.0.0.1'," in caplog.text
    assert "what was asked" in caplog.text


def test_a_handler_that_ends_with_its_connection_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "gdpeer.blocking")
    with served(lambda ws: ws.recv()) as (server, url):
        connect(url).close()
        until(lambda: not server.connections, PATIENCE)
    assert [record.levelname for record in caplog.records if record.name == "gdpeer.blocking"] == ["DEBUG"]


def test_connections_beyond_the_limit_get_503_until_a_place_is_free() -> None:
    with served(max_connections=2) as (server, url):
        crowd = [connect(url) for _ in range(2)]
        for _ in range(3):
            with pytest.raises(HandshakeError) as caught:
                connect(url)
            assert caught.value.status == 503
        assert len(server.connections) == 2
        crowd.pop().close()
        until(lambda: len(server.engine.peers) == 1, PATIENCE)
        crowd.append(connect(url))
        for ws in crowd:
            ws.send("x")
            assert ws.recv() == "x"
            ws.close()


def test_silent_sockets_take_neither_a_thread_nor_a_place() -> None:
    with served(max_connections=2, open_timeout=PATIENCE) as (server, url):
        threads = threading.active_count()
        half = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        with ExitStack() as crowd:
            for number in range(40):
                silent = crowd.enter_context(socket.create_connection(("127.0.0.1", server.port)))
                silent.sendall(half[: number * 2])
            until(lambda: server.engine.stats().pending == 40, PATIENCE)
            assert threading.active_count() == threads
            for ws in [crowd.enter_context(connect(url)) for _ in range(2)]:
                ws.send("x")
                assert ws.recv(timeout=PATIENCE) == "x"
            with pytest.raises(HandshakeError, match="503"):
                connect(url)
            assert len(server.connections) == 2
            until(lambda: server.engine.stats().pending == 40, PATIENCE)
        until(lambda: not server.engine.stats().pending, PATIENCE)


def test_silent_sockets_are_turned_away_after_the_time_for_the_upgrade_and_beyond_max_pending() -> None:
    with served(open_timeout=1.0, max_pending=3) as (server, url):
        crowd = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(5)]
        until(lambda: server.engine.stats().accepted == 5, PATIENCE)
        heard = [silent.makefile("rb").read() for silent in crowd]
        for silent in crowd:
            silent.close()
        assert sorted(answer[:12] for answer in heard) == [b""] * 2 + [b"HTTP/1.1 408"] * 3
        assert server.engine.stats().refused["max_pending"] == 2
        until(lambda: not server.engine.stats().pending, PATIENCE)
        server.engine.handshake_timeout = PATIENCE
        connect(url).close()


def test_a_client_that_does_not_wait_for_the_answer_loses_nothing() -> None:
    """Frames come with the request, and more of them before the thread has begun."""
    request = (
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    frame = b"\x82\x82\0\0\0\0hi"
    with served() as (server, _), socket.create_connection(("127.0.0.1", server.port)) as early:
        early.sendall(request + 5_000 * frame)  # more than one read of the server takes
        early.settimeout(PATIENCE)
        head, _, echoes = _read_until(early, b"\r\n\r\n").partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        while len(echoes) < 5_000 * 4:
            echoes += early.recv(65_536)
        assert echoes == 5_000 * b"\x82\x02hi"


def _read_until(end: socket.socket, mark: bytes) -> bytes:
    data = b""
    while mark not in data:
        data += end.recv(65_536)
    return data


def test_a_client_over_tls_that_does_not_wait_for_the_answer_loses_nothing(certificates: Certificates) -> None:
    context = ssl.create_default_context(cafile=str(certificates.authority))
    request = (
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(certificates.certificate, certificates.key)
    with served(ssl=server_context) as (server, _):
        raw = socket.create_connection(("127.0.0.1", server.port))
        with context.wrap_socket(raw, server_hostname="localhost") as early:
            early.settimeout(PATIENCE)
            for record in (request[:20], request[20:], *(30 * [b"\x82\x82\0\0\0\0hi"])):
                early.sendall(record)  # a record of TLS each
            echoes = _read_until(early, b"\r\n\r\n").partition(b"\r\n\r\n")[2]
            while len(echoes) < 30 * 4:
                echoes += early.recv(65_536)
            assert echoes == 30 * b"\x82\x02hi"


def test_a_number_that_is_drawn_twice_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same ids come again and again, also of connections whose thread has not begun, and that have just ended."""
    numbers = itertools.cycle([7, 7, 7, 8, 8, 9])
    monkeypatch.setattr(server_module, "generate_unique_id", lambda: next(numbers))
    with served() as (server, url):
        for _ in range(3):
            crowd = [connect(url) for _ in range(3)]
            assert set(server.engine.peers) == {7, 8, 9}
            for ws in crowd:
                ws.send("x")
                assert ws.recv(timeout=PATIENCE) == "x"
                ws.close()
            until(lambda: not server.engine.peers, PATIENCE)
        assert server.engine.stats().opened == 9
        assert server.engine.stats().ended == {"closed": 9}


def test_a_system_without_threads_left_is_answered_with_503(monkeypatch: pytest.MonkeyPatch) -> None:
    start = threading.Thread.start

    def none_left(thread: threading.Thread) -> None:
        if thread.name.startswith("gdpeer.blocking"):
            raise RuntimeError("can't start new thread")
        start(thread)

    with served() as (server, url):
        monkeypatch.setattr(threading.Thread, "start", none_left)
        with pytest.raises(HandshakeError) as caught:
            connect(url)
        assert (caught.value.status, len(server.engine.peers)) == (503, 0)
        monkeypatch.undo()
        connect(url).close()


def test_limits_by_address_are_kept_and_given_back() -> None:
    with served(max_connections_per_address=1) as (server, url):
        for _ in range(2):
            ws = connect(url)
            with pytest.raises(TransportError):
                connect(url)
            ws.close()
            until(lambda: not server.engine.peers, PATIENCE)


def test_pages_and_health_on_the_same_port() -> None:
    def get(path: str) -> bytes:
        with urllib.request.urlopen(url.replace("ws", "http") + path, timeout=PATIENCE) as answer:
            return bytes(answer.read())

    def page(request: object) -> Response | None:
        return Response(200, "page") if getattr(request, "path", "") == "/page" else None

    with served(http_handler=page) as (server, url), connect(url):
        assert get("/page") == b"page"
        until(lambda: len(server.engine.peers) == 1, PATIENCE)
        assert get("/health") == b'{"status": "ok", "peers": 1}'
        with pytest.raises(urllib.error.HTTPError) as caught:
            get("/elsewhere")
        assert caught.value.code == 404
        caught.value.close()  # it holds the answer


def test_a_server_listens_on_all_addresses_of_a_name_or_says_what_is_wrong() -> None:
    with serve(echo, "localhost") as server:
        serving = Started(server.serve_forever)
        with connect(f"ws://localhost:{server.port}") as ws:
            ws.send("x")
            assert ws.recv() == "x"
        with pytest.raises(TransportError) as taken:
            serve(echo, "127.0.0.1", server.port)
        assert taken.value.error.name == "ERR_ALREADY_IN_USE"
    serving.result()
    with pytest.raises(TransportError) as unknown:
        serve(echo, "nowhere.invalid")
    assert unknown.value.cause is Cause.DNS
    with pytest.raises(TransportError, match="not a host name") as impossible:
        serve(echo, "no\ud800where")
    assert impossible.value.cause is Cause.DNS
    with pytest.raises(TypeError, match="unknown option"):
        serve(echo, "127.0.0.1", colour="red")


def test_a_client_of_websockets() -> None:
    with served(compression="deflate") as (_, url), websockets.sync.client.connect(url) as ws:
        for message in ("text", b"bytes", "long " * 10_000):
            ws.send(message)
            assert ws.recv(timeout=PATIENCE) == message
        assert ws.ping().wait(PATIENCE)
    assert ws.close_code == 1000


# -- the end ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("waits_for", ["a message", "the upgrade", "a place"])
def test_shutdown_closes_all_with_1001_and_waits_for_the_handlers(waits_for: str) -> None:
    ended = []

    def handle(ws: Connection) -> None:
        try:
            ws.recv()
        except ConnectionClosed as problem:
            ended.append(problem.code)
            raise

    with serve(handle, "127.0.0.1") as server:
        serving = Started(server.serve_forever)
        crowd = [connect(url_of(server)) for _ in range(20)]
        if waits_for != "a message":
            server.engine.max_peers = 20 if waits_for == "a place" else 0
            silent = socket.create_connection(("127.0.0.1", server.port))
            until(lambda: server.engine.stats().accepted == 21, PATIENCE)
        readers = [Started(lambda ws=ws: list(ws)) for ws in crowd]
        server.shutdown()
        serving.result()
        assert not server.connections
        for reader in readers:
            assert reader.result() == []
        assert {ws.close_code for ws in crowd} == {1001}
        assert ended == [1001] * 20
        with pytest.raises(TransportError):
            connect(url_of(server) if server.port else "ws://127.0.0.1:1")
    if waits_for != "a message":
        silent.close()


def test_a_server_that_never_ran_ends_and_one_that_was_shut_down_takes_nobody() -> None:
    with serve(echo, "127.0.0.1") as server:
        url = url_of(server)
    assert server.port == 0
    with pytest.raises(TransportError):
        connect(url)
    server.shutdown()  # without effect
    server.serve_forever()  # over at once


def test_handlers_that_take_too_long_are_left_behind(caplog: pytest.LogCaptureFixture) -> None:
    go_on, began = threading.Event(), threading.Event()

    def busy(ws: Connection) -> None:
        began.set()
        go_on.wait(PATIENCE)

    with served(busy, shutdown_timeout=0.05) as (server, url):
        ws = connect(url)
        assert began.wait(PATIENCE)
        server.shutdown()
        with pytest.raises(ConnectionClosed) as caught:
            ws.recv()
        assert caught.value.code == 1001
    assert "1 handlers still run" in caplog.text
    go_on.set()
    until(lambda: not server.connections, PATIENCE)


def test_who_comes_while_the_server_ends_is_closed_before_a_handler_is_called() -> None:
    """The upgrade is done after `shutdown` was called: as if the signal had come in between."""
    called = []
    with served(called.append) as (server, url):
        take = server._take

        def late(peer_id: int, peer: object, begin: Callable[[], object]) -> bool:
            def begin_late() -> None:
                begin()
                server._is_closing = True

            return take(peer_id, peer, begin_late)  # type: ignore[arg-type]

        server.engine._hand_on = late
        ws = connect(url)
        with pytest.raises(ConnectionClosed) as caught:
            ws.recv()
        assert caught.value.code == 1001
    assert called == []


PROGRAM = """
import sys
from gdpeer.blocking import connect, serve

def handle(ws):
    for message in ws:
        ws.send(message)

with serve(handle, "127.0.0.1", 0) as server:
    if sys.argv[1] == "client":
        import threading
        threading.Thread(target=server.serve_forever).start()
        ws = connect(f"ws://127.0.0.1:{server.port}")
    if sys.argv[1] == "SIGTERM":
        import signal
        signal.signal(signal.SIGTERM, lambda number, frame: server.shutdown())
    try:
        print(server.port, flush=True)  # from now on the interrupt may come
        ws.recv() if sys.argv[1] == "client" else server.serve_forever()
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        if sys.argv[1] == "client":
            ws.send("still usable")
            print(ws.recv(), flush=True)
            ws.close()
            print(ws.close_code, flush=True)
print("ended", flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="there Ctrl-C cannot be sent to one process")
@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("SIGINT", ["interrupted", "ended"]),
        ("SIGTERM", ["ended"]),
        ("client", ["interrupted", "still usable", "1000", "ended"]),
    ],
)
def test_ctrl_c_and_sigterm_end_a_program_at_once_wherever_it_waits(kind: str, said: list[str]) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, kind], stdout=subprocess.PIPE, text=True, env=environment
    )
    with program:
        assert program.stdout is not None
        ws = connect(f"ws://127.0.0.1:{int(program.stdout.readline())}")
        ws.send("x")
        assert ws.recv(timeout=PATIENCE) == "x"  # it waits again now, or is about to
        program.send_signal(signal.SIGTERM if kind == "SIGTERM" else signal.SIGINT)
        with pytest.raises(ConnectionClosed) as caught:
            ws.recv(timeout=PATIENCE)
        ws.close()
        assert caught.value.code == 1001
        assert program.stdout.read().split("\n") == [*said, ""]
    assert program.returncode == 0


def test_process_request_decides_in_the_thread_that_accepts() -> None:
    threads: set[threading.Thread] = set()

    def process(request: Request) -> Response | None:
        threads.add(threading.current_thread())
        return None if request.query == "token=1" else Response(403, "go away\n")

    with served(process_request=process) as (server, url):
        with pytest.raises(HandshakeError, match="go away") as caught:
            connect(url)
        assert caught.value.status == 403
        with connect(f"{url}/?token=1") as ws:
            ws.send("x")
            assert ws.recv() == "x"
        assert server.process_request is process
        server.process_request = None
        with connect(url):
            pass
    assert [type(thread) for thread in threads] == [Started]


def test_user_and_password_of_a_url_go_along_as_basic_authentication() -> None:
    asked: list[Request] = []
    with served(process_request=asked.append) as (_, url), connect(url.replace("ws://", "ws://ann:secret@")):
        pass
    assert [request.headers.get("authorization") for request in asked] == ["Basic YW5uOnNlY3JldA=="]
