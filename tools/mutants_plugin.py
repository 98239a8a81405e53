"""The part of `tools/mutants.py` within pytest: tells coverage which test runs, and runs only the chosen ones."""

from __future__ import annotations

import os
from pathlib import Path

import coverage
import pytest

CHOSEN = "GDPEER_MUTANT_TESTS"
"""The variable with the path of a file of test ids, one a line; without it all tests run."""


def pytest_runtest_logstart(nodeid: str) -> None:
    """What runs from now on belongs to this test."""
    current = coverage.Coverage.current()
    if current is not None:
        current.switch_context(nodeid)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if CHOSEN in os.environ:
        chosen = set(Path(os.environ[CHOSEN]).read_text(encoding="utf-8").split("\n"))
        items[:] = [item for item in items if item.nodeid in chosen]
