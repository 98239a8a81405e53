"""`Outgoing`: one synchronizer that this side sends: what has changed, and which peers get it.

State is encoded once for all peers that get the same. A value that was not assigned since the last network frame costs
nothing; values that can change without an assignment are encoded and compared.

Layer: `multiplayer`; no I/O. Source: reference godot4-replication sections 4 and 5.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

from gdpeer.errors import VariantError
from gdpeer.logs import Own, get_logger, log_limited
from gdpeer.multiplayer.replication._declared import MUTABLE, Marks
from gdpeer.multiplayer.replication.properties import Missing, Property
from gdpeer.multiplayer.replication.sameness import is_same
from gdpeer.variant.binary.compact import encode_arguments

if TYPE_CHECKING:
    from gdpeer.multiplayer.godot4.paths import Numbered
    from gdpeer.multiplayer.replication.spawns import SpawnedNode
    from gdpeer.multiplayer.replication.synchronizer import MultiplayerSynchronizer
    from gdpeer.multiplayer.tree import Node

__all__ = ["PATH_BASED", "Outgoing", "encode_values"]

logger = get_logger("gdpeer.multiplayer")

PATH_BASED = 0x80000000
"""The bit of a synchronizer's id that says: the other bits are the number of its path."""


class Outgoing(Marks):
    """A synchronizer whose authority is this side.

    Args:
        synchronizer: the node.
        root: the node whose properties are sent.
        queue: the list of objects to look at in the next network frame.

    Attributes:
        spawned: the entry of `root`, if this side has spawned it.
        net_id: the number from the SPAWN; 0: none.
        listed: the peers that know `net_id`.
        entry: the number of the path, once it was told to a peer.
        by_net, by_path: the peers that get packets now, by the kind of number that they know.
        fresh: peers that need all properties ALWAYS, though none may have changed.
        behind: peers that do not get the common deltas: by peer the mask that is due, and the earliest time.
        payload: the values ALWAYS, encoded; None: not encoded yet.
        last: the values ON_CHANGE, encoded, as they were sent last.
        mask: the properties ON_CHANGE that have changed and were not sent yet.
        next_sync, next_delta: the earliest times of the next packets.
        sync_interval, delta_interval: seconds between packets.
    """

    __slots__ = (
        "__weakref__",
        "behind",
        "by_net",
        "by_path",
        "delta_interval",
        "entry",
        "fresh",
        "last",
        "listed",
        "lists",
        "mask",
        "net_id",
        "next_delta",
        "next_sync",
        "payload",
        "root",
        "spawned",
        "sync_interval",
        "synchronizer",
    )

    def __init__(self, synchronizer: MultiplayerSynchronizer, root: Node, queue: list[Any]) -> None:
        super().__init__()
        self.synchronizer = synchronizer
        self.root = root
        self.queue = queue
        self.spawned: SpawnedNode | None = None
        self.net_id = 0
        self.listed: set[int] = set()
        self.entry: Numbered | None = None
        self.by_net: set[int] = set()
        self.by_path: set[int] = set()
        self.fresh: set[int] = set()
        self.behind: dict[int, list[Any]] = {}
        self.interval_changed()
        self.configure()

    def configure(self) -> None:
        """Reads the configuration, and forgets what was sent."""
        self.lists = self.synchronizer.lists()
        self.bits = self.lists.bits
        self.version += 1
        # The program may have read or assigned these before, and change them in place later.
        values = self.root.__dict__
        self.touched = {name: None for name in self.lists.declared if isinstance(values[name], MUTABLE)}
        self.payload: bytes | None = None
        self.last: list[bytes | None] = [None] * len(self.lists.watched)
        self.mask = 0
        self.mark(self.everything())

    def everything(self) -> int:
        """Returns the bits of all properties, as in `dirty`."""
        return (2 << len(self.lists.watched)) - 1

    def interval_changed(self) -> None:
        """Takes new intervals over, and makes packets due again."""
        self.sync_interval = self.synchronizer.replication_interval
        self.delta_interval = self.synchronizer.delta_interval
        self.next_sync = self.next_delta = 0.0
        self.mark(0)

    def is_heard(self) -> bool:
        """Whether a peer gets packets."""
        return bool(self.by_net or self.by_path)

    def is_polled(self) -> bool:
        """Whether values must be compared in each network frame."""
        return not self.lists.is_declared

    def is_configured(self) -> bool:
        """Whether the synchronizer has a configuration; logs an error if not, as in the engine."""
        if self.lists.is_configured:
            return True
        text = "'%s' has no replication_config: nothing is sent, and its root node is not spawned"
        log_limited(logger, logging.ERROR, text, self.synchronizer.get_path())
        return False

    # ------------------------------------------------------------------------------------------ what has changed

    def look(self) -> None:
        """Encodes the values that may have changed; sets `payload` and `mask` for those that did."""
        if self.touched:
            self.dirty |= self._look_at_touched()
        dirty = self.everything() if self.is_polled() else self.dirty
        self.dirty = 0
        lists = self.lists
        if dirty & 1 and lists.always:
            payload = encode_named(self.root, lists.names) if lists.names is not None else None
            if payload is None:
                payload = encode_values(lists.always, self.root)
            if payload is not None and payload != self.payload:
                self.payload = payload
                self.mask |= 1
        if dirty < 2:
            return
        for index, one in enumerate(lists.watched):
            bit = 2 << index
            if dirty & bit:
                value = encode_values((one,), self.root)
                before = self.last[index]
                if value is not None and value != before and (before is None or not is_same(before, value)):
                    self.last[index] = value
                    self.mask |= bit

    def _look_at_touched(self) -> int:
        """Returns the bits of values that the program may have changed in place. A value that only the node holds
        cannot change any more before it is read again.
        """
        bits = 0
        self.version += 1
        for name in list(self.touched):
            bits |= self.bits.get(name, 0)
            if not is_held(self.root.__dict__, name):
                del self.touched[name]
        return bits

    def delta(self, mask: int) -> bytes | None:
        """Returns the values of the properties ON_CHANGE in a mask; None if one could not be read.

        Args:
            mask: bit i stands for property i.
        """
        values = []
        for value in self.last:  # compiled, neither a comprehension nor enumerate() would notice a list that is None
            if mask & 1:
                if value is None:
                    return None
                values.append(value)
            mask >>= 1
        return b"".join(values)

    def join(self, peer_id: int, by_net: bool, spawned: bool = False) -> None:
        """Begins to send to a peer. The first delta to the peer has all properties ON_CHANGE.

        Args:
            peer_id: the peer.
            by_net: whether the peer knows `net_id`; else it knows the number of the path.
            spawned: whether a SPAWN has just carried the values.
        """
        (self.by_net if by_net else self.by_path).add(peer_id)
        if self.lists.watched:
            self.behind[peer_id] = [(1 << len(self.lists.watched)) - 1, 0.0]
        # The SPAWN may hold a value between two frames, which the next frame does not see as a change.
        if self.lists.always and not (spawned and self.lists.is_covered and not self.dirty):
            self.fresh.add(peer_id)
        self.mark(0)

    def refresh(self, peer_id: int) -> None:
        """Sends all properties ALWAYS to a peer again, though none may have changed."""
        if self.lists.always and self.hears(peer_id):
            self.fresh.add(peer_id)
            self.mark(0)

    def leave(self, peer_id: int) -> None:
        """Stops sending to a peer."""
        self.by_net.discard(peer_id)
        self.by_path.discard(peer_id)
        self.fresh.discard(peer_id)
        self.behind.pop(peer_id, None)

    def hears(self, peer_id: int) -> bool:
        """Whether a peer gets packets."""
        return peer_id in self.by_net or peer_id in self.by_path

    def id_for(self, peer_id: int) -> int:
        """Returns the id by which a peer knows the synchronizer."""
        if peer_id in self.by_net:
            return self.net_id
        assert self.entry is not None
        return PATH_BASED | self.entry.number

    def spawn_state(self) -> bytes | None:
        """Returns the values for a SPAWN; None, with an error in the log, if one cannot be read or the configuration is
        missing.
        """
        return encode_values(self.lists.spawn, self.root) if self.is_configured() else None


def encode_named(root: Node, names: tuple[str, ...]) -> bytes | None:
    """Returns the values of attributes of a node, encoded; None if one cannot be sent."""
    values = root.__dict__
    try:
        return encode_arguments([values[name] for name in names], 4, True, False)
    except VariantError:
        return None


def encode_values(properties: list[Property] | tuple[Property, ...], root: Node) -> bytes | None:
    """Returns the values of properties, encoded; None, with an error in the log, if one cannot be read or sent."""
    try:
        return encode_arguments([one.read(root) for one in properties], 4, True, False)
    except Missing as problem:
        what: object = problem
    except VariantError:
        what = _unsendable(properties, root)
    log_limited(logger, logging.ERROR, "'%s' is not sent: %s", root.get_path(), Own(str(what)))
    return None


def _unsendable(properties: list[Property] | tuple[Property, ...], root: Node) -> str:
    for one in properties:
        try:
            encode_arguments([one.read(root)], 4, True, False)
        except VariantError as problem:
            return f"the value of {one.path}: {problem}"
    return "a value"


def is_held(values: dict[str, Any], name: str) -> bool:
    """Whether something besides a node may refer to the value of one of its attributes, or to a part of the value."""
    value = values[name]
    return _count(value) > _ALONE or _has_held_part(value, 0)


def _has_held_part(value: Any, depth: int) -> bool:
    if depth > 16:
        return True
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in parts:
        if isinstance(part, MUTABLE) and (_count(part) > _ALONE or _has_held_part(part, depth + 1)):
            return True
    return False


def _count(value: Any) -> int:
    return sys.getrefcount(value) if hasattr(sys, "getrefcount") else 1 << 30


def _measure() -> int:
    """Returns the count of a value that only a container and the functions above refer to."""
    values: dict[str, Any] = {"one": []}
    value = values["one"]
    return _count(value)


_ALONE = _measure()
