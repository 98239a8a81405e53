"""The text parsers and leaves: whatever comes in, only their documented errors come out."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

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
    parse_extensions,
)
from gdpeer.protocol.frames import Utf8Validator, is_utf8
from gdpeer.protocol.handshake import ClientHandshake, Opened, ServerHandshake, ServerTerms, refusal
from gdpeer.protocol.http_headers import Request, parse_header_line
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


FLAGS = "server_no_context_takeover", "client_no_context_takeover"
BITS = "server_max_window_bits", "client_max_window_bits"
PARAMETERS = st.one_of(
    st.tuples(st.sampled_from(FLAGS), st.none()),
    st.tuples(st.sampled_from(BITS), st.integers(8, 15).map(str)),
    st.just((BITS[1], None)),
    st.tuples(st.sampled_from([*FLAGS, *BITS, "x"]), st.sampled_from([None, "7", "8", "15", "16", "08", "x"])),
)
"""Most of them valid in an offer."""
EXTENSIONS = st.lists(
    st.tuples(st.sampled_from([NAME, NAME, NAME, "x-other"]), st.lists(PARAMETERS, max_size=3)), max_size=3
)
SPACES = st.sampled_from(["", "", " ", "\t "])


@st.composite
def headers_of_extensions(draw: st.DrawFn) -> tuple[str, list[tuple[str, list[tuple[str, str | None]]]]]:
    """A legal header, written in one of the many ways, with what it says."""
    said = draw(EXTENSIONS)

    def written(value: str) -> str:
        return draw(st.sampled_from([value, f'"{value}"', '"' + "".join("\\" + one for one in value) + '"']))

    members = [""] * draw(st.integers(0, 1))
    for name, parameters in said:
        text = name
        for key, value in parameters:
            text += f"{draw(SPACES)};{draw(SPACES)}{key}"
            text += "" if value is None else f"{draw(SPACES)}={draw(SPACES)}{written(value)}"
        members += [text, *[""] * draw(st.integers(0, 1))]
    return f",{draw(SPACES)}".join(members), said


def is_valid(parameters: list[tuple[str, str | None]], *, in_offer: bool) -> bool:
    """Whether RFC 7692 section 7.1 allows these parameters together."""
    numbers = [str(bits) for bits in range(8, 16)]
    allowed: dict[str, list[str | None]] = {
        FLAGS[0]: [None],
        FLAGS[1]: [None],
        BITS[0]: [*numbers],
        BITS[1]: [None, *numbers] if in_offer else [*numbers],
    }
    names = [name for name, _ in parameters]
    return len(set(names)) == len(names) and all(value in allowed.get(name, []) for name, value in parameters)


@given(headers_of_extensions(), AGREEMENTS)
def test_offers_are_met_as_the_rfc_says(header: tuple[str, Any], wish: Agreement) -> None:
    text, said = header
    assert parse_extensions(text) == said
    valid = [dict(parameters) for name, parameters in said if name == NAME and is_valid(parameters, in_offer=True)]
    granted = accept_offers(parse_extensions(text), wish)
    if not valid:
        assert granted is None
        return
    first = valid[0]
    assert granted is not None
    server_most, client_most = (int(first.get(name) or 15) for name in BITS)
    assert granted[0] == Agreement(
        FLAGS[0] in first or wish.server_no_context_takeover,
        FLAGS[1] in first or wish.client_no_context_takeover,
        min(server_most, wish.server_max_window_bits),
        min(client_most, wish.client_max_window_bits) if BITS[1] in first else 15,
    )
    assert granted[1] == granted[0].header(client_bits=False)


@given(headers_of_extensions(), AGREEMENTS)
def test_answers_are_taken_or_refused_as_the_rfc_says(header: tuple[str, Any], wish: Agreement) -> None:
    extensions = parse_extensions(header[0])
    if not extensions:
        assert check_response(extensions, wish) is None
        return
    name, parameters = extensions[0]
    found = dict(parameters)
    is_right = (
        len(extensions) == 1
        and name == NAME
        and is_valid(parameters, in_offer=False)
        and int(found.get(BITS[0]) or 15) <= wish.server_max_window_bits
        and (FLAGS[0] in found or not wish.server_no_context_takeover)
    )
    if not is_right:
        with pytest.raises(HandshakeError):
            check_response(extensions, wish)
        return
    agreed = check_response(extensions, wish)
    assert agreed is not None
    assert agreed.server_max_window_bits == int(found.get(BITS[0]) or 15)
    assert agreed.client_max_window_bits == min(int(found.get(BITS[1]) or 15), wish.client_max_window_bits)
    assert agreed.server_no_context_takeover == (FLAGS[0] in found)
    assert agreed.client_no_context_takeover == (FLAGS[1] in found or wish.client_no_context_takeover)


@given(HEADERS, AGREEMENTS)
def test_extension_headers(value: str, wish: Agreement) -> None:
    """Any text is refused with 400, or read so that writing it again says the same."""
    status, extensions = 0, []
    try:
        extensions = parse_extensions(value)
    except HandshakeError as refused:
        status = refused.status
    assert status in (0, 400)
    assert parse_extensions(written_again(extensions)) == extensions
    granted = accept_offers(extensions, wish)
    valid = [parameters for name, parameters in extensions if name == NAME and is_valid(parameters, in_offer=True)]
    assert (granted is not None) == bool(valid)


def written_again(extensions: list[tuple[str, list[tuple[str, str | None]]]]) -> str:
    def quoted(value: str) -> str:
        return '"' + value.replace("\\", r"\\").replace('"', r"\"") + '"'

    parts = [
        "; ".join([name, *(key if value is None else f"{key}={quoted(value)}" for key, value in parameters)])
        for name, parameters in extensions
    ]
    return ", ".join(parts)


@given(AGREEMENTS, AGREEMENTS)
def test_negotiation_always_ends_in_one_agreement_within_both_wishes(client: Agreement, server: Agreement) -> None:
    granted = accept_offers(parse_extensions(client.header(client_bits=True)), server)
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


TOKENS = st.text(st.sampled_from("!#$%&'*+-.^_`|~09AZaz"), min_size=1, max_size=8)
VALUES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=12)
BLANKS = st.text(st.sampled_from(" \t"), max_size=2)


@given(TOKENS, VALUES, BLANKS, BLANKS)
def test_header_lines(name: str, value: str, before: str, after: str) -> None:
    assert parse_header_line(f"{name}:{before}{value}{after}") == (name, value)
    request = ClientHandshake(parse_url("ws://a"), headers=[(f"X-{name}", value)]).request()
    assert f"\r\nX-{name}: {value}\r\n".encode() in request


@given(
    st.one_of(
        st.text(max_size=40).filter(lambda text: ":" not in text),
        st.builds("{}:{}".format, st.text(max_size=8).filter(lambda text: not is_token(text)), VALUES),
        st.builds("{}:{}".format, TOKENS, BLANKS),
        st.builds("{}: {}{}{}".format, TOKENS, VALUES, st.sampled_from("\r\n\0"), VALUES),
    )
)
def test_lines_that_are_no_headers(line: str) -> None:
    with pytest.raises(ValueError, match="a header must read 'Name: value'"):
        parse_header_line(line)


def is_token(text: str) -> bool:
    """Whether this names a header, after the part before the first colon is stripped."""
    return bool(re.fullmatch(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", text.partition(":")[0].strip()))


@given(URLS)
def test_urls(text: str) -> None:
    try:
        url = parse_url(text)
    except ValueError:
        return
    assert 1 <= url.port <= 65535
    assert url.host.isascii()
    assert url.target.startswith("/")
    assert ClientHandshake(url).request().count(b"\r\n") == 7


HOSTS = st.sampled_from(["a", "a.b", "localhost", "127.0.0.1", "xn--abc.example", "[::1]", "[fe80::1]"])
WORDS = st.text(st.sampled_from("abAB09-._~"), min_size=1, max_size=6)
TARGETS = st.one_of(
    st.just(""),
    st.builds("/{}".format, WORDS),
    st.builds("/{}/{}?{}={}".format, WORDS, WORDS, WORDS, WORDS),
    st.builds("?{}".format, WORDS),
)


@given(
    st.sampled_from(["", "ws://", "wss://", "WSS://"]),
    st.one_of(st.none(), st.tuples(WORDS, st.one_of(st.none(), WORDS))),
    HOSTS,
    st.one_of(st.none(), st.integers(0, 70_000)),
    TARGETS,
)
def test_urls_are_read_part_by_part(
    scheme: str, user: tuple[str, str | None] | None, host: str, port: int | None, target: str
) -> None:
    info = "" if user is None else (user[0] if user[1] is None else f"{user[0]}:{user[1]}") + "@"
    text = f"{scheme}{info}{host}{'' if port is None else f':{port}'}{target}"
    if port is not None and not 1 <= port <= 65535:
        with pytest.raises(ValueError, match="the port must be 1 to 65535"):
            parse_url(text)
        return
    url = parse_url(text)
    secure = scheme.lower() == "wss://"
    usual = 443 if secure else 80
    assert (url.secure, url.host, url.port) == (secure, host.strip("[]"), port or usual)
    assert url.target == (target if target.startswith("/") else "/" + target)
    assert (url.user, url.password) == (("", "") if user is None else (user[0], user[1] or ""))
    assert url.authority == (host if port in (None, usual) else f"{host}:{port}")
    assert parse_url(str(url)) == url


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
