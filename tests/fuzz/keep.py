"""The few cases of many that together reach everything the many do."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any

MARK = "/gdpeer/"


def those_that_count(run: Callable[[bytes], None], known: Iterable[bytes], found: Iterable[bytes]) -> list[bytes]:
    """Of `found`, the shortest that reach steps from line to line that no shorter one and none of `known` does."""
    seen: set[Any] = set()
    for data in known:
        seen |= steps_of(run, data)
    kept = []
    for data in sorted(set(found), key=lambda data: (len(data), data)):
        steps = steps_of(run, data)
        if not steps <= seen:
            seen |= steps
            kept.append(data)
    return kept


def steps_of(run: Callable[[bytes], None], data: bytes) -> set[tuple[str, int, int]]:
    """The steps from line to line of gdpeer's source that a case takes; the source has to run uncompiled."""
    steps: set[tuple[str, int, int]] = set()

    def enter(frame: FrameType, event: str, argument: object) -> Any:
        if MARK not in frame.f_code.co_filename:
            return None
        last, name = 0, frame.f_code.co_filename

        def step(frame: FrameType, event: str, argument: object) -> Any:
            nonlocal last
            if event == "line":
                steps.add((name, last, frame.f_lineno))
                last = frame.f_lineno
            return step

        return step

    sys.settrace(enter)
    try:
        run(data)
    finally:
        sys.settrace(None)
    return steps
