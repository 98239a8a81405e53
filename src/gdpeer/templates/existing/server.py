"""The server of the game. Subclass the classes of game_base.py, and override the methods that the server runs:

    class Main(game_base.MainBase):
        def join(self, name: str) -> None:
            ...

Then give the class to add_nodes: add_nodes(tree, Main=Main).
"""

from pathlib import Path

from gdpeer import GAME_NAMES

from game_base import add_nodes

GAME = Path(__file__).parent / "GAME_FOLDER"


def make_tree() -> SceneTree:
    tree = SceneTree(GAME_SCENES)
    add_nodes(tree)
    return tree


def tick(tree: SceneTree, delta: float) -> None:
    """Called 30 times a second with the seconds since the last call."""
