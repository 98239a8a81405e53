"""Five examples of `websockets` and their ports, in docs/examples/websockets: each server with each client."""

from __future__ import annotations

import asyncio
import importlib.util
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "examples" / "websockets"
KINDS = {"ours": "", "theirs": "_original"}
SERVERS = pytest.mark.parametrize("server", KINDS)
CLIENTS = pytest.mark.parametrize("client", KINDS)


def load(name: str, kind: str) -> ModuleType:
    path = FOLDER / f"{name}{KINDS[kind]}.py"
    found = importlib.util.spec_from_file_location(path.stem, path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def port_of(server: Any) -> int:
    return server.port if hasattr(server, "port") else server.sockets[0].getsockname()[1]


def run(example: str, server: str, client: str, script: Callable[..., Awaitable[Any]]) -> Any:
    """Starts one kind of server and runs the script with it, the other module and the URL."""

    async def main() -> Any:
        theirs = load(example, server)
        async with theirs.start(0) as started:
            return await script(theirs, started, load(example, client), f"ws://127.0.0.1:{port_of(started)}")

    return asyncio.run(asyncio.wait_for(main(), 30))


@SERVERS
@CLIENTS
def test_hello(server: str, client: str) -> None:
    async def script(_: Any, __: Any, asker: Any, url: str) -> Any:
        return await asker.ask(url, "Ann")

    assert run("hello", server, client, script) == "Hello Ann!"


@SERVERS
@CLIENTS
def test_echo(server: str, client: str) -> None:
    messages = ["text", b"\0\xff", "", "é" * 70_000]

    async def script(_: Any, __: Any, asker: Any, url: str) -> Any:
        return await asker.ask(url, messages)

    assert run("echo", server, client, script) == messages


@SERVERS
@CLIENTS
def test_counter(server: str, client: str) -> None:
    async def script(counter: Any, _: Any, counting: Any, url: str) -> Any:
        onlooker = asyncio.create_task(counting.count(url, [], 3))
        while not counter.USERS:
            await asyncio.sleep(0.001)
        results = await asyncio.gather(
            counting.count(url, ["plus", "plus", "minus", "nothing"], 3), counting.count(url, ["plus"] * 2, 3), onlooker
        )
        while counter.USERS:
            await asyncio.sleep(0.001)
        return results

    assert run("counter", server, client, script) == [3, 3, 3]


@SERVERS
@CLIENTS
def test_show_time(server: str, client: str) -> None:
    async def script(clock: Any, started: Any, watching: Any, url: str) -> Any:
        telling = asyncio.create_task(clock.show_time(started, 0.01))
        times = await asyncio.gather(*(watching.watch(url, 3) for _ in range(5)))
        telling.cancel()
        return times

    times = run("show_time", server, client, script)
    assert [len(one) for one in times] == [3] * 5
    assert all(one == sorted(one) for one in times)


@SERVERS
@CLIENTS
def test_health(server: str, client: str) -> None:
    def ask_page(url: str) -> tuple[int, bytes]:
        with urllib.request.urlopen(f"{url.replace('ws', 'http')}/healthz", timeout=20) as answer:
            return answer.status, answer.read()

    async def script(_: Any, __: Any, asker: Any, url: str) -> Any:
        return await asyncio.to_thread(ask_page, url), await asker.ask(url, "up")

    assert run("health", server, client, script) == ((200, b"OK\n"), "up")


@pytest.mark.parametrize("example", ["hello", "echo", "counter", "show_time", "health"])
def test_a_port_differs_in_what_it_imports_and_what_the_page_names(example: str) -> None:
    ours, theirs = ((FOLDER / f"{example}{kind}.py").read_text().splitlines() for kind in KINDS.values())
    different = [line for line in ours if line not in theirs]
    imports = [line for line in different if "import" in line]
    assert imports
    named = {"def health_check(request):", "http.Response(200", "http_handler=health_check"}
    assert all(any(name in line for name in named) for line in different if line not in imports), different
