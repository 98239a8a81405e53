"""`Godot`, with a script of the shell for the engine; `tests/interop/test_fixtures.py` has a real engine."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from gdpeer.testing import ErrorLog, Godot
from gdpeer.testing.engine import find_godot


def engine(folder: Path, script: str) -> str:
    """Writes a program that stands for the engine; returns its path."""
    path = folder / "godot4"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_where_the_engine_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GODOT", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_godot() is None
    program = engine(tmp_path, "")
    assert find_godot() == program
    monkeypatch.setenv("GODOT", "/bin/sh")
    assert find_godot() == "/bin/sh"
    monkeypatch.setenv("GODOT", "/nowhere")
    assert find_godot() is None


def test_what_a_run_tells(tmp_path: Path) -> None:
    script = (
        "echo out; echo 'WARNING: w' >&2; echo 'USER ERROR: e' >&2; echo '   at: x' >&2; echo 'SCRIPT ERROR: s' >&2"
    )
    errors = ErrorLog()
    with Godot(engine(tmp_path, script), tmp_path, errors) as godot:
        run = godot.run(tmp_path)
        assert (run.output, run.errors) == ("out\n", ["USER ERROR: e", "SCRIPT ERROR: s"])
        assert "   at: x" in run.error_output
        assert not run.is_running
    assert errors.lines == ["Godot: USER ERROR: e", "Godot: SCRIPT ERROR: s"]
    with pytest.raises(AssertionError, match=r"(?s)the game logged errors.*Godot: USER ERROR: e"):
        errors.check()


def test_a_status_other_than_0_fails(tmp_path: Path) -> None:
    with Godot(engine(tmp_path, "echo no; exit 3"), tmp_path) as godot:
        assert godot.start(tmp_path).wait() == 3
        with pytest.raises(AssertionError, match=r"(?s)Godot ended with status 3; output:.no"):
            godot.run(tmp_path)


def test_the_deadline_and_the_end_of_the_test_stop_engines(tmp_path: Path) -> None:
    start = time.monotonic()
    with Godot(engine(tmp_path, "echo up; exec sleep 100"), tmp_path) as godot:
        late = godot.start(tmp_path, deadline=0.3)
        with pytest.raises(AssertionError, match=r"(?s)Godot still ran after 0.3 s; output:.up"):
            late.check()
        assert not late.is_running
        run = godot.start(tmp_path)
        assert run.is_running
    assert not run.is_running
    assert time.monotonic() - start < 10


def test_an_engine_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gdpeer.testing.engine.GRACE", 0.1)
    with Godot(engine(tmp_path, "trap '' TERM; echo up; while :; do :; done"), tmp_path) as godot:
        run = godot.start(tmp_path)
        while "up" not in run.output:
            time.sleep(0.01)
    assert not run.is_running
