"""The lobby page of the demos, the games' pages in rooms, and the monitor, in a real browser."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.axe import faults
from tests.browser.tabs import DESK, PHONE, Tab
from tests.support.node import node_modules
from tests.support.processes import Process, gdpeer_command

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

TOKEN = "token-of-the-operator"
BOOT_LIMIT = 60_000  # milliseconds
FORMS = pytest.mark.parametrize(("name", "settings"), [("1280x800", DESK), ("390x844", PHONE)])


class Server(Process):
    """The hall of the demos."""

    def __init__(self, *options: str, **variables: str) -> None:
        environment = {"GDPEER_SECRET": "0123456789abcdef" * 2, "GDPEER_MONITOR_TOKEN": TOKEN, **variables}
        command = gdpeer_command("serve", "gdpeer.demos.rooms:hall", "--port", "0", "--host", "127.0.0.1", *options)
        super().__init__(command, environment=environment)
        self.port = int(self.wait_for(r"^Rooms: +ws://127\.0\.0\.1:(\d+)/room/CODE$")[1])
        self.page = self.wait_for(r"^Pages: +(http://\S+)$")[1]
        self.monitor = f"{self.page}monitor/"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as running:
        yield running
        running.interrupt()
        assert running.wait() == 0
        assert running.stderr == []


@contextmanager
def player(server: Server, kind: str, code: str, name: str) -> Iterator[Process]:
    """A player in a terminal, or a bot, in a room."""
    url = f"ws://127.0.0.1:{server.port}/room/{code}?session=0123456789abcdef{name}"
    options = ("--bots", "1") if kind == "arena" else ("--name", name)
    with Process(gdpeer_command(kind, "--join", url, *options)) as process:
        yield process


def width_left_over(tab: Tab) -> int:
    script = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    found: int = tab.page.evaluate(script)
    return found


def open_room(tab: Tab, kind: str, button: str) -> str:
    """Opens a room by the lobby page, whose next page must not load; returns the code."""
    tab.page.route(f"**/{kind}/?room=*", lambda route: route.fulfill(body="the game"))
    tab.page.locator(f".game[data-kind={kind}]").get_by_role("button", name=button, exact=True).click()
    tab.page.wait_for_url(f"**/{kind}/?room=*")
    return str(tab.page.url.rpartition("=")[2])


@pytest.mark.parametrize(
    ("name", "settings"), [("390x844", PHONE), pytest.param("1280x800", DESK, marks=pytest.mark.extended)]
)
def test_the_lobby_opens_lists_and_leads_to_rooms(
    browser: Browser, server: Server, name: str, settings: dict[str, Any]
) -> None:
    with Tab(browser, server.page, **settings) as tab:
        tab.wait_for_state("connected")
        code = open_room(tab, "roll", "New table")
        private = open_room_again(tab, server, "roll", "Private table")
        tab.page.goto(server.page)
        rooms = tab.page.locator(".game[data-kind=roll]")
        rooms.get_by_role("button", name=f"Join {code}").wait_for()
        assert not rooms.get_by_text(private).is_visible()
        assert width_left_over(tab) == 0
        assert faults(tab.page) == []
        tab.shot(f"lobby-{name}")
        tab.page.get_by_label("Code").fill(private.lower())  # a private room is found by its code
        tab.page.get_by_label("Code").press("Enter")
        tab.page.wait_for_url(f"**/roll/?room={private}")
        tab.page.goto(server.page)
        tab.page.get_by_label("Code").fill("000000")
        tab.page.get_by_role("button", name="Join", exact=True).click()
        tab.page.locator("#problem", has_text="There is no room with this code".lower()).wait_for()
        assert tab.hosts == {f"127.0.0.1:{server.port}"}


def open_room_again(tab: Tab, server: Server, kind: str, button: str) -> str:
    tab.page.goto(server.page)
    tab.wait_for_state("connected")
    return open_room(tab, kind, button)


@FORMS
def test_the_monitor_shows_rooms_and_players_and_obeys(
    browser: Browser, server: Server, name: str, settings: dict[str, Any]
) -> None:
    with Tab(browser, server.page, **settings) as tab:
        code = open_room(tab, "roll", "New table")
        with player(server, "roll", code, "Ann") as ann, Tab(browser, server.monitor, **settings) as monitor:
            ann.wait_for("^Connected as Ann$")
            page = monitor.page
            page.get_by_label("Token").fill("wrong-token-of-nobody")
            page.get_by_role("button", name="Open").click()
            page.get_by_text("This is not the token.").wait_for()
            page.get_by_label("Token").fill(TOKEN)
            page.get_by_role("button", name="Open").click()
            monitor.wait_for_state("connected")
            page.locator("#find").fill(code.lower())
            page.locator(f"#rooms button[data-code='{code}']").click()
            page.locator("#places .place.here").wait_for()
            assert width_left_over(monitor) == 0
            page.locator("#turns", has_text=" turns of ").wait_for()
            page.locator("#nodes").click()
            page.locator("#tree", has_text="/root/Panel/VBoxContainer/Game").wait_for()
            assert faults(page) == []
            monitor.shot(f"monitor-{name}")
            page.get_by_role("button", name="Lock").click()
            page.get_by_role("button", name="Unlock").wait_for()
            page.get_by_role("button", name="Message").click()
            page.locator("#ask-text").fill("five minutes <b>left</b>")
            page.get_by_role("button", name="Send").click()
            ann.wait_for("^Operator: five minutes <b>left</b>$")
            here = page.locator("#places li", has=page.locator(".place.here"))
            here.get_by_role("button", name="Kick").click()
            page.locator("#ask-yes").click()
            here.wait_for(state="detached")
            assert ann.wait() == 1
            page.get_by_role("button", name="Close", exact=True).click()
            page.locator("#ask-yes").click()
            page.locator("#done", has_text=f"The room {code} ").wait_for()
            page.locator("#room").wait_for(state="hidden")
            assert monitor.hosts == {f"127.0.0.1:{server.port}"}
            assert [text for text in monitor.complaints if "401" not in text and "404" not in text] == []


@FORMS
def test_the_monitor_of_any_worker_shows_all_workers_and_their_rooms(
    browser: Browser, name: str, settings: dict[str, Any]
) -> None:
    with Server("--workers", "2") as server, Tab(browser, server.page, **settings) as tab:
        codes = {open_room(tab, "roll", "New table")}
        for _ in range(3):
            tab.page.goto(server.page)
            tab.wait_for_state("connected")
            codes.add(open_room(tab, "roll", "New table"))
        with Tab(browser, server.monitor, **settings) as monitor:
            page = monitor.page
            page.get_by_label("Token").fill(TOKEN)
            page.get_by_role("button", name="Open").click()
            monitor.wait_for_state("connected")
            page.locator("#workers li").nth(1).wait_for()
            assert page.locator("#workers li").count() == 2
            page.locator("#count", has_text="4").wait_for()
            assert width_left_over(monitor) == 0
            for code in sorted(codes):  # the requests of the page come to either worker, and so are the rooms
                page.locator("#find").fill(code)
                page.locator(f"#rooms button[data-code='{code}']").click()
                page.locator("#code", has_text=code).wait_for()
                page.get_by_role("button", name="Lock").click()
                page.get_by_role("button", name="Unlock").wait_for()
                if name == "390x844":
                    page.get_by_role("button", name="All rooms").click()
            page.locator("#find").fill("")
            monitor.shot(f"monitor-workers-{name}")
            assert monitor.complaints == []
        server.popen.send_signal(signal.SIGINT)
        assert server.wait() == 0


KEEP_SOCKETS = """
window.sockets = [];
window.WebSocket = class extends WebSocket {
  constructor(...words) { super(...words); window.sockets.push(this); }
};
document.addEventListener("gdpeer:ready", (event) => { window.pyodide = event.detail.pyodide; });
"""


@pytest.mark.node
def test_a_page_plays_in_a_room_and_keeps_its_place_over_a_lost_connection(browser: Browser) -> None:
    with (
        Server(GDPEER_PYODIDE=str(node_modules() / "pyodide")) as server,
        Tab(browser, server.page, KEEP_SOCKETS) as tab,
    ):
        tab.page.locator(".game[data-kind=arena]").get_by_role("button", name="Play now").click()
        tab.page.wait_for_selector("#seat:not([hidden])", timeout=BOOT_LIMIT)
        code = tab.page.url.rpartition("=")[2]
        assert tab.page.get_by_label("Address of the server").input_value().endswith(f"/room/{code}")
        tab.page.get_by_label("Your name").fill("Ann")
        tab.page.get_by_label("Your name").press("Enter")
        tab.page.locator("#board .name", has_text="Ann").wait_for()
        own_id = "window.pyodide.runPython('page.guest.id')"
        before = tab.page.evaluate(own_id)
        with player(server, "arena", code, "bot"):
            tab.page.locator("#count", has_text="2").wait_for()
            tab.page.evaluate("window.sockets.at(-1).close(4000)")  # not 1000: the player did not leave
            tab.wait_for_state("waiting")
            tab.wait_for_state("connected")
            tab.page.locator("#board .name", has_text="Ann").wait_for()
            assert tab.page.evaluate(own_id) == before
            assert tab.page.locator("#count").text_content() == "2"
        assert tab.complaints == []


@pytest.mark.node
@pytest.mark.extended
def test_a_copy_of_a_tab_takes_its_place_and_the_first_does_not_fight_for_it(browser: Browser) -> None:
    same = "sessionStorage.setItem('gdpeer-session', '00112233445566778899aabbccddeeff');"
    with Server(GDPEER_PYODIDE=str(node_modules() / "pyodide")) as server, Tab(browser, server.page, same) as tab:
        tab.page.locator(".game[data-kind=roll]").get_by_role("button", name="New table").click()
        tab.page.wait_for_selector("#seat:not([hidden])", timeout=BOOT_LIMIT)
        tab.page.get_by_label("Your name").press("Enter")
        tab.wait_for_state("connected")
        with Tab(browser, tab.page.url, same) as copy:
            copy.page.wait_for_selector("#seat:not([hidden])", timeout=BOOT_LIMIT)
            copy.page.get_by_label("Your name").press("Enter")
            copy.wait_for_state("connected")
            tab.page.locator("#problem", has_text="This place was taken over").wait_for()
            copy.page.wait_for_timeout(2_000)  # longer than the first attempts to connect would take
            assert copy.page.locator("#state").get_attribute("data-state") == "connected"
            assert tab.page.locator("#state").get_attribute("data-state") == "left"
