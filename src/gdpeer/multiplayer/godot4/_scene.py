"""`SceneBase`: the part of `SceneMultiplayer` that every packet and every call passes.

Layer: `multiplayer`; compiled (types in `_scene.pxd`). Source: reference godot4-wire sections C and D.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from gdpeer.arguments import check_id, wrong_type
from gdpeer.errors import Error, PacketError
from gdpeer.logs import describe, get_logger, log_limited
from gdpeer.multiplayer._host import HostBase
from gdpeer.multiplayer.api import NO_PEER, NO_TREE, NOT_CONNECTED, not_sent
from gdpeer.multiplayer.godot4.calls import Godot4Calls
from gdpeer.multiplayer.peer import TARGET_PEER_SERVER
from gdpeer.multiplayer.rpc.method_table import methods_of
from gdpeer.multiplayer.wire.godot4 import encode_call_body, is_call, parse, relay_packet

if TYPE_CHECKING:
    from gdpeer.multiplayer.godot4.authentication import Authentication
    from gdpeer.multiplayer.godot4.godot3_guests import Godot3Guests
    from gdpeer.multiplayer.replication.replicator import Replicator
    from gdpeer.multiplayer.rpc.method_table import Method
    from gdpeer.multiplayer.tree import Node
    from gdpeer.multiplayer.wire.godot4 import Packet
    from gdpeer.packet_session import PacketBlock, PacketSession

__all__ = ["SceneBase"]

logger = get_logger("gdpeer.multiplayer")

_OK = Error.OK
_SERVER = TARGET_PEER_SERVER  # a C integer once compiled (_scene.pxd)
_SERVER_ALONE = (TARGET_PEER_SERVER,)


class SceneBase(HostBase):
    """The compiled base class of `SceneMultiplayer`."""

    if TYPE_CHECKING:  # members of `SceneMultiplayer`

        def _handle(self, sender: int, packet: Packet) -> None: ...
        def _is_away(self, peer_id: int) -> bool: ...

    def _connect(
        self, calls: Godot4Calls, authentication: Authentication, guests: Godot3Guests, replicator: Replicator
    ) -> None:
        """Sets the parts of the API that handle packets."""
        self._calls = calls
        self._authentication = authentication
        self._guests = guests
        self.replicator = replicator
        self._checks_receivers = False
        self._pending = authentication.pending
        self._members = guests.members

    def check_receivers(self, checks: bool) -> None:
        """Sets whether calls ask, for each peer, whether the peer has the node and may see it."""
        self._checks_receivers = checks

    # ------------------------------------------------------------------------------------------ from elsewhere

    def _take_next(self, packets: PacketSession, sender: int) -> None:
        if self._members and sender in self._members:
            self._take_from_guest(packets, sender)
            return
        data = packets.take()
        if data is not None:  # else the game has taken the packet from the peer's connection
            self._receive(sender, data)

    def _take_from_guest(self, packets: PacketSession, sender: int) -> None:
        target = packets.target()
        data = packets.take()
        try:
            if data is not None:
                self._guests.receive(sender, target, data)
        except PacketError as problem:
            self.refuse_packet(sender, problem)

    def _receive(self, sender: int, data: bytes) -> None:
        try:
            if self._pending and sender in self._pending:
                self._authentication.receive(sender, data)
            elif sender not in self.admitted:
                raise PacketError("the peer is not admitted", kind="not admitted")
            elif is_call(data):
                self._calls.receive_call(sender, data)
            else:
                self._handle(sender, parse(data))
        except PacketError as problem:
            self.refuse_packet(sender, problem)

    # ------------------------------------------------------------------------------------------ to elsewhere

    def transmit(self, peer_ids: Collection[int], data: bytes) -> Error:
        """Sends a packet to each of some peers. A client sends to other clients in RELAY packets through the server.

        Returns:
            OK, also without a peer; ERR_OUT_OF_MEMORY if the send queue of a peer is full. A lost packet is logged.
        """
        packets, result = self._packets, _OK
        if packets is None or not peer_ids:
            return _OK
        if self._members or packets.sender_id() == _SERVER or peer_ids == _SERVER_ALONE:
            result = packets.put_to(peer_ids, data)
        else:
            for peer_id in peer_ids:
                packet = data if peer_id == _SERVER else relay_packet(peer_id, data)
                sent = packets.put_to(_SERVER_ALONE, packet)
                result = result or sent
        if result is not _OK:
            self.lost_packets.warning("a packet could not be sent to each of %s: %s", list(peer_ids), result.name)
        return result

    def transmit_block(self, peer_id: int, block: PacketBlock) -> int:
        """Sends many packets to one peer, up to the first that finds no room.

        Returns:
            How many were sent; all without a peer. A packet that found no room is not logged.
        """
        packets = self._packets
        if packets is None:
            return len(block.packets)
        if peer_id == _SERVER or self._members or packets.sender_id() == _SERVER:
            return packets.put_block(peer_id, block)
        sent = 0
        for packet in block.packets:
            if packets.put_to(_SERVER_ALONE, relay_packet(peer_id, packet)) is not _OK:
                break
            sent += 1
        return sent

    def transmit_whole(self, peer_id: int, block: PacketBlock) -> bool:
        """Sends many packets to one peer at once; False, and nothing was sent, where each must be sent by itself."""
        packets = self._packets
        if packets is None or not (peer_id == _SERVER or self._members or packets.sender_id() == _SERVER):
            return False
        return packets.put_whole(peer_id, block)

    def waiting(self, peer_id: int) -> int:
        """Returns how many bytes wait to be sent on the connection to a peer."""
        return 0 if self._packets is None else self._packets.waiting(peer_id)

    def slow_among(self, peer_ids: Collection[int]) -> set[int]:
        """Returns those of some peers to whom bytes wait to be sent."""
        return set() if self._packets is None else self._packets.slow_among(peer_ids)

    # ------------------------------------------------------------------------------------------ calls

    def rpc(self, peer_id: int, node: Node, method: str, arguments: Sequence[Any] = ()) -> Error:
        """Calls a method of the same node on other sides; returns and raises as `Node.rpc_id`."""
        if type(peer_id) is not int:
            check_id("rpc", peer_id)
        if not isinstance(method, str):
            raise wrong_type("rpc", "method", "a string", method)
        if getattr(node, "_gdpeer_api", None) is not self:  # else the node is in this API's tree
            if not hasattr(node, "_gdpeer_tree"):
                raise wrong_type("rpc", "node", "a Node", node)
            if self._peer is not None and (node._gdpeer_tree is None or node._gdpeer_tree is not self._tree):
                return not_sent(Error.ERR_INVALID_PARAMETER, node, method, NO_TREE)
        packets = self._packets
        if packets is None:
            return not_sent(Error.ERR_UNCONFIGURED, node, method, NO_PEER)
        own = packets.sender_id()
        if not own:
            return not_sent(Error.ERR_CONNECTION_ERROR, node, method, NOT_CONNECTED)
        entry = methods_of(node).by_name.get(method)
        if entry is None:
            text = "rpc: %s has no method '%s' that can be called from elsewhere"
            log_limited(logger, logging.ERROR, text, describe(node), method)
            return Error.ERR_INVALID_PARAMETER
        if entry.call_local:
            return self._call_both(peer_id, own, node, entry, arguments)
        if peer_id == own:
            text = "rpc: %s of %s is not call_local and cannot be called at oneself"
            log_limited(logger, logging.ERROR, text, method, describe(node))
            return Error.ERR_INVALID_PARAMETER
        return self._call_elsewhere(peer_id, own, node, entry, arguments)

    def _call_both(self, peer_id: int, own: int, node: Node, method: Method, arguments: Sequence[Any]) -> Error:
        """Calls a method with `call_local` on other sides, and here if the target includes this side."""
        sent = self._call_elsewhere(peer_id, own, node, method, arguments)
        is_meant = peer_id in (0, own) or (peer_id < 0 and peer_id != -own)
        return Error.FAILED if is_meant and not self._invoke(own, node, method, arguments) else sent

    def _call_elsewhere(self, peer_id: int, own: int, node: Node, method: Method, arguments: Sequence[Any]) -> Error:
        is_one = peer_id in self.admitted
        if peer_id and not is_one and -peer_id not in self.admitted:
            if peer_id != own:  # a negative id that is not connected is logged too, as in the engine
                self._log_missing(abs(peer_id))
            return _OK
        targets = (peer_id,) if is_one else self._targets(peer_id)
        if self._checks_receivers:
            if self.replicator.is_pending(node):
                self._hold(peer_id, own, node, method, arguments)
                return _OK
            targets = self._receivers(targets, node, is_one)
        if not targets:  # encode all the same, to raise for a wrong argument
            packed = method.checker.pack(arguments) if method.packs else arguments
            encode_call_body(method.number, packed, objects=self.allow_object_decoding)
            return _OK
        if self._members:
            return self._call_mixed(node, method, arguments, targets)
        return self._calls.send(node, method, arguments, targets)

    def _hold(self, peer_id: int, own: int, node: Node, method: Method, arguments: Sequence[Any]) -> None:
        """Makes a call after the SPAWN of its node, which is still being added."""
        values = copy.deepcopy(list(arguments))
        self.replicator.hold(lambda: self._call_elsewhere(peer_id, own, node, method, values))

    def _receivers(self, targets: Collection[int], node: Node, is_one: bool) -> Collection[int]:
        """Returns the peers of `targets` that have the node and may see it."""
        found = [one for one in targets if self.replicator.may_call(node, one)]
        if is_one and not found:
            text = "Attempt to call an RPC to a peer that cannot see this node. Peer ID: %s, node: %s"
            log_limited(logger, logging.ERROR, text, *targets, describe(node))
        return targets if len(found) == len(targets) else found

    def _log_missing(self, peer_id: int) -> None:
        if peer_id in self._pending:
            text = "peer %s is not admitted yet; wait for peer_connected, which comes when both sides have completed"
        elif self._is_away(peer_id):
            return  # nobody's mistake: the peer has lost its connection, and comes back
        else:
            text = "there is no peer %s"
        log_limited(logger, logging.ERROR, f"rpc: {text}", peer_id)

    def _call_mixed(self, node: Node, method: Method, arguments: Sequence[Any], peer_ids: Collection[int]) -> Error:
        """Calls a method on peers of both engines."""
        targets, others = self._guests.split(peer_ids)
        sent = self._calls.send(node, method, arguments, targets) if targets else _OK
        translated = self._guests.send_call(node, method, arguments, others) if others else _OK
        return sent or translated
