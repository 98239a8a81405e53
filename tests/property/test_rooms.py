"""Rooms through any order of events: players come by key and by seat, are lost, come back, leave and are kicked, while
rooms are made, locked, left alone and closed.

After each event: a place has at most one connection, no room has more places than it may have, the hall's counts are
those of its rooms, and a player who is in a room can call it.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gdpeer.rooms import PlaceState, RoomError
from gdpeer.rooms.tokens import SeatClaims, SeatKeys, issue_seat
from gdpeer.websocket._peer import backend_of
from tests.unit.rooms.worlds import SECRET, Arena, Player, World

KEYS = tuple(f"key-{number}-of-a-player-here" for number in range(4))

STEPS = st.one_of(
    st.tuples(st.just("create")),
    st.tuples(st.just("key"), st.integers(0, 1), st.integers(0, 3)),
    st.tuples(st.just("reserve"), st.integers(0, 1)),
    st.tuples(st.just("seat"), st.integers(0, 5)),
    st.tuples(st.just("pull"), st.integers(0, 7)),
    st.tuples(st.just("leave"), st.integers(0, 7)),
    st.tuples(st.just("knock"), st.integers(0, 1), st.integers(0, 3)),
    st.tuples(st.just("kick"), st.integers(0, 1), st.integers(0, 3)),
    st.tuples(st.just("lock"), st.integers(0, 1)),
    st.tuples(st.just("close"), st.integers(0, 1)),
    st.tuples(st.just("wait"), st.sampled_from((0.5, 6.0, 16.0, 31.0))),
    st.tuples(st.just("drain")),
)


class Small(Arena):
    kind = "small"
    max_peers = 3
    grace = 10.0
    idle_timeout = 30.0


class Events:
    """Does the events, and checks after each."""

    def __init__(self) -> None:
        self.world = World(Small)
        self.rooms: list[Any] = []
        self.seats: list[tuple[Any, str]] = []
        self.kept: list[Any] = []

    def room(self, number: int) -> Any:
        return self.rooms[-1 - number] if number < len(self.rooms) else None

    def player(self, number: int) -> Player | None:
        found = [one for one in self.world.players if one.is_in]
        return found[number % len(found)] if found else None

    def do(self, name: str, *arguments: Any) -> None:
        getattr(self, name)(*arguments)
        self.check()

    def create(self) -> None:
        try:
            self.rooms.append(self.world.make("small"))
        except RoomError:
            assert self.world.hall.is_draining

    def key(self, room: int, key: int) -> None:
        if (found := self.room(room)) is not None:
            self.world.join(found, KEYS[key])

    def knock(self, room: int, key: int) -> None:
        """A connection that ends before it is open."""
        if (found := self.room(room)) is not None:
            player = Player(self.world, f"/room/{found.code}?session={KEYS[key]}")
            self.world.hall.poll()
            player.connection.close(-1)
            self.world.run()

    def reserve(self, room: int) -> None:
        if (found := self.room(room)) is not None:
            try:
                place = found.reserve()
            except RoomError:
                return
            now = self.world.hall.wall()
            claims = SeatClaims(found.code, "small", place.peer_id, place.jti, now + 15, now + 3600)
            self.seats.append((found, issue_seat(SeatKeys(SECRET), claims)))

    def seat(self, number: int) -> None:
        if number < len(self.seats):
            room, token = self.seats[-1 - number]
            self.world.join(room, "", seat=token)

    def pull(self, number: int) -> None:
        if (player := self.player(number)) is not None:
            player.pull()

    def leave(self, number: int) -> None:
        if (player := self.player(number)) is not None:
            player.leave()

    def kick(self, room: int, number: int) -> None:
        found = self.room(room)
        if found is not None and len(found.places) > number:
            found.kick(list(found.places.values())[number])
            self.world.run()

    def lock(self, room: int) -> None:
        if (found := self.room(room)) is not None:
            found.locked = not found.locked

    def close(self, room: int) -> None:
        if (found := self.room(room)) is not None:
            found.close()
            self.world.run()

    def wait(self, seconds: float) -> None:
        self.world.wait(seconds, 1.0)

    def drain(self) -> None:
        self.world.hall.drain(60.0)
        self.world.run()

    def check(self) -> None:
        hall = self.world.hall
        self.world.players = [one for one in self.world.players if one.is_in]
        places = [place for room in hall.rooms.values() for place in room.places.values()]
        assert hall.taken == len(places)
        assert hall.waiting == sum(place.state is PlaceState.TAKEN for place in places)
        here = [place for place in places if place.state is PlaceState.HERE]
        connections = [place.connection for place in here]
        assert None not in connections
        open_ones = {id(peer) for peer in hall.server.peers.values()}
        assert {id(peer) for peer in connections} == open_ones  # no connection without a place, nor with two
        assert all(place.connection is None for place in places if place.state is PlaceState.AWAY)
        for room in self.rooms:
            self.check_room(room)
        for number, player in enumerate(self.world.players):
            assert player.ask(number), player.target

    def check_room(self, room: Any) -> None:
        api = room.tree.multiplayer
        if room.is_closed:
            assert not room.places
            assert room.code not in self.world.hall.rooms
            joined = [entry[1] for entry in room.log if entry[0] == "join"]
            left = [entry[1] for entry in room.log if entry[0] == "leave"]
            assert sorted(joined) == sorted(left)
            return
        assert len(room.places) <= room.max_peers
        states = {peer_id: place.state for peer_id, place in room.places.items()}
        assert set(api.get_peers()) == {one for one, state in states.items() if state is PlaceState.HERE}
        assert set(api.away) == {one for one, state in states.items() if state is PlaceState.AWAY}
        for place in room.places.values():
            if place.connection is not None:
                assert backend_of(place.connection).peer_id == place.peer_id


@given(st.lists(STEPS, max_size=25))
def test_r13_rooms_keep_their_promises_in_any_order_of_events(steps: list[tuple[Any, ...]]) -> None:
    events = Events()
    events.do("create")
    for step in steps:
        events.do(*step)
    events.world.hall.close()
    assert (events.world.hall.taken, events.world.hall.waiting) == (0, 0)
