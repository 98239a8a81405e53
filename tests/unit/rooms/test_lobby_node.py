"""The lobby by RPC: requests of games, and their answers."""

from __future__ import annotations

from typing import Any

import pytest

from gdpeer import LoopbackMultiplayerPeer, Node, SceneTree, WebSocketMultiplayerPeer, rpc
from gdpeer.rooms.guessing import Guessing
from gdpeer.rooms.lobby_node import REQUESTS_AT_ONCE, LobbyNode
from tests.support.ports import free_port
from tests.unit.rooms.small_hall import NOW, SmallHall, lobby_of


class GameLobby(Node):
    """The node of the game."""

    def __init__(self) -> None:
        super().__init__(name="Lobby")
        self.answers: list[tuple[Any, ...]] = []

    @rpc("any_peer")
    def quick(self, kind: str, labels: dict[Any, Any]) -> None: ...

    @rpc("any_peer")
    def join(self, code: str) -> None: ...

    @rpc("any_peer")
    def create(self, kind: str, options: Any, labels: dict[Any, Any], is_private: bool) -> None: ...

    @rpc("any_peer")
    def find(self, kind: str, labels: dict[Any, Any]) -> None: ...

    @rpc
    def seat(self, url: str, peer_id: int, expires: float) -> None:
        self.answers.append(("seat", url.partition("=")[0], peer_id, expires))

    @rpc
    def rooms(self, kind: str, found: list[Any]) -> None:
        self.answers.append(("rooms", kind, found))

    @rpc
    def refused(self, error: str, message: str) -> None:
        self.answers.append(("refused", error, message))


class Pair:
    """A server with the node, and a game, by memory or by network."""

    def __init__(self, hall: SmallHall, *, networked: bool = False, **options: Any) -> None:
        self.server, self.client = SceneTree(), SceneTree()
        self.game = GameLobby()
        self.server.root.add_child(LobbyNode(lobby_of(hall), Guessing(hall.clock), hall.clock, **options))
        self.client.root.add_child(self.game)
        if networked:
            port = free_port()
            own, other = WebSocketMultiplayerPeer(), WebSocketMultiplayerPeer()
            own.create_server(port)
            other.create_client(f"ws://127.0.0.1:{port}/")
            self.at = f"ws://127.0.0.1:{port}"
            self.server.multiplayer.multiplayer_peer, self.client.multiplayer.multiplayer_peer = own, other
        else:
            loopback = LoopbackMultiplayerPeer()
            self.server.multiplayer.multiplayer_peer = loopback
            self.client.multiplayer.multiplayer_peer = loopback.join()
        self.poll(lambda: bool(self.client.multiplayer.get_peers()))

    def poll(self, until: Any) -> None:
        for _ in range(500):
            self.server.poll(0.002)
            self.client.poll(0.002)
            if until():
                return
        raise AssertionError("no answer")

    def ask(self, method: str, *arguments: Any) -> tuple[Any, ...]:
        count = len(self.game.answers)
        getattr(self.game, method).rpc_id(1, *arguments)
        self.poll(lambda: len(self.game.answers) > count)
        return self.game.answers[-1]


def test_each_request_gets_its_answer() -> None:
    hall = SmallHall()
    pair = Pair(hall, player_of=lambda peer_id: f"player {peer_id}")
    word, url, peer_id, expires = pair.ask("quick", "arena", {"map": "sand"})
    [room] = hall.rooms.values()
    assert (word, url, peer_id, expires) == ("seat", f"wss://play.example/room/{room.code}?seat", 2, NOW + 15)
    assert room.labels == {"map": "sand"}
    assert room.places[0].player == f"player {pair.client.multiplayer.get_unique_id()}"
    assert pair.ask("join", room.code)[:3] == ("seat", url, 3)
    assert pair.ask("create", "arena", {"secret": 1}, {"mode": "duel"}, True)[0] == "seat"
    made = list(hall.rooms.values())[1]
    assert (made.options, made.labels, made.private) == ({"secret": 1}, {"mode": "duel"}, True)
    listed = {"code": room.code, "kind": "arena", "labels": {"map": "sand"}, "taken": 2, "max_peers": 4}
    assert pair.ask("find", "arena", {}) == ("rooms", "arena", [listed])


def test_refusals_have_the_words_of_http() -> None:
    hall = SmallHall()
    pair = Pair(hall)
    assert pair.ask("quick", "chess", {})[:2] == ("refused", "no_room")
    assert pair.ask("join", "nowhere")[:2] == ("refused", "no_room")
    assert pair.ask("quick", "arena", {"map": [1]})[:2] == ("refused", "bad_request")
    hall.max_rooms = 0
    assert pair.ask("quick", "arena", {})[:2] == ("refused", "full")
    hall.is_draining = True
    assert pair.ask("create", "arena", None, {}, False)[:2] == ("refused", "draining")


def test_by_network_the_seat_has_the_address_that_the_game_used() -> None:
    hall = SmallHall(public_url=None)
    pair = Pair(hall, networked=True)
    [code] = [pair.ask("quick", "arena", {})[1].partition("/room/")[2]]
    assert pair.game.answers[-1][1] == f"{pair.at}/room/{code}"


def test_an_address_that_tries_codes_or_asks_too_often_is_stopped() -> None:
    hall = SmallHall()
    pair = Pair(hall, networked=True)
    words = [pair.ask("join", f"{number:06}")[1] for number in range(REQUESTS_AT_ONCE + 1)]
    assert words == ["no_room"] * 20 + ["too_many"]
    hall.clock.advance(4)  # eight more requests, but no code
    assert pair.ask("join", "999999")[1] == "too_many"
    assert pair.ask("quick", "arena", {})[0] == "seat"


@pytest.mark.parametrize("arguments", [("quick", 5, {}), ("join", None), ("create", "arena", 1, 2, 3)])
def test_wrong_arguments_get_no_answer_and_make_nothing(arguments: tuple[Any, ...]) -> None:
    hall = SmallHall()
    pair = Pair(hall)
    getattr(pair.game, arguments[0]).rpc_id(1, *arguments[1:])
    assert pair.ask("find", "arena", {}) == ("rooms", "arena", [])
    assert len(pair.game.answers) == 1
