"""The HTTP upgrade of both roles: what opens a WebSocket, and what refuses one. RFC 6455 section 4."""

from __future__ import annotations

import base64
import json
import re
import sys
import time
from collections.abc import Sequence
from typing import Any

import pytest

from gdpeer.errors import Cause, HandshakeError
from gdpeer.protocol.deflate import NAME, Agreement
from gdpeer.protocol.handshake import ClientHandshake, Opened, ServerHandshake, ServerTerms, accept_key, refusal
from gdpeer.protocol.http_h11 import respond
from gdpeer.protocol.http_headers import Headers, Request, parse_header_line
from gdpeer.protocol.limits import DEFAULT_LIMITS, Limits
from gdpeer.protocol.url import parse_url
from tests.support.growth import grows_below
from tests.support.missing import ROOT

KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455 section 1.3
GOLDEN = ROOT / "tests" / "golden"
URL = parse_url("ws://example.org/")

Fields = Sequence[tuple[str, str]]
UPGRADE: Fields = (
    ("Host", "example.org"),
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Key", KEY),
    ("Sec-WebSocket-Version", "13"),
)


def message(start: str, fields: Fields) -> bytes:
    return "\r\n".join([start, *(f"{name}: {value}" for name, value in fields), "", ""]).encode("latin-1")


def changed(fields: Fields, changes: dict[str, str | None]) -> Fields:
    """`fields` with some replaced, added, or (None) left out."""
    kept = [(name, changes.get(name, value)) for name, value in fields]
    added = [(name, value) for name, value in changes.items() if name not in dict(fields)]
    return [(name, value) for name, value in [*kept, *added] if value is not None]


def upgrade(start: str = "GET / HTTP/1.1", more: Fields = (), **changes: str | None) -> bytes:
    """A request for a WebSocket; a keyword's underscores stand for hyphens."""
    return message(start, [*changed(UPGRADE, {k.replace("_", "-"): v for k, v in changes.items()}), *more])


def make_server(protocols: Sequence[str] = (), limits: Limits = DEFAULT_LIMITS, **terms: Any) -> ServerHandshake:
    return ServerHandshake(ServerTerms(protocols, **terms), limits)


def serve(data: bytes, server: ServerHandshake | None = None) -> tuple[bytes, Opened]:
    server = server or make_server()
    request = server.receive_data(data)
    assert request is not None
    return server.accept(request)


def refused(data: bytes, server: ServerHandshake | None = None) -> HandshakeError:
    with pytest.raises(HandshakeError) as caught:
        serve(data, server)
    return caught.value


def header_names(head: bytes) -> list[str]:
    return [line.partition(":")[0] for line in head.decode().split("\r\n")[1:-2]]


# ---------------------------------------------------------------- small parts


def test_accept_key_of_the_rfc() -> None:
    assert accept_key(KEY) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_headers() -> None:
    headers = Headers([("Via", "a"), ("X-Y", "1"), ("VIA", "b, C ")])
    assert (headers.get("via"), headers.get_all("Via"), headers.get("none"), headers.get("none", "d")) == (
        "a, b, C ",
        ["a", "b, C "],
        "",
        "d",
    )
    assert headers.has_token("via", "c")
    assert not headers.has_token("via", "d")
    assert "x-Y" in headers
    assert "z" not in headers
    assert 1 not in headers
    assert list(headers) == [("via", "a"), ("x-y", "1"), ("via", "b, C ")]
    assert len(headers) == 3
    assert repr(Headers([("A", "b")])) == "Headers([('a', 'b')])"


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [("/", "/", ""), ("/a?b=c?d", "/a", "b=c?d"), ("/a?", "/a", ""), ("/%3F?x", "/%3F", "x")],
)
def test_target_has_path_and_query(target: str, path: str, query: str) -> None:
    request = Request("GET", target, Headers())
    assert (request.path, request.query) == (path, query)


@pytest.mark.parametrize(
    ("line", "pair"),
    [
        ("A: b", ("A", "b")),
        ("A:b", ("A", "b")),
        (" A :  b: c ", ("A", "b: c")),
        ("Cookie: ü", ("Cookie", "ü")),
    ],
)
def test_header_line_is_split(line: str, pair: tuple[str, str]) -> None:
    assert parse_header_line(line) == pair


@pytest.mark.parametrize("line", ["", ":", "A", "A:", "A: ", ": b", "A: b\r\nC: d", "A: b\n", "A: b\0", "Ä: b"])
def test_header_line_that_is_none(line: str) -> None:
    with pytest.raises(ValueError, match="Name: value"):
        parse_header_line(line)


def test_response_states_its_length_and_ends_the_connection() -> None:
    head = b"HTTP/1.1 404 Not Found\r\nX-Y: z\r\nContent-Length: 4\r\nConnection: close\r\n\r\n"
    assert respond(404, [("X-Y", "z")], b"body") == head + b"body"
    assert respond(599, [], b"").startswith(b"HTTP/1.1 599 \r\n")


@pytest.mark.parametrize(("status", "fields"), [(200, [("X", "a\r\nb")]), (200, [("a b", "c")]), (101, [])])
def test_response_that_http_cannot_carry(status: int, fields: Fields) -> None:
    with pytest.raises(ValueError, match="HTTP cannot carry"):
        respond(status, fields, b"")


# ---------------------------------------------------------------- the engines' own


def golden() -> list[tuple[bytes, bytes]]:
    """Each engine's requests with the responses of the same engine."""
    pairs = []
    for name in ("http_godot3.jsonl", "http_godot4.jsonl"):
        heads = [json.loads(line)["head"].encode() for line in (GOLDEN / name).read_text().splitlines()]
        pairs += list(zip(heads[::2], heads[1::2], strict=True))
    return pairs


def golden_protocols(head: bytes) -> list[str]:
    return ["game"] if b"Sec-WebSocket-Protocol: game" in head else []


@pytest.mark.parametrize(("request_head", "response_head"), golden())
def test_our_response_is_the_engines_byte_for_byte(request_head: bytes, response_head: bytes) -> None:
    protocols = golden_protocols(request_head)
    response, opened = serve(request_head, make_server(protocols))
    assert response == response_head
    assert opened.protocol == "".join(protocols)
    assert opened.deflate is None


@pytest.mark.parametrize(("request_head", "response_head"), golden())
def test_our_request_is_the_engines_byte_for_byte(
    request_head: bytes, response_head: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = dict(line.split(": ", 1) for line in request_head.decode().split("\r\n")[1:-2])
    key = base64.b64decode(fields["Sec-WebSocket-Key"])
    monkeypatch.setattr("os.urandom", lambda size: key[:size])
    client = ClientHandshake(parse_url(f"ws://{fields['Host']}/"), golden_protocols(request_head))
    assert client.request() == request_head
    opened = client.receive_data(response_head)
    assert opened is not None
    assert opened.protocol == fields.get("Sec-WebSocket-Protocol", "")


# ---------------------------------------------------------------- server: what opens


def test_response_has_the_engines_order_and_extras_behind() -> None:
    server = make_server(["b", "a"], compression=Agreement(), headers=[("X-Extra", "1")])
    offers = {"Sec_WebSocket_Protocol": "x, a,b", "Sec_WebSocket_Extensions": NAME}
    response, opened = serve(upgrade(**offers), server)
    assert response.startswith(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
    assert header_names(response) == [
        "Upgrade",
        "Connection",
        "Sec-WebSocket-Accept",
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Extensions",
        "X-Extra",
    ]
    assert (opened.protocol, opened.deflate) == ("a", Agreement())
    assert opened.headers.get("host") == "example.org"


@pytest.mark.parametrize(
    "data",
    [
        upgrade("GET /chat?room=1 HTTP/1.1"),
        upgrade(Upgrade="WebSocket"),
        upgrade(Upgrade="h2c, websocket"),
        upgrade(Connection="keep-alive, Upgrade"),
        upgrade(Connection="keep-alive", more=[("connection", "UPGRADE")]),
        upgrade(Content_Length="0"),
        upgrade(Origin="https://anywhere.example", Cookie="ä=ö"),
        upgrade(Sec_WebSocket_Extensions=NAME),
    ],
)
def test_requests_that_open(data: bytes) -> None:
    response, opened = serve(data)
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in response
    assert b"Extensions" not in response
    assert opened == Opened("", None, opened.headers)


@pytest.mark.parametrize("size", [1, 2, 7, 64])
def test_request_in_pieces_is_the_same(size: int) -> None:
    data = upgrade("GET /chat?room=1 HTTP/1.1", Sec_WebSocket_Protocol="a")
    whole, pieces = make_server(["a"]), make_server(["a"])
    expected = whole.receive_data(data)
    assert expected is not None
    request = None
    for at in range(0, len(data), size):
        assert request is None
        request = pieces.receive_data(memoryview(data)[at : at + size])
    assert request is not None
    assert (request.method, request.target, list(request.headers)) == ("GET", "/chat?room=1", list(expected.headers))
    assert pieces.accept(request)[0] == whole.accept(expected)[0]


def test_what_follows_the_head_is_left_over() -> None:
    server = make_server()
    assert server.receive_data(bytearray(upgrade()[:-1])) is None
    assert server.receive_data(b"\n\x81\x80\r\n\n") is not None
    assert server.leftover == b"\x81\x80\r\n\n"


@pytest.mark.parametrize(
    ("ours", "theirs", "chosen"),
    [
        ([], None, ""),
        ([], "", ""),
        (["a"], "a", "a"),
        (["a", "b"], "b,a", "b"),
        ([" a ", "b"], " x ,\ta", "a"),
        (["b"], "a, b, c", "b"),
        (["a", ""], None, ""),
        (["a", ""], "b, a", "a"),
    ],
)
def test_first_offered_protocol_that_the_server_speaks(ours: list[str], theirs: str | None, chosen: str) -> None:
    assert serve(upgrade(Sec_WebSocket_Protocol=theirs), make_server(ours))[1].protocol == chosen


def test_protocols_are_joined_over_headers() -> None:
    data = upgrade(more=[("Sec-WebSocket-Protocol", "a"), ("Sec-WebSocket-Protocol", "b")])
    assert serve(data, make_server(["b"]))[1].protocol == "b"


@pytest.mark.parametrize(
    ("ours", "theirs", "why"),
    [
        ([], "a", "speaks none, the client offered a"),
        (["a", "b"], None, "speaks a, b, the client offered none"),
        (["a", "b"], "c, d", "speaks a, b, the client offered c, d"),
        (["a"], "A", "speaks a, the client offered A"),
        (["a", ""], "b", "speaks a, the client offered b"),
    ],
)
def test_no_protocol_in_common_is_refused(ours: list[str], theirs: str | None, why: str) -> None:
    error = refused(upgrade(Sec_WebSocket_Protocol=theirs), make_server(ours))
    assert (error.status, error.cause) == (400, Cause.SUB_PROTOCOL)
    assert why in error.detail


@pytest.mark.parametrize("origin", [None, "https://game.example"])
def test_origins_that_are_let_in(origin: str | None) -> None:
    serve(upgrade(Origin=origin), make_server(allowed_origins=["https://game.example"]))


@pytest.mark.parametrize("origin", ["https://evil.example", "https://game.example.evil.example", "null"])
@pytest.mark.parametrize("allowed", [["https://game.example"], []])
def test_other_origins_are_refused_with_403(allowed: list[str], origin: str) -> None:
    error = refused(upgrade(Origin=origin), make_server(allowed_origins=allowed))
    assert error.status == 403
    assert origin in error.detail


def test_two_origins_do_not_make_an_allowed_one() -> None:
    data = upgrade(Origin="https://game.example", more=[("Origin", "https://evil.example")])
    assert refused(data, make_server(allowed_origins=["https://game.example"])).status == 403


@pytest.mark.parametrize(
    ("offer", "agreed"),
    [
        (f"{NAME}; client_max_window_bits", Agreement(client_max_window_bits=12)),
        (f"other, {NAME}; server_max_window_bits=10", Agreement(server_max_window_bits=10)),
        (f"{NAME}; unknown", None),
        (None, None),
    ],
)
def test_compression_is_agreed_on_or_left_out(offer: str | None, agreed: Agreement | None) -> None:
    server = make_server(compression=Agreement(client_max_window_bits=12))
    response, opened = serve(upgrade(Sec_WebSocket_Extensions=offer), server)
    assert opened.deflate == agreed
    assert (b"Sec-WebSocket-Extensions: permessage-deflate" in response) == (agreed is not None)


# ---------------------------------------------------------------- server: what is refused


def doubled(name: str, value: str) -> bytes:
    return upgrade(more=[(name, value)])


@pytest.mark.parametrize(
    ("data", "status", "why"),
    [
        # line ends
        (upgrade().replace(b"\r\n", b"\n"), 400, "CR LF"),
        (upgrade().replace(b"\r\nUpgrade", b"\nUpgrade"), 400, "CR LF"),
        (upgrade().replace(b"\r\nUpgrade", b"\rUpgrade"), 400, "CR LF"),
        (upgrade().replace(b"\r\nUpgrade", b"\r\r\nUpgrade"), 400, "CR LF"),
        (upgrade(Cookie="a\nb"), 400, "CR LF"),
        (upgrade(Cookie="a\rb"), 400, "CR LF"),
        (upgrade(Cookie="a\r\n b"), 400, "go on in the next line"),
        (upgrade(Upgrade="\r\n\twebsocket"), 400, "go on in the next line"),
        # what may stand once only
        (doubled("Host", "example.org"), 400, "Host"),
        (doubled("upgrade", "websocket"), 400, "more than one upgrade header"),
        (doubled("Sec-WebSocket-Key", KEY), 400, "more than one sec-websocket-key header"),
        (doubled("Sec-WebSocket-Version", "13"), 400, "more than one sec-websocket-version header"),
        # HTTP
        (upgrade(Host=None), 400, "Host"),
        (upgrade("GET / HTTP/1.0"), 400, "needs HTTP/1.1"),
        (upgrade("GET / HTTP/2.0"), 400, "HTTP/1.1 is needed, not HTTP/2.0"),
        (upgrade("GET /"), 400, "not a valid HTTP request"),
        (upgrade("GET  / HTTP/1.1"), 400, "not a valid HTTP request"),
        (upgrade("GET /a b HTTP/1.1"), 400, "not a valid HTTP request"),
        (upgrade(more=[("Cookie ", "a")]), 400, "not a valid HTTP request"),
        (upgrade(more=[("Co\0kie", "a")]), 400, "not a valid HTTP request"),
        (upgrade(more=[("Co\tkie", "a")]), 400, "not a valid HTTP request"),
        (upgrade(more=[("X[a] ", "a")]), 400, "not a valid HTTP request"),
        (upgrade(more=[("X[a]\t", "a")]), 400, "not a valid HTTP request"),
        (upgrade(more=[("", "a")]), 400, "not a valid HTTP request"),
        (upgrade(Cookie="a\0b"), 400, "not a valid HTTP request"),
        (upgrade(Content_Length="+5"), 400, "not a valid HTTP request"),
        (upgrade(Content_Length="5", more=[("Content-Length", "6")]), 400, "not a valid HTTP request"),
        # not HTTP
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "this is TLS, and this port has no TLS"),
        (b"\x16", 400, "this is TLS"),
        (b"\x16\x03\x03\x00\xff\n", 400, "this is TLS"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "not HTTP/2.0"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", 400, "this is SSH"),
        (b"\xffabc", 400, "not HTTP"),
        # the upgrade
        (upgrade("POST / HTTP/1.1", Content_Length="0"), 405, "opened with GET"),
        (upgrade("HEAD / HTTP/1.1"), 405, "opened with GET"),
        (upgrade("get / HTTP/1.1"), 405, "opened with GET"),
        (upgrade(Connection="keep-alive"), 400, "Connection header lacks 'upgrade'"),
        (upgrade(Connection=None), 400, "Connection header lacks 'upgrade'"),
        (upgrade(Content_Length="5"), 400, "carries no body"),
        (upgrade(Transfer_Encoding="chunked"), 400, "carries no body"),
        (upgrade(Transfer_Encoding="chunked", Content_Length="0"), 400, ""),
        (upgrade(Transfer_Encoding="gzip"), 400, "not a valid HTTP request"),
        (upgrade(Transfer_Encoding="chunked", more=[("Transfer-Encoding", "chunked")]), 400, "not a valid"),
        (upgrade(Sec_WebSocket_Version="8"), 426, "version 13 is needed, not 8"),
        (upgrade(Sec_WebSocket_Version="13, 8"), 426, "version 13 is needed, not 13, 8"),
        (upgrade(Sec_WebSocket_Version=None), 426, "version 13 is needed, not none"),
        (upgrade(Sec_WebSocket_Key=None), 400, "Sec-WebSocket-Key must be 16 bytes"),
        (upgrade(Sec_WebSocket_Key="c2hvcnQ="), 400, "Sec-WebSocket-Key must be 16 bytes"),
        (upgrade(Sec_WebSocket_Key="x" + KEY[1:-2]), 400, "Sec-WebSocket-Key must be 16 bytes"),
        (upgrade(Sec_WebSocket_Key="?" + KEY[1:]), 400, "Sec-WebSocket-Key must be 16 bytes"),
        (upgrade(Sec_WebSocket_Key="ä" + KEY[1:]), 400, "Sec-WebSocket-Key must be 16 bytes"),
        # size
        (upgrade(Cookie="x" * 16_384), 431, "longer than 16384 bytes"),
        (b"GET / HTTP/1.1\r\n" + b"x" * 16_384, 431, "longer than 16384 bytes"),
    ],
)
def test_request_is_refused_with_status_and_reason(data: bytes, status: int, why: str) -> None:
    error = refused(data)
    assert error.status == status
    assert error.cause == Cause.UPGRADE
    assert why in error.detail
    answer = refusal(error)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % error.status)
    assert b"Content-Type: text/plain; charset=utf-8" in head
    assert b"Connection: close" in head
    assert body.decode() == error.detail + "\n"
    assert body.count(b"\n") == 1


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (upgrade(Sec_WebSocket_Version="8"), b"\r\nSec-WebSocket-Version: 13\r\n"),
        (upgrade("PUT / HTTP/1.1"), b"\r\nAllow: GET\r\n"),
        (message("GET / HTTP/1.1", [("Host", "a")]), b"\r\nUpgrade: websocket\r\n"),
    ],
)
def test_refusal_says_what_would_do(data: bytes, line: bytes) -> None:
    assert line in refusal(refused(data))


def test_refusal_without_a_status_is_400() -> None:
    assert refusal(HandshakeError("für nichts")).startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_broken_line_end_is_noticed_before_the_head_is_whole() -> None:
    server = make_server()
    assert server.receive_data(b"GET / HTTP/1.1\r") is None
    assert server.receive_data(b"\n") is None
    with pytest.raises(HandshakeError, match="CR LF"):
        server.receive_data(b"Host: a\n")


@pytest.mark.parametrize("broken", [b"X: a\nb\r\n", b"X: a\rb\r\n", b"X: a\r\r\n", b"\n", b"\r\r\n"])
def test_broken_line_end_is_noticed_in_pieces_of_one_byte(broken: bytes) -> None:
    handshake = make_server()
    head = b"GET / HTTP/1.1\r\nHost: h\r\n" + broken + b"Y: 1\r\n"
    with pytest.raises(HandshakeError) as caught:
        [handshake.receive_data(head[at : at + 1]) for at in range(len(head))]
    assert caught.value.status == 400


def test_a_head_that_drips_costs_linear_time() -> None:
    def seconds(size: int) -> float:
        head = b"GET / HTTP/1.1\r\nX: " + b"a" * size
        handshake, start = make_server(), time.process_time()
        for at in range(len(head)):
            handshake.receive_data(head[at : at + 1])
        return time.process_time() - start

    assert grows_below(8, seconds, 4_000, 16_000)  # 4 times as long; it was 14 times


def test_head_at_the_limit_is_let_in() -> None:
    data = upgrade()
    serve(data, make_server(limits=Limits(max_head_size=len(data))))
    assert refused(data, make_server(limits=Limits(max_head_size=len(data) - 1))).status == 431


def test_endless_head_in_pieces_is_refused() -> None:
    server = make_server(limits=Limits(max_head_size=1000))
    server.receive_data(b"GET / HTTP/1.1\r\n")
    for _ in range(89):
        server.receive_data(b"Cookie: a\r\n")
    with pytest.raises(HandshakeError) as caught:
        server.receive_data(b"Cookie: a\r\n")
    assert caught.value.status == 431


# ---------------------------------------------------------------- server: pages on the same port


def test_plain_request_is_handed_on() -> None:
    server = make_server()
    request = server.receive_data(message("GET /page?a=b HTTP/1.1", [("Host", "a")]))
    assert request is not None
    assert not request.is_upgrade
    assert (request.method, request.path, request.query, request.body) == ("GET", "/page", "a=b", b"")
    error = refused(message("GET / HTTP/1.1", [("Host", "a")]))
    assert (error.status, error.detail) == (426, "this is a WebSocket server")


CHUNKED = b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"


@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize(
    ("fields", "body"), [([("Content-Length", "5")], b"abcde"), ([("Transfer-Encoding", "chunked")], CHUNKED)]
)
def test_body_comes_with_its_request(fields: Fields, body: bytes, size: int) -> None:
    server = make_server()
    data = message("POST / HTTP/1.1", [("Host", "a"), *fields]) + body
    requests = [server.receive_data(data[at : at + size]) for at in range(0, len(data), size)]
    assert requests[:-1] == [None] * (len(requests) - 1)
    request = requests[-1]
    assert request is not None
    assert (request.method, request.body, server.leftover) == ("POST", b"abcde", b"")


@pytest.mark.parametrize(
    ("fields", "body"),
    [([("Content-Length", "6")], b"abcdef"), ([("Transfer-Encoding", "chunked")], b"6\r\nabcdef\r\n")],
)
def test_body_over_the_limit_is_refused(fields: Fields, body: bytes) -> None:
    data = message("POST / HTTP/1.1", [("Host", "a"), *fields]) + body
    error = refused(data, make_server(limits=Limits(max_body_size=5)))
    assert (error.status, error.detail) == (413, "the body is longer than 5 bytes")


def test_damaged_body_is_refused() -> None:
    server = make_server()
    assert server.receive_data(message("POST / HTTP/1.1", [("Host", "a"), ("Transfer-Encoding", "chunked")])) is None
    with pytest.raises(HandshakeError) as caught:
        server.receive_data(b"zzz\r\n")
    assert caught.value.status == 400


# ---------------------------------------------------------------- client: the request


def test_request_has_the_engines_order_and_extras_behind() -> None:
    client = ClientHandshake(
        parse_url("ws://example.org:9080/a?b"),
        ["a", " b "],
        compression=Agreement(),
        headers=[("User-Agent", "x"), ("Cookie", "c")],
    )
    head = client.request()
    assert head.startswith(b"GET /a?b HTTP/1.1\r\nHost: example.org:9080\r\nUpgrade: websocket\r\n")
    assert b"\r\nSec-WebSocket-Protocol: a,b\r\n" in head
    assert b"\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" in head
    assert header_names(head)[3:] == [
        "Sec-WebSocket-Key",
        "Sec-WebSocket-Version",
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Extensions",
        "User-Agent",
        "Cookie",
    ]


def test_each_key_is_16_of_the_systems_random_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = [bytes([i] * 16) for i in range(3)]
    source = iter(blocks)
    monkeypatch.setattr("os.urandom", lambda size: next(source)[:size])
    for block in blocks:
        assert b"\r\nSec-WebSocket-Key: %s\r\n" % base64.b64encode(block) in ClientHandshake(URL).request()


@pytest.mark.parametrize(
    "name",
    [
        "Host",
        "upgrade",
        "CONNECTION",
        "Sec-WebSocket-Key",
        "Sec-WebSocket-Version",
        "Content-Length",
        "Transfer-Encoding",
    ],
)
def test_headers_of_the_upgrade_cannot_be_given(name: str) -> None:
    with pytest.raises(ValueError, match="the upgrade sets"):
        ClientHandshake(URL, headers=[(name, "1")])


@pytest.mark.parametrize("field", [("a b", "c"), ("A", "b\r\nC: d"), ("A", "b\0"), ("", "b")])
def test_headers_that_http_cannot_carry(field: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="HTTP cannot carry"):
        ClientHandshake(URL, headers=[field])


def test_protocol_that_http_cannot_carry() -> None:
    with pytest.raises(ValueError, match="HTTP cannot carry"):
        ClientHandshake(URL, ["a\r\nb"])


# ---------------------------------------------------------------- client: the response


@pytest.fixture(autouse=True)
def fixed_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.urandom", lambda size: b"the sample nonce"[:size])


GRANT: Fields = (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept_key(KEY)))


def grant(start: str = "HTTP/1.1 101 Switching Protocols", more: Fields = (), **changes: str | None) -> bytes:
    return message(start, [*changed(GRANT, {k.replace("_", "-"): v for k, v in changes.items()}), *more])


def open_client(data: bytes, protocols: Sequence[str] = (), compression: Agreement | None = None) -> Opened:
    opened = ClientHandshake(URL, protocols, compression=compression).receive_data(data)
    assert opened is not None
    return opened


@pytest.mark.parametrize(
    ("data", "protocols", "compression", "protocol", "agreed"),
    [
        (grant(), [], None, "", None),
        (grant("HTTP/1.1 101 "), [], None, "", None),
        (grant("HTTP/1.1 101 Go on"), [], None, "", None),
        (grant(Upgrade="WebSocket", Connection="keep-alive, upgrade"), [], None, "", None),
        (grant(Sec_WebSocket_Protocol="b"), ["a", "b"], None, "b", None),
        (grant(), [], Agreement(), "", None),
        (
            grant(Sec_WebSocket_Extensions=f"{NAME}; server_max_window_bits=9"),
            [],
            Agreement(),
            "",
            Agreement(False, False, 9),
        ),
    ],
)
def test_responses_that_open(
    data: bytes, protocols: list[str], compression: Agreement | None, protocol: str, agreed: Agreement | None
) -> None:
    opened = open_client(data, protocols, compression)
    assert (opened.protocol, opened.deflate) == (protocol, agreed)
    assert opened.headers.get("sec-websocket-accept") == accept_key(KEY)


def test_response_in_pieces_is_the_same_and_the_rest_is_left_over() -> None:
    client = ClientHandshake(URL)
    data = grant(more=[("Server", "x")])
    for at in range(len(data) - 1):
        assert client.receive_data(data[at : at + 1]) is None
    opened = client.receive_data(data[-1:] + b"\x81\x01a")
    assert opened is not None
    assert list(opened.headers) == list(open_client(data).headers)
    assert client.leftover == b"\x81\x01a"


@pytest.mark.parametrize(
    ("data", "protocols", "compression", "cause", "why"),
    [
        (grant(Sec_WebSocket_Accept="AAAA"), [], None, Cause.UPGRADE, "Sec-WebSocket-Accept is wrong"),
        (grant(Sec_WebSocket_Accept=accept_key(KEY).lower()), [], None, Cause.UPGRADE, "Sec-WebSocket-Accept is wrong"),
        (grant(Sec_WebSocket_Accept=None), [], None, Cause.UPGRADE, "Sec-WebSocket-Accept is wrong"),
        (grant(more=[("Sec-WebSocket-Accept", accept_key(KEY))]), [], None, Cause.UPGRADE, "Accept is wrong"),
        (grant(Upgrade=None), [], None, Cause.UPGRADE, "lacks 'Upgrade: websocket'"),
        (grant(Upgrade="h2c"), [], None, Cause.UPGRADE, "lacks 'Upgrade: websocket'"),
        (grant(Connection=None), [], None, Cause.UPGRADE, "lacks"),
        (grant(Connection="close"), [], None, Cause.UPGRADE, "lacks"),
        (grant("HTTP/1.0 101 Switching Protocols"), [], None, Cause.UPGRADE, "does not speak HTTP/1.1"),
        (grant("HTTP/1.1 10x Switching Protocols"), [], None, Cause.UPGRADE, "not a valid HTTP response"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", [], None, Cause.UPGRADE, "does not speak HTTP: this is SSH"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", [], None, Cause.UPGRADE, "this is SSH"),
        (b"220 mail.example ESMTP\r\n", [], None, Cause.UPGRADE, "this is SMTP or FTP"),
        (b"* OK ready\r\n", [], None, Cause.UPGRADE, "this is IMAP"),
        (b"+OK ready\r\n", [], None, Cause.UPGRADE, "this is POP3"),
        (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", [], None, Cause.UPGRADE, "this is HTTP/2"),
        (b"\x15\x03\x03\x00\x02\x02\x46", [], None, Cause.UPGRADE, "this is TLS, and the URL must begin with wss://"),
        (b"h", [], None, Cause.UPGRADE, "it begins with 'h'"),
        (b"HTTPS", [], None, Cause.UPGRADE, "it begins with 'HTTPS'"),
        (b"\r\n\r\n", [], None, Cause.UPGRADE, "HTTP"),
        (grant().replace(b"\r\n", b"\n"), [], None, Cause.UPGRADE, "CR LF"),
        (grant(X="a\r\n b"), [], None, Cause.UPGRADE, "go on in the next line"),
        (grant(more=[("X", "y" * 16_384)]), [], None, Cause.UPGRADE, "longer than 16384"),
        (grant(Sec_WebSocket_Protocol="a"), [], None, Cause.SUB_PROTOCOL, "'a', which was not offered"),
        (grant(Sec_WebSocket_Protocol="c"), ["a", "b"], None, Cause.SUB_PROTOCOL, "'c', which was not offered"),
        (grant(Sec_WebSocket_Protocol="A"), ["a"], None, Cause.SUB_PROTOCOL, "'A', which was not offered"),
        (grant(Sec_WebSocket_Protocol="a, b"), ["a", "b"], None, Cause.SUB_PROTOCOL, "which was not offered"),
        (grant(), ["a", "b"], None, Cause.SUB_PROTOCOL, "none of the sub-protocols offered: a, b"),
        (grant(Sec_WebSocket_Extensions=NAME), [], None, Cause.UPGRADE, "none was offered"),
        (grant(Sec_WebSocket_Extensions="other"), [], Agreement(), Cause.UPGRADE, "not offered: other"),
        (grant(Sec_WebSocket_Extensions=f"{NAME}; x"), [], Agreement(), Cause.UPGRADE, "parameters of"),
        (grant(Sec_WebSocket_Extensions="a;"), [], Agreement(), Cause.UPGRADE, "malformed"),
    ],
)
def test_response_is_refused_with_its_cause(
    data: bytes, protocols: list[str], compression: Agreement | None, cause: Cause, why: str
) -> None:
    with pytest.raises(HandshakeError) as caught:
        open_client(data, protocols, compression)
    assert caught.value.cause == cause
    assert why in caught.value.detail


PLAIN = [("Content-Type", "text/plain; charset=utf-8")]


@pytest.mark.parametrize(
    ("start", "fields", "body", "status", "detail"),
    [
        ("HTTP/1.1 404 Not Found", [], b"", 404, "the server answered 404 Not Found"),
        ("HTTP/1.1 403 ", [], b"", 403, "the server answered 403 Forbidden"),
        ("HTTP/1.1 599 ", [], b"", 599, "the server answered 599 "),
        ("HTTP/1.1 302 Found", [("Location", "/a")], b"", 302, "the server answered 302 Found"),
        ("HTTP/1.1 200 OK", [("Content-Type", "text/html")], b"<html>", 200, "the server answered 200 OK"),
        ("HTTP/1.1 400 Bad Request", PLAIN, b"no luck\nmore", 400, "the server answered 400 Bad Request: no luck"),
        ("HTTP/1.1 400 No", PLAIN, b"\xff" + b"x" * 999, 400, f"the server answered 400 No: �{'x' * 199}"),
        ("HTTP/1.1 103 Early Hints", [], b"", 103, "the server answered 103 Early Hints"),
    ],
)
def test_other_status_is_told_with_the_servers_reason(
    start: str, fields: Fields, body: bytes, status: int, detail: str
) -> None:
    with pytest.raises(HandshakeError) as caught:
        open_client(message(start, fields) + body)
    assert (caught.value.cause, caught.value.status, caught.value.detail) == (Cause.HTTP_STATUS, status, detail)


def test_refusals_of_the_server_are_understood_by_the_client() -> None:
    error = HandshakeError("pages of https://evil.example may not connect here", status=403)
    with pytest.raises(HandshakeError) as caught:
        open_client(refusal(error))
    assert (caught.value.status, caught.value.detail) == (403, f"the server answered 403 Forbidden: {error.detail}")


def test_both_roles_open_each_other() -> None:
    wish = Agreement(True, False, 10, 11)
    client, server = ClientHandshake(URL, ["a", "b"], compression=wish), make_server(["b"], compression=Agreement())
    response, theirs = serve(client.request(), server)
    ours = client.receive_data(response)
    assert ours is not None
    assert (ours.protocol, theirs.protocol) == ("b", "b")
    assert ours.deflate == theirs.deflate == wish


def test_a_servers_own_header_that_http_cannot_carry_is_a_500_not_a_crash() -> None:
    handshake = make_server(headers=[("X-Bad", "a\nb")])
    request = handshake.receive_data(ClientHandshake(parse_url("ws://h/")).request())
    assert request is not None
    with pytest.raises(HandshakeError) as caught:
        handshake.accept(request)
    assert caught.value.status == 500


def test_a_header_name_must_be_a_token() -> None:
    with pytest.raises(ValueError, match="Name: value"):
        parse_header_line("a b: c")


@pytest.mark.parametrize(
    "fields",
    [
        [("Transfer-Encoding", "chunked")],
        [("transfer-encoding", "gzip, chunked")],
        [("Content-Length", "5")],
        [("Content-Length", "5"), ("Content-Length", "6"), ("Transfer-Encoding", "x")],
    ],
)
def test_a_101_that_announces_a_body_opens_and_what_follows_is_the_websocket(fields: list[tuple[str, str]]) -> None:
    client = ClientHandshake(URL)
    assert client.receive_data(grant(more=fields) + b"\x81\x00") is not None
    assert client.leftover == b"\x81\x00"


def raw(text: str) -> str:
    """UTF-8, for `message` to send an octet of it as it is."""
    return text.encode().decode("latin-1")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/?name=José", "/?name=Jos%C3%A9"),
        ("/räume/ü?x=%20€", "/r%C3%A4ume/%C3%BC?x=%20%E2%82%AC"),
        ("http://other.example/room?x=1", "/room?x=1"),
        ("HTTPS://other.example:8080", "/"),
        ("ws://ann:secret@other.example?x", "/?x"),
        ("wss://[::1]:90/ä", "/%C3%A4"),
    ],
)
def test_targets_that_real_clients_send(target: str, expected: str) -> None:
    server = make_server()
    request = server.receive_data(upgrade(f"GET {raw(target)} HTTP/1.1"))
    assert request is not None
    assert request.target == expected
    assert server.is_upgrade
    assert server.accept(request)[0].startswith(b"HTTP/1.1 101 ")


def test_the_host_of_an_absolute_target_replaces_the_header() -> None:
    request = make_server().receive_data(upgrade("GET http://a:b@other.example:81/x HTTP/1.1"))
    assert request is not None
    assert request.headers.get_all("host") == ["other.example:81"]
    assert request.headers.get("upgrade") == "websocket"


def test_names_that_are_no_tokens_reach_the_game() -> None:
    names = ["X[a]", "X{b}", "Jos\u00e9", "a b", 'say "hi"', "who@where", "a/b", "(c)", "a\\b", "k=v"]
    server = make_server()
    request = server.receive_data(upgrade(more=[(raw(name), f" {at} ") for at, name in enumerate(names)]))
    assert request is not None
    assert [request.headers[raw(name)] for name in names] == [str(at) for at in range(len(names))]
    assert server.accept(request)[0].startswith(b"HTTP/1.1 101 ")


@pytest.mark.parametrize("name", ["Content-Length[", "Transfer-Encoding x", "[Upgrade]", "Host/"])
def test_an_odd_name_is_never_taken_for_the_one_that_it_resembles(name: str) -> None:
    server = make_server()
    request = server.receive_data(upgrade(more=[(name, "evil")]))
    assert request is not None
    assert [value for name, value in request.headers if name == "host"] == ["example.org"]
    assert request.headers[name.lower()] == "evil"
    assert server.accept(request)[0].startswith(b"HTTP/1.1 101 ")


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
@pytest.mark.parametrize("lines", [1, 3])
def test_empty_lines_before_the_request_are_ignored(lines: int, size: int) -> None:
    server = make_server()
    data = b"\r\n" * lines + upgrade()
    found = [server.receive_data(data[at : at + size]) for at in range(0, len(data), size)]
    assert found[-1] is not None
    assert found[-1].target == "/"


def test_empty_lines_count_for_the_limit() -> None:
    server = make_server()
    for _ in range(16):
        assert server.receive_data(b"\r\n" * 500 + b"\r") is None
        assert server.receive_data(b"\n") is None
    with pytest.raises(HandshakeError) as caught:
        server.receive_data(b"\r\n" * 500)
    assert caught.value.status == 431


@pytest.mark.parametrize(
    ("line", "target"),
    [("GET /health HTTP/1.0", "/health"), ("HEAD / HTTP/1.0", "/"), ("GET http://x/health HTTP/1.0", "/health")],
)
def test_pages_need_neither_http_1_1_nor_a_host(line: str, target: str) -> None:
    server = make_server()
    request = server.receive_data(f"{line}\r\n\r\n".encode())
    assert request is not None
    assert not server.is_upgrade
    assert (request.target, request.version) == (target, "1.0")


@pytest.mark.parametrize(
    "offers",
    [", permessage-deflate", ",,permessage-deflate,", " , ,permessage-deflate, ,other", "\t,permessage-deflate"],
)
def test_empty_members_of_extension_lists_are_passed_over(offers: str) -> None:
    server = make_server(compression=Agreement())
    request = server.receive_data(upgrade(Sec_WebSocket_Extensions=offers))
    assert request is not None
    response, opened = server.accept(request)
    assert opened.deflate == Agreement()
    assert b"Sec-WebSocket-Extensions: permessage-deflate\r\n" in response


@pytest.mark.parametrize("offers", ["a;", ";", "permessage-deflate; =", "ä", ","])
def test_without_compression_extensions_are_not_judged(offers: str) -> None:
    server = make_server()
    request = server.receive_data(upgrade(Sec_WebSocket_Extensions=offers))
    assert request is not None
    response, opened = server.accept(request)
    assert opened.deflate is None
    assert b"Extensions" not in response


def test_with_compression_a_malformed_extension_is_refused() -> None:
    server = make_server(compression=Agreement())
    request = server.receive_data(upgrade(Sec_WebSocket_Extensions="a;"))
    assert request is not None
    with pytest.raises(HandshakeError, match="malformed") as caught:
        server.accept(request)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("X-Name:", "'X-Name' has no value"),
        ("X-Name: \t", "'X-Name' has no value"),
        ("X-Name: a\r\nb", "'X-Name' is not of that form, or has a line break"),
        ("X-Name", "this one is not of that form, or has a line break"),
    ],
)
def test_a_header_line_is_refused_with_what_is_wrong(line: str, problem: str) -> None:
    with pytest.raises(ValueError, match=f": {re.escape(problem)}$"):
        parse_header_line(line)


def test_a_request_cannot_be_changed() -> None:
    request = Request("GET", "/", Headers())
    with pytest.raises(AttributeError):
        request.target = "/other"  # type: ignore[misc]


def test_a_plain_upgrade_is_read_without_h11(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gdpeer.protocol.http_h11", None)
    request = make_server().receive_data(upgrade())
    assert request is not None
    assert request.target == "/"
