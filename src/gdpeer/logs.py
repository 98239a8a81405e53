"""The loggers of gdpeer. Their lines are harmless, contain no secrets, and cannot flood the log.

    logger = get_logger("gdpeer.websocket")
    logger.warning("peer %s: %s", peer_id, text_from_the_peer)

- **Harmless.** A filter of each logger escapes and cuts the arguments of a line and the texts of exceptions
  (`gdpeer.quoting`), for all handlers. Pass long texts of this program itself as `Own(text)`.
- **Visible by default.** No handler is set here, so Python's handler of last resort writes warnings and tracebacks to
  stderr until the program configures logging.
- **No flood.** Events that peers can cause at will go through a `LogLimit`: ten lines at once, then one line in ten
  seconds, with the number of lines left out. `report` writes an exception of the game's code with its traceback; if one
  line of code raises again and again, its traceback is limited in the same way.

Invariant: a limit is charged before the line is logged. So a logging handler that sends to peers, and so causes another
line, ends after ten lines.

Layer: with `errors` the lowest.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import traceback
from collections.abc import Hashable, Mapping
from types import TracebackType
from typing import Any

from gdpeer.clock import MONOTONIC, Clock
from gdpeer.quoting import clean, escape
from gdpeer.token_bucket import TokenBucket

__all__ = [
    "LOGGED_AT_ONCE",
    "LOG_INTERVAL",
    "LogLimit",
    "LogLimits",
    "Own",
    "describe",
    "get_logger",
    "log_limited",
    "report",
]

LOGGED_AT_ONCE = 10
"""Lines of one kind, or about one address, that are logged at once: enough to see the problem."""
LOG_INTERVAL = 10.0
"""Seconds for each further line: a peer that sends rubbish for a day fills one or two MiB, not the disk."""

MOST_REMEMBERED = 4_096
"""Addresses, or lines of code, whose limits are remembered. Beyond this, new ones share one limit until others are
idle."""
TOTAL_AT_ONCE = 60
TOTAL_RATE = 1.0
"""Lines at once, and per second, about all addresses of one server together: twenty strangers write 40 KiB a minute."""

OWN_MOST = 4_000
"""Most characters of an `Own` text, for example a list of methods."""
TRACEBACK_MOST = 3_000
"""Most characters of a traceback; the middle of a longer traceback is left out."""

_PLAIN = (int, float, bool, type(None))
_FRAME = re.compile(r'[\s|+\-]*File "')


class Own(str):
    """A text that this program made of its own names: it may be longer in the log than text from a peer."""

    __slots__ = ()


class _Clean(logging.Filter):
    """Makes the arguments and the traceback of a line harmless."""

    def filter(self, record: logging.LogRecord) -> bool:
        arguments = record.args
        if isinstance(arguments, Mapping):
            record.args = {name: _shown(value) for name, value in arguments.items()}
        elif arguments:
            record.args = tuple(_shown(value) for value in arguments)
        # A formatter writes `exc_text` if it is set, and formats `exc_info` itself otherwise.
        if record.exc_info and record.exc_info[0] is not None and not record.exc_text:
            record.exc_text = format_traceback(*record.exc_info)
        return True


_CLEAN = _Clean()


def get_logger(name: str) -> logging.Logger:
    """Returns the logger of that name, with the filter that makes lines harmless. Use it for every logger of gdpeer."""
    logger = logging.getLogger(name)
    # A logger's filter does not apply to the loggers below it, so each needs its own. addFilter() adds it once only.
    logger.addFilter(_CLEAN)
    return logger


_logger = get_logger("gdpeer.multiplayer")


def _shown(value: Any) -> Any:
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Own):
        return clean(value, OWN_MOST)
    return clean(str(value))


def describe(thing: object) -> str:
    """Returns the `repr` of a game's object, for a line in the log; its type if `repr` raises."""
    try:
        return repr(thing)
    except Exception:
        return f"<{type(thing).__name__}>"


def format_traceback(kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> str:
    """Formats a traceback as Python does, except that the text of an exception is one line, as it may quote a peer."""
    assert kind is not None
    lines = []
    for chunk in traceback.TracebackException(kind, error, trace, compact=True).format():  # type: ignore[arg-type]
        if _FRAME.match(chunk) or chunk.startswith(("Traceback", "\n")):
            lines.append(escape(chunk.rstrip("\n"), most=0, keep="\n"))
        else:
            lines.append(escape(chunk.rstrip("\n")))
    text = "\n".join(lines)
    if len(text) > TRACEBACK_MOST:
        half = TRACEBACK_MOST // 2
        text = f"{text[:half]}\n  ... {len(text) - 2 * half} characters are left out here ...\n{text[-half:]}"
    return text


class LogLimit:
    """Limits lines: `LOGGED_AT_ONCE` lines, then one in `LOG_INTERVAL` that gives the number of lines left out.

    Args:
        clock: tells the time.
        total: a limit for all such limits together; None: no such limit.

    Attributes:
        held_back: lines that were not logged, and not mentioned in a later line yet.
    """

    __slots__ = ("_bucket", "_clock", "_total", "held_back")

    def __init__(self, clock: Clock = MONOTONIC, total: TokenBucket | None = None) -> None:
        self._clock = clock
        self._bucket = TokenBucket(1 / LOG_INTERVAL, LOGGED_AT_ONCE, clock.now())
        self._total = total
        self.held_back = 0

    def may_log(self) -> bool:
        """Tells whether a line may be logged now, and counts the line as logged or as held back."""
        is_free = self._spend()
        self.held_back += not is_free
        return is_free

    def _spend(self) -> bool:
        now = self._clock.now()
        return self._bucket.spend(now) and (self._total is None or self._total.spend(now))

    def warning(self, text: str, *arguments: object) -> None:
        """Logs a line about a peer, or counts it as held back."""
        self.log(logging.WARNING, text, *arguments)

    def log(self, level: int, text: str, *arguments: object, logger: logging.Logger | None = None) -> None:
        """Logs a line at any level and with any logger, or counts it as held back.

        Pass an exception as its text: a handler that keeps the line would keep the exception's frames in memory.
        """
        if self.may_log():
            (logger or _logger).log(level, f"{text}%s", *arguments, self.take_held_back())

    def finish(self, peer_id: int) -> None:
        """Logs, within the limit, how many lines about a peer were held back; call it when the peer has gone."""
        if self.held_back and self._spend():
            _logger.warning("peer %s has gone%s", peer_id, self.take_held_back())

    def take_held_back(self) -> str:
        """Returns the words about held-back lines for the end of a line; "" if all lines were logged."""
        held_back, self.held_back = self.held_back, 0
        return f" (and {held_back} lines before it that were not logged)" if held_back else ""

    def is_idle(self) -> bool:
        """Tells whether the limit is as good as new, apart from the count of held-back lines."""
        return self._bucket.is_full(self._clock.now())


class LogLimits:
    """One `LogLimit` per key, for example per address of a server; their number is limited.

    Args:
        clock: tells the time.
        total: whether `TOTAL_AT_ONCE` and `TOTAL_RATE` limit all keys together.

    Thread rule: any thread.
    """

    def __init__(self, clock: Clock = MONOTONIC, *, total: bool = False) -> None:
        self._clock = clock
        self._total = TokenBucket(TOTAL_RATE, TOTAL_AT_ONCE, clock.now()) if total else None
        self._limits: dict[Hashable, LogLimit] = {}
        self._lock = threading.Lock()
        self._others: LogLimit | None = None

    def of(self, key: Hashable) -> LogLimit:
        """Returns the limit of a key; the same object as long as it is in use."""
        with self._lock:
            found = self._limits.get(key)
            if found is not None:
                return found
            if len(self._limits) >= MOST_REMEMBERED and not self._forget():
                if self._others is None:
                    self._others = LogLimit(self._clock, self._total)
                return self._others
            found = self._limits[key] = LogLimit(self._clock, self._total)
            return found

    def alone(self) -> LogLimit:
        """Returns a limit for a peer without an address."""
        return LogLimit(self._clock, self._total)

    def _forget(self) -> bool:
        """Drops the idle limits; returns whether there is room now."""
        # A limit in use stays: a new one in its place would allow ten lines again.
        self._limits = {key: limit for key, limit in self._limits.items() if not limit.is_idle()}
        return len(self._limits) < MOST_REMEMBERED

    def clear(self) -> None:
        """Drops all limits, so that every key starts anew."""
        with self._lock:
            self._limits.clear()
            self._others = None


_PLACES = LogLimits()
"""Limits for lines that no peer causes, by the line of code that raised, or by the text of the line."""


def forget() -> None:
    """Forgets all lines logged before; for tests."""
    _PLACES.clear()


def report(logger: logging.Logger, text: str, *arguments: object, limit: LogLimit | None = None) -> None:
    """Logs the exception that is being handled, from the game's code, with its traceback; never too often.

    `text` is a format with `%s` only. `limit` belongs to the peer that caused the exception; None: no known peer.
    """
    error = sys.exception()
    place = _PLACES.of(_place_of(error))
    # An exception from a line of code that was quiet so far is logged even for a peer over its limit: it is another
    # mistake.
    may_log = limit is None or limit.may_log()
    if not may_log and not place.is_idle():
        return
    if place.may_log():
        suffix = (place if limit is None else limit).take_held_back()
        logger.error(f"{text}%s", *arguments, suffix, exc_info=error)
    elif limit is not None:
        what = "an exception" if error is None else f"{type(error).__name__}: {_text_of(error)}"
        suffix = limit.take_held_back()
        logger.error(f"{text}: %s; a traceback was logged before%s", *arguments, what, suffix)


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return "<its text cannot be made>"


def _place_of(error: BaseException | None) -> Hashable:
    """Returns a key for the line of code that raised."""
    trace = None if error is None else error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    code = None if trace is None else trace.tb_frame.f_code
    return type(error), None if code is None else code.co_filename, 0 if trace is None else trace.tb_lineno


def log_limited(logger: logging.Logger, level: int, text: str, *arguments: object) -> None:
    """Logs a line that may come often, such as a call that cannot be sent. Each `text` (a format) has its own limit."""
    limit = _PLACES.of(text)
    if limit.may_log():
        logger.log(level, f"{text}%s", *arguments, limit.take_held_back())
