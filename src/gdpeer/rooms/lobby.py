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

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from itertools import islice
from math import ceil
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from gdpeer.attributes import Guarded
from gdpeer.coroutines import refuse_async
from gdpeer.protocol.http_headers import Request
from gdpeer.rooms.codes import find_code
from gdpeer.rooms.errors import Draining, Full, Locked, NoRoom, RoomError, Unreachable
from gdpeer.rooms.labels import MOST_LABELS, Label, Labels, check_labels, fits
from gdpeer.rooms.tokens import LONGEST_RESUME, MOST_TEXT, SeatClaims, issue_seat, load_jwt

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

MOST_REMEMBERED = 256
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


class _Last(NamedTuple):
    """The room that `quick` gave last for a kind and labels: it mostly takes the next player as well.

    Attributes:
        code: of the room.
        others_full: `Hall.openings` when all other rooms were full. As long as the number is the same, there is no
            need to look at all rooms again.
    """

    code: str
    others_full: int


_NONE = _Last("", -1)


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
        self.identify: Callable[[Request], str | None] | None = None
        self._hall = hall
        self._last: dict[Hashable, _Last] = {}  # by kind and labels

    def quick(self, kind: str, labels: Labels | None = None, player: str | None = None, *, base: str = "") -> Seat:
        """Gives a seat in a public room with these labels, or in a new room if all are full.

        The fullest room comes first, so rooms are filled before new rooms are made. A new room gets the labels, and
        `on_create` gets them as its options.

        Args:
            kind: of the room.
            labels: the room must have all of them.
            player: a name for `place.player`, at most 256 characters.
            base: the beginning of the URL, as "wss://play.example". "": the hall's `public_url`, or this machine.

        Raises:
            NoRoom: there is no such kind.
            Full: no room has a free place, and the hall takes no more rooms.
            Draining: the hall is about to stop.
            RoomError: the new room's `on_create` refused.
            ValueError: a label or the name is not valid.
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
            ValueError: a label or the name is not valid.
        """
        return self._first_seat(self._make(kind, options, check_labels(labels), private), player, base)

    def find(self, kind: str, labels: Labels | None = None) -> list[Listed]:
        """Lists the public rooms of a kind that admit players and have all these labels, the fullest first.

        Raises:
            NoRoom: there is no such kind.
            ValueError: a label or the name is not valid.
        """
        if kind not in self._hall.kinds:
            raise NoRoom("there is no such kind of room")
        rooms = self.open_rooms(kind, check_labels(labels))
        return [Listed(room.code, kind, dict(room.labels), room.taken, room.max_peers) for room in rooms]

    # ------------------------------------------------------------------------------------------ for gdpeer itself

    def player_of(self, request: Request) -> str | None:
        """Returns the name of the player who sends a request. `identify` may raise HandshakeError."""
        if self.identify is None:
            return None
        refuse_async("lobby.identify", self.identify)  # a coroutine would be the name of every player
        return self.identify(request)

    def base_for(self, request: Request | None) -> str:
        """Returns the beginning of the URLs for the client of a request: as the client sees this server.

        None stands for this program itself.
        """
        hall = self._hall
        if hall.public_url is not None:
            return hall.public_url
        is_secure = hall.server.private_key is not None
        host = ""
        if request is not None:
            host = request.headers.get("host")
            # A page that came by https cannot use ws://, so a proxy with TLS must be in front of this server.
            is_secure = is_secure or request.headers.get("origin").startswith("https://")
        return f"{'wss' if is_secure else 'ws'}://{host or f'127.0.0.1:{hall.get_local_port()}'}"

    def take_quick(self, kind: str, labels: Labels | None, player: str | None, base: str) -> tuple[Seat, bool]:
        """Does the work of `quick`. Returns the seat, and whether a room was made for it."""
        self._check_kind(kind)
        wanted = check_labels(labels)
        last = self._last.get(_key(kind, wanted), _NONE)
        room = self._hall.rooms.get(last.code)
        if room is not None and self.may_fill(room, kind, wanted):
            seat = self.try_seat(room, player, base)
            if seat is not None:
                return seat, False
        if last.others_full != self._hall.openings:
            for room in self.open_rooms(kind, wanted):
                seat = self.try_seat(room, player, base)
                if seat is not None:
                    self._remember(kind, wanted, _Last(room.code, -1))
                    return seat, False
        room = self._make(kind, dict(wanted), wanted, private=False)
        seat = self._first_seat(room, player, base)
        self._remember(kind, wanted, _Last(room.code, self._hall.openings))
        return seat, True

    def try_seat(self, room: Room, player: str | None, base: str) -> Seat | None:
        """Returns a seat; None if the room refuses for a reason that `_is_open` does not know."""
        try:
            return self._seat(room, player, base)
        except (Full, Locked, NoRoom):
            return None

    def may_fill(self, room: Room, kind: str, labels: Labels) -> bool:
        """Whether a stranger may be led to a room, who wants this kind and these labels."""
        return room.kind == kind and _is_open(room) and fits(room.labels, labels)

    def open_rooms(self, kind: str, labels: Labels) -> list[Room]:
        """Returns the rooms that `quick` may fill, the fullest first."""
        found = [room for room in self._hall.find(kind) if _is_open(room) and fits(room.labels, labels)]
        found.sort(key=lambda room: -room.taken)
        return found

    # ------------------------------------------------------------------------------------------ inside

    def _check_kind(self, kind: str) -> None:
        if kind not in self._hall.kinds:
            raise NoRoom("there is no such kind of room")
        # Asked before any room is: each of thousands of rooms would refuse for this reason.
        self._hall.check_free()

    def _remember(self, kind: str, labels: Labels, last: _Last) -> None:
        if len(self._last) >= MOST_REMEMBERED:
            self._last.clear()
        self._last[_key(kind, labels)] = last

    def _make(self, kind: str, options: Any, labels: Labels, private: bool) -> Room:
        self._check_kind(kind)
        room = self._hall.create(kind, options, private=private)
        if labels:
            merged = {**room.labels, **labels, **room.labels}  # its own first, as there may be too many
            room.labels = dict(islice(merged.items(), MOST_LABELS))
        return room

    def _first_seat(self, room: Room, player: str | None, base: str) -> Seat:
        """Returns a seat in a new room; closes the room if there is no seat."""
        try:
            return self._seat(room, player, base)
        except RoomError:
            room.close()
            raise

    def _seat(self, room: Room, player: str | None, base: str) -> Seat:
        check_player_name(player)
        place = room.reserve(player, ttl=SEAT_SECONDS)
        expires = ceil(self._hall.wall() + SEAT_SECONDS)
        claims = SeatClaims(
            room.code, room.kind, place.peer_id, place.jti, expires, expires + LONGEST_RESUME, player=player
        )
        keys = self._hall.keys
        assert keys is not None  # a hall with a lobby has a secret
        start = (base or self.base_for(None)).rstrip("/")
        return Seat(f"{start}/room/{room.code}?seat={issue_seat(keys, claims)}", place.peer_id, expires)


def check_player_name(player: str | None) -> None:
    """Raises a ValueError if the lobby can give no seat to a player with this name."""
    if player is not None and not 0 < len(player) <= MOST_TEXT:
        raise ValueError(f"a player's name has 1 to {MOST_TEXT} characters")


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
    (Unreachable, "unreachable"),
    (RoomError, "refused"),
)


def word_of(problem: RoomError) -> str:
    """Returns the word that tells clients why they got no seat."""
    return next(word for kind, word in _WORDS if isinstance(problem, kind))
