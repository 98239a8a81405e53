"""What a peer gets that is admitted when nodes are there already: blocks of packets that many peers share."""

from __future__ import annotations

from typing import Any

import pytest

from gdpeer import (
    MultiplayerSpawner,
    MultiplayerSynchronizer,
    SceneReplicationConfig,
    Vector2,
    WebSocketMultiplayerPeer,
)
from gdpeer.packet_session import PacketBlock
from gdpeer.transport.memory import MemoryStream, memory_pair
from tests.support.slow_peer import SlowPeer
from tests.support.worlds import World, Worlds


def slow_worlds() -> tuple[Worlds, SlowPeer]:
    """Returns a server over a peer whose new clients are slow, once `queue_size` is set."""
    worlds, peer = Worlds(0), SlowPeer()
    peer.peer_connected.connect(lambda peer_id: peer.queue_size and peer.slow_down(peer_id))
    worlds.server = World(peer, worlds.clock)
    return worlds, peer


def entries(worlds: Worlds) -> list[Any]:
    return list(worlds.server.api.replicator.spawns.nodes.values())


def values(world: World) -> list[Any]:
    return [(unit.name, unit.position, unit.health, unit.title) for unit in world.units.get_children()]


def test_late_joiners_get_the_same_block_while_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    worlds = Worlds(0)
    for number in range(3):
        worlds.server.add(f"U{number}", title=f"T{number}")
    blocks: list[PacketBlock] = []
    real = worlds.server.api.transmit_block

    def transmit(peer_id: int, block: PacketBlock) -> int:
        if block.packets[0][0] & 7 == 4:  # else ADD_PEER packets
            blocks.append(block)
        return real(peer_id, block)

    monkeypatch.setattr(type(worlds.server.api), "transmit_block", lambda api, *arguments: transmit(*arguments))
    for _ in range(4):
        worlds.join()
    assert [values(client) for client in worlds.clients] == [values(worlds.server)] * 4
    assert [block is blocks[0] for block in blocks] == [True] * 4
    worlds.server.unit("U1").title = "other"
    worlds.join()
    assert blocks[4] is not blocks[0]
    assert worlds.clients[4].unit("U1").title == "other"


def test_a_late_joiner_gets_the_values_and_names_of_now() -> None:
    worlds = Worlds(0)
    units = [worlds.server.add(f"U{number}") for number in range(3)]
    worlds.join()
    units[0].title = "one"  # no frame sends a property of the mode NEVER
    units[1].name = "Other"
    units[2].position = Vector2(1, 2)
    late = worlds.join()
    assert values(late) == values(worlds.server)
    units[2].position = Vector2(3, 4)
    worlds.run()
    assert [client.unit("U2").position for client in worlds.clients] == [Vector2(3, 4)] * 2


def test_a_value_that_lasted_less_than_a_frame_does_not_stay_with_a_late_joiner() -> None:
    worlds = Worlds(1)
    unit = worlds.server.add("U1")
    worlds.run()
    unit.position = Vector2(9, 9)
    client = World(worlds.server.peer.join(), worlds.clock)
    worlds.clients.append(client)
    client.tree.poll()
    worlds.server.tree.poll()  # admits the client
    unit.position = Vector2()
    worlds.run()
    assert client.unit("U1").position == Vector2()


def test_nodes_that_all_peers_have_share_one_set_of_peers() -> None:
    worlds = Worlds(2)
    for number in range(3):
        worlds.server.add(f"U{number}")
    worlds.join()
    everyone = worlds.server.api.replicator.spawns.everyone
    assert everyone == {client.id for client in worlds.clients}
    for found in entries(worlds):
        assert found.shown is found.outs[0].listed is found.outs[0].by_net is everyone
    gone = worlds.clients.pop(0)
    gone.peer.close()
    worlds.run()
    assert everyone == {client.id for client in worlds.clients}


def test_a_node_that_one_peer_loses_is_its_own_again() -> None:
    worlds = Worlds(0)
    units = [worlds.server.add(f"U{number}") for number in range(2)]
    first, second = worlds.join(), worlds.join()
    sync = units[0].get_node("Sync")
    sync.set_visibility_for(first.id, True)
    sync.public_visibility = False
    worlds.run()
    assert (first.names(), second.names()) == (["U0", "U1"], ["U1"])
    third = worlds.join()
    units[0].position = units[1].position = Vector2(1, 1)
    worlds.run()
    assert third.names() == ["U1"]
    sync.public_visibility = True
    worlds.run()
    fourth = worlds.join()
    units[0].position = units[1].position = Vector2(2, 2)
    worlds.run()
    for client in (first, second, third, fourth):
        assert sorted(client.names()) == ["U0", "U1"]
        assert [unit.position for unit in client.units.get_children()] == [Vector2(2, 2)] * 2
    assert all(found.is_shared and found.outs[0].is_shared for found in entries(worlds))


def test_a_filter_that_hides_nothing_yet_is_asked_for_a_late_joiner() -> None:
    worlds = Worlds(0)
    unit = worlds.server.add("U1")
    worlds.server.add("U2")
    first = worlds.join()
    unit.get_node("Sync").add_visibility_filter(lambda peer_id: peer_id == first.id)
    second = worlds.join()
    unit.position = Vector2(1, 1)
    worlds.run()
    assert (first.names(), second.names()) == (["U1", "U2"], ["U2"])
    assert first.unit("U1").position == Vector2(1, 1)


def test_a_filter_may_remove_a_node_that_comes_later() -> None:
    worlds = Worlds(0)
    for name in ("A", "B", "C"):
        worlds.server.add(name)
    worlds.join()

    def asked(peer_id: int) -> bool:
        if "B" in worlds.server.names() and peer_id != worlds.clients[0].id:
            worlds.server.unit("B").free()
        return True

    worlds.server.unit("A").get_node("Sync").add_visibility_filter(asked)
    worlds.join()
    assert [client.names() for client in worlds.clients] == [["A", "C"]] * 2


def test_a_synchronizer_that_was_added_later_has_a_number_for_a_late_joiner() -> None:
    def second() -> MultiplayerSynchronizer:
        synchronizer = MultiplayerSynchronizer("Second")
        synchronizer.replication_config = SceneReplicationConfig()
        return synchronizer

    worlds = Worlds(0)
    worlds.server.add("U1")
    first = worlds.join()
    for world in (worlds.server, first):
        world.unit("U1").add_child(second())
    worlds.run()
    (found,) = entries(worlds)
    late = World(worlds.server.peer.join(), worlds.clock)
    made: Any = late.kind.__init__

    def init(self: Any, name: str | None = None) -> None:
        made(self, name)
        self.add_child(second())

    late.kind.__init__ = init  # type: ignore[method-assign]
    worlds.clients.append(late)
    worlds.run()
    worlds.server.unit("U1").position = Vector2(5, 5)
    worlds.run()
    assert [client.unit("U1").position for client in worlds.clients] == [Vector2(5, 5)] * 2
    assert [len(out.listed) for out in found.outs] == [2, 1]


def test_nodes_below_a_node_that_its_spawner_gave_up_stay_here() -> None:
    worlds = Worlds(0)
    outer = worlds.server.add("A")
    inner = MultiplayerSpawner("Inner")
    inner.spawn_path = "../Units/A"
    inner.add_spawnable_scene("res://unit.tscn")
    worlds.server.main.add_child(inner)
    outer.add_child(worlds.server.kind("AA"))
    worlds.join()
    worlds.server.api.replicator.spawns.remove_of(worlds.server.spawner)
    late = worlds.join()
    assert late.names() == []
    assert not late.api.refused


def test_what_finds_no_room_comes_later() -> None:
    worlds, peer = slow_worlds()
    for number in range(20):
        worlds.server.add(f"U{number}", health=number)
    first = worlds.join()
    peer.queue_size = 900
    late = worlds.join()
    found = entries(worlds)
    had = [late.id in one.shown for one in found]
    assert 0 < sum(had) < 20
    assert had == sorted(had, reverse=True)
    assert [one.is_shared for one in found] == had
    third = World(peer.join(), worlds.clock)
    worlds.clients.append(third)
    worlds.server.unit("U19").position = Vector2(1, 1)
    worlds.run(1)
    for _ in range(20):
        peer.speed_up(late.id)
        peer.slow_down(late.id)
        worlds.run(1)
    for one in worlds.clients:
        peer.speed_up(one.id)
    worlds.run()
    for client in (first, late, third):
        assert values(client) == values(worlds.server)
    peer.queue_size = 0
    worlds.server.unit("U19").position = Vector2(2, 2)
    fourth = worlds.join()
    worlds.run()
    assert values(fourth) == values(first) == values(worlds.server)
    assert all(one.is_shared for one in entries(worlds))


def test_a_path_without_room_holds_all_nodes_back() -> None:
    worlds, peer = slow_worlds()
    worlds.server.add("U1")
    peer.queue_size = 20
    late = worlds.join()
    assert late.names() == []
    peer.speed_up(late.id)
    worlds.run()
    assert late.names() == ["U1"]


def test_a_value_that_cannot_be_sent_holds_back_its_node_alone() -> None:
    worlds = Worlds(0)
    worlds.server.add("U0")
    unit = worlds.server.add("U1")
    worlds.server.kind.items.spawn = True  # type: ignore[attr-defined]
    unit.items.append("no number")
    late = worlds.join()
    assert late.names() == ["U0"]
    unit.items[:] = [1]
    assert worlds.join().names() == ["U0", "U1"]


def test_a_client_gives_its_nodes_to_a_late_joiner_through_the_server() -> None:
    worlds = Worlds(1)
    (client,) = worlds.clients
    for world in (worlds.server, client):
        world.spawner.set_multiplayer_authority(client.id)
    for number in range(3):
        unit = client.kind(f"U{number}")
        unit.set_multiplayer_authority(client.id)
        client.units.add_child(unit)
    worlds.run()
    late = World(worlds.server.peer.join(), worlds.clock)
    late.spawner.set_multiplayer_authority(client.id)
    worlds.clients.append(late)
    worlds.run()
    assert late.names() == worlds.server.names() == ["U0", "U1", "U2"]


def over_websocket(count: int, **settings: Any) -> tuple[Worlds, Any]:
    """Returns a server over WebSocket with some units, and a function that adds a client."""
    worlds = Worlds(0)
    peer = WebSocketMultiplayerPeer(clock=worlds.clock)
    for key, value in settings.items():
        setattr(peer, key, value)

    def stream() -> MemoryStream:
        theirs, ours = memory_pair(clock=worlds.clock)
        peer.take_stream(ours)
        return theirs

    first = [stream()]  # which makes the peer a server
    worlds.server = World(peer, worlds.clock)  # type: ignore[arg-type]
    for number in range(count):
        worlds.server.add(f"U{number}", health=number)

    def join(**options: Any) -> World:
        client = WebSocketMultiplayerPeer(clock=worlds.clock)
        for key, value in options.items():
            setattr(client, key, value)
        client.connect_through(first.pop() if first else stream())
        worlds.clients.append(World(client, worlds.clock))  # type: ignore[arg-type]
        worlds.run(12)
        return worlds.clients[-1]

    return worlds, join


@pytest.mark.parametrize("settings", [{}, {"outbound_buffer_size": 500}, {"max_queued_packets": 7}])
def test_a_block_over_websocket(settings: dict[str, Any]) -> None:
    worlds, join = over_websocket(20, **settings)
    clients = [join(), join()]
    for client in clients:
        assert values(client) == values(worlds.server)
    worlds.server.unit("U3").position = Vector2(1, 1)
    worlds.run()
    assert [client.unit("U3").position for client in clients] == [Vector2(1, 1)] * 2


def test_the_messages_of_a_block_are_counted() -> None:
    worlds, join = over_websocket(20)
    peer: Any = worlds.server.peer
    join()
    # The client's id, the path of the spawner, the SPAWNs, and in the next frame a SYNC and a delta.
    assert peer.stats().messages_sent == 1 + 1 + 20 + 2
    join()  # now nothing has changed since the last frame; each client is told of the other
    assert peer.stats().messages_sent == 24 + 1 + 1 + 20 + 1 + 2


def test_a_block_over_a_compressed_connection() -> None:
    worlds, join = over_websocket(20, compression=True, compression_threshold=0)
    assert values(join(compression=True)) == values(worlds.server)


@pytest.mark.parametrize("settings", [{}, {"outbound_buffer_size": 700}, {"compression": True}])
def test_peers_that_see_different_nodes_get_several_packets_of_one_frame_at_once(settings: dict[str, Any]) -> None:
    worlds, join = over_websocket(20, **settings)
    clients = [join(**({"compression": True} if "compression" in settings else {})) for _ in range(2)]
    units = worlds.server.units.get_children()
    for number, unit in enumerate(units):
        sync = unit.get_node("Sync")
        sync.public_visibility = False
        sync.set_visibility_for(clients[number % 2].id, True)
    worlds.server.api.max_sync_packet_size = 128
    worlds.run(4)
    for turn in (1.0, 2.0, 3.0):
        before = worlds.server.peer.stats().messages_sent  # type: ignore[attr-defined]
        for unit in units:
            unit.position = Vector2(turn, 1)
        worlds.run(4)
        for client in clients:
            assert [unit.position.x for unit in client.units.get_children()] == [turn] * len(client.names())
    assert [len(client.names()) for client in clients] == [10, 10]
    if not settings:
        assert worlds.server.peer.stats().messages_sent - before == 3 + 3  # type: ignore[attr-defined]


def test_a_peer_that_reads_slowly_gets_the_latest_values_once_there_is_room() -> None:
    worlds, join = over_websocket(3)
    clients = [join(), join()]
    server: Any = worlds.server
    connection = server.peer.get_peer(clients[1].id)
    stream = connection._backend.stream
    real, stream.send = stream.send, lambda chunks: 0
    for turn in (1.0, 2.0, 3.0):
        server.unit("U1").position = Vector2(turn, 0)
        worlds.run(2)
    assert server.api.slow_among([client.id for client in clients]) == {clients[1].id}
    waiting = connection.get_current_outbound_buffered_amount()
    server.unit("U1").position = Vector2(4, 0)
    worlds.run(2)
    assert connection.get_current_outbound_buffered_amount() == waiting
    assert [client.unit("U1").position.x for client in clients] == [4, 0]
    stream.send = real
    worlds.run(4)
    assert server.api.slow_among([client.id for client in clients]) == set()
    assert [client.unit("U1").position.x for client in clients] == [4, 4]
