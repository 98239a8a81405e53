"""docs/tutorial.md, followed to the letter in a fresh checkout with an empty HOME: every Unix command in its order."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.support.missing import ROOT
from tests.support.ports import free_port
from tools.programs import programs_of
from tools.terminal import CTRL_C, Terminal

pytestmark = pytest.mark.timeout(400)

PAGE = ROOT / "docs" / "tutorial.md"
PARTS = ("LICENSE", "MANIFEST.in", "README.md", "pyproject.toml", "setup.py", "src")
COMMANDS = re.compile(r"^```(sh|shell)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INSTALLED = 300.0


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what is installed, without anything that was built."""
    ignored = shutil.ignore_patterns("*.egg-info", "__pycache__", "*.so", "*.c")
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in PARTS:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        copy(ROOT / name, folder / name, **({"ignore": ignored} if (ROOT / name).is_dir() else {}))
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A stranger's: nothing of this project's environments, and this Python as `python3`."""
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "python3").symlink_to(os.path.realpath(sys.executable))
    home = tmp_path / "home"
    home.mkdir()
    clean = dict.fromkeys(("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "COVERAGE_PROCESS_START"), "")
    return {**clean, "PATH": f"{tools}:/usr/local/bin:/usr/bin:/bin", "HOME": str(home), "GDPEER_COMPILE": "no"}


@pytest.fixture
def page() -> str:
    """The page, on a port that is free; nothing else is changed."""
    return PAGE.read_text(encoding="utf-8").replace("8000", str(free_port()))


def commands(page: str) -> Iterator[list[str]]:
    for block in COMMANDS.finditer(page):
        yield block[2].splitlines()


def test_the_tutorial_works_as_written(page: str, checkout: Path, environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "tutorial.md").write_text(page, encoding="utf-8")
    programs = {program.name.removeprefix("chat/"): program.text for program in programs_of(tmp_path / "tutorial.md")}
    address = re.search(r"Open `(http\S+)`", page)
    assert address
    install, room, folder, start, second, third = commands(page)

    with ExitStack() as those:

        def terminal() -> Terminal:
            words = ["bash", "--norc", "--noprofile"]
            return those.enter_context(Terminal(words, folder=checkout, environment=environment))

        def follow(there: Terminal, lines: list[str], timeout: float = 15.0) -> None:
            """Types all lines; all but the last have to end, and well."""
            for line in lines[:-1]:
                there.enter(line)
                there.enter("echo status=$?")
                assert there.wait_for(r"^status=(\d+)", timeout)[1] == "0", there.text
            there.enter(lines[-1])

        first = terminal()
        follow(first, [*install, *room, *folder, "true"], INSTALLED)
        first.wait_for(r"^\(venv\).*true")
        for name in ("server.py", "page/index.html", "client.py"):
            (checkout / "chat" / name).write_text(programs[name], encoding="utf-8")
        follow(first, start)
        first.wait_for(f"^Open {address[1]}$")
        with urlopen(address[1], timeout=10) as answer:
            assert answer.read().decode() == programs["page/index.html"]

        client = terminal()
        follow(client, second)
        first.wait_for(r"^\[\d+\] connected with protocol: demo-chat$")
        typist = terminal()
        follow(typist, third)
        client.wait_for(r"^\[\d+\] connected$")
        typist.enter("hello everybody")
        client.wait_for(r"^\[\d+\] Says: hello everybody$")
        client.press(CTRL_C)
        typist.wait_for(r"\[\d+\] disconnected$")
        first.press(CTRL_C)
