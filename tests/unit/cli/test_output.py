"""Standard output that cannot be written: every command says so in one line, with status 1."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ports import free_port
from tests.support.processes import Process, gdpeer_command

FULL = Path("/dev/full")

pytestmark = pytest.mark.skipif(not FULL.exists(), reason="the system has no /dev/full")

BOT = "async def bot(tree):\n    await tree.multiplayer.connected_to_server\n"


@pytest.fixture(scope="module")
def echo_url() -> Iterator[str]:
    with Process(gdpeer_command("echo", "--port", "0")) as echo:
        yield echo.wait_for(r"listening on (ws://\S+)")[1]


def run(words: list[str], environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    with FULL.open("w") as full:
        return subprocess.run(
            gdpeer_command(*words),
            input="a line\n",
            stdout=full,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            timeout=30,
            check=False,
            env=environment,
        )


@pytest.fixture
def words(request: pytest.FixtureRequest, echo_url: str, tmp_path: Path) -> list[str]:
    """A command that writes to standard output."""
    recording = tmp_path / "session.jsonl"
    head = {"gdpeer": "recording", "version": 1, "to": "ws://h/", "dialect": "auto"}
    opened = {"time": 0, "peer": 1, "event": "open", "target": "/", "protocol": ""}
    recording.write_text(f"{json.dumps(head)}\n{json.dumps(opened)}\n")
    bot = tmp_path / "bot.py"
    bot.write_text(BOT)
    table: dict[str, list[str]] = {
        "help": ["--help"],
        "version": ["--version"],
        "help of a command": ["echo", "--help"],
        "chat": ["chat", "--host", "127.0.0.1", "--port", "0"],
        "connect": ["connect", echo_url],
        "echo": ["echo", "--port", "0"],
        "inspect": ["inspect", "--listen", "0", "--to", echo_url],
        "inspect json": ["inspect", "--listen", "0", "--to", echo_url, "--page", "0"],
        "bad-network": ["bad-network", "--listen", "0", "--to", echo_url],
        "arena": ["arena", "--host", "127.0.0.1", "--port", "0"],
        "replay": ["replay", str(recording), echo_url],
        "roll": ["roll", "--host", "127.0.0.1", "--port", "0"],
        "roll join": ["roll", "--join", f"ws://127.0.0.1:{free_port()}"],
        "swarm": ["swarm", str(bot), "--url", echo_url, "--clients", "1", "--duration", "0.5"],
        "swarm json": ["swarm", str(bot), "--url", echo_url, "--clients", "1", "--duration", "0.5", "--json"],
    }
    return table[request.param]


COMMANDS = [
    *("help", "version", "help of a command", "chat", "connect", "echo", "inspect", "inspect json", "bad-network"),
    *("arena", "replay", "roll", "roll join", "swarm", "swarm json"),
]


@pytest.mark.parametrize("words", COMMANDS, indirect=True)
def test_a_full_disk_is_one_line_and_status_1(words: list[str]) -> None:
    done = run(words)
    name = f"gdpeer {words[0]}" if not words[0].startswith("-") else "gdpeer"
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if line.startswith("gdpeer")]
    assert lines == [f"{name}: cannot write to standard output: No space left on device"]
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_both_streams_full_is_status_1() -> None:
    with FULL.open("w") as full:
        done = subprocess.run(gdpeer_command("--help"), stdout=full, stderr=full, timeout=30, check=False)
    assert done.returncode == 1


def test_what_the_terminal_s_encoding_does_not_have_is_written_out() -> None:
    program = (
        "import sys; sys.argv = ['gdpeer', 'chat', '--port', '0', '--host', '127.0.0.1'];"
        "from gdpeer.terminal import lines; from gdpeer.cli import chat;"
        "chat.run = lambda *rest: lines.print_line('gr\\xfc\\xdfe \\U0001f3ae');"
        "from gdpeer.cli.__main__ import main; main()"
    )
    environment = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    assert r"gr\xfc\xdfe \U0001f3ae" in done.stdout
