"""Contracts as JSON: the same after reading, and one sentence for every text that is no contract."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from gdpeer.contract import (
    Argument,
    Contract,
    Enumeration,
    Method,
    Place,
    Problem,
    Property,
    Table,
    Variable,
    contract_from_json,
    contract_to_json,
)

ARGUMENTS = (
    Argument("id", "int", enumeration="res://main.gd::State"),
    Argument("größe", "Vector2", "Vector2(1, 2)"),
    Argument("odd", annotation="int | None"),
    Argument("rest", "Array", rest=True),
)
METHODS = (
    Method("kick", "?", None, "?", None, "res://main.gd", 9, file="res://main.gd", by_code=True),
    Method("move", "any_peer", True, "unreliable", 3, "res://base.gd", 4, ARGUMENTS, "res://base.gd", True),
)
TABLE = Table(
    "res://main.gd",
    "Main",
    METHODS,
    "res://base.gd",
    "res://main.gd",
    1,
    "res://main.gd",
    (Variable("hp", "puppet", "res://main.gd", 5),),
    (),
    (
        Property("health", ".:health", "on_change", True, "int", "100"),
        Property("odd", "Label:text", "never", False, None, None),
    ),
)
CONTRACT = Contract(
    "game",
    4,
    (TABLE,),
    (
        Place("Main", TABLE.id, "main", "res://main.tscn", "res://main.tscn", 4),
        Place("Main/Kid", None, "main", "res://main.tscn"),
    ),
    (Problem("parse", "res://x.gd", 3, "a string is not closed"), Problem("unreadable", "res://y.gd", 0, "gone")),
    (Enumeration("res://main.gd::State", "State", (("IDLE", 0), ("RUN", -5))),),
)


def test_a_contract_is_the_same_after_writing_and_reading() -> None:
    assert contract_from_json(contract_to_json(CONTRACT)) == CONTRACT


def test_the_form_of_the_json() -> None:
    content = json.loads(contract_to_json(CONTRACT))
    assert (content["format"], content["engine"], content["source"]) == (1, 4, "game")
    [table] = content["tables"]
    assert table["checksum"] == TABLE.checksum
    assert [(one["name"], one["number"], one["channel"]) for one in table["methods"]] == [
        ("kick", 0x8000, "?"),
        ("move", 0, 3),
    ]
    assert table["methods"][1]["from"] == "res://base.gd"
    assert table["methods"][1]["arguments"][1] == {
        "name": "größe",
        "type": "Vector2",
        "default": "Vector2(1, 2)",
        "rest": False,
    }
    assert [one["level"] for one in content["problems"]] == ["error", "warning"]


def test_godot_3_has_neither_numbers_nor_checksums() -> None:
    content = json.loads(contract_to_json(Contract("game", 3, (TABLE,), (), ())))
    assert content["tables"][0]["checksum"] is None
    assert {one["number"] for one in content["tables"][0]["methods"]} == {None}


def test_unknown_and_missing_keys() -> None:
    assert contract_from_json('{"format": 1, "new": [1]}') == Contract("", 4, (), (), ())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([], "is not a saved contract"),
        ({}, "is not a saved contract"),
        ({"format": 2}, "has the format 2, expected 1"),
        ({"format": 1, "engine": "4"}, "has a wrong engine in the contract: '4'"),
        ({"format": 1, "engine": True}, "has a wrong engine in the contract: True"),
        ({"format": 1, "tables": {}}, "has a wrong tables in the contract"),
        ({"format": 1, "tables": [3]}, "has a wrong tables in the contract"),
        ({"format": 1, "tables": [{"methods": [{"name": 3}]}]}, "has a wrong name in methods[0]: 3"),
        ({"format": 1, "enumerations": [{"id": "E", "members": {"A": "x"}}]}, "a wrong value in the enumeration E"),
    ],
)
def test_a_text_that_is_no_contract(content: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        contract_from_json(json.dumps(content))


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '"x'])
def test_a_text_that_is_not_json(text: str) -> None:
    with pytest.raises(ValueError, match="is not JSON"):
        contract_from_json(text)
