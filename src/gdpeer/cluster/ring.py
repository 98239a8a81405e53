"""`Ring`: each worker watches the lease of one other, so that the end of any lease is noticed.

The workers stand in a ring, by name. A worker looks every 2 s at the lease of the next one; each half second once the
lease was not renewed. When the lease is gone, the worker tells all others, and watches the worker after it. So watching
costs each worker one read for each write of its own lease, however many workers there are.

Layer: `cluster`.
"""

from __future__ import annotations

import math
from collections.abc import Collection

from gdpeer.cluster.broker.base import Broker, BrokerError, Entry
from gdpeer.cluster.directory import SETTLING, Directory
from gdpeer.cluster.member import LEASE, Member
from gdpeer.cluster.timers import CancelsTimer, Timers, in_background

__all__ = ["Ring"]

INTERVAL = 2.0
STEP = 0.5
"""Seconds from one look to the next, while the lease is renewed, and while it is not."""
HANDOVER = LEASE + SETTLING + INTERVAL
"""Seconds until a worker that came in between watches the worker after it, or that one's lease has ended."""


class Ring:
    """Watches the lease of the next worker.

    Args:
        broker: holds the leases.
        timers: of the game's thread.
        member: the lease of this worker.
        directory: knows the others, and is told which have gone.
    """

    def __init__(self, broker: Broker, timers: Timers, member: Member, directory: Directory) -> None:
        self._broker = broker
        self._timers = timers
        self._member = member
        self._directory = directory
        self._seen: tuple[str, int] = ("", 0)
        self._watched = self._former = ""
        self._former_until = -math.inf
        self._timer: CancelsTimer | None = None
        self._is_closed = False

    def start(self) -> None:
        """Begins to watch the lease of the next worker."""
        self._plan(INTERVAL)

    def close(self) -> None:
        """Ends the watching of other workers."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _plan(self, seconds: float) -> None:
        if not self._is_closed:
            self._timer = self._timers.after(seconds, self._look)

    def _look(self) -> None:
        name = self.next_worker()
        # While the broker is coming back, leases that are missing are about to be written.
        if name == "" or not self._directory.is_settled() or not self._member.is_renewing():
            self._plan(INTERVAL)
        else:
            self._note_watched(name)
            in_background(self._look_at(name))
            if self._former in self._directory.workers and self._timers.now() < self._former_until:
                in_background(self._ask_for(self._former))

    def _note_watched(self, name: str) -> None:
        """Keeps an eye on the worker that was watched until now, if another one came in between.

        The newcomer is to watch that worker, but may never hear of the worker if the lease ends before its first read.
        """
        if name != self._watched:
            self._watched, self._former = name, self._watched
            self._former_until = self._timers.now() + HANDOVER

    def next_worker(self, left_out: Collection[str] = ()) -> str:
        """Returns the name of the worker after this one; "" if there is no other."""
        names = self._directory.workers.keys() - {self._member.name, *left_out}
        return min((name for name in names if name > self._member.name), default=min(names, default=""))

    def note_gone(self, names: list[str]) -> None:
        """Tells all others of workers that a read did not find: of those which this worker has to watch."""
        told: list[str] = []
        while (name := self.next_worker(told)) in names:
            self._directory.announce_gone(name, self._directory.workers[name].epoch)
            told.append(name)

    async def _look_at(self, name: str) -> None:
        pause = STEP
        try:
            entry = await self._ask_for(name)
            if not self._directory.is_settled():
                return
            if entry is None:
                pause = 0.0
            elif self._seen != (name, entry.revision):
                self._seen = (name, entry.revision)
                pause = INTERVAL
        except BrokerError:
            pass
        finally:
            self._plan(pause)

    async def _ask_for(self, name: str) -> Entry | None:
        """Returns the lease of a worker. All workers are told if the lease has ended."""
        entry = await self._timers.within(self._broker.get(f"w:{name}"))
        if self._directory.is_settled():
            self._directory.take_worker(name, entry)
        return entry
