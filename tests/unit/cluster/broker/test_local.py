"""The store of a parent process: what only this form of the broker has."""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gdpeer.clock import ManualClock
from gdpeer.cluster.broker import link as link_module
from gdpeer.cluster.broker import local
from gdpeer.cluster.broker.base import Away
from gdpeer.cluster.broker.local import LocalBroker, StoreServer
from gdpeer.cluster.broker.memory import MemoryBroker, MemoryStore


class Parent:
    """A parent process, in this process."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.server = StoreServer(self.store)
        self.waiting: deque[Callable[[], object]] = deque()
        self.ended: list[str] = []
        self.brokers: list[LocalBroker] = []

    def pair(self, name: str = "worker") -> socket.socket:
        ours, theirs = socket.socketpair()
        self.server.add(ours, lambda: self.ended.append(name))
        return theirs

    def worker(self) -> LocalBroker:
        self.brokers.append(LocalBroker(self.pair(), self.waiting.append))
        return self.brokers[-1]

    def until(self, condition: Callable[[], object], serve: bool = True) -> None:
        deadline = time.monotonic() + 10.0
        while not condition():
            assert time.monotonic() < deadline, "waited in vain"
            self.server.poll(0.005) if serve else time.sleep(0.005)
            while self.waiting:
                self.waiting.popleft()()

    def close(self) -> None:
        for broker in self.brokers:
            broker.close()
        self.server.close()


@pytest.fixture
def parent() -> Iterator[Parent]:
    parent = Parent()
    yield parent
    parent.close()


def test_the_parent_uses_the_same_store(parent: Parent) -> None:
    worker, own = parent.worker(), MemoryBroker(parent.store)
    made = own.create("s:AB", {"worker": "a"})
    seen = worker.get("s:AB")
    parent.until(lambda: seen.is_done)
    entry = seen.result()
    assert entry is not None
    assert entry.revision == made.result()
    heard: list[Any] = []
    worker.subscribe("dir", lambda message: heard.append(message.value))
    parent.until(lambda: parent.store.subscribers.get("dir"))
    own.publish("dir", {"n": 1})
    parent.until(lambda: heard)
    assert heard == [{"n": 1}]


def test_the_end_of_a_worker_is_told_and_its_subscriptions_end(parent: Parent) -> None:
    worker = parent.worker()
    worker.subscribe("w.a", print)
    parent.until(lambda: parent.store.subscribers.get("w.a"))
    worker.close()
    parent.until(lambda: parent.ended)
    assert parent.ended == ["worker"]
    assert not parent.store.subscribers.get("w.a")


def test_the_end_of_the_parent_is_away(parent: Parent) -> None:
    worker = parent.worker()
    answer = worker.get("r:A")
    parent.until(lambda: answer.is_done)
    changes: list[bool] = []
    worker.on_change = lambda: changes.append(worker.is_connected)
    waiting = worker.request("w.none", {}, 60.0)
    parent.server.close()
    parent.until(lambda: changes, serve=False)
    assert changes == [False]
    later = worker.create("r:B", {})
    parent.until(lambda: waiting.is_done and later.is_done, serve=False)
    for failed in (waiting, later):
        with pytest.raises(Away):
            failed.result()
    parent.server = StoreServer(parent.store)


@pytest.mark.parametrize(
    "line",
    [
        b"x\n",
        b"[]\n",
        b"{}\n",
        b'["a","get"]\n',
        b"[1,2]\n",
        b'[1,"get"]\t\n',
        b'[1,"get",5]\t\n',
        b'[1,"fly","r:A"]\t\n',
        b'[1,"create","r:A"]\t[1]\n',
        b'[1,"create","r:A"]\t{"a":NaN}\n',
        b'[1,"update","r:A","x"]\t{}\n',
        b"[" * 100_000 + b"\n",
        b'[1,"reply",[]]\t{}\n',
    ],
)
def test_a_worker_that_sends_what_is_no_call_is_let_go(
    parent: Parent, line: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    other = parent.worker()
    with parent.pair("bad") as sock:
        sock.sendall(line)
        parent.until(lambda: parent.ended)
        sock.settimeout(1.0)
        assert sock.recv(100) == b""
    assert parent.ended == ["bad"]
    assert "no call of the broker" in caplog.text
    answer = other.get("r:A")
    parent.until(lambda: answer.is_done)


def test_a_line_without_an_end_is_not_kept_for_ever(parent: Parent) -> None:
    with parent.pair("bad") as sock:
        sock.setblocking(False)
        deadline = time.monotonic() + 10.0
        while not parent.ended and time.monotonic() < deadline:
            with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
                sock.send(b"x" * 65_536)
            parent.server.poll(0.0)
    assert parent.ended == ["bad"]


def test_a_worker_that_does_not_read_is_let_go(
    parent: Parent, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(local, "MOST_UNSENT", 1_000_000)
    own = MemoryBroker(parent.store)
    with parent.pair("slow") as sock:
        sock.sendall(b'[1,"subscribe","dir"]\t\n')
        parent.until(lambda: parent.store.subscribers.get("dir"))
        for _ in range(40):
            own.publish("dir", {"data": "x" * 100_000})
            parent.server.poll(0.0)
        assert parent.ended == ["slow"]
    assert "has not read its answers" in caplog.text


def test_a_worker_that_reads_slowly_gets_all(parent: Parent) -> None:
    own, heard = MemoryBroker(parent.store), bytearray()
    with parent.pair() as sock:
        sock.sendall(b'[1,"subscribe","dir"]\t\n')
        parent.until(lambda: parent.store.subscribers.get("dir"))
        for _ in range(20):
            own.publish("dir", {"data": "x" * 100_000})
        parent.server.poll(0.0)
        sock.setblocking(False)

        def read() -> bool:
            with contextlib.suppress(BlockingIOError):
                heard.extend(sock.recv(65_536))
            return heard.count(b"message") == 20 and heard.endswith(b"\n")

        parent.until(read)
        assert parent.ended == []


def test_requests_that_nobody_answers_are_forgotten(parent: Parent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "MOST_UNANSWERED", 3)
    own, answers = MemoryBroker(parent.store), []
    with parent.pair() as sock:
        sock.sendall(b'[1,"subscribe","w.a"]\t\n')
        parent.until(lambda: parent.store.subscribers.get("w.a"))
        answers = [own.request("w.a", {}, 60.0) for _ in range(5)]
        parent.until(lambda: parent.store.is_quiet)
        sock.sendall(b'[0,"reply",1]\t{"n":1}\n[0,"reply",5]\t{"n":5}\n[0,"reply",5]\t{"n":6}\n[0,"reply",4]\t\n')
        parent.until(lambda: answers[4].is_done)
    assert [answer.is_done for answer in answers] == [False, False, False, False, True]
    assert answers[4].result() == {"n": 5}


def test_a_selector_may_be_shared(parent: Parent) -> None:
    with selectors.DefaultSelector() as selector:
        server = StoreServer(parent.store, selector)
        ours, theirs = socket.socketpair()
        server.add(ours)
        worker = LocalBroker(theirs, parent.waiting.append)
        answer = worker.create("r:A", {})
        deadline = time.monotonic() + 10.0
        while not answer.is_done and time.monotonic() < deadline:
            for key, _ in selector.select(server.limit(0.01)):
                key.data()
            server.settle()
            while parent.waiting:
                parent.waiting.popleft()()
        assert answer.result() == 1
        worker.close()
        server.close()


def test_a_large_value_goes_through_in_pieces(parent: Parent) -> None:
    worker = parent.worker()
    value = {"data": "x" * 1_300_000}
    made = worker.create("save:A", value)
    parent.until(lambda: made.is_done)
    seen = worker.scan("save:")
    parent.until(lambda: seen.is_done)
    assert [entry.value for entry in seen.result()] == [value]


def test_a_parent_that_was_held_up_is_used_again_with_the_same_socket(
    parent: Parent, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seconds in (("VERB_TIME", 0.5), ("STEP_TIME", 0.3), ("CHECK_EVERY", 0.05)):
        monkeypatch.setattr(link_module, name, seconds)
    worker = parent.worker()
    heard: list[Any] = []
    worker.subscribe("dir", lambda message: heard.append(message.value))
    first = worker.get("r:A")
    parent.until(lambda: first.is_done)
    parent.until(lambda: not worker.is_connected, serve=False)
    parent.until(lambda: worker.is_connected)
    MemoryBroker(parent.store).publish("dir", {"n": 1})
    parent.until(lambda: heard)
    assert heard == [{"n": 1}]


def test_leases_last_longer_while_the_parent_is_held_up() -> None:
    clock = ManualClock()
    store = MemoryStore(clock)
    server, broker = StoreServer(store), MemoryBroker(store)
    broker.create("w:a", {})
    server.settle()

    def wait(seconds: float, late: float = 0.0) -> bool:
        server.limit(seconds)
        clock.advance(seconds + late)
        answer = broker.get("w:a")
        server.settle()
        return answer.result() is not None

    assert wait(0.2, late=20.0)  # a renewal may wait in a socket
    assert all(wait(0.2) for _ in range(28))
    clock.advance(7.0)  # the work of a turn takes long
    assert wait(0.1)
    assert not wait(0.2)
    server.close()


def test_a_parent_that_sends_what_is_no_answer(parent: Parent, caplog: pytest.LogCaptureFixture) -> None:
    ours, theirs = socket.socketpair()
    worker = LocalBroker(theirs, parent.waiting.append)
    parent.brokers.append(worker)
    with ours:
        ours.sendall(b"nonsense\n")
        answer = worker.get("r:A")
        parent.until(lambda: answer.is_done, serve=False)
        with pytest.raises(Exception, match="no answer"):
            answer.result()
