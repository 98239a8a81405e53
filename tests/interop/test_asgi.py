"""Games on the port of a web application, under real ASGI servers, with real engines."""

from __future__ import annotations

import asyncio
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from gdpeer import Error, WebSocketPeer
from gdpeer.aio import connect
from tests.support.asgi_servers import SERVERS, serving
from tests.support.engines import Engine
from tests.support.missing import ROOT
from tests.support.processes import Process
from tests.support.roll import ROLL, names, rolls
from tests.support.waiting import until

APP = "tests.support.asgi_app:app"
CHAT = ROOT / "demos" / "chat"

OWN = re.compile(r"[\\/]gdpeer[\\/](?:asgi|aio|websocket|multiplayer|transport)|gdpeer\.[a-z]+:")
"""What gdpeer has logged, or a frame of gdpeer in a traceback."""

HIDES_CLOSES = "hypercorn"
"""It tells an application neither the code nor the reason of a client's close."""


def client(url: str, **settings: object) -> WebSocketPeer:
    """A client whose upgrade is done, or refused."""
    peer = WebSocketPeer()
    for name, value in settings.items():
        setattr(peer, name, value)
    assert peer.connect_to_url(url) is Error.OK
    poll_until(lambda: peer.get_ready_state() is not WebSocketPeer.State.CONNECTING, peer)
    return peer


def poll_until(condition: Callable[[], bool], peer: WebSocketPeer) -> None:
    """Polls a client until a condition holds."""

    def look() -> bool:
        peer.poll(0.01)
        return condition()

    until(look)


@pytest.mark.parametrize("server", SERVERS)
def test_messages_pages_refusals_and_closes(server: str) -> None:
    with serving(server, APP) as (process, port):
        process.wait_for("^begun$")
        url = f"ws://127.0.0.1:{port}/echo/"
        peer = client(url, inbound_buffer_size=1 << 20)
        peer.send_text("grüß")
        peer.send(bytes(60_000))
        poll_until(lambda: peer.get_available_packet_count() == 2, peer)
        assert [(len(packet), peer.was_string_packet()) for packet in peer] == [(6, True), (60_000, False)]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/players") as page:
            assert json.load(page) == {"roll": 0, "echo": 1}
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/echo/health") as page:
            assert json.load(page) == {"status": "ok", "peers": 1}
        with pytest.raises(urllib.error.HTTPError, match="426") as refused:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/echo/")
        refused.value.close()
        peer.close(4001, "bye")
        poll_until(lambda: peer.get_ready_state() is WebSocketPeer.State.CLOSED, peer)
        process.wait_for("^ended False -1 0$" if server == HIDES_CLOSES else "^ended True 4001 0$")

        refused = client(url, supported_protocols=["no-such"])
        assert refused.get_close_cause().status == 400

        greedy = client(url, outbound_buffer_size=1 << 20)
        greedy.send(bytes(70_000))
        poll_until(lambda: greedy.get_ready_state() is WebSocketPeer.State.CLOSED, greedy)
        assert greedy.get_close_code() == 1009
        process.wait_for("^ended False 1009 0$")

        last = client(url)
        process.interrupt()
        poll_until(lambda: last.get_ready_state() is WebSocketPeer.State.CLOSED, last)
        assert last.get_close_code() == (1001 if server == "hypercorn" else 1012)
        assert process.wait() == 0
        assert process.stdout[-1] == "over"
        assert not [line for line in process.stderr if OWN.search(line)]


async def visit(url: str, everyone: asyncio.Barrier, at_end: asyncio.Barrier) -> int:
    """A player's: waits until all are there, gets an echo, and stays to the end; returns the close code."""
    async with connect(url, ping_interval=None) as ws:
        await everyone.wait()
        await ws.send(url)
        assert await ws.recv() == url
        await at_end.wait()
        await ws.wait_closed()
        return ws.close_code or 0


@pytest.mark.parametrize("server", ["uvicorn", pytest.param("hypercorn", marks=pytest.mark.extended)])
def test_500_players_at_once_and_their_end(server: str) -> None:
    count = 500

    async def play(process: Process, port: int) -> list[int]:
        everyone, at_end = asyncio.Barrier(count), asyncio.Barrier(count + 1)
        url = f"ws://127.0.0.1:{port}/echo/?player="
        players = asyncio.gather(*(visit(f"{url}{number}", everyone, at_end) for number in range(count)))
        await at_end.wait()
        process.interrupt()
        return await players

    with serving(server, APP) as (process, port):
        codes = asyncio.run(asyncio.wait_for(play(process, port), 50))
        assert codes == [1001 if server == "hypercorn" else 1012] * count
        assert process.wait() == 0
        assert process.stdout[-1] == "over"
        assert len([line for line in process.stdout if line.startswith("ended ")]) == count


@pytest.mark.engine
@pytest.mark.timeout(90)
@pytest.mark.parametrize("server", ["uvicorn", "hypercorn"])
def test_the_demos_of_godot_play_on_one_port(server: str) -> None:
    with ExitStack() as stack:
        process, port = stack.enter_context(serving(server, APP))
        process.wait_for("^begun$")

        def chat(version: str, *options: str) -> Engine:
            words = [f"--url=ws://127.0.0.1:{port}/chat/", "--quit-after=40", *options]
            return stack.enter_context(Engine(version, CHAT / f"godot{version}", "chat.tscn", *words))

        def sit_down(name: str) -> Engine:
            words = [f"--join=ws://127.0.0.1:{port}/roll/", f"--name={name}", "--players=2", "--auto"]
            return stack.enter_context(Engine("4", ROLL / "godot4", "start.tscn", *words))

        four = chat("4", "--wait-for=] connected", "--say=hello from four", "--expect=Says: hello from three")
        four.wait_for("connected", protocol="demo-chat")
        three = chat("3", "--wait-for=hello from four", "--say=hello from three", "--expect=Says: hello from four")
        ann, bob = sit_down("Ann"), sit_down("Bob")
        assert (four.wait(), three.wait()) == (0, 0)
        until(lambda: len(rolls(ann)) >= 3 and set(rolls(ann)) == {"Ann", "Bob"})
        assert sorted(names(ann)) == ["Ann", "Bob"]
        process.interrupt()
        assert process.wait() == 0
        assert [engine.stderr for engine in (four, three, ann, bob)] == [[]] * 4
