"""`WorkerProcess`: the process of one worker: a hall in a cluster, with links to its parent and to the door.

    parent -> worker    {"do": "door"} and a socket     a door, which passes connections
                        {"do": "drain", "deadline": 300, "last": false}
                        {"do": "retire", "is": true}    another worker is about to replace this one; false: no more
                        {"do": "gone", "name": "w2"}    another worker of this machine has ended: free its shards
                        {"do": "siblings", "names": ["w1", "w2"]}   the workers of this machine that were up once
                        {"do": "end"}                   end now
    worker -> parent    {"is": "up", ...}               it takes players
                        {"is": "draining"}
                        {"is": "buried", "name": "w2"}  the shards of that worker are free

`door` says what worker and door tell each other.

Layer: `cluster`.
"""

from __future__ import annotations

import re
import secrets
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gdpeer.cluster.door import NO_SHARD
from gdpeer.cluster.links import Lines, Link
from gdpeer.cluster.timers import in_background

if TYPE_CHECKING:
    from gdpeer.cluster.cluster import Cluster
    from gdpeer.rooms.hall import Hall

__all__ = ["WorkerProcess", "draw_name"]

REPORT = 0.25
"""Seconds between two looks at what the doors do not know yet."""

SOON = 0.01
"""Seconds in which further shards are waited for, after the first one that was taken."""

FIRST_SHARDS = 3.0
"""Seconds that a new worker waits for its first shards before it takes players nevertheless."""

GOODBYE = 1.0
"""Seconds in which a worker that has drained waits for the doors, and for its last word to the broker."""

LAST = 1.0
"""Seconds that rooms have to be saved after the parent was killed."""


def draw_name() -> str:
    """Returns a name for a worker, or the beginning of names, that no other process has: `web1-9f3c21`."""
    host = re.sub(r"[^A-Za-z0-9]", "", socket.gethostname().partition(".")[0])[:24]
    return f"{host or 'gdpeer'}-{secrets.token_hex(3)}"


class _DoorLink:
    """A link to a door, and what the door knows."""

    def __init__(self, end: socket.socket, worker: WorkerProcess) -> None:
        self.told: set[str] = set()
        self.load = -1
        self.is_up = self.is_draining = False
        self._worker = worker
        self.link = Link(end, worker.hall.server.poller(), self._take, lambda: worker.lose_door(self))

    def _take(self, data: bytes, sockets: list[socket.socket]) -> None:
        """Takes connections: two bytes for each, the shard of its room."""
        for place, passed in enumerate(sockets):
            self._worker.take(self, data[2 * place : 2 * place + 2], passed)

    def report(self, held: set[str], load: int, *, is_up: bool, is_draining: bool) -> None:
        """Tells the door what it does not know."""
        news: dict[str, Any] = {}
        if held != self.told:
            news["won"], news["lost"] = sorted(held - self.told), sorted(self.told - held)
        if (load, is_up) != (self.load, self.is_up):
            news["load"], news["up"] = load, is_up
        if is_draining != self.is_draining:
            news["draining"] = is_draining
        if news:
            self.told, self.load, self.is_up, self.is_draining = held, load, is_up, is_draining
            self.link.send_line(news)


class WorkerProcess:
    """A worker of `gdpeer serve`. All calls belong to the thread of the hall.

    Args:
        hall: has the rooms; it need not listen.
        cluster: of the hall; not started yet.
        control: the link to the parent; None: there is no parent, and no door.
        deadline: seconds that rooms have in a drain for which the parent names no other.
        has_other_broker: whether the broker goes on when the parent has ended, so that others can restore rooms.
        about: what the parent is told with the word "up".

    Attributes:
        hall: has the rooms.
        cluster: of the hall.
        is_over: whether the process may end.
        is_up: whether the worker takes players.
        is_orphan: whether the parent has ended before this process.
    """

    def __init__(
        self,
        hall: Hall,
        cluster: Cluster,
        control: socket.socket | None,
        *,
        deadline: float = 300.0,
        has_other_broker: bool = False,
        about: dict[str, Any] | None = None,
    ) -> None:
        self.hall = hall
        self.cluster = cluster
        self.is_over = self.is_up = self.is_draining = self.is_orphan = False
        self._deadline = deadline
        self._has_other_broker = has_other_broker
        self._about = about or {}
        self._doors: list[_DoorLink] = []
        self._ends_at = float("inf")
        self._give_up_waiting = 0.0
        self._is_leaving = self._is_last = self._is_reporting_soon = False
        poller = hall.server.poller()
        self._words: dict[str, Callable[[dict[str, Any], list[socket.socket]], object]] = {
            "door": lambda message, sockets: self._doors.append(_DoorLink(sockets[0], self)),
            "drain": lambda message, sockets: self.drain(message["deadline"], is_last=message["last"]),
            "retire": lambda message, sockets: self.cluster.retire(message["is"]),
            "gone": lambda message, sockets: in_background(self._bury(message["name"])),
            "siblings": lambda message, sockets: self._take_siblings(message["names"]),
            "end": lambda message, sockets: self._end(),
        }
        self._control = None if control is None else Link(control, poller, Lines(self._hear).take, self._lose_parent)
        cluster.on_shard_gained = lambda shard: self._report_soon()

    def start(self) -> None:
        """Joins the cluster, and tells the parent and the door."""
        self.cluster.start()
        self._give_up_waiting = self.hall.clock.now() + FIRST_SHARDS
        self._beat()

    def poll(self, timeout: float) -> None:
        """Polls the hall, and goes on with a drain."""
        self.hall.poll(timeout)
        if self.is_draining and not self._is_leaving and self._is_drained():
            self._leave()
        if self._is_leaving and (not self._doors or self.hall.clock.now() >= self._ends_at):
            self._end()

    # ------------------------------------------------------------------------------------------ the doors

    def take(self, door: _DoorLink, shard: bytes, passed: socket.socket) -> None:
        """Serves a connection that a door has passed, unless its shard was given up meanwhile."""
        if shard != NO_SHARD and shard.decode() not in self.cluster.shards.held:
            self._report()
            door.link.send_line({"back": shard.decode()}, [passed])
        else:
            try:
                self.hall.server.take_socket(passed)
            except OSError:  # the connection is gone
                passed.close()

    def lose_door(self, door: _DoorLink) -> None:
        """Takes note that a door has ended. Connections that were on the way back to the door are closed."""
        self._doors.remove(door)
        door.link.discard()

    def _beat(self) -> None:
        """Looks from time to time at what the doors do not know yet."""
        poller = self.hall.server.poller()
        poller.call_at(self.hall.clock.now() + REPORT, self._beat)
        if not self.is_up and not self.is_draining:
            self._look_whether_up()
        self._report()

    def _look_whether_up(self) -> None:
        if not self.cluster.member.check():
            return
        if self.cluster.shards.held or self.hall.clock.now() >= self._give_up_waiting:
            self.is_up = True
            self._tell_parent({"is": "up", **self._about})

    def _report_soon(self) -> None:
        if not self._is_reporting_soon:
            self._is_reporting_soon = True
            self.hall.server.poller().call_at(self.hall.clock.now() + SOON, self._report)

    def _report(self) -> None:
        self._is_reporting_soon = False
        held = set(self.cluster.shards.held)
        is_up = self.is_up and not self.is_draining
        for door in self._doors:
            door.report(held, len(self.hall.server.peers), is_up=is_up, is_draining=self.is_draining)

    # ------------------------------------------------------------------------------------------ the parent

    def _hear(self, message: dict[str, Any], sockets: list[socket.socket]) -> None:
        word = self._words.get(message["do"])
        if word is not None:  # the parent may be of another version
            word(message, sockets)

    def _tell_parent(self, message: dict[str, Any]) -> None:
        if self._control is not None:
            self._control.send_line(message)

    def _lose_parent(self) -> None:
        """Ends with the parent. Rooms that others can restore are saved."""
        self.is_orphan = True
        if self._has_other_broker:
            self.drain(LAST)
            self._ends_at = min(self._ends_at, self.hall.clock.now() + 2 * LAST)
            self.hall.server.poller().call_at(self._ends_at, self._end)
        else:
            self._end()

    def _take_siblings(self, names: list[str]) -> None:
        self.cluster.watching.siblings = frozenset(names)

    async def _bury(self, name: str) -> None:
        """Frees the shards of a worker whose process is known to have ended, before its lease ends by itself."""
        await self.cluster.bury(name)
        self._tell_parent({"is": "buried", "name": name})

    # ------------------------------------------------------------------------------------------ the end

    def drain(self, deadline: float | None = None, *, is_last: bool = False) -> None:
        """Begins to leave: rooms go on elsewhere, or have time to end.

        Args:
            deadline: seconds; None: as this object was told.
            is_last: whether no other worker will be left, so that rooms that could move have time to end as well.
        """
        if self.is_draining:
            return
        self.is_draining = True
        self._tell_parent({"is": "draining"})
        seconds = self._deadline if deadline is None else deadline
        if is_last:
            self._is_last = True
            self.hall.neighbours = None
            self.hall.drain(seconds)
        else:
            self.cluster.drain(seconds)
        self._report()

    def _is_drained(self) -> bool:
        return self.hall.is_drained if self._is_last else self.cluster.is_drained

    def _leave(self) -> None:
        """Says goodbye to broker and doors. The doors then pass nothing more, and the process ends."""
        self._is_leaving = True
        self._ends_at = self.hall.clock.now() + GOODBYE
        self._report()
        for door in self._doors:
            door.link.send_line({"bye": True})
        self.cluster.leave()

    def _end(self) -> None:
        self.is_over = True

    def close(self) -> None:
        """Closes all connections, and leaves the cluster."""
        self.hall.close()
        self.cluster.close()
        for door in self._doors:
            door.link.discard()
        if self._control is not None:
            self._control.close()
