"""Lists the nodes that a scene has once it is in the tree, with all scenes within it.

Layer: `project_files`; pure. Source: reference godot4-contract 3; the effect of `index` was measured on Godot 4.6.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import NamedTuple

from gdpeer.project_files.problem import Problem
from gdpeer.project_files.scenes import NodeSyntax, Scene
from gdpeer.project_files.text_resource import Value

__all__ = ["MOST_NODES", "ListedNode", "NodeList", "NodeLists", "Property"]

MOST_NODES = 20_000
"""Most nodes of one scene, including the scenes within it: few short files can make billions of nodes."""

MOST_PATH = 2_000
"""Most characters of a node's path within its scene: short files can make paths of millions of characters."""

MOST_DEPTH = 64
"""Most levels of scenes within scenes."""

_MODELS = (".glb", ".gltf", ".dae", ".blend", ".fbx", ".obj")
"""Files that the engine imports as scenes. Their nodes have no scripts and no replication of their own."""


class Property(NamedTuple):
    """A value that a file gives to a node, and the file, in which the value's references have their meaning."""

    value: Value
    scene: Scene


@dataclass(frozen=True, slots=True)
class ListedNode:
    """A node in the tree.

    Attributes:
        type: its class in the engine; "" if unknown.
        script: the id of its script; "" without.
        unique_id: from the file that made the node.
        instance: the path of the scene that the node is the root of; "" for the root of the list, and without.
        scene: the file with the node's section.
        line: of that section.
        properties: what the files set, by name; the outermost file wins.
        is_open: whether there can be more nodes below, which are in no text file.
    """

    type: str
    script: str
    unique_id: str
    instance: str
    scene: Scene
    line: int
    properties: Mapping[str, Property]
    is_open: bool = False


@dataclass(slots=True)
class NodeList:
    """The nodes of a scene.

    Attributes:
        name: of the root.
        nodes: by their path below the root, "" is the root; in the order of the tree, parents first.
        problems: of this scene and the scenes within it.
    """

    name: str
    nodes: dict[str, ListedNode]
    problems: list[Problem] = field(default_factory=list)

    def report(self, problem: Problem) -> None:
        """Adds a problem once: a scene that is instanced a thousand times would repeat its problems."""
        if problem not in self.problems[-20:]:
            self.problems.append(problem)


class NodeLists:
    """Lists the nodes of scenes.

    Args:
        load: returns the scene at a path; None: there is no scene in text form.
        exists: tells whether there is a file at a path.
    """

    def __init__(self, load: Callable[[str], Scene | None], exists: Callable[[str], bool]) -> None:
        self._load = load
        self._exists = exists
        self._made: dict[str, NodeList] = {}
        self._making: list[str] = []

    @property
    def problems(self) -> list[Problem]:
        """The problems of all scenes that were listed."""
        return list(dict.fromkeys(problem for made in self._made.values() for problem in made.problems))

    def of(self, path: str) -> NodeList | None:
        """Returns the nodes of a scene; None if they are unknown."""
        if path not in self._made:
            scene = self._load(path)
            if scene is None or not scene.nodes:
                return None
            self._making.append(path)
            try:
                self._made[path] = _Listing(scene, self).finished()
            finally:
                self._making.pop()
        return self._made[path]

    def inner(self, node: NodeSyntax, scene: Scene) -> NodeList | Problem:
        """Returns the nodes of the scene that a node instances, or the reason why they are unknown."""
        if not node.instance:
            text = f"the nodes of {node.name} cannot be known: its scene is unknown"
            return scene.problem("unknown-nodes", node.line, text)
        if node.instance in self._making:
            return scene.problem(
                "cycle", node.line, f"{node.name} is an instance of {node.instance}, which contains it"
            )
        if len(self._making) > MOST_DEPTH:
            return scene.problem("limit", node.line, f"more than {MOST_DEPTH} levels of scenes within scenes")
        code = "model" if node.instance.endswith(_MODELS) and self._exists(node.instance) else "unknown-nodes"
        text = f"{node.instance} cannot be read: its nodes are unknown"
        return self.of(node.instance) or scene.problem(code, node.line, text)

    def is_there(self, path: str) -> bool:
        """Tells whether there is a file at a path, in whatever form."""
        return self._exists(path)


class _Listing:
    """Lists the nodes of one scene.

    Args:
        scene: as its file describes it.
        lists: for the scenes within.
    """

    def __init__(self, scene: Scene, lists: NodeLists) -> None:
        self._scene = scene
        self._lists = lists
        self._nodes: dict[str, ListedNode] = {}
        self._children: dict[str, list[str]] = {}
        self._by_unique_id: dict[tuple[str, str], str] = {}
        self._found = NodeList(scene.nodes[0].name, {})

    def finished(self) -> NodeList:
        """Returns the nodes in the order of the tree."""
        for node in self._scene.nodes:
            if len(self._nodes) > MOST_NODES:
                self._report("limit", node, f"more than {MOST_NODES} nodes: the others are unknown")
                break
            self._add(node)
        pending = [""]
        while pending:
            path = pending.pop()
            self._found.nodes[path] = self._nodes[path]
            pending += reversed(self._children.get(path, ()))
        return self._found

    def _report(self, code: str, node: NodeSyntax, text: str) -> None:
        self._found.report(self._scene.problem(code, node.line, text))

    def _add(self, node: NodeSyntax) -> None:
        path = self._path(node)
        is_new = bool(node.type) or node.is_instance or node.is_placeholder or not path
        if len(path) > MOST_PATH:
            self._report("limit", node, f"a path of more than {MOST_PATH} characters")
        elif is_new and path in self._nodes:
            self._report("duplicate-node", node, f"{path or node.name} is there already: a path finds the first one")
        elif node.is_instance:
            self._instance(node, path)
        elif is_new:
            self._put(path, self._new(node, "InstancePlaceholder" if node.is_placeholder else node.type), node.index)
        else:
            self._override(node, path)

    def _path(self, node: NodeSyntax) -> str:
        if node.parent is None or not self._nodes:
            return ""
        if node.parent == ".":
            return node.name
        if node.parent in self._nodes or self._open(node.parent, node):
            return f"{node.parent}/{node.name}"
        self._report("missing-parent", node, f"{node.name} has a parent that is not there: {node.parent}")
        # The engine keeps such a node, below the root, under a name of this form.
        return f"{node.parent.removeprefix('./').replace('/', '_')}#{node.name}"

    def _open(self, path: str, node: NodeSyntax) -> bool:
        """Adds the nodes of a path that begins in a scene without text, such as an imported model.

        Returns:
            False: it does not begin there.
        """
        above = path
        while above and above not in self._nodes:
            above = above.rpartition("/")[0]
        if len(path) > MOST_PATH or not self._nodes[above].is_open:
            return False
        begin = len(above) + 1 if above else 0
        for name in path[begin:].split("/"):
            above = f"{above}/{name}" if above else name
            self._put(above, replace(self._new(node, ""), properties={}, is_open=True))
        return True

    def _new(self, node: NodeSyntax, type_: str) -> ListedNode:
        properties = self._properties(node)
        return ListedNode(type_, node.script, node.unique_id, "", self._scene, node.line, properties)

    def _properties(self, node: NodeSyntax) -> Mapping[str, Property]:
        return MappingProxyType({name: Property(value, self._scene) for name, value in node.properties.items()})

    def _put(self, path: str, node: ListedNode, index: int = -1) -> None:
        """Adds a node, behind its siblings or at an index among them."""
        self._nodes[path] = node
        if not path:
            return
        parent = path.rpartition("/")[0]
        siblings = self._children.setdefault(parent, [])
        siblings.insert(index if 0 <= index < len(siblings) else len(siblings), path)
        if node.unique_id:
            self._by_unique_id.setdefault((parent, node.unique_id), path)

    def _instance(self, node: NodeSyntax, path: str) -> None:
        """Adds all nodes of another scene; this node's name replaces the name of its root."""
        inner = self._lists.inner(node, self._scene)
        if isinstance(inner, Problem):
            self._found.report(inner)
            if path and inner.code == "unknown-nodes" and node.instance and not self._lists.is_there(node.instance):
                return  # the engine leaves the node out
            nodes = {"": replace(self._new(node, ""), is_open=True)}
        else:
            nodes = inner.nodes
            for problem in inner.problems:
                self._found.report(problem)
        for below, listed in list(nodes.items())[:MOST_NODES]:
            full = "/".join(part for part in (path, below) if part)
            if len(full) > MOST_PATH:
                self._report("limit", node, f"a path of more than {MOST_PATH} characters")
                break
            self._put(full, listed, node.index if not below else -1)
        self._change(node, path)
        # The root of an inherited scene is the root of that scene, not of its base.
        self._nodes[path] = replace(self._nodes[path], instance=node.instance if path else "")

    def _override(self, node: NodeSyntax, path: str) -> None:
        """Changes a node that an instance has brought."""
        if path not in self._nodes and node.unique_id:
            # The node was renamed in its own scene since: its unique id still finds it.
            path = self._by_unique_id.get((path.rpartition("/")[0], node.unique_id), path)
        if path in self._nodes or self._open(path, node):
            self._change(node, path)
        else:
            self._report("missing-node", node, f"{node.name} changes a node that is not there")

    def _change(self, node: NodeSyntax, path: str) -> None:
        """Applies what a section sets to a node that is there."""
        old = self._nodes[path]
        self._nodes[path] = replace(
            old,
            script=node.script if node.has_script_field else old.script,
            unique_id=node.unique_id or old.unique_id,
            properties=MappingProxyType({**old.properties, **self._properties(node)}),
        )
