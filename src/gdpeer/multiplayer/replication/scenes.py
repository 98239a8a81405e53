"""`Scenes`: the classes for scenes that a MultiplayerSpawner makes, and the scenes of a Godot project.

    scenes = Scenes("path/to/project")

    @scenes.register("res://player.tscn")
    class Player(Node): ...

    tree = SceneTree(scenes=scenes)

Layer: `multiplayer`. Source: reference godot4-replication section 12.
"""

from __future__ import annotations

import copy
import logging
import os
from collections.abc import Callable
from itertools import zip_longest
from pathlib import Path
from typing import ClassVar, TypeVar

from gdpeer.arguments import STR, checked
from gdpeer.attributes import Guarded
from gdpeer.errors import SceneError
from gdpeer.logs import get_logger, log_limited
from gdpeer.multiplayer.replication._declared import MUTABLE
from gdpeer.multiplayer.replication.config import ReplicationMode
from gdpeer.multiplayer.replication.properties import Replicated, declared_of
from gdpeer.multiplayer.replication.scene_files import Blueprint, Configuration, Part, SceneFiles, SceneNode
from gdpeer.multiplayer.replication.spawner import MultiplayerSpawner
from gdpeer.multiplayer.replication.synchronizer import MultiplayerSynchronizer, make_synchronizer
from gdpeer.multiplayer.tree import Node, walk
from gdpeer.multiplayer.tree import furnish as set_furnish
from gdpeer.project_files.replication_config import PropertySyntax
from gdpeer.variant.names import NodePath

__all__ = ["SceneNode", "Scenes"]

logger = get_logger("gdpeer.multiplayer")

T = TypeVar("T", bound=Node)


class Scenes(Guarded):
    """The classes for the scenes of a game, for `SceneTree(scenes=...)`.

    With a project, each registered class is checked against its scene, and a new node of the class has the children of
    the scene. `MultiplayerSynchronizer` and `MultiplayerSpawner` nodes are made with the members that the file sets;
    other nodes are plain nodes that take any attribute. Scenes without a class are made of these nodes, too. A file is
    read when its scene is first needed.

    Args:
        project: the folder with `project.godot`. None: no project, so only registered classes are known.

    Raises:
        SceneError: there is no `project.godot` in the folder.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, project: str | os.PathLike[str] | None = None) -> None:
        self._classes: dict[str, type[Node]] = {}
        self._files = None if project is None else SceneFiles(Path(project))
        self._fitting: set[tuple[str, str, type[Node]]] = set()

    @checked(path=STR)
    def register(self, path: str) -> Callable[[type[T]], type[T]]:
        """Registers the decorated class for a scene, and sets its `scene_file_path`.

        With a project, the `replicated()` attributes of the class are compared with the configuration of the scene's
        synchronizer `synchronizer_name`: paths, order, modes and spawn flags.

        Args:
            path: of the scene, as `res://player.tscn`; with a project also `uid://...`. Or of a script, as
                `res://gun.gd`: the class of all nodes with this script, in scenes and as the root of a scene that has
                no class of its own.

        Raises:
            SceneError: there is no such scene, the scene has a class already, or the class does not fit the scene. The
                text begins with the file and the line.
        """
        found = self.resolve(path)
        file = found.partition("::")[0]  # a script within a scene is called `res://main.tscn::GDScript_1`
        if not found or (self._files is not None and not self._files.is_there(file)):
            raise SceneError(f"there is no scene {path} in the project" if self._files else f"{path} needs a project")
        if found in self._classes:
            raise SceneError(f"{self._classes[found].__name__} is registered for this scene already", found)

        def decorate(kind: type[T]) -> type[T]:
            if not _is_node_class(kind):
                raise TypeError(f"register() is for subclasses of Node, not for {kind!r}")
            self._add(found, kind)
            return kind

        return decorate

    def _add(self, path: str, kind: type[Node]) -> None:
        if path.endswith((".gd", ".cs")) or "::" in path:
            self._classes[path] = kind
            return
        if (vars(kind).get("scene_file_path") or path) != path:
            raise SceneError(f"{kind.__name__} is registered for {kind.scene_file_path} already: make a subclass", path)
        blueprint = None if self._files is None else self._files.blueprint(path)
        if blueprint is not None:
            self._check(blueprint, "", kind)

            def furnish(node: Node) -> None:
                self._furnish(node, blueprint)

            set_furnish(kind, furnish)
        elif self._files is not None:
            logger.warning("%s is no text file, so %s is not compared with it", path, kind.__name__)
        self._classes[path] = kind
        kind.scene_file_path = path

    @checked(path=STR)
    def resolve(self, path: str) -> str:
        """Returns the path of the file that a uid means; "" if the uid is unknown. Returns other paths as they are."""
        if self._files is not None:
            return self._files.resolve(path)
        return "" if path.startswith("uid://") else path

    @checked(path=STR)
    def class_of(self, path: str) -> type[Node] | None:
        """Returns the class that is registered for a scene; None without."""
        return self._classes.get(self.resolve(path))

    @checked(path=STR, name=STR)
    def make(self, path: str, name: str) -> Node | None:
        """Makes a new node of a scene, which is not in the tree yet.

        Args:
            path: of the scene.
            name: of the node; "" means the name in the scene.

        Returns:
            An object of the registered class, made by `cls(name=...)`; without a class but with a project a plain node
            with the children of the scene. None: the scene is unknown, or damaged, which is logged.

        Raises:
            ValueError: `name` is not allowed.
        """
        path = self.resolve(path)
        kind = self._classes.get(path)
        try:
            blueprint = None if self._files is None else self._files.blueprint(path)
        except SceneError as error:
            log_limited(logger, logging.ERROR, "a scene cannot be made: %s", error)
            blueprint = None
        name = name or (blueprint.root.name if blueprint is not None else "")
        if kind is not None:
            return kind(name=name) if name else kind()
        if blueprint is None:
            return None
        node = self._classes.get(blueprint.root.script, blueprint.root.kind)(name=name)
        node.scene_file_path = path
        self._furnish(node, blueprint)
        return node

    # ------------------------------------------------------------------------------------------ making nodes

    def _furnish(self, root: Node, blueprint: Blueprint) -> None:
        """Adds the children of a scene to a new node."""
        # A subclass of a registered class can declare more attributes than the class that was checked.
        self._check(blueprint, "", type(root))
        nodes = {"": root}
        moved = False
        for path, part in blueprint.parts.items():
            if path:
                node, is_new = self._child(blueprint, part, nodes[part.parent], root)
                nodes[path] = node
                moved = moved or not is_new
            _configure(nodes[path], part)
        if moved:
            _reorder(blueprint, nodes)

    def _child(self, blueprint: Blueprint, part: Part, parent: Node, root: Node) -> tuple[Node, bool]:
        """Returns the node of a part, and whether it was made; a class of an inner scene has made its children."""
        node = walk(parent, part.name)
        if node is not None:
            return node, False
        kind = self._class_of(part)
        if kind is not None:
            self._check(blueprint, part.path, kind)
            node = kind(name=part.name)
            node.scene_file_path = node.scene_file_path or part.instance
        elif parent is root and _is_declared(type(root), part.name):
            node = make_synchronizer(root)
        else:
            node = part.kind(name=part.name)
            node.scene_file_path = part.instance
        Node.add_child(parent, node)
        return node, True

    def _class_of(self, part: Part) -> type[Node] | None:
        """Returns the class that is registered for the scene that a node is the root of, or for the node's script."""
        found = self._classes.get(part.instance) if part.instance else None
        return found if found is not None or not part.script else self._classes.get(part.script)

    # ------------------------------------------------------------------------------------------ checking classes

    def _check(self, blueprint: Blueprint, path: str, kind: type[Node]) -> None:
        """Compares a class with the scene of which it is the root, or with the node at a path within the scene.

        Raises:
            SceneError: they differ.
        """
        key = blueprint.path, path, kind
        if key not in self._fitting:
            if declared_of(kind):
                _check_synchronizer(blueprint, path, kind)
            self._fitting.add(key)


def _is_node_class(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Node)


def _is_declared(kind: type[Node], name: str) -> bool:
    """Tells whether a child's name is the name of the synchronizer for the class's `replicated()` attributes."""
    return name == kind.synchronizer_name and bool(declared_of(kind))


def _configure(node: Node, part: Part) -> None:
    """Sets the members that the file names."""
    for name, value in part.members.items():
        setattr(node, name, value)
    if isinstance(node, MultiplayerSpawner) and part.spawnable:
        node.clear_spawnable_scenes()
        for path in part.spawnable:
            node.add_spawnable_scene(path)
    if isinstance(node, MultiplayerSynchronizer) and part.configuration is not None:
        parent = node.get_parent()
        # That of a class has the configuration that the class declares, which was compared with the file.
        if parent is None or not _is_declared(type(parent), node.name):
            node.replication_config = part.configuration.config
    if type(node) is SceneNode:
        node._gdpeer_values = part.values
    for name, value in part.attributes.items():
        # What the class declares or defines keeps the value that the class gives.
        if not hasattr(type(node), name) and name not in vars(node):
            # Also the engine's own nodes take what a configuration names.
            object.__setattr__(node, name, copy.deepcopy(value) if isinstance(value, MUTABLE) else value)


def _reorder(blueprint: Blueprint, nodes: dict[str, Node]) -> None:
    """Puts all children into the order of the scene: a class of an inner scene has made its own children first."""
    wanted: dict[str, list[str]] = {}
    for path, part in blueprint.parts.items():
        if path:
            wanted.setdefault(part.parent, []).append(part.name)
    for path, names in wanted.items():
        children = {child.name: child for child in nodes[path].get_children()}
        if list(children) != names:
            for name in (*names, *(other for other in children if other not in names)):
                Node.remove_child(nodes[path], children[name])
                Node.add_child(nodes[path], children[name])


def _check_synchronizer(blueprint: Blueprint, path: str, kind: type[Node]) -> None:
    name = kind.synchronizer_name
    inside = f"{path}/" if path else ""
    part = blueprint.parts.get(inside + name)
    here = blueprint.parts[path]
    if part is None or part.kind is not MultiplayerSynchronizer:
        there = [
            repr(one.name)
            for one in blueprint.parts.values()
            if one.kind is MultiplayerSynchronizer and one.path and one.parent == path
        ]
        hint = f"; set synchronizer_name to {' or '.join(there)}" if there else ""
        raise here.error(f"{kind.__name__} needs a child MultiplayerSynchronizer named {name!r}{hint}")
    if part.root_of_synchronizer() != path:
        raise part.error(f"root_path of {name} is not the root of the scene, to which {kind.__name__} belongs")
    if part.configuration is None:
        raise part.error(f"{name} has no replication_config, and {kind.__name__} declares replicated attributes")
    _check_properties(part.configuration, name, kind)


def _check_properties(configuration: Configuration, name: str, kind: type[Node]) -> None:
    """Compares the properties of a file, in their order, with those that a class declares."""
    file, title = configuration.file, kind.__name__
    declared = declared_of(kind)
    known = {_key(NodePath(one.path)) for one in declared}
    for number, (found, one) in enumerate(zip_longest(configuration.properties, declared)):
        if found is None:
            line = configuration.properties[-1].line if configuration.properties else configuration.line
            raise SceneError(f"{name} does not have {one.path}, which {title}.{one.name} declares", file, line)
        if _key(found.path) not in known:
            raise SceneError(f"{title} does not declare {found.path}, property {number} of {name}", file, found.line)
        if one is None or _key(found.path) != _key(NodePath(one.path)):
            there = f"{one.path} ({one.name})" if one is not None else "nothing"
            text = f"wrong order: property {number} of {name} is {found.path}, and {title} declares {there} there"
            raise SceneError(text, file, found.line)
        _check_property(found, one, file, title)


def _check_property(found: PropertySyntax, one: Replicated, file: str, title: str) -> None:
    if found.mode != one.mode:
        modes = f"{ReplicationMode(found.mode).name}, but {title}.{one.name} declares {one.mode.name}"
        raise SceneError(f"the mode of {found.path} is {modes}", file, found.mode_line)
    if found.spawn != one.spawn:
        flags = f"spawn = {str(found.spawn).lower()}, but {title}.{one.name} declares spawn={one.spawn}"
        raise SceneError(f"{found.path} has {flags}", file, found.spawn_line)


def _key(path: NodePath) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Returns what a property's path means: `.:a`, `:a` and `./.:a` are the same."""
    return tuple(name for name in path.names if name != "."), path.subnames
