"""How a room lives: its places, its hooks, its ticks, and its end."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from gdpeer import Node, ReplicationMode, replicated
from gdpeer.rooms import Draining, Full, LeaveReason, Locked, NoRoom, Place, PlaceState, Room, RoomError
from tests.unit.rooms.worlds import KEY, Arena, Main, Player, World

OTHER = "another-key-of-22-char"


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.hall.close()


def in_world(kind: Any) -> World:
    return World(kind)


def kinds_of(log: list[tuple[Any, ...]]) -> list[Any]:
    return [entry[0] for entry in log]


# ------------------------------------------------------------------------------------------------ coming and going


def test_a_player_joins_and_is_called_and_leaves(world: World) -> None:
    room = world.make()
    player = world.join(room)
    assert player.is_in
    assert list(room.places) == [player.id]
    assert room.places[player.id].state is PlaceState.HERE
    assert player.ask(5)
    peer_id = player.id
    player.leave()
    assert room.log == [("join", peer_id), ("leave", peer_id, "LEFT")]
    assert not room.places


def test_a_lost_player_is_away_and_comes_back_with_the_same_id(world: World) -> None:
    room = world.make()
    first = world.join(room)
    friend = world.join(room, OTHER)
    peer_id = first.id
    assert first.ask(1)
    friend.signals.clear()
    first.pull()
    place = room.places[peer_id]
    assert place.state is PlaceState.AWAY
    assert room.taken == 2
    assert room.tree.multiplayer.get_peers() == [friend.id]
    again = world.join(room)
    assert again.id == peer_id
    assert room.places[peer_id] is place
    assert again.ask(2)
    assert friend.id in again.tree.multiplayer.get_peers()
    assert friend.signals == []
    assert room.log == [("join", peer_id), ("join", friend.id), ("away", peer_id), ("return", peer_id)]


def test_the_server_can_call_a_returned_player(world: World) -> None:
    room = world.make()
    first = world.join(room)
    assert first.ask(1)
    first.pull()
    again = world.join(room)
    room.main.shout.rpc_id(again.id, "hello")
    world.run()
    assert ("shout", 1, "hello") in again.main.heard
    assert not room.refused


def test_a_player_who_does_not_come_back_is_gone_after_the_grace(world: World) -> None:
    room = world.make()
    player, friend = world.join(room), world.join(room, OTHER)
    peer_id = player.id
    player.pull()
    world.wait(19.9)
    assert peer_id in room.places
    world.wait(0.2)
    assert peer_id not in room.places
    assert room.log[-1] == ("leave", peer_id, "EXPIRED")
    assert ("gone", peer_id) in friend.signals


def test_a_returned_player_s_grace_does_not_run_on(world: World) -> None:
    room = world.make()
    world.join(room).pull()
    world.wait(15)
    again = world.join(room)
    world.wait(15)
    assert again.is_in
    assert room.places[again.id].state is PlaceState.HERE
    again.pull()
    assert room.taken == 1  # and the next loss is one like the first


@pytest.mark.parametrize(("answer", "seconds"), [(60.0, 60.0), (5, 5.0), (math.inf, math.inf)])
def test_on_away_can_change_the_grace(answer: float, seconds: float) -> None:
    class Patient(Arena):
        def on_away(self, place: Place) -> float:
            return answer

    world = in_world(Patient)
    room = world.make()
    world.join(room).pull()
    world.wait(min(seconds, 1000) - 0.1)
    assert room.taken == 1
    world.wait(0.2)
    assert room.taken == (1 if seconds == math.inf else 0)


def test_on_away_can_give_the_place_up() -> None:
    class Strict(Arena):
        def on_away(self, place: Place) -> float:
            return 0

    world = in_world(Strict)
    room = world.make()
    player = world.join(room)
    peer_id = player.id
    player.pull()
    assert room.log[-1] == ("leave", peer_id, "EXPIRED")


def test_without_grace_a_lost_player_is_gone() -> None:
    class Fleeting(Arena):
        grace = 0.0

    world = in_world(Fleeting)
    room = world.make()
    player = world.join(room)
    peer_id = player.id
    player.pull()
    assert room.log == [("join", peer_id), ("leave", peer_id, "LEFT")]


def test_a_player_without_key_cannot_come_back(world: World) -> None:
    room = world.make()
    player = world.join(room, "")
    peer_id = player.id
    player.pull()
    assert room.log == [("join", peer_id), ("leave", peer_id, "LEFT")]


def test_players_call_each_other_after_a_return(world: World) -> None:
    room = world.make()
    player, friend = world.join(room), world.join(room, OTHER)
    for number in range(3):
        player.main.shout.rpc_id(friend.id, f"to {number}")
        friend.main.shout.rpc_id(player.id, f"back {number}")
        world.run()
        assert ("shout", friend.id, f"back {number}") in player.main.heard
        assert ("shout", player.id, f"to {number}") in friend.main.heard
        player.pull()
        friend.main.shout.rpc(f"meanwhile {number}")
        world.run()
        player = world.join(room)
        assert ("shout", friend.id, f"meanwhile {number}") in player.main.heard
    assert ("gone", player.id) not in friend.signals


def test_a_room_remembers_from_the_second_player_on(world: World) -> None:
    room = world.make()
    life = world.hall._lives[room.code]
    player = world.join(room)
    assert life.resume is None
    player.pull()
    assert life.resume is None
    friend = world.join(room, OTHER)
    friend.signals.clear()
    assert life.resume is not None
    friend.main.shout.rpc("while you were away")
    world.run()
    player = world.join(room)
    assert ("shout", friend.id, "while you were away") in player.main.heard
    assert friend.signals == []
    friend.main.shout.rpc_id(player.id, "welcome")
    player.main.shout.rpc_id(friend.id, "thanks")
    world.run()
    assert ("shout", friend.id, "welcome") in player.main.heard
    assert ("shout", player.id, "thanks") in friend.main.heard


def test_a_second_player_may_come_while_the_first_changes_connections() -> None:
    class Inviting(Main):
        def ask(self, number: int) -> None:
            assert self.room is not None
            self.room.reserve()
            self.log.append(("state", self.room.places[self.multiplayer.get_remote_sender_id()].state))

    class Hosted(Arena):
        def on_create(self, options: Any) -> None:
            self.log = []
            self.main = Inviting()
            self.main.room = self
            self.tree.root.add_child(self.main)

    world = in_world(Hosted)
    room = world.make()
    player = world.join(room)
    peer_id = player.id
    player.main.ask.rpc_id(1, 1)
    player.tree.poll()
    again = world.join(room)  # the room handles the call after it has taken note that the first connection ends
    assert room.main.log == [("state", PlaceState.HERE)]
    assert room.log[-1] == ("return", again.id)
    assert again.id == peer_id
    world.hall.close()


def test_announced_returns_are_seen_and_nothing_is_queued() -> None:
    class Open(Arena):
        resume = "announce"

    world = in_world(Open)
    room = world.make()
    player, friend = world.join(room), world.join(room, OTHER)
    peer_id = player.id
    friend.signals.clear()
    player.pull()
    assert friend.signals == []
    world.join(room)
    assert friend.signals == [("gone", peer_id), ("came", peer_id)]


def test_a_place_tells_whether_packets_were_dropped() -> None:
    class Dropping(Arena):
        while_away = "drop"

        def on_return(self, place: Place) -> None:
            self.log.append(("return", place.missed))

    world = in_world(Dropping)
    room = world.make()
    player, friend = world.join(room), world.join(room, OTHER)
    player.pull()
    player = world.join(room)
    assert room.log[-1] == ("return", False)
    player.pull()
    friend.main.shout.rpc("lost")
    world.run()
    player = world.join(room)
    assert room.log[-1] == ("return", True)
    assert player.main.heard == []


# ------------------------------------------------------------------------------------------------ half-open


def test_the_newest_connection_takes_the_place(world: World) -> None:
    room = world.make()
    first = world.join(room)
    peer_id = first.id
    assert first.ask(1)
    first.main.ask.rpc_id(1, 2)  # on its way when the second comes
    second = world.join(room)
    assert second.id == peer_id
    assert first.close_code == 4001
    assert not first.is_in
    assert ("ask", peer_id, 2) in room.main.heard
    assert second.ask(3)
    assert room.log == [("join", peer_id), ("return", peer_id)]
    assert len(world.hall.server.peers) == 1
    second.pull()
    world.join(room)
    assert world.hall.figures.returned == {"replaced": 1, "ok": 1}


def test_a_newer_connection_keeps_the_place_in_a_room_without_grace() -> None:
    class Fleeting(Arena):
        grace = 0.0

    world = in_world(Fleeting)
    room = world.make()
    first = world.join(room)
    peer_id = first.id
    second = world.join(room)
    assert second.id == peer_id
    assert second.ask(1)
    assert room.log == [("join", peer_id), ("return", peer_id)]


def test_r6_a_hundred_takeovers_keep_one_place(world: World) -> None:
    room = world.make()
    friend = world.join(room, OTHER)
    player = world.join(room)
    peer_id, asked = player.id, 0
    friend.signals.clear()
    for number in range(100):
        if number % 3 == 0:
            player.main.ask.rpc_id(1, number)
            asked += 1
        if number % 7 == 0:
            player.pull()
        player = world.join(room)
        assert player.id == peer_id
        if number % 2:
            assert player.ask(1000 + number)
        world.players = [*world.players[:1], player]
    assert room.taken == 2
    assert "leave" not in kinds_of(room.log)
    assert [entry for entry in room.log if entry[0] == "join"] == [("join", friend.id), ("join", peer_id)]
    assert friend.signals == []
    assert len(world.hall.server.peers) == 2


# ------------------------------------------------------------------------------------------------ kicking


def test_kick_ends_place_and_connection(world: World) -> None:
    room = world.make()
    player, friend = world.join(room), world.join(room, OTHER)
    peer_id = player.id
    room.kick(room.places[peer_id], "cheating")
    world.run()
    assert player.close_code == 1008
    assert room.log[-1] == ("leave", peer_id, "KICKED")
    assert ("gone", peer_id) in friend.signals
    assert world.join(room).id != peer_id


def test_kick_of_a_player_who_is_away(world: World) -> None:
    room = world.make()
    player = world.join(room)
    peer_id = player.id
    player.pull()
    room.kick(room.places[peer_id])
    assert room.log[-1] == ("leave", peer_id, "KICKED")
    assert not room.places


@pytest.mark.parametrize("force", [False, True])
def test_disconnect_peer_of_the_network_is_a_kick(world: World, force: bool) -> None:
    room = world.make()
    peer_id = world.join(room).id
    room.tree.multiplayer.multiplayer_peer.disconnect_peer(peer_id, force)
    world.run()
    assert room.log[-1] == ("leave", peer_id, "KICKED")


def test_disconnect_peer_of_the_api_is_a_kick(world: World) -> None:
    room = world.make()
    peer_id = world.join(room).id
    room.tree.multiplayer.disconnect_peer(peer_id)
    world.run()
    assert room.log == [("join", peer_id), ("leave", peer_id, "KICKED")]


# ------------------------------------------------------------------------------------------------ hooks that raise


def test_a_raising_on_join_refuses_nobody_and_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    class Clumsy(Arena):
        def on_join(self, place: Place) -> None:
            raise RuntimeError("a mistake of the game")

    world = in_world(Clumsy)
    room = world.make()
    with caplog.at_level(logging.ERROR):
        player = world.join(room)
    assert player.ask(1)
    found = [record.getMessage() for record in caplog.records]
    assert found == [f"room {room.code}: on_join raised"]


def test_hooks_of_the_end_may_raise(caplog: pytest.LogCaptureFixture) -> None:
    class Clumsy(Arena):
        def on_away(self, place: Place) -> float | None:
            raise RuntimeError("away")

        def on_return(self, place: Place) -> None:
            raise RuntimeError("return")

        def on_leave(self, place: Place, why: LeaveReason) -> None:
            raise RuntimeError("leave")

        def on_dispose(self) -> None:
            raise RuntimeError("dispose")

    world = in_world(Clumsy)
    room = world.make()
    world.join(room).pull()
    assert room.taken == 1
    assert world.join(room).ask(1)
    room.close()
    world.run()
    found = [record.getMessage().split(": ")[1] for record in caplog.records]
    assert found == ["on_away raised", "on_return raised", "on_leave raised", "on_dispose raised"]


@pytest.mark.parametrize(("answer", "seconds"), [("soon", 20.0), (math.nan, 0.0)])
def test_a_wrong_answer_of_on_away_harms_nobody(answer: Any, seconds: float, caplog: pytest.LogCaptureFixture) -> None:
    class Clumsy(Arena):
        def on_away(self, place: Place) -> Any:
            return answer

    world = in_world(Clumsy)
    room = world.make()
    world.join(room).pull()
    assert ("on_away raised" in caplog.text) == (answer == "soon")
    assert room.taken == (seconds > 0)
    world.wait(20.1)
    assert room.taken == 0


# ------------------------------------------------------------------------------------------------ ticks


class Ticking(Arena):
    kind = "ticking"
    tick_rate = 20.0

    def on_create(self, options: Any) -> None:
        super().on_create(options)
        self.deltas: list[float] = []
        self.raises = False

    def on_tick(self, delta: float) -> None:
        self.deltas.append(delta)
        if self.raises:
            raise RuntimeError("a mistake in a tick")


def test_ticks_come_at_their_rate() -> None:
    world = in_world(Ticking)
    room = world.make("ticking")
    world.wait(1.0, 0.01)
    assert len(room.deltas) == pytest.approx(20, abs=1)
    assert sum(room.deltas) == pytest.approx(1.0, abs=0.06)


def test_after_a_long_pause_ticks_are_not_made_up_for() -> None:
    world = in_world(Ticking)
    room = world.make("ticking")
    world.wait(5.0)
    world.run(30)
    assert len(room.deltas) <= 2
    assert room.deltas[0] == pytest.approx(5.0)


def test_a_game_may_end_its_ticks() -> None:
    world = in_world(Ticking)
    room = world.make("ticking")
    world.wait(1.01, 0.01)
    room.tick_rate = 0.0
    world.wait(1.0, 0.01)
    assert len(room.deltas) == 21  # the tick that was due comes


def test_calls_of_a_tick_reach_the_players() -> None:
    class Calling(Ticking):
        def on_tick(self, delta: float) -> None:
            self.main.shout.rpc("tick")

    world = in_world(Calling)
    player = world.join(world.make("ticking"))
    world.wait(0.1)
    assert ("shout", 1, "tick") in player.main.heard


def test_three_failing_ticks_in_a_row_close_the_room_with_1011() -> None:
    world = World(Ticking, Arena)
    room, other = world.make("ticking"), world.make("arena")
    player, bystander = world.join(room), world.join(other)
    for _ in range(3):
        run_ticks(world, room, 2, raises=True)
        run_ticks(world, room, 1, raises=False)
    assert not room.is_closed
    run_ticks(world, room, 3, raises=True)
    assert room.is_closed
    assert player.close_code == 1011
    assert bystander.ask(1)


def run_ticks(world: World, room: Any, count: int, *, raises: bool) -> None:
    room.raises = raises
    wanted = len(room.deltas) + count
    while len(room.deltas) < wanted:
        world.wait(0.01)


def test_a_room_without_ticks_is_not_called() -> None:
    class Still(Arena):
        def on_tick(self, delta: float) -> None:
            self.log.append(("tick",))

    world = in_world(Still)
    room = world.make()
    world.join(room)
    world.wait(2.0, 0.1)
    assert ("tick",) not in room.log


# ------------------------------------------------------------------------------------------------ without packets


class Box(Node):
    health: int = replicated(100, mode=ReplicationMode.ON_CHANGE)


def test_network_frames_come_by_timer(world: World) -> None:
    room = world.make()
    player = world.join(room)
    boxes = [Box("Box"), Box("Box")]
    room.tree.root.add_child(boxes[0])
    player.tree.root.add_child(boxes[1])
    room.soon(lambda: None)
    world.wait(0.5, 0.05)
    room.soon(lambda: setattr(boxes[0], "health", 42))
    world.run()
    assert boxes[1].health == 42
    room.soon(lambda: setattr(boxes[0], "health", 43))
    world.run()
    assert boxes[1].health == 42  # the next frame is not due yet
    world.wait(0.05)
    assert boxes[1].health == 43
    world.wait(0.2, 0.05)
    polls: list[float] = []
    poll = room.tree.poll
    room.tree.poll = lambda timeout=0.0: (polls.append(world.clock.now()), poll(timeout))
    world.wait(5.0, 0.05)
    assert not polls  # nothing changes, so there is nothing to do


def test_players_who_do_not_authenticate_in_time_are_turned_away(world: World) -> None:
    room = world.make()
    api = room.tree.multiplayer
    api.auth_callback = lambda peer_id, data: api.complete_auth(peer_id)
    late = world.join(room)
    assert room.taken == 1
    world.wait(2.9)
    assert room.taken == 1
    world.wait(0.2)
    assert room.taken == 0
    assert not late.is_in
    assert room.log == []


def test_a_returning_player_authenticates_again(world: World) -> None:
    room = world.make()
    api = room.tree.multiplayer
    api.auth_callback = lambda peer_id, data: api.complete_auth(peer_id)

    player = Player(world, f"/room/{room.code}?session={KEY}")
    knock(player)
    world.run()
    peer_id = player.id
    assert room.log == [("join", peer_id)]
    player.pull()
    again = Player(world, f"/room/{room.code}?session={KEY}")
    world.run()  # it does not authenticate, and its time runs out
    world.wait(3.1)
    assert room.log == [("join", peer_id), ("away", peer_id)]
    assert not again.is_in
    third = Player(world, f"/room/{room.code}?session={KEY}")
    knock(third)
    world.run()
    assert room.log[-1] == ("return", peer_id)
    assert third.id == peer_id


def knock(player: Player) -> None:
    """Has a player authenticate."""
    mine = player.tree.multiplayer
    mine.auth_callback = lambda peer_id, data: None

    def begin(peer_id: int) -> None:
        mine.send_auth(peer_id, b"please")
        mine.complete_auth(peer_id)

    mine.peer_authenticating.connect(begin)


# ------------------------------------------------------------------------------------------------ long turns


def test_a_long_turn_is_counted_and_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    times = iter(range(10_000))
    room = world.make()
    player = world.join(room)
    world.hall.timer = lambda: next(times) * 0.06
    assert player.ask(1)
    assert world.hall.long_turns > 0
    assert f"room {room.code}: a turn took 60 ms" in caplog.text


# ------------------------------------------------------------------------------------------------ reserving


def test_a_reserved_place_counts_and_goes_back(world: World) -> None:
    class Small(Arena):
        kind = "small"
        max_peers = 1

    world = in_world(Small)
    room = world.make("small")
    place = room.reserve("ann", ttl=10.0)
    assert (place.state, place.player, room.taken) == (PlaceState.TAKEN, "ann", 1)
    assert len(place.jti) >= 22
    with pytest.raises(Full):
        room.reserve()
    assert world.join(room).status == 503
    world.wait(9.9)
    assert room.taken == 1
    world.wait(0.2)
    assert room.taken == 0
    assert place.state is PlaceState.GONE
    assert world.join(room).is_in


def test_a_locked_room_takes_nobody_new_and_lets_players_return(world: World) -> None:
    room = world.make()
    first = world.join(room)
    peer_id = first.id
    room.lock()
    with pytest.raises(Locked):
        room.reserve()
    assert world.join(room, OTHER).status == 409
    first.pull()
    assert world.join(room).id == peer_id
    room.unlock()
    assert world.join(room, OTHER).is_in


def test_refuse_new_connections_locks_the_room(world: World) -> None:
    room = world.make()
    room.tree.multiplayer.refuse_new_connections = True
    assert room.locked
    assert room.tree.multiplayer.refuse_new_connections


def test_seats_that_wait_are_limited(world: World) -> None:
    world.hall.max_seats = 2
    room = world.make()
    room.reserve(ttl=5.0)
    room.reserve(ttl=5.0)
    with pytest.raises(Full, match="seats"):
        room.reserve()
    world.wait(5.1)
    room.reserve()
    assert world.hall.waiting == 1


def test_the_hall_limits_the_places_of_all_rooms(world: World) -> None:
    world.hall.max_peers = 2
    room, other = world.make(), world.make()
    first = world.join(room)
    world.join(other)
    assert world.hall.taken == 2
    assert world.join(room, OTHER).status == 503
    first.leave()
    assert world.hall.taken == 1
    assert world.join(room, OTHER).is_in


# ------------------------------------------------------------------------------------------------ the end


def test_close_ends_everything_with_1001(world: World) -> None:
    room = world.make()
    here, away = world.join(room), world.join(room, OTHER)
    ids = here.id, away.id
    away.pull()
    room.log.clear()
    room.close("the match is over")
    world.run()
    assert room.log == [("leave", ids[0], "DRAINED"), ("leave", ids[1], "DRAINED"), ("dispose",)]
    assert here.close_code == 1001
    assert room.is_closed
    assert not room.places
    assert room.code not in world.hall.rooms
    assert world.hall.taken == 0
    with pytest.raises(NoRoom):
        room.reserve()
    assert world.join(room).status == 404
    room.close()
    assert room.log[-1] == ("dispose",)
    assert room.log.count(("dispose",)) == 1


def test_a_room_may_close_itself_in_a_call(world: World) -> None:
    room = world.make()
    player, friend = world.join(room), world.join(room, OTHER)
    room.main.ask = lambda number: room.close()
    room.tree.multiplayer.peer_packet.connect(lambda peer_id, data: room.close("over"))
    player.tree.multiplayer.send_bytes(b"end", 1)
    world.run()
    assert room.is_closed
    assert (player.close_code, friend.close_code) == (1001, 1001)


def test_what_was_said_before_the_end_arrives(world: World) -> None:
    room = world.make()
    player = world.join(room)
    assert player.ask(1)
    room.main.shout.rpc("good bye")
    room.close()
    world.run()
    assert ("shout", 1, "good bye") in player.main.heard


def test_the_nodes_of_a_closed_room_are_freed(world: World) -> None:
    room = world.make()
    freed: list[str] = []
    room.main.tree_exiting.connect(lambda: freed.append("main"))
    room.close()
    world.run()
    assert freed == ["main"]


def test_an_empty_room_is_closed_after_its_idle_timeout(world: World) -> None:
    room = world.make()
    world.wait(29.9)
    assert not room.is_closed
    player = world.join(room)
    world.wait(100)
    assert not room.is_closed
    player.leave()
    world.wait(29.9)
    assert not room.is_closed
    world.wait(0.2)
    assert room.is_closed


def test_a_room_that_was_closed_waits_for_nothing(world: World) -> None:
    room = world.make()
    world.join(room)
    room.close()
    world.run()
    assert world.hall.server.poller().due_at() > world.clock.now() + room.idle_timeout + 1.0


def test_a_seat_keeps_an_idle_room_open(world: World) -> None:
    room = world.make()
    world.wait(29.0)
    room.reserve(ttl=15.0)
    world.wait(14.0)
    assert not room.is_closed
    world.wait(32.0, 1.0)
    assert room.is_closed


def test_a_room_may_live_for_ever() -> None:
    class Hub(Arena):
        idle_timeout = math.inf

    world = in_world(Hub)
    room = world.make()
    world.wait(1e6)
    assert not room.is_closed


def test_a_room_ends_after_its_lifetime() -> None:
    class Short(Arena):
        lifetime = 60.0

    world = in_world(Short)
    room = world.make()
    player = world.join(room)
    world.wait(59.9)
    assert player.is_in
    world.wait(0.2)
    assert room.is_closed
    assert player.close_code == 1001


# ------------------------------------------------------------------------------------------------ draining


def test_drain_keeps_players_and_refuses_others(world: World) -> None:
    told: list[float] = []

    class Slow(Arena):
        kind = "draining"

        def on_drain(self, deadline: float) -> None:
            told.append(deadline)

    world = in_world(Slow)
    room, empty = world.make("draining"), world.make("draining")
    player = world.join(room)
    peer_id = player.id
    world.hall.drain(60.0)
    assert told == [60.0]
    assert empty.is_closed
    assert world.hall.is_draining
    assert not world.hall.is_drained
    with pytest.raises(Draining):
        world.make("draining")
    with pytest.raises(Draining):
        room.reserve()
    assert world.join(room, OTHER).status == 503
    player.pull()
    again = world.join(room)
    assert again.id == peer_id
    again.leave()
    world.run()
    assert world.hall.is_drained


def test_a_drain_ends_at_its_deadline(world: World) -> None:
    room = world.make()
    player = world.join(room)
    world.hall.drain(60.0)
    world.wait(59.0)
    assert player.is_in
    world.wait(1.1)
    assert world.hall.is_drained
    assert player.close_code == 1001
    assert room.log[-2][2] == "DRAINED"


# ------------------------------------------------------------------------------------------------ soon, messages


def test_soon_runs_in_the_next_poll_from_any_thread(world: World) -> None:
    room = world.make()
    thread = threading.Thread(target=lambda: room.soon(lambda: room.log.append(("soon",))))
    thread.start()
    thread.join()
    assert room.log == []
    world.hall.poll(60.0)  # does not wait
    assert room.log == [("soon",)]


def test_soon_after_the_end_is_dropped_and_exceptions_stay_in_the_room(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    room = world.make()
    room.soon(lambda: 1 / 0)
    world.run()
    assert "a callback of soon() raised" in caplog.text
    room.soon(lambda: room.log.append(("soon",)))
    room.close()
    world.run()
    assert ("soon",) not in room.log


def test_broadcast_reaches_all_players(world: World) -> None:
    room = world.make()
    players = [world.join(room), world.join(room, OTHER)]
    heard: list[bytes] = []
    for player in players:
        player.tree.multiplayer.peer_packet.connect(lambda sender, data: heard.append(data))
    room.broadcast(b"news")
    world.run()
    assert heard == [b"news", b"news"]


# ------------------------------------------------------------------------------------------------ creation


def test_on_create_gets_the_options_and_may_refuse() -> None:
    class Choosy(Arena):
        def on_create(self, options: Any) -> None:
            if options != {"map": "sand"}:
                raise RoomError("no such map")
            super().on_create(options)

    world = in_world(Choosy)
    assert world.make(options={"map": "sand"}).options == {"map": "sand"}
    with pytest.raises(RoomError, match="no such map"):
        world.make(options={"map": "moon"})
    assert len(world.hall.rooms) == 1


def test_a_failing_on_create_is_a_room_error_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Arena):
        def on_create(self, options: Any) -> None:
            raise ZeroDivisionError

    world = in_world(Broken)
    with pytest.raises(RoomError, match="could not be made"):
        world.make(code="ABCDEF")
    assert "room ABCDEF: on_create raised" in caplog.text
    assert not world.hall.rooms


def test_a_room_that_was_refused_leaves_nothing() -> None:
    made: list[Room] = []

    class Choosy(Arena):
        def on_create(self, options: Any) -> None:
            made.append(self)
            self.reserve()
            if options == "close":
                self.close()
            raise RoomError("no such map")

    world = in_world(Choosy)
    for options in ("", "close"):
        with pytest.raises(RoomError, match="no such map"):
            world.make(options=options)
        assert (world.hall.taken, world.hall.waiting) == (0, 0)
    assert [room.is_closed for room in made] == [True, True]
    with pytest.raises(NoRoom):
        made[0].reserve()
    world.wait(60.0)
    assert world.hall.figures.closed == {1001: 1}  # the room that closed itself


def slow_world() -> tuple[World, Future[None]]:
    """A world whose rooms wait for a future in `on_create`; the option "close" closes them there."""
    future: Future[None] = Future()

    class Slow(Arena):
        def on_create(self, options: Any) -> Future[None]:
            super().on_create(options)
            if options == "close":
                self.close()
            return future

    return in_world(Slow), future


def test_players_wait_for_a_future_of_on_create() -> None:
    world, future = slow_world()
    room = world.make()
    player = world.join(room)
    assert not player.is_in
    assert player.status == 0
    future.set_result(None)
    world.run()
    assert player.is_in
    assert player.ask(1)


def test_a_player_who_leaves_during_a_slow_on_create_takes_no_place() -> None:
    world, future = slow_world()
    room = world.make()
    Player(world, f"/room/{room.code}?session={KEY}")
    world.hall.poll()
    world.players.pop().peer.close()
    world.wait(4.0, 0.5)
    future.set_result(None)
    world.run()
    assert (room.taken, world.hall.taken) == (0, 0)


def test_a_room_that_is_closed_during_a_slow_on_create_waits_for_nothing() -> None:
    world, _ = slow_world()
    world.make(options="close")
    room = world.make()
    player = Player(world, f"/room/{room.code}?session={KEY}")
    world.run()
    room.close()
    world.run()
    assert player.status == 503
    assert world.hall.server.poller().due_at() > world.clock.now() + 5.1  # no timer of `on_create` is left


@pytest.mark.parametrize("fails", [True, False])
def test_a_future_of_on_create_that_fails_or_is_late_closes_the_room(fails: bool) -> None:
    world, future = slow_world()
    room = world.make()
    world.patience = 60.0
    player = world.join(room)
    if fails:
        future.set_exception(RuntimeError("no database"))
        world.run()
    else:
        world.wait(4.9)
        assert not room.is_closed
        world.wait(0.2)
        world.run()
    assert room.is_closed
    assert player.status == 503


def test_a_function_can_be_a_kind() -> None:
    def duel(room: Room) -> None:
        """A duel."""
        room.max_peers = 2
        room.tree.root.add_child(Main())

    world = in_world(duel)
    room = world.make("duel")
    assert room.kind == "duel"
    assert [world.join(room, f"{KEY}{number}").is_in for number in range(3)] == [True, True, False]


def test_labels_are_checked(world: World) -> None:
    room = world.make()
    room.labels = {"map": "sand", "level": 3}
    assert world.hall.find("arena", map="sand") == [room]
    assert world.hall.find("arena", map="moon") == []
    with pytest.raises(ValueError, match="16"):
        room.labels = dict.fromkeys(map(str, range(17)), 1)
