"""The door, a worker, and a worker with a port of its own, each run in this process."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gdpeer.cli import serve_child as module
from gdpeer.cli.failure import Failure
from gdpeer.cli.serve_child import open_shared, run_child, run_until_over, serve_as_worker
from gdpeer.cluster.broker.local import StoreServer
from gdpeer.cluster.broker.memory import MemoryBroker, MemoryStore
from gdpeer.cluster.child import ChildSettings
from gdpeer.cluster.supervisor import DOOR
from gdpeer.rooms import Hall
from gdpeer.terminal.stopping import Stop
from tests.unit.cli.test_commands import run
from tests.unit.cli.test_serve import TOKEN, folder
from tests.unit.cli.test_serve_workers import serving

__all__ = ["folder"]


@pytest.fixture(autouse=True)
def secret(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The secret that a parent, or the operator, gives."""
    monkeypatch.setenv("GDPEER_SECRET", "ab" * 32)


@pytest.fixture(autouse=True)
def lives(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The pipes that would end this process a while after the test."""
    made: list[int] = []
    monkeypatch.setattr(module, "end_with_parent", lambda life, folder: made.append(life))
    return made


class Parent:
    """The other side of a child's links, in a thread that answers each "up" with a word."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.life, self._life_end = os.pipe()
        self.end, control = socket.socketpair()
        self.control = control.detach()
        self.heard: list[dict[str, Any]] = []
        self._answer = answer
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        text = b""
        while data := self.end.recv(4096):
            text += data
            *lines, text = text.split(b"\n")
            for line in lines:
                self.heard.append(json.loads(line))
                if self.heard[-1]["is"] == "up":
                    self.end.sendall(json.dumps(self._answer).encode() + b"\n")

    def close(self) -> None:
        self._thread.join(10)
        self.end.close()
        os.close(self.life)
        os.close(self._life_end)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Any]:
    """The directory of a parent, in a thread: returns the worker's end."""
    server, is_over = StoreServer(MemoryStore()), threading.Event()
    ours, theirs = socket.socketpair()
    server.add(ours)

    def serve() -> None:
        while not is_over.is_set():
            server.poll(0.02)
        server.close()

    thread = threading.Thread(target=serve)
    thread.start()
    yield theirs.detach()
    is_over.set()
    thread.join()


def test_a_door_runs_until_its_parent_ends_it(lives: list[int]) -> None:
    parent = Parent({"do": "end"})
    listening = socket.create_server(("127.0.0.1", 0)).detach()
    run_child(ChildSettings(DOOR, "door-1", parent.control, parent.life, (listening,)), serving())
    parent.close()
    assert parent.heard == [{"is": "up"}]
    assert lives == [parent.life]


def test_a_signal_lets_the_door_finish() -> None:
    parent = Parent({"do": "nothing"})
    listening = socket.create_server(("127.0.0.1", 0)).detach()
    stop = Stop()
    stop.requested = True
    module.run_door(ChildSettings(DOOR, "door-1", parent.control, parent.life, (listening,)), (), stop)
    parent.close()


def test_a_worker_runs_until_its_parent_ends_it(folder: Path, store: int) -> None:
    parent = Parent({"do": "end"})
    child = ChildSettings("worker", "a-1", parent.control, parent.life, broker=store)
    run_child(child, serving(public_url="wss://play.example"))
    parent.close()
    (told,) = parent.heard
    assert (told["is"], told["kinds"], told["lobby"], told["needs_secret"]) == ("up", ["arena"], True, True)


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    """Stands for a broker that others have, too."""
    store = MemoryStore()

    def open_broker(url: str, namespace: str, run_soon: Any) -> MemoryBroker:
        store._run_soon = run_soon
        return MemoryBroker(store)

    monkeypatch.setattr(module, "open_broker", open_broker)
    return store


def test_a_worker_of_a_broker_can_be_asked_for_its_health(
    folder: Path, shared: MemoryStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[Any] = []

    def run(worker: Any, stop: Stop) -> None:
        seen.append((worker.cluster.socket, Path(worker.cluster.socket).is_socket(), worker.hall.is_listening()))
        run_until_over(worker, stop)

    monkeypatch.setattr(module, "run_until_over", run)
    parent = Parent({"do": "end"})
    family = tmp_path / "family"
    family.mkdir()
    child = ChildSettings("worker", "a-1", parent.control, parent.life, folder=str(family))
    run_child(child, serving(broker="redis://host"))
    parent.close()
    assert [told["is"] for told in parent.heard] == ["up"]
    assert seen == [(str(family / "1.sock"), True, True)]
    assert list(family.iterdir()) == []


@pytest.mark.parametrize("is_last", [False, True])
def test_the_last_worker_removes_the_folder_of_a_parent_that_was_killed(
    folder: Path, shared: MemoryStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_last: bool
) -> None:
    def run(worker: Any, stop: Stop) -> None:
        worker._lose_parent()
        worker.close()

    monkeypatch.setattr(module, "run_until_over", run)
    parent = Parent({"do": "nothing"})
    family = tmp_path / "family"
    family.mkdir()
    if not is_last:
        (family / "2.sock").touch()
    child = ChildSettings("worker", "a-1", parent.control, parent.life, folder=str(family))
    run_child(child, serving(broker="redis://host"))
    parent.close()
    assert family.exists() != is_last


def test_a_worker_with_a_port_of_its_own(
    folder: Path, shared: MemoryStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GDPEER_MONITOR_TOKEN", TOKEN)
    seen: list[Any] = []

    def run(worker: Any, stop: Stop) -> None:
        seen.append((worker.cluster.url, worker.hall.is_listening()))
        stop.requested = True
        run_until_over(worker, stop)

    monkeypatch.setattr(module, "run_until_over", run)
    serve_as_worker(serving(workers=None, broker="redis://host"))
    ((url, is_listening),) = seen
    assert url.startswith("ws://127.0.0.1:")
    assert is_listening
    said, warned = capsys.readouterr()
    assert warned.startswith("Warning: no --address is given")
    assert "Rooms:    ws://localhost:" in said
    assert "Monitor:" in said
    assert " of the cluster gdpeer" in said


def test_the_command_starts_such_a_worker(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Any] = []
    monkeypatch.setattr(module, "serve_as_worker", served.append)
    assert run("serve", "serve_game:Arena", "--broker", "nats://host", "--namespace", "prod").exit_code == 0
    assert (served[0].broker, served[0].namespace) == ("nats://host", "prod")


def test_the_command_is_a_child_if_its_parent_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Any] = []
    monkeypatch.setattr(module, "run_child", lambda child, serving: served.append(child))
    first, second = os.pipe()
    monkeypatch.setenv("GDPEER_CHILD", ChildSettings("worker", "a-1", first, second).write())
    assert run("serve", "serve_game:Arena", "--child", "a-1").exit_code == 0
    assert served == [ChildSettings("worker", "a-1", first, second)]
    os.close(first)
    os.close(second)


def test_a_missing_library_of_the_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: Any) -> Any:
        raise ImportError("the broker needs redis: pip install gdpeer[redis]")

    monkeypatch.setattr(module, "open_broker", fail)
    with pytest.raises(Failure, match="pip install"):
        open_shared(serving(broker="redis://host"), Hall([]))


def test_a_worker_with_a_port_needs_a_secret(
    folder: Path, shared: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GDPEER_SECRET")
    with pytest.raises(Failure, match="need the same secret"):
        serve_as_worker(serving(workers=None, broker="redis://host"))
