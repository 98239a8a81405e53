"""A server in memory that keeps places: what returned clients and the others see, and what the room is told."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from gdpeer import (
    ManualClock,
    MultiplayerSpawner,
    MultiplayerSynchronizer,
    Node,
    ReplicationMode,
    SceneMultiplayer,
    SceneReplicationConfig,
)
from gdpeer.errors import Error
from gdpeer.multiplayer.wire.godot4 import encode_call, relay_packet
from gdpeer.multiplayer.wire.replication import Spawn
from gdpeer.rooms.resume.delay import Delay
from gdpeer.rooms.resume.journal import Journal
from gdpeer.rooms.resume.resume import Resume
from gdpeer.rooms.resume.shift import MOST_PATHS, Shift
from tests.support.resuming import Client, Keeper, Server
from tests.unit.multiplayer.sessions import Main, Session, Side


def meet(server: Server) -> None:
    """Has each client call each other twice, and send values."""
    for number in range(2):
        for one in server.clients:
            for other in server.clients:
                if one is not other:
                    one.call(other.id, "Main", f"hello {number}")
                    one.call(other.id, "Other", f"hello {number}")
                    one.sync(other.id, "Main/Sync", f"value {number}", False)
            server.settle()


def calls(client: Client) -> list[tuple[str, str]]:
    heard, client.heard = client.heard, []
    return [(path, text) for _, path, text in heard]


def test_the_others_hear_nothing_of_a_silent_return() -> None:
    server = Server(2)
    ann, bob = server.clients
    meet(server)
    ann.signals.clear()
    for _ in range(3):
        server.cut(bob)
        assert server.api.get_peers() == [ann.id]
        bob.connect()
        server.settle()
        meet(server)
    assert ann.signals == []
    assert ann.errors == bob.errors == []
    assert bob.others == {ann.id}
    assert server.news[2:] == [("away", bob.id), ("back", bob.id, False)] * 3
    assert server.api.get_peers() == [ann.id, bob.id]


def one_cut(server: Server) -> tuple[Client, Client]:
    """Has one client come back, name its nodes in another order, and call and be called."""
    ann, bob = server.clients
    meet(server)
    for _ in range(500):
        bob.sync(ann.id, "Main/Sync", "long", False)
    server.settle()
    server.cut(bob)
    bob.connect()
    server.settle()
    for client in (ann, bob):
        client.heard.clear()
        client.synced.clear()
    for _ in range(2):
        for one, other in ((ann, bob), (bob, ann)):
            one.call(other.id, "Other", "again")
            one.call(other.id, "Main", "again")
            one.sync(other.id, "Main/Sync", "again", False)
        server.settle()
    return ann, bob


def test_calls_and_values_go_on_after_a_return() -> None:
    ann, bob = one_cut(Server(2))
    for client in (ann, bob):
        assert client.errors == []
        assert client.ignored == 0
        assert calls(client) == [("Other", "again"), ("Main", "again")] * 2
        assert client.synced


def forget_the_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Journal, "told_to", lambda self, receiver: [])


def move_no_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shift, "base", lambda self, peer_id: 0)


def move_no_counters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shift, "counted", lambda self, sender, receiver, data, counter: data)


def test_without_the_journal_calls_to_the_returned_are_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_the_journal(monkeypatch)
    ann, bob = one_cut(Server(2))
    assert ann.errors == []
    assert [error for error in bob.errors if "which is not known" in error]
    assert calls(bob) == []


def test_without_the_shift_of_numbers_calls_of_the_returned_reach_other_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    move_no_numbers(monkeypatch)
    ann, bob = one_cut(Server(2))
    assert bob.errors == []
    assert [error for error in ann.errors if "is taken" in error]
    assert ann.ignored == 0


def test_without_the_shift_of_counters_values_of_the_returned_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    move_no_counters(monkeypatch)
    ann, bob = one_cut(Server(2))
    assert ann.errors == bob.errors == []
    assert ann.ignored > 0
    assert not ann.synced


def test_an_announced_return_is_seen_and_values_go_on() -> None:
    server = Server(2, is_silent=False)
    ann = server.clients[0]
    ann.signals.clear()
    ann, bob = one_cut(server)
    assert ann.signals[-2:] == [("del", bob.id), ("add", bob.id)]
    assert ann.errors == bob.errors == []
    assert ann.ignored == bob.ignored == 0
    for client in (ann, bob):
        assert calls(client) == [("Other", "again"), ("Main", "again")] * 2
        assert client.synced


def test_an_announced_return_needs_the_shift_of_counters_too(monkeypatch: pytest.MonkeyPatch) -> None:
    move_no_counters(monkeypatch)
    ann, _ = one_cut(Server(2, is_silent=False))
    assert ann.ignored > 0


@pytest.mark.parametrize(
    ("settings", "arrives"), [({}, True), ({"queues": False}, False), ({"is_silent": False}, False)]
)
def test_what_waits_for_an_absent_player(settings: dict[str, bool], arrives: bool) -> None:
    server = Server(3, **settings)
    ann, bob, eve = server.clients
    meet(server)
    server.cut(bob)
    bob.heard.clear()
    ann.call(bob.id, "Main", "one")
    server.tree.poll()
    eve.send(0, b"\x03two")
    eve.send(-ann.id, b"\x03three")
    eve.send(-bob.id, b"\x03not for Bob")
    server.settle()
    ann.call(bob.id, "Fresh", "four")
    server.settle()
    assert server.resume.queued_bytes > 0 or not arrives
    bob.connect()
    server.settle()
    texts = [("Main", "one"), ("", "two"), ("", "three"), ("Fresh", "four")]
    assert calls(bob) == (texts if arrives else [])
    assert server.news[-1] == ("back", bob.id, not arrives)
    assert bob.errors == []
    assert server.resume.queued_bytes == 0


def test_nothing_waited_so_nothing_was_missed() -> None:
    server = Server(2, queues=False)
    server.cut(server.clients[1])
    server.clients[1].connect()
    server.settle()
    assert server.news[-1] == ("back", server.clients[1].id, False)


def test_a_player_who_stays_away_is_given_up() -> None:
    server = Server(2)
    ann, bob = server.clients
    meet(server)
    server.cut(bob)
    ann.send(bob.id, b"\x03" + b"x" * 1000)
    server.settle()
    server.api.give_up(bob.id)
    server.api.give_up(bob.id)
    server.settle()
    assert ann.signals[-1] == ("del", bob.id)
    assert server.news[2:] == [("away", bob.id), ("peer_disconnected", bob.id)]
    assert server.resume.queued_bytes == server.resume.journal.used == 0
    bob.connect()
    server.settle()
    assert server.news[-1] == ("peer_connected", bob.id)
    assert ann.signals[-1] == ("add", bob.id)


def test_a_newcomer_hears_of_players_who_are_away() -> None:
    server = Server(2)
    bob = server.clients[1]
    server.cut(bob)
    eve = server.join()
    assert bob.id in eve.others
    eve.call(bob.id, "Main", "hello")
    server.settle()
    bob.connect()
    server.settle()
    assert eve.id in bob.others
    assert calls(bob) == [("Main", "hello")]
    assert eve.errors == bob.errors == []


def test_two_who_were_away_at_once_reach_each_other() -> None:
    server = Server(2)
    meet(server)
    for order in (server.clients, reversed(server.clients)):
        for client in server.clients:
            server.cut(client)
        for client in order:
            client.connect()
            server.settle()
        for client in server.clients:
            client.heard.clear()
        meet(server)
        for client in server.clients:
            assert client.errors == []
            assert len(client.heard) == 4


def test_packets_that_come_with_the_end_of_a_connection_wait_too() -> None:
    server = Server(2)
    ann, bob = server.clients
    meet(server)
    bob.heard.clear()
    bob.send(ann.id, b"\x03from Bob")
    bob.peer.close()
    bob.is_here = False
    ann.call(bob.id, "Main", "for Bob")
    server.settle()
    bob.connect()
    server.settle()
    assert calls(bob) == [("Main", "for Bob")]
    assert ("", "from Bob") in calls(ann)


def test_packets_for_an_absent_player_are_no_fault() -> None:
    server = Server(2)
    ann, bob = server.clients
    server.cut(bob)
    ann.send(bob.id, b"\x03hello")
    ann.sync(bob.id, "Main/Sync", "x", False)
    server.settle()
    assert server.api.get_refused(ann.id) == {}
    ann.send(bob.id + 1, b"\x03hello")
    server.settle()
    assert server.api.get_refused(ann.id) == {"unknown receiver": 1}


def test_calls_of_the_server_to_an_absent_player_are_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    server = Server(1)
    (bob,) = server.clients
    main = Main()
    server.tree.root.add_child(main)
    server.cut(bob)
    assert main.say.rpc_id(bob.id, "hello") is Error.OK
    assert main.say.rpc("hello") is Error.OK
    assert not caplog.records
    assert main.say.rpc_id(bob.id + 1, "hello") is Error.OK
    assert "there is no peer" in caplog.text


@pytest.mark.parametrize("reason", ["journal", "numbers", "nodes"])
def test_a_return_that_cannot_be_silent_is_announced(reason: str) -> None:
    server = Server(2)
    ann, bob = server.clients
    meet(server)
    if reason == "journal":
        server.resume.journal._most = 0
        ann.call(bob.id, "One/Path/Too/Many", "x")
    elif reason == "numbers":
        server.resume.shift.told(bob.id, MOST_PATHS + 1)
    else:
        ann.send(0, Spawn(0, 1, 1, (), "Unit", None, b"").encode())
    server.settle()
    server.cut(bob)
    ann.call(bob.id, "Main", "lost")
    server.settle()
    bob.connect()
    server.settle()
    assert ann.signals[-2:] == [("del", bob.id), ("add", bob.id)]
    assert server.news[-1] == ("back", bob.id, True)
    for client in server.clients:
        client.heard.clear()
    meet(server)
    for client in server.clients:
        assert client.errors == []
        assert len(client.heard) == 4


def test_packets_of_one_who_has_not_heard_of_an_announced_return_make_no_error() -> None:
    server = Server(2, is_silent=False)
    ann, bob = server.clients
    meet(server)
    server.cut(bob)
    bob.heard.clear()
    bob.connect()
    server.tree.poll()
    ann.call(bob.id, "Main", "by a number of the former life")
    server.settle()
    assert bob.errors == []
    assert calls(bob) == []
    ann.call(bob.id, "Main", "hello")
    server.settle()
    assert calls(bob) == [("Main", "hello")]


def come_back_with_a_unit(server: Server) -> tuple[Client, Client]:
    """Has Bob spawn a unit, come back, and spawn the unit again before Ann hears of the return."""
    ann, bob = server.clients
    server.api.replication_rate = math.inf
    bob.spawn(ann.id, "Unit")
    server.settle()
    assert ann.units == {"Unit": bob.id}
    server.cut(bob)
    bob.connect()
    server.tree.poll()
    bob.poll()
    bob.spawn(ann.id, "Unit")
    bob.call(ann.id, "Spawner", "after the unit")
    server.tree.poll()
    return ann, bob


def test_nodes_of_the_returned_come_when_the_former_ones_are_gone() -> None:
    server = Server(2)
    ann, bob = come_back_with_a_unit(server)
    ann.poll()
    assert ann.signals[-2:] == [("del", bob.id), ("add", bob.id)]
    assert ann.units == {}
    assert calls(ann) == []
    server.settle()
    assert ann.units == {"Unit": bob.id}
    assert calls(ann) == [("Spawner", "after the unit")]
    assert ann.errors == bob.errors == []
    assert not server.resume.is_unfinished()
    meet(server)
    assert ann.errors == bob.errors == []


def test_without_the_delay_a_node_of_the_returned_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Delay, "begin", lambda self, source, receivers, now: None)
    ann, _ = come_back_with_a_unit(Server(2))
    ann.poll()
    assert ann.errors == ["a SPAWN of Unit, which is there"]


def test_two_who_return_at_once_do_not_wait_for_each_other() -> None:
    server = Server(2)
    server.api.replication_rate = math.inf
    ann, bob = server.clients
    for one, other in ((ann, bob), (bob, ann)):
        one.spawn(other.id, f"Unit{one.id}")
    server.settle()
    for one in (ann, bob):
        server.cut(one)
    for one in (ann, bob):
        one.connect()
        server.tree.poll()
    for one, other in ((ann, bob), (bob, ann)):
        one.poll()
        one.spawn(other.id, f"Unit{one.id}")
    server.settle()
    assert ann.units == {f"Unit{bob.id}": bob.id}
    assert bob.units == {f"Unit{ann.id}": ann.id}
    assert ann.errors == bob.errors == []


def test_a_player_who_leaves_takes_what_is_delayed_along() -> None:
    server = Server(2)
    ann, bob = come_back_with_a_unit(server)
    server.cut(bob)
    assert server.resume.is_unfinished()
    server.api.give_up(bob.id)
    assert not server.resume.is_unfinished()
    server.settle()
    assert ann.units == {}
    assert ann.errors == []


def test_a_server_that_ends_its_session_drops_what_is_delayed() -> None:
    server = Server(2)
    come_back_with_a_unit(server)
    server.api.multiplayer_peer = None
    assert not server.resume.is_unfinished()


def test_what_is_delayed_is_not_for_the_next_life_of_its_receiver() -> None:
    server = Server(2)
    ann, bob = come_back_with_a_unit(server)
    server.cut(ann)
    assert not server.resume.is_unfinished()
    ann.connect()
    server.settle()
    assert ann.units == {}
    assert ann.errors == bob.errors == []


@pytest.mark.parametrize(
    "data",
    [b"\x01short", b"\x06\x01", b"\x00", encode_call(1, 0, [])[:1], b"\x30" + b"x" * 20, b"\x04\x01"],
)
def test_damaged_packets_of_the_returned_are_refused(data: bytes) -> None:
    server = Server(2)
    ann, bob = server.clients
    meet(server)
    server.cut(bob)
    bob.connect()
    server.settle()
    bob.peer.put_packet_to((1,), relay_packet(ann.id, data))
    server.tree.poll()
    assert sum(server.api.get_refused(bob.id).values()) == 1
    meet(server)
    assert ann.errors == bob.errors == []


def test_a_server_that_ends_its_session_forgets_all_places() -> None:
    server = Server(2)
    meet(server)
    server.cut(server.clients[1])
    server.api.multiplayer_peer = None
    assert not server.api.away
    assert server.resume.journal.used == 0


# ---------------------------------------------------------------------------------------------------- gdpeer's clients


class Places(Session):
    """A session of gdpeer's own clients, whose places are kept."""

    def __init__(self, clients: int, build: Callable[[Side], None] = lambda side: None, **settings: Any) -> None:
        self.clock = ManualClock(1000.0)
        self.build = build
        super().__init__(clients, lambda: SceneMultiplayer(clock=self.clock))
        self.resume = Resume(**settings)
        self.server.api.resumption = self.resume
        self.server.api.keeper = Keeper(self.resume, [])
        for side in self.sides:
            build(side)
        self.run()

    def run(self, rounds: int = 8) -> None:
        for _ in range(rounds):
            self.clock.advance(0.1)
            for side in self.sides:
                side.tree.poll()

    def cut(self, client: Side) -> None:
        client.peer.close()
        self.run()

    def back(self, client: Side) -> None:
        peer_id = client.peer._id
        client.peer = self.server.peer.join()
        client.peer._id = peer_id
        client.start()
        self.run()


@pytest.mark.parametrize("is_silent", [True, False])
def test_calls_between_all_sides_go_on(is_silent: bool) -> None:
    session = Places(2, is_silent=is_silent)
    ann, bob = session.clients
    for _ in range(3):
        for side in session.sides:
            for _ in range(2):
                side.main.say.rpc("hello")
                session.run()
        for side in session.sides:
            assert len(side.main.take()) == 4
        for side in session.sides:
            side.take_signals()
        session.cut(bob)
        session.back(bob)
        assert bob.id in session.server.api.get_peers()
        assert session.server.take_signals() == []
        news = [("peer_disconnected", bob.id), ("peer_connected", bob.id)]
        assert ann.take_signals() == ([] if is_silent else news)
    assert not session.server.api.refused
    assert not ann.api.refused
    assert not bob.api.refused


class Unit(Node):
    """Has values of its own, which its owner sends."""

    def __init__(self, name: str, owner: int) -> None:
        super().__init__(name)
        self.place = 0
        self.mood = 0
        sync = MultiplayerSynchronizer("Sync")
        sync.replication_config = SceneReplicationConfig()
        sync.replication_config.add_property(".:place")
        sync.replication_config.add_property(".:mood")
        sync.replication_config.property_set_replication_mode(".:mood", ReplicationMode.ON_CHANGE)
        sync.set_multiplayer_authority(owner)
        self.add_child(sync)


def test_values_of_clients_go_on() -> None:
    owners = {"Ann": 0, "Bob": 0}

    def build(side: Side) -> None:
        for name, owner in owners.items():
            side.main.add_child(Unit(name, owner))

    session = Places(2)
    ann, bob = session.clients
    owners.update(Ann=ann.id, Bob=bob.id)
    for side in session.sides:
        build(side)

    def unit(side: Side, name: str) -> Any:
        return side.main.get_node(name)

    def check(value: int) -> None:
        for name, owner in (("Ann", ann), ("Bob", bob)):
            unit(owner, name).place = unit(owner, name).mood = value
        session.run()
        for side in session.sides:
            for name in owners:
                assert (unit(side, name).place, unit(side, name).mood) == (value, value), (side.id, name)

    check(1)
    for value in range(2, 100):
        unit(bob, "Bob").place = value
        session.run(2)
    for value in (200, 300, 400):
        session.cut(bob)
        unit(ann, "Ann").mood = value - 1
        session.run()
        session.back(bob)
        assert unit(bob, "Ann").mood == value - 1
        check(value)
    assert not ann.api.refused
    assert not bob.api.refused


def test_nodes_of_the_server_are_spawned_again_for_the_returned_alone() -> None:
    def build(side: Side) -> None:
        nest = Node("Nest")
        spawner = MultiplayerSpawner("Spawner")
        spawner.spawn_function = lambda data: Unit(f"Unit{data}", 1)
        side.main.add_child(nest)
        nest.add_child(spawner)
        spawner.spawn_path = ".."

    session = Places(2, build)
    ann, bob = session.clients
    spawner = session.server.main.get_node("Nest/Spawner")
    for number in range(3):
        spawner.spawn(number)
    session.run()

    def units(side: Side) -> dict[str, int]:
        return {one.name: one.place for one in side.main.get_node("Nest").get_children() if isinstance(one, Unit)}

    before = {one.name: one for one in ann.main.get_node("Nest").get_children()}
    for place in (1, 2, 3):
        session.cut(bob)
        for one in session.server.main.get_node("Nest").get_children():
            if isinstance(one, Unit):
                one.place = place
        spawner.spawn(10 * place)
        session.back(bob)
        assert units(bob) == units(ann) == units(session.server)
        assert len(units(bob)) == 3 + place
    for name, one in before.items():
        assert ann.main.get_node("Nest").get_node(name) is one
    assert not ann.api.refused
    assert not bob.api.refused


def test_a_room_without_relay_keeps_places_too() -> None:
    session = Places(2)
    for side in session.sides:
        side.api.server_relay = False
    bob = session.clients[1]
    session.cut(bob)
    session.back(bob)
    session.server.main.say.rpc_id(bob.id, "hello")
    bob.main.say.rpc_id(1, "hello")
    session.run()
    assert bob.main.take() == [(1, "say", "hello")]
    assert session.server.main.take() == [(bob.id, "say", "hello")]


def test_a_returned_peer_authenticates_again() -> None:
    session = Places(2)
    ann, bob = session.clients
    asked: list[int] = []
    for side in (session.server, bob):
        side.api.auth_callback = lambda peer_id, data: None
    session.server.api.peer_authenticating.connect(asked.append)
    session.cut(bob)
    for side in session.sides:
        side.take_signals()
    session.back(bob)
    assert asked == [bob.id]
    assert bob.id in session.server.api.away
    session.server.api.complete_auth(bob.id)
    bob.api.complete_auth(1)
    session.run()
    assert bob.id in session.server.api.get_peers()
    assert not session.server.api.away
    assert ann.take_signals() == []
    ann.main.say.rpc_id(bob.id, "hello")
    session.run()
    assert bob.main.take() == [(ann.id, "say", "hello")]


def test_a_returned_peer_that_does_not_authenticate_is_still_away() -> None:
    session = Places(2)
    bob = session.clients[1]
    session.server.api.auth_callback = lambda peer_id, data: None
    session.cut(bob)
    session.back(bob)
    session.clock.advance(4.0)
    session.run()
    assert bob.id in session.server.api.away
    session.server.api.auth_callback = None
    session.back(bob)
    assert bob.id in session.server.api.get_peers()
