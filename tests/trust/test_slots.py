"""S6: an exception of the game's, in a slot, a call or a handler, is logged with who and what; others go on."""

from __future__ import annotations

import logging

import pytest

from gdpeer import LoopbackMultiplayerPeer, Node, SceneTree, Signal, http, rpc
from tests.unit.websocket.support import OPEN, Room


class Oops(Exception):
    """The game's own."""


def test_s6_a_slot_that_raises(caplog: pytest.LogCaptureFixture) -> None:
    room = Room()
    heard: list[int] = []

    def fail(peer_id: int) -> None:
        raise Oops("in a slot")

    room.server.data_received.connect(fail)
    room.server.data_received.connect(heard.append)
    (one, first), (two, second) = room.join(), room.join()
    with caplog.at_level(logging.ERROR):
        for client in (first, second):
            client.send(b"x")
        room.poll()
    assert sorted(heard) == sorted((one, two))
    assert caplog.text.count("Oops: in a slot") == 2
    assert "data_received" in caplog.text
    assert (first.get_ready_state(), second.get_ready_state()) == (OPEN, OPEN)


def test_s6_a_slot_of_every_signal_of_a_session(caplog: pytest.LogCaptureFixture) -> None:
    room = Room()
    heard: list[str] = []
    signals = [value for value in vars(room.server).values() if isinstance(value, Signal)]

    def fail(*_: object) -> None:
        raise Oops("in a slot")

    for signal in signals:
        signal.connect(fail)
        signal.connect(lambda *_, name=signal.name: heard.append(name))
    with caplog.at_level(logging.ERROR):
        _, client = room.enter()
        room.poll()
        client.send(b"x")
        room.poll()
        client.close(1000, "bye")
        room.poll()
    assert [name for name in heard if name != "client_close_request"] == [
        "client_connected",
        "data_received",
        "client_disconnected",
    ]
    assert caplog.text.count("Oops: in a slot") == len(heard)
    for name in heard:
        assert f"a handler of signal '{name}' raised" in caplog.text


class Main(Node):
    def __init__(self) -> None:
        super().__init__("Main")
        self.done: list[int] = []

    @rpc("any_peer")
    def work(self, number: int) -> None:
        if number < 0:
            raise Oops("in a call")
        self.done.append(number)


def test_s6_a_call_that_raises(caplog: pytest.LogCaptureFixture) -> None:
    peer = LoopbackMultiplayerPeer()
    trees, mains = [SceneTree(), SceneTree()], [Main(), Main()]
    for tree, main, end in zip(trees, mains, (peer, peer.join()), strict=True):
        tree.root.add_child(main)
        tree.multiplayer.multiplayer_peer = end
    for tree in (*trees, *trees):
        tree.poll()
    with caplog.at_level(logging.ERROR):
        for number in (1, -1, 2):
            mains[1].work.rpc_id(1, number)
        trees[0].poll()
    assert mains[0].done == [1, 2]
    caller = trees[1].multiplayer.get_unique_id()
    assert f"work of {mains[0]!r} raised, called by peer {caller}" in caplog.text
    assert "in a call" in caplog.text


def test_s6_a_handler_that_raises(caplog: pytest.LogCaptureFixture) -> None:
    def fail(request: http.Request) -> http.Response:
        raise Oops("in a handler")

    room = Room(http_handler=fail)
    _, client = room.join()
    _, theirs, _ = room.stream()
    theirs.send([b"GET /page?token=secret HTTP/1.1\r\nHost: h\r\n\r\n"])
    with caplog.at_level(logging.ERROR):
        room.poll()
    answer = bytearray(4096)
    count = theirs.receive_into(answer)
    assert bytes(answer[:count]).startswith(b"HTTP/1.1 500")
    assert "in a handler" in caplog.text
    assert "GET /page" in caplog.text
    assert "secret" not in caplog.text
    assert client.get_ready_state() is OPEN
