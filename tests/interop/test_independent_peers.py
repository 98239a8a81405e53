"""gdpeer with `websockets`, `aiohttp` and Node's `ws`, in both roles, with and without compression."""

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

from gdpeer import OK, Cause, WebSocketPeer
from tests.interop import fronts
from tests.interop.echo_rooms import big, echo_room, until
from tests.interop.fronts import FRONTS, AioPeer
from tests.support.node import node_command, node_environment
from tests.support.processes import Process

NODE = Path(__file__).parent / "node"
COMPRESSED = pytest.mark.parametrize("compressed", [False, True], ids=["plain", "deflate"])
State = WebSocketPeer.State
Ready = Callable[[int], None]
MESSAGES: list[str | bytes] = ["text", b"\x00\xff", "", "é" * 35_000, bytes(1 << 20)]


@contextmanager
def in_loop(program: Callable[[Ready, asyncio.Event], Awaitable[Any]]) -> Iterator[tuple[threading.Event, list[Any]]]:
    """Runs a coroutine in a thread with its own loop; `told` gets the port it is ready on, then what it returned."""
    told: list[Any] = []
    done = threading.Event()
    handles: list[Any] = []

    async def main() -> None:
        stop = asyncio.Event()
        handles.extend((asyncio.get_running_loop(), stop))
        told.append(await asyncio.wait_for(program(told.append, stop), 30))

    def run() -> None:
        try:
            asyncio.run(main())
        except Exception as problem:
            told.append(problem)
        finally:
            done.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield done, told
    finally:
        if handles and not done.is_set():
            handles[0].call_soon_threadsafe(handles[1].set)
        thread.join(15)
        assert done.is_set()


# ---------------------------------------------------------------------------------------------- clients of ours


async def with_websockets(url: str, compressed: bool) -> list[Any]:
    async with connect(
        url, subprotocols=["demo"], compression="deflate" if compressed else None, max_size=None
    ) as socket:
        back = []
        for message in MESSAGES:
            await socket.send(message)
            back.append(await socket.recv())
        await socket.send(iter(["frag", "men", "ts"]))
        back.append(await socket.recv())
        await (await socket.ping(b"there?"))
        await socket.close(4001, "from websockets")
        return [*back, socket.subprotocol, socket.close_code, [e.name for e in socket.protocol.extensions]]


async def with_aiohttp(url: str, compressed: bool) -> list[Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url, protocols=["demo"], compress=15 if compressed else 0, max_msg_size=0) as socket,
    ):
        back = []
        for message in [*MESSAGES, "fragments"]:
            await (socket.send_str(message) if isinstance(message, str) else socket.send_bytes(message))
            back.append((await socket.receive()).data)
        await socket.close(code=4001, message=b"from aiohttp")
        return [*back, socket.protocol, socket.close_code, ["permessage-deflate"] * bool(socket.compress)]


@FRONTS
@COMPRESSED
@pytest.mark.parametrize("client", [with_websockets, with_aiohttp])
def test_other_clients_at_our_server(client: Callable[[str, bool], Awaitable[Any]], compressed: bool) -> None:
    with echo_room(("demo",), compression=compressed, compression_threshold=0) as room:
        with in_loop(lambda ready, stop: client(room.url, compressed)) as (done, told):
            until(done.is_set, room)
        until(lambda: room.ended, room)
        extensions = ["permessage-deflate"] if compressed else []
        assert told == [[*MESSAGES, "fragments", "demo", 4001, extensions]]
        assert room.asked == [(4001, f"from {client.__name__.removeprefix('with_')}")]
        assert room.ended == [(True, 4001, Cause.CLOSED)]


@FRONTS
@COMPRESSED
def test_a_client_on_node_at_our_server(compressed: bool) -> None:
    command = node_command(NODE / "client.mjs")
    with echo_room(("demo",), compression=compressed, compression_threshold=0) as room:
        arguments = [room.url, "true" if compressed else "false"]
        with Process([*command, *arguments], environment=node_environment()) as node:
            until(lambda: any('"closed"' in line for line in node.stdout), room)
            events = [json.loads(line) for line in node.stdout]
        messages = [(event["binary"], event["length"]) for event in events if event["event"] == "message"]
        assert messages == [(False, 4), (True, 2), (False, 0), (False, 70_000), (False, 9)]
        assert events[0]["protocol"] == "demo"
        assert ("permessage-deflate" in events[0]["extensions"]) == compressed
        assert {"event": "pong", "data": "are you there"} in events
        assert events[-1] == {"event": "closed", "code": 4001, "reason": "from node"}
        until(lambda: room.ended, room)
        assert room.asked == [(4001, "from node")]


# ---------------------------------------------------------------------------------------------- servers of others


def client_of_ours(url: str, compressed: bool, protocols: list[str]) -> WebSocketPeer | AioPeer:
    if fronts.front == "aio":
        sizes = {"max_size": 8 << 20, "write_limit": 8 << 20}
        options = {"compression": compressed, "compression_threshold": 0, "subprotocols": protocols}
        return AioPeer(url, None, sizes | options)
    peer = WebSocketPeer()
    big(peer)
    peer.compression, peer.compression_threshold = compressed, 0
    peer.supported_protocols = protocols
    assert peer.connect_to_url(url) is OK
    return peer


def session(url: str, compressed: bool, *, protocol: str = "") -> tuple[int, str]:
    """One of everything there and back, then the server's close: its code and reason."""
    with client_of_ours(url, compressed, [protocol] if protocol else []) as peer:
        until(lambda: peer.get_ready_state() is not State.CONNECTING, peer)
        assert peer.get_ready_state() is State.OPEN, peer.get_close_cause()
        assert peer.get_selected_protocol() == protocol
        assert ("sec-websocket-extensions" in peer.get_handshake_headers()) == compressed
        for message in MESSAGES:
            assert (peer.send_text(message) if isinstance(message, str) else peer.send(message)) is OK
            until(peer.get_available_packet_count, peer)
            packet = peer.get_packet()
            assert (packet.decode() if peer.was_string_packet() else packet) == message
        assert peer.ping() is OK
        until(lambda: peer.get_latency() >= 0, peer)
        peer.send_text("bye!")
        until(lambda: peer.get_ready_state() is State.CLOSED, peer)
        assert peer.get_close_cause().cause is Cause.CLOSED
        return peer.get_close_code(), peer.get_close_reason()


async def websockets_server(ready: Ready, stop: asyncio.Event, compressed: bool) -> None:
    async def echo(socket: ServerConnection) -> None:
        async for message in socket:
            if message == "bye!":
                await socket.close(4003, "from websockets")
            else:
                await socket.send(message)

    compression = "deflate" if compressed else None
    async with serve(echo, "127.0.0.1", 0, subprotocols=["demo"], compression=compression, max_size=None) as server:
        ready(next(iter(server.sockets)).getsockname()[1])
        await stop.wait()


async def aiohttp_server(ready: Ready, stop: asyncio.Event, compressed: bool) -> None:
    async def echo(request: aiohttp.web.Request) -> aiohttp.web.WebSocketResponse:
        socket = aiohttp.web.WebSocketResponse(protocols=["demo"], compress=compressed, max_msg_size=0)
        await socket.prepare(request)
        async for message in socket:
            if message.data == "bye!":
                await socket.close(code=4003, message=b"from aiohttp")
            elif message.type is aiohttp.WSMsgType.TEXT:
                await socket.send_str(message.data)
            else:
                await socket.send_bytes(message.data)
        return socket

    application = aiohttp.web.Application()
    application.router.add_get("/", echo)
    runner = aiohttp.web.AppRunner(application)
    await runner.setup()
    site = aiohttp.web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    ready(runner.addresses[0][1])
    await stop.wait()
    await runner.cleanup()


@FRONTS
@COMPRESSED
@pytest.mark.parametrize("server", [websockets_server, aiohttp_server])
def test_our_client_at_other_servers(server: Callable[..., Awaitable[Any]], compressed: bool) -> None:
    with in_loop(lambda ready, stop: server(ready, stop, compressed)) as (_, told):
        port = until(lambda: told and told[0])
        expected = (4003, f"from {server.__name__.removesuffix('_server')}")
        assert session(f"ws://127.0.0.1:{port}/", compressed, protocol="demo") == expected


@FRONTS
@COMPRESSED
def test_our_client_at_a_server_on_node(compressed: bool) -> None:
    command = node_command(NODE / "server.mjs", "true" if compressed else "false")
    with Process(command, environment=node_environment()) as node:
        until(lambda: node.stdout)
        port = json.loads(node.stdout[0])["port"]
        assert session(f"ws://127.0.0.1:{port}/", compressed) == (4003, "from node")
        until(lambda: any('"closed"' in line for line in node.stdout))
