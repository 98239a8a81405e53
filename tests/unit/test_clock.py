"""Clocks."""

from __future__ import annotations

import time

import pytest

from gdpeer.clock import MONOTONIC, ManualClock, MonotonicClock


def test_machine_clock_goes_on_by_itself() -> None:
    before = time.monotonic()
    assert before <= MONOTONIC.now() <= MonotonicClock().now() <= time.monotonic()


def test_manual_clock_stands_until_moved() -> None:
    clock = ManualClock(5.0)
    assert (clock.now(), clock.now()) == (5.0, 5.0)
    clock.advance(1.5)
    clock.advance(0)
    assert clock.now() == 6.5
    assert ManualClock().now() == 0.0


def test_manual_clock_does_not_go_back() -> None:
    clock = ManualClock(5.0)
    with pytest.raises(ValueError, match="does not go back"):
        clock.advance(-0.001)
    assert clock.now() == 5.0
