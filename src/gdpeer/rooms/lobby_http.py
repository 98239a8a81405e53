"""`LobbyPages`: the lobby by HTTP, for menus with Godot's `HTTPRequest` and for pages.

    POST /lobby/KIND/quick     {"labels": {"map": "sand"}}                              a seat; 201 in a new room
    POST /lobby/KIND/create    {"options": ..., "labels": {...}, "private": true}       a seat in a new room
    POST /lobby/join/CODE      {}                                                       a seat in this room
    GET  /lobby/KIND?map=sand                                                           the public rooms

A seat is `{"url": "wss://...", "peer_id": 7, "expires": 1800000000}`, an error `{"error": "full", "message": "..."}`:

| Status | `error` | Meaning |
|---|---|---|
| 400 | `bad_request` | The body is no JSON object, or has a wrong value. |
| 403 | `origin` | Pages of this origin may not ask (`allowed_origins`). |
| 403 | `refused` | The room's `on_create` refused (RoomError). |
| 404 | `no_room` | There is no such kind or room. |
| 405 | `method` | Another method is needed. |
| 409 | `locked` | The room is locked. |
| 429 | `too_many` | Too many wrong codes, or new rooms, from this address. `Retry-After` says when to go on. |
| 503 | `full`, `draining` | No place is free, or the server is about to stop. `Retry-After` says when to try again. |
| 503 | `unreachable` | In a cluster: the room is moving, or its worker cannot be reached now. As above. |

Layer: `rooms`. Source: RFC 9110; Fetch section 3.2 (CORS).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from math import ceil
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl

from gdpeer.errors import HandshakeError
from gdpeer.http.response import Reply, Response
from gdpeer.protocol.http_headers import Request
from gdpeer.rooms.errors import NoRoom, RoomError
from gdpeer.rooms.labels import BadLabels, Label, check_labels
from gdpeer.rooms.lobby import Lobby, Seat, word_of

if TYPE_CHECKING:
    from gdpeer.rooms.hall import Hall

__all__ = ["LobbyPages"]

MOST_LISTED = 100
"""Rooms in an answer to `GET /lobby/KIND`: the fullest."""

RETRY_AFTER = 5
"""Seconds after which a full or stopping server may be asked again."""

ROOMS_AT_ONCE = 200
ROOMS_PER_SECOND = 5.0
"""New rooms that one address may ask for."""

_START = "/lobby/"
_PREFLIGHT = (
    ("Access-Control-Allow-Methods", "GET, POST"),
    ("Access-Control-Allow-Headers", "Content-Type, Authorization"),
    ("Access-Control-Max-Age", "600"),
)

Fields = dict[str, Any]


class _Refused(Exception):
    """An error for the client."""

    def __init__(self, status: int, error: str, message: str, retry_after: int = 0, allow: str = "") -> None:
        super().__init__(message)
        headers = [("Retry-After", str(retry_after))] if retry_after else []
        headers += [("Allow", allow)] if allow else []
        answer = Response.json({"error": error, "message": message}, status)
        self.response = replace(answer, headers=(*answer.headers, *headers))


class _Late:
    """A response that is made once another worker has answered: a `LateResponse`."""

    def __init__(self, pending: Any, finish: Callable[[], Response]) -> None:
        self.pending = pending
        self.finish = finish

    def then(self, callback: Callable[[_Late], object], /) -> None:
        """Calls `callback` once the other worker has answered."""
        self.pending.then(lambda done: callback(self))

    def result(self) -> Response:
        """Returns the response, which is JSON."""
        return self.finish()


def _later(pending: Any, finish: Callable[[Callable[[], Any]], Response]) -> _Late:
    """Returns a response that `finish` makes of the result of an `Answer`."""
    return _Late(pending, lambda: finish(pending.result))


class LobbyPages:
    """A handler that answers requests below `/lobby/`, and declines all others.

    Requests without an `Origin` header come from no page, and are always allowed.

    Args:
        hall: has the limits and `allowed_origins`.
        lobby: gives the seats.
    """

    def __init__(self, hall: Hall, lobby: Lobby) -> None:
        self._hall = hall
        self._lobby = lobby
        self._new_rooms = hall.guessing.attempts(ROOMS_AT_ONCE, ROOMS_PER_SECOND)

    def __call__(self, request: Request) -> Reply:
        """Answers a request below `/lobby/`; returns None for all others. In a cluster the answer comes later."""
        if not request.path.startswith(_START):
            return None
        origin = request.headers.get("origin")
        allowed = self._hall.allowed_origins
        if origin and allowed is not None and origin not in allowed:
            return _Refused(403, "origin", "pages of this origin may not ask here").response
        return self._guarded(lambda: self._answer(request), origin)

    def _guarded(self, answer: Callable[[], Response | _Late], origin: str) -> Response | _Late:
        """Returns the response, or the refusal that an exception stands for."""
        try:
            response = answer()
        except Exception as problem:
            refused = _refusal(problem)
            if refused is None:
                raise
            response = refused.response
        if isinstance(response, _Late):
            finish = response.finish
            return _Late(response.pending, lambda: cast("Response", self._guarded(finish, origin)))
        return self._with_cors(response, origin) if origin else response

    def _with_cors(self, response: Response, origin: str) -> Response:
        # A page of an allowed origin must also be able to read an error.
        allowed = "*" if self._hall.allowed_origins is None else origin
        return replace(
            response,
            headers=(
                *response.headers,
                ("Access-Control-Allow-Origin", allowed),
                ("Access-Control-Expose-Headers", "Retry-After"),
                ("Vary", "Origin"),
            ),
        )

    def _answer(self, request: Request) -> Response | _Late:
        parts = request.path.removeprefix(_START).split("/")
        if request.method == "OPTIONS":
            return Response(200, headers=_PREFLIGHT)
        match parts:
            case [kind] if kind:
                _check_method(request, "GET", "HEAD")
                return self._list(kind, request)
            case ["join", code]:
                _check_method(request, "POST")
                return self._join(code, request)
            case [kind, "quick"]:
                _check_method(request, "POST")
                return self._quick(kind, request)
            case [kind, "create"]:
                _check_method(request, "POST")
                return self._create(kind, request)
        raise NoRoom("the lobby has nothing at this path")

    def _list(self, kind: str, request: Request) -> Response:
        # Values of a query are texts, so labels with numbers are compared by their text.
        wanted = dict(parse_qsl(request.query, keep_blank_values=True))
        cluster = self._hall.cluster
        found = [
            room
            for room in (self._lobby if cluster is None else cluster.lobby).find(kind)
            if all(_as_text(room.labels.get(name)) == value for name, value in wanted.items())
        ]
        return Response.json({"rooms": [asdict(room) for room in found[:MOST_LISTED]]})

    def _join(self, code: str, request: Request) -> Response | _Late:
        address = request.remote_address[0]
        self._hall.guessing.check_code(address)
        _read_body(request, {})
        player, base, cluster = self._lobby.player_of(request), self._lobby.base_for(request), self._hall.cluster

        def finish(seat: Callable[[], Seat]) -> Response:
            try:
                return _seat_response(seat(), 200)
            except NoRoom:
                self._hall.guessing.miss_code(address)
                raise

        if cluster is None:
            return finish(lambda: self._lobby.join(code, player, base=base))
        return _later(cluster.lobby.join(code, player, base=base), finish)

    def _quick(self, kind: str, request: Request) -> Response | _Late:
        fields = _read_body(request, {"labels": dict})
        self._check_new_rooms(request)
        labels, cluster = _labels(fields), self._hall.cluster
        player, base = self._lobby.player_of(request), self._lobby.base_for(request)

        def finish(given: Callable[[], tuple[Seat, bool]]) -> Response:
            seat, is_new = given()
            if is_new:
                self._new_rooms.count(request.remote_address[0])
            return _seat_response(seat, 201 if is_new else 200)

        if cluster is None:
            return finish(lambda: self._lobby.take_quick(kind, labels, player, base))
        return _later(cluster.lobby.take_quick(kind, labels, player, base), finish)

    def _create(self, kind: str, request: Request) -> Response | _Late:
        fields = _read_body(request, {"options": object, "labels": dict, "private": bool})
        labels, cluster = _labels(fields), self._hall.cluster
        self._check_new_rooms(request)
        self._new_rooms.count(request.remote_address[0])
        player, base = self._lobby.player_of(request), self._lobby.base_for(request)
        lobby: Any = self._lobby if cluster is None else cluster.lobby
        seat = lobby.create(
            kind, fields.get("options"), player, labels=labels, private=fields.get("private", False), base=base
        )
        return _seat_response(seat, 201) if cluster is None else _later(seat, lambda seat: _seat_response(seat(), 201))

    def _check_new_rooms(self, request: Request) -> None:
        wait = self._new_rooms.wait(request.remote_address[0])
        if wait > 0:
            raise _Refused(429, "too_many", "too many new rooms for this address", ceil(wait))


def _check_method(request: Request, *methods: str) -> None:
    if request.method not in methods:
        allowed = ", ".join(methods)
        raise _Refused(405, "method", f"use {allowed} here", allow=allowed)


def _read_body(request: Request, known: Mapping[str, type]) -> Fields:
    """Returns the fields of a JSON object that are not null; an empty body is an empty object."""
    try:
        fields = json.loads(request.body or b"{}", parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise _bad_request("the body must be a JSON object") from None
    if not isinstance(fields, dict):
        raise _bad_request("the body must be a JSON object")
    for name, value in fields.items():
        if name not in known:
            raise _bad_request(f"unknown: {name[:40]!r}; known here: {', '.join(known) or 'nothing'}")
        if value is not None and not isinstance(value, known[name]):
            raise _bad_request(f"{name}: expected {_JSON_NAMES[known[name]]}")
    return {name: value for name, value in fields.items() if value is not None}


_JSON_NAMES: dict[type, str] = {dict: "an object", bool: "true or false"}


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _labels(fields: Fields) -> dict[str, Label]:
    try:
        return check_labels(fields.get("labels"))
    except BadLabels as problem:
        raise _bad_request(str(problem)) from None


def _bad_request(message: str) -> _Refused:
    return _Refused(400, "bad_request", message)


def _as_text(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


def _seat_response(seat: Seat, status: int) -> Response:
    return Response.json({"url": seat.url, "peer_id": seat.peer_id, "expires": int(seat.expires)}, status)


def _refusal(problem: Exception) -> _Refused | None:
    """Returns the answer for an exception; None: it is a mistake of the program."""
    if isinstance(problem, _Refused):
        return problem
    if isinstance(problem, HandshakeError):
        return _of_handshake(problem)
    if isinstance(problem, RoomError):
        return _Refused(problem.status, word_of(problem), problem.detail, RETRY_AFTER if problem.status == 503 else 0)
    return None


def _of_handshake(problem: HandshakeError) -> _Refused:
    retry_after = int(dict(problem.headers).get("Retry-After", 0))
    error = {403: "forbidden", 429: "too_many"}.get(problem.status, "refused")
    return _Refused(problem.status or 403, error, problem.detail, retry_after)
