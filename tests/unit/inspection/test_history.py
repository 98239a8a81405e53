"""The counts of each second, for the graph of the page."""

from __future__ import annotations

from gdpeer.inspection.direction import Direction
from gdpeer.inspection.history import SECONDS, History

UP, DOWN = Direction


def test_it_counts_messages_and_bytes_of_whole_seconds_by_direction() -> None:
    history = History()
    for time, direction, size in ((0.1, UP, 5), (0.9, DOWN, 7), (2.0, UP, 1), (2.5, UP, 1), (3.1, UP, 9)):
        history.add(time, direction, size)
    assert history.as_json(3.5) == {
        "end": 3,
        "to_server": {"messages": [1, 0, 2], "bytes": [5, 0, 2]},
        "to_client": {"messages": [1, 0, 0], "bytes": [7, 0, 0]},
    }


def test_a_message_that_is_told_late_counts_in_its_second() -> None:
    history = History()
    assert history.as_json(2.0)["end"] == 2
    history.add(1.9, UP, 3)
    history.add(-500.0, UP, 3)
    assert history.as_json(2.0)["to_server"] == {"messages": [0, 1], "bytes": [0, 3]}


def test_only_the_last_seconds_are_kept_however_long_it_runs() -> None:
    history = History()
    history.add(0.5, UP, 1)
    history.add(1e9, DOWN, 1)
    history.add(5.0, UP, 1)  # too long ago
    found = history.as_json(1e9 + 1)
    assert found["to_server"] == {"messages": [0] * SECONDS, "bytes": [0] * SECONDS}
    assert found["to_client"] == {"messages": [0] * (SECONDS - 1) + [1], "bytes": [0] * (SECONDS - 1) + [1]}
