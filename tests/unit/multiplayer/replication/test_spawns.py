"""Which peer is sent which node, in which order, and again when there was no room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gdpeer import (
    MultiplayerSpawner,
    MultiplayerSynchronizer,
    Node,
    SceneMultiplayer,
    SceneReplicationConfig,
    SceneTree,
    Vector2,
    rpc,
)
from gdpeer.multiplayer.wire.godot4 import parse
from gdpeer.multiplayer.wire.replication import Despawn, Spawn
from tests.support.slow_peer import SlowPeer
from tests.support.worlds import World, Worlds


def slow_worlds() -> tuple[Worlds, World, SlowPeer]:
    """Returns a server over a peer that can be slow, with one client."""
    worlds = Worlds(0)
    peer = SlowPeer()
    worlds.server = World(peer, worlds.clock)
    return worlds, worlds.join(), peer


def spy(world: World) -> list[Any]:
    """Returns the list of packets that a side sends from now on."""
    sent: list[Any] = []
    real = world.peer.put_packet_to

    def put(peer_ids: Any, buffer: Any) -> Any:
        sent.extend((peer_id, bytes(buffer)) for peer_id in peer_ids)
        return real(peer_ids, buffer)

    world.peer.put_packet_to = put  # type: ignore[method-assign]
    return sent


def spawned(sent: list[Any], peer_id: int) -> list[str]:
    """Returns what one peer was sent of nodes: names, and numbers with a minus for those that were removed."""
    packets = [parse(data) for to, data in sent if to == peer_id and data[0] & 7 in (4, 5)]
    return [packet.name if isinstance(packet, Spawn) else f"-{packet.net_id}" for packet in packets]  # type: ignore[union-attr]


def hide(unit: Any, client: World) -> None:
    sync = unit.get_node("Sync")
    sync.public_visibility = False
    sync.set_visibility_for(client.id, False)


def test_a_late_joiner_gets_parents_first_and_then_the_order_of_the_tree() -> None:
    worlds = Worlds(0)
    server = worlds.server
    later = server.kind("Later")
    for name in ("A", "B"):
        server.add(name)
    server.units.add_child(later)
    inner = MultiplayerSpawner("Inner")
    inner.spawn_path = ".."
    inner.add_spawnable_scene("res://unit.tscn")
    a = server.unit("A")
    a.add_child(inner)
    a.add_child(server.kind("AA"))
    sent = spy(server)
    late = worlds.join()
    worlds.run()
    assert spawned(sent, late.id) == ["A", "AA", "B", "Later"]


def test_ids_stay_while_a_node_is_hidden() -> None:
    worlds = Worlds(1)
    (client,) = worlds.clients
    unit = worlds.server.add("U1")
    worlds.run()
    sent = spy(worlds.server)
    hide(unit, client)
    unit.get_node("Sync").public_visibility = True
    packets = [parse(data) for _, data in sent]
    assert packets[0] == Despawn(1)
    assert isinstance(packets[1], Spawn)
    assert (packets[1].net_id, packets[1].sync_ids) == (1, (2,))
    unit.free()
    worlds.server.add("U2")
    last = parse(sent[-1][1])
    assert isinstance(last, Spawn)
    assert last.net_id == 3


def test_a_node_that_was_hidden_brings_back_those_below() -> None:
    worlds = Worlds(1)
    (client,) = worlds.clients
    for world in (worlds.server, client):
        inner = MultiplayerSpawner("Inner")
        inner.spawn_path = "../Units/A"
        inner.add_spawnable_scene("res://unit.tscn")
        world.inner = inner  # type: ignore[attr-defined]
    outer = worlds.server.add("A")
    worlds.run()
    for world in (worlds.server, client):
        world.main.add_child(world.inner)  # type: ignore[attr-defined]
    worlds.server.unit("A").add_child(worlds.server.kind("AA"))
    worlds.server.unit("A/AA").health = 3
    worlds.run()
    sent = spy(worlds.server)
    hide(outer, client)
    worlds.run()
    assert client.names() == []
    worlds.server.unit("A/AA").health = 4
    worlds.run()
    outer.get_node("Sync").set_visibility_for(client.id, True)
    worlds.run()
    assert spawned(sent, client.id) == ["-1", "A", "AA"]
    assert client.unit("A/AA").health == 4
    outer.get_node("Sync").set_visibility_for(client.id, False)
    worlds.server.unit("A/AA").free()
    worlds.run()
    assert client.api.refused["replication"] == 0


def test_a_node_with_a_synchronizer_without_configuration_is_not_spawned(caplog: pytest.LogCaptureFixture) -> None:
    worlds = Worlds(1)
    (client,) = worlds.clients
    bare = MultiplayerSynchronizer("Bare")
    unit = worlds.server.kind("U1")
    unit.add_child(bare)
    sent = spy(worlds.server)
    worlds.server.units.add_child(unit)
    worlds.run()
    assert spawned(sent, client.id) == []
    assert "'/root/Main/Units/U1/Bare' has no replication_config" in caplog.text
    bare.replication_config = SceneReplicationConfig()
    worlds.run()
    assert spawned(sent, client.id) == ["U1"]
    caplog.clear()
    bare.replication_config = None
    unit.health = 5
    worlds.run()
    assert "has no replication_config" in caplog.text
    assert client.unit("U1").health == 5
    late = worlds.join()
    assert late.names() == []


def test_a_synchronizer_without_configuration_tells_no_path(caplog: pytest.LogCaptureFixture) -> None:
    worlds = Worlds(1)
    sent = spy(worlds.server)
    for world in (worlds.server, *worlds.clients):
        bare = MultiplayerSynchronizer("Bare")
        world.main.add_child(bare)
    worlds.run()
    assert sent == []
    assert "'/root/Main/Bare' has no replication_config" in caplog.text
    server = worlds.server.main
    config = SceneReplicationConfig()
    config.add_property(".:name")
    server.get_node("Bare").replication_config = config  # type: ignore[attr-defined]
    worlds.run()
    assert any(b"Main/Bare" in data for _, data in sent)


def test_a_node_of_two_synchronizers_is_shown_by_either() -> None:
    worlds = Worlds(1)
    (client,) = worlds.clients
    unit = worlds.server.add("U1")
    worlds.run()
    replicator = worlds.server.api.replicator
    assert not replicator.spawns.partial
    hide(unit, client)
    assert list(replicator.spawns.partial) == [replicator.spawns.nodes[unit]]
    assert not replicator.may_call(unit, client.id)
    unit.get_node("Sync").public_visibility = True
    assert not replicator.spawns.partial
    assert replicator.may_call(unit, client.id)


def test_a_full_queue_delays_spawns_and_loses_none() -> None:
    worlds, client, peer = slow_worlds()
    peer.queue_size = 300
    peer.slow_down(client.id)
    for number in range(20):
        worlds.server.add(f"U{number}", health=number)
    worlds.server.unit("U3").free()
    worlds.run(2)
    for _ in range(12):
        peer.speed_up(client.id)
        peer.slow_down(client.id)
        worlds.run(2)
    peer.speed_up(client.id)
    worlds.run()
    expected = [number for number in range(20) if number != 3]
    assert client.names() == [f"U{number}" for number in expected]
    assert [client.unit(name).health for name in client.names()] == expected


def test_a_full_queue_delays_despawns_and_what_takes_the_same_name() -> None:
    worlds, client, peer = slow_worlds()
    for name in ("A", "B", "C"):
        worlds.server.add(name)
    worlds.run()
    peer.queue_size = 1
    peer.slow_down(client.id)
    for name in ("A", "B"):
        worlds.server.unit(name).free()
    worlds.server.add("A", health=5)
    hide(worlds.server.unit("C"), client)
    worlds.server.unit("C").get_node("Sync").public_visibility = True
    worlds.run()
    assert client.names() == ["A", "B", "C"]
    peer.speed_up(client.id)
    worlds.run()
    assert sorted(client.names()) == ["A", "C"]
    assert client.unit("A").health == 5


def test_a_node_that_is_too_large_for_the_queue_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    worlds, client, peer = slow_worlds()
    peer.queue_size = 100
    peer.queues[client.id] = []
    peer.bytes_for = lambda peer_id: 0  # type: ignore[method-assign]
    worlds.server.add("Large", title="x" * 200)
    worlds.server.add("Small")
    assert "does not fit into outbound_buffer_size" in caplog.text
    del peer.bytes_for
    peer.speed_up(client.id)
    worlds.run()
    assert client.names() == ["Small"]
    hide(worlds.server.unit("Large"), client)
    worlds.server.unit("Large").get_node("Sync").public_visibility = True
    worlds.run()
    assert sorted(client.names()) == ["Large", "Small"]


def test_a_node_whose_value_cannot_be_sent_comes_when_it_can(caplog: pytest.LogCaptureFixture) -> None:
    worlds = Worlds(1)
    unit = worlds.server.kind("U1")
    unit.items.append("no number")
    worlds.server.kind.items.spawn = True  # type: ignore[attr-defined]
    worlds.server.units.add_child(unit)
    assert "'/root/Main/Units/U1' is not sent" in caplog.text
    unit.items[:] = [1]
    sync = unit.get_node("Sync")
    sync.update_visibility()
    worlds.run()
    assert worlds.clients[0].names() == ["U1"]


def test_a_path_for_which_there_is_no_room_is_told_later() -> None:
    worlds, client, peer = slow_worlds()
    peer.queue_size = 20
    peer.slow_down(client.id)
    worlds.server.add("U1")
    worlds.run()
    peer.speed_up(client.id)
    worlds.run()
    assert client.names() == ["U1"]


def test_nodes_of_the_time_before_a_client_connected_stay_its_own() -> None:
    worlds = Worlds(0)
    peer = worlds.server.peer.join()
    client = World(peer, worlds.clock)
    client.api.multiplayer_peer = None
    lonely = World(worlds.server.peer.join(), worlds.clock)
    tree = SceneTree(SceneMultiplayer(clock=worlds.clock), scenes=lonely.scenes)
    main, units = Node("Main"), Node("Units")
    spawner = MultiplayerSpawner("Spawner")
    spawner.spawn_path = "../Units"
    spawner.add_spawnable_scene("res://unit.tscn")
    for node in (units, spawner):
        main.add_child(node)
    tree.root.add_child(main)
    unit = lonely.kind("Mine")
    units.add_child(unit)  # the default peer is a server
    assert tree.multiplayer.replicator.spawns.nodes
    last = worlds.server.peer.join()
    sent: list[Any] = []
    real = last.put_packet_to
    last.put_packet_to = lambda ids, data: (sent.append(bytes(data)), real(ids, data))[1]  # type: ignore[method-assign,func-returns-value]
    tree.multiplayer.multiplayer_peer = last
    for _ in range(8):
        worlds.run(1)
        tree.poll()
    assert [data for data in sent if data[0] & 7 == 4] == []
    assert not spawner.has_spawned(unit)
    assert worlds.server.names() == []


def test_another_session_gives_new_numbers() -> None:
    worlds = Worlds(1)
    unit = worlds.server.add("U1")
    worlds.run()
    second = SlowPeer()
    worlds.server.api.multiplayer_peer = second
    worlds.server.peer = second
    worlds.clients.clear()
    late = worlds.join()
    unit.position = Vector2(5, 6)
    worlds.run()
    assert late.names() == ["U1"]
    assert late.unit("U1").position == Vector2(5, 6)
    assert worlds.server.api.replicator.spawns.nodes[unit].net_id == 1


def test_a_node_that_leaves_and_comes_back_while_it_enters_is_spawned_once() -> None:
    worlds = Worlds(1)
    server = worlds.server
    sent = spy(server)

    def ready(unit: Any) -> None:
        server.units.remove_child(unit)
        server.units.add_child(unit)

    server.kind._ready = ready  # type: ignore[method-assign]
    server.add("U1")
    worlds.run()
    assert spawned(sent, worlds.clients[0].id) == ["U1"]
    assert worlds.clients[0].names() == ["U1"]
    assert not worlds.clients[0].api.refused


# ------------------------------------------------------------------------------------------------ calls


class Caller(Node):
    """Calls a method of its parent in `_ready`."""

    def __init__(self, log: Callable[[str], None]) -> None:
        super().__init__("Caller")
        self.log = log

    def _ready(self) -> None:
        self.call_early.rpc([1])
        self.call_early.rpc_id(1, [2])

    @rpc
    def call_early(self, values: list[int]) -> None:
        self.log(f"{self.get_path()} {values}")


def test_a_call_in_ready_waits_for_the_spawn_of_its_node() -> None:
    worlds = Worlds(2)
    heard: list[str] = []
    for world in (worlds.server, *worlds.clients):
        made: Any = world.kind.__init__

        def init(self: Any, name: str | None = None, made: Any = made) -> None:
            made(self, name)
            self.add_child(Caller(heard.append))

        world.kind.__init__ = init  # type: ignore[method-assign]
    worlds.server.add("U1")
    worlds.run()
    assert heard == ["/root/Main/Units/U1/Caller [1]"] * 2


def test_calls_leave_out_those_that_do_not_see_the_node(caplog: pytest.LogCaptureFixture) -> None:
    worlds = Worlds(2)
    first, second = worlds.clients
    unit = worlds.server.add("U1")
    heard: list[str] = []
    worlds.run()
    for world in (worlds.server, first, second):
        caller = Caller(lambda text, world=world: heard.append(f"{world.id == second.id} {text}"))  # type: ignore[misc]
        caller._ready = lambda: None  # type: ignore[method-assign]
        world.unit("U1").add_child(caller)
    unit.get_node("Sync").set_visibility_for(second.id, True)
    hide(unit, first)
    unit.get_node("Caller").call_early.rpc([3])
    unit.get_node("Caller").call_early.rpc_id(first.id, [4])
    worlds.run()
    assert heard == ["True /root/Main/Units/U1/Caller [3]"]
    assert f"cannot see this node. Peer ID: {first.id}" in caplog.text
