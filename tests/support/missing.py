"""A piece from outside that a test needs and that is not on this machine.

A person's machine may lack it: the test is then skipped, with a reason that the closing summary of `make test` repeats.
With `CI=true` it is a failure, never a skip.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""


def in_ci() -> bool:
    """True where a missing piece must fail the run."""
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}


def missing(piece: str, why: str) -> NoReturn:
    """Skips the running test; in CI fails it."""
    reason = f"not run: {piece}: {why}"
    if in_ci():
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
