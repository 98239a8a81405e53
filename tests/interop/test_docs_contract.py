"""The game of docs/howto/your-existing-game.md in a real Godot 4, with its server.

In the game's next version a method has another name: the server's log names the method.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from gdpeer.contract import checksum_of, contract_to_json, read
from gdpeer.multiplayer.rpc.mismatch import NO_METHODS
from tests.support.commands import run_here
from tests.support.engines import Engine
from tests.support.pages import programs
from tests.support.ports import free_port, wait_until_listening
from tests.support.processes import Process
from tests.unit.test_docs_contract import next_version

pytestmark = [pytest.mark.engine, pytest.mark.timeout(90)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(programs() / "existing", tmp_path / "existing")
    monkeypatch.chdir(tmp_path / "existing")
    next_version()
    Path("versions").mkdir()
    return tmp_path / "existing"


def serve(folder: Path, port: int) -> Process:
    server = folder / "server.py"
    server.write_text(server.read_text().replace("8910", str(port)))
    return Process([sys.executable, server])


def differences(server: Process) -> list[str]:
    """The lines about differences, without the checksums at their ends."""
    lines = [line for line in server.stderr if line.startswith("the methods of node")]
    return [line.partition(": ")[2].partition(" (checksum")[0] for line in lines]


def test_the_unchanged_game_joins_without_a_difference(folder: Path) -> None:
    port = free_port()
    with serve(folder, port) as server:
        wait_until_listening(port)
        with Engine("4", folder / "game", "main.tscn", f"ws://127.0.0.1:{port}") as game:
            game.process.wait_for(r"^Ann plays, with id \d+$")
            game.process.wait_for(r"^Ann is at \(3\.0, 4\.0\)$")
            game.process.wait_for("^Ann: Hello!$")
            assert (game.stderr, server.stderr) == ([], [])


REMOVED = {"func go(": "func move(", "\tgo.rpc_id(": "\tmove.rpc_id(", '@rpc("authority")\n': ""}


@pytest.mark.parametrize(
    ("change", "saved", "words"),
    [
        ({}, True, "the peer has res://main.gd of game-1.1.json: `move` is `go` there"),
        (REMOVED, False, "the peer lacks `joined`"),
    ],
    ids=["renamed", "removed"],
)
def test_the_log_names_the_method_that_differs(folder: Path, change: dict[str, str], saved: bool, words: str) -> None:
    script = folder / "game-1.1" / "main.gd"
    for old, new in change.items():
        script.write_text(script.read_text().replace(old, new))
    if saved:
        Path("versions/game-1.1.json").write_text(contract_to_json(read("game-1.1/")))
    port = free_port()
    with serve(folder, port) as server:
        wait_until_listening(port)
        with Engine("4", folder / "game-1.1", "main.tscn", f"ws://127.0.0.1:{port}") as game:
            server.wait_until(lambda: bool(differences(server)), "a line about a difference", 30.0)
            assert differences(server)[0] == words
            # The engine compares, too, and has no names to show.
            game.process.wait_until(lambda: "rpc node checksum failed" in "".join(game.stderr), "its error", 30.0)
            game.process.wait_for(".*: Hello!$")


def test_a_recording_of_the_game_is_explained(folder: Path) -> None:
    port, tunnel = free_port(), free_port()
    words = [
        "inspect",
        "--listen",
        str(tunnel),
        "--to",
        f"ws://127.0.0.1:{port}",
        "--record",
        str(folder / "session.jsonl"),
    ]
    words[-1] = str(folder / words[-1])
    with serve(folder, port), Process([sys.executable, "-m", "gdpeer", *words]) as inspect:
        wait_until_listening(port)
        wait_until_listening(tunnel)
        with Engine("4", folder / "game-1.1", "main.tscn", f"ws://127.0.0.1:{tunnel}") as game:
            game.process.wait_for(".*: Hello!$")
        inspect.interrupt()
        assert inspect.wait() == 0
    result = run_here("contract", "explain", "session.jsonl", "game/", "game-1.1/", "--json")
    assert result.stderr == ""
    found = {one["checksum"]: one for one in json.loads(result.stdout)["checksums"]}
    assert result.returncode == 0
    assert NO_METHODS not in found
    there = found[checksum_of(["go", "join", "joined", "moved"])]
    assert there["nodes"] == [{"path": "Main", "senders": ["client"]}]
    assert [(one["source"], one["table"], one["is_exact"]) for one in there["answers"]] == [
        ("game-1.1", "res://main.gd", True)
    ]
    [here] = [one for one in found.values() if {"path": "Chat", "senders": ["client", "server"]} in one["nodes"]]
    assert [one["table"] for one in here["answers"]] == ["res://chat.gd", "res://chat.gd"]
