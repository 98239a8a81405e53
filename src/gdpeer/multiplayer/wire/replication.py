"""Converts Godot 4's packets of MultiplayerSpawner and MultiplayerSynchronizer to bytes and back.

    SPAWN    04, u8 scene, u32 spawner, u32 net id, u32 S, u32 L, S x u32 synchronizer, L bytes name,
             only if the scene is 255: u32 size and the argument of spawn(), then the values of all synchronizers
    DESPAWN  05, u32 net id
    SYNC     06, u16 counter, then for each synchronizer: u32 id, u32 size, values
    delta    16, then for each synchronizer: u32 id, u64 mask, u32 size, values

All numbers are little-endian. The values are Variants in the compact format, in a row and without a count: only the
receiver's configuration of the synchronizer tells how many there are. So this module leaves values as bytes;
`decode_values` decodes them.

A synchronizer's id is a net id, which a SPAWN assigns, or 0x80000000 and the number of a path (SIMPLIFY_PATH).

Layer: `multiplayer.wire`; pure. Source: reference godot4-replication sections 1 to 5.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

from gdpeer.errors import PacketError, VariantError
from gdpeer.multiplayer.wire.parts import PATH_FOLLOWS, U32, text_at
from gdpeer.quoting import MOST
from gdpeer.variant.binary.compact import decode_values as decode_variants
from gdpeer.variant.binary.compact import encode_arguments

__all__ = [
    "SCENE_CUSTOM",
    "Delta",
    "Despawn",
    "Spawn",
    "Sync",
    "decode_values",
    "encode_values",
    "is_delta",
    "parse_despawn",
    "parse_spawn",
    "parse_sync",
    "path_based",
    "spawn_head",
]

SCENE_CUSTOM = 255
"""In place of a scene's number: `spawn()` made the node, with the packet's argument."""

_SPAWN = struct.Struct("<BBIIII")
_DESPAWN = struct.Struct("<BI")
_SYNC = struct.Struct("<BH")
_ELEMENT = struct.Struct("<II")
_DELTA_ELEMENT = struct.Struct("<IQI")

_DELTA = 0x10  # this bit of the first byte makes a SYNC a delta
_SHORTEST_SYNC = 11
_TOO_SHORT = "the packet is shorter than 11 bytes"
_BEYOND = "an element ends beyond the packet"
_RESERVED = frozenset('.:@/"%')


class Spawn(NamedTuple):
    """SPAWN: makes a node on the receiver.

    Attributes:
        scene: the index in the spawner's list of scenes, 0 to 254. `SCENE_CUSTOM`: made by `spawn()`.
        spawner_id: the sender's number for the spawner's path.
        net_id: the sender's number for the node.
        sync_ids: the numbers of the node's synchronizers that belong to the sender.
        name: the node's name; empty keeps the scene's own name.
        argument: for `SCENE_CUSTOM` the argument of `spawn()`, encoded; else None.
        state: the values of all these synchronizers, in the order of `sync_ids`.
    """

    scene: int
    spawner_id: int
    net_id: int
    sync_ids: tuple[int, ...]
    name: str
    argument: bytes | None
    state: bytes

    def encode(self) -> bytes:
        """Returns the bytes of the packet."""
        head = spawn_head(self.scene, self.spawner_id, self.net_id, self.sync_ids, self.name, self.argument)
        return head + self.state


class Despawn(NamedTuple):
    """DESPAWN: removes a node that was spawned."""

    net_id: int

    def encode(self) -> bytes:
        """Returns the bytes of the packet."""
        return _DESPAWN.pack(5, self.net_id)


class Sync(NamedTuple):
    """SYNC: the values of all properties with mode ALWAYS.

    Attributes:
        counter: rises with the packets, 16 bits.
        elements: for each synchronizer its id and its values.
        problem: why the packet ends before its last element; "" if the packet is whole.
    """

    counter: int
    elements: tuple[tuple[int, bytes], ...]
    problem: str = ""

    def encode(self) -> bytes:
        """Returns the bytes of the packet."""
        parts = [_SYNC.pack(6, self.counter)]
        for sync_id, values in self.elements:
            parts += (_ELEMENT.pack(sync_id, len(values)), values)
        return b"".join(parts)


class Delta(NamedTuple):
    """A delta: the values of properties with mode ON_CHANGE that have changed.

    Attributes:
        elements: for each synchronizer its id, its mask and its values. Bit i of the mask stands for the i-th of the
            properties with mode ON_CHANGE; the values are those of the bits that are set, lowest first.
        problem: why the packet ends before its last element; "" if the packet is whole.
    """

    elements: tuple[tuple[int, int, bytes], ...]
    problem: str = ""

    def encode(self) -> bytes:
        """Returns the bytes of the packet."""
        parts = [b"\x16"]
        for sync_id, mask, values in self.elements:
            parts += (_DELTA_ELEMENT.pack(sync_id, mask, len(values)), values)
        return b"".join(parts)


def is_delta(data: bytes) -> bool:
    """Whether a packet with the command SYNC is a delta."""
    return bool(data[0] & _DELTA)


def path_based(sync_id: int) -> int | None:
    """Returns the number of the path that a synchronizer's id holds; None if the id is a net id."""
    return sync_id & ~PATH_FOLLOWS if sync_id & PATH_FOLLOWS else None


# ---------------------------------------------------------------------------------------------------- packets


def spawn_head(
    scene: int, spawner_id: int, net_id: int, sync_ids: Sequence[int], name: str, argument: bytes | None
) -> bytes:
    """Returns the bytes of a SPAWN up to the values; see `Spawn`."""
    text = name.encode() + b"\0"
    count = len(sync_ids)
    head = struct.pack(f"<BBIIII{count}I", 4, scene, spawner_id, net_id, count, len(text), *sync_ids)
    return head + text if argument is None else head + text + U32.pack(len(argument)) + argument


def parse_spawn(data: bytes) -> Spawn:
    """Parses a SPAWN packet.

    Raises:
        PacketError: the packet breaks the format, or a node cannot have its name.
    """
    if len(data) < _SPAWN.size:
        raise PacketError("SPAWN is shorter than 18 bytes")
    _, scene, spawner_id, net_id, count, length = _SPAWN.unpack_from(data)
    begin = _SPAWN.size + 4 * count
    at = begin + length
    if at > len(data):
        raise PacketError(f"SPAWN has {len(data)} bytes, and its ids and its name need {at}")
    if not length:
        raise PacketError("SPAWN without a name", begin)
    name = _name(data[begin:at], begin)
    sync_ids = struct.unpack_from(f"<{count}I", data, _SPAWN.size)
    argument = None
    if scene == SCENE_CUSTOM:
        argument = _argument(data, at)
        at += 4 + len(argument)
    return Spawn(scene, spawner_id, net_id, sync_ids, name, argument, data[at:])


def _name(data: bytes, offset: int) -> str:
    try:
        name = text_at(data, 0)
    except PacketError:
        raise PacketError("a node's name that is not UTF-8", offset) from None
    if not _RESERVED.isdisjoint(name):
        raise PacketError(f"a node cannot have the name '{name[:MOST]}'", offset)
    return name


def _argument(data: bytes, at: int) -> bytes:
    if len(data) < at + 4:
        raise PacketError("the argument of spawn() is missing", at)
    end = at + 4 + U32.unpack_from(data, at)[0]
    if not at + 4 < end <= len(data):
        raise PacketError("the argument of spawn() has a wrong size", at)
    return data[at + 4 : end]


def parse_despawn(data: bytes) -> Despawn:
    """Parses a DESPAWN packet; bytes left over are ignored.

    Raises:
        PacketError: the packet is too short.
    """
    if len(data) < _DESPAWN.size:
        raise PacketError("DESPAWN is shorter than 5 bytes")
    return Despawn(_DESPAWN.unpack_from(data)[1])


def parse_sync(data: bytes) -> Sync | Delta:
    """Parses a SYNC packet or a delta.

    The elements before a fault count, as in the engine; `problem` tells of the fault. Engines themselves send a SYNC
    and a delta without elements, when values are nearly as large as the largest packet.

    Raises:
        PacketError: a SYNC without its counter.
    """
    if data[0] & _DELTA:
        return Delta(*_elements(data, 1, _DELTA_ELEMENT))
    if len(data) < _SYNC.size:
        raise PacketError("SYNC is shorter than 3 bytes")
    return Sync(_SYNC.unpack_from(data)[1], *_elements(data, _SYNC.size, _ELEMENT))


def _elements(data: bytes, at: int, head: struct.Struct) -> tuple[tuple[Any, ...], str]:
    elements: list[tuple[Any, ...]] = []
    # The engine ignores an element without values at the end, so some bytes may be left over there.
    while len(data) - at > head.size:
        *ids, size = head.unpack_from(data, at)
        at += head.size
        if at + size > len(data):
            return tuple(elements), _BEYOND
        elements.append((*ids, data[at : at + size]))
        at += size
    return tuple(elements), _TOO_SHORT if len(data) < _SHORTEST_SYNC else ""


# ---------------------------------------------------------------------------------------------------- values


def decode_values(data: bytes, count: int | None) -> tuple[list[Any], int]:
    """Decodes values in a row.

    Args:
        data: the bytes, which may be hostile.
        count: how many values there are; bytes behind them are ignored. None: as many as `data` holds.

    Returns:
        The values, and how many bytes they take.

    Raises:
        PacketError: a value is damaged or missing.
    """
    try:
        return decode_variants(data, -1 if count is None else count)
    except VariantError as problem:
        raise PacketError(f"a value cannot be decoded: {problem}") from None


def encode_values(values: Sequence[Any], typed: bool = True) -> bytes:
    """Encodes values in a row; objects are written as ids.

    Args:
        values: the values.
        typed: True writes typed arrays and dictionaries with their types, which Godot 4.4 and later expect.

    Raises:
        VariantError: the engine cannot hold a value.
    """
    return encode_arguments(values, 4, typed)
