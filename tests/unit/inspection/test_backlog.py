"""What is kept of a tunnel's messages, within which limits, and what a message in detail has."""

from __future__ import annotations

import tracemalloc
from base64 import b64decode

from gdpeer.inspection.backlog import MOST_BYTES, MOST_TEXT, TIMES, Backlog, detail
from gdpeer.inspection.direction import Direction, Message
from gdpeer.inspection.method_names import MethodNames
from gdpeer.inspection.recording import pieces, read_recording
from gdpeer.inspection.rows import Filter, Inspector, Row
from gdpeer.inspection.tunnel import Ended, Event, Opened, Passed, Refused
from gdpeer.multiplayer.wire import godot4

OPEN = Opened(0.0, 1, "/", "", False)
END = Ended(9.0, 1, Direction.TO_SERVER, 1000, "")


def passed(time: float, data: bytes = b"x", line: int = 1) -> Passed:
    return Passed(time, line, Direction.TO_SERVER, Message(data, False), False)


def rows_of(events: list[Event], wanted: Filter | None = None, dialect: str = "raw") -> list[Row]:
    return Inspector(dialect, MethodNames([]), wanted or Filter()).rows(events)


def filled(events: list[Event], most_rows: int = 100, most_weight: int = 1_000_000) -> Backlog:
    backlog = Backlog(most_rows, most_weight)
    backlog.add(events, rows_of(events))
    return backlog


def test_rows_have_numbers_and_the_oldest_are_dropped() -> None:
    backlog = Backlog(3)
    events: list[Event] = [OPEN, *(passed(float(at)) for at in range(1, 5))]
    assert backlog.add(events, rows_of(events)) == 1
    assert (backlog.count, backlog.missing) == (5, 2)
    assert [backlog.get(number) is not None for number in range(7)] == [False] * 3 + [True] * 3 + [False]
    more = [OPEN, passed(7.0)]
    assert backlog.add([], rows_of(more)[1:]) == 6


def test_the_weight_is_limited_and_a_very_long_message_is_not_kept() -> None:
    backlog = filled([OPEN, *(passed(1.0, bytes(1000)) for _ in range(20))], most_weight=100_000)
    assert backlog.count - backlog.missing == 100_000 // (1000 + TIMES * 1000)
    backlog = filled([OPEN, passed(1.0), passed(2.0, bytes(3000))], most_weight=100_000)
    assert [backlog.get(number) is not None for number in (1, 2, 3)] == [True, True, False]


def test_the_weight_is_about_the_memory() -> None:
    values = [[[] for _ in range(2000)], [{} for _ in range(2000)], [True, None] * 2000, ["a"] * 2000]
    for value in values:
        call = godot4.RemoteCall(1, 3, [value]).encode()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        kept = rows_of([OPEN, passed(1.0, call)], dialect="godot4")
        used = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        assert kept[1].decoded.arguments
        assert used < 20_000 + TIMES * len(call)


def test_a_recording_begins_with_the_connections_of_its_messages() -> None:
    others: list[Event] = [Opened(0.5, 2, "/2", "", False), Ended(0.6, 2, None, -1, ""), Refused(0.7, 3, "no")]
    backlog = filled([OPEN, *others, *(passed(float(at)) for at in range(1, 5)), END], most_rows=3)
    assert backlog.events() == [OPEN, passed(3.0), passed(4.0), END]
    text = b"".join(pieces("ws://host/?token=secret", "raw", backlog.events())).decode()
    assert "secret" not in text
    recording = read_recording(text.splitlines())
    assert (recording.dialect, recording.events) == ("raw", backlog.events())


def test_a_filter_leaves_out_messages_but_no_begin_of_a_connection() -> None:
    events: list[Event] = [OPEN, passed(1.0), Passed(2.0, 1, Direction.TO_CLIENT, Message(b"y", True), False), END]
    backlog = Backlog()
    backlog.add(events, rows_of(events, Filter(commands=("text",))))
    assert backlog.events() == [OPEN, events[2], END]


def test_connections_that_are_over_are_forgotten() -> None:
    backlog = Backlog(1)
    for line in range(1, 50):
        events: list[Event] = [OPEN._replace(line=line), passed(1.0, line=line), END._replace(line=line)]
        backlog.add(events, rows_of(events))
    assert len(backlog._connections) == 1
    backlog = Backlog()
    backlog.add([OPEN, END], [])
    assert not backlog._connections


def test_a_long_recording_comes_in_pieces() -> None:
    events: list[Event] = [OPEN, *(passed(1.0, bytes(1000)) for _ in range(100))]
    found = list(pieces("ws://host", "raw", events))
    assert len(found) > 5
    assert read_recording(b"".join(found).decode().splitlines()).events == events


def test_a_detail_has_values_and_bytes_in_full_within_limits() -> None:
    text = "x" * 5000
    call = godot4.RemoteCall(1, 3, [text, list(range(3000))]).encode()
    row = rows_of([OPEN, passed(1.0, call)], dialect="godot4")[1]
    found = detail(row)
    assert found["arguments"] == [f'"{text}"', f"[{', '.join(map(str, range(3000)))}]"]
    assert (b64decode(found["data"]), found["cut"]) == (call, False)
    call = godot4.RemoteCall(1, 3, [list(range(9000))] * 100).encode()
    found = detail(rows_of([OPEN, passed(1.0, call)], dialect="godot4")[1])
    assert found["cut"]
    assert sum(map(len, found["arguments"])) < 2 * MOST_TEXT
    assert b64decode(found["data"]) == call[:MOST_BYTES]
    assert "data" not in detail(rows_of([OPEN])[0])
