"""A pytest plugin for `tools/mutants.py`: tells coverage which test runs, and runs only the chosen tests."""

from __future__ import annotations

import os
from pathlib import Path

import coverage
import pytest

CHOSEN = "GDPEER_MUTANT_TESTS"
"""The variable that names a file with test ids, one per line; without it all tests run."""

FOUND = "GDPEER_MUTANT_FOUND"
"""The variable that names the file to write the ids of all tests to, one per line; without it none is written."""


def pytest_runtest_logstart(nodeid: str) -> None:
    """Tells coverage that lines from now on are reached by this test."""
    current = coverage.Coverage.current()
    if current is not None:
        current.switch_context(nodeid)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if CHOSEN in os.environ:
        chosen = set(Path(os.environ[CHOSEN]).read_text(encoding="utf-8").split("\n"))
        items[:] = [item for item in items if item.nodeid in chosen]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Writes the ids of the tests that are about to run."""
    if FOUND in os.environ:
        ids = "\n".join(item.nodeid for item in session.items)
        Path(os.environ[FOUND]).write_text(ids, encoding="utf-8")
