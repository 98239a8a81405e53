"""Durations are counted by size: quantiles to one in a hundred, and those of several processes add up."""

from __future__ import annotations

import pytest

from gdpeer.inspection.durations import Durations


def of(*seconds: float) -> Durations:
    found = Durations()
    for one in seconds:
        found.add(one)
    return found


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9, 0.99, 1.0])
def test_a_quantile_is_right_to_one_in_a_hundred(share: float) -> None:
    found = of(*(number / 1000 for number in range(1, 1001)))
    assert found.quantile(share) == pytest.approx(share, rel=0.01)


def test_of_none_it_is_nought() -> None:
    assert Durations().quantile(0.5) == 0.0
    assert len(Durations()) == 0


def test_the_shortest_counts_as_a_microsecond() -> None:
    assert of(0.0).quantile(0.5) == pytest.approx(1e-6)


def test_those_of_another_process_are_added() -> None:
    found = of(0.1, 0.1)
    found.merge(Durations(of(0.4).counts()))
    assert len(found) == 3
    assert found.quantile(0.5) == pytest.approx(0.1, rel=0.01)
    assert found.quantile(1.0) == pytest.approx(0.4, rel=0.01)
