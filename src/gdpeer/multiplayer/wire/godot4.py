"""Converts the packets of Godot 4's SceneMultiplayer to bytes and back.

The first byte of a packet:

    bit 7 6 5 4 3 2 1 0
        | | | | . `-+-'
        | | | |     `--- command
        | | `-+--------- REMOTE_CALL: bytes of the node id: 0: 1, 1: 2, 2: 4
        | `------------- REMOTE_CALL: bytes of the method id: 0: 1, 1: 2
        `--------------- REMOTE_CALL: raw: no argument, or one PackedByteArray

All numbers are little-endian; texts are UTF-8 and end with a zero byte. If bit 31 of a node id of four bytes is set,
the other bits are the offset of a path that ends the packet.

The packets of MultiplayerSpawner and MultiplayerSynchronizer (SPAWN, DESPAWN, SYNC) are in `replication.py`.

Layer: `multiplayer.wire`; pure; compiled (types in `godot4.pxd`). Source: reference godot4-wire sections C and D.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any, NamedTuple, TypeAlias

from gdpeer.errors import PacketError
from gdpeer.multiplayer.wire.parts import MAX_ARGUMENTS, ONE_ARRAY, PATH_FOLLOWS, U32, Undecoded, text_at, undecoded
from gdpeer.multiplayer.wire.replication import (
    Delta,
    Despawn,
    Spawn,
    Sync,
    parse_despawn,
    parse_spawn,
    parse_sync,
)
from gdpeer.variant.binary.compact import encode_arguments, encoded_behind

__all__ = [
    "AddPeer",
    "Auth",
    "Command",
    "ConfirmPath",
    "DelPeer",
    "Packet",
    "Raw",
    "Relay",
    "RemoteCall",
    "SimplifyPath",
    "SysCommand",
    "UndecodedCall",
    "call_packet",
    "encode_call",
    "encode_call_body",
    "is_call",
    "parse",
    "parse_call",
    "relay_packet",
]

# C integers once compiled (godot4.pxd).
_WIDE_METHOD, _RAW = 0x40, 0x80
_MAX_ARGUMENTS, _PATH_FOLLOWS = MAX_ARGUMENTS, PATH_FOLLOWS
_FEW = 0x7F  # the most arguments whose count also fits into a signed byte

_BYTE = [bytes((number,)) for number in range(256)]


class Command(IntEnum):
    """Bits 0 to 2 of the first byte."""

    REMOTE_CALL = 0
    SIMPLIFY_PATH = 1
    CONFIRM_PATH = 2
    RAW = 3
    SPAWN = 4
    DESPAWN = 5
    SYNC = 6
    SYS = 7


class SysCommand(IntEnum):
    """The second byte of a SYS packet."""

    AUTH = 0
    ADD_PEER = 1
    DEL_PEER = 2
    RELAY = 3


class RemoteCall(NamedTuple):
    """A call of a method of a node.

    Attributes:
        node_id: the sender's number for the node; 0 if `path` names the node.
        method_id: the method's place in the table of the node's class; from 0x8000 on in the table of the node's own
            entries.
        arguments: the values.
        path: the node's path, relative to the root path; None if `node_id` names the node.
        wide: True writes the node id as four bytes, whatever its value. The engine does so if some receivers of the
            same call do not know the number yet.
    """

    node_id: int
    method_id: int
    arguments: Sequence[Any]
    path: str | None = None
    wide: bool = False

    def encode(self) -> bytes:
        """Returns the bytes of the packet; typed arrays and dictionaries are written with their types."""
        flags, body = encode_call_body(self.method_id, self.arguments, typed=True, objects=True)
        return call_packet(flags, body, self.node_id, self.path, self.wide)


class SimplifyPath(NamedTuple):
    """Announces the number `cache_id` for the node at `path`; `checksum` is the MD5 of its methods' names."""

    checksum: str
    cache_id: int
    path: str

    def encode(self) -> bytes:
        """Returns the bytes of the packet."""
        return b"\x01%b\0%b%b\0" % (self.checksum.encode(), U32.pack(self.cache_id), self.path.encode())


class ConfirmPath(NamedTuple):
    """Answers SIMPLIFY_PATH: tells whether both sides have the same methods.

    Attributes:
        matches: True if the checksums are equal.
        cache_id: the number, from Godot 4.3 on; else None.
        path: the path, up to Godot 4.2; else None. Both are set if the bytes can be read both ways.
    """

    matches: bool
    cache_id: int | None = None
    path: str | None = None

    def encode(self) -> bytes:
        """Returns the bytes of the packet."""
        if self.cache_id is not None:
            return b"\x02%c%b" % (self.matches, U32.pack(self.cache_id))
        assert self.path is not None
        return b"\x02%c%b\0" % (self.matches, self.path.encode())


class Raw(NamedTuple):
    """Carries bytes of the game's own (`send_bytes`)."""

    data: bytes

    def encode(self) -> bytes:
        """Returns the bytes of the packet."""
        return b"\x03" + self.data


class Auth(NamedTuple):
    """Carries authentication data. A packet without data says that the sender has completed the authentication."""

    data: bytes

    def encode(self) -> bytes:
        """Returns the bytes of the packet."""
        return b"\x07\x00" + self.data


class AddPeer(NamedTuple):
    """Tells a client that another client has come; only the server sends this."""

    peer_id: int

    def encode(self) -> bytes:
        """Returns the bytes of the packet."""
        return b"\x07\x01" + _I32.pack(self.peer_id)


class DelPeer(NamedTuple):
    """Tells a client that another client has gone; only the server sends this."""

    peer_id: int

    def encode(self) -> bytes:
        """Returns the bytes of the packet."""
        return b"\x07\x02" + _I32.pack(self.peer_id)


class Relay(NamedTuple):
    """A packet from one client to other clients, through the server.

    Attributes:
        peer_id: on the way to the server the target (0: all; positive: one client; negative: all but one). From the
            server on, the source.
        data: the packet inside, which may have any command except SYS.
    """

    peer_id: int
    data: bytes

    def encode(self) -> bytes:
        """Returns the bytes of the packet."""
        return relay_packet(self.peer_id, self.data)


Packet: TypeAlias = (
    RemoteCall | SimplifyPath | ConfirmPath | Raw | Spawn | Despawn | Sync | Delta | Auth | AddPeer | DelPeer | Relay
)

_U16 = struct.Struct("<H")
_BUFFERS = (bytes, bytearray, memoryview)
_I32 = struct.Struct("<i")


def parse(data: bytes, *, objects: bool = False) -> Packet:
    """Parses a packet. Bytes left over at the end of a call are ignored, as in the engine.

    Args:
        data: the whole packet.
        objects: True decodes objects among the arguments in full, as `EncodedObject`.

    Raises:
        PacketError: the packet breaks the format.
    """
    if not data:
        raise PacketError("an empty packet")
    command = data[0] & 7
    if command == 0:
        call = parse_call(data, objects)
        return RemoteCall(call.node_id, call.method_id, call.arguments.decode(), call.path, call.wide)
    return _PARSERS[command](data)


def relay_packet(peer_id: int, data: bytes) -> bytes:
    """Returns a RELAY packet: `data` from or to a peer."""
    return b"\x07\x03%b%b" % (_I32.pack(peer_id), data)


# ---------------------------------------------------------------------------------------------------- REMOTE_CALL


def encode_call_body(
    method_id: int, arguments: Sequence[Any], typed: bool = False, objects: bool = False
) -> tuple[int, bytes]:
    """Returns the parts of a call that are the same for every receiver.

    `typed` writes typed arrays and dictionaries with their types, `objects` writes `EncodedObject` in full.

    Returns:
        The flags for the first byte, and all bytes behind the node id.

    Raises:
        VariantError: an argument cannot be sent.
        ValueError: there are more than 255 arguments.
    """
    method = _BYTE[method_id] if method_id <= 0xFF else _U16.pack(method_id)
    flags = 0 if method_id <= 0xFF else _WIDE_METHOD
    count = len(arguments)
    if not count:
        return flags | _RAW, method
    if count == 1 and isinstance(arguments[0], _BUFFERS):
        return flags | _RAW, method + bytes(arguments[0])
    if count > _MAX_ARGUMENTS:
        raise ValueError(f"a call takes at most {MAX_ARGUMENTS} arguments, not {count}")
    return flags, method + _BYTE[count] + encode_arguments(arguments, 4, typed, objects)


def call_packet(flags: int, body: bytes, node_id: int, path: str | None = None, wide: bool = False) -> bytes:
    """Returns a call: the node's number or path, and the parts from `encode_call_body`; for `wide` see `RemoteCall`."""
    if path is not None:
        return b"%c%b%b%b\0" % (flags | 0x20, U32.pack(PATH_FOLLOWS | (5 + len(body))), body, path.encode())
    if node_id <= 0xFF and not wide:
        return _BYTE[flags] + _BYTE[node_id] + body
    if node_id <= 0xFFFF and not wide:
        return b"%c%b%b" % (flags | 0x10, _U16.pack(node_id), body)
    return b"%c%b%b" % (flags | 0x20, U32.pack(node_id), body)


def encode_call(
    node_id: int, method_id: int, arguments: Sequence[Any], typed: bool = False, objects: bool = False
) -> bytes:
    """Returns a call of a node by its number."""
    # Common calls are encoded in one step, which is faster than `encode_call_body` and `call_packet`.
    count = len(arguments)
    is_raw = count == 1 and isinstance(arguments[0], _BUFFERS)
    if node_id > 0xFF or method_id > 0xFF or count == 0 or count > _FEW or is_raw:
        flags, body = encode_call_body(method_id, arguments, typed, objects)
        return call_packet(flags, body, node_id)
    return encoded_behind(0, node_id | method_id << 8 | count << 16, 3, arguments, typed, objects)


class UndecodedCall:
    """A REMOTE_CALL whose arguments are not decoded yet; the fields are those of `RemoteCall`."""

    __slots__ = ("arguments", "method_id", "node_id", "path", "wide")

    def begin(self, node_id: int, method_id: int, arguments: Undecoded, path: str | None, wide: bool) -> None:
        """Sets the fields, for `parse_call`."""
        self.node_id = node_id
        self.method_id = method_id
        self.arguments = arguments
        self.path = path
        self.wide = wide


def is_call(data: bytes) -> bool:
    """Whether a packet is a REMOTE_CALL, which `parse_call` can parse."""
    return len(data) > 0 and data[0] & 7 == 0


def parse_call(data: bytes, objects: bool) -> UndecodedCall:
    """Parses a REMOTE_CALL, and leaves its arguments undecoded; `objects` decodes objects in full later.

    Raises:
        PacketError: the packet breaks the format.
    """
    first = data[0]
    size = (first >> 4) & 3
    if size == 3:
        raise PacketError("a node id of a size that does not exist")
    at = 1 + (1 << size)
    after = at + (2 if first & _WIDE_METHOD else 1)
    end = len(data)
    node_id = _number(data, 1, at)
    path = None
    if node_id & _PATH_FOLLOWS:
        end = node_id & 0x7FFFFFFF
        node_id = 0
        if end >= len(data):
            raise PacketError("the path would begin behind the end", 1)
        path = text_at(data, end)
    method_id = _number(data, at, after)
    if after > end:
        raise PacketError("the path would begin before the arguments", 1)
    call = UndecodedCall.__new__(UndecodedCall)
    arguments = _arguments(data, after, end, first & _RAW, objects)
    call.begin(node_id, method_id, arguments, path, size == 2 and node_id <= 0xFFFF and path is None)
    return call


def _arguments(data: bytes, at: int, end: int, raw: int, objects: bool) -> Undecoded:
    if raw:
        return undecoded(data, at, ONE_ARRAY, end, 4, objects)
    if at >= end:
        raise PacketError("the number of arguments is missing", at)
    return undecoded(data, at + 1, data[at], end, 4, objects)


def _number(data: bytes, at: int, end: int) -> int:
    if end > len(data):
        raise PacketError("too short for its ids", at)
    return data[at] if at + 1 == end else int.from_bytes(data[at:end], "little")


# ---------------------------------------------------------------------------------------------------- the others


def _parse_simplify(data: bytes) -> SimplifyPath:
    if len(data) < 38:
        raise PacketError("SIMPLIFY_PATH is shorter than 38 bytes")
    if not data[1:33].isalnum():
        raise PacketError("a checksum that is none", 1)
    return SimplifyPath(str(data[1:33], "ascii"), U32.unpack_from(data, 34)[0], text_at(data, 38))


def _parse_confirm(data: bytes) -> ConfirmPath:
    by_id = len(data) == 6
    by_path = len(data) > 3 and data.find(b"\0", 2) == len(data) - 1
    if not by_id and not by_path:
        raise PacketError("CONFIRM_PATH with neither an id nor a path")
    cache_id = U32.unpack_from(data, 2)[0] if by_id else None
    try:
        path = text_at(data, 2) if by_path else None
    except PacketError:
        if not by_id:
            raise
        path = None
    return ConfirmPath(data[1] != 0, cache_id, path)


def _parse_raw(data: bytes) -> Raw:
    if len(data) < 2:
        raise PacketError("RAW without data")
    return Raw(data[1:])


def _parse_sys(data: bytes) -> Packet:
    if len(data) < 2:
        raise PacketError("SYS without a sub-command")
    kind = data[1]
    if kind == SysCommand.AUTH:
        return Auth(data[2:])
    if kind > SysCommand.RELAY:
        raise PacketError(f"an unknown sub-command of SYS: {kind}", 1, kind="unknown command")
    if len(data) < 6:
        raise PacketError("SYS is shorter than 6 bytes")
    peer_id: int = _I32.unpack_from(data, 2)[0]
    if kind == SysCommand.RELAY:
        if len(data) == 6:
            raise PacketError("RELAY without a packet inside", 6)
        return Relay(peer_id, data[6:])
    return AddPeer(peer_id) if kind == SysCommand.ADD_PEER else DelPeer(peer_id)


_PARSERS: dict[int, Callable[[bytes], Packet]] = {
    Command.SIMPLIFY_PATH: _parse_simplify,
    Command.CONFIRM_PATH: _parse_confirm,
    Command.RAW: _parse_raw,
    Command.SPAWN: parse_spawn,
    Command.DESPAWN: parse_despawn,
    Command.SYNC: parse_sync,
    Command.SYS: _parse_sys,
}
