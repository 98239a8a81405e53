"""`LocalServer`: a port for real clients."""

from __future__ import annotations

import socket

import pytest

from gdpeer import Error, WebSocketMultiplayerPeer
from gdpeer.testing import LocalServer


def test_the_port_is_open_until_the_end() -> None:
    with LocalServer() as server:
        assert server.url == f"ws://127.0.0.1:{server.port}"
        port = server.port
        socket.create_connection(("127.0.0.1", port)).close()
        server.run(0.05)
        with pytest.raises(AssertionError, match=r"the condition does not hold after 0.1 s"):
            server.run_until(lambda: False, 0.1)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_a_port_that_cannot_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WebSocketMultiplayerPeer, "create_server", lambda *_: Error.ERR_ALREADY_IN_USE)
    with pytest.raises(OSError, match="no port: ERR_ALREADY_IN_USE"):
        LocalServer()
