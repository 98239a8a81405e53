"""The push example's server: what it keeps and for whom, and the same as a process."""

from __future__ import annotations

import json
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from demos.push.server import KEPT, LONGEST, Notifications, PushServer, seen
from tests.support.missing import ROOT
from tests.support.processes import Process


class Running(Process):
    """The example on a free port of loopback."""

    def __init__(self, *arguments: str) -> None:
        super().__init__([sys.executable, ROOT / "demos" / "push" / "server.py", "--port", "0", *arguments])
        self.port = int(self.wait_for(r"^Open http://localhost:(\d+)/$")[1])

    def join(self, query: str = "", origin: str | None = None) -> ClientConnection:
        address = f"ws://127.0.0.1:{self.port}/notifications{query}"
        return connect(address, proxy=None, origin=origin)  # type: ignore[arg-type]

    def post(self, body: str, headers: dict[str, str] | None = None, method: str = "POST") -> tuple[int, str]:
        data = body.encode() if method == "POST" else None
        address = f"http://127.0.0.1:{self.port}/notify"
        request = urllib.request.Request(address, data, headers or {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()


@pytest.fixture
def running() -> Iterator[Running]:
    with Running() as process:
        yield process


def told(notifications: Notifications, run: str, number: int) -> tuple[int, list[str]]:
    """After which number it goes on, and the texts that follow; their numbers have to be the ones after it."""
    first, *rest = map(json.loads, notifications.since(run, number))
    assert first["run"] == notifications.run
    assert [each["number"] for each in rest] == list(range(first["after"] + 1, notifications.newest + 1))
    return first["after"], [each["text"] for each in rest]


def some(count: int, kept: int = 3) -> Notifications:
    notifications = Notifications(kept)
    for number in range(1, count + 1):
        notifications.add(f"text {number}")
    return notifications


def test_numbers_grow_from_1() -> None:
    notifications = Notifications()
    first, second = json.loads(notifications.add("a")), json.loads(notifications.add("grün"))
    assert (first["number"], first["text"]) == (1, "a")
    assert (second["number"], second["text"]) == (2, "grün")
    assert notifications.newest == 2
    assert abs(second["time"] - time.time()) < 60


def test_before_the_first_one_there_is_nothing_to_catch_up_with() -> None:
    assert told(some(0), "", 0) == (0, [])


@pytest.mark.parametrize(
    ("number", "after", "texts"),
    [
        (5, 5, []),
        (4, 4, ["text 5"]),
        (2, 2, ["text 3", "text 4", "text 5"]),
        (1, 2, ["text 3", "text 4", "text 5"]),  # more was missed than is kept
        (0, 2, ["text 3", "text 4", "text 5"]),
        (6, 2, ["text 3", "text 4", "text 5"]),  # no such number in this run
    ],
)
def test_a_page_gets_what_it_missed_as_far_as_it_is_kept(number: int, after: int, texts: list[str]) -> None:
    notifications = some(5)
    assert told(notifications, notifications.run, number) == (after, texts)
    assert told(notifications, "", number) == (after, texts)


def test_the_numbers_of_another_run_mean_nothing() -> None:
    notifications = some(2)
    assert notifications.run != some(2).run
    assert told(notifications, some(2).run, 1) == (0, ["text 1", "text 2"])


def test_a_long_text_is_cut_and_all_that_is_kept_fits_into_the_buffer() -> None:
    push = PushServer()
    for _ in range(KEPT + 1):
        push.notifications.add("\x01" * (LONGEST + 1))  # JSON takes six bytes for each, UTF-8 never more
    _, *kept = push.notifications.since("", 0)
    assert len(kept) == KEPT
    assert json.loads(kept[0])["text"] == "\x01" * LONGEST
    assert sum(len(message) + 20 for message in kept) < push.server.outbound_buffer_size
    assert len(kept) + 10 < push.server.max_queued_packets


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ("", 0)),
        ("?", ("", 0)),
        ("?run=ab&after=7", ("ab", 7)),
        ("?after=7", ("", 7)),
        ("?after=7&run=ab&more=1", ("ab", 7)),
        ("?run=&after=", ("", 0)),
        ("?after=-1", ("", 0)),
        ("?after=7.5", ("", 0)),
        ("?after=%C2%B2", ("", 0)),
        ("?after=" + "9" * 10_000, ("", 10**15 - 1)),
    ],
)
def test_what_a_page_says_in_its_address(query: str, found: tuple[str, int]) -> None:
    assert seen(f"ws://localhost:8000/notifications{query}") == found


def test_a_port_in_use_is_one_line(running: Running) -> None:
    with Process([sys.executable, ROOT / "demos/push/server.py", "--port", str(running.port)]) as second:
        assert second.wait() == 1
        assert second.stderr[-1].startswith("Unable to start server: ")
        assert not any("Traceback" in line for line in second.stderr)


def take(client: ClientConnection) -> dict[str, Any]:
    return json.loads(client.recv(timeout=10))  # type: ignore[no-any-return]


def test_lines_and_posts_reach_everyone_and_those_who_come_back(running: Running) -> None:
    with running.join() as first, running.join() as second:
        assert take(first) == take(second)
        running.say("  a line ")
        assert [take(first)["text"], take(second)["text"]] == ["a line", "a line"]
        running.say("")
        assert running.post("a post\r\nof two lines") == (200, '{"number": 2}')
        assert [take(first)["text"], take(second)["number"]] == ["a post of two lines", 2]
    running.post("missed")
    with running.join("?after=2") as back:
        assert take(back)["after"] == 2
        assert take(back)["text"] == "missed"
    running.interrupt()
    assert (running.wait(), running.stderr) == (0, [])


def test_only_programs_on_this_machine_may_notify(running: Running) -> None:
    assert running.post("x", {"Origin": f"http://127.0.0.1:{running.port}"})[0] == 403
    assert running.post(" \n ") == (400, "nothing to say\n")
    assert running.post("", method="GET") == (405, "POST it\n")
    with running.join() as client:
        assert take(client)["after"] == 0


def test_nobody_else_s_page_may_listen() -> None:
    with Running("--origin", "https://push.example") as running:
        for origin in (f"http://localhost:{running.port}", f"http://127.0.0.1:{running.port}", "https://push.example"):
            with running.join(origin=origin) as client:
                assert take(client)["after"] == 0
        with pytest.raises(InvalidStatus) as refused, running.join(origin="https://elsewhere.example"):
            pass
        assert refused.value.response.status_code == 403


def test_it_says_that_it_is_there_and_how_far() -> None:
    words = "from demos.push import server; server.BEAT = 0.6; server.main()"
    with Process([sys.executable, "-c", words, "--port", "0"]) as quick:
        port = quick.wait_for(r"^Open http://localhost:(\d+)/$")[1]
        with connect(f"ws://127.0.0.1:{port}/notifications", proxy=None) as client:
            assert take(client)["after"] == 0
            assert [take(client), take(client)] == [{"beat": 0}, {"beat": 0}]
            quick.say("one")
            while (message := take(client)) == {"beat": 0}:
                pass
            assert message["number"] == 1
            assert take(client) == {"beat": 1}


def test_who_speaks_is_sent_away(running: Running) -> None:
    with running.join() as client:
        take(client)
        client.send("hello")
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=10)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "Pages only listen here")


def test_a_phone_that_answers_no_ping_is_gone() -> None:
    push = PushServer()
    push.server.heartbeat_interval = 0.1
    assert push.listen(0, [])
    head = "GET /notifications HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    head += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    with push.server, socket.create_connection(("127.0.0.1", push.server.get_local_port())) as phone:
        phone.sendall(head.encode())
        assert polled_until(push, 1)
        assert polled_until(push, 0)


def polled_until(push: PushServer, count: int) -> bool:
    deadline = time.monotonic() + 5.0
    while len(push.server.peers) != count and time.monotonic() < deadline:
        push.server.poll(timeout=0.05)
    return len(push.server.peers) == count
