"""Finds the names that packets of spawners and synchronizers leave out: of scenes, synchronizers and properties.

A packet of a MultiplayerSpawner has the index of a scene, and a packet of a MultiplayerSynchronizer has only values.
The names stand in the scenes of the project. The path of a node leads to its scene: the node is below a node that was
spawned, or below the root of a scene.

Layer: `inspection`; pure.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple, TypeVar

__all__ = ["SceneNames", "SceneTable", "Spawner", "Synchronizer", "chosen"]

ROOT = "/root/"

MOST_LEVELS = 64
"""The most levels of a path that is searched for: a stranger's path may have thousands."""

MOST_SYNCHRONIZERS = 10
"""Of more synchronizers of one node it takes too long to find those that belong to a sender."""

Found = TypeVar("Found")


class Synchronizer(NamedTuple):
    """A MultiplayerSynchronizer of a scene.

    Attributes:
        path: below the root of the scene.
        spawn: the properties that a SPAWN holds.
        always: the properties that a SYNC holds.
        on_change: the properties that a delta holds, each if it changed.
    """

    path: str
    spawn: tuple[str, ...]
    always: tuple[str, ...]
    on_change: tuple[str, ...]


class Spawner(NamedTuple):
    """A MultiplayerSpawner of a scene.

    Attributes:
        target: the path of the node that gets the spawned nodes, below the root of the scene; with `/root/` in front,
            below the root of the tree. "": it is not known.
        scenes: the paths of the scenes that it spawns.
    """

    target: str
    scenes: tuple[str, ...]


class SceneTable(NamedTuple):
    """What replicates in one scene.

    Attributes:
        scene: the path of the scene.
        root: the name of its root node.
        synchronizers: all, by their path, in the order of the tree.
        of_root: the synchronizers that replicate the root node, in the order of the tree.
        spawners: all, by their path.
    """

    scene: str
    root: str
    synchronizers: Mapping[str, Synchronizer]
    of_root: tuple[Synchronizer, ...]
    spawners: Mapping[str, Spawner]


class SceneNames:
    """Tables of scenes.

    Args:
        tables: if several scenes have a root of the same name, the first one with the node that is sought is used.
    """

    def __init__(self, tables: Iterable[SceneTable] = ()) -> None:
        self._tables: dict[str, SceneTable] = {}
        self._by_root: defaultdict[str, list[SceneTable]] = defaultdict(list)
        for table in tables:
            self._tables[table.scene] = table
            self._by_root[table.root].append(table)

    def of_root(self, scene: str) -> tuple[Synchronizer, ...]:
        """Returns the synchronizers that replicate the root of a scene; empty if the scene is not known."""
        table = self._tables.get(scene)
        return () if table is None else table.of_root

    def synchronizer(self, path: str, spawned: Mapping[str, str]) -> Synchronizer | None:
        """Returns a synchronizer by its path in the tree; None if it is not known.

        Args:
            path: relative to the root of the tree.
            spawned: the scenes of spawned nodes, by the paths of the nodes.
        """
        return next((found for _, found in self._search(path, spawned, lambda table: table.synchronizers)), None)

    def spawned(self, path: str, spawned: Mapping[str, str], index: int, name: str) -> tuple[str, str]:
        """Returns the scene that a spawner made a node of, and the node's path; empty texts if they are not known.

        Args:
            path: of the spawner, as for `synchronizer`.
            spawned: as for `synchronizer`.
            index: of the scene in the spawner's list.
            name: of the node.
        """
        for above, spawner in self._search(path, spawned, lambda table: table.spawners):
            scene = spawner.scenes[index] if index < len(spawner.scenes) else ""
            target = spawner.target if spawner.target.startswith(ROOT) else f"{ROOT}{above}/{spawner.target}"
            path = posixpath.normpath(f"{target}/{name}") if spawner.target else ""
            return scene, path.removeprefix(ROOT)
        return "", ""

    def _search(
        self, path: str, spawned: Mapping[str, str], kind: Callable[[SceneTable], Mapping[str, Found]]
    ) -> Iterator[tuple[str, Found]]:
        """Yields the node at a path in each scene that has one, and the path of the scene's root in the tree."""
        for above, below, table in self._places(path, spawned):
            found = kind(table).get(below)
            if found is not None:
                yield above, found

    def _places(self, path: str, spawned: Mapping[str, str]) -> Iterator[tuple[str, str, SceneTable]]:
        parts = path.split("/")
        if not self._tables or len(parts) > MOST_LEVELS:
            return
        # A node below several spawned nodes is in the scene of the innermost.
        for at in range(len(parts) - 1, 0, -1):
            above = "/".join(parts[:at])
            table = self._tables.get(spawned.get(above, ""))
            if table is not None:
                yield above, "/".join(parts[at:]), table
        for at, part in enumerate(parts):
            for table in self._by_root.get(part, ()):
                yield "/".join(parts[: at + 1]), "/".join(parts[at + 1 :]), table


def chosen(all_: Sequence[Synchronizer], count: int, values: int) -> tuple[Synchronizer, ...]:
    """Returns those of a node's synchronizers that a SPAWN is about: those that belong to its sender.

    Args:
        all_: the synchronizers of the node.
        count: how many of them the SPAWN is about.
        values: how many values it holds.

    Returns:
        The selection with `values` values. Empty if several selections have that many, or no selection has.
    """
    if count >= len(all_):
        return tuple(all_) if count == len(all_) else ()
    if len(all_) > MOST_SYNCHRONIZERS:
        return ()
    fitting = [some for some in combinations(all_, count) if sum(len(one.spawn) for one in some) == values]
    return fitting[0] if len(fitting) == 1 else ()
