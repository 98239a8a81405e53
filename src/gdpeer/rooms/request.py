"""Reads from an upgrade request which room a client wants, and by which key or seat.

    ws://host/room/K7Q2M3?session=KEY                     a session key, which the game has drawn
    ws://host/room/K7Q2M3?seat=TOKEN                      a seat of the lobby
    ws://host/            gdpeer, room.K7Q2M3, seat.TOKEN    the same as sub-protocols: the URL holds no secret
    ws://host/room/K7Q2M3  Authorization: Bearer TOKEN    the same as a header (not in browsers)
    ws://host/                                            the lobby room

Everything that decides about room and peer id stands in the request: a Godot client sends nothing else before it has
its id.

Layer: `rooms`; pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from gdpeer.errors import HandshakeError
from gdpeer.protocol.http_headers import Request
from gdpeer.rooms.codes import find_code

__all__ = ["PROTOCOLS", "RoomRequest", "read_request"]

PROTOCOLS = ("gdpeer", "")
"""The sub-protocols of a server with rooms, for its settings: it chooses `gdpeer`, while `room.` and `seat.` only carry
values. The empty name accepts clients that offer none."""

LEAST_KEY = 16
"""Bytes of the shortest session key."""

_ROOM, _SEAT = "room.", "seat."
_BEARER = "bearer "


@dataclass(frozen=True, slots=True)
class RoomRequest:
    """The wishes of an upgrade request. `repr` hides key and token.

    Attributes:
        code: of the room, in upper case; "" for the path `/` without the sub-protocol `room.`: the lobby room, or the
            room that the seat names.
        kind: of the room, from a path such as `/room/arena/K7Q2M3`; "": any kind.
        session_key: at least 16 bytes; None: the request has none, or a seat, which counts more.
        seat_token: a seat of the lobby, not checked yet; "": the request has none.
    """

    code: str
    kind: str = ""
    session_key: bytes | None = None
    seat_token: str = ""

    def __repr__(self) -> str:
        key = "" if self.session_key is None else ", session_key=***"
        seat = ", seat_token=***" if self.seat_token else ""
        return f"RoomRequest({self.code!r}, kind={self.kind!r}{key}{seat})"


def read_request(request: Request) -> RoomRequest:
    """Reads which room an upgrade request wants.

    For the room the path counts, and at the path `/` the sub-protocol `room.`. For the seat the query counts before the
    sub-protocol `seat.`, and both before the header `Authorization: Bearer`, which other programs use too.

    Raises:
        HandshakeError: 404 for a path or code that no room can have; 403 for an empty seat; 400 for a session key with
            fewer than 16 bytes, or if the request names two rooms, two keys or two seats. No text repeats a key or a
            seat.
    """
    kind, code = _read_path(request.path)
    codes = [_checked_code(text) for text in _offered(request, _ROOM)]
    code = _only("room", [code, *codes] if code else codes)
    key, seats = _read_query(request.query)
    seat = _only("seat", [*seats, *_offered(request, _SEAT)]) or _bearer(request)
    return RoomRequest(code, kind, None if seat else key, seat)


def _read_path(path: str) -> tuple[str, str]:
    """Returns the kind and the code of a path; "" where the path has none."""
    if path in ("/", ""):
        return "", ""
    first, *rest = path.removeprefix("/").removesuffix("/").split("/")
    if first != "room" or not 1 <= len(rest) <= 2:
        raise HandshakeError("there is no room at this path: use /room/CODE", status=404)
    return (rest[0] if len(rest) == 2 else ""), _checked_code(rest[-1])


def _checked_code(text: str) -> str:
    code = find_code(text)
    if not code:
        raise HandshakeError("no such room: a code has 6 digits and letters, without I, L, O and U", status=404)
    return code


def _read_query(query: str) -> tuple[bytes | None, list[str]]:
    """Returns the session key, and the seats. Other names in the query belong to the game."""
    keys: list[str] = []
    seats: list[str] = []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if name == "session":
            keys.append(value)
        elif name == "seat":
            seats.append(value)
    return (_checked_key(_only("session", keys)) if keys else None), seats


def _checked_key(text: str) -> bytes:
    key = unquote_to_bytes(text)
    if len(key) < LEAST_KEY:
        raise HandshakeError(f"a session key has at least {LEAST_KEY} bytes, drawn at random", status=400)
    return key


def _offered(request: Request, prefix: str) -> list[str]:
    """Returns what stands behind a prefix in the sub-protocols that the client offers."""
    header = request.headers.get("sec-websocket-protocol")
    if prefix not in header:  # most clients offer none
        return []
    items = (item.strip() for item in header.split(","))
    return [item.removeprefix(prefix) for item in items if item.startswith(prefix)]


def _only(what: str, values: list[str]) -> str:
    """Returns the value that a request states, once or several times alike; "" if the request states no value."""
    if len(set(values)) > 1:
        raise HandshakeError(f"the request names more than one {what}", status=400)
    if values and not values[0]:
        raise HandshakeError(f"the {what} is empty", status=403 if what == "seat" else 400)
    return values[0] if values else ""


def _bearer(request: Request) -> str:
    header = request.headers.get("authorization")
    return header[len(_BEARER) :].strip() if header[: len(_BEARER)].lower() == _BEARER else ""
