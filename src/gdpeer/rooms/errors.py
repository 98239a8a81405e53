"""The exceptions of rooms: why there is no room, or no place in it.

    GdpeerError
    └── RoomError        any reason; a room's `on_create` and `on_auth` raise it to refuse
        ├── NoRoom       there is no such room, or no such kind
        ├── Full         no place is free, or the hall takes no more rooms
        ├── Locked       the room admits nobody now
        ├── Draining     the server is about to stop
        └── Unreachable  the room cannot be reached now

Layer: `rooms`; the lowest of it.
"""

from __future__ import annotations

from typing import ClassVar

from gdpeer.errors import GdpeerError

__all__ = ["Draining", "Full", "Locked", "NoRoom", "RoomError", "Unreachable"]


class RoomError(GdpeerError):
    """There is no room or no place for a player. The text is meant for the player.

    Attributes:
        status: of the HTTP response to a client that is refused for this reason.
    """

    status: ClassVar[int] = 403


class NoRoom(RoomError):
    """There is no room with this code, or no such kind of room."""

    status = 404


class Full(RoomError):
    """No place is free, or the hall takes no more rooms."""

    status = 503


class Locked(RoomError):
    """The room admits nobody now."""

    status = 409


class Draining(RoomError):
    """The server is about to stop: players keep their places, and nobody else gets one."""

    status = 503


class Unreachable(RoomError):
    """The room cannot be reached now, as it is moving, or could not be restored: ask again later."""

    status = 503
