"""D1, D8: a crowd that says nothing, and one that comes all at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from statistics import quantiles
from typing import Any

import pytest

from gdpeer import OK, WebSocketServer
from tests.support.figures import record
from tests.trust.crowd import allow_many_files, connections, head_for, wait_for_bytes

pytestmark = pytest.mark.timeout(120)

SLOW = 200
"""Of the 1,000 that the long form has."""
HONEST = 100
TIMEOUT = 1.0


class Visitors(threading.Thread):
    """Does something with a server from outside, while this thread polls it."""

    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__()
        self._work = work
        self.outcome: Any = None
        self.problem: BaseException | None = None

    def run(self) -> None:
        try:
            self.outcome = self._work()
        except BaseException as problem:
            self.problem = problem

    def serve(self, poll: Callable[[], object], seconds: float = 60.0) -> Any:
        """Poll until they have done; what came of it."""
        self.start()
        end = time.monotonic() + seconds
        while self.is_alive() and time.monotonic() < end:
            poll()
        self.join(5)
        if self.problem is not None:
            raise self.problem
        return self.outcome


def listening(**settings: Any) -> WebSocketServer:
    allow_many_files()
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    for name, value in settings.items():
        setattr(server, name, value)
    assert server.listen(0) is OK
    return server


def slow_and_honest(port: int) -> tuple[list[float], list[float]]:
    """How long the slow ones were borne, and how long it took the honest ones to join."""
    lives: list[float] = []
    joins: list[float] = []
    head = head_for(port)
    with connections(port, SLOW) as slow:
        began = time.monotonic()

        def dribble() -> None:
            for byte in head[:4]:
                for one in slow:
                    try:
                        one.send(bytes((byte,)))
                    except OSError:
                        return
                time.sleep(0.25)

        thread = threading.Thread(target=dribble)
        thread.start()
        for _ in range(HONEST):
            with connections(port, 1) as [honest]:
                start = time.monotonic()
                honest.sendall(head)
                assert honest.recv(4096).startswith(b"HTTP/1.1 101")
                joins.append(time.monotonic() - start)
        ends = wait_for_bytes(slow, TIMEOUT + 5)
        assert len(ends) == SLOW
        lives = [moment - began for moment in ends.values()]
        thread.join()
    return lives, joins


def test_d1_who_dawdles_is_closed_and_keeps_nobody_out() -> None:
    """200 connections that send a byte four times a second, and 100 that join meanwhile; the limit is 1 s."""
    with listening(handshake_timeout=TIMEOUT) as server:
        port = server.get_local_port()
        lives, joins = Visitors(lambda: slow_and_honest(port)).serve(lambda: server.poll(0.02))
        longest, p99 = max(lives), quantiles(joins, n=100)[98]
        record("D1", slow=SLOW, honest=HONEST, longest_life_s=longest, honest_join_p99_s=p99)
        assert longest <= TIMEOUT + 0.25
        assert p99 < 0.2
        assert server.stats().refused == {"http 408": SLOW}


def all_at_once(port: int) -> float:
    """How long it takes until everybody's upgrade is answered."""
    with connections(port, 1000) as crowd:
        began = time.monotonic()
        for one in crowd:
            one.sendall(head_for(port))
        ends = wait_for_bytes(crowd, 10)
        assert len(ends) == 1000
        assert all(one.recv(4096).startswith(b"HTTP/1.1 101") for one in crowd)
        return max(ends.values()) - began


def test_d8_a_thousand_at_once_are_open_within_two_seconds() -> None:
    """While the game polls sixty times a second."""
    with listening() as server:
        port = server.get_local_port()

        def frame() -> None:
            server.poll()
            time.sleep(1 / 60)

        seconds = Visitors(lambda: all_at_once(port)).serve(frame)
        record("D8", connections=1000, seconds=seconds)
        assert seconds < 2.0
