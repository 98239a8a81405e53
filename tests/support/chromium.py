"""Chromium without a display, driven by Playwright's driver; the browser is the system's own.

with chromium() as browser:
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{port}/")
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support.missing import missing

if TYPE_CHECKING:
    from playwright.sync_api import Browser

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
"""Keeps the browser from talking to anything but the page under test."""


def find_chromium() -> str | None:
    """The path of the browser: GDPEER_CHROMIUM, or the first that is installed."""
    named = os.environ.get("GDPEER_CHROMIUM")
    return named or next(filter(None, map(shutil.which, PROGRAMS)), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running browser; ends the test where there is none."""
    from playwright.sync_api import sync_playwright

    path = find_chromium()
    if path is None:
        missing("Chromium", "no chromium is installed")
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else FLAGS
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=flags)
        try:
            yield browser
        finally:
            browser.close()
