"""`Listing`: the entries of this worker's rooms and players in the directory.

Only the worker that has a room's shard writes `r:<code>`, at most once a second. The entry names the players of the
room, each of whom has an entry `p:<player>`: so whoever takes over the shard of a dead worker finds all that is to be
removed.

    order of writes    the entries of players who left go first, then the room's is written, then those of new players

Layer: `cluster`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Iterable
from contextlib import suppress
from typing import Any, NamedTuple

from gdpeer.cluster.answers import Answer
from gdpeer.cluster.broker.base import Broker, BrokerError, Conflict, Entry, Value
from gdpeer.cluster.directory import Directory
from gdpeer.cluster.member import Member
from gdpeer.cluster.records import RoomRecord, players_of
from gdpeer.cluster.shards import Shards
from gdpeer.cluster.timers import CancelsTimer, Timers, in_background

__all__ = ["Listing"]

INTERVAL = 1.0
"""Seconds from one write of a room to the next."""
RECHECK = 1.0
"""Seconds from one look at a player who is in two rooms to the next."""


class _Presence(NamedTuple):
    """A player in a room.

    Attributes:
        since: milliseconds since 1970. Of two rooms, the later one has the player.
        revision: of the player's entry; 0: not known.
    """

    since: int
    revision: int


class _Listed:
    """A room of this worker, and what was written of it.

    Attributes:
        code: of the room.
        revision: of its entry; 0: not known.
        players: its players, as far as they were written.
        written_at: when the last write began.
        is_dirty: whether there is something to write.
        is_writing: whether a write is under way.
        timer: until the next write.
    """

    __slots__ = ("code", "is_dirty", "is_writing", "players", "revision", "timer", "written_at")

    def __init__(self, code: str, now: float) -> None:
        self.code = code
        self.revision = 0
        self.players: dict[str, _Presence] = {}
        self.written_at = now - INTERVAL
        self.is_dirty = self.is_writing = False
        self.timer: CancelsTimer | None = None


class Listing:
    """Writes the entries of this worker's rooms.

    Args:
        broker: holds the entries.
        timers: of the game's thread.
        member: the lease.
        directory: the copy.
        shards: of this worker.
        describe: returns the value of a room's entry, without worker and epoch; None: there is no such room.
        codes: returns the codes of all rooms of this worker.

    Attributes:
        rooms: the rooms that are listed, by code.
    """

    def __init__(
        self,
        broker: Broker,
        timers: Timers,
        member: Member,
        directory: Directory,
        shards: Shards,
        describe: Callable[[str], Value | None],
        codes: Callable[[], Iterable[str]],
    ) -> None:
        self.rooms: dict[str, _Listed] = {}
        self._broker = broker
        self._timers = timers
        self._member = member
        self._directory = directory
        self._shards = shards
        self._describe = describe
        self._codes = codes
        self._cleaning: set[str] = set()
        self._new_shards: set[str] = set()

    # ------------------------------------------------------------------------------------------ what has changed

    def note(self, code: str) -> None:
        """Takes note that a room was made, has changed or has ended. Cheap."""
        listed = self.rooms.get(code)
        if listed is None:
            if code[:2] not in self._shards.held:
                return  # a room that goes on without a shard is not listed
            listed = self.rooms[code] = _Listed(code, self._timers.now())
        if not listed.is_dirty:
            listed.is_dirty = True
            self._plan(listed)

    def note_closed(self, code: str) -> None:
        """Removes the entry of a room that has ended, at once: its shard may be given up."""
        self.note(code)
        listed = self.rooms.get(code)
        if listed is not None and listed.timer is not None:
            listed.timer.cancel()
            self._start(listed)

    def note_shard(self, shard: str) -> None:
        """Lists the rooms of a shard that this worker took, and removes the entries of others there, in the next turn.

        All shards that come in one turn cost one look at all rooms.
        """
        if not self._new_shards:
            self._timers.after(0.0, self._list_new)
        self._new_shards.add(shard)

    def _list_new(self) -> None:
        shards, self._new_shards = self._new_shards, set()
        for code in self._codes():
            if code[:2] in shards:
                self.note(code)
        for record in [record for record in self._directory.rooms.values() if record.code[:2] in shards]:
            self.note_record(record)

    def note_record(self, record: RoomRecord) -> None:
        """Removes an entry in a shard of this worker, if there is no such room."""
        code = record.code
        if code not in self.rooms and code not in self._cleaning and self._shards.has(code):
            self._cleaning.add(code)
            in_background(self._clean(code))

    def note_lost(self, shard: str) -> None:
        """Takes note that this worker has a shard no more: the next one writes the entries there."""
        for code in [code for code in self.rooms if code[:2] == shard]:
            self._forget(self.rooms.pop(code))

    def forget(self) -> None:
        """Takes note that the lease was lost."""
        for listed in self.rooms.values():
            self._forget(listed)
        self.rooms.clear()

    def _forget(self, listed: _Listed) -> None:
        if listed.timer is not None:
            listed.timer.cancel()

    def note_returned(self) -> None:
        """Writes all entries again: the broker may have lost them."""
        for listed in self.rooms.values():
            listed.players = {name: _Presence(known.since, 0) for name, known in listed.players.items()}
            self.note(listed.code)

    # ------------------------------------------------------------------------------------------ writing

    def _plan(self, listed: _Listed) -> None:
        if listed.is_writing or listed.timer is not None:
            return
        left = listed.written_at + INTERVAL - self._timers.now()
        listed.timer = self._timers.after(max(0.0, left), lambda: self._start(listed))

    def _start(self, listed: _Listed) -> None:
        listed.timer = None
        if self._is_listed(listed):
            listed.is_dirty, listed.is_writing = False, True
            listed.written_at = self._timers.now()
            in_background(self._guard(listed, self._write(listed)))

    def _is_listed(self, listed: _Listed) -> bool:
        # Not `has`: while the lease is in doubt, a room that is dirty must stay planned.
        return self.rooms.get(listed.code) is listed and listed.code[:2] in self._shards.held

    async def _write(self, listed: _Listed) -> None:
        value = self._describe(listed.code)
        players = set() if value is None else {str(name) for name in value["players"]}
        await self._remove_players(listed, listed.players.keys() - players)
        # The lease may be lost in each wait: then nothing may be written in the name of the next one.
        if value is None:
            await self._remove(listed)
        elif self._is_listed(listed):
            await self._write_room(listed, value)
            if self._is_listed(listed):
                await self._write_players(listed, players)

    async def _guard(self, listed: _Listed, steps: Coroutine[Answer[Any], None, None]) -> None:
        """Runs a write of a room, and plans the next if it failed, or something has changed meanwhile."""
        try:
            await steps
        except BrokerError:
            listed.is_dirty = True
        finally:
            listed.is_writing = False
            if listed.is_dirty and self._is_listed(listed):
                self._plan(listed)

    def _mark(self, value: Value) -> Value:
        return {**value, "worker": self._member.name, "epoch": self._member.epoch}

    async def _write_room(self, listed: _Listed, value: Value) -> None:
        key, value = f"r:{listed.code}", self._mark(value)
        try:
            revision = await self._put(key, value, listed.revision)
        except Conflict:
            entry = await self._get(key)
            if not self._is_listed(listed):
                return
            if entry is not None:
                await self._remove_players_of(entry, listed.players)
            revision = await self._put(key, value, 0 if entry is None else entry.revision)
        if self._is_listed(listed):
            listed.revision = revision
            self._directory.set_room(listed.code, value, revision)

    def _put(self, key: str, value: Value, revision: int) -> Answer[int]:
        broker = self._broker
        return self._timers.within(broker.update(key, value, revision) if revision else broker.create(key, value))

    def _get(self, key: str) -> Answer[Entry | None]:
        return self._timers.within(self._broker.get(key))

    async def _remove(self, listed: _Listed) -> None:
        code = listed.code
        if listed.revision:
            try:
                await self._timers.within(self._broker.delete(f"r:{code}", listed.revision))
            except Conflict:
                await self._clean_once(code)
        else:
            await self._clean_once(code)
        if self.rooms.get(code) is listed and not listed.is_dirty:
            del self.rooms[code]
            self._directory.set_room(code, None)
        elif code not in self.rooms and self._is_known(listed):  # the shard was given up meanwhile
            self._directory.set_room(code, None)

    def _is_known(self, listed: _Listed) -> bool:
        """Whether the copy has the entry of a room as it was written last."""
        record = self._directory.rooms.get(listed.code)
        return record is not None and record.revision == listed.revision

    # ------------------------------------------------------------------------------------------ players

    async def _write_players(self, listed: _Listed, players: Collection[str]) -> None:
        """Writes the entries of players whose entries are not known to be right."""
        now = self._timers.wall_milliseconds()
        for name in sorted(players):
            listed.players.setdefault(name, _Presence(now, 0))
        todo = {name: known.since for name, known in listed.players.items() if not known.revision}
        values = {name: self._mark({"room": listed.code, "since": since}) for name, since in todo.items()}
        answers = {name: self._put(f"p:{name}", value, 0) for name, value in values.items()}
        for name, answer in answers.items():
            try:
                revision = await answer
            except Conflict:
                revision = await self._write_player_over(f"p:{name}", values[name])
            if name in listed.players:
                listed.players[name] = _Presence(todo[name], revision)
        if any(not known.revision for known in listed.players.values()):
            self._timers.after(RECHECK, lambda: in_background(self._recheck(listed)))

    async def _write_player_over(self, key: str, value: Value) -> int:
        """Writes the entry of a player who is in another room as well; 0: the player came there later."""
        entry = await self._get(key)
        if entry is not None and entry.value == value:
            return entry.revision
        if entry is not None and self._is_later(entry.value, value["since"]):
            return 0
        return await self._put(key, value, 0 if entry is None else entry.revision)

    def _is_later(self, value: Value, since: int) -> bool:
        other, epoch, later = value.get("worker"), value.get("epoch"), value.get("since")
        if not isinstance(other, str) or type(epoch) is not int or type(later) is not int:
            return False
        return later > since and self._directory.has_lease(other, epoch)

    async def _recheck(self, listed: _Listed) -> None:
        """Looks again at players who were in another room as well: they may have left it."""
        if self._is_listed(listed) and not listed.is_dirty and not listed.is_writing:
            listed.is_writing = True
            await self._guard(listed, self._write_players(listed, ()))

    async def _remove_players(self, listed: _Listed, gone: Collection[str]) -> None:
        for name in sorted(gone):
            await self._remove_player(name, listed.code, self._member.epoch)
            listed.players.pop(name, None)

    async def _remove_players_of(self, entry: Entry, kept: Collection[str]) -> None:
        """Removes the entries of players that belong to a former entry of a room."""
        for name in players_of(entry.value):
            if name not in kept:
                await self._remove_player(name, entry.key[2:], entry.value.get("epoch"))

    async def _remove_player(self, name: str, code: str, epoch: object) -> None:
        """Removes the entry of a player, unless another room has written it."""
        key = f"p:{name}"
        entry = await self._get(key)
        if entry is not None and (entry.value.get("room"), entry.value.get("epoch")) == (code, epoch):
            with suppress(Conflict):  # another room has written it meanwhile
                await self._timers.within(self._broker.delete(key, entry.revision))

    # ------------------------------------------------------------------------------------------ what others left

    async def _clean(self, code: str) -> None:
        try:
            await self._clean_once(code)
        except Conflict:
            pass  # the former owner was faster, or has written once more: look again at once
        except BrokerError:
            await self._timers.sleep(INTERVAL)
        finally:
            self._cleaning.discard(code)
            record = self._directory.rooms.get(code)
            if record is not None:
                self.note_record(record)

    async def _clean_once(self, code: str) -> None:
        """Removes the entry of a room that does not exist, and the entries of its players."""
        entry = await self._get(f"r:{code}")
        if self._describe(code) is not None or not self._shards.has(code):
            return
        if entry is not None:
            await self._remove_players_of(entry, ())
            await self._timers.within(self._broker.delete(entry.key, entry.revision))
        if code not in self.rooms:  # a room made meanwhile has written its own entry, and may know that first
            self._directory.set_room(code, None)
