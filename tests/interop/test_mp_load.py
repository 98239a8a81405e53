"""Fifty bots and one server, a thousand calls a second each way, for three seconds; `make soak` takes thirty."""

from __future__ import annotations

import pytest

from tests.support.rpc_load import Load, prove

pytestmark = [pytest.mark.engine, pytest.mark.timeout(60)]


@pytest.mark.parametrize("kind", ["godot4", pytest.param("python", marks=pytest.mark.extended)])
def test_a_thousand_calls_a_second_each_way(kind: str) -> None:
    print(prove(kind, Load(clients=50, rate=1_050, seconds=3)))
