"""Reads scenes in text form, and lists the nodes that a scene has once it is in the tree.

Layer: `project_files`; pure. Source: reference godot4-contract 3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from gdpeer.project_files.paths import resolve_path
from gdpeer.project_files.problem import Problem
from gdpeer.project_files.text_resource import Section, Value, read_sections

__all__ = ["MOST_NODES", "NodeSyntax", "Scene", "Scenes", "parse_scene"]

MOST_NODES = 20_000
"""Most nodes of one scene, including the scenes within it: few short files can make billions of nodes."""

MOST_DEPTH = 64
"""Most levels of scenes within scenes."""


@dataclass(frozen=True, slots=True)
class NodeSyntax:
    """A node as a scene's file describes it.

    Attributes:
        name: as written.
        parent: the path of the parent; None for the root.
        line: of its section.
        is_typed: whether the section has a type, and so makes a new node.
        instance: the path of the scene that the node instances; "" without, or if unknown.
        is_instance: whether the node instances a scene.
        is_placeholder: whether the scene is loaded only when code asks for it.
        script: the id of its script; "" without.
        has_script_field: whether the section sets or removes the script.
        unique_id: a number that stays when the node is renamed; "" without.
    """

    name: str
    parent: str | None
    line: int
    is_typed: bool
    instance: str
    is_instance: bool
    is_placeholder: bool
    script: str
    has_script_field: bool
    unique_id: str


@dataclass(frozen=True, slots=True)
class Scene:
    """A scene as its file describes it.

    Attributes:
        path: as `res://`.
        nodes: in the order of the file.
        scripts: the texts of the built-in scripts, by their ids.
        uid: "" without.
    """

    path: str
    nodes: tuple[NodeSyntax, ...]
    scripts: Mapping[str, str]
    uid: str


def parse_scene(text: str, path: str, uids: Mapping[str, str]) -> Scene:
    """Reads a `.tscn`.

    Args:
        text: of the file.
        path: of the file, as `res://`.
        uids: from `uid://` to the path of the file.
    """
    resources: dict[tuple[str, str], str] = {}
    scripts: dict[str, str] = {}
    nodes: list[NodeSyntax] = []
    uid = ""
    for section in read_sections(text):
        fields = section.fields
        match section.kind:
            case "gd_scene":
                uid = _text(fields, "uid")
            case "ext_resource":
                found = uids.get(_text(fields, "uid")) or resolve_path(_text(fields, "path"), path)
                resources["ExtResource", _text(fields, "id")] = found
            case "sub_resource" if _text(fields, "type") == "GDScript":
                id_ = f"{path}::{_text(fields, 'id')}"
                resources["SubResource", _text(fields, "id")] = id_
                source = section.properties.get("script/source")
                scripts[id_] = (source.string if source else None) or ""
            case "node":
                nodes.append(_node(section, resources))
    return Scene(path, tuple(nodes), scripts, uid)


def _text(fields: Mapping[str, Value], name: str) -> str:
    value = fields.get(name)
    return "" if value is None else str(value)


def _node(section: Section, resources: Mapping[tuple[str, str], str]) -> NodeSyntax:
    fields = section.fields
    instance = fields.get("instance")
    script = section.properties.get("script")
    return NodeSyntax(
        name=_text(fields, "name"),
        parent=_text(fields, "parent").rstrip("/") if "parent" in fields else None,
        line=section.line,
        is_typed="type" in fields,
        instance=_target(instance, resources),
        is_instance=instance is not None,
        is_placeholder="instance_placeholder" in fields,
        script=_target(script, resources),
        has_script_field=script is not None,
        unique_id=_text(fields, "unique_id"),
    )


def _target(value: Value | None, resources: Mapping[tuple[str, str], str]) -> str:
    reference = None if value is None else value.reference
    return "" if reference is None else resources.get(reference, "")


@dataclass(frozen=True, slots=True)
class LiveNode:
    """A node in the tree.

    Attributes:
        script: the id of its script; "" without.
        unique_id: from the file that made the node.
    """

    script: str = ""
    unique_id: str = ""


Nodes = dict[str, LiveNode]
"""Nodes by their path below the scene's root; "" is the root."""


class Scenes:
    """Lists the nodes that scenes have in the tree, with all scenes within them.

    Args:
        load: returns the scene at a path; None: there is no scene in text form.
        exists: tells whether there is a file at a path.

    Attributes:
        problems: of scenes.
    """

    def __init__(self, load: Callable[[str], Scene | None], exists: Callable[[str], bool]) -> None:
        self.problems: list[Problem] = []
        self._load = load
        self._exists = exists
        self._made: dict[str, tuple[str, Nodes]] = {}
        self._making: list[str] = []

    def nodes(self, path: str) -> tuple[str, Nodes] | None:
        """Returns the name of a scene's root, and all its nodes; None if they are unknown.

        Args:
            path: of the scene.
        """
        if path not in self._made:
            scene = self._load(path)
            if scene is None or not scene.nodes:
                return None
            self._making.append(path)
            try:
                self._made[path] = self._make(scene)
            finally:
                self._making.pop()
        return self._made[path]

    def _report(self, scene: Scene, node: NodeSyntax, code: str, text: str) -> None:
        problem = Problem(code, scene.path, node.line, text)
        # A scene that is instanced a thousand times would report the same problem a thousand times.
        if problem not in self.problems[-20:]:
            self.problems.append(problem)

    def _make(self, scene: Scene) -> tuple[str, Nodes]:
        found: Nodes = {}
        for node in scene.nodes:
            if len(found) > MOST_NODES:
                self._report(scene, node, "unknown-nodes", f"more than {MOST_NODES} nodes: the others are unknown")
                break
            self._add(scene, node, found)
        return scene.nodes[0].name, found

    def _add(self, scene: Scene, node: NodeSyntax, found: Nodes) -> None:
        path = self._path(scene, node, found)
        is_new = node.is_typed or node.is_instance or node.is_placeholder or not path
        if is_new and path in found and path:
            self._report(scene, node, "duplicate-node", f"{path} is there already: a path finds the first one")
        elif node.is_instance:
            self._instance(scene, node, path, found)
        elif node.is_placeholder:
            found[path] = LiveNode()
        elif is_new:
            found[path] = LiveNode(node.script, node.unique_id)
        else:
            self._override(scene, node, path, found)

    def _path(self, scene: Scene, node: NodeSyntax, found: Nodes) -> str:
        if node.parent is None:
            return ""
        if node.parent == ".":
            return node.name
        if node.parent in found:
            return f"{node.parent}/{node.name}"
        self._report(scene, node, "missing-parent", f"{node.name} has a parent that is not there: {node.parent}")
        # The engine keeps such a node, below the root, under a name of this form.
        return f"{node.parent.removeprefix('./').replace('/', '_')}#{node.name}"

    def _instance(self, scene: Scene, node: NodeSyntax, path: str, found: Nodes) -> None:
        """Adds all nodes of another scene; this node's name replaces the name of its root."""
        made = None
        if not node.instance or node.instance in self._making or len(self._making) > MOST_DEPTH:
            self._report(
                scene, node, "unknown-nodes", f"the nodes of {node.name} cannot be known: its scene is unknown"
            )
        else:
            made = self.nodes(node.instance)
            if made is None:
                self._report(scene, node, "unknown-nodes", f"{node.instance} cannot be read: its nodes are unknown")
                if path and not self._exists(node.instance):
                    return  # the engine leaves the node out
        nodes = made[1] if made is not None else {"": LiveNode()}
        for below, live in list(nodes.items())[:MOST_NODES]:
            found["/".join(part for part in (path, below) if part)] = live
        if node.has_script_field:
            found[path] = replace(found[path], script=node.script)
        if node.unique_id:
            found[path] = replace(found[path], unique_id=node.unique_id)

    def _override(self, scene: Scene, node: NodeSyntax, path: str, found: Nodes) -> None:
        """Changes a node that an instance has brought."""
        if path not in found and node.unique_id:
            # The node was renamed in its own scene since: its unique id still finds it.
            parent = path.rpartition("/")[0]
            for other, live in found.items():
                if live.unique_id == node.unique_id and other.rpartition("/")[0] == parent:
                    path = other
                    break
        if path not in found:
            self._report(scene, node, "missing-node", f"{node.name} changes a node that is not there")
        elif node.has_script_field:
            found[path] = replace(found[path], script=node.script)
