"""The loggers of gdpeer: what they write is harmless, free of secrets, and never a flood.

    logger = get_logger("gdpeer.websocket")
    logger.warning("peer %s: %s", peer_id, text_of_a_stranger)

- **Harmless.** A filter of each logger escapes and cuts the arguments of a line and the texts of exceptions
  (`gdpeer.quoting`), whatever handler writes them. Write what may be long and is this program's own as `Own(text)`.
- **Unasked.** No handler is set here, so Python's handler of last resort writes warnings and tracebacks to stderr as
  long as the program configures no logging.
- **No flood.** What others can cause as often as they like goes through a `LogLimit`: ten lines as they come, then one
  in ten seconds that tells how many were left out. An exception of the game's code is written by `report`, with its
  traceback; where one line of code raises again and again its traceback is limited in the same way.

Invariant: a limit is charged before the line is logged, so a logging handler that sends to peers, and so causes another
line, ends after ten.

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
"""Lines of one kind, or about one address, that are logged as they come: enough to see what is wrong."""
LOG_INTERVAL = 10.0
"""Seconds for each line after these: a peer that sends rubbish for a day fills a MiB or two, not the disk."""

MOST_REMEMBERED = 4_096
"""Addresses, or lines of code, whose limits are remembered. Beyond it newcomers share one until others are idle."""
TOTAL_AT_ONCE = 60
TOTAL_RATE = 1.0
"""Lines at once, and a second, about all addresses of one server together: twenty strangers write 40 KiB a minute."""

OWN_MOST = 4_000
"""Characters of a text of our own, names of methods say."""
TRACEBACK_MOST = 3_000
"""Characters of a traceback; of a longer one the middle is left out."""

_PLAIN = (int, float, bool, type(None))
_FRAME = re.compile(r'[\s|+\-]*File "')


class Own(str):
    """A text that this program made, of its own names: not cut to what is quoted of a stranger's."""

    __slots__ = ()


class _Clean(logging.Filter):
    """Makes a line fit to be written; see the module."""

    def filter(self, record: logging.LogRecord) -> bool:
        arguments = record.args
        if isinstance(arguments, Mapping):
            record.args = {name: _shown(value) for name, value in arguments.items()}
        elif arguments:
            record.args = tuple(_shown(value) for value in arguments)
        if record.exc_info and record.exc_info[0] is not None and not record.exc_text:
            record.exc_text = format_traceback(*record.exc_info)
        return True


_CLEAN = _Clean()


def get_logger(name: str) -> logging.Logger:
    """The logger of that name, whose lines are made harmless. Every logger of gdpeer comes from here.

    A filter of a logger does not count for the loggers below it, hence one for each.
    """
    logger = logging.getLogger(name)
    logger.addFilter(_CLEAN)  # once: it is left out where it is there already
    return logger


_logger = get_logger("gdpeer.multiplayer")


def _shown(value: Any) -> Any:
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Own):
        return clean(value, OWN_MOST)
    return clean(str(value))


def describe(thing: object) -> str:
    """`repr` of something of the game's, for a line in the log; its type where `repr` raises."""
    try:
        return repr(thing)
    except Exception:
        return f"<{type(thing).__name__}>"


def format_traceback(kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> str:
    """A traceback as Python writes it, but each text of an exception is one line, as it may quote a stranger."""
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
    """Lines that nobody can flood: `LOGGED_AT_ONCE`, then one in `LOG_INTERVAL` that tells how many were left out.

    Args:
        clock: tells the time.
        total: a limit of all such limits together; None: none.

    Attributes:
        held_back: lines that were not logged, and not told of yet.
    """

    __slots__ = ("_bucket", "_clock", "_total", "held_back")

    def __init__(self, clock: Clock = MONOTONIC, total: TokenBucket | None = None) -> None:
        self._clock = clock
        self._bucket = TokenBucket(1 / LOG_INTERVAL, LOGGED_AT_ONCE, clock.now())
        self._total = total
        self.held_back = 0

    def may_log(self) -> bool:
        """Whether a line may be written now; it counts as written, or as held back."""
        is_free = self._spend()
        self.held_back += not is_free
        return is_free

    def _spend(self) -> bool:
        now = self._clock.now()
        return self._bucket.spend(now) and (self._total is None or self._total.spend(now))

    def warning(self, text: str, *arguments: object) -> None:
        """Log a line about a peer, or count it."""
        self.log(logging.WARNING, text, *arguments)

    def log(self, level: int, text: str, *arguments: object, logger: logging.Logger | None = None) -> None:
        """As `warning`, at any level and with any logger. An exception goes in as its text: who keeps the line would
        keep its frames.
        """
        if self.may_log():
            (logger or _logger).log(level, f"{text}%s", *arguments, self.take_held_back())

    def finish(self, peer_id: int) -> None:
        """The peer has gone: tell what was not told, within the limit."""
        if self.held_back and self._spend():
            _logger.warning("peer %s has gone%s", peer_id, self.take_held_back())

    def take_held_back(self) -> str:
        """What to say behind a line about those before it; "" where there were none."""
        held_back, self.held_back = self.held_back, 0
        return f" (and {held_back} lines before it that were not logged)" if held_back else ""

    def is_idle(self) -> bool:
        """Whether forgetting it would change nothing but the count of what was held back."""
        return self._bucket.is_full(self._clock.now())


class LogLimits:
    """A `LogLimit` for each of many: addresses of a server, say. What they take of memory is limited.

    Args:
        clock: tells the time.
        total: whether `TOTAL_AT_ONCE` and `TOTAL_RATE` hold for all together.

    Thread rule: any thread.
    """

    def __init__(self, clock: Clock = MONOTONIC, *, total: bool = False) -> None:
        self._clock = clock
        self._total = TokenBucket(TOTAL_RATE, TOTAL_AT_ONCE, clock.now()) if total else None
        self._limits: dict[Hashable, LogLimit] = {}
        self._lock = threading.Lock()
        self._others: LogLimit | None = None

    def of(self, key: Hashable) -> LogLimit:
        """The limit of one of them; the same object as long as it is in use."""
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
        """A limit for somebody without an address."""
        return LogLimit(self._clock, self._total)

    def _forget(self) -> bool:
        """Make room; whether there is some. Those in use stay: they would begin anew."""
        self._limits = {key: limit for key, limit in self._limits.items() if not limit.is_idle()}
        return len(self._limits) < MOST_REMEMBERED

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._limits.clear()
            self._others = None


_PLACES = LogLimits()
"""By the line of code that raised, or the text of a message: for what has no peer."""


def forget() -> None:
    """For tests: what was logged before counts no more."""
    _PLACES.clear()


def report(logger: logging.Logger, text: str, *arguments: object, limit: LogLimit | None = None) -> None:
    """Logs the exception that is being handled, one of the game's code, with its traceback; never too often.

    Args:
        logger: where.
        text: a format with `%s` only.
        arguments: for it.
        limit: of the peer that caused it. None: there is none, or it is unknown.
    """
    error = sys.exception()
    place = _PLACES.of(_place_of(error))
    # What has not been seen of late is shown even of a peer about which enough was said: it is another mistake.
    may_log = limit is None or limit.may_log()
    if not may_log and not place.is_idle():
        return
    if place.may_log():
        told = (place if limit is None else limit).take_held_back()
        logger.error(f"{text}%s", *arguments, told, exc_info=error)
    elif limit is not None:
        what = "an exception" if error is None else f"{type(error).__name__}: {_text_of(error)}"
        told = limit.take_held_back()
        logger.error(f"{text}: %s; a traceback was logged before%s", *arguments, what, told)


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return "<its text cannot be made>"


def _place_of(error: BaseException | None) -> Hashable:
    """The line of code that raised."""
    trace = None if error is None else error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    code = None if trace is None else trace.tb_frame.f_code
    return type(error), None if code is None else code.co_filename, 0 if trace is None else trace.tb_lineno


def log_limited(logger: logging.Logger, level: int, text: str, *arguments: object) -> None:
    """Logs a line that may come often, a call that cannot be sent say; `text`, its format, has a limit of its own."""
    limit = _PLACES.of(text)
    if limit.may_log():
        logger.log(level, f"{text}%s", *arguments, limit.take_held_back())
