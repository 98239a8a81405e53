"""Two real games and the server. Without a Godot engine this test is skipped."""

from pathlib import Path

from gdpeer.testing import Godot, LocalServer

from server import Main

GAME = Path(__file__).parents[1] / "game"


def test_two_games_play(gdpeer_server: LocalServer, gdpeer_godot: Godot) -> None:
    gdpeer_server.tree.root.add_child(Main())
    games = [gdpeer_godot.start(GAME, gdpeer_server.url, "--test") for _ in range(2)]
    gdpeer_server.run_until(lambda: not any(game.is_running for game in games), seconds=30)
    assert [game.wait() for game in games] == [0, 0]
    assert all("wins" in game.output for game in games)
