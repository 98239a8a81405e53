"""Messages are logged where a program asks for it, without their contents."""

from __future__ import annotations

import logging

import pytest

from gdpeer import OK, WebSocketPeer
from tests.unit.websocket.support import CLOSED, OPEN, listening, until, url_of


def test_messages_are_logged_where_that_is_asked_for_and_never_what_they_say(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "gdpeer.websocket.frames")
    client = WebSocketPeer()
    with listening() as (server, _):
        assert client.connect_to_url(f"{url_of(server)}?secret=word") is OK
        until(lambda: server.peers, client, server)
        [peer_id] = server.peers
        until(lambda: client.get_ready_state() is OPEN, client, server)
        client.send_text("password")
        until(lambda: server.peers[peer_id].get_available_packet_count(), client, server)
        server.peers[peer_id].send(b"password2")
        until(client.get_available_packet_count, client, server)
        client.close()
        until(lambda: client.get_ready_state() is CLOSED, client, server)
    assert f"peer {peer_id}: open, /" in caplog.messages
    assert f"peer {peer_id}: received a message of 8 bytes" in caplog.messages
    assert f"peer {peer_id}: sent binary, 9 bytes" in caplog.messages
    assert "peer 0: sent text, 8 bytes" in caplog.messages
    assert "word" not in caplog.text
