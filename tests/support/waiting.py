"""Waiting for something that another side does, with a limit; measuring while others use the machine too."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Figures = TypeVar("Figures")


def until(condition: Callable[[], bool], timeout: float = 10.0) -> None:
    """Asks again and again until `condition` holds.

    Raises:
        AssertionError: it did not in time.
    """
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout} seconds"
        time.sleep(0.001)


def undisturbed(measure: Callable[[], Figures], holds: Callable[[Figures], bool], attempts: int = 4) -> Figures:
    """Measures again, at most so many times, until `holds`: other programs can make a figure worse, never better.

    Returns:
        What was measured last, for the test to judge.
    """
    found = measure()
    while not holds(found) and attempts > 1:
        attempts -= 1
        found = measure()
    return found
