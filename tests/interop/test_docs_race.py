"""The game of docs/many-rooms.md as it stands: its own tests, and two engines that meet in a room of `gdpeer serve`."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.support.engines import Engine
from tests.support.pages import programs
from tests.support.processes import Process, gdpeer_command

RACE = programs() / "race"


def test_the_tests_of_the_page_pass() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_racing.py"]
    done = subprocess.run(command, cwd=RACE, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


@pytest.mark.engine
@pytest.mark.timeout(90)
def test_two_engines_meet_in_a_room_and_one_comes_back_with_its_points() -> None:
    with Process(gdpeer_command("serve", "racing:Race", "--port", "0"), folder=RACE) as server:
        port = server.wait_for(r"^Lobby: +http://localhost:(\d+)/lobby/race$")[1]

        def play() -> Engine:
            return Engine("4", RACE / "godot4", "main.tscn", f"--server=localhost:{port}")

        with play() as ann:
            first = ann.process.wait_for(r"^I am (\d+)$")[1]
            with play() as bob:
                second = bob.process.wait_for(r"^I am (\d+)$")[1]
                both = rf"^Points: {{ (?=.*\b{first}: 1)(?=.*\b{second}: 1).* }}$"
                ann.process.wait_for(both)
                bob.process.wait_for(both)
            assert (ann.stderr, bob.stderr) == ([], [])
        server.interrupt()
        assert server.wait() == 0
        assert server.stderr == []
        assert re.search(r"^Rooms: ", server.stdout[0])
