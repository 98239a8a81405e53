"""`Refusals`: what was refused of one peer, by cause, how much of that is logged, and when it is too much.

    refusals.note("bad packet")
    refusals.log.warning("peer %s: dropped a packet: %s", peer_id, problem)

There is one for each peer of whom something was refused: the connection has it, and the API above uses the same.

Invariants: it costs nothing until something is refused; causes are words of ours, never anything from the network.

Layer: above `bucket`, `clock` and `logs`, below all else; no I/O but the log.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from gdpeer.clock import MONOTONIC, Clock
from gdpeer.logs import LogLimit
from gdpeer.token_bucket import TokenBucket

__all__ = ["Refusals"]

MINUTE = 60.0


class Refusals:
    """What was refused of one peer.

    Args:
        clock: tells the time.
        total: counts along, for all peers together.
        most: what may be refused at once, and in each minute after; 0: any number.
        end: called once when it is more.
        log: for the lines about it; None: one of its own. The peers of one address share one.

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
        log: LogLimit | None = None,
    ) -> None:
        self.by_cause: Counter[str] = Counter()
        self.log = LogLimit(clock) if log is None else log
        self._clock = clock
        self._total: Counter[str] = Counter() if total is None else total
        self._bucket = TokenBucket(most / MINUTE, most, clock.now()) if most else None
        self._end = end

    def note(self, cause: str) -> None:
        """Count one; too many of them end the connection."""
        self.count(cause)
        if self._bucket is not None and self._end is not None and self._bucket.take(1, self._clock.now()) < 0:
            self._bucket = None
            self._end()

    def count(self, cause: str) -> None:
        """Count one that is nobody's fault: it never ends the connection."""
        self.by_cause[cause] += 1
        self._total[cause] += 1
