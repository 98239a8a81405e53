"""Typed commands of `gdpeer connect`: a line, and what it asks for."""

from __future__ import annotations

import pytest

from gdpeer.cli.typed import Binary, Close, Help, Ping, Typed, parse


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("hello", "hello"),
        ("", ""),
        ("  spaces stay  ", "  spaces stay  "),
        ("//etc/hosts", "/etc/hosts"),
        ("/ping", Ping()),
        ("/help", Help()),
        ("/close", Close(1000, "")),
        ("/close 4001", Close(4001, "")),
        ("/close 1001 going away", Close(1001, "going away")),
        ("/binary 00 ff 0a", Binary(b"\x00\xff\n")),
        ("/binary 00FF0a", Binary(b"\x00\xff\n")),
        ("/binary", Binary(b"")),
    ],
)
def test_a_line_asks_for(line: str, asked: Typed) -> None:
    assert parse(line) == asked


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("/nothing", "unknown command /nothing"),
        ("/Ping", "unknown command /Ping"),
        ("/close now", "'now' is not a close code"),
        ("/close ²", "is not a close code"),
        ("/close 999", "may not be sent"),
        ("/close 1005", "may not be sent"),
        ("/close 1006", "may not be sent"),
        ("/close 1015", "may not be sent"),
        ("/close 5000", "may not be sent"),
        ("/close 1000 " + "x" * 124, "at most 123 bytes"),
        ("/close 1000 " + "ü" * 62, "at most 123 bytes"),
        ("/binary 0", "pairs of hex digits"),
        ("/binary xy", "pairs of hex digits"),
    ],
)
def test_what_cannot_be_done_is_told(line: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse(line)


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1007, 1014, 3000, 4999])
def test_codes_that_may_be_sent(code: int) -> None:
    assert parse(f"/close {code}") == Close(code)


def test_a_reason_may_fill_the_frame() -> None:
    assert parse("/close 1000 " + "x" * 123) == Close(1000, "x" * 123)
