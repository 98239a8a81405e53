"""A poller that is closed while it turns: the turn ends, without an error."""

from __future__ import annotations

import signal
import socket

import pytest

from gdpeer.transport.poller import Poller, Watch

MORE_THAN_ONE_WAIT_FINDS = 300


def test_closing_from_a_callback_where_more_is_ready_than_one_wait_finds(poller: Poller) -> None:
    calls: list[int] = []

    def close(events: int) -> None:
        calls.append(events)
        poller.close()

    pairs = [socket.socketpair() for _ in range(MORE_THAN_ONE_WAIT_FINDS)]
    try:
        for ours, theirs in pairs:
            theirs.send(b"x")
            Watch(ours.fileno()).attach(poller, close)
        poller.turn()
        assert len(calls) == 1
    finally:
        for pair in pairs:
            for end in pair:
                end.close()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timer signals")
@pytest.mark.parametrize("wakes", [False, True])
def test_closing_from_a_signal_handler_ends_the_wait(poller: Poller, wakes: bool) -> None:
    def close(number: int, frame: object) -> None:
        if wakes:
            poller.wake()
        poller.close()

    before = signal.signal(signal.SIGALRM, close)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        poller.turn(10.0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
