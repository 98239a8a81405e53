"""Lines from the keyboard or a pipe, and lines to the screen, for a loop that must not wait for either.

Layer: `demos`.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading
from typing import TextIO

__all__ = ["LineReader", "print_line"]

READ_AHEAD = 1000
"""Lines that wait to be taken at most; a long file in the pipe stays in the pipe."""

PICTURES = {code: 0x2400 + code for code in range(32)} | {0x7F: 0x2421, ord("\t"): ord("\t")}
PICTURES |= dict.fromkeys(range(0x80, 0xA0), 0xFFFD)
"""A stranger's text must not move the cursor or fake a line: control characters are shown, not obeyed."""


def print_line(text: str) -> None:
    """Print one line at once, also into a pipe."""
    print(text.translate(PICTURES), flush=True)


class LineReader:
    """Lines of standard input, read by a thread.

    Args:
        source: another stream to read from.
    """

    def __init__(self, source: TextIO | None = None) -> None:
        self._lines: queue.Queue[str | None] = queue.Queue(READ_AHEAD)
        self._ended = False
        self._source = source
        threading.Thread(target=self._read, name="line reader", daemon=True).start()

    @property
    def ended(self) -> bool:
        """Whether the input has ended and every line of it was taken."""
        return self._ended

    def take(self) -> list[str]:
        """The lines that have come since the last call, without their ends; never waits."""
        taken = []
        with contextlib.suppress(queue.Empty):
            while (line := self._lines.get_nowait()) is not None:
                taken.append(line)
            self._ended = True
        return taken

    def _read(self) -> None:
        # No input, or none for a program in the background: the same as an empty one.
        with contextlib.suppress(OSError, ValueError):
            for line in self._source or open_input():
                self._lines.put(line.rstrip("\r\n"))
        self._lines.put(None)


def open_input() -> TextIO:
    """Standard input through a reader of its own: `sys.stdin` would stay locked at the program's end."""
    if sys.stdin is None:
        return open(os.devnull, encoding="utf-8")
    return open(sys.stdin.fileno(), encoding=sys.stdin.encoding, errors="replace", closefd=False)


def read_in_background() -> None:
    """Have a read from the terminal fail, instead of stopping the program, while the program runs in the background."""
    if hasattr(signal, "SIGTTIN"):
        signal.signal(signal.SIGTTIN, signal.SIG_IGN)
