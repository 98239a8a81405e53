"""ProxyConnector against proxies that are hostile, and its words; real proxies are in tests/unit/websocket."""

from __future__ import annotations

import base64

import pytest

from gdpeer import Cause, ManualClock, TransportError
from gdpeer.transport.memory import MemoryStream, memory_pair
from gdpeer.transport.proxy import MAX_HEAD, Proxy, ProxyConnector, parse_proxy
from tests.unit.transport.support import poll
from tests.unit.websocket.support import LateConnector, is_closed, read_all

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
SOCKS_ANSWER = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x1f\x90"


class Way:
    """A connector whose proxy is this test, over memory."""

    def __init__(self, url: str, host: str = "game.example", port: int = 8910) -> None:
        self.clock = ManualClock(100.0)
        self.ours, self.theirs = memory_pair(clock=self.clock, capacity=1 << 20)
        self.inner = LateConnector(self.ours)
        self.inner.is_there = True
        self.connector = ProxyConnector(self.inner, parse_proxy(url), host, port, timeout=5.0, clock=self.clock)

    def say(self, data: bytes) -> MemoryStream | None:
        if data:
            self.theirs.send([data])
        return self.connector.advance()  # type: ignore[return-value]

    def fails(self, data: bytes, cause: Cause) -> str:
        with pytest.raises(TransportError) as caught:
            self.say(data)
        assert caught.value.cause is cause
        assert is_closed(self.ours)
        assert self.connector.advance() is None
        return caught.value.detail


def greeted(url: str = "socks5://localhost", host: str = "game.example") -> Way:
    """Up to the request of SOCKS."""
    way = Way(url, host)
    assert way.connector.advance() is None
    read_all(way.theirs)
    assert way.say(b"\x05\x00") is None
    return way


def test_connect_asks_for_the_name_and_gives_the_stream() -> None:
    way = Way("http://ann:s%3Acret@localhost:3128")
    assert way.connector.advance() is None
    token = base64.b64encode(b"ann:s:cret")
    assert read_all(way.theirs) == (
        b"CONNECT game.example:8910 HTTP/1.1\r\nHost: game.example:8910\r\nProxy-Authorization: Basic "
        + token
        + b"\r\n\r\n"
    )
    for at in range(len(ESTABLISHED) - 1):
        assert way.say(ESTABLISHED[at : at + 1]) is None
    assert way.say(ESTABLISHED[-1:]) is way.ours
    assert way.connector.advance() is None


def test_an_address_keeps_its_brackets() -> None:
    way = Way("http://localhost:3128", "::1", 443)
    way.connector.advance()
    assert read_all(way.theirs).startswith(b"CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n")


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (b"HTTP/1.1 407 Who\r\n\r\n", Cause.PROXY),
        (b"HTTP/1.1 403 No\r\n\r\n", Cause.PROXY),
        (b"HTTP/1.1 302 There\r\nLocation: http://x/\r\n\r\n", Cause.PROXY),
        (b"HTTP/1.1 502 Away\r\n\r\n", Cause.TCP),
        (b"\x00garbage\r\n\r\n", Cause.PROXY),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * MAX_HEAD, Cause.PROXY),
        (b"HTTP/1.1 100 Wait\r\n\r\n" * 1000, Cause.PROXY),
        (ESTABLISHED + b"more", Cause.PROXY),
    ],
)
def test_answers_to_connect_that_are_no_tunnel(answer: bytes, cause: Cause) -> None:
    way = Way("http://ann:secret@localhost")
    way.theirs.send([answer])
    with pytest.raises(TransportError) as caught:
        poll(way.connector)
    assert caught.value.cause is cause
    assert "secret" not in caught.value.detail
    assert is_closed(way.ours)


def test_socks_asks_for_the_name() -> None:
    way = Way("socks5h://localhost")
    assert way.connector.advance() is None
    assert read_all(way.theirs) == b"\x05\x01\x00"
    assert way.say(b"\x05\x00") is None
    assert read_all(way.theirs) == b"\x05\x01\x00\x03\x0cgame.example" + (8910).to_bytes(2, "big")
    for at in range(len(SOCKS_ANSWER) - 1):
        assert way.say(SOCKS_ANSWER[at : at + 1]) is None
    assert way.say(SOCKS_ANSWER[-1:] + b"beyond") is way.ours
    buffer = bytearray(16)
    assert way.ours.receive_into(buffer) == 6  # not a byte of the tunnel's was taken


@pytest.mark.parametrize("tail", [b"\x01\x7f\0\0\1\0\1", b"\x03\x02ab\0\1", b"\x04" + bytes(18)])
def test_socks_tells_any_kind_of_address(tail: bytes) -> None:
    way = greeted()
    assert way.say(b"\x05\x00\x00" + tail) is way.ours


@pytest.mark.parametrize(
    ("host", "sent"), [("10.0.0.1", b"\x01\x0a\0\0\x01"), ("fe80::1%eth0", b"\x04\xfe\x80" + bytes(13) + b"\x01")]
)
def test_socks_asks_for_addresses_as_such(host: str, sent: bytes) -> None:
    assert read_all(greeted(host=host).theirs) == b"\x05\x01\x00" + sent + (8910).to_bytes(2, "big")


def test_socks_signs_in() -> None:
    way = Way("socks5://ann:pw@localhost")
    way.connector.advance()
    assert read_all(way.theirs) == b"\x05\x02\x00\x02"
    way.say(b"\x05\x02")
    assert read_all(way.theirs) == b"\x01\x03ann\x02pw"
    way.say(b"\x01\x00")
    assert read_all(way.theirs).startswith(b"\x05\x01\x00\x03")


@pytest.mark.parametrize("answer", [b"HT", b"\x05\xff", b"\x05\x02", b"\x04\x00"])
def test_greetings_of_socks_that_do_not_do(answer: bytes) -> None:
    Way("socks5://localhost").fails(answer, Cause.PROXY)


def test_a_password_that_is_refused() -> None:
    way = Way("socks5://ann:secret@localhost")
    way.say(b"\x05\x02")
    assert "secret" not in way.fails(b"\x01\x01", Cause.PROXY)


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        *((bytes([5, code, 0, 1, 0]), Cause.TCP) for code in (1, 3, 4, 5, 6)),
        *((bytes([5, code, 0, 1, 0]), Cause.PROXY) for code in (2, 7, 8, 99)),
        (b"\x04\x00\x00\x01\x00", Cause.PROXY),
        (b"\x05\x00\x00\x02\x00", Cause.PROXY),
    ],
)
def test_refusals_of_socks(answer: bytes, cause: Cause) -> None:
    greeted().fails(answer, cause)


def test_a_name_that_is_too_long_for_socks() -> None:
    way = Way("socks5://localhost", "x" * 256)
    way.fails(b"\x05\x00", Cause.PROXY)


@pytest.mark.parametrize("cut", range(len(SOCKS_ANSWER)))
def test_socks_that_ends_at_each_byte(cut: int) -> None:
    way = greeted()
    assert way.say(SOCKS_ANSWER[:cut]) is None
    way.theirs.close_write()
    way.fails(b"", Cause.TCP)


@pytest.mark.parametrize("cut", range(len(ESTABLISHED)))
def test_connect_that_ends_at_each_byte(cut: int) -> None:
    way = Way("http://localhost")
    assert way.say(ESTABLISHED[:cut]) is None
    way.theirs.close_write()
    way.fails(b"", Cause.TCP)


@pytest.mark.parametrize("url", ["http://localhost", "socks5://localhost"])
def test_a_proxy_that_never_answers(url: str) -> None:
    way = Way(url)
    way.connector.advance()
    way.clock.advance(4.9)
    assert way.connector.advance() is None
    way.clock.advance(0.2)
    way.fails(b"", Cause.TIMEOUT)


def test_on_the_way_to_the_proxy_its_own_cause_counts() -> None:
    way = Way("http://localhost")
    way.inner.is_there = False
    assert way.connector.advance() is None
    way.inner.failure = TransportError("refused", Cause.TCP)
    with pytest.raises(TransportError, match="refused"):
        way.connector.advance()
    assert way.inner.calls[-1] == "close"


@pytest.mark.parametrize(
    ("text", "proxy"),
    [
        ("http://host:3128", Proxy("http", "host", 3128)),
        ("host:3128", Proxy("http", "host", 3128)),
        ("http://host", Proxy("http", "host", 80)),
        ("socks5h://a%40b:c%3Ad@[::1]/", Proxy("socks5h", "::1", 1080, "a@b", "c:d")),
    ],
)
def test_urls_of_proxies(text: str, proxy: Proxy) -> None:
    assert parse_proxy(text) == proxy


@pytest.mark.parametrize(
    "text",
    [
        "https://u:secret@h",
        "socks4://u:secret@h",
        "http://u:secret@",
        "http://u:secret@h:0",
        "http://u:secret@h:99999",
        "http://u:secret@[h",
        "http://u:secret" + "x" * 255 + "@h",
        "http://u\ud800:secret@h",
        "http://u:secret\udfff@h",
        "http://u:secret@h\ud800",
    ],
)
def test_what_is_no_proxy_is_refused_without_its_password(text: str) -> None:
    with pytest.raises(ValueError, match="proxy") as caught:
        parse_proxy(text)
    assert "secret" not in str(caught.value)


def test_a_proxy_does_not_show_its_password() -> None:
    assert "secret" not in repr(parse_proxy("http://ann:secret@h"))
