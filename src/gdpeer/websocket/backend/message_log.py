"""Logs each message of a connection at DEBUG: its kind and size, never its contents, nor a URL's query.

Layer: `websocket`.
"""

from __future__ import annotations

import logging

from gdpeer.logs import get_logger
from gdpeer.protocol.inbox import Inbox

__all__ = ["MessageLog", "begin_message_log"]

logger = get_logger("gdpeer.websocket.frames")


class MessageLog:
    """Logs the messages of one connection, under its name `peer_id`."""

    __slots__ = ("_logged", "_peer_id")

    def __init__(self, peer_id: object) -> None:
        self._peer_id = peer_id
        self._logged = 0

    def sent(self, size: int, is_text: bool) -> None:
        """Logs a message of `size` bytes that goes out."""
        logger.debug("peer %s: sent %s, %s bytes", self._peer_id, "text" if is_text else "binary", size)

    def received(self, inbox: Inbox) -> None:
        """Logs the messages that came since the last call."""
        for at in range(max(0, inbox.count - (inbox.received - self._logged)), inbox.count):
            logger.debug("peer %s: received a message of %s bytes", self._peer_id, len(inbox.peek(at)))
        self._logged = inbox.received


def begin_message_log(peer_id: object, target: str) -> MessageLog | None:
    """Logs that a connection opened; returns the log of its messages, or None if nothing is logged at DEBUG.

    `target` is the path and query of the client's request; "" on a client.
    """
    if not logger.isEnabledFor(logging.DEBUG):
        return None
    logger.debug("peer %s: open, %s", peer_id, target.partition("?")[0] or "as a client")
    return MessageLog(peer_id)
