"""What one synchronizer sends: which values have changed, and which peers still lack them."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from gdpeer import (
    Color,
    MultiplayerSynchronizer,
    Node,
    ReplicationMode,
    SceneReplicationConfig,
    StringName,
    Transform2D,
    Vector2,
    Vector2i,
    Vector3,
    replicated,
)
from gdpeer.multiplayer.replication import replicator
from gdpeer.variant.binary.compact import encode_arguments
from tests.support.slow_peer import SlowPeer
from tests.support.worlds import World, Worlds

ALWAYS, ON_CHANGE, NEVER = ReplicationMode.ALWAYS, ReplicationMode.ON_CHANGE, ReplicationMode.NEVER


class Bag(Node):
    """Lists of each mode."""

    synchronizer_name = "Sync"
    always: list[int] = replicated([], mode=ALWAYS)
    watched: list[int] = replicated([], mode=ON_CHANGE)
    first: list[int] = replicated([], mode=NEVER)


class BagWorld(World):
    """Its units are bags."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.bag = self.scenes.register("res://bag.tscn")(type("Bag", (Bag,), {}))
        self.spawner.add_spawnable_scene("res://bag.tscn")

    def add_bag(self) -> Any:
        bag = self.bag("Bag")
        self.units.add_child(bag)
        return bag


def lists(world: World) -> list[list[int]]:
    bag = world.unit("Bag")
    return [bag.always, bag.watched, bag.first]


def test_a_list_that_was_assigned_may_change_in_place() -> None:
    worlds = Worlds(make=BagWorld)
    bag = worlds.server.add_bag()  # type: ignore[attr-defined]
    worlds.run()
    one, other = [1], [2]
    bag.always, bag.watched = one, other
    worlds.run()
    one.append(10)
    other.append(20)
    worlds.run()
    assert lists(worlds.clients[0])[:2] == [[1, 10], [2, 20]]


class Deep(Node):
    synchronizer_name = "Sync"
    tree: Any = replicated({})
    plain: float = replicated(0.0)


class DeepWorld(World):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.deep = self.scenes.register("res://deep.tscn")(type("Deep", (Deep,), {}))
        self.spawner.add_spawnable_scene("res://deep.tscn")


def test_a_part_of_a_value_that_the_program_keeps_may_change() -> None:
    worlds = Worlds(make=DeepWorld)
    deep = worlds.server.deep("Deep")  # type: ignore[attr-defined]
    worlds.server.units.add_child(deep)
    worlds.run()
    inner: list[Any] = [1]
    deep.tree["a"] = {"b": inner}
    worlds.run()
    seen = worlds.clients[0].unit("Deep")
    assert seen.tree == {"a": {"b": [1]}}
    inner.append(2)
    worlds.run()
    assert seen.tree == {"a": {"b": [1, 2]}}
    deep.tree["a"]["b"].append(3)
    del inner
    worlds.run()
    assert seen.tree == {"a": {"b": [1, 2, 3]}}
    worlds.run()
    assert not worlds.server.api.replicator.frames.queue
    nested: list[Any] = []
    for _ in range(20):
        nested = [nested]
    deep.tree["deep"] = nested
    worlds.run()
    assert seen.tree["deep"] == nested


def test_a_value_that_cannot_be_sent_keeps_the_others_waiting_for_it(caplog: pytest.LogCaptureFixture) -> None:
    worlds = Worlds(make=DeepWorld)
    deep = worlds.server.deep("Deep")  # type: ignore[attr-defined]
    worlds.server.units.add_child(deep)
    worlds.run()
    deep.tree["a"] = object()
    deep.plain = 1.0
    worlds.run()
    assert "'/root/Main/Units/Deep' is not sent: the value of .:tree" in caplog.text
    deep.tree["a"] = 5
    worlds.run()
    seen = worlds.clients[0].unit("Deep")
    assert (seen.tree, seen.plain) == ({"a": 5}, 1.0)


class Loose(Node):
    """Two properties ALWAYS with values of any type."""

    synchronizer_name = "Sync"
    one: Any = replicated(0.0)
    other: Any = replicated(0.0)


class LooseWorld(World):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.loose = self.scenes.register("res://loose.tscn")(type("Loose", (Loose,), {}))
        self.spawner.add_spawnable_scene("res://loose.tscn")


class Steps(Vector2):
    """A vector of a game's own class."""


VALUES: list[Any] = [
    *(0.5, 0.1, -0.0, 0.0, 1e300, 7, -129, 2**15, -(2**31), 2**40, -(2**63), True, False, None, "text", [1, 2]),
    *(Vector2(1, 2), Vector2(-0.0, 0.1), Steps(3, 4), Vector2i(1, -2), Vector3(1, 2, 3), Color(1, 0, 0, 0.5)),
    *(Transform2D(), {"a": 1}, StringName("name"), b"bytes"),
]


def test_values_of_each_type_are_sent_as_they_were_assigned_last() -> None:
    worlds = Worlds(make=LooseWorld)
    loose = worlds.server.loose("Loose")  # type: ignore[attr-defined]
    worlds.server.units.add_child(loose)
    worlds.run()
    out = worlds.server.api.replicator.outgoing_of(loose)[0]
    seen = worlds.clients[0].unit("Loose")
    for value in VALUES:
        for name in ("one", "other", "one"):
            setattr(loose, name, 0.25)
            setattr(loose, name, value)
            worlds.run(2)
            assert out.payload == encode_arguments([loose.one, loose.other], 4, True, False)
            assert out.payload == encode_arguments([seen.one, seen.other], 4, True, False)


def test_a_value_that_comes_back_before_the_next_frame_is_not_sent() -> None:
    worlds = Worlds()
    unit = worlds.server.add("U1")
    for turn in (1.0, 2.0):
        unit.turn = turn
        worlds.run()
    counter = worlds.server.api.replicator.frames.counter
    unit.turn = 3.0
    unit.turn = 2.0
    worlds.run()
    assert worlds.server.api.replicator.frames.counter == counter
    assert worlds.clients[0].unit("U1").turn == 2.0


def test_values_that_were_assigned_while_no_peer_saw_the_node_are_sent() -> None:
    worlds = Worlds()
    unit = worlds.server.add("U1")
    sync = unit.get_node("Sync")
    for turn in (1.0, 2.0):
        unit.turn = turn
        worlds.run()
    sync.public_visibility = False
    for turn in (3.0, 4.0):
        unit.turn = turn
        worlds.run()
    sync.public_visibility = True
    worlds.run()
    assert worlds.clients[0].unit("U1").turn == 4.0
    unit.turn = 5.0
    worlds.run()
    assert worlds.clients[0].unit("U1").turn == 5.0


def test_nodes_of_one_class_share_the_lists_of_their_properties_until_these_change() -> None:
    worlds = Worlds()
    one, other = (worlds.server.add(name).get_node("Sync") for name in ("U1", "U2"))
    before = one.lists()
    assert other.lists() is before
    one.replication_config.property_set_spawn(".:health", False)
    assert one.lists() is other.lists() is not before
    own = SceneReplicationConfig()
    own.add_property(".:position")
    other.replication_config = own
    assert one.lists() is not other.lists()
    assert [len(sync.lists().always) for sync in (one, other)] == [2, 1]


def test_values_are_sent_in_the_order_of_a_changed_configuration() -> None:
    worlds = Worlds(make=LooseWorld)
    loose = worlds.server.loose("Loose")  # type: ignore[attr-defined]
    worlds.server.units.add_child(loose)
    worlds.run()
    loose.one, loose.other = 1.0, 2.0
    worlds.run()
    for side in (worlds.server, *worlds.clients):
        config = SceneReplicationConfig()
        config.add_property(".:other")
        config.add_property(".:one")
        side.unit("Loose").get_node("Sync").replication_config = config
    worlds.run()
    loose.one = 3.0
    worlds.run()
    seen = worlds.clients[0].unit("Loose")
    assert (seen.one, seen.other) == (3.0, 2.0)


def test_a_list_that_was_read_before_the_node_was_added_may_change_in_place() -> None:
    worlds = Worlds(make=BagWorld)
    bag = worlds.server.bag("Bag")  # type: ignore[attr-defined]
    one, other = bag.always, bag.watched
    worlds.server.units.add_child(bag)
    worlds.run()
    one.append(1)
    other.append(2)
    worlds.run()
    assert lists(worlds.clients[0])[:2] == [[1], [2]]


def test_a_late_joiner_gets_what_has_changed_in_place() -> None:
    worlds = Worlds(make=BagWorld)
    bag = worlds.server.add_bag()  # type: ignore[attr-defined]
    worlds.run()
    worlds.join()
    kept = bag.first
    for name in ("always", "watched", "first"):
        getattr(bag, name).append(7)
    worlds.run()
    late = worlds.join()
    assert lists(late) == [[7], [7], [7]]
    kept.append(8)
    assert worlds.join().unit("Bag").first == [7, 8]


def test_a_node_whose_synchronizer_came_back_is_spawned_with_its_new_numbers() -> None:
    worlds = Worlds()
    unit = worlds.server.add("U1")
    worlds.run()
    sync = unit.get_node("Sync")
    for owner in (worlds.clients[0].id, 1):
        for side in (worlds.server, *worlds.clients):
            side.unit("U1").get_node("Sync").set_multiplayer_authority(owner)
        worlds.run()
    late = worlds.join()
    unit.position = Vector2(3, 4)
    worlds.run()
    assert sync.get_multiplayer_authority() == 1
    assert [client.unit("U1").position for client in worlds.clients] == [Vector2(3, 4), Vector2(3, 4)]
    assert late.unit("U1").health == 100


def test_a_sync_for_which_there_is_no_room_is_sent_again() -> None:
    worlds = Worlds(0)
    peer = SlowPeer()
    worlds.server = World(peer, worlds.clock)
    client = worlds.join()
    units = [worlds.server.add(f"U{number}") for number in range(60)]
    worlds.run()
    worlds.server.api.max_sync_packet_size = 128
    peer.queue_size = 600
    peer.slow_down(client.id)
    real = peer.bytes_for
    peer.bytes_for = lambda peer_id: max(0, real(peer_id) - 1)  # type: ignore[method-assign]  # empty at first
    for number, unit in enumerate(units):
        unit.position = Vector2(number, 1)
    worlds.run(2)
    assert client.unit("U59").position == Vector2()
    for _ in range(8):
        peer.speed_up(client.id)
        peer.slow_down(client.id)
        worlds.run(2)
    peer.speed_up(client.id)
    worlds.run()
    assert [client.unit(f"U{number}").position.x for number in range(60)] == list(range(60))


def test_an_unchanged_synchronizer_is_not_silent_for_too_many_packets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replicator, "SILENCE", 64)  # else its next packet would count as old
    worlds = Worlds()
    (client,) = worlds.clients
    idle, busy = worlds.server.add("Idle"), worlds.server.add("Busy")
    worlds.run()
    heard: list[int] = []
    client.unit("Idle").synchronized.connect(lambda: heard.append(worlds.server.api.replicator.frames.counter))
    for number in range(256):
        busy.turn = float(number)
        worlds.run(1)
    assert 3 <= len(heard) <= 6
    assert max(later - before for before, later in itertools.pairwise(heard)) <= 128
    assert client.unit("Idle").turn == idle.turn == 0.0


# ------------------------------------------------------------------------------------------------ nodes in a node


class Wheel(Node):
    speed = 0.0

    def __init__(self) -> None:
        super().__init__("Wheel")
        config = SceneReplicationConfig()
        config.add_property(".:speed")
        sync = MultiplayerSynchronizer("Sync")
        sync.replication_config = config
        self.add_child(sync)


class Car(Node):
    """A scene whose wheel has a synchronizer of its own, that goes by path."""

    def __init__(self, name: str = "Car") -> None:
        super().__init__(name)
        self.add_child(Wheel())


class CarWorld(World):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.car = self.scenes.register("res://car.tscn")(type("Car", (Car,), {}))
        self.spawner.add_spawnable_scene("res://car.tscn")
        self.gate = MultiplayerSynchronizer("Gate")
        self.gate.replication_config = SceneReplicationConfig()


def test_a_synchronizer_inside_a_node_begins_anew_when_the_node_comes_back() -> None:
    worlds = Worlds(2, make=CarWorld)
    server: Any = worlds.server
    car = server.car()
    car.add_child(server.gate)
    for client in worlds.clients:
        server.gate.set_visibility_for(client.id, True)
    server.gate.public_visibility = False
    server.units.add_child(car)
    worlds.run()
    car.get_node("Wheel").speed = 1.0
    worlds.run()
    assert [client.unit("Car/Wheel").speed for client in worlds.clients] == [1.0, 1.0]
    first, _ = worlds.clients
    server.gate.set_visibility_for(first.id, False)
    worlds.run()
    car.get_node("Wheel").speed = 2.0
    worlds.run()
    assert first.names() == []
    assert first.api.refused["replication"] == 0
    server.gate.set_visibility_for(first.id, True)
    worlds.run()
    assert [client.unit("Car/Wheel").speed for client in worlds.clients] == [2.0, 2.0]


def test_a_path_that_a_peer_lost_with_its_node_is_told_at_once_when_the_node_is_back() -> None:
    worlds = Worlds(1, make=CarWorld)
    server: Any = worlds.server
    car = server.car()
    car.add_child(server.gate)
    server.units.add_child(car)
    worlds.clock.advance(0.05)
    server.tree.poll()  # the path is told, and not confirmed
    server.gate.public_visibility = False
    worlds.run(2)
    car.get_node("Wheel").speed = 2.0
    server.gate.public_visibility = True
    worlds.run(4)
    assert worlds.clients[0].unit("Car/Wheel").speed == 2.0
