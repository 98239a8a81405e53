"""Independent peers once more: our closes as they see them, their fragments and pings, limits on both sides."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import aiohttp.web
import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from gdpeer import OK, Cause, WebSocketPeer
from tests.interop.echo_rooms import big, echo_room, until
from tests.support.node import node_command, node_environment
from tests.support.processes import Process

NODE = Path(__file__).parent / "node"
COMPRESSED = pytest.mark.parametrize("compressed", [False, True], ids=["plain", "deflate"])
State = WebSocketPeer.State
MIB = 1 << 20
TOO_BIG = (1009, "Message too big")
BUSY = 45.0
"""Seconds that a whole conversation may take on a busy machine."""
PATIENT: Any = {"open_timeout": BUSY, "close_timeout": BUSY, "ping_interval": None}


class InThread:
    """A coroutine in a thread with a loop of its own; it is ended by cancelling."""

    def __init__(self, program: Awaitable[Any]) -> None:
        self.result: list[Any] = []
        self._loop = asyncio.new_event_loop()
        self._program = program
        self._task: asyncio.Task[Any] | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._main())

    async def _main(self) -> None:
        self._task = asyncio.ensure_future(asyncio.wait_for(self._program, BUSY))
        try:
            self.result.append(await self._task)
        except asyncio.CancelledError:
            pass
        except Exception as problem:
            self.result.append(problem)

    def stop(self) -> None:
        if self._thread.is_alive() and self._task is not None:
            self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(15)
        assert not self._thread.is_alive()


@contextmanager
def in_thread(program: Awaitable[Any]) -> Iterator[InThread]:
    running = InThread(program)
    try:
        yield running
    finally:
        running.stop()


@contextmanager
def connected(port: int, **settings: Any) -> Iterator[WebSocketPeer]:
    peer = WebSocketPeer()
    big(peer)
    for name, value in settings.items():
        setattr(peer, name, value)
    assert peer.connect_to_url(f"ws://127.0.0.1:{port}/") is OK
    with peer:
        until(lambda: peer.get_ready_state() is not State.CONNECTING, peer)
        assert peer.get_ready_state() is State.OPEN, peer.get_close_cause()
        yield peer


def how_it_ended(peer: WebSocketPeer) -> tuple[int, str, Cause]:
    until(lambda: peer.get_ready_state() is State.CLOSED, peer)
    return peer.get_close_code(), peer.get_close_reason(), peer.get_close_cause().cause


# ---------------------------------------------------------------------------------------------- clients of ours


async def websockets_client(url: str, message: bytes, ask: bool) -> tuple[int, str]:
    async with connect(url, subprotocols=["demo"], max_size=None, **PATIENT) as socket:
        await socket.send(message)
        if ask:
            assert await socket.recv() == message
            await (await socket.ping(b"there?"))
            await socket.send("bye!")
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        return socket.close_code or 0, socket.close_reason or ""


async def aiohttp_client(url: str, message: bytes, ask: bool) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url, protocols=["demo"], max_msg_size=0, compress=15) as socket,
    ):
        await socket.send_bytes(message)
        if ask:
            assert (await socket.receive()).data == message
            await socket.ping(b"there?")
            await socket.send_str("bye!")
        last = await socket.receive()
        assert last.type is aiohttp.WSMsgType.CLOSE, last
        return last.data, last.extra


ANSWERS = {"websockets": lambda code: code, "aiohttp": lambda code: 1000}
"""The code with which they answer a close: aiohttp always 1000."""


def answer(program: Callable[..., Any], code: int) -> int:
    return ANSWERS[program.__name__.split("_")[0]](code)


CLIENTS = pytest.mark.parametrize("client", [websockets_client, aiohttp_client])


@CLIENTS
@COMPRESSED
def test_our_close_is_seen_by_other_clients(client: Callable[..., Awaitable[Any]], compressed: bool) -> None:
    with (
        echo_room(("demo",), compression=compressed, compression_threshold=0) as room,
        in_thread(client(room.url, bytes(range(256)) * 4096, True)) as other,
    ):
        until(lambda: other.result and room.ended, room, patience=BUSY)
        assert other.result == [(4002, "from python")]
        assert (room.asked, room.ended) == ([], [(True, answer(client, 4002), Cause.CLOSED)])


@CLIENTS
@COMPRESSED
@pytest.mark.parametrize("size", [65_537, MIB])
def test_our_limit_is_told_to_other_clients(client: Callable[..., Awaitable[Any]], compressed: bool, size: int) -> None:
    """Compressed, too: what counts is what comes out."""
    limits = {"compression": compressed, "inbound_buffer_size": 65_536}
    with echo_room(("demo",), **limits) as room, in_thread(client(room.url, bytes(size), False)) as other:
        until(lambda: other.result and room.ended, room, patience=BUSY)
        assert other.result == [TOO_BIG]
        assert room.ended == [(False, 1009, Cause.TOO_BIG)]


@pytest.mark.node
@COMPRESSED
def test_our_close_is_seen_by_a_client_on_node(compressed: bool) -> None:
    with echo_room(("demo",), compression=compressed, compression_threshold=0) as room:
        events = node_client(room, compressed, MIB, "close")
        assert events == [
            {"event": "message", "binary": True, "length": MIB, "same": True},
            {"event": "closed", "code": 4002, "reason": "from python"},
        ]
        assert room.ended == [(True, 4002, Cause.CLOSED)]


@pytest.mark.node
@COMPRESSED
@pytest.mark.parametrize("size", [65_537, MIB])
def test_our_limit_is_told_to_a_client_on_node(compressed: bool, size: int) -> None:
    with echo_room(("demo",), compression=compressed, inbound_buffer_size=65_536) as room:
        events = node_client(room, compressed, size, "send")
        assert events[-1] == {"event": "closed", "code": TOO_BIG[0], "reason": TOO_BIG[1]}
        assert room.ended == [(False, 1009, Cause.TOO_BIG)]


def node_client(room: Any, compressed: bool, size: int, mode: str) -> list[dict[str, Any]]:
    command = node_command(NODE / "our_close.mjs", room.url, str(compressed).lower(), str(size), mode)
    with Process(command, environment=node_environment()) as node:
        until(lambda: room.ended and any('"closed"' in line for line in node.stdout), room)
        return [json.loads(line) for line in node.stdout]


# ---------------------------------------------------------------------------------------------- servers of others


class Notes:
    """What a server of another make saw, and the port that it is ready on."""

    def __init__(self) -> None:
        self.port = 0
        self.pong: Any = None
        self.ended: list[tuple[int, str]] = []


async def websockets_talker(notes: Notes, compressed: bool, limit: int) -> None:
    async def talk(socket: ServerConnection) -> None:
        await socket.send(iter(["frag", "men", "ts"]))
        notes.pong = await (await socket.ping(b"are you there"))
        try:
            await socket.recv()
        except ConnectionClosed as closed:
            frame = closed.rcvd or closed.sent
            notes.ended.append((frame.code, frame.reason) if frame else (1006, ""))

    options: dict[str, Any] = {"max_size": limit, "subprotocols": ["demo"]}
    compression = "deflate" if compressed else None
    async with serve(talk, "127.0.0.1", 0, compression=compression, **options) as server:
        notes.port = next(iter(server.sockets)).getsockname()[1]
        await asyncio.get_running_loop().create_future()


async def aiohttp_talker(notes: Notes, compressed: bool, limit: int) -> None:
    async def talk(request: aiohttp.web.Request) -> aiohttp.web.WebSocketResponse:
        options: dict[str, Any] = {"autoping": False, "compress": compressed, "max_msg_size": limit}
        socket = aiohttp.web.WebSocketResponse(protocols=["demo"], **options)
        await socket.prepare(request)
        await socket.send_str("fragments")
        await socket.ping(b"are you there")
        notes.pong = (await socket.receive()).data
        last = await socket.receive()
        told = (last.data, last.extra) if last.type is aiohttp.WSMsgType.CLOSE else (socket.close_code, "")
        notes.ended.append(told)
        return socket

    application = aiohttp.web.Application()
    application.router.add_get("/", talk)
    runner = aiohttp.web.AppRunner(application)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    notes.port = runner.addresses[0][1]
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        await runner.cleanup()


SERVERS = pytest.mark.parametrize("server", [websockets_talker, aiohttp_talker])


@SERVERS
@COMPRESSED
def test_other_servers_speak_first_ping_and_see_our_close(
    server: Callable[..., Awaitable[Any]], compressed: bool
) -> None:
    notes = Notes()
    with in_thread(server(notes, compressed, 1 << 24)):
        until(lambda: notes.port)
        with connected(notes.port, supported_protocols=["other", "demo"], compression=compressed) as peer:
            assert peer.get_selected_protocol() == "demo"
            until(lambda: peer.get_available_packet_count() and notes.pong is not None, peer)
            assert (peer.get_packet(), peer.was_string_packet()) == (b"fragments", True)
            peer.close(4001, "from python")
            assert how_it_ended(peer)[::2] == (answer(server, 4001), Cause.CLOSED)
        until(lambda: notes.ended)
        assert notes.ended == [(4001, "from python")]


@SERVERS
def test_the_limit_of_other_servers_reaches_us(server: Callable[..., Awaitable[Any]]) -> None:
    notes = Notes()
    with in_thread(server(notes, False, 65_536)):
        until(lambda: notes.port)
        with connected(notes.port, supported_protocols=["demo"]) as peer:
            until(lambda: notes.pong is not None, peer)
            peer.send(bytes(MIB))
            code, _, cause = how_it_ended(peer)
            assert (code, cause) == (1009, Cause.CLOSED)


@pytest.mark.node
@COMPRESSED
def test_a_server_on_node_speaks_first_pings_and_sees_our_close(compressed: bool) -> None:
    command = node_command(NODE / "talker.mjs", str(compressed).lower())
    with Process(command, environment=node_environment()) as node:
        until(lambda: node.stdout)
        port = json.loads(node.stdout[0])["port"]
        with connected(port, supported_protocols=["other", "demo"], compression=compressed) as peer:
            assert peer.get_selected_protocol() == "demo"
            until(lambda: peer.get_available_packet_count() and len(node.stdout) > 1, peer)
            assert (peer.get_packet(), peer.was_string_packet()) == (b"fragments", True)
            peer.close(4001, "from python")
            assert how_it_ended(peer)[::2] == (4001, Cause.CLOSED)
        until(lambda: len(node.stdout) > 2)
        assert [json.loads(line) for line in node.stdout[1:]] == [
            {"event": "pong", "data": "are you there"},
            {"event": "closed", "code": 4001, "reason": "from python"},
        ]


@pytest.mark.node
def test_a_server_on_node_is_offered_nothing_where_we_speak_no_protocol() -> None:
    command = node_command(NODE / "talker.mjs", "false")
    with Process(command, environment=node_environment()) as node:
        until(lambda: node.stdout)
        with connected(json.loads(node.stdout[0])["port"]) as peer:
            assert peer.get_selected_protocol() == ""


def test_a_server_that_chooses_no_protocol_of_ours_is_refused() -> None:
    async def plain(notes: Notes) -> None:
        async with serve(lambda socket: socket.wait_closed(), "127.0.0.1", 0) as server:
            notes.port = next(iter(server.sockets)).getsockname()[1]
            await asyncio.get_running_loop().create_future()

    notes, peer = Notes(), WebSocketPeer()
    peer.supported_protocols = ["demo"]
    with in_thread(plain(notes)):
        until(lambda: notes.port)
        assert peer.connect_to_url(f"ws://127.0.0.1:{notes.port}/") is OK
        assert how_it_ended(peer) == (-1, "", Cause.SUB_PROTOCOL)
