"""A peer whose packets a test writes and reads: there is no network, and nobody at the other end."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from gdpeer import OK, Error, MultiplayerPeer
from gdpeer.multiplayer.peer import ConnectionStatus

__all__ = ["ScriptedPeer"]


class ScriptedPeer(MultiplayerPeer):
    """One end of a session.

    Attributes:
        sent: (receiver, packet) of each packet that was sent, and not taken by the test yet.
        linked: the ids of the peers at the other end.
        came: the ids of all that have ever come.
    """

    can_wait = False

    def __init__(self, own_id: int = 1) -> None:
        super().__init__()
        self.own = own_id
        self.linked: list[int] = []
        self.came: set[int] = set()
        self.sent: list[tuple[int, bytes]] = []
        self.incoming: deque[tuple[int, bytes]] = deque()
        self.news: list[tuple[int, bool]] = []

    def link(self, peer_id: int) -> None:
        """A peer comes, in the next poll."""
        self.news.append((peer_id, True))

    def unlink(self, peer_id: int) -> None:
        """A peer goes, in the next poll."""
        self.news.append((peer_id, False))

    def feed(self, sender: int, packet: bytes) -> None:
        """A packet arrives."""
        self.incoming.append((sender, packet))

    def poll(self, timeout: float = 0.0) -> None:
        news, self.news = self.news, []
        for peer_id, comes in news:
            if comes:
                self.linked.append(peer_id)
                self.came.add(peer_id)
                self.peer_connected.emit(peer_id)
            elif peer_id in self.linked:
                self.linked.remove(peer_id)
                self.peer_disconnected.emit(peer_id)

    def close(self) -> None:
        self.own = 0

    def disconnect_peer(self, peer_id: int, force: bool = False) -> None:
        self.unlink(peer_id)

    def get_connection_status(self) -> ConnectionStatus:
        return ConnectionStatus.CONNECTED if self.own else ConnectionStatus.DISCONNECTED

    def get_unique_id(self) -> int:
        return self.own

    def get_packet_peer(self) -> int:
        return self.incoming[0][0] if self.incoming else 1

    def get_available_packet_count(self) -> int:
        return len(self.incoming)

    def get_packet(self) -> bytes:
        return self.incoming.popleft()[1]

    def get_packet_error(self) -> Error:
        return OK

    def put_packet(self, buffer: bytes | bytearray | memoryview) -> Error:
        return self.put_packet_to(self.linked, buffer)

    def put_packet_to(self, peer_ids: Iterable[int], buffer: bytes | bytearray | memoryview) -> Error:
        self.sent += [(peer_id, bytes(buffer)) for peer_id in peer_ids if peer_id in self.linked]
        return OK
