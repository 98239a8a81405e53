"""Godot 4's API over loopback: coming and going, calls, relay, authentication, packets, and what is refused."""

from __future__ import annotations

import gc
import logging
import weakref
from typing import Any

import pytest

from gdpeer import godot3
from gdpeer.clock import ManualClock
from gdpeer.errors import Error, VariantError
from gdpeer.multiplayer.godot4.authentication import PACKETS_A_SECOND, PACKETS_AT_ONCE
from gdpeer.multiplayer.godot4.scene import SceneMultiplayer
from gdpeer.multiplayer.local_peers import LoopbackMultiplayerPeer, OfflineMultiplayerPeer
from gdpeer.multiplayer.rpc.decorator import rpc
from gdpeer.multiplayer.tree import Node, SceneTree
from gdpeer.multiplayer.wire import godot4 as wire
from gdpeer.multiplayer.wire.replication import Delta, Despawn, Spawn, Sync
from gdpeer.variant import Array, ContainerType, EncodedObject, NodePath, VariantType
from tests.unit.multiplayer.sessions import Main, Session, Side

ADD, DEL = b"\x07\x01", b"\x07\x02"


def commands(side: Side) -> list[wire.Packet]:
    return [wire.parse(data) for _, data in side.take_sent()]


# ---------------------------------------------------------------------------------------------------- membership


def test_without_a_network_a_tree_is_a_server_alone() -> None:
    tree = SceneTree()
    main = Main()
    tree.root.add_child(main)
    assert tree.multiplayer.is_server()
    assert tree.multiplayer.get_unique_id() == 1
    assert main.shout.rpc("hi") is Error.OK
    assert main.take() == [(1, "shout", "hi")]
    assert main.say.rpc("hi") is Error.OK
    tree.poll()
    assert main.take() == []


def test_signals_of_coming_in_the_engine_s_order() -> None:
    session = Session(0)
    first = session.join()
    session.run()
    second = session.join()
    session.run()
    assert session.server.take_signals() == [("peer_connected", first.id), ("peer_connected", second.id)]
    assert first.take_signals() == [("connected_to_server",), ("peer_connected", 1), ("peer_connected", second.id)]
    assert second.take_signals() == [("connected_to_server",), ("peer_connected", 1), ("peer_connected", first.id)]
    assert session.server.api.get_peers() == [first.id, second.id]
    assert first.api.get_peers() == [1, second.id]
    assert first.api.get_unique_id() == first.id
    assert not first.api.is_server()


def test_signals_of_going() -> None:
    session = Session(2)
    leaver, other = session.clients
    leaver.peer.close()
    session.run()
    assert session.server.take_signals() == [("peer_disconnected", leaver.id)]
    assert other.take_signals() == [("peer_disconnected", leaver.id)]
    assert leaver.take_signals() == [("server_disconnected",)]
    assert other.api.get_peers() == [1]
    assert session.server.api.get_peers() == [other.id]


def test_the_server_goes() -> None:
    session = Session(2)
    session.server.peer.close()
    session.run()
    for client in session.clients:
        assert client.take_signals() == [("peer_disconnected", 1), ("server_disconnected",)]
        assert client.api.get_peers() == []
        assert client.api.poll() is Error.ERR_UNCONFIGURED


def test_a_connection_that_fails() -> None:
    server = LoopbackMultiplayerPeer()
    client = Side(server.join())
    client.start()
    client.peer.close()
    assert client.api.poll() is Error.ERR_UNCONFIGURED
    assert client.take_signals() == [("connection_failed",)]


def test_what_came_before_the_end_is_handled_before_the_end_is_told() -> None:
    session = Session(1)
    (client,) = session.clients
    client.main.say.rpc_id(1, "goodbye")
    client.peer.close()
    session.server.main.heard.clear()
    session.server.api.peer_disconnected.connect(lambda peer_id: session.server.main.heard.append("went"))
    session.run()
    assert session.server.main.take() == [(client.id, "say", "goodbye"), "went"]


def test_disconnect_peer_tells_the_others_but_not_oneself() -> None:
    session = Session(2)
    kicked, other = session.clients
    session.server.api.disconnect_peer(kicked.id)
    session.run()
    assert session.server.take_signals() == []
    assert kicked.take_signals() == [("peer_disconnected", 1), ("server_disconnected",)]
    assert other.take_signals() == [("peer_disconnected", kicked.id)]


def test_disconnect_peer_without_a_connection_says_so(caplog: pytest.LogCaptureFixture) -> None:
    api = SceneMultiplayer()
    api.multiplayer_peer = None
    api.disconnect_peer(2)
    assert "there is no connection" in caplog.text


def test_the_peer_can_be_taken_away_and_given_again() -> None:
    session = Session(1)
    server = session.server
    (client,) = session.clients
    server.api.multiplayer_peer = server.peer  # the same: nothing happens
    assert server.api.get_peers() == [client.id]
    server.api.multiplayer_peer = None
    assert not server.api.has_multiplayer_peer()
    assert not server.api.is_server()
    assert server.api.get_unique_id() == 0
    assert server.api.get_peers() == []
    assert server.take_signals() == []
    assert server.api.poll() is Error.ERR_UNCONFIGURED
    assert server.main.say.rpc("hi") is Error.ERR_UNCONFIGURED
    assert server.api.send_bytes(b"x") is Error.ERR_UNCONFIGURED
    server.api.multiplayer_peer = OfflineMultiplayerPeer()
    assert server.api.is_server()
    client.peer.close()
    with pytest.raises(ValueError, match="neither connected nor connecting"):
        server.api.multiplayer_peer = client.peer


def test_refuse_new_connections_is_the_peer_s() -> None:
    session = Session(0)
    assert not session.server.api.refuse_new_connections
    session.server.api.refuse_new_connections = True
    assert session.server.peer.refuse_new_connections
    assert session.server.api.refuse_new_connections
    session.server.api.multiplayer_peer = None
    session.server.api.refuse_new_connections = False
    assert not session.server.api.refuse_new_connections


def test_a_slot_may_change_the_peer_while_packets_are_handled() -> None:
    session = Session(1)
    (client,) = session.clients
    server = session.server
    server.api.peer_packet.connect(lambda *_: setattr(server.api, "multiplayer_peer", None))
    client.api.send_bytes(b"1", 1)
    client.api.send_bytes(b"2", 1)
    session.run()
    assert server.take_signals() == [("peer_packet", client.id, b"1")]


# ---------------------------------------------------------------------------------------------------- calls


def test_calls_reach_the_same_node_and_tell_who_called() -> None:
    session = Session(2)
    one, two = session.clients
    server = session.server
    assert one.main.say.rpc_id(1, "to the server") is Error.OK
    assert server.main.say.rpc_id(two.id, "to two") is Error.OK
    assert one.main.say.rpc_id(two.id, "through the server") is Error.OK
    session.run()
    assert server.main.take() == [(one.id, "say", "to the server")]
    assert two.main.take() == [(1, "say", "to two"), (one.id, "say", "through the server")]
    assert one.main.take() == []


@pytest.mark.parametrize("confirmed", [False, True])
def test_targets(confirmed: bool) -> None:
    session = Session(2)
    one, two = session.clients
    if confirmed:
        session.server.main.say.rpc("first")
        one.main.say.rpc("first")
        session.run()
        for side in session.sides:
            side.main.take()
    session.server.main.shout.rpc("all")
    session.server.main.shout.rpc_id(-one.id, "all but one")
    session.server.main.shout.rpc_id(-1, "all but me")  # nobody: one leaves out a peer, and is none to oneself
    session.run()
    assert session.server.main.take() == [(1, "shout", "all"), (1, "shout", "all but one")]
    assert one.main.take() == [(1, "shout", "all")]
    assert two.main.take() == [(1, "shout", "all"), (1, "shout", "all but one")]
    one.main.say.rpc("all others")
    one.main.say.rpc_id(-1, "no server")
    session.run()
    assert session.server.main.take() == [(one.id, "say", "all others")]
    assert two.main.take() == [(one.id, "say", "all others"), (one.id, "say", "no server")]


def test_a_local_call_has_the_own_id_as_sender_and_comes_after_the_sending() -> None:
    session = Session(1)
    (client,) = session.clients
    client.main.shout.rpc("hi")
    assert client.main.take() == [(client.id, "shout", "hi")]
    assert client.main.shout.rpc_id(client.id, "only me") is Error.OK
    assert client.main.take() == [(client.id, "shout", "only me")]
    assert client.api.get_remote_sender_id() == 0
    assert client.main.say.rpc_id(client.id, "x") is Error.ERR_INVALID_PARAMETER


def test_a_local_call_that_raises_is_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    session = Session(1)
    assert session.server.main.fail.rpc() is Error.FAILED
    session.run()
    assert session.clients[0].main.take() == [(1, "fail")]
    assert caplog.text.count("fail of <Main '/root/Main'> raised, called by peer 1") == 2


def test_the_bytes_are_the_engine_s() -> None:
    session = Session(1)
    client = session.clients[0]
    checksum = client.main._gdpeer_methods().checksum
    client.main.say.rpc_id(1, "a")
    client.main.say.rpc_id(1, "b")
    assert commands(client) == [
        wire.SimplifyPath(checksum, 1, "Main"),
        wire.RemoteCall(0, 2, ["a"], "Main"),
        wire.RemoteCall(0, 2, ["b"], "Main"),
    ]
    session.run()
    assert commands(session.server) == [wire.ConfirmPath(True, 1)]
    client.main.say.rpc_id(1, "c")
    assert client.take_sent() == [([1], bytes.fromhex("00 01 02 01 04 00 00 00 01 00 00 00 63 00 00 00"))]


def test_a_broadcast_is_encoded_once_when_all_know_the_node() -> None:
    session = Session(3)
    session.server.main.say.rpc("first")
    session.run()
    session.server.take_sent()
    session.server.main.say.rpc("second")
    ids = [client.id for client in session.clients]
    assert [peer_ids for peer_ids, _ in session.server.take_sent()] == [ids]


def test_who_knows_the_node_gets_the_number_and_who_does_not_the_path() -> None:
    session = Session(2)
    one, two = session.clients
    session.server.main.say.rpc_id(one.id, "first")
    session.run()
    session.server.take_sent()
    session.server.main.say.rpc("second")
    checksum = session.server.main._gdpeer_methods().checksum
    sent = session.server.take_sent()
    assert [peer_ids for peer_ids, _ in sent] == [[two.id], [one.id], [two.id]]
    assert [wire.parse(data) for _, data in sent] == [
        wire.SimplifyPath(checksum, 1, "Main"),
        wire.RemoteCall(1, 2, ["second"], None, True),
        wire.RemoteCall(0, 2, ["second"], "Main"),
    ]


def test_who_comes_for_another_one_that_knew_the_node_gets_the_path() -> None:
    session = Session(2)
    gone, stays = session.clients
    session.server.main.say.rpc("first")
    session.run()
    session.server.api.disconnect_peer(gone.id)
    comes = session.join()
    session.run()
    session.server.take_sent()
    session.server.main.say.rpc("second")
    sent = session.server.take_sent()
    assert [peer_ids for peer_ids, _ in sent] == [[comes.id], [stays.id], [comes.id]]
    session.run()
    assert comes.main.take() == [(1, "say", "second")]
    session.server.take_sent()
    session.server.main.say.rpc("third")
    assert [peer_ids for peer_ids, _ in session.server.take_sent()] == [[stays.id, comes.id]]


def test_clients_agree_on_numbers_between_themselves_through_the_relay() -> None:
    session = Session(2)
    one, two = session.clients
    one.main.say.rpc_id(two.id, "1")
    session.run()
    one.take_sent()
    one.main.say.rpc_id(two.id, "2")
    (packet,) = commands(one)
    assert isinstance(packet, wire.Relay)
    assert packet.peer_id == two.id
    assert wire.parse(packet.data) == wire.RemoteCall(1, 2, ["2"])


def test_return_codes_of_a_call() -> None:
    session = Session(1)
    (client,) = session.clients
    assert Main("alone").say.rpc("x") is Error.ERR_INVALID_PARAMETER
    assert client.main.rpc("get_path") is Error.ERR_INVALID_PARAMETER
    assert client.api.rpc(1, session.server.main, "say", ["x"]) is Error.ERR_INVALID_PARAMETER
    assert client.main.say.rpc_id(99, "nobody") is Error.OK  # the engine says so too
    client.peer.close()
    assert client.main.say.rpc("x") is Error.ERR_CONNECTION_ERROR
    joining = Side(session.server.peer.join())
    joining.start()
    assert joining.main.say.rpc("x") is Error.ERR_CONNECTION_ERROR


def test_an_argument_that_cannot_be_sent_is_an_exception_and_nothing_is_sent() -> None:
    session = Session(1)
    with pytest.raises(VariantError):
        session.server.main.rpc("shout", object())
    with pytest.raises(ValueError, match="at most 255"):
        session.server.main.rpc("decree", *range(256))
    assert session.server.take_sent() == []
    assert session.server.main.take() == []


def test_a_node_that_leaves_and_comes_again() -> None:
    session = Session(1)
    (client,) = session.clients
    session.server.main.say.rpc("1")
    session.run()
    session.server.main.free()
    session.server.tree.root.add_child(session.server.main)
    session.server.main.say.rpc("2")
    session.run()
    assert client.main.take() == [(1, "say", "1"), (1, "say", "2")]
    assert session.server.api._calls.cache.find_number(session.server.main) == 2
    client.main.free()
    session.server.main.say.rpc("3")
    session.run()
    assert client.api.refused["unknown node"] == 1
    again = Main()
    client.tree.root.add_child(again)
    session.server.main.say.rpc("4")
    session.server.main.say.rpc("5")
    session.run()
    assert again.take() == [(1, "say", "4"), (1, "say", "5")]


def test_a_node_gone_before_its_path_was_confirmed() -> None:
    session = Session(1)
    session.server.main.say.rpc("1")
    session.server.main.free()
    session.run()
    assert session.server.api.refused == {}
    assert session.clients[0].main.take() == [(1, "say", "1")]


# ---------------------------------------------------------------------------------------------------- refused calls


def test_only_the_authority_may_call_what_is_the_authority_s(caplog: pytest.LogCaptureFixture) -> None:
    session = Session(2)
    one, two = session.clients
    refused: list[tuple[object, ...]] = []
    session.server.api.call_refused.connect(lambda *what: refused.append(what))
    one.main.decree.rpc("obey")
    session.run()
    assert session.server.main.take() == []
    assert two.main.take() == []
    assert session.server.api.refused == {"not allowed": 1}
    assert refused == [(one.id, "Main", "decree", "only the authority may call it, and that is 1")]
    assert f"refused (not allowed): peer {one.id}, node 'Main', decree: only the authority" in caplog.text
    for side in session.sides:
        side.main.set_multiplayer_authority(one.id)
        side.main.take()
    one.main.decree.rpc("obey")
    session.run()
    assert session.server.main.take() == two.main.take() == [(one.id, "decree", "obey")]


def test_a_disabled_method() -> None:
    session = Session(1)
    (client,) = session.clients
    for side in (session.server, client):
        side.main.rpc_config("hear", {"rpc_mode": 0})
    client.main.rpc("hear", "x")
    session.run()
    assert session.server.main.take() == []
    assert session.server.api.refused["not allowed"] == 1


def test_methods_of_a_node_s_own_configuration() -> None:
    session = Session(1)
    (client,) = session.clients
    for side in (session.server, client):
        side.main.rpc_config("hear", {"rpc_mode": 1})
    client.main.rpc("hear", "x", 1)
    session.run()
    assert session.server.main.take() == [(client.id, "x", 1)]


@pytest.mark.parametrize(("arguments", "reason"), [((), "too few"), (("a", "b"), "too many"), ((7,), "is an int")])
def test_wrong_arguments_never_reach_the_game(arguments: tuple[object, ...], reason: str) -> None:
    session = Session(1)
    refused: list[tuple[object, ...]] = []
    session.server.api.call_refused.connect(lambda *what: refused.append(what))
    session.clients[0].main.rpc("say", *arguments)
    session.run()
    assert session.server.main.take() == []
    assert session.server.api.refused == {"wrong arguments": 1}
    assert reason in str(refused[0][3])


def test_an_annotation_that_cannot_be_checked_is_told_at_the_call() -> None:
    class Wrong(Node):
        @rpc("any_peer")
        def say(self, what: set[int]) -> None:
            raise AssertionError

    session = Session(1)
    for side in session.sides:
        side.tree.root.add_child(Wrong())
    session.clients[0].tree.get_node("/root/Wrong").rpc("say", 1)
    session.run()
    assert session.server.api.refused == {"bad annotation": 1}


def test_unknown_node_and_unknown_method() -> None:
    session = Session(1)
    (client,) = session.clients
    extra = Main("Extra")
    client.tree.root.add_child(extra)
    extra.say.rpc_id(1, "x")
    session.run()
    assert session.server.api.refused == {"unknown node": 2}  # the announcement and the call
    client.peer.put_packet(wire.RemoteCall(0, 77, (), "Main").encode())
    session.run()
    assert session.server.api.refused["unknown method"] == 1


def test_methods_that_differ_are_named_on_both_sides(caplog: pytest.LogCaptureFixture) -> None:
    class Other(Node):
        @rpc("any_peer")
        def bark(self) -> None: ...

    session = Session(1)
    (client,) = session.clients
    session.server.tree.root.add_child(Other("Dog"))
    dog = Main("Dog")
    client.tree.root.add_child(dog)
    dog.fail.rpc_id(1)
    dog.fail.rpc_id(1)
    session.run()
    assert session.server.api.refused["checksum mismatch"] == 1
    assert client.api.refused["checksum mismatch"] == 1
    assert "node 'Dog' differ from those of peer" in caplog.text
    assert ": bark" in caplog.text
    assert "this side's methods: decree, fail, say, shout" in caplog.text
    dog.decree.rpc_id(1)
    session.run()
    assert session.server.api.refused["unknown method"] >= 1


def test_a_node_of_another_api_cannot_be_reached() -> None:
    session = Session(1)
    (client,) = session.clients
    room = SceneMultiplayer()
    session.server.tree.set_multiplayer(room, "/root/Room")
    session.server.tree.root.add_child(Main("Room"))
    secret = session.server.tree.get_node("/root/Room")
    for path in ("Room", "../root/Room", "Main/../Room"):
        client.peer.put_packet(wire.RemoteCall(0, 2, ["x"], path).encode())
    session.run()
    assert isinstance(secret, Main)
    assert secret.take() == []
    assert session.server.api.refused["unknown node"] == 3


def test_paths_count_from_the_root_path() -> None:
    tree = SceneTree()
    api = SceneMultiplayer()
    tree.set_multiplayer(api, "/root/Rooms/One")
    one, other = Main("One"), Main("Other")
    rooms = Node("Rooms")
    tree.root.add_child(rooms)
    rooms.add_child(one)
    tree.root.add_child(other)
    inner = Main("Inner")
    one.add_child(inner)
    assert api.path_of(one) == "."
    assert api.path_of(inner) == "Inner"
    assert api.path_of(other) == "../../Other"
    assert api.find("Inner") is inner
    assert api.find(".") is one
    assert api.find("../One/Inner") is inner
    assert api.find("../../Other") is None
    api.root_path = NodePath("/root/Nowhere")
    assert api.find("Inner") is None
    api.root_path = NodePath("")
    with pytest.raises(ValueError, match="must be absolute"):
        api.root_path = "Rooms/One"
    assert SceneMultiplayer().find("Main") is None


def test_bad_packets_are_dropped_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    session = Session(2)
    one, two = session.clients
    server = session.server
    bad = [
        b"\xff",
        wire.RemoteCall(7, 2, ["x"]).encode(),  # a number that was never told
        wire.ConfirmPath(True, 9).encode(),
        Despawn(7).encode(),
        wire.Auth(b"again").encode(),
        wire.AddPeer(5).encode(),
        wire.Relay(0, wire.AddPeer(5).encode()).encode(),
    ]
    for packet in bad:
        one.peer.put_packet(packet)
    one.peer.put_packet(wire.Auth(b"").encode())  # ignored
    one.peer.put_packet(wire.Relay(99, b"\x03x").encode())
    one.peer.put_packet(wire.Relay(one.id, b"\x03x").encode())
    session.run()
    assert server.api.refused == {
        "bad packet": 2,
        "replication": 1,
        "unknown node": 1,
        "not allowed": 3,
        "unknown receiver": 2,
    }
    assert server.api.get_refused(one.id) == server.api.refused
    assert server.api.get_refused(two.id) == server.api.get_refused(99) == {}
    assert "which was never told" in caplog.text
    assert "MultiplayerSpawner" in caplog.text
    for packet in (wire.AddPeer(1), wire.AddPeer(two.id), wire.AddPeer(one.id), wire.Relay(99, b"\x03x")):
        server.peer.put_packet_to([one.id], packet.encode())
    server.peer.put_packet_to([one.id], wire.DelPeer(99).encode())  # nobody: ignored, as the engine does
    session.run()
    assert one.api.refused == {"bad packet": 4}
    assert two.api.refused == {}
    server.peer.put_packet_to([one.id], wire.Relay(two.id, wire.AddPeer(5).encode()).encode())
    one.peer._links[two.id] = two.peer
    one.peer._events.append((two.peer, b"\x03x"))
    del one.api.admitted[two.id]
    session.run()
    assert one.api.refused == {"bad packet": 4, "not allowed": 1, "not admitted": 1}


def test_announcing_a_number_twice_or_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(1)
    (client,) = session.clients
    checksum = client.main._gdpeer_methods().checksum
    session.server.main.add_child(type(session.server.main)(name="Other"))
    for path in ("Main", "Main", "Main/Other"):  # the same path again is answered again
        client.peer.put_packet(wire.SimplifyPath(checksum, 1, path).encode())
    session.run()
    assert session.server.api.refused == {"bad packet": 1}
    monkeypatch.setattr("gdpeer.multiplayer.rpc.path_budget.MAX_PATH_MEMORY", 300)
    client.peer.put_packet(wire.SimplifyPath(checksum, 2, "Main").encode())
    session.run()
    assert session.server.api.refused == {"bad packet": 1, "too many paths": 1}


def test_objects_travel_only_when_both_sides_say_so() -> None:
    session = Session(1)
    (client,) = session.clients
    thing = EncodedObject("Node", {})
    with pytest.raises(VariantError):
        client.main.rpc("decree", thing)
    client.api.allow_object_decoding = True
    for side in session.sides:
        side.main.set_multiplayer_authority(client.id)
    client.main.rpc("decree", thing)
    session.run()
    assert session.server.api.refused == {"bad packet": 1}
    session.server.api.allow_object_decoding = True
    client.main.rpc("decree", thing)
    session.run()
    assert session.server.main.take() == [(client.id, "decree", thing)]


def test_types_of_containers_travel_only_on_request() -> None:
    session = Session(1)
    (client,) = session.clients
    typed = Array([1, 2], ContainerType(VariantType.TYPE_INT))
    session.server.main.decree.rpc(typed)
    session.run()
    ((_, _, found),) = client.main.take()
    assert type(found) is list
    session.server.api.typed_containers = True
    session.server.main.decree.rpc(typed)
    session.run()
    ((_, _, found),) = client.main.take()
    assert found.element_type == ContainerType(VariantType.TYPE_INT)


# ---------------------------------------------------------------------------------------------------- Godot 4.0 to 4.2


def test_a_peer_that_confirms_by_path_is_answered_in_kind() -> None:
    session = Session(1)
    (client,) = session.clients
    server = session.server
    checksum = server.main._gdpeer_methods().checksum
    client.peer.put_packet(wire.SimplifyPath(checksum, 7, "Main").encode())
    server.tree.poll()
    assert commands(server) == [wire.ConfirmPath(True, 7)]  # how it answers is not known yet
    server.main.say.rpc_id(client.id, "x")
    commands(server)
    client.peer.put_packet(wire.ConfirmPath(True, None, "Main").encode())
    server.tree.poll()
    assert commands(server) == [wire.ConfirmPath(True, None, "Main")]  # told again, in the other form
    server.main.say.rpc_id(client.id, "y")
    assert commands(server) == [wire.RemoteCall(1, 2, ["y"])]
    extra = Main("Extra")
    server.tree.root.add_child(extra)
    client.peer.put_packet(wire.SimplifyPath(checksum, 8, "Extra").encode())
    server.tree.poll()
    assert commands(server) == [wire.ConfirmPath(True, None, "Extra")]
    extra.say.rpc_id(client.id, "z")
    client.peer.put_packet(wire.ConfirmPath(False, None, "Extra").encode())
    server.tree.poll()
    assert server.api.refused == {"checksum mismatch": 1}


# ---------------------------------------------------------------------------------------------------- relay


def test_without_the_relay_clients_know_only_the_server(caplog: pytest.LogCaptureFixture) -> None:
    def make() -> SceneMultiplayer:
        api = SceneMultiplayer()
        api.server_relay = False
        return api

    session = Session(2, make)
    one, two = session.clients
    assert one.api.get_peers() == [1]
    assert one.api.send_bytes(b"x", two.id) is Error.ERR_BUG
    one.main.say.rpc("to all I know")
    one.api.send_bytes(b"to all")
    one.peer.put_packet(wire.Relay(two.id, b"\x03x").encode())
    session.server.peer.put_packet_to([two.id], wire.AddPeer(one.id).encode())
    session.run()
    assert session.server.main.take() == [(one.id, "say", "to all I know")]
    assert session.server.take_signals() == [("peer_packet", one.id, b"to all")]
    assert two.main.take() == []
    assert two.take_signals() == []
    assert session.server.api.refused == two.api.refused == {"not allowed": 1}
    one.peer.close()
    session.run()
    assert two.take_signals() == []


def test_only_the_server_relays() -> None:
    session = Session(2)
    one, two = session.clients
    one.peer._events.append((two.peer, wire.Relay(1, b"\x03x").encode()))
    one.peer._links[two.id] = two.peer
    session.run()
    assert one.api.refused == {"not allowed": 1}


# ---------------------------------------------------------------------------------------------------- packets


def test_send_bytes() -> None:
    session = Session(2)
    one, two = session.clients
    assert one.api.send_bytes(b"all") is Error.OK
    assert one.api.send_bytes(b"two", two.id) is Error.OK
    assert one.api.send_bytes(b"server", 1) is Error.OK
    assert one.api.send_bytes(b"no server", -1) is Error.OK
    assert session.server.api.send_bytes(b"from the server") is Error.OK
    assert session.server.api.send_bytes(b"not one", -one.id) is Error.OK
    session.run()
    assert session.server.take_signals() == [("peer_packet", one.id, b"all"), ("peer_packet", one.id, b"server")]
    assert two.take_signals() == [
        ("peer_packet", 1, b"from the server"),
        ("peer_packet", 1, b"not one"),
        ("peer_packet", one.id, b"all"),
        ("peer_packet", one.id, b"two"),
        ("peer_packet", one.id, b"no server"),
    ]
    assert one.take_signals() == [("peer_packet", 1, b"from the server")]


def test_return_codes_of_send_bytes() -> None:
    session = Session(1)
    assert session.server.api.send_bytes(b"") is Error.ERR_INVALID_DATA
    assert session.server.api.send_bytes(b"x", 99) is Error.ERR_BUG


def test_a_packet_that_finds_no_room_is_told(caplog: pytest.LogCaptureFixture) -> None:
    session = Session(2)
    one, two = session.clients
    for side in (session.server, one):
        side.peer.put_packet_to = lambda *_: Error.ERR_OUT_OF_MEMORY  # type: ignore[method-assign]
    session.server.main.say.rpc("x")
    assert "could not be sent" in caplog.text
    assert session.server.api.send_bytes(b"x") is Error.ERR_OUT_OF_MEMORY
    caplog.clear()
    one.main.say.rpc_id(two.id, "x")
    assert "ERR_OUT_OF_MEMORY" in caplog.text


# ---------------------------------------------------------------------------------------------------- authentication


class Guarded:
    """A server and a client that want authentication."""

    def __init__(self, *, client_too: bool = True, timeout: float = 3.0) -> None:
        self.clock = ManualClock()
        self.data: list[tuple[str, int, bytes]] = []
        self.session = Session(0, lambda: SceneMultiplayer(clock=self.clock))
        self.server = self.session.server
        self.server.api.auth_callback = lambda peer_id, data: self.data.append(("server", peer_id, data))
        self.server.api.auth_timeout = timeout
        self.client = Side(self.server.peer.join(), SceneMultiplayer(clock=self.clock))
        self.session.clients.append(self.client)
        if client_too:
            self.client.api.auth_callback = lambda peer_id, data: self.data.append(("client", peer_id, data))
        self.client.start()
        self.session.run()


def test_both_sides_complete_and_the_peer_is_admitted() -> None:
    guarded = Guarded()
    server, client = guarded.server, guarded.client
    assert server.take_signals() == [("peer_authenticating", client.id)]
    assert client.take_signals() == [("peer_authenticating", 1)]
    assert server.api.get_authenticating_peers() == [client.id]
    assert client.api.send_auth(1, b"secret") is Error.OK
    guarded.session.run()
    assert server.api.send_auth(client.id, b"welcome") is Error.OK
    assert server.api.complete_auth(client.id) is Error.OK
    assert server.api.complete_auth(client.id) is Error.ERR_FILE_CANT_WRITE
    assert server.api.send_auth(client.id, b"more") is Error.ERR_FILE_CANT_WRITE
    guarded.session.run()
    assert guarded.data == [("server", client.id, b"secret"), ("client", 1, b"welcome")]
    assert server.api.get_peers() == []
    assert client.api.send_auth(1, b"late") is Error.ERR_FILE_CANT_WRITE
    assert client.api.complete_auth(1) is Error.OK
    guarded.session.run()
    assert server.take_signals() == [("peer_connected", client.id)]
    assert client.take_signals() == [("connected_to_server",), ("peer_connected", 1)]
    assert server.api.get_authenticating_peers() == []
    client.main.say.rpc_id(1, "hi")
    guarded.session.run()
    assert server.main.take() == [(client.id, "say", "hi")]


def test_before_that_nothing_but_auth_is_taken() -> None:
    guarded = Guarded()
    server, client = guarded.server, guarded.client
    client.peer.put_packet(b"\x03x")
    client.peer.put_packet(b"\x07")
    guarded.session.run()
    assert server.api.refused == {"not admitted": 2}
    assert server.api.get_refused(client.id) == {}  # it is not there yet
    assert server.api.send_bytes(b"to nobody yet") is Error.OK
    guarded.session.run()
    assert client.take_signals() == [("peer_authenticating", 1)]


def test_who_takes_too_long_is_let_go() -> None:
    guarded = Guarded()
    server, client = guarded.server, guarded.client
    guarded.clock.advance(2.9)
    guarded.session.run()
    assert server.api.get_authenticating_peers() == [client.id]
    guarded.clock.advance(0.2)
    server.tree.poll()
    assert server.take_signals() == [("peer_authenticating", client.id), ("peer_authentication_failed", client.id)]
    guarded.session.run()
    assert client.take_signals()[0] == ("peer_authenticating", 1)
    assert server.take_signals() == []
    assert client.take_signals() == []


def test_without_a_limit_nobody_is_let_go() -> None:
    guarded = Guarded(timeout=0)
    guarded.clock.advance(2.9)
    guarded.server.api.poll(timeout=0.001)
    guarded.clock.advance(1e9)
    guarded.server.tree.poll()
    assert guarded.server.api.get_authenticating_peers() == [guarded.client.id]
    with pytest.raises(ValueError, match="must not be negative"):
        guarded.server.api.auth_timeout = -1
    assert guarded.server.api.auth_timeout == 0


def test_who_leaves_meanwhile_has_failed() -> None:
    guarded = Guarded()
    guarded.client.peer.close()
    guarded.session.run()
    assert guarded.server.take_signals() == [
        ("peer_authenticating", guarded.client.id),
        ("peer_authentication_failed", guarded.client.id),
    ]


def test_a_side_without_a_callback_admits_at_once_and_the_other_lets_it_go() -> None:
    guarded = Guarded(client_too=False)
    assert guarded.client.take_signals() == [("connected_to_server",), ("peer_connected", 1)]
    guarded.clock.advance(4)
    guarded.session.run()
    assert guarded.server.take_signals()[-1] == ("peer_authentication_failed", guarded.client.id)
    assert guarded.client.take_signals() == [("peer_disconnected", 1), ("server_disconnected",)]


def test_a_pending_peer_can_be_refused() -> None:
    guarded = Guarded()
    guarded.server.api.disconnect_peer(guarded.client.id)
    guarded.session.run()
    assert guarded.server.api.get_authenticating_peers() == []
    assert guarded.client.take_signals()[-1] == ("server_disconnected",)


def test_return_codes_of_authentication() -> None:
    guarded = Guarded()
    api = guarded.server.api
    assert api.send_auth(99, b"x") is Error.ERR_INVALID_PARAMETER
    assert api.send_auth(guarded.client.id, b"") is Error.ERR_INVALID_PARAMETER
    assert api.complete_auth(99) is Error.ERR_INVALID_PARAMETER
    api.multiplayer_peer = None
    assert api.send_auth(guarded.client.id, b"x") is Error.ERR_UNCONFIGURED
    assert api.complete_auth(guarded.client.id) is Error.ERR_UNCONFIGURED


def test_a_callback_that_raises_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    guarded = Guarded()

    def fail(peer_id: int, data: bytes) -> None:
        raise RuntimeError("a mistake of the game")

    guarded.server.api.auth_callback = fail
    guarded.client.api.send_auth(1, b"x")
    guarded.session.run()
    assert "auth_callback raised" in caplog.text
    guarded.server.api.auth_callback = None
    guarded.client.api.send_auth(1, b"x")
    guarded.session.run()


# ---------------------------------------------------------------------------------------------------- several at once


def test_several_sessions_in_one_tree() -> None:
    tree = SceneTree()
    server = LoopbackMultiplayerPeer()
    peers = {"Server": server, "One": server.join(), "Two": server.join()}
    rooms: dict[str, Main] = {}
    for name, peer in peers.items():
        api = SceneMultiplayer()
        tree.set_multiplayer(api, f"/root/{name}")
        api.multiplayer_peer = peer
        room = Node(name)
        tree.root.add_child(room)
        rooms[name] = Main("Game")
        room.add_child(rooms[name])
    for _ in range(6):
        tree.poll()
    rooms["One"].say.rpc("hi")
    for _ in range(6):
        tree.poll()
    one = peers["One"].get_unique_id()
    assert rooms["Server"].take() == rooms["Two"].take() == [(one, "say", "hi")]


def test_polling_with_a_timeout_where_there_is_nothing_to_wait_for() -> None:
    tree = SceneTree()
    tree.poll(timeout=0.001)
    assert logging.getLogger("gdpeer.multiplayer")


def test_sizes_of_packets_that_are_not_sent() -> None:
    api = SceneMultiplayer()
    assert (api.max_sync_packet_size, api.max_delta_packet_size) == (1350, 65535)
    api.max_sync_packet_size = 128
    api.max_delta_packet_size = 200
    assert (api.max_sync_packet_size, api.max_delta_packet_size) == (128, 200)
    with pytest.raises(ValueError, match="at least 128: 127"):
        api.max_sync_packet_size = 127


def test_a_node_that_went_to_another_api_cannot_be_reached_by_its_number() -> None:
    session = Session(1)
    (client,) = session.clients
    for _ in range(2):
        client.main.say.rpc_id(1, "x")
        session.run()
    session.server.main.take()
    session.server.tree.set_multiplayer(SceneMultiplayer(), "/root/Main")
    client.main.say.rpc_id(1, "into the room")
    session.run()
    assert session.server.main.take() == []
    assert session.server.api.refused == {"unknown node": 1}
    other = SceneTree()
    session.server.tree.root.remove_child(session.server.main)
    other.root.add_child(session.server.main)
    client.main.say.rpc_id(1, "into another tree")
    session.run()
    assert session.server.main.take() == []


def test_a_slot_may_take_the_network_away_while_two_are_late() -> None:
    clock = ManualClock()
    session = Session(0, lambda: SceneMultiplayer(clock=clock))
    api = session.server.api
    api.auth_callback = lambda peer_id, data: None
    failed: list[int] = []
    api.peer_authentication_failed.connect(failed.append)
    api.peer_authentication_failed.connect(lambda peer_id: setattr(api, "multiplayer_peer", None))
    session.join()
    session.join()
    session.run()
    clock.advance(4)
    api.poll()
    assert len(failed) == 1
    api._turn_away(7, "nobody is there to be told")
    assert failed[1:] == [7]


def test_a_peer_that_is_used_again_tells_of_a_failure_as_of_the_first_time() -> None:
    session = Session(1)
    (client,) = session.clients
    session.server.peer.close()
    session.run()
    assert client.take_signals()[-1] == ("server_disconnected",)
    client.peer._status = 1  # type: ignore[assignment]  # as create_client would
    client.api.poll()
    client.peer.close()
    client.api.poll()
    assert client.take_signals() == [("connection_failed",)]


def test_who_sent_a_packet_is_known_while_it_is_handled() -> None:
    session = Session(2)
    one, two = session.clients
    senders: list[int] = []
    for side in session.sides:
        side.api.peer_packet.connect(lambda *_, api=side.api: senders.append(api.get_remote_sender_id()))
    one.api.send_bytes(b"x", 1)
    session.run()
    one.api.send_bytes(b"x", two.id)
    session.run()
    assert senders == [one.id, one.id]
    assert session.server.api.get_remote_sender_id() == two.api.get_remote_sender_id() == 0


def test_a_mistake_shows_also_where_nobody_is_called() -> None:
    session = Session(0)
    with pytest.raises(VariantError):
        session.server.main.rpc("say", object())
    with pytest.raises(ValueError, match="at most 255"):
        session.server.main.rpc("decree", *range(256))


def test_a_freed_node_is_not_kept_because_another_side_knows_it() -> None:
    session = Session(1)
    (client,) = session.clients
    extra = Main("Extra")
    client.tree.root.add_child(extra)
    session.server.tree.root.add_child(Main("Extra"))
    extra.say.rpc_id(1, "x")
    session.run()
    here = session.server.tree.get_node("/root/Extra")
    gone = weakref.ref(here)
    here.free()
    del here
    gc.collect()
    assert gone() is None
    extra.say.rpc_id(1, "y")
    session.run()
    assert session.server.api.refused == {"unknown node": 1}


def test_an_api_that_was_replaced_lets_its_nodes_go() -> None:
    session = Session(1)
    session.server.main.say.rpc("x")
    api = session.server.api
    session.server.tree.set_multiplayer(SceneMultiplayer())
    assert api._calls.cache.find_number(session.server.main) is None


def test_a_server_can_tell_of_so_many_peers_only(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(1)
    (client,) = session.clients
    monkeypatch.setattr("gdpeer.multiplayer.godot4.scene.MAX_PEERS", 3)
    for peer_id in (11, 12, 13, 14):
        session.server.peer.put_packet_to([client.id], wire.AddPeer(peer_id).encode())
    session.run()
    assert client.api.get_peers() == [1, 11, 12]
    assert client.api.refused == {"bad packet": 2}


def test_all_relayed_peers_share_what_one_connection_may_make_us_remember(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(1)
    (client,) = session.clients
    checksum = client.main._gdpeer_methods().checksum
    monkeypatch.setattr("gdpeer.multiplayer.rpc.path_budget.MAX_PATH_MEMORY", 500)
    for peer_id in (11, 12, 13):
        session.server.peer.put_packet_to([client.id], wire.AddPeer(peer_id).encode())
        packet = wire.SimplifyPath(checksum, 1, "Main").encode()
        session.server.peer.put_packet_to([client.id], wire.Relay(peer_id, packet).encode())
    session.run()
    assert client.api.refused == {"too many paths": 1}


def test_nothing_is_decoded_for_those_who_may_not_call() -> None:
    session = Session(1)
    (client,) = session.clients
    damaged = wire.RemoteCall(0, 0, ["obey"], "Main").encode().replace(b"obey", b"\xff\xff\xff\xff")
    client.peer.put_packet(damaged)
    session.run()
    assert session.server.api.refused == {"not allowed": 1}
    for side in session.sides:
        side.main.set_multiplayer_authority(client.id)
    client.peer.put_packet(damaged)
    session.run()
    assert session.server.api.refused == {"not allowed": 1, "bad packet": 1}


def test_a_relayed_packet_that_finds_no_room_is_told(caplog: pytest.LogCaptureFixture) -> None:
    session = Session(2)
    one, two = session.clients
    session.server.peer.put_packet_to = lambda *_: Error.ERR_OUT_OF_MEMORY  # type: ignore[method-assign]
    one.api.send_bytes(b"x", two.id)
    session.run()
    assert f"a packet of peer {one.id} was lost: one of [{two.id}] has no room for it" in caplog.text
    assert session.server.api.refused == session.server.api.get_refused(one.id) == {"no room": 1}


def test_modes_of_godot_3_are_kept_by_godot_4_s_api() -> None:
    class Player(godot3.Node):
        heard = 0

        @godot3.master
        def hit(self) -> None:
            type(self).heard += 1

    session = Session(2)
    one, two = session.clients
    for side in session.sides:
        player = Player()
        side.tree.root.add_child(player)
        player.set_network_master(two.id)
    one.tree.get_node("/root/Player").rpc_id(1, "hit")
    session.run()
    assert Player.heard == 0
    assert session.server.api.refused == {"not allowed": 1}
    one.tree.get_node("/root/Player").rpc_id(two.id, "hit")
    session.run()
    assert Player.heard == 1


def test_an_id_that_no_packet_holds() -> None:
    session = Session(1)
    assert session.clients[0].api.send_bytes(b"x", 2**31) is Error.ERR_BUG
    assert session.server.api.send_bytes(b"x", -(2**31) - 1) is Error.ERR_BUG


def test_the_root_path_as_an_object_configuration() -> None:
    api = SceneMultiplayer()
    assert api.object_configuration_add(None, NodePath("/root/Room")) is Error.OK
    assert api.root_path == NodePath("/root/Room")
    assert api.object_configuration_remove(None, "/root/Other") is Error.ERR_INVALID_PARAMETER
    assert api.object_configuration_remove(None, "/root/Room") is Error.OK
    assert api.root_path == NodePath("")
    assert api.object_configuration_add(Node("x"), "/root") is Error.ERR_INVALID_PARAMETER
    assert api.object_configuration_add(None, 7) is Error.ERR_INVALID_PARAMETER
    assert api.object_configuration_remove(Node("x"), "") is Error.ERR_INVALID_PARAMETER


def test_a_peer_that_was_let_go_by_force_is_gone_for_the_others_too() -> None:
    session = Session(2)
    gone, other = session.clients
    session.server.peer.disconnect_peer(gone.id, force=True)
    assert session.server.api.get_peers() == [other.id]
    session.run()
    assert session.server.take_signals() == []
    assert other.take_signals() == [("peer_disconnected", gone.id)]


def test_a_call_of_who_is_not_admitted_yet_says_so(caplog: pytest.LogCaptureFixture) -> None:
    guarded = Guarded()
    server, client = guarded.server, guarded.client
    assert server.api.complete_auth(client.id) is Error.OK
    for target in (client.id, -client.id):
        caplog.clear()
        assert server.main.say.rpc_id(target, "too early") is Error.OK
        assert f"peer {client.id} is not admitted yet; wait for peer_connected" in caplog.text
    caplog.clear()
    server.main.say.rpc_id(77, "nobody")
    assert "there is no peer 77" in caplog.text


def test_who_sends_too_many_packets_before_it_is_admitted_is_turned_away(caplog: pytest.LogCaptureFixture) -> None:
    guarded = Guarded()
    server, client = guarded.server, guarded.client
    for packet in (b"\x07\x00secret", b"\x03raw"):
        for _ in range(20_000):
            client.peer.put_packet(packet)
    guarded.session.run()
    assert len(guarded.data) == PACKETS_AT_ONCE
    assert server.api.refused["not admitted"] == 1
    assert server.api.get_authenticating_peers() == []
    assert server.take_signals()[-1] == ("peer_authentication_failed", client.id)
    assert f"peer {client.id} was turned away: it sent too many packets before it was admitted" in caplog.text
    assert client.peer.get_connection_status() == 0


def test_who_takes_its_time_may_send_as_much_as_it_needs() -> None:
    guarded = Guarded(client_too=False, timeout=0)
    for _ in range(3):
        for _ in range(PACKETS_AT_ONCE):
            guarded.client.peer.put_packet(b"\x07\x00secret")
        guarded.session.run()
        guarded.clock.advance(PACKETS_AT_ONCE / PACKETS_A_SECOND)
    assert len(guarded.data) == 3 * PACKETS_AT_ONCE
    assert guarded.server.api.get_authenticating_peers() == [guarded.client.id]


# ---------------------------------------------------------------------------------------------------- replication


@pytest.mark.parametrize(
    "packet",
    [
        Spawn(0, 1, 1, (), "Unit", None, b""),
        Despawn(1),
        Sync(1, ((2, b"state"),)),
        Delta(((2, 1, b"state"),)),
        Sync(1, ()),  # without elements: engines send these two when values are large
        Delta(()),
    ],
)
def test_packets_of_spawners_and_synchronizers_are_counted_apart(
    packet: Spawn | Despawn | Sync | Delta, caplog: pytest.LogCaptureFixture
) -> None:
    session = Session(1)
    server, client = session.server, session.clients[0]
    for _ in range(1_000):
        client.peer.put_packet(packet.encode())
    session.run()
    assert server.api.refused == {"replication": 1_000}
    assert server.api.get_refused(client.id) == {"replication": 1_000}
    assert [line for line in caplog.messages if "MultiplayerSynchronizer" in line] == caplog.messages
    assert len(caplog.messages) == 1
    server.peer.put_packet(packet.encode())
    session.run()
    assert client.api.refused == {"replication": 1}


def test_the_path_of_a_node_without_methods_is_replication_too() -> None:
    session = Session(1)
    server, client = session.server, session.clients[0]
    nothing = Node()._gdpeer_methods().checksum
    client.peer.put_packet(wire.SimplifyPath(nothing, 1, "Main/Spawner").encode())
    session.run()
    assert server.api.refused == {"replication": 1}
    client.peer.put_packet(wire.SimplifyPath("a" * 32, 2, "Main/Spawner").encode())
    session.run()
    assert server.api.refused == {"replication": 1, "unknown node": 1}


@pytest.mark.parametrize("make", [SceneMultiplayer, godot3.MultiplayerAPI])
def test_a_poll_waits_for_nothing_unless_told(make: Any) -> None:
    waits: list[float] = []

    class Peer(LoopbackMultiplayerPeer):
        def poll(self, timeout: float = 0.0) -> None:
            waits.append(timeout)
            super().poll(timeout)

    api = make()
    api.multiplayer_peer = Peer()
    api.poll()
    api.poll(0.25)
    assert waits == [0.0, 0.25]
