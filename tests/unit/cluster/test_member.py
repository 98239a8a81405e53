"""`Member`: the lease, and what a worker does that cannot renew it."""

from __future__ import annotations

from typing import Any

import pytest

from gdpeer.cluster.answers import Answer
from gdpeer.cluster.cluster import Cluster
from gdpeer.rooms import RoomError
from tests.unit.cluster.workers import Workers


@pytest.fixture
def workers() -> Workers:
    return Workers()


def pair(workers: Workers, **settings: Any) -> tuple[Cluster, Cluster]:
    """Returns two workers that have shared the shards."""
    a, b = workers.add("a", **settings), workers.add("b", **settings)
    workers.run(8.0)
    assert sum(workers.held().values()) == 1024
    return a, b


def lease(workers: Workers, name: str) -> dict[str, Any]:
    return workers.entries("w:").get(f"w:{name}", {})


def cut(workers: Workers, *names: str) -> None:
    for name in names:
        workers.broker(workers.clusters[name]).cut()


def join(workers: Workers, *names: str) -> None:
    for name in names:
        workers.broker(workers.clusters[name]).join()


def test_the_lease_says_what_the_worker_is_like(workers: Workers) -> None:
    a, _ = pair(workers)
    a.hall.create("den")
    workers.run(2.1)
    value = lease(workers, "a")
    assert (value["url"], value["state"], value["rooms"], value["peers"]) == ("http://a:8910", "up", 1, 0)
    assert value["epoch"] == a.epoch
    workers.run(30.0)
    assert lease(workers, "a")["epoch"] == value["epoch"]
    assert a.member.is_renewing()


def test_a_worker_that_is_cut_off_makes_nothing_and_closes_what_others_may_restore(workers: Workers) -> None:
    a, b = pair(workers)
    den, pub = a.hall.create("den"), a.hall.create("pub")
    workers.run(1.0)
    epoch = a.epoch
    cut(workers, "a")
    workers.run(2.5)
    a.draw_code()  # nobody else may have taken anything yet
    workers.run(1.7)
    assert a.is_cut_off
    assert a.member.is_cut_off
    with pytest.raises(RoomError, match="lost its cluster"):
        a.hall.create("den")
    with pytest.raises(RoomError, match="lost its cluster"):
        a.find_room(den.code)
    assert not den.is_closed
    workers.run(2.0)
    assert (den.is_closed, pub.is_closed) == (True, False)
    assert workers.held()["a"] == 0
    workers.run(1.0)
    assert workers.held() == {"a": 0, "b": 1024}
    assert pub.code not in str(workers.entries("r:"))
    join(workers, "a")
    workers.run(2.0)
    assert a.epoch > epoch
    held = workers.held()
    assert held["a"] > 400
    assert sum(held.values()) == 1024
    assert b.room(pub.code) is not None  # its shard is here again, so it is listed again


def test_a_broker_that_is_away_for_all_changes_nothing(workers: Workers) -> None:
    a, b = pair(workers)
    den = a.hall.create("den")
    held, epochs = workers.held(), (a.epoch, b.epoch)
    cut(workers, "a", "b")
    workers.run(30.0)
    assert not a.is_cut_off
    assert not a.member.is_cut_off
    late = b.hall.create("pub")
    workers.store.clear()
    join(workers, "a", "b")
    workers.run(5.0)
    assert set(workers.entries("r:")) == {f"r:{den.code}", f"r:{late.code}"}
    workers.run(10.0)
    assert (workers.held(), (a.epoch, b.epoch)) == (held, epochs)
    assert a.room(late.code) is not None
    assert not den.is_closed


@pytest.mark.parametrize("split", ["close", "keep"])
def test_a_worker_that_reaches_nobody_does_as_it_is_told(workers: Workers, split: str) -> None:
    silent: Answer[bool] = Answer()
    a, _ = pair(workers, split=split, ask_health=lambda url: silent)
    den = a.hall.create("den")
    cut(workers, "a")
    workers.run(8.0)
    assert den.is_closed is (split == "close")


def test_three_others_that_do_not_answer_leave_time_to_ask_more(workers: Workers) -> None:
    asked = iter([[Answer[bool]() for _ in range(3)]])

    def others() -> list[Answer[bool]]:
        well: Answer[bool] = Answer()
        well.give(False)
        return next(asked, [well])

    a, _ = pair(workers)
    a.member.ask_others = others
    epoch = a.epoch
    cut(workers, "a", "b")
    workers.run(10.0)
    assert a.epoch == epoch
    assert not a.is_cut_off


def test_a_single_worker_has_nobody_to_fear(workers: Workers) -> None:
    a = workers.add("a", settling=0.0)
    workers.run(1.0)
    den = a.hall.create("den")
    cut(workers, "a")
    workers.run(20.0)
    assert not den.is_closed
    assert not a.is_cut_off
    assert workers.asked == []


def test_a_worker_that_hung_finds_its_lease_over_before_anything_else(workers: Workers) -> None:
    a, b = pair(workers)
    den = a.hall.create("den")
    epoch = a.epoch
    workers.hung.add("a")
    workers.run(8.0)
    assert workers.held()["b"] == 1024
    assert b.owner_of(den.code) == "b"
    workers.hung.discard("a")
    with pytest.raises(RoomError, match="lost its cluster"):
        a.draw_code()
    assert not a.shards.has(den.code)
    workers.run(0.1)
    assert den.is_closed
    assert a.epoch > epoch
    assert a.member.lost == 1
    workers.run(8.0)
    assert workers.held()["a"] > 400


def test_a_short_pause_loses_nothing(workers: Workers) -> None:
    a, _ = pair(workers)
    epoch = a.epoch
    workers.hung.add("a")
    workers.run(3.0)
    workers.hung.discard("a")
    workers.run(1.0)
    assert a.epoch == epoch
    assert a.member.is_renewing()


def keep_leases(workers: Workers) -> None:
    """Has the broker hang as well: leases last as if no time had passed."""
    workers.store.extend(100.0)


def test_a_worker_that_hung_together_with_its_broker_goes_on(workers: Workers) -> None:
    a, b = pair(workers)
    den, held, epochs = a.hall.create("den"), workers.held(), (a.epoch, b.epoch)
    workers.hung |= {"a", "b"}
    keep_leases(workers)
    workers.run(20.0)
    workers.hung.clear()
    assert not a.member.check()
    assert not a.shards.has(den.code)
    workers.run(0.1)
    assert a.shards.has(den.code)
    workers.run(10.0)
    assert (workers.held(), (a.epoch, b.epoch)) == (held, epochs)
    assert (a.member.lost, den.is_closed) == (0, False)


def test_the_last_chance_of_a_worker_that_hung_lasts_a_second(workers: Workers) -> None:
    a, _ = pair(workers)
    den = a.hall.create("den")
    workers.hung.add("a")
    keep_leases(workers)
    workers.run(10.0)
    workers.hung.clear()
    cut(workers, "a")
    workers.run(0.8)
    assert (a.member.lost, den.is_closed) == (0, False)
    assert a.is_cut_off
    workers.run(0.5)
    assert (a.member.lost, den.is_closed) == (1, True)


def test_a_worker_that_hung_makes_no_lease_anew_that_has_ended(workers: Workers) -> None:
    a = workers.add("a", settling=0.0)
    workers.run(1.0)
    den, epoch = a.hall.create("den"), a.epoch
    workers.hung.add("a")
    workers.run(10.0)
    workers.hung.clear()
    workers.run(2.0)
    assert den.is_closed
    assert a.epoch > epoch
    assert a.member.is_renewing()


def test_a_new_process_takes_the_place_of_one_with_its_name(workers: Workers) -> None:
    a, _ = pair(workers)
    new = workers.add("a")
    workers.clusters["old"] = a  # goes on to run
    workers.run(3.0)
    assert lease(workers, "a")["epoch"] == new.epoch != a.epoch
    assert not a.member.check()
    workers.run(10.0)
    assert workers.held() == {"a": len(new.shards.held), "b": 1024 - len(new.shards.held), "old": 0}


def test_an_answer_that_was_lost_loses_nothing(workers: Workers) -> None:
    a, _ = pair(workers)
    epoch = a.epoch
    a.member._revision = 1  # as if the last write had not been answered
    workers.run(5.0)
    assert a.epoch == epoch
    workers.store.remove("w:a")
    workers.run(3.0)
    assert a.epoch == epoch
    assert lease(workers, "a")["epoch"] == epoch


def test_a_worker_drains_and_leaves(workers: Workers) -> None:
    a, b = pair(workers)
    pub = a.hall.create("pub")
    pub.reserve(ttl=1000.0)
    a.drain(20.0)
    workers.run(1.0)
    assert lease(workers, "a")["state"] == "draining"
    assert not b.workers["a"].is_up
    assert set(a.shards.held) == {pub.code[:2]}
    assert not a.is_drained
    with pytest.raises(RoomError, match="about to stop"):
        a.draw_code()
    pub.close()
    workers.run(1.0)
    assert a.is_drained
    a.leave()
    workers.run(1.0)
    assert lease(workers, "a") == {}
    assert "a" not in b.workers
    assert workers.held()["b"] == 1024
    assert a.hall.cluster is None


def test_a_worker_that_is_closed_leaves_its_lease_to_end(workers: Workers) -> None:
    a, b = pair(workers)
    a.close()
    del workers.clusters["a"]
    workers.run(1.0)
    assert lease(workers, "a") != {}
    workers.run(7.0)
    assert workers.held() == {"b": 1024}
    assert list(b.workers) == ["b"]
