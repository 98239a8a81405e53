"""The text parsers and leaves: whatever comes in, only their documented errors come out."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdpeer.errors import HandshakeError, ProtocolError
from gdpeer.protocol.deflate import (
    NAME,
    Agreement,
    Deflater,
    Inflater,
    accept_offers,
    check_response,
    offer,
    parse_extensions,
)
from gdpeer.protocol.frames import Utf8Validator, is_utf8
from gdpeer.protocol.handshake import ClientHandshake, Opened, ServerHandshake, ServerTerms, refusal
from gdpeer.protocol.http1 import Request, parse_header_line
from gdpeer.protocol.url import parse_url
from tests.property.streams import AGREEMENTS, CUTS, PAYLOADS, cut, damaged
from tests.unit.protocol.support import first_impossible

PIECES = [
    NAME,
    ";",
    ",",
    "=",
    '"',
    "\\",
    " ",
    "\t",
    "client_max_window_bits",
    "server_max_window_bits",
    "9",
    "15",
    "x",
    "ä",
]
HEADERS = st.one_of(st.text(max_size=40), st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
URLS = st.one_of(
    st.text(max_size=30),
    st.lists(st.sampled_from(["ws", "://", *":/[]?#%@ü/ ", "::1", "a.b", "80", "\r\n"]), max_size=12).map("".join),
)
REQUEST = (
    b"GET /a?b HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n\x81\x80"
)
BODY = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
RESPONSE = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n"
)
REFUSAL = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nno\n"


@given(HEADERS, AGREEMENTS)
def test_extension_headers(value: str, wish: Agreement) -> None:
    try:
        extensions = parse_extensions(value)
    except HandshakeError:
        return
    accept_offers(extensions, wish)
    with suppress(HandshakeError):
        check_response(extensions, wish)


@given(AGREEMENTS, AGREEMENTS)
def test_negotiation_always_ends_in_one_agreement_within_both_wishes(client: Agreement, server: Agreement) -> None:
    granted = accept_offers(parse_extensions(offer(client)), server)
    assert granted is not None
    agreed = granted[0]
    assert check_response(parse_extensions(granted[1]), client) == Agreement(
        agreed.server_no_context_takeover,
        agreed.client_no_context_takeover or client.client_no_context_takeover,
        agreed.server_max_window_bits,
        min(agreed.client_max_window_bits, client.client_max_window_bits),
    )
    assert agreed.server_max_window_bits <= min(client.server_max_window_bits, server.server_max_window_bits)
    assert agreed.client_max_window_bits <= server.client_max_window_bits


@given(st.text(max_size=40))
def test_header_lines(line: str) -> None:
    with suppress(ValueError):
        name, value = parse_header_line(line)
        assert name
        assert value
        ClientHandshake(parse_url("ws://a"), headers=[(name, value)])


@given(URLS)
def test_urls(text: str) -> None:
    with suppress(ValueError):
        url = parse_url(text)
        assert 1 <= url.port <= 65535
        assert url.host.isascii()
        assert url.target.startswith("/")
        assert ClientHandshake(url).request().count(b"\r\n") == 7


def serve(pieces: list[bytes]) -> tuple[str, object]:
    """How a server ends: a refusal, a plain request, or an opened connection with what is left over."""
    server = ServerHandshake(ServerTerms(compression=Agreement()))
    request: Request | None = None
    try:
        for i, piece in enumerate(pieces):
            request = server.receive_data(piece)
            if request is not None:
                rest = server.leftover + b"".join(pieces[i + 1 :])
                return ("opened", (server.accept(request)[0], rest)) if server.is_upgrade else ("plain", request.body)
    except HandshakeError as error:
        return "refused", refusal(error)
    return "waits", None


@given(st.one_of(damaged(REQUEST), damaged(BODY), st.binary(max_size=60).map(lambda data: data + b"\r\n\r\n")), CUTS)
def test_requests_are_judged_the_same_however_they_are_cut(data: bytes, places: list[float]) -> None:
    assert serve([data]) == serve([piece for piece in cut(data, places) if piece])


@given(
    st.one_of(damaged(RESPONSE), damaged(REFUSAL), st.binary(max_size=60).map(lambda data: data + b"\r\n\r\n")), CUTS
)
def test_responses(data: bytes, places: list[float]) -> None:
    client = ClientHandshake(parse_url("ws://a"), compression=Agreement())
    opened: Opened | None = None
    with suppress(HandshakeError):
        for piece in cut(data, places):
            opened = client.receive_data(piece)
    assert opened is None


@given(st.integers(8, 15), st.booleans(), st.lists(PAYLOADS, max_size=6), CUTS)
def test_compressed_messages_come_back(
    bits: int, keep_context: bool, messages: list[bytes], places: list[float]
) -> None:
    deflater, inflater = Deflater(bits, keep_context=keep_context), Inflater(bits, keep_context=keep_context)
    for message in messages:
        out = b""
        for piece in cut(deflater.compress(message), places):
            out += inflater.feed(piece, len(message) - len(out))
        assert out + inflater.finish(len(message) - len(out)) == message


@given(st.lists(st.binary(max_size=40), max_size=5), st.integers(0, 50))
def test_inflating_garbage_never_gives_more_than_allowed(pieces: list[bytes], room: int) -> None:
    inflater = Inflater()
    with suppress(ProtocolError):
        for piece in pieces:
            assert len(inflater.feed(piece, room)) <= room
        assert len(inflater.finish(room)) <= room


UTF8 = st.one_of(
    st.binary(max_size=12),
    st.text(max_size=12).map(str.encode).flatmap(damaged),
    st.text(max_size=40).map(str.encode),
)


@given(UTF8, CUTS)
def test_utf8_in_pieces(data: bytes, places: list[float]) -> None:
    validator = Utf8Validator()
    seen = bytearray()
    for piece in cut(data, places):
        before = len(seen)
        seen += piece
        assert validator.feed(seen, before) == (first_impossible(bytes(seen)) < 0)
    try:
        data.decode()
    except UnicodeDecodeError:
        assert not is_utf8(data)
        assert not validator.is_complete()
    else:
        assert is_utf8(data)
        assert validator.is_complete()


@pytest.mark.parametrize("level", [1, 9])
@given(message=PAYLOADS)
def test_every_level_is_readable(level: int, message: bytes) -> None:
    inflater = Inflater()
    data = Deflater(level=level).compress(message)
    assert inflater.feed(data, len(message)) + inflater.finish(0) == message
