"""`Refusals`: what was refused of one peer, by cause, how much of that is logged, and when it is too much.

    refusals.note("bad packet")
    refusals.log.warning("peer %s: dropped a packet: %s", peer_id, problem)

There is one for each peer of whom something was refused: the connection has it, and the API above uses the same.

Invariants: it costs nothing until something is refused; causes are words of ours, never anything from the network.

Layer: above `bucket` and `clock`, below all else; no I/O but the log.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable

from gdpeer.bucket import Bucket
from gdpeer.clock import MONOTONIC, Clock

__all__ = ["LOGGED_AT_ONCE", "LOG_INTERVAL", "LogLimit", "Refusals"]

LOGGED_AT_ONCE = 10
"""Lines about one peer that are logged as they come: enough to see what is wrong."""
LOG_INTERVAL = 10.0
"""Seconds for each line after these: a peer that sends rubbish for a day fills a MiB or two, not the disk."""

MINUTE = 60.0

logger = logging.getLogger("gdpeer.multiplayer")


class LogLimit:
    """A log that nobody can flood: `LOGGED_AT_ONCE` lines, then one in `LOG_INTERVAL` that tells how many were not.

    Args:
        clock: tells the time.

    Attributes:
        held_back: lines that were not logged, and not told of yet.
    """

    __slots__ = ("_bucket", "_clock", "held_back")

    def __init__(self, clock: Clock = MONOTONIC) -> None:
        self._clock = clock
        self._bucket = Bucket(1 / LOG_INTERVAL, LOGGED_AT_ONCE, clock.now())
        self.held_back = 0

    def warning(self, text: str, *arguments: object) -> None:
        """Log a line, or count it."""
        self.log(logging.WARNING, text, *arguments)

    def log(self, level: int, text: str, *arguments: object) -> None:
        """As `warning`, at any level. An exception goes in as its text: who keeps the line would keep its frames."""
        if not self._bucket.spend(self._clock.now()):
            self.held_back += 1
            return
        if self.held_back:
            text, arguments = f"{text} (and %d lines before it that were not logged)", (*arguments, self.held_back)
            self.held_back = 0
        logger.log(level, text, *arguments)

    def finish(self, peer_id: int) -> None:
        """The peer has gone: tell what was not told."""
        if self.held_back:
            logger.warning("peer %s: %d lines about it were not logged", peer_id, self.held_back)
            self.held_back = 0


class Refusals:
    """What was refused of one peer.

    Args:
        clock: tells the time.
        total: counts along, for all peers together.
        most: what may be refused at once, and in each minute after; 0: any number.
        end: called once when it is more.

    Attributes:
        by_cause: how often.
        log: for the lines about it.
    """

    __slots__ = ("_bucket", "_clock", "_end", "_total", "by_cause", "log")

    def __init__(
        self,
        clock: Clock = MONOTONIC,
        total: Counter[str] | None = None,
        most: int = 0,
        end: Callable[[], object] | None = None,
    ) -> None:
        self.by_cause: Counter[str] = Counter()
        self.log = LogLimit(clock)
        self._clock = clock
        self._total: Counter[str] = Counter() if total is None else total
        self._bucket = Bucket(most / MINUTE, most, clock.now()) if most else None
        self._end = end

    def note(self, cause: str) -> None:
        """Count one; too many of them end the connection."""
        self.by_cause[cause] += 1
        self._total[cause] += 1
        if self._bucket is not None and self._end is not None and self._bucket.take(1, self._clock.now()) < 0:
            self._bucket = None
            self._end()
