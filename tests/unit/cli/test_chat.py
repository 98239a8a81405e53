"""`gdpeer chat` as a process: its page, its room, its end."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosedOK
from websockets.sync.client import ClientConnection, connect

from tests.support.commands import run_here
from tests.support.processes import Process, gdpeer_command


class Room(Process):
    """A `gdpeer chat` on a free port of loopback."""

    def __init__(self) -> None:
        super().__init__(gdpeer_command("chat", "--host", "127.0.0.1", "--port", "0"))
        self.page = self.wait_for(r"^In a browser: +(http://127\.0\.0\.1:\d+/)$")[1]
        self.url = self.wait_for(r"^Godot clients: +(ws://127\.0\.0\.1:\d+/test/)$")[1]

    def join(self) -> ClientConnection:
        return connect(self.url, subprotocols=["demo-chat"], proxy=None)  # type: ignore[list-item]


@pytest.fixture
def room() -> Iterator[Room]:
    with Room() as process:
        yield process


def test_the_page_is_where_it_says(room: Room) -> None:
    with urllib.request.urlopen(room.page, timeout=10) as response:
        assert response.status == 200
        assert "<html" in response.read().decode()


def test_typed_lines_are_said_to_everyone(room: Room) -> None:
    with room.join() as first, room.join() as second:
        assert re.fullmatch(r"\[\d+\] connected", str(first.recv(timeout=10)))
        room.say("good evening")
        assert first.recv(timeout=10) == "Server says: good evening"
        assert second.recv(timeout=10) == "Server says: good evening"
        second.send("hello")
        assert re.fullmatch(r"\[\d+\] Says: hello", str(first.recv(timeout=10)))


def test_the_end_of_input_does_not_end_the_room(room: Room) -> None:
    room.say("last words")
    room.end_input()
    room.wait_for("Server says: last words")
    with room.join() as client:
        assert client.subprotocol == "demo-chat"


@pytest.mark.parametrize("way", ["terminate", "interrupt"])
def test_asked_to_end_it_says_1001_and_exits_with_0(way: str) -> None:
    with Room() as room, room.join() as client:
        room.wait_for("connected with protocol: demo-chat")
        if way == "interrupt":
            room.interrupt()
        else:
            room.popen.terminate()
        with pytest.raises(ConnectionClosedOK) as closed:
            client.recv(timeout=10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
        assert room.wait() == 0
        assert room.stderr == []


def test_a_port_in_use_is_one_line_and_status_1(room: Room) -> None:
    port = room.page.rstrip("/").rpartition(":")[2]
    done = run_here("chat", "--host", "127.0.0.1", "--port", port)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"gdpeer chat: cannot listen on 127.0.0.1 port {port}: the address is in use\n"
