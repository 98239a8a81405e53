"""`print_tree` and its forms; `tests/interop/test_tree.py` compares them with those of the engine."""

from __future__ import annotations

import pytest

from gdpeer import Node, SceneTree

PRETTY = """\
 ┖╴root
    ┠╴Panel
    ┃  ┠╴VBox
    ┃  ┃  ┖╴Game
    ┃  ┖╴Side
    ┖╴Last
       ┖╴Leaf
"""
PATHS = ".\nPanel\nPanel/VBox\nPanel/VBox/Game\nPanel/Side\nLast\nLast/Leaf\n"


def test_the_two_forms(capsys: pytest.CaptureFixture[str]) -> None:
    tree = SceneTree()
    for path in ("Panel/VBox/Game", "Panel/Side", "Last/Leaf"):
        tree.node_at(path, create=True)
    assert tree.root.get_tree_string() == PATHS
    assert tree.root.get_tree_string_pretty() == PRETTY
    assert Node("Alone").get_tree_string_pretty() == " ┖╴Alone\n"
    tree.root.print_tree()
    tree.root.print_tree_pretty()
    assert capsys.readouterr().out == f"{PATHS}\n{PRETTY}\n"


def test_the_terminal_does_not_obey_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    Node("a\x1b[2Jb").print_tree_pretty()
    assert "\x1b" not in capsys.readouterr().out
