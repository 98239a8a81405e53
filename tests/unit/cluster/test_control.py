"""The control socket: its place, and what clients ask."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gdpeer import TransportError
from gdpeer.cluster.control import Control, ask, control_path
from gdpeer.transport.poller import Poller


class FakeProcess:
    pid = 4711


class FakeChild:
    process = FakeProcess()

    def __init__(self, name: str, state: str) -> None:
        self.name = name
        self.state = state


class FakeSupervisor:
    """Knows two workers, and notes what it is asked."""

    def __init__(self) -> None:
        self.children = {"a-1": FakeChild("a-1", "up"), "a-2": FakeChild("a-2", "starting")}
        self.asked: list[Any] = []

    @property
    def workers(self) -> list[FakeChild]:
        return list(self.children.values())

    def replace(self, name: str, deadline: float) -> bool:
        self.asked.append((name, deadline))
        return name in self.children

    def drain(self, deadline: float) -> None:
        self.asked.append(deadline)


class Lab:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.poller = Poller()
        self.supervisor = FakeSupervisor()
        self.control = Control(path, self.poller, self.supervisor)  # type: ignore[arg-type]

    def ask(self, **message: Any) -> list[dict[str, Any]]:
        """What a client gets, which asks in a thread of its own."""
        got: list[dict[str, Any]] = []
        client = threading.Thread(target=lambda: got.extend(ask(self.path, message)), daemon=True)
        client.start()
        while client.is_alive():
            self.poller.turn(0.05)
            if got and "worker" in message:
                self.supervisor.children.pop(message["worker"], None)
        return got


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path / "control.sock")
    yield made
    made.control.close()
    made.poller.close()


def test_workers_are_listed(lab: Lab) -> None:
    assert lab.ask(ask="list") == [
        {
            "workers": [
                {"name": "a-1", "state": "up", "process": 4711},
                {"name": "a-2", "state": "starting", "process": 4711},
            ]
        }
    ]


def test_a_drain_is_over_when_the_worker_has_ended(lab: Lab) -> None:
    assert lab.ask(ask="drain", worker="a-1", deadline=5) == [{"begun": True}]
    assert lab.supervisor.asked == [("a-1", 5.0)]
    assert list(lab.supervisor.children) == ["a-2"]
    assert lab.ask(ask="drain", worker="a-9", deadline=5) == [{"problem": "there is no worker a-9"}]


def test_a_drain_of_all_is_over_when_the_server_has_ended(lab: Lab) -> None:
    got: list[dict[str, Any]] = []
    message = {"ask": "drain", "worker": None, "deadline": 7}
    client = threading.Thread(target=lambda: got.extend(ask(lab.path, message)), daemon=True)
    client.start()
    while not lab.supervisor.asked:
        lab.poller.turn(0.05)
    assert client.is_alive()
    lab.control.close()
    client.join(10)
    assert got == [{"begun": True}]
    assert lab.supervisor.asked == [7.0]


@pytest.mark.parametrize(
    "line", [b"hello\n", b"[]\n", b"{}\n", b'{"ask":"drain"}\n', b'{"ask":"drain","deadline":"x"}\n']
)
def test_what_is_no_question_ends_the_connection(lab: Lab, line: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5.0)
        client.connect(os.fspath(lab.path))
        client.sendall(line)
        for _ in range(3):
            lab.poller.turn(0.05)
        assert client.recv(100) == b""
    assert lab.supervisor.asked == []


def test_a_client_that_goes_is_forgotten(lab: Lab) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(os.fspath(lab.path))
        lab.poller.turn(0.05)
        assert len(lab.control._clients) == 1
    for _ in range(3):
        lab.poller.turn(0.05)
    assert not lab.control._clients


def test_two_servers_cannot_have_one_socket(lab: Lab) -> None:
    with pytest.raises(TransportError, match=r"listens on .* already"):
        Control(lab.path, lab.poller, lab.supervisor)  # type: ignore[arg-type]


def test_the_socket_is_in_a_folder_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    path = control_path(8910)
    assert path == tmp_path / "gdpeer" / "serve-8910.sock"
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert control_path("/run/game.sock") != control_path("/run/other.sock")
    path.parent.chmod(0o755)
    with pytest.raises(OSError, match="not a folder that belongs to this user alone"):
        control_path(8910)
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert control_path(8910).parent == tmp_path / f"gdpeer-{os.getuid()}"
