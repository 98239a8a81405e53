"""`Reception`: handles received SPAWN, DESPAWN, SYNC and delta packets.

Everything in a packet is hostile. Only the authority of a spawner or synchronizer is heard; only properties of the
configuration are set; the number of nodes, names, paths and bytes of one peer is limited. A packet that is refused is
counted and logged, and the connection stays.

Layer: `multiplayer`. Source: reference godot4-replication sections 2.3, 3, 4 and 5.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

from gdpeer.errors import PacketError
from gdpeer.logs import describe, get_logger, log_limited, report
from gdpeer.multiplayer.replication.properties import Missing, Property
from gdpeer.multiplayer.replication.raw_scene import RawScene
from gdpeer.multiplayer.replication.spawner import MultiplayerSpawner
from gdpeer.multiplayer.replication.synchronizer import MultiplayerSynchronizer
from gdpeer.multiplayer.replication.waiting import WaitingSpawns
from gdpeer.multiplayer.rpc.conversions import CallError
from gdpeer.multiplayer.wire.godot4 import ConfirmPath, SimplifyPath
from gdpeer.multiplayer.wire.replication import (
    SCENE_CUSTOM,
    Delta,
    Despawn,
    Spawn,
    Sync,
    decode_values,
    path_based,
)

if TYPE_CHECKING:
    from gdpeer.multiplayer.replication.replicator import ReplicationHost, Replicator
    from gdpeer.multiplayer.tree import Node

__all__ = ["Reception"]

logger = get_logger("gdpeer.multiplayer")

LONGEST_NAME = 256
"""Most characters in the name of a received node."""
MOST_KEPT = 1000
"""Most paths and calls of one peer that wait for their node."""
LONGEST_PATH = 1024
"""Most characters of a path that waits for its node."""
MOST_BYTES = 1_000_000
"""Most bytes of the calls of one peer that wait for their node."""
HOLD_TIME = 1.0
"""Seconds that a call waits for the SPAWN of its node."""
SPAWN_TIME = 30.0
"""Seconds that a SPAWN waits for its spawner, and for the node at `spawn_path`."""
MOST_MISFITS = 1000
MOST_SYNCHRONIZERS = 8
"""Of more synchronizers of one node, those that a SPAWN is about are not searched for."""
_HALF = 32767


class _Sender:
    """What one peer has spawned here, and what it has announced.

    Attributes:
        nodes: its nodes, by their numbers.
        synchronizers: the synchronizers of these nodes, by their numbers.
        raw: nodes of unknown scenes by the numbers of their synchronizers, each with the place of the synchronizer.
        kept: paths that the peer has announced, for which there is no node yet.
        calls: packets that wait for their node: the path, the packet, and the latest time.
        held: the bytes of these packets.
        waiting: its nodes whose spawner, or the spawner's node, is not here yet.
    """

    __slots__ = ("calls", "held", "kept", "nodes", "raw", "synchronizers", "waiting")

    def __init__(self) -> None:
        self.nodes: dict[int, Node] = {}
        self.synchronizers: dict[int, MultiplayerSynchronizer] = {}
        self.raw: dict[int, tuple[RawScene, int]] = {}
        self.kept: dict[str, SimplifyPath] = {}
        self.calls: list[tuple[str, bytes, float]] = []
        self.held = 0
        self.waiting = WaitingSpawns()

    def keep_calls(self, calls: list[tuple[str, bytes, float]]) -> None:
        """Keeps some of the waiting calls."""
        self.calls = calls
        self.held = sum(len(data) for _, data, _ in calls)


class _Arrival:
    """A node that is entering the tree because of a SPAWN.

    Attributes:
        sender: the peer that has spawned the node.
        node: the node.
        ids: the numbers of synchronizers that are not given yet.
        state: the values that are not set yet.
        listed: the synchronizers that the SPAWN is about. None: those that belong to the sender.
    """

    __slots__ = ("_is_compared", "ids", "listed", "node", "sender", "state")

    def __init__(self, sender: int, node: Node, packet: Spawn) -> None:
        self.sender = sender
        self.node = node
        self.ids = list(packet.sync_ids)
        self.state = packet.state
        self.listed: tuple[MultiplayerSynchronizer, ...] | None = None
        self._is_compared = False

    def is_about(self, synchronizer: MultiplayerSynchronizer) -> bool:
        """Whether the SPAWN has a number and values for a synchronizer of the node, which is entering the tree."""
        if not self._is_compared:
            self._is_compared = True
            self._compare_owners()
        if self.listed is not None:
            return synchronizer in self.listed
        return synchronizer.get_multiplayer_authority() == self.sender

    def _compare_owners(self) -> None:
        """Finds the synchronizers that the SPAWN is about if others belong to the sender here.

        The sides disagree while a synchronizer is handed over: a SPAWN tells how many of them belong to its sender, but
        not which. Often only one choice has as many values as the SPAWN.
        """
        every = _synchronizers_of(self.node)
        owned = sum(one.get_multiplayer_authority() == self.sender for one in every)
        if owned == len(self.ids) or len(every) > MOST_SYNCHRONIZERS:
            return
        text = "the SPAWN of %s is about %s synchronizers of peer %s, and %s belong to the peer here: set the same "
        text += "authority on all sides, in _enter_tree"
        log_limited(logger, logging.WARNING, text, describe(self.node), len(self.ids), self.sender, owned)
        try:
            count = len(decode_values(self.state, None)[0])
        except PacketError:
            return
        choices = combinations(every, len(self.ids))
        fitting = [some for some in choices if sum(len(one.lists().spawn) for one in some) == count]
        if len(fitting) == 1:
            self.listed = fitting[0]


def _synchronizers_of(root: Node) -> list[MultiplayerSynchronizer]:
    """Returns the synchronizers that send properties of a node, in the order of the tree."""
    found, pending = [], [root]
    while pending:
        node = pending.pop()
        if isinstance(node, MultiplayerSynchronizer) and node.get_node_or_null(node.root_path) is root:
            found.append(node)
        pending.extend(reversed(node.get_children()))
    return found


class Reception:
    """Receives what other sides spawn and synchronise.

    Args:
        host: the API.
        replicator: knows the spawners and synchronizers.

    Attributes:
        senders: the peers that have sent packets of replication, with what is known of them.
    """

    def __init__(self, host: ReplicationHost, replicator: Replicator) -> None:
        self._host = host
        self._replicator = replicator
        self.senders: dict[int, _Sender] = {}
        self._origins: dict[Node, tuple[int, int, MultiplayerSpawner]] = {}  # of received nodes
        self._ids: dict[MultiplayerSynchronizer, tuple[int, int]] = {}
        self._counters: dict[MultiplayerSynchronizer, int] = {}
        self._arrival: _Arrival | None = None
        self._misfits: dict[tuple[str, str, str], None] = {}

    def _sender(self, peer_id: int) -> _Sender:
        found = self.senders.get(peer_id)
        if found is None:
            found = self.senders[peer_id] = _Sender()
        return found

    # ------------------------------------------------------------------------------------------ nodes and peers

    def started(self, synchronizer: MultiplayerSynchronizer, root: Node) -> None:
        """Gives a synchronizer that has entered the tree its number and its first values, if a SPAWN has them."""
        arrival = self._arrival
        is_new = arrival is not None and root is arrival.node
        if arrival is not None and is_new and arrival.is_about(synchronizer):
            self._begin(arrival, synchronizer, root)
            self.resolve(synchronizer)
        elif not self.resolve(synchronizer):
            self._confirm_again(synchronizer)

    def _begin(self, arrival: _Arrival, synchronizer: MultiplayerSynchronizer, root: Node) -> None:
        if not arrival.ids:
            text = "the MultiplayerSynchronizer at '%s' gets no updates: the SPAWN of peer %s has no number for it"
            log_limited(logger, logging.ERROR, text, synchronizer.get_path(), arrival.sender)
            return
        number = arrival.ids.pop(0)
        sender = self.senders.get(arrival.sender)
        if sender is None:  # the game has disconnected the peer while its node is entering
            return
        sender.synchronizers[number] = synchronizer
        self._ids[synchronizer] = arrival.sender, number
        properties = synchronizer.lists().spawn
        try:
            values, used = decode_values(arrival.state, len(properties))
        except PacketError as problem:
            text = "the state of '%s' from peer %s is damaged: %s"
            log_limited(logger, logging.ERROR, text, synchronizer.get_path(), arrival.sender, problem)
            return
        arrival.state = arrival.state[used:]
        self._set(arrival.sender, root, properties, values)

    def stopped(self, synchronizer: MultiplayerSynchronizer) -> None:
        """Forgets the number of a synchronizer."""
        known = self._ids.pop(synchronizer, None)
        if known is not None and known[0] in self.senders:
            self.senders[known[0]].synchronizers.pop(known[1], None)
        self._counters.pop(synchronizer, None)

    def node_left(self, node: Node) -> None:
        """Forgets a received node that has left the tree."""
        origin = self._origins.pop(node, None)
        if origin is not None:
            sender, net_id, spawner = origin
            spawner.forget(node)
            if sender in self.senders:
                known = self.senders[sender]
                known.nodes.pop(net_id, None)
                if isinstance(node, RawScene):
                    known.raw = {number: one for number, one in known.raw.items() if one[0] is not node}

    def forget_peer(self, peer_id: int) -> None:
        """Forgets a peer that has gone, and frees the nodes that it has spawned."""
        sender = self.senders.pop(peer_id, None)
        if sender is None:
            return
        for synchronizer in sender.synchronizers.values():
            self._ids.pop(synchronizer, None)
            self._counters.pop(synchronizer, None)
        for node in sender.nodes.values():
            node.queue_free()

    def forget_counters(self, peer_id: int) -> None:
        """Takes the next packet of each synchronizer of a peer for a newer one."""
        for one in [one for one in self._counters if one.get_multiplayer_authority() == peer_id]:
            del self._counters[one]

    def clear(self) -> None:
        """Forgets all peers, and frees the nodes that they have spawned."""
        for peer_id in list(self.senders):
            self.forget_peer(peer_id)
        self._counters.clear()

    # ------------------------------------------------------------------------------------------ paths and calls

    def keep(self, peer_id: int, told: SimplifyPath) -> None:
        """Keeps a path that a peer has announced, until there is a node; the oldest path gives way."""
        if len(told.path) > LONGEST_PATH:
            return
        kept = self._sender(peer_id).kept
        kept.pop(told.path, None)
        if len(kept) >= MOST_KEPT:
            del kept[next(iter(kept))]
        kept[told.path] = told

    def resolve(self, node: Node) -> bool:
        """Answers the peers that have announced the path of a node before there was the node; returns whether there
        were some.
        """
        is_known = False
        if any(sender.kept for sender in self.senders.values()) and self._host.owns(node):
            path = self._host.path_of(node)
            for peer_id, sender in list(self.senders.items()):
                told = sender.kept.pop(path, None)
                if told is not None:
                    is_known = True
                    self._host.told_again(peer_id, told)
        return is_known

    def _confirm_again(self, synchronizer: MultiplayerSynchronizer) -> None:
        """Asks the authority of a synchronizer for all values anew: a node at this path had left the tree, and with it
        what the authority had sent.
        """
        authority = synchronizer.get_multiplayer_authority()
        paths = self._host.paths
        agreed = paths.peers.get(authority)
        if agreed is not None and agreed.known:
            path = self._host.path_of(synchronizer)
            numbers = [number for number, (known, _, _) in agreed.known.items() if known == path]
            if numbers:
                answer = ConfirmPath(True, None, path) if paths.is_old(authority) else ConfirmPath(True, numbers[-1])
                self._host.transmit((authority,), answer.encode())

    def hold_call(self, peer_id: int, path: str, data: bytes, now: float) -> bool:
        """Keeps a call of a node that the caller may be about to spawn; returns False if it cannot come."""
        sender = self._sender(peer_id)
        is_full = len(sender.calls) >= MOST_KEPT or sender.held + len(data) > MOST_BYTES
        if is_full or not self._may_come(peer_id, path):
            return False
        sender.calls.append((path, data, now + HOLD_TIME))
        sender.held += len(data)
        return True

    def _may_come(self, peer_id: int, path: str) -> bool:
        for spawner in self._replicator.members:
            node = spawner.get_spawn_node() if isinstance(spawner, MultiplayerSpawner) else None
            if node is not None and spawner.get_multiplayer_authority() == peer_id:
                above = self._host.path_of(node)
                if path.startswith(f"{above}/") or above == ".":
                    return True
        return False

    def _release(self, peer_id: int, node: Node) -> None:
        """Makes the calls that have waited for a node."""
        sender = self.senders.get(peer_id)
        if sender is None or not sender.calls:
            return
        path = self._host.path_of(node)
        below = f"{path}/"
        ready: list[tuple[str, bytes, float]] = []
        rest: list[tuple[str, bytes, float]] = []
        for one in sender.calls:
            (ready if one[0] == path or one[0].startswith(below) else rest).append(one)
        sender.keep_calls(rest)
        for _, data, _ in ready:
            self._host.call_again(peer_id, data)

    def expire(self, now: float) -> None:
        """Adds nodes whose spawner has come; refuses SPAWNs and calls that have waited too long."""
        for peer_id, sender in list(self.senders.items()):
            if sender.waiting.nodes:
                self._enter_waiting(peer_id, sender.waiting)
            for one in [one for one in sender.waiting.nodes.values() if one.until <= now]:
                sender.waiting.drop(one.packet.net_id)
                is_here = self._host.node_of(peer_id, one.packet.spawner_id) is not None
                what = "whose spawn_path leads to no node" if is_here else "that is not here"
                self._host.count_replication(peer_id, f"of a spawner {what}")
            if sender.calls and sender.calls[0][2] <= now:
                late = [one for one in sender.calls if one[2] <= now]
                sender.keep_calls(sender.calls[len(late) :])
                for _, data, _ in late:
                    self._host.call_again(peer_id, data)

    def is_waiting(self) -> bool:
        """Whether calls wait for their node, or SPAWNs for their spawner."""
        senders = self.senders
        return bool(senders) and any(one.calls or one.waiting.nodes for one in senders.values())

    # ------------------------------------------------------------------------------------------ SPAWN and DESPAWN

    def spawn(self, peer_id: int, packet: Spawn) -> None:
        """Adds the node of a SPAWN, at once or when its spawner is here.

        Raises:
            PacketError: the packet is refused; the text says why.
        """
        waiting = self._sender(peer_id).waiting
        if waiting.nodes:
            self._enter_waiting(peer_id, waiting)  # these came first
        if self._spawn_now(peer_id, packet):
            return
        may_come = self._is_told(peer_id, packet.spawner_id) and len(packet.name) <= LONGEST_NAME
        if not may_come or not waiting.keep(packet, self._replicator.now() + SPAWN_TIME):
            self._host.count_replication(peer_id, "of a spawner that is not here")

    def _is_told(self, peer_id: int, number: int) -> bool:
        """Whether a peer has told the path for a number, and a spawner may come there."""
        agreed = self._host.paths.peers.get(peer_id)
        if agreed is not None and number in agreed.known:
            node = self._host.node_of(peer_id, number)
            return node is None or isinstance(node, MultiplayerSpawner)
        return any(told.cache_id == number for told in self._sender(peer_id).kept.values())

    def _enter_waiting(self, peer_id: int, waiting: WaitingSpawns) -> None:
        """Adds the nodes that have waited for a spawner that is here now, with their values."""
        for net_id, one in list(waiting.nodes.items()):
            if peer_id not in self.senders or waiting.nodes.get(net_id) is not one:
                continue  # what the game does for the nodes before has ended the session, or brought this node
            try:
                if self._spawn_now(peer_id, one.packet):
                    for packet in one.packets():
                        self.sync(peer_id, packet)
            except PacketError as problem:
                waiting.drop(net_id)
                self._host.refuse_packet(peer_id, problem)

    def _spawn_now(self, peer_id: int, packet: Spawn) -> bool:
        """Adds the node of a SPAWN; returns False if there is no spawner, or no node at its `spawn_path`.

        Raises:
            PacketError: the packet is refused; the text says why.
        """
        spawner = self._spawner(peer_id, packet.spawner_id)
        parent = None if spawner is None else spawner.get_spawn_node()
        if spawner is None or parent is None:
            return False
        sender = self._sender(peer_id)
        sender.waiting.drop(packet.net_id)
        known = sender.nodes.get(packet.net_id)
        if known is not None and known.name == packet.name and self._origins[known][2] is spawner:
            self._host.count_replication(peer_id, "of a node that is here already")
            return True
        if packet.net_id in sender.nodes:
            raise PacketError(f"SPAWN of a number that is taken: {packet.net_id}", 6)
        if len(packet.name) > LONGEST_NAME:
            raise PacketError(f"SPAWN with a name of {len(packet.name)} characters")
        if parent.has_node(packet.name) and packet.name:
            raise PacketError(f"SPAWN of '{packet.name}', and there is a node of that name")
        if spawner.is_full() or len(sender.nodes) >= self._host.max_spawned_nodes:
            raise PacketError("SPAWN of more nodes than are allowed", kind="too many nodes")
        self._enter(peer_id, self._make(spawner, packet), parent, spawner, packet)
        return True

    def _spawner(self, peer_id: int, number: int) -> MultiplayerSpawner | None:
        node = self._host.node_of(peer_id, number)
        if not isinstance(node, MultiplayerSpawner):
            return None
        if node.get_multiplayer_authority() != peer_id:
            raise PacketError(f"SPAWN by '{node.name}', and the peer is not its authority", kind="not allowed")
        return node

    def _make(self, spawner: MultiplayerSpawner, packet: Spawn) -> Node:
        if packet.scene == SCENE_CUSTOM:
            return self._make_custom(spawner, packet)
        path = spawner.get_spawnable_scene(packet.scene) if packet.scene < spawner.get_spawnable_scene_count() else ""
        scenes = spawner.scenes()
        try:
            node = None if scenes is None or not path else scenes.make(path, packet.name)
        except Exception:
            report(logger, "the class of %s raised for a SPAWN", path)
            raise PacketError(f"SPAWN of {path}, whose class has raised") from None
        if node is not None:
            return node
        if not path:
            raise PacketError(f"SPAWN of scene {packet.scene}, which is not in the list of '{spawner.name}'")
        return RawScene(packet.name or "Node", path, len(packet.sync_ids))

    def _make_custom(self, spawner: MultiplayerSpawner, packet: Spawn) -> Node:
        assert packet.argument is not None
        (data,), _ = decode_values(packet.argument, 1)
        if spawner.spawn_function is None:
            raw = RawScene(packet.name or "Node", "", len(packet.sync_ids))
            raw.spawn_data = data
            return raw
        node = spawner.instantiate(data)
        if node is None:
            raise PacketError("SPAWN, and spawn_function makes no node")
        if packet.name:
            node.name = packet.name
        return node

    def _enter(self, peer_id: int, node: Node, parent: Node, spawner: MultiplayerSpawner, packet: Spawn) -> None:
        if isinstance(node, RawScene):
            node.spawned_values = decode_values(packet.state, None)[0]
        spawner.note(node)
        self._origins[node] = peer_id, packet.net_id, spawner
        self._sender(peer_id).nodes[packet.net_id] = node
        before, self._arrival = self._arrival, _Arrival(peer_id, node, packet)
        arrival = self._arrival
        if isinstance(node, RawScene):
            self._sender(peer_id).raw.update({number: (node, place) for place, number in enumerate(arrival.ids)})
            arrival.ids.clear()
        try:
            parent.add_child(node)
        except ValueError as problem:
            self.node_left(node)
            raise PacketError(f"SPAWN of '{node.name}': {problem}") from None
        finally:
            self._arrival = before
        if arrival.ids:
            text = "the SPAWN of %s from peer %s has %s numbers of synchronizers too many: the scenes differ"
            log_limited(logger, logging.ERROR, text, describe(node), peer_id, len(arrival.ids))
        spawner.spawned.emit(node)
        self._release(peer_id, node)

    def despawn(self, peer_id: int, packet: Despawn) -> None:
        """Removes the node of a DESPAWN. An unknown number is counted only: the node may have left the tree here."""
        sender = self._sender(peer_id)
        if sender.waiting.nodes and sender.waiting.drop(packet.net_id):
            return
        node = sender.nodes.get(packet.net_id)
        if node is None:
            self._host.count_replication(peer_id, "of a node that is not here")
            return
        spawner = self._origins[node][2]
        parent = node.get_parent()
        if parent is not None:
            parent.remove_child(node)
        self.node_left(node)
        spawner.despawned.emit(node)

    # ------------------------------------------------------------------------------------------ SYNC and delta

    def sync(self, peer_id: int, packet: Sync | Delta) -> None:
        """Sets the properties of a SYNC or delta.

        Raises:
            PacketError: the rest of the packet is dropped; the text says why.
        """
        sender = self.senders.get(peer_id)
        raw = {} if sender is None else sender.raw
        waiting = {} if sender is None else sender.waiting.synchronizers
        if isinstance(packet, Sync):
            for number, values in packet.elements:
                if number in raw:
                    raw[number][0].receive(raw[number][1], None, values)
                elif number in waiting:
                    self._keep_values(peer_id, number, packet.counter, None, values)
                else:
                    self._sync_one(peer_id, number, packet.counter, values)
        else:
            for number, mask, values in packet.elements:
                if number in raw:
                    raw[number][0].receive(raw[number][1], mask, values)
                elif number in waiting:
                    self._keep_values(peer_id, number, 0, mask, values)
                else:
                    self._delta_one(peer_id, number, mask, values)
        if packet.problem:  # engines send packets that are too short when values are nearly too large
            self._host.count_replication(peer_id, f"in a damaged packet: {packet.problem}")

    def _keep_values(self, peer_id: int, number: int, counter: int, mask: int | None, values: bytes) -> None:
        if not self._sender(peer_id).waiting.keep_values(number, counter, mask, values):
            self._host.count_replication(peer_id, "of a spawner that is not here")

    def _synchronizer(self, peer_id: int, number: int) -> MultiplayerSynchronizer | None:
        """Returns the synchronizer of an element; None if the element is to be ignored."""
        path_number = path_based(number)
        sender = self.senders.get(peer_id)
        if path_number is not None:
            found = self._host.node_of(peer_id, path_number)
        else:
            found = None if sender is None else sender.synchronizers.get(number)
        if not isinstance(found, MultiplayerSynchronizer):
            self._host.count_replication(peer_id, "of synchronizers that are not here")
            return None
        if found.get_multiplayer_authority() != peer_id:
            self._host.count_replication(peer_id, "of synchronizers whose authority it is not")
            return None
        return found

    def _sync_one(self, peer_id: int, number: int, counter: int, data: bytes) -> None:
        found = self._synchronizer(peer_id, number)
        root = None if found is None else found.get_root_node()
        if found is None or root is None:
            return
        last = self._counters.get(found)
        if last is not None and counter <= last and last - counter < _HALF:
            return
        self._counters[found] = counter
        properties = found.lists().always
        values, _ = decode_values(data, len(properties))
        names = self._set(peer_id, root, properties, values)
        found.emit_signal("synchronized")
        if found.lists().declares:
            root.emit_signal("synchronized")
        if names:
            root.emit_signal("changed", names)

    def _delta_one(self, peer_id: int, number: int, mask: int, data: bytes) -> None:
        found = self._synchronizer(peer_id, number)
        root = None if found is None else found.get_root_node()
        if found is None or root is None:
            return
        properties = [one for index, one in enumerate(found.lists().watched) if mask >> index & 1]
        if not properties:
            raise PacketError(f"a delta of no property that '{found.name}' has")
        values, used = decode_values(data, len(properties))
        if used != len(data):
            raise PacketError(f"a delta of '{found.name}' with {len(data) - used} bytes too many")
        names = self._set(peer_id, root, properties, values)
        found.delta_synchronized.emit()
        if names:
            root.emit_signal("changed", names)

    def _set(self, peer_id: int, root: Node, properties: Sequence[Property], values: list[Any]) -> list[str]:
        """Sets received values; returns the names of the properties that have changed."""
        names = []
        for one, value in zip(properties, values, strict=True):
            try:
                if one.write(root, value):
                    names.append(one.name)
            except (CallError, Missing) as problem:
                self._report_misfit(peer_id, root, one, value, problem)
        return names

    def _report_misfit(self, peer_id: int, root: Node, one: Property, value: Any, problem: Exception) -> None:
        """Counts a value that does not fit; logs the first of each property and type."""
        self._host.count_replication(peer_id, "")
        key = type(root).__qualname__, one.path, type(value).__name__
        if key not in self._misfits and len(self._misfits) < MOST_MISFITS:
            self._misfits[key] = None
            text = "peer %s: '%s' of %s %s; it stays as it is"
            logger.warning(text, peer_id, one.path, describe(root), problem)
