"""`MultiplayerPeer`: what the high-level multiplayer needs of a network.

A peer is one end of a session: id 1 is the server, clients have ids of 2 to 2^31-1, and a packet goes to one of them,
to all, or to all but one. What the packets mean is not its business.

Invariants, on which `SceneMultiplayer` builds:
- Nothing arrives and no signal is emitted but in `poll`.
- `peer_connected(id)` comes before the first packet of `id` can be read, and packets that came before the end of a
  connection can be read after `peer_disconnected(id)`.
- After `disconnect_peer(id)` no packet of `id` can be read, not even one that had come before.
- While this end stays, the end of every peer that was told of is told: by `peer_disconnected`, or, where
  `disconnect_peer` was to be silent, at once and to the API above only, by `_peer_forgotten`.
- An end that can be used again emits `_connection_began` when it is: the API above forgets the former connection.
- Packets of one sender keep their order.

Layer: `multiplayer`. Source: reference godot-api section 4, godot4-wire section B.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar, Protocol, TypeAlias

from gdpeer.arguments import check_id
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
]

TARGET_PEER_BROADCAST = 0
TARGET_PEER_SERVER = 1

Buffer: TypeAlias = "bytes | bytearray | memoryview"


class ConnectionStatus(NamedInt):
    """The state of a peer: without a connection, connecting, or in a session."""

    DISCONNECTED = 0
    CONNECTING = 1
    CONNECTED = 2


class TransferMode(NamedInt):
    """How a packet may travel. Over WebSocket everything is RELIABLE whatever is set."""

    UNRELIABLE = 0
    UNRELIABLE_ORDERED = 1
    RELIABLE = 2


class MultiplayerPeer(PacketPeer):
    """One end of a session. Use it from one thread.

    Attributes:
        peer_connected: signal (peer_id): a peer came.
        peer_disconnected: signal (peer_id): a peer is gone.
        refuse_new_connections: take no more clients.
        transfer_mode: RELIABLE; sticky, for packets sent from now on.
        transfer_channel: 0; likewise.
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
    """Whether `poll(timeout)` waits; where there is no network there is nothing to wait for."""

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
        """Whether this end takes no more clients; False."""
        return self._refuses

    @refuse_new_connections.setter
    def refuse_new_connections(self, refuses: bool) -> None:
        self._refuses = bool(refuses)

    @abstractmethod
    def poll(self, timeout: float = 0.0) -> None:
        """Move packets and emit signals.

        Args:
            timeout: 0: never wait. Positive: wait at most so many seconds for something to happen.
        """

    @abstractmethod
    def close(self) -> None:
        """Leave: every connection ends, without signals."""

    @abstractmethod
    def disconnect_peer(self, peer_id: int, force: bool = False) -> None:
        """End one connection; `peer_disconnected` follows while polling, or never with `force`.

        Packets of the peer that were not taken yet are gone. An id that is not there is ignored, with a warning.
        """

    @abstractmethod
    def get_connection_status(self) -> ConnectionStatus:
        """Returns whether this end is DISCONNECTED, CONNECTING or CONNECTED."""

    @abstractmethod
    def get_unique_id(self) -> int:
        """This end's id; 0 while DISCONNECTED."""

    @abstractmethod
    def get_packet_peer(self) -> int:
        """Who sent the packet that `get_packet` takes next; 1 where there is none."""

    @abstractmethod
    def put_packet_to(self, peer_ids: Iterable[int], buffer: Buffer) -> Error:
        """Send one packet to each of some peers; ids that are not there are passed over.

        An empty buffer is `OK` and sends nothing.

        Returns:
            `ERR_UNCONFIGURED` when not connected, `ERR_OUT_OF_MEMORY` when some peer had no room for it; else `OK`.
        """

    def put_control_to(self, peer_ids: Iterable[int], buffer: Buffer) -> Error:
        """As `put_packet_to`, for what a peer must not miss: who comes and who goes.

        Where a network may refuse a packet for want of room, it lets this one wait beyond its limits, within a bound,
        or ends the connection of who has no room for it.
        """
        return self.put_packet_to(peer_ids, buffer)

    def get_peer_dialect(self, peer_id: int) -> str:
        """What a peer speaks: "godot4" or "godot3"."""
        return "godot4"

    def get_packet_target(self) -> int:
        """Whom the next packet was sent to, as far as its dialect says so."""
        return self.get_unique_id()

    def put_packet_from(self, source: int, peer_ids: Iterable[int], buffer: Buffer) -> Error:
        """Pass a client's packet on to others, who see `source` as its sender where their dialect has one."""
        return self.put_packet_to(peer_ids, buffer)

    def refusals_of(self, peer_id: int) -> Refusals:
        """Returns where the API above counts what it refuses of a peer; the API keeps it while the peer is there."""
        return Refusals()

    def packets(self) -> PacketSession:
        """Returns the packet session for the API above, which asks when the peer is set and when a connection begins.

        Where there is a network, what is sent while packets are handled leaves at the end, in one write for each peer.
        """
        return MemberSession(self)

    def set_target_peer(self, peer_id: int) -> None:
        """Whom `put_packet` sends to from now on: 0 all, a positive id that one, a negative one all but that."""
        if type(peer_id) is not int:
            check_id("set_target_peer", peer_id)
        self._target = peer_id

    def get_packet_mode(self) -> TransferMode:
        """How the next packet came."""
        return TransferMode.RELIABLE

    def get_packet_channel(self) -> int:
        """On which channel the next packet came."""
        return 0

    def is_server(self) -> bool:
        """Whether this end is the server."""
        return self.get_unique_id() == TARGET_PEER_SERVER

    def is_networked(self) -> bool:
        """Whether this end can carry a session; a `WebSocketServer` or `WebSocketClient` in plain mode cannot."""
        return True

    def is_server_relay_supported(self) -> bool:
        """Whether clients can reach each other through the server."""
        return True

    def generate_unique_id(self) -> int:
        """A client's id, 2 to 2^31-1, that cannot be guessed."""
        return generate_unique_id()


class NetworkedMultiplayerPeer(Protocol):
    """What Godot 3's `MultiplayerAPI` needs of a network.

    Every `MultiplayerPeer` has it, and so have `WebSocketServer` and `WebSocketClient` in Godot 3's multiplayer mode.
    A client is there once `peer_connected(1)` came, which is after CONNECTED or with it; it has lost its server, or
    never found it, once it is DISCONNECTED again.
    """

    peer_connected: Signal
    peer_disconnected: Signal
    _peer_forgotten: Signal
    _connection_began: Signal
    can_wait: ClassVar[bool]

    @property
    def refuse_new_connections(self) -> bool:
        """Whether this end takes no more clients."""
        ...

    @refuse_new_connections.setter
    def refuse_new_connections(self, refuses: bool) -> None: ...

    def poll(self, timeout: float = 0.0) -> None:
        """See `MultiplayerPeer`, here and below."""

    def packets(self) -> PacketSession:
        """Returns the packet session for the API above."""
        ...

    def refusals_of(self, peer_id: int) -> Refusals:
        """Returns where refused packets of a peer are counted."""
        ...

    def get_connection_status(self) -> NamedInt:
        """A `ConnectionStatus`, or another enumeration with these values."""
        ...

    def get_unique_id(self) -> int:
        """This end's id; 0 as long as there is none."""
        ...

    def is_server(self) -> bool:
        """Whether this end is the server."""
        ...

    def is_networked(self) -> bool:
        """Whether this end can carry a session."""
        ...

    def set_target_peer(self, peer_id: int) -> None:
        """Sets which peers `put_packet` sends to from now on."""

    def put_packet(self, buffer: Buffer) -> Error:
        """Sends one packet to the target."""
        ...

    def put_packet_to(self, peer_ids: Iterable[int], buffer: Buffer) -> Error:
        """Sends one packet to each of some peers."""
        ...

    def get_available_packet_count(self) -> int:
        """Returns how many packets can be read."""
        ...

    def get_packet_peer(self) -> int:
        """Returns the sender of the next packet."""
        ...

    def get_packet(self) -> bytes:
        """Takes the oldest packet; empty if there is none."""
        ...
