"""Says which form of gdpeer is under test, and refuses to run against another one than was asked for."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest

import gdpeer
from gdpeer import logs
from gdpeer.multiplayer.rpc.mismatch import SEARCHES
from gdpeer.testing import plugin
from tests.support.forms import FORM


def pytest_report_header() -> str:
    """The form, and where it comes from."""
    return f"gdpeer: {FORM}, {Path(gdpeer.__file__).parent}"


def pytest_configure(config: pytest.Config) -> None:
    """Ends the run when GDPEER_FORM asks for the other form. Adds the fixtures if gdpeer is not installed."""
    if not config.pluginmanager.is_registered(plugin):
        config.pluginmanager.register(plugin)
    wanted = os.environ.get("GDPEER_FORM", FORM)
    if wanted != FORM:
        pytest.exit(f"gdpeer is {FORM} here, not {wanted}", returncode=3)


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    """What an earlier test has logged, or searched for, holds back nothing of this test."""
    logs.forget()
    SEARCHES.clear()


@pytest.fixture(scope="module", autouse=True)
def _short_collections() -> None:
    """Hides what pytest keeps from the garbage collector, which hundreds of tests call: each call is then short."""
    gc.collect()
    gc.freeze()
