"""The contract of brokers (`tests/support/broker_contract.py`) with Redis, and what only Redis has."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gdpeer.cluster.broker.base import Away, BadValue, BrokerError
from gdpeer.cluster.broker.redis import load_redis
from tests.brokers.labs import QUOTED, SECRET, RedisLab, check_recipe_of_redis
from tests.support.broker_contract import Lab, ServerContract
from tests.support.brokers import RedisServer, certificate


@pytest.fixture
def lab(redis_server: RedisServer) -> Iterator[RedisLab]:
    lab = RedisLab(redis_server)
    yield lab
    lab.close()


class TestContract(ServerContract):
    @pytest.fixture
    def lab(self, redis_server: RedisServer) -> Iterator[Lab]:
        lab = RedisLab(redis_server)
        yield lab
        lab.close()


def client_of(server: RedisServer) -> Any:
    return load_redis().Redis.from_url(server.url)


def test_lifetimes_are_those_of_the_first_word(lab: RedisLab) -> None:
    broker = lab.open()
    for key in ("w:a", "save:K7Q2M3", "r:K7Q2M3"):
        revision = lab.wait(broker.create(key, {}))
        lab.wait(broker.update(key, {}, revision))
    with client_of(lab.server) as client:
        lifetimes = [client.pttl(f"gdp:{{{lab.namespace}}}:{key}") for key in ("w:a", "save:K7Q2M3", "r:K7Q2M3")]
    assert 4_000 < lifetimes[0] <= 6_000
    assert 3_590_000 < lifetimes[1] <= 3_600_000
    assert lifetimes[2] == -1


def test_all_keys_of_a_namespace_share_their_part_in_braces(lab: RedisLab) -> None:
    broker = lab.open()
    for key in ("r:K7Q2M3", "save:K7Q2M3", "p:{x}"):
        lab.wait(broker.create(key, {}))
    with client_of(lab.server) as client:
        keys = client.keys(f"gdp:{{{lab.namespace}}}*")
    assert len(keys) == 4
    assert {key.partition(b"{")[2].partition(b"}")[0].decode() for key in keys} == {lab.namespace}


def test_what_others_wrote_is_refused(lab: RedisLab) -> None:
    broker = lab.open()
    start = f"gdp:{{{lab.namespace}}}:"
    with client_of(lab.server) as client:
        client.set(f"{start}r:text", "x")
        client.hset(f"{start}r:none", "v", "{}")
        client.hset(f"{start}r:word", mapping={"v": "{}", "r": "abc"})
        client.hset(f"{start}r:long", mapping={"v": "{}", "r": "9" * 500})
        client.hset(start.encode() + b"r:\xff", mapping={"v": "{}", "r": "1"})
    lab.wait(broker.create("r:good", {}))
    assert [entry.key for entry in lab.wait(broker.scan("r:"))] == ["r:good"]
    for name in ("text", "none", "word", "long"):
        assert isinstance(lab.problem(broker.get(f"r:{name}")), BadValue)
    assert isinstance(lab.problem(broker.create("r:text", {})), BrokerError)
    lab.wait(broker.delete("r:text"))
    lab.wait(broker.create("r:text", {}))
    assert broker.is_connected


def test_revisions_grow_when_the_clock_of_the_server_goes_back(lab: RedisLab) -> None:
    broker = lab.open()
    first = lab.wait(broker.create("s:AB", {}))
    ahead = first + 10**12
    with client_of(lab.server) as client:
        client.set(f"gdp:{{{lab.namespace}}}#revision", ahead)
    assert lab.wait(broker.update("s:AB", {}, first)) == ahead + 1


def test_the_user_of_the_recipe_may_do_what_is_needed_and_nothing_else(tmp_path: Path) -> None:
    check_recipe_of_redis(RedisServer, tmp_path)


@pytest.mark.parametrize("who", [f"gdpeer:{QUOTED}x@", f":{QUOTED}@", ""])
def test_a_wrong_password_is_told_without_repeating_it(tmp_path: Path, who: str, caplog: Any) -> None:
    (tmp_path / "users.acl").write_text(f"user default off\nuser gdpeer on >{SECRET} ~* &* +@all\n")
    with RedisServer(tmp_path, "--aclfile", str(tmp_path / "users.acl")) as server, caplog.at_level(logging.DEBUG):
        lab = RedisLab(server)
        broker = lab.open_url(server.url.replace("//", f"//{who}"))
        problem = lab.problem(broker.get("r:X"))
        lab.settle(0.3)
        lab.close()
    assert isinstance(problem, Away)
    assert "auth" in str(problem).lower() or "password" in str(problem).lower()
    told = f"{caplog.text} {problem!r} {broker!r} {broker.shown}"
    assert "cannot be used" in told
    assert "S3CRET" not in told


def test_tls_checks_the_certificate(tmp_path: Path) -> None:
    own, key, authority = certificate(tmp_path)
    options = ["--tls-port", "0", "--tls-cert-file", str(own), "--tls-key-file", str(key)]
    with RedisServer(tmp_path, *options, "--tls-ca-cert-file", str(authority), "--tls-auth-clients", "no") as plain:
        # The port for TLS is the next start's, when the plain port is known to be free.
        plain.kill()
        plain._options = ("--port", "0", "--tls-port", str(plain.port), *options[2:], "--tls-auth-clients", "no")
        plain.start()
        lab = RedisLab(plain)
        url = plain.url.replace("redis:", "rediss:")
        broker, stranger = lab.open_url(f"{url}?ssl_ca_certs={authority}"), lab.open_url(url)
        lab.wait(broker.create("r:X", {"n": 1}))
        problem = lab.problem(stranger.get("r:X"))
        lab.close()
    assert isinstance(problem, Away)
    assert "certificate" in str(problem).lower()
