"""The parent of `gdpeer serve --workers`: its port, its signals, what its children get; and all of it as processes."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from gdpeer.cli import serve_workers as module
from gdpeer.cli.failure import Failure
from gdpeer.cli.serve import Serving, lack_of_address
from gdpeer.cli.serve_workers import Parent, Port, Signals, WatchesSockets, raise_limit, refuse_what_cannot_be
from gdpeer.cluster.broker.address import Address
from gdpeer.cluster.child import VARIABLE, ChildSettings
from gdpeer.cluster.supervisor import DOOR
from gdpeer.transport.poller import Poller
from tests.support.fake_redis import FakeRedis
from tests.unit.cli.test_commands import run
from tests.unit.cli.test_serve import SECRET, Server, folder

__all__ = ["folder"]


def serving(**options: Any) -> Serving:
    given: dict[str, Any] = {
        "game": ("serve_game", "Arena"),
        "host": "localhost",
        "port": 0,
        "public_url": None,
        "origins": (),
        "deadline": 300.0,
        "secret_file": None,
        "monitor_token_file": None,
        "cert": None,
        "key": None,
        "workers": 2,
        "broker": None,
        "namespace": "gdpeer",
        "check": False,
        "child": None,
    }
    return Serving(**{**given, **options})


# ------------------------------------------------------------------------------------------------ what is refused


def test_tls_cannot_be_read_by_the_door(tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match=r"--cert cannot be used with --workers, .* proxy with TLS in front"):
        refuse_what_cannot_be(serving(cert=tmp_path))


def test_without_passing_of_sockets_there_are_no_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CAN_PASS", False)
    with pytest.raises(Failure, match=r"cannot pass connections .* without --workers"):
        refuse_what_cannot_be(serving())


def test_children_get_the_proxies_and_the_address_of_the_machine() -> None:
    given = serving(address="ws://10.0.0.11:8910", trusted_proxies=("10.0.0.1", "unix"))
    with Poller() as poller:
        port = Port("localhost", 0)
        parent = Parent(given, port, poller, has_secret=True)
        words = " ".join(parent._command("w1"))
        parent.close()
        port.close()
    assert "--address ws://10.0.0.11:8910 --trusted-proxy 10.0.0.1 --trusted-proxy unix" in words


def test_servers_that_share_a_broker_need_the_same_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GDPEER_SECRET", raising=False)
    result = run("serve", "serve_game:Arena", "--workers", "2", "--broker", "redis://127.0.0.1:1")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "need the same (GDPEER_SECRET, --secret-file)" in result.stderr


def test_too_few_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (64, 128))
    asked: list[Any] = []
    monkeypatch.setattr(resource, "setrlimit", lambda kind, limits: asked.append(limits))
    with pytest.raises(Failure, match="the system allows 128 descriptors a process: raise the limit"):
        raise_limit()
    assert asked == [(128, 128)]


def test_a_limit_that_cannot_be_raised_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(kind: int, limits: Any) -> None:
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(resource, "getrlimit", lambda kind: (1024, 4096))
    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert raise_limit() == 1024


@pytest.mark.parametrize("words", ["0", "300", "x", "-1"])
def test_a_number_of_workers_that_is_none(folder: Path, words: str) -> None:
    result = run("serve", "serve_game:Arena", "--workers", words)
    assert result.exit_code == 2
    assert result.stderr.startswith("gdpeer serve: --workers: expected 1 to 256 or auto, got ")


def test_a_broker_with_a_password_belongs_into_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run("serve", "serve_game:Arena", "--broker", "redis://ann:hunter2@host")
    assert result.exit_code == 2
    assert "set the variable GDPEER_BROKER instead" in result.stderr
    assert "hunter2" not in result.stderr
    monkeypatch.setenv("GDPEER_BROKER", "ftp://ann:hunter2@host")
    result = run("serve", "serve_game:Arena")
    assert result.exit_code == 1
    assert result.stderr.startswith("gdpeer serve: GDPEER_BROKER: expected a URL such as redis://localhost or nats://")
    assert "hunter2" not in result.stderr


@pytest.mark.parametrize(
    ("options", "is_lacking"),
    [
        ({"broker": "redis://10.0.0.2"}, True),
        ({"broker": "redis://10.0.0.2", "public_url": "wss://play.example"}, True),
        ({"broker": "redis://10.0.0.2", "host": "10.0.0.11"}, True),  # its workers do not know the port
        ({"broker": "redis://10.0.0.2", "host": "10.0.0.11", "workers": None}, False),
        ({"broker": "redis://10.0.0.2", "host": "10.0.0.11", "workers": None, "public_url": "wss://a.example"}, True),
        ({"broker": "redis://10.0.0.2", "host": "*", "workers": None}, True),
        ({"broker": "redis://10.0.0.2", "host": "0.0.0.0", "workers": None}, True),
        ({"broker": "redis://10.0.0.2", "host": "localhost", "workers": None}, True),
        ({"broker": "redis://10.0.0.2", "host": "unix:/x", "workers": None}, True),
        ({"broker": "redis://10.0.0.2", "address": "ws://10.0.0.11:8910"}, False),
        ({"broker": "redis://localhost"}, False),
        ({}, False),
    ],
)
def test_other_machines_need_the_address_of_this_one(options: dict[str, Any], is_lacking: bool) -> None:
    assert bool(lack_of_address(serving(**options))) == is_lacking


# ------------------------------------------------------------------------------------------------ the port


def test_a_port_of_its_own() -> None:
    port = Port("localhost", 0)
    assert (port.sockets[0].getsockname(), port.name) == (("127.0.0.1", port.number), "")
    with pytest.raises(Failure, match="the address is in use"):
        Port("localhost", port.number)
    port.close()


def test_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "game.sock"
    port = Port(f"unix:{path}", 0)
    assert (port.number, port.name) == (0, str(path))
    assert path.exists()
    port.close()
    assert not path.exists()


def test_sockets_of_systemd_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        monkeypatch.setattr(module, "FIRST_INHERITED", listening.fileno())
        monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
        monkeypatch.setenv("LISTEN_FDS", "1")
        monkeypatch.setenv("LISTEN_FDNAMES", "game")
        port = Port("localhost", 1)
        assert port.sockets[0].getsockname() == listening.getsockname()
        assert port.number == listening.getsockname()[1]
        assert not any(name.startswith("LISTEN_") for name in os.environ)
        port.close()
        listening.detach()


def test_sockets_for_another_process_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PID", "1")
    monkeypatch.setenv("LISTEN_FDS", "1")
    assert module.inherited() == []


# ------------------------------------------------------------------------------------------------ its children


class Started:
    """Stands for `subprocess.Popen`: keeps what it was given."""

    def __init__(self) -> None:
        self.calls: list[tuple[list[str], dict[str, Any]]] = []

    def __call__(self, command: list[str], **settings: Any) -> Any:
        self.calls.append((command, settings))
        return self


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    made = Started()
    monkeypatch.setattr(subprocess, "Popen", made)
    return made


def settings_of(call: dict[str, Any]) -> ChildSettings:
    given = json.loads(call["env"][VARIABLE])
    return ChildSettings(**{**given, "listen": tuple(given["listen"])})


def test_children_get_descriptors_and_options_and_no_secret_in_arguments(started: Started, tmp_path: Path) -> None:
    file = tmp_path / "token"
    options = serving(public_url="wss://play.example", origins=("https://a.example",), monitor_token_file=file)
    port, control = Port("localhost", 0), socket.socketpair()
    with Poller() as poller:
        parent = Parent(options, port, poller, has_secret=False)
        parent.spawn(DOOR, "door-1", "door-1", control[0])
        parent.spawn("worker", "a-2", "a-1", control[0])
        parent.turn(0.0)
        parent.forget("a-1")
        (door, door_call), (worker, worker_call) = started.calls
        assert door[1:8] == ["-P", "-m", "gdpeer", "serve", "serve_game:Arena", "--child", "door-1"]
        assert worker[8:] == [
            *("--namespace", "gdpeer", "--deadline", "300", "--public-url", "wss://play.example"),
            *("--origin", "https://a.example", "--monitor-token-file", str(file)),
        ]
        assert settings_of(door_call).listen == (port.sockets[0].fileno(),)
        assert settings_of(door_call).broker == -1
        assert settings_of(worker_call).listen == ()
        assert settings_of(worker_call).slot == "a-1"
        assert settings_of(worker_call).broker > 0
        assert worker_call["pass_fds"] == settings_of(worker_call).descriptors()
        secret = worker_call["env"]["GDPEER_SECRET"]
        assert len(secret) == 64
        assert door_call["env"]["GDPEER_SECRET"] == secret
        assert not any(secret in word for word in worker)
        parent.close()
    port.close()
    for end in control:
        end.close()


def test_with_a_broker_the_children_get_its_url_in_the_environment(started: Started) -> None:
    port, control = Port("localhost", 0), socket.socketpair()
    with Poller() as poller:
        parent = Parent(serving(broker="redis://ann:hunter2@host"), port, poller, has_secret=True)
        parent.spawn("worker", "a-2", "a-1", control[0])
        parent.turn(0.0)
        ((command, call),) = started.calls
        sockets = Path(settings_of(call).folder)
        for name in ("1.sock", "2.sock"):
            (sockets / name).touch()
        parent.forget("a-1")  # it was killed
        parent.forget("a-3")
        assert [one.name for one in sockets.iterdir()] == ["2.sock"]
        parent.close()
        assert not sockets.exists()
    assert call["env"]["GDPEER_BROKER"] == "redis://ann:hunter2@host"
    assert not any("hunter2" in word for word in command)
    assert settings_of(call).broker == -1
    port.close()
    for end in control:
        end.close()


def test_a_selector_over_a_poller() -> None:
    ours, theirs = socket.socketpair()
    happened: list[str] = []
    with Poller() as poller:
        selector = WatchesSockets(poller)
        selector.register(ours, 1, lambda: happened.append("ready"))
        poller.turn(0)
        theirs.sendall(b"x")
        poller.turn(0)
        assert happened == ["ready"]
        ours.recv(1)
        selector.modify(ours, 3)
        poller.turn(0)
        assert happened == ["ready", "ready"]
        selector.unregister(ours)
        poller.turn(0)
        assert len(happened) == 2
        assert selector.select(0) == []
        assert not selector.get_map()
    ours.close()
    theirs.close()


# ------------------------------------------------------------------------------------------------ from start to end


class Fake:
    """A child without a process: a thread that says that it is up, and ends when it is told to."""

    pid = 4711

    def __init__(self, role: str, end: socket.socket) -> None:
        self.status: int | None = None
        self._end = end.dup()
        self._about = {"kinds": ["arena"], "lobby": True, "pages": False, "needs_secret": True}
        self._is_stubborn = False
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        self._end.sendall(json.dumps({"is": "up", **self._about}).encode() + b"\n")
        text = b""
        while b'"drain"' not in text and b'"end"' not in text:
            text += self._end.recv(4096) or b'"end"'
        self.status = 0
        self._end.close()

    def poll(self) -> int | None:
        return self.status

    def kill(self) -> None:
        self.status = -9


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []

    def spawn(self: Parent, role: str, name: str, slot: str, end: socket.socket) -> Fake:
        names.append(role)
        return Fake(role, end)

    monkeypatch.setattr(Parent, "spawn", spawn)
    return names


def after(condition: Callable[[], bool], *numbers: int) -> None:
    """Sends signals to this process, once something holds."""

    def send() -> None:
        while not condition():
            time.sleep(0.01)
        for number in numbers:
            time.sleep(0.2)
            os.kill(os.getpid(), number)

    threading.Thread(target=send, daemon=True).start()


@pytest.mark.parametrize(
    ("numbers", "started"),
    [([signal.SIGTERM], 3), ([signal.SIGINT], 3), ([signal.SIGHUP, signal.SIGTERM], 6)],
)
def test_signals(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fakes: list[str], numbers: list[int], started: int
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    if signal.SIGHUP in numbers:
        numbers = [signal.SIGHUP, signal.SIGTERM]
    after(lambda: len(fakes) == 3, *numbers)
    result = run("serve", "serve_game:Arena", "--workers", "2", "--port", "0")
    assert result.exit_code == 0, result.output
    assert len(fakes) == started
    assert "Lobby:    http://localhost:" in result.output
    assert "No secret in GDPEER_SECRET" in result.output


def test_too_many_deaths_are_status_1(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Dead(Fake):
        def _run(self) -> None:
            self.status = 3
            self._end.close()

    def spawn(self: Parent, role: str, name: str, slot: str, end: socket.socket) -> Fake:
        return (Fake if role == DOOR else Dead)(role, end)

    monkeypatch.setattr(Parent, "spawn", spawn)
    result = run("serve", "serve_game:Arena", "--workers", "2", "--port", "0")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == "gdpeer serve: the first worker ended with status 3 before it was up"


def test_without_a_control_socket_it_serves_nevertheless(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fakes: list[str]
) -> None:
    (tmp_path / "gdpeer").mkdir(mode=0o755)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    after(lambda: len(fakes) == 3, signal.SIGTERM)
    result = run("serve", "serve_game:Arena", "--workers", "2", "--port", "0")
    assert result.exit_code == 0
    assert result.stderr.startswith("gdpeer drain cannot reach this server: ")


def test_a_broker_that_cannot_be_reached_is_waited_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch, fakes: list[str]
) -> None:
    monkeypatch.setenv("GDPEER_SECRET", SECRET)
    said: list[str] = []
    monkeypatch.setattr(module, "print_line", said.append)
    monkeypatch.setattr(Address, "is_here", False)
    after(lambda: said, signal.SIGTERM)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"redis://127.0.0.1:{listening.getsockname()[1]}"
        listening.close()
        result = run("serve", "serve_game:Arena", "--workers", "2", "--port", "0", "--broker", url)
    assert result.exit_code == 0
    assert fakes == []
    assert said == ["Waiting for the broker"]
    assert result.stderr.startswith("Warning: no --address is given")


def test_a_missing_library_of_the_broker(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: Any) -> Any:
        raise ImportError("the broker needs redis: pip install gdpeer[redis]")

    monkeypatch.setattr(module, "open_broker", fail)
    monkeypatch.setenv("GDPEER_SECRET", SECRET)
    result = run("serve", "serve_game:Arena", "--workers", "2", "--port", "0", "--broker", "redis://127.0.0.1")
    assert result.exit_code == 1
    assert "pip install gdpeer[redis]" in result.stderr


def test_the_second_ctrl_c_kills() -> None:
    class Supervisor:
        outcome: Any = None
        calls: list[str] = []  # noqa: RUF012

        def end(self) -> None:
            self.calls.append("end")

        def kill(self) -> None:
            self.calls.append("kill")
            self.outcome = "over"

    class Turns:
        def turn(self, timeout: float) -> None:
            os.kill(os.getpid(), signal.SIGINT)

    supervisor = Supervisor()
    with Poller() as poller, Signals(poller) as signals:
        module.supervise(supervisor, Turns(), signals)  # type: ignore[arg-type]
    assert supervisor.calls == ["end", "kill"]


def test_health_and_metrics_are_answered_while_all_workers_drain(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with (
        Server(folder, "serve_game:Arena", "--workers", "1", GDPEER_SECRET=SECRET) as server,
        server.join(server.seat()),
    ):
        server.popen.terminate()
        server.wait_for(r"^Draining: rooms have 300 s to end")
        server.wait_for(r"^drain \d+$")
        status, body = server.get("/health")
        assert (status, json.loads(body)["status"]) == (200, "draining")
        metrics = server.get("/metrics")[1]
        assert re.search(r'^gdpeer_draining\{worker="[^"]+-1"\} 1\.0$', metrics, re.MULTILINE)
        status, body = server.get("/lobby/arena/quick", wishes={})
        assert (status, json.loads(body)["error"]) == (503, "draining")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_killed_worker_and_an_ended_parent_leave_no_sockets_behind(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    temporary = tmp_path / "t"
    temporary.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(temporary))
    with (
        FakeRedis() as redis,
        Server(folder, "serve_game:Arena", "--workers", "2", "--broker", redis.url) as server,
    ):
        pid = int(server.wait_for(r"-2 is up \(process (\d+)\)")[1])
        assert sockets_in(temporary) == {"1.sock", "2.sock"}
        os.kill(pid, signal.SIGKILL)
        server.wait_for(r"-3 is up")
        assert sockets_in(temporary) == {"1.sock", "3.sock"}
        server.popen.send_signal(number)
        server.popen.wait(20)
        end = time.monotonic() + 20
        while list(temporary.iterdir()) and time.monotonic() < end:
            time.sleep(0.05)
        assert list(temporary.iterdir()) == []


def sockets_in(folder: Path) -> set[str]:
    (family,) = folder.iterdir()
    return {one.name for one in family.iterdir()}


def test_two_workers_as_processes(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with Server(folder, "serve_game:Arena", "--workers", "2", GDPEER_SECRET=SECRET) as server:
        server.wait_for(r"-2 is up \(process \d+\)")
        with server.join(server.seat()):
            assert json.loads(server.get("/health")[1])["status"] == "ok"
            result = run("drain", "--port", str(server.port))
            pids = [int(line.split()[-1]) for line in result.stdout.splitlines()]
            assert len(pids) == 2
            metrics = server.get("/metrics")[1]
            assert len(re.findall(r'^gdpeer_worker_up\{worker="[^"]+-[12]"\} 1\.0$', metrics, re.MULTILINE)) == 2
            assert len(re.findall(r"^gdpeer_peers\{", metrics, re.MULTILINE)) == 2
            server.popen.kill()
            end = time.monotonic() + 20
            while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < end:
                time.sleep(0.05)
            assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
