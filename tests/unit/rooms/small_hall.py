"""A hall without network: as much as the lobby needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gdpeer.clock import ManualClock
from gdpeer.rooms.codes import draw_code
from gdpeer.rooms.errors import Full, Locked, NoRoom
from gdpeer.rooms.lobby import Lobby
from gdpeer.rooms.tokens import SeatKeys, draw_jti

SECRET = b"s" * 32
NOW = 1_800_000_000.0


class SmallPlace:
    def __init__(self, peer_id: int, player: str | None) -> None:
        self.peer_id = peer_id
        self.player = player
        self.jti = draw_jti()


class SmallRoom:
    def __init__(self, kind: str, code: str, options: Any, private: bool) -> None:
        self.kind = kind
        self.code = code
        self.options = options
        self.private = private
        self.labels: dict[str, Any] = {}
        self.locked = False
        self.max_peers = 4
        self.places: list[SmallPlace] = []

    @property
    def taken(self) -> int:
        return len(self.places)

    def reserve(self, player: str | None = None, ticket: object = None, ttl: float = 15.0) -> SmallPlace:
        if self.locked:
            raise Locked("the room is locked")
        if self.max_peers and self.taken >= self.max_peers:
            raise Full("the room is full")
        self.places.append(SmallPlace(2 + self.taken, player))
        return self.places[-1]


class SmallHall:
    def __init__(self, *kinds: str, public_url: str | None = "wss://play.example/") -> None:
        self.kinds: dict[str, Callable[[], object]] = dict.fromkeys(kinds or ("arena",), SmallHall)
        self.rooms: dict[str, SmallRoom] = {}
        self.is_draining = False
        self.public_url = public_url
        self.clock = ManualClock()
        self.max_rooms = 1_000
        self.on_create: Callable[[SmallRoom], None] = lambda room: None

    def find(self, kind: str, **labels: Any) -> list[SmallRoom]:
        return [room for room in self.rooms.values() if room.kind == kind]

    def create(self, kind: str, options: Any = None, code: str | None = None, private: bool = False) -> SmallRoom:
        if kind not in self.kinds:
            raise NoRoom("no such kind")
        if len(self.rooms) >= self.max_rooms:
            raise Full("no more rooms")
        room = SmallRoom(kind, code or draw_code(self.rooms), options, private)
        self.on_create(room)
        self.rooms[room.code] = room
        return room


def lobby_of(hall: SmallHall) -> Lobby:
    return Lobby(hall, SeatKeys(SECRET), lambda: NOW)  # type: ignore[arg-type]
