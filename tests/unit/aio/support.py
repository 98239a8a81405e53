"""The loops under test, how a test runs in one, and the servers and clients that most tests start."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from gdpeer.aio import Connection, Server, connect, serve

PATIENCE = 30.0
"""Seconds for a whole test; a machine may be slow."""

PATIENT_ROUNDS = 200
"""Of a hundredth of a second, for tasks that are about to end."""

Result = TypeVar("Result")
Loops = Callable[[], asyncio.AbstractEventLoop]
Handler = Callable[[Connection], Awaitable[object]]


class LoopWithoutReaders(asyncio.SelectorEventLoop):
    """Watches no descriptors for others, as Windows' proactor."""

    def add_reader(self, fd: Any, callback: Any, *args: Any) -> None:
        raise NotImplementedError


LOOPS: dict[str, Loops] = {"asyncio": asyncio.SelectorEventLoop, "no-readers": LoopWithoutReaders}
if sys.platform != "win32" and sys.implementation.name == "cpython":
    import uvloop

    LOOPS["uvloop"] = uvloop.new_event_loop
    uvloop.new_event_loop().close()  # the first opens what all of them share
if "GDPEER_LOOPS" in os.environ:  # some of them, with commas between: all take their time
    LOOPS = {name: LOOPS[name] for name in os.environ["GDPEER_LOOPS"].split(",")}


def run(program: Coroutine[Any, Any, Result], new_loop: Loops = asyncio.SelectorEventLoop) -> Result:
    """Runs a coroutine in a loop of its own, in debug mode; fails where a task, an exception, a descriptor is left."""
    gc.collect()
    before = descriptors()
    problems: list[Any] = []

    async def main() -> Result:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: problems.append(context))
        result = await asyncio.wait_for(program, PATIENCE)
        for _ in range(PATIENT_ROUNDS):  # a generator that was left closes in a task of its own
            left = asyncio.all_tasks() - {asyncio.current_task()}
            if not left:
                return result
            await asyncio.sleep(0.01)
        raise AssertionError(left)

    with asyncio.Runner(debug=True, loop_factory=new_loop) as runner:
        result = runner.run(main())
    gc.collect()
    assert not problems, problems
    assert not descriptors() - before
    return result


def descriptors() -> set[str]:
    """What is open in this process, by number and what it is."""
    found = set()
    for number in os.listdir("/proc/self/fd"):
        try:
            found.add(f"{number} {os.readlink(f'/proc/self/fd/{number}')}")
        except OSError:  # the listing's own
            continue
    return found


async def echo(ws: Connection) -> None:
    """Sends everything back."""
    async for message in ws:
        await ws.send(message)


def url_of(server: Server, scheme: str = "ws") -> str:
    return f"{scheme}://127.0.0.1:{server.port}"


@asynccontextmanager
async def served(handler: Handler = echo, **options: Any) -> AsyncIterator[tuple[Server, str]]:
    """A server and its URL."""
    async with serve(handler, "127.0.0.1", 0, **options) as server:
        yield server, url_of(server)


@asynccontextmanager
async def joined(handler: Handler = echo, **options: Any) -> AsyncIterator[Connection]:
    """A client of a server with that handler; the options are the client's."""
    async with served(handler) as (_, url), connect(url, **options) as ws:
        yield ws


async def rounds(number: int) -> None:
    """So many rounds of the loop."""
    for _ in range(number):
        await asyncio.sleep(0)


async def cancelled_after(number: int, work: Awaitable[object]) -> bool:
    """Cancels after so many rounds of the loop; whether it was still under way."""
    task = asyncio.ensure_future(work)
    await rounds(number)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return True
    return False


async def until(condition: Callable[[], object]) -> None:
    """Waits for something that no signal tells; the limit is the test's own."""
    while not condition():
        await asyncio.sleep(0.001)
