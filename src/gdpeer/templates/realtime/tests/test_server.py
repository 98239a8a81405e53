from gdpeer import Vector2
from gdpeer.testing import MemoryGame

from server import BOARD, SPEED, Main, scenes, tick


def started(game: MemoryGame) -> Main:
    main = Main()
    game.tree.scenes = scenes
    game.tree.root.add_child(main)
    return main


def test_a_player_runs_at_the_speed_of_the_game(gdpeer_game: MemoryGame) -> None:
    main = started(gdpeer_game)
    ann = gdpeer_game.join()
    ann.call("Main", "steer", Vector2(100, 0))
    gdpeer_game.run()
    tick(gdpeer_game.tree, 0.5)
    player = main.player(ann.peer_id)
    assert player is not None
    assert player.position == BOARD / 2 + Vector2(SPEED / 2, 0)


def test_nobody_leaves_the_board_and_no_number_is_refused(gdpeer_game: MemoryGame) -> None:
    main = started(gdpeer_game)
    ann = gdpeer_game.join()
    ann.call("Main", "steer", Vector2(1, 0))
    ann.call("Main", "steer", Vector2(float("nan"), 0))
    gdpeer_game.run()
    tick(gdpeer_game.tree, 100.0)
    player = main.player(ann.peer_id)
    assert player is not None
    assert player.position == Vector2(BOARD.x, BOARD.y / 2)


def test_who_leaves_is_gone(gdpeer_game: MemoryGame) -> None:
    main = started(gdpeer_game)
    ann = gdpeer_game.join()
    ann.leave()
    gdpeer_game.run()
    assert main.players.get_children() == []
