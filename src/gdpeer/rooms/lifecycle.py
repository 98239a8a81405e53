"""`RoomLifecycle`: what keeps a room going: its session and tree, its places, its timers, and the calls of its hooks.

The hall polls the room's tree only when there is news: a packet, a peer that came or went, a timer. So an idle room
costs nothing.

Invariants:
- A place is in `places` from the moment it is taken until it is GONE. At most one connection has a place.
- A hook that raises is logged with the room's code, and changes nothing else.

Layer: `rooms`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from gdpeer.ids import generate_unique_id
from gdpeer.logs import get_logger, report
from gdpeer.multiplayer.godot4.scene import SceneMultiplayer
from gdpeer.multiplayer.rpc.async_methods import run_result
from gdpeer.multiplayer.tree import SceneTree
from gdpeer.protocol.connection import check_close
from gdpeer.protocol.http_headers import Headers, Request
from gdpeer.refusals import Refusals
from gdpeer.rooms.errors import Full, Locked, NoRoom, RoomError
from gdpeer.rooms.peer import RoomPeer
from gdpeer.rooms.place import LeaveReason, Place, PlaceState
from gdpeer.rooms.resume.resume import Resume
from gdpeer.rooms.saved import SavedPlace, SavedRoom
from gdpeer.rooms.tokens import draw_jti
from gdpeer.rooms.waiting import PATIENCE, result_of
from gdpeer.transport.poller import Timer
from gdpeer.websocket.session.dialects import GODOT3, GODOT4, Dialect
from gdpeer.websocket.session.server import ServerSession
from gdpeer.websocket.states import PeerState

if TYPE_CHECKING:
    from gdpeer.rooms.hall import Hall
    from gdpeer.rooms.room import Room
    from gdpeer.websocket.backend.base import Turn
    from gdpeer.websocket.peer import WebSocketPeer

__all__ = ["RoomLifecycle"]

logger = get_logger("gdpeer.rooms")

MOST_FAILURES = 3
"""Failing calls of `on_tick` in a row that close a room."""

_NO_HEADERS = Headers()
_TAKEN, _HERE, _AWAY, _GONE = PlaceState  # once, because looking up members is slow


class RoomLifecycle:
    """One room, as the hall sees it.

    Args:
        hall: has the port and the poller.
        kind: the name of the room's kind.
        make: the subclass of `Room`.
        code: of the room.

    Attributes:
        room: the game's object.
        tree, peer, session: of the room.
        places: the places that are taken, by peer id.
        keys: the places by the digest of their session key.
        seats: the places by the `jti` of their seat.
        resume: remembers what the players have agreed on with each other; None: nothing is remembered, as there has
            been one player at most, or the room does not need it.
        refused: the refused packets and calls of all players, by cause.
        turns, turn_seconds, longest_turn: how many turns and ticks there were, and their time in seconds.
        is_made: whether the room was created, and the neighbours were told.
        is_closed: whether the room was closed.
        awaited: called once `on_create` is done; None: it is.
        restores: what a room that is made again goes on with; None: nothing, or `restore` was called already.
    """

    __slots__ = (
        "_failures",
        "_idle",
        "_kept",
        "_last_tick",
        "_lifetime",
        "_next_tick",
        "_poll_timer",
        "_tick_timer",
        "_used",
        "awaited",
        "code",
        "hall",
        "is_closed",
        "is_made",
        "keys",
        "kind",
        "longest_turn",
        "peer",
        "places",
        "refused",
        "restores",
        "resume",
        "room",
        "seats",
        "session",
        "tree",
        "turn_seconds",
        "turns",
    )

    def __init__(self, hall: Hall, kind: str, make: type[Room], code: str) -> None:
        self.hall = hall
        self.kind = kind
        self.code = code
        self.places: dict[int, Place] = {}
        self.keys: dict[bytes, Place] = {}
        self.seats: dict[str, Place] = {}
        self._used: dict[str, float] | None = None  # seats whose place is gone, and their `exp`
        self.refused: Counter[str] = Counter()
        self.turns = 0
        self.turn_seconds = self.longest_turn = 0.0
        self.resume: Resume | None = None
        self._kept: Request | None = None
        self.restores: SavedRoom | None = None
        self.is_made = self.is_closed = False
        self.awaited: list[Callable[[], object]] | None = None
        self._failures = 0
        self._last_tick = self._next_tick = 0.0
        self._idle: Timer | None = None
        self._lifetime: Timer | None = None
        self._poll_timer: Timer | None = None
        self._tick_timer: Timer | None = None
        api = SceneMultiplayer(clock=hall.clock)
        self.tree = SceneTree(api)
        self.room = room = make(self)
        api.server_relay = room.server_relay
        self.peer = RoomPeer(self)
        self.session = self.peer.session
        self.session.on_news = self._on_news
        self.tree.on_news = self.session.tell
        api.multiplayer_peer = self.peer
        api.keeper = self
        self.session.holds = self.keeps

    # ------------------------------------------------------------------------------------------ for the session

    def dialect_of(self, peer: WebSocketPeer) -> Dialect:
        """Returns the dialect of a new connection."""
        return GODOT3 if self.room.dialect == "godot3" else GODOT4

    def poll_turn(self) -> Turn:
        """Returns the turn of the hall, which sends for all rooms; see `SessionHost`."""
        return self.hall.server.poll_turn()

    def poll(self, timeout: float = 0.0) -> None:
        """Does nothing: the hall polls the connections of all rooms."""

    def serves(self, session: ServerSession) -> bool:
        """Whether the room is open; see `SessionHost`."""
        return not self.is_closed

    def refusals_of(self, peer_id: int) -> Refusals:
        """Counts for the player and for the room; see `SessionHost`."""
        return self.hall.server.refusals_at(self.session.peer(peer_id), self.refused)

    # ------------------------------------------------------------------------------------------ beginning

    def begin(self) -> None:
        """Starts the timers of a room that was created."""
        now = self.hall.clock.now()
        self.hall.openings += 1
        if self._lifetime is None:
            self._limit_life(self.room.lifetime)
        self._last_tick = self._next_tick = now
        self._plan_tick(now)
        if not self.places:  # `on_create` may have reserved some
            self._start_idle()
        self.session.tell()  # nodes of `on_create` may have something to do
        if self.awaited is None:
            self._tell_made()

    def _limit_life(self, seconds: float) -> None:
        if seconds < math.inf:
            when = self.hall.clock.now() + seconds
            self._lifetime = self._at(when, partial(self.close, 1001, "the room's time is over"))

    def _tell_made(self) -> None:
        self.is_made = bool(self.code)  # the lobby room has none, and is in each hall
        if self.is_made and self.hall.neighbours is not None:
            self.hall.neighbours.note_made(self)

    def tell_changed(self) -> None:
        """Tells the neighbours that labels, places or the state of the room have changed."""
        if self.hall.neighbours is not None and self.is_made and not self.is_closed:
            self.hall.neighbours.note_changed(self)

    def _at(self, when: float, callback: Callable[[], object]) -> Timer:
        return self.hall.server.poller().call_at(when, callback)

    # ------------------------------------------------------------------------------------------ turns

    def _on_news(self) -> None:
        self.hall.note_news(self)

    def turn(self) -> None:
        """Handles everything that has happened in the room."""
        self.session.has_news = False
        if self.is_closed:
            return
        self.tree.poll(0.0)
        self._plan_poll()

    def _plan_poll(self) -> None:
        """Has the tree polled when it has something to do even without news: a network frame, a late peer, a timer."""
        left = self.tree.time_left(self.tree.multiplayer.time_left(math.inf))
        if left < math.inf:
            when = self.hall.clock.now() + left
            timer = self._poll_timer
            if timer is not None and timer.active:
                if timer.when <= when:
                    return
                timer.cancel()
            self._poll_timer = self._at(when, self.session.tell)

    def _tick(self) -> None:
        now = self.hall.clock.now()
        delta, self._last_tick = now - self._last_tick, now
        begin = self.hall.timer()
        try:
            self.room.on_tick(delta)
            self._failures = 0
        except Exception:
            self._failures += 1
            report(logger, "room %s: on_tick raised, time %s in a row", self.code, self._failures)
        self.hall.note_turn(self, self.hall.timer() - begin)
        if self._failures >= MOST_FAILURES:
            self.close(1011, "the game failed")
        elif not self.is_closed:
            self._plan_tick(now)
            self.session.tell()

    def _plan_tick(self, now: float) -> None:
        rate = self.room.tick_rate
        if rate > 0:  # a game may set 0 to end its ticks
            # After a long turn, go on from now: the ticks that were missed would come all at once.
            self._next_tick = max(self._next_tick + 1.0 / rate, now)
            self._tick_timer = self._at(self._next_tick, self._tick)

    def run(self, callback: Callable[[], object]) -> None:
        """Runs a callback of `soon`."""
        if not self.is_closed:
            result = self.call("a callback of soon()", callback)
            if result is not None:
                self.call("an async callback of soon()", run_result, self.tree, "the callback of soon()", result)
            self.session.tell()

    def soon(self, callback: Callable[[], object]) -> None:
        """Has the hall run a callback in its next poll; see `Room.soon`."""
        self.hall.run_soon(partial(self.run, callback))

    def call(self, what: str, hook: Callable[..., Any], *arguments: object) -> Any:
        """Calls code of the game; None, and a line in the log, if it raises."""
        try:
            return hook(*arguments)
        except Exception:
            report(logger, "room %s: %s raised", self.code, what)
            return None

    # ------------------------------------------------------------------------------------------ places

    def check_free(self) -> None:
        """Raises a RoomError if nobody gets a place now."""
        hall, room = self.hall, self.room
        if self.is_closed:
            raise NoRoom("the room is closed")
        if room.locked:
            raise Locked("the room is locked")
        hall.check_free()
        if room.max_peers and len(self.places) >= room.max_peers:
            raise Full("the room is full")

    def take(self, player: str | None = None, ticket: object = None, peer_id: int = 0) -> Place:
        """Takes a place; 0 as `peer_id` draws an id. Raises as `check_free`."""
        self.check_free()
        while not peer_id or peer_id in self.places:
            peer_id = generate_unique_id()
        place = self.places[peer_id] = Place(peer_id, player, ticket)
        self.hall.taken += 1
        self.hall.waiting += 1
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        if self.resume is None:
            self._remember()
        self.tell_changed()
        return place

    def _remember(self) -> None:
        """Begins to remember what players agree on with each other.

        A player who has been alone has agreed on nothing, and without relay or grace no agreement counts.
        """
        room = self.room
        if len(self.places) > 1 and room.grace > 0 and room.server_relay:
            self.resume = Resume(is_silent=room.resume == "silent", queues=room.while_away == "queue")
            self.tree.multiplayer.resumption = self.resume
            self.session.sieve = self.resume.sieve
            for place in self.places.values():
                if place.state is _AWAY:
                    self._note_away(place.peer_id)

    def _note_away(self, peer_id: int) -> None:
        """Has what others send a player wait from now on."""
        if self.resume is not None and not self.resume.is_away(peer_id):
            self.resume.lost(peer_id, self.room.dialect == "godot3")

    def reserve(self, player: str | None, ticket: object, ttl: float) -> Place:
        """Takes a place with a seat and a timer; see `Room.reserve`."""
        place = self.take(player, ticket)
        self.name_seat(place, draw_jti())
        place.timer = self._at(self.hall.clock.now() + ttl, partial(self.free, place))
        return place

    def hold(self, place: Place, seconds: float) -> None:
        """Keeps a reserved place while the game decides about its player."""
        if place.timer is not None:
            place.stop_timer()
            place.timer = self._at(self.hall.clock.now() + seconds, partial(self.free, place))

    def replace(self, place: Place) -> None:
        """Gives a place up for a newer seat with the same peer id."""
        place.why = LeaveReason.REPLACED
        connection = place.connection
        if connection is not None:
            self.hall.server.detach(connection, 4001, "another seat has taken this place")
            self.turn()
        elif place.state is _AWAY:
            self.tree.multiplayer.give_up(place.peer_id)
        self.free(place)

    def name_seat(self, place: Place, jti: str) -> None:
        """Has a seat lead to a place."""
        place.jti = jti
        self.seats[jti] = place

    def was_used(self, jti: str) -> bool:
        """Whether the place of a seat was given up."""
        return self._used is not None and jti in self._used

    def free(self, place: Place) -> None:
        """Gives a place up, without calling a hook."""
        if place.state is _GONE:
            return
        place.stop_timer()
        self.hall.openings += 1
        self.hall.taken -= 1
        self.hall.waiting -= place.state is _TAKEN
        place.state = _GONE
        place.connection = None
        self.places.pop(place.peer_id, None)
        self.keys.pop(place.digest, None)
        if self.seats.pop(place.jti, None) is not None and place.expires:
            self._note_used(place)
        self.tell_changed()
        if not self.places and not self.is_closed:
            self._start_idle()

    def _note_used(self, place: Place) -> None:
        # After `expires` the seat is refused for another reason: it is too late for a first use.
        now = self.hall.wall()
        used = {} if self._used is None else self._used
        self._used = {jti: until for jti, until in used.items() if until >= now}
        self._used[place.jti] = place.expires

    def _start_idle(self) -> None:
        seconds = 0.0 if self.hall.ends(self) else self.room.idle_timeout
        if seconds < math.inf and self._idle is None:
            self._idle = self._at(self.hall.clock.now() + seconds, self._end_idle)

    def _end_idle(self) -> None:
        self._idle = None
        self.close(1001, "the room is empty")

    def kick(self, place: Place, reason: str) -> None:
        """Ends a place, wherever its player is; see `Room.kick`."""
        check_close(1008, reason)
        if self.places.get(place.peer_id) is not place:
            return
        place.why = LeaveReason.KICKED
        if place.connection is not None:
            place.connection.close(1008, reason)
            self.session.disconnect(place.peer_id, False)
        elif place.state is _AWAY:
            self.tree.multiplayer.give_up(place.peer_id)
        else:
            self.free(place)

    def note_kick(self, peer_id: int) -> None:
        """Takes note that the game disconnects a peer: the place is not to be kept."""
        place = self.places.get(peer_id)
        if place is not None:
            place.why = LeaveReason.KICKED

    # ------------------------------------------------------------------------------------------ connections

    def settle_for(self, place: Place) -> bool:
        """Makes way for a new connection of a place; returns False if the place was given up meanwhile.

        Packets and the end of a former connection are handled first. A connection that is still open is closed: the
        newest connection has the place.
        """
        former = self.session.peer(place.peer_id)
        if former is not None:
            place.is_replaced = True
            self.hall.server.detach(former, 4001, "another connection has taken this place")
        if self.session.has_news:
            self.turn()
        place.is_takeover, place.is_replaced = place.is_replaced, False
        if self.is_closed or place.state is _GONE:
            return False
        place.stop_timer()
        return True

    def kept_request(self) -> Request:
        """Returns all that stays of the upgrades of players: no key, seat or cookie stays in memory."""
        if self._kept is None:
            self._kept = Request("GET", f"/room/{self.code}", _NO_HEADERS)
        return self._kept

    def abandon(self, place: Place) -> None:
        """Takes note that a connection for a place has ended before it opened."""
        if place.state is _TAKEN and place.timer is None and place.connection is None:
            self.free(place)

    # ------------------------------------------------------------------------------------------ for the API

    def joined(self, peer_id: int) -> None:
        """Calls `on_join` for a player whom the API admitted; see `PlaceKeeper`."""
        place = self.places.get(peer_id)
        if place is not None and place.state is _TAKEN:
            self.hall.waiting -= 1
            place.state = _HERE
            place.ticket = None
            self.hall.figures.joined += 1
            self.tell_changed()
            self.call("on_join", self.room.on_join, place)

    def keeps(self, peer_id: int) -> bool:
        """Decides whether a player may come back; see `PlaceKeeper`."""
        place = self.places.get(peer_id)
        if place is None or self.is_closed:
            return False
        if place.is_replaced:
            return True
        code = -1 if place.connection is None else place.connection.get_close_code()
        if code == 1008 and place.why is None:
            place.why = LeaveReason.KICKED
        is_lost = place.why is None and code != 1000
        return is_lost and place.is_named() and self.room.grace > 0

    def lost(self, peer_id: int) -> None:
        """Calls `on_away`, and starts the grace; see `PlaceKeeper`."""
        place = self.places[peer_id]
        place.state = _AWAY
        place.connection = None
        self._note_away(peer_id)  # another player may have come since the connection ended
        if place.is_replaced:
            return  # the next connection is here already
        self.hall.figures.lost += 1
        self.tell_changed()
        seconds = self.call("on_away", self._ask_away, place)
        self._await_return(place, self.room.grace if seconds is None else seconds)

    def _ask_away(self, place: Place) -> float | None:
        answer = self.room.on_away(place)
        return None if answer is None else float(answer)

    def _await_return(self, place: Place, seconds: float) -> None:
        if place.state is _AWAY and seconds != math.inf:
            self._end_grace(place) if not seconds > 0 else self._start_grace(place, seconds)

    def _start_grace(self, place: Place, seconds: float) -> None:
        place.timer = self._at(self.hall.clock.now() + seconds, partial(self._end_grace, place))

    def _end_grace(self, place: Place) -> None:
        place.timer = None
        place.why = LeaveReason.EXPIRED
        self.tree.multiplayer.give_up(place.peer_id)

    def returned(self, peer_id: int) -> None:
        """Takes note that a player is back, before what has waited is sent; see `PlaceKeeper`."""
        place = self.places[peer_id]
        place.state = _HERE
        self.hall.figures.returned["replaced" if place.is_takeover else "ok"] += 1
        self.tell_changed()

    def caught_up(self, peer_id: int) -> None:
        """See `PlaceKeeper`. The state of the game comes last, as what has waited may be older."""
        place = self.places[peer_id]
        place.missed = self.resume is not None and self.resume.has_missed(peer_id)
        self.call("on_return", self.room.on_return, place)

    def failed(self, peer_id: int) -> None:
        """Frees the place of a player whom the API did not admit; see `PlaceKeeper`."""
        place = self.places.get(peer_id)
        if place is None:
            return
        place.connection = None
        if place.is_replaced:
            return  # the next connection is here already
        if place.state is _TAKEN:
            self.free(place)
        else:
            self._await_return(place, self.room.grace)

    def gone(self, peer_id: int) -> None:
        """Frees a place, and calls `on_leave`; see `PlaceKeeper`."""
        place = self.places.get(peer_id)
        if place is None:
            return
        self.session.release(peer_id)
        why = place.why
        if why is None:
            is_open = place.connection is not None and place.connection.get_ready_state() is PeerState.OPEN
            why = LeaveReason.KICKED if is_open else LeaveReason.LEFT
        self.free(place)
        self.hall.figures.left[why.name.lower()] += 1
        self.call("on_leave", self.room.on_leave, place, why)

    # ------------------------------------------------------------------------------------------ the end

    def drain(self, deadline: float) -> None:
        """Tells the game that the server is about to stop; closes the room if nobody has a place."""
        if self.places:
            self.call("on_drain", self.room.on_drain, deadline)
            self.session.tell()
        elif self.hall.ends(self):
            self.close(1001, "the server stops")

    def close(self, code: int, reason: str) -> None:
        """Closes the room, and all its connections with a code."""
        check_close(code, reason)
        if self.is_closed:
            return
        self.hall.figures.closed[code] += 1
        self._end()
        for place in list(self.places.values()):
            connection, had_joined = place.connection, place.state in (_HERE, _AWAY)
            self.free(place)
            if had_joined:
                self.hall.figures.left["drained"] += 1
                self.call("on_leave", self.room.on_leave, place, LeaveReason.DRAINED)
            if connection is not None:
                self.hall.server.release(connection)
                connection.close(code, reason)
        self.call("on_dispose", self.room.on_dispose)
        self._tell_awaiting()

    def move(self) -> list[WebSocketPeer]:
        """Ends the room here, as it goes on elsewhere: `on_dispose` is called, `on_leave` is not.

        Nothing is sent to a player and nothing of a player is handled any more.

        Returns:
            The connections, still open: close them once it is sure that the players find the room elsewhere.
        """
        self.hall.figures.closed[1012] += 1
        self._end()
        connections = []
        for place in list(self.places.values()):
            if place.connection is not None:
                self.hall.server.release(place.connection)
                connections.append(place.connection)
            self.free(place)
        self.session.close()
        self.call("on_dispose", self.room.on_dispose)
        self._tell_awaiting()
        return connections

    def discard(self) -> None:
        """Ends a room that the game did not create; without effect if the game closed it."""
        if not self.is_closed:
            self._end()
            for place in list(self.places.values()):  # `on_create` may have reserved some
                self.free(place)

    def _end(self) -> None:
        self.is_closed = True
        if self.hall.neighbours is not None and self.is_made:
            self.hall.neighbours.note_closed(self)
        self.hall.forget_room(self)
        for timer in (self._idle, self._lifetime, self._poll_timer, self._tick_timer):
            if timer is not None:
                timer.cancel()
        self._idle = self._lifetime = self._poll_timer = self._tick_timer = None

    def dispose(self) -> None:
        """Lets go of the tree, after the turn in which the room was closed."""
        for node in self.tree.root.get_children():
            self.call("a node", node.free)
        self.tree.on_news = None
        api = self.tree.multiplayer
        api.keeper = None
        api.multiplayer_peer = None
        self.session.on_news = None
        self.session.close()

    # ------------------------------------------------------------------------------------------ a slow on_create

    def await_creation(self, future: Any) -> None:
        """Lets players wait until a future of `on_create` is done."""
        timer = self._at(self.hall.clock.now() + PATIENCE, self._give_up_creation)
        self.awaited = [timer.cancel, partial(self.hall.drop, future)]
        future.add_done_callback(lambda done: self.hall.run_soon(partial(self._take_creation, done)))

    def _take_creation(self, future: Any) -> None:
        if self.awaited is None or self.is_closed:
            return
        if self._is_created(future):
            self._finish_creation()
        else:
            self.close(1011, "the room could not be made")

    def _is_created(self, future: Any) -> bool:
        """Whether a future of `on_create` has succeeded; if not, logs why."""
        try:
            result_of(future)
        except Exception:
            if future.cancelled():
                logger.warning("room %s: on_create was cancelled", self.code)
            else:
                report(logger, "room %s: on_create failed", self.code)
            return False
        return True

    def _finish_creation(self) -> None:
        """Lets the players in who have waited for the game's future."""
        try:
            self.take_back()
        except RoomError:
            self.discard()
        else:
            self._tell_made()
        self._tell_awaiting()

    def _give_up_creation(self) -> None:
        logger.error("room %s: on_create took too long", self.code)
        self.close(1011, "the room could not be made")

    def _tell_awaiting(self) -> None:
        awaited, self.awaited = self.awaited, None
        for go_on in awaited or ():
            go_on()

    def create(self, options: Any) -> None:
        """Calls `on_create`.

        Raises:
            RoomError: the game refused, or failed.
        """
        self.room.options = options
        try:
            future = self.hall.future_of(self.room.on_create(options), "on_create")
        except RoomError:
            raise
        except Exception as problem:
            report(logger, "room %s: on_create raised", self.code)
            raise RoomError("the room could not be made") from problem
        if future is not None and self.is_closed:
            self.hall.drop(future)
        elif future is not None:
            self.await_creation(future)
        else:
            self.take_back()

    # ------------------------------------------------------------------------------------------ saving and restoring

    def saved(self, data: bytes) -> SavedRoom:
        """Returns what is kept of the room, with what the game's `save` has returned."""
        room, now = self.room, self.hall.clock.now()
        left = math.inf if self._lifetime is None else max(0.0, self._lifetime.when - now)
        places = tuple(self._saved_place(place, now) for place in self.places.values() if _can_come(place))
        used = dict(self._used or ())
        state = (dict(room.labels), room.private, room.locked)
        return SavedRoom(self.kind, self.code, data, room.options, *state, left, places, used)

    def _saved_place(self, place: Place, now: float) -> SavedPlace:
        has_joined = place.state is not _TAKEN
        left = 0.0
        if not has_joined or place.state is _AWAY:
            left = math.inf if place.timer is None else max(0.0, place.timer.when - now)
        who = (place.peer_id, place.player, place.auth, True)
        return SavedPlace(*who, place.digest, place.jti, place.expires, has_joined, left)

    def take_back(self) -> None:
        """Gives a room that is made again its places and labels, and calls `restore`, once.

        Raises:
            RoomError: the game failed.
        """
        saved, self.restores = self.restores, None
        if saved is None or self.is_closed:
            return
        room = self.room
        room.labels, room.private, room.locked = dict(saved.labels), saved.private, saved.locked
        if saved.left < math.inf and self._lifetime is not None:
            self._lifetime.cancel()
        self._limit_life(saved.left)
        self._used = dict(saved.used) or None
        for place in saved.places:
            self._put_back(place)
        try:
            room.restore(saved.data)
        except Exception:
            report(logger, "room %s: restore raised", self.code)
            raise RoomError("the room could not be restored") from None

    def _put_back(self, saved: SavedPlace) -> None:
        """Takes a place for its former player, who is away, or has yet to come."""
        place = self.places[saved.peer_id] = Place(saved.peer_id, saved.player)
        place.auth, place.is_authenticated, place.expires = saved.auth, saved.is_authenticated, saved.expires
        if saved.jti:
            self.name_seat(place, saved.jti)
        elif saved.digest:
            place.digest = saved.digest
            self.keys[saved.digest] = place
        self.hall.taken += 1
        if self.resume is None:
            self._remember()
        if not saved.has_joined:
            self.hall.waiting += 1
            place.timer = self._at(self.hall.clock.now() + saved.left, partial(self.free, place))
            return
        place.state = _AWAY
        self.tree.multiplayer.away[place.peer_id] = None
        self.session.hold(place.peer_id)
        self._note_away(place.peer_id)
        self._await_return(place, max(self.room.grace, saved.left))


def _can_come(place: Place) -> bool:
    """Whether the player of a place can show elsewhere that it is theirs."""
    return bool(place.jti) if place.state is _TAKEN else place.is_named()
