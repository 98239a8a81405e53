"""How many calls a message, a connection and an RPC take: the limits that no change should break unnoticed."""

from __future__ import annotations

import pytest

from gdpeer import COMPILED
from tools.trips import TRIPS, Trip, count

LIMITS = {
    "a message: kernel to get_packet": Trip(40, 10),
    "a connection: accepted socket to client_connected": Trip(170, 24),
    "rpc_id to the kernel": Trip(50, 15),
    "a call: kernel to the method": Trip(95, 22),
}


@pytest.mark.skipif(COMPILED, reason="calls of compiled functions do not show")
@pytest.mark.parametrize("name", LIMITS)
def test_a_trip_is_as_short_as_it_was(name: str) -> None:
    trip = TRIPS[name]()
    assert trip.calls <= LIMITS[name].calls
    assert trip.modules <= LIMITS[name].modules


def test_every_trip_has_a_limit() -> None:
    assert list(LIMITS) == list(TRIPS)


def test_calls_of_other_packages_do_not_count() -> None:
    assert count(lambda: sorted([2, 1], key=lambda number: number)) == Trip(0, 0)
