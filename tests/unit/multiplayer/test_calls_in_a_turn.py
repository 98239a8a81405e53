"""Calls over a WebSocket, several in a turn: what a called method may do meanwhile, and whose members a call passes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from gdpeer import ERR_UNCONFIGURED, OK, Error, ManualClock, MultiplayerAPI, SceneMultiplayer, SceneTree, rpc
from gdpeer.multiplayer.peer import ConnectionStatus
from gdpeer.multiplayer.tree import Node
from gdpeer.multiplayer.websocket_peer import WebSocketMultiplayerPeer
from gdpeer.transport.memory import MemoryStream, memory_pair
from tests.unit.websocket.support import watch_sends


class Desk(Node):
    """Answers each question, and does what a test has it do at one of them."""

    def __init__(self) -> None:
        super().__init__("Desk")
        self.asked: list[tuple[int, int]] = []
        self.answers: list[int] = []
        self.at: dict[int, Callable[[], object]] = {}

    @rpc("any_peer")
    def ask(self, number: int) -> None:
        self.asked.append((self.multiplayer.get_remote_sender_id(), number))
        self.answer.rpc_id(self.multiplayer.get_remote_sender_id(), number)
        self.at.get(number, lambda: None)()

    @rpc("authority")
    def answer(self, number: int) -> None:
        self.answers.append(number)

    @rpc("any_peer", "call_local")
    def count(self, *numbers: int) -> None:
        self.answers.append(len(numbers))


class Side:
    """A tree with a desk and its peer."""

    def __init__(self, peer: WebSocketMultiplayerPeer, api: SceneMultiplayer, desk: Desk) -> None:
        self.peer = peer
        self.api = api
        self.desk = desk
        self.tree = SceneTree(api)
        self.tree.root.add_child(desk)


class Match:
    """A server and clients that know each other's desk.

    Args:
        clients: how many.
        make_peer, make_api, make_desk: the server's.
    """

    def __init__(
        self,
        clients: int = 1,
        make_peer: type[WebSocketMultiplayerPeer] = WebSocketMultiplayerPeer,
        make_api: type[SceneMultiplayer] = SceneMultiplayer,
        make_desk: type[Desk] = Desk,
    ) -> None:
        self.clock = ManualClock(100.0)
        self.server = Side(make_peer(clock=self.clock), make_api(), make_desk())
        self.ids: list[int] = []
        self.streams: list[MemoryStream] = []
        self.clients: list[Side] = []
        for _ in range(clients):
            self.join()
        self.run()
        self.server.desk.answer.rpc(-1)
        for side in self.clients:
            side.desk.ask.rpc_id(1, -1)
        self.run()
        for side in (self.server, *self.clients):
            side.desk.asked.clear()
            side.desk.answers.clear()

    def join(self) -> None:
        client = Side(WebSocketMultiplayerPeer(clock=self.clock), SceneMultiplayer(), Desk())
        theirs, ours = memory_pair(clock=self.clock)
        self.ids.append(self.server.peer.take_stream(ours))
        self.streams.append(ours)
        assert client.peer.connect_through(theirs) is OK
        self.server.api.multiplayer_peer = self.server.peer
        client.api.multiplayer_peer = client.peer
        self.clients.append(client)

    def run(self, turns: int = 6) -> None:
        for _ in range(turns):
            for side in (self.server, *self.clients):
                side.tree.poll()

    def ask(self, count: int, client: int = 0) -> None:
        for number in range(count):
            assert self.clients[client].desk.ask.rpc_id(1, number) is OK

    @property
    def numbers(self) -> list[int]:
        """What the server was asked."""
        return [number for _, number in self.server.desk.asked]


# ------------------------------------------------------------------------------------------- while answers are gathered


def test_answers_to_all_calls_of_a_turn_leave_in_one_write() -> None:
    match = Match()
    match.ask(300)
    sends = watch_sends(match.streams[0])
    match.server.tree.poll()
    assert len(sends) == 1
    assert match.server.desk.asked == [(match.ids[0], number) for number in range(300)]
    match.run()
    assert match.clients[0].desk.answers == list(range(300))
    assert match.server.peer.get_packet_error() is OK


def test_a_called_method_that_polls_handles_what_is_left() -> None:
    match = Match()
    depths: list[tuple[int, list[int], int]] = []

    def poll() -> None:
        match.server.tree.poll()
        depths.append((len(sends), match.numbers, match.server.api.get_remote_sender_id()))

    match.server.desk.at[1] = poll
    match.ask(4)
    sends = watch_sends(match.streams[0])
    match.server.tree.poll()
    assert depths == [(1, [0, 1, 2, 3], match.ids[0])]  # what was gathered by then went out before the turn within
    assert len(sends) == 2
    assert match.server.api.get_remote_sender_id() == 0
    match.run()
    assert match.clients[0].desk.answers == [0, 1, 2, 3]


def test_a_called_method_that_polls_takes_what_comes_meanwhile() -> None:
    match = Match(2)

    def wait_for_the_other() -> None:
        match.server.desk.at.clear()
        match.ask(2, client=1)
        match.server.tree.poll()

    match.server.desk.at[0] = wait_for_the_other
    match.ask(1)
    match.server.tree.poll()
    one, two = match.ids
    assert match.server.desk.asked == [(one, 0), (two, 0), (two, 1)]
    match.run()
    assert [side.desk.answers for side in match.clients] == [[0], [0, 1]]


def test_a_call_that_raises_keeps_no_other_and_no_answer_back(caplog: pytest.LogCaptureFixture) -> None:
    match = Match()
    match.server.desk.at[1] = lambda: {}["a mistake of the game"]
    match.ask(4)
    sends = watch_sends(match.streams[0])
    with caplog.at_level(logging.ERROR):
        match.server.tree.poll()
    assert "ask of <Desk '/root/Desk'> raised" in caplog.text
    assert match.numbers == [0, 1, 2, 3]
    assert len(sends) == 1
    assert match.server.api.get_remote_sender_id() == 0
    match.run()
    assert match.clients[0].desk.answers == [0, 1, 2, 3]


class Leaving(BaseException):
    """Nothing that the API keeps from whoever polls."""


def test_what_ends_the_program_leaves_the_poll_and_the_answers_still_go_out() -> None:
    match = Match()

    def leave() -> None:
        raise Leaving

    match.server.desk.at[1] = leave
    match.ask(4)
    sends = watch_sends(match.streams[0])
    with pytest.raises(Leaving):
        match.server.tree.poll()
    assert match.numbers == [0, 1]
    assert len(sends) == 1
    assert match.server.api.get_remote_sender_id() == 0
    match.run()
    assert match.numbers == match.clients[0].desk.answers == [0, 1, 2, 3]


def test_a_call_that_stops_the_server_is_the_last_and_its_answers_arrive() -> None:
    match = Match(2)
    gone: list[str] = []
    match.clients[0].api.server_disconnected.connect(lambda: gone.append("server"))
    match.server.desk.at[1] = match.server.peer.close
    match.ask(4)
    match.ask(4, client=1)
    match.server.tree.poll()
    assert match.numbers[:2] == [0, 1]
    assert len(match.numbers) == 2
    assert match.server.peer.get_connection_status() is ConnectionStatus.DISCONNECTED
    assert match.server.desk.answer.rpc_id(match.ids[0], 9) is not OK
    match.run()
    assert match.clients[0].desk.answers == [0, 1]
    assert gone == ["server"]


def test_a_call_that_takes_the_network_away_is_the_last() -> None:
    match = Match()
    match.server.desk.at[1] = lambda: setattr(match.server.api, "multiplayer_peer", None)
    match.ask(4)
    match.server.tree.poll()
    assert match.numbers == [0, 1]
    assert match.server.desk.answer.rpc_id(match.ids[0], 9) is ERR_UNCONFIGURED
    assert match.server.peer.get_available_packet_count() == 2
    match.clients[0].tree.poll()
    assert match.clients[0].desk.answers == [0, 1]


def test_a_call_that_disconnects_its_caller_is_the_last_of_his() -> None:
    match = Match(2)
    one, two = match.ids
    match.server.desk.at[1] = lambda: match.server.api.disconnect_peer(match.server.api.get_remote_sender_id())
    match.ask(4)
    match.server.tree.poll()
    assert match.server.desk.asked == [(one, 0), (one, 1)]
    match.server.desk.at.clear()
    match.ask(2, client=1)
    match.run()
    assert match.server.desk.asked == [(one, 0), (one, 1), (two, 0), (two, 1)]
    assert match.clients[0].desk.answers == [0, 1]


def test_a_packet_that_the_game_takes_itself_is_no_call(caplog: pytest.LogCaptureFixture) -> None:
    match = Match()
    match.server.desk.at[0] = match.server.peer.get_packet
    match.ask(3)
    match.server.tree.poll()
    assert match.numbers == [0, 2]
    direct = match.server.peer.get_peer(match.ids[0])
    assert direct is not None
    match.server.desk.at[0] = direct.get_packet
    match.ask(2)
    match.server.tree.poll()
    assert match.numbers == [0, 2, 0]
    assert match.server.api.refused == {}


def test_a_packet_behind_one_that_the_game_has_taken_keeps_its_sender() -> None:
    match = Match(2)
    one, two = match.ids
    direct = match.server.peer.get_peer(one)
    assert direct is not None
    match.server.desk.at[0] = direct.get_packet
    for client, number in ((0, 0), (0, 1), (1, 2)):
        assert match.clients[client].desk.ask.rpc_id(1, number) is OK
    match.server.tree.poll()
    assert match.server.desk.asked == [(one, 0), (two, 2)]


# -------------------------------------------------------------------------------------------- whose members are passed


def test_a_method_takes_as_many_arguments_as_come() -> None:
    match = Match()
    for count in (0, 1, 8, 9, 127, 128, 255):
        assert match.clients[0].desk.count.rpc(*range(count)) is OK
        assert match.clients[0].api.rpc(0, match.clients[0].desk, "count", list(range(count))) is OK
    match.run()
    expected = [count for count in (0, 1, 8, 9, 127, 128, 255) for _ in range(2)]
    assert match.server.desk.answers == match.clients[0].desk.answers == expected


class Telling(Desk):
    """Notes its calls elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.called: list[tuple[Any, ...]] = []

    def rpc_id(self, peer_id: int, method: str, *arguments: Any) -> Error:
        self.called.append((peer_id, method, *arguments))
        return super().rpc_id(peer_id, method, *arguments)


class Elsewhere(Desk):
    """Has another API than its tree says."""

    other: Any = None

    @property
    def multiplayer(self) -> Any:
        return self.other or super().multiplayer


def test_a_node_may_have_its_own_way_to_call() -> None:
    match = Match(make_desk=Telling)
    desk = match.server.desk
    assert isinstance(desk, Telling)
    desk.called.clear()
    match.ask(2)
    match.run()
    assert desk.called == [(match.ids[0], "answer", 0), (match.ids[0], "answer", 1)]
    assert match.clients[0].desk.answers == [0, 1]


def test_rpc_of_an_api_may_be_replaced_at_any_time(monkeypatch: pytest.MonkeyPatch) -> None:
    match = Match()
    desk, called = match.server.desk, list[tuple[Any, ...]]()
    desk.answer.rpc_id(match.ids[0], 1)
    with monkeypatch.context() as patch:
        patch.setattr(match.server.api, "rpc", lambda *what: called.append(what))
        desk.answer.rpc_id(match.ids[0], 2)
    desk.answer.rpc_id(match.ids[0], 3)
    assert called == [(match.ids[0], desk, "answer", (2,))]
    match.run()
    assert match.clients[0].desk.answers == [1, 3]


def test_a_node_may_say_which_api_counts() -> None:
    class Noting(SceneMultiplayer):
        def rpc(self, peer_id: int, node: Node, method: str, arguments: Sequence[Any] = ()) -> Error:
            called.append((peer_id, method, arguments))
            return OK

    called: list[Any] = []
    match = Match(make_desk=Elsewhere)
    assert isinstance(match.server.desk, Elsewhere)
    match.server.desk.other = Noting()
    assert match.server.desk.answer.rpc_id(7, 1) is OK
    assert called == [(7, "answer", (1,))]


def test_an_api_of_one_s_own_is_asked() -> None:
    class Own(MultiplayerAPI[Any]):
        multiplayer_peer = None

        def poll(self, timeout: float = 0.0) -> Error:
            return OK

        def rpc(self, peer_id: int, node: Node, method: str, arguments: Sequence[Any] = ()) -> Error:
            called.append((peer_id, node, method, arguments))
            return Error.ERR_BUSY

        def get_unique_id(self) -> int:
            return 1

        def get_peers(self) -> list[int]:
            return []

        def get_remote_sender_id(self) -> int:
            return 0

    called: list[Any] = []
    tree, desk = SceneTree(Own()), Desk()
    tree.root.add_child(desk)
    assert desk.answer.rpc_id(3, 4) is Error.ERR_BUSY
    assert desk.answer.rpc(4) is Error.ERR_BUSY
    assert called == [(3, desk, "answer", (4,)), (0, desk, "answer", (4,))]


class Overseer(SceneMultiplayer):
    """Sees each call that goes out."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        super().__init__()

    def rpc(self, peer_id: int, node: Node, method: str, arguments: Sequence[Any] = ()) -> Error:
        self.seen.append("rpc")
        return super().rpc(peer_id, node, method, arguments)


def test_what_an_api_s_subclass_has_changed_is_passed() -> None:
    match = Match(make_api=Overseer)
    assert isinstance(match.server.api, Overseer)
    match.server.api.seen.clear()
    match.ask(2)
    match.run()
    assert match.server.api.seen == ["rpc"] * 2
    assert match.clients[0].desk.answers == [0, 1]


class Wire(WebSocketMultiplayerPeer):
    """Sees each packet, in and out."""

    def __init__(self, **arguments: Any) -> None:
        self.seen: list[str] = []
        super().__init__(**arguments)

    def get_packet(self) -> bytes:
        self.seen.append("get")
        return super().get_packet()

    def put_packet_to(self, peer_ids: Any, buffer: Any) -> Error:
        self.seen.append("put")
        return super().put_packet_to(peer_ids, buffer)


def test_what_a_peer_s_subclass_has_changed_is_passed() -> None:
    match = Match(make_peer=Wire)
    assert isinstance(match.server.peer, Wire)
    match.server.peer.seen.clear()
    match.ask(2)
    match.run()
    assert match.server.peer.seen == ["get", "put", "get", "put"]
    assert match.clients[0].desk.answers == [0, 1]


class Spied(WebSocketMultiplayerPeer):
    """Has a spy in place of one of its methods."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.sent: list[tuple[int, ...]] = []
        put = self.put_packet_to

        def spy(peer_ids: Any, buffer: Any) -> Error:
            self.sent.append(tuple(peer_ids))
            return put(peer_ids, buffer)

        self.put_packet_to = spy  # type: ignore[method-assign]


def test_a_spy_on_a_peer_that_is_there_before_the_api_sees_each_packet() -> None:
    match = Match(make_peer=Spied)
    assert isinstance(match.server.peer, Spied)
    match.server.peer.sent.clear()
    match.ask(2)
    match.run()
    assert match.server.peer.sent == [(match.ids[0],)] * 2
    assert match.clients[0].desk.answers == [0, 1]


def test_a_client_calls_another_through_the_server() -> None:
    match = Match(2)
    one, two = match.clients
    assert one.desk.ask.rpc_id(match.ids[1], 5) is OK
    match.run()
    assert two.desk.asked == [(match.ids[0], 5)]
    assert match.numbers == []
