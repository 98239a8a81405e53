"""gdpeer's server for `bench.replication`; bench/engine_project/world.gd is the same for the engine.

python -m bench.world PORT UNITS SEEN MOVES

UNITS nodes are spawned. Each peer sees all of them, or SEEN of them if SEEN is above 0: other ones than the next peer.
If MOVES is 1, each node moves in each of 20 frames a second.
"""

from __future__ import annotations

import sys
import time

from gdpeer import (
    OK,
    MultiplayerSpawner,
    MultiplayerSynchronizer,
    Node,
    SceneMultiplayer,
    Scenes,
    SceneTree,
    Vector2,
    WebSocketMultiplayerPeer,
    replicated,
)

FRAMES = 20
scenes = Scenes()


@scenes.register("res://world_unit.tscn")
class Unit(Node):
    """A node with a position and a rotation."""

    synchronizer_name = "Sync"
    position = replicated(Vector2())
    rotation = replicated(0.0)


class World:
    """The nodes, and which peers see them."""

    def __init__(self, units: int, seen: int, api: SceneMultiplayer | None = None) -> None:
        self.tree = SceneTree(api, scenes=scenes)
        self.tree.multiplayer.replication_rate = FRAMES
        self._seen = seen
        self._peers = 0
        main, parent, spawner = Node("Main"), Node("Units"), MultiplayerSpawner("Spawner")
        spawner.spawn_path = "../Units"
        spawner.add_spawnable_scene("res://world_unit.tscn")
        main.add_child(parent)
        main.add_child(spawner)
        self.tree.root.add_child(main)
        self.units = [Unit(f"U{number}") for number in range(units)]
        for unit in self.units:
            if seen:
                self._synchronizer(unit).public_visibility = False
            parent.add_child(unit)
        self.tree.multiplayer.peer_connected.connect(self._show)

    @staticmethod
    def _synchronizer(unit: Unit) -> MultiplayerSynchronizer:
        found = unit.get_node("Sync")
        assert isinstance(found, MultiplayerSynchronizer)
        return found

    def _show(self, peer_id: int) -> None:
        first, self._peers = self._peers * 10, self._peers + 1
        for number in range(self._seen):
            unit = self.units[(first + number) % len(self.units)]
            self._synchronizer(unit).set_visibility_for(peer_id, True)

    def move(self) -> None:
        """Moves each node."""
        for unit in self.units:
            unit.position += Vector2(1, 0.5)
            unit.rotation = 0.25 - unit.rotation


def main() -> None:
    port, units, seen, moves = map(int, sys.argv[1:])
    world = World(units, seen)
    peer = WebSocketMultiplayerPeer()
    if peer.create_server(port, "127.0.0.1") != OK:
        raise SystemExit(peer.get_listen_error())
    world.tree.multiplayer.multiplayer_peer = peer
    print("listening", flush=True)
    due = time.monotonic()
    while True:
        due = max(due + 1 / FRAMES, time.monotonic())
        if moves:
            world.move()
        world.tree.poll()
        while (left := due - time.monotonic()) > 0:
            world.tree.poll(timeout=left)


if __name__ == "__main__":
    main()
