"""What the tests of the blocking front share: certificates, and that no thread is left behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.support.certificates import Certificates, make_certificates
from tests.support.waiting import until
from tests.unit.blocking.support import PATIENCE


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    until(lambda: not set(threading.enumerate()) - before, PATIENCE)
