"""A simulation of many workers on the broker in memory: one clock, random delays, random failures.

Clusters, their directory and the saving of rooms are the real ones. Halls and rooms are small stand-ins. Time is a
list of events; a worker that hangs finds its timers and answers when it wakes, the answers last and in any
order.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

from gdpeer.cluster.answers import Answer
from gdpeer.cluster.broker.base import Away, BrokerError, Entry, Message, Value
from gdpeer.cluster.broker.memory import MemoryBroker, MemoryStore
from gdpeer.cluster.broker.values import decode
from gdpeer.cluster.cluster import Cluster
from gdpeer.cluster.records import SHARDS
from gdpeer.cluster.timers import pass_result
from gdpeer.rooms import Room, RoomError
from gdpeer.rooms.saved import SavedRoom

WALL = 1_800_000_000.0
MARGIN = 2.0
"""Seconds for which two workers may both believe to have a shard."""
QUIET = 8.0
"""Seconds without a failure after which everything is right."""
MOST_FAULTY = 3
"""Workers that are cut off, hang or died at the same time, of all that a worker may ask."""
REST = 4.0
"""Seconds without players before everything is compared: what they do is written within a second."""
CHECK = 0.25
SETTLED = 30.0
"""Seconds after a failure for which a worker may lose its lease or a shard because of it."""

KINDS = ["kill", "restart", "hang", "hang", "cut", "cut", "hole", "slow", "drain", "new", "down", "empty", "blink"]
KINDS += ["retire", "replace", "replace"]
"""Failures; see `Simulation.fail`."""

Do = Callable[[], object]


class Violation(AssertionError):
    """The workers have broken a promise."""


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.time = 1000.0

    def now(self) -> float:
        return self.time


class Timer:
    """A timer of a worker's poller."""

    def __init__(self, callback: Do) -> None:
        self.callback: Do | None = callback

    def cancel(self) -> None:
        self.callback = None

    def run(self) -> None:
        callback, self.callback = self.callback, None
        if callback is not None:
            callback()


class Den:
    """A room that can be restored."""

    kind = "den"
    max_peers = 8
    save_interval = 1.0
    options = None
    locked = private = False

    def __init__(self) -> None:
        self.labels = {"map": "sand"}
        self.state = 0

    def save(self) -> bytes:
        self.state += 1
        return str(self.state).encode()


class Pub(Den):
    """A room that cannot be restored."""

    kind = "pub"
    save = Room.save  # type: ignore[assignment]


class Life:
    """Stands for a `RoomLifecycle`."""

    is_made = True

    def __init__(self, worker: Worker, code: str, room: Den) -> None:
        self.worker = worker
        self.code = code
        self.kind = room.kind
        self.room = room
        self.places: dict[str, Any] = {}
        self.is_closed = False

    def join(self, player: str) -> None:
        self.places[player] = SimpleNamespace(player=player)
        self.worker.cluster.note_changed(self)  # type: ignore[arg-type]

    def part(self, player: str) -> None:
        del self.places[player]
        self.worker.cluster.note_changed(self)  # type: ignore[arg-type]

    def close(self, code: int, reason: str) -> None:
        if not self.is_closed:
            self.is_closed = True
            del self.worker.hall.rooms[self.code]
            self.worker.cluster.note_closed(self)  # type: ignore[arg-type]

    def move(self) -> list[Any]:
        self.worker.sim.note_loss(self)
        self.close(1012, "")
        return []

    def saved(self, data: bytes) -> SavedRoom:
        return SavedRoom(self.kind, self.code, data)


class Hall:
    """Stands for a `Hall`."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.clock = worker.sim.clock
        self.timer = worker.sim.now
        self.run_soon = worker.guard
        self.wall = worker.sim.wall
        self.rooms: dict[str, Life] = {}
        self.figures = SimpleNamespace(turn_seconds=0.0)
        self.server = SimpleNamespace(poller=lambda: worker)
        self.cluster: Any = None
        self.neighbours: Any = None
        self.kinds: dict[str, Any] = {}

    def use_keys(self, keys: None) -> bool:
        return False

    @property
    def taken(self) -> int:
        return sum(len(life.places) for life in self.rooms.values())

    def life_of(self, code: str) -> Life | None:
        return self.rooms.get(code)

    def restore(self, saved: SavedRoom) -> Den:
        room = Den()
        room.state = int(saved.data)
        self.worker.put(saved.code, room)
        return room

    def drain(self, deadline: float) -> None:
        self.worker.call_at(self.clock.now() + deadline, self.close_rooms)

    def close_rooms(self) -> None:
        for life in list(self.rooms.values()):
            life.close(1001, "the server stops")


class Broker:
    """A broker as one worker sees it: requests and answers take their time, and overtake each other."""

    def __init__(self, worker: Worker) -> None:
        self.is_connected = True
        self.is_lost = False
        self.generation = 0
        self.on_change: Do | None = None
        self.worker = worker
        self.sim = worker.sim

    def _call(self, verb: str, *arguments: Any) -> Answer[Any]:
        answer: Answer[Any] = Answer()
        self.worker.calls[verb] += 1
        self._pass(partial(self._effect, verb, arguments, answer, self.generation), answer)
        return answer

    def _pass(self, do: Do, answer: Answer[Any]) -> None:
        """Has something happen at the other side of the wire."""
        if self.is_lost:
            self.sim.later(self.sim.delay(self.worker), self.worker.guard(partial(answer.fail, Away("cut off"))))
        elif self.worker.hole is not None:
            self.worker.hole.append(lambda: self._pass(do, answer))
        else:
            self.sim.later(self.sim.delay(self.worker), do)

    def _effect(self, verb: str, arguments: tuple[Any, ...], answer: Answer[Any], generation: int) -> None:
        if self.sim.is_down or self.generation != generation:
            self.sim.later(self.sim.delay(self.worker), self.worker.guard(partial(answer.fail, Away("lost"))))
            return
        if verb == "publish":
            done: Answer[Any] = Answer()
            self.sim.publish(*arguments)
            done.give(None)
        elif verb == "scan":  # the same answer as the broker in memory gives, but read once for all workers
            done = Answer()
            done.give(self.sim.scan(*arguments))
        else:
            done = getattr(self.sim.memory, verb)(*arguments)
            self.sim.store.run()
            self.sim.look_at(verb, arguments, done)
        self._pass(self.worker.guard(partial(self._reply, done, answer, generation)), answer)

    def _reply(self, done: Answer[Any], answer: Answer[Any], generation: int) -> None:
        if self.generation == generation:
            pass_result(done, answer)
        else:
            answer.fail(Away("the connection was lost"))

    def get(self, key: str) -> Answer[Any]:
        return self._call("get", key)

    def create(self, key: str, value: Value) -> Answer[int]:
        return self._call("create", key, value)

    def update(self, key: str, value: Value, revision: int) -> Answer[int]:
        return self._call("update", key, value, revision)

    def delete(self, key: str, revision: int | None = None) -> Answer[None]:
        return self._call("delete", key, revision)

    def scan(self, prefix: str) -> Answer[Any]:
        return self._call("scan", prefix)

    def publish(self, subject: str, value: Value) -> Answer[None]:
        return self._call("publish", subject, value)

    def subscribe(self, subject: str, handler: Callable[[Message], object]) -> Do:
        if subject != "dir":  # requests and announcements are not part of this
            return lambda: None
        self.worker.handler = handler
        return lambda: setattr(self.worker, "handler", None)

    def request(self, subject: str, value: Value, timeout: float = 2.0) -> Answer[Value]:
        raise NotImplementedError

    def close(self) -> None:
        pass

    def lose(self) -> None:
        """Breaks the connection. The worker notices a little later."""
        if not self.is_lost:
            self.is_lost = True
            self.generation += 1
            self._note(self.sim.random.uniform(0.0, 0.3), False)

    def find(self) -> None:
        """Connects again, if the broker can be reached."""
        if not self.worker.is_cut and not self.sim.is_down:
            self._note(0.3, True)

    def _note(self, seconds: float, is_connected: bool) -> None:
        def note() -> None:
            if is_connected and (self.worker.is_cut or self.sim.is_down):
                return
            self.is_lost = not is_connected
            self.is_connected = is_connected
            if self.on_change is not None:
                self.on_change()

        self.sim.later(seconds, self.worker.guard(note, in_order=True))


class Worker:
    """A worker, and what may happen to its process.

    Attributes:
        late: what happened while the worker hung; None: it does not hang. Timers and messages are marked by True.
        hole: what is on its way while no packet gets through; None: they do.
        slow: the most seconds of a delay.
        faulty_at: when the worker had its last failure.
    """

    def __init__(self, sim: Simulation, name: str, slot: str = "") -> None:
        self.sim = sim
        self.name = name
        self.is_dead = self.is_cut = self.is_leaving = False
        self.late: list[tuple[bool, Do]] | None = None
        self.hole: list[Do] | None = None
        self.slow = 0.02
        self.faulty_at = -SETTLED
        self.calls: Counter[str] = Counter()
        self.handler: Callable[[Message], object] | None = None
        self.next_event = 0.0
        self.broker = Broker(self)
        self.hall = Hall(self)
        self.cluster = Cluster(
            self.hall,  # type: ignore[arg-type]
            self.broker,
            name=name,
            slot=slot,
            url=f"http://{name}:80",
            ask_health=sim.ask,
            settling=sim.settling,
        )
        self.cluster.on_shard_lost = lambda shard: self.complain(f"lost the shard {shard}")
        self.cluster.on_fenced = lambda: self.complain("lost its lease")
        self.cluster.start()

    def complain(self, what: str) -> None:
        if self.sim.now() - self.faulty_at >= SETTLED:
            self.sim.problems.append(f"{self.name} {what} without having had a failure")

    def call_at(self, when: float, callback: Do) -> Timer:
        """Stands for the poller's."""
        timer = Timer(callback)
        self.sim.at(when, self.guard(timer.run, in_order=True))
        return timer

    def guard(self, do: Do, in_order: bool = False) -> Do:
        """Returns what runs in the worker's thread: not while it hangs, and never after its death."""

        def guarded() -> None:
            if self.is_dead:
                return
            if self.late is not None:
                self.late.append((in_order, do))
            else:
                do()

        return guarded

    def deliver(self, message: Message) -> None:
        """Takes a message: they do not overtake each other."""
        if self.broker.is_lost or self.is_dead:
            return  # lost for good
        if self.hole is not None:
            self.hole.append(partial(self.deliver, message))
            return
        self.next_event = max(self.next_event, self.sim.now() + self.sim.delay(self))
        self.sim.at(self.next_event, self.guard(lambda: self.handler and self.handler(message), in_order=True))

    def put(self, code: str, room: Den) -> Life:
        """Makes a room."""
        life = self.hall.rooms[code] = Life(self, code, room)
        self.cluster.note_made(life)  # type: ignore[arg-type]
        return life

    # -- failures ------------------------------------------------------------------------------------------------------

    def kill(self) -> None:
        self.is_dead = True
        for life in self.hall.rooms.values():
            self.sim.note_loss(life)

    def hang(self) -> None:
        self.late = []

    def wake(self) -> None:
        late, self.late = self.late or [], None
        ordered = [do for in_order, do in late if in_order]
        answers = [do for in_order, do in late if not in_order]
        self.sim.random.shuffle(answers)
        for do in ordered + answers:
            do()

    def cut(self) -> None:
        self.is_cut = True
        self.broker.lose()

    def join(self) -> None:
        self.is_cut = False
        self.sim.later(self.sim.random.uniform(0, 1), self.broker.find)

    def dig(self) -> None:
        self.hole = []

    def fill(self, since: float) -> None:
        """Lets packets through again: after a short time none is lost, after a long one the connection breaks."""
        hole, self.hole = self.hole or [], None
        if self.sim.now() - since < 4.0:
            for do in hole:
                do()
        else:
            self.cut()
            self.sim.later(0.5, self.join)


class Simulation:
    """Workers, a broker, players and failures.

    Args:
        seed: of all random numbers.
        count: of workers.
        settling: see `Cluster`.

    Attributes:
        problems: promises that were broken.
        overlap: the longest time for which a shard had two owners.
        failures: how many there were, by kind.
    """

    def __init__(self, seed: int, count: int = 64, settling: float = 6.0) -> None:
        self.random = random.Random(seed)
        random.seed(seed)  # for the cluster itself
        self.clock = Clock()
        self.store = MemoryStore(self.clock)
        self.memory = MemoryBroker(self.store)
        self.settling = settling
        self.count = count
        self.is_down = False
        self.is_storm = False
        self.plays = True
        self.problems: list[str] = []
        self.failures: Counter[str] = Counter()
        self.history: list[str] = []
        self.overlap = 0.0
        self.workers: dict[str, Worker] = {}
        self.dead: list[tuple[float, str]] = []
        self.homeless: list[str] = []
        self.moved: set[str] = set()
        self._heap: list[tuple[float, int, Do]] = []
        self._order = itertools.count()
        self._terms: dict[str, int] = {}
        self._values: dict[bytes, Value] = {}
        self._holders: dict[str, tuple[str, int]] = {}
        self._doubled: dict[str, float] = {}
        self._names = itertools.count()
        self._players = itertools.count()
        for _ in range(count):
            self.add()
        self.later(CHECK, self._check)
        self.later(0.1, self._play)

    # -- time ----------------------------------------------------------------------------------------------------------

    def now(self) -> float:
        return self.clock.now()

    def wall(self) -> float:
        return WALL + self.clock.now()

    def at(self, when: float, do: Do) -> None:
        heapq.heappush(self._heap, (when, next(self._order), do))

    def later(self, seconds: float, do: Do) -> None:
        self.at(self.now() + seconds, do)

    def delay(self, worker: Worker) -> float:
        return self.random.uniform(0.001, worker.slow)

    def run(self, seconds: float) -> None:
        end = self.now() + seconds
        while self._heap and self._heap[0][0] <= end:
            when, _, do = heapq.heappop(self._heap)
            self.clock.time = max(when, self.clock.time)
            do()
            if self.problems:
                raise Violation("; ".join([*self.problems[:5], *self.history[-12:]]))
        self.clock.time = end

    def scan(self, prefix: str) -> list[Entry]:
        """Returns all entries whose keys begin with a prefix."""
        found = []
        for key, row in self.store.rows(prefix):
            value = self._values.get(row.data)
            if value is None:
                value = self._values[row.data] = decode(row.data)
            found.append(Entry(key, value, row.revision))
        if len(self._values) > 20_000:
            self._values.clear()
        return found

    # -- the wire ------------------------------------------------------------------------------------------------------

    def publish(self, subject: str, value: Value) -> None:
        message = Message(subject, value, lambda _: None)
        for worker in self.workers.values():
            worker.deliver(message)

    def ask(self, url: str) -> Answer[bool]:
        answer: Answer[bool] = Answer()
        worker = self.workers.get(url[7:-3])
        if worker is not None:  # the answer to one that was cut off, or hangs, comes as late as it wakes
            reply = worker.guard(lambda: answer.give(worker.cluster.member.is_renewing()))
            self.later(2 * self.delay(worker), reply)
        return answer

    def look_at(self, verb: str, arguments: tuple[Any, ...], done: Answer[Any]) -> None:
        """Compares a write with those before: terms only grow."""
        key = arguments[0]
        if verb not in ("create", "update") or not key.startswith(("s:", "save:")):
            return
        try:
            done.result()
        except BrokerError:
            return
        term, former = arguments[1]["term"], self._terms.get(key, 0)
        if term < former:
            self.problems.append(f"{key} went back from term {former} to {term}")
        if key.startswith("s:") and arguments[1]["worker"]:
            holder = (arguments[1]["worker"], arguments[1]["epoch"])
            if term == former and self._holders.get(key, holder) != holder:
                self.problems.append(f"{key}: term {term} has two owners")
            self._holders[key] = holder
        self._terms[key] = term

    # -- players -------------------------------------------------------------------------------------------------------

    def note_loss(self, life: Life) -> None:
        """Has the players of a room look for it."""
        if not isinstance(life.room, Pub):
            self.homeless.append(life.code)

    def _play(self) -> None:
        self.later(self.random.uniform(0.05, 0.3), self._play)
        awake = [worker for worker in self.workers.values() if worker.late is None]
        if not awake or not self.plays:
            return
        worker = self.random.choice(awake)
        rooms = list(worker.hall.rooms.values())
        if self.homeless and self.random.random() < 0.5:
            self._return()
        elif len(rooms) < 2:
            self._make(worker)
        else:
            self._act(worker, self.random.choice(rooms))

    def _make(self, worker: Worker) -> None:
        try:
            code = worker.cluster.draw_code()
        except RoomError:
            return
        life = worker.put(code, self.random.choice([Den, Den, Pub])())
        life.join(f"player {next(self._players)}")

    def _act(self, worker: Worker, life: Life) -> None:
        deed = self.random.choice(["join", "join", "part", "close", "move"])
        players = list(life.places)
        if deed == "join" and len(players) < 4:
            life.join(f"player {next(self._players)}")
        elif deed == "part" and players:
            life.part(players[0])
        elif deed == "close":
            life.close(1001, "over")
        elif deed == "move" and players:
            others = [other for other in self.listed() if other is not life]
            if others:
                self.moved.add(players[0])
                self.random.choice(others).join(players[0])
                self.later(0.5, worker.guard(lambda: players[0] in life.places and life.part(players[0])))

    def _return(self) -> None:
        code = self.homeless.pop(self.random.randrange(len(self.homeless)))
        for worker in self.workers.values():
            if worker.late is None and worker.cluster.shards.has(code):
                if code not in worker.hall.rooms:
                    try:
                        worker.cluster.find_room(code)
                    except RoomError:
                        self.homeless.append(code)
                return
        self.homeless.append(code)

    def listed(self) -> list[Life]:
        """Returns the rooms that the directory should have, of workers that do not hang."""
        return [
            life
            for worker in self.workers.values()
            if worker.late is None
            for life in worker.hall.rooms.values()
            if worker.cluster.shards.has(life.code)
        ]

    # -- promises ------------------------------------------------------------------------------------------------------

    def _check(self) -> None:
        """Looks for shards with two owners."""
        self.later(CHECK, self._check)
        owners: dict[str, str] = {}
        doubled: dict[str, float] = {}
        for worker in self.workers.values():
            if worker.late is None and worker.cluster.member.check():
                for shard in worker.cluster.shards.held:
                    if shard in owners:
                        doubled[shard] = self._doubled.get(shard, self.now())
                    owners[shard] = worker.name
        self._doubled = doubled
        if doubled and not self.is_storm:
            self.overlap = max(self.overlap, self.now() - min(doubled.values()))
            if self.overlap > MARGIN:
                self.problems.append(f"two workers have the same shard for {self.overlap} s: {list(doubled)[:3]}")

    def check_quiet(self) -> None:
        """Compares everything after a time without failures."""
        holders = {shard: worker for worker in self.workers.values() for shard in worker.cluster.shards.held}
        entries = self.entries()
        for shard in SHARDS:
            value = entries.get(f"s:{shard}", {})
            worker = self.workers.get(value.get("worker", ""))
            if worker is None or worker.cluster.epoch != value["epoch"] or holders.get(shard) is not worker:
                self.problems.append(f"the shard {shard} has no owner that is alive: {value}")
        lives = {f"r:{life.code}": life for life in self.listed()}
        rooms = {key: value for key, value in entries.items() if key.startswith("r:")}
        for key in sorted(lives.keys() ^ rooms.keys()):
            self.problems.append(f"{key} is in the directory or exists, but not both: {rooms.get(key)}")
        for key in lives.keys() & rooms.keys():
            self._compare_room(lives[key], rooms[key])
        self._compare_players(list(lives.values()), entries)
        codes = {life.code for life in lives.values()}
        for worker in self.workers.values():
            self._compare_copy(worker, codes, holders)
        if self.problems:
            raise Violation("; ".join([*self.problems[:5], *self.history[-12:]]))

    def _compare_room(self, life: Life, value: Value) -> None:
        wanted = (life.worker.name, life.worker.cluster.epoch, len(life.places), sorted(life.places))
        if wanted != (value["worker"], value["epoch"], value["taken"], value["players"]):
            self.problems.append(f"the entry of {life.code} is {value}, not {wanted}")

    def _compare_players(self, lives: list[Life], entries: dict[str, Value]) -> None:
        wanted: dict[str, set[str]] = {}
        for life in lives:
            for player in life.places:
                wanted.setdefault(f"p:{player}", set()).add(life.code)
        leases = {key[2:]: value["epoch"] for key, value in entries.items() if key.startswith("w:")}
        found = {
            key: value["room"]
            for key, value in entries.items()
            if key.startswith("p:") and leases.get(value["worker"]) == value["epoch"]  # others do not count
        }
        for key in sorted(wanted.keys() | found.keys()):
            # The entry of a player who was in two rooms goes with the later room; the other does not write it again.
            if found.get(key) not in wanted.get(key, ()) and not (key not in found and key[2:] in self.moved):
                self.problems.append(f"{key} is in {found.get(key)}, not in {wanted.get(key)}")

    def _compare_copy(self, worker: Worker, codes: set[str], holders: dict[str, Worker]) -> None:
        directory = worker.cluster.directory
        known = {code for code in directory.rooms if directory.room(code) is not None}
        if known != codes:
            self.problems.append(
                f"{worker.name} does not know {sorted(codes - known)}, believes {sorted(known - codes)}"
            )
        wrong = [shard for shard in SHARDS if shard in holders and directory.owner_of(shard) != holders[shard].name]
        if wrong:
            self.problems.append(f"{worker.name} is wrong about the owners of {wrong[:5]}")

    def entries(self) -> dict[str, Value]:
        return {entry.key: entry.value for entry in self.scan("")}

    # -- failures ------------------------------------------------------------------------------------------------------

    def add(self, name: str = "", slot: str = "") -> None:
        name = name or f"w{next(self._names)}"
        worker = self.workers[name] = Worker(self, name, slot)
        if self.is_down:
            worker.broker.lose()

    def faulty(self) -> int:
        """Returns how many workers cannot answer others that ask them, or are cut off."""
        now = self.now()
        ill = [w for w in self.workers.values() if w.is_cut or w.hole is not None or w.late is not None or w.slow > 0.5]
        return len(ill) + sum(now - when < 7.0 for when, _ in self.dead)

    def fail(self) -> None:
        """Has something fail."""
        kind = self.random.choice(KINDS)
        well = [w for w in self.workers.values() if not w.is_cut and w.late is None and w.hole is None]
        if kind in ("kill", "restart", "hang", "cut", "hole") and self.faulty() >= MOST_FAULTY and not self.is_storm:
            kind = "slow"
        if (kind in ("down", "empty", "blink") and self.is_down) or len(well) < 8:
            kind = "new"
        worker = self.random.choice(well)
        seconds = self.random.choice([self.random.uniform(0.2, 3), self.random.uniform(3, 12)])
        self.failures[kind] += 1
        self.history.append(f"{self.now():.2f} {kind} {worker.name} {seconds:.2f}")
        getattr(self, f"_fail_{kind}")(worker, seconds)

    def _blame(self, worker: Worker, seconds: float) -> None:
        worker.faulty_at = self.now() + seconds

    def _remove(self, worker: Worker) -> None:
        worker.kill()
        self.workers.pop(worker.name, None)
        self.dead.append((self.now(), worker.name))

    def _fail_kill(self, worker: Worker, seconds: float) -> None:
        self._remove(worker)

    def _fail_restart(self, worker: Worker, seconds: float) -> None:
        self._remove(worker)
        self.later(self.random.uniform(0.1, 2.0), lambda: self.add(worker.name))

    def _fail_hang(self, worker: Worker, seconds: float) -> None:
        self._blame(worker, seconds)
        worker.hang()
        self.later(seconds, worker.wake)

    def _fail_cut(self, worker: Worker, seconds: float) -> None:
        self._blame(worker, seconds)
        worker.cut()
        self.later(seconds, worker.join)

    def _fail_hole(self, worker: Worker, seconds: float) -> None:
        self._blame(worker, seconds)
        worker.dig()
        self.later(seconds, partial(worker.fill, self.now()))

    def _fail_slow(self, worker: Worker, seconds: float) -> None:
        worker.slow = 0.2
        if self.faulty() < MOST_FAULTY or self.is_storm:  # too slow to answer those who ask it
            self._blame(worker, seconds)
            worker.slow = 0.7
        self.later(seconds, lambda: setattr(worker, "slow", 0.02))

    def _fail_drain(self, worker: Worker, seconds: float) -> None:
        if not worker.is_leaving and len(self.workers) > self.count // 2:
            worker.is_leaving = True
            worker.cluster.drain(5.0)
            self.later(0.2, worker.guard(lambda: self._leave(worker)))

    def _fail_retire(self, worker: Worker, seconds: float) -> None:
        worker.cluster.retire(not worker.cluster.is_retiring)

    def _fail_replace(self, worker: Worker, seconds: float) -> None:
        worker.cluster.retire()
        if len(self.workers) < self.count + 8:
            self.add(slot=worker.cluster.slot)
            self.later(min(seconds, 3.0), worker.guard(lambda: self._fail_drain(worker, 0.0)))

    def _leave(self, worker: Worker) -> None:
        if worker.name not in self.workers:
            return
        if worker.cluster.is_drained:
            worker.cluster.leave()
            del self.workers[worker.name]
        else:
            self.later(0.2, worker.guard(lambda: self._leave(worker)))

    def _fail_new(self, worker: Worker, seconds: float) -> None:
        if len(self.workers) < self.count + 8:
            self.add()

    def _fail_down(self, worker: Worker, seconds: float) -> None:
        self.is_down = True
        for each in self.workers.values():
            each.broker.lose()
        self.later(seconds, self._up)

    def _up(self) -> None:
        self.is_down = False
        for each in self.workers.values():
            self.later(self.random.uniform(0, 1.0), each.broker.find)

    def _fail_empty(self, worker: Worker, seconds: float) -> None:
        self._fail_down(worker, seconds)
        self.store.clear()

    def _fail_blink(self, worker: Worker, seconds: float) -> None:
        self._fail_empty(worker, seconds / 20)

    def fill_up(self) -> None:
        """Starts new workers for those which died."""
        while len(self.workers) < self.count - 4:
            self.add()

    def round(self) -> None:
        """Has some failures, then none, and compares."""
        self.is_storm = self.random.random() < 0.15
        if self.is_storm:
            for worker in self.workers.values():
                self._blame(worker, 30.0)
        for _ in range(self.random.randint(2, 12)):
            self.fail()
            self.run(self.random.choice([0.0, self.random.uniform(0, 1), self.random.uniform(0, 3)]))
        self.run(12.0)  # the longest failure
        self.fill_up()
        self.settle()

    def settle(self) -> None:
        """Lets a time without failures pass, the last of it without players, and compares."""
        self.run(QUIET - REST)
        self.plays = False
        self.run(REST)
        while any(worker.is_leaving for worker in self.workers.values()):
            self.run(1.0)
        self.check_quiet()
        self.plays = True
