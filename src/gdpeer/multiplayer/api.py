"""`MultiplayerAPI`: connects the nodes of a branch of the tree with the same nodes on other sides.

Layer: `multiplayer`. Source: reference godot-api section 6.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeAlias, TypeVar
from weakref import ReferenceType, ref

from gdpeer.attributes import Guarded, refuse_names_in_use
from gdpeer.enums import NamedInt
from gdpeer.errors import Error
from gdpeer.logs import LogLimit, describe, get_logger, log_limited
from gdpeer.multiplayer.peer import ConnectionStatus, NetworkedMultiplayerPeer
from gdpeer.signals import Signal

if TYPE_CHECKING:
    from gdpeer.multiplayer.tree import Node, SceneTree

__all__ = ["NOT_CONNECTED", "NO_PEER", "NO_TREE", "MultiplayerAPI", "PeerType", "RPCMode", "not_sent"]

logger = get_logger("gdpeer.multiplayer")

NO_TREE = "the node is not in this tree: add_child() it first"
NO_PEER = "there is no peer: set multiplayer.multiplayer_peer first"
NOT_CONNECTED = "the peer is not connected (yet): wait for connected_to_server"


def not_sent(error: Error, node: Node, name: str, why: str) -> Error:
    """Logs why a call was not sent, as the engine does; returns `error`."""
    log_limited(logger, logging.ERROR, f"rpc: %s of %s was not sent: {why}", name, describe(node))
    return error


class RPCMode(NamedInt):
    """Which peers may call a method remotely."""

    DISABLED = 0
    ANY_PEER = 1
    AUTHORITY = 2


PeerType = TypeVar("PeerType", bound=NetworkedMultiplayerPeer)
"""The type of an API's network."""


class MultiplayerAPI(Guarded, ABC, Generic[PeerType]):
    """The base class of `SceneMultiplayer` (Godot 4) and `gdpeer.godot3.MultiplayerAPI` (Godot 3).

    Attributes:
        peer_connected: signal (peer_id): a peer has come.
        peer_disconnected: signal (peer_id): a peer has gone.
        connected_to_server: signal (): a client has its id, and can call the server.
        connection_failed: signal (): a client could not connect.
        server_disconnected: signal (): a client has lost its connection to the server.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = (
        "connected_to_server",
        "connection_failed",
        "peer_connected",
        "peer_disconnected",
        "server_disconnected",
    )

    RPCMode: TypeAlias = RPCMode
    RPC_MODE_DISABLED = RPCMode.DISABLED
    RPC_MODE_ANY_PEER = RPCMode.ANY_PEER
    RPC_MODE_AUTHORITY = RPCMode.AUTHORITY

    _limit_ref: ReferenceType[Any] | None = None
    _keeps_methods: ClassVar[bool] = True
    """Whether the methods of a node are fixed from its first call on."""
    _default: ClassVar[Callable[[], MultiplayerAPI[Any]]]
    """Makes the API of a `SceneTree` by default. `SceneMultiplayer` sets this, as the tree cannot import it."""

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        refuse_names_in_use(cls)

    def __init__(self) -> None:
        self.peer_connected = self._signal("peer_connected")
        self.peer_disconnected = self._signal("peer_disconnected")
        self.connected_to_server = Signal("connected_to_server")
        self.connection_failed = Signal("connection_failed")
        self.server_disconnected = Signal("server_disconnected")
        self._tree: SceneTree | None = None

    def _signal(self, name: str) -> Signal:
        """Returns a signal whose first argument is a peer's id."""
        if self._limit_ref is None:
            self._limit_ref = ref(self)  # one for all signals
        return Signal(name, self._limit_ref)

    def log_limit_of(self, peer_id: int) -> LogLimit | None:
        """Returns the log limit for handlers that raise because of a peer; None if the peer is not connected."""
        return None

    @property
    @abstractmethod
    def multiplayer_peer(self) -> PeerType | None:
        """The peer that carries the session; None without a network."""

    @multiplayer_peer.setter
    @abstractmethod
    def multiplayer_peer(self, peer: PeerType | None) -> None: ...

    @abstractmethod
    def poll(self, timeout: float = 0.0) -> Error:
        """Handles everything that has arrived: emits signals and runs calls. `SceneTree.poll` calls this.

        Args:
            timeout: the most seconds to wait for an event. 0 does not wait.
        """

    @abstractmethod
    def rpc(self, peer_id: int, node: Node, method: str, arguments: Sequence[Any] = ()) -> Error:
        """Calls `method` of the same node on other sides, as `node.method.rpc_id(peer_id, ...)` does."""

    @abstractmethod
    def get_unique_id(self) -> int:
        """Returns this side's id; 0 without a peer."""

    @abstractmethod
    def get_peers(self) -> list[int]:
        """Returns the ids of the other peers."""

    @abstractmethod
    def get_remote_sender_id(self) -> int:
        """Returns the caller's id within a call, this side's id in a local call, else 0."""

    def has_multiplayer_peer(self) -> bool:
        """Whether there is a peer: a network, or a peer without a network."""
        return self.multiplayer_peer is not None

    def is_server(self) -> bool:
        """Whether there is a peer and its id is 1."""
        peer = self.multiplayer_peer
        return peer is not None and peer.is_server()

    def can_wait(self) -> bool:
        """Whether `poll(timeout)` can wait for an event."""
        peer = self.multiplayer_peer
        return peer is not None and peer.can_wait and peer.get_connection_status() != ConnectionStatus.DISCONNECTED

    def _enter(self, tree: SceneTree | None, root_path: str) -> None:
        """Makes `tree` use this API from `root_path` on; None: the tree no longer uses it."""
        self._tree = tree

    def _node_renamed(self, node: Node) -> None:
        """Takes note that a node of the tree has another name."""

    def _node_left(self, node: Node) -> None:
        """Forgets what this API knows of a node that has left the tree."""
