"""Which classes have a checksum, and which would have it with a few other methods."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gdpeer.contract import Contract, Method, Place, Table, checksum_of, explain
from gdpeer.contract.explain import is_checksum
from gdpeer.multiplayer.rpc.mismatch import NO_METHODS


def table(id_: str, *names: str, class_name: str = "", by_code: tuple[str, ...] = ()) -> Table:
    methods = [Method(name, "any_peer", False, "reliable", 0, id_, 1, by_code=name in by_code) for name in names]
    return Table(id_, class_name, tuple(methods))


GAME = Contract(
    "game/",
    4,
    (
        table("res://main.gd", "add", "log"),
        table("res://player.gd", "greet", "move", "set_name", class_name="Player"),
        table("res://bullet.gd", "hit"),
        table("res://net.gd", "kick", "am", "an", by_code=("kick",)),
        table("res://nothing.gd"),
    ),
    (
        Place("Main", "res://main.gd", "main", "res://main.tscn"),
        Place("Main/Players/*", "res://player.gd", "spawner", "res://main.tscn"),
        Place("?/Bullet", "res://bullet.gd", "scene", "res://bullet.tscn"),
    ),
    (),
)
OLD = Contract("old.json", 4, (table("res://player.gd", "dash", "jump", class_name="Player"),), (), ())


def answers(checksum: str, *contracts: Contract, node: str = "", changes: int = 3) -> list[tuple[str, str]]:
    found = explain(checksum, contracts or [GAME], node, changes=changes)
    assert found.is_complete
    return [(one.table.id, one.describe()) for one in found.answers]


def test_a_class_that_has_the_checksum() -> None:
    [answer] = explain(checksum_of(["greet", "move", "set_name"]), [GAME]).answers
    assert (answer.source, answer.table.id, answer.paths) == ("game/", "res://player.gd", ("Main/Players/*",))
    assert answer.describe() == "has this checksum"
    assert explain(checksum_of(["kick"], ["am", "an"]), [GAME]).is_exact


def test_changes_of_up_to_three_methods() -> None:
    assert answers(checksum_of(["greet", "move"])) == [("res://player.gd", "the other side lacks `set_name`")]
    assert answers(checksum_of(["greet", "move", "jump"]), GAME, OLD) == [
        ("res://player.gd", "`set_name` is `jump` there")
    ]
    assert answers(checksum_of(["dash", "greet", "jump"]), GAME, OLD)[0] == (
        "res://player.gd",
        "the other side has `greet` in addition",
    )
    three = checksum_of(["greet", "hit", "add", "log", "an"])
    assert ("res://main.gd", "the other side has `an`, `greet` and `hit` in addition") in answers(three)
    assert answers(three, changes=2) == []
    assert answers(checksum_of(["am", "an"])) == [("res://net.gd", "the other side lacks `kick`")]
    assert answers(checksum_of(["nobody", "knows"])) == []


def test_names_of_other_versions_of_a_class_are_tried_first() -> None:
    large = Contract("large", 4, (table("res://a.gd", *(f"a{number}" for number in range(2_500))),), (), ())
    for id_, class_name in (("res://player.gd", ""), ("res://other.gd", "Player"), ("server.Player", "Player")):
        old = Contract("old", 4, (table(id_, "jump", class_name=class_name),), (), ())
        found = explain(checksum_of(["greet", "move", "jump"]), [large, GAME, old], "Main/Players/1", tries=30_000)
        assert [answer.describe() for answer in found.answers] == ["`set_name` is `jump` there"]


def test_a_node_narrows_the_search() -> None:
    player = checksum_of(["greet", "move"])
    for node in ("Main/Players/7", "/root/Main/Players/7"):
        assert answers(player, node=node) == [("res://player.gd", "the other side lacks `set_name`")]
    assert answers(player, node="Main") == []
    assert answers(checksum_of(["hit"]), node="Some/Where/Bullet") == [("res://bullet.gd", "has this checksum")]
    # No class is known there: those without a known path are left.
    assert answers(checksum_of(["kick"], ["am", "an"]), node="Elsewhere") == [("res://net.gd", "has this checksum")]
    assert answers(checksum_of(["hit"]), node="Elsewhere") == []
    placed = replace(GAME, tables=GAME.tables[:2])
    assert answers(checksum_of(["add"]), placed, node="Elsewhere") == [("res://main.gd", "the other side lacks `log`")]


def test_the_checksum_of_a_node_without_methods() -> None:
    found = explain(NO_METHODS, [GAME])
    assert (found.is_empty, found.is_exact, found.answers) == (True, False, ())


def test_a_search_that_is_too_long_ends_early() -> None:
    found = explain("0" * 32, [GAME, OLD], tries=100)
    assert (found.answers, found.is_complete) == ((), False)


def test_at_most_five_answers() -> None:
    many = Contract("many", 4, tuple(table(f"res://{number}.gd", "a", f"b{number}") for number in range(9)), (), ())
    assert len(explain(checksum_of(["a"]), [many]).answers) == 5


@pytest.mark.parametrize("text", ["", "xyz", "0" * 31, "0" * 33, "A" * 32, "0" * 31 + "\n"])
def test_a_text_that_is_not_a_checksum(text: str) -> None:
    assert not is_checksum(text)
    with pytest.raises(ValueError, match="expected a checksum of 32 hexadecimal digits"):
        explain(text, [GAME])


def test_godot_3_has_no_checksums() -> None:
    with pytest.raises(ValueError, match="old/ is of Godot 3, which sends names of methods and no checksums"):
        explain("0" * 32, [Contract("old/", 3, (), (), ())])
