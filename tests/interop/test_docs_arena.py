"""The game of docs/arena.md as it stands: its server, its Godot 4 project and its bot."""

from __future__ import annotations

import sys

import pytest

from tests.support.engines import Engine
from tests.support.pages import programs
from tests.support.processes import Process

pytestmark = [pytest.mark.engine, pytest.mark.timeout(90)]
ARENA = programs() / "arena"


def test_a_game_and_a_bot_collect_coins() -> None:
    with Process([sys.executable, ARENA / "server.py", "0"]) as server:
        url = server.wait_for(r"^The arena is at (ws://127\.0\.0\.1:\d+)$")[1]
        with Process([sys.executable, ARENA / "bot.py", url, "Robby"]) as bot:
            server.wait_for("^Robby joins$")
            words = (f"--url={url}", "--name=Ann", "--auto", "--points=2")
            with Engine("4", ARENA / "godot4", "main.tscn", *words) as ann:
                server.wait_for("^Ann joins$")
                ann.process.wait_for(r"^\+ Coin\d+$")
                ann.process.wait_for("^That is enough.$", timeout=40.0)
                assert ann.wait() == 0
                assert ann.stderr == []
            server.wait_for("^Ann leaves$")
            server.interrupt()
            assert server.wait() == 0
            assert bot.wait() == 0
            assert bot.stdout == ["The server has gone."]
            assert (server.stderr, bot.stderr) == ([], [])
