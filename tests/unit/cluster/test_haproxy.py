"""The configuration of HAProxy, and the commands for one that runs; tests/interop/test_haproxy.py has the real one."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gdpeer.cluster.haproxy import Admin, Follower, Wanted, address_of, configuration, wanted
from gdpeer.cluster.records import Owner, Worker

A, B, C = ("10.0.0.1", 8910), ("10.0.0.2", 8910), ("10.0.0.3", 8910)


def worker(name: str, url: str, *, is_up: bool = True, epoch: int = 1) -> Worker:
    return Worker(name, epoch, url, "", 0, 0, 0.0, is_up, "1", name, False)


class Haproxy:
    """Answers as HAProxy 2.6 does."""

    def __init__(self) -> None:
        self.pid = 100
        self.servers: dict[str, str] = {}
        self.map: dict[str, str] = {}
        self.told: list[str] = []
        self.is_there = True
        self._versions: dict[str, dict[str, str]] = {}

    def ask(self, command: str) -> str:
        if not self.is_there:
            raise ConnectionRefusedError("refused")
        if command == "show info":
            return f"Name: HAProxy\nPid: {self.pid}\nUptime: 1"
        self.told.append(command)
        if command == "prepare map /m":
            return f"New version created: {len(self.told)}"
        if found := re.fullmatch(r"add map @(\d+) /m <<\n(.*\n)", command, re.DOTALL):
            self._versions.setdefault(found[1], {}).update(line.split() for line in found[2].splitlines())
            return ""
        if found := re.fullmatch(r"commit map @(\d+) /m", command):
            self.map = self._versions.get(found[1], {})
            return ""
        if found := re.fullmatch(r"set server machines/(m\d+) addr (\S+) port (\d+)", command):
            self.servers[found[1]] = f"{found[2]}:{found[3]}"
            return f"IP changed from '127.0.0.1' to '{found[2]}', port changed by 'stats socket command'"
        if found := re.fullmatch(r"set server machines/(m\d+) state (\w+)", command):
            self.servers[found[1]] = f"{self.servers[found[1]].partition(' ')[0]} {found[2]}"
            return ""
        return "Unknown command."


def test_workers_of_one_machine_share_its_address() -> None:
    workers = {
        "w1": worker("w1", "ws://10.0.0.1:8910", is_up=False),
        "w2": worker("w2", "ws://10.0.0.1:8910"),
        "w3": worker("w3", "ws://10.0.0.2:8910", is_up=False),
        "w4": worker("w4", ""),
    }
    owners = {
        "AA": Owner("w1", 1, 1, 1),
        "BB": Owner("w3", 1, 1, 1),
        "CC": Owner("w2", 7, 1, 1),
        "DD": Owner("w9", 1, 1, 1),
    }
    assert wanted(workers, owners) == Wanted({A: True, B: False}, {"AA": A, "BB": B}, ("w4",))


def test_workers_without_an_address_are_named() -> None:
    workers = {name: worker(name, url) for name, url in (("b", ""), ("a", "unix:/x"), ("c", "ws://10.0.0.1:8910"))}
    assert wanted(workers, {}).lost == ("a", "b")


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("wss://play.example", ("play.example", 443)),
        ("http://play.example/x", ("play.example", 80)),
        ("ws://[::1]:8910", ("::1", 8910)),
        ("ws://a;b:1", None),
        ("ws://a b:1", None),
        ("ws://a:99999", None),
        ("unix:/x", None),
        ("", None),
    ],
)
def test_the_address_of_a_url(url: str, address: tuple[str, int] | None) -> None:
    assert address_of(url) == address


def test_machines_come_drain_and_go() -> None:
    haproxy = Haproxy()
    follower = Follower(haproxy.ask, "/m")
    assert follower.apply(Wanted({A: True, B: True}, {"AA": A, "BB": B}))
    assert haproxy.servers == {"m1": "10.0.0.1:8910 ready", "m2": "10.0.0.2:8910 ready"}
    assert haproxy.map == {"AA": "m1", "BB": "m2"}
    assert follower.apply(Wanted({A: False, B: True}, {"AA": B, "BB": B}))
    assert haproxy.servers["m1"] == "10.0.0.1:8910 drain"
    assert haproxy.map == {"AA": "m2", "BB": "m2"}
    assert follower.apply(Wanted({B: True, C: True}, {"AA": C, "BB": B}))
    assert haproxy.servers == {"m1": "10.0.0.3:8910 ready", "m2": "10.0.0.2:8910 ready"}
    assert haproxy.map == {"AA": "m1", "BB": "m2"}


def test_what_has_not_changed_is_not_sent() -> None:
    haproxy = Haproxy()
    follower = Follower(haproxy.ask, "/m")
    wish = Wanted({A: True}, {"AA": A})
    follower.apply(wish)
    haproxy.told.clear()
    assert follower.apply(wish)
    assert haproxy.told == []


def test_a_haproxy_that_was_started_again_gets_everything() -> None:
    haproxy = Haproxy()
    follower = Follower(haproxy.ask, "/m")
    wish = Wanted({A: True, B: False}, {"AA": A})
    follower.apply(wish)
    haproxy.pid, haproxy.servers, haproxy.map = 200, {}, {}
    assert follower.apply(wish)
    assert haproxy.servers == {"m1": "10.0.0.1:8910 ready", "m2": "10.0.0.2:8910 drain"}
    assert haproxy.map == {"AA": "m1"}


def test_a_haproxy_that_is_away_gets_everything_later(caplog: pytest.LogCaptureFixture) -> None:
    haproxy = Haproxy()
    follower = Follower(haproxy.ask, "/m")
    follower.apply(Wanted({A: True}, {"AA": A}))
    haproxy.is_there = False
    assert not follower.apply(Wanted({B: True}, {"AA": B}))
    assert "HAProxy is not in step: refused" in caplog.text
    haproxy.is_there = True
    assert follower.apply(Wanted({B: True}, {"AA": B}))
    assert haproxy.servers == {"m1": "10.0.0.2:8910 ready"}
    assert haproxy.map == {"AA": "m1"}


def test_machines_beyond_the_slots_get_nobody(caplog: pytest.LogCaptureFixture) -> None:
    haproxy = Haproxy()
    assert Follower(haproxy.ask, "/m", slots=1).apply(Wanted({A: True, B: True}, {"AA": A, "BB": B}))
    assert haproxy.map == {"AA": "m1"}
    assert "no slot left for 10.0.0.2" in caplog.text


def test_a_map_that_haproxy_does_not_know_is_said(caplog: pytest.LogCaptureFixture) -> None:
    assert not Follower(Haproxy().ask, "/other").apply(Wanted({}, {"AA": A}))
    assert "HAProxy does not know the map /other: Unknown command." in caplog.text


def test_1024_shards_fit_into_haproxys_buffer() -> None:
    haproxy = Haproxy()
    shards = {f"{number:04}": A for number in range(1024)}
    assert Follower(haproxy.ask, "/m").apply(Wanted({A: True}, shards))
    assert len(haproxy.map) == 1024
    assert max(map(len, haproxy.told)) < 16_000


def test_the_configuration_names_its_parts() -> None:
    text = configuration(":443 ssl crt /x.pem", "/run/a.sock", "/etc/a.map", slots=3)
    assert "bind :443 ssl crt /x.pem\n" in text
    assert "stats socket /run/a.sock mode 600" in text
    assert "map(/etc/a.map)" in text
    assert "server-template m 1-3 " in text


@pytest.mark.parametrize("path", ["/a b", "/a,b", "/a'b", "", "/a)b"])
def test_a_path_that_haproxy_would_misread_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="letters, digits"):
        configuration(":80", path, "/m")


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(tmp_path / "s"))
        made.listen()
        made.settimeout(5)
        yield made


def answering(listening: socket.socket, answer: bytes) -> threading.Thread:
    def serve() -> None:
        accepted, _ = listening.accept()
        with accepted:
            accepted.recv(1000)
            with contextlib.suppress(OSError):
                accepted.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


def test_a_command_and_its_answer(listening: socket.socket) -> None:
    thread = answering(listening, b"Pid: 7\n\n")
    assert Admin(listening.getsockname()).ask("show info") == "Pid: 7"
    thread.join()


def test_an_answer_has_a_limit(listening: socket.socket) -> None:
    thread = answering(listening, b"x" * 1_100_000)
    with pytest.raises(OSError, match="too long"):
        Admin(listening.getsockname()).ask("show info")
    thread.join()


def test_a_socket_that_nobody_serves_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        Admin(str(tmp_path / "none")).ask("show info")
