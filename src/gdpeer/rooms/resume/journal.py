"""`Journal`: which path numbers clients have told each other, so that a returned client can be told them again.

A client that comes back has forgotten all numbers, and the other clients do not know that: they go on using the numbers
that they have told it. The journal keeps each SIMPLIFY_PATH that the server has passed on. When the client is back, the
server gives it these packets again, in the name of the clients that had sent them.

Invariants:
- The memory for what one client tells is limited. Beyond the limit nothing of this client is kept (`is_complete`):
  half a journal would lose calls without a sign.
- The first meaning of a number counts. A receiver refuses a second one.

Layer: `rooms`; pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from gdpeer.multiplayer.rpc.path_budget import MAX_PATH_MEMORY
from gdpeer.multiplayer.wire.godot4 import SimplifyPath

__all__ = ["Journal"]

_TOLD = 100
"""Bytes that a number takes for each client that was told it."""
_PACKET = 300
"""Bytes that a packet takes beside its path."""


class _Teller:
    """What one client has told.

    Attributes:
        told: for each receiver the packets, by number, in the order in which they were sent.
        packets: each packet once, as a client tells many others the same, and how many were told it.
        used: bytes of memory, roughly.
        is_full: the limit was reached, so nothing is kept.
    """

    __slots__ = ("is_full", "packets", "told", "used")

    def __init__(self) -> None:
        self.told: dict[int, dict[int, SimplifyPath]] = {}
        self.packets: dict[SimplifyPath, tuple[SimplifyPath, int]] = {}
        self.used = 0
        self.is_full = False

    def tell(self, receiver: int, packet: SimplifyPath, most: int) -> None:
        """Keeps a packet; beyond `most` bytes drops everything, for good."""
        same, count = self.packets.get(packet, (packet, 0))
        cost = _TOLD if count else _TOLD + _size(packet)
        if self.used + cost > most:
            self.told, self.packets = {}, {}
            self.used, self.is_full = 0, True
            return
        self.used += cost
        self.packets[same] = same, count + 1
        self.told.setdefault(receiver, {})[packet.cache_id] = same

    def untell(self, receiver: int, numbers: Iterable[int]) -> None:
        """Forgets some numbers that a client was told."""
        told = self.told[receiver]
        for number in numbers:
            packet, count = self.packets.pop(told.pop(number))
            self.used -= _TOLD
            if count > 1:
                self.packets[packet] = packet, count - 1
            else:
                self.used -= _size(packet)
        if not told:
            del self.told[receiver]


class Journal:
    """The path numbers that the clients of one room have told each other.

    Args:
        most: the most bytes that what one client tells may take.
    """

    def __init__(self, most: int = MAX_PATH_MEMORY) -> None:
        self._most = most
        self._tellers: dict[int, _Teller] = {}

    def note(self, teller: int, receiver: int, packet: SimplifyPath) -> None:
        """Keeps a packet that one client sends to another."""
        kept = self._tellers.get(teller)
        if kept is None:
            kept = self._tellers[teller] = _Teller()
        if not kept.is_full and packet.cache_id not in kept.told.get(receiver, ()):
            kept.tell(receiver, packet, self._most)

    def is_complete(self) -> bool:
        """Whether everything that clients told each other was kept."""
        return not any(kept.is_full for kept in self._tellers.values())

    def knows(self, teller: int, receiver: int, number: int) -> bool:
        """Whether one client has told another a number."""
        kept = self._tellers.get(teller)
        return kept is not None and number in kept.told.get(receiver, ())

    def told_to(self, receiver: int) -> list[tuple[int, SimplifyPath]]:
        """Returns what a client was told, each with the client that has told it; in order for each of these."""
        return [
            (teller, packet)
            for teller, kept in self._tellers.items()
            for packet in kept.told.get(receiver, {}).values()
        ]

    def lost(self, teller: int, path: str) -> None:
        """Forgets the paths of a node that a client no longer has, and of the nodes below it."""
        kept = self._tellers.get(teller)
        if kept is not None:
            for receiver, told in list(kept.told.items()):
                kept.untell(receiver, [number for number, packet in told.items() if _is_at(packet.path, path)])

    def drop(self, teller: int, receiver: int, last: int) -> None:
        """Forgets the numbers up to `last` that one client has told another: no call uses them any more."""
        kept = self._tellers.get(teller)
        if kept is not None and receiver in kept.told:
            kept.untell(receiver, [number for number in kept.told[receiver] if number <= last])

    def begin_again(self, teller: int, still_away: Collection[int]) -> None:
        """Forgets what a client had told before it came back, except for clients that are away: calls with these
        numbers may wait for them.
        """
        kept = self._tellers.get(teller)
        if kept is not None:
            for receiver in [one for one in kept.told if one not in still_away]:
                kept.untell(receiver, list(kept.told[receiver]))

    def forget(self, peer_id: int) -> None:
        """Forgets what a client has told, and what it was told."""
        self._tellers.pop(peer_id, None)
        for kept in self._tellers.values():
            if peer_id in kept.told:
                kept.untell(peer_id, list(kept.told[peer_id]))

    def clear(self) -> None:
        """Forgets what all clients told each other."""
        self._tellers.clear()

    @property
    def used(self) -> int:
        """How many bytes of memory the journal takes, roughly."""
        return sum(kept.used for kept in self._tellers.values())


def _size(packet: SimplifyPath) -> int:
    return _PACKET + 4 * len(packet.path)


def _is_at(path: str, above: str) -> bool:
    return path == above or path.startswith(f"{above}/")
