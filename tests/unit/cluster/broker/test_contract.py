"""The contract of brokers (`tests/support/broker_contract.py`) for the forms that need no server."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from gdpeer.clock import ManualClock
from gdpeer.cluster.broker import link
from gdpeer.cluster.broker.local import LocalBroker, StoreServer
from gdpeer.cluster.broker.memory import MemoryBroker, MemoryStore
from tests.support.broker_contract import BrokerContract, Lab, ThreadContract


class MemoryLab(Lab):
    """All brokers of a store, which runs when the game polls."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.store = MemoryStore(self.clock)

    def open(self) -> Any:
        self.brokers.append(MemoryBroker(self.store))
        return self.brokers[-1]

    def turn(self) -> None:
        self.store.run()
        super().run_waiting()

    def settle(self, seconds: float = 0.2) -> None:
        self.turn()

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def stop(self) -> None:
        for broker in self.brokers:
            broker.cut()

    def start(self, empty: bool = False) -> None:
        if empty:
            self.store.clear()
        for broker in self.brokers:
            broker.join()

    def inject(self, key: str, data: bytes) -> None:
        self.store.write(key, data)


class LocalLab(MemoryLab):
    """Workers of a parent process, which is this process as well: it serves while the game waits."""

    def __init__(self) -> None:
        super().__init__()
        self.server = StoreServer(self.store)
        self.is_stopped = False

    def open(self) -> Any:
        ours, theirs = socket.socketpair()
        self.server.add(ours)
        self.brokers.append(LocalBroker(theirs, self.run_soon))
        return self.brokers[-1]

    def turn(self) -> None:
        if not self.is_stopped:
            self.server.poll(0.005)
        Lab.turn(self) if self.is_stopped else self.run_waiting()

    def settle(self, seconds: float = 0.2) -> None:
        Lab.settle(self, seconds)

    def advance(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.25)):  # the parent is not held up
            super().advance(0.25)
            self.server.settle()

    def serve(self) -> None:
        self.server.poll(0.05)

    def stop(self) -> None:
        self.is_stopped = True

    def start(self, empty: bool = False) -> None:
        self.is_stopped = False
        if empty:
            self.store.clear()

    def close(self) -> None:
        super().close()
        self.server.close()


class TestMemory(BrokerContract):
    @pytest.fixture
    def lab(self) -> Iterator[Lab]:
        lab = MemoryLab()
        yield lab
        lab.close()


class TestLocal(ThreadContract):
    @pytest.fixture
    def lab(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
        for name, seconds in (("VERB_TIME", 1.0), ("STEP_TIME", 0.75), ("OPEN_TIME", 1.0), ("CHECK_EVERY", 0.2)):
            monkeypatch.setattr(link, name, seconds)
        lab = LocalLab()
        yield lab
        lab.close()
