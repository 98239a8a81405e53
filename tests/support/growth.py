"""How the time of some work grows with its size, on a machine that others use too."""

from __future__ import annotations

from collections.abc import Callable


def grows_below(bound: float, seconds: Callable[[int], float], small: int, large: int, pairs: int = 5) -> bool:
    """Tells whether the large size takes less than `bound` times as long as the small one.

    Measures both sizes by turns and compares the best time of each, until the answer is yes or `pairs` pairs were
    measured: other work on the machine makes a time longer, never shorter.
    """
    few = many = float("inf")
    for _ in range(pairs):
        few, many = min(few, seconds(small)), min(many, seconds(large))
        if many < bound * few:
            return True
    return False
