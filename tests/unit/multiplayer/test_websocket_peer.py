"""WebSocketMultiplayerPeer: ids, packets, ends and codes, as server and as client, in both dialects."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from gdpeer import (
    ERR_ALREADY_IN_USE,
    ERR_INVALID_PARAMETER,
    ERR_OUT_OF_MEMORY,
    ERR_UNAVAILABLE,
    ERR_UNCONFIGURED,
    FAILED,
    OK,
    Cause,
    Error,
    ManualClock,
    SceneMultiplayer,
    TLSOptions,
    TransportError,
    WebSocketPeer,
    http,
)
from gdpeer.multiplayer.peer import ConnectionStatus
from gdpeer.multiplayer.websocket_peer import WebSocketMultiplayerPeer
from gdpeer.signals import Signal
from gdpeer.transport.memory import MemoryStream, memory_pair
from gdpeer.websocket.listening import Listeners
from gdpeer.websocket.session.godot3_header import Kind, pack_data, pack_system
from gdpeer.websocket.session.server import News
from tests.support.certificates import Certificates, make_certificates
from tests.support.ports import free_port
from tests.unit.websocket.support import (
    CLOSED,
    OPEN,
    Event,
    LateConnector,
    frame,
    poll_all,
    read_all,
    record,
    request,
    response_to,
    until,
    watch_sends,
)

DISCONNECTED, CONNECTING, CONNECTED = ConnectionStatus


class Game:
    """A server that others join in memory."""

    def __init__(self, dialects: tuple[str, ...] = ("godot4",), **settings: Any) -> None:
        self.clock = ManualClock(100.0)
        self.server = WebSocketMultiplayerPeer(dialects, clock=self.clock)
        for name, value in settings.items():
            setattr(self.server, name, value)
        self.events = record(self.server)
        self.others: list[Any] = []

    def streams(self, **network: Any) -> tuple[int, MemoryStream, MemoryStream]:
        theirs, ours = memory_pair(clock=self.clock, **network)
        return self.server.take_stream(ours), theirs, ours

    def join(self, **settings: Any) -> tuple[int, WebSocketMultiplayerPeer]:
        """A client that has its id."""
        peer_id, theirs, _ = self.streams()
        client = WebSocketMultiplayerPeer(clock=self.clock)
        for name, value in settings.items():
            setattr(client, name, value)
        assert client.connect_through(theirs) is OK
        self.others.append(client)
        self.poll()
        assert client.get_unique_id() == peer_id
        return peer_id, client

    def join_raw(self, *protocols: str, **network: Any) -> tuple[int, WebSocketPeer]:
        """A client whose messages are looked at."""
        peer_id, theirs, _ = self.streams(**network)
        client = WebSocketPeer(clock=self.clock)
        client.supported_protocols = protocols
        assert client.connect_through(theirs) is OK
        self.others.append(client)
        self.poll()
        assert client.get_ready_state() is OPEN
        return peer_id, client

    def poll(self, turns: int = 6) -> None:
        poll_all(self.server, *self.others, turns=turns)


@pytest.fixture
def game() -> Iterator[Game]:
    game = Game()
    with game.server:
        yield game


def taken(peer: WebSocketMultiplayerPeer) -> list[tuple[int, bytes]]:
    found = []
    while peer.get_available_packet_count():
        found.append((peer.get_packet_peer(), peer.get_packet()))
        assert peer.get_packet_error() is OK
    return found


def raw_server(**settings: Any) -> tuple[WebSocketMultiplayerPeer, MemoryStream, ManualClock, list[Event]]:
    """A client whose upgrade is done, and the server's end as raw bytes."""
    clock = ManualClock(100.0)
    ours, theirs = memory_pair(clock=clock)
    client = WebSocketMultiplayerPeer(clock=clock)
    for name, value in settings.items():
        setattr(client, name, value)
    events = record(client)
    assert client.connect_through(ours) is OK
    theirs.send([response_to(read_all(theirs))])
    client.poll()
    assert client.get_connection_status() is CONNECTING
    return client, theirs, clock, events


# ---------------------------------------------------------------------------------------------- ids and signals


def test_a_new_one_is_nowhere() -> None:
    peer = WebSocketMultiplayerPeer()
    assert peer.get_connection_status() is DISCONNECTED
    assert peer.get_unique_id() == 0
    assert not peer.is_server()
    assert peer.put_packet(b"x") is ERR_UNCONFIGURED
    assert peer.put_packet_to([1], b"x") is ERR_UNCONFIGURED
    assert peer.put_packet_from(2, [3], b"x") is ERR_UNCONFIGURED
    assert (peer.get_packet(), peer.get_packet_error()) == (b"", ERR_UNCONFIGURED)
    assert (peer.get_packet_peer(), peer.get_packet_target(), peer.get_available_packet_count()) == (1, 0, 0)
    assert (peer.get_local_port(), peer.get_godot3_port()) == (0, 0)
    assert peer.get_close_cause().cause is Cause.NONE
    assert peer.get_peer_dialect(1) == ""
    peer.disconnect_peer(1)
    peer.close()
    before = time.monotonic()
    peer.poll()
    peer.poll(0.02)
    assert time.monotonic() - before >= 0.02
    assert repr(peer) == "<WebSocketMultiplayerPeer client DISCONNECTED>"


def test_defaults_are_the_engines() -> None:
    peer = WebSocketMultiplayerPeer()
    assert (peer.inbound_buffer_size, peer.outbound_buffer_size, peer.max_queued_packets) == (65535, 65535, 4096)
    assert (peer.handshake_timeout, peer.refuse_new_connections) == (3.0, False)
    assert (peer.handshake_headers, peer.supported_protocols) == ((), ())


@pytest.mark.parametrize("value", [0, -1.0])
def test_a_handshake_without_time_is_refused(value: float) -> None:
    peer = WebSocketMultiplayerPeer()
    with pytest.raises(ValueError, match="handshake_timeout"):
        peer.handshake_timeout = value
    assert peer.handshake_timeout == 3.0


@pytest.mark.parametrize("dialects", [(), ("godot5",), ("godot4", "x")])
def test_dialects_that_are_not_spoken_are_refused(dialects: Any) -> None:
    with pytest.raises(ValueError, match="dialects"):
        WebSocketMultiplayerPeer(dialects)


def test_dialects_are_several() -> None:
    with pytest.raises(TypeError, match="dialects: expected several strings, got str"):
        WebSocketMultiplayerPeer("godot4")


def test_a_client_gets_its_id_as_the_one_first_message(game: Game) -> None:
    peer_id, client = game.join_raw()
    assert list(client) == [peer_id.to_bytes(4, "little")]
    assert not client.was_string_packet()
    assert game.events == [("peer_connected", peer_id)]
    assert (game.server.get_unique_id(), game.server.is_server()) == (1, True)
    assert game.server.get_connection_status() is CONNECTED


def test_a_session_is_told_in_order_on_both_sides(game: Game) -> None:
    peer_id, theirs, _ = game.streams()
    client = WebSocketMultiplayerPeer(clock=game.clock)
    told = record(client)
    assert client.connect_through(theirs) is OK
    game.others.append(client)
    assert client.get_connection_status() is CONNECTING
    assert client.get_unique_id() == 0
    game.poll()
    assert client.get_connection_status() is CONNECTED
    assert client.get_unique_id() == peer_id
    assert not client.is_server()
    client.close()
    game.poll()
    assert told == [("peer_connected", 1)]
    assert game.events == [("peer_connected", peer_id), ("peer_disconnected", peer_id)]
    assert client.get_unique_id() == 0


def test_all_who_wait_come_in_in_one_turn(game: Game) -> None:
    streams = [game.streams()[:2] for _ in range(5)]
    for _, theirs in streams:
        theirs.send([request()])
    game.server.poll()
    game.server.poll()
    assert sorted(game.events) == sorted(("peer_connected", peer_id) for peer_id, _ in streams)


# ---------------------------------------------------------------------------------------------- packets


def test_packets_come_as_they_were_sent_and_with_their_sender(game: Game) -> None:
    one, first = game.join()
    two, second = game.join()
    first.set_target_peer(two)  # a client always reaches the server
    assert first.put_packet(b"\x03one") is OK
    assert second.put_packet(bytearray(b"two")) is OK
    assert first.put_packet(b"") is OK
    game.poll()
    assert game.server.get_packet_target() == 1
    assert sorted(taken(game.server)) == sorted([(one, b"\x03one"), (two, b"two")])
    assert (game.server.get_packet(), game.server.get_packet_error()) == (b"", ERR_UNAVAILABLE)
    game.server.set_target_peer(0)
    assert game.server.put_packet(b"hello") is OK
    game.poll()
    assert first.get_packet_target() == one
    assert taken(first) == taken(second) == [(1, b"hello")]


def test_targets_are_one_all_or_all_but_one(game: Game) -> None:
    clients = [game.join() for _ in range(3)]
    for target in (0, clients[0][0], -clients[0][0], -7):
        game.server.set_target_peer(target)
        assert game.server.put_packet(str(target).encode()) is OK
    game.poll()
    ids = [peer_id for peer_id, _ in clients]
    for peer_id, client in clients:
        wanted = [0, *([ids[0]] if peer_id == ids[0] else [-ids[0]]), -7]
        assert list(client) == [str(target).encode() for target in wanted]
    for unknown in (1, 9):
        game.server.set_target_peer(unknown)
        assert game.server.put_packet(b"x") is ERR_INVALID_PARAMETER


def test_a_broadcast_is_framed_once(game: Game) -> None:
    ends = [game.streams() for _ in range(3)]
    for _, theirs, _ in ends:
        client = WebSocketMultiplayerPeer(clock=game.clock)
        client.connect_through(theirs)
        game.others.append(client)
    game.poll()
    sends = [watch_sends(ours) for _, _, ours in ends]
    game.server.set_target_peer(-ends[0][0])
    game.server.put_packet(b"all but one")
    game.server.put_packet_to([ends[0][0], ends[1][0], 9], b"some")
    assert sends[1][0][0] is sends[2][0][0]
    assert sends[0][0][0] is sends[1][1][0]
    game.poll()
    assert [list(client) for client in game.others] == [[b"some"], [b"all but one", b"some"], [b"all but one"]]


def test_a_client_reaches_only_the_server_by_id(game: Game) -> None:
    peer_id, client = game.join()
    other, _ = game.join()
    assert client.put_packet_to([other], b"no") is OK
    assert client.put_packet_to([1, other], b"yes") is OK
    assert client.put_packet_to([1], b"") is OK
    game.poll()
    assert taken(game.server) == [(peer_id, b"yes")]


def test_no_room_is_said(game: Game) -> None:
    game.server.outbound_buffer_size = 100
    peer_id, client = game.join(outbound_buffer_size=50)
    game.server.set_target_peer(peer_id)
    assert game.server.put_packet(bytes(101)) is ERR_OUT_OF_MEMORY
    assert game.server.put_packet_to([peer_id], bytes(101)) is ERR_OUT_OF_MEMORY
    game.server.set_target_peer(0)
    assert game.server.put_packet(bytes(101)) is OK  # as in the engine
    assert client.put_packet(bytes(51)) is ERR_OUT_OF_MEMORY
    assert client.put_packet_to([1], bytes(51)) is ERR_OUT_OF_MEMORY


def test_control_goes_beyond_the_limits(game: Game) -> None:
    game.server.outbound_buffer_size = 100
    game.server.max_queued_packets = 3
    peer_id, client = game.join_raw(capacity=64)
    list(client)
    game.server.set_target_peer(peer_id)
    while game.server.put_packet(b"x" * 30) is OK:
        pass
    for number in range(5):
        assert game.server.put_packet_to([peer_id], bytes([number])) is ERR_OUT_OF_MEMORY
        assert game.server.put_control_to([peer_id, 7], memoryview(bytes([number]))) is OK
    assert game.server.put_control_to([peer_id], b"") is OK
    game.poll(60)
    assert [packet for packet in client if packet[0] != 120] == [bytes([number]) for number in range(5)]
    assert game.server.put_packet(b"room again") is OK


@pytest.mark.parametrize(
    ("limit", "size", "most"), [(100, 1000, 66), (0, 0, 65_536 + 3)], ids=["by bytes", "by messages"]
)
def test_who_has_no_room_for_control_is_dropped(
    game: Game, caplog: pytest.LogCaptureFixture, limit: int, size: int, most: int
) -> None:
    game.server.outbound_buffer_size = limit
    game.server.max_queued_packets = 3
    peer_id, _ = game.join_raw(capacity=64)
    other_id, other = game.join_raw(capacity=1 << 20)
    slow = game.server.get_peer(peer_id)
    peers, sent = [peer_id, other_id], 0
    while slow.get_ready_state() is OPEN and sent < most + 100:
        assert game.server.put_control_to(peers, b"y" + bytes(size)) is OK
        sent += 1
    assert most - 3 <= sent <= most + 40  # TCP took some
    assert slow.get_close_cause().cause is Cause.DROPPED
    assert f"peer {peer_id}: dropped: " in caplog.text
    game.poll()
    assert game.events[-1] == ("peer_disconnected", peer_id)
    assert other.get_ready_state() is OPEN
    assert game.server.get_peer(peer_id) is None


@pytest.mark.parametrize("kind", ["packet", "control"])
def test_who_has_no_room_is_closed_with_1013_where_that_is_wished(game: Game, kind: str) -> None:
    """By control too, which else would drop it without a close frame."""
    game.server.outbound_buffer_size = 100
    game.server.close_on_backpressure = True
    peer_id, client = game.join_raw(capacity=4096)
    slow = game.server.get_peer(peer_id)
    sent = 0
    while slow.get_ready_state() is OPEN:
        sent += 1
        assert sent < 1_000
        if kind == "packet":
            assert game.server.put_packet(bytes(90)) is OK
        else:
            assert game.server.put_control_to([peer_id], bytes(90)) is OK
    assert slow.get_close_cause().cause is Cause.TOO_SLOW
    for _ in range(50):
        game.poll()
        list(client)
    assert (client.get_close_code(), client.get_close_reason()) == (1013, "Reads too slowly")
    assert game.events[-1] == ("peer_disconnected", peer_id)


def test_control_to_a_server_and_to_godot_3_is_a_packet(game: Game, mixed: Mixed) -> None:
    peer_id, client = game.join()
    assert client.put_control_to([1], b"hello") is OK
    game.poll()
    assert taken(game.server) == [(peer_id, b"hello")]
    assert WebSocketMultiplayerPeer().put_control_to([1], b"x") is ERR_UNCONFIGURED
    mixed.said()
    assert mixed.server.put_control_to([mixed.a, mixed.b, mixed.c], b"x") is OK
    assert mixed.said() == ([b"x"], [pack_data(1, mixed.b, b"x")], [pack_data(1, mixed.c, b"x")])


def test_control_for_many_is_framed_once(game: Game) -> None:
    ends = [game.streams() for _ in range(2)]
    for _, theirs, _ in ends:
        client = WebSocketMultiplayerPeer(clock=game.clock)
        client.connect_through(theirs)
        game.others.append(client)
    game.poll()
    sends = [watch_sends(ours) for _, _, ours in ends]
    game.server.put_control_to([peer_id for peer_id, _, _ in ends], b"control")
    assert sends[0][0][0] is sends[1][0][0]


def test_the_id_is_sent_however_small_the_room() -> None:
    game = Game(outbound_buffer_size=1)
    with game.server:
        peer_id, client = game.join()
        assert client.get_unique_id() == peer_id


def test_text_is_a_packet_too(game: Game) -> None:
    peer_id, client = game.join_raw()
    client.send_text("hello")
    game.poll()
    assert taken(game.server) == [(peer_id, b"hello")]


def test_an_empty_packet_is_dropped_and_those_behind_it_are_not(game: Game, caplog: pytest.LogCaptureFixture) -> None:
    peer_id, client = game.join_raw()
    for packet in (b"a", b"", b"b", b"", b"c"):
        client.send(packet)
    game.poll()
    assert taken(game.server) == [(peer_id, b"a"), (peer_id, b"b"), (peer_id, b"c")]
    assert caplog.text.count(f"peer {peer_id}: dropped a packet: an empty packet") == 2


def test_an_empty_packet_of_a_server_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    client, theirs, _, _ = raw_server()
    theirs.send([frame(2, b"\7\0\0\0", masked=False), frame(2, masked=False), frame(2, b"x", masked=False)])
    client.poll()
    client.poll()
    assert taken(client) == [(1, b"x")]
    assert "peer 1: dropped a packet" in caplog.text


def test_the_packets_of_one_who_sends_too_much_hold_back_only_him() -> None:
    game = Game(max_queued_packets=3)
    with game.server:
        one, first = game.join()
        two, second = game.join()
        for number in range(10):
            assert first.put_packet(bytes([number])) is OK
        game.poll()
        assert game.server.get_available_packet_count() == 3
        assert second.put_packet(b"me too") is OK
        game.poll()
        found = taken(game.server)
        assert found == [(one, b"\0"), (one, b"\1"), (one, b"\2"), (two, b"me too")]
        while len(found) < 11:
            game.poll()
            found += taken(game.server)
        assert [packet[0] for source, packet in found if source == one] == list(range(10))


def test_what_slots_send_leaves_in_one_write_a_turn(game: Game) -> None:
    _, theirs, ours = game.streams()
    client = WebSocketMultiplayerPeer(clock=game.clock)
    client.connect_through(theirs)
    game.others.append(client)

    def greet(joined: int) -> None:
        for word in (b"one", b"two", b"three"):
            game.server.put_packet(word)

    game.server.peer_connected.connect(greet)
    sends = watch_sends(ours)
    game.poll()
    assert taken(client) == [(1, b"one"), (1, b"two"), (1, b"three")]
    assert len(sends) <= 2  # the upgrade, and the rest


def test_answers_to_what_came_in_a_turn_leave_in_one_write(game: Game) -> None:
    peer_id, theirs, ours = game.streams()
    client = WebSocketMultiplayerPeer(clock=game.clock)
    client.connect_through(theirs)
    server, other = SceneMultiplayer(), SceneMultiplayer()
    server.multiplayer_peer, other.multiplayer_peer = game.server, client
    server.peer_packet.connect(lambda source, data: server.send_bytes(data, source))
    answers: list[bytes] = []
    other.peer_packet.connect(lambda source, data: answers.append(data))
    poll_all(server, other)
    assert list(server.get_peers()) == [peer_id]
    sent = [b"%d" % i for i in range(20)]
    for data in sent:
        other.send_bytes(data, 1)
    sends = watch_sends(ours)
    server.poll()
    assert len(sends) == 1
    poll_all(other)
    assert answers == sent


# ---------------------------------------------------------------------------------------------- ends


def test_packets_that_came_before_an_end_can_be_read_after_it(game: Game) -> None:
    peer_id, client = game.join()
    client.put_packet(b"last words")
    client.close()
    game.poll()
    assert game.events[-1] == ("peer_disconnected", peer_id)
    assert taken(game.server) == [(peer_id, b"last words")]
    _, other = game.join()
    told = record(other)
    game.server.set_target_peer(0)
    game.server.put_packet(b"bye")
    game.server.close()
    game.poll()
    assert told == [("peer_disconnected", 1)]
    assert other.get_connection_status() is DISCONNECTED
    assert taken(other) == [(1, b"bye")]
    assert (other.get_packet(), other.get_packet_error()) == (b"", ERR_UNCONFIGURED)


def test_the_peer_can_be_asked_while_its_end_is_told(game: Game) -> None:
    codes: list[int] = []
    peer_id, client = game.join_raw()
    game.server.peer_disconnected.connect(lambda gone: codes.append(game.server.get_peer(gone).get_close_code()))
    client.close(4001)
    game.poll()
    assert codes == [4001]
    assert game.server.get_peer(peer_id) is None


def test_the_server_leaves_with_a_close_frame_and_no_signal(game: Game) -> None:
    _, client = game.join_raw()
    game.events.clear()
    game.server.close()
    game.poll()
    assert client.get_close_code() == 1001
    assert game.events == []
    assert game.server.get_connection_status() is DISCONNECTED
    assert game.server.get_available_packet_count() == 0


def test_a_client_leaves_with_a_close_frame(game: Game) -> None:
    peer_id, client = game.join()
    peer = game.server.get_peer(peer_id)
    client.close()
    game.poll()
    assert (peer.get_close_code(), peer.get_close_cause().cause) == (1000, Cause.CLOSED)


def test_a_kicked_peer_is_gone_with_the_next_poll_and_what_it_sends_is_dropped(game: Game) -> None:
    peer_id, client = game.join_raw()
    game.events.clear()
    client.send(b"before")
    game.server.poll()
    game.server.disconnect_peer(peer_id)
    client.send(b"after")
    assert game.events == []
    game.server.poll(5.0)  # and does not wait
    assert game.events == [("peer_disconnected", peer_id)]
    game.poll()
    assert client.get_close_code() == 1000
    assert taken(game.server) == []
    assert game.events == [("peer_disconnected", peer_id)]
    game.server.set_target_peer(peer_id)
    assert game.server.put_packet(b"x") is ERR_INVALID_PARAMETER


@pytest.mark.parametrize("force", [False, True])
def test_packets_of_a_kicked_peer_are_gone_and_those_of_others_are_not(game: Game, force: bool) -> None:
    one, first = game.join_raw()
    two, second = game.join_raw()
    for number in range(4):
        first.send(bytes([1, number]))
        second.send(bytes([2, number]))
    game.poll()
    assert game.server.get_available_packet_count() == 8
    game.server.disconnect_peer(one, force)
    assert game.server.get_available_packet_count() == 4
    first.send(b"still here")
    game.poll()
    assert taken(game.server) == [(two, bytes([2, number])) for number in range(4)]


def test_a_kicked_peer_that_had_sent_too_much_can_still_answer_the_close() -> None:
    game = Game(max_queued_packets=3)
    with game.server:
        peer_id, client = game.join_raw()
        peer = game.server.get_peer(peer_id)
        for number in range(20):
            client.send(bytes([number]))
        game.poll()
        game.server.disconnect_peer(peer_id)
        game.poll()
        assert peer.get_close_cause().cause is Cause.CLOSED
        assert peer.get_available_packet_count() == 0


def test_a_peer_kicked_while_its_packets_are_told_is_not_heard_further(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Signal("peer_packet")
    monkeypatch.setattr(
        WebSocketMultiplayerPeer, "_news", lambda self: News(self.peer_connected, self.peer_disconnected, told)
    )
    game = Game(("godot3",), max_queued_packets=3)
    with game.server:
        one, first = game.join_raw()
        _, second = game.join_raw()
        list(second)
        told.connect(lambda source: game.server.disconnect_peer(source))
        for number in range(9):  # more than the inbox takes at once
            first.send(pack_data(one, 0, bytes([number])))
        game.poll()
        assert taken(game.server) == []
        assert list(second) == [pack_data(one, 0, b"\0"), pack_system(Kind.DEL, one)]
        assert first.get_close_code() == 1000


def test_what_came_before_a_close_of_the_connection_itself_can_be_taken(game: Game) -> None:
    peer_id, client = game.join_raw()
    client.send(b"before")
    game.poll()
    game.server.get_peer(peer_id).close(4000, "idle")
    client.send(b"after")
    game.poll()
    assert game.events[-1] == ("peer_disconnected", peer_id)
    assert (client.get_close_code(), client.get_close_reason()) == (4000, "idle")
    assert taken(game.server) == [(peer_id, b"before")]


def test_only_a_kick_by_force_is_told_to_the_layer_above(game: Game) -> None:
    forgotten: list[int] = []
    game.server._peer_forgotten.connect(forgotten.append)
    one, _ = game.join_raw()
    two, _ = game.join_raw()
    game.server.disconnect_peer(one)
    game.server.disconnect_peer(7, force=True)
    assert forgotten == []
    game.server.disconnect_peer(two, force=True)
    assert forgotten == [two]
    game.poll()
    assert forgotten == [two]


def test_the_poll_after_a_kick_does_not_wait(game: Game) -> None:
    game.server.close_timeout = 60.0
    peer_id, _ = game.join_raw()
    game.server.poll()
    game.server.disconnect_peer(peer_id)
    before = time.monotonic()
    game.server.poll(45.0)
    assert time.monotonic() - before < 30
    assert game.events[-1] == ("peer_disconnected", peer_id)


def test_a_kick_by_force_is_silent(game: Game) -> None:
    peer_id, client = game.join_raw()
    game.events.clear()
    game.server.disconnect_peer(peer_id, force=True)
    game.poll()
    assert client.get_close_code() == 1000
    assert game.events == []
    game.server.disconnect_peer(peer_id)
    assert game.events == []


def test_a_client_may_leave_by_id(game: Game) -> None:
    peer_id, client = game.join()
    told = record(client)
    game.server.set_target_peer(0)
    game.server.put_packet(b"unread")
    game.poll()
    client.disconnect_peer(7)
    assert client.get_available_packet_count() == 1
    client.disconnect_peer(1)
    assert client.get_available_packet_count() == 0
    game.poll()
    assert told == [("peer_disconnected", 1)]
    assert game.events[-1] == ("peer_disconnected", peer_id)
    assert client.get_close_cause().cause is Cause.CLOSED
    _, other = game.join()
    told = record(other)
    game.server.set_target_peer(0)
    game.server.put_packet(b"unread")
    game.poll()
    assert other.get_available_packet_count() == 1
    other.disconnect_peer(1, force=True)
    assert other.get_connection_status() is DISCONNECTED
    game.poll()
    assert told == []


def test_one_object_can_be_client_then_server(game: Game) -> None:
    _, client = game.join()
    _, theirs, _ = game.streams()
    assert client.connect_through(theirs) is ERR_ALREADY_IN_USE
    assert client.create_server(0, "127.0.0.1") is ERR_ALREADY_IN_USE
    with pytest.raises(ValueError, match="client"):
        client.take_stream(theirs)
    game.server.close()
    game.poll()
    assert client.create_server(0, "127.0.0.1") is OK
    with client:
        assert client.get_unique_id() == 1
        assert client.get_local_port() > 0
        assert client.create_client("ws://127.0.0.1:1") is ERR_ALREADY_IN_USE
        assert client.get_close_cause().cause is Cause.NONE
        assert repr(client) == "<WebSocketMultiplayerPeer server CONNECTED>"
    assert client.get_connection_status() is DISCONNECTED


def test_a_slot_may_close(game: Game) -> None:
    game.server.peer_connected.connect(lambda peer_id: game.server.close())
    _, client = game.streams()[:2]
    peer = WebSocketPeer(clock=game.clock)
    peer.connect_through(client)
    game.others.append(peer)
    game.poll()
    assert peer.get_ready_state() is CLOSED
    assert game.server.get_connection_status() is DISCONNECTED


def test_a_client_may_close_in_a_slot(game: Game) -> None:
    _, theirs, _ = game.streams()
    client = WebSocketMultiplayerPeer(clock=game.clock)
    client.peer_connected.connect(lambda peer_id: client.close())
    client.connect_through(theirs)
    game.others.append(client)
    game.poll()
    assert client.get_connection_status() is DISCONNECTED
    assert [name for name, _ in game.events] == ["peer_connected", "peer_disconnected"]


def test_a_server_closed_in_a_slot_tells_nothing_more(game: Game) -> None:
    one, _ = game.join_raw()
    two, _ = game.join_raw()
    game.events.clear()
    game.server.disconnect_peer(one)
    game.server.disconnect_peer(two)
    game.server.peer_disconnected.connect(lambda peer_id: game.server.close())
    game.server.poll()
    assert game.events == [("peer_disconnected", one)]


def test_a_client_closed_in_a_slot_is_told_nothing_more() -> None:
    clock = ManualClock(100.0)
    ours, theirs = memory_pair(clock=clock)
    client = WebSocketMultiplayerPeer(("godot3",), clock=clock)
    events = record(client)
    client.peer_connected.connect(lambda peer_id: client.close())
    assert client.connect_through(ours) is OK
    theirs.send([response_to(read_all(theirs))])
    news = [(Kind.ID, 7), (Kind.ADD, 1), (Kind.ADD, 8), (Kind.DEL, 8)]
    theirs.send([frame(2, pack_system(kind, peer_id), masked=False) for kind, peer_id in news])
    client.poll()
    client.poll()
    assert events == [("peer_connected", 1)]
    assert client.get_unique_id() == 0


# ---------------------------------------------------------------------------------------------- a client's handshake


@pytest.mark.parametrize("first", [b"abc", b"hello", b"\1\0\0\0", b"\0\0\0\x80", b""])
def test_what_is_no_id_ends_the_client(first: bytes, caplog: pytest.LogCaptureFixture) -> None:
    client, theirs, _, events = raw_server()
    theirs.send([frame(2, first, masked=False), frame(2, b"\7\0\0\0", masked=False)])
    client.poll()
    assert read_all(theirs)[:2] == b"\x88\x82"
    assert client.get_connection_status() is CONNECTING
    theirs.send([frame(8, b"\x03\xe8", masked=False)])
    client.poll()
    client.poll()
    assert client.get_connection_status() is DISCONNECTED
    assert events == []
    assert client.get_close_cause().cause is Cause.PROTOCOL_ERROR
    assert "peer 1: dropped a packet" in caplog.text


def test_an_id_behind_what_is_none_does_not_count_even_where_all_ends_at_once() -> None:
    client, theirs, _, events = raw_server()
    client._client._peer._backend.stream.has_pending = lambda: True  # read on in the same turn, as over TLS
    theirs.send([frame(2, b"hello", masked=False), frame(2, b"\7\0\0\0", masked=False)])
    theirs.close()
    client.poll()
    client.poll()
    assert (events, client.get_connection_status()) == ([], DISCONNECTED)
    assert client.get_close_cause().cause is Cause.PROTOCOL_ERROR


def test_packets_right_behind_the_id_are_not_lost() -> None:
    client, theirs, _, events = raw_server()
    counts: list[int] = []
    client.peer_connected.connect(lambda peer_id: counts.append(client.get_available_packet_count()))
    theirs.send([frame(2, b"\7\0\0\0", masked=False), frame(2, b"a", masked=False), frame(1, b"b", masked=False)])
    client.poll()
    assert (events, counts) == ([("peer_connected", 1)], [0])
    assert client.get_unique_id() == 7
    assert taken(client) == [(1, b"a"), (1, b"b")]


@pytest.mark.parametrize("upgraded", [True, False])
def test_the_id_must_come_in_time(upgraded: bool) -> None:
    if upgraded:
        client, _, clock, events = raw_server(handshake_timeout=2.0)
    else:
        clock = ManualClock(100.0)
        ours, _ = memory_pair(clock=clock)
        client = WebSocketMultiplayerPeer(clock=clock)
        client.handshake_timeout = 2.0
        events = record(client)
        client.connect_through(ours)
    clock.advance(1.9)
    client.poll()
    assert client.get_connection_status() is CONNECTING
    clock.advance(0.2)
    client.poll()
    assert client.get_connection_status() is DISCONNECTED
    assert events == []
    assert client.get_close_cause().cause is Cause.TIMEOUT
    client.poll()


def test_once_connected_there_is_no_deadline() -> None:
    client, theirs, clock, _ = raw_server()
    theirs.send([frame(2, b"\7\0\0\0", masked=False)])
    client.poll()
    clock.advance(100.0)
    client.poll()
    assert client.get_connection_status() is CONNECTED
    assert client.get_peer_dialect(1) == "godot4"
    assert client.get_peer_dialect(2) == "godot4"


def test_a_wait_ends_with_the_deadline() -> None:
    client = WebSocketMultiplayerPeer()
    client.handshake_timeout = 0.1
    assert client.connect_through(LateConnector(memory_pair()[0])) is OK  # which never comes
    before = time.monotonic()
    while client.get_connection_status() is CONNECTING:
        client.poll(45.0)
    assert time.monotonic() - before < 30
    assert client.get_close_cause().cause is Cause.TIMEOUT


def test_what_cannot_begin_is_said_at_once() -> None:
    client = WebSocketMultiplayerPeer()
    events = record(client)
    assert client.create_client("") is ERR_INVALID_PARAMETER
    assert client.create_client("http://x") is ERR_INVALID_PARAMETER
    assert client.create_client("ws://x", TLSOptions.server("k", "c")) is ERR_INVALID_PARAMETER
    assert "server's" in client.get_close_cause().detail
    assert client.create_client("wss://127.0.0.1:9", TLSOptions.client("no-such.pem")) is not OK
    assert client.get_connection_status() is DISCONNECTED
    assert client.get_peer(1) is None
    client.poll()
    assert events == []
    with pytest.raises(TypeError):
        client.create_client(None)  # type: ignore[arg-type]
    assert client.get_connection_status() is DISCONNECTED


def test_a_refused_connection_fails_without_a_signal() -> None:
    client = WebSocketMultiplayerPeer()
    events = record(client)
    assert client.create_client(f"ws://127.0.0.1:{free_port()}") in (OK, FAILED)
    until(lambda: client.get_connection_status() is DISCONNECTED, client)
    assert events == []
    assert client.get_close_cause().cause is Cause.TCP


# ---------------------------------------------------------------------------------------------- a server's handshake


def test_who_is_refused_hears_503(game: Game) -> None:
    game.server.refuse_new_connections = True
    _, theirs, _ = game.streams()
    theirs.send([request()])
    game.poll()
    assert read_all(theirs).startswith(b"HTTP/1.1 503 ")
    assert game.events == []
    game.server.refuse_new_connections = False
    game.join()
    game.server.refuse_new_connections = True
    assert game.server.refuse_new_connections
    _, theirs, _ = game.streams()
    theirs.send([request()])
    game.poll()
    assert read_all(theirs).startswith(b"HTTP/1.1 503 ")


def test_limits_pages_and_origins_are_the_servers() -> None:
    game = Game(
        max_peers=1,
        http_handler=lambda request: http.Response(200, "hello"),
        allowed_origins=["https://game.example"],
    )
    with game.server:
        asked = [
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            request("/", "Origin: https://evil.example"),
            request("/", "Origin: https://game.example"),
            request(),
        ]
        answers = []
        for data in asked:
            _, theirs, _ = game.streams()
            theirs.send([data])
            game.poll()
            answers.append(read_all(theirs)[:12])
        assert answers == [b"HTTP/1.1 200", b"HTTP/1.1 403", b"HTTP/1.1 101", b"HTTP/1.1 503"]


def test_an_upgrade_must_come_in_time(game: Game) -> None:
    game.server.handshake_timeout = 1.0
    _, theirs, _ = game.streams()
    game.server.handshake_timeout = 9.0
    game.clock.advance(1.1)
    game.poll()
    assert read_all(theirs).startswith(b"HTTP/1.1 408 ")


def test_sub_protocols_and_headers_are_agreed_on() -> None:
    game = Game(supported_protocols=["ludus"], handshake_headers=["X-Game: one"])
    with game.server:
        peer_id, client = game.join_raw("other", "ludus")
        assert client.get_selected_protocol() == "ludus"
        assert client.get_handshake_headers().get("x-game") == "one"
        _, theirs, _ = game.streams()
        theirs.send([request()])
        game.poll()
        assert b" 101 " not in read_all(theirs)
        assert game.server.get_peer_dialect(peer_id) == "godot4"


def test_settings_count_for_those_who_come_later(game: Game) -> None:
    game.join()
    game.server.inbound_buffer_size = 10
    game.server.heartbeat_interval = 2.0
    _, client = game.join_raw()
    client.send(bytes(11))
    game.poll()
    assert client.get_close_code() == 1009


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((70000,), ERR_INVALID_PARAMETER),
        ((0, "no address"), ERR_INVALID_PARAMETER),
        ((0, "*", TLSOptions.client()), ERR_INVALID_PARAMETER),
    ],
)
def test_a_server_that_cannot_begin_says_so(arguments: tuple[Any, ...], code: int) -> None:
    peer = WebSocketMultiplayerPeer()
    assert peer.create_server(*arguments) is code
    assert peer.get_connection_status() is DISCONNECTED
    assert peer.create_server(0, "*", TLSOptions.server("no-key.pem", "no-certificate.pem")) is not OK
    assert peer.get_connection_status() is DISCONNECTED


def test_a_port_that_is_taken_is_said() -> None:
    with WebSocketMultiplayerPeer() as one, WebSocketMultiplayerPeer() as two:
        assert one.create_server(0, "127.0.0.1") is OK
        assert two.create_server(one.get_local_port(), "127.0.0.1") is ERR_ALREADY_IN_USE
        assert str(one.get_local_port()) in two.get_listen_error()
        assert two.get_connection_status() is DISCONNECTED


def test_a_port_that_is_shared() -> None:
    with WebSocketMultiplayerPeer() as one, WebSocketMultiplayerPeer() as two:
        one.reuse_port = two.reuse_port = True
        assert one.create_server(0, "127.0.0.1") is OK
        assert two.create_server(one.get_local_port(), "127.0.0.1") is OK


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])
def test_a_session_over_loopback(secure: bool, certificates: Certificates) -> None:
    server_tls = TLSOptions.server(certificates.key, certificates.certificate) if secure else None
    client_tls = TLSOptions.client(certificates.authority) if secure else None
    with WebSocketMultiplayerPeer() as server, WebSocketMultiplayerPeer() as client:
        told = record(client)
        assert server.create_server(0, "127.0.0.1", server_tls) is OK
        url = f"{'wss' if secure else 'ws'}://localhost:{server.get_local_port()}"
        assert client.create_client(url, client_tls) is OK
        until(lambda: told, server, client)
        peer_id = client.get_unique_id()
        assert server.get_peer_address(peer_id) == "127.0.0.1"
        assert server.get_peer_port(peer_id) > 0
        assert (server.get_peer_address(7), server.get_peer_port(7)) == ("", 0)
        assert client.get_peer_port(1) == server.get_local_port()
        assert client.get_peer(1).get_ready_state() is OPEN
        client.put_packet(b"hello")
        until(server.get_available_packet_count, server, client)
        assert taken(server) == [(peer_id, b"hello")]
        server.close()
        until(lambda: client.get_connection_status() is DISCONNECTED, client)
        assert client.get_peer(1) is None
        assert client.get_close_cause().cause is Cause.CLOSED


# ---------------------------------------------------------------------------------------------- Godot 3 and both


def test_a_session_of_godot_3_has_the_same_face() -> None:
    game = Game(("godot3",))
    with game.server:
        peer_id, theirs, _ = game.streams()
        client = WebSocketMultiplayerPeer(("godot3",), clock=game.clock)
        told = record(client)
        assert client.connect_through(theirs) is OK
        game.others.append(client)
        game.poll()
        assert (told, client.get_unique_id()) == ([("peer_connected", 1)], peer_id)
        other, raw = game.join_raw()
        assert told[1:] == [("peer_connected", other)]
        client.set_target_peer(other)
        assert client.put_packet(b"psst") is OK
        assert client.put_packet_to([1, other], b"both") is OK
        game.poll()
        assert list(raw)[-2:] == [pack_data(peer_id, other, b"psst"), pack_data(peer_id, other, b"both")]
        assert taken(game.server) == [(peer_id, b"both")]
        assert (game.server.get_peer_dialect(peer_id), client.get_peer_dialect(1)) == ("godot3", "godot3")
        game.server.close()
        game.poll()
        assert client.get_connection_status() is DISCONNECTED
        assert ("peer_disconnected", 1) not in told


class Mixed(Game):
    """A server of both dialects with a Godot 4 client `a`, and Godot 3 clients `b` and `c`, all raw."""

    def __init__(self) -> None:
        super().__init__(("godot4", "godot3"), supported_protocols=["g4"], godot3_protocols=["g3"])
        self.a, self.four = self.join_raw("g4")
        self.b, self.three = self.join_raw("g3")
        self.c, self.third = self.join_raw("g3")

    def said(self) -> tuple[list[bytes], list[bytes], list[bytes]]:
        self.poll()
        return list(self.four), list(self.three), list(self.third)


@pytest.fixture
def mixed() -> Iterator[Mixed]:
    mixed = Mixed()
    with mixed.server:
        yield mixed


def test_both_dialects_share_one_set_of_ids(mixed: Mixed) -> None:
    a, b, c = mixed.a, mixed.b, mixed.c
    assert [mixed.server.get_peer_dialect(peer_id) for peer_id in (a, b, c, 9)] == ["godot4", "godot3", "godot3", ""]
    assert mixed.events == [("peer_connected", peer_id) for peer_id in (a, b, c)]
    assert mixed.said() == (
        [a.to_bytes(4, "little")],
        [pack_system(kind, who) for kind, who in ((Kind.ID, b), (Kind.ADD, 1), (Kind.ADD, a), (Kind.ADD, c))],
        [
            pack_system(kind, who)
            for kind, who in ((Kind.ID, c), (Kind.ADD, 1), *((Kind.ADD, i) for i in sorted((a, b))))
        ],
    )
    mixed.four.close()
    assert mixed.said() == ([], [pack_system(Kind.DEL, a)], [pack_system(Kind.DEL, a)])


def test_the_server_speaks_to_each_in_its_dialect(mixed: Mixed) -> None:
    mixed.said()
    for target in (0, -mixed.b, mixed.a, mixed.b):
        mixed.server.set_target_peer(target)
        mixed.server.put_packet(b"x")
    mixed.server.put_packet_to([mixed.a, mixed.c], b"y")
    assert mixed.said() == (
        [b"x", b"x", b"x", b"y"],
        [pack_data(1, 0, b"x"), pack_data(1, mixed.b, b"x")],
        [pack_data(1, 0, b"x"), pack_data(1, -mixed.b, b"x"), pack_data(1, mixed.c, b"y")],
    )


@pytest.mark.parametrize(
    ("target", "is_told", "passed_on"),
    [
        ("1", True, False),
        ("0", True, True),
        ("c", False, True),
        ("a", True, False),
        ("-a", True, True),
        ("-c", True, False),
    ],
)
def test_what_a_godot_3_client_sends_to_others_is_known_above(
    mixed: Mixed, target: str, is_told: bool, passed_on: bool
) -> None:
    mixed.said()
    ids = {"1": 1, "0": 0, "a": mixed.a, "c": mixed.c}
    number = -ids[target[1:]] if target.startswith("-") else ids[target]
    mixed.three.send(pack_data(mixed.b, number, b"hey"))
    assert mixed.said() == ([], [], [pack_data(mixed.b, number, b"hey")] if passed_on else [])
    if is_told:
        assert mixed.server.get_packet_target() == number
        assert taken(mixed.server) == [(mixed.b, b"hey")]
    assert mixed.server.get_available_packet_count() == 0


def test_a_packet_is_passed_on_in_the_name_of_its_sender(mixed: Mixed) -> None:
    mixed.said()
    assert mixed.server.put_packet_from(mixed.a, [mixed.b, mixed.c], b"hey") is OK
    assert mixed.server.put_packet_from(mixed.b, [mixed.a], b"\x07translated") is OK
    assert mixed.server.put_packet_from(mixed.b, [mixed.a], b"") is OK
    assert mixed.said() == (
        [b"\x07translated"],
        [pack_data(mixed.a, mixed.b, b"hey")],
        [pack_data(mixed.a, mixed.c, b"hey")],
    )


def test_a_kick_by_force_is_told_to_godot_3(mixed: Mixed) -> None:
    mixed.said()
    mixed.server.disconnect_peer(mixed.a, force=True)
    assert mixed.said() == ([], [pack_system(Kind.DEL, mixed.a)], [pack_system(Kind.DEL, mixed.a)])


def test_lists_may_be_given_as_iterators() -> None:
    game = Game(("godot4", "godot3"), supported_protocols=iter(["g4"]), godot3_protocols=iter(["g3"]))
    assert game.server.godot3_protocols == ("g3",)
    game.server.allowed_origins = iter(["https://game.example"])
    with game.server:
        game.server.take_stream(memory_pair(clock=game.clock)[1])
        game.server.heartbeat_interval = 5.0  # the settings are made again
        peer_id, client = game.join_raw("g3")
        assert client.get_selected_protocol() == "g3"
        assert game.server.get_peer_dialect(peer_id) == "godot3"
        _, theirs, _ = game.streams()
        origin = "Origin: https://game.example"
        theirs.send([request("/", origin, "Sec-WebSocket-Protocol: g4")])
        game.poll()
        assert read_all(theirs).startswith(b"HTTP/1.1 101 ")
    with pytest.raises(TypeError, match="godot3_protocols"):
        game.server.godot3_protocols = "g3"  # type: ignore[assignment]
    with pytest.raises(ValueError, match="godot3_protocols"):
        game.server.godot3_protocols = ["not a token"]  # type: ignore[assignment]


def test_who_goes_at_once_came_by_the_port_that_he_came_by(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(chunks: Any) -> int:
        raise TransportError("the other side reset the connection")

    inner, outer = memory_pair()
    inner.send = broken  # type: ignore[method-assign]  # so that it ends while its upgrade is answered
    outer.send([request()])

    with WebSocketMultiplayerPeer(("godot4", "godot3")) as server:
        assert server.create_server(0, "127.0.0.1", godot3_port=0) is OK
        told: list[str] = []
        server.peer_connected.connect(lambda peer_id: told.append(server.get_peer_dialect(peer_id)))
        server.peer_disconnected.connect(lambda peer_id: told.append("gone"))
        monkeypatch.setattr(Listeners, "secure", lambda self, stream, settings: (stream.close(), inner)[1])
        with socket.create_connection(("127.0.0.1", server.get_godot3_port())):
            until(lambda: "gone" in told, server)
        assert told == ["godot3", "gone"]


def test_a_port_of_its_own_tells_dialects_apart() -> None:
    with WebSocketMultiplayerPeer(("godot4", "godot3")) as server:
        assert server.create_server(0, "127.0.0.1", godot3_port=0) is OK
        ports = server.get_local_port(), server.get_godot3_port()
        assert 0 not in ports
        clients = [WebSocketMultiplayerPeer((name,)) for name in ("godot4", "godot3")]
        for client, port in zip(clients, ports, strict=True):
            assert client.create_client(f"ws://127.0.0.1:{port}") is OK
        until(lambda: all(client.get_unique_id() for client in clients), server, *clients)
        assert [server.get_peer_dialect(client.get_unique_id()) for client in clients] == ["godot4", "godot3"]
        for client in clients:
            client.close()


def test_a_second_port_that_is_taken_leaves_nothing_open() -> None:
    with WebSocketMultiplayerPeer(("godot4", "godot3")) as server:
        assert server.create_server(0, "127.0.0.1", godot3_port=0) is OK
        taken_port = server.get_godot3_port()
        other = WebSocketMultiplayerPeer(("godot4", "godot3"))
        assert other.create_server(0, "127.0.0.1", godot3_port=taken_port) is ERR_ALREADY_IN_USE
        assert str(taken_port) in other.get_listen_error()
        assert other.create_server(0, "127.0.0.1") is OK
        assert other.get_listen_error() == ""
        other.close()
        assert other.get_connection_status() is DISCONNECTED
    with pytest.raises(ValueError, match="dialects"):
        WebSocketMultiplayerPeer().create_server(0, godot3_port=0)


def test_a_sub_protocol_of_both_dialects_is_refused_with_its_reason() -> None:
    peer = WebSocketMultiplayerPeer(dialects=("godot4", "godot3"))
    peer.supported_protocols = ["game", "both"]
    peer.godot3_protocols = ["both"]
    assert peer.create_server(0, "127.0.0.1") is Error.ERR_INVALID_PARAMETER
    assert "both name both: which dialect is it?" in peer.get_listen_error()
    with pytest.raises(ValueError, match="which dialect"):
        peer.take_stream(memory_pair()[0])
    peer.godot3_protocols = ["game-3"]
    assert peer.create_server(0, "127.0.0.1") is Error.OK
    assert peer.get_listen_error() == ""
    peer.close()
