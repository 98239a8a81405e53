"""R12 and R15, smaller: a rolling restart under players, and the door with slow heads that is killed.

`python -m bench.cluster` measures both at full size.
"""

from __future__ import annotations

import os
import sys

import pytest

from bench.cluster import measure_deploy, measure_door
from bench.machine import open_many_files
from tests.support.figures import record

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform == "win32", reason="passes sockets between processes"),
]
PLAYERS = int(os.environ.get("GDPEER_PLAYERS", "400"))


@pytest.fixture(autouse=True)
def many_files() -> None:
    open_many_files()


def test_r12_a_rolling_restart_costs_each_player_one_reconnect_and_nothing_else() -> None:
    goals = measure_deploy(players=PLAYERS, rooms=PLAYERS // 4, workers=2)
    record("R12", **{goal.what: goal.figure for goal in goals})
    assert [str(goal) for goal in goals if not goal.is_met()] == []


def test_r15_the_door_passes_players_beside_slow_heads_and_its_death_hurts_nobody() -> None:
    goals = measure_door(count=4 * PLAYERS, slow=PLAYERS // 2, workers=2)
    record("R15", **{goal.what: goal.figure for goal in goals})
    assert [str(goal) for goal in goals if not goal.is_met()] == []
