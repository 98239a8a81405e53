"""What is refused of a peer, over a session: its counters, the server's sums, and `max_refused`, in both dialects."""

from __future__ import annotations

import pytest

from gdpeer import OK, ManualClock, SceneTree, WebSocketMultiplayerPeer, WebSocketPeer, WebSocketServer, godot3, http
from gdpeer.errors import Error
from gdpeer.logs import LOGGED_AT_ONCE
from gdpeer.multiplayer.wire.replication import Despawn, Spawn, Sync
from gdpeer.prometheus import ServerCollector
from gdpeer.transport.memory import memory_pair
from gdpeer.websocket.session.godot3_header import Kind, pack_data, pack_system
from gdpeer.websocket.states import PeerState

RAW3, RAW4 = b"\x04x", b"\x03x"


class Hall:
    """A server for both dialects over memory, with the API above it and clients that are bare."""

    def __init__(self, **settings: object) -> None:
        self.clock = ManualClock(1.0)
        self.server = WebSocketMultiplayerPeer(("godot4", "godot3"), clock=self.clock)
        self.server.supported_protocols, self.server.godot3_protocols = ["g4"], ["g3"]
        for name, value in settings.items():
            setattr(self.server, name, value)
        self.clients: list[WebSocketPeer] = []
        self.ids: list[int] = []
        for protocol in ("g4", "g3"):
            self.join(protocol)
        self.tree = SceneTree()
        self.api = self.tree.multiplayer
        self.api.multiplayer_peer = self.server
        self.gone: list[int] = []
        self.heard: list[tuple[int, bytes]] = []
        self.api.peer_disconnected.connect(self.gone.append)
        self.api.peer_packet.connect(lambda *what: self.heard.append(what))
        self.run()

    def join(self, protocol: str) -> None:
        theirs, ours = memory_pair(clock=self.clock)
        self.ids.append(self.server.take_stream(ours))
        client = WebSocketPeer(clock=self.clock)
        client.supported_protocols = [protocol]
        assert client.connect_through(theirs) is OK
        self.clients.append(client)

    def run(self) -> None:
        for _ in range(5):
            self.tree.poll()
            for client in self.clients:
                client.poll()

    def refused(self, number: int) -> dict[str, int]:
        peer = self.server.get_peer(self.ids[number])
        assert peer is not None
        assert self.api.get_refused(self.ids[number]) in ({}, peer.get_stats().refused_packets)
        return dict(peer.get_stats().refused_packets)


def test_each_cause_is_counted_once_for_the_peer_the_api_and_the_server() -> None:
    hall = Hall()
    four, three = hall.ids
    for data in (b"", b"\xff", b"\x0fxxxxx", RAW4, b"\x17\x00\x05\x00\x00\x00"):
        hall.clients[0].send(data)
    hall.clients[1].send(pack_data(four, 1, RAW3))
    hall.clients[1].send(pack_system(Kind.ADD, 9))
    hall.clients[1].send(pack_data(three, 99, RAW3))
    hall.clients[1].send(pack_data(three, 1, b"\x09"))
    hall.run()
    by_four, by_three = hall.refused(0), hall.refused(1)
    assert by_three == {"forged source": 1, "not allowed": 1, "unknown receiver": 1, "unknown command": 1}
    assert sum(by_four.values()) == 4
    assert hall.heard == [(four, b"x")]
    sums = hall.server.stats().refused_packets
    assert sums == {name: by_four.get(name, 0) + by_three.get(name, 0) for name in {*by_four, *by_three}}
    assert sum(hall.api.refused.values()) == 4  # three of Godot 3's and the empty packet met the transport
    [family] = [one for one in ServerCollector(hall.server.stats).collect() if one.name == "gdpeer_refused_packets"]
    assert {one.labels["cause"]: one.value for one in family.samples} == sums
    hall.server.close()
    assert hall.server.stats().refused_packets == {}


def test_the_log_keeps_nothing_alive_that_a_refused_packet_passed(caplog: pytest.LogCaptureFixture) -> None:
    """A record with the exception in it would hold its frames, and with them what the peer had us remember."""
    hall = Hall()
    hall.clients[0].send(b"\xff")
    hall.clients[1].send(pack_data(hall.ids[0], 1, RAW3))
    hall.run()
    dropped = [record for record in caplog.records if "dropped a packet" in str(record.msg)]
    assert len(dropped) == 2
    for record in dropped:
        assert isinstance(record.args, tuple)
        assert not [one for one in record.args if isinstance(one, BaseException)]


@pytest.mark.parametrize("number", [0, 1])
def test_who_sends_too_much_rubbish_is_disconnected_where_the_game_wants_it(
    number: int, caplog: pytest.LogCaptureFixture
) -> None:
    hall = Hall(max_refused=20)
    bad, good = (b"\xff", RAW4) if number == 0 else (pack_data(hall.ids[0], 1, RAW3), pack_data(hall.ids[1], 1, RAW3))
    for _ in range(20):
        hall.clients[number].send(bad)
    hall.run()
    assert sum(hall.refused(number).values()) == 20
    assert hall.gone == []
    for data in (bad, good, bad):
        hall.clients[number].send(data)
    hall.run()
    assert hall.clients[number].get_close_code() == 1008
    assert hall.clients[number].get_ready_state() is PeerState.CLOSED
    assert hall.gone == [hall.ids[number]]
    assert hall.heard == []
    assert hall.server.stats().refused_packets.popitem()[1] == 21
    assert hall.api._refusals == {}
    about = [line for line in caplog.messages if f"peer {hall.ids[number]}" in line]
    assert len(about) <= LOGGED_AT_ONCE + 2  # that it was disconnected, and how much was not logged
    assert any("disconnected: too much" in line for line in about)


def test_without_a_limit_nobody_is() -> None:
    hall = Hall()
    for _ in range(1_000):
        hall.clients[0].send(b"\xff")
        hall.tree.poll()
    hall.run()
    assert sum(hall.refused(0).values()) == 1_000
    assert hall.gone == []


def test_what_is_read_after_the_end_of_a_connection_counts_for_the_server() -> None:
    hall = Hall()
    hall.clients[0].send(b"\xff")
    hall.clients[0].close()
    hall.run()
    assert hall.server.stats().refused_packets == hall.api.refused
    assert hall.api.refused.total() == 1
    assert hall.api._refusals == {}


def test_godot_3s_own_server_too() -> None:
    clock = ManualClock(1.0)
    server = WebSocketServer(clock=clock)
    server.bind_ip = "127.0.0.1"
    server.max_refused = 3
    server.http_handler = http.chain()
    assert server.listen(0, gd_mp_api=True) is OK
    tree = godot3.SceneTree()
    with server:
        tree.multiplayer.network_peer = server
        theirs, ours = memory_pair(clock=clock)
        peer_id = server.take_stream(ours)
        client = WebSocketPeer(clock=clock)
        assert client.connect_through(theirs) is OK
        for _ in range(5):
            tree.poll()
            client.poll()
        for _ in range(4):
            client.send(pack_data(peer_id, 1, b"\x09"))
        for _ in range(5):
            tree.poll()
            client.poll()
        assert client.get_close_code() == 1008
        assert server.stats().refused_packets == {"unknown command": 4}
        assert tree.multiplayer.get_peers() == []


def test_without_a_network_the_api_counts_alone() -> None:
    tree = SceneTree()
    tree.multiplayer.multiplayer_peer = None
    tree.multiplayer.refuse(5, "Main", "", "unknown node", "none")
    assert tree.multiplayer.refused == {"unknown node": 1}
    tree.multiplayer.clear()
    assert tree.multiplayer._refusals == {}
    assert WebSocketMultiplayerPeer().refusals_of(1).by_cause == {}
    assert tree.multiplayer.poll() is Error.ERR_UNCONFIGURED


def test_spawners_and_synchronizers_of_an_honest_client_never_end_its_connection() -> None:
    hall = Hall(max_refused=20)
    for _ in range(100):
        for packet in (Spawn(0, 1, 1, (), "Unit", None, b""), Despawn(1), Sync(1, ((2, b"state"),))):
            hall.clients[0].send(packet.encode())
        hall.tree.poll()
    hall.clients[0].send(RAW4)
    hall.run()
    assert hall.gone == []
    assert hall.heard == [(hall.ids[0], b"x")]
    assert hall.refused(0) == dict(hall.api.refused) == hall.server.stats().refused_packets == {"replication": 300}
