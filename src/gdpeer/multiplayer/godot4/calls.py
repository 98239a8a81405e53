"""Sends and receives calls between sides of Godot 4: nodes and methods by number.

Layer: `multiplayer`; compiled (types in `calls.pxd`); sends and receives through its host, a `SceneMultiplayer`.
Source: reference godot4-wire section D.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from gdpeer.errors import Error, PacketError
from gdpeer.logs import Own
from gdpeer.multiplayer.godot4.differences import Differences
from gdpeer.multiplayer.godot4.paths import Numbered, PathCache
from gdpeer.multiplayer.peer import TARGET_PEER_SERVER
from gdpeer.multiplayer.rpc.method_table import methods_of
from gdpeer.multiplayer.rpc.mismatch import NO_METHODS
from gdpeer.multiplayer.wire.godot4 import (
    ConfirmPath,
    SimplifyPath,
    call_packet,
    encode_call,
    encode_call_body,
    parse_call,
)

if TYPE_CHECKING:
    from gdpeer.multiplayer.godot4.scene import SceneMultiplayer
    from gdpeer.multiplayer.rpc.method_table import Method
    from gdpeer.multiplayer.tree import Node

__all__ = ["Godot4Calls"]


class Godot4Calls:
    """Sends calls to peers that speak the dialect of Godot 4, and receives calls from them."""

    def __init__(self, host: SceneMultiplayer) -> None:
        self._host = host
        self.cache = PathCache()
        self.differences = Differences()

    def send(self, node: Node, method: Method, arguments: Sequence[Any], peer_ids: Collection[int]) -> Error:
        """Calls a method of a node on some peers; returns `OK`, or the error of a peer that did not get the call.

        Raises:
            VariantError: an argument cannot be sent.
            TypeError: a list or dict has an element that does not fit its annotation.
            ValueError: there are more than 255 arguments.
        """
        host = self._host
        typed, objects = bool(host.typed_containers), host.allow_object_decoding
        if method.packs and (typed or host.typed_containers is None):
            return self._send_packed(node, method, arguments, peer_ids)
        entry = self.cache.nodes.get(node)
        if entry is not None and self._is_known(entry, peer_ids):
            return host.transmit(peer_ids, encode_call(entry.number, method.number, arguments, typed, objects))
        flags, body = encode_call_body(method.number, arguments, typed, objects)
        return self._send_paths(self.cache.entry(node), flags, body, peer_ids)

    def _send_packed(self, node: Node, method: Method, arguments: Sequence[Any], peer_ids: Collection[int]) -> Error:
        """Sends a call with typed arrays and dictionaries; with plain ones to peers that have Godot 4.2 or older."""
        packed = method.checker.pack(arguments)
        old = [peer_id for peer_id in peer_ids if self.cache.is_old(peer_id)]
        if not old:
            return self._send_encoded(node, method, packed, peer_ids, True)
        text = (
            "%s of %r: peers %s have Godot 4.2 or older and get untyped arrays and dictionaries; a typed parameter "
            "there, such as Array[int], does not take them"
        )
        self._host.lost_packets.warning(text, method.name, node, old)
        others = [peer_id for peer_id in peer_ids if peer_id not in old]
        sent = self._send_encoded(node, method, packed, others, True) if others else Error.OK
        return self._send_encoded(node, method, arguments, old, False) or sent

    def _send_encoded(
        self, node: Node, method: Method, arguments: Sequence[Any], peer_ids: Collection[int], typed: bool
    ) -> Error:
        flags, body = encode_call_body(method.number, arguments, typed, self._host.allow_object_decoding)
        entry = self.cache.entry(node)
        if self._is_known(entry, peer_ids):
            return self._host.transmit(peer_ids, call_packet(flags, body, entry.number))
        return self._send_paths(entry, flags, body, peer_ids)

    def _is_known(self, entry: Numbered, peer_ids: Collection[int]) -> bool:
        """Whether all of some peers know a number."""
        if peer_ids is self._host.admitted:  # comparing the counts is enough: only admitted peers can have confirmed
            return len(entry.confirmed) == len(peer_ids)
        if type(peer_ids) is tuple and len(peer_ids) == 1:
            return peer_ids[0] in entry.confirmed
        return entry.confirmed.issuperset(peer_ids)

    def _send_paths(self, entry: Numbered, flags: int, body: bytes, peer_ids: Collection[int]) -> Error:
        """Announces the number, then sends the call: by number to peers that have confirmed, by path to the others."""
        host, number, node = self._host, entry.number, entry.node
        path = host.path_of(node)
        new = self.cache.tell(entry, peer_ids)
        if new:
            host.transmit(new, SimplifyPath(methods_of(node).checksum, number, path).encode())
        confirmed = [peer_id for peer_id in peer_ids if peer_id in entry.confirmed]
        sent = host.transmit(confirmed, call_packet(flags, body, number, wide=True)) if confirmed else Error.OK
        others = [peer_id for peer_id in peer_ids if peer_id not in entry.confirmed]
        return host.transmit(others, call_packet(flags, body, 0, path)) or sent

    def receive(self, sender: int, packet: SimplifyPath | ConfirmPath) -> None:
        """Handles a received SIMPLIFY_PATH or CONFIRM_PATH.

        Raises:
            PacketError: the packet is refused; the text says why.
        """
        if isinstance(packet, SimplifyPath):
            self.receive_simplify(sender, packet)
        else:
            self._receive_confirm(sender, packet)

    def receive_call(self, sender: int, data: bytes, may_wait: bool = True) -> None:
        """Parses a received REMOTE_CALL, finds its node and method, and hands the call to the host.

        Args:
            sender: the peer.
            data: the packet.
            may_wait: whether the call waits for a node that the peer may be about to spawn.

        Raises:
            PacketError: the packet is refused; the text says why.
        """
        host = self._host
        call = parse_call(data, host.allow_object_decoding)
        if call.path is not None:
            path, node = call.path, host.find(call.path)
        else:
            peer = self.cache.peers.get(sender)
            known = None if peer is None else peer.known.get(call.node_id)
            if known is None:
                raise PacketError(
                    f"a call of a node by number {call.node_id}, which was never told", 1, kind="unknown node"
                )
            path, node = known[0], known[1]()
            if node is None or not host.owns(node):
                node = self._find_again(sender, call.node_id, path)
        if node is None and may_wait and host.replicator.hold_call(sender, path, data):
            return
        if node is None:
            host.refuse(sender, path, f"method {call.method_id}", "unknown node", "there is no such node here")
            return
        method = methods_of(node).by_number.get(call.method_id)
        if method is None:
            reason = Own(f"the node has no such number; this side's methods: {_names(node)}")
            host.refuse(sender, path, f"method {call.method_id}", "unknown method", reason)
            return
        host.call(sender, node, method, call.arguments)

    def node_of(self, peer_id: int, number: int) -> Node | None:
        """Returns the node that a peer means by a number; None if the number was never told, or the node is gone."""
        peer = self.cache.peers.get(peer_id)
        known = None if peer is None else peer.known.get(number)
        if known is None:
            return None
        node = known[1]()
        return node if node is not None and self._host.owns(node) else self._find_again(peer_id, number, known[0])

    def _find_again(self, sender: int, number: int, path: str) -> Node | None:
        """Returns the node that is now at the path of a number, whose former node has left; None if there is none."""
        found = self._host.find(path)
        if found is not None:
            self.cache.moved(sender, number, found)
        return found

    def receive_simplify(self, sender: int, told: SimplifyPath) -> None:
        """Handles a received SIMPLIFY_PATH, or again when there is a node at its path."""
        node = self._host.find(told.path)
        if node is None and told.checksum == NO_METHODS:  # a spawner or synchronizer: nobody calls the node
            self._host.replicator.reception.keep(sender, told)
            self._host.count_replication(sender, f"of a node that is not here: '{told.path}'")
            return
        if node is None:
            self._host.refuse(sender, told.path, "", "unknown node", "there is no such node here")
            return
        matches = methods_of(node).checksum == told.checksum
        if not matches:
            self._note_difference(sender, told, node)
        elif self.differences.peers:
            self.differences.forget(sender, self._host.path_of(node))
        connection = sender if self._host.is_server() else TARGET_PEER_SERVER
        self._host.transmit((sender,), self.cache.learn(connection, sender, told, node, matches).encode())

    def _note_difference(self, sender: int, told: SimplifyPath, node: Node) -> None:
        """Logs and counts that a peer's node has other methods than this side's."""
        # Not the path as told, which can be as long as the peer likes.
        known = self.differences.explain(sender, self._host.path_of(node), told.checksum, node, node.get_tree())
        sums = f"checksum {told.checksum}, here {methods_of(node).checksum}"
        self._host.mismatch(sender, told.path, f"{known} ({sums}; this side's methods: {_names(node)})")

    def _receive_confirm(self, sender: int, answer: ConfirmPath) -> None:
        node = None if answer.path is None else self._host.find(answer.path)
        number = None if node is None else self.cache.find_number(node)
        for again in self.cache.confirmed(sender, answer, number):
            self._host.transmit((sender,), again.encode())
        known = node if answer.cache_id is None else self.cache.find_node(answer.cache_id) or node
        if known is not None:
            self._host.replicator.confirmed(sender, known)
        if not answer.matches and known is not None:
            path = self._host.path_of(known)
            # The answer has no checksum; the peer may have told one earlier.
            told = self.differences.of(sender, path)
            names = f"this side's methods: {_names(known)}"
            self._host.mismatch(sender, path, f"{told} ({names})" if told else names)


def _names(node: Node) -> str:
    return ", ".join(methods_of(node).names) or "none"
