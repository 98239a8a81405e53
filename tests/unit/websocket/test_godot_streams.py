"""TCPServer, StreamPeerTCP and StreamPeerTLS, and WebSocketPeer over them."""

from __future__ import annotations

import socket
import struct
import threading
import weakref
from collections.abc import Iterator
from functools import partial

import pytest

from gdpeer import (
    ERR_ALREADY_IN_USE,
    ERR_FILE_EOF,
    ERR_INVALID_PARAMETER,
    FAILED,
    OK,
    StreamPeerTCP,
    StreamPeerTLS,
    TCPServer,
    TLSOptions,
    WebSocketPeer,
)
from gdpeer.websocket import godot_streams as streams
from tests.support.certificates import Certificates
from tests.support.ports import free_port
from tests.unit.websocket.support import CLOSED, OPEN, state, until

TCP, TLS = StreamPeerTCP.Status, StreamPeerTLS.Status


@pytest.fixture
def listener() -> Iterator[TCPServer]:
    server = TCPServer()
    assert server.listen(0, "127.0.0.1") is OK
    yield server
    server.stop()


def join(listener: TCPServer) -> tuple[StreamPeerTCP, StreamPeerTCP]:
    """A client's stream and the server's."""
    client = StreamPeerTCP()
    assert client.connect_to_host("127.0.0.1", listener.get_local_port()) is OK
    until(lambda: client.poll() is OK and client.get_status() is TCP.CONNECTED)
    until(listener.is_connection_available)
    taken = listener.take_connection()
    assert taken is not None
    return client, taken


def test_listening_is_told_and_ends(listener: TCPServer) -> None:
    assert listener.is_listening()
    assert listener.take_connection() is None
    assert listener.listen(0) is ERR_ALREADY_IN_USE
    port = listener.get_local_port()
    other = TCPServer()
    assert other.listen(port, "127.0.0.1") is ERR_ALREADY_IN_USE
    assert other.listen(70000) is ERR_INVALID_PARAMETER
    assert other.listen(0, "nowhere") is ERR_INVALID_PARAMETER
    listener.stop()
    assert (listener.is_listening(), listener.get_local_port()) == (False, 0)


def test_connections_that_nobody_took_end_with_the_listener(listener: TCPServer) -> None:
    client = StreamPeerTCP()
    client.connect_to_host("127.0.0.1", listener.get_local_port())
    until(listener.is_connection_available)
    until(lambda: client.poll() is OK and client.get_status() is TCP.CONNECTED)
    listener.stop()
    until(lambda: client.get_partial_data(1)[0] is ERR_FILE_EOF)
    assert client.get_status() is TCP.NONE


def test_bytes_go_both_ways(listener: TCPServer) -> None:
    client, server = join(listener)
    client.set_no_delay(False)
    assert client.put_data(b"hello world") is OK
    assert server.get_data(5) == (OK, b"hello")
    assert server.get_available_bytes() == 6
    assert server.get_partial_data(100) == (OK, b" world")
    assert server.get_partial_data(100) == (OK, b"")
    assert server.put_partial_data(b"x") == (OK, 1)
    assert client.get_data(1) == (OK, b"x")
    assert client.get_connected_host() == "127.0.0.1"
    assert client.get_connected_port() == listener.get_local_port()
    assert client.get_local_port() == server.get_connected_port()
    client.disconnect_from_host()
    assert client.get_status() is TCP.NONE
    assert server.get_data(1) == (ERR_FILE_EOF, b"")


def test_putting_waits_for_room_and_gives_up(listener: TCPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    client, server = join(listener)
    monkeypatch.setattr(streams, "_BLOCKING_LIMIT", 0.1)
    assert client.put_data(bytes(64_000_000)).name == "ERR_TIMEOUT"
    assert client.get_data(1)[0].name == "ERR_TIMEOUT"
    server.disconnect_from_host()
    assert client.put_data(bytes(64_000_000)) is FAILED
    assert client.get_status() is TCP.ERROR


def test_without_a_connection_nothing_can_be_done() -> None:
    stream = StreamPeerTCP()
    assert stream.get_status() is TCP.NONE
    assert stream.get_partial_data(1) == (FAILED, b"")
    assert stream.get_data(1) == (FAILED, b"")
    assert stream.put_partial_data(b"x") == (FAILED, 0)
    assert stream.put_data(b"x") is FAILED
    assert stream.get_available_bytes() == 0
    assert (stream.get_connected_host(), stream.get_connected_port(), stream.get_local_port()) == ("", 0, 0)
    stream.set_no_delay(True)
    assert stream.connect_to_host("127.0.0.1", 0) is ERR_INVALID_PARAMETER


def test_a_refused_connection_is_an_error(listener: TCPServer) -> None:
    stream = StreamPeerTCP()
    stream.connect_to_host("127.0.0.1", free_port())
    until(lambda: stream.poll() is FAILED)
    assert stream.get_status() is TCP.ERROR
    assert stream.connect_to_host("127.0.0.1", listener.get_local_port()) is OK
    assert stream.connect_to_host("127.0.0.1", listener.get_local_port()) is ERR_ALREADY_IN_USE


def test_a_web_socket_over_tcp(listener: TCPServer) -> None:
    client, server = WebSocketPeer(), WebSocketPeer()
    client.connect_to_url(f"ws://127.0.0.1:{listener.get_local_port()}/x")
    until(listener.is_connection_available, client)
    assert server.accept_stream(listener.take_connection()) is OK
    until(state(server, OPEN), client, server)
    until(state(client, OPEN), client, server)
    assert server.get_requested_url() == f"ws://127.0.0.1:{listener.get_local_port()}/x"
    client.send_text("hi")
    until(server.get_available_packet_count, client, server)
    assert list(server) == [b"hi"]
    assert server.was_string_packet()


def test_a_stream_that_is_not_connected_is_refused(listener: TCPServer) -> None:
    peer = WebSocketPeer()
    assert peer.accept_stream(None) is ERR_INVALID_PARAMETER
    assert peer.accept_stream(StreamPeerTCP()) is ERR_INVALID_PARAMETER
    client, server = join(listener)
    client.put_data(b"x")
    until(server.get_available_bytes)
    assert peer.accept_stream(server) is ERR_INVALID_PARAMETER  # its bytes were begun to be read


def secure(
    listener: TCPServer, certificates: Certificates, name: str = "localhost", trusted: bool = True
) -> tuple[StreamPeerTLS, StreamPeerTLS]:
    """A client's TLS and the server's, after their handshake has come to an end."""
    plain_client, plain_server = join(listener)
    client, server = StreamPeerTLS(), StreamPeerTLS()
    options = TLSOptions.server(certificates.key, certificates.certificate)
    assert server.accept_stream(plain_server, options) is OK
    assert server.get_stream() is plain_server
    trust = TLSOptions.client(certificates.authority) if trusted else None
    assert client.connect_to_stream(plain_client, name, trust) is OK
    assert client.get_status() is TLS.HANDSHAKING

    def done() -> bool:
        client.poll()
        server.poll()
        return TLS.HANDSHAKING not in (client.get_status(), server.get_status())

    until(done)
    return client, server


def test_bytes_go_both_ways_under_tls(listener: TCPServer, certificates: Certificates) -> None:
    client, server = secure(listener, certificates)
    assert (client.get_status(), server.get_status()) == (TLS.CONNECTED, TLS.CONNECTED)
    client.put_data(b"secret")
    assert server.get_data(6) == (OK, b"secret")
    client.disconnect_from_stream()
    assert client.get_status() is TLS.DISCONNECTED
    until(lambda: server.get_partial_data(1)[0] is ERR_FILE_EOF)


def test_getting_and_putting_wait_under_tls_too(listener: TCPServer, certificates: Certificates) -> None:
    client, server = secure(listener, certificates)
    later = threading.Timer(0.05, client.put_data, [b"late"])
    later.start()
    try:
        assert server.get_data(4) == (OK, b"late")
    finally:
        later.join()


def is_broken(stream: StreamPeerTCP) -> bool:
    stream.get_available_bytes()
    return stream.get_status() is TCP.ERROR


def test_a_stream_that_breaks_is_an_error_and_dies_without_the_collector(listener: TCPServer) -> None:
    client, server = join(listener)
    client.put_data(b"x")
    until(server.get_available_bytes)
    client._stream._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.disconnect_from_host()
    until(partial(is_broken, server))
    assert server.get_partial_data(1) == (OK, b"x")
    gone = weakref.ref(server)
    del server
    assert gone() is None


def test_a_wrong_name_is_its_own_status(listener: TCPServer, certificates: Certificates) -> None:
    client, _ = secure(listener, certificates, name="other.example")
    assert client.get_status() is TLS.ERROR_HOSTNAME_MISMATCH


def test_an_unknown_authority_is_an_error(listener: TCPServer, certificates: Certificates) -> None:
    client, server = secure(listener, certificates, trusted=False)
    assert client.get_status() is TLS.ERROR
    assert server.get_status() is TLS.ERROR


def test_options_of_the_other_side_and_bad_files_are_refused(listener: TCPServer, certificates: Certificates) -> None:
    client, _ = join(listener)
    tls = StreamPeerTLS()
    assert tls.get_status() is TLS.DISCONNECTED
    assert tls.accept_stream(client, TLSOptions.client()) is ERR_INVALID_PARAMETER
    assert tls.accept_stream(client, TLSOptions.server("no", "no")) is not OK
    options = TLSOptions.server(certificates.key, certificates.certificate)
    assert tls.accept_stream(StreamPeerTCP(), options) is ERR_INVALID_PARAMETER


def test_a_web_socket_over_tls(listener: TCPServer, certificates: Certificates) -> None:
    client, secured, server = WebSocketPeer(), StreamPeerTLS(), WebSocketPeer()
    client.connect_to_url(
        f"wss://localhost:{listener.get_local_port()}", TLSOptions.client(certificates.authority, "127.0.0.1")
    )
    until(listener.is_connection_available, client)
    taken = listener.take_connection()
    assert taken is not None
    secured.accept_stream(taken, TLSOptions.server(certificates.key, certificates.certificate))

    def shaken() -> bool:
        secured.poll()
        return secured.get_status() is TLS.CONNECTED

    until(shaken, client)
    assert server.accept_stream(secured) is OK
    until(state(client, OPEN), client, server)
    server.close(4000)
    until(state(server, CLOSED), client, server)
    until(state(client, CLOSED), client, server)
    assert (client.get_close_code(), server.get_close_code()) == (4000, 4000)
