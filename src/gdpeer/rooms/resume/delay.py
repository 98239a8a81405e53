"""`Delay`: keeps back what a returned player sends other clients that may still have the nodes of its former life.

With an announced return the other client hears at once that the player has gone and come. An engine frees the nodes
that the player had spawned at the end of its frame, and until then it refuses a new node of the same name, for good.
So the player's packets wait from the first SPAWN on, in order, until the other client has confirmed a path that the
player has told it after the return. An engine confirms in the frame in which it hears of the return or in a later
frame, and reads in a later frame what is sent after that.

Layer: `rooms`; pure.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from gdpeer.multiplayer.wire.godot4 import Command
from gdpeer.rooms.resume.queue import MOST_BYTES, MOST_PACKETS

__all__ = ["MOST_SECONDS", "Delay", "Groups"]

MOST_SECONDS = 3.0
"""The longest time after a return for which packets wait. A client without the spawner never confirms its path."""

Groups: TypeAlias = Iterable[tuple[Sequence[int], bytes]]


class _Line:
    """The packets of one returned player for one other client.

    Attributes:
        until: when the packets go on.
        packets: what waits; empty until the first SPAWN.
        size: how many bytes wait.
    """

    __slots__ = ("packets", "size", "until")

    def __init__(self, until: float) -> None:
        self.until = until
        self.packets: deque[bytes] = deque()
        self.size = 0

    def takes(self, data: bytes) -> bool:
        """Whether a packet has to wait."""
        return bool(self.packets) or data[0] & 7 == Command.SPAWN

    def has_room(self, data: bytes) -> bool:
        """Whether one more packet fits."""
        return len(self.packets) < MOST_PACKETS and self.size + len(data) <= MOST_BYTES

    def add(self, data: bytes) -> None:
        """Adds a packet behind those that wait."""
        self.packets.append(data)
        self.size += len(data)

    def drop_first(self) -> None:
        """Drops the packet that has waited longest."""
        self.size -= len(self.packets.popleft())


class Delay:
    """The packets of returned players that wait for one room's other clients.

    Attributes:
        lines: what waits, or may have to, by the player and the other client. While this is empty, nothing has to be
            called.
    """

    __slots__ = ("lines",)

    def __init__(self) -> None:
        self.lines: dict[tuple[int, int], _Line] = {}

    def begin(self, source: int, receivers: Iterable[int], now: float) -> None:
        """Takes note that the return of a player is announced to other clients. What waited is of a former life."""
        for one in receivers:
            self.lines[source, one] = _Line(now + MOST_SECONDS)

    def sort(self, source: int, groups: Groups) -> Iterator[tuple[Sequence[int], bytes]]:
        """Keeps the packets of a player that have to wait.

        Args:
            source: the player.
            groups: the packet for each group of clients.

        Returns:
            What to pass on now. If a packet does not fit, all that has waited for its receiver is passed on with it.
        """
        for receivers, data in groups:
            at_once = []
            for one in receivers:
                line = self.lines.get((source, one))
                if line is None or not line.takes(data):
                    at_once.append(one)
                elif line.has_room(data):
                    line.add(data)
                else:
                    del self.lines[source, one]
                    yield from (((one,), kept) for kept in (*line.packets, data))
            if at_once:
                yield at_once, data

    def confirmed(self, receiver: int, source: int) -> None:
        """Takes note that a client has confirmed a path of a player's present life."""
        line = self.lines.get((source, receiver))
        if line is not None:
            line.until = -math.inf

    def hand_over(self, now: float, give: Callable[[int, int, bytes], bool]) -> None:
        """Hands over the packets that need not wait any longer, in order.

        Args:
            now: the time.
            give: called with the receiver, the player and a packet; returns whether there was room.
        """
        for (source, one), line in list(self.lines.items()):
            if line.until > now:
                continue
            while line.packets and give(one, source, line.packets[0]):
                line.drop_first()
            if not line.packets:
                self.lines.pop((source, one), None)

    def forget_receiver(self, peer_id: int) -> None:
        """Drops what waits for a client."""
        for pair in [pair for pair in self.lines if pair[1] == peer_id]:
            del self.lines[pair]

    def forget(self, peer_id: int) -> None:
        """Drops what waits for a client, and what a player has sent."""
        for pair in [pair for pair in self.lines if peer_id in pair]:
            del self.lines[pair]

    def clear(self) -> None:
        """Drops all packets that still wait."""
        self.lines.clear()
