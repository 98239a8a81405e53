"""The page of `gdpeer inspect` in a real browser, on a desk and on a phone."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from gdpeer.multiplayer.wire import godot4
from gdpeer.multiplayer.wire.replication import Sync, encode_values
from tests.browser.axe import faults
from tests.browser.inspect_scene import open_game, open_message, played_game
from tests.browser.pictures import MOST_CHANGE, change
from tests.browser.tabs import DESK, PHONE, Tab
from tests.support.processes import Process, gdpeer_command
from tools import screenshots

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
    to: URL of the echo.
    """

    def __init__(self, to: str, *options: str) -> None:
        self.to = to
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
            if name == "390x844":
                tab.page.get_by_role("button", name="Filters").click()
            tab.page.get_by_label("Path", exact=True).fill("Main/*")
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
        tab.page.get_by_label("Path", exact=True).fill("net id ?")
        wait_for_rows(tab, 2)


def test_rows_are_held_and_come_later(browser: Browser) -> None:
    with inspected() as (inspector, client), Tab(browser, inspector.page) as tab:
        exchange(client, "first")
        wait_for_rows(tab, 3)
        tab.page.get_by_role("button", name=re.compile("Pause|Resume")).click()
        exchange(client, "second")
        tab.page.wait_for_function("() => document.getElementById('count').textContent === '4'")
        assert len(rows(tab)) == 3
        tab.page.get_by_role("button", name=re.compile("Pause|Resume")).click()
        wait_for_rows(tab, 5)
        assert rows(tab)[-1] == "text second"


def test_another_page_may_not_read_it(browser: Browser) -> None:
    with inspected() as (inspector, _):
        with pytest.raises(InvalidStatus) as refused:
            connect(inspector.page.replace("http", "ws"), proxy=None, origin="http://evil.example")  # type: ignore[arg-type]
        assert refused.value.response.status_code == 403


LONG = "<img src=x onerror=fail()>" * 100
LONG_CALL = godot4.RemoteCall(1, 3, [LONG]).encode()


@FORMS
def test_the_keyboard_finds_a_message_and_opens_it_in_full(
    browser: Browser, name: str, settings: dict[str, Any]
) -> None:
    with inspected("--dialect", "godot4") as (inspector, client), Tab(browser, inspector.page, **settings) as tab:
        tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
        exchange(client, SIMPLIFY, CALL, LONG_CALL)
        wait_for_rows(tab, 7)
        press = tab.page.keyboard.press
        press("/")
        assert tab.focused() == "search"
        tab.page.keyboard.type("ONERROR")
        wait_for_rows(tab, 2)
        assert tab.page.locator("#found").text_content() == "2 of 7 rows match"
        tab.page.wait_for_function("() => news.textContent === '2 of 7 rows match'")
        press("Escape")
        wait_for_rows(tab, 7)
        press("Escape")
        assert tab.focused() == "rows"
        for key in ("ArrowUp", "Home", "PageDown", "ArrowUp"):
            press(key)
        assert tab.page.get_attribute("#rows", "aria-activedescendant") == "row-6"
        press("Enter")
        tab.page.wait_for_selector("#hex:visible")
        assert LONG in (tab.page.text_content("#fields") or "")  # its row has the beginning only
        dump = (tab.page.text_content("#hex") or "").splitlines()
        assert dump[1].startswith("0008  " if name == "390x844" else "0010  ")
        assert "".join(line.split("  ")[1] for line in dump).replace(" ", "") == LONG_CALL.hex()
        assert faults(tab.page) == []
        tab.page.get_by_role("button", name="Copy bytes").click()
        tab.page.wait_for_function("() => news.textContent === 'Bytes copied'")
        assert tab.page.evaluate("navigator.clipboard.readText()") == "\n".join(dump)
        press("ArrowLeft")
        tab.page.wait_for_function("() => document.getElementById('detail-title').textContent === 'Message 5'")
        press("Escape")
        tab.page.wait_for_selector("#hex", state="hidden")
        assert tab.focused() == "rows"
        assert tab.complaints == []


def test_rows_and_recording_are_saved_and_the_graph_counts(browser: Browser, tmp_path: Path) -> None:
    with inspected() as (inspector, client), Tab(browser, inspector.page) as tab:
        exchange(client, "one", b"two", "three")
        wait_for_rows(tab, 7)
        tab.page.get_by_label("Search").fill("text")
        with tab.page.expect_download() as rows_saved:
            tab.page.get_by_role("button", name="Save rows").click()
        lines = [json.loads(line) for line in rows_saved.value.path().read_text().splitlines()]
        assert [line["detail"] for line in lines] == ["one", "one", "three", "three"]
        with tab.page.expect_download() as saved:
            tab.page.get_by_role("link", name="Save recording").click()
        assert saved.value.suggested_filename == "session.jsonl"
        file = tmp_path / "session.jsonl"
        saved.value.save_as(file)
        done = subprocess.run(gdpeer_command("replay", str(file), inspector.to), capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        assert "3 messages sent, all 3 answers as recorded" in done.stdout
        tab.page.wait_for_function(
            "() => document.querySelector('#graph-messages svg')?.ariaLabel.includes('to the client: now 0, most 3')"
            " || document.querySelector('#graph-messages svg')?.ariaLabel.includes('to the client: now 3, most 3')"
        )


LONGEST = """
window.longest = 0;
new PerformanceObserver((list) => {
    for (const one of list.getEntries()) window.longest = Math.max(window.longest, one.duration);
}).observe({ type: "longtask", buffered: true });
"""


def test_a_flood_does_not_freeze_the_page(browser: Browser) -> None:
    with inspected("--dialect", "godot4") as (inspector, client), Tab(browser, inspector.page, LONGEST) as tab:
        tab.wait_for_state("connected")
        for _ in range(20):
            for _ in range(200):
                client.send(CALL)
            for _ in range(200):
                client.recv(timeout=10)
        tab.page.wait_for_function("() => document.getElementById('count').textContent === '8000'")
        longest = tab.page.evaluate("window.longest")
        print(f"longest task of the page: {longest:.0f} ms")
        assert longest < 500  # 78 to 134 at 3600 messages a second, on two very busy cores
        wait_for_rows(tab, 600)  # these are all that are drawn
        assert tab.page.evaluate("document.querySelectorAll('*').length") < 5000
        with Tab(browser, inspector.page) as late:
            wait_for_rows(late, 501)
            assert late.page.locator("#rows li").first.text_content() == "7,501 rows are not shown here"


@pytest.mark.parametrize("form", screenshots.FORMS)
def test_the_pictures_in_the_docs_show_this_page(browser: Browser, form: str) -> None:
    """`python -m tools.screenshots inspect` takes new ones."""
    with played_game() as address:
        page = screenshots.open_page(browser, address, form)
        open_game(page)
        assert change(page, f"inspect-{form}") < MOST_CHANGE
        open_message(page)
        assert change(page, f"inspect-message-{form}") < MOST_CHANGE
        page.context.close()
