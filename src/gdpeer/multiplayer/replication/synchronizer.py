"""`MultiplayerSynchronizer`: sends properties of a node from its authority to all peers that may see the node.

Layer: `multiplayer`. Source: reference godot4-replication sections 7 and 10.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from gdpeer.arguments import BOOL, INT, checked, seconds_of, wrong_type
from gdpeer.coroutines import refuse_async
from gdpeer.enums import NamedInt
from gdpeer.logs import describe, get_logger, log_limited, report
from gdpeer.multiplayer.replication.config import ReplicationMode, SceneReplicationConfig
from gdpeer.multiplayer.replication.properties import Ordinary, Property, Replicated, declared_of, shared_config
from gdpeer.multiplayer.tree import Node
from gdpeer.signals import Signal
from gdpeer.variant.names import NodePath

if TYPE_CHECKING:
    from gdpeer.multiplayer.replication.replicator import Replicator

__all__ = ["MultiplayerSynchronizer", "VisibilityUpdateMode"]

logger = get_logger("gdpeer.multiplayer")

MOST_WATCHED = 64
"""Properties of the mode ON_CHANGE that a synchronizer may have: the bits of a mask."""

Filter: TypeAlias = Callable[[int], Any]
"""Returns True if a peer may see the node."""


class VisibilityUpdateMode(NamedInt):
    """When a synchronizer asks its visibility filters."""

    VISIBILITY_PROCESS_IDLE = 0
    VISIBILITY_PROCESS_PHYSICS = 1
    VISIBILITY_PROCESS_NONE = 2


class MultiplayerSynchronizer(Node):
    """Sends properties of its root node to other sides, and sets received ones, as in the engine.

    Its authority sends; all other sides receive. Changes leave with the next network frame
    (`SceneMultiplayer.replication_rate`). A class with `replicated()` attributes makes its own synchronizer; add others
    as children, with a `SceneReplicationConfig`.

    Attributes:
        synchronized: signal (): properties of the mode ALWAYS were received.
        delta_synchronized: signal (): properties of the mode ON_CHANGE were received.
        visibility_changed: signal (peer_id): the visibility for a peer, or for all (0), may have changed.
        visibility_update_mode: when filters are asked: in each network frame (IDLE or PHYSICS), or only by
            `update_visibility` (NONE). Default: IDLE.

    Differs from the engine: filters are never called with 0.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = (
        "delta_synchronized",
        "visibility_changed",
        "visibility_update_mode",
    )

    VisibilityUpdateMode: TypeAlias = VisibilityUpdateMode
    VISIBILITY_PROCESS_IDLE = VisibilityUpdateMode.VISIBILITY_PROCESS_IDLE
    VISIBILITY_PROCESS_PHYSICS = VisibilityUpdateMode.VISIBILITY_PROCESS_PHYSICS
    VISIBILITY_PROCESS_NONE = VisibilityUpdateMode.VISIBILITY_PROCESS_NONE

    def __init__(self, name: str | None = None) -> None:
        super().__init__("MultiplayerSynchronizer" if name is None else name)
        self.delta_synchronized = Signal("delta_synchronized")
        self.visibility_changed = Signal("visibility_changed")
        self.visibility_update_mode = VisibilityUpdateMode.VISIBILITY_PROCESS_IDLE
        self._gdpeer_root_path = NodePath("..")
        self._gdpeer_config: SceneReplicationConfig | None = None
        self._gdpeer_intervals = [0.0, 0.0]
        self._gdpeer_shown_to: set[int] = {0}
        self._gdpeer_filters: list[Filter] = []
        self._gdpeer_declares: type[Node] | None = None  # the class whose `replicated` attributes this one sends
        self._gdpeer_replicator: Replicator | None = None  # while in a tree
        self._gdpeer_root: Node | None = None
        self._gdpeer_lists: Lists | None = None

    # ------------------------------------------------------------------------------------------ what is sent

    @property
    def root_path(self) -> NodePath:
        """The node whose properties are sent, from this node. Default: `..`, the parent. A new path starts anew."""
        return self._gdpeer_root_path

    @root_path.setter
    def root_path(self, path: str | NodePath) -> None:
        self._gdpeer_stop()
        self._gdpeer_root_path = NodePath(str(path))
        self._gdpeer_start()

    @property
    def replication_config(self) -> SceneReplicationConfig | None:
        """The properties. None, the default, sends nothing, and a node that has such a synchronizer is not spawned. The
        log then has an error.
        """
        return self._gdpeer_config

    @replication_config.setter
    def replication_config(self, config: SceneReplicationConfig | None) -> None:
        if config is not None and not isinstance(config, SceneReplicationConfig):
            raise wrong_type("replication_config", "config", "a SceneReplicationConfig or None", config)
        if self._gdpeer_config is not None:
            self._gdpeer_config.users.discard(self)
        self._gdpeer_config = config
        if config is not None:
            config.users.add(self)
        self.configuration_changed()

    @property
    def replication_interval(self) -> float:
        """The least seconds between two packets with properties of the mode ALWAYS. 0, the default: each network
        frame.
        """
        return self._gdpeer_intervals[0]

    @replication_interval.setter
    def replication_interval(self, seconds: float) -> None:
        self._gdpeer_set_interval(0, seconds_of("replication_interval", "seconds", seconds))

    @property
    def delta_interval(self) -> float:
        """The least seconds between two packets with properties of the mode ON_CHANGE. 0, the default: each network
        frame.
        """
        return self._gdpeer_intervals[1]

    @delta_interval.setter
    def delta_interval(self, seconds: float) -> None:
        self._gdpeer_set_interval(1, seconds_of("delta_interval", "seconds", seconds))

    def _gdpeer_set_interval(self, index: int, seconds: float) -> None:
        if not 0 <= seconds < float("inf"):
            raise ValueError(f"an interval is at least 0, and finite: {seconds}")
        self._gdpeer_intervals[index] = seconds
        if self._gdpeer_replicator is not None:
            self._gdpeer_replicator.interval_changed(self)

    def configuration_changed(self) -> None:
        """Reads the configuration again. `SceneReplicationConfig` calls this when it has changed."""
        self._gdpeer_lists = None
        if self._gdpeer_replicator is not None:
            self._gdpeer_replicator.configuration_changed(self)

    def lists(self) -> Lists:
        """Returns the properties by the time when they are sent; synchronizers with one configuration share them."""
        if self._gdpeer_lists is None:
            config, declares = self._gdpeer_config, self._gdpeer_declares
            derived = {} if config is None else config.derived
            self._gdpeer_lists = derived[declares] = derived.get(declares) or Lists(config, declares)
        return self._gdpeer_lists

    def get_root_node(self) -> Node | None:
        """Returns the node at `root_path`; None while this node is not in a tree, or if there is no such node."""
        return self._gdpeer_root if self.is_inside_tree() else None

    # ------------------------------------------------------------------------------------------ the tree

    def _gdpeer_entered(self) -> None:
        self._gdpeer_replicator = getattr(self.multiplayer, "replicator", None)
        self._gdpeer_start()

    def _gdpeer_exits(self) -> None:
        self._gdpeer_stop()
        self._gdpeer_replicator = None

    def _gdpeer_start(self) -> None:
        if self._gdpeer_replicator is not None:
            self._gdpeer_root = self.get_node_or_null(self._gdpeer_root_path)
            if self._gdpeer_root is not None:
                self._gdpeer_replicator.start(self, self._gdpeer_root)

    def _gdpeer_stop(self) -> None:
        if self._gdpeer_replicator is not None and self._gdpeer_root is not None:
            self._gdpeer_replicator.stop(self, self._gdpeer_root)
        self._gdpeer_root = None

    def set_multiplayer_authority(self, peer_id: int, recursive: bool = True) -> None:
        """Sets the peer that sends, as `Node.set_multiplayer_authority`. Set the same id on every side."""
        changes = peer_id != self.get_multiplayer_authority()
        super().set_multiplayer_authority(peer_id, recursive)
        if changes and self._gdpeer_replicator is not None and self._gdpeer_root is not None:
            self._gdpeer_replicator.authority_changed(self)

    # ------------------------------------------------------------------------------------------ visibility

    @property
    def public_visibility(self) -> bool:
        """Whether all peers may see the node, apart from filters. Default: True."""
        return 0 in self._gdpeer_shown_to

    @public_visibility.setter
    def public_visibility(self, visible: bool) -> None:
        self.set_visibility_for(0, visible)

    @checked(peer=INT, visible=BOOL)
    def set_visibility_for(self, peer: int, visible: bool) -> None:
        """Sets whether a peer may see the node; 0 means all peers, as `public_visibility`. Acts at once."""
        if (peer in self._gdpeer_shown_to) == visible:
            return
        (self._gdpeer_shown_to.add if visible else self._gdpeer_shown_to.discard)(peer)
        self.update_visibility(peer)

    @checked(peer=INT)
    def get_visibility_for(self, peer: int) -> bool:
        """Whether `set_visibility_for` has shown the node to a peer; 0: to all."""
        return peer in self._gdpeer_shown_to

    def add_visibility_filter(self, filter: Filter) -> None:
        """Adds a function that gets a peer's id, and returns whether the peer may see the node."""
        if not callable(filter):
            raise wrong_type("add_visibility_filter", "filter", "a function", filter)
        # A coroutine is true: every peer would see the node.
        refuse_async("add_visibility_filter() argument 'filter'", filter)
        if filter not in self._gdpeer_filters:
            self._gdpeer_filters.append(filter)
        self._gdpeer_filters_changed()

    def remove_visibility_filter(self, filter: Filter) -> None:
        """Removes a filter. Has no effect if it was not added."""
        if filter in self._gdpeer_filters:
            self._gdpeer_filters.remove(filter)
        self._gdpeer_filters_changed()

    def _gdpeer_filters_changed(self) -> None:
        if self._gdpeer_replicator is not None:
            self._gdpeer_replicator.filters_changed(self)
        if self.visibility_update_mode != VisibilityUpdateMode.VISIBILITY_PROCESS_NONE:
            self.update_visibility()

    @checked(for_peer=INT)
    def update_visibility(self, for_peer: int = 0) -> None:
        """Asks the filters again; emits `visibility_changed` on the authority.

        Args:
            for_peer: the peer; 0: all peers.
        """
        replicator = self._gdpeer_replicator
        if replicator is not None and self._gdpeer_root is not None and replicator.is_own(self):
            self.visibility_changed.emit(for_peer)
            replicator.visibility_changed(self, for_peer)

    def is_visible_to(self, peer: int) -> bool:
        """Whether a peer may see the node: it is shown to the peer or to all, and every filter agrees."""
        if peer not in self._gdpeer_shown_to and 0 not in self._gdpeer_shown_to:
            return False
        return not self._gdpeer_filters or all(self._gdpeer_ask(one, peer) for one in self._gdpeer_filters)

    def is_open(self) -> bool:
        """Whether all peers see the node, whoever they are."""
        return 0 in self._gdpeer_shown_to and not self._gdpeer_filters

    def has_filters(self) -> bool:
        """Whether `add_visibility_filter` has added a function."""
        return bool(self._gdpeer_filters)

    def _gdpeer_ask(self, filter: Filter, peer: int) -> bool:
        try:
            answer = filter(peer)
        except Exception:
            report(logger, "a visibility filter of %s raised for peer %s", describe(self), peer)
            return False
        if not isinstance(answer, bool):
            log_limited(logger, logging.ERROR, "a visibility filter of %s returned no bool: %r", describe(self), answer)
            return False
        return answer


class Lists:
    """The properties of a synchronizer, by the time when they are sent.

    Attributes:
        spawn: sent with the SPAWN.
        always: sent with SYNC.
        watched: sent with a delta, at most 64.
        indexes: for `Marks`: of each declared attribute its index in `watched`, or ~ its index in `always`.
        declared: the names of declared attributes, also of those that only the SPAWN carries.
        declares: whether the synchronizer is that of a class with `replicated()` attributes.
        is_configured: whether there is a configuration.
        is_declared: whether all properties are declared: an assignment tells of a change.
        is_covered: whether a SPAWN carries all properties of `always`, and all are declared.
        names, spawn_names: the attributes of `always` and of `spawn`, if their values need no preparation to be sent;
            else None.
    """

    __slots__ = (
        "always",
        "declared",
        "declares",
        "indexes",
        "is_configured",
        "is_covered",
        "is_declared",
        "names",
        "spawn",
        "spawn_names",
        "watched",
    )

    def __init__(self, config: SceneReplicationConfig | None, declares: type[Node] | None) -> None:
        declared = {} if declares is None else {one.path: one for one in declared_of(declares)}
        self.spawn: list[Property] = []
        self.always: list[Property] = []
        self.watched: list[Property] = []
        self.indexes: dict[str, int] = {}
        self.declared = [one.name for one in declared.values()]
        self.declares = declares is not None
        self.is_configured = config is not None
        self.is_declared = True
        for entry in [] if config is None else config.entries():
            found: Property = declared.get(entry.path) or Ordinary(entry.path)
            if entry.spawn:
                self.spawn.append(found)
            if entry.mode == ReplicationMode.ALWAYS:
                self._add(found, self.always, ~len(self.always))
            elif entry.mode == ReplicationMode.ON_CHANGE:
                self._add(found, self.watched, len(self.watched))
        if len(self.watched) > MOST_WATCHED:
            log_limited(logger, logging.ERROR, "a configuration has more than %s properties ON_CHANGE", MOST_WATCHED)
            del self.watched[MOST_WATCHED:]
            self.indexes = {name: index for name, index in self.indexes.items() if index < MOST_WATCHED}
        self.is_covered = self.is_declared and set(self.always) <= set(self.spawn)
        self.names = _names_of(self.always)
        self.spawn_names = _names_of(self.spawn)

    def _add(self, found: Property, to: list[Property], index: int) -> None:
        to.append(found)
        if isinstance(found, Replicated):
            self.indexes[found.name] = index
        else:
            self.is_declared = False


def _names_of(properties: list[Property]) -> tuple[str, ...] | None:
    """Returns the attributes of properties, if all their values can be sent without preparation; else None."""
    plain = [one.name for one in properties if isinstance(one, Replicated) and one.packer is None]
    return tuple(plain) if len(plain) == len(properties) else None


def make_synchronizer(node: Node) -> MultiplayerSynchronizer:
    """Makes the synchronizer of a node's `replicated` attributes, and gives them their first values."""
    kind = type(node)
    config = shared_config(kind)
    for one in declared_of(kind):
        node.__dict__[one.name] = one.first_value()
    synchronizer = MultiplayerSynchronizer(kind.synchronizer_name)
    synchronizer._gdpeer_declares = kind
    synchronizer.replication_config = config
    return synchronizer


def furnish(node: Node) -> None:
    """Adds the synchronizer of a node's `replicated` attributes as its first child."""
    if declared_of(type(node)):
        node.add_child(make_synchronizer(node))


Replicated.furnish = staticmethod(furnish)
