"""What h11 refuses, with which status, and what it writes."""

from __future__ import annotations

import pytest

from gdpeer.errors import HandshakeError
from gdpeer.protocol.http_h11 import Reader, UpgradeRequest, reason_of, respond, respond_head

HEAD = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
BODY = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"


def refused(head: bytes) -> tuple[int, str]:
    with pytest.raises(HandshakeError) as caught:
        Reader(1000, 5).read_head(head)
    return caught.value.status, caught.value.detail


@pytest.mark.parametrize(
    ("head", "detail"),
    [
        (HEAD[:-2], "not an HTTP request"),
        (b"GET / HTTP/0.9\r\nHost: a\r\n\r\n", "HTTP/1.1 is needed, not HTTP/0.9"),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "HTTP/1.1 is needed, not HTTP/2.0"),
        (b"GET /\r\n\r\n", "not a valid HTTP request: illegal request line"),
        (b"GET / HTTP/1.1\r\n\r\n", "not a valid HTTP request: Missing mandatory Host: header"),
        (
            b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
            "not a valid HTTP request: Only Transfer-Encoding: chunked is supported",
        ),
    ],
)
def test_heads_that_are_refused(head: bytes, detail: str) -> None:
    status, said = refused(head)
    assert status == 400
    assert said.startswith(detail)


@pytest.mark.parametrize(
    ("head", "detail"),
    [
        (b"GET /?token=secret\x01 HTTP/1.1\r\nHost: a\r\n\r\n", "illegal request line"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization secret\r\n\r\n", "illegal header line"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nCookie: 'secret\x00\r\n\r\n", "illegal header line"),
    ],
)
def test_a_line_that_may_hold_a_secret_is_not_quoted(head: bytes, detail: str) -> None:
    """Regression: the reason ended with h11's `bytearray(b'...')`."""
    assert refused(head) == (400, f"not a valid HTTP request: {detail}")


def test_an_answer_with_a_wrong_header_does_not_quote_its_value() -> None:
    with pytest.raises(ValueError, match=r"^HTTP cannot carry it: Illegal header value$"):
        respond(200, [("Set-Cookie", "a\nsecret")], b"")


def test_a_head_that_is_too_long() -> None:
    assert refused(HEAD[:-2] + b"X: " + b"x" * 2000)[0] == 431


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_head_that_is_taken(version: str) -> None:
    found = Reader(1000, 5).read_head(f"PUT /a?b HTTP/{version}\r\nHost: a\r\nX-Y: z\r\n\r\n".encode())
    assert (found.method, found.target, found.version) == ("PUT", "/a?b", version)
    assert list(found.headers) == [("host", "a"), ("x-y", "z")]


def test_a_body_may_be_as_long_as_the_limit_and_not_a_byte_longer() -> None:
    reader = Reader(1000, 5)
    reader.read_head(BODY)
    assert reader.read_body(b"ab") is None
    assert reader.read_body(b"cde") == b"abcde"
    reader = Reader(1000, 4)
    reader.read_head(BODY)
    with pytest.raises(HandshakeError, match="longer than 4 bytes") as caught:
        reader.read_body(b"abcde")
    assert caught.value.status == 413


def test_a_body_in_pieces() -> None:
    reader = Reader(1000, 6)
    reader.read_head(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert reader.read_body(b"3\r\nabc\r\n3\r\ndef\r\n") is None
    assert reader.read_body(b"0\r\n\r\n") == b"abcdef"


def test_switching() -> None:
    reader = Reader(1000, 5)
    reader.read_head(b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
    assert reader.switch([("Upgrade", "websocket")]) == (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
    )


def test_what_is_written() -> None:
    assert respond(200, [], b"abc") == b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc"
    assert respond_head(404, [], "Gone fishing") == b"HTTP/1.1 404 Gone fishing\r\nConnection: close\r\n\r\n"
    assert respond_head(599, []) == b"HTTP/1.1 599 \r\nConnection: close\r\n\r\n"
    for reason in ("a\nb", "a\x1fb", "a\x7fb", "\0"):
        with pytest.raises(ValueError, match="control characters"):
            respond_head(404, [], reason)
    assert reason_of(426) == b"Upgrade Required"
    assert reason_of(299) == b""


def test_an_answer_that_is_read() -> None:
    client = UpgradeRequest("/a", [("Host", "h")], 1000)
    assert client.request == b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
    head = client.read_head(b"HTTP/1.0 404 Not here\r\nX-Y: z\r\n\r\n")
    assert (head.code, head.reason, head.version) == (404, "Not here", "1.0")
    assert list(head.headers) == [("x-y", "z")]
    with pytest.raises(HandshakeError, match="did not answer with HTTP"):
        UpgradeRequest("/a", [("Host", "h")], 1000).read_head(b"HTTP/1.1 200")
    with pytest.raises(HandshakeError, match="not a valid HTTP response"):
        UpgradeRequest("/a", [("Host", "h")], 1000).read_head(b"HTTX\r\n\r\n")
