"""Real Godot 4 and Godot 3 programs as clients of gdpeer's servers."""

from __future__ import annotations

from typing import Any

import pytest

from gdpeer import OK, Cause, StreamPeerTLS, TCPServer, TLSOptions, WebSocketPeer
from tests.interop import fronts
from tests.interop.echo_rooms import EchoRoom, Mode, echo_room, until
from tests.interop.fronts import FRONTS
from tests.support.certificates import Certificates
from tests.support.engines import Engine, fixture

pytestmark = pytest.mark.engine

SCENES = {"4": "peer_client", "3": "client"}
BOTH = pytest.mark.parametrize("version", ["4", "3"])
SECURE = pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])


TIMES = {"polling": 5, "aio": 1}


def engine(version: str, room: EchoRoom, certificates: Certificates | None = None, **options: Any) -> Engine:
    if certificates is not None:
        options["ca"] = certificates.authority
    return fixture(version, SCENES[version], url=room.url, **options)


def has_quit(run: Engine) -> bool:
    return run.find("quit") is not None


def finish(run: Engine, room: EchoRoom) -> dict[str, Any]:
    """Serve until the engine has quit by itself; its last words."""
    until(lambda: has_quit(run), room)
    assert run.wait() == 0, run.events
    until(lambda: room.ended, room)
    return run.find("closed") or {}


@BOTH
@SECURE
@pytest.mark.parametrize(
    ("each_front", "size"),
    [*(("polling", size) for size in (2, 125, 126, 127, 65535, 65536)), ("aio", 126), ("aio", 65536)],
    indirect=["each_front"],
)
def test_messages_of_every_length_form_come_back(
    version: str, secure: bool, each_front: None, size: int, certificates: Certificates
) -> None:
    tls = certificates if secure else None
    with echo_room(certificates=tls) as room, engine(version, room, tls, size=size, texts=2, binaries=2) as run:
        finish(run, room)
        key = ("string", "sha256", "length")
        sent = [[event[name] for name in key] for event in run.all("sent")]
        assert [[event[name] for name in key] for event in run.all("packet")] == sent
        assert len(sent) == 4
        assert room.asked == [(1000, "bye")]
        assert room.ended == [(True, 1000, Cause.CLOSED)]


@FRONTS
def test_an_empty_message_comes_back() -> None:
    with echo_room() as room, engine("4", room, size=0, texts=0, binaries=1) as run:
        finish(run, room)
        assert [event["length"] for event in run.all("packet")] == [0]


@FRONTS
@BOTH
def test_the_first_protocol_of_the_client_that_the_server_lists_is_agreed_on(version: str) -> None:
    with echo_room(("b", "a")) as room, engine(version, room, protocols="x,a,b") as run:
        finish(run, room)
        assert run.find("open")["protocol"] == "a"
        assert room.opened[0][1] == "a"


@FRONTS
@BOTH
@pytest.mark.parametrize(("ours", "theirs"), [(("a",), "b"), (("a",), ""), ((), "b")])
def test_no_common_protocol_is_refused(version: str, ours: tuple[str, ...], theirs: str) -> None:
    options = {"protocols": theirs} if theirs else {}
    with echo_room(ours) as room, engine(version, room, **options) as run:
        until(lambda: has_quit(run), room)
        assert run.wait() == 1
        assert room.opened == []
        if version == "4":
            assert run.find("closed")["code"] == -1
        else:
            assert run.find("connection_error") is not None


@FRONTS
@BOTH
@SECURE
def test_a_close_that_the_engine_starts_reads_as_clean_every_time(
    version: str, secure: bool, certificates: Certificates
) -> None:
    tls = certificates if secure else None
    for _ in range(TIMES[fronts.front]):
        options = {"close_code": 4001, "close_reason": "from the game"}
        with echo_room(certificates=tls) as room, engine(version, room, tls, **options) as run:
            closed = finish(run, room)
            assert room.asked == [(4001, "from the game")]
            assert room.ended == [(True, 4001, Cause.CLOSED)]
            if version == "4":
                assert (closed["code"], closed["reason"]) == (4001, "from the game")


@FRONTS
@BOTH
@SECURE
def test_a_close_that_the_server_starts_is_seen_with_code_and_reason_every_time(
    version: str, secure: bool, certificates: Certificates
) -> None:
    tls = certificates if secure else None
    for _ in range(TIMES[fronts.front]):
        with (
            echo_room(certificates=tls) as room,
            engine(version, room, tls, say="bye!", wait_close=True) as run,
        ):
            closed = finish(run, room)
            assert (room.asked, room.ended) == ([], [(True, 4002, Cause.CLOSED)])
            event = closed if version == "4" else run.find("close_request")
            assert (event["code"], event["reason"]) == (4002, "from python")


@FRONTS
@BOTH
def test_a_connection_that_the_server_drops_is_unclean(version: str) -> None:
    with echo_room() as room, engine(version, room, say="drop!", wait_close=True) as run:
        closed = finish(run, room)
        assert closed["code"] == -1 if version == "4" else closed["clean"] is False


@FRONTS
@BOTH
def test_a_message_over_our_limit_is_1009(version: str) -> None:
    with echo_room(inbound_buffer_size=65_535) as room, engine(version, room, size=65_536, texts=0) as run:
        until(lambda: room.ended, room)
        until(lambda: has_quit(run), room)
        assert room.ended == [(False, 1009, Cause.TOO_BIG)]
        event = run.find("closed") if version == "4" else run.find("close_request")
        assert (event["code"], event["reason"]) == (1009, "Message too big")


@FRONTS
@BOTH
def test_a_game_that_is_killed_is_unclean(version: str) -> None:
    with echo_room() as room, engine(version, room, wait_close=True) as run:
        until(lambda: run.find("packet"), room)
        run.kill()
        until(lambda: room.ended, room)
        assert room.ended == [(False, -1, Cause.TCP)]


@FRONTS
@BOTH
def test_a_server_that_stops_says_goodbye(version: str) -> None:
    with echo_room() as room, engine(version, room, wait_close=True) as run:
        until(lambda: run.find("packet"), room)
        room.stop(1001, "going")
        until(lambda: has_quit(run))
        event = run.find("closed") if version == "4" else run.find("close_request")
        assert (event["code"], event["reason"]) == (1001, "going")


@FRONTS
def test_heartbeats_of_both_sides_are_answered() -> None:
    with echo_room(heartbeat_interval=0.4) as room, engine("4", room, heartbeat=0.4, linger=2.0) as run:
        until(lambda: room.opened, room)
        peer = room.server.get_peer(room.opened[0][0])
        closed = finish(run, room)
        assert closed["code"] == 1000
        assert peer.get_latency() >= 0


@SECURE
def test_tcp_server_and_accept_stream_serve_a_game(secure: bool, certificates: Certificates) -> None:
    listener = TCPServer()
    assert listener.listen(0, "127.0.0.1") is OK
    peer, tls = WebSocketPeer(), StreamPeerTLS()
    peer.supported_protocols = ["demo"]
    scheme = "wss" if secure else "ws"
    options = {"url": f"{scheme}://localhost:{listener.get_local_port()}", "protocols": "demo"}
    with fixture("4", "peer_client", insecure=True, **options) as run:
        until(listener.is_connection_available)
        stream: Any = listener.take_connection()
        if secure:
            assert tls.accept_stream(stream, TLSOptions.server(certificates.key, certificates.certificate)) is OK
            until(lambda: tls.poll() or tls.get_status() is StreamPeerTLS.Status.CONNECTED)
            stream = tls
        assert peer.accept_stream(stream) is OK

        def echoed_until_closed() -> bool:
            for packet in peer:
                peer.send(packet, Mode.TEXT if peer.was_string_packet() else Mode.BINARY)
            return peer.get_ready_state() is WebSocketPeer.State.CLOSED

        until(echoed_until_closed, peer)
        until(lambda: has_quit(run), peer)
        assert (run.wait(), peer.get_close_code(), peer.get_close_reason()) == (0, 1000, "bye")
        assert run.find("open")["protocol"] == "demo"
    listener.stop()


@pytest.mark.parametrize("size", [65_537, 500_000])
def test_a_message_over_our_limit_is_1009_over_tls_too(size: int, certificates: Certificates) -> None:
    with (
        echo_room(certificates=certificates, inbound_buffer_size=65_535) as room,
        engine("4", room, certificates, size=size, texts=0) as run,
    ):
        until(lambda: room.ended, room)
        until(lambda: has_quit(run), room)
        assert (run.find("closed")["code"], run.find("closed")["reason"]) == (1009, "Message too big")


@FRONTS
@BOTH
def test_raw_utf_8_in_the_url_and_names_that_are_no_tokens_are_let_in(version: str) -> None:
    paths = ["/räume", "/plain"]
    with echo_room(allowed_paths=paths) as room:
        url = f"{room.url}/räume?name=José"
        with fixture(version, SCENES[version], url=url, header="X[a] {b}: José") as run:
            until(lambda: room.opened, room)
            peer = room.server.get_peer(room.opened[0][0])
            assert peer is not None
            asked, headers = peer.get_requested_url(), peer.get_requested_headers()
            finish(run, room)
        assert asked.endswith("/r%C3%A4ume?name=Jos%C3%A9")
        assert headers["X[a] {b}"].encode("latin-1").decode() == "José"
        with fixture(version, SCENES[version], url=f"{room.url}/rä", timeout=5) as run:
            until(lambda: has_quit(run), room)
        assert room.server.stats().refused == {"http 404": 1}
