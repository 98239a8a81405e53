"""`RoomPeer`: the `MultiplayerPeer` of a room. The hall has the port and polls it.

Layer: `rooms`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gdpeer.arguments import BOOL, INT, checked
from gdpeer.multiplayer.websocket_peer import SessionPeer
from gdpeer.signals import Signal
from gdpeer.websocket.session.server import News, ServerSession

if TYPE_CHECKING:
    from gdpeer.rooms.lifecycle import RoomLifecycle

__all__ = ["RoomPeer"]

_NEVER = Signal("never")  # only a client emits these


class RoomPeer(SessionPeer):
    """The server's end of a room's session. It is CONNECTED until the room is closed."""

    def __init__(self, life: RoomLifecycle) -> None:
        super().__init__()
        self._life = life
        news = News(self.peer_connected, self.peer_disconnected, None, _NEVER, _NEVER)
        self.session = ServerSession(life, life.dialect_of, news)
        self._session = self.session

    @property
    def refuse_new_connections(self) -> bool:
        """Whether the room is locked."""
        return self._life.room.locked

    @refuse_new_connections.setter
    def refuse_new_connections(self, refuses: bool) -> None:
        self._life.room.locked = bool(refuses)

    @checked(peer_id=INT, force=BOOL)
    def disconnect_peer(self, peer_id: int, force: bool = False) -> None:
        """Closes the connection of a player with code 1000. The player loses the place, too."""
        self._life.note_kick(peer_id)
        self._disconnect(self.session, peer_id, force)

    def close(self) -> None:
        """Leaves the session: nothing can be sent or received any more."""
        self.session.close()
