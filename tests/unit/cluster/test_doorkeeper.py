"""The process of a door in this process: what its parent says to it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from gdpeer.cluster.doorkeeper import Doorkeeper
from gdpeer.transport.poller import Poller

HEAD = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Lab:
    def __init__(self) -> None:
        self.poller = Poller()
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.address = self.listening.getsockname()
        self.parent, theirs = socket.socketpair()
        self.parent.settimeout(5.0)
        self.keeper = Doorkeeper([self.listening], theirs, self.poller)
        self.worker, self._end = socket.socketpair()
        self.worker.settimeout(5.0)

    def say(self, message: dict[str, Any], *sockets: socket.socket) -> None:
        line = json.dumps({**message, "sockets": len(sockets)}).encode() + b"\n"
        socket.send_fds(self.parent, [line], [one.fileno() for one in sockets])
        for _ in range(3):
            self.keeper.turn(0.05)

    def add_worker(self) -> None:
        self.say({"do": "worker", "name": "a-1"}, self._end)
        self._end.close()
        self.worker.sendall(b'{"up":true}\n')
        self.keeper.turn(0.5)

    def close(self) -> None:
        self.keeper.close()
        self.poller.close()
        for one in (self.parent, self.worker, self._end):
            one.close()


@pytest.fixture
def lab() -> Iterator[Lab]:
    made = Lab()
    yield made
    made.close()


def test_a_door_says_that_it_is_up_and_passes_connections(lab: Lab) -> None:
    assert json.loads(lab.parent.recv(100)) == {"is": "up"}
    lab.add_worker()
    with socket.create_connection(lab.address) as client:
        client.sendall(HEAD)
        while not lab.keeper.door.passed:
            lab.keeper.turn(0.1)
        lab.keeper.turn(0.1)
        data, descriptors, _, _ = socket.recv_fds(lab.worker, 10, 10)
        assert data == b"--"
        with socket.socket(fileno=descriptors[0]) as passed:
            assert passed.recv(100) == HEAD


def test_a_door_that_is_replaced_finishes_what_has_come(lab: Lab) -> None:
    lab.add_worker()
    with socket.create_connection(lab.address) as client:
        client.sendall(HEAD[:10])
        lab.keeper.turn(0.5)
        lab.say({"do": "stop"})
        assert not lab.keeper.is_over
        client.sendall(HEAD[10:])
        while not lab.keeper.is_over:
            lab.keeper.turn(0.1)
        assert lab.keeper.door.passed == 1


def test_a_door_ends_when_its_parent_says_so(lab: Lab) -> None:
    lab.say({"do": "end"})
    assert lab.keeper.is_over


def test_a_door_ends_with_its_parent(lab: Lab) -> None:
    lab.parent.close()
    lab.keeper.turn(0.5)
    assert lab.keeper.is_over
