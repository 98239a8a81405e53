"""`PacketSession`: how an API sends and takes packets. `MemberSession` does the same through a peer's public members.

When a peer is set, it gives its API one of the two: its own session, or a `MemberSession` if one of the peer's members
was changed. So this is checked once, instead of for each packet.

Layer: below everything that has packets; compiled (types in `packet_session.pxd`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from gdpeer.errors import Error

__all__ = ["MemberSession", "PacketBlock", "PacketSession", "RelayFilter"]

Buffer: TypeAlias = "bytes | bytearray | memoryview"
RelayFilter: TypeAlias = Callable[[int, int], bool]

_OK = Error.OK
_CONNECTED = 2  # the value of `ConnectionStatus.CONNECTED`


class PacketBlock:
    """Packets that many peers get, one behind the other.

    Args:
        packets: the packets, in order.

    Attributes:
        frames: the packets as a session sends them, made for the first peer and used again; b"" before.
    """

    __slots__ = ("frames", "packets")

    def __init__(self, packets: list[bytes]) -> None:
        self.packets = packets
        self.frames = b""


class PacketSession:
    """One connection of a peer, as its API sees it. The next connection gets another session."""

    __slots__ = ()

    def status(self) -> int:
        """Returns a value of `ConnectionStatus`."""
        raise NotImplementedError

    def sender_id(self) -> int:
        """Returns this end's id; 0 while it cannot send, before the connection and after it."""
        raise NotImplementedError

    def poll(self, timeout: float) -> None:
        """Moves packets and emits signals; waits at most `timeout` seconds for an event."""
        raise NotImplementedError

    def receive(self, connection: Any) -> None:
        """Handles the newest packet of a connection of this session; the owner of the connection calls this."""
        raise NotImplementedError

    def source(self) -> int:
        """Returns the id of the peer whose packet `take` gives next; 0 if there is no packet."""
        raise NotImplementedError

    def target(self) -> int:
        """Returns the target of the packet that `take` gives next; this end's id if there is no packet."""
        raise NotImplementedError

    def take(self) -> bytes | None:
        """Takes the oldest packet; None if there is no packet."""
        raise NotImplementedError

    def put_to(self, peer_ids: Iterable[int], buffer: Buffer) -> Error:
        """Sends one packet to each of some peers; ids that are not connected are ignored."""
        raise NotImplementedError

    def put_block(self, peer_id: int, block: PacketBlock) -> int:
        """Sends many packets to one peer, up to the first that finds no room; returns how many were sent."""
        if self.put_whole(peer_id, block):
            return len(block.packets)
        sent = 0
        for packet in block.packets:
            if self.put_to((peer_id,), packet) is not _OK:
                break
            sent += 1
        return sent

    def put_whole(self, peer_id: int, block: PacketBlock) -> bool:
        """Sends all packets to one peer at once; False, and nothing was sent, where each must be sent by itself."""
        return False

    def waiting(self, peer_id: int) -> int:
        """Returns how many bytes wait to be sent on the connection to a peer."""
        return 0

    def slow_among(self, peer_ids: Iterable[int]) -> set[int]:
        """Returns those of some peers to whom bytes wait to be sent."""
        found: set[int] = set()
        for peer_id in peer_ids:  # compiled, a comprehension is slower
            if self.waiting(peer_id):
                found.add(peer_id)
        return found

    def handle(self, work: Callable[[], object]) -> None:
        """Calls `work`, which handles the packets of a turn; the packets that it sends leave together at the end."""
        raise NotImplementedError

    def set_relay_filter(self, relay_filter: RelayFilter | None) -> None:
        """Sets the filter that a server asks before it passes a client's packet on to other clients.

        Args:
            relay_filter: called with the sender and the first byte of the packet. It returns True to pass the packet
                on. None passes all packets on.
        """
        raise NotImplementedError

    def was_relayed(self) -> bool:
        """Tells whether the relay filter has seen the packet that `take` gives next."""
        raise NotImplementedError


class MemberSession(PacketSession):
    """Sends and takes packets through the public members of a peer, which may belong to a game's own class.

    Args:
        peer: a `MultiplayerPeer`, or a peer of Godot 3.
        session: the peer's own session, which the members use; None if the peer has no session.
    """

    __slots__ = ("_peer", "_session")

    def __init__(self, peer: Any, session: PacketSession | None = None) -> None:
        self._peer = peer
        self._session = session

    def status(self) -> int:
        """Asks `get_connection_status()` of the peer."""
        status: int = self._peer.get_connection_status()
        return status

    def sender_id(self) -> int:
        """Asks `get_unique_id()` while the peer is CONNECTED."""
        own: int = self._peer.get_unique_id() if self._peer.get_connection_status() == _CONNECTED else 0
        return own

    def poll(self, timeout: float) -> None:
        """Calls the `poll()` of the peer."""
        self._peer.poll(timeout)

    def source(self) -> int:
        """Asks `get_packet_peer()` if there is a packet."""
        source: int = self._peer.get_packet_peer() if self._peer.get_available_packet_count() else 0
        return source

    def target(self) -> int:
        """Asks `get_packet_target()`, which only a `MultiplayerPeer` has."""
        target: int = self._peer.get_packet_target()
        return target

    def take(self) -> bytes | None:
        """Takes the packet that `get_packet()` returns."""
        packet: bytes = self._peer.get_packet()
        return packet

    def put_to(self, peer_ids: Iterable[int], buffer: Buffer) -> Error:
        """Sends by `put_packet_to()`; returns its error."""
        error: Error = self._peer.put_packet_to(peer_ids, buffer)
        return error

    def waiting(self, peer_id: int) -> int:
        """Asks the peer's own session; 0 without one."""
        return 0 if self._session is None else self._session.waiting(peer_id)

    def handle(self, work: Callable[[], object]) -> None:
        """Calls `work` in a turn of the peer's session; at once if the peer has none."""
        if self._session is None:
            work()
        else:
            self._session.handle(work)

    def set_relay_filter(self, relay_filter: RelayFilter | None) -> None:
        """Sets the filter of the peer's own session."""
        if self._session is not None:
            self._session.set_relay_filter(relay_filter)

    def was_relayed(self) -> bool:
        """Asks the peer's own session; False without one."""
        return self._session is not None and self._session.was_relayed()
