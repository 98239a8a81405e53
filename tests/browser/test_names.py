"""Host names in other scripts: we look up the name that a browser looks up."""

# ruff: noqa: RUF001  (letters that look alike are what this is about)

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gdpeer.protocol.url import parse_url
from tests.unit.protocol import test_url

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

ASK = "names => names.map(name => { try { return new URL(`ws://${name}/`).hostname } catch { return null } })"

OF_THE_SAME_KIND = [
    "ß",
    "ẞ",
    "ς",
    "ü",
    "*",
    "_",
    "-",
    "é",
    "fi",
    "日",
    "語",
    "ა",
    "Ა",
    "ꭰ",
    "Ꭰ",
    "ﷺ",
    "㎏",
    "ǆ",
    "İ",
    "ı",
    "ſ",
    "Ⅷ",
    "①",
    "א",
    "ا",
    "٣",
    "۳",
    "्",
    "ി",
    "😀",
    "☃",
    "€",
    "ª",
    "ͅ",
    "\u2060",
    "͏",
]
"""Each of them between letters; none that is younger than the oldest Python's Unicode data."""


def ours(name: str) -> str | None:
    try:
        return parse_url(f"ws://{name}/").host
    except ValueError:
        return None


def test_names_lead_where_a_browser_goes(browser: Browser) -> None:
    names = [name for name, _ in test_url.NAMES] + [name for name in test_url.NO_NAMES if "\ud800" not in name]
    names += [f"a{char}b.example" for char in OF_THE_SAME_KIND] + [f"{char}.example" for char in "ßςü日א"]
    page = browser.new_page()
    try:
        found = dict(zip(names, page.evaluate(ASK, names), strict=True))
    finally:
        page.close()
    found = {name: host for name, host in found.items() if "*" not in name}  # shown as %2A
    assert {name: ours(name) for name in found} == found
