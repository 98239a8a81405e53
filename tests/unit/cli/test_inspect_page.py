"""What the page of `gdpeer inspect` sends to tabs that do not read. More of it: `test_tunnels.py`, `tests/browser`."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from gdpeer import OK, WebSocketPeer
from gdpeer.cli.inspect_page import MOST_BUFFERED, Page
from gdpeer.clock import ManualClock
from gdpeer.inspection.direction import Direction, Message
from gdpeer.inspection.method_names import MethodNames
from gdpeer.inspection.rows import Filter, Inspector
from gdpeer.inspection.tunnel import Opened, Passed, Tunnel

CALL = Passed(1.0, 1, Direction.TO_SERVER, Message(b"\xff" * 32, False), False)


class Shown:
    """A page without a tunnel's traffic: the test makes the events."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        tunnel = Tunnel("ws://localhost:8910", None, self.clock)
        self.inspector = Inspector("raw", MethodNames([]), Filter())
        self.page = Page(self.inspector, tunnel, "raw", "127.0.0.1", 0, "ws://localhost:8910")
        self.show(Opened(0.0, 1, "/", "", False))

    def show(self, *events: Opened | Passed) -> None:
        self.clock.advance(0.2)
        self.page.show(events, self.inspector.rows(events))

    def tab(self) -> WebSocketPeer:
        tab = WebSocketPeer()
        tab.inbound_buffer_size = 1 << 24
        assert tab.connect_to_url(f"ws://127.0.0.1:{self.page.port}") == OK
        while not self.page._server.peers:
            tab.poll()
            self.show()
        return tab


@pytest.fixture
def shown() -> Iterator[Shown]:
    made = Shown()
    with made.page:
        yield made


def test_a_tab_that_does_not_read_misses_rows_and_sees_it_by_the_numbers(shown: Shown) -> None:
    tab = shown.tab()
    [peer] = shown.page._server.peers.values()
    for _ in range(120):
        shown.show(*[CALL] * 500)
    assert MOST_BUFFERED < peer.get_current_outbound_buffered_amount() < 2 * MOST_BUFFERED
    numbers: list[int] = []
    for _ in range(10_000):
        tab.poll()
        shown.show()
        while tab.get_available_packet_count():
            numbers += [row["number"] for row in json.loads(tab.get_packet())["rows"]]
        if peer.get_current_outbound_buffered_amount() == 0 and len(numbers) > 1:
            break
    shown.show(CALL)
    while numbers[-1] != 60_002:
        tab.poll()
        shown.show()
        while tab.get_available_packet_count():
            numbers += [row["number"] for row in json.loads(tab.get_packet())["rows"]]
    assert numbers == sorted(set(numbers))
    assert 5_000 < len(numbers) < 60_000
