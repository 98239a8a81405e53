"""A worker's process in this process: what it tells doors and parent, and how it ends. The broker is in memory."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from gdpeer.clock import ManualClock
from gdpeer.cluster.broker.memory import MemoryBroker, MemoryStore
from gdpeer.cluster.cluster import Cluster
from gdpeer.cluster.worker import WorkerProcess, draw_name
from gdpeer.rooms import Hall, Room

REQUEST = (
    b"GET /room/%b HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class Arena(Room):
    kind = "arena"
    idle_timeout = float("inf")


class Den(Arena):
    """A room that could move."""

    kind = "den"

    def save(self) -> bytes:
        return b"den"


class Other:
    """The other side of a link: what the worker has said."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end
        self.end.setblocking(False)
        self.said: list[dict[str, Any]] = []
        self.sockets: list[socket.socket] = []
        self.has_ended = False
        self._rest = b""

    def say(self, message: dict[str, Any], *sockets: socket.socket) -> None:
        line = json.dumps({**message, "sockets": len(sockets)}).encode() + b"\n"
        socket.send_fds(self.end, [line], [one.fileno() for one in sockets])
        for one in sockets:
            one.close()

    def pass_on(self, shard: bytes, passed: socket.socket) -> None:
        socket.send_fds(self.end, [shard], [passed.fileno()])
        passed.close()

    def hear(self) -> list[dict[str, Any]]:
        """What the worker has said since the last time."""
        before = len(self.said)
        while not self.has_ended:
            try:
                data, descriptors, _, _ = socket.recv_fds(self.end, 65536, 64)
            except BlockingIOError:
                break
            self.has_ended = not data
            self.sockets += [socket.socket(fileno=one) for one in descriptors]
            *lines, self._rest = (self._rest + data).split(b"\n")
            self.said += [json.loads(line) for line in lines]
        return self.said[before:]

    def close(self) -> None:
        for one in [self.end, *self.sockets]:
            one.close()


class Lab:
    """Workers on one broker in memory, with a clock moved by hand."""

    def __init__(self) -> None:
        self.clock = ManualClock(1000.0)
        self.store = MemoryStore(self.clock)
        self.workers: list[WorkerProcess] = []
        self.others: list[Other] = []
        self.clients: list[socket.socket] = []

    def worker(self, name: str, **settings: Any) -> tuple[WorkerProcess, Other]:
        hall = Hall([Arena, Den], clock=self.clock, wall=lambda: 1_800_000_000.0 + self.clock.now())
        cluster = Cluster(hall, MemoryBroker(self.store), name=name, settling=0.0)
        ours, theirs = socket.socketpair()
        worker = WorkerProcess(hall, cluster, theirs, deadline=30.0, about={"kinds": ["arena"]}, **settings)
        worker.start()
        parent = Other(ours)
        self.workers.append(worker)
        self.others.append(parent)
        return worker, parent

    def door(self, parent: Other) -> Other:
        ours, theirs = socket.socketpair()
        parent.say({"do": "door"}, theirs)
        self.others.append(Other(ours))
        self.run(0.3)
        return self.others[-1]

    def client(self) -> tuple[socket.socket, socket.socket]:
        """A connection over loopback: the client's end, and the accepted one."""
        with socket.create_server(("127.0.0.1", 0)) as listening:
            client = socket.create_connection(listening.getsockname())
            client.settimeout(5.0)
            self.clients.append(client)
            return client, listening.accept()[0]

    def run(self, seconds: float = 1.0) -> None:
        for _ in range(round(seconds * 20)):
            self.clock.advance(0.05)
            for _ in range(4):
                self.store.run()
                for worker in self.workers:
                    if not worker.is_over:
                        worker.poll(0.0)

    def close(self) -> None:
        for worker in self.workers:
            worker.close()
        for one in [*self.others, *self.clients]:
            one.close()


@pytest.fixture
def lab() -> Iterator[Lab]:
    made = Lab()
    yield made
    made.close()


def test_a_worker_is_up_once_it_has_shards_and_tells_them_to_the_door(lab: Lab) -> None:
    _, parent = lab.worker("a")
    door = lab.door(parent)
    lab.run(2.0)
    assert parent.hear() == [{"is": "up", "kinds": ["arena"]}]
    said = door.hear()
    assert len({shard for report in said for shard in report.get("won", ())}) == 1024
    assert {"load": 0, "up": True}.items() <= {key: value for report in said for key, value in report.items()}.items()
    lab.run(1.0)
    assert door.hear() == []


def test_a_worker_learns_from_its_parent_whose_metrics_to_ask_for(lab: Lab) -> None:
    worker, parent = lab.worker("a")
    parent.say({"do": "siblings", "names": ["a", "b"]})
    lab.run(0.1)
    assert worker.cluster.watching.siblings == {"a", "b"}


def test_a_second_worker_takes_its_share_and_both_tell_it(lab: Lab) -> None:
    _, parent = lab.worker("a")
    first = lab.door(parent)
    lab.run(2.0)
    first.hear()
    _, parent = lab.worker("b")
    second = lab.door(parent)
    lab.run(4.0)
    lost = {shard for report in first.hear() for shard in report.get("lost", ())}
    won = {shard for report in second.hear() for shard in report.get("won", ())}
    assert lost == won
    assert 350 < len(won) < 650


def test_a_passed_connection_is_served(lab: Lab) -> None:
    worker, parent = lab.worker("a")
    door = lab.door(parent)
    lab.run(2.0)
    room = worker.hall.create("arena")
    client, passed = lab.client()
    client.sendall(REQUEST % room.code.encode())
    door.pass_on(room.code[:2].encode(), passed)
    lab.run(0.5)
    assert client.recv(4096).startswith(b"HTTP/1.1 101 ")
    assert [place.peer_id > 1 for place in room.places.values()] == [True]
    assert door.hear()[-1]["load"] == 1
    client, passed = lab.client()
    client.sendall(b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n")
    door.pass_on(b"--", passed)
    lab.run(0.2)
    assert client.recv(4096).startswith(b"HTTP/1.1 ")


def test_a_connection_that_is_gone_does_no_harm(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    worker, parent = lab.worker("a")
    door = lab.door(parent)

    def gone(passed: socket.socket) -> int:
        raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr(worker.hall.server, "take_socket", gone)
    client, passed = lab.client()
    door.pass_on(b"--", passed)
    lab.run(0.2)
    assert client.recv(10) == b""


def test_a_connection_of_a_shard_that_was_given_up_goes_back_to_the_door(lab: Lab) -> None:
    worker, parent = lab.worker("a")
    door = lab.door(parent)
    lab.run(2.0)
    door.hear()
    shard = next(iter(worker.cluster.shards.held))
    del worker.cluster.shards.held[shard]
    client, passed = lab.client()
    client.sendall(b"hello")
    door.pass_on(shard.encode(), passed)
    worker.poll(0.0)
    assert [sorted(report) for report in door.hear()] == [["lost", "won"], ["back", "sockets"]]
    assert door.said[-1]["back"] == shard
    assert door.sockets[0].recv(10) == b"hello"


def test_a_worker_without_shards_takes_players_after_a_while(lab: Lab) -> None:
    worker, parent = lab.worker("a")
    worker.cluster.shards.look = lambda: None  # type: ignore[method-assign]
    lab.run(2.0)
    assert parent.hear() == []
    lab.run(2.0)
    assert [message["is"] for message in parent.hear()] == ["up"]


def test_a_drain_tells_the_parent_and_says_goodbye_to_the_door(lab: Lab) -> None:
    worker, parent = lab.worker("a")
    door = lab.door(parent)
    lab.run(2.0)
    room = worker.hall.create("arena")
    room.reserve(ttl=3600.0)
    parent.say({"do": "drain", "deadline": 5.0, "last": False})
    lab.run(1.0)
    assert [message["is"] for message in parent.hear()] == ["up", "draining"]
    door.hear()
    told = {key: value for report in door.said for key, value in report.items()}
    assert (told["up"], told["draining"]) == (False, True)
    assert not worker.is_over
    lab.run(5.0)
    assert door.hear()[-1] == {"bye": True}
    assert not worker.cluster.shards.held
    assert not worker.is_over
    door.end.close()
    lab.run(0.1)
    assert worker.is_over


def test_a_door_that_does_not_answer_a_goodbye_is_not_waited_for_long(lab: Lab) -> None:
    worker, parent = lab.worker("a")
    door = lab.door(parent)
    lab.run(2.0)
    worker.drain()
    worker.drain()
    lab.run(1.0)
    assert door.hear()[-1] == {"bye": True}
    lab.run(1.5)
    assert worker.is_over


def test_the_last_drain_leaves_rooms_to_end_by_themselves_until_the_deadline(lab: Lab) -> None:
    worker, parent = lab.worker("a")
    lab.run(2.0)
    rooms = [worker.hall.create("den") for _ in range(2)]
    for room in rooms:
        room.reserve(ttl=3600.0)
    worker.hall.create("den")  # empty: it ends at once
    parent.say({"do": "drain", "deadline": 15.0, "last": True})
    lab.run(10.0)
    assert set(worker.hall.rooms) == {room.code for room in rooms}
    rooms[0].close()
    lab.run(0.5)
    assert list(worker.hall.rooms) == [rooms[1].code]
    assert not worker.is_over
    lab.run(6.0)
    assert worker.is_over


def test_all_workers_know_when_the_parent_is_about_to_replace_one_of_them(lab: Lab) -> None:
    _, parent = lab.worker("a")
    other, _ = lab.worker("b")
    lab.run(1.0)
    for is_retiring in (True, False):
        parent.say({"do": "retire", "is": is_retiring})
        lab.run(0.2)
        assert other.cluster.workers["a"].is_retiring is is_retiring


def test_the_end_of_the_parent_ends_the_worker_at_once(lab: Lab) -> None:
    worker, parent = lab.worker("a")
    lab.run(1.0)
    parent.end.close()
    lab.run(0.1)
    assert worker.is_over


def test_with_another_broker_the_rooms_are_saved_when_the_parent_has_gone(lab: Lab) -> None:
    worker, parent = lab.worker("a", has_other_broker=True)
    lab.run(1.0)
    worker.hall.create("arena").reserve(ttl=3600.0)
    parent.end.close()
    lab.run(0.2)
    assert worker.is_draining
    assert not worker.is_over
    lab.run(2.5)
    assert worker.is_over


def test_the_parent_ends_a_worker_at_once(lab: Lab) -> None:
    worker, parent = lab.worker("a")
    parent.say({"do": "a word of a later version"})
    lab.run(0.1)
    assert not worker.is_over
    parent.say({"do": "end"})
    lab.run(0.1)
    assert worker.is_over


def test_the_shards_of_a_worker_that_was_killed_are_free_at_once(lab: Lab) -> None:
    dead, _ = lab.worker("a")
    _, parent = lab.worker("b")
    lab.run(3.0)
    lab.workers.remove(dead)
    dead.cluster.member.close()
    parent.say({"do": "gone", "name": "a"})
    lab.run(0.5)
    assert {"is": "buried", "name": "a"} in parent.hear()
    assert len(lab.workers[0].cluster.shards.held) == 1024
    dead.close()


def test_a_worker_without_a_parent_drains_too() -> None:
    clock = ManualClock(1000.0)
    store = MemoryStore(clock)
    hall = Hall([Arena], clock=clock, wall=lambda: 1_800_000_000.0 + clock.now())
    worker = WorkerProcess(hall, Cluster(hall, MemoryBroker(store), name="a", settling=0.0), None, deadline=1.0)
    worker.start()
    for _ in range(100):
        clock.advance(0.1)
        store.run()
        worker.poll(0.0)
        if worker.is_up:
            worker.drain()
    assert worker.is_over
    worker.close()


def test_names_are_drawn() -> None:
    assert re.fullmatch(r"[A-Za-z0-9]{1,24}-[0-9a-f]{6}", draw_name())
    assert draw_name() != draw_name()
