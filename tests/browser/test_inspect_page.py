"""The page of `gdpeer inspect` in a real browser, on a desk and on a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from gdpeer.multiplayer.wire import godot4
from gdpeer.multiplayer.wire.replication import Sync, encode_values
from tests.browser.axe import faults
from tests.browser.tabs import DESK, PHONE, Tab
from tests.support.processes import Process, gdpeer_command

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.timeout(90)]

FORMS = pytest.mark.parametrize(
    ("name", "settings"), [("1280x800", DESK), pytest.param("390x844", PHONE, marks=pytest.mark.extended)]
)
SIMPLIFY = godot4.SimplifyPath("0" * 32, 1, "Main/Game").encode()
CALL = godot4.RemoteCall(1, 3, [7, "<b>six</b>"]).encode()


class Inspect(Process):
    """A `gdpeer inspect` with a page, before an echo.

    Attributes:
        url: for clients.
        page: its address.
    """

    def __init__(self, to: str, *options: str) -> None:
        super().__init__(gdpeer_command("inspect", "--listen", "0", "--page", "0", "--to", to, *options))
        self.url = self.wait_for(r"^gdpeer inspect: (ws://\S+) to ").group(1)
        self.page = self.wait_for(r"^Page: (http://\S+)$").group(1)


@contextmanager
def inspected(*options: str) -> Iterator[tuple[Inspect, ClientConnection]]:
    """An inspector, and a client that has its answers."""
    with Process(gdpeer_command("echo", "--port", "0")) as echo:
        to = echo.wait_for(r"listening on (ws://\S+)$").group(1)
        with Inspect(to, *options) as inspector, connect(inspector.url, proxy=None, compression=None) as client:
            yield inspector, client


def exchange(client: ClientConnection, *messages: str | bytes) -> None:
    for message in messages:
        client.send(message)
        assert client.recv(timeout=10) == message


def rows(tab: Tab) -> list[str]:
    return [" ".join(text.split()) for text in tab.page.locator("#rows li .what").all_text_contents()]


def wait_for_rows(tab: Tab, count: int) -> None:
    tab.page.wait_for_function("count => document.querySelectorAll('#rows li').length === count", arg=count)


@FORMS
def test_it_shows_calls_filters_them_and_counts(browser: Browser, name: str, settings: dict[str, Any]) -> None:
    with inspected("--dialect", "godot4") as (inspector, client):
        exchange(client, SIMPLIFY, CALL)
        with Tab(browser, inspector.page, **settings) as tab:
            tab.wait_for_state("connected")
            wait_for_rows(tab, 5)  # what came before the page was opened
            exchange(client, CALL, b"\x00")
            wait_for_rows(tab, 9)
            assert rows(tab)[3] == 'rpc Main/Game:method 3(7, "<b>six</b>")'
            assert rows(tab)[-1] == "undecoded undecoded: too short for its ids (at offset 1)"
            tab.page.wait_for_function("() => document.getElementById('count').textContent === '8'")
            assert tab.page.locator("#undecoded").text_content() == "2 undecoded"
            tab.page.get_by_label("Path").fill("Main/*")
            tab.page.get_by_label("Command").fill("rpc")
            tab.page.get_by_label("Direction").select_option("to_server")
            wait_for_rows(tab, 2)
            width = tab.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert width == 0
            assert faults(tab.page) == []
            tab.shot(f"inspect-{name}")
            inspector.interrupt()
            tab.wait_for_state("over")
            assert tab.complaints == []
            assert tab.hosts == {re.sub(r"^http://|/$", "", inspector.page)}
        assert inspector.wait() == 0


def test_values_of_synchronizers_are_shown_and_found_by_path(browser: Browser) -> None:
    sync = Sync(1, ((0x80000001, encode_values([7, "<b>six</b>"])), (5, b"\xff"))).encode()
    with inspected("--dialect", "godot4") as (inspector, client), Tab(browser, inspector.page) as tab:
        exchange(client, SIMPLIFY, sync, CALL)
        wait_for_rows(tab, 7)
        assert rows(tab)[3] == 'sync Main/Game(7, "<b>six</b>"), net id 5(1 bytes, not decoded)'
        tab.page.get_by_label("Path").fill("net id ?")
        wait_for_rows(tab, 2)


def test_rows_are_held_and_come_later(browser: Browser) -> None:
    with inspected() as (inspector, client), Tab(browser, inspector.page) as tab:
        exchange(client, "first")
        wait_for_rows(tab, 3)
        tab.page.get_by_role("button", name="Hold").click()
        exchange(client, "second")
        tab.page.wait_for_function("() => document.getElementById('count').textContent === '4'")
        assert len(rows(tab)) == 3
        tab.page.get_by_role("button", name="Hold").click()
        wait_for_rows(tab, 5)
        assert rows(tab)[-1] == "text second"


def test_another_page_may_not_read_it(browser: Browser) -> None:
    with inspected() as (inspector, _):
        with pytest.raises(InvalidStatus) as refused:
            connect(inspector.page.replace("http", "ws"), proxy=None, origin="http://evil.example")  # type: ignore[arg-type]
        assert refused.value.response.status_code == 403
