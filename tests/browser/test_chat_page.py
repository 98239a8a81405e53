"""The chat's page in a real browser, in one room with a terminal and real engines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.rooms import CHAT, address, program, room
from tests.browser.tabs import DESK, PHONE, Tab
from tests.support.engines import Engine
from tests.support.processes import Process

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

SHOWS_IDS = """
wanted => {
  const shown = [...document.querySelectorAll('#list li[data-id]')].map(row => row.dataset.id).sort();
  return JSON.stringify(shown) === JSON.stringify(wanted);
}
"""

SCROLL_UP = """
box => new Promise(heard => {
  box.addEventListener('scroll', () => heard(), { once: true });
  box.scrollTop = 0;
})
"""


class ChatTab(Tab):
    """The chat's page, connected."""

    def __init__(self, browser: Browser, port: int, **settings: Any) -> None:
        super().__init__(browser, f"http://127.0.0.1:{port}/", **settings)
        self.wait_for_state("connected")

    def say(self, text: str) -> None:
        self.page.get_by_label("Message", exact=True).fill(text)
        self.page.get_by_label("Message", exact=True).press("Enter")

    def wait_for_text(self, kind: str, text: str) -> None:
        self.page.locator(f".entry.{kind}", has_text=text).first.wait_for()

    def wait_for_ids(self, *ids: int) -> None:
        """The list shows exactly these."""
        self.page.wait_for_function(SHOWS_IDS, arg=sorted(map(str, ids)))

    def own_id(self) -> int:
        return int(self.page.locator("#list li", has_text="You").get_attribute("data-id") or 0)


def joined(server: Process) -> int:
    return int(server.wait_for(r"^\[(\d+)\] connected with protocol: demo-chat$").group(1))


def engine(version: str, port: int) -> Engine:
    """An engine that answers the page's first message and leaves when the server says so."""
    return Engine(
        version,
        CHAT / f"godot{version}",
        "chat.tscn",
        f"--url={address(port)}",
        "--wait-for=Hello from the page",
        f"--say=Godot {version} answers",
        "--expect=Server says: That was all",
        "--quit-after=60",
    )


@pytest.mark.engine
@pytest.mark.parametrize(
    ("name", "settings"), [pytest.param("1280x800", DESK, marks=pytest.mark.extended), ("390x844", PHONE)]
)
def test_browser_engines_and_terminal_share_a_room(browser: Browser, name: str, settings: dict[str, Any]) -> None:
    server, port = room()
    with server, program("client", address(port)) as terminal, engine("4", port) as four:
        early = {joined(server), joined(server)}
        with ChatTab(browser, port, **settings) as tab:
            tab_id = joined(server)
            tab.wait_for_ids(*early, tab_id)
            assert tab.own_id() == tab_id
            with engine("3", port) as three:
                three_id = joined(server)
                tab.wait_for_ids(*early, tab_id, three_id)
                tab.wait_for_text("event", f"{three_id} joined")
                talk(server, terminal, tab, [four, three])
                tab.shot(f"chat-{name}")
                server.say("That was all")
                assert (four.wait(), three.wait()) == (0, 0)
            tab.wait_for_text("event", f"{three_id} left")
            assert tab.complaints == []


def talk(server: Process, terminal: Process, tab: ChatTab, engines: list[Engine]) -> None:
    """Everyone says something, and everyone else sees it."""
    tab.say("Hello from the page")
    tab.wait_for_text("own", "Hello from the page")
    said = terminal.wait_for(r"^\[\d+\] Says: Hello from the page$").group()
    for each in engines:
        each.wait_for("log", text=said)
    for version in ("4", "3"):
        tab.wait_for_text("other", f"Godot {version} answers")
        assert any(line.endswith(f"Says: Godot {version} answers") for line in wait_for_answers(terminal))
    terminal.say("The terminal hears you all, <b>word for word</b>")
    tab.wait_for_text("other", "The terminal hears you all, <b>word for word</b>")
    server.say("Welcome, all four of you")
    tab.wait_for_text("server", "Welcome, all four of you")
    for each in engines:
        each.wait_for("log", text="Server says: Welcome, all four of you")


def wait_for_answers(terminal: Process) -> list[str]:
    def answered() -> bool:
        return sum("answers" in line for line in terminal.stdout) >= 2

    terminal.wait_until(answered, "two answers", 15.0)
    return terminal.stdout


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.extended)])
def test_the_page_reconnects_when_the_server_comes_back(browser: Browser, scheme: str) -> None:
    server, port = room()
    with ChatTab(browser, port, **PHONE, color_scheme=scheme) as tab:
        with server:
            first_id = joined(server)
            tab.wait_for_ids(first_id)
            tab.say("Before")
            server.wait_for(r"Says: Before$")
            assert tab.complaints == []
        tab.wait_for_state("waiting")
        tab.wait_for_ids()
        tab.page.get_by_label("Message", exact=True).fill("Kept while there is no connection")
        assert tab.page.get_by_role("button", name="Send").is_disabled()
        tab.page.get_by_text("No connection to the server.").wait_for()
        tab.shot(f"chat-reconnecting-{scheme}-390x844")

        server, _ = room(port)
        with server:
            tab.wait_for_state("connected")
            second_id = joined(server)
            tab.wait_for_ids(second_id)
            tab.page.get_by_label("Message", exact=True).press("Enter")
            server.wait_for(rf"^\[{second_id}\] Says: Kept while there is no connection$")
        # While nothing listens, the browser itself reports each attempt; nothing else may have been reported.
        assert [line for line in tab.complaints if "WebSocket connection to" not in line] == []


def test_try_now_does_not_wait_for_the_next_attempt(browser: Browser) -> None:
    server, port = room()
    with ChatTab(browser, port) as tab:
        tab.page.evaluate("window.setInterval = () => 0")  # the page's own next attempt never comes
        server.terminate()
        tab.wait_for_state("waiting")
        with room(port)[0] as server:
            tab.page.get_by_role("button", name="Try now").click()
            joined(server)
            tab.wait_for_state("connected")


def test_leaving_stays_left_until_one_joins_again(browser: Browser) -> None:
    server, port = room()
    with server, ChatTab(browser, port) as tab:
        peer_id = joined(server)
        tab.page.get_by_role("button", name="Leave the chat").click()
        server.wait_for(rf"^\[{peer_id}\] disconnected with code: 1000, reason: $")
        tab.wait_for_state("left")
        tab.page.get_by_role("button", name="Join again").click()
        tab.wait_for_ids(joined(server))
        tab.wait_for_state("connected")
        assert tab.complaints == []


def test_everything_works_from_the_keyboard_on_a_phone(browser: Browser) -> None:
    server, port = room()
    with server, ChatTab(browser, port, **PHONE) as tab:
        peer_id = joined(server)
        who = tab.page.get_by_role("button", name="1 here")
        assert not tab.page.locator("#people").is_visible()
        who.press("Enter")
        assert who.get_attribute("aria-expanded") == "true"
        tab.page.get_by_text(str(peer_id)).wait_for()
        tab.shot("chat-people-390x844")
        tab.page.keyboard.press("Escape")
        assert who.get_attribute("aria-expanded") == "false"

        field = tab.page.get_by_label("Message", exact=True)
        field.focus()
        tab.page.keyboard.type("two")
        tab.page.keyboard.press("Shift+Enter")
        tab.page.keyboard.type("lines")
        tab.page.keyboard.press("Enter")
        server.wait_for("Says: two\u240alines$")
        assert field.input_value() == ""
        assert tab.page.evaluate("document.activeElement.id") == "text"
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_message_has_a_largest_length(browser: Browser) -> None:
    server, port = room()
    with server, ChatTab(browser, port) as tab:
        joined(server)
        tab.page.get_by_label("Message", exact=True).focus()
        tab.page.keyboard.insert_text("x" * 600)
        tab.page.keyboard.press("Enter")
        text = server.wait_for("Says: (x+)$").group(1)
        assert len(text) == 500


def test_the_log_follows_the_newest_message_unless_one_reads_above(browser: Browser) -> None:
    server, port = room()
    with server, ChatTab(browser, port, **PHONE) as tab:
        joined(server)
        for number in range(40):
            server.say(f"message {number}")
        tab.wait_for_text("server", "message 39")
        newest = tab.page.locator(".entry").last
        assert newest.bounding_box()["y"] < PHONE["viewport"]["height"]
        tab.page.locator("#scroll").evaluate(SCROLL_UP)
        server.say("one more")
        newer = tab.page.get_by_role("button", name="New messages")
        newer.click()
        tab.page.wait_for_function("log => document.getElementById('newer').hidden")
        assert tab.page.get_by_text("one more").bounding_box()["y"] < PHONE["viewport"]["height"]
