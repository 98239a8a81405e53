"""Text from outside, made harmless; URLs without their secrets."""

from __future__ import annotations

import pytest

from gdpeer.quoting import MOST, clean, escape, redact, scrub


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, größe 名前 🎲", "plain text, größe 名前 🎲"),
        ("two\nlines\r", "two\\nlines\\r"),
        ("\x1b[2J\x07\x00", "\\x1b[2J\\x07\\x00"),
        ("\x85\x9b31m\x7f", "\\x85\\x9b31m\\x7f"),
        ("\u202egnp.exe\u2066\u200f\u061c", "\\u202egnp.exe\\u2066\\u200f\\u061c"),
        ("\u2028\u2029\ufeff\u200b", "\\u2028\\u2029\\ufeff\\u200b"),
        ("\ud800x\udfff", "\\ud800x\\udfff"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_a_terminal_obeys_is_written_out(text: str, shown: str) -> None:
    assert escape(text) == shown
    assert escape(text).isprintable()


def test_every_character_that_is_no_visible_one_is_written_out() -> None:
    for start in range(0, 0x110000, 0x1000):
        assert escape("".join(map(chr, range(start, start + 0x1000))), most=0).isprintable()


@pytest.mark.parametrize("text", ["x" * 300_000, "\x1b" * 300_000, "\U000e0041" * 201])
def test_quoted_text_has_at_most_200_characters(text: str) -> None:
    assert len(escape(text)) == MOST
    assert escape(text).endswith("...")
    assert escape("x" * MOST) == "x" * MOST


def test_text_of_several_lines_keeps_them_where_that_is_asked_for() -> None:
    assert escape("a\n\tb\x1b" * 100, most=0, keep="\n\t") == "a\n\tb\\x1b" * 100


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("ws://usr:pass@host/", "ws://***@host/"),
        ("wss://token@host:9080/a/b", "wss://***@host:9080/a/b"),
        ("ws://host/p?tok=1", "ws://host/p?***"),
        ("ws://host/p#tok", "ws://host/p#***"),
        ("ws://u:p@host?tok#x", "ws://***@host?***"),
        ("ws://host:80/@user", "ws://host:80/@user"),
        ("ws://[::1]:80/@user", "ws://[::1]:80/@user"),
        ("usr:pass@host/x", "***@host/x"),
        ("host:9080/x?y", "host:9080/x?***"),
        ("ws://u:p/w@host/", "ws://***@host/"),
        ("ws://u:p?w@host/", "ws://***@host/"),
        ("ws://u:p#w@host/?a", "ws://***@host/?***"),
        ("ws://a@b@c/", "ws://***@c/"),
        ("ws:/usr:pw@h", "***@h"),
        ("ws:///u:p@h/", "ws://***@h/"),
        ("ws:\\\\u:p@h", "***@h"),
        ("//u:p@h/", "//***@h/"),
        ("/path?query#x", "/path?***"),
        ("/@user/p", "/@user/p"),
        ("http://u:p@x/health?q", "http://***@x/health?***"),
        ("", ""),
    ],
)
def test_secrets_leave_a_url(url: str, shown: str) -> None:
    assert redact(url) == shown


def test_secrets_leave_a_text() -> None:
    assert scrub("no way to http://u:pw@proxy:1/?k=v, sorry") == "no way to http://***@proxy:1/?***, sorry"
    assert scrub("ws://u:p@h/?key=v: http status: (ws://h/x).") == "ws://***@h/?***: http status: (ws://h/x)."
    assert scrub("Proxy-Authorization: Basic dTpw\r\nHost: x") == "Proxy-Authorization: ***"
    assert scrub("('authorization', 'Bearer abc def')") == "('authorization', ***"
    assert scrub("nothing to hide: ws://host:1/x") == "nothing to hide: ws://host:1/x"
    assert clean("ws://u:p@h/\x1b") == "ws://***@h/\\x1b"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("nothing at /room/K7Q2M3?seat=e30.e30.e30", "nothing at /room/K7Q2M3?seat=***"),
        ("/room/K7Q2M3?x=1&session=abcdefgh&y=2", "/room/K7Q2M3?x=1&session=***&y=2"),
        ("the client offered gdpeer, room.K7Q2M3, seat.eyJ0-_xx.eyJy.AbC_-9", None),
        ("GET /?SESSION=abc", "GET /?SESSION=***"),
        ("the seat is free; session.begin, seat.begin", "the seat is free; session.begin, seat.begin"),
    ],
)
def test_keys_and_seats_of_rooms_leave_a_text(text: str, shown: str | None) -> None:
    assert scrub(text) == (shown or "the client offered gdpeer, room.K7Q2M3, seat.***")


def test_what_stands_behind_a_url_in_a_sentence_stays() -> None:
    assert (
        scrub("cannot join ws://a:b@h/?t=1: refused (ws://h/?t=2).")
        == "cannot join ws://***@h/?***: refused (ws://h/?***)."
    )
