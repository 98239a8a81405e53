"""Pollers for the tests of this layer."""

from __future__ import annotations

import selectors
from collections.abc import Iterator

import pytest

from gdpeer.clock import ManualClock
from gdpeer.transport.poller import Poller
from gdpeer.transport.readiness import SelectorsBackend


@pytest.fixture(params=["direct", "selectors", "select"])
def poller(request: pytest.FixtureRequest) -> Iterator[Poller]:
    """A poller with the machine's clock, once with each backend."""
    backends = {
        "direct": lambda: None,
        "selectors": SelectorsBackend,
        "select": lambda: SelectorsBackend(selectors.SelectSelector()),
    }
    with Poller(backend=backends[request.param]()) as poller:
        yield poller


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands still."""
    return ManualClock(100.0)


@pytest.fixture
def manual_poller(clock: ManualClock) -> Iterator[Poller]:
    """A poller whose time is moved by hand."""
    with Poller(clock) as poller:
        yield poller
