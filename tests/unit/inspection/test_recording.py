"""Recordings: what is written is read again, and what is damaged is refused by its line."""

from __future__ import annotations

import io
import json

import pytest

from gdpeer.inspection.direction import Direction, Message
from gdpeer.inspection.recording import RecordingError, read_recording, write_events, write_header
from gdpeer.inspection.tunnel import Ended, Event, Opened, Passed, Refused

UP, DOWN = Direction.TO_SERVER, Direction.TO_CLIENT
EVENTS: list[Event] = [
    Opened(0.01, 1, "/game", "chat", False),
    Passed(0.02, 1, DOWN, Message(bytes(range(256)), False), False),
    Passed(0.03, 1, UP, Message('grüße\n"\u2028'.encode(), True), False),
    Refused(0.04, 2, "http status: no"),
    Opened(0.05, 3, "/", "", False),
    Ended(0.06, 1, UP, 4001, "bye"),
    Ended(0.07, 3, None, -1, ""),
]


def written(*events: Event, to: str = "ws://h/?token=x", dialect: str = "godot4") -> str:
    file = io.StringIO()
    write_header(file, to, dialect)
    write_events(file, events)
    return file.getvalue()


def test_what_is_written_is_read_again() -> None:
    recording = read_recording(io.StringIO(written(*EVENTS)))
    assert recording.events == EVENTS
    assert recording.dialect == "godot4"
    assert recording.peers() == [1, 3]


def test_each_line_is_json_and_the_first_one_the_header() -> None:
    lines = [json.loads(line) for line in written(*EVENTS).splitlines() if line]
    assert lines[0] == {"gdpeer": "recording", "version": 1, "to": "ws://h/?token=***", "dialect": "godot4"}
    assert len(lines) == 1 + len(EVENTS)
    assert lines[3]["text"] == 'grüße\n"\u2028'


def test_values_of_a_query_are_not_kept() -> None:
    text = written(Opened(0.0, 1, "/?token=secret", "", False))
    assert "secret" not in text
    assert "token=***" in text


HEADER = written()
OPEN = '{"time": 0, "peer": 1, "event": "open", "target": "/", "protocol": ""}\n'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "line 1: invalid JSON (at character 1)"),
        ("\n", "line 1: invalid JSON"),
        ("[]\n", "line 1: this is not a recording"),
        ('{"gdpeer": "recording", "version": 2}\n', "line 1: unsupported version 2 of recordings, expected 1"),
        (HEADER + "{", "line 2: invalid JSON (at character 2)"),
        (HEADER + "[]", "line 2: unexpected value for a recording"),
        (HEADER + OPEN + "{}", "line 3: 'time' is missing"),
        (HEADER + OPEN + '{"time": 0, "peer": 1, "event": "dance"}', "line 3: unknown event 'dance'"),
        (HEADER + OPEN + '{"time": 0, "peer": 1, "direction": "up", "text": ""}', "line 3: 'up' is not a valid"),
        (HEADER + OPEN + '{"time": 0, "peer": 1, "direction": "to_client"}', "line 3: 'binary' is missing"),
        (HEADER + OPEN + '{"time": 0, "peer": 1, "direction": "to_client", "binary": "?"}', "line 3: "),
        (HEADER + OPEN + '{"time": 0, "peer": 1, "direction": "to_client", "text": 7}', "line 3: unexpected value"),
        (HEADER + OPEN + '{"time": 0, "peer": 2, "direction": "to_client", "text": ""}', "line 3: peer 2 was not"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused_by_its_line(text: str, problem: str) -> None:
    with pytest.raises(RecordingError) as refused:
        read_recording(io.StringIO(text))
    assert str(refused.value).startswith(problem)
