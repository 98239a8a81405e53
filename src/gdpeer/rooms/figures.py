"""`Figures`: what a hall counts about its rooms and places, for metrics.

Layer: `rooms`; pure.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter

from gdpeer.errors import HandshakeError
from gdpeer.rooms.errors import Draining, Full, Locked, NoRoom, Unreachable
from gdpeer.rooms.tokens import SeatRefused

__all__ = ["BUCKETS", "Figures"]

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
"""The upper limits of the histogram of turns, in seconds."""

_REASONS: dict[type[Exception], str] = {
    NoRoom: "no room",
    Full: "full",
    Locked: "locked",
    Draining: "draining",
    Unreachable: "unreachable",
}


class Figures:
    """Counters that only grow.

    Attributes:
        made: rooms that were made, by kind.
        closed: rooms that were closed, by close code.
        joined: players who joined.
        lost: connections that were lost while their places were kept.
        returned: players who came back, by result: "ok" after a loss, "replaced" while the old connection was open.
        left: places that were given up after their players had joined, by reason.
        refused: upgrades that got no place, by reason: "no room", "full", "locked", "draining", "unreachable", "seat
            expired" and the other reasons of `SeatRefused`, "by the room" (`on_auth`), or "other".
        turns: how many turns took at most as long as each bucket; the last number is of longer turns.
        turn_seconds: of all turns together.
    """

    __slots__ = ("closed", "joined", "left", "lost", "made", "refused", "returned", "turn_seconds", "turns")

    def __init__(self) -> None:
        self.made: Counter[str] = Counter()
        self.closed: Counter[int] = Counter()
        self.joined = 0
        self.lost = 0
        self.returned: Counter[str] = Counter()
        self.left: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.turns = [0] * (len(BUCKETS) + 1)
        self.turn_seconds = 0.0

    def note_refused(self, problem: Exception) -> None:
        """Counts an upgrade that gets no place for a reason."""
        if isinstance(problem, SeatRefused):
            self.refused[f"seat {problem.reason}"] += 1
        elif isinstance(problem, HandshakeError):
            self.refused["other"] += 1
        else:
            self.refused[_REASONS.get(type(problem), "by the room")] += 1

    def note_turn(self, seconds: float) -> None:
        """Counts the processor time of a room's turn or tick."""
        self.turns[bisect_left(BUCKETS, seconds)] += 1
        self.turn_seconds += seconds
