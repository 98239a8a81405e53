"""The page of `gdpeer inspect` with a recorded game: two real players of the coin game of docs/game-server.md.

with played_game() as address: ...

The same rows at the same times each time, so that pictures of the page can be compared.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gdpeer.cli.inspect_page import Page
from gdpeer.clock import ManualClock
from gdpeer.inspection.method_names import MethodNames, load_tables
from gdpeer.inspection.recording import read_recording
from gdpeer.inspection.rows import Filter, Inspector
from gdpeer.inspection.tunnel import Ended, Event, Passed, Tunnel
from tests.support.missing import ROOT
from tests.support.pages import program

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab

RECORDED = ROOT / "tests" / "golden" / "coin_game.jsonl"
FROM = 1.0
"""Seconds after which both players are in the game: the rest is played again and again."""

TIMES = 24
AT_ONCE = 50


def events() -> list[Event]:
    """Returns the recorded game, its later part several times, at changing speed."""
    found: list[Event] = [
        one for one in read_recording(RECORDED.read_text().splitlines()).events if not isinstance(one, Ended)
    ]
    moves = [one for one in found if isinstance(one, Passed) and one.time > FROM]
    end = moves[-1].time
    for turn in range(TIMES):
        slow = 1 + turn % 5 / 4
        found += [one._replace(time=end + (one.time - FROM) * slow) for one in moves]
        end = found[-1].time
    return found


@contextmanager
def played_game() -> Iterator[str]:
    """Serves the page in a thread; yields its address."""
    clock = ManualClock()
    tunnel = Tunnel("ws://localhost:8920", None, clock)
    names = MethodNames(load_tables(str(program("game/godot4/project.godot").parent)).tables)
    inspector = Inspector("auto", names, Filter())
    with Page(inspector, tunnel, "auto", "127.0.0.1", 0, "ws://localhost:8920") as page:
        feed(events(), clock, inspector, page)
        over = threading.Event()
        thread = threading.Thread(target=lambda: poll(page, over))
        thread.start()
        try:
            yield page.address
        finally:
            over.set()
            thread.join()


def feed(those: list[Event], clock: ManualClock, inspector: Inspector, page: Page) -> None:
    for at in range(0, len(those), AT_ONCE):
        some = those[at : at + AT_ONCE]
        clock.advance(some[-1].time - clock.now())
        page.show(some, inspector.rows(some))
        inspector.totals.tick(clock.now())


def poll(page: Page, over: threading.Event) -> None:
    while not over.wait(0.01):
        page.show([], [])


def open_game(tab: Tab) -> None:
    """Waits until the page shows the whole game."""
    tab.wait_for_selector("#graph-bytes svg")
    tab.wait_for_function("() => document.querySelectorAll('#rows li').length === 501 && newest.hidden")


def open_message(tab: Tab) -> None:
    """Opens the last message of the game in full."""
    tab.locator("#rows").press("End")
    tab.locator("#rows").press("Enter")
    tab.wait_for_selector("#hex:visible")
