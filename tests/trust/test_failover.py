"""R8 and R9: a worker of four is killed; its players are back in a moment, or in new rooms. And a worker is drained.

The players connect again as the documentation's script does: half a second after a loss, then later and later.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.broker_view import BrokerView
from tests.support.failover import Player, ask_lobby, percentile
from tests.support.figures import record
from tests.support.fleet import Fleet
from tests.support.long import LONG, amount

ROOMS = amount(40, 250)
P50, P99, IN_NEW_ROOMS = amount((3.0, 6.0, 15.0), (1.0, 3.0, 5.0))
"""Seconds until half of the players are back, nearly all, and all in new rooms. The short form runs beside others."""
CLEAN = 8.0
"""Seconds after a worker's end in which the directory forgets its rooms."""

pytestmark = [pytest.mark.timeout(180), pytest.mark.skipif(sys.platform == "win32", reason="Windows has no workers")]

EXTENDED = () if LONG else (pytest.mark.extended,)
OTHERS = [pytest.param(broker, marks=EXTENDED) for broker in ("redis", "nats")]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


@pytest.mark.parametrize("broker", ["parent", *OTHERS])
def test_r8_players_of_a_killed_worker_are_back_in_their_restored_rooms(
    broker: str, tmp_path: Path, stack: ExitStack
) -> None:
    fleet = Fleet("saved", broker, tmp_path, stack)
    fleet.make_rooms(ROOMS)
    crowd = fleet.crowd
    crowd.run(2.5)  # all rooms are saved by now
    for player in crowd.players:
        player.statuses.clear()
    killed_at, lost = fleet.kill_a_worker()
    crowd.run_until(lambda: any(not player.is_in for player in lost), 5.0)
    crowd.run_until(crowd.all_in, 30.0)
    back = [player.back_at - killed_at for player in lost]
    crowd.run_until(lambda: all(player.restored for player in lost), 5.0)
    twice = fleet.rooms_twice()
    figures = record(
        f"R8 {broker}",
        rooms=ROOMS,
        players=len(crowd.players),
        lost=len(lost),
        back_p50=percentile(back, 0.5),
        back_p99=percentile(back, 0.99),
        back_most=max(back),
        oldest_state=max(killed_at - player.restored[0] for player in lost),
        rooms_twice=twice,
        refused_attempts=sum(sum(player.statuses.values()) for player in lost),
    )
    assert all(len(player.ids) == 1 for player in crowd.players)
    assert all(player.back_at < killed_at for player in crowd.players if player not in lost)
    assert twice == 0
    assert figures["back_p50"] <= P50
    assert figures["back_p99"] <= P99
    assert figures["oldest_state"] <= 1.25  # the interval, and the way of a save to the broker on a busy machine


@pytest.mark.parametrize("broker", [pytest.param("parent", marks=EXTENDED), *OTHERS])
def test_r9_players_of_rooms_that_were_not_saved_are_told_at_once_and_get_new_rooms(
    broker: str, tmp_path: Path, stack: ExitStack
) -> None:
    fleet = Fleet("unsaved", broker, tmp_path, stack)
    fleet.make_rooms(ROOMS)
    crowd = fleet.crowd
    told: list[float] = []

    def go_to_lobby(player: Player, status: int) -> None:
        if status == 404:
            told.append(crowd.now())
        if status in (403, 404):  # there is no such room, or the seat was not used in time
            asked, answer = ask_lobby(fleet.port, f"/lobby/{fleet.kind}/quick")
            if asked in (200, 201):
                player.target = answer["url"].partition(f":{fleet.port}")[2]
                player.next_at = 0.0

    crowd.on_refused = go_to_lobby
    killed_at, lost = fleet.kill_a_worker()
    codes = {player.code for player in lost}
    crowd.run_until(lambda: any(not player.is_in for player in lost), 5.0)
    crowd.run_until(crowd.all_in, 30.0)
    back = [player.back_at - killed_at for player in lost]
    assert max(back) <= IN_NEW_ROOMS
    clean = {}
    if fleet.url:
        end = killed_at + CLEAN
        with BrokerView(fleet.url) as view:
            while codes & {entry.key[2:] for entry in view.scan("r:") or ()}:
                assert crowd.now() < end
                crowd.run(0.25)
        clean["directory_clean"] = crowd.now() - killed_at
    record(
        f"R9 {broker}",
        rooms=ROOMS,
        players=len(crowd.players),
        lost=len(lost),
        told_p50=percentile(told, 0.5) - killed_at,
        told_most=max(told) - killed_at,
        back_p50=percentile(back, 0.5),
        back_most=max(back),
        **clean,
    )


def test_nothing_that_players_were_told_is_lost_when_their_worker_is_drained(tmp_path: Path, stack: ExitStack) -> None:
    fleet = Fleet("saved", "parent", tmp_path, stack)
    fleet.make_rooms(ROOMS)
    crowd = fleet.crowd
    crowd.run(1.0)
    for player in crowd.players:
        player.statuses.clear()
    told_at, lost = fleet.end_a_worker(signal.SIGTERM)
    crowd.run_until(lambda: all(player.back_at > told_at for player in lost), 60.0)
    crowd.run_until(lambda: all(player.restored for player in lost), 5.0)
    twice = fleet.rooms_twice()
    record(
        "R12 one worker",
        rooms=ROOMS,
        players=len(crowd.players),
        moved=len(lost),
        away_p50=percentile([player.back_at - player.lost_at for player in lost], 0.5),
        away_most=max(player.back_at - player.lost_at for player in lost),
        back_most=max(player.back_at for player in lost) - told_at,
        refused_attempts=sum(sum(player.statuses.values()) for player in lost),
    )
    assert twice == 0
    assert all(len(player.ids) == 1 for player in crowd.players)
    assert all(player.fell_by == 0 for player in crowd.players)
    assert all(sum(player.statuses.values()) == 0 for player in crowd.players)
    assert all(player.closes == {1012: 1} for player in lost)
    assert all(player.back_at < told_at for player in crowd.players if player not in lost)


@pytest.mark.parametrize("broker", OTHERS)
def test_rooms_go_on_after_the_whole_server_was_started_again(broker: str, tmp_path: Path, stack: ExitStack) -> None:
    fleet = Fleet("saved", broker, tmp_path, stack)
    fleet.make_rooms(ROOMS)
    crowd = fleet.crowd
    fleet.start_again()
    crowd.run_until(crowd.all_in, 60.0)
    assert fleet.rooms_twice() == 0
    assert all(len(player.ids) == 1 for player in crowd.players)
    assert all(player.fell_by == 0 for player in crowd.players)
    assert all(player.closes == {1012: 1} for player in crowd.players)
