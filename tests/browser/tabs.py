"""A tab of a real browser: what it shows, what it complains about, and whom it asks."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from tests.support.missing import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SHOTS = ROOT / "build" / "screenshots"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
DESK = {"viewport": {"width": 1280, "height": 800}}


class Tab:
    """A page in a context of its own.

    Args:
        browser: where.
        address: of the page.
        script: runs in the page before its own.
        settings: of the context.

    Attributes:
        page: Playwright's.
        complaints: what the page said in the console, errors that nobody caught, and requests that failed.
        hosts: whom it asked for anything.
    """

    def __init__(self, browser: Browser, address: str, script: str = "", **settings: Any) -> None:
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        self.context = browser.new_context(**(DESK | settings))
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(15_000)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("requestfailed", lambda request: self.complaints.append(request.url))
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        if script:
            self.page.add_init_script(script)
        self.prepare()
        self.page.goto(address)

    def prepare(self) -> None:
        """What is to be done before the page is loaded."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.context.close()

    def wait_for_state(self, state: str) -> None:
        self.page.wait_for_selector(f"#state[data-state={state}]")

    def focused(self) -> str:
        """The id of the element that has the focus."""
        return str(self.page.evaluate("document.activeElement.id"))

    def shot(self, name: str) -> None:
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png", animations="disabled", scale="css")
