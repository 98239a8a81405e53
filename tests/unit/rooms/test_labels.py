"""Labels of rooms: their limits, and searching by them."""

from __future__ import annotations

from typing import Any

import pytest

from gdpeer.rooms.labels import BadLabels, check_labels, fits


@pytest.mark.parametrize(
    "labels",
    [
        {str(number): 1 for number in range(17)},
        {"": 1},
        {"x" * 65: 1},
        {5: 1},
        {"map": "x" * 65},
        {"map": None},
        {"map": ["sand"]},
        {"map": 2**63},
        {"map": 10**5000},
        {"map": float("nan")},
        {"map": float("inf")},
    ],
)
def test_bad_labels_are_refused(labels: dict[Any, Any]) -> None:
    with pytest.raises(BadLabels):
        check_labels(labels)


def test_good_labels_are_copied() -> None:
    labels = {"map": "x" * 64, "level": -(2**63), "ratio": 0.5, "ranked": True, **{str(n): n for n in range(12)}}
    assert check_labels(labels) == labels
    assert check_labels(labels) is not labels
    assert check_labels(None) == {}


def test_labels_fit_if_they_have_all_wanted_values() -> None:
    assert fits({"map": "sand", "level": 3}, {"map": "sand"})
    assert fits({}, {})
    assert not fits({"map": "sand"}, {"map": "ice"})
    assert not fits({}, {"map": "sand"})
