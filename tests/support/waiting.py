"""Waiting for something that another side does, with a limit."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(condition: Callable[[], bool], timeout: float = 10.0) -> None:
    """Asks again and again until `condition` holds.

    Raises:
        AssertionError: it did not in time.
    """
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout} seconds"
        time.sleep(0.001)
