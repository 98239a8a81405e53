"""Runs the system's Chromium without a display, controlled by Playwright's driver.

with chromium() as browser:
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{port}/")

Every page there believes that it is visible. Use `real_tabs` for pages that must be hidden and sleep.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.support.missing import missing
from tests.support.processes import Process

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]
"""Options that keep the browser from connecting to anything but the page under test."""


def find_chromium() -> str | None:
    """Returns the path of the browser: GDPEER_CHROMIUM, or the first one that is installed."""
    named = os.environ.get("GDPEER_CHROMIUM")
    return named or next(filter(None, map(shutil.which, PROGRAMS)), None)


_drivers: list[Any] = []
"""The driver, once for each of its users."""


@contextmanager
def driver() -> Iterator[Playwright]:
    """Yields Playwright's driver. A process can have only one, so all its browsers share it."""
    from playwright.sync_api import sync_playwright

    _drivers.append(_drivers[0] if _drivers else sync_playwright().start())
    try:
        yield _drivers[0]
    finally:
        last = _drivers.pop()
        if not _drivers:
            last.stop()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Runs a browser during the block; ends the test if none is installed."""
    path, flags = command()
    with driver() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=flags)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def real_tabs() -> Iterator[BrowserContext]:
    """Runs a browser's window during the block, in which one tab is visible and the others are hidden."""
    path, flags = command()
    with driver() as playwright, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        words = ["--headless", "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank"]
        with Process([path, *flags, *words]) as process:
            yield from connected(playwright, process)


def connected(playwright: Playwright, process: Process) -> Iterator[BrowserContext]:
    def addresses() -> list[str]:
        return [line.split()[-1] for line in process.stderr if line.startswith("DevTools listening on ")]

    process.wait_until(lambda: bool(addresses()), "address to connect to", 30.0)
    browser = playwright.chromium.connect_over_cdp(addresses()[0], no_defaults=True)
    try:
        yield browser.contexts[0]
    finally:
        browser.new_browser_cdp_session().send("Browser.close")


def command() -> tuple[str, list[str]]:
    """Returns the browser's path and its flags; ends the test if none is installed."""
    path = find_chromium()
    if path is None:
        missing("Chromium", "no chromium is installed")
    return path, [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else FLAGS
