"""Counts the messages and bytes of each second and direction, for a graph of the last two minutes.

Layer: `inspection`; no I/O.
"""

from __future__ import annotations

from collections import deque

from gdpeer.inspection.direction import Direction

__all__ = ["History"]

SECONDS = 120
"""Whole seconds that are kept."""


class Second:
    """The counts of one second, by direction."""

    __slots__ = ("messages", "sizes")

    def __init__(self) -> None:
        self.messages = dict.fromkeys(Direction, 0)
        self.sizes = dict.fromkeys(Direction, 0)


class History:
    """The counts of the last seconds."""

    def __init__(self) -> None:
        self._seconds = deque([Second()], SECONDS + 1)
        self._last = 0  # the last of them, in seconds since the tunnel began

    def add(self, time: float, direction: Direction, size: int) -> None:
        """Counts one message. `time` is in seconds since the tunnel began; a message of long ago is not counted."""
        self._go_on(time)
        age = self._last - int(time)
        if age < len(self._seconds):
            second = self._seconds[-1 - age]
            second.messages[direction] += 1
            second.sizes[direction] += size

    def _go_on(self, time: float) -> None:
        missing = int(time) - self._last
        self._last += max(0, missing)
        self._seconds.extend(Second() for _ in range(min(missing, SECONDS + 1)))

    def as_json(self, now: float) -> dict[str, object]:
        """Returns the counts of the whole seconds before `now` as a dictionary for JSON, the oldest second first.

        `end` is the number of these seconds since the tunnel began.
        """
        self._go_on(now)
        whole = list(self._seconds)[:-1]
        counts = {
            one.value: {
                "messages": [second.messages[one] for second in whole],
                "bytes": [second.sizes[one] for second in whole],
            }
            for one in Direction
        }
        return {"end": self._last, **counts}
