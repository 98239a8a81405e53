"""Converts the packets of Godot 3's MultiplayerAPI to bytes and back.

The first byte is the command. Methods and properties travel by name. All numbers are little-endian; texts are UTF-8 and
end with a zero byte. If bit 31 of a node id is set, the other bits are the offset of a path that ends the packet.
`gdpeer.websocket` adds the header of 9 bytes that names source and target.

Layer: `multiplayer.wire`; pure. Source: reference godot3-wire section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NamedTuple, TypeAlias

from gdpeer.errors import PacketError
from gdpeer.multiplayer.wire.parts import (
    MAX_ARGUMENTS,
    PATH_FOLLOWS,
    U32,
    Arguments,
    text_at,
    undecoded,
    values_of,
    zero_after,
)
from gdpeer.variant.binary.compact import encode_arguments

__all__ = [
    "Command",
    "ConfirmPath",
    "Packet",
    "Raw",
    "RemoteCall",
    "RemoteSet",
    "SimplifyPath",
    "encode_named",
    "is_by_number",
    "named_packet",
    "parse",
]


class Command(IntEnum):
    """The values of a packet's first byte."""

    REMOTE_CALL = 0
    REMOTE_SET = 1
    SIMPLIFY_PATH = 2
    CONFIRM_PATH = 3
    RAW = 4


class RemoteCall(NamedTuple):
    """A call of a method of a node.

    Attributes:
        node_id: the sender's number for the node; 0 if `path` names the node.
        name: the method's name.
        arguments: the values, or `Undecoded` (see `parts.values_of`).
        path: the node's path, relative to the root node; None if `node_id` names the node.
    """

    node_id: int
    name: str
    arguments: Arguments
    path: str | None = None

    def encode(self) -> bytes:
        """Returns the bytes of the packet."""
        body = encode_named(Command.REMOTE_CALL, self.name, values_of(self.arguments), objects=True)
        return named_packet(Command.REMOTE_CALL, body, self.node_id, self.path)


class RemoteSet(NamedTuple):
    """Sets a property of a node. `arguments` holds the new value only; all other fields are as in `RemoteCall`."""

    node_id: int
    name: str
    arguments: Arguments
    path: str | None = None

    def encode(self) -> bytes:
        """Returns the bytes of the packet."""
        body = encode_named(Command.REMOTE_SET, self.name, values_of(self.arguments), objects=True)
        return named_packet(Command.REMOTE_SET, body, self.node_id, self.path)


class SimplifyPath(NamedTuple):
    """Announces that the sender will name the node at `path` by the number `cache_id`."""

    cache_id: int
    path: str

    def encode(self) -> bytes:
        """Returns the bytes of the packet."""
        return b"\x02%b%b\0" % (U32.pack(self.cache_id), self.path.encode())


class ConfirmPath(NamedTuple):
    """Answers SIMPLIFY_PATH: the sender knows the path's number now."""

    path: str

    def encode(self) -> bytes:
        """Returns the bytes of the packet."""
        return b"\x03%b\0" % self.path.encode()


class Raw(NamedTuple):
    """Carries bytes of the game's own (`send_bytes`)."""

    data: bytes

    def encode(self) -> bytes:
        """Returns the bytes of the packet."""
        return b"\x04" + self.data


Packet: TypeAlias = RemoteCall | RemoteSet | SimplifyPath | ConfirmPath | Raw


def encode_named(command: Command, name: str, arguments: Sequence[Any], *, objects: bool = False) -> bytes:
    """Returns the bytes behind the node id of a call or a set, which are the same for every receiver.

    REMOTE_SET has exactly one argument, the new value. `objects` sends `EncodedObject` in full.

    Raises:
        VariantError: an argument cannot be sent to Godot 3.
        ValueError: there are more than 255 arguments.
    """
    if len(arguments) > MAX_ARGUMENTS:
        raise ValueError(f"a call takes at most {MAX_ARGUMENTS} arguments, not {len(arguments)}")
    count = bytes((len(arguments),)) if command == Command.REMOTE_CALL else b""
    return b"%b\0%b%b" % (name.encode(), count, encode_arguments(arguments, engine=3, objects=objects))


def named_packet(command: Command, body: bytes, node_id: int, path: str | None = None) -> bytes:
    """Returns a whole packet: the command, the node's number or path, and the bytes from `encode_named`."""
    if path is None:
        return b"%c%b%b" % (command, U32.pack(node_id), body)
    return b"%c%b%b%b\0" % (command, U32.pack(PATH_FOLLOWS | (5 + len(body))), body, path.encode())


def is_by_number(data: bytes) -> bool:
    """Returns whether a packet is a call or a set that names its node by a number."""
    is_named = data[:1] in (b"\0", b"\1")
    return is_named and len(data) > 4 and not data[4] & 0x80


def parse(data: bytes, *, objects: bool = False, lazy: bool = False) -> Packet:
    """Parses a packet.

    Args:
        data: the whole packet, without the header of the transport.
        objects: True decodes objects in full, as `EncodedObject`.
        lazy: True leaves the arguments of a call or a set undecoded.

    Raises:
        PacketError: the packet breaks the format.
    """
    if not data:
        raise PacketError("an empty packet")
    command = data[0]
    if command in (Command.REMOTE_CALL, Command.REMOTE_SET):
        named = _parse_named(data, objects)
        return named if lazy else named._replace(arguments=values_of(named.arguments))
    if command == Command.SIMPLIFY_PATH:
        if len(data) < 6:
            raise PacketError("SIMPLIFY_PATH is shorter than 6 bytes")
        return SimplifyPath(U32.unpack_from(data, 1)[0], text_at(data, 5))
    if command == Command.CONFIRM_PATH:
        if len(data) < 3:
            raise PacketError("CONFIRM_PATH without a path")
        return ConfirmPath(text_at(data, 1))
    if command == Command.RAW:
        if len(data) < 2:
            raise PacketError("RAW without data")
        return Raw(data[1:])
    raise PacketError(f"an unknown command: {command}", kind="unknown command")


def _parse_named(data: bytes, objects: bool) -> RemoteCall | RemoteSet:
    if len(data) < 6:
        raise PacketError("shorter than 6 bytes")
    node_id: int = U32.unpack_from(data, 1)[0]
    end = len(data)
    path = None
    if node_id & PATH_FOLLOWS:
        end = node_id & 0x7FFFFFFF
        node_id = 0
        if end >= len(data):
            raise PacketError("the path would begin behind the end", 1)
        path = text_at(data, end)
    name_end = zero_after(data, 5, end)
    name = text_at(data, 5)
    if data[0] == Command.REMOTE_SET:
        return RemoteSet(node_id, name, undecoded(data, name_end + 1, 1, end, 3, objects), path)
    if name_end + 1 >= end:
        raise PacketError("the number of arguments is missing", name_end)
    arguments = undecoded(data, name_end + 2, data[name_end + 1], end, 3, objects)
    return RemoteCall(node_id, name, arguments, path)
