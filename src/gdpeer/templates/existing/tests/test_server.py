from pathlib import Path

from gdpeer.contract import compare, read

from server import make_tree

FOLDER = Path(__file__).parents[1]
GAME = FOLDER / "game.json"


def test_the_nodes_of_the_server_can_be_made() -> None:
    assert make_tree().root.get_children() is not None


def test_game_and_server_have_the_same_methods() -> None:
    differences = compare(read(str(GAME)), read(f"{FOLDER / 'server.py'}:make_tree"))
    assert [str(one) for one in differences if one.level == "error"] == []
