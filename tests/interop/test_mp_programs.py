"""The documentation's multiplayer programs, as they stand but for the port, with a real Godot 4 on the other side."""

from __future__ import annotations

import sys

import pytest

from tests.interop.mp_rooms import PROJECT
from tests.support import pages
from tests.support.engines import Engine
from tests.support.ports import free_port, wait_until_listening
from tests.support.processes import Process

pytestmark = [pytest.mark.engine, pytest.mark.timeout(90)]


def program(name: str, port: int) -> Process:
    source = pages.program(f"{name}.py").read_text()
    assert source.count("8910") >= 1
    return Process([sys.executable, "-c", source.replace("8910", str(port))])


def greeter(option: str) -> Engine:
    return Engine("4", PROJECT, "greet.tscn", option)


def test_the_server_greets_engines_and_sees_them_leave() -> None:
    port = free_port()
    with program("multiplayer_server", port) as server:
        wait_until_listening(port)
        with greeter(f"--url=ws://127.0.0.1:{port}") as game:
            peer_id = server.wait_for(r"^joined (\d+)$").group(1)
            assert server.wait_for("^Gerda is at (.*)$").group(1) == "(1.5, -2.0)"
            game.wait_for("welcome", text="hello Gerda")
            game.wait_for("welcome", text="Gerda is at (1.5, -2.0)")
            with greeter(f"--url=ws://127.0.0.1:{port}") as second:
                server.wait_for("^Gerda is at")
                second.wait_for("welcome", text="hello Gerda")
                game.process.wait_until(lambda: len(game.all("welcome")) == 3, "a third welcome", 10.0)
            assert {event["from"] for event in game.all("welcome")} == {1}
            assert game.stderr == []
        server.wait_for(f"^left {peer_id}$")
        assert server.stderr == []


def test_engines_notice_that_the_server_was_killed() -> None:
    port = free_port()
    with program("multiplayer_server", port) as server:
        wait_until_listening(port)
        with greeter(f"--url=ws://127.0.0.1:{port}") as game:
            game.wait_for("welcome", text="hello Gerda")
            server.kill()
            game.wait_for("server_disconnected")
            assert game.find("left", id=1)
            assert game.stderr == []


def test_the_client_greets_an_engine() -> None:
    port = free_port()
    with greeter(f"--port={port}") as game:
        game.wait_for("ready")
        with program("multiplayer_client", port) as client:
            client.wait_for("^hello Ann$")
            greeted = game.wait_for("greeted")
            assert (greeted["name"], greeted["where"]) == ("Ann", [1, 2])
            game.kill()
            client.wait_for("^The end: ")
            assert client.wait() == 0
            assert client.stderr == []


def test_the_client_greets_the_server() -> None:
    port = free_port()
    with program("multiplayer_server", port) as server:
        wait_until_listening(port)
        with program("multiplayer_client", port) as client:
            client.wait_for("^hello Ann$")
            client.wait_for("^Ann is at")
            server.wait_for("^Ann is at")
            client.terminate()
        server.wait_for("^left")
