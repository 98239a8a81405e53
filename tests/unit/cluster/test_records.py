"""Values of the directory: each field has a type and a limit."""

from __future__ import annotations

from typing import Any

import pytest

from gdpeer.cluster.broker.base import Value
from gdpeer.cluster.records import MOST_PLAYERS, Owner, is_name, is_shard, owner_of, players_of, room_of, worker_of

WORKER: Value = {
    "url": "http://a:1",
    "socket": "",
    "epoch": 7,
    "rooms": 1,
    "peers": 2,
    "load": 0.5,
    "state": "up",
    "version": "1",
    "slot": "b",
    "retiring": True,
}
ROOM: Value = {
    "worker": "a",
    "epoch": 7,
    "kind": "den",
    "labels": {"map": "sand"},
    "max": 8,
    "taken": 1,
    "state": "locked",
    "private": False,
}


def test_right_values_become_records() -> None:
    worker = worker_of("a", WORKER)
    assert worker is not None
    assert (worker.name, worker.epoch, worker.is_up, worker.load) == ("a", 7, True, 0.5)
    assert (worker.slot, worker.is_retiring) == ("b", True)
    room = room_of("K7Q2M3", {**ROOM, "more": 1}, 4)
    assert room is not None
    assert (room.code, room.labels, room.is_locked, room.revision) == ("K7Q2M3", {"map": "sand"}, True, 4)
    assert owner_of("K7", {"worker": "", "epoch": 0, "term": 5}, 3) == Owner("", 0, 5, 3)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", 5),
        ("url", "x" * 513),
        ("epoch", -1),
        ("epoch", 2**60),
        ("epoch", True),
        ("epoch", 1.0),
        ("rooms", None),
        ("load", "1"),
        ("load", float("nan")),
        ("load", -1),
        ("load", True),
        ("state", None),
        ("version", "x" * 65),
        ("slot", ""),
        ("slot", 5),
        ("slot", "a" * 65),
        ("retiring", 1),
    ],
)
def test_a_worker_with_a_wrong_field_is_none(field: str, value: Any) -> None:
    assert worker_of("a", {**WORKER, field: value}) is None
    missing = {name: part for name, part in WORKER.items() if name != field}
    assert worker_of("a", missing) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("worker", "a b"),
        ("kind", 1),
        ("labels", []),
        ("labels", {"a": []}),
        ("labels", {str(number): 1 for number in range(17)}),
        ("max", "8"),
        ("taken", -1),
        ("private", 0),
    ],
)
def test_a_room_with_a_wrong_field_is_none(field: str, value: Any) -> None:
    assert room_of("K7Q2M3", {**ROOM, field: value}, 1) is None


def test_wrong_names_shards_and_codes_are_refused() -> None:
    assert worker_of("a/b", WORKER) is None
    assert room_of("k7q2m3", ROOM, 1) is None
    assert owner_of("I7", {"worker": "a", "epoch": 0, "term": 5}, 3) is None
    assert owner_of("K7", {"worker": "a b", "epoch": 0, "term": 5}, 3) is None
    assert owner_of("K7", {"worker": "a", "epoch": 0}, 3) is None
    assert not is_name("")
    assert not is_name("a" * 65)
    assert not is_name(None)
    assert is_name("web1.9f-3_c")
    assert not is_shard("kk")


def test_wrong_names_of_players_are_left_out() -> None:
    assert players_of({"players": ["a", 5, "", "x" * 257, "b"]}) == ["a", "b"]
    assert players_of({"players": "ab"}) == []
    assert len(players_of({"players": ["a"] * (MOST_PLAYERS + 5)})) == MOST_PLAYERS
