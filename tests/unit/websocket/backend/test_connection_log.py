"""Lines at INFO about connections: ten of each address, then one in ten seconds that tells how many were left out."""

from __future__ import annotations

import logging

import pytest

from gdpeer import ManualClock
from gdpeer.logs import LOG_INTERVAL, LOGGED_AT_ONCE, LogLimits
from gdpeer.transport.memory import memory_pair
from gdpeer.transport.stream import Address, Stream
from gdpeer.websocket.backend.connection_log import limit_of, log_line


class From(Stream):
    """A stream from an address."""

    def __init__(self, address: str) -> None:
        self._address = address

    @property
    def remote_address(self) -> Address:
        """See `Stream`."""
        return self._address, 1


def test_one_address_is_limited_and_another_is_not(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "gdpeer.websocket")
    clock = ManualClock()
    limits = LogLimits(clock)
    first, same, other = (From(address) for address in ("2001:db8::1", "2001:db8::2", "192.0.2.1"))
    for number in range(LOGGED_AT_ONCE + 5):
        log_line(limit_of(limits, first if number % 2 else same), "peer %s: gone", number)
    assert len(caplog.records) == LOGGED_AT_ONCE
    log_line(limit_of(limits, other), "peer %s: gone", 99)
    assert caplog.messages[-1] == "peer 99: gone"
    clock.advance(LOG_INTERVAL)
    log_line(limit_of(limits, first), "peer %s: gone", 100)
    assert caplog.messages[-1] == "peer 100: gone (and 5 lines before it that were not logged)"


def test_without_an_address_each_has_a_limit_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "gdpeer.websocket")
    limits = LogLimits(ManualClock())
    stream, _ = memory_pair()
    assert limit_of(limits, stream) is not limit_of(limits, stream)
    assert limit_of(limits, None) is not None
    assert limit_of(None, stream) is None
    log_line(None, "peer %s: gone", 7)
    assert caplog.messages == ["peer 7: gone"]


def test_nothing_is_counted_where_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "gdpeer.websocket")
    assert limit_of(LogLimits(ManualClock()), memory_pair()[0]) is None
    log_line(None, "peer %s: gone", 7)
    assert caplog.messages == []
