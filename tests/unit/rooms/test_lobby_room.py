"""The lobby by RPC: requests of games, and their answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gdpeer import OK, LoopbackMultiplayerPeer, Node, SceneTree, WebSocketMultiplayerPeer, rpc
from gdpeer.rooms.lobby_room import REQUESTS_AT_ONCE, LobbyNode
from tests.unit.rooms.arenas import NOW, advance, lobby_of, make_hall


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
    """A hall on a port, and a game in its lobby room."""

    def __init__(self, **options: Any) -> None:
        self.hall = make_hall(public_url=None, **options)
        assert self.hall.listen(0, "127.0.0.1") == OK
        self.at = f"ws://127.0.0.1:{self.hall.get_local_port()}"
        self.client = SceneTree()
        self.game = GameLobby()
        self.client.root.add_child(self.game)

    def enter(self, path: str = "/") -> None:
        peer = WebSocketMultiplayerPeer()
        peer.create_client(f"{self.at}{path}")
        self.client.multiplayer.multiplayer_peer = peer
        self.poll(lambda: bool(self.client.multiplayer.get_peers()))

    def poll(self, until: Any) -> None:
        for _ in range(500):
            self.hall.poll(0.002)
            self.client.poll(0.002)
            if until():
                return
        raise AssertionError("no answer")

    def ask(self, method: str, *arguments: Any) -> tuple[Any, ...]:
        count = len(self.game.answers)
        getattr(self.game, method).rpc_id(1, *arguments)
        self.poll(lambda: len(self.game.answers) > count)
        return self.game.answers[-1]


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    with made.hall:
        yield made


def test_each_request_gets_its_answer(pair: Pair) -> None:
    pair.enter()
    hall = pair.hall
    word, url, peer_id, expires = pair.ask("quick", "arena", {"map": "sand"})
    [room] = hall.rooms.values()
    assert (word, url, expires) == ("seat", f"{pair.at}/room/{room.code}?seat", NOW + 15)
    assert room.labels == {"map": "sand"}
    assert list(room.places) == [peer_id]
    assert pair.ask("join", room.code)[:2] == ("seat", url)
    assert pair.ask("create", "arena", {"secret": 1}, {"mode": "duel"}, True)[0] == "seat"
    made = list(hall.rooms.values())[1]
    assert (made.options, made.labels, made.private) == ({"secret": 1}, {"mode": "duel"}, True)
    listed = {"code": room.code, "kind": "arena", "labels": {"map": "sand"}, "taken": 2, "max_peers": 4}
    assert pair.ask("find", "arena", {}) == ("rooms", "arena", [listed])


def test_refusals_have_the_words_of_http(pair: Pair) -> None:
    pair.enter()
    assert pair.ask("quick", "chess", {})[:2] == ("refused", "no_room")
    assert pair.ask("join", "nowhere")[:2] == ("refused", "no_room")
    assert pair.ask("quick", "arena", {"map": [1]})[:2] == ("refused", "bad_request")
    pair.hall.max_rooms = 0
    assert pair.ask("quick", "arena", {})[:2] == ("refused", "full")
    pair.hall.is_draining = True
    assert pair.ask("create", "arena", None, {}, False)[:2] == ("refused", "draining")


def test_an_address_that_tries_codes_or_asks_too_often_is_stopped(pair: Pair) -> None:
    pair.enter()
    words = [pair.ask("join", f"{number:06}")[1] for number in range(REQUESTS_AT_ONCE + 1)]
    assert words == ["no_room"] * 20 + ["too_many"]
    advance(pair.hall, 4.0)  # eight more requests, but no code
    assert pair.ask("join", "999999")[1] == "too_many"
    assert pair.ask("quick", "arena", {})[0] == "seat"


@pytest.mark.parametrize("arguments", [("quick", 5, {}), ("join", None), ("create", "arena", 1, 2, 3)])
def test_wrong_arguments_get_no_answer_and_make_nothing(pair: Pair, arguments: tuple[Any, ...]) -> None:
    pair.enter()
    getattr(pair.game, arguments[0]).rpc_id(1, *arguments[1:])
    assert pair.ask("find", "arena", {}) == ("rooms", "arena", [])
    assert len(pair.game.answers) == 1


def test_players_have_the_name_that_the_program_gives(pair: Pair) -> None:
    lobby_of(pair.hall).identify = lambda request: request.query or None
    pair.enter("/?ann")
    pair.ask("quick", "arena", {})
    [room] = pair.hall.rooms.values()
    assert [place.player for place in room.places.values()] == ["ann"]


def test_players_in_the_lobby_do_not_know_each_other(pair: Pair) -> None:
    pair.enter()
    other = WebSocketMultiplayerPeer()
    other.create_client(f"{pair.at}/")
    for _ in range(100):
        other.poll()
        pair.poll(lambda: True)
    assert other.get_connection_status() == other.CONNECTION_CONNECTED
    assert pair.client.multiplayer.get_peers() == [1]
    other.close()


def test_without_a_network_there_is_no_address_to_limit() -> None:
    hall = make_hall(public_url=None)
    tree, client = SceneTree(), SceneTree()
    tree.root.add_child(LobbyNode(hall, lobby_of(hall), lambda peer_id: f"player {peer_id}"))
    game = GameLobby()
    client.root.add_child(game)
    loopback = LoopbackMultiplayerPeer()
    tree.multiplayer.multiplayer_peer = loopback
    client.multiplayer.multiplayer_peer = loopback.join()
    for _ in range(2):
        tree.poll()
        client.poll()
    game.quick.rpc_id(1, "arena", {})
    tree.poll()
    client.poll()
    assert game.answers[0][1].startswith("ws://127.0.0.1:0/room/")
    [room] = hall.rooms.values()
    assert [place.player for place in room.places.values()] == [f"player {client.multiplayer.get_unique_id()}"]
