"""What a stranger gains by checksums that no list of methods has: not the server's time, and few lines in its log."""

from __future__ import annotations

import logging
import secrets
import time

import pytest

from gdpeer import Node, SceneTree, WebSocketMultiplayerPeer, WebSocketPeer, rpc
from gdpeer.contract import Contract, Method, Table
from gdpeer.multiplayer.wire.godot4 import SimplifyPath
from tests.support.figures import record

pytestmark = pytest.mark.timeout(60)

CHECKSUMS = 1_000
SECONDS = 1.0
LONGEST_TURN = 0.06
LINES = 15


def method(self: Node) -> None: ...


NAMES = [f"a_method_of_usual_length_{number}" for number in range(72)]
Main: type[Node] = type("Main", (Node,), {name: rpc("any_peer")(method) for name in NAMES})


def contract(version: int) -> Contract:
    methods = [Method(f"{name}_{version}", "any_peer", False, "reliable", 0, "res://main.gd", 1) for name in NAMES]
    return Contract(f"game-{version}", 4, (Table("res://main.gd", "Main", tuple(methods)),), (), ())


def test_random_checksums_do_not_hold_the_server_up(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    peer, tree = WebSocketMultiplayerPeer(), SceneTree()
    peer.create_server(0, "127.0.0.1")
    tree.multiplayer.multiplayer_peer = peer
    tree.root.add_child(Main(name="Main"))
    for version in range(5):
        tree.multiplayer.add_contract(contract(version))
    stranger = WebSocketPeer()
    stranger.connect_to_url(f"ws://127.0.0.1:{peer.get_local_port()}")
    while not stranger.get_available_packet_count():  # its id
        tree.poll(timeout=0.001)
        stranger.poll()
    refused, sent, longest = tree.multiplayer.refused, 0, 0.0
    begin = time.monotonic()
    while refused["checksum mismatch"] < CHECKSUMS:
        while sent < min(CHECKSUMS, CHECKSUMS / SECONDS * (time.monotonic() - begin)):
            sent += 1
            stranger.send(SimplifyPath(secrets.token_hex(16), sent, "Main").encode())
        stranger.poll()
        # Of this thread alone: other programs of the machine do not count.
        before = time.thread_time()
        tree.poll(timeout=0.001)
        longest = max(longest, time.thread_time() - before)
    record("checksums", checksums=sent, longest_turn=longest, lines=len(caplog.records))
    assert longest < LONGEST_TURN
    assert len(caplog.records) <= LINES
    stranger.close()
    peer.close()
