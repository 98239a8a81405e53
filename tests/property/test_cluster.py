"""R13: 64 workers on the broker in memory, which fail at random; see `cluster_simulation`.

    a worker      is killed, started again with its name, hangs and wakes, is cut off, gets no packet through, is slow,
                  drains, is new
    the broker    is away, comes back as it was, or empty

At any time a shard has at most one owner but for 2 s, terms only grow, no save of an older term succeeds, and only
workers that had a failure lose their lease or a shard. After 8 s without a failure each shard has an owner that is
alive, and the directory, also each worker's copy, is exactly the rooms and players that exist.

    GDPEER_EXAMPLES=10000 python -m pytest --timeout 14400 -s tests/property/test_cluster.py     10,000 failures
"""

from __future__ import annotations

import logging
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from gdpeer.cluster.answers import Answer
from gdpeer.cluster.directory import Directory
from gdpeer.cluster.records import Owner
from gdpeer.cluster.shards import Shards
from tests.property.cluster_simulation import Simulation, Violation

FAILURES = int(os.environ.get("GDPEER_EXAMPLES", "20"))
FIRST_SEED = random.randrange(1 << 32) if "GDPEER_EXAMPLES" in os.environ else 1
ROUNDS = 20
"""Rounds of failures in one simulation."""


@pytest.fixture(autouse=True)
def _same_numbers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Has the cluster draw its numbers from the seed of the simulation, and log nothing."""
    drawn = SimpleNamespace(choice=random.choice, randbelow=random.randrange)
    for module in ("cluster", "member", "saving"):
        monkeypatch.setattr(f"gdpeer.cluster.{module}.secrets", drawn)
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def simulate(failures: int, seed: int, **settings: Any) -> tuple[Counter[str], float]:
    """Runs simulations until there were so many failures; returns them, and the longest time of two owners."""
    seen: Counter[str] = Counter()
    overlap = 0.0
    while seen.total() < failures:
        simulation = Simulation(seed, **settings)
        try:
            simulation.settle()
            for _ in range(ROUNDS):
                if seen.total() + simulation.failures.total() < failures:
                    simulation.round()
        except Violation as violation:
            raise Violation(f"seed {seed}: {violation}") from None
        seen += simulation.failures
        overlap = max(overlap, simulation.overlap)
        seed += 1
    return seen, overlap


def test_workers_keep_their_promises_whatever_fails() -> None:
    begin = time.monotonic()
    failures, overlap = simulate(FAILURES, FIRST_SEED)
    print(
        f"\n{failures.total()} failures in {time.monotonic() - begin:.0f} s: {dict(failures)}; overlap {overlap:.2f} s"
    )


# The simulation must notice when a mechanism is missing.


def test_terms_that_do_not_grow_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopped(Shards):
        def _write(self, shard: str, owner: Owner, revision: int | None) -> Answer[int]:
            known = self._directory.owners.get(shard)
            return super()._write(shard, owner if known is None else owner._replace(term=known.term), revision)

    monkeypatch.setattr("gdpeer.cluster.cluster.Shards", Stopped)
    with pytest.raises(Violation, match="has two owners"):
        simulate(400, 1, count=16)


def test_leases_whose_epoch_is_not_compared_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Directory, "has_lease", lambda directory, worker, epoch: worker in directory.workers)
    with pytest.raises(Violation, match="has no owner that is alive"):
        simulate(400, 1, count=16)


def test_workers_that_do_not_wait_for_the_others_are_noticed() -> None:
    with pytest.raises(Violation, match="without having had a failure"):
        simulate(400, 1, count=16, settling=0.0)
