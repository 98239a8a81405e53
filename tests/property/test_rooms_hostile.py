"""Requests, tokens, codes and lobby bodies from strangers: each is answered or refused, and nothing else is raised."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gdpeer.errors import HandshakeError
from gdpeer.protocol.http_headers import Headers, Request
from gdpeer.rooms import Hall, Room
from gdpeer.rooms.codes import find_code, is_code
from gdpeer.rooms.lobby_http import LobbyPages
from gdpeer.rooms.request import read_request
from gdpeer.rooms.tokens import SeatKeys, SeatRefused, check_seat

SECRET = b"s" * 32
KEYS = SeatKeys(SECRET)
LINE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=60)
PIECE = st.sampled_from(
    [
        "/room/",
        "/",
        "K7Q2M3",
        "k7q2m3",
        "arena",
        "?",
        "&",
        "=",
        "session",
        "seat",
        "room.",
        "seat.",
        ",",
        " ",
        "%",
        "%41",
    ]
)
TARGET = st.lists(PIECE | LINE, max_size=12).map("".join)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(TARGET, LINE | TARGET, LINE)
def test_a_request_is_read_or_refused(target: str, protocols: str, authorization: str) -> None:
    headers = Headers([("sec-websocket-protocol", protocols), ("authorization", authorization)])
    try:
        found = read_request(Request("GET", target, headers))
    except HandshakeError as problem:
        assert problem.status in (400, 403, 404)  # noqa: PT017
    else:
        assert not found.code or is_code(found.code)
        assert found.session_key is None or len(found.session_key) >= 16


@given(st.text(max_size=20))
def test_a_text_is_a_code_or_not(text: str) -> None:
    code = find_code(text)
    assert not code or (is_code(code) and find_code(code) == code)


def part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@given(st.lists(st.text(max_size=30), max_size=4).map(".".join) | st.binary(max_size=40).map(part))
def test_a_text_is_no_seat(token: str) -> None:
    try:
        check_seat(KEYS, token, 0.0)
    except SeatRefused as problem:
        assert problem.status == 403  # noqa: PT017
    else:
        raise AssertionError(token)


CLAIMS = st.fixed_dictionaries(
    {},
    optional={
        "rid": st.just("K7Q2M3") | JSON,
        "knd": st.just("arena") | JSON,
        "pid": st.just(7) | JSON,
        "jti": st.just("j") | JSON,
        "exp": st.just(10) | JSON,
        "rsm": st.just(10) | JSON,
        "nbf": st.just(0) | JSON,
        "plr": st.just("ann") | JSON,
    },
)


@given(st.just({"alg": "HS256"}) | JSON, CLAIMS | JSON)
def test_a_signed_token_has_right_claims_or_is_refused(header: Any, claims: Any) -> None:
    signed = f"{part(json.dumps(header).encode())}.{part(json.dumps(claims).encode())}"
    token = f"{signed}.{part(hmac.digest(SECRET, signed.encode(), 'sha256'))}"
    try:
        found = check_seat(KEYS, token, 0.0)
    except SeatRefused:
        return
    assert header["alg"] == "HS256"
    assert 2 <= found.peer_id < 2**31
    assert all(isinstance(text, str) and text for text in (found.room, found.kind, found.jti))


class Arena(Room):
    max_peers = 2


@given(
    st.sampled_from(["GET", "POST", "OPTIONS", "PUT", "HEAD"]),
    st.sampled_from(["/lobby/arena/quick", "/lobby/arena/create", "/lobby/join/K7Q2M3", "/lobby/arena"])
    | TARGET.map("/lobby/".__add__),
    st.binary(max_size=40)
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.fixed_dictionaries({}, optional={"labels": JSON, "options": JSON, "private": JSON}).map(
        lambda value: json.dumps(value).encode()
    ),
    st.sampled_from(["", "https://game.example", "https://evil.example"]) | LINE,
)
def test_the_lobby_answers_each_request_in_json(method: str, target: str, body: bytes, origin: str) -> None:
    hall = Hall([Arena], lobby=True, allowed_origins=["https://game.example"], public_url="wss://play.example")
    assert hall.lobby is not None
    request = Request(method, target, Headers([("host", "here"), ("origin", origin)]), body, ("192.0.2.1", 1))
    response = LobbyPages(hall, hall.lobby)(request)
    assert response is not None
    assert response.status in (200, 201, 400, 403, 404, 405, 429, 503)
    content = response.read()
    assert method == "OPTIONS" or isinstance(json.loads(content), dict)
    assert bool(hall.rooms) == (response.status == 201)
