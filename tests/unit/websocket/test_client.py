"""WebSocketClient: its signals, codes and ends."""

from __future__ import annotations

import pytest

from gdpeer import (
    ERR_ALREADY_IN_USE,
    ERR_INVALID_PARAMETER,
    FAILED,
    OK,
    Cause,
    WebSocketClient,
)
from tests.support.certificates import Certificates
from tests.support.ports import free_port
from tests.unit.websocket.support import connected, listening, record, until, url_of

Status = WebSocketClient.ConnectionStatus


def test_a_session_is_told_in_order() -> None:
    with connected() as (server, _, client, told):
        (peer_id,) = server.peers
        assert client.get_connection_status() is Status.CONNECTED
        server.get_peer(peer_id).send_text("one")
        server.get_peer(peer_id).send_text("two")
        server.disconnect_peer(peer_id, 4000, "enough")
        until(lambda: ("connection_closed", True) in told, server, client)
        assert told == [
            ("connection_established", ""),
            ("data_received",),
            ("data_received",),
            ("server_close_request", 4000, "enough"),
            ("connection_closed", True),
        ]
        assert list(client.get_peer(1)) == [b"one", b"two"]
        assert client.get_close_cause().cause is Cause.CLOSED
        assert client.get_connection_status() is Status.DISCONNECTED


def test_a_client_that_closes_first_hears_no_request() -> None:
    with connected() as (server, events, client, told):
        client.disconnect_from_host(4001, "bye")
        until(lambda: ("connection_closed", True) in told, server, client)
        assert not any(event[0] == "server_close_request" for event in told)
        assert events[1][0] == "client_close_request"


def test_a_lost_server_is_not_clean() -> None:
    with connected() as (server, _, client, told):
        next(iter(server.peers.values())).close(-1)
        until(lambda: ("connection_closed", False) in told, server, client)


def test_a_refused_connection_is_an_error_with_its_cause() -> None:
    client = WebSocketClient()
    told = record(client)
    assert client.connect_to_url(f"ws://127.0.0.1:{free_port()}") in (OK, FAILED)
    until(lambda: told, client)
    assert told == [("connection_error",)]
    assert client.get_close_cause().cause is Cause.TCP
    assert client.get_connection_status() is Status.DISCONNECTED


def test_a_certificate_file_that_is_missing_fails_at_once() -> None:
    client = WebSocketClient()
    client.trusted_ssl_certificate = "no-such.pem"
    told = record(client)
    assert client.connect_to_url("wss://127.0.0.1:9") is not OK
    assert told == [("connection_error",)]


def test_what_is_not_valid_is_31_without_a_signal() -> None:
    client = WebSocketClient()
    told = record(client)
    assert client.connect_to_url("http://127.0.0.1") is ERR_INVALID_PARAMETER
    assert client.connect_to_url("ws://127.0.0.1", ["a b"]) is ERR_INVALID_PARAMETER
    assert client.connect_to_url("ws://127.0.0.1", custom_headers=["nonsense"]) is ERR_INVALID_PARAMETER
    client.poll()
    assert told == []


def test_it_is_busy_while_connected() -> None:
    with connected() as (server, _, client, _told):
        assert client.connect_to_url(url_of(server)) is ERR_ALREADY_IN_USE
        assert client.set_buffers(1, 1, 1, 1) is FAILED


def test_leaving_before_the_upgrade_is_silent() -> None:
    with listening() as (server, _):
        client = WebSocketClient()
        told = record(client)
        assert client.connect_to_url(url_of(server)) is OK
        client.disconnect_from_host()
        client.poll()
        assert told == []
        assert client.get_connection_status() is Status.DISCONNECTED


def test_only_the_server_is_a_peer() -> None:
    client = WebSocketClient()
    assert client.get_peer(2) is None
    assert (client.get_connected_host(), client.get_connected_port()) == ("", 0)


def test_buffers_are_rounded_up_to_powers_of_two() -> None:
    client = WebSocketClient()
    assert client.set_buffers(100, 5, 65, 7) is OK
    peer = client.get_peer(1)
    assert (peer.inbound_buffer_size, peer.outbound_buffer_size, peer.max_queued_packets) == (131072, 131072, 7)


@pytest.mark.parametrize("verify", [True, False])
def test_certificates_are_checked_unless_told_otherwise(certificates: Certificates, verify: bool) -> None:
    settings = {"private_key": str(certificates.key), "ssl_certificate": str(certificates.certificate)}
    with listening(**settings) as (server, _):
        client = WebSocketClient()
        client.verify_ssl = verify
        told = record(client)
        assert client.connect_to_url(url_of(server, "wss", "localhost")) is OK
        until(lambda: told, client, server)
        assert told[0][0] == ("connection_error" if verify else "connection_established")
        assert client.get_close_cause().cause is (Cause.TLS if verify else Cause.NONE)
        client.__exit__(None, None, None)


def test_the_same_object_connects_again() -> None:
    with connected() as (server, _, client, told):
        client.disconnect_from_host()
        until(lambda: ("connection_closed", True) in told, server, client)
        told.clear()
        assert client.connect_to_url(url_of(server)) is OK
        until(lambda: told, server, client)
        assert told == [("connection_established", "")]
