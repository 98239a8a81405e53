"""`Multiplayer`, `Server` and `Rooms` under an ASGI server without sockets; and their lives and carriers."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Iterator
from typing import Any

import pytest

from gdpeer import Error, Node, SceneTree, WebSocketServer, http, rpc
from gdpeer.asgi import Multiplayer, Rooms, Server
from gdpeer.rooms import Hall, Room
from tests.unit.aio.support import run
from tests.unit.asgi.support import Lifespan, Visit, get, life, until

WHO = contextvars.ContextVar("WHO", default="nobody")


def echo_server() -> WebSocketServer:
    server = WebSocketServer()

    @server.data_received.connect
    def echo(peer_id: int) -> None:
        peer = server.get_peer(peer_id)
        assert peer is not None
        data = peer.get_packet()
        peer.send_text(data.decode()) if peer.was_string_packet() else peer.send(data)

    return server


async def joined(app: Any, **scope: Any) -> Visit:
    """A client whose upgrade is done."""
    visit = Visit(app, **scope)
    await visit.hear("websocket.accept")
    return visit


async def test_messages_come_back_and_both_ends_of_a_close_are_seen() -> None:
    server = echo_server()
    ends: list[Any] = []
    server.client_disconnected.connect(
        lambda peer_id, was_clean: ends.append((was_clean, server.peers[peer_id].get_close_code()))
    )
    asked: list[int] = []
    server.client_close_request.connect(lambda peer_id, code, reason: asked.append(code))
    app = Server(server)
    async with app.lifespan():
        visit = await joined(app)
        visit.send("grüß")
        visit.send(b"\x00\xff")
        assert [await visit.message(), await visit.message()] == ["grüß", b"\x00\xff"]
        (peer,) = server.peers.values()
        assert (peer.get_connected_host(), peer.get_connected_port()) == ("10.0.0.1", 5000)
        assert peer.ping() is Error.ERR_UNAVAILABLE
        visit.send("last words")
        await visit.end(4001)
        await until(lambda: ends)
        assert (ends, asked) == ([(True, 4001)], [4001])
        visit = await joined(app)
        server.close_all(4002, "so long")
        assert await visit.hear("websocket.close") == {"type": "websocket.close", "code": 4002, "reason": "so long"}
        await visit.end(4002)
        await until(lambda: len(ends) == 2)
        assert (ends[1], asked) == ((True, 4002), [4001])
        visit = await joined(app)
        await visit.end(1006)
        await until(lambda: len(ends) == 3)
        assert ends[2] == (False, -1)


async def test_the_app_begins_by_itself_and_ends_with_its_loop() -> None:
    app = Server(echo_server())
    visit = await joined(app)
    visit.send("hi")
    assert await visit.message() == "hi"
    await visit.end()
    await app._life.end()


async def test_the_shutdown_closes_with_1001_and_waits_and_then_nobody_comes_in() -> None:
    app = Server(echo_server())
    lifespan = Lifespan(app)
    await lifespan.begin()
    visit = await joined(app)
    ending = asyncio.create_task(lifespan.end())
    assert (await visit.hear("websocket.close"))["code"] == 1001
    status, _, body = await Visit(app).page()
    assert (status, body) == (503, b"the server takes no more connections now\n")
    assert not ending.done()
    await visit.end(1001)
    await ending


async def test_a_client_that_does_not_answer_does_not_stop_the_shutdown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gdpeer.asgi.apps.GRACE", 0.05)
    app = Server(echo_server())
    async with app.lifespan():
        visit = await joined(app)
    assert (await visit.hear("websocket.close"))["code"] == 1001
    await asyncio.wait_for(visit.task, 2)


async def test_an_asgi_server_that_cancels_the_connection_says_1001_first() -> None:
    app = Server(echo_server())
    async with app.lifespan():
        visit = await joined(app)
        visit.task.cancel()
        assert (await visit.hear("websocket.close"))["code"] == 1001
        with pytest.raises(asyncio.CancelledError):
            await visit.task
        await until(lambda: not app.server.peers)


async def test_a_broken_asgi_server_ends_the_connection() -> None:
    app = Server(echo_server())

    async def fail(event: Any) -> None:
        raise OSError("gone")

    async with app.lifespan():
        visit = Visit(app)
        visit._send = fail  # type: ignore[method-assign]
        visit.task.cancel()
        await asyncio.wait((visit.task,))
        visit = Visit(lambda scope, receive, send: app(scope, receive, fail))
        await visit.task

        async def break_off() -> Any:
            raise OSError("gone")

        visit = Visit(lambda scope, receive, send: app(scope, break_off, send))
        with pytest.raises(OSError, match="gone"):
            await visit.task
    assert app.server.stats().peers == 0


async def test_a_reader_that_is_full_holds_the_asgi_server_back() -> None:
    server = WebSocketServer()
    server.max_queued_packets = 4
    app = Server(server)
    async with app.lifespan():
        visit = await joined(app)
        for number in range(40):
            visit.send(f"{number}")
        await until(lambda: server.peers)
        (peer,) = server.peers.values()
        await asyncio.sleep(0.1)
        held = visit.received
        assert held <= 10
        taken = []
        while len(taken) < 40:
            taken += [packet.decode() for packet in peer]
            await asyncio.sleep(0.01)
        assert taken == [f"{number}" for number in range(40)]
        await visit.end()


async def test_a_client_that_does_not_read_has_no_room_and_then_it_has() -> None:
    server = WebSocketServer()
    server.outbound_buffer_size = 1000
    drained: list[int] = []
    server.peer_drained.connect(drained.append)
    app = Server(server)
    async with app.lifespan():
        visit = await joined(app)
        await until(lambda: server.peers)
        (peer,) = server.peers.values()
        visit.hold()
        assert [peer.send(bytes(400)) for _ in range(3)] == [Error.OK, Error.OK, Error.ERR_OUT_OF_MEMORY]
        assert (peer.get_current_outbound_buffered_amount(), server.stats().refused_sends) == (800, 1)
        assert not server.poll_turn().is_all_sent()
        visit.hold(False)
        await until(lambda: drained)
        assert peer.get_current_outbound_buffered_amount() == 0
        assert server.poll_turn().is_all_sent()
        assert peer.send(bytes(400)) is Error.OK
        assert [len(await visit.message()) for _ in range(3)] == [400, 400, 400]
        server.close_on_backpressure = True
        peer.close_on_backpressure = True
        visit.hold()
        assert [peer.send(bytes(600)) for _ in range(2)] == [Error.OK, Error.ERR_OUT_OF_MEMORY]
        assert peer.get_ready_state().name == "CLOSING"
        visit.hold(False)
        assert len(await visit.message()) == 600
        assert (await visit.hear("websocket.close"))["code"] == 1013
        await visit.end(1013)


async def test_a_message_over_the_limit_closes_with_1009() -> None:
    app = Server(echo_server())
    app.server.inbound_buffer_size = 10
    async with app.lifespan():
        visit = await joined(app)
        visit.send(bytes(11))
        assert (await visit.hear("websocket.close"))["code"] == 1009
        await asyncio.wait_for(visit.task, 2)
        await until(lambda: app.server.stats().ended == {"too big": 1})


async def test_messages_over_a_rate_wait(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "gdpeer.websocket.frames")
    app = Server(echo_server())
    app.server.message_rate = 50.0
    async with app.lifespan():
        visit = await joined(app)
        for _ in range(110):
            visit.send("x")
        for _ in range(110):
            await visit.message()
        assert app.server.stats().throttled
        assert "received a message of 1 bytes" in caplog.text
        await visit.end()


async def test_upgrades_are_checked_as_on_a_port_of_its_own() -> None:
    server = WebSocketServer()
    server.allowed_origins = ["https://game.example"]
    server.allowed_paths = ["/", "/room%20a"]
    server.set_extra_headers(["X-Game: chess"])
    asked: list[str] = []

    @lambda hook: setattr(server, "process_request", hook)
    def refuse_bob(request: Any) -> http.Response | None:
        asked.append(request.target)
        return http.Response(403, "no Bob\n") if request.query == "bob" else None

    app = Server(server, protocols=["chat"])
    chat = {"sec-websocket-protocol": "other, chat"}
    async with app.lifespan():
        visit = Visit(app, path="/room a", query_string=b"ann", headers=chat)
        accept = await visit.hear("websocket.accept")
        assert (accept["subprotocol"], accept["headers"]) == ("chat", [(b"x-game", b"chess")])
        await until(lambda: server.peers)
        (peer,) = server.peers.values()
        assert (peer.get_selected_protocol(), asked) == ("chat", ["/room%20a?ann"])
        assert peer.get_requested_url() == "ws:///room%20a?ann"
        await visit.end()
        for scope, status in (
            ({"path": "/other", "headers": chat}, 404),
            ({"headers": {}}, 400),
            ({"headers": {**chat, "origin": "https://evil.example"}}, 403),
            ({"headers": chat, "query_string": b"bob"}, 403),
        ):
            assert (await Visit(app, **scope).page())[0] == status
        visit = Visit(app, headers={}, extensions=None)
        await visit.hear("websocket.close")
        await visit.task
        assert server.stats().refused == {"http 404": 1, "http 400": 2, "http 403": 2}


async def test_limits_by_address_count() -> None:
    app = Server(echo_server())
    app.server.max_connections_per_address = 1
    async with app.lifespan():
        first = await joined(app)
        assert (await Visit(app).page())[::2] == (429, b"too many connections (max_connections_per_address)\n")
        other = await joined(app, client=("10.0.0.2", 1))
        nobody = await joined(app, client=None)
        await first.end()
        await until(lambda: len(app.server.peers) == 2)
        await (await joined(app)).end()
        await other.end()
        await nobody.end()


async def test_a_decision_that_does_not_come_is_a_refusal() -> None:
    class Never:
        def then(self, callback: Any) -> None: ...

    server = WebSocketServer()
    server.handshake_timeout = 0.05
    server.process_request = lambda request: Never()
    app = Server(server)
    async with app.lifespan():
        assert (await Visit(app).page())[0] == 503
        visit = Visit(app)
        await visit.end()


async def test_a_decision_that_comes_later_opens() -> None:
    waiting: list[Any] = []

    class Late:
        def then(self, callback: Any) -> None:
            waiting.append(lambda: callback(self))

        def result(self) -> None:
            return None

    app = Server(echo_server())
    app.server.process_request = lambda request: Late()
    async with app.lifespan():
        visit = Visit(app)
        await until(lambda: waiting)
        waiting[0]()
        await visit.hear("websocket.accept")
        await visit.end()


async def test_process_request_and_http_handler_may_be_async() -> None:
    async def ask(request: Any) -> http.Response | None:
        await asyncio.sleep(0)
        if request.query == "bug":
            raise ValueError("bug")
        if request.query == "slow":
            await asyncio.Event().wait()
        return http.Response(403, "no Bob\n") if request.query == "bob" else None

    async def answer(request: Any) -> http.Response:
        await asyncio.sleep(0)
        return http.Response(200, "later")

    server = WebSocketServer()
    server.process_request, server.http_handler = ask, answer
    app = Server(server)
    async with app.lifespan():
        assert (await Visit(app, query_string=b"bob").page())[::2] == (403, b"no Bob\n")
        assert (await Visit(app, query_string=b"bug").page())[0] == 500
        await (await joined(app)).end()
        assert (await get(app, "/"))[::2] == (200, b"later")
        slow = Visit(app, query_string=b"slow")
        await until(lambda: server.stats().pending)
    assert (await slow.page())[0] == 503


async def test_pages_are_those_of_the_server() -> None:
    server = WebSocketServer()
    app = Server(server)
    async with app.lifespan():
        status, headers, body = await get(app, "/", headers={"upgrade": "websocket", "connection": "upgrade"})
        assert (status, headers[b"upgrade"], body) == (426, b"websocket", b"this is a WebSocket server\n")
        assert b"connection" not in headers
        assert (await get(app, "/health"))[2] == b'{"status": "ok", "peers": 0}'
        server.http_handler = lambda request: (
            http.Response(201, iter([request.body, b"-", request.target.encode()]))
            if request.method == "POST"
            else http.Response(200, bytes(200_000))
        )
        assert (await get(app, "/a b", b"body", method="POST"))[::2] == (201, b"body-/a%20b")
        assert len((await get(app, "/"))[2]) == 200_000
        assert (await get(app, "/", bytes(70_000), method="POST"))[::2] == (
            413,
            b"the body is longer than 65536 bytes\n",
        )
        visit = Visit(app, "http")
        visit.say("http.disconnect")
        await visit.task
        assert server.stats().pages == 4


async def test_a_page_that_breaks_off_or_whose_reader_goes_ends_the_connection() -> None:
    def broken() -> Iterator[bytes]:
        yield b"x"
        raise ValueError("no more")

    server = WebSocketServer()
    server.http_handler = lambda request: http.Response(200, broken())
    app = Server(server)
    async with app.lifespan():
        visit = Visit(app, "http")
        visit.say("http.request")
        await visit.task
        server.http_handler = lambda request: http.Response(200, bytes(500_000))
        visit = Visit(app, "http")
        visit.say("http.request")
        visit.hold()
        await until(lambda: server.stats().answering == 1)
        visit.say("http.disconnect")
        await asyncio.wait_for(visit.task, 2)
        await until(lambda: server.stats().answering == 0)
        server.handshake_timeout = 0.05
        assert (await Visit(app, "http").page())[0] == 408


class Main(Node):
    """Answers, in a task."""

    def __init__(self) -> None:
        super().__init__("Main")
        self.heard: list[tuple[int, str]] = []

    @rpc("any_peer")
    async def ask(self, text: str) -> None:
        await asyncio.sleep(0)
        self.heard.append((self.multiplayer.get_remote_sender_id(), f"{text} {WHO.get()}"))


async def test_a_tree_gets_calls_and_does_not_see_the_variables_of_a_connection() -> None:
    tree, main = SceneTree(), Main()
    tree.root.add_child(main)
    app = Multiplayer(tree, max_peers=1)
    token = WHO.set("Ann")
    try:
        visit = await joined(app)
        assert isinstance(await visit.message(), bytes)  # its id
        (peer_id,) = tree.multiplayer.get_peers()
        assert (await Visit(app).page())[0] == 503
        main.ask.rpc_id(peer_id, "hi")
        while b"hi" not in (packet := await visit.message()):
            pass
        visit.send(packet)  # the same call, in the other direction
        await until(lambda: main.heard)
        assert main.heard == [(peer_id, "hi nobody")]
        await visit.end()
    finally:
        WHO.reset(token)
    await app._life.end()
    assert tree.multiplayer.multiplayer_peer is not app.peer


def test_settings_are_checked_at_once() -> None:
    with pytest.raises(TypeError, match="unknown setting 'max_pears'"):
        Multiplayer(SceneTree(), max_pears=3)
    with pytest.raises(TypeError, match="tree"):
        Multiplayer(None)  # type: ignore[arg-type]


async def test_rooms_are_found_below_the_place_where_the_app_is_mounted() -> None:
    hall = Hall([Room], lobby=True)
    app = Rooms(hall)
    async with life(app):
        room = hall.create("room")
        visit = await joined(app, path=f"/play/room/{room.code}", root_path="/play")
        await until(lambda: len(room.tree.multiplayer.get_peers()) == 1)
        status, _, _ = await Visit(app, path="/play/room/AAAAAA", root_path="/play").page()
        assert status == 404
        status, _, body = await get(app, "/play/lobby/room", root_path="/play")
        assert (status, room.code.encode() in body) == (200, True)
        ending = visit
        visit.hold()
        asyncio.get_running_loop().call_later(0.2, visit.hold, False)
    assert ending.task.done()  # else the program could end before its last events are out
    assert (await ending.hear("websocket.send"))["bytes"]
    while (event := await ending._heard.get())["type"] != "websocket.close":
        pass
    assert event["code"] == 1001


def test_a_game_runs_in_one_loop_and_begins_again_in_another_once_that_is_closed() -> None:
    app = Server(echo_server())

    async def visit() -> None:
        one = await joined(app)
        one.send("hi")
        assert await one.message() == "hi"
        await one.end()

    async def call() -> None:
        await Visit(app).task

    for _ in range(2):
        with asyncio.Runner() as runner:
            runner.run(visit())

    async def two_loops() -> None:
        async with app.lifespan():
            with pytest.raises(RuntimeError, match="another event loop"):
                await asyncio.to_thread(asyncio.run, call())

    run(two_loops())


async def test_another_thread_may_not_send() -> None:
    app = Server(echo_server())
    async with app.lifespan():
        visit = await joined(app)
        await until(lambda: app.server.peers)
        with pytest.raises(RuntimeError, match="async def"):
            await asyncio.to_thread(app.server.broadcast, "x")
        app.server.broadcast("y")
        assert await visit.message() == "y"
        await visit.end()


async def test_a_game_that_cannot_begin_fails_the_startup() -> None:
    app = Multiplayer(SceneTree(), dialects=("godot4", "godot3"), supported_protocols=["a"], godot3_protocols=["a"])
    assert "both name a" in await Lifespan(app).fail()
    with pytest.raises(ValueError, match="unknown type of scope"):
        await app({"type": "tcp"}, None, None)  # type: ignore[arg-type]
