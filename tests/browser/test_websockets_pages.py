"""The pages that `websockets` publishes for two of its examples, on each server, as published and as ported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.examples import KINDS, PUBLISHED, on_port, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

SERVERS = pytest.mark.parametrize("server", KINDS)
COUNTS = "wanted => ['.value', '.users'].map(one => document.querySelector(one).textContent).join() === wanted"
TIMES = "() => [...document.querySelectorAll('li')].map(one => one.textContent)"


def opener(browser: Browser, name: str, port: int, folder: Path) -> Callable[[], Page]:
    """What opens the page once more."""
    on_port("published", f"quick/{name}.js", port, folder).rename(folder / f"{name}.js")
    html = (PUBLISHED / "quick" / f"{name}.html").read_bytes()
    (folder / f"{name}.html").write_bytes(html)

    def open_page() -> Page:
        page = browser.new_page()
        page.goto((folder / f"{name}.html").as_uri())
        return page

    return open_page


@SERVERS
def test_counter(server: str, browser: Browser, tmp_path: Path) -> None:
    with serving(server, "quick/counter.py", tmp_path) as (_, port):
        open_page = opener(browser, "counter", port, tmp_path)
        first, second = open_page(), open_page()
        for page in (first, second):
            page.wait_for_function(COUNTS, arg="0,2 users")
        for page, button, value in ((first, "plus", 1), (second, "plus", 2), (second, "minus", 1)):
            page.click(f".{button}")
            for each in (first, second):
                each.wait_for_function(COUNTS, arg=f"{value},2 users")
        second.close()
        first.wait_for_function(COUNTS, arg="1,1 user")
        first.close()


@SERVERS
def test_sync_time(server: str, browser: Browser, tmp_path: Path) -> None:
    with serving(server, "quick/sync_time.py", tmp_path) as (_, port):
        open_page = opener(browser, "show_time", port, tmp_path)
        first, second = open_page(), open_page()
        second.wait_for_function(f"() => ({TIMES})().length >= 2")
        last = second.evaluate(TIMES)[-1]
        first.wait_for_function(f"last => ({TIMES})().includes(last)", arg=last)
        first.close()
        second.close()
