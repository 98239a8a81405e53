"""Reads one scene or resource in text form.

Layer: `project_files`; pure. Source: reference godot4-contract 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gdpeer.project_files.paths import resolve_path
from gdpeer.project_files.problem import Problem
from gdpeer.project_files.text_resource import Damage, Section, Value, read_sections

__all__ = ["NodeSyntax", "Scene", "parse_scene"]

_KEPT = ("GDScript", "SceneReplicationConfig")
"""Types of resources within a scene that are kept. All others, as meshes, can be large and are never used."""


@dataclass(frozen=True, slots=True)
class NodeSyntax:
    """A node as a scene's file describes it.

    Attributes:
        name: as written.
        parent: the path of the parent; None for the root.
        line: of its section.
        type: its class in the engine; "" if the section makes no new node, or instances a scene.
        instance: the path of the scene that the node instances; "" without, or if unknown.
        is_instance: whether the node instances a scene.
        is_placeholder: whether the scene is loaded only when code asks for it.
        script: the id of its script; "" without.
        has_script_field: whether the section sets or removes the script.
        unique_id: a number that stays when the node is renamed; "" without.
        index: its place among its siblings when it is added; -1: behind them.
        properties: what the section sets.
    """

    name: str
    parent: str | None
    line: int
    type: str
    instance: str
    is_instance: bool
    is_placeholder: bool
    script: str
    has_script_field: bool
    unique_id: str
    index: int
    properties: Mapping[str, Value]


@dataclass(slots=True)
class Scene:
    """A scene or resource as its file describes it.

    Attributes:
        path: as `res://`.
        nodes: in the order of the file.
        scripts: the texts of the built-in scripts, by their ids.
        uid: "" without.
        external: paths of other files, by the id of their `ext_resource`.
        internal: scripts and replication configurations within the file, by id.
        resource: the content of a `.tres`; None in a scene.
        damages: text that the engine refuses to load.
    """

    path: str
    nodes: list[NodeSyntax] = field(default_factory=list)
    scripts: dict[str, str] = field(default_factory=dict)
    uid: str = ""
    external: dict[str, str] = field(default_factory=dict)
    internal: dict[str, Section] = field(default_factory=dict)
    resource: Section | None = None
    damages: list[Damage] = field(default_factory=list)

    def target(self, value: Value | None) -> str:
        """Returns the path of the file, or the id of the built-in script, that a reference means; "" if unknown."""
        kind, id_ = (value.reference if value is not None else None) or ("", "")
        if kind == "ExtResource":
            return self.external.get(id_, "")
        return self._script_id(id_) if kind == "SubResource" and self._script_id(id_) in self.scripts else ""

    def _script_id(self, id_: str) -> str:
        return f"{self.path}::{id_}"

    def problem(self, code: str, line: int, text: str) -> Problem:
        """Returns a problem of this file."""
        return Problem(code, self.path, line, text)

    def add(self, section: Section, uids: Mapping[str, str]) -> None:
        """Adds a section of the file; a section of an unknown kind changes nothing."""
        id_, type_ = section.text("id"), section.text("type")
        match section.kind:
            case "gd_scene" | "gd_resource":
                self.uid = section.text("uid")
            case "ext_resource":
                path = resolve_path(section.text("path"), self.path)
                self.external[id_] = uids.get(section.text("uid")) or path
            case "sub_resource" if type_ in _KEPT:
                self.internal[id_] = section
                if type_ == "GDScript":
                    source = section.properties.get("script/source")
                    self.scripts[self._script_id(id_)] = (source.string if source else None) or ""
            case "resource":
                self.resource = section
            case "node":
                self.nodes.append(_node(section, self))


def parse_scene(text: str, path: str, uids: Mapping[str, str]) -> Scene:
    """Reads a `.tscn` or `.tres`.

    Args:
        text: of the file.
        path: of the file, as `res://`.
        uids: from `uid://` to the path of the file.
    """
    scene = Scene(path)
    for section in read_sections(text, scene.damages):
        scene.add(section, uids)
    return scene


def _node(section: Section, scene: Scene) -> NodeSyntax:
    fields = section.fields
    properties = section.properties
    script = properties.get("script")
    return NodeSyntax(
        name=section.text("name"),
        parent=section.text("parent").rstrip("/") if "parent" in fields else None,
        line=section.line,
        type=section.text("type"),
        instance=scene.target(fields.get("instance")),
        is_instance="instance" in fields,
        is_placeholder="instance_placeholder" in fields,
        script=scene.target(script),
        has_script_field=script is not None,
        unique_id=section.text("unique_id"),
        index=_index(section.text("index")),
        properties=properties,
    )


def _index(text: str) -> int:
    # Python refuses to read numbers of thousands of digits.
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
