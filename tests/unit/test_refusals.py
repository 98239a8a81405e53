"""What is refused of one peer: counted, logged within a limit, ended when it is too much."""

from __future__ import annotations

import logging
from collections import Counter

import pytest

from gdpeer import ManualClock
from gdpeer.logs import LOG_INTERVAL, LOGGED_AT_ONCE, LogLimit
from gdpeer.refusals import Refusals


def test_a_log_cannot_be_flooded(caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock()
    log = LogLimit(clock)
    for number in range(1_000):
        log.warning("line %d", number)
    assert caplog.messages == [f"line {number}" for number in range(LOGGED_AT_ONCE)]
    clock.advance(LOG_INTERVAL + 0.001)
    for number in (1, 2):
        log.log(logging.ERROR, "later %d", number)
    told = 1_000 - LOGGED_AT_ONCE
    assert caplog.messages[LOGGED_AT_ONCE:] == [f"later 1 (and {told} lines before it that were not logged)"]
    assert caplog.records[-1].levelno == logging.ERROR
    log.finish(7)
    assert caplog.messages[LOGGED_AT_ONCE + 1 :] == []
    clock.advance(LOG_INTERVAL + 0.001)
    log.finish(7)
    log.finish(7)
    assert caplog.messages[LOGGED_AT_ONCE + 1 :] == ["peer 7 has gone (and 1 lines before it that were not logged)"]


def test_what_is_refused_is_counted_for_the_peer_and_in_all() -> None:
    total: Counter[str] = Counter()
    one, other = Refusals(total=total), Refusals(total=total)
    for refusals in (one, one, other):
        refusals.note("bad packet")
    assert (one.by_cause, other.by_cause, total) == ({"bad packet": 2}, {"bad packet": 1}, {"bad packet": 3})


def test_so_many_at_once_and_in_a_minute_and_not_one_more() -> None:
    clock = ManualClock()
    ends: list[int] = []
    refusals = Refusals(clock, most=6, end=lambda: ends.append(1))
    for _ in range(6):
        refusals.note("bad packet")
    for _ in range(20):
        clock.advance(10.001)
        refusals.note("bad packet")
    assert ends == []
    for _ in range(9):
        refusals.note("bad packet")
    assert ends == [1]
    assert refusals.by_cause.total() == 35
