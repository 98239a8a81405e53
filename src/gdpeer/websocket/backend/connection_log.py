"""Lines of the log at INFO, about connections: of each address ten come at once, then one in ten seconds.

    limit = limit_of(turn.log_limits, stream)  # while the stream knows its address
    tell(limit, "peer %s: %s", peer_id, cause)

Layer: `websocket`.
"""

from __future__ import annotations

import logging

from gdpeer.logs import LogLimit, LogLimits, get_logger
from gdpeer.transport.stream import Stream
from gdpeer.websocket.admission import household

__all__ = ["limit_of", "tell"]

logger = get_logger("gdpeer.websocket")


def limit_of(limits: LogLimits | None, stream: Stream | None) -> LogLimit | None:
    """What may be said of a connection, by its address; None: all, or nothing is logged at INFO anyway."""
    if limits is None or not logger.isEnabledFor(logging.INFO):
        return None
    address = stream.remote_address[0] if stream is not None else ""
    return limits.of(household(address)) if address else limits.alone()


def tell(limit: LogLimit | None, text: str, *arguments: object) -> None:
    """Log a line, or count it."""
    if limit is None:
        logger.info(text, *arguments)
    else:
        limit.log(logging.INFO, text, *arguments, logger=logger)
