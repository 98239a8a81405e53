"""D5, D6: readers that never read, in both directions, while others talk to the same server."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import cycle
from statistics import median, quantiles
from typing import Any

import pytest

from gdpeer import ERR_OUT_OF_MEMORY, OK, Cause, WebSocketPeer
from tests.support.figures import record
from tests.support.processes import Process
from tests.support.waiting import undisturbed, until
from tests.trust.crowd import head_for
from tests.trust.idle import memory
from tests.trust.readers import CLOSE_TIMEOUT, LIMIT, MESSAGE
from tests.unit.websocket.support import BINARY, CLOSED, OPEN, frame

pytestmark = pytest.mark.timeout(120)

OTHERS = 10
OFFERED = 100_000_000
ROUNDS = OFFERED // len(MESSAGE) + 1
MOST_WORSE = 1.10
FRAME = b"\x82\x7e" + len(MESSAGE).to_bytes(2, "big") + MESSAGE
MOST_GROWTH = 2 << 20
"""Bytes that the server may grow by: far below what is sent, and more than what may wait and what Python keeps."""

QUIET, FLOOD, REPORT = (frame(BINARY, word) for word in (b"quiet", b"flood", b"report"))


class Other:
    """A connection that asks, and reads the answer."""

    def __init__(self, port: int, path: str = "/", receive_buffer: int = 0) -> None:
        self.socket = socket.socket()
        self.socket.settimeout(10.0)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(head_for(port).replace(b"GET / ", f"GET {path} ".encode()))
        self._received = self.socket.makefile("rb")
        assert self._received.readline().startswith(b"HTTP/1.1 101")
        while self._received.readline().strip():
            pass

    def ask(self, question: bytes) -> float:
        """Seconds until the whole answer was there."""
        begun = time.perf_counter()
        self.socket.sendall(question)
        assert self.hears(1)
        return time.perf_counter() - begun

    def hears(self, count: int) -> bool:
        """Whether so many messages come."""
        return all(self._received.read(len(FRAME)) == FRAME for _ in range(count))

    def report(self) -> dict[str, Any]:
        self.socket.sendall(REPORT)
        _, size = self._received.read(2)
        if size == 126:
            size = int.from_bytes(self._received.read(2), "big")
        found: dict[str, Any] = json.loads(self._received.read(size))
        return found

    def rest(self) -> bytes:
        """All that comes until the end."""
        return self._received.read()

    def close(self) -> None:
        self._received.close()
        self.socket.close()


class Table:
    """A server in a process of its own, and others that talk to it."""

    def __init__(self, server: Process, stack: ExitStack) -> None:
        self.port = int(server.wait_for(r"^(\d+)$").group(1))
        self.pid = server.popen.pid
        self._stack = stack
        self.others = [self.join() for _ in range(OTHERS)]

    def join(self, path: str = "/", receive_buffer: int = 0) -> Other:
        other = Other(self.port, path, receive_buffer)
        self._stack.callback(other.close)
        return other

    def report(self) -> dict[str, Any]:
        return self.others[0].report()


@contextmanager
def table(*words: str) -> Iterator[Table]:
    with Process([sys.executable, "-m", "tests.trust.readers", *words]) as server, ExitStack() as stack:
        yield Table(server, stack)


def compare(others: list[Other], question: bytes, provoke: Callable[[], object]) -> dict[str, float]:
    """Round trips with a slow reader beside, and without, one of each in turn: what disturbs them disturbs both."""
    quiet, flooded = [], []
    for _, other in zip(range(ROUNDS), cycle(others), strict=False):
        quiet.append(other.ask(QUIET))
        provoke()
        flooded.append(other.ask(question))
    before, during = quantiles(quiet, n=100)[98], quantiles(flooded, n=100)[98]
    return {
        "median_ratio": median(flooded) / median(quiet),
        "p99_ratio": during / before,
        "p99_before_us": before * 1e6,
        "p99_during_us": during * 1e6,
    }


def is_unharmed(figures: dict[str, Any]) -> bool:
    return bool(figures["median_ratio"] <= MOST_WORSE and figures["p99_ratio"] <= MOST_WORSE)


@pytest.mark.parametrize("way", ["send", "broadcast"])
def test_d5_a_client_that_never_reads_costs_the_others_nothing(way: str) -> None:
    """100 MB for it; its queue stops at the limit, sends are refused, the connection stays."""

    def measure() -> dict[str, Any]:
        with table(way) as room:
            slow = room.join("/slow", receive_buffer=4096)
            before = memory(room.pid)
            figures = compare(room.others, FLOOD, lambda: None)
            growth, report = memory(room.pid) - before, room.report()
            assert LIMIT - len(MESSAGE) < report["most_waiting"] <= LIMIT
            assert growth < MOST_GROWTH
            assert report["refused"] == report["refused_sends"] > 0.9 * ROUNDS
            assert (report["peers"], report["ended"]) == (OTHERS + 1, {})
            assert slow.hears(ROUNDS - report["refused"])  # once it does read
            return {"most_waiting": report["most_waiting"], "refused": report["refused"], **figures}

    figures = undisturbed(measure, is_unharmed, attempts=8)
    record("D5", **{f"{way}_{name}": value for name, value in figures.items()})
    assert is_unharmed(figures), figures


def client_of(port: int, **settings: Any) -> WebSocketPeer:
    peer = WebSocketPeer()
    for name, value in settings.items():
        setattr(peer, name, value)
    assert peer.connect_to_url(f"ws://127.0.0.1:{port}/deaf") is OK
    until(lambda: peer.poll(0.01) or peer.get_ready_state() is OPEN)
    return peer


def test_d6_a_server_that_takes_nothing_is_flooded_in_vain() -> None:
    """100 MB from a client; both queues stop at their limits, the client's sends are refused."""

    def measure() -> dict[str, Any]:
        with table("send") as room, client_of(room.port) as flooder:
            errors, waiting = [], []

            def provoke() -> None:
                errors.append(flooder.send(MESSAGE))
                flooder.poll()
                waiting.append(flooder.get_current_outbound_buffered_amount())

            before = memory(room.pid)
            figures = compare(room.others, QUIET, provoke)
            growth, report = memory(room.pid) - before, room.report()
            assert set(errors) == {OK, ERR_OUT_OF_MEMORY}
            assert max(waiting) <= flooder.outbound_buffer_size
            assert flooder.get_ready_state() is OPEN
            assert 0 < report["unread"] <= LIMIT + len(MESSAGE)
            assert growth < MOST_GROWTH
            refused = errors.count(ERR_OUT_OF_MEMORY)
            return {"most_waiting": max(waiting), "unread": report["unread"], "refused": refused, **figures}

    figures = undisturbed(measure, is_unharmed, attempts=8)
    record("D6", **figures)
    assert is_unharmed(figures), figures


@pytest.mark.parametrize("way", ["send", "broadcast"])
def test_d5_who_never_reads_is_closed_with_1013_where_that_is_set(way: str) -> None:
    """Two that are slow: who reads at last finds 1013 behind all that was sent; who never does is cut off."""
    with table(way, "close") as room:
        late, never = room.join("/slow", receive_buffer=4096), room.join("/slow", receive_buffer=4096)
        while room.report()["refused_sends"] < 2:
            for other in room.others:
                other.ask(FLOOD)
        said = late.rest()
        messages, close = divmod(len(said), len(FRAME))
        assert said == FRAME * messages + b"\x88\x12\x03\xf5Reads too slowly"
        assert close == 20
        until(lambda: room.report()["ended"] == {"too slow": 2}, CLOSE_TIMEOUT + 10)
        assert room.report()["peers"] == OTHERS
        assert b"Reads too slowly" not in never.rest()  # what TCP had taken, then the end
        record("D5", **{f"{way}_closed": 2})


def test_d6_a_client_leaves_a_server_that_takes_nothing_where_that_is_set() -> None:
    with table("send") as room:
        with client_of(room.port, close_on_backpressure=True, close_timeout=CLOSE_TIMEOUT) as flooder:
            while (error := flooder.send(MESSAGE)) is OK:
                flooder.poll()
            assert error is ERR_OUT_OF_MEMORY
            until(lambda: flooder.poll(0.01) or flooder.get_ready_state() is CLOSED, CLOSE_TIMEOUT + 10)
            assert (flooder.get_close_code(), flooder.get_close_cause().cause) == (1013, Cause.TOO_SLOW)
        room.others[0].ask(QUIET)
