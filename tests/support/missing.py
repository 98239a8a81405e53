"""Handles a program from outside that a test needs and this machine lacks.

On a developer's machine the test is skipped, and the summary of `make test` repeats the reason. With `CI=true` the test
fails.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[2]
"""The folder of the checkout."""


def in_ci() -> bool:
    """Returns whether a missing program must fail the run."""
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}


def missing(piece: str, why: str) -> NoReturn:
    """Skips the running test, or fails it in CI."""
    reason = f"not run: {piece}: {why}"
    if in_ci():
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
