"""What a WebSocketPeer, and a WebSocketClient on it, do on every backend."""

from __future__ import annotations

import json
import time
from typing import Any

from gdpeer import (
    ERR_ALREADY_IN_USE,
    ERR_INVALID_PARAMETER,
    ERR_OUT_OF_MEMORY,
    ERR_UNAVAILABLE,
    FAILED,
    OK,
    Cause,
    StreamPeerTCP,
    TCPServer,
    TLSOptions,
    WebSocketClient,
    WebSocketMultiplayerPeer,
    WebSocketPeer,
    WebSocketServer,
)
from tests.backends.lab import Lab

CONNECTING, OPEN, CLOSING, CLOSED = WebSocketPeer.State


async def _begun(lab: Lab, path: str = "/echo", **settings: Any) -> WebSocketPeer:
    """A peer that is connected, or was: the other side may have closed at once."""
    peer = WebSocketPeer()
    for name, value in settings.items():
        setattr(peer, name, value)
    assert peer.connect_to_url(lab.url(path)) is OK
    await lab.until(lambda: peer.get_ready_state() is not CONNECTING, peer)
    return peer


async def _opened(lab: Lab, path: str = "/echo", **settings: Any) -> WebSocketPeer:
    peer = await _begun(lab, path, **settings)
    assert peer.get_ready_state() is OPEN, peer.get_close_cause()
    return peer


async def _closed(lab: Lab, peer: WebSocketPeer) -> None:
    await lab.until(lambda: peer.get_ready_state() is CLOSED, peer)


async def _packets(lab: Lab, peer: WebSocketPeer, count: int) -> list[bytes]:
    found: list[bytes] = []

    def take() -> bool:
        found.extend(peer)
        return len(found) >= count

    await lab.until(take, peer)
    return found


async def _ended_at_server(lab: Lab, code: int, reason: str) -> None:
    """The server saw this end of its last /echo."""
    end = time.monotonic() + 5
    while True:
        peer = await _opened(lab, "/last")
        [packet] = await _packets(lab, peer, 1)
        peer.close()
        await _closed(lab, peer)
        if json.loads(packet) == [code, reason]:
            return
        assert time.monotonic() < end, packet


async def connecting(lab: Lab) -> None:
    peer = WebSocketPeer()
    assert peer.get_ready_state() is CLOSED
    assert peer.send_text("too early") is FAILED
    assert peer.connect_to_url(lab.url()) is OK
    assert peer.get_ready_state() is CONNECTING
    assert peer.connect_to_url(lab.url()) is ERR_ALREADY_IN_USE
    assert peer.send_text("too early") is FAILED
    await lab.frames(0.2)
    assert peer.get_ready_state() is CONNECTING  # nothing changes but in poll
    await lab.until(lambda: peer.get_ready_state() is OPEN, peer)
    assert (peer.get_selected_protocol(), peer.get_requested_url()) == ("", lab.url())
    assert peer.get_close_cause().cause is Cause.NONE
    assert peer.connect_to_url(lab.url()) is ERR_ALREADY_IN_USE
    peer.close()
    await _closed(lab, peer)


async def a_url_without_a_scheme(lab: Lab) -> None:
    peer = WebSocketPeer()
    assert peer.connect_to_url(lab.url().removeprefix("ws://")) is OK
    await lab.until(lambda: peer.get_ready_state() is OPEN, peer)
    peer.close()
    await _closed(lab, peer)


async def sub_protocol(lab: Lab) -> None:
    peer = await _opened(lab, "/demo", supported_protocols=("other", "demo"))
    assert peer.get_selected_protocol() == "demo"
    peer.close()
    await _closed(lab, peer)


async def sub_protocol_that_the_server_lacks(lab: Lab) -> None:
    peer = WebSocketPeer()
    peer.supported_protocols = ("unknown",)
    assert peer.connect_to_url(lab.url("/demo")) is OK
    await _closed(lab, peer)
    assert peer.get_close_code() == (1006 if lab.in_page else -1)
    assert peer.get_close_cause().cause is (Cause.TCP if lab.in_page else Cause.SUB_PROTOCOL)


async def text(lab: Lab) -> None:
    peer = await _opened(lab)
    for word in ("plain", "", "grüß dich", "日本語", "😀 and more", "\0 \ufeff\u2028"):
        assert peer.send_text(word) is OK
        [packet] = await _packets(lab, peer, 1)
        assert (packet.decode(), peer.was_string_packet(), peer.get_packet_error()) == (word, True, OK)
    assert peer.send(b"as bytes", WebSocketPeer.WriteMode.TEXT) is OK
    assert await _packets(lab, peer, 1) == [b"as bytes"]
    assert peer.was_string_packet()
    peer.close()
    await _closed(lab, peer)


async def binary_of_all_sizes(lab: Lab) -> None:
    peer = await _opened(lab, inbound_buffer_size=1 << 21, outbound_buffer_size=1 << 22)
    assert peer.put_packet(b"") is OK  # sends nothing, as in the engine
    for size in (0, 1, 2, 125, 126, 127, 65_535, 65_536, 65_537, 1 << 20):
        payload = bytes(range(256)) * (size // 256 + 1)
        assert peer.send(payload[:size]) is OK
        [packet] = await _packets(lab, peer, 1)
        assert packet == payload[:size]
        assert not peer.was_string_packet()
    for kind in (bytearray, memoryview):
        assert peer.send(kind(b"another kind")) is OK
        assert await _packets(lab, peer, 1) == [b"another kind"]
    peer.close()
    await _closed(lab, peer)


async def a_thousand_messages_in_order(lab: Lab) -> None:
    peer = await _opened(lab)
    for number in range(1_000):
        assert peer.put_packet(b"%d" % number) is OK
        if number % 50 == 0:
            peer.poll()
    assert await _packets(lab, peer, 1_000) == [b"%d" % number for number in range(1_000)]
    peer.close()
    await _closed(lab, peer)


async def a_slow_reader(lab: Lab) -> None:
    peer = await _opened(lab, "/burst?count=200&size=500", max_queued_packets=10)
    await lab.frames(0.3, peer)
    assert peer.get_available_packet_count() == 10
    found: list[bytes] = []

    def take_one() -> bool:
        found.extend([peer.get_packet()] if peer.get_available_packet_count() else [])
        return len(found) == 200

    await lab.until(take_one, peer)
    assert [int(packet[:6]) for packet in found] == list(range(200))
    peer.close()
    await _closed(lab, peer)


async def closing_here(lab: Lab) -> None:
    for code, reason in ((1000, ""), (1000, "enough"), (3000, "registered"), (4999, "grüß dich")):
        peer = await _opened(lab)
        peer.close(code, reason)
        assert peer.get_ready_state() is CLOSING
        assert peer.send_text("too late") is FAILED
        await _closed(lab, peer)
        assert (peer.get_close_code(), peer.get_close_reason()) == (code, reason)
        assert peer.get_close_cause().cause is Cause.CLOSED
        await _ended_at_server(lab, code, reason)


async def closing_here_with_a_code_that_pages_lack(lab: Lab) -> None:
    peer = await _opened(lab)
    peer.close(1001, "leaving")
    await _closed(lab, peer)
    assert peer.get_close_cause().cause is Cause.CLOSED
    await _ended_at_server(lab, *((1005, "") if lab.in_page else (1001, "leaving")))


async def codes_that_nobody_can_send(lab: Lab) -> None:
    peer = await _opened(lab)
    for code, reason in ((1005, ""), (1006, ""), (999, ""), (5000, ""), (1000, "x" * 124)):
        try:
            peer.close(code, reason)
        except ValueError:
            continue
        raise AssertionError(f"close({code}) was taken")
    assert peer.get_ready_state() is OPEN
    peer.close()
    await _closed(lab, peer)


async def dropping_here(lab: Lab) -> None:
    peer = await _opened(lab)
    peer.close(-1)
    assert peer.get_ready_state() is CLOSED
    assert (peer.get_close_code(), peer.get_close_cause().cause) == (-1, Cause.DROPPED)


async def dropping_while_connecting(lab: Lab) -> None:
    peer = WebSocketPeer()
    assert peer.connect_to_url(lab.url()) is OK
    peer.close()
    assert peer.get_ready_state() is CLOSED
    await lab.frames(0.2, peer)
    assert peer.get_ready_state() is CLOSED
    assert (peer.get_close_code(), peer.get_close_cause().cause) == (-1, Cause.DROPPED)


async def closing_there(lab: Lab) -> None:
    for code, reason in ((1000, ""), (1001, "going away"), (1011, "grüß dich"), (4002, "bye")):
        peer = await _begun(lab, f"/close?code={code}&reason={reason}")
        await _closed(lab, peer)
        assert (peer.get_close_code(), peer.get_close_reason()) == (code, reason)
        assert peer.get_close_cause().cause is Cause.CLOSED


async def closing_there_without_a_code(lab: Lab) -> None:
    peer = await _begun(lab, "/close")
    await _closed(lab, peer)
    assert (peer.get_close_code(), peer.get_close_reason()) == (1005, "")
    assert peer.get_close_cause().cause is Cause.CLOSED


async def packets_before_a_close_stay(lab: Lab) -> None:
    peer = await _begun(lab, "/burst?count=5&code=4000")
    await _closed(lab, peer)
    assert peer.get_available_packet_count() == 5
    assert [int(packet) for packet in peer] == [0, 1, 2, 3, 4]
    assert peer.get_packet() == b""
    assert peer.get_packet_error() is FAILED


async def more_packets_than_there_is_room_for_before_a_close(lab: Lab) -> None:
    peer = await _begun(lab, "/burst?count=25&code=4000", max_queued_packets=10)
    found: list[bytes] = []

    def take_all_that_is_there() -> bool:
        if peer.get_available_packet_count() == 10:
            found.extend(peer)
        return peer.get_ready_state() is CLOSED

    await lab.until(take_all_that_is_there, peer)
    found.extend(peer)
    assert [int(packet) for packet in found] == list(range(25))
    assert peer.get_close_code() == 4000


async def the_connection_breaks(lab: Lab) -> None:
    peer = await _opened(lab, "/drop")
    assert peer.send_text("now") is OK
    await _closed(lab, peer)
    assert peer.get_close_code() == (1006 if lab.in_page else -1)
    assert peer.get_close_cause().cause is Cause.TCP


async def the_server_is_killed(lab: Lab) -> None:
    peer = await _opened(lab)
    assert peer.send_text("before") is OK
    assert await _packets(lab, peer, 1) == [b"before"]
    killer = await _opened(lab, "/die")
    assert killer.send_text("now") is OK
    await _closed(lab, peer)
    assert peer.get_close_code() == (1006 if lab.in_page else -1)
    assert peer.get_close_cause().cause is Cause.TCP
    assert peer.connect_to_url(lab.url()) is OK  # nobody is there any more
    await _closed(lab, peer)
    assert peer.get_close_cause().cause is Cause.TCP


async def a_refused_upgrade(lab: Lab) -> None:
    peer = WebSocketPeer()
    assert peer.connect_to_url(lab.url("/refuse")) is OK
    await _closed(lab, peer)
    assert peer.get_close_code() == (1006 if lab.in_page else -1)
    cause = peer.get_close_cause()
    assert (cause.cause, cause.status) == ((Cause.TCP, 0) if lab.in_page else (Cause.HTTP_STATUS, 403)), cause


async def a_wrong_url(lab: Lab) -> None:
    peer = WebSocketPeer()
    for url in ("http://127.0.0.1/", "ws://", "ws://host:99999/", "ws://a b/", "ftp://x", ""):
        assert peer.connect_to_url(url) is ERR_INVALID_PARAMETER, url
        assert peer.get_ready_state() is CLOSED
        assert peer.get_close_cause().detail


async def a_message_over_the_limit(lab: Lab) -> None:
    peer = await _begun(lab, "/burst?count=3&size=2000", inbound_buffer_size=1_000)
    await _closed(lab, peer)
    assert (peer.get_close_code(), peer.get_close_cause().cause) == (1009, Cause.TOO_BIG)
    assert peer.get_available_packet_count() == 0


async def sending_more_than_there_is_room_for(lab: Lab) -> None:
    peer = await _opened(lab, "/sink", outbound_buffer_size=1 << 20)
    drained: list[bool] = []
    peer.drained.connect(lambda: drained.append(True))
    sent, piece = 0, bytes(100_000)
    while (result := peer.send(piece)) is OK:
        sent += len(piece)
        assert sent < 1 << 28
    assert result is ERR_OUT_OF_MEMORY
    assert 0 < peer.get_current_outbound_buffered_amount() <= 1 << 20
    assert peer.get_ready_state() is OPEN
    await lab.until(lambda: drained, peer)
    assert 2 * peer.get_current_outbound_buffered_amount() <= 1 << 20
    assert peer.send(piece) is OK
    sent += len(piece)
    assert peer.send_text("?") is OK
    assert await _packets(lab, peer, 1) == [b"%d" % sent]
    assert drained == [True]
    peer.close()
    await _closed(lab, peer)


async def one_message_larger_than_the_room(lab: Lab) -> None:
    peer = await _opened(lab, outbound_buffer_size=1_000)
    assert peer.send(bytes(1_001)) is ERR_OUT_OF_MEMORY
    assert peer.send(bytes(1_000)) is OK
    assert await _packets(lab, peer, 1) == [bytes(1_000)]
    peer.close()
    await _closed(lab, peer)


async def a_close_that_is_not_answered(lab: Lab) -> None:
    peer = await _opened(lab, "/silent", close_timeout=0.3)
    peer.close()
    began = time.monotonic()
    await _closed(lab, peer)
    assert time.monotonic() - began > 0.25
    assert (peer.get_close_code(), peer.get_close_cause().cause) == (-1, Cause.TIMEOUT)


async def a_peer_is_used_again(lab: Lab) -> None:
    peer = WebSocketPeer()
    for number in range(3):
        assert peer.connect_to_url(lab.url()) is OK
        await lab.until(lambda: peer.get_ready_state() is OPEN, peer)
        assert peer.send_text(f"time {number}") is OK
        assert await _packets(lab, peer, 1) == [b"time %d" % number]
        peer.close()
        await _closed(lab, peer)


async def leaving_a_with_block(lab: Lab) -> None:
    with await _opened(lab) as peer:
        assert peer.send_text("x") is OK
        await _packets(lab, peer, 1)
    assert peer.get_ready_state() is CLOSED
    await _ended_at_server(lab, 1000, "")


async def many_at_a_time(lab: Lab) -> None:
    peers = [await _opened(lab) for _ in range(10)]
    for number, peer in enumerate(peers):
        assert peer.send_text(f"from {number}") is OK
    for number, peer in enumerate(peers):
        assert await _packets(lab, peer, 1) == [b"from %d" % number]
        peer.close()
    for peer in peers:
        await _closed(lab, peer)


async def what_pages_lack(lab: Lab) -> None:
    peer = await _opened(lab)
    assert peer.ping() is (ERR_UNAVAILABLE if lab.in_page else OK)
    assert peer.get_latency() == -1.0
    peer.heartbeat_interval = 30
    peer.set_no_delay(True)
    assert (peer.get_connected_host() == "") is lab.in_page
    assert (len(peer.get_handshake_headers()) == 0) is lab.in_page
    peer.close()
    await _closed(lab, peer)
    if not lab.in_page:
        return
    peer = WebSocketPeer()
    peer.handshake_headers = ("Authorization: secret",)
    assert peer.connect_to_url(lab.url()) is ERR_UNAVAILABLE
    assert "headers" in peer.get_close_cause().detail
    assert peer.get_ready_state() is CLOSED
    peer.handshake_headers = ()
    assert peer.connect_to_url("wss://localhost", TLSOptions.client_unsafe()) is ERR_UNAVAILABLE
    assert "certificates" in peer.get_close_cause().detail
    server = WebSocketServer()
    assert server.listen(8000) is ERR_UNAVAILABLE
    assert "page" in server.get_listen_error()
    multiplayer = WebSocketMultiplayerPeer()
    assert multiplayer.create_server(8000) is ERR_UNAVAILABLE
    assert "page" in multiplayer.get_listen_error()
    assert TCPServer().listen(8000) is ERR_UNAVAILABLE
    assert StreamPeerTCP().connect_to_host("127.0.0.1", 8000) is ERR_UNAVAILABLE


# ---------------------------------------------------------------------------------------------------- WebSocketClient


def _client(told: list[Any]) -> WebSocketClient:
    client = WebSocketClient()
    client.connection_established.connect(lambda protocol: told.append(("established", protocol)))
    client.connection_closed.connect(lambda was_clean: told.append(("closed", was_clean)))
    client.connection_error.connect(lambda: told.append("error"))
    client.server_close_request.connect(lambda code, reason: told.append(("asked", code, reason)))
    client.data_received.connect(lambda: told.append(client.get_peer(1).get_packet()))  # type: ignore[union-attr]
    return client


async def the_signals_of_a_client(lab: Lab) -> None:
    told: list[Any] = []
    client = _client(told)
    assert client.connect_to_url(lab.url("/demo"), ["demo"]) is OK
    await lab.until(lambda: told, client)
    assert told == [("established", "demo")]
    peer = client.get_peer(1)
    assert peer is not None
    for number in range(3):
        assert peer.put_packet(b"%d" % number) is OK
    await lab.until(lambda: len(told) == 4, client)
    assert told[1:] == [b"0", b"1", b"2"]
    client.disconnect_from_host(4000, "done")
    await lab.until(lambda: len(told) == 5, client)
    assert told[4:] == [("closed", True)]
    assert client.get_connection_status() is WebSocketClient.ConnectionStatus.DISCONNECTED


async def a_server_that_asks_a_client_to_close(lab: Lab) -> None:
    told: list[Any] = []
    client = _client(told)
    assert client.connect_to_url(lab.url("/burst?count=2&code=4003")) is OK
    await lab.until(lambda: len(told) == 5, client)
    assert told == [("established", ""), b"000000", b"000001", ("asked", 4003, ""), ("closed", True)]


async def a_client_that_gets_no_connection(lab: Lab) -> None:
    told: list[Any] = []
    client = _client(told)
    assert client.connect_to_url(lab.url("/refuse")) is OK
    await lab.until(lambda: told, client)
    assert told == ["error"]
    assert client.get_close_cause().cause is (Cause.TCP if lab.in_page else Cause.HTTP_STATUS)
