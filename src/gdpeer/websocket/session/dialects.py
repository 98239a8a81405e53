"""How a session of peers with ids looks on the wire, in Godot 4 and in Godot 3.

| | Godot 4 | Godot 3 |
|---|---|---|
| a newcomer is sent | its id, as 4 bytes | ID, ADD 1, an ADD for each other |
| the others are sent | nothing: `SceneMultiplayer` tells them | ADD; in the end DEL |
| a packet | as it is | behind a header of 9 bytes with source and target |
| clients reach each other | through `SceneMultiplayer` | through the server's transport |

A dialect has no state. What breaks a rule is a `PacketError`.

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
    """What a client hears from its server: DATA and who sent it, or ID, ADD, DEL and whom it is about."""

    kind: Kind
    peer_id: int


class Dialect:
    """One way to talk.

    Args:
        name, header_size, announces, tells_server_gone: see below.

    Attributes:
        name: "godot4" or "godot3".
        header_size: bytes in front of a packet.
        announces: the transport tells clients of each other, and what one sends to another goes by its header.
        tells_server_gone: a client whose server goes is told `peer_disconnected(1)`.
    """

    __slots__ = ("announces", "header_size", "name", "tells_server_gone")

    def __init__(self, name: str, header_size: int, *, announces: bool, tells_server_gone: bool) -> None:
        self.name = name
        self.header_size = header_size
        self.announces = announces
        self.tells_server_gone = tells_server_gone

    def welcome(self, peer_id: int) -> tuple[bytes, ...]:
        """What a server sends to a newcomer at once."""
        raise NotImplementedError

    def wrap(self, source: int, target: int, payload: bytes) -> bytes:
        """A packet as a message."""
        raise NotImplementedError

    def read_target(self, message: bytes, peer_id: int) -> int:
        """On a server: whom client `peer_id` sent this message to.

        Raises:
            PacketError: it is to be dropped.
        """
        raise NotImplementedError

    def hear(self, message: bytes, own_id: int) -> tuple[Heard, ...]:
        """On a client: what a message of the server says.

        Args:
            message: as it came.
            own_id: this client's id; 0 before the server has told it.

        Raises:
            PacketError: it is to be dropped.
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
