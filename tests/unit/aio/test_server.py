"""`gdpeer.aio.serve` and `Server`: handlers, pages, shutdown, nothing left behind."""

from __future__ import annotations

import asyncio
import logging
import urllib.request
from typing import Any

import pytest
from websockets.asyncio.client import connect as websockets_connect
from websockets.asyncio.client import unix_connect

from gdpeer import Cause, ConnectionClosed, ConnectionClosedError, HandshakeError, TransportError
from gdpeer import fronts as front
from gdpeer.aio import Connection, Server, broadcast, connect, serve
from gdpeer.http import Request, Response
from tests.unit.aio.support import echo, joined, run, served, until, url_of

CROWD = 100


async def test_a_server_is_awaited_or_entered() -> None:
    server = await serve(echo, "127.0.0.1")
    assert server.is_serving()
    url = url_of(server)
    async with connect(url) as ws:
        await ws.send("x")
        assert await ws.recv() == "x"
    server.close()
    assert not server.is_serving()
    await server.wait_closed()
    with pytest.raises(TransportError):
        await connect(url)
    async with server:  # again, without effect
        pass


async def test_a_handler_that_fails_is_logged_and_its_client_hears_1011(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(ws: Connection) -> None:
        raise KeyError(await ws.recv())

    async with joined(fail) as ws:
        await ws.send("what was asked")
        with pytest.raises(ConnectionClosedError) as caught:
            await ws.recv()
        assert caught.value.code == 1011
    assert [record.exc_text for record in caplog.records if "the handler of" in record.message]
    assert "what was asked" in caplog.text


async def test_a_handler_that_ends_with_its_connection_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "gdpeer.aio")

    async def wait(ws: Connection) -> None:
        await ws.recv()

    async with served(wait) as (server, url):
        async with connect(url):
            pass
        await until(lambda: not server._tasks)
    assert [record.levelname for record in caplog.records if record.name == "gdpeer.aio"] == ["DEBUG"]


async def test_a_server_tells_who_is_there_and_the_engines_signals_can_be_awaited() -> None:
    async with served() as (server, url):
        joining = asyncio.create_task(connect(url)._connect())
        peer_id, protocol = await server.engine.client_connected
        assert (protocol, server.engine.has_peer(peer_id)) == ("", True)
        ws = await joining
        assert [one.peer for one in server.connections] == [server.engine.get_peer(peer_id)]
        leaving = asyncio.create_task(ws.close())
        assert await server.engine.client_disconnected == (peer_id, True)
        await leaving
        assert server.connections == frozenset()


async def test_one_message_is_sent_to_all_that_are_open() -> None:
    async with served() as (server, url):
        crowd = [await connect(url) for _ in range(5)]
        await until(lambda: len(server.connections) == 5)
        everybody = server.connections
        assert broadcast(everybody, "all") == 0
        assert broadcast(everybody, b"all") == 0
        for ws in crowd:
            assert (await ws.recv(), await ws.recv()) == ("all", b"all")
        await crowd[0].close()
        assert broadcast(everybody, "again") == 1
        with pytest.raises(TypeError):
            broadcast(everybody, 1)
        for ws in crowd[1:]:
            assert await ws.recv() == "again"
            await ws.close()


async def test_pages_and_origins_and_limits_by_the_engines_names() -> None:
    page = Response(200, "page")
    async with served(http_handler=lambda request: page, origins=["https://game.example"], max_peers=1) as (_, url):
        opened = await asyncio.to_thread(urllib.request.urlopen, url.replace("ws", "http"))
        assert opened.read() == b"page"
        opened.close()
        with pytest.raises(HandshakeError) as caught:
            await connect(url, additional_headers={"Origin": "https://evil.example"})
        assert caught.value.status == 403
        async with connect(url, additional_headers={"Origin": "https://game.example"}):
            with pytest.raises(HandshakeError) as caught:
                await connect(url, additional_headers={"Origin": "https://game.example"})
            assert caught.value.status == 503


async def test_a_server_listens_on_all_addresses_of_a_name_or_says_what_is_wrong() -> None:
    async with serve(echo, "localhost") as server, connect(f"ws://localhost:{server.port}") as ws:
        await ws.send("x")
        assert await ws.recv() == "x"
        with pytest.raises(TransportError, match="use") as caught:
            await serve(echo, "127.0.0.1", server.port)
        assert caught.value.error.name == "ERR_ALREADY_IN_USE"
    async with serve(echo) as server, connect(url_of(server)) as ws:
        await ws.ping()
    with pytest.raises(TransportError) as caught:
        await serve(echo, "nowhere.invalid")
    assert caught.value.cause is Cause.DNS
    for wrong in ("ping_timeout", "peers", "client_connected", "_turn", "listen"):
        with pytest.raises(TypeError, match=f"unknown option '{wrong}'"):
            await serve(echo, "127.0.0.1", **{wrong: 1})
    with pytest.raises(TypeError, match="list of strings"):
        await serve(echo, "127.0.0.1", subprotocols="chat")


async def test_where_one_of_several_addresses_is_taken_none_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front, "addresses_of", lambda host: ["127.0.0.1", "127.0.0.2"])
    async with serve(echo, "x") as server:
        for address in ("127.0.0.1", "127.0.0.2"):
            async with connect(f"ws://{address}:{server.port}"):
                pass
    taken = await asyncio.start_server(lambda reader, writer: None, "127.0.0.2", 0)
    async with taken:
        port = taken.sockets[0].getsockname()[1]
        with pytest.raises(TransportError):
            await serve(echo, "x", port)
    async with serve(echo, "x", port):
        pass


async def test_a_unix_socket_is_served(socket_path: str) -> None:
    async with serve(echo, f"unix:{socket_path}"), unix_connect(socket_path, "ws://localhost/") as ws:
        await ws.send("x")
        assert await ws.recv() == "x"


# ---------------------------------------------------------------------------------------------- shutdown


async def test_leaving_with_a_crowd_closes_each_with_1001_and_waits_for_the_handlers() -> None:
    ended = 0

    async def work(ws: Connection) -> None:
        nonlocal ended
        try:
            await echo(ws)
        finally:
            await asyncio.sleep(0)
            ended += 1

    async with served(work, backlog=CROWD) as (server, url):
        crowd = await asyncio.gather(*(connect(url) for _ in range(CROWD)))
        for ws in crowd:
            await ws.send("x")
            assert await ws.recv() == "x"
        reading = [asyncio.create_task(ws.recv()) for ws in crowd]
    assert ended == CROWD
    codes = [result.code for result in await asyncio.gather(*reading, return_exceptions=True)]
    assert codes == [1001] * CROWD
    await asyncio.gather(*(ws.close() for ws in crowd))
    assert server.connections == frozenset()


async def test_who_waits_for_a_server_without_clients_is_told_of_its_close() -> None:
    server = await serve(echo, "127.0.0.1")
    waiting = asyncio.create_task(server.wait_closed())
    await asyncio.sleep(0)
    server.close()
    await waiting


async def test_a_cancelled_server_cancels_its_handlers_and_waits_for_them() -> None:
    story: list[str] = []

    async def work(ws: Connection) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            try:
                await ws.send("too late")
            except ConnectionClosed:
                story.append("handler ended")

    server = await serve(work, "127.0.0.1")
    serving = asyncio.create_task(server.serve_forever())
    clients = [await connect(url_of(server)) for _ in range(3)]
    await until(lambda: len(server.connections) == 3)
    serving.cancel()
    await asyncio.sleep(0)
    for ws in clients:
        await ws.close()
    for _ in range(3):  # it is closing now and waits for the handlers, until it is cancelled again
        await asyncio.sleep(0)
    assert not serving.done()
    assert story == []
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert story == ["handler ended"] * 3


async def test_those_that_wait_on_connections_of_a_server_that_stops_are_told() -> None:
    problems: list[object] = []
    tasks: set[asyncio.Task[object]] = set()

    async def leave_to_others(ws: Connection) -> None:
        answered = await ws.ping()
        for waiting in (ws.recv(), ws.wait_closed(), answered):
            tasks.add(asyncio.ensure_future(waiting))
        await asyncio.Event().wait()

    server = await serve(leave_to_others, "127.0.0.1")
    stopping = asyncio.create_task(server.wait_closed())
    ws = await connect(url_of(server))
    await until(lambda: len(tasks) == 3)
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    problems = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(result is None or isinstance(result, ConnectionClosed | float) for result in problems)
    with pytest.raises(ConnectionClosed):
        await ws.recv()
    await ws.close()


async def test_serve_forever_within_a_block_ends_when_it_is_cancelled() -> None:
    async def main(ready: asyncio.Future[Server]) -> None:
        async with serve(echo, "127.0.0.1") as server:
            ready.set_result(server)
            await server.serve_forever()

    ready: asyncio.Future[Server] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(main(ready))
    async with connect(url_of(await ready)) as ws:
        serving.cancel()
        with pytest.raises(ConnectionClosed) as caught:
            await ws.recv()
        assert caught.value.code == 1001
    with pytest.raises(asyncio.CancelledError):
        await serving


def test_handlers_that_start_at_once_serve_as_well() -> None:
    factory = getattr(asyncio, "eager_task_factory", None)

    async def main() -> None:
        if factory is not None:  # from Python 3.12 on
            asyncio.get_running_loop().set_task_factory(factory)

        async def greet_and_leave(ws: Connection) -> None:
            await ws.send("hello")
            await ws.close(4000)

        async with served(greet_and_leave) as (_, url), connect(url) as ws:
            assert await ws.recv() == "hello"
            await ws.wait_closed()
            assert ws.close_code == 4000

    run(main())


def _gate(request: Request) -> Response | None:
    return None if request.headers.get("authorization") == "Bearer 1" else Response(401, "no\n", reason="No Token")


async def _slow_gate(request: Request) -> Response | None:
    await asyncio.sleep(0.01)
    return _gate(request)


@pytest.mark.parametrize("process", [_gate, _slow_gate])
async def test_process_request_decides_before_the_upgrade_is_answered(process: Any) -> None:
    async with served(process_request=process) as (server, url):
        with pytest.raises(HandshakeError, match="401 No Token: no") as caught:
            await connect(url)
        assert caught.value.status == 401
        headers = {"Authorization": "Bearer 1"}
        async with connect(url, additional_headers=headers) as ws:
            await ws.send("x")
            assert await ws.recv() == "x"
        async with websockets_connect(url, additional_headers=headers) as other:
            await other.send("y")
            assert await other.recv() == "y"
        assert server.process_request is process
        server.process_request = None
        async with connect(url):
            pass


async def test_a_process_request_that_takes_too_long_or_fails_refuses(caplog: pytest.LogCaptureFixture) -> None:
    waits = asyncio.Event()

    async def process(request: Request) -> None:
        if request.path == "/fail":
            raise RuntimeError("game code")
        waits.set()
        await asyncio.get_running_loop().create_future()

    async with served(process_request=process) as (server, url):
        for path, status, seconds in (("/fail", 500, 60.0), ("/", 503, 0.1)):
            server.engine.handshake_timeout = seconds
            with pytest.raises(HandshakeError) as caught:
                await connect(url + path)
            assert caught.value.status == status
        assert "game code" in caplog.text
        server.engine.handshake_timeout = 60.0
        waits.clear()
        client = asyncio.create_task(connect(url)._connect())
        await waits.wait()
        server.close()
        with pytest.raises(HandshakeError) as caught:
            await client
        assert caught.value.status == 503


async def test_user_and_password_of_a_url_go_along_as_basic_authentication(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    asked: list[Request] = []
    async with served(process_request=asked.append) as (_, url):
        secret = url.replace("ws://", "ws://ann:s%3Acret@")
        async with connect(secret), connect(secret, additional_headers={"authorization": "Bearer 1"}), connect(url):
            pass
        async with websockets_connect(secret):
            pass
    basic = "Basic YW5uOnM6Y3JldA=="
    assert [request.headers.get("authorization") for request in asked] == [basic, "Bearer 1", "", basic]
    assert asked[0].headers.get("host") == url.removeprefix("ws://")
    with pytest.raises(TransportError) as caught:
        await connect("ws://ann:s%3Acret@127.0.0.1:1/?token=cret")
    assert "cret" not in str(caught.value)
    with pytest.raises(ValueError, match="port") as wrong:
        await connect("ws://ann:s%3Acret@127.0.0.1:99999/?token=cret")
    assert "cret" not in str(wrong.value)
    assert "cret" not in caplog.text
