"""`gdpeer swarm` against real engines: every bot calls, and is answered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.engines import Engine
from tests.support.missing import ROOT
from tests.support.ports import free_port, wait_until_listening
from tests.support.processes import Process, gdpeer_command

pytestmark = [pytest.mark.engine, pytest.mark.timeout(90)]

BOTS = ROOT / "demos" / "swarm" / "arena.py"


def arena(version: str, port: int) -> Engine:
    """The server in an engine."""
    if version == "4":
        return Engine("4", ROOT / "bench" / "engine_project", "server.tscn", f"--port={port}")
    project = Path(__file__).parent / "mp_godot3"
    return Engine("3", project, project / "arena.gd", f"--port={port}")


@pytest.mark.parametrize("version", ["4", "3"])
def test_bots_are_answered_by_an_engine(version: str) -> None:
    port = free_port()
    with arena(version, port):
        wait_until_listening(port)
        words = ["--url", f"ws://127.0.0.1:{port}", "--clients", "20", "--json", "--godot3"]
        with Process(gdpeer_command("swarm", str(BOTS), *words[: 5 if version == "4" else 6])) as run:
            assert run.wait(60) == 0, run.stderr
            found = json.loads(run.stdout[-1])
        assert [found[name] for name in ("joined", "left", "failed")] == [20, 20, 0]
        assert found["round_trips"] == 20 * 50
