"""Each message of a connection in the log, where DEBUG asks for it: kind and size, never what it says, nor a query.

Layer: `websocket`.
"""

from __future__ import annotations

import logging

from gdpeer.logs import get_logger
from gdpeer.protocol.inbox import Inbox

__all__ = ["MessageLog", "begin_message_log"]

logger = get_logger("gdpeer.websocket.frames")


class MessageLog:
    """Of one connection.

    Args:
        peer_id: its name in the log.
    """

    __slots__ = ("_peer_id", "_told")

    def __init__(self, peer_id: object) -> None:
        self._peer_id = peer_id
        self._told = 0

    def sent(self, size: int, is_text: bool) -> None:
        """A message goes out."""
        logger.debug("peer %s: sent %s, %s bytes", self._peer_id, "text" if is_text else "binary", size)

    def received(self, inbox: Inbox) -> None:
        """Messages may have come."""
        for at in range(max(0, inbox.count - (inbox.received - self._told)), inbox.count):
            logger.debug("peer %s: received a message of %s bytes", self._peer_id, len(inbox.peek(at)))
        self._told = inbox.received


def begin_message_log(peer_id: object, target: str) -> MessageLog | None:
    """Log that a connection opened, and have a message_log of it; None where nobody wants to know.

    Args:
        peer_id: its name in the log.
        target: path and query that a client asked for; "" on a client.
    """
    if not logger.isEnabledFor(logging.DEBUG):
        return None
    logger.debug("peer %s: open, %s", peer_id, target.partition("?")[0] or "as a client")
    return MessageLog(peer_id)
