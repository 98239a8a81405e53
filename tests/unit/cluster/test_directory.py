"""`Directory`: the copy of what all workers have written, from reads and events, also from hostile ones."""

from __future__ import annotations

from typing import Any

import pytest

from gdpeer.cluster.answers import Answer
from gdpeer.cluster.broker.base import Away, Entry
from gdpeer.cluster.broker.memory import MemoryBroker
from gdpeer.cluster.cluster import Cluster
from gdpeer.cluster.directory import SETTLING
from tests.unit.cluster.test_records import ROOM, WORKER
from tests.unit.cluster.workers import Workers


@pytest.fixture
def workers() -> Workers:
    return Workers()


@pytest.fixture
def a(workers: Workers) -> Cluster:
    cluster = workers.add("a", settling=0.0)
    workers.run(1.0)
    return cluster


def put(workers: Workers, key: str, value: Any) -> None:
    MemoryBroker(workers.store).create(key, value)
    workers.store.run()


def lose_shards(cluster: Cluster) -> None:
    """Has a worker keep entries in shards that it would clean."""
    cluster.shards.held.clear()
    cluster.shards.wanted.clear()


def say(workers: Workers, event: Any) -> None:
    MemoryBroker(workers.store).publish("dir", event)
    workers.poll()


def test_wrong_entries_are_counted_and_left_out(workers: Workers, a: Cluster) -> None:
    put(workers, "w:x", {**WORKER, "epoch": "1"})
    put(workers, "w:y", WORKER)
    put(workers, "r:K7Q2M3", {**ROOM, "worker": "y", "labels": 5})
    put(workers, "r:nocode", ROOM)
    put(workers, "s:zz", {})
    a.directory.read()
    workers.run(0.2)
    assert a.directory.refused == {"w": 1, "r": 2, "s": 1}
    assert set(a.workers) == {"a", "y"}
    assert a.directory.rooms == {}


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"from": 5},
        {"from": "a b", "worker": WORKER},
        {"from": "x", "worker": 5, "gone": [], "shards": 7, "rooms": "K7Q2M3"},
        {"from": "x", "gone": {"y": "7", "a": 7, "z": None}},
        {"from": "x", "shards": {"K7": None, "zz": {}}, "rooms": {"K7Q2M3": 5, "x": {}, "K7Q2M4": {"revision": "1"}}},
    ],
)
def test_wrong_events_change_nothing(workers: Workers, a: Cluster, event: Any) -> None:
    put(workers, "w:y", WORKER)
    a.directory.read()
    workers.run(0.2)
    before = (dict(a.directory.owners), dict(a.directory.rooms), set(a.workers))
    say(workers, event)
    assert (dict(a.directory.owners), dict(a.directory.rooms), set(a.workers)) == before


def test_rooms_count_only_while_their_worker_has_the_same_epoch(workers: Workers, a: Cluster) -> None:
    lose_shards(a)
    say(workers, {"from": "y", "worker": WORKER, "rooms": {"ZZQ2M3": {**ROOM, "worker": "y", "revision": 3}}})
    record = a.room("ZZQ2M3")
    assert record is not None
    assert record.is_locked
    assert [found.code for found in a.directory.find("den", {"map": "sand"})] == ["ZZQ2M3"]
    assert list(a.directory.find("den", {"map": "ice"})) == []
    say(workers, {"from": "y", "worker": {**WORKER, "epoch": 8}})
    assert a.room("ZZQ2M3") is None
    assert list(a.directory.find("den")) == []


def test_older_news_of_a_room_are_ignored_and_its_kind_may_change(workers: Workers, a: Cluster) -> None:
    lose_shards(a)
    for revision, taken, kind in ((5, 1, "den"), (4, 2, "den"), (6, 3, "pub")):
        value = {**ROOM, "worker": "y", "taken": taken, "kind": kind, "revision": revision}
        say(workers, {"from": "y", "worker": WORKER, "rooms": {"ZZQ2M3": value}})
    record = a.room("ZZQ2M3")
    assert record is not None
    assert (record.taken, record.kind) == (3, "pub")
    assert list(a.directory.find("den")) == []
    say(workers, {"from": "y", "rooms": {"ZZQ2M3": None}})
    assert a.room("ZZQ2M3") is None
    assert list(a.directory.find("pub")) == []


def test_the_copy_has_a_limit(workers: Workers, a: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gdpeer.cluster.directory.MOST_ROOMS", 2)
    monkeypatch.setattr("gdpeer.cluster.directory.MOST_WORKERS", 2)
    lose_shards(a)
    for number in range(3):
        say(workers, {"from": f"y{number}", "worker": WORKER, "rooms": {f"ZZQ2M{number}": {**ROOM, "worker": "y0"}}})
    assert len(a.directory.rooms) == 2
    assert a.directory.left_out == 1
    assert len(a.workers) == 2


def test_a_lost_event_is_made_up_for_by_the_next_read(workers: Workers, a: Cluster) -> None:
    b = workers.add("b", settling=0.0)
    workers.run(1.0)
    workers.store.subscribers["dir"].clear()
    room = b.hall.create("den")
    workers.run(1.0)
    assert a.room(room.code) is None
    workers.run(34.0)
    assert a.room(room.code) is not None


def test_many_rooms_are_read_and_announced_in_parts(workers: Workers, a: Cluster) -> None:
    rooms = [a.hall.create("pub") for _ in range(600)]
    b = workers.add("b", settling=0.0)
    workers.run(2.0)
    assert {room.code for room in rooms} == b.directory.rooms.keys()
    for room in rooms:
        room.labels = {"map": "ice"}
    workers.run(2.5)
    assert len(list(b.directory.find("pub", {"map": "ice"}))) == 600


def test_an_event_that_could_not_be_sent_is_sent_later(workers: Workers, a: Cluster) -> None:
    b = workers.add("b")
    workers.run(9.0)
    workers.broker(a).cut()
    a.directory.announce_gone("x", 5)
    a.directory.announce_gone("x", 6)
    workers.run(0.3)
    workers.broker(a).join()
    heard: list[Any] = []
    workers.broker(b).subscribe("dir", lambda message: heard.append(message.value.get("gone")))
    workers.run(2.0)
    assert {"x": 6} in heard


def test_a_read_that_fails_is_done_again(workers: Workers, a: Cluster) -> None:
    workers.broker(a).cut()
    a.directory.read()
    a.directory.read()
    workers.run(0.5)
    put(workers, "w:y", WORKER)
    workers.broker(a).join()
    workers.run(1.5)
    assert "y" in a.workers
    a.directory.close()
    a.directory.read()


def test_a_read_that_ends_too_late_to_drop_is_followed_by_another(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: a room that was gone stayed in the copy for half a minute more."""
    a = workers.add("a")
    workers.run(10.0)
    lose_shards(a)
    say(workers, {"from": "y", "worker": WORKER, "rooms": {"ZZQ2M3": {**ROOM, "worker": "y", "revision": 3}}})
    assert "ZZQ2M3" in a.directory.rooms
    scan, waiting = a.broker.scan, list[Any]()

    def fail(prefix: str) -> Answer[list[Entry]]:
        answer: Answer[list[Entry]] = Answer()
        answer.fail(Away("cut off"))
        return answer

    def answer_late(prefix: str) -> Answer[list[Entry]]:
        answer: Answer[list[Entry]] = Answer()
        scan(prefix).then(lambda done: waiting.append(lambda: answer.give(done.result())))
        return answer

    a.directory.note_returned()
    workers.run(SETTLING - 1.1)
    monkeypatch.setattr(a.broker, "scan", fail)
    a.directory.read()
    monkeypatch.setattr(a.broker, "scan", answer_late)
    workers.run(1.3)  # the next read begins before the copy is settled, and ends afterwards
    assert len(waiting) == 3
    monkeypatch.setattr(a.broker, "scan", scan)
    for give in waiting:
        give()
    workers.run(1.0)
    assert "ZZQ2M3" not in a.directory.rooms


def test_a_room_that_a_dead_worker_wrote_last_is_removed_though_nobody_heard_of_it(workers: Workers) -> None:
    a, b = workers.add("a"), workers.add("b")
    workers.run(10.0)
    code = f"{min(b.shards.held)}AAAA"
    put(workers, f"r:{code}", {**ROOM, "worker": "b", "epoch": b.epoch})
    workers.kill("b")
    workers.run(6.0 + 6.0)  # the lease ends, and another worker takes the shards
    assert code[:2] in a.shards.held
    assert f"r:{code}" not in workers.entries("r:")


def test_many_shards_of_a_dead_worker_cost_one_read(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    a, _ = workers.add("a"), workers.add("b")
    workers.run(10.0)
    scan, reads = a.broker.scan, list[str]()
    monkeypatch.setattr(a.broker, "scan", lambda prefix: (reads.append(prefix), scan(prefix))[1])
    workers.kill("b")
    workers.run(12.0)
    assert len(a.shards.held) == 1024
    assert reads.count("r:") == 1


def test_a_read_whose_answers_were_lost_does_not_delay_the_read_after_a_return(
    workers: Workers, a: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = a.broker.scan
    late: list[Answer[list[Entry]]] = []

    def scan(prefix: str) -> Answer[list[Entry]]:
        late.append(Answer())
        return late[-1] if len(late) <= 3 else real(prefix)

    monkeypatch.setattr(a.broker, "scan", scan)
    a.directory.read()
    workers.run(0.2)
    put(workers, "w:y", WORKER)
    a.directory.note_returned()
    workers.run(0.2)
    assert set(a.workers) == {"a", "y"}
    for answer in late[:3]:  # they do come, and know nothing of the worker y
        answer.give([])
    workers.run(0.2)
    assert set(a.workers) == {"a", "y"}
