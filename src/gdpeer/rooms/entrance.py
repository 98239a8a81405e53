"""`Entrance`: leads each upgrade request to its room and place, or refuses it. It is the `Placer` of the hall's server.

    admit    the request names a room, and by a session key or a seat a place; `on_auth` of the room decides
    place    the connection is open: a former connection of the place makes way, and the room's session begins
    forget   the connection ended before it was open

Layer: `rooms`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from gdpeer.errors import HandshakeError
from gdpeer.http.response import Response
from gdpeer.logs import get_logger, report
from gdpeer.protocol.http_headers import Headers, Request
from gdpeer.rooms.errors import Draining, Full, NoRoom, RoomError, Unreachable
from gdpeer.rooms.lifecycle import RoomLifecycle
from gdpeer.rooms.neighbours import Finding
from gdpeer.rooms.place import Place, PlaceState
from gdpeer.rooms.request import RoomRequest, read_request
from gdpeer.rooms.room import Room
from gdpeer.rooms.tokens import SeatClaims, SeatRefused, check_seat, session_digest
from gdpeer.rooms.waiting import PATIENCE, result_of
from gdpeer.websocket.session.placement import Placement

if TYPE_CHECKING:
    from gdpeer.rooms.hall import Hall
    from gdpeer.websocket.peer import WebSocketPeer

__all__ = ["RETRY_AFTER", "Entrance"]

logger = get_logger("gdpeer.rooms")

RETRY_AFTER = 5
"""Seconds after which a client may ask again, in a response with status 503."""


class Decision:
    """A decision that is still to be made: a `LateResponse`."""

    __slots__ = ("_answer", "_callback", "_problem", "is_made")

    def __init__(self) -> None:
        self.is_made = False
        self._answer: Response | None = None
        self._problem: Exception | None = None
        self._callback: Callable[[Decision], object] | None = None

    def then(self, callback: Callable[[Decision], object], /) -> None:
        """Has `callback` called once the decision is made."""
        self._callback = callback
        if self.is_made:
            callback(self)

    def result(self) -> Response | None:
        """Returns the decision: None accepts the upgrade. Raises the exception of a future that failed."""
        if self._problem is not None:
            raise self._problem
        return self._answer

    def take(self, future: Any) -> None:
        """Makes the decision by a future that is done."""
        try:
            answer = result_of(future)
        except Exception as problem:
            self._problem, answer = problem, None
        self.make(answer)

    def make(self, answer: Response | None) -> None:
        """Makes the decision, once: None accepts the upgrade."""
        if self.is_made:
            return
        self.is_made = True
        self._answer = answer
        if self._callback is not None:
            self._callback(self)


class Entrance:
    """The entrance of a hall.

    Attributes:
        coming: the rooms and places of the connections that were admitted and are not open yet, by number.
    """

    def __init__(self, hall: Hall) -> None:
        self._hall = hall
        self.coming: dict[int, tuple[RoomLifecycle, Place]] = {}
        self._early: set[int] = set()  # connections that wait for the room's `on_create`

    # ------------------------------------------------------------------------------------------ for the server

    def admit(self, number: int, request: Request) -> Response | Decision | None:
        """Finds the room and the place of an upgrade, or refuses it; see `Placer`."""
        try:
            wanted = read_request(request)
            claims = self._claims(wanted, request.remote_address[0])
            found = self._find(wanted, claims, request.remote_address[0])
            if found is None or isinstance(found, RoomLifecycle):
                return self._enter_found(number, found, wanted, claims, request)
        except (HandshakeError, RoomError) as problem:
            return self._refuse(problem, request)
        return self._await_finding(number, found, wanted, claims, request)

    def place(self, number: int, peer: WebSocketPeer) -> Placement | None:
        """Gives an open connection its place; a former connection makes way. See `Placer`."""
        life, place = self.coming.pop(number)
        if not life.settle_for(place):
            return None
        place.connection = peer
        is_lobby = life is self._hall.lobby_life
        self._hall.server.keep_request(peer, _for_lobby(peer.get_request()) if is_lobby else life.kept_request())
        return Placement(life.session, place.peer_id)

    def forget(self, number: int) -> None:
        """Frees the place of a connection that ended before it was open; see `Placer`."""
        self._early.discard(number)
        life, place = self.coming.pop(number, (None, None))
        if life is not None and place is not None and not self._is_coming(place):
            life.abandon(place)

    def _is_coming(self, place: Place) -> bool:
        """Whether a connection for a place is on its way; there may be several."""
        return any(one is place for _, one in self.coming.values())

    # ------------------------------------------------------------------------------------------ the room

    def _claims(self, wanted: RoomRequest, address: str) -> SeatClaims | None:
        """Returns what the seat of a request says, if there is one."""
        if not wanted.seat_token:
            return None
        hall = self._hall
        hall.guessing.check_seat(address)
        if hall.keys is None:
            raise SeatRefused("forged", "this server gives no seats")
        return check_seat(hall.keys, wanted.seat_token, hall.wall())

    def _find(self, wanted: RoomRequest, claims: SeatClaims | None, address: str) -> RoomLifecycle | Finding | None:
        """Returns the room of a request, or the search of the neighbours for it; None: there is no such room."""
        hall = self._hall
        code = wanted.code or ("" if claims is None else claims.room)
        if not code:
            if hall.lobby_life is None:
                raise NoRoom("there is no room at this path: use /room/CODE")
            return hall.lobby_life
        if claims is None:
            hall.guessing.check_code(address)
        life = hall.life_of(code)
        return hall.neighbours.find_room(code) if life is None and hall.neighbours is not None else life

    def _check_room(
        self, life: RoomLifecycle | None, wanted: RoomRequest, claims: SeatClaims | None, address: str
    ) -> RoomLifecycle:
        """Returns the room that was found, if it is the one that a request wants."""
        if life is not None and life is self._hall.lobby_life:
            return life
        if life is None or (wanted.kind and wanted.kind != life.kind):
            # Who has a seat knows the code; the room was closed meanwhile.
            if claims is None:
                self._hall.guessing.miss_code(address)
            raise NoRoom("there is no such room")
        if claims is not None:
            claims.check_room(life.code, life.kind)
        return life

    def _enter_found(
        self,
        number: int,
        found: RoomLifecycle | None,
        wanted: RoomRequest,
        claims: SeatClaims | None,
        request: Request,
    ) -> Response | Decision | None:
        """Enters the room that was found, once its `on_create` is done."""
        life = self._check_room(found, wanted, claims, request.remote_address[0])
        if life.awaited is None:
            return self._enter(number, life, wanted, claims, request)
        decision = Decision()
        self._early.add(number)
        life.awaited.append(lambda: self._enter_late(decision, number, partial(_made, life), wanted, claims, request))
        return decision

    def _await_finding(
        self, number: int, finding: Finding, wanted: RoomRequest, claims: SeatClaims | None, request: Request
    ) -> Decision:
        """Enters the room that the neighbours bring here; refuses if they take too long."""
        decision, hall = Decision(), self._hall
        self._early.add(number)

        def go_on(result: Callable[[], RoomLifecycle | None]) -> None:
            timer.cancel()
            self._enter_late(decision, number, result, wanted, claims, request)

        timer = hall.server.poller().call_at(hall.clock.now() + PATIENCE, lambda: go_on(_too_late))
        finding.then(lambda _: go_on(partial(_found, finding)))
        return decision

    # ------------------------------------------------------------------------------------------ the place

    def _enter(
        self, number: int, life: RoomLifecycle, wanted: RoomRequest, claims: SeatClaims | None, request: Request
    ) -> Response | Decision | None:
        """Finds or takes the place, and asks the room about a new player."""
        place, ticket = self._place(life, wanted, claims)
        self.coming[number] = life, place
        if type(life.room).on_auth is Room.on_auth:
            return None
        return self._ask(number, life, place, ticket, request)

    def _refuse(self, problem: HandshakeError | RoomError, request: Request) -> Response:
        """Returns the response to a request that is refused, and counts a wrong seat."""
        if isinstance(problem, SeatRefused):
            self._hall.guessing.miss_seat(request.remote_address[0])
        self._hall.figures.note_refused(problem)
        return refusal(problem)

    def _enter_late(
        self,
        decision: Decision,
        number: int,
        result: Callable[[], RoomLifecycle | None],
        wanted: RoomRequest,
        claims: SeatClaims | None,
        request: Request,
    ) -> None:
        """Goes on with the room that was waited for, unless the connection has ended."""
        if number not in self._early:
            return
        self._early.discard(number)
        try:
            answer = self._enter_found(number, result(), wanted, claims, request)
        except (HandshakeError, RoomError) as problem:
            answer = self._refuse(problem, request)
        if isinstance(answer, Decision):
            answer.then(lambda done: decision.make(done.result()))
        else:
            decision.make(answer)

    def _place(self, life: RoomLifecycle, wanted: RoomRequest, claims: SeatClaims | None) -> tuple[Place, Any]:
        """Returns the place of a request, and the ticket for `on_auth`."""
        if claims is not None:
            return self._place_of_seat(life, claims)
        digest = b"" if wanted.session_key is None else session_digest(wanted.session_key)
        place = life.keys.get(digest) if digest else None
        if place is None:
            place = life.take()
            if digest:
                place.digest = digest
                life.keys[digest] = place
        return place, None

    def _place_of_seat(self, life: RoomLifecycle, claims: SeatClaims) -> tuple[Place, Any]:
        now = self._hall.wall()
        place = life.seats.get(claims.jti)
        if place is not None:
            if place.state is PlaceState.TAKEN:
                claims.check_first_use(now)
            place.expires = claims.expires
            return place, place.ticket if place.state is PlaceState.TAKEN else claims
        if life.was_used(claims.jti):
            raise SeatRefused("used", "the place of this seat was given up")
        claims.check_first_use(now)
        former = life.places.get(claims.peer_id)
        if former is not None:
            with suppress(Full):  # the former place makes room; but a locked room keeps it
                life.check_free()
            life.replace(former)
        place = life.take(claims.player, claims, claims.peer_id)
        place.expires = claims.expires
        life.name_seat(place, claims.jti)
        return place, claims

    def _ask(
        self, number: int, life: RoomLifecycle, place: Place, ticket: Any, request: Request
    ) -> Response | Decision | None:
        """Asks the room's `on_auth` about a player who has no decision yet."""
        if place.is_authenticated:
            return None
        try:
            answer = life.room.on_auth(ticket, request)
            future = self._hall.future_of(answer, "on_auth")
        except Exception as problem:
            return self._turn_away(number, life, place, problem)
        if future is not None:
            return self._ask_later(number, life, place, future)
        place.auth = answer
        place.is_authenticated = True
        return None

    def _ask_later(self, number: int, life: RoomLifecycle, place: Place, future: Any) -> Decision:
        decision, hall = Decision(), self._hall

        def give_up() -> None:
            if not decision.is_made:
                late = HandshakeError("the room took too long to decide", status=503, headers=_RETRY)
                decision.make(self._turn_away(number, life, place, late))
                hall.drop(future)

        def take() -> None:
            timer.cancel()
            if decision.is_made:
                return
            try:
                answer = result_of(future)
            except Exception as problem:
                decision.make(self._turn_away(number, life, place, problem))
            else:
                if not place.is_authenticated:  # by another connection
                    place.auth, place.is_authenticated = answer, True
                decision.make(None)

        if place.state is PlaceState.TAKEN:
            life.hold(place, PATIENCE + 1.0)
        timer = hall.server.poller().call_at(hall.clock.now() + PATIENCE, give_up)
        future.add_done_callback(lambda done: hall.run_soon(take))
        return decision

    def _turn_away(self, number: int, life: RoomLifecycle, place: Place, problem: Exception) -> Response:
        """Frees the place of a player whom the room refuses, and returns the answer.

        A player whom the room has accepted through another connection keeps the place.
        """
        self.coming.pop(number, None)
        if place.state is PlaceState.TAKEN and not place.is_authenticated and not self._is_coming(place):
            life.free(place)
        self._hall.figures.note_refused(problem)
        if isinstance(problem, HandshakeError | RoomError):
            return refusal(problem)
        if not isinstance(problem, PermissionError):
            report(logger, "room %s: on_auth raised", life.code)
        return Response(403, "the room refuses this player\n")


_RETRY = (("Retry-After", str(RETRY_AFTER)),)


def _made(life: RoomLifecycle) -> RoomLifecycle:
    """Returns a room whose `on_create` is done."""
    if life.is_closed:
        raise Draining("the room could not be made")
    return life


def _found(finding: Finding) -> RoomLifecycle | None:
    """Returns the room that the neighbours have brought here."""
    try:
        return finding.result()
    except (HandshakeError, RoomError):
        raise
    except Exception:
        report(logger, "the search for a room failed")
        raise Unreachable("the room cannot be reached now") from None


def _too_late() -> None:
    raise Unreachable("the room cannot be reached now")


def _for_lobby(request: Request | None) -> Request:
    """Returns what is kept of an upgrade in the lobby, whose players are told URLs of the server as they see it."""
    headers = Headers() if request is None else request.headers
    kept = [(name, headers.get(name)) for name in ("host", "origin") if name in headers]
    return Request("GET", "/", Headers(kept))


def refusal(problem: HandshakeError | RoomError) -> Response:
    """Returns the response to an upgrade that is refused."""
    status = problem.status or 400
    headers = problem.headers if isinstance(problem, HandshakeError) else _RETRY if status == 503 else ()
    return Response(status, f"{problem.detail}\n", headers=headers)
