"""The reference in docs/reference: what it leaves out, and how docstrings become Markdown."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from tests.support.missing import ROOT
from tools.reference.docstrings import parse
from tools.reference.missing import MODULES, described, undescribed

PAGES = ROOT / "docs" / "reference"


@pytest.fixture(scope="module")
def names() -> list[str]:
    """Of everything public, without members."""
    return [f"{module}.{name}" for module in MODULES for name in importlib.import_module(module).__all__]


def test_the_pages_describe_every_public_name_and_member() -> None:
    found = described(PAGES)
    assert undescribed(found) == []
    assert {
        "gdpeer.WebSocketServer.max_pending",  # a setting
        "gdpeer.SceneMultiplayer.rpc_rate",  # set in the constructor of a class that no page shows
        "gdpeer.WebSocketServer.client_connected",  # a signal
        "gdpeer.Vector2.from_angle",  # a method in a table
        "gdpeer.aio.Server.wait_closed",
        "gdpeer.prometheus.Metrics",
    } <= found


def test_names_without_an_entry_are_found(names: list[str]) -> None:
    found = undescribed(())
    assert {"gdpeer.WebSocketServer", "gdpeer.aio.connect", "gdpeer.http.Handler", "gdpeer.prometheus.Metrics"} <= {
        *found
    }
    assert "gdpeer.http" not in found
    assert "gdpeer.OK" not in found
    assert not {*names} & {*undescribed(names)}


def test_members_without_an_entry_are_found(names: list[str]) -> None:
    found = undescribed(names)
    assert {
        "gdpeer.WebSocketServer.max_pending",
        "gdpeer.SceneMultiplayer.rpc_rate",
        "gdpeer.WebSocketMultiplayerPeer.stats",
        "gdpeer.aio.Server.wait_closed",
    } <= {*found}
    told = {
        "gdpeer.Array.append",  # a list's
        "gdpeer.WebSocketPeer.STATE_OPEN",  # beside its enumeration
        "gdpeer.SceneMultiplayer.transmit",  # for gdpeer itself
    }
    assert not told & {*found}


def test_an_entry_of_a_base_counts_for_those_below(names: list[str]) -> None:
    assert "gdpeer.WebSocketMultiplayerPeer.put_control_to" in undescribed(names)
    entries = [*names, "gdpeer.MultiplayerPeer.put_control_to"]
    assert "gdpeer.WebSocketMultiplayerPeer.put_control_to" not in undescribed(entries)


def test_headings_and_lines_of_tables_describe(tmp_path: Path) -> None:
    lines = ["## `WebSocketPeer`", "| Name |", "|---|", "| `proxy` |", "### `WebSocketPeer.ping()`", "## `aio.Server`"]
    (tmp_path / "page.md").write_text("\n".join([*lines, "| `port`, `engine` | x |", ""]))
    assert described(tmp_path) == {
        "gdpeer.WebSocketPeer",
        "gdpeer.WebSocketPeer.proxy",
        "gdpeer.WebSocketPeer.ping",
        "gdpeer.aio.Server",
        "gdpeer.aio.Server.port",
        "gdpeer.aio.Server.engine",
    }


DOCSTRING = """Sends *one* message, as `a * b`.

    send(b"x")  # at <once>

Args:
    message: 0 or more
        bytes.
    first, *others: an `x: y` of them.

Returns:
    `FAILED` unless open; else `OK`.

Raises:
    ValueError, TypeError: no text.
"""


def test_docstrings_are_taken_apart() -> None:
    found = parse(DOCSTRING)
    assert found.text == 'Sends \\*one\\* message, as `a * b`.\n\n```python\nsend(b"x")  # at <once>\n```'
    assert found.of("Args") == [
        (("message",), "0 or more bytes."),
        (("first", "*others"), "an `x: y` of them."),
    ]
    assert found.of("Returns") == [((), "`FAILED` unless open; else `OK`.")]
    assert found.of("Raises") == [(("ValueError", "TypeError"), "no text.")]
    assert found.of("Attributes") == []


def test_codes_that_are_returned_are_entries_of_their_own() -> None:
    found = parse("Sends.\n\nReturns:\n    OK: it was sent.\n    FAILED: the connection\n        is not open.\n")
    assert found.of("Returns") == [(("OK",), "it was sent."), (("FAILED",), "the connection is not open.")]
