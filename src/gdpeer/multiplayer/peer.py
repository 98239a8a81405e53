"""`MultiplayerPeer`: what the high-level multiplayer needs of a network, and two peers without one.

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
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Protocol, TypeAlias

from gdpeer.arguments import IDS, check_id, seconds_of, to_bytes, wrong_type
from gdpeer.attributes import Guarded
from gdpeer.enums import NamedInt
from gdpeer.errors import Error
from gdpeer.ids import generate_unique_id
from gdpeer.multiplayer.own_names import refuse_names_in_use
from gdpeer.packet_peer import PacketPeer
from gdpeer.refusals import Refusals
from gdpeer.signals import Signal

__all__ = [
    "TARGET_PEER_BROADCAST",
    "TARGET_PEER_SERVER",
    "ConnectionStatus",
    "LoopbackMultiplayerPeer",
    "MultiplayerPeer",
    "NetworkedMultiplayerPeer",
    "OfflineMultiplayerPeer",
    "TransferMode",
]

TARGET_PEER_BROADCAST = 0
TARGET_PEER_SERVER = 1

Buffer: TypeAlias = "bytes | bytearray | memoryview"


class ConnectionStatus(NamedInt):
    """Where a peer is."""

    DISCONNECTED = 0
    CONNECTING = 1
    CONNECTED = 2


_GROUPS = frozenset({tuple, list, dict, set})  # of ids; what else can be one is looked at

# Once, for an enumeration finds its members slowly.
_OK = Error.OK
_CONNECTED, _DISCONNECTED = ConnectionStatus.CONNECTED, ConnectionStatus.DISCONNECTED


class TransferMode(NamedInt):
    """How a packet may travel. Over WebSocket everything is RELIABLE whatever is set."""

    UNRELIABLE = 0
    UNRELIABLE_ORDERED = 1
    RELIABLE = 2


class MultiplayerPeer(Guarded, PacketPeer):
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
        """See the class."""
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
        """Where this end is."""

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

    def _refusals_of(self, peer_id: int) -> Refusals:
        """Where the API above counts what it refuses of a peer; it keeps it as long as the peer is there."""
        return Refusals()

    def _handle(self, work: Callable[[], object]) -> None:
        """Do what is to be done about the packets that `poll` brought.

        Where there is a network, what is sent meanwhile goes out at the end, one write for each peer.
        """
        work()

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
        """Whether clients are refused."""
        ...

    @refuse_new_connections.setter
    def refuse_new_connections(self, refuses: bool) -> None: ...

    def poll(self, timeout: float = 0.0) -> None:
        """See `MultiplayerPeer`, here and below."""

    def _handle(self, work: Callable[[], object]) -> None: ...

    def _refusals_of(self, peer_id: int) -> Refusals: ...

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
        """Whom `put_packet` sends to."""

    def put_packet(self, buffer: Buffer) -> Error:
        """Send to the target."""
        ...

    def put_packet_to(self, peer_ids: Iterable[int], buffer: Buffer) -> Error:
        """Send to some peers."""
        ...

    def get_available_packet_count(self) -> int:
        """How many packets can be read."""
        ...

    def get_packet_peer(self) -> int:
        """Who sent the next packet."""
        ...

    def get_packet(self) -> bytes:
        """The oldest packet."""
        ...


class OfflineMultiplayerPeer(MultiplayerPeer):
    """The server of a session without a network: what `SceneMultiplayer` has until it is given another peer."""

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ()

    can_wait = False

    def poll(self, timeout: float = 0.0) -> None:
        """Nothing happens, and nothing is waited for."""
        if type(timeout) is not float:
            timeout = seconds_of("poll", "timeout", timeout)

    def close(self) -> None:
        """Nothing to leave."""

    def disconnect_peer(self, peer_id: int, force: bool = False) -> None:
        """Nobody is there."""
        if type(peer_id) is not int:
            check_id("disconnect_peer", peer_id)

    def get_connection_status(self) -> ConnectionStatus:
        """Always CONNECTED."""
        return ConnectionStatus.CONNECTED

    def get_unique_id(self) -> int:
        """Always 1."""
        return TARGET_PEER_SERVER

    def get_packet_peer(self) -> int:
        """Nobody sends."""
        return TARGET_PEER_SERVER

    def put_packet(self, buffer: Buffer) -> Error:
        """Goes nowhere."""
        if type(buffer) is not bytes:
            buffer = to_bytes("put_packet", "buffer", buffer)
        return Error.OK

    def put_packet_to(self, peer_ids: Iterable[int], buffer: Buffer) -> Error:
        """Goes nowhere."""
        if type(peer_ids) not in _GROUPS and not IDS.fits(peer_ids):
            raise wrong_type("put_packet_to", "peer_ids", IDS.words, peer_ids)
        if type(buffer) is not bytes:
            buffer = to_bytes("put_packet_to", "buffer", buffer)
        return Error.OK

    def get_available_packet_count(self) -> int:
        """Always 0."""
        return 0

    def get_packet(self) -> bytes:
        """There is none."""
        self._packet_error = Error.ERR_UNAVAILABLE
        return b""

    def is_server_relay_supported(self) -> bool:
        """There is nobody to relay for."""
        return False


class LoopbackMultiplayerPeer(MultiplayerPeer):
    """A session in memory, for a program's own tests: packets and signals move in `poll`, as over a network.

        server = LoopbackMultiplayerPeer()
        client = server.join()

    A peer made by itself is a server.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ()

    can_wait = False

    def __init__(self, *, _hub: LoopbackMultiplayerPeer | None = None) -> None:
        super().__init__()
        self._hub = _hub
        self._id = TARGET_PEER_SERVER if _hub is None else _hub._draw_id()
        self._drawn: set[int] = set()
        self._status = ConnectionStatus.CONNECTED if _hub is None else ConnectionStatus.CONNECTING
        self._links: dict[int, LoopbackMultiplayerPeer] = {}
        # What reaches this end in its next poll: (peer, packet), with True for a beginning and False for an end.
        self._events: deque[tuple[LoopbackMultiplayerPeer, bytes | bool]] = deque()
        self._packets: deque[tuple[int, bytes]] = deque()

    def join(self) -> LoopbackMultiplayerPeer:
        """A new client of this server; both sides tell of it in their next `poll`.

        Raises:
            ValueError: this end is a client, has been closed, or refuses new connections.
        """
        if self._hub is not None or self._status != ConnectionStatus.CONNECTED or self._refuses:
            raise ValueError("only an open server that does not refuse connections can be joined")
        client = LoopbackMultiplayerPeer(_hub=self)
        client._events.append((self, True))
        self._events.append((client, True))
        return client

    def _draw_id(self) -> int:
        """An id that no client of this server has had: one that has left may still be known to a game."""
        peer_id = generate_unique_id()
        while peer_id in self._drawn:
            peer_id = generate_unique_id()
        self._drawn.add(peer_id)
        return peer_id

    def poll(self, timeout: float = 0.0) -> None:
        """Take what the other ends sent before now; never waits."""
        if type(timeout) is not float:
            timeout = seconds_of("poll", "timeout", timeout)
        for _ in range(len(self._events)):
            if not self._events:  # a slot closed this end
                return
            peer, what = self._events.popleft()
            if what is True:
                self._begin(peer)
            elif what is False:
                self._end(peer)
            elif peer._id in self._links:
                self._packets.append((peer._id, what))

    def _begin(self, peer: LoopbackMultiplayerPeer) -> None:
        self._links[peer._id] = peer
        self._status = ConnectionStatus.CONNECTED
        self.peer_connected.emit(peer._id)

    def _end(self, peer: LoopbackMultiplayerPeer) -> None:
        if self._links.pop(peer._id, None) is None:
            return
        self.peer_disconnected.emit(peer._id)
        if self._hub is not None:
            self._status = ConnectionStatus.DISCONNECTED

    def close(self) -> None:
        """Leave; the others learn of it in their next `poll`."""
        for peer in self._links.values():
            peer._events.append((self, False))
        self._links.clear()
        self._events.clear()
        self._packets.clear()
        self._status = ConnectionStatus.DISCONNECTED

    def disconnect_peer(self, peer_id: int, force: bool = False) -> None:
        """End one connection on both ends."""
        if type(peer_id) is not int:
            check_id("disconnect_peer", peer_id)
        peer = self._links.get(peer_id)
        if peer is None:
            return
        if force and self._hub is not None:
            self.close()
            return
        peer._events.append((self, False))
        self._events = deque(event for event in self._events if event[0] is not peer)
        self._packets = deque(packet for packet in self._packets if packet[0] != peer_id)
        if force:
            del self._links[peer_id]
            self._peer_forgotten.emit(peer_id)
        else:
            self._events.append((peer, False))

    def get_connection_status(self) -> ConnectionStatus:
        """CONNECTING until the first `poll` of a client."""
        return self._status

    def get_unique_id(self) -> int:
        """This end's id; 0 while DISCONNECTED."""
        return 0 if self._status is _DISCONNECTED else self._id

    def get_packet_peer(self) -> int:
        """Who sent the next packet."""
        return self._packets[0][0] if self._packets else TARGET_PEER_SERVER

    def get_available_packet_count(self) -> int:
        """How many packets can be read."""
        return len(self._packets)

    def get_packet(self) -> bytes:
        """The oldest packet; empty, with `get_packet_error()`, where there is none."""
        if not self._packets:
            self._packet_error = Error.ERR_UNAVAILABLE
            return b""
        if self._packet_error is not _OK:
            self._packet_error = _OK
        return self._packets.popleft()[1]

    def put_packet(self, buffer: Buffer) -> Error:
        """Send to the target; returns as `WebSocketMultiplayerPeer.put_packet`."""
        if type(buffer) is not bytes:
            buffer = to_bytes("put_packet", "buffer", buffer)
        if not len(buffer):
            return Error.OK
        if self._hub is not None:
            return self.put_packet_to((TARGET_PEER_SERVER,), buffer)
        target = self._target
        if target == TARGET_PEER_BROADCAST:
            return self.put_packet_to(self._links, buffer)
        if target < 0:
            return self.put_packet_to([one for one in self._links if one != -target], buffer)
        if target not in self._links:
            return Error.ERR_INVALID_PARAMETER if self._status == ConnectionStatus.CONNECTED else Error.ERR_UNCONFIGURED
        return self.put_packet_to((target,), buffer)

    def put_packet_to(self, peer_ids: Iterable[int], buffer: Buffer) -> Error:
        """As `MultiplayerPeer`."""
        if type(peer_ids) not in _GROUPS and not IDS.fits(peer_ids):
            raise wrong_type("put_packet_to", "peer_ids", IDS.words, peer_ids)
        if type(buffer) is not bytes:
            buffer = to_bytes("put_packet_to", "buffer", buffer)
        if not len(buffer):
            return Error.OK
        if self._status is not _CONNECTED:
            return Error.ERR_UNCONFIGURED
        links, event = self._links, (self, bytes(buffer))
        for peer_id in peer_ids:
            if peer_id in links:
                links[peer_id]._events.append(event)
        return Error.OK
