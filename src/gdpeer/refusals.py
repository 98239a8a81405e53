"""`Refusals`: counts the refused packets and calls of one peer, limits their log lines, and ends the peer's connection.

    refusals.note("bad packet")
    refusals.log.warning("peer %s: dropped a packet: %s", peer_id, problem)

A peer gets an object at its first refusal. The connection owns the object, and the API above uses the same one.

Invariants: a peer without refusals costs nothing; causes are words of gdpeer, never text from the network.

Layer: above `token_bucket`, `clock` and `logs`, below all else; no I/O but the log.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from gdpeer.clock import MONOTONIC, Clock
from gdpeer.logs import LogLimit
from gdpeer.token_bucket import TokenBucket

__all__ = ["NO_ROOM", "Refusals"]

NO_ROOM = "no room"
"""The cause of a packet from one client to another that the other client could not take."""

MINUTE = 60.0


class Refusals:
    """Counts the refusals of one peer.

    Args:
        clock: tells the time.
        total: also counts each refusal, for all peers together.
        most: refusals allowed at once, and in each minute after that; 0: any number.
        end: called once when there are more.
        log: the limit of the lines about them; None: a new limit. The peers of one address share a limit.

    Attributes:
        by_cause: the number of refusals by cause.
        log: the limit of the lines about them.
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
        """Counts a refusal; too many of them end the connection."""
        self.count(cause)
        if self._bucket is not None and self._end is not None and self._bucket.take(1, self._clock.now()) < 0:
            # Forget the bucket first, so that `end` is called once only.
            self._bucket = None
            self._end()

    def count(self, cause: str) -> None:
        """Counts a refusal that is not the peer's fault: it never ends the connection."""
        self.by_cause[cause] += 1
        self._total[cause] += 1
