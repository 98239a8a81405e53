"""The path by which `gdpeer echo --fanout` tells its peers apart."""

from __future__ import annotations

import pytest

from gdpeer.cli.echo import path_of


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("ws://host/fanout", "/fanout"),
        ("wss://host:9001/fanout?x=/y", "/fanout"),
        ("ws://host/a/fanout", "/a/fanout"),
        ("ws://host/", "/"),
        ("ws://host", "/"),
        ("ws://[not an address/fanout", "/fanout"),
        ("", "/"),
    ],
)
def test_the_path_of_a_url(url: str, path: str) -> None:
    assert path_of(url) == path
