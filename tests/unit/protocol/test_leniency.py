"""The first bytes of what is no HTTP, and what honest sides send beside the rules."""

from __future__ import annotations

import pytest

from gdpeer.errors import HandshakeError
from gdpeer.protocol.leniency import check_first_bytes, repair_request, repair_response


def told(data: bytes, *, is_response: bool) -> tuple[str, int]:
    """What is said of these bytes, and the status; ("", 0) where they may be HTTP."""
    try:
        check_first_bytes(data, is_response=is_response)
    except HandshakeError as problem:
        return problem.detail, problem.status
    return "", 0


def test_the_first_byte_of_a_request() -> None:
    for number in range(256):
        detail, status = told(bytes([number]) + b"ET / HTTP/1.1\r\n", is_response=False)
        if 0x21 <= number <= 0x7E:
            assert (detail, status) == ("", 0), number
        elif number in (0x15, 0x16):
            assert (detail, status) == ("not HTTP: this is TLS, and this port has no TLS", 400), number
        else:
            assert (detail, status) == ("not HTTP", 400), number
    assert told(b"SSH-2.0-x\r\n", is_response=False) == ("not HTTP: this is SSH", 400)
    assert told(b"SSH", is_response=False) == ("", 0)
    assert told(b"SEARCH / HTTP/1.1\r\n", is_response=False) == ("", 0)


@pytest.mark.parametrize("size", range(1, 6))
def test_a_response_may_come_byte_by_byte(size: int) -> None:
    assert told(b"HTTP/1.1 101"[:size], is_response=True) == ("", 0)
    wrong = b"HTTP/"[: size - 1] + b"x"
    assert told(wrong, is_response=True)[0] == f"the other side does not speak HTTP: it begins with '{wrong.decode()}'"


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\x15\x03\x01\0\x02", "this is TLS, and the URL must begin with wss://"),
        (b"\x16\x03\x03\0\x02", "this is TLS, and the URL must begin with wss://"),
        (b"\x15", "this is TLS, and the URL must begin with wss://"),
        (b"\x15\x04", r"it begins with '\\x15\\x04'"),
        (b"\x14\x03\x03", r"it begins with '\\x14\\x03\\x03'"),
        (b"\x17\x03\x03", r"it begins with '\\x17\\x03\\x03'"),
        (b"\0\0\x12\x04\0\0\0\0\0", "this is HTTP/2"),
        (b"SSH-2.0-OpenSSH", "this is SSH"),
        (b"220 mail ready", "this is SMTP or FTP"),
        (b"* OK ready", "this is IMAP"),
        (b"+OK ready", "this is POP3"),
        (b"221 bye", "it begins with '221 bye'"),
        (b"0123456789abcdefghi", "it begins with '0123456789abcdef'"),
    ],
)
def test_what_a_server_speaks_instead(data: bytes, what: str) -> None:
    detail, _ = told(data, is_response=True)
    assert detail == f"the other side does not speak HTTP: {what}"


@pytest.mark.parametrize(
    "data",
    [
        b"\0\0\x12\x05\0\0\0\0\0",
        b"\0\0\x12\x04\x01\0\0\0\0",
        b"\0\0\x12\x04\0\0\0\0\x01",
        b"\0\0\x12\x04\0\x01\0\0\0",
    ],
)
def test_what_resembles_http_2_only(data: bytes) -> None:
    assert "HTTP/2" not in told(data, is_response=True)[0]


@pytest.mark.parametrize(
    ("target", "host", "becomes"),
    [
        (b"http://x/a?b", "x", b"/a?b"),
        (b"HTTPS://x", "x", b"/"),
        (b"ws://u:p@x:80/a", "x:80", b"/a"),
        (b"wss://x?q", "x", b"/?q"),
        (b"/http://x/", "", b"/http://x/"),
        (b"/Jos\xc3\xa9", "", b"/Jos%C3%A9"),
        (b"/\x7f\x80\xff", "", b"/\x7f%80%FF"),
        (b"*", "", b"*"),
    ],
)
def test_targets_are_put_right(target: bytes, host: str, becomes: bytes) -> None:
    repaired = repair_request(b"GET " + target + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (repaired.host, repaired.odd) == (host, [])
    assert repaired.head == b"GET " + becomes + b" HTTP/1.1\r\nHost: a\r\n\r\n"


def test_odd_names_are_kept_aside() -> None:
    repaired = repair_request(b"GET / HTTP/1.1\r\nX[a]: \t1 \r\nHost: a\r\n(B):2\r\n c: 3\r\nd : 4\r\n\r\n")
    assert repaired.odd == [("x[a]", "1"), ("(b)", "2")]
    assert repaired.head == b"GET / HTTP/1.1\r\nHost: a\r\n c: 3\r\nd : 4\r\n\r\n"


def test_only_a_101_loses_the_headers_of_a_body() -> None:
    fields = b"Transfer-Encoding: chunked\r\nX: y\r\ncontent-length: 5\r\n\r\n"
    assert repair_response(b"HTTP/1.1 101 Switching\r\n" + fields) == b"HTTP/1.1 101 Switching\r\nX: y\r\n\r\n"
    for status in (b"100", b"200", b"111", b"102", b"201"):
        head = b"HTTP/1.1 " + status + b" x\r\n" + fields
        assert repair_response(head) == head
