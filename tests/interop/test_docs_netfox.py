"""The game of docs/howto/netfox.md as it stands: its server, and two games with the real addon."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.support.engines import Engine, import_project
from tests.support.pages import programs
from tests.support.processes import Process

pytestmark = [pytest.mark.engine, pytest.mark.timeout(90)]
ADDONS = Path(__file__).parent / "netfox_godot4" / "addons"


def test_two_games_follow_the_clock_of_the_server_and_see_each_other() -> None:
    folder = programs() / "netfox"
    game = folder / "godot4"
    shutil.copytree(ADDONS, game / "addons", dirs_exist_ok=True)
    import_project(game)
    with Process([sys.executable, folder / "server.py", "0"]) as server:
        server.wait_for(r"^The game is at ws://127\.0\.0\.1:\d+$")
        url = server.stdout[0].rpartition(" ")[2]
        with Engine("4", game, "main.tscn", url) as ann, Engine("4", game, "main.tscn", url) as bob:
            for engine in (ann, bob):
                engine.process.wait_for("^follows the clock$", timeout=40.0)
                # With clocks that differ, the other one would be far behind, or ahead.
                engine.process.wait_for(r"^\d+ is at \d+, [0-9] ticks ago$", timeout=20.0)
            server.wait_for(r"^\d+ follows the clock$")
            assert (ann.stderr, bob.stderr, server.stderr) == ([], [], [])
