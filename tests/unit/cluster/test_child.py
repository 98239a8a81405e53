"""What a child gets from its parent, and that it ends with it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gdpeer.cluster.child import VARIABLE, ChildSettings, end_with_parent


def test_settings_go_through_the_environment_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = os.pipe()
    os.set_inheritable(first, True)
    given = ChildSettings("worker", "a-1", first, second, broker=first)
    monkeypatch.setenv(VARIABLE, given.write())
    assert ChildSettings.read() == given
    assert not os.get_inheritable(first)
    assert ChildSettings.read() is None  # what the game starts is no child
    os.close(first)
    os.close(second)


def test_the_descriptors_of_each_role() -> None:
    assert ChildSettings("door", "door-1", 5, 6, (7, 8)).descriptors() == (5, 6, 7, 8)
    assert ChildSettings("worker", "a-1", 5, 6, broker=9).descriptors() == (5, 6, 9)


def test_a_process_that_hangs_ends_soon_after_its_parent() -> None:
    code = (
        "import sys\n"
        "from gdpeer.cluster.child import end_with_parent\n"
        "end_with_parent(int(sys.argv[1]), patience=0.1)\n"
        "print('here', flush=True)\n"
        "while True: pass\n"
    )
    life, end = os.pipe()
    command = [sys.executable, "-c", code, str(life)]
    with subprocess.Popen(command, pass_fds=(life,), stdout=subprocess.PIPE, text=True) as hanging:
        assert hanging.stdout is not None
        assert hanging.stdout.readline() == "here\n"
        os.close(end)
        assert hanging.wait(10) == 1
    os.close(life)


def test_the_thread_ends_the_process_after_its_patience(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    life, end = os.pipe()
    (tmp_path / "family").mkdir()
    (tmp_path / "family" / "1.sock").touch()
    thread = end_with_parent(life, str(tmp_path / "family"), patience=0.0)
    assert ended == []
    os.close(end)
    thread.join(10)
    assert ended == [1]
    assert list(tmp_path.iterdir()) == []
    os.close(life)


def test_a_descriptor_that_is_closed_already_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    life, end = os.pipe()
    os.close(life)
    end_with_parent(life, patience=0.0).join(10)
    assert ended == []
    os.close(end)
