"""`RedisLink` with a fake server: the contract of brokers, and what Redis may refuse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gdpeer.cluster.broker.base import Away, BadValue, BrokerError, Unsupported
from tests.support.broker_contract import Lab, ThreadContract
from tests.support.fake_redis import FakeRedis
from tests.unit.cluster.broker.labs import FakeLab

START = b"gdp:{test}:"


class RedisLab(FakeLab):
    server: FakeRedis

    def inject(self, key: str, data: bytes) -> None:
        self.server.hashes[START + key.encode()] = (data, b"5", float("inf"))


@pytest.fixture
def lab() -> Iterator[Lab]:
    with FakeRedis() as server:
        lab = RedisLab(server)
        yield lab
        lab.close()


class TestContract(ThreadContract):
    """With a fake of Redis."""


@pytest.mark.parametrize("version", ["", "5.0.0", "8.2.1", "unknown"])
def test_versions_that_are_used(lab: Any, version: str) -> None:
    lab.server.version = version
    assert lab.wait(lab.open().get("r:X")) is None


def test_a_version_that_is_too_old_is_refused(lab: Any, caplog: pytest.LogCaptureFixture) -> None:
    lab.server.version = "4.0.14"
    problem = lab.problem(lab.open().get("r:X"))
    assert isinstance(problem, Unsupported)
    assert "Redis 4.0.14 cannot" in str(problem)
    assert "Redis 5.0 can" in caplog.text


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("OOM command not allowed when used memory > 'maxmemory'.", BrokerError),
        ("NOPERM this user has no permissions", BrokerError),
        ("READONLY You can't write against a read only replica.", Away),
        ("LOADING Redis is loading the dataset in memory", Away),
        ("ERR unknown command 'EVAL'", Unsupported),
    ],
)
def test_what_the_server_refuses(lab: Any, text: str, kind: type[BrokerError]) -> None:
    broker = lab.open()
    lab.wait(broker.get("r:X"))
    lab.server.refuses = text
    problem = lab.problem(broker.create("r:X", {}))
    assert type(problem) is kind
    lab.server.refuses = ""
    assert lab.retry(lambda: broker.get("r:X")) is None


def test_entries_of_others_are_left_out(lab: Any) -> None:
    broker = lab.open()
    lab.wait(broker.create("r:good", {}))
    lab.server.hashes[START + b"r:\xff"] = (b"{}", b"5", float("inf"))
    lab.server.hashes[START + b"r:word"] = (b"{}", b"abc", float("inf"))
    lab.server.hashes[START + b"r:long"] = (b"{}", b"9" * 500, float("inf"))
    assert [entry.key for entry in lab.wait(broker.scan("r:"))] == ["r:good"]
    assert isinstance(lab.problem(broker.get("r:long")), BadValue)


def test_broken_answers_to_requests_are_dropped(lab: Any) -> None:
    broker = lab.open()
    broker.subscribe("w.a", lambda message: None)
    lab.wait(broker.get("r:X"))
    with lab.server.lock:
        [inbox] = [channel for channel in lab.server.subscribers if channel.startswith(b"gdp:test:i:")]
        [listener] = lab.server.subscribers[inbox]
        for data in (b"", b"x", b"1", b"1 ok\n{}", b"9" * 30 + b" ok\n{}", b"-1 ok\n"):
            listener.send(b"*3\r\n$7\r\nmessage\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n" % (len(inbox), inbox, len(data), data))
    answer = broker.request("w.a", {}, 0.3)
    lab.problem(answer)
    assert broker.is_connected
