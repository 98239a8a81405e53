"""Certificates for localhost, one set for all tests here; and which front is under test."""

from __future__ import annotations

import pytest

from tests.interop import fronts
from tests.support.certificates import Certificates, make_certificates


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves to `make test-all` what other cases prove already.

    The asyncio front meets Godot 4 without TLS in `make test`; the polled classes meet both engines, with TLS and
    without. `published` programs on both sides prove the test itself.
    """
    for item in items:
        given = getattr(item, "callspec", None)
        if given is None or not item.nodeid.startswith("tests/interop/"):
            continue
        is_more = given.params.get("secure") or given.params.get("version") == "3"
        is_sure = given.params.get("server") == given.params.get("client") == "published"
        if is_sure or (given.params.get("each_front") == "aio" and is_more):
            item.add_marker(pytest.mark.extended)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(params=["polling", "aio"])
def each_front(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has rooms and clients of ours be polled, or run in asyncio."""
    monkeypatch.setattr(fronts, "front", request.param)
