"""Lines about connections in the log at INFO: ten at once for each address, then one in ten seconds.

    limit = limit_of(turn.log_limits, stream)  # while the stream knows its address
    log_line(limit, "peer %s: %s", peer_id, cause)

Layer: `websocket`.
"""

from __future__ import annotations

import logging

from gdpeer.logs import LogLimit, LogLimits, get_logger
from gdpeer.websocket.admission import household
from gdpeer.websocket.opening.upgrade import Addressed

__all__ = ["limit_of", "log_line"]

logger = get_logger("gdpeer.websocket")


def limit_of(limits: LogLimits | None, stream: Addressed | None) -> LogLimit | None:
    """Returns the limit for a connection's address; None if there is no limit, or nothing is logged at INFO."""
    if limits is None or not logger.isEnabledFor(logging.INFO):
        return None
    address = stream.remote_address[0] if stream is not None else ""
    return limits.of(household(address)) if address else limits.alone()


def log_line(limit: LogLimit | None, text: str, *arguments: object) -> None:
    """Logs a line at INFO, or only counts it if `limit` is reached."""
    if limit is None:
        logger.info(text, *arguments)
    else:
        limit.log(logging.INFO, text, *arguments, logger=logger)
