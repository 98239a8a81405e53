"""Which classes stand for each other, by the first rule that fits."""

from __future__ import annotations

import pytest

from gdpeer.contract import Contract, Method, Place, Table
from gdpeer.contract.pairing import Pairing, is_pattern, matches


def table(id: str, name: str = "", *methods: str, extends: str = "", script: str = "") -> Table:
    listed = tuple(Method(one, "any_peer", False, "reliable", 0, id, 0) for one in methods or (id,))
    return Table(id, name, listed, extends, godot_script=script)


def place(path: str, table: str | None, how: str = "tree", scene: str = "") -> Place:
    return Place(path, table, how, scene)


def contract(*parts: Table | Place) -> Contract:
    tables = tuple(one for one in parts if isinstance(one, Table))
    places = tuple(one for one in parts if isinstance(one, Place))
    return Contract("", 4, tables, places, ())


def pairs(left: Contract, right: Contract, *given: tuple[str, str]) -> list[tuple[str, str, str]]:
    return [(one.left.id, one.right.id, one.path) for one in Pairing(left, right, given).pairs]


A = table("res://a.gd")
B = table("res://b.gd")


def test_same_path() -> None:
    left = contract(A, B, place("Main", A.id), place("Main/X", B.id), place("Main/Y", B.id), place("Plain", None))
    right = contract(
        table("s.P"), table("s.Q"), place("Main", "s.Q"), place("Main/X", "s.P"), place("Main/Y", "s.P"),
        place("Plain", "s.P"),
    )  # fmt: skip
    assert pairs(left, right) == [("res://a.gd", "s.Q", "Main"), ("res://b.gd", "s.P", "Main/X")]


def test_one_class_at_two_paths_can_have_two_counterparts() -> None:
    left = contract(A, place("X", A.id), place("Y", A.id))
    right = contract(table("s.P"), table("s.Q"), place("X", "s.P"), place("Y", "s.Q"))
    assert pairs(left, right) == [("res://a.gd", "s.P", "X"), ("res://a.gd", "s.Q", "Y")]


@pytest.mark.parametrize(("pattern", "path"), [("Main/*", "Main/p1"), ("?/Bullet", "Main/Bullets/Bullet")])
def test_path_with_unknown_names(pattern: str, path: str) -> None:
    left, right = contract(A, place(pattern, A.id, "spawner")), contract(table("s.P"), place(path, "s.P"))
    assert pairs(left, right) == [("res://a.gd", "s.P", pattern)]
    assert pairs(right, left) == [("s.P", "res://a.gd", pattern)]


def test_pattern_does_not_stand_for_a_node_that_has_its_own_place() -> None:
    left = contract(A, B, place("Main/*", A.id, "spawner"), place("Main/Fixed", B.id, "main"))
    right = contract(table("s.P"), place("Main/Fixed", "s.P"))
    assert pairs(left, right) == [("res://b.gd", "s.P", "Main/Fixed")]


def test_script_that_a_python_class_stands_for() -> None:
    base = table("s.ABase", script="res://a.gd")
    heir = table("s.Mine", extends="s.ABase", script="res://a.gd")
    other = table("s.Other", extends="s.ABase", script="res://a.gd")
    found = Pairing(contract(A, B), contract(base, heir, other))
    assert [(one.left.id, one.right.id) for one in found.pairs] == [("res://a.gd", "s.Mine"), ("res://a.gd", "s.Other")]
    assert [[one.id for one in side] for side in found.lone] == [["res://b.gd"], []]  # the base is covered


def test_script_counts_also_for_a_class_beside_that_of_the_tree() -> None:
    right = contract(
        table("s.Main", script=A.id), table("s.Spectator", script=A.id), place("Main", "s.Main")
    )  # fmt: skip
    assert [one[1] for one in pairs(contract(A, place("Main", A.id)), right)] == ["s.Main", "s.Spectator"]


@pytest.mark.parametrize(
    ("id", "class_name", "python"),
    [
        ("res://x.gd", "Player", "Player"),
        ("res://deep/red_player.gd", "", "RedPlayer"),
        ("res://redPlayer.gd", "", "RedPlayer"),
        ("res://x.gd::Inner", "Inner", "Inner"),
    ],
)
def test_name_of_the_class_or_of_its_file(id: str, class_name: str, python: str) -> None:
    assert pairs(contract(table(id, class_name)), contract(table("s.X", python))) == [(id, "s.X", "")]


def test_two_classes_of_one_name_have_no_counterpart_by_it() -> None:
    left = contract(table("res://a/player.gd"), table("res://b/player.gd"))
    assert pairs(left, contract(table("s.Player", "Player"))) == []


def test_same_scene_or_the_name_of_its_root() -> None:
    spawned = contract(
        A, B, place("Main/*", A.id, "spawner", "res://p.tscn"), place("Main/*/Gun", B.id, "spawner", "res://p.tscn")
    )
    assert pairs(spawned, contract(table("s.P", "P"), place("?/P", "s.P", "scene", "res://p.tscn"))) == [
        ("res://a.gd", "s.P", "Main/*")
    ]
    rooted = contract(A, place("?/Bullet", A.id, "scene", "res://b.tscn"))
    assert pairs(rooted, contract(table("s.Bullet", "Bullet"))) == [("res://a.gd", "s.Bullet", "?/Bullet")]
    main = contract(A, place("Arena", A.id, "main", "res://m.tscn"))
    assert pairs(main, contract(table("s.Arena", "Arena"))) == [("res://a.gd", "s.Arena", "Arena")]


def test_same_methods() -> None:
    left, right = table("res://a.gd", "", "x", "y"), table("s.Q", "Q", "x", "y")
    assert pairs(contract(left, B), contract(right, table("s.R"))) == [("res://a.gd", "s.Q", "")]


def test_pair_given_by_hand_counts_alone() -> None:
    left, right = contract(A, B, place("X", A.id)), contract(table("s.P"), table("s.Q"), place("X", "s.P"))
    assert pairs(left, right, (A.id, "s.Q")) == [("res://a.gd", "s.Q", "")]
    for given in ((A.id, "s.Z"), ("res://z.gd", "s.Q")):
        with pytest.raises(ValueError, match="there is no class"):
            pairs(left, right, given)


def test_classes_that_extend_each_other_end() -> None:
    circle = contract(table("a.A", extends="a.B"), table("a.B", extends="a.A"))
    assert len(Pairing(circle, circle).pairs) == 2


@pytest.mark.parametrize(
    ("pattern", "path", "is_match"),
    [
        ("A/*", "A/b", True),
        ("A/*", "A/b/c", False),
        ("A/*/C", "A/b/C", True),
        ("?/B", "B", True),
        ("?/B/C", "x/y/B/C", True),
        ("?/B", "x/yB", False),
        ("A", "A", True),
        ("A*", "Ab", False),
    ],
)
def test_patterns(pattern: str, path: str, is_match: bool) -> None:
    assert matches(pattern, path) is is_match
    assert is_pattern(pattern) is (pattern not in ("A", "A*"))
