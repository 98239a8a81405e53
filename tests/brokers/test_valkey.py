"""The contract of brokers (`tests/support/broker_contract.py`) with Valkey, which gdpeer uses as if it were Redis."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gdpeer.cluster.broker.redis import load_redis
from tests.brokers.labs import RedisLab, check_recipe_of_redis
from tests.support.broker_contract import Lab, ServerContract
from tests.support.brokers import ValkeyServer


@pytest.fixture(scope="module")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    with ValkeyServer(tmp_path_factory.mktemp("valkey")) as server:
        yield server


class TestContract(ServerContract):
    @pytest.fixture
    def lab(self, valkey_server: ValkeyServer) -> Iterator[Lab]:
        lab = RedisLab(valkey_server)
        yield lab
        lab.close()


def test_the_server_is_valkey(valkey_server: ValkeyServer) -> None:
    with load_redis().Redis.from_url(valkey_server.url) as client:
        about = client.info("server")
    print(f"Valkey {about['valkey_version']}, which says that it is Redis {about['redis_version']}")
    assert about["server_name"] == "valkey"


def test_the_user_of_the_recipe_may_do_what_is_needed_and_nothing_else(tmp_path: Path) -> None:
    check_recipe_of_redis(ValkeyServer, tmp_path)
