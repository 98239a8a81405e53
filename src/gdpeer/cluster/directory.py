"""`Directory`: a copy in memory of what all workers have written: workers, owners of shards, rooms.

    directory.owner_of("K7Q2M3")                "b": the worker that has the shard K7
    directory.find("arena", {"map": "sand"})    rooms of all workers

Events of the subject `dir` keep the copy fresh. Events may be lost, so everything is read again every 30 s and after
the broker was away. What a worker has written counts only while its lease has the same epoch.

    {"from": "a", "worker": {...}, "gone": {"b": 17}, "shards": {"K7": {...}},
     "rooms": {"K7Q2M3": {...}, "K7AAAA": null}}

Each entry in an event has its revision beside the fields of its value. All parts but "from" may be missing.

Layer: `cluster`.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from gdpeer.cluster.answers import Answer
from gdpeer.cluster.broker.base import Away, Broker, BrokerError, Entry, Message, Value
from gdpeer.cluster.records import Owner, RoomRecord, Worker, is_name, owner_of, room_of, worker_of
from gdpeer.cluster.timers import CancelsTimer, Timers, in_background
from gdpeer.rooms.labels import Labels, fits

__all__ = ["MOST_ROOMS", "MOST_WORKERS", "Directory"]

MOST_ROOMS = 100_000
"""The most rooms in the copy; further ones are left out and counted."""
MOST_WORKERS = 4_096
READ_INTERVAL = 30.0
"""Seconds between two reads of everything."""
READ_SOON = (0.5, 2.0)
"""Seconds until everything is read because of one event: not at once, so that not all workers read in one moment."""
READ_PATIENCE = 10.0
SLICE = 500
"""Entries that are checked in one turn: the rooms of this worker must not wait for long."""
MOST_IN_EVENT = 200
"""Rooms in one event."""
GATHERING = 0.02
"""Seconds for which changes are gathered into one event."""
RETRY = 1.0
"""Seconds until an event that was not sent is sent again."""
SETTLING = 6.0
"""Seconds after the broker came back in which an entry that is missing counts as one that is about to be written."""

R = TypeVar("R", Worker, Owner, RoomRecord)


class Directory:
    """The copy of the directory.

    Args:
        broker: holds the directory.
        timers: of the game's thread.
        name: of this worker.
        settling: seconds after the broker came back in which nobody takes over; 0 if the broker is never away.

    Attributes:
        workers: by name.
        owners: of shards.
        rooms: by code.
        is_whole: whether everything was read at least once.
        is_returning: whether the broker came back a moment ago.
        settled_at: the time from which shards may be taken over.
        refused: how many values were wrong, by the first word of their keys.
        left_out: how many rooms did not fit into the copy.
        seen: the shards that had an entry when everything was read last.
        on_worker: called with the name of a worker that came, changed or went.
        on_gone: called with the names of workers that are about to be forgotten, as a read did not find their leases.
        on_owner: called with a shard whose owner has changed.
        on_room: called with an entry of a room that was read or announced.
        on_read: called after each read of everything.
    """

    def __init__(self, broker: Broker, timers: Timers, name: str, settling: float = SETTLING) -> None:
        self.name = name
        self.workers: dict[str, Worker] = {}
        self.owners: dict[str, Owner] = {}
        self.rooms: dict[str, RoomRecord] = {}
        self.is_whole = self.is_returning = False
        self.settled_at = math.inf
        self.refused: Counter[str] = Counter()
        self.left_out = 0
        self.seen: frozenset[str] = frozenset()
        self.on_worker: Callable[[str], object] = _nothing
        self.on_gone: Callable[[list[str]], object] = _nothing
        self.on_owner: Callable[[str], object] = _nothing
        self.on_room: Callable[[RoomRecord], object] = _nothing
        self.on_read: Callable[[], object] = _nothing
        self.describe: Callable[[], Value | None] = lambda: None
        self._broker = broker
        self._timers = timers
        self._settling = settling
        self._by_kind: dict[str, dict[str, RoomRecord]] = {}
        self._touched: set[str] = set()
        self._counts_anew = False  # a broker that was started again may use revisions twice
        self._is_reading = self._reads_again = self._reads_soon = self._is_closed = False
        self._read_number = 0
        self._news: dict[str, Any] = {}
        self._timer: CancelsTimer | None = None
        self._unsubscribe: Callable[[], object] = lambda: None

    # ------------------------------------------------------------------------------------------ questions

    def has_lease(self, worker: str, epoch: int) -> bool:
        """Whether a worker has its lease, and in this epoch."""
        found = self.workers.get(worker)
        return found is not None and found.epoch == epoch

    def is_settled(self) -> bool:
        """Whether everything was read, and the broker has not come back just now."""
        return self.is_whole and self._timers.now() >= self.settled_at

    def owner_of(self, code: str) -> str | None:
        """Returns the name of the worker that has the shard of a code; None: nobody has it."""
        owner = self.owners.get(code[:2])
        return owner.worker if owner is not None and self.has_lease(owner.worker, owner.epoch) else None

    def room(self, code: str) -> RoomRecord | None:
        """Returns a room of any worker that has its lease."""
        record = self.rooms.get(code)
        return record if record is not None and self.has_lease(record.worker, record.epoch) else None

    def find(self, kind: str, wanted: Labels = {}) -> Iterator[RoomRecord]:  # noqa: B006  (read only)
        """Yields the rooms of a kind that are not private and have all the wanted labels."""
        for record in self._by_kind.get(kind, {}).values():
            if not record.is_private and fits(record.labels, wanted) and self.has_lease(record.worker, record.epoch):
                yield record

    # ------------------------------------------------------------------------------------------ beginning and end

    def start(self) -> None:
        """Begins to listen to the events of other workers."""
        self._unsubscribe = self._broker.subscribe("dir", self._on_event)

    def close(self) -> None:
        """Ends the reading, and the listening to events."""
        self._is_closed = True
        self._unsubscribe()
        if self._timer is not None:
            self._timer.cancel()

    def note_joined(self) -> None:
        """Reads everything, as this worker is new. It takes over nothing until others could write their keys."""
        self.is_returning = False
        self._begin_to_settle()

    def note_trouble(self) -> None:
        """Takes note that the broker is away: what is missing afterwards may only be late."""
        self.is_returning = True
        self.settled_at = math.inf

    def note_returned(self) -> None:
        """Reads everything, as the broker came back, perhaps empty."""
        self.is_returning = True
        self._begin_to_settle()

    def _begin_to_settle(self) -> None:
        self._counts_anew = True
        self.settled_at = self._timers.now() + self._settling
        self._is_reading = False  # a read that began before may wait long for answers that were lost
        self.read()

    # ------------------------------------------------------------------------------------------ reading everything

    def read(self) -> None:
        """Reads everything; once more, if a read is under way."""
        if self._is_closed:
            return
        if self._is_reading:
            self._reads_again = True
            return
        self._is_reading, self._reads_soon = True, False
        self._read_number += 1
        in_background(self._read(self._read_number))

    def read_soon(self) -> None:
        """Reads everything in a moment; calls until then cost no further read."""
        if self._is_reading:
            self._reads_again = True
        elif not self._reads_soon:
            self._reads_soon = True
            self._plan_read(random.uniform(*READ_SOON))

    async def _read(self, number: int) -> None:
        self._reads_again = False
        pause = 1.0
        try:
            has_dropped = await self._read_once(number)
            pause = 0.0 if self._reads_again else self._next_read(has_dropped)
        except BrokerError:
            pass
        finally:
            if number == self._read_number:
                self._is_reading = False
                self._plan_read(pause)

    def _next_read(self, has_dropped: bool) -> float:
        # A read that dropped nothing may have left what is gone, although by its end it may have dropped that.
        if not (has_dropped and self.is_settled()):
            return max(0.0, self.settled_at - self._timers.now())
        return READ_INTERVAL * random.uniform(0.9, 1.1)

    def _plan_read(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self._is_closed:
            self._timer = self._timers.after(seconds, self.read)

    async def _read_once(self, number: int) -> bool:
        """Reads everything; returns whether what the broker did not have was dropped."""
        self._touched.clear()
        may_drop = self.is_settled() or not self.is_whole or self._timers.now() >= self.settled_at
        workers, owners, rooms = [self._scan(prefix) for prefix in ("w:", "s:", "r:")]
        self.left_out = 0
        await self._take_all("w", await workers, may_drop, number)
        self.seen = await self._take_all("s", await owners, may_drop, number)
        await self._take_all("r", await rooms, may_drop, number)
        self.is_whole = True
        self._counts_anew = False
        if may_drop and self._timers.now() >= self.settled_at:
            self.is_returning = False
        self.on_read()
        return may_drop

    def _scan(self, prefix: str) -> Answer[list[Entry]]:
        return self._timers.within(self._broker.scan(prefix), READ_PATIENCE)

    async def _take_all(self, word: str, entries: list[Entry], may_drop: bool, read: int) -> frozenset[str]:
        """Takes all entries whose keys begin with a word; returns the rest of their keys.

        What an event has changed since the read began is newer than the read.
        """
        seen = set()
        self._check_read(read)
        for number, entry in enumerate(entries):
            if number % SLICE == SLICE - 1:
                await self._timers.sleep(0.0)
                self._check_read(read)
            name = entry.key[2:]
            seen.add(name)
            if entry.key not in self._touched and not self._has(word, name, entry.revision):
                self._take(word, name, entry.value, entry.revision)
        if may_drop:
            copies: dict[str, Mapping[str, Any]] = {"w": self.workers, "s": self.owners, "r": self.rooms}
            copy = copies[word]
            gone = [name for name in copy if name not in seen and f"{word}:{name}" not in self._touched]
            if word == "w" and gone:
                self.on_gone(gone)
            for name in gone:
                self._drop(word, name)
        return frozenset(seen)

    def _check_read(self, number: int) -> None:
        """Ends a read after whose begin another one began, or the directory was closed."""
        if self._is_closed or number != self._read_number:
            raise Away("this read counts no more")

    def _has(self, word: str, name: str, revision: int) -> bool:
        """Whether an entry is in the copy already, so that it need not be checked again."""
        record = self.owners.get(name) if word == "s" else self.rooms.get(name)
        return not self._counts_anew and record is not None and record.revision == revision

    # ------------------------------------------------------------------------------------------ taking entries

    def _take(self, word: str, name: str, value: Value, revision: int) -> None:
        """Takes an entry as it was read; a wrong one counts as none."""
        record: Worker | Owner | RoomRecord | None
        if word == "w":
            record = worker_of(name, value)
        elif word == "s":
            record = owner_of(name, value, revision)
        else:
            record = room_of(name, value, revision)
        if record is None:
            self.refused[word] += 1
            self._drop(word, name)
        else:
            self._put(name, record)

    def _put(self, name: str, record: Worker | Owner | RoomRecord) -> None:
        if isinstance(record, Worker):
            self._put_worker(record)
        elif isinstance(record, Owner):
            before = self.owners.get(name)
            self.owners[name] = record
            if before != record:
                self.on_owner(name)
        else:
            self._put_room(record)

    def _put_worker(self, record: Worker) -> None:
        if record.name in self.workers or len(self.workers) < MOST_WORKERS:
            self.workers[record.name] = record
            self.on_worker(record.name)

    def _put_room(self, record: RoomRecord) -> None:
        before = self.rooms.get(record.code)
        if before is None and len(self.rooms) >= MOST_ROOMS:
            self.left_out += 1
        else:
            if before is not None and before.kind != record.kind:
                del self._by_kind[before.kind][record.code]
            self.rooms[record.code] = record
            self._by_kind.setdefault(record.kind, {})[record.code] = record
        self.on_room(record)

    def _drop(self, word: str, name: str) -> None:
        if word == "w":
            if self.workers.pop(name, None) is not None:
                self.on_worker(name)
        elif word == "s":
            if self.owners.pop(name, None) is not None:
                self.on_owner(name)
        else:
            record = self.rooms.pop(name, None)
            if record is not None:
                of_kind = self._by_kind[record.kind]
                del of_kind[name]
                if not of_kind:
                    del self._by_kind[record.kind]

    # ------------------------------------------------------------------------------------------ own changes

    def set_owner(self, shard: str, owner: Owner | None) -> None:
        """Takes the owner of a shard, as an entry of the broker names it now; None: there is no entry."""
        self._touched.add(f"s:{shard}")
        if owner is None:
            self._drop("s", shard)
        else:
            self._put(shard, owner)

    def take_owner(self, shard: str, entry: Entry | None) -> Owner | None:
        """Takes the entry of a shard that was read alone, and returns its owner."""
        self._touched.add(f"s:{shard}")
        if entry is None:
            self._drop("s", shard)
        else:
            self._take("s", shard, entry.value, entry.revision)
        return self.owners.get(shard)

    def take_worker(self, name: str, entry: Entry | None) -> None:
        """Takes the lease of a worker that was read alone. If it has ended, all workers are told."""
        self._touched.add(f"w:{name}")
        if entry is None:
            known = self.workers.get(name)
            if known is not None:
                self.announce_gone(name, known.epoch)
            self._drop("w", name)
        else:
            self._take("w", name, entry.value, entry.revision)

    def take_self(self, value: Value) -> None:
        """Takes what this worker says of itself."""
        self._touched.add(f"w:{self.name}")
        self._take("w", self.name, value, 0)

    def set_room(self, code: str, value: Value | None, revision: int = 0) -> None:
        """Takes a room of this worker, and announces it; None: the room has ended."""
        self._touched.add(f"r:{code}")
        if value is None:
            self._drop("r", code)
        else:
            self._take("r", code, value, revision)
        self._tell("rooms", code, None if value is None else {**_without_players(value), "revision": revision})

    # ------------------------------------------------------------------------------------------ events

    def announce_shard(self, shard: str, owner: Owner) -> None:
        """Tells all workers who has a shard."""
        self.set_owner(shard, owner)
        value = {"worker": owner.worker, "epoch": owner.epoch, "term": owner.term, "revision": owner.revision}
        self._tell("shards", shard, value)

    def announce_gone(self, name: str, epoch: int) -> None:
        """Tells all workers that the lease of a worker has ended."""
        self._tell("gone", name, epoch)

    def announce_self(self) -> None:
        """Tells all workers of this worker."""
        self._tell("self", "", None)

    def _tell(self, part: str, name: str, value: Any) -> None:
        """Puts something into the next event."""
        if not self._news:
            self._timers.after(GATHERING, self.flush)
        self._news.setdefault(part, {})[name] = value

    def flush(self) -> None:
        """Sends what there is to tell now."""
        news, self._news = self._news, {}
        if self._is_closed or not news:
            return
        news.pop("self", None)
        me = self.describe()
        event = {"from": self.name, **({} if me is None else {"worker": me})}
        rooms = list(news.pop("rooms", {}).items())
        self._publish(event, {**news, "rooms": dict(rooms[:MOST_IN_EVENT])})
        for begin in range(MOST_IN_EVENT, len(rooms), MOST_IN_EVENT):
            self._publish(event, {"rooms": dict(rooms[begin : begin + MOST_IN_EVENT])})

    def _publish(self, event: Value, news: dict[str, dict[str, Any]]) -> None:
        def look(done: Answer[None]) -> None:
            try:
                done.result()
            except BrokerError:
                self._timers.after(RETRY, lambda: self._tell_again(news))

        self._timers.within(self._broker.publish("dir", {**event, **news})).then(look)

    def _tell_again(self, news: dict[str, dict[str, Any]]) -> None:
        """Tells what was not sent, unless there is something newer about the same thing."""
        for part, entries in news.items():
            for name, value in entries.items():
                if name not in self._news.get(part, {}):
                    self._tell(part, name, value)

    def _on_event(self, message: Message) -> None:
        event = message.value
        sender: Any = event.get("from")
        if not is_name(sender) or sender == self.name:
            return
        if isinstance(worker := event.get("worker"), dict):
            self._touched.add(f"w:{sender}")
            self._take("w", sender, worker, 0)
        for name, epoch in _items(event, "gone"):
            self.take_gone(name, epoch)
        for shard, value in _items(event, "shards"):
            self._on_shard(shard, value)
        for code, value in _items(event, "rooms"):
            self._on_room(code, value)

    def take_gone(self, name: str, epoch: object) -> None:
        """Forgets a worker whose lease has ended."""
        found = self.workers.get(name)
        if found is not None and found.epoch == epoch and name != self.name:
            self._touched.add(f"w:{name}")
            self._drop("w", name)

    def _on_shard(self, shard: str, value: object) -> None:
        known = self.owners.get(shard)
        if known is not None and isinstance(value, dict) and _revision(value) == known.revision:
            return
        record = owner_of(shard, value, _revision(value)) if isinstance(value, dict) else None
        if record is None:
            self.refused["s"] += 1
        elif known is None or (record.term, record.revision) >= (known.term, known.revision):
            self.set_owner(shard, record)

    def _on_room(self, code: str, value: object) -> None:
        known = self.rooms.get(code)
        if value is None:
            self._touched.add(f"r:{code}")
            self._drop("r", code)
        elif not isinstance(value, dict):
            self.refused["r"] += 1
        elif known is None or _revision(value) >= known.revision:
            self._touched.add(f"r:{code}")
            self._take("r", code, value, _revision(value))


def _items(event: Value, part: str) -> list[tuple[str, Any]]:
    found = event.get(part)
    return list(found.items()) if isinstance(found, dict) else []


def _revision(value: Value) -> int:
    found = value.get("revision")
    return found if type(found) is int else 0


def _without_players(value: Value) -> Value:
    return {field: part for field, part in value.items() if field != "players"}


def _nothing(_: object = None) -> None:
    """Stands for a callback that was not given."""
