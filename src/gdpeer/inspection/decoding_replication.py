"""Decodes the packets of MultiplayerSpawner and MultiplayerSynchronizer, for `Decoder4`.

A SPAWN gives the spawned node and its synchronizers numbers, and later packets have only these. Every sender numbers
nodes by itself, for each receiver.

Layer: `inspection`; no I/O. Source: reference godot4-replication sections 1 to 5.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

from gdpeer.errors import PacketError
from gdpeer.inspection.decoded import Decoded, Paths, State, clipped, value_text
from gdpeer.inspection.scene_names import SceneNames, Synchronizer, chosen
from gdpeer.multiplayer.wire.replication import Delta, Despawn, Spawn, Sync, decode_values, path_based

__all__ = ["ReplicationDecoder", "Route"]

MOST_NODES = 16_384
"""The most spawned nodes that are remembered."""

MOST_SYNCHRONIZERS = 65_536
"""The most synchronizers of spawned nodes that are remembered."""

LONGEST_PATH = 1024
"""The most characters of a spawned node's path that is remembered."""

MOST_VALUES = 255
"""The most values that are shown of one packet."""

Route: TypeAlias = tuple[int | None, int | None]
"""The source and the target of a packet."""


class Node(NamedTuple):
    """A spawned node: its path, or the end of the path behind `…/`, and the numbers of its synchronizers.

    `place` is the path or, if it is not known, the spawner's path and the node's name.
    """

    path: str
    sync_ids: tuple[int, ...]
    place: str


class Known(NamedTuple):
    """A synchronizer: its name, and the names of its properties if the scene is known; `place` as for `State`."""

    name: str
    synchronizer: Synchronizer | None
    place: str


class ReplicationDecoder:
    """Remembers the spawned nodes of one client's connection.

    Args:
        scenes: the known scenes.
        most_values: the most values that are decoded of one packet.
    """

    def __init__(self, scenes: SceneNames, most_values: int = MOST_VALUES) -> None:
        self._scenes = scenes
        self._most_values = most_values
        self._nodes: dict[tuple[Route, int], Node] = {}
        self._synchronizers: dict[tuple[Route, int], Known] = {}
        self._spawned: dict[str, str] = {}  # from the path of a spawned node to its scene

    def decode(self, packet: Spawn | Despawn | Sync | Delta, route: Route, paths: Paths) -> Decoded:
        """Returns the content of a packet.

        Args:
            packet: the packet.
            route: its source and target.
            paths: of the source.

        Raises:
            PacketError: a SYNC or a delta ends before its last element.
        """
        if isinstance(packet, Spawn):
            return self._spawn(packet, route, paths)
        if isinstance(packet, Despawn):
            node = self._forget(route, packet.net_id)
            path, place = ("", "") if node is None else (node.path, node.place)
            return Decoded("despawn", path=path, detail=f"net id {packet.net_id}", place=place)
        return self._values(packet, route, paths)

    def forget_peer(self, peer_id: int) -> None:
        """Forgets the nodes that a peer has spawned, or that were spawned for it."""
        for route, net_id in [key for key in self._nodes if peer_id in key[0]]:
            self._forget(route, net_id)

    # ------------------------------------------------------------------------------------------ spawned nodes

    def _spawn(self, packet: Spawn, route: Route, paths: Paths) -> Decoded:
        spawner = paths.name(packet.spawner_id)
        scene, path = self._scenes.spawned(spawner, self._spawned, packet.scene, packet.name)
        place = path or f"{spawner} …/{packet.name}"
        path = path or f"…/{packet.name}"
        synchronizers = self._own_synchronizers(packet, scene)
        self._learn(route, packet, Node(path, packet.sync_ids, place), synchronizers)
        if scene:
            self._note_scene(path, scene)
        what = scene or f"scene {packet.scene}"
        if packet.argument is not None:
            what = f"spawn({argument_text(packet.argument)})"
        ids = "".join(f" {path_of(sync_id, paths) or sync_id}" for sync_id in packet.sync_ids)
        detail = f"{what}, net id {packet.net_id}{', synchronizers' if ids else ''}{ids}"
        names = tuple(name for one in synchronizers for name in one.spawn)
        state = self._state(path, place, packet.state, names)
        return Decoded("spawn", path=spawner, detail=clipped(detail), states=(state,), place=place)

    def _own_synchronizers(self, packet: Spawn, scene: str) -> tuple[Synchronizer, ...]:
        """Returns the synchronizers that a SPAWN is about; empty if they are not known."""
        # The engine lists a synchronizer last that was handed to another peer and back. Its id then holds a path, which
        # is told only later.
        if any(path_based(sync_id) is not None for sync_id in packet.sync_ids):
            return ()
        values = values_of(packet.state)
        return chosen(self._scenes.of_root(scene), len(packet.sync_ids), 0 if values is None else len(values))

    def _learn(self, route: Route, packet: Spawn, node: Node, synchronizers: tuple[Synchronizer, ...]) -> None:
        path, place = node.path, node.place
        self._forget(route, packet.net_id)
        has_room = len(self._synchronizers) + len(packet.sync_ids) <= MOST_SYNCHRONIZERS
        if len(self._nodes) >= MOST_NODES or not has_room or len(path) > LONGEST_PATH:
            return
        self._nodes[route, packet.net_id] = node
        for index, sync_id in enumerate(packet.sync_ids):
            known = Known(f"{path} net id {sync_id}", None, f"{place}/synchronizer {index + 1}")
            if synchronizers:
                name = synchronizers[index].path
                known = Known(f"{path}/{name}", synchronizers[index], f"{place}/{name}")
            self._synchronizers[route, sync_id] = known

    def _note_scene(self, path: str, scene: str) -> None:
        # Stays after a DESPAWN: a client despawns a node for each receiver, and the others still have it.
        self._spawned.pop(path, None)
        if len(path) <= LONGEST_PATH:
            self._spawned[path] = scene
        if len(self._spawned) > MOST_NODES:
            del self._spawned[next(iter(self._spawned))]

    def _forget(self, route: Route, net_id: int) -> Node | None:
        node = self._nodes.pop((route, net_id), None)
        for sync_id in () if node is None else node.sync_ids:
            self._synchronizers.pop((route, sync_id), None)
        return node

    # ------------------------------------------------------------------------------------------ values

    def _values(self, packet: Sync | Delta, route: Route, paths: Paths) -> Decoded:
        if packet.problem:
            raise PacketError(packet.problem)
        states: list[State] = []
        room = self._most_values
        for sync_id, *mask, data in packet.elements:
            if room <= 0:
                break
            name, synchronizer, place = self._known(sync_id, route, paths)
            names = names_by_mask(synchronizer, mask[0]) if mask else synchronizer.always if synchronizer else ()
            states.append(self._state(name, place, data, names))
            room -= len(states[-1].values or " ")
        number = len(packet.elements)
        detail = f"{number} synchronizers" if number > len(states) else ""
        return Decoded("sync" if isinstance(packet, Sync) else "delta", detail=detail, states=states)

    def _known(self, sync_id: int, route: Route, paths: Paths) -> Known:
        path = path_of(sync_id, paths)
        if not path:
            name = f"net id {sync_id}"
            return self._synchronizers.get((route, sync_id)) or Known(name, None, name)
        return Known(path, self._scenes.synchronizer(path, self._spawned), path)

    def _state(self, name: str, place: str, data: bytes, names: tuple[str, ...]) -> State:
        """Returns the values for a synchronizer, with their names if there are as many."""
        values = values_of(data)
        if values is None:
            return State(name, None, (), len(data), place)
        names = names if len(names) == len(values) else ()
        return State(name, values[: self._most_values], names, len(data), place)


def path_of(sync_id: int, paths: Paths) -> str:
    """Returns the path of a path-based synchronizer, `node 7` if it is not known; "" for a net id."""
    number = path_based(sync_id)
    return "" if number is None else paths.name(number)


def names_by_mask(synchronizer: Synchronizer | None, mask: int) -> tuple[str, ...]:
    """Returns the properties of a delta; `#2` for bit 2 if the property is not known."""
    known = () if synchronizer is None else synchronizer.on_change
    bits = [bit for bit in range(mask.bit_length()) if mask >> bit & 1]
    return tuple(known[bit] if bit < len(known) else f"#{bit}" for bit in bits)


def values_of(data: bytes) -> list[Any] | None:
    """Returns all values in some bytes; None if they cannot be decoded."""
    try:
        return decode_values(data, None)[0]
    except PacketError:
        return None


def argument_text(data: bytes) -> str:
    """Returns the argument of `spawn()` in words."""
    values = values_of(data)
    return value_text(values[0], 4) if values and len(values) == 1 else f"{len(data)} bytes"
