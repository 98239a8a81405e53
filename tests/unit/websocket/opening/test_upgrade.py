"""The upgrade of both roles: bytes in, an outcome out."""

from __future__ import annotations

import gc
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from gdpeer import Cause, HandshakeError
from gdpeer.http import Handler, Request, Response
from gdpeer.protocol.url import parse_url
from gdpeer.websocket.opening.upgrade import ClientUpgrade, Outcome, ServerUpgrade
from gdpeer.websocket.settings import Settings
from tests.support.missing import ROOT
from tests.unit.websocket.support import BINARY, frame, plain_request, request, response_to

ADDRESS = ("192.0.2.1", 5555)
STREAM = SimpleNamespace(remote_address=ADDRESS)


def server(
    settings: Settings | None = None,
    admit: Callable[[Request], None] | None = None,
    respond: Handler | None = None,
) -> ServerUpgrade:
    settings = settings or Settings()
    return ServerUpgrade(settings, settings.limits(), admit, respond)


def client(settings: Settings | None = None) -> ClientUpgrade:
    settings = settings or Settings()
    return ClientUpgrade(settings, settings.limits(), parse_url("ws://game.example/room?x=1"))


def take(upgrade: ServerUpgrade | ClientUpgrade, data: bytes) -> Outcome:
    outcome = upgrade.receive(data, STREAM)
    assert outcome is not None
    return outcome


def status(outcome: Outcome) -> int:
    return int(outcome.data.split(b" ")[1])


def test_a_client_begins_with_its_request_and_a_server_listens() -> None:
    assert client().begin().startswith(b"GET /room?x=1 HTTP/1.1\r\nHost: game.example\r\n")
    assert server().begin() == b""
    assert client().is_client
    assert not server().is_client


def test_there_is_no_outcome_before_the_head_is_whole() -> None:
    upgrade = server()
    data = request()
    for i in range(len(data) - 1):
        assert upgrade.receive(data[i : i + 1], STREAM) is None
    assert take(upgrade, data[-1:]).opened is not None
    asked = client()
    answer = response_to(asked.begin())
    assert asked.receive(answer[:50], STREAM) is None
    assert take(asked, answer[50:]).opened is not None


def test_what_comes_behind_the_head_is_left_over() -> None:
    behind = frame(BINARY, b"x")
    assert take(server(), request() + behind).leftover == behind
    asked = client()
    assert take(asked, response_to(asked.begin()) + behind).leftover == behind


def test_the_request_is_known_and_of_a_page_who_asked() -> None:
    for data, address in ((request("/room?x=1"), ("", 0)), (plain_request("/room?x=1"), ADDRESS)):
        upgrade = server(respond=lambda _: Response())
        assert upgrade.request is None
        take(upgrade, data)
        found = upgrade.request
        assert found is not None
        assert (found.path, found.query, found.remote_address) == ("/room", "x=1", address)


def test_a_refusal_has_a_status_a_reason_and_a_cause() -> None:
    outcome = take(server(), request(method="POST"))
    assert outcome.opened is None
    assert status(outcome) == outcome.cause.status == 405
    assert outcome.cause.cause is Cause.UPGRADE
    assert outcome.data.endswith(outcome.cause.detail.encode() + b"\n")


def test_a_client_that_is_refused_sends_nothing_more() -> None:
    outcome = take(client(), b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
    assert outcome.data == b""
    assert (outcome.cause.cause, outcome.cause.status) == (Cause.HTTP_STATUS, 503)


@pytest.mark.parametrize(("path", "opens"), [("/game", True), ("/game?x=1", True), ("/", False), ("/game/", False)])
def test_paths_that_are_not_allowed_are_404(path: str, opens: bool) -> None:
    outcome = take(server(Settings(allowed_paths=("/game",))), request(path))
    assert (outcome.opened is not None) is opens
    assert status(outcome) == (101 if opens else 404)


def test_whoever_admits_is_asked_and_may_refuse() -> None:
    asked: list[str] = []

    def admit(found: Request) -> None:
        asked.append(found.path)
        if found.path == "/full":
            raise HandshakeError("full", status=503)

    assert take(server(admit=admit), request("/free")).opened is not None
    assert status(take(server(admit=admit), request("/full"))) == 503
    assert asked == ["/free", "/full"]


def test_a_page_is_an_outcome_without_a_connection() -> None:
    outcome = take(server(respond=lambda _: Response(200, "page")), plain_request("/x"))
    assert outcome.opened is None
    assert outcome.data.endswith(b"\r\n\r\npage")
    assert (outcome.cause.cause, outcome.cause.status) == (Cause.UPGRADE, 200)


def test_a_page_that_is_not_there_is_404() -> None:
    outcome = take(server(respond=lambda _: None), plain_request("/x" * 500))
    assert status(outcome) == 404
    assert len(outcome.data) < 600


def test_head_gets_the_head_alone() -> None:
    outcome = take(server(respond=lambda _: Response(200, "page")), plain_request("/", "HEAD"))
    assert b"content-length: 4" in outcome.data.lower()
    assert outcome.data.endswith(b"\r\n\r\n")


def test_an_upgrade_does_not_reach_the_pages() -> None:
    assert take(server(respond=lambda _: Response(200)), request()).opened is not None


@pytest.mark.parametrize(
    "response",
    [Response(headers=(("bad name", "x"),)), Response(headers=(("X", "a\r\nB: c"),)), Response(1000), "text"],
    ids=["name", "line break", "status", "no response"],
)
def test_a_response_that_http_cannot_carry_is_500(response: Response) -> None:
    assert status(take(server(respond=lambda _: response), plain_request())) == 500


def test_too_slow_is_a_timeout_for_both() -> None:
    assert client().time_out().cause.cause is Cause.TIMEOUT
    assert client().time_out().data == b""
    outcome = server().time_out()
    assert (outcome.cause.cause, status(outcome)) == (Cause.TIMEOUT, 408)


def test_a_header_of_ones_own_that_is_not_valid_is_refused_at_once() -> None:
    for make in (server, client):
        with pytest.raises(ValueError, match="Name: value"):
            make(Settings(handshake_headers=("nonsense",)))


def test_after_the_outcome_there_is_no_other() -> None:
    upgrade, asked = server(), client()
    take(upgrade, request())
    take(asked, response_to(asked.begin()))
    assert upgrade.receive(request(), STREAM) is asked.receive(b"HTTP/1.1 404 No\r\n\r\n", STREAM) is None


BROWSER = (
    "Pragma: no-cache",
    "Cache-Control: no-cache",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Origin: https://game.example",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Accept-Language: en-US,en;q=0.9,de;q=0.8",
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark",
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
)


@pytest.mark.parametrize("headers", [(), BROWSER, (*BROWSER, "Content-Length: 0")], ids=["bare", "browser", "judged"])
def test_an_open_connection_keeps_its_request_as_bytes_and_little_else(headers: tuple[str, ...]) -> None:
    settings = Settings(compression=True)
    sent = request("/room?x=1", *headers)

    def opened() -> object:
        upgrade = ServerUpgrade(settings, settings.limits(), lambda _: None, lambda _: None)
        return upgrade, take(upgrade, bytes(bytearray(sent))).opened

    opened()  # what is made once for all
    count = 500
    kept: list[object] = [None] * count
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for i in range(count):
            kept[i] = opened()
        gc.collect()
        each = (tracemalloc.get_traced_memory()[0] - before) / count
    finally:
        tracemalloc.stop()
    assert each - len(sent) < 500


def test_a_plain_upgrade_needs_no_h11_and_a_page_brings_it() -> None:
    code = """
import sys
from gdpeer import http
from gdpeer.transport.memory import memory_pair
from gdpeer.websocket.settings import Settings
from gdpeer.websocket.opening.upgrade import ServerUpgrade
from tests.unit.websocket.support import plain_request, request

for data in (request(), plain_request()):
    ServerUpgrade(Settings(), Settings().limits(), respond=lambda _: http.Response()).receive(data, memory_pair()[0])
    print("h11" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == ["False", "True"]


@pytest.fixture
def nothing_can_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process without a descriptor left."""
    monkeypatch.setitem(sys.modules, "gdpeer.protocol.http_h11", None)


@pytest.mark.usefixtures("nothing_can_be_loaded")
@pytest.mark.parametrize("data", [plain_request(), request("/", "X: \xe9")], ids=["a page", "an odd head"])
def test_a_server_that_cannot_load_h11_ends_what_needs_it(data: bytes) -> None:
    outcome = take(server(respond=lambda _: Response()), data)
    assert (outcome.data, outcome.opened, outcome.cause.cause) == (b"", None, Cause.UPGRADE)
    assert "cannot be loaded" in outcome.cause.detail


@pytest.mark.usefixtures("nothing_can_be_loaded")
def test_a_refusal_without_h11_is_the_end_alone() -> None:
    outcome = server().time_out()
    assert (outcome.data, outcome.cause.cause, outcome.cause.status) == (b"", Cause.TIMEOUT, 408)


@pytest.mark.usefixtures("nothing_can_be_loaded")
def test_a_client_that_cannot_load_h11_fails_with_a_reason() -> None:
    upgrade = client()
    upgrade.begin()
    outcome = take(upgrade, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    assert outcome.cause.cause is Cause.UPGRADE
    assert "cannot be loaded" in outcome.cause.detail
