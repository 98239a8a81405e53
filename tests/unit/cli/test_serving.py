"""Where to listen, and what is printed of it."""

from __future__ import annotations

import io
import re
import sys

import pytest

from gdpeer.cli import serving
from gdpeer.cli.failure import Failure
from gdpeer.cli.serving import Place, address, parse_origin, print_code, resolve, show_page_code


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "ws://127.0.0.1:9001/"),
        ("localhost", "ws://localhost:9001/"),
        ("::1", "ws://[::1]:9001/"),
        ("*", "ws://localhost:9001/"),
        ("0.0.0.0", "ws://localhost:9001/"),
        ("::", "ws://localhost:9001/"),
        ("unix:/run/echo", "unix:/run/echo"),
    ],
)
def test_the_address_that_is_printed(host: str, url: str) -> None:
    assert address("ws", host, 9001) == url


@pytest.mark.parametrize("host", ["*", "0.0.0.0", "::", "192.0.2.1", "::1", "unix:relative"])
def test_addresses_stay_as_they_are(host: str) -> None:
    assert resolve(host) == host


def test_a_name_becomes_an_address() -> None:
    assert resolve("localhost") == "127.0.0.1"


@pytest.mark.parametrize("host", ["no.such.host.invalid", "", "a" * 64, "two words"])
def test_a_name_that_is_not_known(host: str) -> None:
    with pytest.raises(Failure, match=f"cannot listen on {host}: ."):
        resolve(host)


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://game.example", "https://game.example"),
        ("https://Game.Example:443/play?x=1#top", "https://game.example"),
        ("http://localhost:8000/", "http://localhost:8000"),
        ("http://[::1]:80", "http://[::1]"),
    ],
)
def test_an_origin_may_be_the_address_of_a_page(text: str, origin: str) -> None:
    assert parse_origin(text) == origin


@pytest.mark.parametrize(
    "text", ["game.example", "ws://game.example", "https://", "*", "null", "http://x:99999", "http://[::1"]
)
def test_what_is_no_page_is_no_origin(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(text))):
        parse_origin(text)


def modules(lines: list[str], border: int = 4) -> list[list[bool]]:
    """The dark modules of a code in half blocks, which is printed light on dark."""
    light = {" ": (False, False), "\u2580": (True, False), "\u2584": (False, True), "\u2588": (True, True)}
    rows = [[not light[letter][half] for letter in line] for line in lines for half in (0, 1)]
    size = len(rows[0])
    return [row[border : size - border] for row in rows[border : size - border]]


def printed(text: str, encoding: str, monkeypatch: pytest.MonkeyPatch) -> str:
    screen = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="\n")
    monkeypatch.setattr(sys, "stdout", screen)
    print_code(text)
    return screen.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]


def test_the_code_on_the_screen_is_that_of_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    import segno

    url = "http://192.0.2.7:8000/"
    lines = printed(url, "utf-8", monkeypatch).splitlines()
    expected = [[bool(module) for module in row] for row in segno.make(url, error="l", micro=False).matrix]
    assert modules(lines) == expected


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_where_the_output_has_no_blocks_the_code_is_in_colours(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = printed("http://192.0.2.7:8000/", encoding, monkeypatch)
    assert text.isascii()
    assert text.count("\x1b[7m") > 20


def test_without_segno_it_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "segno", None)
    print_code("http://192.0.2.7:8000/")
    assert capsys.readouterr().out == 'The QR code needs segno: pip install "gdpeer[cli]"\n'


def test_in_no_network_lan_has_no_address(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(serving, "local_addresses", list)
    show_page_code(Place("*", True, ()), 8000)
    assert capsys.readouterr().out == "This machine has no network address for other machines.\n"


def test_a_host_that_was_chosen_is_not_talked_about(capsys: pytest.CaptureFixture[str]) -> None:
    show_page_code(Place("192.0.2.7", False, ()), 8000)
    assert capsys.readouterr().out == ""
