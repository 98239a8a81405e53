"""Turns Ctrl-C and SIGTERM into a flag for the program's loop, instead of an exception at any point.

Layer: `terminal`.
"""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import Any, Self

__all__ = ["Stop"]


class Stop:
    """A context manager in which Ctrl-C and SIGTERM only set `requested`. A second Ctrl-C ends the process at once.

        with Stop() as stop:
            while not stop.requested:
                server.poll(timeout=0.2)

    Attributes:
        requested: whether one of the signals came.
        interrupted: whether Ctrl-C came.

    Thread rule: enter it in the main thread, because Python sets signal handlers only there.
    """

    def __init__(self) -> None:
        self.requested = False
        self.interrupted = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        # Count only Ctrl-C twice: `timeout` and similar programs send SIGTERM to the process and again to its group.
        if number == signal.SIGINT and self.interrupted:
            os._exit(128 + number)
        self.interrupted = self.interrupted or number == signal.SIGINT
        self.requested = True
