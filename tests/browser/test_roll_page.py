"""The roll game's page in a real browser: a player in Python at one table with others in Python and in Godot."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gdpeer.http.python_pages import FILES
from tests.browser.axe import faults
from tests.browser.tabs import DESK, PHONE, Tab
from tests.support.node import node_modules
from tests.support.processes import Process, gdpeer_command
from tests.support.roll import join, own_id, rolls
from tests.support.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route

pytestmark = [pytest.mark.browser, pytest.mark.node, pytest.mark.timeout(180)]

BOOT_LIMIT = 60_000  # milliseconds; two cores that others use too take some seconds
KEEP_PYODIDE = "document.addEventListener('gdpeer:ready', event => { window.pyodide = event.detail.pyodide; });"
CHROMIUM_SAYS = "WebSocket connection to"
"""How the browser reports each attempt while nothing listens."""


class Host(Process):
    """A `gdpeer roll` that hosts without playing."""

    def __init__(self, port: int = 0, pyodide: Path | None = None) -> None:
        folder = pyodide or node_modules() / "pyodide"
        options = ("--host", "127.0.0.1", "--port", str(port), "--dedicated", "--pyodide", str(folder))
        super().__init__(gdpeer_command("roll", *options))
        self.port = int(self.wait_for(r"^Godot 4 and Python: +ws://127\.0\.0\.1:(\d+)/$")[1])
        self.page = self.wait_for(r"^In a browser: +(http://\S+)$")[1]

    @property
    def rolls(self) -> list[str]:
        """Who rolled, in order."""
        return [line.partition(":")[0] for line in self.stdout if re.search(r": rolls \d+$", line)]

    def wait_for_players(self, *names: str) -> None:
        self.wait_for(f"^Players: {', '.join(names) or 'nobody yet'}$")


def guest(host: Host, name: str) -> Process:
    """A player in Python who rolls whenever it is his turn."""
    url = f"ws://127.0.0.1:{host.port}"
    return Process(gdpeer_command("roll", "--join", url, "--name", name, "--auto", "--pause", "0.05"))


class RollTab(Tab):
    """The page; with its Python started, unless told otherwise."""

    def __init__(self, browser: Browser, host: Host, *, starts: bool = True, script: str = "", **settings: Any) -> None:
        super().__init__(browser, host.page, KEEP_PYODIDE + script, **settings)
        if starts:
            self.wait_for_form()

    def wait_for_form(self) -> None:
        self.page.wait_for_selector("#seat:not([hidden])", timeout=BOOT_LIMIT)

    def join(self, name: str) -> None:
        self.page.get_by_label("Your name").fill(name)
        self.page.get_by_label("Your name").press("Enter")
        self.wait_for_players(name)

    def wait_for_players(self, name: str) -> None:
        """The list shows that name, which comes from the host."""
        self.page.locator("#players .name", has_text=name).first.wait_for()

    def wait_for_line(self, text: str | re.Pattern[str]) -> None:
        self.page.locator("#log .what", has_text=text).first.wait_for()

    def lines(self) -> list[str]:
        return self.page.locator("#log .what").all_inner_texts()

    def wait_for_turn(self, text: str) -> None:
        self.page.locator("#turn", has_text=text).wait_for()

    def is_enabled(self, name: str) -> bool:
        return self.page.get_by_role("button", name=name, exact=True).is_enabled()

    def act(self, name: str) -> None:
        """Clicks a button once it can be clicked."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def python(self, code: str) -> Any:
        """Runs Python in the page, beside its own program."""
        return self.page.evaluate("code => window.pyodide.runPython(code)", code)

    def own_id(self) -> int:
        row = self.page.locator("#players li", has=self.page.locator(".you"))
        return int(row.get_attribute("data-id") or 0)

    def fits(self) -> bool:
        """Nothing is wider than the page."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


DESK_OR_PHONE = pytest.mark.parametrize(
    ("size", "settings"), [pytest.param("1280x800", DESK, marks=pytest.mark.extended), ("390x844", PHONE)]
)


@pytest.mark.engine
@DESK_OR_PHONE
def test_page_python_and_godot_play_at_one_table(browser: Browser, size: str, settings: dict[str, Any]) -> None:
    with Host() as host, RollTab(browser, host, **settings) as tab:
        assert faults(tab.page) == []
        tab.shot(f"roll-seat-{size}")
        tab.join("Ann")
        host.wait_for_players("Ann")
        tab.wait_for_turn("It is your turn")
        tab.shot(f"roll-own-turn-{size}")
        with guest(host, "Pia") as pia:
            host.wait_for_players("Ann", "Pia")
            with join("4", host.port, "Gus", auto=True, players=3, turns=3) as gus:
                host.wait_for_players("Ann", "Pia", "Gus")
                for count in (1, 2, 3):
                    tab.act("Roll")
                    host.wait_until(lambda count=count: len(host.rolls) == 3 * count, "a round", 15.0)  # type: ignore[misc]
                    tab.wait_for_turn("It is your turn")
                    assert host.rolls == ["Ann", "Pia", "Gus"] * count
                    if count == 2:
                        assert faults(tab.page) == []
                        tab.shot(f"roll-table-{size}")
                assert gus.wait() == 0
                assert (gus.stderr, rolls(gus)[:8]) == ([], host.rolls[:8])
            host.wait_for_players("Ann", "Pia")
            assert [line for line in tab.lines() if ": rolls " in line] == [
                line for line in host.stdout if ": rolls " in line
            ]
            tab.act("Pass")
            tab.wait_for_line(re.compile(r"^Ann: pass"))
            assert pia.stderr == []
        assert tab.fits()
        assert (tab.complaints, tab.hosts) == ([], {f"127.0.0.1:{host.port}"})


@pytest.mark.engine
def test_who_acts_out_of_turn_is_told_on(browser: Browser) -> None:
    with Host() as host, guest(host, "Pia"):
        host.wait_for_players("Pia")
        with RollTab(browser, host) as tab:
            tab.join("Ann")
            tab.wait_for_turn("It is your turn")
            with join("4", host.port, "Gus", auto=True, cheat=True, turns=1) as gus:
                tab.wait_for_line(f"Someone is trying to cheat! {own_id(gus)}")
                tab.act("Roll")
                tab.wait_for_line(re.compile(r"^Gus: rolls"))
                assert gus.wait() == 0
            tab.wait_for_turn("It is your turn")
            tab.act("Roll")
            # The same request as that of the button, whoever's turn it is: twice is once too often.
            tab.wait_for_turn("It is your turn")
            request = "guest.table.game.request_action.rpc_id(1, 'roll')"
            tab.python(f"{request}; {request}")
            told = f"Someone is trying to cheat! {tab.own_id()}"
            host.wait_for(told)
            tab.wait_for_line(told)
            tab.python("guest.table.game.set_turn.rpc_id(1, 0)")  # only the host decides
            tab.wait_for_turn("It is your turn")
            assert tab.complaints == []


@pytest.mark.extended
def test_the_buttons_are_those_of_the_turn(browser: Browser) -> None:
    with Host() as host, RollTab(browser, host) as first, RollTab(browser, host, **PHONE) as second:
        first.join("Ann")
        second.join("Bob")
        for actor, other, name in ((first, second, "Ann"), (second, first, "Bob")):
            actor.wait_for_turn("It is your turn")
            other.wait_for_turn(f"It is {name}'s turn")
            assert [actor.is_enabled(button) for button in ("Roll", "Pass")] == [True, True]
            assert [other.is_enabled(button) for button in ("Roll", "Pass")] == [False, False]
            assert actor.page.title() == "Your turn - gdpeer roll"
            assert other.page.title() == "gdpeer roll"
            row = other.page.locator("#players li[aria-current]")
            assert row.locator(".name").inner_text() == name
            actor.act("Roll")
        second.act("Leave")
        second.wait_for_form()
        second.wait_for_state("left")
        host.wait_for_players("Ann")
        first.wait_for_line(re.compile("^Bob: rolls"))
        assert first.complaints == second.complaints == []


def test_a_page_that_is_loaded_again_sits_down_again_and_a_lost_connection_is_made_again(browser: Browser) -> None:
    host = Host()
    with host, RollTab(browser, host, **PHONE, color_scheme="light") as tab:
        tab.join("Ann")
        host.wait_for_players("Ann")
        first_id = tab.own_id()
        tab.page.reload()
        host.wait_for_players()
        host.wait_for_players("Ann")
        tab.wait_for_players("Ann")
        assert tab.own_id() != first_id
        lose_the_host(tab, host, "light-390x844")


@pytest.mark.extended
@pytest.mark.parametrize(("name", "size"), [("390x844", PHONE), ("1280x800", DESK)])
def test_a_lost_connection_in_the_dark(browser: Browser, name: str, size: dict[str, Any]) -> None:
    host = Host()
    with host, RollTab(browser, host, **size, color_scheme="dark") as tab:
        tab.join("Ann")
        lose_the_host(tab, host, f"dark-{name}")


def lose_the_host(tab: RollTab, host: Host, shot: str) -> None:
    """Kills the host of a page whose player is Ann, and starts it again: the page says so, and comes back."""
    tab.act("Roll")
    tab.wait_for_line(re.compile(r"^Ann: rolls \d+$"))
    assert tab.complaints == []
    host.kill()
    tab.wait_for_state("waiting")
    tab.page.get_by_text("The connection is lost.").wait_for()
    tab.wait_for_turn("No connection")
    assert not tab.is_enabled("Roll")
    tab.shot(f"roll-lost-{shot}")
    with Host(host.port) as again:
        tab.wait_for_state("connected")
        again.wait_for_players("Ann")
        tab.wait_for_line("You are back at the table")
        assert not tab.page.locator("#notice").is_visible()
        tab.act("Roll")
        again.wait_for(r"^Ann: rolls \d+$")
    assert [text for text in tab.complaints if CHROMIUM_SAYS not in text] == []


@pytest.mark.extended
def test_after_a_sleep_a_silent_host_is_given_up_and_one_need_not_wait_for_an_attempt(browser: Browser) -> None:
    host = Host()
    with host, RollTab(browser, host) as tab:
        tab.join("Ann")
        wake = "window.dispatchEvent(new Event('online'))"
        tab.page.evaluate(wake)
        until(lambda: tab.python("guest.answer_by") == 0)  # it answered
        assert tab.page.locator("#state").get_attribute("data-state") == "connected"
        os.kill(host.popen.pid, signal.SIGSTOP)
        try:
            tab.page.evaluate(wake)
            tab.wait_for_state("waiting")
        finally:
            os.kill(host.popen.pid, signal.SIGCONT)
        tab.wait_for_state("connected")
        tab.wait_for_players("Ann")

        host.terminate()
        tab.wait_for_line("The host is gone")
        tab.python("guest.retry_at += 1000")
        with Host(host.port) as again:
            tab.act("Reconnect now")
            again.wait_for_players("Ann")
            tab.wait_for_state("connected")


@pytest.mark.extended
def test_all_is_done_from_the_keyboard(browser: Browser) -> None:
    with Host() as host, RollTab(browser, host) as tab:
        keyboard = tab.page.keyboard
        assert tab.focused() == "name"
        keyboard.type("Ann")
        order = []
        for _ in range(2):
            keyboard.press("Tab")
            order.append(tab.focused())
        assert order == ["url", "join"]
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        assert tab.page.evaluate(outline) != "none"
        keyboard.press("Enter")
        tab.wait_for_turn("It is your turn")
        assert tab.focused() == "roll"
        assert tab.page.evaluate(outline) != "none"
        keyboard.press("Enter")
        tab.wait_for_line(re.compile("^Ann: rolls"))
        tab.wait_for_turn("It is your turn")
        order = []
        for _ in range(2):
            keyboard.press("Tab")
            order.append(tab.focused())
        assert order == ["pass", "leave"]
        keyboard.press("Shift+Tab")
        keyboard.press("Space")
        tab.wait_for_line(re.compile("^Ann: pass"))
        for name, role in (("scroll", "log"), ("turn", "status"), ("state", "status"), ("notice-text", "status")):
            assert tab.page.locator(f"#{name}").get_attribute("role") == role
        assert tab.page.locator("#scroll").get_attribute("aria-live") == "polite"


@pytest.mark.extended
def test_an_address_that_is_none_is_refused_beside_its_field(browser: Browser) -> None:
    with Host() as host, RollTab(browser, host) as tab:
        field = tab.page.get_by_label("Address of the host")
        assert field.input_value() == f"ws://127.0.0.1:{host.port}/"
        field.fill("http://127.0.0.1/")
        field.press("Enter")
        tab.page.locator("#problem", has_text="This is no address to join").wait_for()
        assert tab.focused() == "url"
        field.fill(f"127.0.0.1:{host.port}")
        field.press("Enter")
        tab.wait_for_players("A Browser User")
        assert tab.complaints == ["cannot connect: upgrade: the scheme must be ws or wss, not 'http'"]


# ---------------------------------------------------------------------------------------------- starting


@DESK_OR_PHONE
def test_what_keeps_the_page_from_starting_is_shown_and_tried_again(
    browser: Browser, tmp_path: Path, size: str, settings: dict[str, Any]
) -> None:
    """In one page, because each start of Python takes seconds: no Pyodide, a failed download, and a slow one."""
    with Host(pyodide=tmp_path) as host, RollTab(browser, host, starts=False, **settings) as tab:
        host.wait_for(r"^The page needs Pyodide: .*npm install pyodide")
        tab.page.get_by_text("Pyodide is not installed at the server").wait_for()
        assert tab.page.locator("#gdpeer-boot pre").inner_text() == "npm install pyodide"
        assert faults(tab.page) == []
        tab.shot(f"roll-no-pyodide-{size}")
        for name in (*FILES, "package.json"):
            (tmp_path / name).symlink_to(node_modules() / "pyodide" / name)
        assert tab.complaints == []

        tab.page.route("**/pyodide.asm.wasm", lambda route: route.abort(), times=1)
        tab.act("Try again")
        tab.page.get_by_text("A download failed").wait_for(timeout=BOOT_LIMIT)
        assert "pyodide.asm.wasm" in tab.page.locator("#gdpeer-boot p").inner_text()
        tab.shot(f"roll-download-failed-{size}")
        tab.complaints.clear()

        held: list[Route] = []
        tab.page.route("**/python_stdlib.zip", lambda route: held.append(route))
        tab.act("Try again")
        bar = tab.page.get_by_role("progressbar", name="Loading")
        tab.page.wait_for_function("() => document.querySelector('progress')?.value > 1e7")
        amount = bar.get_attribute("aria-valuetext") or ""
        assert re.fullmatch(r"1\d\.\d of 1\d\.\d MB", amount)
        assert tab.page.locator("#gdpeer-boot p").inner_text() == amount
        tab.shot(f"roll-loading-{size}")
        for route in held:
            route.continue_()
        tab.wait_for_form()
        assert not tab.page.locator("#gdpeer-boot").is_visible()
        assert tab.complaints == []


@pytest.mark.parametrize(
    "script",
    [
        "delete window.WebAssembly;",
        "delete window.BigInt64Array;",
        "WebAssembly.instantiateStreaming = async () => { throw new WebAssembly.CompileError('unknown opcode'); };",
    ],
)
def test_a_browser_that_cannot_is_told_so(browser: Browser, script: str) -> None:
    with Host() as host, RollTab(browser, host, starts=False, script=script) as tab:
        tab.page.get_by_text("This browser cannot run the page").wait_for(timeout=BOOT_LIMIT)
        assert not tab.page.get_by_role("button", name="Try again").is_visible()


MEASURE = """
() => {
  const loaded = performance.getEntriesByType('resource');
  return {
    answer: performance.getEntriesByName('roll-first-answer')[0].startTime,
    last: Math.max(...loaded.map(entry => entry.responseEnd)),
    bytes: loaded.reduce((sum, entry) => sum + entry.transferSize, 0),
  };
}
"""


@pytest.mark.extended
def test_how_long_it_takes_to_the_first_call_that_is_answered(browser: Browser) -> None:
    """As with a page that is loaded again in the middle of a game: nobody has to click."""
    with Host() as host:
        seat = f"sessionStorage.setItem('gdpeer-roll-seat', 'ws://127.0.0.1:{host.port}/');"
        with RollTab(browser, host, starts=False, script=seat) as tab:
            tab.page.wait_for_function(
                "() => performance.getEntriesByName('roll-first-answer').length", timeout=BOOT_LIMIT
            )
            found = tab.page.evaluate(MEASURE)
    print(
        f"\nfrom the navigation to the first call answered: {found['answer'] / 1000:.2f} s, of which loading "
        f"{found['last'] / 1000:.2f} s; {found['bytes'] / 1e6:.2f} MB"
    )
    assert found["answer"] < BOOT_LIMIT
    assert found["bytes"] < 20e6
