"""The page of the push example in a real browser: nothing is missed and nothing comes twice."""

from __future__ import annotations

import re
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import pytest

from tests.browser.axe import faults
from tests.support.chromium import real_tabs
from tests.support.missing import ROOT
from tests.support.processes import Process

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, CDPSession, Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

SHOTS = ROOT / "build" / "screenshots"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
DESK = {"viewport": {"width": 1280, "height": 800}}
REFUSED = r"Error in connection establishment: net::ERR_CONNECTION_REFUSED"
FROZEN = r"Page entered Back-Forward Cache\."
SHOWN = "() => [...document.querySelectorAll('#list .notification p')].map(words => words.textContent).reverse()"
HAS_SHOWN = f"wanted => JSON.stringify(({SHOWN})()) === JSON.stringify(wanted)"
CROWDED = """
from demos.push import server

class Crowded(server.PushServer):
    def notify(self, text):
        if text.startswith("no room"):
            self.notifications.add(text)
            server.print_line(f"{self.notifications.newest}: {text} (to 0)")
        else:
            super().notify(text)

server.BEAT = 0.5
server.PushServer = Crowded
server.main()
"""
SPY = """
window.told = [];
const Own = window.Notification;
window.Notification = class extends Own {
  constructor(title, options) { super(title, options); window.told.push(options.body); }
};
"""


class PushServer(Process):
    """The example's server; port 0 takes a free one."""

    def __init__(self, port: int = 0, program: Sequence[str] = (str(ROOT / "demos" / "push" / "server.py"),)) -> None:
        super().__init__([sys.executable, *program, "--port", str(port)])
        self.port = int(self.wait_for(r"^Open http://localhost:(\d+)/$").group(1))

    def push(self, *texts: str) -> None:
        """Push, and see that it is done."""
        for text in texts:
            self.say(text)
            self.wait_for(rf"^\d+: {re.escape(text)} \(to \d+\)$")

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Its connections stay open and nothing comes, as when a network is gone."""
        self.popen.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.popen.send_signal(signal.SIGCONT)


class Tab:
    """The page, and what it complained about."""

    def __init__(self, context: BrowserContext, port: int, *, script: str = "", clock: bool = False) -> None:
        self.complaints: list[str] = []
        self.attempts: list[float] = []
        self.page: Page = context.new_page()
        self.page.set_default_timeout(15_000)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("requestfailed", lambda request: self.complaints.append(request.url))
        self.page.on("websocket", lambda socket: self.attempts.append(time.monotonic()))
        if script:
            self.page.add_init_script(script)
        if clock:
            self.page.clock.install()
        self.page.goto(f"http://127.0.0.1:{port}/")
        self.wait_for_state("connected")

    def wait_for_state(self, state: str) -> None:
        self.page.wait_for_selector(f"#state[data-state={state}]")

    def wait_for_exactly(self, *texts: str) -> None:
        """The page shows these, in this order, and no others."""
        self.page.wait_for_function(HAS_SHOWN, arg=list(texts))

    def shown(self) -> list[str]:
        return self.page.evaluate(SHOWN)  # type: ignore[no-any-return]

    def shot(self, name: str) -> None:
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png", animations="disabled", scale="css")

    def unexplained(self, *reasons: str) -> list[str]:
        """Complaints but the browser's own about a WebSocket of this page, for these reasons."""
        own = re.compile(
            rf"WebSocket connection to 'ws://127\.0\.0\.1:\d+/notifications\?run=\w*&after=\d+' failed: "
            rf"(?:{'|'.join(reasons) or '(?!)'})"
        )
        return [line for line in self.complaints if not own.fullmatch(line)]


class Sleep:
    """The tab is hidden behind another one and frozen, as browsers do to save power."""

    def __init__(self, tab: Tab) -> None:
        self._tab = tab
        self._session: CDPSession = tab.page.context.new_cdp_session(tab.page)

    def __enter__(self) -> Self:
        hide(self._tab)
        self._session.send("Page.setWebLifecycleState", {"state": "frozen"})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.send("Page.setWebLifecycleState", {"state": "active"})
        self._tab.page.bring_to_front()


def hide(tab: Tab) -> None:
    """Put another tab in front of it."""
    tab.page.context.new_page().bring_to_front()
    tab.page.wait_for_function("() => document.hidden", polling=50)


@pytest.fixture(scope="module")
def window() -> Iterator[BrowserContext]:
    with real_tabs() as context:
        yield context


@pytest.fixture
def desk(window: BrowserContext) -> Iterator[BrowserContext]:
    yield window
    for page in window.pages[1:]:
        page.close()


@pytest.fixture(scope="module")
def browser(window: BrowserContext) -> Browser:
    assert window.browser is not None
    return window.browser


@pytest.fixture
def server() -> Iterator[PushServer]:
    with PushServer() as running:
        yield running


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(**DESK)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("name", "settings", "scheme"),
    [
        ("1280x800", DESK, "light"),
        ("390x844", PHONE, "dark"),
        pytest.param("1280x800", DESK, "dark", marks=pytest.mark.extended),
        pytest.param("390x844", PHONE, "light", marks=pytest.mark.extended),
    ],
)
def test_a_notification_shows(
    browser: Browser, server: PushServer, name: str, settings: dict[str, Any], scheme: str
) -> None:
    context = browser.new_context(**settings, color_scheme=scheme)
    tab = Tab(context, server.port)
    tab.page.get_by_text("Nothing has come yet").wait_for()
    tab.shot(f"push-empty-{scheme}-{name}")
    texts = [
        "Dinner is ready",
        "<b>Word for word</b> & nothing else",
        "The build of the branch main is through: 1,204 tests, all of them good, in four minutes and eleven seconds",
        "https://example.org/" + "a-long-address-without-any-place-to-break/" * 3,
        "مرحبا بالعالم",
    ]
    server.push(*texts)
    tab.wait_for_exactly(*texts)
    tab.shot(f"push-{scheme}-{name}")
    assert faults(tab.page) == []
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= settings["viewport"]["width"]
    assert tab.complaints == []
    context.close()


def test_asleep_and_back_it_shows_exactly_what_it_missed(desk: BrowserContext, server: PushServer) -> None:
    tab = Tab(desk, server.port)
    server.push("before")
    tab.wait_for_exactly("before")
    with Sleep(tab):
        server.push("one", "two", "three")
        assert tab.shown() == ["before"]
    tab.wait_for_exactly("before", "one", "two", "three")
    server.push("after")
    tab.wait_for_exactly("before", "one", "two", "three", "after")
    assert tab.unexplained(FROZEN) == []


def test_the_network_is_back_and_it_does_not_wait_for_the_next_attempt(
    context: BrowserContext, server: PushServer
) -> None:
    tab = Tab(context, server.port)
    server.push("before")
    tab.wait_for_exactly("before")
    tab.page.evaluate("window.setTimeout = () => 0")  # the page's own next attempt never comes
    context.set_offline(True)
    server.terminate()
    tab.wait_for_state("waiting")
    with PushServer(server.port) as second:
        second.push("one", "two", "three")
        context.set_offline(False)
        tab.wait_for_exactly("before", "one", "two", "three")
    assert len(tab.attempts) == 2
    assert tab.complaints == []


def test_looked_at_again_it_does_not_wait_for_the_next_attempt(desk: BrowserContext, server: PushServer) -> None:
    tab = Tab(desk, server.port)
    server.push("before")
    tab.wait_for_exactly("before")
    tab.page.evaluate("window.setTimeout = () => 0")
    hide(tab)
    server.terminate()
    tab.page.wait_for_function("() => document.getElementById('state').dataset.state === 'waiting'", polling=50)
    with PushServer(server.port) as second:
        second.push("one", "two", "three")
        assert tab.shown() == ["before"]
        tab.page.bring_to_front()
        tab.wait_for_exactly("before", "one", "two", "three")
    assert len(tab.attempts) == 2
    assert tab.complaints == []


def test_a_network_that_went_away_without_a_word_is_noticed(context: BrowserContext, server: PushServer) -> None:
    tab = Tab(context, server.port, clock=True)
    server.push("before")
    tab.wait_for_exactly("before")
    with server.paused():
        for text in ("one", "two", "three"):
            server.say(text)
        tab.page.clock.fast_forward("10:00")
        tab.wait_for_state("connecting")
    tab.wait_for_exactly("before", "one", "two", "three")
    tab.wait_for_state("connected")
    assert tab.complaints == []


def test_a_quiet_while_is_no_reason_to_leave(context: BrowserContext, server: PushServer) -> None:
    tab = Tab(context, server.port, clock=True)
    for text in ("one", "two"):
        tab.page.clock.fast_forward(40_000)
        server.push(text)
        tab.page.locator("#list", has_text=text).wait_for()
    tab.wait_for_exactly("one", "two")
    assert len(tab.attempts) == 1
    assert tab.complaints == []


def test_what_the_server_had_no_room_for_is_fetched(context: BrowserContext) -> None:
    with PushServer(program=["-c", CROWDED]) as server:
        tab = Tab(context, server.port)
        server.push("one", "no room for two", "three")
        tab.wait_for_exactly("one", "no room for two", "three")
        server.push("no room for the last")  # which the next beat tells
        tab.wait_for_exactly("one", "no room for two", "three", "no room for the last")
        server.push("five")
        tab.wait_for_exactly("one", "no room for two", "three", "no room for the last", "five")
        assert len(tab.attempts) == 3
    assert tab.complaints == []


def test_more_than_the_server_keeps_is_told(desk: BrowserContext, server: PushServer) -> None:
    tab = Tab(desk, server.port)
    server.push("before")
    tab.wait_for_exactly("before")
    texts = [f"message {number}" for number in range(103)]
    with Sleep(tab):
        server.push(*texts)
    tab.wait_for_exactly("before", *texts[3:])
    tab.page.get_by_text("Missed 3: older than what the server keeps").wait_for()


def test_killed_and_started_anew_the_server_counts_from_one_and_the_page_goes_on(
    browser: Browser, server: PushServer
) -> None:
    context = browser.new_context(**PHONE, color_scheme="dark")
    tab = Tab(context, server.port)
    server.push("first", "second")
    tab.wait_for_exactly("first", "second")
    tab.page.evaluate("window.setTimeout = () => 0")  # the page's own next attempt never comes
    server.kill()
    tab.wait_for_state("waiting")
    tab.page.get_by_text("No connection to the server.").wait_for()
    tab.shot("push-reconnecting-dark-390x844")
    with PushServer(server.port) as second:
        second.push("third")
        tab.page.get_by_role("button", name="Try now").press("Enter")
        tab.wait_for_exactly("first", "second", "third")
        second.push("fourth", "fifth")
        tab.wait_for_exactly("first", "second", "third", "fourth", "fifth")
        tab.page.get_by_text("The server began anew").wait_for()
        assert tab.page.locator(".event").count() == 1
        tab.shot("push-anew-dark-390x844")
    assert tab.unexplained(REFUSED) == []
    context.close()


PAUSES = """
    window.pauses = [];
    const wait = window.setTimeout;
    window.setTimeout = (call, pause) => { window.pauses.push(pause); return wait(call, pause); };
"""
"""Notes what the page waits for: how long it took says more of the machine."""


def test_the_pauses_between_attempts_grow_until_a_connection_holds(context: BrowserContext, server: PushServer) -> None:
    tab = Tab(context, server.port, script=PAUSES)
    server.kill()
    tab.page.wait_for_function("() => pauses.length >= 4", timeout=60_000)
    assert len(tab.attempts) >= 4
    for pause, least in zip(tab.page.evaluate("() => pauses"), (250, 500, 1000, 2000), strict=False):
        assert least <= pause <= 2 * least
    with PushServer(server.port, ["-c", CROWDED]) as second:
        tab.page.get_by_role("button", name="Try now").click()
        tab.wait_for_state("connected")
        tab.page.wait_for_timeout(1000)  # a beat or two, after which the pauses begin anew
        tab.page.evaluate("() => { pauses.length = 0 }")
        second.kill()
        tab.page.wait_for_function("() => pauses.length >= 1")
        assert tab.page.evaluate("() => pauses[0]") <= 500
    assert tab.unexplained(REFUSED) == []


def test_two_tabs_and_a_late_one_show_the_same(context: BrowserContext, server: PushServer) -> None:
    first, second = Tab(context, server.port), Tab(context, server.port)
    server.push("one", "two")
    for tab in (first, second):
        tab.wait_for_exactly("one", "two")
    late = Tab(context, server.port)
    late.wait_for_exactly("one", "two")
    first.page.close()
    server.push("three")
    for tab in (second, late):
        tab.wait_for_exactly("one", "two", "three")
    assert first.complaints + second.complaints + late.complaints == []


def test_the_system_shows_what_comes_while_the_page_is_hidden(desk: BrowserContext, server: PushServer) -> None:
    desk.grant_permissions(["notifications"])
    tab = Tab(desk, server.port, script=SPY)
    server.push("seen in the page")
    tab.wait_for_exactly("seen in the page")
    hide(tab)
    server.push("shown by the system")
    tab.page.wait_for_function("() => window.told.length > 0", polling=50)
    assert tab.page.evaluate("window.told") == ["shown by the system"]
    assert tab.complaints == []
    desk.clear_permissions()


def test_it_asks_for_permission_on_a_click_only(context: BrowserContext, server: PushServer) -> None:
    asked = "window.asked = 0; const own = Notification.requestPermission; "
    asked += "Notification.requestPermission = () => { window.asked += 1; return own.call(Notification); };"
    tab = Tab(context, server.port, script=asked)
    server.push("no reason to ask")
    tab.wait_for_exactly("no reason to ask")
    assert tab.page.evaluate("window.asked") == 0
    context.grant_permissions(["notifications"])
    tab.page.keyboard.press("Tab")
    tab.page.keyboard.press("Tab")
    assert tab.page.evaluate("document.activeElement.id") == "allow"
    tab.page.keyboard.press("Enter")
    tab.page.get_by_text("The system shows what comes").wait_for()
    assert tab.page.evaluate("window.asked") == 1
    assert not tab.page.get_by_role("button").is_visible()
    assert tab.complaints == []
