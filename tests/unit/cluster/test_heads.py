"""Which room a head asks for."""

from __future__ import annotations

import base64
import json

import pytest

from gdpeer.cluster.heads import code_of


def seat(room: object) -> str:
    payload = (
        base64.urlsafe_b64encode(json.dumps({"rid": room, "note": "\u00ff\u00fe>>>"}).encode()).decode().rstrip("=")
    )
    return f"eyJhbGciOiJIUzI1NiJ9.{payload}.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("line", "headers", "code"),
    [
        ("GET /room/K7Q2M3 HTTP/1.1", "", "K7Q2M3"),
        ("GET /room/k7q2m3?session=abc HTTP/1.1", "", "K7Q2M3"),
        ("GET /room/KLQ2MO/ HTTP/1.1", "", "K1Q2M0"),
        ("GET /room/arena/K7Q2M3?seat=a.b.c HTTP/1.1", "", "K7Q2M3"),
        ("GET /room/K7Q2M HTTP/1.1", "", ""),
        ("GET /room/K7Q2M3/more/parts HTTP/1.1", "", ""),
        ("POST /lobby/arena/quick HTTP/1.1", "", ""),
        ("GET /health HTTP/1.1", "", ""),
        ("GET / HTTP/1.1", "", ""),
        ("GET / HTTP/1.1", "Sec-WebSocket-Protocol: gdpeer, room.K7Q2M3, seat.TOKEN", "K7Q2M3"),
        ("GET / HTTP/1.1", "sec-websocket-protocol: gdpeer\r\nSEC-WEBSOCKET-PROTOCOL:room.K7Q2M3", "K7Q2M3"),
        ("GET / HTTP/1.1", "Sec-WebSocket-Protocol: gdpeer, room.\u00e9", ""),
        ("GET /health HTTP/1.1", "Sec-WebSocket-Protocol: room.K7Q2M3", ""),
        (f"GET /?seat={seat('K7Q2M3')} HTTP/1.1", "", "K7Q2M3"),
        (f"GET ?x=1&seat={seat('K7Q2M3')} HTTP/1.1", "", "K7Q2M3"),
        ("GET / HTTP/1.1", f"Sec-WebSocket-Protocol: gdpeer, seat.{seat('K7Q2M3')}", "K7Q2M3"),
        ("GET / HTTP/1.1", f"Authorization: Bearer {seat('K7Q2M3')}", "K7Q2M3"),
        ("GET / HTTP/1.1", "Authorization: Basic dXNlcjpwYXNz", ""),
        (f"GET /?seat={seat(7)} HTTP/1.1", "", ""),
        ("GET /?seat=a.W10.b HTTP/1.1", "", ""),
        ("GET /?seat=a.ey.b HTTP/1.1", "", ""),
        ("GET /?seat=no-token HTTP/1.1", "", ""),
        ("nonsense", "", ""),
    ],
)
def test_the_room_of_a_request(line: str, headers: str, code: str) -> None:
    head = f"{line}\r\nHost: localhost:8910\r\n{headers}\r\n\r\n".encode("latin-1")
    assert code_of(head, len(head)) == code


def test_bytes_behind_the_size_do_not_count() -> None:
    kept = bytearray(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET /room/K7Q2M3 HTTP/1.1\r\nAuthorization: Bearer ")
    assert code_of(kept, kept.index(b"GET /room")) == ""
