"""`gdpeer roll` as a process: hosts, guests, what is typed, the end, and misuse."""

from __future__ import annotations

import json
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from gdpeer.demos.roll.table import PROTOCOL
from tests.support.commands import run_here
from tests.support.processes import Process, gdpeer_command
from tests.support.pyodide import make_pyodide
from tests.unit.websocket.support import CLOSE, frame, request


class Host(Process):
    """A `gdpeer roll` that hosts on free ports of loopback."""

    def __init__(self, *options: str) -> None:
        super().__init__(gdpeer_command("roll", "--host", "127.0.0.1", "--port", "0", "--name", "Hana", *options))
        self.url = self.wait_for(r"^Godot 4 and Python: +(ws://127\.0\.0\.1:\d+/)$")[1]


class Guest(Process):
    def __init__(self, url: str, name: str, *options: str) -> None:
        super().__init__(gdpeer_command("roll", "--join", url, "--name", name, *options))


@pytest.fixture
def host() -> Iterator[Host]:
    with Host() as process:
        yield process


def test_two_play(host: Host) -> None:
    with Guest(host.url, "Ann") as ann:
        ann.wait_for("Connected as Ann")
        host.wait_for("Players: Hana, Ann")
        host.say("roll")
        ann.wait_for(r"Hana: rolls \d+")
        ann.wait_for("It is your turn")
        ann.say("roll")
        host.wait_for(r"Ann: rolls \d+")
        ann.interrupt()
        assert ann.wait() == 0
        host.wait_for("Players: Hana$")
        assert ann.stderr == []


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as response:
        return str(response.read().decode())


def test_the_page_is_on_the_port_of_the_game(tmp_path: Path) -> None:
    make_pyodide(tmp_path)
    with Host("--pyodide", str(tmp_path)) as host:
        page = host.wait_for(r"^In a browser: +(http://127\.0\.0\.1:\d+/)$")[1]
        assert page.removeprefix("http") == host.url.removeprefix("ws")
        assert "<title>gdpeer roll</title>" in fetch(page)
        assert json.loads(fetch(f"{page}gdpeer/files.json"))["pyodide"]["version"] == "314.0.7"
        host.say("players")
        host.wait_for("Players: Hana")
        assert not [line for line in host.stdout if "Pyodide" in line]


def test_without_pyodide_the_command_says_so_in_a_line(tmp_path: Path) -> None:
    with Host("--pyodide", str(tmp_path)) as host:
        host.wait_for(r"^In a browser:")
        host.wait_for(r"^The page needs Pyodide: no Pyodide of version 314 .* \(npm install pyodide\)$")
        with Guest(host.url, "Ann") as ann:
            ann.wait_for("Connected as Ann")


def test_a_guest_of_godot_3_who_acts_by_himself() -> None:
    with Host("--godot3-port", "0", "--dedicated") as host:
        url = host.wait_for(r"^Godot 3: +(ws://127\.0\.0\.1:\d+/)$")[1]
        with Guest(url, "Bob", "--godot3", "--auto", "--pause", "0.01") as bob:
            host.wait_for(r"Bob: rolls \d+")
            host.popen.terminate()
            assert host.wait() == 0
            bob.wait_for("Connection closed: server gone")
            assert bob.wait() == 1


def frames(received: IO[bytes]) -> Iterator[bytes]:
    """The payloads up to that of a close frame; all are short."""
    first = 0
    while first != 0x88:
        first, size = received.read(2)
        assert size < 126
        yield received.read(size)


def test_a_host_that_is_to_end_waits_until_the_guests_have_answered() -> None:
    with Host("--dedicated") as host:
        address = "127.0.0.1", int(host.url.rpartition(":")[2].strip("/"))
        with socket.create_connection(address, timeout=10.0) as guest, guest.makefile("rb") as received:
            guest.sendall(request("/", f"Sec-WebSocket-Protocol: {PROTOCOL}"))
            while received.readline().strip():
                pass
            host.popen.terminate()
            assert list(frames(received))[-1] == b"\x03\xe9The table is closed"
            guest.settimeout(0.3)
            with pytest.raises(TimeoutError):
                guest.recv(1)
            guest.settimeout(10.0)
            guest.sendall(frame(CLOSE, b"\x03\xe9"))
            assert guest.recv(1) == b""
        assert host.wait() == 0


@pytest.mark.parametrize("godot3", [(), ("--godot3",)])
def test_interrupted_before_it_has_joined_it_exits_with_130(godot3: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"ws://127.0.0.1:{silent.getsockname()[1]}/"
        with Guest(url, "Ann", *godot3) as guest:
            connection, _ = silent.accept()
            with connection:
                connection.recv(1)
                guest.interrupt()
                assert guest.wait() == 130
                assert guest.stderr == []


@pytest.mark.parametrize(
    ("options", "status", "line"),
    [
        (("--join", "ws://127.0.0.1:1"), 1, ""),
        (("--join", "http://127.0.0.1"), 2, "gdpeer roll: cannot join http://127.0.0.1: "),
        (("--dedicated", "--auto"), 2, "gdpeer roll: --auto cannot be used with --dedicated"),
        (("--port", "9000", "--godot3-port", "9000"), 2, "gdpeer roll: --port and --godot3-port must differ"),
        (("--join", "ws://x", "--dedicated"), 2, "gdpeer roll: --join cannot be used with --dedicated"),
        (("--join", "ws://x", "--pyodide", "."), 2, "gdpeer roll: --join cannot be used with --dedicated"),
        (("--join", "ws://x", "--lan"), 2, "gdpeer roll: --join cannot be used with --dedicated"),
        (("--join", "ws://x", "--origin", "http://x"), 2, "gdpeer roll: --join cannot be used with --dedicated"),
        (("--lan", "--host", "*"), 2, "gdpeer roll: --lan and --host cannot be used together"),
        (("--origin", "x"), 2, "gdpeer roll: --origin: expected a page"),
        (
            ("--pyodide", "/nowhere"),
            2,
            "gdpeer roll: --pyodide: expected a folder, got '/nowhere', which cannot be found",
        ),
        (("--godot3",), 2, "gdpeer roll: --godot3 needs --join"),
    ],
)
def test_misuse_and_failure(options: tuple[str, ...], status: int, line: str) -> None:
    done = run_here("roll", *options)
    assert done.returncode == status
    assert done.stderr.startswith(line)


def test_a_port_in_use_is_one_line_and_status_1(host: Host) -> None:
    port = host.url.rstrip("/").rpartition(":")[2]
    done = run_here("roll", "--host", "127.0.0.1", "--port", port)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"gdpeer roll: cannot listen on 127.0.0.1 port {port}: the address is in use\n"
