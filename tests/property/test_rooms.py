"""R13: rooms whose players come, get lost, come back and are thrown out in any order, while games make mistakes.

After each step: a code has one room, a place has one connection, the numbers of places agree, and nothing is left of a
room that was closed. In the end each player knows of the others what is true, and the memory of all rooms is free.

    GDPEER_EXAMPLES=10000 python -m pytest --timeout 7200 tests/property/test_rooms.py     10,000 interleavings
"""

from __future__ import annotations

import gc
import itertools
import logging
import os
import re
import sys
import weakref
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gdpeer import Node, rpc
from gdpeer.rooms import LeaveReason, Place, PlaceState, Room, RoomError
from gdpeer.rooms.lifecycle import RoomLifecycle
from gdpeer.rooms.tokens import SeatClaims, draw_jti, issue_seat, session_digest
from gdpeer.testing import MemoryHall, Player
from gdpeer.transport.poller import Timer
from gdpeer.websocket._peer import backend_of
from gdpeer.websocket.states import PeerState

EXAMPLES = settings.default.max_examples
ENDED = itertools.count(1)
"""Numbers the examples that have ended."""
MACHINES = settings(max_examples=EXAMPLES if "GDPEER_EXAMPLES" in os.environ else EXAMPLES // 5, stateful_step_count=40)
WALL = 1_800_000_000.0
PICK = st.integers(0, 9)
KEYS = [f"a-key-of-a-player-{number}" for number in range(4)]
MOST_ROOMS, MOST_PLACES, MOST_SEATS, MOST_IN_ROOM = 3, 6, 3, 3
HISTORY = re.compile("(J(A?R)*A?L?)?")
"""What a place may see: it is joined once, and left once at the end. A takeover is a return without a loss."""


class Planned(Exception):
    """A mistake of a game."""


class Quiet(logging.Handler):
    """Takes the log of rooms; what nobody has planned fails the test."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.problems: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not isinstance(error, Planned):
            self.problems.append(f"{record.getMessage()}: {error!r}")


class Game(NamedTuple):
    """How a room behaves.

    Attributes:
        hook: in which something happens.
        deed: what: "raise", "close", "kick", "make", "reserve", or "" for nothing.
        slow: `on_create` and `on_auth` return futures.
        is_silent: of returns.
        grace, ticks: of the room.
    """

    hook: str
    deed: str
    slow: bool
    is_silent: bool
    grace: float
    ticks: float


GAMES = st.builds(
    Game,
    st.sampled_from(["create", "auth", "join", "away", "return", "leave", "tick", "drain", "dispose"]),
    st.sampled_from(["", "", "raise", "close", "kick", "make", "reserve"]),
    st.sampled_from([False, False, True]),
    st.booleans(),
    st.sampled_from([5.0, 5.0, 0.0]),
    st.sampled_from([0.0, 0.0, 2.0]),
)


class Main(Node):
    """The node of each room and player."""

    def __init__(self) -> None:
        super().__init__("Main")

        self.heard: set[int] = set()

    @rpc("any_peer", "call_local")
    def shout(self, text: str) -> None:
        self.heard.add(self.multiplayer.get_remote_sender_id())


class Pit(Room):
    """A room that does its deed in its hook, and notes what its places see."""

    kind = "pit"
    max_peers = MOST_IN_ROOM
    idle_timeout = 4.0
    lifetime = 90.0
    machine: Any = None

    def on_create(self, options: Any) -> Any:
        self.machine.made(self)
        self.game: Game = options
        self.depth = 0
        self.resume = "silent" if self.game.is_silent else "announce"
        self.grace, self.tick_rate = self.game.grace, self.game.ticks
        self.tree.root.add_child(Main())
        return self.did("create", self.later())

    def later(self) -> Any:
        if not self.game.slow:
            return None
        future: Future[None] = Future()
        self.machine.futures.append(future)
        return future

    def did(self, hook: str, answer: Any = None) -> Any:
        """Does the deed, if it belongs to this hook, but not in the hooks that the deed itself calls."""
        if self.game.hook == hook and not self.depth:
            self.depth += 1
            try:
                self.act()
            finally:
                self.depth -= 1
        return answer

    def act(self) -> None:
        deed = self.game.deed
        if deed == "raise":
            raise Planned
        if deed == "close":
            self.close("enough")
        elif deed == "kick":
            for place in list(self.places.values()):
                self.kick(place)
        else:
            with suppress(RoomError):
                if deed == "make":
                    self.hall.create("pit", self.game._replace(deed=""))
                elif deed == "reserve":
                    self.reserve(ttl=2.0)

    def note(self, place: Place, letter: str) -> None:
        histories: dict[Place, str] = self.machine.histories
        histories[place] = histories.get(place, "") + letter

    def on_auth(self, ticket: Any, request: Any) -> Any:
        return self.did("auth", self.later())

    def on_join(self, place: Place) -> None:
        assert place.state is PlaceState.HERE
        self.note(place, "J")
        self.did("join")

    def on_away(self, place: Place) -> float | None:
        self.note(place, "A")
        self.did("away")
        return None

    def on_return(self, place: Place) -> None:
        assert place.state is PlaceState.HERE
        self.note(place, "R")
        self.did("return")

    def on_leave(self, place: Place, why: LeaveReason) -> None:
        assert place.state is PlaceState.GONE
        self.note(place, "L")
        self.did("leave")

    def on_tick(self, delta: float) -> None:
        self.did("tick")

    def on_drain(self, deadline: float) -> None:
        self.did("drain")

    def on_dispose(self) -> None:
        self.did("dispose")


class Guest:
    """A player, and the others that the player knows."""

    def __init__(self, player: Player) -> None:
        self.player = player
        self.known: set[int] = set()
        self.is_deaf = False
        api = player.tree.multiplayer
        api.peer_connected.connect(self.came)
        api.peer_disconnected.connect(self.went)

    def came(self, peer_id: int) -> None:
        assert peer_id not in self.known
        self.known.add(peer_id)

    def went(self, peer_id: int) -> None:
        # After the end of the connection all others are gone, whether they were known or not.
        assert peer_id in self.known or not self.player.is_connected
        self.known.discard(peer_id)


def owners(found: Any, depth: int = 4) -> set[int]:
    """Returns the ids of the rooms to which a timer or a callback leads."""
    if isinstance(found, RoomLifecycle):
        return {id(found)}
    if not depth or isinstance(found, type) or not (callable(found) or isinstance(found, tuple | Timer)):
        return set()
    return {one for inner in gc.get_referents(found) for one in owners(inner, depth - 1)}


class RoomsMachine(RuleBasedStateMachine):
    """A hall in memory. Nothing is polled by itself, so that any number of things happen at a time."""

    @initialize(game=GAMES, players=st.integers(0, 3))
    def begin(self, game: Game, players: int) -> None:
        gc.freeze()  # `end` collects what this example leaves; looking at the thousands before takes most of the time
        self.log = Quiet()
        logger = logging.getLogger("gdpeer")
        logger.addHandler(self.log)
        logger.propagate = False
        self.histories: dict[Place, str] = {}
        self.futures: list[Future[None]] = []
        self.rooms: list[weakref.ref[Room]] = []
        self.trees: list[weakref.ref[Any]] = []
        self.guests: list[Guest] = []
        self.urls: list[str] = []
        kind = type("Pit", (Pit,), {"machine": weakref.proxy(self)})
        self.memory = MemoryHall([kind], wall=lambda: WALL + self.memory.clock.now())
        self.hall = self.memory.hall
        self.hall.max_rooms, self.hall.max_peers, self.hall.max_seats = MOST_ROOMS, MOST_PLACES, MOST_SEATS
        self.create(game)
        if self.hall.rooms:
            for key in KEYS[:players]:
                self.join(0, key)
            self.settle()

    # ------------------------------------------------------------------------------------------ rooms

    def made(self, room: Room) -> None:
        """Called for each room, also if `on_create` refuses."""
        self.rooms.append(weakref.ref(room))
        self.trees.append(weakref.ref(room.tree))

    def room(self, pick: int) -> Room:
        return [*self.hall.rooms.values()][pick % len(self.hall.rooms)]

    def place(self, pick: int) -> Place | None:
        places = [place for room in self.hall.rooms.values() for place in room.places.values()]
        return places[pick % len(places)] if places else None

    def room_of(self, place: Place) -> Room:
        return next(room for room in self.hall.rooms.values() if room.places.get(place.peer_id) is place)

    @rule(game=GAMES)
    def create(self, game: Game) -> None:
        free = len(self.hall.rooms) < MOST_ROOMS and not self.hall.is_draining
        try:
            self.hall.create("pit", game)
        except RoomError:
            assert not free or (game.hook, game.deed) == ("create", "raise")

    @precondition(lambda self: self.hall.rooms)
    @rule(pick=PICK, deed=st.sampled_from(["lock", "lock", "unlock", "soon", "shout", "close", "reserve"]))
    def change(self, pick: int, deed: str) -> None:
        room = self.room(pick)
        if deed == "soon":
            room.soon(room.lock)
        elif deed == "shout":
            room.tree.root.get_children()[0].shout.rpc("all")
        elif deed == "reserve":
            with suppress(RoomError):
                room.reserve(ttl=3.0)
        else:
            getattr(room, deed)()

    @precondition(lambda self: not self.hall.is_draining)
    @rule(doubt=st.sampled_from([0, 1, 2, 3, 4, 5, 6, 7]), deadline=st.sampled_from([0.0, 3.0, 30.0]))
    def drain(self, doubt: int, deadline: float) -> None:
        if not doubt:  # else most runs would end here
            self.hall.drain(deadline)

    # ------------------------------------------------------------------------------------------ players

    def enter(self, where: str) -> None:
        """A player comes: a new one, one who was lost, or one whose former connection seems to be open still."""
        self.guests.append(Guest(self.memory.join(where, Main(), wait=False)))

    @precondition(lambda self: self.hall.rooms)
    @rule(pick=PICK, key=st.sampled_from([*KEYS, ""]))
    def join(self, pick: int, key: str) -> None:
        self.urls.append(f"/room/{self.room(pick).code}?{'session=' + key if key else ''}")
        self.enter(self.urls[-1])

    @precondition(lambda self: self.hall.rooms)
    @rule(pick=PICK)
    def seat(self, pick: int) -> None:
        assert self.hall.lobby is not None
        with suppress(RoomError):
            self.urls.append(self.hall.lobby.join(self.room(pick).code).url)

    @precondition(lambda self: self.hall.rooms)
    @rule(pick=PICK)
    def seat_of_the_back_end(self, pick: int) -> None:
        """Another seat for an id that may be taken."""
        place = self.place(pick)
        room = self.room(pick) if place is None else self.room_of(place)
        peer_id = 7 if place is None else place.peer_id
        now = self.hall.wall()
        claims = SeatClaims(room.code, room.kind, peer_id, draw_jti(), now + 10.0, now + 60.0)
        assert self.hall.keys is not None
        self.urls.append(f"/room/{room.code}?seat={issue_seat(self.hall.keys, claims)}")

    @precondition(lambda self: self.urls)
    @rule(pick=st.integers(0, 3), settles=st.booleans())
    def come(self, pick: int, settles: bool) -> None:
        """A player comes again, or comes with a seat."""
        self.enter(self.urls[-1 - pick % len(self.urls)])
        if settles:
            self.settle()

    @precondition(lambda self: self.guests)
    @rule(pick=PICK, deed=st.sampled_from(["lose", "lose", "silent", "leave", "shout"]))
    def move(self, pick: int, deed: str) -> None:
        guest = self.guests[pick % len(self.guests)]
        if deed == "lose":
            guest.player.lose_connection()
        elif deed == "silent":
            guest.player.go_silent()
            guest.is_deaf = True
        elif deed == "leave":
            guest.player.leave()
        elif guest.player.is_connected:
            guest.player.tree.root.get_children()[0].shout.rpc("all")

    @rule(pick=PICK, deed=st.sampled_from(["kick", "kick", "disconnect", "drop"]))
    def throw_out(self, pick: int, deed: str) -> None:
        place = self.place(pick)
        if place is None:
            return
        room = self.room_of(place)
        if deed == "kick":
            room.kick(place, "enough")
        elif deed == "disconnect":
            room.tree.multiplayer.disconnect_peer(place.peer_id)
        else:
            room.tree.multiplayer.multiplayer_peer.disconnect_peer(place.peer_id, pick % 2 == 0)

    @precondition(lambda self: self.futures)
    @rule(pick=PICK, accepts=st.booleans())
    def decide(self, pick: int, accepts: bool) -> None:
        future = self.futures.pop(pick % len(self.futures))
        future.set_result(None) if accepts else future.set_exception(Planned())

    # ------------------------------------------------------------------------------------------ time

    @rule(times=st.sampled_from([1, 1, 2]))
    def poll_hall(self, times: int) -> None:
        for _ in range(times):
            self.hall.poll()

    @rule()
    def poll_players(self) -> None:
        for guest in self.guests:
            guest.player.poll()

    @rule()
    def settle(self) -> None:
        """Everything arrives; then each player knows who is there."""
        for _ in range(10):
            self.memory.poll()
        self.guests = [guest for guest in self.guests if not guest.player.is_over]
        self.memory.players[:] = [guest.player for guest in self.guests]
        players = [guest for guest in self.guests if guest.player.is_connected and not guest.is_deaf]
        for guest in players:
            self.check_view(guest)
        self.check_calls(players)

    def check_calls(self, guests: list[Guest]) -> None:
        for guest in guests:
            self.room_with(guest).tree.root.get_children()[0].heard.clear()
            guest.player.tree.root.get_children()[0].shout.rpc_id(1, "hello")
        for _ in range(3):
            self.memory.poll()
        for guest in guests:
            assert guest.player.peer_id in self.room_with(guest).tree.root.get_children()[0].heard

    def room_with(self, guest: Guest) -> Any:
        return self.hall.rooms[guest.player.url.partition("/room/")[2][:6]]

    def check_view(self, guest: Guest) -> None:
        places, own = self.room_with(guest).places, guest.player.peer_id
        assert places[own].state is PlaceState.HERE
        there = {peer_id for peer_id, place in places.items() if place.state is not PlaceState.TAKEN}
        assert guest.known == {1, *there} - {own}
        key = guest.player.url.partition("session=")[2]
        assert not key or places[own].digest == session_digest(key.encode())

    @rule(seconds=st.sampled_from([0.3, 1.0, 2.5, 4.5, 6.0, 20.0]))
    def wait(self, seconds: float) -> None:
        self.memory.clock.advance(seconds)
        self.hall.poll()
        self.settle()

    # ------------------------------------------------------------------------------------------ what always holds

    def lives(self) -> list[RoomLifecycle]:
        assert self.hall.lobby_life is not None
        return [*self.hall._lives.values(), self.hall.lobby_life]

    def closed(self) -> list[RoomLifecycle]:
        rooms = [room for ref in self.rooms if (room := ref()) is not None]
        return [room._gdpeer_life for room in rooms if room.is_closed]

    @invariant()
    def everything_holds(self) -> None:
        self.a_code_has_one_room()
        self.places_are_counted()
        self.a_place_has_one_connection()
        self.places_are_where_they_belong()
        self.hooks_come_in_order()
        self.nothing_is_left_of_closed_rooms()
        assert not self.log.problems

    def a_code_has_one_room(self) -> None:
        hall = self.hall
        assert {code: life.room for code, life in hall._lives.items()} == hall._rooms
        assert {code: room for rooms in hall._by_kind.values() for code, room in rooms.items()} == hall._rooms
        assert len(hall._rooms) <= MOST_ROOMS
        for ref in self.rooms:
            room = ref()
            assert room is None or room.is_closed == (hall._rooms.get(room.code) is not room)

    def places_are_counted(self) -> None:
        hall = self.hall
        places = [place for life in self.lives() for place in life.places.values()]
        assert hall.taken == len(places) <= MOST_PLACES
        assert hall.waiting == sum(place.state is PlaceState.TAKEN for place in places) <= MOST_SEATS
        assert all(len(life.places) <= MOST_IN_ROOM for life in self.lives())

    def a_place_has_one_connection(self) -> None:
        at: set[tuple[int, int]] = set()
        for peer in self.hall.server.peers.values():
            backend = backend_of(peer)
            if backend.session is not None and peer.get_ready_state() is PeerState.OPEN:
                assert (id(backend.session), backend.peer_id) not in at
                at.add((id(backend.session), backend.peer_id))
        for life in self.lives():
            for peer_id, place in life.places.items():
                assert life.session.peer(peer_id) in (None, place.connection)

    def places_are_where_they_belong(self) -> None:
        coming = [place for _, place in self.memory.hall.server._placer.coming.values()]  # type: ignore[union-attr]
        for life in self.lives():
            for peer_id, place in life.places.items():
                assert place.peer_id == peer_id
                assert not place.digest or life.keys[place.digest] is place
                assert not place.jti or life.seats[place.jti] is place
                has_timer = place.timer is not None and place.timer.active
                if place.state is PlaceState.HERE:
                    assert not has_timer
                else:
                    assert has_timer or place.connection is not None or place in coming
                self.check_history(place)
            assert {*life.keys.values(), *life.seats.values()} <= {*life.places.values()}
            if not life.session.has_news:
                self.check_api(life)

    def check_api(self, life: RoomLifecycle) -> None:
        by_state: dict[PlaceState, set[int]] = {state: set() for state in PlaceState}
        for place in life.places.values():
            by_state[place.state].add(place.peer_id)
        assert {*life.tree.multiplayer.admitted} == by_state[PlaceState.HERE]
        assert {*life.tree.multiplayer.away} == by_state[PlaceState.AWAY]

    def check_history(self, place: Place) -> None:
        last = self.histories.get(place, "")[-1:]
        if place.state is PlaceState.AWAY:
            assert last == "A" or place.connection is not None
        else:
            assert last in {PlaceState.TAKEN: ("",), PlaceState.HERE: ("J", "R")}[place.state]

    def hooks_come_in_order(self) -> None:
        for place, history in self.histories.items():
            assert HISTORY.fullmatch(history), history
            assert (history[-1] == "L") == (place.state is PlaceState.GONE), (history, place)

    def nothing_is_left_of_closed_rooms(self) -> None:
        hall, closed = self.hall, self.closed()
        for life in closed:
            assert not life.places
            assert not life.keys
            assert not life.seats
            if life not in hall._closed:
                assert life.session.is_over
                assert not life.tree.root.get_children()
        ids = {id(life) for life in closed}
        for timer in hall.server.poller()._heap:
            assert not timer.active or not owners(timer) & ids
        coming = hall.server._placer.coming  # type: ignore[union-attr]
        for number, (life, _) in coming.items():
            assert not life.is_closed or number in hall.server._opening

    # ------------------------------------------------------------------------------------------ the end

    def teardown(self) -> None:
        try:
            if sys.exception() is None:
                self.end()
        finally:
            gc.unfreeze()
            if next(ENDED) % 100 == 0:
                gc.collect()  # what the examples themselves have left
            logger = logging.getLogger("gdpeer")
            logger.removeHandler(self.log)
            logger.propagate = True

    def end(self) -> None:
        """All rooms come to their end by themselves."""
        self.settle()
        for guest in self.guests:
            guest.player.lose_connection()
        for _ in range(20):
            self.wait(6.0)
        assert not self.hall.rooms
        assert (self.hall.taken, self.hall.waiting) == (0, 0)
        assert not self.hall.server._placer.coming  # type: ignore[union-attr]
        self.check_figures()
        self.futures.clear()
        self.histories.clear()
        gc.collect()
        assert not [one for ref in (*self.rooms, *self.trees) if (one := ref()) is not None]
        assert not self.log.problems
        self.memory.close()

    def check_figures(self) -> None:
        """What the monitor shows is what the rooms have seen."""
        figures, seen = self.hall.figures, "".join(self.histories.values())
        lost_and_back = seen.count("AR")
        assert (figures.joined, figures.lost) == (seen.count("J"), seen.count("A"))
        assert (figures.returned["ok"], figures.returned.total()) == (lost_and_back, seen.count("R"))
        assert figures.left.total() == seen.count("L")


TestR13 = RoomsMachine.TestCase
TestR13.settings = MACHINES
