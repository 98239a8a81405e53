"""Multiplayer peers without a network: one for a game that is played alone, and one for the tests of a program.

Layer: `multiplayer`. Source: reference godot-api section 4.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import ClassVar

from gdpeer.arguments import check_id, seconds_of, to_bytes
from gdpeer.errors import Error
from gdpeer.ids import generate_unique_id
from gdpeer.multiplayer.peer import (
    TARGET_PEER_BROADCAST,
    TARGET_PEER_SERVER,
    Buffer,
    ConnectionStatus,
    MultiplayerPeer,
    checked_packet,
)

__all__ = ["LoopbackMultiplayerPeer", "OfflineMultiplayerPeer"]

# Looked up once here, because looking up a member of an enumeration is slow.
_OK = Error.OK
_CONNECTED, _DISCONNECTED = ConnectionStatus.CONNECTED, ConnectionStatus.DISCONNECTED


class OfflineMultiplayerPeer(MultiplayerPeer):
    """The server of a session without a network: the peer of a new `SceneMultiplayer`."""

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ()

    can_wait = False

    def poll(self, timeout: float = 0.0) -> None:
        """Checks `timeout`, and returns at once: no packet can come."""
        if type(timeout) is not float:
            timeout = seconds_of("poll", "timeout", timeout)

    def close(self) -> None:
        """Has no effect: there is no connection."""

    def disconnect_peer(self, peer_id: int, force: bool = False) -> None:
        """Has no effect: there are no other peers."""
        if type(peer_id) is not int:
            check_id("disconnect_peer", peer_id)

    def get_connection_status(self) -> ConnectionStatus:
        """Returns CONNECTED, even after `close`."""
        return ConnectionStatus.CONNECTED

    def get_unique_id(self) -> int:
        """Returns 1, the id of a server."""
        return TARGET_PEER_SERVER

    def get_packet_peer(self) -> int:
        """Returns 1, because there is never a packet."""
        return TARGET_PEER_SERVER

    def put_packet(self, buffer: Buffer) -> Error:
        """Drops the packet, and returns `OK`."""
        if type(buffer) is not bytes:
            buffer = to_bytes("put_packet", "buffer", buffer)
        return Error.OK

    def put_packet_to(self, peer_ids: Iterable[int], buffer: Buffer) -> Error:
        """Drops the packet, and returns `OK`."""
        checked_packet("put_packet_to", peer_ids, buffer)
        return Error.OK

    def get_available_packet_count(self) -> int:
        """Returns 0, because there is never a packet."""
        return 0

    def get_packet(self) -> bytes:
        """Returns b"", and sets `get_packet_error()` to `ERR_UNAVAILABLE`."""
        self._packet_error = Error.ERR_UNAVAILABLE
        return b""

    def is_server_relay_supported(self) -> bool:
        """Returns False: there are no clients to relay for."""
        return False


class LoopbackMultiplayerPeer(MultiplayerPeer):
    """A session in memory, for the tests of a program. Packets and signals move in `poll`, as over a network.

        server = LoopbackMultiplayerPeer()
        client = server.join()

    A peer that you make yourself is a server; `join` makes its clients.
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
        # Events for the next poll: (peer, packet). True instead of a packet: the peer came; False: the peer left.
        self._events: deque[tuple[LoopbackMultiplayerPeer, bytes | bool]] = deque()
        self._packets: deque[tuple[int, bytes]] = deque()

    def join(self) -> LoopbackMultiplayerPeer:
        """Returns a new client of this server; both sides announce each other in their next `poll`.

        Raises:
            ValueError: this end is a client, was closed, or refuses new connections.
        """
        if self._hub is not None or self._status != ConnectionStatus.CONNECTED or self._refuses:
            raise ValueError("only an open server that does not refuse connections can be joined")
        client = LoopbackMultiplayerPeer(_hub=self)
        client._events.append((self, True))
        self._events.append((client, True))
        return client

    def _draw_id(self) -> int:
        """Returns an id that no client of this server has had: a game may still know a client that has left."""
        peer_id = generate_unique_id()
        while peer_id in self._drawn:
            peer_id = generate_unique_id()
        self._drawn.add(peer_id)
        return peer_id

    def poll(self, timeout: float = 0.0) -> None:
        """Takes the packets that the other ends sent before now, and emits signals. Never waits."""
        if type(timeout) is not float:
            timeout = seconds_of("poll", "timeout", timeout)
        for _ in range(len(self._events)):
            if not self._events:  # a handler of a signal closed this end
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
        """Leaves the session. The other ends emit `peer_disconnected` in their next `poll`."""
        for peer in self._links.values():
            peer._events.append((self, False))
        self._links.clear()
        self._events.clear()
        self._packets.clear()
        self._status = ConnectionStatus.DISCONNECTED

    def disconnect_peer(self, peer_id: int, force: bool = False) -> None:
        """Ends the connection to one peer, on both ends."""
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
        """Returns CONNECTING until a client's first `poll`, then CONNECTED, and DISCONNECTED after the end."""
        return self._status

    def get_unique_id(self) -> int:
        """Returns this end's id; 0 while DISCONNECTED."""
        return 0 if self._status is _DISCONNECTED else self._id

    def get_packet_peer(self) -> int:
        """Returns the sender of the packet that `get_packet` takes next; 1 if there is no packet."""
        return self._packets[0][0] if self._packets else TARGET_PEER_SERVER

    def get_available_packet_count(self) -> int:
        """Returns how many packets can be read."""
        return len(self._packets)

    def get_packet(self) -> bytes:
        """Takes the oldest packet; b"" if there is no packet, and `get_packet_error()` says so."""
        if not self._packets:
            self._packet_error = Error.ERR_UNAVAILABLE
            return b""
        if self._packet_error is not _OK:
            self._packet_error = _OK
        return self._packets.popleft()[1]

    def put_packet(self, buffer: Buffer) -> Error:
        """Sends one packet to the target; returns the codes of `WebSocketMultiplayerPeer.put_packet`."""
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
        """Sends one packet to each of some peers; ids that are not connected are ignored.

        Returns:
            `ERR_UNCONFIGURED` if this end is not connected; else `OK`.
        """
        packet = checked_packet("put_packet_to", peer_ids, buffer)
        if not packet:
            return Error.OK
        if self._status is not _CONNECTED:
            return Error.ERR_UNCONFIGURED
        links, event = self._links, (self, packet)
        for peer_id in peer_ids:
            if peer_id in links:
                links[peer_id]._events.append(event)
        return Error.OK
