"""`Shards` and `Ranking`: who is to have a shard, and who has it."""

from __future__ import annotations

import pytest

from gdpeer.cluster.answers import Answer
from gdpeer.cluster.broker.base import Value
from gdpeer.cluster.broker.memory import MemoryBroker
from gdpeer.cluster.cluster import Cluster
from gdpeer.cluster.records import SHARDS
from gdpeer.cluster.shards import Ranking
from gdpeer.cluster.timers import pass_result
from tests.unit.cluster.workers import Workers


def test_each_worker_is_to_have_its_share() -> None:
    ranking = Ranking()
    ranking.count({f"w{number}" for number in range(64)})
    shares = [ranking.wanted(f"w{number}") for number in range(64)]
    assert set.union(*shares) == set(SHARDS)
    assert sum(map(len, shares)) == len(SHARDS)
    assert all(4 <= len(share) <= 34 for share in shares)


def test_a_worker_that_goes_moves_only_its_own_share() -> None:
    ranking = Ranking()
    ranking.count(set("abcd"))
    before = {name: ranking.wanted(name) for name in "abcd"}
    ranking.count(set("acd"))
    for name in "acd":
        assert ranking.wanted(name) >= before[name]
    ranking.count(set("abcd"))
    assert {name: ranking.wanted(name) for name in "abcd"} == before
    ranking.count(set())
    assert ranking.wanted("a") == set()


@pytest.fixture
def workers() -> Workers:
    workers = Workers()
    for name in "ab":
        workers.add(name)
    workers.run(8.0)
    return workers


def write(workers: Workers, key: str, value: Value) -> None:
    """Writes an entry over another."""
    broker = MemoryBroker(workers.store)
    broker.delete(key)
    workers.store.run()
    answer = broker.create(key, value)
    workers.store.run()
    answer.result()


def own_shard(cluster: Cluster) -> str:
    return min(cluster.shards.held)


def test_a_shard_with_a_room_is_kept_until_the_room_has_ended(workers: Workers) -> None:
    a = workers.clusters["a"]
    rooms = [a.hall.create("pub") for _ in range(20)]
    workers.add("c")
    workers.run(9.0)
    kept = a.shards.held.keys() - a.shards.wanted
    assert kept
    assert all(room.code[:2] in a.shards.held for room in rooms)
    for room in rooms:
        room.close()
    workers.run(1.0)
    assert a.shards.held.keys() == a.shards.wanted
    assert sum(workers.held().values()) == 1024


def test_terms_grow_with_each_owner(workers: Workers) -> None:
    a = workers.clusters["a"]
    shard = own_shard(a)
    term = a.shards.term_of(shard)
    workers.kill("a")
    workers.run(8.0)
    b = workers.clusters["b"]
    assert b.shards.term_of(shard) > term
    assert term >= 1_800_000_000_000
    a.shards.forget()
    with pytest.raises(KeyError):
        a.shards.term_of(shard)


def test_an_entry_that_the_broker_lost_is_written_again(workers: Workers) -> None:
    a = workers.clusters["a"]
    shard = own_shard(a)
    workers.store.remove(f"s:{shard}")
    a.directory.read()
    workers.run(1.0)
    assert workers.entries("s:")[f"s:{shard}"]["term"] == a.shards.term_of(shard)


@pytest.mark.parametrize("value", [{"worker": "b", "epoch": 1, "term": 5}, {"worker": 5}])
def test_an_older_or_broken_entry_is_written_over(workers: Workers, value: Value) -> None:
    a = workers.clusters["a"]
    shard, term = own_shard(a), a.shards.term_of(own_shard(a))
    write(workers, f"s:{shard}", value)
    a.directory.read()
    workers.run(1.0)
    assert workers.entries("s:")[f"s:{shard}"] == {"worker": "a", "epoch": a.epoch, "term": term}


def test_a_shard_that_another_worker_took_is_lost(workers: Workers) -> None:
    a, b = workers.clusters["a"], workers.clusters["b"]
    den, pub = a.hall.create("den"), a.hall.create("pub")
    lost: list[str] = []
    a.on_shard_lost = lost.append
    for room in (den, pub):
        write(workers, f"s:{room.code[:2]}", {"worker": "b", "epoch": b.epoch, "term": 2**52})
    a.directory.read()
    b.directory.read()
    workers.run(0.5)
    assert sorted(lost) == sorted({den.code[:2], pub.code[:2]})
    assert (den.is_closed, pub.is_closed) == (True, False)
    workers.run(1.0)  # b takes what the broker says, and gives it up, as a is to have it
    assert a.shards.has(den.code)
    assert a.shards.term_of(den.code) > 2**52


def test_a_claim_that_somebody_else_was_faster_with_is_looked_at_again(workers: Workers) -> None:
    a, b = workers.clusters["a"], workers.clusters["b"]
    shard = own_shard(a)
    known = b.directory.owners[shard]
    b.directory.set_owner(shard, known._replace(worker="", revision=1))  # wrong: a has it
    b.shards.wanted.add(shard)
    b.shards.look()
    workers.run(1.0)
    assert not b.shards.has(shard)
    assert b.owner_of(shard) == "a"


def test_a_worker_that_hears_late_that_its_shard_is_free_knows_the_next_owner(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = workers.clusters["a"], workers.clusters["b"]
    shard, real = own_shard(a), a.broker.update

    def update(key: str, value: Value, revision: int) -> Answer[int]:
        """Writes an entry, and answers late."""
        done: Answer[int] = Answer()
        written = real(key, value, revision)
        a.timers.after(1.0, lambda: written.then(lambda answer: pass_result(answer, done)))
        return done

    a.shards.wanted.discard(shard)
    b.shards.wanted.add(shard)
    monkeypatch.setattr(a.broker, "update", update)
    a.shards.look()
    workers.run(0.5)
    b.directory.read()  # as nobody has told b
    workers.run(2.0)
    assert b.shards.has(shard)
    assert a.owner_of(shard) == "b"


def test_a_write_whose_answer_does_not_come_is_looked_at_again(workers: Workers) -> None:
    a, b = workers.clusters["a"], workers.clusters["b"]
    shard = own_shard(a)
    a.shards.wanted.discard(shard)
    b.shards.wanted.add(shard)
    a.shards.look()
    a.hall.poll()  # the write is on its way
    workers.broker(a).cut()
    workers.run(0.5)
    workers.broker(a).join()
    workers.run(12.0)
    assert a.shards.has(shard) != b.shards.has(shard)
    assert sum(workers.held().values()) == 1024


def test_the_shards_of_a_worker_that_dies_while_it_drains_are_taken_at_once(workers: Workers) -> None:
    a, b = workers.clusters["a"], workers.clusters["b"]
    room = a.hall.create("pub")
    room.reserve(ttl=1000.0)
    a.drain(60.0)
    workers.run(3.0)
    shard = room.code[:2]
    assert set(a.shards.held) == {shard}
    workers.kill("a")
    workers.run(8.0)
    assert "a" not in b.workers
    assert shard in b.shards.held
