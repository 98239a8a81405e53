"""The arena for a long time: twenty bots and two engines, without one error of an engine or warning of the server.

Half an hour in `make soak`, twenty seconds in `make test-all`.
"""

from __future__ import annotations

import time

import pytest

from tests.support.arena import join, last_state
from tests.support.figures import record
from tests.support.long import amount
from tests.support.processes import Process, gdpeer_command

SECONDS = amount(20, 1800)
pytestmark = [pytest.mark.engine, pytest.mark.extended, pytest.mark.timeout(SECONDS + 120)]


def test_twenty_bots_and_two_engines_play_without_an_error() -> None:
    with Process(gdpeer_command("arena", "--host", "127.0.0.1", "--port", "0", "--bots", "20")) as host:
        url = host.wait_for(r"^Godot 4 and bots: +(ws://\S+)$")[1]
        host.wait_for(r"; players: 20$")
        with join(url, "Gus", seconds=SECONDS) as gus, join(url, "Eva") as eva:
            end = time.monotonic() + SECONDS
            while time.monotonic() < end + 60 and gus.find("quit") is None:
                time.sleep(1.0)
                assert (gus.stderr, eva.stderr, host.stderr) == ([], [], [])
            assert gus.wait() == 0
            host.wait_for("^Gus has gone; players: 21$")
            told = {name: last_state(engine) for name, engine in (("gus", gus), ("eva", eva))}
            assert all(state["count"] in (21, 22) for state in told.values())
            # Each second of play brings some nodes and takes some away.
            assert min(state["despawned"] for state in told.values()) > SECONDS / 2
            scores = [engine.all("scored")[-1]["score"] for engine in (gus, eva)]
            assert min(scores) > SECONDS / 10
            assert (gus.stderr, eva.stderr, host.stderr) == ([], [], [])
            record("arena", seconds=SECONDS, spawned=told["gus"]["spawned"], despawned=told["gus"]["despawned"])
