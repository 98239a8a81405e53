"""The monitor of one worker shows all workers and rooms, and passes the operator's wishes on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gdpeer.cluster.answers import Answer
from gdpeer.protocol.http_headers import Headers, Request
from gdpeer.rooms.monitor import Monitor
from tests.unit.cluster.lobbies import Lobbies

TOKEN = "token-of-the-operator"


class Watched(Lobbies):
    """Workers with monitors."""

    def ask(self, name: str, target: str, body: Any = None) -> tuple[int, Any]:
        """Sends a request to the monitor of a worker; returns its status and content."""
        monitor = Monitor(self.clusters[name].hall, TOKEN)
        fields = Headers([("host", "door.example"), ("authorization", f"Bearer {TOKEN}")])
        data, method = (b"", "GET") if body is None else (json.dumps(body).encode(), "POST")
        reply: Any = monitor(Request(method, f"/monitor/api/rooms{target}", fields, data, ("192.0.2.1", 4)))
        if hasattr(reply, "then"):
            answer: Answer[Any] = Answer()
            reply.then(lambda done: answer.give(done.result()))
            reply = self.result(answer)
        return reply.status, json.loads(reply.body)

    def room(self, name: str, kind: str = "arena", **labels: Any) -> Any:
        """Makes a room at a worker, of which all know soon."""
        room = self.clusters[name].hall.create(kind)
        room.labels = labels
        self.run(2.0)
        return room


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_the_list_has_all_workers_and_the_rooms_of_all(watched: Watched) -> None:
    one, two = watched.room("a"), watched.room("b", "duel", map="sand")
    two.reserve("ann")
    watched.run(2.0)
    status, found = watched.ask("a", "")
    assert status == 200
    assert [(worker["name"], worker["rooms"], worker["draining"]) for worker in found["workers"]] == [
        ("a", 1, False),
        ("b", 1, False),
        ("c", 0, False),
    ]
    assert (found["total"], found["players"], found["found"]) == (2, 1, 2)
    assert found["kinds"] == {"arena": 1, "duel": 1}
    assert [(room["code"], room["worker"], room["taken"]) for room in found["rooms"]] == [
        (two.code, "b", 1),
        (one.code, "a", 0),
    ]


@pytest.mark.parametrize("words", ["sand", "duel", "MAP=SAND"])
def test_rooms_of_others_are_found_by_kind_label_and_code(watched: Watched, words: str) -> None:
    room = watched.room("b", "duel", map="sand")
    watched.room("b")
    for find in (words, room.code):
        _, found = watched.ask("a", f"?find={find}")
        assert [one["code"] for one in found["rooms"]] == [room.code]
        assert (found["found"], found["total"]) == (1, 2)


def test_a_room_of_another_worker_is_shown_in_full(watched: Watched) -> None:
    room = watched.room("b")
    place = room.reserve("ann")
    status, found = watched.ask("a", f"/{room.code.lower()}")
    assert status == 200
    assert (found["worker"], found["nodes"]) == ("b", 1)
    assert found["players"] == [{"peer_id": place.peer_id, "player": "ann", "state": "taken"}]


def test_the_operators_wishes_reach_the_worker_of_the_room(watched: Watched) -> None:
    room = watched.room("b")
    place = room.reserve("ann")
    assert watched.ask("a", f"/{room.code}/lock", {"locked": True})[0] == 200
    assert room.locked
    assert watched.ask("a", f"/{room.code}/kick", {"peer_id": place.peer_id})[0] == 200
    assert room.taken == 0
    assert watched.ask("a", f"/{room.code}/kick", {"peer_id": 7}) == (
        404,
        {"error": "there is no such player in this room"},
    )
    assert watched.ask("a", f"/{room.code}/message", {"text": "hi"})[0] == 200
    watched.poll()
    assert room.told == [("operator", "hi")]
    assert watched.ask("a", f"/{room.code}/message", {})[0] == 400
    assert watched.ask("a", f"/{room.code}/dance", {})[0] == 404
    assert watched.ask("a", f"/{room.code}/close", {"reason": "over"})[0] == 200
    assert room.is_closed


def test_a_room_that_nobody_has_is_not_there(watched: Watched) -> None:
    assert watched.ask("a", "/K7Q2M3") == (404, {"error": "there is no room with this code"})


def test_a_room_that_ended_a_moment_ago_is_not_there(watched: Watched) -> None:
    room = watched.room("b")
    room.close()
    assert watched.ask("a", f"/{room.code}")[0] == 404


def test_a_worker_that_does_not_answer_is_said(watched: Watched) -> None:
    room = watched.room("b")
    watched.clusters["b"].broker.cut()  # type: ignore[attr-defined]
    status, found = watched.ask("a", f"/{room.code}")
    assert status == 503
    assert found["error"].startswith("worker b cannot be reached: ")


@pytest.mark.parametrize("answer", [{}, {"status": 200}, {"status": 301, "answer": {}}, {"status": 200, "answer": []}])
def test_a_wrong_answer_is_said(watched: Watched, monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    room = watched.room("b")
    monkeypatch.setattr(watched.clusters["b"].messages, "_verbs", {"watch": lambda request: answer})
    assert watched.ask("a", f"/{room.code}") == (502, {"error": "worker b gave a wrong answer"})


def test_the_figures_of_a_worker(watched: Watched) -> None:
    watched.room("b")
    figures = {figure.name: figure.value for figure in watched.clusters["a"].figures()}
    assert figures["workers"] == 3
    assert figures["broker_connected"] == 1
    assert 200 < figures["shards"] < 500
    assert figures["leases_lost"] == {"": 0}
    assert figures["lease_seconds"] >= 0
    watched.clusters["a"].broker.cut()  # type: ignore[attr-defined]
    figures = {figure.name: figure.value for figure in watched.clusters["a"].figures()}
    assert (figures["broker_connected"], figures["broker_losses"]) == (0, {"": 1})


def test_the_figures_are_among_the_metrics(watched: Watched) -> None:
    from prometheus_client import CollectorRegistry, generate_latest

    from gdpeer.rooms.metrics import HallCollector

    registry = CollectorRegistry()
    registry.register(HallCollector(watched.clusters["a"].hall))
    text = generate_latest(registry).decode()
    assert "gdpeer_cluster_workers 3.0" in text
    assert "gdpeer_cluster_leases_lost_total 0.0" in text
