"""Replaces the peer ids of a recording by those of the session in which the recording is replayed.

A server gives out new ids each time. The ids to replace are the target of a relayed packet in Godot 4, and the source
and target of every message in Godot 3. An id that a game sends as an argument of a call cannot be told from a number.

Layer: `inspection`; pure. Source: reference godot4-wire C.2, godot3-wire 2.
"""

from __future__ import annotations

import struct

__all__ = ["Ids", "payload"]

_RELAY = b"\x07\x03"
_I32 = struct.Struct("<i")
_TWO = struct.Struct("<ii")


class Ids:
    """Pairs of a recorded peer id and the new one that stands for it. Ids without a partner stay as they are."""

    def __init__(self) -> None:
        self._now: dict[int, int] = {}
        self._then: dict[int, int] = {}

    def learn(self, then: int, now: int) -> None:
        """Notes that the client with the recorded id `then` has the id `now`."""
        self._now[then] = now
        self._then[now] = then

    def now(self, peer_id: int) -> int:
        """Returns the new id for a recorded one; a negative id means "all but this peer", and stays negative."""
        return -self._now.get(-peer_id, -peer_id) if peer_id < 0 else self._now.get(peer_id, peer_id)

    def then(self, peer_id: int | None) -> int | None:
        """Returns the recorded id for a new one; None for None."""
        return None if peer_id is None else self._then.get(peer_id, peer_id)

    def translate(self, dialect: str, data: bytes) -> bytes:
        """Returns a client's recorded message with the new ids in it."""
        # Godot 4: the relay command, then the target. Godot 3: one byte for the kind, then source and target.
        if dialect == "godot4" and data[:2] == _RELAY and len(data) >= 6:
            return data[:2] + _I32.pack(self.now(_I32.unpack_from(data, 2)[0])) + data[6:]
        if dialect == "godot3" and len(data) >= 9:
            source, target = _TWO.unpack_from(data, 1)
            return data[:1] + _TWO.pack(self.now(source), self.now(target)) + data[9:]
        return data


def payload(dialect: str, data: bytes) -> bytes:
    """Returns a message without the ids at its beginning."""
    if dialect == "godot3":
        return data[9:]
    return data[6:] if dialect == "godot4" and data[:2] == _RELAY else data
