"""The same small game on several sides, over peers in memory and a clock that tests move."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gdpeer import (
    LoopbackMultiplayerPeer,
    ManualClock,
    MultiplayerSpawner,
    Node,
    ReplicationMode,
    SceneMultiplayer,
    Scenes,
    SceneTree,
    Vector2,
    replicated,
)

FRAME = 0.05
"""Seconds by which `Worlds.run` moves the clock for each poll: more than a network frame."""


class Unit(Node):
    """A replicated scene with properties of each mode."""

    synchronizer_name = "Sync"
    position = replicated(Vector2())
    health: int = replicated(100, mode=ReplicationMode.ON_CHANGE)
    items: list[int] = replicated([], mode=ReplicationMode.ON_CHANGE)
    title: str = replicated("", mode=ReplicationMode.NEVER)
    turn = replicated(0.0, path="Turret:rotation")


class World:
    """One side: `/root/Main` with a spawner of units and the node that they are children of."""

    def __init__(self, peer: LoopbackMultiplayerPeer, clock: ManualClock, main: Node | None = None) -> None:
        self.peer = peer
        self.scenes = Scenes()
        self.kind: type[Unit] = self.scenes.register("res://unit.tscn")(type("Unit", (Unit,), {}))
        self.tree = SceneTree(SceneMultiplayer(clock=clock), scenes=self.scenes)
        self.api = self.tree.multiplayer
        self.main = Node("Main") if main is None else main
        self.units = Node("Units")
        self.spawner = MultiplayerSpawner("Spawner")
        self.spawner.spawn_path = "../Units"
        self.spawner.add_spawnable_scene("res://unit.tscn")
        self.main.add_child(self.units)
        self.main.add_child(self.spawner)
        self.tree.root.add_child(self.main)
        self.api.multiplayer_peer = peer

    @property
    def id(self) -> int:
        return self.peer.get_unique_id()

    def unit(self, name: str) -> Any:
        return self.units.get_node(name)

    def names(self) -> list[str]:
        return [node.name for node in self.units.get_children()]

    def add(self, name: str, **values: Any) -> Any:
        unit = self.kind(name)
        for key, value in values.items():
            setattr(unit, key, value)
        self.units.add_child(unit)
        return unit


class Worlds:
    """A server and its clients."""

    def __init__(self, clients: int = 1, make: Callable[[LoopbackMultiplayerPeer, ManualClock], World] = World) -> None:
        self.clock = ManualClock(1000.0)
        self.make = make
        self.server = make(LoopbackMultiplayerPeer(), self.clock)
        self.clients: list[World] = []
        for _ in range(clients):
            self.join()

    def join(self) -> World:
        """Adds a client, and waits until all sides know it."""
        client = self.make(self.server.peer.join(), self.clock)
        self.clients.append(client)
        self.run()
        return client

    def run(self, frames: int = 6) -> None:
        """Lets all sides take some network frames."""
        for _ in range(frames):
            self.clock.advance(FRAME)
            for side in (self.server, *self.clients):
                side.tree.poll()
