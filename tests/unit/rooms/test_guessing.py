"""Limits for addresses that try codes or seats."""

from __future__ import annotations

import pytest

from gdpeer.clock import ManualClock
from gdpeer.errors import HandshakeError
from gdpeer.rooms import guessing
from gdpeer.rooms.guessing import Attempts, Guessing


def misses(limits: Guessing, address: str) -> int:
    """How many codes an address can try, up to 100."""
    for count in range(100):
        try:
            limits.check_code(address)
        except HandshakeError:
            return count
        limits.miss_code(address)
    return 100


def test_an_address_is_stopped_before_its_30th_miss() -> None:
    limits = Guessing(ManualClock())
    assert misses(limits, "192.0.2.1") == 20
    assert misses(limits, "192.0.2.2") == 20


def test_the_refusal_says_when_to_try_again() -> None:
    limits = Guessing(ManualClock())
    misses(limits, "192.0.2.1")
    with pytest.raises(HandshakeError) as caught:
        limits.check_code("192.0.2.1")
    assert caught.value.status == 429
    assert caught.value.headers == (("Retry-After", "6"),)


def test_seats_are_counted_apart() -> None:
    limits = Guessing(ManualClock())
    for _ in range(25):
        limits.check_seat("192.0.2.1")
        limits.miss_seat("192.0.2.1")
    limits.check_code("192.0.2.1")
    with pytest.raises(HandshakeError):
        limits.check_seat("192.0.2.1")
    assert misses(limits, "192.0.2.1") == 20


def test_one_more_try_after_six_seconds_however_often_it_was_refused() -> None:
    clock = ManualClock()
    limits = Guessing(clock)
    misses(limits, "192.0.2.1")
    for _ in range(100):
        limits.miss_code("192.0.2.1")
    clock.advance(6.01)
    assert misses(limits, "192.0.2.1") == 1


def test_a_network_of_64_bits_is_one_address_and_no_address_is_no_limit() -> None:
    limits = Guessing(ManualClock())
    assert misses(limits, "2001:db8::1") == 20
    assert misses(limits, "2001:db8::2") == 0
    assert misses(limits, "") == 100


def test_exempt_addresses_are_not_counted() -> None:
    limits = Guessing(ManualClock())
    limits.exempt.add("127.0.0.1")
    assert misses(limits, "127.0.0.1") == 100
    assert misses(limits, "192.0.2.1") == 20
    limits.exempt.add("192.0.2.1")
    assert limits.attempts(1, 1.0).wait("192.0.2.1") == 0.0


def test_the_number_of_addresses_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guessing, "MOST_REMEMBERED", 8)
    attempts = Attempts(ManualClock(), 1, 1.0)
    for number in range(9):
        attempts.count(f"192.0.2.{number}")
    assert len(attempts._buckets) == 5
    assert attempts.wait("192.0.2.0") == 0.0
    assert attempts.wait("192.0.2.8") > 0
