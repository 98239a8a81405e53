"""The two wire formats of a multiplayer session: Godot 4's and Godot 3's.

| | Godot 4 | Godot 3 |
|---|---|---|
| a new client gets | its id, as 4 bytes | ID, ADD 1, an ADD for each other client |
| the other clients get | nothing: `SceneMultiplayer` tells them | ADD, and DEL at its end |
| a packet | without a header | after a header of 9 bytes with source and target |
| clients reach each other | through `SceneMultiplayer` | through the server's transport |

A dialect has no state. It raises `PacketError` for a message that breaks a rule.

Layer: `websocket`; compiled (types in `dialects.pxd`). Source: reference godot4-wire section B, godot3-wire section 2.
"""

from __future__ import annotations

from typing import NamedTuple

from gdpeer.errors import PacketError
from gdpeer.websocket.session.godot3_header import (
    HEADER_SIZE,
    SERVER,
    Kind,
    pack_data,
    pack_system,
    unpack,
    unpack_from_client,
)

__all__ = ["GODOT3", "GODOT4", "Dialect", "Heard"]


class Heard(NamedTuple):
    """One statement of a server's message: DATA with its sender, or ID, ADD or DEL with the peer it is about."""

    kind: Kind
    peer_id: int


class Dialect:
    """A wire format.

    Attributes:
        name: "godot4" or "godot3".
        header_size: bytes before each packet.
        announces: True if the transport tells clients of each other, and the header names a packet's target.
        tells_server_gone: True if a client emits `peer_disconnected(1)` when its server is gone.
    """

    __slots__ = ("announces", "header_size", "name", "tells_server_gone")

    def __init__(self, name: str, header_size: int, *, announces: bool, tells_server_gone: bool) -> None:
        self.name = name
        self.header_size = header_size
        self.announces = announces
        self.tells_server_gone = tells_server_gone

    def welcome(self, peer_id: int) -> tuple[bytes, ...]:
        """Returns the messages that a server sends to a new client."""
        raise NotImplementedError

    def wrap(self, source: int, target: int, payload: bytes) -> bytes:
        """Returns the message that carries a packet."""
        raise NotImplementedError

    def read_target(self, message: bytes, peer_id: int) -> int:
        """Returns the target of a message from client `peer_id`, on a server.

        Raises:
            PacketError: the message breaks a rule; drop it.
        """
        raise NotImplementedError

    def hear(self, message: bytes, own_id: int) -> tuple[Heard, ...]:
        """Returns the statements of a message from the server, on a client; `own_id` is 0 before the client's id came.

        Raises:
            PacketError: the message breaks a rule; drop it.
        """
        raise NotImplementedError


class _Godot4(Dialect):
    __slots__ = ()

    def welcome(self, peer_id: int) -> tuple[bytes, ...]:
        return (peer_id.to_bytes(4, "little", signed=True),)

    def wrap(self, source: int, target: int, payload: bytes) -> bytes:
        return payload

    def read_target(self, message: bytes, peer_id: int) -> int:
        if not message:
            raise PacketError("an empty packet")
        return SERVER

    def hear(self, message: bytes, own_id: int) -> tuple[Heard, ...]:
        if not own_id:
            if len(message) != 4:
                raise PacketError(f"the server's first message has {len(message)} bytes, an id has 4")
            return Heard(Kind.ID, _client_id(int.from_bytes(message, "little", signed=True))), Heard(Kind.ADD, SERVER)
        self.read_target(message, SERVER)
        return (Heard(Kind.DATA, SERVER),)


class _Godot3(Dialect):
    __slots__ = ()

    def welcome(self, peer_id: int) -> tuple[bytes, ...]:
        return pack_system(Kind.ID, peer_id), pack_system(Kind.ADD, SERVER)

    def wrap(self, source: int, target: int, payload: bytes) -> bytes:
        return pack_data(source, target, payload)

    def read_target(self, message: bytes, peer_id: int) -> int:
        return unpack_from_client(message, peer_id).target

    def hear(self, message: bytes, own_id: int) -> tuple[Heard, ...]:
        header = unpack(message)
        if header.kind is Kind.ID:
            if own_id:
                raise PacketError("a second ID")
            return (Heard(Kind.ID, _client_id(header.peer_id)),)
        if not own_id:
            raise PacketError(f"{header.kind.name} before the ID")
        who = header.source if header.kind is Kind.DATA else header.peer_id
        if who < SERVER or who == own_id or (who == SERVER and header.kind is Kind.DEL):
            raise PacketError(f"{header.kind.name} of {who}, which cannot be")
        return (Heard(header.kind, who),)


def _client_id(number: int) -> int:
    if number < 2:
        raise PacketError(f"{number} is no client's id")
    return number


GODOT4: Dialect = _Godot4("godot4", 0, announces=False, tells_server_gone=True)
GODOT3: Dialect = _Godot3("godot3", HEADER_SIZE, announces=True, tells_server_gone=False)
