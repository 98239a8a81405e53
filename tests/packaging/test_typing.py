"""What type checkers say of programs against the installed gdpeer: an unknown setting is an error before a run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gdpeer.contract import read_project
from gdpeer.contract.write_python import write_python
from tests.support.missing import ROOT

WRONG = [
    "WebSocketServer().heartbeat_intervall = 3",
    "WebSocketPeer().inbound_bufer_size = 3",
    "WebSocketClient().verify_tls = False",
    "WebSocketMultiplayerPeer().max_peer = 3",
    "SceneTree().multiplayr = SceneMultiplayer()",
    "SceneMultiplayer().server_rely = True",
    "Node().multiplayr = 3",
    "OfflineMultiplayerPeer().transfer_modes = 3",
    "print(WebSocketServer().heartbeat_intervall)",
    "print(WebSocketMultiplayerPeer().max_peer)",
    "print(Node().multiplayr)",
    "TCPServer().backlog = 3",
    "WebSocketPeer().inbound_buffer_size = 'x'",
    "WebSocketServer().heartbeat_interval = 'x'",
    "WebSocketMultiplayerPeer().godot3_protocols = 3",
    "print(WebSocketServer().max_pending.upper())",
]
RIGHT = [
    "WebSocketServer().heartbeat_interval = 3",
    "WebSocketMultiplayerPeer().max_peers = 3",
    "WebSocketPeer().poll()",
    "WebSocketPeer().proxy = None",
    "WebSocketServer().allowed_origins = ['https://game.example']",
    "print(WebSocketMultiplayerPeer().max_refused + 1)",
]
NAMES = sorted(set(re.findall(r"\b([A-Z]\w+)\(", " ".join(WRONG))))
IMPORT = f"from gdpeer import {', '.join(NAMES)}"
REPLICATION = Path(__file__).with_name("replication_mistakes.txt")
"""A Python program. Its name keeps the project's own checks of types away from it."""
PROJECT = ROOT / "tests" / "golden" / "contract_godot4"
CHECKERS = {"mypy": ["--strict", "--no-error-summary"], "pyright": ["--pythonpath", sys.executable]}


def check(checker: str, program: str, folder: Path) -> tuple[set[int], str]:
    """Returns the numbers of the lines that a type checker reports, and its output."""
    file = folder / "wrong.py"
    file.write_text(program)
    command = [sys.executable, "-m", checker, *CHECKERS[checker], str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=170, cwd=folder)
    return {int(line) for line in re.findall(r"wrong\.py:(\d+)", done.stdout)}, done.stdout + done.stderr


@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.timeout(180)
def test_type_checkers_report_each_of_them(checker: str, tmp_path: Path) -> None:
    reported, output = check(checker, "\n".join([IMPORT, *WRONG, *RIGHT]) + "\n", tmp_path)
    assert reported == set(range(2, 2 + len(WRONG))), output


@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.timeout(180)
def test_the_stubs_of_a_project_pass_the_strict_type_check(checker: str, tmp_path: Path) -> None:
    reported, output = check(checker, write_python(read_project(PROJECT)), tmp_path)
    assert not reported, output


@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.timeout(180)
def test_type_checkers_report_mistakes_with_replication(checker: str, tmp_path: Path) -> None:
    program = REPLICATION.read_text(encoding="utf-8")
    wrong = {number for number, line in enumerate(program.splitlines(), 1) if line.endswith("# wrong")}
    reported, output = check(checker, program, tmp_path)
    assert reported == wrong, output
