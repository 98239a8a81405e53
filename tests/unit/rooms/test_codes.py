"""Room codes: drawing them, and reading what people type."""

from __future__ import annotations

import secrets

import pytest

from gdpeer.rooms.codes import ALPHABET, LENGTH, draw_code, find_code, is_code


def test_the_alphabet_has_32_characters_without_look_alikes() -> None:
    assert len(set(ALPHABET)) == 32
    assert not set("ILOU") & set(ALPHABET)


def test_a_drawn_code_is_a_code_and_uses_the_whole_alphabet() -> None:
    codes = [draw_code() for _ in range(500)]
    assert all(map(is_code, codes))
    assert set("".join(codes)) == set(ALPHABET)
    assert len(set(codes)) > 490


def test_a_taken_code_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = iter([0, 0, 33])
    monkeypatch.setattr(secrets, "randbits", lambda bits: next(numbers))
    assert draw_code({"000000"}) == "110000"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("K7Q2M3", "K7Q2M3"),
        ("k7q2m3", "K7Q2M3"),
        ("kilo01", "K11001"),
        ("U7Q2M3", ""),
        ("K7Q2M", ""),
        ("K7Q2M3X", ""),
        ("K7Q-M3", ""),
        ("K7Q2M\n", ""),
        ("", ""),
        ("ﬀ7Q2M", ""),
        ("K7Q2M\u0663", ""),
        ("\u01317Q2M3", ""),
        ("K" * 1_000_000, ""),
    ],
)
def test_what_a_person_types_leads_to_the_code(text: str, code: str) -> None:
    assert find_code(text) == code
    assert is_code(text) == (text == code and len(code) == LENGTH)
