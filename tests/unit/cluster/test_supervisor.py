"""The supervisor with children that are no processes: what it starts, replaces and ends, and in which order."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from gdpeer import ManualClock
from gdpeer.cluster import supervisor as module
from gdpeer.cluster.supervisor import DOOR, Outcome, Supervisor
from gdpeer.transport.poller import Poller


class Fake:
    """A child: its end of the link, and what it was told."""

    def __init__(self, lab: Lab, role: str, name: str, slot: str, end: socket.socket) -> None:
        self.lab = lab
        self.role = role
        self.name = name
        self.slot = slot
        self.pid = 1000 + len(lab.started)
        self.end = end.dup()
        self.end.setblocking(False)
        self.status: int | None = None
        self.was_killed = False
        self._rest = b""
        self.told: list[dict[str, Any]] = []
        self.links: list[int] = []
        self.siblings: list[list[str]] = []

    def poll(self) -> int | None:
        return self.status

    def kill(self) -> None:
        self.was_killed = True
        self.exit(-9)

    def say(self, word: str, **more: Any) -> None:
        self.end.sendall(json.dumps({"is": word, **more}).encode() + b"\n")
        self.lab.turn()

    def exit(self, status: int = 0) -> None:
        self.hear()
        if self.status is None:
            self.status = status
            self.end.close()
        self.lab.turn()

    def hear(self) -> list[str]:
        """All words that the child was told."""
        while self.end.fileno() >= 0:
            try:
                data, descriptors, _, _ = socket.recv_fds(self.end, 65536, 64)
            except BlockingIOError:
                break
            if not data:
                break
            self.links += descriptors
            *lines, self._rest = (self._rest + data).split(b"\n")
            messages = [json.loads(line) for line in lines]
            self.told += [message for message in messages if message["do"] != "siblings"]
            self.siblings = [message["names"] for message in messages if message["do"] == "siblings"] or self.siblings
        return [message["do"] for message in self.told]


class Lab:
    """A supervisor with a clock moved by hand."""

    def __init__(self, workers: int = 2, **settings: Any) -> None:
        self.clock = ManualClock()
        self.poller = Poller(self.clock)
        self.started: list[Fake] = []
        self.said: list[str] = []
        self.forgotten: list[str] = []
        self.shown: list[dict[str, Any]] = []
        self.fails = 0
        self.supervisor = Supervisor(
            self.spawn,
            self.poller,
            workers,
            name="a",
            deadline=300.0,
            say=self.said.append,
            on_up=self.shown.append,
            forget=self.forgotten.append,
            **settings,
        )

    def spawn(self, role: str, name: str, slot: str, end: socket.socket) -> Fake:
        if self.fails:
            self.fails -= 1
            raise OSError(11, "Resource temporarily unavailable")
        made = Fake(self, role, name, slot, end)
        self.started.append(made)
        return made

    def begin(self) -> None:
        self.supervisor.start()
        for _ in range(3):
            for child in list(self.started):
                if child.status is None and self.supervisor.children[child.name].state == "starting":
                    child.say("up", kinds=["arena"])

    def turn(self) -> None:
        for _ in range(6):
            self.poller.turn(0)

    def advance(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.clock.advance(0.1)
            self.turn()

    def names(self) -> list[str]:
        return list(self.supervisor.children)

    def of(self, name: str) -> Fake:
        return next(child for child in self.started if child.name == name)

    def close(self) -> None:
        self.supervisor.close()
        self.poller.close()
        for child in self.started:
            child.hear()
            child.end.close()
            for descriptor in child.links:
                socket.close(descriptor)


@pytest.fixture
def lab() -> Iterator[Lab]:
    made = Lab()
    yield made
    made.close()


def test_the_first_worker_comes_before_the_others_and_each_gets_links_to_the_door(lab: Lab) -> None:
    lab.supervisor.start()
    assert lab.names() == ["door-1", "a-1"]
    lab.of("door-1").say("up")
    assert lab.names() == ["door-1", "a-1"]
    lab.of("a-1").say("up", kinds=["arena"], lobby=True)
    assert lab.names() == ["door-1", "a-1", "a-2"]
    assert lab.shown == [{"is": "up", "kinds": ["arena"], "lobby": True}]
    lab.of("a-2").say("up")
    assert len(lab.shown) == 1
    assert lab.of("door-1").hear() == ["worker", "worker"]
    assert [message["name"] for message in lab.of("door-1").told] == ["a-1", "a-2"]
    assert (lab.of("a-1").hear(), lab.of("a-2").hear()) == (["door"], ["door"])
    door, worker = socket.socket(fileno=lab.of("door-1").links.pop(0)), socket.socket(fileno=lab.of("a-1").links.pop())
    door.sendall(b"hello")
    assert worker.recv(10) == b"hello"
    door.close()
    worker.close()


def test_each_worker_knows_the_names_of_those_that_were_up(lab: Lab) -> None:
    lab.begin()
    lab.of("a-1").hear()
    assert lab.of("a-1").siblings[-1] == ["a-1", "a-2"]
    lab.of("a-2").exit(-9)
    lab.of("a-1").hear()
    assert lab.of("a-1").siblings[-1] == ["a-1"]  # a-3 has only begun
    lab.of("a-3").say("up")
    lab.of("a-3").hear()
    assert lab.of("a-3").siblings[-1] == ["a-1", "a-3"]


def test_a_worker_that_dies_is_replaced_at_once_and_another_frees_its_shards(lab: Lab) -> None:
    lab.begin()
    lab.of("a-1").exit(-9)
    assert lab.names() == ["door-1", "a-2", "a-3"]
    assert lab.forgotten == ["a-1"]
    assert lab.of("a-2").hear() == ["door", "gone"]
    assert lab.of("a-2").told[-1]["name"] == "a-1"
    assert lab.said[-1] == "a-1 was ended by SIGKILL"
    lab.of("a-2").say("buried", name="a-1")
    lab.of("a-3").say("up")
    lab.of("a-2").exit(1)
    assert lab.of("a-3").hear() == ["door", "gone"]
    assert lab.of("a-3").told[-1]["name"] == "a-2"


def test_the_only_worker_is_buried_by_its_successor() -> None:
    lab = Lab(1)
    lab.begin()
    lab.of("a-1").exit(1)
    assert lab.said[-1] == "a-1 ended with status 1"
    lab.of("a-2").say("up")
    assert lab.of("a-2").hear() == ["door", "gone"]
    lab.close()


def test_pauses_before_replacements_double_and_five_deaths_in_a_minute_end_everything(lab: Lab) -> None:
    lab.begin()
    numbers = []
    for pause in (0.0, 0.5, 1.0, 2.0):
        lab.of(lab.supervisor.workers[-1].name).exit(1)
        count = len(lab.started)
        if pause:
            lab.advance(pause - 0.2)
            assert len(lab.started) == count
            lab.advance(0.3)
        numbers.append(len(lab.started))
        lab.started[-1].say("up")
    assert numbers == [4, 5, 6, 7]
    last = lab.started[-1]
    last.exit(1)
    assert lab.supervisor.failure == f"5 processes ended within 60 s, the last one: {last.name} ended with status 1"
    for child in list(lab.supervisor.children.values()):
        assert lab.of(child.name).hear()[-1] == "end"
        lab.of(child.name).exit(0)
    assert lab.supervisor.outcome is Outcome.FAILED


def test_deaths_long_ago_do_not_count(lab: Lab) -> None:
    lab.begin()
    for _ in range(8):
        lab.of(lab.supervisor.workers[0].name).exit(1)
        lab.advance(16.0)
        lab.started[-1].say("up")
    assert lab.supervisor.outcome is None
    assert lab.supervisor.failure == ""


def test_a_first_worker_that_does_not_come_up_ends_everything_with_one_message(lab: Lab) -> None:
    lab.supervisor.start()
    lab.of("a-1").exit(1)
    assert lab.supervisor.failure == "the first worker ended with status 1 before it was up"
    lab.of("door-1").exit(0)
    assert lab.supervisor.outcome is Outcome.FAILED


def test_a_door_that_dies_is_replaced_and_linked_to_all_workers(lab: Lab) -> None:
    lab.begin()
    lab.of("door-1").exit(-9)
    assert lab.names() == ["a-1", "a-2", "door-2"]
    assert lab.of("door-2").hear() == ["worker", "worker"]
    assert [message["name"] for message in lab.of("door-2").told] == ["a-1", "a-2"]
    assert lab.of("a-1").hear() == ["door", "door"]


def test_a_worker_that_drains_by_itself_is_replaced_at_once_and_that_is_no_death(lab: Lab) -> None:
    lab.begin()
    for _ in range(6):
        name = lab.supervisor.workers[0].name
        lab.of(name).say("draining")
        lab.started[-1].say("up")
        lab.of(name).exit(0)
    assert len(lab.supervisor.workers) == 2
    assert lab.supervisor.failure == ""
    assert not any("ended" in line for line in lab.said)


def test_a_rolling_restart_has_a_new_worker_up_before_an_old_one_drains(lab: Lab) -> None:
    lab.begin()
    lab.supervisor.roll()
    assert lab.names() == ["door-1", "a-1", "a-2", "a-3"]
    assert "drain" not in lab.of("a-1").hear()
    lab.of("a-3").say("up")
    assert lab.of("a-1").hear()[-1] == "drain"
    assert lab.of("a-1").told[-1] == {"do": "drain", "deadline": 300.0, "last": False}
    lab.of("a-1").say("draining")
    assert lab.names() == ["door-1", "a-1", "a-2", "a-3"]
    lab.of("a-1").exit(0)
    assert lab.names() == ["door-1", "a-2", "a-3", "a-4"]
    lab.of("a-4").say("up")
    assert lab.of("a-2").hear()[-1] == "drain"
    lab.of("a-2").exit(0)
    assert lab.names() == ["door-1", "a-3", "a-4", "door-2"]
    assert "stop" not in lab.of("door-1").hear()
    lab.of("door-2").say("up")
    assert lab.of("door-1").hear()[-1] == "stop"
    lab.of("door-1").exit(0)
    assert lab.names() == ["a-3", "a-4", "door-2"]
    assert lab.supervisor.failure == ""


def retires(lab: Lab, *names: str) -> list[list[bool]]:
    """Returns what workers were told of their being replaced."""
    told = []
    for name in names:
        lab.of(name).hear()
        told.append([message["is"] for message in lab.of(name).told if message["do"] == "retire"])
    return told


def test_in_a_rolling_restart_the_old_workers_retire_and_each_new_one_has_the_slot_of_an_old_one(lab: Lab) -> None:
    lab.begin()
    lab.supervisor.roll()
    assert retires(lab, "a-1", "a-2", "a-3") == [[True], [True], []]
    for name, successor in (("a-1", "a-3"), ("a-2", "a-4")):
        lab.of(successor).say("up")
        lab.of(name).exit(0)
    lab.of("door-2").say("up")
    lab.of("door-1").exit(0)
    lab.supervisor.roll()
    assert retires(lab, "a-3", "a-4", "a-5") == [[True], [True], []]
    assert {child.name: child.slot for child in lab.started if not child.name.startswith("door")} == {
        "a-1": "a-1",
        "a-3": "a-1",
        "a-5": "a-1",
        "a-2": "a-2",
        "a-4": "a-2",
    }


def test_workers_stay_that_are_not_replaced_after_all(lab: Lab) -> None:
    lab.begin()
    lab.fails = 1
    lab.supervisor.roll()
    assert retires(lab, "a-1", "a-2") == [[True, False], [True]]
    lab.started[-1].exit(1)
    assert retires(lab, "a-1", "a-2") == [[True, False], [True, False]]


def test_a_worker_started_during_a_rolling_restart_stays(lab: Lab) -> None:
    lab.begin()
    lab.supervisor.roll()
    lab.of("a-2").exit(1)
    lab.of("a-3").say("up")
    lab.of("a-4").say("up")
    lab.of("a-1").exit(0)
    assert retires(lab, "a-3", "a-4") == [[], []]
    assert lab.of("a-4").slot == "a-4"


def test_a_worker_that_is_not_up_yet_has_its_turn_when_it_is(lab: Lab) -> None:
    lab.supervisor.start()
    lab.of("door-1").say("up")
    lab.of("a-1").say("up")
    lab.supervisor.roll()
    lab.of("a-3").say("up")
    lab.of("a-1").exit(0)
    assert lab.names() == ["door-1", "a-2", "a-3"]
    lab.of("a-2").say("up")
    assert lab.names() == ["door-1", "a-2", "a-3", "a-4"]
    lab.of("a-4").say("up")
    assert lab.of("a-2").hear()[-1] == "drain"


def test_new_code_that_does_not_start_leaves_the_old_workers_alone(lab: Lab) -> None:
    lab.begin()
    lab.supervisor.roll()
    lab.of("a-3").exit(1)
    assert lab.names() == ["door-1", "a-1", "a-2"]
    assert lab.said[-1] == "a-3 does not start: the old processes go on"
    lab.of("a-1").exit(1)  # and they are replaced as ever
    assert lab.names() == ["door-1", "a-2", "a-4"]


def test_an_old_worker_that_dies_during_its_replacement_does_not_stop_the_others(lab: Lab) -> None:
    lab.begin()
    lab.supervisor.roll()
    lab.of("a-1").exit(1)
    assert lab.names() == ["door-1", "a-2", "a-3", "a-4"]
    for name in ("a-3", "a-4"):
        lab.of(name).say("up")
    assert lab.of("a-2").hear()[-1] == "drain"


def test_one_worker_is_replaced_with_its_own_deadline(lab: Lab) -> None:
    lab.begin()
    assert not lab.supervisor.replace("b-1", 5.0)
    assert not lab.supervisor.replace("door-1", 5.0)
    assert lab.supervisor.replace("a-2", 5.0)
    assert lab.supervisor.replace("a-2", 9.0)
    lab.of("a-3").say("up")
    assert retires(lab, "a-1", "a-2") == [[], [True]]
    assert lab.of("a-2").hear()[-1] == "drain"
    assert lab.of("a-2").told[-1]["deadline"] == 5.0
    lab.of("a-2").exit(0)
    assert lab.names() == ["door-1", "a-1", "a-3"]
    lab.advance(1.0)
    assert lab.names() == ["door-1", "a-1", "a-3"]


def test_a_drain_ends_the_workers_first_and_then_the_door(lab: Lab) -> None:
    lab.begin()
    lab.supervisor.drain()
    lab.supervisor.drain(7.0)
    assert lab.of("a-1").hear()[-1] == "drain"
    assert lab.of("a-1").told[-1] == {"do": "drain", "deadline": 300.0, "last": True}
    assert lab.said[-1] == "Draining: rooms have 300 s to end; players may return to them"
    lab.of("a-1").exit(0)
    assert "end" not in lab.of("door-1").hear()
    lab.of("a-2").exit(0)
    assert lab.of("door-1").hear()[-1] == "end"
    assert lab.supervisor.outcome is None
    lab.of("door-1").exit(0)
    assert lab.supervisor.outcome is Outcome.STOPPED


def test_rooms_may_move_in_the_end_if_the_directory_stays() -> None:
    lab = Lab(is_alone=False)
    lab.begin()
    lab.supervisor.drain(7.0)
    lab.of("a-1").hear()
    assert lab.of("a-1").told[-1] == {"do": "drain", "deadline": 7.0, "last": False}
    lab.close()


def test_an_end_at_once_also_during_a_drain_and_who_hangs_is_killed(lab: Lab) -> None:
    lab.begin()
    lab.supervisor.drain()
    lab.supervisor.end()
    lab.supervisor.end()
    for name in ("a-1", "door-1"):
        assert lab.of(name).hear().count("end") == 1
        lab.of(name).exit(0)
    lab.advance(5.2)
    assert lab.of("a-2").was_killed
    assert lab.supervisor.outcome is Outcome.STOPPED
    assert not lab.supervisor.replace("a-2", 5.0)
    lab.supervisor.roll()
    lab.supervisor.kill()
    assert len(lab.started) == 3


def test_a_kill_ends_all(lab: Lab) -> None:
    lab.begin()
    lab.supervisor.end()
    lab.supervisor.kill()
    lab.advance(0.1)
    assert all(child.was_killed for child in lab.started)
    assert lab.supervisor.outcome is Outcome.STOPPED


def test_a_process_whose_link_has_ended_is_waited_for_and_then_killed(lab: Lab) -> None:
    lab.begin()
    child = lab.of("a-1")
    child.end.close()
    lab.advance(4.0)
    assert "a-1" in lab.names()
    lab.advance(1.5)
    assert child.was_killed
    assert lab.names() == ["door-1", "a-2", "a-3"]


def test_a_child_that_is_never_up_is_killed(lab: Lab) -> None:
    lab.begin()
    lab.supervisor.roll()
    lab.advance(module.START_TIME + 1)
    assert lab.of("a-3").was_killed
    assert lab.names() == ["door-1", "a-1", "a-2"]


def test_a_process_that_the_system_does_not_start_is_tried_again(lab: Lab) -> None:
    lab.begin()
    lab.fails = 2
    lab.of("a-1").exit(1)
    assert lab.said[-1] == "a-3 cannot be started: Resource temporarily unavailable"
    lab.advance(3.0)
    assert lab.names() == ["door-1", "a-2", "a-5"]
    lab.fails = 1
    lab.supervisor.roll()
    lab.advance(5.0)
    assert len(lab.supervisor.workers) >= 2


def test_the_door_and_the_worker_of_a_role(lab: Lab) -> None:
    lab.begin()
    assert [child.role for child in lab.started] == [DOOR, "worker", "worker"]
    assert [door.name for door in lab.supervisor.doors] == ["door-1"]
