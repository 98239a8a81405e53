"""The paths of synchronizers and spawners are told to the peers that have the node, until they answer."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from gdpeer import (
    Error,
    LoopbackMultiplayerPeer,
    ManualClock,
    MultiplayerSpawner,
    MultiplayerSynchronizer,
    Node,
    SceneReplicationConfig,
)
from gdpeer.multiplayer.wire.godot4 import SimplifyPath, parse
from tests.support.worlds import FRAME, World, Worlds


class Board(Node):
    score = 0

    def __init__(self) -> None:
        super().__init__("Board")
        sync = MultiplayerSynchronizer("Sync")
        sync.replication_config = SceneReplicationConfig()
        sync.replication_config.add_property(".:score")
        self.add_child(sync)


class Table(World):
    """Has a board that is in the scene from the start."""

    def __init__(self, peer: LoopbackMultiplayerPeer, clock: ManualClock) -> None:
        main = Node("Main")
        self.board = Board()
        main.add_child(self.board)
        super().__init__(peer, clock, main)


def paths_of(packets: list[bytes]) -> list[str]:
    return [packet.path for packet in map(parse, packets) if isinstance(packet, SimplifyPath)]


def sent_by(world: World, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Returns the packets that a side sends from now on."""
    sent: list[bytes] = []
    real = world.peer.put_packet_to

    def put(peer_ids: Iterable[int], data: bytes) -> Error:
        sent.append(data)
        return real(peer_ids, data)

    monkeypatch.setattr(world.peer, "put_packet_to", put)
    return sent


def test_a_path_is_not_told_again_before_the_answer_can_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine reports a path that it is told twice as an error."""
    worlds = Worlds(0, Table)
    sent = sent_by(worlds.server, monkeypatch)
    client = worlds.make(worlds.server.peer.join(), worlds.clock)
    worlds.clients.append(client)
    for number in range(4):  # the client does not answer yet
        worlds.clock.advance(FRAME)
        worlds.server.tree.poll()
        worlds.server.add(f"U{number}")
    assert paths_of(sent) == ["Main/Board/Sync", "Main/Spawner"]
    worlds.server.board.score = 5  # type: ignore[attr-defined]
    worlds.run()
    assert client.board.score == 5  # type: ignore[attr-defined]


def without_spawner(worlds: Worlds, monkeypatch: pytest.MonkeyPatch) -> World:
    """Returns a client whose spawner is not there yet, and that forgets what it cannot use, as an engine."""
    client = worlds.make(worlds.server.peer.join(), worlds.clock)
    client.main.remove_child(client.spawner)
    monkeypatch.setattr(client.api.replicator.reception, "keep", lambda peer_id, told: None)
    worlds.clients.append(client)
    return client


def test_the_path_of_a_spawner_is_told_until_the_peer_knows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: a peer whose spawner came late never got a node of it."""
    worlds = Worlds(0)
    sent = sent_by(worlds.server, monkeypatch)
    client = without_spawner(worlds, monkeypatch)
    unit = worlds.server.add("U1")
    worlds.run(100)  # 5 seconds
    assert paths_of(sent) == ["Main/Spawner"] * 2
    client.main.add_child(client.spawner)
    unit.health = 50
    worlds.run(50)
    assert paths_of(sent) == ["Main/Spawner"] * 3
    assert client.unit("U1").health == 50
    unit.health = 40
    worlds.run(700)  # 35 seconds
    assert paths_of(sent) == ["Main/Spawner"] * 3
    assert client.unit("U1").health == 40
    unit.free()
    worlds.run()
    assert client.names() == []


def test_the_nodes_below_come_again_with_a_node(monkeypatch: pytest.MonkeyPatch) -> None:
    worlds = Worlds(0)
    client = without_spawner(worlds, monkeypatch)

    def ready(unit: Node) -> None:
        inner = MultiplayerSpawner("Inner")
        inner.spawn_path = ".."
        inner.add_spawnable_scene("res://unit.tscn")
        unit.add_child(inner)

    for world in (worlds.server, client):
        monkeypatch.setattr(world.kind, "_ready", lambda unit: ready(unit) if unit.name == "U1" else None)
    unit = worlds.server.add("U1")
    unit.add_child(worlds.server.kind("Below"))
    worlds.run()
    client.main.add_child(client.spawner)
    worlds.run(100)
    worlds.run(100)
    assert client.unit("U1/Below").health == 100


def test_a_spawner_with_another_authority_is_told_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    worlds = Worlds(0)
    sent = sent_by(worlds.server, monkeypatch)
    without_spawner(worlds, monkeypatch)
    worlds.server.add("U1")
    worlds.run()
    worlds.server.spawner.set_multiplayer_authority(7)
    worlds.run(100)
    assert paths_of(sent) == ["Main/Spawner"]
    worlds.server.spawner.set_multiplayer_authority(1)
    worlds.server.add("U2")
    worlds.run()
    assert paths_of(sent) == ["Main/Spawner"] * 2
