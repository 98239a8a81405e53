"""The paths of synchronizers are told once, to the peers that have the node."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from gdpeer import Error, LoopbackMultiplayerPeer, ManualClock, MultiplayerSynchronizer, Node, SceneReplicationConfig
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


def test_a_path_is_not_told_again_before_the_answer_can_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine reports a path that it is told twice as an error."""
    worlds = Worlds(0, Table)
    sent: list[bytes] = []
    real = worlds.server.peer.put_packet_to

    def put(peer_ids: Iterable[int], data: bytes) -> Error:
        sent.append(data)
        return real(peer_ids, data)

    monkeypatch.setattr(worlds.server.peer, "put_packet_to", put)
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
