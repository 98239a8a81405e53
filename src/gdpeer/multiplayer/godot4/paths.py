"""Numbers that stand for paths in calls between two sides of Godot 4.

Each side numbers its own nodes from 1 on; a node has the same number for all peers. Before the first call of a node to
a peer, SIMPLIFY_PATH tells the peer the number. Until the peer answers with CONFIRM_PATH, calls to it carry the path
itself.

Up to Godot 4.2 the answer carries the path instead of the number. The first answer of a peer shows which form the peer
uses; answers that were sent to it in the other form are then sent again.

Invariants: only nodes in the tree are kept, and no node is kept because another side named it. The memory that one
connection can make this side use is limited.

Layer: `multiplayer`; no I/O; compiled (types in `paths.pxd`). Source: reference godot4-wire section D.3.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias
from weakref import ref

from gdpeer.errors import PacketError
from gdpeer.multiplayer.rpc.path_budget import PathBudget
from gdpeer.multiplayer.wire.godot4 import ConfirmPath, SimplifyPath

if TYPE_CHECKING:
    from gdpeer.multiplayer.tree import Node

__all__ = ["Known", "Numbered", "PathCache", "PeerPaths"]

Known: TypeAlias = "tuple[str, ref[Node], bool]"
"""The meaning of a peer's number: the path, the node, and whether both sides have the same methods."""


class Numbered:
    """A node of this side that has a number.

    Attributes:
        number: the node's number.
        node: the node.
        confirmed: the ids of the peers that know the number.
    """

    __slots__ = ("confirmed", "node", "number")

    def __init__(self, number: int, node: Node) -> None:
        self.number = number
        self.node = node
        self.confirmed: set[int] = set()


class PeerPaths:
    """The numbers that were agreed on with one peer.

    Attributes:
        told: this side's numbers that the peer was told, each with its node.
        known: the peer's numbers, each with what the peer means by it. The node may have left the tree, or be gone.
        answers_by_path: the peer has shown that it is of Godot 4.2 or older.
    """

    __slots__ = ("answers_by_path", "known", "told")

    def __init__(self) -> None:
        self.told: dict[int, Numbered] = {}
        self.known: dict[int, Known] = {}
        self.answers_by_path = False


class PathCache:
    """The path numbers of both directions, for all peers.

    Attributes:
        nodes: this side's nodes that have a number.
        peers: the peers that numbers were exchanged with.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forgets all numbers; the next node gets the number 1."""
        self.nodes: dict[Node, Numbered] = {}
        self._numbers: dict[int, Numbered] = {}
        self._last = 0
        self.peers: dict[int, PeerPaths] = {}
        self._budgets: defaultdict[int, PathBudget] = defaultdict(PathBudget)

    def forget_peer(self, peer_id: int) -> None:
        """Forgets what was agreed on with a peer that has gone."""
        peer = self.peers.pop(peer_id, None)
        self._budgets.pop(peer_id, None)
        if peer is not None:
            for entry in peer.told.values():
                entry.confirmed.discard(peer_id)

    def forget_nodes(self) -> None:
        """Forgets the numbers of all nodes: the nodes belong to another API now."""
        for node in list(self.nodes):
            self.forget_node(node)

    def forget_node(self, node: Node) -> None:
        """Forgets a node that has left the tree. If the node comes back, it gets another number."""
        entry = self.nodes.pop(node, None)
        if entry is not None:
            del self._numbers[entry.number]
            for peer in self.peers.values():
                peer.told.pop(entry.number, None)

    def _peer(self, peer_id: int) -> PeerPaths:
        peer = self.peers.get(peer_id)
        if peer is None:
            peer = self.peers[peer_id] = PeerPaths()
        return peer

    def is_old(self, peer_id: int) -> bool:
        """Whether a peer's answers have shown that it has Godot 4.2 or older."""
        peer = self.peers.get(peer_id)
        return peer is not None and peer.answers_by_path

    # ------------------------------------------------------------------------------------------ our numbers

    def entry(self, node: Node) -> Numbered:
        """Returns the entry of a node, which gets a number at its first use."""
        entry = self.nodes.get(node)
        if entry is None:
            self._last += 1
            entry = self.nodes[node] = self._numbers[self._last] = Numbered(self._last, node)
        return entry

    def find_number(self, node: Node) -> int | None:
        """Returns the number of a node; None if it has no number."""
        entry = self.nodes.get(node)
        return None if entry is None else entry.number

    def find_node(self, number: int) -> Node | None:
        """Returns the node for one of this side's numbers; None if the node has left the tree."""
        entry = self._numbers.get(number)
        return None if entry is None else entry.node

    def tell(self, entry: Numbered, peer_ids: Iterable[int]) -> list[int]:
        """Returns the peers that were not told the number, and counts them as told: send them SIMPLIFY_PATH."""
        new = [peer_id for peer_id in peer_ids if entry.number not in self._peer(peer_id).told]
        for peer_id in new:
            self._peer(peer_id).told[entry.number] = entry
        return new

    def untell(self, entry: Numbered, peer_id: int) -> None:
        """Takes back that a peer was told a number: the packet did not reach the peer, or is to be sent again."""
        self._peer(peer_id).told.pop(entry.number, None)

    def confirmed(self, peer_id: int, answer: ConfirmPath, number_of_path: int | None) -> list[ConfirmPath]:
        """Handles a peer's answer. An answer for a node that has left the tree is ignored.

        `number_of_path` is this side's number for `answer.path`; None if the path has no number.

        Returns:
            Answers that the peer could not read before; send them again now.

        Raises:
            PacketError: the peer was not told this number or path.
        """
        peer = self._peer(peer_id)
        if answer.cache_id in peer.told:
            number: int | None = answer.cache_id
        elif number_of_path in peer.told:
            number = number_of_path
        elif answer.cache_id is not None and 0 < answer.cache_id <= self._last:
            return []
        else:
            raise PacketError(f"CONFIRM_PATH of something that was not told: {answer.path or answer.cache_id}")
        assert number is not None
        peer.told[number].confirmed.add(peer_id)
        if number == answer.cache_id or peer.answers_by_path:
            return []
        peer.answers_by_path = True
        return [ConfirmPath(matches, None, path) for path, _, matches in peer.known.values()]

    # ------------------------------------------------------------------------------------------ their numbers

    def learn(self, connection: int, peer_id: int, told: SimplifyPath, node: Node, matches: bool) -> ConfirmPath:
        """Stores the number that a peer has announced for `node`; returns the answer to send.

        Args:
            connection: the peer on whose connection the packet came. All peers that are relayed over one connection
                share one budget of memory.
            peer_id: the peer that announced the number.
            told: the received packet.
            node: the node at the path.
            matches: whether both sides have the same methods.

        Raises:
            PacketError: the number is in use already, or the budget is used up.
        """
        peer = self._peer(peer_id)
        known = peer.known.get(told.cache_id)
        if known is None:
            self._budgets[connection].take(told.path)
        elif known[0] != told.path:  # else the sender has not got the answer, and asks again
            raise PacketError(f"SIMPLIFY_PATH of a number that is taken: {told.cache_id}", 34)
        peer.known[told.cache_id] = (told.path, ref(node), matches)
        return ConfirmPath(matches, None, told.path) if peer.answers_by_path else ConfirmPath(matches, told.cache_id)

    def moved(self, peer_id: int, number: int, node: Node) -> None:
        """Stores the new node at the path of a peer's number."""
        known = self.peers[peer_id].known
        path, _, matches = known[number]
        known[number] = (path, ref(node), matches)
