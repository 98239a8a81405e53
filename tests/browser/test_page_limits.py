"""The limits of docs/howto/limits.md let the pages of the demos in, and their players."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

from gdpeer import OK
from gdpeer.demos.roll.pages import Pages
from gdpeer.demos.roll.table import Table
from tests.browser.tabs import Tab
from tests.browser.test_roll_page import BOOT_LIMIT
from tests.support.missing import ROOT
from tests.support.node import node_modules

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.node, pytest.mark.timeout(180)]

SETTINGS = re.findall(
    r"^server\.(\w+) = (True|False|[\d_]+)\b", (ROOT / "docs/howto/limits.md").read_text(), re.MULTILINE
)


@contextmanager
def limited_table() -> Iterator[Table]:
    """Hosts in a thread, with the limits of the page."""
    table = Table(None)
    assert table.host(0, pages=Pages(node_modules() / "pyodide")) is OK
    for name, value in SETTINGS:
        setattr(table.peer, name, value == "True" if value in ("True", "False") else int(value))
    ends = threading.Event()

    def run() -> None:
        while not ends.is_set():
            table.poll(0.02)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield table
    finally:
        ends.set()
        thread.join()
        table.peer.close()


@pytest.mark.parametrize("names", [["Ann"], pytest.param(["Ann", "Bob"], marks=pytest.mark.extended)])
def test_pages_load_and_their_players_come_in(browser: Browser, names: list[str]) -> None:
    """Pages behind one router, say, each in the time of the others."""
    assert {"max_connections_per_address", "connection_rate", "max_pending"} <= {name for name, _ in SETTINGS}
    with limited_table() as table, ExitStack() as stack:
        address = f"http://127.0.0.1:{table.peer.get_local_port()}/"
        tabs = [stack.enter_context(Tab(browser, address)) for _ in names]
        for tab, name in zip(tabs, names, strict=True):
            tab.page.wait_for_selector("#seat:not([hidden])", timeout=BOOT_LIMIT)
            tab.page.get_by_label("Your name").fill(name)
            tab.page.get_by_label("Your name").press("Enter")
            tab.page.locator("#players .name", has_text=name).first.wait_for()
        assert [tab.complaints for tab in tabs] == [[]] * len(names)
        stats = table.peer.stats()
        assert stats.pages >= 10 * len(names)
        assert stats.opened == len(names)
        assert stats.refused == {}
