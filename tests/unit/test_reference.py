"""What `tools.reference` finds missing in the reference; `make docs` asks it about the real pages."""

from __future__ import annotations

import importlib

import pytest

from tools.reference import MODULES, undescribed


@pytest.fixture(scope="module")
def names() -> list[str]:
    """Of everything public, without members."""
    return [f"{module}.{name}" for module in MODULES for name in importlib.import_module(module).__all__]


def test_names_without_an_entry_are_found(names: list[str]) -> None:
    found = undescribed(())
    assert {"gdpeer.WebSocketServer", "gdpeer.aio.connect", "gdpeer.http.Handler", "gdpeer.prometheus.Metrics"} <= {
        *found
    }
    assert "gdpeer.http" not in found
    assert "gdpeer.OK" not in found
    assert not {*names} & {*undescribed(names)}


def test_members_without_an_entry_or_a_line_are_found(names: list[str]) -> None:
    found = undescribed(names)
    assert {
        "gdpeer.WebSocketServer.max_pending",  # a setting
        "gdpeer.SceneMultiplayer.rpc_rate",  # set in the constructor of a class that no page shows
        "gdpeer.WebSocketMultiplayerPeer.stats",
        "gdpeer.aio.Server.wait_closed",
    } <= {*found}
    told = {
        "gdpeer.WebSocketServer.backlog",  # under "Attributes"
        "gdpeer.Basis.x",  # with others in one line
        "gdpeer.Array.append",  # a list's
        "gdpeer.WebSocketPeer.STATE_OPEN",  # beside its enumeration
        "gdpeer.SceneMultiplayer.transmit",  # for gdpeer itself
    }
    assert not told & {*found}


def test_an_entry_of_a_base_counts_for_those_below(names: list[str]) -> None:
    assert "gdpeer.WebSocketMultiplayerPeer.put_control_to" in undescribed(names)
    entries = [*names, "gdpeer.MultiplayerPeer.put_control_to"]
    assert "gdpeer.WebSocketMultiplayerPeer.put_control_to" not in undescribed(entries)
