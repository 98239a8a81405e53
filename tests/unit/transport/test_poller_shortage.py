"""A poller in a process that has no descriptor left."""

from __future__ import annotations

import errno
import gc
import select
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from gdpeer.errors import TransportError
from gdpeer.transport.listener import Listener
from gdpeer.transport.poller import Poller, Watch
from gdpeer.transport.readiness import EpollBackend
from gdpeer.transport.stream import READ
from tests.trust.sessions import descriptors


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def none_left(*_: object) -> None:
    raise OSError(errno.EMFILE, "none left")


def test_without_a_waker_it_waits_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    with Poller() as poller:
        monkeypatch.setattr(socket, "socketpair", none_left)
        began = time.monotonic()
        poller.turn(-1)
        poller.turn(600)
        assert 0.09 <= time.monotonic() - began < 60
        poller.wake()
        poller.turn(0.01)
        assert poller._waker is None
        monkeypatch.undo()
        threading.Timer(0.01, poller.wake).start()
        poller.turn(-1)
        assert poller._waker is not None


def test_a_waker_that_cannot_be_watched_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(EpollBackend):
        def change(self, descriptor: int, old: int, new: int) -> None:
            none_left()

    made: list[tuple[socket.socket, socket.socket]] = []
    pair = socket.socketpair

    def counted() -> tuple[socket.socket, socket.socket]:
        made.append(pair())
        return made[-1]

    monkeypatch.setattr(socket, "socketpair", counted)
    with Poller(backend=Full()) as poller:
        poller.turn(0.01)
    assert [end.fileno() for end in made[0]] == [-1, -1]


def test_without_epoll_it_goes_on_with_what_needs_no_descriptor(
    monkeypatch: pytest.MonkeyPatch, pair: tuple[socket.socket, socket.socket]
) -> None:
    for name in ("epoll", "kqueue"):
        monkeypatch.setattr(select, name, none_left, raising=False)
    monkeypatch.setattr(socket, "socketpair", none_left)
    heard: list[int] = []
    with Poller() as poller:
        began = time.monotonic()
        poller.turn(0.02)  # nothing to look at, and still no busy loop
        assert time.monotonic() - began >= 0.02
        Watch(pair[0].fileno()).attach(poller, heard.append)
        pair[1].send(b"x")
        poller.turn(0.02)
    assert heard == [READ]


def test_x1_what_nobody_holds_closes_without_a_word() -> None:
    """Also in a cycle, where sockets of their own would complain if they went first."""
    gc.collect()
    before = descriptors()
    for _ in range(3):
        poller, listener = Poller(), Listener("127.0.0.1")
        listener.attach(poller, [listener, poller].append)
        poller.turn(0.001)
    with pytest.raises(TransportError):
        Listener("no address")
    del poller, listener
    gc.collect()
    assert descriptors() == before
