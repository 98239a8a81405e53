"""`SceneReplicationConfig`: the properties that a MultiplayerSynchronizer sends, and when.

Layer: `multiplayer`. Source: reference godot4-replication section 10.
"""

from __future__ import annotations

import logging
from typing import Any, ClassVar, Protocol, TypeAlias
from weakref import WeakSet

from gdpeer.arguments import BOOL, INT, a, checked
from gdpeer.attributes import Guarded
from gdpeer.enums import NamedInt
from gdpeer.logs import get_logger, log_limited
from gdpeer.variant.names import NodePath

__all__ = ["ConfigUser", "Entry", "ReplicationMode", "SceneReplicationConfig"]

logger = get_logger("gdpeer.multiplayer")

_PATH = a("a string or a NodePath", str, NodePath)


class ReplicationMode(NamedInt):
    """When a property is sent, besides with the node's SPAWN.

    `NEVER`: not at all. `ALWAYS`: in each network frame in which a property of this mode has changed. `ON_CHANGE`: in
    each network frame in which the property itself has changed; a slow receiver does not miss its last value.
    """

    NEVER = 0
    ALWAYS = 1
    ON_CHANGE = 2


class Entry:
    """One property of a configuration.

    Attributes:
        path: relative to the root node, as `.:position`.
        spawn: whether the value is sent with the node's SPAWN.
        mode: when the value is sent later.
    """

    __slots__ = ("mode", "path", "spawn")

    def __init__(self, path: str) -> None:
        self.path = path
        self.spawn = True
        self.mode = ReplicationMode.ALWAYS


class ConfigUser(Protocol):
    """An object that uses a configuration."""

    def configuration_changed(self) -> None:
        """Takes note of a change."""


class SceneReplicationConfig(Guarded):
    """A list of properties, in the order in which their values are sent. Both sides need the same list.

    A path is relative to the root node of the synchronizer, as `.:position` or `Turret:rotation`. One configuration may
    serve many synchronizers; a change counts at once for all of them, on this side only.

    A mistake, such as a path that is not in the list, changes nothing and is logged, as in the engine.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ("derived", "users")

    ReplicationMode: TypeAlias = ReplicationMode
    REPLICATION_MODE_NEVER = ReplicationMode.NEVER
    REPLICATION_MODE_ALWAYS = ReplicationMode.ALWAYS
    REPLICATION_MODE_ON_CHANGE = ReplicationMode.ON_CHANGE

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self.users: WeakSet[ConfigUser] = WeakSet()  # are told of each change
        self.derived: dict[object, Any] = {}  # for the users: what they have made of the properties, until these change

    @checked(path=_PATH, index=INT)
    def add_property(self, path: str | NodePath, index: int = -1) -> None:
        """Adds a property, with spawn on and the mode ALWAYS.

        Args:
            path: not in the list yet.
            index: the place in the list; -1: the end.
        """
        text = str(path)
        if not text or self._find(text) is not None or not -1 <= index <= len(self._entries):
            log_limited(
                logger, logging.ERROR, "add_property: the path %r is empty or taken, or %s is no index", text, index
            )
            return
        self._entries.insert(len(self._entries) if index < 0 else index, Entry(text))
        self._changed()

    @checked(path=_PATH)
    def remove_property(self, path: str | NodePath) -> None:
        """Removes a property. Has no effect if the path is not in the list."""
        entry = self._find(str(path))
        if entry is not None:
            self._entries.remove(entry)
            self._changed()

    @checked(path=_PATH)
    def has_property(self, path: str | NodePath) -> bool:
        """Whether a property is in the list."""
        return self._find(str(path)) is not None

    def get_properties(self) -> list[NodePath]:
        """Returns the paths of all properties, in order."""
        return [NodePath(entry.path) for entry in self._entries]

    @checked(path=_PATH)
    def property_get_index(self, path: str | NodePath) -> int:
        """Returns a property's place in the list; -1 if it is not in the list."""
        entry = self._known(path)
        return -1 if entry is None else self._entries.index(entry)

    @checked(path=_PATH)
    def property_get_spawn(self, path: str | NodePath) -> bool:
        """Whether a property is sent with the node's SPAWN."""
        entry = self._known(path)
        return entry is not None and entry.spawn

    @checked(path=_PATH, enabled=BOOL)
    def property_set_spawn(self, path: str | NodePath, enabled: bool) -> None:
        """Sets whether a property is sent with the node's SPAWN."""
        entry = self._known(path)
        if entry is not None:
            entry.spawn = enabled
            self._changed()

    @checked(path=_PATH)
    def property_get_replication_mode(self, path: str | NodePath) -> ReplicationMode:
        """Returns when a property is sent; NEVER if it is not in the list."""
        entry = self._known(path)
        return ReplicationMode.NEVER if entry is None else entry.mode

    @checked(path=_PATH, mode=INT)
    def property_set_replication_mode(self, path: str | NodePath, mode: ReplicationMode | int) -> None:
        """Sets when a property is sent.

        Raises:
            ValueError: `mode` is not a `ReplicationMode`.
        """
        mode = ReplicationMode(mode)
        entry = self._known(path)
        if entry is not None:
            entry.mode = mode
            self._changed()

    def property_get_sync(self, path: str | NodePath) -> bool:
        """Whether the mode is ALWAYS. Deprecated: use `property_get_replication_mode`."""
        return self.property_get_replication_mode(path) == ReplicationMode.ALWAYS

    def property_set_sync(self, path: str | NodePath, enabled: bool) -> None:
        """Sets the mode ALWAYS, or NEVER if it was ALWAYS. Deprecated: use `property_set_replication_mode`."""
        self._switch(path, ReplicationMode.ALWAYS, enabled)

    def property_get_watch(self, path: str | NodePath) -> bool:
        """Whether the mode is ON_CHANGE. Deprecated: use `property_get_replication_mode`."""
        return self.property_get_replication_mode(path) == ReplicationMode.ON_CHANGE

    def property_set_watch(self, path: str | NodePath, enabled: bool) -> None:
        """Sets the mode ON_CHANGE, or NEVER if it was ON_CHANGE. Deprecated: use `property_set_replication_mode`."""
        self._switch(path, ReplicationMode.ON_CHANGE, enabled)

    def entries(self) -> list[Entry]:
        """Returns the properties, each with `path`, `spawn` and `mode`. Do not change them."""
        return self._entries

    def _changed(self) -> None:
        self.derived.clear()
        for user in list(self.users):
            user.configuration_changed()

    def _switch(self, path: str | NodePath, mode: ReplicationMode, enabled: bool) -> None:
        if enabled:
            self.property_set_replication_mode(path, mode)
        elif self.property_get_replication_mode(path) == mode:
            self.property_set_replication_mode(path, ReplicationMode.NEVER)

    def _find(self, path: str) -> Entry | None:
        return next((entry for entry in self._entries if entry.path == path), None)

    def _known(self, path: str | NodePath) -> Entry | None:
        entry = self._find(str(path))
        if entry is None:
            log_limited(logger, logging.ERROR, "SceneReplicationConfig: there is no property %r", str(path))
        return entry

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{entry.path} {entry.mode.name}{'' if entry.spawn else ', not in SPAWN'}" for entry in self._entries
        )
        return f"<SceneReplicationConfig: {shown or 'no properties'}>"
