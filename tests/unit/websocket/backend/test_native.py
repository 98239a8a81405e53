"""The native backend: its deadlines, its way out, and what it does when a stream breaks at a bad moment.

Everything runs stepped, as a peer that polls without waiting does, and watched by a poller.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from gdpeer import ERR_OUT_OF_MEMORY, FAILED, OK, Cause, CloseCause, ManualClock, TransportError, WebSocketPeer
from gdpeer.http.response import Response
from gdpeer.logs import LOGGED_AT_ONCE
from gdpeer.protocol.url import parse_url
from gdpeer.transport.memory import MemoryStream, memory_pair
from gdpeer.transport.poller import Poller
from gdpeer.transport.receive_buffer import SCRATCH_SIZE, scratch
from gdpeer.transport.stream import READ, WOULD_BLOCK, WRITE, Address, Ready
from gdpeer.websocket.backend.base import Turn, leave
from gdpeer.websocket.backend.deadline import NEVER
from gdpeer.websocket.backend.http_answer import PAGE_LEAST, PAGE_STALL
from gdpeer.websocket.backend.native import NativeBackend
from gdpeer.websocket.opening.upgrade import ClientUpgrade, ServerUpgrade
from gdpeer.websocket.settings import Settings
from gdpeer.websocket.states import Stage
from tests.unit.websocket.support import (
    BINARY,
    CLOSE,
    CLOSED,
    CLOSING,
    CONNECTING,
    OPEN,
    PING,
    PONG,
    LateConnector,
    Pair,
    Room,
    SecureMemoryStream,
    frame,
    has_ended,
    is_closed,
    make_pair,
    open_pair,
    plain_request,
    raw_client,
    raw_server,
    read_all,
    request,
    response_to,
    watch_sends,
)

CLOSE_1000 = b"\x03\xe8"

Poll = Callable[..., None]


@pytest.fixture(params=["stepped", "watched"])
def poll(request: pytest.FixtureRequest) -> Iterator[Poll]:
    """Poll peers: without a poller, or with one."""
    wait = 0.0 if request.param == "stepped" else 1e-6
    seen: list[WebSocketPeer] = []

    def run(*peers: WebSocketPeer, turns: int = 3) -> None:
        seen.extend(peers)
        for _ in range(turns):
            for peer in peers:
                peer.poll(wait)

    yield run
    for peer in seen:
        peer.__exit__(None, None, None)


def pair_poll(pair: Pair, poll: Poll) -> None:
    poll(pair.client, pair.server)


# ---------------------------------------------------------------------------------------------- handshake


def test_a_client_waits_ten_seconds_for_the_upgrade(poll: Poll) -> None:
    peer, theirs, clock = raw_server()
    poll(peer)
    clock.advance(9.9)
    poll(peer)
    assert peer.get_ready_state() is CONNECTING
    clock.advance(0.1)
    poll(peer)
    assert (peer.get_ready_state(), peer.get_close_code()) == (CLOSED, -1)
    assert peer.get_close_cause().cause is Cause.TIMEOUT
    assert has_ended(theirs)


def test_a_server_answers_a_slow_request_with_408(poll: Poll) -> None:
    clock = ManualClock(100.0)
    theirs, ours = memory_pair(clock=clock)
    peer = WebSocketPeer(clock=clock)
    peer.handshake_timeout = 3.0
    peer.accept_stream(ours)
    theirs.send([b"GET / HT"])
    poll(peer)
    clock.advance(2.9)
    theirs.send([b"TP/1.1\r\n"])
    poll(peer)
    assert peer.get_ready_state() is CONNECTING
    clock.advance(0.1)
    poll(peer)
    assert peer.get_ready_state() is CLOSED
    assert peer.get_close_cause().cause is Cause.TIMEOUT
    assert read_all(theirs).startswith(b"HTTP/1.1 408 ")
    assert has_ended(theirs)


def test_an_upgrade_in_time_takes_the_limit_back(poll: Poll) -> None:
    pair = make_pair()
    pair_poll(pair, poll)
    pair.clock.advance(1000.0)
    pair_poll(pair, poll)
    assert pair.states() == (OPEN, OPEN)


def test_a_connector_is_waited_for(poll: Poll) -> None:
    clock = ManualClock(100.0)
    theirs, ours = memory_pair(clock=clock)
    connector = LateConnector(ours)
    peer = WebSocketPeer(clock=clock)
    assert peer.connect_through(connector) is OK
    poll(peer)
    assert (peer.get_ready_state(), peer.get_connected_port()) == (CONNECTING, 0)
    connector.arrive()
    poll(peer)
    theirs.send([response_to(read_all(theirs))])
    poll(peer)
    assert peer.get_ready_state() is OPEN
    assert connector.calls[-1] == "detach"


def test_a_connector_that_fails_is_the_cause(poll: Poll) -> None:
    connector = LateConnector(memory_pair()[0])
    peer = WebSocketPeer()
    peer.connect_through(connector)
    poll(peer)
    connector.arrive(TransportError("no such name", Cause.DNS))
    poll(peer)
    assert peer.get_ready_state() is CLOSED
    assert peer.get_close_cause() == CloseCause(Cause.DNS, "no such name")
    assert connector.calls[-1] == "close"


def test_a_connector_that_fails_at_once_is_1() -> None:
    connector = LateConnector(memory_pair()[0])
    connector.failure = TransportError("refused")
    assert WebSocketPeer().connect_through(connector) is FAILED


def test_a_servers_connector_counts_as_the_handshake(poll: Poll) -> None:
    clock = ManualClock(100.0)
    connector = LateConnector(memory_pair(clock=clock)[0])
    peer = WebSocketPeer(clock=clock)
    peer.handshake_timeout = 3.0
    assert peer.accept_stream(connector) is OK
    poll(peer)
    clock.advance(3.0)
    poll(peer)
    assert peer.get_ready_state() is CLOSED
    assert peer.get_close_cause() == CloseCause(Cause.TIMEOUT, "connecting took too long")
    assert connector.calls[-1] == "close"


def test_closed_while_a_connector_is_under_way_it_is_closed_too(poll: Poll) -> None:
    connector = LateConnector(memory_pair()[0])
    peer = WebSocketPeer()
    peer.connect_through(connector)
    poll(peer)
    peer.close()
    assert peer.get_ready_state() is CLOSED
    assert connector.calls[-1] == "close"


def test_the_upgrade_may_come_in_pieces(poll: Poll) -> None:
    pair = make_pair(max_chunk=1)
    poll(pair.client, pair.server, turns=600)
    assert pair.states() == (OPEN, OPEN)


# ---------------------------------------------------------------------------------------------- heartbeat


def test_an_open_connection_keeps_only_the_request_of_its_upgrade() -> None:
    pair = open_pair()
    for backend in (pair.client._backend, pair.server._backend):
        assert isinstance(backend, NativeBackend)
        assert backend.upgrade.request is None
    request = pair.server.get_request()
    assert request is not None
    assert request.target == "/"


def test_a_heartbeat_pings_each_interval(poll: Poll) -> None:
    pair = open_pair(lambda one, _: setattr(one, "heartbeat_interval", 5.0))
    sends = watch_sends(pair.client_stream)
    for _ in range(3):
        pair.clock.advance(5.0)
        pair_poll(pair, poll)
        assert len(sends) == 1
        assert sends.pop()[0][0] == 0x80 | PING
    assert pair.states() == (OPEN, OPEN)
    assert pair.client.get_latency() == 0.0


def test_a_missed_heartbeat_ends_uncleanly(poll: Poll) -> None:
    pair = open_pair(lambda one, _: setattr(one, "heartbeat_interval", 5.0))
    pair.clock.advance(5.0)
    poll(pair.client)
    pair.clock.advance(4.9)
    poll(pair.client)
    assert pair.client.get_ready_state() is OPEN
    pair.clock.advance(0.1)
    poll(pair.client)
    assert (pair.client.get_ready_state(), pair.client.get_close_code()) == (CLOSED, -1)
    assert pair.client.get_close_cause().cause is Cause.TIMEOUT
    assert "heartbeat" in pair.client.get_close_cause().detail


def test_a_heartbeat_can_begin_and_stop_while_open(poll: Poll) -> None:
    pair = open_pair()
    sends = watch_sends(pair.client_stream)
    pair_poll(pair, poll)
    pair.client.heartbeat_interval = 2.0
    pair.clock.advance(2.0)
    pair_poll(pair, poll)
    assert len(sends) == 1
    pair.client.heartbeat_interval = 0.0
    pair.clock.advance(100.0)
    pair_poll(pair, poll)
    assert len(sends) == 1
    assert pair.states() == (OPEN, OPEN)


def test_setting_the_same_heartbeat_in_each_frame_does_not_put_off_the_ping(poll: Poll) -> None:
    pair = open_pair(lambda one, _: setattr(one, "heartbeat_interval", 2.0))
    sends = watch_sends(pair.client_stream)
    for _ in range(8):
        pair.client.heartbeat_interval = 2.0
        pair.clock.advance(0.25)
        pair_poll(pair, poll)
    assert len(sends) == 1


def test_setting_a_heartbeat_leaves_a_close_its_limit(poll: Poll) -> None:
    pair = open_pair()
    pair.client.close()
    pair.client.heartbeat_interval = 1.0
    pair.clock.advance(10.0)
    poll(pair.client)
    assert pair.client.get_close_cause().cause is Cause.TIMEOUT


# ---------------------------------------------------------------------------------------------- closing


def test_a_close_that_is_not_answered_ends_after_ten_seconds(poll: Poll) -> None:
    pair = open_pair()
    pair.client.close(4000, "bye")
    poll(pair.client)
    pair.clock.advance(9.9)
    poll(pair.client)
    assert pair.client.get_ready_state() is CLOSING
    pair.clock.advance(0.1)
    poll(pair.client)
    assert (pair.client.get_ready_state(), pair.client.get_close_code()) == (CLOSED, -1)
    assert pair.client.get_close_cause() == CloseCause(Cause.TIMEOUT, "closing took too long")
    assert is_closed(pair.client_stream)


def test_after_the_close_the_write_side_is_shut_and_the_rest_awaited(poll: Poll) -> None:
    peer, theirs, clock = raw_client()
    poll(peer)
    theirs.send([frame(CLOSE, CLOSE_1000)])
    poll(peer)
    assert peer.get_ready_state() is CLOSED
    assert read_all(theirs) == frame(CLOSE, CLOSE_1000, masked=False)
    assert has_ended(theirs)
    theirs.send([frame(BINARY, b"late")])
    poll(peer)
    clock.advance(0.9)
    poll(peer)
    assert peer.get_available_packet_count() == 0
    assert not is_closed(peer_stream(peer))
    clock.advance(0.1)
    poll(peer)
    assert is_closed(peer_stream(peer))


def peer_stream(peer: WebSocketPeer) -> MemoryStream:
    backend = peer._backend
    assert backend is not None
    assert isinstance(backend.stream, MemoryStream)
    return backend.stream


def watch_reads(stream: MemoryStream, count: int | None = None) -> list[int]:
    """The result of each read from now on; with a `count` each read finds so many bytes."""
    reads: list[int] = []
    receive_into = stream.receive_into

    def counted(buffer: Any) -> int:
        assert len(reads) < 100, "it reads for ever"
        reads.append(WOULD_BLOCK)  # also where the stream is closed, and raises
        reads[-1] = receive_into(buffer) if count is None else count
        return reads[-1]

    stream.receive_into = counted  # type: ignore[method-assign]
    return reads


def test_when_both_have_ended_nothing_is_awaited(poll: Poll) -> None:
    peer, theirs, _ = raw_client()
    theirs.send([frame(CLOSE, CLOSE_1000)])
    theirs.close_write()
    poll(peer)
    assert is_closed(peer_stream(peer))
    assert (peer.get_close_code(), peer.get_close_cause().cause) == (1000, Cause.CLOSED)


def test_a_flood_after_the_close_is_cut_off(poll: Poll) -> None:
    peer, theirs, _ = raw_client()
    theirs.send([frame(CLOSE, CLOSE_1000)])
    poll(peer)
    for _ in range(12):
        assert theirs.send([bytes(100_000)]) == 100_000
        poll(peer)
    assert is_closed(peer_stream(peer))


def test_what_is_queued_goes_out_before_the_end(poll: Poll) -> None:
    pair = open_pair(capacity=4096)
    pair.client_stream.stall()
    pair.server.send(bytes(10_000))
    pair.server.close(4000, "done")
    pair.client.close(4001)
    pair_poll(pair, poll)
    assert pair.server.get_ready_state() is CLOSED
    pair.client_stream.stall(False)
    poll(pair.client, pair.server, turns=10)
    assert pair.client.get_close_code() == 4000
    assert [len(packet) for packet in pair.client] == [10_000]


def test_a_close_frame_that_cannot_go_out_is_given_up(poll: Poll) -> None:
    peer, theirs, clock = raw_client()
    stream = peer_stream(peer)
    stream.send = lambda chunks: 0  # type: ignore[method-assign]
    poll(peer)
    theirs.send([frame(CLOSE, CLOSE_1000)])
    poll(peer)
    assert peer.get_ready_state() is CLOSED
    assert not has_ended(theirs)
    theirs.close_write()
    poll(peer)
    assert not is_closed(stream)
    clock.advance(1.0)
    poll(peer)
    assert is_closed(stream)


def test_a_stream_that_breaks_after_the_close_changes_nothing(poll: Poll) -> None:
    peer, theirs, _ = raw_client()
    theirs.send([frame(CLOSE, CLOSE_1000 + b"bye")])
    poll(peer)
    theirs.break_connection()
    poll(peer)
    assert (peer.get_close_code(), peer.get_close_reason()) == (1000, "bye")
    assert peer.get_close_cause().cause is Cause.CLOSED


def test_an_end_that_cannot_be_said_is_left_unsaid(poll: Poll) -> None:
    peer, theirs, _ = raw_client()
    stream = peer_stream(peer)

    close_write = stream.close_write
    refused: list[int] = []

    def refuse() -> None:
        if not refused:
            refused.append(1)
            raise TransportError("gone")
        close_write()

    stream.close_write = refuse  # type: ignore[method-assign]
    theirs.send([frame(CLOSE, CLOSE_1000)])
    poll(peer)
    assert peer.get_close_code() == 1000
    assert refused
    assert peer._backend is not None
    assert peer._backend.stage == Stage.DONE


def secure(peer: WebSocketPeer) -> MemoryStream:
    stream = peer_stream(peer)
    stream.__class__ = SecureMemoryStream
    return stream


def test_over_tls_the_end_comes_a_moment_after_the_answer(poll: Poll) -> None:
    peer, theirs, clock = raw_client()
    stream = secure(peer)
    assert peer.get_requested_url() == "wss://localhost/"
    poll(peer)
    theirs.send([frame(CLOSE, CLOSE_1000)])
    poll(peer)
    assert read_all(theirs) == frame(CLOSE, CLOSE_1000, masked=False)
    clock.advance(0.19)
    poll(peer)
    assert not has_ended(theirs)
    assert peer.get_ready_state() is WebSocketPeer.State.CLOSING  # a program that ends at CLOSED has given it time
    clock.advance(0.01)
    poll(peer)
    assert has_ended(theirs)
    assert peer.get_ready_state() is CLOSED
    assert not is_closed(stream)
    clock.advance(1.0)
    poll(peer)
    assert is_closed(stream)


def test_over_tls_the_grace_is_for_the_side_that_answers_only(poll: Poll) -> None:
    peer, theirs, _ = raw_client()
    secure(peer)
    peer.close()
    theirs.send([frame(CLOSE, CLOSE_1000)])
    poll(peer)
    assert has_ended(theirs)


def test_over_tls_a_close_while_the_answer_is_on_its_way_leaves_it_the_time(poll: Poll) -> None:
    peer, theirs, clock = raw_client()
    stream = secure(peer)
    theirs.send([frame(CLOSE, CLOSE_1000)])
    poll(peer)
    peer.close(4000)
    assert not is_closed(stream)
    clock.advance(0.2)
    poll(peer)
    assert has_ended(theirs)
    assert peer.get_close_code() == 1000


# ---------------------------------------------------------------------------------------------- bad moments


def test_a_stream_that_the_system_does_not_watch_gets_no_request_and_no_deadline() -> None:
    clock = ManualClock(100.0)
    ours, theirs = memory_pair(clock=clock)

    def refuse(poller: Poller, ready: Ready) -> None:
        raise TransportError("the system watches no more sockets")

    ours.attach = refuse  # type: ignore[method-assign]
    settings = Settings()
    with Poller(clock) as poller:
        backend = NativeBackend(
            settings, clock, ClientUpgrade(settings, settings.limits(), parse_url("ws://a")), Turn(poller)
        )
        backend.start(ours)
        assert backend.stage == Stage.DONE
        assert (backend.deadline.when, backend.outbound_bytes()) == (NEVER, 0)
        assert read_all(theirs) == b""


def test_a_stream_is_not_read_in_the_step_that_ends_it_by_its_deadline() -> None:
    peer, _, clock = raw_client(close_timeout=1.0)
    reads = watch_reads(peer_stream(peer))
    peer.close()
    clock.advance(1.0)
    peer.poll()
    assert peer.get_close_cause().cause is Cause.TIMEOUT
    assert reads == []


def test_room_to_write_reads_nothing() -> None:
    peer, _, _ = raw_client()
    reads = watch_reads(peer_stream(peer))
    backend = peer._backend
    assert isinstance(backend, NativeBackend)
    backend.ready(WRITE)
    assert reads == []
    backend.ready(READ)
    assert reads == [WOULD_BLOCK]


def reads_with_more_pending(peer: WebSocketPeer, theirs: MemoryStream, *frames: bytes) -> list[int]:
    """The reads of one poll, where TLS says after the first one that it holds more."""
    stream = peer_stream(peer)
    reads = watch_reads(stream)
    stream.has_pending = lambda: not reads[1:]  # type: ignore[method-assign]
    theirs.send(frames)
    peer.poll()
    return reads


def test_reading_goes_on_while_tls_holds_more_and_stops_where_the_queue_is_full() -> None:
    peer, theirs, _ = raw_client()
    assert len(reads_with_more_pending(peer, theirs, frame(BINARY, b"x"))) == 2
    peer, theirs, _ = raw_client()
    assert len(reads_with_more_pending(peer, theirs, frame(BINARY, b"x")[:1])) == 2
    peer, theirs, _ = raw_client(max_queued_packets=1)
    assert len(reads_with_more_pending(peer, theirs, frame(BINARY, b"x"))) == 1


def test_reading_stops_where_the_answer_to_a_close_broke_the_stream() -> None:
    peer, theirs, _ = raw_client()
    break_send(peer_stream(peer))
    assert len(reads_with_more_pending(peer, theirs, frame(CLOSE, CLOSE_1000))) == 1
    assert is_closed(peer_stream(peer))


def test_the_newest_ping_of_a_flood_is_answered_once_the_stream_takes_bytes_again(poll: Poll) -> None:
    peer, theirs, _ = raw_client()
    stream = peer_stream(peer)
    send, stream.send = stream.send, lambda chunks: 0  # type: ignore[method-assign]
    theirs.send([frame(PING, bytes(125))] * 300 + [frame(PING, b"newest")])
    poll(peer)
    stream.send = send  # type: ignore[method-assign]
    poll(peer)
    assert read_all(theirs).endswith(frame(PONG, bytes(125), masked=False) + frame(PONG, b"newest", masked=False))


def test_no_delay_is_set_on_the_stream_if_there_is_one() -> None:
    peer, _, _ = raw_client()
    seen: list[bool] = []
    peer_stream(peer).set_no_delay = seen.append  # type: ignore[method-assign]
    peer.set_no_delay(False)
    assert seen == [False]
    waiting = WebSocketPeer()
    assert waiting.connect_through(LateConnector(memory_pair()[0])) is OK
    waiting.set_no_delay(True)


def test_nothing_is_sent_on_a_stream_that_has_ended() -> None:
    peer, theirs, _ = raw_client()
    stream = peer_stream(peer)
    stream.send = lambda chunks: 0  # type: ignore[method-assign]
    peer.send(b"waits")
    peer.close(-1)
    sends = watch_sends(stream)
    backend = peer._backend
    assert isinstance(backend, NativeBackend)
    backend.flush()
    assert backend.outbound_bytes() > 0
    assert sends == []
    assert read_all(theirs) == b""


def test_a_turn_counts_the_connections_whose_bytes_wait() -> None:
    pair = open_pair(capacity=4096)
    turn = pair.server._turn
    assert turn.is_all_sent()
    pair.client_stream.stall()
    for _ in range(3):
        pair.server.send(bytes(3000))
    assert turn.stalled == 1
    assert not turn.is_all_sent()
    pair.client_stream.stall(False)
    pair.poll()
    assert turn.is_all_sent()
    pair.client_stream.stall()
    for _ in range(3):
        pair.server.send(bytes(3000))
    pair.server.close(-1)
    assert turn.is_all_sent()


def test_gathered_messages_count_as_waiting() -> None:
    peer, _, _ = raw_client()
    turn = peer._turn
    turn.active = True
    peer.send(b"gathered")
    assert not turn.is_all_sent()
    turn.flush()
    assert turn.is_all_sent()


def test_a_handler_that_lets_go_of_a_stream_can_still_be_flushed() -> None:
    peer, _, _ = raw_client()
    stream = peer_stream(peer)
    stream.send = lambda chunks: 0  # type: ignore[method-assign]
    peer.send(b"waits")
    backend = peer._backend
    assert isinstance(backend, NativeBackend)
    backend.let_go()
    backend.flush()
    assert not is_closed(stream)


def test_a_close_frame_and_the_end_of_tcp_wait_together_for_the_packets_before(poll: Poll) -> None:
    peer, theirs, _ = raw_client()
    peer_stream(peer).has_pending = lambda: True  # type: ignore[method-assign]
    theirs.send([frame(BINARY, b"last"), frame(CLOSE, b"\x0f\xa0bye")])
    theirs.close_write()
    poll(peer, turns=1)
    assert (peer.get_ready_state(), peer.get_close_code()) == (OPEN, -1)
    assert not peer_stream(peer)._want_read
    assert peer.get_packet() == b"last"
    poll(peer)
    assert (peer.get_ready_state(), peer.get_close_code(), peer.get_close_reason()) == (CLOSED, 4000, "bye")


class Addressed(MemoryStream):
    """An end whose other end has an address."""

    @property
    def remote_address(self) -> Address:
        return "192.0.2.1", 1


def test_broken_rules_of_one_address_are_logged_ten_times(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "gdpeer.websocket")
    room = Room()
    for _ in range(LOGGED_AT_ONCE + 5):
        _, theirs, ours = room.stream()
        ours.__class__ = Addressed
        theirs.send([request(), frame(3)])
        room.poll()
    assert sum("reserved" in line or "opcode" in line for line in caplog.messages) == LOGGED_AT_ONCE


def break_send(stream: MemoryStream) -> None:
    def refuse(chunks: Sequence[Any]) -> int:
        raise TransportError("connection broke: reset by the other side")

    stream.send = refuse  # type: ignore[method-assign]


def test_a_failed_send_still_reads_the_close_that_came_before(poll: Poll) -> None:
    peer, theirs, _ = raw_client()
    poll(peer)
    theirs.send([frame(BINARY, b"last"), frame(CLOSE, b"\x0f\xa0bye")])
    break_send(peer_stream(peer))
    assert peer.send(b"x") is FAILED
    assert peer.get_ready_state() is CLOSED
    assert (peer.get_close_code(), peer.get_close_reason()) == (4000, "bye")
    assert peer.get_close_cause().cause is Cause.CLOSED
    assert list(peer) == [b"last"]


def test_a_failed_send_with_nothing_to_read_is_a_lost_connection(poll: Poll) -> None:
    peer, _, _ = raw_client()
    poll(peer)
    break_send(peer_stream(peer))
    assert peer.ping() is FAILED
    assert (peer.get_ready_state(), peer.get_close_code()) == (CLOSED, -1)
    assert peer.get_close_cause() == CloseCause(Cause.TCP, "connection broke: reset by the other side")


def test_a_failed_send_of_the_request_is_1() -> None:
    stream, _ = memory_pair()
    break_send(stream)
    peer = WebSocketPeer()
    assert peer.connect_through(stream) is FAILED
    assert peer.get_close_cause().cause is Cause.TCP


def test_a_failed_send_while_packets_wait_unread_leaves_them(poll: Poll) -> None:
    peer, theirs, _ = raw_client(max_queued_packets=1)
    theirs.send([frame(BINARY, b"one"), frame(BINARY, b"two")])
    poll(peer)
    break_send(peer_stream(peer))
    assert peer.send(b"x") is FAILED
    assert list(peer) == [b"one"]


def test_more_than_a_turn_can_read_comes_in_the_next(poll: Poll) -> None:
    peer, theirs, _ = raw_client(inbound_buffer_size=1 << 22)
    stream = peer_stream(peer)
    stream._state.max_chunk = 100
    stream.has_pending = lambda: not no_more()  # type: ignore[method-assign]
    for i in range(100):
        theirs.send([frame(BINARY, bytes([i]) * 94)])

    def no_more() -> bool:
        return not stream._incoming.pieces

    poll(peer, turns=1)
    assert 0 < peer.get_available_packet_count() < 100
    poll(peer, turns=20)
    assert [packet[0] for packet in peer] == list(range(100))


def test_a_turn_that_was_asked_for_finds_the_connection_gone() -> None:
    room = Room(inbound_buffer_size=1 << 22)
    peer_id, theirs, stream = room.stream(max_chunk=100, capacity=1 << 22)
    theirs.send([request()])
    room.poll()
    stream.has_pending = lambda: True  # type: ignore[method-assign]
    reads = watch_reads(stream)
    room.server.data_received.once(lambda peer_id: room.server.disconnect_peer(peer_id, -1))
    for _ in range(50):
        theirs.send([frame(BINARY, bytes(94))])
    room.poll()
    assert len(reads) == 8
    assert room.events[-1] == ("client_disconnected", peer_id, False)
    assert len(room.told("data_received")) <= 8
    room.server.stop()


def test_a_big_message_comes_in_one_poll() -> None:
    pair = open_pair(lambda *peers: [settle(peer) for peer in peers], capacity=1 << 22)
    pair.client.send(bytes(1_000_000))
    pair.server.poll()
    assert [len(packet) for packet in pair.server] == [1_000_000]


def settle(peer: WebSocketPeer) -> None:
    peer.inbound_buffer_size = peer.outbound_buffer_size = 1 << 21


def test_reading_goes_on_when_half_of_the_room_is_free() -> None:
    opened, theirs, _ = raw_client(max_queued_packets=4)
    for i in range(8):
        theirs.send([frame(BINARY, bytes([i]))])
    with opened as peer:
        counts = []
        for _ in range(3):
            peer.poll(1e-6)
            counts.append(peer.get_available_packet_count())
            peer.get_packet()
        assert counts == [4, 3, 4]


def test_a_full_queue_stops_the_stream_until_there_is_room(poll: Poll) -> None:
    """Else the poller of a game that takes no packets would never wait."""
    peer, theirs, _ = raw_client(max_queued_packets=1)
    stream = peer_stream(peer)
    theirs.send([frame(BINARY, b"x")])
    poll(peer, turns=1)
    assert not stream._want_read
    peer.get_packet()
    poll(peer, turns=2)
    assert stream._want_read


def test_no_packet_is_lost_when_one_is_too_big_behind_a_full_queue(poll: Poll) -> None:
    opened, theirs, _ = raw_client(max_queued_packets=1, inbound_buffer_size=10)
    theirs.send([frame(BINARY, b"one"), frame(BINARY, bytes(11))])
    with opened as peer:  # the poller is not left to the garbage collector
        poll(peer)
        assert peer.get_ready_state() is OPEN
        assert peer.get_packet() == b"one"
        poll(peer)
        assert peer.get_close_code() == 1009


# ---------------------------------------------------------------------------------------------- the backend alone


def make_backend(poller: Poller | None = None) -> tuple[NativeBackend, MemoryStream, ManualClock]:
    clock = ManualClock(100.0)
    theirs, ours = memory_pair(clock=clock)
    settings = Settings()
    backend = NativeBackend(settings, clock, ServerUpgrade(settings, settings.limits()), Turn(poller), 7)
    backend.start(ours)
    return backend, theirs, clock


def test_leaving_before_the_upgrade_just_ends() -> None:
    backend, theirs, _ = make_backend()
    theirs.send([b"GET / HTTP/1.1\r\n"])
    leave([backend], 1000, "")
    assert backend.stage == Stage.DONE
    assert has_ended(theirs)
    assert read_all(theirs) == b""


def test_leaving_says_why_and_reads_what_would_reset_the_connection() -> None:
    pair = open_pair()
    backend = pair.server._backend
    assert backend is not None
    pair.client.send(b"unread")
    leave([backend], 4000, "bye")
    assert backend.stage == Stage.DONE
    assert not pair.server_stream._incoming.pieces
    pair.client.poll()
    assert (pair.client.get_close_code(), pair.client.get_close_reason()) == (4000, "bye")


@pytest.mark.parametrize(("count", "reads"), [(WOULD_BLOCK, 1), (0, 1), (1, 5), (SCRATCH_SIZE, 5)])
@pytest.mark.parametrize("before", [0, 100_000])
def test_leaving_reads_only_while_bytes_come_and_a_mebibyte_at_most(before: int, count: int, reads: int) -> None:
    """A side that sends for ever does not hold up a server that stops."""
    peer, theirs, _ = raw_client()
    if before:
        theirs.send([frame(CLOSE, CLOSE_1000)])
        peer.poll()
        theirs.send([bytes(before)])
        peer.poll()
    backend = peer._backend
    assert isinstance(backend, NativeBackend)
    found = watch_reads(peer_stream(peer), count)
    leave([backend], 1000, "")
    assert len(found) == reads


def test_leaving_a_lingering_connection_ends_it() -> None:
    peer, theirs, _ = raw_client()
    theirs.send([frame(CLOSE, CLOSE_1000)])
    peer.poll()
    backend = peer._backend
    assert backend is not None
    assert backend.stage == Stage.LINGERING
    leave([backend], 1001, "")
    assert backend.stage == Stage.DONE
    assert backend.close_code == 1000
    reads = watch_reads(peer_stream(peer))
    leave([backend], 1001, "")
    assert reads == []


def test_leaving_a_broken_connection_ends_it() -> None:
    pair = open_pair()
    backend = pair.server._backend
    assert backend is not None
    pair.client_stream.break_connection()
    leave([backend], 1000, "")
    assert backend.stage == Stage.DONE


def test_a_shared_frame_is_refused_where_nothing_can_be_sent() -> None:
    backend, _, _ = make_backend()
    assert backend.send(b"x", False, b"\x82\x01x") is FAILED


def test_a_shared_frame_is_refused_where_there_is_no_room() -> None:
    pair = open_pair(lambda _, other: setattr(other, "outbound_buffer_size", 10))
    backend = pair.server._backend
    assert backend is not None
    assert backend.send(bytes(20), False, bytes(22)) is ERR_OUT_OF_MEMORY
    assert backend.send(b"x", False, b"\x82\x01x") is OK
    pair.client.poll()
    assert pair.client.get_packet() == b"x"


def test_nothing_is_flushed_where_there_is_no_stream() -> None:
    clock = ManualClock()
    settings = Settings()
    backend = NativeBackend(settings, clock, ServerUpgrade(settings, settings.limits()), Turn())
    backend.flush()
    backend.attach()
    backend.step()
    assert backend.stage == Stage.IDLE


def test_the_scratch_buffer_belongs_to_the_thread_not_to_a_connection() -> None:
    assert len(scratch.buffer) == SCRATCH_SIZE
    assert "buffer" not in NativeBackend.__slots__


# ---------------------------------------------------------------------------------------------- pages


def asked_for_a_page(size: int) -> tuple[NativeBackend, MemoryStream, ManualClock]:
    """A connection with a page on its way out, and who asked for it."""
    clock = ManualClock(100.0)
    theirs, ours = memory_pair(clock=clock, capacity=65_536)
    settings = Settings()
    upgrade = ServerUpgrade(settings, settings.limits(), respond=lambda request: Response(200, bytes(size)))
    backend = NativeBackend(settings, clock, upgrade, Turn())
    backend.start(ours)
    theirs.send([b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"])
    backend.step()
    return backend, theirs, clock


def test_a_page_may_take_its_time_as_long_as_it_goes_on() -> None:
    backend, theirs, clock = asked_for_a_page(1_000_000)
    came = 0
    while backend.stage != Stage.DONE:
        clock.advance(PAGE_STALL - 0.1)
        came += len(read_all(theirs))
        backend.step()
        came += len(read_all(theirs))
        backend.step()
    assert came > 1_000_000


@pytest.mark.parametrize("sips", [0, 100])
def test_a_page_that_nobody_takes_is_given_up(sips: int) -> None:
    backend, theirs, clock = asked_for_a_page(1_000_000)
    clock.advance(PAGE_STALL)
    backend.step()  # what the stream took at once counts, as no system tells here that it is still there
    assert backend.stage == Stage.LINGERING
    clock.advance(PAGE_STALL - 0.1)
    buffer = bytearray(sips)
    if sips:
        assert theirs.receive_into(buffer) == sips < PAGE_LEAST
    backend.step()
    assert backend.stage == Stage.LINGERING
    clock.advance(0.1)
    backend.step()
    assert backend.stage == Stage.DONE


def test_a_page_that_is_out_lingers_no_longer_than_a_close() -> None:
    backend, theirs, clock = asked_for_a_page(10)
    assert read_all(theirs).endswith(bytes(10))
    clock.advance(0.5)
    theirs.send([b"more words of whoever asked"])
    backend.step()
    assert backend.stage == Stage.LINGERING
    clock.advance(0.5)
    backend.step()
    assert backend.stage == Stage.DONE


def test_who_asked_for_a_page_may_end_its_own_side_at_once() -> None:
    """As a client of HTTP/1.0 may: the page goes out all the same, and then nothing is waited for."""
    backend, theirs, _ = asked_for_a_page(1_000_000)
    theirs.close_write()
    backend.step()
    came = 0
    while backend.stage != Stage.DONE:
        assert backend.stage == Stage.LINGERING
        came += len(read_all(theirs))
        backend.step()
    assert came + len(read_all(theirs)) > 1_000_000
    assert has_ended(theirs)


def test_who_asked_for_a_page_may_end_its_own_side_in_the_same_read() -> None:
    """As TLS allows: the system has one piece of bytes, and TLS finds the request and the end in it."""
    room = Room(http_handler=lambda request: Response(200, bytes(500_000)))
    _, theirs, ours = room.stream(capacity=65_536)
    ours.has_pending = lambda: True  # type: ignore[method-assign]
    theirs.send([plain_request()])
    theirs.close_write()
    came = 0
    for _ in range(40):
        room.poll(1)
        came += len(read_all(theirs))
    assert came > 500_000
    assert has_ended(theirs)


def test_who_asked_for_a_page_may_go_in_the_middle_of_it() -> None:
    backend, theirs, _ = asked_for_a_page(1_000_000)
    cause = backend.cause
    stream = backend.stream
    assert isinstance(stream, MemoryStream)
    send, calls = stream.send, []

    def breaks(chunks: Sequence[Any]) -> int:
        calls.append(chunks)
        if len(calls) > 1:  # what was queued is out: the next piece of the page meets the end
            raise TransportError("connection broke: reset by the other side")
        return send(chunks)

    stream.send = breaks  # type: ignore[method-assign]
    read_all(theirs)
    backend.step()
    assert len(calls) == 2
    assert backend.stage == Stage.DONE
    assert backend.cause is cause
    assert backend.deadline.when == NEVER


def test_an_upgrade_is_asked_anew_only_while_there_is_one() -> None:
    backend = NativeBackend(Settings(), ManualClock(), ServerUpgrade(Settings(), Settings().limits()), Turn())
    backend.go_on()
    assert backend.stage == Stage.IDLE
    stream, _ = memory_pair()
    backend.start(stream)
    backend.go_on()
    assert backend.stage == Stage.UPGRADING
