"""A returned player gets all that has waited, though it does not fit into the queue of a connection at once."""

from __future__ import annotations

import pytest

from gdpeer.multiplayer.wire.godot4 import AddPeer, Raw, Relay, SimplifyPath, parse, relay_packet
from gdpeer.rooms import Room
from tests.unit.rooms.worlds import Arena, Player, World

CHECKSUM = "d41d8cd98f00b204e9800998ecf8427e"
PATHS = 1500


class Wire(Player):
    """A player of whom only the packets count."""

    def __init__(self, world: World, target: str) -> None:
        super().__init__(world, target)
        self.tree.multiplayer.multiplayer_peer = None
        self.packets: list[object] = []
        world.players.remove(self)
        world.wires.append(self)  # type: ignore[attr-defined]

    def poll(self) -> None:
        self.peer.poll()
        while self.peer.get_available_packet_count():
            self.packets.append(parse(self.peer.get_packet()))

    def send(self, target: int, data: bytes) -> None:
        self.peer.put_packet_to((1,), relay_packet(target, data))


class WireWorld(World):
    def __init__(self) -> None:
        self.wires: list[Wire] = []
        super().__init__(Arena)

    def run(self, rounds: int = 12) -> None:
        for _ in range(rounds):
            self.hall.poll()
            for wire in self.wires:
                wire.poll()

    def enter(self, room: Room, key: str) -> Wire:
        wire = Wire(self, f"/room/{room.code}?session={key * 22}")
        self.run()
        return wire


def passed_on(wire: Wire) -> list[object]:
    return [parse(packet.data) for packet in wire.packets if isinstance(packet, Relay)]


def told(number: int) -> SimplifyPath:
    return SimplifyPath(CHECKSUM, number, f"Main/Units/Unit{number}/Synchronizer")


@pytest.mark.parametrize("is_cut_again", [False, True])
def test_more_than_a_queue_holds_arrives_in_order(is_cut_again: bool) -> None:
    world = WireWorld()
    room = world.make()
    ann, bob = world.enter(room, "a"), world.enter(room, "b")
    for number in range(1, PATHS):
        ann.send(bob.id, told(number).encode())
        world.run(1)
    assert passed_on(bob) == [told(number) for number in range(1, PATHS)]
    bob.pull()
    texts = [b"%d " % number + b"x" * 1000 for number in range(60)]
    for text in texts:
        ann.send(bob.id, Raw(text).encode())
        world.run(1)
    world.wires.remove(bob)
    bob = world.enter(room, "b")
    assert ("return", bob.id) not in room.log
    if is_cut_again:
        assert len(passed_on(bob)) < PATHS + len(texts)
        bob.pull()
        world.wires.remove(bob)
        bob = world.enter(room, "b")
    ann.send(bob.id, told(PATHS).encode())
    ann.send(bob.id, Raw(b"since the return").encode())
    for _ in range(100):
        world.clock.advance(0.05)
        world.run(2)
    assert bob.packets[0] == AddPeer(ann.id)
    paths = [packet for packet in passed_on(bob) if isinstance(packet, SimplifyPath)]
    assert paths == [told(number) for number in range(1, PATHS + 1)]
    assert [packet.data for packet in passed_on(bob) if isinstance(packet, Raw)] == [*texts, b"since the return"]
    assert room.log[-1] == ("return", bob.id)
    assert not room.places[bob.id].missed
    world.hall.close()
