"""`open_broker`: which broker a URL gives, and what is wrong with other URLs."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from gdpeer.clock import ManualClock
from gdpeer.cluster.broker.memory import MemoryBroker
from gdpeer.cluster.broker.open import open_broker
from gdpeer.cluster.broker.thread import ThreadBroker
from tests.support.ports import free_port


def nobody(callback: Callable[[], object]) -> None:
    """Takes the place of a hall that is not polled."""


def test_memory() -> None:
    clock = ManualClock()
    calls: list[Callable[[], object]] = []
    broker = open_broker("memory:", "test", calls.append, clock)
    assert isinstance(broker, MemoryBroker)
    assert broker.is_connected
    broker.create("w:a", {})
    calls.pop()()
    clock.advance(6.0)
    answer = broker.get("w:a")
    calls.pop()()
    assert answer.result() is None


@pytest.mark.parametrize("scheme", ["redis", "rediss", "nats", "tls", "NATS"])
def test_servers(scheme: str) -> None:
    broker = open_broker(f"{scheme}://ann:S3CRET@127.0.0.1:{free_port()}", "test", nobody)
    assert isinstance(broker, ThreadBroker)
    assert not broker.is_connected
    assert "S3CRET" not in broker.shown
    broker.close()


@pytest.mark.parametrize(
    "url",
    [
        "usr:S3CRET@host",
        "http://usr:S3CRET@host",
        "redis:/usr:S3CRET@host",
        "S3CRET://host",
        "redis://usr:S3CRET@",
        "memory",
        "",
        "memory:S3CRET",
    ],
)
def test_other_urls_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="URL of") as caught:
        open_broker(url, "test", nobody)
    assert "S3CRET" not in repr(caught.value)


def test_a_wrong_namespace_is_refused() -> None:
    with pytest.raises(ValueError, match="namespace"):
        open_broker("memory:", "a b", nobody)


@pytest.mark.parametrize(("scheme", "module"), [("redis", "redis.asyncio"), ("tls", "nats.js.errors")])
def test_a_missing_library_is_named_with_its_extra(scheme: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    extra = "redis" if scheme == "redis" else "nats"
    with pytest.raises(ImportError, match=rf'pip install "gdpeer\[{extra}\]"'):
        open_broker(f"{scheme}://host", "test", nobody)
