"""The page of the push example in a real browser: nothing is missed and nothing comes twice."""

from __future__ import annotations

import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import pytest

from tests.support.chromium import chromium, real_tabs
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
SPY = """
window.told = [];
const Own = window.Notification;
window.Notification = class extends Own {
  constructor(title, options) { super(title, options); window.told.push(options.body); }
};
"""


class PushServer(Process):
    """The example's server; port 0 takes a free one."""

    def __init__(self, port: int = 0) -> None:
        super().__init__([sys.executable, ROOT / "demos" / "push" / "server.py", "--port", str(port)])
        self.port = int(self.wait_for(r"^Open http://localhost:(\d+)/$").group(1))

    def push(self, *texts: str) -> None:
        """Push, and see that it is done."""
        for text in texts:
            self.say(text)
            self.wait_for(rf"^\d+: {re.escape(text)} \(to \d+\)$")

    def is_paused(self, yes: bool) -> None:
        self.popen.send_signal(signal.SIGSTOP if yes else signal.SIGCONT)


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
        self._other = tab.page.context.new_page()
        self._session: CDPSession = tab.page.context.new_cdp_session(tab.page)

    def __enter__(self) -> Self:
        self._other.bring_to_front()
        self._tab.page.wait_for_function("document.hidden", polling=50)
        self._session.send("Page.setWebLifecycleState", {"state": "frozen"})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.send("Page.setWebLifecycleState", {"state": "active"})
        self._tab.page.bring_to_front()
        self._other.close()


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("name", "settings"), [("1280x800", DESK), ("390x844", PHONE)])
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
