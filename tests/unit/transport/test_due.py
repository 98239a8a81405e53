"""What a loop of somebody else's waits for: the poller's descriptor, and when its next turn is due by itself."""

from __future__ import annotations

import select
import selectors
import socket
from math import inf

import pytest

from gdpeer.clock import ManualClock
from gdpeer.transport.poller import Poller, Watch
from gdpeer.transport.readiness import SelectorsBackend


def is_readable(descriptor: int) -> bool:
    return bool(select.select([descriptor], [], [], 0)[0])


def test_the_descriptor_can_be_read_from_while_something_is_ready(poller: Poller) -> None:
    if poller.descriptor < 0:
        assert isinstance(poller._backend._selector, selectors.SelectSelector)
        return
    ends = socket.socketpair()
    heard: list[bytes] = []
    Watch(ends[0].fileno()).attach(poller, lambda events: heard.append(ends[0].recv(10)))
    assert not is_readable(poller.descriptor)
    ends[1].send(b"x")
    assert is_readable(poller.descriptor)
    poller.turn()
    assert heard == [b"x"]
    assert not is_readable(poller.descriptor)
    for end in ends:
        end.close()


def test_where_the_system_has_none_there_is_no_descriptor() -> None:
    with Poller(backend=SelectorsBackend(selectors.SelectSelector())) as poller:
        assert poller.descriptor == -1


def test_closed_it_has_none(poller: Poller) -> None:
    poller.close()
    assert poller.descriptor == -1


def test_who_watches_the_descriptor_is_told_once_before_it_goes(poller: Poller) -> None:
    told: list[bool] = []
    descriptor = poller._backend.descriptor
    poller.on_close = lambda: told.append(descriptor < 0 or not is_readable(descriptor))  # still open
    poller.close()
    poller.close()
    assert told == [True]


@pytest.mark.parametrize("backend", [None, SelectorsBackend])
def test_it_is_due_with_the_first_timer_that_will_run(backend: type[SelectorsBackend] | None) -> None:
    clock = ManualClock(100.0)
    with Poller(clock, backend=backend and backend()) as poller:
        assert poller.due_at() == inf
        first = poller.call_at(101.0, lambda: None)
        poller.call_at(102.0, lambda: None)
        assert poller.due_at() == 101.0
        first.cancel()
        assert poller.due_at() == 102.0
        clock.advance(2.0)
        poller.turn()
        assert poller.due_at() == inf


def test_it_is_due_at_once_while_callbacks_wait(poller: Poller) -> None:
    poller.soon(lambda: None)
    assert poller.due_at() == -inf
    poller.turn()
    assert poller.due_at() == inf


def test_it_is_due_at_once_when_it_was_woken(poller: Poller) -> None:
    poller.wake()
    assert poller.due_at() == -inf
    poller.turn()
    assert poller.due_at() == inf
