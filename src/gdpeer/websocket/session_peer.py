"""Where the packets of a session are taken: the members that all faces of a session share.

Layer: `websocket`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import ClassVar

from gdpeer.errors import Error
from gdpeer.packet_peer import PacketPeer
from gdpeer.websocket.godot3_relay import SERVER
from gdpeer.websocket.session import Session

__all__ = ["SessionPeer"]

logger = logging.getLogger("gdpeer.multiplayer")

_OK = Error.OK


class SessionPeer(PacketPeer):
    """Where the packets of a session are taken: the part that all faces of a session share."""

    can_wait: ClassVar[bool] = True
    _session: Session | None = None

    def get_available_packet_count(self) -> int:
        """How many packets can be read, also after the end of a connection; in plain mode 0."""
        return 0 if self._session is None else len(self._session.queue)

    def get_packet(self) -> bytes:
        """The oldest packet; empty, with `get_packet_error()`, where there is none.

        The error is `ERR_UNAVAILABLE`, or `ERR_UNCONFIGURED` where there is no session.
        """
        packet = None if self._session is None else self._session.take()
        if packet is not None:
            self._packet_error = _OK
            return packet
        self._packet_error = Error.ERR_UNCONFIGURED if self._session is None else Error.ERR_UNAVAILABLE
        return b""

    def get_packet_peer(self) -> int:
        """Who sent the packet that `get_packet` takes next; 1, with a warning, where there is none."""
        source = 0 if self._session is None else self._session.source()
        if source:
            return source
        logger.warning("get_packet_peer: no packet is there")
        return SERVER

    def _handle(self, work: Callable[[], object]) -> None:
        """See `NetworkedMultiplayerPeer`."""
        if self._session is None:
            work()
        else:
            self._session.handle(work)

    def get_unique_id(self) -> int:
        """This end's id; 0 as long as there is none."""
        return 0 if self._session is None else self._session.unique_id
