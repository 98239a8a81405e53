"""Where the packets of a session are taken: the members that all faces of a session share.

Layer: `websocket`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from gdpeer.attributes import Guarded
from gdpeer.packet_peer import PacketPeer
from gdpeer.packet_session import SessionHolder
from gdpeer.refusals import Refusals

if TYPE_CHECKING:
    from gdpeer.websocket.session.server import Session

__all__ = ["SessionPeer"]


class SessionPeer(SessionHolder, Guarded, PacketPeer):
    """Where the packets of a session are taken: the part that all faces of a session share."""

    can_wait: ClassVar[bool] = True
    if TYPE_CHECKING:
        _session: Session | None

    def _refusals_of(self, peer_id: int) -> Refusals:
        """What was refused of a peer; of one that is not there, nothing yet."""
        return Refusals() if self._session is None else self._session.refusals_of(peer_id)
