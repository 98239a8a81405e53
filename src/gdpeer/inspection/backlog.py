"""Keeps the last messages of a tunnel whole, within a limit of memory, to show one in detail or to record them all.

Layer: `inspection`; no I/O.
"""

from __future__ import annotations

from base64 import b64encode
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gdpeer.inspection.decoded import Allowance
from gdpeer.inspection.rows import Row
from gdpeer.inspection.tunnel import Ended, Event, Opened, Passed

__all__ = ["Backlog", "detail"]

MOST_ROWS = 10_000
"""The most rows that are kept."""

MOST_WEIGHT = 64 * 1024 * 1024
"""About how many bytes of memory the rows may take."""

ROW = 1000
"""About the bytes of memory of a row without its message."""

TIMES = 12
"""Decoded values take up to about this many times the bytes of their message: an empty Array is 8 bytes long."""

MOST_TEXT = 32_768
"""The most characters of the values of one message in detail. Writing this many takes a few milliseconds."""

MOST_BYTES = 65_536
"""The most bytes of one message in detail."""


@dataclass(slots=True)
class Connection:
    """The begin and the end of a connection, and how many of its rows are kept."""

    opened: Opened
    ended: Ended | None = None
    rows: int = 0


class Backlog:
    """The last rows, each with a number: 1, 2, 3 and so on.

    Args:
        most_rows: the most rows that are kept.
        most_weight: about how many bytes of memory they may take. A message that alone takes a quarter is not kept.

    Attributes:
        count: rows so far, kept or not; the number of the last row.
        missing: how many of these are not kept any more.
    """

    def __init__(self, most_rows: int = MOST_ROWS, most_weight: int = MOST_WEIGHT) -> None:
        self._most_rows = most_rows
        self._most_weight = most_weight
        self._weight = 0
        self._rows: OrderedDict[int, Row] = OrderedDict()
        self._connections: dict[int, Connection] = {}
        self.count = 0

    @property
    def missing(self) -> int:
        """How many rows are not kept any more."""
        return self.count - len(self._rows)

    def add(self, events: Iterable[Event], rows: Iterable[Row]) -> int:
        """Keeps rows, and drops the oldest ones beyond the limits.

        Args:
            events: all events of the tunnel since the last call, for the begins and ends of connections.
            rows: of these events; some may be left out.

        Returns:
            The number of the first row; the others follow.
        """
        first = self.count + 1
        events = list(events)
        for event in events:
            if isinstance(event, Opened):
                self._connections[event.line] = Connection(event)
        for row in rows:
            self._keep(row)
        # After the rows: a connection without rows is forgotten at its end.
        for event in events:
            if isinstance(event, Ended) and event.line in self._connections:
                self._connections[event.line].ended = event
                self._forget(event.line)
        return first

    def _keep(self, row: Row) -> None:
        self.count += 1
        weight = weight_of(row)
        if weight > self._most_weight // 4:
            return
        self._rows[self.count] = row
        self._weight += weight
        if row.line in self._connections:
            self._connections[row.line].rows += 1
        while len(self._rows) > self._most_rows or self._weight > self._most_weight:
            self._drop()

    def _drop(self) -> None:
        _, row = self._rows.popitem(last=False)
        self._weight -= weight_of(row)
        if row.line in self._connections:
            self._connections[row.line].rows -= 1
            self._forget(row.line)

    def _forget(self, line: int) -> None:
        connection = self._connections[line]
        if connection.ended is not None and not connection.rows:
            del self._connections[line]

    def get(self, number: int) -> Row | None:
        """Returns a row by its number; None if it is not kept."""
        return self._rows.get(number)

    def events(self) -> list[Event]:
        """Returns the kept messages in order, with the begin and the end of each of their connections: a recording."""
        connections = [one for one in self._connections.values() if one.rows]
        messages = [row.event for row in self._rows.values() if isinstance(row.event, Passed)]
        found: list[Event] = [*(one.opened for one in connections), *messages]
        found += [one.ended for one in connections if one.ended is not None]
        # A stable sort: at one time a begin comes before messages, and these before an end.
        return sorted((event for event in found if event.line in self._connections), key=lambda event: event.time)


def weight_of(row: Row) -> int:
    """Returns about how many bytes of memory a row takes, with its message and the decoded values."""
    return ROW + TIMES * row.size


def detail(row: Row) -> dict[str, Any]:
    """Returns a row as a dictionary for JSON, with its values in full and its bytes in base64, within the limits."""
    allowance = Allowance(MOST_TEXT, MOST_TEXT, MOST_TEXT)
    fields = row.as_json(allowance)
    if isinstance(row.event, Passed):
        fields["data"] = b64encode(row.event.message.data[:MOST_BYTES]).decode()
    return fields | {"cut": allowance.is_cut}
