"""The nodes that the engine makes of scenes, and the values that it replicates to a client without classes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from gdpeer import Scenes, SceneTree, Vector2, WebSocketMultiplayerPeer
from tests.golden.recording.scenes import PROJECT, made
from tests.support.engines import FIXTURES, fixture
from tests.support.ports import free_port

pytestmark = pytest.mark.engine


def test_the_engine_makes_these_nodes_of_each_scene() -> None:
    """The nodes are those of `tests/golden/scenes_godot4.json`."""
    assert made(PROJECT) == json.loads(PROJECT.with_suffix(".json").read_text())


def poll_until(tree: SceneTree, condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        tree.poll(timeout=0.02)


def test_a_client_without_classes_sees_the_nodes_of_an_engine_with_all_values_by_name() -> None:
    scenes = Scenes(FIXTURES / "godot4")
    tree = SceneTree(scenes=scenes)
    main: Any = scenes.make("res://rep_client.tscn", "")
    tree.root.add_child(main)
    port = free_port()
    peer = WebSocketMultiplayerPeer()
    with fixture("4", "rep_server", port=port, steps="board,unit,nest,move,turn,hurt,bag") as engine:
        engine.wait_for("listening")
        peer.create_client(f"ws://127.0.0.1:{port}")
        tree.multiplayer.multiplayer_peer = peer
        poll_until(tree, lambda: engine.find("done") is not None)
        poll_until(tree, lambda: main.get_node("Units/U1").items == ["sword"])
        unit: Any = main.get_node("Units/U1")
        assert (unit.position, unit.get_node("Turret").rotation) == (Vector2(10, 20), 0.5)
        assert (unit.health, unit.title, unit.aim) == (80, "made U1", 0.0)
        board: Any = main.get_node("Board")
        assert (board.score, board.clock, board.notes) == (3, 1000, {"a": 1, "b": 2})
        eggs = [child for child in main.get_node("Units").get_children() if child.has_node("Eggs")]
        assert [child.scene_file_path for child in eggs] == ["res://rep_nest.tscn"]
        assert len(eggs[0].get_node("Eggs").get_children()) == 1
        peer.close()
        tree.poll()
