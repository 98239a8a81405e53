"""Finds the nodes whose paths the files tell: autoloads, the main scene, and the scenes of spawners.

The path of a spawned node ends in `*`: only the running game knows the name. The scenes that nothing in the files puts
into the tree are added by code: their nodes have paths that begin with `?`.

Layer: `contract`. Source: reference godot4-contract 3.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Container, Iterator, Mapping

from gdpeer.contract.model import Place, Problem
from gdpeer.errors import VariantError
from gdpeer.project_files.files import PROJECT
from gdpeer.project_files.node_lists import ListedNode, NodeList, NodeLists
from gdpeer.project_files.paths import resolve_path
from gdpeer.project_files.scenes import Scene
from gdpeer.project_files.text_resource import Section
from gdpeer.variant.containers import Array
from gdpeer.variant.names import NodePath
from gdpeer.variant.packed import PackedStringArray

__all__ = ["Places", "autoload_paths"]

SETTINGS = f"res://{PROJECT}"

SPAWNER = "MultiplayerSpawner"

MOST_PLACES = 100_000
"""Most places of a project: scenes within scenes, and spawners within spawned scenes, can be very many."""

MOST_SPAWNERS = 8
"""Most spawners within spawned scenes, each in the scene of the one before."""


def autoload_paths(settings: Mapping[str, Section], uids: Mapping[str, str]) -> dict[str, str]:
    """Returns the paths of the autoloads, by name."""
    section = settings.get("autoload")
    found = {} if section is None else {name: str(value) for name, value in section.properties.items()}
    # A star before the path makes the autoload a global variable; the node exists with and without the star.
    return {name: uids.get(path.lstrip("*"), path.lstrip("*")) for name, path in found.items()}


class Places:
    """The places of a project.

    Args:
        settings: the sections of `project.godot`.
        scenes: all scenes in text form, by path.
        lists: the nodes of scenes.
        uids: from `uid://` to the path of the file.
        table_of: returns the id of a script's class, as `Place.table`; None if there is none.

    Attributes:
        problems: scenes that cannot be read.
    """

    def __init__(
        self,
        settings: Mapping[str, Section],
        scenes: Mapping[str, Scene],
        lists: NodeLists,
        uids: Mapping[str, str],
        table_of: Callable[[str], str | None],
    ) -> None:
        self.problems: list[Problem] = []
        self._settings = settings
        self._scenes = scenes
        self._lists = lists
        self._uids = uids
        self._table_of = table_of
        self._used: set[str] = set()
        self._spawned: set[tuple[str, str]] = set()
        self._count = 0

    def all(self, with_methods: Container[str | None]) -> list[Place]:
        """Returns all places, in the order of the tree.

        Args:
            with_methods: ids of the tables that have methods: of scenes that code adds, only these nodes count.
        """
        found = [*self._autoloads(), *self._main()]
        return [*found, *self._added_by_code(with_methods)]

    def _autoloads(self) -> Iterator[Place]:
        for name, path in autoload_paths(self._settings, self._uids).items():
            table = self._table_of(path)
            if path.endswith((".gd", ".cs")) and (table is not None or self._lists.is_there(path)):
                line = self._settings["autoload"].properties[name].line
                yield Place(name, table, "autoload", "", SETTINGS, line)
            else:
                yield from self._scene(path, name, "autoload")

    def _main(self) -> Iterator[Place]:
        application = self._settings.get("application")
        main = None if application is None else application.properties.get("run/main_scene")
        if main is not None and str(main):
            yield from self._scene(self._uids.get(str(main), str(main)), "", "main")

    def _scene(self, path: str, name: str, how: str) -> Iterator[Place]:
        """Yields all nodes of a scene in the tree; the root of an autoload has the autoload's name."""
        found = self._lists.of(path)
        if found is None:
            text = f"cannot be read: the nodes of the {how} are unknown"
            self.problems.append(Problem("unknown-nodes", path, 0, text))
            return
        yield from self._nodes(found, path, name or found.name, how, 0)

    def _nodes(self, found: NodeList, scene: str, root: str, how: str, level: int) -> Iterator[Place]:
        spawners: list[tuple[str, ListedNode]] = []
        self._used.add(scene)
        for below, node in found.nodes.items():
            path = "/".join(part for part in (root, below) if part)
            self._used.update((node.scene.path, node.instance))
            if self._count < MOST_PLACES:
                yield self._place(path, node, how, scene)
            if node.type == SPAWNER:
                spawners.append((path, node))
        for path, spawner in spawners if level < MOST_SPAWNERS else ():
            yield from self._spawned_by(path, spawner, level)

    def _place(self, path: str, node: ListedNode, how: str, scene: str) -> Place:
        self._count += 1
        script = node.properties.get("script")
        file, line = (script.scene.path, script.value.line) if script else (node.scene.path, node.line)
        return Place(path, self._table_of(node.script), how, scene, file, line)

    def _spawned_by(self, path: str, spawner: ListedNode, level: int) -> Iterator[Place]:
        """Yields the nodes of the scenes that a spawner names."""
        target = _target(path, spawner)
        for scene in self._spawnable(spawner):
            self._used.add(scene)
            # A spawner can spawn the scene that it is in.
            if target and (target, scene) not in self._spawned:
                self._spawned.add((target, scene))
                found = self._lists.of(scene)
                if found is not None:
                    yield from self._nodes(found, scene, f"{target}/*", "spawner", level + 1)

    def _spawnable(self, spawner: ListedNode) -> list[str]:
        """Returns the paths of the scenes that a spawner names."""
        entry = spawner.properties.get("_spawnable_scenes")
        try:
            value = None if entry is None else entry.value.parsed()
        except VariantError:
            value = None
        if entry is None or not isinstance(value, (PackedStringArray, Array, list)):
            return []
        paths = [str(one) for one in value]
        return [self._uids.get(one) or resolve_path(one, entry.scene.path) for one in paths]

    def _added_by_code(self, with_methods: Container[str | None]) -> Iterator[Place]:
        """Yields the nodes of the scenes that no other scene, autoload or spawner has."""
        lists = {path: self._lists.of(path) for path in sorted(self._scenes) if path not in self._used}
        inner = {
            one
            for path, found in lists.items()
            if found is not None
            for node in found.nodes.values()
            for one in (node.scene.path, node.instance)
            if one != path
        }
        for path, found in lists.items():
            if found is None or path in inner:
                continue
            for below, node in found.nodes.items():
                if self._table_of(node.script) in with_methods and self._count < MOST_PLACES:
                    yield self._place("/".join(part for part in ("?", found.name, below) if part), node, "scene", path)


def _target(path: str, spawner: ListedNode) -> str:
    """Returns the path of the node below which a spawner adds nodes; "" if unknown."""
    entry = spawner.properties.get("spawn_path")
    try:
        value = None if entry is None else entry.value.parsed()
    except VariantError:
        value = None
    if not isinstance(value, (NodePath, str)) or not str(value):
        return ""
    text = str(value)
    if text.startswith("/"):
        return text.removeprefix("/root/")
    # A name of a node may have no slash or dot, so that the path is one of files too.
    found = posixpath.normpath(posixpath.join(path, text))
    return "" if found.startswith("..") or "%" in text else found
