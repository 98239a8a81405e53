"""Replaces the peer ids of a recording by those of the session in which the recording is replayed.

A server gives out new ids each time. The ids to replace are the target of a relayed packet in Godot 4, the source and
target of every message in Godot 3, and the names of nodes that are named after a peer. An id that a game sends as an
argument of a call cannot be told from a number.

Layer: `inspection`; pure. Source: reference godot4-wire C.2, godot3-wire 2.
"""

from __future__ import annotations

import re
import struct
from typing import Any

from gdpeer.errors import PacketError
from gdpeer.multiplayer.wire.godot4 import Command, SimplifyPath, is_call, parse, parse_call

__all__ = ["Ids", "payload"]

_ID = re.compile(r"(?<![^/])[0-9]{1,10}(?![^/])|(?<![0-9])[0-9]{6,10}(?![0-9])")
"""Finds the numbers in a path or text that may be an id: whole names, and long numbers within other text."""
_RELAY = b"\x07\x03"
_SIMPLIFY_PATH = bytes([Command.SIMPLIFY_PATH])
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

    def path_now(self, path: str) -> str:
        """Returns a recorded path with the new ids: a node may be named after a peer."""
        return _with_ids(path, self._now)

    def path_then(self, path: str) -> str:
        """Returns a new path with the recorded ids."""
        return _with_ids(path, self._then)

    def value_then(self, value: Any) -> Any:
        """Returns a new value with the recorded ids, also in arrays, dictionaries and texts."""
        if type(value) is int:
            return self._then.get(value, value)
        if type(value) is str:
            return self.path_then(value)
        if type(value) is list:
            return [self.value_then(one) for one in value]
        if type(value) is dict:
            return {self.value_then(key): self.value_then(one) for key, one in value.items()}
        return value

    def translate(self, dialect: str, data: bytes) -> bytes:
        """Returns a client's recorded message with the new ids in it."""
        # Godot 4: the relay command, then the target. Godot 3: one byte for the kind, then source and target.
        if dialect == "godot4" and data[:2] == _RELAY and len(data) >= 6:
            return data[:2] + _I32.pack(self.now(_I32.unpack_from(data, 2)[0])) + self._with_path(data[6:])
        if dialect == "godot4":
            return self._with_path(data)
        if dialect == "godot3" and len(data) >= 9:
            source, target = _TWO.unpack_from(data, 1)
            return data[:1] + _TWO.pack(self.now(source), self.now(target)) + data[9:]
        return data

    def _with_path(self, data: bytes) -> bytes:
        """Returns a packet with the new ids in the path that it names."""
        try:
            if data[:1] == _SIMPLIFY_PATH:
                told = parse(data)
                assert isinstance(told, SimplifyPath)
                return told._replace(path=self.path_now(told.path)).encode()
            if is_call(data):
                path = parse_call(data, False).path
                if path is not None:  # it ends the packet, and nothing in the packet has its length
                    return data[: data.rindex(path.encode())] + self.path_now(path).encode() + b"\0"
        except PacketError:  # a recording may hold anything
            pass
        return data


def _with_ids(path: str, ids: dict[int, int]) -> str:
    """Returns a path or text with other ids in place of the known ones in it."""

    def replaced(number: re.Match[str]) -> str:
        known = int(number[0])
        return str(ids[known]) if known in ids else number[0]

    return _ID.sub(replaced, path) if ids else path


def payload(dialect: str, data: bytes) -> bytes:
    """Returns a message without the ids at its beginning."""
    if dialect == "godot3":
        return data[9:]
    return data[6:] if dialect == "godot4" and data[:2] == _RELAY else data
