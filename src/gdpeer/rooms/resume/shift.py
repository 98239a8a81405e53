"""`Shift`: moves the numbers in the packets that a returned client sends to other clients.

A client that comes back begins again: the first node that it names gets the number 1, its first SYNC the counter 1. The
other clients know this client already. For them the number 1 is another node, and a SYNC whose counter has not risen is
old. So the server moves the numbers in what it passes on:

    from the returned client    the numbers of paths begin behind the highest of its former lives
                                (SIMPLIFY_PATH, calls by number, SPAWN, synchronizers by path)
                                the counter of SYNC goes on behind the last that the receiver got
    to the returned client      the numbers in CONFIRM_PATH are moved back

What the server itself receives stays as it is: the server knows that the client has returned.

Invariants:
- Two lives of one client never share a number.
- An answer to a former life never reaches the new one.
- A packet keeps its form: only numbers change, and the width of the number in a call.

Layer: `rooms`; pure.
"""

from __future__ import annotations

import struct

from gdpeer.errors import PacketError
from gdpeer.multiplayer.wire.godot4 import Command, ConfirmPath, parse
from gdpeer.multiplayer.wire.parts import PATH_FOLLOWS, U32
from gdpeer.multiplayer.wire.replication import is_delta

__all__ = ["MOST_PATHS", "Shift", "counter_of", "is_by_number", "move_back", "move_counter", "move_numbers"]

MOST_PATHS = 1 << 30
"""The highest number that a client may have used before a return. A client that counts from 1 never gets there."""

_CONFIRM_BY_NUMBER = 6  # bytes
_HALF = 0x8000  # a receiver takes a counter for newer if it has risen by this much at most
_COUNTER = struct.Struct("<H")
_ELEMENTS = {False: (3, 8), True: (1, 16)}  # of a SYNC and a delta: where they begin, and the bytes before the values


def move_numbers(data: bytes, base: int) -> bytes:
    """Returns a packet with its path numbers moved up by `base`.

    Raises:
        PacketError: the packet is too short for its numbers, or a moved number is too high.
    """
    command = data[0] & 7
    if command == Command.REMOTE_CALL:
        return _move_call(data, base)
    if command == Command.SIMPLIFY_PATH:
        return _move_at(data, 34, base)
    if command == Command.SPAWN:
        return _move_at(data, 2, base)
    if command == Command.SYNC:
        return _move_elements(data, base)
    return data


def is_by_number(data: bytes) -> bool:
    """Whether a packet is a call that names its node by a number."""
    is_wide = data[0] & 0x30 == 0x20
    return data[0] & 7 == Command.REMOTE_CALL and not (is_wide and len(data) > 4 and data[4] & 0x80)


def _moved(number: int, base: int) -> int:
    if number + base >= PATH_FOLLOWS:
        raise PacketError(f"the number of a path is too high: {number}", 1)
    return number + base


def _move_at(data: bytes, at: int, base: int) -> bytes:
    if len(data) < at + 4:
        raise PacketError("the packet is too short for its number", at)
    number = U32.unpack_from(data, at)[0]
    return data[:at] + U32.pack(_moved(number, base)) + data[at + 4 :]


def _move_call(data: bytes, base: int) -> bytes:
    size = data[0] >> 4 & 3
    width = 1 << size
    if size == 3 or len(data) <= width:
        raise PacketError("a call without the number of its node", 1)
    number = int.from_bytes(data[1 : 1 + width], "little")
    if size == 2 and number & PATH_FOLLOWS:  # the call names its node by the path
        return data
    number = _moved(number, base)
    size = max(size, 0 if number <= 0xFF else 1 if number <= 0xFFFF else 2)
    return b"%c%b%b" % (data[0] & ~0x30 | size << 4, number.to_bytes(1 << size, "little"), data[1 + width :])


def _move_elements(data: bytes, base: int) -> bytes:
    """Moves the numbers of synchronizers by path. What follows a damaged element stays: no receiver reads it."""
    at, head = _ELEMENTS[is_delta(data)]
    moved = bytearray(data)
    while len(data) - at > head:
        number, size = U32.unpack_from(data, at)[0], U32.unpack_from(data, at + head - 4)[0]
        if at + head + size > len(data):
            break
        if number & PATH_FOLLOWS:
            U32.pack_into(moved, at, PATH_FOLLOWS | _moved(number & ~PATH_FOLLOWS, base))
        at += head + size
    return bytes(moved)


def counter_of(data: bytes) -> int:
    """Returns the counter of a SYNC.

    Raises:
        PacketError: the packet is too short.
    """
    if len(data) < 3:
        raise PacketError("SYNC is shorter than 3 bytes")
    counter: int = _COUNTER.unpack_from(data, 1)[0]
    return counter


def move_counter(data: bytes, counter: int) -> bytes:
    """Returns a SYNC with another counter, of which only the lowest 16 bits count."""
    return data[:1] + _COUNTER.pack(counter & 0xFFFF) + data[3:]


def move_back(data: bytes, base: int) -> bytes | None:
    """Returns a CONFIRM_PATH by number with the number moved down by `base`; None if it is below."""
    number = U32.unpack_from(data, 2)[0] - base
    return data[:2] + U32.pack(number) if number > 0 else None


class _Counter:
    """The counter of the SYNC packets from one client to another.

    Attributes:
        raw: the last counter as it was sent; -1 at the begin of another life of the sender.
        moved: the same as the receiver has got it.
    """

    __slots__ = ("moved", "raw")

    def __init__(self, counter: int) -> None:
        self.raw = self.moved = counter

    def move(self, counter: int) -> int:
        """Returns the next counter for the receiver."""
        step = (counter - self.raw) & 0xFFFF
        # A sender whose counter falls has begun to count again: it was told that the receiver had gone and come.
        self.moved = (self.moved + (1 if self.raw < 0 or step > _HALF else step)) & 0xFFFF
        self.raw = counter
        return self.moved


class _Life:
    """The present life of one client, and what its former lives have used.

    Attributes:
        base: the highest number of the former lives; 0 in the first life.
        highest: the highest number so far, as the others know it.
        counters: the counter for each receiver.
    """

    __slots__ = ("base", "counters", "highest")

    def __init__(self) -> None:
        self.base = 0
        self.highest = 0
        self.counters: dict[int, _Counter] = {}

    def begin_again(self) -> None:
        """Makes the next SYNC to each receiver take the next counter."""
        for counter in self.counters.values():
            counter.raw = -1


class Shift:
    """The numbers of the clients of one room."""

    def __init__(self) -> None:
        self._lives: dict[int, _Life] = {}

    def _life(self, peer_id: int) -> _Life:
        life = self._lives.get(peer_id)
        if life is None:
            life = self._lives[peer_id] = _Life()
        return life

    def base(self, peer_id: int) -> int:
        """Returns the highest number of the former lives of a client; 0 in its first life."""
        life = self._lives.get(peer_id)
        return 0 if life is None else life.base

    def is_used_up(self, peer_id: int) -> bool:
        """Whether a client has used numbers so high that the others must forget them before its next life."""
        life = self._lives.get(peer_id)
        return life is not None and life.highest > MOST_PATHS

    # ------------------------------------------------------------------------------------------ coming and going

    def begin_life(self, peer_id: int) -> None:
        """Begins the next life of a client that has returned."""
        life = self._life(peer_id)
        life.base = life.highest = 0 if self.is_used_up(peer_id) else life.highest
        life.begin_again()

    def forget(self, peer_id: int) -> None:
        """Forgets a client that is gone for good."""
        self._lives.pop(peer_id, None)
        for life in self._lives.values():
            life.counters.pop(peer_id, None)

    def clear(self) -> None:
        """Forgets the numbers of all lives."""
        self._lives.clear()

    def count_again(self, sender: int, receiver: int) -> None:
        """Makes the next SYNC take the next counter: the sender counts from the start for this receiver."""
        counter = self._life(sender).counters.get(receiver)
        if counter is not None:
            counter.raw = -1

    # ------------------------------------------------------------------------------------------ packets

    def sent(self, sender: int, data: bytes) -> bytes:
        """Returns a client's packet with the path numbers by which the other clients know its nodes.

        Raises:
            PacketError: the packet is damaged.
        """
        base = self.base(sender)
        return move_numbers(data, base) if base else data

    def told(self, sender: int, number: int) -> None:
        """Notes the number of a path that a client tells others, as they get it."""
        life = self._life(sender)
        life.highest = max(life.highest, number)

    def counted(self, sender: int, receiver: int, data: bytes, counter: int) -> bytes:
        """Returns a SYNC with a counter that the receiver takes for a newer one.

        Args:
            sender: a client.
            receiver: another client.
            data: the packet.
            counter: its counter.
        """
        counters = self._life(sender).counters
        found = counters.get(receiver)
        if found is None:
            counters[receiver] = _Counter(counter)
            return data
        moved = found.move(counter)
        return data if moved == counter else move_counter(data, moved)

    def answer(self, receiver: int, data: bytes, knows: bool) -> bytes | None:
        """Returns a CONFIRM_PATH with the number by which the receiver knows its own node.

        Args:
            receiver: the client that had told the path.
            data: the packet.
            knows: whether that client has told the sender the number of the packet.

        Returns:
            The packet to pass on; None if it answers a former life.
        """
        base = self.base(receiver)
        if not base or len(data) != _CONFIRM_BY_NUMBER:
            return data
        answer = parse(data)
        if not knows and isinstance(answer, ConfirmPath) and answer.path is not None:
            return data  # Godot 4.2 and older answer by the path, which may look like a number
        return move_back(data, base)
