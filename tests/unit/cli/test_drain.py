"""`gdpeer drain`: what it says, and what it asks of the server. The server is a thread with a control socket."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gdpeer.cli import drain as module
from gdpeer.cluster.control import Control, control_path
from gdpeer.transport.poller import Poller
from tests.unit.cli.test_commands import run
from tests.unit.cluster.test_control import FakeSupervisor


class Served(FakeSupervisor):
    """Its workers end as soon as they are asked to."""

    def replace(self, name: str, deadline: float) -> bool:
        is_there = super().replace(name, deadline)
        self.children.pop(name, None)
        return is_there

    def drain(self, deadline: float) -> None:
        super().drain(deadline)
        self.is_over = True

    is_over = False


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    supervisor, poller = Served(), Poller()
    control = Control(control_path(8910), poller, supervisor)  # type: ignore[arg-type]

    def serve() -> None:
        while not supervisor.is_over:
            poller.turn(0.02)
        control.close()
        poller.close()

    thread = threading.Thread(target=serve)
    thread.start()
    yield supervisor
    supervisor.is_over = True
    thread.join()


def test_it_lists_the_workers(served: Served) -> None:
    result = run("drain")
    assert result.exit_code == 0
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["a-1", "up", "process", "4711"],
        ["a-2", "starting", "process", "4711"],
    ]


def test_it_waits_for_the_end_of_a_worker(served: Served) -> None:
    result = run("drain", "a-1", "--deadline", "5")
    assert (result.exit_code, result.stdout.splitlines()) == (0, ["Draining a-1: rooms have 5 s", "a-1 has ended"])
    assert served.asked == [("a-1", 5.0)]
    result = run("drain", "a-1")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "gdpeer drain: there is no worker a-1 (gdpeer drain lists them)\n"


def test_it_drains_the_whole_server(served: Served) -> None:
    result = run("drain", "--all")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == ["Draining all workers: rooms have 300 s", "The server has ended"]
    assert served.asked == [300.0]


def test_one_worker_or_all() -> None:
    result = run("drain", "a-1", "--all")
    assert result.exit_code == 2
    assert result.stderr.startswith("gdpeer drain: name a worker or use --all, not both")


def test_without_a_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    for place in ("--port", "8910"), ("--host", "unix:/run/game.sock"):
        result = run("drain", *place)
        assert result.exit_code == 1
        assert result.stderr.startswith("gdpeer drain: no gdpeer serve --workers of this user answers at ")
        assert result.stderr.endswith("No such file or directory\n")
    (tmp_path / "gdpeer").chmod(0o755)
    assert "not a folder that belongs to this user alone" in run("drain").stderr


def test_a_server_that_ends_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gdpeer.cluster.control.ask", lambda path, message: iter(()))
    assert run("drain", "a-1").stderr == "gdpeer drain: the server ended before it answered\n"


def test_where_sockets_cannot_be_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CAN_PASS", False)
    result: Any = run("drain")
    assert result.exit_code == 1
    assert "only on systems that pass sockets between processes" in result.stderr
