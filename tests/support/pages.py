"""Writes the programs of README and docs into a temporary folder, which is removed at the end of the process."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

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
