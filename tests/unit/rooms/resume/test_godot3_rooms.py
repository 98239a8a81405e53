"""Rooms for Godot 3: its clients hear of each other from the session, which announces a return."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gdpeer import OK, WebSocketMultiplayerPeer
from gdpeer.multiplayer.wire.godot3 import ConfirmPath, Packet, Raw, RemoteCall, RemoteSet, SimplifyPath
from gdpeer.transport.memory import memory_pair
from tests.unit.rooms.worlds import Arena, World


class OldArena(Arena):
    kind = "old"
    dialect = "godot3"
    grace = 20.0


class Guest:
    """A client of Godot 3, as far as the session is concerned."""

    def __init__(self, world: World, room: OldArena, key: str) -> None:
        self.world = world
        self.target = f"/room/{room.code}?session={key}"
        self.signals: list[tuple[str, int]] = []
        self.id = 0
        self.connect()

    def connect(self) -> None:
        self.peer = WebSocketMultiplayerPeer(("godot3",), clock=self.world.clock)
        theirs, ours = memory_pair(clock=self.world.clock)
        self.world.hall.server.take_stream(theirs)
        self.peer.peer_connected.connect(lambda peer_id: self.signals.append(("came", peer_id)))
        self.peer.peer_disconnected.connect(lambda peer_id: self.signals.append(("gone", peer_id)))
        assert self.peer.connect_through(ours, f"ws://localhost{self.target}") is OK
        self.run()
        self.id = self.peer.get_unique_id()

    def run(self) -> None:
        for _ in range(4):
            self.world.run()
            self.peer.poll()

    def pull(self) -> None:
        assert self.peer._client is not None
        self.peer._client.get_peer(1).close(-1)
        self.run()

    def send(self, target: int, text: bytes) -> None:
        self.put(target, Raw(text))

    def put(self, target: int, *packets: Packet) -> None:
        self.peer.set_target_peer(target)
        for packet in packets:
            assert self.peer.put_packet(packet.encode()) is OK

    def received(self) -> list[bytes]:
        found = []
        while self.peer.get_available_packet_count():
            found.append(self.peer.get_packet())
        return found


@pytest.fixture
def guests() -> Iterator[tuple[Guest, Guest]]:
    world = World(OldArena)
    room = world.make("old")
    ann, bob = Guest(world, room, "a" * 22), Guest(world, room, "b" * 22)
    ann.run()
    assert ann.signals == [("came", 1), ("came", bob.id)]
    ann.signals.clear()
    yield ann, bob
    world.hall.close()


def test_a_return_is_announced_in_one_moment(guests: tuple[Guest, Guest]) -> None:
    ann, bob = guests
    first = bob.id
    for _ in range(3):
        bob.pull()
        ann.run()
        assert ann.signals == []
        bob.signals.clear()
        bob.connect()
        ann.run()
        assert bob.id == first
        assert bob.signals == [("came", 1), ("came", ann.id)]
        assert ann.signals == [("gone", first), ("came", first)]
        ann.signals.clear()
        ann.send(bob.id, b"hello")
        bob.run()
        bob.run()
        assert bob.received() == [Raw(b"hello").encode()]


CALL, SET = RemoteCall(1, "ping", [1]), RemoteSet(1, "score", [1])
TELL, CALL_BY_PATH = SimplifyPath(1, "Main"), RemoteCall(0, "ping", [2], "Main")
ANSWER = ConfirmPath("Main")


@pytest.mark.parametrize("is_for_all", [False, True])
def test_numbers_of_a_former_life_do_not_reach_the_returned(guests: tuple[Guest, Guest], is_for_all: bool) -> None:
    """Ann has sent them before she hears of the return. Godot 3 would complain of a number that it does not know."""
    ann, bob = guests
    (room,) = ann.world.hall.rooms.values()
    eve = Guest(ann.world, room, "e" * 22)  # type: ignore[arg-type]
    target = 0 if is_for_all else bob.id
    ann.put(target, TELL, CALL)
    for one in (ann, bob, eve):
        one.run()
        one.received()
    bob.pull()
    bob.connect()
    ann.put(target, CALL, SET, CALL_BY_PATH, Raw(b"raw"), ANSWER)
    for packet in (TELL, CALL, SET):  # by now she has heard of it
        ann.put(target, packet)
    for one in (ann, bob, eve):
        one.run()
    first = [CALL_BY_PATH, Raw(b"raw"), ANSWER]
    assert bob.received() == [packet.encode() for packet in (*first, TELL, CALL, SET)]
    assert eve.received() == [packet.encode() for packet in (CALL, SET, *first, TELL, CALL, SET) if is_for_all]
    assert room._gdpeer_life.session.sieve(eve.id, [bob.id], CALL.encode()) == []


def test_guests_of_a_restored_room_have_their_ids_and_are_announced(guests: tuple[Guest, Guest]) -> None:
    ann, bob = guests
    ids = [ann.id, bob.id]
    [room] = ann.world.hall.rooms.values()
    life = room._gdpeer_life
    saved = life.saved(b"")
    first, second = life.move()
    first.close(1012)
    bob.run()
    ann.signals.clear()
    bob.signals.clear()
    bob.run()
    assert bob.signals == []  # nobody is told of an end while connections wait
    second.close(1012)
    world = World(OldArena)
    again = world.hall.restore(saved)
    for guest in guests:
        guest.run()
        guest.world = world
        guest.signals.clear()
        guest.connect()
    ann.run()
    assert [ann.id, bob.id] == ids == list(again.places)
    assert ann.signals == [("came", 1), ("came", bob.id), ("gone", bob.id), ("came", bob.id)]
    assert bob.signals == [("came", 1), ("came", ann.id)]
    ann.send(bob.id, b"hello")
    ann.run()
    bob.run()
    assert bob.received() == [Raw(b"hello").encode()]
    assert [entry[0] for entry in again.log] == ["return", "return"]


def test_a_guest_who_stays_away_is_gone_for_the_others(guests: tuple[Guest, Guest]) -> None:
    ann, bob = guests
    bob.pull()
    ann.world.clock.advance(21.0)
    ann.run()
    assert ann.signals == [("gone", bob.id)]


def test_a_guest_who_leaves_is_gone_at_once(guests: tuple[Guest, Guest]) -> None:
    ann, bob = guests
    bob.peer.close()
    bob.run()
    ann.run()
    assert ann.signals == [("gone", bob.id)]


def test_packets_for_an_absent_guest_are_no_fault(guests: tuple[Guest, Guest]) -> None:
    ann, bob = guests
    bob.pull()
    ann.send(bob.id, b"hello")
    ann.run()
    (room,) = ann.world.hall.rooms.values()
    assert room.tree.multiplayer.get_refused(ann.id) == {}
    ann.send(bob.id + 1, b"hello")
    ann.run()
    assert room.tree.multiplayer.get_refused(ann.id) == {"unknown receiver": 1}


def test_a_newcomer_hears_of_a_guest_who_is_away(guests: tuple[Guest, Guest]) -> None:
    ann, bob = guests
    bob.pull()
    (room,) = ann.world.hall.rooms.values()
    eve = Guest(ann.world, room, "e" * 22)  # type: ignore[arg-type]
    assert sorted(eve.signals) == sorted([("came", 1), ("came", ann.id), ("came", bob.id)])
