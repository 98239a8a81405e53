"""`MultiplayerPeer`: the network, as the high-level multiplayer sees it.

A peer is one end of a session. The server has the id 1, clients have ids from 2 to 2^31-1. A packet goes to one peer,
to all, or to all but one. A peer does not interpret packets.

Invariants, on which `SceneMultiplayer` relies:
- Packets arrive, and signals are emitted, only in `poll`.
- `peer_connected(id)` is emitted before the first packet of `id` can be read. Packets that arrived before the end of a
  connection can still be read after `peer_disconnected(id)`.
- After `disconnect_peer(id)` no packet of `id` can be read, not even a packet that had arrived before.
- While this end stays open, every announced peer's end is announced: by `peer_disconnected`, or, if `disconnect_peer`
  was called with `force`, at once and to the API above only, by `_peer_forgotten`.
- An end that can be used again emits `_connection_began` when it is: the API above then forgets the former connection.
- Packets of one sender stay in order.

Layer: `multiplayer`. Source: reference godot-api section 4, godot4-wire section B.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar, Protocol, TypeAlias

from gdpeer.arguments import IDS, check_id, to_bytes, wrong_type
from gdpeer.attributes import refuse_names_in_use
from gdpeer.enums import NamedInt
from gdpeer.errors import Error
from gdpeer.ids import generate_unique_id
from gdpeer.packet_peer import PacketPeer
from gdpeer.packet_session import MemberSession, PacketSession
from gdpeer.refusals import Refusals
from gdpeer.signals import Signal

__all__ = [
    "TARGET_PEER_BROADCAST",
    "TARGET_PEER_SERVER",
    "ConnectionStatus",
    "MultiplayerPeer",
    "NetworkedMultiplayerPeer",
    "TransferMode",
    "checked_packet",
]

TARGET_PEER_BROADCAST = 0
TARGET_PEER_SERVER = 1

Buffer: TypeAlias = "bytes | bytearray | memoryview"

_GROUPS = frozenset({tuple, list, dict, set})  # common types of `peer_ids`; all others are checked


def checked_packet(call: str, peer_ids: Iterable[int], buffer: Buffer) -> bytes:
    """Returns a packet as bytes. Raises TypeError if one of these arguments of `call` has a wrong type."""
    if type(peer_ids) not in _GROUPS and not IDS.fits(peer_ids):
        raise wrong_type(call, "peer_ids", IDS.words, peer_ids)
    return buffer if type(buffer) is bytes else to_bytes(call, "buffer", buffer)


class ConnectionStatus(NamedInt):
    """The states of a peer's connection."""

    DISCONNECTED = 0
    CONNECTING = 1
    CONNECTED = 2


class TransferMode(NamedInt):
    """How a packet may travel. Over WebSocket every packet is RELIABLE, whatever the mode."""

    UNRELIABLE = 0
    UNRELIABLE_ORDERED = 1
    RELIABLE = 2


class MultiplayerPeer(PacketPeer):
    """One end of a session. Use it from one thread at a time.

    Attributes:
        peer_connected: signal (peer_id): a peer has come.
        peer_disconnected: signal (peer_id): a peer has gone.
        refuse_new_connections: True refuses new clients. Default: False.
        transfer_mode: the mode of all packets that are sent from now on. Default: RELIABLE.
        transfer_channel: the channel of all packets that are sent from now on. Default: 0.
    """

    CONNECTION_DISCONNECTED = ConnectionStatus.DISCONNECTED
    CONNECTION_CONNECTING = ConnectionStatus.CONNECTING
    CONNECTION_CONNECTED = ConnectionStatus.CONNECTED
    TRANSFER_MODE_UNRELIABLE = TransferMode.UNRELIABLE
    TRANSFER_MODE_UNRELIABLE_ORDERED = TransferMode.UNRELIABLE_ORDERED
    TRANSFER_MODE_RELIABLE = TransferMode.RELIABLE
    TARGET_PEER_BROADCAST = TARGET_PEER_BROADCAST
    TARGET_PEER_SERVER = TARGET_PEER_SERVER

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = (
        "peer_connected",
        "peer_disconnected",
        "transfer_channel",
        "transfer_mode",
    )

    can_wait: ClassVar[bool] = True
    """Whether `poll(timeout)` waits. A peer without a network never waits."""

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        refuse_names_in_use(cls)

    def __init__(self) -> None:
        self.peer_connected = Signal("peer_connected")
        self.peer_disconnected = Signal("peer_disconnected")
        self._peer_forgotten = Signal("peer_forgotten")
        self._connection_began = Signal("connection_began")
        self.transfer_mode = TransferMode.RELIABLE
        self.transfer_channel = 0
        self._refuses = False
        self._target = TARGET_PEER_BROADCAST

    @property
    def refuse_new_connections(self) -> bool:
        """Whether this end refuses new clients; False at first."""
        return self._refuses

    @refuse_new_connections.setter
    def refuse_new_connections(self, refuses: bool) -> None:
        self._refuses = bool(refuses)

    @abstractmethod
    def poll(self, timeout: float = 0.0) -> None:
        """Moves packets and emits signals.

        Args:
            timeout: the most seconds to wait for an event. 0 does not wait.
        """

    @abstractmethod
    def close(self) -> None:
        """Leaves the session: ends every connection, without signals."""

    @abstractmethod
    def disconnect_peer(self, peer_id: int, force: bool = False) -> None:
        """Ends the connection to one peer. An id that is not connected is ignored, with a warning.

        Unread packets of the peer are dropped.

        Args:
            peer_id: the peer.
            force: True emits no signal. False emits `peer_disconnected` in a later `poll`.
        """

    @abstractmethod
    def get_connection_status(self) -> ConnectionStatus:
        """Returns DISCONNECTED, CONNECTING or CONNECTED for this end."""

    @abstractmethod
    def get_unique_id(self) -> int:
        """Returns this end's id; 0 while DISCONNECTED."""

    @abstractmethod
    def get_packet_peer(self) -> int:
        """Returns the sender of the packet that `get_packet` takes next; 1 if there is no packet."""

    @abstractmethod
    def put_packet_to(self, peer_ids: Iterable[int], buffer: Buffer) -> Error:
        """Sends one packet to each of some peers; ids that are not connected are ignored.

        Args:
            peer_ids: the receivers.
            buffer: the packet. An empty packet is not sent, and returns `OK`.

        Returns:
            `ERR_UNCONFIGURED` if this end is not connected, `ERR_OUT_OF_MEMORY` if the send queue of a peer was full;
            else `OK`.
        """

    def put_control_to(self, peer_ids: Iterable[int], buffer: Buffer) -> Error:
        """Sends, as `put_packet_to`, a packet that a peer must not miss: which peers come and go.

        If the send queue is full, a network lets this packet wait beyond the limit of the queue, up to a second limit.
        If that is reached too, it ends the connection.
        """
        return self.put_packet_to(peer_ids, buffer)

    def get_peer_dialect(self, peer_id: int) -> str:
        """Returns the dialect of a peer: "godot4" or "godot3"."""
        return "godot4"

    def get_packet_target(self) -> int:
        """Returns the target of the next packet if its dialect names the target, else this end's id."""
        return self.get_unique_id()

    def put_packet_from(self, source: int, peer_ids: Iterable[int], buffer: Buffer) -> Error:
        """Passes a client's packet on to other clients; they see `source` as its sender if their dialect names one."""
        return self.put_packet_to(peer_ids, buffer)

    def refusals_of(self, peer_id: int) -> Refusals:
        """Returns the counter of a peer's refused packets. The API above keeps it until the peer has gone."""
        return Refusals()

    def packets(self) -> PacketSession:
        """Returns the packet session for the API above, which asks when the peer is set and when a connection begins.

        Over a network, packets that are sent while packets are handled leave at the end, in one write for each peer.
        """
        return MemberSession(self)

    def set_target_peer(self, peer_id: int) -> None:
        """Sets the target of `put_packet`: 0: all; positive: one peer; negative: all but that peer."""
        if type(peer_id) is not int:
            check_id("set_target_peer", peer_id)
        self._target = peer_id

    def get_packet_mode(self) -> TransferMode:
        """Returns the transfer mode of the next packet."""
        return TransferMode.RELIABLE

    def get_packet_channel(self) -> int:
        """Returns the channel of the next packet."""
        return 0

    def is_server(self) -> bool:
        """Whether this end is the server."""
        return self.get_unique_id() == TARGET_PEER_SERVER

    def is_networked(self) -> bool:
        """Whether this end can carry a session; False for a `WebSocketServer` or `WebSocketClient` in plain mode."""
        return True

    def is_server_relay_supported(self) -> bool:
        """Whether clients can reach each other through the server."""
        return True

    def generate_unique_id(self) -> int:
        """Returns an id for a client, 2 to 2^31-1, that cannot be guessed."""
        return generate_unique_id()


class NetworkedMultiplayerPeer(Protocol):
    """The network, as Godot 3's `MultiplayerAPI` sees it. The methods are those of `MultiplayerPeer`.

    Every `MultiplayerPeer` fits, and so do `WebSocketServer` and `WebSocketClient` in Godot 3's multiplayer mode. A
    client is connected once `peer_connected(1)` was emitted, which is not before CONNECTED. A client that is
    DISCONNECTED again has lost its server, or could not connect.
    """

    peer_connected: Signal
    peer_disconnected: Signal
    _peer_forgotten: Signal
    _connection_began: Signal
    can_wait: ClassVar[bool]

    @property
    def refuse_new_connections(self) -> bool:
        """Whether this end refuses new clients."""

    @refuse_new_connections.setter
    def refuse_new_connections(self, refuses: bool) -> None: ...

    def poll(self, timeout: float = 0.0) -> None:
        """Moves packets and emits signals; waits at most `timeout` seconds."""

    def packets(self) -> PacketSession:
        """Returns the packet session for the API above."""

    def refusals_of(self, peer_id: int) -> Refusals:
        """Returns the counter of a peer's refused packets."""

    def get_connection_status(self) -> NamedInt:
        """Returns a `ConnectionStatus`, or a member of another enumeration with the same values."""

    def get_unique_id(self) -> int:
        """Returns this end's id; 0 without a connection."""

    def is_server(self) -> bool:
        """Whether this end is the server."""

    def is_networked(self) -> bool:
        """Whether this end can carry a session."""

    def set_target_peer(self, peer_id: int) -> None:
        """Sets the target of `put_packet`: 0: all; positive: one peer; negative: all but that peer."""

    def put_packet(self, buffer: Buffer) -> Error:
        """Sends one packet to the target."""

    def put_packet_to(self, peer_ids: Iterable[int], buffer: Buffer) -> Error:
        """Sends one packet to each of some peers."""

    def get_available_packet_count(self) -> int:
        """Returns how many packets can be read."""

    def get_packet_peer(self) -> int:
        """Returns the sender of the packet that `get_packet` takes next."""

    def get_packet(self) -> bytes:
        """Takes the oldest packet that can be read."""
