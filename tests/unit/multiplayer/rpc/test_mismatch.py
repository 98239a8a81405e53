"""The search for the methods in which two sides differ, given the checksum of one side."""

from __future__ import annotations

import json

import pytest

from gdpeer.clock import ManualClock
from gdpeer.contract import checksum_of
from gdpeer.multiplayer.rpc import mismatch
from gdpeer.multiplayer.rpc.mismatch import Change, Found, SearchLimit, find_changes, listed, named_tables

OWN = ["greet", "move", "set_name"]


def search(there: list[str], *candidates: str, own: list[str] = OWN, by_code: list[str] | None = None) -> list[Change]:
    found = find_changes(checksum_of(there), own, by_code or [], candidates)
    assert found.is_complete
    return list(found.changes)


@pytest.mark.parametrize(
    ("there", "change"),
    [
        (["greet", "move"], Change(lacks=("set_name",))),
        (["move"], Change(lacks=("greet", "set_name"))),
        (["dash", "greet", "move", "set_name"], Change(has=("dash",))),
        (["dash", "greet", "jump", "move", "set_name"], Change(has=("dash", "jump"))),
        (["dash", "greet", "move"], Change(("set_name",), ("dash",))),
        (["greet", "größe", "set_name"], Change(("move",), ("größe",))),
    ],
)
def test_a_difference_of_one_or_two_names_is_found(there: list[str], change: Change) -> None:
    assert search(there, "jump", "dash", "größe", "move") == [change]


def test_a_difference_of_more_names_is_not_found() -> None:
    assert search(["dash", "jump", "move"], "jump", "dash", own=["greet", "hop", "move"]) == []
    assert search(["unknown", *OWN], "jump") == []


def test_every_answer_of_the_smallest_size_is_given() -> None:
    # The names are joined without a separator, so that different lists can have one checksum.
    assert search(["aab"], own=["a", "ab", "aab"]) == [Change(lacks=("aab",))]
    assert search(["pz", "q"], "zq", "pz", own=["p", "q"]) == [Change(("p",), ("pz",)), Change(("q",), ("zq",))]


def test_at_most_five_answers_are_given() -> None:
    own = ["a" * length for length in range(1, 30)]
    assert len(search(["a" * (sum(range(1, 30)) - 40)], own=own)) == mismatch.MOST_ANSWERS


@pytest.mark.parametrize(
    ("names", "change"),
    [
        (("kick", *OWN, "kick"), None),
        (("move", *sorted(OWN)), Change(by_code="by code (rpc_config) as well", name="move")),
        (("move", "greet", "set_name"), Change(by_code="by code (rpc_config) instead", name="move")),
    ],
)
def test_a_method_that_is_configured_by_code_there(names: tuple[str, ...], change: Change | None) -> None:
    found = find_changes(mismatch.joined_checksum(names), OWN).changes
    assert found == (() if change is None else (change,))


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ((*sorted([*OWN, "pick"]),), "by @rpc instead"),
        (("pick", *sorted([*OWN, "pick"])), "by @rpc as well"),
    ],
)
def test_a_method_that_is_configured_by_code_here(names: tuple[str, ...], words: str) -> None:
    found = find_changes(mismatch.joined_checksum(names), OWN, ["pick"]).changes
    assert found == (Change(by_code=words, name="pick"),)


def test_names_by_code_come_first_and_may_be_missing() -> None:
    own = checksum_of(["zz"], OWN)
    assert find_changes(own, OWN, ["aa", "zz"]).changes == (Change(lacks=("aa",)),)


def test_a_search_ends_after_its_tries() -> None:
    own = [f"method_{number}" for number in range(40)]
    candidates = [f"other_{number}" for number in range(200)]
    found = find_changes("0" * 32, own, [], candidates)
    assert found == Found((), False)
    assert find_changes("0" * 32, own[:3], [], candidates[:3]) == Found((), True)
    none = mismatch.Search("0" * 32, own, [], candidates, 100)
    none.changes(1)
    assert none.tries == 0
    assert none.changes(2) == ()


def test_the_smallest_groups_of_lists_are_tried_first() -> None:
    candidates = [f"other_{number}" for number in range(300)]
    assert find_changes(checksum_of(["move"]), OWN, [], candidates, tries=500).changes == (
        Change(lacks=("greet", "set_name")),
    )


def test_long_lists_count_as_several_tries() -> None:
    search = mismatch.Search("0" * 32, ["a" * 5_000], [], ["b"], 100)
    search.changes(1)
    assert search.tries < 100 - 4 - 2 * 9


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Change(lacks=("a",)), "the peer lacks `a`"),
        (Change(lacks=("a", "b")), "the peer lacks `a` and `b`"),
        (Change(has=("a",)), "the peer has `a` in addition"),
        (Change(("a",), ("b",)), "`a` is `b` there"),
        (Change(("a", "b"), ("c",)), "the peer lacks `a` and `b` and has `c`"),
        (Change(by_code="by @rpc as well", name="a"), "the peer configures `a` by @rpc as well"),
    ],
)
def test_differences_in_words(change: Change, words: str) -> None:
    assert change.describe() == words


def test_long_lists_are_cut() -> None:
    assert listed([*"abcdefghijkl"]) == "`a`, `b`, `c`, `d`, `e`, `f`, `g`, `h`, `i`, `j` and 2 more"
    assert listed([*"abc"]) == "`a`, `b` and `c`"
    assert listed("a") == "`a`"


def test_one_search_a_second_and_ten_a_minute() -> None:
    clock = ManualClock()
    limit = SearchLimit(clock)
    allowed = 0
    for _ in range(600):
        allowed += limit.may_search()
        clock.advance(0.1)
    assert 18 <= allowed <= 20  # ten at once, and one in six seconds
    clock.advance(60.0)
    assert limit.may_search()
    assert not limit.may_search()
    limit.clear()
    assert limit.may_search()


# ---------------------------------------------------------------------------------------------------- saved contracts


def test_a_saved_contract() -> None:
    saved = {
        "format": 1,
        "engine": 4,
        "more": "is ignored",
        "tables": [
            {
                "id": "res://a.gd",
                "class_name": "A",
                "methods": [{"name": "z"}, {"name": "b", "by_code": True}, {"name": "a", "by_code": False}],
            },
            {"id": "res://b.gd", "methods": []},
        ],
    }
    first, second = named_tables(json.dumps(saved))
    assert (first.id, first.class_name, first.names) == ("res://a.gd", "A", ("b", "a", "z"))
    assert first.checksum == checksum_of(["b"], ["a", "z"])
    assert (second.class_name, second.names, second.checksum) == ("", (), mismatch.NO_METHODS)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not a saved contract: expected the output of gdpeer contract show --json"),
        ("[1]", "not a saved contract of format 1"),
        ('{"format": 2, "tables": []}', "not a saved contract of format 1"),
        ('{"format": 1}', "is damaged"),
        ('{"format": 1, "tables": 3}', "is damaged"),
        ('{"format": 1, "tables": [{"id": "a", "methods": [3]}]}', "is damaged"),
        ('{"format": 1, "engine": 3, "tables": []}', "of Godot 3, which compares no checksums"),
    ],
)
def test_a_file_that_is_not_a_saved_contract(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        named_tables(text)
