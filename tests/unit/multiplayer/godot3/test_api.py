"""Godot 3's API over loopback: calls and sets in every mode, packets, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from gdpeer import WebSocketServer, godot3
from gdpeer.errors import Error, VariantError
from gdpeer.multiplayer.local_peers import LoopbackMultiplayerPeer
from gdpeer.multiplayer.rpc.decorator import rpc
from gdpeer.multiplayer.rpc.godot3_modes import Mode
from gdpeer.multiplayer.tree import Node, SceneTree
from gdpeer.multiplayer.wire import godot3 as wire
from gdpeer.variant import Vector2i

WORDS = ("remote", "master", "puppet", "remotesync", "mastersync", "puppetsync")


class Main(godot3.Node):
    score = godot3.remote.var(0)
    orders = godot3.puppet.var("")
    shared = godot3.remotesync.var(0)
    mine = godot3.master.var(0)

    def __init__(self, name: str = "Main") -> None:
        super().__init__(name)
        self.heard: list[tuple[Any, ...]] = []
        self.plain = 0

    def hear(self, *what: Any) -> None:
        self.heard.append((self.multiplayer.get_rpc_sender_id(), *what))

    @godot3.remote
    def remote(self, text: str) -> None:
        self.hear("remote", text)

    @godot3.master
    def master(self, text: str) -> None:
        self.hear("master", text)

    @godot3.puppet
    def puppet(self, text: str) -> None:
        self.hear("puppet", text)

    @godot3.remotesync
    def remotesync(self, text: str) -> None:
        self.hear("remotesync", text)

    @godot3.mastersync
    def mastersync(self, text: str) -> None:
        self.hear("mastersync", text)

    @godot3.puppetsync
    def puppetsync(self, text: str) -> None:
        self.hear("puppetsync", text)

    @rpc("any_peer", "call_local")
    def of_godot_4(self, text: str) -> None:
        self.hear("of_godot_4", text)

    def mistake(self) -> None:
        raise RuntimeError("a mistake of the game")

    @godot3.remotesync
    @property
    def fragile(self) -> int:
        return 0

    @fragile.setter
    def fragile(self, value: int) -> None:
        raise RuntimeError("a mistake of the game")

    def take(self) -> list[tuple[Any, ...]]:
        heard, self.heard = self.heard, []
        return heard


class Side:
    def __init__(self, peer: LoopbackMultiplayerPeer) -> None:
        self.peer = peer
        self.api = godot3.MultiplayerAPI()
        self.tree = SceneTree(self.api)
        self.main = Main()
        self.tree.root.add_child(self.main)
        self.signals: list[tuple[Any, ...]] = []
        for signal in (
            self.api.network_peer_connected,
            self.api.network_peer_disconnected,
            self.api.network_peer_packet,
            self.api.connected_to_server,
            self.api.connection_failed,
            self.api.server_disconnected,
        ):
            signal.connect(lambda *arguments, name=signal.name: self.signals.append((name, *arguments)))
        self.api.network_peer = peer
        self.sent: list[bytes] = []
        put_to, put = peer.put_packet_to, peer.put_packet

        def spy_to(peer_ids: Any, buffer: Any) -> Error:
            self.sent.append(bytes(buffer))
            return put_to(peer_ids, buffer)

        peer.put_packet_to = spy_to  # type: ignore[method-assign]
        self.put = put

    @property
    def id(self) -> int:
        return self.peer._id


class Session:
    def __init__(self, clients: int = 1) -> None:
        self.server = Side(LoopbackMultiplayerPeer())
        self.clients = [Side(self.server.peer.join()) for _ in range(clients)]
        self.run()

    @property
    def sides(self) -> list[Side]:
        return [self.server, *self.clients]

    def run(self) -> None:
        for _ in range(4):
            for side in self.sides:
                side.tree.poll()


def test_names_of_godot_3() -> None:
    session = Session()
    server, (client,) = session.server, session.clients
    api = server.api
    assert api.network_peer is server.peer
    assert api.has_network_peer()
    assert api.is_network_server()
    assert api.get_network_unique_id() == 1
    assert api.get_network_connected_peers() == [client.id]
    assert not api.refuse_new_network_connections
    api.refuse_new_network_connections = True
    assert server.peer.refuse_new_connections
    assert api.refuse_new_network_connections
    assert client.main.get_network_master() == 1
    assert not client.main.is_network_master()
    client.main.set_network_master(client.id)
    assert client.main.is_network_master()
    api.network_peer = None
    api.refuse_new_network_connections = False
    assert not api.refuse_new_network_connections


def test_signals() -> None:
    session = Session()
    server, (client,) = session.server, session.clients
    assert server.signals == [("peer_connected", client.id)]
    assert client.signals == [("peer_connected", 1), ("connected_to_server",)]
    server.peer.disconnect_peer(client.id)
    session.run()
    assert server.signals[1:] == [("peer_disconnected", client.id)]
    assert client.signals[2:] == [("peer_disconnected", 1), ("server_disconnected",)]
    server.api._settle_end(99)  # nobody


def by_word(main: Main, word: str) -> Any:
    return getattr(main, word)


def test_a_puppet_may_not_call_the_methods_of_puppets() -> None:
    session = Session()
    server, (client,) = session.server, session.clients
    server.main.set_network_master(2)  # a third one
    client.main.puppet.rpc_id(1, "x")
    session.run()
    assert server.main.take() == []
    assert server.api.refused.total() == 1


@pytest.mark.parametrize(
    ("word", "from_master_there", "from_master_here", "from_puppet_there", "from_puppet_here"),
    [
        ("remote", True, False, True, False),
        ("master", False, True, True, False),
        ("puppet", True, False, False, True),
        ("remotesync", True, True, True, True),
        ("mastersync", False, True, True, True),
        ("puppetsync", True, True, False, True),
    ],
)
def test_calls_in_every_mode(
    word: str, from_master_there: bool, from_master_here: bool, from_puppet_there: bool, from_puppet_here: bool
) -> None:
    """The server is the master of the node, the client a puppet."""
    session = Session()
    server, (client,) = session.server, session.clients
    by_word(server.main, word).rpc("x")
    assert server.main.take() == ([(1, word, "x")] if from_master_here else [])
    session.run()
    assert client.main.take() == ([(1, word, "x")] if from_master_there else [])
    by_word(client.main, word).rpc("y")
    assert client.main.take() == ([(client.id, word, "y")] if from_puppet_here else [])
    session.run()
    assert server.main.take() == ([(client.id, word, "y")] if from_puppet_there else [])
    assert server.api.refused.total() == (0 if from_puppet_there else 1)
    assert client.api.refused.total() == 0


def test_methods_of_godot_4_s_decorator_have_the_nearest_mode() -> None:
    session = Session()
    server, (client,) = session.server, session.clients
    client.main.of_godot_4.rpc("x")
    session.run()
    assert server.main.take() == client.main.take() == [(client.id, "of_godot_4", "x")]


def test_targets() -> None:
    session = Session(2)
    server, (one, two) = session.server, session.clients
    server.main.remote.rpc_id(one.id, "one")
    server.main.remotesync.rpc_id(-one.id, "not one")
    server.main.remotesync.rpc_id(-1, "not me")
    session.run()
    server.main.remote.rpc_id(two.id, "two")
    server.main.remote.rpc("all")
    session.run()
    assert server.main.take() == [(1, "remotesync", "not one")]
    assert [what for _, _, what in one.main.take()] == ["one", "not me", "all"]
    assert [what for _, _, what in two.main.take()] == ["not one", "not me", "two", "all"]


def test_the_bytes_are_the_engine_s() -> None:
    session = Session(2)
    server, (one, two) = session.server, session.clients
    server.main.remote.rpc_id(one.id, "a")
    assert [wire.parse(data) for data in server.sent] == [
        wire.SimplifyPath(1, "Main"),
        wire.RemoteCall(0, "remote", ["a"], "Main"),
    ]
    session.run()
    assert wire.parse(one.sent[-1]) == wire.ConfirmPath("Main")
    server.sent.clear()
    server.main.remote.rpc("b")
    assert [wire.parse(data) for data in server.sent] == [
        wire.SimplifyPath(1, "Main"),
        wire.RemoteCall(1, "remote", ["b"]),
        wire.RemoteCall(0, "remote", ["b"], "Main"),
    ]
    session.run()
    server.sent.clear()
    server.main.remote.rpc("c")
    assert [wire.parse(data) for data in server.sent] == [wire.RemoteCall(1, "remote", ["c"])]
    session.run()
    assert [what for _, _, what in two.main.take()] == ["b", "c"]


def test_sets_in_their_modes() -> None:
    session = Session()
    server, (client,) = session.server, session.clients
    assert client.main.rset("score", 5) is Error.OK
    client.main.rset_id(1, "shared", 6)
    client.main.rset("orders", "obey")
    client.main.rset("mine", 7)
    client.main.rset("plain", 8)
    session.run()
    assert (client.main.score, client.main.shared, client.main.orders) == (0, 0, "obey")  # a puppet sets it here
    assert (server.main.score, server.main.shared, server.main.orders) == (5, 6, "")
    assert (server.main.mine, server.main.plain) == (7, 0)
    assert server.api.refused == {"not allowed": 2}
    server.main.rset("orders", "go")
    server.main.rset("shared", 9)
    server.main.rset("mine", 10)
    session.run()
    assert (client.main.orders, client.main.shared, client.main.mine) == ("go", 9, 0)
    assert (server.main.orders, server.main.shared, server.main.mine) == ("", 9, 10)


def test_modes_of_one_node() -> None:
    session = Session()
    server, (client,) = session.server, session.clients
    for side in session.sides:
        side.main.rset_config("plain", Mode.REMOTE)
        side.main.rset_config("score", Mode.PUPPET)
        side.main.rpc_config("hear", Mode.REMOTE)
        side.main.rpc_config("puppetsync", Mode.REMOTE)
    client.main.rset("plain", 1)
    client.main.rset("score", 1)
    client.main.rpc("hear", "x")
    client.main.puppetsync.rpc("the class says otherwise")
    session.run()
    assert (server.main.plain, server.main.score) == (1, 0)
    assert server.main.take() == [(client.id, "x"), (client.id, "puppetsync", "the class says otherwise")]
    assert client.main.take() == []
    server.main.rset_config("score", Mode.DISABLED)
    server.main.rpc_config("puppetsync", Mode.DISABLED)
    client.main.rset("score", 2)
    client.main.puppetsync.rpc("the class says otherwise")
    session.run()
    assert (server.main.score, server.main.take()) == (2, [])
    server.main.rpc_config("hear", Mode.DISABLED)
    server.main.rpc_config("remote", {"rpc_mode": 0})
    client.main.rpc("hear", "y")
    session.run()
    assert server.main.take() == []
    assert server.api.refused == {"not allowed": 2, "unknown method": 1}
    with pytest.raises(ValueError, match="has no property 'nowhere'"):
        server.main.rset_config("nowhere", Mode.REMOTE)


class Chain(godot3.Node):
    def __init__(self) -> None:
        super().__init__("Chain")
        self.heard: list[str] = []

    @godot3.remotesync
    @property
    def health(self) -> int:
        return 0

    @health.setter
    def health(self, value: int) -> None:
        self.heard.append("health")
        if self.is_network_master():
            self.die.rpc()

    @godot3.remotesync
    def die(self) -> None:
        self.heard.append("die")
        if self.is_network_master():
            self.fall.rpc()

    @godot3.remote
    def fall(self) -> None:
        self.heard.append("fall")


def test_a_set_counts_here_before_it_goes_out_and_a_call_after() -> None:
    session = Session()
    for side in session.sides:
        side.tree.root.add_child(Chain())
    server, client = (side.tree.get_node("/root/Chain") for side in session.sides)
    assert server.rset("health", 0) is Error.OK  # type: ignore[attr-defined]
    session.run()
    assert server.heard == ["health", "die"]  # type: ignore[attr-defined]
    assert client.heard == ["die", "fall", "health"]  # type: ignore[attr-defined]


def test_a_set_that_fails_here_does_not_go_out() -> None:
    session = Session()
    assert session.server.main.rset("fragile", 1) is Error.FAILED
    assert session.server.sent == []


def test_return_codes() -> None:
    session = Session()
    (client,) = session.clients
    alone = Main("alone")
    assert alone.remote.rpc("x") is alone.rset("score", 1) is Error.ERR_INVALID_PARAMETER
    assert client.api.rset(1, alone, "score", 1) is Error.ERR_INVALID_PARAMETER
    assert client.main.remote.rpc_id(client.id, "x") is Error.ERR_INVALID_PARAMETER
    assert client.main.rset_id(client.id, "score", 1) is Error.ERR_INVALID_PARAMETER
    assert client.main.remotesync.rpc_id(client.id, "x") is Error.OK
    assert client.main.remote.rpc_id(99, "x") is client.main.rset_id(99, "score", 1) is Error.OK
    alone_there = Session(clients=0).server.main
    assert alone_there.remote.rpc("x") is alone_there.rset("score", 1) is Error.OK  # there is nobody to hear it
    assert client.main.rpc("nothing") is Error.OK  # it travels by name; the receiver decides
    for side in session.sides:
        side.main.rpc_config("mistake", Mode.REMOTESYNC)
    assert client.main.rpc("mistake") is Error.FAILED
    assert client.main.rset("fragile", 1) is Error.FAILED
    client.peer.close()
    assert client.main.remote.rpc("x") is client.main.rset("score", 1) is Error.ERR_CONNECTION_ERROR
    client.api.network_peer = None
    assert client.main.remote.rpc("x") is client.main.rset("score", 1) is Error.ERR_UNCONFIGURED
    assert client.api.send_bytes(b"x") is Error.ERR_UNCONFIGURED
    assert client.api.send_bytes(b"") is Error.ERR_INVALID_DATA


def test_what_godot_3_has_not_cannot_be_sent() -> None:
    session = Session()
    with pytest.raises(VariantError):
        session.server.main.rpc("remotesync", Vector2i(1, 2))
    with pytest.raises(VariantError):
        session.server.main.rset("shared", Vector2i(1, 2))
    assert session.server.main.take() == []
    assert session.server.main.shared == 0


def test_packets() -> None:
    session = Session()
    server, (client,) = session.server, session.clients
    server.signals.clear()
    client.signals.clear()
    assert client.api.send_bytes(b"hi") is Error.OK
    assert server.api.send_bytes(b"ho", client.id) is Error.OK
    assert server.api.send_bytes(b"x", 99) is Error.ERR_INVALID_PARAMETER
    session.run()
    assert server.signals == [("network_peer_packet", client.id, b"hi")]
    assert client.signals == [("network_peer_packet", 1, b"ho")]


def test_bad_packets_are_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session()
    server, (client,) = session.server, session.clients
    for data in (
        b"\xff",
        wire.RemoteCall(7, "remote", ["x"]).encode(),
        wire.ConfirmPath("Main").encode(),
    ):
        client.put(data)
    client.put(wire.RemoteCall(0, "remote", ["x"], "Nobody").encode())
    client.put(wire.RemoteCall(0, "nothing", ["x"], "Main").encode())
    client.put(wire.RemoteCall(0, "remote", [7], "Main").encode())
    client.put(wire.SimplifyPath(1, "Nobody").encode())  # taken unseen, and changed by a second one
    client.put(wire.SimplifyPath(1, "Main").encode())
    client.put(wire.RemoteCall(1, "remote", ["x"]).encode())
    client.put(wire.RemoteCall(2, "remote", ["x"]).encode())
    session.run()
    assert server.api.refused == {
        "unknown command": 1,
        "bad packet": 1,
        "unknown node": 3,
        "unknown method": 1,
        "wrong arguments": 1,
    }
    assert server.main.take() == [(client.id, "remote", "x")]
    monkeypatch.setattr("gdpeer.multiplayer.rpc.path_budget.MAX_PATH_MEMORY", 300)
    client.put(wire.SimplifyPath(2, "Main").encode())
    client.put(wire.ConfirmPath("Other").encode())
    session.run()
    assert server.api.refused["too many paths"] == 1
    assert server.api.refused["bad packet"] == 2
    server.api._receive(99, b"\x04x")
    assert server.api.refused["not admitted"] == 1


def test_what_finds_no_room_is_told(caplog: pytest.LogCaptureFixture) -> None:
    session = Session()
    server = session.server
    server.main.remote.rpc("x")
    session.run()
    server.peer.put_packet = lambda *_: Error.ERR_OUT_OF_MEMORY  # type: ignore[method-assign]
    server.main.remote.rpc("x")
    assert "could not be sent to target 0" in caplog.text
    server.peer.put_packet_to = lambda *_: Error.ERR_OUT_OF_MEMORY  # type: ignore[method-assign]
    server.api.transmit([2], b"x")
    assert "could not be sent to each of [2]" in caplog.text


def test_a_node_of_the_plain_class_works_too() -> None:
    session = Session()
    server, (client,) = session.server, session.clients

    class Plain(Node):
        value = godot3.remote.var(0)

    for side in session.sides:
        side.tree.root.add_child(Plain())
    session.clients[0].api.rset(1, client.tree.get_node("/root/Plain"), "value", 3)
    session.run()
    assert server.tree.get_node("/root/Plain").value == 3  # type: ignore[attr-defined]
    client.tree.get_node("/root/Plain").free()


def test_sets_are_refused_where_godot_4_is_spoken() -> None:
    from gdpeer.multiplayer.godot4.scene import SceneMultiplayer

    api = SceneMultiplayer()
    tree = SceneTree(api)
    main = Main()
    tree.root.add_child(main)
    api.assign(2, main, "score", 5)
    assert main.score == 0
    assert api.refused == {"not allowed": 1}
    sent: list[Any] = []
    api.transmit = lambda *what: sent.append(what)  # type: ignore[method-assign]
    api.transmit_target(0, [2, 3], b"x")
    assert sent == [([2, 3], b"x")]


def test_a_tree_of_godot_3() -> None:
    assert isinstance(godot3.SceneTree().multiplayer, godot3.MultiplayerAPI)
    api = godot3.MultiplayerAPI()
    assert godot3.SceneTree(api).multiplayer is api


def test_of_nodes_that_left_some_paths_keep_their_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gdpeer.multiplayer.godot3.calls.MOST_LEFT", 2)
    session = Session()
    server, (client,) = session.server, session.clients
    for number in range(20):
        for side in session.sides:
            side.tree.root.add_child(Main(f"Bullet{number}"))
        server.tree.get_node(f"/root/Bullet{number}").rpc("remote", "x")
        session.run()
        for side in session.sides:
            side.tree.get_node(f"/root/Bullet{number}").free()
    assert list(server.api._calls._numbers) == ["Bullet18", "Bullet19"]
    assert list(server.api._calls._peers[client.id].told) == ["Bullet18", "Bullet19"]
    for side in session.sides:
        side.tree.root.add_child(Main("Bullet18"))
    server.sent.clear()
    server.tree.get_node("/root/Bullet18").rpc("remote", "x")
    assert [wire.parse(data) for data in server.sent] == [wire.RemoteCall(19, "remote", ["x"])]
    assert list(server.api._calls._left) == ["Bullet19"]
    server.main.remote.rpc("x")
    assert wire.parse(server.sent[-2]) == wire.SimplifyPath(21, "Main")
    session.run()
    assert client.main.take() == [(1, "remote", "x")]
    server.tree.set_multiplayer(godot3.MultiplayerAPI())
    assert server.api._calls._numbers == {}


def test_who_sent_a_packet_is_known_while_it_is_handled() -> None:
    session = Session()
    senders: list[int] = []
    api = session.server.api
    api.network_peer_packet.connect(lambda *_: senders.append(api.get_rpc_sender_id()))
    session.clients[0].api.send_bytes(b"x")
    session.run()
    assert senders == [session.clients[0].id]
    assert api.get_rpc_sender_id() == 0


def test_a_mistake_shows_also_where_nobody_is_called() -> None:
    session = Session(0)
    with pytest.raises(VariantError):
        session.server.main.rpc("remote", Vector2i(1, 2))


def test_a_peer_that_was_let_go_by_force_is_gone() -> None:
    session = Session()
    session.server.peer.disconnect_peer(session.clients[0].id, force=True)
    assert session.server.api.get_peers() == []


def test_a_server_in_plain_mode_is_no_network() -> None:
    with WebSocketServer() as server:
        assert server.listen(0) is Error.OK
        with pytest.raises(ValueError, match="gd_mp_api=True"):
            godot3.MultiplayerAPI().network_peer = server
