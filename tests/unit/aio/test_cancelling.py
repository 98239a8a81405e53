"""Whatever is cancelled, wherever it waits: no message is lost, nothing is left."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable

import pytest

from gdpeer import ConnectionClosed
from gdpeer.aio import Connection, connect, serve
from tests.unit.aio.support import cancelled_after, echo, joined, rounds, served, until, url_of

ROUNDS = 25
"""More rounds of the loop than anything here takes that nothing has to be waited for."""


async def test_receiving_that_is_cancelled_after_any_number_of_rounds_loses_no_message() -> None:
    async with joined() as ws:
        got: list[str | bytes] = []
        cancelled = 0

        async def receive() -> None:
            got.append(await ws.recv())

        for message in range(4 * ROUNDS):
            await ws.send(str(message))
            cancelled += await cancelled_after(message % ROUNDS, receive())
        assert cancelled > 0
        while len(got) < 4 * ROUNDS:
            await receive()
        assert got == [str(message) for message in range(4 * ROUNDS)]


async def test_connecting_that_is_cancelled_leaves_no_connection() -> None:
    async with served() as (server, url):

        async def open_and_close() -> None:
            async with connect(url) as ws:
                await ws.ping()

        for number in range(ROUNDS):
            await cancelled_after(number, open_and_close())
        async with connect(url) as ws:
            await ws.send("x")
            assert await ws.recv() == "x"
        await until(lambda: not server.connections)


async def test_connecting_can_be_cancelled_while_nobody_answers() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connect(f"ws://127.0.0.1:{silent.getsockname()[1]}")._connect(), 0.1)


async def test_serving_that_is_cancelled_leaves_no_port() -> None:
    async def open_and_close() -> None:
        async with serve(echo, "localhost") as server, connect(f"ws://localhost:{server.port}"):
            pass

    for number in range(ROUNDS):
        await cancelled_after(number, open_and_close())


@pytest.mark.parametrize("way", ["close", "wait_closed", "ping"])
async def test_closing_waiting_and_asking_can_be_cancelled_and_done_again(way: str) -> None:
    async with served() as (_, url):
        for number in range(ROUNDS):
            ws = await connect(url)

            async def work(ws: Connection = ws) -> None:
                result = await getattr(ws, way)()
                if way == "ping":
                    assert await result > 0

            was_cancelled = await cancelled_after(number, work())
            assert was_cancelled or way != "wait_closed"
            await ws.close()
            assert ws.close_code == 1000
            await ws.wait_closed()


async def test_sending_that_is_cancelled_sends_the_whole_message_or_nothing() -> None:
    """Behind a reader that never reads: the first waits, is cancelled, and others wait on."""
    gate = asyncio.Event()
    got: list[bytes] = []

    async def slow(ws: Connection) -> None:
        await gate.wait()
        got.extend([message async for message in ws])

    async with serve(slow, "127.0.0.1", max_queue=4) as server, connect(url_of(server), write_limit=1_000) as ws:
        sent = 0
        while True:  # until the kernel's buffers are full, too
            task = asyncio.create_task(ws.send(b"%8d" % sent * 4_096))
            done, _ = await asyncio.wait([task], timeout=0.2)
            if not done:
                break
            sent += 1
        others = [asyncio.create_task(ws.send(b"%8d" % number * 4_096)) for number in (sent + 1, sent + 2)]
        await rounds(3)
        task.cancel()
        await rounds(3)
        assert task.cancelled()
        assert not any(other.done() for other in others)
        gate.set()
        await asyncio.gather(*others)
        await ws.close()
        await until(lambda: len(got) == sent + 2)
    numbers = [int(message[:8]) for message in got]
    assert numbers == [*range(sent), sent + 1, sent + 2]
    assert all(len(message) == 8 * 4_096 for message in got)


async def test_those_that_wait_to_send_are_told_of_the_end() -> None:
    """Several waves of them, as the first that goes on fills the room anew."""
    gate = asyncio.Event()

    async def take_some(ws: Connection) -> None:
        for _ in range(10):
            await ws.recv()
        gate.set()
        await asyncio.Event().wait()

    server = await serve(take_some, "127.0.0.1", max_queue=4)
    async with connect(url_of(server), write_limit=1_000, close_timeout=0.1) as ws:
        sending = [asyncio.create_task(ws.send(bytes(131_072))) for _ in range(300)]
        await gate.wait()
        await rounds(5)
        serving = asyncio.create_task(server.wait_closed())
        await asyncio.sleep(0)
        serving.cancel()
        results = await asyncio.gather(*sending, return_exceptions=True)
        with pytest.raises(asyncio.CancelledError):
            await serving
    kinds = {type(result) for result in results}
    assert type(None) in kinds
    assert all(result is None or isinstance(result, ConnectionClosed) for result in results)
    assert sum(isinstance(result, ConnectionClosed) for result in results) > 0


async def test_a_time_limit_on_receiving_leaves_the_message_for_the_next() -> None:
    async with joined() as ws:
        for number in range(20):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(ws.recv(), 0.001)
            await ws.send(str(number))
            try:
                got = await asyncio.wait_for(ws.recv(), 0.001 * number)
            except TimeoutError:
                got = await ws.recv()
            assert got == str(number)


async def test_a_signal_that_nobody_waits_for_any_more_forgets_the_wait() -> None:
    async with served() as (server, _):
        before = len(server.engine.client_connected)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(_next(server.engine.client_connected), 0.01)
        assert len(server.engine.client_connected) == before


async def _next(signal: Awaitable[object]) -> object:
    return await signal
