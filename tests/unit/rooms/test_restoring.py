"""Rooms that are saved in one hall and restored in another: places, hooks, and what the neighbours are told."""

from __future__ import annotations

import math
from concurrent.futures import Future
from typing import Any

import pytest

from gdpeer.rooms import Draining, Full, NoRoom, PlaceState, RoomError, SeatClaims, Unreachable
from gdpeer.rooms.lifecycle import RoomLifecycle
from gdpeer.rooms.saved import SavedPlace, SavedRoom
from gdpeer.rooms.tokens import SeatKeys, draw_jti, issue_seat
from tests.unit.rooms.worlds import SECRET, WALL, Arena, World

KEYS = ["first-key-of-22-chars", "second-key-of-22-chars", "third-key-of-22-chars"]


class Counter(Arena):
    """Counts calls, and saves the number."""

    def on_create(self, options: Any) -> Any:
        super().on_create(options)
        self.count = 0

    def save(self) -> bytes:
        return str(self.count).encode()

    def restore(self, data: bytes) -> None:
        self.count = int(data)
        self.log.append(("restore", sorted(self.places)))


class Search:
    """A search whose end the test decides about."""

    def __init__(self) -> None:
        self.callbacks: list[Any] = []
        self.found: Any = None

    def then(self, callback: Any) -> None:
        self.callbacks.append(callback)

    def result(self) -> Any:
        if isinstance(self.found, Exception):
            raise self.found
        return self.found

    def end(self, found: Any) -> None:
        self.found = found
        for callback in self.callbacks:
            callback(self)


class Notes:
    """Neighbours that note what they are told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.searches: dict[str, Search] = {}
        self.codes = ["AAAAAA", "AAAAAA", "BBBBBB"]
        self.is_moving = False

    def draw_code(self) -> str:
        return self.codes.pop(0)

    def check_code(self, code: str) -> None:
        if code.startswith("X"):
            raise NoRoom("this code belongs to another worker")

    def note_made(self, life: RoomLifecycle) -> None:
        self.told.append(("made", life.code))

    def note_changed(self, life: RoomLifecycle) -> None:
        self.told.append(("changed", life.code))

    def note_closed(self, life: RoomLifecycle) -> None:
        self.told.append(("closed", life.code))

    def moves(self, life: RoomLifecycle) -> bool:
        return self.is_moving

    def find_room(self, code: str) -> Search | None:
        if code.startswith("D"):
            raise Draining("the server is about to stop")
        return self.searches.get(code)


def saved_of(room: Any) -> SavedRoom:
    life: RoomLifecycle = room._gdpeer_life
    return life.saved(room.save())


def move(room: Any, world: World) -> SavedRoom:
    """Saves a room and moves it out of its hall, as a cluster does; returns what was saved."""
    saved = saved_of(room)
    for connection in room._gdpeer_life.move():
        connection.close(1012, "the room has moved")
    world.run()
    return saved


def moved(*kinds: Any) -> tuple[Any, list[int], World, Any]:
    """Returns a room with three players, their ids, another world, and the room restored there."""
    old, new = World(*kinds or (Counter,)), World(*kinds or (Counter,))
    room = old.make(options={"map": "sand"})
    room.count = 7
    ids = [old.join(room, key).id for key in KEYS]
    return room, ids, new, new.hall.restore(move(room, old))


# ------------------------------------------------------------------------------------------------ restoring


def test_players_come_back_with_their_ids_and_are_announced_to_each_other_once() -> None:
    _, ids, new, room = moved()
    assert room.count == 7
    assert room.options == {"map": "sand"}
    assert room.log == [("restore", sorted(ids))]
    assert [place.state for place in room.places.values()] == [PlaceState.AWAY] * 3
    back = [new.join(room, key) for key in KEYS]
    new.run()
    assert [player.id for player in back] == ids
    assert room.log[1:] == [("return", one) for one in ids]
    for player in back:
        assert sorted(player.signals) == sorted(("came", one) for one in (1, *ids) if one != player.id)
    back[0].main.shout.rpc_id(ids[2], "hello")
    back[2].main.shout.rpc_id(ids[0], "you too")
    assert back[1].ask(3)
    assert ("shout", ids[0], "hello") in back[2].main.heard
    assert ("shout", ids[2], "you too") in back[0].main.heard
    assert not room.refused


def test_calls_wait_for_a_player_who_is_not_back_yet() -> None:
    _, ids, new, room = moved()
    first = new.join(room, KEYS[0])
    first.main.shout.rpc_id(ids[1], "early")
    new.run()
    second = new.join(room, KEYS[1])
    assert ("shout", ids[0], "early") in second.main.heard


def test_a_player_who_does_not_come_back_leaves_after_the_grace() -> None:
    _, ids, new, room = moved()
    new.join(room, KEYS[0])
    new.wait(Counter.grace + 0.1)
    assert [entry for entry in room.log if entry[0] == "leave"] == [("leave", one, "EXPIRED") for one in ids[1:]]
    assert list(room.places) == ids[:1]
    assert new.hall.taken == 1


def test_the_room_that_moves_tells_the_game_of_no_leave() -> None:
    room, _, _, _ = moved()
    assert [entry[0] for entry in room.log] == ["join", "join", "join", "dispose"]
    assert room.is_closed
    assert room.hall.taken == 0
    assert not room.hall.rooms
    assert room.hall.figures.closed[1012] == 1


def test_a_room_that_moves_neither_sends_nor_hears_any_more() -> None:
    world = World(Counter)
    room = world.make()
    player = world.join(room)
    player.main.ask.rpc_id(1, 1)
    player.tree.poll()
    [connection] = room._gdpeer_life.move()
    room.main.answer.rpc(5)
    room.tree.multiplayer.send_bytes(b"late")
    world.run()
    assert room.main.heard == []
    assert player.main.heard == []
    assert player.is_in
    connection.close(1012, "the room has moved")
    world.run()
    assert player.close_code == 1012


def test_what_was_sent_before_the_move_still_arrives() -> None:
    world = World(Counter)
    room = world.make()
    player = world.join(room)
    room.main.answer.rpc(5)
    move(room, world)
    assert player.main.heard == [("answer", 5)]


def test_seats_lead_to_their_places_and_used_seats_to_none() -> None:
    old, new = World(Counter), World(Counter)
    room = old.make()
    claims = [
        SeatClaims(room.code, "arena", peer_id, draw_jti(), WALL + 60, WALL + 3600, player=f"player {peer_id}")
        for peer_id in (5, 6, 7)
    ]
    tokens = [issue_seat(SeatKeys(SECRET), one) for one in claims]
    stays, leaves = (old.go(f"/room/{room.code}?seat={token}") for token in tokens[:2])
    leaves.leave()
    room.labels, room.private, room.locked = {"map": "sand"}, True, True
    assert stays.id == 5
    again = new.hall.restore(move(room, old))
    assert again.places[5].player == "player 5"
    assert (again.labels, again.private, again.locked) == ({"map": "sand"}, True, True)
    assert new.go(f"/room/{room.code}?seat={tokens[0]}").id == 5
    assert new.go(f"/room/{room.code}?seat={tokens[1]}").status == 403
    assert new.go(f"/room/{room.code}?seat={tokens[2]}").status == 409


def test_a_reserved_seat_keeps_its_place_in_a_room_that_is_full() -> None:
    class Small(Counter):
        max_peers = 2

    old, new = World(Small, lobby=True), World(Small)
    room = old.make()
    seat = old.hall.lobby.join(room.code)  # type: ignore[union-attr]
    old.join(room, KEYS[0])
    again = new.hall.restore(move(room, old))
    assert new.hall.waiting == 1
    assert new.join(again, KEYS[1]).status == 503
    assert new.go(f"/room/{room.code}?seat={seat.url.partition('=')[2]}").id == seat.peer_id
    assert new.hall.waiting == 0


def test_a_reserved_seat_that_nobody_uses_is_free_in_time() -> None:
    old, new = World(Counter), World(Counter)
    room = old.make()
    room.reserve(ttl=10.0)
    again = new.hall.restore(saved_of(room))
    assert new.hall.waiting == 1
    new.wait(10.1)
    assert not again.places
    assert new.hall.waiting == 0
    assert again.log[-1][0] == "restore"


def test_a_player_without_key_or_seat_is_not_kept() -> None:
    old, new = World(Counter), World(Counter)
    room = old.make()
    old.join(room, "")
    assert not new.hall.restore(saved_of(room)).places


def test_what_is_left_of_grace_and_lifetime_goes_on() -> None:
    class Short(Counter):
        lifetime = 100.0
        idle_timeout = math.inf

        def on_away(self, place: Any) -> float:
            return 60.0

    old, new = World(Short), World(Short)
    room = old.make()
    old.join(room, KEYS[0]).pull()
    old.wait(20.0)
    again = new.hall.restore(saved_of(room))
    new.wait(39.0)
    assert again.places
    new.wait(1.5)
    assert again.log[-1][::2] == ("leave", "EXPIRED")
    new.wait(39.0)
    assert not again.is_closed
    new.wait(1.0)
    assert again.is_closed


def test_an_idle_room_that_is_restored_ends_in_its_time() -> None:
    old, new = World(Counter), World(Counter)
    again = new.hall.restore(saved_of(old.make()))
    new.wait(Counter.idle_timeout - 1)
    assert not again.is_closed
    new.wait(1.1)
    assert again.is_closed


def test_a_room_is_restored_again_and_again() -> None:
    _, ids, world, room = moved()
    for _ in range(3):
        new = World(Counter)
        again = new.hall.restore(move(room, world))
        assert new.join(again, KEYS[0]).id == ids[0]
        world, room = new, again
    assert len(room.places) == 3


# ------------------------------------------------------------------------------------------------ on_auth


class Strict(Counter):
    def on_auth(self, ticket: Any, request: Any) -> Any:
        type(self).asked.append(ticket)
        return {"level": 3}

    asked: list[Any] = []  # noqa: RUF012


def test_on_auth_is_not_asked_again() -> None:
    Strict.asked = []
    _, ids, new, room = moved(Strict)
    assert len(Strict.asked) == 3
    assert new.join(room, KEYS[0]).id == ids[0]
    assert room.places[ids[0]].auth == {"level": 3}
    assert len(Strict.asked) == 3


@pytest.mark.parametrize("refuses", [False, True])
def test_on_auth_is_asked_again_if_its_answer_was_not_saved(refuses: bool) -> None:
    class Asks(Strict):
        def on_auth(self, ticket: Any, request: Any) -> Any:
            if refuses:
                raise PermissionError
            return super().on_auth(ticket, request)

    world = World(Asks)
    place = SavedPlace(9, is_authenticated=False, jti=draw_jti())
    claims = SeatClaims("K7Q2M3", "arena", 9, place.jti, WALL - 60, WALL + 3600)
    room = world.hall.restore(SavedRoom("arena", "K7Q2M3", b"1", places=(place,)))
    Strict.asked = []
    player = world.go(f"/room/K7Q2M3?seat={issue_seat(SeatKeys(SECRET), claims)}")
    if refuses:
        assert player.status == 403
        assert room.places[9].state is PlaceState.AWAY
        world.wait(Counter.grace + 0.1)
        assert room.log[-1] == ("leave", 9, "EXPIRED")
    else:
        assert player.id == 9
        assert Strict.asked == [claims]
        assert room.places[9].auth == {"level": 3}


def test_a_late_answer_of_on_auth_keeps_the_grace_of_a_restored_place() -> None:
    class Late(Strict):
        def on_auth(self, ticket: Any, request: Any) -> Any:
            return Future()  # type: ignore[var-annotated]

    world = World(Late)
    place = SavedPlace(9, is_authenticated=False, jti=draw_jti())
    claims = SeatClaims("K7Q2M3", "arena", 9, place.jti, WALL - 60, WALL + 3600)
    room = world.hall.restore(SavedRoom("arena", "K7Q2M3", b"1", places=(place,)))
    world.go(f"/room/K7Q2M3?seat={issue_seat(SeatKeys(SECRET), claims)}")
    world.wait(7.0)
    assert room.places[9].state is PlaceState.AWAY
    world.wait(Counter.grace)
    assert room.log[-1] == ("leave", 9, "EXPIRED")


# ------------------------------------------------------------------------------------------------ failures


def test_a_restore_that_raises_makes_no_room(caplog: pytest.LogCaptureFixture) -> None:
    old, new = World(Counter), World(Counter)
    room = old.make(code="K7Q2M3")
    old.join(room, KEYS[0])
    room.save = lambda: b"no number"
    new.hall.neighbours = notes = Notes()
    with pytest.raises(RoomError, match="could not be restored"):
        new.hall.restore(saved_of(room))
    assert not new.hall.rooms
    assert new.hall.taken == 0
    assert "room K7Q2M3: restore raised" in caplog.text
    assert notes.told == []
    new.run()


def test_restore_refuses_as_create_does() -> None:
    world = World(Counter)
    saved = saved_of(world.make())
    with pytest.raises(ValueError, match="already"):
        world.hall.restore(saved)
    with pytest.raises(NoRoom):
        world.hall.restore(SavedRoom("chess", "AAAAAA", b""))
    world.hall.max_rooms = 1
    with pytest.raises(Full):
        world.hall.restore(SavedRoom("arena", "AAAAAA", b"1"))
    world.hall.drain()
    with pytest.raises(Draining):
        world.hall.restore(SavedRoom("arena", "AAAAAA", b"1"))


class Slow(Counter):
    """Its `on_create` is done when the test says so."""

    future: Any = None

    def on_create(self, options: Any) -> Any:
        super().on_create(options)
        Slow.future = Future()
        return Slow.future


def test_restore_waits_for_a_slow_on_create() -> None:
    old, new = World(Counter), World(Slow)
    room = old.make()
    peer_id = old.join(room, KEYS[0]).id
    new.hall.neighbours = notes = Notes()
    again = new.hall.restore(saved_of(room))
    player = new.join(again, KEYS[0])
    assert not player.is_in
    assert again.log == []
    assert notes.told == []
    Slow.future.set_result(None)
    new.run()
    assert player.id == peer_id
    assert again.log == [("restore", [peer_id]), ("return", peer_id)]
    assert notes.told[0] == ("made", room.code)


def test_a_restore_that_raises_after_a_slow_on_create_makes_no_room() -> None:
    old, new = World(Counter), World(Slow)
    room = old.make()
    old.join(room, KEYS[0])
    room.save = lambda: b"no number"
    new.hall.neighbours = notes = Notes()
    again = new.hall.restore(saved_of(room))
    player = new.join(again, KEYS[0])
    Slow.future.set_result(None)
    new.run()
    assert player.status == 503
    assert not new.hall.rooms
    assert new.hall.taken == 0
    assert again.log == []
    assert notes.told == []


def test_a_lifetime_goes_on_after_a_slow_on_create() -> None:
    class Short(Slow):
        lifetime = 100.0
        idle_timeout = math.inf

    world = World(Short)
    room = world.hall.restore(SavedRoom("arena", "AAAAAA", b"1", left=50.0))
    Slow.future.set_result(None)
    world.run()
    world.wait(49.0)
    assert not room.is_closed
    world.wait(1.5)
    assert room.is_closed


# ------------------------------------------------------------------------------------------------ neighbours


def in_cluster(*kinds: Any, **options: Any) -> tuple[World, Notes]:
    world = World(*kinds or (Counter,), **options)
    world.hall.neighbours = notes = Notes()
    return world, notes


def test_the_neighbours_draw_and_check_codes() -> None:
    world, _ = in_cluster()
    assert [world.make().code for _ in range(2)] == ["AAAAAA", "BBBBBB"]
    assert world.make(code="ccc234").code == "CCC234"
    with pytest.raises(NoRoom, match="another worker"):
        world.make(code="XXXXXX")


def test_the_neighbours_hear_of_rooms_and_their_changes() -> None:
    world, notes = in_cluster()
    room = world.make(code="K7Q2M3")
    assert notes.told == [("made", "K7Q2M3")]
    for change in (
        lambda: world.join(room),
        lambda: world.players[0].pull(),
        lambda: world.join(room),
        lambda: setattr(room, "labels", {"map": "sand"}),
        lambda: room.lock(),
        lambda: setattr(room, "private", True),
        lambda: room.unlock(),
        lambda: room.reserve(),
        lambda: world.players[1].leave(),
    ):
        notes.told.clear()
        change()
        assert set(notes.told) == {("changed", "K7Q2M3")}
    notes.told.clear()
    room.close()
    assert notes.told == [("closed", "K7Q2M3")]


def test_the_neighbours_do_not_hear_of_the_lobby_room() -> None:
    world, notes = in_cluster(lobby=True)
    world.go("/")
    assert notes.told == []


def test_the_neighbours_do_not_hear_of_a_room_that_was_not_made() -> None:
    class Never(Counter):
        def on_create(self, options: Any) -> None:
            self.labels = {"map": "sand"}
            self.reserve()
            raise RoomError("not today")

    world, notes = in_cluster(Never)
    with pytest.raises(RoomError):
        world.make()
    assert notes.told == []


def test_a_room_that_on_create_closes_was_not_made() -> None:
    class Closes(Counter):
        def on_create(self, options: Any) -> None:
            super().on_create(options)
            self.close()

    world, notes = in_cluster(Closes)
    assert world.make().is_closed
    assert notes.told == []


def test_a_moved_room_stays_open_while_the_hall_drains() -> None:
    world, notes = in_cluster()
    room, other = world.make(), world.make()
    player = world.join(room)
    notes.is_moving = True
    world.hall.drain()
    assert not other.is_closed
    player.leave()
    world.wait(1.0)
    assert not room.is_closed
    notes.is_moving = False
    world.wait(31.0)
    assert room.is_closed


def test_a_search_brings_the_room_of_a_returning_player() -> None:
    old = World(Counter)
    room = old.make(code="K7Q2M3")
    peer_id = old.join(room, KEYS[0]).id
    world, notes = in_cluster()
    search = notes.searches["K7Q2M3"] = Search()
    player = world.join(room, KEYS[0])
    assert not player.is_in
    assert player.status == 0
    again = world.hall.restore(saved_of(room))
    search.end(again._gdpeer_life)
    world.run()
    assert player.id == peer_id


def test_a_search_without_a_room_counts_as_a_wrong_code() -> None:
    world, notes = in_cluster()
    for number in range(21):
        search = notes.searches["K7Q2M3"] = Search()
        player = world.go(f"/room/K7Q2M3?session={KEYS[0]}&number={number}")
        search.end(None)
        world.run()
        assert player.status == 404
    assert world.hall.figures.refused["no room"] == 21
    assert world.go("/room/AAAAAA").status == 404


@pytest.mark.parametrize("problem", [Unreachable("moving"), OSError("broken"), Draining("stops")])
def test_a_search_that_fails_is_answered_by_503(problem: Exception) -> None:
    world, notes = in_cluster()
    search = notes.searches["K7Q2M3"] = Search()
    player = world.go("/room/K7Q2M3")
    search.end(problem)
    world.run()
    assert player.status == 503


def test_a_search_that_takes_too_long_is_answered_by_503(caplog: pytest.LogCaptureFixture) -> None:
    world, notes = in_cluster()
    world.patience = 20.0
    search = notes.searches["K7Q2M3"] = Search()
    player = world.go("/room/K7Q2M3")
    world.wait(4.9, 0.1)
    assert player.status == 0
    world.wait(0.2)
    assert player.status == 503
    assert world.hall.figures.refused["unreachable"] == 1
    search.end(None)
    world.run()
    assert world.hall.figures.refused == {"unreachable": 1}


def test_a_player_who_does_not_wait_for_a_search_takes_no_place() -> None:
    world, notes = in_cluster()
    search = notes.searches["K7Q2M3"] = Search()
    player = world.go("/room/K7Q2M3")
    player.connection.close(-1)
    world.run()
    room = world.hall.restore(SavedRoom("arena", "K7Q2M3", b"1"))
    search.end(room._gdpeer_life)
    world.run()
    assert not room.places


def test_a_search_ends_in_a_room_whose_on_create_takes_time() -> None:
    world, notes = in_cluster(Slow)
    search = notes.searches["K7Q2M3"] = Search()
    player = world.go("/room/K7Q2M3")
    room = world.hall.restore(SavedRoom("arena", "K7Q2M3", b"1"))
    search.end(room._gdpeer_life)
    world.run()
    assert not player.is_in
    Slow.future.set_result(None)
    world.run()
    assert player.is_in


def test_neighbours_may_refuse_at_once() -> None:
    world, _ = in_cluster()
    assert world.go("/room/DAAAAA").status == 503


def test_a_room_whose_on_create_reserves_a_place_does_not_end_as_idle() -> None:
    class Reserves(Counter):
        def on_create(self, options: Any) -> None:
            super().on_create(options)
            self.reserve(ttl=100.0)

    world = World(Reserves)
    room = world.make()
    world.wait(Counter.idle_timeout + 1)
    assert not room.is_closed
