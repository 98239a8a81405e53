"""The parts of the tunnel's upgrade that a network hardly shows."""

from __future__ import annotations

from gdpeer.errors import Cause
from gdpeer.inspection.upgrades import WaitingUpgrade, asking
from gdpeer.protocol.http_headers import Headers, Request
from gdpeer.websocket.settings import Settings

REQUEST = (
    b"GET /a HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


class Nowhere:
    remote_address = ("", 0)


def test_a_request_in_pieces_is_reported_once_and_answered_when_granted() -> None:
    reported: list[str] = []
    upgrade = WaitingUpgrade(Settings(), lambda request: reported.append(request.target))
    for at in range(len(REQUEST)):
        assert upgrade.receive(REQUEST[at : at + 1], Nowhere()) is None
    assert reported == ["/a"]
    assert upgrade.receive(b"early", Nowhere()) is None
    upgrade.grant(Settings())
    outcome = upgrade.receive(b"", Nowhere())
    assert outcome is not None
    assert outcome.data.startswith(b"HTTP/1.1 101 ")
    assert (outcome.opened is not None, outcome.leftover) == (True, b"early")


def test_time_runs_out_before_and_after_the_request() -> None:
    upgrade = WaitingUpgrade(Settings(), lambda request: None)
    assert upgrade.begin() == b""
    assert upgrade.time_out().cause.status == 408
    upgrade.receive(REQUEST, Nowhere())
    late = upgrade.time_out()
    assert (late.cause.status, late.cause.cause) == (504, Cause.TIMEOUT)


def test_headers_of_one_connection_do_not_go_on() -> None:
    fields = [
        ("Host", "h"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", "k"),
        ("Sec-WebSocket-Extensions", "permessage-deflate"),
        ("Sec-WebSocket-Protocol", "a, b"),
        ("Proxy-Authorization", "secret"),
        ("Authorization", "Bearer t"),
        ("X-Empty", ""),
    ]
    settings = asking(Settings(), Request("GET", "/", Headers(fields)), 1.0)
    assert settings.handshake_headers == ("authorization: Bearer t",)
    assert settings.supported_protocols == ("a", "b")
    assert settings.compression
