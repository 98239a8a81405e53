"""`Lobby`: answers "which room?" with a seat: a place that is kept for a few seconds, and the URL that takes it.

    seat = hall.lobby.quick("arena")                    a room with a free place, or a new room
    seat = hall.lobby.join("K7Q2M3")                    the room with this code
    seat = hall.lobby.create("arena", {"map": "sand"})  a new room
    seat.url                                            ws://play.example/room/K7Q2M3?seat=TOKEN

Players reach the lobby by HTTP (`gdpeer.rooms.lobby_http`) or by RPC (`gdpeer.rooms.lobby_room`).

Invariants: private and locked rooms are never listed or filled; each call gives one seat or raises, and then no place
is kept.

Layer: `rooms`; needs PyJWT.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from gdpeer.attributes import Guarded
from gdpeer.protocol.http_headers import Request
from gdpeer.rooms.codes import find_code
from gdpeer.rooms.errors import Draining, Full, Locked, NoRoom, RoomError
from gdpeer.rooms.labels import Label, Labels, check_labels, fits
from gdpeer.rooms.tokens import LONGEST_RESUME, SeatClaims, issue_seat, load_jwt

if TYPE_CHECKING:
    from gdpeer.rooms.hall import Hall
    from gdpeer.rooms.room import Room

__all__ = [
    "Listed",
    "Lobby",
    "Seat",
    "word_of",
]

SEAT_SECONDS = 15.0
"""Seconds that a seat waits for its first use."""

MOST_FILLING = 256
"""Sets of labels for which the lobby remembers the room that it filled last."""


class Seat(NamedTuple):
    """A place that is kept for a player.

    Attributes:
        url: for `create_client`. It holds a secret: whoever has the URL takes the place.
        peer_id: the player's id in the room.
        expires: until when the URL must be used for the first time, in seconds since 1970.
    """

    url: str
    peer_id: int
    expires: float

    def __repr__(self) -> str:
        return f"Seat('{self.url.partition('?')[0]}?seat=***', peer_id={self.peer_id}, expires={self.expires})"


@dataclass(frozen=True, slots=True)
class Listed:
    """A room as the lobby lists it.

    Attributes:
        code: leads to the room.
        kind: of the room.
        labels: of the room.
        taken: places that are taken.
        max_peers: places that the room has; 0: no limit.
    """

    code: str
    kind: str
    labels: dict[str, Label]
    taken: int
    max_peers: int


class Lobby(Guarded):
    """Finds and makes rooms for players, and gives seats in them.

    Args:
        hall: has the rooms.

    Attributes:
        identify: returns the player's name for a request to the lobby, or None; for example after a look at a cookie.
            The name becomes `place.player`. It may raise HandshakeError to refuse the request. None: players have no
            names, since anybody could write any name into a request.

    Raises:
        ImportError: PyJWT is not installed. The text says how to install it.
        ValueError: a kind of room has a name that stands for something else in the lobby's paths.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ("identify",)

    def __init__(self, hall: Hall) -> None:
        load_jwt()
        if "join" in hall.kinds:
            raise ValueError("a kind of room cannot be called 'join': POST /lobby/join/CODE joins a room")
        assert hall.keys is not None  # a hall with a lobby has a secret
        self.identify: Callable[[Request], str | None] | None = None
        self._hall = hall
        self._keys = hall.keys
        self._filling: dict[Hashable, str] = {}  # the code of the room that `quick` filled last, by kind and labels

    def quick(self, kind: str, labels: Labels | None = None, player: str | None = None, *, base: str = "") -> Seat:
        """Gives a seat in a public room with these labels, or in a new room if all are full.

        The fullest room comes first, so rooms are filled before new rooms are made. A new room gets the labels, and
        `on_create` gets them as its options.

        Args:
            kind: of the room.
            labels: the room must have all of them.
            player: a name for `place.player`.
            base: the beginning of the URL, as "wss://play.example". "": the hall's `public_url`, or this machine.

        Raises:
            NoRoom: there is no such kind.
            Full: no room has a free place, and the hall takes no more rooms.
            Draining: the hall is about to stop.
            RoomError: the new room's `on_create` refused.
            ValueError: a label is not valid.
        """
        return self.take_quick(kind, labels, player, base)[0]

    def join(self, code: str, player: str | None = None, *, base: str = "") -> Seat:
        """Gives a seat in the room with a code; lower case is accepted. Also for private rooms.

        Raises:
            NoRoom: there is no such room.
            Full: the room has no free place.
            Locked: the room admits nobody now.
            Draining: the hall is about to stop.
        """
        room = self._hall.rooms.get(find_code(code))
        if room is None:
            raise NoRoom("there is no room with this code")
        return self._seat(room, player, base)

    def create(
        self,
        kind: str,
        options: Any = None,
        player: str | None = None,
        *,
        labels: Labels | None = None,
        private: bool = False,
        base: str = "",
    ) -> Seat:
        """Makes a room and gives the first seat in it.

        Args:
            kind: of the room.
            options: for `on_create`.
            player: a name for `place.player`.
            labels: of the room. Labels that `on_create` sets count more.
            private: True never lists or fills the room: only its code leads to it.
            base: see `quick`.

        Raises:
            NoRoom: there is no such kind.
            Full: the hall takes no more rooms.
            Draining: the hall is about to stop.
            RoomError: `on_create` refused.
            ValueError: a label is not valid.
        """
        return self._seat(self._make(kind, options, check_labels(labels), private), player, base)

    def find(self, kind: str, labels: Labels | None = None) -> list[Listed]:
        """Lists the public rooms of a kind that admit players and have all these labels, the fullest first.

        Raises:
            NoRoom: there is no such kind.
            ValueError: a label is not valid.
        """
        self._check_kind(kind)
        rooms = self._open_rooms(kind, check_labels(labels))
        return [Listed(room.code, kind, dict(room.labels), room.taken, room.max_peers) for room in rooms]

    # ------------------------------------------------------------------------------------------ for gdpeer itself

    def player_of(self, request: Request) -> str | None:
        """Returns the name of the player who sends a request. `identify` may raise HandshakeError."""
        return None if self.identify is None else self.identify(request)

    def base_for(self, request: Request | None) -> str:
        """Returns the beginning of the URLs for the client of a request: as the client sees this server.

        None stands for this program itself.
        """
        hall = self._hall
        if hall.public_url is not None:
            return hall.public_url
        is_secure = hall.server.private_key is not None
        if request is None:
            return f"{'wss' if is_secure else 'ws'}://127.0.0.1:{hall.get_local_port()}"
        # A page that came by https cannot use ws://, so a proxy with TLS must be in front of this server.
        is_secure = is_secure or request.headers.get("origin").startswith("https://")
        return f"{'wss' if is_secure else 'ws'}://{request.headers.get('host')}"

    def take_quick(self, kind: str, labels: Labels | None, player: str | None, base: str) -> tuple[Seat, bool]:
        """Does the work of `quick`. Returns the seat, and whether a room was made for it."""
        self._check_kind(kind)
        wanted = check_labels(labels)
        for room in self._candidates(kind, wanted):
            try:
                seat = self._seat(room, player, base)
            except (Full, Locked, NoRoom):  # for a reason that `_is_open` does not know: look at the next room
                continue
            self._remember(kind, wanted, room)
            return seat, False
        room = self._make(kind, dict(wanted), wanted, private=False)
        self._remember(kind, wanted, room)
        return self._seat(room, player, base), True

    # ------------------------------------------------------------------------------------------ inside

    def _check_kind(self, kind: str) -> None:
        if kind not in self._hall.kinds:
            raise NoRoom("there is no such kind of room")
        if self._hall.is_draining:
            raise Draining("the server is about to stop")

    def _candidates(self, kind: str, labels: Labels) -> Iterator[Room]:
        # The room that took the last player mostly takes the next as well, so few calls look at all rooms.
        last = self._hall.rooms.get(self._filling.get(_key(kind, labels), ""))
        if last is not None and last.kind == kind and _is_open(last) and fits(last.labels, labels):
            yield last
        yield from self._open_rooms(kind, labels)

    def _remember(self, kind: str, labels: Labels, room: Room) -> None:
        if len(self._filling) >= MOST_FILLING:
            self._filling.clear()
        self._filling[_key(kind, labels)] = room.code

    def _open_rooms(self, kind: str, labels: Labels) -> list[Room]:
        found = [room for room in self._hall.find(kind) if _is_open(room) and fits(room.labels, labels)]
        found.sort(key=lambda room: -room.taken)
        return found

    def _make(self, kind: str, options: Any, labels: Labels, private: bool) -> Room:
        self._check_kind(kind)
        room = self._hall.create(kind, options, private=private)
        if labels:
            room.labels = {**labels, **room.labels}
        return room

    def _seat(self, room: Room, player: str | None, base: str) -> Seat:
        place = room.reserve(player, ttl=SEAT_SECONDS)
        expires = ceil(self._hall.wall() + SEAT_SECONDS)
        claims = SeatClaims(
            room.code, room.kind, place.peer_id, place.jti, expires, expires + LONGEST_RESUME, player=player
        )
        start = (base or self.base_for(None)).rstrip("/")
        return Seat(f"{start}/room/{room.code}?seat={issue_seat(self._keys, claims)}", place.peer_id, expires)


def _key(kind: str, labels: Labels) -> Hashable:
    return kind, frozenset(labels.items())


def _is_open(room: Room) -> bool:
    """Whether a stranger may be led to a room."""
    return not (room.private or room.locked) and (not room.max_peers or room.taken < room.max_peers)


_WORDS: tuple[tuple[type[RoomError], str], ...] = (
    (NoRoom, "no_room"),
    (Full, "full"),
    (Locked, "locked"),
    (Draining, "draining"),
    (RoomError, "refused"),
)


def word_of(problem: RoomError) -> str:
    """Returns the word that tells clients why they got no seat."""
    return next(word for kind, word in _WORDS if isinstance(problem, kind))
