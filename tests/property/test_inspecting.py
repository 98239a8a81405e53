"""Whatever comes: a decoder has a row for it, and that row is one line."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdpeer.inspection.direction import Direction, Message
from gdpeer.inspection.method_names import MethodNames
from gdpeer.inspection.rows import Filter, Inspector
from gdpeer.inspection.tunnel import Opened, Passed
from tests.support.missing import ROOT

CONTROLS = frozenset(map(chr, (*range(32), *range(127, 160))))


def packets(version: str) -> list[bytes]:
    """What a real engine said."""
    golden = ROOT / "tests" / "golden"
    names = {"4": ["rpc_godot4.jsonl", "replication_godot4.jsonl"], "3": ["rpc_godot3.jsonl"]}[version]
    lines = [line for name in names for line in (golden / name).read_text().splitlines()]
    return [bytes.fromhex(entry["hex"]) for entry in map(json.loads, lines) if "hex" in entry]


def mutated(version: str) -> st.SearchStrategy[bytes]:
    """Such a packet, cut and with something of another one in it, or anything at all."""
    real = st.sampled_from(packets(version))
    spliced = st.tuples(real, st.integers(0, 80), real, st.integers(0, 80)).map(
        lambda parts: parts[0][: parts[1]] + parts[2][parts[3] :]
    )
    return spliced | st.tuples(real, st.binary(max_size=8)).map(b"".join) | st.binary(max_size=100)


@pytest.mark.parametrize("version", ["4", "3"])
def test_nothing_makes_a_decoder_fail(version: str) -> None:
    passed = st.tuples(st.sampled_from(Direction), mutated(version))

    @given(st.lists(passed, max_size=20))
    def check(messages: list[tuple[Direction, bytes]]) -> None:
        inspector = Inspector(f"godot{version}", MethodNames([["echo"]]), Filter())
        inspector.row(Opened(0.0, 1, "/", "", False))
        for direction, data in messages:
            [row] = inspector.rows([Passed(0.0, 1, direction, Message(data, False), False)])
            assert not CONTROLS.intersection(row.as_text())
            assert json.loads(json.dumps(row.as_json()))["size"] == len(data)
        inspector.finish()

    check()
