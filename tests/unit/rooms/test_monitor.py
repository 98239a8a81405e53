"""The monitor, the health check and the metrics of a hall, by requests to its HTTP handler."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from gdpeer import Node, rpc
from gdpeer.errors import HandshakeError
from gdpeer.http import Headers, Request, Response
from gdpeer.rooms import PlaceState, Room
from gdpeer.rooms.monitor import MOST_ROOMS, Monitor
from gdpeer.rooms.watching import watch
from gdpeer.testing import MemoryHall

TOKEN = "token-of-the-operator"
ADDRESS = "203.0.113.7"


class Arena(Room):
    kind = "arena"
    max_peers = 2

    def on_create(self, options: Any) -> None:
        self.heard: list[tuple[Any, Any]] = []

    def on_message(self, sender: Any, data: Any) -> None:
        self.heard.append((sender, data))


class Main(Node):
    def __init__(self) -> None:
        super().__init__("Main")

    @rpc("authority")
    def greet(self) -> None:
        """A client may not call this on the server."""


@pytest.fixture
def hall() -> Iterator[MemoryHall]:
    with MemoryHall([Arena]) as made:
        watch(made.hall, TOKEN)
        yield made


def ask(
    hall: MemoryHall,
    path: str,
    wishes: object = None,
    *,
    token: str = TOKEN,
    method: str = "",
    address: str = ADDRESS,
    **headers: str,
) -> Response | None:
    fields = {"host": "play.example", **({"authorization": f"Bearer {token}"} if token else {}), **headers}
    body = b"" if wishes is None else wishes if isinstance(wishes, bytes) else json.dumps(wishes).encode()
    request = Request(
        method or ("GET" if wishes is None else "POST"), path, Headers(list(fields.items())), body, (address, 5)
    )
    assert hall.hall.http_handler is not None
    return hall.hall.http_handler(request)


def answer(hall: MemoryHall, path: str, wishes: object = None, **options: Any) -> tuple[int, Any]:
    response = ask(hall, path, wishes, **options)
    assert response is not None
    return response.status, json.loads(response.read())


def test_it_lists_rooms_the_fullest_first_and_finds_them(hall: MemoryHall) -> None:
    first, second = hall.create("arena"), hall.create("arena", private=True)
    second.labels = {"map": "Sand"}
    second.reserve("Ann")
    status, found = answer(hall, "/monitor/api/rooms")
    assert status == 200
    assert [room["code"] for room in found["rooms"]] == [second.code, first.code]
    assert (found["total"], found["found"], found["players"], found["kinds"]) == (2, 2, 1, {"arena": 2})
    assert found["rooms"][0] == {
        "code": second.code,
        "kind": "arena",
        "labels": {"map": "Sand"},
        "private": True,
        "locked": False,
        "max_peers": 2,
        "taken": 1,
        "here": 0,
        "away": 0,
        "seats": 1,
    }
    for words in ("map=sand", "ANN", second.code.lower()):
        assert [room["code"] for room in answer(hall, f"/monitor/api/rooms?find={words}")[1]["rooms"]] == [second.code]
    assert answer(hall, "/monitor/api/rooms?find=nobody")[1]["found"] == 0


def test_it_lists_a_limited_number_of_rooms(hall: MemoryHall) -> None:
    for _ in range(MOST_ROOMS + 1):
        hall.create("arena")
    found = answer(hall, "/monitor/api/rooms")[1]
    assert (len(found["rooms"]), found["found"]) == (MOST_ROOMS, MOST_ROOMS + 1)


def test_it_shows_players_and_nothing_by_which_a_place_can_be_taken(hall: MemoryHall) -> None:
    room = hall.create("arena")
    ann = hall.join(room)
    place = room.reserve("Bob")
    response = ask(hall, f"/monitor/api/rooms/{room.code.lower()}")
    assert response is not None
    assert json.loads(response.read())["players"] == [
        {"peer_id": ann.peer_id, "player": None, "state": "here"},
        {"peer_id": place.peer_id, "player": "Bob", "state": "taken"},
    ]
    assert place.jti.encode() not in response.read()
    ann.lose_connection()
    hall.run(0.1)
    players = answer(hall, f"/monitor/api/rooms/{room.code}")[1]["players"]
    assert players[0]["state"] == "away"


def test_it_shows_turns_refusals_and_nodes(hall: MemoryHall) -> None:
    room = hall.create("arena")
    room.tree.root.add_child(Main())
    here = Main()
    hall.join(room, here)
    here.greet.rpc_id(1)
    hall.run(0.2)
    shown = answer(hall, f"/monitor/api/rooms/{room.code}")[1]
    assert (shown["nodes"], shown["tree"]) == (2, ["/root", "/root/Main"])
    assert shown["turns"] > 0
    assert 0 < shown["turn_ms"] <= shown["longest_turn_ms"]
    assert sum(shown["refused"].values()) == 1


def test_it_locks_kicks_tells_and_closes(hall: MemoryHall) -> None:
    room = hall.create("arena")
    ann, bob = hall.join(room), hall.join(room)
    path = f"/monitor/api/rooms/{room.code}"
    assert answer(hall, f"{path}/lock", {"locked": True}) == (200, {"done": "lock"})
    assert room.locked
    assert answer(hall, f"{path}/lock", {"locked": False})[0] == 200
    assert not room.locked
    assert answer(hall, f"{path}/message", {"text": "five minutes"})[0] == 200
    assert answer(hall, f"{path}/kick", {"peer_id": ann.peer_id, "reason": "spam"})[0] == 200
    hall.run(0.2)
    assert room.heard == [("operator", "five minutes")]  # type: ignore[attr-defined]
    assert "1008" in str(ann.close_cause)
    assert [place.state for place in room.places.values()] == [PlaceState.HERE]
    assert answer(hall, f"{path}/close", {})[0] == 200
    hall.run(0.2)
    assert "1001" in str(bob.close_cause)
    assert answer(hall, path)[0] == 404


@pytest.mark.parametrize(
    ("act", "wishes", "status"),
    [
        ("kick", {"peer_id": 77}, 404),
        ("kick", {}, 404),
        ("message", {}, 400),
        ("message", {"text": 5}, 400),
        ("close", {"reason": "x" * 124}, 400),
        ("close", ["close"], 400),
        ("close", b"{", 400),
        ("close", b"[" * 16_000, 400),
        ("close", b" " * 16_385, 413),
        ("explode", {}, 404),
        ("close", None, 405),
    ],
)
def test_wishes_that_cannot_be_fulfilled(hall: MemoryHall, act: str, wishes: object, status: int) -> None:
    room = hall.create("arena")
    given, said = answer(hall, f"/monitor/api/rooms/{room.code}/{act}", wishes)
    assert (given, list(said)) == (status, ["error"])
    assert not room.is_closed


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {TOKEN}"}])
def test_without_the_token_nothing_is_told_or_done(hall: MemoryHall, headers: dict[str, str]) -> None:
    room = hall.create("arena")
    for path, wishes in (("", None), (f"/{room.code}", None), (f"/{room.code}/close", {})):
        response = ask(hall, f"/monitor/api/rooms{path}", wishes, token="", **headers)
        assert response is not None
        assert response.status == 401
        assert room.code.encode() not in response.read()
    hall.run(0.1)
    assert not room.is_closed


def test_an_address_that_guesses_has_to_wait(hall: MemoryHall) -> None:
    statuses = [answer(hall, "/monitor/api/rooms", token=f"wrong-{number}")[0] for number in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    assert answer(hall, "/monitor/api/rooms")[0] == 429
    assert answer(hall, "/monitor/api/rooms", address="203.0.113.8")[0] == 200
    hall.run(60)
    assert answer(hall, "/monitor/api/rooms")[0] == 200


def test_the_page_needs_no_token_and_brings_its_files(hall: MemoryHall) -> None:
    for path, part in (
        ("/monitor/", b"<title>gdpeer monitor"),
        ("/monitor/monitor.js", b"Bearer"),
        ("/monitor/look.css", b"--ink"),
    ):
        response = ask(hall, path, token="")
        assert response is not None
        assert part in response.read()
    moved = ask(hall, "/monitor", token="")
    assert moved is not None
    assert (moved.status, moved.headers) == (307, (("Location", "monitor/"),))


def test_without_a_token_there_is_no_monitor() -> None:
    with MemoryHall([Arena]) as hall:
        watch(hall.hall)
        for path in ("/monitor/", "/monitor/api/rooms"):
            assert ask(hall, path, token="") is None
        with pytest.raises(ValueError, match="at least 16"):
            Monitor(hall.hall, "short")


def test_health_says_whether_the_hall_drains(hall: MemoryHall) -> None:
    hall.join(hall.create("arena"))
    assert answer(hall, "/health", token="") == (200, {"status": "ok", "rooms": 1, "peers": 1})
    hall.hall.drain(60.0)
    assert answer(hall, "/health", token="")[1]["status"] == "draining"


def metric(hall: MemoryHall, *lines: str) -> None:
    response = ask(hall, "/metrics")
    assert response is not None
    found = response.read().decode().splitlines()
    for line in lines:
        assert line in found, found


def test_metrics_count_rooms_places_and_what_happens_to_players(hall: MemoryHall) -> None:
    room, other = hall.create("arena"), hall.create("arena")
    other.reserve()
    other.lock()
    ann, bob = hall.join(room), hall.join(room)
    metric(
        hall,
        'gdpeer_rooms{kind="arena",state="full"} 1.0',
        'gdpeer_rooms{kind="arena",state="locked"} 1.0',
        'gdpeer_places{kind="arena",state="here"} 2.0',
        'gdpeer_rooms_made_total{kind="arena"} 2.0',
        "gdpeer_players_joined_total 2.0",
        "gdpeer_peers 2.0",
        "gdpeer_draining 0.0",
    )
    ann.lose_connection()
    hall.run(1.0)
    metric(hall, 'gdpeer_places{kind="arena",state="away"} 1.0', "gdpeer_players_lost_total 1.0")
    with pytest.raises(HandshakeError):
        hall.join("000000")
    ann.connect()
    hall.run(1.0)
    bob.leave()
    hall.run(1.0)
    room.close("over")
    hall.run(1.0)
    metric(
        hall,
        'gdpeer_players_returned_total{result="ok"} 1.0',
        'gdpeer_players_left_total{reason="left"} 1.0',
        'gdpeer_players_left_total{reason="drained"} 1.0',
        'gdpeer_rooms_closed_total{code="1001"} 1.0',
        'gdpeer_places_refused_total{reason="no room"} 1.0',
        "gdpeer_queued_bytes_for_away 0.0",
        "gdpeer_journal_bytes 0.0",
    )
    response = ask(hall, "/metrics")
    assert response is not None
    text = response.read().decode()
    assert room.code not in text
    count = next(line for line in text.splitlines() if line.startswith("gdpeer_room_turn_seconds_count "))
    assert float(count.split()[1]) > 0


def test_without_prometheus_client_the_metrics_say_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    for name in ("gdpeer.prometheus", "gdpeer.rooms.metrics"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with MemoryHall([Arena]) as hall:
        watch(hall.hall, TOKEN)
        response = ask(hall, "/metrics")
        assert response is not None
        assert (response.status, response.read()) == (
            501,
            b'metrics need prometheus-client: pip install "gdpeer[metrics]"\n',
        )
        assert ask(hall, "/health") is not None


def test_metrics_are_for_this_machine_or_the_token(hall: MemoryHall) -> None:
    assert ask(hall, "/metrics", token="") is None
    assert ask(hall, "/metrics", token="wrong") is None
    assert ask(hall, "/metrics", token="", address="127.0.0.1", host="localhost") is not None
    assert ask(hall, "/metrics", token="", address="127.0.0.1", host="evil.example") is None
