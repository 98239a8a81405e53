"""`gdpeer new`: each project's own tests, with the real engine, and its server, within a minute from nothing."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gdpeer.cli.new_project import TEMPLATES
from tests.support.commands import run_here
from tests.support.engines import command, environment
from tests.support.processes import Process

pytestmark = [pytest.mark.engine, pytest.mark.timeout(90)]

SERVE = {"rooms": ["-m", "gdpeer", "serve", "server:Arena", "--port", "0"]}
LONGEST = 60.0


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_new_project_passes_its_tests_with_the_real_engine(
    template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = time.monotonic()
    monkeypatch.chdir(tmp_path)
    assert run_here("new", "game-of-mine", "--template", template).returncode == 0
    folder = tmp_path / "game-of-mine"
    engine = tmp_path / "godot"
    engine.write_text(f'#!/bin/sh\nexec {shlex.join(command("4"))} "$@"\n')
    engine.chmod(0o755)
    variables = os.environ | environment() | {"GODOT": str(engine)}
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    tests = subprocess.run(words, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert tests.returncode == 0, tests.stdout
    assert "skipped" not in tests.stdout
    with Process([sys.executable, *SERVE.get(template, ["serve.py", "0"])], folder=folder) as server:
        server.wait_for(r"127\.0\.0\.1:\d+|localhost:\d+")
        server.interrupt()
        assert server.wait() == 0
    took = time.monotonic() - begin
    print(f"\n{template}: {took:.1f} s")
    assert took < LONGEST
