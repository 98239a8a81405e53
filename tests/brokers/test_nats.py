"""The contract of brokers (`tests/support/broker_contract.py`) with NATS, and what only NATS has."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gdpeer.cluster.broker.base import Away, BadValue, Unsupported
from gdpeer.cluster.broker.nats import load_nats
from tests.brokers.labs import NatsLab, recipe
from tests.support.broker_contract import Lab, ServerContract
from tests.support.brokers import NatsServer, certificate

SECRET = "S3CRET/@:x"
QUOTED = "S3CRET%2F%40%3Ax"
STORE = 'jetstream { store_dir: "." }\n'


@pytest.fixture
def lab(nats_server: NatsServer) -> Iterator[NatsLab]:
    lab = NatsLab(nats_server)
    yield lab
    lab.close()


class TestContract(ServerContract):
    @pytest.fixture
    def lab(self, nats_server: NatsServer) -> Iterator[Lab]:
        lab = NatsLab(nats_server)
        yield lab
        lab.close()


class OtherServer(NatsServer):
    """NATS with a configuration of the test."""

    def __init__(self, folder: Path, settings: str) -> None:
        super().__init__(folder)
        self.settings = settings


async def bucket_of(server: NatsServer, name: str) -> Any:
    client = await load_nats().connect(server.url)
    try:
        return await client.jetstream().stream_info(f"KV_{name}")
    finally:
        await client.close()


def test_each_lifetime_has_a_bucket(lab: NatsLab) -> None:
    broker = lab.open()
    lab.wait(broker.get("r:X"))
    found = {}
    for word in ("w", "save", "all"):
        info = asyncio.run(bucket_of(lab.server, f"gdp_{lab.namespace}_{word}"))
        found[word] = info.config.max_age or None
    assert found == {"w": 6.0, "save": 3600.0, "all": None}


def test_deleted_entries_leave_nothing_behind(lab: NatsLab) -> None:
    broker = lab.open()
    for number in range(20):
        lab.wait(broker.create(f"r:{number}", {}))
        lab.wait(broker.delete(f"r:{number}"))
    messages = 1
    for _ in range(50):
        messages = asyncio.run(bucket_of(lab.server, f"gdp_{lab.namespace}_all")).state.messages
        if not messages:
            break
        lab.settle(0.05)
    assert messages == 0


def test_without_jetstream_all_is_refused_with_the_version(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with OtherServer(tmp_path, "") as server:
        lab = NatsLab(server)
        broker = lab.open_url(server.url)
        for answer in (broker.get("r:X"), broker.publish("dir", {})):
            problem = lab.problem(answer)
            assert isinstance(problem, Unsupported)
            assert "JetStream is off in this NATS 2." in str(problem)
        assert not broker.is_connected
        lab.close()
    assert caplog.text.count("JetStream is off") == 1


def test_a_bucket_with_another_lifetime_is_refused(tmp_path: Path) -> None:
    async def make(url: str) -> None:
        client = await load_nats().connect(url)
        await client.jetstream().create_key_value(bucket="gdp_prod_w", ttl=60)
        await client.close()

    with OtherServer(tmp_path, STORE) as server:
        asyncio.run(make(server.url))
        lab = NatsLab(server)
        problem = lab.problem(lab.open_url(server.url, "prod").get("r:X"))
        lab.close()
    assert isinstance(problem, Unsupported)
    assert "gdp_prod_w of this NATS keeps entries for 60.0 s, and not for 6.0 s" in str(problem)


def test_a_value_beyond_the_limit_of_the_server_is_refused_with_the_setting(tmp_path: Path) -> None:
    with OtherServer(tmp_path, STORE) as server:
        lab = NatsLab(server)
        broker = lab.open()
        problem = lab.problem(broker.create("save:X", {"data": "x" * 1_100_000}))
        assert isinstance(problem, BadValue)
        assert "set its max_payload to 2MB" in str(problem)
        lab.wait(broker.create("save:X", {"data": "x" * 900_000}))
        lab.close()


def test_what_others_wrote_is_refused(lab: NatsLab) -> None:
    broker = lab.open()
    lab.wait(broker.create("r:good", {}))

    async def write() -> None:
        client = await load_nats().connect(lab.server.url)
        for name in ("r.=FF", "r.a.b.c"):
            await client.jetstream().publish(f"$KV.gdp_{lab.namespace}_all.{name}", b"{}")
        await client.close()

    asyncio.run(write())
    assert "r:good" in [entry.key for entry in lab.wait(broker.scan("r:"))]
    assert "r:good" in [entry.key for entry in lab.wait(broker.scan(""))]


def test_the_account_of_the_recipe_is_enough(tmp_path: Path) -> None:
    settings = recipe("brokers.md", "accounts {").replace("PASSWORD", SECRET)
    with OtherServer(tmp_path, settings + STORE) as server:
        lab = NatsLab(server)
        broker = lab.open_url(server.url.replace("//", f"//gdpeer:{QUOTED}@"))
        revision = lab.wait(broker.create("w:a", {}))
        revision = lab.wait(broker.update("w:a", {}, revision))
        assert [entry.revision for entry in lab.wait(broker.scan("w:"))] == [revision]
        broker.subscribe("w.a", lambda message: message.reply({"ok": 1}))
        assert lab.wait(broker.request("w.a", {})) == {"ok": 1}
        lab.wait(broker.delete("w:a", revision))
        lab.close()


@pytest.mark.parametrize("who", [f"gdpeer:{QUOTED}x@", f"{QUOTED}@", ""])
def test_a_wrong_password_is_told_without_repeating_it(tmp_path: Path, who: str, caplog: Any) -> None:
    settings = f'authorization {{ user: gdpeer, password: "{SECRET}" }}\n{STORE}'
    with OtherServer(tmp_path, settings) as server, caplog.at_level(logging.DEBUG):
        lab = NatsLab(server)
        broker = lab.open_url(server.url.replace("//", f"//{who}"))
        problem = lab.problem(broker.get("r:X"))
        lab.settle(0.3)
        lab.close()
    assert isinstance(problem, Away)
    assert "authorization violation" in str(problem).lower()
    assert "S3CRET" not in f"{caplog.text} {problem!r} {broker!r} {broker.shown}"


def test_the_second_of_two_servers_is_taken_when_the_first_is_gone(lab: NatsLab) -> None:
    broker = lab.open_url(f"nats://127.0.0.1:1,{lab.server.url}")
    lab.wait(broker.create("r:X", {}))


def test_tls_checks_the_certificate(tmp_path: Path) -> None:
    own, key, authority = certificate(tmp_path)
    with OtherServer(tmp_path, f'tls {{ cert_file: "{own}", key_file: "{key}" }}\n{STORE}') as server:
        lab = NatsLab(server)
        url = server.url.replace("nats:", "tls:")
        broker, stranger = lab.open_url(f"{url}?ca={authority}"), lab.open_url(url)
        lab.wait(broker.create("r:X", {"n": 1}))
        problem = lab.problem(stranger.get("r:X"))
        lab.close()
    assert isinstance(problem, Away)
    assert "certificate" in str(problem).lower()
