"""A network frame: one packet for all who get the same, limits of packets, slow peers, and deltas that are not lost."""

from __future__ import annotations

from typing import Any

import pytest

from gdpeer import Vector2
from gdpeer.multiplayer.replication.frames import packets_of
from gdpeer.multiplayer.wire.godot4 import parse
from gdpeer.multiplayer.wire.replication import Delta, Sync
from tests.support.slow_peer import SlowPeer
from tests.support.worlds import World, Worlds


def slow_worlds(clients: int = 1) -> tuple[Worlds, SlowPeer]:
    worlds = Worlds(0)
    peer = SlowPeer()
    worlds.server = World(peer, worlds.clock)
    for _ in range(clients):
        worlds.join()
    return worlds, peer


def spy(world: World) -> list[tuple[list[int], Any]]:
    """Returns the list of packets of values that a side sends from now on."""
    sent: list[tuple[list[int], Any]] = []
    real = world.peer.put_packet_to

    def put(peer_ids: Any, buffer: Any) -> Any:
        if buffer[0] & 7 == 6:
            sent.append((list(peer_ids), parse(bytes(buffer))))
        return real(peer_ids, buffer)

    world.peer.put_packet_to = put  # type: ignore[method-assign]
    return sent


def test_packets_are_cut_between_elements() -> None:
    elements = [b"a" * 10, b"b" * 10, b"c" * 30, b"d"]
    assert packets_of(b"h", elements, 100) == [b"h" + b"".join(elements)]
    assert packets_of(b"h", elements, 21) == [b"h" + b"a" * 10 + b"b" * 10, b"h" + b"c" * 30, b"hd"]


def test_all_who_get_the_same_get_one_packet() -> None:
    worlds = Worlds(3)
    units = [worlds.server.add(f"U{number}") for number in range(3)]
    worlds.run()
    sent = spy(worlds.server)
    for unit in units:
        unit.position = Vector2(1, 1)
        unit.health = 5
    worlds.run(1)
    everyone = [client.id for client in worlds.clients]
    assert [peer_ids for peer_ids, _ in sent] == [everyone, everyone]
    assert [len(packet.elements) for _, packet in sent] == [3, 3]
    worlds.run(5)
    assert len(sent) == 2


def test_who_does_not_see_a_node_gets_a_packet_without_the_node() -> None:
    worlds = Worlds(2)
    first, second = worlds.clients
    units = [worlds.server.add(f"U{number}") for number in range(2)]
    worlds.run()
    units[0].get_node("Sync").set_visibility_for(first.id, True)
    units[0].get_node("Sync").public_visibility = False
    worlds.run()
    sent = spy(worlds.server)
    for unit in units:
        unit.position = Vector2(1, 1)
        unit.health = 5
    worlds.run(1)
    by_peer: dict[int, list[int]] = {first.id: [], second.id: []}
    for peer_ids, packet in sent:
        for peer_id in peer_ids:
            by_peer[peer_id] += [element[0] for element in packet.elements]
    assert sorted(by_peer[first.id]) == [2, 2, 4, 4]
    assert sorted(by_peer[second.id]) == [4, 4]


def test_values_of_a_node_that_some_peers_see_go_to_those_whoever_comes_and_goes() -> None:
    worlds = Worlds(3)
    unit = worlds.server.add("U1")
    synchronizer = unit.get_node("Sync")
    for client in worlds.clients[:2]:
        synchronizer.set_visibility_for(client.id, True)
    synchronizer.public_visibility = False
    worlds.run()
    (out,) = worlds.server.api.replicator.outgoing_of(unit)

    def steady(turn: float) -> bool:
        """Turns the unit often enough; returns whether frames look at values alone by then."""
        for frame in range(3):
            unit.turn = turn + frame / 4 - 0.5
            worlds.run(1)
        worlds.run(2)
        assert [side.unit("U1").turn for side in worlds.clients if side.names()] == [turn] * len(out.by_net)
        return bool(out.steady_for)

    first, _, third = worlds.clients
    assert steady(1.0)
    synchronizer.set_visibility_for(third.id, True)  # now all see it
    assert not steady(2.0)
    synchronizer.set_visibility_for(first.id, False)
    assert steady(3.0)
    worlds.join()
    assert steady(4.0)
    synchronizer.replication_interval = 0.2
    worlds.run(5)
    unit.health, unit.turn = 7, 4.5
    worlds.run(1)
    unit.turn = 5.0  # waits for the interval
    worlds.run(5)
    assert third.unit("U1").health == 7
    assert third.unit("U1").turn == 5.0
    unit.items.append(1)  # the program may change the list further
    assert not out.steady_for
    worlds.run()
    assert third.unit("U1").items == [1]
    out.refresh(third.id)
    assert not out.steady_for
    third.unit("U1").turn = 0.0
    worlds.run(5)
    assert third.unit("U1").turn == 5.0
    assert out.steady_for == len(worlds.clients)


def test_a_slow_peer_gets_the_latest_values_only_and_no_delta_is_lost() -> None:
    worlds, peer = slow_worlds(2)
    slow, quick = worlds.clients
    unit, other = worlds.server.add("U1"), worlds.server.add("U2")
    worlds.run()
    told: list[Any] = []
    slow.unit("U1").synchronized.connect(lambda: told.append(slow.unit("U1").turn))
    peer.queue_size = 0
    peer.slow_down(slow.id)
    for number in range(5):
        unit.turn = float(number + 1)
        unit.health = number
        other.items.append(number)
        worlds.run(2)
    assert (quick.unit("U1").turn, quick.unit("U1").health, quick.unit("U2").items) == (5.0, 4, [0, 1, 2, 3, 4])
    assert (slow.unit("U1").turn, slow.unit("U1").health) == (0.0, 100)
    peer.speed_up(slow.id)
    worlds.run()
    assert (slow.unit("U1").turn, slow.unit("U1").health, slow.unit("U2").items) == (5.0, 4, [0, 1, 2, 3, 4])
    assert told == [5.0]


def test_a_delta_for_which_there_is_no_room_stays_due() -> None:
    worlds, peer = slow_worlds()
    (client,) = worlds.clients
    units = [worlds.server.add(f"U{number}") for number in range(3)]
    worlds.run()
    refuses = [True]
    real = peer.put_packet_to

    def put(peer_ids: Any, buffer: Any) -> Any:
        if buffer[0] == 0x16 and refuses[0]:
            peer.queue_size = 0
            peer.slow_down(client.id)
        return real(peer_ids, buffer)

    peer.put_packet_to = put  # type: ignore[method-assign]
    for unit in units:
        unit.health = 7
    worlds.run(2)
    units[0].items.append(1)
    units[2].get_node("Sync").public_visibility = False
    worlds.run(2)
    assert [client.unit(unit.name).health for unit in units] == [100, 100, 100]
    refuses[0] = False
    peer.speed_up(client.id)
    worlds.run()
    assert [client.unit(unit.name).health for unit in units[:2]] == [7, 7]
    assert client.unit("U0").items == [1]
    assert client.names() == ["U0", "U1"]
    assert not worlds.server.api.replicator.frames.queue


@pytest.mark.parametrize("seconds", [0.0, 0.5])
def test_a_delta_for_one_peer_stays_due_too(seconds: float) -> None:
    worlds, peer = slow_worlds(2)
    first, second = worlds.clients
    unit = worlds.server.add("U1")
    unit.get_node("Sync").delta_interval = seconds
    unit.get_node("Sync").set_visibility_for(first.id, True)
    unit.get_node("Sync").public_visibility = False
    worlds.run(15)
    real = peer.put_packet_to
    refuses = [True]

    def put(peer_ids: Any, buffer: Any) -> Any:
        if buffer[0] == 0x16 and refuses[0]:
            peer.queue_size = 0
            peer.slow_down(first.id)
        return real(peer_ids, buffer)

    peer.put_packet_to = put  # type: ignore[method-assign]
    unit.health = 3
    worlds.run(15)
    assert first.unit("U1").health == 100
    refuses[0] = False
    peer.speed_up(first.id)
    worlds.run(15)
    assert first.unit("U1").health == 3
    assert second.names() == []


def test_values_that_are_too_large_are_reported_and_sent_when_they_fit(caplog: pytest.LogCaptureFixture) -> None:
    worlds = Worlds(1)
    api = worlds.server.api
    unit, small = worlds.server.add("U1"), worlds.server.add("U2")
    worlds.run()
    api.max_delta_packet_size = 128
    unit.items[:] = range(100)
    small.health = 3
    worlds.run()
    assert "delta: the values are bigger than max_delta_packet_size" in caplog.text
    assert worlds.clients[0].unit("U1").items == []
    assert worlds.clients[0].unit("U2").health == 3
    late = worlds.join()
    assert late.unit("U2").health == 3
    unit.items[:] = [1]
    worlds.run()
    assert [client.unit("U1").items for client in worlds.clients] == [[1], [1]]


def test_no_packet_is_empty_and_none_is_longer_than_the_limit() -> None:
    worlds = Worlds(1)
    units = [worlds.server.add(f"U{number}") for number in range(9)]
    worlds.run()
    worlds.server.api.max_sync_packet_size = worlds.server.api.max_delta_packet_size = 128
    sent = spy(worlds.server)
    for unit in units:
        unit.turn = 1.0
        unit.health = 1
        unit.items.append(3)
    worlds.run()
    packets = [packet for _, packet in sent]
    assert all(packet.elements and len(packet.encode()) <= 128 for packet in packets)
    assert len([packet for packet in packets if isinstance(packet, Sync)]) == 3
    assert len([packet for packet in packets if isinstance(packet, Delta)]) == 3
    assert len({packet.counter for packet in packets if isinstance(packet, Sync)}) == 1


def test_the_counter_counts_packets_not_frames() -> None:
    worlds = Worlds(1)
    unit = worlds.server.add("U1")
    worlds.run()
    sent = spy(worlds.server)
    for number in range(3):
        unit.turn = float(number + 1)
        worlds.run(5)
    counters = [packet.counter for _, packet in sent]
    assert counters == [counters[0], counters[0] + 1, counters[0] + 2]
