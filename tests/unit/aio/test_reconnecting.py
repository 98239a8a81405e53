"""`async for ws in connect(url)`: one connection after another, and what it gives up at."""

from __future__ import annotations

import asyncio

import pytest

from gdpeer import Cause, HandshakeError, Reconnection, TransportError
from gdpeer.aio import Connection, connect, serve
from tests.support.ports import free_port
from tests.unit.aio.support import served


def quick(**settings: object) -> Reconnection:
    return Reconnection(0.01, 0.02, **settings)  # type: ignore[arg-type]


async def once(ws: Connection) -> None:
    await ws.send("one of them")


async def test_when_the_block_is_done_with_one_there_is_another() -> None:
    heard: list[str | bytes] = []
    async with served(once) as (_, url):
        async for ws in connect(url, reconnection=quick()):
            heard += [message async for message in ws]
            if len(heard) == 3:
                break
        assert heard == ["one of them"] * 3
        await ws.close()


async def test_each_is_closed_when_its_block_is_done() -> None:
    async with served() as (_, url):
        seen: list[Connection] = []
        async for ws in connect(url, reconnection=quick()):
            assert all(one.close_code == 1000 for one in seen)
            seen.append(ws)
            if len(seen) == 3:
                await ws.close()
                break


async def test_a_server_that_comes_later_is_found() -> None:
    port = free_port()

    async def come_late() -> None:
        await asyncio.sleep(0.2)
        async with serve(once, "127.0.0.1", port) as server:
            await server.engine.client_disconnected

    late = asyncio.create_task(come_late())
    async for ws in connect(f"ws://127.0.0.1:{port}", reconnection=quick()):
        assert await ws.recv() == "one of them"
        await ws.close()
        break
    await late


async def none_of(connections: connect) -> None:
    async for _ws in connections:
        pytest.fail("it opened")


async def test_what_there_is_no_use_in_trying_again_is_raised() -> None:
    async with served(allowed_paths=["/here"]) as (_, url):
        with pytest.raises(HandshakeError) as caught:
            await none_of(connect(url, reconnection=quick()))
    assert caught.value.status == 404


async def test_it_gives_up_when_the_policy_does() -> None:
    with pytest.raises(TransportError) as caught:
        await none_of(connect(f"ws://127.0.0.1:{free_port()}", reconnection=quick(attempts=2)))
    assert caught.value.cause is Cause.TCP


async def test_connections_that_do_not_hold_count_as_attempts() -> None:
    count = 0
    async with served(once) as (_, url):
        async for ws in connect(url, reconnection=quick(attempts=2)):
            assert await ws.recv() == "one of them"
            count += 1
    assert count == 3
