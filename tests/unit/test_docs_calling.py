"""The page about `gdpeer call`: each command is run on the page's server, and prints what the page says."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import run_here
from tests.support.missing import ROOT
from tests.support.pages import program
from tests.support.ports import free_port, wait_until_listening
from tests.support.processes import Process

PAGE = (ROOT / "docs" / "howto" / "calling.md").read_text(encoding="utf-8")
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PORT = "8910"


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The port of the page's server, which runs in the reader's folder."""
    found = str(free_port())
    text = program("calling/server.py").read_text()
    assert PORT in text
    (tmp_path / "server.py").write_text(text.replace(PORT, found))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONTRACT_TOKEN", "0123456789abcdef")
    with Process([sys.executable, tmp_path / "server.py"]):
        wait_until_listening(int(found))
        yield found


def test_every_command_prints_what_the_page_says(port: str) -> None:
    typed = 0
    for block in CONSOLE.finditer(PAGE):
        shown = ""
        for line in block[1].splitlines():
            if line.startswith("$ gdpeer "):
                typed += 1
                result = run_here(*shlex.split(line.removeprefix("$ gdpeer ").replace(PORT, port)))
                shown += f"{line}\n{(result.stdout + result.stderr).replace(port, PORT)}"
        assert shown == block[1]
    assert typed == 8
