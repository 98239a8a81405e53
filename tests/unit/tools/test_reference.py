"""The reference in docs/reference: what it leaves out, and how docstrings become Markdown."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from tests.support.missing import ROOT
from tools.reference.docstrings import parse
from tools.reference.missing import MODULES, described, undescribed
from tools.reference.settings import defaults_table, options_table, with_tables

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


def test_the_tables_of_settings_name_the_defaults_of_each_class_and_of_the_options() -> None:
    assert "| `max_queued_packets` | 4,096 | 1,024 | 1,024 | 4,096 | Messages that may wait" in defaults_table()
    assert "| `allowed_paths` |  |  | None |  | Paths" in defaults_table()
    assert "| `open_timeout` | `connect_timeout`, `handshake_timeout` | 10 |" in options_table()
    assert '| `compression` | `compression`: `"deflate"` or None | None |' in options_table()


def test_a_page_without_a_place_for_its_table_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "limits.md").write_text("# Limits\n")
    with pytest.raises(ValueError, match=r"limits\.md: the marks"):
        with_tables(tmp_path)
