"""Plain heads: which are read without h11, and how. The comparison with h11: `tests/property/test_upgrades`."""

from __future__ import annotations

import json

import pytest

from gdpeer import COMPILED
from gdpeer.protocol import http_fast as plain
from tests.support.missing import ROOT

GOLDEN = ROOT / "tests" / "golden"
REQUEST = b"GET /room?x=1 HTTP/1.1\r\nHost: a\r\n\r\n"
CHROMIUM = """\
GET /game?room=7 HTTP/1.1
Host: game.example:9001
Connection: Upgrade
Pragma: no-cache
Cache-Control: no-cache
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36
Upgrade: websocket
Origin: https://game.example
Sec-WebSocket-Version: 13
Accept-Encoding: gzip, deflate, br, zstd
Accept-Language: en-US,en;q=0.9,de;q=0.8
Cookie: session=0123456789abcdef; theme=dark
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits

"""


def engines() -> list[tuple[bytes, bytes]]:
    """Each engine's requests with the responses of the same engine."""
    pairs = []
    for name in ("http_godot3.jsonl", "http_godot4.jsonl"):
        heads = [json.loads(line)["head"].encode() for line in (GOLDEN / name).read_text().splitlines()]
        pairs += list(zip(heads[::2], heads[1::2], strict=True))
    return pairs


@pytest.mark.parametrize(("request_head", "response_head"), engines())
def test_the_engines_heads_are_plain(request_head: bytes, response_head: bytes) -> None:
    read = plain.read_request(request_head)
    assert read is not None
    assert read[0] == "/"
    assert read[1]["upgrade"] == "websocket"
    fields = plain.read_response(response_head)
    assert fields is not None
    assert {"upgrade", "connection", "sec-websocket-accept"} <= set(fields)


def test_a_browsers_request_is_plain_and_only_what_decides_is_read() -> None:
    assert plain.read_request(CHROMIUM.replace("\n", "\r\n").encode()) == (
        "/game?room=7",
        {
            "host": "game.example:9001",
            "connection": "Upgrade",
            "upgrade": "websocket",
            "origin": "https://game.example",
            "sec-websocket-version": "13",
            "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
            "sec-websocket-extensions": "permessage-deflate; client_max_window_bits",
        },
    )


def test_blanks_around_a_value_are_not_of_it() -> None:
    assert plain.read_request(b"GET / HTTP/1.1\r\nhost: \t a \tb\t \r\nOrigin:\r\n\r\n") == (
        "/",
        {"host": "a \tb", "origin": ""},
    )


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\r\n",
        b"GET",
        b"GET  HTTP/1.1\r\nHost: a\r\n\r\n",
        REQUEST.replace(b"GET", b"get"),
        REQUEST.replace(b"GET", b"POST"),
        REQUEST.replace(b"1.1", b"1.0"),
        REQUEST.replace(b"?", b" "),
        REQUEST.replace(b"?", b"\t"),
        REQUEST.replace(b"?", b"\xe4"),
        REQUEST.replace(b"Host", b"X"),
        REQUEST.replace(b"Host", b""),
        REQUEST.replace(b"Host", b" Host"),
        REQUEST.replace(b"Host", b"Host "),
        REQUEST.replace(b"Host", b"Host\0"),
        REQUEST.replace(b"Host", b"H\xf6st"),
        REQUEST.replace(b": a", b""),
        REQUEST.replace(b": a", b": a\r\n b"),
        REQUEST.replace(b": a", b": a\nX: b"),
        REQUEST.replace(b": a", b": a\rX: b"),
        REQUEST.replace(b": a", b": a\r"),
        REQUEST.replace(b": a", b": a\0"),
        REQUEST.replace(b": a", b": \x7f"),
        REQUEST.replace(b": a", b": \xe4"),
        REQUEST.replace(b": a", b": a\r\nhOST: a"),
        REQUEST.replace(b": a", b": a\r\nContent-Length: 0"),
        REQUEST.replace(b": a", b": a\r\ntransfer-encoding: chunked"),
        REQUEST.replace(b": a", b": a\r\nExpect: 100-continue"),
        REQUEST[:-2],
        REQUEST[:-1],
        REQUEST + b"\r\n",
    ],
)
def test_what_is_not_plain_is_left_to_h11(head: bytes) -> None:
    assert plain.read_request(head) is None


def test_more_fields_than_anybody_sends_are_left_to_h11() -> None:
    assert plain.read_request(REQUEST[:-2] + b"X: y\r\n" * 98 + b"\r\n") is not None
    assert plain.read_request(REQUEST[:-2] + b"X: y\r\n" * 99 + b"\r\n") is None


@pytest.mark.parametrize(
    ("head", "is_plain"),
    [
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", True),
        (b"HTTP/1.1 101 \r\n\r\n", True),
        (b"HTTP/1.1 101\r\n\r\n", False),
        (b"HTTP/1.1 1011 \r\n\r\n", False),
        (b"HTTP/1.0 101 \r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\n\r\n", False),
        (b"HTTP/1.1 101 \xe4\r\n\r\n", False),
        (b"HTTP/1.1 101 a\r\nUpgrade: a\r\nUpgrade: a\r\n\r\n", False),
    ],
)
def test_only_a_plain_101_is_read(head: bytes, is_plain: bool) -> None:
    assert (plain.read_response(head) is not None) is is_plain


def test_requests_are_written() -> None:
    assert (
        plain.write_request("/a", [("Host", "a"), ("X", "b \t c")])
        == b"GET /a HTTP/1.1\r\nHost: a\r\nX: b \t c\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("target", "field"),
    [
        ("/a b", ("X", "a")),
        ("", ("X", "a")),
        ("/", ("X ", "a")),
        ("/", ("", "a")),
        ("/", ("X", "")),
        ("/", ("X", " a")),
        ("/", ("X", "a\r\nY: b")),
        ("/", ("X", "a\n")),
        ("/", ("X", "\xe4")),
        ("/", ("Content-Length", "0")),
    ],
)
def test_requests_that_are_not_plain_are_not_written(target: str, field: tuple[str, str]) -> None:
    assert plain.write_request(target, [("Host", "a"), field]) is None


def test_header_lines_are_written_but_where_h11_puts_them_elsewhere() -> None:
    assert plain.write_fields([]) == ""
    assert plain.write_fields([("A", "b"), ("C", "d")]) == "A: b\r\nC: d\r\n"
    assert plain.write_fields([("A", "b"), ("HOST", "d")]) is None


if not COMPILED:  # the table is made by the same line there, and cannot be looked at

    def test_the_kinds_of_bytes_are_those_of_the_patterns() -> None:
        """The compiled form reads the table, the uncompiled one the patterns."""
        for number, kind in enumerate(plain._KINDS):
            byte = bytes([number])
            in_name = plain._NAME_AND_COLON.match(byte + b":") is not None
            in_line = plain._REST_OF_LINE.match(byte + b"\r\n") is not None
            assert kind == in_name + 2 * in_line, number
        assert len(plain._KINDS) == 256
