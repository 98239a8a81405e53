"""`MultiplayerSpawner`: makes the children of one node appear on all sides.

Layer: `multiplayer`. Source: reference godot4-replication sections 2, 3 and 10.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from gdpeer.arguments import INT, STR, checked
from gdpeer.coroutines import refuse_async
from gdpeer.logs import describe, get_logger, log_limited, report
from gdpeer.multiplayer.tree import Node, attach, detach
from gdpeer.multiplayer.wire.replication import SCENE_CUSTOM
from gdpeer.signals import Signal
from gdpeer.variant.names import NodePath

if TYPE_CHECKING:
    from gdpeer.multiplayer.replication.replicator import Replicator
    from gdpeer.multiplayer.replication.scenes import Scenes

__all__ = ["MultiplayerSpawner", "SpawnFunction"]

logger = get_logger("gdpeer.multiplayer")

SpawnFunction: TypeAlias = Callable[[Any], Any]
"""Returns a new node for the data of `spawn()`."""

MOST_SCENES = 255
"""Scenes that a spawner may have: their index takes one byte, and 255 stands for `spawn()`."""


class MultiplayerSpawner(Node):
    """Makes the children of its spawn node appear on all sides, as in the engine.

    Its authority, at first the server, spawns: a child of the spawn node whose `scene_file_path` is in the list, or a
    node of `spawn()`, appears on every side that may see the node, also for those who join later. A child that leaves
    the tree disappears there.

    Attributes:
        spawn_limit: the most nodes of this spawner at a time; 0, the default: any number. It holds for `spawn()` and
            for received nodes. Differs from the engine, which limits `spawn()` only.
        spawn_function: makes the node for `spawn(data)`, here and on each receiver; None at first. Without
            the function, a received node is a RawScene.
        spawned: signal (node): another side has spawned the node.
        despawned: signal (node): the node was removed because the other side has removed it.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ("despawned", "spawn_function", "spawn_limit", "spawned")

    def __init__(self, name: str | None = None) -> None:
        super().__init__("MultiplayerSpawner" if name is None else name)
        self.spawn_limit = 0
        self.spawn_function: SpawnFunction | None = None
        self.spawned = Signal("spawned")
        self.despawned = Signal("despawned")
        self._gdpeer_spawn_path = NodePath("")
        self._gdpeer_scenes: list[str] = []
        self._gdpeer_spawn_node: Node | None = None
        self._gdpeer_replicator: Replicator | None = None  # while in a tree
        self._gdpeer_nodes: dict[Node, None] = {}  # spawned ones, here or by another side
        self._gdpeer_custom: tuple[Node, bytes] | None = None  # the node of `spawn()` while it enters, and its argument

    # ------------------------------------------------------------------------------------------ settings

    @property
    def spawn_path(self) -> NodePath:
        """The node whose children are spawned, from this node. Empty, the default: none."""
        return self._gdpeer_spawn_path

    @spawn_path.setter
    def spawn_path(self, path: str | NodePath) -> None:
        self._gdpeer_spawn_path = NodePath(str(path))
        if self._gdpeer_replicator is not None:
            self._gdpeer_attach()

    @checked(path=STR)
    def add_spawnable_scene(self, path: str) -> None:
        """Adds a scene to the list. The order of the list must be the same on all sides.

        Args:
            path: as `res://player.tscn`, or `uid://...` of a scene of the project that `Scenes` has read.
        """
        if len(self._gdpeer_scenes) == MOST_SCENES:
            log_limited(logger, logging.ERROR, "%s has %s scenes; more cannot be spawned", describe(self), MOST_SCENES)
            return
        self._gdpeer_scenes.append(path)

    def clear_spawnable_scenes(self) -> None:
        """Removes all scenes from the list."""
        self._gdpeer_scenes.clear()

    def get_spawnable_scene_count(self) -> int:
        """Returns how many scenes are in the list."""
        return len(self._gdpeer_scenes)

    @checked(index=INT)
    def get_spawnable_scene(self, index: int) -> str:
        """Returns the path of a scene in the list; "" if there is no such index."""
        if not 0 <= index < len(self._gdpeer_scenes):
            log_limited(logger, logging.ERROR, "get_spawnable_scene: there is no index %s", index)
            return ""
        return self._gdpeer_resolved(self._gdpeer_scenes[index])

    def _gdpeer_resolved(self, path: str) -> str:
        scenes = self.scenes()
        return path if scenes is None else scenes.resolve(path)

    def scenes(self) -> Scenes | None:
        """Returns the scenes of the tree; None outside a tree."""
        return self._gdpeer_tree.scenes if self._gdpeer_tree is not None else None

    def find_scene(self, path: str) -> int:
        """Returns the index of a scene in the list; -1 if it is not in the list."""
        if not path:
            return -1
        for index, one in enumerate(self._gdpeer_scenes):
            if one == path or self._gdpeer_resolved(one) == path:
                return index
        return -1

    # ------------------------------------------------------------------------------------------ the tree

    def _gdpeer_entered(self) -> None:
        self._gdpeer_replicator = getattr(self.multiplayer, "replicator", None)
        if self._gdpeer_replicator is not None:
            self._gdpeer_replicator.members[self] = None

    def _gdpeer_became_ready(self) -> None:
        if self._gdpeer_replicator is not None:
            self._gdpeer_attach()

    def _gdpeer_attach(self) -> None:
        self._gdpeer_detach()
        node = self.get_spawn_node()
        if node is not None and self._gdpeer_replicator is not None:
            self._gdpeer_spawn_node = node
            attach(self, node)
            self._gdpeer_replicator.reception.resolve(self)

    def _gdpeer_detach(self) -> None:
        node, self._gdpeer_spawn_node = self._gdpeer_spawn_node, None
        if node is not None:
            detach(self, node)

    def _gdpeer_exits(self) -> None:
        self._gdpeer_detach()
        if self._gdpeer_replicator is not None:
            self._gdpeer_replicator.spawns.remove_of(self)
            self._gdpeer_replicator.members.pop(self, None)
        self._gdpeer_replicator = None
        self._gdpeer_nodes.clear()

    def get_spawn_node(self) -> Node | None:
        """Returns the node at `spawn_path`; None if there is no such node."""
        return self.get_node_or_null(self._gdpeer_spawn_path) if self._gdpeer_spawn_path else None

    def child_entered(self, node: Node) -> None:
        """Spawns a new child of the spawn node, if this side is the authority and the child's scene is in the list."""
        replicator = self._gdpeer_replicator
        if replicator is None or node in self._gdpeer_nodes or not replicator.is_own(self):
            return
        if self._gdpeer_custom is not None and self._gdpeer_custom[0] is node:
            replicator.spawn(self, node, SCENE_CUSTOM, self._gdpeer_custom[1])
            return
        index = self.find_scene(node.scene_file_path)
        if index < 0:
            return
        if "@" in node.name:
            text = "%s cannot be spawned: the name %r was generated; give it a name of its own"
            log_limited(logger, logging.ERROR, text, describe(node), node.name)
            return
        replicator.spawn(self, node, index, None)

    def set_multiplayer_authority(self, peer_id: int, recursive: bool = True) -> None:
        """Sets the peer that spawns, as `Node.set_multiplayer_authority`. Set the same id on every side.

        The former authority first removes its spawned nodes on all other sides; here they stay.
        """
        if peer_id != self.get_multiplayer_authority() and self._gdpeer_replicator is not None:
            self._gdpeer_replicator.spawns.remove_of(self)
        super().set_multiplayer_authority(peer_id, recursive)

    # ------------------------------------------------------------------------------------------ spawn()

    def spawn(self, data: Any = None) -> Node | None:
        """Calls `spawn_function(data)` here and on every other side, and adds the node to the spawn node.

        Args:
            data: an engine value; copied.

        Returns:
            The node; its name has a number if the name was taken. None if nothing was spawned; the log says why.

        Raises:
            VariantError: `data` is not an engine value.
        """
        problem = self._gdpeer_obstacle()
        if problem:
            log_limited(logger, logging.ERROR, "spawn of %s: %s", describe(self), problem)
            return None
        replicator, parent = self._gdpeer_replicator, self.get_spawn_node()
        assert replicator is not None
        assert parent is not None
        argument = replicator.encode_argument(data)
        node = self.instantiate(copy.deepcopy(data))
        if node is None:
            return None
        before, self._gdpeer_custom = self._gdpeer_custom, (node, argument)
        try:
            parent.add_child(node, True)
        finally:
            self._gdpeer_custom = before
        return node

    def _gdpeer_obstacle(self) -> str:
        replicator = self._gdpeer_replicator
        if replicator is None or not self.is_inside_tree():
            return "the spawner is not in a tree with Godot 4's API"
        if not replicator.is_own(self):
            return "this side is not the spawner's authority, or there is no peer"
        if self.is_full():
            return "Spawn limit reached!"
        if self.spawn_function is None:
            return "Custom spawn requires the 'spawn_function' property to be a valid callable."
        return "Cannot find spawn node." if self.get_spawn_node() is None else ""

    def is_full(self) -> bool:
        """Whether the spawner has as many nodes as `spawn_limit` allows."""
        return 0 < self.spawn_limit <= len(self._gdpeer_nodes)

    def instantiate(self, data: Any) -> Node | None:
        """Returns a new node of `spawn_function`; None, with an error in the log, if it gives no usable node."""
        function = self.spawn_function
        if function is None:
            return None
        try:
            refuse_async("spawn_function", function)
            node = function(data)
        except Exception:
            report(logger, "Failed to call spawn function: %s of %s raised", describe(function), describe(self))
            return None
        if isinstance(node, Node) and node.get_parent() is None:
            return node
        text = "The spawn function must return a Node without a parent: %s"
        log_limited(logger, logging.ERROR, text, describe(self))
        return None

    def has_spawned(self, node: Node) -> bool:
        """Whether a node was spawned by this spawner, here or on another side, and is still there."""
        return node in self._gdpeer_nodes

    def note(self, node: Node) -> None:
        """Counts a node as spawned by this spawner."""
        self._gdpeer_nodes[node] = None

    def forget(self, node: Node) -> None:
        """Forgets a spawned node that has left the tree."""
        self._gdpeer_nodes.pop(node, None)
