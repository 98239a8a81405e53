"""What gdpeer logs: harmless, seen unasked, never a flood."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from gdpeer import ManualClock, Signal, WebSocketServer
from gdpeer.logs import (
    LOG_INTERVAL,
    LOGGED_AT_ONCE,
    MOST_REMEMBERED,
    OWN_MOST,
    TOTAL_AT_ONCE,
    TRACEBACK_MOST,
    LogLimit,
    LogLimits,
    Own,
    describe,
    get_logger,
    log_limited,
    report,
)
from gdpeer.quoting import MOST

ESCAPES = "\x1b[2J\n\x9b\u202e\ud800\x00\r\x85\u2028"


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    found = get_logger("gdpeer.test")
    yield found
    found.handlers.clear()


@pytest.fixture
def written(logger: logging.Logger) -> io.StringIO:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logger.addHandler(handler)
    return stream


def raise_with(text: str) -> None:
    raise ValueError(text)


def test_arguments_of_a_line_are_escaped_and_cut(logger: logging.Logger, written: io.StringIO) -> None:
    logger.warning("peer %d of %s said %s, %.1f, %s", 7, None, ESCAPES, 1.25, "x" * 1_000)
    line = written.getvalue()
    assert line.count("\n") == 1
    assert line[:-1].isprintable()
    assert line.startswith(
        f"WARNING peer 7 of None said \\x1b[2J\\n\\x9b\\u202e\\ud800\\x00\\r\\x85\\u2028, 1.2, {'x' * (MOST - 3)}..."
    )
    logger.warning("%(text)s", {"text": "a\nb"})
    assert written.getvalue().endswith("WARNING a\\nb\n")


def test_no_secret_of_a_url_is_logged(logger: logging.Logger, written: io.StringIO) -> None:
    logger.warning("cannot connect to %s", "ws://ann:pw@host/x?token=1")
    assert written.getvalue() == "WARNING cannot connect to ws://***@host/x?***\n"


def test_text_of_our_own_is_longer_but_harmless_too(logger: logging.Logger, written: io.StringIO) -> None:
    logger.warning("%s", Own("a_method, " * 1_000 + ESCAPES))
    assert len(written.getvalue()) == len("WARNING \n") + OWN_MOST
    logger.warning("%s", Own(ESCAPES))
    assert written.getvalue().count("\n") == 2


def test_a_traceback_keeps_its_lines_and_escapes_what_it_quotes(logger: logging.Logger, written: io.StringIO) -> None:
    try:
        try:
            raise_with(f"first {ESCAPES}")
        except ValueError:
            raise_with(f"second {ESCAPES}{'y' * 1_000}")
    except ValueError:
        logger.exception("it failed")
    lines = written.getvalue().splitlines()
    assert all(line.isprintable() for line in lines)
    assert lines[0] == "ERROR it failed"
    assert lines[1].startswith("Traceback")
    texts = [line for line in lines if line.startswith("ValueError")]
    assert [text.split()[1] for text in texts] == ["first", "second"]
    assert "\\x1b[2J\\n" in texts[0]
    assert len(texts[1]) <= MOST
    assert any("raise_with" in line for line in lines)


def test_a_long_traceback_loses_its_middle(logger: logging.Logger, written: io.StringIO) -> None:
    def one(depth: int) -> None:
        other(depth)

    def other(depth: int) -> None:
        if depth:
            one(depth - 1)
        else:
            raise_with("deep down")

    try:
        one(200)
    except ValueError:
        logger.exception("it failed")
    text = written.getvalue()
    assert len(text) < TRACEBACK_MOST + 200
    assert text.rstrip().endswith("ValueError: deep down")
    assert "are left out here" in text


def test_an_exception_group_is_one_line_each(logger: logging.Logger, written: io.StringIO) -> None:
    try:
        raise ExceptionGroup("several\nat once", [ValueError("one\nline"), TypeError("other")])
    except ExceptionGroup:
        logger.exception("it failed")
    text = written.getvalue()
    assert "several\\nat once" in text
    assert "one\\nline" in text


def test_a_limit_lets_ten_lines_pass_and_then_one_in_ten_seconds(caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock()
    limit = LogLimit(clock)
    assert [limit.may_log() for _ in range(100)].count(True) == LOGGED_AT_ONCE
    assert limit.held_back == 90
    assert limit.take_held_back() == " (and 90 lines before it that were not logged)"
    clock.advance(LOG_INTERVAL + 0.001)
    assert [limit.may_log() for _ in range(100)].count(True) == 1
    assert not limit.is_idle()
    clock.advance(20 * LOG_INTERVAL)
    assert limit.is_idle()


def test_addresses_have_a_limit_each_and_one_together() -> None:
    clock = ManualClock()
    limits = LogLimits(clock, total=True)
    assert limits.of("a") is limits.of("a")
    assert limits.of("a") is not limits.of("b")
    assert limits.alone() is not limits.alone()
    written = sum(limits.of(number).may_log() for number in range(20) for _ in range(1_000))
    assert written == TOTAL_AT_ONCE
    limits.clear()
    assert not limits.of("a").may_log()  # the limit of all together stays


def test_what_is_remembered_of_addresses_is_limited() -> None:
    clock = ManualClock()
    limits = LogLimits(clock)
    for number in range(MOST_REMEMBERED):
        limits.of(number).may_log()
    assert limits.of("new") is limits.of("newer")
    clock.advance(10 * LOG_INTERVAL + 1)
    assert limits.of("new") is not limits.of("newer")
    assert len(limits._limits) == 2


def test_a_line_of_code_that_raises_is_told_ten_times(logger: logging.Logger, written: io.StringIO) -> None:
    for number in range(1_000):
        try:
            raise_with(f"number {number}")
        except ValueError:
            report(logger, "it failed")
    assert written.getvalue().count("Traceback") == LOGGED_AT_ONCE
    assert len(written.getvalue()) < 10_000
    try:
        raise TypeError("another mistake")
    except TypeError:
        report(logger, "it failed otherwise")
    assert written.getvalue().rstrip().endswith("TypeError: another mistake")


def test_a_peer_that_makes_code_raise_is_limited_and_another_is_still_seen(
    logger: logging.Logger, written: io.StringIO
) -> None:
    limits = LogLimits()
    for address in ("a", "b"):
        for _ in range(1_000):
            try:
                raise_with("its text")
            except ValueError:
                report(logger, "called by %s", address, limit=limits.of(address))
    lines = written.getvalue().splitlines()
    told = [line for line in lines if line.startswith("ERROR")]
    assert len(told) == 2 * LOGGED_AT_ONCE
    assert told[-1] == "ERROR called by b: ValueError: its text; a traceback was logged before"
    assert written.getvalue().count("Traceback") == LOGGED_AT_ONCE


def test_another_mistake_is_seen_though_enough_was_said_about_the_peer(
    logger: logging.Logger, written: io.StringIO
) -> None:
    limit = LogLimit()
    while limit.may_log():
        pass
    for _ in range(100):
        try:
            raise TypeError("a mistake that nobody has seen yet")
        except TypeError:
            report(logger, "it failed", limit=limit)
    assert written.getvalue().count("Traceback") == 1


def test_the_peers_of_one_network_share_a_limit() -> None:
    server = WebSocketServer(clock=ManualClock())
    one = server.log_limit_of("2001:db8::1")
    assert one is server.log_limit_of("2001:db8::2:3")
    assert one is not server.log_limit_of("2001:db8:0:1::1")
    assert server.log_limit_of("::ffff:192.0.2.1") is server.log_limit_of("192.0.2.1")
    assert server.log_limit_of("192.0.2.2") is not server.log_limit_of("192.0.2.1")


def test_exceptions_that_cannot_be_shown_are_reported_all_the_same(
    logger: logging.Logger, written: io.StringIO
) -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise RuntimeError

        __repr__ = __str__

    assert describe(Odd()) == "<Odd>"
    for _ in range(LOGGED_AT_ONCE + 1):
        try:
            raise Odd
        except Odd:
            report(logger, "it failed", limit=LogLimit())
    assert "Odd: <its text cannot be made>; a traceback was logged before" in written.getvalue()


def test_lines_of_one_text_are_limited(logger: logging.Logger, written: io.StringIO) -> None:
    for number in range(1_000):
        log_limited(logger, logging.WARNING, "no peer %s", number)
    log_limited(logger, logging.WARNING, "another text")
    assert written.getvalue().count("\n") == LOGGED_AT_ONCE + 1


def test_limits_are_for_any_thread() -> None:
    limits = LogLimits()
    counts: list[int] = []

    def count() -> None:
        counts.append(sum(limits.of(number % 7).may_log() for number in range(7_000)))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 7 * LOGGED_AT_ONCE <= sum(counts) < 8 * LOGGED_AT_ONCE


def test_a_slot_that_raises_counts_for_the_peer_that_caused_it(caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock()
    limits = LogLimits(clock)
    signal = Signal("moved", limits.of)
    signal.connect(lambda peer_id: raise_with(str(peer_id)))
    for peer_id in (1, 2):
        for _ in range(100):
            signal.emit(peer_id)
            signal.emit_one(peer_id)
    assert len(caplog.records) == 2 * LOGGED_AT_ONCE


SLOT = """
import gdpeer
signal = gdpeer.Signal("moved")
signal.connect(lambda: 1 / 0)
signal.emit()
"""


def test_unasked_a_traceback_reaches_stderr() -> None:
    done = subprocess.run([sys.executable, "-c", SLOT], capture_output=True, text=True, timeout=60, check=True)
    assert "a handler of signal 'moved' raised" in done.stderr
    assert "Traceback" in done.stderr
    assert "ZeroDivisionError: division by zero" in done.stderr
    assert done.stderr.count("Traceback") == 1


def test_every_logger_of_gdpeer_is_cleaned() -> None:
    import gdpeer.aio
    import gdpeer.blocking  # noqa: F401

    names = [name for name in logging.root.manager.loggerDict if name.startswith("gdpeer.")]
    loggers = [logging.getLogger(name) for name in names]
    assert all(one.filters for one in loggers if not isinstance(one, logging.PlaceHolder)), names
    assert not any(isinstance(one, logging.NullHandler) for one in logging.getLogger("gdpeer").handlers)
