"""`gdpeer swarm` as a process: bots of a script against a server, the figures, what goes wrong, and the end."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import run_here
from tests.support.missing import ROOT
from tests.support.ports import free_port
from tests.support.processes import Process, gdpeer_command

ARENA = ROOT / "demos" / "swarm" / "arena.py"

STAYING = """
import asyncio
from gdpeer import Node, rpc

class Main(Node):
    @rpc("any_peer")
    def greet(self, name): ...

class Bot:
    def __init__(self, tree):
        self.tree = tree
        tree.root.add_child(Main())

    async def run(self):
        await self.tree.multiplayer.connected_to_server
        print("here", self.tree.multiplayer.get_unique_id(), flush=True)
        await asyncio.sleep(60)
"""

FAILING = """
async def bot(tree, index):
    await tree.multiplayer.connected_to_server
    if index % 2:
        raise LookupError(f"bot {index} found nothing")
"""


class Arena(Process):
    """The server of demos/swarm/arena.py."""

    def __init__(self) -> None:
        self.port = free_port()
        super().__init__([sys.executable, "-m", "bench.arena", str(self.port)])
        self.wait_for("^listening$")
        self.url = f"ws://127.0.0.1:{self.port}"


@pytest.fixture
def arena() -> Iterator[Arena]:
    with Arena() as server:
        yield server


def swarm(script: Path, *words: str) -> Process:
    return Process(gdpeer_command("swarm", str(script), *words))


def script(folder: Path, text: str) -> Path:
    path = folder / "bot.py"
    path.write_text(text)
    return path


def result_of(run: Process, status: int = 0) -> dict[str, Any]:
    assert run.wait(30) == status, run.stderr
    found: dict[str, Any] = json.loads(run.stdout[-1])
    return found


@pytest.mark.parametrize("processes", ["1", "3"])
def test_all_bots_call_and_are_answered(arena: Arena, processes: str) -> None:
    words = ("--url", arena.url, "--clients", "7", "--ramp", "0.1", "--processes", processes, "--json")
    with swarm(ARENA, *words) as run:
        found = result_of(run)
    assert [found[name] for name in ("begun", "joined", "left", "failed", "errors")] == [7, 7, 7, 0, {}]
    assert found["round_trips"] == 7 * 50
    assert found["round_trips_of"] == "the script"
    assert 0 < found["join_p50_ms"] <= found["join_p99_ms"]
    assert 0 < found["round_trip_p50_ms"] <= found["round_trip_p99_ms"]


def test_a_table_for_a_person(arena: Arena) -> None:
    with swarm(ARENA, "--url", arena.url, "--clients", "2") as run:
        assert run.wait(30) == 0
        assert any("time to join" in line and "2" in line for line in run.stdout)
        assert any("round trips of the script" in line and "100" in line for line in run.stdout)


def test_a_class_stays_until_ctrl_c_and_pings_are_its_round_trips(arena: Arena, tmp_path: Path) -> None:
    with swarm(script(tmp_path, STAYING), "--url", arena.url, "--clients", "2", "--json") as run:
        run.wait_until(lambda: sum(line.startswith("here") for line in run.stderr) == 2, "two bots", 20.0)
        run.wait_until(lambda: "2 of 2 joined, 0 left, 0 failed" in run.stderr, "a line of progress", 20.0)
        run.interrupt()
        found = result_of(run)
    assert [found[name] for name in ("joined", "left", "failed")] == [2, 0, 0]
    assert found["round_trips_of"] == "pings"
    assert found["round_trips"] >= 2


@pytest.mark.parametrize("processes", ["1", "2"])
def test_interrupted_before_anybody_has_joined_it_exits_with_130(tmp_path: Path, processes: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"ws://127.0.0.1:{silent.getsockname()[1]}/"
        words = ("--url", url, "--clients", "2", "--processes", processes, "--json")
        with swarm(script(tmp_path, STAYING), *words) as run:
            connection, _ = silent.accept()
            with connection:
                connection.recv(1)
                run.interrupt()
                found = result_of(run, 130)
    assert found["joined"] == 0


def test_it_ends_after_the_duration(arena: Arena, tmp_path: Path) -> None:
    words = ("--url", arena.url, "--clients", "3", "--duration", "1.5", "--processes", "2", "--json")
    with swarm(script(tmp_path, STAYING), *words) as run:
        found = result_of(run)
    assert [found[name] for name in ("joined", "left", "failed")] == [3, 0, 0]


@pytest.mark.extended
def test_so_many_a_second_come_of_all_processes_together(arena: Arena, tmp_path: Path) -> None:
    said = r"os.write(2, b'begun %d %f\n' % (index, time.monotonic()))"  # one write: the processes share a pipe
    text = f"import os, time\n\nasync def bot(tree, index):\n    {said}\n"
    words = ("--url", arena.url, "--clients", "40", "--processes", "4", "--json")
    with swarm(script(tmp_path, text), *words) as run:
        result_of(run)
    begun = {int(line.split()[1]): float(line.split()[2]) for line in run.stderr if line.startswith("begun")}
    assert sorted(begun) == list(range(40))
    assert begun[9] - begun[0] > 0.25  # ten of one process, in nine tenths of 0.4 seconds


def test_processes_end_with_the_first_one(arena: Arena, tmp_path: Path) -> None:
    words = ("--url", arena.url, "--clients", "4", "--processes", "2", "--json")
    with swarm(script(tmp_path, STAYING), *words) as run:
        run.wait_until(lambda: "4 of 4 joined, 0 left, 0 failed" in run.stderr, "a line of progress", 20.0)
        run.popen.terminate()
        found = result_of(run)
    assert [found[name] for name in ("joined", "failed")] == [4, 0]


def test_a_bot_that_raises_is_counted_and_shown_once(arena: Arena, tmp_path: Path) -> None:
    with swarm(script(tmp_path, FAILING), "--url", arena.url, "--clients", "4", "--json") as run:
        found = result_of(run, 1)
        assert [found[name] for name in ("joined", "left", "failed")] == [4, 2, 2]
        assert found["errors"] == {"the bot raised LookupError": 2}
        assert sum("LookupError: bot" in line for line in run.stderr) == 1


RAISING = """
import beside

async def bot(tree):
    await tree.multiplayer.connected_to_server
    beside.fail()
"""


def test_the_traceback_is_whole_and_modules_beside_the_script_are_found(arena: Arena, tmp_path: Path) -> None:
    """Regression: the line of the script was missing, as the finished bot was asked for its result twice."""
    (tmp_path / "beside.py").write_text("def fail():\n    raise LookupError('found nothing')\n")
    with swarm(script(tmp_path, RAISING), "--url", arena.url, "--clients", "1", "--json") as run:
        assert result_of(run, 1)["errors"] == {"the bot raised LookupError": 1}
        text = "\n".join(run.stderr)
    for line in (f'File "{tmp_path}/bot.py", line 6, in bot', "beside.fail()", "LookupError: found nothing"):
        assert line in text


def test_a_bot_that_fails_before_it_is_in_is_shown_even_where_nobody_listens(tmp_path: Path) -> None:
    text = "async def bot(tree):\n    1 / 0\n"
    with swarm(script(tmp_path, text), "--url", f"ws://127.0.0.1:{free_port()}", "--clients", "1", "--json") as run:
        assert result_of(run, 1)["errors"] == {"the bot raised ZeroDivisionError": 1}
        assert any("bot.py" in line and "line 2, in bot" in line for line in run.stderr)


def test_a_bot_that_fails_while_it_cleans_up_is_shown(arena: Arena, tmp_path: Path) -> None:
    text = STAYING.replace(
        "        await asyncio.sleep(60)", "        try: await asyncio.sleep(60)\n        finally: 1 / 0"
    )
    words = ("--url", arena.url, "--clients", "1", "--duration", "2", "--json")
    with swarm(script(tmp_path, text), *words) as run:
        assert result_of(run, 1)["errors"] == {"the bot raised ZeroDivisionError": 1}
        assert any("finally: 1 / 0" in line for line in run.stderr)


def test_the_script_can_have_dataclasses(arena: Arena, tmp_path: Path) -> None:
    text = (
        "from __future__ import annotations\nfrom dataclasses import dataclass, KW_ONLY\n"
        "@dataclass\nclass Bot:\n    tree: object\n    _: KW_ONLY\n    number: int = 0\n    async def run(self): ...\n"
    )
    with swarm(script(tmp_path, text), "--url", arena.url, "--clients", "1", "--json") as run:
        assert result_of(run)["left"] == 1


@pytest.mark.parametrize(
    ("text", "name", "processes"),
    [
        ("def bot(tree): pass", "bot", "1"),
        ("def bot(tree): pass", "bot", "2"),
        ("def bot(tree):\n    yield 1.0", "bot", "1"),
        ("class Bot:\n    def __init__(self, tree): pass\n    def run(self): pass", "Bot.run", "1"),
    ],
)
def test_a_bot_that_is_not_async_is_told_so(arena: Arena, tmp_path: Path, text: str, name: str, processes: str) -> None:
    words = ("--url", arena.url, "--clients", "3", "--processes", processes)
    with swarm(script(tmp_path, text), *words) as run:
        assert run.wait(30) == (2 if processes == "1" else 1)
        says = (
            f"gdpeer swarm: {name} of {tmp_path}/bot.py must be a coroutine: write async def (see gdpeer swarm --help)"
        )
        assert says in run.stderr
        assert "Traceback" not in "\n".join(run.stderr)


def test_a_server_that_goes_is_a_cause(tmp_path: Path) -> None:
    with Arena() as server, swarm(script(tmp_path, STAYING), "--url", server.url, "--clients", "2") as run:
        run.wait_until(lambda: sum(line.startswith("here") for line in run.stderr) == 2, "two bots", 20.0)
        server.kill()
        assert run.wait(20) == 1
        run.wait_for("^2 x tcp: lost the server: ")


def test_nobody_there_is_a_cause() -> None:
    with swarm(ARENA, "--url", f"ws://127.0.0.1:{free_port()}", "--clients", "2") as run:
        assert run.wait(20) == 1
        run.wait_for("^2 x tcp: ")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no function bot and no class Bot"),
        ("class Bot: ...", "has no method run"),
        ("1 / 0", "fails: ZeroDivisionError: division by zero"),
    ],
)
def test_a_script_that_cannot_be_used(tmp_path: Path, text: str, words: str) -> None:
    done = run_here("swarm", str(script(tmp_path, text)), "--url", "ws://localhost")
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert words in line


def test_what_is_no_python_file(tmp_path: Path) -> None:
    path = tmp_path / "bot.txt"
    path.write_text("")
    done = run_here("swarm", str(path), "--url", "ws://localhost")
    assert done.returncode == 2
    assert "is not a Python file" in done.stderr


def test_a_url_that_is_none() -> None:
    done = run_here("swarm", str(ARENA), "--url", "http://localhost")
    assert done.returncode == 2
    assert "the scheme must be ws or wss" in done.stderr


def test_more_bots_than_descriptors() -> None:
    done = run_here("swarm", str(ARENA), "--url", "ws://localhost", "--clients", "100000000")
    assert done.returncode == 1
    assert "--clients" in done.stderr


def test_the_help_is_a_screenful_with_a_script() -> None:
    done = run_here("swarm", "--help")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) < 60
    assert "async def bot(tree, index):" in done.stdout
