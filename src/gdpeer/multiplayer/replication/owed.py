"""`OwedValues`: the values of clients for which a server found no room in another client's queue.

A client that sends its values to another client through the server does not hear that the other one is slow. So the
server keeps the newest values, and sends them when there is room again, as it does with its own values.

Layer: `multiplayer`; no I/O.
"""

from __future__ import annotations

from typing import TypeAlias

from gdpeer.multiplayer.replication.frames import packets_of
from gdpeer.multiplayer.wire.replication import Delta, Sync

__all__ = ["OwedValues"]

MOST_BYTES = 1_000_000
"""Most bytes that one client is owed: of values, and 64 for each synchronizer and each delta."""
EACH = 64

Key: TypeAlias = tuple[int, int]
"""The client that has sent the values, and its number for the synchronizer."""


class _Owed:
    """What one client is owed.

    Attributes:
        syncs: the newest values ALWAYS.
        counters: of the newest SYNC of each sender.
        deltas: the masks and values of deltas, without those that later ones replace.
        size: the bytes of all this.
    """

    __slots__ = ("counters", "deltas", "size", "syncs")

    def __init__(self) -> None:
        self.syncs: dict[Key, bytes] = {}
        self.counters: dict[int, int] = {}
        self.deltas: dict[Key, list[tuple[int, bytes]]] = {}
        self.size = 0

    def forget(self, source: int) -> None:
        """Forgets the values of one sender."""
        for kept in (self.syncs, self.deltas):
            for key in [key for key in kept if key[0] == source]:
                del kept[key]
        self.counters.pop(source, None)
        self.measure()

    def add_sync(self, source: int, packet: Sync) -> None:
        """Adds values of properties ALWAYS."""
        self.counters[source] = packet.counter
        for number, values in packet.elements:
            before = self.syncs.get((source, number))
            self.size += len(values) - len(before) if before is not None else len(values) + EACH
            self.syncs[source, number] = values

    def add_delta(self, source: int, packet: Delta) -> None:
        """Adds values of properties ON_CHANGE."""
        for number, mask, values in packet.elements:
            parts = self.deltas.setdefault((source, number), [])
            for part in [part for part in parts if not part[0] & ~mask]:
                parts.remove(part)
                self.size -= len(part[1]) + EACH
            parts.append((mask, values))
            self.size += len(values) + EACH

    def measure(self) -> None:
        """Counts the bytes again."""
        parts = [values for each in self.deltas.values() for _, values in each]
        self.size = sum(len(values) + EACH for values in (*self.syncs.values(), *parts))

    def packets(self, most_sync: int, most_delta: int) -> list[tuple[int, bytes]]:
        """Returns the packets with all this, each with its sender."""
        found = []
        for source, counter in self.counters.items():
            elements = [Sync(0, ((key[1], one),)).encode()[3:] for key, one in self.syncs.items() if key[0] == source]
            head = Sync(counter, ()).encode()
            found += [(source, packet) for packet in packets_of(head, elements, most_sync)]
        by_source: dict[int, list[bytes]] = {}
        for (source, number), parts in self.deltas.items():
            elements = [Delta(((number, mask, values),)).encode()[1:] for mask, values in parts]
            by_source.setdefault(source, []).extend(elements)
        for source, elements in by_source.items():
            found += [(source, packet) for packet in packets_of(Delta(()).encode(), elements, most_delta)]
        return found


class OwedValues:
    """What all clients are owed.

    Attributes:
        peers: by client.
    """

    def __init__(self) -> None:
        self.peers: dict[int, _Owed] = {}

    def add(self, peer_id: int, source: int, packet: Sync | Delta) -> bool:
        """Keeps values; returns False, and forgets what the sender has sent to this client, if that is too much."""
        owed = self.peers.setdefault(peer_id, _Owed())
        if isinstance(packet, Sync):
            owed.add_sync(source, packet)
        else:
            owed.add_delta(source, packet)
        if owed.size <= MOST_BYTES:
            return True
        owed.forget(source)
        return False

    def take(self, peer_id: int, most_sync: int, most_delta: int) -> list[tuple[int, bytes]]:
        """Returns the packets that a client is owed, each with its sender, and forgets them.

        Args:
            peer_id: the client.
            most_sync: most bytes of a SYNC, unless one synchronizer has more.
            most_delta: the same for a delta.
        """
        owed = self.peers.pop(peer_id, None)
        return [] if owed is None else owed.packets(most_sync, most_delta)

    def forget_peer(self, peer_id: int) -> None:
        """Forgets what a client is owed, and the values that it has sent."""
        self.peers.pop(peer_id, None)
        for owed in self.peers.values():
            owed.forget(peer_id)
