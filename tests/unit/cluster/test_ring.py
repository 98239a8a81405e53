"""`Ring`: the end of any lease is noticed, also of two at once, and by few questions."""

from __future__ import annotations

import pytest

from tests.unit.cluster.workers import Workers


@pytest.fixture
def workers() -> Workers:
    workers = Workers()
    for name in "abcd":
        workers.add(name)
    workers.run(8.0)
    return workers


@pytest.mark.parametrize("names", ["b", "d", "bc", "ad"])
def test_the_shards_of_dead_workers_have_new_owners_after_the_lease(workers: Workers, names: str) -> None:
    for name in names:
        workers.kill(name)
    workers.run(7.0)
    assert sum(workers.held().values()) == 1024
    for cluster in workers.clusters.values():
        assert cluster.workers.keys() == workers.clusters.keys()


def test_a_worker_that_is_said_to_be_gone_and_is_not_keeps_its_shards(workers: Workers) -> None:
    held = workers.held()
    a, b = workers.clusters["a"], workers.clusters["b"]
    a.directory.announce_gone("b", b.epoch)
    workers.run(8.0)
    assert workers.held() == held
    assert "b" in workers.clusters["c"].workers


def test_nobody_watches_while_the_broker_is_coming_back(workers: Workers) -> None:
    for cluster in workers.clusters.values():
        workers.broker(cluster).cut()
    workers.store.clear()
    workers.run(1.0)
    held = workers.held()
    workers.broker(workers.clusters["a"]).join()
    workers.run(2.0)
    assert workers.held() == held
    for cluster in workers.clusters.values():
        workers.broker(cluster).join()
    workers.run(12.0)
    assert workers.held() == held


def test_a_worker_that_only_a_read_missed_is_told_to_all(workers: Workers) -> None:
    for name in "bc":
        workers.kill(name)
        workers.store.remove(f"w:{name}")
    workers.clusters["a"].directory.read()
    workers.run(0.5)
    assert workers.held()["d"] + workers.held()["a"] == 1024
    assert set(workers.clusters["d"].workers) == {"a", "d"}


def test_a_worker_that_comes_between_a_dead_one_and_its_watcher_hides_nothing(workers: Workers) -> None:
    workers.kill("b")
    workers.store.remove("w:b")
    workers.add("aa")  # reads everything, and never hears of b
    workers.run(4.0)
    for cluster in workers.clusters.values():
        assert "b" not in cluster.workers
