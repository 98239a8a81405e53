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
from gdpeer.variant.binary.compact import encode_arguments, encode_items

try:
    import cython
except ImportError:
    from gdpeer import _cython as cython

if cython.compiled:
    from cython.cimports.gdpeer.multiplayer.replication._kept import joined, keep_all

if TYPE_CHECKING:
    from gdpeer.multiplayer.godot4.paths import Numbered
    from gdpeer.multiplayer.replication.frames import Bundle
    from gdpeer.multiplayer.replication.spawns import SpawnedNode
    from gdpeer.multiplayer.replication.synchronizer import MultiplayerSynchronizer
    from gdpeer.multiplayer.tree import Node

__all__ = ["PATH_BASED", "Outgoing", "encode_values"]

logger = get_logger("gdpeer.multiplayer")

# C integers once compiled (outgoing.pxd).
_ONE = 1
_EVERYTHING = 2**64 - 1

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
        is_shared: `listed` and `by_net` are the set of all peers, which others use too: call `own` before a change.
        packed: the `version` whose values the last SPAWN has.
        fresh: peers that need all properties ALWAYS, though none may have changed.
        behind: peers that do not get the common deltas: by peer the mask that is due, and the earliest time.
        bundles: those of the peers in `by_net`; None: not looked up.
        payload: the values ALWAYS, encoded; None: not encoded yet.
        has_news: whether `payload` has changed and was not sent yet.
        last: the values ON_CHANGE, encoded, as they were sent last.
        mask: the properties ON_CHANGE that have changed and were not sent yet.
        next_sync, next_delta: the earliest times of the next packets.
        sync_interval, delta_interval: seconds between packets.
    """

    __slots__ = (
        "__weakref__",
        "_all",
        "_always",
        "_greets",
        "_is_polled",
        "_names",
        "_spawn_names",
        "_values",
        "_watched",
        "behind",
        "bundles",
        "by_net",
        "by_path",
        "delta_interval",
        "entry",
        "fresh",
        "has_news",
        "is_shared",
        "last",
        "listed",
        "lists",
        "mask",
        "net_id",
        "next_delta",
        "next_sync",
        "packed",
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
        self._values = root.__dict__
        self.spawned: SpawnedNode | None = None
        self.net_id = 0
        self.listed: set[int] = set()
        self.entry: Numbered | None = None
        self.by_net: set[int] = set()
        self.by_path: set[int] = set()
        self.bundles: list[Bundle] | None = None
        self.fresh: set[int] = set()
        self.behind: dict[int, list[Any]] = {}
        self.is_shared = False
        self.packed = 0
        self.interval_changed()
        self.configure()

    def configure(self) -> None:
        """Reads the configuration, and forgets what was sent."""
        lists = self.lists = self.synchronizer.lists()
        self._always, self._watched, self._names = lists.always, lists.watched, lists.names
        self._spawn_names = lists.spawn_names
        self._all = mask_of(len(lists.watched))
        self._is_polled = not lists.is_declared
        self._greets = bool(lists.watched) or (bool(lists.always) and not lists.is_covered)
        self.indexes = lists.indexes
        self.version += 1
        # The program may have read or assigned these before, and change them in place later.
        values = self._values
        self.touched = {name: None for name in lists.declared if isinstance(values[name], MUTABLE)}
        self.payload: bytes | None = None
        self.unkeep()
        self.last: list[bytes | None] = [None] * len(lists.watched)
        self.has_news = False
        self.mask = 0
        self._note_all()
        self.steady_for = 0
        self.wake()

    def _note_all(self) -> None:
        self.is_dirty = True
        self.dirty = self._all

    def interval_changed(self) -> None:
        """Takes new intervals over, and makes packets due again."""
        self.sync_interval = self.synchronizer.replication_interval
        self.delta_interval = self.synchronizer.delta_interval
        self.next_sync = self.next_delta = 0.0
        self.wake()

    def is_heard(self) -> bool:
        """Whether a peer gets packets."""
        return bool(self.by_net or self.by_path)

    def is_polled(self) -> bool:
        """Whether values must be compared in each network frame."""
        return self._is_polled

    def unkeep(self) -> None:
        """Ends keeping encoded values, until a network frame looks at them again."""
        if cython.compiled:
            self.kept.known = 0

    def end(self) -> None:
        """Ends sending to all peers, for good."""
        self.queue = None
        self.own()
        self.by_net.clear()
        self.by_path.clear()
        self._forget_bundles()

    def is_configured(self) -> bool:
        """Whether the synchronizer has a configuration; logs an error if not, as in the engine."""
        if self.lists.is_configured:
            return True
        text = "'%s' has no replication_config: nothing is sent, and its root node is not spawned"
        log_limited(logger, logging.ERROR, text, self.synchronizer.get_path())
        return False

    # ------------------------------------------------------------------------------------------ what has changed

    def look(self) -> None:
        """Encodes the values that may have changed; sets `payload`, `has_news` and `mask` for those that did."""
        if self.touched:
            self._look_at_touched()
        if self._is_polled:
            self._note_all()
        if self.is_dirty:
            self.look_at_always()
        if self.dirty:
            dirty, self.dirty = self.dirty, 0
            self._look_at_watched(dirty)

    def look_at_always(self) -> None:
        """Looks as `look` does, but only at the properties ALWAYS."""
        self.is_dirty = False
        if not self._always:
            return
        payload = None if self._names is None else self._encode_always(self._names)
        if payload is None:
            payload = encode_values(self._always, self.root)
        if payload is not None and payload is not self.payload and payload != self.payload:
            self.payload = payload
            self.has_news = True

    def _encode_always(self, names: tuple[str, ...]) -> bytes | None:
        """Returns the values ALWAYS, encoded, from what is kept of them if possible; None if one cannot be sent."""
        if cython.compiled:
            payload: bytes | None = joined(cython.address(self.kept), len(names), self.payload)
            if payload is None:
                payload = encode_named(self._values, names)
                keep_all(cython.address(self.kept), self._values, names)
            return payload
        return encode_named(self._values, names)

    def _look_at_watched(self, dirty: int) -> None:
        for index in range(len(self._watched)):
            bit = _ONE << index
            if dirty & bit:
                value = encode_values((self._watched[index],), self.root)
                before = self.last[index]
                if value is not None and value != before and (before is None or not is_same(before, value)):
                    self.last[index] = value
                    self.mask |= bit

    def _look_at_touched(self) -> None:
        """Notes values that the program may have changed in place. A value that only the node holds cannot change any
        more before it is read again.
        """
        self.version += 1
        for name in list(self.touched):
            index = self.indexes.get(name)
            if index is not None:
                self.note(index)
            if not is_held(self._values, name):
                del self.touched[name]

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

    def is_packed(self) -> bool:
        """Whether the last SPAWN has the values of now."""
        return self.version == self.packed and not self._is_polled and not self.touched

    def share(self, everyone: set[int]) -> None:
        """Uses the set of all peers, if all of them get packets by `net_id`."""
        if len(self.listed) == len(everyone) == len(self.by_net):
            self.listed = self.by_net = everyone
            self.is_shared = True
            self._forget_bundles()

    def own(self) -> None:
        """Makes this object's sets its own."""
        if self.is_shared:
            self.is_shared = False
            self._forget_bundles()
            self.listed, self.by_net = set(self.listed), set(self.by_net)

    def unlist(self, peer_id: int) -> None:
        """Takes note that a peer no longer knows `net_id`."""
        if peer_id in self.listed:
            self.own()
            self.listed.discard(peer_id)

    def greet(self, peer_id: int) -> None:
        """Begins to send to a peer that was just sent the SPAWN with `net_id`."""
        if not self.is_shared:
            self.listed.add(peer_id)
            self.join(peer_id, True, spawned=True)
        elif self._greets or self.is_dirty or self.dirty:  # else nothing is to follow the SPAWN
            self.join(peer_id, True, spawned=True)

    def join(self, peer_id: int, by_net: bool, spawned: bool = False) -> None:
        """Begins to send to a peer. The first delta to the peer has all properties ON_CHANGE.

        Args:
            peer_id: the peer.
            by_net: whether the peer knows `net_id`; else it knows the number of the path.
            spawned: whether a SPAWN has just carried the values.
        """
        (self.by_net if by_net else self.by_path).add(peer_id)
        self._forget_bundles()
        if self._all:
            self.behind[peer_id] = [self._all, 0.0]
        # The SPAWN may hold a value between two frames, which the next frame does not see as a change.
        if self._always and not (spawned and self.lists.is_covered and not self.is_dirty and not self.dirty):
            self.fresh.add(peer_id)
        self.wake()

    def refresh(self, peer_id: int) -> None:
        """Sends all properties ALWAYS to a peer again, though none may have changed."""
        if self._always and self.hears(peer_id):
            self.fresh.add(peer_id)
            self.steady_for = 0
            self.wake()

    def leave(self, peer_id: int) -> None:
        """Stops sending to a peer."""
        if peer_id in self.by_net:
            self.own()
            self.by_net.discard(peer_id)
        self.by_path.discard(peer_id)
        self._forget_bundles()
        self.fresh.discard(peer_id)
        self.behind.pop(peer_id, None)

    def _forget_bundles(self) -> None:
        self.bundles = None
        self.steady_for = 0

    def settle(self, peers: int) -> bool:
        """Sets `steady_for` after a frame, if the next one has to look at changed values alone.

        Args:
            peers: how many peers there are.

        Returns:
            Whether the next frame has to look at the synchronizer, even if nothing changes.
        """
        waits = bool(self.touched or self.fresh or self.behind)
        is_steady = not (waits or self.is_shared or self._is_polled or self.bundles is None)
        if is_steady and (self.by_path or len(self.by_net) == peers):
            is_steady = False
        self.steady_for = peers if is_steady else 0
        return waits

    def hears(self, peer_id: int) -> bool:
        """Whether a peer gets packets."""
        return peer_id in self.by_net or peer_id in self.by_path

    def id_for(self, peer_id: int) -> int:
        """Returns the id by which a peer knows the synchronizer."""
        if peer_id in self.by_net:
            return self.net_id
        assert self.entry is not None
        return PATH_BASED | self.entry.number

    def pack(self) -> bytes | None:
        """Returns the values for a SPAWN; None, with an error in the log, if one cannot be read or the configuration is
        missing.
        """
        if not self.is_configured():
            return None
        self.packed = self.version
        state = None if self._spawn_names is None else encode_named(self._values, self._spawn_names)
        if state is None:
            state = encode_values(self.lists.spawn, self.root)
        if state is not None and not self.is_heard() and self.is_packed():
            self._begin_with(state)
        return state

    def _begin_with(self, state: bytes) -> None:
        """Takes the values of a SPAWN for sent: no peer has got others."""
        if self._spawn_names == self._names and not self._watched:
            self.payload, self.is_dirty = state, False
        else:
            self.look()
        self.has_news, self.mask = False, 0


def mask_of(count: int) -> int:
    """Returns the bits 0 to `count` - 1, at most 64."""
    return _EVERYTHING >> (64 - count) if count else 0


def encode_named(values: dict[str, Any], names: tuple[str, ...]) -> bytes | None:
    """Returns the values of attributes, encoded; None if one cannot be sent."""
    try:
        return encode_items(values, names)
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
