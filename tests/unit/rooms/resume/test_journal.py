"""Which path numbers clients have told each other, within a limit of memory."""

from __future__ import annotations

from gdpeer.multiplayer.wire.godot4 import SimplifyPath
from gdpeer.rooms.resume.journal import Journal

CHECKSUM = "d41d8cd98f00b204e9800998ecf8427e"
ANN, BOB, EVE = 2, 3, 4


def path(number: int, name: str = "") -> SimplifyPath:
    return SimplifyPath(CHECKSUM, number, name or f"Node{number}")


def test_a_journal_tells_what_each_has_told_in_order() -> None:
    journal = Journal()
    for number in (3, 1, 2):
        journal.note(ANN, EVE, path(number))
    journal.note(BOB, EVE, path(1, "Other"))
    journal.note(ANN, BOB, path(9))
    assert journal.told_to(EVE) == [(ANN, path(3)), (ANN, path(1)), (ANN, path(2)), (BOB, path(1, "Other"))]
    assert journal.knows(ANN, EVE, 2)
    assert not journal.knows(ANN, EVE, 9)
    assert not journal.knows(EVE, ANN, 2)
    assert journal.told_to(ANN) == []


def test_the_first_meaning_of_a_number_counts() -> None:
    journal = Journal()
    journal.note(ANN, EVE, path(1, "First"))
    journal.note(ANN, EVE, path(1, "Second"))
    assert journal.told_to(EVE) == [(ANN, path(1, "First"))]


def test_a_client_that_is_gone_is_forgotten_both_ways() -> None:
    journal = Journal()
    journal.note(ANN, EVE, path(1))
    journal.note(EVE, ANN, path(1))
    journal.note(BOB, EVE, path(1))
    journal.forget(EVE)
    assert journal.told_to(EVE) == []
    assert journal.told_to(ANN) == []
    journal.forget(ANN)
    journal.forget(BOB)
    assert journal.used == 0


def test_a_new_life_forgets_what_was_told_before_but_not_to_those_who_are_away() -> None:
    journal = Journal()
    journal.note(ANN, BOB, path(1))
    journal.note(ANN, EVE, path(1))
    journal.begin_again(ANN, [EVE])
    assert journal.told_to(BOB) == []
    assert journal.told_to(EVE) == [(ANN, path(1))]
    journal.drop(ANN, EVE, 1)
    assert journal.told_to(EVE) == []
    journal.begin_again(ANN, [])
    assert journal.used == 0


def test_numbers_of_former_lives_are_dropped_alone() -> None:
    journal = Journal()
    for number in (1, 2, 3):
        journal.note(ANN, EVE, path(number))
    journal.drop(ANN, EVE, 2)
    assert journal.told_to(EVE) == [(ANN, path(3))]
    journal.drop(BOB, EVE, 2)


def test_the_paths_of_a_lost_node_are_forgotten() -> None:
    journal = Journal()
    for number, name in enumerate(["Main/Unit", "Main/Unit/Sync", "Main/Unit2", "Main"], 1):
        journal.note(ANN, EVE, path(number, name))
    journal.lost(ANN, "Main/Unit")
    assert [packet.path for _, packet in journal.told_to(EVE)] == ["Main/Unit2", "Main"]
    journal.lost(BOB, "Main")


def test_one_path_told_to_many_is_kept_once() -> None:
    one, many = Journal(), Journal()
    one.note(ANN, 10, path(1, "N" * 1000))
    for receiver in range(10, 60):
        many.note(ANN, receiver, path(1, "N" * 1000))
    assert many.used < 3 * one.used


def test_beyond_the_limit_nothing_of_a_client_is_kept() -> None:
    journal = Journal(most=10_000)
    number = 0
    while journal.is_complete():
        number += 1
        journal.note(ANN, EVE, path(number))
        assert journal.used <= 10_000
    assert number > 10
    assert journal.told_to(EVE) == []
    journal.note(ANN, EVE, path(1))
    assert journal.used == 0
    journal.note(BOB, EVE, path(1))
    assert journal.told_to(EVE) == [(BOB, path(1))]
    journal.forget(ANN)
    assert journal.is_complete()


def test_a_cleared_journal_is_empty() -> None:
    journal = Journal()
    journal.note(ANN, EVE, path(1))
    journal.clear()
    assert journal.used == 0
    assert journal.told_to(EVE) == []
