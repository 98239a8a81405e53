"""Polling by whoever waits, one thread at a time.

The thread that polls does so without the lock, as that is where it waits. Others that want the peer meanwhile wake it,
and it goes on polling when they are done; those that wait for something to come, too, wait for what it polls.

Layer: `blocking`.
"""

from __future__ import annotations

import os
from math import inf
from threading import Condition, get_ident
from types import TracebackType
from typing import TYPE_CHECKING

from gdpeer.arguments import seconds_of
from gdpeer.clock import MONOTONIC
from gdpeer.platform import process_id
from gdpeer.websocket.peer import WebSocketPeer

if TYPE_CHECKING:
    from gdpeer.transport.poller import Poller

__all__ = ["LONGEST", "PollLock", "deadline_in"]

LONGEST = inf if os.name == "posix" else 0.5
"""Seconds of one wait: Windows notices Ctrl-C only after it."""


def deadline_in(timeout: float | None) -> float:
    """The moment in so many seconds; None: never."""
    if timeout is None:
        return inf
    if type(timeout) is not float:
        timeout = seconds_of("recv", "timeout", timeout)
    return MONOTONIC.now() + max(0.0, timeout)


class PollLock:
    """One peer for several threads: `with poll_lock:` has it for the calling thread.

    Args:
        peer: to be used in `with` only.
    """

    __slots__ = ("_changed", "_claims", "_peer", "_poller", "_polling", "_process")

    def __init__(self, peer: WebSocketPeer) -> None:
        self._peer = peer
        self._poller: Poller | None = None
        self._begin()

    def _begin(self) -> None:
        self._changed = Condition()
        self._polling = 0  # the thread that polls
        self._claims = 0  # threads that want the peer while it does
        self._process = process_id()

    def __enter__(self) -> WebSocketPeer:
        if self._process != process_id():
            self._begin()  # of the parent's threads none is here
        if self._polling == get_ident():
            raise RuntimeError("this connection is polled by the calling thread: use it after that, or in another one")
        self._changed.acquire()
        try:
            if self._polling:
                self._claim()
        except BaseException:  # an interrupt
            self._changed.release()
            raise
        return self._peer

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._changed.release()

    def _claim(self) -> None:
        self._claims += 1
        try:
            while self._polling:
                assert self._poller is not None  # it polls
                self._poller.wake()
                self._changed.wait()
        finally:
            self._claims -= 1
            self._changed.notify_all()

    def turn(self, deadline: float = inf) -> bool:
        """Within `with`: let something happen, for others too, until that moment at most.

        Returns:
            False where nothing will come: the time is up, or the connection is over.
        """
        peer = self._peer
        left = deadline - MONOTONIC.now()
        if left < 0 or peer.is_over():
            return False
        left = min(left, LONGEST)
        if self._polling or self._claims:
            self._changed.wait(None if left == inf else left)
            return True
        self._poller = peer.watch()
        self._polling = get_ident()
        self._changed.release()
        try:
            peer.poll(left)
        finally:
            self._polling = 0
            self._changed.acquire()
            self._changed.notify_all()
        return True
