"""An ordinary HTTP client, Python's own, at a WebSocketServer's port."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
from typing import Any

import pytest

from gdpeer import http as pages
from tests.interop.echo_rooms import EchoRoom, echo_room, until
from tests.support.certificates import Certificates

SECURE = pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


def ask(
    room: EchoRoom, path: str, method: str = "GET", tls: Certificates | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers (names in lower case) and body of an answer."""
    found: list[Any] = []

    def run() -> None:
        port = room.server.get_local_port()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        if tls is not None:
            context = ssl.create_default_context(cafile=tls.authority)
            connection = http.client.HTTPSConnection("localhost", port, timeout=10, context=context)
        try:
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            fields = {name.lower(): value for name, value in response.getheaders()}
            body = b"" if response.status == 101 else response.read()
            found.append((response.status, fields, body))
        except Exception as problem:
            found.append(problem)
        finally:
            connection.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    until(lambda: found, room)
    thread.join(10)
    assert isinstance(found[0], tuple), found[0]
    status, fields, body = found[0]
    return status, fields, body


@SECURE
def test_a_page_that_is_not_there_is_426_without_a_handler(secure: bool, certificates: Certificates) -> None:
    tls = certificates if secure else None
    with echo_room(certificates=tls) as room:
        status, headers, body = ask(room, "/", tls=tls)
        assert (status, headers["upgrade"]) == (426, "websocket")
        assert body.decode().strip() == "this is a WebSocket server"
        assert body.count(b"\n") <= 1


@SECURE
def test_health_is_json(secure: bool, certificates: Certificates) -> None:
    tls = certificates if secure else None
    with echo_room(certificates=tls) as room:
        status, headers, body = ask(room, "/health", tls=tls)
        assert (status, json.loads(body)) == (200, {"status": "ok", "peers": 0})
        assert headers["content-type"].startswith("application/json")
        status, headers, body = ask(room, "/health", "HEAD", tls=tls)
        assert (status, body) == (200, b"")


def test_a_handler_answers_the_rest() -> None:
    with echo_room(http_handler=lambda request: pages.Response(200, f"{request.path}\n")) as room:
        assert ask(room, "/page?x=1")[::2] == (200, b"/page\n")


def test_an_upgrade_without_a_common_protocol_is_400_in_one_line() -> None:
    with echo_room(("a",)) as room:
        for offered in ({"Sec-WebSocket-Protocol": "b"}, {}):
            status, headers, body = ask(room, "/", **UPGRADE, **offered)
            assert status == 400
            assert "sec-websocket-accept" not in headers
            assert b"protocol" in body
            assert body.count(b"\n") <= 1
        assert room.opened == []


def test_an_upgrade_of_another_version_is_told_ours() -> None:
    with echo_room() as room:
        status, headers, _ = ask(room, "/", **{**UPGRADE, "Sec-WebSocket-Version": "8"})
        assert (status, headers["sec-websocket-version"]) == (426, "13")


def test_a_good_upgrade_is_answered_with_the_exact_words() -> None:
    with echo_room(("a", "b")) as room:
        status, headers, _ = ask(room, "/", **UPGRADE, **{"Sec-WebSocket-Protocol": "x,b,a"})
        assert (status, headers["connection"], headers["sec-websocket-protocol"]) == (101, "Upgrade", "b")
        assert headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        until(lambda: room.ended, room)
        assert room.ended[0][0] is False
