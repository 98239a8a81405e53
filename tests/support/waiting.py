"""Waits for a condition, with a limit, and repeats measurements that other programs have disturbed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Figures = TypeVar("Figures")


def until(condition: Callable[[], bool], timeout: float = 30.0) -> None:
    """Waits until `condition` holds.

    Raises:
        AssertionError: the condition did not hold in time.
    """
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout} seconds"
        time.sleep(0.001)


def undisturbed(measure: Callable[[], Figures], holds: Callable[[Figures], bool], attempts: int = 4) -> Figures:
    """Measures until `holds` accepts the figures, at most `attempts` times.

    Other programs can only make a figure worse, so one good measurement is enough.

    Returns:
        The last figures, for the test to judge.
    """
    found = measure()
    while not holds(found) and attempts > 1:
        attempts -= 1
        found = measure()
    return found
