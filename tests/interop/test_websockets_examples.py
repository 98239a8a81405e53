"""Five published examples of `websockets` and their ports: each server with each client, as processes.

The counter and the clock are published with pages for clients, which tests/browser opens; here both libraries connect.
"""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from gdpeer import blocking
from tests.support.examples import KINDS, PATIENCE, PUBLISHED, TELL, ended_well, folder_of, run_on, serving
from tests.support.missing import ROOT
from tests.support.ports import free_port

pytestmark = pytest.mark.timeout(180)

SERVERS = pytest.mark.parametrize("server", KINDS)
CLIENTS = pytest.mark.parametrize("client", KINDS)
CONNECT: dict[str, Any] = {"published": connect, "ported": blocking.connect}
FRONTS = {"websockets.asyncio.client": "aio", "websockets.asyncio.server": "aio", "websockets.sync.client": "blocking"}
IMPORT = re.compile(r"^from (websockets\S+) import", re.MULTILINE)


def programs(kind: str) -> list[str]:
    return sorted(path.relative_to(folder_of(kind)).as_posix() for path in folder_of(kind).rglob("*.py"))


@SERVERS
@CLIENTS
def test_hello(server: str, client: str, tmp_path: Path) -> None:
    with (
        serving(server, "quick/server.py", tmp_path) as (host, port),
        run_on(client, "quick/client.py", port, tmp_path) as asker,
    ):
        asker.say("Ann")
        assert ended_well(asker)
        assert asker.stdout == ["What's your name? >>> Ann", "<<< Hello Ann!"]
        host.wait_for("^>>> Hello Ann!$", PATIENCE)
        assert host.stdout == ["<<< Ann", ">>> Hello Ann!"]


@SERVERS
@CLIENTS
def test_echo(server: str, client: str, tmp_path: Path) -> None:
    with (
        serving(server, "asyncio/echo.py", tmp_path) as (_, port),
        run_on(client, "asyncio/hello.py", port, tmp_path) as asker,
    ):
        assert ended_well(asker)
        assert asker.stdout == ["Hello world!"]


@SERVERS
@CLIENTS
def test_counter(server: str, client: str, tmp_path: Path) -> None:
    def users(count: int) -> dict[str, Any]:
        return {"type": "users", "count": count}

    def value(now: int) -> dict[str, Any]:
        return {"type": "value", "value": now}

    with serving(server, "quick/counter.py", tmp_path) as (host, port), CONNECT[client](url_of(port)) as first:
        assert [event(first), event(first)] == [users(1), value(0)]
        with CONNECT[client](url_of(port)) as second:
            assert [event(second), event(second), event(first)] == [users(2), value(0), users(2)]
            for number, action in enumerate(["plus", "plus", "minus"]):
                second.send(json.dumps({"action": action}))
                assert [event(first), event(second)] == [value([1, 2, 1][number])] * 2
            second.send(json.dumps({"action": "halve"}))
            host.wait_until(lambda: any("unsupported event" in line for line in host.stderr), "complaint", PATIENCE)
        assert event(first) == users(1)


@SERVERS
@CLIENTS
def test_sync_time(server: str, client: str, tmp_path: Path) -> None:
    """What is broadcast after the last has come reaches all of them."""
    with serving(server, "quick/sync_time.py", tmp_path) as (_, port), ExitStack() as those:
        *others, last = [those.enter_context(CONNECT[client](url_of(port))) for _ in range(3)]
        times = [last.recv(PATIENCE), last.recv(PATIENCE)]
        assert datetime.fromisoformat(times[0]) < datetime.fromisoformat(times[1])
        for other in others:
            heard = [other.recv(PATIENCE), other.recv(PATIENCE)]
            while heard[-1] < times[-1]:
                heard.append(other.recv(PATIENCE))
            assert heard[-2:] == times


@SERVERS
@CLIENTS
def test_shutdown(server: str, client: str, tmp_path: Path) -> None:
    """A client that is told to end leaves the others at work; a server that is told to ends its client."""
    port = free_port()
    with ExitStack() as those:
        host = those.enter_context(run_on(server, "faq/shutdown_server.py", port, tmp_path, "-c", TELL))
        host.wait_for("ready", PATIENCE)
        told, untold = (
            those.enter_context(run_on(client, "faq/shutdown_client.py", port, tmp_path, "-c", TELL)) for _ in range(2)
        )
        for guest in (told, untold):
            guest.wait_for("ready", PATIENCE)
        told.popen.terminate()
        assert ended_well(told)
        assert (host.popen.poll(), untold.popen.poll()) == (None, None)
        host.popen.terminate()
        assert ended_well(untold)
        assert ended_well(host)


def url_of(port: int) -> str:
    return f"ws://localhost:{port}"


def event(connection: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(connection.recv(PATIENCE))
    return found


@pytest.mark.parametrize("name", programs("published"))
def test_a_port_differs_in_one_import_and_the_page_shows_it(name: str) -> None:
    published, ported = ((folder_of(kind) / name).read_text(encoding="utf-8") for kind in KINDS)
    page = (ROOT / "docs" / "howto" / "from-websockets.md").read_text(encoding="utf-8")
    assert published != ported
    assert IMPORT.sub(lambda found: f"from gdpeer.{FRONTS[found[1]]} import", published) == ported
    [old], [new] = (
        set(one.splitlines()) - set(other.splitlines()) for one, other in [(published, ported), (ported, published)]
    )
    assert f"({'../examples/websockets/published/' + name}):\n\n```diff\n-{old}\n+{new}\n```\n" in page


def test_the_page_has_the_licence_of_the_examples() -> None:
    licence = (PUBLISHED.parent / "LICENSE").read_text(encoding="utf-8")
    assert f"```text\n{licence}```" in (ROOT / "docs" / "howto" / "from-websockets.md").read_text(encoding="utf-8")


def test_every_port_is_of_a_published_program() -> None:
    assert programs("ported") == programs("published")
