"""The programs of README and docs as files, in a temporary folder that the process removes at its end."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

from tools.programs import write_programs


@functools.cache
def programs() -> Path:
    """The folder that holds all of them."""
    folder = Path(tempfile.mkdtemp(prefix="gdpeer-programs-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    write_programs(folder)
    return folder


def program(name: str) -> Path:
    """One of them, such as `chat/server.py`."""
    path = programs() / name
    assert path.exists(), f"no page has a program {name}"
    return path
