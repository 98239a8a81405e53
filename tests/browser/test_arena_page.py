"""The arena's page in a real browser: a player in Python beside bots and a Godot client."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.axe import faults
from tests.browser.tabs import PHONE, Tab
from tests.support.arena import join
from tests.support.node import node_modules
from tests.support.processes import Process, gdpeer_command
from tests.support.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.node, pytest.mark.timeout(180)]

BOOT_LIMIT = 60_000  # milliseconds
KEEP_PYODIDE = "document.addEventListener('gdpeer:ready', event => { window.pyodide = event.detail.pyodide; });"
CHROMIUM_SAYS = "WebSocket connection to"
"""How the browser reports each attempt while nothing listens."""


class Host(Process):
    """A `gdpeer arena` with some bots."""

    def __init__(self, port: int = 0, bots: int = 0) -> None:
        folder: Path = node_modules() / "pyodide"
        options = ("--host", "127.0.0.1", "--port", str(port), "--bots", str(bots), "--pyodide", str(folder))
        super().__init__(gdpeer_command("arena", *options))
        self.url = self.wait_for(r"^Godot 4 and bots: +(ws://\S+)$")[1]
        self.page = self.wait_for(r"^In a browser: +(http://\S+)$")[1]
        self.port = int(self.url.rstrip("/").rpartition(":")[2])


class ArenaTab(Tab):
    """The page, with its Python started."""

    def __init__(self, browser: Browser, host: Host, **settings: Any) -> None:
        super().__init__(browser, host.page, KEEP_PYODIDE, **settings)
        self.page.wait_for_selector("#seat:not([hidden])", timeout=BOOT_LIMIT)

    def join(self, name: str) -> None:
        self.page.get_by_label("Your name").fill(name)
        self.page.get_by_label("Your name").press("Enter")
        self.wait_for_state("connected")
        self.page.locator("#score", has_text="Score").wait_for()

    def wait_for_name(self, name: str) -> None:
        """The list of the best shows that name, which comes from the server."""
        self.page.locator("#board .name", has_text=name).first.wait_for()

    def python(self, code: str) -> Any:
        """Runs Python in the page, beside its own program."""
        return self.page.evaluate("code => window.pyodide.runPython(code)", code)

    def position(self) -> tuple[float, float]:
        x, y = self.python("f'{page.guest.player.position.x} {page.guest.player.position.y}'").split()
        return float(x), float(y)

    def moves(self) -> None:
        """Waits until the player is somewhere else."""
        before = self.position()
        until(lambda: self.position() != before)

    def stays(self) -> None:
        """Waits until the player stands still."""

        def is_still() -> bool:
            before = self.position()
            self.page.wait_for_timeout(200)
            return self.position() == before

        until(is_still)

    def pixels(self) -> int:
        """How many different colours the canvas shows."""
        count: int = self.page.evaluate(
            """() => {
              const view = document.getElementById('view');
              const { data } = view.getContext('2d').getImageData(0, 0, view.width, view.height);
              return new Set(new Uint32Array(data.buffer)).size;
            }"""
        )
        return count


@pytest.mark.engine
def test_page_bots_and_godot_play_in_one_arena(browser: Browser) -> None:
    with Host(bots=2) as host, ArenaTab(browser, host) as tab, join(host.url, "Gus") as gus:
        tab.join("Ann")
        for name in ("Ann", "Gus", "Bot 1", "Bot 2"):
            tab.wait_for_name(name)
        tab.page.locator("#count", has_text="4").wait_for()
        gus.wait_for("player", title="Gus")
        for key in ("ArrowLeft", "KeyD"):
            tab.page.keyboard.down(key)
            tab.moves()
            tab.page.keyboard.up(key)
            tab.stays()
        box = tab.page.locator("#view").bounding_box()
        assert box is not None
        # Towards the middle of the arena, because a player at a wall would not move.
        x, y = tab.position()
        tab.page.mouse.move(box["x"] + box["width"] * (0.2 if x > 1200 else 0.8), box["y"] + box["height"] * 0.5)
        tab.page.mouse.down()
        tab.moves()
        tab.page.mouse.up()
        tab.stays()
        assert tab.position()[1] == pytest.approx(y, abs=30)
        assert tab.pixels() > 10
        assert faults(tab.page) == []
        tab.shot("arena-1280x800")
        tab.page.get_by_role("button", name="Leave").click()
        tab.page.wait_for_selector("#seat:not([hidden])")
        host.wait_for(r"^Ann has gone; players: 3$")
        assert (gus.stderr, tab.complaints, tab.hosts) == ([], [], {f"127.0.0.1:{host.port}"})


@pytest.mark.extended
def test_a_page_that_is_loaded_again_plays_again_and_returns_after_a_loss(browser: Browser) -> None:
    host = Host()
    with host, ArenaTab(browser, host, **PHONE) as tab:
        tab.join("Ann")
        tab.shot("arena-390x844")
        tab.page.reload()
        tab.page.locator("#score", has_text="Score").wait_for(timeout=BOOT_LIMIT)
        host.kill()
        tab.wait_for_state("waiting")
        tab.page.get_by_text("The connection is lost.").wait_for()
        with Host(host.port) as again:
            tab.wait_for_state("connected")
            again.wait_for(r"^Ann has come; players: 1$")
            assert not tab.page.locator("#notice").is_visible()
        assert [text for text in tab.complaints if CHROMIUM_SAYS not in text] == []


@pytest.mark.extended
def test_an_address_that_is_none_is_refused_beside_its_field(browser: Browser) -> None:
    with Host() as host, ArenaTab(browser, host) as tab:
        field = tab.page.get_by_label("Address of the server")
        field.fill("http://127.0.0.1/")
        field.press("Enter")
        tab.page.locator("#problem", has_text="This is no address to join").wait_for()
        assert tab.focused() == "url"
