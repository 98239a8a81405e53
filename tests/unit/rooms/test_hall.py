"""The hall: one port, one poll, many rooms that share nothing."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest

from gdpeer import OK, Node, rpc
from gdpeer.http.response import Response
from gdpeer.protocol.http_headers import Headers, Request
from gdpeer.rooms import Full, Hall, NoRoom
from tests.unit.rooms.worlds import KEY, Arena, World


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.hall.close()


def test_create_works_before_listen_and_draws_codes() -> None:
    hall = Hall([Arena])
    rooms = [hall.create("arena"), hall.create("arena", code="abc123")]
    assert rooms[1].code == "ABC123"
    assert list(hall.rooms.values()) == rooms
    assert hall.listen(0, "127.0.0.1") is OK
    assert hall.get_local_port() > 0
    assert hall.is_listening()
    hall.close()
    assert not hall.is_listening()


@pytest.mark.parametrize("code", ["ABC12", "ABCDEU", "ABC-12", ""])
def test_codes_have_six_characters_of_the_alphabet(world: World, code: str) -> None:
    with pytest.raises(ValueError, match="code"):
        world.make(code=code)


def test_a_code_is_given_once(world: World) -> None:
    world.make(code="ABC123")
    with pytest.raises(ValueError, match="already"):
        world.make(code="ABC123")


def test_unknown_kinds_and_too_many_rooms(world: World) -> None:
    with pytest.raises(NoRoom):
        world.make("chess")
    world.hall.max_rooms = 1
    world.make()
    with pytest.raises(Full):
        world.make()


def test_two_kinds_cannot_share_a_name() -> None:
    with pytest.raises(ValueError, match="'arena'"):
        Hall([Arena, Arena])


def test_find_lists_rooms_that_are_not_private(world: World) -> None:
    first, hidden = world.make(), world.make(private=True)
    assert world.hall.find("arena") == [first]
    assert hidden.private
    assert world.hall.find("chess") == []
    first.close()
    assert world.hall.find("arena") == []


def test_a_call_may_create_a_room(world: World) -> None:
    class Maker(Node):
        made: Any = None

        @rpc("any_peer")
        def make(self) -> None:
            Maker.made = world.make()

    room = world.make()
    room.tree.root.add_child(Maker(name="Maker"))
    player = world.join(room)
    player.tree.root.add_child(Maker(name="Maker"))
    player.tree.get_node("/root/Maker").rpc_id(1, "make")
    world.run()
    assert Maker.made.code in world.hall.rooms
    assert world.join(Maker.made).ask(1)


def test_a_handler_that_polls_the_hall_does_no_harm(world: World) -> None:
    room, other = world.make(), world.make()
    players = [world.join(room), world.join(other)]
    room.tree.multiplayer.peer_packet.connect(lambda sender, data: world.hall.poll(1.0))
    players[0].tree.multiplayer.send_bytes(b"x", 1)
    assert players[1].ask(1)
    assert players[0].ask(2)


def test_r1_nothing_of_a_room_is_seen_in_another() -> None:
    world = World()
    rooms = [world.make() for _ in range(12)]
    players = [[world.join(room, f"{KEY}{number}") for number in range(3)] for room in rooms]
    for number, (room, members) in enumerate(zip(rooms, players, strict=True)):
        for member in members:
            member.main.shout.rpc(f"room {number}")
        room.main.shout.rpc(f"server {number}")
    world.run(20)
    for number, (room, members) in enumerate(zip(rooms, players, strict=True)):
        ids = {member.id for member in members}
        assert set(room.places) == ids == set(room.tree.multiplayer.get_peers())
        assert {entry[2] for entry in room.main.heard} == {f"room {number}"}
        for member in members:
            assert set(member.tree.multiplayer.get_peers()) == (ids | {1}) - {member.id}
            assert {entry[2] for entry in member.main.heard} == {f"room {number}", f"server {number}"}
            assert {entry[1] for entry in member.main.heard} == (ids | {1}) - {member.id}
        assert not room.refused


def test_r1_an_exception_stays_in_its_room(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Arena):
        kind = "broken"

        def on_create(self, options: Any) -> None:
            super().on_create(options)
            self.main.multiplayer.peer_packet.connect(lambda sender, data: 1 / 0)

    world = World(Broken, Arena)
    broken, sound = world.make("broken"), world.make("arena")
    first, second = world.join(broken), world.join(sound)
    first.tree.multiplayer.send_bytes(b"x", 1)
    assert second.ask(1)
    assert first.ask(2)
    assert "ZeroDivisionError" in caplog.text


def test_pages_are_answered_by_the_handler(world: World) -> None:
    world.hall.http_handler = lambda request: Response(200, "page")
    request = Request("GET", "/", Headers())
    assert world.hall.server.http_handler is not None
    response = world.hall.server.http_handler(request)
    assert response is not None
    assert response.status == 200


def test_close_ends_all_rooms() -> None:
    world = World()
    rooms = [world.make(), world.make()]
    player = world.join(rooms[0])
    with world.hall:
        pass
    world.run()
    assert all(room.is_closed for room in rooms)
    assert player.close_code == 1001
    assert not world.hall.rooms


def test_a_poll_does_not_wait_while_a_room_has_news(world: World) -> None:
    room = world.make()  # nodes of `on_create` may have something to do
    polled: list[Any] = []
    room.tree.poll = lambda timeout=0.0: polled.append(room)
    begin = time.monotonic()
    world.hall.poll(20.0)
    assert time.monotonic() - begin < 10.0
    assert polled == [room]


def test_an_idle_room_is_not_polled(world: World) -> None:
    rooms = [world.make() for _ in range(5)]
    world.join(rooms[0])
    polled: list[Any] = []
    for room in rooms:
        poll = room.tree.poll
        room.tree.poll = lambda timeout=0.0, room=room, poll=poll: (polled.append(room), poll(timeout))
    world.run()
    assert polled == []
    world.players[0].ask(1)
    assert set(polled) == {rooms[0]}


def test_nodes_are_freed_and_network_frames_sent_in_rooms_too(world: World) -> None:
    room = world.make()
    player = world.join(room)
    room.main.ask = lambda number: room.main.queue_free()
    room.soon(lambda: room.main.queue_free())
    world.run()
    assert room.tree.get_node_or_null("/root/Main") is None
    assert player.is_in


def test_nothing_is_logged_of_a_key(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        room = world.make()
        player = world.join(room)
        player.pull()
        world.join(room).ask(1)
        world.go(f"/room/AAAAAA?session={KEY}")
        room.close()
        world.run()
    assert KEY not in caplog.text
    assert KEY not in repr(room)
