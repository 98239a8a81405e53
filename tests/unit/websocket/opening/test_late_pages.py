"""HTTP handlers whose response comes later: the request waits, and nothing else does."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import socket
from typing import Any

import pytest

from gdpeer import aio
from gdpeer.cluster.answers import Answer
from gdpeer.errors import HandshakeError
from gdpeer.http import Request, Response, StaticFolder, chain
from gdpeer.rooms import Hall
from gdpeer.websocket import server as module
from tests.unit.websocket.support import Room, listening, plain_request, until


class Desk:
    """A handler that answers each request when the test says so."""

    def __init__(self) -> None:
        self.answers: list[Answer[Any]] = []
        self.paths: list[str] = []

    def __call__(self, request: Request) -> Answer[Any] | None:
        if not request.path.startswith("/late"):
            return None
        self.paths.append(request.path)
        self.answers.append(Answer())
        return self.answers[-1]


def read(stream: Any) -> bytes:
    buffer = bytearray(70_000)
    count = stream.receive_into(buffer)
    return bytes(buffer[: max(0, count)])


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def room(desk: Desk) -> Room:
    return Room(http_handler=chain(desk))


def ask(room: Room, path: str = "/late", method: str = "GET", more: bytes = b"") -> Any:
    _, theirs, _ = room.stream()
    theirs.send([plain_request(path, method) + more])
    room.poll()
    return theirs


def test_a_request_waits_while_others_are_answered_and_peers_play(room: Room, desk: Desk) -> None:
    waiting = ask(room)
    assert read(waiting) == b""
    assert (room.server.stats().pending, room.server.stats().answering) == (0, 1)
    assert b" 404 " in read(ask(room, "/other"))
    room.join()
    desk.answers[0].give(Response(200, "here it is"))
    room.poll()
    got = read(waiting)
    assert got.startswith(b"HTTP/1.1 200 ")
    assert got.endswith(b"\r\n\r\nhere it is")
    assert room.server.stats().pages == 2


def test_over_real_sockets_many_wait_and_each_gets_its_own_answer(desk: Desk) -> None:
    with listening(http_handler=chain(desk)) as (server, _):
        address = ("127.0.0.1", server.get_local_port())
        clients = [socket.create_connection(address) for _ in range(20)]
        try:
            for number, client in enumerate(clients):
                client.sendall(plain_request(f"/late/{number}"))
            until(lambda: len(desk.answers) == 20, server)
            for path, answer in reversed(list(zip(desk.paths, desk.answers, strict=True))):
                answer.give(Response(200, f"<{path}>"))
            for number, client in enumerate(clients):
                client.setblocking(False)
                got = bytearray()

                def is_over(client: socket.socket = client, got: bytearray = got) -> bool:
                    try:
                        data = client.recv(4096)
                    except BlockingIOError:
                        return False
                    got.extend(data)
                    return not data

                until(is_over, server)
                assert got.endswith(f"</late/{number}>".encode())
        finally:
            for client in clients:
                client.close()


def test_an_answer_that_is_there_already_counts_at_once(room: Room) -> None:
    answer: Answer[Response] = Answer()
    answer.give(Response(200, "at once"))
    room.server.http_handler = lambda request: answer
    got = read(ask(room))
    assert got.count(b"HTTP/1.1") == 1
    assert got.endswith(b"at once")


def test_head_gets_no_body_and_none_is_404(room: Room, desk: Desk) -> None:
    head, other = ask(room, method="HEAD"), ask(room)
    desk.answers[0].give(Response(200, "body"))
    desk.answers[1].give(None)
    room.poll()
    got = read(head)
    assert b"content-length: 4" in got.lower()
    assert got.endswith(b"\r\n\r\n")
    assert read(other).startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize(
    ("problem", "status", "logged"),
    [
        (RuntimeError("game code"), 500, "game code"),
        (HandshakeError("not so fast", status=429), 429, ""),
    ],
)
def test_an_answer_may_fail(
    room: Room, desk: Desk, problem: Exception, status: int, logged: str, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = ask(room)
    desk.answers[0].fail(problem)
    room.poll()
    assert read(waiting).startswith(f"HTTP/1.1 {status} ".encode())
    assert logged in caplog.text
    assert ("Traceback" in caplog.text) == bool(logged)


def test_a_wrong_answer_is_500(room: Room, desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    waiting = ask(room)
    desk.answers[0].give("text")
    room.poll()
    assert read(waiting).startswith(b"HTTP/1.1 500 ")
    assert "expected None or a Response, not str" in caplog.text
    room.server.http_handler = lambda request: 7  # type: ignore[assignment,return-value]
    assert read(ask(room)).startswith(b"HTTP/1.1 500 ")
    assert "not int" in caplog.text


def test_after_five_seconds_the_client_gets_503_and_a_late_answer_is_ignored(room: Room, desk: Desk) -> None:
    room.server.handshake_timeout = 2.0
    waiting = ask(room)
    room.clock.advance(4.9)
    room.poll()
    assert read(waiting) == b""
    room.clock.advance(0.2)
    room.poll()
    got = read(waiting).lower()
    assert got.startswith(b"http/1.1 503 ")
    assert b"retry-after: 5" in got
    desk.answers[0].give(Response(200, "too late"))
    room.poll()
    assert read(waiting) == b""
    room.clock.advance(60.0)
    room.poll()
    assert room.server.stats().pending == 0


def test_a_client_that_hangs_up_is_forgotten(room: Room, desk: Desk) -> None:
    waiting = ask(room)
    assert len(room.server._late) == 1
    waiting.close()
    room.poll()
    assert room.server._late == set()
    assert room.server.stats().pending == 0
    desk.answers[0].give(Response(200, "nobody"))
    room.poll()


def test_only_so_many_wait(room: Room, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_LATE", 2)
    ask(room)
    ask(room)
    got = read(ask(room)).lower()
    assert got.startswith(b"http/1.1 503 ")
    assert b"retry-after: 5" in got
    desk.answers[0].give(Response(200))
    room.poll()
    assert read(ask(room)) == b""


def test_more_requests_on_the_same_connection_are_dropped_within_limits(room: Room, desk: Desk) -> None:
    waiting = ask(room, more=plain_request("/late/second"))
    waiting.send([plain_request("/late/third")])
    room.poll()
    assert desk.paths == ["/late"]
    desk.answers[0].give(Response(200, "first"))
    room.poll()
    got = read(waiting)
    assert got.count(b"HTTP/1.1") == 1
    assert got.endswith(b"first")
    flood = ask(room)
    for _ in range(40):
        flood.send([bytes(32_768)])
        room.poll()
    assert read(flood).startswith(b"HTTP/1.1 400 ")


def test_a_server_that_stops_lets_go_of_all(room: Room, desk: Desk) -> None:
    ask(room)
    room.server.stop()
    assert room.server._late == set()
    desk.answers[0].give(Response(200))


def test_a_coroutine_needs_asyncio(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    async def handler(request: Request) -> Response:
        return Response(200)

    room.server.http_handler = handler
    assert read(ask(room)).startswith(b"HTTP/1.1 500 ")
    assert "only servers of gdpeer.aio" in caplog.text


async def fetch(port: int, path: str = "/") -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(plain_request(path))
    got = await reader.read()
    writer.close()
    return got


def test_in_asyncio_a_handler_may_be_async() -> None:
    async def handler(request: Request) -> Response | None:
        await asyncio.sleep(0.01)
        return Response(200, f"<{request.path}>")

    async def main() -> None:
        async with aio.serve(lambda connection: asyncio.sleep(0), "127.0.0.1", 0, http_handler=handler) as server:
            got = await asyncio.gather(fetch(server.port, "/a"), fetch(server.port, "/b"))
            assert [one[-4:] for one in got] == [b"</a>", b"</b>"]

    asyncio.run(main())


def test_in_a_hall_it_may_return_a_future_and_in_asyncio_be_async() -> None:
    async def handler(request: Request) -> Response | None:
        await asyncio.sleep(0.01)
        if request.path == "/fails":
            raise RuntimeError("game code")
        return Response(200, "async")

    async def main() -> None:
        hall = Hall()
        hall.http_handler = handler
        async with aio.serve_hall(hall, 0, "127.0.0.1"):
            assert (await fetch(hall.get_local_port())).endswith(b"async")
            assert (await fetch(hall.get_local_port(), "/fails")).startswith(b"HTTP/1.1 500 ")

    asyncio.run(main())
    future: concurrent.futures.Future[Response] = concurrent.futures.Future()
    hall = Hall()
    hall.http_handler = chain(lambda request: future, StaticFolder("."))  # type: ignore[arg-type,return-value]
    with hall:
        hall.listen(0, "127.0.0.1")
        with socket.create_connection(("127.0.0.1", hall.get_local_port())) as client:
            client.sendall(plain_request())
            for _ in range(20):
                hall.poll(0.01)
            future.set_result(Response(200, "from a thread"))
            client.settimeout(0.0)
            got = bytearray()

            def is_there() -> bool:
                with contextlib.suppress(BlockingIOError):
                    got.extend(client.recv(4096))
                return got.endswith(b"from a thread")

            until(is_there, hall)
    hall = Hall()
    hall.http_handler = handler
    with hall:
        hall.listen(0, "127.0.0.1")
        with socket.create_connection(("127.0.0.1", hall.get_local_port())) as client:
            client.sendall(plain_request())
            client.settimeout(0.0)

            def is_refused() -> bool:
                try:
                    return client.recv(4096).startswith(b"HTTP/1.1 500 ")
                except BlockingIOError:
                    return False

            until(is_refused, hall)
