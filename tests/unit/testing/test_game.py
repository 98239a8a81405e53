"""`MemoryGame`: a server and its players in memory."""

from __future__ import annotations

import pytest

from gdpeer import OK, HandshakeError, MultiplayerSpawner, Node, SceneTree, Vector2, rpc
from gdpeer.testing import Call, ManualClock, MemoryGame


class Main(Node):
    def __init__(self) -> None:
        super().__init__("Main")
        self.asked: list[tuple[int, str]] = []

    @rpc("any_peer")
    def ask(self, text: str) -> None:
        self.asked.append((self.multiplayer.get_remote_sender_id(), text))
        self.told.rpc_id(self.multiplayer.get_remote_sender_id(), text, Vector2(1, 2))

    @rpc("authority")
    def told(self, text: str, where: Vector2) -> None: ...


class Hand(Node):
    @rpc("authority")
    def deal(self, card: int) -> None: ...

    def fold(self) -> None: ...


@pytest.fixture
def game() -> MemoryGame:
    game = MemoryGame()
    game.tree.root.add_child(Main())
    return game


def test_the_server_and_its_players_call_each_other(game: MemoryGame) -> None:
    main = game.tree.root.get_node("Main")
    assert isinstance(main, Main)
    ann, bob = game.join(), game.join()
    assert ann.call("Main", "ask", "where?") == OK
    game.run()
    assert main.asked == [(ann.peer_id, "where?")]
    assert ann.calls == [Call("/root/Main", "told", ("where?", Vector2(1, 2)))]
    assert bob.calls == []
    assert ann.calls_of("told") == [("where?", Vector2(1, 2))]
    assert ann.calls_of("ask") == []


def test_copies_have_the_children_the_authority_and_the_configured_methods(game: MemoryGame) -> None:
    main = game.tree.root.get_node("Main")
    hand = Hand(name="Hand")
    hand.rpc_config("fold", {"rpc_mode": 1})
    main.add_child(hand)
    main.add_child(MultiplayerSpawner())
    hand.set_multiplayer_authority(7)
    ann = game.join()
    copy = ann.tree.root.get_node("Main/Hand")
    assert copy.get_multiplayer_authority() == 7
    assert [child.name for child in ann.tree.root.get_node("Main").get_children()] == ["Hand"]
    hand.set_multiplayer_authority(1)
    copy.set_multiplayer_authority(1)
    hand.deal.rpc(3)
    hand.rpc("fold")
    game.run()
    assert [call[1:] for call in ann.calls] == [("deal", (3,)), ("fold", ())]


def test_a_player_with_nodes_of_the_game(game: MemoryGame) -> None:
    class Guest(Main):
        @rpc("authority")
        def told(self, text: str, where: Vector2) -> None:
            self.asked.append((1, text))

    guest = Guest()
    ann = game.join(guest)
    guest.ask.rpc_id(1, "x")
    game.run()
    assert guest.asked == [(1, "x")]
    assert ann.calls == []


def test_players_leave_and_the_game_ends(game: MemoryGame) -> None:
    left: list[int] = []
    game.tree.multiplayer.peer_disconnected.connect(left.append)
    ann, bob = game.join(), game.join(delay=0.1)
    ann.leave()
    game.run(1)
    assert left == [ann.peer_id]
    game.close()
    game.run(1)
    assert bob.is_over


def test_a_refused_player(game: MemoryGame) -> None:
    game.peer.max_peers = 1
    game.join()
    with pytest.raises(HandshakeError):
        game.join()
    assert len(game.players) == 1


def test_no_player_yet_and_a_tree_of_the_test() -> None:
    clock, tree = ManualClock(5.0), SceneTree()
    with MemoryGame(tree, clock) as game:
        game.run(0.5)
        assert game.tree is tree
        assert tree.multiplayer.is_server()
        assert clock.now() == pytest.approx(5.5)
        assert not game.join(wait=False).is_connected
        with pytest.raises(AssertionError, match=r"the condition does not hold after 0.1 s of the test's clock"):
            game.run_until(lambda: False, 0.1)
