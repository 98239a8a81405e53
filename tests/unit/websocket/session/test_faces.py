"""WebSocketServer and WebSocketClient in Godot 3's multiplayer mode."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from gdpeer import (
    ERR_INVALID_PARAMETER,
    ERR_OUT_OF_MEMORY,
    ERR_UNAVAILABLE,
    ERR_UNCONFIGURED,
    FAILED,
    OK,
    Cause,
    ManualClock,
    WebSocketClient,
    WebSocketPeer,
    WebSocketServer,
)
from gdpeer.logs import LOGGED_AT_ONCE
from gdpeer.transport.memory import memory_pair
from gdpeer.websocket import server as server_module
from gdpeer.websocket.session import client as client_session
from gdpeer.websocket.session import server as session_module
from gdpeer.websocket.session.godot3_header import Kind, pack_data, pack_system
from tests.support.ports import free_port
from tests.unit.websocket.support import CLOSED, OPEN, Event, poll_all, record, request, until, url_of

Status = WebSocketClient.ConnectionStatus


class Game:
    """A server in multiplayer mode with clients whose bytes are looked at, in memory."""

    def __init__(self, **settings: Any) -> None:
        self.clock = ManualClock(100.0)
        self.server = WebSocketServer(clock=self.clock)
        self.server.bind_ip = "127.0.0.1"
        for name, value in settings.items():
            setattr(self.server, name, value)
        assert self.server.listen(0, gd_mp_api=True) is OK
        self.events = record(self.server)
        self.clients: list[WebSocketPeer] = []

    def join(self, **network: Any) -> tuple[int, WebSocketPeer]:
        theirs, ours = memory_pair(clock=self.clock, **network)
        peer_id = self.server.take_stream(ours)
        client = WebSocketPeer(clock=self.clock)
        client.outbound_buffer_size = 0
        assert client.connect_through(theirs) is OK
        self.clients.append(client)
        self.poll()
        assert client.get_ready_state() is OPEN
        return peer_id, client

    def enter(self, **network: Any) -> tuple[int, WebSocketPeer]:
        """Join; what everybody was told of it is forgotten."""
        found = self.join(**network)
        for client in self.clients:
            list(client)
        self.events.clear()
        return found

    def poll(self, turns: int = 6) -> None:
        poll_all(self.server, *self.clients, turns=turns)

    def taken(self) -> list[tuple[int, bytes]]:
        found = []
        while self.server.get_available_packet_count():
            source = self.server.get_packet_peer()
            found.append((source, self.server.get_packet()))
            assert self.server.get_packet_error() is OK
        return found


@pytest.fixture
def game() -> Iterator[Game]:
    game = Game()
    with game.server:
        yield game


def test_a_newcomer_and_the_others_are_told_of_each_other(game: Game) -> None:
    one, first = game.join()
    assert list(first) == [pack_system(Kind.ID, one), pack_system(Kind.ADD, 1)]
    two, second = game.join()
    three, third = game.join()
    others = [pack_system(Kind.ADD, other) for other in sorted((one, two))]
    assert list(third) == [pack_system(Kind.ID, three), pack_system(Kind.ADD, 1), *others]
    assert list(first) == [pack_system(Kind.ADD, two), pack_system(Kind.ADD, three)]
    assert list(second)[2:] == [pack_system(Kind.ADD, one), pack_system(Kind.ADD, three)]
    assert game.events == [("peer_connected", peer_id) for peer_id in (one, two, three)]
    second.close()
    game.poll()
    assert list(first) == list(third) == [pack_system(Kind.DEL, two)]
    assert game.events[3:] == [("client_close_request", two, 1000, ""), ("peer_disconnected", two)]


def test_the_server_reads_what_is_for_it_and_who_sent_it(game: Game) -> None:
    one, first = game.enter()
    two, second = game.enter()
    first.send(pack_data(one, 1, b"from one"))
    second.send_text(pack_data(64, 1, b"").decode("latin1"))  # somebody else's id
    second.send(pack_data(two, 1, b""))
    game.poll()
    assert game.events == [("peer_packet", one), ("peer_packet", two)]
    assert game.server.get_available_packet_count() == 2
    assert game.taken() == [(one, b"from one"), (two, b"")]
    assert game.server.get_packet() == b""
    assert game.server.get_packet_error() is ERR_UNAVAILABLE
    assert game.server.get_packet_peer() == 1


@pytest.mark.parametrize(
    ("target", "is_ours", "reached"),
    [
        ("1", True, ""),
        ("0", True, "bc"),
        ("b", False, "b"),
        ("a", False, ""),
        ("-b", True, "c"),
        ("-1", True, "bc"),
        ("-a", True, "bc"),
    ],
)
def test_a_message_goes_to_whom_its_header_names(game: Game, target: str, is_ours: bool, reached: str) -> None:
    clients = dict(zip("abc", (game.enter() for _ in range(3)), strict=True))
    ids = {name: found[0] for name, found in clients.items()} | {"1": 1, "0": 0}
    number = -ids[target[1:]] if target.startswith("-") else ids[target]
    message = pack_data(ids["a"], number, b"hey")
    clients["a"][1].send(message)
    game.poll()
    assert game.taken() == ([(ids["a"], b"hey")] if is_ours else [])
    for name, (_, client) in clients.items():
        assert list(client) == ([message] if name in reached else [])


def test_what_breaks_a_rule_is_dropped_and_said_and_the_connection_stays(
    game: Game, caplog: pytest.LogCaptureFixture
) -> None:
    peer_id, client = game.enter()
    other_id, other = game.enter()
    bad = [b"", b"short", b"\x07" + bytes(12), pack_system(Kind.DEL, other_id), pack_data(other_id, 1, b"I am you")]
    bad += [pack_data(peer_id, 5, b"nobody")]
    client.send(pack_data(peer_id, 1, b"before"))
    for message in bad:
        client.send(message)
    client.send(pack_data(peer_id, 1, b"after"))
    game.poll()
    assert game.taken() == [(peer_id, b"before"), (peer_id, b"after")]
    assert list(other) == []
    assert client.get_ready_state() is OPEN
    assert caplog.text.count(f"peer {peer_id}: dropped a packet") == len(bad)
    for reason in ("no header", "kind 7", "sent DEL", f"claims to be {other_id}", "who is not there"):
        assert reason in caplog.text


def test_what_passes_through_is_not_kept_back_by_what_the_game_does_not_take(game: Game) -> None:
    one, first = game.enter()
    two, second = game.enter()
    for number in range(3):
        first.send(pack_data(one, 1, bytes([number])))
        first.send(pack_data(one, two, bytes([number])))
        first.send(pack_data(one, 0, bytes([number, number])))
    game.poll()
    assert [message[9:] for message in second] == [b"\0", b"\0\0", b"\1", b"\1\1", b"\2", b"\2\2"]
    assert game.taken() == [(one, packet) for packet in (b"\0", b"\0\0", b"\1", b"\1\1", b"\2", b"\2\2")]


def test_who_sends_too_much_waits_and_others_do_not() -> None:
    game = Game(max_queued_packets=4)
    with game.server:
        one, first = game.enter()
        two, second = game.enter()
        for number in range(20):
            first.send(pack_data(one, 1, bytes([number])))
        game.poll()
        assert game.server.get_available_packet_count() == 4
        second.send(pack_data(two, 1, b"me too"))
        game.poll()
        taken = game.taken()
        assert taken[-1] == (two, b"me too")
        while len(taken) < 21:
            game.poll()
            taken += game.taken()
        assert [packet for source, packet in taken if source == one] == [bytes([number]) for number in range(20)]


def test_a_full_queue_of_what_only_passes_through_goes_on() -> None:
    game = Game(max_queued_packets=1)
    with game.server:
        one, first = game.enter()
        two, second = game.enter()
        for number in range(20):
            first.send(pack_data(one, two, bytes([number])))
        got: list[bytes] = []
        for _ in range(60):
            game.poll(1)
            got += [message[9:] for message in second]
        assert got == [bytes([number]) for number in range(20)]


def test_packets_of_a_client_that_left_can_be_taken(game: Game) -> None:
    peer_id, client = game.enter()
    client.send(pack_data(peer_id, 1, b"last words"))
    client.close()
    game.poll()
    assert game.events[-1] == ("peer_disconnected", peer_id)
    assert game.taken() == [(peer_id, b"last words")]


def test_who_is_kicked_is_not_heard_any_more_whether_he_answers_or_not(game: Game) -> None:
    one, first = game.enter()
    _, second = game.enter()
    game.server.disconnect_peer(one, 4001, "cheater")
    for target in (0, 1):
        first.send(pack_data(one, target, b"I do not listen"))
    game.server.poll()
    assert game.server.has_peer(one)
    assert game.taken() == list(second) == []
    game.poll()
    assert (first.get_close_code(), first.get_close_reason()) == (4001, "cheater")
    assert game.events == [("peer_disconnected", one)]


def test_packets_that_the_game_took_from_the_peer_itself_are_passed_over(game: Game) -> None:
    one, first = game.enter()
    two, second = game.enter()
    for number in range(2):
        first.send(pack_data(one, 1, bytes([number])))
    second.send(pack_data(two, 1, b"two"))
    game.poll()
    assert len(list(game.server.get_peer(one))) == 2
    while game.server.get_available_packet_count():
        packet = game.server.get_packet()
    assert packet == b"two"


def test_a_slot_that_takes_all_at_once_is_told_of_none_twice(game: Game) -> None:
    peer_id, client = game.enter()
    game.server.peer_packet.connect(lambda source: list(game.server.get_peer(source)))
    for number in range(3):
        client.send(pack_data(peer_id, 1, bytes([number])))
    game.poll()
    assert game.events == [("peer_packet", peer_id)]


def test_a_slot_that_takes_some_is_told_of_the_rest(game: Game) -> None:
    peer_id, client = game.enter()

    def take_two(source: int) -> None:
        game.server.get_peer(source).get_packet()
        game.server.get_peer(source).get_packet()

    game.server.peer_packet.once(take_two)
    for number in range(3):
        client.send(pack_data(peer_id, 1, bytes([number])))
    game.poll()
    assert game.events == [("peer_packet", peer_id)] * 2
    assert game.server.get_packet() == b"\2"
    assert game.server.get_packet_error() is OK


@pytest.mark.parametrize(
    ("target", "code", "reached"),
    [("0", OK, "ab"), ("a", OK, "a"), ("-a", OK, "b"), ("1", OK, ""), ("9", FAILED, "")],
)
def test_the_server_sends_behind_a_header(game: Game, target: str, code: int, reached: str) -> None:
    clients = dict(zip("ab", (game.enter() for _ in range(2)), strict=True))
    ids = {name: found[0] for name, found in clients.items()} | {"1": 1, "0": 0, "9": 9}
    number = -ids[target[1:]] if target.startswith("-") else ids[target]
    game.server.set_target_peer(number)
    assert game.server.put_packet(memoryview(b"hey")) is code
    game.poll()
    for name, (_, client) in clients.items():
        assert list(client) == ([pack_data(1, number, b"hey")] if name in reached else [])


def test_one_packet_to_some_names_each_of_them(game: Game) -> None:
    clients = [game.enter() for _ in range(3)]
    assert game.server.put_packet_to([clients[0][0], 9, clients[2][0]], b"hey") is OK
    game.poll()
    assert [list(client) for _, client in clients] == [
        [pack_data(1, clients[0][0], b"hey")],
        [],
        [pack_data(1, clients[2][0], b"hey")],
    ]


def test_a_target_without_room_is_said_and_a_relayed_loss_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    game = Game(outbound_buffer_size=100)
    with game.server:
        one, first = game.enter()
        two, _ = game.enter()
        game.server.set_target_peer(two)
        assert game.server.put_packet(bytes(200)) is ERR_OUT_OF_MEMORY
        assert game.server.put_packet_to([two], bytes(200)) is ERR_OUT_OF_MEMORY
        assert game.server.get_max_packet_size() == 91
        first.send(pack_data(one, two, bytes(200)))
        game.poll()
        assert f"a packet of peer {one} was lost: one of [{two}] has no room for it" in caplog.text
        assert game.server.refusals_of(one).by_cause == {"no room": 1}


def test_an_id_that_is_taken_is_not_given_again(game: Game, monkeypatch: pytest.MonkeyPatch) -> None:
    taken, _ = game.enter()
    waiting = game.server.take_stream(memory_pair(clock=game.clock)[1])
    numbers = iter([taken, waiting, waiting, 5])
    monkeypatch.setattr(server_module, "generate_unique_id", lambda: next(numbers))
    assert game.server.take_stream(memory_pair(clock=game.clock)[1]) == 5


def test_who_comes_and_goes_is_not_lost_where_a_peer_is_full() -> None:
    game = Game(outbound_buffer_size=100)
    with game.server:
        one, slow = game.enter(capacity=64)
        game.server.set_target_peer(one)
        while game.server.put_packet(b"x" * 20) is OK:
            pass
        streams = []
        for _ in range(20):
            theirs, ours = memory_pair(clock=game.clock)
            streams.append((game.server.take_stream(ours), theirs))
            theirs.send([request()])
        poll_all(game.server)
        for _, theirs in streams:
            theirs.close()
        poll_all(game.server)
        assert [name for name, *_ in game.events] == ["peer_connected"] * 20 + ["peer_disconnected"] * 20
        game.poll(60)
        heard = [message[0] for message in slow]
        assert heard.count(Kind.ADD) == heard.count(Kind.DEL) == 20
        assert slow.get_ready_state() is OPEN


def test_a_newcomer_is_told_of_everybody_however_small_the_room() -> None:
    game = Game(outbound_buffer_size=14)
    with game.server:
        ids = [game.join()[0] for _ in range(10)]
        newcomer, client = game.join(capacity=200)
        game.poll(30)
        news = [(Kind.ID, newcomer), (Kind.ADD, 1), *((Kind.ADD, one) for one in sorted(ids))]
        assert list(client) == [pack_system(kind, who) for kind, who in news]


def test_who_would_miss_who_comes_and_goes_is_dropped(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "RESERVE", 50)
    game = Game(outbound_buffer_size=100)
    with game.server:
        one, _ = game.enter(capacity=64)
        game.server.set_target_peer(one)
        while game.server.put_packet(b"x" * 20) is OK:
            pass
        joined = []
        for _ in range(8):
            theirs, ours = memory_pair(clock=game.clock)
            joined.append(game.server.take_stream(ours))
            theirs.send([request()])
        poll_all(game.server)
        assert f"peer {one}: dropped: it takes nothing more" in caplog.text
        assert game.events[-1] == ("peer_disconnected", one)
        assert sorted(game.server.peers) == sorted(joined)


def test_a_kick_drops_what_was_not_taken(game: Game) -> None:
    one, first = game.enter()
    two, second = game.enter()
    for number in range(3):
        first.send(pack_data(one, 1, bytes([number])))
        second.send(pack_data(two, 1, bytes([number])))
    game.poll()
    game.server.disconnect_peer(one, 4001, "cheater")
    assert game.server.get_available_packet_count() == 3
    game.poll()
    assert game.taken() == [(two, bytes([number])) for number in range(3)]
    assert game.events[-1] == ("peer_disconnected", one)


def test_an_empty_packet_is_ok_and_nothing(game: Game) -> None:
    peer_id, client = game.enter()
    assert game.server.put_packet(b"") is game.server.put_packet_to([peer_id], b"") is OK
    game.poll()
    assert list(client) == []


def test_in_plain_mode_there_is_no_session() -> None:
    server, client = WebSocketServer(), WebSocketClient()
    for end in (server, client):
        assert end.put_packet(b"x") is ERR_UNCONFIGURED
        assert end.put_packet(b"") is OK
        assert end.put_packet_to([2], b"x") is ERR_UNCONFIGURED
        assert (end.get_available_packet_count(), end.get_packet(), end.get_packet_peer()) == (0, b"", 1)
        assert end.get_packet_error() is ERR_UNCONFIGURED
        assert end.get_unique_id() == 0
        assert end.get_connection_status() == 0
        assert not end.is_networked()
    assert (server.is_server(), client.is_server()) == (True, False)


def test_a_server_that_stopped_can_be_plain_afterwards(game: Game) -> None:
    peer_id, client = game.enter()
    client.send(pack_data(peer_id, 1, b"x"))
    game.poll()
    assert (game.server.get_unique_id(), game.server.get_connection_status()) == (1, 2)
    assert game.server.is_networked()
    game.server.stop()
    game.poll()
    assert client.get_close_code() == 1000
    assert ("peer_disconnected", peer_id) not in game.events
    assert (game.server.get_unique_id(), game.server.get_connection_status()) == (0, 0)
    assert game.server.get_available_packet_count() == 0
    assert game.server.listen(0) is OK
    assert not game.server.is_networked()
    assert game.server.put_packet(b"x") is ERR_UNCONFIGURED


def test_a_slot_may_stop_the_server(game: Game) -> None:
    game.server.peer_connected.connect(lambda peer_id: game.server.stop())
    theirs, ours = memory_pair(clock=game.clock)
    game.server.take_stream(ours)
    client = WebSocketPeer(clock=game.clock)
    client.connect_through(theirs)
    game.clients.append(client)
    game.poll()
    assert client.get_ready_state() is CLOSED


# ---------------------------------------------------------------------------------------------- with clients


@contextmanager
def session(count: int = 1) -> Iterator[tuple[WebSocketServer, list[WebSocketClient], list[list[Event]]]]:
    """A server and clients over loopback, all connected; and what each of them was told, the server first."""
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    told = [record(server)]
    clients: list[WebSocketClient] = []
    assert server.listen(0, ["ludus"], True) is OK
    with ExitStack() as stack:
        stack.enter_context(server)
        for _ in range(count):
            client = stack.enter_context(WebSocketClient())
            told.append(record(client))
            assert client.connect_to_url(url_of(server), ["ludus"], True) is OK
            clients.append(client)
            until(lambda: ("connection_succeeded",) in told[-1], server, *clients)
        until(lambda: all(len(server.peers) == len(events) - 1 for events in told[1:]), server, *clients)
        yield server, clients, told


def test_a_client_is_told_its_id_and_of_everybody() -> None:
    with session(2) as (server, (one, two), told):
        assert sorted(server.peers) == sorted([one.get_unique_id(), two.get_unique_id()])
        assert told[1] == [
            ("peer_connected", 1),
            ("connection_succeeded",),
            ("peer_connected", two.get_unique_id()),
        ]
        assert told[2] == [
            ("peer_connected", 1),
            ("connection_succeeded",),
            ("peer_connected", one.get_unique_id()),
        ]
        assert one.get_connection_status() is Status.CONNECTED


def test_packets_travel_both_ways_and_between_clients() -> None:
    with session(2) as (server, (one, two), told):
        one.set_target_peer(two.get_unique_id())
        assert one.put_packet(b"psst") is OK
        one.set_target_peer(0)
        assert one.put_packet(b"all") is OK
        assert one.put_packet_to([1, two.get_unique_id()], b"both") is OK
        until(lambda: server.get_available_packet_count() == 2 and two.get_available_packet_count() == 3, server, two)
        assert [(server.get_packet_peer(), server.get_packet()) for _ in range(2)] == [
            (one.get_unique_id(), b"all"),
            (one.get_unique_id(), b"both"),
        ]
        assert two.get_packet_peer() == one.get_unique_id()
        assert list(two) == [b"psst", b"all", b"both"]
        assert told[2][-3:] == [("peer_packet", one.get_unique_id())] * 3
        assert one.get_max_packet_size() == 65536 - 9


def test_a_client_that_leaves_is_told_to_the_others_and_to_itself_as_a_failure() -> None:
    with session(2) as (server, (one, two), told):
        gone = two.get_unique_id()
        two.disconnect_from_host()
        until(lambda: ("connection_failed",) in told[2], server, one, two)
        until(lambda: ("peer_disconnected", gone) in told[1], server, one)
        assert ("peer_disconnected", gone) in told[0]
        assert ("connection_closed", True) not in told[2]
        assert two.get_unique_id() == 0
        assert two.put_packet(b"x") is FAILED


def test_a_kick_is_seen_with_its_code() -> None:
    with session() as (server, (client,), told):
        server.disconnect_peer(client.get_unique_id(), 4001, "kicked")
        until(lambda: ("connection_failed",) in told[1], server, client)
        assert told[1][-2:] == [("server_close_request", 4001, "kicked"), ("connection_failed",)]
        assert ("peer_disconnected", 1) not in told[1]


def test_a_client_that_is_leaving_hears_nothing_more() -> None:
    with session() as (server, (client,), told):
        until(lambda: server.peers, server)
        server.set_target_peer(0)
        client.disconnect_from_host()
        server.put_packet(b"wait")
        until(lambda: ("connection_failed",) in told[1], server, client)
        assert ("peer_packet", 1) not in told[1]
        assert client.get_packet() == b""


def test_packets_that_came_before_the_server_went_can_be_read() -> None:
    with session() as (server, (client,), told):
        server.set_target_peer(0)
        server.put_packet(b"last words")
        server.stop()
        until(lambda: ("connection_failed",) in told[1], client)
        assert list(client) == [b"last words"]


def test_a_client_that_cannot_connect_has_failed() -> None:
    client = WebSocketClient()
    told = record(client)
    assert client.connect_to_url(f"ws://127.0.0.1:{free_port()}", (), True) in (OK, FAILED)
    until(lambda: told, client)
    assert told == [("connection_failed",)]
    assert client.get_close_cause().cause is Cause.TCP
    assert client.connect_to_url("http://x", (), True) is ERR_INVALID_PARAMETER


def test_a_server_in_plain_mode_is_no_server_for_a_game() -> None:
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.listen(0)
    server.client_connected.connect(lambda peer_id, protocol: server.broadcast("welcome to the chat"))
    server.client_connected.connect(lambda peer_id, protocol: server.broadcast("more"))
    with server, WebSocketClient() as client:
        told = record(client)
        assert client.connect_to_url(url_of(server), (), True) is OK
        until(lambda: told, server, client)
        assert told == [("connection_failed",)]
        assert "kind 119" in client.get_close_cause().detail


def test_other_news_than_the_server_is_no_success_and_wrong_news_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.listen(0)
    with server, WebSocketClient() as client:
        told = record(client)
        assert client.connect_to_url(url_of(server), (), True) is OK
        until(lambda: server.peers, server, client)
        for message in (
            pack_system(Kind.ID, 77),
            pack_system(Kind.ADD, 5),
            pack_system(Kind.ID, 78),
            pack_system(Kind.ADD, 1),
            pack_data(5, 77, b"x"),
            pack_system(Kind.DEL, 5),
        ):
            server.broadcast(message)
        until(lambda: ("peer_disconnected", 5) in told, server, client)
        assert told == [
            ("peer_connected", 5),
            ("peer_connected", 1),
            ("connection_succeeded",),
            ("peer_packet", 5),
            ("peer_disconnected", 5),
        ]
        assert client.get_unique_id() == 77
        assert "a second ID" in caplog.text
        assert list(client) == [b"x"]


def test_a_client_believes_only_what_can_be(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_session, "MOST_MEMBERS", 3)
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.listen(0)
    with server, WebSocketClient() as client:
        told = record(client)
        assert client.connect_to_url(url_of(server), (), True) is OK
        until(lambda: server.peers, server, client)
        good = [(Kind.ID, 77), (Kind.ADD, 1), (Kind.ADD, 5), (Kind.ADD, 6), (Kind.DEL, 5), (Kind.ADD, 8)]
        bad = [(Kind.ADD, who) for who in (77, 1, 6, 8, 0, -5)] + [(Kind.DEL, who) for who in (1, 77, 5, 99, 0)]
        for kind, who in (*good, *bad, (Kind.ADD, 9), (Kind.DEL, 6), (Kind.ADD, 10)):
            server.broadcast(pack_system(kind, who))
        until(lambda: ("peer_connected", 10) in told, server, client)
        assert told == [
            ("peer_connected", 1),
            ("connection_succeeded",),
            ("peer_connected", 5),
            ("peer_connected", 6),
            ("peer_disconnected", 5),
            ("peer_connected", 8),
            ("peer_disconnected", 6),
            ("peer_connected", 10),
        ]
        assert client.get_peer(1).get_stats().refused_packets == {"bad packet": len(bad) + 1}
        assert caplog.text.count("peer 1: dropped a packet") == LOGGED_AT_ONCE
        assert client.get_connection_status() is Status.CONNECTED


def test_packets_that_a_slot_took_from_the_clients_peer_are_not_told() -> None:
    with session() as (server, (client,), told):
        peer = client.get_peer(1)
        client.peer_packet.once(lambda source: (peer.get_packet(), peer.get_packet()))
        packets = [b"a", b"b", b"c"]
        server.peer_packet.connect(lambda source: [server.put_packet(packet) for packet in packets])
        client.put_packet(b"go")
        until(lambda: told[1].count(("peer_packet", 1)) == 2, server, client)
        assert client.get_packet() == b"c"
        client.peer_packet.once(lambda source: list(peer))
        client.put_packet(b"go")
        until(lambda: told[1].count(("peer_packet", 1)) == 3, server, client)
        assert client.get_packet() == b""
