"""The pages about contracts: each command is run on the pages' game, and prints what the page says."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gdpeer.contract.difference import CODES
from tests.support.commands import run_here
from tests.support.missing import ROOT
from tests.support.pages import programs

PAGES = ("contract", "howto/your-existing-game")
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROMPT = "$ "


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The reader's folder: the game, its next version in which a method has another name, and the server."""
    shutil.copytree(programs() / "existing", tmp_path / "existing")
    monkeypatch.chdir(tmp_path / "existing")
    next_version()
    Path("versions").mkdir()
    return tmp_path / "existing"


def next_version() -> None:
    """Makes `game-1.1`, in which `move` is `go`."""
    shutil.copytree("game", "game-1.1")
    script = Path("game-1.1/main.gd")
    text = script.read_text()
    assert text.count("func move(") == text.count("\tmove.rpc_id(") == 1
    script.write_text(text.replace("func move(", "func go(").replace("\tmove.rpc_id(", "\tgo.rpc_id("))


def page(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def commands(text: str) -> Iterator[str]:
    """The lines of a page that a reader types."""
    for block in CONSOLE.finditer(text):
        yield from (line.removeprefix(PROMPT) for line in block[1].splitlines() if line.startswith(PROMPT))


def printed(command: str) -> str:
    """Runs a command line in this folder; returns what the reader sees."""
    program, *words = shlex.split(command)
    assert program == "gdpeer"
    words, _, files = (words, None, []) if ">" not in words else (words[:-2], ">", words[-1:])
    result = run_here(*words)
    assert result.stderr == "", command
    for file in files:
        Path(file).write_text(result.stdout, encoding="utf-8")
    return "" if files else result.stdout


def filled(text: str) -> str:
    """Returns a page with the output that its commands really have."""

    def run(block: re.Match[str]) -> str:
        typed = [line for line in block[1].splitlines() if line.startswith(PROMPT)]
        body = "".join(f"{line}\n{printed(line.removeprefix(PROMPT))}" for line in typed)
        return f"```console\n{body}```"

    return CONSOLE.sub(run, text)


@pytest.mark.parametrize("name", PAGES)
def test_every_command_prints_what_the_page_says(folder: Path, name: str) -> None:
    text = page(name)
    assert len(list(commands(text))) >= 4
    assert filled(text) == text


def test_the_written_classes_are_those_of_the_page(folder: Path) -> None:
    result = run_here("contract", "python", "game/", "-o", "game_base.py", "--check")
    assert (result.returncode, result.stderr) == (0, "")


def test_the_steps_of_the_workflow(folder: Path) -> None:
    steps = re.findall(r"^      - run: (gdpeer .*)$", page("contract"), re.MULTILINE)
    assert len(steps) == 2
    for step in steps:
        assert run_here(*shlex.split(step)[1:]).returncode == 0, step
    shutil.copytree("game-1.1", "game", dirs_exist_ok=True)
    for step in steps:
        assert run_here(*shlex.split(step)[1:]).returncode == 1, step


def test_the_test_of_the_page(folder: Path) -> None:
    space: dict[str, object] = {}
    exec((folder / "test_contract.py").read_text(), space)
    check = space["test_the_server_fits_the_game"]
    assert callable(check)
    check()
    shutil.copytree("game-1.1", "game", dirs_exist_ok=True)
    with pytest.raises(AssertionError):
        check()


def test_the_table_of_codes_is_that_of_the_code() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (?:error|warning)[^|]* \| ([^|]+) \|$", page("contract"), re.MULTILINE)
    assert dict(rows) == CODES
