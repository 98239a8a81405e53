"""Lines from standard input, taken without waiting."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Iterator
from typing import TextIO

import pytest

from gdpeer.terminal.lines import Lines, is_typed

PATIENCE = 30.0


def all_lines(lines: Lines) -> list[str]:
    """Everything up to the end, within some seconds."""
    taken = []
    deadline = time.monotonic() + PATIENCE
    while not lines.ended:
        assert time.monotonic() < deadline, "the lines did not end"
        line = lines.take()
        if line is None:
            time.sleep(0.001)
        else:
            taken.append(line)
    return taken


@pytest.fixture
def pipe() -> Iterator[tuple[TextIO, TextIO]]:
    reading, writing = os.pipe()
    with open(reading, encoding="utf-8") as source, open(writing, "w", encoding="utf-8", buffering=1) as sink:
        yield source, sink
        sink.close()
        time.sleep(0.05)  # the reading thread sees the end before its stream is closed


def test_lines_come_in_order_without_their_ends() -> None:
    assert all_lines(Lines(io.StringIO("one\n\n  two \nlast"))) == ["one", "", "  two ", "last"]


def test_no_input_ends_at_once() -> None:
    assert all_lines(Lines(io.StringIO(""))) == []


def test_more_lines_than_are_read_ahead() -> None:
    assert all_lines(Lines(io.StringIO("".join(f"{i}\n" for i in range(5000))))) == [str(i) for i in range(5000)]


def test_taking_never_waits(pipe: tuple[TextIO, TextIO]) -> None:
    lines = Lines(pipe[0])
    begin = time.monotonic()
    assert [lines.take() for _ in range(2000)] == [None] * 2000  # with waits of 10 ms these take 20 seconds
    assert not lines.ended
    assert time.monotonic() - begin < 10.0


def test_a_peeked_line_stays_the_next(pipe: tuple[TextIO, TextIO]) -> None:
    source, sink = pipe
    lines = Lines(source)
    sink.write("one\ntwo\n")
    deadline = time.monotonic() + PATIENCE
    while lines.peek() is None and time.monotonic() < deadline:
        time.sleep(0.001)
    assert (lines.peek(), lines.peek(), lines.take()) == ("one", "one", "one")
    sink.close()
    assert all_lines(lines) == ["two"]


def test_standard_input_is_read_as_utf_8(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.write(writing, "ü\r\n".encode() + b"\xff\n")
    os.close(writing)
    with open(reading, encoding="ascii") as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        assert all_lines(Lines()) == ["ü", "�"]
        assert not is_typed()


def test_a_closed_standard_input_is_an_empty_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert all_lines(Lines()) == []
    assert not is_typed()


def test_a_stream_that_breaks_ends() -> None:
    stream = io.StringIO("never read")
    stream.close()
    assert all_lines(Lines(stream)) == []
