"""Ctrl-C and SIGTERM as a wish that the loop looks at, not as an exception in the middle of something.

Layer: `terminal`, for the command line as well.
"""

from __future__ import annotations

import os
import signal
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = ["Stop"]


class Stop:
    """Whether the program was asked to end. While it is entered, the signals do nothing else.

    A second Ctrl-C ends the process at once, whatever it is doing.

        with Stop() as stop:
            while not stop.requested:
                server.poll(timeout=0.2)

    Thread rule: enter it in the main thread, as Python wants it for signals.
    """

    def __init__(self) -> None:
        self.requested = False
        self._interrupted = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        # Only Ctrl-C counts twice: `timeout` and the like send one SIGTERM to the process and one to its group.
        if number == signal.SIGINT and self._interrupted:
            os._exit(128 + number)
        self._interrupted = self._interrupted or number == signal.SIGINT
        self.requested = True
