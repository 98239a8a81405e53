"""How much of what: calls and bytes by method and by client, the engine's network profiler for the wire.

Layer: `inspection`; no I/O.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from gdpeer.inspection.decoded import Decoded, clipped

__all__ = ["Table", "Total", "Totals"]

MOST = 10_000
"""Rows of a table; what comes after is counted together: names are made by strangers."""

Key = TypeVar("Key", bound=Hashable)


@dataclass(slots=True)
class Total:
    """One row.

    Attributes:
        name: what is counted.
        count: messages.
        size: bytes.
        rate: messages a second, of the last second that was measured.
        peak: the highest of those.
    """

    name: str
    count: int = 0
    size: int = 0
    rate: float = 0.0
    peak: float = 0.0
    _before: int = 0

    def add(self, size: int) -> None:
        """One more."""
        self.count += 1
        self.size += size

    def tick(self, seconds: float) -> None:
        """So much time has passed since the last tick."""
        self.rate = (self.count - self._before) / seconds
        self.peak = max(self.peak, self.rate)
        self._before = self.count

    def as_json(self) -> dict[str, object]:
        """For programs, and for the page."""
        return {
            "name": self.name,
            "count": self.count,
            "bytes": self.size,
            "rate": round(self.rate, 2),
            "peak": round(self.peak, 2),
        }


class Table(Generic[Key]):
    """Totals by a key."""

    def __init__(self) -> None:
        self._totals: dict[Key | None, Total] = {}

    def of(self, key: Key, name: str) -> Total:
        """The row of a key."""
        total = self._totals.get(key)
        if total is not None:
            total.name = name
            return total
        if len(self._totals) < MOST:
            return self._totals.setdefault(key, Total(name))
        return self._totals.setdefault(None, Total("others"))

    def largest(self, most: int | None = None) -> list[Total]:
        """Those with the most bytes, first."""
        return sorted(self._totals.values(), key=lambda total: -total.size)[:most]

    def tick(self, seconds: float) -> None:
        """See `Total`."""
        for total in self._totals.values():
            total.tick(seconds)


class Totals:
    """What has passed.

    Attributes:
        methods: by path and method; what is no call by its command.
        peers: by client.
        all: in all.
    """

    def __init__(self) -> None:
        self.methods: Table[str] = Table()
        self.peers: Table[int] = Table()
        self.all = Total("all")
        self._ticked = 0.0

    def add(self, line: int, peer_id: int | None, decoded: Decoded, size: int) -> None:
        """One more message."""
        label = clipped(decoded.label)
        self.methods.of(label, label).add(size)
        self.peers.of(line, f"#{line}" if peer_id is None else f"#{line} {peer_id}").add(size)
        self.all.add(size)

    def tick(self, now: float) -> None:
        """Measure the rates; does something once a second, however often it is called.

        Args:
            now: seconds since the tunnel began.
        """
        seconds = now - self._ticked
        if seconds >= 1.0:
            self._ticked = now
            for one in (self.methods, self.peers, self.all):
                one.tick(seconds)

    def as_json(self, most: int | None = None) -> dict[str, object]:
        """For programs, and for the page: at most so many rows of each."""
        return {
            "methods": [total.as_json() for total in self.methods.largest(most)],
            "peers": [total.as_json() for total in self.peers.largest(most)],
            "all": self.all.as_json(),
        }
