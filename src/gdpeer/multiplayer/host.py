"""What the APIs of both engines have in common: a peer, a place in the tree, and calls that are checked before they
reach the game.

Invariants:
- The game's code is called only in `poll`, and in a local call.
- A call from elsewhere that is not allowed, or does not fit, never reaches it; it is logged, counted and told by
  `call_refused`.
- Nothing of one connection is left in the next one, even where the game uses one peer for both without a poll between.
  Differs from the engine, which goes on with the former connection's peers and numbers of paths.

Layer: `multiplayer`.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, ClassVar, cast

from gdpeer.arguments import INT, checked, seconds_of
from gdpeer.errors import Error, PacketError
from gdpeer.logs import LogLimit, Own, get_logger
from gdpeer.multiplayer._host import HostBase
from gdpeer.multiplayer.api import MultiplayerAPI, PeerType, RPCMode
from gdpeer.multiplayer.local_peers import OfflineMultiplayerPeer
from gdpeer.multiplayer.peer import ConnectionStatus
from gdpeer.multiplayer.rpc.godot3_modes import Godot3Config, Mode, is_allowed
from gdpeer.multiplayer.tree import walk
from gdpeer.multiplayer.wire.godot3 import Command
from gdpeer.multiplayer.wire.parts import Arguments
from gdpeer.refusals import Refusals
from gdpeer.signals import Signal
from gdpeer.variant.names import NodePath

if TYPE_CHECKING:
    from gdpeer.multiplayer.rpc.method_table import Method
    from gdpeer.multiplayer.tree import Node, SceneTree

__all__ = ["PeerHost"]

REPLICATION = "replication"
"""What a MultiplayerSpawner or MultiplayerSynchronizer of another side says is counted as."""

logger = get_logger("gdpeer.multiplayer")

# Once, for an enumeration finds its members slowly.
_OK = Error.OK
_DISCONNECTED, _CONNECTING, _CONNECTED = map(int, ConnectionStatus)


class PeerHost(HostBase, MultiplayerAPI[PeerType]):
    """An API over a `MultiplayerPeer`.

    Attributes:
        allow_object_decoding: take and send objects in full, as passive `EncodedObject`s; False: as ids only.
        typed_containers: which arrays and dictionaries are sent as typed ones, which Godot 4.4 and later understand.
            None (the default): where the method is annotated with `list[int]`, `dict[str, int]` and the like. True:
            those, and all that carry types (`Array`, `Dictionary`). False: none.
        rpc_rate: calls a second that one peer may make, twice as many at once; what is over is refused and counted
            under "too many calls", without `call_refused`. What a server passes on to others counts too. A call
            cannot wait: others are behind it. 0.0: any number.
        refused: how many packets and calls were refused, by kind; of one peer: `get_refused`. About each peer ten are
            logged as they come, then one in ten seconds, which tells how many were not.
        call_refused: signal (peer_id, path, method, reason): a call from elsewhere did not reach the game.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = (
        "allow_object_decoding",
        "admitted",
        "call_refused",
        "lost_packets",
        "refused",
        "rpc_rate",
        "typed_containers",
        "was_counted",
    )

    if TYPE_CHECKING:
        _peer: PeerType | None

    def __init__(self) -> None:
        MultiplayerAPI.__init__(self)
        HostBase.__init__(self)
        self.call_refused = Signal("call_refused", self._limit_of)
        self.refused: Counter[str] = Counter()
        self._root: NodePath = NodePath("")
        self._unsettled: deque[int] = deque()  # whose connection ended in this poll; their packets come first
        self._use(cast("PeerType", OfflineMultiplayerPeer()))

    # ------------------------------------------------------------------------------------------ the peer

    @property
    def multiplayer_peer(self) -> PeerType | None:
        """The network; at first an `OfflineMultiplayerPeer`. None: none.

        Setting it forgets everything about the former one, without signals; that one is not closed.
        """
        return self._peer

    @multiplayer_peer.setter
    def multiplayer_peer(self, peer: PeerType | None) -> None:
        if peer is self._peer:
            return
        if peer is not None and not hasattr(peer, "get_connection_status"):
            raise TypeError(f"multiplayer_peer: expected a MultiplayerPeer or None, got {type(peer).__name__}")
        if peer is not None and peer.get_connection_status() == _DISCONNECTED:
            raise ValueError("the peer is neither connected nor connecting: call create_server or create_client first")
        if peer is not None and not peer.is_networked():
            raise ValueError("the peer is not in multiplayer mode: listen or connect with gd_mp_api=True")
        if self._peer is not None:
            self._peer.peer_connected.disconnect(self._peer_has_come)
            self._peer.peer_disconnected.disconnect(self._peer_went)
            self._peer._peer_forgotten.disconnect(self._forget_peer)
            self._peer._connection_began.disconnect(self._begin_anew)
            self._set_relay_filter(None)
            self.clear()
        self._use(peer)

    def _use(self, peer: PeerType | None) -> None:
        self._peer = peer
        self._packets = packets = None if peer is None else peer.packets()
        self._unsettled.clear()
        self._has_begun = False
        self._untold: Signal | None = None  # the end of a connection that another one of the same peer has replaced
        self._status: int = _DISCONNECTED
        if peer is not None and packets is not None:
            peer.peer_connected.connect(self._peer_has_come)
            peer.peer_disconnected.connect(self._peer_went)
            peer._peer_forgotten.connect(self._forget_peer)
            peer._connection_began.connect(self._begin_anew)
            self._set_relay_filter(self._may_pass)
            self._has_begun = peer.is_server()
            self._status = packets.status()

    def _set_relay_filter(self, relay_filter: Callable[[int, int], bool] | None) -> None:
        if self._packets is not None and self.is_server():
            self._packets.set_relay_filter(relay_filter)

    def _may_pass(self, sender: int, command: int) -> bool:
        """Whether the network may pass on a packet of Godot 3 from client to client: not a call over the rate."""
        is_call = command in (Command.REMOTE_CALL, Command.REMOTE_SET)
        return not (self.rpc_rate > 0 and is_call and self._is_flood(sender, "a call for others"))

    def clear(self) -> None:
        """Forget all state: peers, numbers of paths, what is under way."""
        self.admitted.clear()
        self._forget_caller(0)

    @property
    def refuse_new_connections(self) -> bool:
        """Take no more clients; the peer's property of that name."""
        return self._peer is not None and self._peer.refuse_new_connections

    @refuse_new_connections.setter
    def refuse_new_connections(self, refuses: bool) -> None:
        if self._peer is not None:
            self._peer.refuse_new_connections = refuses

    def get_peers(self) -> list[int]:
        """The ids of the others that are there."""
        return list(self.admitted)

    def _targets(self, target: int) -> Collection[int]:
        """Those of the others that a target means; for 0 it is `_admitted` itself, which is not copied."""
        if target == 0:
            return self.admitted
        if target > 0:
            return (target,) if target in self.admitted else ()
        return [one for one in self.admitted if one != -target]

    def _peer_has_come(self, peer_id: int) -> None:
        peer = self._peer
        self._tell_replaced()
        if self._peer is peer:
            self._has_begun = True
            self._peer_came(peer_id)

    @abstractmethod
    def _peer_came(self, peer_id: int) -> None:
        """The network tells of a peer."""

    def _peer_went(self, peer_id: int) -> None:
        self._unsettled.append(peer_id)

    @abstractmethod
    def _forget_peer(self, peer_id: int) -> None:
        """A peer was let go by force: it is gone, and nobody here is told."""

    @abstractmethod
    def _settle_end(self, peer_id: int) -> None:
        """A peer has gone, and what it had sent was handled."""

    def poll(self, timeout: float = 0.0) -> Error:
        """Take what arrived: signals and calls happen here.

        Args:
            timeout: wait at most so many seconds for something to happen.

        Returns:
            `ERR_UNCONFIGURED` without a peer or when it is not connected; else `OK`.
        """
        if type(timeout) is not float:
            timeout = seconds_of("poll", "timeout", timeout)
        if self._status_fell():
            return Error.ERR_UNCONFIGURED
        peer, packets = self._peer, self._packets
        assert packets is not None  # else there is no status
        packets.poll(timeout)
        if self._packets is packets and packets.source():
            packets.handle(self._take_all)
        while self._unsettled and self._peer is peer:  # their packets have been handled, so their end can be told
            self._settle_end(self._unsettled.popleft())
        return Error.ERR_UNCONFIGURED if self._peer is peer and self._status_fell() else _OK

    def _status_fell(self) -> bool:
        """Tells whether there is no connection. At its end forgets everything and emits a signal."""
        if self._untold is not None:
            self._tell_replaced()
        if self._packets is None:
            return True
        status, was = self._packets.status(), self._status
        if status == was:
            return status == _DISCONNECTED
        if status == _CONNECTING and was == _CONNECTED:
            # A `WebSocketClient` with a `reconnection` policy goes from one connection to the next within one poll.
            self._begin_anew()
            self._tell_replaced()
            return self._packets is None
        self._status = status
        if was == _DISCONNECTED:
            self._has_begun = self._has_begun or self.is_server()
        if status == _DISCONNECTED:
            self._forget_connection().emit()
        return status == _DISCONNECTED

    def _begin_anew(self) -> None:
        """The peer has begun another connection; forget the former one, whose end is told in the next poll."""
        assert self._peer is not None  # the peer has emitted the signal
        if self._status != _DISCONNECTED:
            self._untold = self._forget_connection()
        self._packets = self._peer.packets()
        self._set_relay_filter(self._may_pass)
        self._status = self._packets.status()
        self._has_begun = self._peer.is_server()

    def _forget_connection(self) -> Signal:
        """Forget everything about a connection that is over; the signal that tells of its end."""
        had_begun, self._has_begun = self._has_begun, False
        self.clear()
        self._unsettled.clear()
        return self.server_disconnected if had_begun else self.connection_failed

    def _tell_replaced(self) -> None:
        untold, self._untold = self._untold, None
        if untold is not None:
            untold.emit()

    def _is_connected(self) -> bool:
        return self._packets is not None and self._packets.status() == _CONNECTED

    def get_unique_id(self) -> int:
        """This side's id; 0 without a peer, or while it is not connected."""
        return 0 if self._peer is None else self._peer.get_unique_id()

    # ------------------------------------------------------------------------------------------ the tree

    @property
    def root_path(self) -> NodePath:
        """Where paths on the wire count from; set by `SceneTree.set_multiplayer`."""
        return self._root

    @root_path.setter
    def root_path(self, path: str | NodePath) -> None:
        found = NodePath(str(path))
        if found.names and not found.absolute:
            raise ValueError(f"the root path must be absolute or empty, not {str(path)!r}")
        self._root = found

    def _enter(self, tree: SceneTree | None, root_path: str) -> None:
        super()._enter(tree, root_path)
        self.root_path = root_path
        if tree is None:
            self._forget_nodes()

    @abstractmethod
    def _forget_nodes(self) -> None:
        """The nodes that were called are none of this API's any more."""

    def find(self, path: str) -> Node | None:
        """The node at a path of the wire; None where there is none, or where another API counts."""
        root = None if self._tree is None else self._tree.get_node_or_null(self._root)
        node = None if root is None else walk(root, path)
        return node if node is not None and self.owns(node) else None

    def path_of(self, node: Node) -> str:
        """A node's path on the wire."""
        root = self._root.names
        names = node.get_path().names
        if names[: len(root)] == root:
            return "/".join(names[len(root) :]) or "."
        shared = 0
        while shared < min(len(root), len(names)) and root[shared] == names[shared]:
            shared += 1
        return "/".join([".."] * (len(root) - shared) + list(names[shared:]))

    # ------------------------------------------------------------------------------------------ what is refused

    @checked(peer_id=INT)
    def get_refused(self, peer_id: int) -> dict[str, int]:
        """Of one peer that is there: how many of its packets and calls were refused, by kind.

        Those of its connection are among them (`get_stats().refused_packets`); a client counts what came through the
        server as the server's.
        """
        return dict(self._refusals_of(peer_id).by_cause) if peer_id in self.admitted else {}

    def count_refusal(self, sender: int, kind: str) -> LogLimit:
        """Count it, for the peer and in all; where to say so."""
        self.refused[kind] += 1
        refusals = self._refusals_of(sender)
        refusals.note(kind)
        return refusals.log

    def _limit_of(self, peer_id: int) -> LogLimit | None:
        """See `MultiplayerAPI`. Nothing is kept of one that has gone, or nobody would forget it again."""
        is_there = peer_id in self.admitted or peer_id in self._refusals
        return self._refusals_of(peer_id).log if is_there else None

    def _refusals_of(self, sender: int) -> Refusals:
        found = self._refusals.get(sender)
        if found is None:
            found = Refusals(self._clock) if self._peer is None else self._peer.refusals_of(sender)
            self._refusals[sender] = found
        return found

    # ------------------------------------------------------------------------------------------ calls

    def transmit_target(self, target: int, peer_ids: Collection[int], data: bytes) -> Error:
        """Sends as `transmit`, to all peers that a target means: they are `peer_ids`."""
        return self.transmit(peer_ids, data)

    def assign(self, sender: int, node: Node, name: str, value: Arguments) -> None:
        """A property is to be set, which only Godot 3 knows."""
        self.refuse(sender, self.path_of(node), name, "not allowed", "properties cannot be set from elsewhere here")

    def _obstacle(self, sender: int, node: Node, method: Method) -> str:
        """Why `sender` may not call a method that is not open to everybody; "" where it may."""
        config = method.config
        if isinstance(config, Godot3Config):
            return self._mode_obstacle(sender, node, config.mode)
        if config.rpc_mode != RPCMode.AUTHORITY:
            return "the method is disabled"
        authority = node.get_multiplayer_authority()
        return "" if sender == authority else f"only the authority may call it, and that is {authority}"

    def _mode_obstacle(self, sender: int, node: Node, mode: Mode) -> str:
        """Why a mode of Godot 3 does not allow it; "" where it does."""
        master = node.get_multiplayer_authority()
        if is_allowed(mode, master == self.get_unique_id(), master == sender):
            return ""
        return f"mode {mode.name.lower()} does not allow it; the node's master is {master}"

    def refuse(self, sender: int, path: str, method: str, kind: str, reason: str) -> None:
        """Say and count that something from a peer was not done; with a method, that it was not called."""
        log = self.count_refusal(sender, kind)
        log.warning("refused (%s): peer %s, node '%s', %s: %s", kind, sender, path, method or "no method", reason)
        if method:
            self.call_refused.emit(sender, path, method, reason)

    def refuse_packet(self, sender: int, problem: PacketError) -> None:
        """Say and count that a packet was dropped."""
        self.count_refusal(sender, problem.kind).warning("dropped a packet of peer %s: %s", sender, str(problem))

    def mismatch(self, peer_id: int, path: str, detail: str) -> None:
        """Say and count that a node's methods are not the same on both sides; calls go on all the same."""
        log = self.count_refusal(peer_id, "checksum mismatch")
        log.log(logging.ERROR, "the methods of node '%s' differ from those of peer %s: %s", path, peer_id, Own(detail))

    def count_replication(self, sender: int) -> None:
        """An honest client sends these many times a second, and no node here takes them: no reason to end it."""
        self.refused[REPLICATION] += 1
        refusals = self._refusals_of(sender)
        if not refusals.by_cause[REPLICATION]:
            refusals.log.warning(
                "peer %s sends what a MultiplayerSpawner or MultiplayerSynchronizer says; no node here takes it; "
                "counted as %r",
                sender,
                REPLICATION,
            )
        refusals.count(REPLICATION)
