from gdpeer.testing import MemoryGame, Player

from server import Main


def seated(game: MemoryGame) -> tuple[Main, Player, Player]:
    main = Main()
    game.tree.root.add_child(main)
    players = game.join(), game.join()
    game.run()
    return main, *players


def move(game: MemoryGame, player: Player, cell: int) -> None:
    player.call("Main", "play", cell)
    game.run()


def test_the_first_row_wins(gdpeer_game: MemoryGame) -> None:
    _, ann, bob = seated(gdpeer_game)
    for player, cell in ((ann, 0), (bob, 3), (ann, 1), (bob, 4), (ann, 2)):
        move(gdpeer_game, player, cell)
    assert bob.calls_of("show_board")[-1][1:] == (0, "Player 1 wins")


def test_only_the_player_whose_turn_it_is_may_move(gdpeer_game: MemoryGame) -> None:
    main, ann, bob = seated(gdpeer_game)
    move(gdpeer_game, bob, 0)
    move(gdpeer_game, ann, 9)
    assert main.board == [0] * 9
    assert bob.calls_of("show_board")[-1][2] == "You cannot do that now"
    move(gdpeer_game, ann, 0)
    move(gdpeer_game, bob, 0)
    assert main.board.count(0) == 8


def test_a_third_player_watches_and_takes_the_place_of_who_leaves(gdpeer_game: MemoryGame) -> None:
    main, ann, bob = seated(gdpeer_game)
    cid = gdpeer_game.join()
    move(gdpeer_game, cid, 0)
    assert main.board == [0] * 9
    ann.leave()
    gdpeer_game.run()
    assert main.players == [bob.peer_id, cid.peer_id]
    assert main.turn == bob.peer_id


def test_a_new_game_begins_when_the_old_one_has_ended(gdpeer_game: MemoryGame) -> None:
    main, ann, bob = seated(gdpeer_game)
    ann.call("Main", "again")
    for player, cell in ((ann, 0), (bob, 3), (ann, 1), (bob, 4)):
        move(gdpeer_game, player, cell)
    assert main.board.count(0) == 5
    move(gdpeer_game, ann, 2)
    ann.call("Main", "again")
    gdpeer_game.run()
    assert main.board == [0] * 9
