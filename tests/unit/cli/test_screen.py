"""What `gdpeer connect` writes, to a pipe and to a terminal."""

from __future__ import annotations

import io
import sys

import pytest

from gdpeer.cli.screen import Screen, describe_binary, visible


class Terminal(io.TextIOWrapper):
    """An output stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def terminal() -> Terminal:
    return Terminal(io.BytesIO(), encoding="utf-8")


def written(stream: Terminal) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()


@pytest.mark.parametrize(
    ("packet", "line"),
    [
        (b"", "<0 bytes>"),
        (b"\x00", "<1 byte> 00"),
        (b"hello", "<5 bytes> 68 65 6c 6c 6f"),
        (bytes(32), "<32 bytes> " + " ".join(["00"] * 32)),
        (bytes(33), "<33 bytes> " + " ".join(["00"] * 32) + " ..."),
    ],
)
def test_a_binary_message_shows_its_size_and_first_bytes(packet: bytes, line: str) -> None:
    assert describe_binary(packet) == line


def test_control_characters_are_shown_not_obeyed() -> None:
    assert visible("a\x1b[2Jb\x07\x9b\x7f\r") == "a\\x1b[2Jb\\x07\\x9b\\x7f\\r"


def test_line_ends_tabs_and_other_alphabets_stay() -> None:
    assert visible("a\tb\nc ü 漢字 🎮") == "a\tb\nc ü 漢字 🎮"


def test_in_a_pipe_text_is_verbatim(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    Screen().text("[bold]\x1b[31m ü :smile:".encode())
    assert capfdbinary.readouterr().out == "[bold]\x1b[31m ü :smile:\n".encode()


def test_in_a_pipe_messages_go_out_and_the_rest_to_error(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    screen = Screen()
    screen.binary(b"\x01\x02")
    screen.status("connected [red]to[/red] ws://host/ " + "x" * 200)
    out, err = capfdbinary.readouterr()
    assert out == b"<2 bytes> 01 02\n"
    assert err == b"connected [red]to[/red] ws://host/ " + b"x" * 200 + b"\n"


def test_on_a_terminal_messages_are_marked_and_harmless(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    screen = Screen()
    screen.text(b"\x1b[2Jhello")
    screen.binary(b"\x00")
    output = written(stream)
    assert "\x1b[1;32m< \x1b[0m\x1b[32m\\x1b[2Jhello\x1b[0m\n" in output
    assert "<1 byte> 00" in output


def test_without_standard_output_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    Screen().text(b"unseen")
