"""`gdpeer rooms` against a hall that runs in a thread of the test."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gdpeer.rooms import Hall, Room
from gdpeer.rooms.watching import watch
from tests.support.ports import free_port
from tests.unit.cli.test_commands import run

TOKEN = "token-of-the-operator"


class Arena(Room):
    kind = "arena"
    max_peers = 4


class Running:
    """A hall with a monitor, polled by a thread. Rooms are made before the thread starts."""

    def __init__(self) -> None:
        self.hall = Hall([Arena], secret=b"s" * 32)
        watch(self.hall, TOKEN)
        assert self.hall.listen(0, "127.0.0.1") == 0
        self.url = f"ws://127.0.0.1:{self.hall.get_local_port()}"
        self.room = self.hall.create("arena", code="K7Q2M3")
        self.room.labels = {"map": "sand"}
        self.place = self.room.reserve("Ann\x1b[2J", ttl=60.0)
        self.hall.create("arena", code="000001", private=True).lock()
        self._is_over = False
        self._thread = threading.Thread(target=self._poll)
        self._thread.start()

    def _poll(self) -> None:
        while not self._is_over:
            self.hall.poll(0.02)

    def stop(self) -> None:
        self._is_over = True
        self._thread.join()
        self.hall.close()


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setenv("GDPEER_MONITOR_TOKEN", TOKEN)
    made = Running()
    yield made
    made.stop()


def rooms(running: Running, *words: str) -> list[str]:
    result = run("rooms", words[0], "--url", running.url, *words[1:])
    assert (result.exit_code, result.stderr) == (0, ""), result.stderr
    return result.stdout.splitlines()


def test_rooms_and_players_are_shown_in_columns_and_as_json(running: Running) -> None:
    assert rooms(running, "list") == [
        "CODE    KIND   PLAYERS  STATE            LABELS",
        "K7Q2M3  arena  1/4      open             map=sand",
        "000001  arena  0/4      locked, private",
        "Rooms: 2, players: 1, found: 2",
    ]
    assert rooms(running, "list", "--find", "sand")[-1] == "Rooms: 2, players: 1, found: 1"
    shown = rooms(running, "show", "k7q2m3")
    assert shown[-1].startswith(f"{running.place.peer_id}".ljust(10)[:4])
    assert shown[-1].endswith(r"taken  Ann\x1b[2J")  # a name cannot control the terminal
    assert json.loads(rooms(running, "show", "K7Q2M3", "--json")[0])["players"][0]["player"] == "Ann\x1b[2J"
    assert json.loads(rooms(running, "list", "--json")[0])["total"] == 2


def test_a_cluster_shows_its_workers_and_where_each_room_is(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = {"name": "vm-1", "rooms": 1, "players": 3, "load": 0.25, "draining": True, "version": "1.2"}
    room = {
        "code": "K7Q2M3",
        "kind": "arena",
        "labels": {},
        "private": False,
        "locked": False,
        "max_peers": 4,
        "taken": 3,
    }
    answer = {"workers": [worker], "rooms": [{**room, "worker": "vm-1"}], "total": 1, "players": 3, "found": 1}
    monkeypatch.setattr("gdpeer.cli.rooms.Server.ask", lambda self, path: answer)
    assert rooms(running, "list") == [
        "WORKER  ROOMS  PLAYERS  LOAD  STATE     VERSION",
        "vm-1    1      3        25 %  draining  1.2",
        "",
        "CODE    KIND   PLAYERS  STATE  LABELS  WORKER",
        "K7Q2M3  arena  3/4      open           vm-1",
        "Rooms: 1, players: 3, found: 1",
    ]


def test_a_player_is_kicked_and_a_room_is_closed(running: Running) -> None:
    peer = running.place.peer_id
    assert rooms(running, "kick", "K7Q2M3", str(peer), "--reason", "spam") == [f"Kicked {peer} from K7Q2M3"]
    assert not running.room.places
    assert rooms(running, "close", "K7Q2M3") == ["Closed K7Q2M3"]
    assert list(running.hall.rooms) == ["000001"]


def test_what_goes_wrong_is_one_line(running: Running, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def said(*words: str, status: int = 1, url: str = running.url) -> str:
        result = run("rooms", words[0], "--url", url, *words[1:])
        assert (result.exit_code, result.stdout) == (status, "")
        return result.stderr.strip()

    assert said("show", "ZZZZZZ") == "gdpeer rooms show: there is no room with this code"
    assert said("kick", "K7Q2M3", "7") == "gdpeer rooms kick: there is no such player in this room"
    assert said("list", url="ftp://x", status=2).startswith("gdpeer rooms list: --url: expected a URL such as")
    lost = said("list", url=f"http://127.0.0.1:{free_port()}")
    assert lost.startswith("gdpeer rooms list: cannot reach http://127.0.0.1:")
    monkeypatch.setenv("GDPEER_MONITOR_TOKEN", "wrong-token-of-nobody")
    assert said("close", "K7Q2M3").endswith(" does not accept this token")
    assert "K7Q2M3" in running.hall.rooms
    monkeypatch.delenv("GDPEER_MONITOR_TOKEN")
    assert said("list").startswith("gdpeer rooms list: the monitor needs its token: set GDPEER_MONITOR_TOKEN, or")
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    assert rooms(running, "list", "--token-file", str(tmp_path / "token"))[-1].startswith("Rooms: 2")


def test_without_an_action_the_help_is_shown_and_an_unknown_one_is_named() -> None:
    result = run("rooms")
    assert (result.exit_code, result.stderr) == (0, "")
    for name in ("list", "show", "close", "kick"):
        assert f"\n  {name} " in result.stdout
    result = run("rooms", "lst")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.strip() == "gdpeer rooms: unknown action 'lst', did you mean list? (see gdpeer rooms --help)"


def test_a_server_without_a_monitor_is_told_apart(monkeypatch: pytest.MonkeyPatch, running: Running) -> None:
    running.hall.http_handler = None
    result = run("rooms", "list", "--url", running.url)
    assert result.stderr.strip().endswith("has no monitor (status 404): start it with GDPEER_MONITOR_TOKEN")
