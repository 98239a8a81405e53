"""F2: tricks with the heads of an upgrade, by name: what smugglers try, in both roles.

Each is what is sent and what has to come of it. 4xx is the status of a refusal; a trick that is none, as HTTP has the
other side take it, opens (101).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gdpeer import Cause
from gdpeer.protocol.handshake import accept_key

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
MEBIBYTE = 1 << 20
HELLO = b"\x81\x05hello"

REQUEST = {
    "Host": "game.example",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Version": "13",
}


def lines(start: str, fields: dict[str, str], *more: str, **other: str | None) -> bytes:
    """A head: the fields, some with another value or left out (None), and more lines as they are."""
    changed = {**fields, **{name.replace("_", "-"): value for name, value in other.items()}}
    rows = [start, *(f"{name}: {value}" for name, value in changed.items() if value is not None), *more]
    return "\r\n".join([*rows, "", ""]).encode("latin-1")


def ask(*more: str, start: str = "GET / HTTP/1.1", **other: str | None) -> bytes:
    """An upgrade's request."""
    return lines(start, REQUEST, *more, **other)


REQUESTS: dict[str, tuple[bytes, int]] = {
    # a body
    "body with a length": (ask("Content-Length: 5") + b"hello", 400),
    "body in chunks": (ask("Transfer-Encoding: chunked") + b"5\r\nhello\r\n0\r\n\r\n", 400),
    "body that is a second request": (ask(f"Content-Length: {len(ask())}") + ask(), 400),
    "length twice": (ask("Content-Length: 0", "Content-Length: 5") + b"hello", 400),
    "length as a list": (ask("Content-Length: 0, 5") + b"hello", 400),
    "length below zero": (ask("Content-Length: -1"), 400),
    "length with a plus": (ask("Content-Length: +5") + b"hello", 400),
    "length in hex": (ask("Content-Length: 0x5") + b"hello", 400),
    "length without a number": (ask("Content-Length: "), 400),
    "length beyond 64 bits": (ask(f"Content-Length: {2**64}"), 400),
    "length of 10,000 digits": (ask(f"Content-Length: {'9' * 10_000}"), 400),
    # h11 would answer unknown and doubled codings with 501, as RFC 9112 section 6.1 has it for what a server lacks. No
    # upgrade has a coding, so that it is the request that is wrong, and 5xx would blame the server in its statistics.
    "coding unknown": (ask("Transfer-Encoding: gzip"), 400),
    "coding twice": (ask("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), 400),
    "coding in a list": (ask("Transfer-Encoding: gzip, chunked"), 400),
    "coding of identity": (ask("Transfer-Encoding: identity"), 400),
    "coding in capitals": (ask("Transfer-Encoding: CHUNKED") + b"0\r\n\r\n", 400),
    "coding behind a tab": (ask("Transfer-Encoding:\tchunked") + b"0\r\n\r\n", 400),
    "coding behind a vertical tab": (ask("Transfer-Encoding: \x0bchunked") + b"0\r\n\r\n", 400),
    "coding and length": (ask("Transfer-Encoding: chunked", "Content-Length: 4") + b"0\r\n\r\n", 400),
    # line ends and blanks
    "bare CR in a value": (ask("X: a\rContent-Length: 5"), 400),
    "bare LF in a value": (ask("X: a\nContent-Length: 5"), 400),
    "bare LF as every line end": (ask().replace(b"\r\n", b"\n"), 400),
    "bare CR as every line end": (ask().replace(b"\r\n", b"\r"), 400),
    "CR CR LF": (ask("X: a\r"), 400),
    "NUL in a value": (ask("X: a\0b"), 400),
    "NUL in a name": (ask("X\0: a"), 400),
    "NUL in the target": (ask(start="GET /\0 HTTP/1.1"), 400),
    "NUL in the method": (ask(start="G\0T / HTTP/1.1"), 400),
    "space before the colon": (ask("Content-Length : 5") + b"hello", 400),
    "tab before the colon": (ask("Transfer-Encoding\t: chunked"), 400),
    "space before a name": (lines("GET / HTTP/1.1", {}, " Host: other.example") + ask(), 400),
    "folded value": (ask("X: a", " Transfer-Encoding: chunked"), 400),
    "folded Upgrade": (ask(Upgrade="\r\n websocket"), 400),
    "a line without a colon": (ask("Content-Length"), 400),
    "an empty name": (ask(": 5"), 400),
    # RFC 9112 section 2.2 wants it passed over; the line ends stay as strict.
    "an empty line first": (b"\r\n" + ask(), 101),
    "an empty line that is a bare LF": (b"\n" + ask(), 400),
    "an empty line that is CR CR LF": (b"\r\r\n" + ask(), 400),
    # what may stand once only
    "Host twice": (ask("Host: other.example"), 400),
    "Host twice, the same": (ask("Host: game.example"), 400),
    "Host absent": (ask(Host=None), 400),
    "Upgrade twice": (ask("Upgrade: h2c"), 400),
    "Key twice": (ask(f"Sec-WebSocket-Key: {KEY}"), 400),
    "Version twice": (ask("Sec-WebSocket-Version: 13"), 400),
    "Connection twice, closing": (ask("Connection: close", Connection="keep-alive"), 400),
    # Connection is a list (RFC 9110 section 7.6.1): in two lines it says what it says in one.
    "Connection twice": (ask("Connection: keep-alive"), 101),
    "Key of 15 bytes": (ask(Sec_WebSocket_Key="AAAAAAAAAAAAAAAAAAAA"), 400),
    "Version 8": (ask(Sec_WebSocket_Version="8"), 426),
    # sizes
    "1 MB in one header": (ask("X: " + "a" * MEBIBYTE), 431),
    "1 MB of headers": (ask(*[f"X-{i}: {'a' * 1000}" for i in range(1049)]), 431),
    "100,000 header lines": (ask(*["a: b"] * 100_000), 431),
    "1 MB of a name": (ask("X" * MEBIBYTE), 431),
    "1 MB of a target": (ask(start=f"GET /{'a' * MEBIBYTE} HTTP/1.1"), 431),
    "1 MB without a line end": (b"G" * MEBIBYTE, 431),
    # not ASCII
    "not ASCII in the method": (ask(start="G\xc4T / HTTP/1.1"), 400),
    # Godot sends the UTF-8 of a URL as it is; it is percent-encoded before anything looks at it.
    "not ASCII in the target": (ask(start="GET /\xe4 HTTP/1.1"), 101),
    "not ASCII in the version": (ask(start="GET / HTTP/1.\xb9"), 400),
    # Games name headers as they like. A name is what it is: none of these counts as the one that it resembles.
    "not ASCII in a name": (ask("H\xf6st: a"), 101),
    "brackets in a name": (ask("Content-Length[]: 5", "[Host]: other.example"), 101),
    "a blank in a name": (ask("Transfer-Encoding x: chunked"), 101),
    "a blank before a name with brackets": (ask(" X[]: 5"), 400),
    "a blank behind a name with brackets": (ask("X[] : 5"), 400),
    "not ASCII in the key": (ask(Sec_WebSocket_Key="\xc4" * 22 + "=="), 400),
    "not ASCII in Upgrade": (ask(Upgrade="websoc\xe9t"), 426),
    "not ASCII in Connection": (ask(Connection="Upgr\xe4de"), 400),
    # A value may hold it (RFC 9110 section 5.5), and cookies do.
    "not ASCII in a cookie": (ask("Cookie: \xe4"), 101),
    # start lines
    "HTTP/1.0": (ask(start="GET / HTTP/1.0"), 400),
    "HTTP/0.9": (b"GET /\r\n\r\n", 400),
    "HTTP/2.0": (ask(start="GET / HTTP/2.0"), 400),
    "HTTP/2's preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 400),
    "lower-case version": (ask(start="GET / http/1.1"), 400),
    "lower-case method": (ask(start="get / HTTP/1.1"), 405),
    "POST": (ask(start="POST / HTTP/1.1"), 405),
    "CONNECT": (ask(start="CONNECT game.example:80 HTTP/1.1"), 405),
    "two spaces behind the method": (ask(start="GET  / HTTP/1.1"), 400),
    "a tab behind the method": (ask(start="GET\t/ HTTP/1.1"), 400),
    "space in the target": (ask(start="GET /a b HTTP/1.1"), 400),
    "no target": (ask(start="GET HTTP/1.1"), 400),
    # Every server has to understand it (RFC 9112 section 3.2.2); pages and paths are compared without its host.
    "absolute-form target": (ask(start="GET http://game.example/ HTTP/1.1"), 101),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(32) + b"\r\n\r\n", 400),
}


@dataclass(frozen=True)
class Answer:
    """What a server says: to the key that was asked with."""

    make: Callable[[str], bytes]
    cause: Cause


def switching(
    *more: str, start: str = "HTTP/1.1 101 Switching Protocols", **other: str | None
) -> Callable[[str], bytes]:
    """A 101 for a key."""

    def make(key: str) -> bytes:
        fields = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": accept_key(key)}
        filled = [line.replace("{accept}", accept_key(key)) for line in more]
        return lines(start, fields, *filled, **other)

    return make


def behind(make: Callable[[str], bytes], data: bytes) -> Callable[[str], bytes]:
    return lambda key: make(key) + data


def always(data: bytes) -> Callable[[str], bytes]:
    return lambda key: data


def refused(status: str, *more: str) -> Answer:
    return Answer(always(lines(f"HTTP/1.1 {status}", {}, *more, "Content-Length: 0")), Cause.HTTP_STATUS)


RESPONSES: dict[str, Answer] = {
    # A 101 has no body (RFC 9112 section 6.1), whatever it announces: all that follows is the WebSocket.
    "body in chunks": Answer(behind(switching("Transfer-Encoding: chunked"), b"7\r\n" + HELLO), Cause.PROTOCOL_ERROR),
    "body with a length": Answer(behind(switching("Content-Length: 3"), b"abc"), Cause.PROTOCOL_ERROR),
    "Accept for another key": Answer(switching(Sec_WebSocket_Accept=accept_key(KEY)), Cause.UPGRADE),
    "Accept absent": Answer(switching(Sec_WebSocket_Accept=None), Cause.UPGRADE),
    "Accept twice": Answer(switching("Sec-WebSocket-Accept: {accept}"), Cause.UPGRADE),
    "Accept twice, one wrong": Answer(switching("Sec-WebSocket-Accept: x"), Cause.UPGRADE),
    "Upgrade twice": Answer(switching("Upgrade: h2c"), Cause.UPGRADE),
    "Upgrade absent": Answer(switching(Upgrade=None), Cause.UPGRADE),
    "Connection closing": Answer(switching(Connection="close"), Cause.UPGRADE),
    "sub-protocol that was not offered": Answer(switching("Sec-WebSocket-Protocol: x"), Cause.SUB_PROTOCOL),
    "extension that was not offered": Answer(switching("Sec-WebSocket-Extensions: permessage-deflate"), Cause.UPGRADE),
    "extension that nobody knows": Answer(switching("Sec-WebSocket-Extensions: x"), Cause.UPGRADE),
    "space before the colon": Answer(switching("X : a"), Cause.UPGRADE),
    "folded value": Answer(switching("Sec-WebSocket-Accept:", " {accept}", Sec_WebSocket_Accept=None), Cause.UPGRADE),
    "bare CR": Answer(switching("X: a\rb"), Cause.UPGRADE),
    "bare LF": Answer(switching("X: a\nb"), Cause.UPGRADE),
    "NUL": Answer(switching("X: a\0b"), Cause.UPGRADE),
    "not ASCII in a name": Answer(switching("\xc4: a"), Cause.UPGRADE),
    "not ASCII in Accept": Answer(switching(Sec_WebSocket_Accept="\xc4" * 28), Cause.UPGRADE),
    "not ASCII in Upgrade": Answer(switching(Upgrade="websoc\xe9t"), Cause.UPGRADE),
    "HTTP/1.0": Answer(switching(start="HTTP/1.0 101 Switching Protocols"), Cause.UPGRADE),
    "HTTP/2": Answer(switching(start="HTTP/2 101 Switching Protocols"), Cause.UPGRADE),
    "lower-case version": Answer(switching(start="http/1.1 101 Switching Protocols"), Cause.UPGRADE),
    "four digits of status": Answer(switching(start="HTTP/1.1 1010 Switching Protocols"), Cause.UPGRADE),
    "status below zero": Answer(switching(start="HTTP/1.1 -101 Switching Protocols"), Cause.UPGRADE),
    "two spaces in the status line": Answer(switching(start="HTTP/1.1  101 Switching Protocols"), Cause.UPGRADE),
    "no status line": Answer(switching(start="Switching Protocols"), Cause.UPGRADE),
    "a frame instead": Answer(always(HELLO + b"\r\n\r\n"), Cause.UPGRADE),
    "1 MB in one header": Answer(switching("X: " + "a" * MEBIBYTE), Cause.UPGRADE),
    "1 MB of headers": Answer(switching(*[f"X-{i}: {'a' * 1000}" for i in range(1049)]), Cause.UPGRADE),
    "100,000 header lines": Answer(switching(*["a: b"] * 100_000), Cause.UPGRADE),
    "1 MB of a reason": Answer(switching(start=f"HTTP/1.1 101 {'a' * MEBIBYTE}"), Cause.UPGRADE),
    "1 MB without a line end": Answer(always(b"H" * MEBIBYTE), Cause.UPGRADE),
    "100 and then 101": Answer(lambda key: b"HTTP/1.1 100 Continue\r\n\r\n" + switching()(key), Cause.HTTP_STATUS),
    "200": refused("200 OK"),
    "redirect": refused("302 Found", "Location: ws://127.0.0.1:1/"),
    "redirect to itself": refused("301 Moved Permanently", "Location: /"),
    "permanent redirect to a file": refused("308 Permanent Redirect", "Location: file:///etc/passwd"),
    "401": refused("401 Unauthorized", "WWW-Authenticate: Basic"),
    "503": refused("503 Service Unavailable", "Retry-After: 1"),
}
