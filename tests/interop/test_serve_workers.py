"""An engine in a room of `gdpeer serve --workers`: its worker drains, is killed and replaced; the door is killed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.resuming import make_project
from tests.support.engines import Engine
from tests.support.missing import ROOT
from tests.support.ports import free_port
from tests.support.processes import Process

pytestmark = [pytest.mark.engine, pytest.mark.timeout(180)]


class Server(Process):
    """A server with a door and two workers."""

    def __init__(self) -> None:
        self.port = free_port()
        command = [sys.executable, "-m", "gdpeer.cli", "serve", "tests.support.serve_game:Table", "--workers", "2"]
        super().__init__([*command, "--port", str(self.port)], folder=ROOT)
        self.until(lambda: len(self.workers()) == 2)

    def until(self, done: Callable[[], object], seconds: float = 60.0) -> None:
        end = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < end, self._story("waited in vain")
            time.sleep(0.05)

    def workers(self) -> dict[str, int]:
        """The workers that are up, with their processes."""
        command = [sys.executable, "-m", "gdpeer.cli", "drain", "--port", str(self.port)]
        listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        return {name: int(pid) for name, pid in re.findall(r"^(\S+) +up +process (\d+)$", listed, re.MULTILINE)}

    def door(self) -> int:
        """The process of the door."""
        children = Path(f"/proc/{self.popen.pid}/task/{self.popen.pid}/children").read_text().split()
        return next((int(one) for one in children if b"\0door-" in Path(f"/proc/{one}/cmdline").read_bytes()), 0)

    def make_room(self) -> str:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/lobby/table/create", b"{}")
        with urllib.request.urlopen(request, timeout=10) as answer:
            url: str = json.loads(answer.read())["url"]
        return url.partition("?")[0].replace("localhost", "127.0.0.1")

    def replace_all(self, number: int) -> None:
        """Sends a signal to each worker, and waits until two others are up."""
        for name, pid in self.workers().items():
            os.kill(pid, number)
            self.until(lambda name=name: len(self.workers().keys() - {name}) == 2)  # type: ignore[misc]


def losses(engine: Engine) -> int:
    return len(engine.all("server_disconnected"))


def has_come_back(engine: Engine, more_than: int) -> bool:
    """Whether the engine has lost its connection more often than that, and is in its room again."""
    return losses(engine) > more_than and len(engine.all("connected")) == 1 + losses(engine)


def test_an_engine_keeps_its_id_whatever_happens_to_the_processes(tmp_path: Path) -> None:
    with Server() as server, Engine("4", make_project(tmp_path, server.make_room()), "main.tscn") as engine:
        server.until(lambda: engine.all("connected"))
        server.replace_all(signal.SIGTERM)  # one of the two has the room
        server.until(lambda: has_come_back(engine, 0))
        before = losses(engine)
        time.sleep(1.0)  # so that the room is saved
        server.replace_all(signal.SIGKILL)
        server.until(lambda: has_come_back(engine, before))
        before, door = losses(engine), server.door()
        os.kill(door, signal.SIGKILL)
        server.until(lambda: server.door() not in (0, door))
        time.sleep(1.0)
        assert losses(engine) == before
        server.until(lambda: len(server.workers()) == 2)
        old = {*server.workers().values(), server.door()}
        server.popen.send_signal(signal.SIGHUP)
        server.until(lambda: not old & {*server.workers().values(), server.door()})
        server.until(lambda: has_come_back(engine, before))
        assert len({event["id"] for event in engine.all("connected")}) == 1
        assert engine.all("connection_failed") == []
        pids = [*server.workers().values(), server.door()]
        server.popen.kill()
        server.until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
