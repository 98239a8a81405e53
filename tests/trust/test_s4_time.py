"""S4: signals in the middle of waits, and clocks that jump or stand still."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gdpeer.transport.memory import memory_pair
from tests.support.figures import record
from tests.support.long import amount
from tests.trust.feed import frame_of
from tests.trust.sessions import Session, joined_at, nothing_left
from tests.unit.websocket.support import Room, is_closed, request

pytestmark = pytest.mark.timeout(120)

HOUR = 3600.0


@contextmanager
def signals(every: float) -> Iterator[list[int]]:
    """This process gets one again and again; those that were handled so far."""
    handled: list[int] = []
    over = threading.Event()
    before = signal.signal(signal.SIGUSR1, lambda number, _: handled.append(number))

    def send() -> None:
        while not over.wait(every):
            os.kill(os.getpid(), signal.SIGUSR1)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield handled
    finally:
        over.set()
        sender.join()
        signal.signal(signal.SIGUSR1, before)


def test_s4_a_signal_within_a_wait_changes_nothing() -> None:
    """The waits go on to their end, and what was under way is complete."""
    rounds = amount(20, 500)
    with nothing_left() as held, signals(0.001) as handled:
        for _ in range(rounds):
            session = Session(wait=0.01)
            session.server.bind_ip = "127.0.0.1"
            assert not session.server.listen(0)
            joined_at(session, session.server.get_local_port(), "ws")
            session.play(lambda: 0.01)
            session.check()
            assert session.is_complete()
            held += session.end()
            del session
        until = time.monotonic() + 20
        while len(handled) < rounds and time.monotonic() < until:
            time.sleep(0.01)
    assert len(handled) >= rounds
    record("S4", signals=len(handled), interrupted_sessions=rounds)


@pytest.mark.parametrize("ends_tcp", [True, False])
def test_s4_a_side_that_never_ends_tcp_is_let_go_of_after_a_second(ends_tcp: bool) -> None:
    """After the close frames, each side waits for the end of TCP, and no longer than promised."""
    room = Room()
    _, theirs, ours = room.stream()
    theirs.send([request("/"), frame_of("server", 0x88, b"\x03\xe8")])
    room.poll()
    if ends_tcp:
        theirs.close_write()
    room.poll()
    assert is_closed(ours) is ends_tcp
    room.clock.advance(0.99)
    room.poll()
    assert is_closed(ours) is ends_tcp
    room.clock.advance(0.02)
    room.poll()
    assert is_closed(ours)


def session_that_jumps(at: int) -> Session:
    """An hour passes at once after so many turns; else time stands still, or goes on where it has to."""
    session = Session(heartbeat_interval=5.0)
    session.through(*memory_pair(clock=session.clock, max_chunk=4096))
    while session.turns < at and not session.is_over():
        session.turn()
    session.clock.advance(HOUR)
    session.play()
    session.check()
    return session


def test_s4_a_clock_that_stands_still_holds_nothing_up() -> None:
    with nothing_left() as held:
        session = Session(heartbeat_interval=5.0)
        session.through(*memory_pair(clock=session.clock))
        while not session.is_complete():
            assert session.turns < 100
            session.turn()
        session.check()
        held += session.end()
        del session


def test_s4_a_clock_that_jumps_an_hour_at_each_turn() -> None:
    at = 0
    complete = 0
    with nothing_left() as held:
        while True:
            session = session_that_jumps(at)
            was_reached = session.turns >= at and not (session.is_complete() and session.turns <= at)
            complete += session.is_complete()
            held += session.end()
            del session
            if not was_reached:
                break
            at += 1
            assert at < 500
    assert complete
    record("S4", jumps=at, complete=complete)
