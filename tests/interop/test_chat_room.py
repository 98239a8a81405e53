"""One chat room, joined by real engines and terminals at the same time."""

from __future__ import annotations

import json
import re
import urllib.request
from typing import Any

import pytest

from tests.browser.rooms import CHAT, address, program, room
from tests.support.engines import Engine
from tests.support.processes import Process

JOINED = r"^\[(\d+)\] connected with protocol: demo-chat$"


def get_json(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as response:
        assert response.headers["Cache-Control"] == "no-store"
        return json.load(response)


def joined(server: Process) -> int:
    """The id of the next one who has joined, as the server tells."""
    return int(server.wait_for(JOINED).group(1))


def wait_for_log(engine: Engine, text: str) -> None:
    engine.wait_for("log", text=text)


@pytest.mark.engine
def test_engines_and_a_terminal_hear_each_other() -> None:
    server, port = room()
    with server, program("client", address(port)) as terminal:
        terminal.wait_for("^Connected with protocol: demo-chat$")
        terminal_id = joined(server)
        with (
            Engine("4", CHAT / "godot4", "chat.tscn", *engine_words(port, "four", "three")) as four,
        ):
            four.wait_for("connected", protocol="demo-chat")
            four_id = joined(server)
            terminal.wait_for(rf"^\[{four_id}\] connected$")
            with Engine("3", CHAT / "godot3", "chat.tscn", *engine_words(port, "three", "four")) as three:
                three.wait_for("connected", protocol="demo-chat")
                three_id = joined(server)
                wait_for_log(four, f"[{three_id}] connected")
                assert get_json(f"http://127.0.0.1:{port}/peers") == {
                    "peers": [terminal_id, four_id, three_id],
                    "you": None,
                }

                terminal.say("begin")
                terminal.wait_for("^Sending message: begin$")
                wait_for_log(four, f"[{terminal_id}] Says: begin")
                wait_for_log(three, f"[{terminal_id}] Says: begin")
                wait_for_log(three, f"[{four_id}] Says: hello from four")
                wait_for_log(four, f"[{three_id}] Says: hello from three")

                server.say("closing time")
                wait_for_log(four, "Server says: closing time")
                wait_for_log(three, "Server says: closing time")
                assert (four.wait(), three.wait()) == (0, 0)
        heard = {terminal.wait_for(r"^\[\d+\] (Says: .*)$").group() for _ in range(2)}
        assert heard == {f"[{four_id}] Says: hello from four", f"[{three_id}] Says: hello from three"}
        left = {terminal.wait_for(r"^\[(\d+)\] disconnected$").group(1) for _ in range(2)}
        assert left == {str(four_id), str(three_id)}
        assert f"[{terminal_id}] Says: begin" not in terminal.stdout
        assert f"[{four_id}] disconnected with code: 1000, reason: " in server.stdout


def engine_words(port: int, name: str, other: str) -> list[str]:
    return [
        f"--url={address(port)}",
        "--wait-for=Says: begin",
        f"--say=hello from {name}",
        f"--expect=Says: hello from {other}",
        "--expect=Server says: closing time",
        "--quit-after=40",
    ]


@pytest.mark.engine
@pytest.mark.parametrize("version", ["4", "3"])
def test_an_engine_sees_the_room_close(version: str) -> None:
    server, port = room()
    with (
        server,
        Engine(version, CHAT / f"godot{version}", "chat.tscn", f"--url={address(port)}", "--quit-after=40") as engine,
    ):
        engine.wait_for("connected")
        joined(server)
        server.interrupt()
        engine.wait_for("closed", code=1001, reason="Server stopped")
        assert server.wait() == 0
        assert server.stderr == []
        assert engine.wait() == 0


@pytest.mark.engine
@pytest.mark.parametrize("version", ["4", "3"])
def test_an_engine_that_misses_something_fails(version: str) -> None:
    server, port = room()
    words = [f"--url={address(port)}", "--expect=never said", "--quit-after=1"]
    with server, Engine(version, CHAT / f"godot{version}", "chat.tscn", *words) as engine:
        joined(server)
        server.wait_for(r"^\[\d+\] disconnected with code: 1000, reason: $")
        assert engine.wait() == 1
        assert engine.wait_for("quit")["missing"] == ["never said"]


def test_the_push_example_speaks_without_being_asked() -> None:
    with program("push", "--port", "0", "--interval", "0.2") as server:
        port = int(server.wait_for(r"^Listening on port (\d+)").group(1))
        with program("client", address(port), "--stay") as terminal:
            terminal.end_input()
            first = terminal.wait_for(r"^Server says: it is \d\d:\d\d:\d\d, message (\d+)$")
            terminal.wait_for(rf"message {int(first.group(1)) + 1}$")
            server.wait_for(r"message \d+ \(to 1\)$")
        server.interrupt()
        assert (server.wait(), server.stderr) == (0, [])


def test_the_chat_port_in_use_ends_the_server() -> None:
    server, port = room()
    with server, program("server", "--port", str(port)) as second:
        assert second.wait() == 1
        assert re.match(f"Unable to start server: .*{port}", second.stderr[-1])
        assert not any("Traceback" in line for line in second.stderr)


def test_the_page_and_health_are_served_on_the_same_port() -> None:
    server, port = room()
    with server:
        for path, kind in (("/", "text/html"), ("/chat.js", "text/javascript"), ("/style.css", "text/css")):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as response:
                assert response.headers["Content-Type"].startswith(kind)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=10) as response:
            assert response.status == 200
