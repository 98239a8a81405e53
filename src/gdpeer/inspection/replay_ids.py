"""Ids of the multiplayer in a recording, made those of the session in which it is replayed.

A server deals ids anew each time, so what names one must name the new one: the target of a relayed packet in Godot 4,
source and target of every message in Godot 3. What a game sends as an argument of a call is not known to be an id.

Layer: `inspection`; pure. Source: reference godot4-wire C.2, godot3-wire 2.
"""

from __future__ import annotations

import struct

__all__ = ["Ids", "payload"]

_RELAY = b"\x07\x03"
_I32 = struct.Struct("<i")
_TWO = struct.Struct("<ii")


class Ids:
    """Which id stands for which."""

    def __init__(self) -> None:
        self._now: dict[int, int] = {}
        self._then: dict[int, int] = {}

    def learn(self, then: int, now: int) -> None:
        """Who was one is another."""
        self._now[then] = now
        self._then[now] = then

    def now(self, peer_id: int) -> int:
        """The id of now for a recorded one, or for "all but" it; one that nobody dealt stays as it is."""
        return -self._now.get(-peer_id, -peer_id) if peer_id < 0 else self._now.get(peer_id, peer_id)

    def then(self, peer_id: int | None) -> int | None:
        """The recorded id for one of now."""
        return None if peer_id is None else self._then.get(peer_id, peer_id)

    def translate(self, dialect: str, data: bytes) -> bytes:
        """What a client sent, as it is to be sent now."""
        if dialect == "godot4" and data[:2] == _RELAY and len(data) >= 6:
            return data[:2] + _I32.pack(self.now(_I32.unpack_from(data, 2)[0])) + data[6:]
        if dialect == "godot3" and len(data) >= 9:
            source, target = _TWO.unpack_from(data, 1)
            return data[:1] + _TWO.pack(self.now(source), self.now(target)) + data[9:]
        return data


def payload(dialect: str, data: bytes) -> bytes:
    """What is left of a message without the ids before it."""
    if dialect == "godot3":
        return data[9:]
    return data[6:] if dialect == "godot4" and data[:2] == _RELAY else data
