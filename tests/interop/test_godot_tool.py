"""The tool that finds engines: your own by GODOT4 and GODOT3, else Debian's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.engines import command
from tests.support.missing import ROOT
from tests.support.ports import free_port
from tools import elf, godot

pytestmark = [pytest.mark.engine, pytest.mark.timeout(120)]

OWN = """#!/bin/sh
echo "own engine: $*"
exit 7
"""


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tools.godot", *words],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "my-godot"
    path.write_text(OWN)
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(("major", "options"), [("4", "--headless --no-header "), ("3", "")])
def test_an_engine_of_your_own_is_taken_where_it_is_named(own: Path, major: str, options: str) -> None:
    done = run(major, "--path", "x", **{f"GODOT{major}": str(own)})
    assert (done.stdout, done.returncode) == (f"own engine: {options}--path x\n", 7)


@pytest.mark.parametrize("name", ["/nowhere/godot", "README.md"])
def test_an_engine_of_your_own_that_is_no_program_is_an_error(name: str) -> None:
    done = run("4", "--version", GODOT4=name)
    assert (done.stderr, done.returncode) == (f"godot: GODOT4 names no program: {name}\n", 125)


def test_an_engine_that_does_not_start_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "broken"
    path.write_text("#!/bin/sh\necho no display >&2\nexit 1\n")
    path.chmod(0o755)
    done = run("install", "4", GODOT4=str(path))
    assert (done.stderr, done.returncode) == ("godot: Godot 4 does not start (status 1): no display\n", 125)


def test_what_stands_in_the_way_of_fetching_is_said(tmp_path: Path) -> None:
    cache, none = str(tmp_path / "cache"), str(tmp_path)
    hint = "godot: Godot 4 cannot be fetched (GODOT4 can name one of your own): "
    done = run("install", "4", GODOT_CACHE=cache, GODOT4="", PATH=none)
    assert done.stderr.endswith(f"{hint}apt-get is not on this machine\n")
    assert done.returncode == 125
    if shutil.which("apt-get"):
        done = run("install", "4", GODOT_CACHE=cache, GODOT4="", DEBIAN_MIRROR=f"http://127.0.0.1:{free_port()}/debian")
        assert f"{hint}apt-get update -qq failed" in done.stderr
        assert "Connection refused" in done.stderr or "Unable to connect" in done.stderr
        assert list(Path(cache, "forky").glob("apt")) == []


@pytest.mark.parametrize("words", [[], ["5"], ["install", "5"], ["where"]])
def test_other_words_show_the_help(words: list[str]) -> None:
    done = run(*words)
    assert "python -m tools.godot install" in done.stdout
    assert done.returncode == 2


@pytest.mark.parametrize("major", ["3", "4"])
def test_the_engine_runs_and_has_all_its_libraries(major: str) -> None:
    words = command(major)
    assert run("install", major).stdout.startswith(f"{major}\t{major}.")
    assert run("where", major).stdout.split("\n")[:-1] == words
    if f"GODOT{major}" not in os.environ:
        program = Path(next(word for word in words if "/usr/bin/" in word))
        prefix = program.parents[2]
        assert elf.needed(program)
        assert elf.lacking(prefix, [program]) == {}
        assert "libc.so.6" in {name for names in elf.lacking(Path("/nowhere"), [program]).values() for name in names}


def test_without_a_home_the_engines_are_kept_in_the_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("GODOT_CACHE", raising=False)
    monkeypatch.setenv("HOME", "/proc/none")
    assert godot.cache() == ROOT / ".cache" / "godot-engine"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert godot.cache() == tmp_path / ".cache" / "godot-engine"
    monkeypatch.setenv("GODOT_CACHE", str(tmp_path / "other"))
    assert godot.cache() == tmp_path / "other"
