"""A close is a clean one every time, also when many happen at once; the ends that are not clean, over TLS too."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest

from gdpeer import OK, Cause, TLSOptions, WebSocketPeer
from tests.interop.echo_rooms import EchoRoom, big, echo_room, until
from tests.support.certificates import Certificates
from tests.support.engines import Engine, fixture
from tests.support.ports import free_port

pytestmark = [pytest.mark.engine, pytest.mark.timeout(120)]

CLIENTS = {"4": "peer_client", "3": "client"}
SERVERS = {"4": "peer_server", "3": "server"}
BOTH = pytest.mark.parametrize("version", ["4", "3"])
SECURE = pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])
TIMES = 12
ENDS_AT_ONCE = pytest.mark.parametrize(
    ("version", "secure"),
    [("4", False), ("4", True), ("3", False), ("3", True)],
    ids=["ws-4", "wss-4", "ws-3", "wss-3"],
)
State = WebSocketPeer.State


def game(version: str, room: EchoRoom, certificates: Certificates | None, **options: Any) -> Engine:
    if certificates is not None:
        options["ca"] = certificates.authority
    return fixture(version, CLIENTS[version], url=room.url, timeout=40, **options)


def ends(version: str, runs: list[Engine]) -> list[tuple[Any, ...]]:
    """How each engine saw its end: Godot 4 the code and reason, Godot 3 whether it was clean."""
    closed = [run.find("closed") or {} for run in runs]
    keys = ("code", "reason") if version == "4" else ("clean",)
    return [tuple(event.get(key) for key in keys) for event in closed]


def all_at_once(version: str, room: EchoRoom, tls: Certificates | None, **options: Any) -> list[Engine]:
    """Serve many engines at the same time until all have quit."""
    with ExitStack() as stack:
        runs = [stack.enter_context(game(version, room, tls, **options)) for _ in range(TIMES)]
        until(lambda: all(run.find("quit") for run in runs), room, patience=60)
        until(lambda: len(room.ended) == TIMES, room)
    return runs


@BOTH
@SECURE
def test_closes_of_many_engines_read_as_clean_there_and_here(
    version: str, secure: bool, certificates: Certificates
) -> None:
    tls = certificates if secure else None
    with echo_room(certificates=tls) as room:
        runs = all_at_once(version, room, tls, close_code=4001, close_reason="from the game")
        assert room.asked == [(4001, "from the game")] * TIMES
        assert room.ended == [(True, 4001, Cause.CLOSED)] * TIMES
        # Godot 3 calls it clean only where it was asked to close; that it quits with 0 is all that it tells here.
        if version == "4":
            assert ends(version, runs) == [(4001, "from the game")] * TIMES


@BOTH
@SECURE
def test_closes_of_the_server_are_seen_by_every_engine(version: str, secure: bool, certificates: Certificates) -> None:
    tls = certificates if secure else None
    with echo_room(certificates=tls) as room:
        runs = all_at_once(version, room, tls, say="bye!", wait_close=True)
        assert (room.asked, room.ended) == ([], [(True, 4002, Cause.CLOSED)] * TIMES)
        name = "closed" if version == "4" else "close_request"
        seen = [run.find(name) or {} for run in runs]
        assert [(event.get("code"), event.get("reason")) for event in seen] == [(4002, "from python")] * TIMES


@BOTH
@SECURE
@pytest.mark.parametrize("ours", [True, False], ids=["ours", "theirs"])
def test_closes_at_an_engines_server_are_clean_every_time(
    version: str, secure: bool, ours: bool, certificates: Certificates
) -> None:
    tls = {"cert": certificates.certificate, "key": certificates.key} if secure else {}
    with fixture(version, SERVERS[version], port=free_port(), clients=TIMES, timeout=40, **tls) as run:
        url = f"{'wss' if secure else 'ws'}://localhost:{run.wait_for('listening')['port']}"
        for count in range(1, TIMES + 1):
            peer = close_once(url, TLSOptions.client(certificates.authority) if secure else None, ours)
            until(lambda count=count: len(run.all("closed")) == count, peer)
            expected = (4001, "from python") if ours else (4003, "from the game")
            assert (peer.get_close_code(), peer.get_close_cause().cause) == (expected[0], Cause.CLOSED)
            assert ours or peer.get_close_reason() == expected[1]
        assert run.wait() == 0
        name = "closed" if version == "4" else "close_request"
        seen = [(event["code"], event["reason"]) for event in run.all(name)]
        assert seen == ([expected] * TIMES if version == "4" or ours else [])


def close_once(url: str, options: TLSOptions | None, ours: bool) -> WebSocketPeer:
    """Connect, and close or have it closed."""
    peer = WebSocketPeer()
    assert peer.connect_to_url(url, options) is OK
    until(lambda: peer.get_ready_state() is not State.CONNECTING, peer)
    if ours:
        peer.close(4001, "from python")
    else:
        peer.send_text("!close 4003 from the game")
    until(lambda: peer.get_ready_state() is State.CLOSED, peer)
    return peer


@BOTH
def test_dropping_a_secure_connection_is_unclean_for_the_engine(version: str, certificates: Certificates) -> None:
    with echo_room(certificates=certificates) as room:
        with game(version, room, certificates, say="drop!", wait_close=True) as run:
            until(lambda: run.find("quit"), room)
            assert ends(version, [run])[0][0] == (-1 if version == "4" else False)
        assert room.ended == [(False, -1, Cause.DROPPED)]


@BOTH
def test_a_game_killed_behind_tls_is_unclean_for_us(version: str, certificates: Certificates) -> None:
    with echo_room(certificates=certificates) as room, game(version, room, certificates, wait_close=True) as run:
        until(lambda: run.find("packet"), room)
        run.kill()
        until(lambda: room.ended, room)
        assert room.ended == [(False, -1, Cause.TCP)]


@BOTH
@SECURE
def test_closing_all_tells_every_engine(version: str, secure: bool, certificates: Certificates) -> None:
    tls = certificates if secure else None
    with echo_room(certificates=tls) as room, ExitStack() as stack:
        runs = [stack.enter_context(game(version, room, tls, wait_close=True)) for _ in range(3)]
        until(lambda: all(run.find("packet") for run in runs), room)
        room.server.close_all(1001, "going")
        until(lambda: len(room.ended) == 3 and all(run.find("quit") for run in runs), room)
        assert room.ended == [(True, 1001, Cause.CLOSED)] * 3
        seen = [run.find("closed" if version == "4" else "close_request") or {} for run in runs]
        assert [(event.get("code"), event.get("reason")) for event in seen] == [(1001, "going")] * 3


@ENDS_AT_ONCE
def test_a_server_that_stops_says_goodbye(version: str, secure: bool, certificates: Certificates) -> None:
    tls = certificates if secure else None
    with echo_room(certificates=tls) as room, game(version, room, tls, wait_close=True) as run:
        until(lambda: run.find("packet"), room)
        room.server.stop(1001, "going")
        until(lambda: run.find("quit"))
        event = run.find("closed" if version == "4" else "close_request") or {}
        assert (event.get("code"), event.get("reason")) == (1001, "going")


@ENDS_AT_ONCE
def test_a_client_that_leaves_its_block_says_goodbye(version: str, secure: bool, certificates: Certificates) -> None:
    tls = {"cert": certificates.certificate, "key": certificates.key} if secure else {}
    with fixture(version, SERVERS[version], port=free_port(), **tls) as run:
        url = f"{'wss' if secure else 'ws'}://localhost:{run.wait_for('listening')['port']}"
        with WebSocketPeer() as peer:
            assert peer.connect_to_url(url, TLSOptions.client(certificates.authority) if secure else None) is OK
            until(lambda: peer.get_ready_state() is State.OPEN, peer)
        assert run.wait_for("closed" if version == "4" else "close_request")["code"] == 1000


@ENDS_AT_ONCE
def test_a_program_that_ends_once_it_is_closed_has_answered(
    version: str, secure: bool, certificates: Certificates
) -> None:
    """As the newer peer class's sample does: its loop ends at CLOSED, and nothing polls any more."""
    tls = {"cert": certificates.certificate, "key": certificates.key} if secure else {}
    with fixture(version, SERVERS[version], port=free_port(), **tls) as run:
        url = f"{'wss' if secure else 'ws'}://localhost:{run.wait_for('listening')['port']}"
        peer = close_once(url, TLSOptions.client(certificates.authority) if secure else None, ours=False)
        assert peer.get_close_code() == 4003
        del peer
        closed = run.wait_for("closed")
        # Godot 3 calls a close clean only where the other side asked for it.
        assert closed["code"] == 4003 if version == "4" else closed["clean"] is False


@BOTH
@SECURE
@pytest.mark.parametrize("size", [65_537, 500_000])
def test_a_message_over_our_limit_is_1009(version: str, secure: bool, size: int, certificates: Certificates) -> None:
    """Also when its rest is still on the way, which must not turn the end into a reset."""
    tls = certificates if secure else None
    with echo_room(certificates=tls, inbound_buffer_size=65_536) as room:
        with game(version, room, tls, size=size, texts=0) as run:
            until(lambda: room.ended and run.find("quit"), room)
            event = run.find("closed" if version == "4" else "close_request") or {}
            assert (event.get("code"), event.get("reason")) == (1009, "Message too big")
        assert room.ended == [(False, 1009, Cause.TOO_BIG)]


@BOTH
def test_our_heartbeat_is_answered_and_measured(version: str) -> None:
    """By an engine's client and by an engine's server."""
    with echo_room(heartbeat_interval=0.1) as room, game(version, room, None, wait_close=True) as run:
        until(lambda: run.find("packet"), room)
        peer = room.server.get_peer(room.opened[0][0])
        until(lambda: peer.get_latency() >= 0, room)
    with fixture(version, SERVERS[version], port=free_port()) as run:
        peer = WebSocketPeer()
        peer.heartbeat_interval = 0.4
        peer.connect_to_url(f"ws://127.0.0.1:{run.wait_for('listening')['port']}")
        until(lambda: peer.get_latency() >= 0, peer)
        assert peer.get_ready_state() is State.OPEN
        peer.close(-1)


def test_a_heartbeat_of_an_engines_server_is_answered() -> None:
    with fixture("4", "peer_server", port=0, heartbeat=0.4) as run:
        peer = WebSocketPeer()
        big(peer)
        peer.connect_to_url(f"ws://127.0.0.1:{run.wait_for('listening')['port']}")
        until(lambda: peer.get_ready_state() is State.OPEN, peer)
        with pytest.raises(AssertionError, match="took too long"):
            until(lambda: peer.get_ready_state() is not State.OPEN, peer, patience=1.6)
        peer.close()
        until(lambda: peer.get_ready_state() is State.CLOSED, peer)
        assert peer.get_close_cause().cause is Cause.CLOSED
