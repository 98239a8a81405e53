"""`Replicator`: the part of `SceneMultiplayer` that spawns nodes and synchronises properties.

Nodes report here when they enter and leave the tree; the API reports peers and packets. `Spawns` and `Frames` send,
`Reception` receives.

Layer: `multiplayer`; sends and receives through its host. Source: reference godot4-replication.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from gdpeer.clock import Clock
from gdpeer.errors import Error, PacketError
from gdpeer.multiplayer.replication._declared import MARKS
from gdpeer.multiplayer.replication.frames import Frames
from gdpeer.multiplayer.replication.outgoing import PATH_BASED, Outgoing, encode_values
from gdpeer.multiplayer.replication.reception import Reception
from gdpeer.multiplayer.replication.spawner import MultiplayerSpawner
from gdpeer.multiplayer.replication.spawns import SpawnedNode, Spawns
from gdpeer.multiplayer.replication.synchronizer import MultiplayerSynchronizer, VisibilityUpdateMode
from gdpeer.multiplayer.wire.replication import Delta
from gdpeer.variant.binary.compact import encode_arguments

if TYPE_CHECKING:
    from gdpeer.multiplayer.godot4.paths import PathCache
    from gdpeer.multiplayer.tree import Node
    from gdpeer.multiplayer.wire.godot4 import SimplifyPath
    from gdpeer.packet_session import PacketBlock

__all__ = ["ReplicationHost", "Replicator"]

RATE = 30.0
"""Network frames a second, by default."""
AGAIN_AFTER, AGAIN_MOST = 2.0, 30.0
"""Seconds until a path that a peer has not confirmed is told again; each time twice as long, up to the second."""
SLICE = 0.01
"""Seconds that a poll waits at an unlimited rate while values must be compared."""
SILENCE = 8192
"""SYNC packets after which an unchanged synchronizer is sent all the same. A receiver takes a packet for an old one if
the counter, of 16 bits, has risen by more than 32,767 since the synchronizer was sent last.
"""


class ReplicationHost(Protocol):
    """What replication needs of its API."""

    max_sync_packet_size: int
    max_delta_packet_size: int
    max_spawned_nodes: int

    @property
    def paths(self) -> PathCache:
        """The numbers of paths."""
        raise NotImplementedError

    def transmit(self, peer_ids: Collection[int], data: bytes) -> Error:
        """Sends a packet to each of some peers."""

    def transmit_block(self, peer_id: int, block: PacketBlock) -> int:
        """Sends many packets to one peer, up to the first that finds no room; returns how many were sent."""

    def transmit_whole(self, peer_id: int, block: PacketBlock) -> bool:
        """Sends many packets to one peer at once; False, and nothing was sent, where each must be sent by itself."""

    def waiting(self, peer_id: int) -> int:
        """Returns how many bytes wait to be sent to a peer."""

    def slow_among(self, peer_ids: Collection[int]) -> set[int]:
        """Returns those of some peers to whom bytes wait to be sent."""

    def path_of(self, node: Node) -> str:
        """Returns a node's path, as packets carry it."""

    def find(self, path: str) -> Node | None:
        """Returns the node at a path from a packet."""

    def get_unique_id(self) -> int:
        """Returns this side's id; 0 while it has none."""

    def owns(self, node: Node) -> bool:
        """Whether a node belongs to the API."""

    def check_receivers(self, checks: bool) -> None:
        """Sets whether calls ask, for each peer, whether the peer may see the node."""

    def count_replication(self, sender: int, what: str) -> None:
        """Counts a packet that has no effect here."""

    def refuse_packet(self, sender: int, problem: PacketError) -> None:
        """Logs and counts a packet that was dropped."""

    def node_of(self, peer_id: int, number: int) -> Node | None:
        """Returns the node that a peer means by a number."""

    def told_again(self, peer_id: int, told: SimplifyPath) -> None:
        """Handles a kept SIMPLIFY_PATH, now that there is a node."""

    def call_again(self, peer_id: int, data: bytes) -> None:
        """Handles a call that has waited for its node."""

    def shown(self, peer_id: int, node: Node) -> None:
        """Takes note that a peer was sent a node."""

    def hidden(self, peer_id: int, node: Node) -> None:
        """Takes note that a peer no longer has a node."""

    def renews(self) -> bool:
        """Whether `renew` has to be called."""

    def renew(self, now: float) -> None:
        """Gives values of other clients to peers that have seen a node again, or had no room for the values."""


class Replicator:
    """Keeps the spawners and synchronizers of one API.

    Args:
        host: the API.
        clock: tells the time.
    """

    def __init__(self, host: ReplicationHost, clock: Clock) -> None:
        self._host = host
        self._clock = clock
        self.spawns = Spawns(host, self)
        self.frames = Frames(host, self.spawns.peers)
        self.reception = Reception(host, self)
        self._own_id = 0
        self.members: dict[Node, None] = {}  # all spawners and synchronizers
        self._by_root: dict[Node, list[MultiplayerSynchronizer]] = {}
        self._outs: dict[MultiplayerSynchronizer, Outgoing] = {}  # of those whose authority is this side
        self._loose: dict[Outgoing, None] = {}  # those of nodes that this side has not spawned
        self._filtered: dict[MultiplayerSynchronizer, None] = {}
        self._unconfirmed: dict[tuple[Node, int], list[float]] = {}  # when to tell a path again, and the wait
        self._tell_at = math.inf  # the earliest of these times, or before it
        self._untold: dict[Outgoing, None] = {}  # synchronizers whose path some peer may have to be told
        self._unspawned: dict[SpawnedNode, None] = {}  # nodes whose synchronizer has got its first configuration
        self._held: list[Callable[[], object]] = []  # calls that wait for a SPAWN
        self._pending: list[SpawnedNode] = []
        self._limited: dict[MultiplayerSynchronizer, None] = {}  # not shown to all peers
        self.rate = RATE
        self._next = 0.0
        self._round: Iterator[Outgoing] = iter(())  # those whose silence will be ended
        self._owed = 0

    def is_own(self, node: Node) -> bool:
        """Whether this side is the authority of a node."""
        if self._host.get_unique_id() != self._own_id:
            self.identify()
        return self._own_id != 0 and node.get_multiplayer_authority() == self._own_id

    def now(self) -> float:
        """Returns the time of the API's clock, in seconds."""
        return self._clock.now()

    # ------------------------------------------------------------------------------------------ synchronizers

    def start(self, synchronizer: MultiplayerSynchronizer, root: Node) -> None:
        """Begins with a synchronizer that has entered the tree."""
        if synchronizer in self.members:
            return
        found = self._by_root.setdefault(root, [])
        if synchronizer in found:
            return
        found.append(synchronizer)
        self.members[synchronizer] = None
        self.reception.started(synchronizer, root)
        self.filters_changed(synchronizer)
        self._begin(synchronizer, root)

    def _begin(self, synchronizer: MultiplayerSynchronizer, root: Node) -> None:
        """Begins to send a synchronizer, if this side is its authority."""
        if not self.is_own(synchronizer):
            return
        out = self._outs[synchronizer] = Outgoing(synchronizer, root, self.frames.queue)
        if out.lists.declares:
            root.__dict__[MARKS] = out
        self._forget_outs(root)
        out.spawned = self.spawns.nodes.get(root)
        _put(self._loose, out, out.spawned is None)
        above = self._nearest(root)
        if above is not None and above is not out.spawned:
            above.inner[out] = None
        self._configured(out)
        self._untold[out] = None

    def _forget_outs(self, root: Node) -> None:
        """Makes the entry of a spawned node look up its synchronizers again."""
        found = self.spawns.nodes.get(root)
        if found is not None:
            self.spawns.forget_outs(found)

    def configuration_changed(self, synchronizer: MultiplayerSynchronizer) -> None:
        """Begins to send the properties of a changed configuration."""
        out = self._outs.get(synchronizer)
        if out is not None:
            is_first = not out.lists.is_configured
            out.configure()
            self._configured(out)
            self.spawns.regroup()
            self._untold[out] = None  # in the next frame a missing configuration is logged, and a first one is sent
            if is_first and out.spawned is not None:
                self._unspawned[out.spawned] = None

    def interval_changed(self, synchronizer: MultiplayerSynchronizer) -> None:
        """Makes packets of a synchronizer due again."""
        out = self._outs.get(synchronizer)
        if out is not None:
            out.interval_changed()

    def _configured(self, out: Outgoing) -> None:
        """Notes whether the values of a synchronizer must be compared in each network frame."""
        _put(self.frames.polled, out, out.is_polled())

    def end(self, synchronizer: MultiplayerSynchronizer) -> None:
        """Ends sending a synchronizer. It goes on to receive."""
        if synchronizer not in self._outs:
            return
        out = self._outs.pop(synchronizer)
        self._forget_outs(out.root)
        above = self._nearest(out.root)
        if above is not None:
            above.inner.pop(out, None)
        if out.root.__dict__.get(MARKS) is out:
            del out.root.__dict__[MARKS]
        out.end()
        self._loose.pop(out, None)
        self.frames.polled.pop(out, None)
        self._untold.pop(out, None)
        for key in [key for key in self._unconfirmed if key[0] is synchronizer]:
            del self._unconfirmed[key]

    def stop(self, synchronizer: MultiplayerSynchronizer, root: Node) -> None:
        """Ends with a synchronizer that leaves the tree, or gets another root node."""
        found = self._by_root.get(root, [])
        if synchronizer in found:
            found.remove(synchronizer)
            if not found:
                del self._by_root[root]
        self.members.pop(synchronizer, None)
        self._filtered.pop(synchronizer, None)
        self._limited.pop(synchronizer, None)
        self.end(synchronizer)
        self.reception.stopped(synchronizer)

    def authority_changed(self, synchronizer: MultiplayerSynchronizer) -> None:
        """Begins anew with a synchronizer whose authority has changed."""
        root = synchronizer.get_root_node()
        self.end(synchronizer)
        self.reception.stopped(synchronizer)
        if root is not None:
            self._begin(synchronizer, root)

    def outgoing_of(self, root: Node) -> list[Outgoing]:
        """Returns the synchronizers of a node that this side sends, in the order of the scene."""
        found = self._by_root.get(root)
        if not found:
            return []
        outs = [self._outs[one] for one in found if one in self._outs]
        return outs if len(outs) < 2 else sorted(outs, key=lambda out: _place(out.synchronizer, root))

    # ------------------------------------------------------------------------------------------ visibility

    def filters_changed(self, synchronizer: MultiplayerSynchronizer) -> None:
        """Notes whether a synchronizer has filters."""
        _put(self._filtered, synchronizer, synchronizer.has_filters())
        self._note_limit(synchronizer)

    def _note_limit(self, synchronizer: MultiplayerSynchronizer) -> None:
        self.spawns.regroup()
        _put(self._limited, synchronizer, not synchronizer.is_open())
        self._set_gate()

    def visibility_changed(self, synchronizer: MultiplayerSynchronizer, peer_id: int) -> None:
        """Shows or hides a node for one peer; 0: for all."""
        out = self._outs.get(synchronizer)
        if out is None:
            return
        for one in [peer_id] if peer_id else list(self.spawns.peers):
            if one in self.spawns.peers:
                if out.spawned is not None:
                    self.spawns.update(out.spawned, one)
                self.attune(out, one)
        self._note_limit(synchronizer)

    def _ask_filters(self) -> None:
        for synchronizer in list(self._filtered):
            if synchronizer.visibility_update_mode != VisibilityUpdateMode.VISIBILITY_PROCESS_NONE:
                self.visibility_changed(synchronizer, 0)

    def attune(self, out: Outgoing, peer_id: int) -> None:
        """Begins or ends sending one synchronizer to one peer, by what the peer has and may see."""
        if out.queue is None:
            return
        if not (self.may_have(out.root, peer_id) and out.synchronizer.is_visible_to(peer_id)):
            out.leave(peer_id)
        elif not out.hears(peer_id):
            if peer_id in out.listed:
                out.join(peer_id, True)
            elif out.entry is not None and peer_id in out.entry.confirmed:
                out.join(peer_id, False)
            else:
                self._untold[out] = None

    def _nearest(self, node: Node) -> SpawnedNode | None:
        """Returns the entry of a node, or of the nearest node above, that this side has spawned."""
        nodes = self.spawns.nodes
        found: Node | None = node if nodes else None
        while found is not None:
            entry = nodes.get(found)
            if entry is not None:
                return entry
            found = found.get_parent()
        return None

    def may_have(self, node: Node, peer_id: int) -> bool:
        """Whether a peer has a node, as far as this side decides that."""
        above = self._nearest(node)
        return above is None or peer_id in above.shown

    def may_call(self, node: Node, peer_id: int) -> bool:
        """Whether a peer has a node, and may see it: else the node cannot be called there."""
        if not self.may_have(node, peer_id):
            return False
        outs = self.outgoing_of(node)
        return not outs or any(out.synchronizer.is_visible_to(peer_id) for out in outs)

    def delta_of(self, node: Node | None, authority: int, number: int) -> bytes:
        """Returns a delta with all properties ON_CHANGE, as the authority would send it; empty if there are none.

        Args:
            node: a synchronizer.
            authority: the peer in whose name the delta is sent.
            number: that peer's number for the path of the synchronizer.
        """
        if not isinstance(node, MultiplayerSynchronizer) or node.get_multiplayer_authority() != authority:
            return b""
        root, watched = node.get_root_node(), node.lists().watched
        values = encode_values(watched, root) if root is not None and watched else None
        return Delta(((PATH_BASED | number, (1 << len(watched)) - 1, values),)).encode() if values else b""

    # ------------------------------------------------------------------------------------------ spawned nodes

    def encode_argument(self, data: Any) -> bytes:
        """Returns the argument of `spawn()` as a SPAWN carries it."""
        return encode_arguments([data], typed=True)

    def spawn(self, spawner: MultiplayerSpawner, node: Node, scene: int, argument: bytes | None) -> None:
        """Spawns a node that is entering the tree; it is sent when its branch is complete."""
        spawner.note(node)
        found = self.spawns.add(spawner, node, scene, argument)
        self._pending.append(found)
        if len(self._pending) == 1:
            self._set_gate()
            node.get_tree().when_settled(self._settle)

    def adopt(self, spawner: MultiplayerSpawner, node: Node) -> Error:
        """Spawns a node that is in the tree already.

        Returns:
            OK: the node is spawned.
            ERR_ALREADY_IN_USE: a spawner has spawned the node.
            ERR_INVALID_PARAMETER: the node's scene is not in the spawner's list, or this side is not its authority.
        """
        scene = spawner.find_scene(node.scene_file_path)
        if node in self.spawns.nodes or spawner.has_spawned(node):
            return Error.ERR_ALREADY_IN_USE
        if scene < 0 or not (self._host.owns(node) and self.is_own(spawner)):
            return Error.ERR_INVALID_PARAMETER
        self.spawn(spawner, node, scene, None)
        return Error.OK

    def _settle(self) -> None:
        pending, self._pending = self._pending, []
        for found in pending:
            for out in self.spawns.outs_of(found):
                out.spawned = found
                self._loose.pop(out, None)
            self.spawns.settle(found)
        held, self._held = self._held, []
        self._set_gate()
        for call in held:
            call()

    def was_despawned(self, found: SpawnedNode, peer_id: int) -> None:
        """Ends sending the synchronizers of a node to a peer that no longer has the node."""
        for out in (*self.spawns.outs_of(found), *found.inner):
            out.unlist(peer_id)
            out.leave(peer_id)
            self.untell(out.synchronizer, peer_id)  # the peer has dropped the path, or will drop it
        self._host.hidden(peer_id, found.node)

    def node_renamed(self, node: Node) -> None:
        """Takes note that a node has another name."""
        found = self.spawns.nodes.get(node)
        if found is not None:
            found.forget_packet()

    def node_left(self, node: Node) -> None:
        """Removes a node that has left the tree."""
        if node in self.spawns.nodes:
            self.spawns.remove(node)
        self.reception.node_left(node)

    # ------------------------------------------------------------------------------------------ peers

    def admit(self, peer_id: int) -> None:
        """Adds a peer, and sends it all nodes that it may see."""
        self.identify()
        self.spawns.admit(peer_id)
        for out in list(self._loose):
            self.attune(out, peer_id)
        self._set_gate()

    def identify(self) -> None:
        """Begins anew if this side has another id."""
        own = self._host.get_unique_id()
        if own != self._own_id:
            self._own_id = own
            if own:
                self._drop_foreign(own)
            for root, found in list(self._by_root.items()):
                for one in found:
                    self.end(one)
                    self._begin(one, root)

    def _drop_foreign(self, own: int) -> None:
        """Leaves nodes alone that this side had spawned under another id, as before a client has connected."""
        for node, found in list(self.spawns.nodes.items()):
            if found.spawner.get_multiplayer_authority() != own:
                self.spawns.remove(node)

    def forget_peer(self, peer_id: int) -> None:
        """Forgets a peer that has gone, and removes the nodes that it had spawned here."""
        self.spawns.forget_peer(peer_id)
        self.frames.forget_peer(peer_id)
        for out in self._outs.values():
            out.leave(peer_id)
            out.unlist(peer_id)
        for key in [key for key in self._unconfirmed if key[1] == peer_id]:
            del self._unconfirmed[key]
        self.reception.forget_peer(peer_id)
        self._set_gate()

    def clear(self) -> None:
        """Forgets all peers, at the end of a session."""
        for peer_id in list(self.spawns.peers):
            self.forget_peer(peer_id)
        self.spawns.forget_ids()
        for out in self._outs.values():
            out.net_id, out.entry = 0, None
        self.reception.clear()
        self._held.clear()

    def confirmed(self, peer_id: int, node: Node) -> None:
        """Handles a peer's answer that it knows the path of a node."""
        times = self._unconfirmed.pop((node, peer_id), None)
        if isinstance(node, MultiplayerSpawner):
            if times is not None and times[1] > AGAIN_AFTER:  # the peer has dropped what it did not know the spawner of
                self.spawns.send_again(node, peer_id)
            return
        out = self._outs.get(node) if isinstance(node, MultiplayerSynchronizer) else None
        if out is not None:
            if peer_id in out.by_path:  # the peer has another node at the path, which needs all values
                out.leave(peer_id)
            self.attune(out, peer_id)

    # ------------------------------------------------------------------------------------------ frames

    def time_left(self, most: float) -> float:
        """Returns the seconds until the next network frame with something to send, at most `most`."""
        if self.is_active() and self._has_work():
            # At an unlimited rate values that are compared in each poll must not keep poll from waiting at all.
            wait = SLICE if self.rate == math.inf and not self.frames.queue else 0.0
            return min(most, max(wait, self._next - self._clock.now()))
        if self.spawns.peers and self._unconfirmed:
            return min(most, max(0.0, max(self._next, self._tell_at) - self._clock.now()))
        return most

    def _has_work(self) -> bool:
        return bool(
            self.frames.is_due()
            or self._untold
            or self._filtered
            or self.reception.is_waiting()
            or self.spawns.blocked()
            or self._host.renews()
        )

    def is_active(self) -> bool:
        """Whether there are network frames: peers may get nodes, or what was received waits for its node."""
        return bool(self.spawns.peers) or self.reception.is_waiting()

    def is_due(self) -> bool:
        """Whether a network frame is due."""
        return self.is_active() and self._clock.now() >= self._next

    def frame(self) -> None:
        """Sends what has changed since the last network frame."""
        now, period = self._clock.now(), 1.0 / self.rate
        self._next = self._next + period if self._next + period > now else now + period
        self.identify()
        # Now, as this frame's own packets wait until it ends.
        slow = self._host.slow_among(self.spawns.peers) if self.frames.is_due() else None
        if self._filtered:
            self._ask_filters()
        for peer_id in self.spawns.blocked():
            self.spawns.update_all(peer_id)
        if self._untold:
            self._tell_paths()
        if now >= self._tell_at:
            self._tell_again(now)
        if self.frames.is_due():
            counter = self.frames.counter
            self.frames.send(now, self._host.slow_among(self.spawns.peers) if slow is None else slow)
            if self.frames.counter != counter:
                self._end_silence()
        if self._host.renews():
            self._host.renew(now)
        self.reception.expire(now)

    def _end_silence(self) -> None:
        """Sends all synchronizers again within `SILENCE` packets, a few of them at a time."""
        self._owed += len(self._outs)
        while self._owed >= SILENCE:
            self._owed -= SILENCE
            out = next(self._round, None)
            if out is None:
                self._round = iter(list(self._outs.values()))
                out = next(self._round)
            if out.queue is not None:  # else it has left since
                for peer_id in self.spawns.peers:
                    out.refresh(peer_id)

    def _tell_paths(self) -> None:
        """Tells peers the paths of synchronizers that they know no other number of."""
        unspawned, self._unspawned = self._unspawned, {}
        for found in unspawned:
            for peer_id in self.spawns.peers:
                if self.spawns.nodes.get(found.node) is found:
                    self.spawns.update(found, peer_id)
        untold, self._untold = self._untold, {}
        for out in untold:
            if out.queue is None or not out.is_configured():
                continue
            for peer_id in self.spawns.peers:
                if (
                    peer_id not in out.listed
                    and not out.hears(peer_id)
                    and (out.synchronizer, peer_id) not in self._unconfirmed
                ):
                    self._tell_path(out, peer_id)

    def _tell_path(self, out: Outgoing, peer_id: int) -> None:
        if not (self.may_have(out.root, peer_id) and out.synchronizer.is_visible_to(peer_id)):
            return
        out.entry = self._host.paths.entry(out.synchronizer)
        if not self.spawns.tell(out.synchronizer, peer_id):
            self._untold[out] = None
        elif peer_id in out.entry.confirmed:
            out.join(peer_id, False)
        else:
            self.was_told(out.synchronizer, peer_id)

    def was_told(self, node: Node, peer_id: int) -> None:
        """Takes note that a peer was told the path of a node, to tell the path again until the peer answers."""
        times = self._unconfirmed.setdefault((node, peer_id), [self._clock.now() + AGAIN_AFTER, AGAIN_AFTER])
        self._tell_at = min(self._tell_at, times[0])

    def is_asked(self, node: Node, peer_id: int) -> bool:
        """Whether a peer was told the path of a node, and has not answered yet."""
        return (node, peer_id) in self._unconfirmed

    def untell(self, node: Node, peer_id: int) -> None:
        """Takes back that a peer was told the path of a node, unless the peer has confirmed the path."""
        if self._unconfirmed.pop((node, peer_id), None) is not None:
            self._host.paths.untell(self._host.paths.entry(node), peer_id)

    def _tell_again(self, now: float) -> None:
        for (node, peer_id), times in list(self._unconfirmed.items()):
            if now >= times[0]:
                times[1] = min(2 * times[1], AGAIN_MOST)
                times[0] = now + times[1]
                self._host.paths.untell(self._host.paths.entry(node), peer_id)
                self.spawns.tell(node, peer_id)
        self._tell_at = min((times[0] for times in self._unconfirmed.values()), default=math.inf)

    # ------------------------------------------------------------------------------------------ calls

    def hold_call(self, peer_id: int, path: str, data: bytes) -> bool:
        """Keeps a received call whose node may be about to come; returns False if the node cannot come."""
        return self.reception.hold_call(peer_id, path, data, self._clock.now())

    def _set_gate(self) -> None:
        """Tells the API whether calls must be checked: some peer has not all nodes, or a node is still being added."""
        self._host.check_receivers(bool(self._pending or self.spawns.partial or self._limited))

    def is_pending(self, node: Node) -> bool:
        """Whether a node belongs to a branch that is still being added, so that no peer has its SPAWN yet."""
        above = self._nearest(node) if self._pending else None
        return above is not None and above.is_pending

    def hold(self, call: Callable[[], object]) -> None:
        """Makes a call when the nodes that are being added have been spawned."""
        self._held.append(call)


def _put(group: dict[Any, None], one: object, belongs: bool) -> None:
    if belongs:
        group[one] = None
    else:
        group.pop(one, None)


def _place(node: Node, root: Node) -> tuple[int, ...]:
    """Returns the place of a node in the order of a branch."""
    places: list[int] = []
    at: Node | None = node
    while at is not None and at is not root:
        places.append(at.get_index())
        at = at.get_parent()
    return tuple(reversed(places))
