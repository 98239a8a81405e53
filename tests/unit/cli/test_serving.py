"""Where to listen, and what is printed of it."""

from __future__ import annotations

import pytest

from gdpeer.cli.failure import Failure
from gdpeer.cli.serving import address, resolve


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "ws://127.0.0.1:9001/"),
        ("localhost", "ws://localhost:9001/"),
        ("::1", "ws://[::1]:9001/"),
        ("*", "ws://localhost:9001/"),
        ("0.0.0.0", "ws://localhost:9001/"),
        ("::", "ws://localhost:9001/"),
        ("unix:/run/echo", "unix:/run/echo"),
    ],
)
def test_the_address_that_is_printed(host: str, url: str) -> None:
    assert address("ws", host, 9001) == url


@pytest.mark.parametrize("host", ["*", "0.0.0.0", "::", "192.0.2.1", "::1", "unix:relative"])
def test_addresses_stay_as_they_are(host: str) -> None:
    assert resolve(host) == host


def test_a_name_becomes_an_address() -> None:
    assert resolve("localhost") in ("127.0.0.1", "::1")


@pytest.mark.parametrize("host", ["no.such.host.invalid", "", "a" * 64, "two words"])
def test_a_name_that_is_not_known(host: str) -> None:
    with pytest.raises(Failure, match=f"cannot listen on {host}: ."):
        resolve(host)
