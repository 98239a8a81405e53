"""`Monitor`: shows a hall's rooms and players to its operator, in a web page and as JSON, and obeys the operator.

    hall.http_handler = http.chain(Monitor(hall, token), http.StaticFolder("page"))

    GET  /monitor/                          the page: it asks for the token
    GET  /monitor/api/rooms?find=TEXT       the hall or the cluster, and the fullest rooms
    GET  /monitor/api/rooms/K7Q2M3          a room, its players, the time of its turns, refused packets and its nodes
    POST /monitor/api/rooms/K7Q2M3/close    {"reason": "maintenance"}
    POST /monitor/api/rooms/K7Q2M3/lock     {"locked": true}
    POST /monitor/api/rooms/K7Q2M3/kick     {"peer_id": 5, "reason": "spam"}
    POST /monitor/api/rooms/K7Q2M3/message  {"text": "the server restarts in 5 minutes"}

In a cluster the monitor of each worker shows all workers and rooms, and passes requests on to the worker of a room.

Requests to the API carry `Authorization: Bearer TOKEN`. Browsers send this header for no page of another site, so a
stranger's page cannot use an operator's browser. Without a token the monitor answers nothing.

Layer: `rooms`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from functools import partial
from heapq import nlargest
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, unquote

from gdpeer.attributes import Guarded
from gdpeer.http.bearer import bearer_of, check_token, is_token
from gdpeer.http.own_pages import below, page_beside
from gdpeer.http.response import Reply, Response
from gdpeer.logs import get_logger
from gdpeer.protocol.http_headers import Request
from gdpeer.rooms.codes import find_code
from gdpeer.rooms.place import PlaceState

if TYPE_CHECKING:
    from gdpeer.multiplayer.tree import SceneTree
    from gdpeer.rooms.hall import Hall
    from gdpeer.rooms.lifecycle import RoomLifecycle
    from gdpeer.rooms.place import Place
    from gdpeer.rooms.room import Room

__all__ = ["Monitor", "watch_room"]

logger = get_logger("gdpeer.rooms")

MOST_ROOMS = 200
"""Rooms that one answer lists; the page tells how many there are."""

MOST_NODES = 200
"""Nodes of a room that one answer lists."""

MOST_BODY = 16_384
MOST_REASON = 123
"""Bytes of the reason in a close frame (RFC 6455 section 5.5.1)."""

PATH = "/monitor"
_API = f"{PATH}/api/rooms"


class Monitor(Guarded):
    """A handler that serves the monitor of a hall.

    Args:
        hall: has the rooms.
        token: for requests to the API, at least 16 characters. "" turns the monitor off.

    Raises:
        ValueError: the token is too short.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, hall: Hall, token: str) -> None:
        self._hall = hall
        self._token = check_token(token) if token else ""
        self._wrong = hall.guessing.attempts(10, 10 / 60)
        self._page = below(PATH, page_beside(__file__))

    def __call__(self, request: Request) -> Reply:
        """Answers requests for the monitor; returns None for other requests, and without a token for all."""
        if not self._token or not (request.path == PATH or request.path.startswith(f"{PATH}/")):
            return None
        if not request.path.startswith(f"{PATH}/api/"):
            return self._page(request)
        return self._refusal(request) or self._answer(request)

    def _refusal(self, request: Request) -> Response | None:
        address = request.remote_address[0]
        if self._wrong.wait(address) > 0:
            return _problem(429, "too many wrong tokens from this address: wait a minute")
        if is_token(bearer_of(request), self._token):
            return None
        if bearer_of(request):
            self._wrong.count(address)
        return _problem(401, "the monitor needs its token", ("WWW-Authenticate", "Bearer"))

    def _answer(self, request: Request) -> Reply:
        if request.path != _API and not request.path.startswith(f"{_API}/"):
            return _problem(404, "there is no such page")
        code, _, act = unquote(request.path.removeprefix(_API).strip("/")).partition("/")
        wrong = _only(request, "POST" if act else "GET")
        if wrong is not None:
            return wrong
        if not code:
            return self._list(request)
        try:
            wishes = _body(request) if act else {}
        except _Refused as problem:
            return _problem(problem.status, str(problem))
        code, neighbours = find_code(code), self._hall.neighbours
        if neighbours is not None and code not in self._hall.rooms:
            elsewhere = neighbours.watch(code, act, wishes)
            if elsewhere is not None:
                return elsewhere
        return Response.json(*watch_room(self._hall, code, act, wishes))

    def _list(self, request: Request) -> Response:
        hall, rooms = self._hall, self._hall.rooms.values()
        words = parse_qs(request.query).get("find", [""])[0].lower()
        found = [room for room in rooms if words in _searched(room)] if words else rooms
        # The rooms wait meanwhile: do not sort ten thousand of them.
        fullest = nlargest(MOST_ROOMS, found, key=lambda room: len(room.places))
        answer = {
            "draining": hall.is_draining,
            "kinds": Counter(map(attrgetter("kind"), rooms)),
            "total": len(rooms),
            "players": hall.taken,
            "found": len(found),
            "rooms": [as_json(room) for room in fullest],
        }
        return Response.json(answer if hall.neighbours is None else _with_others(answer, hall, words))


def _with_others(answer: dict[str, Any], hall: Hall, words: str) -> dict[str, Any]:
    """Returns a list that also holds the rooms of the other workers, and all workers."""
    assert hall.neighbours is not None
    own = hall.neighbours.name
    others = hall.neighbours.list_others(words, MOST_ROOMS)
    rooms = [{**room, "worker": own} for room in answer["rooms"]] + others.rooms
    return {
        **answer,
        "kinds": answer["kinds"] + others.kinds,
        "total": answer["total"] + others.kinds.total(),
        "players": answer["players"] + others.players,
        "found": answer["found"] + others.found,
        "rooms": nlargest(MOST_ROOMS, rooms, key=itemgetter("taken")),
        "workers": others.workers,
    }


# ---------------------------------------------------------------------------------------------------- one room


def watch_room(hall: Hall, code: str, act: str, wishes: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """Shows a room of this hall, or does what the operator wants.

    Args:
        hall: has the room.
        code: of the room.
        act: "close", "lock", "kick" or "message"; "" shows the room.
        wishes: the body of the request.

    Returns:
        The answer as JSON, and its HTTP status.
    """
    life = hall.life_of(code)
    if life is None or life.is_closed:
        return {"error": "there is no room with this code"}, 404
    if not act:
        return details_of(life), 200
    if act not in _ACTS:
        return {"error": f"there is no such action: use {', '.join(_ACTS)}"}, 404
    try:
        _ACTS[act](life.room, wishes)
    except _Refused as problem:
        return {"error": str(problem)}, problem.status
    logger.info("room %s: %s by the operator", code, act)
    return {"done": act}, 200


def details_of(life: RoomLifecycle) -> dict[str, Any]:
    """Returns all that the monitor shows of a room."""
    nodes = paths_of(life.tree)
    return {
        **as_json(life.room),
        "players": players_of(life.room),
        "turns": life.turns,
        "turn_ms": round(1000 * life.turn_seconds / max(1, life.turns), 3),
        "longest_turn_ms": round(1000 * life.longest_turn, 3),
        "refused": dict(life.refused),
        "nodes": len(nodes),
        "tree": nodes[:MOST_NODES],
    }


def _close(room: Room, wishes: dict[str, Any]) -> None:
    room.close(_text(wishes, "reason", "closed by the operator", MOST_REASON))


def _lock(room: Room, wishes: dict[str, Any]) -> None:
    room.unlock() if wishes.get("locked") is False else room.lock()


def _kick(room: Room, wishes: dict[str, Any]) -> None:
    place = next((one for one in places_of(room) if one.peer_id == wishes.get("peer_id")), None)
    if place is None:
        raise _Refused("there is no such player in this room", 404)
    room.kick(place, _text(wishes, "reason", "removed by the operator", MOST_REASON))


def _message(room: Room, wishes: dict[str, Any]) -> None:
    text = _text(wishes, "text", "", 4096)
    if not text:
        raise _Refused("the message is empty")
    room.soon(partial(room.on_message, "operator", text))


_ACTS: dict[str, Callable[[Room, dict[str, Any]], None]] = {
    "close": _close,
    "lock": _lock,
    "kick": _kick,
    "message": _message,
}


class _Refused(Exception):
    """A wish of the operator that cannot be fulfilled."""

    def __init__(self, detail: str, status: int = 400) -> None:
        super().__init__(detail)
        self.status = status


# ---------------------------------------------------------------------------------------------------- JSON


def as_json(room: Room) -> dict[str, Any]:
    """Returns a room as the monitor shows it."""
    states = Counter(place.state for place in places_of(room))
    return {
        "code": room.code,
        "kind": room.kind,
        "labels": dict(room.labels),
        "private": room.private,
        "locked": room.locked,
        "max_peers": room.max_peers,
        "taken": room.taken,
        "here": states[PlaceState.HERE],
        "away": states[PlaceState.AWAY],
        "seats": states[PlaceState.TAKEN],
    }


def players_of(room: Room) -> list[dict[str, Any]]:
    """Returns the places of a room as the monitor shows them: nothing by which a stranger could take one."""
    return [
        {
            "peer_id": place.peer_id,
            "player": None if place.player is None else str(place.player),
            "state": place.state.name.lower(),
        }
        for place in places_of(room)
    ]


def paths_of(tree: SceneTree) -> list[str]:
    """Returns the paths of all nodes of a tree, the root's first, each parent before its children."""
    found: list[str] = []
    pending = [tree.root]
    while pending:
        node = pending.pop()
        found.append(str(node.get_path()))
        pending.extend(reversed(node.get_children()))
    return found


def places_of(room: Room) -> list[Place]:
    """Returns the places of a room."""
    return list(room.places.values())


def _searched(room: Room) -> str:
    players = (str(place.player) for place in places_of(room) if place.player is not None)
    return " ".join(
        (room.code, room.kind, *(f"{name}={value}" for name, value in room.labels.items()), *players)
    ).lower()


def _body(request: Request) -> dict[str, Any]:
    if len(request.body) > MOST_BODY:
        raise _Refused("the body is too long", 413)
    try:
        found = json.loads(request.body or b"{}")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _Refused("the body must be a JSON object")
    return found


def _text(wishes: dict[str, Any], name: str, default: str, most: int) -> str:
    found = wishes.get(name, default)
    if not isinstance(found, str) or len(found.encode("utf-8", "replace")) > most:
        raise _Refused(f"{name} must be a text of at most {most} bytes")
    return found or default


def _only(request: Request, method: str) -> Response | None:
    is_right = request.method == method or (method == "GET" and request.method == "HEAD")
    return None if is_right else _problem(405, f"use {method} here", ("Allow", method))


def _problem(status: int, message: str, *headers: tuple[str, str]) -> Response:
    plain = Response.json({"error": message}, status)
    return Response(status, plain.body, plain.content_type, (*plain.headers, *headers))
