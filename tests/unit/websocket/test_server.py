"""WebSocketServer: signals, refusals, pages, broadcasts, limits and ends."""

from __future__ import annotations

import gc
import json
import socket
import time
import weakref
from pathlib import Path

import pytest

from gdpeer import (
    ERR_ALREADY_IN_USE,
    ERR_INVALID_DATA,
    ERR_INVALID_PARAMETER,
    ERR_OUT_OF_MEMORY,
    FAILED,
    OK,
    Cause,
    TLSOptions,
    WebSocketClient,
    WebSocketPeer,
    WebSocketServer,
    http,
)
from gdpeer.transport.memory import MemoryStream
from gdpeer.transport.tcp import TcpStream
from tests.support.certificates import Certificates
from tests.unit.websocket.support import (
    CLOSED,
    OPEN,
    Room,
    connected,
    fetch,
    frame,
    listening,
    plain_request,
    request,
    state,
    until,
    url_of,
    watch_sends,
)


def status(response: bytes) -> int:
    return int(response.split(b" ", 2)[1])


def test_a_session_is_told_in_order() -> None:
    room = Room()
    room.server.data_received.connect(
        lambda peer_id: room.server.get_peer(peer_id).put_packet(room.server.get_peer(peer_id).get_packet())
    )
    peer_id, client = room.enter()
    room.poll()
    client.send(b"Test packet")
    room.poll()
    assert list(client) == [b"Test packet"]
    client.close(1000, "bye")
    room.poll()
    assert room.events == [
        ("client_connected", peer_id, ""),
        ("data_received", peer_id),
        ("client_close_request", peer_id, 1000, "bye"),
        ("client_disconnected", peer_id, True),
    ]
    assert client.get_close_cause().cause is Cause.CLOSED


def test_a_packet_and_the_close_behind_it_are_both_dealt_with_and_the_reply_still_goes_out() -> None:
    room = Room()
    room.server.data_received.connect(
        lambda i: room.server.get_peer(i).put_packet(b"re:" + room.server.get_peer(i).get_packet())
    )
    peer_id, client = room.join()
    client.send(b"last words")
    client.close(4000)
    room.poll()
    assert list(client) == [b"re:last words"]
    assert client.get_close_code() == 4000
    assert room.told("client_disconnected") == [(peer_id, True)]


def test_a_server_that_closes_first_gets_no_close_request() -> None:
    room = Room()
    peer_id, client = room.join()
    room.server.disconnect_peer(peer_id, 4001, "out")
    room.poll()
    assert (client.get_close_code(), client.get_close_reason()) == (4001, "out")
    assert room.events == [("client_disconnected", peer_id, True)]


def test_a_lost_client_is_not_clean() -> None:
    room = Room()
    peer_id, client = room.join()
    client.close(-1)
    room.poll()
    assert room.events == [("client_disconnected", peer_id, False)]


def test_the_peer_can_be_asked_while_its_end_is_told_and_not_afterwards() -> None:
    room = Room()
    asked = []
    room.server.client_disconnected.connect(
        lambda i, clean: asked.append(
            (room.server.get_peer(i).get_close_code(), room.server.get_peer(i).get_close_reason())
        )
    )
    peer_id, client = room.join()
    client.close(4002, "x")
    room.poll()
    assert asked == [(4002, "x")]
    assert room.server.get_peer(peer_id) is None
    assert not room.server.has_peer(peer_id)


def test_one_signal_a_packet_also_when_one_slot_takes_them_all() -> None:
    room = Room()
    got: list[bytes] = []
    room.server.data_received.connect(lambda i: got.extend(room.server.get_peer(i)))
    _, client = room.join()
    for number in range(3):
        client.send(bytes([number]))
    room.poll()
    assert got == [b"\0", b"\1", b"\2"]
    assert len(room.told("data_received")) == 1


def test_packets_that_no_slot_takes_stay_and_are_told_once() -> None:
    room = Room()
    peer_id, client = room.join()
    client.send(b"a")
    client.send(b"b")
    room.poll()
    assert len(room.told("data_received")) == 2
    assert list(room.server.get_peer(peer_id)) == [b"a", b"b"]


def test_a_slot_that_raises_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    room = Room()

    def broken(peer_id: int) -> None:
        raise RuntimeError("game code")

    room.server.data_received.connect(broken)
    _, client = room.join()
    client.send(b"a")
    client.send(b"b")
    room.poll()
    assert len(room.told("data_received")) == 2
    assert "game code" in caplog.text


def test_what_slots_send_leaves_in_one_write_a_peer_a_turn() -> None:
    room = Room()
    _, theirs, ours = room.stream()
    client = WebSocketPeer(clock=room.clock)
    client.connect_through(theirs)
    room.clients.append(client)
    room.server.data_received.connect(lambda i: room.server.get_peer(i).send(room.server.get_peer(i).get_packet()))
    room.poll()
    for number in range(10):
        client.send(bytes([number]))
    sends = watch_sends(ours)
    room.poll()
    assert len(sends) == 1
    assert list(client) == [bytes([number]) for number in range(10)]


def test_a_broadcast_is_framed_once_and_shared() -> None:
    room = Room()
    ends = [room.stream() for _ in range(3)]
    clients = []
    for _, theirs, _ in ends:
        client = WebSocketPeer(clock=room.clock)
        client.connect_through(theirs)
        clients.append(client)
    room.clients += clients
    room.poll()
    sends = [watch_sends(ours) for _, _, ours in ends]
    assert room.server.broadcast("hi", exclude=[ends[0][0]]) is OK
    room.poll()
    assert [list(client) for client in clients] == [[], [b"hi"], [b"hi"]]
    assert clients[1].was_string_packet()
    assert sends[0] == []
    assert sends[1][0][0] is sends[2][0][0]


def test_a_broadcast_reaches_compressed_and_plain_peers_alike() -> None:
    room = Room(compression=True, compression_threshold=0)
    squeezed = WebSocketPeer(clock=room.clock)
    squeezed.compression = True
    _, one = room.join(squeezed)
    _, two = room.join()
    room.server.broadcast(b"x" * 1000)
    room.poll()
    assert list(one) == list(two) == [b"x" * 1000]


def test_a_broadcast_says_when_somebody_had_no_room() -> None:
    room = Room(outbound_buffer_size=10)
    peer_id, client = room.join()
    assert room.server.broadcast(b"x" * 11) is ERR_OUT_OF_MEMORY
    assert room.server.broadcast_to([peer_id, 99], b"x", WebSocketPeer.WriteMode.TEXT) is OK
    room.poll()
    assert list(client) == [b"x"]
    assert client.was_string_packet()


def test_a_refused_send_is_followed_by_drained_once() -> None:
    room = Room(outbound_buffer_size=1000)
    peer_id, client = room.join(capacity=500)
    peer = room.server.get_peer(peer_id)
    assert peer.send(b"x" * 900) is OK
    assert peer.send(b"x" * 900) is ERR_OUT_OF_MEMORY
    assert room.told("peer_drained") == []
    room.poll(20)
    assert room.told("peer_drained") == [(peer_id,)]
    assert [len(packet) for packet in client] == [900]


def test_peers_is_a_view_that_cannot_be_changed() -> None:
    room = Room()
    peers = room.server.peers
    peer_id, _ = room.join()
    assert list(peers) == [peer_id]
    with pytest.raises(TypeError):
        peers[1] = None  # type: ignore[index]


def test_ids_are_the_engines() -> None:
    room = Room()
    ids = [room.join()[0] for _ in range(20)]
    assert len(set(ids)) == 20
    assert all(2 <= peer_id < 2**31 for peer_id in ids)


def test_unknown_peers_are_told_apart(caplog: pytest.LogCaptureFixture) -> None:
    server = WebSocketServer()
    assert server.get_peer(5) is None
    assert (server.get_peer_address(5), server.get_peer_port(5)) == ("", 0)
    server.disconnect_peer(5)
    assert "no peer 5" in caplog.text
    server.poll()
    assert repr(server) == "<WebSocketServer port 0, 0 peers>"


def test_idle_peers_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room()
    for _ in range(200):
        room.enter()
    room.poll()
    assert len(room.server.peers) == 200
    calls = []
    receive = MemoryStream.receive_into
    monkeypatch.setattr(MemoryStream, "receive_into", lambda self, to: (calls.append(self), receive(self, to))[1])
    room.server.poll()
    assert calls == []
    room.clients[7].send(b"x")
    room.server.poll()
    assert len(calls) == 1


def test_a_closed_peer_is_forgotten_without_the_collector() -> None:
    room = Room()
    gc.disable()
    try:
        peer_id, client = room.join()
        backend = weakref.ref(room.server.get_peer(peer_id)._backend)
        client.close()
        room.poll()
        room.clock.advance(5)
        room.poll()
        assert backend() is None
    finally:
        gc.enable()


# ---------------------------------------------------------------------------------------------- within slots


@pytest.mark.parametrize("name", ["client_connected", "data_received", "client_close_request"])
def test_no_signal_follows_a_stop_in_a_slot(name: str) -> None:
    room = Room()
    getattr(room.server, name).connect(lambda *_: room.server.stop())
    _, client = room.enter()
    room.poll()
    for packet in (b"one", b"two"):
        client.send(packet)
    client.close()
    room.poll()
    assert room.events[-1][0] == name
    assert len(room.told(name)) == 1
    assert not room.server.peers


def test_a_server_that_was_stopped_in_a_slot_listens_again() -> None:
    with connected() as (server, _, client, told):
        server.data_received.connect(lambda _: server.stop(4000, "over"))
        client.get_peer(1).send(b"x")
        until(lambda: ("connection_closed", True) in told, server, client)
        assert ("server_close_request", 4000, "over") in told
        assert server.listen(0) is OK


@pytest.mark.parametrize("name", ["client_connected", "data_received"])
def test_a_peer_can_be_sent_away_in_a_slot(name: str) -> None:
    room = Room()
    getattr(room.server, name).connect(lambda peer_id, *_: room.server.disconnect_peer(peer_id, 4003, "no"))
    peer_id, client = room.enter()
    room.poll()
    client.send(b"x")
    room.poll()
    assert (client.get_close_code(), client.get_close_reason()) == (4003, "no")
    assert room.events[-1] == ("client_disconnected", peer_id, True)
    assert not room.server.peers


def test_another_peer_can_be_sent_away_in_a_slot() -> None:
    room = Room()
    victim, other = room.join()
    _, client = room.join()
    room.server.data_received.connect(lambda _: room.server.disconnect_peer(victim, -1))
    client.send(b"x")
    room.poll()
    assert other.get_close_code() == -1
    assert room.told("client_disconnected") == [(victim, False)]


def test_nothing_can_be_sent_to_a_peer_whose_end_is_told_but_to_the_others() -> None:
    room = Room()
    results = []

    def gone(peer_id: int, was_clean: bool) -> None:
        results.append(room.server.get_peer(peer_id).send(b"x"))
        results.append(room.server.broadcast(b"gone"))

    room.server.client_disconnected.connect(gone)
    _, other = room.join()
    _, client = room.join()
    client.close()
    room.poll()
    assert results == [FAILED, OK]
    assert list(other) == [b"gone"]


def test_polling_in_a_slot_does_nothing() -> None:
    room = Room()
    peer_id, client = room.join()
    room.server.data_received.connect(lambda _: room.server.poll(1.0))
    room.server.data_received.connect(lambda i: room.server.get_peer(i).poll(1.0))
    client.send(b"x")
    room.poll()
    assert room.events == [("data_received", peer_id)]


def test_polling_a_peer_of_the_server_loses_nothing_of_the_others() -> None:
    room = Room()
    one, client = room.join()
    other, _ = room.join()
    client.send(b"x")
    room.server.get_peer(other).poll()
    room.server.poll()
    assert room.told("data_received") == [(one,)]


def test_what_a_slot_sends_over_the_limit_goes_out_in_between() -> None:
    room = Room(outbound_buffer_size=1000)
    results = []
    room.server.data_received.connect(
        lambda i: results.extend(room.server.get_peer(i).send(bytes(600)) for _ in range(4))
    )
    _, client = room.join()
    client.send(b"x")
    room.poll()
    assert results == [OK] * 4
    assert [len(packet) for packet in client] == [600] * 4


def test_what_a_slot_sends_over_the_limit_is_refused_where_the_network_is_full() -> None:
    room = Room(outbound_buffer_size=1000)
    results = []
    room.server.data_received.connect(
        lambda i: results.extend(room.server.get_peer(i).send(bytes(600)) for _ in range(4))
    )
    _, client = room.join(capacity=700)
    client.send(b"x")
    room.server.poll()
    assert results == [OK, OK, ERR_OUT_OF_MEMORY, ERR_OUT_OF_MEMORY]


def test_a_servers_peer_tells_drained_as_the_server_does() -> None:
    room = Room(outbound_buffer_size=1000)
    peer_id, _ = room.join(capacity=500)
    peer = room.server.get_peer(peer_id)
    told: list[int] = []
    peer.drained.connect(lambda: told.append(1))
    assert peer.send(bytes(900)) is OK
    assert peer.send(bytes(900)) is ERR_OUT_OF_MEMORY
    room.poll(20)
    assert told == [1]
    assert room.told("peer_drained") == [(peer_id,)]


def test_a_peers_own_setting_is_its_own() -> None:
    room = Room()
    one, _ = room.join()
    other, _ = room.join()
    room.server.get_peer(one).outbound_buffer_size = 10
    assert room.server.get_peer(one).send(bytes(11)) is ERR_OUT_OF_MEMORY
    assert room.server.get_peer(other).send(bytes(11)) is OK
    assert room.server.outbound_buffer_size == 65536


def test_a_broadcast_text_is_sent_as_send_text_would() -> None:
    room = Room()
    peer_id, client = room.join()
    assert room.server.broadcast("\ud800") is OK
    assert room.server.broadcast_to([peer_id], b"\xff", WebSocketPeer.WriteMode.TEXT) is ERR_INVALID_DATA
    room.poll()
    assert list(client) == [b"?"]
    assert client.get_ready_state() is OPEN


def test_a_turn_after_everybody_left_waits_again() -> None:
    with connected() as (server, _, client, told):
        server.close_all()
        until(lambda: ("connection_closed", True) in told and not server.peers, server, client)
        client.poll(0.01)
        server.poll(0.1)
        begin = time.monotonic()
        server.poll(0.1)
        assert time.monotonic() - begin >= 0.09


# ---------------------------------------------------------------------------------------------- refusals and pages


def test_plain_requests_are_answered() -> None:
    with listening() as (server, _):
        assert status(fetch(server, plain_request("/"))) == 426
        health = fetch(server, plain_request("/health"))
        assert status(health) == 200
        assert json.loads(health.split(b"\r\n\r\n", 1)[1]) == {"status": "ok", "peers": 0}


def test_a_handler_answers_and_its_failures_are_500(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "index.html").write_text("<p>hello")

    def special(asked: http.Request) -> http.Response | None:
        if asked.path == "/broken":
            raise RuntimeError("handler code")
        return http.Response(201, asked.body) if asked.method == "POST" else None

    with listening(http_handler=http.chain(special, http.StaticFolder(tmp_path))) as (server, _):
        assert fetch(server, plain_request("/")).endswith(b"<p>hello")
        assert status(fetch(server, plain_request("/nothing"))) == 404
        assert status(fetch(server, plain_request("/health"))) == 200
        assert status(fetch(server, plain_request("/broken"))) == 500
        posted = b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
        assert fetch(server, posted).endswith(b"\r\n\r\nabc")
        assert not fetch(server, plain_request("/", method="HEAD")).endswith(b"hello")
    assert "handler code" in caplog.text


def test_paths_that_are_not_allowed_are_404_and_origins_403() -> None:
    with listening(allowed_paths=["/game"], allowed_origins=["https://ours"]) as (server, _):
        assert server.allowed_paths == ("/game",)
        assert server.allowed_origins == ("https://ours",)
        assert status(fetch(server, request("/other"))) == 404
        assert status(fetch(server, request("/game", "Origin: https://theirs"))) == 403
        with WebSocketPeer() as client:
            client.connect_to_url(url_of(server) + "game")
            until(state(client, OPEN), client, server)
        server.allowed_paths = server.allowed_origins = None
        assert server.allowed_paths is None


@pytest.mark.parametrize("setting", [{"refuse_new_connections": True}, {"max_peers": 1}])
def test_a_full_server_answers_503(setting: dict[str, object]) -> None:
    with listening() as (server, _), WebSocketPeer() as first:
        first.connect_to_url(url_of(server))
        until(state(first, OPEN), first, server)
        for name, value in setting.items():
            setattr(server, name, value)
        assert status(fetch(server, request())) == 503


def test_the_limit_of_peers_counts_those_who_come_in_the_same_turn() -> None:
    room = Room(max_peers=2)
    for _ in range(5):
        room.enter()
    room.poll()
    assert len(room.server.peers) == 2
    assert [client.get_close_cause().status for client in room.clients].count(503) == 3


def test_a_place_that_became_free_is_given_away() -> None:
    room = Room(max_peers=1)
    _, first = room.join()
    _, second = room.enter()
    room.poll()
    assert second.get_close_cause().status == 503
    first.close()
    room.poll()
    room.join()


def test_a_client_that_dawdles_gets_408() -> None:
    room = Room()
    _, theirs, _ = room.stream()
    theirs.send([b"GET / HT"])
    room.poll()
    room.clock.advance(3.1)
    room.poll()
    answer = bytearray(1000)
    assert status(bytes(answer[: theirs.receive_into(answer)])) == 408
    assert room.events == []


def test_no_common_sub_protocol_is_400_with_a_reason() -> None:
    with listening() as (server, _):
        server.stop()
        assert server.listen(0, ["demo-chat"]) is OK
        answer = fetch(server, request("/", "Sec-WebSocket-Protocol: other"))
        assert status(answer) == 400
        assert b"demo-chat" in answer


def test_extra_headers_go_into_the_response() -> None:
    with listening() as (server, _), WebSocketPeer() as client:
        server.set_extra_headers(["X-Game: roll"])
        client.connect_to_url(url_of(server))
        until(state(client, OPEN), client, server)
        assert client.get_handshake_headers().get("x-game") == "roll"
        with pytest.raises(ValueError, match="Name: value"):
            server.set_extra_headers(["nonsense"])


def test_garbage_ends_with_a_code_and_others_go_on() -> None:
    room = Room()
    _, other = room.join()
    peer_id, theirs, _ = room.stream()
    theirs.send([request() + frame(1, b"\xff")])
    room.poll()
    assert room.told("client_disconnected") == [(peer_id, False)]
    assert other.get_ready_state() is OPEN


# ---------------------------------------------------------------------------------------------- listening


def test_listening_twice_and_a_taken_port_are_22() -> None:
    with listening() as (server, _):
        port = server.get_local_port()
        assert server.is_listening()
        assert server.listen(0) is ERR_ALREADY_IN_USE
        other = WebSocketServer()
        other.bind_ip = "127.0.0.1"
        assert other.listen(port) is ERR_ALREADY_IN_USE
        assert str(port) in other.get_listen_error()
    assert not server.is_listening()
    assert server.get_local_port() == 0


@pytest.mark.parametrize(
    ("port", "protocols", "settings"),
    [
        (70000, (), {}),
        (0, ["not a token"], {}),
        (0, (), {"bind_ip": "nowhere"}),
        (0, (), {"private_key": "key.pem"}),
    ],
)
def test_what_is_not_valid_is_31_and_said(port: int, protocols: list[str], settings: dict[str, object]) -> None:
    server = WebSocketServer()
    for name, value in settings.items():
        setattr(server, name, value)
    assert server.listen(port, protocols) is ERR_INVALID_PARAMETER
    assert server.get_listen_error()
    assert not server.is_listening()


def test_a_certificate_that_is_missing_is_an_error_and_said() -> None:
    server = WebSocketServer()
    server.private_key, server.ssl_certificate = "no-key.pem", "no-cert.pem"
    assert server.listen(0) is not OK
    assert "no-" in server.get_listen_error()


def test_buffers_are_set_before_listening_only() -> None:
    server = WebSocketServer()
    assert server.set_buffers(3, 10, 1, 20) is OK
    assert (server.inbound_buffer_size, server.outbound_buffer_size, server.max_queued_packets) == (4096, 1024, 20)
    with listening() as (server, _):
        assert server.set_buffers(1, 1, 1, 1) is FAILED


def test_tls_and_its_chain(certificates: Certificates) -> None:
    settings = {
        "private_key": str(certificates.key),
        "ssl_certificate": str(certificates.certificate),
        "ca_chain": str(certificates.authority),
    }
    with listening(**settings) as (server, events), WebSocketPeer() as client:
        url = url_of(server, "wss", "localhost")
        assert client.connect_to_url(url, TLSOptions.client(str(certificates.authority))) is OK
        until(state(client, OPEN), client, server)
        peer = next(iter(server.peers.values()))
        assert peer.get_requested_url().startswith("wss://localhost:")
        client.close(4000, "tls")
        until(state(client, CLOSED), client, server)
        assert client.get_close_code() == 4000
        until(lambda: any(event[0] == "client_disconnected" and event[2] for event in events), server)


def test_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "game.sock"
    server = WebSocketServer()
    server.bind_ip = f"unix:{path}"
    assert server.listen(0) is OK
    with server, WebSocketPeer() as client:
        ours = socket.socket(socket.AF_UNIX)
        ours.connect(str(path))
        assert client.connect_through(TcpStream(ours)) is OK
        until(state(client, OPEN), client, server)
    assert not path.exists()


# ---------------------------------------------------------------------------------------------- ends


def test_stop_says_goodbye_without_signals() -> None:
    with listening() as (server, events), WebSocketPeer() as client:
        client.connect_to_url(url_of(server))
        until(state(client, OPEN), client, server)
        events.clear()
        server.stop(1000, "closed")
        until(state(client, CLOSED), client)
        assert (client.get_close_code(), client.get_close_reason()) == (1000, "closed")
        assert events == []
        assert not server.peers
        assert server.listen(0) is OK


def test_close_all_and_polling_drains() -> None:
    with connected() as (server, events, client, told):
        server.close_all(1001, "going")
        until(lambda: not server.peers and ("connection_closed", True) in told, server, client)
        assert ("server_close_request", 1001, "going") in told
        assert events[-1][0] == "client_disconnected"


def test_addresses_of_peers() -> None:
    with connected() as (server, _, client, _told):
        (peer_id,) = server.peers
        assert server.get_peer_address(peer_id) == "127.0.0.1"
        assert server.get_peer_port(peer_id) > 0
        assert (client.get_connected_host(), client.get_connected_port()) == ("127.0.0.1", server.get_local_port())
        assert isinstance(client, WebSocketClient)
