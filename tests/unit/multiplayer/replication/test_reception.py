"""Received packets: each row of the engine's tables of SPAWN, DESPAWN, SYNC and delta, and what is refused."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from gdpeer import (
    ManualClock,
    MultiplayerSpawner,
    MultiplayerSynchronizer,
    Node,
    ReplicationMode,
    SceneMultiplayer,
    SceneReplicationConfig,
    Scenes,
    SceneTree,
    Vector2,
    replicated,
    rpc,
)
from gdpeer.multiplayer.replication import reception, waiting
from gdpeer.multiplayer.replication.raw_scene import RawScene
from gdpeer.multiplayer.wire.godot4 import ConfirmPath, SimplifyPath, call_packet, encode_call_body, parse
from gdpeer.multiplayer.wire.replication import Delta, Despawn, Spawn, Sync, encode_values
from tests.support.scripted_peer import ScriptedPeer
from tests.support.worlds import Unit, World, Worlds

NOTHING = "d41d8cd98f00b204e9800998ecf8427e"
SPAWNER, BOARD = 1, 2
PATH_BASED = 0x80000000
STATE = encode_values([Vector2(1, 2), 7, [], "title", 0.5])
"""The values of a unit: position, health, items, title and turn."""


class Board(Node):
    synchronizer_name = "Sync"
    clock = replicated(0)


class Client:
    """A client whose server a test plays."""

    def __init__(self) -> None:
        self.clock = ManualClock(100.0)
        self.peer = ScriptedPeer(7)
        self.api = SceneMultiplayer(clock=self.clock)
        self.scenes = Scenes()
        self.kind: Any = self.scenes.register("res://unit.tscn")(type("Unit", (Unit,), {}))
        self.tree = SceneTree(self.api, scenes=self.scenes)
        self.main, self.units, self.board = Node("Main"), Node("Units"), Board("Board")
        self.spawner = MultiplayerSpawner("Spawner")
        self.spawner.spawn_path = "../Units"
        for path in ("res://unit.tscn", "res://unknown.tscn"):
            self.spawner.add_spawnable_scene(path)
        for node in (self.units, self.spawner, self.board):
            self.main.add_child(node)
        self.tree.root.add_child(self.main)
        self.api.multiplayer_peer = self.peer
        self.peer.link(1)
        self.poll()
        for number, path in ((SPAWNER, "Main/Spawner"), (BOARD, "Main/Board/Sync")):
            self.take(SimplifyPath(NOTHING, number, path))

    def poll(self, seconds: float = 0.05) -> None:
        self.clock.advance(seconds)
        self.tree.poll()

    def take(self, packet: Any, sender: int = 1) -> None:
        """Receives a packet."""
        self.peer.feed(sender, packet if isinstance(packet, bytes) else packet.encode())
        self.poll()

    def spawn(self, **changes: Any) -> None:
        """Receives a SPAWN of a unit, with some fields changed."""
        self.take(Spawn(0, SPAWNER, 1, (2,), "U1", None, STATE)._replace(**changes))

    def unit(self, name: str = "U1") -> Any:
        return self.units.get_node(name)

    def names(self) -> list[str]:
        return [child.name for child in self.units.get_children()]


@pytest.fixture(name="client")
def _client() -> Client:
    return Client()


# ------------------------------------------------------------------------------------------------ SPAWN


def test_a_node_has_its_state_when_it_enters(client: Client) -> None:
    seen: list[Any] = []
    client.units.child_entered_tree.connect(lambda node: seen.append(node.health))
    client.spawner.spawned.connect(lambda node: seen.append((node.position, node.health, node.title, node.turn)))
    client.spawn()
    assert seen == [100, (Vector2(1, 2), 7, "title", 0.5)]


def test_state_is_set_before_ready(client: Client) -> None:
    seen: list[Any] = []
    client.kind._ready = lambda node: seen.append(node.health)
    client.spawn()
    assert seen == [7]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"spawner_id": 77}, "of a spawner that is not here"),
        ({"spawner_id": BOARD}, "of a spawner that is not here"),
        ({"name": "@x"}, "a node cannot have the name '@x'"),
        ({"name": "n" * 257}, "a name of 257 characters"),
        ({"scene": 2}, "SPAWN of scene 2, which is not in the list"),
        ({"scene": 255, "argument": encode_values([1])}, "spawn_function makes no node"),
        ({"scene": 255, "argument": b"\x99"}, "a value cannot be decoded"),
        ({"scene": 1, "state": b"\x99"}, "a value cannot be decoded"),
    ],
)
def test_a_spawn_that_is_refused(client: Client, changes: Any, text: str, caplog: pytest.LogCaptureFixture) -> None:
    client.spawner.spawn_function = lambda data: None
    client.spawn(**changes)
    assert client.names() == []
    assert text in caplog.text
    assert sum(client.api.refused.values()) == 1
    assert not client.api.replicator.reception._origins
    client.spawn()
    assert client.names() == ["U1"]
    assert 1 in client.api.admitted


def test_a_spawn_of_what_is_there(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    client.spawn()
    client.spawn(name="U2")
    client.spawn(net_id=2)
    assert client.names() == ["U1"]
    assert "SPAWN of a number that is taken: 1" in caplog.text
    assert "there is a node of that name" in caplog.text
    client.spawn(net_id=3, name="")
    client.spawn(net_id=4, name="")
    assert client.names() == ["U1", "Unit"]
    assert "already has a child named 'Unit'" in caplog.text
    client.take(Despawn(4))
    assert client.names() == ["U1", "Unit"]


def test_a_spawner_without_a_node(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    client.spawner.spawn_path = "../Gone"
    client.spawn()
    assert not client.api.refused["replication"]
    client.poll(reception.SPAWN_TIME)
    assert "of a spawner whose spawn_path leads to no node" in caplog.text
    assert client.api.refused["replication"] == 1
    client.units.name = "Gone"
    client.poll()
    assert client.names() == []


@pytest.mark.parametrize("missing", ["spawner", "units"])
def test_a_spawn_waits_for_its_spawner_and_the_node_of_the_spawner(client: Client, missing: str) -> None:
    """Regression: a SPAWN that came before the spawner was lost, with all later values."""
    node: Node = getattr(client, missing)
    client.main.remove_child(node)
    spawned: list[Node] = []
    client.spawner.spawned.connect(spawned.append)
    for number in (1, 2, 3):
        client.spawn(net_id=number, sync_ids=(10 + number,), name=f"U{number}")
    client.take(Despawn(2))
    for health in (5, 6):
        client.take(Delta(((11, 1, encode_values([health])),)))
        client.take(Sync(health, ((11, encode_values([Vector2(health, 0), 1.5])),)))
    client.poll(20.0)
    assert client.api.refused["replication"] == 0
    client.main.add_child(node)
    client.poll()
    assert [one.name for one in spawned] == client.names() == ["U1", "U3"]
    unit = client.unit("U1")
    assert (unit.position, unit.health, unit.title, unit.turn) == (Vector2(6, 0), 6, "title", 1.5)
    client.take(Sync(7, ((11, encode_values([Vector2(7, 0), 2.5])),)))
    assert unit.position == Vector2(7, 0)
    client.take(Despawn(1))
    assert client.names() == ["U3"]
    assert client.api.refused["replication"] == 0


def test_a_spawn_whose_spawner_was_announced_before_it_was_here() -> None:
    """The nodes below a node that waits wait with it, and come in their order."""
    client = Client()
    for name in ("Main/Late", "Main/Units/U1/Inner"):
        client.take(SimplifyPath(NOTHING, 3 if name == "Main/Late" else 4, name))
    client.spawn(spawner_id=3)
    client.spawn(spawner_id=4, net_id=3, sync_ids=(4,), name="Inner1")

    def ready(unit: Node) -> None:
        inner = MultiplayerSpawner("Inner")
        inner.spawn_path = ".."
        inner.add_spawnable_scene("res://unit.tscn")
        unit.add_child(inner)

    client.kind._ready = lambda unit: ready(unit) if unit.name == "U1" else None
    late = MultiplayerSpawner("Late")
    late.spawn_path = "../Units"
    late.add_spawnable_scene("res://unit.tscn")
    client.main.add_child(late)
    client.spawn(spawner_id=3, net_id=5, sync_ids=(6,), name="U2")  # not before those that wait
    assert client.names() == ["U1", "U2"]
    assert client.unit("U1/Inner1").health == 7


def test_what_waits_goes_also_where_nothing_is_replicated(client: Client) -> None:
    for node in (client.spawner, client.board):
        client.main.remove_child(node)
    client.spawn()
    client.poll(29.0)
    assert client.api.refused["replication"] == 0
    assert client.api.time_left(60.0) <= 1.0
    client.poll(2.0)
    assert client.api.refused["replication"] == 1
    assert client.api.time_left(60.0) == 60.0


def test_what_waits_is_limited(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.main.remove_child(client.spawner)
    monkeypatch.setattr(waiting, "MOST", 2)
    for number in (1, 2, 3):
        client.spawn(net_id=number, sync_ids=(10 + number,), name=f"U{number}")
    client.spawn(net_id=4, name="n" * 257)
    assert client.api.refused["replication"] == 2
    monkeypatch.setattr(waiting, "MOST_BYTES", 300)
    client.take(Delta(((11, 1, b"x" * 300),)))
    assert client.api.refused["replication"] == 3
    client.take(Delta(((11, 1, b"x"),)))  # of no node any more
    assert client.api.refused["replication"] == 4
    client.main.add_child(client.spawner)
    client.poll()
    assert client.names() == ["U2"]


def test_a_spawn_that_has_waited_is_checked(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    client.main.remove_child(client.spawner)
    client.spawn()
    client.spawner.set_multiplayer_authority(7)
    client.main.add_child(client.spawner)
    client.poll()
    client.poll()
    assert client.api.refused["not allowed"] == 1
    client.spawner.set_multiplayer_authority(1)
    client.poll()
    assert client.names() == []


def test_a_node_that_is_spawned_twice_stays(client: Client) -> None:
    """A sender that heard of the spawner late sends all nodes again."""
    client.spawn()
    client.spawn()
    assert client.names() == ["U1"]
    assert (client.api.refused["bad packet"], client.api.refused["replication"]) == (0, 1)


class Tank(Node):
    """Has three synchronizers: `Sync` (2 values), `Aim` (1) and `More` (1)."""

    synchronizer_name = "Sync"
    position = replicated(Vector2())
    health: int = replicated(100, mode=ReplicationMode.ON_CHANGE)

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
        self.aim = self.more = 0.0
        for attribute in ("aim", "more"):
            config = SceneReplicationConfig()
            config.add_property(f".:{attribute}")
            sync = MultiplayerSynchronizer(attribute.capitalize())
            sync.replication_config = config
            self.add_child(sync)


def tanks(client: Client) -> Client:
    client.kind = client.scenes.register("res://tank.tscn")(type("Tank", (Tank,), {}))
    client.spawner.add_spawnable_scene("res://tank.tscn")
    return client


@pytest.mark.parametrize(
    ("owned", "ids", "values", "expected"),
    [
        # The sender owns all, but here Sync belongs to another peer: set in _enter_tree, or handed over meanwhile.
        (["Aim", "More"], (5, 6, 7), [Vector2(1, 2), 7, 0.5, 1.5], (Vector2(1, 2), 7, 0.5, 1.5)),
        # Here all belong to the sender, which has handed Sync over.
        (["Sync", "Aim", "More"], (6, 7), [0.5, 1.5], (Vector2(), 100, 0.5, 1.5)),
        (["Sync", "Aim", "More"], (5,), [Vector2(1, 2), 7], (Vector2(1, 2), 7, 0.0, 0.0)),
        (["Sync", "Aim", "More"], (), [], (Vector2(), 100, 0.0, 0.0)),
        # Aim or More: no telling, so as in the engine. The value is not that of Sync.
        (["Aim", "More"], (6,), [0.5], (Vector2(), 100, 0.5, 0.0)),
    ],
)
def test_a_spawn_whose_sender_owns_other_synchronizers(
    client: Client, owned: list[str], ids: tuple[int, ...], values: list[Any], expected: Any, caplog: Any
) -> None:
    """Regression: the values went to wrong properties."""

    def enter(tank: Node) -> None:
        for name in {"Sync", "Aim", "More"} - {*owned}:
            tank.get_node(name).set_multiplayer_authority(7)

    tanks(client).kind._enter_tree = enter
    client.spawn(scene=2, sync_ids=ids, name="T", state=encode_values(values))
    tank = client.unit("T")
    assert (tank.position, tank.health, tank.aim, tank.more) == expected
    assert f"is about {len(ids)} synchronizers of peer 1, and {len(owned)} belong to the peer here" in caplog.text
    if 5 in ids and "Sync" in owned:
        client.take(Delta(((5, 1, encode_values([3])),)))
        assert tank.health == 3


def test_an_owner_that_changes_in_ready_is_no_fault_on_the_other_side() -> None:
    """The SPAWN goes out after `_ready`, and the receiver sets the values before."""

    class TankWorld(World):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            self.tank: Any = self.scenes.register("res://tank.tscn")(type("Tank", (Tank,), {}))
            self.spawner.add_spawnable_scene("res://tank.tscn")

    worlds = Worlds(2, make=TankWorld)
    owner, other = worlds.clients
    for world in (worlds.server, *worlds.clients):
        world.tank._ready = lambda tank: tank.get_node("Sync").set_multiplayer_authority(owner.id)  # type: ignore[attr-defined]
    tank = worlds.server.tank("T")  # type: ignore[attr-defined]
    tank.aim, tank.more = 0.5, 1.5
    worlds.server.units.add_child(tank)
    worlds.run()
    assert (other.unit("T").aim, other.unit("T").more) == (0.5, 1.5)
    owner.unit("T").health = 7
    tank.more = 2.5
    worlds.run()
    assert (tank.health, other.unit("T").health, other.unit("T").more) == (7, 7, 2.5)


def test_a_spawn_with_damaged_values_and_another_owner(client: Client) -> None:
    tanks(client)
    client.spawn(scene=2, sync_ids=(5, 6), name="T", state=b"\x99")
    assert client.names() == ["T"]


def test_the_nodes_of_a_peer_that_has_gone_do_not_wait(client: Client) -> None:
    client.main.remove_child(client.spawner)
    client.spawn(net_id=1)
    client.spawn(net_id=2, sync_ids=(3,), name="U2")
    client.spawner.spawned.connect(lambda node: client.api.disconnect_peer(1))
    client.main.add_child(client.spawner)
    client.poll()
    client.poll()
    assert client.names() == []


def test_a_peer_that_is_not_the_authority(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    client.spawner.set_multiplayer_authority(7)
    client.spawn()
    assert client.names() == []
    assert client.api.refused["not allowed"] == 1


def test_a_spawner_that_is_replaced_is_found_again(client: Client) -> None:
    client.main.remove_child(client.spawner)
    client.main.add_child(client.spawner)
    client.spawn()
    assert client.names() == ["U1"]


def test_scenes_that_differ_are_told(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    client.spawn(sync_ids=())
    assert "gets no updates: the SPAWN of peer 1 has no number for it" in caplog.text
    client.spawn(net_id=5, name="U2", sync_ids=(6, 7))
    assert "has 1 numbers of synchronizers too many" in caplog.text
    client.spawn(net_id=8, name="U3", sync_ids=(9,), state=STATE[:5])
    assert "the state of '/root/Main/Units/U3/Sync' from peer 1 is damaged" in caplog.text
    client.spawn(net_id=10, name="U4", sync_ids=(11,), state=STATE + b"\x99\x99")
    assert [client.unit(name).health for name in client.names()] == [100, 7, 100, 7]


def test_a_class_that_raises(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    def fail(node: Any, name: str = "") -> None:
        raise RuntimeError("a fault of the game")

    client.kind.__init__ = fail
    client.spawn()
    assert client.names() == []
    assert "a fault of the game" in caplog.text


def test_a_node_of_spawn_gets_its_argument_and_its_name(client: Client) -> None:
    got: list[Any] = []

    def make(data: Any) -> Node:
        got.append(data)
        return Node("Egg")

    client.spawner.spawn_function = make
    for number, name in ((1, "Named"), (2, "")):
        client.take(Spawn(255, SPAWNER, number, (), name, encode_values([{"a": number}]), b""))
    assert client.names() == ["Named", "Egg"]
    assert got == [{"a": 1}, {"a": 2}]


def test_a_game_may_end_the_connection_while_a_node_enters(client: Client) -> None:
    client.kind._enter_tree = lambda node: client.api.disconnect_peer(1)
    client.spawn()
    client.poll()
    assert client.names() == []
    assert not client.api.replicator.reception.senders


# ------------------------------------------------------------------------------------------------ DESPAWN


def test_a_despawn(client: Client) -> None:
    told: list[str] = []
    client.spawner.despawned.connect(lambda node: told.append(node.name))
    client.spawn()
    client.take(Despawn(1))
    assert (client.names(), told) == ([], ["U1"])
    client.take(Despawn(1))
    assert client.api.refused["replication"] == 1
    client.spawn()
    client.unit().free()
    client.take(Despawn(1))
    assert client.api.refused["replication"] == 2
    client.spawn()
    assert client.names() == ["U1"]


def test_a_received_node_that_moves_is_forgotten(client: Client) -> None:
    client.spawn()
    unit = client.unit()
    client.units.remove_child(unit)
    client.main.add_child(unit)
    client.take(Despawn(1))
    assert client.main.has_node("U1")
    client.take(Sync(1, ((2, encode_values([Vector2(9, 9), 1.0])),)))
    assert unit.position == Vector2(1, 2)


# ------------------------------------------------------------------------------------------------ SYNC


def sync(counter: int, *values: Any, number: int = 2) -> Sync:
    return Sync(counter, ((number, encode_values(list(values))),))


def test_values_and_signals_of_a_sync(client: Client) -> None:
    client.spawn()
    unit, told = client.unit(), []
    unit.synchronized.connect(lambda: told.append("synchronized"))
    unit.get_node("Sync").synchronized.connect(lambda: told.append("Sync"))
    unit.changed.connect(told.append)
    client.take(sync(1, Vector2(5, 5), 1.5))
    client.take(sync(2, Vector2(5, 5), 1.5))
    client.take(sync(3, Vector2(6, 5), 1.5))
    both = ["Sync", "synchronized"]
    assert told == [*both, ["position", "turn"], *both, *both, ["position"]]


@pytest.mark.parametrize(
    ("last", "counter", "is_taken"),
    [
        *((5, 5, False), (5, 4, False), (5, 6, True), (5, 65535, True), (1, 0, False)),
        *((40000, 7233, True), (40000, 7234, False)),
    ],
)
def test_an_old_counter_is_skipped(client: Client, last: int, counter: int, is_taken: bool) -> None:
    client.spawn()
    client.take(sync(last, Vector2(5, 5), 1.0))
    client.take(sync(counter, Vector2(6, 6), 2.0))
    assert client.unit().position == (Vector2(6, 6) if is_taken else Vector2(5, 5))


def test_elements_that_are_not_for_this_side(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    client.spawn()
    good = encode_values([Vector2(5, 5), 1.5])
    client.take(Sync(1, ((99, good), (PATH_BASED | 555, good), (PATH_BASED | SPAWNER, good), (2, good + b"more"))))
    assert client.unit().position == Vector2(5, 5)
    assert client.api.refused["replication"] == 3
    client.unit().get_node("Sync").set_multiplayer_authority(7)
    client.take(Sync(2, ((2, good), (PATH_BASED | BOARD, encode_values([4])))))
    assert client.board.clock == 4
    assert client.api.refused["replication"] == 4


def test_a_damaged_value_drops_the_rest(client: Client) -> None:
    client.spawn()
    client.take(Sync(5, ((2, encode_values([Vector2(5, 5)])), (PATH_BASED | BOARD, encode_values([4])))))
    assert (client.unit().position, client.board.clock) == (Vector2(1, 2), 0)
    client.take(sync(5, Vector2(6, 6), 1.0))
    assert client.unit().position == Vector2(1, 2)  # the counter counts as taken
    client.take(Sync(6, ((PATH_BASED | BOARD, encode_values([4])),)).encode() + b"\0" * 9 + b"\xff")
    assert client.board.clock == 4


def test_a_value_that_does_not_fit_is_told_once(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    client.spawn()
    for counter in range(1, 4):
        client.take(sync(counter, "text", float(counter)))
    assert (client.unit().position, client.unit().turn) == (Vector2(1, 2), 3.0)
    lines = [record for record in caplog.records if "it stays as it is" in record.getMessage()]
    assert len(lines) == 1
    assert "'.:position' of <Unit '/root/Main/Units/U1'>" in lines[0].getMessage()
    assert client.api.refused["replication"] == 3


# ------------------------------------------------------------------------------------------------ delta


def delta(mask: int, *values: Any, number: int = 2) -> Delta:
    return Delta(((number, mask, encode_values(list(values))),))


def test_a_delta_sets_the_properties_of_its_mask(client: Client) -> None:
    client.spawn()
    told: list[Any] = []
    client.unit().get_node("Sync").delta_synchronized.connect(lambda: told.append("delta"))
    client.unit().changed.connect(told.append)
    client.take(delta(2, [1, 2]))
    client.take(delta(3, 7, [1, 2]))
    client.take(delta(3, 8, [1, 2]))
    assert told == ["delta", ["items"], "delta", "delta", ["health"]]
    assert (client.unit().health, client.unit().items) == (8, [1, 2])


@pytest.mark.parametrize(
    ("packet", "text"),
    [
        (delta(4, 5), "a delta of no property that 'Sync' has"),
        (delta(1, 5, 6), "bytes too many"),
        (delta(5, 5, 6), "bytes too many"),
        (delta(3, 5), "a value cannot be decoded"),
    ],
)
def test_a_delta_that_is_refused(client: Client, packet: Delta, text: str, caplog: pytest.LogCaptureFixture) -> None:
    client.spawn()
    client.take(Delta((*packet.elements, *delta(1, 55).elements)))
    assert client.unit().health == 7
    assert text in caplog.text
    client.take(Delta((*delta(1, 55, number=99).elements, *delta(1, 55).elements)))
    assert client.unit().health == 55


# ------------------------------------------------------------------------------------------------ unknown scenes


def test_an_unknown_scene_shows_its_values_as_they_came(client: Client) -> None:
    client.spawn(scene=1, sync_ids=(2, 3))
    node = client.unit()
    assert isinstance(node, RawScene)
    assert node.scene_file_path == "res://unknown.tscn"
    assert node.spawned_values == [Vector2(1, 2), 7, [], "title", 0.5]
    told: list[str] = []
    node.synchronized.connect(lambda: told.append("synchronized"))
    client.take(Sync(1, ((2, encode_values([1, 2])), (3, encode_values(["x"])))))
    client.take(Delta(((3, 5, encode_values(["a", "b"])),)))
    assert node.always_values == [[1, 2], ["x"]]
    assert node.watched_values == [{}, {0: "a", 2: "b"}]
    assert told == ["synchronized"] * 3
    client.take(Delta(((3, 1, encode_values(["a", "b"])),)))
    assert node.watched_values == [{}, {0: "a", 2: "b"}]
    client.take(Despawn(1))
    client.take(Sync(2, ((2, encode_values([1, 2])),)))
    assert client.names() == []
    assert client.api.refused["replication"] == 1


def test_a_node_of_spawn_without_a_function_is_raw_too(client: Client) -> None:
    client.spawn(scene=255, argument=encode_values([{"a": 1}]))
    assert isinstance(client.unit(), RawScene)
    assert (client.unit().spawn_data, client.unit().scene_file_path) == ({"a": 1}, "")


def test_a_tree_without_scenes_makes_nodes_of_unknown_scenes(client: Client) -> None:
    client.tree.scenes = None
    client.spawn()
    assert isinstance(client.unit(), RawScene)


# ------------------------------------------------------------------------------------------------ what waits


def test_a_path_waits_for_its_node(client: Client) -> None:
    client.peer.sent.clear()
    client.take(SimplifyPath(NOTHING, 5, "Main/Later/Sync"))
    assert client.peer.sent == []
    later = Board("Later")
    client.main.add_child(later)
    assert [parse(data) for _, data in client.peer.sent] == [ConfirmPath(True, 5)]
    client.take(sync(1, 6, number=PATH_BASED | 5))
    assert later.clock == 6
    client.main.remove_child(later)
    client.main.add_child(later)
    assert [parse(data) for _, data in client.peer.sent][1:] == [ConfirmPath(True, 5)]  # asks for all values anew


def test_a_kept_path_with_a_number_that_is_taken_is_refused(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    client.take(SimplifyPath(NOTHING, SPAWNER, "Main/Later/Sync"))
    client.main.add_child(Board("Later"))
    assert "SIMPLIFY_PATH of a number that is taken" in caplog.text


class Door(Node):
    def __init__(self, name: str = "Door") -> None:
        super().__init__(name)
        self.heard: list[int] = []

    @rpc
    def knock(self, times: int) -> None:
        self.heard.append(times)
        self.sender = self.multiplayer.get_remote_sender_id()


def knock(path: str, times: int) -> bytes:
    return call_packet(*encode_call_body(0, [times]), 0, path)


def test_a_call_waits_for_the_spawn_of_its_node(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    client.spawner.spawn_function = lambda data: Door()
    client.take(knock("Main/Units/Door", 1))
    client.take(knock("Main/Units/Gone", 2))
    client.take(knock("Main/Elsewhere", 3))
    assert client.api.refused["unknown node"] == 1
    client.take(Spawn(255, SPAWNER, 1, (), "Door", encode_values([None]), b""))
    assert (client.unit("Door").heard, client.unit("Door").sender) == ([1], 1)
    client.poll(1.1)
    assert client.api.refused["unknown node"] == 2
    assert not client.api.replicator.reception.is_waiting()


def test_a_method_that_does_not_exist_is_refused_after_the_wait(client: Client) -> None:
    client.spawner.spawn_function = lambda data: Door()
    client.take(call_packet(*encode_call_body(9, []), 0, "Main/Units/Door"))
    client.take(call_packet(*encode_call_body(0, ["x"]), 0, "Main/Units/Door"))
    client.take(Spawn(255, SPAWNER, 1, (), "Door", encode_values([None]), b""))
    assert client.unit("Door").heard == []
    assert client.api.refused["unknown method"] == 1
    assert 1 in client.api.admitted


def test_the_end_of_the_session_frees_what_was_received(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    client.spawn()
    client.take(sync(1, Vector2(5, 5), 1.0))
    client.take(sync(1, 6, number=PATH_BASED | BOARD))
    client.api.clear()
    client.poll()
    assert client.names() == []
    assert not client.api.replicator.reception._counters
    assert not caplog.records
