"""`Spawns`: the nodes that this side has spawned, and which peers have them.

Each node has the set of the peers that were sent it. `update` compares the set with what a peer is to see, and sends
SPAWN and DESPAWN for the difference. A packet that finds no room in the peer's queue is not counted as sent: the peer
is compared again in each network frame, until everything has gone out.

Most nodes are seen by all peers. A new peer gets these in blocks of packets that were encoded before; and nodes that
all peers have share one set (`everyone`), so that a new peer is added once for all of them.

Invariant: `everyone` is the set of all peers. A node whose set it is belongs to a group (`_groups_of`), or the groups
are made anew before the next peer is added.

Layer: `multiplayer`; sends through its host. Source: reference godot4-replication sections 2, 3, 7 and 14.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from gdpeer.errors import Error
from gdpeer.logs import describe, get_logger, log_limited
from gdpeer.multiplayer.rpc.method_table import methods_of
from gdpeer.multiplayer.wire.godot4 import SimplifyPath
from gdpeer.multiplayer.wire.replication import SCENE_CUSTOM, Despawn, spawn_head
from gdpeer.packet_session import PacketBlock

if TYPE_CHECKING:
    from gdpeer.multiplayer.replication.outgoing import Outgoing
    from gdpeer.multiplayer.replication.replicator import ReplicationHost, Replicator
    from gdpeer.multiplayer.replication.spawner import MultiplayerSpawner
    from gdpeer.multiplayer.tree import Node

__all__ = ["Group", "PeerView", "SpawnedNode", "Spawns"]

logger = get_logger("gdpeer.multiplayer")

_OK = Error.OK


class SpawnedNode:
    """A node that this side has spawned.

    Attributes:
        node: the node.
        spawner: its spawner.
        scene: the index in the spawner's list; 255: made by `spawn()`.
        argument: the encoded argument of `spawn()`; None for a scene of the list.
        above: the entry of the nearest spawned node above; None if no node above was spawned.
        below: the entries whose `above` is this entry.
        net_id: the number in packets; 0: not given yet.
        shown: the ids of the peers that have the node.
        inner: the synchronizers of nodes below this one that nobody has spawned: they go by path.
        is_pending: the branch with the node is still being added.
        outs: the synchronizers of the node that this side sends, in the order of the scene; None: not looked up.
        head: the last SPAWN without its values; b"": not encoded, or not right any more.
        packet: the last SPAWN, which may have former values; None: not encoded, or a value cannot be sent.
        is_shared: `shown` is the set of all peers, which others use too: call `own` before a change.
        is_open: all peers see the node, whoever they are.
    """

    __slots__ = (
        "above",
        "argument",
        "below",
        "head",
        "inner",
        "is_open",
        "is_pending",
        "is_shared",
        "net_id",
        "node",
        "outs",
        "packet",
        "scene",
        "shown",
        "spawner",
    )

    def __init__(self, spawner: MultiplayerSpawner, node: Node, scene: int, argument: bytes | None) -> None:
        self.spawner = spawner
        self.node = node
        self.scene = scene
        self.argument = argument
        self.above: SpawnedNode | None = None
        self.below: dict[SpawnedNode, None] = {}
        self.inner: dict[Outgoing, None] = {}
        self.net_id = 0
        self.shown: set[int] = set()
        self.is_pending = True
        self.outs: list[Outgoing] | None = None
        self.head = b""
        self.packet: bytes | None = None
        self.is_shared = self.is_open = False

    def forget_packet(self) -> None:
        """Takes note that the name or the numbers in the SPAWN are not right any more."""
        self.head, self.packet = b"", None

    def share(self, everyone: set[int]) -> None:
        """Uses the set of all peers, if all of them have the node."""
        if len(self.shown) == len(everyone):
            self.shown = everyone
            self.is_shared = True

    def own(self) -> None:
        """Makes this object's set its own."""
        if self.is_shared:
            self.is_shared = False
            self.shown = set(self.shown)


class Group:
    """Open nodes of one spawner, one behind the other in the order of the tree.

    Attributes:
        spawner: the spawner.
        nodes: the entries of the nodes.
        block: their SPAWNs; None: not made.
    """

    __slots__ = ("block", "nodes", "spawner")

    def __init__(self, spawner: MultiplayerSpawner) -> None:
        self.spawner = spawner
        self.nodes: list[SpawnedNode] = []
        self.block: PacketBlock | None = None


class PeerView:
    """What one peer has of this side's nodes.

    Attributes:
        gone: numbers of nodes that the peer still has, though they have left the tree here; None: none.
        is_blocked: a packet found no room in the peer's queue.
    """

    __slots__ = ("gone", "is_blocked")

    def __init__(self) -> None:
        self.gone: list[int] | None = None  # most peers never need the list
        self.is_blocked = False

    def put_off(self, at: int, net_id: int) -> None:
        """Notes a node in `gone`, at an index."""
        if self.gone is None:
            self.gone = []
        self.gone.insert(at, net_id)


class Spawns:
    """Sends SPAWN and DESPAWN.

    Args:
        host: the API.
        replicator: knows the synchronizers of a node.

    Attributes:
        nodes: the spawned nodes.
        peers: what each peer has, in the order of admission.
        everyone: the ids of all peers.
        partial: the spawned nodes that not all peers have.
    """

    def __init__(self, host: ReplicationHost, replicator: Replicator) -> None:
        self.nodes: dict[Node, SpawnedNode] = {}
        self.peers: dict[int, PeerView] = {}
        self.everyone: set[int] = set()
        self.partial: dict[SpawnedNode, None] = {}
        self._host = host
        self._replicator = replicator
        self._last_id = 0
        self._order: list[SpawnedNode] | None = None  # all nodes in the order of the tree; None: not looked up
        self._groups: list[Group | SpawnedNode] | None = None  # all nodes, open ones in groups; None: not made
        self._may_be_blocked = False  # some of `peers`

    # ------------------------------------------------------------------------------------------ nodes

    def add(self, spawner: MultiplayerSpawner, node: Node, scene: int, argument: bytes | None) -> SpawnedNode:
        """Adds a node that is entering the tree. `settle` sends it."""
        found = self.nodes[node] = SpawnedNode(spawner, node, scene, argument)
        self._order = self._groups = None
        parent = node.get_parent()
        while parent is not None and found.above is None:
            found.above = self.nodes.get(parent)
            parent = parent.get_parent()
        if found.above is not None:
            found.above.below[found] = None
        return found

    def settle(self, found: SpawnedNode) -> None:
        """Sends a node whose branch is complete to all peers that are to see it."""
        found.is_pending = False
        self.regroup()
        if self.nodes.get(found.node) is found:  # else the node has left since, and may have come back as another
            for peer_id in self.peers:
                self.update(found, peer_id)
            self._note(found)

    def _note(self, found: SpawnedNode) -> None:
        if len(found.shown) < len(self.peers):
            self.partial[found] = None
        else:
            self.partial.pop(found, None)

    def remove(self, node: Node) -> None:
        """Removes a node that leaves the tree, here and on all peers that have it."""
        found = self.nodes.pop(node, None)
        if found is None:
            return
        self._order = self._groups = None
        found.is_open = False  # nor is a node below that stays in the tree
        found.spawner.forget(node)
        for peer_id in list(found.shown):
            self._despawn(found, peer_id)
        if found.above is not None:
            found.above.below.pop(found, None)
        self.partial.pop(found, None)

    def remove_of(self, spawner: MultiplayerSpawner) -> None:
        """Removes all nodes of a spawner on the peers. Here they stay in the tree, and their synchronizers are silent
        until they enter it again: no other side has the nodes.
        """
        for found in [one for one in self.nodes.values() if one.spawner is spawner]:
            outs = [*self.outs_of(found), *found.inner]
            self.remove(found.node)
            for out in outs:
                self._replicator.end(out.synchronizer)
        for peer_id in self.peers:
            self._replicator.untell(spawner, peer_id)

    def forget_ids(self) -> None:
        """Gives all nodes new numbers, when another session begins."""
        self._last_id = 0
        for found in self.nodes.values():
            found.net_id = 0
            found.forget_packet()
            if not found.is_shared:  # else the set of all peers, of which there are none now
                found.shown.clear()

    def take_id(self) -> int:
        """Returns the next number for a node or synchronizer."""
        self._last_id += 1
        return self._last_id

    # ------------------------------------------------------------------------------------------ peers

    def admit(self, peer_id: int) -> None:
        """Adds a peer, and sends it all nodes that it is to see: in the order of the tree, parents first."""
        groups = self._made_groups()
        for part in groups:
            if isinstance(part, Group):
                self._share(part)
                if not self.peers:
                    self._block_of(part)  # now, as no peer has got other values: those of the SPAWNs count as sent
        self.peers[peer_id] = PeerView()
        self.everyone.add(peer_id)
        for part in groups:
            if isinstance(part, Group):
                self._send_group(part, peer_id)
            else:
                self.update(part, peer_id)

    def forget_peer(self, peer_id: int) -> None:
        """Forgets a peer that has gone."""
        if self.peers.pop(peer_id, None) is not None:
            self.everyone.discard(peer_id)
            for found in self.nodes.values():
                if not found.is_shared:
                    found.shown.discard(peer_id)
                    self._note(found)

    def update_all(self, peer_id: int) -> None:
        """Compares all nodes with what a peer has, and sends the difference."""
        view = self.peers[peer_id]
        view.is_blocked = False
        while view.gone and not view.is_blocked:
            self._send_despawn(view, peer_id, view.gone.pop(0))
        for found in self._in_tree_order():
            if view.is_blocked:
                return
            if not found.is_shared:
                self.update(found, peer_id)

    def _in_tree_order(self) -> list[SpawnedNode]:
        if self._order is None:
            self._order = []
            pending = [next(iter(self.nodes)).get_tree().root] if self.nodes else []
            while pending:
                node = pending.pop()
                if node in self.nodes:
                    self._order.append(self.nodes[node])
                children = node._gdpeer_children
                if children:
                    pending.extend(reversed(children.values()))
        return self._order

    # ------------------------------------------------------------------------------------------ groups

    def regroup(self) -> None:
        """Takes note that other nodes may be open now."""
        self._groups = None

    def _made_groups(self) -> list[Group | SpawnedNode]:
        """Returns all nodes in the order of the tree: open ones in groups, the others by themselves."""
        if self._groups is not None:
            return self._groups
        if not self.nodes:
            return []  # no room keeps an empty list
        groups: list[Group | SpawnedNode] = []
        self._groups = groups
        group: Group | None = None
        for found in self._in_tree_order():
            found.is_open = self._is_open(found)
            if not found.is_open:
                self._own(found)
                groups.append(found)
                group = None
                continue
            if group is None or group.spawner is not found.spawner:
                group = Group(found.spawner)
                groups.append(group)
            group.nodes.append(found)
        return groups

    def _is_open(self, found: SpawnedNode) -> bool:
        if found.is_pending or (found.above is not None and not found.above.is_open):
            return False
        for out in self.outs_of(found):  # noqa: SIM110  # compiled, a generator is slower
            if not (out.synchronizer.is_open() and out.lists.is_configured):
                return False
        return True

    def _share(self, group: Group) -> None:
        """Lets nodes that all peers have use one set."""
        everyone = self.everyone
        for found in group.nodes:
            if not found.is_shared:
                found.share(everyone)
            for out in self.outs_of(found):
                if not out.is_shared:
                    out.share(everyone)

    def _own(self, found: SpawnedNode) -> None:
        found.own()
        for out in self.outs_of(found):
            out.own()

    def _block_of(self, group: Group) -> PacketBlock | None:
        """Returns the SPAWNs of a group; None if a value cannot be read."""
        packets = []
        for found in group.nodes:
            packet = self._packet(found)
            if packet is None:
                return None
            packets.append(packet)
        if group.block is None or group.block.packets != packets:
            group.block = PacketBlock(packets)
        return group.block

    def _send_group(self, group: Group, peer_id: int) -> None:
        """Sends a group to a new peer: in one block as far as there is room, the others one by one."""
        nodes, sent = group.nodes, 0
        is_current = self._groups is not None  # else a filter, asked for another node, has changed something
        if is_current and not self.peers[peer_id].is_blocked and self._tell_spawner(group.spawner, peer_id):
            block = self._block_of(group)
            sent = 0 if block is None else self._host.transmit_block(peer_id, block)
        for index in range(sent):
            self._greet(nodes[index], peer_id)
        for index in range(sent, len(nodes)):
            self._lack(nodes[index], peer_id)
        for index in range(sent, len(nodes)):
            if self.nodes.get(nodes[index].node) is nodes[index]:
                self.update(nodes[index], peer_id)

    def _greet(self, found: SpawnedNode, peer_id: int) -> None:
        """Takes note that a new peer was sent an open node."""
        if not found.is_shared:
            found.shown.add(peer_id)
            self._note(found)
        for out in self.outs_of(found):
            out.greet(peer_id)
        if found.inner:
            for out in found.inner:
                self._replicator.attune(out, peer_id)

    def _lack(self, found: SpawnedNode, peer_id: int) -> None:
        """Takes note that a new peer was not sent an open node."""
        self._own(found)
        found.shown.discard(peer_id)
        for out in self.outs_of(found):
            out.unlist(peer_id)
            out.leave(peer_id)
        self._note(found)

    # ------------------------------------------------------------------------------------------ one node and one peer

    def update(self, found: SpawnedNode, peer_id: int) -> None:
        """Sends SPAWN or DESPAWN of one node to one peer, if the peer is to see the node and has it not, or reverse."""
        view = self.peers[peer_id]
        is_wanted = not found.is_pending and self._is_wanted(found, peer_id)
        if not is_wanted:
            if peer_id in found.shown:
                self._despawn(found, peer_id)
        elif peer_id not in found.shown and not view.is_blocked and not view.gone:
            self._spawn(found, peer_id, view)
        self._note(found)

    def _is_wanted(self, found: SpawnedNode, peer_id: int) -> bool:
        if found.above is not None and peer_id not in found.above.shown:
            return False
        outs = self.outs_of(found)
        if len(outs) == 1:
            return outs[0].synchronizer.is_visible_to(peer_id)
        return not outs or any(out.synchronizer.is_visible_to(peer_id) for out in outs)

    def outs_of(self, found: SpawnedNode) -> list[Outgoing]:
        """Returns the synchronizers of a node that this side sends, in the order of the scene."""
        if found.outs is None:
            found.outs = self._replicator.outgoing_of(found.node)
        return found.outs

    def forget_outs(self, found: SpawnedNode) -> None:
        """Makes a node look up its synchronizers again."""
        found.outs = None
        found.forget_packet()
        self.regroup()

    def _spawn(self, found: SpawnedNode, peer_id: int, view: PeerView) -> None:
        packet = self._packet(found)
        if packet is None:
            return
        if not self._tell_spawner(found.spawner, peer_id) or self._host.transmit((peer_id,), packet) is not _OK:
            self._block(found, peer_id, view, len(packet))
            return
        found.shown.add(peer_id)
        for out in self.outs_of(found):
            out.listed.add(peer_id)
            if out.synchronizer.is_visible_to(peer_id):
                out.join(peer_id, True, spawned=True)
        for out in found.inner:
            self._replicator.attune(out, peer_id)
        self._host.shown(peer_id, found.node)
        if found.below:
            for below in list(found.below):
                self.update(below, peer_id)

    def _block(self, found: SpawnedNode, peer_id: int, view: PeerView, size: int) -> None:
        if self._host.waiting(peer_id):
            view.is_blocked = self._may_be_blocked = True
        else:  # it will never fit
            text = "%s cannot be spawned for peer %s: its SPAWN of %s bytes does not fit into outbound_buffer_size"
            log_limited(logger, logging.ERROR, text, describe(found.node), peer_id, size)

    def _packet(self, found: SpawnedNode) -> bytes | None:
        """Returns the SPAWN of a node; None if a value cannot be read, which is logged."""
        if self._is_packed(found):
            return found.packet
        found.packet = None
        values = b""
        for out in self.outs_of(found):
            state = out.pack()
            if state is None:
                return None
            values += state
        if not found.head:
            found.head = self._head(found)
        found.packet = found.head + values
        return found.packet

    def _head(self, found: SpawnedNode) -> bytes:
        outs = self.outs_of(found)
        if not found.net_id:
            found.net_id = self.take_id()
        for out in outs:
            if not out.net_id:
                out.net_id = self.take_id()
        number = self._host.paths.entry(found.spawner).number
        ids = [out.net_id for out in outs]
        scene = SCENE_CUSTOM if found.argument is not None else found.scene
        return spawn_head(scene, number, found.net_id, ids, found.node.name, found.argument)

    def _tell_spawner(self, spawner: MultiplayerSpawner, peer_id: int) -> bool:
        if peer_id in self._host.paths.entry(spawner).confirmed or self._replicator.is_asked(spawner, peer_id):
            return True
        is_told = self.tell(spawner, peer_id)
        if is_told:
            self._replicator.was_told(spawner, peer_id)
        return is_told

    def send_again(self, spawner: MultiplayerSpawner, peer_id: int) -> None:
        """Sends all nodes of a spawner to a peer that could not make them when they were sent."""
        for found in self._in_tree_order():
            if found.spawner is spawner or (found.above is not None and peer_id not in found.above.shown):
                found.own()
                found.shown.discard(peer_id)
        self.update_all(peer_id)

    def _is_packed(self, found: SpawnedNode) -> bool:
        """Whether the last SPAWN of a node is still right."""
        if found.packet is None:
            return False
        for out in self.outs_of(found):  # noqa: SIM110  # compiled, a generator is slower
            if not out.is_packed():
                return False
        return True

    def tell(self, node: Node, peer_id: int) -> bool:
        """Tells a peer the number of a node's path, unless it was told; returns False if there was no room."""
        entry = self._host.paths.entry(node)
        if not self._host.paths.tell(entry, (peer_id,)):
            return True
        told = SimplifyPath(methods_of(node).checksum, entry.number, self._host.path_of(node))
        if self._host.transmit((peer_id,), told.encode()) is _OK:
            return True
        self._host.paths.untell(entry, peer_id)
        return False

    def _despawn(self, found: SpawnedNode, peer_id: int) -> None:
        """Sends DESPAWN. The peer thereby loses the spawned nodes below it, too."""
        view = self.peers[peer_id]
        for below in list(found.below):
            self._lose(below, peer_id)
        self._forget(found, peer_id)
        if view.gone or view.is_blocked:
            view.put_off(len(view.gone or ()), found.net_id)
            self._may_be_blocked = True
        else:
            self._send_despawn(view, peer_id, found.net_id)

    def _send_despawn(self, view: PeerView, peer_id: int, net_id: int) -> None:
        if self._host.transmit((peer_id,), Despawn(net_id).encode()) is not _OK:
            view.put_off(0, net_id)
            view.is_blocked = self._may_be_blocked = True

    def _lose(self, found: SpawnedNode, peer_id: int) -> None:
        if peer_id in found.shown:
            for below in list(found.below):
                self._lose(below, peer_id)
            self._forget(found, peer_id)

    def _forget(self, found: SpawnedNode, peer_id: int) -> None:
        found.own()
        found.shown.discard(peer_id)
        self._note(found)
        self._replicator.was_despawned(found, peer_id)

    def blocked(self) -> Iterable[int]:
        """Returns the peers that must be compared again."""
        if not self._may_be_blocked:
            return ()
        found = []
        for peer_id, view in self.peers.items():  # compiled, the comprehension would not know the type of `view`
            if view.is_blocked or view.gone:
                found.append(peer_id)
        self._may_be_blocked = bool(found)
        return found
