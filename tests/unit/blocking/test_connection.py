"""`gdpeer.blocking.connect` and `Connection`: receiving, sending, pings, the end, and several threads at one."""

from __future__ import annotations

import itertools
import ssl
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import websockets.sync.server

from gdpeer import Cause, ConnectionClosed, ConnectionClosedError, ConnectionClosedOK, HandshakeError, TransportError
from gdpeer.blocking import Connection, connect, poll_lock
from gdpeer.clock import MONOTONIC
from gdpeer.websocket.states import PeerState
from tests.support.certificates import Certificates
from tests.support.ports import free_port
from tests.support.waiting import until
from tests.unit.blocking.support import PATIENCE, Started, echo, joined, served

LARGE = b"x" * 8_000_000
"""More than the buffers of TCP hold."""


# -- opening ----------------------------------------------------------------------------------------------------------


def test_a_client_and_a_server_tell_what_they_know_of_each_other() -> None:
    told = []

    def tell(ws: Connection) -> None:
        assert ws.request is not None
        told.append((ws.request.path, ws.headers.get("x-who"), ws.subprotocol, ws.remote_address[0], repr(ws)))
        ws.recv()

    with served(tell, subprotocols=["chat"]) as (_, url):
        with connect(f"{url}/room", subprotocols=["chat"], additional_headers={"X-Who": "me"}) as ws:
            assert (ws.state, ws.subprotocol, ws.latency) == (PeerState.OPEN, "chat", 0.0)
            assert (ws.request, ws.close_code, ws.close_reason) == (None, None, None)
            assert ws.headers.get("upgrade") == "websocket"
            assert repr(ws) == "<gdpeer.blocking.Connection OPEN>"
            ws.send("done")
        assert (ws.close_code, ws.close_reason) == (1000, "")
    assert told == [("/room", "me", "chat", "127.0.0.1", "<gdpeer.blocking.Connection OPEN>")]


def test_what_keeps_a_connection_from_opening_is_told() -> None:
    with pytest.raises(TransportError) as nobody:
        connect(f"ws://127.0.0.1:{free_port()}")
    assert nobody.value.cause is Cause.TCP
    with served(origins=["https://game.example"]) as (_, url):
        with pytest.raises(HandshakeError) as refused:
            connect(url, additional_headers={"Origin": "https://evil.example"})
        assert refused.value.status == 403
    with pytest.raises(ValueError, match="scheme"):
        connect("http://127.0.0.1")
    with pytest.raises(TypeError, match="unknown option"):
        connect("ws://127.0.0.1", colour="red")


def test_a_server_that_never_answers_is_given_up() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TransportError) as caught:
        connect(f"ws://127.0.0.1:{silent.getsockname()[1]}", open_timeout=0.1)
    assert caught.value.cause is Cause.TIMEOUT


def test_tls_both_ways(certificates: Certificates) -> None:
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(certificates.certificate, certificates.key)
    theirs = ssl.create_default_context(cafile=str(certificates.authority))
    with served(ssl=ours) as (server, _):
        url = f"wss://localhost:{server.port}"
        with connect(url, ssl=theirs) as ws:
            ws.send(LARGE[:500_000])
            assert ws.recv() == LARGE[:500_000]
        assert ws.close_code == 1000
        with pytest.raises(TransportError) as caught:
            connect(url)
        assert caught.value.cause is Cause.TLS


# -- receiving --------------------------------------------------------------------------------------------------------


def test_texts_and_bytes_come_as_such_or_as_asked_for() -> None:
    with joined() as ws:
        for message in ("hé", b"bytes", bytearray(b"array"), memoryview(b"view"), "", b""):
            ws.send(message)
            assert ws.recv() == (message if isinstance(message, str) else bytes(message))
        ws.send("hé")
        assert ws.recv(decode=False) == "hé".encode()
        ws.send("hé".encode())
        assert ws.recv(decode=True) == "hé"
        with pytest.raises(TypeError):
            ws.send(1)  # type: ignore[arg-type]


def test_a_time_out_of_recv_loses_nothing() -> None:
    go_on = threading.Event()

    def late(ws: Connection) -> None:
        go_on.wait(PATIENCE)
        ws.send("1")
        ws.send("2")

    with joined(late) as ws:
        for timeout in (0.01, 0, -1):
            with pytest.raises(TimeoutError, match="no message"):
                ws.recv(timeout)
        go_on.set()
        received = []
        while len(received) < 2:
            try:
                received.append(ws.recv(timeout=0.0001))
            except TimeoutError:
                continue
        assert received == ["1", "2"]


def test_waiting_in_slices_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, where nothing else lets Ctrl-C through."""
    monkeypatch.setattr(poll_lock, "LONGEST", 0.001)
    with joined() as ws:
        with pytest.raises(TimeoutError):
            ws.recv(timeout=0.05)
        receivers = [Started(ws.recv) for _ in range(2)]
        with pytest.raises(TimeoutError):
            ws.wait_closed(timeout=0.05)
        ws.send("a")
        ws.send("b")
        assert {receiver.result() for receiver in receivers} == {"a", "b"}


def test_iteration_ends_as_agreed_and_raises_otherwise() -> None:
    def say(ws: Connection) -> None:
        ws.send("a")
        ws.send("b")
        ws.close(*((1000, "enough") if ws.request and ws.request.path == "/good" else (4000, "bad")))

    with served(say) as (_, url):
        with connect(f"{url}/good") as ws:
            assert list(ws) == ["a", "b"]
            with pytest.raises(ConnectionClosedOK, match="enough"):
                ws.recv()
        with connect(f"{url}/bad") as ws:
            received = []
            with pytest.raises(ConnectionClosedError) as caught:
                received.extend(ws)
            assert (caught.value.code, caught.value.reason) == (4000, "bad")
            assert (ws.close_code, ws.close_reason) == (4000, "bad")


# -- sending ----------------------------------------------------------------------------------------------------------


def test_send_waits_until_the_system_has_it_and_a_time_out_says_that_nothing_was_sent() -> None:
    go_on = threading.Event()
    received: list[str | bytes] = []

    def late(ws: Connection) -> None:
        go_on.wait(PATIENCE)
        received.extend(ws)

    with served(late, max_size=None) as (_, url), connect(url) as ws:
        ws.send(LARGE, timeout=0.05)  # begun: the rest goes out later
        assert ws.peer.get_current_outbound_buffered_amount() > 65_536
        with pytest.raises(TimeoutError, match="no room"):
            ws.send("refused", timeout=0.05)
        go_on.set()
        ws.send("after")
        assert ws.peer.get_current_outbound_buffered_amount() == 0
    assert [len(message) for message in received] == [len(LARGE), 5]


def test_sending_and_pinging_after_the_end_raise_it() -> None:
    with joined() as ws:
        ws.close(4001, "mine")
        for call in (lambda: ws.send("x"), lambda: ws.ping(), lambda: ws.recv()):
            with pytest.raises(ConnectionClosedError) as caught:
                call()
            assert caught.value.code == 4001
        ws.close()  # without effect


def test_a_send_that_waits_ends_with_the_connection() -> None:
    with served(lambda ws: ws.peer.close(-1) if ws.recv() else None, max_size=None) as (_, url), connect(url) as ws:
        ws.send("go")
        for send in itertools.repeat(ws.send):
            try:
                send(LARGE)
            except ConnectionClosed:
                break


def test_a_send_raises_once_the_close_under_way_is_done() -> None:
    with joined() as ws:
        ws.peer.close(4002)
        with pytest.raises(ConnectionClosedError) as caught:
            ws.send("x")
        assert (ws.state, caught.value.code) == (PeerState.CLOSED, 4002)


# -- pings ------------------------------------------------------------------------------------------------------------


def test_a_ping_is_waited_for_as_an_event() -> None:
    waits, go_on = threading.Event(), threading.Event()

    def late(ws: Connection) -> None:
        waits.set()
        go_on.wait(PATIENCE)
        echo(ws)

    with joined(late) as ws:
        assert waits.wait(PATIENCE)
        pong = ws.ping("mine")
        assert not pong.wait(timeout=0.01)
        assert not pong.is_set()
        go_on.set()
        assert pong.wait()
        assert pong.is_set()
        assert ws.latency > 0
        with pytest.raises(ValueError, match="125"):
            ws.ping(b"x" * 126)
        ws.peer.close(-1)
        with pytest.raises(ConnectionClosed):
            ws.ping()


def test_a_pong_that_will_not_come_raises_the_end() -> None:
    with served(lambda ws: ws.peer.close(-1)) as (_, url), connect(url) as ws:
        try:
            pong = ws.ping()
        except ConnectionClosed:  # it was over already
            return
        with pytest.raises(ConnectionClosed):
            pong.wait()


def test_pings_are_answered_while_a_call_waits_and_by_a_thread_that_waits_for_the_end() -> None:
    """Five heartbeats of the server come by while the client is busy elsewhere."""
    beats = threading.Event()

    def count(ws: Connection) -> None:
        seen = set()
        while len(seen) < 5:
            with pytest.raises(TimeoutError):
                ws.recv(timeout=0.01)
            seen.add(ws.latency)
        beats.set()
        ws.recv()

    with served(count, ping_interval=0.25) as (_, url), connect(url) as ws:
        keeping = Started(ws.wait_closed)
        assert beats.wait(PATIENCE)
        ws.send("done")
        keeping.result()
        assert ws.close_code == 1000


# -- the end ----------------------------------------------------------------------------------------------------------


def test_leaving_the_block_with_an_exception_says_1011() -> None:
    codes = []

    def hear(ws: Connection) -> None:
        with pytest.raises(ConnectionClosed) as caught:
            ws.recv()
        codes.append(caught.value.code)

    with served(hear) as (server, url):
        with pytest.raises(KeyError), connect(url) as ws:
            raise KeyError
        until(lambda: not server.connections, PATIENCE)
    assert codes == [1011]
    assert ws.close_code == 1011


def test_a_close_gets_its_answer_past_messages_that_nobody_takes() -> None:
    def flood(ws: Connection) -> None:
        for _ in range(300):
            ws.send("x" * 1_000)
        with pytest.raises(ConnectionClosedOK):
            ws.recv()

    began = MONOTONIC.now()
    with joined(flood, max_queue=3, close_timeout=PATIENCE * 2) as ws:
        ws.recv()
    assert ws.close_code == 1000
    assert MONOTONIC.now() - began < PATIENCE


def test_waiting_for_the_end_has_a_limit() -> None:
    with joined() as ws:
        with pytest.raises(TimeoutError, match="not closed"):
            ws.wait_closed(timeout=0.01)
        with pytest.raises(ValueError, match="code"):
            ws.close(1)
        ws.close()
        ws.wait_closed()


def test_a_close_that_is_not_answered_ends_in_time() -> None:
    go_on = threading.Event()
    with served(lambda ws: go_on.wait(PATIENCE)) as (_, url):
        ws = connect(url, close_timeout=0.05)
        ws.close()
        assert ws.close_code == 1006
        go_on.set()


# -- threads ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def _frequent_switches() -> Iterator[None]:
    """Threads take turns after almost every step, as far as one lock for all of them can show what none would."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_frequent_switches")
def test_one_thread_receives_while_others_send_and_another_closes() -> None:
    """4 threads send 250 messages each, over one connection, while 2 receive the echoes."""
    with joined() as ws:
        received: list[str | bytes] = []

        def receive() -> None:
            received.extend(ws)  # iteration of two threads at once: each message goes to one of them

        def send(name: int) -> None:
            for number in range(250):
                ws.send(f"{name} {number}")

        receivers = [Started(receive) for _ in range(2)]
        for sender in [Started(lambda name=name: send(name)) for name in range(4)]:
            sender.result()
        until(lambda: len(received) == 1_000, PATIENCE)
        Started(ws.close).result()
        for receiver in receivers:
            receiver.result()
    assert Counter(received) == Counter(f"{name} {number}" for name in range(4) for number in range(250))


def test_eight_threads_with_a_connection_each() -> None:
    def talk(url: str, name: int) -> int:
        with connect(url) as ws:
            for number in range(1_000):
                ws.send(f"{name} {number}")
                assert ws.recv() == f"{name} {number}"
        return ws.close_code or 0

    with served() as (_, url):
        talks = [Started(lambda name=name: talk(url, name)) for name in range(8)]
        assert [one.result() for one in talks] == [1000] * 8


def test_a_slot_that_calls_its_own_connection_is_told_so() -> None:
    told: list[BaseException] = []
    with served(lambda ws: ws.recv(), max_size=None) as (_, url), connect(url) as ws:

        def misuse() -> None:
            try:
                ws.send("from within a call")
            except RuntimeError as problem:
                told.append(problem)

        ws.peer.drained.connect(misuse)
        ws.send(LARGE, timeout=0)
        with pytest.raises(TimeoutError):
            ws.send("refused", timeout=0)
        ws.close()
    assert [str(problem) for problem in told] == [
        "this connection is polled by the calling thread: use it after that, or in another one"
    ]


def test_an_interrupt_of_a_thread_that_wants_a_turn_leaves_the_connection_usable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with joined() as ws:
        waiting = Started(ws.recv)
        until(lambda: ws._poll_lock._polling != 0, PATIENCE)
        wait = ws._poll_lock._changed.wait

        def interrupt(timeout: float | None = None) -> bool:
            if threading.current_thread() is threading.main_thread():
                raise KeyboardInterrupt
            return wait(timeout)

        monkeypatch.setattr(ws._poll_lock._changed, "wait", interrupt)
        with pytest.raises(KeyboardInterrupt):
            ws.send("never")
        monkeypatch.undo()
        ws.send("x")
        assert waiting.result() == "x"


# -- beside `websockets` ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compression", ["deflate", None])
def test_a_client_of_a_server_of_websockets(compression: str | None) -> None:
    def answer(ws: websockets.sync.server.ServerConnection) -> None:
        for message in ws:
            ws.send(message)

    with websockets.sync.server.serve(answer, "127.0.0.1", 0, compression=compression) as server:
        serving = Started(server.serve_forever)
        with connect(f"ws://127.0.0.1:{server.socket.getsockname()[1]}", compression=compression) as ws:
            for message in ("text", b"bytes", "long " * 10_000):
                ws.send(message)
                assert ws.recv(timeout=PATIENCE) == message
            assert ws.ping().wait(PATIENCE)
        assert ws.close_code == 1000
        server.shutdown()
        serving.result()


def test_unix_sockets(tmp_path: Path) -> None:
    from websockets.sync.client import unix_connect

    from gdpeer.blocking import serve

    path = str(tmp_path / "socket")
    with serve(echo, f"unix:{path}") as server:
        serving = Started(server.serve_forever)
        with unix_connect(path) as ws:
            ws.send("x")
            assert ws.recv() == "x"
        server.shutdown()
        serving.result()
