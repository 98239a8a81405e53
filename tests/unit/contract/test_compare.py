"""What `compare` names: projects on the disk with one change each, and every code."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gdpeer.contract import (
    CODES,
    Argument,
    Contract,
    Difference,
    Method,
    Place,
    Problem,
    Property,
    Table,
    Variable,
    compare,
    read,
)
from gdpeer.contract.compare import examine
from tests.support.contract_game import CHANGES, write_game
from tests.support.missing import ROOT


@pytest.fixture
def change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Difference]]:
    """Returns a function that compares the project with itself after changes of texts."""
    monkeypatch.chdir(tmp_path)
    write_game(Path("game"))

    def change(**changes: tuple[str, str]) -> list[Difference]:
        write_game(Path("other"), **changes)
        return compare(read("game"), read("other"))

    return change


def shown(found: list[Difference]) -> list[tuple[str, str, str, int, str, str]]:
    return [(one.level, one.code, one.file, one.line, one.subject, one.method) for one in found]


Change = Callable[..., list[Difference]]


def test_a_project_agrees_with_itself(change: Change) -> None:
    assert change() == []


def test_method_removed(change: Change) -> None:
    (found,) = change(**CHANGES["method removed"])
    assert shown([found]) == [("error", "missing-method", "game/main.gd", 7, "Main", "move")]
    assert str(found).startswith("game/main.gd:7: error: missing-method: Main: move(")
    assert found.text.endswith(" is not in res://main.gd (other/main.gd:1)")
    assert found.hint.endswith("shared (2) of game arrives as stop in other")


def test_method_renamed(change: Change) -> None:
    (found,) = change(**CHANGES["method renamed"])
    assert shown([found]) == [("error", "renamed-method", "game/main.gd", 7, "Main", "move")]
    assert "in other/main.gd:7: renamed?" in found.text
    assert not found.hint  # the order of the others is the same


def test_method_made_authority(change: Change) -> None:
    (found,) = change(**CHANGES["method made authority"])
    assert shown([found]) == [("error", "mode", "game/main.gd", 4, "Main", "add")]
    assert found.text == "add is any_peer here, authority in other/main.gd:4"


def test_argument_given(change: Change) -> None:
    (found,) = change(**CHANGES["argument given"])
    assert shown([found]) == [("error", "arguments", "game/main.gd", 7, "Main", "move")]
    assert found.text == "move takes 1 here, 2 in other/main.gd:7"


def test_method_moved_to_a_base_that_others_share(change: Change) -> None:
    """The class itself keeps its list; the other classes of the base have one method more."""
    (found,) = change(**CHANGES["method moved to a shared base"])
    assert shown([found]) == [("error", "missing-method", "other/base.gd", 2, "Net", "stop")]
    assert "is not in res://net.gd (game/net.gd:1)" in found.text
    assert found.more == ("res://base.gd",)


def test_method_moved_to_a_base_of_its_own_changes_nothing(tmp_path: Path) -> None:
    base = Table("a.Base", "Base", (method("x"),))
    whole = Table("a.Main", "Main", (method("x"), method("y")), "a.Base")
    moved = replace(base, methods=whole.methods)
    assert compare(contract(whole, base), contract(whole, moved), ignore=["missing-method:a.Base"]) == []
    alone = Table("a.Main", "Main", whole.methods)
    assert compare(contract(alone), contract(whole, base)) == []


def test_autoload_renamed(change: Change) -> None:
    (found,) = change(**CHANGES["autoload renamed"])
    assert shown([found]) == [("error", "missing-node", "game/project.godot", 5, "Net", "")]
    assert found.text == "there is no such node there, but Network (other/project.godot:5): renamed?"


def test_autoload_renamed_whose_methods_are_below(change: Change) -> None:
    (found,) = change(project=('Lobby="*', 'Hall="*'))
    assert shown([found])[0][:5] == ("error", "missing-node", "game/lobby.tscn", 3, "Lobby")
    assert "but Hall (other/lobby.tscn:3): renamed?" in found.text


def test_autoload_removed(change: Change) -> None:
    (found,) = change(project=('Lobby="*res://lobby.tscn"\n', ""))
    assert shown([found]) == [("warning", "missing-node", "game/lobby.tscn", 5, "Lobby/Kid", "")]


def test_script_of_a_node_removed(change: Change) -> None:
    (found,) = change(**CHANGES["script removed"])
    assert shown([found]) == [("error", "missing-node", "other/main.tscn", 9, "Main/B", "")]
    assert found.text == "has no methods here, but 1 method there: res://leaf.gd (game/leaf.gd:1)"


def test_script_that_does_not_load_is_named_once(change: Change) -> None:
    (found,) = change(leaf=("@rpc", '@rpc("nobody")'))
    assert shown([found]) == [("error", "parse", "other/leaf.gd", 2, "", "")]


# ---------------------------------------------------------------------------------------- contracts made by hand


def method(name: str, *arguments: str | Argument | None, **settings: object) -> Method:
    made = Method(name, "any_peer", False, "reliable", 0, "res://a.gd", 7, file="res://a.gd")
    listed = tuple(one if isinstance(one, Argument) else Argument(f"x{at}", one) for at, one in enumerate(arguments))
    return replace(made, arguments=listed, **settings)  # type: ignore[arg-type]


def table(*methods: Method, id: str = "res://a.gd", name: str = "A", **others: object) -> Table:
    return Table(id, name, tuple(sorted(methods, key=lambda one: (not one.by_code, one.name))), **others)  # type: ignore[arg-type]


def contract(*tables: Table, places: tuple[Place, ...] = (), engine: int = 4, source: str = "") -> Contract:
    return Contract(source, engine, tables, places, ())


def codes(left: Method, right: Method, engine: int = 4, python: bool = False) -> list[tuple[str, str]]:
    """Returns level and code of each difference of two methods; the right side may be a Python program."""
    theirs = table(right, id="server.A") if python else table(right)
    found = compare(contract(table(left), engine=engine), contract(theirs))
    return [(one.level, one.code) for one in found]


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ({"mode": "authority"}, {}, [("error", "mode")]),
        ({"mode": "authority"}, {"is_empty": True}, [("warning", "mode")]),
        ({"mode": "?"}, {}, []),
        ({"call_local": True}, {}, [("warning", "call-local")]),
        ({"call_local": None}, {}, []),
        ({"transfer": "unreliable"}, {}, [("warning", "transfer")]),
        ({"transfer": "?"}, {}, []),
        ({"channel": 3}, {}, [("warning", "channel")]),
        ({"channel": None}, {}, []),
        ({"mode": "remote"}, {}, []),
        ({"mode": "puppet"}, {}, [("error", "mode")]),
        ({"mode": "sync"}, {"mode": "remotesync"}, []),
        ({"mode": "slave"}, {"mode": "puppet"}, []),
        ({"mode": "master"}, {"mode": "remote"}, [("error", "mode")]),
    ],
)
def test_settings(left: dict[str, object], right: dict[str, object], expected: list[tuple[str, str]]) -> None:
    assert codes(method("f", **left), method("f", **right)) == expected


ONE = Argument("a", "int")
OPTIONAL = Argument("b", "int", "0")
REST = Argument("c", rest=True)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ((), (ONE,), ["error"]),
        ((), (OPTIONAL,), []),
        ((), (REST,), []),
        ((ONE,), (ONE, ONE), ["error"]),
        ((ONE,), (ONE, OPTIONAL), []),
        ((ONE, OPTIONAL), (ONE, ONE, ONE), ["error"]),
        ((REST,), (ONE, ONE, ONE), []),
        ((ONE, ONE, REST), (ONE,), ["error"]),
    ],
)
def test_number_of_arguments(left: tuple[Argument, ...], right: tuple[Argument, ...], expected: list[str]) -> None:
    assert codes(method("f", *left), method("f", *right)) == [(level, "arguments") for level in expected]
    assert codes(method("f", *right), method("f", *left, is_empty=True)) == [("warning", "arguments")] * len(expected)


def test_text_of_the_number_of_arguments() -> None:
    (found,) = compare(
        contract(table(method("f", ONE, OPTIONAL))), contract(table(method("f", ONE, ONE, ONE, REST)), source="other")
    )
    assert found.text == "f takes 1 to 2 here, 3 or more in other/a.gd:7"


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("int", "float", []),
        ("int", "String", [("warning", "argument-type")]),
        ("StringName", "NodePath", [("warning", "argument-type")]),
        ("Color", "String", [("warning", "argument-type")]),  # a String takes no Color
        ("int", None, []),
        ("Array[int]", "Array", [("warning", "argument-type")]),
        ("Node", "Object", [("warning", "object-argument")]),
        ("Callable", "Callable", [("warning", "object-argument")]),
    ],
)
def test_types_of_arguments(left: str, right: str | None, expected: list[tuple[str, str]]) -> None:
    assert codes(method("f", left), method("f", right)) == expected
    assert codes(method("f", right), method("f", left)) == expected


def test_only_the_side_with_a_body_receives() -> None:
    assert codes(method("f", "Color"), method("f", "String", is_empty=True)) == []
    assert codes(method("f", "Color", is_empty=True), method("f", "String")) == [("warning", "argument-type")]


@pytest.mark.parametrize(
    ("game", "python", "expected"),
    [
        ("Array[int]", "Array", [("error", "typed-container")]),
        ("Array[int]", None, [("error", "typed-container")]),
        ("Array[int]", "Array[int]", []),
        ("Array[int]", "PackedInt32Array", []),
        ("Array[int]", "Array[float]", [("warning", "argument-type")]),
        ("Dictionary[String, int]", "Dictionary", [("error", "typed-container")]),
        ("Array", "Array[int]", []),
    ],
)
def test_typed_containers_of_a_game(game: str, python: str | None, expected: list[tuple[str, str]]) -> None:
    left = method("f", game)
    received = codes(left, method("f", python, is_empty=True), python=True)
    assert received == expected
    # The game's own stub is never called.
    assert not codes(replace(left, is_empty=True), method("f", python), python=True) or expected[0][0] == "warning"


def test_python_takes_untyped_containers() -> None:
    assert codes(method("f", "Array"), method("f", "Array[int]"), python=True) == []
    assert codes(method("f", "Array"), method("f", "Array[int]")) == [("warning", "argument-type")]


def test_cures_of_a_typed_container() -> None:
    left, right = table(method("f", "Array[int]")), table(method("f", None, file="server.py"), id="server.A")
    (found,) = compare(contract(left, source="game"), contract(right))
    assert (found.file, found.line) == ("game/a.gd", 7)
    assert found.hint == (
        "annotate it as list[int] in server.py:7, or send Array(values, TYPE_INT), or send PackedInt32Array"
    )


def test_equal_checksums_of_different_names() -> None:
    (found,) = compare(
        contract(table(method("a"), method("ab"))), contract(table(method("aa"), method("b")), source="other")
    )
    assert (found.level, found.code) == ("error", "same-sum")
    assert "the methods are a, ab here and aa, b in class A" in found.text


def test_method_that_only_one_side_configures_by_code() -> None:
    by_code = method("m", by_code=True)
    for left, right in (([by_code, method("m")], [method("m")]), ([by_code], [method("m")])):
        found = compare(contract(table(*left)), contract(table(*right)))
        assert [(one.level, one.code, one.method) for one in found] == [("error", "by-code", "m")]
    both = contract(table(by_code, method("m")))
    assert compare(both, both) == []
    (missing,) = compare(contract(table(by_code, method("n"))), contract(table(method("n"))))
    assert (missing.code, missing.method) == ("missing-method", "m")


def test_name_that_python_writes_otherwise() -> None:
    (found,) = compare(contract(table(method("µ"))), contract(table(method("μ"), id="server.A")))
    assert found.code == "renamed-method"
    assert found.hint == "Python reads µ as μ: write locals()['µ'] = rpc(...)(function)"


def test_godot_3_needs_the_method_only_where_it_is_called() -> None:
    for is_empty, level in ((True, "error"), (False, "warning")):
        left = contract(table(method("a", is_empty=is_empty), method("b")), engine=3)
        (found,) = compare(left, contract(table(method("b")), engine=3))
        assert (found.level, found.code, found.hint) == (level, "missing-method", "")


def test_variables_of_godot_3() -> None:
    hp, mp = Variable("hp", "remote", "res://a.gd", 3), Variable("mp", "remote", "res://a.gd", 4)
    left = contract(table(method("a"), variables=(hp, mp)), engine=3)
    right = contract(table(method("a"), variables=(replace(hp, mode="puppet"),)), engine=3)
    assert [(one.code, one.line, one.method) for one in compare(left, right)] == [
        ("mode", 3, "hp"),
        ("missing-method", 4, "mp"),
    ]


def test_several_renamed_methods() -> None:
    left = [method("player_moved", "Vector2"), method("set_name", "String"), method("zz")]
    right = [method("player_move", "Vector2"), method("set_player_name", "String"), method("kick", "int")]
    found = compare(contract(table(*left)), contract(table(*right)))
    assert sorted((one.code, one.method) for one in found) == [
        ("missing-method", "kick"),
        ("missing-method", "zz"),
        ("renamed-method", "player_moved"),
        ("renamed-method", "set_name"),
    ]


# ---------------------------------------------------------------------------------------- classes


def test_class_without_a_counterpart() -> None:
    left = contract(table(method("a"), file="res://a.gd", line=1), source="game")
    right = contract(table(method("b"), id="server.B", name="B"), source="server.py")
    found = compare(left, right)
    assert [(one.level, one.code, one.file, one.subject) for one in found] == [
        ("warning", "missing-class", "", "server.B"),
        ("warning", "missing-class", "game/a.gd", "res://a.gd"),
    ]
    assert found[1].text == "nothing in server.py stands for A"
    assert found[1].hint == "if one of its classes does, name both: --pair res://a.gd=ID"
    assert compare(left, right, partial=True) == []
    (renamed,) = compare(left, right, pairs=[("res://a.gd", "server.B")])
    assert renamed.code == "renamed-method"
    with pytest.raises(ValueError, match=r"there is no class server.C, did you mean server.B\?"):
        compare(left, right, pairs=[("res://a.gd", "server.C")])


def test_class_that_only_replicates_is_no_difference() -> None:
    replicating = Table(
        "server.Coin", "Coin", (), properties=(Property("value", ".:value", "always", True, "int", "1"),)
    )
    left = Contract("server.py", 4, (replicating,), (Place("Coin", "server.Coin", "tree", ""),), ())
    right = Contract("game", 4, (), (Place("Coin", None, "main", ""),), ())
    assert compare(left, right) == compare(right, left) == []


def test_ignored_differences() -> None:
    place = (Place("Main/A", "res://a.gd", "main", "res://m.tscn"),)
    left = contract(table(method("move"), method("stop")), places=place, source="game")
    right = contract(table(method("move", mode="authority"), method("stop", mode="authority")), places=place)
    for rule, expected in (
        ("mode", 0),
        ("mode:move", 1),
        ("mode:Main/*", 0),
        ("mode:game/*.gd", 0),
        ("mode:a.gd", 0),
        ("mode:Other/*", 2),
        ("channel", 2),
    ):
        found = examine(left, right, ignore=[rule])
        assert (len(found.differences), found.ignored, found.agreeing) == (expected, 2 - expected, 0)
    with pytest.raises(ValueError, match="there is no code 'node'"):
        compare(left, right, ignore=["node"])


def test_problems_of_both_sides_are_told_once() -> None:
    broken = replace(contract(table(method("a")), source="game"), problems=(Problem("limit", "res://x.gd", 2, "much"),))
    (found,) = compare(broken, broken)
    assert str(found) == "game/x.gd:2: warning: limit: much"
    assert len(compare(broken, replace(broken, source="other"))) == 2


def test_every_problem_of_the_readers_has_a_code() -> None:
    used = set()
    for folder in ("contract", "project_files"):
        for file in (ROOT / "src" / "gdpeer" / folder).glob("*.py"):
            used |= set(re.findall(r"(?:Problem|problem|_report)\(\s*\"([a-z-]+)\"", file.read_text(encoding="utf-8")))
    assert {"parse", "cycle", "unreadable", "limit", "missing-parent", "unknown-rpc"} <= used
    assert used <= set(CODES)


def test_page_explains_every_code() -> None:
    page = (ROOT / "docs" / "contract.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (?:error|warning)[^|]* \| (.*) \|$", page, re.MULTILINE))
    assert rows == CODES


def test_inherited_method_is_one_difference() -> None:
    left = [table(method("base"), method("x"), id=f"res://{name}.gd", name=name) for name in "PQR"]
    right = [table(method("x"), id=f"server.{name}", name=name) for name in "PQR"]
    (found,) = compare(contract(*left), contract(*right))
    assert (found.subject, found.more) == ("res://P.gd", ("res://Q.gd", "res://R.gd"))


# ---------------------------------------------------------------------------------------- nodes

LEAF = table(method("leaf"), id="res://leaf.gd", name="Leaf")


def nodes(*paths: str, source: str = "", bare: tuple[str, ...] = (), tables: tuple[Table, ...] = (LEAF,)) -> Contract:
    """Returns a contract with the class Leaf at these paths, and nodes without a script at others."""
    made = [Place(path, LEAF.id, "main", "", "res://m.tscn", 1) for path in paths]
    made += [Place(path, None, "main", "", "res://m.tscn", 2) for path in bare]
    return contract(*tables, places=tuple(made), source=source)


def test_node_below_another_one() -> None:
    both = ("Main/A", "Main/B")
    (found,) = compare(nodes("Main/A/X", bare=both), nodes("Main/B/X", bare=both, source="other"))
    assert (found.level, found.code, found.subject) == ("error", "missing-node", "Main/A/X")
    assert "but Main/B/X (other/m.tscn:1): renamed?" in found.text


def test_name_of_a_node_above_is_one_difference() -> None:
    (found,) = compare(nodes("Main/A", "Main/B", bare=("Main",)), nodes("Game/A", "Game/B", bare=("Game",)))
    assert (found.subject, found.line) == ("Main", 2)
    assert "but Game (m.tscn:2): renamed?" in found.text


def test_nodes_of_other_names_are_told_apart() -> None:
    found = compare(nodes("Main/A", "Main/B"), nodes("Main/C", "Main/D"))
    assert [(one.subject, one.text.partition("but ")[2].partition(" ")[0]) for one in found] == [
        ("Main/A", "Main/C"),
        ("Main/B", "Main/D"),
    ]


def test_node_that_is_missing_takes_the_nodes_below_along() -> None:
    (found,) = compare(nodes("Keep", "Gone", "Gone/Kid"), nodes("Keep"))
    assert (found.level, found.subject) == ("warning", "Gone")


def test_pattern_of_the_other_side_stands_for_a_node() -> None:
    right = nodes("Keep")
    spawner = Place("Players/*", LEAF.id, "spawner", "res://leaf.tscn")
    assert compare(nodes("Keep", "Players/1"), replace(right, places=(*right.places, spawner))) == []


def test_contract_without_paths_says_nothing_about_nodes() -> None:
    assert compare(nodes("A", "B/C"), nodes()) == []


def test_plain_node_where_the_game_has_methods() -> None:
    other = table(method("other"), id="server.Other", name="Other")
    left = nodes("Main", source="game")
    right = contract(other, places=(Place("Main", None, "tree", ""), Place("O", other.id, "tree", "")))
    found = compare(left, right)
    assert [(one.level, one.code, one.subject, one.file, one.text) for one in found] == [
        ("error", "missing-node", "Main", "game/m.tscn", "has 1 method here, but none there"),
        ("warning", "missing-class", "O", "", "nothing in game stands for Other"),
    ]
    assert compare(left, right, partial=True) == []


def test_script_that_does_not_load_is_not_a_missing_class_too() -> None:
    broken = Contract("other", 4, (), (Place("Main", None, "main", ""),), (Problem("parse", LEAF.id, 3, "bad"),))
    for left in (nodes("Main"), nodes()):
        assert [one.code for one in compare(left, broken)] == ["parse"]
