"""A session in memory whose connections can be slow: packets wait in a queue that can be full."""

from __future__ import annotations

from collections.abc import Iterable

from gdpeer import LoopbackMultiplayerPeer
from gdpeer.errors import Error
from gdpeer.packet_session import MemberSession, PacketSession

__all__ = ["SlowPeer"]

Buffer = bytes | bytearray | memoryview


class SlowPeer(LoopbackMultiplayerPeer):
    """One end of a session.

    Attributes:
        queues: the packets that wait, by the receiver, for connections that are slow at present.
        queue_size: the most bytes that wait on one connection.
    """

    def __init__(self, *, _hub: LoopbackMultiplayerPeer | None = None) -> None:
        super().__init__(_hub=_hub)
        self.queues: dict[int, list[bytes]] = {}
        self.queue_size = 0

    def join(self) -> SlowPeer:
        client = SlowPeer(_hub=self)
        client._events.append((self, True))
        self._events.append((client, True))
        return client

    def packets(self) -> PacketSession:
        return _SlowSession(self)

    def slow_down(self, peer_id: int) -> None:
        """Holds all packets for a peer back; from now on there is always something in its queue."""
        self.queues.setdefault(peer_id, [])

    def speed_up(self, peer_id: int) -> None:
        """Sends what waits for a peer, and all later packets at once."""
        for packet in self.queues.pop(peer_id, []):
            super().put_packet_to((peer_id,), packet)

    def bytes_for(self, peer_id: int) -> int:
        """Returns how many bytes wait for a peer, and 1 for the byte that is on its way. A client reaches all peers
        through the server.
        """
        queue = self.queues.get(peer_id if self._hub is None else 1)
        return 0 if queue is None else 1 + sum(map(len, queue))

    def put_packet_to(self, peer_ids: Iterable[int], buffer: Buffer) -> Error:
        result = Error.OK
        for peer_id in list(peer_ids):
            queue = self.queues.get(peer_id)
            if queue is None:
                result = super().put_packet_to((peer_id,), buffer) or result
            elif self.bytes_for(peer_id) + len(buffer) > self.queue_size:
                result = Error.ERR_OUT_OF_MEMORY
            else:
                queue.append(bytes(buffer))
        return result

    def put_control_to(self, peer_ids: Iterable[int], buffer: Buffer) -> Error:
        for peer_id in list(peer_ids):
            queue = self.queues.get(peer_id)
            if queue is None:
                super().put_packet_to((peer_id,), buffer)
            else:
                queue.append(bytes(buffer))
        return Error.OK


class _SlowSession(MemberSession):
    __slots__ = ()

    def waiting(self, peer_id: int) -> int:
        found: int = self._peer.bytes_for(peer_id)
        return found
