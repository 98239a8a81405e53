"""`Listing`: entries of rooms and players, written seldom, and removed by whoever takes over a shard."""

from __future__ import annotations

from typing import Any

import pytest

from gdpeer.cluster.answers import Answer
from gdpeer.cluster.broker.memory import MemoryBroker
from gdpeer.cluster.cluster import Cluster
from gdpeer.cluster.timers import pass_result
from tests.unit.cluster.test_records import ROOM
from tests.unit.cluster.workers import Workers


@pytest.fixture
def workers() -> Workers:
    workers = Workers()
    for name in "ab":
        workers.add(name)
    workers.run(8.0)
    return workers


@pytest.fixture
def a(workers: Workers) -> Cluster:
    return workers.clusters["a"]


@pytest.fixture
def b(workers: Workers) -> Cluster:
    return workers.clusters["b"]


def counted(cluster: Cluster, verb: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Returns a list that takes the keys of each call of a verb."""
    keys: list[str] = []
    real = getattr(cluster.broker, verb)

    def call(key: str, *arguments: Any) -> Any:
        keys.append(key)
        return real(key, *arguments)

    monkeypatch.setattr(cluster.broker, verb, call)
    return keys


def test_a_room_is_written_at_most_once_a_second(workers: Workers, a: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    room = a.hall.create("den")
    workers.run(0.2)
    assert workers.entries("r:")[f"r:{room.code}"]["labels"] == {}
    written = counted(a, "update", monkeypatch)
    for number in range(40):
        room.labels = {"round": number}
        workers.run(0.05)
    assert written.count(f"r:{room.code}") in (1, 2)
    workers.run(1.0)
    assert workers.entries("r:")[f"r:{room.code}"]["labels"] == {"round": 39}


def test_players_are_listed_with_their_room(workers: Workers, a: Cluster, b: Cluster) -> None:
    room = a.hall.create("den")
    place = room.reserve("anna", ttl=1000.0)
    room.reserve(None, ttl=1000.0)
    workers.run(1.2)
    entry = workers.entries("p:")["p:anna"]
    assert (entry["room"], entry["worker"], entry["epoch"]) == (room.code, "a", a.epoch)
    record = b.room(room.code)
    assert record is not None
    assert record.taken == 2
    a.hall.life_of(room.code).free(place)  # type: ignore[union-attr]
    workers.run(1.2)
    assert workers.entries("p:") == {}


def test_a_player_is_where_the_player_came_last(workers: Workers, a: Cluster, b: Cluster) -> None:
    old, new = a.hall.create("den"), b.hall.create("den")
    old.reserve("anna", ttl=1000.0)
    workers.run(1.5)
    new.reserve("anna", ttl=1000.0)
    workers.run(1.5)
    assert workers.entries("p:")["p:anna"]["room"] == new.code
    a.listing.note_returned()  # writes everything again
    workers.run(1.5)
    assert workers.entries("p:")["p:anna"]["room"] == new.code
    new.close()
    workers.run(5.0)
    assert workers.entries("p:")["p:anna"]["room"] == old.code
    old.close()
    workers.run(1.5)
    assert workers.entries("p:") == {}
    assert workers.entries("r:") == {}


def test_what_a_dead_worker_left_is_removed(workers: Workers, a: Cluster, b: Cluster) -> None:
    room = a.hall.create("pub")
    room.reserve("anna", ttl=1000.0)
    workers.run(1.5)
    workers.kill("a")
    workers.run(8.0)
    assert workers.entries("r:") == {}
    assert workers.entries("p:") == {}
    assert b.directory.rooms == {}


def test_an_entry_of_another_in_an_own_shard_is_removed(workers: Workers, a: Cluster) -> None:
    code = f"{min(a.shards.held)}AAAA"
    MemoryBroker(workers.store).create(f"r:{code}", {**ROOM, "worker": "x", "players": ["eve", 5]})
    MemoryBroker(workers.store).create("p:eve", {"room": code, "worker": "x", "epoch": 7})
    workers.store.run()
    a.directory.read()
    workers.run(1.0)
    assert workers.entries("r:") == {}
    assert workers.entries("p:") == {}


def test_a_room_takes_the_place_of_an_entry_that_was_left(workers: Workers, a: Cluster) -> None:
    code = f"{min(a.shards.held)}AAAA"
    for key, value in (
        (f"r:{code}", {**ROOM, "worker": "x", "players": ["eve", "anna"]}),
        ("p:eve", {"room": code, "worker": "x", "epoch": 7}),
        ("p:anna", {"room": code, "worker": "x", "epoch": 7}),
    ):
        MemoryBroker(workers.store).create(key, value)
    room = a.hall.create("den", code=code)
    room.reserve("anna", ttl=1000.0)
    workers.run(1.5)
    assert workers.entries("r:")[f"r:{code}"]["worker"] == "a"
    assert workers.entries("p:")["p:anna"]["worker"] == "a"
    assert "p:eve" not in workers.entries("p:")


def test_writes_that_fail_are_done_again(workers: Workers, a: Cluster) -> None:
    room = a.hall.create("den")
    gone = a.hall.create("den")
    workers.run(1.5)
    workers.broker(a).cut()
    room.labels = {"map": "ice"}
    gone.close()
    workers.run(1.5)
    workers.broker(a).join()
    workers.run(3.0)
    entries = workers.entries("r:")
    assert list(entries) == [f"r:{room.code}"]
    assert entries[f"r:{room.code}"]["labels"] == {"map": "ice"}


def test_a_room_that_ended_before_it_was_written_leaves_nothing(workers: Workers, a: Cluster) -> None:
    a.hall.create("den").close()
    workers.run(2.0)
    assert workers.entries("r:") == {}
    assert a.listing.rooms == {}


def test_an_entry_that_others_have_changed_is_removed_nevertheless(workers: Workers, a: Cluster) -> None:
    room = a.hall.create("den")
    workers.run(1.5)
    a.listing.rooms[room.code].revision = 1
    room.close()
    workers.run(2.0)
    assert workers.entries("r:") == {}


def test_the_entry_of_a_room_in_a_shard_that_was_given_up_is_removed_by_the_next_owner(
    workers: Workers, a: Cluster, b: Cluster
) -> None:
    room = a.hall.create("pub")
    workers.run(1.5)
    shard = room.code[:2]
    a.shards.wanted.discard(shard)
    b.shards.wanted.add(shard)
    workers.broker(a).cut()
    room.close()
    workers.run(0.2)
    workers.broker(a).join()
    workers.run(10.0)
    assert b.shards.has(room.code)
    assert workers.entries("r:") == {}
    assert a.listing.rooms == {}


def test_a_room_whose_shard_is_given_up_while_its_entry_is_removed_is_forgotten_by_all(
    workers: Workers, a: Cluster, b: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = a.broker.delete

    def delete(key: str, revision: int | None = None) -> Answer[None]:
        """Removes an entry, but late."""
        done: Answer[None] = Answer()
        a.timers.after(0.3, lambda: real(key, revision).then(lambda answer: pass_result(answer, done)))
        return done

    monkeypatch.setattr(a.broker, "delete", delete)
    rooms = [a.hall.create("den") for _ in range(10)]
    c = workers.add("c")
    workers.run(9.0)
    room = next(room for room in rooms if room.code[:2] in c.shards.wanted)
    del c.directory.rooms[room.code]  # so that the next owner finds nothing to remove
    room.close()
    workers.run(1.0)
    assert c.shards.has(room.code)
    assert f"r:{room.code}" not in workers.entries("r:")
    assert room.code not in a.directory.rooms
    assert room.code not in b.directory.rooms


def test_a_worker_whose_lease_is_in_doubt_removes_no_entry_of_the_next_owner(
    workers: Workers, a: Cluster, b: Cluster
) -> None:
    workers.hung.add("a")
    held = dict(a.shards.held)
    workers.run(9.0)
    room = next(room for room in iter(lambda: b.hall.create("den"), None) if room.code[:2] in held)
    workers.run(0.2)
    a.shards.held.update(held)  # the events of the last seconds have not come yet
    a.listing.note_record(b.directory.rooms[room.code])
    workers.hung.discard("a")
    workers.run(1.0)
    assert f"r:{room.code}" in workers.entries("r:")


def test_a_room_that_is_made_while_an_entry_is_removed_stays_listed(
    workers: Workers, a: Cluster, b: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = f"{min(a.shards.held)}AAAA"
    MemoryBroker(workers.store).create(f"r:{code}", {**ROOM, "worker": "x", "players": []})
    workers.store.run()
    real = a.broker.delete

    def delete(key: str, revision: int | None = None) -> Answer[None]:
        """Removes an entry, but answers late."""
        done: Answer[None] = Answer()
        real(key, revision).then(lambda answer: a.timers.after(0.5, lambda: pass_result(answer, done)))
        return done

    monkeypatch.setattr(a.broker, "delete", delete)
    a.directory.read()
    workers.run(0.2)
    assert workers.entries("r:") == {}
    a.hall.create("den", code=code)
    workers.run(0.2)
    assert b.directory.room(code) is not None
    workers.run(1.0)
    assert a.directory.room(code) is not None
    assert b.directory.room(code) is not None
