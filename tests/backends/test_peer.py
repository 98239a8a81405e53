"""The peer's list, on every backend."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator

import pytest

from tests.backends import peer_cases
from tests.backends.lab import cases_of
from tests.backends.runners import Backend
from tests.support.processes import Process

pytestmark = [pytest.mark.timeout(120)]


class Other:
    """The server of the cases, started anew when one has killed it."""

    def __init__(self) -> None:
        self._process: Process | None = None
        self._address = ""

    def address(self) -> str:
        if not self._answers():
            self.end()
            self._process = Process([sys.executable, "-m", "tests.backends.server"])
            self._address = "ws://127.0.0.1:" + self._process.wait_for(r"^\d+$")[0]
        return self._address

    def _answers(self) -> bool:
        """Asks the port: a process that is about to end still counts as running."""
        if self._process is None:
            return False
        try:
            socket.create_connection(("127.0.0.1", int(self._address.rpartition(":")[2])), 5.0).close()
        except ConnectionError:
            return False
        return True

    def end(self) -> None:
        if self._process is not None:
            self._process.terminate()


@pytest.fixture(scope="module")
def other() -> Iterator[Other]:
    server = Other()
    yield server
    server.end()


@pytest.mark.parametrize("case", cases_of(peer_cases))
def test_peer(backend: Backend, other: Other, case: str) -> None:
    backend.run(peer_cases, case, other.address())
