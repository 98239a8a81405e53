"""`ErrorLog` collects the errors that gdpeer logs during a test, so that a test can fail because of them.

An exception in a method, a slot or a hook of the game does not end the server: gdpeer logs the exception with its
traceback. A test would not notice.

Layer: `testing`.
"""

from __future__ import annotations

import logging
from typing import ClassVar

from gdpeer import logs
from gdpeer.attributes import Guarded

__all__ = ["ErrorLog"]

HEADING = "the game logged errors (gdpeer_errors.take() takes those that a test expects)"


class ErrorLog(Guarded):
    """The errors that gdpeer logs, and that engines print, while this context manager is open.

    Attributes:
        lines: each error, with its traceback; the oldest first.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ("lines",)

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._handler = _Collector(self.lines)

    def take(self) -> list[str]:
        """Returns the errors so far, and forgets them: a test calls this for errors that it expects."""
        taken = list(self.lines)
        self.lines.clear()
        return taken

    def check(self) -> None:
        """Raises an AssertionError if there are errors that nobody took."""
        if self.lines:
            text = "\n".join(self.take())
            raise AssertionError(f"{HEADING}:\n{text}")

    def __enter__(self) -> ErrorLog:
        logs.forget()  # the limits of earlier tests would hide errors of this test
        logging.getLogger("gdpeer").addHandler(self._handler)
        return self

    def __exit__(self, *error: object) -> None:
        logging.getLogger("gdpeer").removeHandler(self._handler)


class _Collector(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(self.format(record))
