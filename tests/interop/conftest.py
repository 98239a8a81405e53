"""Certificates for localhost, one set for all tests here; and which front is under test."""

from __future__ import annotations

import pytest

from tests.interop import fronts
from tests.support.certificates import Certificates, make_certificates


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(params=["polling", "aio"])
def each_front(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has rooms and clients of ours be polled, or run in asyncio."""
    monkeypatch.setattr(fronts, "front", request.param)
