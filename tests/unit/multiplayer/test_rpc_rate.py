"""`rpc_rate`: a peer that calls too often is refused, the others are not."""

from __future__ import annotations

import logging

import pytest

from gdpeer import LoopbackMultiplayerPeer, ManualClock, Node, SceneMultiplayer, SceneTree, rpc
from gdpeer.multiplayer.wire import godot4 as wire


class Arena(Node):
    def __init__(self) -> None:
        super().__init__("Arena")
        self.calls: list[tuple[int, int]] = []

    @rpc("any_peer")
    def count(self, number: int) -> None:
        self.calls.append((self.multiplayer.get_remote_sender_id(), number))


class Side:
    def __init__(self, peer: LoopbackMultiplayerPeer, clock: ManualClock) -> None:
        self.tree = SceneTree()
        self.api = SceneMultiplayer(clock=clock)
        self.tree.set_multiplayer(self.api)
        self.arena = Arena()
        self.tree.root.add_child(self.arena)
        self.api.multiplayer_peer = peer


@pytest.fixture
def sides() -> tuple[ManualClock, Side, Side, Side]:
    clock, peer = ManualClock(), LoopbackMultiplayerPeer()
    server = Side(peer, clock)
    clients = [Side(peer.join(), clock) for _ in range(2)]
    for side in (server, *clients, server):
        side.tree.poll()
    return clock, server, *clients


def test_what_is_over_the_rate_is_refused_and_counted(
    sides: tuple[ManualClock, Side, Side, Side], caplog: pytest.LogCaptureFixture
) -> None:
    clock, server, loud, quiet = sides
    server.api.rpc_rate = 5.0
    told: list[object] = []
    server.api.call_refused.connect(lambda *what: told.append(what))
    with caplog.at_level(logging.WARNING, "gdpeer.multiplayer"):
        for number in range(100):
            loud.arena.count.rpc_id(1, number)
        quiet.arena.count.rpc_id(1, 7)
        server.tree.poll()
    mine = [number for sender, number in server.arena.calls if sender == loud.api.get_unique_id()]
    assert mine == list(range(10))
    assert (quiet.api.get_unique_id(), 7) in server.arena.calls
    assert server.api.refused["too many calls"] == 90
    assert told == []
    assert len([line for line in caplog.messages if "times a second" in line]) == 1
    clock.advance(1.0)
    for number in range(100, 110):
        loud.arena.count.rpc_id(1, number)
    server.tree.poll()
    assert [number for _, number in server.arena.calls][-5:] == [100, 101, 102, 103, 104]


def test_without_a_rate_all_are_made(sides: tuple[ManualClock, Side, Side, Side]) -> None:
    _, server, loud, _ = sides
    for number in range(1_000):
        loud.arena.count.rpc_id(1, number)
    server.tree.poll()
    assert len(server.arena.calls) == 1_000
    assert server.api.refused["too many calls"] == 0


def test_who_has_gone_is_forgotten(sides: tuple[ManualClock, Side, Side, Side]) -> None:
    _, server, loud, _ = sides
    server.api.rpc_rate = 0.5
    for number in range(3):
        loud.arena.count.rpc_id(1, number)
    server.tree.poll()
    assert len(server.arena.calls) == 1
    server.api.clear()
    assert server.api.refused["too many calls"] == 2


def numbers(side: Side) -> list[int]:
    return [number for _, number in side.arena.calls]


def relay(side: Side, target: int, number: int) -> None:
    """Call for others, one packet for all of them, as the engine does."""
    peer = side.api.multiplayer_peer
    assert peer is not None
    peer.put_packet(wire.Relay(target, wire.RemoteCall(0, 0, [number], "Arena").encode()).encode())


@pytest.mark.parametrize("target", ["one", "all", "all but the server"])
def test_calls_for_others_count_once(sides: tuple[ManualClock, Side, Side, Side], target: str) -> None:
    clock, server, loud, quiet = sides
    server.api.rpc_rate = 5.0
    peer_id = {"one": quiet.api.get_unique_id(), "all": 0, "all but the server": -1}[target]
    for number in range(2_000):
        relay(loud, peer_id, number)
    loud.arena.count.rpc_id(1, 7_000)
    for side in (server, quiet):
        side.tree.poll()
    assert numbers(quiet) == list(range(10))
    assert numbers(server) == (list(range(10)) if target == "all" else [])
    assert server.api.refused["too many calls"] == 1_991
    clock.advance(1.0)
    for number in range(10):
        relay(loud, peer_id, 100 + number)
    for side in (server, quiet):
        side.tree.poll()
    assert numbers(quiet)[10:] == [100, 101, 102, 103, 104]


def test_a_call_made_within_a_call_for_all_is_counted_for_itself(sides: tuple[ManualClock, Side, Side, Side]) -> None:
    _, server, loud, quiet = sides
    server.api.rpc_rate = 0.5
    first = []

    def poll_again(self: Arena, number: int) -> None:
        server_calls.append(number)
        if not first:
            first.append(number)
            for other in range(3):
                quiet.arena.count.rpc_id(1, other)
            server.tree.poll()

    server_calls: list[int] = []
    table = server.arena._gdpeer_methods()
    assert table.names == ["count"]
    server.arena.calls = Recorder(poll_again, server.arena)  # type: ignore[assignment]
    relay(loud, 0, 7)
    server.tree.poll()
    assert server_calls == [7, 0]


class Recorder(list[object]):
    """Calls a function for what is added."""

    def __init__(self, call: object, arena: Arena) -> None:
        super().__init__()
        self.call = call
        self.arena = arena

    def append(self, what: object) -> None:
        self.call(self.arena, what[1])  # type: ignore[operator,index]


def test_packets_that_are_no_calls_do_not_count(sides: tuple[ManualClock, Side, Side, Side]) -> None:
    _, server, loud, quiet = sides
    server.api.rpc_rate = 0.5
    heard: list[object] = []
    quiet.api.peer_packet.connect(lambda *what: heard.append(what))
    for _ in range(10):
        loud.api.send_bytes(b"x", quiet.api.get_unique_id())
    for side in (server, quiet):
        side.tree.poll()
    assert len(heard) == 10
    assert server.api.refused == {}
