"""A placer gives each connection of one port its session and its id; sessions share nothing."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from gdpeer import OK, SceneTree, WebSocketMultiplayerPeer, WebSocketServer
from gdpeer.cluster.answers import Answer
from gdpeer.http.response import Response
from gdpeer.multiplayer.peer import ConnectionStatus
from gdpeer.multiplayer.websocket_peer import SessionPeer
from gdpeer.protocol.http_headers import Request
from gdpeer.refusals import Refusals
from gdpeer.websocket.backend.base import Turn
from gdpeer.websocket.peer import WebSocketPeer
from gdpeer.websocket.session.dialects import GODOT4
from gdpeer.websocket.session.placement import Placement
from gdpeer.websocket.session.server import News, ServerSession
from tests.unit.websocket.support import until


class RoomPeer(SessionPeer):
    """A peer of one session on a shared port."""

    def __init__(self, house: House) -> None:
        super().__init__()
        self.house = house
        self.refusals: Counter[str] = Counter()
        self._session = ServerSession(self, lambda peer: GODOT4, News(self.peer_connected, self.peer_disconnected))
        self._session.on_news = lambda: house.news.append(self)

    def poll_turn(self) -> Turn:
        return self.house.server.poll_turn()

    def serves(self, session: ServerSession) -> bool:
        return True

    def refusals_of(self, peer_id: int) -> Refusals:
        assert isinstance(self._session, ServerSession)
        return self.house.server.refusals_at(self._session.peer(peer_id), self.refusals)

    def poll(self, timeout: float = 0.0) -> None:
        """The house polls."""

    def close(self) -> None:
        assert self._session is not None
        self._session.close()

    def disconnect_peer(self, peer_id: int, force: bool = False) -> None:
        assert isinstance(self._session, ServerSession)
        self._disconnect(self._session, peer_id, force)


class House:
    """The placer: the path names the room; the id is the same in all rooms."""

    def __init__(self) -> None:
        self.server = WebSocketServer()
        self.server.bind_ip = "127.0.0.1"
        self.server.use_placer(self)
        self.news: list[RoomPeer] = []
        self.rooms: dict[str, RoomPeer] = {}
        self.coming: dict[int, str] = {}
        self.later: Answer[Response | None] | None = None
        self.id: int | None = 7
        self.forgotten: list[int] = []
        assert self.server.listen(0) is OK

    def room(self, name: str) -> RoomPeer:
        return self.rooms.setdefault(name, RoomPeer(self))

    def admit(self, number: int, request: Request) -> Response | Answer[Response | None] | None:
        if request.path == "/no":
            return Response(403, "no\n")
        self.coming[number] = request.path
        return self.later

    def place(self, number: int, peer: WebSocketPeer) -> Placement | None:
        name = self.coming.pop(number)
        if self.id is None:
            return None
        session = self.room(name)._session
        assert isinstance(session, ServerSession)
        return Placement(session, self.id)

    def forget(self, number: int) -> None:
        self.coming.pop(number, None)
        self.forgotten.append(number)

    def join(self, path: str) -> WebSocketMultiplayerPeer:
        client = WebSocketMultiplayerPeer()
        assert client.create_client(f"ws://127.0.0.1:{self.server.get_local_port()}{path}") is OK
        return client


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.server.stop()


def is_in(client: WebSocketMultiplayerPeer) -> Any:
    return lambda: client.get_connection_status() is ConnectionStatus.CONNECTED


def test_one_id_may_be_in_many_sessions_of_one_port(house: House) -> None:
    red, blue = house.room("/red"), house.room("/blue")
    clients = {"/red": house.join("/red"), "/blue": house.join("/blue")}
    until(lambda: all(is_in(one)() for one in clients.values()), house.server, *clients.values())
    assert [one.get_unique_id() for one in clients.values()] == [7, 7]
    assert len(house.server.peers) == 2
    for path, client in clients.items():
        client.put_packet(path.encode())
    until(lambda: red.get_available_packet_count() and blue.get_available_packet_count(), house.server)
    assert (red.get_packet_peer(), red.get_packet()) == (7, b"/red")
    assert (blue.get_packet_peer(), blue.get_packet()) == (7, b"/blue")
    red.put_packet_to([7], b"to red")
    until(clients["/red"].get_available_packet_count, house.server, *clients.values())
    assert clients["/red"].get_packet() == b"to red"
    assert not clients["/blue"].get_available_packet_count()


def test_the_end_of_a_connection_reaches_its_own_session_only(house: House) -> None:
    gone: list[str] = []
    for name in ("/red", "/blue"):
        house.room(name).peer_disconnected.connect(lambda peer_id, name=name: gone.append(name))
    red, blue = house.join("/red"), house.join("/blue")
    until(lambda: is_in(red)() and is_in(blue)(), house.server, red, blue)
    red.close()
    until(lambda: gone, house.server, blue)
    assert gone == ["/red"]
    assert house.room("/red").get_peer_dialect(7) == ""
    assert house.room("/blue").get_peer_dialect(7) == "godot4"


def test_news_are_told_once_until_they_are_handled(house: House) -> None:
    client = house.join("/red")
    until(is_in(client), house.server, client)
    red = house.room("/red")
    assert house.news == [red]  # somebody has come
    client.put_packet(b"1")
    client.put_packet(b"2")
    until(lambda: red.get_available_packet_count() == 2, house.server, client)
    assert house.news == [red]
    assert red._session is not None
    red._session.has_news = False
    client.put_packet(b"3")
    until(lambda: red.get_available_packet_count() == 3, house.server, client)
    assert house.news == [red, red]


def test_a_refusal_of_the_placer_is_the_answer_to_the_upgrade(house: House) -> None:
    client = house.join("/no")
    until(lambda: client.get_connection_status() is ConnectionStatus.DISCONNECTED, house.server, client)
    assert client.get_close_cause().status == 403
    assert len(house.forgotten) == 1


def test_a_decision_may_come_later(house: House) -> None:
    answer = house.later = Answer()
    client = house.join("/red")
    until(lambda: house.coming, house.server, client)
    for _ in range(5):
        house.server.poll(0.002)
        client.poll(0.002)
    assert client.get_connection_status() is ConnectionStatus.CONNECTING
    answer.give(None)
    until(is_in(client), house.server, client)


def test_a_client_without_a_place_is_closed_with_1001(house: House) -> None:
    house.id = None
    client = WebSocketPeer()
    client.connect_to_url(f"ws://127.0.0.1:{house.server.get_local_port()}/red")
    until(lambda: client.get_ready_state() is WebSocketPeer.State.CLOSED, house.server, client)
    assert client.get_close_code() == 1001
    assert not house.rooms


def test_each_session_counts_its_own_refusals(house: House) -> None:
    client = house.join("/red")
    until(is_in(client), house.server, client)
    red, blue = house.room("/red"), house.room("/blue")
    connection = client.get_peer(1)
    assert connection is not None
    connection.send(b"")  # no packet of Godot 4 is empty
    until(lambda: red.refusals, house.server, client)
    assert red.refusals == {"bad packet": 1}
    assert not blue.refusals
    assert red.refusals_of(7).by_cause == {"bad packet": 1}


def test_a_later_connection_with_the_same_id_is_not_ended_by_the_former(house: House) -> None:
    first = house.join("/red")
    until(is_in(first), house.server, first)
    red = house.room("/red")
    gone: list[int] = []
    red.peer_disconnected.connect(gone.append)
    red.disconnect_peer(7, force=True)
    second = house.join("/red")
    until(is_in(second), house.server, second)
    until(lambda: first.get_connection_status() is ConnectionStatus.DISCONNECTED, house.server, first, second)
    first.close()
    until(lambda: len(house.server.peers) == 1, house.server, second)
    assert gone == []
    assert red.get_peer(7) is not None


def test_a_connection_that_is_detached_is_read_first_and_then_closed(house: House) -> None:
    client = house.join("/red")
    until(is_in(client), house.server, client)
    red = house.room("/red")
    gone: list[int] = []
    red.peer_disconnected.connect(gone.append)
    client.put_packet(b"last words")
    time.sleep(0.05)  # TCP has them
    peer = red.get_peer(7)
    assert peer is not None
    house.server.detach(peer, 4001, "another")
    assert red.get_packet() == b"last words"
    assert gone == [7]
    connection = client.get_peer(1)
    assert connection is not None
    until(lambda: client.get_connection_status() is ConnectionStatus.DISCONNECTED, house.server, client)
    assert connection.get_close_code() == 4001
    assert gone == [7]


def test_a_tree_on_a_session_knows_its_own_peers_only(house: House) -> None:
    trees = {}
    for name in ("/red", "/blue"):
        trees[name] = SceneTree()
        trees[name].multiplayer.multiplayer_peer = house.room(name)
    client = house.join("/red")
    mine = SceneTree()
    mine.multiplayer.multiplayer_peer = client
    until(lambda: mine.multiplayer.get_peers(), house.server, mine, *trees.values())
    assert trees["/red"].multiplayer.get_peers() == [7]
    assert trees["/blue"].multiplayer.get_peers() == []
