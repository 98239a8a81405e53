"""Sends and receives calls between sides of Godot 3: paths by number, methods and properties by name.

Each side numbers the paths that it uses. Before the first call of a path to a peer, SIMPLIFY_PATH tells the peer the
number. Until the peer answers with CONFIRM_PATH, calls to it carry the path itself. The receiver stores the number even
if it has no such node.

Layer: `multiplayer`; sends and receives through its host. Source: reference godot3-wire section 3.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from gdpeer.errors import Error, PacketError
from gdpeer.multiplayer.rpc.method_table import methods_of
from gdpeer.multiplayer.rpc.path_budget import PathBudget
from gdpeer.multiplayer.wire.godot3 import (
    Command,
    ConfirmPath,
    RemoteCall,
    RemoteSet,
    SimplifyPath,
    encode_named,
    named_packet,
)

if TYPE_CHECKING:
    from gdpeer.multiplayer.host import PeerHost
    from gdpeer.multiplayer.tree import Node

__all__ = ["Godot3Calls"]

MOST_LEFT = 4096
"""The most paths of nodes outside the tree that keep their numbers."""


class _PeerPaths:
    """The path numbers that were exchanged with one peer."""

    __slots__ = ("budget", "known", "told")

    def __init__(self) -> None:
        self.told: dict[str, bool] = {}  # this side's paths; True: the peer has confirmed
        self.known: dict[int, str] = {}  # the peer's numbers, each with its path
        self.budget = PathBudget()


class Godot3Calls:
    """Sends calls to peers that speak the dialect of Godot 3, and receives calls from them."""

    def __init__(self, host: PeerHost[Any]) -> None:
        self._host = host
        self.clear()

    def clear(self) -> None:
        """Forgets all numbers; the next path gets the number 1."""
        self._numbers: dict[str, int] = {}
        self._left: dict[str, None] = {}  # paths in `_numbers` of nodes that left the tree, longest ago first
        self._last = 0
        self._peers: defaultdict[int, _PeerPaths] = defaultdict(_PeerPaths)

    def forget_peer(self, peer_id: int) -> None:
        """Forgets the numbers of a peer that has gone."""
        self._peers.pop(peer_id, None)

    def forget_node(self, node: Node) -> None:
        """Notes that a node has left the tree.

        Its path keeps the number for a later node with the same path, as in the engine, until `MOST_LEFT` more nodes
        have left.
        """
        path = self._host.path_of(node)
        if path in self._numbers:
            self._left[path] = None
            if len(self._left) > MOST_LEFT:
                self._forget(next(iter(self._left)))

    def forget_nodes(self) -> None:
        """Forgets the numbers of all paths: the nodes belong to another host now."""
        for path in list(self._numbers):
            self._forget(path)

    def _forget(self, path: str) -> None:
        del self._numbers[path]
        self._left.pop(path, None)
        for peer in self._peers.values():
            peer.told.pop(path, None)

    def _number(self, path: str) -> int:
        number = self._numbers.get(path)
        if number is None:
            number = self._last = self._numbers[path] = self._last + 1
        elif self._left:
            self._left.pop(path, None)
        return number

    def encode(self, command: Command, name: str, values: Sequence[Any]) -> bytes:
        """Returns the body of a call or a set, for `send`; raises as `encode_named`."""
        return encode_named(command, name, values, objects=self._host.allow_object_decoding)

    def send(self, command: Command, node: Node, body: bytes, peer_ids: Collection[int], target: int) -> Error:
        """Calls a method or sets a property of a node on some peers.

        Args:
            command: REMOTE_CALL or REMOTE_SET.
            node: the node.
            body: the bytes from `encode`.
            peer_ids: the receivers.
            target: the same peers, as a target of the transport: 0, an id, or a negative id.

        Returns:
            `OK`, or the error of a peer that did not get the packet.
        """
        host = self._host
        path = host.path_of(node)
        number = self._number(path)
        unconfirmed = []
        for peer_id in peer_ids:
            told = self._peers[peer_id].told
            if path not in told:
                told[path] = False
                host.transmit((peer_id,), SimplifyPath(number, path).encode())
            if not told[path]:
                unconfirmed.append(peer_id)
        if not unconfirmed:
            return host.transmit_target(target, peer_ids, named_packet(command, body, number))
        confirmed = [peer_id for peer_id in peer_ids if peer_id not in unconfirmed]
        sent = host.transmit(confirmed, named_packet(command, body, number)) if confirmed else Error.OK
        return host.transmit(unconfirmed, named_packet(command, body, 0, path)) or sent

    def receive(self, sender: int, packet: RemoteCall | RemoteSet | SimplifyPath | ConfirmPath) -> None:
        """Handles a received packet.

        Raises:
            PacketError: the packet is refused; the text says why.
        """
        peer = self._peers[sender]
        if isinstance(packet, SimplifyPath):
            peer.budget.take(packet.path)
            peer.known[packet.cache_id] = packet.path
            self._host.transmit((sender,), ConfirmPath(packet.path).encode())
        elif not isinstance(packet, ConfirmPath):
            self._receive_named(sender, packet)
        elif packet.path in peer.told:
            peer.told[packet.path] = True
        else:
            raise PacketError(f"CONFIRM_PATH of something that was not told: {packet.path!r}")

    def path_of(self, sender: int, number: int) -> str:
        """Returns the path for a number of a peer.

        Raises:
            PacketError: the peer has not announced this number.
        """
        path = self._peers[sender].known.get(number)
        if path is None:
            raise PacketError(f"a node by number {number}, which was never told", 1, kind="unknown node")
        return path

    def _receive_named(self, sender: int, packet: RemoteCall | RemoteSet) -> None:
        path = self.path_of(sender, packet.node_id) if packet.path is None else packet.path
        node = self._host.find(path)
        if node is None:
            self._host.refuse(sender, path, packet.name, "unknown node", "there is no such node here")
        elif isinstance(packet, RemoteSet):
            self._host.assign(sender, node, packet.name, packet.arguments)
        elif (method := methods_of(node).own_first.get(packet.name)) is not None:
            self._host.call(sender, node, method, packet.arguments)
        else:
            reason = "the node has no such method that can be called from elsewhere"
            self._host.refuse(sender, self._host.path_of(node), packet.name, "unknown method", reason)
