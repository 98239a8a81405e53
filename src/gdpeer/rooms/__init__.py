"""Many games on one port: rooms, the places of their players, and the lobby that leads players to rooms.

Layer: below `aio`, above `multiplayer` and `websocket`; nothing below knows of rooms.
"""

from __future__ import annotations

from gdpeer.rooms.errors import Draining, Full, Locked, NoRoom, RoomError, Unreachable
from gdpeer.rooms.guessing import Guessing
from gdpeer.rooms.hall import Hall
from gdpeer.rooms.lobby import Listed, Lobby, Seat
from gdpeer.rooms.place import LeaveReason, Place, PlaceState
from gdpeer.rooms.room import Room
from gdpeer.rooms.tokens import SeatClaims, SeatKeys, load_secrets

__all__ = [
    "Draining",
    "Full",
    "Guessing",
    "Hall",
    "LeaveReason",
    "Listed",
    "Lobby",
    "Locked",
    "NoRoom",
    "Place",
    "PlaceState",
    "Room",
    "RoomError",
    "Seat",
    "SeatClaims",
    "SeatKeys",
    "Unreachable",
    "load_secrets",
]
