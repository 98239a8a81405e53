"""`gdpeer.run` in a page that is seen, hidden and seen again."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.chromium import real_tabs
from tests.support.node import node_modules
from tests.support.processes import Process

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

SERVER = """
import sys
from gdpeer import OK, WebSocketServer, http
server = WebSocketServer()
server.bind_ip = "127.0.0.1"
server.http_handler = http.chain(http.PythonPages(sys.argv[2]), http.StaticFolder(sys.argv[1]))
assert server.listen(0) is OK
print(server.get_local_port(), flush=True)
while True:
    server.poll(timeout=1.0)
"""
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Loop</title><link rel="icon" href="data:,">
<script type="module" src="gdpeer/boot.mjs"></script><script type="text/python" src="main.py"></script></html>"""
MAIN = """
import js
from gdpeer import run

js.window.frames_done, js.window.is_over = 0, False


def tick(delta):
    js.window.frames_done += 1
    return not js.window.is_over


run(tick, fps=20)
"""


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    (tmp_path / "index.html").write_text(PAGE)
    (tmp_path / "main.py").write_text(MAIN)
    command = [sys.executable, "-c", SERVER, str(tmp_path), str(node_modules() / "pyodide")]
    with Process(command) as server, real_tabs() as window:
        found = window.pages[0]
        found.set_default_timeout(30_000)
        found.goto(f"http://127.0.0.1:{server.wait_for(r'^[0-9]+$')[0]}/")
        found.wait_for_function("() => window.frames_done > 5", polling=50)
        yield found


def frames_in(page: Page, seconds: float) -> int:
    before = page.evaluate("window.frames_done")
    page.wait_for_timeout(seconds * 1000)
    return int(page.evaluate("window.frames_done") - before)


def test_frames_go_on_seldom_while_the_page_is_hidden(page: Page) -> None:
    seen = frames_in(page, 2.0)
    assert 30 <= seen <= 44  # at most `fps`
    other = page.context.new_page()
    other.bring_to_front()
    page.wait_for_function("() => document.hidden", polling=50)
    hidden = frames_in(page, 4.0)
    assert 2 <= hidden <= 18
    page.bring_to_front()
    page.wait_for_function("() => !document.hidden", polling=50)
    assert frames_in(page, 2.0) >= 30
    page.evaluate("window.is_over = true")
    page.wait_for_timeout(300)
    assert frames_in(page, 0.5) == 0
    other.bring_to_front()
    page.wait_for_function("() => document.hidden", polling=50)
    assert frames_in(page, 1.5) == 0
