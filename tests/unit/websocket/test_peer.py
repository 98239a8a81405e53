"""`WebSocketPeer` over memory: members, defaults and return codes as the engine's, and the table of closes."""

from __future__ import annotations

import gc
import os
from typing import Any

import pytest

from gdpeer import (
    COMPILED,
    ERR_ALREADY_IN_USE,
    ERR_INVALID_DATA,
    ERR_INVALID_PARAMETER,
    ERR_OUT_OF_MEMORY,
    ERR_UNAVAILABLE,
    FAILED,
    OK,
    Cause,
    CloseCause,
    ManualClock,
    PacketPeer,
    TLSOptions,
    WebSocketPeer,
)
from gdpeer.transport.memory import memory_pair
from tests.unit.websocket.support import (
    BINARY,
    CLOSE,
    CLOSED,
    CLOSING,
    CONNECTING,
    OPEN,
    PING,
    TEXT,
    Pair,
    frame,
    make_pair,
    open_pair,
    raw_client,
    raw_server,
    read_all,
    request,
    response_to,
    watch_sends,
)

# ---------------------------------------------------------------------------------------------- members


def test_enums_have_the_engines_values() -> None:
    assert [(member.name, member.value) for member in WebSocketPeer.State] == [
        ("CONNECTING", 0),
        ("OPEN", 1),
        ("CLOSING", 2),
        ("CLOSED", 3),
    ]
    assert [(member.name, member.value) for member in WebSocketPeer.WriteMode] == [("TEXT", 0), ("BINARY", 1)]
    for name, member in WebSocketPeer.State.__members__.items():
        assert getattr(WebSocketPeer, f"STATE_{name}") is member
    for name, mode in WebSocketPeer.WriteMode.__members__.items():
        assert getattr(WebSocketPeer, f"WRITE_MODE_{name}") is mode


def test_a_new_peer_is_as_the_engines() -> None:
    peer = WebSocketPeer()
    assert isinstance(peer, PacketPeer)
    assert peer.get_ready_state() is CLOSED
    assert peer.handshake_headers == peer.supported_protocols == ()
    assert (peer.inbound_buffer_size, peer.outbound_buffer_size, peer.max_queued_packets) == (65535, 65535, 4096)
    assert peer.heartbeat_interval == 0.0
    assert peer.get_close_code() == -1
    assert peer.get_close_reason() == peer.get_selected_protocol() == peer.get_requested_url() == ""
    assert (peer.get_connected_host(), peer.get_connected_port()) == ("", 0)
    assert peer.get_current_outbound_buffered_amount() == peer.get_available_packet_count() == 0
    assert peer.was_string_packet() is False
    assert peer.get_packet_error() is OK
    assert peer.get_write_mode() is WebSocketPeer.WriteMode.BINARY
    assert repr(peer) == "<WebSocketPeer CLOSED>"


def test_what_the_engine_does_not_have_begins_quiet() -> None:
    peer = WebSocketPeer()
    assert (peer.connect_timeout, peer.handshake_timeout, peer.close_timeout) == (30.0, 10.0, 10.0)
    assert peer.compression is False
    assert peer.compression_threshold == 256
    assert peer.allowed_origins is None
    assert peer.get_close_cause() == CloseCause()
    assert peer.get_latency() == -1.0
    assert len(peer.get_handshake_headers()) == 0
    assert not peer.is_connected_to_host()


def test_what_is_set_can_be_read() -> None:
    peer = WebSocketPeer()
    peer.supported_protocols = [" a ", "b"]
    peer.handshake_headers = ["X-A: 1"]
    peer.allowed_origins = ["https://game.example"]
    peer.heartbeat_interval = 5
    assert peer.supported_protocols == ("a", "b")
    assert peer.handshake_headers == ("X-A: 1",)
    assert peer.allowed_origins == ("https://game.example",)
    assert peer.heartbeat_interval == 5.0
    peer.allowed_origins = None
    assert peer.allowed_origins is None


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("handshake_headers", "X: 1", TypeError),
        ("supported_protocols", "chat", TypeError),
        ("supported_protocols", ["a b"], ValueError),
        ("inbound_buffer_size", -1, ValueError),
        ("outbound_buffer_size", "1", TypeError),
        ("max_queued_packets", 1.5, TypeError),
        ("heartbeat_interval", -1.0, ValueError),
        ("close_timeout", None, TypeError),
        ("allowed_origins", "https://a.example", TypeError),
    ],
)
def test_a_value_that_cannot_be_is_refused_where_it_is_set(name: str, value: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        setattr(WebSocketPeer(), name, value)


def test_a_closed_peer_does_nothing() -> None:
    peer = WebSocketPeer()
    assert peer.send(b"x") is peer.send_text("x") is peer.put_packet(b"x") is FAILED
    assert peer.send(b"x", WebSocketPeer.WriteMode.TEXT) is FAILED
    assert peer.put_packet(b"") is OK
    assert peer.ping() is FAILED
    assert peer.get_packet() == b""
    assert peer.get_packet_error() is FAILED
    peer.poll()
    peer.close()
    peer.close(-1)
    peer.set_no_delay(True)
    assert list(peer) == []
    assert peer.get_ready_state() is CLOSED


# ---------------------------------------------------------------------------------------------- opening


@pytest.mark.parametrize(
    "url",
    [
        "",
        " ",
        "http://127.0.0.1/",
        "ws://127.0.0.1:99999",
        "ws://127.0.0.1:0",
        "ws://",
        "ws://a b/",
        "ws://:80",
        "ws://[::1",
        "ftp:x",
    ],
)
def test_a_url_that_is_none_is_31(url: str) -> None:
    peer = WebSocketPeer()
    assert peer.connect_to_url(url) is ERR_INVALID_PARAMETER
    assert peer.get_ready_state() is CLOSED
    assert peer.get_requested_url() == url
    assert peer.get_close_cause().cause is Cause.UPGRADE
    assert peer.get_close_cause().detail


@pytest.mark.parametrize("url", [None, b"ws://a", 5])
def test_a_url_is_a_string(url: Any) -> None:
    with pytest.raises(TypeError, match="'url': expected a string"):
        WebSocketPeer().connect_to_url(url)


def test_a_servers_tls_options_are_31() -> None:
    options = TLSOptions.server("key.pem", "cert.pem")
    assert WebSocketPeer().connect_to_url("wss://127.0.0.1", options) is ERR_INVALID_PARAMETER


@pytest.mark.parametrize("header", ["no colon", "Name:", ": value", "A: b\r\nC: d", "Host: other", "Upgrade: h2c"])
def test_a_header_that_is_not_valid_is_31(header: str) -> None:
    peer = WebSocketPeer()
    peer.handshake_headers = [header]
    ours, _ = memory_pair()
    assert peer.connect_to_url("ws://127.0.0.1") is ERR_INVALID_PARAMETER
    assert peer.connect_through(ours) is ERR_INVALID_PARAMETER
    assert peer.get_close_cause().cause is Cause.UPGRADE


@pytest.mark.parametrize("header", ["no colon", "Name:", "Bad Name: x"])
def test_a_servers_header_that_is_not_valid_is_31(header: str) -> None:
    peer = WebSocketPeer()
    peer.handshake_headers = [header]
    assert peer.accept_stream(memory_pair()[0]) is ERR_INVALID_PARAMETER
    assert peer.get_close_cause().cause is Cause.UPGRADE


def test_a_stream_stays_with_its_owner_where_the_header_is_not_valid() -> None:
    peer = WebSocketPeer()
    peer.handshake_headers = ["no colon"]
    ours, theirs = memory_pair()
    assert peer.accept_stream(ours) is ERR_INVALID_PARAMETER
    assert ours.send([b"still mine"]) == 10
    assert read_all(theirs) == b"still mine"

    class Taken:
        taken = 0

        def _take_stream(self) -> object:
            self.taken += 1
            return ours

    stream = Taken()
    assert peer.accept_stream(stream) is ERR_INVALID_PARAMETER
    assert stream.taken == 0


@pytest.mark.parametrize("stream", [None, 5, "stream", object()])
def test_what_is_no_stream_is_31(stream: Any) -> None:
    assert WebSocketPeer().accept_stream(stream) is ERR_INVALID_PARAMETER


def test_a_busy_peer_is_22() -> None:
    pair = make_pair()
    for _ in range(2):
        for peer in (pair.client, pair.server):
            assert peer.connect_to_url("ws://127.0.0.1") is ERR_ALREADY_IN_USE
            assert peer.connect_through(memory_pair()[0]) is ERR_ALREADY_IN_USE
            assert peer.accept_stream(memory_pair()[0]) is ERR_ALREADY_IN_USE
        pair.poll()
    assert pair.states() == (OPEN, OPEN)


def test_connecting_goes_on_in_poll() -> None:
    pair = make_pair()
    assert pair.states() == (CONNECTING, CONNECTING)
    pair.server.poll()
    assert pair.states() == (CONNECTING, OPEN)
    pair.client.poll()
    assert pair.states() == (OPEN, OPEN)
    assert pair.client.is_connected_to_host()


def test_both_sides_know_what_was_asked_for() -> None:
    pair = open_pair()
    assert pair.client.get_requested_url() == "ws://localhost/"
    assert pair.server.get_requested_url() == "ws://localhost/"
    peer, _, _ = raw_client()
    assert peer.get_requested_url() == "ws://localhost/"


def test_a_server_that_was_not_asked_yet_has_no_url() -> None:
    pair = make_pair()
    assert pair.server.get_requested_url() == ""


@pytest.mark.parametrize(
    ("client", "server", "chosen"),
    [
        (["a", "b"], ["b", "a"], "a"),
        (["x", "b"], ["a", "b"], "b"),
        ([], [], ""),
    ],
)
def test_the_sub_protocol_is_the_first_in_common(client: list[str], server: list[str], chosen: str) -> None:
    def prepare(one: WebSocketPeer, other: WebSocketPeer) -> None:
        one.supported_protocols, other.supported_protocols = client, server

    pair = open_pair(prepare)
    assert pair.client.get_selected_protocol() == pair.server.get_selected_protocol() == chosen


@pytest.mark.parametrize(("client", "server"), [(["a"], []), ([], ["a"]), (["a"], ["b"]), (["A"], ["a"])])
def test_no_sub_protocol_in_common_refuses_both(client: list[str], server: list[str]) -> None:
    def prepare(one: WebSocketPeer, other: WebSocketPeer) -> None:
        one.supported_protocols, other.supported_protocols = client, server

    pair = make_pair(prepare)
    pair.poll()
    assert pair.states() == (CLOSED, CLOSED)
    assert pair.server.get_close_cause().cause is Cause.SUB_PROTOCOL
    cause = pair.client.get_close_cause()
    assert (cause.cause, cause.status) == (Cause.HTTP_STATUS, 400)
    assert "sub-protocol" in cause.detail
    assert pair.client.get_close_code() == pair.server.get_close_code() == -1


def test_a_sub_protocol_that_was_not_offered_is_refused() -> None:
    peer, theirs, _ = raw_server(supported_protocols=["a"])
    theirs.send([response_to(read_all(theirs), "Sec-WebSocket-Protocol: b")])
    peer.poll()
    assert peer.get_ready_state() is CLOSED
    assert peer.get_close_cause().cause is Cause.SUB_PROTOCOL


def test_headers_travel_both_ways() -> None:
    def prepare(one: WebSocketPeer, other: WebSocketPeer) -> None:
        one.handshake_headers = ["X-Client: 1", "Authorization: Bearer x"]
        other.handshake_headers = ["X-Server: 2"]

    pair = open_pair(prepare)
    assert pair.server.get_handshake_headers().get("X-Client") == "1"
    assert pair.server.get_handshake_headers().get("authorization") == "Bearer x"
    assert pair.client.get_handshake_headers().get("x-server") == "2"


@pytest.mark.parametrize(("origin", "opens"), [("https://game.example", True), ("https://evil.example", False)])
def test_pages_of_other_origins_stay_out(origin: str, opens: bool) -> None:
    def prepare(one: WebSocketPeer, other: WebSocketPeer) -> None:
        one.handshake_headers = [f"Origin: {origin}"]
        other.allowed_origins = ["https://game.example"]

    pair = make_pair(prepare)
    pair.poll()
    assert (pair.states() == (OPEN, OPEN)) is opens
    if not opens:
        assert pair.client.get_close_cause().status == 403


def test_a_program_without_an_origin_is_let_in() -> None:
    def prepare(_: WebSocketPeer, other: WebSocketPeer) -> None:
        other.allowed_origins = []

    open_pair(prepare)


@pytest.mark.parametrize(
    ("answer", "cause", "status"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", Cause.HTTP_STATUS, 404),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Cause.HTTP_STATUS, 200),
        (b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", Cause.UPGRADE, 0),
        (b"SSH-2.0-OpenSSH\r\n\r\n", Cause.UPGRADE, 0),
    ],
)
def test_what_a_server_answers_instead_is_the_cause(answer: bytes, cause: Cause, status: int) -> None:
    peer, theirs, _ = raw_server()
    theirs.send([answer])
    peer.poll()
    assert peer.get_ready_state() is CLOSED
    found = peer.get_close_cause()
    assert (found.cause, found.status) == (cause, status)
    assert found.detail
    assert peer.get_close_code() == -1


def test_what_a_client_asks_instead_is_answered_and_is_the_cause() -> None:
    clock = ManualClock()
    theirs, ours = memory_pair(clock=clock)
    peer = WebSocketPeer(clock=clock)
    peer.accept_stream(ours)
    theirs.send([b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"])
    peer.poll()
    assert read_all(theirs).startswith(b"HTTP/1.1 426 ")
    assert peer.get_ready_state() is CLOSED
    assert peer.get_close_cause().cause is Cause.UPGRADE
    assert peer.get_requested_url() == "ws://a/"


def test_a_message_right_behind_the_upgrade_is_not_lost() -> None:
    peer, theirs, _ = raw_server()
    theirs.send([response_to(read_all(theirs)) + frame(BINARY, b"early", masked=False)])
    peer.poll()
    assert peer.get_packet() == b"early"


def test_a_close_right_behind_the_upgrade_is_one() -> None:
    peer, theirs, _ = raw_server()
    theirs.send([response_to(read_all(theirs)) + frame(CLOSE, b"\x03\xe8", masked=False)])
    peer.poll()
    assert peer.get_ready_state() is CLOSED
    assert peer.get_close_code() == 1000


def test_the_same_object_connects_again_as_new() -> None:
    pair = open_pair(lambda one, other: [setattr(peer, "supported_protocols", ["a"]) for peer in (one, other)])
    pair.server.send(b"old")
    pair.server.close(4000, "first")
    pair.poll()
    assert (pair.client.get_close_code(), pair.client.get_close_reason()) == (4000, "first")
    assert pair.client.get_available_packet_count() == 1
    theirs, ours = memory_pair(clock=pair.clock)
    pair.client.supported_protocols = pair.server.supported_protocols = ()
    assert pair.server.accept_stream(ours) is OK
    assert pair.client.connect_through(theirs) is OK
    assert pair.client.get_close_code() == -1
    assert pair.client.get_close_reason() == pair.client.get_selected_protocol() == ""
    assert pair.client.get_close_cause() == CloseCause()
    assert pair.client.get_available_packet_count() == 0
    pair.poll()
    assert pair.states() == (OPEN, OPEN)


def test_a_closing_peer_may_connect_again() -> None:
    pair = open_pair()
    pair.client.close()
    assert pair.client.get_ready_state() is CLOSING
    theirs, ours = memory_pair(clock=pair.clock)
    assert pair.client.connect_through(theirs) is OK
    pair.poll()
    assert pair.server.get_ready_state() is CLOSED
    assert pair.server.accept_stream(ours) is OK
    pair.poll()
    assert pair.states() == (OPEN, OPEN)


def test_a_failed_attempt_forgets_the_connection_before() -> None:
    pair = open_pair()
    pair.server.close(4000, "first")
    pair.poll()
    assert pair.client.connect_to_url("http://a") is ERR_INVALID_PARAMETER
    assert pair.client.get_close_code() == -1


# ---------------------------------------------------------------------------------------------- packets


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 16383, 16384, 65535])
@pytest.mark.parametrize("compression", [False, True])
def test_messages_of_any_size_come_out_as_they_went_in(size: int, compression: bool) -> None:
    def prepare(*peers: WebSocketPeer) -> None:
        for peer in peers:
            peer.compression = compression

    pair = open_pair(prepare)
    data = bytes(i * 7 & 255 for i in range(size))
    for sender, receiver in ((pair.client, pair.server), (pair.server, pair.client)):
        assert sender.send(data) is OK
        pair.poll(20)
        assert receiver.get_available_packet_count() == 1
        assert receiver.get_packet() == data
        assert not receiver.was_string_packet()


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_buffer_can_be_sent(kind: Any) -> None:
    pair = open_pair()
    assert pair.client.send(kind(b"data")) is OK
    assert pair.client.put_packet(kind(b"more")) is OK
    pair.poll()
    assert list(pair.server) == [b"data", b"more"]


@pytest.mark.parametrize("message", ["text", None, 5, ["x"]])
def test_send_takes_bytes(message: Any) -> None:
    with pytest.raises(TypeError):
        open_pair().client.send(message)


@pytest.mark.parametrize("message", [b"x", None, 5])
def test_send_text_takes_a_string(message: Any) -> None:
    with pytest.raises(TypeError):
        open_pair().client.send_text(message)


def test_text_is_told_apart() -> None:
    pair = open_pair()
    assert pair.client.send_text("grün") is OK
    assert pair.client.send(b"bytes") is OK
    assert pair.client.send(b"rot", WebSocketPeer.WriteMode.TEXT) is OK
    pair.poll()
    found = [(packet, pair.server.was_string_packet()) for packet in pair.server]
    assert found == [("grün".encode(), True), (b"bytes", False), (b"rot", True)]


def test_a_text_packet_goes_back_as_it_came() -> None:
    pair = open_pair()
    pair.client.send_text("grün")
    pair.poll()
    packet = pair.server.get_packet()
    assert pair.server.send(packet, WebSocketPeer.WriteMode.TEXT) is OK
    pair.poll()
    assert pair.client.get_packet() == packet
    assert pair.client.was_string_packet()


def test_text_that_is_not_utf8_is_30_and_is_not_sent() -> None:
    pair = open_pair()
    assert pair.client.send(b"\xff", WebSocketPeer.WriteMode.TEXT) is ERR_INVALID_DATA
    assert pair.client.send_text("\ud800") is OK
    pair.poll()
    assert list(pair.server) == [b"?"]


def test_an_empty_message_is_sent_but_an_empty_packet_is_not() -> None:
    pair = open_pair()
    assert pair.client.put_packet(b"") is OK
    assert pair.client.send(b"") is OK
    assert pair.client.send_text("") is OK
    pair.poll()
    assert list(pair.server) == [b"", b""]


def test_the_write_mode_is_what_put_packet_sends() -> None:
    pair = open_pair()
    pair.client.set_write_mode(WebSocketPeer.WriteMode.TEXT)
    assert pair.client.get_write_mode() is WebSocketPeer.WriteMode.TEXT
    pair.client.put_packet(b"one")
    pair.client.send(b"two")
    pair.poll()
    assert [(packet, pair.server.was_string_packet()) for packet in pair.server] == [(b"one", True), (b"two", False)]
    with pytest.raises(ValueError, match="5"):
        pair.client.set_write_mode(5)  # type: ignore[arg-type]


def test_get_packet_error_is_of_the_last_call() -> None:
    pair = open_pair()
    assert pair.client.get_packet() == b""
    assert pair.client.get_packet_error() is ERR_UNAVAILABLE
    pair.server.send(b"x")
    pair.poll()
    assert pair.client.get_packet() == b"x"
    assert pair.client.get_packet_error() is OK
    pair.client.get_packet()
    assert pair.client.get_packet_error() is ERR_UNAVAILABLE
    pair.client.close()
    pair.poll()
    pair.client.get_packet()
    assert pair.client.get_packet_error() is FAILED


def test_nothing_can_be_sent_before_and_after() -> None:
    pair = make_pair()
    assert pair.client.send(b"x") is pair.client.ping() is FAILED
    pair.client.get_packet()
    assert pair.client.get_packet_error() is FAILED
    pair.poll()
    pair.client.close()
    assert pair.client.send(b"x") is pair.client.send_text("x") is pair.client.ping() is FAILED
    pair.poll()
    assert pair.client.send(b"x") is pair.server.send(b"x") is FAILED


def test_packets_that_came_before_a_close_stay_readable() -> None:
    pair = open_pair()
    pair.server.send_text("last words")
    pair.server.send(b"and more")
    pair.server.close(4001, "bye")
    pair.poll()
    assert pair.client.get_ready_state() is CLOSED
    assert pair.client.get_available_packet_count() == 2
    assert pair.client.get_packet() == b"last words"
    assert pair.client.was_string_packet()
    assert pair.client.get_packet_error() is OK
    assert list(pair.client) == [b"and more"]


def test_packets_that_come_while_closing_are_readable() -> None:
    pair = open_pair()
    pair.client.close()
    pair.server.send(b"crossed")
    pair.client.poll()
    assert pair.client.get_ready_state() is CLOSING
    assert pair.client.get_packet() == b"crossed"


def test_packets_stay_readable_when_tcp_is_lost() -> None:
    pair = open_pair()
    pair.server.send(b"last")
    pair.client.poll()
    pair.client_stream.break_connection()
    pair.poll()
    assert pair.states() == (CLOSED, CLOSED)
    assert list(pair.client) == [b"last"]


# ---------------------------------------------------------------------------------------------- limits


def stalled_pair(**settings: Any) -> Pair:
    """A pair whose client cannot get anything out: the network is full."""

    def prepare(one: WebSocketPeer, _: WebSocketPeer) -> None:
        for name, value in settings.items():
            setattr(one, name, value)

    pair = open_pair(prepare, capacity=1024)
    pair.server_stream.stall()
    pair.client.send(bytes(2000))
    return pair


def test_more_than_the_outbound_limit_is_6_and_the_connection_stays() -> None:
    pair = open_pair(capacity=1 << 20)
    assert pair.client.send(bytes(70000)) is ERR_OUT_OF_MEMORY
    assert pair.client.put_packet(bytes(70000)) is ERR_OUT_OF_MEMORY
    assert pair.client.send_text("x" * 70000) is ERR_OUT_OF_MEMORY
    assert pair.client.send(bytes(65535)) is OK
    pair.poll()
    assert pair.states() == (OPEN, OPEN)
    assert [len(packet) for packet in pair.server] == [65535]


def test_what_waits_counts_against_the_outbound_limit() -> None:
    pair = stalled_pair(outbound_buffer_size=3000)
    waiting = pair.client.get_current_outbound_buffered_amount()
    assert 0 < waiting < 2000
    assert pair.client.send(bytes(3000 - waiting + 1)) is ERR_OUT_OF_MEMORY
    assert pair.client.send(bytes(3000 - waiting - 20)) is OK
    assert pair.client.get_current_outbound_buffered_amount() > waiting


def test_without_an_outbound_limit_everything_waits() -> None:
    pair = stalled_pair(outbound_buffer_size=0)
    for _ in range(10):
        assert pair.client.send(bytes(100_000)) is OK
    assert pair.client.get_current_outbound_buffered_amount() > 1_000_000


def test_a_full_queue_of_packets_is_6() -> None:
    pair = stalled_pair(max_queued_packets=3)
    assert pair.client.send(b"2") is OK
    assert pair.client.send(b"3") is OK
    assert pair.client.send(b"4") is ERR_OUT_OF_MEMORY
    pair.server_stream.stall(False)
    pair.poll()
    assert pair.client.send(b"4") is OK


def test_a_limit_counts_from_when_it_is_set() -> None:
    pair = open_pair(capacity=1 << 20)
    assert pair.client.send(bytes(70000)) is ERR_OUT_OF_MEMORY
    pair.client.outbound_buffer_size = 70000
    assert pair.client.send(bytes(70000)) is OK


def test_drained_tells_once_that_there_is_room_again() -> None:
    pair = stalled_pair(outbound_buffer_size=3000)
    told: list[int] = []
    pair.client.drained.connect(lambda: told.append(pair.client.get_current_outbound_buffered_amount()))
    assert pair.client.send(bytes(1500)) is OK
    assert pair.client.send(bytes(1500)) is ERR_OUT_OF_MEMORY
    pair.poll()
    assert told == []
    pair.server_stream.stall(False)
    pair.poll()
    assert len(told) == 1
    assert told[0] * 2 <= 3000
    pair.poll()
    assert len(told) == 1


def test_drained_is_not_told_without_a_refusal() -> None:
    pair = stalled_pair()
    told: list[int] = []
    pair.client.drained.connect(lambda: told.append(1))
    pair.server_stream.stall(False)
    pair.poll()
    assert pair.client.send(bytes(70000)) is ERR_OUT_OF_MEMORY  # never fits: waiting would not help
    pair.poll()
    assert told == []


def test_drained_after_a_full_queue_waits_until_there_is_a_place() -> None:
    pair = stalled_pair(max_queued_packets=2)
    told: list[bool] = []
    pair.client.drained.connect(lambda: told.append(pair.client.send(b"again") is OK))
    assert pair.client.send(b"2") is OK
    assert pair.client.send(b"3") is ERR_OUT_OF_MEMORY
    pair.client.poll()
    assert told == []
    pair.server_stream.stall(False)
    pair.poll()
    assert told == [True]


def test_a_refusal_that_nobody_waits_for_is_forgotten() -> None:
    pair = stalled_pair(outbound_buffer_size=3000)
    assert pair.client.send(bytes(3000)) is ERR_OUT_OF_MEMORY
    pair.server_stream.stall(False)
    pair.poll()
    told: list[int] = []
    pair.client.drained.connect(lambda: told.append(1))
    pair.poll()
    assert told == []


def test_reading_stops_where_the_inbound_room_is_full_and_goes_on() -> None:
    pair = open_pair(lambda _, other: setattr(other, "inbound_buffer_size", 1000), capacity=4096)
    for i in range(20):
        assert pair.client.send(bytes([i]) * 500) is OK
    pair.poll(20)
    assert pair.server.get_available_packet_count() == 2
    assert pair.client.get_current_outbound_buffered_amount() > 0
    found = []
    while len(found) < 20:
        assert pair.server.get_available_packet_count() > 0
        found.append(pair.server.get_packet()[0])
        pair.poll(2)
        assert pair.server.get_available_packet_count() <= 3
    assert found == list(range(20))
    assert pair.states() == (OPEN, OPEN)


def test_reading_stops_where_the_packets_are_too_many_and_goes_on() -> None:
    pair = open_pair(lambda _, other: setattr(other, "max_queued_packets", 4))
    for i in range(20):
        pair.client.send(bytes([i]))
    found = []
    for _ in range(30):
        pair.poll(2)
        assert pair.server.get_available_packet_count() <= 4
        found.extend(packet[0] for packet in [pair.server.get_packet()] if packet)
    assert found == list(range(20))


def test_reading_goes_on_where_room_was_made_before_the_first_poll_that_waits() -> None:
    pair = open_pair(lambda _, other: setattr(other, "max_queued_packets", 4))
    for i in range(20):
        pair.client.send(bytes([i]))
    pair.poll(2)
    found = [packet[0] for packet in pair.server]
    assert found == [0, 1, 2, 3]
    for _ in range(30):
        pair.server.poll(1e-6)
        found.extend(packet[0] for packet in pair.server)
    assert found == list(range(20))


@pytest.mark.parametrize("name", ["inbound_buffer_size", "max_queued_packets"])
def test_without_any_inbound_room_a_close_still_arrives(name: str) -> None:
    pair = open_pair(lambda _, other: setattr(other, name, 0))
    pair.client.close(4000)
    pair.poll()
    assert pair.states() == (CLOSED, CLOSED)
    assert pair.client.get_close_code() == 4000


def test_a_close_behind_unread_packets_arrives_after_them() -> None:
    pair = open_pair(lambda _, other: setattr(other, "max_queued_packets", 2))
    for _ in range(5):
        pair.client.send(b"x")
    pair.client.close(4000, "done")
    pair.poll()
    assert pair.server.get_ready_state() is OPEN
    assert pair.server.get_packet() == pair.server.get_packet() == b"x"
    pair.poll()
    assert pair.server.get_packet() == pair.server.get_packet() == b"x"
    pair.poll()
    assert pair.states() == (CLOSED, CLOSED)
    assert list(pair.server) == [b"x"]
    assert pair.server.get_close_code() == 4000


# ---------------------------------------------------------------------------------------------- the end


def test_close_waits_for_the_answer() -> None:
    pair = open_pair()
    pair.client.close(4321, "grün")
    assert pair.client.get_ready_state() is CLOSING
    assert pair.client.get_close_code() == -1
    pair.client.poll()
    assert pair.client.get_ready_state() is CLOSING
    pair.server.poll()
    assert pair.server.get_ready_state() is CLOSED
    pair.client.poll()
    for peer in (pair.client, pair.server):
        assert (peer.get_ready_state(), peer.get_close_code(), peer.get_close_reason()) == (CLOSED, 4321, "grün")
        assert peer.get_close_cause().cause is Cause.CLOSED


def test_close_without_arguments_is_1000() -> None:
    pair = open_pair()
    pair.server.close()
    pair.poll()
    assert (pair.client.get_close_code(), pair.client.get_close_reason()) == (1000, "")


def test_a_second_close_does_nothing() -> None:
    pair = open_pair()
    pair.client.close(4000, "one")
    pair.client.close(4001, "two")
    pair.poll()
    assert pair.server.get_close_code() == 4000
    pair.client.close(4002)
    assert pair.client.get_close_code() == 4000


def test_the_answers_code_counts_on_the_side_that_began() -> None:
    peer, theirs, _ = raw_client()
    peer.close(4000)
    theirs.send([frame(CLOSE, b"\x0f\xa1other")])
    peer.poll()
    assert (peer.get_close_code(), peer.get_close_reason()) == (4001, "other")


def test_a_close_frame_without_a_code_is_1005() -> None:
    peer, theirs, _ = raw_client()
    theirs.send([frame(CLOSE)])
    peer.poll()
    assert (peer.get_ready_state(), peer.get_close_code(), peer.get_close_reason()) == (CLOSED, 1005, "")
    assert read_all(theirs) == frame(CLOSE, masked=False)
    assert peer.get_close_cause().cause is Cause.CLOSED


def test_close_while_connecting_ends_at_once() -> None:
    pair = make_pair()
    for peer in (pair.client, pair.server):
        peer.close(1000, "never mind")
        assert (peer.get_ready_state(), peer.get_close_code(), peer.get_close_reason()) == (CLOSED, -1, "")
        assert peer.get_close_cause().cause is Cause.DROPPED
    pair.poll()


def test_a_negative_code_ends_at_once_without_a_frame() -> None:
    pair = open_pair()
    sends = watch_sends(pair.client_stream)
    pair.client.close(-1)
    assert (pair.client.get_ready_state(), pair.client.get_close_code()) == (CLOSED, -1)
    assert sends == []
    pair.poll()
    assert (pair.server.get_ready_state(), pair.server.get_close_code()) == (CLOSED, -1)
    assert pair.server.get_close_cause().cause is Cause.TCP


def test_a_negative_code_keeps_the_code_that_came_before() -> None:
    pair = open_pair()
    pair.server.close(4000, "x")
    pair.poll()
    pair.client.close(-1)
    assert (pair.client.get_close_code(), pair.client.get_close_reason()) == (4000, "x")


def test_a_negative_code_ends_a_close_that_is_not_answered() -> None:
    pair = open_pair()
    pair.client.close(1000)
    pair.client.close(-1)
    assert (pair.client.get_ready_state(), pair.client.get_close_code()) == (CLOSED, -1)


@pytest.mark.parametrize("code", [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65536])
def test_a_code_that_may_not_be_sent_is_refused(code: int) -> None:
    pair = open_pair()
    with pytest.raises(ValueError, match=f"close code {code} may not be sent"):
        pair.client.close(code)
    with pytest.raises(ValueError, match="may not be sent"):
        WebSocketPeer().close(code)
    assert pair.client.get_ready_state() is OPEN


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1009, 1011, 1014, 3000, 4999])
def test_any_other_code_arrives(code: int) -> None:
    pair = open_pair()
    pair.client.close(code)
    pair.poll()
    assert pair.server.get_close_code() == pair.client.get_close_code() == code


@pytest.mark.parametrize("reason", ["x" * 124, "ü" * 62])
def test_a_reason_over_123_bytes_is_refused(reason: str) -> None:
    pair = open_pair()
    with pytest.raises(ValueError, match="123 bytes"):
        pair.client.close(1000, reason)
    assert pair.client.get_ready_state() is OPEN


@pytest.mark.parametrize("reason", ["", "x", "x" * 123, "ü" * 61])
def test_a_reason_up_to_123_bytes_arrives(reason: str) -> None:
    pair = open_pair()
    pair.client.close(1000, reason)
    pair.poll()
    assert pair.server.get_close_reason() == pair.client.get_close_reason() == reason


def test_tcp_that_ends_without_a_close_frame_is_unclean() -> None:
    pair = open_pair()
    pair.server_stream.close_write()
    pair.client.poll()
    assert (pair.client.get_ready_state(), pair.client.get_close_code(), pair.client.get_close_reason()) == (
        CLOSED,
        -1,
        "",
    )
    assert pair.client.get_close_cause().cause is Cause.TCP
    assert "without a close frame" in pair.client.get_close_cause().detail


def test_tcp_that_breaks_is_unclean() -> None:
    pair = open_pair()
    pair.client_stream.break_connection("connection broke: reset by the other side")
    pair.poll()
    for peer in (pair.client, pair.server):
        assert (peer.get_ready_state(), peer.get_close_code()) == (CLOSED, -1)
        assert peer.get_close_cause() == CloseCause(Cause.TCP, "connection broke: reset by the other side")


def test_a_send_into_a_broken_connection_closes_and_is_1() -> None:
    pair = open_pair()
    pair.client_stream.break_connection()
    assert pair.client.send(b"x") is FAILED
    assert pair.client.get_ready_state() is CLOSED
    assert pair.client.get_close_code() == -1


def test_tcp_that_ends_before_the_upgrade_is_unclean() -> None:
    pair = make_pair()
    pair.server_stream.close()
    pair.client.poll()
    assert pair.client.get_ready_state() is CLOSED
    cause = pair.client.get_close_cause()
    assert cause.cause is Cause.TCP
    assert "before the upgrade" in cause.detail


@pytest.mark.parametrize(
    ("data", "code", "reason", "cause"),
    [
        (frame(BINARY, b"x", first=0xC0), 1002, "Protocol error", Cause.PROTOCOL_ERROR),
        (frame(3, b"x"), 1002, "Protocol error", Cause.PROTOCOL_ERROR),
        (frame(BINARY, b"x", masked=False), 1002, "Protocol error", Cause.PROTOCOL_ERROR),
        (frame(CLOSE, b"\x00"), 1002, "Protocol error", Cause.PROTOCOL_ERROR),
        (frame(TEXT, b"\xff"), 1007, "Invalid frame payload data", Cause.PROTOCOL_ERROR),
        (frame(BINARY, bytes(101)), 1009, "Message too big", Cause.TOO_BIG),
    ],
)
def test_a_broken_rule_closes_with_the_engines_words(data: bytes, code: int, reason: str, cause: Cause) -> None:
    peer, theirs, _ = raw_client(inbound_buffer_size=100)
    theirs.send([data])
    peer.poll()
    assert (peer.get_ready_state(), peer.get_close_code(), peer.get_close_reason()) == (CLOSED, code, reason)
    assert peer.get_close_cause().cause is cause
    sent = read_all(theirs)
    assert sent[0] == 0x88
    assert int.from_bytes(sent[2:4], "big") == code


def test_the_other_side_of_a_broken_rule_sees_its_code() -> None:
    pair = open_pair(lambda _, other: setattr(other, "inbound_buffer_size", 100))
    assert pair.client.send(bytes(101)) is OK
    pair.poll()
    assert pair.states() == (CLOSED, CLOSED)
    assert pair.client.get_close_code() == 1009
    assert pair.client.get_close_cause().cause is Cause.CLOSED
    assert pair.server.get_close_cause().cause is Cause.TOO_BIG


def test_the_inbound_limit_itself_is_let_in() -> None:
    pair = open_pair(lambda _, other: setattr(other, "inbound_buffer_size", 100))
    pair.client.send(bytes(100))
    pair.poll()
    assert [len(packet) for packet in pair.server] == [100]


# ---------------------------------------------------------------------------------------------- pings


def test_ping_measures_the_round_trip() -> None:
    pair = open_pair()
    assert pair.client.ping() is OK
    pair.clock.advance(0.25)
    pair.server.poll()
    assert pair.client.get_latency() == -1.0
    pair.client.poll()
    assert pair.client.get_latency() == pytest.approx(0.25)
    assert pair.client.ping(b"payload") is OK
    pair.clock.advance(0.5)
    pair.server.poll()
    pair.client.poll()
    assert pair.client.get_latency() == pytest.approx(0.5)
    assert pair.server.get_latency() == -1.0


def test_a_ping_has_at_most_125_bytes() -> None:
    pair = open_pair()
    assert pair.client.ping(bytes(125)) is OK
    with pytest.raises(ValueError, match="125 bytes"):
        pair.client.ping(bytes(126))


def test_a_ping_is_answered() -> None:
    peer, theirs, _ = raw_client()
    theirs.send([frame(PING, b"hello")])
    peer.poll()
    assert read_all(theirs) == b"\x8a\x05hello"
    assert peer.get_available_packet_count() == 0


# ---------------------------------------------------------------------------------------------- compression


def test_compression_is_on_where_both_want_it() -> None:
    pair = open_pair(lambda *peers: [setattr(peer, "compression", True) for peer in peers])
    assert "permessage-deflate" in pair.client.get_handshake_headers().get("sec-websocket-extensions")
    for sender, stream in ((pair.client, pair.client_stream), (pair.server, pair.server_stream)):
        sends = watch_sends(stream)
        sender.send(bytes(10_000))
        assert sum(len(chunk) for chunks in sends for chunk in chunks) < 200
        sends.clear()
        sender.send(bytes(255))
        assert sum(len(chunk) for chunks in sends for chunk in chunks) > 255
    pair.poll()
    assert [len(packet) for packet in pair.client] == [10_000, 255]


@pytest.mark.parametrize(("client", "server"), [(True, False), (False, True)])
def test_compression_is_off_where_one_does_not(client: bool, server: bool) -> None:
    def prepare(one: WebSocketPeer, other: WebSocketPeer) -> None:
        one.compression, other.compression = client, server

    pair = open_pair(prepare)
    sends = watch_sends(pair.client_stream)
    pair.client.send(bytes(10_000))
    assert sum(len(chunk) for chunks in sends for chunk in chunks) > 10_000
    assert "sec-websocket-extensions" not in pair.client.get_handshake_headers()


def test_a_small_message_cannot_become_one_over_the_limit() -> None:
    def prepare(one: WebSocketPeer, other: WebSocketPeer) -> None:
        one.compression = other.compression = True
        one.outbound_buffer_size = 1 << 20
        other.inbound_buffer_size = 1000

    pair = open_pair(prepare)
    assert pair.client.send(bytes(500_000)) is OK
    pair.poll()
    assert pair.server.get_close_code() == pair.client.get_close_code() == 1009


# ---------------------------------------------------------------------------------------------- with


def test_with_closes() -> None:
    pair = open_pair()
    with pair.client as client:
        assert client is pair.client
    assert client.get_ready_state() is CLOSED
    pair.server.poll()
    assert pair.server.get_close_code() == 1000


def test_with_says_1011_after_an_exception() -> None:
    pair = open_pair()
    with pytest.raises(KeyError), pair.client:
        raise KeyError
    pair.server.poll()
    assert pair.server.get_close_code() == 1011


def test_with_a_peer_that_never_connected_is_nothing() -> None:
    with WebSocketPeer() as peer:
        pass
    assert peer.get_ready_state() is CLOSED


def test_an_unread_request_does_not_stay_open() -> None:
    clock = ManualClock()
    theirs, ours = memory_pair(clock=clock)
    with WebSocketPeer(clock=clock) as peer:
        peer.accept_stream(ours)
        theirs.send([request()[:20]])
        peer.poll()
        assert peer.get_ready_state() is CONNECTING
    assert theirs.receive_into(bytearray(10)) == 0


@pytest.mark.parametrize("max_chunk", [None, 65_537, 7_919])
@pytest.mark.parametrize("size", [65_535, 65_536, 200_000, 3_000_000])
def test_large_messages_come_whole_however_they_are_cut(size: int, max_chunk: int | None) -> None:
    def prepare(*peers: WebSocketPeer) -> None:
        for peer in peers:
            peer.inbound_buffer_size = peer.outbound_buffer_size = 4 * size

    pair = open_pair(prepare, max_chunk=max_chunk, capacity=1 << 24)
    text = ("é" * (size // 2)).encode()
    sent = [os.urandom(size), b"small", text, b"", os.urandom(size)]
    for message in sent:
        mode = WebSocketPeer.WriteMode.TEXT if message is text else WebSocketPeer.WriteMode.BINARY
        assert pair.client.send(message, mode) is OK
        assert pair.server.send(message, mode) is OK
    got: list[list[bytes]] = [[], []]
    for _ in range(5_000):
        pair.poll(turns=1)
        for packets, peer in zip(got, (pair.client, pair.server), strict=True):
            packets.extend(peer)
        if all(len(packets) == len(sent) for packets in got):
            break
    assert got == [sent, sent]


@pytest.mark.parametrize("at", [10, 150_000, 299_999])
def test_a_large_text_that_is_none_ends_with_1007(at: int) -> None:
    def prepare(*peers: WebSocketPeer) -> None:
        for peer in peers:
            peer.inbound_buffer_size = peer.outbound_buffer_size = 1 << 20

    pair = open_pair(prepare, max_chunk=100_000, capacity=1 << 20)
    text = bytearray(b"x" * 300_000)
    text[at] = 0xFF
    raw = bytes([0x81, 127]) + len(text).to_bytes(8, "big") + bytes(text)
    pair.server_stream.send([raw])
    pair.poll(turns=20)
    assert pair.client.get_close_code() == 1007
    assert pair.client.get_available_packet_count() == 0


def test_user_and_password_of_a_url_are_dropped_as_by_the_engine(caplog: pytest.LogCaptureFixture) -> None:
    peer, other = WebSocketPeer(), memory_pair()
    assert peer.connect_through(other[0], "ws://ann:secret@game.example/") is OK
    peer.poll()
    sent = read_all(other[1])
    assert b"\r\nHost: game.example\r\n" in sent
    assert b"secret" not in sent
    assert b"uthorization" not in sent
    assert peer.connect_to_url("ws://ann:secret@game.example:0/?token=secret") is not OK
    assert "secret" not in caplog.text
    assert "secret" not in str(peer.get_close_cause())


def test_a_peer_takes_attributes_of_a_game_although_it_keeps_no_dictionary_for_them() -> None:
    peer = WebSocketPeer()
    peer._name = "Ann"  # type: ignore[attr-defined]
    assert vars(peer) == {"_name": "Ann"}
    assert vars(WebSocketPeer()) == {}


def test_a_subclass_may_set_an_attribute_before_the_peer_is_made() -> None:
    class Named(WebSocketPeer):
        def __init__(self) -> None:
            self._name = "Ann"
            super().__init__()

    assert Named()._name == "Ann"


def test_a_compiled_peer_has_no_dictionary_until_it_needs_one() -> None:
    has_one = any(type(found) is dict for found in gc.get_referents(WebSocketPeer()))
    assert not (COMPILED and has_one)  # Python itself decides about the dictionary of the uncompiled form
