"""Many durations in little memory: what `gdpeer swarm` measures.

Layer: `inspection`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

__all__ = ["Durations"]

_STEP = math.log(1.01)
"""Durations that differ by less than one in a hundred are counted as the same."""
_LEAST = 1e-6


class Durations:
    """Counts durations by size, so that those of many processes can be added.

    Args:
        counts: as `counts` of another gave them.
    """

    def __init__(self, counts: Mapping[str, int] | None = None) -> None:
        self._counts: Counter[int] = Counter({int(key): number for key, number in (counts or {}).items()})

    def add(self, seconds: float) -> None:
        """One more."""
        self._counts[round(math.log(max(seconds, _LEAST) / _LEAST) / _STEP)] += 1

    def merge(self, other: Durations) -> None:
        """Those of another as well."""
        self._counts.update(other._counts)

    def quantile(self, share: float) -> float:
        """The seconds that so many of them (0 to 1) do not exceed, to one in a hundred; 0.0 of none."""
        wanted, seen = share * len(self), 0
        for key in sorted(self._counts):
            seen += self._counts[key]
            if seen >= wanted:
                return _LEAST * math.exp(key * _STEP)
        return 0.0

    def counts(self) -> dict[str, int]:
        """For another process."""
        return {str(key): number for key, number in self._counts.items()}

    def __len__(self) -> int:
        return self._counts.total()
