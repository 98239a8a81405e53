"""The contract of brokers (`tests/support/broker_contract.py`) with Redis and NATS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.brokers.labs import NatsLab, RedisLab
from tests.support.broker_contract import Lab, ServerContract
from tests.support.brokers import NatsServer, RedisServer


class TestRedis(ServerContract):
    @pytest.fixture
    def lab(self, redis_server: RedisServer) -> Iterator[Lab]:
        lab = RedisLab(redis_server)
        yield lab
        lab.close()


class TestNats(ServerContract):
    @pytest.fixture
    def lab(self, nats_server: NatsServer) -> Iterator[Lab]:
        lab = NatsLab(nats_server)
        yield lab
        lab.close()
