"""`Shards`: which shards this worker has, and the taking and giving up of shards.

Each shard has one wanted owner: of the workers that are up, the one with the highest weight for it (rendezvous
hashing). So a worker that comes or goes moves only its own share. The entry `s:<shard>` says who has the shard:

    nobody, or a worker whose lease is gone    the wanted owner takes it, by compare-and-set, with a higher term
    a worker that is not the wanted one        gives it up as soon as it has no room there

A term never shrinks, so of two workers that both believe to have a shard the higher term is right.

In a rolling restart each room moves once, because of two rules:

- The weights belong to slots. A new worker has the slot of the worker that it replaces, so it takes over the same
  shards, and the shards of all other workers stay where they are.
- A worker that is to be replaced is marked as retiring. It keeps its shards until it drains, and takes no others while
  there are workers that stay. A worker may have rooms in shards that it is not to have, since other workers came or
  went while the rooms were played: those rooms go to a worker that stays.

Layer: `cluster`.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import lru_cache
from hashlib import shake_128
from operator import gt
from struct import unpack
from typing import Any

from gdpeer.cluster.answers import Answer
from gdpeer.cluster.broker.base import Broker, BrokerError, Conflict, Entry
from gdpeer.cluster.directory import Directory
from gdpeer.cluster.member import Member
from gdpeer.cluster.records import SHARDS, Owner, Worker, owner_of
from gdpeer.cluster.timers import Timers, in_background

__all__ = ["Ranking", "Shards"]

RETRY = 1.0
"""Seconds until a failed write is looked at again."""


@lru_cache(maxsize=4_096)
def _weights(slot: str) -> tuple[int, ...]:
    """Returns the weights of a slot for all shards."""
    return unpack(f"<{len(SHARDS)}Q", shake_128(slot.encode()).digest(8 * len(SHARDS)))


class Ranking:
    """The slots that are to have the shards.

    Attributes:
        slots: that are counted.
    """

    def __init__(self) -> None:
        self.slots: set[str] = set()
        self._best = [0] * len(SHARDS)
        self._owners = [""] * len(SHARDS)

    def wanted(self, slot: str) -> set[str]:
        """Returns the shards that the worker of a slot is to have."""
        return {shard for shard, owner in zip(SHARDS, self._owners, strict=True) if owner == slot}

    def count(self, slots: set[str]) -> None:
        """Counts these slots from now on, and no others."""
        for slot in slots - self.slots:
            self._add(slot)
        for slot in self.slots - slots:
            self._remove(slot)

    def _add(self, slot: str) -> None:
        self.slots.add(slot)
        weights = _weights(slot)
        for number, is_higher in enumerate(map(gt, weights, self._best)):
            if is_higher:
                self._best[number], self._owners[number] = weights[number], slot

    def _remove(self, slot: str) -> None:
        """Gives the share of a slot to the others."""
        self.slots.discard(slot)
        others = [(_weights(other), other) for other in sorted(self.slots)]
        for number, owner in enumerate(self._owners):
            if owner == slot:
                ranked = ((weights[number], other) for weights, other in others)
                self._best[number], self._owners[number] = max(ranked, default=(0, ""))


class Shards:
    """The shards of this worker.

    Args:
        broker: holds the owners.
        timers: of the game's thread.
        member: the lease.
        directory: the copy, which knows the owners.
        occupied: returns the shards in which this worker has rooms.

    Attributes:
        held: the shards of this worker, with their entries.
        wanted: the shards that this worker is to take as soon as nobody has them.
        kept: further shards, which this worker keeps if it has them: as a retiring worker, until it drains.
        on_gained: called with each shard that this worker took.
        on_given_up: called with each shard that this worker has given up.
        on_lost: called with each shard that another worker took from this one.
    """

    def __init__(
        self,
        broker: Broker,
        timers: Timers,
        member: Member,
        directory: Directory,
        occupied: Callable[[], set[str]],
    ) -> None:
        self.held: dict[str, Owner] = {}
        self.wanted: set[str] = set()
        self.kept: set[str] = set()
        self.on_gained: Callable[[str], object] = _nothing
        self.on_given_up: Callable[[str], object] = _nothing
        self.on_lost: Callable[[str], object] = _nothing
        self._broker = broker
        self._timers = timers
        self._member = member
        self._directory = directory
        self._occupied = occupied
        self._up: dict[str, Worker] = {}
        self._ranking = Ranking()  # of all workers that are up
        self._heirs = Ranking()  # of those that stay
        self._busy: set[str] = set()
        self._is_looking = self._looks_again = self._is_planned = False

    def has(self, code: str) -> bool:
        """Whether this worker has the shard of a code now."""
        return code[:2] in self.held and self._member.check()

    def is_lasting(self, shard: str) -> bool:
        """Whether this worker keeps a shard, or is to have it, also when it has no room there."""
        return shard in self.wanted or shard in self.kept

    def is_empty(self) -> bool:
        """Whether this worker has no shard, and the others know it."""
        return not self.held and not self._busy

    def term_of(self, code: str) -> int:
        """Returns the term in which this worker has the shard of a code.

        Raises:
            KeyError: it does not have the shard.
        """
        return self.held[code[:2]].term

    # ------------------------------------------------------------------------------------------ what has changed

    def note_worker(self, name: str) -> None:
        """Takes note that a worker came, changed or went."""
        before, worker = self._up.pop(name, None), self._directory.workers.get(name)
        if worker is not None and worker.is_up:
            self._up[name] = worker
        is_other = _rank(before) != _rank(self._up.get(name))
        if is_other:
            self._rank_all()
        if is_other or name not in self._up:  # the lease of a worker that drains may have ended: its shards are free
            self.look()

    def _rank_all(self) -> None:
        """Finds out which shards this worker is to have."""
        up = self._up.values()
        slots = {worker.slot for worker in up}
        self._ranking.count(slots)
        self._heirs.count({worker.slot for worker in up if not worker.is_retiring} or slots)
        me = self._up.get(self._member.name)
        if me is None or me is not max((worker for worker in up if worker.slot == me.slot), key=_rank):
            self.wanted, self.kept = set(), set()
        else:
            self.wanted = self._heirs.wanted(me.slot)
            self.kept = self._ranking.wanted(me.slot) - self.wanted

    def note_owner(self, shard: str) -> None:
        """Takes note that the entry of a shard has changed."""
        if shard in self._busy:
            return
        owner, mine = self._directory.owners.get(shard), self.held.get(shard)
        if mine is None:
            self._consider(shard, owner)
        elif owner is None or owner[:3] != mine[:3]:
            self._begin(shard, self._verify(shard))

    def _consider(self, shard: str, owner: Owner | None) -> None:
        """Looks at a shard that this worker does not have."""
        if owner is not None and self._is_mine(owner):
            self._gain(shard, owner)  # the answer was lost
            self.look()
        elif shard in self.wanted:
            self.look()

    def _is_mine(self, owner: Owner) -> bool:
        return (owner.worker, owner.epoch) == (self._member.name, self._member.epoch)

    def note_read(self) -> None:
        """Takes note that everything was read: an entry that the broker has lost is written again."""
        for shard in sorted(self.held.keys() - self._directory.seen - self._busy):
            self._begin(shard, self._verify(shard))
        self.look()

    def announce(self) -> None:
        """Tells all workers which shards this one has: they may have missed it while the broker was away."""
        for shard, owner in self.held.items():
            self._directory.announce_shard(shard, owner)

    def forget(self) -> None:
        """Takes note that the lease was lost: others may have all shards."""
        self.held.clear()

    # ------------------------------------------------------------------------------------------ taking, giving up

    def look(self) -> None:
        """Takes and gives up shards in the next turn, if there are any to take or give up."""
        if not self._is_planned:
            self._is_planned = True
            self._timers.after(0.0, self._look)

    def _look(self) -> None:
        self._is_planned = False
        if self._is_looking:
            self._looks_again = True
            return
        if not self._member.may_save() or not self._directory.is_whole:
            return
        self._give_up_empty()
        if self._member.may_make() and self.wanted - self.held.keys() - self._busy:
            self._is_looking = True
            in_background(self._take())

    def _give_up_empty(self) -> None:
        left = self.held.keys() if self._member.state != "up" else self.held.keys() - self.wanted - self.kept
        if left and not self._directory.is_returning:
            for shard in sorted(left - self._occupied() - self._busy):
                self._begin(shard, self._give_up(shard))

    async def _take(self) -> None:
        self._looks_again = False
        try:
            await self._ask_for_owners()
        except BrokerError:
            self._timers.after(RETRY, self.look)
            return
        finally:
            self._is_looking = False
        if self._looks_again:
            self.look()
        if self._member.may_make():
            for shard in self._open():
                if self._is_free(shard):
                    self._begin(shard, self._claim(shard))

    def _open(self) -> list[str]:
        """Returns the wanted shards that this worker does not have."""
        return sorted(self.wanted - self.held.keys() - self._busy)

    def _is_free(self, shard: str) -> bool:
        """Whether nobody has a shard, as far as is known."""
        directory, owner = self._directory, self._directory.owners.get(shard)
        if owner is not None and owner.worker == "":
            return not directory.is_returning
        return directory.is_settled() and (owner is None or not directory.has_lease(owner.worker, owner.epoch))

    async def _ask_for_owners(self) -> None:
        """Asks the broker for the leases of owners that seem to be gone: an event may be wrong."""
        owners = (self._directory.owners.get(shard) for shard in self._open() if self._is_free(shard))
        names = {owner.worker: None for owner in owners if owner is not None and owner.worker}
        asked = {name: self._timers.within(self._broker.get(f"w:{name}")) for name in names}
        for name, answer in asked.items():
            self._directory.take_worker(name, await answer)

    # ------------------------------------------------------------------------------------------ one shard

    def _begin(self, shard: str, steps: Coroutine[Answer[Any], None, None]) -> None:
        """Runs the one operation that a shard has at a time."""
        self._busy.add(shard)
        in_background(self._run(shard, steps))

    async def _run(self, shard: str, steps: Coroutine[Answer[Any], None, None]) -> None:
        try:
            await steps
        except BrokerError:  # perhaps it took effect
            await self._timers.sleep(RETRY)
            if not self._member.is_over:
                self._begin(shard, self._refresh(shard))
        else:
            self._busy.discard(shard)
            self.note_owner(shard)

    async def _refresh(self, shard: str) -> None:
        self._directory.take_owner(shard, await self._get(shard))

    def _get(self, shard: str) -> Answer[Entry | None]:
        return self._timers.within(self._broker.get(f"s:{shard}"))

    def _write(self, shard: str, owner: Owner, revision: int | None) -> Answer[int]:
        """Writes an entry; None as `revision`: there is none yet."""
        key, value = f"s:{shard}", {"worker": owner.worker, "epoch": owner.epoch, "term": owner.term}
        broker = self._broker
        answer = broker.create(key, value) if revision is None else broker.update(key, value, revision)
        return self._timers.within(answer)

    async def _claim(self, shard: str) -> None:
        known, member = self._directory.owners.get(shard), self._member
        term = max(0 if known is None else known.term + 1, self._timers.wall_milliseconds())
        owner = Owner(member.name, member.epoch, term, 0)
        try:
            revision = await self._write(shard, owner, None if known is None else known.revision)
        except Conflict:
            await self._refresh(shard)
            return
        if owner.epoch == member.epoch:
            owner = owner._replace(revision=revision)
            self._directory.announce_shard(shard, owner)
            self._gain(shard, owner)
            if known is not None and known.worker:  # that worker may have died between a write and its event
                self._directory.read_soon()

    async def _give_up(self, shard: str) -> None:
        mine = self.held.pop(shard)
        self.on_given_up(shard)
        free = Owner("", 0, mine.term, 0)
        try:
            revision = await self._write(shard, free, mine.revision)
        except Conflict:
            await self._refresh(shard)
            return
        known = self._directory.owners.get(shard)
        if known is None or known.term <= free.term:  # the next owner may have been faster than this answer
            self._directory.announce_shard(shard, free._replace(revision=revision))

    async def _verify(self, shard: str) -> None:
        """Compares the entry of a shard that this worker has with what it should be."""
        entry = await self._get(shard)
        mine = self.held.get(shard)
        if mine is None:
            return
        owner = None if entry is None else owner_of(shard, entry.value, entry.revision)
        if entry is not None and owner is not None and owner.term >= mine.term:
            self._directory.set_owner(shard, owner)
            if self._is_mine(owner):
                self.held[shard] = owner
            else:
                self._lose(shard)
            return
        try:  # the broker has lost the entry, or it went back to a former one
            revision = await self._write(shard, mine, None if entry is None else entry.revision)
        except Conflict:
            await self._refresh(shard)
            return
        if self.held.get(shard) == mine:
            self.held[shard] = mine._replace(revision=revision)
            self._directory.announce_shard(shard, self.held[shard])

    def _gain(self, shard: str, owner: Owner) -> None:
        self.held[shard] = owner
        self.on_gained(shard)

    def _lose(self, shard: str) -> None:
        del self.held[shard]
        self.on_lost(shard)


def _rank(worker: Worker | None) -> tuple[bool, int, str, str]:
    """Returns what a worker's share depends on. Of all workers of a slot, the greatest has the share: the newest that
    stays.
    """
    return (False, 0, "", "") if worker is None else (not worker.is_retiring, worker.epoch, worker.slot, worker.name)


def _nothing(_: str) -> None:
    """Stands for a callback that was not given."""
