"""`ClusterLobby`: the lobby of all workers. It finds rooms anywhere, and asks their owners for seats.

    answer = hall.cluster.lobby.quick("arena", {"map": "sand"}, "ann")      a Seat, later

`hall.lobby` has the same methods for the rooms of one process; they answer at once.

- The directory is a hint: rooms come and go meanwhile. The answer of a room's owner counts.
- An answer comes within 4 seconds, whatever happens to the broker and to other workers: a seat, or a RoomError.
- While the broker is away, rooms of this worker are filled, and made in its own shards.

Layer: `cluster`.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Coroutine, Hashable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

from gdpeer.cluster.answers import Answer, run
from gdpeer.cluster.broker.base import BrokerError, Value
from gdpeer.cluster.messages import as_room_error, check_data, read_seat
from gdpeer.cluster.records import RoomRecord, Worker
from gdpeer.rooms.codes import LENGTH, find_code
from gdpeer.rooms.errors import Draining, Full, Locked, NoRoom, RoomError, Unreachable
from gdpeer.rooms.labels import Labels, check_labels, fits
from gdpeer.rooms.lobby import MOST_REMEMBERED, Listed, Lobby, Seat, check_player_name

if TYPE_CHECKING:
    from gdpeer.cluster.cluster import Cluster
    from gdpeer.rooms.room import Room

__all__ = ["ClusterLobby"]

T = TypeVar("T")

PATIENCE = 3.5
"""Seconds in which an answer comes in any case."""

WHOLE = 3.3
"""Seconds in which other workers are asked for one answer."""

SEARCH = 2.0
"""Seconds of them in which `quick` looks for a place, before it asks for a new room."""

PATIENCE_OF_ONE = 1.5
"""Seconds that one other worker has for its answer."""

MOST_ELSEWHERE = 3
"""The most rooms of other workers that `quick` tries, and the most workers that are asked to make a room."""

LOOK_AGAIN = 0.25
"""Seconds after which a room that moves is looked for again."""

LOAD_MARGIN = 0.1
PEERS_MARGIN = 50
"""By how much the load and the places of this worker may exceed those of the least loaded, and it makes the room."""


class _Deadline:
    """The time that is left for an answer, or for a part of it."""

    def __init__(self, now: Callable[[], float], seconds: float) -> None:
        self._now = now
        self._end = now() + seconds

    def left(self) -> float:
        """Returns the seconds that the next worker has.

        Raises:
            Unreachable: the time is over.
        """
        left = self._end - self._now()
        if left <= 0.0:
            raise Unreachable("the server cannot reach its other machines now")
        return min(left, PATIENCE_OF_ONE)


class _Elsewhere(NamedTuple):
    """A room of another worker."""

    code: str
    worker: str


_Candidate: TypeAlias = "tuple[int, int, Room | _Elsewhere]"


class ClusterLobby:
    """The lobby of a hall in a cluster. `quick`, `join` and `create` return answers that come within 4 seconds.

    Args:
        cluster: of the hall.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._hall = cluster.hall
        self._last: dict[Hashable, _Elsewhere] = {}  # the rooms that `quick` gave last, by kind and labels

    # ------------------------------------------------------------------------------------------ for the game

    def quick(
        self, kind: str, labels: Labels | None = None, player: str | None = None, *, base: str = ""
    ) -> Answer[Seat]:
        """Gives a seat in a public room of any worker, or in a new room if all are full; see `Lobby.quick`.

        A new room is made here, unless another worker has much less load. The answer fails with a RoomError, or with
        ValueError if a label or the name is not valid.
        """
        return _first_of(self.take_quick(kind, labels, player, base))

    def join(self, code: str, player: str | None = None, *, base: str = "") -> Answer[Seat]:
        """Gives a seat in the room with a code, of any worker; see `Lobby.join`."""
        return self._within(self._join(code, player, self._base(base)))

    def create(
        self,
        kind: str,
        options: Any = None,
        player: str | None = None,
        *,
        labels: Labels | None = None,
        private: bool = False,
        base: str = "",
    ) -> Answer[Seat]:
        """Makes a room, here or at a worker with much less load, and gives the first seat in it; see `Lobby.create`.

        Options that are no JSON, or more than 64 KiB of it, cannot travel: then the room is made here.
        """
        fields = {"options": options, "labels": labels, "private": private}
        return _first_of(self._within(self._create(kind, fields, player, self._base(base), self._deadline(WHOLE))))

    def find(self, kind: str, labels: Labels | None = None) -> list[Listed]:
        """Lists the public rooms of all workers that admit players and have all these labels, the fullest first.

        Those of other workers are listed as they were about a second ago.

        Raises:
            NoRoom: there is no such kind.
            ValueError: a label is not valid.
        """
        own = self._lobby().find(kind, labels)
        others = (Listed(r.code, r.kind, dict(r.labels), r.taken, r.most) for r in self._others(kind, labels or {}))
        return sorted((*own, *others), key=lambda room: -room.taken)

    def take_quick(self, kind: str, labels: Labels | None, player: str | None, base: str) -> Answer[tuple[Seat, bool]]:
        """Does the work of `quick`. The answer also tells whether a room was made for the seat."""
        return self._within(self._quick(kind, labels, player, self._base(base)))

    # ------------------------------------------------------------------------------------------ in time

    def _within(self, steps: Coroutine[Answer[Any], None, T]) -> Answer[T]:
        """Runs steps whose errors are RoomErrors, and come in time."""
        answer: Answer[T] = Answer()

        def pass_on(done: Answer[T]) -> None:
            try:
                answer.give(done.result())
            except BrokerError as problem:
                answer.fail(as_room_error(problem))
            except Exception as problem:
                answer.fail(problem)

        self._cluster.timers.within(run(steps), PATIENCE).then(pass_on)
        return answer

    def _deadline(self, seconds: float) -> _Deadline:
        return _Deadline(self._cluster.timers.now, seconds)

    def _lobby(self) -> Lobby:
        if self._hall.lobby is None:
            raise NoRoom("this server has no lobby")
        return self._hall.lobby

    def _base(self, base: str) -> str:
        return base or self._lobby().base_for(None)

    def _others(self, kind: str, labels: Labels) -> list[RoomRecord]:
        """Returns the open rooms of other workers."""
        up = {name for name, worker in self._cluster.workers.items() if worker.is_up and name != self._cluster.name}
        return [r for r in self._cluster.directory.find(kind, labels) if r.worker in up and self._is_open(r, labels)]

    def _is_open(self, record: RoomRecord, labels: Labels) -> bool:
        """Whether a room of another worker has a free place, as far as is known."""
        has_place = not record.most or record.taken < record.most
        return has_place and not record.is_locked and not record.is_private and fits(record.labels, labels)

    # ------------------------------------------------------------------------------------------ join

    async def _join(self, text: str, player: str | None, base: str) -> Seat:
        check_player_name(player)
        deadline = self._deadline(WHOLE)
        code = find_code(text)
        if not code:
            raise NoRoom("there is no room with this code")
        while True:
            try:
                return await self._seat_at(code, player, base, deadline)
            except (Unreachable, BrokerError):
                # The room may be on its way to another worker.
                deadline.left()
                if not self._cluster.broker.is_connected:
                    raise
            await self._cluster.timers.sleep(LOOK_AGAIN)

    async def _seat_at(self, code: str, player: str | None, base: str, deadline: _Deadline) -> Seat:
        """Asks the owner of a room for a seat."""
        cluster = self._cluster
        owner = cluster.owner_of(code)
        if owner == cluster.name or self._hall.life_of(code) is not None:
            return await cluster.messages.seat_here(code, player, base)
        if owner is None:
            raise Unreachable("the room is moving")
        fields = {"code": code, "player": player, "base": base}
        return read_seat(await cluster.messages.ask(owner, "seat", fields, deadline.left()))[0]

    # ------------------------------------------------------------------------------------------ quick

    async def _quick(self, kind: str, labels: Labels | None, player: str | None, base: str) -> tuple[Seat, bool]:
        lobby, whole, search = self._lobby(), self._deadline(WHOLE), self._deadline(SEARCH)
        check_player_name(player)
        wanted = check_labels(labels)
        if kind not in self._hall.kinds:
            raise NoRoom("there is no such kind of room")
        key = (kind, frozenset(wanted.items()))
        tried: set[str] = set()
        for room in self._candidates(lobby, key, kind, wanted):
            seat = await self._try(room, player, base, search, tried)
            if seat is not None:
                self._remember(key, room.worker if isinstance(room, _Elsewhere) else self._cluster.name, room.code)
                return seat, False
        fields = {"options": dict(wanted), "labels": wanted, "private": False}
        seat, name = await self._create(kind, fields, player, base, whole)
        self._remember(key, name, seat.url.partition("/room/")[2][:LENGTH])
        return seat, True

    def _candidates(self, lobby: Lobby, key: Hashable, kind: str, wanted: Labels) -> Iterator[Room | _Elsewhere]:
        """Yields rooms that may have a free place: the one that was given last, then the fullest."""
        last = self._last.get(key)
        if last is not None:
            room, record = self._hall.rooms.get(last.code), self._cluster.room(last.code)
            if room is not None and lobby.may_fill(room, kind, wanted):
                yield room
            elif room is None and (record is None or self._is_open(record, wanted)):  # not listed yet, or open
                yield last
            self._last.pop(key, None)  # it has no place
        own: list[_Candidate] = [(-room.taken, 0, room) for room in lobby.open_rooms(kind, wanted)]
        fullest = heapq.nlargest(MOST_ELSEWHERE, self._others(kind, wanted), key=lambda record: record.taken)
        others: list[_Candidate] = [(-record.taken, 1, _Elsewhere(record.code, record.worker)) for record in fullest]
        for _, _, found in heapq.merge(own, others, key=lambda one: one[:2]):
            yield found

    async def _try(
        self, room: Room | _Elsewhere, player: str | None, base: str, deadline: _Deadline, tried: set[str]
    ) -> Seat | None:
        """Returns a seat; None if the room has no free place, or its worker does not answer."""
        if not isinstance(room, _Elsewhere):
            with suppress(RoomError):  # of a hall that is full or drains
                return self._lobby().try_seat(room, player, base)
            return None
        if len(tried) >= MOST_ELSEWHERE or tried & set(room) or not self._cluster.broker.is_connected:
            return None
        try:
            fields = {"code": room.code, "player": player, "base": base}
            answer = await self._cluster.messages.ask(room.worker, "seat", fields, deadline.left())
            return read_seat(answer)[0]
        except (Full, Locked, NoRoom):
            tried.add(room.code)
        except (RoomError, BrokerError):
            tried.add(room.worker)  # it answers for none of its rooms
        return None

    def _remember(self, key: Hashable, worker: str, code: str) -> None:
        if len(self._last) >= MOST_REMEMBERED:
            self._last.clear()
        self._last[key] = _Elsewhere(code, worker)

    # ------------------------------------------------------------------------------------------ new rooms

    async def _create(
        self, kind: str, fields: Value, player: str | None, base: str, deadline: _Deadline
    ) -> tuple[Seat, str]:
        """Makes a room; returns the first seat, and the worker that has the room."""
        first: Exception | None = None
        check_player_name(player)
        fields = {**fields, "labels": check_labels(fields["labels"])}
        for name in self._makers() if _can_travel(fields["options"]) else [self._cluster.name]:
            try:
                if name == self._cluster.name:
                    return self._lobby().create(kind, base=base, player=player, **fields), name
                return await self._create_at(name, kind, fields, player, base, deadline), name
            except (Full, Draining, Unreachable, BrokerError) as problem:  # not what the game refused
                first = first or problem
        raise first or Unreachable("no server can make a room now")

    async def _create_at(
        self, name: str, kind: str, fields: Value, player: str | None, base: str, deadline: _Deadline
    ) -> Seat:
        request = {"kind": kind, "player": player, "base": base, **fields}
        return read_seat(await self._cluster.messages.ask(name, "create", request, deadline.left()))[0]

    def _makers(self) -> list[str]:
        """Returns the names of the workers to ask for a new room, the best first."""
        me = self._cluster.name
        if not self._cluster.broker.is_connected:
            return [me]
        others = [worker for name, worker in self._cluster.workers.items() if name != me and worker.is_up]
        best = heapq.nsmallest(MOST_ELSEWHERE, others, key=_load_of)
        names = [worker.name for worker in best]
        is_busy = bool(best) and self._is_busier_than(best[0])
        return [*names[:1], me, *names[1:]] if is_busy else [me, *names]

    def _is_busier_than(self, other: Worker) -> bool:
        return self._cluster.load > other.load + LOAD_MARGIN or self._hall.taken > other.peers + PEERS_MARGIN


def _can_travel(options: Any) -> bool:
    try:
        check_data(options)
    except ValueError:
        return False
    return True


def _load_of(worker: Worker) -> tuple[float, int]:
    return round(worker.load, 1), worker.peers


def _first_of(answer: Answer[tuple[Seat, T]]) -> Answer[Seat]:
    """Returns the seat of an answer with two parts."""
    seat: Answer[Seat] = Answer()

    def pass_on(done: Answer[tuple[Seat, T]]) -> None:
        try:
            seat.give(done.result()[0])
        except Exception as problem:
            seat.fail(problem)

    answer.then(pass_on)
    return seat
