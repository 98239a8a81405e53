"""A lab for the contract of brokers with servers that are fakes."""

from __future__ import annotations

from typing import Any

from gdpeer.cluster.broker.open import open_broker
from tests.support.broker_contract import Lab
from tests.support.fake_server import FakeServer


class FakeLab(Lab):
    """Brokers of a server in a thread of this process."""

    def __init__(self, server: FakeServer) -> None:
        super().__init__()
        self.server = server

    def open(self) -> Any:
        self.brokers.append(open_broker(self.server.url, "test", self.run_soon))
        return self.brokers[-1]

    def advance(self, seconds: float) -> None:
        with self.server.lock:
            self.server.clock.advance(seconds)

    def stop(self) -> None:
        self.server.kill()

    def start(self, empty: bool = False) -> None:
        self.server.start(empty)
