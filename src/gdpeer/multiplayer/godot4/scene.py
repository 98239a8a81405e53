"""`SceneMultiplayer`: Godot 4's multiplayer API.

    tree = SceneTree()
    tree.multiplayer.multiplayer_peer = peer  # a WebSocketMultiplayerPeer
    tree.multiplayer.peer_connected.connect(...)

It admits peers (at once, or after authentication), announces clients to each other, relays packets between them,
delivers packets of `send_bytes`, and leaves calls to `Godot4Calls`.

Differs from the engine:
- packets that arrived before the end of a connection are handled before the end is announced;
- a call with an argument that cannot be decoded is refused; the engine calls the method with null instead;
- a node that belongs to another API of the tree cannot be called.

Layer: `multiplayer`. Source: reference godot-api section 7, godot4-wire sections C and D.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from gdpeer.arguments import BYTES, INT, check_id, checked, seconds_of, to_bytes
from gdpeer.clock import MONOTONIC, Clock
from gdpeer.errors import Error, PacketError
from gdpeer.logs import Own, get_logger, log_limited
from gdpeer.multiplayer.api import MultiplayerAPI
from gdpeer.multiplayer.godot4._scene import SceneBase
from gdpeer.multiplayer.godot4.authentication import AuthCallback, Authentication
from gdpeer.multiplayer.godot4.calls import Godot4Calls
from gdpeer.multiplayer.godot4.differences import CONTRACT
from gdpeer.multiplayer.godot4.godot3_guests import Godot3Guests
from gdpeer.multiplayer.host import PeerHost
from gdpeer.multiplayer.peer import TARGET_PEER_SERVER, MultiplayerPeer, TransferMode
from gdpeer.multiplayer.replication.owed import OwedValues
from gdpeer.multiplayer.replication.relayed import RelayedPaths
from gdpeer.multiplayer.replication.replicator import Replicator
from gdpeer.multiplayer.replication.spawner import MultiplayerSpawner
from gdpeer.multiplayer.replication.synchronizer import MultiplayerSynchronizer
from gdpeer.multiplayer.wire.godot4 import (
    AddPeer,
    Auth,
    Command,
    ConfirmPath,
    DelPeer,
    Packet,
    Raw,
    Relay,
    SimplifyPath,
    is_call,
    parse,
    relay_packet,
)
from gdpeer.multiplayer.wire.replication import Delta, Despawn, Spawn, Sync
from gdpeer.packet_session import PacketBlock
from gdpeer.quoting import MOST, escape
from gdpeer.variant.names import NodePath

if TYPE_CHECKING:
    from gdpeer.multiplayer.godot4.paths import PathCache
    from gdpeer.multiplayer.godot4.places import PlaceKeeper
    from gdpeer.multiplayer.godot4.resumption import Resumption
    from gdpeer.multiplayer.rpc.mismatch import ContractLike
    from gdpeer.multiplayer.tree import Node

__all__ = ["SceneMultiplayer"]

logger = get_logger("gdpeer.multiplayer")

SMALLEST_PACKET = 128
MOST_AT_ONCE = 32_768
"""Bytes that a returned peer is given at once of what it has missed: half of the queue of a connection."""

MAX_ID = 2**31 - 1
MAX_PEERS = 65_536
"""The most peers that a server may announce to a client."""

_SERVER_ALONE = (TARGET_PEER_SERVER,)
_OK = Error.OK  # once, because looking up members of an enumeration is slow


class SceneMultiplayer(SceneBase, PeerHost[MultiplayerPeer]):
    """Calls methods and sends packets over a `MultiplayerPeer`, and knows the session's members, as in Godot 4.

    Args:
        clock: a `ManualClock` in tests.

    Attributes:
        peer_authenticating: signal (peer_id): a peer has come, and waits for authentication.
        peer_authentication_failed: signal (peer_id): a waiting peer took too long, or left.
        peer_packet: signal (peer_id, data): a packet from another side's `send_bytes` has arrived.
        server_relay: whether clients know and reach each other through the server. Set the same value on every side.
            Default: True.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = (
        "away",
        "keeper",
        "peer_authenticating",
        "peer_authentication_failed",
        "peer_packet",
        "replicator",
        "resumption",
        "server_relay",
    )

    def __init__(self, *, clock: Clock = MONOTONIC) -> None:
        self.peer_authenticating = self._signal("peer_authenticating")
        self.peer_authentication_failed = self._signal("peer_authentication_failed")
        self.peer_packet = self._signal("peer_packet")
        self.server_relay = True
        self.keeper: PlaceKeeper | None = None  # of a room
        self.resumption: Resumption | None = None  # of a room
        self.away: dict[int, None] = {}  # the ids of the peers whose connection was lost and whose place is kept
        self._max_sync = 1350
        self._max_delta = 65_535
        self._max_spawned = 10_000
        self._relayed = RelayedPaths(self._may_have)
        self._owed = OwedValues()
        guests = Godot3Guests(self)
        self._connect(Godot4Calls(self), Authentication(self, clock), guests, Replicator(self, clock))
        PeerHost.__init__(self)
        self._clock = clock
        self.replicator.identify()

    @property
    def auth_callback(self) -> AuthCallback | None:
        """Called with (peer_id, data) for data from `send_auth`. Default: None, which admits every peer at once."""
        return self._authentication.callback

    @auth_callback.setter
    def auth_callback(self, callback: AuthCallback | None) -> None:
        self._authentication.callback = callback

    @property
    def auth_timeout(self) -> float:
        """The most seconds that a peer may take to authenticate. 0: no limit. Default: 3."""
        return self._authentication.timeout

    @auth_timeout.setter
    def auth_timeout(self, seconds: float) -> None:
        if not seconds >= 0:
            raise ValueError(f"auth_timeout must not be negative: {seconds}")
        self._authentication.timeout = float(seconds)

    @property
    def max_sync_packet_size(self) -> int:
        """The most bytes of a packet with properties of the mode ALWAYS, at least 128. Default: 1,350. The values of
        one synchronizer that are larger are not sent, which is logged.
        """
        return self._max_sync

    @max_sync_packet_size.setter
    def max_sync_packet_size(self, size: int) -> None:
        self._max_sync = _packet_size(size)

    @property
    def max_delta_packet_size(self) -> int:
        """The most bytes of a packet with properties of the mode ON_CHANGE, at least 128. Default: 65,535. Changes of
        one synchronizer that are larger are not sent until they fit, which is logged.
        """
        return self._max_delta

    @max_delta_packet_size.setter
    def max_delta_packet_size(self, size: int) -> None:
        self._max_delta = _packet_size(size)

    @property
    def replication_rate(self) -> float:
        """The most network frames per second. Changes of replicated properties leave with the next network frame, which
        `poll` sends. `math.inf`: each poll is a network frame. Default: 30.
        """
        return self.replicator.rate

    @replication_rate.setter
    def replication_rate(self, frames: float) -> None:
        if not frames > 0:
            raise ValueError(f"replication_rate must be above 0: {frames}")
        self.replicator.rate = float(frames)

    @property
    def max_spawned_nodes(self) -> int:
        """The most nodes that one peer may have spawned here at a time; more are refused. Default: 10,000."""
        return self._max_spawned

    @max_spawned_nodes.setter
    def max_spawned_nodes(self, count: int) -> None:
        if count < 0:
            raise ValueError(f"max_spawned_nodes must not be negative: {count}")
        self._max_spawned = count

    def clear(self) -> None:
        """Forgets all state: peers, numbers of paths, and authentications. Nodes that peers have spawned here are
        freed.
        """
        super().clear()
        self.away.clear()
        if self.resumption is not None:
            self.resumption.clear()
        self.replicator.clear()
        self._relayed.clear()
        self._owed.peers.clear()
        self._authentication.pending.clear()
        self._calls.cache.clear()
        self._calls.differences.peers.clear()
        self._guests.clear()

    def get_authenticating_peers(self) -> list[int]:
        """Returns the ids of the peers that are not admitted yet."""
        return list(self._authentication.pending)

    def object_configuration_add(self, node: Node | None, configuration: Any) -> Error:
        """Sets `root_path`, if `node` is None and `configuration` is a path. Else begins with a spawner or
        synchronizer: the two classes do that themselves when they enter the tree.

        Returns:
            OK: done.
            ERR_ALREADY_IN_USE: the node has a spawner already.
            ERR_INVALID_PARAMETER: any other object, or a node that the spawner cannot spawn.
        """
        if isinstance(configuration, MultiplayerSynchronizer) and node is not None:
            self.replicator.start(configuration, node)
            return _OK
        if isinstance(configuration, MultiplayerSpawner) and node is not None:
            return self.replicator.adopt(configuration, node)
        if node is not None or not isinstance(configuration, str | NodePath):
            return Error.ERR_INVALID_PARAMETER
        self.root_path = NodePath(str(configuration))
        return _OK

    def object_configuration_remove(self, node: Node | None, configuration: Any) -> Error:
        """Undoes `object_configuration_add`.

        Returns:
            `OK`; `ERR_INVALID_PARAMETER` for an object or a path that was not added.
        """
        if isinstance(configuration, MultiplayerSynchronizer) and node is not None:
            self.replicator.stop(configuration, node)
            return _OK
        if isinstance(configuration, MultiplayerSpawner) and node is not None:
            self.replicator.node_left(node)
            return _OK
        if node is not None or str(configuration) != str(self.root_path):
            return Error.ERR_INVALID_PARAMETER
        self.root_path = NodePath("")
        return _OK

    # ------------------------------------------------------------------------------------------ coming and going

    def _peer_came(self, peer_id: int) -> None:
        if self._peer is not None and self._peer.get_peer_dialect(peer_id) == "godot3":
            self._guests.members.add(peer_id)
        if self.auth_callback is None:
            self._admit(peer_id)
            return
        if peer_id in self._guests.members:
            self._turn_away(peer_id, "Godot 3 cannot authenticate")
            return
        self._authentication.begin(peer_id)
        self.peer_authenticating.emit(peer_id)

    def _turn_away(self, peer_id: int, reason: str) -> None:
        self._forget_caller(peer_id)
        self._guests.forget_peer(peer_id)
        if self._peer is not None:
            self._peer.disconnect_peer(peer_id)
        log_limited(logger, logging.WARNING, "peer %s was turned away: %s", peer_id, reason)
        self._fail(peer_id)

    def _fail(self, peer_id: int) -> None:
        """Announces that a peer that has come was not admitted."""
        if self.keeper is not None:
            self.keeper.failed(peer_id)
        self.peer_authentication_failed.emit(peer_id)

    def _admit(self, peer_id: int) -> None:
        if peer_id in self.away:
            self._take_back(peer_id)
            return
        self._tell_others(AddPeer(peer_id).encode())
        self._introduce(peer_id)
        self._enter_session(peer_id)
        if self.keeper is not None:
            self.keeper.joined(peer_id)
        if peer_id == TARGET_PEER_SERVER:
            self.connected_to_server.emit()
        self.peer_connected.emit(peer_id)

    def _tell_others(self, data: bytes) -> None:
        """Tells the other clients, on a server, that a peer has come or gone."""
        if self._relays() and self.is_server():
            self._tell(self._guests.split(self.admitted)[0], data)

    def _introduce(self, peer_id: int) -> None:
        """Tells a new client, on a server, of all others; also of those that are away, as their places are kept."""
        # Godot 3's transport tells its peers by itself.
        if peer_id not in self._guests.members and self._relays() and self.is_server():
            packets = [AddPeer(other).encode() for other in (*self.admitted, *self.away) if other != peer_id]
            sent = self.transmit_block(peer_id, PacketBlock(packets)) if packets else 0
            for packet in packets[sent:]:
                self._tell((peer_id,), packet)

    def _enter_session(self, peer_id: int) -> None:
        """Lets a peer take part from now on."""
        self.admitted[peer_id] = None
        if peer_id not in self._guests.members:
            self.replicator.admit(peer_id)

    def _take_back(self, peer_id: int) -> None:
        """Takes a peer back that was away. The peer begins anew; to the others nothing has happened, if that can be."""
        del self.away[peer_id]
        resumption = self.resumption
        if resumption is not None:
            others = (*self.admitted, *self.away)
            if not resumption.comes_back(peer_id, peer_id in self._guests.members, others, self._clock.now()):
                self._tell_others(DelPeer(peer_id).encode())
                self._tell_others(AddPeer(peer_id).encode())
        self._introduce(peer_id)
        self.replicator.reception.forget_counters(peer_id)
        self._enter_session(peer_id)
        if self.keeper is not None:
            self.keeper.returned(peer_id)
        self._catch_up(peer_id)

    def _catch_up(self, peer_id: int) -> None:
        """Gives a returned peer what it has missed, as far as there is room now."""
        resumption = self.resumption
        if resumption is not None:
            resumption.catch_up(peer_id, partial(self._hand_over, peer_id))
        if self.keeper is not None and not (resumption is not None and peer_id in resumption.behind):
            self.keeper.caught_up(peer_id)

    def _hand_over(self, peer_id: int, source: int, item: SimplifyPath | bytes) -> bool:
        """Gives a returned peer what another client had told it before, or has sent meanwhile; False without room."""
        size = len(item) if isinstance(item, bytes) else SMALLEST_PACKET + len(item.path)
        waiting = self.waiting(peer_id)
        if waiting and waiting + size > MOST_AT_ONCE:
            return False
        if source in self.admitted or source in self.away:  # else it has left meanwhile
            if isinstance(item, bytes):
                self._pass_again(source, peer_id, item)
            elif self._relayed.told_again(source, peer_id, item):
                self._relay_to((peer_id,), item.encode(), source)
                self._give_values(peer_id, source, item.cache_id, item.path)
        return True

    def _pass_again(self, source: int, peer_id: int, data: bytes) -> None:
        try:
            self._pass_on(source, (peer_id,), data)
        except PacketError as problem:
            self.refuse_packet(source, problem)

    def _is_resuming(self) -> bool:
        """Whether a returned peer has not got everything yet, or others have not got everything that it has sent."""
        return self.resumption is not None and self.resumption.is_unfinished()

    def _peer_went(self, peer_id: int) -> None:
        super()._peer_went(peer_id)
        if self.resumption is not None and peer_id in self.admitted:
            # What others have sent this peer may be handled before its end, and must wait for the return as well.
            self.resumption.lost(peer_id, peer_id in self._guests.members)

    def _settle_end(self, peer_id: int) -> None:
        if self._authentication.pending.pop(peer_id, None) is not None:
            self._forget_caller(peer_id)
            self._fail(peer_id)
        elif peer_id in self.admitted:
            if self.keeper is not None and self.keeper.keeps(peer_id):
                self._leave_session(peer_id)
                self.away[peer_id] = None
                self.keeper.lost(peer_id)
                return
            self._remove(peer_id)
            self.peer_disconnected.emit(peer_id)

    def _leave_session(self, peer_id: int) -> None:
        """Forgets everything that was agreed on over a peer's connection."""
        del self.admitted[peer_id]
        self.replicator.forget_peer(peer_id)
        self._relayed.forget_peer(peer_id)
        self._owed.peers.pop(peer_id, None)
        self._calls.cache.forget_peer(peer_id)
        self._calls.differences.peers.pop(peer_id, None)
        self._guests.forget_peer(peer_id)
        self._forget_caller(peer_id)

    def _remove(self, peer_id: int) -> None:
        self._leave_session(peer_id)
        self._tell_gone(peer_id)

    def _tell_gone(self, peer_id: int) -> None:
        self._owed.forget_peer(peer_id)
        self._tell_others(DelPeer(peer_id).encode())
        if self.resumption is not None:
            self.resumption.gone(peer_id)
        if self.keeper is not None:
            self.keeper.gone(peer_id)

    def _is_away(self, peer_id: int) -> bool:
        return peer_id in self.away

    def give_up(self, peer_id: int) -> None:
        """Ends the place of a peer that is away: the others are told, and `peer_disconnected` is emitted."""
        if peer_id in self.away:
            del self.away[peer_id]
            self._tell_gone(peer_id)
            self.peer_disconnected.emit(peer_id)

    def _forget_peer(self, peer_id: int) -> None:
        if self._authentication.pending.pop(peer_id, None) is not None:
            self._forget_caller(peer_id)
            if self.keeper is not None:
                self.keeper.failed(peer_id)
        elif peer_id in self.admitted:
            self._remove(peer_id)
        elif peer_id in self.away:
            del self.away[peer_id]
            self._tell_gone(peer_id)

    @checked(peer_id=INT)
    def disconnect_peer(self, peer_id: int) -> None:
        """Ends the connection to a peer, and tells the others. As in the engine, emits no `peer_disconnected` here."""
        if self._peer is None or not self._is_connected():
            log_limited(logger, logging.ERROR, "disconnect_peer: there is no connection")
            return
        self._forget_peer(peer_id)
        self._peer.disconnect_peer(peer_id)

    def poll(self, timeout: float = 0.0) -> Error:
        """Handles everything that has arrived, and turns away peers that did not authenticate in time; see
        `PeerHost.poll`.
        """
        if type(timeout) is not float:
            timeout = seconds_of("poll", "timeout", timeout)
        waiting, replicator = self._authentication, self.replicator
        is_replicating: object = replicator.members or self._owed.peers or replicator.reception.senders
        if self._is_resuming():
            is_replicating = True
        if timeout > 0:
            timeout = self.time_left(timeout)
        result = super().poll(timeout)
        if is_replicating and result is _OK and replicator.is_due() and self._packets is not None:
            self._packets.handle(replicator.frame)
        if waiting.pending and result is _OK:
            peer = self._peer
            for peer_id in waiting.take_late_ones():
                if self._peer is peer:  # else a handler has set another peer
                    self._turn_away(peer_id, "it did not authenticate in time")
        return result

    def time_left(self, most: float) -> float:
        """Returns the seconds until `poll` has something to do even if nothing arrives, at most `most`."""
        waiting, replicator = self._authentication, self.replicator
        if waiting.pending:
            most = min(most, waiting.time_left())
        is_replicating = replicator.members or self._owed.peers or replicator.reception.senders or self._is_resuming()
        return replicator.time_left(most) if is_replicating else most

    # ------------------------------------------------------------------------------------------ authentication

    @checked(peer_id=INT, data=BYTES)
    def send_auth(self, peer_id: int, data: bytes) -> Error:
        """Sends data to a peer that is not admitted yet; its `auth_callback` gets the data.

        Args:
            peer_id: a waiting peer.
            data: at least 1 byte.

        Returns:
            OK: the data was sent or queued.
            ERR_UNCONFIGURED: this side is not connected.
            ERR_INVALID_PARAMETER: the peer is not waiting, or `data` is empty.
            ERR_FILE_CANT_WRITE: one of both sides has completed already.
        """
        if not self._is_connected():
            return Error.ERR_UNCONFIGURED
        return self._authentication.send(peer_id, data)

    @checked(peer_id=INT)
    def complete_auth(self, peer_id: int) -> Error:
        """Completes the authentication of a peer on this side. The peer is admitted when both sides have completed.

        Returns:
            The codes of `send_auth`; `ERR_FILE_CANT_WRITE` if this side has completed already.
        """
        if not self._is_connected():
            return Error.ERR_UNCONFIGURED
        return self._authentication.complete(peer_id)

    # ------------------------------------------------------------------------------------------ packets

    def _handle(self, sender: int, packet: Packet) -> None:
        """Handles a packet of an admitted peer that is not a call; it may have been relayed."""
        if isinstance(packet, SimplifyPath | ConfirmPath):
            self._calls.receive(sender, packet)
        elif isinstance(packet, Raw):
            self.peer_packet.emit(sender, packet.data)
        elif isinstance(packet, Auth | AddPeer | DelPeer | Relay):
            self._handle_sys(sender, packet)
        elif isinstance(packet, Sync | Delta):
            self.replicator.reception.sync(sender, packet)
        elif isinstance(packet, Spawn):
            self.replicator.reception.spawn(sender, packet)
        elif isinstance(packet, Despawn):
            self.replicator.reception.despawn(sender, packet)

    def _handle_sys(self, sender: int, packet: Auth | AddPeer | DelPeer | Relay) -> None:
        if isinstance(packet, Auth):
            if packet.data:
                raise PacketError("AUTH of a peer that is admitted", kind="not allowed")
            return
        if not self._relays():
            raise PacketError("the server's relay is off on this side", kind="not allowed")
        if isinstance(packet, Relay):
            self._handle_relay(sender, packet)
            return
        if sender != TARGET_PEER_SERVER or self.is_server():
            raise PacketError("only the server tells of peers, and only clients", kind="not allowed")
        if isinstance(packet, AddPeer):
            self._handle_add(packet.peer_id)
        elif packet.peer_id in self.admitted:
            self._remove(packet.peer_id)
            self.peer_disconnected.emit(packet.peer_id)

    def _handle_add(self, peer_id: int) -> None:
        if len(self.admitted) >= MAX_PEERS:
            raise PacketError(f"ADD_PEER of more than {MAX_PEERS} peers")
        if peer_id in self.admitted or peer_id <= TARGET_PEER_SERVER or peer_id == self.get_unique_id():
            raise PacketError(f"ADD_PEER of an id that cannot be: {peer_id}")
        self.admitted[peer_id] = None
        self.replicator.admit(peer_id)
        self.peer_connected.emit(peer_id)

    def _handle_relay(self, sender: int, packet: Relay) -> None:
        if not self.is_server():
            if sender != TARGET_PEER_SERVER:
                raise PacketError("only the server relays", kind="not allowed")
            self._handle_inner(packet.peer_id, packet.data)
            return
        if packet.data[0] & 7 == Command.SYS:
            raise PacketError("a relayed packet cannot be SYS", kind="not allowed")
        target = packet.peer_id
        if target > 0:
            if target == sender or (target not in self.admitted and target not in self.away):
                raise PacketError(f"it is for {target}, who is not there", kind="unknown receiver")
            targets = [target] if target not in self.away else []
        else:
            targets = [one for one in self.admitted if one not in (sender, -target)]
        counts = self.rpc_rate > 0 and is_call(packet.data)
        if counts and self._is_flood(sender, f"a call for {target}"):
            return
        same, others = self._guests.split(targets)
        if self.resumption is None:
            self._pass_on(sender, same, packet.data)
        else:
            for group, data in self.resumption.relay(sender, same, self._absent(sender, target), packet.data):
                self._pass_on(sender, group, data)
        if others:
            try:
                self._guests.relay(sender, others, packet.data)
            except PacketError as problem:
                self.refuse_packet(sender, problem)
        if target <= 0 and target != -TARGET_PEER_SERVER:
            self.was_counted = counts
            try:
                self._handle_inner(sender, packet.data)
            finally:
                self.was_counted = False

    def _absent(self, sender: int, target: int) -> Sequence[int]:
        """Returns the peers of a target that are away."""
        if not self.away:
            return ()
        if target > 0:
            return (target,) if target in self.away else ()
        return [one for one in self.away if one not in (sender, -target)]

    def _pass_on(self, source: int, peer_ids: Sequence[int], data: bytes) -> None:
        """Sends a client's packet to other clients, as far as they have the nodes of which it tells."""
        if self._relayed.is_concerned(data):
            for one, rest in self._relayed.sort(source, peer_ids, data):
                self._relay_to((one,), rest, source)
        else:
            self._relay_to(peer_ids, data, source)

    def _relay_to(self, peer_ids: Sequence[int], data: bytes, source: int) -> None:
        is_value = data[0] & 7 == Command.SYNC
        if is_value and self._owed.peers:
            late = [one for one in peer_ids if one in self._owed.peers]
            if late and self._owe(late, data, source):
                peer_ids = [one for one in peer_ids if one not in late]
        if self.put(peer_ids, relay_packet(source, data)) is _OK:
            return
        # Values that come twice do no harm: some of these peers may have got the packet.
        late = [one for one in peer_ids if self.waiting(one)]
        if not (is_value and late and self._owe(late, data, source)):
            self.count_lost(source, peer_ids)

    def _owe(self, peer_ids: Sequence[int], data: bytes, source: int) -> bool:
        """Keeps values of a client for others until there is room; returns False if these are too many."""
        packet = parse(data)
        assert isinstance(packet, Sync | Delta)
        kept = [self._owed.add(one, source, packet) for one in peer_ids]
        return all(kept)

    def _handle_inner(self, source: int, data: bytes) -> None:
        packet = None if is_call(data) else parse(data)
        if isinstance(packet, Auth | AddPeer | DelPeer | Relay):
            raise PacketError("a relayed packet cannot be SYS", kind="not allowed")
        if source not in self.admitted:
            raise PacketError(f"relayed from {source}, which is not there")
        self._sender = source
        if packet is None:
            self._calls.receive_call(source, data)
        else:
            self._handle(source, packet)

    # ------------------------------------------------------------------------------------------ sending

    def _relays(self) -> bool:
        """Whether clients know and reach each other through the server."""
        return self.server_relay and self._peer is not None and self._peer.is_server_relay_supported()

    def _tell(self, peer_ids: Sequence[int], data: bytes) -> None:
        """Sends some peers a packet that they must not miss."""
        if self._peer is not None and peer_ids:
            self._peer.put_control_to(peer_ids, data)

    def send_bytes(
        self, data: bytes, peer_id: int = 0, mode: TransferMode = TransferMode.RELIABLE, channel: int = 0
    ) -> Error:
        """Sends a packet of the game's own. The receivers emit `peer_packet`.

        Args:
            data: at least 1 byte.
            peer_id: 0: all peers; positive: this peer; negative: all but that peer.
            mode: has no effect over WebSocket.
            channel: has no effect over WebSocket.

        Returns:
            OK: the packet was sent or queued. A client that sends through the server gets OK for unknown ids, too.
            ERR_INVALID_DATA: `data` is empty.
            ERR_UNCONFIGURED: this side is not connected.
            ERR_BUG: the peer is not connected.
            ERR_OUT_OF_MEMORY: the send queue of a peer is full.
        """
        if type(data) is not bytes:
            data = to_bytes("send_bytes", "data", data)
        if type(peer_id) is not int:
            check_id("send_bytes", peer_id)
        if not len(data):
            return Error.ERR_INVALID_DATA
        if not self._is_connected():
            return Error.ERR_UNCONFIGURED
        if not -MAX_ID - 1 <= peer_id <= MAX_ID:
            return Error.ERR_BUG
        packet = Raw(bytes(data)).encode()
        relayed = self._relays() and not self.is_server()  # only the server knows whether the target is connected
        if peer_id > 0 and peer_id not in self.admitted and not relayed:
            return Error.ERR_BUG
        if self._guests.members:
            same, others = self._guests.split(self._targets(peer_id))
            return self.put(same, packet) or self._guests.send_raw(data, others)
        if self.is_server():
            return self.put(self._targets(peer_id), packet)
        if relayed and peer_id != TARGET_PEER_SERVER:
            packet = relay_packet(peer_id, packet)
        return self.put(_SERVER_ALONE, packet)

    # ------------------------------------------------------------------------------------------ methods that differ

    @checked(contract=CONTRACT)
    def add_contract(self, contract: str | os.PathLike[str] | ContractLike) -> None:
        """Makes a version of the game known, so that the log can name the methods in which a peer's node differs.

        Give the contract of the newest game and those of older versions that players may still have.

        Args:
            contract: a file that `gdpeer contract show --json` has written, or a `gdpeer.contract.Contract`.

        Raises:
            ValueError: the file is not a saved contract, or the contract is of Godot 3, which compares no methods.
            OSError: the file cannot be read.
        """
        self._calls.differences.add_contract(contract)

    @checked(peer_id=INT)
    def get_mismatches(self, peer_id: int) -> dict[str, str]:
        """Returns what is known about the nodes whose methods differ from those of a peer.

        Returns:
            By path, for at most 100 nodes: "the peer lacks `set_name`". The kind "checksum mismatch" of `refused`
            counts all of them.
        """
        return dict(self._calls.differences.peers.get(peer_id, {}))

    def refuse(self, sender: int, path: str, method: str, kind: str, reason: str) -> None:
        """Logs and counts a refusal; if the peer's node has other methods, the reason also says which."""
        known = self._calls.differences.of(sender, path)
        if known:
            reason = Own(f"{escape(reason, 0 if isinstance(reason, Own) else MOST)} (the methods differ: {known})")
        super().refuse(sender, path, method, kind, reason)

    # ------------------------------------------------------------------------------------------ nodes

    @property
    def paths(self) -> PathCache:
        """The numbers of paths that were agreed on with the peers."""
        return self._calls.cache

    def node_of(self, peer_id: int, number: int) -> Node | None:
        """Returns the node that a peer means by a number; None if there is no such node here."""
        return self._calls.node_of(peer_id, number)

    def told_again(self, peer_id: int, told: SimplifyPath) -> None:
        """Handles a kept SIMPLIFY_PATH, now that there is a node at its path."""
        try:
            self._calls.receive_simplify(peer_id, told)
        except PacketError as problem:
            self.refuse_packet(peer_id, problem)

    def call_again(self, peer_id: int, data: bytes) -> None:
        """Handles a call that has waited for its node."""
        before, self._sender = self._sender, peer_id
        try:
            self._calls.receive_call(peer_id, data, False)
        except PacketError as problem:
            self.refuse_packet(peer_id, problem)
        finally:
            self._sender = before

    def _may_have(self, peer_id: int, path: str) -> bool:
        node = self.find(path)
        return node is None or self.replicator.may_have(node, peer_id)

    def shown(self, peer_id: int, node: Node) -> None:
        """Passes on what other clients have told a peer of a node that the peer did not have yet."""
        if not self._relayed.concerns(peer_id):
            return
        for source, data in self._relayed.shown(peer_id, self.path_of(node), self._clock.now()):
            self._relay_to((peer_id,), data, source)

    def _renew(self, peer_id: int, source: int, number: int, path: str) -> None:
        """Gives a peer all values of another client's synchronizer: a new node is at its path there."""
        is_old = self._calls.cache.is_old(source)
        own = number if self.resumption is None else self.resumption.own_number(source, number)
        answer = ConfirmPath(True, None, path) if is_old else ConfirmPath(True, own)
        self._relay_to((source,), answer.encode(), peer_id)
        self._give_values(peer_id, source, number, path)

    def _give_values(self, peer_id: int, source: int, number: int, path: str) -> None:
        """Gives a peer the values ON_CHANGE of another client's synchronizer: an engine sends them only once."""
        delta = self.replicator.delta_of(self.find(path), source, number)
        if delta:
            self._relay_to((peer_id,), delta, source)

    def renews(self) -> bool:
        """Whether `renew` has to be called."""
        return self._relayed.is_waiting() or bool(self._owed.peers) or self._is_resuming()

    def renew(self, now: float) -> None:
        """Gives peers what other clients have sent earlier: values for which there was no room, values of nodes that
        the peer has got again, and packets around a return.
        """
        for peer_id in [one for one in self._owed.peers if not self.waiting(one)]:
            for source, data in self._owed.take(peer_id, self._max_sync, self._max_delta):
                self._pass_on(source, (peer_id,), data)
        for peer_id, source, number, path in self._relayed.take_due(now):
            self._renew(peer_id, source, number, path)
        if self.resumption is not None:
            self.resumption.hand_over_delayed(now, self._hand_over)
            for peer_id in list(self.resumption.behind):
                if peer_id in self.resumption.behind:  # else the game has ended its place meanwhile
                    self._catch_up(peer_id)

    def hidden(self, peer_id: int, node: Node) -> None:
        """Passes on no more values of a node that a peer has lost."""
        if self._relayed.concerns(peer_id):
            path = self.path_of(node)
            self._relayed.hidden(peer_id, path, self._clock.now())
            if self.resumption is not None:
                self.resumption.lost_node(peer_id, path)

    def _node_renamed(self, node: Node) -> None:
        self.replicator.node_renamed(node)

    def _node_left(self, node: Node) -> None:
        self.replicator.node_left(node)
        self._calls.cache.forget_node(node)
        self._guests.calls.forget_node(node)

    def _forget_nodes(self) -> None:
        self._calls.cache.forget_nodes()
        self._guests.calls.forget_nodes()


MultiplayerAPI._default = SceneMultiplayer


def _packet_size(size: int) -> int:
    if size < SMALLEST_PACKET:
        raise ValueError(f"must be at least {SMALLEST_PACKET}: {size}")
    return size
