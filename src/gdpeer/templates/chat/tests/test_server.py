from gdpeer.testing import MemoryGame

from server import Main


def test_people_hear_each_other(gdpeer_game: MemoryGame) -> None:
    gdpeer_game.tree.root.add_child(Main())
    ann, bob = gdpeer_game.join(), gdpeer_game.join()
    ann.call("Main", "enter", "Ann")
    bob.call("Main", "enter", "Bob")
    ann.call("Main", "say", "Hello!")
    gdpeer_game.run()
    assert ("Ann", "Hello!") in ann.calls_of("hear")
    assert ("Ann", "Hello!") in bob.calls_of("hear")


def test_two_people_never_have_one_name(gdpeer_game: MemoryGame) -> None:
    main = Main()
    gdpeer_game.tree.root.add_child(main)
    for _ in range(2):
        gdpeer_game.join().call("Main", "enter", "Ann")
    gdpeer_game.run()
    assert sorted(main.names.values()) == ["Ann", "Ann 2"]


def test_text_is_made_safe(gdpeer_game: MemoryGame) -> None:
    gdpeer_game.tree.root.add_child(Main())
    ann = gdpeer_game.join()
    ann.call("Main", "say", "before I have a name")
    ann.call("Main", "enter", "A\x1b[31mn\nn")
    ann.call("Main", "say", " \n ")
    gdpeer_game.run()
    assert ann.calls_of("hear") == [("", "A[31mnn is here")]


def test_who_leaves_is_gone(gdpeer_game: MemoryGame) -> None:
    main = Main()
    gdpeer_game.tree.root.add_child(main)
    ann, bob = gdpeer_game.join(), gdpeer_game.join()
    ann.call("Main", "enter", "Ann")
    gdpeer_game.run()
    ann.leave()
    gdpeer_game.run()
    assert main.names == {}
    assert bob.calls_of("hear")[-1] == ("", "Ann leaves")
