"""`gdpeer serve --workers` with sockets that systemd has opened; `systemd-socket-activate` needs no systemd to run."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect, unix_connect

from tests.support.brokers import command
from tests.support.ports import free_port, wait_until_listening
from tests.support.processes import Process, gdpeer_command

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="systemd is for Linux")

GAME = """\
from gdpeer.rooms import Room

class Arena(Room):
    idle_timeout = 600

    def save(self):
        return b""
"""
VARIABLES = ("GDPEER_SECRET", "PYTHONPATH", "PYTHONUNBUFFERED", "XDG_RUNTIME_DIR")
"""Variables that the server gets; systemd-socket-activate passes on no others than these."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path, as sockets need."""
    with tempfile.TemporaryDirectory(prefix="gdp") as made:
        (Path(made) / "systemd_game.py").write_text(GAME)
        yield Path(made)


def activated(folder: Path, port: int, *options: str) -> Process:
    """A port and a Unix socket at which nothing runs before the first client comes."""
    words = [*command("systemd-socket-activate"), "-l", f"127.0.0.1:{port}", "-l", str(folder / "game.sock")]
    environment = {"GDPEER_SECRET": "a secret of tests that is long enough", "XDG_RUNTIME_DIR": str(folder)}
    for name in VARIABLES:
        words += [] if name == "PYTHONPATH" and name not in os.environ else ["-E", name]
    words += gdpeer_command("serve", "systemd_game:Arena", "--workers", "1", "--port", "1", *options)
    return Process(words, environment=environment, folder=folder)


def ask(port: int, path: str, body: bytes | None = None) -> Any:
    """Sends a request to a port, and returns the answer's content."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def test_the_client_that_starts_the_server_is_served_and_no_other_is_refused(folder: Path) -> None:
    port = free_port()
    with activated(folder, port) as server:
        wait_until_listening(port)
        url = ask(port, "/lobby/arena/quick", b"{}")["url"]  # starts the server
        assert url.startswith(f"ws://127.0.0.1:{port}/room/")
        server.wait_for(rf"^Rooms: +ws://localhost:{port}/room/CODE$")
        with connect(url, subprotocols=["gdpeer"], proxy=None):  # type: ignore[list-item]
            server.popen.send_signal(signal.SIGHUP)  # the new door gets the same sockets
            while not any("door-2" in line for line in children(server.popen.pid)):
                assert ask(port, "/health")["status"] in ("ok", "draining")
                time.sleep(0.02)
            seat = ask(port, "/lobby/arena/quick", b"{}")["url"].replace(f"127.0.0.1:{port}", "localhost")
            with unix_connect(str(folder / "game.sock"), seat, subprotocols=["gdpeer"]):  # type: ignore[list-item]
                pass
        server.popen.send_signal(signal.SIGINT)
        assert server.wait() == 0
    socket.create_server(("127.0.0.1", port)).close()  # nobody has kept the port open


def children(pid: int) -> list[str]:
    """Returns the commands of a process's children."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [Path(f"/proc/{one}/cmdline").read_bytes().replace(b"\0", b" ").decode() for one in found]
