"""Rolling restarts: where shards and rooms go while workers are replaced, one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import pytest

from gdpeer.cluster.cluster import Cluster
from gdpeer.rooms import RoomError
from tests.unit.cluster.workers import Workers


class Fleet(Workers):
    """Workers, and all workers that each room was in."""

    def __init__(self, names: str) -> None:
        super().__init__()
        self.homes: dict[str, list[str]] = {}
        for name in names:
            self.add(name, settling=0.0)
        self.run(3.0)

    def make_rooms(self, count: int) -> None:
        for _ in range(count):
            for name, cluster in self.clusters.items():
                room = cluster.hall.create("den")
                room.reserve(ttl=3600.0)
                self.homes[room.code] = [name]

    def run(self, seconds: float = 1.0) -> None:
        super().run(seconds)
        self.look()

    def look(self) -> None:
        """Notes where the rooms are; players ask for those that are nowhere."""
        found = {code: name for name, cluster in self.clusters.items() for code in cluster.hall.rooms}
        for code, homes in self.homes.items():
            if code in found:
                if homes[-1] != found[code]:
                    homes.append(found[code])
            else:
                self.ask_for(code)

    def ask_for(self, code: str) -> None:
        for cluster in self.clusters.values():
            if cluster.shards.has(code):
                with suppress(RoomError):
                    cluster.find_room(code)

    def retire(self, names: str, is_retiring: bool = True) -> None:
        for name in names:
            self.clusters[name].retire(is_retiring)
        self.run(0.2)

    def replace(self, name: str, successor: str) -> None:
        """Has a worker drain once another one is there in its slot."""
        self.add(successor, slot=self.clusters[name].slot, settling=0.0)
        self.run(1.0)
        assert self.clusters[successor].shards.held
        self.end(name)

    def end(self, name: str) -> None:
        old = self.clusters[name]
        old.drain(60.0)
        while not old.is_drained:
            self.run(0.2)
        old.leave()
        self.poll()
        del self.clusters[name]
        self.run(1.0)

    def moves(self) -> Counter[int]:
        """Returns how many rooms moved how often."""
        self.run(2.0)
        return Counter(len(homes) - 1 for homes in self.homes.values())

    def rooms_of(self, names: str) -> list[int]:
        return [len(self.clusters[name].hall.rooms) for name in names]


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    fleet = Fleet("abcd")
    yield fleet
    assert sum(fleet.held().values()) == 1024


def roll(fleet: Fleet, names: str, successors: str) -> None:
    fleet.retire(names)
    for name, successor in zip(names, successors, strict=True):
        fleet.replace(name, successor)


def test_each_room_moves_once_and_each_successor_has_what_its_predecessor_had(fleet: Fleet) -> None:
    fleet.make_rooms(15)
    before = {name: cluster.shards.wanted for name, cluster in fleet.clusters.items()}
    roll(fleet, "abcd", "efgh")
    assert fleet.moves() == {1: 60}
    assert fleet.rooms_of("efgh") == [15, 15, 15, 15]
    assert [fleet.clusters[name].shards.wanted for name in "efgh"] == list(before.values())


def test_rooms_that_are_not_where_they_should_be_move_once_as_well() -> None:
    fleet = Fleet("a")
    fleet.make_rooms(40)  # most of them in shards that others are to have
    for name in "bcd":
        fleet.add(name, settling=0.0)
    fleet.run(3.0)
    assert fleet.rooms_of("abcd") == [40, 0, 0, 0]
    roll(fleet, "abcd", "efgh")
    assert fleet.moves() == {1: 40}
    assert fleet.rooms_of("efgh") == [40, 0, 0, 0]


def test_rooms_of_a_drained_worker_may_go_to_workers_of_another_machine(fleet: Fleet) -> None:
    fleet.make_rooms(10)
    fleet.end("a")  # its rooms are where they should not be, once there is an e
    fleet.add("e", slot="a", settling=0.0)
    fleet.run(1.0)
    fleet.homes = {code: homes[-1:] for code, homes in fleet.homes.items()}
    roll(fleet, "bc", "fg")  # d and e are of another machine
    assert set(fleet.moves()) == {0, 1}
    assert fleet.rooms_of("d")[0] > 0


def test_a_retiring_worker_keeps_its_shards_and_takes_no_others(fleet: Fleet) -> None:
    before = fleet.held()
    fleet.retire("abc")
    assert fleet.held() == before
    fleet.kill("a")
    fleet.run(8.0)
    assert fleet.held() == {"b": before["b"], "c": before["c"], "d": before["d"] + before["a"]}
    fleet.retire("bc", False)
    fleet.run(1.0)
    assert fleet.held()["b"] > before["b"]


def test_retiring_workers_take_shards_when_nobody_stays(fleet: Fleet) -> None:
    fleet.retire("abcd")
    fleet.kill("d")
    fleet.run(8.0)
    assert sum(fleet.held().values()) == 1024
    fleet.make_rooms(3)
    fleet.replace("a", "e")
    assert fleet.moves() == {0: 6, 1: 3}
    roll(fleet, "bc", "fg")
    assert set(fleet.moves()) == {1}


def test_a_successor_that_dies_leaves_the_old_worker_as_it_was(fleet: Fleet) -> None:
    fleet.make_rooms(5)
    before = fleet.held()
    fleet.retire("abcd")
    fleet.add("e", slot="a", settling=0.0)
    fleet.run(1.0)
    assert fleet.held()["a"] == 5
    fleet.kill("e")
    fleet.run(8.0)
    fleet.retire("abcd", False)
    fleet.run(2.0)
    assert fleet.moves() == {0: 20}
    assert fleet.held() == before


def test_a_retiring_worker_makes_rooms_in_shards_that_it_keeps(fleet: Fleet) -> None:
    a: Cluster = fleet.clusters["a"]
    pub = a.hall.create("pub")
    fleet.retire("a")
    assert pub.code[:2] in a.shards.kept
    assert a.shards.wanted == set()
    assert {a.draw_code()[:2] for _ in range(50)} <= a.shards.kept
    pub.close()
    fleet.run(1.0)
    assert a.shards.held.keys() == a.shards.kept
