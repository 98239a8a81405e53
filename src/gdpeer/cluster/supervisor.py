"""`Supervisor`: the parent of a door and some workers. It starts them, replaces those that end, and ends them.

    a child dies            another one is started: at once, then after pauses that double
    too many die            everything ends (`FAILED`)
    a worker drains         another one is started beside it
    roll                    each worker is replaced: first a new one is there, then the old one drains; at last the door
    drain                   all workers drain, then the door ends
    end                     all end now

A new worker has the slot of the worker that it replaces, and the workers that wait for their replacement are told so.
`shards` says why no room moves twice then.

The parent holds the listening sockets, so no connection is refused while the door is replaced. All children get links
to each other through the parent: the ends of a new socket pair for each door and each worker.

Layer: `cluster`.
"""

from __future__ import annotations

import enum
import signal
import socket
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from gdpeer.cluster.links import Lines, Link
from gdpeer.logs import get_logger
from gdpeer.transport.poller import Poller

__all__ = ["DOOR", "Child", "Outcome", "Process", "Supervisor"]

logger = get_logger("gdpeer.cluster")

DOOR = "door"
MOST_DEATHS = 5
DEATHS_SPAN = 60.0
"""This many deaths of children within this many seconds end everything."""

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 8.0
"""Seconds before the second death's replacement; the pause doubles with each further death."""

REAP = 0.02
"""Seconds between two looks whether a child has ended whose link has."""

END_TIME = 5.0
"""Seconds that a child has to end, once it was told to; then it is killed."""

START_TIME = 120.0
"""Seconds that a child has until it is up, or it is killed: so that a rolling restart cannot stand still."""


class Process(Protocol):
    """What is needed of `subprocess.Popen`."""

    pid: int

    def poll(self) -> int | None:
        """Returns the status of a process that has ended; None: it runs."""

    def kill(self) -> None:
        """Kills the process, as kill -9 does."""


Spawn = Callable[[str, str, str, socket.socket], Process]
"""Starts a child: its role, its name, its slot, and the child's end of the link to it."""


class Outcome(enum.Enum):
    """How the supervisor has ended, for the exit status."""

    STOPPED = enum.auto()
    """As it was told to."""

    FAILED = enum.auto()
    """Children died too often."""


class Child:
    """A process of the server.

    Attributes:
        name: of the worker; of the door "door-1", "door-2", ...
        slot: the name of the first of the workers that have replaced each other, of which this is the last.
        is_door: whether this is a door.
        process: the process.
        link: to the process.
        state: "starting", "up", "draining" or "ending".
        successor: the child that is to replace this one; "": none yet.
        is_retiring: whether this worker knows that it is about to be replaced.
        is_gone: whether its link has ended, and the process ends soon.
        about: what a worker has said of itself.
    """

    def __init__(self, name: str, slot: str, process: Process, *, is_door: bool) -> None:
        self.name = name
        self.slot = slot
        self.is_door = is_door
        self.process = process
        self.link: Link | None = None
        self.state = "starting"
        self.successor = ""
        self.is_retiring = False
        self.is_gone = False
        self.about: dict[str, Any] = {}

    def tell(self, word: str, *sockets: socket.socket, **more: Any) -> None:
        """Sends the child a message, with sockets."""
        assert self.link is not None
        self.link.send_line({"do": word, **more}, sockets)

    def retire(self, is_retiring: bool = True) -> None:
        """Tells a worker that it is about to be replaced, or no more."""
        if is_retiring != self.is_retiring and not self.is_door:
            self.is_retiring = is_retiring
            self.tell("retire", **{"is": is_retiring})


class Wish(NamedTuple):
    """A worker that is to be replaced, and the time that its rooms have then; `name` None: the door."""

    name: str | None
    deadline: float


class Supervisor:
    """Starts, replaces and ends the children. All calls belong to the thread that turns the poller.

    Args:
        spawn: starts a process.
        poller: for everything.
        workers: how many workers there are to be.
        name: the beginning of the workers' names, of this machine.
        deadline: seconds that rooms have after SIGTERM and in a rolling restart.
        say: shows a line to the operator.
        on_up: called when the first worker is up, with what it says of itself.
        forget: called with the name of each worker that has ended, before others learn of it.
        is_alone: whether the directory ends with this process, so that no room can go on elsewhere in the end.

    Attributes:
        children: by name.
        outcome: how everything has ended; None: it goes on.
        failure: why, as a sentence, after `Outcome.FAILED`.
    """

    def __init__(
        self,
        spawn: Spawn,
        poller: Poller,
        workers: int,
        *,
        name: str,
        deadline: float,
        say: Callable[[str], object],
        on_up: Callable[[dict[str, Any]], object] = lambda about: None,
        forget: Callable[[str], object] = lambda name: None,
        is_alone: bool = True,
    ) -> None:
        self._spawn = spawn
        self._poller = poller
        self._clock = poller.clock
        self._wanted = workers
        self._prefix = name
        self._deadline = deadline
        self._say = say
        self._on_up = on_up
        self._forget = forget
        self._is_alone = is_alone
        self.children: dict[str, Child] = {}
        self.outcome: Outcome | None = None
        self.failure = ""
        self._numbers: dict[bool, int] = {False: 0, True: 0}
        self._deaths: deque[float] = deque()
        self._was_up = False
        self._stopping = ""  # "drain" or "end"
        self._wishes: deque[Wish] = deque()
        self._replacing: Wish | None = None
        self._unburied: set[str] = set()
        self._is_filling = False

    # ------------------------------------------------------------------------------------------ who there is

    @property
    def workers(self) -> list[Child]:
        """The workers that run, the oldest first."""
        return [child for child in self.children.values() if not child.is_door]

    @property
    def doors(self) -> list[Child]:
        """The doors that run: one, or two while one replaces the other."""
        return [child for child in self.children.values() if child.is_door]

    def _up(self) -> list[Child]:
        return [worker for worker in self.workers if worker.state == "up"]

    # ------------------------------------------------------------------------------------------ beginning

    def start(self) -> None:
        """Starts the door and the first worker. The others follow when the first one is up: an error in the game is
        then shown once.
        """
        self._start(is_door=True)
        self._start(is_door=False)

    def _start(self, *, is_door: bool, slot: str = "") -> Child | None:
        """Starts a child, in the slot of another one; None: the system could not."""
        self._numbers[is_door] += 1
        number = self._numbers[is_door]
        name = f"door-{number}" if is_door else f"{self._prefix}-{number}"
        ours, theirs = socket.socketpair()
        try:
            process = self._spawn(DOOR if is_door else "worker", name, slot or name, theirs)
        except OSError as problem:
            ours.close()
            self._say(f"{name} cannot be started: {problem.strerror or problem}")
            self._note_death(f"{name} could not be started")
            return None
        finally:
            theirs.close()
        child = self.children[name] = Child(name, slot or name, process, is_door=is_door)
        lines = Lines(lambda message, sockets: self._take(child, message))
        child.link = Link(ours, self._poller, lines.take, lambda: self._reap(child))
        for other in self.workers if is_door else self.doors:
            self._introduce(child if is_door else other, other if is_door else child)
        self._poller.call_at(self._clock.now() + START_TIME, lambda: self._check_start(child))
        return child

    def _introduce(self, door: Child, worker: Child) -> None:
        """Gives a door and a worker a link to each other."""
        to_worker, to_door = socket.socketpair()
        door.tell("worker", to_worker, name=worker.name)
        worker.tell("door", to_door)

    def _check_start(self, child: Child) -> None:
        if child.state == "starting" and child.name in self.children:
            self._say(f"{child.name} is not up after {START_TIME:g} s: it is killed")
            child.process.kill()

    # ------------------------------------------------------------------------------------------ what children say

    def _take(self, child: Child, message: dict[str, Any]) -> None:
        match message["is"]:  # a child may be of another version, and say more
            case "up":
                self._note_up(child, message)
            case "draining" if child.state in ("starting", "up"):
                child.state = "draining"
                self._fill()
            case "buried":
                self._unburied.discard(message["name"])

    def _note_up(self, child: Child, about: dict[str, Any]) -> None:
        if child.state != "starting":
            return
        child.state, child.about = "up", about
        if not child.is_door:
            self._say(f"{child.name} is up (process {child.process.pid})")
            self._bury()
            self._tell_siblings()
            if not self._was_up:
                self._was_up = True
                self._on_up(about)
        self._fill()
        self._go_on()

    def _bury(self) -> None:
        """Has a worker free the shards of those that have ended."""
        up = self._up()
        if up:
            for name in self._unburied:
                up[0].tell("gone", name=name)

    def _tell_siblings(self) -> None:
        """Tells each worker the names of all, for the metrics: also of those that hang."""
        names = [worker.name for worker in self.workers if worker.state != "starting"]
        for worker in self.workers:
            worker.tell("siblings", names=names)

    # ------------------------------------------------------------------------------------------ ends of children

    def _reap(self, child: Child) -> None:
        """Takes note that the link to a child has ended, and waits for the end of its process."""
        status = child.process.poll()
        if status is not None:
            self._note_end(child, status)
            return
        if not child.is_gone:
            child.is_gone = True
            self._poller.call_at(self._clock.now() + END_TIME, lambda: self._kill(child))
        self._poller.call_at(self._clock.now() + REAP, lambda: self._reap(child))

    def _kill(self, child: Child) -> None:
        if child.name in self.children and child.process.poll() is None:
            child.process.kill()

    def _note_end(self, child: Child, status: int) -> None:
        del self.children[child.name]
        if child.link is not None:
            child.link.discard()
        if not child.is_door:
            self._forget(child.name)
            self._unburied.add(child.name)
            self._bury()
            self._tell_siblings()
        was_told = child.state != "starting" and status == 0
        if not self._stopping:
            if not was_told:
                self._say(f"{child.name} {_ended(status)}")
            self._judge(child, status, was_told=was_told)
        self._go_on()

    def _judge(self, child: Child, status: int, *, was_told: bool) -> None:
        """Decides what follows from the end of a child."""
        if any(old.successor == child.name and old.state == "up" for old in self.children.values()):
            self._give_up_replacing(child)
        elif child.state == "starting" and not self._was_up and not child.is_door:
            self._fail(f"the first worker {_ended(status)} before it was up")
        elif was_told:
            self._fill()
        else:
            self._note_death(f"{child.name} {_ended(status)}")

    def _note_death(self, last: str) -> None:
        """Counts a death, and has the child replaced after a pause; too many end everything."""
        now = self._clock.now()
        self._deaths.append(now)
        while self._deaths[0] <= now - DEATHS_SPAN:
            self._deaths.popleft()
        count = len(self._deaths)
        if count >= MOST_DEATHS:
            self._fail(f"{count} processes ended within {DEATHS_SPAN:g} s, the last one: {last}")
            return
        pause = 0.0 if count == 1 else min(FIRST_PAUSE * 2 ** (count - 2), LONGEST_PAUSE)
        self._poller.call_at(now + pause, self._fill)

    def _fail(self, why: str) -> None:
        if not self.failure:
            self.failure = why
            self.end()

    def _fill(self) -> None:
        """Starts the door and the workers that are missing."""
        if self._stopping or self._is_filling:
            return
        self._is_filling = True
        doors = [door for door in self.doors if door.state in ("starting", "up")]
        if not doors:
            self._start(is_door=True)
        running = [worker for worker in self.workers if worker.state in ("starting", "up") and not worker.successor]
        wanted = self._wanted if self._was_up else 1
        for _ in range(wanted - len(running)):
            if self._start(is_door=False) is None:
                break
        self._is_filling = False

    # ------------------------------------------------------------------------------------------ replacing

    def roll(self) -> None:
        """Replaces all children by new ones, which load the code of the game anew. No connection is refused."""
        if self._stopping:
            return
        known = {wish.name for wish in self._wishes}
        running = [worker for worker in self.workers if worker.state in ("starting", "up")]
        staying = [worker for worker in running if not worker.successor]
        for worker in staying:
            if worker.name not in known:
                self._wish(worker, self._deadline)
        if None not in known:
            self._wishes.append(Wish(None, self._deadline))
        self._say(f"Rolling restart: {len(staying)} workers, one after the other")
        self._go_on()

    def replace(self, name: str, deadline: float) -> bool:
        """Has one worker drain once another one is up in its place. Returns False: there is no such worker."""
        child = self.children.get(name)
        if child is None or child.is_door or self._stopping:
            return False
        if child.state == "up" and not any(wish.name == name for wish in self._wishes):
            self._wish(child, deadline)
            self._go_on()
        return True

    def _wish(self, worker: Child, deadline: float) -> None:
        self._wishes.append(Wish(worker.name, deadline))
        worker.retire()

    def _go_on(self) -> None:
        """Goes on with a replacement, with the next wish, or with the end."""
        if self._stopping:
            self._go_on_stopping()
            return
        while self._replacing is None and self._wishes and not self._is_starting(self._wishes[0]):
            self._begin_replacing(self._wishes.popleft())
        if self._replacing is None:
            return
        old = self._old(self._replacing)
        if old is None:
            self._replacing = None
            self._go_on()
            return
        new = self.children.get(old.successor)
        if new is None or new.state != "up" or old.state != "up":
            return
        old.state = "draining"
        if old.is_door:
            old.tell("stop")
        else:
            old.tell("drain", deadline=self._replacing.deadline, last=False)

    def _old(self, wish: Wish) -> Child | None:
        """Returns the child that a wish is about, if it runs still."""
        if wish.name is not None:
            return self.children.get(wish.name)
        return next((door for door in self.doors if door.successor), None)

    def _is_starting(self, wish: Wish) -> bool:
        """Whether the child that a wish is about is not up yet: its turn comes when it is."""
        child = self.children.get(wish.name or "")
        return child is not None and child.state == "starting"

    def _begin_replacing(self, wish: Wish) -> None:
        old = self.doors[0] if wish.name is None and self.doors else self.children.get(wish.name or "")
        if old is None or old.state != "up":
            return
        new = self._start(is_door=old.is_door, slot="" if old.is_door else old.slot)
        if new is None:
            old.retire(False)
        else:
            old.successor = new.name
            self._replacing = wish

    def _give_up_replacing(self, new: Child) -> None:
        """Keeps the old children when a new one does not start."""
        self._say(f"{new.name} does not start: the old processes go on")
        for child in self.children.values():
            if child.successor == new.name:
                child.successor = ""
            child.retire(False)
        self._replacing = None
        self._wishes.clear()
        self._fill()

    # ------------------------------------------------------------------------------------------ the end

    def drain(self, deadline: float | None = None) -> None:
        """Drains all workers, and then ends the door.

        Args:
            deadline: seconds that rooms have; None: as this object was told.
        """
        if self._stopping:
            return
        self._stopping = "drain"
        seconds = self._deadline if deadline is None else deadline
        self._say(f"Draining: rooms have {seconds:g} s to end; players may return to them")
        for worker in self.workers:
            worker.state = "draining"
            worker.tell("drain", deadline=seconds, last=self._is_alone)
        self._go_on()

    def end(self) -> None:
        """Tells all children to end now, without a drain."""
        if self._stopping == "end":
            return
        self._stopping = "end"
        for child in list(self.children.values()):
            self._end_child(child)
        self._go_on()

    def _end_child(self, child: Child) -> None:
        child.state = "ending"
        child.tell("end")
        self._poller.call_at(self._clock.now() + END_TIME, lambda: self._kill(child))

    def _go_on_stopping(self) -> None:
        if not self.workers:
            for door in self.doors:
                if door.state != "ending":
                    self._end_child(door)
        if not self.children and self.outcome is None:
            self.outcome = Outcome.FAILED if self.failure else Outcome.STOPPED

    def kill(self) -> None:
        """Kills all children, as kill -9 does."""
        for child in list(self.children.values()):
            child.process.kill()

    def close(self) -> None:
        """Closes all links; children end when theirs ends."""
        for child in self.children.values():
            if child.link is not None:
                child.link.discard()


def _ended(status: int) -> str:
    """Returns in words how a process has ended."""
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"
