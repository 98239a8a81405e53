"""`WaitingSpawns`: the nodes that one peer has spawned before their spawner, or the spawner's node, was here.

A peer spawns as soon as this side is connected, perhaps while this side still builds its tree. The peer sends the SPAWN
once, and later only what has changed. So the newest values wait with the SPAWN.

Layer: `multiplayer`; no I/O.
"""

from __future__ import annotations

from gdpeer.multiplayer.wire.replication import Delta, Spawn, Sync

__all__ = ["WaitingSpawn", "WaitingSpawns"]

MOST = 1000
"""Most nodes of one peer that wait."""
MOST_BYTES = 1_000_000
"""Most bytes of one peer that wait: of names, of values, and 64 for each packet."""
EACH = 64


class WaitingSpawn:
    """A node that waits.

    Attributes:
        packet: its SPAWN.
        until: the latest time.
        syncs: by synchronizer, the newest values ALWAYS with their counter.
        deltas: the deltas since the SPAWN: the synchronizer, the mask and the values.
        size: the bytes of all this.
    """

    __slots__ = ("deltas", "packet", "size", "syncs", "until")

    def __init__(self, packet: Spawn, until: float) -> None:
        self.packet = packet
        self.until = until
        self.syncs: dict[int, tuple[int, bytes]] = {}
        self.deltas: list[tuple[int, int, bytes]] = []
        self.size = EACH + 4 * len(packet.sync_ids) + len(packet.name) + len(packet.argument or b"") + len(packet.state)

    def packets(self) -> list[Sync | Delta]:
        """Returns the packets that belong behind the SPAWN."""
        found: list[Sync | Delta] = [Delta(tuple(self.deltas))] if self.deltas else []
        return [*found, *(Sync(counter, ((number, data),)) for number, (counter, data) in self.syncs.items())]


class WaitingSpawns:
    """What waits of one peer.

    Attributes:
        nodes: the nodes, by their numbers, in the order of the SPAWNs.
        synchronizers: the nodes by the numbers of their synchronizers.
    """

    __slots__ = ("_size", "nodes", "synchronizers")

    def __init__(self) -> None:
        self.nodes: dict[int, WaitingSpawn] = {}
        self.synchronizers: dict[int, WaitingSpawn] = {}
        self._size = 0

    def keep(self, packet: Spawn, until: float) -> bool:
        """Keeps a SPAWN; returns False if there is no room."""
        self.drop(packet.net_id)
        one = WaitingSpawn(packet, until)
        if len(self.nodes) >= MOST or self._size + one.size > MOST_BYTES:
            return False
        self._size += one.size
        self.nodes[packet.net_id] = one
        for number in packet.sync_ids:
            self.synchronizers[number] = one
        return True

    def keep_values(self, number: int, counter: int, mask: int | None, data: bytes) -> bool:
        """Keeps values of a synchronizer; returns False, and drops its node, if there is no room.

        Args:
            number: of the synchronizer.
            counter: of the SYNC.
            mask: of the delta; None: a SYNC.
            data: the values.
        """
        one = self.synchronizers[number]
        before = one.syncs.get(number) if mask is None else None
        more = len(data) - len(before[1]) if before is not None else EACH + len(data)
        if self._size + more > MOST_BYTES:
            self.drop(one.packet.net_id)
            return False
        self._size += more
        one.size += more
        if mask is None:
            one.syncs[number] = counter, data
        else:
            one.deltas.append((number, mask, data))
        return True

    def drop(self, net_id: int) -> bool:
        """Forgets a node; returns whether it has waited."""
        one = self.nodes.pop(net_id, None)
        if one is None:
            return False
        self._size -= one.size
        for number in one.packet.sync_ids:
            if self.synchronizers.get(number) is one:
                del self.synchronizers[number]
        return True
