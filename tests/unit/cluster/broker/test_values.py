"""The form of values: sizes, broken JSON, and the lifetimes of keys."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from gdpeer.cluster.broker.base import MOST_BYTES, BadValue
from gdpeer.cluster.broker.values import decode, encode, lifetime_of, read_entries


@pytest.mark.parametrize("value", [{}, {"a": [1, 2.5, None, "ä\0\ud800"], "b": {"c": True}}])
def test_a_value_survives(value: dict[str, Any]) -> None:
    assert decode(encode(value)) == value


def test_the_largest_value_is_sent_and_a_byte_more_is_not() -> None:
    text = "x" * (MOST_BYTES - len(b'{"s":""}'))
    assert len(encode({"s": text})) == MOST_BYTES
    with pytest.raises(BadValue, match=f"{MOST_BYTES + 1:,} bytes"):
        encode({"s": text + "x"})


def deep() -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(100_000):
        value = {"a": value}
    return value


@pytest.mark.parametrize("value", [[1], None, {"a": b"x"}, {"a": float("nan")}, {(1, 2): 1}])
def test_what_is_no_json_is_refused(value: Any) -> None:
    with pytest.raises(BadValue):
        encode(value)


def test_a_deep_value_is_refused() -> None:
    with pytest.raises(BadValue):
        encode(deep())
    with pytest.raises(BadValue):
        decode(b'{"a":' * 100_000 + b"1" + b"}" * 100_000)


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"\xff", b"[1]", b"null", b'{"a":NaN}', b'{"a":' + b"1" * 5000 + b"}", b"{}" + b" " * MOST_BYTES],
)
def test_broken_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(BadValue):
        decode(data)


def test_entries_that_are_refused_are_left_out_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found = read_entries([("r:A", b"{}", 1), ("r:B", b"[", 2), ("r:C", b'{"x":1}', 3)])
    assert [entry.key for entry in found] == ["r:A", "r:C"]
    assert "r:B" in caplog.text


@pytest.mark.parametrize(("key", "lifetime"), [("w:a", 6.0), ("save:ABC", 3600.0), ("r:w:a", None), ("s:AB", None)])
def test_the_first_word_of_a_key_says_how_long_an_entry_lasts(key: str, lifetime: float | None) -> None:
    assert lifetime_of(key) == lifetime
