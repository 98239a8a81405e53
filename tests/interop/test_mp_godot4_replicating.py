"""Clients of Godot 4 whose MultiplayerSpawner and MultiplayerSynchronizer reach each other through a server here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gdpeer import Node, SceneTree, WebSocketMultiplayerPeer, rpc
from gdpeer.multiplayer.replication import reception
from tests.interop.echo_rooms import until
from tests.support.engines import Engine

pytestmark = [pytest.mark.engine, pytest.mark.timeout(60)]

PROJECT = Path(__file__).parent / "replicating_godot4"


class Main(Node):
    """The calls that tell the clients what to do."""

    @rpc
    def give(self, owner_id: int) -> None: ...

    @rpc
    def spawn(self, title: str) -> None: ...

    @rpc
    def move(self, title: str, x: float) -> None: ...

    @rpc
    def turn(self, title: str, rotation: float) -> None: ...

    @rpc
    def despawn(self, title: str) -> None: ...


def test_units_of_one_client_are_seen_by_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reception, "SPAWN_TIME", 0.0)  # the server never gets the spawner, and refuses all at once
    tree, peer, main = SceneTree(), WebSocketMultiplayerPeer(), Main()
    tree.root.add_child(main)
    peer.max_refused = 20
    assert not peer.create_server(0, "127.0.0.1")
    tree.multiplayer.multiplayer_peer = peer
    left: list[int] = []
    tree.multiplayer.peer_disconnected.connect(left.append)

    def client() -> Engine:
        return Engine("4", PROJECT, "main.tscn", f"--url=ws://127.0.0.1:{peer.get_local_port()}")

    def seen(*engines: Engine, **fields: Any) -> None:
        until(lambda: all(engine.find(**fields) for engine in engines), tree)

    with peer, client() as one, client() as two:
        until(lambda: one.find("connected") and two.find("connected"), tree)
        until(lambda: len(tree.multiplayer.get_peers()) == 2, tree)
        owner = int(one.find("connected")["id"])  # type: ignore[index]
        main.give.rpc(owner)
        seen(one, two, event="given")
        main.spawn.rpc_id(owner, "tank")
        seen(two, event="spawned", name="tank", title="tank")
        main.move.rpc_id(owner, "tank", 42.5)
        seen(two, event="moved", name="tank", x=42.5)
        main.turn.rpc_id(owner, "tank", 0.5)
        seen(two, event="turned", name="tank", rotation=0.5)
        until(lambda: tree.multiplayer.refused["replication"] > 100, tree)  # all is sent to the server, too
        with client() as late:
            until(lambda: len(tree.multiplayer.get_peers()) == 3, tree)
            main.give.rpc(owner)
            seen(late, event="given")
            main.spawn.rpc_id(owner, "plane")
            seen(two, late, event="spawned", name="plane", title="plane")
            main.move.rpc_id(owner, "plane", 7.5)
            seen(two, late, event="moved", name="plane", x=7.5)
            main.despawn.rpc_id(owner, "plane")
            seen(two, late, event="despawned", name="plane")
        assert left in ([], [int(late.find("connected")["id"])])  # type: ignore[index]
        assert set(tree.multiplayer.refused) == {"replication"}
        assert [line for line in (*one.stderr, *two.stderr) if "ERROR" in line] == []
        peer.close()
        assert (one.wait(), two.wait()) == (0, 0)
