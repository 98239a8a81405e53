"""Drives unchanged Godot projects by lists of steps (see README.md)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.engines import Engine

HERE = Path(__file__).parent


def start(version: str, project: Path, steps: Path) -> Engine:
    """Starts an engine that runs a project and a file of steps, whose name must end in `.steps`."""
    return Engine(version, project, HERE / f"godot{version}.gd", str(steps.absolute()))


@contextmanager
def driven(version: str, project: Path, steps: str) -> Iterator[Engine]:
    """Runs an engine with a project and steps, one per line, during the block."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "list.steps")
        path.write_text(steps, encoding="utf-8")
        with start(version, project, path) as engine:
            yield engine
