"""The whole upgrade: whatever comes in, it ends as if h11 alone had read and written every head."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdpeer.errors import HandshakeError
from gdpeer.http import Response
from gdpeer.protocol import http_fast as plain
from gdpeer.protocol.deflate import NAME
from gdpeer.protocol.handshake import accept_key
from gdpeer.protocol.http_headers import Request
from gdpeer.protocol.limits import Limits
from gdpeer.protocol.url import Url
from gdpeer.websocket.opening.upgrade import ClientUpgrade, Outcome, ServerUpgrade
from gdpeer.websocket.settings import Settings
from tests.property.streams import CUTS, cut, damaged

ADDRESS = ("192.0.2.1", 5555)
STREAM = SimpleNamespace(remote_address=ADDRESS)
KEY = "AAAAAAAAAAAAAAAAAAAAAA=="
LIMITS = Limits(max_head_size=2000, max_body_size=20)

Lines = list[bytes]

REQUEST = {
    "Host": "game.example",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Version": "13",
}
RESPONSE = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": accept_key(KEY)}
START_LINES = [
    "GET / HTTP/1.1",
    "GET /room?x=1 HTTP/1.1",
    "GET http://game.example/room HTTP/1.1",
    "GET * HTTP/1.1",
    "GET /\xe4 HTTP/1.1",
    "GET /a b HTTP/1.1",
    "GET /a\tb HTTP/1.1",
    "GET  HTTP/1.1",
    "GET HTTP/1.1",
    " GET / HTTP/1.1",
    "GET  / HTTP/1.1",
    "GET / HTTP/1.1 ",
    "GET / HTTP/1.0",
    "GET / HTTP/2.0",
    "GET / http/1.1",
    "get / HTTP/1.1",
    "POST / HTTP/1.1",
    "CONNECT game.example:80 HTTP/1.1",
    "G\0T / HTTP/1.1",
    "",
]
STATUS_LINES = [
    "HTTP/1.1 101 Switching Protocols",
    "HTTP/1.1 101 \xe4 \t.",
    "HTTP/1.1 101 ",
    "HTTP/1.1 101",
    "HTTP/1.1 1011 No",
    "HTTP/1.0 101 Switching Protocols",
    "HTTP/1.1 100 Continue",
    "HTTP/1.1 200 OK",
    "HTTP/1.1 404 ",
    "http/1.1 101 Switching Protocols",
    " HTTP/1.1 101 Switching Protocols",
    "HTTP/1.1  101 Switching Protocols",
    "HTTP/1.1 101 a\0b",
    "",
]
NAMES = [
    *REQUEST,
    "Sec-WebSocket-Accept",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Extensions",
    "Origin",
    "Cookie",
    "Content-Length",
    "Transfer-Encoding",
    "Expect",
    "host",
    "UPGRADE",
    "Sec-WebSocket-Key ",
    " Host",
    "\tUpgrade",
    "",
    "a b",
    "H\xf6st",
    "N\0l",
    "!#$%&'*+-.^_`|~09",
    "(x)",
    "X" * 500,
    "X" * 2500,
]
VALUES = [
    *REQUEST.values(),
    accept_key(KEY),
    "WebSocket",
    "h2c, websocket",
    "keep-alive, Upgrade",
    "close, upgrade",
    "close",
    "a",
    "b , a",
    " ,\t,",
    "x",
    NAME,
    f"{NAME}; client_max_window_bits",
    f"{NAME}; client_max_window_bits=9, {NAME}",
    f"{NAME}; =",
    "https://game.example",
    "https://evil.example",
    "0",
    "3",
    "00, 00",
    "chunked",
    "100-continue",
    "8",
    "AAAAAAAAAAAAAAAAAAAAAB==",
    "AAAAAAAAAAAAAAAAAAAA==",
    "AAAA AAAAAAAAAAAAAAAAAA==",
    "",
    " \t ",
    "a\r\n folded",
    "\r\n\tfolded",
    "\xe4",
    "a\0b",
    "a\rb",
    "a\nb",
    "a\x01\x7f\x0b\x0cb",
    "\xa0a\x85",
    "V" * 2500,
]
SEPARATORS = [": ", ":", ":\t ", " : ", " ", "::", ""]
ENDS = ["\r\n", "\n", "\r", "\r\r\n", "\r\n\r\n", " \t\r\n", ""]
OWN_HEADERS = [
    "X-Game: 1",
    "Set-Cookie: a=b; c",
    "X: \xe4",
    "Host: other.example",
    "Content-Length: 3",
    "Content-Length: x",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: gzip",
    "Connection: close",
    "Expect: 100-continue",
    "X: \u20ac",
    "X: \x01",
    "X: a\x0bb",
]
SETTINGS = st.builds(
    Settings,
    supported_protocols=st.sampled_from([(), (), ("a",), ("b", "a")]),
    handshake_headers=st.lists(st.sampled_from(OWN_HEADERS), max_size=2).map(tuple),
    compression=st.booleans(),
    allowed_origins=st.sampled_from([None, ("https://game.example",)]),
    allowed_paths=st.sampled_from([None, None, ("/", "/room")]),
)


USUAL = [
    ("Cookie", "a=b; c=d"),
    ("X-Empty", ""),
    ("accept-encoding", "gzip,\tdeflate"),
    ("Cookie", "\xe4"),
    ("Origin", "https://game.example"),
    ("Origin", "https://evil.example"),
    ("Connection", "keep-alive"),
    ("Sec-WebSocket-Protocol", "a"),
    ("sec-websocket-protocol", "x, b ,a"),
    ("Sec-WebSocket-Extensions", NAME),
    ("Sec-WebSocket-Extensions", f"{NAME}; client_max_window_bits"),
    ("Content-Length", "0"),
]


@st.composite
def heads(draw: st.DrawFn, starts: Sequence[str], base: dict[str, str]) -> bytes:
    """A head that is as it should be, or nearly so."""
    start = draw(st.sampled_from([*starts[:1] * 3 * len(starts), *starts]))
    fields = [*base.items(), *draw(st.lists(st.sampled_from(USUAL), max_size=3))]
    if draw(st.booleans()):
        fields = draw(st.permutations(fields))
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2]))):
        at = draw(st.integers(0, len(fields)))
        put = [(draw(st.sampled_from(NAMES)), draw(st.sampled_from(VALUES)))]
        fields[at : at + draw(st.integers(0, 1))] = draw(st.sampled_from([put, fields[at : at + 1] * 2, []]))
    lines = [f"{name}: {value}\r\n" for name, value in fields]
    if draw(st.integers(0, 3)) == 3:
        name, value = draw(st.sampled_from([*base.items(), ("X", "y")]))
        odd = name + draw(st.sampled_from(SEPARATORS)) + value + draw(st.sampled_from(ENDS))
        at = draw(st.integers(0, len(lines)))
        lines[at : at + draw(st.integers(0, 1))] = [odd]
    data = "".join([start, "\r\n", *lines, "\r\n"]).encode("latin-1")
    return draw(damaged(data)) if draw(st.integers(0, 7)) == 7 else data


BEHIND = st.sampled_from([b"", b"", b"\x81\x80\0\0\0\0", b"\r\n\r\n", b"3\r\nabc\r\n0\r\n\r\n", b"x" * 30])


@contextmanager
def h11_alone() -> Iterator[None]:
    """Nothing is plain."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("read_request", "read_response", "write_request", "write_fields"):
            patch.setattr(plain, name, lambda *_: None)
        yield


@contextmanager
def fixed_key() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.urandom", bytes)
        yield


def seen(outcome: Outcome | None, request: Request | None) -> tuple[Any, ...]:
    """All that an upgrade tells of its end."""
    opened = None if outcome is None else outcome.opened
    return (
        outcome and (outcome.data, outcome.leftover, outcome.cause),
        opened and (opened.protocol, opened.deflate, list(opened.headers)),
        request and (request.method, request.target, list(request.headers), request.body, request.remote_address),
    )


def feed(upgrade: ServerUpgrade | ClientUpgrade, pieces: Sequence[bytes]) -> tuple[Any, ...]:
    """The outcome, and how many of the pieces it took."""
    for i, piece in enumerate(pieces):
        outcome = upgrade.receive(piece, STREAM)
        if outcome is not None:
            return i, *seen(outcome, upgrade.request)
    return len(pieces), *seen(None, upgrade.request)


def serve(settings: Settings, pieces: Sequence[bytes], pages: bool) -> tuple[Any, ...]:
    asked: list[tuple[str, str]] = []

    def admit(request: Request) -> None:
        asked.append((request.target, request.headers.get("host")))
        if request.path == "/full":
            raise HandshakeError("full", status=503)

    def page(request: Request) -> Response:
        return Response(200, request.body, headers=tuple(request.headers)[:1])

    upgrade = ServerUpgrade(settings, LIMITS, admit, page if pages else None)
    return feed(upgrade, pieces), asked


def ask(settings: Settings, target: str, pieces: Sequence[bytes] = ()) -> tuple[Any, ...]:
    try:
        client = ClientUpgrade(settings, LIMITS, Url(False, "game.example", 80, target))
    except ValueError as problem:
        return (str(problem),)
    return client.begin(), *feed(client, pieces)


def same_for_h11(settings: Settings, make: Callable[[Settings], Any]) -> Any:
    """What comes of it; it must be what comes of it with h11 alone."""
    with fixed_key():
        found = make(_fresh(settings))
        with h11_alone():
            assert make(_fresh(settings)) == found
    return found


def _fresh(settings: Settings) -> Settings:
    """A copy that remembers nothing."""
    return settings.replace()


def single_tricks(starts: Sequence[str], base: dict[str, str]) -> Iterator[bytes]:
    """Heads with one thing out of the ordinary: each of them, wherever it can stand."""
    good = [f"{name}: {value}\r\n" for name, value in base.items()]

    def head(lines: Sequence[str], start: str = starts[0]) -> bytes:
        return "".join([start, "\r\n", *lines, "\r\n"]).encode("latin-1")

    yield from (head(good, start) for start in starts)
    for name, value in product(NAMES, VALUES):
        yield head([*good, f"{name}: {value}\r\n"])
    for at, (name, value) in enumerate(base.items()):
        odd = [name + separator + value + end for separator, end in product(SEPARATORS, ENDS)]
        odd += [f"{name}: {other}\r\n" for other in VALUES] + [good[at] * 2, ""]
        for line in odd:
            yield head([*good[:at], line, *good[at + 1 :]])


def test_each_trick_alone_on_a_server() -> None:
    for head in single_tricks(START_LINES, REQUEST):
        same_for_h11(Settings(compression=True), lambda settings, head=head: serve(settings, [head], pages=True))


def test_each_trick_alone_on_a_client() -> None:
    for head in single_tricks(STATUS_LINES, RESPONSE):
        same_for_h11(Settings(compression=True), lambda settings, head=head: ask(settings, "/", [head]))


@pytest.mark.parametrize("header", OWN_HEADERS)
def test_each_header_of_ones_own(header: str) -> None:
    request = next(single_tricks(START_LINES, REQUEST))
    settings = Settings(handshake_headers=(header,))
    same_for_h11(settings, lambda settings: serve(settings, [request], pages=False))
    same_for_h11(settings, lambda settings: ask(settings, "/"))


@given(heads(START_LINES, REQUEST), BEHIND, CUTS | st.just([]), SETTINGS, st.booleans())
def test_a_server_answers_every_request_as_h11_alone_would(
    head: bytes, behind: bytes, places: list[float], settings: Settings, pages: bool
) -> None:
    pieces = [piece for piece in cut(head + behind, places) if piece]
    same_for_h11(settings, lambda settings: serve(settings, pieces, pages))


@given(heads(START_LINES, REQUEST))
def test_a_server_that_grants_all_answers_as_h11_alone_would(head: bytes) -> None:
    same_for_h11(Settings(), lambda settings: serve(settings, [head], pages=False))


@given(heads(STATUS_LINES, RESPONSE), BEHIND, CUTS | st.just([]), SETTINGS)
def test_a_client_understands_every_response_as_h11_alone_would(
    head: bytes, behind: bytes, places: list[float], settings: Settings
) -> None:
    pieces = [piece for piece in cut(head + behind, places) if piece]

    same_for_h11(settings, lambda settings: ask(settings, "/", pieces))


@given(st.sampled_from(["/", "/room?x=1", "/a b", "/\xe4", "", "*", "/a\r\nb"]), SETTINGS)
def test_a_client_asks_as_h11_alone_would(target: str, settings: Settings) -> None:
    same_for_h11(settings, lambda settings: ask(settings, target))
