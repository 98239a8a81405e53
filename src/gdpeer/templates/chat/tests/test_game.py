"""The real game and the server. Without a Godot engine this test is skipped."""

from pathlib import Path

from gdpeer.testing import Godot, LocalServer

from server import Main

GAME = Path(__file__).parents[1] / "game"


def test_the_game_joins(gdpeer_server: LocalServer, gdpeer_godot: Godot) -> None:
    gdpeer_server.tree.root.add_child(Main())
    game = gdpeer_godot.start(GAME, gdpeer_server.url, "--test")
    gdpeer_server.run_until(lambda: not game.is_running, seconds=30)
    assert game.wait() == 0
    assert "Godot: Hello!" in game.output
