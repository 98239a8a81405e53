"""Values of clients for which the server finds no room in another client's queue: the newest ones are sent later."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from gdpeer import (
    Error,
    LoopbackMultiplayerPeer,
    ManualClock,
    Node,
    ReplicationMode,
    replicated,
)
from gdpeer.multiplayer.replication import owed
from gdpeer.multiplayer.replication.owed import OwedValues
from gdpeer.multiplayer.wire.replication import Delta, Sync, parse_sync
from tests.support.slow_peer import Buffer, SlowPeer
from tests.support.worlds import World, Worlds


class Board(Node):
    synchronizer_name = "Sync"
    place = replicated(0)
    score: int = replicated(0, mode=ReplicationMode.ON_CHANGE)
    notes: str = replicated("", mode=ReplicationMode.ON_CHANGE)


class Table(World):
    """Has a board that belongs to a client."""

    def __init__(self, peer: LoopbackMultiplayerPeer, clock: ManualClock) -> None:
        main = Node("Main")
        self.board = Board("Board")
        main.add_child(self.board)
        super().__init__(peer, clock, main)


def values(world: Any) -> tuple[int, int, str]:
    board = world.board
    return board.place, board.score, board.notes


class Game:
    """A server with three clients; the second is slow, the first owns the board."""

    def __init__(self) -> None:
        self.worlds = Worlds(0, Table)
        self.peer = SlowPeer()
        self.worlds.server = Table(self.peer, self.worlds.clock)
        self.owner, self.slow, self.other = (self.worlds.join() for _ in range(3))
        for world in (self.worlds.server, *self.worlds.clients):
            world.board.set_multiplayer_authority(self.owner.id)  # type: ignore[attr-defined]
        self.worlds.run()
        self.board: Board = self.owner.board  # type: ignore[attr-defined]
        self.peer.queue_size = 100
        self.peer.slow_down(self.slow.id)

    def change(self, numbers: range) -> None:
        for number in numbers:
            self.board.place = self.board.score = number
            self.worlds.run(1)
        self.worlds.run()

    def speed_up(self) -> None:
        self.peer.speed_up(self.slow.id)
        self.worlds.run()


@pytest.fixture(name="game")
def _game() -> Game:
    return Game()


def test_the_newest_values_are_sent_when_there_is_room(game: Game, caplog: pytest.LogCaptureFixture) -> None:
    """Regression: they were lost, and the log said so."""
    game.board.notes = "once"
    game.change(range(1, 30))
    assert values(game.other) == (29, 29, "once")
    received: list[int] = []
    game.slow.main.get_node("Board/Sync").delta_synchronized.connect(  # type: ignore[attr-defined]
        lambda: received.append(game.slow.board.score)  # type: ignore[attr-defined]
    )
    game.speed_up()
    assert values(game.slow) == (29, 29, "once")
    assert received[-1] == 29
    assert len(received) < 10
    game.change(range(30, 32))
    assert values(game.slow) == (31, 31, "once")
    assert "was lost" not in caplog.text


def test_a_server_that_only_relays() -> None:
    """It has no spawner and no synchronizer, and so no network frames of its own."""
    game = Game()
    game.worlds.server.tree.root.remove_child(game.worlds.server.main)
    game.change(range(1, 30))
    game.speed_up()
    assert values(game.slow) == (29, 29, "")


def test_a_queue_that_is_full_again(game: Game, monkeypatch: pytest.MonkeyPatch) -> None:
    game.change(range(1, 20))
    real = game.peer.put_packet_to

    def put(peer_ids: Iterable[int], data: Buffer) -> Error:
        """Has room for one packet only."""
        ids = list(peer_ids)
        result = real(ids, data)
        if game.slow.id in ids:
            game.peer.queue_size = 0
            game.peer.slow_down(game.slow.id)
        return result

    monkeypatch.setattr(game.peer, "put_packet_to", put)
    game.speed_up()
    assert values(game.slow) == (19, values(game.slow)[1], "")
    game.change(range(20, 25))
    monkeypatch.undo()
    game.speed_up()
    assert values(game.slow) == (24, 24, "")


def test_the_values_of_a_client_that_has_gone_are_forgotten(game: Game) -> None:
    game.change(range(1, 20))
    game.worlds.server.api.disconnect_peer(game.owner.id)
    game.worlds.run()
    assert not any(one.size for one in game.worlds.server.api._owed.peers.values())
    game.speed_up()
    assert values(game.slow)[0] < 19
    game.worlds.server.api.clear()


def test_too_much_is_lost(game: Game, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(owed, "MOST_BYTES", 100)
    game.board.notes = "x" * 200
    game.change(range(1, 20))
    assert "was lost" in caplog.text
    game.speed_up()
    game.change(range(20, 22))
    assert values(game.slow)[:2] == (21, 21)


def sync(counter: int, *elements: tuple[int, bytes]) -> Sync:
    return Sync(counter, elements)


def test_what_replaces_what() -> None:
    values = OwedValues()
    for packet in (
        sync(1, (1, b"a"), (2, b"b")),
        sync(2, (1, b"cc")),
        Delta(((1, 1, b"1"), (1, 2, b"2"))),
        Delta(((1, 5, b"15"),)),
        Delta(((2, 1, b"9"),)),
    ):
        assert values.add(7, 3, packet)
    assert values.add(7, 4, sync(65535, (1, b"z")))
    assert values.peers[7].size == 3 * 64 + 4 + 3 * 64 + 4
    assert [(source, parse_sync(data)) for source, data in values.take(7, 1350, 65535)] == [
        (3, Sync(2, ((1, b"cc"), (2, b"b")))),
        (4, Sync(65535, ((1, b"z"),))),
        (3, Delta(((1, 2, b"2"), (1, 5, b"15"), (2, 1, b"9")))),
    ]
    assert values.take(7, 1350, 65535) == []


def test_packets_are_not_larger_than_usual() -> None:
    values = OwedValues()
    for number in range(50):
        values.add(7, 3, sync(1, (number, b"x" * 50)))
        values.add(7, 3, Delta(((number, 1, b"x" * 50),)))
    packets = [data for _, data in values.take(7, 128, 256)]
    assert max(len(data) for data in packets if data[0] == 6) <= 128
    assert max(len(data) for data in packets if data[0] == 0x16) <= 256
    assert sum(len(parse_sync(data).elements) for data in packets) == 100
