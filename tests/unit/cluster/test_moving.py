"""Rooms of a whole cluster move: leases, shards, saves and players together."""

from __future__ import annotations

from typing import Any

import pytest

from gdpeer.clock import ManualClock
from gdpeer.cluster.answers import Answer
from gdpeer.cluster.broker.memory import MemoryBroker, MemoryStore
from gdpeer.cluster.cluster import Cluster
from gdpeer.rooms import Room
from tests.unit.cluster.savers import Game
from tests.unit.rooms.worlds import Player, World

KEYS = [f"key-number-{number}-of-22-chars" for number in range(3)]


class Plain(Room):
    kind = "plain"


class Worker(World):
    """A worker with a cluster."""

    def __init__(self, fleet: Fleet, name: str) -> None:
        super().__init__(Game, Plain, clock=fleet.clock)
        self.fleet = fleet
        self.name = name
        self.broker = MemoryBroker(fleet.store)
        settings: Any = {"url": f"http://{name}", "ask_health": fleet.ask, "settling": 0.0}
        self.cluster = Cluster(self.hall, self.broker, name=name, **settings)
        self.cluster.start()

    def run(self, rounds: int = 12) -> None:
        self.fleet.poll(rounds)

    def turn(self) -> None:
        self.hall.poll()
        for player in self.players:
            player.tree.poll()


class Fleet:
    """Workers on one store and one clock. `hung` workers are not polled."""

    def __init__(self, *names: str) -> None:
        self.clock = ManualClock(100.0)
        self.store = MemoryStore(self.clock)
        self.workers: dict[str, Worker] = {}
        self.hung: set[str] = set()
        for name in names:
            self.workers[name] = Worker(self, name)
        self.wait(1.0)

    def ask(self, url: str) -> Answer[bool]:
        """Asks a worker whether it renews its lease."""
        answer: Answer[bool] = Answer()
        worker = self.workers.get(url.removeprefix("http://"))
        if worker is not None and worker.name not in self.hung:
            answer.give(worker.cluster.member.is_renewing())
        return answer

    def poll(self, rounds: int = 8) -> None:
        for _ in range(rounds):
            self.store.run()
            for name, worker in list(self.workers.items()):
                if name not in self.hung:
                    worker.turn()

    def wait(self, seconds: float, step: float = 0.05) -> None:
        left = seconds
        while left > 1e-9:
            part = min(step, left)
            self.clock.advance(part)
            left -= part
            self.poll()

    def kill(self, name: str) -> Worker:
        worker = self.workers.pop(name)
        worker.broker.cut()
        return worker

    def owner(self, code: str) -> Worker:
        """Returns the worker to which a door leads the players of a room."""
        names = {worker.cluster.owner_of(code) for name, worker in self.workers.items() if name not in self.hung}
        [name] = names
        assert name is not None
        return self.workers[name]

    def enter(self, room: Any, key: str) -> Player:
        return self.owner(room.code).join(room, key)

    def rooms(self, code: str) -> list[Any]:
        return [worker.hall.rooms[code] for worker in self.workers.values() if code in worker.hall.rooms]


def made(worker: Worker, count: int = 6) -> list[Any]:
    return [worker.make("game") for _ in range(count)]


def test_another_worker_restores_the_rooms_of_a_killed_one_once_its_lease_has_ended() -> None:
    fleet = Fleet("a", "b", "c")
    rooms = made(fleet.workers["a"])
    ids = [[fleet.enter(room, key).id for key in KEYS] for room in rooms]
    for number, room in enumerate(rooms):
        room.score.count = number
    fleet.wait(1.1)
    fleet.kill("a")
    fleet.wait(6.5)
    assert {fleet.owner(room.code).name for room in rooms} <= {"b", "c"}
    assert [[fleet.enter(room, key).id for key in KEYS] for room in rooms] == ids
    for number, room in enumerate(rooms):
        [again] = fleet.rooms(room.code)
        assert again.score.count == number
    fleet.wait(10.0)
    assert all(len(fleet.rooms(room.code)) == 1 for room in rooms)


def test_a_drained_worker_leaves_its_rooms_to_others_and_each_player_connects_once() -> None:
    fleet = Fleet("a", "b", "c")
    worker = fleet.workers["a"]
    rooms = made(worker, 20)
    players = {room.code: [fleet.enter(room, key) for key in KEYS] for room in rooms}
    ids = {code: [player.id for player in those] for code, those in players.items()}
    worker.cluster.drain(60.0)
    back: dict[str, list[Player]] = {}
    for _ in range(200):
        fleet.clock.advance(0.02)
        fleet.poll(2)
        for room in rooms:
            if room.code not in back and all(player.connection.get_ready_state() == 3 for player in players[room.code]):
                back[room.code] = [fleet.enter(room, key) for key in KEYS]
    fleet.wait(2.0)
    assert {code: [player.id for player in those] for code, those in back.items()} == ids
    assert all(player.close_code == 1012 for those in players.values() for player in those)
    assert worker.cluster.is_drained
    assert not worker.cluster.saving.is_moving


def test_a_shard_is_given_up_after_the_last_save_of_its_rooms() -> None:
    fleet = Fleet("a", "b")
    worker = fleet.workers["a"]
    rooms = made(worker)
    for room in rooms:
        fleet.enter(room, KEYS[0])
        room.score.count = 3
    worker.cluster.drain(60.0)
    assert not worker.cluster.is_drained
    for _ in range(3_000):
        fleet.store.run(1)
        if fleet.store.is_quiet:
            fleet.clock.advance(0.01)
            for one in fleet.workers.values():
                one.turn()
        for room in rooms:
            if room.code[:2] not in worker.cluster.shards.held:
                assert fleet.store.row(f"save:{room.code}") is not None
    assert not worker.hall.rooms
    fleet.wait(3.0)
    assert worker.cluster.is_drained


def test_a_worker_is_not_drained_while_players_wait_for_the_next_one() -> None:
    fleet = Fleet("a")
    worker = fleet.workers["a"]
    [room] = made(worker, 1)
    player = fleet.enter(room, KEYS[0])
    worker.cluster.drain(60.0)
    fleet.wait(1.0)
    assert room.is_closed
    assert player.is_in
    assert not worker.cluster.is_drained
    fleet.wait(1.5)
    assert player.close_code == 1012
    assert worker.cluster.is_drained


def test_a_worker_has_no_term_while_it_may_not_save() -> None:
    fleet = Fleet("a")
    worker = fleet.workers["a"]
    [room] = made(worker, 1)
    assert worker.cluster.term_of(room.code) > 0
    worker.cluster.member.may_save = lambda: False  # type: ignore[method-assign]
    assert worker.cluster.term_of(room.code) == 0


def test_a_worker_that_hung_closes_its_rooms_and_never_saves_again() -> None:
    fleet = Fleet("a", "b")
    worker = fleet.workers["a"]
    [room] = made(worker, 1)
    player = fleet.enter(room, KEYS[0])
    peer_id = player.id
    fleet.wait(1.1)
    fleet.hung.add("a")
    fleet.wait(7.0)
    back = fleet.enter(room, KEYS[0])
    assert back.id == peer_id
    [again] = [one for one in fleet.rooms(room.code) if one is not room]
    again.score.count = 70
    room.score.count = 50
    fleet.wait(1.1)
    fleet.hung.clear()
    fleet.wait(0.2)
    assert room.is_closed
    assert player.close_code == 1012
    fleet.wait(3.0)
    assert fleet.rooms(room.code) == [again]
    assert again.score.count == 70
    assert room.log == []


def test_a_worker_that_is_cut_off_loses_its_rooms_with_save_alone() -> None:
    fleet = Fleet("a", "b")
    worker = fleet.workers["a"]
    [room], plain = made(worker, 1), worker.make("plain")
    players = [fleet.enter(room, KEYS[0]), fleet.enter(plain, KEYS[1])]
    fleet.wait(1.1)
    worker.cluster.member.ask_others = list  # nobody answers
    worker.broker.cut()
    fleet.wait(6.5)
    assert players[0].close_code == 1012
    assert players[1].is_in
    assert worker.cluster.saving.figures["saved"] >= 1
    back = fleet.workers["b"].join(room, KEYS[0])
    assert back.is_in


def test_a_room_that_ends_leaves_nothing_behind() -> None:
    fleet = Fleet("a", "b")
    [room] = made(fleet.workers["a"], 1)
    fleet.wait(1.1)
    room.close()
    fleet.wait(1.1)
    reader = MemoryBroker(fleet.store)
    answers = [reader.scan(prefix) for prefix in ("save:", "r:", "p:")]
    fleet.store.run()
    assert [answer.result() for answer in answers] == [[], [], []]


@pytest.mark.parametrize("is_lost", [False, True])
def test_the_broker_comes_back_and_has_all_saves_again(is_lost: bool) -> None:
    fleet = Fleet("a", "b")
    [room] = made(fleet.workers["a"], 1)
    peer_id = fleet.enter(room, KEYS[0]).id
    fleet.wait(1.1)
    for worker in fleet.workers.values():
        worker.broker.cut()
    if is_lost:
        fleet.store.clear()
    fleet.wait(30.0)
    for worker in fleet.workers.values():
        worker.broker.join()
    fleet.wait(7.5)
    assert not room.is_closed
    fleet.kill("a")
    fleet.wait(13.0)
    assert fleet.enter(room, KEYS[0]).id == peer_id
