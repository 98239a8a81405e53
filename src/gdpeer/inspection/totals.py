"""Counts messages and bytes by method and by client, as the network profiler of Godot's editor does.

Layer: `inspection`; no I/O.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from gdpeer.inspection.decoded import Decoded, clipped

__all__ = ["Table", "Total", "Totals"]

MOST = 10_000
"""The most rows of a table; all further keys are counted together, because strangers can make up any number of them."""


@dataclass(slots=True)
class Total:
    """The count of one method or one client.

    Attributes:
        name: shown in the table.
        count: messages.
        size: bytes.
        rate: messages per second, over the last second or so.
        peak: the highest rate so far.
    """

    name: str
    count: int = 0
    size: int = 0
    rate: float = 0.0
    peak: float = 0.0
    _before: int = 0

    def add(self, size: int) -> None:
        """Counts one message of `size` bytes."""
        self.count += 1
        self.size += size

    def tick(self, seconds: float) -> None:
        """Computes the rate since the last tick, which was `seconds` ago."""
        self.rate = (self.count - self._before) / seconds
        self.peak = max(self.peak, self.rate)
        self._before = self.count

    def as_json(self) -> dict[str, object]:
        """Returns the row as a dictionary for JSON."""
        return {
            "name": self.name,
            "count": self.count,
            "bytes": self.size,
            "rate": round(self.rate, 2),
            "peak": round(self.peak, 2),
        }


class Table:
    """Totals by a key, at most `MOST` of them; the total of all further keys is named "others"."""

    def __init__(self) -> None:
        self._totals: dict[Hashable | None, Total] = {}

    def of(self, key: Hashable, name: str) -> Total:
        """Returns the total of a key, and makes it if it is new. The name of an existing one is replaced."""
        total = self._totals.get(key)
        if total is not None:
            total.name = name  # a client's name gets longer once its id is known
            return total
        if len(self._totals) < MOST:
            return self._totals.setdefault(key, Total(name))
        return self._totals.setdefault(None, Total("others"))

    def largest(self, most: int | None = None) -> list[Total]:
        """Returns the totals with the most bytes, largest first; None for all of them."""
        return sorted(self._totals.values(), key=lambda total: -total.size)[:most]

    def tick(self, seconds: float) -> None:
        """Computes the rates of all totals; the last tick was `seconds` ago."""
        for total in self._totals.values():
            total.tick(seconds)


class Totals:
    """All counts of a tunnel.

    Attributes:
        methods: by `PATH:METHOD`; messages that are not calls by their command.
        peers: by client.
        all: the sum.
    """

    def __init__(self) -> None:
        self.methods = Table()
        self.peers = Table()
        self.all = Total("all")
        self._ticked = 0.0

    def add(self, line: int, peer_id: int | None, decoded: Decoded, size: int) -> None:
        """Counts one message of a client, by the client's number and its id in the multiplayer."""
        label = clipped(decoded.label)
        self.methods.of(label, label).add(size)
        self.peers.of(line, f"#{line}" if peer_id is None else f"#{line} {peer_id}").add(size)
        self.all.add(size)

    def tick(self, now: float) -> None:
        """Computes the rates once a second, by the seconds since the tunnel began; calls in between do nothing."""
        seconds = now - self._ticked
        if seconds >= 1.0:
            self._ticked = now
            for one in (self.methods, self.peers, self.all):
                one.tick(seconds)

    def as_json(self, most: int | None = None) -> dict[str, object]:
        """Returns the tables as a dictionary for JSON, each with the `most` largest rows; None for all rows."""
        return {
            "methods": [total.as_json() for total in self.methods.largest(most)],
            "peers": [total.as_json() for total in self.peers.largest(most)],
            "all": self.all.as_json(),
        }
