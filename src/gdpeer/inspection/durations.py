"""A histogram of durations that takes little memory, for the measurements of `gdpeer swarm`.

Layer: `inspection`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

__all__ = ["Durations"]

_STEP = math.log(1.01)
"""The logarithm of one histogram step: durations that differ by less than 1 % are counted together."""
_LEAST = 1e-6
"""Seconds of the shortest duration; shorter ones are counted as this one."""


class Durations:
    """A histogram of durations. The histograms of several processes can be merged.

    Args:
        counts: the result of `counts()` of another histogram, to continue from.
    """

    def __init__(self, counts: Mapping[str, int] | None = None) -> None:
        self._counts: Counter[int] = Counter({int(key): number for key, number in (counts or {}).items()})

    def add(self, seconds: float) -> None:
        """Counts a duration, rounded to a step of the histogram."""
        # Steps of equal ratio: the same accuracy for a microsecond and for a minute.
        self._counts[round(math.log(max(seconds, _LEAST) / _LEAST) / _STEP)] += 1

    def merge(self, other: Durations) -> None:
        """Adds the durations of another histogram."""
        self._counts.update(other._counts)

    def quantile(self, share: float) -> float:
        """Returns the duration that a share of all durations does not exceed.

        Args:
            share: 0 to 1; 0.5 is the median.

        Returns:
            Seconds, accurate to 1 %; 0.0 if there are no durations.
        """
        wanted, seen = share * len(self), 0
        for key in sorted(self._counts):
            seen += self._counts[key]
            if seen >= wanted:
                return _LEAST * math.exp(key * _STEP)
        return 0.0

    def counts(self) -> dict[str, int]:
        """Returns the histogram as a dictionary for JSON; the constructor takes it."""
        return {str(key): number for key, number in self._counts.items()}

    def __len__(self) -> int:
        return self._counts.total()
