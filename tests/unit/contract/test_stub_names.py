"""The names that stubs give to classes, enumerations, members and arguments."""

from __future__ import annotations

import pytest

from gdpeer.contract import Enumeration, Table
from gdpeer.contract.stub_names import (
    argument_names,
    class_names,
    enumeration_names,
    free_name,
    is_python_name,
    member_names,
)


def table(id_: str, class_name: str = "") -> Table:
    return Table(id_, class_name, ())


def names(*tables: Table, reserved: tuple[str, ...] = ()) -> list[str]:
    return list(class_names(tables, reserved).values())


def test_class_is_named_as_its_file_or_by_class_name() -> None:
    found = names(table("res://my_game-2.gd"), table("res://a.gd", "Named"), table("res://outer.gd::Inner", "Inner"))
    assert sorted(found) == ["MyGame2", "Named", "OuterInner"]


def test_classes_of_one_name_get_their_folders() -> None:
    tables = [table("res://a/player.gd"), table("res://b/player.gd"), table("res://c/player.gd", "Player")]
    assert class_names(tables) == {
        "res://a/player.gd": "APlayer",
        "res://b/player.gd": "BPlayer",
        "res://c/player.gd": "Player",
    }


def test_reserved_and_odd_names() -> None:
    assert names(table("res://node.gd"), reserved=("Node",)) == ["Node2"]
    assert names(table("res://x/node.gd"), reserved=("Node",)) == ["XNode"]
    assert names(table("res://2d.gd")) == ["Script2d"]
    assert names(table("res://main.tscn::GDScript_1")) == ["MainGDScript1"]
    assert names(table("server.Main", "Main")) == ["Main"]
    assert sorted(names(table("res://a-b.gd"), table("res://a_b.gd"))) == ["AB", "AB2"]
    assert names() == []


def test_free_name() -> None:
    assert free_name("a", ("a", "a2")) == "a3"
    assert free_name("None", ()) == "None2"


@pytest.mark.parametrize("name", ["a", "_enter", "größe", "match", "__a__"])
def test_names_that_python_can_define(name: str) -> None:
    assert is_python_name(name)


@pytest.mark.parametrize("name", ["import", "None", "__secret", "µ", "a-b"])
def test_names_that_python_cannot_define(name: str) -> None:
    assert not is_python_name(name)


def test_enumerations_of_one_name() -> None:
    found = [Enumeration(f"res://{file}.gd::State", "State", ()) for file in ("a", "b")]
    owners = {"res://a.gd": "Main"}
    assert list(enumeration_names(found, owners, ()).values()) == ["MainState", "BState"]
    assert list(enumeration_names(found[:1], owners, ("State",)).values()) == ["MainState"]
    assert list(enumeration_names(found[:1], owners, ()).values()) == ["State"]


def test_members_that_python_refuses() -> None:
    members = (("IDLE", 0), ("None", 1), ("mro", 2), ("_x_", 3), ("__y", 4))
    assert member_names(Enumeration("a::E", "E", members)) == {"IDLE": 0, "None_": 1, "mro_": 2, "m_x_": 3, "m__y": 4}


def test_arguments() -> None:
    assert argument_names(["id", "in", "in_", "µ"], lambda name: name == "in") == ["id", "in_", "in__", "μ"]
