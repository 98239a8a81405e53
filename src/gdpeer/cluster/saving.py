"""`Saving`: keeps what the rooms of a worker have saved in the broker, and restores rooms from it.

    a room with `save`    is saved every `save_interval`, and last before it moves to another worker
    a room that ends      its saved state is removed
    a code is asked for   whose room is not here: the room is restored, if its state was saved

Invariants:
- A room is never in two workers for longer than it takes to notice. Who takes over a room first writes its own name
  and term into the saved state, at the revision that was read. So the next save of the former worker fails, and the
  former worker closes the room with code 1012.
- After a room's last save, nothing of its players is handled any more and nothing is sent to them; their connections
  close once the broker has the save. So what a player was told is saved.
- `save` gives bytes in a turn of the hall. The rest waits for the broker, never the game.

Layer: `cluster`.
"""

from __future__ import annotations

import logging
import secrets
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from functools import partial
from hashlib import blake2b
from json import dumps
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from gdpeer.cluster.answers import Answer, run
from gdpeer.cluster.broker.base import Away, BadValue, Broker, BrokerError, Conflict, Entry, Value
from gdpeer.cluster.saved_form import BadSave, TooLarge, read_value, to_value
from gdpeer.errors import GdpeerError
from gdpeer.logs import get_logger, log_limited, report
from gdpeer.rooms.errors import Full, NoRoom, RoomError, Unreachable
from gdpeer.rooms.room import Room

if TYPE_CHECKING:
    from gdpeer.rooms.hall import Hall
    from gdpeer.rooms.lifecycle import RoomLifecycle
    from gdpeer.transport.poller import Timer
    from gdpeer.websocket.peer import WebSocketPeer

__all__ = ["MOVED", "Owner", "Saving"]

logger = get_logger("gdpeer.cluster")

MOVED = 1012, "the room has moved"
"""Close code and reason for the players of a room that goes on in another worker (RFC 6455: service restart)."""

FRESH = 900.0
"""Seconds after which a room that has not changed is saved again: the broker forgets a save after an hour."""

RETRY = 0.25
"""Seconds between two tries while the broker is away."""

LAST = 2.0
"""Seconds before the deadline of a drain at which all rooms move that can."""

ASK_AGAIN = 1.0
"""Seconds after which a room that is to move, and could not be saved, is asked again."""

PARKED = 10.0
"""The most seconds that players wait for the last save of their room, with open connections."""

MOST_MOVING = 32
"""Rooms that move at the same time: each has up to 1 MiB on its way."""

MOST_SEARCHES = 4_096
"""Codes that are looked up in the broker at the same time."""

BUDGET = 0.005
"""Seconds of a turn that moving rooms may take."""

_TRIES = 5
_NEVER = -1e9


class Owner(Protocol):
    """What the saving asks of the worker that it belongs to."""

    @property
    def name(self) -> str:
        """The name of the worker."""

    @property
    def epoch(self) -> int:
        """The epoch of the worker's lease."""

    def term_of(self, code: str) -> int:
        """Returns the term in which this worker has the shard of a code; 0: it has it not, or may not save now."""

    def moved(self, code: str) -> Answer[None]:
        """Gives the shard of a room up that has its last save. The answer comes when another worker has the shard, or
        after a while.
        """


class _Mark(NamedTuple):
    """What is known of a save in the broker.

    Attributes:
        revision: of the entry; 0 while the room has no entry.
        digest: of the form that was written; b"": not known.
        at: when it was written, in seconds of the hall's clock.
    """

    revision: int = 0
    digest: bytes = b""
    at: float = _NEVER


class _Kept:
    """A room that has `save`.

    Attributes:
        life: the room.
        mark: the last save.
        timer: of the next save.
        writing: the write that is under way; None: none is.
        is_refusing: the room could not be saved, the last time.
        is_unsure: the broker may have a save of this room, or another than `mark` says.
    """

    __slots__ = ("is_refusing", "is_unsure", "life", "mark", "timer", "writing")

    def __init__(self, life: RoomLifecycle, mark: _Mark) -> None:
        self.life = life
        self.mark = mark
        self.timer: Timer | None = None
        self.writing: Answer[None] | None = None
        self.is_refusing = self.is_unsure = False


class _Fenced(GdpeerError):
    """Another worker has taken the room over."""


class Saving:
    """The saved rooms of one worker.

    Args:
        hall: has the rooms.
        broker: keeps the saves.
        owner: knows which codes belong to this worker.

    Attributes:
        unsaved: the codes of the rooms whose last save is on its way.
        figures: counts "saved", "unchanged", "restored", "moved", "fenced", and what went wrong: "raised" (`save` or
            `restore`), "too large", "damaged" (a save in the broker), "lost" (the last save of a room that moves could
            not be written).
    """

    def __init__(self, hall: Hall, broker: Broker, owner: Owner) -> None:
        self.figures: Counter[str] = Counter()
        self._hall = hall
        self._broker = broker
        self._owner = owner
        self._kept: dict[str, _Kept] = {}
        self._marks: dict[str, _Mark] = {}  # of rooms that are being restored
        self._searches: dict[str, Answer[RoomLifecycle | None]] = {}
        self._leftovers: dict[str, None] = {}  # codes of ended rooms whose saves could not be removed
        self.unsaved: dict[str, None] = {}
        self._drained: Answer[None] | None = None
        self._parked = 0  # rooms whose players still wait for the end of their connections
        self._last_at = 0.0  # when all rooms move that can
        self._to_move: deque[_Kept] = deque()
        self._step: Timer | None = None  # of moving

    # ------------------------------------------------------------------------------------------ notices

    def note_made(self, life: RoomLifecycle) -> None:
        """Begins to save a room, if it has `save`."""
        mark = self._marks.pop(life.code, _Mark())
        kept = _Kept(life, mark)
        if mark.revision and not life.room.save_interval > 0:
            _start(self._remove(kept))  # what was saved for a move is old from now on
        if type(life.room).save is Room.save:
            return
        self._kept[life.code] = kept
        if self._drained is not None:  # its `on_create` took until now
            self._to_move.append(kept)
            self._go_on(0.0)
        elif life.room.save_interval > 0:
            # Rooms that were made in one turn are not all saved in one turn.
            self._plan(kept, life.room.save_interval * (secrets.randbelow(1_000) + 1) / 1_000)

    def note_closed(self, life: RoomLifecycle) -> None:
        """Removes the save of a room that has ended for good."""
        kept = self._kept.get(life.code)
        if kept is not None and kept.life is life:
            self._let_go(kept)
            _start(self._remove(kept))

    def note_returned(self) -> None:
        """Makes up for what could not be done while the broker was away, and may be empty now: call it afterwards."""
        for kept in self._kept.values():
            kept.mark = kept.mark._replace(digest=b"")  # so that the room is saved again even if it has not changed
        leftovers, self._leftovers = self._leftovers, {}
        for code in leftovers:
            if code not in self._hall.rooms:
                _start(self._remove_own(code))

    @property
    def is_moving(self) -> bool:
        """Whether players wait for the end of their connections, since their rooms move."""
        return self._parked > 0

    def moves(self, life: RoomLifecycle) -> bool:
        """Whether a room moves to another worker when this worker drains, as far as is known."""
        kept = self._kept.get(life.code)
        return kept is not None and kept.life is life and not kept.is_refusing

    def give_away(self, life: RoomLifecycle) -> None:
        """Closes a room that other workers may restore, with code 1012: this worker has lost it. Its save is kept.

        Without effect for a room without `save`.
        """
        kept = self._kept.get(life.code)
        if kept is not None and kept.life is life:
            self._close(kept)

    def _close(self, kept: _Kept) -> None:
        self._let_go(kept)
        _close(kept.life.move())

    def _let_go(self, kept: _Kept) -> None:
        """Ends the saving of a room. From now on `note_closed` does nothing."""
        if kept.timer is not None:
            kept.timer.cancel()
            kept.timer = None
        if self._kept.get(kept.life.code) is kept:
            del self._kept[kept.life.code]

    def _at(self, seconds: float, callback: Callable[[], object]) -> Timer:
        return self._hall.server.poller().call_at(self._hall.clock.now() + seconds, callback)

    def _pause(self, seconds: float) -> Answer[None]:
        answer: Answer[None] = Answer()
        self._at(seconds, partial(answer.give, None))
        return answer

    # ------------------------------------------------------------------------------------------ saving

    def _plan(self, kept: _Kept, seconds: float) -> None:
        kept.timer = self._at(seconds, partial(self._save, kept))

    def _save(self, kept: _Kept) -> None:
        """Saves a room, unless the save before is still on its way."""
        room = kept.life.room
        if room.save_interval > 0:  # a game may set 0
            self._plan(kept, room.save_interval)
        if kept.writing is None and self._owner.term_of(kept.life.code):
            value = self._value(kept)
            if value is not None:
                _start(self._save_value(kept, value))

    async def _save_value(self, kept: _Kept, value: Value) -> None:
        try:
            await self._write(kept, value)
        except _Fenced:
            self._note_fenced(kept)
        except BrokerError:
            pass  # the next save comes soon

    def _note_fenced(self, kept: _Kept) -> None:
        self.figures["fenced"] += 1
        log_limited(logger, logging.WARNING, "room %s: another worker has taken it over", kept.life.code)
        if not kept.life.is_closed:
            self._close(kept)

    def _value(self, kept: _Kept) -> Value | None:
        """Asks a room to save, and returns the form for the broker; None: the room cannot be saved now."""
        kept.is_refusing = True
        life = kept.life
        try:
            data = life.room.save()
            if data is None or life.is_closed:
                return None
            if not isinstance(data, bytes | bytearray | memoryview):
                raise TypeError(f"save returned {type(data).__name__}, not bytes")
            value = to_value(life.saved(bytes(data)), self._hall.wall())
        except TooLarge as problem:
            self.figures["too large"] += 1
            log_limited(logger, logging.ERROR, "room %s was not saved: %s", life.code, str(problem))
            return None
        except Exception:
            self.figures["raised"] += 1
            report(logger, "room %s: save raised", life.code)
            return None
        if value["options"] is None and life.room.options is not None:
            text = "room %s: its options are no JSON, so on_create gets None when the room is restored"
            log_limited(logger, logging.WARNING, text, life.code)
        kept.is_refusing = False
        return value

    async def _write(self, kept: _Kept, value: Value, is_last: bool = False) -> None:
        """Writes a save, one at a time for each room; without effect for the same save again, unless it is the last.

        Raises:
            _Fenced: another worker has the room.
            BrokerError: the save may not have been written.
        """
        while kept.writing is not None:
            await kept.writing
        digest = _digest(value)
        now = self._hall.clock.now()
        if kept.mark.digest == digest and now - kept.mark.at < FRESH and not is_last:
            self.figures["unchanged"] += 1
            return
        done: Answer[None] = Answer()
        kept.writing = done
        try:
            kept.mark = _Mark(await self._put(kept, value), digest, now)
            self.figures["saved"] += 1
        except BrokerError:
            kept.is_unsure = True
            raise
        finally:
            kept.writing = None
            done.give(None)

    async def _put(self, kept: _Kept, value: Value) -> int:
        key, revision = f"save:{kept.life.code}", kept.mark.revision
        for _ in range(_TRIES):
            term = self._owner.term_of(kept.life.code)
            if not term:
                raise Away("this worker may not save the room now")
            signed = self._signed(value, term)
            try:
                if revision:
                    return await self._broker.update(key, signed, revision)
                return await self._broker.create(key, signed)
            except Conflict:
                entry = await self._broker.get(key)
                revision = 0 if entry is None else self._own_revision(kept, entry, term)
        raise Away("others write the same save")

    def _signed(self, value: Value, term: int) -> Value:
        return {**value, "worker": self._owner.name, "epoch": self._owner.epoch, "term": term}

    def _own_revision(self, kept: _Kept, entry: Entry, term: int) -> int:
        """Returns the revision of an entry that this worker may overwrite; raises `_Fenced` if it may not."""
        # A write whose answer was lost may have been done. And an old save may be left of a room that is long gone.
        is_left = not kept.mark.revision and _term(entry.value) < term
        if not self._is_own(entry) and not is_left:
            raise _Fenced("another worker has written")
        return entry.revision

    def _is_own(self, entry: Entry) -> bool:
        owner = self._owner
        return (entry.value.get("worker"), entry.value.get("epoch")) == (owner.name, owner.epoch)

    async def _remove(self, kept: _Kept) -> None:
        """Removes the save of a room that is not to be restored."""
        while kept.writing is not None:
            await kept.writing
        mark, kept.mark = kept.mark, _Mark()
        if kept.is_unsure:
            await self._remove_own(kept.life.code)
        elif mark.revision:
            await self._delete(kept.life.code, mark.revision)

    async def _remove_own(self, code: str) -> None:
        """Removes the save of a room that has ended, whatever its revision, if this worker was the last to write it."""
        try:
            entry = await self._broker.get(f"save:{code}")
        except BrokerError:
            self._leftovers[code] = None
            return
        if entry is not None and self._is_own(entry):
            await self._delete(code, entry.revision)

    async def _delete(self, code: str, revision: int) -> None:
        try:
            await self._broker.delete(f"save:{code}", revision)
        except Conflict:
            pass  # another worker has it
        except BrokerError:
            self._leftovers[code] = None

    # ------------------------------------------------------------------------------------------ restoring

    def find_room(self, code: str) -> Answer[RoomLifecycle | None]:
        """Restores the room with a code of this worker; None: no such room was saved.

        Fails with a RoomError if the room cannot be restored now.
        """
        search = self._searches.get(code)
        if search is None:
            if len(self._searches) >= MOST_SEARCHES:
                search = Answer()
                search.fail(Unreachable("too many rooms are being looked for"))
                return search
            search = run(self._find(code))
            if not search.is_done:
                self._searches[code] = search
                search.then(lambda _: self._searches.pop(code, None))
        return search

    async def _find(self, code: str) -> RoomLifecycle | None:
        try:
            return await self._restore(code)
        except BadValue as problem:
            self._note_damaged(code, problem)
            return None
        except BrokerError:
            raise Unreachable("the room cannot be reached now") from None

    async def _restore(self, code: str) -> RoomLifecycle | None:
        term = self._owner.term_of(code)
        if code in self.unsaved or not term or self._drained is not None:
            raise Unreachable("the room is in another place now")
        taken = await self._take_over(code, term)
        if taken is None:
            return None
        value, mark = taken
        if self._owner.term_of(code) != term or self._drained is not None:
            raise Unreachable("the room is in another place now")
        if code in self._hall.rooms:
            return self._hall.life_of(code)
        try:
            saved = read_value(value, code, self._hall.wall())
        except BadSave as problem:
            self._note_damaged(code, problem)
            return None
        self._marks[code] = mark
        try:
            room = self._hall.restore(saved)
        except NoRoom:
            log_limited(logger, logging.ERROR, "room %s: this worker has no kind %s", code, saved.kind)
            return None
        except Full:
            raise
        except (RoomError, ValueError) as problem:
            self.figures["raised"] += 1
            log_limited(logger, logging.ERROR, "room %s was not restored: %s", code, str(problem))
            raise Unreachable("the room could not be restored") from None
        finally:
            life = self._hall.life_of(code)
            if life is None or life.is_made:
                self._marks.pop(code, None)
        self.figures["restored"] += 1
        return None if room.is_closed else life

    def _note_damaged(self, code: str, problem: GdpeerError) -> None:
        self.figures["damaged"] += 1
        log_limited(logger, logging.ERROR, "room %s: its save is damaged: %s", code, str(problem))

    async def _take_over(self, code: str, term: int) -> tuple[Value, _Mark] | None:
        """Writes this worker's name and term into a save, and returns the save; None if the room was never saved."""
        key = f"save:{code}"
        for _ in range(_TRIES):
            entry = await self._broker.get(key)
            if entry is None:
                return None
            if _term(entry.value) > term:
                raise Unreachable("the room is in another place now")
            try:
                revision = await self._broker.update(key, self._signed(entry.value, term), entry.revision)
            except Conflict:
                continue  # the former worker has saved once more
            return entry.value, _Mark(revision, b"", self._hall.clock.now())
        raise Unreachable("the room is still saved by another worker")

    # ------------------------------------------------------------------------------------------ moving

    def drain(self, deadline: float) -> Answer[None]:
        """Moves all rooms that can be saved. The answer comes when no such room is here any more.

        Rooms that cannot be saved now are asked again until the hall closes them. And rooms whose shard cannot be given
        up yet, since a room without `save` is in it, wait for the end of that room.

        Args:
            deadline: seconds until the hall closes all rooms.
        """
        if self._drained is None:
            self._drained = Answer()
            self._last_at = self._hall.clock.now() + deadline - LAST
            for kept in self._kept.values():
                if kept.timer is not None:
                    kept.timer.cancel()
                    kept.timer = None
            self._to_move.extend(self._kept.values())
            self._go_on(0.0)
        return self._drained

    def _go_on(self, seconds: float) -> None:
        if self._step is not None:
            self._step.cancel()
        self._step = self._at(seconds, self._move_some)

    def _move_some(self) -> None:
        """Moves rooms as long as the turn may take; goes on in a later turn."""
        assert self._drained is not None
        self._step = None
        end = self._hall.timer() + BUDGET
        staying = self._staying()
        left = len(self._to_move)
        while left and self._may_move():
            if self._hall.timer() >= end:
                self._go_on(0.0)
                return
            left -= 1
            kept = self._to_move.popleft()
            if kept.life.code[:2] in staying or not self._owner.term_of(kept.life.code):
                self._to_move.append(kept)
            else:
                self._move(kept)
        if self._kept or self._parked:
            self._go_on(ASK_AGAIN if self._broker.is_connected else RETRY)
        else:
            self._drained.give(None)

    def _staying(self) -> set[str]:
        """Returns the shards that cannot be given up yet, since rooms are in them that do not move."""
        if self._hall.clock.now() >= self._last_at:
            return set()
        return {code[:2] for code in self._hall.rooms if code not in self._kept}

    def _may_move(self) -> bool:
        return self._broker.is_connected and len(self.unsaved) < MOST_MOVING

    def _move(self, kept: _Kept) -> None:
        life = kept.life
        if self._kept.get(life.code) is not kept:  # it has ended
            return
        value = self._value(kept)
        if self._kept.get(life.code) is not kept:
            return
        if value is None:
            self._to_move.append(kept)
            if not life.places:
                life.close(1001, "the server stops")
            return
        self._let_go(kept)
        connections = life.move()
        self.unsaved[life.code] = None
        self._parked += 1
        _start(self._finish_move(kept, value, connections))

    async def _finish_move(self, kept: _Kept, value: Value, connections: list[WebSocketPeer]) -> None:
        code = kept.life.code
        is_saved = await self._save_last(kept, value)
        self.figures["moved" if is_saved else "lost"] += 1
        del self.unsaved[code]
        self._go_on(0.0)
        try:
            await self._owner.moved(code)
        except GdpeerError:
            pass  # the shard goes with the worker's lease
        finally:
            _close(connections)
            self._parked -= 1
            self._go_on(0.0)

    async def _save_last(self, kept: _Kept, value: Value) -> bool:
        """Writes the last save of a room; tries again while the broker is away, as long as players may wait."""
        end = self._hall.clock.now() + PARKED
        while True:
            try:
                await self._write(kept, value, is_last=True)
            except _Fenced:
                self.figures["fenced"] += 1
                return False
            except BrokerError as problem:
                if self._hall.clock.now() >= end:
                    logger.error("room %s: its last save was not written: %s", kept.life.code, str(problem))
                    return False
                await self._pause(RETRY)
            else:
                return True


def _start(steps: Coroutine[Answer[Any], None, None]) -> None:
    """Runs steps whose result nobody waits for."""
    run(steps).then(_report)


def _report(answer: Answer[None]) -> None:
    try:
        answer.result()
    except Exception:
        report(logger, "saving failed")


def _digest(value: Value) -> bytes:
    digest = blake2b(value["data"].encode(), digest_size=16)  # apart, as JSON takes longer for a large text
    digest.update(dumps({**value, "data": ""}).encode())
    return digest.digest()


def _term(value: Value) -> int:
    term = value.get("term")
    return term if type(term) is int else 0


def _close(connections: list[WebSocketPeer]) -> None:
    for connection in connections:
        connection.close(*MOVED)
