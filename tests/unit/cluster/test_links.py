"""Links between the processes of a server, with both ends in one process."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

import pytest

from gdpeer.cluster.links import MOST_SOCKETS, Lines, Link
from gdpeer.transport.poller import Poller


class Side:
    """One end, and everything that has come to it."""

    def __init__(self, poller: Poller, end: socket.socket) -> None:
        self.data = b""
        self.sockets: list[socket.socket] = []
        self.ends = 0
        self.link = Link(end, poller, self._take, self._end)

    def _take(self, data: bytes, sockets: list[socket.socket]) -> None:
        self.data += data
        self.sockets += sockets

    def _end(self) -> None:
        self.ends += 1


@pytest.fixture
def poller() -> Any:
    with Poller() as made:
        yield made


@pytest.fixture
def sides(poller: Poller) -> Any:
    made = [Side(poller, end) for end in socket.socketpair()]
    yield made
    for side in made:
        side.link.close()
        for passed in [*side.sockets, *(one for unsent in side.link.unsent for one in unsent.sockets)]:
            passed.close()


def turns(poller: Poller, number: int = 10) -> None:
    for _ in range(number):
        poller.turn(0)


def test_a_socket_changes_hands(poller: Poller, sides: list[Side]) -> None:
    ours, theirs = socket.socketpair()
    sides[0].link.send(b"ab", [theirs])
    assert theirs.fileno() == -1
    turns(poller)
    assert sides[1].data == b"ab"
    (passed,) = sides[1].sockets
    assert not os.get_inheritable(passed.fileno())
    passed.sendall(b"hello")
    assert ours.recv(10) == b"hello"
    ours.close()


def test_what_the_other_side_does_not_take_waits_in_order(poller: Poller, sides: list[Side]) -> None:
    for number in range(400):
        pairs = [socket.socketpair() for _ in range(2)]
        for ours, _ in pairs:
            ours.close()
        sides[0].link.send(b"%05d" % number * 1000, [theirs for _, theirs in pairs])
    assert sides[0].link.unsent
    while sides[0].link.unsent:
        poller.turn(0)
        for passed in sides[1].sockets:
            passed.close()
    turns(poller, 400)
    assert sides[1].data == b"".join(b"%05d" % number * 1000 for number in range(400))
    assert len(sides[1].sockets) == 800


def test_the_end_of_the_other_side_is_told_once_and_the_unsent_is_kept(poller: Poller, sides: list[Side]) -> None:
    first, second = sides
    second.link.close()
    ours, theirs = socket.socketpair()
    first.link.send(b"x", [theirs])
    assert (first.ends, first.link.is_open) == (1, False)
    first.link.send(b"y")
    turns(poller)
    assert first.ends == 1
    assert [one.data for one in first.link.unsent] == [b"x", b"y"]
    assert first.link.unsent[0].sockets[0].fileno() >= 0
    ours.close()


def test_a_closed_end_is_noticed_without_sending(poller: Poller, sides: list[Side]) -> None:
    sides[1].link.close()
    turns(poller)
    assert sides[0].ends == 1


def test_a_shortage_of_the_system_passes(poller: Poller, sides: list[Side], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: Any) -> int:
        raise OSError(errno.ENOBUFS, "no buffers")

    monkeypatch.setattr(sides[0].link, "_send", fail)
    sides[0].link.send(b"x")
    sides[0].link.send(b"y")
    monkeypatch.undo()
    while not sides[1].data:
        poller.turn(0.1)
    turns(poller)
    assert sides[1].data == b"xy"


def test_a_close_ends_the_wait_after_a_shortage(
    poller: Poller, sides: list[Side], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any) -> int:
        raise OSError(errno.ENOBUFS, "no buffers")

    monkeypatch.setattr(sides[0].link, "_send", fail)
    sides[0].link.send(b"x")
    sides[0].link.close()
    sides[0].link.close()
    assert poller.due_at() == float("inf")
    assert sides[0].ends == 0


def test_lines_get_the_sockets_that_they_announce() -> None:
    got: list[tuple[Any, list[int]]] = []
    lines = Lines(lambda message, sockets: got.append((message, [one.fileno() for one in sockets])))
    first, second = socket.socketpair()
    lines.take(b'{"is":"up"}\n{"is":"do', [])
    lines.take(b'or","sockets":2}', [first])
    lines.take(b'\n{"is":', [second])
    lines.take(b'"end"}\n', [])
    assert got == [
        ({"is": "up"}, []),
        ({"is": "door", "sockets": 2}, [first.fileno(), second.fileno()]),
        ({"is": "end"}, []),
    ]
    first.close()
    second.close()


def test_a_line_says_how_many_sockets_come_with_it(poller: Poller, sides: list[Side]) -> None:
    ours, theirs = socket.socketpair()
    sides[0].link.send_line({"is": "door"}, [theirs])
    sides[0].link.send_line({"is": "end"})
    turns(poller)
    assert sides[1].data == b'{"is":"door","sockets":1}\n{"is":"end"}\n'
    assert len(sides[1].sockets) == 1 <= MOST_SOCKETS
    ours.close()


def test_a_link_that_is_discarded_closes_what_it_cannot_send(poller: Poller, sides: list[Side]) -> None:
    pairs = [socket.socketpair() for _ in range(3)]
    sides[0].link.close()
    sides[0].link.send(b"a", [pairs[0][0]])
    assert pairs[0][0].fileno() >= 0  # somebody else may still want to have the socket
    sides[0].link.discard()
    sides[0].link.send(b"b", [pairs[1][0], pairs[2][0]])
    assert [ours.fileno() for ours, _ in pairs] == [-1, -1, -1]
    assert not sides[0].link.unsent
    for _, theirs in pairs:
        theirs.close()
