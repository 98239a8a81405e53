"""Reads lines of standard input without blocking, and prints lines safely.

A thread reads, and the program's loop takes the lines that are there. The thread is a daemon: a read that blocks must
not keep the program from ending.

Layer: `terminal`.
"""

from __future__ import annotations

import io
import queue
import signal
import sys
import threading
from contextlib import suppress
from typing import Generic, TextIO, TypeVar

from gdpeer.quoting import escape

__all__ = ["Lines", "ReadAhead", "check_output", "is_typed", "print_line"]

Item = TypeVar("Item")

WAITING = 1000
"""The most lines that are read ahead, so that a large file in the pipe does not fill the memory."""

PICTURES = {code: 0x2400 + code for code in range(32)} | {0x7F: 0x2421, ord("\t"): ord("\t")}
PICTURES |= dict.fromkeys(range(0x80, 0xA0), 0xFFFD)
"""Replaces control characters by visible ones: a stranger's text must not move the cursor or fake a line."""


_failures: list[OSError] = []
"""Errors of writes to standard output, for `check_output`."""


def print_line(text: str) -> None:
    """Prints one line and flushes the output.

    Never raises an error of the output: call `check_output` in the program's loop. A full disk must not look like a
    fault of the signal handler that prints.
    """
    try:
        print(escape(text.translate(PICTURES), most=0, keep="\t"), flush=True)
    except OSError as error:
        _failures.append(error)


def check_output() -> None:
    """Raises the last error of `print_line`, if there was one.

    Raises:
        OSError: a line could not be written.
    """
    if _failures:
        raise _failures.pop()


class ReadAhead(Generic[Item]):
    """Items that a thread reads, in order, for a loop that must not wait for them.

    A subclass reads in `_read`, which runs in the thread, and puts the items into `_queue`. It starts the thread
    `_thread` after it has set its own attributes.

    Args:
        most: items that are read ahead; 0 is without a limit.
        name: of the thread.
    """

    def __init__(self, most: int, name: str) -> None:
        self._queue: queue.Queue[Item | None] = queue.Queue(most)
        self._ended = False
        self._next: Item | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def _run(self) -> None:
        try:
            self._read()
        finally:
            self._queue.put(None)  # the end

    def _read(self) -> None:
        """Puts all items into `_queue`, and returns at the end of the input."""
        raise NotImplementedError

    def peek(self) -> Item | None:
        """Returns the next item and keeps it; None if there is none yet, or no more."""
        if self._next is None and not self._ended:
            try:
                self._next = self._queue.get_nowait()
                self._ended = self._next is None
            except queue.Empty:
                pass
        return self._next

    def take(self) -> Item | None:
        """Removes and returns the next item; None if there is none yet, or no more."""
        item, self._next = self.peek(), None
        return item

    @property
    def ended(self) -> bool:
        """Whether all items were taken and the input has ended."""
        return self.peek() is None and self._ended


class Lines(ReadAhead[str]):
    """Lines of a stream, in order and without their line ends.

    Args:
        source: the stream; by default standard input, read as UTF-8 with invalid bytes replaced.

    Thread rule: make it in the main thread, because it sets a signal handler.
    """

    def __init__(self, source: TextIO | None = None) -> None:
        super().__init__(WAITING, "lines")
        self._source = source
        if source is None and hasattr(signal, "SIGTTIN"):
            # A background program that reads from the terminal would be stopped. Let the read fail instead.
            signal.signal(signal.SIGTTIN, signal.SIG_IGN)
        self._thread.start()

    def _read(self) -> None:
        # Without input, or with one that is closed meanwhile: treat it as the end.
        with suppress(OSError, ValueError):
            for line in self._source or open_input():
                self._queue.put(line.removesuffix("\n"))


def open_input() -> TextIO:
    """Opens standard input a second time.

    The interpreter closes `sys.stdin` at its end, which prints an error while a thread reads from it.
    """
    if sys.stdin is None:  # closed before the program began
        return io.StringIO()
    return open(sys.stdin.fileno(), encoding="utf-8", errors="replace", closefd=False)


def is_typed() -> bool:
    """Returns whether standard input is a terminal, so that a person types."""
    return sys.stdin is not None and sys.stdin.isatty()
