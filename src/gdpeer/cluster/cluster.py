"""`Cluster`: what makes a hall one of many workers that share a directory of rooms.

    cluster = Cluster(hall, broker, name="a", url="http://10.0.0.7:8910")
    cluster.start()                         # the hall's own loop does all the rest
    ...
    cluster.owner_of("K7Q2M3")              "b"
    cluster.directory.find("arena")         rooms of all workers

The worker has a lease (`Member`), shards (`Shards`) whose rooms it may make, a copy of what all have written
(`Directory`), and writes the entries of its own rooms (`Listing`). Nothing here waits: the game's thread runs on.

Layer: `cluster`; the top of it, but for processes.
"""

from __future__ import annotations

import logging
import random
import secrets
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gdpeer._version import __version__
from gdpeer.cluster.answers import Answer, run
from gdpeer.cluster.broker.base import Broker, Value
from gdpeer.cluster.directory import SETTLING, Directory
from gdpeer.cluster.health import HealthAsker
from gdpeer.cluster.listing import Listing
from gdpeer.cluster.lobby import ClusterLobby
from gdpeer.cluster.member import Member, Split
from gdpeer.cluster.messages import Delivery, Messages, Where
from gdpeer.cluster.records import MOST_PLAYER_NAME, MOST_PLAYERS, RoomRecord, Worker, is_name
from gdpeer.cluster.ring import Ring
from gdpeer.cluster.saving import Saving
from gdpeer.cluster.shards import Shards
from gdpeer.cluster.timers import Timers
from gdpeer.cluster.watching import Watching
from gdpeer.http.response import Response
from gdpeer.logs import get_logger, log_limited
from gdpeer.rooms.codes import ALPHABET, LENGTH
from gdpeer.rooms.errors import Unreachable
from gdpeer.rooms.neighbours import Figure, Finding, Others

if TYPE_CHECKING:
    from gdpeer.rooms.hall import Hall
    from gdpeer.rooms.lifecycle import RoomLifecycle

__all__ = ["AsksHealth", "Cluster"]

logger = get_logger("gdpeer.cluster")

AsksHealth = Callable[[str], Answer[bool]]
"""Asks the worker at a URL whether it renews its lease."""

MOST_ASKED = 3
NOBODY_TO_ASK = (
    "worker %s: no other worker has told its address (gdpeer serve --address), so nobody can be asked whether the "
    "broker is away for all"
)

HEIR = 2.0
HEIR_STEP = 0.05
"""The most seconds that the players of a room that moves wait for its next worker; and seconds between two looks."""


class Cluster:
    """One worker, as a part of all. Use it in the hall's thread.

    Args:
        hall: has the rooms.
        broker: holds the directory.
        name: of this worker: 1 to 64 letters, digits, dots, dashes and underscores. A new process with the name of
            another takes its place.
        url: where the others reach this worker.
        socket: the path of a socket where the worker answers `/health` to others on its machine; "" if it has none.
        slot: the slot of the worker whose successor this one is, which has the same shards; "": it has no predecessor,
            and its name is its slot.
        ask_health: asks another worker whether it reaches the broker; None: by HTTP, see `HealthAsker`.
        split: what happens when neither the broker nor another worker answers: "close" closes the rooms that can be
            restored, as others may have them; "keep" goes on.
        settling: seconds after a start or a return of the broker in which no shard is taken over; 0 for a broker that
            ends together with its workers.

    Attributes:
        name, hall, broker: as given.
        is_retiring: whether another process is about to replace this worker; see `retire`.
        member: the lease.
        directory: what all workers have written.
        shards: which this worker has.
        listing: writes the entries of this worker's rooms.
        messages: requests between workers.
        lobby: gives seats in rooms of all workers.
        saving: saves and restores rooms.
        watching: shows all workers to the monitor.
        broker_losses: how often the broker was lost.
        on_shard_gained: called with each shard that this worker took.
        on_shard_lost: called with each shard that another worker took from this one, once its rooms were closed.
        on_fenced: called when the lease was lost, once the rooms that can be restored were closed.

    Raises:
        ValueError: the name is not valid, or the hall has drawn a secret that no other worker has.
    """

    def __init__(
        self,
        hall: Hall,
        broker: Broker,
        *,
        name: str,
        url: str = "",
        socket: str = "",
        slot: str = "",
        ask_health: AsksHealth | None = None,
        split: Split = "close",
        settling: float = SETTLING,
    ) -> None:
        if not is_name(name):
            raise ValueError(f"a worker's name has letters, digits, dots, dashes and underscores, not {name!r}")
        self.name = name
        self.hall = hall
        self.broker = broker
        self.url = url
        self.socket = socket
        self.slot = slot or name
        self.is_retiring = False
        if hall.use_keys(None):
            raise ValueError("the workers of a cluster need the same secret: give the hall one, as secret=...")
        self.messages = Messages(self)
        self.lobby = ClusterLobby(self)
        self.saving = Saving(hall, broker, self)
        self.watching = Watching(self)
        self.broker_losses = 0
        self.on_shard_gained: Callable[[str], object] = _nothing
        self.on_shard_lost: Callable[[str], object] = _nothing
        self.on_fenced: Callable[[], object] = _nothing
        self.timers = timers = Timers(hall.clock, hall.wall, lambda when, do: hall.server.poller().call_at(when, do))
        self._needs_others = split == "close"
        self.member = Member(broker, timers, name, self._describe, split)
        self.directory = Directory(broker, timers, name, settling)
        self.shards = Shards(broker, timers, self.member, self.directory, self._occupied)
        parts = (self.member, self.directory, self.shards)
        self.listing = Listing(broker, timers, *parts, self._describe_room, lambda: hall.rooms)
        self._ring = Ring(broker, timers, self.member, self.directory)
        self._ask_health = ask_health or HealthAsker(name, hall.run_soon)
        self._measured = (0.0, 0.0)
        self._load = 0.0
        self._connect()

    def _connect(self) -> None:
        member, directory, shards = self.member, self.directory, self.shards
        member.ask_others = self._ask_others
        member.on_joined, member.on_returned, member.on_fenced = self._joined, self._returned, self._fenced
        member.on_trouble = directory.note_trouble
        directory.on_worker, directory.on_owner = shards.note_worker, shards.note_owner
        directory.on_room, directory.on_read = self.listing.note_record, self._was_read
        directory.on_gone = self._ring.note_gone
        directory.describe = self._described
        shards.on_gained, shards.on_lost, shards.on_given_up = self._gained, self._lost, self.listing.note_lost

    # ------------------------------------------------------------------------------------------ beginning and end

    @property
    def epoch(self) -> int:
        """The epoch of this worker's lease."""
        return self.member.epoch

    @property
    def load(self) -> float:
        """The share of time that the rooms of this worker took when its lease was last renewed, 0 to 1."""
        return self._load

    @property
    def is_cut_off(self) -> bool:
        """Whether this worker has no valid lease, or is about to lose it: it makes and saves nothing."""
        return not self.member.may_save()

    @property
    def is_drained(self) -> bool:
        """Whether a worker that drains has no room and no shard left."""
        is_empty = self.shards.is_empty() and not self.hall.rooms and not self.saving.is_moving
        return self.member.state != "up" and is_empty

    def start(self) -> None:
        """Joins the cluster: everything else happens in polls of the hall."""
        self.hall.cluster = self.hall.neighbours = self
        self.broker.on_change = self._broker_changed
        self.directory.start()
        self.messages.start()
        self.member.start()
        self._ring.start()

    def retire(self, is_retiring: bool = True) -> None:
        """Takes note that another process is about to replace this worker: it takes no further shards as long as there
        are workers that stay, so that a room does not move to a worker that it has to leave again soon.

        Args:
            is_retiring: False: this worker stays after all.
        """
        self.is_retiring = is_retiring
        self._take_self()
        self.member.renew()
        self.directory.announce_self()

    def drain(self, deadline: float = 300.0) -> None:
        """Begins to leave: no new rooms and shards. Rooms with `save` move to other workers, the others have until the
        deadline to end; each shard is given up as soon as it has no room.

        Args:
            deadline: seconds, as for `Hall.drain`.
        """
        self.member.state = "draining"
        self.member.renew()
        self.directory.announce_self()
        self.saving.drain(deadline)
        self.hall.drain(deadline)
        self.shards.look()

    def leave(self) -> None:
        """Ends the lease of a worker that has drained. The broker stays open, as a last word is on its way."""
        self.directory.announce_gone(self.name, self.epoch)
        self.directory.flush()
        self.member.leave()
        self._end()

    def close(self) -> None:
        """Ends at once: the lease ends by itself. Closes the broker."""
        self.member.close()
        self._end()
        self.broker.close()

    def _end(self) -> None:
        self._ring.close()
        self.messages.close()
        self.directory.close()
        if self.hall.cluster is self:
            self.hall.cluster = self.hall.neighbours = None

    async def bury(self, name: str) -> None:
        """Ends the lease of another worker whose process has certainly ended, so that its shards are free at once.

        Raises:
            BrokerError: the broker did not answer; the lease ends by itself.
        """
        await self.timers.within(self.broker.delete(f"w:{name}"))
        self.directory.take_worker(name, None)

    # ------------------------------------------------------------------------------------------ questions

    @property
    def workers(self) -> Mapping[str, Worker]:
        """All workers with a lease, by name, as far as this worker knows."""
        return self.directory.workers

    def owner_of(self, code: str) -> str | None:
        """Returns the name of the worker that has the shard of a code; None: nobody has it now."""
        if self.shards.has(code):
            return self.name
        owner = self.directory.owner_of(code)
        return None if owner == self.name else owner

    def room(self, code: str) -> RoomRecord | None:
        """Returns what the directory says of a room."""
        return self.directory.room(code)

    # ------------------------------------------------------------------------------------------ messages

    def tell(self, player: str, data: Any, sender: str = "") -> Answer[Delivery]:
        """Gives data to the room of a player, wherever it is; see `Messages.tell`."""
        return self.messages.tell(player, data, sender)

    def where(self, player: str) -> Answer[Where | None]:
        """Tells where a player is; None: in no room. A hint that is right within seconds; see `Messages.where`."""
        return self.messages.where(player)

    def presence(self, players: Iterable[str]) -> Answer[dict[str, Where | None]]:
        """Tells where each of at most 1,000 players is; see `Messages.presence`."""
        return self.messages.presence(players)

    def announce(self, data: Any, kind: str | None = None) -> Answer[None]:
        """Gives data of the operator to all rooms of all workers, or to those of a kind; see `Messages.announce`."""
        return self.messages.announce(data, kind)

    # ------------------------------------------------------------------------------------------ for the hall

    def draw_code(self) -> str:
        """Returns a code for a new room, in a shard of this worker; see `Neighbours`.

        Raises:
            Unreachable: this worker may make no rooms now, or has no shard.
        """
        self._check_may_make()
        held = self.shards.held
        lasting = [shard for shard in held if self.shards.is_lasting(shard)] or list(held)
        if not lasting:
            raise Unreachable("this worker has no shards yet")
        while True:
            code = secrets.choice(lasting) + "".join(secrets.choice(ALPHABET) for _ in range(LENGTH - 2))
            if code not in self.directory.rooms:
                return code

    def check_code(self, code: str) -> None:
        """Checks that a room with this code may be made here; see `Neighbours`.

        Raises:
            Unreachable: this worker may make no rooms now, or another one has the shard of the code.
        """
        self._check_may_make()
        if not self.shards.has(code):
            owner = self.owner_of(code)
            has = "no worker has" if owner is None else f"worker {owner} has"
            raise Unreachable(f"{has} the shard {code[:2]} of the code {code}: rooms are made where their shard is")

    def _check_may_make(self) -> None:
        if not self.member.may_make():
            is_draining = self.member.state != "up"
            raise Unreachable("the server is about to stop" if is_draining else "the server has lost its cluster")

    def note_made(self, life: RoomLifecycle) -> None:
        """Lists a new room; see `Neighbours`."""
        self.listing.note(life.code)
        self.saving.note_made(life)

    def list_others(self, words: str, most: int) -> Others:
        """Lists the rooms of other workers for the monitor; see `Neighbours`."""
        return self.watching.list_others(words, most)

    def watch(self, code: str, act: str, wishes: Value) -> Answer[Response] | None:
        """Has another worker show a room, or do what the operator wants; see `Neighbours`."""
        return self.watching.watch(code, act, wishes)

    def figures(self) -> list[Figure]:
        """Returns the figures of this worker; see `Neighbours`."""
        return self.watching.figures()

    def note_changed(self, life: RoomLifecycle) -> None:
        """Has a room's entry written again; see `Neighbours`."""
        self.listing.note(life.code)

    def note_closed(self, life: RoomLifecycle) -> None:
        """Removes a room from the directory; see `Neighbours`."""
        self.listing.note_closed(life.code)
        if not self.shards.is_lasting(life.code[:2]) or self.member.state != "up":
            self.shards.look()
        self.saving.note_closed(life)

    def moves(self, life: RoomLifecycle) -> bool:
        """Whether a room of a draining hall goes on elsewhere; see `Neighbours`."""
        return self.saving.moves(life)

    def find_room(self, code: str) -> Finding | None:
        """Restores a room of a shard of this worker, if it was saved; see `Neighbours`.

        Raises:
            Unreachable: the room cannot be reached here now.
        """
        if not self.shards.has(code):
            owner = self.owner_of(code)
            raise Unreachable("the room is moving" if owner is None else f"the room is at worker {owner}")
        if not self.member.may_save():
            raise Unreachable("the server has lost its cluster")
        return self.saving.find_room(code)

    # ------------------------------------------------------------------------------------------ for the saving

    def term_of(self, code: str) -> int:
        """Returns the term in which this worker has the shard of a code; 0: it has it not, or may not save now."""
        return self.shards.term_of(code) if self.shards.has(code) and self.member.may_save() else 0

    def moved(self, code: str) -> Answer[None]:
        """Gives the shard of a room up that has its last save; see `Owner`."""
        self.shards.look()
        return run(self._await_heir(code))

    async def _await_heir(self, code: str) -> None:
        """Waits until another worker has the shard of a code, so that players do not come back here."""
        end = self.timers.now() + HEIR
        while self.directory.owner_of(code) in (None, self.name) and self.timers.now() < end:
            await self.timers.sleep(HEIR_STEP)

    # ------------------------------------------------------------------------------------------ what happens

    def _broker_changed(self) -> None:
        if self.broker.is_connected:
            self.member.renew()
        else:
            self.broker_losses += 1
            self.member.note_trouble()

    def _joined(self) -> None:
        self._take_self()
        self.directory.note_joined()
        self.directory.announce_self()

    def _returned(self) -> None:
        self._take_self()
        self.directory.note_returned()
        self.directory.announce_self()
        self.shards.announce()
        self.listing.note_returned()
        self.saving.note_returned()

    def _take_self(self) -> None:
        me = self._described()
        if me is not None:
            self.directory.take_self(me)

    def _was_read(self) -> None:
        self._take_self()
        self.shards.note_read()

    def _fenced(self) -> None:
        codes = list(self.hall.rooms)
        self.shards.forget()
        self.listing.forget()
        self._close_rooms(codes)
        self.on_fenced()

    def _gained(self, shard: str) -> None:
        self.listing.note_shard(shard)
        self.on_shard_gained(shard)

    def _lost(self, shard: str) -> None:
        # A worker that was cut off can lose all of its hundreds of shards in one moment.
        log_limited(logger, logging.WARNING, "worker %s: another worker has taken the shard %s", self.name, shard)
        self.listing.note_lost(shard)
        self._close_rooms([code for code in self.hall.rooms if code[:2] == shard])
        self.on_shard_lost(shard)

    def _close_rooms(self, codes: list[str]) -> None:
        """Closes the rooms that can be restored elsewhere; the others go on, unlisted, until they are empty."""
        for code in codes:
            life = self.hall.life_of(code)
            if life is not None:
                self.saving.give_away(life)

    # ------------------------------------------------------------------------------------------ what others see

    def _describe(self) -> Value:
        return {
            "url": self.url,
            "socket": self.socket,
            "rooms": len(self.hall.rooms),
            "peers": self.hall.taken,
            "load": self._measure_load(),
            "version": __version__,
            "slot": self.slot,
            "retiring": self.is_retiring,
        }

    def _measure_load(self) -> float:
        """Returns the share of time that the rooms' turns took since the last time."""
        now, spent = self.timers.now(), self.hall.figures.turn_seconds
        before, spent_before = self._measured
        if now - before >= 1.0:
            self._load = min(1.0, (spent - spent_before) / (now - before))
            self._measured = (now, spent)
        return round(self._load, 3)

    def _described(self) -> Value | None:
        if not self.member.check():
            return None
        return {**self._describe(), "epoch": self.epoch, "state": self.member.state}

    def _describe_room(self, code: str) -> Value | None:
        life = self.hall.life_of(code)
        if life is None or life.is_closed:
            return None
        room = life.room
        names = {place.player for place in life.places.values() if place.player}
        return {
            "kind": life.kind,
            "labels": dict(room.labels),
            "max": room.max_peers,
            "taken": len(life.places),
            "state": "locked" if room.locked else "open",
            "private": room.private,
            "players": sorted(name for name in names if len(name) <= MOST_PLAYER_NAME)[:MOST_PLAYERS],
        }

    def _occupied(self) -> set[str]:
        return {code[:2] for code in (*self.hall.rooms, *self.saving.unsaved)}

    def _ask_others(self) -> list[Answer[bool]] | None:
        """Asks up to three other workers, those of other machines first, whether they renew their leases."""
        others = [worker for name, worker in self.workers.items() if name != self.name]
        if not others:
            return None
        here = _host(self.url)
        random.shuffle(others)
        others.sort(key=lambda worker: _host(worker.url) == here)
        addresses = [address for worker in others if (address := _address(worker))]
        if not addresses and self._needs_others:
            log_limited(logger, logging.WARNING, NOBODY_TO_ASK, self.name)
        return [self._ask_health(address) for address in addresses[:MOST_ASKED]]


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # others may write anything
        return ""


def _address(worker: Worker) -> str:
    """Returns where a worker answers `/health`: at a socket of this machine, if it has one; "" if nowhere."""
    return f"unix:{worker.socket}" if worker.socket and Path(worker.socket).is_socket() else worker.url


def _nothing(_: object = None) -> None:
    """Stands for a callback that was not given."""
