"""A server passes on what clients tell each other of nodes that the receiver has, and nothing of others."""

from __future__ import annotations

from typing import Any

import pytest

from gdpeer import (
    LoopbackMultiplayerPeer,
    ManualClock,
    MultiplayerSynchronizer,
    Node,
    ReplicationMode,
    SceneReplicationConfig,
    replicated,
)
from gdpeer.errors import PacketError
from gdpeer.multiplayer.replication import relayed
from gdpeer.multiplayer.replication.reception import Reception
from gdpeer.multiplayer.replication.relayed import RelayedPaths
from gdpeer.multiplayer.wire.godot4 import ConfirmPath, SimplifyPath
from gdpeer.multiplayer.wire.replication import Delta, Sync
from tests.support.worlds import World, Worlds

PATH = "Main/Units/5/Input"
CHECKSUM = "d41d8cd98f00b204e9800998ecf8427e"


def told(number: int, path: str = PATH) -> bytes:
    return SimplifyPath(CHECKSUM, number, path).encode()


def sync(*numbers: int) -> bytes:
    return Sync(7, tuple((0x80000000 | number, b"\2\1") for number in numbers)).encode()


class Peers:
    """What the server knows: the ids of the peers that have the node."""

    def __init__(self) -> None:
        self.having: set[int] = set()
        self.hides_all = False
        self.paths = RelayedPaths(self.has)

    def has(self, peer_id: int, path: str) -> bool:
        return not self.hides_all and (path != PATH or peer_id in self.having)

    def shown(self, peer_id: int, path: str = "Main/Units/5") -> list[tuple[int, bytes]]:
        return self.paths.shown(peer_id, path, 100.0)

    def passed(self, source: int, targets: list[int], data: bytes) -> list[tuple[int, bytes]]:
        if not self.paths.is_concerned(data):
            return [(target, data) for target in targets]
        return list(self.paths.sort(source, targets, data))


def test_a_path_waits_for_its_node() -> None:
    peers = Peers()
    peers.having.add(3)
    assert peers.passed(5, [3, 4], told(1)) == [(3, told(1))]
    assert peers.paths.concerns(4)
    assert peers.paths.concerns(5)
    assert not peers.paths.concerns(6)
    assert peers.shown(4, "Main/Units/6") == []
    assert peers.shown(4) == [(5, told(1))]
    assert peers.shown(4) == []
    assert peers.shown(3) == []
    assert not peers.paths.is_waiting()


def test_values_of_a_lost_node_are_left_out() -> None:
    peers = Peers()
    peers.having.update((3, 4))
    peers.passed(5, [3, 4], told(1))
    peers.passed(5, [3, 4], told(2, "Main/Board/Sync"))
    both = sync(1, 2)
    assert peers.passed(5, [3, 4], both) == [(3, both), (4, both)]
    peers.paths.hidden(4, "Main/Units/5", 100.0)
    assert peers.passed(5, [3, 4], both) == [(3, both), (4, sync(2))]
    assert peers.passed(5, [4], sync(1)) == []
    assert peers.passed(5, [4], sync(2)) == [(4, sync(2))]
    delta = Delta(((0x80000001, 1, b"\2\1"), (0x80000002, 1, b"\2\1"))).encode()
    assert peers.passed(5, [4], delta) == [(4, Delta(((0x80000002, 1, b"\2\1"),)).encode())]
    assert peers.passed(6, [4], both) == [(4, both)]  # the numbers of another sender
    assert peers.shown(4) == []
    assert peers.passed(5, [3, 4], both) == [(3, both), (4, both)]
    assert not peers.paths.is_concerned(both)


def test_values_are_due_when_a_node_comes_back() -> None:
    peers = Peers()
    peers.having.update((3, 4))
    peers.passed(5, [3, 4], told(1))
    for peer_id in (3, 4):
        peers.paths.hidden(peer_id, PATH, 100.0)
        peers.shown(peer_id)
    assert peers.paths.take_due(100.1) == []
    peers.paths.hidden(3, PATH, 100.0)
    assert peers.paths.take_due(100.5) == [(4, 5, 1, PATH)]
    assert not peers.paths.is_waiting()
    peers.shown(3)
    peers.paths.forget_peer(5)
    assert not peers.paths.is_waiting()


def test_a_new_number_replaces_the_old_one() -> None:
    peers = Peers()
    peers.having.add(4)
    peers.passed(5, [4], told(1))
    peers.paths.hidden(4, PATH, 100.0)
    peers.passed(5, [4], told(2))
    assert not peers.paths.is_concerned(sync(1))
    peers.paths.hidden(4, PATH, 100.0)
    peers.shown(4)
    assert peers.paths.take_due(101.0) == [(4, 5, 2, PATH)]


def test_late_values_of_a_node_that_its_owner_has_lost_are_left_out() -> None:
    """A new node may already be at the path."""
    peers = Peers()
    peers.having.update((4, 5))
    peers.passed(5, [4], told(1))
    for peer_id in (4, 5):
        peers.paths.hidden(peer_id, PATH, 100.0)
        peers.shown(peer_id)
    assert peers.passed(5, [4], sync(1)) == []
    peers.passed(5, [4], told(2))
    assert peers.passed(5, [4], sync(2)) == [(4, sync(2))]
    assert peers.paths.take_due(200.0) == []
    assert not peers.paths.is_waiting()
    assert not peers.paths.is_concerned(sync(1))


def test_other_packets_are_no_concern() -> None:
    peers = Peers()
    peers.having.add(4)
    peers.passed(5, [4], told(1))
    peers.paths.hidden(4, PATH, 100.0)
    assert not peers.paths.is_concerned(ConfirmPath(True, 1).encode())
    assert not peers.paths.is_concerned(b"\0\1\2")


def test_peers_that_leave_are_forgotten() -> None:
    peers = Peers()
    peers.having.add(4)
    peers.passed(5, [4], told(1))
    peers.paths.hidden(4, PATH, 100.0)
    peers.paths.forget_peer(5)
    assert not peers.paths.concerns(4)
    assert not peers.paths.is_concerned(sync(1))
    peers.passed(6, [4], told(1))
    peers.paths.hidden(4, PATH, 100.0)
    peers.paths.forget_peer(4)
    assert not peers.paths.is_concerned(sync(1))
    peers.passed(6, [4], told(1))
    peers.paths.clear()
    assert not peers.paths.concerns(4)


def test_the_number_of_paths_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relayed, "MOST", 2)
    peers = Peers()
    peers.hides_all = True
    for number in (1, 2, 3, 3):
        peers.passed(5, [4], told(number, f"Main/{number}"))
    assert peers.shown(4, "Main") == [(5, told(2, "Main/2")), (5, told(3, "Main/3"))]


def test_a_damaged_path_is_refused() -> None:
    with pytest.raises(PacketError):
        Peers().passed(5, [4], told(1)[:20])


class Player(Node):
    """Its input belongs to the peer that it is named after."""

    health = replicated(100)
    aim = 0

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
        sync = MultiplayerSynchronizer("Input")
        sync.replication_config = SceneReplicationConfig()
        sync.replication_config.add_property(".:aim")
        sync.replication_config.property_set_replication_mode(".:aim", ReplicationMode.ON_CHANGE)
        self.add_child(sync)

    def _enter_tree(self) -> None:
        self.get_node("Input").set_multiplayer_authority(int(self.name))


class Players(World):
    def __init__(self, peer: LoopbackMultiplayerPeer, clock: ManualClock) -> None:
        super().__init__(peer, clock)
        self.scenes.register("res://player.tscn")(type("Player", (Player,), {}))
        self.spawner.add_spawnable_scene("res://player.tscn")


def test_a_client_that_sees_a_node_again_gets_its_owners_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Reception, "_confirm_again", lambda *_: None)  # an engine does not ask again
    worlds = Worlds(2, Players)
    owner, other = worlds.clients
    player: Any = worlds.server.scenes.make("res://player.tscn", str(owner.id))
    worlds.server.units.add_child(player)
    worlds.run()
    owner.unit(player.name).aim = 5
    worlds.run()
    assert (player.aim, other.unit(player.name).aim) == (5, 5)
    player.get_node("MultiplayerSynchronizer").set_visibility_for(owner.id, True)
    player.get_node("MultiplayerSynchronizer").public_visibility = False
    worlds.run()
    assert (owner.names(), other.names()) == ([player.name], [])
    owner.unit(player.name).aim = 6
    worlds.run()
    player.get_node("MultiplayerSynchronizer").public_visibility = True
    worlds.run(10)
    assert other.unit(player.name).aim == 6
    owner.unit(player.name).aim = 7
    worlds.run()
    assert other.unit(player.name).aim == 7
