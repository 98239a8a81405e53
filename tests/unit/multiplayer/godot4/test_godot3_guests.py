"""Peers of both engines in one session: over in-memory streams, with our own clients of either dialect."""

from __future__ import annotations

from typing import Any

import pytest

from gdpeer import godot3
from gdpeer.clock import ManualClock
from gdpeer.errors import Error
from gdpeer.multiplayer.godot4.scene import SceneMultiplayer
from gdpeer.multiplayer.rpc.decorator import rpc
from gdpeer.multiplayer.tree import Node, SceneTree
from gdpeer.multiplayer.websocket_peer import WebSocketMultiplayerPeer
from gdpeer.multiplayer.wire import godot3 as wire3
from gdpeer.multiplayer.wire import godot4 as wire4
from gdpeer.transport.memory import memory_pair
from gdpeer.variant import StringName, Vector2, Vector2i


class Main(godot3.Node):
    """The same methods on all sides."""

    score = godot3.remote.var(0)

    def __init__(self) -> None:
        super().__init__("Main")
        self.heard: list[tuple[Any, ...]] = []

    def hear(self, *what: Any) -> None:
        self.heard.append((self.multiplayer.get_remote_sender_id(), *what))

    @rpc("any_peer")
    def say(self, what: Any) -> None:
        self.hear("say", what)

    @rpc("any_peer")
    def place(self, where: Vector2i) -> None:
        self.hear("place", where)

    @rpc("authority", "call_local")
    def decree(self, what: Any) -> None:
        self.hear("decree", what)

    def take(self) -> list[tuple[Any, ...]]:
        heard, self.heard = self.heard, []
        return heard


class Side:
    def __init__(self, api: Any, peer: WebSocketMultiplayerPeer) -> None:
        self.api = api
        self.peer = peer
        self.tree = SceneTree(api)
        self.main = Main()
        self.tree.root.add_child(self.main)
        self.signals: list[tuple[Any, ...]] = []
        packet = api.network_peer_packet if isinstance(api, godot3.MultiplayerAPI) else api.peer_packet
        for name, signal in (("came", api.peer_connected), ("went", api.peer_disconnected), ("packet", packet)):
            signal.connect(lambda *arguments, name=name: self.signals.append((name, *arguments)))

    @property
    def id(self) -> int:
        return self.peer.get_unique_id()

    def take_signals(self) -> list[tuple[Any, ...]]:
        signals, self.signals = self.signals, []
        return signals


class Mixed:
    """A server for both, and clients by the word."""

    def __init__(self, *words: str) -> None:
        self.clock = ManualClock()
        self.peer = WebSocketMultiplayerPeer(dialects=("godot4", "godot3"), clock=self.clock)
        self.peer.supported_protocols = ["four"]
        self.peer.godot3_protocols = ["three"]
        self.api = SceneMultiplayer(clock=self.clock)
        self.server = Side(self.api, self.peer)
        self.clients: list[Side] = []
        self.began = False
        for word in words:
            self.join(word)
        for side in (self.server, *self.clients):
            side.take_signals()

    def join(self, word: str) -> Side:
        ours, theirs = memory_pair()
        self.peer.take_stream(ours)
        if not self.began:
            self.began = True
            self.api.multiplayer_peer = self.peer
        peer = WebSocketMultiplayerPeer(dialects=("godot3",) if word.startswith("3") else ("godot4",), clock=self.clock)
        peer.supported_protocols = ["three" if word.startswith("3") else "four"]
        assert peer.connect_through(theirs) is Error.OK
        # "3": Godot 3's API; "3+": SceneMultiplayer over Godot 3's dialect; "4": SceneMultiplayer
        side = Side(godot3.MultiplayerAPI() if word == "3" else SceneMultiplayer(clock=self.clock), peer)
        side.api.multiplayer_peer = peer
        self.clients.append(side)
        self.run()
        return side

    def run(self) -> None:
        for _ in range(6):
            for side in (self.server, *self.clients):
                side.tree.poll()


def test_all_know_of_each_other() -> None:
    mixed = Mixed()
    four, three = mixed.join("4"), mixed.join("3")
    assert mixed.server.take_signals() == [("came", four.id), ("came", three.id)]
    assert four.take_signals() == [("came", 1), ("came", three.id)]
    assert three.take_signals() == [("came", 1), ("came", four.id)]
    assert mixed.peer.get_peer_dialect(three.id) == "godot3"
    three_id = three.id
    three.peer.close()
    mixed.run()
    assert mixed.server.take_signals() == four.take_signals() == [("went", three_id)]
    assert mixed.api.get_peers() == [four.id]
    third = mixed.join("3")
    four_id = four.id
    four.peer.close()
    mixed.run()
    assert third.take_signals() == [("came", 1), ("came", four_id), ("went", four_id)]


def test_calls_between_the_server_and_both() -> None:
    mixed = Mixed("4", "3", "3+")
    four, three, plus = mixed.clients
    mixed.server.main.decree.rpc("all")
    mixed.server.main.say.rpc_id(three.id, StringName("three"))
    mixed.server.main.say.rpc_id(-three.id, "not three")
    mixed.run()
    assert mixed.server.main.take() == [(1, "decree", "all")]
    assert four.main.take() == plus.main.take() == [(1, "decree", "all"), (1, "say", "not three")]
    assert three.main.take() == [(1, "decree", "all"), (1, "say", "three")]
    for client in mixed.clients:
        client.main.say.rpc_id(1, "hi")
        client.main.say.rpc_id(1, "again")
    mixed.run()
    assert sorted(mixed.server.main.take()) == sorted(
        (client.id, "say", text) for client in mixed.clients for text in ("hi", "again")
    )


def test_rules_and_types_are_those_of_the_decorator() -> None:
    mixed = Mixed("3")
    (three,) = mixed.clients
    three.main.rpc_id(1, "place", Vector2(1, 2))
    three.main.rpc_id(1, "place", Vector2(0.5, 2))
    three.api.rpc(1, three.main, "decree", ["obey"])
    mixed.run()
    assert mixed.server.main.take() == [(three.id, "place", Vector2i(1, 2))]
    assert mixed.api.refused == {"wrong arguments": 1, "not allowed": 1}
    three.main.rset_id(1, "score", 5)
    mixed.run()
    assert mixed.server.main.score == 0
    assert mixed.api.refused["not allowed"] == 2


def test_what_does_not_translate_is_refused_for_those_only(caplog: pytest.LogCaptureFixture) -> None:
    mixed = Mixed("4", "3")
    four, three = mixed.clients
    told: list[Any] = []
    mixed.api.call_refused.connect(lambda *what: told.append(what[0]))
    assert mixed.server.main.say.rpc(Vector2i(1, 2)) is Error.ERR_INVALID_DATA
    four.main.say.rpc(Vector2i(3, 4))
    mixed.run()
    assert four.main.take() == [(1, "say", Vector2i(1, 2))]
    assert mixed.server.main.take() == [(four.id, "say", Vector2i(3, 4))]
    assert three.main.take() == []
    assert mixed.api.refused == {"not translatable": 2}
    assert "Godot 3 cannot take it" in caplog.text
    assert told == [four.id]  # of a call that came, not of one's own


def test_clients_of_both_reach_each_other() -> None:
    mixed = Mixed("4", "3", "4", "3+")
    four, three, other, plus = mixed.clients
    four.main.say.rpc_id(three.id, "to three")
    three.main.rpc_id(four.id, "say", "to four")
    three.main.rpc_id(four.id, "say", "to four again")
    plus.main.say.rpc_id(other.id, "to other")
    mixed.run()
    three.main.rpc_id(four.id, "say", "by number")
    mixed.run()
    assert three.main.take() == [(four.id, "say", "to three")]
    assert four.main.take() == [(three.id, "say", text) for text in ("to four", "to four again", "by number")]
    assert other.main.take() == [(plus.id, "say", "to other")]
    assert plus.main.take() == mixed.server.main.take() == []
    three.main.rpc("say", "to all")
    four.main.say.rpc("to all too")
    mixed.run()
    heard = [(three.id, "say", "to all"), (four.id, "say", "to all too")]
    for side in (mixed.server, other, plus):
        assert sorted(side.main.take()) == sorted(heard)
    three.main.rpc_id(-1, "say", "no server")
    three.main.rpc_id(-four.id, "say", "not four")
    four.main.take()
    mixed.run()
    assert mixed.server.main.take() == [(three.id, "say", "not four")]
    assert four.main.take() == [(three.id, "say", "no server")]
    assert mixed.api.refused.total() == 0


def test_packets_of_the_game_s_own() -> None:
    mixed = Mixed("4", "3", "3+")
    four, three, plus = mixed.clients
    assert mixed.api.send_bytes(b"all") is Error.OK
    assert four.api.send_bytes(b"from four") is Error.OK
    mixed.run()
    assert three.api.send_bytes(b"from three") is Error.OK
    mixed.run()
    assert plus.api.send_bytes(b"to four", four.id) is Error.OK
    mixed.run()
    assert mixed.server.take_signals() == [("packet", four.id, b"from four"), ("packet", three.id, b"from three")]
    assert four.take_signals() == [
        ("packet", 1, b"all"),
        ("packet", three.id, b"from three"),
        ("packet", plus.id, b"to four"),
    ]
    assert three.take_signals() == [("packet", 1, b"all"), ("packet", four.id, b"from four")]
    assert plus.take_signals() == [
        ("packet", 1, b"all"),
        ("packet", four.id, b"from four"),
        ("packet", three.id, b"from three"),
    ]


def test_what_the_server_lacks_it_cannot_translate() -> None:
    class Extra(Node):
        @rpc("any_peer")
        def bark(self) -> None: ...

    mixed = Mixed("4", "3")
    four, three = mixed.clients
    for client in (four, three):
        client.tree.root.add_child(Extra())
    four.tree.get_node("/root/Extra").rpc_id(three.id, "bark")
    three.tree.get_node("/root/Extra").rpc_id(four.id, "bark")
    mixed.run()
    assert mixed.api.refused["unknown method"] == 2


def test_bad_packets_are_dropped_and_counted() -> None:
    mixed = Mixed("4", "3")
    four, three = mixed.clients
    three.peer.put_packet_to([1], b"\xff")
    three.peer.put_packet_to([four.id], wire3.RemoteSet(0, "score", [1], "Main").encode())
    three.peer.put_packet_to([four.id], wire3.RemoteCall(9, "say", ["x"]).encode())
    three.peer.put_packet_to([four.id], wire3.ConfirmPath("Main").encode())  # to whom nothing was told: dropped
    four.peer.put_packet(wire4.Relay(three.id, wire4.RemoteCall(1, 0, ["x"]).encode()).encode())
    four.peer.put_packet(wire4.Relay(three.id, b"\x03").encode())
    mixed.run()
    assert mixed.api.refused == {"unknown command": 1, "not allowed": 1, "unknown node": 1, "bad packet": 2}
    assert four.api.refused.total() == 0


def test_who_cannot_authenticate_is_turned_away(caplog: pytest.LogCaptureFixture) -> None:
    mixed = Mixed()
    mixed.api.auth_callback = lambda peer_id, data: None
    failed: list[int] = []
    mixed.api.peer_authentication_failed.connect(failed.append)
    three = mixed.join("3")
    assert len(failed) == 1
    assert mixed.api.get_peers() == mixed.api.get_authenticating_peers() == []
    assert three.peer.get_connection_status() == 0
    assert "Godot 3 cannot authenticate" in caplog.text


def test_without_a_network_there_is_nobody_to_pass_on_to() -> None:
    mixed = Mixed("4", "3")
    mixed.api.multiplayer_peer = None
    mixed.api._guests._put_from(2, [3], b"x")
    assert mixed.api._guests.members == set()


def test_without_the_relay_the_engines_do_not_reach_each_other() -> None:
    mixed = Mixed("4", "3")
    four, three = mixed.clients
    for side in (mixed.server, four):
        side.api.server_relay = False
    three.main.rpc_id(four.id, "say", "hi")
    mixed.run()
    assert four.main.take() == []
    assert mixed.api.refused == {"not allowed": 2}  # the announcement and the call
    three.main.rpc_id(1, "say", "hi")
    mixed.run()
    assert mixed.server.main.take() == [(three.id, "say", "hi")]


def test_what_is_also_for_the_server_reaches_it_where_the_passing_on_fails() -> None:
    mixed = Mixed("4", "3")
    four, three = mixed.clients
    mixed.api.server_relay = False
    three.api.send_bytes(b"to all")
    mixed.run()
    assert mixed.server.take_signals() == [("packet", three.id, b"to all")]
    assert four.take_signals() == []
    assert mixed.api.refused == {"not allowed": 1}
    mixed.api.server_relay = True
    for _ in range(2):
        four.main.say.rpc_id(1, "x")
        mixed.run()
    mixed.server.main.take()
    call = wire4.RemoteCall(1, mixed.server.main._gdpeer_methods().by_name["say"].number, ["by number"]).encode()
    four.peer.put_packet(wire4.Relay(0, call).encode())
    mixed.run()
    assert mixed.server.main.take() == [(four.id, "say", "by number")]


def test_what_finds_no_room_is_told(caplog: pytest.LogCaptureFixture) -> None:
    mixed = Mixed("4", "3")
    four, three = mixed.clients
    assert mixed.server.main.say.rpc("x" * 70_000) is Error.ERR_OUT_OF_MEMORY
    mixed.peer.outbound_buffer_size = 8
    for peer_id in (three.id, four.id):
        peer = mixed.peer.get_peer(peer_id)
        assert peer is not None
        peer.outbound_buffer_size = 8
    caplog.clear()
    four.main.say.rpc_id(three.id, "to three")
    three.main.rpc_id(four.id, "say", "to four")
    mixed.run()
    assert caplog.text.count("was lost: one of") == 2
    assert mixed.api.refused == {"no room": 2}
    assert three.main.take() == four.main.take() == []


def test_who_is_thrown_out_by_a_refused_call_is_not_heard_any_more() -> None:
    mixed = Mixed("4", "3")
    four, three = mixed.clients
    refused: list[int] = []
    mixed.api.call_refused.connect(lambda peer_id, *_: (refused.append(peer_id), mixed.api.disconnect_peer(peer_id)))
    three.main.rpc("nothing", "to all")
    mixed.run()
    assert len(refused) == 1
    assert mixed.api.get_peers() == [four.id]


@pytest.mark.parametrize("words", [("3", "4"), ("3", "4", "3"), ("4", "3"), ("4", "3", "4")])
def test_calls_that_are_translated_count_once(words: tuple[str, ...]) -> None:
    mixed = Mixed(*words)
    loud, others = mixed.clients[0], mixed.clients[1:]
    mixed.api.rpc_rate = 2.0
    for number in range(20):
        loud.main.say.rpc_id(others[0].id, number)  # for one other
    mixed.run()
    assert others[0].main.take() == [(loud.id, "say", number) for number in range(4)]
    assert mixed.server.main.take() == []
    mixed.clock.advance(10.0)
    for number in range(20):
        loud.main.say.rpc_id(-others[0].id, number)  # for the server, and who else is there
    mixed.run()
    heard = mixed.server.main.take()
    assert heard == [(loud.id, "say", number) for number in range(len(heard))]
    assert len(heard) <= 4  # a client may send a packet to each
    assert mixed.api.refused["too many calls"] >= 32


def test_setting_a_property_counts_as_a_call() -> None:
    ours, theirs = memory_pair()
    clock = ManualClock()
    peers = [WebSocketMultiplayerPeer(dialects=("godot3",), clock=clock) for _ in range(2)]
    peers[0].take_stream(ours)
    assert peers[1].connect_through(theirs) is Error.OK
    server, client = (Side(godot3.MultiplayerAPI(), peer) for peer in peers)
    for side in (server, client):
        side.api.multiplayer_peer = side.peer
        side.api._clock = clock
    for side in (server, client) * 6:
        side.tree.poll()
    server.api.rpc_rate = 2.0
    for number in range(20):
        client.main.rset_id(1, "score", number)
        for side in (client, server):
            side.tree.poll()
    assert server.main.score == 3
    assert server.api.refused["too many calls"] == 16


@pytest.mark.parametrize("target", ["one", "all", "all but the server"])
def test_what_the_network_passes_on_counts_once(target: str) -> None:
    """Godot 3 to Godot 3, with numbers that are agreed on, so that a call is one packet."""
    mixed = Mixed("3", "3")
    loud, quiet = mixed.clients
    loud.main.say.rpc("first")
    mixed.run()
    mixed.api.rpc_rate = 2.0
    mixed.clock.advance(10.0)
    for side in (mixed.server, quiet):
        side.main.take()
    peer_id = {"one": quiet.id, "all": 0, "all but the server": -1}[target]
    for number in range(20):
        loud.main.say.rpc_id(peer_id, number)
    mixed.run()
    expected = [(loud.id, "say", number) for number in range(4)]
    assert quiet.main.take() == expected
    assert mixed.server.main.take() == (expected if target == "all" else [])
    assert mixed.api.refused["too many calls"] == 16
    mixed.api.multiplayer_peer = None
    assert mixed.peer._session is not None
    assert mixed.peer._session.relay_filter is None


def test_godot_3_s_own_api_counts_what_the_network_passes_on() -> None:
    clock = ManualClock()
    server = Side(godot3.MultiplayerAPI(), WebSocketMultiplayerPeer(dialects=("godot3",), clock=clock))
    server.api._clock = clock
    sides = [server]
    for _ in range(2):
        ours, theirs = memory_pair()
        server.peer.take_stream(ours)
        if len(sides) == 1:
            server.api.multiplayer_peer = server.peer
        side = Side(godot3.MultiplayerAPI(), WebSocketMultiplayerPeer(dialects=("godot3",), clock=clock))
        assert side.peer.connect_through(theirs) is Error.OK
        side.api.multiplayer_peer = side.peer
        sides.append(side)
        for one in sides * 6:
            one.tree.poll()
    _, loud, quiet = sides
    loud.main.say.rpc("first")
    for one in sides * 4:
        one.tree.poll()
    for one in (server, quiet):
        assert one.main.take() == [(loud.id, "say", "first")]
    server.api.rpc_rate = 2.0
    for number in range(20):
        loud.main.say.rpc(number)
    for one in sides * 4:
        one.tree.poll()
    assert server.main.take() == quiet.main.take() == [(loud.id, "say", number) for number in range(4)]
    assert server.api.refused["too many calls"] == 16
    loud.api.send_bytes(b"not a call")
    for one in sides * 4:
        one.tree.poll()
    assert quiet.take_signals()[-1] == ("packet", loud.id, b"not a call")
