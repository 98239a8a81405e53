"""What both sides say, unasked, when a call does not arrive: a real Godot 4, and a server that configures no logging.

The texts of the engine are those of docs/howto/it-does-not-work.md, each provoked here.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.engines import Engine
from tests.support.ports import free_port, wait_until_listening
from tests.support.processes import Process
from tests.support.troubles import rows, shows

pytestmark = [pytest.mark.engine, pytest.mark.timeout(90)]

PROJECT = 'config_version=5\n\n[application]\n\nrun/main_scene="res://main.tscn"\n'
SCENE = """[gd_scene load_steps=2 format=3]

[ext_resource type="Script" path="res://main.gd" id="1"]

[node name="NAME" type="Node"]
script = ExtResource("1")
"""
SCRIPT = """extends Node

func _ready() -> void:
	BEFORE
	var peer := WebSocketMultiplayerPeer.new()
	peer.create_client("ws://127.0.0.1:PORT")
	multiplayer.multiplayer_peer = peer
	await multiplayer.connected_to_server
	AFTER

@rpc("any_peer")
func GREET(_name: String, _where: Vector2) -> void:
	pass

@rpc("authority", "call_remote")
func welcome(text: String) -> void:
	print(text)
"""
SERVER = """
import sys
from typing import Any
from gdpeer import Node, SceneTree, Vector2, WebSocketMultiplayerPeer, rpc

class Main(Node):
    @rpc("any_peer")
    def greet(self, name: str, where: Vector2) -> None:
        self.welcome.rpc_id(self.multiplayer.get_remote_sender_id(), f"hello {name}")

    @rpc("authority")
    def welcome(self, text: Any) -> None:
        pass

peer = WebSocketMultiplayerPeer()
peer.create_server(int(sys.argv[1]), "127.0.0.1")
tree = SceneTree()
tree.multiplayer.multiplayer_peer = peer
main = Main(name="Main")
tree.root.add_child(main)
tree.multiplayer.peer_connected.connect(lambda peer_id: main.welcome.rpc_id(peer_id, eval(sys.argv[2])))
exec(sys.argv[3])
while True:
    tree.poll(timeout=0.05)
"""

UNITS = """
from gdpeer import MultiplayerSpawner, Scenes, replicated

class Unit(Node):
    position = replicated(Vector2())

tree.scenes = Scenes()
tree.scenes.register("res://unit.tscn")(Unit)
units, spawner = Node("Units"), MultiplayerSpawner("Spawner")
spawner.spawn_path = "../Units"
spawner.add_spawnable_scene("res://unit.tscn")
main.add_child(units)
main.add_child(spawner)
units.add_child(Unit("U1"))
"""
"""What a server does that spawns a node."""
STATIC = """
from gdpeer import replicated

class Unit(Node):
    position = replicated(Vector2())

unit = Unit("U1")
main.add_child(unit)
tree.multiplayer.peer_connected.connect(lambda peer_id: setattr(unit, "position", Vector2(1, 2)))
"""
"""What a server does that has a node in its scene."""
UNIT_SCENE = """[gd_scene load_steps=2 format=3]

[sub_resource type="SceneReplicationConfig" id="1"]
properties/0/path = NodePath(".:position")
properties/0/spawn = true
properties/0/replication_mode = 1

[node name="Unit" type="Node2D"]

[node name="MultiplayerSynchronizer" type="MultiplayerSynchronizer" parent="."]
replication_config = SubResource("1")
"""
SECOND = """
[node name="Second" type="MultiplayerSynchronizer" parent="."]
replication_config = SubResource("1")
"""
ADD_UNITS = 'var units := Node2D.new(); units.name = "Units"; add_child(units)'
ADD_SPAWNER = (
    f'{ADD_UNITS}; var spawner := MultiplayerSpawner.new(); spawner.name = "Spawner"; '
    'spawner.spawn_path = NodePath("../Units"); spawner.add_spawnable_scene("res://unit.tscn"); add_child(spawner)'
)
ADD_UNIT = 'var unit = load("res://unit.tscn").instantiate(); unit.name = "U1"'

Said = tuple[str, str]
"""What the server and the engine have written on stderr."""


def play(
    folder: Path,
    done: Callable[[Said], bool],
    *,
    name: str = "Main",
    greet: str = "greet",
    before: str = "pass",
    after: str = "pass",
    welcome: str = "'welcome'",
    server: str = "",
    unit: str = UNIT_SCENE,
) -> Said:
    """A game with some mistake in it, and what both sides say; ends once `done` says so."""
    port = free_port()
    script = SCRIPT
    for old, new in (("PORT", str(port)), ("GREET", greet), ("BEFORE", before), ("AFTER", after)):
        script = script.replace(old, new)
    (folder / "project.godot").write_text(PROJECT)
    (folder / "main.tscn").write_text(SCENE.replace("NAME", name))
    (folder / "main.gd").write_text(script)
    (folder / "unit.tscn").write_text(unit)
    with Process([sys.executable, "-c", SERVER, str(port), welcome, server]) as host:
        wait_until_listening(port)
        with Engine("4", folder, "main.tscn") as game:
            end = time.monotonic() + 20
            said = ("", "")
            while time.monotonic() < end and not done(said):
                time.sleep(0.05)
                said = "\n".join(host.stderr), "\n".join(game.process.stderr)
    return said


def test_a_scene_whose_root_has_another_name(tmp_path: Path) -> None:
    ours, theirs = play(
        tmp_path,
        lambda said: "unknown node" in said[0] and "Node not found" in said[1],
        name="Game",
        after='greet.rpc_id(1, "Ann", Vector2(1, 2))',
    )
    assert "refused (unknown node): peer " in ours
    assert ", node 'Game', " in ours
    assert "there is no such node here" in ours
    assert 'Node not found: "Main"' in theirs


def test_an_argument_of_a_wrong_type(tmp_path: Path) -> None:
    ours, _ = play(tmp_path, lambda said: "wrong arguments" in said[0], after="rpc_id(1, &'greet', 5, Vector2(1, 2))")
    assert "refused (wrong arguments): peer " in ours
    assert "greet: argument 1 (name)" in ours


def test_a_method_that_was_renamed_on_one_side(tmp_path: Path) -> None:
    ours, theirs = play(
        tmp_path,
        lambda said: "differ from" in said[0] and "checksum failed" in said[1],
        greet="hello",
        after='hello.rpc_id(1, "Ann", Vector2(1, 2))',
    )
    assert "the methods of node 'Main' differ from those of peer " in ours
    assert "greet, welcome" in ours
    assert "The rpc node checksum failed" in theirs


MISTAKES: dict[str, dict[str, str]] = {
    "Node not found": {"name": "Game"},
    "The rpc node checksum failed": {"greet": "hello"},
    "Unable to get the RPC configuration": {"after": 'rpc_id(1, &"nothing")'},
    "Trying to call an RPC while no": {"before": 'multiplayer.multiplayer_peer = null; welcome.rpc_id(1, "x")'},
    "RPC '…' on yourself": {"after": 'welcome.rpc_id(multiplayer.get_unique_id(), "x")'},
    "RPC - ": {"welcome": "[1]"},
    "ID … not found": {"server": UNITS},
    'Condition "p_from': {"server": UNITS, "before": f"{ADD_SPAWNER}; spawner.set_multiplayer_authority(2)"},
    'Condition "parent': {"server": UNITS, "before": f"{ADD_SPAWNER}; {ADD_UNIT}; units.add_child(unit)"},
    "The MultiplayerSynchronizer at": {"server": UNITS, "before": ADD_SPAWNER, "unit": UNIT_SCENE + SECOND},
    "Ignoring sync data": {
        "server": STATIC,
        "before": f"{ADD_UNIT}; add_child(unit); unit.set_multiplayer_authority(2)",
    },
}


@pytest.mark.parametrize("row", rows("What Godot says"))
def test_what_the_page_says_of_godot_is_what_godot_says(row: str, tmp_path: Path) -> None:
    found = [mistake for beginning, mistake in MISTAKES.items() if row.startswith(beginning)]
    assert len(found) == 1, row
    _, theirs = play(tmp_path, lambda said: shows(row, said[1]), **found[0])
    assert shows(row, theirs), theirs
