"""Runs each `async def` test in every kind of loop, and holds it to leave nothing behind."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path

import pytest

from tests.support.certificates import Certificates, make_certificates
from tests.unit.aio.support import LOOPS, Loops, run


@pytest.fixture(autouse=True, params=LOOPS.values(), ids=LOOPS)
def new_loop(request: pytest.FixtureRequest) -> Loops:
    """Makes a loop of the kind that is under test."""
    return request.param


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """A coroutine is run to its end, within a limit."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    run(pyfuncitem.obj(**arguments), pyfuncitem.funcargs["new_loop"])
    return True


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(autouse=True)
def _no_debug_noise(caplog: pytest.LogCaptureFixture) -> None:
    """Debug mode tells of slow steps, which a loaded machine has."""
    caplog.set_level("ERROR", logger=asyncio.__name__)


@pytest.fixture
def socket_path() -> str:
    """A path short enough for a Unix socket."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        yield str(Path(folder, "socket"))
