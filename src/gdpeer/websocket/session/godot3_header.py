"""Godot 3's multiplayer mode as bytes: the header in front of every message, and who gets what a client sends.

    byte 0      1               5               9
         kind   source (i32)    target (i32)    payload
    kind: 0 data; 1 a peer came, 2 a peer went, 3 your id: then source is 1, target 0, the payload a peer's id (i32)

Everything here is pure. A message that breaks a rule is a `PacketError`.

Layer: `websocket`. Source: reference godot3-wire section 2.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

from gdpeer.errors import PacketError

__all__ = ["HEADER_SIZE", "Header", "Kind", "pack_data", "pack_system", "receivers", "unpack", "unpack_from_client"]

HEADER_SIZE = 9

SERVER = 1
_HEADER = struct.Struct("<Bii")
_SYSTEM = struct.Struct("<Biii")


class Kind(IntEnum):
    """What a message is."""

    DATA = 0
    ADD = 1
    DEL = 2
    ID = 3


class Header(NamedTuple):
    """What stands in front of the payload; for all kinds but DATA `peer_id` is what the payload holds, else 0."""

    kind: Kind
    source: int
    target: int
    peer_id: int = 0


def pack_data(source: int, target: int, payload: bytes) -> bytes:
    """A message with something for the game."""
    return _HEADER.pack(Kind.DATA, source, target) + payload


def pack_system(kind: Kind, peer_id: int) -> bytes:
    """A message of the server's own."""
    return _SYSTEM.pack(kind, SERVER, 0, peer_id)


def unpack(message: bytes) -> Header:
    """Read the header; the payload is `message[HEADER_SIZE:]`.

    Raises:
        PacketError: it is too short or of no known kind.
    """
    if len(message) < HEADER_SIZE:
        raise PacketError(f"{len(message)} bytes are no header of Godot 3's", len(message))
    number, source, target = _HEADER.unpack_from(message)
    if number == Kind.DATA:
        return Header(Kind.DATA, source, target)
    if number > Kind.ID:
        raise PacketError(f"there is no message of kind {number}")
    if len(message) < _SYSTEM.size:
        raise PacketError(f"{Kind(number).name} names no peer", len(message))
    return Header(Kind(number), source, target, _SYSTEM.unpack_from(message)[3])


def unpack_from_client(message: bytes, peer_id: int) -> Header:
    """Read the header of what client `peer_id` sent to its server.

    Raises:
        PacketError: as `unpack`; or it is not DATA, or claims to be from somebody else.
    """
    header = unpack(message)
    if header.kind is not Kind.DATA:
        raise PacketError(f"a client sent {header.kind.name}", kind="not allowed")
    if header.source != peer_id:
        raise PacketError(f"a client claims to be {header.source}", 1, kind="forged source")
    return header


def receivers(source: int, target: int, peer_ids: Iterable[int]) -> list[int]:
    """The clients that get a message, of all that there are.

    The server itself gets what is for it (1), and everything that is for more than one: as in the engine also what
    is for all but the server.
    """
    if target > 0:
        return [peer_id for peer_id in peer_ids if peer_id == target != source]
    return [peer_id for peer_id in peer_ids if peer_id not in (source, -target)]
