"""`NatsLink` with a fake server: the contract of brokers, names as subjects, and what NATS may refuse."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gdpeer.cluster.broker import nats
from gdpeer.cluster.broker.base import Away, BadValue, BrokerError, Conflict, Unsupported
from gdpeer.cluster.broker.nats import decode_key, decode_name, encode_key, encode_name
from tests.support.broker_contract import NAMES, Lab, ThreadContract
from tests.support.fake_nats import FakeNats, Refused, Stored
from tests.unit.cluster.broker.labs import FakeLab


class NatsLab(FakeLab):
    server: FakeNats

    def inject(self, key: str, data: bytes) -> None:
        with self.server.lock:
            stream = self.server.streams["KV_gdp_test_all"]
            stream.number += 1
            subject = f"$KV.gdp_test_all.{encode_key(key)}"
            stream.messages[subject] = Stored(stream.number, {}, data, self.server.clock.now())


@pytest.fixture
def lab() -> Iterator[Lab]:
    with FakeNats() as server:
        lab = NatsLab(server)
        yield lab
        lab.close()


class TestContract(ThreadContract):
    """With a fake of NATS."""


# ------------------------------------------------------------------------------------------------ names


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_any_text_is_one_token_of_a_subject(name: str) -> None:
    token = encode_name(name)
    assert decode_name(token) == name
    assert token
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=")
    assert decode_key(encode_key(f"p:{name}")) == f"p:{name}"


def test_names_that_people_read() -> None:
    assert encode_key("r:K7Q2M3") == "r.K7Q2M3"
    assert encode_key("w.ann-1", ".") == "w.ann-1"
    assert encode_key("p:Jörg B.") == "p.J=C3=B6rg=20B=2E"
    assert encode_key("dir") == decode_key("dir") == "dir"


def test_the_revision_of_a_bucket_is_when_it_was_made() -> None:
    made = datetime(2026, 12, 1, 3, 0, 0, 123_456, tzinfo=UTC)
    base = nats._base(made)
    assert base == int(made.timestamp() * 100) * 10_000
    assert nats._base("2026-12-01T03:00:00.123456789Z") == base
    assert nats._base(made + timedelta(milliseconds=10)) == base + 10_000
    assert nats._base(None) == 0


# ------------------------------------------------------------------------------------------------ refusals


def test_a_version_that_is_too_old_is_refused(lab: Any) -> None:
    lab.server.version = "2.8.4"
    problem = lab.problem(lab.open().get("r:X"))
    assert isinstance(problem, Unsupported)
    assert "NATS 2.8.4 is too old" in str(problem)


def test_a_server_without_jetstream_is_refused_with_its_version(lab: Any) -> None:
    lab.server.has_jetstream = False
    problem = lab.problem(lab.open().get("r:X"))
    assert isinstance(problem, Unsupported)
    assert "JetStream is off in this NATS 2.9.10: start nats-server with -js" in str(problem)


def test_a_bucket_with_another_lifetime_is_refused(lab: Any) -> None:
    lab.wait(lab.open().get("r:X"))
    lab.server.streams["KV_gdp_test_save"].config["max_age"] = 0
    problem = lab.problem(lab.open().get("r:X"))
    assert isinstance(problem, Unsupported)
    assert "gdp_test_save of this NATS keeps entries for ever s, and not for 3600.0 s" in str(problem)


def test_a_value_beyond_the_limit_of_the_server_is_refused_with_the_setting(lab: Any) -> None:
    lab.server.max_payload = 1_000_000
    broker = lab.open()
    problem = lab.problem(broker.create("save:X", {"data": "x" * 1_100_000}))
    assert isinstance(problem, BadValue)
    assert "1,000,000 bytes at most: set its max_payload to 2MB" in str(problem)
    assert broker.is_connected


@pytest.mark.parametrize(
    ("refused", "kind"),
    [
        (Refused(400, 10077, "maximum bytes exceeded"), BrokerError),
        (Refused(503, 10008, "JetStream system temporarily unavailable"), Away),
        (Refused(500, 10000, "internal"), Away),
    ],
)
def test_what_jetstream_refuses(lab: Any, refused: Refused, kind: type[BrokerError]) -> None:
    broker = lab.open()
    lab.wait(broker.create("r:X", {}))
    for call in (lambda: broker.create("r:Y", {}), lambda: broker.delete("r:X")):
        lab.server.refuses = refused
        assert type(lab.problem(call())) is kind
        lab.server.refuses = None
        assert lab.retry(lambda: broker.get("r:X")) is not None


def test_workers_that_make_the_same_bucket_at_once_wait_for_each_other(lab: Any) -> None:
    lab.server.refuses_buckets = 3
    lab.wait(lab.open().create("r:X", {}))
    assert lab.server.refuses_buckets == 0


def test_an_entry_is_made_although_the_mark_of_its_removal_is_forgotten_meanwhile(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nats.js.errors import KeyNotFoundError
    from nats.js.kv import KeyValue

    create, failures = KeyValue.create, [KeyNotFoundError()]

    async def create_late(self: Any, *words: Any, **more: Any) -> int:
        if failures:
            raise failures.pop()
        return await create(self, *words, **more)

    monkeypatch.setattr(KeyValue, "create", create_late)
    assert lab.wait(lab.open().create("r:X", {})) > 0


def test_a_bucket_that_is_removed_is_made_again(lab: Any) -> None:
    broker = lab.open()
    lab.wait(broker.create("r:X", {}))
    with lab.server.lock:
        lab.server.streams.clear()
    lab.until(lambda: len(lab.server.streams) == 3)
    lab.until(lambda: broker.is_connected)


def test_entries_of_others_are_left_out(lab: Any) -> None:
    broker = lab.open()
    lab.wait(broker.create("r:good", {}))
    with lab.server.lock:
        stored = Stored(99, {}, b"{}", lab.server.clock.now())
        lab.server.streams["KV_gdp_test_all"].messages["$KV.gdp_test_all.r.=FF"] = stored
    assert [entry.key for entry in lab.wait(broker.scan("r:"))] == ["r:good"]


def test_the_other_of_two_servers_is_taken_when_one_is_gone(lab: Any) -> None:
    lab.server.url = f"nats://127.0.0.1:1,{lab.server.url}"
    for number in range(6):
        lab.wait(lab.open().create(f"r:{number}", {}))


def test_a_server_that_is_gone_is_told_with_the_reason(lab: Any) -> None:
    lab.server.url = "nats://ann:S3CRET@127.0.0.1:1"
    problem = lab.problem(lab.open().get("r:X"))
    assert isinstance(problem, Away)
    assert "connect call failed" in str(problem).lower()


@pytest.mark.parametrize("who", ["ann:S3CRET@", "S3CRET@", ""])
def test_a_server_without_tls_is_refused_if_the_url_says_tls(lab: Any, who: str) -> None:
    lab.server.url = lab.server.url.replace("nats://", f"tls://{who}")
    problem = lab.problem(lab.open().get("r:X"))
    assert isinstance(problem, Away)
    assert "the server offers no TLS" in str(problem)
    assert not any("S3CRET" in line for line in lab.server.heard)


def test_user_and_password_are_sent_as_they_are_meant(lab: Any) -> None:
    lab.server.url = lab.server.url.replace("nats://", "nats://a%40b:S3%2FCRET@")
    lab.wait(lab.open().get("r:X"))
    [line] = {line for line in lab.server.heard if line.startswith("CONNECT")}
    assert '"user": "a@b"' in line
    assert '"pass": "S3/CRET"' in line


def test_a_deleted_entry_leaves_nothing_behind(lab: Any) -> None:
    broker = lab.open()
    lab.wait(broker.create("r:X", {}))
    lab.wait(broker.delete("r:X"))
    lab.until(lambda: not lab.server.streams["KV_gdp_test_all"].messages)


def test_the_revision_of_the_bucket_itself_is_that_of_no_entry(lab: Any) -> None:
    broker = lab.open()
    base = lab.wait(broker.create("r:X", {})) - 1
    assert isinstance(lab.problem(broker.update("r:Y", {}, base)), Conflict)
    assert isinstance(lab.problem(broker.delete("r:Y", base)), Conflict)
