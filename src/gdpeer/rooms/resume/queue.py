"""`AwayQueue`: what other clients send a player while the player is away.

Calls, packets of `send_bytes` and changes of properties (deltas) are kept, in order. If they do not all fit, none is
delivered: a game can handle a player who has missed everything, but not a player who has missed some of it.

Layer: `rooms`; pure.
"""

from __future__ import annotations

from gdpeer.multiplayer.wire.godot4 import Command
from gdpeer.multiplayer.wire.replication import is_delta

__all__ = ["MOST_BYTES", "MOST_PACKETS", "AwayQueue", "is_kept"]

MOST_BYTES = 65_536
MOST_PACKETS = 1024
"""The most that waits for one player."""


def is_kept(data: bytes) -> bool:
    """Whether a relayed packet is worth keeping. The next SYNC replaces a SYNC; the journal keeps the paths."""
    command = data[0] & 7
    return command in (Command.REMOTE_CALL, Command.RAW) or (command == Command.SYNC and is_delta(data))


class AwayQueue:
    """The packets that wait for one player.

    Attributes:
        has_missed: the packets did not fit, so all of them were dropped.
    """

    __slots__ = ("_bytes", "_most_bytes", "_most_packets", "_packets", "has_missed")

    def __init__(self, most_bytes: int = MOST_BYTES, most_packets: int = MOST_PACKETS) -> None:
        self._most_bytes = most_bytes
        self._most_packets = most_packets
        self._packets: list[tuple[int, bytes]] = []
        self._bytes = 0
        self.has_missed = False

    def add(self, source: int, data: bytes) -> None:
        """Keeps a packet that the client `source` has sent; drops all packets if this one does not fit."""
        if self.has_missed or not is_kept(data):
            return
        if len(self._packets) >= self._most_packets or self._bytes + len(data) > self._most_bytes:
            self.drop()
            self.has_missed = True
            return
        self._packets.append((source, data))
        self._bytes += len(data)

    def drop(self) -> None:
        """Drops all packets that wait."""
        self.has_missed = self.has_missed or bool(self._packets)
        self._packets, self._bytes = [], 0

    def take(self) -> list[tuple[int, bytes]]:
        """Returns the packets, each with the client that has sent it, and forgets them."""
        packets, self._packets, self._bytes = self._packets, [], 0
        return packets

    @property
    def size(self) -> int:
        """How many bytes of packets wait."""
        return self._bytes
