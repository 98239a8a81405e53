"""URLs of brokers: what is read of them, and what is shown."""

from __future__ import annotations

import pytest

from gdpeer.cluster.broker.address import Address, check_namespace

URLS = [
    "redis://ann:S3CRET@host:6379/0",
    "redis://:S3CRET@host",
    "rediss://S3CRET@host?password=S3CRET",
    "nats://a:S3CRET@one:4222,nats://b:S3CRET@two:4222",
    "nats://ann:S3%2FCRET@host",
    "tls://ann:S3CRET@[::1]:4222?ca=/S3CRET",
]
BAD = [
    "redis://",
    "redis://ann:S3CRET@",
    "redis://ann:S3CRET@host:port",
    "redis://ann:S3CRET@host:99999",
    "redis://ann:S3/CRET@host",
    "nats://host:4222,",
    "redis://[::1:S3CRET@/",
    "redis://:6379",
]


@pytest.mark.parametrize("url", URLS)
def test_no_secret_is_shown(url: str) -> None:
    address = Address(url)
    assert "S3CRET" not in f"{address.shown} {address!r}".replace("S3%2FCRET", "S3CRET")
    assert "host" in address.shown or "one" in address.shown or "::1" in address.shown


@pytest.mark.parametrize("url", BAD)
def test_a_url_without_host_or_with_a_wrong_port_is_refused_without_its_secrets(url: str) -> None:
    with pytest.raises(ValueError, match="host and a port") as caught:
        Address(url)
    assert "CRET" not in f"{caught.value!r} {caught.value.__cause__!r}"
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_texts_of_libraries_lose_the_secrets() -> None:
    address = Address("redis://ann:S3CRET%2F1@host")
    assert address.clean("no user ann with S3CRET/1 or S3CRET%2F1\n") == "no user *** with *** or ***\\n"


def test_the_options_are_those_of_the_last_url() -> None:
    address = Address("TLS://a:4222, tls://b:4222?ca=/x/y.pem&ca=/z.pem")
    assert address.scheme == "tls"
    assert address.options == {"ca": "/z.pem"}
    assert address.urls == ["TLS://a:4222", "tls://b:4222?ca=/x/y.pem&ca=/z.pem"]


@pytest.mark.parametrize(
    ("url", "is_here"),
    [
        ("redis://localhost", True),
        ("nats://127.0.0.2:4222,nats://[::1]", True),
        ("nats://localhost,nats://10.0.0.2", False),
        ("redis://10.0.0.2", False),
        ("redis://redis.example", False),
    ],
)
def test_whether_the_broker_is_on_this_machine(url: str, is_here: bool) -> None:
    assert Address(url).is_here == is_here


@pytest.mark.parametrize("namespace", ["", "a b", "a.b", "ä", "x" * 33, "a\n"])
def test_a_namespace_that_a_broker_could_not_have_is_refused(namespace: str) -> None:
    with pytest.raises(ValueError, match="namespace"):
        check_namespace(namespace)


def test_a_namespace() -> None:
    assert check_namespace("prod_1-b") == "prod_1-b"
