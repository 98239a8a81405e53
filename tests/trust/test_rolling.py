"""R12: a rolling restart under players: each connects again once, with the same id, and nothing is lost.

The players connect again as the documentation's script does.
"""

from __future__ import annotations

import signal
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.failover import percentile
from tests.support.figures import record
from tests.support.fleet import Fleet
from tests.support.long import LONG, amount

WORKERS, ROOMS = amount((2, 10), (4, 250))
PATIENCE = 120.0
"""Seconds that the replacement of all processes may take: each starts Python and the game anew."""

EXTENDED = () if LONG else (pytest.mark.extended,)
OTHERS = [pytest.param(broker, marks=EXTENDED) for broker in ("redis", "nats")]

pytestmark = [pytest.mark.timeout(300), pytest.mark.skipif(sys.platform == "win32", reason="Windows has no workers")]


def is_running(process: int) -> bool:
    return Path(f"/proc/{process}").exists()


@pytest.mark.parametrize("broker", ["parent", *OTHERS])
def test_r12_in_a_rolling_restart_each_player_connects_again_once(broker: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        fleet = Fleet("saved", broker, tmp_path, stack, workers=WORKERS)
        fleet.make_rooms(ROOMS)
        crowd = fleet.crowd
        for player in crowd.players:
            player.statuses.clear()
        old = list(fleet.machine.workers())
        began = crowd.now()
        fleet.machine.process.popen.send_signal(signal.SIGHUP)
        crowd.run_until(lambda: not any(map(is_running, old)), PATIENCE)
        took = crowd.now() - began
        crowd.run_until(crowd.all_in, 10.0)
        crowd.run_until(lambda: all(player.restored for player in crowd.players), 5.0)
        crowd.run(1.0)  # the door is replaced last
        twice = fleet.rooms_twice()
        away = [player.back_at - player.lost_at for player in crowd.players]
        record(
            f"R12 {broker}",
            workers=WORKERS,
            rooms=ROOMS,
            players=len(crowd.players),
            all_replaced=took,
            most_reconnects=max(player.losses for player in crowd.players),
            failed_attempts=sum(sum(player.statuses.values()) for player in crowd.players),
            other_ids=sum(len(player.ids) != 1 for player in crowd.players),
            rooms_twice=twice,
            away_p50=percentile(away, 0.5),
            away_p99=percentile(away, 0.99),
            away_most=max(away),
        )
        assert twice == 0
        assert all(not player.statuses for player in crowd.players)
        assert {player.losses for player in crowd.players} == {1}
        assert all(player.closes == {1012: 1} for player in crowd.players)
        assert all(len(player.ids) == 1 for player in crowd.players)
        assert all(player.fell_by == 0 for player in crowd.players)
