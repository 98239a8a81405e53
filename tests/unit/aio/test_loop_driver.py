"""Loops one after the other, side by side in threads, and what the driver does in them."""

from __future__ import annotations

import asyncio
import errno
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from gdpeer.aio import Connection, Server, connect, serve
from gdpeer.aio.loop_driver import TICKS, LoopDriver
from gdpeer.websocket.backend.base import Turn
from tests.unit.aio.support import Loops, LoopWithoutReaders, echo, joined, rounds, run, url_of


async def talk() -> int:
    async with joined() as ws:
        for number in range(50):
            await ws.send(str(number))
            assert await ws.recv() == str(number)
    return 50


def test_two_loops_one_after_the_other_share_nothing(new_loop: Loops) -> None:
    assert run(talk(), new_loop) == run(talk(), new_loop) == 50


def test_a_loop_that_watches_no_more_polls_instead() -> None:
    class Full(asyncio.SelectorEventLoop):
        def add_reader(self, fd: Any, callback: Any, *args: Any) -> None:
            raise OSError(errno.ENOSPC, "no more watches")

    assert run(talk(), Full) == 50


def test_two_loops_in_two_threads_talk_to_each_other(new_loop: Loops) -> None:
    ports: list[int] = []
    is_ready, is_done = threading.Event(), threading.Event()

    async def serve_them() -> None:
        async with serve(echo, "127.0.0.1") as server:
            ports.append(server.port)
            is_ready.set()
            await asyncio.to_thread(is_done.wait, 20)

    async def ask_them() -> str | bytes:
        async with connect(f"ws://127.0.0.1:{ports[0]}") as ws:
            await ws.send("across")
            return await ws.recv()

    def in_loop(program: object) -> object:
        with asyncio.Runner(debug=True, loop_factory=new_loop) as runner:
            return runner.run(program)

    with ThreadPoolExecutor() as pool:
        serving = pool.submit(in_loop, serve_them())
        assert is_ready.wait(20)
        assert pool.submit(in_loop, ask_them()).result(20) == "across"
        is_done.set()
        serving.result(20)


def test_a_loop_without_readers_polls_so_often_and_answers() -> None:
    async def main() -> float:
        async with joined() as ws:
            assert ws._driver._descriptor == -1
            return await (await ws.ping())

    assert 0 < run(main(), LoopWithoutReaders) < TICKS  # seconds; that it answers is what is shown


async def test_what_handlers_answer_in_a_round_goes_out_in_one_write_for_each() -> None:
    async def answer(ws: Connection) -> None:
        async for message in ws:
            for _ in range(10):
                await ws.send(message)

    writes: list[int] = []
    async with serve(answer, "127.0.0.1") as server, connect(url_of(server)) as ws:
        await ws.send("x")
        for _ in range(10):
            await ws.recv()
            writes.append(ws.peer.get_stats().bytes_received)
    assert len(set(writes)) == 1  # all of them came at once


async def test_a_pump_without_anything_to_wait_for_waits_for_nothing() -> None:
    turn, turns = Turn(), []
    driver = LoopDriver(lambda: turns.append(1), lambda: turn, lambda: None)
    driver.arm()
    await rounds(3)
    assert turns == []
    driver.soon()
    driver.soon()
    await rounds(3)
    assert turns == [1]
    first, second = driver.when(lambda: len(turns) == 3), driver.when(lambda: len(turns) >= 2)
    second.cancel()
    driver.run()
    assert not first.done()
    driver.run()
    await first
    assert (await driver.when(lambda: True)) is None
    driver.stop()


async def test_a_pump_tells_who_uses_it_from_elsewhere() -> None:
    turn = Turn()
    driver = LoopDriver(lambda: None, lambda: turn, lambda: None)

    async def use() -> None:
        driver.check()

    await use()
    with pytest.raises(RuntimeError, match="event loop"):
        await asyncio.to_thread(asyncio.run, use())


def test_a_connection_that_outlives_its_loop_ends_without_a_word(new_loop: Loops) -> None:
    async def main() -> tuple[Connection, Server]:
        server = await serve(echo, "127.0.0.1")
        return await connect(url_of(server)), server

    with asyncio.Runner(loop_factory=new_loop) as runner:
        ws, server = runner.run(main())
    ws.peer.close(-1)
    server.engine.stop()
    assert ws.state is ws.peer.STATE_CLOSED
