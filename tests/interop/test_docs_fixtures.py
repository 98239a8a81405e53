"""The tests of docs/howto/testing.md, whose fixture `gdpeer_godot` finds a real engine."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.support.engines import command, environment
from tests.support.pages import program, run_tests

pytestmark = pytest.mark.engine


def test_the_fixtures_with_a_real_engine(tmp_path: Path) -> None:
    engine = tmp_path / "godot"
    engine.write_text(f'#!/bin/sh\nexec {shlex.join(command("4"))} "$@"\n')
    engine.chmod(0o755)
    told = run_tests(program("testing/test_greetings.py"), GODOT=str(engine), **environment())
    assert "4 passed" in told
