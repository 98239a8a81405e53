"""Writes the programs of README and docs into a temporary folder, which is removed at the end of the process."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import gdpeer
from tools.programs import write_programs


@functools.cache
def programs() -> Path:
    """Returns the folder with all programs."""
    folder = Path(tempfile.mkdtemp(prefix="gdpeer-programs-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    write_programs(folder)
    return folder


def program(name: str) -> Path:
    """Returns the path of a program, such as `chat/server.py`."""
    path = programs() / name
    assert path.exists(), f"no page has a program {name}"
    return path


def run_tests(tests: Path, **variables: str) -> str:
    """Runs a page's tests as a reader would, in their folder; returns what pytest printed.

    Args:
        tests: the file.
        variables: of the environment, besides those of this process.
    """
    # A gdpeer that is not installed brings its fixtures by the name of their module.
    fixtures = ["-p", "no:gdpeer", "-p", "gdpeer.testing.plugin"]
    words = ["-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *fixtures, tests.name]
    environment = os.environ | {"PYTHONPATH": str(Path(gdpeer.__file__).parent.parent)} | variables
    done = subprocess.run(
        [sys.executable, *words], cwd=tests.parent, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
