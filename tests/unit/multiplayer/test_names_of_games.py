"""A game's classes may use every name that the engine's own classes do not have.

`tests/golden/members_godotN.txt` lists the members of the engine's Node; `record_members.gd` beside it records them.
"""

from __future__ import annotations

from types import FunctionType
from typing import Any

import pytest

from gdpeer import LoopbackMultiplayerPeer, Node, SceneMultiplayer, SceneTree, godot3, rpc
from gdpeer.multiplayer.api import MultiplayerAPI
from gdpeer.multiplayer.peer import MultiplayerPeer
from tests.support.missing import ROOT

GOLDEN = ROOT / "tests" / "golden"
FILES = [(GOLDEN / f"members_godot{engine}.txt").read_text("utf-8") for engine in (3, 4)]
ENGINE = {name for text in FILES for name in text.splitlines()}
FORMER = {
    *("_name", "_parent", "_children", "_tree", "_authority", "_groups", "_was_ready", "_api", "_own_config"),
    *("_table", "_enter", "_leave", "_tell", "_get_ready", "_check_free", "_ancestors", "_methods", "_rpc_methods"),
    *("_own_vars", "_apis", "_find_api", "_forget_apis", "_join_group", "_leave_group", "_node_left"),
}
"""What gdpeer's classes called their state until a game's `_leave` broke them."""


FOR_REPLICATION = {"changed", "synchronized", "synchronizer_name"}
"""What gdpeer adds to the engine's Node for `replicated()`; a game may use these names for itself, too."""


def names_of(*kinds: type) -> list[str]:
    """All names that the classes have, and that their instances have."""
    found = {name for kind in kinds for name in (*dir(kind), *vars(kind()))}
    return sorted(name for name in found if not (name.startswith("__") and name.endswith("__")))


@pytest.mark.parametrize("kind", [Node, godot3.Node])
def test_every_name_of_a_node_is_the_engine_s_or_says_whose_it_is(kind: type[Node]) -> None:
    foreign = {name for name in names_of(kind) if name not in ENGINE and not name.startswith("_gdpeer_")}
    assert foreign == FOR_REPLICATION


@pytest.mark.parametrize("kind", [SceneTree, godot3.SceneTree])
def test_a_tree_has_no_private_name_that_does_not_say_whose_it_is(kind: type[SceneTree]) -> None:
    assert [name for name in names_of(kind) if name.startswith("_") and not name.startswith("_gdpeer_")] == []


def game_class(base: Any, names: list[str]) -> Any:
    """A class with an `@rpc` method of each name."""

    def method(name: str) -> FunctionType:
        def called(self: Any, number: int) -> None:
            self.heard.append((name, number))

        called.__name__ = name
        return called

    return type("Game", (base,), {name: rpc("any_peer")(method(name)) for name in names})


INSIDE = {name for name in names_of(Node, godot3.Node, SceneTree) if name.startswith("_gdpeer_")}
OWN = sorted({name.removeprefix("_gdpeer") for name in INSIDE} - ENGINE | FORMER | FOR_REPLICATION)


@pytest.mark.parametrize("base", [Node, godot3.Node])
def test_a_game_s_methods_of_all_these_names_are_called(base: Any) -> None:
    kind = game_class(base, OWN)
    server = LoopbackMultiplayerPeer()
    sides = []
    for peer in (server, server.join()):
        tree, node = SceneTree(), kind("Game")
        node.heard = []
        tree.root.add_child(node)
        node.add_child(Node("Below"))
        node.add_to_group("all")
        tree.multiplayer.multiplayer_peer = peer
        sides.append((tree, node))
    for tree, _ in sides * 3:
        tree.poll()
    (_, here), (_, there) = sides
    for number, name in enumerate(OWN):
        there.rpc_id(1, name, number)
    for tree, _ in sides * 3:
        tree.poll()
    assert sorted(here.heard) == sorted((name, number) for number, name in enumerate(OWN))
    here.name = "Other"
    here.get_parent().remove_child(here)
    assert not here.is_inside_tree()
    assert not here.get_node("Below").is_inside_tree()


@pytest.mark.parametrize("base", [Node, godot3.Node])
def test_a_game_s_variables_of_all_these_names_change_nothing(base: Any) -> None:
    class Game(base):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__("Game")
            for name in OWN:
                setattr(self, name, name)

        @rpc("any_peer", "call_local")
        def hear(self, number: int) -> None:
            heard.append(number)

    heard: list[int] = []
    tree, node = SceneTree(), Game()
    tree.root.add_child(node)
    node.add_child(Node("Below"))
    node.add_to_group("all")
    node.rpc("hear", 1)
    assert heard == [1]
    assert tree.get_nodes_in_group("all") == [node]
    assert tree.get_node("/root/Game/Below").get_parent() is node
    node.free()
    assert tree.get_nodes_in_group("all") == []
    assert [getattr(node, name) for name in OWN] == OWN


def test_a_tree_of_a_game_s_own_with_all_these_names() -> None:
    class Tree(SceneTree):
        def __init__(self) -> None:
            for name in OWN:
                setattr(self, name, name)
            super().__init__()

    tree, node = Tree(), Node("Main")
    tree.root.add_child(node)
    assert node.multiplayer is tree.multiplayer
    tree.poll()
    assert [getattr(tree, name) for name in OWN] == OWN


@pytest.mark.parametrize("base", [SceneMultiplayer, godot3.MultiplayerAPI, LoopbackMultiplayerPeer])
def test_a_subclass_that_takes_a_name_in_use_is_refused(base: Any) -> None:
    ours = [one for one in base.__mro__ if one.__module__.startswith("gdpeer.")]
    private = {name for one in ours for name in vars(one) if name[0] == "_" != name[1] and name != "_abc_impl"}
    assert private
    for name in private:
        with pytest.raises(TypeError, match=rf"Own.{name}: gdpeer's {base.__name__} uses this name itself"):
            type("Own", (base,), {name: lambda self: None})
    type("Own", (base,), {"_of_the_game": lambda self: None, "poll": lambda self, timeout=0.0: None})


def test_both_kinds_of_base_look() -> None:
    assert MultiplayerAPI.__init_subclass__.__func__ is not object.__init_subclass__  # type: ignore[attr-defined]
    assert MultiplayerPeer.__init_subclass__.__func__ is not object.__init_subclass__  # type: ignore[attr-defined]
