"""Certificates for localhost, one set for all tests here; and which front is under test."""

from __future__ import annotations

import pytest

from tests.interop import fronts
from tests.support.certificates import Certificates, make_certificates

ONE_IS_ENOUGH = ("test_engine_accept_stream", "test_engine_closes", "test_engine_servers", "test_engine_signals")
"""Files whose tests prove the same with Godot 3 over TLS as with each alone."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves to `make test-all` what other cases prove already.

    In `make test` the asyncio front meets Godot 4 without TLS. The polled classes meet both engines, with TLS and
    without; only the files in `ONE_IS_ENOUGH` leave out Godot 3 over TLS. Godot 3 plays the demo's game once.
    `published` programs on both sides prove the test itself.
    """
    for item in items:
        given = getattr(item, "callspec", None)
        if given is None or not item.nodeid.startswith("tests/interop/"):
            continue
        secure, is_old = bool(given.params.get("secure")), given.params.get("version") == "3"
        name, test = item.path.stem, item.name.partition("[")[0]
        if (
            given.params.get("server") == given.params.get("client") == "published"
            or (given.params.get("each_front") == "aio" and (secure or is_old))
            or (name in ONE_IS_ENOUGH and secure and is_old)
            or (name == "test_roll_engines" and is_old and test != "test_three_players_act_turn_after_turn")
        ):
            item.add_marker(pytest.mark.extended)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(params=["polling", "aio"])
def each_front(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has rooms and clients of ours be polled, or run in asyncio."""
    monkeypatch.setattr(fronts, "front", request.param)
