"""The request in a scope."""

from __future__ import annotations

from typing import Any

import pytest

from gdpeer.asgi.scope import caller_of, request_of


def scope(**changed: Any) -> dict[str, Any]:
    return {"type": "websocket", "path": "/", "headers": [], "scheme": "wss", **changed}


@pytest.mark.parametrize(
    ("root", "path", "target"),
    [
        ("", "/", "/"),
        ("", "/a b/ü?%", "/a%20b/%C3%BC%3F%25"),
        ("/game", "/game/room", "/room"),
        ("/game/", "/game/room", "/room"),
        ("/game", "/game", "/"),
        ("/game", "/games", "/games"),
        ("/game", "/room", "/room"),
        ("", "", "/"),
    ],
)
def test_the_target_is_the_path_below_the_mounted_app(root: str, path: str, target: str) -> None:
    assert request_of(scope(root_path=root, path=path)).target == target
    assert request_of(scope(root_path=root, path=path, query_string=b"a=1&b")).target == f"{target}?a=1&b"


def test_an_upgrade_over_http_2_gets_the_headers_of_one_over_http_1() -> None:
    request = request_of(
        scope(method="CONNECT", headers=[(b"Host", b"game.example"), (b"sec-websocket-version", b"13")])
    )
    assert (request.method, request.is_upgrade, len(request.headers)) == ("GET", True, 5)
    given = request_of(scope(headers=[(b"sec-websocket-key", b"given"), (b"upgrade", b"WebSocket")]))
    assert given.headers.get_all("sec-websocket-key") == ["given"]
    assert given.headers.get_all("upgrade") == ["WebSocket"]


def test_the_sub_protocols_are_read_where_the_server_has_left_their_header_out() -> None:
    request = request_of(scope(subprotocols=["chat", "echo"]))
    assert request.headers.get("sec-websocket-protocol") == "chat, echo"
    given = request_of(scope(subprotocols=["chat"], headers=[(b"sec-websocket-protocol", b"chat")]))
    assert given.headers.get_all("sec-websocket-protocol") == ["chat"]
    assert "sec-websocket-protocol" not in request_of(scope(subprotocols=[])).headers


def test_the_caller_has_an_address_if_the_server_knows_it() -> None:
    assert caller_of(scope(client=("::1", 7))).remote_address == ("::1", 7)
    assert caller_of(scope(client=["unix", None])).remote_address == ("unix", 0)
    assert caller_of(scope(client=None)).remote_address == ("", 0)
    assert (caller_of(scope()).is_secure, caller_of(scope(scheme="ws")).is_secure) == (True, False)
