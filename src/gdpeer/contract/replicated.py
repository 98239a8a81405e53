"""Reads the scenes of a project that spawners make, and the properties that their synchronizers send.

    for scene in read_replicated(Path("game")).scenes:
        print(scene.path, [one.path for one in scene.properties])

Layer: `contract`. Source: reference godot4-replication 12.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gdpeer.contract.defaults import Unwritable, python_text, value_of
from gdpeer.contract.tokens import Kind, Token, logical_lines
from gdpeer.contract.types import GODOT4, parts
from gdpeer.errors import SceneError, VariantError
from gdpeer.multiplayer.replication.scene_files import Blueprint, Part, SceneFiles
from gdpeer.multiplayer.replication.synchronizer import MultiplayerSynchronizer
from gdpeer.project_files.files import ProjectFiles
from gdpeer.project_files.replication_config import PropertySyntax
from gdpeer.variant.names import NodePath

__all__ = ["FirstScene", "Replicated", "ReplicatedProperty", "ReplicatedScene", "read_replicated"]

_FLAT, _DEEP = 0, 1

_BY_DIMENSION = {
    "position": ("Vector2(0, 0)", "Vector3(0, 0, 0)"),
    "rotation": ("0.0", "Vector3(0, 0, 0)"),
    "rotation_degrees": ("0.0", "Vector3(0, 0, 0)"),
    "scale": ("Vector2(1, 1)", "Vector3(1, 1, 1)"),
    "velocity": ("Vector2(0, 0)", "Vector3(0, 0, 0)"),
    "linear_velocity": ("Vector2(0, 0)", "Vector3(0, 0, 0)"),
    "angular_velocity": ("0.0", "Vector3(0, 0, 0)"),
    "transform": ("Transform2D()", "Transform3D()"),
    "quaternion": ("None", "Quaternion()"),
    "basis": ("None", "Basis()"),
}
"""First values of properties that most nodes with a place have, in 2D and in 3D; `global_` in front changes nothing."""

_COMMON = {
    **dict.fromkeys(("visible", "monitoring", "monitorable"), "True"),
    **dict.fromkeys(("disabled", "flip_h", "flip_v", "playing", "emitting", "freeze", "sleeping"), "False"),
    **dict.fromkeys(("modulate", "self_modulate", "color"), "Color(1, 1, 1, 1)"),
    **dict.fromkeys(("text", "current_animation"), '""'),
    **dict.fromkeys(("frame", "z_index"), "0"),
    "animation": 'StringName("default")',
    "value": "0.0",
    "skew": "0.0",
    "size": "Vector2(0, 0)",
}
"""First values of other properties of the engine's nodes."""


@dataclass(frozen=True, slots=True)
class ReplicatedProperty:
    """A property of a synchronizer.

    Attributes:
        path: from the scene's root node, as `.:position`.
        mode: 0 never, 1 always, 2 on change.
        spawn: whether the SPAWN carries the value.
        default: the first value, as Python text; "None" if it is unknown.
        type: as a script declares it, in Godot 4's words; "" without.
    """

    path: str
    mode: int
    spawn: bool
    default: str
    type: str = ""


@dataclass(frozen=True, slots=True)
class ReplicatedScene:
    """A scene that a spawner makes, or whose root has a synchronizer.

    Attributes:
        path: as `res://player.tscn`.
        script: the path of its root's script; "" without.
        synchronizer: the name of the synchronizer of the root; "" without.
        properties: of that synchronizer, in their order.
    """

    path: str
    script: str
    synchronizer: str
    properties: tuple[ReplicatedProperty, ...]


@dataclass(frozen=True, slots=True)
class FirstScene:
    """A scene or script that the game begins with.

    Attributes:
        path: of the scene or script.
        name: of the node; "" for the name in the scene.
    """

    path: str
    name: str


@dataclass(frozen=True, slots=True)
class Replicated:
    """The replication of a project; false if it has no spawners and no synchronizers.

    Attributes:
        scenes: sorted by path.
        first: the autoloads in their order, then the main scene.
    """

    scenes: tuple[ReplicatedScene, ...] = ()
    first: tuple[FirstScene, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.scenes)


def read_replicated(folder: Path) -> Replicated:
    """Reads the scenes of a project. Leaves out scenes that cannot be read.

    Args:
        folder: with a `project.godot`.
    """
    return _Reader(folder).read()


class _Reader:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = SceneFiles(folder, report=lambda text: None)
        self._texts = ProjectFiles(folder)
        self._variables: dict[str, dict[str, tuple[str, str]]] = {}

    def read(self) -> Replicated:
        """Returns the replication of the project."""
        blueprints = {path: found for path in self._files.scenes() if (found := self._blueprint(path)) is not None}
        spawned = {path for one in blueprints.values() for part in one.parts.values() for path in part.spawnable}
        scenes = [
            scene
            for path, blueprint in sorted(blueprints.items())
            if (scene := self._scene(blueprint)).properties or path in spawned
        ]
        main, *autoloads = [*self._files.first_scenes()] or [("", "")]
        ordered = [*autoloads, main] if not main[1] else [main, *autoloads]
        return Replicated(tuple(scenes), tuple(FirstScene(path, name) for path, name in ordered if path))

    def _blueprint(self, path: str) -> Blueprint | None:
        try:
            return self._files.blueprint(path)
        except SceneError:
            return None  # `read` reports what is wrong with the scene

    def _scene(self, blueprint: Blueprint) -> ReplicatedScene:
        root = blueprint.root
        found = [
            part
            for part in blueprint.parts.values()
            if part.kind is MultiplayerSynchronizer
            and part.path
            and not part.parent
            and part.configuration is not None
            and part.root_of_synchronizer() == ""
        ]
        # A class of gdpeer declares the properties of one synchronizer; the others are made from the scene's file.
        if not found or found[0].configuration is None:
            return ReplicatedScene(blueprint.path, root.script, "", ())
        properties = [self._property(one, blueprint) for one in found[0].configuration.properties]
        return ReplicatedScene(blueprint.path, root.script, found[0].name, tuple(properties))

    def _property(self, found: PropertySyntax, blueprint: Blueprint) -> ReplicatedProperty:
        path = "/".join(name for name in found.path.names if name != ".")
        part = blueprint.parts.get(path)
        default, type_ = ("None", "") if part is None else self._default(part, found.path)
        return ReplicatedProperty(str(found.path), found.mode, found.spawn, default, type_)

    def _default(self, part: Part, path: NodePath) -> tuple[str, str]:
        """Returns the first value of a property as Python text, and its declared type."""
        name, *inner = path.subnames
        if inner:  # a part of a value, such as `position:x`
            return "0.0", ""
        type_, declared = self._variables_of(part.script).get(name, ("", ""))
        value = part.values.get(name)
        if value is not None:
            try:
                return python_text(value.value.parsed()), type_
            except VariantError:
                return "None", type_
        return declared or _of_engine(name, part.type), type_

    def _variables_of(self, script: str) -> dict[str, tuple[str, str]]:
        if script not in self._variables:
            file = self._folder / script.removeprefix("res://")
            text = self._texts.text(file) if script.endswith(".gd") and file.is_file() else None
            self._variables[script] = dict(_variables(text or ""))
        return self._variables[script]


def _variables(text: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yields the name, the type and the first value of each variable of a script's own class."""
    for line in logical_lines(text.removeprefix("\ufeff"), []):
        words = [token.text for token in line.tokens]
        if line.indent == 0 and "var" in words[:-1]:
            begin = words.index("var") + 1
            type_, default = _declaration(line.tokens[begin + 1 :])
            yield words[begin], (type_, default)


def _declaration(tokens: list[Token]) -> tuple[str, str]:
    """Returns the type and the first value that stand behind the name of a variable."""
    texts = [token.text for token in tokens]
    equals = texts.index("=") if "=" in texts else len(texts)
    type_ = "".join(texts[1:equals]) if texts[:1] == [":"] else ""
    written = "".join(f" {one.text}" if one.kind is Kind.WORD else one.text for one in tokens[equals + 1 :])
    try:
        if equals == len(texts):
            return type_, _first_value(type_)
        value: Any = value_of(re.sub(r":\s*(set|get)?.*$", "", written) if "{" not in written else written)
    except Unwritable:
        return type_, _first_value(type_)
    return type_, python_text(float(value) if type_ == "float" and type(value) is int else value)


def _first_value(type_: str) -> str:
    """Returns the value of a variable without one, as Python text; "" if the type is unknown."""
    container = parts(type_)[0]
    plain = {"int": "0", "float": "0.0", "bool": "False", "String": '""', "Array": "[]", "Dictionary": "{}"}
    if container in plain or container not in GODOT4 | {"StringName"}:
        return plain.get(container, "")
    try:
        return python_text(
            value_of(f'{container}("")' if container in ("StringName", "NodePath") else f"{container}()")
        )
    except Unwritable:
        return ""


def _of_engine(name: str, type_: str) -> str:
    flat_and_deep = _BY_DIMENSION.get(name.removeprefix("global_"))
    if flat_and_deep is not None:
        return flat_and_deep[_DEEP if type_.endswith("3D") else _FLAT]
    return _COMMON.get(name, "None")
