"""The real game and the server. Without a Godot engine this test is skipped."""

import time
from pathlib import Path

from gdpeer.testing import Godot, LocalServer

from server import Main, scenes, tick

GAME = Path(__file__).parents[1] / "game"


def test_the_game_sees_its_player_run(gdpeer_server: LocalServer, gdpeer_godot: Godot) -> None:
    gdpeer_server.tree.scenes = scenes
    gdpeer_server.tree.root.add_child(Main())
    game = gdpeer_godot.start(GAME, gdpeer_server.url, "--test")
    end = time.monotonic() + 30
    while game.is_running and time.monotonic() < end:
        gdpeer_server.run(0.03)
        tick(gdpeer_server.tree, 0.03)
    assert game.wait() == 0
    assert "ran to" in game.output
