"""Godot 3's `MultiplayerAPI`, `Node` and `SceneTree`; public as `gdpeer.godot3`.

    tree = godot3.SceneTree()
    server = WebSocketServer()
    server.listen(8910, gd_mp_api=True)
    tree.multiplayer.network_peer = server

Differs from the engine: a connected client that loses the server emits `server_disconnected`. The engine emits
`connection_failed` over WebSocket. Packets that arrived before the end of a connection are handled before the end is
announced.

Layer: `multiplayer`. Source: reference godot3-wire section 3, godot-api section 10.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar, cast

from gdpeer.arguments import INT, STR, check_id, checked, to_bytes, wrong_type
from gdpeer.errors import Error, PacketError
from gdpeer.logs import describe, get_logger, log_limited, report
from gdpeer.multiplayer.api import NO_PEER, NO_TREE, NOT_CONNECTED, not_sent
from gdpeer.multiplayer.godot3.calls import Godot3Calls
from gdpeer.multiplayer.host import PeerHost
from gdpeer.multiplayer.peer import TARGET_PEER_SERVER, NetworkedMultiplayerPeer, TransferMode
from gdpeer.multiplayer.rpc.decorator import RpcConfig
from gdpeer.multiplayer.rpc.godot3_modes import Godot3Config, Mode, calls_here, mode_of, var_mode
from gdpeer.multiplayer.rpc.method_table import Method, methods_of
from gdpeer.multiplayer.tree import Node as TreeNode
from gdpeer.multiplayer.tree import SceneTree as TreeSceneTree
from gdpeer.multiplayer.wire.godot3 import Command, Raw, parse
from gdpeer.multiplayer.wire.parts import Arguments, values_of
from gdpeer.packet_session import PacketSession
from gdpeer.signals import Signal

__all__ = ["MultiplayerAPI", "Node", "SceneTree"]

logger = get_logger("gdpeer.multiplayer")


class Node(TreeNode):
    """A `gdpeer.Node` with the names of Godot 3."""

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
        self._gdpeer_own_vars: dict[str, Mode] = {}

    @property
    def multiplayer(self) -> MultiplayerAPI:  # type: ignore[override]
        """The API of this branch of the tree.

        Raises:
            ValueError: the node is not in a tree.
        """
        return cast("MultiplayerAPI", super().multiplayer)

    def rset(self, name: str, value: Any) -> Error:
        """Sets a property of this node on every other side, and here if its mode says so; see `rset_id`."""
        return self.rset_id(0, name, value)

    def rset_id(self, peer_id: int, name: str, value: Any) -> Error:
        """Sets a property of this node on other sides.

        Args:
            peer_id: positive: this peer; 0: all peers; negative: all but that peer.
            name: the property's name.
            value: an engine value that Godot 3 has.

        Returns:
            The codes of `rpc_id`.

        Raises:
            VariantError: the value cannot be sent. Nothing was changed.
        """
        _check(self, peer_id, "rset_id", "name", name)
        if self._gdpeer_tree is None:
            return not_sent(Error.ERR_INVALID_PARAMETER, self, name, NO_TREE)
        return self.multiplayer.rset(peer_id, self, name, value)

    rpc_unreliable = TreeNode.rpc
    """The same as `rpc`: over WebSocket every call is reliable."""
    rpc_unreliable_id = TreeNode.rpc_id
    """The same as `rpc_id`."""
    rset_unreliable = rset
    """The same as `rset`."""
    rset_unreliable_id = rset_id
    """The same as `rset_id`."""

    def rpc_config(self, method: str, config: RpcConfig | Mapping[str, Any] | Mode | None) -> None:
        """Lets other sides call a method, on this node only; see `gdpeer.Node.rpc_config`.

        Args:
            method: the method's name.
            config: a mode of Godot 3, which replaces that of the class, or an argument of `gdpeer.Node.rpc_config`.
                DISABLED or None restores the mode of the class.
        """
        if not isinstance(config, int | RpcConfig | Mapping | None):
            raise wrong_type("rpc_config", "config", "a Mode, an RpcConfig, a dictionary or None", config)
        if isinstance(config, int):
            config = Godot3Config.of_mode(Mode(config)) if config else None
        super().rpc_config(method, config)

    @checked(name=STR, mode=INT)
    def rset_config(self, name: str, mode: Mode) -> None:
        """Lets other sides set a property, on this node only.

        Args:
            name: the property's name.
            mode: which peers may set the property. DISABLED restores the mode of the class.

        Raises:
            ValueError: the node has no such property.
        """
        if not mode:
            self._gdpeer_own_vars.pop(name, None)
        elif hasattr(self, name):
            self._gdpeer_own_vars[name] = Mode(mode)
        else:
            raise ValueError(f"{self!r} has no property {name!r}")

    set_network_master = TreeNode.set_multiplayer_authority
    """Godot 3's name of the method `set_multiplayer_authority`."""
    get_network_master = TreeNode.get_multiplayer_authority
    """Godot 3's name of the method `get_multiplayer_authority`."""
    is_network_master = TreeNode.is_multiplayer_authority
    """Godot 3's name of the method `is_multiplayer_authority`."""


class SceneTree(TreeSceneTree):
    """A `gdpeer.SceneTree` with the API of Godot 3.

    Args:
        multiplayer: the API. None makes a new one.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, multiplayer: MultiplayerAPI | None = None) -> None:
        super().__init__(MultiplayerAPI() if multiplayer is None else multiplayer)

    @property
    def multiplayer(self) -> MultiplayerAPI:  # type: ignore[override]
        """The API of the whole tree."""
        return cast("MultiplayerAPI", super().multiplayer)


class MultiplayerAPI(PeerHost[NetworkedMultiplayerPeer]):
    """Calls methods, sets properties and sends packets over a network, as in Godot 3.

    Attributes:
        network_peer_connected: signal (peer_id): a peer has come.
        network_peer_disconnected: signal (peer_id): a peer has gone.
        network_peer_packet: signal (peer_id, data): a packet from another side's `send_bytes` has arrived.
    """

    _keeps_methods = False  # calls carry names instead of numbers, so methods may change

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = (
        "network_peer_connected",
        "network_peer_disconnected",
        "network_peer_packet",
    )

    def __init__(self) -> None:
        self._calls = Godot3Calls(self)
        super().__init__()
        self.network_peer_connected = self.peer_connected
        self.network_peer_disconnected = self.peer_disconnected
        self.network_peer_packet = Signal("network_peer_packet", self.log_limit_of)

    @property
    def network_peer(self) -> NetworkedMultiplayerPeer | None:
        """Godot 3's name of `multiplayer_peer`."""
        return self.multiplayer_peer

    @network_peer.setter
    def network_peer(self, peer: NetworkedMultiplayerPeer | None) -> None:
        self.multiplayer_peer = peer

    @property
    def refuse_new_network_connections(self) -> bool:
        """Godot 3's name of `refuse_new_connections`."""
        return self.refuse_new_connections

    @refuse_new_network_connections.setter
    def refuse_new_network_connections(self, refuses: bool) -> None:
        self.refuse_new_connections = refuses

    def clear(self) -> None:
        """Forgets all state: the peers and the numbers of paths."""
        super().clear()
        self._calls.clear()

    get_network_connected_peers = PeerHost.get_peers
    """Godot 3's name of the method `get_peers`."""
    get_network_unique_id = PeerHost.get_unique_id
    """Godot 3's name of the method `get_unique_id`."""
    get_rpc_sender_id = PeerHost.get_remote_sender_id
    """Godot 3's name of the method `get_remote_sender_id`."""
    has_network_peer = PeerHost.has_multiplayer_peer
    """Godot 3's name of the method `has_multiplayer_peer`."""
    is_network_server = PeerHost.is_server
    """Godot 3's name of the method `is_server`, on the API."""

    # ------------------------------------------------------------------------------------------ coming and going

    def _peer_came(self, peer_id: int) -> None:
        self.admitted[peer_id] = None
        self.peer_connected.emit(peer_id)
        if peer_id == TARGET_PEER_SERVER:
            self.connected_to_server.emit()

    def _settle_end(self, peer_id: int) -> None:
        if peer_id in self.admitted:
            self._forget_peer(peer_id)
            self.peer_disconnected.emit(peer_id)

    def _forget_peer(self, peer_id: int) -> None:
        self.admitted.pop(peer_id, None)
        self._forget_caller(peer_id)
        self._calls.forget_peer(peer_id)

    def _take_next(self, packets: PacketSession, sender: int) -> None:
        self.was_counted = self.rpc_rate > 0 and packets.was_relayed()
        data = packets.take()
        try:
            if data is not None:
                self._receive(sender, data)
        finally:
            self.was_counted = False

    def _receive(self, sender: int, data: bytes) -> None:
        try:
            if sender not in self.admitted:
                raise PacketError("the peer is not there", kind="not admitted")
            packet = parse(data, objects=self.allow_object_decoding, lazy=True)
            if isinstance(packet, Raw):
                self.network_peer_packet.emit(sender, packet.data)
            else:
                self._calls.receive(sender, packet)
        except PacketError as problem:
            self.refuse_packet(sender, problem)

    # ------------------------------------------------------------------------------------------ sending

    def transmit(self, peer_ids: Collection[int], data: bytes) -> Error:
        """Sends as `HostBase.transmit` says; the server's transport passes a client's packet on."""
        error = self.put(peer_ids, data)
        if error is not Error.OK:
            self.lost_packets.warning("a packet could not be sent to each of %s: %s", list(peer_ids), error.name)
        return error

    def transmit_target(self, target: int, peer_ids: Collection[int], data: bytes) -> Error:
        """Sends one packet to a target; the transport sends a copy to each peer. See `PeerHost.transmit_target`."""
        assert self._peer is not None
        self._peer.set_target_peer(target)
        error = self._peer.put_packet(data)
        if error is not Error.OK:
            self.lost_packets.warning("a packet could not be sent to target %s: %s", target, error.name)
        return error

    def send_bytes(self, data: bytes, peer_id: int = 0, mode: TransferMode = TransferMode.RELIABLE) -> Error:
        """Sends a packet of the game's own. The receivers emit `network_peer_packet`.

        Args:
            data: at least 1 byte.
            peer_id: 0: all peers; positive: this peer; negative: all but that peer.
            mode: has no effect over WebSocket.

        Returns:
            `ERR_INVALID_DATA` for empty data, `ERR_UNCONFIGURED` if this side is not connected, or the code of the
            peer's `put_packet`.
        """
        if type(data) is not bytes:
            data = to_bytes("send_bytes", "data", data)
        if type(peer_id) is not int:
            check_id("send_bytes", peer_id)
        if not len(data):
            return Error.ERR_INVALID_DATA
        if self._peer is None or not self._is_connected():
            return Error.ERR_UNCONFIGURED
        self._peer.set_target_peer(peer_id)
        return self._peer.put_packet(Raw(bytes(data)).encode())

    # ------------------------------------------------------------------------------------------ calls and sets

    def _obstacle(self, sender: int, node: TreeNode, method: Method) -> str:
        return self._mode_obstacle(sender, node, mode_of(method.config))

    def rpc(self, peer_id: int, node: TreeNode, method: str, arguments: Sequence[Any] = ()) -> Error:
        """Calls a method of the same node on other sides; returns and raises as `Node.rpc_id`."""
        _check(node, peer_id, "rpc", "method", method)
        error = self._not_ready(node, method)
        if error is not Error.OK:
            return error
        entry = methods_of(node).own_first.get(method)
        mode = Mode.DISABLED if entry is None else mode_of(entry.config)
        here, goes_out, own = self._plan(peer_id, node, mode)
        targets = self._reached(peer_id) if goes_out else ()
        # Encode even if nothing is sent, to raise for a mistake.
        body = self._calls.encode(Command.REMOTE_CALL, method, arguments)
        sent = self._calls.send(Command.REMOTE_CALL, node, body, targets, peer_id) if targets else Error.OK
        if here and entry is not None:
            return sent if self._invoke(own, node, entry, arguments) else Error.FAILED
        return sent or self._result(peer_id, own, method)

    def rset(self, peer_id: int, node: Node, name: str, value: Any) -> Error:
        """Sets a property of the same node on other sides; returns and raises as `Node.rset_id`."""
        _check(node, peer_id, "rset", "name", name)
        error = self._not_ready(node, name)
        if error is not Error.OK:
            return error
        here, goes_out, own = self._plan(peer_id, node, _property_mode(node, name))
        body = self._calls.encode(Command.REMOTE_SET, name, (value,)) if goes_out else b""
        if here and not self._set(own, node, name, value):
            return Error.FAILED
        targets = self._reached(peer_id) if goes_out else ()
        sent = self._calls.send(Command.REMOTE_SET, node, body, targets, peer_id) if targets else Error.OK
        return sent if here else sent or self._result(peer_id, own, name)

    def _reached(self, peer_id: int) -> Collection[int]:
        targets = self._targets(peer_id)
        if not targets and peer_id > 0:
            log_limited(logger, logging.ERROR, "there is no peer %s to be called or set", peer_id)
        return targets

    def _not_ready(self, node: TreeNode, name: str) -> Error:
        if self._peer is None:
            return not_sent(Error.ERR_UNCONFIGURED, node, name, NO_PEER)
        if not node.is_inside_tree() or node.get_tree() is not self._tree:
            return not_sent(Error.ERR_INVALID_PARAMETER, node, name, NO_TREE)
        if not self._is_connected():
            return not_sent(Error.ERR_CONNECTION_ERROR, node, name, NOT_CONNECTED)
        return Error.OK

    def _plan(self, peer_id: int, node: TreeNode, mode: Mode) -> tuple[bool, bool, int]:
        """Returns whether a call takes effect here, whether it is sent, and this side's id."""
        own = self.get_unique_id()
        if peer_id not in (0, own) and not (peer_id < 0 and peer_id != -own):
            return False, True, own
        here, goes_out = calls_here(mode, node.get_multiplayer_authority() == own)
        return here, goes_out and peer_id != own, own

    def _result(self, peer_id: int, own: int, name: str) -> Error:
        if peer_id != own:
            return Error.OK
        log_limited(logger, logging.ERROR, "%s cannot be called or set at oneself: its mode does not allow it", name)
        return Error.ERR_INVALID_PARAMETER

    def assign(self, sender: int, node: TreeNode, name: str, value: Arguments) -> None:
        """Checks a received set, and sets the property if the sender may. A set counts as a call."""
        if self._is_over(sender, name):
            return
        obstacle = self._mode_obstacle(sender, node, _property_mode(node, name))
        if obstacle:
            self.refuse(sender, self.path_of(node), name, "not allowed", obstacle)
        else:
            self._set(sender, node, name, values_of(value)[0])

    def _set(self, sender: int, node: TreeNode, name: str, value: Any) -> bool:
        before, self._sender = self._sender, sender
        try:
            setattr(node, name, value)
        except Exception:
            limit = self.log_limit_of(sender)
            report(logger, "setting %s of %s raised, set by peer %s", name, describe(node), sender, limit=limit)
            return False
        finally:
            self._sender = before
        return True

    def _node_left(self, node: TreeNode) -> None:
        self._calls.forget_node(node)

    def _forget_nodes(self) -> None:
        self._calls.forget_nodes()


def _property_mode(node: TreeNode, name: str) -> Mode:
    own = node._gdpeer_own_vars if isinstance(node, Node) else {}
    return own[name] if name in own else var_mode(node, name)


def _check(node: object, peer_id: object, call: str, name: str, value: object) -> None:
    """Raises TypeError if an argument of a call has a wrong type."""
    if not isinstance(node, TreeNode):
        raise wrong_type(call, "node", "a Node", node)
    if type(peer_id) is not int:
        check_id(call, peer_id)
    if not isinstance(value, str):
        raise wrong_type(call, name, "a string", value)
