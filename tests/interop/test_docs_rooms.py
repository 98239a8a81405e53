"""The programs of docs/rooms.md as they stand: the server with its lobby, and Godot 4 and 3 games in its rooms."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from gdpeer import WebSocketMultiplayerPeer
from tests.interop.echo_rooms import until
from tests.support.engines import Engine, fixture
from tests.support.pages import programs
from tests.support.processes import Process

pytestmark = [pytest.mark.engine, pytest.mark.timeout(90)]
ROOMS = programs() / "rooms"
ENVIRONMENT = {**os.environ, "GDPEER_SECRET": "s" * 40}


@pytest.fixture
def server() -> Iterator[Process]:
    with Process([sys.executable, ROOMS / "server.py", "0"], environment=ENVIRONMENT) as process:
        process.wait_for(r"^http://127\.0\.0\.1:\d+$")
        yield process
        assert process.stderr == []


def host_of(server: Process) -> str:
    return server.stdout[0].removeprefix("http://")


def play(server: Process, *options: str, scene: str = "main.tscn") -> Engine:
    return Engine("4", ROOMS / "godot4", scene, f"--host={host_of(server)}", *options)


def room_of(engine: Engine) -> str:
    engine.process.wait_for("^I am ")
    return next(line.removeprefix("Room ") for line in engine.process.stdout if line.startswith("Room "))


@pytest.mark.parametrize("way", ["query", "protocols", "headers"])
def test_a_seat_travels_in_each_way(server: Process, way: str) -> None:
    with play(server, f"--way={way}", "--say=hi") as game:
        assert game.wait() == 0
        code = room_of(game)
        peer_id = game.process.stdout[1].removeprefix("I am ")
        assert game.process.stdout == [f"Room {code}", f"I am {peer_id}", f"{peer_id}: hi", "Goodbye."]
        assert game.stderr == []
    server.wait_for(f"^{code}: {peer_id} joins$")


def test_the_fifth_player_gets_a_new_room_and_a_code_leads_to_a_private_room(server: Process) -> None:
    with ExitStack() as stack:
        codes = [room_of(stack.enter_context(play(server))) for _ in range(5)]
        assert len(set(codes[:4])) == 1
        assert codes[4] != codes[0]
        private = room_of(stack.enter_context(play(server, "--private")))
        assert private not in codes
        friend = stack.enter_context(play(server, f"--code={private.lower()}", "--say=hi"))
        assert room_of(friend) == private
        assert friend.wait() == 0
        full = stack.enter_context(play(server, f"--code={codes[0]}"))
        assert full.wait() == 0
        assert full.process.stdout[-1].startswith("No seat (full): ")


def test_the_lobby_by_rpc(server: Process) -> None:
    with play(server, f"--url=ws://{host_of(server)}/", scene="lobby.tscn") as game:
        assert game.wait() == 0
        first, listed, refused, second, end = game.process.stdout
        assert (first.startswith("A seat for "), second.startswith("A seat for ")) == (True, True)
        assert listed == 'arena: 1 of 4, { "map": "sand" }'
        assert refused.startswith("no_room: ")
        assert end == second.replace("A seat for", "I am")
        assert game.stderr == []


def test_godot_3_enters_a_room_by_path_and_query(server: Process) -> None:
    with urllib.request.urlopen(f"http://{host_of(server)}/lobby/arena/quick", b"{}") as answer:
        seat = json.load(answer)
    with fixture("3", "mp_client", url=seat["url"], steps=""):
        server.wait_for(f"^.*: {seat['peer_id']} joins$")


def test_a_back_end_issues_a_seat(server: Process) -> None:
    host = host_of(server)
    with urllib.request.urlopen(f"http://{host}/lobby/arena/create", b"{}") as answer:
        code = json.load(answer)["url"].split("/room/")[1].partition("?")[0]
    command = [sys.executable, ROOMS / "issue.py", f"ws://{host}", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, env=ENVIRONMENT, check=True)
    player = WebSocketMultiplayerPeer()
    player.create_client(done.stdout.strip())
    until(lambda: player.get_connection_status() == player.CONNECTION_CONNECTED, player)
    server.wait_for(f"^{code}: {player.get_unique_id()} joins$")
    player.close()
