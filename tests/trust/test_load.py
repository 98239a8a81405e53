"""D1, D8: a crowd that says nothing, and one that comes all at once."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from statistics import quantiles
from typing import Any

import pytest

from gdpeer import OK, ManualClock, WebSocketServer
from tests.support.certificates import make_certificates
from tests.support.figures import record
from tests.support.long import amount
from tests.support.waiting import undisturbed, until
from tests.trust.crowd import allow_many_files, connections, head_for, wait_for_bytes
from tests.trust.test_tls import is_shaken

pytestmark = pytest.mark.timeout(120)

SLOW = 1_000
HONEST = 100
TIMEOUT = amount(2.0, 3.0)
PAUSE = amount(0.25, 1.0)
"""Seconds between the bytes of each slow one."""
GRACE = 3.0
"""Seconds after the limit in which all are gone. Each byte takes `PAUSE`: who begins the time anew ends much later."""
MOST_JOIN = 1.0
"""Seconds: less than `TIMEOUT`, which those would have to wait that the slow ones keep out."""


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


def dribble(slow: Iterable[socket.socket], head: bytes) -> None:
    """A byte of each now and then, until the first of them is over."""
    for byte in head:
        for one in slow:
            try:
                one.send(bytes((byte,)))
            except OSError:
                return
        time.sleep(PAUSE)


def join(port: int, joins: list[float]) -> None:
    """Honest ones, one after the other, and how long it took each."""
    head = head_for(port)
    for _ in range(HONEST):
        begun = time.monotonic()
        with connections(port, 1) as [honest]:
            honest.sendall(head)
            assert honest.recv(4096).startswith(b"HTTP/1.1 101")
            joins.append(time.monotonic() - begun)


def slow_and_honest(port: int) -> tuple[list[float], list[float]]:
    """How long the slow ones were borne, and how long it took the honest ones to join."""
    with ExitStack() as stack:
        born: dict[socket.socket, float] = {}
        for _ in range(SLOW):
            [one] = stack.enter_context(connections(port, 1))
            born[one] = time.monotonic()
        joins: list[float] = []
        threads = [
            threading.Thread(target=dribble, args=(list(born), head_for(port))),
            threading.Thread(target=join, args=(port, joins)),
        ]
        for thread in threads:
            thread.start()
        ends = wait_for_bytes(list(born), TIMEOUT + 5)
        for thread in threads:
            thread.join()
        assert (len(ends), len(joins)) == (SLOW, HONEST)
        return [moment - born[one] for one, moment in ends.items()], joins


def test_d1_who_dawdles_is_closed_and_keeps_nobody_out() -> None:
    """A thousand that send a byte now and then, and 100 that join meanwhile."""

    def measure() -> dict[str, Any]:
        with listening(handshake_timeout=TIMEOUT) as server:
            port = server.get_local_port()
            lives, joins = Visitors(lambda: slow_and_honest(port)).serve(lambda: server.poll(0.02))
            assert server.stats().refused == {"http 408": SLOW}
            p99 = quantiles(joins, n=100)[98]
            return {"slow": SLOW, "limit_s": TIMEOUT, "longest_life_s": max(lives), "honest_join_p99_s": p99}

    figures = undisturbed(
        measure, lambda found: found["longest_life_s"] <= TIMEOUT + GRACE and found["honest_join_p99_s"] < MOST_JOIN
    )
    record("D1", honest=HONEST, **figures)
    assert figures["longest_life_s"] <= TIMEOUT + GRACE
    assert figures["honest_join_p99_s"] < MOST_JOIN


def test_d1_the_deadline_begins_with_tcp_and_not_anew_after_tls(tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path)
    clock = ManualClock(100.0)
    server = WebSocketServer(clock=clock)
    server.bind_ip, server.handshake_timeout = "127.0.0.1", 3.0
    server.private_key, server.ssl_certificate = certificates.key, certificates.certificate
    assert server.listen(0) is OK
    context = ssl.create_default_context(cafile=certificates.authority)
    with server, socket.create_connection(("127.0.0.1", server.get_local_port()), timeout=10.0) as plain:
        until(lambda: server.poll(0.005) or server.stats().pending)
        clock.advance(2.0)  # most of the time goes into TLS
        with context.wrap_socket(plain, server_hostname="localhost", do_handshake_on_connect=False) as secured:
            secured.setblocking(False)
            until(lambda: server.poll(0.005) or is_shaken(secured, []))
            server.poll(0.01)
            clock.advance(0.9)
            server.poll(0.01)
            assert server.stats().refused == {}
            clock.advance(0.2)
            server.poll(0.01)
            assert server.stats().refused == {"http 408": 1}


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
