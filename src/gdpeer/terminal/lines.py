"""Lines from the keyboard or a pipe for a loop that must not wait for them, and lines to the screen.

A thread reads; the loop takes what is there. The thread is a daemon: it may hang in a read for ever, which must not
keep the program from ending.

Layer: `terminal`, for the command line as well.
"""

from __future__ import annotations

import io
import queue
import signal
import sys
import threading
from typing import TextIO

from gdpeer.quoting import escape

__all__ = ["Lines", "check_output", "is_typed", "print_line"]

WAITING = 1000
"""Lines read ahead at most, so that a large file in the pipe does not end up in memory."""

PICTURES = {code: 0x2400 + code for code in range(32)} | {0x7F: 0x2421, ord("\t"): ord("\t")}
PICTURES |= dict.fromkeys(range(0x80, 0xA0), 0xFFFD)
"""A stranger's text must not move the cursor or fake a line: control characters are shown, not obeyed."""


_failures: list[OSError] = []
"""Why standard output cannot be written."""


def print_line(text: str) -> None:
    """Print one line at once, also into a pipe.

    A disk that is full is no fault of the slot that prints: `check_output` raises it in the program's loop.
    """
    try:
        print(escape(text.translate(PICTURES), most=0, keep="\t"), flush=True)
    except OSError as error:
        _failures.append(error)


def check_output() -> None:
    """Raise what `print_line` could not write.

    Raises:
        OSError: it could not.
    """
    if _failures:
        raise _failures.pop()


class Lines:
    """Lines without their line ends, in order.

    Args:
        source: where they come from; by default standard input, read as UTF-8. What is no UTF-8 is replaced.

    Thread rule: make it in the main thread, as Python wants it for signals.
    """

    def __init__(self, source: TextIO | None = None) -> None:
        self._source = source
        self._queue: queue.Queue[str | None] = queue.Queue(WAITING)
        self._ended = False
        self._next: str | None = None
        if source is None and hasattr(signal, "SIGTTIN"):
            # In the background a read from the terminal shall fail, not stop the program.
            signal.signal(signal.SIGTTIN, signal.SIG_IGN)
        threading.Thread(target=self._read, name="lines", daemon=True).start()

    def _read(self) -> None:
        try:
            for line in self._source or open_input():
                self._queue.put(line.removesuffix("\n"))
        except (OSError, ValueError):
            pass  # no input, or closed under our hands: the same as its end
        finally:
            self._queue.put(None)

    def peek(self) -> str | None:
        """The next line, which stays the next until `take`; None when none is there now."""
        if self._next is None and not self._ended:
            try:
                self._next = self._queue.get_nowait()
                self._ended = self._next is None
            except queue.Empty:
                pass
        return self._next

    def take(self) -> str | None:
        """The next line, or None when none is there now."""
        line, self._next = self.peek(), None
        return line

    @property
    def ended(self) -> bool:
        """Whether all lines were taken and no more will come."""
        return self.peek() is None and self._ended


def open_input() -> TextIO:
    """Standard input through a reader of its own.

    The interpreter closes `sys.stdin` at its end, which fails loudly while a thread reads from it.
    """
    if sys.stdin is None:  # closed before the program began
        return io.StringIO()
    return open(sys.stdin.fileno(), encoding="utf-8", errors="replace", closefd=False)


def is_typed() -> bool:
    """Whether standard input is a terminal, with a person before it."""
    return sys.stdin is not None and sys.stdin.isatty()
