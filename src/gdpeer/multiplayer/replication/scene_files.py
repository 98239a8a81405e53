"""`SceneFiles`: the scenes of a project as `Blueprint`s: the nodes to make, with the members that replication needs.

A scene is read when it is first needed, and read once.

Layer: `multiplayer`. Source: reference godot4-replication section 12.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

from gdpeer.errors import SceneError, VariantError
from gdpeer.logs import get_logger
from gdpeer.multiplayer.replication.config import SceneReplicationConfig
from gdpeer.multiplayer.replication.spawner import MultiplayerSpawner
from gdpeer.multiplayer.replication.synchronizer import MultiplayerSynchronizer, VisibilityUpdateMode
from gdpeer.multiplayer.tree import Node
from gdpeer.project_files.files import PROJECT, ProjectFiles
from gdpeer.project_files.node_lists import ListedNode, NodeList, NodeLists, Property
from gdpeer.project_files.problem import Problem
from gdpeer.project_files.replication_config import PropertySyntax, read_replication_config
from gdpeer.project_files.scenes import Scene, parse_scene
from gdpeer.project_files.text_resource import Damage, Section
from gdpeer.variant.names import NodePath

__all__ = ["Blueprint", "Configuration", "Part", "SceneFiles", "SceneNode"]

logger = get_logger("gdpeer.multiplayer")

_TEXTS = (".tscn", ".tres")
_FORBIDDEN = re.compile(r'[.:@/"%\0]')
_PRIVATE = ("__", "_gdpeer_")
"""Names of attributes that Python and gdpeer use themselves begin so."""
_FATAL = ("cycle", "limit")
"""Problems of a scene that leave its nodes unknown."""


NodeClass: TypeAlias = type[Node]


class SceneNode(Node):
    """A node of a scene without a class of its own here. Takes any attribute.

    A property that the scene's file sets is an attribute, too, if gdpeer can read its value: `node.motion`. Values that
    a script sets, and the defaults of the engine's classes, are unknown here.
    """

    _gdpeer_values: Mapping[str, Property] = MappingProxyType({})
    """What the file sets. A value is read at its first use: most values of a scene are never used."""

    def __getattr__(self, name: str) -> Any:
        found = self._gdpeer_values.get(name)
        if found is None or found.value.reference is not None or name.startswith(_PRIVATE):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
        try:
            value = found.value.parsed()
        except VariantError as problem:
            text = f"{found.scene.path}:{found.value.line}: {name} cannot be read: {problem.detail}"
            raise AttributeError(text, name=name, obj=self) from None
        object.__setattr__(self, name, value)
        return value


@dataclass(slots=True)
class Configuration:
    """A `SceneReplicationConfig` of a file. All nodes with it share one object, as in the engine.

    Attributes:
        file: the path of the file.
        line: of its section.
        properties: as the file describes them, in the order on the wire.
        config: the object.
    """

    file: str
    line: int
    properties: list[PropertySyntax]
    config: SceneReplicationConfig


@dataclass(slots=True)
class Part:
    """A node of a scene, ready to be made many times.

    Attributes:
        path: below the root, as in the file; "" is the root.
        name: as in the file, with `_` for characters that `Node` refuses.
        kind: the class to make, unless `instance` has a registered class.
        instance: the scene that the node is the root of; "" for the root, and without.
        file: the file with the node's section.
        line: of that section.
        members: names and values to set.
        spawnable: the scenes of a spawner.
        configuration: of a synchronizer; None without.
        attributes: names and first values of the attributes that synchronizers of the scene send.
        values: all that the files set.
        type: the node's class in the engine; "" if unknown.
        script: the path of its script; "" without.
    """

    path: str
    name: str
    kind: NodeClass
    instance: str
    file: str
    line: int
    members: dict[str, Any] = field(default_factory=dict)
    spawnable: list[str] = field(default_factory=list)
    configuration: Configuration | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    values: Mapping[str, Property] = field(default_factory=dict)
    type: str = ""
    script: str = ""

    @property
    def parent(self) -> str:
        """The path of the parent."""
        return self.path.rpartition("/")[0]

    def error(self, text: str) -> SceneError:
        """Returns an error at this node's line."""
        return SceneError(text, self.file, self.line)

    def root_of_synchronizer(self) -> str | None:
        """Returns the path of the node whose properties a synchronizer sends; None if it is outside of the scene."""
        return _joined(self.path, self.members.get("root_path", NodePath("..")))


@dataclass(slots=True)
class Blueprint:
    """The nodes of a scene.

    Attributes:
        path: of the scene.
        parts: by path, in the order of the tree; "" is the root.
    """

    path: str
    parts: dict[str, Part]

    @property
    def root(self) -> Part:
        """The root of the scene."""
        return self.parts[""]


class SceneFiles:
    """The scenes of a project.

    Args:
        folder: the project's folder.
        report: gets the text of each problem that leaves a scene usable; None: such problems are logged.

    Raises:
        SceneError: there is no `project.godot`.
    """

    def __init__(self, folder: Path, report: Callable[[str], object] | None = None) -> None:
        if not (folder / PROJECT).is_file():
            raise SceneError(f"there is no {PROJECT} in this folder", str(folder))
        self._files = ProjectFiles(folder)
        files = self._files.all()
        self._files.read_uids(files)
        self._paths = {self._files.name(file): file for file in files}
        self._scenes: dict[str, Scene] = {}
        self._lists = NodeLists(self._scene, self._paths.__contains__)
        self._blueprints: dict[str, Blueprint] = {}
        self._failures: dict[str, SceneError] = {}
        self._configurations: dict[tuple[str, str], Configuration] = {}
        self._report = report or _log
        self._reported: set[Problem] = set()

    def scenes(self) -> list[str]:
        """Returns the paths of all scenes in text form."""
        return [path for path in self._paths if path.endswith(".tscn")]

    def first_scenes(self) -> Iterator[tuple[str, str]]:
        """Yields the path of each scene that the game begins with, and the name of its root in the tree.

        The name is "" for the main scene, whose root keeps the name in the scene.
        """
        settings = self._files.settings()
        application, autoload = settings.get("application"), settings.get("autoload")
        if application is not None and "run/main_scene" in application.properties:
            yield self.resolve(str(application.properties["run/main_scene"])), ""
        if autoload is not None:
            for name, value in autoload.properties.items():
                # A star before the path makes the autoload a global variable.
                yield self.resolve(str(value).removeprefix("*")), name

    def resolve(self, path: str) -> str:
        """Returns the path of the file with a uid, "" if no file has the uid; any other path unchanged."""
        return self._files.uids.get(path, "") if path.startswith("uid://") else path

    def blueprint(self, path: str) -> Blueprint | None:
        """Returns the nodes of a scene; None if there is no such scene in text form.

        Raises:
            SceneError: the scene is damaged, contains itself, is too large, or cannot be read.
        """
        if path in self._failures:
            raise self._failures[path]
        if path not in self._blueprints:
            try:
                listed = self._lists.of(path)
                if listed is None:
                    return None
                self._blueprints[path] = _Maker(path, listed, self).blueprint()
            except SceneError as error:
                # A peer can have the scene asked for again and again, and reading takes time.
                self._failures[path] = error
                raise
        return self._blueprints[path]

    def report(self, problems: list[Problem]) -> None:
        """Reports problems, each once. Models are no problem for replication."""
        for problem in problems:
            if problem.code != "model" and problem not in self._reported:
                self._reported.add(problem)
                self._report(str(problem))

    def is_there(self, path: str) -> bool:
        """Tells whether the project has a file, in whatever form."""
        return path in self._paths

    def _scene(self, path: str) -> Scene | None:
        """Returns a scene or resource in text form; None if the project has no such file.

        Raises:
            SceneError: the file is damaged or cannot be read.
        """
        file = self._paths.get(path)
        if file is None or file.suffix not in _TEXTS:
            return None
        if path not in self._scenes:
            text = self._files.text(file)
            if text is None:
                raise _error_of(self._files.problems[-1])
            scene = parse_scene(text, path, self._files.uids)
            for damage in scene.damages:
                raise SceneError(damage.text, path, damage.line)
            if file.suffix == ".tscn" and not scene.nodes:
                raise SceneError("the scene has no nodes", path)
            self._scenes[path] = scene
        return self._scenes[path]

    def configuration(self, value: Property) -> Configuration | None:
        """Returns the configuration that a synchronizer's `replication_config` means; None without.

        Raises:
            SceneError: the configuration cannot be read.
        """
        kind, id_ = value.value.reference or ("", "")
        scene = value.scene
        if kind == "SubResource":
            return self._configuration(scene, scene.internal.get(id_), id_)
        if kind != "ExtResource":
            return None
        path = scene.external.get(id_, "")
        found = self._scene(path)
        if found is not None:
            return self._configuration(found, found.resource, "")
        if self.is_there(path):
            text = f"{path} is no text file, so its properties are unknown: save the configuration as .tres"
            raise SceneError(text, scene.path, value.value.line)
        return None

    def _configuration(self, scene: Scene, section: Section | None, id_: str) -> Configuration | None:
        if section is None:
            return None
        key = scene.path, id_
        if key not in self._configurations:
            refused: list[Damage] = []
            properties = read_replication_config(section, refused)
            for damage in refused:
                self._report(f"{scene.path}:{damage.line}: {damage.text}; the engine leaves this line out, too")
            config = SceneReplicationConfig()
            for one in properties:
                if one.path.subnames[0].startswith(_PRIVATE):
                    raise SceneError(f"{one.path} names a private attribute of Python", scene.path, one.line)
                config.add_property(one.path)
                config.property_set_spawn(one.path, one.spawn)
                config.property_set_replication_mode(one.path, one.mode)
            self._configurations[key] = Configuration(scene.path, section.line, properties, config)
        return self._configurations[key]


class _Maker:
    """Makes the blueprint of one scene.

    Args:
        path: of the scene.
        listed: its nodes.
        files: resolve paths and configurations.
    """

    def __init__(self, path: str, listed: NodeList, files: SceneFiles) -> None:
        self._path = path
        self._listed = listed
        self._files = files

    def blueprint(self) -> Blueprint:
        """Returns the blueprint.

        Raises:
            SceneError: a value in the file does not fit, or the nodes are unknown.
        """
        for problem in self._listed.problems:
            if problem.code in _FATAL:
                raise _error_of(problem)
        self._files.report(self._listed.problems)
        parts = {path: self._part(path, node) for path, node in self._listed.nodes.items()}
        for part in parts.values():
            for path, name in _sent_by(part):
                if path in parts:
                    parts[path].attributes.setdefault(name, _first_value(self._listed.nodes[path], name))
        return Blueprint(self._path, parts)

    def _part(self, path: str, node: ListedNode) -> Part:
        part = Part(path, self._name(path, node), SceneNode, node.instance, node.scene.path, node.line)
        part.values, part.type, part.script = node.properties, node.type, node.script
        if node.type == "MultiplayerSynchronizer":
            part.kind, part.members = MultiplayerSynchronizer, _members(node, _SYNCHRONIZER)
            if "replication_config" in node.properties:
                part.configuration = self._files.configuration(node.properties["replication_config"])
        elif node.type == "MultiplayerSpawner":
            part.kind, part.members = MultiplayerSpawner, _members(node, _SPAWNER)
            part.spawnable = self._spawnable(node)
        return part

    def _name(self, path: str, node: ListedNode) -> str:
        """Returns a node's name. The engine's editor writes only names that `Node` takes, too."""
        name = path.rpartition("/")[2] or self._listed.name
        if not _is_taken_by_node(name, node):
            above = path[: -len(name)] if path else ""
            name = _FORBIDDEN.sub("_", name) or "_"
            while above + name in self._listed.nodes:
                name += "_"
        return name

    def _spawnable(self, node: ListedNode) -> list[str]:
        """Returns the scenes of a spawner. An unknown uid stays in its place, as the index counts."""
        value = node.properties.get("_spawnable_scenes")
        paths = [] if value is None else _parsed(value)
        if value is None or not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            if value is not None:
                raise _misfit(value, "_spawnable_scenes", "a list of paths")
            return []
        return [self._files.resolve(path) or str(path) for path in paths]


def _log(text: str) -> None:
    logger.warning("%s", text)


def _error_of(problem: Problem) -> SceneError:
    return SceneError(problem.text, problem.file, problem.line)


def _is_taken_by_node(name: str, node: ListedNode) -> bool:
    try:
        name.encode()
        Node(name)
    except UnicodeEncodeError:
        raise SceneError("a name with half a surrogate pair", node.scene.path, node.line) from None
    except ValueError:
        return False
    return True


def _joined(path: str, relative: NodePath) -> str | None:
    """Returns the path of a node from the scene's root; None if it is outside of the scene."""
    names = path.split("/") if path else []
    if relative.is_absolute():
        return None
    for name in relative.names:
        if name == "..":
            if not names:
                return None
            names.pop()
        elif name != ".":
            names.append(name)
    return "/".join(names)


def _sent_by(part: Part) -> Iterator[tuple[str, str]]:
    """Yields the node and the attribute of each property that a synchronizer sends."""
    root = part.root_of_synchronizer()
    if part.configuration is not None and root is not None:
        for one in part.configuration.properties:
            path = _joined(root, one.path)
            if path is not None:
                yield path, one.path.subnames[0]


def _first_value(node: ListedNode, name: str) -> Any:
    """Returns the value that the file gives to an attribute; None without, or if it is not a plain value."""
    value = node.properties.get(name)
    try:
        return None if value is None else value.value.parsed()
    except VariantError:
        return None


def _parsed(value: Property) -> Any:
    try:
        return value.value.parsed()
    except VariantError as error:
        raise SceneError(error.detail, value.scene.path, value.value.line) from None


def _misfit(value: Property, name: str, wanted: str) -> SceneError:
    return SceneError(f"{name} = {value.value}: expected {wanted}", value.scene.path, value.value.line)


def _members(node: ListedNode, table: dict[str, tuple[str, Callable[[Any], Any]]]) -> dict[str, Any]:
    """Returns the members that the files set, converted as the engine does."""
    found = {}
    for name, (wanted, convert) in table.items():
        value = node.properties.get(name)
        if value is not None:
            try:
                found[name] = convert(_parsed(value))
            except (TypeError, ValueError, OverflowError) as error:
                if isinstance(error, SceneError):
                    raise
                raise _misfit(value, name, wanted) from None
    return found


def _path(value: Any) -> NodePath:
    if not isinstance(value, (str, NodePath)):
        raise TypeError
    return NodePath(value)


def _interval(value: Any) -> float:
    seconds = float(value)
    if not seconds < float("inf"):
        raise ValueError
    return max(seconds, 0.0)  # the engine refuses a negative interval, and keeps 0


def _update_mode(value: Any) -> VisibilityUpdateMode:
    return VisibilityUpdateMode(int(value))


_PATH = ("a NodePath", _path)
_SYNCHRONIZER: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "root_path": _PATH,
    "replication_interval": ("seconds", _interval),
    "delta_interval": ("seconds", _interval),
    "visibility_update_mode": ("0, 1 or 2", _update_mode),
    "public_visibility": ("true or false", bool),
}
_SPAWNER: dict[str, tuple[str, Callable[[Any], Any]]] = {"spawn_path": _PATH, "spawn_limit": ("a number", int)}
