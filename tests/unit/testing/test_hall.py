"""`gdpeer.testing`: a room is tested without a port, over the real bytes."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from gdpeer import HandshakeError, Node, rpc
from gdpeer.clock import MONOTONIC
from gdpeer.rooms import Hall, LeaveReason, Place, PlaceState, Room, RoomError
from gdpeer.testing import ManualClock, MemoryHall


class Main(Node):
    """Greets: the server's and the players'."""

    def __init__(self) -> None:
        super().__init__("Main")
        self.heard: list[str] = []

    @rpc("any_peer")
    def greet(self, name: str) -> None:
        self.answer.rpc_id(self.multiplayer.get_remote_sender_id(), f"hello {name}")

    @rpc("authority")
    def answer(self, text: str) -> None:
        self.heard.append(text)

    @rpc("any_peer")
    def wave(self, name: str) -> None:
        self.heard.append(f"{name} waves")


class Arena(Room):
    kind = "arena"
    max_peers = 2
    grace = 20.0

    def on_create(self, options: Any) -> None:
        if options == "bad":
            raise RoomError("not this map")
        self.happened: list[str] = []
        self.tree.root.add_child(Main())

    def on_join(self, place: Place) -> None:
        self.happened.append("join")

    def on_away(self, place: Place) -> None:
        self.happened.append("away")

    def on_return(self, place: Place) -> None:
        self.happened.append("return")

    def on_leave(self, place: Place, why: LeaveReason) -> None:
        self.happened.append(why.name)


def happened(room: Room) -> list[str]:
    assert isinstance(room, Arena)
    return room.happened


def test_a_player_calls_the_room_and_gets_its_answer_without_a_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    MemoryHall([Arena]).close()  # imports modules that need the class
    monkeypatch.setattr(socket, "socket", None)
    with MemoryHall([Arena]) as hall:
        main = Main()
        ann = hall.join(hall.create("arena"), main)
        assert ann.is_connected
        assert ann.peer_id > 1
        main.greet.rpc_id(1, "Ann")
        hall.run(0.1)
        assert main.heard == ["hello Ann"]


def test_players_of_a_room_reach_each_other_and_nobody_else() -> None:
    with MemoryHall([Arena]) as hall:
        mains = [Main() for _ in range(3)]
        first, second = hall.create("arena"), hall.create("arena")
        for main, room in zip(mains, (first, first, second), strict=True):
            hall.join(room, main)
        mains[0].wave.rpc("Ann")
        hall.run(0.1)
        assert [main.heard for main in mains] == [[], ["Ann waves"], []]


def test_a_lost_player_comes_back_as_the_same_within_the_grace() -> None:
    with MemoryHall([Arena]) as hall:
        main = Main()
        room = hall.create("arena")
        ann = hall.join(room, main)
        before = ann.peer_id
        ann.lose_connection()
        hall.run(19.0)
        assert not ann.is_connected
        assert room.places[before].state is PlaceState.AWAY
        ann.connect()
        hall.run(0.2)
        main.greet.rpc_id(1, "Ann")
        hall.run(0.1)
        assert (ann.peer_id, main.heard) == (before, ["hello Ann"])
        assert happened(room) == ["join", "away", "return"]


def test_a_player_who_stays_away_or_leaves_loses_the_place() -> None:
    with MemoryHall([Arena]) as hall:
        room = hall.create("arena")
        ann, bob = hall.join(room), hall.join(room)
        ann.lose_connection()
        hall.run(20.5)
        bob.leave()
        hall.run(0.2)
        assert happened(room) == ["join", "join", "away", "EXPIRED", "LEFT"]
        assert not room.places


def test_a_cable_that_is_cut_is_noticed_by_the_new_connection_only() -> None:
    with MemoryHall([Arena]) as hall:
        room = hall.create("arena")
        ann = hall.join(room)
        before = ann.peer_id
        ann.go_silent()
        hall.run(5.0)
        assert room.places[before].state is PlaceState.HERE
        ann.connect()
        hall.run_until(lambda: ann.is_connected)
        assert ann.peer_id == before
        assert happened(room) == ["join", "return"]


def test_a_refusal_is_raised_with_its_status() -> None:
    with MemoryHall([Arena]) as hall:
        room = hall.create("arena")
        hall.join(room)
        hall.join(room)
        with pytest.raises(HandshakeError) as full:
            hall.join(room)
        assert full.value.status == 503
        with pytest.raises(HandshakeError) as lost:
            hall.join("000000")
        assert lost.value.status == 404
        assert len(hall.players) == 2
        with pytest.raises(RoomError, match="not this map"):
            hall.create("arena", "bad")


def test_a_seat_of_the_lobby_is_a_way_in() -> None:
    with MemoryHall([Arena]) as hall:
        assert hall.hall.lobby is not None
        seat = hall.hall.lobby.quick("arena", player="Ann")
        ann = hall.join(seat)
        [room] = hall.hall.rooms.values()
        assert ann.peer_id == seat.peer_id
        assert room.places[ann.peer_id].player == "Ann"


def test_time_passes_only_in_run() -> None:
    with MemoryHall([Arena]) as hall:
        main, room = Main(), hall.create("arena")
        hall.join(room, main, delay=0.05)
        main.greet.rpc_id(1, "Ann")
        for _ in range(10):
            hall.poll()
        hall.run(0.06)
        assert main.heard == []  # the answer is on its way
        hall.run(0.06)
        assert main.heard == ["hello Ann"]
        with pytest.raises(AssertionError, match="does not hold after 2 s"):
            hall.run_until(lambda: False, seconds=2.0)


def test_a_hall_of_the_game_needs_a_clock_that_a_test_moves() -> None:
    made = Hall([Arena], secret=b"s" * 32, clock=ManualClock())
    with MemoryHall(made) as hall:
        assert hall.hall is made
        hall.join(hall.create("arena"))
    with pytest.raises(ValueError, match="ManualClock"):
        MemoryHall(Hall([Arena], secret=b"s" * 32, clock=MONOTONIC))


class Saved(Arena):
    """A room with a state that can be moved."""

    points = 0
    is_lost = False

    def save(self) -> bytes | None:
        return None if self.is_lost else str(self.points).encode()

    def restore(self, data: bytes) -> None:
        self.points = int(data)


def test_a_room_moves_with_its_players() -> None:
    with MemoryHall([Saved]) as hall:
        room, other = hall.create("arena", {"map": "sand"}), hall.create("arena")
        ann, bob, guest = hall.join(room), hall.join(room), hall.join(other)
        assert isinstance(room, Saved)
        room.points = 7
        peer_id = ann.peer_id
        again = hall.move(room)
        assert isinstance(again, Saved)
        assert (again.code, again.points, again.options) == (room.code, 7, {"map": "sand"})
        assert room.is_closed
        assert guest.is_connected
        assert ann.is_over
        assert bob.is_over
        ann.connect()
        hall.run()
        assert ann.peer_id == peer_id
        assert happened(again) == ["return"]
        assert [place.state for place in again.places.values()] == [PlaceState.HERE, PlaceState.AWAY]


def test_a_room_that_saves_nothing_cannot_be_moved() -> None:
    with MemoryHall([Saved]) as hall:
        room = hall.create("arena")
        assert isinstance(room, Saved)
        room.is_lost = True
        with pytest.raises(ValueError, match="NoneType"):
            hall.move(room)
        room.close()
        with pytest.raises(ValueError, match="cannot be moved"):
            hall.move(room)


def test_timers_and_deferred_calls_of_a_room_without_news() -> None:
    with MemoryHall([Arena]) as hall:
        room = hall.create("arena")
        assert isinstance(room, Arena)
        hall.run(1)
        room.tree.create_timer(2).timeout.connect(lambda: room.happened.append("timer"))
        room.tree.call_deferred(room.happened.append, "deferred")
        hall.run(0.1)
        assert room.happened == ["deferred"]
        hall.run(1.5)
        assert room.happened == ["deferred"]
        hall.run(0.5)
        assert room.happened == ["deferred", "timer"]
        room.tree.create_timer(1).timeout.connect(lambda: room.happened.append("too late"))
        room.close()
        hall.run(2)
        assert room.happened[-1] == "timer"
