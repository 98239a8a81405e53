"""Stages and phases: their order, and the integers that compiled modules have for them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import gdpeer
from gdpeer.protocol.connection import Phase
from gdpeer.websocket.states import STATES, PeerState, Stage

PACKAGE = Path(gdpeer.__file__).parent
ENUMERATIONS = {"STAGE": Stage, "PHASE": Phase}


def test_stages_are_in_the_order_of_a_life() -> None:
    assert [stage.name for stage in Stage] == [
        "IDLE",
        "CONNECTING",
        "UPGRADING",
        "OPEN",
        "PARTING",
        "LINGERING",
        "DONE",
    ]


def test_phases_have_the_values_of_the_engines_states() -> None:
    assert {phase.name: int(phase) for phase in Phase} == {
        state.name: int(state) for state in PeerState if state is not PeerState.CONNECTING
    }


@pytest.mark.parametrize("stage", Stage)
def test_each_stage_has_a_state(stage: Stage) -> None:
    expected = {
        Stage.IDLE: PeerState.CLOSED,
        Stage.UPGRADING: PeerState.CONNECTING,
        Stage.PARTING: PeerState.CLOSING,
        Stage.LINGERING: PeerState.CLOSED,
        Stage.DONE: PeerState.CLOSED,
    }
    assert STATES[stage] is (expected[stage] if stage in expected else PeerState[stage.name])


def assignments(path: Path) -> Iterator[tuple[str, str]]:
    """The names that a module assigns at its top, and the expressions assigned, of tuples one by one."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign):
            target = node.targets[0]
            pairs = (
                zip(target.elts, node.value.elts, strict=True)
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
                else [(target, node.value)]
            )
            yield from ((ast.unparse(name), ast.unparse(value)) for name, value in pairs)


def test_constants_of_stages_and_phases_are_named_and_made_after_the_enumerations() -> None:
    found = 0
    for path in PACKAGE.rglob("*.py"):
        for name, value in assignments(path):
            kind, _, member = name.partition("_")
            if kind in ENUMERATIONS:
                found += 1
                assert value == f"int({ENUMERATIONS[kind][member].__class__.__name__}.{member})", (path, name)
            else:
                assert not value.startswith(("int(Stage.", "int(Phase.")), (path, name)
    assert found >= 13
