"""The game of docs/game-server.md as it stands: its server, and its Godot 4 project with two players."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

import pytest

from tests.support.engines import Engine
from tests.support.pages import programs
from tests.support.processes import Process

pytestmark = [pytest.mark.engine, pytest.mark.timeout(90)]
GAME = programs() / "game"


@pytest.fixture
def server() -> Iterator[Process]:
    with Process([sys.executable, GAME / "server.py", "0"]) as process:
        process.wait_for(r"^The game is at ws://127\.0\.0\.1:\d+$")
        yield process


def play(server: Process, name: str, *options: str) -> Engine:
    url = server.stdout[0].rpartition(" ")[2]
    return Engine("4", GAME / "godot4", "main.tscn", f"--url={url}", f"--name={name}", "--auto", *options)


def test_two_players_see_each_other_and_score(server: Process) -> None:
    with play(server, "Ann") as ann:
        ann.process.wait_for("^Ann joins$")
        with play(server, "Bob", "--points=2") as bob:
            bob.process.wait_for("^Ann is here$")
            bob.process.wait_for("^Bob joins$")
            bob.process.wait_for("^Bob 2$", timeout=40.0)
            bob.process.wait_for("^That is enough.$")
            assert bob.wait() == 0
            ann.process.wait_for("^Bob is here$")
            ann.process.wait_for("^Bob joins$")
            ann.process.wait_for("^Bob 2$")
            ann.process.wait_for("^Bob leaves$")
            ann.process.wait_for(r"^Ann \d+$", timeout=40.0)
            assert told(bob)[-1] == "Bob 2"
            assert is_beginning(told(bob), told(ann))
            assert (ann.stderr, bob.stderr) == ([], [])
        server.interrupt()
        assert server.wait() == 0
        assert server.stdout[-1] == "The game is over"
        assert server.stderr == []
        assert ann.wait() == 0
        assert ann.process.stdout[-1] == "The server has gone."
        assert ann.stderr == []


def test_cheaters_are_put_back_and_thrown_out(server: Process) -> None:
    with play(server, "Ann") as ann, play(server, "Jim", "--cheat=jump") as jim:
        server.wait_for("^Jim is put back$")
        jim.process.wait_for(r"^(Jim|Ann) \d+$", timeout=40.0)
        with play(server, "Mallory", "--cheat=score") as mallory:
            assert mallory.wait() == 0
            assert mallory.process.stdout[-1] == "The server has gone."
            told_off, *dropped = server.stderr
            assert told_off.startswith("refused (not allowed): peer ")
            assert told_off.endswith(", node 'Main', set_score: only the authority may call it, and that is 1")
            assert all(line.endswith(": the peer is not admitted") for line in dropped)
            server.wait_for("^Mallory leaves$")
            ann.process.wait_for("^Mallory leaves$")
            assert not [line for line in ann.process.stdout if line.endswith(" 1000")]
            assert (ann.stderr, jim.stderr, mallory.stderr) == ([], [], [])


def told(engine: Engine) -> list[str]:
    """Who scored, in order, from that game's point of view."""
    return [line for line in engine.process.stdout if re.search(r" \d+$", line)]


def is_beginning(part: list[str], whole: list[str]) -> bool:
    """Whether `whole` goes on from somewhere in it as `part` does: who came later was told the score until then."""
    return any(whole[start : start + len(part)] == part for start in range(len(whole)))
