"""`PollLock`: lets many threads use one peer, while one of them at a time polls it.

The polling thread waits in the poller without holding the lock. A thread that wants the peer wakes it, and the polling
thread goes on when that thread is done. Threads that wait for an event do not poll too: they wait for its turns.

Layer: `blocking`.
"""

from __future__ import annotations

import os
from math import inf
from threading import Condition, get_ident
from typing import TYPE_CHECKING

from gdpeer.arguments import seconds_of
from gdpeer.clock import MONOTONIC
from gdpeer.platform import process_id
from gdpeer.websocket.peer import WebSocketPeer

if TYPE_CHECKING:
    from gdpeer.transport.poller import Poller

__all__ = ["LONGEST", "PollLock", "deadline_in"]

LONGEST = inf if os.name == "posix" else 0.5
"""The most seconds of one wait: Windows handles Ctrl-C only after a wait."""


def deadline_in(timeout: float | None) -> float:
    """Returns the time after `timeout` seconds, by the monotonic clock; None: infinity."""
    if timeout is None:
        return inf
    if type(timeout) is not float:
        timeout = seconds_of("recv", "timeout", timeout)
    return MONOTONIC.now() + max(0.0, timeout)


class PollLock:
    """Shares one peer among threads: in `with poll_lock as peer:` the calling thread alone has it.

    Args:
        peer: use it only inside `with`.
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
            self._begin()  # after a fork: the threads that held the lock exist in the parent only
        if self._polling == get_ident():
            raise RuntimeError("this connection is polled by the calling thread: use it after that, or in another one")
        self._changed.acquire()
        try:
            if self._polling:
                self._claim()
        except BaseException:  # Ctrl-C: `with` calls __exit__ only after __enter__ has returned
            self._changed.release()
            raise
        return self._peer

    def __exit__(self, *error: object) -> None:
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
        """Polls once, or waits for the turn of the thread that polls; other threads may use the peer meanwhile.

        Returns:
            False if nothing more will happen: the deadline (of the monotonic clock) has passed, or TCP has ended.
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
