"""`Resume`: what happens in a room when a player's connection is lost and comes back.

The returned client knows nothing any more: no peer, no path number, no node that the server had spawned. So the server
treats the client as a new one that has its former id. To the other clients nothing has happened ("silent"), or the
player has gone and come in one moment ("announce").

With "silent" three parts bridge the gap between clients that remember and one that does not: the `Journal` tells the
returned client the path numbers of the others, the `Shift` moves its own numbers behind those of its former life, and
the `AwayQueue` has what was sent to it meanwhile.

A return is announced all the same if
- the player has Godot 3, whose clients talk to each other through the session (`sieve`),
- clients have spawned nodes at each other: the owner spawns them again only for a peer that comes,
- the journal has reached its limit of memory, or the path numbers have reached the highest number.

After an announced return the `Delay` keeps the player's new nodes back until the others have freed the former ones.

Layer: `rooms`; no I/O.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from gdpeer.multiplayer.wire import godot3
from gdpeer.multiplayer.wire.godot4 import Command, SimplifyPath, parse
from gdpeer.multiplayer.wire.replication import is_delta
from gdpeer.rooms.resume.delay import Delay, Groups
from gdpeer.rooms.resume.journal import Journal
from gdpeer.rooms.resume.queue import MOST_BYTES, AwayQueue
from gdpeer.rooms.resume.shift import Shift, counter_of, is_by_number

if TYPE_CHECKING:
    from gdpeer.multiplayer.godot4.resumption import HandOver

__all__ = ["Resume"]

_TOLD_PATH = bytes((godot3.Command.SIMPLIFY_PATH,))


class _Away:
    """A player who is away, or is back and has not got everything yet.

    Attributes:
        is_guest: the player had Godot 3.
        queue: what waits for the player.
        backlog: what the player who is back has to get: paths first, then packets. Empty while the player is away.
    """

    __slots__ = ("backlog", "is_guest", "queue")

    def __init__(self, is_guest: bool, queue: AwayQueue) -> None:
        self.is_guest = is_guest
        self.queue = queue
        self.backlog: deque[tuple[int, SimplifyPath | bytes]] = deque()


class Resume:
    """Remembers what the clients of one room have agreed on; see `Resumption`.

    Args:
        is_silent: False announces each return to the other clients.
        queues: False drops what other clients send a player who is away.

    Attributes:
        journal, shift: the path numbers of the clients.
        delay: what returned players have sent, and others must not get yet.
    """

    def __init__(self, *, is_silent: bool = True, queues: bool = True) -> None:
        self._is_silent = is_silent
        self._room = MOST_BYTES if is_silent and queues else 0
        self._away: dict[int, _Away] = {}
        # Ids as keys of a dictionary: empty, it takes a third of the memory of a set, for each room.
        self._behind: dict[int, None] = {}
        self._missed: dict[int, None] = {}
        self._spawners: dict[int, None] = {}  # those who have spawned nodes at others
        # After an announced return: those of whom nothing has come yet that they have sent after it.
        self._stale: dict[int, set[int]] = {}
        self.journal = Journal()
        self.shift = Shift()
        self.delay = Delay()

    # ------------------------------------------------------------------------------------------ coming and going

    @property
    def behind(self) -> Collection[int]:
        """The players who are back and have not got everything yet."""
        return self._behind

    def is_away(self, peer_id: int) -> bool:
        """Whether a player is away, or is back and has not got everything yet."""
        return peer_id in self._away

    def lost(self, peer_id: int, is_guest: bool) -> None:
        """Takes note that a player is away; see `Resumption`."""
        before = self._away.get(peer_id)
        away = self._away[peer_id] = _Away(is_guest, AwayQueue(0 if is_guest else self._room))
        self._behind.pop(peer_id, None)
        self._missed.pop(peer_id, None)
        self.delay.forget_receiver(peer_id)
        if before is not None:  # lost again, before the player had everything
            for source, item in (*before.backlog, *before.queue.take()):
                if isinstance(item, bytes):
                    away.queue.add(source, item)

    def comes_back(self, peer_id: int, is_guest: bool, others: Collection[int], now: float) -> bool:
        """Begins the next life of a player; returns whether the others are told nothing. See `Resumption`."""
        away = self._away.pop(peer_id)
        is_silent = self._is_silent and not is_guest and not away.is_guest and self._can_be_silent(peer_id)
        self.shift.begin_life(peer_id)
        if is_silent:
            self.journal.begin_again(peer_id, self._away)
            self._set_back(peer_id, away)
        else:
            self.journal.forget(peer_id)
            self._stale[peer_id] = set(others)
            away.queue.drop()
            if peer_id in self._spawners:
                self.delay.begin(peer_id, others, now)
        if away.queue.has_missed:
            self._missed[peer_id] = None
        return is_silent

    def _can_be_silent(self, peer_id: int) -> bool:
        return self.journal.is_complete() and not self.shift.is_used_up(peer_id) and not self._spawners

    def _set_back(self, peer_id: int, away: _Away) -> None:
        """Collects what a returned player has to get. Until the player has it, further packets go behind it."""
        told = self.journal.told_to(peer_id)
        away.backlog.extend((*told, *away.queue.take()))
        for teller in {teller for teller, _ in told}:  # packets in the queue may be of a teller's former life
            self.journal.drop(teller, peer_id, self.shift.base(teller))
        self._away[peer_id] = away
        self._behind[peer_id] = None

    def catch_up(self, peer_id: int, hand_over: HandOver) -> None:
        """Hands over what a returned player has to get; see `Resumption`."""
        if peer_id not in self._behind:  # the return was announced
            return
        away = self._away[peer_id]
        while away.backlog:
            if not hand_over(*away.backlog[0]):
                return
            away.backlog.popleft()
            if not away.backlog:
                away.backlog.extend(away.queue.take())  # what has come since the return
        del self._away[peer_id]
        self._behind.pop(peer_id, None)

    def is_unfinished(self) -> bool:
        """Whether a return has something left to hand over; see `Resumption`."""
        return bool(self._behind or self.delay.lines)

    def hand_over_delayed(self, now: float, give: Callable[[int, int, bytes], bool]) -> None:
        """Hands over what returned players have sent, once the others can take it; see `Resumption`."""
        self.delay.hand_over(now, give)

    def has_missed(self, peer_id: int) -> bool:
        """Whether packets of other clients were dropped while a player was away, the last time."""
        return peer_id in self._missed

    def gone(self, peer_id: int) -> None:
        """Forgets a player who is gone for good."""
        self._away.pop(peer_id, None)
        self._behind.pop(peer_id, None)
        self._missed.pop(peer_id, None)
        self._spawners.pop(peer_id, None)
        self._stale.pop(peer_id, None)
        for tellers in self._stale.values():
            tellers.discard(peer_id)
        self.journal.forget(peer_id)
        self.shift.forget(peer_id)
        self.delay.forget(peer_id)

    def clear(self) -> None:
        """Forgets what all players agreed on."""
        self._away.clear()
        self._behind.clear()
        self._missed.clear()
        self._spawners.clear()
        self._stale.clear()
        self.journal.clear()
        self.shift.clear()
        self.delay.clear()

    @property
    def queued_bytes(self) -> int:
        """How many bytes wait for players who are away."""
        return sum(away.queue.size for away in self._away.values())

    def lost_node(self, peer_id: int, path: str) -> None:
        """Forgets the path numbers of a node that a player no longer has."""
        self.journal.lost(peer_id, path)

    # ------------------------------------------------------------------------------------------ packets

    def relay(self, sender: int, here: Sequence[int], away: Sequence[int], data: bytes) -> Groups:
        """Returns what the other clients get of a packet, and keeps what those need who are away or behind.

        Args, Returns, Raises: see `Resumption`.
        """
        groups = self._sent(sender, here, away, data)
        return self.delay.sort(sender, groups) if self.delay.lines else groups

    def _sent(self, sender: int, here: Sequence[int], away: Sequence[int], data: bytes) -> Groups:
        """Does the work of `relay`, but for packets that have to wait."""
        data = self.shift.sent(sender, data)
        command = data[0] & 7
        if command == Command.CONFIRM_PATH:
            return self._answers(sender, here, data)
        if self._away:
            waiting = [one for one in here if one in self._away]  # behind, or with an end that is not settled yet
            if waiting:
                here, away = [one for one in here if one not in waiting], (*away, *waiting)
        if self._stale and (command == Command.SYNC or is_by_number(data)):
            # These numbers are of before the announced return, and the returned client would complain of them.
            here = [one for one in here if sender not in self._stale.get(one, ())]
        if command == Command.SIMPLIFY_PATH:
            self._note(sender, (*here, *away), data)
        elif command == Command.SYNC and not is_delta(data):
            return self._counted(sender, here, data)
        else:
            if command == Command.SPAWN:
                self._spawners[sender] = None
            for one in away:
                self._away[one].queue.add(sender, data)
        return ((here, data),) if here else ()

    def sieve(self, sender: int, receivers: list[int], data: bytes) -> list[int]:
        """Returns the receivers of a packet between clients of Godot 3 that know the numbers in it.

        After a return, calls of other clients may still be on their way, with numbers of the player's former life.
        """
        if not (self._stale or self._away):
            return receivers
        if godot3.is_by_number(data):
            return [one for one in receivers if one not in self._away and sender not in self._stale.get(one, ())]
        if data[:1] == _TOLD_PATH:
            for one in receivers:
                self._heard(sender, one)
        return receivers

    def _note(self, teller: int, receivers: Iterable[int], data: bytes) -> None:
        packet = parse(data)
        assert isinstance(packet, SimplifyPath)
        self.shift.told(teller, packet.cache_id)
        for one in receivers:
            if self._is_silent:
                self.journal.note(teller, one, packet)
            if one in self._behind:
                self._away[one].backlog.append((teller, packet))
            if self._stale:
                self._heard(teller, one)

    def _heard(self, teller: int, receiver: int) -> None:
        """Takes note that a client has told another a path: it knows of the return."""
        tellers = self._stale.get(receiver)
        if tellers is not None and teller in tellers:
            tellers.discard(teller)
            self.shift.count_again(teller, receiver)
            if not tellers:
                del self._stale[receiver]

    def _counted(self, sender: int, peer_ids: Sequence[int], data: bytes) -> Groups:
        counter = counter_of(data)
        groups: dict[bytes, list[int]] = {}
        for one in peer_ids:
            groups.setdefault(self.shift.counted(sender, one, data, counter), []).append(one)
        return [(found, moved) for moved, found in groups.items()]

    def _answers(self, sender: int, peer_ids: Sequence[int], data: bytes) -> Groups:
        groups: dict[bytes, list[int]] = {}
        for one in peer_ids:
            answer = self._answer(sender, one, data)
            if answer is not None:
                self.delay.confirmed(sender, one)
                groups.setdefault(answer, []).append(one)
        return [(found, answer) for answer, found in groups.items()]

    def _answer(self, sender: int, receiver: int, data: bytes) -> bytes | None:
        number = int.from_bytes(data[2:6], "little")
        return self.shift.answer(receiver, data, self.journal.knows(receiver, sender, number))

    def own_number(self, peer_id: int, number: int) -> int:
        """Returns the number that a player itself uses for what the others know by `number`."""
        return number - self.shift.base(peer_id)
