"""The part that the APIs of both engines share: a peer, a place in the tree, and calls that are checked before they
run.

Invariants:
- The game's code runs only in `poll`, and in a local call.
- A call from another side that is not allowed, or does not fit, never runs. It is logged and counted, and
  `call_refused` is emitted.
- A new connection starts without any state of the former one, even if the game uses the same peer for both without a
  poll between. Differs from the engine, which keeps the peers and the numbers of paths.

Layer: `multiplayer`.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, ClassVar, cast

from gdpeer.arguments import INT, checked, seconds_of
from gdpeer.errors import Error, PacketError
from gdpeer.logs import LogLimit, Own, get_logger
from gdpeer.multiplayer._host import HostBase
from gdpeer.multiplayer.api import MultiplayerAPI, PeerType, RPCMode
from gdpeer.multiplayer.local_peers import OfflineMultiplayerPeer
from gdpeer.multiplayer.peer import ConnectionStatus
from gdpeer.multiplayer.rpc.async_methods import run_result
from gdpeer.multiplayer.rpc.godot3_modes import Godot3Config, Mode, is_allowed
from gdpeer.multiplayer.tree import walk
from gdpeer.multiplayer.wire.godot3 import Command
from gdpeer.multiplayer.wire.parts import Arguments
from gdpeer.refusals import NO_ROOM, Refusals
from gdpeer.signals import Signal
from gdpeer.variant.names import NodePath

if TYPE_CHECKING:
    from gdpeer.multiplayer.rpc.method_table import Method
    from gdpeer.multiplayer.tree import Node, SceneTree

__all__ = ["PeerHost"]

REPLICATION = "replication"
"""The kind under which packets of a MultiplayerSpawner or MultiplayerSynchronizer are counted."""

logger = get_logger("gdpeer.multiplayer")

# Looked up once here, because looking up a member of an enumeration is slow.
_OK = Error.OK
_DISCONNECTED, _CONNECTING, _CONNECTED = map(int, ConnectionStatus)


class PeerHost(HostBase, MultiplayerAPI[PeerType]):
    """The base class of the APIs: it uses a `MultiplayerPeer`.

    Attributes:
        allow_object_decoding: True sends and accepts objects in full, as passive `EncodedObject`s. False sends and
            accepts their ids only. Default: False.
        typed_containers: which arrays and dictionaries are sent as typed ones, which Godot 4.4 and later understand.
            None: those for parameters with annotations as `list[int]` or `dict[str, int]`. True: these, and all that
            carry types (`Array`, `Dictionary`). False: no typed ones. Default: None.
        rpc_rate: the calls per second that one peer may make, and twice as many at once. More calls are refused, and
            counted as "too many calls", without `call_refused`. Calls that a server passes on to others count too. A
            call is refused instead of delayed, because other packets wait behind it. Default: 0.0, no limit.
        refused: how many packets and calls were refused, by kind; `get_refused` returns those of one peer. The first
            ten of each peer are logged, then one line in ten seconds, with the number of lines left out.
        call_refused: signal (peer_id, path, method, reason): a call from another side was refused.
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
        self.call_refused = self._signal("call_refused")
        self.refused: Counter[str] = Counter()
        self._root: NodePath = NodePath("")
        self._unsettled: list[int] = []  # peers that left in this poll; their packets are handled first
        self._use(cast("PeerType", OfflineMultiplayerPeer()))

    # ------------------------------------------------------------------------------------------ the peer

    @property
    def multiplayer_peer(self) -> PeerType | None:
        """The peer that calls and packets go through; None without a network. At first an `OfflineMultiplayerPeer`.

        A new peer makes the API forget everything about the former one, without signals. The former peer stays open.
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
        self._untold: Signal | None = None  # the signal for a former connection of the same peer, not emitted yet
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
        """Whether the network may pass on a client's packet of Godot 3: False for a call over the rate."""
        is_call = command in (Command.REMOTE_CALL, Command.REMOTE_SET)
        return not (self.rpc_rate > 0 and is_call and self._is_flood(sender, "a call for others"))

    def clear(self) -> None:
        """Forgets all state: peers, numbers of paths, and authentications."""
        self.admitted.clear()
        self._forget_caller(0)

    @property
    def refuse_new_connections(self) -> bool:
        """Whether the peer refuses new clients; False without a peer."""
        return self._peer is not None and self._peer.refuse_new_connections

    @refuse_new_connections.setter
    def refuse_new_connections(self, refuses: bool) -> None:
        if self._peer is not None:
            self._peer.refuse_new_connections = refuses

    def get_peers(self) -> list[int]:
        """Returns the ids of the connected peers, without this side's."""
        return list(self.admitted)

    def _targets(self, target: int) -> Collection[int]:
        """Returns the peers that a target means. For 0 this is `admitted` itself, not a copy."""
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
        """Handles a peer that the network has announced."""

    def _peer_went(self, peer_id: int) -> None:
        self._unsettled.append(peer_id)

    @abstractmethod
    def _forget_peer(self, peer_id: int) -> None:
        """Forgets a peer that was disconnected with `force`, without a signal."""

    @abstractmethod
    def _settle_end(self, peer_id: int) -> None:
        """Handles the end of a peer, after all its packets were handled."""

    def poll(self, timeout: float = 0.0) -> Error:
        """Handles everything that has arrived: emits signals and runs calls.

        Args:
            timeout: the most seconds to wait for an event. 0 does not wait.

        Returns:
            `ERR_UNCONFIGURED` without a peer, or if it is not connected; else `OK`.
        """
        if type(timeout) is not float:
            timeout = seconds_of("poll", "timeout", timeout)
        if self._status_fell():
            return Error.ERR_UNCONFIGURED
        peer, packets = self._peer, self._packets
        assert packets is not None  # `_status_fell` has returned True without a session
        packets.poll(timeout)
        if self._packets is packets and packets.source():
            packets.handle(self._take_all)
        while self._unsettled and self._peer is peer:  # their packets have been handled
            self._settle_end(self._unsettled.pop(0))
        return Error.ERR_UNCONFIGURED if self._peer is peer and self._status_fell() else _OK

    def _status_fell(self) -> bool:
        """Whether there is no connection. When a connection has ended, this forgets everything and emits a signal."""
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
        if status == _DISCONNECTED:
            self._forget_connection().emit()
        return status == _DISCONNECTED

    def _begin_anew(self) -> None:
        """Forgets the former connection when the peer begins another; the next poll emits the signal of its end."""
        assert self._peer is not None  # the peer has emitted the signal
        if self._status != _DISCONNECTED:
            self._untold = self._forget_connection()
        self._packets = self._peer.packets()
        self._set_relay_filter(self._may_pass)
        self._status = self._packets.status()
        self._has_begun = self._peer.is_server()

    def _forget_connection(self) -> Signal:
        """Forgets everything about a connection that has ended; returns the signal to emit."""
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
        """Returns this side's id; 0 without a peer, or while it is not connected."""
        return 0 if self._peer is None else self._peer.get_unique_id()

    # ------------------------------------------------------------------------------------------ the tree

    @property
    def root_path(self) -> NodePath:
        """The path that paths in packets are relative to; set by `SceneTree.set_multiplayer`."""
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
        """Forgets all nodes: they belong to another API now."""

    def find(self, path: str) -> Node | None:
        """Returns the node at a path from a packet; None if no node is there, or if it belongs to another API."""
        root = None if self._tree is None else self._tree.get_node_or_null(self._root)
        node = None if root is None else walk(root, path)
        return node if node is not None and self.owns(node) else None

    def path_of(self, node: Node) -> str:
        """Returns a node's path, as packets carry it."""
        root = self._root.names
        names = node._gdpeer_names()
        if names[: len(root)] == root:
            return "/".join(names[len(root) :]) or "."
        shared = 0
        while shared < min(len(root), len(names)) and root[shared] == names[shared]:
            shared += 1
        return "/".join([".."] * (len(root) - shared) + list(names[shared:]))

    # ------------------------------------------------------------------------------------------ what is refused

    @checked(peer_id=INT)
    def get_refused(self, peer_id: int) -> dict[str, int]:
        """Returns how many packets and calls of a connected peer were refused, by kind.

        The counts include those of the peer's connection (`get_stats().refused_packets`). A client counts all packets
        that came through the server as the server's.
        """
        return dict(self._refusals_of(peer_id).by_cause) if peer_id in self.admitted else {}

    def count_refusal(self, sender: int, kind: str) -> LogLimit:
        """Counts a refusal, for the peer and in total; returns the log limit for its log line."""
        self.refused[kind] += 1
        refusals = self._refusals_of(sender)
        refusals.note(kind)
        return refusals.log

    def run_result(self, name: str, result: object) -> None:
        """Runs the coroutine that an async function of the game has returned; see `async_methods`."""
        run_result(self._tree, name, result)

    def log_limit_of(self, peer_id: int) -> LogLimit | None:
        """Returns the log limit for a peer; None for a peer that has gone, as nothing would remove its limit again."""
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
        """Sends as `transmit` does, to the peers of a target, which `peer_ids` lists."""
        return self.transmit(peer_ids, data)

    def assign(self, sender: int, node: Node, name: str, value: Arguments) -> None:
        """Refuses to set a property; `gdpeer.godot3.MultiplayerAPI` overrides this."""
        self.refuse(sender, self.path_of(node), name, "not allowed", "properties cannot be set from elsewhere here")

    def _obstacle(self, sender: int, node: Node, method: Method) -> str:
        """Returns why `sender` may not call a method that is not open to all; "" if it may."""
        config = method.config
        if isinstance(config, Godot3Config):
            return self._mode_obstacle(sender, node, config.mode)
        if config.rpc_mode != RPCMode.AUTHORITY:
            return "the method is disabled"
        authority = node.get_multiplayer_authority()
        return "" if sender == authority else f"only the authority may call it, and that is {authority}"

    def _mode_obstacle(self, sender: int, node: Node, mode: Mode) -> str:
        """Returns why a mode of Godot 3 does not allow the call; "" if it does."""
        master = node.get_multiplayer_authority()
        if is_allowed(mode, master == self.get_unique_id(), master == sender):
            return ""
        return f"mode {mode.name.lower()} does not allow it; the node's master is {master}"

    def refuse(self, sender: int, path: str, method: str, kind: str, reason: str) -> None:
        """Logs and counts a refusal; emits `call_refused` if a method was to be called."""
        log = self.count_refusal(sender, kind)
        log.warning("refused (%s): peer %s, node '%s', %s: %s", kind, sender, path, method or "no method", reason)
        if method:
            self.call_refused.emit(sender, path, method, reason)

    def refuse_packet(self, sender: int, problem: PacketError) -> None:
        """Logs and counts a packet that was dropped."""
        self.count_refusal(sender, problem.kind).warning("dropped a packet of peer %s: %s", sender, str(problem))

    def count_lost(self, source: int, peer_ids: Collection[int]) -> None:
        """Logs and counts a client's packet that a slow client did not get. The sender is not to blame, and stays."""
        self.refused[NO_ROOM] += 1
        if source in self.admitted:
            self._refusals_of(source).count(NO_ROOM)
        text = "a packet of peer %s was lost: one of %s has no room for it"
        self.lost_packets.warning(text, source, list(peer_ids))

    def mismatch(self, peer_id: int, path: str, detail: str) -> None:
        """Logs and counts that the methods of a node differ between the sides. Calls go on."""
        log = self.count_refusal(peer_id, "checksum mismatch")
        log.log(logging.ERROR, "the methods of node '%s' differ from those of peer %s: %s", path, peer_id, Own(detail))

    def count_replication(self, sender: int, what: str) -> None:
        """Counts a packet, or a part of one, of a spawner or synchronizer that has no effect here. These are normal,
        many times per second, so the peer is not disconnected.

        Args:
            sender: the peer.
            what: stands in the line about the first one, as "of a node that is not here". "": no line.
        """
        self.refused[REPLICATION] += 1
        refusals = self._refusals_of(sender)
        if what and not refusals.by_cause[REPLICATION]:
            text = "peer %s sends what a MultiplayerSpawner or MultiplayerSynchronizer says, %s; counted as %r"
            refusals.log.warning(text, sender, what, REPLICATION)
        refusals.count(REPLICATION)
