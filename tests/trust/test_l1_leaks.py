"""L1: what sessions of every kind leave behind: no peer, no descriptor, no memory."""

from __future__ import annotations

import gc
import socket
import tracemalloc
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gdpeer import (
    OK,
    ManualClock,
    Node,
    SceneTree,
    WebSocketMultiplayerPeer,
    WebSocketPeer,
    WebSocketServer,
)
from gdpeer.transport.memory import memory_pair
from tests.support.certificates import Certificates, make_certificates
from tests.support.figures import record
from tests.support.long import amount
from tests.trust.crowd import head_for
from tests.trust.sessions import MESSAGES, Session, joined_at, nothing_left
from tests.unit.websocket.support import CLOSED, OPEN, Room, listening, poll_all, until

pytestmark = pytest.mark.timeout(300)

WARM_UP = 10
ROUNDS = amount(20, 1000)
GROWTH = 8192
"""Bytes that all rounds together may leave: what an interpreter keeps for itself, less than a peer of one round."""

Held = list[weakref.ref[Any]]


def in_memory(held: Held) -> None:
    session = Session()
    session.through(*memory_pair(clock=session.clock))
    session.play(lambda: 0.1 if session.is_complete() else 0.0)
    assert session.is_complete()
    held += session.end()


def over_a_port(scheme: str, certificates: Certificates, held: Held) -> None:
    session = Session()
    session.server.bind_ip = "127.0.0.1"
    if scheme == "wss":
        session.server.private_key = str(certificates.key)
        session.server.ssl_certificate = str(certificates.certificate)
    assert session.server.listen(0) is OK
    joined_at(session, session.server.get_local_port(), scheme)
    session.play(lambda: 0.1 if session.is_complete() else 0.0)
    assert session.is_complete()
    held += session.end()


def aborted(held: Held) -> None:
    """Openings that end at several places before they are done."""
    with listening() as (server, _):
        port = server.get_local_port()
        head = head_for(port)
        for size in (0, 1, len(head) // 2, len(head) - 1):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
                plain.sendall(head[:size])
                until(lambda: server._opening, server)
            until(lambda: not server._opening, server)
        held.append(weakref.ref(server))


def refused(held: Held) -> None:
    room = Room(refuse_new_connections=True)
    _, client = room.enter()
    room.poll()
    assert client.get_ready_state() is CLOSED
    assert client.get_close_cause().status == 503
    with room.server, client:
        held += (weakref.ref(room.server), weakref.ref(client))


def multiplayer(held: Held) -> None:
    trees = [SceneTree(), SceneTree()]
    peers = [WebSocketMultiplayerPeer(), WebSocketMultiplayerPeer()]
    assert peers[0].create_server(0, "127.0.0.1") is OK
    assert peers[1].create_client(f"ws://127.0.0.1:{peers[0].get_local_port()}/") is OK
    heard: list[bytes] = []
    for tree, peer in zip(trees, peers, strict=True):
        tree.root.add_child(Node("Main"))
        tree.multiplayer.multiplayer_peer = peer
    trees[1].multiplayer.peer_packet.connect(lambda _, data: heard.append(data))
    until(lambda: trees[0].multiplayer.get_peers() and trees[1].multiplayer.get_peers(), *trees)
    trees[0].multiplayer.send_bytes(b"hello")
    until(lambda: heard, *trees)
    for peer in peers:
        peer.close()
    held += [weakref.ref(one) for one in (*trees, *peers)]


KINDS = ("memory", "ws", "wss", "aborted", "refused", "multiplayer")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(Path(tmp_path_factory.mktemp("tls")))


@pytest.mark.parametrize("kind", KINDS)
def test_l1_sessions_leave_nothing(kind: str, certificates: Certificates) -> None:
    run: Callable[[Held], None] = {
        "memory": in_memory,
        "ws": partial(over_a_port, "ws", certificates),
        "wss": partial(over_a_port, "wss", certificates),
        "aborted": aborted,
        "refused": refused,
        "multiplayer": multiplayer,
    }[kind]
    tracemalloc.start()
    try:
        sizes = []
        for rounds in (WARM_UP, ROUNDS):
            with nothing_left() as held:
                for _ in range(rounds):
                    run(held)
            del held
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    growth = sizes[1] - sizes[0]
    record("L1", **{f"{kind}_rounds": ROUNDS, f"{kind}_growth_bytes": growth})
    assert growth < max(GROWTH, sizes[0] // 50)


def come_and_go(server: WebSocketServer | WebSocketMultiplayerPeer, clock: ManualClock, count: int) -> None:
    """So many clients, one after the other; each says something and ends with a close frame."""
    for _ in range(count):
        theirs, ours = memory_pair(clock=clock)
        server.take_stream(ours)
        client = WebSocketPeer(clock=clock)
        assert client.connect_through(theirs) is OK
        poll_all(server, client)
        assert client.get_ready_state() is OPEN
        client.send(MESSAGES[0])
        poll_all(server, client)
        if isinstance(server, WebSocketMultiplayerPeer):
            assert server.get_packet() == MESSAGES[0]
        client.close(1000, "bye")
        poll_all(server, client)
        assert (client.get_ready_state(), client.get_close_code()) == (CLOSED, 1000)
        clock.advance(5.0)
        poll_all(server)


@pytest.mark.parametrize("make", [WebSocketServer, WebSocketMultiplayerPeer])
def test_l1_a_server_that_goes_on_keeps_nothing_of_those_who_have_left(
    make: type[WebSocketServer | WebSocketMultiplayerPeer],
) -> None:
    """One server, many clean ends: what it kept of each would fill the memory of one that runs for months."""
    clock = ManualClock(100.0)
    with make(clock=clock) as server:
        come_and_go(server, clock, 3 * WARM_UP)
        gc.collect()
        tracemalloc.start()
        try:
            come_and_go(server, clock, WARM_UP)  # what the interpreter makes while memory is traced
            gc.collect()
            before = tracemalloc.get_traced_memory()[0]
            rounds = 5 * ROUNDS
            come_and_go(server, clock, rounds)
            gc.collect()
            growth = tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()
        assert server.stats().peers == 0
        ended = server.stats().ended
    record("L1", **{f"{make.__name__}_leaves": rounds, f"{make.__name__}_growth_bytes": growth})
    assert ended == {"closed": 4 * WARM_UP + rounds}
    assert growth < max(GROWTH, 16 * rounds)


def test_l1_a_peer_that_has_gone_needs_no_collection() -> None:
    """The server lets go of a peer when its connection has ended; no cycle keeps it until the collector comes."""
    clock = ManualClock(100.0)
    gc.collect()
    gc.disable()
    try:
        server = WebSocketServer(clock=clock)
        held: Held = []
        for _ in range(amount(5, 100)):
            theirs, ours = memory_pair(clock=clock)
            peer_id = server.take_stream(ours)
            client = WebSocketPeer(clock=clock)
            assert client.connect_through(theirs) is OK
            poll_all(server, client)
            assert client.get_ready_state() is OPEN
            held += [weakref.ref(one) for one in (server.peers[peer_id], server.peers[peer_id]._backend, client)]
            client.send(MESSAGES[0])
            poll_all(server, client)
            client.close()
            poll_all(server, client)
            assert client.get_ready_state() is CLOSED
            clock.advance(5.0)
            poll_all(server, client)
            del client, theirs, ours
            assert [one() for one in held if one() is not None] == []
        server.stop()
    finally:
        gc.enable()
