"""Replayed sessions with spawners and synchronizers: what is compared, and what counts as equal."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gdpeer import (
    OK,
    MultiplayerSpawner,
    MultiplayerSynchronizer,
    Node,
    ReplicationMode,
    SceneReplicationConfig,
    Scenes,
    SceneTree,
    Vector2,
    WebSocketMultiplayerPeer,
    replicated,
    rpc,
)
from gdpeer.cli.replay import report
from gdpeer.inspection import replay as replaying
from gdpeer.inspection.decoded import Decoded, State
from gdpeer.inspection.method_names import MethodNames
from gdpeer.inspection.recording import Recording
from gdpeer.inspection.replay import Difference, Replay, confirmation_in
from gdpeer.inspection.replay_ids import Ids
from gdpeer.inspection.replay_nodes import Nodes
from gdpeer.inspection.scene_names import SceneNames
from gdpeer.inspection.scene_reading import read_scene_tables
from gdpeer.inspection.tunnel import Event, Tunnel
from gdpeer.multiplayer.wire.godot4 import ConfirmPath, Relay, RemoteCall, SimplifyPath, parse
from gdpeer.multiplayer.wire.replication import Despawn, Spawn, encode_values
from gdpeer.protocol.url import parse_url


class Player(Node):
    """Belongs to the server; its `Input` to the client that it is named after."""

    synchronizer_name = "Sync"
    position = replicated(Vector2())
    health: int = replicated(100, mode=ReplicationMode.ON_CHANGE)
    title: str = replicated("", mode=ReplicationMode.NEVER)

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
        self.aim: Any = 0.0
        config = SceneReplicationConfig()
        config.add_property(".:aim")
        config.property_set_replication_mode(".:aim", ReplicationMode.ON_CHANGE)
        sync = MultiplayerSynchronizer("Input")
        sync.replication_config = config
        self.add_child(sync)

    def _enter_tree(self) -> None:
        if self.name.isdecimal():
            self.get_node("Input").set_multiplayer_authority(int(self.name))


class Board(Node):
    synchronizer_name = "Sync"
    score: int = replicated(0, mode=ReplicationMode.ON_CHANGE)
    clock = replicated(0.0)


class Main(Node):
    """The game: each client has a player; `hit` takes health, `leave` removes a bomb."""

    def __init__(self, players: Node, board: Any) -> None:
        super().__init__("Main")
        self.players, self.board = players, board
        self.add_child(players)
        self.add_child(board)
        self.done = 0

    @rpc("any_peer")
    def hit(self, strength: int) -> None:
        sender = str(self.multiplayer.get_remote_sender_id())
        player: Any = self.players.get_node(sender)
        player.health -= strength
        player.position += Vector2(strength, 0)
        self.board.score += strength
        self.done += 1
        self.after_hit(player)

    def after_hit(self, player: Any) -> None:
        """What another version of the game does."""


class Side:
    def __init__(self, peer: WebSocketMultiplayerPeer, kind: type[Main] = Main) -> None:
        self.peer = peer
        scenes = Scenes()
        self.player = scenes.register("res://player.tscn")(type("Player", (Player,), {}))
        self.tree = SceneTree(scenes=scenes)
        self.api = self.tree.multiplayer
        self.main = kind(Node("Players"), Board("Board"))
        self.spawner = MultiplayerSpawner("Spawner")
        self.spawner.spawn_path = "../Players"
        self.spawner.add_spawnable_scene("res://player.tscn")
        self.spawner.spawn_function = lambda data: Node(f"Bomb{data}")
        self.main.add_child(self.spawner)
        self.tree.root.add_child(self.main)
        self.api.multiplayer_peer = peer

    def player_of(self, peer_id: int) -> Any:
        return self.main.players.get_node(str(peer_id))


class Server(Side):
    def __init__(self, kind: type[Main] = Main, first: int = 0) -> None:
        peer = WebSocketMultiplayerPeer()
        assert peer.create_server(0, "127.0.0.1") is OK
        super().__init__(peer, kind)
        for number in range(first):  # takes net ids and numbers of paths, which then differ
            self.main.add_child(Board(f"Board{number}"))
            self.api.replicator.spawns.take_id()
            self.api.paths.entry(self.main.get_node(f"Board{number}/Sync"))
        self.url = f"ws://127.0.0.1:{peer.get_local_port()}"
        self.api.peer_connected.connect(self.come)
        self.api.peer_disconnected.connect(lambda peer_id: self.player_of(peer_id).queue_free())

    def come(self, peer_id: int) -> None:
        player = self.player(str(peer_id))
        player.title = f"made {self.main.players.get_index()}"
        self.main.players.add_child(player)
        bomb = self.spawner.spawn(1)
        assert bomb is not None
        bomb.free()


def poll_until(done: Callable[[], Any], *polled: Callable[[float], object]) -> None:
    deadline = time.monotonic() + 20.0
    while not done():
        assert time.monotonic() < deadline, "took too long"
        for poll in polled:
            poll(0.002)


@pytest.fixture(scope="module", name="recording")
def _recording() -> Recording:
    """Two clients that hit, and aim."""
    server = Server()
    tunnel = Tunnel(server.url)
    url = f"ws://127.0.0.1:{tunnel.listen('127.0.0.1', 0)}"
    events: list[Event] = []
    polled: list[Callable[[float], object]] = [server.tree.poll, lambda wait: events.extend(tunnel.poll(wait))]
    clients = []
    for _ in range(2):
        peer = WebSocketMultiplayerPeer()
        assert peer.create_client(url) is OK
        client = Side(peer)
        clients.append(client)
        polled.append(client.tree.poll)
        poll_until(lambda: len(server.main.players.get_children()) == len(clients), *polled)
        poll_until(lambda: all(len(one.main.players.get_children()) == len(clients) for one in clients), *polled)
    one, two = clients
    for number in range(5):
        one.main.hit.rpc_id(1, number)
        one.player_of(one.api.get_unique_id()).aim = 0.5 * number
        poll_until(lambda: server.main.done == number + 1, *polled)  # noqa: B023
    two.main.hit.rpc_id(1, 10)
    poll_until(lambda: server.main.done == 6, *polled)
    last = two.player_of(one.api.get_unique_id())
    poll_until(lambda: (last.aim, last.health) == (2.0, 90), *polled)
    poll_until(lambda: one.player_of(two.api.get_unique_id()).health == 90, *polled)
    poll_until(lambda: one.main.board.score == two.main.board.score == 20, *polled)
    for side in (one, two):
        side.peer.close()
    poll_until(lambda: not server.api.get_peers(), *polled)
    tunnel.stop(grace=0.0)
    server.peer.close()
    return Recording("auto", events)


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "LINGER", 0.5)


def play(recording: Recording, server: Server, **options: Any) -> Replay:
    replay = Replay(recording, parse_url(server.url), speed=float("inf"), **options)
    try:
        while replay.poll(0.001):
            server.tree.poll()
    finally:
        replay.stop()
    server.peer.close()
    return replay


def differences(replay: Replay) -> list[Difference]:
    return [one for player in replay.players.values() for one in player.differences(replay.ids)]


@pytest.mark.parametrize("first", [0, 5])
def test_a_session_with_nodes_is_as_recorded(recording: Recording, first: int) -> None:
    """With other peer ids, net ids and numbers of paths, and another number of SYNCs."""
    server = Server(first=first)
    server.api.replication_rate = 200.0
    replay = play(recording, server)
    assert differences(replay) == []
    one = replay.players[1]
    assert one.id_then != one.id_now
    assert [len(one.nodes.spawns), len(one.nodes.despawns)] == [4, 2]
    assert server.main.board.score == 20
    lines = report(one, [], True)
    assert lines[0].endswith("answers, 6 SPAWNs and DESPAWNs, 13 properties as recorded"), lines
    assert server.api.refused == {}


class Harder(Main):
    def after_hit(self, player: Any) -> None:
        player.health -= 1
        self.board.clock += 0.5


def test_last_values_that_differ(recording: Recording) -> None:
    replay = play(recording, Server(Harder))
    player = replay.players[1]
    found = player.differences(replay.ids)
    mine = f"Main/Spawner …/{player.id_then}"
    assert Difference(0, "90", "85", f"{mine}/synchronizer 1:DELTA #0", "value") in found
    assert Difference(0, "0.0", "3.0", "Main/Board/Sync:SYNC #0", "value") in found
    assert len(found) == 3
    assert f"  {mine}/synchronizer 1:DELTA #0 at the end: expected 90, got 85" in report(player, found, True)
    assert differences(play(recording, Server(Harder), ignored=["DELTA #0", "Main/Board/Sync:*"])) == []
    assert {one.label for one in differences(play(recording, Server(Harder), ignored=["delta"]))} == {
        "Main/Board/Sync:SYNC #0"
    }


class Spare(Main):
    def after_hit(self, player: Any) -> None:
        spawner: Any = self.get_node("Spawner")
        if self.done == 1:
            spawner.spawn(7)


def test_spawned_nodes_that_differ(recording: Recording) -> None:
    replay = play(recording, Server(Spare))
    found = replay.players[1].differences(replay.ids)
    assert found == [Difference(5, "nothing", "Main/Spawner …/Bomb7, spawn(7)", "spawn", "spawn")]
    assert report(replay.players[1], found, True)[1] == (
        "  SPAWN 5: expected nothing, got Main/Spawner …/Bomb7, spawn(7)"
    )
    assert differences(play(recording, Server(Spare), ignored=["spawn"])) == []


class Silent(Server):
    """Spawns nothing."""

    def come(self, peer_id: int) -> None:
        self.main.players.add_child(Player(str(peer_id)))


def test_nodes_that_are_missing(recording: Recording) -> None:
    """The values of a node that does not come are no further differences."""
    replay = play(recording, Silent())
    found = replay.players[2].differences(replay.ids)
    players = [one.label for one in found if one.kind == "value" and "Spawner" in one.label]
    assert {one.got for one in found if one.kind != "value"} == {"nothing"}
    assert players == []


PROJECT = {
    "project.godot": 'config_version=5\n\n[application]\n\nrun/main_scene="res://main.tscn"\n',
    "main.tscn": """\
[gd_scene format=3]

[sub_resource type="SceneReplicationConfig" id="1"]
properties/0/path = NodePath(".:score")
properties/0/spawn = true
properties/0/replication_mode = 2
properties/1/path = NodePath(".:clock")
properties/1/spawn = true
properties/1/replication_mode = 1

[node name="Main" type="Node"]

[node name="Players" type="Node" parent="."]

[node name="Board" type="Node" parent="."]

[node name="Sync" type="MultiplayerSynchronizer" parent="Board"]
replication_config = SubResource("1")

[node name="Spawner" type="MultiplayerSpawner" parent="."]
_spawnable_scenes = PackedStringArray("res://player.tscn")
spawn_path = NodePath("../Players")
""",
    "player.tscn": """\
[gd_scene format=3]

[sub_resource type="SceneReplicationConfig" id="1"]
properties/0/path = NodePath(".:position")
properties/0/spawn = true
properties/0/replication_mode = 1
properties/1/path = NodePath(".:health")
properties/1/spawn = true
properties/1/replication_mode = 2
properties/2/path = NodePath(".:title")
properties/2/spawn = true
properties/2/replication_mode = 0

[sub_resource type="SceneReplicationConfig" id="2"]
properties/0/path = NodePath(".:aim")
properties/0/spawn = true
properties/0/replication_mode = 2

[node name="Player" type="Node"]

[node name="Sync" type="MultiplayerSynchronizer" parent="."]
replication_config = SubResource("1")

[node name="Input" type="MultiplayerSynchronizer" parent="."]
replication_config = SubResource("2")
""",
}


def test_names_of_a_project(recording: Recording, tmp_path: Path) -> None:
    for name, text in PROJECT.items():
        (tmp_path / name).write_text(text)
    names = MethodNames(scenes=SceneNames(read_scene_tables(tmp_path)[0]))
    replay = play(recording, Server(Harder), names=names)
    player = replay.players[1]
    mine = f"Main/Players/{player.id_then}"
    found = player.differences(replay.ids)
    assert Difference(0, "90", "85", f"{mine}:health", "value") in found
    assert {one.label.rpartition(":")[2] for one in found} == {"health", "clock"}
    assert differences(play(recording, Server(Harder), names=names, ignored=["health", "*/Board*:clock"])) == []
    assert f"{mine}/Input" not in player.nodes_then.values  # this client's own value
    assert set(player.nodes_then.values[mine]) == {"position", "health", "title"}


def test_peer_ids_in_paths_and_values() -> None:
    ids = Ids()
    ids.learn(100, 200)
    assert (ids.path_now("Main/100/Sync"), ids.path_then("Main/200/A200")) == ("Main/200/Sync", "Main/100/A200")
    value = {"by": 200, "all": [200, 1, 2.0, "200", "of 200"]}
    assert ids.value_then(value) == {"by": 100, "all": [100, 1, 2.0, "100", "of 200"]}
    assert Ids().path_now("Main/100") == "Main/100"
    ids.learn(123456, 1234567890)
    assert ids.path_then("Main/P1234567890/1234567890") == "Main/P123456/123456"
    assert ids.value_then("of 1234567890, not 12345678901") == "of 123456, not 12345678901"
    told = SimplifyPath("0" * 32, 5, "Main/100/Input")
    assert ids.translate("godot4", told.encode()) == told._replace(path="Main/200/Input").encode()
    call = RemoteCall(0, 3, ["Main/100"], "Main/100")
    assert ids.translate("godot4", call.encode()) == call._replace(path="Main/200").encode()
    relayed = Relay(100, told.encode()).encode()
    assert ids.translate("godot4", relayed) == Relay(200, told._replace(path="Main/200/Input").encode()).encode()
    for other in (RemoteCall(7, 3, [100]).encode(), b"\x01damaged", b"\x00", b"", b"\x07\x03\x64\0\0\0"):
        assert ids.translate("godot4", other)[6:] == other[6:]


def test_which_messages_confirm_a_path() -> None:
    answer = ConfirmPath(True, 3)
    assert confirmation_in("godot4", answer.encode()) == (1, b"", parse(answer.encode()))
    relayed = Relay(-7, answer.encode()).encode()
    assert confirmation_in("godot4", relayed) == (-7, relayed[:6], parse(answer.encode()))
    for dialect, data in (("godot3", answer.encode()), ("godot4", b"\x02"), ("godot4", b"\x03x"), ("raw", b"\x02")):
        assert confirmation_in(dialect, data) is None


def nodes(*packets: tuple[str, bytes | None, list[tuple[str, Any]]]) -> Nodes:
    """Returns what was heard: the command, the packet, and for each place the values."""
    found = Nodes()
    for command, packet, values in packets:
        states = [State(place, value, (), 3, place) for place, value in values]
        decoded = Decoded(command, 1, states=states, place=values[0][0] if values else "")
        if packet is not None:
            found.note_node(decoded, packet)
        found.note_values(decoded)
    return found


def spawn(name: str, argument: bytes | None = None) -> bytes:
    return Spawn(255 if argument else 0, 1, 1, (), name, argument, b"").encode()


def test_what_is_no_difference_and_what_is() -> None:
    ids = Ids()
    then = nodes(("spawn", spawn("A"), [("A", [1, 2])]), ("sync", None, [("A/S", [3])]), ("sync", None, [("A/S", [4])]))
    now = nodes(("spawn", spawn("A"), [("A", [1, 2])]), ("sync", None, [("A/S", [4])]))
    assert then.differences(now, ids, ()) == []
    again = nodes(("spawn", spawn("A"), [("A", [9])]), ("sync", None, [("A/S", [4])]), ("spawn", None, [("A", [1, 2])]))
    assert then.differences(again, ids, ()) == [("A/S:SYNC #0", "4", "nothing")]
    damaged = nodes(("spawn", spawn("A"), [("A", [1, 2])]), ("sync", None, [("A/S", None)]))
    assert then.differences(damaged, ids, ()) == [
        ("A/S:SYNC #0", "4", "nothing"),
        ("A/S:SYNC", "nothing", '"3 bytes, not decoded"'),
    ]
    assert then.differences(damaged, ids, ["SYNC*"]) == []


def test_spawned_and_despawned_nodes_in_words() -> None:
    found = nodes(
        ("spawn", spawn("A"), [("Main/A", [])]),
        ("spawn", spawn("B", encode_values([7])), [("Main/B", [])]),
        ("spawn", spawn("C", b"\x99"), [("Main/C", [])]),
        ("despawn", Despawn(1).encode(), []),
    )
    assert [one.summary() for one in (*found.spawns, *found.despawns)] == [
        "Main/A, scene 0",
        "Main/B, spawn(7)",
        "Main/C, spawn(PackedByteArray(153))",
        "a node that was not spawned",
    ]
