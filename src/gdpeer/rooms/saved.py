"""`SavedRoom`: what is kept of a room, so that another process can go on with it under the same code.

    saved = life.saved()         None: the game has nothing to save
    hall.restore(saved)          the same room again, in this hall or another: all its players are away, and may return

Layer: `rooms`; pure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gdpeer.rooms.labels import Label

__all__ = ["SavedPlace", "SavedRoom"]


@dataclass(frozen=True, slots=True)
class SavedPlace:
    """A place whose player can show that it is theirs, by a session key or a seat.

    Attributes:
        peer_id: of the player.
        player: the name that the lobby or the seat gave.
        auth: what `on_auth` returned.
        is_authenticated: False if `on_auth` is to be asked at the return, as `auth` could not be saved.
        digest: of the session key; b"" for a seat.
        jti: names the seat; "" for a session key.
        expires: the last moment of the seat's first use, in seconds since 1970.
        has_joined: False for a place that was reserved, and whose player has not come yet.
        left: seconds that the place is kept, if that is longer than the room's `grace`.
    """

    peer_id: int
    player: str | None = None
    auth: Any = None
    is_authenticated: bool = True
    digest: bytes = b""
    jti: str = ""
    expires: float = 0.0
    has_joined: bool = True
    left: float = 0.0


@dataclass(frozen=True, slots=True)
class SavedRoom:
    """A room as it was at one moment.

    Attributes:
        kind, code: of the room.
        data: what `Room.save` returned.
        options: for `on_create`.
        labels, private, locked: of the room.
        left: seconds that are left of the room's `lifetime`.
        places: those of players who may return.
        used: the seats whose places were given up, and their `exp` in seconds since 1970.
    """

    kind: str
    code: str
    data: bytes
    options: Any = None
    labels: Mapping[str, Label] = field(default_factory=dict)
    private: bool = False
    locked: bool = False
    left: float = math.inf
    places: tuple[SavedPlace, ...] = ()
    used: Mapping[str, float] = field(default_factory=dict)
